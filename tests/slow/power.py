"""How often each test finds a difference, by its size: the numbers, and the figure drawn of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.slow.situations import ALPHA, Rates, Situation, make_place, measure

N_SETS = 400
#: Differences between the regions, in standard deviations of a sample.
EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)
LAYOUTS = ("balanced", "Fp1/Fp2")


class _Style(NamedTuple):
    colour: str
    marker: str
    line: str = "-"


# Okabe and Ito's palette, and a marker each: lines that lie on one another are told apart
_STYLES = {
    "adjusted": _Style("#0072B2", "o"),
    "welch": _Style("#E69F00", "^"),
    "sequential": _Style("#009E73", "s"),
    "adjusted, free": _Style("#56B4E9", "v", "--"),
    "sequential, free": _Style("#666666", "D", "--"),
}

Powers = dict[float, dict[str, Rates]]


def measure_power(layout: str, effects: tuple[float, ...] = EFFECTS, n_sets: int = N_SETS) -> Powers:
    """Rates by effect and test; every gene differs, and donors' means differ as samples do."""
    situation = Situation(layout, make_place(layout))
    return {effect: measure(replace(situation, effect=effect), n_sets) for effect in effects}


def draw_power(powers: dict[str, Powers], path: Path) -> None:
    """Draw the share of genes found against the difference, one panel per layout, and write it as SVG."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, len(powers), sharey=True)
    for axes, (layout, of_layout) in zip(panels, powers.items(), strict=True):
        _draw_panel(axes, layout, of_layout)
    panels[0].set_ylabel(f"share of genes with p <= {ALPHA}")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "power"}):  # the same file for the same numbers
        figure.savefig(path, metadata={"Date": None})


def _draw_panel(axes: Axes, layout: str, powers: Powers) -> None:
    for name, style in _STYLES.items():
        shares = [of_tests[name].alone for of_tests in powers.values()]
        axes.plot(list(powers), shares, style.line, color=style.colour, marker=style.marker, markersize=5, label=name)
    axes.axhline(ALPHA, color="#999999", linewidth=0.8, linestyle=":")
    design = make_place(layout).design
    in_both = f"{design.n_samples} samples, {design.n_informative_donors} donors in both regions"
    axes.set_title(f"{layout}\n{in_both}", fontsize="small")
    axes.set_xlabel("difference (standard deviations of a sample)")
    axes.set_ylim(0, 1.02)
    axes.spines[["top", "right"]].set_visible(False)
