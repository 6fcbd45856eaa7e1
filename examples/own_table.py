"""
An expression table of one's own
================================

Another array, RNA-seq, another species: two tables are enough, one that says where each sample was taken and from
whom, and one with a number per sample and gene. Here they are made up.
"""

import numpy as np
import pandas as pd

import jugex
from jugex.plots import save_figure

# %%
# Samples: an id, a donor, and coordinates in mm. Further columns are kept, and can be covariates.
rng = np.random.default_rng(0)
n = 60
centres = np.where(np.arange(n)[:, None] < n // 2, [-22.0, 56.0, 4.0], [-8.0, 58.0, 0.0])
samples = pd.DataFrame(centres + rng.normal(0, 3, (n, 3)), columns=["mni_x", "mni_y", "mni_z"])
samples.insert(0, "sample_id", [f"s{i:02d}" for i in range(n)])
samples.insert(1, "donor", rng.choice(["D1", "D2", "D3", "D4"], n))
samples["batch"] = rng.choice(["first", "second"], n)
print(samples.head().round(1).to_string(index=False))

# %%
# Expression: log2 values, samples in rows and genes in columns (or the other way round: the ids say which). Genes 1 and
# 2 are made to differ.
levels = pd.DataFrame(rng.normal(6, 1, (n, 40)), index=samples["sample_id"])
levels.columns = [f"GENE{i + 1}" for i in range(40)]
levels.iloc[: n // 2, :2] += 2

# %%
# ``simulated`` marks every output; leave it away for real data. Files work as well: CSV, TSV, Parquet.
atlas = jugex.atlas_from_tables(samples, levels, name="My RNA-seq", simulated=True)
left = jugex.Region.sphere((-22, 56, 4), 7, name="lateral")
right = jugex.Region.sphere((-8, 58, 0), 7, name="medial")
result = jugex.compare(left, right, atlas=atlas, covariates="batch", rng=0)
print(result.table[["gene", "diff", "ci_low", "ci_high", "f", "p_fwe"]].head(4).round(4).to_string(index=False))
save_figure(result.plot_gene("GENE1"), "own-table.png")
