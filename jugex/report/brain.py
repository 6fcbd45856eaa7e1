"""Where the samples lie: slices of the template, and what the page's view in three dimensions is made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jugex._text import shorten
from jugex.pipeline.drawings import SavedRegion
from jugex.plots import REGION_STYLES
from jugex.plots.samples import smooth_mask
from jugex.report.drawings import list_regions, with_regions
from jugex.report.packing import pack_json
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from jugex.pipeline.comparison import ComparisonData
    from jugex.regions import Region

__all__ = ["describe_brain", "samples_out"]

_COORDINATES = ["mni_x", "mni_y", "mni_z"]
_MOST_CELLS = 30_000  # of a region's grid: what a browser contours in a moment
_BORDER = 40.0  # percent of a cell at which the page draws the surface

Floats = npt.NDArray[np.float64]


def describe_brain(result: ComparisonData) -> dict[str, Any]:
    """Views of the brain, and what is missing in them; no views where no sample has a coordinate.

    Parameters
    ----------
    result : ComparisonData

    Returns
    -------
    dict
        `views` (slices as data URIs), `scene` (the view in three dimensions, packed; empty without one), and words.
    """
    from jugex.report.inline import draw_region_marks, draw_views

    points = result.samples[_COORDINATES].to_numpy(dtype=np.float64)
    n_missing = int((~np.isfinite(points)).any(axis=1).sum())
    space = result.record.atlas.space
    has_any = n_missing < len(points)
    is_drawn = has_any and is_mni_space(space)
    out, regions = samples_out(result), list_regions(result)
    no_template = f"The samples are in the space {space}, of which there is no template to show them on."
    return {
        "views": draw_views(with_regions(result), out) if is_drawn else [],
        "scene": _pack_scene(result, out, regions) if is_drawn else "",
        "why_none": no_template if has_any else "No sample has a coordinate, so none can be shown.",
        "marks": draw_region_marks(result),
        "n_missing": n_missing,
        "has_outlines": regions is not None,
        "n_out": len(out),
    }


def samples_out(result: ComparisonData) -> Floats:
    """Coordinates (n, 3) of the atlas's samples outside both regions, in mm."""
    if result.drawings is not None and result.query is None:
        return result.drawings.out
    samples = getattr(getattr(result.query, "atlas", None), "samples", None)
    if samples is None:
        return np.empty((0, 3))
    others = samples[~samples["well_id"].isin(result.samples["well_id"]).to_numpy(dtype=bool)]
    points: Floats = others[_COORDINATES].to_numpy(dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]


def _pack_scene(result: ComparisonData, out: Floats, regions: Sequence[Region | SavedRegion] | None) -> str:
    """Cortex, regions and samples in tenths of a millimetre, packed."""
    return pack_json(
        {
            "cortex": _read_cortex(),
            "regions": [_describe_region(result, number, regions) for number in range(2)],
            "out": _to_tenths(out),
        }
    )


def _describe_region(
    result: ComparisonData, number: int, regions: Sequence[Region | SavedRegion] | None
) -> dict[str, Any]:
    name, style = result.region_names[number], REGION_STYLES[number]
    samples = result.samples[(result.samples["region"] == name).to_numpy()]
    points = samples[_COORDINATES].to_numpy(dtype=np.float64)
    is_placed = np.isfinite(points).all(axis=1)
    told = [
        f"{donor_name}, well {well_id}, {structure}"
        for donor_name, well_id, structure in zip(
            samples["donor_name"], samples["well_id"], samples["structure_acronym"], strict=True
        )
    ]
    return {
        "name": shorten(name, 40),
        "face": style.face,
        "points": _to_tenths(points[is_placed]),
        "told": [text for text, placed in zip(told, is_placed, strict=True) if placed],
        "grid": None if regions is None else _grid_region(regions[number]),
    }


def _grid_region(region: Region | SavedRegion) -> dict[str, Any] | None:
    """Share of each cell of a grid that the region fills, in percent: what a surface is drawn through; None if empty.

    Cells are cubes of 2 mm, or larger for a large region.
    """
    from nibabel.affines import apply_affine, voxel_sizes

    image = region.to_image()
    voxels = apply_affine(image.affine, np.argwhere(np.asanyarray(image.dataobj) > 0))
    if len(voxels) == 0:
        return None
    step = max(2.0, float(voxel_sizes(image.affine).max()))
    while np.prod(np.ceil(np.ptp(voxels, axis=0) / step) + 3) > _MOST_CELLS:
        step *= 1.25
    edges = [
        np.arange(low - 1.5 * step, high + 2.5 * step, step)
        for low, high in zip(voxels.min(0), voxels.max(0), strict=True)
    ]
    counts, _ = np.histogramdd(voxels, bins=edges)
    filled = np.minimum(100.0 * counts * np.prod(voxel_sizes(image.affine)) / step**3, 100.0)
    smooth = smooth_mask(filled >= _BORDER)
    if smooth.dtype != np.bool_:
        filled = np.clip(2 * _BORDER * smooth, 0.0, 100.0)
    return {
        "axes": [np.round((axis[:-1] + axis[1:]) / 2, 2).tolist() for axis in edges],
        "filled": np.round(filled).astype(int).ravel().tolist(),
    }


@cache
def _read_cortex() -> dict[str, list[int]]:
    """The surface that nilearn draws markers on (fsaverage5, both hemispheres): corners and triangles."""
    from nilearn.datasets import fetch_surf_fsaverage
    from nilearn.surface import load_surf_mesh

    files = fetch_surf_fsaverage("fsaverage5")  # comes with nilearn: nothing is downloaded
    corners, triangles, n = [], [], 0
    for side in ("pial_left", "pial_right"):
        mesh = load_surf_mesh(files[side])
        corners.append(np.asarray(mesh.coordinates, dtype=np.float64))
        triangles.append(np.asarray(mesh.faces, dtype=np.int64) + n)
        n += len(corners[-1])
    return {"corners": _to_tenths(np.concatenate(corners)), "triangles": np.concatenate(triangles).T.ravel().tolist()}


def _to_tenths(points: Floats) -> list[int]:
    """Coordinates, all x, then all y, then all z, in tenths of a millimetre."""
    tenths: list[int] = np.round(points.T * 10).astype(int).ravel().tolist()
    return tenths
