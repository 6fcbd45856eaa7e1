"""
Adjust for covariates
=====================

What else differs between samples can be adjusted for: the hemisphere, the class of tissue, a gradient of space, or
a table of one's own. When labels are exchanged, covariates stay with their samples. Age and sex need not be named:
they are the donor's, and donor is in the model.
"""

import warnings

import jugex
from jugex.plots import save_figure

# %%
# Does a difference only follow a gradient through both regions? Put the coordinates into the model.
warnings.simplefilter("ignore", jugex.JugexWarning)  # shown below
regions, genes = ("simulated:A", "simulated:B"), ["MAOA", "TAC1", "GAD2"]
plain = jugex.compare(*regions, genes=genes, atlas="simulated", rng=0)
adjusted = jugex.compare(*regions, genes=genes, atlas="simulated", covariates=["mni_x", "mni_y", "mni_z"], rng=0)
columns = ["gene", "diff", "f", "df_resid", "p_fwe"]
print(plain.table[columns].merge(adjusted.table[columns], on="gene", suffixes=("", "_adjusted")).round(4).to_string())

# %%
# Neighbouring regions nearly *are* a position, so little is left of the contrast; jugex warns of that.
print(*adjusted.warnings, sep="\n")

# %%
# What that looks like: the gene along the line between the regions.
save_figure(plain.plot_axis("MAOA"), "covariates.png")

# %%
# A table of one's own: one row per ``well_id``; text is a factor, numbers enter linearly.
samples = jugex.open_atlas("simulated").samples
slabs = samples[["well_id"]].assign(slab=(samples["mni_z"] > 2).map({True: "upper", False: "lower"}))
by_slab = jugex.compare(*regions, genes=genes, atlas="simulated", covariates=slabs, rng=0)
print(by_slab.table[columns].round(4).to_string(index=False))
print([(entry["name"], entry["kind"], entry["outcome"]) for entry in by_slab.settings["covariates"]])
