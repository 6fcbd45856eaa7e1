"""Differences donor by donor, what is left without each, and hemisphere by hemisphere, which is descriptive."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.analysis import differential_expression
from jugex.errors import DesignError, GeneError, ResultError
from jugex.model.columns import LEFT_OUT_COLUMNS
from jugex.pipeline.details import design_of, values_of
from jugex.pipeline.donors import DONOR_COLUMNS, HEMISPHERE_COLUMNS, donor_differences
from jugex.query import region_pair
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import make_relabellings
from tests.toy import DONORS, ToyAtlas, wells

GENES = ["A", "A", "B", "C", "D"]
FIRST, SECOND, THIRD = DONORS["donor_name"]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 3000)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004, 3001, 3002)
# these formulas and the run's, both in float64, add in different orders
RTOL = 1e-9


def analyse(one=ONE, two=TWO, *, levels=None, donors=None, overlap="higher-probability", **options):
    with warnings.catch_warnings():  # small designs are warned of
        warnings.simplefilter("ignore", jugex.JugexWarning)
        pair = region_pair(one, two, atlas=ToyAtlas([6, 6, 4], GENES, levels), donors=donors, overlap=overlap)
        return differential_expression(pair, **{"n_permutations": 199, "rng": 7, **options})


def rename_second(result, name):
    first, second = result.record.regions
    return replace(result, record=replace(result.record, regions=(first, replace(second, name=name))))


class TestDonorDifferences:
    def test_one_row_per_gene_and_informative_donor(self):
        without_third = wells("one", 1000, 1001, 1002, 2000, 2001)
        table = donor_differences(analyse(without_third))
        assert list(table) == list(DONOR_COLUMNS)
        assert table["donor_name"].tolist() == [FIRST, SECOND] * 4
        assert table["gene"].tolist() == np.repeat(analyse(without_third).table["gene"], 2).tolist()
        assert table[["n_1", "n_2"]].iloc[:2].to_numpy().tolist() == [[3, 2], [2, 3]]

    @pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
    def test_weighted_they_are_the_difference_of_the_result(self, statistic):
        result = analyse(statistic=statistic)
        by_gene = donor_differences(result).groupby("gene", sort=False)
        weighted = [np.average(rows["diff"], weights=rows["weight"]) for _, rows in by_gene]
        np.testing.assert_allclose(weighted, result.table["diff"], rtol=RTOL)

    def test_difference_and_interval_are_those_of_the_definition(self):
        result = analyse()
        row = donor_differences(result, "B").set_index("donor_name").loc[SECOND]
        of_donor = result.samples["donor_name"] == SECOND
        values = result.zscores.loc[of_donor.to_numpy(), "B"].groupby(result.samples.loc[of_donor, "region"]).mean()
        assert row["diff"] == pytest.approx(values["one"] - values["two"], rel=RTOL)
        of_gene = result.table.set_index("gene").loc["B"]
        margin = stats.t.ppf(0.975, 9) * np.sqrt(of_gene["ss_resid"] / 9 * (1 / 2 + 1 / 3))
        assert row["ci_high"] - row["diff"] == pytest.approx(margin, rel=RTOL)
        assert row["diff"] - row["ci_low"] == pytest.approx(margin, rel=RTOL)

    def test_of_one_donor_it_is_the_interval_of_a_two_sample_t_test(self):
        result = analyse(donors=[FIRST])
        row = donor_differences(result, ["C"]).iloc[0]
        in_one = (result.samples["region"] == "one").to_numpy()
        values = result.zscores["C"].to_numpy()
        interval = stats.ttest_ind(values[in_one], values[~in_one]).confidence_interval(0.95)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(interval), rel=RTOL)

    def test_genes_keep_the_order_of_the_table(self):
        result = analyse()
        last, first = result.table["gene"].iloc[[-1, 0]]
        assert donor_differences(result, [last, first])["gene"].unique().tolist() == [first, last]

    def test_probes_are_named(self):
        result = analyse(probes="single")
        table = result.donor_differences("A probe 1")
        assert list(table) == ["gene", "probe_id", "probe_name", *DONOR_COLUMNS[1:]]
        assert table["probe_id"].unique().tolist() == [11]

    def test_a_loaded_result_gives_the_same(self, tmp_path):
        result = analyse()
        result.save(tmp_path / "out")
        # ten significant digits are written, of which a difference of near z-scores loses some
        pd.testing.assert_frame_equal(
            jugex.load_result(tmp_path / "out").donor_differences(), result.donor_differences(), rtol=1e-6
        )

    def test_another_gene(self):
        with pytest.raises(GeneError, match="gene 'MAOA' is not in this result, which has 4"):
            donor_differences(analyse(), ["A", "MAOA"])


class TestLeaveOneDonorOut:
    """Of the significant genes; with an alpha near 1 that is every gene."""

    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    def test_it_is_the_run_without_the_donor(self, exchange):
        """Where all relabellings are enumerated, chance plays no part."""
        options = {"exchange": exchange, "n_permutations": 2000, "alpha": 0.9999}
        table = analyse(**options).leave_one_donor_out
        assert list(table) == list(LEFT_OUT_COLUMNS)
        assert len(table) >= 6
        assert table["left_out"].tolist() == [FIRST, SECOND, THIRD] * (len(table) // 3)
        for left_out, others in ((FIRST, [SECOND, THIRD]), (THIRD, [FIRST, SECOND])):
            rows = table[table["left_out"] == left_out].set_index("gene")
            expected = analyse(donors=others, **options).table.set_index("gene").loc[rows.index]
            np.testing.assert_allclose(rows["diff"], expected["diff"], rtol=RTOL)
            np.testing.assert_array_equal(rows["p_fwe"], expected["p_fwe"])
            assert (rows["n_samples_1"] == expected["n_samples_1"]).all()
            assert (rows["n_samples_2"] == expected["n_samples_2"]).all()
            assert (rows["status"] == "ok").all()

    def test_its_relabellings_follow_those_of_both_exchanges(self):
        result = analyse(alpha=0.9999)
        design, rng = design_of(result), np.random.default_rng(7)
        for exchange in ("within-donor", "free"):
            make_relabellings(design, exchange, 199, rng)
        values = values_of(result, pd.Index(result.labels))
        for number, name in enumerate([FIRST, SECOND, THIRD]):
            kept, without = design.without_donor(number)
            relabellings = make_relabellings(without, "within-donor", 199, rng)
            p_fwe = count_exceedances(values[:, kept], without, relabellings).p_values().fwe
            rows = result.leave_one_donor_out.set_index("left_out").loc[name].set_index("gene")
            expected = pd.Series(p_fwe, index=result.labels)[rows.index]
            np.testing.assert_array_equal(rows["p_fwe"], expected)

    def test_only_significant_genes_are_listed_in_the_order_of_the_table(self):
        levels = np.random.default_rng(0).normal(5, 1, size=(16, 5))
        levels[[0, 1, 2, 6, 7, 12], 2] += 50  # B, in region one
        result = analyse(levels=levels, n_permutations=1999)
        assert result.significant["gene"].tolist() == ["B"]
        assert result.leave_one_donor_out["gene"].tolist() == ["B"] * 3
        every = analyse(levels=levels, n_permutations=1999, alpha=0.9999)
        assert every.leave_one_donor_out["gene"].unique().tolist() == every.significant["gene"].tolist()
        pd.testing.assert_frame_equal(every.leave_one_donor_out.head(3), result.leave_one_donor_out)

    def test_without_a_significant_gene_nothing_is_tested_again(self, monkeypatch):
        monkeypatch.setattr("jugex.stats.testing._leave_out", None)
        table = analyse(alpha=0.001).leave_one_donor_out
        assert list(table) == list(LEFT_OUT_COLUMNS)
        assert table.empty

    def test_probes_are_named(self):
        table = analyse(probes="single", alpha=0.9999).leave_one_donor_out
        assert list(table) == ["gene", "probe_id", "probe_name", *LEFT_OUT_COLUMNS[1:]]
        assert {10, 11} & set(table["probe_id"])

    def test_a_donor_that_the_design_needs_has_a_reason(self):
        one = wells("one", 1000, 1001, 1002, 1003)
        result = analyse(one, wells("two", 1004, 1005, 2000, 2001, 3000, 3001), alpha=0.9999)
        by_donor = result.leave_one_donor_out.head(3).set_index("left_out")
        assert by_donor.loc[FIRST, "status"].startswith("not tested: no donor has samples in both 'one' (0 samples")
        assert by_donor.loc[FIRST, ["diff", "p_fwe"]].isna().all()
        assert by_donor.loc[[SECOND, THIRD], "status"].tolist() == ["ok", "ok"]

    def test_the_only_donor_cannot_be_left_out(self):
        table = analyse(donors=[FIRST], alpha=0.9999).leave_one_donor_out
        assert table["status"].unique().tolist() == ["not tested: no other donor"]
        assert table["p_fwe"].isna().all()

    def test_a_gene_that_varies_in_one_donor_only(self):
        levels = np.random.default_rng(0).normal(5, 1, size=(16, 5))
        levels[6:, 4] = 3.0
        table = analyse(levels=levels, alpha=0.9999).leave_one_donor_out
        by_donor = table[table["gene"] == "D"].set_index("left_out")
        assert by_donor.loc[FIRST, "status"] == "not tested: constant within every other donor"
        assert by_donor.loc[SECOND, "status"] == "ok"

    def test_samples_that_count_twice(self):
        both = wells("two", 1002, 1003, 1004, 2001, 2002, 2003, 2004, 3001, 3002)
        result = analyse(ONE, both, overlap="keep", alpha=0.9999)
        rows = result.leave_one_donor_out.head(3).set_index("left_out")
        assert rows.loc[THIRD, ["n_samples_1", "n_samples_2"]].tolist() == [5, 7]
        assert donor_differences(result, "B")["n_2"].tolist() == [3, 4, 2]

    @pytest.mark.parametrize("alpha", [0.001, 0.9999])
    @pytest.mark.parametrize("probes", ["winsorized-mean", "single"])
    def test_a_loaded_result_has_the_same(self, tmp_path, probes, alpha):
        result = analyse(probes=probes, alpha=alpha)
        result.save(tmp_path / "out")
        # ten significant digits are written
        pd.testing.assert_frame_equal(
            jugex.load_result(tmp_path / "out").leave_one_donor_out, result.leave_one_donor_out, rtol=1e-9
        )


def test_regions_of_one_name():
    with pytest.raises(DesignError, match=r"regions have the same name \('one', 'one'\)"):
        donor_differences(rename_second(analyse(), "one"))


def test_a_gene_that_was_not_tested():
    levels = np.random.default_rng(0).normal(5, 1, size=(16, 5))
    levels[:, 2] = 3.0
    with pytest.raises(GeneError, match=r"gene 'B' has no F \(not tested: constant"):
        donor_differences(analyse(levels=levels), ["B"])


class TestByHemisphere:
    """In donor 1 alone both regions have samples on both sides; donor 2 has both on the left, donor 3 one on each."""

    ONE = wells("one", 1000, 1001, 1004, 1005, 2000, 2001, 3000)
    TWO = wells("two", 1002, 1003, 1006, 1007, 2002, 3001)
    X: ClassVar = {1000: -5, 1001: -5, 1002: -5, 1003: -5, 1004: 5, 1005: 5, 1006: 5, 1007: 0,
         2000: -5, 2001: -5, 2002: -5, 3000: -5, 3001: 5}  # fmt: skip

    def analyse(self, **options):
        atlas = ToyAtlas([9, 5, 4], ["MAOA", "TAC1", "GRIA2"])
        atlas.samples["mni_x"] = atlas.samples["well_id"].map(self.X).fillna(1.0).astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jugex.JugexWarning)  # of so few samples
            return jugex.compare(self.ONE, self.TWO, atlas=atlas, n_permutations=99, rng=0, **options)

    def test_sides_are_told_by_the_sign_of_x(self):
        table = self.analyse().by_hemisphere("TAC1")
        assert tuple(table.columns) == HEMISPHERE_COLUMNS
        assert table["hemisphere"].tolist() == ["left", "midline", "right"]
        assert table["n_samples_1"].tolist() == [5, 0, 2]
        assert table["n_samples_2"].tolist() == [3, 1, 2]
        assert table["n_donors"].tolist() == [2, 0, 1]

    def test_the_difference_is_adjusted_for_donor_within_the_side(self):
        result = self.analyse()
        table = result.by_hemisphere(["TAC1", "MAOA"]).set_index(["gene", "hemisphere"])["diff"]
        z = result.zscores.set_axis(result.samples["well_id"], axis=0)
        for gene in ("MAOA", "TAC1"):
            of = z[gene]
            of_first = of[[1000, 1001]].mean() - of[[1002, 1003]].mean()
            of_second = of[[2000, 2001]].mean() - of[2002]
            left = (of_first * 1 + of_second * 2 / 3) / (1 + 2 / 3)  # weights n_1 n_2 / n
            assert table[gene, "left"] == pytest.approx(left)
            assert table[gene, "right"] == pytest.approx(of[[1004, 1005]].mean() - of[1006])
            assert np.isnan(table[gene, "midline"])

    def test_genes_come_in_the_order_of_the_table_and_no_p_with_them(self):
        result = self.analyse()
        table = result.by_hemisphere()
        assert table["gene"].drop_duplicates().tolist() == result.table["gene"].tolist()
        assert not [column for column in table if column.startswith(("p_", "q_"))]
        assert "only two were sampled in the right hemisphere" in table.attrs["note"]
        assert "no p-values" in table.attrs["note"]

    def test_mirrored_samples_are_where_they_were_taken(self, tmp_path):
        result = self.analyse(mirror="left")
        assert (result.samples["mni_x"] <= 0).all()
        order = ["gene", "hemisphere"]
        found, expected = (of.by_hemisphere().sort_values(order, ignore_index=True) for of in (result, self.analyse()))
        pd.testing.assert_frame_equal(found, expected)
        loaded = jugex.load_result(result.save(tmp_path / "out"))
        with pytest.raises(
            ResultError, match="samples were mirrored, and a result read from disk does not say in which"
        ):
            loaded.by_hemisphere()

    def test_a_result_read_from_disk_says_the_same(self, tmp_path):
        result = self.analyse()
        loaded = jugex.load_result(result.save(tmp_path / "out"))
        pd.testing.assert_frame_equal(loaded.by_hemisphere(), result.by_hemisphere(), rtol=1e-8)  # ten digits are saved

    def test_probes_by_themselves_keep_their_names(self):
        result = self.analyse(probes="single")
        table = result.by_hemisphere(result.labels.iloc[0])
        assert table.columns[:3].tolist() == ["gene", "probe_id", "probe_name"]
        assert table["probe_name"].nunique() == 1

    def test_a_gene_that_is_not_there_is_refused(self):
        with pytest.raises(GeneError, match="gene 'XYZ' is not in this result"):
            self.analyse().by_hemisphere("XYZ")
