"""Query and analysis in one call, with the presets of the earlier tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from types import MappingProxyType
from typing import Any

from jugex.analysis import DifferentialExpression, differential_expression
from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.background import list_background_caveats, measure_background
from jugex.analysis.covariates import CovariatesLike
from jugex.analysis.design import Exchange
from jugex.analysis.options import Collinear, Missing, Rng, check_options
from jugex.analysis.retest import restore_generator
from jugex.analysis.scores import Statistic
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.errors import OptionError
from jugex.genes import AliasesLike, GeneRequest
from jugex.query import AtlasLike, Donors, Overlap, PresentIn, Structures, region_pair
from jugex.regions import Region, parse_region

__all__ = [
    "COLLINEAR_IN_PRESETS",
    "DEFAULTS",
    "PRESETS",
    "check_threshold_is_used",
    "compare",
    "make_regions",
    "resolve_choices",
]

#: The sound choices, which hold without a preset.
DEFAULTS = MappingProxyType(
    {
        "statistic": "adjusted",
        "exchange": "within-donor",
        "probes": "winsorized-mean",
        "overlap": "higher-probability",
        "threshold": 0.2,
    }
)

#: What the earlier tools do. A preset never sets the number of permutations or the seed.
PRESETS = MappingProxyType(
    {
        "bludau2018": DEFAULTS | {"exchange": "free"},
        "siibra-jugex": {
            "statistic": "sequential",
            "exchange": "free",
            "probes": "winsorized-mean-scipy",
            "overlap": "keep",
            "threshold": 0.2,
        },
    }
)


#: What the earlier tools do with relabellings in which area is collinear with donor.
COLLINEAR_IN_PRESETS: Collinear = "smallest"


def compare(
    region_1: Region | str,
    region_2: Region | str,
    *,
    preset: str | None = None,
    names: Sequence[str] | None = None,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    threshold: float | None = None,
    overlap: Overlap | None = None,
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
    statistic: Statistic | None = None,
    exchange: Exchange | None = None,
    probes: ProbeAggregation | None = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    covariates: CovariatesLike | None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
    missing: Missing = "drop-genes",
    collinear: Collinear | None = None,
    background: bool = True,
) -> DifferentialExpression:
    """Compare the expression of genes between two regions: query and analysis in one call.

    Parameters
    ----------
    region_1, region_2 : Region or str
        Regions, or texts as on the command line: "map.nii.gz", "labels.nii.gz#17", "sphere:-22,58,4,8",
        "structure:HiF".
    preset : {'bludau2018', 'siibra-jugex'}, optional
        Set statistic, exchange, probes, overlap and threshold as that publication or package has them. An
        option given beside it wins.
    names : sequence of two str, optional
        How the regions are called in outputs; default: their own names.
    atlas, genes, donors, overlap, within, exclude, tolerance
        See `jugex.query.region_pair`.
    aliases, coordinates, mirror, reannotation, min_present, present_in
        See `jugex.query.region_pair`.
    threshold : float, optional
        Threshold of regions given as text that are probability maps.
    n_permutations, rng, statistic, exchange, probes, covariates, alpha, n_jobs, tail, missing
        See `jugex.analysis.differential_expression`.
    collinear : {'redraw', 'smallest'}, optional
        See `jugex.analysis.differential_expression`; default: `smallest` with a preset, as the earlier tools do, else
        `redraw`.
    background : bool
        Where some genes are asked for, also test every gene of the atlas, with at most 999 permutations, to tell in
        what share of them the regions differ nominally (``settings["background"]``). It reads all probes of the
        samples. The web service is not asked for them.

    Returns
    -------
    DifferentialExpression

    Raises
    ------
    JugexError
        Whatever `jugex.query.region_pair` and `jugex.analysis.differential_expression` raise.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.table.loc[0, "gene"]
    'MAOA'
    """
    chosen = resolve_choices(
        preset, statistic=statistic, exchange=exchange, probes=probes, overlap=overlap, threshold=threshold
    )
    check_threshold_is_used((region_1, region_2), threshold)
    first, second = make_regions((region_1, region_2), chosen["threshold"], names)
    pair = region_pair(
        first,
        second,
        atlas=atlas,
        genes=genes,
        donors=donors,
        overlap=chosen["overlap"],
        within=within,
        exclude=exclude,
        tolerance=tolerance,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
        min_present=min_present,
        present_in=present_in,
    )
    result = differential_expression(
        pair,
        n_permutations=n_permutations,
        rng=rng,
        statistic=chosen["statistic"],
        exchange=chosen["exchange"],
        probes=chosen["probes"],
        covariates=covariates,
        alpha=alpha,
        n_jobs=n_jobs,
        tail=tail,
        missing=missing,
        collinear=collinear or ("redraw" if preset is None else COLLINEAR_IN_PRESETS),
    )
    arguments = result.settings["arguments"] | {"preset": preset, "threshold": chosen["threshold"]}
    result = replace(result, settings=result.settings | {"arguments": arguments})
    return _see_against_all_genes(result, covariates, n_jobs) if background and genes is not None else result


def _see_against_all_genes(
    result: DifferentialExpression, covariates: CovariatesLike | None, n_jobs: int
) -> DifferentialExpression:
    """The result with the share of all genes of the atlas that differ nominally between its regions."""
    pair, arguments = result.inputs, result.settings["arguments"]
    if pair is None or pair.atlas.is_remote:
        return result
    options = check_options(
        arguments["n_permutations"],
        arguments["statistic"],
        arguments["exchange"],
        arguments["probes"],
        covariates,
        arguments["alpha"],
        n_jobs,
        missing=arguments.get("missing", "drop-genes"),
        collinear=arguments.get("collinear", "redraw"),
    )
    found = measure_background(pair, options, restore_generator(result.settings["permutation"]))
    caveats = [*result.settings["warnings"], *list_background_caveats(found, result.unit)]
    return replace(result, settings=result.settings | {"background": found, "warnings": caveats})


def resolve_choices(preset: str | None, **given: Any) -> dict[str, Any]:
    """Choices of an analysis: those given, else the preset's, else the sound ones.

    Raises
    ------
    OptionError
        Where there is no such preset.
    """
    if preset is not None and preset not in PRESETS:
        raise OptionError(f"preset is one of {', '.join(PRESETS)}; got {preset!r}")
    choices = dict(DEFAULTS if preset is None else PRESETS[preset])
    return choices | {name: value for name, value in given.items() if value is not None}


def check_threshold_is_used(regions: Sequence[Region | str], threshold: float | None) -> None:
    """Refuse a threshold that no region would take.

    Raises
    ------
    OptionError
    """
    if threshold is not None and not any(isinstance(region, str) for region in regions):
        raise OptionError("threshold is for regions given as text; set that of a Region in Region.from_image")


def make_regions(regions: Sequence[Region | str], threshold: float, names: Sequence[str] | None) -> list[Region]:
    """Regions of texts or of regions, called by the names given.

    Raises
    ------
    OptionError
        Where the names are not as many as the regions, or one of them is no text or empty.
    """
    made = [parse_region(region, threshold=threshold) if isinstance(region, str) else region for region in regions]
    if names is None:
        return made
    if isinstance(names, str) or len(names) != len(made):
        count = "two" if len(made) == 2 else len(made)
        raise OptionError(f"names are {count}, one for each region; got {names!r}")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"the name of a region is text that is not empty; got {name!r}")
    return [region.renamed(name) for region, name in zip(made, names, strict=True)]
