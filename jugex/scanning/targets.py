"""What a scan goes through: the regions of a parcellation, where their samples lie, and which pairs are compared."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, find_column, join_words, read_delimited
from jugex.atlas import ExpressionAtlas
from jugex.errors import OptionError
from jugex.model.options import QueryOptions
from jugex.progress import track
from jugex.query.reference import classify_tissue
from jugex.query.samples import COORDINATES, bind_region
from jugex.query.targets import Target, name_apart, read_one
from jugex.regions import Region, RegionIdentity
from jugex.regions.base import upright_image
from jugex.regions.labels import split_side
from jugex.regions.listed import ListedRegion
from jugex.spaces import hemisphere_of

__all__ = [
    "Pair", "PairsLike", "Placed", "Rest", "group_pairs", "list_pairs", "make_rests", "place_regions",
]  # fmt: skip

#: Which pairs: by a rule, from a file, or listed as (region 1, region 2) or (name, region 1, region 2).
PairsLike: TypeAlias = "str | os.PathLike[str] | Sequence[Sequence[Region | str]]"
#: What a region is compared with as a whole: samples of its tissue and side, of its tissue, or all others.
Rest = Literal["matched", "class", "brain"]
RULES = ("all", "one-vs-rest", "left-vs-right", "neighbours")

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Placed:
    """A region with its samples in an atlas.

    Attributes
    ----------
    name : str
    samples : ListedRegion or None
        None where the region holds no sample.
    why : str
        Why it holds none.
    n_samples, n_donors : int
    centre : tuple of float
        Mean coordinate of its samples in mm; NaN without samples.
    target : Region or None
        What was located.
    identity : RegionIdentity or None
        By which it can be made again; None of a rest, which follows from its region.
    """

    name: str
    samples: ListedRegion | None
    why: str
    n_samples: int
    n_donors: int
    centre: tuple[float, float, float]
    target: Region | None
    identity: RegionIdentity | None = None

    @property
    def digest(self) -> str:
        """Checksum of the samples, of their probabilities, and of what is conventional about them."""
        if self.samples is None:
            return ""
        found = hashlib.sha256()
        for array in ("well_ids", "probability", "between_voxels", "tolerated"):
            found.update(np.ascontiguousarray(getattr(self.samples, array)).tobytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Pair:
    """Two regions to compare, by their names; `number` counts from 0, and `seed` is that of the relabellings."""

    number: int
    name: str
    region_1: str
    region_2: str
    seed: int


# --- regions -----------------------------------------------------------------------------------------------------


def place_regions(
    targets: Iterable[Target], atlas: ExpressionAtlas, query: QueryOptions, *, taken: Collection[str] = ()
) -> list[Placed]:
    """Find the samples of each region once, as a query of two regions would; namesakes are numbered.

    Raises
    ------
    RegionError
        If a region is in another space than the atlas.
    """
    bound = []
    for target in targets:
        bound.append((target, None if target.region is None else bind_region(target.region, atlas, query)))
    names = name_apart([target.name if region is None else region.name for target, region in bound], taken)
    placed = []
    listed = track(list(zip(names, bound, strict=True)), description="samples of the regions")
    for name, (target, region) in listed:
        if region is None:
            placed.append(Placed(name, None, target.why, 0, 0, _NOWHERE, None))
            continue
        with np.errstate(invalid="ignore"):  # samples without a coordinate are in no voxel
            located = region.locate(atlas.samples)
        placed.append(replace(_place(name, located, atlas, target.region), identity=region.renamed(name).identity()))
    return placed


_NOWHERE = (float("nan"), float("nan"), float("nan"))


def _place(name: str, located: pd.DataFrame, atlas: ExpressionAtlas, target: Region | None) -> Placed:
    inside = located["inside"].to_numpy(dtype=bool)
    if not inside.any():
        return Placed(name, None, f"region {name!r} holds no sample of {atlas.name}", 0, 0, _NOWHERE, target)
    own = atlas.samples[inside]
    x, y, z = own[list(COORDINATES)].mean().tolist()
    listed = ListedRegion.of(name, atlas.samples, located, atlas.space)
    return Placed(name, listed, "", len(own), own["donor_name"].nunique(), (x, y, z), target)


# --- pairs -------------------------------------------------------------------------------------------------------


def list_pairs(
    placed: Sequence[Placed],
    pairs: PairsLike,
    atlas: ExpressionAtlas,
    query: QueryOptions,
    *,
    rest: Rest = "matched",
    seed: int = 0,
    threshold: float = 0.2,
) -> tuple[list[Pair], list[Placed]]:
    """List the pairs of a scan.

    Parameters
    ----------
    placed : sequence of Placed
        The regions.
    pairs : {'all', 'one-vs-rest', 'left-vs-right', 'neighbours'}, path or sequence
        See `jugex.scan`.
    atlas : ExpressionAtlas
    query : QueryOptions
    rest : {'matched', 'class', 'brain'}
        Of 'one-vs-rest'.
    seed : int
        Of the scan; each pair's own follows from it and from the names of its regions.
    threshold : float
        Of regions given as text in a list of pairs.

    Returns
    -------
    pairs : list of Pair
    more : list of Placed
        Regions that the pairs need beside those given: the rests, or regions that a list names.

    Raises
    ------
    OptionError
        If there is no such rule, a table lacks its columns, or there is no pair.
    """
    names = [region.name for region in placed]
    more: list[Placed] = []
    if isinstance(pairs, str) and pairs in RULES:
        if pairs == "all":
            found = [("", *couple) for couple in combinations(names, 2)]
        elif pairs == "left-vs-right":
            found = _match_sides(names)
        elif pairs == "neighbours":
            found = [("", names[i], names[j]) for i, j in _find_neighbours(placed)]
        else:
            more = make_rests(placed, atlas, rest)
            found = [("", region.name, other.name) for region, other in zip(placed, more, strict=True)]
    else:
        found, more = _read_pairs(pairs, placed, atlas, query, threshold)
    if not found:
        raise OptionError(
            f"there is no pair to compare ({count_of(len(names), 'region')}, pairs "
            f"{pairs if isinstance(pairs, str) else 'listed'}); give more regions, or other pairs"
        )
    twice = [couple for couple, n in Counter((first, second) for _, first, second in found).items() if n > 1]
    if twice:
        raise OptionError(f"the pair {' and '.join(map(repr, twice[0]))} is listed twice; list each pair once")
    return [
        Pair(number, name or f"{first} - {second}", first, second, make_seed(seed, first, second))
        for number, (name, first, second) in enumerate(found)
    ], more


def make_seed(seed: int, region_1: str, region_2: str) -> int:
    """Seed of a pair: 32 bits of the SHA-256 of the scan's seed and the names, whatever other pairs there are."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{region_1}\0{region_2}".encode()).digest()[:4], "big")


def _match_sides(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each region of the left with its namesake of the right."""
    of_side: dict[str, dict[str, str]] = {"left": {}, "right": {}}
    for name in names:
        base, side = split_side(name)
        if side is not None:
            of_side[side][base] = name
    return [("", left, of_side["right"][base]) for base, left in of_side["left"].items() if base in of_side["right"]]


def make_rests(placed: Sequence[Placed], atlas: ExpressionAtlas, rest: Rest) -> list[Placed]:
    """What each region is compared with: the other samples of its tissue and sides, of its tissue, or all others."""
    if rest not in get_args(Rest):
        raise OptionError(f"rest must be one of {', '.join(get_args(Rest))}; got {rest!r}")
    samples, classes = atlas.samples, classify_tissue(atlas)
    wells = samples["well_id"].to_numpy()
    sides = np.asarray(hemisphere_of(samples["mni_x"].to_numpy(dtype=np.float64)))
    rests = []
    for region in placed:
        name = f"rest of {region.name}"
        if region.samples is None:
            rests.append(Placed(name, None, region.why, 0, 0, _NOWHERE, None))
            continue
        own = np.isin(wells, region.samples.well_ids)
        counts = ~own
        if rest != "brain" and classes is not None:
            tissue = classes[own].mode()
            counts &= (classes == tissue.iloc[0]).to_numpy(dtype=bool) if len(tissue) else True
        if rest == "matched":
            counts &= np.isin(sides, [side for side in set(sides[own].tolist()) if side != "midline"])
        located = pd.DataFrame({"inside": counts, "probability": np.nan, "between_voxels": False}, index=samples.index)
        rests.append(_place(name, located, atlas, None))
    return rests


def _find_neighbours(placed: Sequence[Placed]) -> list[tuple[int, int]]:
    """Regions that share a voxel or have voxels side by side, by their numbers."""
    from scipy import sparse

    rows: list[npt.NDArray[np.intp]] = []
    voxels: list[npt.NDArray[np.intp]] = []
    grid: tuple[tuple[int, ...], bytes] | None = None
    for number, region in enumerate(placed):
        if region.target is None:
            continue
        if np.isnan(region.target.volume):
            raise OptionError(f"region {region.name!r} has no extent in space, so that its neighbours are unknown")
        image = upright_image(region.target)
        own = (image.shape[:3], np.round(np.asarray(image.affine), 4).tobytes())
        if grid is not None and own != grid:
            raise OptionError(
                "neighbours are found in one image or parcellation; these regions have grids of their own"
            )
        grid = own
        inside = np.argwhere(np.asarray(image.dataobj) > 0)
        shape = tuple(n + 2 for n in image.shape[:3])  # a rim, so that no voxel's neighbour is on the other side
        voxels.append(np.atleast_1d(np.ravel_multi_index(tuple(inside.T + 1), shape)).astype(np.intp))
        rows.append(np.full(len(inside), number, dtype=np.intp))
    if grid is None:
        return []
    flat, row = np.concatenate(voxels), np.concatenate(rows)
    n_voxels = int(np.prod(shape))
    ones = np.ones(len(flat), dtype=np.int32)
    held = sparse.csr_matrix((ones, (row, flat)), shape=(len(placed), n_voxels))
    touching = np.zeros((len(placed), len(placed)), dtype=bool)
    for step in (0, 1, shape[2], shape[1] * shape[2]):
        shifted = sparse.csr_matrix((ones, (row, flat + step)), shape=(len(placed), n_voxels))
        touching |= sparse.csr_matrix(held @ shifted.T).toarray() > 0
    touching |= touching.T
    first, second = np.nonzero(np.triu(touching, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def _read_pairs(
    pairs: PairsLike, placed: Sequence[Placed], atlas: ExpressionAtlas, query: QueryOptions, threshold: float
) -> tuple[list[tuple[str, str, str]], list[Placed]]:
    """Pairs of a table or a list; regions that are none of those given are read as texts, and located."""
    if isinstance(pairs, str | os.PathLike):
        if not Path(pairs).exists():
            raise OptionError(f"pairs must be {join_words(RULES, 'or')}, or a table of pairs; there is no file {pairs}")
        table = read_delimited(pairs, what="table of pairs", error=OptionError).rows
        where = [find_column(table.columns.tolist(), names) for names in _PAIR_COLUMNS]
        if None in where[1:]:
            raise OptionError(
                f"the table of pairs {pairs} has the columns {', '.join(table.columns)}; needed are region_1 and "
                "region_2, and name where the pairs have one"
            )
        cells = [[row[name] if name else "" for name in where] for row in table.to_dict("records")]
    else:
        cells = [["", *pair] if len(pair) == 2 else list(pair) for pair in pairs]
    known = {region.name: region.name for region in placed}
    known |= {region.target.name: region.name for region in placed if region.target is not None}
    more: list[Placed] = []
    found = []
    for row in cells:
        if len(row) != 3:
            raise OptionError(f"a pair is (region 1, region 2) or (name, region 1, region 2); got {row!r}")
        for region in row[1:]:
            text = region if isinstance(region, str) else region.name
            if text not in known:
                made = read_one(region, threshold=threshold)
                taken = [other.name for other in (*placed, *more)]
                more += place_regions([Target(made.name, made)], atlas, query, taken=taken)
                known[text] = more[-1].name
        first, second = (known[region if isinstance(region, str) else region.name] for region in row[1:])
        found.append((str(row[0]), first, second))
    return found, more


_PAIR_COLUMNS = (("name", "pair"), ("region_1", "region 1", "region1"), ("region_2", "region 2", "region2"))


# --- which pairs share the tissue around them ----------------------------------------------------------------------


def group_pairs(
    pairs: Sequence[Pair], regions: Mapping[str, ListedRegion], atlas: ExpressionAtlas, *, one_reference: bool
) -> list[list[Pair]]:
    """Pairs that are seen against the same samples, the largest group first; it decides order and time, no number.

    Parameters
    ----------
    pairs : sequence of Pair
        Both regions have samples.
    regions : dict of str to ListedRegion
    atlas : ExpressionAtlas
    one_reference : bool
        Whether the user chose the reference.
    """
    samples, classes = atlas.samples, classify_tissue(atlas)
    wells = samples["well_id"].to_numpy()
    sides = np.asarray(hemisphere_of(samples["mni_x"].to_numpy(dtype=np.float64)))
    tissues = np.zeros(len(wells), dtype=np.intp) if classes is None else pd.factorize(classes)[0]
    inside = {name: np.isin(wells, region.well_ids) for name, region in regions.items()}
    tissue = {name: _most_of(tissues[own]) for name, own in inside.items()}
    groups: dict[object, tuple[list[Pair], list[Pair]]] = {}
    for pair in pairs:
        first, second = inside[pair.region_1], inside[pair.region_2]
        own, both = first | second, first & second
        of_pair = tissue[pair.region_1], tissue[pair.region_2]
        key: object = ()
        if of_pair[0] != of_pair[1] or of_pair[0] is None:
            key = "two tissues"
        elif not one_reference:
            own_sides = tuple(sorted(set(sides[own].tolist()) - {"midline"}))
            extra = own & ~((tissues == of_pair[0]) & np.isin(sides, own_sides))
            key = (of_pair[0], own_sides, wells[extra].tobytes())
        # last in their group: samples in both regions may be left out of the reference, which is then another
        groups.setdefault(key, ([], []))[int(both.any())].append(pair)
    joined = [[*apart, *overlapping] for apart, overlapping in groups.values()]
    return sorted(joined, key=lambda group: (-len(group), group[0].number))


def _most_of(codes: npt.NDArray[np.intp]) -> int | None:
    values, counts = np.unique(codes, return_counts=True)
    return int(values[counts.argmax()]) if counts.max() > len(codes) / 2 and values[counts.argmax()] >= 0 else None
