"""The examples: each runs as it stands, offline, and is short."""

from __future__ import annotations

import runpy
import sys
import warnings

import pandas as pd
import pytest

import jugex
from jugex.errors import JugexWarning
from tests.conftest import PROJECT

EXAMPLES = sorted((PROJECT / "examples").glob("*.py"))
# run by tests of their own; the last one needs the donor archives
ELSEWHERE = {"compare_regions", "enrichment_input", "figures", "coverage", "reproduce_bludau2018"}
#: What each of the others draws.
DRAWN = {
    "candidate_genes": ["MAOA.png", "MAOA-null.png", "samples.png"],
    "covariates": ["covariates.png"],
    "donor_evidence": ["MAOA-donors.png"],
    "own_table": ["own-table.png"],
    "query_gene": ["gene-in-region.png", "samples-on-mask.png"],
    "region_against_rest": ["region-against-rest.png"],
    "sensitivity_runs": ["sensitivity.png"],
    "several_regions": ["several-regions.png"],
    "structures": ["structures.png"],
    "whole_genome": ["heatmap.png", "volcano.png"],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_is_short(path):
    # one page shows every figure, each with its call
    assert len(path.read_text(encoding="utf-8").splitlines()) < (110 if path.stem == "figures" else 60)


def test_none_is_forgotten():
    assert {path.stem for path in EXAMPLES} == ELSEWHERE | set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_runs_as_it_stands(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # examples may warn: what a warning says is often their point
        runpy.run_path(str(PROJECT / "examples" / f"{name}.py"), run_name="__main__")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(DRAWN[name])
    assert capsys.readouterr().out


def test_enrichment_input(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["enrichment_input.py", str(tmp_path / "out")])
    runpy.run_path(str(PROJECT / "examples" / "enrichment_input.py"), run_name="__main__")
    ranking = pd.read_csv(tmp_path / "out" / "genes.rnk", sep="\t", header=None)
    assert ranking[1].is_monotonic_decreasing
    assert (tmp_path / "out" / "gene-sets.svg").exists()
    printed = capsys.readouterr().out
    assert f"{len(ranking):,} genes are ranked" in printed
    assert printed.split().index("monoamines") < printed.split().index("ranked")


def test_gseapy_reads_the_ranking(tmp_path):
    gseapy = pytest.importorskip("gseapy", reason="GSEApy is not installed")
    result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_permutations=999, ladder=False)
    ranking = result.to_rnk(tmp_path / "genes.rnk")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what GSEApy warns of is its own affair
        found = gseapy.prerank(
            str(tmp_path / "genes.rnk"), {"lowest": ranking["gene"].tail(10).tolist()}, min_size=5,
            permutation_num=100, seed=0, outdir=None, no_plot=True,
        )  # fmt: skip
    assert float(found.res2d["NES"].iloc[0]) < 0
