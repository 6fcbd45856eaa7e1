"""Draw the figures of the explanation and of the reproduction: ``python docs/explanation/make_figures.py [FOLDER]``.

The build of the site calls `make_figures`. Rates are read from the page of the calibration, and numbers of real data
from the tables of the pages themselves: text and figures cannot differ. All else is of the simulated atlas.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import jugex
from jugex.errors import JugexWarning
from jugex.plots.styles import GREY, INK, PALE, REGION_STYLES
from jugex.reproduction import read_run_of_2017

DOCS = Path(__file__).resolve().parent.parent
IMAGES = DOCS / "explanation" / "images"
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
#: Samples of Fp1 and Fp2 in each donor: the row "Fp1/Fp2" of the calibration's page.
FP1_FP2 = ((7, 3), (0, 1), (2, 1), (5, 4), (0, 3), (2, 0))
STYLE = {"font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False,
         "legend.frameon": False, "svg.hashsalt": "jugex"}  # fmt: skip


def make_figures(folder: Path = IMAGES) -> list[Path]:
    """Draw every figure into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{draw.__name__.removeprefix('draw_')}.svg" for draw in FIGURES]
    with mpl.rc_context(STYLE):
        for draw, path in zip(FIGURES, paths, strict=True):
            draw().savefig(path, metadata={"Date": None})
    return paths


# --- what they are made from --------------------------------------------------------------------------------------


def read_table(page: str, heading: str, number: int = 0) -> pd.DataFrame:
    """Read a table of a page: the one of that number below a heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = text.partition(f"# {heading}\n")[2].partition("\n#")[0]
    blocks = [block for block in section.split("\n\n") if block.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in blocks[number].splitlines())
    return pd.DataFrame(rows, columns=header).set_index(header[0])


@cache
def compare_demo(candidates: bool = True) -> jugex.DifferentialExpression:
    """The demo: the 25 candidate genes, or all 500."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        genes = read_run_of_2017()["gene"].tolist() if candidates else None
        return jugex.compare("simulated:A", "simulated:B", genes=genes, atlas="simulated", rng=0)


def null_maxima(result: jugex.DifferentialExpression, genes: list[str]) -> np.ndarray:
    """Largest F of the genes under each relabelling."""
    largest = result.permutation_null(genes[0])
    for gene in genes[1:]:
        largest = np.maximum(largest, result.permutation_null(gene))
    return largest


def rates(column: pd.Series, which: int = 0) -> np.ndarray:
    """Numbers of a column whose cells hold one, or two with a slash between them."""
    return column.str.split("/").str[which].astype(float).to_numpy()


# --- the figures --------------------------------------------------------------------------------------------------


def draw_the_test() -> Figure:
    """One gene: its values, its F under all relabellings, and the largest F of all genes."""
    result = compare_demo()
    genes = result.table["gene"].tolist()
    observed = result.table.set_index("gene")["f"]
    figure = Figure(figsize=(8.4, 2.7), layout="constrained")
    values, alone, family = figure.subplots(1, 3)
    _draw_values(values, result, "MAOA")
    for ax, null, title in (
        (alone, result.permutation_null("MAOA"), "F of MAOA, relabelled"),
        (family, null_maxima(result, genes), f"largest F of {len(genes)} genes, relabelled"),
    ):
        widest = 1.15 * observed["MAOA"]
        counts, *_ = ax.hist(null, bins=np.linspace(0, np.sqrt(widest), 61) ** 2, color=PALE)
        # spaced by the size of t, as `plot_null` does: F of chance would be squeezed into a corner
        ax.set_xscale("function", functions=(lambda f: np.sqrt(np.maximum(f, 0)), np.square))
        ax.set_xlim(0, widest)
        ax.set_ylim(0, 1.35 * counts.max())
        ax.set(title=title, xlabel="F (spaced by its square root)", xticks=[0, 4, 16, 36, 64, 100], yticks=[])
        ax.axvline(np.quantile(null, 0.95), color=GREY, linestyle=":", linewidth=1)
        for gene, colour in (("MAOA", BLUE), ("SLC6A4", RED)) if ax is family else (("MAOA", BLUE),):
            ax.axvline(observed[gene], color=colour)
            ax.annotate(f"{gene} ", (observed[gene], 0.99), xycoords=ax.get_xaxis_transform(), color=colour, va="top",
                        ha="right")  # fmt: skip
    return figure


def _draw_values(ax: Axes, result: jugex.DifferentialExpression, gene: str) -> None:
    """Values of a gene, donor by donor."""
    samples = result.samples.assign(value=result.zscores[gene])
    for place, (_, of_donor) in enumerate(samples.groupby("donor_name", sort=False)):
        for shift, style, region in zip((-0.15, 0.15), REGION_STYLES, result.region_names, strict=True):
            chosen = of_donor.loc[of_donor["region"] == region, "value"]
            ax.plot(np.full(len(chosen), place + shift), chosen, style.marker, color=style.face, markersize=4,
                    markeredgecolor=style.edge, markeredgewidth=0.4, label=region if place == 0 else None)  # fmt: skip
    ax.set(title=f"{gene}, by donor", xlabel="donor", ylabel="z-score", xticks=range(samples["donor_name"].nunique()))
    ax.set_xticklabels([str(number + 1) for number in ax.get_xticks()])
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))
    ax.legend(handletextpad=0, columnspacing=1, loc="upper center", ncols=2, fontsize=8)


def draw_statistic() -> Figure:
    """Error rates of the four combinations of statistic and exchange where nothing differs."""
    others = read_table("calibration.md", "Other choices in the same cells")
    within = read_table("calibration.md", "No gene differs: `within-donor`, `adjusted`")["observed"]
    cells = ["balanced, normal, donors offset", "unequal, normal, donors offset", "Fp1/Fp2, normal, donors offset",
             "unequal, lognormal"]  # fmt: skip
    shown = {
        "adjusted, within-donor (default)": (within, "o", BLUE),
        "sequential, within-donor": (others["sequential, within-donor"], "s", GREEN),
        "adjusted, free (MATLAB JuGEx)": (others["adjusted, free"], "^", ORANGE),
        "sequential, free (F of PyJuGEx, siibra-jugex)": (others["sequential, free"], "D", RED),
    }
    figure = Figure(figsize=(6.6, 2.8), layout="constrained")
    ax = figure.subplots()
    ax.axvline(0.05, color=GREY, linewidth=1, linestyle=":")
    for number, (label, (column, marker, colour)) in enumerate(shown.items()):
        height = np.arange(len(cells)) + 0.12 * (number - 1.5)
        ax.plot(column[cells].astype(float), height, marker, color=colour, label=label, markersize=5)
    ax.set(yticks=range(len(cells)), yticklabels=cells, xlim=(-0.01, 0.41))
    ax.set_xlabel("share of data sets in which a gene is called different (none is)")
    ax.invert_yaxis()
    ax.legend(fontsize=8, loc="center right", bbox_to_anchor=(1, 0.36))
    return figure


def draw_relabellings() -> Figure:
    """The labels of Fp1 and Fp2: as observed, exchanged within donors, and exchanged freely."""
    observed = [[1] * n_1 + [0] * n_2 for n_1, n_2 in FP1_FP2]
    rng = np.random.default_rng(4)
    within = [list(rng.permutation(labels)) for labels in observed]
    mixed = iter(rng.permutation(np.concatenate(observed)))
    free = [[next(mixed) for _ in labels] for labels in observed]
    figure = Figure(figsize=(7.4, 2.6), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for ax, donors, title in zip(axes, (observed, within, free), ("observed", "within-donor", "free"), strict=True):
        for row, labels in enumerate(donors):
            colours = [REGION_STYLES[0 if label else 1].face for label in labels]
            ax.scatter(
                range(len(labels)), [row] * len(labels), c=colours, marker="s", s=42, edgecolors=INK, linewidths=0.4
            )
            ax.text(11.6, row, f"{sum(labels)} : {len(labels) - sum(labels)}", va="center", ha="right", color=INK)
        ax.set(title=title, xlim=(-0.8, 11.8), xticks=[], yticks=range(6))
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    axes[0].set_yticklabels([f"donor {number}" for number in range(1, 7)])
    axes[0].invert_yaxis()
    return figure


def draw_maximum() -> Figure:
    """The null of one gene, and of the largest F of 25 and of 500 genes."""
    result = compare_demo(candidates=False)
    genes = result.table["gene"].tolist()
    figure = Figure(figsize=(6.2, 2.6), layout="constrained")
    ax = figure.subplots()
    families = {"1 gene": ["GAD2"], "25 genes": read_run_of_2017()["gene"].tolist(), "500 genes": genes}
    for (label, family), colour in zip(families.items(), (GREY, BLUE, RED), strict=True):
        null = null_maxima(result, family)
        limit = np.quantile(null, 0.95)
        share = np.arange(len(null), 0, -1) / len(null)
        ax.plot(np.sort(null), share, color=colour, label=f"{label}: 5 % exceed F = {limit:.1f}")
        ax.plot([limit], [0.05], "o", color=colour)
    ax.axhline(0.05, color=GREY, linewidth=1, linestyle=":")
    ax.set(yscale="log", xlim=(0, 44), ylim=(1e-3, 1), xlabel="F", ylabel="share of relabellings\nwith a larger F")
    ax.legend(loc="upper right")
    return figure


def draw_replicates() -> Figure:
    """False positives where donors differ in the effect, with few and with many samples."""
    table = read_table("calibration.md", "Donors that differ in the effect")
    figure = Figure(figsize=(5.2, 2.6), layout="constrained")
    ax = figure.subplots()
    for number, colour in (("48", ORANGE), ("192", RED)):
        rows = table[table.index.str.startswith(f"{number} samples")]
        spread = rows.index.str.extract(r"([\d.]+) sd", expand=False).astype(float)
        ax.plot(spread, rates(rows["adjusted"]), "o-", color=colour, label=f"p_perm, {number} samples")
    ax.axhline(0.05, color=GREY, linewidth=1, linestyle=":")
    ax.set(xticks=[0.25, 0.5, 1], ylim=(0, 0.5), ylabel="share of genes with p <= 0.05")
    ax.set_xlabel("how much the effect varies over donors (sd of samples)")
    ax.legend()
    return figure


def draw_ladder() -> Figure:
    """How often each rung calls arbitrary places of real cortex different."""
    table = read_table("explanation/ladder.md", "How often it errs")
    figure = Figure(figsize=(6.2, 2.2), layout="constrained")
    ax = figure.subplots()
    ax.axvline(0.05, color=GREY, linewidth=1, linestyle=":")
    for rung, marker, colour in (("samples", "D", RED), ("donors", "s", ORANGE), ("spatial", "o", BLUE)):
        ax.plot(rates(table[rung]), range(len(table)), marker, color=colour, label=rung, markersize=6)
    ax.set(yticks=range(len(table)), yticklabels=table.index, xlim=(0, 0.2), ylim=(len(table) - 0.5, -0.5))
    ax.set_xlabel("share of GABRA4's probes with p <= 0.05, places drawn at random")
    ax.legend(loc="center right")
    return figure


def draw_variograms() -> Figure:
    """How much two samples of left cortex differ over distance, of one donor and of two, in two real genes."""
    table = read_table("explanation/ladder.md", "The two variograms in numbers")
    bounds = table.index.str.extractall(r"(\d+)")[0].astype(float).unstack()
    distance = bounds.mean(axis=1).to_numpy() + np.where(bounds.notna().all(axis=1), 0, 10)
    figure = Figure(figsize=(6.6, 2.6), layout="constrained")
    for ax, gene in zip(figure.subplots(1, 2, sharey=True), ("GABRA4", "SCN1A"), strict=True):
        for donors, marker, colour in (("same donor", "o-", BLUE), ("two donors", "s--", ORANGE)):
            curve = pd.to_numeric(table[f"{gene}, {donors}"]).to_numpy()
            known = np.isfinite(curve)
            ax.plot(distance[known], curve[known], marker, color=colour, markersize=4, label=donors)
        ax.axhline(1, color=GREY, linewidth=1, linestyle=":")
        ax.set(title=gene, xlabel="distance (mm)", ylim=(0, 1.45), xlim=(0, 95))
        ax.set_ylabel("half the mean squared\ndifference (variances)" if gene == "GABRA4" else "")
        ax.legend(loc="lower right")
    return figure


def draw_ahba() -> Figure:
    """Samples of each donor by hemisphere."""
    table = read_table("explanation/ahba.md", "Four donors have one hemisphere").astype(int)
    figure = Figure(figsize=(5.6, 2.4), layout="constrained")
    ax = figure.subplots()
    start = np.zeros(len(table))
    for column, colour in zip(("left", "right", "neither"), (BLUE, ORANGE, PALE), strict=True):
        ax.barh(table.index, table[column], left=start, color=colour, label=column)
        start += table[column].to_numpy()
    ax.set(xlabel="samples")
    ax.invert_yaxis()
    ax.legend(title="named as")
    return figure


def draw_separate() -> Figure:
    """The largest F of 25 genes that go together, with shared and with separate shuffles."""
    shared, separate = simulate_maxima()
    figure = Figure(figsize=(5.6, 2.4), layout="constrained")
    ax = figure.subplots()
    for values, colour, label in ((shared, BLUE, "one shuffle for all genes"), (separate, RED, "a shuffle per gene")):
        ax.hist(values, bins=np.linspace(0, 25, 80), histtype="step", color=colour, label=label, density=True)
        ax.axvline(np.quantile(values, 0.95), color=colour, linestyle="--", linewidth=1)
    ax.set(xlabel="largest F of 25 genes that correlate by 0.8", yticks=[], xlim=(0, 25))
    ax.legend()
    return figure


def simulate_maxima(n_sets: int = 200, n_shuffles: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Largest F of 25 genes (correlation 0.8, 24 samples in each region) under shared and under separate shuffles."""
    rng = np.random.default_rng(0)
    labels = np.tile([0.5, -0.5], 24)
    shared, separate = [], []
    for _ in range(n_sets):
        values = np.sqrt(0.8) * rng.normal(size=(48, 1)) + np.sqrt(0.2) * rng.normal(size=(48, 25))
        values -= values.mean(axis=0)
        values /= np.linalg.norm(values, axis=0)
        together = rng.permuted(np.tile(labels, (n_shuffles, 1)), axis=1) @ values
        apart = np.stack([rng.permuted(np.tile(labels, (n_shuffles, 1)), axis=1) @ value for value in values.T], axis=1)
        for kept, cosines in ((shared, together), (separate, apart)):
            explained = (cosines**2).max(axis=1) / 12  # the labels' own length: 48 times a quarter
            kept.append(explained / (1 - explained) * 46)
    return np.concatenate(shared), np.concatenate(separate)


def draw_presets() -> Figure:
    """What the default and each earlier tool say of the demo."""
    table = jugex.compare_presets(
        "simulated:A", "simulated:B", genes=read_run_of_2017()["gene"].tolist(), atlas="simulated", rng=0
    )
    first = table["gene"].drop_duplicates().tolist()[:8]
    figure = Figure(figsize=(6.2, 2.6), layout="constrained")
    ax = figure.subplots()
    presets = table.groupby("preset", sort=False)
    for number, ((preset, rows), marker, colour) in enumerate(zip(presets, "o^D", (BLUE, ORANGE, RED), strict=True)):
        chosen = rows.set_index("gene").loc[first]
        ax.plot(np.arange(len(first)) + 0.16 * (number - 1), chosen["p_fwe"], marker, color=colour, label=preset)
    ax.set_xticks(range(len(first)), labels=first)
    ax.axhline(0.05, color=GREY, linewidth=1, linestyle=":")
    ax.set(yscale="log", ylabel="p_fwe (simulated)")
    ax.tick_params(axis="x", rotation=30)
    ax.legend(fontsize=8)
    return figure


def draw_run_of_2017() -> Figure:
    """F of the 25 genes in the run of 2017."""
    table = read_run_of_2017().sort_values("f")
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    ax = figure.subplots()
    colours = [RED if p <= 0.05 else GREY for p in table["p_fwe"]]
    ax.hlines(table["gene"], 0, table["f"], color=PALE)
    ax.scatter(table["f"], table["gene"], c=colours, s=20, zorder=2)
    for place, (f, p) in enumerate(zip(table["f"], table["p_fwe"], strict=True)):
        if p < 0.5:
            at = {"xytext": (6, 0), "textcoords": "offset points"}
            ax.annotate(f"p_fwe = {p:g}", (f, place), va="center", fontsize=8, **at)
    ax.set(xlabel="F of area (sequential)", xlim=(-1, 54))
    ax.tick_params(axis="y", labelsize=7)
    return figure


def draw_scn1a() -> Figure:
    """SCN1A under each choice: the difference, with the p of each."""
    table = read_table("reproduction/index.md", "Under other choices")
    figure = Figure(figsize=(6.2, 3.4), layout="constrained")
    ax = figure.subplots()
    p = table["p_fwe"].astype(float)
    ax.scatter(p, table.index, c=[RED if value <= 0.05 else BLUE for value in p], s=24)
    ax.axvline(0.05, color=GREY, linewidth=1, linestyle=":")
    ax.set(xscale="log", xlabel="p_fwe of SCN1A, left Fp1 against left Fp2")
    ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1], labels=["0.05", "0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.invert_yaxis()
    return figure


FIGURES: tuple[Callable[[], Figure], ...] = (
    draw_the_test, draw_statistic, draw_relabellings, draw_maximum, draw_ladder, draw_variograms, draw_replicates,
    draw_ahba, draw_separate, draw_presets, draw_run_of_2017, draw_scn1a,
)  # fmt: skip


if __name__ == "__main__":
    made = make_figures(*(Path(folder) for folder in sys.argv[1:2]))
    sys.stdout.write("".join(f"{path}\n" for path in made))
