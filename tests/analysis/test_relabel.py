"""Random relabellings: the scheme's counts, uniform, reproducible, never collinear with donor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jugex.analysis.relabel import draw_relabellings, enumerate_relabellings, make_relabellings
from tests.analysis.designs import LAYOUTS, make_design


def draw(layout, exchange, m, seed=0):
    design = make_design(layout)
    relabellings = draw_relabellings(design, exchange, m, np.random.default_rng(seed))
    assert not relabellings.is_exhaustive
    return design, relabellings.labels, relabellings.n_redrawn


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


@pytest.mark.parametrize(
    "layout", [[(2, 2), (1, 2)], [(1, 1), (1, 1)], [(2, 3)], [(2, 1), (2, 0), (0, 1)], [(1, 3), (2, 2), (0, 2)]]
)
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
def test_enumeration_has_each_relabelling_once(layout, exchange):
    design = make_design(layout)
    relabellings = enumerate_relabellings(design, exchange)
    labels = relabellings.labels
    assert relabellings.is_exhaustive
    assert len(labels) == len(np.unique(labels, axis=0)) == design.n_relabellings(exchange)
    counts = np.add.reduceat(labels, design.donor_starts, axis=1, dtype=int)
    if exchange == "within-donor":
        assert (counts == design.n_1).all()
    assert (labels.sum(axis=1) == design.labels.sum()).all()
    assert ((counts > 0) & (counts < design.n_per_donor)).any(axis=1).all()
    assert (labels == design.labels).all(axis=1).sum() == 1


@pytest.mark.parametrize(("m", "is_exhaustive"), [(29, False), (30, True), (1000, True)])
def test_relabellings_are_enumerated_where_they_are_few(m, is_exhaustive):
    design = make_design([(2, 3), (1, 2)])  # 10 x 3
    relabellings = make_relabellings(design, "within-donor", m, np.random.default_rng(0))
    assert relabellings.is_exhaustive == is_exhaustive
    assert len(relabellings.labels) == (30 if is_exhaustive else m)


def test_collinear_relabellings_count_as_the_smallest_where_they_are_not_redrawn():
    design = make_design([(1, 1), (1, 1)])
    drawn = draw_relabellings(design, "free", 3_000, np.random.default_rng(2), redraw=False)
    assert (drawn.n_redrawn, len(drawn.labels) + drawn.n_smallest) == (0, 3_000)
    assert stats.binomtest(drawn.n_smallest, 3_000, 1 / 3).pvalue > 0.001
    every = make_relabellings(design, "free", 100, np.random.default_rng(2), redraw=False)
    assert (len(every.labels), every.n_smallest, every.is_exhaustive) == (4, 2, True)
