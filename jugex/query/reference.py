"""The reference of a comparison: samples of the same tissue and side, which show how expression varies there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import OptionError
from jugex.model.options import Structures
from jugex.query.expression import RegionGroup
from jugex.query.samples import COORDINATES, read_reference
from jugex.regions import Region
from jugex.spaces import hemisphere_of
from jugex.stats.spatial import Reason

__all__ = ["TISSUES", "TissueReference", "classify_tissue", "find_reference"]

#: Classes of tissue, by acronyms of the Allen Human Brain Atlas: a sample's nearest ancestor among them counts.
TISSUES = {
    "Cx": "isocortex",
    "HiF": "hippocampal formation",
    "PHG": "parahippocampal gyrus",
    "Pir": "piriform cortex",
    "Amg": "amygdala",
    "BG": "basal ganglia",
    "BF": "basal forebrain",
    "Cl": "claustrum",
    "DiE": "diencephalon",
    "MES": "midbrain",
    "Pons": "pons",
    "MY": "medulla",
    "CbCx": "cerebellar cortex",
    "CbN": "cerebellar nuclei",
    "WM": "white matter",
}
#: A region is of the tissue that more than this share of its samples has: a few may be annotated across a border.
_MOSTLY = 0.5


@dataclass(frozen=True, eq=False)
class TissueReference:
    """N samples of the atlas in which regions are seen against the tissue around them.

    Attributes
    ----------
    samples : DataFrame, N rows
        Rows of the atlas's samples: `well_id`, `donor_name`, coordinates in mm, ...
    cells : ndarray of int, shape (N,)
        0 in region 1, 1 in region 2, -1 elsewhere.
    tissue : str or None
        Class of tissue; None where the atlas knows of none, or the reference was chosen.
    sides : tuple of str
        Hemispheres of the samples.
    withheld : Reason or None
        Why it cannot serve for a spatial test, as far as samples alone say.
    """

    samples: pd.DataFrame
    cells: npt.NDArray[np.intp]
    tissue: str | None
    sides: tuple[str, ...]
    withheld: Reason | None

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Coordinates in mm, shape (N, 3)."""
        return self.samples[list(COORDINATES)].to_numpy(dtype=np.float64)

    @property
    def n_elsewhere(self) -> int:
        """Samples in neither region."""
        return int((self.cells < 0).sum())


def classify_tissue(atlas: ExpressionAtlas) -> pd.Series[str] | None:
    """Class of tissue of each sample of an atlas, by `TISSUES`; None where its structures are none of these.

    Returns
    -------
    Series, indexed as ``atlas.samples``, or None
        Missing for a sample of another structure.
    """
    structures = atlas.structures.set_index("structure_id")
    parent, acronym = structures["parent_structure_id"].to_dict(), structures["acronym"].to_dict()
    if not set(acronym.values()) & set(TISSUES):
        return None
    tissue_of: dict[object, str | None] = {}
    for start in acronym:
        at, seen = start, []
        while at in acronym and at not in tissue_of and acronym[at] not in TISSUES:
            seen.append(at)
            at = parent[at]
        found = tissue_of.get(at) if at in tissue_of else TISSUES.get(acronym.get(at, ""))
        tissue_of.update(dict.fromkeys([*seen, at], found))
    return atlas.samples["structure_id"].map(tissue_of).astype(object)


def find_reference(
    group: RegionGroup, chosen: Region | Structures | None = None, *, dropped: Sequence[int] = ()
) -> TissueReference:
    """Find the reference of a pair of regions.

    Parameters
    ----------
    group : RegionGroup
        Two regions with the samples used.
    chosen : Region, str or sequence of str, optional
        Another reference: the samples in this region, or of these structures, such as ``"Cx"``; default: the samples
        of the regions' tissue and sides.
    dropped : sequence of int
        Samples of the regions, by `well_id`, that are not used.

    Returns
    -------
    TissueReference
        With the regions' own samples. Samples that lie in both regions and count in both or in neither are left out,
        and so are those dropped: they are not elsewhere, and say nothing about the difference.

    Raises
    ------
    OptionError
        If `chosen` is no region, or holds no sample.
    """
    samples = group.atlas.samples
    used = group.samples
    in_neither = group.shared.loc[~group.shared["decision"].str.startswith("region"), "well_id"]
    cells = pd.Series(-1, index=samples["well_id"].to_numpy())
    for code, name in enumerate(group.region_names):
        cells[used.loc[(used["region"] == name).to_numpy(dtype=bool), "well_id"]] = code
    codes = cells.to_numpy(dtype=np.intp)
    has_place = np.isfinite(samples[list(COORDINATES)].to_numpy(dtype=np.float64)).all(axis=1)
    sides = hemisphere_of(samples["mni_x"].to_numpy(dtype=np.float64))
    own = codes >= 0
    own_sides = tuple(dict.fromkeys(side for side in sides[own & has_place] if side != "midline"))
    tissue, withheld = None, None
    if chosen is not None:
        counts = _locate(chosen, group)
    else:
        counts = np.isin(sides, own_sides) if own_sides else np.ones(len(samples), dtype=np.bool_)
        classes = classify_tissue(group.atlas)
        if classes is not None:
            of_regions = [_find_tissue(classes[codes == code]) for code in range(len(group.regions))]
            tissue = of_regions[0]
            if tissue is None or len(set(of_regions)) > 1:
                tissue, withheld = None, Reason.TWO_TISSUES
            else:
                counts &= (classes == tissue).to_numpy(dtype=bool)
    if not has_place[own].all():
        withheld = Reason.NO_REFERENCE
    elif group.atlas.changes.mirror is not None:
        withheld = withheld or Reason.MIRRORED
    kept = ((counts & has_place) | own) & ~samples["well_id"].isin([*in_neither, *dropped]).to_numpy(dtype=bool)
    return TissueReference(samples[kept].reset_index(drop=True), codes[kept], tissue, own_sides, withheld)


def _find_tissue(classes: pd.Series[str]) -> str | None:
    """The class of most of a region's samples."""
    shares = classes.value_counts(normalize=True, dropna=False)
    found = shares.index[0] if len(shares) and shares.iloc[0] > _MOSTLY else None
    return None if pd.isna(found) else str(found)


def _locate(chosen: Region | Structures, group: RegionGroup) -> npt.NDArray[np.bool_]:
    atlas = group.atlas
    region = read_reference(chosen, atlas)
    region = (region if group.options.voxel == "nearest" else region.with_voxel(group.options.voxel)).bound_to(atlas)
    inside = region.locate(atlas.samples)["inside"].to_numpy(dtype=bool)
    if not inside.any():
        raise OptionError(f"the reference {region.name!r} holds no sample of {atlas.name}; choose a larger one")
    return inside
