"""What a region is, in words."""

from __future__ import annotations

import pytest

import jugex
from jugex.regions import region_from_image
from jugex.report.methods import describe_methods
from jugex.report.region_words import describe_region
from tests.regions.helpers import labels, make_image, probabilities, save_image

MAP = "map (probability map, file map.nii.gz, values above 0.4)"
BALL = "ball (sphere)"


@pytest.fixture
def regions(tmp_path):
    mapped = region_from_image(save_image(tmp_path / "map.nii.gz", probabilities()), threshold=0.4)
    return mapped, jugex.Region.sphere((-4, 26, 10), 4, name="ball")


def test_a_region_of_its_own(regions):
    assert describe_region(regions[0].identity().to_dict()).startswith(f"{MAP[:-1]}, ")
    assert describe_region(regions[0].identity().to_dict()).endswith(" mm3)")


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        (lambda a, b: a | b, f"map + ball (union of {MAP} and {BALL}, "),
        (lambda a, b: a & b, f"map & ball (intersection of {MAP} and {BALL}, "),
        (lambda a, b: a - b, f"map - ball ({MAP} without {BALL}, "),
        (lambda a, b: ~a, f"not map (rest of the brain outside {MAP}, "),
        (lambda a, b: a.left, f"map left (left half of {MAP}, "),
        (lambda a, b: (a | b).left, f"(map + ball) left (left half of map + ball (union of {MAP} and {BALL}), "),
        (lambda a, b: a.dilated(2), f"({MAP} dilated by 2 mm, "),
    ],
)
def test_a_region_made_of_others_tells_of_them(regions, combine, expected):
    assert expected in describe_region(combine(*regions).identity().to_dict())


def test_many_parts_are_counted():
    balls = [jugex.Region.sphere((x, 20, 10), 2, name=f"b{x}") for x in range(9)]
    told = describe_region(jugex.regions.Union.of(balls, name="balls").identity().to_dict())
    assert told.startswith("balls (union of b0 (sphere), b1 (sphere), ")
    assert "b5 (sphere) and 3 more regions, " in told
    assert "b6" not in told
    assert "and 1 more region, " in describe_region(
        jugex.regions.Union.of(balls[:7], name="balls").identity().to_dict()
    )


def test_the_methods_of_a_union_name_its_files(make_result, regions):
    result = make_result()
    result.settings["regions"][0].update((regions[0] | regions[1]).identity().to_dict())
    assert f"Region 1 was map + ball (union of {MAP} and {BALL}" in describe_methods(result).paragraph


def test_a_label_is_told_by_its_name():
    region = region_from_image(make_image(labels()), label=17)
    assert describe_region(region.identity().to_dict(), is_part=True) == f"{region.name} (label)"
