"""The JSON files beside the tables: every column is described, and the result is read as before."""

from __future__ import annotations

import json
import warnings

import pandas as pd
import pytest

import jugex
from jugex.analysis import RESULT_COLUMNS
from jugex.analysis.result import EVIDENCE, PROBE_COLUMNS, SAMPLE_COLUMNS, TAIL_COLUMNS
from jugex.report.sidecars import describe_results, describe_samples


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch):
    """The page itself is tested elsewhere."""
    monkeypatch.setattr("jugex.report.html.render_report", lambda *_: "")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("options", [{}, {"probes": "single", "tail": True}])
def test_every_column_of_the_files_is_described(tmp_path, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jugex.JugexWarning)
        result = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=99, rng=0, **options
        )
    folder = result.save(tmp_path / "out")
    for name in ("results", "leave_one_donor_out", "samples"):
        columns = (folder / f"{name}.tsv").read_text(encoding="utf-8").split("\n")[0].split("\t")
        described = read(folder / f"{name}.json")
        assert list(described) == columns
        for entry in described.values():
            assert entry["Description"].endswith(".")
            assert set(entry) <= {"Description", "Units", "Levels"}
    loaded = jugex.load_result(folder)
    pd.testing.assert_frame_equal(loaded.table, result.table, rtol=1e-9)  # ten digits are written


def test_every_column_that_there_can_be_is_described(make_result):
    result = make_result()
    for column in (*PROBE_COLUMNS, *TAIL_COLUMNS):
        result.table[column] = None
    assert set(describe_results(result)) == {*RESULT_COLUMNS, *PROBE_COLUMNS, *TAIL_COLUMNS}


def test_units_are_named_where_there_are_any(make_result):
    results = describe_results(make_result())
    samples = describe_samples(make_result(), with_zscores=True)
    assert {column for column, entry in results.items() if entry.get("Units") == "log2"} == {"mean_level", "log2_fc"}
    assert results["diff"]["Units"] == "z-score"
    assert "Units" not in results["p_fwe"]
    assert [samples[f"mni_{axis}"]["Units"] for axis in "xyz"] == ["mm"] * 3
    assert samples["MAOA"] == {"Description": "Value of the gene MAOA.", "Units": "z-score"}


def test_regions_are_called_by_their_names(make_result):
    results = describe_results(make_result(names=("Fp1 left", r"Fp2 \1 left")))
    assert results["mean_2"]["Description"] == r"Raw mean in region 2 (Fp2 \1 left), not adjusted for donor."
    assert results["diff"]["Description"].startswith(r"Region 1 (Fp1 left) minus region 2 (Fp2 \1 left)")
    assert describe_samples(make_result(), with_zscores=False)["region"]["Levels"] == {
        "Fp1 left": "region 1",
        "Fp2 left": "region 2",
    }


def test_covariates_of_the_model_are_named(make_result, with_covariates):
    results = describe_results(with_covariates(make_result(covariates=["age", "mni_z"])))
    for column in ("diff", "log2_fc", "partial_eta_sq"):
        assert "adjusted for donor, mni_z and hemisphere" in results[column]["Description"]
    assert results["mean_1"]["Description"] == "Raw mean in region 1 (Fp1 left), not adjusted for donor."


def test_values_of_words_are_explained(make_result):
    results = describe_results(make_result())
    assert set(results["evidence"]["Levels"]) == set(EVIDENCE)
    assert set(results["significant"]["Levels"]) == {"TRUE", "FALSE"}


def test_many_genes_stand_elsewhere(make_result, tmp_path):
    genes = [f"G{number}" for number in range(201)]
    folder = make_result(genes=genes, p_fwe=[0.5] * 201, diff=[0.1] * 201).save(tmp_path / "out")
    assert list(read(folder / "samples.json")) == list(SAMPLE_COLUMNS)
