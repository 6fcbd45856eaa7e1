"""
More than two regions
=====================

First all at once: is a gene expressed alike in all of them? Then every two of them, with p-values that are also
corrected for the number of pairs.
"""

import jugex
from jugex.plots import save_figure

# %%
regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
several = jugex.compare_several(
    regions, names=["A", "B", "sphere"], atlas="simulated", genes=["MAOA", "TAC1", "GAD2", "SST"], rng=0
)
print(several)
print(several.omnibus[["gene", "f", "p_perm", "p_fwe"]].to_string(index=False))

# %%
# ``p_fwe`` is corrected over the genes of a pair of regions, ``p_fwe_holm`` over all genes of all pairs.
columns = ["gene", "region_1", "region_2", "diff", "f", "p_fwe", "p_fwe_holm", "significant"]
print(several.pairs_table[columns].head(6).to_string(index=False))

# %%
# Each pair is a result like any other, with the ladder.
pair = several.pairs["A", "B"]
print(pair.table[["gene", "evidence", "p_fwe", "p_donors_fwe", "p_spatial_fwe"]].to_string(index=False))
save_figure(pair.plot_gene("TAC1"), "several-regions.png")
