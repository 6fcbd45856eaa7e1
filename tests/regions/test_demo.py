from __future__ import annotations

import numpy as np
import pytest

from jugex.errors import RegionError
from jugex.regions import demo_regions
from jugex.spaces import DEMO_CENTRES, DEMO_WIDTH, demo_probability
from tests.regions.helpers import samples


@pytest.mark.parametrize("name", ["A", "B"])
def test_probability_is_a_gaussian(name):
    offsets = np.array([[0, 0, 0], [DEMO_WIDTH, 0, 0], [0, 0, 100]])
    values = demo_probability(name, offsets + DEMO_CENTRES[name])
    np.testing.assert_allclose(values[:2], [0.9, 0.9 * np.exp(-0.5)], rtol=1e-14)  # rounding only
    assert values[2] < 1e-20


def test_regions_are_what_the_probability_says():
    for name, region in zip("AB", demo_regions(), strict=True):
        assert region.name == f"simulated {name}"
        assert region.identity()["kind"] == "simulated probability map"
        assert region.max_probability == np.float32(0.9)
        np.testing.assert_allclose(region.centroid, DEMO_CENTRES[name], rtol=0, atol=1e-9)  # symmetric: rounding only
        # the ball where the Gaussian exceeds 0.2, counted in 2 mm voxels: within 2 %
        radius = DEMO_WIDTH * np.sqrt(2 * np.log(0.9 / 0.2))
        assert region.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)
        found = region.locate(samples(DEMO_CENTRES[name], (60, -50, 10)))
        assert found["inside"].tolist() == [True, False]


def test_regions_overlap_and_follow_the_threshold():
    first, second = demo_regions()
    middle = samples((-15, 57, 2))
    assert first.locate(middle)["inside"][0]
    assert second.locate(middle)["inside"][0]
    assert demo_regions(threshold=0.5)[0].volume < first.volume
    assert demo_regions()[0].identity() == first.identity()


def test_no_other_regions_are_simulated():
    with pytest.raises(RegionError, match="no simulated region 'C'; there are simulated:A and simulated:B"):
        demo_probability("C", [(0, 0, 0)])
