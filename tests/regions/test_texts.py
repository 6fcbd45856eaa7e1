from __future__ import annotations

import numpy as np
import pytest

from jugex.errors import OptionError, RegionError, RegionFileError
from jugex.regions import Sphere, Union, parse_region
from tests.regions.helpers import labels, probabilities, save_image


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working folder, with two maps, labels with their table, and a map of integers in percent."""
    monkeypatch.chdir(tmp_path)
    save_image(tmp_path / "map.nii.gz", probabilities())
    save_image(tmp_path / "other.nii.gz", probabilities()[::-1])
    save_image(tmp_path / "labels.nii.gz", labels())
    save_image(tmp_path / "percent.nii.gz", (probabilities() * 100).astype(np.uint8))
    (tmp_path / "labels.tsv").write_text("index\tname\n1\tV1\n2\tV2 left\n17\tsite@7\n")
    return tmp_path


def thresholds(region):
    parts = region.parts if isinstance(region, Union) else [region]
    return [part.identity().threshold for part in parts]


def test_a_file(folder):
    region = parse_region("map.nii.gz")
    assert (region.name, region.kind, thresholds(region)) == ("map", "probability map", [0.2])
    assert parse_region(str(folder / "map.nii.gz"), threshold=0.5).identity().threshold == 0.5
    assert parse_region("map.nii.gz", name="Fp1").name == "Fp1"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("text", "name"), [("labels.nii.gz#2", "V2 left"), ("labels.nii.gz#V2", "V2 left")])
def test_a_label(text, name):
    region = parse_region(text)
    assert (region.kind, region.name, region.n_voxels) == ("label", name, 6)


@pytest.mark.usefixtures("folder")
def test_a_label_whose_name_holds_an_at_sign():
    assert parse_region("labels.nii.gz#site@7@0.3").n_voxels == 2
    assert parse_region("labels.nii.gz#V1@0.4").n_voxels == 12


@pytest.mark.usefixtures("folder")
def test_percent():
    region = parse_region("percent.nii.gz%@0.4")
    assert (region.kind, thresholds(region)) == ("probability map", [0.4])
    with pytest.raises(RegionError, match=r"or say that the values are percent: percent\.nii\.gz%"):
        parse_region("percent.nii.gz")


@pytest.mark.parametrize("text", ["sphere:-4,60,21,10", "sphere: -4, 60, 21, 10 ", "sphere:-4,60,21,10@0.4"])
def test_a_sphere(text):
    assert parse_region(text) == Sphere.of((-4, 60, 21), 10)


def test_the_demo_regions():
    assert parse_region("simulated:A").identity().kind == "simulated probability map"
    both = parse_region("simulated:A + simulated:B@0.5")
    assert both.name == "simulated A + simulated B"
    with pytest.raises(RegionError, match="no simulated region 'C'"):
        parse_region("simulated:C")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("map.nii.gz+other.nii.gz", [0.2, 0.2]),
        ("map.nii.gz + other.nii.gz@0.4", [0.4, 0.4]),
        ("map.nii.gz@0.3+other.nii.gz@0.4", [0.3, 0.4]),
        ("map.nii.gz@0.3+other.nii.gz", [0.3, 0.2]),
        ("map.nii.gz+percent.nii.gz%@0.1+other.nii.gz@0.4", [0.4, 0.1, 0.4]),
        ("map.nii.gz+labels.nii.gz#1+sphere:0,0,0,5@0.4", [0.4, None, None]),
        ("map.nii.gz@0", [0.0]),
        ("map.nii.gz @ 4e-1", [0.4]),
    ],
)
def test_parts_and_thresholds(text, expected):
    assert thresholds(parse_region(text)) == expected


@pytest.mark.usefixtures("folder")
def test_a_union_can_be_named():
    assert parse_region("map.nii.gz+labels.nii.gz#1").name == "map + V1"
    assert parse_region("map.nii.gz+labels.nii.gz#1", name="both").name == "both"


@pytest.mark.parametrize(
    "name", ["a+b.nii.gz", "a#b.nii.gz", "a@0.4.nii.gz", "100%.nii.gz", "juelich:V1.nii.gz", "x.nii#1.nii", "a b.nii"]
)
def test_an_existing_file_is_that_file(folder, name):
    path = save_image(folder / name, probabilities())
    for text in (name, str(path)):
        assert parse_region(text).identity().file == text
        assert thresholds(parse_region(f"{text}@0.3")) == [0.3]
        both = parse_region(f"map.nii.gz+{text}+other.nii.gz@0.1")
        assert [part.identity().file for part in both.parts] == ["map.nii.gz", text, "other.nii.gz"]
        assert thresholds(both) == [0.1] * 3


def test_files_whose_whole_name_reads_like_something_else(folder):
    for name in ("sphere:0,0,0,5", "structure:V1", "labels.nii.gz#V1", "map.nii.gz%", "other.nii.gz@0.4"):
        (folder / name).write_bytes((folder / "map.nii.gz").read_bytes())
        # nibabel tells formats by the ending, so that the file is found and then refused
        with pytest.raises(RegionFileError, match="is not an image"):
            parse_region(name)


def test_labels_of_a_file_with_signs_in_its_name(folder):
    save_image(folder / "a#1+b.nii.gz", labels())
    assert parse_region("a#1+b.nii.gz#17").n_voxels == 2
    assert parse_region("a#1+b.nii.gz#17+a#1+b.nii.gz#2").volume == 8 * 8.0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("julch:V1_L", "no parcellation is called 'julch'; the nearest are juelich; list all with: jugex regions"),
        ("julch:V1_L@0.4", "no parcellation is called 'julch'"),
        ("nilearn:V1", r"'nilearn:V1' names no region of a parcellation: write PARCELLATION:REGION, like juelich:GM_V"),
        ("nonsense", r"'nonsense' is no region; give a NIfTI file \(map\.nii\.gz.*sphere:x,y,z,r.*@0\.4 at the end"),
        ("sphere:1,2,3", "'sphere:1,2,3' is no sphere: write four numbers in mm, like sphere:-4,60,21,10"),
        ("sphere:1,2,3,r", "is no sphere"),
        ("sphere:1,2,3,-4", "radius -4 mm"),
        ("sphere:", "'sphere:' is no region"),
        ("", "'' names no region; give"),
        ("map.nii.gz+", r"'map\.nii\.gz\+' names no region on one side of a \+"),
        ("map.nii.gz@high", "'high' after @ in 'map.nii.gz@high' is no threshold: write a number"),
        ("labels.nii.gz", "name one label, like labels.nii.gz#1"),
        ("labels.nii.gz#V", "'V' matches 2 labels"),
        ("labels.nii.gz#V9", "is called 'V9'; the nearest are 'V1'"),
        ("labels.nii.gz#", "'labels.nii.gz#' is no region"),
        ("map", r"'map' is no region; did you mean the file 'map\.nii\.gz'"),
        (r"C:\maps\map", "is no region; give"),
        ("x" * 5000, "is no region"),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(RegionError, match=message):
        parse_region(text)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mup.nii.gz", r"no file 'mup\.nii\.gz' in '\.'; did you mean 'map\.nii\.gz'"),
        ("mup.nii.gz#3@0.4", r"did you mean 'map\.nii\.gz'"),
        (r"C:\maps\map.nii.gz", "no file"),
        ("D:/maps/map.nii.gz", r"no file 'map\.nii\.gz' in 'D:[/\\]+maps'; check its path"),
        (".", "is a folder: name the image in it"),
    ],
)
def test_missing_files(text, message):
    with pytest.raises(RegionFileError, match=message):
        parse_region(text)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("text", ["structure:HiF@0.3", "structure:HiF@0.3+map.nii.gz", "structure:a+structure:HiF@0.3"])
def test_a_threshold_of_a_structure(text):
    with pytest.raises(RegionError, match=r"^structure:HiF@0\.3: a structure has no threshold.* write structure:HiF$"):
        parse_region(text)
    both = parse_region("map.nii.gz+structure:HiF@0.4")  # at the end of the whole it is that of the other parts
    assert both.parts[0].identity().threshold == 0.4


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("text", ["map.nii.gz@1", "map.nii.gz@-0.1", "map.nii.gz@nan", "sphere:0,0,0,5@2"])
def test_thresholds_out_of_range(text):
    with pytest.raises(OptionError, match="out of range: a probability from 0 to below 1"):
        parse_region(text)
    with pytest.raises(OptionError, match="out of range"):
        parse_region("sphere:0,0,0,5", threshold=1.0)
