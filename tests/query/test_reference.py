"""The reference of a comparison: samples of the same tissue and side, with the regions' own."""

from __future__ import annotations

import numpy as np
import pytest

import jugex
from jugex.errors import JugexWarning, OptionError, RegionError
from jugex.query import region_pair
from jugex.query.reference import classify_tissue, find_reference
from jugex.stats.spatial import Reason
from tests.tissue_atlas import make_atlas, make_region
from tests.toy import ToyAtlas, wells

pytestmark = pytest.mark.filterwarnings("ignore::jugex.errors.OverlapWarning")


@pytest.fixture(scope="module")
def atlas():
    return make_atlas()


def find(*regions, atlas, chosen=None, dropped=(), **options):
    return find_reference(region_pair(*regions, atlas=atlas, **options), chosen, dropped=dropped)


def test_classes_are_those_of_the_nearest_ancestor(atlas):
    classes = classify_tissue(atlas).groupby(atlas.samples["structure_id"]).unique()
    assert {number: found.tolist() for number, found in classes.items()} == {
        4: ["isocortex"], 7: ["hippocampal formation"], 8: ["isocortex"], 9: ["white matter"],
    }  # fmt: skip
    assert classify_tissue(make_atlas(has_structures=False)) is None


def test_samples_of_the_tissue_and_the_side(atlas):
    found = find(make_region("A"), make_region("B"), atlas=atlas)
    assert (found.tissue, found.sides, found.withheld) == ("isocortex", ("left",), None)
    of_cortex = atlas.samples[atlas.samples["structure_id"].isin([4, 8]) & (atlas.samples["mni_x"] < 0)]
    assert found.samples["well_id"].tolist() == of_cortex["well_id"].tolist()
    pair = region_pair(make_region("A"), make_region("B"), atlas=atlas)
    for code, name in enumerate("AB"):
        expected = set(pair.samples.loc[pair.samples["region"] == name, "well_id"])
        assert set(found.samples["well_id"][found.cells == code]) == expected
    assert found.n_elsewhere == len(of_cortex) - len(pair.samples)
    np.testing.assert_array_equal(found.points, found.samples[["mni_x", "mni_y", "mni_z"]])


def test_both_sides_where_a_region_is_of_the_other(atlas):
    found = find(make_region("A"), make_region("B", x=-1, radius=30), atlas=atlas)
    assert set(found.sides) == {"left", "right"}
    assert set(np.sign(found.samples["mni_x"])) == {-1, 1}


def test_without_structures_all_samples_of_the_side():
    atlas = make_atlas(has_structures=False)
    found = find(make_region("A"), make_region("B"), atlas=atlas)
    assert found.tissue is None
    assert found.withheld is None
    assert len(found.samples) == (atlas.samples["mni_x"] < 0).sum()


def test_a_region_is_of_the_tissue_of_most_of_its_samples(atlas):
    hippocampus = jugex.Region.from_structure("HiF", atlas=atlas)
    pair = region_pair(hippocampus, make_region("A"), atlas=atlas).samples
    of_hippocampus, of_a = (pair.loc[pair["region"] == name, "well_id"].tolist() for name in (hippocampus.name, "A"))
    few = wells("A", *of_a, *of_hippocampus[:3])
    found = find(few, make_region("B"), atlas=atlas)
    assert found.tissue == "isocortex"
    assert set(of_hippocampus[:3]) <= set(found.samples["well_id"])  # with the regions' own
    assert not set(of_hippocampus[3:]) & set(found.samples["well_id"])


def test_two_classes_of_tissue_have_no_reference(atlas):
    found = find(make_region("A"), jugex.Region.from_structure("HiF", atlas=atlas), atlas=atlas)
    assert (found.tissue, found.withheld) == (None, Reason.TWO_TISSUES)


@pytest.mark.parametrize("chosen", ["structure:LL", jugex.Region.box((-90, -90, -90), (0, 90, 20), name="low")])
def test_another_reference_may_be_chosen(atlas, chosen):
    found = find(make_region("A"), make_region("B"), atlas=atlas, chosen=chosen)
    region = jugex.regions.parse_region(chosen).bound_to(atlas) if isinstance(chosen, str) else chosen
    inside = set(atlas.samples["well_id"][region.locate(atlas.samples)["inside"]])
    own = set(region_pair(make_region("A"), make_region("B"), atlas=atlas).samples["well_id"])
    assert set(found.samples["well_id"]) == inside | own
    assert found.tissue is None


@pytest.mark.parametrize("chosen", ["LL", ["LL"], ("LL", "FL")])
def test_structures_may_be_chosen_as_for_within(atlas, chosen):
    found = find(make_region("A"), make_region("B"), atlas=atlas, chosen=chosen)
    structures = [chosen] if isinstance(chosen, str) else list(chosen)
    as_text = "+".join(f"structure:{name}" for name in structures)
    expected = find(make_region("A"), make_region("B"), atlas=atlas, chosen=as_text)
    assert found.samples["well_id"].tolist() == expected.samples["well_id"].tolist()


def test_what_is_neither_a_region_nor_a_structure_is_refused(atlas):
    with pytest.raises(RegionError, match="nowhere"):
        find(make_region("A"), make_region("B"), atlas=atlas, chosen="nowhere.nii.gz")


def test_a_reference_without_a_sample_is_refused(atlas):
    with pytest.raises(OptionError, match="the reference 'far' holds no sample of tissue"):
        find(make_region("A"), make_region("B"), atlas=atlas, chosen=jugex.Region.sphere((70, 70, 70), 1, name="far"))


@pytest.mark.parametrize("overlap", ["keep", "exclude", "higher-probability"])
def test_samples_that_count_in_both_or_in_neither_are_nowhere(atlas, overlap):
    regions = make_region("A"), jugex.Region.sphere((-32, 12, 20), 10, name="near")  # no probabilities: ties
    pair = region_pair(*regions, atlas=atlas, overlap=overlap)
    assert len(pair.shared) > 2
    found = find_reference(pair)
    assert not set(pair.shared["well_id"]) & set(found.samples["well_id"])


def test_samples_that_the_run_dropped_are_nowhere(atlas):
    pair = region_pair(make_region("A"), make_region("B"), atlas=atlas)
    gone = int(pair.samples["well_id"].iloc[0])
    found = find_reference(pair.taking(np.arange(1, len(pair.samples))), dropped=[gone])
    assert gone not in set(found.samples["well_id"])


def test_mirrored_samples_have_no_spatial_test(atlas):
    found = find(make_region("A"), make_region("B"), atlas=atlas, mirror="left")
    assert found.withheld is Reason.MIRRORED
    assert (found.samples["mni_x"] < 0).all()


def test_a_sample_without_a_place_has_no_surroundings():
    toy = ToyAtlas([6, 6], ["A"])
    toy.samples.loc[0, "mni_x"] = np.nan
    found = find(wells("one", 1000, 1001, 2000), wells("two", 1002, 2001), atlas=toy)
    assert found.withheld is Reason.NO_REFERENCE


def test_what_is_ignored_here_is_jugex_s_own():
    assert issubclass(jugex.errors.OverlapWarning, JugexWarning)
