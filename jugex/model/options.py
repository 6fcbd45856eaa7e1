"""Options of a run, checked once and carried whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, get_args

import numpy as np

from jugex.atlas import ExpressionAtlas
from jugex.atlas.coordinates import CoordinatesLike
from jugex.atlas.views import Side
from jugex.errors import OptionError
from jugex.genes import AliasesLike, GeneRequest, clean_requests

__all__ = ["AtlasLike", "Donors", "Overlap", "PresentIn", "QueryOptions", "Structures"]

#: An atlas, or what `jugex.open_atlas` takes for one.
AtlasLike = ExpressionAtlas | str | PathLike[str]
#: Donors by name or id.
Donors = Sequence[str | int]
#: What happens to a sample that lies in several regions.
Overlap = Literal["higher-probability", "exclude", "keep", "error"]
#: Samples over which the share of present calls is taken.
PresentIn = Literal["all", "regions"]
#: Acronyms, names or ids of anatomical structures; in a single str commas separate them.
Structures = str | int | Iterable[str | int]


@dataclass(frozen=True, kw_only=True)
class QueryOptions:
    """Options of a query: which genes, donors and samples, from which view of the atlas.

    Iterables are read once and kept as tuples, so that options can be used again; change them with
    `dataclasses.replace`.

    Attributes
    ----------
    genes : str, int or iterable of them, optional
        Gene symbols or Entrez ids; default: every gene.
    donors : sequence of str or int, optional
        Donors to use, by name or id; default: all.
    overlap : {'higher-probability', 'exclude', 'keep', 'error'}
        What becomes of a sample that lies in several regions; `keep` is for two regions.
    within, exclude : str, int or iterable of them, optional
        Anatomical structures: only samples annotated with one of `within` or with a part of it count, and none of
        `exclude`.
    tolerance : float, default 0
        How far outside a region, in mm, a sample still belongs to it.
    aliases : path-like or Aliases, optional
        Table of other names of genes; see `jugex.genes.read_aliases`.
    coordinates : DataFrame, path-like or sequence of path-like, optional
        Other MNI coordinates of the samples; see `jugex.atlas.with_coordinates`.
    mirror : {'left', 'right'}, optional
        Hemisphere to which all samples are reflected; see `jugex.atlas.mirrored`.
    reannotation : path-like, optional
        Table that says which gene each probe measures; see `jugex.atlas.reannotated`.
    min_present : float, optional
        Smallest share of samples, 0 to 1, in which a probe must be above background; default: no filter. The Allen
        Institute calls a probe present in a sample where it is above the local background (``PACall.csv``). JuGEx uses
        every probe. Many studies keep those present in at least half of the samples: about three in ten are not, and
        measure noise in most of the brain, which blurs the mean of their gene's probes and adds genes to the family
        that is corrected for (Arnatkeviciute, Fulcher and Fornito 2019, doi 10.1016/j.neuroimage.2019.01.011).
    present_in : {'all', 'regions'}
        Share of all samples of the atlas (of the donors in use), or of those of all regions, pooled.

    Raises
    ------
    OptionError
        Where an option has a value that is not allowed.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from jugex.query import QueryOptions
    >>> options = QueryOptions(genes=["MAOA", "TAC1"], tolerance=2)
    >>> replace(options, overlap="exclude").genes
    ('MAOA', 'TAC1')
    """

    genes: GeneRequest = None
    donors: Donors | None = None
    overlap: Overlap = "higher-probability"
    within: Structures | None = None
    exclude: Structures | None = None
    tolerance: float = 0.0
    aliases: AliasesLike | None = None
    coordinates: CoordinatesLike | None = None
    mirror: Side | None = None
    reannotation: str | PathLike[str] | None = None
    min_present: float | None = None
    present_in: PresentIn = "all"

    def __post_init__(self) -> None:
        _check_choice("overlap", self.overlap, Overlap)
        _check_choice("present_in", self.present_in, PresentIn)
        if self.mirror is not None:
            _check_choice("mirror", self.mirror, Side)
        if not (_is_number(self.tolerance) and 0 <= self.tolerance < np.inf):
            raise OptionError(
                f"tolerance {self.tolerance!r} is out of range: a finite number of mm, 0 or more, is needed"
            )
        if self.min_present is not None and not (_is_number(self.min_present) and 0 <= self.min_present <= 1):
            raise OptionError(f"min_present is a share of samples from 0 to 1; got {self.min_present!r}")
        if self.genes is not None:
            self._set("genes", clean_requests(self.genes))
        for name in ("donors", "within", "exclude"):
            value = getattr(self, name)
            if isinstance(value, Iterable) and not isinstance(value, str):
                self._set(name, tuple(value))
        if isinstance(self.coordinates, Sequence) and not isinstance(self.coordinates, str):
            self._set("coordinates", tuple(self.coordinates))
        self._set("tolerance", float(self.tolerance))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def _check_choice(name: str, value: object, choices: Any) -> None:
    allowed = get_args(choices)
    if value not in allowed:
        raise OptionError(f"{name} is one of {', '.join(allowed)}; got {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
