"""Stores and results of every released format are read, for ever; others are refused by their number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import jugex
from jugex.atlas.store import FORMAT_VERSION
from jugex.errors import ResultError, StoreError
from jugex.model.record import FORMAT

FORMATS = Path(__file__).parent / "data" / "formats"
STORES, RESULTS = (sorted(FORMATS.glob(f"{kind}-*")) for kind in ("store", "result"))


def test_the_formats_of_this_version_are_kept():
    assert (FORMATS / f"store-{FORMAT_VERSION}").is_dir()
    assert (FORMATS / f"result-{FORMAT}").is_dir()


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.name)
def test_a_store(path):
    atlas = jugex.open_atlas(path)
    atlas.verify()
    assert atlas.donors["donor_id"].tolist() == [9861, 10021]
    assert atlas.samples["sample"].tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert atlas.probes["gene"].tolist() == ["MAOA", "NA", "G13"]
    expected = [4.9506, 5.051, 6.3043, 9.6624, 3.3176, 4.2407, 8.6835]
    np.testing.assert_array_equal(atlas.levels(probe_ids=[11])[:, 0], np.array(expected, dtype=np.float32))
    assert atlas.with_donors([9861]).present().shape == (4, 3)
    assert len(atlas.manifest.sha256) == 64


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_a_result(path):
    result = jugex.load_result(path)
    assert result.table["gene"].tolist() == ["MAOA", "TAC1", "GAD2"]
    assert result.table["evidence"].tolist() == ["spatial", "spatial", "none"]
    assert result.table["p_fwe"].tolist() == [0.001, 0.001, 0.234]
    np.testing.assert_array_equal(result.table["f"], [122.9762295, 113.9262857, 3.120127062])
    assert result.record.arguments.n_permutations == 999
    assert result.summary()


@pytest.mark.parametrize("version", [1, FORMAT_VERSION + 1])
def test_a_store_of_another_format_is_refused_by_its_number(tmp_path, version):
    copy = shutil.copytree(STORES[-1], tmp_path / "store")
    content = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(content | {"format_version": version}))
    with pytest.raises(StoreError, match=rf"version {version} of the format"):
        jugex.open_atlas(copy)


@pytest.mark.parametrize("version", [1, FORMAT + 1])
def test_a_result_of_another_format_is_refused_by_its_number(tmp_path, version):
    copy = shutil.copytree(RESULTS[-1], tmp_path / "result")
    content = json.loads((copy / "settings.json").read_text())
    (copy / "settings.json").write_text(json.dumps(content | {"format": version}))
    with pytest.raises(ResultError, match=rf"has format {version}, and this version of jugex reads format {FORMAT}"):
        jugex.load_result(copy)
