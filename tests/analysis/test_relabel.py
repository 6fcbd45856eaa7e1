"""Random relabellings: the scheme's counts, uniform, reproducible, never collinear with donor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jugex.analysis.relabel import draw_relabellings
from tests.analysis.designs import LAYOUTS, make_design


def draw(layout, exchange, m, seed=0):
    design = make_design(layout)
    return design, *draw_relabellings(design, exchange, m, np.random.default_rng(seed))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_within_donor_keeps_the_counts_of_each_donor(layout):
    design, relabellings, n_redrawn = draw(LAYOUTS[layout], "within-donor", 300)
    counts = np.add.reduceat(relabellings, design.donor_starts, axis=1, dtype=int)
    assert (counts == design.n_1).all()
    assert n_redrawn == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_free_keeps_the_sizes_of_the_regions_and_is_never_collinear(layout):
    design, relabellings, _ = draw(LAYOUTS[layout], "free", 300)
    counts = np.add.reduceat(relabellings, design.donor_starts, axis=1, dtype=int)
    assert (counts.sum(axis=1) == design.n_1.sum()).all()
    assert ((counts > 0) & (counts < design.n_per_donor)).any(axis=1).all()


@pytest.mark.parametrize(
    ("layout", "exchange"), [([(2, 2), (1, 2)], "within-donor"), ([(1, 1), (1, 1)], "free"), ([(2, 3)], "within-donor")]
)
def test_all_relabellings_are_equally_likely(layout, exchange):
    design, relabellings, n_redrawn = draw(layout, exchange, 20_000, seed=1)
    _, counts = np.unique(relabellings, axis=0, return_counts=True)
    assert len(counts) == design.n_relabellings(exchange)
    # fixed seed: the bound only says that the seed is not an outlier
    assert stats.chisquare(counts).pvalue > 0.001
    if exchange == "free":  # 2 of the 6 labellings give each donor one region
        assert stats.binomtest(n_redrawn, 20_000 + n_redrawn, 1 / 3).pvalue > 0.001


def test_a_longer_series_begins_with_the_shorter_one():
    _, short, _ = draw(LAYOUTS["unbalanced"], "free", 700)
    _, long, _ = draw(LAYOUTS["unbalanced"], "free", 3000)
    np.testing.assert_array_equal(short, long[:700])
