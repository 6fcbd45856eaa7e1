"""What a region holds of an atlas."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import jugex
from jugex.regions import Region
from tests.toy import ToyAtlas

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def atlas():
    made = ToyAtlas([4, 3, 2], ["A"])
    made.samples["mni_x"] = [-9.0, -1, 0, 1, -2, -3, 50, 60, 70]
    made.samples[["mni_y", "mni_z"]] = 0.0
    return made


def test_counts(atlas):
    coverage = Region.sphere((0, 0, 0), 5, name="ball").coverage(atlas)
    assert (coverage.n_samples, coverage.n_donors) == (5, 2)
    assert coverage.donors.to_dict("list") == {
        "donor_name": ["H0351.2001", "H0351.2002", "H0351.1009"],
        "left": [1, 2, 0], "midline": [1, 0, 0], "right": [1, 0, 0], "samples": [3, 2, 0],
    }  # fmt: skip
    assert coverage.hemispheres.to_dict("list") == {
        "hemisphere": ["left", "midline", "right"], "samples": [3, 1, 1], "donors": [2, 1, 1],
    }  # fmt: skip
    assert coverage.volume == pytest.approx(4 / 3 * np.pi * 125)
    assert coverage.centroid.tolist() == [0, 0, 0]


def test_text(atlas):
    text = str(Region.sphere((0, 0, 0), 5, name="ball").coverage(atlas))
    head, columns, *rows = text.splitlines()
    assert head == "ball in toy atlas: 5 samples of 2 donors; 524 mm3 around x 0, y 0, z 0 mm"
    assert columns.split() == ["donor", "left", "midline", "right", "all"]
    assert rows[0].split() == ["H0351.2001", "1", "1", "1", "3"]
    assert [row.split() for row in rows[-2:]] == [["samples", "3", "1", "1", "5"], ["donors", "2", "1", "1", "2"]]


def test_a_region_without_samples(atlas):
    coverage = (Region.sphere((0, 50, 0), 5) & Region.sphere((0, -50, 0), 5)).coverage(atlas)
    assert (coverage.n_samples, coverage.n_donors, coverage.volume) == (0, 0, 0)
    assert coverage.donors["samples"].tolist() == [0, 0, 0]
    assert str(coverage).splitlines()[0].endswith("in toy atlas: 0 samples of 0 donors; 0 mm3")


def test_a_structure_is_looked_up(atlas):
    coverage = Region.from_structure("brain").coverage(atlas)
    assert (coverage.region, coverage.n_samples) == ("brain", 9)
    assert "9 samples of 3 donors; no extent in space around x 18" in str(coverage)


def test_real_maps_hold_the_samples_of_2017(shared_data):
    atlas = jugex.open_atlas(shared_data / "ahba-mini")
    path = shared_data / "regions" / "Fp1_left_pmap.nii.gz"
    coverage = Region.from_image(path, threshold=0.2).coverage(atlas)
    assert (coverage.n_samples, coverage.n_donors) == (18, 4)
    image = nib.load(path)
    voxels = np.argwhere(np.asarray(image.dataobj) > np.float32(0.2))
    assert coverage.volume == len(voxels)
    # a mean of thousands of coordinates: rounding only
    np.testing.assert_allclose(
        coverage.centroid, nib.affines.apply_affine(image.affine, voxels).mean(axis=0), rtol=0, atol=1e-9
    )
