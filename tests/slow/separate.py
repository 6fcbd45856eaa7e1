"""One shuffle for all genes, or one for each: the error of what PyJuGEx and siibra-jugex compute.

F of the region before the donors, labels exchanged over all samples. These tools shuffle each gene by itself before
they take the maximum over genes; the page of the calibration has the same F and exchange with shared shuffles.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from jugex.stats.design import Design
from tests.slow.calibration import Cell, Floats, _draw_data
from tests.slow.situations import ALPHA, N_GENES, SEED

N_SETS = 1_000
N_SHUFFLES = 200


def simulate_shuffles(cell: Cell, n_sets: int = N_SETS) -> tuple[float, float]:
    """Share of data sets in which a gene is called different though none is: shared, and separate shuffles."""
    design, key = cell.design, zlib.crc32(cell.name.encode())
    of_data, of_labels = (np.random.default_rng([SEED, key, stream]) for stream in (2, 3))
    labels = np.tile(design.labels, (N_GENES, N_SHUFFLES, 1)).astype(np.float64)
    errors = np.zeros((2, n_sets), dtype=np.bool_)
    for number, values in enumerate(_draw_data(cell, design, n_sets, of_data)):
        separate = of_labels.permuted(labels, axis=2)
        for scheme, shuffled in enumerate((separate[:1], separate)):
            errors[scheme, number] = (find_p_fwe(values, design, shuffled) <= ALPHA).any()
    shared_rate, separate_rate = errors.mean(axis=1)
    return float(shared_rate), float(separate_rate)


def find_p_fwe(values: Floats, design: Design, shuffled: Floats) -> Floats:
    """Corrected p (g,) of values (g, n) by shuffled labels (1 or g, m, n), the observed labels counted in."""
    observed = find_f(values, design, design.labels[None, None].astype(np.float64))[:, 0]
    largest = find_f(values, design, shuffled).max(axis=0)
    return np.asarray((1 + (largest >= observed[:, None]).sum(axis=1)) / (1 + len(largest)))


def find_f(values: Floats, design: Design, labels: Floats) -> npt.NDArray[np.float64]:
    """F (g, m) of the region before the donors, of values (g, n) by labels (1 or g, m, n)."""
    of_donors = np.eye(design.n_donors)[design.donors] / np.sqrt(design.n_per_donor)
    beside = values - values @ of_donors @ of_donors.T
    centred = values - values.mean(axis=1, keepdims=True)
    labels_beside = labels - labels @ of_donors @ of_donors.T
    labels_centred = labels - labels.mean(axis=2, keepdims=True)
    explained, explained_beside = (
        (of_labels @ of_values[:, :, None])[..., 0] ** 2 / (of_labels**2).sum(axis=2)
        for of_labels, of_values in ((labels_centred, centred), (labels_beside, beside))
    )
    residual = (beside**2).sum(axis=1, keepdims=True) - explained_beside
    return np.asarray(explained / residual * (design.n_samples - design.n_donors - 1))
