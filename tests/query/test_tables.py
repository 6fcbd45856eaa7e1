"""Expression of genes in one region: siibra's table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.errors import GeneError, GeneWarning, OptionError, RegionError
from jugex.query import EXPRESSION_COLUMNS, expressions
from tests.toy import ToyAtlas, wells

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
        with pytest.raises(RegionError, match=r"is in MNI152 space \(searched were 5 samples of 1 donor\)$"):
            expressions(far, "MAOA", atlas=atlas, donors=[10021])
        with pytest.raises(RegionError, match=r"searched were 15 samples of 3 donors, mirrored to the left\)$"):
            expressions(far, "MAOA", atlas=atlas, mirror="left")

    @pytest.mark.filterwarnings("ignore::jugex.errors.AtlasWarning")
    def test_no_sample_tells_that_coordinates_were_given(self, atlas):
        given = pd.DataFrame({"well_id": [1000, 2000], "mni_x": [1.0, 2], "mni_y": [0.0, 0], "mni_z": [0.0, 0]})
        expected = (
            r"check that the image and the coordinates given are in MNI152 space \(searched were 2 samples of 3 "
            r"donors, at the coordinates given, mirrored to the right\)$"
        )
        with pytest.raises(RegionError, match=expected):
            expressions(jugex.Region.sphere((50, 0, 20), 3), "MAOA", atlas=atlas, coordinates=given, mirror="right")

    def test_a_region_is_a_region_or_a_text(self, atlas):
        table = expressions("sphere:0,0.5,-1,1.5", "MAOA", atlas=atlas)
        assert set(table["well_id"]) == {1000, 1001}
        with pytest.raises(OptionError, match=r"a region is a jugex\.Region or a text .*; got int"):
            expressions(17, "MAOA", atlas=atlas)

    def test_unknown_genes_are_refused_with_suggestions(self, atlas):
        with pytest.raises(GeneError, match=r"not in the atlas: MAO \(did you mean MAOA for MAO\?\)"):
            expressions(wells("R", 1000), "MAO", atlas=atlas)

    def test_some_unknown_genes_are_left_out_with_a_warning(self, atlas):
        with pytest.warns(GeneWarning, match="not in the atlas: XYZ; continuing with 1 other gene"):
            table = expressions(wells("R", 1000), ["XYZ", "maoa"], atlas=atlas)
        assert set(table["gene"]) == {"MAOA"}
