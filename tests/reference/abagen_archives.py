"""Donor archives and labels with made-up numbers, from which abagen and jugex make the same table.

python tests/reference/abagen_archives.py FOLDER     writes them
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd

DONORS, N_SAMPLES, N_PROBES, N_GENES = (9861, 10021, 12876), 120, 300, 100
#: Structures by which abagen classes tissue, with children; all on the left.
_STRUCTURES = [(4005, "Br", "brain", ""), (4008, "Cx", "cerebral cortex", 4005)] + [
    (5000 + number, f"s{number}", f"structure {number}, left", 4008) for number in range(12)
]
_LOW, _HIGH = np.array([-60.0, -80.0, -30.0]), np.array([-4.0, 60.0, 60.0])
_STEP = 4.0


def write_archives(folder: Path) -> None:
    """Write ``microarray/normalized_microarray_donorID`` of each donor."""
    genes = np.concatenate([np.arange(N_GENES), np.random.default_rng(0).integers(0, N_GENES, N_PROBES - N_GENES)])
    ids = 1_000_000 + np.arange(N_PROBES)
    probes = pd.DataFrame({"probe_id": ids, "probe_name": [f"A_23_P{number}" for number in ids], "gene_id": genes})
    probes = probes.assign(
        gene_symbol=[f"GENE{gene:03d}" for gene in genes], gene_name="made up", entrez_id=genes + 1, chromosome=1
    )
    slopes = np.random.default_rng(1).normal(0, 1, (N_PROBES, 3))
    for donor in DONORS:
        path = folder / "microarray" / f"normalized_microarray_donor{donor}"
        path.mkdir(parents=True)
        rng = np.random.default_rng(donor)
        points = rng.uniform(_LOW, _HIGH, (N_SAMPLES, 3)).round(1)
        structures = 5000 + rng.integers(0, 12, N_SAMPLES)
        samples = pd.DataFrame(
            {
                "structure_id": structures,
                "slab_num": 1,
                "well_id": donor * 1000 + np.arange(N_SAMPLES),
                "slab_type": "CX",
                "structure_acronym": [f"s{number - 5000}" for number in structures],
                "structure_name": [f"structure {number - 5000}, left" for number in structures],
                "polygon_id": 1,
                "mri_voxel_x": 1,
                "mri_voxel_y": 1,
                "mri_voxel_z": 1,
                "mni_x": points[:, 0],
                "mni_y": points[:, 1],
                "mni_z": points[:, 2],
            }
        )
        samples.to_csv(path / "SampleAnnot.csv", index=False)
        probes.to_csv(path / "Probes.csv", index=False)
        ontology = pd.DataFrame(_STRUCTURES, columns=["id", "acronym", "name", "parent_structure_id"])
        paths = ["/4005/", "/4005/4008/", *(f"/4005/4008/{number}/" for number in ontology["id"][2:])]
        ontology.assign(hemisphere="L", graph_order=1, structure_id_path=paths, color_hex_triplet="000000").to_csv(
            path / "Ontology.csv", index=False
        )
        signal = (
            slopes @ ((points - _LOW) / (_HIGH - _LOW)).T + rng.normal(0, 0.3, (N_PROBES, 12))[:, structures - 5000]
        )
        levels = (7 + signal + rng.normal(0, 0.5, signal.shape)).round(4)
        calls = (rng.random(signal.shape) < np.linspace(0.3, 0.9, N_PROBES)[:, None]).astype(int)
        for name, values in (("MicroarrayExpression.csv", levels), ("PACall.csv", calls)):
            pd.DataFrame(values, index=ids).to_csv(path / name, header=False)


def write_labels(file: Path) -> None:
    """Write an image of nine labels of 4 mm voxels, of which the ninth lies where no sample is."""
    shape = tuple(np.ceil((_HIGH - _LOW) / _STEP).astype(int) + 12)
    # no sample lies exactly on the grid: abagen puts such a sample into the voxel below
    origin = _LOW - 6 * _STEP + 0.05
    x, y, z = np.indices(shape)
    places = origin[:, None, None, None] + _STEP * np.stack([x, y, z])
    middle = (_LOW + _HIGH) / 2
    octant = sum((places[axis] >= middle[axis]).astype(int) * 2**axis for axis in range(3))
    inside = np.all((places >= (_LOW + 8)[:, None, None, None]) & (places < (_HIGH - 8)[:, None, None, None]), axis=0)
    labels = np.where(inside, octant + 1, 0).astype(np.int16)
    labels[:3, :3, :3] = 9
    affine = np.diag([_STEP, _STEP, _STEP, 1.0])
    affine[:3, 3] = origin
    nibabel.save(nibabel.Nifti1Image(labels, affine), file)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    write_archives(where)
    write_labels(where / "labels.nii.gz")
