"""From probes to genes: one value per gene and sample, from all probes of the gene. Arrays only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from jugex.analysis.selection import SELECTIONS, best_probes
from jugex.errors import OptionError

__all__ = ["ProbeAggregation", "aggregate_probes", "count_pulled_in", "mean_probe_correlation"]

#: How the probes of a gene become one value.
ProbeAggregation = Literal[
    "winsorized-mean", "winsorized-mean-scipy", "mean", "median", "max-variance", "stability", "single"
]

Floats = npt.NDArray[np.float64]

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
    values: Floats, gene_of_probe: npt.NDArray[np.intp], how: ProbeAggregation, *, score: Floats | None = None
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
        - `max-variance` and `stability`: the values of one probe, that with the highest `score`; see
          `jugex.analysis.selection`.
        - `single`: every probe by itself.
    score : ndarray of float64, shape (p,), optional
        Score of each probe; needed by `max-variance` and `stability`.

    Returns
    -------
    ndarray of float64, shape (g, n)
        Genes x samples; with `single`, probes x samples. A gene with a missing value has a missing value there.

    Raises
    ------
    OptionError
        Where `how` is none of these, or needs a score and has none.
    """
    if how not in get_args(ProbeAggregation):
        raise OptionError(f"probes is one of {', '.join(get_args(ProbeAggregation))}; got {how!r}")
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


def mean_probe_correlation(values: Floats, gene_of_probe: npt.NDArray[np.intp]) -> Floats:
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
