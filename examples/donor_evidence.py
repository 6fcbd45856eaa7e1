"""
What each donor says
====================

Samples of one brain are no replicates of people: with six donors, a small p over samples can come from one of them.
So each result carries what the donors say one by one.
"""

import jugex
from jugex.plots import save_figure

# %%
result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1", "GAD2"], atlas="simulated", rng=0)

# %%
# In the table of results: how many donors show the sign of the difference, of those with samples in both regions.
columns = ["gene", "higher_in", "diff", "evidence", "p_fwe", "n_donors_same_sign", "n_donors_both"]
print(result.table[columns].round(4).to_string(index=False))

# %%
# The difference in each donor with samples in both regions, and its weight.
print(result.donor_differences("MAOA").round(2).to_string(index=False))
save_figure(result.plot_donors("MAOA"), "MAOA-donors.png")

# %%
# What is left of the significant genes without each of the donors.
print(result.leave_one_donor_out.round(4).to_string(index=False))
