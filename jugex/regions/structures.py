"""Anatomical structures of an atlas: search by acronym, name or id, and regions of structures."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import join_words
from jugex.errors import OptionError, RegionError
from jugex.regions.base import Membership, Region, SampledAtlas, sample_points
from jugex.regions.grids import Points, make_image, rasterize
from jugex.regions.identity import RegionIdentity, StructureIdentity, known_point
from jugex.regions.labels import split_side
from jugex.regions.operations import Union
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

__all__ = [
    "Structure",
    "StructureRegion",
    "draw_samples",
    "find_structure",
    "find_structures",
    "known_points",
    "lie_with_samples",
    "list_members",
    "region_of_structures",
    "search_structures",
]

_N_SHOWN = 5
#: Everyday names of structures, and the names in the ontology of the AHBA.
_EVERYDAY = {
    "hippocampus": "hippocampal formation", "amygdaloid complex": "amygdala", "caudate": "caudate nucleus",
    "pallidum": "globus pallidus", "accumbens": "nucleus accumbens", "cortex": "cerebral cortex",
    "habenula": "habenular nuclei", "septum": "septal nuclei", "insular cortex": "insula",
    "cingulate cortex": "cingulate gyrus", "cingulate": "cingulate gyrus",
    "parahippocampal cortex": "parahippocampal gyrus", "frontal cortex": "frontal lobe",
    "parietal cortex": "parietal lobe", "temporal cortex": "temporal lobe", "occipital cortex": "occipital lobe",
    "midbrain": "mesencephalon", "medulla": "myelencephalon", "medulla oblongata": "myelencephalon",
    "locus coeruleus": "locus ceruleus",
}  # fmt: skip
_HOW_TO_LIST = "jugex regions structures lists them, with the same --atlas; in Python, atlas.structures does"


@dataclass(frozen=True)
class Structure:
    """An anatomical structure: one of the atlas, or a left and a right one if the atlas has none for both.

    Attributes
    ----------
    structure_ids : tuple of int
        Id of the structure, or of its left and right half.
    acronym, name : str
        Acronym and name in the atlas, without the side if both sides are meant.
    members : frozenset of int
        Ids of the structure and of all its descendants.
    """

    structure_ids: tuple[int, ...]
    acronym: str
    name: str
    members: frozenset[int]

    def to_dict(self) -> dict[str, Any]:
        """Ids, acronym and name of the structure, as JSON types."""
        return {"structure_ids": list(self.structure_ids), "acronym": self.acronym, "name": self.name}


def find_structure(atlas: SampledAtlas, structure: str | int) -> Structure:
    """Find an anatomical structure of an atlas by its acronym, name or id.

    The first of these rules that finds something counts: the id; the exact acronym or name; one that differs only in
    case or punctuation; an everyday name, such as hippocampus for the hippocampal formation, also with a side; a part
    of a name. If several structures match and one of them includes all others, that one is meant ("PHG" is the
    parahippocampal gyrus, not its left half with the same acronym). A left and a right structure of the same name are
    both meant.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas whose structures are searched.
    structure : str or int
        Acronym, name or id.

    Returns
    -------
    Structure

    Raises
    ------
    RegionError
        If there is no such structure, or several match; the message gives the nearest names.
    """
    table = _list_structures(atlas)
    if table.empty:
        raise RegionError(f"{atlas.name} names no anatomical structures: give an image or a shape instead")
    found = _match_structures(table, structure)
    if found.empty:
        raise RegionError(f"{atlas.name} has no structure {structure!r}{_suggest(table, structure)}")
    top = _drop_parts(found, table)
    if not _is_one_structure(top):
        shown = "; ".join(_format_structure(row) for row in top.head(_N_SHOWN).itertuples())
        more = f"; and {len(top) - _N_SHOWN} more" if len(top) > _N_SHOWN else ""
        raise RegionError(
            f"{structure!r} matches {len(top)} structures of {atlas.name}; name one, by its id if need be: {shown}"
            f"{more}"
        )
    ids = tuple(int(number) for number in top["structure_id"])
    first = top.iloc[0]
    name = str(first["name"]) if len(top) == 1 else _drop_side(str(first["name"]))
    return Structure(ids, str(first["acronym"]), name, _find_members(table, ids))


def find_structures(atlas: SampledAtlas, structures: str | int | Iterable[str | int]) -> tuple[Structure, ...]:
    """Find several structures, as `find_structure` does.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas whose structures are searched.
    structures : str, int or iterable of them
        Acronyms, names or ids. In a single str, commas separate them; a comma within a name, as in "claustrum, right",
        is recognised if the whole name is given.

    Returns
    -------
    tuple of Structure

    Raises
    ------
    OptionError
        If no structure is given.
    RegionError
        If one is unknown or ambiguous.
    """
    if isinstance(structures, str):
        structures = _split_names(structures, _list_structures(atlas))
    asked = [structures] if isinstance(structures, int | np.integer) else list(structures)
    if not asked:
        raise OptionError("no structure is named: give at least one acronym, name or id, or leave the argument out")
    return tuple(find_structure(atlas, structure) for structure in asked)


def list_members(atlas: SampledAtlas, tops: Collection[int]) -> dict[int, int]:
    """Map the id of each structure in or below `tops` to its nearest ancestor among `tops`, or itself."""
    table = _list_structures(atlas)
    parents = dict(zip(table["structure_id"], table["parent_structure_id"], strict=True))
    nearest = {
        number: next((each for each in (number, *_list_ancestors(number, parents)) if each in tops), None)
        for number in map(int, parents)
    }
    return {number: top for number, top in nearest.items() if top is not None}


def search_structures(atlas: SampledAtlas, words: Sequence[str] = ()) -> pd.DataFrame:
    """List the anatomical structures of an atlas that have samples and contain some words.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas whose structures are searched.
    words : sequence of str
        Words that a structure's acronym or name must all contain, ignoring case; empty for every structure.

    Returns
    -------
    DataFrame
        `structure_id`, `acronym`, `name`, `n_samples` (of the structure and its parts), `is_unique` (whether no
        other structure of the atlas has the acronym), in the order of the atlas.
    """
    table = _list_structures(atlas)
    parents = dict(zip(table["structure_id"], table["parent_structure_id"], strict=True))
    counts: dict[int, int] = {}
    for number in map(int, atlas.samples["structure_id"].dropna()):
        for member in (number, *_list_ancestors(number, parents)):
            counts[member] = counts.get(member, 0) + 1
    table = table.assign(
        n_samples=table["structure_id"].map(counts).fillna(0).astype(int),
        is_unique=~table["acronym"].duplicated(keep=False),
    )
    texts = [_simplify(f"{row.acronym} {row.name}") for row in table.itertuples(index=False)]
    matches = [all(_simplify(word) in text for word in words) for text in texts]
    everyday = _EVERYDAY.get(" ".join(words).casefold())
    if everyday is not None and not any(matches):  # hippocampus: the hippocampal formation
        matches = [_simplify(everyday) in text for text in texts]
    found = table[np.asarray(matches, dtype=bool) & (table["n_samples"] > 0).to_numpy()]
    return found[["structure_id", "acronym", "name", "n_samples", "is_unique"]].reset_index(drop=True)


@dataclass(frozen=True, eq=False, repr=False)
class StructureRegion(Region):
    """The samples of an anatomical structure and its descendants, by annotation, not by coordinates.

    Samples have no probability. A structure has samples but no extent in space: its `volume` is NaN, and its image
    shows the 1 mm voxels in which its samples lie. Make one with `Region.from_structure`; without an atlas, the query
    looks it up.

    Attributes
    ----------
    asked : str or int
        Acronym, name or id, as given.
    name : str
        Name of the region in outputs.
    structure : Structure or None
        The structure that was found in the atlas; None before it is looked up.
    points : ndarray, shape (n, 3), or None
        Coordinates (mm) of the structure's samples in the atlas; None before it is looked up.
    space : str
        Space of the atlas.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> jugex.Region.from_structure("simFL", atlas=atlas).coverage(atlas).n_samples
    403
    """

    asked: str | int
    name: str
    structure: Structure | None = None
    points: Points | None = None
    space: str = MNI_SPACE

    @classmethod
    def of(cls, structure: str | int, *, atlas: SampledAtlas | None = None, name: str | None = None) -> StructureRegion:
        """Make the region of a structure with all its descendants.

        Parameters
        ----------
        structure : str or int
            Acronym, name or id; see `find_structure`.
        atlas : SampledAtlas, optional
            The atlas of the structure (`jugex.open_atlas`); default: that of the query.
        name : str, optional
            Name of the region in outputs; default: the structure's name.

        Raises
        ------
        RegionError
            If the atlas has no such structure, or no sample in it.
        """
        region = cls(structure, str(structure) if name is None else name)
        return region if atlas is None else region.bound_to(atlas)

    def bound_to(self, atlas: SampledAtlas) -> StructureRegion:
        """The same region, looked up in an atlas; see `Region.bound_to`."""
        structures, samples = getattr(atlas, "structures", None), getattr(atlas, "samples", None)
        if structures is None or samples is None:
            raise OptionError(f"the atlas must be one that jugex.open_atlas returns; got {type(atlas).__name__}")
        structure = find_structure(atlas, self.asked)
        is_member = samples["structure_id"].isin(list(structure.members))
        if self.structure is None and not is_member.any():
            raise RegionError(f"{atlas.name} has no sample of the structure {structure.name!r} or of its parts")
        name = structure.name if self.name == str(self.asked) else self.name
        return replace(self, name=name, structure=structure, points=known_points(samples[is_member]), space=atlas.space)

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample is annotated with the structure or a part of it; see `Region.locate`.

        Parameters
        ----------
        samples : DataFrame, n rows
            With the column `structure_id`.
        """
        structure, _ = self._look_up()
        inside = samples["structure_id"].isin(list(structure.members)).to_numpy(dtype=bool)
        return Membership.certain(inside).to_table(samples)

    def contains(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points (n, 3) in mm lie in the 1 mm voxel of a sample, shape (n,): nothing else is known."""
        _, known = self._look_up()
        return lie_with_samples(points, known)

    def identity(self) -> RegionIdentity:
        """What defines the region; see `Region.identity`."""
        structure, _ = self._look_up()
        return RegionIdentity(
            name=self.name,
            kind="anatomical structure",
            space=self.space,
            asked=self.asked,
            structure=StructureIdentity(
                structure.structure_ids, structure.acronym, structure.name, len(structure.members)
            ),
            centroid=known_point(self.centroid),
        )

    def renamed(self, name: str) -> StructureRegion:
        """The same region under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """NaN: a structure has samples, but no extent in space."""
        return np.nan

    @property
    def centroid(self) -> Points:
        """Mean (x, y, z) in mm of the structure's samples, shape (3,)."""
        _, points = self._look_up()
        return np.asarray(points.mean(axis=0)) if len(points) else np.full(3, np.nan)

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the 1 mm voxels in which the structure's samples lie."""
        _, points = self._look_up()
        return draw_samples(points, self.space)

    def _look_up(self) -> tuple[Structure, Points]:
        """The structure and its samples; an error if they have not been looked up."""
        if self.structure is None or self.points is None:
            raise RegionError(
                f"the structure {self.asked!r} has not been looked up in an atlas; give "
                f"Region.from_structure({self.asked!r}, atlas=...)"
            )
        return self.structure, self.points


def lie_with_samples(points: npt.ArrayLike, samples: Points) -> npt.NDArray[np.bool_]:
    """Whether points (n, 3) in mm lie in the 1 mm voxel of one of the samples (m, 3), shape (n,)."""
    voxels = [pd.MultiIndex.from_arrays(list(np.rint(at).T)) for at in (np.asarray(points, dtype=float), samples)]
    return np.asarray(voxels[0].isin(voxels[1]))


def draw_samples(samples: Points, space: str) -> Nifti1Image:
    """A binary uint8 NIfTI image of the 1 mm voxels in which samples (m, 3) lie."""
    at = samples if len(samples) else np.zeros((1, 3))
    low, high = np.rint(at.min(axis=0)), np.rint(at.max(axis=0))
    return make_image(*rasterize(partial(lie_with_samples, samples=samples), space, low, high))


def region_of_structures(structures: str | int | Iterable[str | int], *, atlas: SampledAtlas) -> Region:
    """Make a region of one or several anatomical structures with their descendants.

    ``region & region_of_structures("Cx, HiF", atlas=atlas)`` has the samples of a region that are annotated with one
    of the structures, ``region - region_of_structures(...)`` the others, with the region's probability.

    Parameters
    ----------
    structures : str, int or iterable of them
        As for `find_structures`.
    atlas : ExpressionAtlas
        The atlas of the structures.

    Returns
    -------
    Region
        A structure, or the union of several.

    Raises
    ------
    OptionError
        If no structure is given.
    RegionError
        If one is unknown or ambiguous.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> ball = jugex.Region.sphere((-22, 58, 4), 8, name="ball")
    >>> ball & jugex.regions.region_of_structures("simFL", atlas=atlas)
    <Region 'ball & simulated frontal lobe, left': no extent in space>
    """
    found = [
        StructureRegion(
            structure.structure_ids[0] if len(structure.structure_ids) == 1 else structure.name,
            structure.name,
            structure,
            known_points(atlas.samples[atlas.samples["structure_id"].isin(list(structure.members))]),
            atlas.space,
        )
        for structure in find_structures(atlas, structures)
    ]
    return found[0] if len(found) == 1 else Union.of(found)


def known_points(samples: pd.DataFrame) -> Points:
    """Coordinates (n, 3) in mm of the samples that have them; those of a user's atlas may have none."""
    points = sample_points(samples)
    return points[np.isfinite(points).all(axis=1)]


def _list_structures(atlas: SampledAtlas) -> pd.DataFrame:
    """Structures of an atlas, including those of samples that its `structures` lacks, with the same columns."""
    columns = {"structure_acronym": "acronym", "structure_name": "name"}
    sampled = atlas.samples[["structure_id", *columns]].rename(columns=columns).drop_duplicates("structure_id")
    sampled = sampled.dropna(subset="structure_id")  # a user's samples may have none
    sampled["name"] = sampled["name"].where(sampled["name"] != "", sampled["acronym"])
    unlisted = sampled[~sampled["structure_id"].isin(atlas.structures["structure_id"])]
    unlisted = unlisted.assign(parent_structure_id=pd.array([pd.NA] * len(unlisted), dtype="Int64"))
    listed = [table for table in (atlas.structures, unlisted) if len(table)]
    return pd.concat(listed, ignore_index=True) if listed else atlas.structures


def _match_structures(table: pd.DataFrame, structure: str | int) -> pd.DataFrame:
    """Rows of the structures that match, by the first rule that finds any."""
    if isinstance(structure, int | np.integer):
        return table[table["structure_id"] == structure]
    text, plain = structure.strip(), _simplify(structure)
    acronyms, names = table["acronym"].astype(str), table["name"].astype(str)
    simple_names = names.map(_simplify)
    rules = [
        table["structure_id"].astype(str) == text,
        (acronyms == text) | (names == text),
        (acronyms.str.casefold() == text.casefold()) | (simple_names == plain),
        simple_names.str.removeprefix("simulated ") == _simplify_everyday(text),
        simple_names.str.contains(plain, regex=False) if plain else pd.Series(False, index=table.index),
    ]
    return next((table[rule] for rule in rules if rule.any()), table.iloc[:0])


def _simplify(text: str) -> str:
    """Text in lower case, its words separated by single spaces."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _simplify_everyday(text: str) -> str:
    """The ontology's name for an everyday name, simplified, followed by its side; '' if there is none."""
    base, side = split_side(text)
    name = _EVERYDAY.get(_simplify(base), "")
    return f"{name} {side}" if name and side else name


def _drop_parts(found: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows that are not descendants of another row."""
    ids = set(found["structure_id"])
    parents = dict(zip(table["structure_id"], table["parent_structure_id"], strict=True))
    return found[
        [not (ids - {number}).intersection(_list_ancestors(number, parents)) for number in found["structure_id"]]
    ]


def _list_ancestors(structure_id: int, parents: dict[int, Any]) -> list[int]:
    ancestors: list[int] = []
    parent = parents.get(structure_id)
    while not pd.isna(parent) and parent not in ancestors:  # a cycle, an error of the atlas, would never end
        ancestors.append(int(parent))
        parent = parents.get(parent)
    return ancestors


def _find_members(table: pd.DataFrame, structure_ids: Sequence[int]) -> frozenset[int]:
    """Ids of structures and of all their descendants."""
    parents = dict(zip(table["structure_id"], table["parent_structure_id"], strict=True))
    tops = set(structure_ids)
    return frozenset(tops.union(number for number in parents if tops.intersection(_list_ancestors(number, parents))))


def _is_one_structure(rows: pd.DataFrame) -> bool:
    """Whether rows are one structure, or a left and a right one of the same name."""
    names = rows["name"].astype(str)
    return len(rows) == 1 or (len(rows) == 2 and names.nunique() == 2 and names.map(_drop_side).nunique() == 1)


def _drop_side(name: str) -> str:
    """Name without ", left" or ", right"."""
    return re.sub(r",\s*(left|right)\b", "", name, flags=re.IGNORECASE)


def _format_structure(row: Any) -> str:
    return f"{row.name} ({row.acronym}, id {row.structure_id})"


def _suggest(table: pd.DataFrame, structure: str | int) -> str:
    """The nearest acronyms and names, as the end of an error."""
    asked = str(structure).strip()
    spellings: dict[str, str] = {}
    for row in table.itertuples():
        described = f"{row.name} ({row.acronym})"
        for spelling in (str(row.acronym), str(row.name), _drop_side(str(row.name))):
            spellings.setdefault(spelling.casefold(), described)
    nearest = difflib.get_close_matches(asked.casefold(), spellings, n=_N_SHOWN, cutoff=0.6)
    if not nearest:
        return f"; {_HOW_TO_LIST}"
    meant = join_words(list(dict.fromkeys(spellings[spelling] for spelling in nearest)), "or")
    return f"; did you mean {meant}? ({_HOW_TO_LIST})"


def _split_names(text: str, table: pd.DataFrame) -> list[str]:
    """Split at commas, but not within the name of a structure."""
    known = {_simplify(str(name)) for name in table["name"]}
    tokens = [token.strip() for token in text.split(",") if token.strip()]
    names = []
    while tokens:
        lengths = range(len(tokens), 1, -1)
        n_tokens = next((n for n in lengths if _simplify(" ".join(tokens[:n])) in known), 1)
        names.append(", ".join(tokens[:n_tokens]))
        tokens = tokens[n_tokens:]
    return names
