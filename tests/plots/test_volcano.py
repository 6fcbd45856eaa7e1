"""Difference against p of every gene."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from numpy.testing import assert_allclose

import jugex
from jugex.errors import JugexWarning, OptionError, ResultError
from jugex.plots import figure_style, plot_volcano
from jugex.plots.volcano import choose_height
from tests.plots.helpers import points_by_label
from tests.report.helpers import change
from tests.tissue_atlas import make_atlas, make_region

P_FWE = r"$p_{\mathrm{FWE}}$"
FOUND = r"$p_{\mathrm{FWE}} \leq 0.05$"


def names_of(ax):
    annotations = [child for child in ax.get_children() if isinstance(child, Annotation)]
    return [text for text in annotations if text.xycoords == "data"]


def lines_of(ax):
    """Thresholds: height, by what is written beside it."""
    labels = [text for text in ax.texts if text.xycoords == ax.get_yaxis_transform()]
    return {text.get_text(): text.xy[1] for text in labels}


def at_the_floor(make_result, n, n_rest=300):
    """A result in which n genes are significant with the same smallest p."""
    rng = np.random.default_rng(3)
    diff = np.r_[rng.normal(0, 1.5, n), rng.normal(0, 0.3, n_rest)]
    p = np.r_[np.full(n, 0.0002), rng.uniform(0.1, 1, n_rest)]
    return make_result([f"GENE{i}" for i in range(len(p))], p, diff)


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
        f"{FOUND}, higher in Fp1 left (1)", f"{FOUND}, higher in Fp2 left (1)", "not significant (1)",
    ]  # fmt: skip


def test_line_is_alpha(make_result):
    ax = plot_volcano(make_result(alpha=0.01), p="p_fwe")
    assert_allclose(ax.lines[0].get_ydata(), 2, rtol=1e-12)  # -log10(0.01)
    assert_allclose(lines_of(ax)[f"{P_FWE} = 0.01"], 2, rtol=1e-12)


@pytest.mark.parametrize("p", ["p_perm", "p_fwe"])
@pytest.mark.parametrize("p_fwe", [0.0002, 0.3])
def test_smallest_p_of_the_run_is_a_line(make_result, p, p_fwe):
    result = make_result(["A", "B"], [p_fwe, 0.9], [1.0, 0.1])
    ax = plot_volcano(change(result, permutation={"smallest_p": 0.0001}), p=p)
    assert_allclose(lines_of(ax)["smallest $p$,\n0.0001"], 4, rtol=1e-12)
    assert ax.get_ylim()[1] > 4


def test_no_height_is_called_the_corrected_threshold(make_result):
    result = make_result(["A", "B", "C"], [0.01, 0.04, 0.3], [1.0, 0.9, 0.1])
    lines = lines_of(plot_volcano(result))
    assert list(lines) == ["$p$ = 0.05,\nuncorrected", "smallest $p$,\n0.0001"]
    assert_allclose(lines["$p$ = 0.05,\nuncorrected"], -np.log10(0.05), rtol=1e-12)


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.2])
def test_names_of_neighbours_are_plainly_at_their_marks(make_result, gap):
    ax = plot_volcano(make_result(["MAOA", "TAC1", "NOT"], [0.0002, 0.0002, 0.9], [-1.6, gap - 1.6, 0.1]))
    ax.figure.draw_without_rendering()
    names = names_of(ax)
    assert {name.get_text() for name in names} == {"MAOA", "TAC1"}
    marks = ax.transData.transform([name.xy for name in names]) * 72 / ax.figure.dpi
    for name, own, other in zip(names, marks, marks[::-1], strict=True):
        box = Text.get_window_extent(name).extents.reshape(2, 2) * 72 / ax.figure.dpi
        away = [np.linalg.norm(np.maximum(np.maximum(box[0] - mark, mark - box[1]), 0)) for mark in (own, other)]
        has_line = name.arrow_patch is not None
        assert has_line or away[1] > away[0] + 1.5  # points; 2 and a little for text measured before it was placed


def test_labels_of_lines_do_not_overlap(make_result):
    result = make_result(["A", "B"], [0.0498, 0.0999], [1.0, 0.1], alpha=0.05)
    ax = plot_volcano(change(result, permutation={"smallest_p": 0.045}))
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in ax.texts if text.xycoords == ax.get_yaxis_transform()]
    assert len(boxes) == 2
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_axis_says_where_expression_is_higher(make_result):
    texts = [text.get_text() for text in plot_volcano(make_result()).texts]
    for words in ("\N{LEFTWARDS ARROW} higher in Fp2 left", "higher in Fp1 left \N{RIGHTWARDS ARROW}"):
        assert words in texts


@pytest.mark.parametrize(("n", "least"), [(2, 2), (10, 8), (50, 10)])
@pytest.mark.parametrize("p", ["p_perm", "p_fwe"])
def test_genes_with_the_same_smallest_p_have_names_apart_and_inside(make_result, n, least, p):
    ax = plot_volcano(at_the_floor(make_result, n), p=p)
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(name) for name in names_of(ax)]
    assert len(boxes) >= least
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    frame = ax.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
    points = np.concatenate(list(points_by_label(ax).values()))
    assert not any(box.contains(*point) for box in boxes for point in ax.transData.transform(points))


def test_names_do_not_overlap_each_other(make_result):
    ax = plot_volcano(many(make_result), n_names=40)
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(name) for name in names_of(ax)]  # without the lines that lead to them
    assert len(boxes) >= 5  # 800 marks leave little room
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    # 5 pixels are 1.3 mm: with the oldest matplotlib the layout still moves the frame that much when names are placed
    frame = ax.get_window_extent().padded(5)
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


@pytest.mark.parametrize("n", [10, 50])
def test_lines_to_names_cross_no_other_mark(make_result, n):
    ax = plot_volcano(at_the_floor(make_result, n), p="p_perm")
    ax.figure.draw_without_rendering()
    points = np.concatenate([marks for label, marks in points_by_label(ax).items() if "not" not in label])
    marks, n_lines = ax.transData.transform(points), 0
    for name in names_of(ax):
        if name.arrow_patch is None:
            continue
        n_lines += 1
        line = name.arrow_patch.get_path().vertices[[0, -1]]  # in pixels
        others = marks[np.abs(marks - ax.transData.transform(name.xy)).max(axis=1) > 72 / ax.figure.dpi]
        steps = np.linspace(*line, 50)
        away = np.abs(steps[:, None] - others[None]).max(axis=2).min()
        assert away > 0.5 * ax.figure.dpi / 72
    assert n_lines


def test_height_tells_genes_apart(make_result):
    n = 12
    p_fwe = np.r_[np.full(2, 0.0001), np.geomspace(0.0002, 0.04, n - 2), np.full(20, 0.9)]
    result = make_result([f"GENE{i}" for i in range(len(p_fwe))], p_fwe, np.linspace(2, 0.1, len(p_fwe)))
    result = change(result, permutation={"smallest_p": 0.0001})

    def with_floor(n_floor):
        p = np.r_[np.full(n_floor, 0.0001), np.full(len(p_fwe) - n_floor, 0.3)]
        return dataclasses.replace(result, table=result.table.assign(p_perm=p))

    assert [choose_height(with_floor(n_floor)) for n_floor in (0, 2, n // 2, n // 2 + 1, n)] == [
        "p_perm", "p_perm", "p_perm", "p_fwe", "p_fwe",
    ]  # fmt: skip
    assert P_FWE in plot_volcano(with_floor(n)).get_ylabel()
    same = dataclasses.replace(with_floor(n), table=with_floor(n).table.assign(p_fwe=0.0001))
    assert choose_height(same) == "p_perm"  # corrected, they lie on one line as well


def test_names_go_to_the_smallest_p_first(make_result):
    result = many(make_result)
    named = [name.get_text() for name in names_of(plot_volcano(result, n_names=5))]
    assert set(named) <= set(result.labels.iloc[:5])


def test_whole_genome_of_significant_genes_is_drawn_as_an_image(make_result):
    ax = plot_volcano(many(make_result, 20_000, 0.0001))
    assert legend_of(ax)[-1] == "not significant (0)"  # and nothing on names that found no room
    assert all(c.get_rasterized() for c in ax.collections)


def test_few_genes_are_drawn_as_shapes(make_result):
    assert not any(c.get_rasterized() for c in plot_volcano(make_result()).collections)


def test_genes_not_tested_are_left_out(make_result):
    ax = plot_volcano(make_result(["A", "B"], [0.5, np.nan], [0.1, np.nan]))
    assert sum(len(points) for points in points_by_label(ax).values()) == 1
    assert legend_of(ax)[-1] == "not significant (1)"  # nothing on names where there is nothing to name


def test_no_names_on_request(make_result):
    ax = plot_volcano(make_result(), n_names=0)
    assert names_of(ax) == []
    assert legend_of(ax)[-1] == "not significant (1)"


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
    with pytest.raises(OptionError, match="p must be one of p_perm, p_fwe; got 'q_fdr'"):
        plot_volcano(make_result(), p="q_fdr")


def test_negative_number_of_names_is_refused(make_result):
    with pytest.raises(OptionError, match="n_names must be a number of names, 0 or more; got -1"):
        plot_volcano(make_result(), n_names=-1)


class TestGenesToName:
    def test_are_named_in_the_place_of_the_first_with_the_words_given(self, make_result):
        ax = plot_volcano(make_result(), genes=["GRIA2", "TAC1"], labels={"GRIA2": "GluA2"})
        assert {name.get_text() for name in names_of(ax)} == {"GluA2", "TAC1"}

    def test_cover_no_mark_of_neighbours_named_or_not(self, make_result):
        diff = [1.0, 1.01, *np.linspace(0.8, 1.2, 12)]
        p = [0.0010, 0.0011, *np.full(12, 0.2)]
        result = make_result([f"GENE{i}" for i in range(14)], p, diff)
        ax = plot_volcano(result, genes=["GENE0", "GENE1", "GENE7"])
        ax.figure.draw_without_rendering()
        boxes = [Text.get_window_extent(name) for name in names_of(ax)]
        assert len(boxes) == 3
        points = np.concatenate(list(points_by_label(ax).values()))
        assert not any(box.contains(*point) for box in boxes for point in ax.transData.transform(points))
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

    def test_without_room_are_told_and_never_printed_on_others(self, make_result):
        result = at_the_floor(make_result, 50)
        with pytest.warns(JugexWarning, match="no room for the name of .* and [0-9]+ more beside its point"):
            ax = plot_volcano(result, genes=list(result.labels))
        ax.figure.draw_without_rendering()
        boxes = [Text.get_window_extent(name) for name in names_of(ax)]
        assert 10 < len(boxes) < 50
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

    def test_that_were_not_tested_are_refused(self, make_result):
        with pytest.raises(OptionError, match="NOSUCH: not among the genes tested"):
            plot_volcano(make_result(), genes=["MAOA", "NOSUCH"])

    def test_are_a_list(self, make_result):
        with pytest.raises(OptionError, match=r"genes must be a list of genes, such as \['MAOA'\]"):
            plot_volcano(make_result(), genes="MAOA")


def test_no_legend_on_request(make_result):
    assert plot_volcano(make_result(), legend=False).get_legend() is None


def test_open_marks_are_seen_on_white():
    result = jugex.compare(
        make_region("A"), make_region("B"), atlas=make_atlas(), n_permutations=99, rng=0, background=False,
        genes=["G07", "G00"],
    )  # fmt: skip
    for diff, own in ((-1.0, "#762a83"), (1.0, "#1b7837")):
        changed = dataclasses.replace(result, table=result.table.assign(evidence="samples", diff=diff))
        marks = plot_volcano(changed).collections[-1]
        assert marks.get_facecolor().size == 0
        luminance = marks.get_edgecolor()[0][:3] ** 2.2 @ [0.2126, 0.7152, 0.0722]
        assert luminance < 0.32
        with figure_style(colours=("#1b7837", "#762a83")):
            assert to_hex(plot_volcano(changed).collections[-1].get_edgecolor()[0]) == own
