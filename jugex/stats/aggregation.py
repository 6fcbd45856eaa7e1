"""From probes to genes: one value per gene and sample, from all probes of the gene or from one.

Scores of probes look at all samples pooled, never at which region they belong to: else the choice would favour
differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from jugex.errors import OptionError
from jugex.stats.design import Counts, Floats, to_units

__all__ = [
    "SELECTIONS",
    "ProbeAggregation",
    "aggregate_probes",
    "best_probes",
    "count_pulled_in",
    "differential_stability",
    "mean_probe_correlation",
    "pattern_stability",
    "probe_mean",
    "probe_sd",
]

#: How the probes of a gene become one value.
ProbeAggregation = Literal[
    "winsorized-mean", "winsorized-mean-scipy", "mean", "median", "max-variance", "max-mean", "stability", "single"
]

#: Ways from probes to genes that take one probe, and need a score of each.
SELECTIONS = ("max-variance", "max-mean", "stability")

_MIN_STRUCTURES = 3  # below, ranks of two donors agree or not, and nothing between
_PROBES_PER_CHUNK = 4096

#: Number of values, of k, that are pulled in at either end before the mean is taken.
_N_PULLED_IN: dict[str, Callable[[int], int]] = {
    # MATLAB JuGEx: values below the 10th percentile become the smallest value that is not below it. By the
    # percentiles of MATLAB's prctile (NumPy's "hazen") that one lies at 0.1 k - 0.5, counted from 0 in rising
    # order: the next value up is number ceil((k - 5) / 10). By symmetry as many are pulled in at the top.
    "winsorized-mean": lambda k: max(0, -((5 - k) // 10)),
    # scipy.stats.mstats.winsorize with limits 0.1 replaces int(0.1 k) values at either end.
    "winsorized-mean-scipy": lambda k: k // 10,
    "mean": lambda _: 0,
    # all but the middle one, or the middle two
    "median": lambda k: (k - 1) // 2,
}


def aggregate_probes(
    values: Floats, gene_of_probe: Counts, how: ProbeAggregation, *, score: Floats | None = None
) -> Floats:
    """Reduce probes to genes.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        Samples x probes.
    gene_of_probe : ndarray of int, shape (p,)
        Gene of each probe, 0 to g - 1, none left out.
    how : str
        - `winsorized-mean`, MATLAB JuGEx's (Bludau et al. 2018): values below the 10th and above the 90th percentile
          are replaced by the nearest value within; it acts from 6 probes on.
        - `winsorized-mean-scipy`, siibra-jugex's, which acts from 10 probes on.
        - `mean`, as alleninf, among others, takes it.
        - `median`.
        - `max-variance`, `max-mean` and `stability`: the values of one probe, that with the highest `score`; see
          `probe_sd`, `probe_mean` and `differential_stability`.
        - `single`: every probe by itself.
    score : ndarray of float64, shape (p,), optional
        Score of each probe; needed by `max-variance`, `max-mean` and `stability`.

    Returns
    -------
    ndarray of float64, shape (g, n)
        Genes x samples; with `single`, probes x samples. A gene with a missing value has a missing value there.

    Raises
    ------
    OptionError
        If `how` is none of these, or needs a score and has none.
    """
    if how not in get_args(ProbeAggregation):
        raise OptionError(f"probes must be one of {', '.join(get_args(ProbeAggregation))}; got {how!r}")
    by_probe = np.ascontiguousarray(values.T)
    if how == "single":
        return by_probe
    if how in SELECTIONS:
        if score is None:
            raise OptionError(f"probes={how!r} chooses one probe per gene by a score, and none was given")
        return by_probe[best_probes(score, gene_of_probe)]
    order = np.argsort(gene_of_probe, kind="stable")
    n_probes = np.bincount(gene_of_probe)
    first = np.cumsum(n_probes) - n_probes
    genes = np.empty((len(n_probes), by_probe.shape[1]))
    for k in np.unique(n_probes):
        same_size = np.flatnonzero(n_probes == k)
        probes = order[first[same_size][:, None] + np.arange(k)]
        genes[same_size] = _mean_of_middle(by_probe[probes], _N_PULLED_IN[how](int(k)))
    return genes


def count_pulled_in(how: ProbeAggregation, n_probes: int) -> int | None:
    """Values of a sample's probes that are pulled in at either end; None where another way than a mean is taken."""
    return _N_PULLED_IN[how](n_probes) if how in _N_PULLED_IN else None


def _mean_of_middle(values: Floats, n_pulled_in: int) -> Floats:
    """Mean over axis 1 of (g, k, n), the outermost `n_pulled_in` values at either end pulled in."""
    if n_pulled_in == 0:
        mean: Floats = values.mean(axis=1)
        return mean
    k = values.shape[1]
    ranked = np.sort(values, axis=1)
    low, high = ranked[:, n_pulled_in], ranked[:, k - 1 - n_pulled_in]
    winsorized: Floats = np.clip(values, low[:, None], high[:, None]).mean(axis=1)
    return winsorized


def mean_probe_correlation(values: Floats, gene_of_probe: Counts) -> Floats:
    """Mean Pearson correlation over the pairs of a gene's probes.

    With u_j the centred values of probe j scaled to unit length, the correlations of all ordered pairs add up
    to |sum_j u_j|^2 - k.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        Samples x probes.
    gene_of_probe : ndarray of int, shape (p,)
        Gene of each probe, 0 to g - 1.

    Returns
    -------
    ndarray of float64, shape (g,)
        NaN where fewer than two probes of the gene vary, or a value is missing.
    """
    order = np.argsort(gene_of_probe, kind="stable")
    n_probes = np.bincount(gene_of_probe)
    centred = values.T[order]
    constant = np.ptp(centred, axis=1) == 0
    centred = centred - centred.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("pn,pn->p", centred, centred))
    units = np.where(constant[:, None], 0.0, centred / np.where(constant, 1.0, length)[:, None])
    starts = np.cumsum(n_probes) - n_probes
    total = np.add.reduceat(units, starts, axis=0)
    k = np.add.reduceat(~constant, starts, dtype=np.float64)
    pairs = np.where(k > 1, k * (k - 1), np.nan)
    correlation: Floats = (np.einsum("gn,gn->g", total, total) - k) / pairs
    return correlation


def best_probes(score: Floats, gene_of_probe: Counts) -> Counts:
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
    best: Counts = order[np.cumsum(n_probes) - n_probes]
    return best


def probe_sd(levels: npt.NDArray[np.floating]) -> Floats:
    """Standard deviation of each probe over the samples used, both regions pooled: `max-variance` takes the largest.

    Parameters
    ----------
    levels : ndarray of float, shape (n, p)
        Log2 expression, samples x probes. Not z-scores: each probe's have a variance near 1 over the whole brain.

    Returns
    -------
    ndarray of float64, shape (p,)
        In log2 units (ddof = 0).

    Notes
    -----
    Choice of the probe with the highest variance across samples: Negi and Guda (2017), doi
    10.1038/s41598-017-00952-9; compared with other choices by Arnatkeviciute, Fulcher and Fornito (2019), doi
    10.1016/j.neuroimage.2019.01.011.
    """
    units, scale = to_units(levels.T.astype(np.float64))
    sd: Floats = units.std(axis=1) * scale[:, 0]
    return sd


def probe_mean(levels: npt.NDArray[np.floating]) -> Floats:
    """Mean of each probe over the samples used, both regions pooled.

    Parameters
    ----------
    levels : ndarray of float, shape (n, p)
        Log2 expression, samples x probes. Not z-scores: each probe's have a mean of 0 over the whole brain.

    Returns
    -------
    ndarray of float64, shape (p,)
        In log2 units; NaN where a value is missing.

    Notes
    -----
    Choice of the probe with the highest mean (`MaxMean`): Miller et al. (2011), doi 10.1186/1471-2105-12-322.
    """
    mean: Floats = np.mean(levels, axis=0, dtype=np.float64)
    return mean


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
    tables = [_average_structures(levels[donors == donor], structures[donors == donor]) for donor in np.unique(donors)]
    if not tables:
        return np.full(levels.shape[1], np.nan)
    return pattern_stability([means for _, means in tables], [ids for ids, _ in tables])


def pattern_stability(means: Sequence[Floats], structures: Sequence[npt.NDArray[np.generic]]) -> Floats:
    """Differential stability, from the means of donors.

    Parameters
    ----------
    means : sequence of ndarray of float64, shape (p, s)
        Of each donor, of which there is at least one: the mean of each probe, or gene, in each of its s structures.
    structures : sequence of ndarray, shape (s,)
        Of each donor: which structures these are, each once.

    Returns
    -------
    ndarray of float64, shape (p,)
        As of `differential_stability`. A pair of donors does not count for a probe that has no value in one of the
        structures that they share.
    """
    n_probes, pairs = len(means[0]), list(_share_structures(structures))
    stability = np.empty(n_probes)
    for start in range(0, n_probes, _PROBES_PER_CHUNK):
        donors = [_Sorted.of(one[start : start + _PROBES_PER_CHUNK]) for one in means]
        total, n_pairs = np.zeros((2, min(_PROBES_PER_CHUNK, n_probes - start)))
        for (a, columns_a), (b, columns_b) in pairs:
            correlation = _correlate(donors[a].rank(columns_a), donors[b].rank(columns_b))
            is_known = ~np.isnan(correlation)
            total[is_known] += correlation[is_known]
            n_pairs += is_known
        stability[start : start + len(total)] = total / np.where(n_pairs > 0, n_pairs, np.nan)
    return stability


def _share_structures(
    structures: Sequence[npt.NDArray[np.generic]],
) -> Iterator[tuple[tuple[int, Counts], tuple[int, Counts]]]:
    """Pairs of donors that share enough structures: the number of each, and where it has the shared ones."""
    for a, b in combinations(range(len(structures)), 2):
        _, in_a, in_b = np.intersect1d(structures[a], structures[b], assume_unique=True, return_indices=True)
        if len(in_a) >= _MIN_STRUCTURES:
            yield (a, in_a), (b, in_b)


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Values (p, s), sorted once: `order` (p, s) sorts each row, `is_uneven` (p,) has equal or missing values."""

    values: Floats
    order: Counts
    is_uneven: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, values: Floats) -> _Sorted:
        order = np.argsort(values, axis=1)  # missing values come last
        ranked = np.take_along_axis(values, order, axis=1)
        is_even = np.all(ranked[:, 1:] > ranked[:, :-1], axis=1)
        return cls(values, order, np.logical_not(is_even))

    def rank(self, columns: Counts) -> Floats:
        """Ranks within some columns of each row, ties averaged, less their mean; all 0 if a value is missing."""
        n = len(columns)
        places = np.full(self.values.shape[1], -1)
        places[columns] = np.arange(n)
        sorted_places = places[self.order]
        sorted_places = sorted_places[sorted_places >= 0].reshape(-1, n)
        ranks = np.empty(sorted_places.shape)
        np.put_along_axis(ranks, sorted_places, np.arange(n) - (n - 1) / 2, axis=1)
        if self.is_uneven.any():
            from scipy.stats import rankdata

            uneven = rankdata(self.values[self.is_uneven][:, columns], axis=1) - (n + 1) / 2
            ranks[self.is_uneven] = np.where(np.isnan(uneven), 0.0, uneven)
        return ranks


def _correlate(ranks_1: Floats, ranks_2: Floats) -> Floats:
    """Correlation (p,) of rows of ranks less their means; NaN where a row is constant."""
    shared = np.einsum("ps,ps->p", ranks_1, ranks_2)
    spread = np.einsum("ps,ps->p", ranks_1, ranks_1) * np.einsum("ps,ps->p", ranks_2, ranks_2)
    correlation: Floats = shared / np.sqrt(np.where(spread > 0, spread, np.nan))
    return correlation


def _average_structures(
    levels: npt.NDArray[np.floating], structures: npt.NDArray[np.generic]
) -> tuple[npt.NDArray[np.generic], Floats]:
    """Structures of one donor (s,), and the mean of each probe in each, (p, s)."""
    ids, structure_of_sample, n_samples = np.unique(structures, return_inverse=True, return_counts=True)
    order = np.argsort(structure_of_sample, kind="stable")
    starts = np.cumsum(n_samples) - n_samples
    sums = np.add.reduceat(levels[order].astype(np.float64), starts, axis=0)
    return ids, np.ascontiguousarray((sums / n_samples[:, None]).T)
