"""What each donor says of a difference, against its definition."""

from __future__ import annotations

import numpy as np

from jugex.stats.effects import adjusted_difference, compute_donor_differences
from tests.stats.designs import LAYOUTS, make_design, make_values


def test_differences_are_those_of_each_donor_s_means():
    rng = np.random.default_rng(0)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    values = make_values(design, 8, rng)
    found = compute_donor_differences(values, design)
    assert found.donors.tolist() == [0, 2, 3]
    for column, donor in enumerate(found.donors):
        here = design.donors == donor
        one, two = values[:, here & design.labels], values[:, here & ~design.labels]
        np.testing.assert_allclose(found.diff[:, column], one.mean(axis=1) - two.mean(axis=1), rtol=1e-12)
    # weighted by w_d they are the adjusted difference
    weighted = found.diff @ found.weights / found.weights.sum()
    np.testing.assert_allclose(weighted, adjusted_difference(values, design), rtol=1e-9)


def test_signs_are_counted_against_the_weighted_difference():
    design = make_design([(2, 2), (2, 2), (2, 2)])
    difference = np.array([3.0, 1.0, -1.0])
    values = (design.labels * difference[design.donors])[None]
    for signed in (values, -values):
        assert compute_donor_differences(signed, design).n_same_sign.tolist() == [2]


def test_one_donor_agrees_with_itself():
    rng = np.random.default_rng(4)
    design = make_design(LAYOUTS["one donor"], rng)
    assert compute_donor_differences(make_values(design, 3, rng), design).n_same_sign.tolist() == [1, 1, 1]
