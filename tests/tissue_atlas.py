"""A made-up atlas whose expression varies over space, with an ontology like the Allen Human Brain Atlas's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

import jugex

#: Structure, its acronym and its parent: the hippocampal formation lies in the cortex, as there.
STRUCTURES = pd.DataFrame(
    [(1, "Br", "brain", None), (2, "GM", "gray matter", 1), (3, "Cx", "cerebral cortex", 2),
     (4, "FL", "frontal lobe", 3), (5, "LL", "limbic lobe", 3), (6, "HiF", "hippocampal formation", 5),
     (7, "CA1", "CA1 field", 6), (8, "CgG", "cingulate gyrus", 5), (9, "WM", "white matter", 1)],
    columns=["structure_id", "acronym", "name", "parent_structure_id"],
).astype({"parent_structure_id": "Int64"})  # fmt: skip

DONORS = ("D1", "D2", "D3", "D4")
PLACES = {"A": (-40.0, 20.0, 20.0), "B": (-18.0, -8.0, 20.0)}
RADIUS = 9.0
_N_GENES = 40


@cache
def draw_tables(n_left: int = 66) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples, and expression by well: of each donor `n_left` samples of the left cortex, and some of other tissue."""
    rng = np.random.default_rng(11)
    rows = []
    for donor in DONORS:
        for name in PLACES:
            rows += [(donor, 4, *(PLACES[name] + rng.uniform(-4, 4, 3))) for _ in range(4)]
        for structure, n, x in (
            (4, n_left // 2, -1),
            (8, n_left - n_left // 2, -1),
            (4, 10, 1),
            (7, 8, -1),
            (9, 6, -1),
        ):
            points = rng.random((n, 3)) * [60, 120, 80] + [4, -60, -20]
            rows += [(donor, structure, x * point[0], *point[1:]) for point in points]
    samples = pd.DataFrame(rows, columns=["donor_name", "structure_id", "mni_x", "mni_y", "mni_z"])
    samples.insert(0, "well_id", np.arange(len(samples)) + 100)
    samples["rin"] = rng.normal(7, 1, len(samples))
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    is_same = samples["donor_name"].to_numpy()[:, None] == samples["donor_name"].to_numpy()
    covariance = 0.3 * np.exp(-distance / 30) + 0.3 * np.exp(-distance / 8) * is_same + 0.4 * np.eye(len(samples))
    values = np.linalg.cholesky(covariance) @ rng.normal(size=(len(samples), _N_GENES)) + 5
    inside = np.linalg.norm(points - PLACES["A"], axis=1) < RADIUS
    values[inside, 0] += 3.0
    genes = [f"G{number:02d}" for number in range(_N_GENES)]
    return samples, pd.DataFrame(values, index=samples["well_id"], columns=genes)


def make_atlas(
    *,
    n_left: int = 66,
    rows: np.ndarray | None = None,
    has_structures: bool = True,
    missing: Sequence[tuple[int, str]] = (),
) -> jugex.ExpressionAtlas:
    """The atlas, with its samples in another order if `rows` says so, and without values of some wells and genes."""
    samples, expression = draw_tables(n_left)
    expression = expression.copy()
    for well_id, gene in missing:
        expression.loc[well_id, gene] = np.nan
    samples = samples if rows is None else samples.iloc[rows]
    atlas = jugex.atlas_from_tables(samples.reset_index(drop=True), expression, name="tissue")
    if has_structures:
        atlas.structures = STRUCTURES
    return atlas


def make_region(name: str, *, x: float = 1.0, radius: float = RADIUS) -> jugex.Region:
    """One of the two places, or its mirror image with ``x=-1``."""
    centre = PLACES[name]
    return jugex.Region.sphere((x * centre[0], *centre[1:]), radius, name=name)
