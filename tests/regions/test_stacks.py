"""4-D images, one map per volume, and images that are read once."""

from __future__ import annotations

import os
from itertools import product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jugex.errors import JugexWarning, RegionError
from jugex.regions import Region, list_contents, parse_region, region_from_image
from jugex.regions.nifti import read_image
from tests.regions.helpers import AFFINE, SHAPE, at_voxels, labels, make_image, probabilities, save_image

pytestmark = pytest.mark.filterwarnings("ignore:.*(count from 0|are read as percent)")


def maps(dtype=np.float32) -> np.ndarray:
    """Three maps, the second of them small and weak, the third empty."""
    data = np.zeros((*SHAPE, 3), dtype=np.float64)
    data[..., 0] = probabilities(np.float64)
    data[1:3, 2:4, 3:6, 1] = 0.3
    return (data * 100).astype(dtype) if np.dtype(dtype).kind in "iu" else data.astype(dtype)


def make_old(path, when: float = 1e9) -> None:
    """Set the file's time back (s), so that it does not count as just written."""
    os.utime(path, (when, when))


@pytest.fixture
def stack_file(tmp_path):
    path = save_image(tmp_path / "maps.nii.gz", maps())
    (tmp_path / "maps.tsv").write_text("index\tname\n0\tV1 left\n1\tV2 left\n2\tV3 left\n")
    return path


@pytest.mark.parametrize("label", [1, "1", "V2 left", "v2"])
def test_a_volume_by_number_or_name(stack_file, label):
    region = region_from_image(stack_file, label=label)
    assert (region.name, region.kind, region.n_voxels) == ("V2 left", "probability map", 12)
    assert (region.identity().label, region.identity().label_name) == (1, "V2 left")
    assert region.shape == SHAPE
    alone = region_from_image(make_image(maps()[..., 1]))
    assert np.array_equal(region.to_image().dataobj, alone.to_image().dataobj)


@pytest.mark.usefixtures("stack_file")
def test_a_volume_in_words(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert parse_region("maps.nii.gz#V2@0.1").n_voxels == 12
    assert parse_region("maps.nii.gz#0@0.5").name == "V1 left"


def test_without_a_table_volumes_count_from_0(tmp_path):
    path = save_image(tmp_path / "maps.nii.gz", maps())
    with pytest.warns(JugexWarning, match=r"maps\.nii\.gz: volume 1 is number 2 of 3,.* count from 0"):
        region = region_from_image(path, label=1)
    assert (region.name, region.n_voxels) == ("maps 1", 12)
    assert region.identity().n_volumes == 3


@pytest.mark.parametrize("rows", ["1\tA\n2\tB\n3\tC\n", "0\tBackground\n1\tA\n2\tB\n3\tC\n"])
def test_a_table_that_counts_from_1(tmp_path, rows):
    path = save_image(tmp_path / "maps.nii.gz", maps())
    (tmp_path / "maps.tsv").write_text("index\tname\n" + rows)
    assert region_from_image(path, label="B").n_voxels == region_from_image(path, label=2).n_voxels == 12


@pytest.mark.parametrize(("dtype", "percent"), [(np.float32, False), (np.float64, False), (np.uint8, True)])
def test_the_maximum_of_the_whole_image_decides_about_percent(dtype, percent):
    data = maps(dtype)
    data[..., 1] = np.where(data[..., 1] > 0, 1, 0)  # alone, 1 would be a mask
    region = region_from_image(make_image(data), label=1, threshold=0)
    assert region.identity().percent is percent
    assert region.max_probability == (0.01 if percent else 1.0)


def test_integers_0_and_1_are_masks():
    region = region_from_image(make_image((maps() > 0).astype(np.uint8)), label=1)
    assert (region.kind, region.n_voxels, region.probabilities) == ("binary mask", 12, None)


def test_scaled_and_five_dimensional_maps(tmp_path):
    image = nib.Nifti1Image(maps(np.float32)[:, :, :, np.newaxis, :], AFFINE)
    image.set_data_dtype(np.uint8)
    nib.save(image, tmp_path / "maps.nii.gz")  # nibabel scales what it stores in fewer bits
    region = region_from_image(tmp_path / "maps.nii.gz", label=1)
    assert region.probabilities.dtype == np.float32
    # a step of the scale, maximum / 255
    assert region.probabilities.max() == pytest.approx(0.3, abs=1 / 255)


@given(
    dtype=st.sampled_from([np.uint8, np.int16, np.float32, np.float64]),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    order=st.permutations(range(3)),
    size=st.sampled_from([1.0, 1.5, 2.0]),
    threshold=st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.9]),
    seed=st.integers(0, 99),
)
def test_selects_what_a_loop_over_voxels_selects(dtype, flips, order, size, threshold, seed):
    rng = np.random.default_rng(seed)
    values = rng.choice([0, 0, 20, 25, 50, 90, 100], size=(3, 4, 5, 4))
    values[0, 0, 0] = 100  # each map has a voxel above every threshold
    is_percent = np.dtype(dtype).kind in "iu"
    data = values.astype(dtype) if is_percent else (values / 100).astype(dtype)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, order] * (size * np.array(flips))
    image = nib.Nifti1Image(data, affine)

    number = int(rng.integers(4))
    region = Region.from_image(image, label=number, threshold=threshold)
    volume = nib.four_to_three(image)[number]
    for voxel in product(*map(range, volume.shape)):
        value = np.asanyarray(volume.dataobj)[voxel]
        # thresholds are compared in the image's own type; percent are divided in double precision
        probability = float(value) / 100 if is_percent else value
        found = region.locate(at_voxels([voxel], affine)).iloc[0]
        assert found["inside"] == (probability > np.asarray(threshold).astype(type(probability)))
        if found["inside"]:
            assert found["probability"] == probability


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, r"maps\.nii\.gz holds 3 volumes: one is needed, name it like maps\.nii\.gz#0 \(label=0 in Python\)"),
        (3, r"maps\.nii\.gz has no volume 3: it holds 3, counted from 0 to 2"),
        (-1, "has no volume -1"),
        ("V9 left", r"no label of maps\.nii\.gz is called 'V9 left'; the nearest are 'V1 left'"),
        ("V3", r"no voxel of maps\.nii\.gz is above the threshold 0\.2: the maximum is 0;"),
    ],
)
def test_volumes_that_cannot_be(stack_file, label, message):
    with pytest.raises(RegionError, match=message):
        region_from_image(stack_file, label=label)


def test_a_table_that_does_not_fit(tmp_path):
    path = save_image(tmp_path / "maps.nii.gz", maps())
    (tmp_path / "maps.tsv").write_text("index\tname\n1\tA\n17\tB\n")
    with pytest.raises(RegionError, match=r"maps\.tsv lists 2 volumes, 1 to 17, but the image holds 3; give"):
        region_from_image(path, label="A")
    assert region_from_image(path, label=1).n_voxels == 12  # a number needs no table


def test_volumes_named_by_a_list_and_counted_by_component(tmp_path):
    path = save_image(tmp_path / "maps.nii.gz", maps())
    assert region_from_image(path, label="B", labels=["A", "B", "C"]).n_voxels == 12
    (tmp_path / "maps.csv").write_text("Component,Difumo_names\n1,Pole\n2,Insula\n3,Sulcus\n")
    assert region_from_image(path, label="Insula").n_voxels == region_from_image(path, label=2).n_voxels == 12


@pytest.mark.parametrize("threshold", [0.1, 0.4])
def test_several_volumes_are_their_union(stack_file, threshold):
    each = [region_from_image(stack_file, label=label, threshold=0.1) for label in ("V1 left", "V2 left")]
    both = (each[0] | each[1]) if threshold == 0.1 else each[0].at_threshold(threshold)  # the second is 0.3 at most
    region = region_from_image(stack_file, label=["V1*", "V2 left"], threshold=threshold)
    at = at_voxels(np.argwhere(np.ones(SHAPE)))
    assert region.locate(at).equals(both.locate(at))
    assert (region.name, region.identity().labels) == ("V1 left + V2 left", (0, 1))
    again = region_from_image(stack_file, label=[0, 1], threshold=0.9).at_threshold(threshold)
    assert again.locate(at).equals(region.locate(at))


def test_label_images_in_a_4d_image(tmp_path):
    levels = np.stack([labels(np.float64) * 10, labels(np.float64) * 100], axis=-1)
    path = save_image(tmp_path / "levels.nii.gz", levels)
    with pytest.raises(RegionError, match=r"levels\.nii\.gz holds 3 labels.*like levels\.nii\.gz#0#"):
        region_from_image(path, label=1)
    region = region_from_image(path, volume=1, label=200)
    assert (region.kind, region.n_voxels) == ("label", 6)
    identity = region.identity()
    assert (identity.volume, identity.n_volumes, identity.label) == (1, 2, 200)
    with pytest.raises(RegionError, match="holds one volume"):
        region_from_image(save_image(tmp_path / "one.nii.gz", labels()), volume=0, label=1)
    with pytest.raises(RegionError, match=r"labels of .* are those of one volume, but 2 are named"):
        region_from_image(path, volume=[0, 1], label=200)


def test_a_mask_without_a_voxel_in_a_4d_image():
    masks = np.stack([labels() > 0, labels() > 99], axis=-1).astype(np.uint8)
    with pytest.raises(RegionError, match=r"this volume of .* is empty: every voxel is 0"):
        region_from_image(make_image(masks), label=1)


class TestContents:
    """What an image in memory holds, with names that are given."""

    def test_without_names(self):
        contents = list_contents(make_image(labels()))
        assert contents.table["number"].tolist() == [1, 2, 17]
        assert contents.table["name"].tolist() == ["", "", ""]
        assert contents.table["volume_mm3"].tolist() == [12 * 8, 6 * 8, 2 * 8]  # voxels of 2 mm

    def test_a_mask_or_a_map_is_a_region_as_a_whole(self):
        assert list_contents(make_image(probabilities())) is None
        assert list_contents(make_image((labels() > 0).astype(np.uint8))) is None
        named = list_contents(make_image((labels() > 0).astype(np.uint8)), labels={1: "One"})
        assert named.table["name"].tolist() == ["One"]

    def test_a_list_names_labels_from_1(self):
        image = make_image(np.where(labels() == 17, 3, labels()).astype(np.uint8))
        assert list_contents(image, labels=["One", "Two", "Three"]).table["name"].tolist() == ["One", "Two", "Three"]

    def test_a_table_that_counts_from_0_is_said(self):
        image = make_image(np.where(labels() == 17, 3, labels()).astype(np.uint8))
        with pytest.warns(JugexWarning, match="counts from 0"):
            contents = list_contents(image, labels={0: "One", 1: "Two", 2: "Three"})
        assert contents.table["name"].tolist() == ["One", "Two", "Three"]

    def test_volumes(self):
        contents = list_contents(make_image(maps()), labels=["V1", "V2", "V3"])
        assert contents.kind == "volumes"
        assert contents.table["name"].tolist() == ["V1", "V2", "V3"]
        assert contents.table["volume_mm3"].tolist()[1:] == [12 * 8, 0]


def test_whole_numbers_in_4d_are_percent_and_said():
    with pytest.warns(JugexWarning, match="are read as percent"):
        assert region_from_image(make_image(maps(np.uint8)), label=1).identity().percent
    said = region_from_image(make_image(maps(np.float32) * 90.5), label=1, percent=True)
    assert said.max_probability == pytest.approx(0.3 * 0.905, rel=1e-6)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.inf, "holds 1 values that are infinite"), (-1, "from -1 to"), (101, "to 101"), (50, r"percent=True")],
)
def test_values_that_cannot_be_probabilities(value, message):
    data = maps()
    data[0, 0, 0, 2] = value  # in another volume than the one that is asked for
    with pytest.raises(RegionError, match=message):
        region_from_image(make_image(data), label=0)


def test_maps_outside_mni_space():
    affine = AFFINE.copy()
    affine[0, 3] = 300
    with pytest.raises(RegionError, match=r"is not in MNI space: [\d,]+ of its [\d,]+ non-zero voxels lie outside"):
        region_from_image(make_image(maps(), affine), label=0)


@pytest.mark.parametrize("name", ["map.nii.gz", "map.nii", "maps.nii.gz"])
def test_a_file_is_read_once(tmp_path, monkeypatch, name):
    path = save_image(tmp_path / name, maps() if name.startswith("maps") else probabilities())
    make_old(path)
    first = read_image(path)
    monkeypatch.setattr(nib, "load", None)
    monkeypatch.chdir(tmp_path)
    again = read_image(name)
    assert str(again.path) == name  # named as it was asked for
    values = [contents.pick([0]).data if name.startswith("maps") else contents.data for contents in (first, again)]
    assert values[0] is values[1]
    with pytest.raises(ValueError, match="read-only"):
        values[0][...] = 0


def test_a_file_that_changes_is_read_again(tmp_path):
    path = save_image(tmp_path / "map.nii.gz", probabilities())
    make_old(path)
    before = region_from_image(path)
    save_image(path, probabilities()[::-1])
    make_old(path, when=1e9 + 1)
    assert region_from_image(path).identity().sha256 != before.identity().sha256
    save_image(path, probabilities()[:, ::-1])  # and just now: its time may be too coarse to tell
    read_image(path)
    save_image(path, probabilities()[:, ::-1])
    assert np.array_equal(read_image(path).data, probabilities()[:, ::-1])


def test_an_array_of_the_user_stays_writeable():
    data = probabilities()
    region_from_image(make_image(data))
    data[0, 0, 0] = 1
    data_4d = maps()
    region = region_from_image(make_image(data_4d), label=1)
    data_4d[...] = 0
    assert region.probabilities.max() == np.float32(0.3)


def test_maps_are_kept_without_what_is_zero(stack_file):
    stack = read_image(stack_file)
    assert [volume.data.shape for volume in stack.volumes[1:]] == [(2, 2, 3), (1, 1, 1)]
    assert stack.nbytes < maps().nbytes / 2
    assert stack.volumes[1].shape == SHAPE
