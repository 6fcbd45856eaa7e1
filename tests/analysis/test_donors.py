"""Donor-level evidence against its definitions and scipy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from jugex.analysis.design import Design
from jugex.analysis.donors import can_several_carry, compute_donor_evidence, drop_donor, judge_carriers
from jugex.analysis.effects import compute_effects
from tests.analysis.designs import LAYOUTS, make_design, make_values

LAYOUT = LAYOUTS["donors in one region only"]


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    design = make_design(LAYOUT, rng)
    return make_values(design, 8, rng), design


def test_differences_are_those_of_each_donor_s_means(case):
    values, design = case
    evidence = compute_donor_evidence(values, design)
    assert evidence.donors.tolist() == [0, 2, 3]
    for column, donor in enumerate(evidence.donors):
        here = design.donors == donor
        one, two = values[:, here & design.labels], values[:, here & ~design.labels]
        np.testing.assert_allclose(evidence.diff[:, column], one.mean(axis=1) - two.mean(axis=1), rtol=1e-12)
    # weighted by w_d they are the adjusted difference
    weights = design.weights[evidence.donors]
    adjusted = compute_effects(values, values, design, "adjusted").diff
    np.testing.assert_allclose(evidence.diff @ weights / weights.sum(), adjusted, rtol=1e-9)


def test_p_donor_is_the_share_of_sign_vectors_of_the_statistic(case):
    """The statistic with its denominator, recomputed for each vector, as defined."""
    values, design = case
    evidence = compute_donor_evidence(values, design)
    residuals = design.within_donors(values)
    scale = np.sqrt((residuals**2).sum(axis=1) / (design.n_samples - design.n_donors))
    weights = design.weights[evidence.donors]
    statistic = np.array([np.abs(evidence.diff @ (weights * s)) / scale for s in product([1, -1], repeat=3)])
    expected = (statistic >= statistic[0] * (1 - 1e-9)).mean(axis=0)
    np.testing.assert_array_equal(evidence.p_donor, expected)
    assert evidence.p_donor.min() >= 2 / 2**3


def test_p_donor_fwe_is_the_share_of_sign_vectors_of_the_largest_statistic(case):
    """By brute force: T of every gene under every vector, as defined."""
    values, design = case
    evidence = compute_donor_evidence(values, design)
    residuals = design.within_donors(values)
    scale = np.sqrt((residuals**2).sum(axis=1) / (design.n_samples - design.n_donors))
    weights = design.weights[evidence.donors]
    largest = [max(np.abs(evidence.diff @ (weights * s)) / scale) for s in product([1, -1], repeat=3)]
    observed = np.abs(evidence.diff @ weights) / scale
    expected = [np.mean(np.array(largest) >= t * (1 - 1e-9)) for t in observed]
    np.testing.assert_array_equal(evidence.p_donor_fwe, expected)
    assert (evidence.p_donor_fwe >= evidence.p_donor).all()
    assert len(set(evidence.p_donor_fwe)) > 2


def test_p_donor_fwe_does_not_depend_on_the_scale_of_a_gene(case):
    values, design = case
    scaled = values * 10.0 ** np.arange(len(values))[:, None]
    expected = compute_donor_evidence(values, design).p_donor_fwe
    np.testing.assert_array_equal(compute_donor_evidence(scaled, design).p_donor_fwe, expected)


def test_p_donor_fwe_of_one_gene_is_p_donor(case):
    values, design = case
    evidence = compute_donor_evidence(values[:1], design)
    assert evidence.p_donor_fwe.tolist() == evidence.p_donor.tolist()


def test_p_donor_of_equal_weights_equals_scipy():
    rng = np.random.default_rng(3)
    design = make_design([(3, 3)] * 6, rng)
    values = make_values(design, 5, rng)
    evidence = compute_donor_evidence(values, design)
    for gene in range(5):
        reference = stats.permutation_test(
            (evidence.diff[gene],), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
        )
        assert evidence.p_donor[gene] == reference.pvalue


def test_mean_and_interval_are_those_of_a_t_test(case):
    values, design = case
    evidence = compute_donor_evidence(values, design)
    reference = stats.ttest_1samp(evidence.diff, 0, axis=1)
    interval = reference.confidence_interval(0.95)
    np.testing.assert_allclose(evidence.mean, evidence.diff.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(evidence.ci_low, interval.low, rtol=1e-9)
    np.testing.assert_allclose(evidence.ci_high, interval.high, rtol=1e-9)


def test_signs_are_counted_against_the_weighted_difference():
    design = make_design([(2, 2), (2, 2), (2, 2)])
    difference = np.array([3.0, 1.0, -1.0])
    values = (design.labels * difference[design.donors])[None]
    evidence = compute_donor_evidence(values, design)
    assert evidence.same_sign == ["2/3"]
    assert compute_donor_evidence(-values, design).same_sign == ["2/3"]


def test_one_donor_has_no_interval_and_is_untestable():
    rng = np.random.default_rng(4)
    design = make_design([(4, 5)], rng)
    evidence = compute_donor_evidence(make_values(design, 3, rng), design)
    assert np.isnan(evidence.ci_low).all()
    assert (evidence.p_donor == 1).all()
    assert judge_carriers(evidence, None, 0.05) == ["untestable"] * 3


def test_more_donors_than_sign_vectors_can_be_listed_for_have_no_p_donor():
    rng = np.random.default_rng(5)
    design = make_design([(1, 1)] * 13, rng)
    evidence = compute_donor_evidence(make_values(design, 2, rng), design)
    assert np.isnan(evidence.p_donor).all()
    assert np.isnan(evidence.p_donor_fwe).all()


def test_dropping_a_donor_leaves_the_others():
    design = make_design([(1, 2), (0, 1), (3, 1)])
    kept, without = drop_donor(design, 1)
    assert kept.tolist() == [True] * 3 + [False] + [True] * 4
    assert without.donors.tolist() == [0] * 3 + [1] * 4
    np.testing.assert_array_equal(without.labels, design.labels[kept])
    assert isinstance(without, Design)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ([(3, 3)] * 3, True),
        ([(3, 3)] * 2, False),
        ([(9, 9), (1, 1), (1, 1)], False),
        ([(3, 3), (3, 3), (2, 2), (0, 5)], True),
    ],
)
def test_several_donors_can_carry_only_where_none_has_most_of_the_weight(layout, expected):
    assert can_several_carry(make_design(layout)) == expected


def test_several_donors_carry_a_difference_that_none_is_needed_for():
    design = make_design([(3, 3)] * 3)
    values = np.tile(design.labels * np.array([1.0, 1.0, 1.0])[design.donors], (4, 1))
    values[1] = design.labels * np.array([2.0, 2.0, -0.5])[design.donors]
    evidence = compute_donor_evidence(values, design)
    without = np.array([[0.01, 0.01, 0.01, 0.01], [0.05, 0.01, 0.06, 0.01], [0.01, 0.01, 0.01, np.nan]])
    assert judge_carriers(evidence, without, 0.05) == ["several", "one", "one", "one"]
    assert judge_carriers(evidence, None, 0.05) == ["one"] * 4
