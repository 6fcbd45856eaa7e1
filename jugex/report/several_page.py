"""The page of a comparison of several regions: all of them at once, every two, and the genes that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jugex._text import format_number, format_p, shorten
from jugex.report.html import list_facts, make_environment, to_sentence, typeset
from jugex.report.page_data import PageData, embed_samples, mark_donors, pack
from jugex.report.reproduce import list_several_reproductions
from jugex.report.results_table import N_PLAIN_ROWS, Column
from jugex.report.several_methods import describe_several_methods
from jugex.report.several_words import (
    describe_several_resolution,
    describe_several_samples,
    gather_warnings,
    label_rows,
    list_pairs_found,
    several_headline,
)
from jugex.report.tables import FLOAT_FORMAT, format_tsv
from jugex.report.words import count_relabellings, find_smallest_p, name_adjustment, tell_permuted

if TYPE_CHECKING:
    from jugex.report.several_files import SeveralTables

__all__ = ["MAX_DRAWN", "MAX_PAIRS", "render_several"]

#: Genes drawn of each kind.
MAX_DRAWN = 50
#: Pairs drawn of a gene; ten regions have 45.
MAX_PAIRS = 12
#: Letters of a name that stands in front of a difference; longer ones give way to numbers.
_SHORT = 9
_N_BEST = 6
_MAX_NAMED = 200
_NAME = 24
#: Means of so many regions stand side by side in a narrow window.
_MOST_NARROW = 3

_FIRST_COLUMNS = (
    Column("gene", "Gene", "Gene symbol", "name"),
    Column("p_fwe", "p_FWE", "Permutation p-value, corrected for the family-wise error over the genes tested", "p"),
    Column("p_perm", "p", "Permutation p-value of this gene alone, not corrected", "p", extra=True),
    Column("q_fdr", "q_FDR", "False discovery rate from the uncorrected permutation p-values", "p", extra=True),
    Column("f", "F", "F statistic of region, adjusted for {others}"),
    Column(
        "partial_eta_sq",
        "partial \N{GREEK SMALL LETTER ETA}\N{SUPERSCRIPT TWO}",
        "Share of the variance left by {others} that goes with region",
        extra=True,
    ),
)
_LAST_COLUMNS = (
    Column(
        "p_parametric", "p_param", "p-value of the F distribution, for comparison only, not corrected", "p", extra=True
    ),
    Column("n_probes", "Probes", "Number of probes of the gene", decimals=0, extra=True),
)


def render_several(tables: SeveralTables, pages: Mapping[str, str]) -> str:
    """Write the page of a comparison of several regions.

    Parameters
    ----------
    tables : SeveralTables
        Fresh or read from disk.
    pages : dict of str to str
        By the folder of each pair that has a page, the link to it.

    Returns
    -------
    str
        The page. Everything it shows stands inside it; only the pages of the pairs are elsewhere.
    """
    settings, results = tables.settings, _tabulate_omnibus(tables)
    genes = _describe_genes(tables)
    return (
        make_environment()
        .get_template("several.html")
        .render(
            settings=settings,
            adjustment=name_adjustment(settings),
            names=tables.region_names,
            unit=tables.unit,
            headline=[typeset(sentence) for sentence in several_headline(tables)],
            pairs_found=list_pairs_found(tables),
            between=";" if any("," in name for name in tables.region_names) else ",",
            samples_sentence=describe_several_samples(tables),
            warnings=[to_sentence(text) for text in settings["warnings"]]
            + [to_sentence(f"in each pair: {text}") for text in gather_warnings(settings["pairs"])[0]],
            pair_warnings=_list_pair_warnings(settings, pages),
            design=_describe_design(settings),
            matrix=_tabulate_matrix(tables, pages),
            impossible=[pair for pair in settings["pairs"] if pair["status"] != "ok"],
            pairs=_tabulate_pairs(tables),
            results=results,
            genes=genes,
            panels=_embed_panels(tables, genes),
            donor_marks=mark_donors(tables),
            numbered=_are_numbered(tables.region_names),
            methods=describe_several_methods(tables),
            reproduce=list_several_reproductions(settings),
            facts=list_facts(settings),
            info=_describe_page(tables, results),
        )
    )


def _describe_page(tables: SeveralTables, results: dict[str, Any]) -> dict[str, Any]:
    """What the scripts of the page need to know."""
    return {
        "columns": [column._asdict() for column in results["columns"]],
        "unit": tables.unit,
        "alpha": tables.alpha,
        "names": list(tables.region_names),
        "file": "omnibus.tsv",
    }


def _describe_design(settings: dict[str, Any]) -> dict[str, Any]:
    design = settings["design"]
    return {
        "donors": design["donors"],
        "n_linking": sum(sum(n > 0 for n in row["n_samples"]) > 1 for row in design["donors"]),
        "permuted": tell_permuted(settings["permutation"]["exchange"]),
        "smallest_p": find_smallest_p(settings),
        "relabellings": count_relabellings(settings),
        "resolution": describe_several_resolution(settings),
        "n_shared": len(settings["overlap"]["shared"]),
        "n_left_out": sum(sample["decision"] in ("tie", "excluded") for sample in settings["overlap"]["shared"]),
    }


def _tabulate_matrix(tables: SeveralTables, pages: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each region but the first, with a cell for each region before it."""
    counts, names = tables.count_significant(), tables.region_names
    by_name = {(pair["region_1"], pair["region_2"]): pair for pair in tables.settings["pairs"]}
    return [
        {
            "name": names[j],
            "cells": [
                {
                    "n": counts.get((names[i], names[j])),
                    "page": pages.get(by_name[names[i], names[j]]["folder"]),
                    "pair": f"{shorten(names[i])} and {shorten(names[j])}",
                }
                for i in range(j)
            ],
        }
        for j in range(1, len(names))
    ]


def _list_pair_warnings(settings: dict[str, Any], pages: Mapping[str, str]) -> list[dict[str, Any]]:
    """What each pair was warned of, in sentences."""
    return [
        {
            "pair": f"{shorten(pair['region_1'])} and {shorten(pair['region_2'])}",
            "page": pages.get(pair["folder"]),
            "warnings": [to_sentence(text) for text in own],
        }
        for pair, own in zip(settings["pairs"], gather_warnings(settings["pairs"])[1], strict=True)
        if own
    ]


def _tabulate_pairs(tables: SeveralTables) -> dict[str, Any]:
    """The significant differences in pairs, the first ones as texts."""
    table = tables.pairs_table
    found = table[table["significant"].to_numpy(dtype=bool)]
    shown, tested = found.head(N_PLAIN_ROWS), table[(table["status"] == "ok").to_numpy(dtype=bool)]
    rows = []
    for label, row in zip(label_rows(shown), shown.to_dict("records"), strict=True):
        sides = ("region_1", "region_2") if row["diff"] > 0 else ("region_2", "region_1")
        names = [shorten(str(row[side]), _MAX_NAMED) for side in sides]
        numbers = [format_number(abs(_read(row["diff"]) or 0.0), 3), format_p(_read(row["p_fwe_holm"]))]
        rows.append([label, *numbers, *names, format_p(_read(row["p_fwe"]))])
    smallest = "" if tested.empty else format_p(_read(tested["p_fwe_holm"].iloc[0]))
    return {"rows": rows, "n": len(found), "smallest": smallest, "n_tested": len(tested)}


def _tabulate_omnibus(tables: SeveralTables) -> dict[str, Any]:
    """Everything that the page says of every gene, as `jugex.report.results_table` has it for two regions."""
    table, names = tables.omnibus, tables.region_names
    is_tested = (table["status"] == "ok").to_numpy(dtype=bool)
    tested, others, labels = table[is_tested], table[~is_tested], label_rows(table)
    means = [
        Column(
            f"mean_{number}",
            f"mean {shorten(name, _NAME)}",
            f"Mean z-score in {name}, donors not adjusted for",
            extra=len(names) > _MOST_NARROW,
        )
        for number, name in enumerate(names, start=1)
    ]
    others_in_model = name_adjustment(tables.settings)
    first = [
        column._replace(explanation=column.explanation.format(others=others_in_model)) for column in _FIRST_COLUMNS
    ]
    columns = [*first, *means, *_LAST_COLUMNS]
    shown = tested.head(N_PLAIN_ROWS)
    return {
        "columns": columns,
        "rows": [
            {"cells": [_show(column, label, row) for column in columns], "significant": bool(row["significant"])}
            for label, row in zip(labels[shown.index], shown.to_dict("records"), strict=True)
        ],
        "n_tested": len(tested),
        "n_significant": int(table["significant"].sum()),
        "n_all": len(table),
        "unit": tables.unit,
        "not_tested": {str(status): list(labels[rows.index]) for status, rows in others.groupby("status", sort=False)},
        "max_named": _MAX_NAMED,
        "data": pack(format_tsv(table)),
    }


def _show(column: Column, label: str, row: dict[Any, Any]) -> str:
    """Text of one cell, of the number as it stands in omnibus.tsv: the page's scripts round that one too."""
    if column.kind == "name":
        return label
    value = _read(row[column.key])
    return format_p(value) if column.kind == "p" else format_number(value, column.decimals)


def _read(value: Any) -> float | None:
    return None if pd.isna(value) else float(FLOAT_FORMAT % value)


def _choose_genes(tables: SeveralTables) -> list[tuple[str, list[str], int]]:
    """Genes to draw in groups: title, labels, and how many are left out."""
    table, pairs = tables.omnibus, tables.pairs_table
    labels = label_rows(table)
    is_tested = (table["status"] == "ok").to_numpy(dtype=bool) & labels.isin(tables.zscores.columns).to_numpy()
    is_significant = table["significant"].to_numpy(dtype=bool) & is_tested
    in_pairs = set(label_rows(pairs[pairs["significant"].to_numpy(dtype=bool)]))
    is_of_pair = labels.isin(in_pairs).to_numpy() & is_tested & ~is_significant
    others = list(labels[is_tested & ~is_significant & ~is_of_pair])
    unit = tables.unit
    chosen = [
        (f"Significant {unit}s", list(labels[is_significant])),
        (f"{unit.capitalize()}s that differ in a pair of regions only", list(labels[is_of_pair])),
    ]
    if tables.settings["arguments"].get("genes") is not None:  # then these are all that were tested
        chosen.append((f"Other {unit}s asked for", others))
    elif not (is_significant | is_of_pair).any():
        chosen.append((f"The {unit}s with the smallest p_FWE, none significant", others[:_N_BEST]))
    return [(title, genes[:MAX_DRAWN], max(len(genes) - MAX_DRAWN, 0)) for title, genes in chosen if genes]


def _describe_genes(tables: SeveralTables) -> list[dict[str, Any]]:
    """Groups of genes with a card for each: its row in the table, and its numbers in words."""
    labels = label_rows(tables.omnibus)
    places = {label: place for place, label in enumerate(labels)}
    rows = tables.omnibus.to_dict("records")
    return [
        {
            "title": title,
            "n_left_out": n_left_out,
            "cards": [
                {
                    "id": f"gene-{places[gene]}",
                    "row": places[gene],
                    "gene": gene,
                    **_caption(tables, rows[places[gene]]),
                }
                for gene in group
            ],
        }
        for title, group, n_left_out in _choose_genes(tables)
    ]


def _embed_panels(tables: SeveralTables, groups: list[dict[str, Any]]) -> PageData:
    """Samples of every gene, and pairs of regions of those that have a card."""
    pairs = tables.pairs_table.assign(label=label_rows(tables.pairs_table))
    rows = {card["gene"]: card["row"] for group in groups for card in group["cards"]}
    shown = pairs[(pairs["status"] == "ok").to_numpy(dtype=bool) & pairs["label"].isin(list(rows)).to_numpy()]
    cards = {
        rows[str(label)]: {"pairs": _describe_pairs(of_gene, tables.region_names)}
        for label, of_gene in shown.groupby("label", sort=False)
    }
    labels = [str(label) for label in label_rows(tables.omnibus)]
    return embed_samples(tables, tables.zscores, labels, {"donors": None, "cards": cards})


def _describe_pairs(rows: pd.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
    """Differences of a gene in pairs, in the order of the regions; of many those that come first in the table."""
    numbered, n = _are_numbered(names), len(rows)
    called = {name: str(number) if numbered else name for number, name in enumerate(names, start=1)}
    described = []
    for row in rows.head(MAX_PAIRS).to_dict("records"):
        pair = (str(row["region_1"]), str(row["region_2"]))
        sign = 1.0 if names.index(pair[0]) < names.index(pair[1]) else -1.0
        pair = pair if sign > 0 else pair[::-1]
        described.append(
            {
                "order": [names.index(name) for name in pair],
                "pair": [shorten(name) for name in pair],
                "called": " \N{EN DASH} ".join(called[name] for name in pair),
                "diff": round(sign * float(row["diff"]), 4),
                "p": format_p(row["p_fwe_holm"]),
                "isSignificant": bool(row["significant"]),
            }
        )
    return {
        "rows": sorted(described, key=lambda entry: entry["order"]),
        "isNumbered": numbered,
        "note": f"the {MAX_PAIRS} with the smallest p of {n} pairs" if n > MAX_PAIRS else "",
    }


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether pairs are told by the numbers of their regions, as their names are too long to stand side by side."""
    return any(len(name) > _SHORT for name in names)


def _caption(tables: SeveralTables, row: dict[Any, Any]) -> dict[str, Any]:
    """Numbers of a gene in words."""
    means = np.array([row[f"mean_{number}"] for number in range(1, len(tables.region_names) + 1)], dtype=np.float64)
    highest, lowest = (shorten(tables.region_names[int(place)], 30) for place in (means.argmax(), means.argmin()))
    return {
        "significant": bool(row["significant"]),
        "p_fwe": format_p(_read(row["p_fwe"])),
        "statistic": f"F({row['df_area']:.0f}, {row['df_resid']:.0f}) = {format_number(_read(row['f']), 2)}",
        "order": f"mean highest in {highest} ({_show_mean(means.max())}), lowest in {lowest} "
        f"({_show_mean(means.min())})",
    }


def _show_mean(mean: float) -> str:
    return format_number(mean).replace("-", "\N{MINUS SIGN}")
