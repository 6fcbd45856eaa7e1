"""The full analysis of variance of one gene: what it shares with the result, and what its rows say."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis import differential_expression
from jugex.errors import DesignError, DesignWarning, GeneError, OptionError, OverlapWarning
from jugex.query import region_pair
from tests.toy import DONORS, ToyAtlas, wells

GENES = ["A", "A", "B", "C"]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 3000)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004, 3001, 3002)
# the formulas of this project and statsmodels' solver, both in float64, add in different orders
RTOL = 1e-9


def analyse(statistic="adjusted", *, donors=None, biography=None, levels=None, probes="winsorized-mean"):
    atlas = ToyAtlas([6, 6, 4], GENES, levels)
    if biography is not None:
        atlas.donors = DONORS.assign(**biography)
    pair = region_pair(ONE, TWO, atlas=atlas, donors=donors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)  # one donor cannot reach alpha
        return differential_expression(pair, statistic=statistic, probes=probes, n_permutations=99, rng=0)


class TestArea:
    @pytest.mark.parametrize(("statistic", "typ"), [("sequential", 1), ("adjusted", 2), ("adjusted", 3)])
    def test_its_row_is_that_of_the_result(self, statistic, typ):
        result = analyse(statistic)
        for _, row in result.table.iterrows():
            table = result.anova_table(row["gene"], typ=typ)
            assert table.loc["area", "sum_sq"] == pytest.approx(row["ss_area"], rel=RTOL)
            assert table.loc["area", "F"] == pytest.approx(row["f"], rel=RTOL)
            assert table.loc["area", "PR(>F)"] == pytest.approx(row["p_parametric"], rel=RTOL)
            assert table.loc["Residual", "sum_sq"] == pytest.approx(row["ss_resid"], rel=RTOL)
            assert table.loc["Residual", "df"] == row["df_resid"]

    @pytest.mark.parametrize(("statistic", "typ"), [("sequential", 1), ("adjusted", 2), ("welch", 2)])
    def test_the_type_is_by_default_that_of_the_statistic(self, statistic, typ):
        result = analyse(statistic)
        pd.testing.assert_frame_equal(result.anova_table("A"), result.anova_table("A", typ=typ))

    def test_does_not_depend_on_what_is_known_of_the_donors(self):
        told, untold = analyse(), analyse(biography={"age": np.nan, "race": None})
        for typ in (1, 2, 3):
            rows = [result.anova_table("B", typ=typ).loc[["area", "Residual"]] for result in (told, untold)]
            pd.testing.assert_frame_equal(*rows, rtol=RTOL)


class TestTerms:
    def test_those_of_the_publication_with_the_columns_of_statsmodels(self):
        result = analyse()
        terms = ["area", "specimen", "age", "race", "Residual"]
        assert list(result.anova_table("A", typ=1).index) == terms
        assert list(result.anova_table("A", typ=2).index) == terms
        assert list(result.anova_table("A", typ=3).index) == ["Intercept", *terms]
        assert list(result.anova_table("A", typ=1)) == ["df", "sum_sq", "mean_sq", "F", "PR(>F)", "eta_sq"]
        assert list(result.anova_table("A", typ=2)) == ["sum_sq", "df", "F", "PR(>F)", "eta_sq"]

    def test_sequential_sums_of_squares_add_up(self):
        result = analyse("sequential")
        table = result.anova_table("A")
        values = result.zscores["A"].to_numpy()
        assert table["sum_sq"].sum() == pytest.approx(((values - values.mean()) ** 2).sum(), rel=RTOL)
        assert table["df"].sum() == len(values) - 1
        assert table["eta_sq"].sum() == pytest.approx(1.0, rel=RTOL)

    def test_age_and_race_have_no_degree_of_freedom_beside_the_donor(self):
        for typ in (1, 2, 3):
            table = analyse().anova_table("A", typ=typ)
            assert (table.loc[["age", "race"], ["df", "sum_sq", "eta_sq"]] == 0).all(axis=None)
            assert table.loc[["age", "race"], ["F", "PR(>F)"]].isna().all(axis=None)

    def test_the_donor_has_beside_age_and_race_what_they_leave(self):
        # three donors of three races: race takes both degrees of freedom; of two races, with age: both as well;
        # of two races alone: one
        assert analyse().anova_table("A", typ=2).loc["specimen", "df"] == 0
        result = analyse(biography={"age": np.nan, "race": ["x", "x", "y"]})
        table = result.anova_table("A", typ=2)
        assert list(table.index) == ["area", "specimen", "race", "Residual"]
        assert table["df"].tolist() == [1, 1, 0, 9]
        data = pd.DataFrame({"y": result.zscores["A"], "area": (result.samples["region"] == "one").astype(float)})
        donor = result.samples["donor_name"].to_numpy()[:, None] == DONORS["donor_name"].to_numpy()
        by_race = np.column_stack([data["area"], donor[:, :2].any(axis=1), donor[:, 2]]).astype(float)
        rss = np.linalg.lstsq(by_race, data["y"], rcond=None)[1][0]
        assert table.loc["specimen", "sum_sq"] == pytest.approx(rss - table.loc["Residual", "sum_sq"], rel=RTOL)
        f = table.loc["specimen", "sum_sq"] / (table.loc["Residual", "sum_sq"] / 9)
        assert table.loc["specimen", "F"] == pytest.approx(f, rel=RTOL)

    def test_factors_with_one_level_are_left_out(self):
        for typ, terms in ((1, ["area", "Residual"]), (3, ["Intercept", "area", "Residual"])):
            result = analyse(donors=["H0351.2001"])
            assert list(result.anova_table("A", typ=typ).index) == terms
        result = analyse(biography={"race": "x"})
        assert list(result.anova_table("A").index) == ["area", "specimen", "age", "Residual"]


class TestResult:
    @pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")
    def test_a_loaded_one_gives_the_same_table(self, tmp_path):
        result = analyse("sequential")
        result.save(tmp_path / "out")
        loaded = jugex.load_result(tmp_path / "out").anova_table("A")
        # ten significant digits of the z-scores are written
        pd.testing.assert_frame_equal(loaded, result.anova_table("A"), rtol=1e-7)

    def test_single_probes_are_called_by_gene_and_probe(self):
        result = analyse(probes="single")
        row = result.table[result.labels == "A probe 1"].iloc[0]
        assert result.anova_table("A probe 1").loc["area", "F"] == pytest.approx(row["f"], rel=RTOL)

    def test_the_2017_run(self, shared_data):
        """SLC6A2 in the institute's own run; it had coordinates of lower precision (0.2 % in F)."""
        reference = pd.read_csv(shared_data / "reference" / "inm1_2017_fp1_fp2_25genes_anova.csv").set_index("gene")
        expected = reference.loc["SLC6A2"]
        regions = [str(shared_data / "regions" / f"Fp{number}_left_pmap.nii.gz") for number in (1, 2)]
        with pytest.warns(OverlapWarning, match="2 samples"):
            result = jugex.compare(
                *regions, preset="siibra-jugex@2023", atlas=shared_data / "ahba-mini", genes=["SLC6A2"],
                n_permutations=99, rng=0,
            )  # fmt: skip
        table = result.anova_table("SLC6A2")
        for term, name in (("area", "area"), ("specimen", "specimen"), ("Residual", "resid")):
            assert table.loc[term, "sum_sq"] == pytest.approx(expected[f"ss_{name}"], rel=0.01)
            assert table.loc[term, "df"] == expected[f"df_{name}"]
        assert table.loc["area", "F"] == pytest.approx(expected["F_area"], rel=0.01)
        assert table.loc["specimen", "F"] == pytest.approx(expected["F_specimen"], rel=0.01)
        assert table.loc["area", "eta_sq"] == pytest.approx(expected["eta2_area"], rel=0.01)


class TestErrors:
    def test_another_type(self):
        with pytest.raises(OptionError, match=r"typ, the type of the sums of squares, must be 1, 2 or 3; got 4"):
            analyse().anova_table("A", typ=4)

    def test_another_gene(self):
        with pytest.raises(GeneError, match=r"gene 'MAOA' is not in this result, which has 3; result\.labels"):
            analyse().anova_table("MAOA")

    def test_a_gene_that_was_not_tested(self):
        levels = np.random.default_rng(0).normal(5, 1, size=(16, 4))
        levels[:, 2] = 3.0
        with pytest.raises(GeneError, match=r"gene 'B' has no F \(not tested: constant"):
            analyse(levels=levels).anova_table("B")

    def test_regions_of_one_name(self):
        result = analyse()
        damaged = replace(result, samples=result.samples.assign(region="one"))
        with pytest.raises(DesignError, match="13 z-scores in 1 regions, and one for each of the 13 samples"):
            damaged.anova_table("A")
