"""
Does it hold under other choices?
=================================

Threshold, statistic, exchange, probes, samples in both regions: each is a choice that others would have made
differently. ``sensitivity`` varies them one at a time around the result. The table is descriptive: how many of its rows
are significant is no strength of evidence, for they are the same samples again and again.
"""

import textwrap

from matplotlib.figure import Figure

import jugex

# %%
result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1", "GAD2"], atlas="simulated", rng=0)
table = result.sensitivity(genes="MAOA", n_permutations=999)
choices = ["statistic", "exchange", "overlap", "threshold", "probes", "covariates"]
changed = table.apply(lambda row: ", ".join(f"{name} {row[name]}" for name in choices if name in row["varied"]), axis=1)
table["choice"] = changed.replace("", "as in the result")
print(table[["choice", "n_samples_1", "n_samples_2", "diff", "f", "p_fwe"]].to_string())

# %%
# The difference under each choice.
figure = Figure(figsize=(6.4, 3.2), layout="constrained")
ax = figure.subplots()
ax.plot(table["diff"], table["choice"], "o")
ax.axvline(0, color="grey", linewidth=0.8)
ax.invert_yaxis()
ax.set_xlabel("MAOA, A minus B (z-score, simulated)")
figure.savefig("sensitivity.png", dpi=150)

# %%
# How to read it, and what could not be varied.
print(textwrap.fill(table.attrs["note"], 100))
print(table.attrs["left_out"])

# %%
# What the earlier tools would have said of the same regions, and why they differ.
compared = jugex.compare_presets("simulated:A", "simulated:B", genes=["MAOA", "TAC1"], atlas="simulated", rng=0)
print(compared[["gene", "preset", "f", "p_fwe"]].to_string(index=False))
for why in filter(None, compared["why"].unique()):
    print("\n" + textwrap.fill(why, 100))
