"""What the publication and the earlier tools say: their analyses run with jugex, and why the numbers differ.

Bludau et al. (2018), doi 10.1007/s00429-018-1620-6: left Fp1 against left Fp2, 25 candidate genes. The numbers to
compare with are those of a run of the authors' institute in 2017, ``jugex/data/fp1_fp2_2017.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from jugex._arguments import explains_keywords
from jugex._text import count_of, format_p
from jugex.analysis import DifferentialExpression
from jugex.atlas import open_atlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.comparison import compare, make_regions
from jugex.errors import RegionFileError, how_to_install, without_warnings
from jugex.genes import AliasesLike, GeneRequest
from jugex.model.columns import COLUMN_TYPES, RERUN_COLUMNS
from jugex.model.options import AtlasLike, Donors, PresentIn, Preset, Rng, Structures, TestOptions, find_preset
from jugex.model.record import Randomness
from jugex.pipeline.comparison import make_design, rerun_test
from jugex.query import RegionGroup, region_pair
from jugex.regions import Region
from jugex.report.folders import replacing_file
from jugex.report.tables import write_tsv
from jugex.stats.aggregation import count_pulled_in
from jugex.stats.design import Design

__all__ = [
    "COMPARED_COLUMNS",
    "COMPARISON_COLUMNS",
    "FINDING",
    "SOUND",
    "Reproduction",
    "compare_presets",
    "read_run_of_2017",
    "reproduce_bludau2018",
]

#: What was published: genes, and the region in which they are higher.
FINDING: Mapping[str, str] = MappingProxyType({"MAOA": "Fp2 left", "TAC1": "Fp2 left"})

#: Columns of `Reproduction.comparison`, in order.
COMPARISON_COLUMNS = (
    "gene", "n_probes", "ss_area_2017", "ss_area_same", "ss_resid_2017", "ss_resid_same", "f_2017", "f_same",
    "f_deviation", "agrees", "p_fwe_2017", "p_fwe_same", "f", "diff", "direction", "p_fwe",
)  # fmt: skip

#: The regions, as outputs call them.
_NAMES = ("Fp1 left", "Fp2 left")
_AGREEMENT = 0.01

_HOW_TO_GET_MAPS = (
    "the published analysis needs probability maps of the left areas Fp1 and Fp2 in MNI152 space{found}; with siibra "
    f"installed ({how_to_install('siibra')}) give 'siibra:julich 3.1:Fp1 left' and 'siibra:julich 3.1:Fp2 left', or "
    "download the cytoarchitectonic maps of areas Fp1 (FPole) and Fp2 (FPole) from EBRAINS "
    "(https://search.kg.ebrains.eu) and name their files as fp1 and fp2 (--fp1, --fp2); the expression comes from the "
    "Allen Institute's donor archives, which jugex fetch downloads"
)


@dataclass(frozen=True, repr=False)
class Reproduction:
    """The published analysis, and how it compares.

    Attributes
    ----------
    result : DifferentialExpression
        The candidate genes under the preset `bludau2018`.
    comparison : DataFrame, one row per gene
        Columns `COMPARISON_COLUMNS`, sorted as ``result.table`` is; genes that the atlas lacks come last. Columns that
        end in ``_2017`` are of the run of 2017; those in ``_same`` are ours by the method of that run (the preset
        `siibra-jugex@2023`); the others are of `result`. `f_deviation`: ``f_same / f_2017 - 1``; `agrees`: whether F
        and both sums of squares are within 1 % (none where the atlas lacks the gene); `direction`: in which region the
        gene is higher.
    statement : tuple of str
        Sentences: how far the numbers agree, whether the finding is there, and what makes the results differ.

    Examples
    --------
    >>> # not run: needs the donor archives and two maps
    >>> from jugex.reproduction import reproduce_bludau2018
    >>> found = reproduce_bludau2018("Fp1.nii.gz", "Fp2.nii.gz", atlas="ahba/")  # doctest: +SKIP
    >>> print(found.statement[0])  # doctest: +SKIP
    >>> found.save("bludau2018")  # doctest: +SKIP
    >>> found.save_comparison("elsewhere")  # doctest: +SKIP
    """

    result: DifferentialExpression
    comparison: pd.DataFrame
    statement: tuple[str, ...]

    def save(self, directory: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the result into a folder, and ``comparison.tsv`` with it; see `jugex.report.save_result`."""
        folder = self.result.save(Path(directory), overwrite=overwrite)
        self.save_comparison(folder)
        return folder

    def save_comparison(self, directory: str | PathLike[str]) -> Path:
        """Write ``comparison.tsv`` into a folder that is there."""
        path = Path(directory) / "comparison.tsv"
        with replacing_file(path) as temporary:
            write_tsv(self.comparison, temporary)
        return path


@explains_keywords
def reproduce_bludau2018(
    fp1: Region | str | PathLike[str] | None = None,
    fp2: Region | str | PathLike[str] | None = None,
    *,
    atlas: AtlasLike | None = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    n_jobs: int = 1,
) -> Reproduction:
    """Repeat the published analysis: left Fp1 against left Fp2, 25 candidate genes, threshold 0.2.

    Parameters
    ----------
    fp1, fp2 : Region, str or path-like
        Probability maps of the areas: files, or any text that `jugex.compare` takes.
    atlas : optional
        The donor archives, as `jugex.open_atlas` takes them.
    n_permutations, rng, n_jobs
        As for `jugex.analysis.differential_expression`. The publication's 1,000 count the observed labels: 999 here.

    Returns
    -------
    Reproduction

    Raises
    ------
    RegionFileError
        If a map is missing: with what to download, and how.
    AtlasNotFoundError
        If the archives are missing.
    JugexError
        Whatever `jugex.compare` raises.

    Warns
    -----
    JugexWarning
        Whatever `jugex.compare` warns of, under the preset `bludau2018`.

    Examples
    --------
    >>> import warnings
    >>> from jugex.reproduction import reproduce_bludau2018
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # the simulated regions are no frontal pole
    ...     found = reproduce_bludau2018("simulated:A", "simulated:B", atlas="simulated", n_permutations=99, rng=0)
    >>> float(found.comparison["f_2017"].max())
    42.7937753642
    """
    maps = [_check_map(region) for region in (fp1, fp2)]
    published = read_run_of_2017()
    opened = open_atlas(atlas)
    options: dict[str, Any] = {
        "atlas": opened, "genes": published["gene"].tolist(), "names": _NAMES,
        "n_permutations": n_permutations, "n_jobs": n_jobs,
    }  # fmt: skip
    result = compare(maps[0], maps[1], preset="bludau2018", rng=rng, **options)
    same_source = result.record.permutation.randomness.make_generator()
    with without_warnings():  # of the same samples and genes; that two count twice the statement says
        same = compare(maps[0], maps[1], preset="siibra-jugex@2023", rng=same_source, **options)
    comparison = _compare_with_2017(published, result, same)
    statement = (_state_agreement(comparison), _state_finding(result), *_list_differences(result, same, len(published)))
    return Reproduction(result, comparison, statement)


def read_run_of_2017() -> pd.DataFrame:
    """Read the numbers of the run of 2017.

    Returns
    -------
    DataFrame, 25 rows
        `gene`; sums of squares `ss_area`, `ss_specimen`, `ss_resid`; `f` of area; `p_fwe`. Where they come from, and
        how they were computed, stands at the top of the file ``jugex/data/fp1_fp2_2017.csv``.

    Examples
    --------
    >>> from jugex.reproduction import read_run_of_2017
    >>> read_run_of_2017()["gene"].iloc[0]
    'ADRA2A'
    """
    with (files("jugex") / "data" / "fp1_fp2_2017.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, comment="#")


def _check_map(region: Region | str | PathLike[str] | None) -> Region | str:
    """Refuse a map that is not there, in words that help to get it."""
    if isinstance(region, Region):
        return region
    if region is None:
        raise RegionFileError(_HOW_TO_GET_MAPS.format(found=""))
    text = str(region)
    if text.endswith((".nii", ".nii.gz")) and not Path(text).exists():
        raise RegionFileError(_HOW_TO_GET_MAPS.format(found=f", and {text} does not exist"))
    return text


def _compare_with_2017(
    published: pd.DataFrame, result: DifferentialExpression, same: DifferentialExpression
) -> pd.DataFrame:
    """Gene by gene: the run of 2017, ours by its method, and the result."""
    columns = ["gene", "ss_area", "ss_resid", "f", "p_fwe"]
    merged = published[columns].merge(same.table[columns], on="gene", how="left", suffixes=("_2017", "_same"))
    ours = result.table[["gene", "n_probes", "f", "diff", "p_fwe"]].assign(direction=result.details()["direction"])
    merged = merged.merge(ours, on="gene", how="left")
    merged["f_deviation"] = merged["f_same"] / merged["f_2017"] - 1
    numbers = ("ss_area", "ss_resid", "f")
    deviations = np.array([merged[f"{name}_same"] / merged[f"{name}_2017"] - 1 for name in numbers])
    agrees = pd.Series(np.abs(deviations).max(axis=0) <= _AGREEMENT, dtype="boolean")
    merged["agrees"] = agrees.mask(merged["f_same"].isna())  # what was not compared does not disagree either
    merged = merged.sort_values(["p_fwe", "f"], ascending=[True, False], na_position="last", kind="stable")
    return merged[list(COMPARISON_COLUMNS)].reset_index(drop=True)


def _state_agreement(comparison: pd.DataFrame) -> str:
    """How far ours, by the method of the run of 2017, agree with it."""
    both = comparison[comparison["f_same"].notna()]
    n_absent = len(comparison) - len(both)
    absent = f" {n_absent} of its {len(comparison)} genes are not in this atlas." if n_absent else ""
    if both.empty:
        return f"Nothing can be compared with the run of 2017.{absent}"
    worst = both.iloc[int(both["f_deviation"].abs().to_numpy().argmax())]
    others = both.loc[~both["agrees"], "gene"].tolist()
    return (
        f"By the method of the run of 2017, F and sums of squares of {len(both) - len(others)} of {len(both)} genes "
        f"agree with it within {100 * _AGREEMENT:g} % (largest deviation of F: {100 * worst['f_deviation']:+.2g} %, "
        f"{worst['gene']}{'; not ' + ', '.join(others) if others else ''}).{absent}"
    )


def _state_finding(result: DifferentialExpression) -> str:
    """Whether the published genes are significant, and higher in the published region."""
    finding = f"The published finding, {' and '.join(FINDING)} higher in {next(iter(FINDING.values()))},"
    rows = result.table.assign(direction=result.details()["direction"]).set_index("gene")
    tested = rows[(rows["status"] == "ok").to_numpy(dtype=bool)]
    judged = tested.loc[[gene for gene in FINDING if gene in tested.index]]
    if judged.empty:
        return f"{finding} cannot be judged: {'; '.join(_state_gene(gene, rows) for gene in FINDING)}."
    is_found = all(
        row["significant"] and row["direction"] == f"higher in {FINDING[str(gene)]}" for gene, row in judged.iterrows()
    )
    told = [_state_gene(gene, rows) for gene in FINDING]
    limit = " as far as it can be judged" if len(judged) < len(FINDING) else ""
    return f"{finding} is {'there' if is_found else 'not there'}{limit}: {'; '.join(told)}."


def _state_gene(gene: str, rows: pd.DataFrame) -> str:
    """Direction and p of a gene, or why it has none."""
    if gene not in rows.index:
        return f"{gene} is not in this atlas"
    row = rows.loc[gene]
    if row["status"] != "ok":
        return f"{gene} was {row['status'].replace(': ', ' (')})"
    p_fwe = rows.loc[[gene], "p_fwe"].to_numpy(dtype=np.float64)[0]
    return f"{gene} is {row['direction']}, p_fwe = {format_p(p_fwe)}"


def _list_differences(result: DifferentialExpression, same: DifferentialExpression, n_published: int) -> list[str]:
    """What makes the result differ from the run of 2017."""
    counts, counts_same = ("{} and {}".format(*of.record.design.n_samples) for of in (result, same))
    differences = [
        "The run of 2017 took the sum of squares of area before donor (sequential); this result adjusts area for "
        "donor.",
        "The run of 2017 shuffled the labels of each gene separately; here all genes share each relabelling, as the "
        "maximum over genes needs. F is the same, p_fwe is not.",
    ]
    n_shared = len(result.record.overlap.shared)
    if n_shared:
        differences.insert(
            0,
            f"{n_shared} samples lie in both regions. The run of 2017 counted them in both ({counts_same} samples by "
            f"this method); this result gives them to the more probable region ({counts}).",
        )
    n_tested = result.record.genes.n_tested
    if n_tested < n_published:
        differences.append(f"p_fwe is corrected for {count_of(n_tested, 'gene')} here, and for {n_published} in 2017.")
    return differences


#: What the column `preset` says of the choices that hold without one.
SOUND = "none (sound choices)"

#: Columns of the table, in order.
COMPARED_COLUMNS = (
    "gene", "preset", "statistic", "exchange", "overlap", "threshold", "voxel", "probes", *RERUN_COLUMNS, "why",
)  # fmt: skip

_DECISIONS = {"region 1": "given to region 1", "region 2": "given to region 2", "tie": "dropped as ties"}


@explains_keywords
def compare_presets(
    region_1: Region | str,
    region_2: Region | str,
    *,
    presets: str | Sequence[str] = ("bludau2018", "siibra-jugex"),
    names: Sequence[str] | None = None,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    donors: Donors | None = None,
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
    require_entrez: bool = False,
) -> pd.DataFrame:
    """Say what the sound choices and each earlier tool make of one comparison, and why they differ.

    Parameters
    ----------
    region_1, region_2, names, atlas, genes, n_permutations, rng, alpha, n_jobs
        As for `jugex.compare`.
    presets : str or sequence of {'bludau2018', 'siibra-jugex', 'siibra-jugex@2023', 'siibra-jugex@2024'}
        Which earlier tools to ask; `jugex.compare` says what each preset sets.
    donors, within, exclude, tolerance, aliases, coordinates, mirror, reannotation, min_present, present_in
        See `jugex.query.region_pair`; `overlap` and `voxel` are set by each preset.
    require_entrez : bool
        See `jugex.query.region_pair`.

    Returns
    -------
    DataFrame, one row per gene and preset
        Columns `COMPARED_COLUMNS`, sorted as the genes of the sound choices are: by p_fwe, then falling F. The first
        row of a gene is that of the sound choices (`preset` is ``SOUND``). `why` says, of this run, what makes the
        other rows differ from it; empty where nothing does. ``attrs["why"]`` holds by preset what is true of every
        gene, ``attrs["seed"]`` the seed, None for a Generator.

    Raises
    ------
    OptionError
        If there is no such preset, or an option has a value that is not allowed.
    JugexError
        Whatever `jugex.query.region_pair` raises.
    DesignError
        If the samples admit no test.

    Warns
    -----
    JugexWarning
        Whatever the query of the sound choices warns of.

    Notes
    -----
    F is that of the earlier tools. So is p, but for what is not copied: siibra-jugex permutes each gene separately and
    does not count the observed labels, so that its p can be 0. Relabellings in which regions and donors coincide have
    no F: in the rows of a preset they count as no exceedance, as with the earlier tools.

    Examples
    --------
    >>> import jugex
    >>> table = jugex.compare_presets("simulated:A", "simulated:B", presets="bludau2018", atlas="simulated",
    ...                               genes=["MAOA", "GAD2"], n_permutations=999, rng=0)
    >>> table["preset"].unique().tolist()
    ['none (sound choices)', 'bludau2018']
    """
    asked = [presets] if isinstance(presets, str) else list(presets)
    choices = {SOUND: find_preset(None)} | {preset: find_preset(preset) for preset in asked}
    options = TestOptions(n_permutations=n_permutations, rng=rng, alpha=alpha, n_jobs=n_jobs).seeded()
    randomness = Randomness.of(options.source)
    regions = make_regions((region_1, region_2), choices[SOUND].threshold, names)
    query = {
        "atlas": atlas,
        "genes": genes,
        "donors": donors,
        "within": within,
        "exclude": exclude,
        "tolerance": tolerance,
        "aliases": aliases,
        "coordinates": coordinates,
        "mirror": mirror,
        "reannotation": reannotation,
        "min_present": min_present,
        "present_in": present_in,
        "require_entrez": require_entrez,
    }
    pairs = _query(regions, choices, query)
    tables = {
        preset: rerun_test(pairs[preset], _apply(chosen, options, randomness)) for preset, chosen in choices.items()
    }
    reasons = {preset: _explain(pairs, choices, preset) for preset in choices}
    table = _assemble(tables, choices, reasons, pairs)
    table.attrs["why"] = {preset: list(said) for preset, said in reasons.items() if preset != SOUND}
    table.attrs["seed"] = randomness.seed
    return table


def _apply(chosen: Preset, options: TestOptions, randomness: Randomness) -> TestOptions:
    """Options of a test with the choices of a preset, from the start of the random numbers."""
    return replace(
        options,
        statistic=chosen.statistic,
        exchange=chosen.exchange,
        probes=chosen.probes,
        collinear=chosen.collinear,
        rng=randomness.make_generator(),
    )


def _query(regions: Sequence[Region], choices: Mapping[str, Preset], query: dict[str, Any]) -> dict[str, RegionGroup]:
    """Samples under each preset; those of the sound choices come first, and alone warn."""
    made: dict[str, RegionGroup] = {}
    for preset, of_preset in choices.items():
        overlap, voxel = of_preset.overlap, of_preset.voxel
        same = next((pair for pair in made.values() if (pair.overlap, pair.options.voxel) == (overlap, voxel)), None)
        if not made:
            made[preset] = region_pair(regions[0], regions[1], overlap=overlap, voxel=voxel, **query)
        elif same is not None:
            made[preset] = same
        else:
            first = made[SOUND]
            with without_warnings():
                made[preset] = first.requery(replace(first.options, overlap=overlap, voxel=voxel))
    return made


def _explain(pairs: Mapping[str, RegionGroup], choices: Mapping[str, Preset], preset: str) -> list[str]:
    """Why a preset differs from the sound choices for every gene of this run."""
    pair, own, sound = pairs[preset], choices[preset], choices[SOUND]
    design = make_design(pair)
    reasons = []
    if pair.n_found != pairs[SOUND].n_found or not _holds_the_same(pair, pairs[SOUND]):
        found, sound_found = ("{} and {}".format(*of.n_found) for of in (pair, pairs[SOUND]))
        reasons.append(
            f"other samples: the voxel below a sample is read for it, not the nearest ({found} in the "
            f"regions instead of {sound_found})"
        )
    if own.overlap != sound.overlap and len(pair.shared):
        decided = pairs[SOUND].shared["decision"].value_counts()
        sound_ways = ", ".join(f"{count} {_DECISIONS[str(decision)]}" for decision, count in decided.items()) or "none"
        reasons.append(f"samples counted twice: {len(pair.shared)} that lie in both regions (sound: {sound_ways})")
    if own.exchange != sound.exchange:
        free, within = (design.n_relabellings(scheme) for scheme in ("free", "within-donor"))
        if free != within:
            reasons.append(
                "labels exchanged freely: over all samples instead of within each donor "
                f"({free:.3g} relabellings instead of {within:.3g})"
            )
    if own.statistic != sound.statistic and not _has_equal_shares(design):
        shares = design.counts[:, 0] / design.n_per_donor
        low, high = shares.min(), shares.max()
        reasons.append(
            "area before donor: what donors differ by counts as area, since region 1 has "
            f"{low:.0%} to {high:.0%} of a donor's samples"
        )
    return reasons


def _holds_the_same(pair: RegionGroup, other: RegionGroup) -> bool:
    """Whether the regions of two queries hold the same samples, whatever became of those in both."""
    wells = [{*of.samples["well_id"], *of.shared["well_id"]} for of in (pair, other)]
    return wells[0] == wells[1]


def _has_equal_shares(design: Design) -> bool:
    """Whether each donor has the same share of its samples in region 1: then the order of area and donor is nothing."""
    n_1 = design.counts[:, 0]
    return bool(np.all(n_1 * design.n_samples == n_1.sum() * design.n_per_donor))


def _explain_probes(n_probes: int, own: Preset, sound: Preset) -> list[str]:
    """Why the value of a gene with so many probes differs, where it does."""
    theirs, ours = count_pulled_in(own.probes, n_probes), count_pulled_in(sound.probes, n_probes)
    if theirs == ours:
        return []
    return [f"probes winsorized another way: of {n_probes}, {theirs} pulled in at either end instead of {ours}"]


def _assemble(
    tables: Mapping[str, pd.DataFrame],
    choices: Mapping[str, Preset],
    reasons: Mapping[str, list[str]],
    pairs: Mapping[str, RegionGroup],
) -> pd.DataFrame:
    """One table of all presets, gene by gene."""
    parts = []
    for preset, table in tables.items():
        own, n_probes = choices[preset], pairs[preset].probes.groupby("gene").size()
        because = [
            "; ".join([*reasons[preset], *_explain_probes(int(n_probes[gene]), own, choices[SOUND])])
            for gene in table["gene"]
        ]
        parts.append(
            table.assign(
                preset=preset,
                statistic=own.statistic,
                exchange=own.exchange,
                overlap=own.overlap,
                threshold=own.threshold,
                voxel=own.voxel,
                probes=own.probes,
                why=because,
            )
        )
    ranked = tables[SOUND].sort_values(["p_fwe", "f"], ascending=[True, False], na_position="last", kind="stable")
    rank = {gene: number for number, gene in enumerate(ranked["gene"])}
    types = {**COLUMN_TYPES, "threshold": "float64"}
    together = pd.concat(parts, ignore_index=True)[list(COMPARED_COLUMNS)]
    together = together.astype({column: types.get(column, "object") for column in COMPARED_COLUMNS})
    return together.sort_values("gene", key=lambda genes: genes.map(rank), kind="stable", ignore_index=True)
