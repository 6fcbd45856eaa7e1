from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.image import math_img
from scipy import ndimage

from jugex.errors import JugexWarning, OptionError, RegionError, RegionFileError
from jugex.regions import ImageRegion, Region, RegionIdentity, region_from_image
from jugex.regions.images import kind_of
from jugex.regions.nifti import Values
from tests.regions.helpers import (
    AFFINE,
    SHAPE,
    at_voxels,
    labels,
    make_image,
    probabilities,
    samples,
    save_image,
)

ALL_VOXELS = np.argwhere(np.ones(SHAPE))


def mask_of(region: Region) -> np.ndarray:
    return np.asarray(region.to_image().dataobj)


# --- which voxels belong to a region ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probability_map_agrees_with_nilearn_and_scipy(dtype):
    image = make_image(probabilities(dtype))
    region = region_from_image(image, threshold=0.2, name="area")
    reference = np.asarray(math_img("image > 0.2", image=image).dataobj)
    np.testing.assert_array_equal(mask_of(region), reference)
    assert region.volume == reference.sum() * 8.0
    # the mean of some 80 coordinates below 20 mm: only rounding differs
    expected = nib.affines.apply_affine(AFFINE, ndimage.center_of_mass(reference))
    np.testing.assert_allclose(region.centroid, expected, rtol=0, atol=1e-12)
    assert region.max_probability == probabilities(dtype).max()


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.7])
def test_samples_get_the_value_of_their_nearest_voxel(threshold):
    data = probabilities()
    points = at_voxels(np.random.default_rng(1).uniform(-2, 8, (500, 3)))
    found = region_from_image(make_image(data), threshold=threshold).locate(points)
    voxels = nib.affines.apply_affine(np.linalg.inv(AFFINE), points.to_numpy())
    # order 0 is the nearest voxel; grid-constant extends by zeros half a voxel beyond the last centres
    value = ndimage.map_coordinates(data, voxels.T, order=0, mode="grid-constant", cval=0.0)
    np.testing.assert_array_equal(found["inside"], value > np.float32(threshold))
    np.testing.assert_array_equal(found["probability"][found["inside"]], value[found["inside"]])
    assert found["probability"][~found["inside"]].isna().all()
    assert not found["between_voxels"].any()


def test_float32_is_compared_in_its_own_type():
    data = np.zeros(SHAPE, dtype=np.float32)
    data[1, 1, 1], data[2, 2, 2] = 0.2, 0.3
    assert float(data[1, 1, 1]) > 0.2  # what comparing in double precision would see
    region = region_from_image(make_image(data), threshold=0.2)
    assert region.n_voxels == 1
    assert mask_of(region)[2, 2, 2] == 1


@pytest.mark.parametrize(("percent", "most"), [(False, 1.0), (True, 100.0)])
@pytest.mark.parametrize("noise", [0, 1e-16, 9e-7])
def test_probabilities_and_percent_reach_their_limits_but_for_rounding(percent, most, noise):
    data = np.zeros(SHAPE)
    data[1, 1, :3] = np.array([0.5, 1 + noise, -noise]) * most
    region = region_from_image(make_image(data), percent=percent)
    assert (region.kind, region.n_voxels, region.max_probability) == ("probability map", 2, 1.0)
    assert region_from_image(make_image(data), percent=percent, threshold=0).n_voxels == 2


def test_float_percent_is_divided_by_100():
    data = np.zeros(SHAPE, dtype=np.float32)
    data[0, 0, 0], data[0, 0, 1], data[0, 0, 2] = 20, 21, 90.5
    region = region_from_image(make_image(data), percent=True)
    assert region.locate(at_voxels([[0, 0, 0], [0, 0, 1]]))["inside"].tolist() == [False, True]
    assert region.locate(at_voxels([[0, 0, 1]]))["probability"][0] == np.float32(0.21)
    assert region.max_probability == np.float32(0.905)
    assert region.identity().percent is True


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_percent_can_be_said_where_the_values_do_not_tell(dtype):
    data = np.zeros(SHAPE, dtype=dtype)
    data[0, 0, 0], data[0, 0, 1] = 1, 29
    region = region_from_image(make_image(data), threshold=0.29 - 1e-6, percent=True)
    assert region.n_voxels == 1
    assert region.kind == "probability map"
    with pytest.raises(RegionError, match=r"above the threshold 0\.29: the maximum is 0\.29"):
        region_from_image(make_image(data), threshold=0.29, percent=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("value", [1, 5, 255])
def test_two_whole_values_are_a_binary_mask_in_any_data_type(dtype, value):
    data = np.zeros(SHAPE, dtype=dtype)
    data[1:3, 2, 2] = value
    region = region_from_image(make_image(data), threshold=0.9)
    assert (region.kind, region.n_voxels, region.max_probability) == ("binary mask", 2, None)
    assert region.identity().threshold is None
    found = region.locate(at_voxels([[1, 2, 2], [0, 0, 0]]))
    assert found["inside"].tolist() == [True, False]
    assert found["probability"].isna().all()


def test_a_mean_of_masks_that_agree_is_a_mask():
    data = np.zeros(SHAPE)
    for _ in range(11):
        data[1, 1, 1] += 1 / 11  # 1.0000000000000002
    assert region_from_image(make_image(data)).kind == "binary mask"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.0], "empty"), ([-0.0, 1e-7], "empty"), ([1], "mask"), ([0, -3], "mask"), ([0, 1 - 1e-7, 1], "mask"),
        ([0, 1, 2], "labels"), ([-1, 0, 1], "labels"), ([0, 12345678, 23456789], "labels"), ([0, 1.0005, 2], "labels"),
        ([0, 0.6], "probabilities"), ([0, 0.6, 1], "probabilities"), ([0, 1e-5], "probabilities"),
        ([0, 1.4], "real numbers up to 100"), ([0, 4.1, 25.3], "real numbers up to 100"),
        ([0, 1.02], "real numbers up to 100"), ([0.3, -0.1], "other"), ([-3.2, 4.5], "other"), ([0, 100.5], "other"),
    ],
)  # fmt: skip
def test_what_an_image_is_follows_from_its_values(values, kind):
    data = np.array(values)
    assert kind_of(Values.of(data)) == kind
    assert kind_of(Values.joined([Values.of(data), Values.of(np.zeros(1))])) == kind
    assert kind_of(Values.joined([Values.of(data[i : i + 1]) for i in range(len(data))])) == kind


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_labels_are_no_map_in_any_data_type(tmp_path, dtype):
    path = save_image(tmp_path / "labels.nii.gz", labels(dtype) * 2)
    with pytest.raises(RegionError, match=r"holds 3 labels \(2 to 34\).*labels\.nii\.gz#2 .*labels\.nii\.gz%"):
        region_from_image(path)
    assert region_from_image(path, percent=True).n_voxels == 2  # 34 percent is above 0.2


def test_scaled_labels_are_no_map_where_a_table_names_them(tmp_path):
    stored = np.zeros((4, 4, 4), dtype=np.int16)
    stored[1:3, 1:3, 1:3] = np.arange(1, 9).reshape(2, 2, 2)
    save_scaled(tmp_path / "labels.nii.gz", stored, 0.05)
    region_from_image(tmp_path / "labels.nii.gz", threshold=0.1)  # nothing says that these are labels
    (tmp_path / "labels.tsv").write_text("index\tname\n1\tV1\n2\tV2\n", encoding="utf-8")
    with pytest.raises(
        RegionError, match=r"labels\.nii\.gz .* up to 0\.4 .*scl_slope 0\.05.* a label table lies beside"
    ):
        region_from_image(tmp_path / "labels.nii.gz", threshold=0.1)


def save_scaled(path, stored, slope):
    image = make_image(stored)
    image.header.set_slope_inter(slope, 0)
    nib.save(image, path)
    return path


def test_scaled_labels_that_are_whole_but_for_rounding(tmp_path):
    path = save_scaled(tmp_path / "labels.nii.gz", (labels() * 7).astype(np.int16), 1 / 7)
    assert 0 < abs(float(np.float32(1 / 7)) * 119 - 17) < 1e-3
    assert region_from_image(path, label=17).n_voxels == 2
    with pytest.raises(RegionError, match="holds 3 labels"):
        region_from_image(path)


@pytest.mark.parametrize("label", [None, 1])
def test_scaled_labels_that_lost_their_numbers(tmp_path, label):
    stored = np.zeros(SHAPE, dtype=np.uint8)
    stored[0, 0, :2] = 3, 255
    path = save_scaled(tmp_path / "labels.nii.gz", stored, 97 / 255)
    with pytest.raises(RegionError, match=r"labels\.nii\.gz .*scl_slope 0\.38"):
        region_from_image(path, label=label)


def test_boolean_image_in_memory_is_a_binary_mask():
    image = make_image(np.zeros(SHAPE, dtype=np.uint8))
    data = np.zeros(SHAPE, dtype=bool)
    data[1, 1, 1] = True
    image._dataobj = data  # NIfTI has no such type, but nibabel lets arrays be replaced
    assert region_from_image(image).kind == "binary mask"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint16, np.float32, np.float64])
def test_a_label_is_selected_by_its_number(dtype):
    region = region_from_image(make_image(labels(dtype)), label=17)
    np.testing.assert_array_equal(mask_of(region), labels() == 17)
    assert (region.kind, region.name, region.volume) == ("label", "image 17", 16.0)
    assert region.locate(at_voxels([[4, 5, 5]]))["probability"].isna().all()
    assert region.identity().label == 17


@pytest.mark.parametrize("label", [17.0, np.float32(17), np.uint8(17)])
def test_a_label_may_be_a_whole_number_of_any_type(label):
    assert region_from_image(make_image(labels()), label=label).identity().label == 17


def test_scaled_integers_are_real_numbers(tmp_path):
    image = make_image(np.zeros(SHAPE, dtype=np.int16))
    image.dataobj[0, 0, :3] = [2, 3, 9]
    image.header.set_slope_inter(0.1, 0)
    nib.save(image, tmp_path / "map.nii.gz")
    region = region_from_image(tmp_path / "map.nii.gz", threshold=0.2)
    # 2 * 0.1 is the threshold itself; in double precision the single-precision slope would put it above
    assert region.n_voxels == 2
    # 9 times the single-precision slope is 0.9 up to its relative precision of 1.2e-7
    assert region.locate(at_voxels([[0, 0, 2]]))["probability"][0] == pytest.approx(0.9, rel=1.2e-7)


def test_a_single_volume_in_four_dimensions_is_accepted():
    region = region_from_image(make_image(probabilities()[..., None]))
    assert region.n_voxels == region_from_image(make_image(probabilities())).n_voxels


def test_big_endian_nifti_2_and_uncompressed_files(tmp_path):
    expected = region_from_image(make_image(probabilities())).n_voxels
    nib.save(nib.Nifti2Image(probabilities(), AFFINE), tmp_path / "two.nii")
    header = nib.Nifti1Header(endianness=">")
    nib.save(nib.Nifti1Image(probabilities(">f4"), AFFINE, header), tmp_path / "big.nii")
    assert region_from_image(tmp_path / "two.nii").n_voxels == expected
    assert region_from_image(str(tmp_path / "big.nii")).n_voxels == expected


# --- where samples lie ------------------------------------------------------------------------------------------


def test_half_way_samples_go_to_the_even_voxel_and_are_marked():
    data = np.zeros(SHAPE, dtype=np.uint8)
    data[2, 2, 2] = 1
    voxels = [[1.5, 2, 2], [2.5, 2, 2], [0.5, 2, 2], [2, 2, 2.4], [2, 1.5, 2.5]]
    found = region_from_image(make_image(data)).locate(at_voxels(voxels))
    assert found["inside"].tolist() == [True, True, False, True, True]
    assert found["between_voxels"].tolist() == [True, True, True, False, True]


@pytest.mark.parametrize("noise", [-4e-7, 4e-7])
def test_rounding_noise_does_not_decide(noise):
    data = np.zeros(SHAPE, dtype=np.uint8)
    data[2, 2, 2] = 1
    found = region_from_image(make_image(data)).locate(at_voxels([[2.5 + noise, 2, 2], [1.5 + noise, 2, 2]]))
    assert found["inside"].tolist() == [True, True]
    assert found["between_voxels"].tolist() == [True, True]


def test_the_voxel_below_is_that_of_the_coordinates_rounded_down():
    data = np.zeros(SHAPE, dtype=np.uint8)
    data[2, 2, 2] = 1
    region = region_from_image(make_image(data)).with_voxel("floor")
    voxels = [[2.1, 2.9, 2.5], [1.9, 2.1, 2.1], [2, 2, 2], [3, 2.5, 2.5], [2.99999999, 2.5, 2.5], [5, 2.5, 2.5]]
    found = region.locate(at_voxels(voxels))
    assert found["inside"].tolist() == [True, False, True, False, False, False]
    # a voxel ends at whole coordinates: there the side is a convention, but for 5, where the image ends
    assert found["between_voxels"].tolist() == [False, False, True, True, True, True]
    assert region.identity().voxel == "floor"
    assert region.with_voxel("nearest").identity().voxel is None


def test_the_rule_for_voxels_reaches_every_part_and_survives_a_threshold():
    region = region_from_image(make_image(probabilities()), name="map")
    points = at_voxels(np.random.default_rng(3).uniform(0, 4, (200, 3)))
    below = region.with_voxel("floor").locate(points)["inside"]
    assert (below != region.locate(points)["inside"]).any()
    for whole in (region & region, region | region, region.with_tolerance(1e-6)):
        assert (whole.with_voxel("floor").locate(points)["inside"] == below).all()
    assert region.left.with_voxel("floor").parts[0].voxel == "floor"
    assert region.eroded(0.1).with_voxel("floor").mask.voxel == "floor"
    assert region.with_voxel("floor").at_threshold(0.3).voxel == "floor"
    sphere = Region.sphere((0, 0, 0), 5)
    assert sphere.with_voxel("floor") is sphere
    assert (sphere | sphere).with_voxel("floor").parts == (sphere, sphere)


def test_samples_outside_the_grid_are_outside():
    region = region_from_image(make_image(np.ones(SHAPE, dtype=np.uint8)))
    voxels = [[-0.4, 0, 0], [-0.6, 0, 0], [4.4, 5, 6], [4.6, 5, 6], [0, 0, 1e6], [20.5, 0, 0], [-0.5, 0, 0]]
    found = region.locate(at_voxels(voxels))
    assert found["inside"].tolist() == [True, False, True, False, False, False, True]
    # half-way between voxels that do not exist is not half-way; at the grid's border it is
    assert found["between_voxels"].tolist() == [False] * 6 + [True]


def test_samples_without_coordinate_and_empty_tables():
    region = region_from_image(make_image(probabilities()))
    assert not region.locate(samples((np.nan, 0, 0)))["inside"].any()
    empty = region.locate(samples())
    assert len(empty) == 0
    assert empty.dtypes.astype(str).tolist() == ["bool", "float64", "bool", "bool"]


def test_locate_keeps_the_index_of_the_samples():
    table = at_voxels(ALL_VOXELS[:3]).set_axis([10, 5, 7])
    assert region_from_image(make_image(probabilities())).locate(table).index.tolist() == [10, 5, 7]


@given(
    order=st.permutations([0, 1, 2]),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    points=st.lists(st.tuples(*[st.floats(-0.7, 7.7).filter(lambda v: abs(v % 1 - 0.5) > 1e-3)] * 3), min_size=1),
)
def test_orientation_does_not_matter(order, flips, points):
    data = probabilities()
    straight = region_from_image(make_image(data))
    orientation = np.array([[axis, -1 if flip else 1] for axis, flip in zip(order, flips, strict=True)])
    turned = region_from_image(make_image(data).as_reoriented(orientation))
    table = at_voxels(points)
    pd.testing.assert_frame_equal(straight.locate(table), turned.locate(table), check_exact=True)
    # means of some 80 coordinates below 20 mm, summed in another order
    np.testing.assert_allclose(straight.centroid, turned.centroid, rtol=0, atol=1e-12)
    assert straight.volume == turned.volume


def test_an_oblique_grid_agrees_with_scipy():
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = nib.affines.from_matvec(turn @ np.diag([1.5, -2, 3]), [5, 10, -8])
    region = region_from_image(make_image(probabilities(), affine))
    points = at_voxels(np.random.default_rng(2).uniform(-1, 7, (300, 3)), affine)
    voxels = nib.affines.apply_affine(np.linalg.inv(affine), points.to_numpy())
    value = ndimage.map_coordinates(probabilities(), voxels.T, order=0, mode="grid-constant")
    np.testing.assert_array_equal(region.locate(points)["inside"], value > np.float32(0.2))
    assert region.volume == pytest.approx(region.n_voxels * 9.0, rel=1e-12)  # 1.5 x 2 x 3 mm, rounding only


# --- what is recorded -------------------------------------------------------------------------------------------


def test_identity_of_a_file(tmp_path):
    path = save_image(tmp_path / "tpl-MNI152NLin6Asym_res-02_atlas-X_probseg.nii.gz", probabilities())
    identity = region_from_image(path, threshold=0.4, name="area").identity()
    assert RegionIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
    reference = probabilities() > np.float32(0.4)
    assert identity.to_dict() == {
        "name": "area",
        "kind": "probability map",
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "threshold": 0.4,
        "percent": False,
        "label": None,
        "label_name": None,
        "space": "MNI152NLin6Asym",
        "max_probability": float(probabilities().max()),
        "n_voxels": reference.sum(),
        "volume_mm3": reference.sum() * 8.0,
        "centroid": list(identity.centroid),
        "voxel_size_mm": [2.0, 2.0, 2.0],
        "orientation": "RAS",
    }


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("a_space-MNI152NLin2009cAsym_dseg", "MNI152NLin2009cAsym"), ("tpl-MNI152NLin6Asym_x", "MNI152NLin6Asym"),
        ("x_space-MNI_mask", "MNI"), ("aerospace-1", None), ("map", None),
    ],
)  # fmt: skip
def test_space_is_read_from_the_name(tmp_path, name, space):
    path = save_image(tmp_path / f"{name}.nii.gz", probabilities())
    assert region_from_image(path).identity().space == space


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("sub-1_space-T1w_dseg", "T1w"), ("atl-X_space-SUIT_dseg", "SUIT"), ("tpl-MNI305_dseg", "MNI305"),
        ("x_space-fsaverage_dseg", "fsaverage"), ("tpl-MNIPediatricAsym_x", "MNIPediatricAsym"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*count from 0")
def test_another_space_in_the_name_is_refused(tmp_path, name, stated):
    for data in (probabilities(), np.stack([probabilities()] * 2, axis=-1)):
        path = save_image(tmp_path / f"{name}.nii.gz", data)
        label = 0 if data.ndim == 4 else None
        with pytest.raises(RegionError, match=f"{name}.*is in the space {stated} by its name.*MNI152 is needed"):
            region_from_image(path, label=label)
        insisted = region_from_image(path, label=label, space="MNI152NLin2009cAsym")
        assert insisted.space == insisted.identity().space == "MNI152NLin2009cAsym"
        assert region_from_image(path, label=label, space=stated).space == stated


def test_talairach_in_the_header_is_refused(tmp_path):
    path = save_image(tmp_path / "map.nii.gz", probabilities(), sform_code=3)
    for image in (path, nib.load(path)):
        with pytest.raises(RegionError, match="is in the space Talairach by its header"):
            region_from_image(image)
        assert region_from_image(image, space="MNI152NLin6Asym").identity().space == "MNI152NLin6Asym"
    named = save_image(tmp_path / "map_space-MNI152NLin6Asym.nii.gz", probabilities(), sform_code=3)
    assert region_from_image(named).identity().space == "MNI152NLin6Asym"  # the name is the user's


def test_identity_of_an_image_in_memory_follows_its_data_and_place():
    first, other = probabilities(), probabilities()
    other[0, 0, 0] = 0.5
    moved = AFFINE.copy()
    moved[0, 3] += 2
    images = [make_image(first), make_image(other), make_image(first, moved)]
    assert len({region_from_image(image).identity().sha256 for image in images}) == 3
    identity = region_from_image(make_image(first)).identity()
    assert identity.file is None
    assert identity.sha256 == region_from_image(make_image(first)).identity().sha256


def test_names(tmp_path):
    path = save_image(tmp_path / "Fp1_left.nii.gz", probabilities())
    region = region_from_image(path)
    assert region.name == "Fp1_left"
    assert region.renamed("Fp1").name == "Fp1"
    assert region.name == "Fp1_left"
    assert repr(region_from_image(make_image(labels()), label=2, name="two")) == "<Region 'two': 48 mm3>"


def test_only_the_box_around_the_region_is_kept():
    data = np.zeros((90, 100, 80), dtype=np.float32)
    data[40:43, 50, 30] = 0.5
    region = region_from_image(make_image(data, np.diag([1.0, 1, 1, 1])))
    assert isinstance(region, ImageRegion)
    assert region.mask.shape == region.probabilities.shape == (3, 1, 1)
    assert (region.mask.dtype, region.probabilities.dtype) == (np.uint8, np.float32)
    assert region.probabilities.base is None  # no view that keeps the whole image alive


def test_from_image_of_the_base_class_is_the_same(tmp_path):
    path = save_image(tmp_path / "map.nii.gz", probabilities())
    assert Region.from_image(path, threshold=0.3).identity() == region_from_image(path, threshold=0.3).identity()


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [-0.1, 1.0, 1.5, float("nan")])
def test_threshold_out_of_range(threshold):
    with pytest.raises(OptionError, match="out of range: a probability from 0 to below 1"):
        region_from_image(make_image(probabilities()), threshold=threshold)


@pytest.mark.parametrize("threshold", ["x", "0.2", None, [0.2]])
def test_a_threshold_that_is_no_number(threshold):
    with pytest.raises(OptionError, match=r"threshold .* is not a number: a probability from 0 to below 1 is needed"):
        region_from_image(make_image(probabilities()), threshold=threshold)


@pytest.mark.parametrize("label", [30.5, float("nan"), float("inf"), [1.5], np.array([1, 2])])
def test_a_label_that_is_neither_number_nor_name(label):
    with pytest.raises(RegionError, match=r"label .* is not a label: give its whole number, or its name as text"):
        region_from_image(make_image(labels()), label=label)


def test_percent_and_label_contradict_each_other():
    with pytest.raises(OptionError, match="give either percent or label=3"):
        region_from_image(make_image(labels()), label=3, percent=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([-0.1, 0.5], r"from -0\.1 to 0\.5.*no probabilities"),
        ([-3.2, 4.5], r"from -3\.2 to 4\.5.*make a mask"),
        ([4.1, 25.3], r"to 25\.3.*image% \(percent=True in Python\).*make a mask"),
        ([0.5, 100.5], r"to 100\.5.*no probabilities"),
        ([1, 117], r"2 labels \(1 to 117\).*like image#1 \(label=1 in Python\)$"),
        ([-1, 5], r"2 labels \(-1 to 5\)"),
        ([np.nan, np.inf], "holds 1 values that are infinite"),
        ([0.1, 0.15], r"above the threshold 0\.2: the maximum is 0\.15; lower"),
        ([0.5, 1.02], r"to 1\.02: probabilities are 0 to 1, and interpolation overshoots"),
        ([0.5, -0.02], r"from -0\.02 .*interpolation overshoots"),
    ],
)
def test_values_that_are_no_probabilities(values, message):
    data = np.zeros(SHAPE, dtype=np.float32)
    data[0, 0, :2] = values
    with pytest.raises(RegionError, match=message):
        region_from_image(make_image(data))


@pytest.mark.parametrize("values", [[-1, 5], [5, 101], [-0.5, 3.5]])
def test_values_that_are_no_percent(values):
    data = np.zeros(SHAPE, dtype=np.float32)
    data[0, 0, :2] = values
    with pytest.raises(RegionError, match=f"from {min(0, *values)} to {max(values)}.*percent are 0 to 100"):
        region_from_image(make_image(data), percent=True)


def test_whole_numbers_that_are_rather_no_labels():
    grey = np.arange(24 * 24 * 24, dtype=np.int16).reshape(24, 24, 24)
    with pytest.raises(RegionError, match=r"13,823 labels .*as an anatomical image does: give a map, a mask"):
        region_from_image(make_image(grey))
    with pytest.raises(RegionError, match=r"as an anatomical image does.*name one, like image#5 "):
        region_from_image(make_image(np.resize(np.array([-3, 0, 5], dtype=np.int16), SHAPE)))
    with pytest.raises(RegionError, match="if they are probabilities in 255 steps, divide them by 255"):
        region_from_image(make_image(np.resize(np.arange(256, dtype=np.uint8), (8, 8, 8))))


def test_several_labels_need_one_named(tmp_path):
    path = save_image(tmp_path / "labels.nii.gz", labels())
    with pytest.raises(RegionError, match=r"3 labels \(1 to 17\); name one label, like labels\.nii\.gz#1 .*gz% \(perc"):
        region_from_image(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_label_table_makes_a_label_necessary(tmp_path, dtype):
    path = save_image(tmp_path / "x_dseg.nii.gz", (labels() == 17).astype(dtype))
    (tmp_path / "x_dseg.tsv").write_text("index\tname\n1\tV1\n")
    with pytest.raises(RegionError, match=r"1 label \(1\) and a label table beside it; name one label, like x_dseg"):
        region_from_image(path)
    assert region_from_image(path, label="V1").n_voxels == 2


def test_fractions_beside_a_label_table_are_probabilities(tmp_path):
    path = save_image(tmp_path / "map.nii.gz", probabilities())
    (tmp_path / "map.tsv").write_text("index\tname\n1\tV1\n")
    assert region_from_image(path).kind == "probability map"


@pytest.mark.parametrize(
    ("data", "label", "message"),
    [
        (labels(), 3, r"no voxel of the image in memory has the label 3: it holds 3 labels \(1 to 17\)"),
        (labels(np.uint8), 300, "has the label 300"),
        (labels(), 0, "label 0 of the image in memory is the background"),
        (labels() * 0, 1, "has the label 1: it holds none"),
        (labels(), "V1", "has no label table, so that label 'V1' has no number: give the number, or put image.tsv"),
        (probabilities(), 1, "has no labels: it holds real numbers that are not whole"),
    ],
)
def test_labels_that_are_not_there(data, label, message):
    with pytest.raises(RegionError, match=message):
        region_from_image(make_image(data), label=label)


def test_empty_mask():
    with pytest.raises(RegionError, match="the image in memory is empty: every voxel is 0"):
        region_from_image(make_image(np.zeros(SHAPE, dtype=np.uint8)))


def test_no_space_codes(tmp_path):
    image = make_image(probabilities())
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    with pytest.raises(RegionError, match=r"in which space it is \(sform_code and qform_code are both 0\)"):
        region_from_image(image)
    with pytest.raises(RegionError, match="both 0"):
        region_from_image(nib.Nifti1Image(probabilities(), None))
    nib.save(image, tmp_path / "map.nii.gz")
    with pytest.raises(RegionError, match=r"map\.nii\.gz does not say in which space"):
        region_from_image(tmp_path / "map.nii.gz")


def test_one_of_the_two_space_codes_is_enough():
    image = make_image(probabilities())
    image.set_qform(AFFINE, code=1)
    image.set_sform(None, code=0)
    assert region_from_image(image).n_voxels > 0


@pytest.mark.parametrize("point", [(101, 0, 0), (-101, 0, 0), (0, 111, 0), (0, -141, 0), (0, 0, 121), (0, 0, -91)])
def test_voxels_outside_the_box_of_mni_space(point):
    affine = np.eye(4)
    affine[:3, 3] = point
    data = np.zeros((2, 2, 2), dtype=np.uint8)
    data[0, 0, 0] = 1
    with pytest.raises(RegionError, match="not in MNI space: 1 of its 1 non-zero voxels lie outside x -100"):
        region_from_image(make_image(data, affine))


def test_the_box_of_mni_space_is_inclusive_and_zeros_may_lie_outside():
    affine = np.eye(4)
    affine[:3, 3] = (100, -140, 120)
    data = np.zeros((2, 2, 2), dtype=np.uint8)
    data[0, 0, 0] = 1
    assert region_from_image(make_image(data, affine)).centroid.tolist() == [100, -140, 120]


def test_an_oblique_box_is_checked_voxel_by_voxel():
    angle = np.pi / 4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    data = np.zeros((121, 121, 2), dtype=np.uint8)
    data[:, 60, 0] = data[60, :, 0] = 1  # a cross, the corners of whose box lie outside
    affine = nib.affines.from_matvec(turn, [0, -90, 0])
    assert region_from_image(make_image(data, affine)).n_voxels == 241


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_affines_that_cannot_be_inverted(tmp_path, value):
    path = save_image(tmp_path / "map.nii", probabilities())
    content = bytearray(path.read_bytes())
    content[280:296] = np.array([value] * 4, dtype="<f4").tobytes()  # srow_x of the NIfTI-1 header
    path.write_bytes(content)
    with pytest.raises(RegionError, match=r"affine of map\.nii is singular or not finite"):
        region_from_image(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((5, 6, 7, 3), "holds 3 volumes: one is needed"), ((5, 6), r"has the shape \(5, 6\): three dimensions")],
)
def test_wrong_number_of_dimensions(shape, message):
    with pytest.raises(RegionError, match=message):
        region_from_image(make_image(np.ones(shape, dtype=np.float32)))


def test_types_that_are_no_numbers(tmp_path):
    with pytest.raises(RegionError, match="values of type complex64: integers or real numbers are needed"):
        region_from_image(make_image(np.ones(SHAPE, dtype=np.complex64)))
    colours = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, AFFINE), tmp_path / "rgb.nii.gz")
    with pytest.raises(RegionError, match=r"rgb\.nii\.gz holds values of type colours"):
        region_from_image(tmp_path / "rgb.nii.gz")


def test_missing_file_names_the_nearest(tmp_path):
    save_image(tmp_path / "Fp1_left_pmap.nii.gz", probabilities())
    with pytest.raises(RegionFileError, match=r"no file 'Fp1_left_pmp\.nii\.gz'.*did you mean 'Fp1_left_pmap\.nii"):
        region_from_image(tmp_path / "Fp1_left_pmp.nii.gz")
    with pytest.raises(RegionFileError, match=r"no file 'x\.nii' in .*check its path"):
        region_from_image(tmp_path / "absent" / "x.nii")


def test_folder(tmp_path):
    with pytest.raises(RegionFileError, match="is a folder: name the image in it"):
        region_from_image(tmp_path)


def test_name_too_long_for_the_file_system():
    with pytest.raises(RegionFileError, match=r"cannot be read|no file"):
        region_from_image("x" * 5000)


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
@pytest.mark.parametrize("n_kept", [-40, -5, 400])
def test_truncated_files(tmp_path, name, n_kept):
    path = save_image(tmp_path / name, probabilities())
    path.write_bytes(path.read_bytes()[:n_kept])
    with pytest.raises(RegionFileError, match="damaged or incomplete"):
        region_from_image(path)


def test_a_changed_byte_in_a_compressed_file(tmp_path):
    noise = np.random.default_rng(0).uniform(0, 1, SHAPE).astype(np.float32)
    path = save_image(tmp_path / "map.nii.gz", noise)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the checksum, which nibabel alone does not read
    path.write_bytes(content)
    with pytest.raises(RegionFileError, match=r"map\.nii\.gz cannot be read \(CRC check failed.*damaged"):
        region_from_image(path)


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz", "map.txt", "map"])
@pytest.mark.parametrize("content", [b"", b"no image at all\n" * 50])
def test_files_that_are_no_images(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RegionFileError, match=f"{name} is not an image: give a NIfTI file") as refused:
        region_from_image(tmp_path / name)
    assert ("its name ends in neither" in str(refused.value)) == (".nii" not in name)


def test_an_image_whose_name_does_not_end_like_one(tmp_path):
    save_image(tmp_path / "map.nii.gz", probabilities()).rename(tmp_path / "map.nii.gz@0.4")
    with pytest.raises(RegionFileError, match=r"map\.nii\.gz@0\.4 .* its name ends in neither \.nii nor \.nii\.gz"):
        region_from_image(tmp_path / "map.nii.gz@0.4")


def test_what_is_no_image():
    with pytest.raises(RegionError, match="is a ndarray: give an image"):
        region_from_image(probabilities())
    with pytest.raises(RegionError, match="is a Minc1Image: give an image"):
        region_from_image(nib.Minc1Image(probabilities(), AFFINE))


# --- real files ---------------------------------------------------------------------------------------------------


def test_nan_is_outside_and_said(tmp_path):
    mask, some = np.full(SHAPE, np.nan, dtype=np.float32), labels(np.float32)
    mask[1, 1, 1] = 1
    some[some == 0] = np.nan
    with pytest.warns(JugexWarning, match=r"209 values of the image in memory are NaN, and count as outside"):
        region = region_from_image(make_image(mask))
    assert (region.kind, region.n_voxels) == ("binary mask", 1)
    path = save_image(tmp_path / "x.nii.gz", some)
    for _ in range(2):  # also where the file is in memory already
        with pytest.warns(JugexWarning, match=r"values of x\.nii\.gz are NaN"):
            assert region_from_image(path, label=17).n_voxels == 2
    with pytest.warns(JugexWarning, match="are NaN"):
        assert region_from_image(make_image(np.stack([mask, mask], axis=-1)), label=1, labels=["a", "b"]).n_voxels == 1


@pytest.mark.parametrize("name", ["x.hdr", "x.img"])
def test_pairs_of_header_and_image(tmp_path, name):
    nib.save(nib.Nifti1Pair(labels(), AFFINE), tmp_path / name)
    (tmp_path / "x.tsv").write_text("index\tname\n17\tV2\n")
    for path in (tmp_path / "x.hdr", tmp_path / "x.img"):
        region = region_from_image(path, label="V2")
        assert (region.n_voxels, region.name) == (2, "V2")
    before = region.identity().sha256
    nib.save(nib.Nifti1Pair(labels() * 17, AFFINE), tmp_path / name)
    assert region_from_image(tmp_path / "x.hdr", label=17).identity().sha256 != before


def test_an_analyze_image_is_refused(tmp_path):
    nib.save(nib.AnalyzeImage(labels(), AFFINE), tmp_path / "x.img")
    with pytest.raises(RegionError, match=r"x\.img is an Analyze image, .* convert it to NIfTI"):
        region_from_image(tmp_path / "x.img", label=1)


@pytest.mark.parametrize("name", ["map.mgz", "map.mgh"])
def test_images_of_freesurfer(tmp_path, name):
    nib.save(nib.MGHImage(probabilities(), AFFINE), tmp_path / name)
    region = region_from_image(tmp_path / name)
    at = at_voxels(ALL_VOXELS)
    assert region.locate(at).equals(region_from_image(make_image(probabilities())).locate(at))
    assert region.name == "map"


@pytest.mark.parametrize(("written", "named"), [("a.nii.gz", "b.nii"), ("a.nii", "b.nii.gz"), ("a.nii", "b.NII.GZ")])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_files_whose_name_and_compression_disagree(tmp_path, written, named, kind):
    nib.save(kind(probabilities(), AFFINE), tmp_path / written)
    expected = region_from_image(tmp_path / written)
    (tmp_path / written).rename(tmp_path / named)
    region = region_from_image(tmp_path / named)
    assert (region.n_voxels, region.identity().sha256) == (expected.n_voxels, expected.identity().sha256)


def test_surfaces_are_refused(tmp_path):
    gifti = nib.GiftiImage(
        darrays=[nib.gifti.GiftiDataArray(np.arange(5, dtype=np.int32), intent="NIFTI_INTENT_LABEL")]
    )
    nib.save(gifti, tmp_path / "x.label.gii")
    axes = (nib.cifti2.ScalarAxis(["a"]), nib.cifti2.BrainModelAxis.from_mask(np.ones(5), "CortexLeft"))
    nib.save(nib.Cifti2Image(np.ones((1, 5)), axes), tmp_path / "x.dscalar.nii")
    for name in ("x.label.gii", "x.dscalar.nii"):
        with pytest.raises(RegionError, match=rf"^{name} is a file of a surface.*give an image in MNI152 space$"):
            region_from_image(tmp_path / name, label=1)


@pytest.mark.parametrize("mirrored", [True, False])
def test_sform_and_qform_that_disagree_on_the_side(mirrored, recwarn):
    image = make_image(probabilities())
    other = np.array(AFFINE)
    other[0, :] *= -1 if mirrored else 1
    other[1, 3] += 3
    image.set_qform(other, code=4)
    image.set_sform(AFFINE, code=4)
    region = region_from_image(image)
    assert region.centroid[0] < 0
    assert bool([w for w in recwarn if "disagree about which side is left" in str(w.message)]) is mirrored


def test_errors_name_the_file_not_its_folder(tmp_path: Path):
    path = save_image(tmp_path / "map.nii.gz", probabilities() * 0)
    with pytest.raises(RegionError, match=r"^map\.nii\.gz is empty"):
        region_from_image(path)
