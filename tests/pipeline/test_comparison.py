"""A comparison as a whole: its table, its record, what it refuses, and the family-wise error it keeps."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.analysis import RESULT_COLUMNS, differential_expression
from jugex.errors import DesignError, DesignWarning, OptionError
from jugex.model.findings import FdrOutOfReach, FewDonors, UnreachableAlpha
from jugex.model.record import Arguments, DonorCounts
from jugex.query import region_group, region_pair
from jugex.stats.effects import compute_effects
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import draw_relabellings
from tests.stats.designs import make_design
from tests.toy import ToyAtlas, wells

GENES = ["B", "A", "A", "?C", "D", "D", "D"]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 3000)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004, 3001)


def make_pair(levels=None, **options):
    return region_pair(ONE, TWO, atlas=ToyAtlas([6, 6, 4], GENES, levels), **options)


def make_levels():
    return np.random.default_rng(3).normal(5, 1, size=(16, len(GENES)))


def analyse(pair, **options):
    return differential_expression(pair, **{"n_permutations": 199, "rng": 0, **options})


class TestTable:
    def test_one_row_per_gene_with_all_columns(self):
        table = analyse(make_pair()).table
        assert tuple(table.columns) == RESULT_COLUMNS
        assert sorted(table["gene"]) == ["?C", "A", "B", "D"]
        by_gene = table.set_index("gene")
        assert by_gene.loc[["B", "A", "?C", "D"], "n_probes"].tolist() == [1, 2, 1, 3]
        assert by_gene["entrez_id"].isna().tolist() == [gene == "?C" for gene in by_gene.index]
        assert (table[["n_samples_1", "n_samples_2", "n_donors", "df_resid"]] == [6, 6, 3, 8]).all(axis=None)
        assert (table["status"] == "ok").all()

    def test_numbers_are_those_of_gene_level_means(self):
        pair = make_pair()
        row = analyse(pair).table.set_index("gene").loc["A"]
        values = pair.zscores[:, 1:3].mean(axis=1)  # two probes: the Winsorized mean is the mean
        levels = pair.levels[:, 1:3].mean(axis=1)
        design = make_design([(3, 2), (2, 3), (1, 1)])
        effects = compute_effects(values[None], levels[None].astype(float), design, "adjusted")
        for column in ("diff", "ci_low", "ci_high", "log2_fc", "hedges_g"):
            assert row[column] == pytest.approx(getattr(effects.difference, column)[0], rel=1e-6)  # float32 levels
        for column in ("f", "p_parametric"):
            assert row[column] == pytest.approx(getattr(effects, column)[0], rel=1e-6)
        assert row[["mean_1", "mean_2"]].tolist() == pytest.approx(effects.means[0].tolist(), rel=1e-6)
        assert row["mean_level"] == pytest.approx(levels.mean(), rel=1e-6)
        assert row["probe_r"] == pytest.approx(np.corrcoef(pair.zscores[:, 1:3].T)[0, 1], rel=1e-9)

    def test_rows_are_sorted_by_p_fwe_then_falling_f(self):
        table = analyse(make_pair()).table
        order = sorted(
            range(len(table)), key=lambda i: (table.loc[i, "p_fwe"], -table.loc[i, "f"], table.loc[i, "gene"])
        )
        assert order == list(range(len(table)))

    def test_p_values_are_nested_and_never_zero(self):
        levels = make_levels()
        levels[:, 0] += 100 * np.isin(np.arange(16), [0, 1, 2, 6, 7, 12])
        table = analyse(make_pair(levels)).table
        assert (table["p_perm"] >= 1 / 200).all()
        assert (table["p_fwe"] >= table["p_perm"]).all()
        np.testing.assert_allclose(table["q_fdr"], stats.false_discovery_control(table["p_perm"]))
        assert table["significant"].tolist() == (table["p_fwe"] <= 0.05).tolist()
        assert table.loc[0, "gene"] == "B"

    def test_empty_columns_say_why(self):
        """Of an atlas with 16 samples: donors are compared, and nothing says how expression varies around."""
        record = analyse(make_pair()).record
        table = analyse(make_pair()).table
        spatial = ["p_spatial", "p_spatial_fwe", "ci_spatial_low", "ci_spatial_high"]
        assert [column for column in RESULT_COLUMNS if table[column].isna().all()] == spatial
        why = dict.fromkeys(spatial, "fewer than 100 samples of this tissue lie outside the regions")
        for_some = {
            "entrez_id": "where the atlas has none for the gene",
            "probe_r": "where the gene has one probe that varies",
        }
        assert record.empty == why | for_some
        assert all(0 < table[column].isna().sum() < len(table) for column in for_some)
        without = analyse(make_pair(), ladder=False)
        of_donors = ["p_donors", "p_donors_fwe", "diff_donors", "ci_donors_low", "ci_donors_high"]
        assert set(without.record.empty) - set(for_some) == {*spatial, *of_donors}
        assert {why for column, why in without.record.empty.items() if column not in for_some} == {"not asked for"}
        assert without.record.ladder is None

    def test_regions_and_donors_of_a_gene(self):
        levels = make_levels()
        levels[:, 0] += 100 * np.isin(np.arange(16), [0, 1, 2, 6, 7, 12])  # B is higher in region one
        levels[:, 3] = 4.0  # ?C: constant
        table = analyse(make_pair(levels)).table.set_index("gene")
        assert (table["higher_in"].dropna() == np.where(table["diff"].dropna() > 0, "one", "two")).all()
        assert table.loc["B", ["higher_in", "evidence", "significant"]].tolist() == ["one", "donors", True]
        assert table.loc["B", ["n_donors", "n_donors_both", "n_donors_same_sign"]].tolist() == [3, 3, 3]
        assert table.loc["A", "evidence"] == "none"
        assert table.loc["?C", ["higher_in", "evidence", "n_donors_same_sign"]].isna().all()
        assert table.loc["?C", ["significant", "n_donors_both"]].tolist() == [False, 3]

    def test_without_a_gene_to_test_no_other_reason_is_given(self):
        result = analyse(make_pair(np.full_like(make_levels(), 6.0)))
        assert not (result.table["status"] == "ok").any()
        reasons = result.record.empty
        assert set(reasons.values()) == {"no gene was tested"}
        assert set(reasons) == {column for column in result.table if result.table[column].isna().all()}
        assert {"p_fwe", "p_donors", "hedges_g"} < set(reasons)

    def test_genes_without_f_leave_the_family(self):
        levels = make_levels()
        levels[:, 0] = 4.0  # B: constant
        levels[:, 3] = np.repeat([1.0, 2.0, 3.0], [6, 6, 4])  # ?C: constant within every donor
        levels[2, 4] = np.nan  # D: missing in a sample used
        result = analyse(make_pair(levels))
        status = result.table.set_index("gene")["status"]
        assert status["B"] == "not tested: constant over the samples used"
        # standardised per donor, a level that is constant within each donor is constant over all: 0
        assert status["?C"] == "not tested: constant over the samples used"
        assert status["D"].startswith("not tested: missing in ")
        assert result.table["gene"].tolist()[0] == "A"
        not_tested = result.table[result.table["status"] != "ok"]
        assert not_tested[["f", "p_perm", "p_fwe", "diff"]].isna().all(axis=None)
        assert not not_tested["significant"].any()
        alone = analyse(make_pair(levels, genes=["A"]))
        assert result.table.loc[0, "p_fwe"] == alone.table.loc[0, "p_fwe"]
        genes = result.record.genes
        assert (genes.n_requested, genes.missing, genes.n_tested, genes.n_not_tested) == (None, (), 1, 3)

    def test_a_gene_constant_within_every_donor_has_no_f(self):
        levels = make_levels()
        # constant in the samples used, donor by donor, at another level in each: the unused samples vary
        levels[:, 0] = np.where(np.isin(np.arange(16), [5, 11, 14, 15]), 9.0, np.repeat([1.0, 2.0, 4.0], [6, 6, 4]))
        table = analyse(make_pair(levels)).table.set_index("gene")
        assert table.loc["B", "status"] == "not tested: constant within every donor"

    def test_no_gene_with_f_gives_a_table_without_p(self):
        result = analyse(make_pair(np.ones((16, 7))))
        assert result.table["p_fwe"].isna().all()
        assert result.record.genes.n_tested == 0


class TestProbes:
    @pytest.mark.parametrize("how", ["winsorized-mean", "winsorized-mean-scipy", "mean", "median"])
    def test_probes_become_one_value(self, how):
        pair = make_pair()
        zscores = analyse(pair, probes=how).zscores
        middle = np.median if how == "median" else np.mean  # three probes: nothing to pull in
        np.testing.assert_allclose(zscores["D"], middle(pair.zscores[:, 4:], axis=1), rtol=1e-12)

    def test_the_most_variable_probe_stands_for_its_gene(self):
        pair = make_pair()
        result = analyse(pair, probes="max-variance")
        chosen = 4 + np.argmax(pair.levels[:, 4:].var(axis=0))
        np.testing.assert_array_equal(result.zscores["D"], pair.zscores[:, chosen])
        row = result.table.set_index("gene").loc["D"]
        assert row["mean_level"] == pytest.approx(pair.levels[:, chosen].mean(), rel=1e-6)  # float32 levels
        assert row["n_probes"] == 3

    def test_every_probe_can_be_tested_by_itself(self, tmp_path):
        pair = make_pair()
        result = analyse(pair, probes="single")
        table = result.table
        assert tuple(table.columns) == ("gene", "probe_id", "probe_name", *RESULT_COLUMNS[1:])
        assert sorted(table["probe_id"]) == pair.probes["probe_id"].tolist()
        assert (table["n_probes"] == 1).all()
        row = table[table["probe_id"] == 12].iloc[0]
        assert (row["gene"], row["probe_name"]) == ("A", "probe 2")
        np.testing.assert_array_equal(result.zscores["A probe 2"], pair.zscores[:, 2])
        design = make_design([(3, 2), (2, 3), (1, 1)])
        effects = compute_effects(pair.zscores[:, [2]].T, pair.zscores[:, [2]].T, design, "adjusted")
        assert row["f"] == pytest.approx(effects.f[0], rel=1e-12)
        assert result.record.empty["probe_r"] == "each probe is tested by itself"
        loaded = jugex.load_result(result.save(tmp_path / "out"))
        pd.testing.assert_frame_equal(loaded.table, table, rtol=1e-9)  # ten significant digits
        assert loaded.zscores.columns.tolist() == result.zscores.columns.tolist()


class TestEvidence:
    def test_both_exchanges_are_reported(self):
        levels = make_levels()
        levels[:, 0] += 100 * np.isin(np.arange(16), [0, 1, 2, 6, 7, 12])
        for exchange in ("within-donor", "free"):
            result = analyse(make_pair(levels), exchange=exchange)
            reported = result.record.exchanges
            assert reported.n_significant == {"within-donor": 1, "free": 1}
            table = result.table.set_index("gene")
            assert {gene: p[exchange] for gene, p in reported.p_fwe.items()} == table["p_fwe"].to_dict()

    def test_few_relabellings_are_enumerated_and_marked(self):
        result = analyse(make_pair(), n_permutations=200)
        made = result.record.permutation
        assert (made.n_permutations, made.exhaustive, made.exact, made.smallest_p) == (200, True, True, 1 / 200)
        sampled = analyse(make_pair(), n_permutations=199)
        assert not sampled.record.permutation.exhaustive
        # all relabellings against 199 of them: four standard errors
        np.testing.assert_allclose(result.table["p_perm"], sampled.table["p_perm"], atol=4 * np.sqrt(0.25 / 199))
        seeds = [analyse(make_pair(), n_permutations=5000, rng=seed).table["p_fwe"] for seed in (1, 2)]
        pd.testing.assert_series_equal(*seeds, check_exact=True)

    def test_the_smallest_p_counts_relabellings_tied_by_symmetry(self):
        pair = region_pair(wells("a", 1000, 1001, 1002), wells("b", 1003, 1004, 1005), atlas=ToyAtlas([8], GENES))
        with pytest.warns(DesignWarning, match=r"the 20 relabellings of this design .* can give is 0\.1000;"):
            result = analyse(pair, n_permutations=1000)
        assert result.record.permutation.smallest_p == result.record.design.smallest_p["within-donor"]
        assert result.record.permutation.smallest_p == pytest.approx(0.1)
        assert result.table["p_perm"].min() >= 0.1

    def test_drawn_relabellings_within_donors_are_exact_too(self):
        with pytest.warns(DesignWarning, match="q_fdr"):
            result = analyse(make_pair(), n_permutations=50)
        assert (result.record.permutation.exhaustive, result.record.permutation.exact) == (False, True)

    def test_free_enumeration_is_not_called_exact(self):
        result = analyse(make_pair(), exchange="free", n_permutations=1000)
        assert result.record.permutation.exhaustive
        assert not result.record.permutation.exact

    def test_step_down_lies_between_the_gene_alone_and_the_family(self):
        table = analyse(make_pair()).table
        assert (table["p_perm"] <= table["p_fwe_stepdown"]).all()
        assert (table["p_fwe_stepdown"] <= table["p_fwe"]).all()

    def test_findings_are_in_the_record(self):
        result = analyse(make_pair())
        assert [finding.n_informative for finding in result.record.findings if isinstance(finding, FewDonors)] == [3]
        assert result.warnings == [finding.sentence for finding in result.record.findings]


class TestReproducibility:
    @pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    def test_the_same_seed_gives_the_same_table_for_every_number_of_threads(self, statistic, exchange):
        options = {"statistic": statistic, "exchange": exchange, "n_permutations": 3000}
        first = analyse(make_pair(), n_jobs=1, **options)
        for n_jobs in (1, 2, 3, -1):
            pd.testing.assert_frame_equal(
                analyse(make_pair(), n_jobs=n_jobs, **options).table, first.table, check_exact=True
            )

    def test_a_generator_gives_what_its_seed_gives_and_its_state_is_recorded(self):
        seeded = analyse(make_pair(), rng=5)
        given = analyse(make_pair(), rng=np.random.default_rng(5))
        pd.testing.assert_frame_equal(seeded.table, given.table, check_exact=True)
        randomness = given.record.permutation.randomness
        assert (randomness.seed, randomness.bit_generator) == (None, "PCG64")
        again = randomness.make_generator()
        pd.testing.assert_frame_equal(analyse(make_pair(), rng=again).table, seeded.table, check_exact=True)

    def test_no_seed_draws_one_and_records_it(self):
        result = analyse(make_pair(), rng=None)
        seed = result.record.permutation.randomness.seed
        pd.testing.assert_frame_equal(analyse(make_pair(), rng=seed).table, result.table, check_exact=True)
        assert analyse(make_pair(), rng=None).record.permutation.randomness.seed != seed

    def test_swapped_regions_flip_signs_only(self):
        result = analyse(make_pair())
        atlas = ToyAtlas([6, 6, 4], GENES)
        swapped = analyse(region_pair(TWO, ONE, atlas=atlas))
        flipped = ["diff", "log2_fc", "hedges_g"]
        same = ["gene", "f", "ss_area", "ss_resid", "p_parametric", "p_perm", "p_fwe", "q_fdr", "sd_ratio", "status"]
        # labels 1 - a instead of a: sums of other terms, equal but for rounding
        pd.testing.assert_frame_equal(swapped.table[same], result.table[same], rtol=1e-12)
        np.testing.assert_allclose(swapped.table[flipped], -result.table[flipped], rtol=1e-12)

    def test_order_of_probes_and_genes_decides_nothing(self):
        levels, order = make_levels(), [6, 2, 4, 0, 3, 5, 1]
        shuffled = ToyAtlas([6, 6, 4], [GENES[i] for i in order], levels[:, order])
        table = analyse(region_pair(ONE, TWO, atlas=shuffled)).table
        # the mean over a gene's probes is summed in another order
        pd.testing.assert_frame_equal(table, analyse(make_pair(levels)).table, rtol=1e-12)


class TestCriticalF:
    @pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
    @pytest.mark.parametrize(
        ("exchange", "n_permutations"), [("within-donor", 199), ("within-donor", 300), ("free", 199)]
    )
    @pytest.mark.parametrize("alpha", [0.05, 0.5])
    def test_is_where_p_fwe_passes_alpha(self, statistic, exchange, n_permutations, alpha):
        result = analyse(
            make_pair(), statistic=statistic, exchange=exchange, n_permutations=n_permutations, alpha=alpha
        )
        critical, table = result.record.permutation.f_critical, result.table
        np.testing.assert_array_equal(table["p_fwe"] <= alpha, table["f"] >= critical)
        largest = np.max([result.permutation_null(gene) for gene in table["gene"]], axis=0)
        added = 0 if result.record.permutation.exhaustive else 1
        for f, is_significant in ((critical, True), (critical * (1 - 1e-6), False)):
            p = ((largest >= f).sum() + added) / (len(largest) + added)
            assert (p <= alpha) == is_significant

    def test_is_none_where_no_f_is_significant(self):
        with pytest.warns(DesignWarning, match="no gene can be significant at alpha"):
            result = analyse(make_pair(), n_permutations=15)
        assert result.record.permutation.f_critical is None


class TestRecord:
    def test_it_says_what_was_done(self):
        result = analyse(make_pair(genes=["A", "D"]), statistic="sequential", exchange="free", probes="mean", alpha=0.1)
        assert result.record.arguments == Arguments(
            statistic="sequential",
            exchange="free",
            probes="mean",
            overlap="higher-probability",
            alpha=0.1,
            n_permutations=199,
            donors=("H0351.2001", "H0351.2002", "H0351.1009"),
            genes=("A", "D"),
        )
        design = result.record.design
        assert design.donors[0] == DonorCounts("H0351.2001", (3, 2), 1.2)
        assert design.relabellings["within-donor"] == 10 * 10 * 2
        assert result.record.permutation.smallest_p == 1 / 200
        assert result.region_names == result.record.region_names == ("one", "two")
        assert result.query.atlas.name == "toy atlas"

    def test_too_few_permutations_for_alpha_warn(self):
        with pytest.warns(DesignWarning, match=r"no gene can be significant at alpha = 0\.05.*can give is 0\.1000;"):
            result = analyse(make_pair(), n_permutations=9)
        [finding] = [finding for finding in result.record.findings if isinstance(finding, UnreachableAlpha)]
        assert (finding.smallest_p, finding.n_relabellings, finding.exhaustive) == (0.1, 9, False)

    def test_a_design_that_cannot_reach_alpha_warns(self):
        pair = region_pair(wells("a", 1000, 1001), wells("b", 1002, 1003), atlas=ToyAtlas([6, 6], GENES))
        with pytest.warns(DesignWarning, match=r"no gene can be significant .* can give is 0\.3333"):
            analyse(pair)

    def test_the_smallest_q_fdr_is_explained(self):
        with pytest.warns(DesignWarning, match="at least 2 genes would have to share the smallest p"):
            result = analyse(make_pair(), n_permutations=39)
        [finding] = [finding for finding in result.record.findings if isinstance(finding, FdrOutOfReach)]
        assert (finding.n_tested, finding.n_needed, finding.n_relabellings) == (4, 2, 39)


class TestRefusals:
    def test_options_are_checked_before_anything_is_done(self):
        with pytest.raises(OptionError, match="n_permutations must be a whole number of at least 1; got 0"):
            analyse(make_pair(), n_permutations=0)

    def test_covariates_of_another_kind(self):
        with pytest.raises(OptionError, match=r"covariates are names, tables by well_id, gene sets .*; got 3"):
            analyse(make_pair(), covariates=3)

    def test_more_than_two_regions(self):
        group = region_group([ONE, TWO, wells("three", 1005, 2005)], atlas=ToyAtlas([6, 6, 4], GENES))
        with pytest.raises(OptionError, match=r"compares two regions; got 3: .*omnibus_test"):
            analyse(group)

    def test_no_donor_with_both_regions(self):
        pair = region_pair(wells("one", 1000, 1001), wells("two", 2000, 2001), atlas=ToyAtlas([6, 6], GENES))
        with pytest.raises(DesignError, match="no donor has samples in both 'one'"):
            analyse(pair)

    def test_too_few_samples(self):
        pair = region_pair(wells("one", 1000), wells("two", 1001), atlas=ToyAtlas([6, 6], GENES))
        with pytest.raises(DesignError, match="leave 0 residual degrees of freedom"):
            analyse(pair)


def test_family_wise_error_of_the_defaults_on_null_data():
    """500 null data sets, donors of different spread and offset: the share with p_fwe <= 0.05 is binomial.

    p_fwe is exact here, so the number of data sets with a p_fwe <= 0.05 has the distribution B(500, 0.05): 99.9 %
    of it lies within the bounds. The seed is fixed.
    """
    n_data_sets, alpha, m = 500, 0.05, 199
    rng = np.random.default_rng(2018)
    design = make_design([(7, 3), (0, 1), (2, 1), (5, 4), (0, 3), (2, 0)])
    spread, offset = np.array([0.3, 1.0, 2.0, 1.0, 3.0, 0.5]), np.array([0, 2, -1, 1, -3, 0.5])
    n_errors = 0
    for _ in range(n_data_sets):
        shared = rng.normal(size=(1, design.n_samples))  # genes that go together, as real ones do
        values = rng.normal(size=(10, design.n_samples)) + shared
        values = values * spread[design.donors] + offset[design.donors]
        relabellings = draw_relabellings(design, "within-donor", m, rng)
        p_fwe = count_exceedances(values, design, relabellings).p_values().fwe
        n_errors += bool((p_fwe <= alpha).any())
    low, high = stats.binom(n_data_sets, alpha).interval(0.999)
    assert low <= n_errors <= high


def test_the_simulated_atlas_gives_its_planted_genes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)
        result = jugex.compare(*jugex.demo_regions(), atlas="simulated", rng=0, n_permutations=2000)
    steps = result.table[(result.table["evidence"] == "spatial").to_numpy(dtype=bool)]
    assert set(steps["gene"]) == {"MAOA", "TAC1"}
    assert (steps["diff"] < 0).all()  # higher in B
    assert set(steps["gene"]) < set(result.significant["gene"])  # gradients and single donors besides
    assert len(result.table) >= 400
