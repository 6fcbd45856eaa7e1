"""A result in other tools' forms: each column against the table that it is taken from."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis import differential_expression
from jugex.errors import OptionError, OutputError
from jugex.query import region_pair
from jugex.report import to_frame, to_rnk
from tests.toy import ToyAtlas, wells

GENES = ["B", "A", "A", "C", "D"]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 3000)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004, 3001, 3002)
LIMMA = ["logFC", "AveExpr", "t", "P.Value", "adj.P.Val"]
DESEQ2 = ["baseMean", "log2FoldChange", "lfcSE", "stat", "pvalue", "padj"]


def analyse(levels=None, *, is_log2=True, **options):
    atlas = ToyAtlas([6, 6, 4], GENES, levels)
    atlas.is_log2 = is_log2
    with warnings.catch_warnings():  # small designs are warned of
        warnings.simplefilter("ignore", jugex.JugexWarning)
        pair = region_pair(ONE, TWO, atlas=atlas)
        return differential_expression(pair, **{"n_permutations": 99, "rng": 7, "ladder": False, **options})


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch):
    """The page itself is tested elsewhere."""
    monkeypatch.setattr("jugex.report.files.render_page", lambda *_, **__: "")


@pytest.fixture(scope="module")
def result():
    levels = np.random.default_rng(0).normal(5, 1, size=(16, 5))
    levels[:, 3] = 4.0  # C is not tested
    return analyse(levels)


class TestToFrame:
    def test_without_a_style_it_is_the_table_by_gene(self, result):
        frame = result.to_frame()
        assert frame.index.name == "gene"
        assert frame.index.tolist() == result.table["gene"].tolist()
        pd.testing.assert_frame_equal(frame.reset_index(drop=True), result.table)

    def test_limma(self, result):
        frame, table = result.to_frame("limma"), result.table.set_index("gene")
        assert list(frame) == LIMMA
        assert frame.index.tolist() == table.index.tolist()
        expected = table[["log2_fc", "mean_level", "p_perm", "q_fdr"]]
        np.testing.assert_array_equal(frame[["logFC", "AveExpr", "P.Value", "adj.P.Val"]], expected)
        np.testing.assert_allclose(frame["t"] ** 2, table["f"], rtol=1e-12)  # of a root, squared again
        tested = table["status"] == "ok"
        assert (np.sign(frame["t"]) == np.sign(table["diff"]))[tested].all()

    def test_t_is_that_of_the_regression(self, result):
        """statsmodels' t of area beside donor, on the same z-scores."""
        ols = pytest.importorskip("statsmodels.formula.api").ols
        data = pd.DataFrame({"y": result.zscores["B"], "a": (result.samples["region"] == "one").astype(float)})
        fit = ols("y ~ a + C(d)", data.assign(d=result.samples["donor_name"])).fit()
        # two ways to the same number, both in float64
        assert result.to_frame("limma").loc["B", "t"] == pytest.approx(fit.tvalues["a"], rel=1e-9)

    def test_deseq2(self, result):
        frame, table = to_frame(result, "deseq2"), result.table.set_index("gene")
        assert list(frame) == DESEQ2
        expected = table[["log2_fc", "p_perm", "q_fdr"]]
        np.testing.assert_array_equal(frame[["log2FoldChange", "pvalue", "padj"]], expected)
        np.testing.assert_allclose(np.log2(frame["baseMean"]), table["mean_level"], rtol=1e-12)
        # for the adjusted statistic a difference over its standard error is the root of F
        np.testing.assert_allclose(frame["log2FoldChange"].abs() / frame["lfcSE"], frame["stat"].abs(), rtol=1e-9)

    def test_levels_that_are_not_log2_have_no_base_mean(self, tmp_path):
        result = analyse(is_log2=False)
        assert result.table["mean_level"].notna().all()
        assert to_frame(result, "deseq2")["baseMean"].isna().all()
        read = jugex.load_result(result.save(tmp_path / "out"))
        assert to_frame(read, "deseq2")["baseMean"].isna().all()

    def test_the_standard_error_of_deseq2_is_that_of_the_statistic(self):
        frame = to_frame(analyse(statistic="welch"), "deseq2").dropna()
        np.testing.assert_allclose(frame["log2FoldChange"].abs() / frame["lfcSE"], frame["stat"].abs(), rtol=1e-9)

    def test_genes_that_were_not_tested_are_empty(self, result):
        for style, mean in (("limma", "AveExpr"), ("deseq2", "baseMean")):
            frame = result.to_frame(style)
            assert frame.loc["C"].drop([mean, *frame.columns.intersection(["logFC", "log2FoldChange"])]).isna().all()
            assert frame.loc["C", mean] == pytest.approx(4.0 if style == "limma" else 16.0)

    def test_probes_are_rows(self):
        frame = analyse(probes="single").to_frame("limma")
        assert frame.index.name == "probe"
        assert "A probe 1" in frame.index

    def test_another_style(self, result):
        with pytest.raises(OptionError, match="style must be None or one of limma, deseq2; got 'edger'"):
            result.to_frame("edger")


class TestToRnk:
    def test_genes_by_falling_score(self, result):
        ranking, table = result.to_rnk(), result.table.set_index("gene")
        assert list(ranking) == ["gene", "score"]
        assert sorted(ranking["gene"]) == ["A", "B", "D"]  # C was not tested
        assert ranking["score"].is_monotonic_decreasing
        expected = np.sign(table["diff"]) * np.sqrt(table["f"])
        np.testing.assert_array_equal(ranking["score"], expected[ranking["gene"]])

    @pytest.mark.parametrize("score", ["diff", "log2_fc", "hedges_g"])
    def test_by_a_column(self, result, score):
        ranking = to_rnk(result, score=score)
        np.testing.assert_array_equal(ranking["score"], result.table.set_index("gene").loc[ranking["gene"], score])

    def test_the_file_has_two_columns_and_no_header(self, result, tmp_path):
        ranking = result.to_rnk(tmp_path / "genes.rnk")
        read = pd.read_csv(tmp_path / "genes.rnk", sep="\t", header=None, names=["gene", "score"])
        pd.testing.assert_frame_equal(read, ranking, rtol=1e-9, check_dtype=False)  # ten digits are written
        assert b"\r" not in (tmp_path / "genes.rnk").read_bytes()

    def test_a_gene_has_the_score_of_its_furthest_probe(self):
        result = analyse(probes="single")
        ranking = result.to_rnk().set_index("gene")["score"]
        of_gene = result.table[result.table["gene"] == "A"]
        scores = (np.sign(of_gene["diff"]) * np.sqrt(of_gene["f"])).tolist()
        assert ranking.index.is_unique
        assert ranking["A"] == max(scores, key=abs)

    def test_a_loaded_result_gives_the_same(self, result, tmp_path):
        result.save(tmp_path / "out")
        loaded = jugex.load_result(tmp_path / "out")
        pd.testing.assert_frame_equal(loaded.to_rnk(), result.to_rnk(), rtol=1e-9)  # ten digits are written
        pd.testing.assert_frame_equal(loaded.to_frame("deseq2"), result.to_frame("deseq2"), rtol=1e-8)

    def test_another_score(self, result):
        with pytest.raises(OptionError, match="score must be one of stat, diff, log2_fc, hedges_g; got 'p_perm'"):
            result.to_rnk(score="p_perm")

    def test_a_file_that_cannot_be_written(self, result, tmp_path):
        with pytest.raises(OutputError, match=r"genes\.rnk cannot be written"):
            result.to_rnk(tmp_path / "none" / "genes.rnk")
