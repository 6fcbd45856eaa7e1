"""Write the part of the calibration's page that is about the ladder, with its figures, from the tables beside it.

    python -m tests.slow.ladder_page docs/calibration.md

Reads `calibration_ladder.csv` (`tests.slow.ladder_rates`), `calibration_real.csv` (`tests.slow.real_nulls`) and
`calibration_gene_sets.csv` (`tests.slow.gene_set_rates`) beside the page, and puts what they say between its two marks;
the rest of the page is `tests.slow.make_page`'s.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tests.slow import gene_set_rates
from tests.slow.ladder_data import SITUATIONS, list_layouts
from tests.slow.ladder_rates import EFFECT, LARGE_FAMILY, POWER_SD, RUNGS
from tests.slow.page_text import GUIDE, IN_SHORT, LADDER, NO_REASON, REASONS
from tests.slow.real_nulls import APART_MM

BEGIN, END = "<!-- the ladder -->\n", "<!-- the test of samples -->\n"
RATES_FILE, REAL_FILE, SETS_FILE = "calibration_ladder.csv", "calibration_real.csv", "calibration_gene_sets.csv"
# Okabe and Ito's palette, a colour and a marker for each rung
STYLES = {"samples": ("#D55E00", "o"), "donors": ("#E69F00", "s"), "spatial": ("#0072B2", "^")}
_STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
          "svg.hashsalt": "ladder"}  # fmt: skip
_OF = {situation.name: situation for situation in SITUATIONS}
_CORTEX = ("Fp1/Fp2", "V1/V2", "44/45", "4a/1", "V1/44", "4a/1, right", "V1/V2, both sides")
_BELOW = ("caudate/putamen", "head of caudate/putamen", "thalamus, lateral/medial", "CA1/CA3")


class Goal(NamedTuple):
    """Between which rates a measure is to lie."""

    low: float
    high: float


def find_goal(situation: str, measure: str) -> Goal | None:
    """The goal of a measure in a situation; None where there is none."""
    of = _OF[situation]
    if measure == "donors_p05":
        return None if of.is_shared else Goal(0.03, 0.07)
    if measure == "spatial_p05":
        return Goal(0.01, 0.08) if of.is_odd else Goal(0.03, 0.06)
    return Goal(0.0, 0.07) if measure == "spatial_fwe" and not of.is_odd else None


def find_error(row: pd.Series, measure: str) -> float:
    """Standard error of a rate: that of the mean over runs or, where larger, of as many independent genes or sets."""
    n = {"p05": row["genes"], "p001": row["genes"], "1000": row["genes"] / LARGE_FAMILY}.get(
        measure.rpartition("_")[2], row["data_sets"]
    )
    if "blocks of 200" in row["situation"]:  # genes of a block err together
        n /= 200 if measure.endswith(("p05", "p001")) else 8
    rate = (row[measure] * n + 0.5) / (n + 1)  # of none in n, the error is not 0
    return max(float(np.sqrt(rate * (1 - rate) / n)), np.nan_to_num(row[f"{measure}_se"]))


def find_miss(row: pd.Series, measure: str) -> float:
    """By how many standard errors a rate lies outside its goal; 0 where it does not, or has none."""
    goal = find_goal(row["situation"], measure)
    if goal is None or np.isnan(row[measure]):
        return 0.0
    outside = max(goal.low - row[measure], row[measure] - goal.high, 0.0)
    return outside / max(find_error(row, measure), 1e-9)


def find_reason(layout: str, situation: str, measure: str) -> str:
    """Why a cell misses its goal, as far as is known."""
    for pattern, reason in REASONS:
        if re.search(pattern, f"{measure} | {layout} | {situation}"):
            return reason
    return NO_REASON


# --- tables ---------------------------------------------------------------------------------------------------------


def describe_ladder(rates: pd.DataFrame, real: pd.DataFrame, sets: pd.DataFrame) -> str:
    """The part of the page, from the tables of made-up and real data, and of gene sets."""
    return LADDER.format(
        guide=_guide(rates, real),
        short=_sum_up(rates),
        layouts=_table_layouts(rates),
        missing=_table_missing(rates),
        spatial=_table_cells(rates, "spatial_p05"),
        spatial_fwe=_table_cells(rates, "spatial_fwe"),
        donors=_table_cells(rates, "donors_p05"),
        samples=_table_cells(rates, "samples_p05"),
        tail=_table_tails(rates),
        large=_table_large(rates),
        power=_table_power(rates),
        real=_table_real(real),
        set_rates=format_table(*gene_set_rates.table_rates(sets), n_texts=2),
        set_power=format_table(*gene_set_rates.table_power(sets), n_texts=2),
        set_kinds=gene_set_rates.compare_kinds(sets),
        set_families=gene_set_rates.families(sets),
        set_versions="; ".join(sorted(set(sets["versions"]))),
        set_runs=_span(*sets.groupby(list(gene_set_rates.KEY)).size().agg(["min", "max"])),
        n_sets=_span(rates["data_sets"].min(), rates["data_sets"].max()),
        cells=len(rates),
        n_genes=f"{int(rates['genes'].sum()) / 1e6:.1f}",
        versions="; ".join(sorted(set(rates["versions"]))),
        effect=EFFECT,
        power_sd=POWER_SD,
    )


def _guide(rates: pd.DataFrame, real: pd.DataFrame) -> str:
    """What the rates say to a reader with regions of their own: a row per case."""
    of = [_OF[name] for name in rates["situation"]]
    shared, odd = (np.array([getattr(one, what) for one in of]) for what in ("is_shared", "is_odd"))
    cortex, below = (rates["layout"].isin(names).to_numpy() for names in (_CORTEX, _BELOW))
    thin = (rates["layout"] == "thinly sampled").to_numpy()
    twice = (rates["situation"] == "one region twice as variable").to_numpy()
    heavy = rates["situation"].str.startswith("nugget ").to_numpy()
    probes = (real["gene"] == "112 probes of GABRA4").to_numpy()

    def spread(values: pd.Series) -> str:
        return f"{values.min():.3f} to {values.max():.3f}"

    of_scn1a = 100 * real.loc[real["gene"] == "SCN1A", "donors_p05"]
    numbers = {
        "cortex_spatial": spread(rates.loc[cortex & ~odd, "spatial_p05"]),
        "probes_spatial": spread(real.loc[probes, "spatial_p05"]),
        "cortex_own": spread(rates.loc[cortex & ~odd & ~shared, "donors_p05"]),
        "cortex_shared": f"{rates.loc[cortex & ~odd & shared, 'donors_p05'].max():.2f}",
        "cortex_samples": spread(rates.loc[cortex & ~odd, "samples_p05"]),
        "single_spatial": spread(real.loc[~probes, "spatial_p05"]),
        "scn1a": f"{of_scn1a.min():.0f} to {of_scn1a.max():.0f} %",
        "below_spatial": spread(rates.loc[below & ~odd, "spatial_p05"]),
        "below_odd": spread(rates.loc[below & odd, "spatial_p05"]),
        "thin": f"{rates.loc[thin & ~odd, 'spatial_p05'].max():.2f}",
        "thin_fwe": f"{rates.loc[thin & ~odd, 'spatial_fwe'].max():.2f}",
        "twice_cortex": spread(rates.loc[cortex & twice, "spatial_p05"]),
        "twice": f"{rates.loc[twice, 'spatial_p05'].max():.2f}",
        "heavy": spread(rates.loc[heavy, "spatial_p05"]),
    }
    rows = [[case, said.format(**numbers)] for case, said in GUIDE]
    return format_table(["your case", "share of genes with p <= 0.05 where nothing differs"], rows, n_texts=2)


def _sum_up(rates: pd.DataFrame) -> str:
    plain = rates[[not _OF[name].is_odd for name in rates["situation"]]]
    alone = plain[[not _OF[name].is_shared for name in plain["situation"]]]
    odd = rates.drop(plain.index)
    tried = plain.dropna(subset="spatial_p05")

    def within(cells: pd.DataFrame, measure: str) -> str:
        misses = cells.dropna(subset=measure).apply(find_miss, axis=1, measure=measure)
        return f"{(misses <= 2).sum()} of {len(misses)}"

    def spread(values: pd.Series) -> str:
        low, middle, high = np.nanquantile(values, [0, 0.5, 1])
        return f"{low:.3f} to {high:.3f}, half of the cells below {middle:.3f}"

    return IN_SHORT.format(
        n_plain=len(plain),
        samples=spread(plain["samples_p05"]),
        samples_fwe=f"{plain['samples_fwe'].max():.2f}",
        donors=spread(alone["donors_p05"]),
        donors_within=within(alone, "donors_p05"),
        spatial=spread(tried["spatial_p05"]),
        spatial_within=within(tried, "spatial_p05"),
        fwe=spread(tried["spatial_fwe"]),
        fwe_within=within(tried, "spatial_fwe"),
        odd=spread(odd["spatial_p05"]),
        odd_within=within(odd, "spatial_p05"),
    )


def _table_layouts(rates: pd.DataFrame) -> str:
    rows = []
    for name, layout in list_layouts().items():
        of_layout = rates[rates["layout"] == name]
        if of_layout.empty:
            continue
        sets, tried = of_layout["data_sets"], of_layout["spatial_p05"].notna().any()
        both = [f"{one} : {two}" for one, two in layout.per_donor if one and two]
        rows.append(
            [name, f"{len(layout.points):,}", ", ".join(both), "yes" if tried else "no", _span(sets.min(), sets.max())]
        )
    return format_table(
        ["layout", "reference", "samples of donors with both regions", "spatial tried", "data sets per cell"], rows
    )


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _table_missing(rates: pd.DataFrame) -> str:
    """A row per layout and reason, with the cells that miss."""
    missing: dict[tuple[str, str], list[str]] = {}
    for measure, kind in (("spatial_p05", "spatial"), ("spatial_fwe", "spatial, FWE"), ("donors_p05", "donors")):
        for _, row in rates.iterrows():
            if find_miss(row, measure) > 2:
                key = find_reason(row["layout"], row["situation"], measure), row["layout"]
                cell = f"{row['situation']}, {row['donor_sd']:g}: {kind} **{_show(row, measure)}**"
                missing.setdefault(key, []).append(cell)
    rows = [[layout, "; ".join(cells), reason] for (reason, layout), cells in sorted(missing.items())]
    header = ["layout", "situation, donors' sd: rate", "why"]
    return format_table(header, rows, n_texts=len(header)) if rows else "None."


def _table_cells(rates: pd.DataFrame, measure: str) -> str:
    """A row per situation and donors' sd, a column per layout."""
    layouts = [
        name for name in dict.fromkeys(rates["layout"]) if rates.loc[rates["layout"] == name, measure].notna().any()
    ]
    by_cell = {(row["layout"], row["situation"], row["donor_sd"]): row for _, row in rates.iterrows()}
    rows = []
    for name, situation in _OF.items():
        for sd in situation.donor_sds:
            cells = [by_cell.get((layout, name, sd)) for layout in layouts]
            if any(cell is not None for cell in cells):
                rows.append([f"{name}, {sd:g}", *("" if cell is None else _mark(cell, measure) for cell in cells)])
    return format_table(["situation, donors' sd", *layouts], rows)


def _mark(row: pd.Series, measure: str) -> str:
    """A rate: in bold where it clearly misses its goal, in italics where it does within two standard errors."""
    if np.isnan(row[measure]):
        return ""
    miss, shown = find_miss(row, measure), _show(row, measure)
    return f"**{shown}**" if miss > 2 else f"*{shown}*" if miss > 0 else shown


def _show(row: pd.Series, measure: str) -> str:
    """A rate to three digits, with its standard error in units of the last: 0.048(3)."""
    return f"{row[measure]:.3f}({max(round(1_000 * find_error(row, measure)), 1)})"


def _pool(cells: pd.DataFrame, measure: str) -> tuple[float, float]:
    """Mean of a rate over cells, with its standard error."""
    cells = cells.dropna(subset=measure)
    errors = cells.apply(find_error, axis=1, measure=measure) if len(cells) else pd.Series(dtype=float)
    return (np.nan, np.nan) if cells.empty else (cells[measure].mean(), np.sqrt((errors**2).sum()) / len(cells))


def _groups(rates: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cells by what holds in them."""
    of = [_OF[name] for name in rates["situation"]]
    heavy = rates["situation"].str.startswith("nugget ").to_numpy()
    shared, odd = (np.array([getattr(one, what) for one in of]) for what in ("is_shared", "is_odd"))
    thin = (rates["layout"] == "thinly sampled").to_numpy()
    return {
        "independent samples": rates[(rates["situation"] == "independent").to_numpy()],
        "own fields": rates[rates["situation"].str.startswith("own ").to_numpy()],
        "heavy tails": rates[heavy],
        "shared fields": rates[shared & ~odd & ~thin],
        "shared fields, thinly sampled": rates[shared & ~odd & thin],
        "odder situations": rates[odd],
    }


def _pooled_table(rates: pd.DataFrame, kind: str, digits: int) -> str:
    rows = []
    for name, cells in _groups(rates).items():
        pooled = [_pool(cells, f"{rung}_{kind}") for rung in RUNGS]
        rows.append([name, str(len(cells)), *(f"{rate:.{digits}f} +- {error:.{digits}f}" for rate, error in pooled)])
    return format_table(["situations", "cells", *RUNGS], rows)


def _table_tails(rates: pd.DataFrame) -> str:
    return _pooled_table(rates, "p001", 5)


def _table_large(rates: pd.DataFrame) -> str:
    return _pooled_table(rates, "fwe_1000", 3)


def _table_power(rates: pd.DataFrame) -> str:
    measured = rates.dropna(subset="power_oracle")
    layouts = list(dict.fromkeys(measured["layout"]))
    rows = []
    for situation in dict.fromkeys(measured["situation"]):
        for rung in ("donors", "spatial"):
            if rung == "donors" and _OF[situation].is_shared:
                continue
            cells = [f"{situation}: {rung}"]
            for layout in layouts:
                found = measured[(measured["layout"] == layout) & (measured["situation"] == situation)]
                ratio = float("nan") if found.empty else (found[f"power_{rung}"] / found["power_oracle"]).iloc[0]
                cells.append("" if np.isnan(ratio) else f"**{ratio:.2f}**" if ratio < 0.85 else f"{ratio:.2f}")
            rows.append(cells)
    return format_table(["situation: rung", *layouts], rows)


def _table_real(real: pd.DataFrame) -> str:
    rows = [
        [row["gene"], str(row["apart_mm"]), str(row["pairs"]), *(f"{row[f'{rung}_p05']:.3f}" for rung in RUNGS),
         f"{row['spatial_p005']:.4f}"]
        for _, row in real.iterrows()
    ]  # fmt: skip
    return format_table(["gene", "mm apart", "pairs of places", *RUNGS, "spatial, at 0.005"], rows)


def format_table(header: list[str], rows: list[list[str]], n_texts: int = 1) -> str:
    """A table of Markdown whose first columns are text."""
    rule = [*["---"] * n_texts, *["---:"] * (len(header) - n_texts)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


# --- figures --------------------------------------------------------------------------------------------------------


def draw_rates(rates: pd.DataFrame) -> Figure:
    """Share of genes called at 0.05: a row per situation, a dot per layout and donors' sd, a panel per rung."""
    names = [name for name in _OF if (rates["situation"] == name).any()]
    figure = Figure(figsize=(8.4, 0.19 * len(names) + 1.0), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True, sharex=True)
    rng = np.random.default_rng(0)
    height = rates["situation"].map({name: place for place, name in enumerate(names)}) + rng.uniform(
        -0.28, 0.28, len(rates)
    )
    for ax, rung in zip(panels, RUNGS, strict=True):
        colour, marker = STYLES[rung]
        ax.axvspan(0.03, 0.06, color="#EBEBEB", linewidth=0)
        ax.axvline(0.05, color="#7F7F7F", linestyle=":", linewidth=1)
        ax.plot(rates[f"{rung}_p05"], height, marker, color=colour, markersize=2.6, alpha=0.55, markeredgewidth=0)
        for place, name in enumerate(names):
            if rung == "donors" and _OF[name].is_shared:
                ax.axhspan(place - 0.5, place + 0.5, facecolor="none", edgecolor="#C8C8C8", hatch="///", linewidth=0)
        ax.set(title=rung, xscale="log", xlim=(0.004, 0.7), xticks=(0.005, 0.02, 0.05, 0.1, 0.2, 0.5))
        ax.set_xticklabels(["0.005", "0.02", "0.05", "0.1", "0.2", "0.5"], rotation=45)
        ax.minorticks_off()
    panels[0].set(yticks=range(len(names)), yticklabels=names)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    panels[1].set_xlabel("share of genes called different at 0.05 (none is)")
    return figure


def draw_real(real: pd.DataFrame) -> Figure:
    """Shares at arbitrary pairs of places of real data: a panel per gene, a line per rung."""
    genes = list(dict.fromkeys(real["gene"]))
    figure = Figure(figsize=(8.4, 2.5), layout="constrained")
    panels = figure.subplots(1, len(genes), sharey=True)
    for ax, gene in zip(np.atleast_1d(panels), genes, strict=True):
        of_gene = real[real["gene"] == gene]
        ax.axhline(0.05, color="#7F7F7F", linestyle=":", linewidth=1)
        for rung, (colour, marker) in STYLES.items():
            ax.plot(of_gene["apart_mm"], of_gene[f"{rung}_p05"], f"{marker}-", color=colour, markersize=4, label=rung)
        ax.set(title=gene, xticks=APART_MM, xlabel="mm apart")
    figure.axes[0].set(
        ylabel="share with p <= 0.05", ylim=(0, 1.05 * real[[f"{rung}_p05" for rung in RUNGS]].max().max())
    )
    figure.axes[0].legend(loc="upper left")
    return figure


def write_figures(page: Path, drawn: dict[str, Callable[[], Figure]]) -> None:
    """Write figures as SVG into ``images`` beside the page: the same file for the same numbers."""
    (page.parent / "images").mkdir(exist_ok=True)
    with mpl.rc_context(_STYLE):
        for name, draw in drawn.items():
            draw().savefig(page.parent / "images" / f"{name}.svg", metadata={"Date": None})


def read_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The tables of made-up and of real data, and of gene sets."""
    rates, real, sets = (pd.read_csv(folder / file) for file in (RATES_FILE, REAL_FILE, SETS_FILE))
    return rates, real, sets


def write_ladder(page: Path) -> None:
    """Replace the part about the ladder in a page, and draw its figures."""
    rates, real, sets = read_tables(page.parent)
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    described = describe_ladder(rates, real, sets)
    page.write_text(before + BEGIN + described + END + rest.partition(END)[2], encoding="utf-8")
    write_figures(page, {"calibration_ladder": lambda: draw_rates(rates), "calibration_real": lambda: draw_real(real)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the ladder's part of the page of the calibration.")
    parser.add_argument("page", type=Path)
    write_ladder(parser.parse_args().page)
