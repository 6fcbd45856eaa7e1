"""Gene sets: held against every relabelling by hand, against genes, and against what must not matter."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import jugex
from jugex.errors import GeneError, GeneWarning, OptionError, ResultError
from jugex.genes import read_gene_sets
from jugex.model.columns import GENE_SET_COLUMNS
from jugex.model.findings import NearDetectionLimit
from tests.toy import ToyAtlas, wells

pytestmark = pytest.mark.filterwarnings("ignore:.*q_fdr:jugex.errors.DesignWarning")

GENES = [f"G{number:02d}" for number in range(12)]
SETS = {"first": GENES[:5], "middle": GENES[3:9], "last": GENES[6:]}
#: Samples of two donors: 3 + 2 in the first, 2 + 3 in the second, so that there are 100 relabellings.
FIRST, SECOND = (1000, 1001, 1002, 2000, 2001), (1003, 1004, 2002, 2003, 2004)


@pytest.fixture(scope="module")
def result() -> jugex.DifferentialExpression:
    rng = np.random.default_rng(3)
    levels = rng.normal(5, 1, (18, 12)) + rng.normal(0, 0.3, (18, 1))
    levels[[3, 4, 11, 12, 13], :5] += 1.5
    return compare(ToyAtlas([9, 9], GENES, levels))


def compare(atlas: ToyAtlas, **options: object) -> jugex.DifferentialExpression:
    regions = wells("one", *FIRST), wells("two", *SECOND)
    return jugex.compare(*regions, atlas=atlas, rng=0, ladder=False, **options)  # type: ignore[arg-type]


class ByHand:
    """Every relabelling within donors, each with a least squares fit of its own."""

    def __init__(self, result: jugex.DifferentialExpression) -> None:
        samples = result.samples
        self.donors = samples["donor_name"].to_numpy()
        self.region = (samples["region"] == "one").to_numpy()
        zscores = result.zscores.to_numpy().T
        residuals = np.vstack([self.fit(y, np.zeros(len(y)))[1] for y in zscores])
        self.scaled = zscores / np.sqrt((residuals**2).sum(axis=1) / (len(self.donors) - 2))[:, None]
        self.genes = list(result.zscores.columns)

    def fit(self, y: npt.NDArray[np.float64], area: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        """F of area beside donor, and the residuals of the model with it."""
        donors = (self.donors[:, None] == np.unique(self.donors)).astype(float)
        rest = y - donors @ np.linalg.lstsq(donors, y, rcond=None)[0]
        if not area.any():
            return 0.0, rest
        full = np.column_stack([donors, area])
        residuals = y - full @ np.linalg.lstsq(full, y, rcond=None)[0]
        rss, rss_0 = residuals @ residuals, rest @ rest
        return float((rss_0 - rss) / (rss / (len(y) - full.shape[1]))), residuals

    def relabellings(self) -> list[npt.NDArray[np.float64]]:
        first, second = (np.flatnonzero(self.donors == donor) for donor in pd.unique(self.donors))
        sizes = [int(self.region[of].sum()) for of in (first, second)]
        labels = []
        for one in combinations(first, sizes[0]):
            for two in combinations(second, sizes[1]):
                area = np.zeros(len(self.donors))
                area[[*one, *two]] = 1
                labels.append(area)
        return labels

    def value(self, genes: list[str], *, competitive: bool) -> npt.NDArray[np.float64]:
        inside = np.isin(self.genes, genes)
        mean = self.scaled[inside].mean(axis=0)
        return mean - self.scaled[~inside].mean(axis=0) if competitive else mean


@pytest.mark.parametrize("kind", ["competitive", "self-contained"])
def test_sets_are_as_every_relabelling_by_hand_says(result, kind):
    by_hand = ByHand(result)
    labels = by_hand.relabellings()
    values = {name: by_hand.value(genes, competitive=kind == "competitive") for name, genes in SETS.items()}
    f = {name: np.array([by_hand.fit(y, area)[0] for area in labels]) for name, y in values.items()}
    largest = np.max(list(f.values()), axis=0)
    table = result.gene_sets(SETS, kind=kind).table.set_index("set")
    for name, y in values.items():
        observed = by_hand.fit(y, by_hand.region.astype(float))[0]
        assert table.loc[name, "f"] == pytest.approx(observed, rel=1e-9)
        assert table.loc[name, "p_perm"] == pytest.approx((f[name] >= observed * (1 - 1e-9)).mean(), abs=1e-12)
        assert table.loc[name, "p_fwe"] == pytest.approx((largest >= observed * (1 - 1e-9)).mean(), abs=1e-12)
    assert len(labels) == 100


def test_mixed_sets_are_as_every_relabelling_by_hand_says(result):
    by_hand = ByHand(result)
    labels = [by_hand.region.astype(float), *by_hand.relabellings()]
    of_genes = np.array([[by_hand.fit(y, area)[0] for area in labels] for y in by_hand.scaled])
    f = {name: of_genes[np.isin(by_hand.genes, genes)].mean(axis=0) for name, genes in SETS.items()}
    stretched = {name: (f[name] - 1) * np.sqrt(len(genes)) for name, genes in SETS.items()}
    largest = np.max([of_set[1:] for of_set in stretched.values()], axis=0)
    found = result.gene_sets(SETS, kind="mixed")
    table = found.table.set_index("set")
    for name in SETS:
        assert table.loc[name, "f"] == pytest.approx(f[name][0], rel=1e-9)
        assert table.loc[name, "p_perm"] == pytest.approx((f[name][1:] >= f[name][0] - 1e-9).mean(), abs=1e-12)
        p_fwe = (largest >= stretched[name][0] - 1e-9).mean()
        assert table.loc[name, "p_fwe"] == pytest.approx(p_fwe, abs=1e-12)
    assert table["diff"].isna().all()
    assert "direction" in found.record.empty["diff"]


def test_what_differs_is_found_in_its_direction(result):
    first = result.gene_sets(SETS, kind="self-contained").table.set_index("set").loc["first"]
    assert first["higher_in"] == "two"
    assert first["diff"] < 0
    assert first["ci_low"] < first["diff"] < first["ci_high"] < 0
    assert set(first["leading_genes"].split(",")) <= set(GENES[:5])


@pytest.fixture(scope="module")
def demo() -> jugex.DifferentialExpression:
    return jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_permutations=99)


def test_a_set_of_one_gene_is_the_gene_on_every_rung(demo):
    genes = demo.table["gene"].iloc[[0, 1, 200]].tolist()
    found = demo.gene_sets({gene: [gene] for gene in genes}, kind="self-contained", min_size=1)
    of_genes = demo.table.set_index("gene").loc[genes]
    of_sets = found.table.set_index("set").loc[genes]
    for column in ("f", "p_perm", "p_parametric", "hedges_g", "p_donors", "p_spatial"):
        np.testing.assert_allclose(of_sets[column].astype(float), of_genes[column].astype(float), rtol=1e-9)


def test_the_order_of_sets_and_genes_changes_nothing(demo):
    genes = demo.table["gene"].tolist()
    sets = {f"set {number}": genes[number : number + 12] for number in range(6)}
    turned = {name: sets[name][::-1] for name in reversed(sets)}
    first, second = (demo.gene_sets(one).table for one in (sets, turned))
    pd.testing.assert_frame_equal(first, second, rtol=1e-10)


def test_genes_that_were_asked_for_change_nothing_of_the_sets(demo):
    few = jugex.compare(
        "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], rng=0, n_permutations=99, background=False
    )
    sets = {"one": demo.table["gene"].iloc[:7].tolist()}
    found = few.gene_sets(sets)
    pd.testing.assert_frame_equal(found.table, demo.gene_sets(sets).table)
    assert found.record.gene_sets.n_genes == len(demo.tested)


def test_sets_of_other_sizes_are_left_out_and_said(demo):
    genes = demo.table["gene"].tolist()
    with pytest.warns(GeneWarning, match="NOSUCH"):
        found = demo.gene_sets({"small": genes[:4], "right": [*genes[:6], "NOSUCH"], "large": genes[:30]}, max_size=20)
    assert found.table["set"].tolist() == ["right"]
    assert found.table.loc[0, ["n_genes", "n_found"]].tolist() == [7, 6]
    assert {name: why.split()[0] for name, why in found.record.gene_sets.left_out.items()} == {
        "small": "4",
        "large": "30",
    }
    assert list(found.table) == list(GENE_SET_COLUMNS)


def test_a_set_of_every_gene_has_nothing_to_compete_with(result):
    with pytest.raises(GeneError, match=r"'all'.*every gene"):
        result.gene_sets({"all": GENES})
    assert result.gene_sets({"all": GENES}, kind="self-contained").table["set"].tolist() == ["all"]


class TestRefused:
    def test_options(self, result):
        with pytest.raises(OptionError, match="kind must be one of competitive, self-contained, mixed; got 'gsea'"):
            result.gene_sets(SETS, kind="gsea")
        with pytest.raises(OptionError, match="9 to 3"):
            result.gene_sets(SETS, min_size=9, max_size=3)

    def test_results_without_an_atlas_or_with_probes(self, result, tmp_path):
        with pytest.raises(ResultError, match="read from disk"):
            jugex.load_result(result.save(tmp_path / "out")).gene_sets(SETS)
        atlas = ToyAtlas([9, 9], GENES)
        with pytest.raises(ResultError, match="every probe by itself"):
            compare(atlas, probes="single").gene_sets(SETS)

    def test_sets_of_no_gene_of_the_atlas(self, result):
        with pytest.raises(GeneError, match="not in the atlas"):
            result.gene_sets({"none": ["X1", "X2"]})


class TestReading:
    def test_gmt_and_tables_say_the_same(self, tmp_path):
        (tmp_path / "a.gmt").write_text("one\tfirst\tMAOA\tTAC1\n# a comment\ntwo\t\tSST\tMAOA\n")
        (tmp_path / "a.csv").write_text("gene_set,symbol\none,MAOA\none,TAC1\ntwo,SST\ntwo,MAOA\n")
        expected = {"one": ("MAOA", "TAC1"), "two": ("SST", "MAOA")}
        for name in ("a.gmt", "a.csv"):
            sets = read_gene_sets(tmp_path / name)
            assert sets.genes == expected
            assert list(sets.files) == [str(tmp_path / name)]

    def test_several_files_are_one_family(self, tmp_path):
        (tmp_path / "a.gmt").write_text("one\t-\tMAOA\n")
        (tmp_path / "of the same name").mkdir()
        other = tmp_path / "of the same name" / "a.gmt"
        other.write_text("two\t-\tSST\n")
        both = read_gene_sets([tmp_path / "a.gmt", other])
        assert list(both.genes) == ["one", "two"]
        assert len(set(both.files.values())) == 2
        with pytest.raises(OptionError, match=r"a\.gmt and another file both have a set 'one'"):
            read_gene_sets([tmp_path / "a.gmt", tmp_path / "a.gmt"])

    def test_what_is_no_set(self, tmp_path):
        (tmp_path / "list.csv").write_text("gene,weight\nMAOA,1\nTAC1,2\n")
        with pytest.raises(OptionError, match="column of sets"):
            read_gene_sets(tmp_path / "list.csv")
        with pytest.raises(OptionError, match=r"list of symbols, such as \['MAOA'\]; got the text 'MAOA'"):
            read_gene_sets({"one": "MAOA"})
        with pytest.raises(GeneError, match="'one' holds no gene"):
            read_gene_sets({"one": []})
        with pytest.raises(OptionError, match="holds no set"):
            read_gene_sets({})


def test_a_set_called_like_a_gene_is_not_judged_by_the_calls_of_the_gene(monkeypatch):
    """Of an atlas with calls, in which no probe is ever above background."""
    rng = np.random.default_rng(3)
    levels = rng.normal(5, 1, (18, 12))
    levels[[3, 4, 11, 12, 13], :5] += 4
    atlas = ToyAtlas([9, 9], GENES, levels)
    monkeypatch.setattr(ToyAtlas, "has_calls", True)
    monkeypatch.setattr(ToyAtlas, "present", lambda *_, well_ids, probe_ids: np.zeros((len(well_ids), len(probe_ids))))
    result = compare(atlas)
    assert NearDetectionLimit in {type(finding) for finding in result.record.findings}
    found = result.gene_sets({GENES[0]: GENES[:5]}, kind="self-contained")
    assert found.table["significant"].all()
    assert NearDetectionLimit not in {type(finding) for finding in found.record.findings}
