"""A region before anything is compared: its samples and its outline."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PathCollection

import jugex
from jugex import cli
from jugex.plots import plot_region


def test_draws_the_samples_of_the_region_and_the_others():
    atlas, region = jugex.open_atlas("simulated"), jugex.demo_regions()[0]
    ax = plot_region(region, atlas)
    n_samples = region.coverage(atlas).n_samples
    assert f"{n_samples} samples of" in ax.get_title()
    scattered = [c for c in ax.child_axes[2].collections if isinstance(c, PathCollection)]
    assert sum(len(c.get_offsets()) for c in scattered) == len(atlas.samples)
    inside = np.vstack([c.get_offsets() for c in scattered[1:]])
    assert len(inside) == n_samples
    located = region.locate(atlas.samples)["inside"].to_numpy()
    expected = atlas.samples.loc[located, ["mni_x", "mni_y"]].to_numpy()
    np.testing.assert_allclose(np.sort(inside, axis=0), np.sort(expected, axis=0))


def test_a_structure_has_samples_and_no_outline():
    atlas = jugex.open_atlas("simulated")
    ax = plot_region(jugex.Region.from_structure("HiF"), atlas)
    assert len(ax.get_legend().get_texts()) == atlas.samples["donor_name"].nunique()


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_command_writes_the_picture(tmp_path, capsys, ending):
    file = tmp_path / f"area.{ending}"
    assert cli.main(["regions", "simulated:A", "--atlas", "simulated", "-o", str(file)]) == 0
    assert str(file) in capsys.readouterr().out
    assert file.stat().st_size > 1000


def test_a_picture_of_many_regions_is_refused(tmp_path, capsys):
    assert cli.main(["regions", "juelich", "--out", str(tmp_path / "x.png")]) == 1
    assert "--out goes with an image or a REGION" in capsys.readouterr().err
