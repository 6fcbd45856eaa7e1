"""Full-size donor archives with made-up numbers, for the benchmarks: the shape and text of the real ones."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from jugex.atlas.donors import DONORS, Donor

N_PROBES, N_GENES = 58_692, 20_000
_ROWS_AT_ONCE = 4096
#: Further to the front than this samples are of the left cortex, a third of all as in the real atlas: what serves as
#: the reference of two regions there.
_CORTEX_FROM_MM = 10.5
_STRUCTURES = {2: ("Cx", "cortex, left"), 3: ("BG", "basal ganglia, left")}
_MEMBERS = ("MicroarrayExpression.csv", "PACall.csv", "SampleAnnot.csv", "Probes.csv", "Ontology.csv")


def write_archives(
    folder: Path, donors: Iterable[Donor] = DONORS, *, n_probes: int = N_PROBES, zipped: bool = False
) -> list[Path]:
    """Write the archives of some donors, unpacked or as ZIP files beside them; what is there already is kept."""
    return [_write_archive(folder, donor, n_probes, zipped) for donor in donors]


def _write_archive(folder: Path, donor: Donor, n_probes: int, zipped: bool) -> Path:
    path = folder / f"normalized_microarray_donor{donor.donor_id}"
    if not (path / "complete").exists():
        path.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(donor.donor_id)
        _write_samples(path / "SampleAnnot.csv", donor, rng)
        _write_probes(path / "Probes.csv", n_probes)
        rows = [f'{number},{acronym},"{name}",1' for number, (acronym, name) in _STRUCTURES.items()]
        (path / "Ontology.csv").write_text("\n".join(["id,acronym,name,parent_structure_id", "1,Br,brain,", *rows, ""]))
        _write_matrix(path / "MicroarrayExpression.csv", donor, n_probes, lambda shape: rng.normal(6.0, 2.0, shape))
        _write_matrix(path / "PACall.csv", donor, n_probes, lambda shape: (rng.random(shape) < 0.6).astype(np.int8))
        (path / "complete").touch()
    if not zipped:
        return path
    target = folder / "zipped" / f"{path.name}.zip"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member in _MEMBERS:
                archive.write(path / member, member)
    return target


def _write_samples(file: Path, donor: Donor, rng: np.random.Generator) -> None:
    n = donor.n_samples
    points = rng.uniform([-60.0, -95.0, -40.0], [0.0, 65.0, 70.0], (n, 3)).round(1)
    structures = np.where(points[:, 1] > _CORTEX_FROM_MM, 2, 3)
    table = pd.DataFrame({"structure_id": structures, "slab_num": 1, "well_id": donor.donor_id * 1000 + np.arange(n)})
    acronyms, names = zip(*(_STRUCTURES[number] for number in structures), strict=True)
    table = table.assign(structure_acronym=acronyms, structure_name=names)
    table[["mni_x", "mni_y", "mni_z"]] = points
    table.to_csv(file, index=False)


def _write_probes(file: Path, n_probes: int) -> None:
    rng = np.random.default_rng(0)
    n_genes = min(N_GENES, n_probes)
    genes = np.sort(np.concatenate([np.arange(n_genes), rng.integers(0, n_genes, n_probes - n_genes)]))
    symbols = rng.permutation(n_genes)[genes]  # as in the real ones, probes of a gene stand together, and not by name
    ids = 1_000_000 + np.arange(n_probes)
    table = pd.DataFrame({"probe_id": ids, "probe_name": [f"A_23_P{number}" for number in ids], "gene_id": genes})
    table = table.assign(
        gene_symbol=[f"GENE{number:05d}" for number in symbols], gene_name="made up", entrez_id=genes + 1
    )
    table.to_csv(file, index=False)


def _write_matrix(file: Path, donor: Donor, n_probes: int, draw) -> None:
    names = ["probe_id", *(str(sample) for sample in range(donor.n_samples))]
    plain = arrow_csv.WriteOptions(include_header=False)
    writer = None
    for start in range(0, n_probes, _ROWS_AT_ONCE):
        ids = np.arange(1_000_000 + start, 1_000_000 + min(start + _ROWS_AT_ONCE, n_probes))
        values = draw((donor.n_samples, len(ids)))
        table = pa.table([pa.array(ids), *(pa.array(row) for row in values)], names=names)
        writer = writer or arrow_csv.CSVWriter(file, table.schema, write_options=plain)
        writer.write_table(table)
    writer.close()
