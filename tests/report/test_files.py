"""The files of a result: their form, that they come back as they were, and that they are whole or not there."""

from __future__ import annotations

import json
import warnings
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import jugex
from jugex import cli
from jugex.comparison import compare
from jugex.errors import DesignWarning, OutputError, ResultError
from jugex.model.columns import PROBE_COLUMNS, RESULT_COLUMNS, SAMPLE_COLUMNS, TAIL_COLUMNS
from jugex.query import expressions
from jugex.report import files, folders, read_group, save_group, write_report
from jugex.report.tables import read_samples, write_samples
from tests.toy import ToyAtlas, wells

ONE = wells("région Å", 1000, 1001, 1002, 2000, 2001, probability=0.5)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004)


def make_result(n_genes=4):
    genes = ["NA", "?B", *[f"G{number}" for number in range(n_genes - 2)]]
    levels = np.random.default_rng(0).normal(5, 1, size=(12, n_genes))
    levels[:, 1] = 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)  # many genes, few permutations
        return compare(ONE, TWO, atlas=ToyAtlas([6, 6], genes, levels), n_permutations=999, rng=0, ladder=False)


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def seal(folder):
    """Compute the checksums anew, as somebody does who changes a result and wants to have it read."""
    content = {
        key: value for key, value in read_json(folder / "settings.json").items() if key not in ("files", "sha256")
    }
    folders.write_settings(folder, content)


def names_in(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch):
    """The page and the figures are tested elsewhere."""
    monkeypatch.setattr(files, "render_page", lambda result, **options: "<html>é</html>")
    monkeypatch.setattr(files, "write_figures", lambda *_, **__: [])


class TestSave:
    def test_a_result_comes_back_as_it_was(self, tmp_path):
        result = make_result()
        assert result.save(tmp_path / "out") == tmp_path / "out"
        loaded = jugex.load_result(tmp_path / "out")
        # ten significant digits are written
        pd.testing.assert_frame_equal(loaded.table, result.table, rtol=1e-9)
        pd.testing.assert_frame_equal(loaded.samples, result.samples, rtol=1e-9, check_dtype=False)
        pd.testing.assert_frame_equal(loaded.zscores, result.zscores, rtol=1e-9)
        pd.testing.assert_frame_equal(loaded.leave_one_donor_out, result.leave_one_donor_out, check_dtype=False)
        assert loaded.record == result.record
        assert loaded.query is None
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

    def test_many_genes_go_to_parquet_a_row_for_each(self, tmp_path):
        result = make_result(201)
        result.save(tmp_path / "out")
        assert len((tmp_path / "out" / "samples.tsv").read_text().splitlines()[0].split("\t")) == 10
        table = pd.read_parquet(tmp_path / "out" / "zscores.parquet")
        assert table.columns.tolist() == ["gene", *map(str, result.samples["well_id"])]
        assert table["gene"].tolist() == result.zscores.columns.tolist()
        np.testing.assert_array_equal(table.iloc[:, 1:], result.zscores.T)
        pd.testing.assert_frame_equal(jugex.load_result(tmp_path / "out").zscores, result.zscores)
        assert list(read_json(tmp_path / "out" / "samples.json")) == list(SAMPLE_COLUMNS)

    def test_a_sample_kept_in_both_regions_has_two_columns(self, tmp_path):
        result = make_result(201)
        samples = result.samples.assign(well_id=[7, 7, *result.samples["well_id"][2:]])
        write_samples(samples, result.zscores, tmp_path)
        columns = pd.read_parquet(tmp_path / "zscores.parquet").columns.tolist()
        assert columns[:4] == ["gene", "7:1", "7:2", str(samples["well_id"][2])]
        pd.testing.assert_frame_equal(read_samples(tmp_path)[1], result.zscores)

    def test_zscores_of_other_samples_are_refused(self, tmp_path):
        make_result(201).save(tmp_path / "out")
        table = pd.read_parquet(tmp_path / "out" / "zscores.parquet").rename(columns={"1000": "9999"})
        table.to_parquet(tmp_path / "out" / "zscores.parquet", index=False)
        seal(tmp_path / "out")
        with pytest.raises(ResultError, match=r"zscores\.parquet has other samples than"):
            jugex.load_result(tmp_path / "out")

    @pytest.mark.parametrize("n_genes", [7, 201])
    def test_genes_may_be_called_like_columns(self, tmp_path, n_genes):
        odd = ["region", "sample", "well_id", "well_id_", "MAOA", "MAOA.1", '"x"']
        genes = odd + [f"G{i}" for i in range(n_genes - len(odd))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DesignWarning)  # many genes, few permutations
            result = compare(ONE, TWO, atlas=ToyAtlas([6, 6], genes), n_permutations=999, rng=0, ladder=False)
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
        assert read_json(tmp_path / "a" / "b" / "settings.json")["regions"][0]["name"] == "région Å"

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
        with pytest.raises(OutputError, match=r"out holds no result of jugex, so it is not overwritten"):
            make_result().save(tmp_path / "out", overwrite=True)
        (tmp_path / "out" / "settings.json").write_text('{"editor.fontSize": 12}')
        with pytest.raises(OutputError, match="holds no result of jugex"):
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
            files, "write_report", lambda *args, **kwargs: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with pytest.raises(OutputError, match=r"out cannot be written: the disk of .* is full"):
            make_result().save(tmp_path / "out", overwrite=True)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        assert names_in(tmp_path) == (["out"] if existing else [])

    def test_an_interrupted_run_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "write_report", lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_result().save(tmp_path / "out")
        assert names_in(tmp_path) == []

    def test_a_failed_exchange_keeps_the_old_result(self, tmp_path, monkeypatch):
        make_result().save(tmp_path / "out")
        rename = files.Path.rename
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)  # on a disk where there is no exchange in one step
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

    @pytest.mark.parametrize("broken", ["results.tsv", "samples.tsv", "left_out.tsv"])
    def test_a_broken_file_is_refused(self, tmp_path, broken):
        make_result().save(tmp_path / "out")
        (tmp_path / "out" / broken).write_text("{}\n")
        with pytest.raises(ResultError, match=rf"{broken} (was changed since jugex wrote it|is no part of)"):
            jugex.load_result(tmp_path / "out")
        seal(tmp_path / "out")
        with pytest.raises(ResultError, match="holds no result of jugex that can be read"):
            jugex.load_result(tmp_path / "out")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "is not valid JSON"),
            ("{}", "was not written by jugex"),
            ('{"versions": {"jugex": "0.1.0"}, "format": 1}', "format 1"),
        ],
    )
    def test_settings_say_what_is_wrong_with_them(self, tmp_path, text, said):
        make_result().save(tmp_path / "out")
        (tmp_path / "out" / "settings.json").write_text(text)
        with pytest.raises(ResultError, match=said):
            jugex.load_result(tmp_path / "out")


class TestDescriptions:
    @pytest.mark.parametrize("options", [{}, {"probes": "single", "tail": True}])
    def test_every_column_of_the_files_is_described(self, tmp_path, options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jugex.JugexWarning)
            result = jugex.compare(
                "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=99, rng=0,
                ladder=False, background=False, **options,
            )  # fmt: skip
        folder = result.save(tmp_path / "out")
        for name in ("results", "left_out", "samples"):
            columns = (folder / f"{name}.tsv").read_text(encoding="utf-8").split("\n")[0].split("\t")
            described = read_json(folder / f"{name}.json")
            assert list(described) == columns
            for entry in described.values():
                assert entry["Description"].endswith((".", "?"))
                assert set(entry) <= {"Description", "Units", "Levels"}
        loaded = jugex.load_result(folder)
        pd.testing.assert_frame_equal(loaded.table, result.table, rtol=1e-9)  # ten digits are written
        pd.testing.assert_frame_equal(loaded.leave_one_donor_out, result.leave_one_donor_out, rtol=1e-9)
        if options:
            assert {*PROBE_COLUMNS, *TAIL_COLUMNS} < set(read_json(folder / "results.json"))

    def test_regions_and_covariates_go_by_their_names(self, tmp_path):
        folder = make_result().save(tmp_path / "out")
        results, samples = (read_json(folder / f"{name}.json") for name in ("results", "samples"))
        assert results["diff"]["Description"].startswith("Region 1 (région Å) minus region 2 (two), adjusted for donor")
        assert samples["region"]["Levels"] == {"région Å": "region 1", "two": "region 2"}
        assert samples["G0"] == {"Description": "Value of the gene G0.", "Units": "z-score"}


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
         "n_samples_2": pd.array([5, pd.NA], dtype="Int64"), "p_fwe": [0.5, np.nan],
         "significant": pd.Series([False, np.nan], dtype=object), "status": ["ok", "impossible"]}
    )  # fmt: skip

    def test_is_written_and_read(self, tmp_path):
        make_result().save(tmp_path / "out", sensitivity=self.TABLE)
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


@pytest.fixture
def saved(group_result, tmp_path, monkeypatch):
    """A folder of three regions, whose pairs hold a page alone."""

    def save_one(data, folder):
        folder.mkdir()
        (folder / "report.html").write_text("")

    monkeypatch.undo()  # of the page of all regions the links matter
    monkeypatch.setattr(files, "save_result", save_one)
    return save_group(group_result.comparison, group_result.pairs, tmp_path / "out")


def find_links(path):
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return [link["href"] for link in page.find(class_="matrix").find_all("a")]


class TestMoreRegions:
    def test_comes_back_as_it_was(self, saved, group_result):
        read, group = read_group(saved), group_result.comparison
        assert read.data.record == group.data.record
        pd.testing.assert_frame_equal(read.pairs_table, group.pairs_table, rtol=1e-9)  # ten digits are written
        for name in ("table", "samples", "zscores"):
            pd.testing.assert_frame_equal(
                getattr(read.data, name),
                getattr(group.data, name),
                rtol=1e-9,
                check_dtype=False,
                check_column_type=False,
            )
        before = (saved / "report.html").read_bytes()
        write_report(read, saved / "report.html", beside=saved)
        assert (saved / "report.html").read_bytes() == before
        assert "Holm 1979" in (saved / "methods.md").read_text(encoding="utf-8")

    def test_every_column_is_described(self, saved):
        for name in ("omnibus", "pairs", "samples"):
            columns = (saved / f"{name}.tsv").read_text(encoding="utf-8").split("\n")[0].split("\t")
            described = read_json(saved / f"{name}.json")
            assert list(described) == columns
            assert all(entry["Description"].endswith((".", "?")) for entry in described.values())
        assert read_json(saved / "omnibus.json")["mean_3"]["Description"] == "Raw mean in C, not adjusted."

    def test_links_start_where_the_page_lies(self, saved, tmp_path):
        assert find_links(saved / "report.html") == [f"pair_{pair}/report.html" for pair in ("1_2", "1_3", "2_3")]
        elsewhere = write_report(read_group(saved), tmp_path / "page.html", beside=saved)
        assert find_links(elsewhere)[0] == "out/pair_1_2/report.html"

    def test_names_of_folders_may_hold_what_means_something_in_links(self, saved, group_result, tmp_path):
        folder = saved.rename(tmp_path / "javascript:alert(1)#a?b%41 \N{LATIN SMALL LETTER U WITH DIAERESIS}")
        write_report(group_result.comparison, tmp_path / "all.html", beside=folder)
        link = urlsplit(find_links(tmp_path / "all.html")[0])
        assert (link.scheme, link.query, link.fragment) == ("", "", "")
        assert (tmp_path / unquote(link.path)).is_file()

    def test_a_page_on_another_drive_is_linked_as_a_whole(self, saved, group_result, tmp_path, monkeypatch):
        def refuse(*_):
            raise ValueError("path is on mount 'C:', start on mount 'D:'")  # as on Windows

        monkeypatch.setattr(files, "relpath", refuse)
        write_report(group_result.comparison, tmp_path / "all.html", beside=saved)
        assert find_links(tmp_path / "all.html")[0] == (saved / "pair_1_2" / "report.html").as_uri()

    def test_a_page_that_is_gone_has_no_link(self, saved):
        (saved / "pair_1_3" / "report.html").unlink()
        write_report(read_group(saved), saved / "report.html", beside=saved)
        assert [link[:8] for link in find_links(saved / "report.html")] == ["pair_1_2", "pair_2_3"]

    @pytest.mark.parametrize("name", ["omnibus.tsv", "pairs.tsv", "samples.tsv", "settings.json"])
    def test_a_file_that_is_missing_or_something_else(self, saved, name):
        (saved / name).write_text("gene\tp_fwe\nA\t0.1\n", encoding="utf-8")
        expected = r"was changed since jugex wrote it|is not valid JSON|holds no result of jugex that can be read"
        with pytest.raises(ResultError, match=expected):
            read_group(saved)
        (saved / name).unlink()
        with pytest.raises(ResultError, match=f"lacks its file {name}|holds no result of jugex that can be read"):
            read_group(saved)

    def test_a_run_that_fails_half_way_leaves_nothing(self, group_result, tmp_path, monkeypatch):
        def fail(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(files, "save_result", fail)
        with pytest.raises(OutputError, match=r"out cannot be written: the disk of .* is full"):
            group_result.save(tmp_path / "out")
        assert list(tmp_path.iterdir()) == []


class TestCommand:
    def test_writes_the_report_of_a_result_again(self, tmp_path, capsys, monkeypatch):
        monkeypatch.undo()
        result = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=999, rng=0
        )
        varied = result.sensitivity(thresholds=(), probes=(), n_permutations=99)
        folder = result.save(tmp_path / "out", sensitivity=varied)
        first = (folder / "report.html").read_bytes()
        (folder / "report.html").write_text("spoiled")
        assert cli.main(["report", str(folder)]) == 0
        assert f"Written: {folder / 'report.html'}" in capsys.readouterr().out
        assert (folder / "report.html").read_bytes() == first
        assert cli.main(["report", str(folder), "--out", str(tmp_path / "other.html")]) == 0
        assert (tmp_path / "other.html").read_bytes() == first

    def test_writes_the_page_of_all_regions_again(self, saved, capsys):
        before = (saved / "report.html").read_bytes()
        (saved / "report.html").unlink()
        assert cli.main(["report", str(saved)]) == 0
        assert (saved / "report.html").read_bytes() == before
        assert "of all regions; for the report of a pair, name its folder" in capsys.readouterr().out

    def test_a_folder_without_result_is_refused(self, tmp_path, capsys):
        assert cli.main(["report", str(tmp_path)]) == 1
        assert "holds no result of jugex that can be read" in capsys.readouterr().err
