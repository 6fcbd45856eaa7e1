"""More than two regions: all at once, and every two of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jugex._text import count_of
from jugex.analysis import DifferentialExpression, omnibus_test
from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.covariates import CovariatesLike
from jugex.analysis.design import Exchange
from jugex.analysis.holm import adjust_across_comparisons
from jugex.analysis.omnibus import check_group_options
from jugex.analysis.options import Rng, make_generator
from jugex.analysis.result import COLUMN_TYPES, PROBE_COLUMNS
from jugex.analysis.scores import Statistic
from jugex.atlas.coordinates import CoordinatesLike
from jugex.atlas.views import Side
from jugex.errors import DesignError, GeneError, JugexWarning, OptionError, RegionError
from jugex.genes import AliasesLike, GeneRequest
from jugex.progress import track
from jugex.query import AtlasLike, Donors, Overlap, PresentIn, RegionGroup, Structures, region_group
from jugex.query.groups import check_group_overlap
from jugex.regions import Region
from jugex.report.several_files import SeveralTables, save_several
from jugex.workflow import COLLINEAR_IN_PRESETS, check_threshold_is_used, compare, make_regions, resolve_choices

__all__ = ["PAIRS_COLUMNS", "SeveralRegions", "compare_several"]

#: Columns of `SeveralRegions.pairs_table`, in order; those of probes follow `gene` where each is tested by itself.
PAIRS_COLUMNS = (
    "gene", "region_1", "region_2", "higher_in", "diff", "significant", "p_fwe_holm", "p_fwe", "p_perm", "f", "status",
)  # fmt: skip

_TYPES = COLUMN_TYPES | {"region_1": "object", "region_2": "object", "p_fwe_holm": "float64"}


@dataclass(frozen=True, repr=False)
class SeveralRegions:
    """Differential expression of genes between k regions: all at once, and every two of them.

    Attributes
    ----------
    omnibus : DataFrame
        The test of all regions at once, one row per gene; see `jugex.analysis.Omnibus.table`.
    pairs : dict of (str, str) to DifferentialExpression
        By the names of two regions, in the order given: what `jugex.compare` says of them. Pairs that admit no test are
        left out.
    pairs_table : DataFrame
        One row per gene and pair, sorted by `p_fwe_holm`, then `p_fwe`; columns `PAIRS_COLUMNS`. `diff` is region 1
        minus region 2; `p_fwe` is corrected over the genes of the pair, `p_fwe_holm` over all genes of all pairs, and
        `significant` says whether the latter is at most alpha. `status` is "ok", why the gene was not tested, or why
        the pair admits no test.
    samples : DataFrame, n rows
        The samples of the omnibus test, each in one region (coordinates in mm).
    zscores : DataFrame, n rows
        Gene-level z-scores of those samples, one column per gene or probe.
    settings : dict
        Everything that determined the numbers (JSON types only), as in ``settings.json``; `pairs` lists what each pair
        was warned of.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> several = jugex.compare_several(regions, atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=999, rng=0)
    >>> several.omnibus["gene"].tolist(), len(several.pairs)
    (['MAOA', 'GAD2'], 3)
    >>> several.region_names[0]
    'simulated area A, left'
    >>> several.save("three-structures").name
    'three-structures'
    """

    omnibus: pd.DataFrame
    pairs: Mapping[tuple[str, str], DifferentialExpression]
    pairs_table: pd.DataFrame
    samples: pd.DataFrame
    zscores: pd.DataFrame
    settings: dict[str, Any]

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""
        return tuple(region["name"] for region in self.settings["regions"])

    def save(self, directory: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the comparison into a folder, whole or not at all.

        Parameters
        ----------
        directory : path-like
            Folder that does not exist yet, or is empty.
        overwrite : bool
            Replace a folder that holds a result of jugex.

        Returns
        -------
        Path
            The folder, with ``report.html``, ``methods.md``, ``omnibus.tsv``, ``pairs.tsv``, ``samples.tsv``,
            ``settings.json``, and for each pair a folder as `DifferentialExpression.save` writes it: ``pair_1_2`` for
            regions 1 and 2.

        Raises
        ------
        OutputError
            As for `jugex.report.save_result`.
        """
        tables = SeveralTables(self.omnibus, self.pairs_table, self.samples, self.zscores, self.settings)
        return save_several(tables, self.pairs, directory, overwrite=overwrite)

    def __repr__(self) -> str:
        names = ", ".join(self.region_names)
        unit = "probe" if "probe_name" in self.omnibus else "gene"
        counts = f"{count_of(len(self.omnibus), unit)}, {count_of(len(self.pairs), 'pair')}"
        return f"<SeveralRegions: {names}, {counts}>"


def compare_several(
    regions: Sequence[Region | str],
    *,
    names: Sequence[str] | None = None,
    preset: str | None = None,
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
    covariates: CovariatesLike | None = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
    background: bool = True,
) -> SeveralRegions:
    """Compare the expression of genes among several regions: all at once, and every two of them.

    The omnibus test asks whether a gene is expressed alike in all regions; each sample counts for one of them. The
    pairs ask which regions differ: each is what `jugex.compare` gives for its two regions alone, with the same options
    and the same seed. Its samples are relabelled among themselves, because relabelling all regions together takes for
    granted that the others do not differ, and is invalid for a pair where they do. So the samples of a pair may be
    others than those in the omnibus test, where a region lies across a third one.

    Parameters
    ----------
    regions : sequence of Region or str
        Regions, or texts as on the command line; at least two.
    names : sequence of str, optional
        How the regions are called in outputs, one name for each; default: their own names.
    preset, threshold, statistic, exchange, probes, covariates, n_permutations, rng, alpha, n_jobs, tail, background
        See `jugex.compare`. The statistic is 'adjusted', and the exchange 'within-donor' or 'free'. A Generator is used
        up by one test after the other; a seed serves each of them. With a preset, relabellings in which area is
        collinear with donor count as the smallest in the pairs, as in `jugex.compare`; the omnibus test has no such
        way, and always redraws them, or leaves them out where all relabellings are listed.
    atlas, genes, donors, within, exclude, tolerance
        See `jugex.query.region_pair`.
    overlap
        See `jugex.query.region_group`; for the pairs, `jugex.query.region_pair`.
    aliases, coordinates, mirror, reannotation, min_present, present_in
        See `jugex.query.region_pair`.

    Returns
    -------
    SeveralRegions

    Raises
    ------
    OptionError
        Where an option has a value that is not allowed, or has no meaning for more than two regions.
    DesignError
        Where no donor has samples in two regions, or no residual degree of freedom is left.
    JugexError
        Whatever `jugex.query.region_group` raises.

    Notes
    -----
    `p_fwe_holm` controls the family-wise error over all genes of all pairs; see
    `jugex.analysis.holm.adjust_across_comparisons`, which also says why Holm's procedure gene by gene would not.

    Examples
    --------
    >>> import jugex
    >>> regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
    >>> result = jugex.compare_several(regions, names=["A", "B", "C"], atlas="simulated", genes=["MAOA", "GAD2"],
    ...                                n_permutations=999, rng=0)
    >>> result.pairs["A", "B"].significant["gene"].tolist()
    ['MAOA']
    >>> result
    <SeveralRegions: A, B, C, 2 genes, 3 pairs>
    """
    chosen = resolve_choices(
        preset, statistic=statistic, exchange=exchange, probes=probes, overlap=overlap, threshold=threshold
    )
    _check_choices(chosen, n_permutations, alpha, n_jobs)
    check_threshold_is_used(regions, threshold)
    filters: dict[str, Any] = {
        "within": _keep(within),
        "exclude": _keep(exclude),
        "tolerance": tolerance,
        "aliases": aliases,
    }
    filters |= {"min_present": min_present, "present_in": present_in, "overlap": chosen["overlap"]}
    group = region_group(
        make_regions(regions, chosen["threshold"], names),
        atlas=atlas,
        genes=genes,
        donors=donors,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
        **filters,
    )
    if not isinstance(rng, np.random.Generator):
        rng = make_generator(rng)[1]["seed"]
    options: dict[str, Any] = {"n_permutations": n_permutations, "alpha": alpha, "n_jobs": n_jobs, "rng": rng}
    options |= {"exchange": chosen["exchange"], "probes": chosen["probes"], "covariates": covariates}
    omnibus = omnibus_test(group, **options)
    arguments = {"preset": preset, "threshold": chosen["threshold"]}
    of_pairs = filters | options | {"tail": tail, "background": background}
    of_pairs["collinear"] = COLLINEAR_IN_PRESETS if preset else None  # as `compare` does where it knows of the preset
    pairs, impossible = _compare_pairs(group, of_pairs, arguments)
    table = _list_pairs(pairs, impossible, omnibus.table, alpha)
    pairs = _tell_of_the_others(pairs, table, group.region_names)
    settings = omnibus.settings | {
        "arguments": omnibus.settings["arguments"] | arguments | ({"tail": True} if tail else {}),
        "pairs": _describe_pairs(group.region_names, pairs, impossible, omnibus.settings["warnings"]),
    }
    return SeveralRegions(omnibus.table, pairs, table, omnibus.samples, omnibus.zscores, settings)


def _check_choices(chosen: Mapping[str, Any], n_permutations: int, alpha: float, n_jobs: int) -> None:
    check_group_overlap(chosen["overlap"])
    check_group_options(n_permutations, chosen["exchange"], chosen["probes"], alpha, n_jobs)
    if chosen["statistic"] != "adjusted":
        raise OptionError(
            f"statistic {chosen['statistic']!r} is for two regions, and several are compared by 'adjusted'; leave it, "
            "or compare two regions at a time"
        )


def _keep(structures: Structures | None) -> Structures | None:
    """Structures that can be gone through more than once."""
    return structures if structures is None or isinstance(structures, str | int) else list(structures)


def _compare_pairs(
    group: RegionGroup, options: dict[str, Any], arguments: dict[str, Any]
) -> tuple[dict[tuple[str, str], DifferentialExpression], dict[tuple[str, str], str]]:
    """Results of the pairs, and of those that admit no test the reason."""
    pairs, impossible = {}, {}
    couples = list(combinations(group.regions, 2))
    for first, second in track(couples, description="pairs of regions"):
        try:
            with warnings.catch_warnings():  # its settings hold what a pair is warned of; genes were told of before
                warnings.simplefilter("ignore", JugexWarning)
                result = compare(first, second, atlas=group.atlas, genes=group.genes.requested, **options)
        except (DesignError, GeneError, RegionError) as error:
            impossible[first.name, second.name] = f"impossible: {error}"
        else:
            settings = result.settings | {"arguments": result.settings["arguments"] | arguments}
            pairs[first.name, second.name] = replace(result, settings=settings)
    return pairs, impossible


def _list_pairs(
    pairs: Mapping[tuple[str, str], DifferentialExpression],
    impossible: Mapping[tuple[str, str], str],
    omnibus: pd.DataFrame,
    alpha: float,
) -> pd.DataFrame:
    """One row per gene and pair, with p-values that are corrected over all of them."""
    by_probe = [column for column in PROBE_COLUMNS if column in omnibus]
    columns = [PAIRS_COLUMNS[0], *by_probe, *PAIRS_COLUMNS[1:]]
    named = ["gene", *by_probe]
    parts = [
        result.table.assign(region_1=first, region_2=second, p_fwe_holm=np.nan)[columns]
        for (first, second), result in pairs.items()
    ]
    for (first, second), reason in impossible.items():
        rows = omnibus[named].assign(region_1=first, region_2=second, significant=False, status=reason)
        parts.append(rows.reindex(columns=columns))
    types = {column: _TYPES[column] for column in columns}
    table = pd.concat(
        [part.astype(types) for part in parts], ignore_index=True
    )  # one type per column, before they meet
    of_pair = table.groupby(["region_1", "region_2"], sort=False).ngroup()
    table["p_fwe_holm"] = adjust_across_comparisons(table["p_fwe"].to_numpy(), np.asarray(of_pair, dtype=np.intp))
    table["significant"] = (table["p_fwe_holm"] <= alpha).to_numpy(dtype=bool)
    order = ["p_fwe_holm", "p_fwe", "f", *named]
    ascending = [column != "f" for column in order]
    return table.sort_values(order, ascending=ascending, na_position="last", kind="stable", ignore_index=True)


def _tell_of_the_others(
    pairs: Mapping[tuple[str, str], DifferentialExpression], table: pd.DataFrame, names: Sequence[str]
) -> dict[tuple[str, str], DifferentialExpression]:
    """Results of the pairs whose settings know that there are others, and what is significant over all of them."""
    found = table[table["significant"].to_numpy(dtype=bool)]
    told = {}
    for (first, second), result in pairs.items():
        of_pair = found[((found["region_1"] == first) & (found["region_2"] == second)).to_numpy(dtype=bool)]
        label = of_pair["gene"] if "probe_name" not in of_pair else of_pair["gene"] + " " + of_pair["probe_name"]
        several = {"regions": list(names), "n_pairs": len(pairs), "page": "../report.html"}
        several |= {"n_significant": len(of_pair), "significant": label.tolist()}
        told[first, second] = replace(result, settings=result.settings | {"several": several})
    return told


def _describe_pairs(
    names: Sequence[str],
    pairs: Mapping[tuple[str, str], DifferentialExpression],
    impossible: Mapping[tuple[str, str], str],
    said: Sequence[str],
) -> list[dict[str, Any]]:
    """Each pair with its folder, and what weakens it and is not said of all regions (JSON types only)."""
    described = []
    for (i, first), (j, second) in combinations(enumerate(names, start=1), 2):
        is_tested = (first, second) in pairs
        described.append(
            {
                "region_1": first,
                "region_2": second,
                "folder": f"pair_{i}_{j}" if is_tested else None,
                "status": "ok" if is_tested else impossible[first, second],
                "warnings": _list_warnings(pairs[first, second].settings, said) if is_tested else [],
            }
        )
    return described


def _list_warnings(settings: dict[str, Any], said: Sequence[str] = ()) -> list[str]:
    """What a pair is warned of, where it is told beside the others.

    Its warnings call significant what is so in the pair alone. Those of a pair in which no gene is significant over all
    pairs stand in its own report.
    """
    told = []
    for caveat in settings["warnings"]:
        start, found, rest = caveat.partition("significant")
        if caveat in said:
            continue
        if start or not found:
            told.append(caveat)
        elif settings["several"]["n_significant"]:
            told.append(f"significant in this pair{rest}")
    return told
