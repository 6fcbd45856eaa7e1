"""z-scores of many genes in all samples."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.figure import Figure

from jugex.errors import GeneError, OptionError
from jugex.plots import REGION_STYLES, donor_styles, plot_heatmap

ORDERS = ("difference", "clusters")


def rows_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def values_of(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def many(make_result, n, p_fwe=0.01):
    diff = np.linspace(2, -2, n)
    return make_result([f"G{i}" for i in range(n)], np.linspace(0.0001, p_fwe, n), diff)


def test_draws_significant_genes_by_falling_difference(make_result):
    result = make_result(["A", "B", "C", "D"], [0.001, 0.002, 0.01, 0.8], [-1.0, 1.5, 0.3, 2.0])
    assert rows_of(plot_heatmap(result)) == ["B", "C", "A"]


def test_columns_are_samples_by_region_and_donor(make_result):
    result = make_result()
    order = list(donor_styles(result))
    key = result.samples["region"].map({"Fp1 left": 0, "Fp2 left": 1}) * 100
    key = key + result.samples["donor_name"].map(order.index)
    expected = result.zscores["TAC1"].to_numpy()[np.argsort(key.to_numpy(), kind="stable")]
    assert np.array_equal(values_of(plot_heatmap(result, ["TAC1"]))[0], expected)


def test_without_significant_genes_draws_all(make_result):
    assert rows_of(plot_heatmap(make_result(["A", "B"], [0.5, 0.6], [0.1, 0.2]))) == ["B", "A"]


def test_of_more_genes_the_first_of_the_table_are_drawn(make_result):
    ax = plot_heatmap(many(make_result, 60), n_genes=10)
    assert sorted(rows_of(ax)) == sorted(f"G{i}" for i in range(10))
    assert ax.get_ylabel() == "10 of 60 significant genes"
    assert plot_heatmap(many(make_result, 60), n_genes=60).get_ylabel() == ""


def test_clusters_put_like_beside_like(make_result):
    result = make_result(["A", "B", "C", "D"], [0.001] * 4, [0.5, 0.4, 0.3, 0.2])
    zscores = result.zscores.assign(C=lambda z: z["A"] * 2 + 1, D=lambda z: z["B"] * 3)
    rows = rows_of(plot_heatmap(dataclasses.replace(result, zscores=zscores), order="clusters"))
    assert abs(rows.index("A") - rows.index("C")) == 1
    assert abs(rows.index("B") - rows.index("D")) == 1


def test_clusters_take_constant_genes_and_gaps(make_result, render):
    result = make_result(["A", "B", "C"], [0.001] * 3, [0.5, 0.4, 0.3])
    zscores = result.zscores.assign(A=0.0)
    zscores.loc[0, "B"] = np.nan
    ax = plot_heatmap(dataclasses.replace(result, zscores=zscores), order="clusters")
    assert np.isnan(values_of(ax)).sum() == 1
    render(ax)


def test_colours_end_at_three(make_result):
    result = make_result()
    wild = dataclasses.replace(result, zscores=result.zscores * 50)
    assert plot_heatmap(wild).images[0].get_clim() == (-3, 3)


def test_names_are_left_out_where_rows_are_too_thin(make_result):
    assert rows_of(plot_heatmap(many(make_result, 300), n_genes=300)) == []
    assert len(rows_of(plot_heatmap(many(make_result, 50)))) == 50


def test_names_do_not_overlap(make_result):
    ax = plot_heatmap(many(make_result, 50))
    ax.figure.draw_without_rendering()
    boxes = sorted((label.get_window_extent() for label in ax.get_yticklabels()), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))  # one pixel: rounding


def test_names_regions_and_donors(make_result):
    result = make_result()
    ax = plot_heatmap(result)
    assert [text.get_text() for text in ax.texts] == ["Fp1 left, n = 16", "Fp2 left, n = 12"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(donor_styles(result))


def test_says_in_which_order_rows_and_columns_stand(make_result):
    words = [plot_heatmap(make_result(), order=order).get_legend().get_title().get_text() for order in ORDERS]
    assert words[0] == (
        "columns: samples by region and donor; rows: genes by decreasing difference (region 1 \N{MINUS SIGN} region 2)"
    )
    assert words[1].endswith("rows: genes by similarity")


def test_missing_values_are_explained(make_result):
    result = make_result()
    zscores = result.zscores.copy()
    zscores.loc[0, "MAOA"] = np.nan
    ax = plot_heatmap(dataclasses.replace(result, zscores=zscores))
    assert ax.get_legend().get_texts()[-1].get_text() == "no value"


def test_colours_of_values_are_not_those_of_the_regions(make_result):
    """Hues at least 40 degrees apart, wherever a value's colour is not pale."""
    colours = colormaps["RdBu_r"](np.r_[0:0.25:20j, 0.75:1:20j])[:, :3]
    values = rgb_to_hsv(colours)
    for style in REGION_STYLES:
        gaps = np.abs(values[:, 0] - rgb_to_hsv(to_rgb(style.face))[0])
        assert (np.minimum(gaps, 1 - gaps) > 40 / 360).all()
    assert plot_heatmap(make_result()).images[0].get_cmap().name == "RdBu_r"


def test_draws_probes_tested_by_themselves(simulated_probes):
    assert set(rows_of(plot_heatmap(simulated_probes))) <= set(simulated_probes.labels)


def test_draws_into_axes_given(make_result):
    ax = Figure().add_subplot()
    assert plot_heatmap(make_result(), ax=ax) is ax


def test_unknown_gene_is_refused(make_result):
    with pytest.raises(GeneError, match="gene 'MAOB' is not in this result"):
        plot_heatmap(make_result(), ["MAOA", "MAOB"])


def test_no_zscores_is_refused(make_result):
    result = make_result()
    with pytest.raises(GeneError, match="none of these genes has z-scores in this result"):
        plot_heatmap(dataclasses.replace(result, zscores=result.zscores * np.nan))


@pytest.mark.parametrize("options", [{"order": "alphabet"}, {"n_genes": 0}])
def test_wrong_option_is_refused(make_result, options):
    with pytest.raises(OptionError, match="order must be one of difference, clusters, and n_genes at least 1"):
        plot_heatmap(make_result(), **options)
