"""Erosion, dilation, distances and tolerance, against brute force over voxels."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from jugex.errors import OptionError, RegionError
from jugex.regions import Region, RegionIdentity, region_from_image
from tests.regions.helpers import AFFINE, at_voxels, make_image, probabilities, samples

SHAPE = (5, 4, 6)
masks = arrays(np.bool_, SHAPE).filter(np.any)
widths = st.sampled_from([0.5, 1.0, 2.0, 3.1, 4.5])


def make_affine(sizes, turn):
    """Voxel sizes in mm, turned about z by an angle, and mirrored, as real images are."""
    cos, sin = np.cos(turn), np.sin(turn)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ np.diag([-sizes[0], sizes[1], sizes[2]])
    affine[:3, 3] = (7, -20, 4)
    return affine


affines = st.builds(
    make_affine,
    st.tuples(*[st.sampled_from([1.0, 2.0, 3.5])] * 3),
    st.sampled_from([0.0, 0.4, np.pi / 2]),
)


def mask_region(mask, affine):
    return region_from_image(make_image(mask.astype(np.uint8), affine), name="mask")


def centres(mask, affine):
    return nib.affines.apply_affine(affine, np.argwhere(mask))


def distances_between(points, others):
    return np.linalg.norm(points[:, np.newaxis] - others, axis=2)


def set_of_points(image):
    return {tuple(point) for point in np.round(centres(np.asarray(image.dataobj) > 0, image.affine), 6) + 0.0}


@given(masks, affines, widths)
def test_erosion_keeps_what_is_far_from_all_that_is_outside(mask, affine, mm):
    outside = np.argwhere(~np.pad(mask, 1)) - 1
    points = centres(mask, affine)
    nearest = distances_between(points, nib.affines.apply_affine(affine, outside)).min(axis=1)
    kept = points[nearest > mm + 1e-6]  # distances equal to the width, but for rounding, are not larger
    region = mask_region(mask, affine)
    if not len(kept):
        with pytest.raises(RegionError, match=r"nothing of region 'mask' is left when eroded by .* erode by less"):
            region.eroded(mm)
        return
    eroded = region.eroded(mm)
    assert set_of_points(eroded.to_image()) == {tuple(point) for point in np.round(kept, 6) + 0.0}
    assert eroded.volume == pytest.approx(len(kept) * abs(np.linalg.det(affine[:3, :3])), rel=1e-12)  # rounding


@given(masks, affines, widths)
def test_dilation_adds_what_is_near(mask, affine, mm):
    room = int(np.ceil(mm)) + 1
    around = nib.affines.apply_affine(affine, np.argwhere(np.pad(np.ones_like(mask), room)))
    far = np.argwhere(np.ones([n + 2 * room for n in mask.shape])) - room
    points = nib.affines.apply_affine(affine, far)
    assert len(around) <= len(points)
    near = points[distances_between(points, centres(mask, affine)).min(axis=1) <= mm + 1e-6]
    dilated = mask_region(mask, affine).dilated(mm)
    assert set_of_points(dilated.to_image()) == {tuple(point) for point in np.round(near, 6) + 0.0}
    found = dilated.contains(points)
    assert found.sum() == len(near)


@given(masks, widths)
def test_erosion_within_region_within_dilation(mask, mm):
    region = mask_region(mask, AFFINE)
    at = at_voxels(np.argwhere(np.ones([2 * n + 7 for n in SHAPE])) / 2 - 2)
    inside = region.locate(at)["inside"]
    larger = region.dilated(mm).locate(at)["inside"]
    assert larger[inside].all()
    try:
        smaller = region.eroded(mm).locate(at)["inside"]
    except RegionError:
        return
    assert inside[smaller].all()


@given(masks, affines)
def test_distances_are_those_to_the_nearest_voxel_s_faces(mask, affine):
    points = np.random.default_rng(3).uniform(-35, 35, (40, 3))
    sizes, axes = nib.affines.voxel_sizes(affine), affine[:3, :3] / nib.affines.voxel_sizes(affine)
    offsets = np.abs((points[:, np.newaxis] - centres(mask, affine)) @ axes)
    expected = np.linalg.norm(np.maximum(offsets - sizes / 2, 0), axis=2).min(axis=1)
    # coordinates of some 10 mm: rounding only
    np.testing.assert_allclose(mask_region(mask, affine).distances(points), expected, rtol=0, atol=1e-9)


@given(masks, affines)
def test_by_the_rule_floor_a_voxel_begins_at_its_indices(mask, affine):
    at = np.random.default_rng(5).uniform(-2, 8, (60, 3))  # in voxels
    sizes = nib.affines.voxel_sizes(affine)
    beside = np.maximum(np.abs(at[:, np.newaxis] - np.argwhere(mask) - 0.5) - 0.5, 0)
    expected = np.linalg.norm(beside * sizes, axis=2).min(axis=1)
    region, points = mask_region(mask, affine).with_voxel("floor"), nib.affines.apply_affine(affine, at)
    np.testing.assert_allclose(region.distances(points), expected, rtol=0, atol=1e-9)  # as above
    np.testing.assert_array_equal(region.contains(points), expected < 1e-9)


@given(masks, affines, st.sampled_from([0.3, 1.0, 2.5]))
def test_a_tolerance_takes_in_what_is_near_enough(mask, affine, mm):
    region = mask_region(mask, affine)
    at = samples(*np.random.default_rng(4).uniform(-30, 30, (60, 3)))
    found, tolerant = region.locate(at), region.with_tolerance(mm).locate(at)
    near = region.distances(at) <= mm
    np.testing.assert_array_equal(tolerant["inside"], found["inside"] | near)
    np.testing.assert_array_equal(tolerant["tolerated"], near & ~found["inside"])


def test_nothing_changes_by_0_mm():
    region = region_from_image(make_image(probabilities()))
    assert region.with_tolerance(0) is region.eroded(0) is region.dilated(0) is region


def test_distances_of_unions_and_spheres_are_exact():
    ball, box = Region.sphere((0, 0, 0), 5), Region.box((20, -5, -5), (30, 5, 5))
    at = [(10, 0, 0), (18, 0, 0), (1, 0, 0)]
    np.testing.assert_allclose((ball | box).distances(at), [5, 2, 0], rtol=0, atol=1e-12)  # rounding
    assert Region.sphere((0, 0, 0), 1).distances(np.empty((0, 3))).tolist() == []
    assert (ball - ball).distances(at).tolist() == [np.inf] * 3
    assert region_from_image(make_image(np.ones(SHAPE, np.uint8))).distances(np.empty((0, 3))).shape == (0,)


def test_deep_inside_is_at_distance_0():
    region = mask_region(np.ones((9, 9, 9), dtype=bool), AFFINE)
    assert region.distances(at_voxels([[4, 4, 4], [4.5, 4, 4], [0, 0, 0]])).tolist() == [0, 0, 0]


def test_probabilities_of_resized_and_tolerant_regions():
    values = ndimage.gaussian_filter(np.pad(np.ones((3, 3, 3), dtype=np.float32), 5), 1.5)
    region = region_from_image(make_image(values), threshold=0.2, name="map")
    at = at_voxels(np.argwhere(values >= 0))
    found = region.locate(at)
    for other in (region.eroded(2), region.dilated(4), region.with_tolerance(1.5)):
        located = other.locate(at)
        both = found["inside"] & located["inside"]
        np.testing.assert_array_equal(located["probability"][both], found["probability"][both])
        assert located["probability"][~both].isna().all()
    assert region.eroded(2).locate(at)["inside"].sum() < found["inside"].sum()
    assert found["inside"].sum() < region.dilated(4).locate(at)["inside"].sum()


def test_a_tolerance_settles_what_lies_between_voxels():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[1, 1, 1] = True
    region = mask_region(mask, AFFINE)
    at = at_voxels([[1.5, 1, 1], [2.5, 1, 1]])  # on the voxel's face; between two others
    assert region.locate(at)[["inside", "between_voxels"]].to_numpy().tolist() == [[False, True], [False, True]]
    tolerant = region.with_tolerance(0.1).locate(at)
    assert tolerant[["inside", "between_voxels"]].to_numpy().tolist() == [[True, False], [False, True]]


def test_dilation_beyond_the_image_keeps_the_side_between_voxels():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[0, 1, 1] = True
    dilated = mask_region(mask, AFFINE).dilated(2)
    at = at_voxels([[1.5, 1, 1], [-1.5, 1, 1]])
    located = dilated.locate(at)  # of voxels 1 and 2, and of -1 and -2, the even one counts
    assert located["inside"].tolist() == [False, False]
    assert located["between_voxels"].all()
    assert dilated.contains(at_voxels([[-1, 1, 1], [-2, 1, 1]])).tolist() == [True, False]


def test_identities():
    region = mask_region(np.ones(SHAPE, dtype=bool), AFFINE)
    for resized, kind in ((region.eroded(1), "eroded by 1 mm"), (region.dilated(1.5), "dilated by 1.5 mm")):
        identity = resized.identity()
        assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
        assert (identity.name, identity.kind) == (f"mask {kind}", kind)
        assert [part.name for part in identity.parts] == ["mask"]
        assert resized.renamed("R").name == "R"
    tolerant = region.with_tolerance(2)
    assert tolerant.identity() == replace(region.identity(), tolerance_mm=2.0)
    assert tolerant.renamed("R").identity().name == "R"
    assert (tolerant.volume, tolerant.centroid.tolist()) == (region.volume, region.centroid.tolist())
    np.testing.assert_array_equal(tolerant.to_image().dataobj, region.to_image().dataobj)
    assert tolerant.contains(at_voxels([[0, 0, -0.6], [0, 0, 0]])).tolist() == [False, True]
    assert tolerant.with_tolerance(1).identity().tolerance_mm == 2
    assert tolerant.with_tolerance(3).identity().tolerance_mm == 3
    assert tolerant.space == region.eroded(1).space == region.space


def test_a_sheared_grid_is_measured_at_1_mm():
    affine = AFFINE.copy()
    affine[0, 1] = 1.0
    region = mask_region(np.ones(SHAPE, dtype=bool), affine)
    middle = nib.affines.apply_affine(affine, [2, 1.5, 2.5])
    far = middle + np.array([0, 0, 12 + 5])  # the slab's faces are 6 mm above and below its middle
    # half a voxel of the grid of 1 mm on either side
    assert region.distances(np.array([middle, far])) == pytest.approx([0, 11], abs=0.5)
    assert region.eroded(1.5).volume < region.volume < region.dilated(1.5).volume


@pytest.mark.parametrize("mm", [-1, np.inf, np.nan])
def test_impossible_widths(mm):
    region = Region.sphere((0, 0, 0), 5)
    for resize, word in ((region.eroded, "erode"), (region.dilated, "dilate"), (region.with_tolerance, "tolerate")):
        with pytest.raises(OptionError, match=f"{word}.* mm is impossible: a finite number of mm, 0 or more"):
            resize(mm)


def test_an_empty_region_has_no_rim():
    empty = Region.sphere((0, 0, 0), 5) & Region.sphere((40, 0, 0), 5)
    with pytest.raises(RegionError, match="cannot be dilated by 1 mm: it is empty"):
        empty.dilated(1)
