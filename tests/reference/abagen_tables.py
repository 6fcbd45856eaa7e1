"""What abagen makes of the archives of `abagen_archives`: region x gene tables, as reference values.

Run with abagen 0.1.3, pandas 1.4.4, numpy 1.23.5 and Python 3.9, which it needs:

    python abagen_archives.py FOLDER && python abagen_tables.py FOLDER

It writes ``abagen_*.tsv`` beside this file: the region by its label, its number of samples over donors, then genes.
"""

import sys
from pathlib import Path

import abagen
from abagen_archives import DONORS

#: Arguments by the name of the table; in each the samples are not moved and the probes not re-annotated.
RUNS = {
    "mean": {"probe_selection": "average", "ibf_threshold": 0.0, "sample_norm": None, "gene_norm": None},
    "stability": {
        "probe_selection": "diff_stability", "ibf_threshold": 0.5, "sample_norm": None, "gene_norm": None,
    },
    "normalized": {
        "probe_selection": "average", "ibf_threshold": 0.5, "sample_norm": "srs", "gene_norm": "srs",
    },
    "zscore": {
        "probe_selection": "average", "ibf_threshold": 0.0, "sample_norm": None, "gene_norm": "zscore",
        "region_agg": "samples",
    },
}  # fmt: skip

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, chosen in RUNS.items():
        table, counts = abagen.get_expression_data(
            str(folder / "labels.nii.gz"), data_dir=str(folder), donors=[str(donor) for donor in DONORS],
            corrected_mni=False, reannotated=False, return_counts=True, verbose=0,
            **{"tolerance": 0, "missing": None, **chosen},
        )  # fmt: skip
        table.insert(0, "n_samples", counts.sum(axis=1))
        table.to_csv(Path(__file__).parent / f"abagen_{name}.tsv", sep="\t", float_format="%.8g")
