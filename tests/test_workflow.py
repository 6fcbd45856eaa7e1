"""Query and analysis in one call, and the presets."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from jugex.workflow import DEFAULTS, PRESETS, compare, resolve_choices

from jugex.analysis import differential_expression
from jugex.errors import DesignWarning, OptionError, OverlapWarning
from jugex.query import region_pair
from tests.toy import ToyAtlas, WellRegion

ONE = WellRegion("one", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6, 2001: 0.4})
TWO = WellRegion("two", {1002: 0.4, 1003: 0.7, 1004: 0.8, 2002: 0.6, 2003: 0.9})
FEW = {"n_permutations": 99, "rng": 0}


@pytest.fixture
def atlas():
    return ToyAtlas([6, 5], ["A"] * 12 + ["B"])


def test_compare_is_query_and_analysis(atlas):
    result = compare(ONE, TWO, atlas=atlas, **FEW)
    expected = differential_expression(region_pair(ONE, TWO, atlas=atlas), **FEW)
    pd.testing.assert_frame_equal(result.table, expected.table, check_exact=True)
    assert result.settings["arguments"] | {"preset": None, "threshold": 0.2} == result.settings["arguments"]


def test_the_sound_choices_hold_without_a_preset():
    assert resolve_choices(None) == {
        "statistic": "adjusted", "exchange": "within-donor", "probes": "winsorized-mean",
        "overlap": "higher-probability", "threshold": 0.2,
    }  # fmt: skip


def test_presets_do_as_the_earlier_tools_did(atlas):
    assert dict(PRESETS["bludau2018"]) == DEFAULTS | {"exchange": "free"}
    with pytest.warns(OverlapWarning, match="1 sample lies in both regions and counts in both"):
        result = compare(ONE, TWO, atlas=atlas, preset="siibra-jugex", **FEW)
    arguments = result.settings["arguments"]
    assert arguments["preset"] == "siibra-jugex"
    assert (arguments["statistic"], arguments["exchange"]) == ("sequential", "free")
    assert (arguments["probes"], arguments["overlap"]) == ("winsorized-mean-scipy", "keep")


@pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")  # of so few samples
def test_an_option_beside_a_preset_wins(atlas):
    result = compare(ONE, TWO, atlas=atlas, preset="siibra-jugex", overlap="exclude", statistic="adjusted", **FEW)
    arguments = result.settings["arguments"]
    assert (arguments["statistic"], arguments["overlap"], arguments["exchange"]) == ("adjusted", "exclude", "free")


def test_an_unknown_preset_is_refused(atlas):
    with pytest.raises(OptionError, match="preset is one of bludau2018, siibra-jugex; got 'matlab'"):
        compare(ONE, TWO, atlas=atlas, preset="matlab")


def test_names_are_those_of_the_outputs(atlas):
    result = compare(ONE, TWO, atlas=atlas, names=["Fp1 left", "Fp2 left"], **FEW)
    assert result.region_names == ("Fp1 left", "Fp2 left")
    assert set(result.samples["region"]) == {"Fp1 left", "Fp2 left"}


@pytest.mark.parametrize("names", ["ab", ["only one"], ["a", "b", "c"]])
def test_names_are_two(atlas, names):
    with pytest.raises(OptionError, match="names are two, one for each region"):
        compare(ONE, TWO, atlas=atlas, names=names)


@pytest.mark.parametrize("names", [["", "B"], ["A", "  "], ["A", 3], [None, "B"]])
def test_a_name_is_text_that_is_not_empty(atlas, names):
    with pytest.raises(OptionError, match="the name of a region is text that is not empty; got"):
        compare(ONE, TWO, atlas=atlas, names=names)


def test_a_threshold_for_regions_that_have_theirs_is_refused(atlas):
    with pytest.raises(OptionError, match=r"threshold is for regions given as text; set that of a Region"):
        compare(ONE, TWO, atlas=atlas, threshold=0.4)


def test_regions_as_text_take_the_threshold(tmp_path):
    affine = np.diag([1.0, 1, 1, 1])
    for name, start in (("one", 0), ("two", 6)):
        data = np.zeros((16, 2, 2), dtype=np.float32)
        data[start : start + 6, 0, 0] = np.linspace(0.1, 0.6, 6)
        image = nib.Nifti1Image(data, affine)
        image.set_sform(affine, code=4)
        nib.save(image, tmp_path / f"{name}.nii.gz")
    atlas = ToyAtlas([6, 6], ["A", "B"])
    atlas.samples["mni_x"] = np.tile([0, 1, 2, 3, 4, 5], 2) + np.repeat([0, 6], 6)
    atlas.samples["mni_x"] = atlas.samples["mni_x"].replace({0: 11, 11: 0})
    atlas.samples[["mni_y", "mni_z"]] = 0.0
    texts = [str(tmp_path / "one.nii.gz"), str(tmp_path / "two.nii.gz")]
    for threshold, n_samples in ((None, 4), (0.05, 6), (0.45, 2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DesignWarning)
            settings = compare(*texts, atlas=atlas, threshold=threshold, **FEW).settings
        used = threshold or 0.2
        assert [region["threshold"] for region in settings["regions"]] == [used, used]
        assert settings["arguments"]["threshold"] == used
        assert [settings["design"]["n_samples_1"], settings["design"]["n_samples_2"]] == [n_samples, n_samples]


def test_warnings_point_at_the_line_of_the_user(atlas):
    with pytest.warns(OverlapWarning) as caught:
        compare(ONE, TWO, atlas=atlas, overlap="keep", **FEW)
    assert caught[0].filename == __file__
