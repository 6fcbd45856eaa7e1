from __future__ import annotations

import pytest

from jugex.errors import RegionError, RegionFileError
from jugex.regions import region_from_image
from jugex.regions.labels import find_label, nearest_names, read_label_table
from tests.regions.helpers import labels, save_image

TABLE = {1: "Area hOc1 (V1, 17, CalcS) left", 2: "V2", 3: "v2", 4: "V3 A", 5: "V3A-dorsal", 6: "Broca's area"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("V2", 2),  # exactly, though another differs in case only
        ("v2", 3),
        ("broca's AREA", 6),  # in any case
        ("v3a", 4),  # without punctuation, though it is also a part of another
        ("hoc1 V1", 1),  # a part
        ("dorsal", 5),
    ],
)
def test_names_that_match(text, label):
    assert find_label(TABLE, text, title="labels.nii.gz") == label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("V3", r"'V3' matches 2 labels of labels\.nii\.gz \(4: V3 A, 5: V3A-dorsal\): write more"),
        ("area", "'area' matches 2 labels"),
        ("Brocca area", r"no label of labels\.nii\.gz is called 'Brocca area'; the nearest are \"Broca's area\""),
        ("xyz", r"is called 'xyz'; it has 6 labels \(1: Area hOc1 .*, \.\.\.\)"),
        ("---", "is called '---'"),
    ],
)
def test_names_that_do_not(text, message):
    with pytest.raises(RegionError, match=message):
        find_label(TABLE, text, title="labels.nii.gz")


def test_the_same_name_twice_is_ambiguous():
    with pytest.raises(RegionError, match=r"'V1' matches 2 labels of x \(1: V1, 2: V1\)"):
        find_label({1: "V1", 2: "V1"}, "V1", title="x")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x_dseg.tsv", "index\tname\tcolor\n1\tV1\t#ff0000\n17\tV2, left\t#00ff00\n"),
        ("x_dseg.tsv", "\ufeffName\tIndex\r\nV1\t1.0\r\nV2, left\t17.0\r\n"),
        ("x_dseg.csv", 'index,name\n1,V1\n17,"V2, left"\n'),
    ],
)
def test_tables_beside_an_image(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    assert read_label_table(tmp_path / "x_dseg.nii.gz") == {1: "V1", 17: "V2, left"}
    assert read_label_table(tmp_path / "x_dseg.nii") == {1: "V1", 17: "V2, left"}
    assert read_label_table(tmp_path / "y_dseg.nii.gz") == {}


def test_other_tables_are_none_of_labels(tmp_path):
    (tmp_path / "x.tsv").write_text("gene\tp\nMAOA\t0.1\n")
    assert read_label_table(tmp_path / "x.nii.gz") == {}
    (tmp_path / "x.csv").write_text("index,name\n1,V1\n")
    assert read_label_table(tmp_path / "x.nii.gz") == {1: "V1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"index\tname\nfirst\tV1\n", r"x\.tsv has the index 'first': indices are whole numbers"),
        (b"index\tname\n1.5\tV1\n", r"has the index '1\.5'"),
        (b"index\tname\n1\tV1\n1\tV2\n", r"x\.tsv lists an index twice"),
        (b"index\tname\n1\t\xff\xfe\n", r"x\.tsv cannot be read .*save it as UTF-8"),
    ],
)
def test_damaged_tables(tmp_path, content, message):
    (tmp_path / "x.tsv").write_bytes(content)
    with pytest.raises(RegionFileError, match=message):
        read_label_table(tmp_path / "x.nii.gz")


def test_a_label_by_name(tmp_path):
    path = save_image(tmp_path / "labels.nii.gz", labels())
    (tmp_path / "labels.tsv").write_text("index\tname\n1\tV1\n17\tV2 left\n40\tV4\n")
    region = region_from_image(path, label="v2")
    assert (region.name, region.n_voxels) == ("V2 left", 2)
    assert (region.identity().label, region.identity().label_name) == (17, "V2 left")
    assert region_from_image(path, label=2).name == "labels 2"  # a label that the table lacks
    with pytest.raises(RegionError, match="has the label 40: it holds 3 labels"):
        region_from_image(path, label="V4")


FSL = """<?xml version="1.0" encoding="ISO-8859-1"?>
<atlas version="1.0">
  <header><name>Toy</name><type>{kind}</type>
    <images><imagefile>/Toy/toy-prob-1mm</imagefile><summaryimagefile>/Toy/toy-max-1mm</summaryimagefile></images>
  </header>
  <data>
    <label index="0" x="1" y="2" z="3">Frontal Pole</label>
    <label index="1" x="1" y="2" z="3"> Broca's area </label>
  </data>
</atlas>
"""


@pytest.mark.parametrize(
    ("kind", "volumes", "first"),
    [("Probabilistic", True, 0), ("Probabilistic", False, 1), ("Label", False, 0), ("Label", True, 0)],
)
def test_fsl_tables(tmp_path, kind, volumes, first):
    # FSL: the index is the volume of the 4-D image, and the value of the summary image is one more
    (tmp_path / "x.xml").write_text(FSL.format(kind=kind))
    names = {first: "Frontal Pole", first + 1: "Broca's area"}
    assert read_label_table(tmp_path / "x.nii.gz", volumes=volumes) == names


def test_fsl_tables_of_a_folder(tmp_path):
    (tmp_path / "Toy").mkdir()
    (tmp_path / "Toy.xml").write_text(FSL.format(kind="Probabilistic"))
    (tmp_path / "broken.xml").write_text("<atlas>")
    maximum = save_image(tmp_path / "Toy" / "toy-max-1mm.nii.gz", labels())
    other = save_image(tmp_path / "Toy" / "other.nii.gz", labels())
    assert region_from_image(maximum, label="broca").n_voxels == 6  # label 2
    assert region_from_image(maximum, label=1).name == "Frontal Pole"
    with pytest.raises(RegionError, match=r"other\.nii\.gz has no label table"):
        region_from_image(other, label="broca")


COLOURS = "#No. Label Name:   R   G   B   A\n\n  0  Unknown  0 0 0 0\n1  ctx-lh-V1 20 30 40 0\n 17 Left V2 1 2 3\n"


@pytest.mark.parametrize("name", ["x.txt", "x.lut", "x.ctab"])
def test_freesurfer_tables(tmp_path, name):
    (tmp_path / name).write_text(COLOURS)
    assert read_label_table(tmp_path / "x.nii.gz") == {0: "Unknown", 1: "ctx-lh-V1", 17: "Left V2"}
    (tmp_path / name).write_text("some words about the image\n")
    assert read_label_table(tmp_path / "x.nii.gz") == {}


def test_a_table_of_all_that_freesurfer_names(tmp_path):
    path = save_image(tmp_path / "aparc.nii.gz", labels())
    (tmp_path / "FreeSurferColorLUT.txt").write_text(COLOURS + "40 Right V2 1 2 3 0\n")
    assert region_from_image(path, label="V2").name == "Left V2"  # the image has no label 40
    assert region_from_image(path, label=1).name == "ctx-lh-V1"
    mask = save_image(tmp_path / "mask.nii.gz", (labels() > 0).astype("uint8"))
    assert region_from_image(mask).kind == "binary mask"  # the table is not of this image alone


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.xml", "<atlas>", r"x\.xml cannot be read .*it is no XML file"),
        ("x.xml", FSL.format(kind="Label").replace('"1" x', '"one" x'), r"x\.xml has the index 'one'"),
        ("x.xml", FSL.format(kind="Label").replace('"1" x', '"0" x'), r"x\.xml lists an index twice"),
        ("x.ctab", "1 V1 1 2 3 0\n1 V2 1 2 3 0\n", r"x\.ctab lists an index twice"),
    ],
)
def test_damaged_tables_of_other_programs(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(RegionFileError, match=message):
        read_label_table(tmp_path / "x.nii.gz")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("vizual cortex", "Visual_cortex_V1"), ("hipocampus", "Left-Hippocampus"), ("amygdla left", "Amygdala_L")],
)
def test_the_nearest_names(text, nearest):
    names = ["Visual_cortex_V1", "Left-Hippocampus", "Amygdala_L", "Insula_R"]
    assert nearest_names(names, text)[0] == nearest
    assert nearest_names(names, "qqq") == []
