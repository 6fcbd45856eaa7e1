"""
Gene sets, and a ranking for other software
===========================================

Gene sets tested under the run's own relabellings, and every gene ranked as GSEA and GSEApy read it: on the simulated
atlas, offline::

    python examples/enrichment_input.py [FOLDER]

``genes.rnk`` is written to FOLDER (default: ``enrichment``). Software that is given a ranking takes genes for
independent, and calls far too many sets where genes of a set go together; so the test of the sets comes first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jugex


def main(folder: Path) -> None:
    """Compare two regions of the simulated atlas, and write the ranking of the genes into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0)

    # the right way: a set is a value per sample, and samples are what is relabelled
    symbols = result.table["gene"].sort_values().tolist()
    sets = {"monoamines": ["MAOA", "TAC1", "SLC6A4", "TPH1", "TPH2", "HTR1A"], "the first ten": symbols[:10]}
    found = result.gene_sets(sets)
    print(found.table[["set", "n_found", "higher_in", "evidence", "p_fwe"]].to_string(index=False))
    found.plot().figure.savefig(folder / "gene-sets.svg")

    # from higher in region 1 to higher in region 2: the root of F with the sign of the difference
    ranking = result.to_rnk(folder / "genes.rnk")
    print(f"\n{len(ranking):,} genes are ranked in {folder / 'genes.rnk'}:")
    print(ranking.iloc[[0, 1, -2, -1]].to_string(index=False))

    # the same numbers with the columns of other packages
    print(f"\n{result.to_frame('limma').head(3).to_string()}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "enrichment"))
