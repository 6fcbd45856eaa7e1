"""
Input for gene set enrichment
=============================

Every gene ranked, as GSEA and GSEApy read it: on the simulated atlas, offline::

    python examples/enrichment_input.py [FOLDER]

``genes.rnk`` is written to FOLDER (default: ``enrichment``). jugex itself tests no gene sets: only where GSEApy is
installed (``pip install gseapy``) does this script show an enrichment, of a gene set made up of the ten genes that are
highest in region 2.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jugex


def main(folder: Path) -> None:
    """Compare two regions of the simulated atlas, and write the ranking of the genes into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0)

    # from higher in region 1 to higher in region 2: the root of F with the sign of the difference
    ranking = result.to_rnk(folder / "genes.rnk")
    print(f"{len(ranking):,} genes are ranked in {folder / 'genes.rnk'}:")
    print(ranking.iloc[[0, 1, -2, -1]].to_string(index=False))

    # the same numbers with the columns of other packages
    print(f"\n{result.to_frame('limma').head(3).to_string()}")

    try:
        import gseapy
    except ImportError:
        print("\nGSEApy is not installed, so no gene set is tested: pip install gseapy")
        return
    gene_sets = {"ten highest in region 2": ranking["gene"].tail(10).tolist()}
    found = gseapy.prerank(
        str(folder / "genes.rnk"), gene_sets, min_size=5, permutation_num=100, seed=0, outdir=None, no_plot=True
    )
    print(f"\n{found.res2d[['Term', 'NES', 'NOM p-val']].to_string(index=False)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "enrichment"))
