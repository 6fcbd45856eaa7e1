"""Parcellations that nilearn fetches; its fetchers are replaced by stand-ins that return what nilearn documents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import requests
from nilearn import datasets
from sklearn.utils import Bunch

from jugex.errors import RegionError, RegionFileError
from jugex.regions import open_parcellation, parse_region
from jugex.regions.parcellations import list_entries, open_fetched
from tests.regions.helpers import labels, make_image, save_image

TABLE = pd.DataFrame({"index": [0, 1, 2, 17], "name": ["Background", "7Networks_LH_Vis_1", "7Networks_RH_Vis_1", "X"]})


@pytest.fixture(autouse=True)
def _forget_what_was_fetched():
    open_fetched.cache_clear()


@pytest.fixture
def schaefer(monkeypatch, tmp_path):
    """Calls of the fetcher, which returns the path of its image."""
    calls = []
    path = save_image(tmp_path / "Schaefer2018_400Parcels.nii.gz", labels())

    def fetch(**arguments):
        calls.append(arguments)
        return Bunch(maps=str(path), lut=TABLE, labels=list(TABLE["name"]))

    monkeypatch.setattr(datasets, "fetch_atlas_schaefer_2018", fetch)
    return calls


def test_a_region(schaefer):
    region = parse_region("nilearn:schaefer_400:LH_Vis_1")
    assert (region.name, region.n_voxels) == ("7Networks_LH_Vis_1", 12)
    identity = region.identity()
    assert identity.parcellation == "nilearn:schaefer_400"
    assert identity.origin.startswith("nilearn ")
    assert identity.file.endswith("Schaefer2018_400Parcels.nii.gz")
    assert (identity.label, identity.space) == (1, "MNI152NLin6Asym")
    parse_region("nilearn:Schaefer-400:RH_Vis_1")
    assert schaefer == [{"n_rois": 400, "yeo_networks": 7, "resolution_mm": 1, "verbose": 0}]  # fetched once


@pytest.mark.usefixtures("schaefer")
def test_the_background_is_no_region():
    assert set(open_parcellation("nilearn:schaefer_400").names) == {1, 2, 17}


def test_an_image_in_memory(monkeypatch):
    image = make_image(labels())
    monkeypatch.setattr(datasets, "fetch_atlas_juelich", lambda **_: Bunch(maps=image, lut=TABLE))
    region = parse_region("nilearn:juelich:X")
    assert (region.n_voxels, region.identity().file) == (2, None)


@pytest.mark.parametrize("entry", [e for e in list_entries() if e.origin == "nilearn"], ids=lambda entry: entry.name)
def test_fetchers_exist_and_take_these_arguments(entry):
    import inspect

    inspect.signature(getattr(datasets, entry.fetcher)).bind(**entry.arguments, verbose=0)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            requests.ConnectionError("no route to host"),
            r"cannot fetch .*'nilearn:schaefer_400' \(no route to host\): che",
        ),
        (OSError(), r"\(OSError\): check the network"),
        (ValueError("long " * 100), r"\((long )+\.\.\.\): check"),
    ],
)
def test_no_network(monkeypatch, error, message):
    def fetch(**_):
        raise error

    monkeypatch.setattr(datasets, "fetch_atlas_schaefer_2018", fetch)
    with pytest.raises(RegionFileError, match=message):
        parse_region("nilearn:schaefer_400:Vis")


def test_a_nilearn_that_does_not_number_labels(monkeypatch):
    old = Bunch(maps=make_image(np.zeros((2, 2, 2), dtype=np.uint8)), labels=["a", "b"])
    monkeypatch.setattr(datasets, "fetch_atlas_aal", lambda **_: old)
    with pytest.raises(
        RegionError, match=r"does not number the labels of 'nilearn:aal': pip install --upgrade nilearn"
    ):
        open_parcellation("nilearn:aal")
