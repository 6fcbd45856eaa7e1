"""The same region at another threshold."""

from __future__ import annotations

import numpy as np
import pytest

from jugex.errors import OptionError, RegionError
from jugex.regions import Region, demo_regions
from tests.regions.helpers import at_voxels, labels, probabilities, samples, save_image

VOXELS = at_voxels(np.argwhere(np.ones((5, 6, 7))))


def save_map(tmp_path, factor=1.0, dtype=np.float32, name="map.nii.gz"):
    return save_image(tmp_path / name, (probabilities(np.float64) * factor).astype(dtype))


def assert_same(region, other):
    """Same voxels, probabilities and identity."""
    assert region.locate(VOXELS).equals(other.locate(VOXELS))
    assert region.identity() == other.identity()


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.4, 0.8])  # below and above the first: a larger and a smaller box
class TestProbabilityMaps:
    def test_of_a_file(self, tmp_path, threshold):
        path = save_map(tmp_path)
        region = Region.from_image(path, threshold=0.3, name="A").at_threshold(threshold)
        assert_same(region, Region.from_image(path, threshold=threshold, name="A"))
        assert region.thresholds == (threshold,)

    def test_of_percent_in_integers(self, tmp_path, threshold):
        path = save_map(tmp_path, 100, np.uint8)
        region = Region.from_image(path, threshold=0.3, percent=True).at_threshold(threshold)
        assert_same(region, Region.from_image(path, threshold=threshold, percent=True))

    def test_in_memory_also_when_it_is_changed_again(self, threshold):
        first, _ = demo_regions(0.3)
        expected, _ = demo_regions(threshold)
        points = samples(*np.random.default_rng(0).normal(first.centroid, 15, size=(500, 3)))
        for region in (first.at_threshold(threshold), first.at_threshold(0.7).at_threshold(threshold)):
            assert region.locate(points).equals(expected.locate(points))
            assert region.identity() == expected.identity()

    def test_of_a_map_in_a_4d_image(self, tmp_path, threshold):
        data = np.stack([np.zeros((5, 6, 7)), probabilities(np.float64), np.full((5, 6, 7), 0.1)], axis=-1)
        path = save_image(tmp_path / "maps.nii.gz", data.astype(np.float32))
        (tmp_path / "maps.tsv").write_text("index\tname\n1\tempty\n2\tmine\n3\tother\n")  # counted from 1
        region = Region.from_image(path, label="mine", threshold=0.3).at_threshold(threshold)
        assert_same(region, Region.from_image(path, label="mine", threshold=threshold))


def test_regions_made_of_maps_pass_it_on(tmp_path):
    path, other = save_map(tmp_path), save_image(tmp_path / "labels.nii.gz", labels())
    low, high = (Region.from_image(path, threshold=t, name="A") for t in (0.2, 0.5))
    area = Region.from_image(other, label=1)
    for build in (lambda a: a | area, lambda a: a - area, lambda a: a.left, lambda a: a.with_tolerance(1)):
        assert build(low).thresholds == (0.2,)
        assert_same(build(low).at_threshold(0.5), build(high))
    assert (low | high).thresholds == (0.2, 0.5)
    assert (low | high).at_threshold(0.5).thresholds == (0.5,)


class TestRefused:
    def test_other_regions_have_no_threshold(self, tmp_path):
        area = Region.from_image(save_image(tmp_path / "labels.nii.gz", labels()), label=1)
        sphere = Region.sphere((0, 0, 0), 5)
        assert area.thresholds == sphere.thresholds == (area | sphere).thresholds == ()
        with pytest.raises(RegionError, match=r"is a label, and has no threshold to change; give a probability map"):
            area.at_threshold(0.2)
        for region in (sphere, area | sphere):
            with pytest.raises(RegionError, match=r"holds no probability map, and so has no threshold to change"):
                region.at_threshold(0.2)

    def test_a_threshold_out_of_range(self):
        with pytest.raises(OptionError, match=r"threshold 1 is out of range"):
            demo_regions()[0].at_threshold(1)

    def test_a_threshold_above_the_maximum(self):
        with pytest.raises(RegionError, match=r"no voxel of the image in memory is above the threshold 0\.95"):
            demo_regions()[0].at_threshold(0.95)

    def test_a_file_that_has_changed(self, tmp_path):
        region = Region.from_image(save_map(tmp_path), name="A")
        save_map(tmp_path, 0.9)
        with pytest.raises(RegionError, match=r"map\.nii\.gz has changed since region 'A' was made from it; make"):
            region.at_threshold(0.3)
