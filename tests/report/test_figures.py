"""The folder of figures: which there are, under names that any system takes."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from jugex.plots import plot_gene
from jugex.report import figures
from jugex.report.figures import write_figures

NASTY = "<b>a/b\\c:'\"\N{GRINNING FACE}" + "long" * 50


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def both(*names):
    return sorted(f"{name}{ending}" for name in names for ending in (".svg", ".png"))


def test_volcano_brain_and_significant_genes(make_result, tmp_path):
    before = dict(mpl.rcParams), mpl.get_backend()
    written = write_figures(make_result(), tmp_path / "figures")
    assert names_in(tmp_path / "figures") == both("volcano", "brain", "gene-01-MAOA", "gene-02-TAC1")
    assert sorted(path.name for path in written) == names_in(tmp_path / "figures")
    assert (tmp_path / "figures" / "volcano.png").read_bytes().startswith(b"\x89PNG")
    assert (dict(mpl.rcParams), mpl.get_backend()) == before


def test_genes_are_laid_out_as_the_first_where_their_numbers_have_room(make_result, tmp_path, monkeypatch):
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    laid_out = []
    execute = ConstrainedLayoutEngine.execute
    monkeypatch.setattr(
        ConstrainedLayoutEngine, "execute", lambda self, figure: (laid_out.append(figure), execute(self, figure))
    )
    result = make_result(requested=["MAOA", "TAC1"])
    names = [("gene-1", "MAOA"), ("gene-2", "MAOA"), ("gene-3", "TAC1")]
    result.zscores["TAC1"] *= 1000  # its numbers are longer
    monkeypatch.setattr(
        figures, "_list_figures", lambda _: [(name, lambda gene=gene: plot_gene(result, gene)) for name, gene in names]
    )
    write_figures(result, tmp_path / "figures")
    assert len(laid_out) == 2
    first, second = ((tmp_path / "figures" / f"gene-{number}.png").read_bytes() for number in (1, 2))
    assert first == second


def test_at_most_so_many_genes(make_result, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "MAX_GENES", 1)
    write_figures(make_result(), tmp_path / "figures")
    assert names_in(tmp_path / "figures") == both("volcano", "brain", "gene-01-MAOA")


def test_a_figure_is_laid_out_once_for_all_its_files(make_result, tmp_path, monkeypatch):
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    laid_out = []
    execute = ConstrainedLayoutEngine.execute
    monkeypatch.setattr(
        ConstrainedLayoutEngine, "execute", lambda self, figure: (laid_out.append(figure), execute(self, figure))
    )
    monkeypatch.setattr(figures, "_list_figures", lambda result: [("gene", lambda: plot_gene(result, "MAOA"))])
    write_figures(make_result(), tmp_path / "figures")
    assert len(laid_out) == 1


@pytest.mark.parametrize(
    ("gene", "name"), [(NASTY, "gene-01-b_a_b_c_" + "long" * 8), ("\N{GRINNING FACE}", "gene-01-unnamed")]
)
def test_names_of_files_are_plain(make_result, tmp_path, gene, name):
    result = make_result([gene], [0.01], [1.0])
    result.samples[["mni_x", "mni_y", "mni_z"]] = np.nan
    write_figures(result, tmp_path / "figures")
    assert names_in(tmp_path / "figures") == both("volcano", name)


def test_nothing_to_draw_makes_no_folder(make_result, tmp_path):
    result = make_result(["A"], [np.nan], [np.nan])
    result.samples[["mni_x", "mni_y", "mni_z"]] = np.nan
    assert write_figures(result, tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()
