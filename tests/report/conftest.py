"""Small results: a made-up one of two regions with as many genes as a test wants, and real ones of several."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis import DifferentialExpression
from jugex.atlas.identity import AtlasDonor, AtlasIdentity, AtlasSource, FileRecord
from jugex.errors import JugexWarning
from jugex.model.columns import COLUMN_TYPES, LEFT_OUT_COLUMNS, RESULT_COLUMNS
from jugex.model.query_record import OverlapRecord, SampleFilterRecord, SharedSample
from jugex.model.record import (
    Arguments,
    BackgroundRecord,
    CovariateRecord,
    DesignRecord,
    DonorCounts,
    ExchangesRecord,
    GenesRecord,
    PermutationRecord,
    Randomness,
    RegionRecord,
    RunRecord,
)
from jugex.regions import RegionIdentity
from tests.report.helpers import change
from tests.toy import ToyAtlas, wells

#: Samples per donor in region 1 and region 2: three donors hold both regions, three only one.
COUNTS = {
    "H0351.1009": (4, 2), "H0351.1012": (2, 3), "H0351.1015": (3, 0), "H0351.1016": (0, 2), "H0351.2001": (5, 5),
    "H0351.2002": (2, 0),
}  # fmt: skip
SHARED = (
    SharedSample(4547, "H0351.1015", (1, 2), (0.3, 0.5), "region 2"),
    SharedSample(127686937, "H0351.2001", (1, 2), (None, None), "tie"),
)

MakeResult = Callable[..., DifferentialExpression]


WHY_EMPTY = "not computed by this version"
EMPTY = [
    column
    for column in RESULT_COLUMNS
    if column.startswith(("p_donors", "p_spatial", "diff_donors", "ci_donors", "ci_spatial"))
]


def make_samples(names: tuple[str, str], rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for donor_name, counts in COUNTS.items():
        for name, n, centre in zip(names, counts, (-22.0, -8.0), strict=True):
            rows += [
                {"region": name, "donor_name": donor_name, "mni_x": centre + dx, "mni_y": 56.0 + dy, "mni_z": dz}
                for dx, dy, dz in rng.normal(0, 5, (n, 3))
            ]
    samples = pd.DataFrame(rows)
    samples.insert(2, "sample", np.arange(len(rows)))
    samples.insert(3, "well_id", 1000 + np.arange(len(rows)))
    return samples.assign(structure_acronym="FP-s", structure_name="frontal pole", probability=0.5)


def make_table(
    genes: Sequence[str], p_fwe: Sequence[float], diff: Sequence[float], rng: np.random.Generator
) -> pd.DataFrame:
    n = len(genes)
    table = pd.DataFrame(index=range(n), columns=list(RESULT_COLUMNS), dtype=object)
    table["gene"] = list(genes)
    texts = {"gene", "higher_in", "evidence", "significant", "status"}
    for column in [column for column in RESULT_COLUMNS if column not in texts]:
        table[column] = np.round(rng.uniform(0.1, 2.0, n), 6)
    table["partial_eta_sq"] /= 4  # a share
    table[EMPTY] = np.nan
    table["n_donors_both"] = table["n_donors_same_sign"] = pd.array([3] * n, dtype="Int64")
    table["p_fwe"], table["diff"] = np.asarray(p_fwe, float), np.asarray(diff, float)
    table["p_perm"], table["q_fdr"] = table["p_fwe"] / 2, np.minimum(table["p_fwe"] * 1.5, 1)
    table["p_parametric"] = table["p_fwe"] / 3
    table["ci_low"], table["ci_high"] = table["diff"] - 0.4, table["diff"] + 0.4
    table["f"] = np.linspace(20.0, 0.01, n)
    table["df_resid"] = pd.array([21] * n, dtype="Int64")
    table["n_probes"] = pd.array([3] * n, dtype="Int64")
    table["entrez_id"] = pd.array([pd.NA] * n, dtype="Int64")
    table["significant"] = np.asarray(p_fwe, float) <= 0.05
    table["evidence"] = np.where(table["significant"], "samples", "none")
    table["status"] = "ok"
    untested = table["p_fwe"].isna()
    table.loc[untested, "evidence"] = np.nan
    table.loc[untested, ["f", "diff", "ci_low", "ci_high", "p_perm", "q_fdr", "p_parametric"]] = np.nan
    table.loc[untested, "df_resid"] = pd.NA
    table.loc[untested, "status"] = "not tested: constant over the samples used"
    return table


def make_left_out(table: pd.DataFrame) -> pd.DataFrame:
    """p_fwe of each significant gene without each donor: ten times what it is, and more without the donors after it."""
    rows = [
        {
            "gene": row["gene"], "left_out": donor, "n_samples_1": 16 - n_1, "n_samples_2": 12 - n_2,
            "diff": row["diff"], "p_fwe": min(row["p_fwe"] * 10 * (number + 1), 1.0), "status": "ok",
        }
        for _, row in table[table["significant"].astype(bool)].iterrows()
        for number, (donor, (n_1, n_2)) in enumerate(COUNTS.items())
    ]  # fmt: skip
    left_out = pd.DataFrame(rows, columns=list(LEFT_OUT_COLUMNS))
    return left_out.astype({column: COLUMN_TYPES[column] for column in LEFT_OUT_COLUMNS})


def make_record(names: tuple[str, str], table: pd.DataFrame, *, simulated: bool, **arguments: Any) -> RunRecord:
    chosen = Arguments(
        **{
            "statistic": "adjusted", "exchange": "within-donor", "probes": "winsorized-mean", "threshold": 0.2,
            "overlap": "higher-probability", "alpha": 0.05, "n_permutations": 10_000, "donors": tuple(COUNTS),
            **arguments,
        }
    )  # fmt: skip
    weights = {name: n_1 * n_2 / (n_1 + n_2) for name, (n_1, n_2) in COUNTS.items()}
    n_tested = int(table["f"].notna().sum())
    regions = tuple(
        RegionRecord(
            name,
            RegionIdentity(
                name, "probability map", file=f"maps/region_{i}.nii.gz", sha256="ab" * 32, threshold=0.2,
                volume_mm3=16291.0, centroid=(x, 56.0, 1.0),
            ),
            n_samples_found=17,
            n_between_voxels=3 - i,
        )
        for i, (name, x) in enumerate(zip(names, (-22.0, -8.0), strict=True))
    )  # fmt: skip
    return RunRecord(
        versions={"jugex": "0.1.0", "python": "3.12.1", "numpy": "2.1.0", "scipy": "1.14.0", "pandas": "2.2.0"},
        date="2026-11-22",
        command=None,
        arguments=chosen,
        permutation=PermutationRecord(
            Randomness(0, "PCG64", None), 10_000, chosen.exchange, exhaustive=False, exact=False,
            n_collinear_redrawn=0, n_collinear_smallest=0, smallest_p=1 / 10_001, f_critical=9.5,
        ),
        design=DesignRecord(
            tuple(DonorCounts(name, counts, weights[name]) for name, counts in COUNTS.items()),
            n_samples=(16, 12), n_donors=6, n_informative_donors=3, effective_donors=2.3, df_area=1, df_resid=21,
            linked_regions=(names,), relabellings={"within-donor": 37800, "free": 30421755},
            smallest_p={"within-donor": 1 / 37800, "free": 1e-7},
        ),
        atlas=AtlasIdentity(
            "simulated atlas" if simulated else "donor archives", simulated, "MNI152NLin2009cAsym", 3702, 60,
            tuple(AtlasDonor(name, i, 24 + i, "M", "Hispanic") for i, name in enumerate(COUNTS)),
            AtlasSource(
                "simulated" if simulated else "archives", "ahba", (FileRecord("donor9861/Probes.csv", "cd" * 32),)
            ),
        ),
        regions=regions,
        samples=SampleFilterRecord((), (), 0.0, (0, 0), (0, 0)),
        overlap=OverlapRecord("higher-probability", SHARED),
        genes=GenesRecord(None, (), (), None, n_tested, len(table) - n_tested),
        probe_filter=None,
        covariates=(),
        missing_well_ids=(),
        exchanges=ExchangesRecord({"within-donor": 1, "free": 1}, {"MAOA": {"within-donor": 0.01, "free": 0.02}}),
        background=BackgroundRecord(0.05, 0, None, 0, "only the genes asked for were tested"),
        tails=None,
        ladder=None,
        findings=(),
        empty=dict.fromkeys(EMPTY, WHY_EMPTY),
    )  # fmt: skip


class FakeRegion:
    """A ball on a 2 mm grid, which can be drawn."""

    def __init__(self, name: str, x: float) -> None:
        self.name, self.centre = name, (x, 56.0, 1.0)

    def to_image(self) -> nib.Nifti1Image:
        affine = np.diag([2.0, 2.0, 2.0, 1.0])
        affine[:3, 3] = (-90, -126, -72)
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in (91, 109, 91)), indexing="ij"), axis=-1)
        distances = np.linalg.norm(grid * 2.0 + affine[:3, 3] - self.centre, axis=-1)
        return nib.Nifti1Image((distances <= 10).astype(np.uint8), affine)


def make_query(regions: tuple[FakeRegion, FakeRegion], samples: pd.DataFrame, zscores: pd.DataFrame) -> Any:
    """What a fresh result holds of its query: regions, two probes per gene, and an atlas with two samples more."""
    outside = samples.head(2).assign(well_id=[1, 2], mni_x=30.0)
    genes = list(zscores.columns)
    return SimpleNamespace(
        regions=regions,
        samples=samples,
        atlas=SimpleNamespace(samples=pd.concat([samples, outside], ignore_index=True)),
        probes=pd.DataFrame({"probe_name": [f"A_23_P{i}" for i in range(2 * len(genes))], "gene": np.repeat(genes, 2)}),
        zscores=np.repeat(zscores.to_numpy(), 2, axis=1) + np.tile([0.1, -0.1], len(genes)),
        levels=np.repeat(zscores.to_numpy(), 2, axis=1) + np.tile([5.1, 4.9], len(genes)),
    )


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    """Build a result from genes, their p_fwe (NaN: not tested) and their differences."""

    def build(
        genes: Sequence[str] = ("MAOA", "TAC1", "GRIA2"),
        p_fwe: Sequence[float] = (0.0003, 0.0009, 0.7),
        diff: Sequence[float] = (-1.2, -0.8, 0.1),
        *,
        names: tuple[str, str] = ("Fp1 left", "Fp2 left"),
        simulated: bool = False,
        fresh: bool = True,
        requested: Sequence[str] | None = None,
        **arguments: Any,
    ) -> DifferentialExpression:
        rng = np.random.default_rng(0)
        samples = make_samples(names, rng)
        table = make_table(genes, p_fwe, diff, rng)
        table["higher_in"] = np.sign(table["diff"]).map({1.0: names[0], -1.0: names[1]})
        in_region_1 = (samples["region"] == names[0]).to_numpy()
        noise = rng.normal(0, 0.5, (len(samples), len(table)))
        shifts = np.where(in_region_1[:, None], np.nan_to_num(table["diff"].to_numpy(float)), 0.0)
        zscores = pd.DataFrame(noise + shifts, columns=list(genes))
        regions = (FakeRegion(names[0], -22.0), FakeRegion(names[1], -8.0))
        query: Any = make_query(regions, samples, zscores) if fresh else None
        asked = None if requested is None else tuple(requested)
        record = make_record(names, table, simulated=simulated, genes=asked, **arguments)
        return DifferentialExpression(table, samples, zscores, record, make_left_out(table), query=query)

    return build


@pytest.fixture(scope="session")
def with_covariates() -> Callable[[DifferentialExpression], DifferentialExpression]:
    """Give a result covariates: age (left out), mni_z, and the hemisphere of mirrored samples, automatically."""

    def add(result: DifferentialExpression) -> DifferentialExpression:
        same = "it is the same in all samples of a donor, and donor is in the model already"
        return change(
            result,
            covariates=tuple(
                CovariateRecord(name, kind, name == "hemisphere", False, outcome, values * 14)
                for name, kind, outcome, values in (
                    ("age", "number", same, (24.0, 31.0)),
                    ("mni_z", "number", "in the model", (1.0, 2.0)),
                    ("hemisphere", "factor", "in the model", ("left", "right")),
                )
            ),
        )

    return add


def compare_toy(
    n_regions: int, *, names: Sequence[str] | None = None, n_genes: int = 4, shift: float = 6.0, **options: Any
) -> jugex.SeveralRegions:
    """Two donors with three samples in each of some regions; the first gene is high in the first region."""
    n = 3 * n_regions
    levels = np.random.default_rng(1).normal(5, 1, size=(2 * n, n_genes))
    levels[[0, 1, 2, n, n + 1, n + 2], 0] += shift
    names = names or [f"r{number}" for number in range(1, n_regions + 1)]
    regions = [
        wells(name, *(1000 * donor + 3 * place + i for donor in (1, 2) for i in range(3)))
        for place, name in enumerate(names)
    ]
    atlas = ToyAtlas([n, n], [f"G{g}" for g in range(n_genes)], levels)
    return compare_group(**{"regions": regions, "atlas": atlas} | options)


def compare_group(regions: Sequence[Any], **options: Any) -> jugex.SeveralRegions:
    quick = {"n_permutations": 199, "rng": 3, "background": False, "ladder": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        return jugex.compare_several(regions, **quick | options)


@pytest.fixture(scope="session")
def group_result() -> jugex.SeveralRegions:
    """Three regions of the simulated atlas, four genes: two differ."""
    regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
    return compare_group(regions, names=["A", "B", "C"], atlas="simulated", genes=["MAOA", "TAC1", "GAD2", "SST"])
