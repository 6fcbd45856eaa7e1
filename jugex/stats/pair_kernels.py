"""What numba compiles of the variogram: sums over pairs of samples. Compiled at first use, and cached on disk."""

from __future__ import annotations

from typing import Any

from numba import njit

__all__ = ["apply_laplacians", "sum_products", "tabulate_interpolation"]

# no value is NaN; sums may be taken in another order than written, which lets them be taken in vectors
_compile: Any = njit(cache=True, nogil=True, error_model="numpy", fastmath=True)


@_compile
def _add_rows(values, chosen, p, end, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add the rows ``chosen[p:end]`` of `values` (N, b) to `total` (b,), eight at a time: it is read once for them."""
    width = len(total)
    while p + 8 <= end:
        y0, y1, y2, y3 = values[chosen[p]], values[chosen[p + 1]], values[chosen[p + 2]], values[chosen[p + 3]]
        y4, y5, y6, y7 = values[chosen[p + 4]], values[chosen[p + 5]], values[chosen[p + 6]], values[chosen[p + 7]]
        for b in range(width):
            total[b] += ((y0[b] + y1[b]) + (y2[b] + y3[b])) + ((y4[b] + y5[b]) + (y6[b] + y7[b]))
        p += 8
    while p < end:
        y0 = values[chosen[p]]
        for b in range(width):
            total[b] += y0[b]
        p += 1


@_compile
def sum_products(values, partners, starts, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum y_i y_j over the pairs of each class, for a block of genes.

    The partners j of sample i in class c are ``partners[starts[c, i]:starts[c, i + 1]]``; `values` (N, b), out (C, b).
    """
    n_samples, width = values.shape
    total = out[0].copy()
    for c in range(starts.shape[0]):
        out[c, :] = 0.0
        for i in range(n_samples):
            p, end = starts[c, i], starts[c, i + 1]
            if p == end:
                continue
            total[:] = 0.0
            _add_rows(values, partners, p, end, total)
            y = values[i]
            for b in range(width):
                out[c, b] += y[b] * total[b]


@_compile
def apply_laplacians(matrix, sums, partners, ends, rest, first_row, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Multiply the graph Laplacian of each class with a matrix (N, b), for the rows of `out` (C, r, b).

    The partners of sample i in class c are ``partners[i, ends[i, c]:ends[i, c + 1]]``, each of the N samples in one of
    C + 1 classes, of which the last is not asked for; those in class `rest` are what the others leave of the `sums`
    (b,) of all rows. `first_row` is the sample of the first row.
    """
    n_classes, n_rows, width = out.shape
    total, left = sums.copy(), sums.copy()
    for row in range(n_rows):
        i = first_row + row
        y, of_row = matrix[i], partners[i]
        left[:] = sums
        for c in range(n_classes + 1):
            if c == rest:
                continue
            p, end = ends[i, c], ends[i, c + 1]
            total[:] = 0.0
            _add_rows(matrix, of_row, p, end, total)
            left -= total
            if c < n_classes:
                for b in range(width):
                    out[c, row, b] = (end - p) * y[b] - total[b]
        count = ends[i, rest + 1] - ends[i, rest]
        for b in range(width):
            out[rest, row, b] = count * y[b] - left[b]


@_compile
def tabulate_interpolation(distances, donors, means, columns, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add the products of interpolation matrices with columns to `out`.

    Element (i, j) of the matrix of a bin is the bin's weight in the linear interpolation at the distance of i and j.

    `distances` (N, N), `donors` (N,), `means` (2, K) the mean distances of the bins within and between donors,
    `columns` (N, q), `out` (3, K, N, q): bins within donors at pairs of one donor, bins between donors at pairs of one
    donor and at i = j, and bins between donors at all pairs.
    """
    n_samples, n_bins = len(donors), means.shape[1]
    for i in range(n_samples):
        for j in range(n_samples):
            same = donors[i] == donors[j]
            for kind in range(2):
                if kind == 0 and (not same or i == j):
                    continue
                d, k = distances[i, j], 0
                while k < n_bins and means[kind, k] <= d:
                    k += 1
                low, high = max(k - 1, 0), min(k, n_bins - 1)
                share = 0.0 if low == high else (d - means[kind, low]) / (means[kind, high] - means[kind, low])
                for q in range(columns.shape[1]):
                    a, b = (1 - share) * columns[j, q], share * columns[j, q]
                    table = 0 if kind == 0 else 2
                    out[table, low, i, q] += a
                    out[table, high, i, q] += b
                    if kind == 1 and same:
                        out[1, low, i, q] += a
                        out[1, high, i, q] += b
