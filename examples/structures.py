"""
Anatomical structures of the atlas
==================================

The Allen Institute annotated each sample with a structure of its ontology. A structure is a region without a map: its
samples, and those of all its parts: ``structure:HiF`` is the hippocampal formation, here a simulated one.
"""

import jugex
from jugex.plots import save_figure

# %%
# The structures, and how many samples each has by itself.
atlas = jugex.open_atlas("simulated")
counts = atlas.samples["structure_acronym"].value_counts()
print(atlas.structures.assign(samples=atlas.structures["acronym"].map(counts).fillna(0).astype(int)).to_string())

# %%
# By acronym, by name or by id; as text they are written as on the command line.
frontal = jugex.Region.from_structure("simFL", atlas=atlas)
print(frontal.coverage(atlas))

# %%
# Two lobes are no two places: they are compared over samples alone.
result = jugex.compare("structure:simFL", "structure:simPL", atlas=atlas, rng=0, ladder=False)
print(result.table[["gene", "diff", "f", "p_perm", "p_fwe"]].head().to_string(index=False))
save_figure(result.plot_gene(result.table["gene"].iloc[0]), "structures.png")

# %%
# Structures also filter the samples of other regions: ``within`` keeps those of some structures, ``exclude`` drops
# them. The map of region A also holds samples that are annotated with area B.
region = jugex.demo_regions()[0]
for exclude in (None, "simB"):
    table = jugex.query.expressions(region, ["MAOA"], atlas=atlas, exclude=exclude)
    print(f"MAOA in {region.name}, excluded: {exclude}: {table['probe_id'].nunique()} probes, and in samples of")
    counts = table.drop_duplicates("well_id")["structure_name"].value_counts()
    print(counts.rename_axis(None).to_string(), end="\n\n")
