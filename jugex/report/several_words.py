"""Sentences about a comparison of several regions, for its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from jugex._text import count_of, format_count, format_p, join_words, shorten
from jugex.report.several_files import SeveralTables
from jugex.report.words import describe_resolution, find_smallest_p

__all__ = [
    "describe_several_resolution", "describe_several_samples", "gather_warnings", "label_rows", "list_pairs_found",
    "name_regions", "several_headline",
]  # fmt: skip

_MAX_NAMED = 5
_N_EXAMPLES = 3
_MOST_REGIONS_NAMED = 4
_MOST_LETTERS = 60  # of all names in a sentence
_MOST_PAIRS_NAMED = 3
_NAME = 40
_AT_MOST = "\N{LESS-THAN OR EQUAL TO}"


def label_rows(table: pd.DataFrame) -> pd.Series[str]:
    """What each row is called: the gene, or the gene and its probe."""
    return table["gene"] if "probe_name" not in table else table["gene"] + " " + table["probe_name"]


def name_regions(names: Sequence[str]) -> str:
    """The regions in a sentence: a few by name, many by their number."""
    named = join_words([shorten(name, _NAME) for name in names])
    if len(names) > _MOST_REGIONS_NAMED or len(named) > _MOST_LETTERS or any("," in name for name in names):
        return f"the {len(names)} regions"
    return f"the {len(names)} regions {named}"


def gather_warnings(pairs: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Warnings that all tested pairs share, and those of each pair alone.

    Parameters
    ----------
    pairs : sequence of dict
        As settings list them.
    """
    tested = [pair["warnings"] for pair in pairs if pair["status"] == "ok"]
    shared = [said for said in tested[0] if all(said in others for others in tested)] if len(tested) > 1 else []
    return shared, [[said for said in pair["warnings"] if said not in shared] for pair in pairs]


def several_headline(tables: SeveralTables) -> list[str]:
    """What was found over all regions and in the pairs, in two sentences that a person would write."""
    return [_tell_omnibus(tables), _tell_pairs(tables)]


def describe_several_samples(tables: SeveralTables) -> str:
    """How many samples and donors the comparison rests on, as one sentence."""
    design = tables.settings["design"]
    n_linking = sum(sum(n > 0 for n in donor["n_samples"]) > 1 for donor in design["donors"])
    n_samples, n_donors = sum(design["n_samples"]), design["n_donors"]
    linking = (
        "all of whom have" if n_linking == n_donors else f"{n_linking} of whom {'has' if n_linking == 1 else 'have'}"
    )
    return (
        f"The comparison rests on {count_of(n_samples, 'sample')} in {len(tables.region_names)} regions, from "
        f"{count_of(n_donors, 'donor')}, {linking} samples in at least two regions."
    )


def describe_several_resolution(settings: dict[str, Any]) -> str:
    """How fine the p-values are, and what no gene can reach."""
    told = describe_resolution(settings)
    smallest, alpha = find_smallest_p(settings), settings["arguments"]["alpha"]
    if smallest > alpha:
        told += (
            f" No p-value below {format_p(smallest)} is possible, so that no gene could reach {alpha:g} in this run."
        )
    return told


def _tell_omnibus(tables: SeveralTables) -> str:
    table, where = tables.omnibus, name_regions(tables.region_names)
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)]
    significant = tested[tested["significant"].to_numpy(dtype=bool)]
    if tested.empty:
        return f"No {tables.unit} could be tested between {where}."
    labels, limit = label_rows(tested), f"p_FWE {_AT_MOST} {tables.alpha:g}"
    if len(tested) == 1:
        verb = "does not differ significantly" if significant.empty else "differs"
        return f"{shorten(labels.iloc[0])} {verb} between {where} (p_FWE = {format_p(tested['p_fwe'].iloc[0])})."
    if significant.empty:
        return (
            f"None of the {count_of(len(tested), tables.unit)} tested differs significantly between {where} ({limit}); "
            f"the smallest p_FWE is {format_p(tested['p_fwe'].iloc[0])} ({shorten(labels.iloc[0])})."
        )
    verb = "differs" if len(significant) == 1 else "differ"
    return (
        f"{format_count(len(significant))} of {count_of(len(tested), tables.unit)} {verb} between {where} ({limit}): "
        f"{_name_genes(significant)}."
    )


def _name_genes(significant: pd.DataFrame) -> str:
    """Significant genes with their p, the first few of many."""
    many = len(significant) > _MAX_NAMED
    named = significant.head(_N_EXAMPLES) if many else significant
    shown = [format_p(p) for p in named["p_fwe"]]
    p_values = f"{shown[0]} each" if len(shown) > 1 == len(set(shown)) else join_words(shown)
    return (
        f"{'first ' if many else ''}{join_words([shorten(label) for label in label_rows(named)])} (p_FWE = {p_values})"
    )


def _tell_pairs(tables: SeveralTables) -> str:
    counts = tables.count_significant()
    if not counts:
        return "No pair of regions admits a test."
    found = sorted((pair for pair in counts if counts[pair]), key=lambda pair: -counts[pair])
    pairs = f"the {count_of(len(counts), 'pair')} of regions" if len(counts) > 1 else "the only pair that admits a test"
    limit = f"p_Holm {_AT_MOST} {tables.alpha:g}"
    if not found:
        return f"No {tables.unit} differs significantly in {'any of ' if len(counts) > 1 else ''}{pairs} ({limit})."
    if len(counts) > 1 == len(set(counts.values())):
        return f"Each of {pairs} differs in {count_of(counts[found[0]], tables.unit)} ({limit})."
    if len(counts) > _MOST_PAIRS_NAMED:
        some = (
            f"{len(found)} {'differs' if len(found) == 1 else 'differ'}" if len(found) < len(counts) else "all differ"
        )
        most = "most of all " if len(found) > 1 else ""
        return (
            f"Of {pairs}, {some} in at least one {tables.unit} ({limit}), {most}{_name_pair(found[0])} "
            f"({count_of(counts[found[0]], tables.unit)})."
        )
    n_differ = "all" if len(found) == len(counts) else len(found)
    return (
        f"Of {pairs}, {n_differ} {'differs' if len(found) == 1 else 'differ'} in at least one {tables.unit} ({limit}):"
    )


def list_pairs_found(tables: SeveralTables) -> list[str]:
    """Each pair with its number of significant genes, where the headline ends in a colon; else none."""
    counts = tables.count_significant()
    if not several_headline(tables)[1].endswith(":"):
        return []
    return [
        f"{_name_pair(pair)}: {count_of(n, tables.unit) if n else f'no {tables.unit}'}"
        for pair, n in sorted(counts.items(), key=lambda entry: -entry[1])
    ]


def _name_pair(pair: tuple[str, str]) -> str:
    return " and ".join(shorten(name, _NAME) for name in pair)
