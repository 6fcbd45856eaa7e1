"""The omnibus test where no region differs, and why pairs are relabelled among themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jugex.stats.relabelling import make_relabellings
from jugex.stats.testing import PermutationSettings, permute
from tests.stats.designs import make_design

N_SETS = 2_000
ALPHA = 0.05
#: Samples of each donor in each of three regions: spread unequally.
COUNTS = [(6, 1, 2), (1, 6, 2), (2, 2, 5)]


def find_error():
    """Share of data sets, with donors of other means and spreads, in which one of ten genes has p_fwe <= alpha."""
    design, rng = make_design(COUNTS), np.random.default_rng(2018)
    sd, n_wrong = np.array([1.0, 2.0, 4.0])[design.donors], 0
    for _ in range(N_SETS):
        values = rng.normal(size=(10, len(sd))) * sd + 5 * rng.normal(size=(10, 3))[:, design.donors]
        _, counts = permute(values, design, PermutationSettings(n_permutations=99), rng)
        n_wrong += bool((counts.p_values().fwe <= ALPHA).any())
    return n_wrong / N_SETS


@pytest.mark.slow
def test_within_donors_the_error_is_alpha():
    low, high = stats.binom.ppf([0.0005, 0.9995], N_SETS, ALPHA) / N_SETS
    assert low <= find_error() <= high


def find_error_of_pair(relabel_all):
    """Share of data sets in which regions 1 and 2, which do not differ, do so at alpha; region 3 has a smaller spread.

    Labels taken from region 3 as well make the permuted differences smaller than the observed one.
    """
    rng = np.random.default_rng(7)
    codes = np.tile(np.repeat(np.arange(3), 4), 3)
    kept = np.arange(36) if relabel_all else np.flatnonzero(codes < 2)
    design = make_design([(4,) * (3 if relabel_all else 2)] * 3)
    n_wrong = 0
    for _ in range(N_SETS):
        values = (rng.normal(size=36) * np.where(codes == 2, 0.3, 1.0))[kept]
        draws = np.vstack([design.observed, make_relabellings(design, "within-donor", 99, rng).draws])
        one, two = (draws == 0, draws == 1) if relabel_all else (draws, ~draws)
        contrasts = one / 12 - two / 12  # donors have as many samples in each region
        differences = np.abs(contrasts @ values)
        n_wrong += bool((differences >= differences[0] * (1 - 1e-10)).mean() <= ALPHA)
    return n_wrong / N_SETS


@pytest.mark.slow
def test_pairs_relabelled_among_themselves_hold_alpha_and_with_a_third_region_do_not():
    low, high = stats.binom.ppf([0.0005, 0.9995], N_SETS, ALPHA) / N_SETS
    assert low <= find_error_of_pair(relabel_all=False) <= high
    assert find_error_of_pair(relabel_all=True) > high
