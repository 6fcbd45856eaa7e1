"""What each donor says of a gene: samples are no replicates of the population, donors are. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design

__all__ = ["DonorDifferences", "compute_donor_differences", "drop_donor"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DonorDifferences:
    """Differences of g genes, region 1 minus region 2, in each of D informative donors (samples in both regions).

    Attributes
    ----------
    donors : ndarray of int, shape (D,)
        The informative donors.
    diff : ndarray, shape (g, D)
        Difference of the means within each donor.
    n_same_sign : ndarray of int, shape (g,)
        Donors whose difference has the sign of the weighted mean of all, which is the adjusted difference.
    """

    donors: npt.NDArray[np.intp]
    diff: Floats
    n_same_sign: npt.NDArray[np.intp]


def compute_donor_differences(values: Floats, design: Design) -> DonorDifferences:
    """Compute the difference of the regions in each donor.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores.
    design : Design
        Labels and donors of the n samples; testable.

    Returns
    -------
    DonorDifferences
    """
    labels = design.labels.astype(np.float64)
    informative = np.flatnonzero(design.weights > 0)
    sums = np.add.reduceat(values * labels, design.donor_starts, axis=1)[:, informative]
    all_sums = np.add.reduceat(values, design.donor_starts, axis=1)[:, informative]
    diff = sums / design.n_1[informative] - (all_sums - sums) / design.n_2[informative]
    weighted = (diff * design.weights[informative]).sum(axis=1)
    n_same_sign = (np.sign(diff) == np.sign(weighted)[:, None]).sum(axis=1)
    return DonorDifferences(informative, diff, n_same_sign)


def drop_donor(design: Design, donor: int) -> tuple[npt.NDArray[np.bool_], Design]:
    """Mask (n,) of the samples of the other donors, and their design."""
    kept = design.donors != donor
    donors = design.donors[kept]
    covariates = None if design.covariates is None else design.covariates[kept]
    return kept, Design(design.labels[kept], donors - (donors > donor), covariates)
