"""Difference against p of every gene."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from numpy.testing import assert_allclose

from jugex.errors import OptionError, ResultError
from jugex.plots import plot_volcano
from tests.plots.helpers import points_by_label


def names_of(ax):
    words = ("uncorrected", "family-wise", "smallest")
    annotations = [child for child in ax.get_children() if isinstance(child, Annotation)]
    return [text for text in annotations if not any(word in text.get_text() for word in words)]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def many(make_result, n=3000, p_fwe=None):
    rng = np.random.default_rng(1)
    diff = np.array(sorted(rng.normal(0, 0.6, n), key=abs, reverse=True))  # tables are sorted by p_fwe
    p = np.clip(10 ** (-3 * diff**2), 1e-4, 1) if p_fwe is None else np.full(n, p_fwe)
    return make_result([f"GENE{i}" for i in range(n)], p, diff)


@pytest.mark.parametrize("p", ["p_perm", "p_fwe"])
def test_draws_each_gene_at_its_difference_and_p(make_result, p):
    result = make_result(["UP", "DOWN", "NOT"], [0.001, 0.02, 0.8], [1.5, -1.0, 0.2])
    rest, higher_1, higher_2 = points_by_label(plot_volcano(result, p=p)).values()
    for points, gene in ((higher_1, 0), (higher_2, 1), (rest, 2)):
        row = result.table.iloc[gene]
        assert_allclose(points, [[row["diff"], -np.log10(row[p])]], rtol=1e-12)  # the same arithmetic


def test_legend_counts_genes_of_each_kind(make_result):
    ax = plot_volcano(make_result(["UP", "DOWN", "NOT"], [0.001, 0.02, 0.8], [1.5, -1.0, 0.2]))
    assert legend_of(ax) == [
        "not significant (1)", "higher in Fp1 left (1)", "higher in Fp2 left (1)", "2 of 2 significant ones named",
    ]  # fmt: skip


def test_line_is_alpha(make_result):
    ax = plot_volcano(make_result(alpha=0.01), p="p_fwe")
    assert_allclose(ax.lines[0].get_ydata(), 2, rtol=1e-12)  # -log10(0.01)
    assert "0.01, family-wise" in [text.get_text() for text in ax.texts]


def test_smallest_p_is_a_line_where_genes_have_it(make_result):
    result = make_result(["A", "B"], [0.0002, 0.9], [1.0, 0.1])
    result.settings["permutation"]["smallest_p"] = 0.0001
    texts = [text.get_text() for text in plot_volcano(result).texts]  # p_perm is half of p_fwe in this result
    assert "smallest possible, 0.0001" in texts
    assert not any("smallest" in text.get_text() for text in plot_volcano(result, p="p_fwe").texts)


def test_names_do_not_overlap_each_other(make_result):
    ax = plot_volcano(many(make_result), n_names=40)
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(name) for name in names_of(ax)]  # without the lines that lead to them
    assert len(boxes) > 10
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    frame = ax.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


def test_names_go_to_the_smallest_p_first(make_result):
    result = many(make_result)
    named = [name.get_text() for name in names_of(plot_volcano(result, n_names=5))]
    assert set(named) <= set(result.labels.iloc[:5])


def test_whole_genome_of_significant_genes_is_drawn_as_an_image(make_result):
    ax = plot_volcano(many(make_result, 20_000, 0.0001))
    assert legend_of(ax)[0] == "not significant (0)"
    assert legend_of(ax)[-1].endswith("of 20,000 significant ones named")
    assert all(c.get_rasterized() for c in ax.collections)


def test_few_genes_are_drawn_as_shapes(make_result):
    assert not any(c.get_rasterized() for c in plot_volcano(make_result()).collections)


def test_genes_not_tested_are_left_out(make_result):
    ax = plot_volcano(make_result(["A", "B"], [0.5, np.nan], [0.1, np.nan]))
    assert sum(len(points) for points in points_by_label(ax).values()) == 1
    assert len(legend_of(ax)) == 3  # no line on names where there is nothing to name


def test_no_names_on_request(make_result):
    ax = plot_volcano(make_result(), n_names=0)
    assert names_of(ax) == []
    assert legend_of(ax)[-1] == "0 of 2 significant ones named"


def test_probes_tested_by_themselves_have_both_names(simulated_probes):
    named = [name.get_text() for name in names_of(plot_volcano(simulated_probes))]
    assert named
    assert set(named) <= set(simulated_probes.labels)


def test_draws_into_axes_given(make_result):
    ax = Figure().add_subplot()
    assert plot_volcano(make_result(), ax=ax) is ax


def test_nothing_tested_is_refused(make_result):
    with pytest.raises(ResultError, match="no gene of this result has a difference and a p_perm"):
        plot_volcano(make_result(["A"], [np.nan], [np.nan]))


def test_unknown_p_is_refused(make_result):
    with pytest.raises(OptionError, match="p is one of p_perm, p_fwe; got 'q_fdr'"):
        plot_volcano(make_result(), p="q_fdr")


def test_negative_number_of_names_is_refused(make_result):
    with pytest.raises(OptionError, match="n_names is a number of names, 0 or more; got -1"):
        plot_volcano(make_result(), n_names=-1)
