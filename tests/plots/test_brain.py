"""Samples in three views of the brain."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from jugex.plots import REGION_STYLES, plot_samples, sample_views
from jugex.plots.brain import smooth_mask
from tests.plots.helpers import points_by_label, without_coordinates

MINUS = "\N{MINUS SIGN}"


class TestPlotSamples:
    def test_projects_all_samples_of_each_region_onto_each_view(self, make_result):
        result = make_result()
        for ax, axes in zip(plot_samples(result).child_axes, (("y", "z"), ("x", "z"), ("x", "y")), strict=True):
            drawn = points_by_label(ax)
            for name, points in zip(result.region_names, drawn.values(), strict=True):
                expected = result.samples.loc[result.samples["region"] == name, [f"mni_{axis}" for axis in axes]]
                assert_allclose(points, expected.to_numpy(), rtol=0)

    def test_cuts_through_the_mean_of_the_samples(self, make_result):
        result = make_result()
        means = result.samples[["mni_x", "mni_y", "mni_z"]].mean().round().tolist()
        assert [view.position for view in sample_views(result)] == means
        titles = [ax.get_title() for ax in plot_samples(result).child_axes]
        assert titles == [
            f"{v.name}, ${v.axis}$ = {v.position:.0f} mm".replace("-", MINUS) for v in sample_views(result)
        ]

    def test_slices_show_the_template_at_its_place(self, make_result):
        from nilearn.datasets import load_mni152_template

        result = make_result()
        template = load_mni152_template(resolution=1)
        y = round(sample_views(result)[1].position - template.affine[1, 3])  # voxels of 1 mm
        coronal = plot_samples(result).child_axes[1].images[0]
        expected = template.get_fdata()[:, y, :].T
        assert_allclose(np.ma.filled(coronal.get_array(), 0) / 255, expected, atol=1e-6)  # the template is in float32
        left, _, bottom, _ = coronal.get_extent()
        assert (left, bottom) == (template.affine[0, 3] - 0.5, template.affine[2, 3] - 0.5)

    def test_outlines_enclose_the_regions(self, make_result):
        contours = [
            c for c in plot_samples(make_result()).child_axes[2].collections if not isinstance(c, PathCollection)
        ]
        assert len(contours) == 2
        for contour, centre in zip(contours, ((-22, 56), (-8, 56)), strict=True):
            corners = np.concatenate([path.vertices for path in contour.get_paths()])
            # a ball of 10 mm on a grid of 2 mm: its shadow ends within one voxel of the radius
            assert_allclose(corners.max(axis=0) - centre, 10, atol=2)
            assert_allclose(corners.min(axis=0) - centre, -10, atol=2)

    def test_outlines_are_round_where_the_region_is(self, make_result):
        contours = [
            c for c in plot_samples(make_result()).child_axes[2].collections if not isinstance(c, PathCollection)
        ]
        for contour, centre in zip(contours, ((-22, 56), (-8, 56)), strict=True):
            corners = np.concatenate([path.vertices for path in contour.get_paths()])
            radii = np.linalg.norm(corners - centre, axis=1)
            assert np.ptp(radii) < 0.4  # mm; 0.85 where the corners of the voxels are outlined

    def test_what_is_too_thin_to_be_smoothed_keeps_its_outline(self):
        thin = np.zeros((9, 9, 9), dtype=bool)
        thin[4, 4, 2:7] = True
        assert smooth_mask(thin) is thin
        ball = np.linalg.norm(np.indices((15, 15, 15)) - 7.0, axis=0).T < 5
        assert (smooth_mask(ball) >= 0.5).sum() == pytest.approx(ball.sum(), rel=0.02)  # its own size

    def test_folder_of_an_earlier_version_has_no_outlines(self, make_result):
        ax = plot_samples(make_result(fresh=False)).child_axes[0]
        assert all(isinstance(c, PathCollection) for c in ax.collections)

    def test_marks_regions_by_colour_and_shape(self):
        first, second = REGION_STYLES
        assert first.face != second.face
        assert first.marker != second.marker

    def test_leaves_out_samples_without_coordinate(self, make_result):
        result = without_coordinates(make_result(), slice(0, 3))
        drawn = points_by_label(plot_samples(result).child_axes[0])
        assert sum(len(points) for points in drawn.values()) == len(result.samples) - 3

    def test_without_any_coordinate_cuts_through_the_regions(self, make_result):
        result = without_coordinates(make_result())
        assert [view.position for view in sample_views(result)] == [-15.0, 56.0, 1.0]
        plot_samples(result)

    def test_draws_into_axes_given(self, make_result):
        _, ax = Figure().subplots(1, 2)
        assert plot_samples(make_result(), ax=ax) is ax
        assert len(ax.child_axes) == 3

    @pytest.mark.parametrize("size", [(3, 9), (9, 3)], ids=["high", "wide"])
    def test_views_have_one_scale_in_axes_of_any_shape(self, make_result, size):
        views = plot_samples(make_result(), ax=Figure(figsize=size).subplots()).child_axes
        views[0].figure.draw_without_rendering()
        scales = [np.ptp(view.transData.transform([(0, 0), (1, 0)])[:, 0]) for view in views]
        assert_allclose(scales, scales[0], rtol=1e-6)

    def test_views_have_one_scale(self, make_result):
        axes = plot_samples(make_result()).child_axes
        axes[0].figure.draw_without_rendering()
        scales = [ax.get_window_extent().width / np.ptp(ax.get_xlim()) for ax in axes]
        assert_allclose(scales, scales[0], rtol=0.02)  # the layout leaves each view the same few pixels around it

    def test_letters_of_sides_stand_beside_the_brain(self, make_result):
        for ax in plot_samples(make_result()).child_axes[1:]:
            (image,) = ax.images
            left, _, bottom, top = image.get_extent()
            shown = ~np.ma.getmaskarray(image.get_array())
            rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
            letters = {text.get_text(): text.get_position() for text in ax.texts}
            mm = (top - bottom) / shown.shape[0]
            assert_allclose(letters["L"], [left + mm * columns[0], bottom + mm * rows[-1]], atol=mm)  # a voxel
            assert_allclose(letters["R"], [left + mm * columns[-1], bottom + mm * rows[-1]], atol=mm)

    def test_legend_says_how_many_samples(self, make_result):
        legend = plot_samples(make_result()).child_axes[1].get_legend()
        assert [text.get_text() for text in legend.get_texts()] == ["Fp1 left (16)", "Fp2 left (12)"]
