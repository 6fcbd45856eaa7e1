"""The overview of a scan as one HTML page that stands alone."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from jugex._version import __version__
from jugex.regions.labels import split_side
from jugex.report.page import load_scripts, make_environment
from jugex.scanning.folder import PAGES, name_page
from jugex.scanning.results import Scan

__all__ = ["render_overview"]

_RUNGS = ("spatial", "donors", "samples")
_N_MARKERS, _N_PAIRS, _N_REASONS = 5, 200, 30


def render_overview(scan: Scan, beside: Path | None = None) -> str:
    """Write the overview: regions by regions, markers of each region, pairs, and what could not be tested.

    Parameters
    ----------
    scan : Scan
    beside : Path, optional
        Folder that the page will be in; default: that of the scan. Pages of pairs that are there are linked from it.

    Returns
    -------
    str
        The page; it asks for nothing else.
    """
    pages, how = _find_pages(scan, scan.folder if beside is None else beside), _say_how(scan)
    order = _order_regions(scan.regions["region"].tolist())
    counts = _count_by_region(scan.pairs)
    tested = scan.pairs[scan.pairs["status"] == "ok"]
    ranked = tested.sort_values([*_RUNGS, "pair"], ascending=[False, False, False, True])
    context = {
        "version": __version__,
        "scan": scan,
        "alpha": scan.alpha,
        "summary": scan.summary().splitlines()[1 if scan.simulated else 0 :],
        "n_tested": len(tested),
        "is_matrix": bool(tested["region_2"].isin(order).any()),
        "regions": [_describe_region(scan, name, counts) for name in order],
        "pairs": ranked.head(_N_PAIRS).to_dict("records"),
        "reasons": _group_reasons(scan.pairs),
        "empty": scan.regions[scan.regions["status"] != "ok"].to_dict("records"),
        "pages": pages,
        "how": how,
        "data": Markup(json.dumps(_pack(scan, order, counts, pages, how)).replace("<", "\\u003c")),
        "settings": json.dumps(_shorten_settings(scan.settings), indent=1, ensure_ascii=False),
    }
    return make_environment().get_template("scan.html").render(context | load_scripts(["scan.js"]))


def _find_pages(scan: Scan, beside: Path) -> dict[int, str]:
    """Where the pages of pairs are that were computed again, by the numbers of the pairs."""
    tested = scan.pairs.loc[scan.pairs["status"] == "ok", "pair"].tolist()
    pages = {number: scan.folder / PAGES / name_page(number) / "report.html" for number in tested}
    return {
        number: Path(os.path.relpath(page.absolute(), beside.absolute())).as_posix()
        for number, page in pages.items()
        if page.exists()
    }


def _say_how(scan: Scan) -> str:
    """How the page of a pair is made, with "{}" where its number stands; in Python where the atlas was in memory."""
    name, source = scan.folder.absolute().name, (scan.sources or {}).get("atlas", {}).get("source", {})
    in_memory = source.get("path") is None and source.get("kind") != "simulated"
    if in_memory:
        return f"jugex.load_scan({name!r}).pair({{}}, atlas=...).save()"
    return f"jugex report {shlex.quote(name)} --pair {{}}"


def _order_regions(names: list[str]) -> list[str]:
    """Regions of the left, of the right, and others, each in the order of the parcellation."""
    place = {"left": 0, "right": 1, None: 2}
    return sorted(names, key=lambda name: place[split_side(name).side])


def _count_by_region(pairs: pd.DataFrame) -> dict[str, dict[str, int]]:
    """By region: pairs with a test, and genes called in them by rung."""
    tested = pairs[pairs["status"] == "ok"]
    both = pd.concat([tested.assign(region=tested["region_1"]), tested.assign(region=tested["region_2"])])
    summed = both.groupby("region")[list(_RUNGS)].sum()
    n_pairs = both.groupby("region").size()
    return {
        str(name): {"n_pairs": int(n_pairs[name]), **{rung: int(summed.loc[name, rung]) for rung in _RUNGS}}
        for name in summed.index
    }


def _describe_region(scan: Scan, name: str, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    row = scan.regions.loc[scan.regions["region"] == name].iloc[0]
    markers = scan.markers[scan.markers["region"] == name].head(_N_MARKERS)
    return {
        "name": name,
        "n_samples": int(row["n_samples"]),
        "n_donors": int(row["n_donors"]),
        "counts": counts.get(name),
        "markers": [
            (gene, next(rung for rung, n in zip(_RUNGS, found, strict=True) if n))
            for gene, *found in markers[["gene", *_RUNGS]].itertuples(index=False)
        ],
    }


def _group_reasons(pairs: pd.DataFrame) -> list[tuple[str, int, str]]:
    """Why pairs have no test, the most frequent reason first, with how many of them and one of them."""
    grouped = pairs[pairs["status"] != "ok"].groupby("reason", sort=False)
    rows = [(str(reason), len(group), str(group["name"].iloc[0])) for reason, group in grouped]
    return sorted(rows, key=lambda row: -row[1])[:_N_REASONS]


def _pack(
    scan: Scan, order: list[str], counts: dict[str, dict[str, int]], pages: dict[int, str], how: str
) -> dict[str, Any]:
    """What the script draws: names, places, and the genes of each pair by rung, within it and over the scan."""
    number = {name: place for place, name in enumerate(order)}
    by_name = scan.regions.set_index("region")
    columns = [*_RUNGS, *(f"{rung}_scan" for rung in _RUNGS)]
    cells = []
    for row in scan.pairs[["region_1", "region_2", "status", "pair", *columns]].itertuples(index=False):
        if row[0] in number and row[1] in number:
            found = [int(n) for n in row[4:]] if row[2] == "ok" else None
            cells.append([number[row[0]], number[row[1]], found, int(row[3])])
    places = by_name.loc[order, ["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64).round(1)
    return {
        "names": order,
        "places": [place.tolist() if np.isfinite(place).all() else None for place in places],
        "found": [[counts[name][rung] for rung in _RUNGS] if name in counts else None for name in order],
        "nPairs": [counts[name]["n_pairs"] if name in counts else 0 for name in order],
        "cells": cells,
        "pages": pages,
        "how": how,
    }


def _shorten_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without checksums region by region, which ``scan.json`` has."""
    regions = {"n": settings["regions"]["n"]}
    return {**{key: value for key, value in settings.items() if key != "versions"}, "regions": regions,
            "versions": settings["versions"]}  # fmt: skip
