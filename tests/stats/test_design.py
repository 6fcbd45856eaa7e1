"""Weights, ranks, counts of relabellings and smallest p against brute force; designs that admit no test."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest

from jugex.errors import DesignError
from jugex.stats.design import Design
from tests.stats.designs import APART, LAYOUTS, LAYOUTS_OF_MORE, fit_f, make_design, take_draw

SMALL = {
    "balanced": [(1, 1), (2, 2)],
    "unbalanced": [(2, 1), (1, 3)],
    "one-sided, same size": [(1, 2), (2, 0), (0, 2)],
    "one-sided, sizes add up": [(2, 1), (2, 0), (1, 0), (0, 3)],
    "balanced but for one-sided donors": [(2, 2), (0, 1)],
    "one donor": [(2, 3)],
}
SMALL_OF_MORE = {
    "balanced": [(2, 2, 2)],
    "unbalanced": [(2, 1, 1), (1, 1, 1)],
    "a donor in one region": [(2, 1, 1), (0, 2, 0)],
    "two donors in one region": [(2, 1, 1), (0, 1, 0), (1, 0, 0)],
}


def enumerate_by_brute_force(design, exchange):
    """Every distinct relabelling of a scheme in which area has the observed rank."""
    if exchange == "free":
        every = set(permutations(design.codes.tolist()))
    else:
        every = {()}
        for donor in range(design.n_donors):
            of_donor = set(permutations(design.codes[design.donors == donor].tolist()))
            every = {before + after for before in every for after in of_donor}
    for codes in sorted(every):
        indicators = (np.array(codes)[:, None] == np.arange(design.n_regions)).astype(float)
        if np.linalg.matrix_rank(design.within_donors(indicators.T)) == design.df_area:
            yield np.array(codes)


@pytest.mark.parametrize("layout", SMALL)
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
def test_number_of_relabellings_of_two_regions_equals_enumeration(layout, exchange):
    design = make_design(SMALL[layout])
    assert design.n_relabellings(exchange) == sum(1 for _ in enumerate_by_brute_force(design, exchange))


def test_numbers_of_relabellings_of_more_regions_are_multinomial_coefficients():
    design = make_design(LAYOUTS_OF_MORE["unbalanced"])
    within = 105 * 60 * 756  # 7! / (4! 1! 2!), 6! / (1! 3! 2!), 9! / (2! 2! 5!)
    assert design.n_relabellings("within-donor") == within
    free = math.factorial(22) // (math.factorial(7) * math.factorial(6) * math.factorial(9))
    assert design.n_relabellings("free") == free


@pytest.mark.parametrize("layout", [*SMALL.values(), *SMALL_OF_MORE.values()])
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
def test_smallest_p_equals_enumeration(layout, exchange):
    """The relabellings tied with the observed for *every* y are those tied for a random one."""
    design = make_design(layout)
    values = np.random.default_rng(0).normal(size=(1, design.n_samples))
    relabelled = [
        fit_f(values, replace(design, codes=codes))[0] for codes in enumerate_by_brute_force(design, exchange)
    ]
    # ties are equal but for rounding; another labelling of normal data comes within 1e-9 with probability ~ 1e-8
    n_tied = np.isclose(relabelled, fit_f(values, design)[0], rtol=1e-9).sum()
    assert design.smallest_p(exchange) * design.n_relabellings(exchange) == pytest.approx(n_tied, rel=1e-12)


@pytest.mark.parametrize("layout", SMALL)
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
def test_smallest_p_of_the_sequential_f_equals_enumeration(layout, exchange):
    design = make_design(SMALL[layout])
    y = np.random.default_rng(0).normal(size=design.n_samples)

    def rss(
        codes,
    ):  # of area alone, and of the whole model: the sequential F rises with the one and falls with the other
        area = (codes[:, None] == np.arange(2)).astype(float)
        model = np.hstack([area, (design.donors[:, None] == np.arange(design.n_donors)).astype(float)])
        return [((y - x @ np.linalg.pinv(x) @ y) ** 2).sum() for x in (area, model)]

    relabelled = [rss(codes) for codes in enumerate_by_brute_force(design, exchange)]
    n_tied = np.isclose(relabelled, rss(design.codes), rtol=1e-9).all(axis=1).sum()
    assert design.smallest_p(exchange, adjusted=False) * len(relabelled) == pytest.approx(n_tied, rel=1e-12)


def test_weights_and_effective_donors():
    design = make_design(LAYOUTS["donors in one region only"])
    np.testing.assert_allclose(design.weights, [2.1, 0, 2 / 3, 20 / 9, 0, 0])
    assert design.n_informative_donors == 3
    assert design.effective_donors == pytest.approx((2.1 + 2 / 3 + 20 / 9) ** 2 / (2.1**2 + 4 / 9 + 400 / 81))
    assert design.df_resid == 28 - 6 - 1


@pytest.mark.parametrize("layout", LAYOUTS_OF_MORE)
def test_weights_are_sums_over_pairs_of_regions(layout):
    layout = LAYOUTS_OF_MORE[layout]
    design = make_design(layout)
    pairs = [sum(one * other for one, other in combinations(counts, 2)) / sum(counts) for counts in layout]
    np.testing.assert_allclose(design.weights, pairs, rtol=1e-12)  # other sums
    assert 1 <= design.effective_donors <= design.n_informative_donors


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), *LAYOUTS_OF_MORE.values(), *APART.values()])
def test_rank_of_area_is_that_of_the_indicators(layout):
    design = make_design(layout, np.random.default_rng(0))
    indicators = (design.codes[:, None] == np.arange(design.n_regions)).astype(float)
    assert design.df_area == np.linalg.matrix_rank(design.within_donors(indicators.T))
    assert design.df_area == design.n_regions - len(design.parts)
    assert design.df_resid == design.n_samples - design.n_donors - design.df_area


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), *LAYOUTS_OF_MORE.values(), *APART.values()])
def test_contrasts_span_area_and_are_orthonormal(layout):
    design = make_design(layout, np.random.default_rng(0))
    contrasts = design.observed_contrasts
    np.testing.assert_allclose(contrasts @ contrasts.T, np.eye(design.df_area), atol=1e-12)  # sums of some 20 products
    indicators = design.residualize((design.codes == np.arange(design.n_regions)[:, None]).astype(float))
    np.testing.assert_allclose(indicators @ contrasts.T @ contrasts, indicators, atol=1e-12)


def test_within_donors_is_the_projection_off_the_donors():
    rng = np.random.default_rng(1)
    design = make_design(LAYOUTS["unbalanced"], rng)
    values = rng.normal(size=(3, design.n_samples))
    indicators = (design.donors[:, None] == np.arange(design.n_donors)).astype(float)
    projection = np.eye(design.n_samples) - indicators @ np.linalg.pinv(indicators)
    # two orders of summation in float64, values of order 1
    np.testing.assert_allclose(design.within_donors(values), values @ projection, atol=1e-13)


def test_leaving_a_donor_out_leaves_the_others():
    design = replace(make_design([(1, 2), (0, 1), (3, 1)]), covariates=np.arange(8.0)[:, None])
    kept, others = design.without_donor(1)
    assert kept.tolist() == [True] * 3 + [False] + [True] * 4
    assert others.donors.tolist() == [0] * 3 + [1] * 4
    np.testing.assert_array_equal(others.codes, design.codes[kept])
    np.testing.assert_array_equal(others.covariates, design.covariates[kept])


class TestCovariates:
    @pytest.mark.parametrize("constant", [0.1, 33.3, 1 / 3, 1e6 + 0.1])
    def test_one_without_spread_adds_nothing(self, constant):
        """Where a donor is left out, what varied in it alone is constant: rounding must not become a covariate."""
        design = Design(np.tile([0, 1], 4), np.repeat([0, 1], 4), 2, np.full((8, 1), constant))
        assert design.basis.shape == (8, 0)
        assert design.df_resid == 8 - 2 - 1
        assert design.spread(design.observed)[0] == pytest.approx(2.0, rel=1e-15)

    @pytest.mark.parametrize("layout", [[(2, 3), (3, 2)], [(2, 1, 1), (1, 1, 1)]])
    def test_what_they_leave_of_a_contrast_is_estimable_as_long_as_the_model_has_full_rank(self, layout):
        rng = np.random.default_rng(5)
        design = make_design(layout, rng)
        marked = rng.permutation(design.codes) == 0  # some relabellings have this region there
        design = replace(design, covariates=marked[:, None].astype(float))
        for codes in {tuple(codes) for codes in enumerate_by_brute_force(replace(design, covariates=None), "free")}:
            areas = [np.array(codes) == region for region in range(design.n_regions)]
            model = np.column_stack([*(design.donors == d for d in range(design.n_donors)), marked, *areas])
            rank = np.linalg.matrix_rank(model.astype(float)) - design.n_donors - 1
            draw = (areas[0] if design.n_regions == 2 else np.array(codes))[None]
            assert design.is_estimable(draw)[0] == (rank == design.df_area)

    def test_share_left_is_that_of_the_contrast_that_loses_most(self):
        """Of two regions by hand; of three, as the smallest ratio over all contrasts, by scanning them."""
        rng = np.random.default_rng(6)
        design = replace(make_design([(4, 3), (5, 5)], rng), covariates=rng.normal(size=(17, 1)))
        without = replace(design, covariates=None)
        expected = design.spread(design.observed) / without.spread(design.observed)
        np.testing.assert_allclose(design.share_left_by_covariates(design.observed), expected, rtol=1e-12)

        design = replace(make_design([(4, 3, 3), (3, 4, 2)], rng), covariates=rng.normal(size=(19, 2)))
        without = replace(design, covariates=None)
        angles = np.linspace(0, np.pi, 2001)
        contrasts = np.cos(angles)[:, None] * (design.codes == 0) + np.sin(angles)[:, None] * (design.codes == 1)
        left, whole = ((x.residualize(contrasts) ** 2).sum(axis=1) for x in (design, without))
        # the minimum of a smooth function on a grid of 1.6e-3 is met to its square
        assert design.share_left_by_covariates(design.observed)[0] == pytest.approx((left / whole).min(), rel=1e-5)


class TestRefusals:
    def test_no_donor_with_both_regions(self):
        with pytest.raises(DesignError, match=r"no donor .* both 'V1' \(3 samples of 1 donor\) and 'V2' \(4 samples"):
            make_design([(3, 0), (0, 4)]).check_testable(("V1", "V2"))

    def test_no_donor_with_two_of_more_regions(self):
        with pytest.raises(DesignError, match=r"no donor has samples in two of 'one' \(3 samples of 1 donor\), 'two'"):
            make_design([(3, 0, 0), (0, 3, 0), (0, 0, 3)]).check_testable(("one", "two", "three"))

    @pytest.mark.parametrize(("layout", "n_samples"), [([(1, 1), (0, 1)], 3), ([(1, 1, 1), (1, 0, 0)], 4)])
    def test_no_residual_degree_of_freedom(self, layout, n_samples):
        with pytest.raises(DesignError, match=rf"{n_samples} samples of 2 donors leave 0 residual degrees of freedom"):
            make_design(layout).check_testable(("one", "two", "three")[: len(layout[0])])

    def test_covariates_that_tell_the_regions_apart(self):
        design = make_design([(3, 3), (2, 4)])
        design = replace(design, covariates=design.labels[:, None].astype(float))
        with pytest.raises(DesignError, match="the covariates tell 'V1' and 'V2' apart"):
            design.check_testable(("V1", "V2"))

    def test_free_exchange_over_regions_that_no_donor_links(self):
        design, names = make_design(APART["one region alone"]), ("one", "two", "three")
        design.check_testable(names, "within-donor")
        with pytest.raises(DesignError, match=r"\{one, two\} and \{three\}; labels exchanged over"):
            design.check_testable(names, "free")

    @pytest.mark.parametrize("donors", [[1, 1, 2], [0, 2, 2], [0, 1, 0], []])
    def test_donors_that_are_not_numbered_in_rising_order(self, donors):
        with pytest.raises(ValueError, match="not numbered"):
            Design(np.zeros(len(donors), dtype=int), np.array(donors, dtype=int))

    def test_codes_and_donors_of_different_lengths(self):
        with pytest.raises(ValueError, match="not vectors of one length"):
            Design(np.zeros(3, dtype=int), np.zeros(2, dtype=int))

    @pytest.mark.parametrize("codes", [[0, 1, 2], [-1, 0, 1]])
    def test_codes_of_regions_that_do_not_exist(self, codes):
        with pytest.raises(ValueError, match="numbers of 2 regions"):
            Design(np.array(codes), np.zeros(3, dtype=int))

    def test_covariates_of_other_samples(self):
        with pytest.raises(ValueError, match=r"covariates \(2, 1\) are not rows for 3 samples"):
            Design(np.array([0, 1, 0]), np.zeros(3, dtype=int), 2, np.ones((2, 1)))


def test_labels_are_the_first_of_two_regions():
    labels = np.array([True, False, True])
    design = Design.of_two(labels, np.zeros(3, dtype=int))
    np.testing.assert_array_equal(design.observed, labels[None])
    np.testing.assert_array_equal(take_draw(design, labels).codes, [0, 1, 0])
