"""
Every gene of the atlas
=======================

Nothing has to be chosen: by default every gene is tested, and p is corrected for all of them. The simulated atlas has
500 genes. With the real one there are about 20,000, and 10,000 permutations of them take seconds; only the atlas and
the regions of the call change.
"""

# sphinx_gallery_thumbnail_number = 2

import jugex
from jugex.plots import save_figure

# %%
result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0)
print(result)
print(result.significant[["gene", "diff", "evidence", "p_fwe", "q_fdr"]].to_string(index=False))

# %%
# ``p_fwe`` is corrected for the whole family: if samples are exchangeable within donors, the chance of one false
# finding among all genes is at most 5 %. ``q_fdr`` lets 5 % of the findings be false. ``p_perm`` is not corrected
# for the number of genes.
print((result.table[["p_perm", "q_fdr", "p_fwe"]] <= 0.05).sum().to_string())

# %%
# The ladder: how many genes reach which rung, and how many each rung calls at arbitrary places of this tissue.
print(result.table["evidence"].value_counts().to_string())
print(result.settings["ladder"]["diagnostic"])

# %%
# All genes at a glance: difference against p.
save_figure(result.plot_volcano(), "volcano.png")

# %%
# The thirty genes that differ most, in every sample.
save_figure(result.plot_heatmap(n_genes=30), "heatmap.png")
