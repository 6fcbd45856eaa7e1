"""
The published analysis again
============================

Left Fp1 against left Fp2, 25 candidate genes (Bludau et al. 2018). Not run here: needs the donor archives and two
maps::

    python examples/reproduce_bludau2018.py ARCHIVES FP1 FP2 [FOLDER]

ARCHIVES is a folder of the Allen Institute's donor archives, or a store (``jugex fetch`` makes one); FP1 and FP2 are
probability maps of the left areas in MNI152 space, from EBRAINS or siibra. The result and ``comparison.tsv`` are
written to FOLDER (default: ``bludau2018``).
"""

from __future__ import annotations

import sys
from pathlib import Path

from jugex.reproduction import reproduce_bludau2018


def main(archives: str, fp1: str, fp2: str, folder: Path) -> None:
    """Repeat the analysis, say how it compares, and write it into `folder`."""
    again = reproduce_bludau2018(fp1, fp2, atlas=archives, rng=0)

    print(again.comparison[["gene", "f_2017", "f_same", "f", "direction", "p_fwe"]].to_string(index=False))
    for sentence in again.statement:
        print(f"\n{sentence}")

    print(f"\nThe result and its report are in {again.save(folder, overwrite=True)}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:4], Path(sys.argv[4] if len(sys.argv) > 4 else "bludau2018"))
