"""
Figures for a paper, one by one
===============================

Each figure of a comparison beside the call that draws it, on the simulated atlas, offline::

    python examples/figures.py [FOLDER]

FOLDER (default: ``figures``) then holds each as PDF and PNG, as wide as a column of a journal's page. With the real
data, only the first two lines change: ``jugex.open_atlas("ahba/")`` and
``jugex.Region.from_image("map.nii.gz", threshold=0.2)``. Sizes, colours and fonts: :doc:`/howto/plots`.
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import jugex
from jugex.plots import figure_style, plot_coverage, save_figure

atlas = jugex.open_atlas("simulated")
a, b = jugex.demo_regions()
result = jugex.compare(a, b, atlas=atlas, rng=0)
folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")
folder.mkdir(parents=True, exist_ok=True)


def keep(ax, name):
    """Write a figure as PDF and PNG."""
    for kind in ("pdf", "png"):
        save_figure(ax, folder / f"{name}.{kind}")


# %%
# All genes
# ---------
keep(result.plot_volcano(), "volcano")

# %%
# All genes, as a paper has them
# ------------------------------
# Genes to name, what to call them, colours of the regions, font and size of text.
colours = ("#1b7837", "#762a83")
genes = ["MAOA", "TAC1", "HTR2A"]
with figure_style(colours=colours, font="DejaVu Serif", text_size=6):
    ax = result.plot_volcano(genes=genes, labels={"HTR2A": "5-HT2A"}, legend=False)
keep(ax, "volcano-styled")

# %%
# One gene in every sample
# ------------------------
keep(result.plot_gene("MAOA"), "gene")

# %%
# Its difference in each donor
# ----------------------------
keep(result.plot_donors("MAOA"), "donors")

# %%
# Its probes
# ----------
keep(result.plot_probes("MAOA"), "probes")

# %%
# Its F among the relabellings
# ----------------------------
keep(result.plot_null("MAOA"), "null")

# %%
# How it varies over distance
# ---------------------------
keep(result.plot_variogram("MAOA"), "variogram")

# %%
# Two figures side by side
# ------------------------
# Every function draws into axes that it is given; 174 mm are two columns.
figure = Figure(figsize=(174 / 25.4, 75 / 25.4), layout="constrained")
left, right = figure.subplots(1, 2)
result.plot_gene("TAC1", ax=left)
keep(result.plot_null("TAC1", ax=right), "panels")

# %%
# A gene between the regions
# --------------------------
keep(result.plot_axis("MAOA"), "axis")

# %%
# Many genes
# ----------
keep(result.plot_heatmap(n_genes=30), "heatmap")

# %%
# Where the samples lie
# ---------------------
keep(result.plot_samples(), "samples")

# %%
# How many samples each donor has
# -------------------------------
keep(plot_coverage([a.coverage(atlas), b.coverage(atlas)]), "coverage")

print(f"{len(list(folder.glob('*.pdf')))} figures of {a.name} and {b.name} are in {folder}")
