"""The files of a result: their form, that they come back as they were, and that they are whole or not there."""

from __future__ import annotations

import dataclasses
import json
import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis import RESULT_COLUMNS
from jugex.errors import DesignWarning, OutputError, ResultError
from jugex.query import expressions
from jugex.report import files
from jugex.workflow import compare
from tests.toy import ToyAtlas, wells

ONE = wells("région Å", 1000, 1001, 1002, 2000, 2001, probability=0.5)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004)


def make_result(n_genes=4):
    genes = ["NA", "?B", *[f"G{number}" for number in range(n_genes - 2)]]
    levels = np.random.default_rng(0).normal(5, 1, size=(12, n_genes))
    levels[:, 1] = 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)  # many genes, few permutations
        return compare(ONE, TWO, atlas=ToyAtlas([6, 6], genes, levels), n_permutations=999, rng=0)


def names_in(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch):
    """The page and the figures are tested elsewhere."""
    monkeypatch.setattr("jugex.report.html.render_report", lambda *_: "<html>é</html>")
    monkeypatch.setattr("jugex.report.figures.write_figures", lambda result, folder: [])


class TestSave:
    def test_a_result_comes_back_as_it_was(self, tmp_path):
        result = make_result()
        assert result.save(tmp_path / "out") == tmp_path / "out"
        loaded = jugex.load_result(tmp_path / "out")
        # ten significant digits are written
        pd.testing.assert_frame_equal(loaded.table, result.table, rtol=1e-9)
        pd.testing.assert_frame_equal(loaded.samples, result.samples, rtol=1e-9, check_dtype=False)
        pd.testing.assert_frame_equal(loaded.zscores, result.zscores, rtol=1e-9)
        assert loaded.settings == result.settings
        assert loaded.inputs is None
        assert loaded.table["gene"].isin(["NA"]).any()

    def test_what_was_loaded_is_saved_to_the_same_bytes(self, tmp_path):
        make_result().save(tmp_path / "first")
        jugex.load_result(tmp_path / "first").save(tmp_path / "second")
        for name in ("results.tsv", "samples.tsv", "settings.json"):
            assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()

    def test_the_form_of_results(self, tmp_path):
        make_result().save(tmp_path / "out")
        content = (tmp_path / "out" / "results.tsv").read_bytes()
        assert b"\r" not in content
        header, *rows = content.decode("utf-8").splitlines()
        assert header.split("\t") == list(RESULT_COLUMNS)
        cells = [dict(zip(RESULT_COLUMNS, row.split("\t"), strict=True)) for row in rows]
        assert {row["significant"] for row in cells} <= {"TRUE", "FALSE"}
        assert all(row["n_probes"] == "1" and row["df_resid"] in {"7", ""} for row in cells)
        assert [row["gene"] for row in cells if row["f"] == ""] == ["?B"]
        assert cells[-1]["gene"] == "?B"
        assert cells[-1]["status"] == "not tested: constant over the samples used"
        assert all(len(row["f"].replace(".", "").lstrip("0")) <= 10 for row in cells)

    def test_the_form_of_samples(self, tmp_path):
        result = make_result()
        result.save(tmp_path / "out")
        lines = (tmp_path / "out" / "samples.tsv").read_text(encoding="utf-8").splitlines()
        header = lines[0].split("\t")
        assert header[:10] == [
            "region", "donor_name", "sample", "well_id", "mni_x", "mni_y", "mni_z", "structure_acronym",
            "structure_name", "probability",
        ]  # fmt: skip
        assert header[10:] == result.zscores.columns.tolist() == ["?B", "G0", "G1", "NA"]
        assert len(lines) == 1 + 10
        assert lines[1].startswith("région Å\tH0351.2001\t0\t1000\t0\t0.5\t-1\tBr\tbrain\t0.5\t")
        assert not (tmp_path / "out" / "zscores.parquet").exists()

    def test_many_genes_go_to_parquet(self, tmp_path):
        result = make_result(201)
        result.save(tmp_path / "out")
        assert len((tmp_path / "out" / "samples.tsv").read_text().splitlines()[0].split("\t")) == 10
        table = pd.read_parquet(tmp_path / "out" / "zscores.parquet").set_index("gene")
        assert table.columns.tolist() == result.samples["well_id"].astype(str).tolist()
        np.testing.assert_array_equal(table.T, result.zscores)
        pd.testing.assert_frame_equal(jugex.load_result(tmp_path / "out").zscores, result.zscores)

    def test_a_sample_in_both_regions_has_two_columns(self, tmp_path):
        result = make_result(201)
        samples = result.samples.copy()
        samples.loc[samples["well_id"] == 1003, "well_id"] = 1000
        dataclasses.replace(result, samples=samples).save(tmp_path / "out")
        names = pd.read_parquet(tmp_path / "out" / "zscores.parquet").columns
        assert {"1000:1", "1000:2"} < set(names)
        pd.testing.assert_frame_equal(jugex.load_result(tmp_path / "out").zscores, result.zscores)

    def test_zscores_of_other_samples_or_an_earlier_version_are_refused(self, tmp_path):
        make_result(201).save(tmp_path / "out")
        path = tmp_path / "out" / "zscores.parquet"
        table = pd.read_parquet(path)
        table.rename(columns={"1000": "9"}).to_parquet(path)
        with pytest.raises(ResultError, match=r"zscores\.parquet holds other samples"):
            jugex.load_result(tmp_path / "out")
        pd.DataFrame({"well_id": [1000], "region": ["two"], "G0": [0.5]}).to_parquet(path)
        with pytest.raises(ResultError, match=r"zscores\.parquet has a row per sample, as an earlier version"):
            jugex.load_result(tmp_path / "out")

    @pytest.mark.parametrize("n_genes", [7, 201])
    def test_genes_may_be_called_like_columns(self, tmp_path, n_genes):
        odd = ["region", "sample", "well_id", "well_id_", "MAOA", "MAOA.1", '"x"']
        genes = odd + [f"G{i}" for i in range(n_genes - len(odd))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DesignWarning)  # many genes, few permutations
            result = compare(ONE, TWO, atlas=ToyAtlas([6, 6], genes), n_permutations=999, rng=0)
        result.save(tmp_path / "out")
        loaded = jugex.load_result(tmp_path / "out")
        assert loaded.zscores.columns.tolist() == result.zscores.columns.tolist()
        pd.testing.assert_frame_equal(loaded.zscores, result.zscores, rtol=1e-9)  # ten significant digits are written
        pd.testing.assert_frame_equal(loaded.samples, result.samples, rtol=1e-9, check_dtype=False)
        loaded.save(tmp_path / "again")
        first, second = (tmp_path / name / "samples.tsv" for name in ("out", "again"))
        assert first.read_bytes() == second.read_bytes()

    def test_folders_above_are_made_and_the_report_is_there(self, tmp_path):
        make_result().save(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b" / "report.html").read_text(encoding="utf-8") == "<html>é</html>"
        settings = json.loads((tmp_path / "a" / "b" / "settings.json").read_text(encoding="utf-8"))
        assert settings["regions"][0]["name"] == "région Å"

    def test_an_empty_folder_is_filled(self, tmp_path):
        (tmp_path / "out").mkdir()
        make_result().save(tmp_path / "out")
        assert (tmp_path / "out" / "results.tsv").exists()


class TestRefusals:
    def test_a_folder_that_holds_something_is_not_written(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("years of work")
        with pytest.raises(OutputError, match=r"out exists and is not empty; name another folder, or pass --overwrite"):
            make_result().save(tmp_path / "out")
        with pytest.raises(OutputError, match=r"out holds no settings\.json of jugex, so it is not overwritten"):
            make_result().save(tmp_path / "out", overwrite=True)
        (tmp_path / "out" / "settings.json").write_text('{"editor.fontSize": 12}')
        with pytest.raises(OutputError, match=r"holds no settings\.json of jugex"):
            make_result().save(tmp_path / "out", overwrite=True)
        assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"

    def test_a_result_is_overwritten_when_asked_to(self, tmp_path):
        make_result().save(tmp_path / "out")
        for stale in ("sensitivity.tsv", "figures/gene-07-OLD.svg"):
            (tmp_path / "out" / stale).parent.mkdir(exist_ok=True)
            (tmp_path / "out" / stale).write_text("")
        make_result().save(tmp_path / "out", overwrite=True)
        assert not list((tmp_path / "out").rglob("*OLD*")) + list((tmp_path / "out").rglob("sensitivity.tsv"))
        assert names_in(tmp_path) == ["out"]

    def test_files_of_the_user_stay_when_a_result_is_overwritten(self, tmp_path):
        make_result().save(tmp_path / "out")
        mine = ("notes.txt", "MAOA.png", "figures/MAOA.pdf", "drafts/first/results.tsv", "pair_1_2/notes.txt")
        for name in mine:
            (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "out" / name).write_text(name)
        make_result().save(tmp_path / "out", overwrite=True)
        assert [(tmp_path / "out" / name).read_text() for name in mine] == list(mine)
        assert names_in(tmp_path) == ["out"]

    def test_a_file_is_not_a_folder(self, tmp_path):
        (tmp_path / "out").write_text("")
        with pytest.raises(OutputError, match="out is a file; name a folder"):
            make_result().save(tmp_path / "out")

    @pytest.mark.parametrize("existing", [False, True])
    def test_a_run_that_fails_half_way_changes_nothing(self, tmp_path, monkeypatch, existing):
        if existing:
            make_result().save(tmp_path / "out")
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        monkeypatch.setattr(
            files, "_write_page", lambda *args, **kwargs: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with pytest.raises(OutputError, match="out cannot be written: No space left on device"):
            make_result().save(tmp_path / "out", overwrite=True)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        assert names_in(tmp_path) == (["out"] if existing else [])

    def test_an_interrupted_run_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "_write_page", lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_result().save(tmp_path / "out")
        assert names_in(tmp_path) == []

    def test_a_failed_exchange_keeps_the_old_result(self, tmp_path, monkeypatch):
        make_result().save(tmp_path / "out")
        rename = files.Path.rename
        monkeypatch.setattr(
            files.Path,
            "rename",
            lambda self, target: (
                (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
                if self.name.endswith(".tmp")
                else rename(self, target)
            ),
        )
        with pytest.raises(OutputError, match="Permission denied"):
            make_result().save(tmp_path / "out", overwrite=True)
        assert names_in(tmp_path) == ["out"]
        assert jugex.load_result(tmp_path / "out").table["gene"].size == 4


class TestLoad:
    def test_a_folder_without_result_is_refused(self, tmp_path):
        with pytest.raises(ResultError, match="holds no result of jugex that can be read"):
            jugex.load_result(tmp_path)

    def test_no_folder_is_refused(self, tmp_path):
        with pytest.raises(ResultError, match=r"there is no folder .*none; name the folder that jugex compare"):
            jugex.load_result(tmp_path / "none")

    def test_a_comparison_of_several_regions_names_its_pairs(self, tmp_path):
        make_result().save(tmp_path / "several" / "pair_1_2")
        (tmp_path / "several" / "omnibus.tsv").touch()
        with pytest.raises(ResultError, match=r"several regions; name the folder of a pair in it: pair_1_2"):
            jugex.load_result(tmp_path / "several")

    @pytest.mark.parametrize("broken", ["settings.json", "results.tsv", "samples.tsv"])
    def test_a_broken_file_is_refused(self, tmp_path, broken):
        make_result().save(tmp_path / "out")
        (tmp_path / "out" / broken).write_text("{}\n")
        with pytest.raises(ResultError, match="holds no result of jugex that can be read"):
            jugex.load_result(tmp_path / "out")


class TestWriteReport:
    def test_a_report_is_replaced(self, tmp_path):
        path = tmp_path / "report.html"
        path.write_text("old")
        assert make_result().report(path) == path
        assert path.read_text(encoding="utf-8") == "<html>é</html>"
        assert names_in(tmp_path) == ["report.html"]

    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(OutputError, match=r"none.report\.html cannot be written: No such file"):
            make_result().report(tmp_path / "none" / "report.html")


class TestSensitivity:
    TABLE = pd.DataFrame(
        {"gene": ["NA", "G0"], "statistic": "adjusted", "threshold": [0.2, np.nan], "is_headline": [True, False],
         "varied": ["", "threshold"], "n_samples_1": pd.array([5, pd.NA], dtype="Int64"),
         "n_samples_2": pd.array([5, pd.NA], dtype="Int64"), "p_fwe": [0.5, np.nan], "status": ["ok", "impossible"]}
    )  # fmt: skip

    def test_is_written_and_read(self, tmp_path):
        files.save_result(make_result(), tmp_path / "out", sensitivity=self.TABLE)
        loaded = files.load_sensitivity(tmp_path / "out")
        assert loaded["gene"].tolist() == ["NA", "G0"]
        pd.testing.assert_frame_equal(
            loaded.drop(columns="varied"), self.TABLE.drop(columns="varied"), check_dtype=False
        )

    def test_is_not_there_unless_given(self, tmp_path):
        make_result().save(tmp_path / "out")
        assert files.load_sensitivity(tmp_path / "out") is None

    def test_another_table_is_refused(self, tmp_path):
        (tmp_path / "sensitivity.tsv").write_text("a\tb\n1\t2\n")
        with pytest.raises(ResultError, match="holds no sensitivity table that can be read"):
            files.load_sensitivity(tmp_path)


class TestWriteTable:
    def test_coordinates_are_written_as_tuples(self, tmp_path):
        table = expressions(ONE, ["G0"], atlas=ToyAtlas([6, 6], ["G0"]))
        files.write_table(table, tmp_path / "table.tsv")
        written = pd.read_csv(tmp_path / "table.tsv", sep="\t")
        assert written.columns.tolist() == table.columns.tolist()
        assert written["mni_xyz"].tolist()[:2] == ["(0, 0.5, -1)", "(1, 0.5, -1)"]
        np.testing.assert_allclose(written["zscore"], table["zscore"], rtol=1e-9)  # ten digits
        assert table["mni_xyz"][0] == (0.0, 0.5, -1.0)

    def test_a_folder_that_does_not_exist_is_named(self, tmp_path):
        table = expressions(ONE, ["G0"], atlas=ToyAtlas([6, 6], ["G0"]))
        with pytest.raises(OutputError, match="cannot be written: No such file"):
            files.write_table(table, tmp_path / "none" / "table.tsv")
