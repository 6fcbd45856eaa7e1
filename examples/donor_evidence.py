"""
What each donor says
====================

Many samples of six brains are still six brains. The rung ``donors`` of the ladder asks whether other donors would show
a difference; and each result carries what the donors say one by one.
"""

import jugex
from jugex.plots import save_figure

# %%
result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1", "GAD2"], atlas="simulated", rng=0)

# %%
# The weighted mean of the donors' differences, and its test. How many donors show its sign is a description, no test.
columns = ["gene", "evidence", "p_donors_fwe", "diff_donors", "ci_donors_low", "ci_donors_high", "n_donors_same_sign"]
print(result.table[columns].round(4).to_string(index=False))

# %%
# The difference in each donor with samples in both regions, and its weight.
print(result.donor_differences("MAOA").round(2).to_string(index=False))
save_figure(result.plot_donors("MAOA"), "MAOA-donors.png")

# %%
# What is left of the significant genes without each of the donors.
print(result.leave_one_donor_out.round(4).to_string(index=False))
