"""Regions restricted to samples that the atlas annotates with a class of tissue and that lie on a side.

abagen's label tables name both for each label (`id`, `label`, `hemisphere`, `structure`), and abagen assigns a sample
to a label only if they agree (Markello RD et al. (2021), doi 10.7554/eLife.72129).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from jugex.errors import OptionError, RegionError
from jugex.regions.base import Membership, Region, SameExtent, SampledAtlas
from jugex.regions.grids import VoxelRule
from jugex.regions.identity import RegionIdentity
from jugex.regions.images import ImageRegion, region_from_image
from jugex.regions.label_tables import LabelsLike, LabelTable, TissueClass, find_label_table, read_labels
from jugex.regions.labels import LabelLike
from jugex.regions.nifti import local_path
from jugex.regions.operations import Union
from jugex.regions.structures import list_members

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["AnnotatedRegion", "annotate", "region_as_annotated"]

#: abagen's class of each of these structures of the Allen Human Brain Atlas; a sample has that of the nearest ancestor.
_CLASS_OF: dict[int, TissueClass] = {
    4008: "cortex",  # cerebral cortex
    4249: "subcortex/brainstem",  # hippocampal formation
    4275: "subcortex/brainstem",  # cerebral nuclei
    4391: "subcortex/brainstem",  # diencephalon
    9001: "subcortex/brainstem",  # mesencephalon
    9131: "subcortex/brainstem",  # pons
    9512: "subcortex/brainstem",  # myelencephalon
    4696: "cerebellum",
    9218: "white matter",
    9352: "other",  # sulci and spaces
}


def annotate(
    region: Region, tissue: TissueClass | None, side: Literal["left", "right"] | None = None
) -> AnnotatedRegion:
    """Restrict a region to samples with an annotation; see `jugex.Region.annotated_as`."""
    if tissue is not None and tissue not in _CLASS_OF.values():
        raise OptionError(
            f"the class of tissue must be one of {', '.join(dict.fromkeys(_CLASS_OF.values()))}; got {tissue!r}"
        )
    if side not in ("left", "right", None):
        raise OptionError(f"the side must be left or right; got {side!r}")
    if tissue is None and side is None:
        raise OptionError("neither a class of tissue nor a side is named; give at least one of them")
    return AnnotatedRegion(region, tissue, side, region.name)


@dataclass(frozen=True, eq=False, repr=False)
class AnnotatedRegion(SameExtent):
    """A region restricted to samples with an annotation. Make one with `Region.annotated_as`.

    Volume, centroid and image are those of the region itself.

    Attributes
    ----------
    part : Region
        The region without the restriction.
    tissue : str or None
        Class of tissue of the samples, from the nearest ancestor of a sample's structure among ten of the atlas.
    side : {'left', 'right'} or None
        Side of the samples, by the sign of `mni_x`; a sample whose structure is named after the other side does not
        count.
    name : str
        Name of the region in outputs.
    members : frozenset of int or None
        Ids of the structures of that class; None before the region is bound to an atlas.
    """

    part: Region
    tissue: TissueClass | None
    side: Literal["left", "right"] | None
    name: str
    members: frozenset[int] | None = None

    def bound_to(self, atlas: SampledAtlas) -> AnnotatedRegion:
        """The same region, its structures looked up in an atlas; see `Region.bound_to`.

        Raises
        ------
        RegionError
            If the atlas has none of the structures that define the classes of tissue.
        """
        part = self.part.bound_to(atlas)
        if self.tissue is None:
            return replace(self, part=part)
        classes = list_members(atlas, _CLASS_OF)
        if not classes:
            raise RegionError(
                f"{atlas.name} has none of the structures of the Allen Human Brain Atlas that define the classes of "
                f"tissue; leave out the restriction of region {self.name!r} to {self.tissue}"
            )
        members = frozenset(number for number, top in classes.items() if _CLASS_OF[top] == self.tissue)
        return replace(self, part=part, members=members)

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample lies in the region and has the annotation; see `Region.locate`."""
        found = self.part.locate(samples)
        counts = np.ones(len(samples), dtype=bool)
        if self.tissue is not None:
            if self.members is None:
                raise RegionError(
                    f"region {self.name!r} is restricted to {self.tissue}, which has not been looked up in an atlas; "
                    "call bound_to(atlas) first"
                )
            counts &= samples["structure_id"].isin(list(self.members)).to_numpy(dtype=bool)
        if self.side is not None:
            x = samples["mni_x"].to_numpy(dtype=np.float64)
            counts &= x < 0 if self.side == "left" else x > 0
            if "structure_name" in samples:  # in the AHBA they end in ", left" or ", right"
                other = "right" if self.side == "left" else "left"
                counts &= ~samples["structure_name"].astype(str).str.contains(rf", {other}\b").to_numpy(dtype=bool)
        whole = Membership.of(found) & Membership.certain(counts)
        tolerated = found["tolerated"].to_numpy(dtype=bool) & counts
        return whole.to_table(samples, probability=found["probability"].to_numpy(), tolerated=tolerated)

    def identity(self) -> RegionIdentity:
        """What defines the region: the identity of the region itself, and the restriction."""
        return replace(self.part.identity(), name=self.name, tissue=self.tissue, side=self.side)

    def renamed(self, name: str) -> AnnotatedRegion:
        """The same region under another name."""
        return replace(self, name=name)

    def with_voxel(self, voxel: VoxelRule) -> AnnotatedRegion:
        """The same region with another rule for its voxels; see `Region.with_voxel`."""
        return replace(self, part=self.part.with_voxel(voxel))

    def with_tolerance(self, mm: float) -> AnnotatedRegion:
        """The same region, with such samples just outside it as well; see `Region.with_tolerance`."""
        return replace(self, part=self.part.with_tolerance(mm))


def region_as_annotated(
    image: str | os.PathLike[str] | SpatialImage,
    *,
    threshold: float = 0.2,
    name: str | None = None,
    label: LabelLike | None = None,
    volume: LabelLike | None = None,
    labels: LabelsLike | None = None,
    percent: bool = False,
    space: str | None = None,
) -> Region:
    """Make a region of labels, restricted to samples whose annotation agrees with the label table.

    Parameters
    ----------
    image, threshold, name, label, volume, labels, percent, space
        See `jugex.Region.from_image`. The label table has abagen's columns `hemisphere` (L, R, or B for both) and
        `structure` (cortex, subcortex/brainstem, cerebellum, white matter or other).

    Returns
    -------
    Region

    Raises
    ------
    OptionError
        If no label is named, or the table has no annotation for a label.
    """

    def make(label: LabelLike | None, name: str | None) -> ImageRegion:
        return region_from_image(
            image, threshold=threshold, name=name, label=label, volume=volume, labels=labels, percent=percent,
            space=space,
        )  # fmt: skip

    whole = make(label, name)
    source = whole.source
    numbers = source.labels if source.labels is not None else () if source.label is None else (source.label,)
    table = _find_table(image, labels)
    groups: dict[tuple[TissueClass | None, Literal["left", "right"] | None], list[int | str]] = {}
    for number in numbers:
        groups.setdefault(table.annotations.get(number, (None, None)), []).append(number)
    if not groups or (None, None) in groups:
        raise OptionError(
            f"region {whole.name!r} cannot be restricted by its label table; give labels, and a table with abagen's "
            "columns id, label, hemisphere and structure"
        )
    if len(groups) == 1:
        return annotate(whole, *next(iter(groups)))
    parts = [annotate(make(numbers_of_group, None), *annotation) for annotation, numbers_of_group in groups.items()]
    return Union.of(parts, name=whole.name)


def _find_table(image: str | os.PathLike[str] | SpatialImage, labels: LabelsLike | None) -> LabelTable:
    if labels is not None:
        return read_labels(labels)
    return find_label_table(local_path(image), is_asked=True) if isinstance(image, str | os.PathLike) else LabelTable()
