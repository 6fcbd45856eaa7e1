"""The command and the call that give a result again."""

from __future__ import annotations

import ast
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.model.record import Arguments, RegionRecord
from jugex.report.rerun import _format_region, list_reruns
from tests.report.conftest import compare_toy
from tests.report.helpers import change, change_regions

ARGUMENTS = Arguments("adjusted", "free", "mean", "exclude", 0.05, 99, ("D",))


def call(result):
    (language, code), *others = reversed(list_reruns(result.record))
    assert language == "Python"
    assert len(others) == (result.record.command is not None)
    return code


def test_holds_every_argument(make_result):
    code = call(make_result(requested=["MAOA", "TAC1"], donors=("H0351.2001",)))
    keywords = {k.arg: ast.literal_eval(k.value) for k in ast.parse(code).body[-1].value.keywords if k.arg != "atlas"}
    assert keywords == {
        "genes": ["MAOA", "TAC1"], "donors": ["H0351.2001"], "statistic": "adjusted", "exchange": "within-donor",
        "probes": "winsorized-mean", "overlap": "higher-probability", "voxel": "nearest", "alpha": 0.05,
        "n_permutations": 10000,
        "rng": 0, "collinear": "redraw", "ladder": True,
    }  # fmt: skip
    assert "    jugex.Region.from_image('maps/region_0.nii.gz', threshold=0.2, name='Fp1 left'),\n" in code
    assert "jugex.open_atlas('ahba')" in code


@pytest.mark.parametrize("k", [2, 3])
def test_gives_the_same_numbers_again(group_result, k):
    names = {}
    result = group_result if k == 3 else group_result.pairs["A", "C"]
    exec(call(result), names)
    again, before = (found.pairs_table if k == 3 else found.table for found in (names["result"], result))
    pd.testing.assert_frame_equal(again, before)


def test_the_command_comes_first_and_names_the_folder_alone(make_result):
    command = "jugex compare a b --out '/somewhere/my results/c 1/' --overwrite"
    language, shown = list_reruns(change(make_result(), command=command).record)[0]
    assert (language, shown) == ("shell", "jugex compare a b --out 'c 1' --overwrite")


def test_covariates_of_a_table_are_named(make_result):
    assert "    covariates=['hemisphere'],\n" in call(make_result(covariates=("hemisphere",)))
    code = call(make_result(covariates=("rin", "hemisphere"), in_memory=("covariates",)))
    assert "    covariates=covariates,  # in memory: rin, hemisphere\n" in code


def test_what_has_no_file_is_described_elsewhere(make_result):
    result = change_regions(
        make_result(requested=[f"G{i}" for i in range(201)], simulated=True), kind="rest", file=None
    )
    randomness = replace(result.record.permutation.randomness, seed=None)
    code = call(change(result, permutation={"randomness": randomness}))
    assert '    ...,  # rest: described in settings.json under "regions", number 1' in code
    assert "rng=generator" in code
    assert "the 201 genes in settings.json" in code
    assert "open_atlas('simulated')" in code


def test_more_regions_have_the_preset_and_no_way_with_collinear_relabellings():
    result = compare_toy(3, preset="bludau2018")
    code = call(result)
    assert "result = jugex.compare_several(\n" in code
    assert "    preset='bludau2018',\n" in code
    assert "collinear=" not in code
    assert "    ...,  # " in code


def test_structures_are_looked_up_in_the_atlas(make_result):
    code = call(change_regions(make_result(), kind="anatomical structure", asked="simA"))
    assert "    jugex.Region.from_structure('simA', name='Fp1 left', atlas=atlas),\n" in code


class TestRegions:
    """Regions of a file are made again as they were, whatever was done with them."""

    @pytest.fixture
    def image(self, tmp_path):
        data = np.zeros((40, 40, 40), dtype=np.uint8)
        data[:20], data[20:25], data[25:] = 1, 2, 3
        affine = np.diag([2.0, 2, 2, 1])
        affine[:3, 3] = [-60, 10, -20]
        path = tmp_path / "labels_space-SUIT.nii.gz"
        nib.save(nib.Nifti1Image(data, affine), path)
        return path

    def remake(self, region, **arguments):
        """The expression, and the region that it makes."""
        record = RegionRecord(region.name, region.identity(), 1, 0)
        text = _format_region(record, 1, replace(ARGUMENTS, **arguments))
        return text, eval(f"[{text}]", {"jugex": jugex, "atlas": jugex.open_atlas("simulated")})[0]

    @pytest.mark.parametrize(
        "change",
        [
            lambda region: region,
            lambda region: region.with_tolerance(3),
            lambda region: region.with_voxel("floor").left,
            lambda region: (region | jugex.Region.sphere((-22, 58, 4), 8)).with_tolerance(1).renamed("both"),
            lambda region: region & jugex.Region.box((-45, 35, -25), (45, 75, 35)),
            lambda region: region - jugex.demo_regions()[0],
            lambda region: region.eroded(2).dilated(1.5),
            lambda region: (~region).right,
        ],
        ids=["itself", "tolerance", "floor, left", "union", "intersection", "difference", "resized", "rest"],
    )
    def test_are_made_again(self, image, change):
        region = change(jugex.Region.from_image(image, label=[1, 3], space="MNI152NLin2009cAsym"))
        assert self.remake(region)[1].identity() == region.identity()

    def test_what_the_run_adds_is_not_of_the_region(self, image):
        region = jugex.Region.from_image(image, label=1, space="MNI152NLin2009cAsym")
        text, _ = self.remake(region.with_tolerance(2).with_voxel("floor"), tolerance=2.0, voxel="floor")
        assert "with_" not in text
        assert ".with_tolerance(3.0)" in self.remake(region.with_tolerance(3), tolerance=2.0)[0]


def test_has_what_was_chosen_besides(make_result):
    chosen = {
        "aliases": "hgnc.txt", "coordinates": ("maps/mni.csv",), "mirror": "left", "reannotation": "maps/probes.csv.gz",
        "min_present": 0.5, "present_in": "regions", "within": ("Cx",), "tolerance": 2.0, "missing": "drop-samples",
    }  # fmt: skip
    code = call(make_result(**chosen))
    for line in (
        "aliases='hgnc.txt',", "coordinates=['maps/mni.csv'],", "mirror='left',", "reannotation='maps/probes.csv.gz',",
        "min_present=0.5,", "present_in='regions',", "within=['Cx'],", "tolerance=2.0,", "missing='drop-samples',",
    ):  # fmt: skip
        assert f"    {line}\n" in code
        assert f"    {line}\n" not in call(make_result())


def test_a_table_in_memory_cannot_be_named(make_result):
    code = call(make_result(in_memory=("coordinates",)))
    assert "    coordinates=coordinates,  # in memory\n" in code
