"""The omnibus test of k regions: against statsmodels, the two-region engine and brute force."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jugex.analysis import engine
from jugex.analysis.design import Design
from jugex.analysis.effects import compute_effects
from jugex.analysis.engine import count_exceedances, count_scores
from jugex.analysis.group_design import GroupDesign
from jugex.analysis.group_relabel import draw_group_relabellings, enumerate_group_relabellings, make_group_relabellings
from jugex.analysis.group_scores import OmnibusScorer, compute_omnibus_effects, find_smallest_group_p
from jugex.analysis.relabel import draw_relabellings, enumerate_relabellings
from jugex.errors import DesignError

#: Samples of each donor in each region.
LAYOUTS = {
    "balanced": [(3, 3, 3), (3, 3, 3)],
    "unbalanced": [(4, 1, 2), (1, 3, 2), (2, 2, 5)],
    "four regions, gaps": [(3, 2, 0, 1), (0, 2, 2, 1), (2, 0, 1, 0), (0, 0, 3, 0)],
    "linked by way of others": [(3, 2, 0), (0, 2, 4)],
    "one donor": [(3, 4, 2)],
}
APART = {
    "two pairs": [(2, 2, 0, 0), (0, 0, 3, 2)],
    "one region alone": [(2, 3, 0), (3, 1, 0), (0, 0, 4)],
}
SMALL = [(2, 1, 1), (1, 1, 1)]  # 12 times 6 relabellings


def make_group(layout, rng=None):
    counts = np.array(layout)
    donors = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    codes = np.concatenate([np.repeat(np.arange(counts.shape[1]), row) for row in counts])
    if rng is not None:
        codes = codes[np.argsort(donors + rng.random(len(donors)))]
    return GroupDesign(codes, donors, counts.shape[1])


def make_values(design, n_genes, rng):
    values = rng.normal(size=(n_genes, len(design.codes)))
    values += rng.normal(size=(n_genes, design.blocks.n_donors))[:, design.donors]
    values[::2] += design.codes
    return values


def count(values, design, relabellings, n_threads=1):
    return count_scores(
        OmnibusScorer(values, design), relabellings.codes, design.codes[None],
        is_exhaustive=relabellings.is_exhaustive, n_threads=n_threads,
    )  # fmt: skip


def brute_force_f(values, codes, donors):
    """F from the residuals of two least-squares fits, whatever the ranks of their models."""
    of_donors = (donors[:, None] == np.unique(donors)).astype(float)
    with_area = np.hstack([of_donors, (codes[:, None] == np.unique(codes)).astype(float)])
    fits = [np.linalg.lstsq(model, values.T, rcond=None) for model in (of_donors, with_area)]
    rss = [
        ((values.T - model @ fit[0]) ** 2).sum(axis=0) for model, fit in zip((of_donors, with_area), fits, strict=True)
    ]
    rank = fits[1][2] - fits[0][2]
    return (rss[0] - rss[1]) / rank / (rss[1] / (len(codes) - fits[1][2]))


class TestObserved:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_sums_of_squares_are_statsmodels(self, layout):
        ols = pytest.importorskip("statsmodels.formula.api").ols
        anova_lm = pytest.importorskip("statsmodels.stats.anova").anova_lm
        rng = np.random.default_rng(1)
        design = make_group(LAYOUTS[layout], rng)
        values = make_values(design, 3, rng)
        effects = compute_omnibus_effects(values, design)
        formula = "zscore ~ C(region)" + (" + C(donor)" if design.blocks.n_donors > 1 else "")
        for gene, of_gene in enumerate(values):
            frame = pd.DataFrame({"zscore": of_gene, "region": design.codes, "donor": design.donors})
            table = anova_lm(ols(formula, frame).fit(), typ=2)
            area, residual = table.loc["C(region)"], table.loc["Residual"]
            assert (area["df"], residual["df"]) == (design.df_area, design.df_resid)
            # a QR decomposition there, a Cholesky one here: both lose a few digits of 16
            assert effects.ss_area[gene] == pytest.approx(area["sum_sq"], rel=1e-9)
            assert effects.ss_resid[gene] == pytest.approx(residual["sum_sq"], rel=1e-9)
            assert effects.f[gene] == pytest.approx(area["F"], rel=1e-9)
            assert effects.p_parametric[gene] == pytest.approx(area["PR(>F)"], rel=1e-9)
            np.testing.assert_allclose(effects.means[gene], frame.groupby("region")["zscore"].mean())

    @pytest.mark.parametrize("layout", APART)
    def test_regions_that_no_donor_links_lower_the_rank(self, layout):
        rng = np.random.default_rng(2)
        design = make_group(APART[layout], rng)
        values = make_values(design, 3, rng)
        assert len(design.parts) == 2
        assert design.df_area == design.n_regions - 2
        expected = brute_force_f(values, design.codes, design.donors)
        np.testing.assert_allclose(compute_omnibus_effects(values, design).f, expected, rtol=1e-9)  # another way

    @pytest.mark.parametrize("layout", [[(4, 3), (2, 5), (0, 2)], [(1, 6), (3, 3)]])
    def test_two_regions_give_the_f_of_two_regions(self, layout):
        rng = np.random.default_rng(3)
        design = make_group(layout, rng)
        values = make_values(design, 5, rng)
        two = compute_effects(values, values, Design(design.codes == 0, design.donors), "adjusted")
        found = compute_omnibus_effects(values, design)
        for name in ("ss_area", "ss_resid", "f", "p_parametric", "partial_eta_sq"):
            np.testing.assert_allclose(getattr(found, name), getattr(two, name), rtol=1e-12)  # order of sums

    def test_regions_told_apart_without_residual_have_an_infinite_f(self):
        design = make_group([(2, 2, 2)])
        effects = compute_omnibus_effects(design.codes[None] ** 2.0, design)
        assert effects.f[0] > 1e25
        assert effects.partial_eta_sq[0] == pytest.approx(1)


class TestRelabellings:
    @pytest.mark.parametrize("layout", [SMALL, [(2, 0, 1), (1, 2, 1)], [(2, 2, 0, 0), (0, 0, 1, 2)]])
    def test_within_donors_all_are_enumerated_once(self, layout):
        design = make_group(layout)
        found = enumerate_group_relabellings(design, "within-donor")
        expected = {()}
        for donor in range(design.blocks.n_donors):
            of_donor = set(permutations(design.codes[design.donors == donor].tolist()))
            expected = {before + after for before in expected for after in of_donor}
        assert {tuple(row) for row in found.codes.tolist()} == expected
        assert len(found.codes) == len(expected) == design.n_relabellings("within-donor")
        assert found.is_exhaustive
        assert found.n_redrawn == 0

    def test_freely_those_of_a_lower_rank_are_left_out_and_counted(self):
        design = make_group([(1, 1, 0), (1, 0, 1), (0, 1, 0)])
        found = enumerate_group_relabellings(design, "free")
        every = set(permutations(design.codes.tolist()))
        assert design.n_relabellings("free") == len(every)

        def rank(codes):
            indicators = (np.array(codes)[:, None] == np.arange(3)).astype(float)
            return np.linalg.matrix_rank(design.blocks.within_donors(indicators.T))

        expected = {codes for codes in every if rank(codes) == 2}
        assert {tuple(row) for row in found.codes.tolist()} == expected
        assert found.n_redrawn == len(every) - len(expected) > 0

    def test_drawn_ones_of_a_lower_rank_are_drawn_again_and_counted(self):
        design = make_group([(1, 1, 0), (1, 0, 1), (0, 1, 0)])
        found = draw_group_relabellings(design, "free", 500, np.random.default_rng(0))
        assert len(found.codes) == 500
        assert found.n_redrawn > 0
        assert design.is_estimable(found.codes).all()
        np.testing.assert_array_equal(np.sort(found.codes), np.tile(np.sort(design.codes), (500, 1)))

    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    def test_a_longer_series_begins_with_the_shorter_one(self, exchange):
        design = make_group(LAYOUTS["unbalanced"])
        long, short = (draw_group_relabellings(design, exchange, m, np.random.default_rng(5)) for m in (1500, 60))
        np.testing.assert_array_equal(long.codes[:60], short.codes)

    def test_donors_keep_their_counts_within_donors(self):
        design = make_group(LAYOUTS["four regions, gaps"])
        drawn = draw_group_relabellings(design, "within-donor", 40, np.random.default_rng(0))
        assert (design.count(drawn.codes) == design.counts).all()
        assert len({tuple(row) for row in drawn.codes.tolist()}) > 30

    def test_few_are_enumerated_and_many_drawn(self):
        design = make_group(SMALL)
        assert design.n_relabellings("within-donor") == 72
        assert make_group_relabellings(design, "within-donor", 72, np.random.default_rng(0)).is_exhaustive
        assert not make_group_relabellings(design, "within-donor", 71, np.random.default_rng(0)).is_exhaustive

    def test_numbers_are_multinomial_coefficients(self):
        design = make_group(LAYOUTS["unbalanced"])
        within = 105 * 60 * 756  # 7! / (4! 1! 2!), 6! / (1! 3! 2!), 9! / (2! 2! 5!)
        assert design.n_relabellings("within-donor") == within
        free = math.factorial(22) // (math.factorial(7) * math.factorial(6) * math.factorial(9))
        assert design.n_relabellings("free") == free


class TestCounts:
    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    @pytest.mark.parametrize("exhaustive", [True, False])
    def test_p_values_are_those_of_brute_force(self, exchange, exhaustive):
        rng = np.random.default_rng(4)
        design = make_group(SMALL if exhaustive else LAYOUTS["unbalanced"], rng)
        values = make_values(design, 6, rng)
        relabellings = make_group_relabellings(design, exchange, 500 if exhaustive else 150, rng)
        assert relabellings.is_exhaustive == exhaustive
        permuted = np.array([brute_force_f(values, codes, design.donors) for codes in relabellings.codes])
        observed = brute_force_f(values, design.codes, design.donors)
        reached = observed * (1 - 1e-9)  # of F, which lstsq holds to some 13 digits
        added, m = (0, len(permuted)) if exhaustive else (1, len(permuted) + 1)
        found = count(values, design, relabellings).p_values()
        np.testing.assert_array_equal(found.perm, ((permuted >= reached).sum(axis=0) + added) / m)
        np.testing.assert_array_equal(found.fwe, ((permuted.max(axis=1)[:, None] >= reached).sum(axis=0) + added) / m)
        stepdown, largest = np.empty(6), 0.0
        for rank, gene in enumerate(np.argsort(-observed)):
            below = permuted[:, np.argsort(-observed)[rank:]].max(axis=1)
            largest = max(largest, ((below >= reached[gene]).sum() + added) / m)
            stepdown[gene] = largest
        np.testing.assert_array_equal(found.fwe_stepdown, stepdown)

    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    @pytest.mark.parametrize("is_enumerated", [True, False])
    def test_two_regions_give_the_p_of_two_regions(self, exchange, is_enumerated):
        rng = np.random.default_rng(6)
        design = make_group([(2, 3), (2, 1), (0, 1)] if is_enumerated else [(4, 5), (6, 3), (0, 4)], rng)
        values = make_values(design, 8, rng)
        two = Design(design.codes == 0, design.donors)
        if is_enumerated:
            of_two = enumerate_relabellings(two, exchange)
            of_group = enumerate_group_relabellings(design, exchange)
        else:
            of_two = draw_relabellings(two, exchange, 300, np.random.default_rng(0))
            of_group = draw_group_relabellings(design, exchange, 300, np.random.default_rng(0))
            np.testing.assert_array_equal(of_group.codes == 0, of_two.labels)
        expected = count_exceedances(values, two, of_two).p_values()
        for found, known in zip(count(values, design, of_group).p_values(), expected, strict=True):
            np.testing.assert_array_equal(found, known)

    def test_blocks_and_threads_change_nothing(self, monkeypatch):
        rng = np.random.default_rng(7)
        design = make_group(LAYOUTS["four regions, gaps"], rng)
        values = make_values(design, 40, rng)
        relabellings = draw_group_relabellings(design, "free", 700, rng)
        whole = count(values, design, relabellings)
        monkeypatch.setattr(engine, "_GENES_PER_BLOCK", 7)
        monkeypatch.setattr(engine, "_RELABELLINGS_PER_BLOCK", 90)
        parts = count(values, design, relabellings, n_threads=2)
        for name in ("own", "family", "stepdown"):
            np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))

    @settings(max_examples=20)
    @given(seed=st.integers(0, 10**6), layout=st.sampled_from(sorted(LAYOUTS)))
    def test_order_of_genes_and_names_of_regions_decide_nothing(self, seed, layout):
        rng = np.random.default_rng(seed)
        design = make_group(LAYOUTS[layout], rng)
        values = make_values(design, 6, rng)
        relabellings = draw_group_relabellings(design, "within-donor", 60, rng)
        expected = count(values, design, relabellings).p_values()
        assert (expected.perm <= expected.fwe_stepdown).all()
        assert (expected.fwe_stepdown <= expected.fwe).all()
        order, renamed = rng.permutation(6), rng.permutation(design.n_regions)
        other = GroupDesign(renamed[design.codes], design.donors, design.n_regions)
        again = type(relabellings)(renamed[relabellings.codes])
        for found, known in zip(count(values[order], other, again).p_values(), expected, strict=True):
            np.testing.assert_array_equal(found, known[order])


class TestSmallestP:
    @pytest.mark.parametrize(
        ("layout", "exchange"),
        [
            *((layout, exchange) for layout in (SMALL, [(1, 1, 1)] * 2) for exchange in ("within-donor", "free")),
            ([(1, 1, 0), (1, 0, 1)], "within-donor"),
            ([(2, 2, 0, 0), (0, 0, 1, 2)], "within-donor"),
        ],
    )
    def test_counts_the_relabellings_that_span_the_observed_space(self, layout, exchange):
        design = make_group(layout)
        relabellings = enumerate_group_relabellings(design, exchange)

        def project(codes):
            left = design.blocks.within_donors((codes[:, None] == np.arange(design.n_regions)).astype(float).T).T
            return left @ np.linalg.pinv(left)

        observed = project(design.codes)
        tied = [np.allclose(project(codes), observed, atol=1e-9) for codes in relabellings.codes]  # entries of order 1
        assert find_smallest_group_p(design, relabellings, exchange) == np.mean(tied) > 0

    def test_counts_the_names_that_regions_can_change(self):
        design = make_group([(2, 2, 2)])  # six names for each of 15 ways to make pairs
        relabellings = enumerate_group_relabellings(design, "within-donor")
        assert find_smallest_group_p(design, relabellings, "within-donor") == 6 / 90

    def test_of_drawn_ones_is_their_number(self):
        design = make_group(LAYOUTS["unbalanced"])
        drawn = draw_group_relabellings(design, "within-donor", 99, np.random.default_rng(0))
        assert find_smallest_group_p(design, drawn, "within-donor") == 0.01

    def test_of_drawn_ones_is_at_least_that_of_all(self):
        design = make_group([(2, 2, 2), (2, 2, 2), (0, 0, 3)])  # 90^2 within donors; the third has no part in them
        every = enumerate_group_relabellings(design, "within-donor")
        drawn = draw_group_relabellings(design, "within-donor", 4999, np.random.default_rng(0))
        expected = find_smallest_group_p(design, every, "within-donor")
        assert find_smallest_group_p(design, drawn, "within-donor") == expected == 6 / 8100 > 1 / 5000

    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    @pytest.mark.parametrize("layout", [SMALL, [(2, 2, 2)], [(1, 1, 1)] * 2, [(2, 1, 2), (1, 2, 1)]])
    def test_renamings_are_tied_relabellings(self, layout, exchange):
        design = make_group(layout)
        share = design.n_renamings(exchange) / design.n_relabellings(exchange)
        assert 0 < share <= find_smallest_group_p(design, enumerate_group_relabellings(design, exchange), exchange)

    @pytest.mark.parametrize("layout", [[(2, 2), (1, 1), (0, 3)], [(2, 1), (1, 2)], [(3, 1)]])
    def test_renamings_of_two_regions_are_those_of_their_design(self, layout):
        design = make_group(layout)
        share = design.n_renamings("within-donor") / design.n_relabellings("within-donor")
        assert share == design.blocks.smallest_p("within-donor")


class TestWeights:
    def test_of_two_regions_are_those_of_their_difference(self):
        design = make_group([(4, 3), (2, 5), (0, 2)])
        np.testing.assert_allclose(design.weights, design.blocks.weights, rtol=1e-12)  # other sums
        assert design.effective_donors == pytest.approx(design.blocks.effective_donors, rel=1e-12)
        assert design.n_informative_donors == design.blocks.n_informative_donors == 2

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_are_sums_over_pairs_of_regions(self, layout):
        design = make_group(LAYOUTS[layout])
        pairs = [sum(one * other for one, other in combinations(counts, 2)) / sum(counts) for counts in LAYOUTS[layout]]
        np.testing.assert_allclose(design.weights, pairs, rtol=1e-12)  # other sums
        assert 1 <= design.effective_donors <= design.n_informative_donors


class TestRefusals:
    NAMES = ("one", "two", "three")

    def test_no_donor_with_two_regions(self):
        design = make_group([(3, 0, 0), (0, 3, 0), (0, 0, 3)])
        with pytest.raises(
            DesignError, match="no donor has samples in two of the 3 regions, so regions cannot be told"
        ):
            design.check_testable(self.NAMES, "within-donor")

    def test_no_residual_degree_of_freedom(self):
        design = make_group([(1, 1, 1)])
        with pytest.raises(DesignError, match="3 samples of 1 donor leave 0 residual degrees of freedom beside 3"):
            design.check_testable(self.NAMES, "within-donor")

    def test_free_exchange_over_regions_that_no_donor_links(self):
        design = make_group(APART["one region alone"])
        design.check_testable(self.NAMES, "within-donor")
        with pytest.raises(
            DesignError, match=r"two of these groups: \{one, two\} and \{three\}; labels exchanged over"
        ):
            design.check_testable(self.NAMES, "free")
