"""Figures by their artists: what is drawn where, and what is left alone."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from jugex.errors import GeneError, OptionError
from jugex.plots import REGION_STYLES, donor_styles, plot_gene, plot_samples, sample_views


def points_by_label(ax):
    return {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if isinstance(c, PathCollection)}


def without_coordinates(result, rows=slice(None)):
    samples = result.samples.copy()
    samples.loc[samples.index[rows], ["mni_x", "mni_y", "mni_z"]] = np.nan
    return dataclasses.replace(result, samples=samples)


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
        lines = {line.get_color(): line.get_ydata() for line in ax.lines if tuple(line.get_xdata()) == (0.33, 0.67)}
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
        assert ax.get_title() == "MAOA\nF(1, 21) = 20.00, p_FWE = 0.0003"
        assert [label.get_text() for label in ax.get_xticklabels()] == ["Fp1 left\nn = 16", "Fp2 left\nn = 12"]
        assert [text.get_text() for text in ax.get_legend().get_texts()] == list(donor_styles(make_result()))

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
    def test_draws_any_name_of_a_region(self, make_result, name):
        ax = plot_gene(make_result(["$\\bad{$"], [0.01], [1.0], names=(name, "V1")), "$\\bad{$")
        ax.figure.savefig(io.BytesIO(), format="svg")

    def test_unknown_gene_is_refused(self, make_result):
        with pytest.raises(GeneError, match=r"gene 'MAOB' is not in this result, which has 3; see result\.labels"):
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


class TestPlotSamples:
    def test_projects_all_samples_of_each_region_onto_each_view(self, make_result):
        result = make_result()
        for ax, axes in zip(plot_samples(result), (("y", "z"), ("x", "z"), ("x", "y")), strict=True):
            drawn = points_by_label(ax)
            for name, points in zip(result.region_names, drawn.values(), strict=True):
                expected = result.samples.loc[result.samples["region"] == name, [f"mni_{axis}" for axis in axes]]
                assert_allclose(points, expected.to_numpy(), rtol=0)

    def test_cuts_through_the_mean_of_the_samples(self, make_result):
        result = make_result()
        means = result.samples[["mni_x", "mni_y", "mni_z"]].mean().round().tolist()
        assert [view.position for view in sample_views(result)] == means
        titles = [ax.get_title() for ax in plot_samples(result)]
        assert titles == [f"{v.name}, {v.axis} = {v.position:.0f} mm" for v in sample_views(result)]

    def test_slices_show_the_template_at_its_place(self, make_result):
        from nilearn.datasets import load_mni152_template

        result = make_result()
        template = load_mni152_template(resolution=1)
        y = round(sample_views(result)[1].position - template.affine[1, 3])  # voxels of 1 mm
        coronal = plot_samples(result)[1].images[0]
        expected = template.get_fdata()[:, y, :].T
        assert np.array_equal(np.ma.filled(coronal.get_array(), 0), expected)
        left, _, bottom, _ = coronal.get_extent()
        assert (left, bottom) == (template.affine[0, 3] - 0.5, template.affine[2, 3] - 0.5)

    def test_outlines_enclose_the_regions(self, make_result):
        contours = [c for c in plot_samples(make_result())[2].collections if not isinstance(c, PathCollection)]
        assert len(contours) == 2
        for contour, centre in zip(contours, ((-22, 56), (-8, 56)), strict=True):
            corners = np.concatenate([path.vertices for path in contour.get_paths()])
            # a ball of 10 mm on a grid of 2 mm: its shadow ends within one voxel of the radius
            assert_allclose(corners.max(axis=0) - centre, 10, atol=2)
            assert_allclose(corners.min(axis=0) - centre, -10, atol=2)

    def test_result_from_disk_has_no_outlines(self, make_result):
        ax = plot_samples(make_result(fresh=False))[0]
        assert all(isinstance(c, PathCollection) for c in ax.collections)

    def test_marks_regions_by_colour_and_shape(self):
        first, second = REGION_STYLES
        assert first.face != second.face
        assert first.marker != second.marker

    def test_leaves_out_samples_without_coordinate(self, make_result):
        result = without_coordinates(make_result(), slice(0, 3))
        drawn = points_by_label(plot_samples(result)[0])
        assert sum(len(points) for points in drawn.values()) == len(result.samples) - 3

    def test_without_any_coordinate_cuts_through_the_regions(self, make_result):
        result = without_coordinates(make_result())
        assert [view.position for view in sample_views(result)] == [-15.0, 56.0, 1.0]
        plot_samples(result)

    def test_draws_into_axes_given(self, make_result):
        axes = Figure().subplots(1, 3)
        assert list(plot_samples(make_result(), axes=axes)) == list(axes)

    def test_wrong_number_of_axes_is_refused(self, make_result):
        with pytest.raises(OptionError, match="draws three views and needs three axes; got 2"):
            plot_samples(make_result(), axes=Figure().subplots(1, 2))


class TestGlobalState:
    def test_nothing_of_pyplot_changes(self, make_result):
        import matplotlib.pyplot as plt

        mpl.use("agg")
        before = (dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums())
        plot_gene(make_result(), "MAOA")
        plot_samples(make_result())
        assert (dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()) == before

    def test_import_loads_no_matplotlib(self):
        code = (
            "import sys, jugex.plots, jugex.report.html; print({'matplotlib', 'nilearn', 'jinja2'} & set(sys.modules))"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "set()"
