"""Family-wise error over several comparisons of the same genes. Arrays only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["adjust_across_comparisons"]

Floats = npt.NDArray[np.float64]


def adjust_across_comparisons(p_fwe: Floats, comparisons: npt.NDArray[np.intp]) -> Floats:
    """Carry p-values that are corrected over the genes of each comparison on to all genes of all comparisons.

    Holm's procedure (1979, https://www.jstor.org/stable/4615733) takes the hypotheses by rising p, and multiplies each
    by the number of hypotheses not yet rejected. Here a hypothesis is one gene in one comparison, p is corrected for
    the other genes of the comparison already, and the multiplier is the number of *comparisons* in which some
    hypothesis is not yet rejected. With one gene this is Holm's procedure.

    Holm's procedure gene by gene would not do: a gene that differs in all comparisons but one gets the multiplier 1 in
    that one, and every comparison may be the one of some genes: each would then be held to alpha, not all of them.

    Why it holds: take the first true hypothesis to be rejected. All before it were false, so that each of the K
    comparisons with a true hypothesis still has one that is not rejected, and the multiplier was at least K. The
    smallest p_fwe among the true hypotheses of one comparison is at most alpha / K with probability at most alpha / K
    (that is what p_fwe controls), and over K comparisons this adds up to alpha, however they depend on each other.

    Parameters
    ----------
    p_fwe : ndarray of float64, shape (h,)
        p of each hypothesis, corrected over the genes of its comparison; NaN: not tested.
    comparisons : ndarray of int, shape (h,)
        Comparison of each hypothesis. One in which nothing was tested does not count.

    Returns
    -------
    ndarray of float64, shape (h,)
    """
    adjusted = np.full(len(p_fwe), np.nan)
    tested = np.flatnonzero(~np.isnan(p_fwe))
    rising = tested[np.argsort(p_fwe[tested], kind="stable")]
    _, codes = np.unique(comparisons[rising], return_inverse=True)
    n_comparisons = int(codes.max()) + 1 if len(codes) else 0
    last = np.full(n_comparisons, -1)
    np.maximum.at(last, codes, np.arange(len(codes)))  # after its last hypothesis a comparison has none left
    n_passed = np.searchsorted(np.sort(last), np.arange(len(codes)), side="left")
    adjusted[rising] = np.minimum(np.maximum.accumulate(p_fwe[rising] * (n_comparisons - n_passed)), 1.0)
    return adjusted
