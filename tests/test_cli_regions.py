"""``jugex regions``: lists, searches, and what is pasted from them."""

from __future__ import annotations

import importlib
import importlib.util
import shlex
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import jugex
from jugex.cli import main
from jugex.regions import parse_region
from tests.regions.parcellation_toys import JUELICH, install_toys


@pytest.fixture
def _toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_toys(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


@pytest.mark.usefixtures("_toys")
def test_lists_parcellations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["PARCELLATION", "REGIONS", "KIND", "FROM", "TITLE"]
    by_name = {line.split()[0]: line for line in lines[1:]}
    assert by_name["juelich"].split()[1:5] == ["121", "probability", "maps", "installed"]
    assert "nilearn, downloads" in by_name["nilearn:schaefer_400"]
    assert len(by_name) == len(lines) - 1


def test_says_how_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["regions"]) == 0
    out = capsys.readouterr().out
    how = 'run pip install ".[parcellations]" in a copy of jugex\'s repository'
    assert out.splitlines()[-1] == f"To install the first ten, {how}"
    assert "not installed" in out
    assert main(["regions", "juelich"]) == 1
    assert f"is not installed: {how}, or see what can be downloaded with: jugex regions" in capsys.readouterr().err


@pytest.mark.usefixtures("_toys")
def test_lists_regions_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions", "juelich"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"juelich:{name}" for name in JUELICH]
    for line, name in zip(lines, JUELICH, strict=True):
        assert parse_region(line, threshold=0).name == name


@pytest.mark.usefixtures("_toys")
def test_searches_regions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions", "Jülich", "area", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == ["juelich:GM_Area_2_L", "juelich:GM_Area_2_R"]


def test_quotes_what_a_shell_would_read(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = install_toys(tmp_path)
    table = data / "labels_aal.csv"
    table.write_text(table.read_text().replace("Visual_V1_L", "Broca's area (BA_44)_L"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert main(["regions", "aal", "broca"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    [pasted] = shlex.split(line)
    assert pasted == "aal:Broca's area (BA_44)_L"
    assert parse_region(pasted).n_voxels == 12


class TestStructures:
    def test_are_listed_to_paste(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["regions", "structures", "--atlas", "simulated"]) == 0
        header, *lines = capsys.readouterr().out.splitlines()
        assert header.split() == ["REGION", "SAMPLES", "NAME"]
        atlas = jugex.open_atlas("simulated")
        assert lines[0].split(maxsplit=2) == ["structure:simBr", f"{len(atlas.samples):,}", "simulated brain"]
        for line in lines:
            region, n_samples, name = line.split(maxsplit=2)
            assert parse_region(region).bound_to(atlas).name == name
            assert jugex.Region.from_structure(region.removeprefix("structure:"), atlas=atlas).coverage(
                atlas
            ).n_samples == int(n_samples.replace(",", ""))

    @pytest.mark.parametrize("words", [["frontal", "LEFT"], ["simfl"]])
    def test_are_searched_by_words_of_name_or_acronym(self, words, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["regions", "structures", *words, "--atlas", "simulated"]) == 0
        assert main(["regions", "structures", "--atlas", "simulated", *words]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 4
        assert lines[1] == lines[3]
        region, n_samples, name = lines[1].split(maxsplit=2)
        assert (region, name) == ("structure:simFL", "simulated frontal lobe, left")
        assert int(n_samples) > 0

    def test_those_that_share_an_acronym_are_named_by_id(self, monkeypatch, capsys) -> None:
        atlas = jugex.open_atlas("simulated")
        alike = atlas.structures["acronym"].isin(["simA", "simB"])
        atlas.structures.loc[alike, "acronym"] = "same"
        monkeypatch.setattr("jugex.cli.run_regions.open_atlas", lambda source: atlas)
        assert main(["regions", "structures", "area"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
            f"structure:{structure_id}" for structure_id in atlas.structures.loc[alike, "structure_id"]
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["structures", "xyz", "--atlas", "simulated"], "has 'xyz' in its name; list all with: jugex regions"),
            (["juelich", "--atlas", "simulated"], "--atlas goes with an image or a REGION or the word structures"),
            (["juelich", "--labels", "t.tsv"], "--labels goes with an image or a REGION; parcellations"),
            (["sphere:-22,58,4,8", "left"], "is a region as a whole, with nothing to search for 'left' in"),
            (["none.nii.gz"], "no file 'none.nii.gz'"),
        ],
    )
    def test_refusals(self, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["regions", *arguments]) == 1
        assert message in capsys.readouterr().err

    def test_unknown_ones_say_how_to_list_them(self, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = [
            "compare",
            "structure:spinal cord",
            "simulated:B",
            "--atlas",
            "simulated",
            "--out",
            str(tmp_path / "o"),
        ]
        assert main(arguments) == 1
        assert "jugex regions structures lists them, with the same --atlas" in capsys.readouterr().err


@pytest.mark.usefixtures("_toys")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["juelich", "fornax"], "no region of juelich has 'fornax' in its name; the nearest are WM_Fornix"),
        (["juelich", "qqq"], "no region of juelich has 'qqq' in its name; it has 6 regions"),
        (["juelih"], "no parcellation is called 'juelih'; the nearest are juelich"),
    ],
)
def test_no_hits(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions", *arguments]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


class TestImages:
    """Labels and volumes of an image, and regions, before anything is tested."""

    @pytest.fixture
    def image(self, in_folder: Path) -> Path:
        data = np.zeros((91, 109, 91), dtype=np.uint8)
        data[30:36, 88:96, 30:44], data[36:40, 88:96, 30:44], data[60:70, 30:40, 30:40] = 1, 2, 7
        affine = np.diag([2.0, 2, 2, 1])
        affine[:3, 3] = [-90, -126, -72]
        nib.save(nib.Nifti1Image(data, affine), "labels.nii.gz")
        Path("labels.tsv").write_text("index\tname\n1\tpole, lateral\n2\tpole, medial\n7\telsewhere\n")
        return Path("labels.nii.gz")

    @pytest.fixture
    def in_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_labels_are_listed_with_their_size(self, image, capsys):
        assert main(["regions", str(image)]) == 0
        lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
        assert [[cell.strip() for cell in line if cell] for line in lines] == [
            ["REGION", "NAME", "MM3"],
            ["'labels.nii.gz#1'", "pole, lateral", "5,376"],
            ["'labels.nii.gz#2'", "pole, medial", "3,584"],
            ["'labels.nii.gz#7'", "elsewhere", "8,000"],
        ]
        assert main(["regions", str(image), "POLE", "med"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 2
        assert main(["regions", str(image), "insula"]) == 1
        assert "no label of labels.nii.gz has 'insula' in its name" in capsys.readouterr().err

    @pytest.mark.parametrize("voxel", ["nearest", "floor"])
    def test_samples_and_donors_are_those_of_each_label_as_a_region(self, image, voxel):
        atlas = jugex.open_atlas("simulated")
        table = jugex.regions.list_contents(image, atlas=atlas, voxel=voxel).table
        for row in table.itertuples():
            region = jugex.Region.from_image(image, label=row.number).with_voxel(voxel)
            coverage = region.coverage(atlas)
            assert (row.samples, row.donors, row.volume_mm3) == (coverage.n_samples, coverage.n_donors, region.volume)
        assert table["samples"].tolist()[0] > 0

    def test_a_table_that_is_given_names_them(self, image, capsys):
        Path("mine.txt").write_text("1 one\n2 two\n7 seven\n")
        assert main(["regions", str(image), "--labels", "mine.txt", "--atlas", "simulated"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["REGION", "NAME", "MM3", "SAMPLES", "DONORS"]
        assert [line.split()[1] for line in lines[1:]] == ["one", "two", "seven"]

    def test_volumes_of_a_4d_image(self, in_folder, capsys):
        data = np.zeros((10, 10, 10, 3), dtype=np.float32)
        data[2:5, :, :, 0], data[5:8, :, :, 2] = 0.5, 0.1
        affine = np.diag([2.0, 2, 2, 1])
        affine[:3, 3] = [-30, 50, -5]
        nib.save(nib.Nifti1Image(data, affine), "maps.nii.gz")
        assert main(["regions", "maps.nii.gz", "--atlas", "simulated"]) == 0
        lines = capsys.readouterr().out.splitlines()[1:]
        assert [line.split()[:2] for line in lines] == [
            ["'maps.nii.gz#0'", "2,400"], ["'maps.nii.gz#1'", "0"], ["'maps.nii.gz#2'", "0"],
        ]  # fmt: skip
        region = jugex.Region.from_image(nib.Nifti1Image(data[..., 0], affine))
        assert int(lines[0].split()[2]) == region.coverage(jugex.open_atlas("simulated")).n_samples

    def test_a_region_has_its_coverage(self, image, capsys):
        atlas = jugex.open_atlas("simulated")
        for text in ("labels.nii.gz#1,2", "structure:simA", "sphere:-22,58,4,8@left"):
            assert main(["regions", text, "--atlas", "simulated"]) == 0
            assert capsys.readouterr().out == f"{parse_region(text).coverage(atlas)}\n"
        assert main(["regions", "sphere:-22,58,4,8"]) == 0
        assert capsys.readouterr().out.startswith("sphere:-22,58,4,8: 2,145 mm3 around x -22, y 58, z 4 mm; with")
