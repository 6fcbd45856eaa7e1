"""The overview of a scan as one HTML page that stands alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from jugex._version import __version__
from jugex.regions.labels import split_side
from jugex.report.page import load_scripts, make_environment
from jugex.scanning.results import Scan

__all__ = ["render_overview"]

_RUNGS = ("spatial", "donors", "samples")
_N_MARKERS, _N_PAIRS, _N_REASONS = 5, 200, 30


def render_overview(scan: Scan) -> str:
    """Write the overview: regions by regions, markers of each region, pairs, and what could not be tested.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    str
        The page; it asks for nothing else.
    """
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
        "data": Markup(json.dumps(_pack(scan, order, counts)).replace("<", "\\u003c")),
        "settings": json.dumps(_shorten_settings(scan.settings), indent=1, ensure_ascii=False),
    }
    return make_environment().get_template("scan.html").render(context | load_scripts(["scan.js"]))


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


def _pack(scan: Scan, order: list[str], counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What the script draws: names, places, and the genes of each pair by rung, within it and over the scan."""
    number = {name: place for place, name in enumerate(order)}
    by_name = scan.regions.set_index("region")
    columns = [*_RUNGS, *(f"{rung}_scan" for rung in _RUNGS)]
    cells = []
    for row in scan.pairs[["region_1", "region_2", "status", *columns]].itertuples(index=False):
        if row[0] in number and row[1] in number:
            found = [int(n) for n in row[3:]] if row[2] == "ok" else None
            cells.append([number[row[0]], number[row[1]], found])
    places = by_name.loc[order, ["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64).round(1)
    return {
        "names": order,
        "places": [place.tolist() if np.isfinite(place).all() else None for place in places],
        "found": [[counts[name][rung] for rung in _RUNGS] if name in counts else None for name in order],
        "nPairs": [counts[name]["n_pairs"] if name in counts else 0 for name in order],
        "cells": cells,
    }


def _shorten_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without checksums region by region, which ``scan.json`` has."""
    regions = {"n": settings["regions"]["n"]}
    return {**{key: value for key, value in settings.items() if key != "versions"}, "regions": regions,
            "versions": settings["versions"]}  # fmt: skip
