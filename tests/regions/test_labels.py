"""Labels by number, name, list, range and pattern, and what a label table has to do with them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from jugex.errors import JugexWarning, OptionError, RegionError, RegionFileError
from jugex.regions import region_from_image
from jugex.regions.labels import find_labels, nearest_names
from tests.regions.helpers import AFFINE, SHAPE, labels, save_image

TABLE = {1: "Area hOc1 (V1, 17, CalcS) left", 2: "V2", 3: "v2", 4: "V3 A", 5: "V3A-dorsal", 6: "Broca's area"}


def find(text, names=TABLE, held=range(1, 7)):
    return find_labels(text, names, lambda: held, title="labels.nii.gz")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("V2", [2]),  # exactly, though another differs in case only
        ("v2", [3]),
        ("broca's AREA", [6]),  # in any case
        ("v3a", [4]),  # without punctuation, though it is also a part of another
        ("hoc1 V1", [1]),  # a part
        ("dorsal", [5]),
        (5, [5]),
        ("5", [5]),
        ("1,2, 5", [1, 2, 5]),
        ("2-4", [2, 3, 4]),
        ("5-6,1", [5, 6, 1]),
        ("v3*", [4, 5]),
        ("*AREA*", [1, 6]),
        (["V3*", 1, "4", np.int16(6)], [4, 5, 1, 6]),
    ],
)
def test_labels_that_are_found(text, found):
    assert find(text) == tuple(found)


@pytest.mark.parametrize(
    ("name", "text"), [("CA2+3", "CA2+3"), ("7,8", "7,8"), ("site@7", "site@7"), ("10-12", "10-12"), ("a*b", "a*b")]
)
def test_a_whole_name_comes_before_what_it_could_mean(name, text):
    assert find(text, {**TABLE, 4: name, 5: "axb"}) == (4,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("V3", r"'V3' matches 2 labels of labels\.nii\.gz \(4: V3 A, 5: V3A-dorsal\): write more"),
        ("area", "'area' matches 2 labels"),
        ("Brocca area", r"no label of labels\.nii\.gz is called 'Brocca area'; the nearest are \"Broca's area\""),
        ("xyz", r"is called 'xyz'; it has 6 labels \(1: Area hOc1 .*, \.\.\.\)"),
        ("---", "is called '---'"),
        ("xyz*", r"fits 'xyz\*'; it has 6 labels"),
        ("17,18", r"none of the labels 17,18 is in labels\.nii\.gz"),
        ("6-5", "6-5 of labels runs backwards"),
        ([], "no label is named"),
        (1.5, "label 1.5 is not a label"),
    ],
)
def test_labels_that_are_not_found(text, message):
    with pytest.raises(RegionError, match=message):
        find(text)


@pytest.mark.parametrize(
    ("text", "found", "said"), [("5-9", (5, 6), "2 labels of .* in 5-9"), ("1,17", (1,), "no label 17")]
)
def test_gaps_are_passed_over_and_said(text, found, said):
    with pytest.warns(JugexWarning, match=said):
        assert find(text) == found


def test_a_number_that_is_another_label_s_name_is_refused():
    names = {1: "17", 17: "other", 3: "40"}
    with pytest.raises(RegionError, match=r"'17' is a label .*17, 'other'.* and the name of label 1"):
        find("17", names, [1, 3, 17])
    assert find(17, names, [1, 3, 17]) == (17,)
    assert find("40", names, [1, 3, 17]) == (3,)  # a name only
    assert find("3", {3: "3"}, [3]) == (3,)


def test_the_same_name_twice_is_ambiguous():
    with pytest.raises(RegionError, match=r"'V1' matches 2 labels of labels\.nii\.gz \(1: V1, 2: V1\)"):
        find("V1", {1: "V1", 2: "V1"})
    assert find("V1", {1: "V1", 40: "V1"}, [1, 2]) == (1,)  # a table of more than the image holds
    assert find("V*", {1: "V1", 40: "V2"}, [1, 2]) == (1,)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("vizual cortex", "Visual_cortex_V1"), ("hipocampus", "Left-Hippocampus"), ("amygdla left", "Amygdala_L")],
)
def test_the_nearest_names(text, nearest):
    names = ["Visual_cortex_V1", "Left-Hippocampus", "Amygdala_L", "Insula_R"]
    assert nearest_names(names, text)[0] == nearest
    assert nearest_names(names, "qqq") == []


# --- regions of labels --------------------------------------------------------------------------------------------


@pytest.fixture
def image(tmp_path):
    return save_image(tmp_path / "labels.nii.gz", labels())


def write(image, rows, name="labels.tsv", header="index\tname\n"):
    (image.parent / name).write_text(header + rows)


def test_a_label_by_name(image):
    write(image, "1\tV1\n17\tV2 left\n40\tV4\n")
    region = region_from_image(image, label="v2")
    assert (region.name, region.n_voxels) == ("V2 left", 2)
    identity = region.identity()
    assert (identity.label, identity.label_name, identity.label_table) == (17, "V2 left", "labels.tsv")
    assert region_from_image(image, label=2).name == "labels 2"  # a label that the table lacks
    with pytest.raises(RegionError, match="has the label 40: it holds 3 labels"):
        region_from_image(image, label="V4")


def test_several_labels_are_one_region(image):
    write(image, "1\tVis_1\n2\tVis_2\n17\tMot_1\n")
    region = region_from_image(image, label="vis*")
    np.testing.assert_array_equal(region.to_image().dataobj, np.isin(labels(), [1, 2]))
    assert (region.kind, region.name) == ("labels", "Vis_1 + Vis_2")
    identity = region.identity()
    assert (identity.label, identity.labels, identity.label_names) == (None, (1, 2), ("Vis_1", "Vis_2"))
    assert region_from_image(image, label=[17, "Vis_1"]).n_voxels == 14
    with pytest.warns(JugexWarning, match="gaps"):
        assert region_from_image(image, label="2-20").name == "Vis_2 + Mot_1"


def test_large_labels_are_written_in_full(tmp_path):
    path = save_image(tmp_path / "big.nii.gz", labels(np.int32) * 1234567)
    with pytest.raises(RegionError, match=r"big\.nii\.gz#1234567 "):
        region_from_image(path)
    assert region_from_image(path, label=17 * 1234567).n_voxels == 2


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({1: "V1", 17: "V2"}, "V2"),
        (pd.DataFrame({"ROI": [1, 17], "region name": ["V1", "V2"]}), "V2"),
        ([f"L{number}" for number in range(1, 18)], "L17"),
    ],
)
def test_a_table_that_is_given(image, given, name):
    write(image, "1\tother\n17\tnames\n")
    assert region_from_image(image, label=name, labels=given).n_voxels == 2


def test_a_table_file_that_is_given(image):
    write(image, "1\tV1\n17\tV2\n", name="mine.tsv")
    assert region_from_image(image, label="V2", labels=image.parent / "mine.tsv").identity().label_table == "mine.tsv"
    with pytest.raises(RegionFileError, match=r"none\.tsv cannot be read"):
        region_from_image(image, label="V2", labels="none.tsv")
    with pytest.raises(OptionError, match="labels must be a file"):
        region_from_image(image, label="V2", labels=17)


# --- tables that count from 0 -------------------------------------------------------------------------------------


def count_up(n):
    data = np.zeros(SHAPE, dtype=np.int16)
    data.flat[: 3 * n] = np.repeat(np.arange(1, n + 1), 3)
    return data


def test_a_table_that_counts_from_0_beside_an_image_that_counts_from_1(tmp_path):
    path = save_image(tmp_path / "img_dseg.nii.gz", count_up(3))
    write(path, "0\tFrontal Pole\n1\tInsula\n2\tSulcus\n", name="img_dseg.tsv")
    with pytest.warns(JugexWarning, match=r"img_dseg\.tsv counts from 0 \('Frontal Pole'\) and the image from 1"):
        region = region_from_image(path, label="Insula")
    assert (region.identity().label, region.name) == (2, "Insula")


def test_a_table_that_may_count_from_0_names_nothing(tmp_path):
    path = save_image(tmp_path / "img_dseg.nii.gz", count_up(2))
    write(path, "0\tFrontal Pole\n1\tInsula\n2\tSulcus\n", name="img_dseg.tsv")
    with pytest.raises(RegionError, match=r"img_dseg\.tsv names label 0 'Frontal Pole'.*give the number"):
        region_from_image(path, label="Insula")
    assert region_from_image(path, label=1).name == "img_dseg 1"


@pytest.mark.parametrize("background", ["Background", "unknown", "Clear Label", "???", "medial wall", "0"])
def test_the_background_may_have_a_name(tmp_path, background):
    path = save_image(tmp_path / "img_dseg.nii.gz", count_up(3))
    write(path, f"0\t{background}\n1\tPole\n2\tInsula\n", name="img_dseg.tsv")
    assert region_from_image(path, label="Insula").identity().label == 2


# --- sides --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_said"), [("Left Frontal", True), ("Frontal_R", False), ("lh_V1", True), ("V1", False)]
)
def test_a_name_that_says_the_other_side(tmp_path, name, is_said, recwarn):
    affine = np.array(AFFINE)
    affine[0, 3] = 20
    path = save_image(tmp_path / "x.nii.gz", labels(), affine)
    region_from_image(path, label=1, labels={1: name})
    said = [str(warning.message) for warning in recwarn if "says left" in str(warning.message)]
    assert bool(said) is is_said
    assert not is_said or re.search(r"lies on the right \(x = \d+ mm\)", said[0])
