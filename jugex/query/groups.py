"""Expression in two or more regions, each sample in one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of
from jugex.atlas import ExpressionAtlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.errors import DesignError, OptionError, OverlapWarning, RegionError, warn_user
from jugex.genes import AliasesLike, GeneRequest, GeneSelection
from jugex.query.filtering import Structures, locate_regions, read_filter
from jugex.query.locating import AtlasLike, Donors
from jugex.query.overlap import Overlap
from jugex.query.pairs import PAIR_COLUMNS, check_different, check_policy, count_between
from jugex.query.probes import PresentFilter, PresentIn
from jugex.query.sources import open_source
from jugex.regions import Region

__all__ = ["RegionGroup", "check_group_overlap", "region_group"]

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, repr=False)
class RegionGroup:
    """Expression in k regions: n samples x p probes, each sample in one region.

    Attributes
    ----------
    regions : tuple of k Region
        Region 1 to region k.
    atlas : ExpressionAtlas
        Where the expression comes from.
    samples : DataFrame, n rows
        As in `jugex.query.RegionPair`; each sample has one row.
    probes : DataFrame, p rows
        `probe_id`, `probe_name`, `gene`, `entrez_id`.
    levels : ndarray of float, shape (n, p)
        Log2 expression.
    zscores : ndarray of float64, shape (n, p)
        Levels standardised per probe and donor over all samples of the donor (ddof = 0).
    genes : GeneSelection
        Which genes were asked for, found and missing, and what became of each.
    overlap : str
        The policy for samples in several regions.
    shared : DataFrame
        One row per sample in several regions: `well_id`, `donor_name`, `regions` (their numbers, "1, 3"),
        `probability_1` to `probability_k` (empty for regions that do not hold it), and `decision` ("region 3",
        "tie", "excluded").
    n_found, n_between_voxels : tuple of k int
        Samples in each region before overlap was resolved, and how many of them lie exactly between voxels.
    warnings : tuple of str
        What the user was warned of.
    probe_filter, sample_filter : dict or None
        As in `jugex.query.RegionPair`.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> regions = [jugex.Region.from_structure(name, atlas=atlas) for name in ("simA", "simB", "simPL")]
    >>> group = jugex.query.region_group(regions, atlas=atlas, genes=["MAOA"])
    >>> group.region_names
    ('simulated area A, left', 'simulated area B, left', 'simulated parietal lobe, left')
    >>> [int((group.region_codes == code).sum()) for code in range(3)]
    [27, 24, 104]
    """

    regions: tuple[Region, ...]
    atlas: ExpressionAtlas
    samples: pd.DataFrame
    probes: pd.DataFrame
    levels: npt.NDArray[np.floating[Any]]
    zscores: npt.NDArray[np.float64]
    genes: GeneSelection
    overlap: Overlap
    shared: pd.DataFrame
    n_found: tuple[int, ...]
    n_between_voxels: tuple[int, ...]
    warnings: tuple[str, ...] = ()
    probe_filter: dict[str, Any] | None = None
    sample_filter: dict[str, Any] | None = None

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""
        return tuple(region.name for region in self.regions)

    @property
    def region_codes(self) -> Codes:
        """Region of each sample, 0 to k - 1, shape (n,)."""
        numbers = {name: number for number, name in enumerate(self.region_names)}
        return np.asarray(self.samples["region"].map(numbers), dtype=np.intp)

    def __repr__(self) -> str:
        counted = zip(self.region_names, np.bincount(self.region_codes, minlength=len(self.regions)), strict=True)
        listed = ", ".join(f"{name} ({count_of(int(n), 'sample')})" for name, n in counted)
        counts = f"{count_of(len(self.probes), 'probe')} of {count_of(len(self.genes.found), 'gene')}"
        return f"<RegionGroup: {listed}, {counts}>"


def region_group(
    regions: Iterable[Region],
    *,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    overlap: Overlap = "higher-probability",
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
) -> RegionGroup:
    """Expression of genes in the samples of two or more regions, each sample in one of them.

    Parameters
    ----------
    regions : iterable of Region
        The regions to compare, at least two.
    atlas, genes, donors, within, exclude, tolerance, aliases, coordinates, mirror, reannotation
        See `jugex.query.region_pair`.
    overlap : {'higher-probability', 'exclude', 'error'}
        What becomes of a sample that lies in several regions. `higher-probability` gives it to the one where it
        is most probable, and drops it where none is, or where one of them has no probability (a tie); `exclude` drops
        it; `error` refuses. A test of all regions at once cannot count a sample twice, so 'keep' is none of them.
    min_present, present_in
        See `jugex.query.region_pair`; 'regions' are all of them, pooled.

    Returns
    -------
    RegionGroup

    Raises
    ------
    OptionError
        Where there are fewer than two regions, or `overlap` is 'keep'.
    RegionError
        Where a region holds no sample, or none of the structures asked for, two regions hold the same ones, samples
        are shared and `overlap` is 'error', or a structure is unknown.
    DesignError
        Where resolving the overlap leaves a region without samples.
    GeneError, AtlasError
        As for `jugex.query.region_pair`.

    Warns
    -----
    OverlapWarning
        Where shared samples are tied.
    GeneWarning, AtlasWarning
        As for `jugex.query.region_pair`.

    Examples
    --------
    >>> import jugex
    >>> sphere = jugex.Region.sphere((-40, 0, 30), 20, name="sphere")
    >>> jugex.query.region_group([*jugex.demo_regions(), sphere], genes=["MAOA"], atlas="simulated")
    <RegionGroup: simulated A (27 samples), simulated B (24 samples), sphere (17 samples), 31 probes of 1 gene>
    """
    check_group_overlap(overlap)
    given = _check_number(regions)
    present = PresentFilter(min_present, present_in)
    source, selection = open_source(
        atlas,
        genes=genes,
        donors=donors,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
    )
    filters = read_filter(source, within=within, exclude=exclude, tolerance=tolerance)
    named = _name_apart([filters.prepare(region, source) for region in given])
    located, sample_filter = locate_regions(named, source, filters)
    for (first, here), (second, there) in combinations(zip(named, located, strict=True), 2):
        check_different((first, second), (here, there))
    owner, shared = _find_owners(source.samples, named, located, overlap)
    samples = _assign_samples(source.samples, named, located, owner)
    warned = _warn_of_ties(shared)
    selection, probes, probe_filter = present.apply(selection, source, samples["well_id"].to_numpy())
    levels, zscores = source.levels_and_zscores(
        well_ids=samples["well_id"].to_numpy(), probe_ids=probes["probe_id"].to_numpy()
    )
    return RegionGroup(
        regions=named,
        atlas=source,
        samples=samples,
        probes=probes.reset_index(drop=True),
        levels=levels,
        zscores=zscores,
        genes=selection,
        overlap=overlap,
        shared=shared,
        n_found=tuple(int(where["inside"].sum()) for where in located),
        n_between_voxels=tuple(count_between(where) for where in located),
        warnings=warned,
        probe_filter=probe_filter,
        sample_filter=sample_filter,
    )


def check_group_overlap(overlap: Overlap) -> None:
    """Refuse a policy that gives a sample to several regions.

    Raises
    ------
    OptionError
    """
    check_policy(overlap)
    if overlap == "keep":
        raise OptionError(
            "overlap 'keep' counts a sample in several regions, and a test of all regions at once cannot count it "
            "twice; choose 'higher-probability' or 'exclude', or compare two regions at a time"
        )


def _check_number(regions: Iterable[Region]) -> list[Region]:
    if isinstance(regions, Region):
        raise OptionError("a group of regions has at least two; got one region")
    given = list(regions)
    if len(given) < 2:
        raise OptionError(f"a group of regions has at least two; got {len(given)}")
    return given


def _name_apart(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Give regions of one name the numbers of their places, so that tables tell them apart."""
    count = Counter(region.name for region in regions)
    named = tuple(
        region if count[region.name] == 1 else region.renamed(f"{region.name} ({number})")
        for number, region in enumerate(regions, start=1)
    )
    if len({region.name for region in named}) < len(named):
        raise OptionError(f"regions have the same name; got {', '.join(region.name for region in regions)}: rename one")
    return named


def _find_owners(
    samples: pd.DataFrame, regions: Sequence[Region], located: Sequence[pd.DataFrame], overlap: Overlap
) -> tuple[Codes, pd.DataFrame]:
    """Region of each sample of the atlas (-1: none), and what was decided of those in several."""
    inside = np.column_stack([where["inside"].to_numpy(dtype=np.bool_) for where in located])
    probability = np.column_stack([where["probability"].to_numpy(dtype=np.float64) for where in located])
    owner = np.where(inside.any(axis=1), inside.argmax(axis=1), -1)
    is_shared = inside.sum(axis=1) > 1
    _check_shared(samples.loc[is_shared, "well_id"], regions, overlap)
    owner[is_shared] = -1
    if overlap == "higher-probability":
        owner[is_shared] = _find_most_probable(inside[is_shared], probability[is_shared])
    shared = samples.loc[is_shared, ["well_id", "donor_name"]].reset_index(drop=True)
    shared["regions"] = [", ".join(str(number + 1) for number in np.flatnonzero(row)) for row in inside[is_shared]]
    for number in range(len(regions)):
        shared[f"probability_{number + 1}"] = np.where(inside, probability, np.nan)[is_shared, number]
    undecided = "tie" if overlap == "higher-probability" else "excluded"
    decision = [undecided if code < 0 else f"region {code + 1}" for code in owner[is_shared]]
    return owner, shared.assign(decision=pd.Series(decision, dtype="object"))


def _find_most_probable(inside: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> Codes:
    """Region (m,) in which each of m samples is most probable; -1 where two are, or one has no probability."""
    # as float32, as which maps are stored: 0.3 is as probable there as in a map of float64
    compared = np.where(inside, probability.astype(np.float32), np.float32(-np.inf))
    largest = compared.max(axis=1, keepdims=True)  # NaN where a region has no probability: equal to none
    is_unique = (compared == largest).sum(axis=1) == 1
    return np.where(is_unique, np.nan_to_num(compared, nan=-np.inf).argmax(axis=1), -1)


def _check_shared(well_ids: pd.Series, regions: Sequence[Region], overlap: Overlap) -> None:
    if overlap == "error" and len(well_ids):
        wells = ", ".join(map(str, well_ids[:5])) + (", ..." if len(well_ids) > 5 else "")
        raise RegionError(
            f"{len(well_ids)} samples lie in several of the {len(regions)} regions (wells {wells}) and overlap is "
            "'error'; choose another overlap policy or regions that do not touch"
        )


def _assign_samples(
    samples: pd.DataFrame, regions: Sequence[Region], located: Sequence[pd.DataFrame], owner: Codes
) -> pd.DataFrame:
    """Rows of all regions after the decisions, ordered by donor and sample."""
    sides = []
    for number, (region, where) in enumerate(zip(regions, located, strict=True)):
        keep = owner == number
        if not keep.any():
            raise DesignError(
                f"all {int(where['inside'].sum())} samples of region {region.name!r} lie in other regions as well, and "
                "none is left to it; choose another overlap policy, a higher threshold, or other regions"
            )
        sides.append(samples[keep].assign(region=region.name, probability=where["probability"][keep]))
    rows: pd.DataFrame = pd.concat(sides).sort_index(kind="stable")[PAIR_COLUMNS].reset_index(drop=True)
    return rows


def _warn_of_ties(shared: pd.DataFrame) -> tuple[str, ...]:
    ties = int((shared["decision"] == "tie").sum())
    if not ties:
        return ()
    message = (
        f"{ties} of the {len(shared)} samples that lie in several regions are equally probable in two of them, or have "
        "no probability in one, and were dropped from all"
    )
    warn_user(message, OverlapWarning)
    return (message,)
