"""Box and strip of a gene."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from jugex.errors import GeneError
from jugex.plots import donor_styles, plot_gene
from tests.plots.helpers import points_by_label


class TestPlotGene:
    def test_draws_every_sample_of_each_donor_in_its_region(self, make_result):
        result = make_result()
        drawn = points_by_label(plot_gene(result, "MAOA"))
        assert list(drawn) == list(dict.fromkeys(result.samples["donor_name"]))
        for donor_name, points in drawn.items():
            of_donor = (result.samples["donor_name"] == donor_name).to_numpy()
            in_region_2 = (result.samples["region"] == "Fp2 left").to_numpy()[of_donor]
            expected = result.zscores["MAOA"].to_numpy()[of_donor]
            order = np.argsort(in_region_2, kind="stable")
            assert_allclose(points[:, 1], expected[order], rtol=0)  # the same numbers, only moved sideways
            assert np.array_equal(points[:, 0] > 0.5, np.sort(in_region_2))
            assert (np.abs(points[:, 0] - np.rint(points[:, 0])) <= 0.2).all()

    def test_joins_the_means_of_donors_with_both_regions(self, make_result):
        result = make_result()
        ax = plot_gene(result, "TAC1")
        lines = {line.get_color(): line.get_ydata() for line in ax.lines}
        means = result.zscores["TAC1"].groupby([result.samples["donor_name"], result.samples["region"]]).mean()
        styles = donor_styles(result)
        informative = ["H0351.1009", "H0351.1012", "H0351.2001"]
        assert set(lines) == {styles[name].colour for name in informative}
        for name in informative:
            expected = [means[name, "Fp1 left"], means[name, "Fp2 left"]]
            assert_allclose(lines[styles[name].colour], expected, rtol=1e-12)  # sums in another order

    def test_open_markers_are_donors_in_one_region_only(self, make_result):
        ax = plot_gene(make_result(), "MAOA")
        is_open = {c.get_label(): len(c.get_facecolor()) == 0 for c in ax.collections if isinstance(c, PathCollection)}
        assert [name for name, value in is_open.items() if value] == ["H0351.1015", "H0351.1016", "H0351.2002"]

    def test_names_gene_statistic_regions_and_donors(self, make_result):
        ax = plot_gene(make_result(), "MAOA")
        assert ax.get_title() == "MAOA\n$F$(1, 21) = 20.00, $p_{\\mathrm{FWE}}$ = 0.0003"
        assert [label.get_text() for label in ax.get_xticklabels()] == ["Fp1 left\nn = 16", "Fp2 left\nn = 12"]
        words = [text.get_text() for text in ax.get_legend().get_texts()]
        assert words == [*donor_styles(make_result()), "means of a donor", "open: donor in\none region only"]

    def test_lines_end_in_marks_beside_the_boxes(self, make_result):
        ax = plot_gene(make_result(), "MAOA")
        for line in ax.lines:
            assert line.get_marker() not in {"None", "", None}
            assert_allclose(line.get_xdata(), [0.34, 0.66])
        samples = np.concatenate(list(points_by_label(ax).values()))[:, 0]
        assert not ((samples > 0.3) & (samples < 0.7)).any()

    def test_legend_explains_only_what_is_drawn(self, make_result):
        result = make_result()
        keep = result.samples["donor_name"].isin(["H0351.1015", "H0351.1016"]).to_numpy()  # neither has both regions
        only = dataclasses.replace(result, samples=result.samples[keep], zscores=result.zscores[keep])
        words = [text.get_text() for text in plot_gene(only, "MAOA").get_legend().get_texts()]
        assert words == ["H0351.1015", "H0351.1016", "open: donor in\none region only"]

    def test_is_the_same_every_time(self, make_result):
        first, second = (points_by_label(plot_gene(make_result(), "MAOA")) for _ in range(2))
        assert all(np.array_equal(first[name], second[name]) for name in first)

    def test_draws_into_axes_given(self, make_result):
        ax = Figure().add_subplot()
        assert plot_gene(make_result(), "MAOA", ax=ax) is ax

    def test_leaves_out_missing_values(self, make_result):
        result = make_result()
        zscores = result.zscores.copy()
        zscores.loc[0, "MAOA"] = np.nan
        drawn = points_by_label(plot_gene(dataclasses.replace(result, zscores=zscores), "MAOA"))
        assert sum(len(points) for points in drawn.values()) == len(result.samples) - 1

    def test_gene_without_f_says_so(self, make_result):
        ax = plot_gene(make_result(["A", "B"], [0.5, np.nan], [0.1, np.nan]), "B")
        assert ax.get_title() == "B\nnot tested"

    @pytest.mark.parametrize("name", ["a $x_1$ b $", "\N{GRINNING FACE}", "<b>&", "long " * 40], ids=ascii)
    def test_draws_any_name_of_a_region(self, make_result, render, name):
        render(plot_gene(make_result(["$\\bad{$"], [0.01], [1.0], names=(name, "V1")), "$\\bad{$"))

    def test_unknown_gene_is_refused(self, make_result):
        with pytest.raises(GeneError, match=r"gene 'MAOB' is not in this result, which has 3; did you mean MAOA\?"):
            plot_gene(make_result(), "MAOB")

    def test_gene_without_zscores_is_refused(self, make_result):
        result = make_result()
        without = dataclasses.replace(result, zscores=result.zscores.drop(columns="TAC1"))
        with pytest.raises(GeneError, match=r"gene 'TAC1' has no z-scores in this result \(ok\); choose another gene"):
            plot_gene(without, "TAC1")


class TestDonorStyles:
    def test_follow_the_atlas_not_the_samples(self, make_result):
        result = make_result()
        only = result.samples["donor_name"] == "H0351.2001"
        fewer = dataclasses.replace(result, samples=result.samples[only], zscores=result.zscores[only])
        assert donor_styles(fewer) == {"H0351.2001": donor_styles(result)["H0351.2001"]}

    def test_differ_between_donors(self, make_result):
        assert len(set(donor_styles(make_result()).values())) == 6
