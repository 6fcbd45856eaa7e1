"""Relabellings: each once or uniform, the scheme's counts, reproducible, never without F; and what ties by symmetry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from jugex.stats.design import Design
from jugex.stats.relabelling import (
    Shuffles,
    draw_relabellings,
    enumerate_relabellings,
    find_smallest_p,
    find_tied,
    make_relabellings,
)
from tests.stats.designs import LAYOUTS, LAYOUTS_OF_MORE, make_design

EVERY_LAYOUT = [*LAYOUTS.values(), *LAYOUTS_OF_MORE.values()]
SMALL = [(2, 1, 1), (1, 1, 1)]  # 12 times 6 relabellings
EXCHANGES = ["within-donor", "free"]


def as_codes(design, draws):
    return np.where(draws, 0, 1) if design.n_regions == 2 else draws


class TestDrawn:
    @pytest.mark.parametrize("layout", EVERY_LAYOUT)
    def test_within_donor_keeps_the_counts_of_each_donor(self, layout):
        design = make_design(layout)
        drawn = draw_relabellings(design, "within-donor", 300, np.random.default_rng(0))
        assert (design.count(drawn.draws) == design.counts).all()
        assert (drawn.n_redrawn, drawn.n_relabellings, drawn.is_exhaustive) == (0, 300, False)

    @pytest.mark.parametrize("layout", EVERY_LAYOUT)
    def test_free_keeps_the_sizes_of_the_regions_and_the_rank_of_area(self, layout):
        design = make_design(layout)
        drawn = draw_relabellings(design, "free", 300, np.random.default_rng(0)).draws
        assert (design.count(drawn).sum(axis=1) == design.counts.sum(axis=0)).all()
        for codes in as_codes(design, drawn)[:30]:
            indicators = (codes == np.arange(design.n_regions)[:, None]).astype(float)
            assert np.linalg.matrix_rank(design.within_donors(indicators)) == design.df_area

    @pytest.mark.parametrize(
        ("layout", "exchange"),
        [
            ([(2, 2), (1, 2)], "within-donor"),
            ([(1, 1), (1, 1)], "free"),
            ([(2, 3)], "within-donor"),
            (SMALL, "within-donor"),
        ],
    )
    def test_all_are_equally_likely(self, layout, exchange):
        design = make_design(layout)
        drawn = draw_relabellings(design, exchange, 20_000, np.random.default_rng(1))
        _, counts = np.unique(drawn.draws, axis=0, return_counts=True)
        assert len(counts) == design.n_relabellings(exchange)
        # fixed seed: the bound only says that the seed is not an outlier
        assert stats.chisquare(counts).pvalue > 0.001
        if exchange == "free":  # 2 of the 6 labellings give each donor one region
            assert stats.binomtest(drawn.n_redrawn, 20_000 + drawn.n_redrawn, 1 / 3).pvalue > 0.001

    @pytest.mark.parametrize("exchange", EXCHANGES)
    @pytest.mark.parametrize("layout", [LAYOUTS["unbalanced"], LAYOUTS_OF_MORE["unbalanced"]])
    def test_a_longer_series_begins_with_the_shorter_one(self, layout, exchange):
        design = make_design(layout)
        long, short = (draw_relabellings(design, exchange, m, np.random.default_rng(5)).draws for m in (3000, 700))
        np.testing.assert_array_equal(long[:700], short)

    def test_those_without_f_count_as_the_smallest_where_they_are_not_redrawn(self):
        design = make_design([(1, 1), (1, 1)])
        drawn = draw_relabellings(design, "free", 3_000, np.random.default_rng(2), redraw=False)
        assert (drawn.n_redrawn, drawn.n_relabellings) == (0, 3_000)
        assert stats.binomtest(drawn.n_smallest, 3_000, 1 / 3).pvalue > 0.001
        every = make_relabellings(design, "free", 100, np.random.default_rng(2), redraw=False)
        assert (len(every.draws), every.n_smallest, every.is_exhaustive) == (4, 2, True)

    @pytest.mark.parametrize("redraw", [True, False])
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_as_many_as_were_asked_for(self, exchange, redraw):
        design = make_design([(1, 1), (1, 1)])  # freely, one in three has no F
        for m in range(1, 25):
            drawn = draw_relabellings(design, exchange, m, np.random.default_rng(m), redraw=redraw)
            assert drawn.n_relabellings == m
            assert len(drawn.draws) == m - drawn.n_smallest
            assert design.is_estimable(drawn.draws).all()

    def test_shuffles_are_orders_of_the_samples(self):
        design = make_design(LAYOUTS["unbalanced"])
        shuffles = make_relabellings(design, "freedman-lane", 20, np.random.default_rng(0))
        assert isinstance(shuffles, Shuffles)
        np.testing.assert_array_equal(np.sort(shuffles.draws), np.tile(np.arange(design.n_samples), (20, 1)))


class TestEnumerated:
    @pytest.mark.parametrize(
        "layout",
        [
            [(2, 2), (1, 2)], [(1, 1), (1, 1)], [(2, 3)], [(2, 1), (2, 0), (0, 1)], [(1, 3), (2, 2), (0, 2)],
            SMALL, [(2, 0, 1), (1, 2, 1)], [(1, 1, 0), (1, 0, 1), (0, 1, 0)],
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("exchange", EXCHANGES)
    def test_each_is_there_once(self, layout, exchange):
        design = make_design(layout)
        every = enumerate_relabellings(design, exchange)
        assert every.is_exhaustive
        assert len(every.draws) == len(np.unique(every.draws, axis=0))
        # of two regions those without F are not among the number
        n_without_f = 0 if design.n_regions == 2 else every.n_redrawn
        assert len(every.draws) + n_without_f == design.n_relabellings(exchange)
        counts = design.count(every.draws)
        if exchange == "within-donor":
            assert (counts == design.counts).all()
        assert (counts.sum(axis=1) == design.counts.sum(axis=0)).all()
        assert (every.draws == design.observed).all(axis=1).sum() == 1
        assert design.is_estimable(every.draws).all()

    def test_freely_those_of_a_lower_rank_are_left_out_and_counted(self):
        design = make_design([(1, 1, 0), (1, 0, 1), (0, 1, 0)])
        every = enumerate_relabellings(design, "free")
        ranks = [
            np.linalg.matrix_rank(design.within_donors((codes == np.arange(3)[:, None]).astype(float)))
            for codes in every.draws
        ]
        assert set(ranks) == {2}
        assert every.n_redrawn > 0

    @pytest.mark.parametrize(("layout", "n"), [([(2, 3), (1, 2)], 30), (SMALL, 72)])
    def test_few_are_enumerated_and_many_drawn(self, layout, n):
        design = make_design(layout)
        for m in (n - 1, n, 1000):
            made = make_relabellings(design, "within-donor", m, np.random.default_rng(0))
            assert made.is_exhaustive == (m >= n)
            assert len(made.draws) == min(m, n)


class TestCollinearWithCovariates:
    def test_of_two_regions_are_left_out(self):
        side = np.tile([1.0, 1.0, 0.0, 0.0], 2)
        design = Design(np.tile([0, 1], 4), np.repeat([0, 1], 4), 2, side[:, None])
        every = enumerate_relabellings(design, "within-donor")
        # of the 6 x 6 relabellings the sides themselves and their mirror image are collinear in both donors, 2 x 1
        # of them with the same sign
        assert (every.n_redrawn, len(every.draws)) == (2, 34)
        drawn = draw_relabellings(design, "within-donor", 500, np.random.default_rng(0))
        assert drawn.n_redrawn > 0
        assert design.is_estimable(drawn.draws).all()
        # the observed labels and their mirror image, of 34, or of all
        assert find_smallest_p(design, "within-donor", 100) == pytest.approx(2 / 34)
        assert find_smallest_p(design, "within-donor", 100, redraw=False) == pytest.approx(2 / 36)

    def test_of_more_regions_are_left_out(self):
        design = make_design(SMALL, np.random.default_rng(5))
        every = enumerate_relabellings(design, "within-donor").draws
        marked = every[7] == 2  # collinear wherever region 3 has just these samples
        design = replace(design, covariates=marked[:, None].astype(float))
        found = enumerate_relabellings(design, "within-donor")
        same = ((every == 2) == marked).all(axis=1)
        assert 0 < same.sum() <= found.n_redrawn
        assert found.n_redrawn + len(found.draws) == len(every) == 72


class TestTied:
    @pytest.mark.parametrize(
        ("layout", "exchange"),
        [
            *((layout, exchange) for layout in (SMALL, [(1, 1, 1)] * 2, [(2, 3), (1, 1)]) for exchange in EXCHANGES),
            ([(1, 1, 0), (1, 0, 1)], "within-donor"),
            ([(2, 2, 0, 0), (0, 0, 1, 2)], "within-donor"),
        ],
    )
    def test_span_the_space_of_the_observed_one(self, layout, exchange):
        design = make_design(layout)
        every = enumerate_relabellings(design, exchange)

        def project(codes):
            left = design.within_donors((codes == np.arange(design.n_regions)[:, None]).astype(float)).T
            return left @ np.linalg.pinv(left)

        observed = project(design.codes)
        expected = [np.allclose(project(codes), observed, atol=1e-9) for codes in as_codes(design, every.draws)]
        np.testing.assert_array_equal(find_tied(design, every.draws), expected)  # entries of order 1
        assert find_smallest_p(design, exchange, 10**6) == pytest.approx(np.mean(expected), rel=1e-12)

    @pytest.mark.parametrize("layout", [[(2, 2), (1, 1)], [(2, 3), (2, 1), (0, 2)], [(2, 1), (2, 0), (0, 1)]])
    @pytest.mark.parametrize("exchange", EXCHANGES)
    @pytest.mark.parametrize("adjusted", [True, False])
    def test_of_two_regions_are_as_many_as_the_design_says(self, layout, exchange, adjusted):
        design = make_design(layout)
        share = find_tied(design, enumerate_relabellings(design, exchange).draws, adjusted=adjusted).mean()
        assert share == pytest.approx(design.smallest_p(exchange, adjusted=adjusted), rel=1e-12)

    @pytest.mark.parametrize("exchange", EXCHANGES)
    @pytest.mark.parametrize("layout", [SMALL, [(2, 2, 2)], [(1, 1, 1)] * 2, [(2, 1, 2), (1, 2, 1)]])
    def test_are_at_least_as_many_as_the_design_says(self, layout, exchange):
        design = make_design(layout)
        assert 0 < design.smallest_p(exchange) <= find_smallest_p(design, exchange, 10**6)

    def test_of_drawn_ones_no_p_is_below_their_number_nor_that_of_the_design(self):
        design = make_design(LAYOUTS_OF_MORE["unbalanced"])
        assert find_smallest_p(design, "within-donor", 99) == 0.01
        design = make_design([(2, 2, 2), (2, 2, 2), (0, 0, 3)])  # 90^2 within donors; the third has no part in them
        assert find_smallest_p(design, "within-donor", 8100) == pytest.approx(6 / 8100)
        assert find_smallest_p(design, "within-donor", 4999) == 6 / 8100 > 1 / 5000
        assert find_smallest_p(design, "freedman-lane", 199) == 1 / 200
