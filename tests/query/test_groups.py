"""Expression in several regions: whose sample is whose."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import DesignError, OptionError, OverlapWarning, RegionError
from jugex.query import describe_query, region_group, region_pair
from tests.toy import ToyAtlas, WellRegion, wells

GENES = ["MAOA", "TAC1", "MAOA", "GRIA2"]
A = WellRegion("A", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6})
B = WellRegion("B", {1001: 0.4, 1002: 0.7, 1003: 0.7, 2001: 0.6})
C = WellRegion("C", {1002: 0.8, 1003: 0.2, 1004: 0.7, 2002: 0.6})


@pytest.fixture
def atlas():
    return ToyAtlas([6, 5, 4], GENES)


class TestSamples:
    def test_each_goes_to_the_region_where_it_is_most_probable(self, atlas):
        group = region_group([A, B, C], atlas=atlas)
        owner = group.samples.set_index("well_id")["region"].to_dict()
        assert owner == {1000: "A", 1001: "A", 1002: "C", 1003: "B", 1004: "C", 2000: "A", 2001: "B", 2002: "C"}
        assert group.samples["well_id"].is_monotonic_increasing
        assert group.region_codes.tolist() == [0, 0, 2, 1, 2, 0, 1, 2]
        assert group.n_found == (4, 4, 4)
        shared = group.shared.set_index("well_id")
        assert shared["decision"].to_dict() == {1001: "region 1", 1002: "region 3", 1003: "region 2"}
        assert shared["regions"].to_dict() == {1001: "1, 2", 1002: "1, 2, 3", 1003: "2, 3"}
        assert shared.loc[1001, ["probability_1", "probability_2"]].tolist() == [0.5, 0.4]
        assert np.isnan(shared.loc[1001, "probability_3"])

    def test_values_are_those_of_the_atlas(self, atlas):
        group = region_group([A, B, C], atlas=atlas, genes=["TAC1"])
        np.testing.assert_array_equal(group.levels[:, 0], atlas.values[[0, 1, 2, 3, 4, 6, 7, 8], 1])
        assert group.zscores.shape == (8, 1)
        assert repr(group) == "<RegionGroup: A (3 samples), B (2 samples), C (3 samples), 1 probe of 1 gene>"

    @pytest.mark.parametrize(
        ("probabilities", "n_dropped"),
        [({1002: 0.7, 1004: 0.7, 2002: 0.6}, 1), ({1002: float("nan"), 1004: 0.7, 2002: 0.6}, 1), ({1004: 0.9}, 0)],
    )
    def test_ties_are_dropped_and_recorded(self, atlas, probabilities, n_dropped):
        third = WellRegion("C", probabilities)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            group = region_group([A, B, third], atlas=atlas)
        assert (group.shared["decision"] == "tie").sum() == n_dropped == len(caught) == len(group.warnings)
        assert (1002 in set(group.samples["well_id"])) == (n_dropped == 0)
        if n_dropped:
            assert caught[0].category is OverlapWarning
            assert "1 of the 2 samples that lie in several regions are equally probable in two" in group.warnings[0]

    def test_exclude_drops_what_is_shared(self, atlas):
        group = region_group([A, B, C], atlas=atlas, overlap="exclude")
        assert group.samples["well_id"].tolist() == [1000, 1004, 2000, 2001, 2002]
        assert set(group.shared["decision"]) == {"excluded"}

    @pytest.mark.parametrize("overlap", ["higher-probability", "exclude"])
    def test_two_regions_are_a_pair(self, atlas, overlap):
        group, pair = (
            region_group([A, B], atlas=atlas, overlap=overlap),
            region_pair(A, B, atlas=atlas, overlap=overlap),
        )
        pd.testing.assert_frame_equal(group.samples, pair.samples)
        np.testing.assert_array_equal(group.zscores, pair.zscores)
        pd.testing.assert_frame_equal(group.shared.drop(columns="regions"), pair.shared, check_dtype=False)

    def test_demo_regions_are_a_pair(self):
        regions = jugex.demo_regions()
        group = region_group(regions, atlas="simulated", genes=["MAOA"])
        pair = region_pair(*regions, atlas="simulated", genes=["MAOA"])
        pd.testing.assert_frame_equal(group.samples, pair.samples)

    def test_the_order_of_regions_decides_nothing(self, atlas):
        first, second = (region_group(order, atlas=atlas) for order in ([A, B, C], [C, A, B]))
        pd.testing.assert_frame_equal(first.samples, second.samples)

    def test_tolerance_yields_to_every_other_region(self):
        regions = [
            jugex.Region.sphere(centre, radius, name=name)
            for name, centre, radius in (("1", (-22, 56, 4), 6), ("2", (-8, 58, 0), 7), ("3", (-40, 0, 30), 20))
        ]
        atlas = jugex.open_atlas("simulated")
        near = region_group(regions, atlas=atlas, genes=["MAOA"], tolerance=4, overlap="exclude")
        assert min(near.sample_filter["n_tolerated"]) > 0
        owner = near.samples.set_index("well_id")["region"]
        for region in regions:
            inside = atlas.samples.loc[region.locate(atlas.samples)["inside"], "well_id"]
            assert len(inside)
            assert (owner[inside] == region.name).all()


class TestDescription:
    def test_is_json_of_every_region(self, atlas):
        described = describe_query(region_group([A, B, C], atlas=atlas))
        assert [region["name"] for region in described["regions"]] == ["A", "B", "C"]
        assert [region["n_samples_found"] for region in described["regions"]] == [4, 4, 4]
        assert described["overlap"]["shared"][0]["probability_3"] is None

    def test_regions_of_one_name_get_numbers(self, atlas):
        group = region_group([A, B.renamed("A"), C], atlas=atlas)
        assert group.region_names == ("A (1)", "A (2)", "C")


class TestRefusals:
    def test_keep_cannot_be(self, atlas):
        with pytest.raises(
            OptionError, match="a test of all regions at once cannot count it twice; choose 'higher-prob"
        ):
            region_group([A, B, C], atlas=atlas, overlap="keep")

    def test_an_unknown_policy(self, atlas):
        with pytest.raises(OptionError, match="overlap is one of higher-probability, exclude, keep, error; got 'x'"):
            region_group([A, B, C], atlas=atlas, overlap="x")

    def test_error_refuses_shared_samples(self, atlas):
        with pytest.raises(RegionError, match=r"3 samples lie in several of the 3 regions \(wells 1001, 1002, 1003\)"):
            region_group([A, B, C], atlas=atlas, overlap="error")

    @pytest.mark.parametrize(("regions", "got"), [([A], "got 1"), ([], "got 0"), (A, "got one region")])
    def test_fewer_than_two(self, atlas, regions, got):
        with pytest.raises(OptionError, match=f"a group of regions has at least two; {got}"):
            region_group(regions, atlas=atlas)

    def test_text_is_no_region(self, atlas):
        with pytest.raises(OptionError, match=r"a region is a jugex\.Region, got str"):
            region_group(["sphere:0,0,0,9", A], atlas=atlas)

    def test_the_same_region_twice(self, atlas):
        with pytest.raises(RegionError, match="regions 'A' and 'D' hold the same 4 samples"):
            region_group([A, B, A.renamed("D")], atlas=atlas)

    def test_names_that_numbers_do_not_tell_apart(self, atlas):
        with pytest.raises(OptionError, match=r"regions have the same name; got A, A, A \(1\): rename one"):
            region_group([A, B.renamed("A"), C.renamed("A (1)")], atlas=atlas)

    def test_a_region_that_others_hold_too(self, atlas):
        with pytest.raises(DesignError, match="all 2 samples of region 'D' lie in other regions as well, and none is"):
            region_group([A, C, wells("D", 1000, 1004, probability=0.1)], atlas=atlas)

    def test_a_region_held_by_tolerance_in_others(self):
        regions = [jugex.Region.sphere((-22, 56, 4), 12, name="1"), jugex.Region.sphere((-8, 58, 0), 4, name="2")]
        inside = jugex.Region.sphere((-22, 56, 4), 0.1, name="dot")
        with pytest.raises(
            RegionError, match="region 'dot' holds samples by its tolerance only, and all of them lie in"
        ):
            region_group([*regions, inside], atlas="simulated", genes=["MAOA"], tolerance=6)
