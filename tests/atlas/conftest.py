"""Small synthetic donor archives in the Allen Institute's layout."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

SAMPLE_HEADER = (
    "structure_id,slab_num,well_id,slab_type,structure_acronym,structure_name,polygon_id,"
    "mri_voxel_x,mri_voxel_y,mri_voxel_z,mni_x,mni_y,mni_z"
)
PROBE_HEADER = "probe_id,probe_name,gene_id,gene_symbol,gene_name,entrez_id,chromosome"


@dataclass
class FakeArchive:
    """Files of a donor archive, by name; tests change them before they are written."""

    donor_id: int
    files: dict[str, bytes] = field(default_factory=dict)

    def edit(self, member: str, old: str, new: str) -> None:
        """Replace text that must be there."""
        content = self.files[member].decode()
        assert old in content
        self.files[member] = content.replace(old, new).encode()

    def unpack(self, folder: Path) -> Path:
        """Write a folder as it comes from unpacking."""
        path = folder / f"normalized_microarray_donor{self.donor_id}"
        path.mkdir(parents=True)
        for name, content in self.files.items():
            (path / name).write_bytes(content)
        return path

    def zip(self, folder: Path, name: str | None = None, *, inside: str = "") -> Path:
        """Write a ZIP file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (name or f"normalized_microarray_donor{self.donor_id}.zip")
        with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            for member, content in self.files.items():
                archive.writestr(inside + member, content)
        return path


def make_archive(donor_id: int = 9861, *, n_samples: int = 4, first_well: int | None = None) -> FakeArchive:
    """Archive with probes 11, 12 (gene NA), 13 (no Entrez id; constant over the donor)."""
    first = donor_id * 100 if first_well is None else first_well
    samples = [
        f'{4 + number % 2},1,{first + number},"CX","NA","gyrus, left",7,1,2,3,{-10.5 - number},{number},{5.25}'
        for number in range(n_samples)
    ]
    levels = np.random.default_rng(donor_id).uniform(2, 10, (3, n_samples)).round(4)
    levels[2] = 0.1
    expression = [f"{probe}," + ",".join(map(str, row)) for probe, row in zip((11, 12, 13), levels, strict=True)]
    tables = {
        "SampleAnnot.csv": [SAMPLE_HEADER, *samples],
        "Probes.csv": [
            PROBE_HEADER,
            '11,"P_11",1,"MAOA","x, y",4128,"X"',
            '12,"P_12",2,"NA","n",7,"1"',
            "13,P_13,3,G13,n,,2",
        ],
        "Ontology.csv": ["id,acronym,name,parent_structure_id,hemisphere", "4,Br,brain,,", '5,NA,"cortex, left",4,L'],
        "MicroarrayExpression.csv": expression,
    }
    return FakeArchive(donor_id, {name: ("\n".join(lines) + "\n").encode() for name, lines in tables.items()})


@pytest.fixture
def archive() -> FakeArchive:
    """One donor's archive, not yet written."""
    return make_archive()


@pytest.fixture
def new_archive() -> Callable[..., FakeArchive]:
    """Make archives of other donors."""
    return make_archive


def add_calls(archive: FakeArchive, n_samples: int = 4) -> FakeArchive:
    """Give an archive of `make_archive` its present/absent calls."""
    calls = np.random.default_rng(archive.donor_id + 1).integers(0, 2, (3, n_samples))
    lines = [f"{probe}," + ",".join(map(str, row)) for probe, row in zip((11, 12, 13), calls, strict=True)]
    archive.files["PACall.csv"] = ("\n".join(lines) + "\n").encode()
    return archive
