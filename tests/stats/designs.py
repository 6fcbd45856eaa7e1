"""Random designs and data for tests of the statistics, and F by brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.stats.design import Design

#: Samples of each donor in region 1 and region 2: every kind of design that occurs.
LAYOUTS = {
    "balanced": [(4, 4), (4, 4), (4, 4)],
    "unbalanced": [(7, 1), (2, 6), (3, 5), (1, 4)],
    "donors in one region only": [(7, 3), (0, 1), (2, 1), (5, 4), (0, 3), (2, 0)],
    "two donors": [(3, 5), (4, 2)],
    "one donor": [(5, 6)],
    "fewest residuals": [(1, 1), (1, 1)],
}

#: The same for more regions, all linked by donors.
LAYOUTS_OF_MORE = {
    "balanced": [(3, 3, 3), (3, 3, 3)],
    "unbalanced": [(4, 1, 2), (1, 3, 2), (2, 2, 5)],
    "four regions, gaps": [(3, 2, 0, 1), (0, 2, 2, 1), (2, 0, 1, 0), (0, 0, 3, 0)],
    "linked by way of others": [(3, 2, 0), (0, 2, 4)],
    "one donor": [(3, 4, 2)],
}

#: Regions that donors do not link.
APART = {
    "two pairs": [(2, 2, 0, 0), (0, 0, 3, 2)],
    "one region alone": [(2, 3, 0), (3, 1, 0), (0, 0, 4)],
}


def make_design(layout: list[tuple[int, ...]], rng: np.random.Generator | None = None) -> Design:
    """Design of a layout; with `rng`, regions are mixed within donors."""
    counts = np.array(layout)
    donors = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    codes = np.concatenate([np.repeat(np.arange(counts.shape[1]), row) for row in counts])
    if rng is not None:
        codes = codes[np.argsort(donors + rng.random(len(donors)))]
    return Design(codes, donors, counts.shape[1])


def add_covariates(design: Design, rng: np.random.Generator, n_columns: int = 2) -> Design:
    """The design with a factor of two levels and normal numbers as covariates."""
    factor = (rng.random(design.n_samples) < 0.5).astype(float)
    return replace(design, covariates=np.column_stack([factor, rng.normal(size=(design.n_samples, n_columns - 1))]))


def take_draw(design: Design, draw: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Design:
    """The design in which a relabelling (n,) would have been observed."""
    return replace(design, codes=np.where(draw, 0, 1) if design.n_regions == 2 else draw)


def make_values(design: Design, n_genes: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Values (genes, samples) with donor offsets and a difference between the regions in some genes."""
    values = rng.normal(size=(n_genes, design.n_samples)) * rng.lognormal(size=(n_genes, 1))
    values += rng.normal(size=(n_genes, design.n_donors))[:, design.donors]
    values[::3] += 0.8 * (design.labels if design.n_regions == 2 else design.codes)
    if design.covariates is not None:
        values += rng.normal(size=(n_genes, design.covariates.shape[1])) @ design.covariates.T
    return values


def make_frame(design: Design, values: npt.NDArray[np.float64], rng: np.random.Generator) -> pd.DataFrame:
    """Data of one gene for statsmodels: zscore, area, specimen, age, race; age and race are the donor's."""
    ages = rng.permutation([24, 39, 57, 31, 49, 55])[design.donors]
    races = np.array(["x", "x", "y", "y", "z", "y"])[design.donors]
    return pd.DataFrame(
        {
            "zscore": values,
            "area": np.array(["one", "two", "three", "four"])[design.codes],
            "specimen": [f"donor {number}" for number in design.donors],
            "age": ages,
            "race": races,
        }
    )


def fit_f(values: npt.NDArray[np.float64], design: Design) -> npt.NDArray[np.float64]:
    """Adjusted F of genes (g, n) from the residuals of two least-squares fits, whatever the ranks of their models."""
    covariates = np.empty((design.n_samples, 0)) if design.covariates is None else design.covariates
    reduced = np.hstack([(design.donors[:, None] == np.unique(design.donors)).astype(float), covariates])
    full = np.hstack([reduced, (design.codes[:, None] == np.unique(design.codes)).astype(float)])
    rss, ranks = [], []
    for model in (reduced, full):
        fit = np.linalg.lstsq(model, values.T, rcond=None)
        rss.append(((values.T - model @ fit[0]) ** 2).sum(axis=0))
        ranks.append(int(fit[2]))
    f: npt.NDArray[np.float64] = (rss[0] - rss[1]) / (ranks[1] - ranks[0]) / (rss[1] / (design.n_samples - ranks[1]))
    return f
