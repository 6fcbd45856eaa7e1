"""The published analysis again: its numbers, what is said of them, and what is said where data are missing."""

from __future__ import annotations

import runpy
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from jugex.reproduce import COMPARISON_COLUMNS, read_run_of_2017, reproduce_bludau2018

import jugex
from jugex import cli
from jugex._text import format_p
from jugex.errors import AtlasNotFoundError, JugexWarning, RegionFileError
from tests.conftest import PROJECT
from tests.toy import ToyAtlas, wells

REGIONS = wells("one", 1000, 1001, 1002, 2000, 2001, 3000), wells("two", 1003, 1004, 2002, 2003, 2004, 3001, 3002)


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch):
    """The page itself is tested elsewhere."""
    monkeypatch.setattr("jugex.report.files.render_page", lambda *_, **__: "")


def again(genes, levels=None, regions=REGIONS, **options):
    with warnings.catch_warnings():  # small designs and genes that the toy lacks are warned of
        warnings.simplefilter("ignore", JugexWarning)
        options = {"n_permutations": 9_999, "rng": 0, **options}
        return reproduce_bludau2018(*regions, atlas=ToyAtlas([6, 6, 4], genes, levels), **options)


def make_levels(*differences):
    """Genes with the differences given between the toy's regions, far above the noise."""
    levels = np.random.default_rng(0).normal(5, 0.1, size=(16, len(differences)))
    in_one = np.isin(np.arange(16), [0, 1, 2, 6, 7, 12])
    return levels + in_one[:, None] * np.array(differences)


class TestRunOf2017:
    def test_its_numbers_hold_together(self):
        table = read_run_of_2017()
        assert len(table) == 25
        # F of area with 1 and 23 degrees of freedom; nine digits and more are given
        np.testing.assert_allclose(table["f"], table["ss_area"] / (table["ss_resid"] / 23), rtol=1e-8)
        assert table.set_index("gene").loc[["MAOA", "TAC1"], "p_fwe"].tolist() == [0.006, 0.001]
        assert set(table.loc[table["p_fwe"] <= 0.05, "gene"]) == {"MAOA", "TAC1"}

    def test_it_is_what_was_found(self, shared_data):
        found = pd.read_csv(shared_data / "reference" / "inm1_2017_fp1_fp2_25genes_anova.csv")
        columns = ["gene", "ss_area", "ss_specimen", "ss_resid", "F_area", "p_fwe_permutation"]
        pd.testing.assert_frame_equal(read_run_of_2017().set_axis(columns, axis=1), found[columns])

    def test_slc6a2_agrees_within_one_percent(self, shared_data, tmp_path):
        """On the real data; coordinates of lower precision make the 0.2 % in F."""
        maps = [shared_data / "regions" / f"Fp{number}_left_pmap.nii.gz" for number in (1, 2)]
        with pytest.warns(jugex.errors.GeneWarning, match="not in the atlas"):
            made = reproduce_bludau2018(*maps, atlas=shared_data / "ahba-mini", n_permutations=99, rng=0)
        row = made.comparison.set_index("gene").loc["SLC6A2"]
        for name in ("ss_area", "ss_resid", "f"):
            assert row[f"{name}_same"] == pytest.approx(row[f"{name}_2017"], rel=0.01)
        assert row["agrees"]
        assert row["f"] == pytest.approx(0.245834, abs=5e-7)  # adjusted, as the data's README has it
        assert made.comparison["gene"].iloc[0] == "SLC6A2"
        assert made.comparison.loc[1:, "f"].isna().all()
        assert made.comparison.loc[1:, "agrees"].isna().all()
        assert made.statement[0] == (
            "By the method of the run of 2017, F and sums of squares of 1 of 1 genes agree with it within 1 % (largest "
            "deviation of F: +0.21 %, SLC6A2). 24 of its 25 genes are not in this atlas."
        )
        assert made.statement[1] == (
            "The published finding, MAOA and TAC1 higher in Fp2 left, cannot be judged: MAOA is not in this atlas; "
            "TAC1 is not in this atlas."
        )
        assert made.statement[2] == (
            "2 samples lie in both regions. The run of 2017 counted them in both (18 and 12 samples by this method); "
            "this result gives them to the more probable region (16 and 12)."
        )
        folder = made.save(tmp_path / "out")
        written = pd.read_csv(folder / "comparison.tsv", sep="\t")
        assert tuple(written) == COMPARISON_COLUMNS
        expected = made.comparison.astype({"n_probes": "float64", "agrees": "object"})
        expected["agrees"] = expected["agrees"].where(expected["agrees"].notna(), np.nan)
        pd.testing.assert_frame_equal(written, expected, rtol=1e-9, check_dtype=False)  # ten digits are written
        assert jugex.load_result(folder).settings["arguments"]["preset"] == "bludau2018"

    def test_the_example_runs(self, shared_data, tmp_path, monkeypatch, capsys):
        maps = [str(shared_data / "regions" / f"Fp{number}_left_pmap.nii.gz") for number in (1, 2)]
        script = PROJECT / "examples" / "reproduce_bludau2018.py"
        arguments = [str(shared_data / "ahba-mini"), *maps, str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", [script.name, *arguments])
        with pytest.warns(jugex.errors.GeneWarning, match="not in the atlas"):
            runpy.run_path(str(script), run_name="__main__")
        assert "agree with it within 1 %" in capsys.readouterr().out
        assert (tmp_path / "out" / "comparison.tsv").is_file()

    def test_the_example_says_what_it_needs(self, monkeypatch):
        script = PROJECT / "examples" / "reproduce_bludau2018.py"
        monkeypatch.setattr(sys, "argv", [script.name])
        with pytest.raises(SystemExit, match="ARCHIVES FP1 FP2"):
            runpy.run_path(str(script), run_name="__main__")


class TestRuns:
    def test_ours_are_those_of_the_presets(self):
        made = again(["MAOA", "TAC1", "SLC6A2"], rng=3)
        genes = read_run_of_2017()["gene"].tolist()
        options = {"atlas": ToyAtlas([6, 6, 4], ["MAOA", "TAC1", "SLC6A2"]), "genes": genes, "rng": 3}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            like_2017 = jugex.compare(*REGIONS, preset="siibra-jugex", **options)
        assert made.result.settings["arguments"]["preset"] == "bludau2018"
        rows, expected = made.comparison.set_index("gene"), like_2017.table.set_index("gene")
        for gene in ("MAOA", "TAC1", "SLC6A2"):
            assert rows.loc[gene, ["f_same", "p_fwe_same"]].tolist() == expected.loc[gene, ["f", "p_fwe"]].tolist()
            assert rows.loc[gene, "f_deviation"] == pytest.approx(
                rows.loc[gene, "f_same"] / rows.loc[gene, "f_2017"] - 1
            )

    def test_without_the_candidate_genes_but_one(self):
        made = again(["CRH"])
        assert made.comparison["gene"].iloc[0] == "CRH"
        assert "; not CRH)" in made.statement[0]
        assert made.statement[-1] == "p_fwe is corrected for 1 gene here, and for 25 in 2017."


class TestFinding:
    def test_it_is_there(self):
        made = again(["MAOA", "TAC1", "CRH"], make_levels(-2, -3, 0))
        assert made.statement[1].startswith(
            "The published finding, MAOA and TAC1 higher in Fp2 left, is there: MAOA is higher in Fp2 left, p_fwe = "
        )

    @pytest.mark.parametrize(("of_maoa", "of_tac1"), [(2, -3), (0, -3), (-2, 0)])
    def test_it_is_not_there(self, of_maoa, of_tac1):
        """A gene is higher in the other region, or not significantly."""
        made = again(["MAOA", "TAC1", "CRH"], make_levels(of_maoa, of_tac1, 0))
        assert "higher in Fp2 left, is not there: MAOA is " in made.statement[1]

    def test_one_of_the_genes_is_absent(self):
        made = again(["MAOA", "CRH"], make_levels(-2, 0))
        p = format_p(made.comparison.set_index("gene").loc["MAOA", "p_fwe"])
        assert made.statement[1].endswith(
            f"is there as far as it can be judged: MAOA is higher in Fp2 left, p_fwe = {p}; TAC1 is not in this atlas."
        )

    def test_a_gene_was_not_tested(self):
        levels = make_levels(-2, -2, 0)
        levels[:, 1] = 5.0
        made = again(["MAOA", "TAC1", "CRH"], levels)
        assert made.statement[1].endswith("TAC1 was not tested (constant over the samples used).")


class TestMissingData:
    def test_no_map(self):
        with pytest.raises(
            RegionFileError, match=r"needs probability maps of the left areas Fp1 and Fp2 .*; with siibra"
        ):
            reproduce_bludau2018(atlas="simulated")

    def test_a_map_that_does_not_exist(self, tmp_path):
        with pytest.raises(RegionFileError, match=r"and \S+Fp2\.nii\.gz does not exist; with siibra .* EBRAINS"):
            reproduce_bludau2018("simulated:A", tmp_path / "Fp2.nii.gz", atlas="simulated")

    def test_no_archives(self):
        with pytest.raises(AtlasNotFoundError, match="download the Allen Institute's donor archives with jugex fetch"):
            reproduce_bludau2018("simulated:A", "simulated:B")


class TestCommandLine:
    OPTIONS = ("--fp1", "simulated:A", "--fp2", "simulated:B", "--atlas", "simulated", "--permutations", "99")

    def test_writes_the_result_and_the_comparison(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["reproduce", "bludau2018", *self.OPTIONS, "--out", "out"]) == 0
        printed = capsys.readouterr().out
        assert "SIMULATED DATA" in printed
        assert "The published finding, MAOA and TAC1 higher in Fp2 left, is " in printed
        assert {"results.tsv", "comparison.tsv"} <= {path.name for path in (tmp_path / "out").iterdir()}
        assert jugex.load_result(tmp_path / "out").settings["command"].startswith("jugex reproduce bludau2018 --fp1")

    def test_says_what_to_download(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["reproduce", "bludau2018", "--out", "out"]) == 1
        assert "jugex: error: the published analysis needs probability maps" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
