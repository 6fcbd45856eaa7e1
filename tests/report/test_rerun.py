"""The command and the call that give a result again."""

from __future__ import annotations

import ast
from dataclasses import replace

import pandas as pd
import pytest

from jugex.atlas.identity import AtlasChanges, FileRecord
from jugex.model.query_record import StructureRecord
from jugex.report.rerun import list_reruns
from tests.report.conftest import compare_toy
from tests.report.helpers import change, change_regions
from tests.report.test_methods import CHANGES, FILTER


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
        "probes": "winsorized-mean", "overlap": "higher-probability", "alpha": 0.05, "n_permutations": 10000,
        "rng": 0, "missing": "drop-genes", "collinear": "redraw", "tail": False,
    }  # fmt: skip
    assert "    jugex.Region.from_image('maps/region_0.nii.gz', threshold=0.2, name='Fp1 left'),\n" in code
    assert "jugex.open_atlas('ahba')" in code


@pytest.mark.parametrize("k", [2, 3])
def test_gives_the_same_numbers_again(group_result, k):
    names = {}
    result = group_result if k == 3 else group_result.pairs["A", "C"]
    exec(call(result), names)
    again, before = (found.pairs_table if k == 3 else found.table for found in (names["result"], result))
    ladder = [
        column for column in before if str(column).startswith(("p_donors", "p_spatial", "diff_d", "ci_d", "ci_s"))
    ]
    kept = [column for column in before if column not in (*ladder, "evidence")]  # asked for without the ladder
    pd.testing.assert_frame_equal(again[kept], before[kept])


def test_the_command_comes_first_and_names_the_folder_alone(make_result):
    command = "jugex compare a b --out '/somewhere/my results/c 1/' --overwrite"
    language, shown = list_reruns(change(make_result(), command=command).record)[0]
    assert (language, shown) == ("shell", "jugex compare a b --out 'c 1' --overwrite")


def test_covariates_of_a_table_are_named(make_result, with_covariates):
    assert "    covariates=['hemisphere'],\n" in call(make_result(covariates=("hemisphere",)))
    result = with_covariates(make_result(covariates=("rin",)))
    table = (replace(result.record.covariates[1], name="rin", from_table=True),)
    code = call(change(result, covariates=table))
    assert "covariates=covariates,  # among them columns of a table with a row per well_id: rin" in code


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


def test_has_the_same_filters_and_views(make_result):
    result = change(make_result(), atlas={"changes": CHANGES}, probe_filter=FILTER)
    result = change(result, genes={"aliases": FileRecord("hgnc.txt", "e")})
    result = change(
        result, samples={"within": (StructureRecord((4008,), "Cx", "cerebral cortex"),), "tolerance_mm": 2.0}
    )
    code = call(result)
    for line in (
        "aliases='hgnc.txt',", "coordinates=['maps/mni.csv'],", "mirror='left',", "reannotation='maps/probes.csv.gz',",
        "min_present=0.5,", "present_in='all',", "within=[4008],  # cerebral cortex", "tolerance=2.0,",
    ):  # fmt: skip
        assert f"    {line}\n" in code


def test_a_table_in_memory_cannot_be_named(make_result):
    in_memory = replace(CHANGES.coordinates, files=(FileRecord(None, "ab"),))
    code = call(change(make_result(), atlas={"changes": AtlasChanges(in_memory)}))
    assert "coordinates=coordinates,  # a table in memory" in code
