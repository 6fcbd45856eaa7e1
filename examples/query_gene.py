"""
One gene in one region
======================

Which samples lie in a region, what was measured in them, in which space their coordinates are, and where they lie
on the mask of the region: the steps of siibra's page on gene expression, with the donors' data instead of the web
service.
"""

import pandas as pd
from matplotlib.figure import Figure
from nilearn.plotting import plot_roi

import jugex

# %%
# The region is a probability map; a sample belongs to it where the probability is above the threshold.
atlas = jugex.open_atlas("simulated")
region, _ = jugex.demo_regions(threshold=0.2)
print(region.coverage(atlas))

# %%
# One row per sample and probe, with the columns that siibra gives, and four more.
table = jugex.query.expressions(region, ["MAOA"], atlas=atlas)
print(table.columns.tolist())
print(table[["level", "zscore", "gene", "age", "mni_xyz", "sample", "probe_id", "donor_name"]].head().to_string())

# %%
# The table names the space of its coordinates (mm), and says whether its numbers are real.
print(table.attrs)

# %%
# A donor may be high in all of its samples: z-scores are relative to all samples of the same donor and probe.
samples = table.groupby(["donor_name", "well_id"], as_index=False)["zscore"].mean()
figure = Figure(figsize=(6.4, 3.2), layout="constrained")
ax = figure.subplots()
names = sorted(samples["donor_name"].unique())
ax.boxplot([samples.loc[samples["donor_name"] == name, "zscore"] for name in names])
ax.set_xticks(range(1, len(names) + 1), names)
ax.set_ylabel("MAOA (z-score)")
ax.set_title(f"{region.name} (simulated)")
figure.savefig("gene-in-region.png", dpi=150)

# %%
# The samples over the mask of the region.
points = pd.DataFrame(table["mni_xyz"].tolist()).drop_duplicates().to_numpy()
display = plot_roi(region.to_image(), cut_coords=region.centroid.tolist(), title=region.name, cmap="autumn")
display.add_markers(points, marker_color="black", marker_size=8)
display.savefig("samples-on-mask.png", dpi=150)
display.close()
