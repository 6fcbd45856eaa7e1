"""One probe for each gene: by its variance, or by its stability across donors. Arrays only.

Scores look at all samples pooled, never at which region they belong to: else the choice would favour differences.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = ["SELECTIONS", "best_probes", "differential_stability", "probe_variance"]

Floats = npt.NDArray[np.float64]

#: Ways from probes to genes that take one probe, and need a score of each.
SELECTIONS = ("max-variance", "stability")

_MIN_STRUCTURES = 3  # below, ranks of two donors agree or not, and nothing between
_PROBES_PER_CHUNK = 4096


def best_probes(score: Floats, gene_of_probe: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Probe with the highest score of each gene.

    Parameters
    ----------
    score : ndarray of float64, shape (p,)
        Score of each probe; a missing one is below all others.
    gene_of_probe : ndarray of int, shape (p,)
        Gene of each probe, 0 to g - 1, none left out.

    Returns
    -------
    ndarray of int, shape (g,)
        Number of the probe; of equal ones the first.
    """
    known = np.where(np.isnan(score), -np.inf, score)
    order = np.lexsort((-known, gene_of_probe))  # stable: equal scores stay in the order of the probes
    n_probes = np.bincount(gene_of_probe)
    best: npt.NDArray[np.intp] = order[np.cumsum(n_probes) - n_probes]
    return best


def probe_variance(levels: npt.NDArray[np.floating]) -> Floats:
    """Variance of each probe over the samples used, both regions pooled.

    Parameters
    ----------
    levels : ndarray of float, shape (n, p)
        Log2 expression, samples x probes. Not z-scores: each probe's have a variance near 1 over the whole brain.

    Returns
    -------
    ndarray of float64, shape (p,)
        In log2 units squared (ddof = 0).

    Notes
    -----
    Choice of the probe with the highest variance across samples: Negi and Guda (2017), doi
    10.1038/s41598-017-00952-9; compared with other choices by Arnatkeviciute, Fulcher and Fornito (2019), doi
    10.1016/j.neuroimage.2019.01.011.
    """
    variance: Floats = np.var(levels, axis=0, dtype=np.float64)
    return variance


def differential_stability(
    levels: npt.NDArray[np.floating], structures: npt.NDArray[np.generic], donors: npt.NDArray[np.generic]
) -> Floats:
    """Differential stability of each probe: how alike its pattern over brain structures is in different donors.

    Per donor, the levels of a probe are averaged over the samples of each structure. Each pair of donors then gives
    Spearman's correlation over the structures sampled in both (at least 3), and the stability is the mean of these
    over the pairs.

    Parameters
    ----------
    levels : ndarray of float, shape (n, p)
        Log2 expression, samples x probes. Meant are all samples of an atlas, not those of two regions: a few
        structures have no pattern.
    structures : ndarray, shape (n,)
        Structure of each sample.
    donors : ndarray, shape (n,)
        Donor of each sample.

    Returns
    -------
    ndarray of float64, shape (p,)
        From -1 to 1; NaN where no pair of donors shares 3 structures, or the probe is constant in all pairs.

    Notes
    -----
    Differential stability is that of Hawrylycz et al. (2015), doi 10.1038/nn.4171 (mean correlation over the pairs of
    donors); that it chooses probes which agree best with RNA sequencing was found by Arnatkeviciute, Fulcher and
    Fornito (2019), doi 10.1016/j.neuroimage.2019.01.011. Spearman's correlation, as in abagen, asks for the order of
    structures alone.
    """
    total, n_pairs = np.zeros(levels.shape[1]), np.zeros(levels.shape[1])
    tables = [_average_structures(levels[donors == donor], structures[donors == donor]) for donor in np.unique(donors)]
    for (ids_1, means_1), (ids_2, means_2) in combinations(tables, 2):
        _, rows_1, rows_2 = np.intersect1d(ids_1, ids_2, assume_unique=True, return_indices=True)
        if len(rows_1) < _MIN_STRUCTURES:
            continue
        correlation = _correlate_ranks(means_1[:, rows_1], means_2[:, rows_2])
        is_known = ~np.isnan(correlation)
        total[is_known] += correlation[is_known]
        n_pairs += is_known
    stability: Floats = np.divide(total, n_pairs, out=np.full(len(total), np.nan), where=n_pairs > 0)
    return stability


def _average_structures(
    levels: npt.NDArray[np.floating], structures: npt.NDArray[np.generic]
) -> tuple[npt.NDArray[np.generic], Floats]:
    """Structures of one donor (s,), and the mean of each probe in each, (p, s)."""
    ids, structure_of_sample, n_samples = np.unique(structures, return_inverse=True, return_counts=True)
    order = np.argsort(structure_of_sample, kind="stable")
    starts = np.cumsum(n_samples) - n_samples
    sums = np.add.reduceat(levels[order].astype(np.float64), starts, axis=0)
    return ids, np.ascontiguousarray((sums / n_samples[:, None]).T)


def _correlate_ranks(first: Floats, second: Floats) -> Floats:
    """Spearman's correlation of rows, (p, s) and (p, s) to (p,); NaN where a row is constant."""
    correlation = np.empty(len(first))
    for start in range(0, len(first), _PROBES_PER_CHUNK):  # in chunks: ranks need as much memory again
        chunk = slice(start, start + _PROBES_PER_CHUNK)
        ranks_1, ranks_2 = _center_ranks(first[chunk]), _center_ranks(second[chunk])
        shared = np.einsum("ps,ps->p", ranks_1, ranks_2)
        spread = np.einsum("ps,ps->p", ranks_1, ranks_1) * np.einsum("ps,ps->p", ranks_2, ranks_2)
        correlation[chunk] = np.divide(shared, np.sqrt(spread), out=np.full(len(shared), np.nan), where=spread > 0)
    return correlation


def _center_ranks(values: Floats) -> Floats:
    """Ranks within each row, ties averaged, less their mean; a row with a missing value is all 0."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(values, axis=1), dtype=np.float64) - (values.shape[1] + 1) / 2
    return np.where(np.isnan(ranks), 0.0, ranks)
