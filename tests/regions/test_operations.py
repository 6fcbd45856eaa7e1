"""Set operations and hemispheres, against NumPy's on arrays of booleans."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from jugex.errors import RegionError
from jugex.regions import Region, RegionIdentity, region_from_image
from jugex.regions.base import Membership
from jugex.regions.operations import brain_region
from tests.regions.helpers import AFFINE, SHAPE, at_voxels, make_image, probabilities, samples

SMALL = (4, 3, 3)
#: 2 mm voxels on either side of the midline: the centres of the first axis lie at -3, -1, 1 and 3 mm
ACROSS = np.array([[2.0, 0, 0, -3], [0, 2, 0, 20], [0, 0, 2, 4], [0, 0, 0, 1]])
EVERYWHERE = at_voxels(np.argwhere(np.ones(SMALL)), ACROSS)
#: also what lies between voxels, and outside the image
HALVES = at_voxels(np.argwhere(np.ones([2 * n + 3 for n in SMALL])) / 2 - 1, ACROSS)

masks = arrays(np.bool_, SMALL).filter(np.any)


def mask_region(mask, affine=ACROSS, name=None):
    return region_from_image(make_image(mask.astype(np.uint8), affine), name=name)


def map_region(values, threshold=0.2):
    return region_from_image(make_image(values.astype(np.float32), AFFINE), threshold=threshold)


def inside(region, at=EVERYWHERE):
    return region.locate(at)["inside"].to_numpy()


def same(region_1, region_2, at=HALVES):
    columns = ["inside", "between_voxels"]
    return region_1.locate(at)[columns].equals(region_2.locate(at)[columns])


@given(masks, masks)
def test_operations_are_those_on_arrays(a, b):
    first, second = mask_region(a), mask_region(b)
    for region, expected in (
        (first | second, a | b), (first & second, a & b), (first - second, a & ~b), (~first, ~a),
    ):  # fmt: skip
        assert inside(region).tolist() == expected.ravel().tolist()
        assert not region.locate(EVERYWHERE)["between_voxels"].any()


@given(masks, masks)
def test_laws_hold_between_voxels_too(a, b):
    first, second = mask_region(a), mask_region(b)
    assert same(~(first | second), ~first & ~second)
    assert same(~(first & second), ~first | ~second)
    assert same(first & second, second & first)
    assert same(first | second, second | first)
    assert same(first - second, first & ~second)
    for region in (first & first, first | first, ~~first):
        assert same(region, first)


@given(masks, masks)
def test_volume_centroid_and_image_on_a_common_grid(a, b):
    first, second = mask_region(a), mask_region(b)
    for region, expected in (
        (first & second, a & b),
        (first - second, a & ~b),
        (first.left, a & (np.arange(4) < 2)[:, None, None]),
    ):
        assert region.volume == 8.0 * expected.sum()
        np.testing.assert_array_equal(np.asarray(region.to_image().dataobj), expected)
        np.testing.assert_array_equal(region.to_image().affine, ACROSS)
        if expected.any():
            centre = nib.affines.apply_affine(ACROSS, np.argwhere(expected)).mean(axis=0)
            np.testing.assert_allclose(region.centroid, centre, rtol=0, atol=1e-12)  # means of small numbers: rounding
        else:
            assert np.isnan(region.centroid).all()
            assert region.identity().centroid is None


@given(masks)
def test_hemispheres_part_a_region_but_for_the_midline(mask):
    region = mask_region(mask)
    x = HALVES["mni_x"].to_numpy()
    left, right = inside(region.left, HALVES), inside(region.right, HALVES)
    assert not (left & right).any()
    np.testing.assert_array_equal(left | right, inside(region, HALVES) & (x != 0))
    assert (x[left] < 0).all()
    assert (x[right] > 0).all()
    assert region.left.volume + region.right.volume == region.volume  # no voxel's centre at x = 0


def test_a_sample_on_the_midline_is_in_neither_half():
    ball = Region.sphere((0, 0, 0), 5)
    midline = samples((0, 1, 0))
    assert inside(ball, midline).tolist() == [True]
    assert inside(ball.left, midline).tolist() == inside(ball.right, midline).tolist() == [False]


def test_probabilities():
    wide, narrow = probabilities(), probabilities()[::-1].copy()
    first, second = map_region(wide, 0.0), map_region(narrow, 0.0)
    mask = region_from_image(make_image((wide > 0.5).astype(np.uint8)))
    at = at_voxels(np.argwhere(np.ones(SHAPE)))
    p_1, p_2, sure = wide.ravel().astype(float), narrow.ravel().astype(float), (wide > 0.5).ravel()

    def check(region, where, values):
        np.testing.assert_array_equal(region.locate(at)["probability"], np.where(where, values, np.nan))

    both = (p_1 > 0) & (p_2 > 0)
    check(first & second, both, np.minimum(p_1, p_2))
    check(first - second, (p_1 > 0) & ~(p_2 > 0), p_1)
    check(first & mask, sure, p_1)  # a mask limits no probability
    check(mask & first, sure, p_1)
    check(~first, both, np.nan)
    check(first.left, (p_1 > 0) & (at["mni_x"].to_numpy() < 0), p_1)


MEMBERSHIPS = {"in": (True, False), "out": (False, False), "in?": (True, True), "out?": (False, True)}


@pytest.mark.parametrize(
    ("first", "second", "union", "intersection"),
    [
        ("in", "out?", "in", "out?"),
        ("in", "in?", "in", "in?"),
        ("out", "in?", "in?", "out"),
        ("out", "out?", "out?", "out"),
        ("in?", "out?", "in?", "out?"),
    ],
)
def test_what_no_convention_can_change_is_certain(first, second, union, intersection):
    def membership(name):
        return Membership(*(np.array([value]) for value in MEMBERSHIPS[name]))

    def name(membership):
        return next(
            name for name, pair in MEMBERSHIPS.items() if pair == (membership.inside[0], membership.between_voxels[0])
        )

    assert name(membership(first) | membership(second)) == name(membership(second) | membership(first)) == union
    assert name(membership(first) & membership(second)) == name(membership(second) & membership(first)) == intersection


def test_regions_on_different_grids_are_measured_at_1_mm():
    ball, half = Region.sphere((0, 0, 0), 9), Region.box((0, -20, -20), (20, 20, 20))
    # points of a 1 mm grid in half a ball of 9 mm, its flat side included: 254 points more than half the ball has
    assert (ball & half).volume == pytest.approx((ball.volume + 254) / 2, rel=0.02)
    assert (ball - half).volume == pytest.approx((ball.volume - 254) / 2, rel=0.02)
    assert (ball & Region.sphere((40, 0, 0), 5)).volume == 0
    assert (ball & half).contains([(3, 0, 0), (-3, 0, 0)]).tolist() == [True, False]


def test_the_rest_of_the_brain():
    ball = Region.sphere((-20, 0, 10), 15)
    rest = ~ball
    brain = brain_region()
    assert rest.volume == pytest.approx(brain.volume - ball.volume, rel=1e-3)  # a ball counted on a 1 mm grid
    image = rest.to_image()
    assert not ((np.asarray(image.dataobj) > 0) & ball.contains(grid_points(image)).reshape(image.shape)).any()
    at = samples((-20, 0, 10), (20, 0, 10), (0, 0, 110))
    assert inside(rest, at).tolist() == [False, True, True]  # each sample is from a brain
    assert rest.contains(at).tolist() == [False, True, False]
    assert (~~ball).contains(at).tolist() == [True, False, False]
    assert repr(rest) == "<Region 'not sphere:-20,0,10,15': rest of the brain>"


def grid_points(image):
    return nib.affines.apply_affine(image.affine, np.argwhere(np.ones(image.shape)))


def test_names_and_identities():
    a, b = Region.sphere((0, 0, 0), 5, name="a"), Region.sphere((1, 0, 0), 5, name="b")
    assert (a & b).name == "a & b"
    assert (a - (a & b)).name == "a - (a & b)"
    assert (a & b & a).parts == (a, b, a)
    assert (a | b).left.name == "(a + b) left"
    assert (~(a | b)).name == "not (a + b)"
    for region, kind in (
        (a & b, "intersection"), (a - b, "difference"), (a.left, "left half"), (a.right, "right half"),
    ):  # fmt: skip
        identity = region.identity()
        assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
        assert identity.kind == kind
        assert [part.kind for part in identity.parts] == ["sphere"] * len(region.parts)
        assert region.renamed("other").name == "other"


def test_operands_are_regions():
    for combine in (lambda: Region.sphere((0, 0, 0), 5) & 3, lambda: Region.sphere((0, 0, 0), 5) - 3):
        with pytest.raises(TypeError, match="unsupported operand"):
            combine()


def test_spaces_do_not_mix():
    here, there = Region.sphere((0, 0, 0), 5), Region.sphere((0, 0, 0), 5, space="mouse")
    for combine in (lambda: here & there, lambda: here - there):
        with pytest.raises(RegionError, match=r"in the space MNI152NLin2009cAsym, but region .* in mouse"):
            combine()
    with pytest.raises(
        RegionError, match="in the space mouse, but the brain's extent is known only in MNI152: subtract it"
    ):
        _ = ~there


# --- boxes ------------------------------------------------------------------------------------------------------


def test_a_box_holds_its_faces():
    box = Region.box((10, 20, 5), (-10, 40, 0))
    at = samples((10, 20, 0), (10.1, 30, 1), (0, 30, 2.5), (0, 41, 2))
    assert inside(box, at).tolist() == [True, False, True, False]
    assert box.locate(at)["probability"].isna().all()
    assert box.name == "box:-10,20,0,10,40,5"
    assert box.volume == 20 * 20 * 5
    assert box.centroid.tolist() == [0, 30, 2.5]
    assert box.distances([(13, 44, 2), (0, 30, 1)]).tolist() == [5, 0]
    assert np.asarray(box.to_image().dataobj).shape == (21, 21, 6)
    identity = box.renamed("cut").identity()
    assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
    assert (identity.name, identity.kind, identity.low) == ("cut", "box", (-10, 20, 0))


@pytest.mark.parametrize(
    ("corner", "opposite", "message"),
    [
        ((0, 0), (5, 5, 5), r"the corner \(0, 0\) of a box is not a point: finite x, y, z in mm are needed"),
        ((0, 0, np.nan), (5, 5, 5), "of a box is not a point"),
        ((0, 0, 0), (5, 5, 500), r"the corner \(5, 5, 500\) of a box is not in MNI space"),
        ((0, 0, 0), (5, 5, 0), "is flat: corners that differ in x, y and z are needed"),
    ],
)
def test_impossible_boxes(corner, opposite, message):
    with pytest.raises(RegionError, match=message):
        Region.box(corner, opposite)
