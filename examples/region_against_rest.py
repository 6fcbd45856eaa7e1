"""
A region against what is around it
==================================

Regions combine: ``a | b``, ``a & b``, ``a - b``, ``~a``, ``a.left``. So "the rest" can be all of the brain, or, fairer,
the rest of the same lobe or hemisphere: neighbours differ from far away in much more than the question asks for.
"""

import jugex
from jugex.plots import plot_coverage, save_figure

# %%
atlas = jugex.open_atlas("simulated")
area, _ = jugex.demo_regions()
frontal = jugex.Region.from_structure("simulated frontal lobe, left", atlas=atlas)
rest_of_lobe = (frontal - area).renamed("rest of the frontal lobe")
rest_of_side = (~area).left.renamed("rest of the left hemisphere")

# %%
# How many samples each has, in which donors: look before you test.
coverages = [region.coverage(atlas) for region in (area, rest_of_lobe, rest_of_side)]
print(*coverages, sep="\n\n")
save_figure(plot_coverage(coverages), "region-against-rest.png")

# %%
# The same area against both. The further away the rest, the more genes differ, and the less it says of the area.
for rest in (rest_of_lobe, rest_of_side):
    result = jugex.compare(area, rest, atlas=atlas, rng=0)
    print(f"\n{result}: {len(result.significant)} genes with p_fwe <= 0.05")
    print(result.table[["gene", "diff", "f", "p_fwe"]].head(3).to_string(index=False))

# %%
# The report and ``settings.json`` keep how each region was made.
print([region.identity.kind for region in result.record.regions])
