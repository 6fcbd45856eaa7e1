"""Differences by donor, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from jugex.analysis.design import Design
from jugex.analysis.donors import compute_donor_differences, drop_donor
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
    found = compute_donor_differences(values, design)
    assert found.donors.tolist() == [0, 2, 3]
    for column, donor in enumerate(found.donors):
        here = design.donors == donor
        one, two = values[:, here & design.labels], values[:, here & ~design.labels]
        np.testing.assert_allclose(found.diff[:, column], one.mean(axis=1) - two.mean(axis=1), rtol=1e-12)
    # weighted by w_d they are the adjusted difference
    weights = design.weights[found.donors]
    adjusted = compute_effects(values, values, design, "adjusted").diff
    np.testing.assert_allclose(found.diff @ weights / weights.sum(), adjusted, rtol=1e-9)


def test_signs_are_counted_against_the_weighted_difference():
    design = make_design([(2, 2), (2, 2), (2, 2)])
    difference = np.array([3.0, 1.0, -1.0])
    values = (design.labels * difference[design.donors])[None]
    found = compute_donor_differences(values, design)
    assert found.n_same_sign.tolist() == [2]
    assert compute_donor_differences(-values, design).n_same_sign.tolist() == [2]


def test_dropping_a_donor_leaves_the_others():
    design = make_design([(1, 2), (0, 1), (3, 1)])
    kept, without = drop_donor(design, 1)
    assert kept.tolist() == [True] * 3 + [False] + [True] * 4
    assert without.donors.tolist() == [0] * 3 + [1] * 4
    np.testing.assert_array_equal(without.labels, design.labels[kept])
    assert isinstance(without, Design)
