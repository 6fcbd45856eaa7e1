"""In a notebook: figures show themselves, results say what was found, saving shows nothing."""

from __future__ import annotations

import inspect
import re

import pytest

import jugex
from jugex.errors import ArgumentError, GeneError

OPTIONS = {"atlas": "simulated", "genes": ["MAOA", "TAC1", "GAD2"], "n_permutations": 999, "rng": 0}


@pytest.fixture(scope="module")
def result():
    return jugex.compare("simulated:A", "simulated:B", **OPTIONS)


def list_shown(result):
    atlas, region = result.query.source, result.query.regions[0]
    several = jugex.compare_several(["simulated:A", "simulated:B", "structure:simPL"], **OPTIONS | {"ladder": False})
    return {
        "result": result, "atlas": atlas, "region": region, "coverage": region.coverage(atlas), "query": result.query,
        "genes": atlas.genes, "several": several, "diff": jugex.diff(result, result),
    }  # fmt: skip


def test_html_is_compact_and_escapes_names(result):
    renamed = jugex.compare("simulated:A", "simulated:B", names=["<i>x</i>", "B"], **OPTIONS | {"ladder": False})
    for name, thing in {**list_shown(result), "renamed": renamed}.items():
        html = thing._repr_html_()
        assert 50 < len(html) < 8000, name
        assert "<i>x</i>" not in html
    assert "spatial" in result._repr_html_()


def test_repr_says_what_was_found(result):
    assert repr(result).endswith("61 samples; evidence: 2 spatial>")
    several = list_shown(result)["several"]
    assert re.search(r"\d significant at once, \d differences? in pairs>", repr(several))
    assert several.significant["gene"].tolist() == several.omnibus["gene"][several.omnibus["significant"]].tolist()


def test_signatures_are_explicit():
    functions = [getattr(jugex, name) for name in jugex.__all__]
    functions += [thing for _, thing in inspect.getmembers(jugex.DifferentialExpression, inspect.isfunction)]
    functions += [thing for _, thing in inspect.getmembers(jugex.analysis.GeneSetResult, inspect.isfunction)]
    checked = 0
    for thing in filter(inspect.isfunction, functions):
        if thing.__module__.startswith("jugex") and not thing.__name__.startswith("_"):
            kinds = {parameter.kind for parameter in inspect.signature(thing).parameters.values()}
            assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}, thing
            assert len(thing.__doc__ or "") > 40, thing
            checked += 1
    assert checked > 40


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("permutations", "n_permutations"), ("seed", "rng"), ("jobs", "n_jobs"), ("covariate", "covariates"),
        ("treshold", "did you mean threshold"), ("no_background", "background=False"), ("gene_list", "read_gene_list"),
        ("xyzzy", "it has region_1, region_2, preset"),
    ],
)  # fmt: skip
def test_a_wrong_keyword_is_answered_with_the_right_one(keyword, said):
    with pytest.raises(ArgumentError, match=said) as refused:
        jugex.compare("simulated:A", "simulated:B", **{keyword: 1})
    assert isinstance(refused.value, TypeError)
    assert len(refused.traceback) <= 3


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("permutations", r"test=jugex\.TestOptions\(n_permutations=\.\.\.\)"),
        ("genes", r"query=jugex\.QueryOptions\(genes"),
        ("worker", "did you mean workers"),
    ],
)
def test_an_option_that_is_packed_is_told_where(keyword, said):
    with pytest.raises(ArgumentError, match=said):
        jugex.scan([], out="nowhere", **{keyword: 1})


def test_mistaken_calls_are_answered_in_a_line(result):
    with pytest.raises(ArgumentError, match=r"is a module; call jugex\.query\.expressions"):
        jugex.query("simulated:A")
    with pytest.raises(ArgumentError, match=r"is a module; call jugex\.analysis\.differential_expression"):
        jugex.analysis(result.query)
    with pytest.raises(jugex.JugexError, match="write structure:HiF"):
        jugex.compare("HiF", "Amg", atlas="simulated")
    for call in (result.plot_gene, result.anova_table, result.permutation_null):
        with pytest.raises(GeneError, match="did you mean MAOA"):
            call("maoa")
    assert set(jugex.__all__) <= set(dir(jugex)) < {*jugex.__all__, "atlas", "errors", "genes", "plots", "regions", "x"}


def test_figures_show_themselves_and_saving_shows_none(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    nbformat = pytest.importorskip("nbformat")
    cells = [
        "import jugex\n"
        "result = jugex.compare('simulated:A', 'simulated:B', atlas='simulated', genes=['MAOA', 'TAC1'],\n"
        "                       n_permutations=99, rng=0, ladder=False, background=False)",
        "ax = result.plot_gene('MAOA')",
        "result",
        "folder = result.save('out')",
        "result.plot_volcano(p='p_fwe')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        [kind for output in cell.outputs if output.output_type != "stream" for kind in output.data]
        for cell in notebook.cells
    ]
    assert shown[1].count("image/png") == 1
    assert "text/html" in shown[2]
    assert shown[3] == []
    assert shown[4].count("image/png") == 1
