"""Layouts of samples and genes with a nugget, fields of each donor's own and shared ones, for tests of the ladder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """N samples: `points` (N, 3) in mm, `donors` and `cells` (N,), the latter -1 elsewhere, 0 or 1 in a region."""

    points: np.ndarray
    donors: np.ndarray
    cells: np.ndarray


def make_layout(rng, *, n_each, size, centres, radius):
    """Samples of some donors, uniform in a box; regions are the balls around two centres."""
    donors = np.repeat(np.arange(len(n_each)), n_each)
    points = (rng.random((len(donors), 3)) * size).round(2)
    from_1, from_2 = (np.linalg.norm(points - centre, axis=1) for centre in centres)
    cells = np.full(len(donors), -1)
    cells[(from_1 < radius) & (from_1 <= from_2)] = 0
    cells[(from_2 < radius) & (from_2 < from_1)] = 1
    return Layout(points, donors, cells)


def draw_genes(rng, layout, n_genes, *, nugget=0.4, own=(0.3, 8.0), shared=(0.3, 20.0), effect=0.0, spread=0.5):
    """Genes (g, N): variances and ranges in mm of fields, sd of true differences over donors, spread of log shares."""
    n = len(layout.donors)
    distances = np.linalg.norm(layout.points[:, None] - layout.points, axis=2)
    same, jitter = layout.donors[:, None] == layout.donors, 1e-8 * np.eye(n)
    genes = np.sqrt(nugget) * rng.standard_normal((n_genes, n))
    for variance, length, among in ((*own, same), (*shared, True)):
        root = np.linalg.cholesky(np.exp(-distances / length) * among + jitter)
        amplitude = np.sqrt(variance) * np.exp(spread * rng.standard_normal((n_genes, 1)))
        genes += amplitude * (rng.standard_normal((n_genes, n)) @ root.T)
    n_donors = layout.donors.max() + 1
    genes += rng.standard_normal((n_genes, n_donors))[:, layout.donors]
    in_1 = layout.cells == 0
    genes[:, in_1] += effect * rng.standard_normal((n_genes, n_donors))[:, layout.donors[in_1]]
    return genes
