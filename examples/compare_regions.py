"""
Two regions, step by step
=========================

Query a region, take the samples of two, test each gene, write the result: on the simulated atlas, offline::

    python examples/compare_regions.py [FOLDER]

The result is written to FOLDER (default: ``compare-regions``). With the real data, only the first two lines of
`main` change: ``jugex.open_atlas("ahba/")`` and ``jugex.Region.from_image("map.nii.gz", threshold=0.2)``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jugex


def main(folder: Path) -> None:
    """Query two regions, test each gene and write the result into `folder`."""
    atlas = jugex.open_atlas("simulated")
    region_1, region_2 = jugex.demo_regions()

    # what was measured in one region: one row per sample and probe
    gene = str(atlas.probes["gene"].iloc[0])
    expressions = jugex.query.expressions(region_1, [gene], atlas=atlas)
    print(f"{gene} in {region_1.name}:")
    print(expressions[["donor_name", "sample", "probe_id", "level", "zscore"]].head().to_string(index=False))

    # which samples lie in which region, and their values for every gene
    pair = jugex.query.region_pair(region_1, region_2, atlas=atlas)

    # one F per gene, with p-values from permuting the region labels within donors, and what the difference is worth
    result = jugex.analysis.differential_expression(pair, rng=0)
    print(f"\n{len(result.significant)} of {len(result.table)} genes differ in these samples (p_fwe <= 0.05):")
    print(result.significant[["gene", "diff", "p_fwe", "evidence"]].head().to_string(index=False))

    saved = result.save(folder, overwrite=True)
    print(f"\nThe result and its report are in {saved}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "compare-regions"))
