"""The page of a result read from its folder is the page of the fresh one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from jugex.errors import ResultError
from jugex.model.columns import COLUMN_TYPES
from jugex.model.record import to_json
from jugex.pipeline.drawings import RegionVoxels
from jugex.report import folders
from jugex.report.files import load_sensitivity, read_result, save_result
from jugex.report.page import render_page
from jugex.report.panel_file import FILE, as_in_files, collect_drawings, read_drawings, write_drawings


@pytest.fixture
def result(make_result):
    """A result with the types that files have."""
    made = make_result(requested=["MAOA", "TAC1", "GRIA2"])
    for column, kind in COLUMN_TYPES.items():
        if kind == "Int64" and column in made.table and made.table[column].dtype != "Int64":
            made.table[column] = pd.array([5] * len(made.table), dtype="Int64")
    return made


@pytest.fixture
def odd_numbers(result):
    """A result whose numbers have more digits than a file holds."""
    result.samples[["mni_x", "mni_y"]] /= 3
    return dataclasses.replace(result, zscores=result.zscores / 7)


def test_the_page_is_the_same_to_the_byte(odd_numbers, tmp_path):
    folder = save_result(odd_numbers, tmp_path / "out")
    again = read_result(folder)
    assert again.query is None
    page = render_page(again)
    assert page == render_page(odd_numbers)
    assert page == (folder / "report.html").read_text(encoding="utf-8")
    assert "drawings.npz" not in page


def test_a_folder_saved_again_holds_the_same(odd_numbers, tmp_path):
    first = save_result(odd_numbers, tmp_path / "first")
    second = save_result(read_result(first), tmp_path / "second")
    for name in (FILE, "report.html"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_what_was_not_varied_is_kept(make_result, tmp_path):
    table = pd.DataFrame({"gene": ["MAOA"], "is_headline": [True], "n_samples_1": [16], "n_samples_2": [12]})
    table = table.assign(varied="", diff=-1.2, p_perm=0.1, p_fwe=0.2, significant=False, status="ok")
    table.attrs["left_out"] = {"coordinates": "no other coordinates were given"}
    folder = save_result(make_result(), tmp_path / "out", sensitivity=table)
    assert load_sensitivity(folder).attrs["left_out"] == table.attrs["left_out"]


def test_holds_voxels_samples_and_probes(odd_numbers, tmp_path):
    kept = read_result(save_result(odd_numbers, tmp_path / "out")).drawings
    for region, original in zip(kept.regions, odd_numbers.query.regions, strict=True):
        image, expected = region.to_image(), original.to_image()
        np.testing.assert_array_equal(np.asanyarray(image.dataobj), np.asanyarray(expected.dataobj))
        np.testing.assert_array_equal(image.affine, expected.affine)
    assert kept.out.shape == (2, 3)
    assert kept.probes["TAC1"].names == ("A_23_P2", "A_23_P3")
    np.testing.assert_array_equal(kept.probes["TAC1"].zscores, odd_numbers.query.zscores[:, 2:4])


def test_a_region_without_voxels_is_kept(result, tmp_path):
    empty = RegionVoxels(np.zeros((0, 0, 0), dtype=bool), np.zeros(3, dtype=int), (4, 5, 6), np.eye(4))
    result.query.regions = (empty, result.query.regions[1])
    write_drawings(collect_drawings(result), tmp_path / FILE)
    assert read_drawings(tmp_path).regions[0].to_image().shape == (4, 5, 6)


def test_an_older_folder_has_none(result, tmp_path):
    folder = save_result(result, tmp_path / "out")
    (folder / FILE).unlink()
    again = read_result(folder)
    assert again.drawings is None
    assert as_in_files(again) is again
    assert collect_drawings(again) is None
    assert "without the file drawings.npz" in render_page(again)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"text"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ResultError, match=r"drawings.npz cannot be read .* remove it"):
        read_drawings(tmp_path)


def test_a_file_with_a_changed_bit_is_named_or_read(result, tmp_path):
    write_drawings(collect_drawings(result), tmp_path / FILE)
    whole, rng = (tmp_path / FILE).read_bytes(), np.random.default_rng(0)
    n_refused = 0
    for place in rng.choice(len(whole), 200, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / FILE).write_bytes(damaged)
        try:
            read_drawings(tmp_path)
        except ResultError:  # and nothing else, whatever zlib and zipfile raise
            n_refused += 1
    assert n_refused > 150  # the others are in fields of the archive that nothing depends on, as times


def test_an_array_alone_is_no_file_of_drawings(tmp_path):
    with (tmp_path / FILE).open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(ResultError, match=r"drawings.npz cannot be read"):
        read_drawings(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_probes": np.array([1])}, "probes where 1 were counted"),
        ({"format": np.array(2)}, "its format is 2, and this version of jugex reads 1"),
        ({"genes": np.array([{}])}, "Object arrays cannot be loaded"),
        ({"region_1_shape": np.array([1, 1, 1])}, "the voxels of region 1 do not fit"),
        ({"region_1_shape": np.array([10**6] * 3)}, "the voxels of region 1 do not fit"),
        ({"region_2_box": np.array([[-1, 0, 0], [1, 1, 1]])}, "the voxels of region 2 do not fit"),
        ({"region_2_voxels": np.zeros(1, dtype=np.uint8)}, "the voxels of region 2 do not fit"),
        ({"region_1_affine": np.eye(3)}, "the affine of region 1 places no voxels"),
        ({"region_1_affine": np.full((4, 4), np.nan)}, "the affine of region 1 places no voxels"),
        ({"out": np.zeros((2, 2))}, "are no tables of samples"),
        ({"not_varied": np.array("[1]")}, "TypeError"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_does_not_fit_is_refused(result, tmp_path, changed, said):
    write_drawings(collect_drawings(result), tmp_path / FILE)
    with np.load(tmp_path / FILE) as arrays:
        np.savez(tmp_path / "changed.npz", **dict(arrays) | changed)
    (tmp_path / "changed.npz").rename(tmp_path / FILE)
    with pytest.raises(ResultError, match=said):
        read_drawings(tmp_path)


def test_those_of_a_result_with_other_samples_are_refused(result, tmp_path):
    folder = save_result(result, tmp_path / "out")
    drawings = read_drawings(folder)
    fewer = {gene: dataclasses.replace(data, zscores=data.zscores[1:]) for gene, data in drawings.probes.items()}
    write_drawings(dataclasses.replace(drawings, probes=fewer), folder / FILE)
    folders.write_settings(folder, to_json(result.record))  # with the checksum of that
    n = len(result.samples)
    with pytest.raises(ResultError, match=f"z-scores of {n - 1} samples, where the result has {n}"):
        read_result(folder)
