"""Weights, counts of relabellings and smallest p against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jugex.analysis.design import Design
from jugex.analysis.effects import compute_effects
from jugex.errors import DesignError
from tests.analysis.designs import LAYOUTS, make_design

SMALL = {
    "balanced": [(1, 1), (2, 2)],
    "unbalanced": [(2, 1), (1, 3)],
    "one-sided, same size": [(1, 2), (2, 0), (0, 2)],
    "one-sided, sizes add up": [(2, 1), (2, 0), (1, 0), (0, 3)],
    "balanced but for one-sided donors": [(2, 2), (0, 1)],
    "one donor": [(2, 3)],
}


def enumerate_labels(design, exchange):
    for labels in product([False, True], repeat=design.n_samples):
        candidate = np.array(labels)
        n_1 = np.bincount(design.donors, weights=candidate)
        if exchange == "free" and candidate.sum() != design.labels.sum():
            continue
        if exchange == "within-donor" and not np.array_equal(n_1, design.n_1):
            continue
        if ((n_1 > 0) & (n_1 < design.n_per_donor)).any():  # else area is collinear with donor
            yield candidate


@pytest.mark.parametrize("layout", SMALL)
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
def test_number_of_relabellings_equals_enumeration(layout, exchange):
    design = make_design(SMALL[layout])
    assert design.n_relabellings(exchange) == sum(1 for _ in enumerate_labels(design, exchange))


@pytest.mark.parametrize("layout", SMALL)
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
@pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
def test_smallest_p_equals_enumeration(layout, exchange, statistic):
    """The relabellings tied with the observed for *every* y are those tied for a random one."""
    design = make_design(SMALL[layout])
    values = np.random.default_rng(0).normal(size=(1, design.n_samples))
    observed = compute_effects(values, values, design, statistic).f[0]
    relabelled = [
        compute_effects(values, values, Design(labels, design.donors), statistic).f[0]
        for labels in enumerate_labels(design, exchange)
    ]
    # ties are equal but for rounding; another labelling of normal data comes within 1e-9 with probability ~ 1e-8
    tied = np.isclose(relabelled, observed, rtol=1e-9).mean()
    assert design.smallest_p(exchange, adjusted=statistic == "adjusted") == pytest.approx(tied, rel=1e-12)


def test_weights_and_effective_donors():
    design = make_design(LAYOUTS["donors in one region only"])
    np.testing.assert_allclose(design.weights, [2.1, 0, 2 / 3, 20 / 9, 0, 0])
    assert design.n_informative_donors == 3
    assert design.effective_donors == pytest.approx((2.1 + 2 / 3 + 20 / 9) ** 2 / (2.1**2 + 4 / 9 + 400 / 81))
    assert design.df_resid == 28 - 6 - 1


def test_within_donors_is_the_projection_off_the_donors():
    rng = np.random.default_rng(1)
    design = make_design(LAYOUTS["unbalanced"], rng)
    values = rng.normal(size=(3, design.n_samples))
    indicators = (design.donors[:, None] == np.arange(design.n_donors)).astype(float)
    projection = np.eye(design.n_samples) - indicators @ np.linalg.pinv(indicators)
    # two orders of summation in float64, values of order 1
    np.testing.assert_allclose(design.within_donors(values), values @ projection, atol=1e-13)


def test_no_donor_with_both_regions_is_refused():
    design = make_design([(3, 0), (0, 4)])
    with pytest.raises(DesignError, match=r"no donor has samples in both 'V1' \(3 samples of 1 donor\)"):
        design.check_testable(("V1", "V2"))


def test_no_residual_degree_of_freedom_is_refused():
    design = make_design([(1, 1), (0, 1)])
    with pytest.raises(DesignError, match=r"3 samples of 2 donors leave 0 residual degrees of freedom"):
        design.check_testable(("V1", "V2"))


@pytest.mark.parametrize("donors", [[1, 1, 2], [0, 2, 2], [0, 1, 0], []])
def test_donors_are_numbered_in_rising_order(donors):
    with pytest.raises(ValueError, match="not numbered"):
        Design(labels=np.zeros(len(donors), dtype=bool), donors=np.array(donors, dtype=int))


def test_labels_and_donors_have_one_length():
    with pytest.raises(ValueError, match="not vectors of one length"):
        Design(labels=np.zeros(3, dtype=bool), donors=np.zeros(2, dtype=int))
