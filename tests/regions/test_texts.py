from __future__ import annotations

import numpy as np
import pytest

from jugex.errors import JugexWarning, OptionError, RegionError, RegionFileError
from jugex.regions import Sphere, Union, parse_region
from tests.regions.helpers import at_voxels, labels, probabilities, save_image


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


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CA2+3", "CA2+3"), ("CA2+map.nii.gz", "CA2+map.nii.gz"), ("a, b-c", "a, b-c"), ("x@left", "x@left"),
        ("V1@0.4", "V1@0.4"), ("1-2", "1-2"), ("a#b", "a#b"), ("a*", "a*"),
    ],
)  # fmt: skip
def test_what_stands_behind_a_hash_is_a_whole_name_first(folder, name, text):
    (folder / "labels.tsv").write_text(f"index\tname\n1\tab\n2\t{name}\n17\tother\n")
    assert parse_region(f"labels.nii.gz#{text}").n_voxels == 6
    assert parse_region(f"labels.nii.gz#{text}@0.3+map.nii.gz").parts[0].n_voxels == 6
    assert parse_region(f"labels.nii.gz#{text}@right").parts[0].n_voxels == 6


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "n_voxels"), [("1,2", 18), ("1-2", 18), ("V*", 18), ("v*", 18), ("V1, V2 left", None), ("*", 20)]
)
def test_several_labels(text, n_voxels):
    if n_voxels is None:
        with pytest.raises(RegionError, match="no label of labels"):
            parse_region(f"labels.nii.gz#{text}")
        return
    region = parse_region(f"labels.nii.gz#{text}")
    assert (region.kind, region.n_voxels) == ("labels", n_voxels)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "text", ["map.nii.gz@left", "map.nii.gz @ left@0.4", "labels.nii.gz#1@left", "sphere:0,25,10,9@left"]
)
def test_a_side(text):
    whole = parse_region(text.replace("@left", "").replace(" @ left", ""))
    half = parse_region(text)
    at = at_voxels(np.random.default_rng(1).uniform(0, 7, (300, 3)))
    assert half.locate(at)["inside"].any()
    assert half.locate(at).equals(whole.left.locate(at))


@pytest.mark.usefixtures("folder")
def test_a_side_belongs_to_its_part_and_a_last_threshold_to_all():
    region = parse_region("map.nii.gz@right+other.nii.gz@left@0.4")
    assert [part.side for part in region.parts] == ["right", "left"]
    assert [part.parts[0].identity().threshold for part in region.parts] == [0.4, 0.4]
    assert parse_region("structure:HiF@left").parts[0].asked == "HiF"
    for text in ("map.nii.gz@left@right", "map.nii.gz@0.3@0.4"):
        with pytest.raises(RegionError, match="two halves or two thresholds"):
            parse_region(text)


@pytest.mark.parametrize("text", ["sphere:0,0,0,1e+1", "sphere:+1,0,0,9"])
def test_a_plus_within_a_number(text):
    assert isinstance(parse_region(text), Sphere)


def test_volumes_and_labels_in_them(folder):
    maps = np.stack([probabilities(np.float64), probabilities(np.float64)[::-1]], axis=-1)
    save_image(folder / "maps.nii.gz", maps * 90.5)
    save_image(folder / "levels.nii.gz", np.stack([labels() * 20, labels() * 30], axis=-1))
    (folder / "maps.csv").write_text("index,name\n0,A\n1,B\n")
    assert parse_region("maps.nii.gz%#B").identity().label == 1
    with pytest.raises(RegionError, match="percent"):
        parse_region("maps.nii.gz#B")
    with pytest.warns(JugexWarning, match="count from 0"):
        identity = parse_region("levels.nii.gz#1#60").identity()
    assert (identity.volume, identity.label, identity.n_voxels) == (1, 60, 6)


def test_a_table_that_is_given(folder):
    assert parse_region("labels.nii.gz#mine+map.nii.gz", labels={2: "mine"}).parts[0].n_voxels == 6
    assert parse_region("labels.nii.gz#a+b", labels={2: "a+b"}).n_voxels == 6
    save_image(folder / "more.nii.gz", labels())
    with pytest.raises(OptionError, match=r"labels\.nii\.gz and more\.nii\.gz: put a table beside"):
        parse_region("labels.nii.gz#a+more.nii.gz#a", labels={2: "a"})
    with pytest.raises(OptionError, match="a label table is given, but no label of an image"):
        parse_region("map.nii.gz", labels={2: "a"})


def test_paths_of_the_home_folder_and_of_browsers(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    for text in ("~/labels.nii.gz", f"file://{folder}/labels.nii.gz"):
        assert parse_region(f"{text}#V1").n_voxels == 12
    (folder / "a b").mkdir()
    save_image(folder / "a b" / "map.nii.gz", probabilities())
    assert parse_region(f"file://{folder}/a%20b/map.nii.gz").kind == "probability map"


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
        ("nonsense", r"'nonsense' is not a region by itself: write structure:nonsense .* or name an image"),
        ("sphere:1,2,3", "'sphere:1,2,3' is not a sphere: write four numbers in mm, like sphere:-4,60,21,10"),
        ("sphere:1,2,3,r", "is not a sphere"),
        ("sphere:1,2,3,-4", "radius -4 mm"),
        ("sphere:", "'sphere:' is not a region"),
        ("", "'' names no region; give"),
        ("map.nii.gz+", r"'map\.nii\.gz\+' names no region on one side of a \+"),
        ("map.nii.gz@high", "'high' after @ in 'map.nii.gz@high' is neither left nor right nor a threshold"),
        ("labels.nii.gz", "name one label, like labels.nii.gz#1"),
        ("labels.nii.gz#V", "'V' matches 2 labels"),
        ("labels.nii.gz#V9", "is called 'V9'; the nearest are 'V1'"),
        ("labels.nii.gz#", "'labels.nii.gz#' is not a region"),
        ("map", r"'map' is not a region; did you mean the file 'map\.nii\.gz'"),
        (r"C:\maps\map", "is not a region; give"),
        ("x" * 5000, "is not a region"),
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
