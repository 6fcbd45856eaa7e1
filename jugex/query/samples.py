"""Which samples of an atlas lie in which region, and for which region each of them counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, join_words
from jugex.atlas import ExpressionAtlas
from jugex.errors import AtlasError, DesignError, OptionError, RegionError
from jugex.model.findings import AnyFinding, FewSamplesForVolume, KeptInBoth, TiedSamples
from jugex.model.options import Overlap, QueryOptions, Structures
from jugex.model.query_record import SampleFilterRecord, StructureRecord
from jugex.regions import Region, parse_region
from jugex.regions.structures import Structure, find_structures, region_of_structures
from jugex.spaces import is_mni_space, is_same_space

__all__ = [
    "COORDINATES",
    "SAMPLE_COLUMNS",
    "Located",
    "assign_samples",
    "bind_region",
    "count_in_structures",
    "find_most_probable",
    "judge_extent",
    "locate_samples",
    "read_reference",
    "read_region",
    "view_atlas",
]

COORDINATES = ("mni_x", "mni_y", "mni_z")

#: Columns of `jugex.query.RegionGroup.samples`.
SAMPLE_COLUMNS = [
    "region", "donor_name", "sample", "well_id", *COORDINATES, "structure_acronym", "structure_name", "probability",
]  # fmt: skip

_N_SHOWN = 5
#: Volume of the template's brain; a region larger than the second holds few samples where they are less than this
#: share of those that such a part of the brain holds.
_BRAIN_MM3, _LARGE_MM3, _FEW = 1.9e6, 3e5, 0.25
#: A sample so near (mm) to a region lies on its border, and one so near is worth a tolerance.
_ON_BORDER, _NEAR = 0.05, 5.0

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def view_atlas(atlas: ExpressionAtlas, options: QueryOptions) -> ExpressionAtlas:
    """View of an open atlas with the genes, coordinates, hemisphere and annotation of probes of the options."""
    atlas = atlas.with_genes(options.genes)
    if options.coordinates is not None:
        atlas = atlas.with_coordinates(options.coordinates)
    if options.mirror is not None:  # after the coordinates: of others, other samples are reflected
        atlas = atlas.mirrored(options.mirror)
    return atlas if options.reannotation is None else atlas.reannotated(options.reannotation)


def read_region(region: Region | str) -> Region:
    """Region of a text, as `jugex.regions.parse_region` reads it; a region is returned as it is.

    Raises
    ------
    OptionError
        If it is neither.
    """
    if isinstance(region, str):
        return parse_region(region)
    if not isinstance(region, Region):
        raise OptionError(
            f"a region is a jugex.Region or a text such as 'map.nii.gz'; got {type(region).__name__}; make one with "
            "Region.from_image"
        )
    return region


def read_reference(reference: Region | Structures, atlas: ExpressionAtlas) -> Region:
    """Region of a reference: a region, its text, or structures as `within` takes them.

    Raises
    ------
    OptionError, RegionError
        If it is none of these.
    """
    if not isinstance(reference, str):
        return reference if isinstance(reference, Region) else region_of_structures(reference, atlas=atlas)
    try:
        return read_region(reference)
    except RegionError as error:
        try:
            return region_of_structures(reference, atlas=atlas)
        except RegionError:
            raise error from None


def bind_region(region: Region, atlas: ExpressionAtlas, options: QueryOptions) -> Region:
    """A region as it is looked for in an atlas: structures looked up, with the tolerance and the rule for voxels.

    Raises
    ------
    RegionError
        If it is in another space than the atlas, or a structure is unknown or ambiguous.
    """
    if options.voxel != "nearest":  # else regions keep their own rule
        region = region.with_voxel(options.voxel)
    region = region.bound_to(atlas).with_tolerance(options.tolerance)
    if not is_same_space(region.space, atlas.space):
        raise RegionError(
            f"region {region.name!r} is in the space {region.space}, but the samples of {atlas.name} are in "
            f"{atlas.space}; give a region in the atlas's space, and name it: Region.from_image(..., "
            f"space={atlas.space!r})"
        )
    return region


@dataclass(frozen=True, eq=False)
class Located:
    """Where the n samples of an atlas lie with respect to k regions.

    Attributes
    ----------
    regions : tuple of k Region
        As they were looked for: structures looked up in the atlas, with the tolerance, and with names that differ.
    inside : ndarray of bool, shape (n, k)
        Whether a sample lies in a region and counts there.
    probability : ndarray, shape (n, k)
        Its probability; NaN where it has none.
    between_voxels : ndarray of bool, shape (n, k)
        Whether it lies exactly between voxels.
    record : SampleFilterRecord
        Structures and tolerance, and what they left out and took in.
    """

    regions: tuple[Region, ...]
    inside: Booleans
    probability: Floats
    between_voxels: Booleans
    record: SampleFilterRecord

    @property
    def n_found(self) -> tuple[int, ...]:
        """Number of samples in each region."""
        return tuple(self.inside.sum(axis=0).tolist())

    @property
    def n_between_voxels(self) -> tuple[int, ...]:
        """Number of samples in each region that lie exactly between voxels."""
        return tuple((self.inside & self.between_voxels).sum(axis=0).tolist())


def locate_samples(regions: Sequence[Region], atlas: ExpressionAtlas, options: QueryOptions) -> Located:
    """Find the samples of regions, with the tolerance and in the structures that the options name.

    A sample that a region holds by its tolerance only is left to another region in which it lies itself.

    Raises
    ------
    RegionError
        If a region is in another space than the atlas, or holds no sample, or none of the structures asked for, or
        a structure is unknown or ambiguous.
    OptionError
        If no structure is named, or two regions still have the same name once namesakes are numbered.
    """
    counts = count_in_structures(atlas, options)
    regions = _name_apart([bind_region(region, atlas, options) for region in regions])
    tables = [_locate(region, atlas) for region in regions]
    inside = np.column_stack([table["inside"].to_numpy(dtype=np.bool_) for table in tables])
    probability = np.column_stack([table["probability"].to_numpy(dtype=np.float64) for table in tables])
    between_voxels = np.column_stack([table["between_voxels"].to_numpy(dtype=np.bool_) for table in tables])
    nowhere = np.zeros(len(atlas.samples), dtype=np.bool_)  # only a region with a tolerance has the column
    tolerated = np.column_stack([np.asarray(table.get("tolerated", nowhere), dtype=np.bool_) for table in tables])
    inside = _leave_to_others(inside, tolerated, regions)
    kept = inside & counts[:, None]
    within, exclude = _find(options.within, atlas), _find(options.exclude, atlas)
    for number in np.flatnonzero(~kept.any(axis=0)).tolist():
        asked = " and ".join(
            f"{preposition} {' and '.join(repr(structure.name) for structure in structures)}"
            for preposition, structures in (("within", within), ("outside", exclude))
            if structures
        )
        there = atlas.samples.loc[inside[:, number], "structure_name"].drop_duplicates()
        shown = "; ".join(there.head(_N_SHOWN)) + ("; ..." if len(there) > _N_SHOWN else "")
        raise RegionError(
            f"none of the {inside[:, number].sum()} samples of region {regions[number].name!r} is left {asked}: their "
            f"structures are {shown}; name others"
        )
    record = SampleFilterRecord(
        within=tuple(map(StructureRecord.of, within)),
        exclude=tuple(map(StructureRecord.of, exclude)),
        tolerance_mm=options.tolerance,
        n_dropped=tuple((inside & ~kept).sum(axis=0).tolist()),
        n_tolerated=tuple((kept & tolerated).sum(axis=0).tolist()),
    )
    return Located(regions, kept, np.where(counts[:, None], probability, np.nan), between_voxels, record)


def count_in_structures(atlas: ExpressionAtlas, options: QueryOptions) -> Booleans:
    """Whether each sample of an atlas counts, by the structures within and without which the options ask for, (n,)."""
    counts = np.ones(len(atlas.samples), dtype=np.bool_)
    for structures, wanted in ((options.within, True), (options.exclude, False)):
        if structures is not None:
            members = _list_members(_find(structures, atlas))
            counts &= atlas.samples["structure_id"].isin(members).to_numpy(dtype=np.bool_) == wanted
    return counts


def _find(structures: Structures | None, atlas: ExpressionAtlas) -> tuple[Structure, ...]:
    return () if structures is None else find_structures(atlas, structures)


def _list_members(structures: Iterable[Structure]) -> list[int]:
    return sorted(frozenset().union(*(structure.members for structure in structures)))


def _name_apart(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Number the regions that have the same name, so that tables can distinguish them."""
    count = Counter(region.name for region in regions)
    named = tuple(
        region if count[region.name] == 1 else region.renamed(f"{region.name} ({number})")
        for number, region in enumerate(regions, start=1)
    )
    if len({region.name for region in named}) < len(named):
        raise OptionError(f"regions have the same name; got {', '.join(region.name for region in regions)}: rename one")
    return named


def _locate(region: Region, atlas: ExpressionAtlas) -> pd.DataFrame:
    """Result of `Region.locate` for the samples of an atlas; refuse a region without samples."""
    has_places = np.isfinite(atlas.samples[list(COORDINATES)].to_numpy(dtype=np.float64)).any()
    with np.errstate(invalid="warn" if has_places else "ignore"):  # NaN is in no voxel
        located = region.locate(atlas.samples)
    if located["inside"].any():
        return located
    if not has_places:
        raise AtlasError(
            f"the samples of {atlas.name} have no coordinates, so that none can be found in region {region.name!r}; "
            "name structures ('structure:ACRONYM'), or give the coordinates of the samples"
        )
    extent, remedies = "no extent in space", []
    if not np.isnan(region.volume):
        points = atlas.samples[list(COORDINATES)].dropna().to_numpy(dtype=np.float64)
        distance = float(np.min(region.distances(points)))
        near = ""
        if distance <= _ON_BORDER:
            near = "; the nearest sample lies on its border, and is taken to be in the next voxel"
        elif np.isfinite(distance):
            near = f"; nearest sample {distance:.1f} mm away"
        extent = f"{region.volume:,.0f} mm3{near}"
        if distance <= _NEAR:
            nearest = f"{max(np.ceil(10 * distance) / 10, 0.1):g}"
            remedies.append(f"take samples just outside it in (tolerance={nearest}, --tolerance {nearest})")
    changes = atlas.changes
    placed = "image and the coordinates given are" if changes.coordinates is not None else "image is"
    space = "MNI152" if is_mni_space(atlas.space) else atlas.space
    looked_at = f"{count_of(len(atlas.samples), 'sample')} of {count_of(len(atlas.donors), 'donor')}"
    looked_at += ", at the coordinates given" if changes.coordinates is not None else ""
    looked_at += f", mirrored to the {changes.mirror.side}" if changes.mirror is not None else ""
    remedies += ["take a larger region", *(["lower its threshold"] if region.thresholds else [])]
    remedies.append(f"check that the {placed} in {space} space")
    raise RegionError(
        f"region {region.name!r} holds no sample of {atlas.name} ({extent}); {join_words(remedies, 'or')} "
        f"(searched were {looked_at})"
    )


def judge_extent(located: Located, atlas: ExpressionAtlas) -> tuple[AnyFinding, ...]:
    """Large regions with far fewer samples than their volume should hold: their images may be misplaced."""
    if not is_mni_space(atlas.space):
        return ()
    findings = []
    for region, n in zip(located.regions, located.n_found, strict=True):
        if n >= _FEW * len(atlas.samples):  # as a brain without a small region, which takes seconds to measure
            continue
        volume = region.volume
        expected = len(atlas.samples) * min(volume / _BRAIN_MM3, 1.0)
        if volume > _LARGE_MM3 and n < _FEW * expected:
            findings.append(
                FewSamplesForVolume(region=region.name, volume_mm3=float(volume), n=n, n_expected=round(expected))
            )
    return tuple(findings)


def _leave_to_others(inside: Booleans, tolerated: Booleans, regions: Sequence[Region]) -> Booleans:
    """Give a sample within the tolerance of one region, but inside another, to the other."""
    in_region_itself = inside & ~tolerated
    own = inside.copy()
    for number, region in enumerate(regions):
        taken = in_region_itself & (inside & tolerated)[:, [number]]
        own[:, number] &= ~taken.any(axis=1)
        if not own[:, number].any():
            takers = " and ".join(repr(regions[other].name) for other in np.flatnonzero(taken.any(axis=0)).tolist())
            raise RegionError(
                f"region {region.name!r} holds samples only within its tolerance, and all of these lie in region "
                f"{takers}; take a larger region or lower its threshold"
            )
    return own


def assign_samples(
    located: Located, samples: pd.DataFrame, overlap: Overlap
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[AnyFinding, ...]]:
    """Decide for which of two or more regions each sample counts.

    Parameters
    ----------
    located : Located
        Where the n samples lie.
    samples : DataFrame, n rows
        The samples of the atlas.
    overlap : str
        What becomes of samples in several regions; see `jugex.query.region_group`.

    Returns
    -------
    assigned : DataFrame
        Columns `SAMPLE_COLUMNS`, one row per sample and region for which it counts, ordered as the atlas has its
        samples (by donor and sample), then by region.
    shared : DataFrame
        One row per sample in several regions; see `jugex.query.RegionGroup.shared`.
    findings : tuple of Finding
        Ties, and samples that count twice.

    Raises
    ------
    RegionError
        If two regions hold the same samples, or samples are shared and `overlap` is 'error'.
    DesignError
        If no sample is left to a region.
    """
    inside, probability, k = located.inside, located.probability, len(located.regions)
    _check_different(located)
    is_shared = inside.sum(axis=1) > 1
    if overlap == "error":
        _refuse_shared(samples.loc[is_shared, "well_id"], located.regions)
    counts = inside.copy()
    decision = np.full(is_shared.sum(), "kept in both", dtype=object)
    if overlap == "exclude":
        counts[is_shared] = False
        decision[:] = "excluded"
    elif overlap == "higher-probability":
        owner = find_most_probable(inside[is_shared], probability[is_shared])
        counts[is_shared] = owner[:, None] == np.arange(k)
        decision[:] = ["tie" if code < 0 else f"region {code + 1}" for code in owner]
    shared = samples.loc[is_shared, ["well_id", "donor_name"]].reset_index(drop=True)
    numbers = [", ".join(str(number + 1) for number in np.flatnonzero(row)) for row in inside[is_shared]]
    shared["regions"] = pd.Series(numbers, dtype=str)
    for number in range(k):
        shared[f"probability_{number + 1}"] = np.where(inside, probability, np.nan)[is_shared, number]
    shared["decision"] = pd.Series(decision, dtype=str)
    for number in np.flatnonzero(~counts.any(axis=0)).tolist():
        elsewhere = "the other region" if k == 2 else "other regions"
        raise DesignError(
            f"all {inside[:, number].sum()} samples of region {located.regions[number].name!r} lie in {elsewhere} as "
            "well, so that none is left; choose another overlap policy, a higher threshold, or other regions"
        ).because("all samples of a region lie in another one as well")
    rows, codes = np.nonzero(counts)
    names = np.array([region.name for region in located.regions], dtype=object)
    assigned = samples.iloc[rows].assign(region=names[codes], probability=probability[rows, codes])
    return assigned[SAMPLE_COLUMNS].reset_index(drop=True), shared, _judge_overlap(shared, k)


def _check_different(located: Located) -> None:
    """Refuse two regions that hold the same samples."""
    for i, j in combinations(range(len(located.regions)), 2):
        if np.array_equal(located.inside[:, i], located.inside[:, j]) and np.array_equal(
            located.probability[:, i], located.probability[:, j], equal_nan=True
        ):
            raise RegionError(
                f"regions {located.regions[i].name!r} and {located.regions[j].name!r} hold the same "
                f"{located.n_found[i]} samples, as the same region twice would; give two different regions"
            ).because("both regions hold the same samples")


def _refuse_shared(well_ids: pd.Series, regions: Sequence[Region]) -> None:
    """Refuse samples that lie in several regions."""
    if well_ids.empty:
        return
    first, second = regions[0].name, regions[1].name
    where = f"both {first!r} and {second!r}" if len(regions) == 2 else f"several of the {len(regions)} regions"
    wells = ", ".join(map(str, well_ids.head(_N_SHOWN))) + (", ..." if len(well_ids) > _N_SHOWN else "")
    raise RegionError(
        f"{len(well_ids)} samples lie in {where} (wells {wells}) and overlap is 'error'; choose another overlap policy "
        "or regions that do not touch"
    )


def find_most_probable(inside: Booleans, probability: Floats) -> npt.NDArray[np.intp]:
    """Region (m,) in which each of m samples is most probable; -1 for a tie or a missing probability."""
    # as float32, as which maps are stored: 0.3 is as probable there as in a map of float64
    compared = np.where(inside, probability.astype(np.float32), np.float32(-np.inf))
    largest = compared.max(axis=1, keepdims=True)  # NaN where a region has no probability: equal to none
    is_unique = (compared == largest).sum(axis=1) == 1
    return np.where(is_unique, compared.argmax(axis=1), -1)


def _judge_overlap(shared: pd.DataFrame, k: int) -> tuple[AnyFinding, ...]:
    """Ties, and samples that count twice."""
    n_ties, n_kept = (int((shared["decision"] == decision).sum()) for decision in ("tie", "kept in both"))
    findings: list[AnyFinding] = []
    if n_ties:
        findings.append(TiedSamples(n_tied=n_ties, n_shared=len(shared), n_regions=k))
    if n_kept:
        findings.append(KeptInBoth(n=n_kept))
    return tuple(findings)
