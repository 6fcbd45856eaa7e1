from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from jugex.errors import RegionError
from jugex.regions import Region, RegionIdentity, Sphere, Union, region_from_image
from tests.regions.helpers import AFFINE, SHAPE, at_voxels, labels, make_image, probabilities, samples

CENTRE = (-4.0, 60.0, 21.0)


def one_voxel(voxel, value=1, dtype=np.uint8, affine=AFFINE):
    data = np.zeros(SHAPE, dtype=dtype)
    data[tuple(voxel)] = value
    return region_from_image(make_image(data, affine), name=str(value))


# --- spheres ----------------------------------------------------------------------------------------------------


def test_a_sphere_holds_its_surface():
    sphere = Region.sphere((0.1, 0, 0), 0.3)
    found = sphere.locate(samples((0.4, 0, 0), (-0.2, 0, 0), (0.1, 0, 0.301)))  # 0.4 - 0.1 > 0.3 in floating point
    assert found["inside"].tolist() == [True, True, False]
    assert found["probability"].isna().all()
    assert not found["between_voxels"].any()


def test_a_sphere_describes_itself():
    sphere = Sphere.of(CENTRE, 10)
    assert sphere.name == "sphere:-4,60,21,10"
    assert sphere.renamed("ball").name == "ball"
    assert sphere == Sphere.of(list(CENTRE), 10.0)
    identity = sphere.identity()
    assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
    assert (identity.kind, identity.centre, identity.radius_mm) == ("sphere", CENTRE, 10.0)
    assert (identity.threshold, identity.centroid) == (None, CENTRE)


def test_the_image_of_a_sphere():
    sphere = Sphere.of((-4, 60, 21), 8)
    image = sphere.to_image()
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(image.affine[:3, :3], np.eye(3))
    mask = np.asarray(image.dataobj)
    centre = image.affine[:3, 3] + ndimage.center_of_mass(mask)
    np.testing.assert_allclose(centre, CENTRE, rtol=0, atol=1e-9)  # symmetric about a point of the grid: rounding only
    # the number of grid points in a ball of 8 mm differs from its volume by about 1 %
    assert mask.sum() == pytest.approx(sphere.volume, rel=0.02)
    assert sphere.volume == pytest.approx(2144.66, abs=0.005)  # 4/3 pi 8^3, to the digits written here


def test_the_image_of_a_huge_sphere_is_cut():
    assert Sphere.of((0, 0, 0), 1e6).to_image().shape == (201, 251, 211)


@pytest.mark.parametrize(
    ("centre", "radius", "message"),
    [
        ((0, 0), 5, "has 2 coordinates: x, y, z in mm are needed"),
        ((0, 0, 200), 5, r"the centre \(0\.0, 0\.0, 200\.0\) of a sphere is not in MNI space"),
        ((np.nan, 0, 0), 5, "not in MNI space"),
        ((0, 0, 0), 0, "radius 0 mm of a sphere is out of range: it must be larger than 0"),
        ((0, 0, 0), -1, "radius -1 mm"),
        ((0, 0, 0), np.inf, "radius inf mm"),
        ((0, 0, 0), np.nan, "radius nan mm"),
    ],
)
def test_impossible_spheres(centre, radius, message):
    with pytest.raises(RegionError, match=message):
        Region.sphere(centre, radius)


# --- unions -----------------------------------------------------------------------------------------------------


def test_a_union_takes_the_larger_probability():
    first = one_voxel([1, 1, 1], 0.5, np.float32)
    second = region_from_image(make_image(np.full(SHAPE, 0.3, dtype=np.float32)), name="wide")
    union = first | second
    found = union.locate(at_voxels([[1, 1, 1], [2, 2, 2], [9, 9, 9]]))
    assert found["inside"].tolist() == [True, True, False]
    assert found["probability"].tolist()[:2] == [0.5, np.float32(0.3)]
    assert np.isnan(found["probability"][2])
    assert union.name == "0.5 + wide"


def test_a_part_without_probability_hides_no_other():
    mask, area = one_voxel([1, 1, 1]), one_voxel([1, 1, 1], 0.5, np.float32)
    for union in (mask | area, area | mask):
        assert union.locate(at_voxels([[1, 1, 1]]))["probability"].tolist() == [0.5]
    assert (mask | mask).locate(at_voxels([[1, 1, 1]]))["probability"].isna().all()


def test_between_voxels_of_a_union():
    point = at_voxels([[1.5, 2, 2]])
    even, odd, far = one_voxel([2, 2, 2]), one_voxel([1, 2, 2]), one_voxel([4, 5, 5])
    around = Sphere.of(tuple(point.to_numpy()[0]), 3)

    def locate(region):
        found = region.locate(point)
        return bool(found["inside"][0]), bool(found["between_voxels"][0])

    assert locate(even | far) == (True, True)  # in by the convention only
    assert locate(odd | far) == (False, True)  # out by the convention only
    assert locate(around | far) == (True, False)  # in for certain, whatever the other's grid


def test_unions_are_flat():
    parts = [one_voxel([i, 0, 0], i + 1) for i in range(4)]
    left, right = Union.of(parts[:2], name="left"), parts[2] | parts[3]
    union = left | right
    assert union.parts == tuple(parts)
    assert union.name == "left + 3 + 4"
    assert union.renamed("all").name == "all"
    assert (parts[0] | parts[1] | parts[2]).name == "1 + 2 + 3"


def test_a_union_of_nothing():
    with pytest.raises(RegionError, match="a union of no regions is empty"):
        Union.of([])


def test_a_region_joins_regions_only():
    with pytest.raises(TypeError, match="unsupported operand"):
        one_voxel([1, 1, 1]) | 3


def test_volume_and_centroid_count_common_points_once_on_a_common_grid():
    first, second = labels() == 1, np.logical_or(labels() == 1, labels() == 2)
    union = region_from_image(make_image(first.astype(np.uint8))) | region_from_image(
        make_image(second.astype(np.int16))
    )
    assert union.volume == 18 * 8.0
    image = union.to_image()
    np.testing.assert_array_equal(np.asarray(image.dataobj), second)
    np.testing.assert_array_equal(image.affine, AFFINE)
    expected = AFFINE[:3, :3] @ ndimage.center_of_mass(second) + AFFINE[:3, 3]
    # means of 18 coordinates below 40 mm: rounding only
    np.testing.assert_allclose(union.centroid, expected, rtol=0, atol=1e-12)


def test_volume_of_a_union_on_different_grids():
    sphere, other = Sphere.of((0, 0, 0), 9), Sphere.of((30, 0, 0), 6)
    overlapping = Sphere.of((0, 0, 0), 5)
    # 1 mm points in balls of 6 and 9 mm: within 2 % of their volumes
    assert (sphere | other).volume == pytest.approx(sphere.volume + other.volume, rel=0.02)
    assert (sphere | overlapping).volume == pytest.approx(sphere.volume, rel=0.02)
    union = sphere | region_from_image(make_image(probabilities()))
    image = union.to_image()
    assert image.get_data_dtype() == np.uint8
    assert int(np.asarray(image.dataobj).sum()) == union.volume
    low = image.affine[:3, 3]
    assert (low <= (-11, -9, -9)).all()  # the sphere, and the first voxel's edge in x
    assert (low + image.shape > (9, 31, 17)).all()


def test_a_union_of_spheres_too_small_for_the_grid_has_a_centre():
    union = Sphere.of((0.5, 0.5, 0.5), 0.1) | Sphere.of((2.5, 0.5, 0.5), 0.1)
    assert union.centroid.tolist() == [1.5, 0.5, 0.5]
    assert union.volume == 0


def test_identity_of_a_union_holds_its_parts():
    union = one_voxel([1, 1, 1]) | Sphere.of(CENTRE, 5)
    identity = union.identity()
    assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
    assert identity.kind == "union"
    assert [part.kind for part in identity.parts] == ["binary mask", "sphere"]
    assert repr(one_voxel([1, 1, 1]) | one_voxel([2, 2, 2], 5)) == "<Region '1 + 5': 16 mm3>"
