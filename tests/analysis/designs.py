"""Random designs and data for tests of the analysis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.design import Design

#: Samples of each donor in region 1 and region 2: every kind of design that occurs.
LAYOUTS = {
    "balanced": [(4, 4), (4, 4), (4, 4)],
    "unbalanced": [(7, 1), (2, 6), (3, 5), (1, 4)],
    "donors in one region only": [(7, 3), (0, 1), (2, 1), (5, 4), (0, 3), (2, 0)],
    "two donors": [(3, 5), (4, 2)],
    "one donor": [(5, 6)],
    "fewest residuals": [(1, 1), (1, 1)],
}


def make_design(layout: list[tuple[int, int]], rng: np.random.Generator | None = None) -> Design:
    """Design of a layout; with `rng`, region 1 and region 2 are mixed within donors."""
    donors = np.repeat(np.arange(len(layout)), [n_1 + n_2 for n_1, n_2 in layout])
    labels = np.concatenate([np.repeat([True, False], pair) for pair in layout])
    if rng is not None:
        labels = labels[np.argsort(donors + rng.random(len(donors)))]
    return Design(labels=labels, donors=donors)


def make_values(design: Design, n_genes: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Values (genes, samples) with donor offsets and a difference between the regions in some genes."""
    values = rng.normal(size=(n_genes, design.n_samples)) * rng.lognormal(size=(n_genes, 1))
    values += rng.normal(size=(n_genes, design.n_donors))[:, design.donors]
    values[::3] += 0.8 * design.labels
    return values


def make_frame(design: Design, values: npt.NDArray[np.float64], rng: np.random.Generator) -> pd.DataFrame:
    """Data of one gene for statsmodels: zscore, area, specimen, age, race; age and race are the donor's."""
    ages = rng.permutation([24, 39, 57, 31, 49, 55])[design.donors]
    races = np.array(["x", "x", "y", "y", "z", "y"])[design.donors]
    return pd.DataFrame(
        {
            "zscore": values,
            "area": np.where(design.labels, "one", "two"),
            "specimen": [f"donor {number}" for number in design.donors],
            "age": ages,
            "race": races,
        }
    )
