"""Which samples of regions count: structures within and without, a tolerance, and structures as regions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex import cli
from jugex.errors import DesignWarning, OverlapWarning, RegionError
from jugex.model.query_record import SampleFilterRecord, StructureRecord
from jugex.query import expressions, region_pair
from jugex.regions import Region
from tests.toy import ToyAtlas, wells

pytestmark = pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")


@pytest.fixture
def atlas():
    """Samples 1 mm apart on the x axis, of the structures 3 (left), 4 (right) and 5, in turn."""
    made = ToyAtlas([12, 12], ["A", "B"])
    made.structures = pd.DataFrame(
        [(1, "Br", "brain", None), (2, "Cx", "cortex", 1), (3, "G", "gyrus, left", 2), (4, "G", "gyrus, right", 2),
         (5, "WM", "white matter", 1)],
        columns=["structure_id", "acronym", "name", "parent_structure_id"],
    ).astype({"parent_structure_id": "Int64"})  # fmt: skip
    made.samples["structure_id"] = np.tile([3, 4, 5], 8)
    made.samples["structure_name"] = np.tile(["gyrus, left", "gyrus, right", "white matter"], 8)
    made.samples["mni_x"] = np.tile(np.arange(12.0), 2)
    made.samples[["mni_y", "mni_z"]] = 0.0
    return made


LOW, HIGH = Region.box((-1, -2, -2), (5.5, 2, 2), name="low"), Region.box((5.6, -2, -2), (20, 2, 2), name="high")


def structures_of(pair):
    return set(pair.atlas.samples.set_index("well_id").loc[pair.samples["well_id"], "structure_id"])


@pytest.mark.parametrize(
    ("options", "kept", "n_dropped"),
    [
        ({}, {3, 4, 5}, [0, 0]),
        ({"within": "cortex"}, {3, 4}, [4, 4]),
        ({"within": ["gyrus, left"]}, {3}, [8, 8]),
        ({"within": "gyrus, left,WM"}, {3, 5}, [4, 4]),
        ({"exclude": 5}, {3, 4}, [4, 4]),
        ({"exclude": ["WM", "gyrus, right"]}, {3}, [8, 8]),
        ({"within": "Br", "exclude": "Cx"}, {5}, [8, 8]),
    ],
)
def test_only_samples_of_the_right_structures_count(atlas, options, kept, n_dropped):
    pair = region_pair(LOW, HIGH, atlas=atlas, **options)
    assert structures_of(pair) == kept
    assert pair.n_found == tuple(12 - n for n in n_dropped)
    assert pair.sample_filter.n_dropped == tuple(n_dropped)
    table = expressions(LOW, "A", atlas=atlas, **options)
    assert len(table) == pair.n_found[0]


def test_the_filter_is_recorded_by_its_structures(atlas):
    assert region_pair(LOW, HIGH, atlas=atlas, within="cortex", exclude=4).sample_filter == SampleFilterRecord(
        within=(StructureRecord((2,), "Cx", "cortex"),),
        exclude=(StructureRecord((4,), "G", "gyrus, right"),),
        tolerance_mm=0.0,
        n_dropped=(8, 8),
        n_tolerated=(0, 0),
    )


def test_nothing_left_is_an_error(atlas):
    small = wells("small", 1000, 2000)
    with pytest.raises(
        RegionError,
        match=r"none of the 2 samples of region 'small' is left within 'white matter': their structures are gyrus",
    ):
        region_pair(small, HIGH, atlas=atlas, within="WM")
    with pytest.raises(RegionError, match=r"left within 'cortex' and outside 'gyrus, left' and 'gyrus, right'"):
        expressions(small, "A", atlas=atlas, within="Cx", exclude=[3, 4])


def test_unknown_structures(atlas):
    with pytest.raises(RegionError, match=r"no structure 'cortx'; did you mean cortex \(Cx\)"):
        region_pair(LOW, HIGH, atlas=atlas, within="cortx")


def test_a_tolerance_takes_in_samples_just_outside(atlas):
    left, right = Region.sphere((1, 0, 0), 1.2, name="left"), Region.sphere((9, 0, 0), 1.2, name="right")
    assert region_pair(left, right, atlas=atlas).n_found == (6, 6)
    pair = region_pair(left, right, atlas=atlas, tolerance=0.8)
    assert pair.n_found == (8, 10)  # 2 mm from the centres, in each donor; nothing lies below 0 mm
    assert pair.sample_filter.n_tolerated == (2, 4)
    assert [region.identity().tolerance_mm for region in pair.regions] == [0.8, 0.8]


@pytest.mark.parametrize("overlap", ["higher-probability", "exclude", "keep", "error"])
def test_a_sample_of_the_other_region_stays_there(atlas, overlap):
    one, two = Region.box((-1, -1, -1), (4.5, 1, 1), name="one"), Region.box((4.6, -1, -1), (9.5, 1, 1), name="two")
    plain = region_pair(one, two, atlas=atlas, overlap=overlap)
    pair = region_pair(one, two, atlas=atlas, overlap=overlap, tolerance=0.5)
    assert pair.samples["well_id"].tolist() == [*range(1000, 1011), *range(2000, 2011)]  # 10 mm: half a mm outside
    assert pair.n_found == (plain.n_found[0], plain.n_found[1] + 2)
    assert len(pair.shared) == 0


def test_a_sample_near_both_is_shared(atlas):
    one, two = Region.box((-1, -1, -1), (4.5, 1, 1)), Region.box((5.5, -1, -1), (9, 1, 1))
    with pytest.warns(OverlapWarning, match="2 of the 2 samples that lie in both regions are equally probable"):
        pair = region_pair(one, two, atlas=atlas, tolerance=0.5)
    assert pair.shared["well_id"].tolist() == [1005, 2005]


def test_a_region_that_holds_samples_by_tolerance_only(atlas):
    speck = Region.sphere((2.5, 0, 0), 0.1, name="speck")
    with pytest.raises(
        RegionError, match=r"region 'speck' holds samples only within its tolerance, .* in region 'low'"
    ):
        region_pair(speck, LOW, atlas=atlas, tolerance=0.5)


def test_an_image_against_a_structure(atlas):
    with pytest.warns(OverlapWarning, match=r"4 of the 4 samples that lie in both regions .* dropped from both"):
        pair = region_pair(LOW, Region.from_structure("WM"), atlas=atlas)
    assert [region.name for region in pair.regions] == ["low", "white matter"]
    assert pair.n_found == (12, 8)
    assert pair.samples["region"].value_counts().to_dict() == {"low": 8, "white matter": 4}


def test_a_region_against_the_rest(atlas):
    result = jugex.compare(LOW, ~LOW, atlas=atlas, n_permutations=99, rng=0)
    assert result.record.design.n_samples == (12, 12)
    rest = result.record.regions[1].identity
    assert rest.kind == "rest of the brain"
    assert rest.volume_mm3 > 1e6


def test_an_empty_region_says_so(atlas):
    with pytest.raises(RegionError, match=r"region 'low & high' holds no sample of toy atlas \(0 mm3\); take a larger"):
        region_pair(LOW & HIGH, HIGH, atlas=atlas)
    with pytest.raises(RegionError, match=r"holds no sample of toy atlas \(no extent in space\)"):
        region_pair(Region.sphere((0, 50, 0), 5) & Region.from_structure("WM"), HIGH, atlas=atlas)


def test_compare_passes_everything_on(atlas):
    few = {"n_permutations": 99, "rng": 0}
    few |= {"exclude": "WM", "tolerance": 0.1, "overlap": "exclude"}
    result = jugex.compare(LOW, "structure:gyrus, right", atlas=atlas, **few)
    samples = result.record.samples
    assert [structure.name for structure in samples.exclude] == ["white matter"]
    assert samples.tolerance_mm == 0.1
    assert samples.n_dropped == (4, 0)


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def _in_an_empty_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        self.folder = tmp_path

    def test_compare(self, capsys):
        arguments = [
            "compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--genes", "MAOA", "--permutations", "99",
            "--within", "simulated area A, left,simB", "--exclude", "BG", "--tolerance", "1", "--out", "out",
            "--quiet",
        ]  # fmt: skip
        assert cli.main(arguments) == 0
        samples = json.loads((self.folder / "out" / "settings.json").read_text(encoding="utf-8"))["samples"]
        assert [structure["acronym"] for structure in samples["within"]] == ["simA", "simB"]
        assert samples["tolerance_mm"] == 1
        methods = (self.folder / "out" / "methods.md").read_text(encoding="utf-8")
        assert "annotated as belonging to simulated area A, left and simulated area B, left" in methods
        assert "A sample at most 1 mm outside a region" in methods

    def test_a_structure_as_region(self, capsys):
        arguments = ["query", "structure:simA", "--genes", "MAOA", "--atlas", "simulated", "--out", "a.tsv"]
        assert cli.main([*arguments, "--exclude", "simB"]) == 0
        table = pd.read_csv(self.folder / "a.tsv", sep="\t")
        assert set(table["structure_acronym"]) == {"simA"}
        assert capsys.readouterr().out.startswith("simulated area A, left: ")  # as the atlas calls it

    def test_an_unknown_structure_ends_with_1(self, capsys):
        assert cli.main(["query", "structure:simZ", "--genes", "MAOA", "--atlas", "simulated", "--out", "a.tsv"]) == 1
        assert "has no structure 'simZ'; did you mean" in capsys.readouterr().err


def test_warnings_of_weak_designs_are_jugex_s_own():
    assert issubclass(DesignWarning, jugex.JugexWarning)  # what this module ignores: its designs are small
