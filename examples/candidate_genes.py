"""
Two regions, 25 candidate genes
===============================

The question of Bludau et al. (2018): which of 25 candidate genes differ between two areas? p is corrected for these
25, which were chosen before looking. The genes are those of the paper; regions and numbers are simulated.
"""

import jugex
from jugex.plots import save_figure
from jugex.reproduction import read_run_of_2017

# %%
genes = read_run_of_2017()["gene"].tolist()
print(", ".join(genes))

# %%
# Samples that lie in both regions go to the more probable one; labels are permuted within each donor; every gene
# shares each relabelling.
result = jugex.compare("simulated:A", "simulated:B", genes=genes, atlas="simulated", rng=0)
print(result.table[["gene", "n_probes", "diff", "ci_low", "ci_high", "f", "p_perm", "p_fwe"]].head(8).to_string())

# %%
# What the difference is worth: in these samples, in other donors, against places as far apart in the same tissue.
print(result.table[["gene", "evidence", "p_fwe", "p_donors_fwe", "p_spatial_fwe"]].head(4).to_string(index=False))

# %%
# Differences are region 1 minus region 2; which direction that is:
print(result.details()[["gene", "direction"]].head(2).to_string(index=False))

# %%
# What weakens the result, as the report has it.
print(*result.warnings, sep="\n")

# %%
# One gene: its values in every sample, and F compared with F under the 10,000 relabellings drawn.
save_figure(result.plot_gene("MAOA"), "MAOA.png")
save_figure(result.plot_null("MAOA"), "MAOA-null.png")

# %%
# Where the samples lie.
save_figure(result.plot_samples(), "samples.png")
