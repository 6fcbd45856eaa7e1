"""The command line: what it runs, prints and writes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import jugex
from jugex import cli
from jugex.cli import run_query
from jugex.report.folders import replacing_folder

QUICK = ["--permutations", "99", "--genes", "MAOA,TAC1,GAD2"]
REGIONS = ["simulated:A", "simulated:B", "--atlas", "simulated"]


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestCompare:
    def test_writes_a_result_and_prints_a_summary(self, in_folder, capsys):
        assert cli.main(["compare", *REGIONS, *QUICK, "--out", "out"]) == 0
        printed = capsys.readouterr()
        assert "SIMULATED DATA" in printed.out
        assert "simulated A: 33 samples; simulated B: 28 samples; 6 donors, 5 with samples in both" in printed.out
        assert "3 genes tested, 2 significant at p_fwe <= 0.05" in printed.out
        assert "MAOA" in printed.out
        assert "report.html" in printed.out
        assert {path.name for path in (in_folder / "out").iterdir()} >= {
            "results.tsv", "samples.tsv", "settings.json", "report.html",
        }  # fmt: skip

    def test_options_reach_the_analysis(self, in_folder):
        options = [
            "--preset",
            "siibra-jugex",
            "--overlap",
            "exclude",
            "--seed",
            "7",
            "--alpha",
            "0.01",
            "--threshold",
            "0.3",
        ]
        options += ["--donors", "9861,H0351.2002", "--names", "left <A>", "B", "--probes", "mean", "--jobs", "2"]
        assert cli.main(["compare", *REGIONS, *QUICK, *options, "--out", "out", "--quiet"]) == 0
        result = jugex.load_result("out")
        expected = {
            "preset": "siibra-jugex", "statistic": "sequential", "exchange": "free", "probes": "mean",
            "overlap": "exclude", "threshold": 0.3, "alpha": 0.01, "n_permutations": 99,
            "genes": ["MAOA", "TAC1", "GAD2"], "donors": ["H0351.2001", "H0351.2002"],
        }  # fmt: skip
        assert result.settings["arguments"] | expected == result.settings["arguments"]
        assert result.record.permutation.randomness.seed == 7
        assert result.region_names == ("left <A>", "B")
        assert [region.identity.threshold for region in result.record.regions] == [0.3, 0.3]
        assert result.record.command.startswith("jugex compare simulated:A simulated:B --atlas simulated")
        assert "'left <A>'" in result.record.command

    def test_a_label_table_and_a_space_that_are_given(self, in_folder, capsys):
        data = np.zeros((91, 109, 91), dtype=np.uint8)
        data[30:36, 88:96, 30:44], data[36:40, 88:96, 30:44] = 1, 2
        affine = np.diag([2.0, 2, 2, 1])
        affine[:3, 3] = [-90, -126, -72]
        nib.save(nib.Nifti1Image(data, affine), "x_space-SUIT_dseg.nii.gz")
        nib.save(nib.Nifti1Image(data, affine), "y.nii.gz")
        Path("mine.txt").write_text("1\tone\n2\ttwo\n")
        regions, labels = ["x_space-SUIT_dseg.nii.gz#one", "x_space-SUIT_dseg.nii.gz#two"], ["--labels", "mine.txt"]
        options = [*QUICK, "--atlas", "simulated", "--out", "out", "--quiet"]
        assert cli.main(["compare", *regions, *options, *labels]) == 1
        said = capsys.readouterr().err
        assert "space SUIT by its name" in said
        insist = re.search(r"--space \w+", said)[0].split()
        assert cli.main(["compare", *regions, *options, *labels, *insist]) == 0
        result = jugex.load_result("out")
        assert result.region_names == ("one", "two")
        assert [region.identity.label for region in result.record.regions] == [1, 2]
        capsys.readouterr()
        assert cli.main(["compare", "y.nii.gz#one", regions[1], *options, "--overwrite", *labels, *insist]) == 1
        assert "put a table beside each" in capsys.readouterr().err
        asked = ["query", regions[0], "--genes", "MAOA", "--atlas", "simulated", "--out", "q.tsv"]
        assert cli.main([*asked, *labels, *insist]) == 0
        assert capsys.readouterr().out.startswith("one: ")

    def test_query_prints_where_no_file_is_named(self, in_folder, capsys):
        Path("genes.txt").write_text("MAOA\nTAC1\n")
        asked = ["query", "simulated:A", "--atlas", "simulated"]
        assert cli.main([*asked, "--gene-list", "genes.txt", "--out", "t.tsv"]) == 0
        capsys.readouterr()
        assert cli.main([*asked, "--genes", "MAOA,TAC1", "--quiet"]) == 0
        printed = capsys.readouterr()
        assert printed.out == Path("t.tsv").read_text()
        assert re.match(r"simulated A: \d+ samples of \d donors, [\d,]+ rows", printed.err)
        assert cli.main([*asked, "--all-genes", "--donors", "9861"]) == 0
        rows = capsys.readouterr().out.splitlines()
        assert {row.split("\t")[2] for row in rows[1:]} == set(jugex.open_atlas("simulated").genes)

    def test_which_voxel_speaks_for_a_sample(self, in_folder):
        for name, options in {"a": [], "b": ["--voxel", "floor"], "c": ["--preset", "siibra-jugex"]}.items():
            assert cli.main(["compare", *REGIONS, *QUICK, *options, "--out", name, "--quiet"]) == 0
        records = {name: jugex.load_result(name).record for name in "abc"}
        assert [records[name].arguments.voxel for name in "abc"] == ["nearest", "floor", "floor"]
        found = {name: [region.n_samples_found for region in records[name].regions] for name in "abc"}
        assert found["a"] != found["b"] == found["c"]

    def test_is_the_python_call(self, in_folder):
        assert cli.main(["compare", *REGIONS, *QUICK, "--out", "out"]) == 0
        expected = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "TAC1", "GAD2"], n_permutations=99, rng=0
        )
        pd.testing.assert_frame_equal(jugex.load_result("out").table, expected.table, rtol=1e-9)  # ten digits

    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    @pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
    def test_the_same_seed_gives_the_same_bytes_for_every_batch_and_number_of_threads(
        self, in_folder, exchange, statistic, monkeypatch
    ):
        monkeypatch.setattr("jugex.report.files.render_page", lambda *_, **__: "")
        monkeypatch.setattr("jugex.report.files.write_figures", lambda *_, **__: [])
        common = ["compare", *REGIONS, "--permutations", "3000", "--exchange", exchange, "--statistic", statistic]
        contents = set()
        for jobs, genes, relabellings in (("1", 128, 1024), ("2", 128, 1024), ("5", 7, 100), ("2", 600, 3000)):
            monkeypatch.setattr("jugex.stats.engine._GENES_PER_BLOCK", genes)
            monkeypatch.setattr("jugex.stats.engine._RELABELLINGS_PER_BLOCK", relabellings)
            assert cli.main([*common, "--jobs", jobs, "--out", "out", "--overwrite"]) == 0
            contents.add((in_folder / "out" / "results.tsv").read_bytes())
        assert len(contents) == 1

    def test_tails_are_the_python_calls_and_come_last(self, in_folder, capsys):
        genes = ["MAOA", "TAC1", "GAD2"]
        common = ["compare", *REGIONS, "--genes", ",".join(genes), "--permutations", "2000", "--tail"]
        for jobs in ("1", "2"):
            assert cli.main([*common, "--jobs", jobs, "--out", f"out{jobs}"]) == 0
        tables = [(in_folder / f"out{jobs}" / "results.tsv").read_bytes() for jobs in "12"]
        assert tables[0] == tables[1]
        assert tables[0].split(b"\n")[0].endswith(b"\tprobe_r\tstatus\tp_perm_tail\tp_fwe_tail")
        table = jugex.load_result("out1").table
        expected = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=genes, n_permutations=2000, rng=0, tail=True
        )
        pd.testing.assert_frame_equal(table, expected.table, rtol=1e-9)  # ten digits
        assert (table.loc[table["significant"], "p_perm_tail"] < 1 / 2001).any()

    def test_gene_list(self, in_folder):
        (in_folder / "genes.txt").write_text("MAOA\nTAC1\n")
        assert cli.main(["compare", *REGIONS, "--permutations", "99", "--gene-list", "genes.txt", "--out", "out"]) == 0
        assert len(jugex.load_result("out").table) == 2

    def test_warnings_are_one_line_each_on_standard_error(self, in_folder, capsys):
        arguments = [
            "compare",
            *REGIONS,
            "--genes",
            "MAOA,XYZ",
            "--permutations",
            "5",
            "--overlap",
            "keep",
            "--quiet",
            "--out",
            "out",
        ]
        assert cli.main(arguments) == 0
        lines = capsys.readouterr().err.strip().splitlines()
        assert all(line.startswith("jugex: ") for line in lines)
        warned = [line for line in lines if line.startswith("jugex: warning: ")]
        assert len(warned) == len(set(warned)) >= 3
        assert any("effective donors" in line for line in warned) == any(
            "effective donors" in text for text in jugex.load_result("out").warnings
        )
        assert any("count in both" in line for line in lines)
        assert any("not in the atlas: XYZ" in line for line in lines)
        assert any("no gene can be significant" in line for line in lines)


class TestOutput:
    def test_a_folder_that_holds_something_is_refused_before_any_work(self, in_folder, capsys, monkeypatch):
        (in_folder / "out").mkdir()
        (in_folder / "out" / "file").write_text("")
        monkeypatch.setattr("jugex.cli.run_compare.compare", lambda *args, **options: pytest.fail("work was done"))
        assert cli.main(["compare", *REGIONS, "--out", "out"]) == 1
        assert "out exists and is not empty" in capsys.readouterr().err
        assert cli.main(["compare", *REGIONS, "--out", "out", "--overwrite"]) == 1
        assert "is not overwritten" in capsys.readouterr().err

    def test_overwrite_replaces_a_result(self, in_folder):
        for seed in ("1", "2"):
            assert cli.main(["compare", *REGIONS, *QUICK, "--out", "out", "--seed", seed, "--overwrite"]) == 0
        assert jugex.load_result("out").record.permutation.randomness.seed == 2


class TestDemo:
    def test_runs_the_main_job_on_the_simulated_atlas(self, in_folder, capsys):
        assert cli.main(["demo"]) == 0
        assert "Made to differ" in capsys.readouterr().out
        result = jugex.load_result("jugex-demo")
        assert set(result.table.query("evidence == 'spatial'")["gene"]) == {"MAOA", "TAC1"}
        assert result.record.atlas.simulated
        assert cli.main(["demo"]) == 0  # a demo of its own is made again
        (in_folder / "jugex-demo" / "notes.txt").write_text("mine")
        assert cli.main(["demo"]) == 0
        assert (in_folder / "jugex-demo" / "notes.txt").read_text() == "mine"

    def test_another_result_is_not_replaced(self, in_folder):
        assert cli.main(["compare", *REGIONS, *QUICK, "--out", "jugex-demo"]) == 0
        assert cli.main(["demo"]) == 1


class TestQuery:
    def test_writes_siibras_table(self, in_folder, capsys):
        assert cli.main(["query", "simulated:A", "--genes", "MAOA,TAC1", "--atlas", "simulated", "--out", "t.tsv"]) == 0
        n_samples = jugex.demo_regions()[0].coverage(jugex.open_atlas("simulated")).n_samples
        assert f"{n_samples} samples of 6 donors" in capsys.readouterr().out
        table = pd.read_csv("t.tsv", sep="\t")
        expected = jugex.query.expressions(jugex.demo_regions()[0], ["MAOA", "TAC1"], atlas="simulated")
        assert table.columns.tolist() == expected.columns.tolist()
        assert table["well_id"].tolist() == expected["well_id"].tolist()
        assert table["mni_xyz"].str.match(r"^\(-?[\d.]+, -?[\d.]+, -?[\d.]+\)$").all()

    def test_threshold_and_donors(self, in_folder):
        arguments = ["query", "simulated:A", "--genes", "MAOA", "--atlas", "simulated", "--out", "t.tsv"]
        assert cli.main([*arguments, "--threshold", "0.6", "--donors", "9861"]) == 0
        table = pd.read_csv("t.tsv", sep="\t")
        assert set(table["donor_name"]) == {"H0351.2001"}
        assert (table["probability"] > 0.6).all()

    def test_file_that_is_there_is_refused_before_any_work(self, in_folder, capsys, monkeypatch):
        Path("t.tsv").write_text("mine")
        arguments = ["query", "simulated:A", "--genes", "MAOA", "--atlas", "simulated", "--out"]
        with monkeypatch.context() as patch:
            patch.setattr(run_query, "parse_region", lambda *_, **__: pytest.fail("worked before refusing"))
            assert cli.main([*arguments, "t.tsv"]) == 1
            assert "t.tsv exists; name another file, or pass --overwrite to replace it" in capsys.readouterr().err
            assert cli.main([*arguments, ".", "--overwrite"]) == 1
            assert ". is a folder; name a file" in capsys.readouterr().err
        assert Path("t.tsv").read_text() == "mine"
        assert cli.main([*arguments, "t.tsv", "--overwrite"]) == 0
        assert set(pd.read_csv("t.tsv", sep="\t")["gene"]) == {"MAOA"}

    def test_help_names_every_kind_of_atlas(self, capsys):
        with pytest.raises(SystemExit, match="0"):
            cli.main(["query", "--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert "--atlas PATH|simulated|allen-api" in shown
        assert "folder of a store" in shown


class TestTable:
    COMMAND = ("table", "labels.nii.gz", "--atlas", "simulated", "--genes", "MAOA,TAC1", "--quiet", "--out")

    @pytest.fixture(autouse=True)
    def labels(self, in_folder):
        """Labels of the left half of the brain: lateral, medial, and one outside."""
        data = np.zeros((40, 40, 40), dtype=np.uint8)
        data[4:20], data[20:36], data[0, 0, 0] = 1, 2, 7
        affine = np.diag([2.0, 2.0, 2.0, 1.0])
        affine[:3, 3] = -80, 10, -20
        nib.save(nib.Nifti1Image(data, affine), "labels.nii.gz")
        Path("labels.txt").write_text("1 lateral\n2 medial\n7 corner\n")

    def test_writes_the_table_and_what_belongs_to_it(self, capsys):
        assert cli.main([*self.COMMAND, "t.tsv"]) == 0
        made = jugex.query.region_table("labels.nii.gz", ["MAOA", "TAC1"], atlas="simulated")
        table = pd.read_csv("t.tsv", sep="\t", index_col="region")
        np.testing.assert_allclose(table, made.table, rtol=1e-9)
        assert table.index.tolist() == ["lateral", "medial", "corner"]
        regions = pd.read_csv("t_regions.tsv", sep="\t")
        assert regions["n_samples"].tolist() == made.regions["n_samples"].tolist()
        assert regions["status"].tolist() == ["ok", "ok", "no sample"]
        assert len(pd.read_csv("t_samples.tsv", sep="\t")) == len(made.samples)
        assert pd.read_csv("t_genes.tsv", sep="\t")["gene"].tolist() == ["MAOA", "TAC1"]
        record = json.loads(Path("t.json").read_text())
        assert record["atlas"]["simulated"] is True
        assert [region["label"] for region in record["regions"]] == [1, 2, 7]
        assert {region["sha256"] for region in record["regions"]} == {record["regions"][0]["sha256"]}  # of the image
        assert record["query"]["genes"] == ["MAOA", "TAC1"]
        assert record["table"]["over_donors"] == "mean"
        assert "simulated" in Path("t_methods.md").read_text()
        printed = capsys.readouterr().out
        assert "3 regions x 2 genes" in printed
        assert "1 region empty: the column status of t_regions.tsv says why" in printed

    @pytest.mark.parametrize(("file", "read"), [("t.csv", pd.read_csv), ("t.parquet", pd.read_parquet)])
    def test_other_forms_hold_the_same(self, file, read):
        options = ["--values", "level", "--gene-norm", "zscore", "--over-donors", "separate", "--fill", "nearest"]
        assert cli.main([*self.COMMAND, file, *options]) == 0
        made = jugex.query.region_table(
            "labels.nii.gz", ["MAOA", "TAC1"], atlas="simulated", values="level", gene_norm="zscore",
            over_donors="separate", fill="nearest",
        )  # fmt: skip
        pd.testing.assert_frame_equal(read(file).set_index(["region", "donor_name"]), made.table, rtol=1e-9)

    def test_methods_say_what_was_done(self):
        options = [
            "--values",
            "level",
            "--sample-norm",
            "scaled-robust-sigmoid",
            "--tolerance",
            "2",
            "--mirror",
            "left",
        ]
        assert cli.main([*self.COMMAND, "t.tsv", *options]) == 0
        text = Path("t_methods.md").read_text()
        for said in ("robust sigmoid", "Fulcher", "2 mm", "reflected to the left", "1 region without enough samples"):
            assert said in text

    def test_files_that_are_there_are_refused_before_any_work(self, capsys):
        Path("t_genes.tsv").write_text("mine")
        assert cli.main([*self.COMMAND, "t.tsv"]) == 1
        assert "t_genes.tsv exists" in capsys.readouterr().err
        assert (Path("t_genes.tsv").read_text(), Path("t.tsv").exists()) == ("mine", False)
        assert cli.main([*self.COMMAND, "t.tsv", "--overwrite"]) == 0

    def test_a_file_of_no_known_form_is_refused(self, capsys):
        assert cli.main([*self.COMMAND, "t.xls"]) == 1
        assert "must end in .tsv, .csv, .parquet" in capsys.readouterr().err


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["compare", "none.nii.gz", "simulated:B", "--atlas", "simulated"], "none.nii.gz"),
            (["compare", "simulated:A", "simulated:A", "--atlas", "simulated"], "the same region twice"),
            (["compare", "sphere:-22,58,4,8", "sphere:80,58,4,2", "--atlas", "simulated"], "holds no sample"),
            ([*["compare", *REGIONS], "--genes", "NOPE"], "not in the atlas: NOPE"),
            (
                [*["compare", *REGIONS], "--gene-list", "none.txt"],
                "gene list none.txt cannot be read: there is no such file; give a text file",
            ),
            ([*["compare", *REGIONS], "--threshold", "1"], "threshold"),
            ([*["compare", *REGIONS], "--donors", "42"], "42"),
            (["compare", "simulated:A", "simulated:B", "--atlas", "nowhere"], "nowhere"),
            (["compare", "simulated:A", "simulated:B"], "--atlas simulated"),
        ],
    )
    def test_impossible_jobs_end_with_one_sentence_and_1(self, in_folder, capsys, arguments, message):
        assert cli.main([*arguments, "--out", "out"]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("jugex: error: ")
        assert message in printed.err
        assert "Traceback" not in printed.err
        assert not (in_folder / "out").exists()

    @pytest.mark.parametrize(
        "arguments",
        [
            [], ["nonsense"], ["compare", "a"], ["compare", *REGIONS],
            ["compare", *REGIONS, "--out", "o", "--statistic", "t"],
            ["compare", *REGIONS, "--out", "o", "--genes", " , "], ["query", "simulated:A", "--out", "t.tsv"],
            ["compare", *REGIONS, "--out", "o", "--permutations", "many"],
            ["compare", *REGIONS, "--out", "o", "--permutations", "0"],
            ["compare", *REGIONS, "--out", "o", "--jobs", "0"],
        ],
    )  # fmt: skip
    def test_what_the_parser_refuses_ends_with_2(self, in_folder, capsys, arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
        assert "usage: jugex" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "advice"),
        [
            (["comapre", "a", "b"], "'comapre' is not one of compare, query, "),
            (["comapre", "a", "b"], "; did you mean compare?"),
            (["compare", *REGIONS, "--ot", "o"], "there is no --ot; did you mean --out"),
            (["compare", *REGIONS, "--out", "o", "--permutatoins", "9"], "did you mean --permutations"),
            (["compare", *REGIONS, "--out", "o", "--genes", "MAOA", "TAC1"], "without blanks: --genes MAOA,TAC1"),
            (["compare", *REGIONS, "--out", "o", "--names", "A", "left", "B"], 'in quotes: --names "Fp1 left" "Fp2'),
            (["compare", *REGIONS, "--out", "o", "--statistic", "welsh"], "did you mean welch?"),
            (
                ["compare", *REGIONS, "--out", "o", "--seed", "-1"],
                "--seed: -1 is out of range; give a whole number",
            ),
            (["compare", *REGIONS, "--out", "o", "--jobs", "x"], "--jobs: 'x' is not a whole number; give a"),
            (["compare", *REGIONS, "--out", "o", "--min-present", "x"], "'x' is not a number; give a share"),
            (["compare", *REGIONS, "--out", "o", "--min-present", "2"], "2 is out of range; give a share"),
            (["demo", "there"], "unrecognized arguments: there"),
            (["compare"], "usage: jugex compare REGION_1 REGION_2 [REGION_3 ...] --out DIR [options]\n"),
        ],
    )
    def test_refusals_advise(self, in_folder, capsys, arguments, advice):
        with pytest.raises(SystemExit, match="2"):
            cli.main(arguments)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert advice in shown.err
        assert len(shown.err.splitlines()) == 3
        assert shown.err.endswith("--help\n")

    def test_without_arguments_the_commands_are_shown(self, capsys):
        with pytest.raises(SystemExit, match="2"):
            cli.main([])
        assert "compare two or more regions, gene by gene" in capsys.readouterr().err

    def test_an_argument_that_is_no_text_is_refused(self, in_folder, capsys):
        assert cli.main(["compare", *REGIONS, *QUICK, "--names", "Z\udcfcrich", "B", "--out", "out"]) == 1
        assert "the argument 'Z?rich' is not valid text in this terminal's encoding" in capsys.readouterr().err

    def test_a_terminal_that_lacks_a_character_is_no_error(self, tmp_path):
        code = "import sys; from jugex.cli import main; sys.exit(main(['genes', 'caf\u00e9', '--atlas', 'simulated']))"
        environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("jugex: error: no gene of the atlas matches 'caf?'")

    def test_genes_may_be_separated_by_blanks(self, in_folder):
        assert cli.main(["compare", *REGIONS, *QUICK, "--genes", "MAOA TAC1; GAD2", "--out", "out"]) == 0
        assert jugex.load_result("out").record.arguments.genes == ("MAOA", "TAC1", "GAD2")

    @pytest.mark.parametrize(
        ("option", "what"),
        [
            ("--gene-list", "gene list"), ("--aliases", "alias table"), ("--coordinates", "table of coordinates"),
            ("--reannotation", "re-annotation table"), ("--covariate", "table of covariates"),
        ],
    )  # fmt: skip
    def test_files_that_cannot_be_read_are_one_sentence(self, in_folder, capsys, option, what):
        Path("bytes.txt").write_bytes(b"\x00\xff\xfe\x01")
        Path("empty.txt").write_text("")
        Path("broken.csv.gz").write_bytes(b"\x1f\x8b\x08 broken")
        Path("folder").mkdir()
        genes = [] if option == "--gene-list" else ["--genes", "MAOA"]
        for file in ("none.txt", "bytes.txt", "empty.txt", "broken.csv.gz", "folder"):
            arguments = ["compare", *REGIONS, *genes, "--permutations", "9", "--quiet", "--no-background", option, file]
            assert cli.main([*arguments, "--out", "out"]) == 1
            error = capsys.readouterr().err
            assert error.startswith("jugex: error: ")
            assert error.count("\n") == 1
            assert file in error
            assert not any(word in error for word in ("Errno", "Error", "codec", "Traceback", "0x"))
            assert not Path("out").exists()

    def test_output_that_cannot_be_made_is_told_before_any_work(self, in_folder, capsys, monkeypatch):
        Path("file").write_text("")
        monkeypatch.setattr("jugex.cli.run_compare.compare", lambda *args, **options: pytest.fail("work was done"))
        assert cli.main(["compare", *REGIONS, "--out", "file/out"]) == 1
        assert "file is a file; name another folder" in capsys.readouterr().err
        monkeypatch.setattr("os.access", lambda *_: False)
        assert cli.main(["compare", *REGIONS, "--out", "a/b"]) == 1
        assert "you are not allowed to write in " in capsys.readouterr().err
        monkeypatch.setattr(run_query, "parse_region", lambda *_, **__: pytest.fail("work was done"))
        assert cli.main(["query", "simulated:A", "--genes", "MAOA", "--atlas", "simulated", "--out", "no/t.tsv"]) == 1
        assert "there is no folder no to write t.tsv in" in capsys.readouterr().err

    @pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)])
    def test_a_signal_ends_it_with_nothing_left(self, in_folder, capsys, monkeypatch, number):
        def end(options):
            with replacing_folder(Path("out")) as folder:
                (folder / "results.tsv").touch()
                os.kill(os.getpid(), number)
                pytest.fail("it went on")

        before = signal.getsignal(number)
        monkeypatch.setattr("jugex.cli.run_check._run_check", end)
        assert cli.main(["check"]) == 128 + number
        assert "jugex: ended by a signal; nothing was written" in capsys.readouterr().err
        assert list(in_folder.iterdir()) == []
        assert signal.getsignal(number) is before

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
    def test_a_summary_that_cannot_be_printed_names_the_result(self, in_folder, capsys, monkeypatch):
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            monkeypatch.setattr(sys, "stdout", full)
            assert cli.main(["compare", *REGIONS, *QUICK, "--no-background", "--out", "out"]) == 1
            monkeypatch.undo()
        expected = (
            "jugex: error: the result is written in out, but its summary cannot be printed (No space left on device)"
        )
        assert expected in capsys.readouterr().err
        assert jugex.load_result(in_folder / "out").table["gene"].size == 3

    def test_what_nobody_foresaw_is_called_a_bug(self, capsys, monkeypatch):
        def fail(options):
            raise ZeroDivisionError("float division by zero")

        monkeypatch.setattr("jugex.cli.run_check._run_check", fail)
        assert cli.main(["check"]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert re.fullmatch(
            r"jugex: error: this is a bug of jugex \S+: ZeroDivisionError in test_cli\.py, line \d+ \(float division "
            r"by zero\); please report it .*CONTRIBUTING\.md .*--debug",
            line,
        )
        assert cli.main(["check", "--debug"]) == 1
        assert 'raise ZeroDivisionError("float division by zero")' in capsys.readouterr().err

    def test_an_interrupt_ends_with_130(self, in_folder, capsys, monkeypatch):
        def interrupt(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("jugex.cli.run_compare.compare", interrupt)
        assert cli.main(["compare", *REGIONS, "--out", "out"]) == 130
        assert "interrupted" in capsys.readouterr().err
        assert not (in_folder / "out").exists()

    def test_a_failure_of_the_system_is_one_sentence(self, in_folder, capsys, monkeypatch):
        monkeypatch.setattr(
            "jugex.cli.run_compare.compare", lambda *args, **options: (_ for _ in ()).throw(MemoryError)
        )
        assert cli.main(["compare", *REGIONS, "--out", "out"]) == 1
        assert capsys.readouterr().err == "jugex: error: MemoryError\n"

    def test_a_reader_that_has_seen_enough_is_no_error(self, tmp_path):
        """As in ``jugex regions | head``: the pipe is closed while the program still prints."""
        code = "import sys; from jugex.cli import main; sys.exit(main(['genes', 'SIM', '--atlas', 'simulated']))"
        program = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        program.stdout.close()
        _, err = program.communicate()
        assert err == ""
        assert program.returncode in (0, 1)  # 0 where all of it fitted into the pipe


class TestHelp:
    def test_version(self, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main(["--version"])
        assert caught.value.code == 0
        assert capsys.readouterr().out == f"jugex {jugex.__version__}\n"

    @pytest.mark.parametrize("command", ["compare", "query", "demo"])
    def test_each_command_explains_itself(self, command, capsys):
        with pytest.raises(SystemExit) as caught:
            cli.main([command, "--help"])
        assert caught.value.code == 0
        assert "--out" in capsys.readouterr().out

    @pytest.mark.parametrize("command", ["compare", "query"])
    def test_help_writes_percent_as_it_is_typed(self, command, capsys):
        with pytest.raises(SystemExit, match="0"):
            cli.main([command, "--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert "map.nii.gz% an integer image in percent" in shown

    def test_the_module_runs_as_a_program(self, tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "jugex", "--version"], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stdout == f"jugex {jugex.__version__}\n"


class TestRealData:
    """The runs whose numbers are known: Fp1 against Fp2 of the frontal pole, SLC6A2."""

    @pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")
    @pytest.mark.parametrize(
        ("options", "samples", "expected"),
        [
            ([], (16, 12), {"ss_area": 0.0097883, "ss_resid": 0.836146, "f": 0.245834, "df_resid": 21}),
            (
                ["--preset", "siibra-jugex@2023"],
                (18, 12),
                {"ss_area": 0.0016935, "ss_resid": 0.911873, "f": 0.042716, "df_resid": 23},
            ),
            (
                ["--overlap", "keep"],
                (18, 12),
                {"ss_area": 0.0032384, "ss_resid": 0.911873, "f": 0.081681, "df_resid": 23},
            ),
        ],
    )
    def test_fp1_against_fp2(self, shared_data, in_folder, options, samples, expected):
        regions = [str(shared_data / "regions" / f"Fp{number}_left_pmap.nii.gz") for number in (1, 2)]
        atlas = str(shared_data / "ahba-mini")
        assert cli.main(["compare", *regions, "--atlas", atlas, "--permutations", "99", "--out", "out", *options]) == 0
        row = jugex.load_result("out").table.set_index("gene").loc["SLC6A2"]
        assert (row["n_samples_1"], row["n_samples_2"]) == samples
        for column, value in expected.items():
            # the reference is printed with five significant digits: half a unit of the last
            assert row[column] == pytest.approx(value, abs=0.5 * 10 ** -_decimals(value))
        settings = json.loads((in_folder / "out" / "settings.json").read_text())
        assert settings["overlap"]["shared"][0]["well_id"] in {127686937, 4547}
        assert len(settings["overlap"]["shared"]) == 2


def _decimals(value: float) -> int:
    return len(repr(value).split(".")[1]) if isinstance(value, float) else 0
