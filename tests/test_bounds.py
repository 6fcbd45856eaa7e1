"""What could take memory or time without end is refused before it does."""

from __future__ import annotations

import gzip
import os
import threading

import nibabel as nib
import numpy as np
import pytest

import jugex
from jugex import _text
from jugex.atlas import ArchivesAtlas, archive_tables
from jugex.errors import ArchiveError, JugexError, OptionError, RegionError
from jugex.genes import read_gene_sets
from jugex.genes.lists import read_gene_list
from jugex.model.options import TestOptions as Options
from jugex.regions import Region, nifti
from jugex.regions.label_tables import read_labels
from tests.atlas.conftest import make_archive

READERS = [
    pytest.param(read_gene_list, id="gene list"),
    pytest.param(lambda path: read_gene_sets([path]), id="gene sets"),
    pytest.param(lambda path: jugex.atlas_from_tables(samples=path, expression=path), id="tables"),
    pytest.param(read_labels, id="label table"),
    pytest.param(lambda path: Region.from_image(path), id="image"),
    pytest.param(jugex.load_result, id="result"),
    pytest.param(jugex.open_atlas, id="atlas"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_pipes_and_devices_are_refused(tmp_path, read):
    for number, name in enumerate(("pipe", "pipe.csv", "pipe.gmt", "pipe.nii", "pipe.nii.gz", "pipe.txt")):
        os.mkfifo(tmp_path / name)
        outcome = []
        thread = threading.Thread(
            target=lambda path=tmp_path / name, put=outcome.append: _try(read, path, put), daemon=True
        )
        thread.start()
        thread.join(20)  # it would wait for ever for somebody who writes
        assert outcome, (number, name)
        assert isinstance(outcome[0], JugexError), (name, outcome)


def _try(read, path, put):
    try:
        read(path)
        put("read")
    except BaseException as error:
        put(error)


@pytest.mark.parametrize("name", ["long.txt", "long.txt.gz"])
def test_text_without_end(tmp_path, monkeypatch, name):
    monkeypatch.setattr(_text.read_file, "__defaults__", (1000,))
    monkeypatch.setattr(_text.read_packed, "__defaults__", (1000,))
    content = b"MAOA\n" * 1000
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(OptionError, match="it holds more than 1,000 bytes"):
        read_gene_list(tmp_path / name)


class TestImages:
    @staticmethod
    def write(path, shape=(10, 10, 10)):
        data = np.zeros(shape, dtype=np.uint8)
        data[4:6, 4:6, 4:6] = 1
        affine = np.diag([2.0, 2, 2, 1])
        image = nib.Nifti1Image(data, affine)
        image.header.set_sform(affine, 4)
        nib.save(image, path)
        return path

    def test_more_voxels_than_a_brain_has(self, tmp_path):
        path = self.write(tmp_path / "map.nii")
        content = bytearray(path.read_bytes())
        content[42:48] = np.array([32767] * 3, dtype="<i2").tobytes()
        path.write_bytes(content)
        with pytest.raises(RegionError, match=r"32767 x 32767 x 32767 voxels by its header, more than 1,073,741,824"):
            Region.from_image(path)

    def test_more_unpacked_than_the_header_says(self, tmp_path, monkeypatch):
        monkeypatch.setattr(nifti, "_CHUNK", 1000)
        path = self.write(tmp_path / "map.nii")
        (tmp_path / "map.nii.gz").write_bytes(gzip.compress(path.read_bytes() + bytes(10_000)))
        with pytest.raises(RegionError, match=r"it holds more than the 1,352 bytes that its header states"):
            Region.from_image(tmp_path / "map.nii.gz")
        (tmp_path / "sound.nii.gz").write_bytes(gzip.compress(path.read_bytes()))
        assert Region.from_image(tmp_path / "sound.nii.gz").volume == 8 * 8

    def test_bomb_under_another_name(self, tmp_path, monkeypatch):
        monkeypatch.setattr(nifti, "_MAX_BYTES", 1000)
        path = self.write(tmp_path / "map.nii")
        path.write_bytes(gzip.compress(path.read_bytes()))
        with pytest.raises(RegionError, match="it holds more than 1,000 bytes"):
            Region.from_image(path)


class TestArchives:
    @pytest.mark.parametrize(
        ("line", "said"), [("1" * 5000, "is longer than any row can be"), ("\n" * 3000, "is more than there can be")]
    )
    def test_lines_without_end(self, tmp_path, monkeypatch, line, said):
        monkeypatch.setattr(archive_tables, "_LONGEST_LINE", 4096)
        archive = make_archive()
        archive.files["MicroarrayExpression.csv"] = line.encode() + b"x"
        archive.zip(tmp_path)
        with pytest.raises(ArchiveError, match=rf"MicroarrayExpression\.csv in .*, line [\d,]+ {said}; unpack or"):
            ArchivesAtlas(tmp_path).levels()


@pytest.mark.parametrize("n", [10_000_001, 10**12])
def test_more_permutations_than_anybody_waits_for(n):
    with pytest.raises(OptionError, match=r"n_permutations must be at most 10,000,000, .*; got [\d,]+ \(tail=True"):
        Options(n_permutations=n)
    with pytest.raises(OptionError, match="n_permutations must be at most"):
        jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], n_permutations=n)
