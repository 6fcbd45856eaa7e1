"""The file `drawings.npz` of a result: what its page draws that is not in its tables.

Arrays of the file, none of them pickled:

- `region_1_voxels`, `region_2_voxels`: the region inside its bounding box, 0 and 1, eight voxels a byte
  (`numpy.packbits`, C order); `region_1_box`: first voxel and size of the box (2 x 3); `region_1_shape` and
  `region_1_affine`: those of the whole image (4 x 4, to mm). A region without voxels has an empty box.
- `out`: coordinates (n x 3, mm) of the atlas's samples in neither region.
- `genes`: genes drawn one by one; `n_probes`: how many probes each has; `probe_names`: their names, gene after gene.
- `probe_zscores`: z-scores (samples as in samples.tsv x probes), gene after gene; `n_drawn`: how many probes of each
  gene stand there, at most the first eight.
- `variogram_genes`, `variogram_semivariances` (genes x 2 x bins, of one donor and of two) and `variogram_variances`
  (genes x 3): how the genes tested vary over distance (`jugex.pipeline.drawings.GeneVariograms`), where the ladder was
  run: scale, and standard deviations of the difference from donors and from shared fields.
- `not_varied`: what the sensitivity table did not vary, and why, as JSON.
- `format`: 1, raised where a later version writes something that this one cannot read.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import ResultError
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.drawings import Drawings, GeneVariograms, ProbeData, RegionVoxels
from jugex.plots.panels import elsewhere, probe_data, region_voxels
from jugex.report.cards import choose_genes
from jugex.report.tables import FLOAT_FORMAT, MAX_GENES_IN_SAMPLES

__all__ = ["FILE", "MAX_PROBES", "as_in_files", "collect_drawings", "read_drawings", "round_as_text", "write_drawings"]

FILE = "drawings.npz"
#: Number of probes that a page draws for a gene; a gene may have ninety.
MAX_PROBES = 8

_FORMAT = 1
# four times the voxels of a brain in cubes of 0.1 mm; a larger image is no region, and would fill the memory
_MOST_VOXELS = 1 << 32


def as_in_files(result: ComparisonData) -> ComparisonData:
    """A result with numbers rounded as in its folder, so that its page is the same now and when the folder is read.

    z-scores of many genes are kept in full.
    """
    if result.query is None:
        return result
    has_few = result.zscores.shape[1] <= MAX_GENES_IN_SAMPLES
    return replace(
        result,
        table=round_as_text(result.table),
        samples=round_as_text(result.samples),
        zscores=round_as_text(result.zscores) if has_few else result.zscores,
        leave_one_donor_out=round_as_text(result.leave_one_donor_out),
        query=None,
        drawings=collect_drawings(result) if len(result.region_names) == 2 else None,
    )


def round_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Round numbers to the digits that are written."""
    columns = [
        pd.Series([float(FLOAT_FORMAT % value) for value in column.tolist()], index=table.index)
        if column.dtype == np.float64
        else column
        for _, column in table.items()
    ]
    return pd.concat(columns, axis=1).set_axis(table.columns, axis=1) if columns else table


def collect_drawings(result: ComparisonData) -> Drawings | None:
    """Collect what the page of a result draws; None if the result does not hold it.

    Parameters
    ----------
    result : ComparisonData
        A result, computed here or read from a folder that holds the drawings.
    """
    regions = region_voxels(result)
    if regions is None:
        return None
    labels = [gene for group in choose_genes(result) for gene in group.genes]
    # if every probe is tested by itself, there are no probes of genes to draw
    probes = probe_data(result, labels, max_probes=MAX_PROBES) if result.unit == "gene" else {}
    kept = {gene: replace(probes[gene], levels=None) for gene in labels if gene in probes}
    return Drawings(
        regions=(regions[0], regions[1]),
        out=elsewhere(result),
        probes=kept,
        not_varied={},
        variograms=result.variograms,
    )


def write_drawings(drawings: Drawings, path: Path) -> None:
    """Write `drawings.npz`; the same bytes for the same drawings."""
    arrays: dict[str, Any] = {"format": np.array(_FORMAT), "out": drawings.out}
    for number, region in enumerate(drawings.regions, start=1):
        arrays[f"region_{number}_voxels"] = np.packbits(region.voxels)
        arrays[f"region_{number}_box"] = np.array([region.corner, region.voxels.shape])
        arrays[f"region_{number}_shape"] = np.array(region.shape)
        arrays[f"region_{number}_affine"] = region.affine
    genes = drawings.probes.values()
    arrays["genes"] = np.array(list(drawings.probes), dtype=np.str_)
    arrays["n_probes"] = np.array([len(gene.names) for gene in genes], dtype=np.int64)
    arrays["n_drawn"] = np.array([gene.zscores.shape[1] for gene in genes], dtype=np.int64)
    arrays["probe_names"] = np.array([name for gene in genes for name in gene.names], dtype=np.str_)
    zscores = [gene.zscores for gene in genes]
    arrays["probe_zscores"] = np.concatenate(zscores, axis=1) if zscores else np.empty((0, 0))
    if (found := drawings.variograms) is not None:
        arrays["variogram_genes"] = np.array(found.labels, dtype=np.str_)
        arrays["variogram_semivariances"] = found.semivariances
        arrays["variogram_variances"] = np.stack([found.scale, found.sd_donors, found.sd_shared], axis=1)
    arrays["not_varied"] = np.array(json.dumps(drawings.not_varied))
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_drawings(directory: Path, *, n_samples: int | None = None) -> Drawings | None:
    """Read `drawings.npz` of a folder; None if it has none.

    Parameters
    ----------
    directory : Path
    n_samples : int, optional
        Number of samples of the result; z-scores of another number belong to another result.

    Raises
    ------
    ResultError
        If the file exists but cannot be read, or holds data that cannot be drawn.
    """
    path = directory / FILE
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return _read_arrays(arrays, n_samples)
    except Exception as error:  # a damaged file raises whatever zipfile, zlib, tokenize and NumPy let through
        raise ResultError(
            f"{path} cannot be read ({type(error).__name__}: {error}); remove it to have a report without outlines and "
            "probes, or save the result again"
        ) from error


def _read_arrays(arrays: Any, n_samples: int | None) -> Drawings:
    if int(arrays["format"]) != _FORMAT:
        raise ValueError(f"its format is {arrays['format']}, and this version of jugex reads {_FORMAT}")
    genes, out, zscores = [str(gene) for gene in arrays["genes"]], arrays["out"], arrays["probe_zscores"]
    if out.ndim != 2 or out.shape[1] != 3 or zscores.ndim != 2:
        raise ValueError(f"coordinates {out.shape} or z-scores {zscores.shape} are no tables of samples")
    if genes and n_samples not in (None, len(zscores)):
        raise ValueError(f"z-scores of {len(zscores)} samples, where the result has {n_samples}")
    names, of_probes = _split(arrays["probe_names"], arrays["n_probes"]), _split(zscores.T, arrays["n_drawn"])
    return Drawings(
        (_read_region(arrays, 1), _read_region(arrays, 2)),
        out.astype(np.float64, casting="same_kind"),
        {
            gene: ProbeData(gene, tuple(str(name) for name in part), values.T, None)
            for gene, part, values in zip(genes, names, of_probes, strict=True)
        },
        dict(json.loads(str(arrays["not_varied"]))),
        _read_variograms(arrays) if "variogram_genes" in arrays else None,
    )


def _read_variograms(arrays: Any) -> GeneVariograms:
    keys = ("variogram_genes", "variogram_semivariances", "variogram_variances")
    labels, semivariances, variances = (arrays[key] for key in keys)
    n = len(labels)
    if semivariances.ndim != 3 or semivariances.shape[:2] != (n, 2) or variances.shape != (n, 3):
        raise ValueError(f"semivariances {semivariances.shape} and variances {variances.shape} of {n} genes")
    singles = (values.astype(np.float32, casting="same_kind") for values in (semivariances, *variances.T))
    return GeneVariograms(tuple(str(label) for label in labels), *singles)


def _read_region(arrays: Any, number: int) -> RegionVoxels:
    keys = ("voxels", "box", "shape", "affine")
    packed, box, shape, affine = (arrays[f"region_{number}_{key}"] for key in keys)
    corner, size = box.astype(np.intp, casting="same_kind")
    n_voxels = int(np.prod(size))
    is_inside = shape.shape == (3,) and (corner >= 0).all() and (size >= 0).all() and (corner + size <= shape).all()
    if not is_inside or np.prod(shape, dtype=np.float64) > _MOST_VOXELS or len(packed) != -(-n_voxels // 8):
        raise ValueError(f"the voxels of region {number} do not fit into its image")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.linalg.det(affine) == 0:
        raise ValueError(f"the affine of region {number} places no voxels")
    bits = np.unpackbits(packed, count=n_voxels)
    return RegionVoxels(bits.reshape(size).astype(bool), corner, tuple(int(n) for n in shape), affine)


def _split(values: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
    """Split an array into parts with these numbers of rows."""
    if (counts < 0).any() or counts.sum() != len(values):
        raise ValueError(f"{len(values)} probes where {counts.sum()} were counted")
    return np.split(values, np.cumsum(counts)[:-1]) if len(counts) else []
