"""`jugex scan` and `jugex markers`: what the calls in Python say, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

import jugex
from jugex import cli
from tests.own_data import draw_labels, write_tables

# of so few genes and relabellings the false discovery rate says little
pytestmark = pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")
QUICK = ["--atlas", "data", "--permutations", "199", "--most-permutations", "0", "--workers", "1", "--quiet"]
NAMES = ["label 1", "label 2", "label 3"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with an own atlas, two of whose 20 genes are higher in the first of three labels."""
    monkeypatch.chdir(tmp_path)
    write_tables(tmp_path / "data")
    draw_labels(tmp_path / "labels.nii.gz")
    return tmp_path


class TestScan:
    def test_is_the_python_call(self, project, capsys):
        assert cli.main(["scan", "labels.nii.gz", *QUICK, "--columns", "all", "--out", "out"]) == 0
        said = capsys.readouterr().out
        assert "Written: out (open out/report.html)" in said
        found = jugex.load_scan("out")
        assert found.regions["region"].tolist() == NAMES
        test = jugex.TestOptions(n_permutations=199, rng=0)
        same = jugex.scan(
            "labels.nii.gz", atlas="data", out="same", test=test, most_permutations=0, workers=1, columns="all"
        )
        pd.testing.assert_frame_equal(found.pairs, same.pairs)
        pd.testing.assert_frame_equal(found.read(), same.read())
        assert (project / "out" / "report.html").stat().st_size > 0

    def test_a_plan_writes_nothing(self, project, capsys):
        assert cli.main(["scan", "labels.nii.gz", *QUICK, "--plan"]) == 0
        assert "3 pairs" in capsys.readouterr().out
        assert {path.name for path in project.iterdir()} == {"data", "labels.nii.gz"}

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--out", "out"], "--pairs all needs regions"),
            (["labels.nii.gz", "--annotated", "--out", "out"], "--annotated is for labels given one by one"),
        ],
    )
    def test_refusals(self, project, capsys, arguments, expected):
        assert cli.main(["scan", *arguments, *QUICK]) == 1
        assert expected in capsys.readouterr().err
        assert not (project / "out").exists()

    def test_a_folder_is_needed(self, project, capsys):
        with pytest.raises(SystemExit) as ended:
            cli.main(["scan", "labels.nii.gz", *QUICK])
        assert ended.value.code == 2
        assert "--out DIR is required" in capsys.readouterr().err

    def test_a_scheduler_that_does_not_answer(self, project, capsys, monkeypatch):
        distributed = pytest.importorskip("distributed")

        def refuse(address, **_):
            raise OSError("timed out")

        monkeypatch.setattr(distributed, "Client", refuse)
        assert cli.main(["scan", "labels.nii.gz", *QUICK, "--out", "out", "--scheduler", "tcp://none:1"]) == 1
        assert "no Dask scheduler answers at tcp://none:1 (timed out)" in capsys.readouterr().err


class TestMarkers:
    def test_lists_the_genes_that_are_higher_in_a_region(self, project, capsys):
        assert cli.main(["markers", "labels.nii.gz", *QUICK, "--rest", "brain", "--out", "out"]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        listed = {(*line[:2], line[2]) for line in lines if line[:1] == ["label"]}
        assert {("label", "1", "GENE1"), ("label", "1", "GENE2")} <= listed

    def test_there_may_be_none(self, project, capsys):
        genes = ["--genes", "GENE5,GENE6"]
        assert cli.main(["markers", "labels.nii.gz", *QUICK, *genes, "--rest", "brain", "--out", "out"]) == 0
        assert "no gene marks a region" in capsys.readouterr().out

    def test_a_plan_writes_nothing(self, project, capsys):
        assert cli.main(["markers", "labels.nii.gz", *QUICK, "--plan"]) == 0
        assert {path.name for path in project.iterdir()} == {"data", "labels.nii.gz"}
