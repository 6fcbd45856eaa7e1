"""Coordinates mean something in their space only: regions and atlas must name the same one."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import jugex
from jugex.atlas import atlas_from_tables
from jugex.errors import OptionError, RegionError
from jugex.plots import plot_samples
from jugex.spaces import MNI_SPACE, is_mni_space, is_same_space
from tests.atlas.user_data import make_expression, make_samples

MOUSE = "mouse_ccf_2017"


@pytest.fixture(scope="module")
def mouse():
    return atlas_from_tables(make_samples(), make_expression(), space=MOUSE, name="mouse array")


def mouse_sphere(x: float, name: str = "ball", *, space: str = MOUSE) -> jugex.Region:
    return jugex.Region.sphere((x, 0, 0), 1.5, name=name, space=space)


def mask_image(shift: float = 0.0, *, code: int = 0) -> nib.Nifti1Image:
    """Two voxels of 1 mm about x = 3 and 4, in a header that names no space unless told to."""
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 3] = [3 + shift, 0, 0]
    image = nib.Nifti1Image(np.ones((2, 1, 1), dtype=np.uint8), affine)
    image.set_sform(affine, code=code)
    image.set_qform(affine, code=code)
    return image


class TestNames:
    def test_all_variants_of_mni152_are_one_space(self):
        variants = [MNI_SPACE, "MNI152NLin6Asym", "MNI152Lin", "mni152"]
        assert all(is_mni_space(space) for space in variants)
        assert all(is_same_space(first, second) for first in variants for second in variants)

    def test_other_names_must_be_equal(self):
        assert is_same_space(MOUSE, MOUSE)
        assert not is_same_space(MOUSE, "mouse_ccf_2011")
        assert not is_same_space(MOUSE, MNI_SPACE)


class TestQuery:
    def test_a_region_of_the_atlas_s_space(self, mouse):
        table = jugex.query.expressions(mouse_sphere(3), ["MAOA"], atlas=mouse)
        assert len(table) == 8
        assert table.attrs["space"] == MOUSE

    @pytest.mark.parametrize("space", [MNI_SPACE, "mouse_ccf_2011"])
    def test_another_space_is_refused(self, mouse, space):
        expected = (
            rf"region 'ball' is in the space {space}, but the samples of mouse array are in mouse_ccf_2017; give a "
            r"region in the atlas's space, and name it: Region\.from_image\(\.\.\., space='mouse_ccf_2017'\)"
        )
        with pytest.raises(RegionError, match=expected):
            jugex.query.expressions(mouse_sphere(3, space=space), ["MAOA"], atlas=mouse)
        with pytest.raises(RegionError, match="is in the space"):
            jugex.compare(mouse_sphere(3), mouse_sphere(7, space=space), atlas=mouse)

    def test_a_mouse_region_is_refused_by_a_human_atlas(self):
        with pytest.raises(RegionError, match="is in the space mouse_ccf_2017, but the samples of Simulated atlas"):
            jugex.query.expressions(mouse_sphere(3), ["MAOA"], atlas="simulated")

    def test_variants_of_mni152_go_together(self):
        region = jugex.Region.sphere((-22, 56, 4), 8, space="MNI152NLin6Asym")
        assert len(jugex.query.expressions(region, ["MAOA"], atlas="simulated")) > 0

    def test_an_empty_region_names_the_space_to_check(self, mouse):
        with pytest.raises(RegionError, match=r"nearest sample 9\d\.\d mm away\); .* is in mouse_ccf_2017 space"):
            jugex.query.expressions(mouse_sphere(101.5), ["MAOA"], atlas=mouse)


class TestRegions:
    def test_the_space_of_a_region_is_mni152_unless_named(self):
        assert jugex.Region.sphere((0, 0, 0), 5).space == MNI_SPACE
        assert jugex.Region.from_image(mask_image(code=4)).space == MNI_SPACE
        assert jugex.demo_regions()[0].space == MNI_SPACE

    def test_an_image_of_another_space_needs_no_form_code_and_no_box(self, mouse):
        region = jugex.Region.from_image(mask_image(), space=MOUSE, name="mask")
        assert region.space == region.identity().space == region.renamed("other").space == MOUSE
        assert region.locate(mouse.samples)["inside"].sum() == 8
        assert jugex.Region.from_image(mask_image(500.0), space=MOUSE).centroid[0] == 503.5

    def test_an_image_without_any_affine_is_refused(self):
        image = mask_image()
        image.header["srow_x"] = 0
        with pytest.raises(RegionError, match="the affine of the image in memory is singular or not finite"):
            jugex.Region.from_image(image, space=MOUSE)

    @pytest.mark.parametrize("space", [MNI_SPACE, "MNI152NLin6Asym"])
    def test_an_image_of_mni152_needs_both(self, space):
        with pytest.raises(RegionError, match="does not say in which space it is"):
            jugex.Region.from_image(mask_image(), space=space)
        with pytest.raises(RegionError, match="is not in MNI space: 2 of its 2 non-zero voxels"):
            jugex.Region.from_image(mask_image(500.0, code=4), space=space)

    def test_a_sphere_of_another_space_lies_anywhere_finite(self):
        sphere = mouse_sphere(500)
        assert sphere.identity().space == sphere.renamed("other").space == MOUSE
        with pytest.raises(RegionError, match=r"centre .* of a sphere is not in MNI space"):
            mouse_sphere(500, space=MNI_SPACE)
        with pytest.raises(RegionError, match=r"centre .*nan.* of a sphere is not finite"):
            mouse_sphere(float("nan"))

    def test_small_spheres_are_drawn_finely(self):
        sphere = jugex.Region.sphere((1.3, 2.7, -0.4), 0.05, space=MOUSE)
        image = sphere.to_image()
        voxel = np.prod(nib.affines.voxel_sizes(image.affine))
        # 64 points across a ball: its volume on the grid is right to about 1 %
        assert np.count_nonzero(image.dataobj) * voxel == pytest.approx(sphere.volume, rel=0.02)

    def test_a_union_is_in_the_space_of_its_parts(self, mouse):
        union = mouse_sphere(3) | mouse_sphere(7)
        assert union.space == MOUSE
        assert union.locate(mouse.samples)["inside"].all()
        assert union.volume == pytest.approx(2 * mouse_sphere(3).volume, rel=0.05)  # two balls, 14 points across each

    def test_a_union_over_spaces_is_refused(self):
        expected = "region 'ball' is in the space mouse_ccf_2017, but region 'human' in MNI152NLin2009cAsym: transform"
        with pytest.raises(RegionError, match=expected):
            mouse_sphere(3) | mouse_sphere(3, "human", space=MNI_SPACE)


def test_there_is_no_template_of_another_space(mouse):
    result = jugex.compare(mouse_sphere(3, "one"), mouse_sphere(7, "two"), atlas=mouse, n_permutations=99, rng=0)
    with pytest.raises(
        OptionError, match="the samples are in the space mouse_ccf_2017, but only MNI152 has a template to draw on"
    ):
        plot_samples(result)
