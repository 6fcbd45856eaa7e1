"""Anatomical structures of an atlas: how they are found, and as regions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import OptionError, RegionError
from jugex.regions import Region, RegionIdentity, StructureRegion, parse_region, region_of_structures
from jugex.regions.structures import find_structure, find_structures
from tests.toy import ToyAtlas

ROWS = [
    (1, "Br", "brain", None),
    (2, "HiF", "hippocampal formation", 1),
    (3, "CA1", "CA1 field, left", 2),
    (4, "CA1", "CA1 field, right", 2),
    (5, "PHG", "parahippocampal gyrus", 1),
    (6, "PHG", "parahippocampal gyrus, left", 5),
    (7, "PHG", "parahippocampal gyrus, right", 5),
    (8, "Ve-III", "III", 1),
    (9, "Cb-III", "III", 1),
    (10, "4V", "fourth ventricle", 1),
    (11, "4v", "fourth-ventricle choroid plexus", 1),
]


@pytest.fixture
def atlas():
    made = ToyAtlas([6, 6], ["A", "B"])
    made.structures = pd.DataFrame(ROWS, columns=["structure_id", "acronym", "name", "parent_structure_id"]).astype(
        {"parent_structure_id": "Int64"}
    )
    made.samples["structure_id"] = [3, 3, 4, 6, 7, 1, 3, 4, 5, 8, 9, 99]
    made.samples["structure_acronym"] = "x"
    made.samples["structure_name"] = "unlisted place"
    return made


# --- finding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (2, (2,)),
        (np.int64(2), (2,)),
        ("2", (2,)),
        ("HiF", (2,)),
        (" hif ", (2,)),
        ("Hippocampal Formation", (2,)),
        ("hippocampal-formation", (2,)),
        ("formation", (2,)),  # a part of one name
        ("hippocampus", (2,)),
        ("Parahippocampal Cortex", (5,)),
        ("left parahippocampal cortex", (6,)),
        ("parahippocampal cortex, right", (7,)),
        ("PHG", (5,)),  # one acronym of three, of which one holds the others
        ("parahippocampal gyrus", (5,)),
        ("parahippocampal gyrus, left", (6,)),
        ("Parahippocampal gyrus left", (6,)),
        ("CA1", (3, 4)),  # left and right, which only the structure above holds together
        ("ca1 field", (3, 4)),
        ("CA1 field, right", (4,)),
        ("4V", (10,)),  # an acronym that differs from another in case only
        ("4v", (11,)),
        ("unlisted", (99,)),  # a sample's structure that the hierarchy does not have
    ],
)
def test_found_by_acronym_name_or_id(atlas, asked, ids):
    assert find_structure(atlas, asked).structure_ids == ids


def test_members_are_all_descendants(atlas):
    assert find_structure(atlas, "HiF").members == {2, 3, 4}
    assert find_structure(atlas, "brain").members == set(range(1, 12))
    assert find_structure(atlas, 99).members == {99}
    both = find_structure(atlas, "CA1")
    assert (both.acronym, both.name, both.members) == ("CA1", "CA1 field", {3, 4})


def test_a_circle_has_an_end(atlas):
    atlas.structures.loc[0, "parent_structure_id"] = 2
    assert find_structure(atlas, 1).members == set(range(1, 12))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("hippocampal formatoin", r"no structure '.*'; did you mean hippocampal formation \(HiF\) or parahippocampal"),
        ("HiFf", r"did you mean hippocampal formation \(HiF\)"),
        ("zzzzzz", r"'zzzzzz'; jugex regions structures lists them, .*; in Python, atlas\.structures does"),
        (77, "no structure 77; jugex regions structures"),
        ("", "no structure ''; jugex regions structures"),
        ("III", r"'III' matches 2 structures of toy atlas; name one, .*: III \(Ve-III, id 8\); III \(Cb-III, id 9\)$"),
        ("hippocampal", r"matches 2 structures .*: hippocampal formation .*; parahippocampal gyrus \(PHG, id 5\)$"),
    ],
)
def test_none_or_several(atlas, asked, message):
    with pytest.raises(RegionError, match=message):
        find_structure(atlas, asked)


def test_of_many_a_few_are_shown(atlas):
    many = [(20 + number, f"L{number}", f"lobule {number}", 1) for number in range(9)]
    more = pd.DataFrame(many, columns=atlas.structures.columns).astype({"parent_structure_id": "Int64"})
    atlas.structures = pd.concat([atlas.structures, more], ignore_index=True)
    with pytest.raises(
        RegionError, match=r"'lobule' matches 9 structures .*: lobule 0 .* lobule 4 \(L4, id 24\); and 4 more$"
    ):
        find_structure(atlas, "lobule")


def test_an_atlas_without_structures(atlas):
    atlas.structures = atlas.structures.iloc[:0]
    assert find_structure(atlas, 3).members == {3}  # those of the samples are known
    atlas.samples = atlas.samples.iloc[:0]
    with pytest.raises(RegionError, match="toy atlas names no anatomical structures: give an image or a shape"):
        find_structure(atlas, 3)


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ("HiF", [(2,)]),
        (2, [(2,)]),
        ("HiF, PHG", [(2,), (5,)]),
        ("parahippocampal gyrus, left,HiF", [(6,), (2,)]),  # a comma of the name's own
        (["parahippocampal gyrus, left", 2], [(6,), (2,)]),
    ],
)
def test_several_structures(atlas, asked, ids):
    assert [structure.structure_ids for structure in find_structures(atlas, asked)] == ids


@pytest.mark.parametrize("asked", ["", " , ", []])
def test_no_structure_is_named(atlas, asked):
    with pytest.raises(OptionError, match="no structure is named: give at least one acronym, name or id"):
        find_structures(atlas, asked)


# --- regions ----------------------------------------------------------------------------------------------------


def test_a_region_holds_the_samples_of_all_descendants(atlas):
    region = Region.from_structure("Hippocampal Formation", atlas=atlas)
    located = region.locate(atlas.samples)
    assert located["inside"].tolist() == atlas.samples["structure_id"].isin([2, 3, 4]).tolist()
    assert located["probability"].isna().all()
    assert not located["between_voxels"].any()
    assert region.name == "hippocampal formation"
    assert np.isnan(region.volume)
    assert repr(region) == "<Region 'hippocampal formation': no extent in space>"
    points = atlas.samples.loc[located["inside"], ["mni_x", "mni_y", "mni_z"]].to_numpy()
    np.testing.assert_allclose(region.centroid, points.mean(axis=0), rtol=0, atol=1e-12)  # another order of sums
    assert np.asarray(region.to_image().dataobj).sum() == len(points)  # they are 1 mm apart
    assert region.contains([points[0] + [0.4, 0, 0.4], points[0] + [0, 5, 0]]).tolist() == [True, False]


def test_identity(atlas):
    identity = Region.from_structure("HiF", atlas=atlas, name="hippocampus").identity()
    assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
    assert (identity.name, identity.asked, identity.volume_mm3) == ("hippocampus", "HiF", None)
    assert identity.to_dict()["structure"] == {
        "structure_ids": [2], "acronym": "HiF", "name": "hippocampal formation", "n_structures": 3,
    }  # fmt: skip


def test_bound_when_the_atlas_is_known(atlas):
    loose = parse_region("structure:HiF + structure:parahippocampal gyrus, left")
    bound = loose.bound_to(atlas)
    assert [part.name for part in bound.parts] == ["hippocampal formation", "parahippocampal gyrus, left"]
    assert bound.locate(atlas.samples)["inside"].sum() == 6
    assert parse_region("structure:HiF", name="mine").bound_to(atlas).name == "mine"
    assert isinstance(parse_region("structure:HiF"), StructureRegion)
    again = Region.from_structure("HiF", atlas=atlas).bound_to(atlas.with_donors(["H0351.2001"]))
    assert len(again.points) == 3


def test_combined_with_a_sphere(atlas):
    structure, ball = Region.from_structure("HiF", atlas=atlas), Region.sphere((0, 0, 0), 6)
    inside = structure.locate(atlas.samples)["inside"]
    near = ball.locate(atlas.samples)["inside"]
    for region, expected in (
        (ball & structure, near & inside), (ball - structure, near & ~inside), (structure | ball, near | inside),
        (~structure, ~inside), (structure.right, inside & (atlas.samples["mni_x"] > 0)),
    ):  # fmt: skip
        assert region.locate(atlas.samples)["inside"].tolist() == expected.tolist()
        assert np.isnan(region.volume)
        assert region.identity().volume_mm3 is None
    assert np.asarray((ball & structure).to_image().dataobj).sum() == (near & inside).sum()


@pytest.mark.parametrize("mm", [0, 1.5])
@pytest.mark.parametrize(("asked", "members"), [("HiF", {2, 3, 4}), ("HiF, PHG", {2, 3, 4, 5, 6, 7}), (10, {10})])
def test_a_region_within_structures_and_without_them(atlas, asked, members, mm):
    ball = (Region.sphere((0, 0, 0), 6) | Region.box((-40, -30, -20), (-1, 30, 20))).with_tolerance(mm)
    here = ball.locate(atlas.samples)
    of_structure = atlas.samples["structure_id"].isin(members)
    structures = region_of_structures(asked, atlas=atlas)
    for region, counts in ((ball & structures, of_structure), (ball - structures, ~of_structure)):
        located = region.locate(atlas.samples)
        assert located["inside"].tolist() == (here["inside"] & counts).tolist()
        assert located["tolerated"].tolist() == (here["tolerated"] & counts).tolist()
        assert located["probability"].equals(here["probability"].where(counts))
        assert located["between_voxels"][located["inside"]].equals(here["between_voxels"][located["inside"]])
        first, second = region.bound_to(atlas).identity().parts
        assert first.tolerance_mm == (mm or None)
        named = [part.structure.structure_ids for part in second.parts or (second,)]
        assert {number for ids in named for number in ids} <= members


def test_a_structure_has_no_neighbourhood(atlas):
    structure, ball = Region.from_structure("HiF", atlas=atlas), Region.sphere((0, 0, 0), 6)
    assert structure.with_tolerance(50).locate(atlas.samples)["inside"].sum() == 5
    for region in (structure, ball & structure):
        assert np.isinf(region.distances([(0, 0, 0)])).all()
        with pytest.raises(RegionError, match="cannot be eroded by 1 mm: it is made of anatomical structures"):
            region.eroded(1)
    assert (structure | ball).distances([(8, 0, 0)]).tolist() == [2]


@pytest.mark.parametrize("use", ["identity", "to_image", "_look_up"])
def test_a_region_that_was_not_looked_up(use):
    with pytest.raises(
        RegionError, match=r"'HiF' has not been looked up in an atlas; give Region\.from_structure\('HiF'"
    ):
        getattr(Region.from_structure("HiF"), use)()


def test_what_is_no_atlas():
    with pytest.raises(OptionError, match=r"the atlas must be one that jugex\.open_atlas returns; got str"):
        Region.from_structure("HiF", atlas="simulated")


def test_a_structure_without_samples(atlas):
    with pytest.raises(
        RegionError, match="toy atlas has no sample of the structure 'fourth ventricle' or of its parts"
    ):
        Region.from_structure("4V", atlas=atlas)


def test_real_ontology(shared_data):
    atlas = jugex.open_atlas(shared_data / "ahba-mini")
    region = Region.from_structure("Hippocampal Formation", atlas=atlas)
    # counted in SampleAnnot.csv by structure_id_path of Ontology.csv containing /4249/
    assert region.coverage(atlas).n_samples == 188
    assert find_structure(atlas, "PHG").structure_ids == (4242,)
    assert find_structure(atlas, "claustrum, left").structure_ids == (4322,)
    assert find_structure(atlas, "7vl").name == "facial motor nucleus, ventral part"
    assert find_structure(atlas, "7VL").name == "facial motor nucleus, ventrolateral part"
    with pytest.raises(RegionError, match=r"'DRrc' matches 2 structures .*id 9461\); .*id 9468\)"):
        find_structure(atlas, "DRrc")
    for structure_id in atlas.structures["structure_id"][::100]:
        assert structure_id in find_structure(atlas, structure_id).members


@pytest.mark.parametrize(("everyday", "n"), [("hippocampus", 2), ("left hippocampus", 1), ("cortex", 2)])
def test_everyday_names_find_simulated_structures(everyday, n):
    """The names of simulated structures begin with that word."""
    atlas = jugex.open_atlas("simulated")
    named = jugex.Region.from_structure(everyday, atlas=atlas)
    inside = atlas.samples[named.locate(atlas.samples).inside]
    sides = {name.rpartition(", ")[2] for name in inside["structure_name"]}
    assert sides == ({"left", "right"} if n == 2 else {"left"})
