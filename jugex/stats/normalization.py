"""Normalisation of values: z-scores, and sigmoids that outliers do not squeeze."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from jugex.errors import OptionError

__all__ = ["Normalization", "normalize"]

#: How values are normalised; see `normalize`.
Normalization = Literal["none", "zscore", "robust-sigmoid", "scaled-robust-sigmoid"]

Floats = npt.NDArray[np.float64]

_NORMAL_IQR = 1.3489795003921634  # interquartile range of a standard normal distribution


def normalize(values: npt.ArrayLike, how: Normalization, *, axis: int = -1, by: slice = slice(None)) -> Floats:
    """Normalise values along an axis.

    Parameters
    ----------
    values : array_like of float
        Missing values are left out and stay missing.
    how : {'none', 'zscore', 'robust-sigmoid', 'scaled-robust-sigmoid'}
        - `zscore`: (x - mean) / sd, with ddof = 1.
        - `robust-sigmoid`: 1 / (1 + exp(-(x - median) / s)), s the interquartile range over that of a standard normal
          distribution, 1.349: outliers move little else (Fulcher, Little and Jones 2013, doi 10.1098/rsif.2013.0048).
        - `scaled-robust-sigmoid`: the same, then (x - min) / (max - min): from 0 to 1 (Fulcher and Fornito 2016, doi
          10.1073/pnas.1513302113).
    axis : int
        Along which values are normalised together.
    by : slice
        Of these, the ones that decide: mean, spread and range are theirs.

    Returns
    -------
    ndarray of float64, shaped like `values`
        NaN where the values that decide do not vary.

    Examples
    --------
    >>> from jugex.query import normalize
    >>> normalize([1.0, 2.0, 3.0], "zscore").tolist(), normalize([1.0, 2.0, 3.0], "scaled-robust-sigmoid").tolist()
    ([-1.0, 0.0, 1.0], [0.0, 0.5, 1.0])
    """
    if how not in get_args(Normalization):
        raise OptionError(f"a normalization is one of {', '.join(get_args(Normalization))}; got {how!r}")
    if how == "none":
        return np.array(values, dtype=np.float64)
    moved = np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1)
    missing = np.isnan(moved[..., by])
    few = (~missing).sum(axis=-1, keepdims=True) < 2  # which do not vary, and are left NaN
    some = bool(missing.any())
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        deciding = np.where(few, 0.0, moved[..., by])
        if how == "zscore":
            mean, sd = (np.nanmean, np.nanstd) if some else (np.mean, np.std)
            normal = (moved - mean(deciding, -1, keepdims=True)) / sd(deciding, -1, ddof=1, keepdims=True)
        else:
            quartiles = (np.nanpercentile if some else np.percentile)(deciding, (25, 50, 75), axis=-1, keepdims=True)
            spread = (quartiles[2] - quartiles[0]) / _NORMAL_IQR
            normal = 1 / (1 + np.exp(-(moved - quartiles[1]) / spread))
            if how == "scaled-robust-sigmoid":
                deciding = np.where(few, 0.0, normal[..., by])
                low, high = (np.fmin.reduce(deciding, -1, keepdims=True), np.fmax.reduce(deciding, -1, keepdims=True))
                normal = (normal - low) / (high - low)
    return np.moveaxis(np.where(np.isfinite(normal) & ~few, normal, np.nan), -1, axis)
