"""What a result says beyond its table, and the columns of tails: computed, saved and read again."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.analysis import RESULT_COLUMNS, TAIL_COLUMNS, differential_expression
from jugex.errors import OptionError
from jugex.query import region_pair
from jugex.report.rerun import list_reruns
from jugex.stats.corrections import monte_carlo_interval
from jugex.stats.effects import hedges_g_interval, partial_eta_sq_interval, small_sample_correction
from tests.toy import ToyAtlas, wells

DETAILS = [
    "gene", "direction", "hedges_g_low", "hedges_g_high", "partial_eta_sq_low", "partial_eta_sq_high",
    "p_perm_low", "p_perm_high", "p_fwe_low", "p_fwe_high", "q_fdr_by", "q_fdr_parametric",
]  # fmt: skip
N_GENES = 30


def make_pair(*, sizes=(9, 9, 9), constant=False):
    """Regions `one` and `two` share out the samples of each donor; gene 0 is higher in region 1."""
    levels = np.random.default_rng(0).normal(5, 1, size=(sum(sizes), N_GENES))
    wells_of = [[1000 * (donor + 1) + k for k in range(size)] for donor, size in enumerate(sizes)]
    one = [well for of_donor in wells_of for well in of_donor[: len(of_donor) // 2]]
    two = [well for of_donor in wells_of for well in of_donor[len(of_donor) // 2 :]]
    in_one = np.concatenate([np.arange(size) < size // 2 for size in sizes])
    levels[in_one, 0] += 2.2
    levels[in_one, 1] -= 1
    if constant:
        levels[:, 2] = 5.0
    atlas = ToyAtlas(list(sizes), [f"G{number:02d}" for number in range(N_GENES)], levels)
    return region_pair(wells("one", *one), wells("two", *two), atlas=atlas)


def analyse(pair, **options):
    with warnings.catch_warnings():  # what designs are warned of is tested elsewhere
        warnings.simplefilter("ignore", jugex.JugexWarning)
        return differential_expression(pair, **{"n_permutations": 999, "rng": 0, **options})


class TestDetails:
    def test_one_row_per_row_of_the_table(self):
        result = analyse(make_pair())
        details = result.details()
        assert list(details.columns) == DETAILS
        assert details["gene"].tolist() == result.table["gene"].tolist()
        assert not details.isna().any(axis=None)

    def test_welch_has_the_degrees_of_freedom_of_its_interval(self):
        result = analyse(make_pair(sizes=(24,), constant=True), statistic="welch")
        details = result.details().set_index("gene")["df_welch"]
        regions = [result.zscores[(result.samples["region"] == name).to_numpy()] for name in result.region_names]
        expected = stats.ttest_ind(*regions, equal_var=False).df
        is_tested = (result.table.set_index("gene")["status"] == "ok").reindex(result.zscores.columns).to_numpy()
        np.testing.assert_allclose(details[result.zscores.columns][is_tested], expected[is_tested], rtol=1e-9)
        assert details[result.zscores.columns][~is_tested].isna().all()
        assert not is_tested.all()

    def test_rows_of_probes_name_them(self):
        details = analyse(make_pair(), probes="single").details()
        assert list(details.columns) == ["gene", "probe_id", "probe_name", *DETAILS[1:]]

    def test_directions_are_words(self):
        details = analyse(make_pair()).details().set_index("gene")
        assert details.loc[["G00", "G01"], "direction"].tolist() == ["higher in one", "higher in two"]

    def test_intervals_are_those_of_the_design(self):
        result = analyse(make_pair())
        table, details = result.table, result.details()
        spread = 3 * 4 * 5 / 9  # three donors with 4 and 5 samples
        expected = {
            "hedges_g": hedges_g_interval(table["hedges_g"].to_numpy(), spread, 23),
            "partial_eta_sq": partial_eta_sq_interval(table["partial_eta_sq"].to_numpy(), 27, 1, 23),
            "p_perm": monte_carlo_interval(table["p_perm"].to_numpy(), 999),
            "p_fwe": monte_carlo_interval(table["p_fwe"].to_numpy(), 999),
        }
        for column, (low, high) in expected.items():
            # a'Ma sums the same weights in another order
            np.testing.assert_allclose(details[f"{column}_low"], low, rtol=1e-9)
            np.testing.assert_allclose(details[f"{column}_high"], high, rtol=1e-9)
            assert (details[f"{column}_low"] <= table[column]).all()
        t = table["hedges_g"] / small_sample_correction(23) * np.sqrt(spread)
        np.testing.assert_allclose(t**2, table["f"], rtol=1e-9)  # noncentralities are those of this t

    def test_false_discovery_rates_are_statsmodels(self):
        multitest = pytest.importorskip("statsmodels.stats.multitest")
        result = analyse(make_pair())
        details = result.details()
        by = multitest.multipletests(result.table["p_perm"], method="fdr_by")[1]
        bh = multitest.multipletests(result.table["p_parametric"], method="fdr_bh")[1]
        np.testing.assert_allclose(details["q_fdr_by"], by)
        np.testing.assert_allclose(details["q_fdr_parametric"], bh)
        # Yekutieli's is Hochberg's times 1 + 1/2 + ... + 1/g, up to 1
        harmonic = (1 / np.arange(1, N_GENES + 1)).sum()
        np.testing.assert_allclose(details["q_fdr_by"], np.minimum(result.table["q_fdr"] * harmonic, 1))

    def test_enumerated_p_have_no_interval_but_themselves(self):
        result = analyse(make_pair(sizes=(6, 4)))
        assert result.record.permutation.exhaustive
        details = result.details()
        for column in ("p_perm", "p_fwe"):
            for end in ("low", "high"):
                np.testing.assert_array_equal(details[f"{column}_{end}"], result.table[column])

    def test_a_gene_that_was_not_tested_has_none(self):
        result = analyse(make_pair(constant=True))
        details = result.details().set_index("gene")
        assert details.drop(columns="direction").loc["G02"].isna().all()
        assert details["direction"].isna().tolist() == [gene == "G02" for gene in details.index]
        others = details.drop(index="G02")
        assert not others.isna().any(axis=None)
        p = result.table.set_index("gene").loc[others.index, "p_parametric"]
        np.testing.assert_allclose(others["q_fdr_parametric"], stats.false_discovery_control(p))

    def test_a_result_read_from_disk_says_the_same(self, tmp_path):
        result = analyse(make_pair(constant=True))
        loaded = jugex.load_result(result.save(tmp_path / "out"))
        pd.testing.assert_frame_equal(loaded.details(), result.details(), rtol=1e-8)  # ten digits are saved


class TestTailColumns:
    def test_come_last_and_change_nothing_else(self):
        plain, tailed = analyse(make_pair()), analyse(make_pair(), tail=True)
        assert tuple(plain.table.columns) == RESULT_COLUMNS
        assert tuple(tailed.table.columns) == RESULT_COLUMNS + TAIL_COLUMNS
        pd.testing.assert_frame_equal(tailed.table[list(RESULT_COLUMNS)], plain.table)
        assert plain.record.tails is None
        assert [result.record.arguments.tail for result in (plain, tailed)] == [False, True]

    def test_reach_below_what_is_counted(self):
        result = analyse(make_pair(), tail=True)
        row = result.table.set_index("gene").loc["G00"]
        assert row["p_perm"] == row["p_fwe"] == 1 / 1000
        assert 1e-4 / 1.001 <= row["p_perm_tail"] < row["p_perm"]
        assert 1e-4 / 1.001 <= row["p_fwe_tail"] < row["p_fwe"]
        assert result.record.tails.n_genes_refined >= 1
        assert result.record.tails.p_fwe.n_values == 999

    def test_make_no_gene_significant(self):
        result = analyse(make_pair(), tail=True, alpha=0.0005)  # below 1 / 1,000
        assert (result.table["p_fwe_tail"] <= 0.0005).any()
        assert not result.table["significant"].any()

    def test_are_asked_for_where_a_run_is_repeated(self):
        (_, plain), (_, tailed) = (list_reruns(analyse(make_pair(), tail=tail).record)[0] for tail in (False, True))
        assert "tail=True," in tailed
        assert "tail=True" not in plain

    def test_do_not_depend_on_threads(self):
        first, second = (analyse(make_pair(), tail=True, n_jobs=jobs, n_permutations=3000) for jobs in (1, 3))
        pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)

    @pytest.mark.parametrize("probes", ["mean", "single"])
    def test_are_saved_and_read(self, tmp_path, probes):
        result = analyse(make_pair(), tail=True, probes=probes)
        loaded = jugex.load_result(result.save(tmp_path / "out"))
        pd.testing.assert_frame_equal(loaded.table, result.table, rtol=1e-9)  # ten digits are saved

    @pytest.mark.parametrize(
        ("sizes", "m", "why"),
        [((6, 4), 999, "all relabellings were enumerated"), ((9, 9, 9), 199, "at least 200 relabellings")],
    )
    def test_say_why_they_are_empty(self, sizes, m, why):
        result = analyse(make_pair(sizes=sizes), tail=True, n_permutations=m)
        some = result.table[list(TAIL_COLUMNS)]
        if m == 999:
            assert some.isna().all(axis=None)
            assert all(why in result.record.empty[column] for column in TAIL_COLUMNS)
        else:  # genes that are counted often enough keep their p
            rare = result.table["p_perm"] < 10 / 200
            assert some.loc[rare, "p_perm_tail"].isna().all()
            assert result.record.tails.n_genes_refined == 0
            assert result.record.tails.p_fwe is None
        assert why in result.record.tails.why_empty

    def test_a_tail_is_wanted_or_not(self):
        with pytest.raises(OptionError, match="tail must be True or False; got 'yes'"):
            analyse(make_pair(), tail="yes")
