"""Present/absent calls, and the bounds on what is read from an archive."""

from __future__ import annotations

import numpy as np
import pytest

from jugex.atlas import ArchivesAtlas, archive_tables, archives, open_atlas
from jugex.errors import ArchiveError, AtlasError
from tests.atlas.conftest import add_calls


def read_text(archive):
    lines = archive.files["PACall.csv"].decode().split()
    return np.array([[cell == "1" for cell in line.split(",")[1:]] for line in lines])


@pytest.mark.parametrize("write", ["unpack", "zip"])
def test_calls_are_those_of_the_text(archive, tmp_path, write):
    getattr(add_calls(archive), write)(tmp_path)
    atlas = ArchivesAtlas(tmp_path)
    assert atlas.has_calls
    present = atlas.present()
    assert present.dtype == bool
    np.testing.assert_array_equal(present.T, read_text(archive))
    wells, probes = atlas.samples["well_id"][[3, 0]], [13, 11]
    np.testing.assert_array_equal(atlas.present(well_ids=wells, probe_ids=probes), present[[3, 0]][:, [2, 0]])


def test_views_pass_calls_on(new_archive, tmp_path):
    for donor_id in (9861, 10021):
        add_calls(new_archive(donor_id)).zip(tmp_path)
    atlas = ArchivesAtlas(tmp_path)
    some = atlas.with_donors([10021])
    assert some.has_calls
    np.testing.assert_array_equal(some.present(), atlas.present()[4:])


def test_source_without_calls():
    atlas = open_atlas("simulated")
    assert not atlas.has_calls
    with pytest.raises(
        AtlasError, match=r"Simulated atlas .* has no present/absent calls; take donor archives that hold"
    ):
        atlas.present()


def test_donor_without_calls(new_archive, tmp_path):
    add_calls(new_archive(9861)).unpack(tmp_path)
    new_archive(10021).unpack(tmp_path)
    atlas = ArchivesAtlas(tmp_path)
    assert not atlas.has_calls
    assert atlas.with_donors([9861]).has_calls
    with pytest.raises(ArchiveError, match=r"donor H0351\.2002 \(10021\), PACall\.csv in .* is missing"):
        atlas.present()


@pytest.mark.parametrize("cell", ["2", "-1", "0.5", "P", ""])
def test_call_that_is_neither_0_nor_1(archive, tmp_path, cell):
    archive.files["PACall.csv"] = f"11,0,0,0,0\n12,0,{cell},0,0\n13,1,1,1,1\n".encode()
    archive.unpack(tmp_path)
    expected = rf"PACall\.csv in .*, row 2 \(probe 12\), column 3 \(well 986101\) is '?{cell}'?, where .*call"
    with pytest.raises(ArchiveError, match=expected):
        ArchivesAtlas(tmp_path).present()


def test_calls_for_other_samples(archive, tmp_path):
    archive.files["PACall.csv"] = b"11,0,0,0\n12,0,0,0\n13,1,1,1\n"
    archive.unpack(tmp_path)
    with pytest.raises(ArchiveError, match=r"row 1 \(probe 11\): 3 calls, but SampleAnnot\.csv has 4 samples"):
        ArchivesAtlas(tmp_path).present()


@pytest.mark.parametrize("write", ["unpack", "zip"])
@pytest.mark.parametrize("member", ["Probes.csv", "MicroarrayExpression.csv"])
def test_absurd_size_is_refused_before_reading(archive, tmp_path, monkeypatch, write, member):
    monkeypatch.setattr(archives, "_MAX_TABLE_BYTES", 400)
    monkeypatch.setattr(archives, "_MAX_BYTES", {"MicroarrayExpression.csv": 400})
    archive.files[member] *= 100
    getattr(archive, write)(tmp_path)
    with pytest.raises(ArchiveError, match=rf"{member} in .* has [\d,]+ bytes unpacked, more than the limit of 400"):
        ArchivesAtlas(tmp_path)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_change_nothing(archive, tmp_path, line_end):
    archive.unpack(tmp_path / "plain")
    content = archive.files["MicroarrayExpression.csv"].decode()
    archive.files["MicroarrayExpression.csv"] = ("\ufeff" + content.strip().replace("\n", line_end)).encode()
    archive.unpack(tmp_path / "other")
    expected = ArchivesAtlas(tmp_path / "plain").levels()
    np.testing.assert_array_equal(ArchivesAtlas(tmp_path / "other").levels(), expected)


def test_error_names_the_row_of_the_file_whatever_the_block(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_tables, "_BLOCK_BYTES", 60)  # a row or two
    archive.edit("MicroarrayExpression.csv", "0.1,0.1,0.1,0.1", "0.1,0.1,nan,0.1")
    archive.unpack(tmp_path)
    with pytest.raises(ArchiveError, match=r"row 3 \(probe 13\), column 4 \(well 986102\) is nan, where a finite log2"):
        ArchivesAtlas(tmp_path).levels()
