"""open_atlas: which source is meant, and where it is looked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import platformdirs
import pytest

from jugex.atlas import ArchivesAtlas, ExpressionAtlas, SimulatedAtlas, open_atlas
from jugex.atlas.allen_api import AllenApiAtlas
from jugex.atlas.base import AtlasView
from jugex.atlas.identity import AtlasSource
from jugex.errors import AtlasError, AtlasNotFoundError, OptionError


def test_simulated_by_name():
    assert isinstance(open_atlas("simulated"), SimulatedAtlas)
    assert open_atlas("simulated", donors=["9861"]).donors["donor_name"].tolist() == ["H0351.2001"]


def test_web_service_by_name():
    atlas = open_atlas("allen-api", donors=[9861])
    assert isinstance(atlas, AllenApiAtlas)
    assert atlas.donors["donor_name"].tolist() == ["H0351.2001"]


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_path_of_archives(archive, tmp_path, kind):
    archive.unpack(tmp_path)
    atlas = open_atlas(kind(tmp_path), donors=[9861])
    assert isinstance(atlas, ArchivesAtlas)
    assert len(atlas.samples) == 4


def test_tilde_is_the_home_folder(archive, tmp_path, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    archive.unpack(tmp_path / "ahba")
    assert len(open_atlas("~/ahba").samples) == 4


def test_environment_variable(archive, tmp_path, monkeypatch):
    archive.unpack(tmp_path)
    monkeypatch.setenv("JUGEX_DATA", str(tmp_path))
    assert len(open_atlas().samples) == 4
    with pytest.raises(OptionError, match="unknown donor '1'"):
        open_atlas(donors=[1])


def test_environment_variable_that_names_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("JUGEX_DATA", str(tmp_path / "gone"))
    expected = r"there is no atlas in .*gone, which JUGEX_DATA names; .*--atlas simulated"
    with pytest.raises(AtlasNotFoundError, match=expected):
        open_atlas()


def test_user_data_folder(archive):
    archive.zip(platformdirs.user_data_path("jugex"))
    assert len(open_atlas().samples) == 4


def test_no_user_data_folder():
    expected = (
        r"there is no atlas in the user's data folder .*jugex.*; .*jugex fetch.*jugex build"
        r".*--atlas PATH.*JUGEX_DATA.*--atlas simulated"
    )
    with pytest.raises(AtlasNotFoundError, match=expected):
        open_atlas()


@pytest.mark.parametrize("source", ["", "  "])
def test_empty_text_is_not_the_current_folder(archive, tmp_path, monkeypatch, source):
    archive.zip(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AtlasError, match="the name of the atlas is empty; give a folder"):
        open_atlas(source)


def test_open_atlas_is_passed_on():
    atlas = open_atlas("simulated")
    assert open_atlas(atlas) is atlas


class PlainAtlas(ExpressionAtlas):
    """An atlas that knows rows only, as other sources may."""

    def __init__(self):
        whole = SimulatedAtlas()
        self.samples, self.probes = whole.samples, whole.probes
        self.donors, self.structures = whole.donors, whole.structures
        self._levels, self._whole = whole.levels(), whole

    name = "plain"

    def _describe_source(self, donor_names):
        return AtlasSource("plain")

    def _read_levels(self, sample_rows, probe_rows):
        return self._levels[np.ix_(sample_rows, probe_rows)]

    def _read_moments(self, donor_name, probe_rows):
        return self._whole._read_moments(donor_name, probe_rows)


def test_some_donors_of_any_atlas():
    whole = PlainAtlas()
    some = open_atlas(whole, donors=["H0351.1016", 9861])
    assert isinstance(some, AtlasView)
    assert some.samples["donor_name"].unique().tolist() == ["H0351.2001", "H0351.1016"]
    np.testing.assert_array_equal(some.zscores(), whole.zscores(well_ids=some.samples["well_id"]))
    assert some.identity().n_samples == len(some.samples)
    assert [donor.donor_id for donor in some.identity().donors] == [9861, 15697]
    assert "plain" in repr(some)


def test_donor_that_an_open_atlas_lacks():
    with pytest.raises(OptionError, match=r"unknown donor '10021'; the donors are H0351\.2001 \(9861\)$"):
        open_atlas(open_atlas("simulated", donors=[9861]), donors=[10021])


def test_import_is_light():
    heavy = {"pyarrow.csv", "pyarrow.parquet", "matplotlib", "scipy.stats", "numba", "pooch", "requests", "anndata"}
    code = f"import sys, jugex.atlas; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
