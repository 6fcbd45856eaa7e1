"""The data embedded in a page for its scripts to draw: numbers of genes, the brain, and the plotting library.

Numbers are those of `jugex.plots.panels`, as in figures for papers. Tables of numbers are stored as whole multiples of
a small step and compressed: z-scores as one byte each, with two digits, so that 20,000 genes in 300 samples take about
6.5 MB; others as two bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, format_count, format_number, format_p, shorten
from jugex.errors import JugexError
from jugex.model.record import RunRecord, VariogramRecord
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.pipeline.drawings import ProbeData, RegionVoxels
from jugex.plots.brain import BrainView, brain_views, cortex_mesh, smooth_mask
from jugex.plots.panels import (
    COORDINATES,
    NullData,
    donor_data,
    elsewhere,
    null_data,
    probe_data,
    region_voxels,
    sample_data,
)
from jugex.plots.styles import REGION_STYLES, Sampled
from jugex.plots.texts import shorten_distinctly
from jugex.report.panel_file import MAX_PROBES
from jugex.spaces import is_mni_space

__all__ = [
    "MAX_PAIRS", "Mark", "PackedArray", "PageData", "are_numbered", "describe_brain", "embed_pairs", "embed_panels",
    "hash_plotly", "hash_script", "mark_donors", "mark_regions", "pack", "pack_array", "pack_bytes", "pack_json",
    "pack_plotly", "plotly_licence",
]  # fmt: skip

#: Number of pairs of regions drawn for a gene; ten regions have 45.
MAX_PAIRS = 12
_SHORT = 9  # characters of a name before a difference; longer names are replaced by numbers
_LEVEL = 4  # level 6 saves 5 % and takes twice as long
_ZSCORE_STEP = 0.05  # a hundredth of the range of a drawing
_RELATIVE_STEP = 0.002  # of a semivariance, in units of the gene's variance
_MOST_VALUES = 6_500_000  # largest number of z-scores in a page, those of the first genes of the table
_MISSING = 65535
_LARGEST = 32767
_MISSING_BYTE = -128
_LARGEST_BYTE = 127
_LONGEST_NAME = 48  # characters of a region's name in a drawing, on three lines
_MOST_CELLS = 30_000  # of a region's 3-D grid, so that a browser draws the surface quickly
_BORDER = 40.0  # percent of a cell at which the page draws the surface

#: Markers of `jugex.plots` as paths around a point, about 5 units wide.
MARKERS = {
    "o": "m-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0z",
    "s": "m-2.3-2.3h4.6v4.6h-4.6z",
    "^": "m0-3l2.9 5h-5.8z",
    "D": "m0-3.2l3.2 3.2l-3.2 3.2l-3.2-3.2z",
    "v": "m0 3l2.9-5h-5.8z",
    "P": "m-1-3h2v2h2v2h-2v2h-2v-2h-2v-2h2z",
    "X": "m-3-1.8l1.2-1.2l1.8 1.8l1.8-1.8l1.2 1.2l-1.8 1.8l1.8 1.8l-1.2 1.2l-1.8-1.8l-1.8 1.8l-1.2-1.2l1.8-1.8z",
}

Floats = npt.NDArray[np.float64]


class Mark(NamedTuple):
    """A mark in drawings: its name, the path of the marker, its fill and its edge."""

    name: str
    path: str
    face: str
    edge: str


class PackedArray(NamedTuple):
    """Numbers as whole multiples of a step, packed; the scripts of a page find them by name.

    `form` is "words" (`pack_array`) or "bytes" (`pack_bytes`).
    """

    name: str
    shape: tuple[int, ...]
    step: float
    data: str
    form: str = "words"


@dataclass(frozen=True)
class PageData:
    """The data from which the panels of a page are drawn.

    Attributes
    ----------
    head : str
        Samples, regions, donors and data of single genes, as packed JSON.
    arrays : tuple of PackedArray
        Numbers of all genes, a row per row of the table.
    kinds : tuple of str
        Titles of the panels that the cards have.
    """

    head: str
    arrays: tuple[PackedArray, ...]
    kinds: tuple[str, ...]


def embed_panels(result: ComparisonData, chosen: Sequence[str]) -> PageData:
    """Embed the data of the cards of genes.

    Every gene of the table has samples and donors; only some have permutations and probes, which need more space and
    time.

    Parameters
    ----------
    result : ComparisonData
        The result with numbers rounded as in files (`as_in_files`).
    chosen : sequence of str
        Entries of ``result.labels`` that have permutations and probes too.
    """
    labels = [str(label) for label in result.labels]
    places = {label: place for place, label in enumerate(labels)}
    cards: dict[int, dict[str, Any]] = {places[gene]: {} for gene in chosen}
    kinds, arrays = ["Samples"], []
    donors = _embed_donors(result, labels)
    if donors is not None:
        kinds.append("Donor by donor")
        arrays.append(donors[1])
    for gene, null in _find_nulls(result, chosen).items():
        cards[places[gene]]["null"] = _describe_null(null)
    probes = _find_probes(result, chosen)
    first = 0
    for gene, of_gene in probes.items():
        n_drawn = of_gene.zscores.shape[1]
        cards[places[gene]]["probes"] = {
            "names": shorten_distinctly(of_gene.names[:n_drawn], 2 * MAX_PROBES),
            "first": first,
            "note": _format_probes_note(result.table["probe_r"].iloc[places[gene]], n_drawn, len(of_gene.names)),
        }
        first += n_drawn
    if probes:
        arrays.append(pack_array("probe-zscores", np.concatenate([gene.zscores for gene in probes.values()], axis=1).T))
    for kind, key in (("Permutations", "null"), ("Probes", "probes")):
        if any(key in card for card in cards.values()):
            kinds.append(kind)
    variograms = _embed_variograms(result, labels)
    if variograms is not None:
        kinds.insert(2, "Distance")
        arrays.append(variograms)
    head = {"donors": None if donors is None else donors[0], "cards": cards, "tissue": describe_tissue(result.record)}
    return _embed_samples(result, result.zscores, labels, head, arrays, kinds)


def _embed_samples(
    result: Sampled,
    zscores: pd.DataFrame,
    labels: Sequence[str],
    head: dict[str, Any],
    arrays: Sequence[PackedArray] = (),
    kinds: Sequence[str] = ("Samples",),
) -> PageData:
    """Embed the z-scores of all genes in all samples, of two or more regions, with other panels.

    Parameters
    ----------
    result : Sampled
    zscores : DataFrame, n rows
        A column per gene.
    labels : sequence of str
        Labels of the rows of the table, as in the columns of `zscores`.
    head : dict
        Other data for the scripts, as JSON types.
    arrays, kinds
        Arrays and titles of other panels; see `PageData`.
    """
    samples = sample_data(result)
    regions = shorten_distinctly(samples.region_names, _LONGEST_NAME)
    if len(regions) > 2 and are_numbered(samples.region_names):
        regions = [f"{number} {name}" for number, name in enumerate(regions, start=1)]
    described = {
        "regions": regions,
        "donors": [[name, style.colour, MARKERS[style.marker]] for name, style in samples.donors.items()],
        "region": samples.region.tolist(),
        "donor": samples.donor.tolist(),
        "shift": np.round(samples.shift, 3).tolist(),
        "markers": MARKERS,
    }
    values = zscores.to_numpy(dtype=np.float64).T
    n_rows = min(len(labels), max(_MOST_VALUES // max(values.shape[1], 1), 1))
    columns = zscores.columns.get_indexer(pd.Index(labels[:n_rows]))
    of_rows = np.where((columns >= 0)[:, None], values[columns], np.nan) if (columns < 0).any() else values[columns]
    packed = pack_bytes("zscores", of_rows, step=_ZSCORE_STEP)
    return PageData(pack_json({"samples": described, **head}), (packed, *arrays), tuple(kinds))


def embed_pairs(result: ComparisonData, chosen: Sequence[str], pairs_table: pd.DataFrame) -> PageData:
    """Embed what the cards of genes show of more than two regions: samples of all genes, and pairs of some.

    Parameters
    ----------
    result : ComparisonData
    chosen : sequence of str
        Entries of ``result.labels`` that have their pairs too.
    pairs_table : DataFrame
        Of `GroupComparison`.
    """
    labels = [str(label) for label in result.labels]
    places = {label: place for place, label in enumerate(labels)}
    pairs = pairs_table.assign(label=label_rows(pairs_table))
    shown = pairs[(pairs["status"] == "ok").to_numpy(dtype=bool) & pairs["label"].isin(list(chosen)).to_numpy()]
    cards = {
        places[str(label)]: {"pairs": _describe_pairs(of_gene, result.region_names)}
        for label, of_gene in shown.groupby("label", sort=False)
    }
    kinds = ["Samples", *(["Two by two"] if cards else [])]
    return _embed_samples(result, result.zscores, labels, {"donors": None, "cards": cards}, kinds=kinds)


def are_numbered(names: Sequence[str]) -> bool:
    """Whether pairs are labelled by the numbers of their regions, because the names are too long side by side."""
    return any(len(name) > _SHORT for name in names)


def _describe_pairs(rows: pd.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
    """Differences of a gene in pairs, in the order of the regions; of many pairs, the first in the table."""
    numbered, n = are_numbered(names), len(rows)
    called = {name: str(number) if numbered else name for number, name in enumerate(names, start=1)}
    described = []
    for row in rows.head(MAX_PAIRS).to_dict("records"):
        pair = (str(row["region_1"]), str(row["region_2"]))
        sign = 1.0 if names.index(pair[0]) < names.index(pair[1]) else -1.0
        pair = pair if sign > 0 else pair[::-1]
        described.append(
            {
                "order": [names.index(name) for name in pair],
                "pair": [shorten(name) for name in pair],
                "called": " \N{EN DASH} ".join(called[name] for name in pair),
                "diff": round(sign * float(row["diff"]), 4),
                "p": format_p(row["p_fwe_holm"]),
                "isSignificant": bool(row["significant"]),
            }
        )
    return {
        "rows": sorted(described, key=lambda entry: entry["order"]),
        "isNumbered": numbered,
        "note": f"the {MAX_PAIRS} with the smallest p of {n} pairs" if n > MAX_PAIRS else "",
    }


def _embed_donors(result: ComparisonData, labels: Sequence[str]) -> tuple[dict[str, Any], PackedArray] | None:
    """Embed donors with their numbers of samples, and (g, D, 2) differences and half-widths of their intervals."""
    try:
        data = donor_data(result)
    except JugexError:  # the samples do not tell the regions apart
        return None
    if not data.labels:
        return None
    rows = pd.Index(labels).get_indexer(pd.Index(data.labels))
    values = np.full((len(labels), len(data.donors), 2), np.nan)
    values[rows] = np.stack([data.diff, data.high - data.diff], axis=-1)
    names = list(sample_data(result).donors)
    head = {"donor": [names.index(name) for name in data.donors], "n1": data.n_1.tolist(), "n2": data.n_2.tolist()}
    return head, pack_array("donor-differences", values)


def _embed_variograms(result: ComparisonData, labels: Sequence[str]) -> PackedArray | None:
    """Embed each gene's scale, and its semivariances within and between donors divided by it, (g, 1 + 2 K)."""
    found, ladder = result.variograms, result.record.ladder
    if found is None or ladder is None or ladder.variogram is None:
        return None
    flat = found.semivariances.reshape(len(found.labels), -1)
    values = np.full((len(labels), 1 + flat.shape[1]), np.nan)
    rows = pd.Index(labels).get_indexer(pd.Index(found.labels))
    with np.errstate(divide="ignore", invalid="ignore"):  # a scale of 0: no curve
        values[rows] = np.column_stack([found.scale, flat / found.scale[:, None]])
    return pack_array("variograms", values, least=_RELATIVE_STEP)


def describe_tissue(record: RunRecord) -> dict[str, Any] | None:
    """Describe how genes vary in the tissue around the regions, and what each rung calls at arbitrary places."""
    ladder = record.ladder
    if ladder is None or ladder.variogram is None:
        return None
    measured, diagnostic = _describe_variogram(ladder.variogram), ladder.diagnostic
    of_space = None if ladder.variogram_spatial is None else _describe_variogram(ladder.variogram_spatial)
    shares = None if diagnostic is None else [diagnostic.samples, diagnostic.donors, diagnostic.spatial]
    return {
        "regions": None if ladder.distance_mm is None else round(ladder.distance_mm, 1),
        "measured": measured,
        "spatial": of_space,
        "shares": shares,
        "alpha": None if diagnostic is None else diagnostic.alpha,
        "nPlaces": None if diagnostic is None else diagnostic.n_places,
    }


def _describe_variogram(variogram: VariogramRecord) -> dict[str, Any]:
    def rounded(values: Sequence[float], digits: int = 4) -> list[float]:
        return [round(value, digits) for value in values]

    return {
        "distances": [rounded(variogram.distance_mm_within, 1), rounded(variogram.distance_mm_between, 1)],
        "values": [rounded(variogram.within), rounded(variogram.between)],
        "parts": [rounded(part) for part in variogram.parts_within],
        "fit": [rounded(variogram.fitted_within), rounded(variogram.fitted_between)],
    }


def _find_nulls(result: ComparisonData, genes: Sequence[str]) -> dict[str, NullData]:
    try:
        return null_data(result, genes)
    except JugexError:  # regions with the same name
        return {}


def _describe_null(null: NullData) -> dict[str, Any]:
    reached = f"{format_count(len(null.f))} relabellings; p = {format_p(null.p)}, not corrected"
    line = "" if null.critical is None else f"; dashed: significant over all genes (F = {null.critical:.1f})"
    return {
        "top": float(np.sqrt(null.edges[-1])),
        "counts": null.counts.tolist(),
        "f": null.observed,
        "critical": null.critical,
        "n": len(null.f),
        "reached": null.n_reached,
        "note": reached + line,
    }


def _find_probes(result: ComparisonData, genes: Sequence[str]) -> dict[str, ProbeData]:
    """Genes with more than one probe."""
    if result.unit != "gene":
        return {}
    return {
        gene: data for gene, data in probe_data(result, genes, max_probes=MAX_PROBES).items() if len(data.names) > 1
    }


def _format_probes_note(r: float | None, n_drawn: int, n_all: int) -> str:
    """Note on the number of probes drawn, and whether they agree."""
    drawn = count_of(n_all, "probe")
    if n_all > n_drawn:
        drawn = f"{n_drawn} of {drawn}: the highest mean levels"
    correlation = "" if pd.isna(r) else format_number(r)
    return f"{drawn}; bars: means" + (f"; mean correlation {correlation}" if correlation else "")


def mark_donors(result: Sampled) -> list[Mark]:
    """Marks of the donors with a sample used."""
    donors = sample_data(result).donors.items()
    return [Mark(name, MARKERS[style.marker], style.colour, style.colour) for name, style in donors]


def mark_regions(result: ComparisonData) -> list[Mark]:
    """Marks of the samples of both regions."""
    styles = zip(result.region_names, REGION_STYLES, strict=True)
    return [Mark(name, MARKERS[style.marker], style.face, style.edge) for name, style in styles]


def describe_brain(result: ComparisonData) -> dict[str, Any]:
    """Views of the brain, and what is missing in them; no views if no sample has coordinates.

    Parameters
    ----------
    result : ComparisonData
        The result with numbers rounded as in files (`as_in_files`).

    Returns
    -------
    dict
        `views` and `scene` (what the scripts draw, packed; empty without one), and words.
    """
    points = result.samples[COORDINATES].to_numpy(dtype=np.float64)
    n_missing = int((~np.isfinite(points)).any(axis=1).sum())
    space = result.record.atlas.space
    has_any = n_missing < len(points)
    is_drawn = has_any and is_mni_space(space)
    regions = region_voxels(result)
    no_template = f"The samples are in the space {space}, of which there is no template to show them on."
    return {
        "views": _pack_views(result) if is_drawn else "",
        "scene": _pack_scene(result, regions) if is_drawn else "",
        "why_none": no_template if has_any else "No sample has a coordinate, so none can be shown.",
        "marks": mark_regions(result),
        "n_missing": n_missing,
        "example": str(result.labels.iloc[0]) if len(result.labels) else "",
        "has_outlines": regions is not None,
        "n_out": len(elsewhere(result)),
    }


def _pack_views(result: ComparisonData) -> str:
    """Slices of the template, with the samples and outlines drawn on them, in mm."""
    marks = [mark._asdict() | {"name": shorten(mark.name, 40)} for mark in mark_regions(result)]
    has_place = np.isfinite(result.samples[COORDINATES].to_numpy(dtype=np.float64)).all(axis=1)
    of_regions = [
        np.flatnonzero((result.samples["region"] == name).to_numpy(dtype=bool) & has_place).tolist()
        for name in result.region_names
    ]
    return pack_json(
        {"regions": marks, "rows": of_regions, "views": [_describe_view(view) for view in brain_views(result)]}
    )


def _describe_view(view: BrainView) -> dict[str, Any]:
    position = f"{view.view.position:.0f}".replace("-", "\N{MINUS SIGN}")
    return {
        "title": f"{view.view.name}, {view.view.axis} = {position} mm",
        "hasSides": view.view.axis != "x",
        "image": _to_png(view.greys),
        "extent": view.extent,
        "frame": [round(end, 1) for end in view.frame],
        "samples": [_to_pairs(points) for points in view.samples],
        "outlines": [[_to_pairs(line) for line in lines] for lines in view.outlines],
        "near": _to_pairs(view.near),
    }


def _to_pairs(points: Floats) -> list[float]:
    """Coordinates x, y, x, y, ... to a tenth of a millimetre."""
    pairs: list[float] = np.round(points, 1).ravel().tolist()
    return pairs


def _to_png(greys: npt.NDArray[np.uint8]) -> str:
    """A slice of the template as a data URI, transparent outside the brain."""
    from PIL import Image

    lighter = 50 + 0.8 * greys  # so that the darkest parts of the brain show on black
    pixels = np.stack([lighter.astype(np.uint8), np.where(greys > 0, 255, 0).astype(np.uint8)], axis=-1)[::-1]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _pack_scene(result: ComparisonData, regions: Iterable[RegionVoxels] | None) -> str:
    """Pack the 3-D scene: cortex, regions and samples in tenths of a millimetre."""
    grids = [None, None] if regions is None else [_grid_region(region) for region in regions]
    return pack_json(
        {
            "cortex": _read_cortex(),
            "regions": [_describe_region(result, number, grid) for number, grid in enumerate(grids)],
            "out": _to_tenths(elsewhere(result)),
        }
    )


def _describe_region(result: ComparisonData, number: int, grid: dict[str, Any] | None) -> dict[str, Any]:
    name, style = result.region_names[number], REGION_STYLES[number]
    samples = result.samples[(result.samples["region"] == name).to_numpy()]
    points = samples[COORDINATES].to_numpy(dtype=np.float64)
    placed = samples[np.isfinite(points).all(axis=1)]
    told = zip(placed["donor_name"], placed["well_id"], placed["structure_acronym"], strict=True)
    return {
        "name": shorten(name, 40),
        "face": style.face,
        "points": _to_tenths(placed[COORDINATES].to_numpy(dtype=np.float64)),
        "told": [f"{donor_name}, well {well_id}, {structure}" for donor_name, well_id, structure in told],
        "grid": grid,
    }


def _grid_region(region: RegionVoxels) -> dict[str, Any] | None:
    """Percentage of each cell of a grid that a region fills, from which its surface is drawn; None if empty.

    Cells are cubes of 2 mm, or larger for a large region.
    """
    points = region.points
    if len(points) == 0:
        return None
    step = max(2.0, region.step)
    while np.prod(np.ceil(np.ptp(points, axis=0) / step) + 3) > _MOST_CELLS:
        step *= 1.25
    edges = [
        np.arange(low - 1.5 * step, high + 2.5 * step, step)
        for low, high in zip(points.min(0), points.max(0), strict=True)
    ]
    counts, _ = np.histogramdd(points, bins=edges)
    filled = np.minimum(100.0 * counts * region.voxel_volume / step**3, 100.0)
    smooth = smooth_mask(filled >= _BORDER)
    if smooth.dtype != np.bool_:
        filled = np.clip(2 * _BORDER * smooth, 0.0, 100.0)
    return {
        "axes": [np.round((axis[:-1] + axis[1:]) / 2, 2).tolist() for axis in edges],
        "filled": np.round(filled).astype(int).ravel().tolist(),
    }


@cache
def _read_cortex() -> dict[str, list[int]]:
    """Vertices of the cortex (all x, then all y, then all z) and its triangles."""
    corners, triangles = cortex_mesh()
    return {"corners": _to_tenths(corners), "triangles": triangles.T.ravel().tolist()}


def _to_tenths(points: Floats) -> list[int]:
    """Coordinates, all x, then all y, then all z, in tenths of a millimetre."""
    tenths: list[int] = np.round(points.T * 10).astype(int).ravel().tolist()
    return tenths


def pack(text: str) -> str:
    """Text as UTF-8, gzip and Base64, which a browser unpacks with DecompressionStream; the same in every run."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), compresslevel=_LEVEL, mtime=0)).decode("ascii")


def pack_json(data: Any) -> str:
    """JSON types, packed."""
    return pack(json.dumps(data, separators=(",", ":"), allow_nan=False))


def pack_array(name: str, values: Floats, *, least: float = 0.001) -> PackedArray:
    """Pack numbers as 16-bit multiples of a step, 0, -1, 1, -2, ... as 0, 1, 2, 3, ...: upper bytes are then small.

    All lower bytes come before all upper ones.

    Parameters
    ----------
    name : str
    values : ndarray
        NaN where a value is missing.
    least : float
        Smallest step; a larger one is used if numbers exceed 32,767 steps.
    """
    is_known = np.isfinite(values)
    step = max(least, float(np.abs(values, where=is_known, out=np.zeros(values.shape)).max(initial=0.0)) / _LARGEST)
    whole = np.where(is_known, np.rint(values / step), 0).astype(np.int32)
    folded = np.where(is_known, np.where(whole < 0, -2 * whole - 1, 2 * whole), _MISSING).astype("<u2")
    planes = folded.ravel().view(np.uint8).reshape(-1, 2).T
    # upper bytes are runs of zeros, lower ones noise: searching for other patterns finds nothing, and takes longer
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    packed = packer.compress(np.ascontiguousarray(planes).tobytes()) + packer.flush()
    return PackedArray(name, values.shape, step, base64.b64encode(packed).decode("ascii"))


def pack_bytes(name: str, values: Floats, *, step: float) -> PackedArray:
    """Pack numbers as bytes: for each row a power of two, then its numbers in units of the step times that power.

    Parameters
    ----------
    name : str
    values : ndarray, shape (rows, n)
        NaN where a value is missing. Rows are rounded to the step, or, where they reach beyond 127 of it, to 2, 4, ...
        times as much: two digits of the largest number in any case.
    step : float
    """
    is_known = np.isfinite(values)
    whole = np.where(is_known, values, 0.0)
    largest = np.maximum(whole.max(axis=1, initial=0.0), -whole.min(axis=1, initial=0.0))
    power = np.ceil(np.log2(np.maximum(largest / (_LARGEST_BYTE * step), 1.0))).astype(np.uint8)
    np.rint(whole / (step * 2.0 ** power[:, None]), out=whole)
    whole[~is_known] = _MISSING_BYTE
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    packed = packer.compress(power.tobytes()) + packer.compress(whole.astype(np.int8).tobytes()) + packer.flush()
    return PackedArray(name, values.shape, step, base64.b64encode(packed).decode("ascii"), "bytes")


@cache
def pack_plotly() -> str:
    """The plotting library of the page, from the installed package plotly."""
    from plotly.offline import get_plotlyjs

    return pack(get_plotlyjs())


@cache
def hash_plotly() -> str:
    """Checksum of the plotting library for a content security policy."""
    from plotly.offline import get_plotlyjs

    return hash_script(get_plotlyjs())


def hash_script(script: str) -> str:
    """Checksum of a script for a content security policy: the SHA-256 of its text."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def plotly_licence() -> str:
    """The notice that the library's licence requires, from the head of its code."""
    from plotly.offline import get_plotlyjs

    head = str(get_plotlyjs()[:600]).partition("*/")[0]
    return " ".join(line.strip("/* ") for line in head.splitlines() if line.strip("/* "))
