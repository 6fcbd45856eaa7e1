"""
Look before you test
====================

How many samples do two regions hold, of which donors, on which side, and where? It decides what a comparison can say.
"""

import jugex
from jugex.plots import plot_coverage, save_figure

# %%
# A region, and the rest of the frontal pole around it, in both hemispheres.
atlas = jugex.open_atlas("simulated")
region, _ = jugex.demo_regions()
frontal_pole = jugex.Region.box((-45, 35, -25), (45, 75, 35))
around = (frontal_pole - region).renamed("around it")

# %%
# Four of the six donors of the Allen Human Brain Atlas were sampled in the left hemisphere only: what is on the right
# comes from two.
coverages = [region.coverage(atlas), around.coverage(atlas)]
print(*coverages, sep="\n\n")

# %%
# The same as a table, and as a picture.
print(coverages[1].hemispheres.to_string(index=False))
save_figure(plot_coverage(coverages), "coverage.png")

# %%
# What a threshold costs: samples are inside where the probability is above it.
for threshold in (0.1, 0.2, 0.4, 0.6, 0.8):
    counts = [part.coverage(atlas).n_samples for part in jugex.demo_regions(threshold=threshold)]
    print(f"above {threshold}: {counts[0]} samples in A, {counts[1]} in B")

# %%
# Many of these samples lie in both regions of the demo; a comparison gives each to the more probable one.
pair = jugex.query.region_pair(*jugex.demo_regions(), genes=["MAOA"], atlas=atlas)
print(pair)
