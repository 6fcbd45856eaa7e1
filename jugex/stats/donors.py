"""What each donor says of a gene: samples are no replicates of the population, donors are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jugex.stats.design import Counts, Design, Floats

__all__ = ["DonorDifferences", "compute_donor_differences"]


@dataclass(frozen=True, eq=False)
class DonorDifferences:
    """Differences of g genes, region 1 minus region 2, in each of D informative donors (samples in both regions).

    Attributes
    ----------
    donors : ndarray of int, shape (D,)
        The informative donors.
    diff : ndarray, shape (g, D)
        Difference of the means within each donor.
    weights : ndarray, shape (D,)
        Weights of the donors in the adjusted difference.
    n_same_sign : ndarray of int, shape (g,)
        Donors whose difference has the sign of the weighted mean of all, which is the adjusted difference.
    """

    donors: Counts
    diff: Floats
    weights: Floats
    n_same_sign: Counts


def compute_donor_differences(values: Floats, design: Design) -> DonorDifferences:
    """Compute the difference of two regions in each donor.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores, without what the model gives to covariates (`jugex.stats.effects.remove_covariates`).
    design : Design
        Regions and donors of the n samples; testable.

    Returns
    -------
    DonorDifferences
    """
    informative = np.flatnonzero(design.weights > 0)
    n_1, n_2 = design.counts[informative].T
    weights = design.weights[informative]
    sums = np.add.reduceat(values * design.labels, design.donor_starts, axis=1)[:, informative]
    all_sums = np.add.reduceat(values, design.donor_starts, axis=1)[:, informative]
    diff = sums / n_1 - (all_sums - sums) / n_2
    adjusted = (diff * weights).sum(axis=1)
    n_same_sign = (np.sign(diff) == np.sign(adjusted)[:, None]).sum(axis=1)
    return DonorDifferences(informative, diff, weights, n_same_sign)
