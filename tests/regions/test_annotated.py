"""Labels of which only samples count that are annotated as the label table says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.cli import main, run_query
from jugex.errors import OptionError, RegionError
from jugex.regions import parse_region
from tests.regions.helpers import save_image
from tests.toy import ToyAtlas

#: Structures of the atlas below those by which tissue is classed: id, parent.
STRUCTURES = {4005: None, 4008: 4005, 1: 4008, 4249: 4008, 2: 4249, 4275: 4005, 4696: 4005, 3: 4696}
TABLE = "id,label,hemisphere,structure\n1,one,L,cortex\n2,two,R,cortex\n3,deep,B,subcortex/brainstem\n"


@pytest.fixture
def atlas():
    """Samples at x = -3, -2, -1, 1, 2, 3 mm in each structure in turn."""
    made = ToyAtlas([36], ["MAOA"])
    made.structures = pd.DataFrame(
        {
            "structure_id": list(STRUCTURES),
            "acronym": [f"s{number}" for number in STRUCTURES],
            "name": [f"structure {number}" for number in STRUCTURES],
            "parent_structure_id": pd.array(list(STRUCTURES.values()), dtype="Int64"),
        }
    )
    made.samples["mni_x"] = np.tile([-3.0, -2, -1, 1, 2, 3], 6)
    made.samples[["mni_y", "mni_z"]] = 0.0
    made.samples["structure_id"] = np.repeat([4008, 1, 2, 4275, 3, 4005], 6)
    return made


@pytest.fixture
def image(tmp_path):
    """Labels 1, 2 and 3 at x = -3..-2, -1..1 and 2..3 mm, and abagen's table beside them."""
    data = np.array([1, 1, 2, 2, 2, 3, 3], dtype=np.uint8).reshape(7, 1, 1)
    affine = np.eye(4)
    affine[0, 3] = -3
    (tmp_path / "labels.csv").write_text(TABLE)
    return save_image(tmp_path / "labels.nii.gz", data, affine)


def find(region, atlas):
    """Structure and x of the samples found."""
    inside = region.bound_to(atlas).locate(atlas.samples)["inside"]
    found = atlas.samples[inside]
    return sorted(zip(found["structure_id"], found["mni_x"], strict=True))


def test_side_and_tissue_restrict_samples(image, atlas):
    assert find(parse_region(f"{image}#one", annotated=True), atlas) == [(1, -3), (1, -2), (4008, -3), (4008, -2)]
    assert find(parse_region(f"{image}#two", annotated=True), atlas) == [(1, 1), (4008, 1)]
    # a hippocampal sample (2) is no cortex, and B is either side
    assert find(parse_region(f"{image}#deep", annotated=True), atlas) == [(2, 2), (2, 3), (4275, 2), (4275, 3)]
    assert len(find(parse_region(f"{image}#deep"), atlas)) == 12


def test_a_structure_named_after_the_other_side_does_not_count(image, atlas):
    atlas.samples["structure_name"] = np.where(atlas.samples["mni_x"] == -2, "gyrus, right", "gyrus, left")
    assert find(parse_region(f"{image}#one", annotated=True), atlas) == [(1, -3), (4008, -3)]
    assert find(parse_region(f"{image}#two", annotated=True), atlas) == []


def test_each_of_several_labels_has_its_own(image, atlas):
    both = parse_region(f"{image}#1,3", annotated=True)
    single = [parse_region(f"{image}#{number}", annotated=True) for number in (1, 3)]
    assert find(both, atlas) == sorted(found for region in single for found in find(region, atlas))
    assert both.name == "one + deep"
    assert both.volume == pytest.approx(4)


def test_what_else_is_done_with_such_a_region(image, atlas):
    region = jugex.Region.from_image(image, label="one").annotated_as("cortex", "left")
    assert find(region, atlas) == find(parse_region(f"{image}#one", annotated=True), atlas)
    near = find(region.with_tolerance(5), atlas)
    assert {number for number, _ in near} == {1, 4008}
    assert max(x for _, x in near) == -1
    assert find(region.with_voxel("floor").renamed("r"), atlas)
    identity = region.identity()
    assert (identity.tissue, identity.side, identity.label) == ("cortex", "left", 1)
    assert identity == type(identity).from_dict(identity.to_dict())
    assert region.to_image().shape == (7, 1, 1)


def test_refused(image, atlas, tmp_path):
    with pytest.raises(OptionError, match="give labels, and a table with abagen's columns id, label, hemisphere"):
        parse_region(f"{image}#1", labels={1: "one"}, annotated=True)
    region = jugex.Region.from_image(image, label=1)
    with pytest.raises(OptionError, match=r"one of cortex, subcortex/brainstem, cerebellum.*; got 'gray'"):
        region.annotated_as("gray")
    with pytest.raises(OptionError, match="neither a class of tissue nor a side"):
        region.annotated_as(None)
    with pytest.raises(OptionError, match="the side must be left or right; got 'L'"):
        region.annotated_as("cortex", "L")
    with pytest.raises(RegionError, match="has not been looked up in an atlas"):
        region.annotated_as("cortex").locate(atlas.samples)
    with pytest.raises(RegionError, match="toy atlas has none of the structures"):
        region.annotated_as("cortex").bound_to(ToyAtlas([3], ["MAOA"]))
    assert find(region.annotated_as(None, "left"), atlas) == find(region, atlas)


def test_on_the_command_line(image, atlas, monkeypatch):
    given = {}

    def look(text, **options):
        given.update(options)
        return parse_region(text, **options)

    monkeypatch.setattr(run_query, "parse_region", look)
    monkeypatch.setattr(run_query, "expressions", lambda region, *_, **__: pytest.fail(region.identity().tissue))
    asked = ["query", f"{image}#one", "--genes", "MAOA", "--labels", str(image.parent / "labels.csv")]
    with pytest.raises(pytest.fail.Exception, match="cortex"):
        main([*asked, "--annotated"])
    assert given["annotated"]
