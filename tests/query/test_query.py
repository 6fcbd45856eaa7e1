"""The query: siibra's table, pairs of regions, and what becomes of samples in both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.errors import DesignError, GeneError, GeneWarning, OptionError, OverlapWarning, RegionError
from jugex.query import EXPRESSION_COLUMNS, describe_query, expressions, region_pair
from tests.toy import ToyAtlas, WellRegion, wells

GENES = ["MAOA", "TAC1", "MAOA", "GRIA2"]


@pytest.fixture
def atlas():
    return ToyAtlas([6, 5, 4], GENES)


class TestExpressions:
    def test_columns_are_siibras_then_jugexs(self, atlas):
        table = expressions(wells("R", 1000, 2003), ["MAOA"], atlas=atlas)
        assert tuple(table.columns) == EXPRESSION_COLUMNS
        assert EXPRESSION_COLUMNS[:10] == (
            "level", "zscore", "gene", "race", "gender", "age", "mni_xyz", "sample", "probe_id", "donor_name",
        )  # fmt: skip

    def test_one_row_per_sample_and_probe_in_order(self, atlas):
        table = expressions(wells("R", 2003, 1000, 1004), ["MAOA", "GRIA2"], atlas=atlas)
        assert table["well_id"].tolist() == [1000] * 3 + [1004] * 3 + [2003] * 3
        assert table["probe_id"].tolist() == [10, 12, 13] * 3
        assert table["gene"].tolist() == ["MAOA", "MAOA", "GRIA2"] * 3
        assert table["sample"].tolist() == [0] * 3 + [4] * 3 + [3] * 3

    def test_values_are_those_of_the_atlas_standardised_over_the_whole_donor(self, atlas):
        table = expressions(wells("R", 1002, 3001, probability=0.4), ["TAC1"], atlas=atlas)
        np.testing.assert_array_equal(table["level"], atlas.values[[2, 12], 1])
        standardised = [
            stats.zscore(atlas.values[:6, 1].astype(float))[2],
            stats.zscore(atlas.values[11:, 1].astype(float))[1],
        ]
        np.testing.assert_allclose(table["zscore"], standardised, rtol=1e-12)  # float64, another order of sums
        row = table.iloc[1]
        assert (row["race"], row["gender"], row["age"], row["donor_name"]) == ("z", "M", 57, "H0351.1009")
        assert row["mni_xyz"] == (12.0, 0.5, -1.0)
        assert isinstance(row["mni_xyz"], tuple)
        assert row["probability"] == 0.4
        assert row["structure_acronym"] == "Br"

    def test_attributes_name_the_space(self, atlas):
        table = expressions(wells("R", 1000), "MAOA", atlas=atlas)
        assert table.attrs == {"space": "MNI152NLin2009cAsym", "atlas": "toy atlas", "simulated": False, "region": "R"}
        simulated = expressions(jugex.demo_regions()[0], "MAOA", atlas="simulated")
        assert simulated.attrs["simulated"]

    def test_donors_restrict_the_samples_and_not_the_standardisation(self, atlas):
        every = expressions(wells("R", 1000, 2000), "MAOA", atlas=atlas)
        some = expressions(wells("R", 1000, 2000), "MAOA", atlas=atlas, donors=[10021])
        pd.testing.assert_frame_equal(some, every[every["donor_name"] == "H0351.2002"].reset_index(drop=True))

    def test_a_region_without_samples_is_refused(self, atlas):
        with pytest.raises(
            RegionError, match=r"region 'far' holds no sample of toy atlas .*nearest sample 38\.7 mm away"
        ):
            expressions(jugex.Region.sphere((50, 0, 20), 3, name="far"), "MAOA", atlas=atlas)

    def test_no_sample_tells_which_samples_were_looked_at(self, atlas):
        far = jugex.Region.sphere((50, 0, 20), 3, name="far")
        with pytest.raises(RegionError, match=r"is in MNI152 space \(looked at were 5 samples of 1 donor\)$"):
            expressions(far, "MAOA", atlas=atlas, donors=[10021])
        with pytest.raises(RegionError, match=r"looked at were 15 samples of 3 donors, mirrored to the left\)$"):
            expressions(far, "MAOA", atlas=atlas, mirror="left")

    @pytest.mark.filterwarnings("ignore::jugex.errors.AtlasWarning")
    def test_no_sample_tells_that_coordinates_were_given(self, atlas):
        given = pd.DataFrame({"well_id": [1000, 2000], "mni_x": [1.0, 2], "mni_y": [0.0, 0], "mni_z": [0.0, 0]})
        expected = (
            r"check that the image and the coordinates given are in MNI152 space \(looked at were 2 samples of 3 "
            r"donors, at the coordinates given, mirrored to the right\)$"
        )
        with pytest.raises(RegionError, match=expected):
            expressions(jugex.Region.sphere((50, 0, 20), 3), "MAOA", atlas=atlas, coordinates=given, mirror="right")

    def test_a_region_is_a_region(self, atlas):
        with pytest.raises(OptionError, match=r"a region is a jugex\.Region, got str"):
            expressions("V1", "MAOA", atlas=atlas)

    def test_unknown_genes_are_refused_with_suggestions(self, atlas):
        with pytest.raises(GeneError, match=r"not in the atlas: MAO \(did you mean MAOA for MAO\?\)"):
            expressions(wells("R", 1000), "MAO", atlas=atlas)

    def test_some_unknown_genes_are_left_out_with_a_warning(self, atlas):
        with pytest.warns(GeneWarning, match="not in the atlas: XYZ; going on with 1 other gene"):
            table = expressions(wells("R", 1000), ["XYZ", "maoa"], atlas=atlas)
        assert set(table["gene"]) == {"MAOA"}


ONE = WellRegion("one", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6, 3000: float("nan")})
TWO = WellRegion("two", {1001: 0.4, 1002: 0.7, 1003: 0.8, 2000: 0.6, 2001: 0.9, 3000: 0.2, 3001: 0.3})


class TestRegionPair:
    def test_samples_are_ordered_and_arrays_match(self, atlas):
        pair = region_pair(wells("one", 2001, 1000), wells("two", 1003, 3002), atlas=atlas)
        assert pair.samples["well_id"].tolist() == [1000, 1003, 2001, 3002]
        assert pair.samples["region"].tolist() == ["one", "two", "one", "two"]
        assert pair.in_region_1.tolist() == [True, False, True, False]
        np.testing.assert_array_equal(pair.levels, atlas.values[[0, 3, 7, 13]])
        np.testing.assert_allclose(pair.zscores, atlas.zscores(well_ids=[1000, 1003, 2001, 3002]), rtol=0)
        assert pair.probes["gene"].tolist() == GENES
        assert "4 probes of 3 genes" in repr(pair)

    def test_higher_probability_gives_a_shared_sample_to_the_more_probable_region(self, atlas):
        with pytest.warns(OverlapWarning, match="2 of the 4 samples that lie in both regions are equally probable"):
            pair = region_pair(ONE, TWO, atlas=atlas)
        assert dict(zip(pair.shared["well_id"], pair.shared["decision"], strict=True)) == {
            1001: "region 1", 1002: "region 2", 2000: "tie", 3000: "tie",
        }  # fmt: skip
        assert pair.samples.loc[pair.in_region_1, "well_id"].tolist() == [1000, 1001]
        assert pair.samples.loc[~pair.in_region_1, "well_id"].tolist() == [1002, 1003, 2001, 3001]
        assert pair.n_found == (5, 7)
        assert pair.n_between_voxels == (3, 2)
        assert len(pair.warnings) == 1

    @pytest.mark.filterwarnings("ignore::jugex.errors.OverlapWarning")
    def test_a_probability_is_the_same_in_every_data_type(self, atlas):
        """0.3 as float32 is 0.30000001192: no more probable than 0.3."""
        single = WellRegion("single", {1000: 0.9, 1001: float(np.float32(0.3)), 1002: 0.31})
        double = WellRegion("double", {1001: 0.3, 1002: 0.3, 1003: 0.8})
        assert region_pair(single, double, atlas=atlas).shared["decision"].tolist() == ["tie", "region 1"]

    def test_exclude_drops_every_shared_sample(self, atlas):
        pair = region_pair(ONE, TWO, atlas=atlas, overlap="exclude")
        assert pair.samples["well_id"].tolist() == [1000, 1003, 2001, 3001]
        assert (pair.shared["decision"] == "excluded").all()

    def test_keep_counts_a_shared_sample_in_both(self, atlas):
        with pytest.warns(OverlapWarning, match="4 samples lie in both regions and count in both"):
            pair = region_pair(ONE, TWO, atlas=atlas, overlap="keep")
        assert pair.in_region_1.sum() == 5
        assert (~pair.in_region_1).sum() == 7
        twice = pair.samples[pair.samples["well_id"] == 1001]
        assert twice["region"].tolist() == ["one", "two"]
        assert twice["probability"].tolist() == [0.5, 0.4]
        np.testing.assert_array_equal(pair.zscores[twice.index[0]], pair.zscores[twice.index[1]])

    def test_error_refuses_shared_samples(self, atlas):
        with pytest.raises(
            RegionError, match=r"4 samples lie in both 'one' and 'two' \(wells 1001, 1002, 2000, 3000\)"
        ):
            region_pair(ONE, TWO, atlas=atlas, overlap="error")
        assert len(region_pair(wells("a", 1000), wells("b", 1001), atlas=atlas, overlap="error").samples) == 2

    def test_unknown_policy_is_refused(self, atlas):
        with pytest.raises(OptionError, match=r"overlap is one of higher-probability, .*; got 'both'"):
            region_pair(ONE, TWO, atlas=atlas, overlap="both")

    @pytest.mark.parametrize("overlap", ["higher-probability", "exclude", "keep", "error"])
    def test_the_same_region_twice_is_refused(self, atlas, overlap):
        with pytest.raises(RegionError, match="'one' and 'again' hold the same 5 samples, as the same region twice"):
            region_pair(ONE, ONE.renamed("again"), atlas=atlas, overlap=overlap)

    def test_a_pair_that_leaves_one_side_empty_is_refused(self, atlas):
        with pytest.raises(DesignError, match="all 2 samples of region 'inner' lie in the other region as well"):
            region_pair(wells("inner", 1000, 1001), wells("outer", 1000, 1001, 1002), atlas=atlas, overlap="exclude")

    def test_a_region_without_samples_is_refused(self, atlas):
        with pytest.raises(RegionError, match="region 'far' holds no sample"):
            region_pair(ONE, jugex.Region.sphere((50, 0, 0), 2, name="far"), atlas=atlas)

    def test_regions_of_one_name_are_numbered(self, atlas):
        pair = region_pair(wells("V1", 1000), wells("V1", 1001), atlas=atlas)
        assert [region.name for region in pair.regions] == ["V1 (1)", "V1 (2)"]
        assert pair.in_region_1.tolist() == [True, False]

    def test_description_is_json_with_each_decision(self, atlas):
        with pytest.warns(OverlapWarning):
            described = describe_query(region_pair(ONE, TWO, atlas=atlas, genes=["TAC1"]))
        assert described["overlap"]["shared"][3] == {
            "well_id": 3000, "donor_name": "H0351.1009", "probability_1": None, "probability_2": 0.2, "decision": "tie",
        }  # fmt: skip
        assert described["regions"][0]["n_samples_found"] == 5
        assert described["genes"]["n_requested"] == 1
        assert described["genes"]["missing"] == []

    def test_donors_restrict_the_pair(self, atlas):
        pair = region_pair(wells("a", 1000, 2000), wells("b", 1001, 2001), atlas=atlas, donors=["H0351.2001"])
        assert pair.samples["well_id"].tolist() == [1000, 1001]
