"""The 2017 run of the method's authors on Fp1 and Fp2: which samples it selected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from nilearn import image as nilearn_image

from jugex.regions import region_from_image

AREAS = {"Fp1": "Fp1 (ba10p_l)", "Fp2": "Fp2 (ba10m_l)"}


@pytest.fixture(scope="module")
def annotation(shared_data):
    files = sorted(shared_data.glob("ahba-mini/*/SampleAnnot.csv"))
    return pd.concat([pd.read_csv(file) for file in files], ignore_index=True)


@pytest.mark.parametrize(
    ("area", "n_samples", "n_between", "other_probability"), [("Fp1", 18, 4, [4913]), ("Fp2", 12, 1, [])]
)
def test_samples_of_the_published_areas(shared_data, annotation, area, n_samples, n_between, other_probability):
    path = shared_data / "reference" / "inm1_2017_fp1_fp2_30_samples.csv"
    reference = pd.read_csv(path, converters={"prob": float})  # to the last bit, unlike what pandas 2 reads
    reference = reference[reference["area"] == AREAS[area]].set_index("well_id")["prob"]
    region = region_from_image(shared_data / "regions" / f"{area}_left_pmap.nii.gz", threshold=0.2)
    found = region.locate(annotation).set_index(annotation["well_id"])
    found = found[found["inside"]]
    assert sorted(found.index) == sorted(reference.index)
    assert (len(found), found["between_voxels"].sum()) == (n_samples, n_between)

    # The file's decimals are the single-precision values in full. The 2017 run had coordinates that differ by up
    # to 0.05 mm, which for one sample half-way between two voxels (x = -8.5 mm) decided for the other one.
    differs = found["probability"] != reference.reindex(found.index)
    assert found.index[differs].tolist() == other_probability
    assert found["between_voxels"][differs].all()


@pytest.mark.parametrize("area", ["Fp1", "Fp2"])
def test_volume_agrees_with_nilearn(shared_data, area):
    path = shared_data / "regions" / f"{area}_left_pmap.nii.gz"
    region = region_from_image(path)
    reference = np.asarray(nilearn_image.math_img("image > 0.2", image=str(path)).dataobj)
    np.testing.assert_array_equal(np.asarray(region.to_image().dataobj), reference)
    assert region.volume == reference.sum()  # voxels of 1 mm3
