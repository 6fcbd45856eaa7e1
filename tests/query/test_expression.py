"""Expression in two and more regions: whose sample is whose, and the query made again."""

from __future__ import annotations

import warnings
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jugex
from jugex.errors import DesignError, JugexError, JugexWarning, OptionError, OverlapWarning, RegionError
from jugex.model.findings import KeptInBoth, TiedSamples
from jugex.model.query_record import OverlapRecord, SharedSample
from jugex.query import QueryOptions, RegionGroup, RegionPair, query_regions, region_group, region_pair
from tests.toy import ToyAtlas, WellRegion, wells

GENES = ["MAOA", "TAC1", "MAOA", "GRIA2"]
ATLAS = ToyAtlas([6, 5, 4], GENES)
#: Two regions that share four samples, two of them tied.
ONE = WellRegion("one", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6, 3000: float("nan")})
TWO = WellRegion("two", {1001: 0.4, 1002: 0.7, 1003: 0.8, 2000: 0.6, 2001: 0.9, 3000: 0.2, 3001: 0.3})
#: Three regions, one of whose samples is in all.
A = WellRegion("A", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6})
B = WellRegion("B", {1001: 0.4, 1002: 0.7, 1003: 0.7, 2001: 0.6})
C = WellRegion("C", {1002: 0.8, 1003: 0.2, 1004: 0.7, 2002: 0.6})
SETS = [pytest.param((A, B), id="k=2"), pytest.param((A, B, C), id="k=3")]


@pytest.fixture
def atlas():
    return ToyAtlas([6, 5, 4], GENES)


class TestVoxels:
    #: A mask of the voxel around x = 3 (1 mm voxels); the samples of the atlas lie at x = 0.4, 1.4, ...
    ATLAS = ToyAtlas([6], GENES)
    ATLAS.samples["mni_x"] += 0.6
    ATLAS.samples[["mni_y", "mni_z"]] = 0.0

    def make_mask(self, i, name):
        data = np.zeros((9, 1, 1), dtype=np.uint8)
        data[i] = 1
        return jugex.Region.from_image(nib.Nifti1Image(data, np.eye(4)), name=name)

    def test_the_rule_decides_which_samples_are_found(self):
        regions = self.make_mask(3, "three"), self.make_mask(5, "five")
        for voxel, wells_found in (("nearest", [1002, 1004]), ("floor", [1003, 1005])):
            group = region_pair(*regions, atlas=self.ATLAS, voxel=voxel)
            assert group.samples["well_id"].tolist() == wells_found
            table = jugex.query.expressions(regions[0], ["MAOA"], atlas=self.ATLAS, voxel=voxel)
            assert table["well_id"].unique().tolist() == wells_found[:1]

    def test_a_region_keeps_a_rule_of_its_own(self):
        own = self.make_mask(3, "three").with_voxel("floor")
        group = region_pair(own, self.make_mask(5, "five"), atlas=self.ATLAS)
        assert group.samples["well_id"].tolist() == [1003, 1004]
        assert [region.identity().voxel for region in group.regions] == ["floor", None]

    def test_another_rule_is_refused(self):
        with pytest.raises(OptionError, match="voxel must be one of nearest, floor; got 'ceil'"):
            QueryOptions(voxel="ceil")


class TestExtent:
    """A large image that holds few samples lies elsewhere, or the samples do."""

    def find(self, n_inside, size, **options):
        atlas = ToyAtlas([100], GENES)
        atlas.samples[["mni_x", "mni_y", "mni_z"]] = [80.0, -100.0, 80.0]
        atlas.samples.loc[: n_inside - 1, ["mni_x", "mni_y", "mni_z"]] = [-20.0, 0, 0]
        large = jugex.Region.box((-size, -size, -size), (0, size, size), name="large")
        small = jugex.Region.sphere((80, -100, 80), 5, name="small")
        return query_regions((large, small), QueryOptions(**options), atlas=atlas).findings

    def test_few_samples_are_said(self):
        with pytest.warns(JugexWarning, match=r"large measures 864 cm3 and holds 5 samples, but .* about 45: check"):
            [finding] = self.find(5, 60)
        assert finding.n == 5

    @pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")  # the warning of the test above
    @pytest.mark.parametrize(
        ("n_inside", "size", "n_expected"),
        [(4, 45, 19), (5, 45, None), (1, 42, None), (11, 60, 45), (12, 60, None), (24, 80, 100), (25, 80, None)],
    )
    def test_few_is_less_than_a_quarter_of_what_more_than_300_cm3_should_hold(self, n_inside, size, n_expected):
        """Of 100 samples in a brain of 1.9 l; a region that is larger than the brain holds all of them at best."""
        findings = self.find(n_inside, size)
        assert [(finding.n, finding.n_expected) for finding in findings] == [(n_inside, n_expected)][: bool(n_expected)]


class TestEmptyRegions:
    """A mask of one voxel whose face holds a sample, and one nearby that holds none."""

    def refused(self, shift, **image):
        affine = np.eye(4)
        affine[:3, 3] = [shift, 0.5, -1]
        region = jugex.Region.from_image(nib.Nifti1Image(np.full((1, 1, 1), **image), affine), name="voxel")
        with pytest.raises(RegionError) as error:
            region_pair(region, TWO, atlas=ATLAS)
        return str(error.value)

    def test_a_sample_on_the_border_is_named_and_the_tolerance_that_takes_it_in(self):
        data = np.zeros((2, 1, 1), dtype=np.uint8)
        data[1] = 1  # its face lies at x = 0, half-way between the voxels, where the one with the even index counts
        affine = np.eye(4)
        affine[:3, 3] = [-0.5, 0.5, -1]
        affine[0, 0] = 1
        region = jugex.Region.from_image(nib.Nifti1Image(data, affine), name="voxel")
        atlas = ToyAtlas([6, 5, 4], GENES)
        atlas.samples["mni_x"] *= 40
        with pytest.raises(
            RegionError, match=r"nearest sample lies on its border.*tolerance=0\.1, --tolerance 0\.1"
        ) as error:
            region_pair(region, TWO, atlas=atlas)
        assert "threshold" not in str(error.value)
        with pytest.raises(RegionError, match="no sample"):
            region_pair(region, TWO, atlas=atlas)
        taken = region_pair(region, TWO, atlas=atlas, tolerance=0.1)
        assert taken.samples["well_id"].tolist()[0] == 1000

    def test_a_mask_has_no_threshold_to_lower(self):
        said = self.refused(-2.3, fill_value=1, dtype=np.uint8)
        assert "nearest sample 1.8 mm away" in said
        assert "--tolerance 1.8" in said
        assert "threshold" not in said
        assert "threshold" in self.refused(-2.3, fill_value=0.7, dtype=np.float32)

    def test_far_away_no_tolerance_is_advised(self):
        assert "tolerance" not in self.refused(-40, fill_value=1, dtype=np.uint8)


class TestSamples:
    def test_rows_are_ordered_and_arrays_match(self, atlas):
        group = region_group([wells("one", 2001, 1000), wells("two", 1003), wells("three", 3002)], atlas=atlas)
        assert group.samples["well_id"].tolist() == [1000, 1003, 2001, 3002]
        assert group.samples["region"].tolist() == ["one", "two", "one", "three"]
        assert group.region_codes.tolist() == [0, 1, 0, 2]
        np.testing.assert_array_equal(group.levels, atlas.values[[0, 3, 7, 13]])
        np.testing.assert_allclose(group.zscores, atlas.zscores(well_ids=[1000, 1003, 2001, 3002]), rtol=0)
        assert group.probes["gene"].tolist() == GENES

    def test_of_three_regions_the_most_probable_takes_a_sample(self, atlas):
        group = region_group([A, B, C], atlas=atlas)
        owner = group.samples.set_index("well_id")["region"].to_dict()
        assert owner == {1000: "A", 1001: "A", 1002: "C", 1003: "B", 1004: "C", 2000: "A", 2001: "B", 2002: "C"}
        assert group.n_found == (4, 4, 4)
        shared = group.shared.set_index("well_id")
        assert shared["decision"].to_dict() == {1001: "region 1", 1002: "region 3", 1003: "region 2"}
        assert shared["regions"].to_dict() == {1001: "1, 2", 1002: "1, 2, 3", 1003: "2, 3"}
        assert shared.loc[1001, ["probability_1", "probability_2"]].tolist() == [0.5, 0.4]
        assert np.isnan(shared.loc[1001, "probability_3"])

    def test_of_two_regions_the_more_probable_takes_a_sample(self, atlas):
        with pytest.warns(OverlapWarning, match="2 of the 4 samples that lie in both regions"):
            pair = region_pair(ONE, TWO, atlas=atlas)
        assert dict(zip(pair.shared["well_id"], pair.shared["decision"], strict=True)) == {
            1001: "region 1", 1002: "region 2", 2000: "tie", 3000: "tie",
        }  # fmt: skip
        assert set(pair.shared["regions"]) == {"1, 2"}
        assert pair.samples.loc[pair.in_region_1, "well_id"].tolist() == [1000, 1001]
        assert pair.samples.loc[~pair.in_region_1, "well_id"].tolist() == [1002, 1003, 2001, 3001]
        assert pair.n_found == (5, 7)
        assert pair.n_between_voxels == (3, 2)
        assert pair.findings == (TiedSamples(n_tied=2, n_shared=4, n_regions=2),)

    @pytest.mark.parametrize(
        ("probabilities", "n_dropped"),
        [({1002: 0.7, 1004: 0.7, 2002: 0.6}, 1), ({1002: float("nan"), 1004: 0.7, 2002: 0.6}, 1), ({1004: 0.9}, 0)],
    )
    def test_ties_of_three_regions_are_dropped_and_recorded(self, atlas, probabilities, n_dropped):
        third = WellRegion("C", probabilities)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            group = region_group([A, B, third], atlas=atlas)
        assert (group.shared["decision"] == "tie").sum() == n_dropped == len(caught) == len(group.findings)
        assert (1002 in set(group.samples["well_id"])) == (n_dropped == 0)
        if n_dropped:
            assert caught[0].category is OverlapWarning
            assert group.findings == (TiedSamples(n_tied=1, n_shared=2, n_regions=3),)
            assert str(caught[0].message) == group.findings[0].sentence

    @pytest.mark.filterwarnings("ignore::jugex.errors.OverlapWarning")
    def test_a_probability_is_the_same_in_every_data_type(self, atlas):
        """0.3 as float32 is 0.30000001192: no more probable than 0.3."""
        single = WellRegion("single", {1000: 0.9, 1001: float(np.float32(0.3)), 1002: 0.31})
        double = WellRegion("double", {1001: 0.3, 1002: 0.3, 1003: 0.8})
        assert region_pair(single, double, atlas=atlas).shared["decision"].tolist() == ["tie", "region 1"]

    @pytest.mark.parametrize(
        ("regions", "left"),
        [((ONE, TWO), [1000, 1003, 2001, 3001]), ((A, B, C), [1000, 1004, 2000, 2001, 2002])],
        ids=["k=2", "k=3"],
    )
    def test_exclude_drops_what_is_shared(self, atlas, regions, left):
        group = region_group(regions, atlas=atlas, overlap="exclude")
        assert group.samples["well_id"].tolist() == left
        assert set(group.shared["decision"]) == {"excluded"}

    def test_keep_counts_a_shared_sample_in_both(self, atlas):
        with pytest.warns(OverlapWarning, match="4 samples lie in both regions and count in both"):
            pair = region_pair(ONE, TWO, atlas=atlas, overlap="keep")
        assert pair.findings == (KeptInBoth(n=4),)
        assert pair.in_region_1.sum() == 5
        assert (~pair.in_region_1).sum() == 7
        twice = pair.samples[pair.samples["well_id"] == 1001]
        assert twice["region"].tolist() == ["one", "two"]
        assert twice["probability"].tolist() == [0.5, 0.4]
        np.testing.assert_array_equal(pair.zscores[twice.index[0]], pair.zscores[twice.index[1]])

    def test_donors_restrict_the_samples(self, atlas):
        pair = region_pair(wells("a", 1000, 2000), wells("b", 1001, 2001), atlas=atlas, donors=["H0351.2001"])
        assert pair.samples["well_id"].tolist() == [1000, 1001]

    def test_the_order_of_regions_decides_nothing(self, atlas):
        first, second = (region_group(order, atlas=atlas) for order in ([A, B, C], [C, A, B]))
        pd.testing.assert_frame_equal(first.samples, second.samples)

    def test_a_sample_near_a_region_stays_in_another_one_that_holds_it(self):
        regions = [
            jugex.Region.sphere(centre, radius, name=name)
            for name, centre, radius in (("1", (-22, 56, 4), 6), ("2", (-8, 58, 0), 7), ("3", (-40, 0, 30), 20))
        ]
        atlas = jugex.open_atlas("simulated")
        near = region_group(regions, atlas=atlas, genes=["MAOA"], tolerance=4, overlap="exclude")
        assert min(near.sample_filter.n_tolerated) > 0
        owner = near.samples.set_index("well_id")["region"]
        for region in regions:
            inside = atlas.samples.loc[region.locate(atlas.samples)["inside"], "well_id"]
            assert len(inside)
            assert (owner[inside] == region.name).all()


@pytest.mark.parametrize(
    ("regions", "text"),
    [
        ((A, B), "<RegionPair: A (3 samples) and B (3 samples), 1 probe of 1 gene>"),
        ((A, B, C), "<RegionGroup: A (3 samples), B (2 samples), C (3 samples), 1 probe of 1 gene>"),
    ],
)
def test_repr_counts(atlas, regions, text):
    assert repr(region_group(regions, atlas=atlas, genes=["TAC1"])) == text


def test_some_of_the_rows(atlas):
    pair = region_pair(A, C, atlas=atlas).taking([0, 2])
    assert isinstance(pair, RegionPair)
    np.testing.assert_array_equal(pair.levels, region_pair(A, C, atlas=atlas).levels[[0, 2]])
    assert pair.samples.index.tolist() == [0, 1]


PROBABILITIES = st.one_of(st.sampled_from([0.1, 0.3, float(np.float32(0.3)), 0.5, float("nan")]), st.floats(0, 1))
LAYOUTS = st.dictionaries(st.sampled_from(ATLAS.samples["well_id"].tolist()), PROBABILITIES, min_size=1)


class TestAPairIsTwoOfAGroup:
    @given(LAYOUTS, LAYOUTS, st.sampled_from(["higher-probability", "exclude", "keep", "error"]))
    def test_the_same_query(self, first, second, overlap):
        """Whatever the layout: the same samples and values, or the same refusal."""
        regions = WellRegion("one", first), WellRegion("two", second)
        pair, group = (
            _ask(lambda: region_pair(*regions, atlas=ATLAS, overlap=overlap)),
            _ask(lambda: region_group(list(regions), atlas=ATLAS, overlap=overlap)),
        )
        if isinstance(pair, JugexError):
            assert (type(pair), str(pair)) == (type(group), str(group))
            return
        assert type(pair) is type(group) is RegionPair
        pd.testing.assert_frame_equal(pair.samples, group.samples)
        pd.testing.assert_frame_equal(pair.shared, group.shared)
        np.testing.assert_array_equal(pair.zscores, group.zscores)
        assert_same_facts(pair, group)

    @given(LAYOUTS, LAYOUTS, st.sampled_from(["higher-probability", "exclude"]))
    def test_a_third_region_apart_changes_nothing(self, first, second, overlap):
        """Three regions, the third apart from both, give the samples of the first two what two regions give them."""
        far = {well: p for well, p in first.items() if well != 3003} or {1000: 0.5}
        near = {well: p for well, p in second.items() if well != 3003} or {1001: 0.5}
        regions = WellRegion("one", far), WellRegion("two", near)
        pair, group = (
            _ask(lambda: region_pair(*regions, atlas=ATLAS, overlap=overlap)),
            _ask(lambda: region_group([*regions, wells("apart", 3003)], atlas=ATLAS, overlap=overlap)),
        )
        if isinstance(pair, JugexError):
            assert type(pair) is type(group)
            return
        of_two = group.samples[group.samples["region"] != "apart"].reset_index(drop=True)
        pd.testing.assert_frame_equal(of_two, pair.samples)
        assert group.shared["decision"].tolist() == pair.shared["decision"].tolist()
        assert group.n_found == (*pair.n_found, 1)

    @given(LAYOUTS, LAYOUTS, st.sampled_from(["higher-probability", "exclude", "keep"]))
    def test_swapping_regions_swaps_names_only(self, first, second, overlap):
        regions = WellRegion("one", first), WellRegion("two", second)
        here, there = (
            _ask(lambda order=order: region_pair(*order, atlas=ATLAS, overlap=overlap))
            for order in (regions, regions[::-1])
        )
        if isinstance(here, JugexError):
            assert type(here) is type(there)
            return
        keys = ["well_id", "region"]
        assert sorted(here.samples[keys].itertuples(index=False, name=None)) == sorted(
            there.samples[keys].itertuples(index=False, name=None)
        )

    def test_of_images_too(self):
        group = region_group(jugex.demo_regions(), atlas="simulated", genes=["MAOA"])
        pair = region_pair("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"])
        pd.testing.assert_frame_equal(group.samples, pair.samples)

    def test_packed_options_are_the_same(self, atlas):
        options = QueryOptions(genes=["TAC1"], overlap="exclude")
        packed = query_regions([A, B, C], options, atlas=atlas)
        spelt = region_group([A, B, C], genes=["TAC1"], overlap="exclude", atlas=atlas)
        assert packed.options == spelt.options
        pd.testing.assert_frame_equal(packed.samples, spelt.samples)


def assert_same_facts(group, other):
    """What a run records of two queries is the same."""
    for name in ("n_found", "n_between_voxels", "sample_filter", "probe_filter", "findings", "overlap"):
        assert getattr(group, name) == getattr(other, name), name
    assert [region.identity() for region in group.regions] == [region.identity() for region in other.regions]
    assert group.atlas.identity() == other.atlas.identity()
    assert (group.genes.requested, group.genes.ledger) == (other.genes.requested, other.genes.ledger)
    pd.testing.assert_frame_equal(group.shared, other.shared)


def _ask(query):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        try:
            return query()
        except JugexError as error:
            return error


class TestRequery:
    """A query again, with other options or regions."""

    SPHERES = jugex.Region.sphere((-22, 56, 4), 7, name="one"), jugex.Region.sphere((-8, 58, 0), 7, name="two")

    @pytest.mark.parametrize("regions", SETS)
    def test_with_the_same_options_it_is_the_same(self, atlas, regions):
        group = region_group(regions, atlas=atlas, genes=["TAC1", "MAOA"])
        again = group.requery()
        assert type(again) is type(group)
        assert again.options == group.options
        pd.testing.assert_frame_equal(again.samples, group.samples)
        np.testing.assert_array_equal(again.zscores, group.zscores)

    def test_other_options_and_regions(self, atlas):
        pair = region_pair(A, B, atlas=atlas, genes=["TAC1"])
        again = pair.requery(replace(pair.options, genes=None, overlap="exclude"), regions=(B, C))
        expected = region_pair(B, C, atlas=atlas, overlap="exclude")
        pd.testing.assert_frame_equal(again.samples, expected.samples)
        np.testing.assert_array_equal(again.levels, expected.levels)
        assert_same_facts(again, expected)

    def test_the_tolerance_is_kept_and_recorded(self):
        pair = region_pair(*self.SPHERES, atlas="simulated", genes=["MAOA"], tolerance=2)
        again = pair.requery(replace(pair.options, overlap="exclude"))
        assert again.sample_filter.tolerance_mm == 2
        assert again.sample_filter.n_tolerated == pair.sample_filter.n_tolerated
        assert [region.identity().tolerance_mm for region in again.regions] == [2, 2]

    @pytest.mark.parametrize("tolerance", [0, 1, 4])
    def test_another_tolerance_takes_the_place_of_the_first(self, tolerance):
        pair = region_pair(*self.SPHERES, atlas="simulated", genes=["MAOA"], tolerance=2)
        again = pair.requery(replace(pair.options, tolerance=tolerance))
        expected = region_pair(*self.SPHERES, atlas="simulated", genes=["MAOA"], tolerance=tolerance)
        assert_same_facts(again, expected)

    def test_structures_stay(self):
        pair = region_pair(*self.SPHERES, atlas="simulated", genes=["MAOA"], within="simFL", exclude=["BG"])
        again = pair.requery(replace(pair.options, overlap="exclude"))
        assert again.sample_filter == pair.sample_filter
        assert [structure.acronym for structure in again.sample_filter.within] == ["simFL"]

    def test_the_view_of_the_atlas_is_the_one_asked_for(self, atlas):
        ball, box = jugex.Region.sphere((-2, 0.5, -1), 2.5), jugex.Region.box((-9, 0, -2), (-5, 1, 0))
        pair = region_pair(ball, box, atlas=atlas, mirror="left", donors=["H0351.2001", 10021])
        assert pair.requery(replace(pair.options, genes=["TAC1"])).atlas is pair.atlas
        right = jugex.Region.sphere((2, 0.5, -1), 2.5), jugex.Region.box((5, 0, -2), (9, 1, 0))
        again = pair.requery(replace(pair.options, mirror=None, donors=["H0351.2001"]), regions=right)
        assert_same_facts(again, region_pair(*right, atlas=atlas, donors=["H0351.2001"]))

    def test_refusals(self, atlas):
        pair = region_pair(A, B, atlas=atlas, donors=["H0351.2001"])
        with pytest.raises(OptionError, match="a query of 2 regions must be repeated with as many; got 3"):
            pair.requery(regions=[A, B, C])
        with pytest.raises(OptionError, match="opened with only some of its donors"):
            pair.requery(replace(pair.options, donors=None))
        with pytest.raises(OptionError, match="10021"):
            pair.requery(replace(pair.options, donors=[10021]))
        group = region_group([A, B, C], atlas=atlas)
        with pytest.raises(OptionError, match="overlap 'keep'"):
            group.requery(replace(group.options, overlap="keep"))


class TestRecord:
    def test_of_two_regions(self, atlas):
        with pytest.warns(OverlapWarning):
            pair = region_pair(ONE, TWO, atlas=atlas, genes=["TAC1"])
        overlap = OverlapRecord.of(pair.overlap, pair.shared)
        assert overlap.policy == "higher-probability"
        assert overlap.shared[3] == SharedSample(3000, "H0351.1009", (1, 2), (None, 0.2), "tie")
        assert overlap.count_decisions() == {"region 1": 1, "region 2": 1, "tie": 2}
        assert pair.genes.requested == ("TAC1",)
        assert len(pair.genes.missing) == 0

    def test_of_three_regions(self, atlas):
        group = region_group([A, B, C], atlas=atlas)
        overlap = OverlapRecord.of(group.overlap, group.shared)
        assert overlap.shared[0] == SharedSample(1001, "H0351.2001", (1, 2), (0.5, 0.4, None), "region 1")

    @pytest.mark.parametrize("others", [(), (C,)], ids=["k=2", "k=3"])
    def test_regions_of_one_name_get_numbers(self, atlas, others):
        group = region_group([A, B.renamed("A"), *others], atlas=atlas)
        assert group.region_names == ("A (1)", "A (2)", *(region.name for region in others))
        assert set(group.region_codes) == set(range(len(group.regions)))


class TestRefusals:
    def test_of_more_than_two_none_counts_twice(self, atlas):
        with pytest.raises(OptionError, match=r"overlap 'keep' .* cannot count it twice"):
            region_group([A, B, C], atlas=atlas, overlap="keep")

    @pytest.mark.parametrize(
        ("regions", "expected"),
        [
            ((ONE, TWO), r"4 samples lie in both 'one' and 'two' \(wells 1001, 1002, 2000, 3000\)"),
            ((A, B, C), r"3 samples lie in several of the 3 regions \(wells 1001, 1002, 1003\)"),
        ],
    )
    def test_error_refuses_shared_samples(self, atlas, regions, expected):
        with pytest.raises(RegionError, match=expected):
            region_group(regions, atlas=atlas, overlap="error")
        assert len(region_pair(wells("a", 1000), wells("b", 1001), atlas=atlas, overlap="error").samples) == 2

    @pytest.mark.parametrize(("regions", "got"), [([A], "got 1"), ([], "got 0"), (A, "got one"), ("x", "one")])
    def test_fewer_than_two(self, atlas, regions, got):
        with pytest.raises(OptionError, match=f"at least two regions are needed; .*{got}"):
            region_group(regions, atlas=atlas)

    @pytest.mark.parametrize("regions", SETS)
    def test_what_is_no_region(self, atlas, regions):
        with pytest.raises(OptionError, match=r"a region is a jugex\.Region or a text .*; got int"):
            region_group([*regions[1:], 17], atlas=atlas)

    def test_a_region_without_samples(self, atlas):
        with pytest.raises(RegionError, match="region 'far' holds no sample"):
            region_pair(ONE, jugex.Region.sphere((50, 0, 0), 2, name="far"), atlas=atlas)

    @pytest.mark.parametrize("overlap", ["higher-probability", "exclude", "keep", "error"])
    def test_the_same_region_twice(self, atlas, overlap):
        with pytest.raises(RegionError, match="'one' and 'again' hold the same 5 samples, as the same region twice"):
            region_pair(ONE, ONE.renamed("again"), atlas=atlas, overlap=overlap)
        if overlap != "keep":
            with pytest.raises(RegionError, match="regions 'A' and 'D' hold the same 4 samples"):
                region_group([A, B, A.renamed("D")], atlas=atlas, overlap=overlap)

    def test_names_that_numbers_do_not_tell_apart(self, atlas):
        with pytest.raises(OptionError, match=r"regions have the same name; got A, A, A \(1\): rename one"):
            region_group([A, B.renamed("A"), C.renamed("A (1)")], atlas=atlas)

    @pytest.mark.parametrize(
        ("regions", "expected"),
        [
            ((wells("D", 1000, 1001), wells("E", 1000, 1001, 1002)), "all 2 samples of region 'D' lie in the other"),
            ((A, C, wells("D", 1000, 1004, probability=0.1)), "all 2 samples of region 'D' lie in other regions"),
        ],
    )
    @pytest.mark.filterwarnings("ignore::jugex.errors.OverlapWarning")
    def test_a_region_without_a_sample_of_its_own(self, atlas, regions, expected):
        with pytest.raises(DesignError, match=expected):
            region_group(regions, atlas=atlas)
        with pytest.raises(DesignError, match=expected):
            region_group(regions, atlas=atlas, overlap="exclude")

    def test_a_region_held_by_tolerance_in_others(self):
        regions = [jugex.Region.sphere((-22, 56, 4), 12, name="1"), jugex.Region.sphere((-8, 58, 0), 4, name="2")]
        inside = jugex.Region.sphere((-22, 56, 4), 0.1, name="dot")
        with pytest.raises(
            RegionError, match="region 'dot' holds samples only within its tolerance, and all of these lie in"
        ):
            region_group([*regions, inside], atlas="simulated", genes=["MAOA"], tolerance=6)


def test_options_serve_twice(atlas):
    pair = region_pair(A, B, atlas=atlas, genes=iter(["TAC1"]), within=iter(["Br"]))
    assert pair.requery().probes["gene"].tolist() == ["TAC1"]


def test_the_class_of_a_pair_is_the_case_of_two(atlas):
    assert issubclass(RegionPair, RegionGroup)
    assert not isinstance(region_group([A, B, C], atlas=atlas), RegionPair)
