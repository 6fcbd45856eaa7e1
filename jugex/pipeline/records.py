"""What a run records of its query, its design and its relabellings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.identity import FileRecord
from jugex.errors import DesignError, without_warnings
from jugex.genes import Aliases, GeneSets
from jugex.model.options import QueryOptions, Structures, TestOptions
from jugex.model.record import (
    Arguments,
    BackgroundRecord,
    DesignRecord,
    DonorCounts,
    ExchangesRecord,
    FamilyTail,
    GenesRecord,
    InputRecord,
    PermutationRecord,
    Randomness,
    RegionRecord,
    TailsRecord,
)
from jugex.pipeline.covariates import list_names
from jugex.query import RegionGroup
from jugex.query.samples import read_reference
from jugex.regions import ImageRegion, Region
from jugex.regions.operations import Combination
from jugex.stats.design import Design, LabelExchange
from jugex.stats.testing import PermutationSettings, PermutationTest

__all__ = [
    "MOST_RELABELLINGS",
    "explain_coarse_p",
    "explain_no_share",
    "list_arguments",
    "record_arguments",
    "record_background",
    "record_design",
    "record_exchanges",
    "record_genes",
    "record_inputs",
    "record_permutation",
    "record_regions",
    "record_tails",
]

#: Genes at or below this p_perm, not corrected, are counted: one in twenty, where nothing differs.
_NOMINAL = 0.05
#: A share of p <= 0.05 needs no finer p.
MOST_RELABELLINGS = 999
_FEW_GENES = 200


def record_arguments(group: RegionGroup, options: TestOptions) -> Arguments:
    """The options of a run as data; preset and threshold are known only to whoever resolved them."""
    donors, aliases = group.atlas.donors["donor_name"].tolist(), group.genes.aliases
    return list_arguments(group.options, options, donors=donors, genes=group.genes.requested, aliases=aliases)


def list_arguments(
    query: QueryOptions,
    options: TestOptions,
    *,
    donors: Sequence[str],
    genes: Sequence[str] | None,
    aliases: Aliases | None,
) -> Arguments:
    """Options as data, with the donors in use, the genes asked for (None: all), and the table of aliases as read."""
    reference = options.reference
    covariates = options.covariates if isinstance(options.covariates, list | tuple) else [options.covariates]
    in_memory = {
        "coordinates": isinstance(query.coordinates, pd.DataFrame),
        "covariates": any(isinstance(entry, pd.DataFrame | GeneSets) for entry in covariates),
        "reference": isinstance(reference, Region),
    }
    return Arguments(
        statistic=options.statistic,
        exchange=options.exchange,
        probes=options.probes,
        alpha=float(options.alpha),
        n_permutations=int(options.n_permutations),
        covariates=tuple(list_names(options.covariates)) or None,
        missing=options.missing,
        collinear=options.collinear,
        tail=options.tail,
        background=options.background,
        ladder=options.ladder,
        reference=None if reference is None else _name_reference(reference),
        donors=tuple(donors),
        genes=None if genes is None else tuple(genes),
        overlap=query.overlap,
        within=_list_texts(query.within),
        exclude=_list_texts(query.exclude),
        tolerance=query.tolerance,
        voxel=query.voxel,
        aliases=None if aliases is None else aliases.source.file,
        coordinates=None if in_memory["coordinates"] else _list_texts(query.coordinates),
        mirror=query.mirror,
        reannotation=None if query.reannotation is None else str(query.reannotation),
        min_present=None if query.min_present is None else float(query.min_present),
        present_in=query.present_in,
        require_entrez=query.require_entrez,
        in_memory=tuple(name for name, is_there in in_memory.items() if is_there),
        covariates_given=None if in_memory["covariates"] else _list_texts(options.covariates),
    )


def _name_reference(reference: Region | Structures) -> str:
    """A region by its name, texts as they are, structures as the text of a region that joins them."""
    if isinstance(reference, Region):
        return reference.name
    if isinstance(reference, str):
        return reference
    return "+".join(f"structure:{name}" for name in ([reference] if isinstance(reference, int) else reference))


def _list_texts(given: Any) -> tuple[str, ...] | None:
    """What was given, one or several of them, as texts."""
    if given is None:
        return None
    return tuple(map(str, given)) if isinstance(given, tuple | list) else (str(given),)


def record_regions(group: RegionGroup) -> tuple[RegionRecord, ...]:
    """The regions, and the samples found in each."""
    found = zip(group.regions, group.n_found, group.n_between_voxels, strict=True)
    return tuple(RegionRecord(region.name, region.identity(), n, n_between) for region, n, n_between in found)


def record_inputs(group: RegionGroup, regions: Sequence[RegionRecord], options: TestOptions) -> tuple[InputRecord, ...]:
    """Files that were read beside the atlas, the regions' images and the aliases, by their checksums."""
    found = [
        (f"label table of region {number}", Path(image).parent / table)
        for number, region in enumerate(regions, start=1)
        for image, table in dict.fromkeys((part.file, part.label_table) for part in region.identity.walk())
        if image and table  # one that lies elsewhere is known by the labels that it named
    ]
    given = options.covariates if isinstance(options.covariates, list | tuple) else [options.covariates]
    found += [("table of covariates", Path(entry)) for entry in given if isinstance(entry, str | PathLike)]
    inputs = [InputRecord(what, FileRecord.of(path)) for what, path in found if path.is_file()]
    if options.reference is not None and options.ladder and len(regions) == 2:
        with without_warnings():  # the user was warned when it was read to be used
            reference = read_reference(options.reference, group.atlas)
        images = (part.identity() for part in _list_parts(reference) if isinstance(part, ImageRegion))
        inputs += [InputRecord("reference", FileRecord(image.file, image.sha256)) for image in images if image.sha256]
    return tuple(inputs)


def _list_parts(region: Region) -> Iterator[Region]:
    """Yield a region that is not made of others, or those that it is made of."""
    if not isinstance(region, Combination):
        yield region
        return
    for part in region.parts:
        yield from _list_parts(part)


def record_genes(group: RegionGroup, n_tested: int, n_not_tested: int) -> GenesRecord:
    """Which genes were asked for, and what became of each."""
    genes = group.genes
    return GenesRecord(
        n_requested=None if genes.requested is None else len(genes.requested),
        missing=tuple(genes.missing),
        ledger=tuple(genes.ledger),
        aliases=None if genes.aliases is None else FileRecord(genes.aliases.source.file, genes.aliases.source.sha256),
        n_tested=n_tested,
        n_not_tested=n_not_tested,
    )


def record_permutation(
    test: PermutationTest, design: Design, options: TestOptions, smallest_p: float, randomness: Randomness
) -> PermutationRecord:
    """The relabellings that the p-values come from."""
    relabellings = test.relabellings
    # with covariates the samples of a donor are exchangeable only roughly; drawn relabellings, with the observed one
    # among them, are as exact as all of them (Phipson and Smyth 2010)
    is_exact = options.exchange == "within-donor" and not design.has_covariates
    return PermutationRecord(
        randomness=randomness,
        n_permutations=relabellings.n_relabellings,
        exchange=options.exchange,
        exhaustive=relabellings.is_exhaustive,
        exact=is_exact,
        n_collinear_redrawn=relabellings.n_redrawn,
        n_collinear_smallest=relabellings.n_smallest,
        smallest_p=smallest_p,
        f_critical=test.f_critical,
    )


def record_design(design: Design, group: RegionGroup, settings: PermutationSettings) -> DesignRecord:
    """Samples per donor and region, and what the design can show at best."""
    donor_names = group.samples["donor_name"].to_numpy()[design.donor_starts]
    names, adjusted = group.region_names, settings.statistic != "sequential"
    donors = zip(donor_names, design.counts.tolist(), design.weights.tolist(), strict=True)
    schemes = get_args(LabelExchange)
    return DesignRecord(
        donors=tuple(DonorCounts(str(name), tuple(counts), weight) for name, counts, weight in donors),
        n_samples=tuple(design.counts.sum(axis=0).tolist()),
        n_donors=design.n_donors,
        n_informative_donors=design.n_informative_donors,
        effective_donors=design.effective_donors,
        df_area=design.df_area,
        df_resid=design.df_resid,
        linked_regions=tuple(tuple(names[region] for region in part) for part in design.parts),
        relabellings={scheme: design.n_relabellings(scheme) for scheme in schemes},
        smallest_p={scheme: design.smallest_p(scheme, adjusted=adjusted) for scheme in schemes},
    )


def record_exchanges(
    exchanges: pd.DataFrame, design: Design, names: Sequence[str], options: TestOptions
) -> ExchangesRecord:
    """Family-wise p under each exchange; of many genes those that are significant under one at least.

    Parameters
    ----------
    exchanges : DataFrame
        Family-wise p of the genes tested under each exchange, by label.
    """
    is_reached = (exchanges <= options.alpha).any(axis=1)
    listed = exchanges if len(exchanges) <= _FEW_GENES else exchanges[is_reached]
    return ExchangesRecord(
        n_significant={str(scheme): int((exchanges[scheme] <= options.alpha).sum()) for scheme in exchanges},
        p_fwe={
            str(label): {str(scheme): float(p) for scheme, p in row.items()}
            for label, row in zip(listed.index, listed.to_dict("records"), strict=True)
        },
        why_not=_explain_no_other(exchanges, design, names),
    )


def _explain_no_other(exchanges: pd.DataFrame, design: Design, names: Sequence[str]) -> str | None:
    """Why the other exchange was not tried."""
    for scheme in get_args(LabelExchange):
        if scheme not in exchanges:
            try:
                design.check_testable(names, scheme)
            except DesignError as error:
                return str(error)
    return None


def record_tails(test: PermutationTest, why_empty: str) -> TailsRecord | None:
    """Tails of F that small p-values were taken from, and why some have none; None where nobody asked for them."""
    tails = test.tails
    if tails is None:
        return None
    family = tails.family
    return TailsRecord(
        n_genes_refined=tails.n_refined,
        p_fwe=None
        if family is None
        else FamilyTail(family.threshold, family.scale, family.shape, family.n_exceedances, family.n_values),
        why_empty=why_empty if np.isnan([tails.p_perm, tails.p_fwe]).any() else None,
    )


def record_background(
    p_perm: npt.NDArray[np.float64], n_permutations: int, why_not: str | None = None
) -> BackgroundRecord:
    """Share of genes that differ nominally.

    Parameters
    ----------
    p_perm : ndarray, shape (g,)
        Of all genes tested.
    n_permutations : int
        Relabellings behind them.
    why_not : str, optional
        Why the share says nothing of the atlas.
    """
    if why_not is None and len(p_perm):
        return BackgroundRecord(_NOMINAL, len(p_perm), float((p_perm <= _NOMINAL).mean()), n_permutations)
    return BackgroundRecord(_NOMINAL, 0, None, 0, why_not or "no gene was tested")


def explain_no_share(group: RegionGroup, smallest_p: float, *, are_genes: bool) -> str | None:
    """Say why the share of genes with a small p says nothing of the atlas, if it does not."""
    if not are_genes:
        return "gene sets were tested"
    if group.genes.requested is not None:
        return "only the genes asked for were tested"
    return explain_coarse_p(smallest_p)


def explain_coarse_p(smallest_p: float) -> str | None:
    """Say why a share of small p-values says nothing, where no p can be that small."""
    if smallest_p <= _NOMINAL:
        return None
    return f"the smallest p that can occur is {smallest_p:.3g}, above {_NOMINAL:g}"
