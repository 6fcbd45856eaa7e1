"""
What each donor says
====================

Samples of one brain are no replicates of people: with six donors, a small p over samples can come from one of them.
So each result carries the evidence donor by donor.
"""

import jugex
from jugex.plots import save_figure

# %%
result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1", "GAD2"], atlas="simulated", rng=0)

# %%
# In the table of results: do the donors agree, over donors instead of samples what are difference and p, and is the
# finding carried by several of them? With five donors, ``p_donor`` cannot be below 2 / 32.
columns = ["gene", "p_fwe", "donors_same_sign", "p_donor", "diff_donors", "ci_donors_low", "ci_donors_high"]
print(result.table[[*columns, "carried_by"]].round(4).to_string(index=False))

# %%
# The difference in each donor with samples in both regions, and its weight.
print(result.donor_differences("MAOA").round(2).to_string(index=False))
save_figure(result.plot_donors("MAOA"), "MAOA-donors.png")

# %%
# What is left without each of them.
print(result.leave_one_donor_out(["MAOA", "TAC1"]).round(4).to_string(index=False))
