"""The permutation test of pairs and of more regions: its parts are those computed by themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jugex.stats.corrections import false_discovery_rate
from jugex.stats.effects import adjusted_difference, compute_effects
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import make_relabellings
from jugex.stats.testing import PermutationSettings, permutation_test, permute
from tests.stats.designs import APART, LAYOUTS, LAYOUTS_OF_MORE, add_covariates, make_design, make_values

SETTINGS = PermutationSettings(n_permutations=99)
NAMES = ("one", "two", "three", "four")


def run(layout, settings=SETTINGS, *, n_genes=20, effect=0.0, with_covariates=False):
    rng = np.random.default_rng(0)
    design = make_design(layout, rng)
    design = add_covariates(design, rng) if with_covariates else design
    values = make_values(design, n_genes, rng) + effect * design.labels
    test = permutation_test(values, values, design, settings, np.random.default_rng(1), NAMES[: design.n_regions])
    return values, design, test


@pytest.mark.parametrize("layout", [LAYOUTS["unbalanced"], LAYOUTS_OF_MORE["unbalanced"]])
@pytest.mark.parametrize("exchange", ["within-donor", "free", "freedman-lane"])
def test_random_numbers_are_drawn_for_one_exchange_after_the_other(layout, exchange):
    values, design, test = run(layout, replace(SETTINGS, exchange=exchange))
    rng = np.random.default_rng(1)
    others = [other for other in ("within-donor", "free") if other != exchange]
    assert list(test.p_fwe_by_exchange) == [exchange, *others]
    for scheme in test.p_fwe_by_exchange:
        drawn = make_relabellings(design, scheme, 99, rng)
        p = count_exceedances(values, design, drawn).p_values()
        np.testing.assert_array_equal(test.p_fwe_by_exchange[scheme], p.fwe)
        if scheme == exchange:
            np.testing.assert_array_equal(test.p_values, p)
            np.testing.assert_array_equal(test.relabellings.draws, drawn.draws)
    np.testing.assert_array_equal(test.q_fdr, false_discovery_rate(test.p_values.perm))
    np.testing.assert_array_equal(test.effects.f, compute_effects(values, values, design).f)


@pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
def test_critical_f_parts_the_genes_as_p_fwe_does(statistic):
    _, _, test = run(LAYOUTS["unbalanced"], replace(SETTINGS, statistic=statistic, alpha=0.3))
    np.testing.assert_array_equal(test.p_values.fwe <= 0.3, test.effects.f >= test.f_critical)
    assert run(LAYOUTS["unbalanced"], replace(SETTINGS, alpha=0.001))[2].f_critical is None


def test_regions_that_donors_do_not_link_are_tested_within_donors_alone():
    _, _, test = run(APART["two pairs"])
    assert list(test.p_fwe_by_exchange) == ["within-donor"]


def test_more_regions_have_neither_donors_nor_a_donor_left_out():
    _, _, test = run(LAYOUTS_OF_MORE["balanced"], effect=5.0)
    assert (test.p_values.fwe <= 0.05).any()
    assert (test.donors, test.left_out, test.effects.difference) == (None, [], None)


def test_tails_only_where_asked_for():
    assert run(LAYOUTS["unbalanced"])[2].tails is None
    _, design, test = run(LAYOUTS["unbalanced"], replace(SETTINGS, n_permutations=999, tail=True), effect=0.7)
    assert test.tails.n_refined > 0
    assert (test.tails.p_perm[np.isfinite(test.tails.p_perm)] >= design.smallest_p("within-donor")).all()


class TestDonorsLeftOut:
    @pytest.mark.parametrize("with_covariates", [False, True])
    def test_are_tests_of_the_others_in_the_order_of_the_design(self, with_covariates):
        values, design, test = run(LAYOUTS["balanced"], effect=3.0, with_covariates=with_covariates)
        significant = test.p_values.fwe <= 0.05
        assert 0 < significant.sum() < len(values)
        rng = np.random.default_rng(1)
        for exchange in ("within-donor", "free"):
            permute(values, design, replace(SETTINGS, exchange=exchange), rng)
        assert len(test.left_out) == 3
        for donor, found in enumerate(test.left_out):
            kept, others = design.without_donor(donor)
            p = permute(values[:, kept], others, SETTINGS, rng)[1].p_values()
            np.testing.assert_array_equal(found.p_fwe, p.fwe[significant])
            expected = adjusted_difference(values[:, kept], others)[significant]
            np.testing.assert_allclose(found.diff, expected, rtol=1e-12)  # the same sums
            assert [found.n_1, found.n_2] == others.counts.sum(axis=0).tolist()
            assert set(found.status) == {"ok"}

    def test_nothing_is_tested_where_no_gene_is_significant(self):
        assert run(LAYOUTS["balanced"], replace(SETTINGS, alpha=0.001))[2].left_out == []

    def test_say_why_there_is_no_test(self):
        _, _, test = run([(9, 9), (0, 2)], effect=3.0)
        assert "no donor has samples in both 'one'" in test.left_out[0].status[0]
        assert np.isnan(test.left_out[0].p_fwe).all()
        assert set(test.left_out[1].status) == {"ok"}
        _, _, test = run([(9, 9)], effect=3.0)
        assert test.left_out[0].status[0] == "not tested: no other donor"

    def test_a_gene_that_varies_in_the_donor_alone_is_not_tested(self):
        rng = np.random.default_rng(0)
        design = make_design([(8, 8), (8, 8)], rng)
        values = 3.0 * design.labels + rng.normal(size=(4, 32))
        values[1, design.donors == 1] = 0.5
        test = permutation_test(values, values, design, SETTINGS, rng, NAMES[:2])
        assert (test.p_values.fwe <= 0.05).all()
        assert test.left_out[0].status == ["ok", "not tested: constant within every other donor", "ok", "ok"]
        assert np.isnan(test.left_out[0].p_fwe).tolist() == [False, True, False, False]
        assert np.isnan(test.left_out[0].diff).tolist() == [False, True, False, False]


@pytest.mark.parametrize("layout", [LAYOUTS["unbalanced"], LAYOUTS_OF_MORE["unbalanced"]])
def test_threads_change_nothing(layout):
    one, two = (run(layout, replace(SETTINGS, n_threads=n))[2] for n in (1, 2))
    np.testing.assert_array_equal(one.p_values, two.p_values)
