"""A table of regions as files: what is written beside it, and what is refused."""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import OutputError
from jugex.query import region_table
from jugex.report import save_region_table
from tests.own_data import draw_labels, write_tables


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tables(tmp_path / "data")
    draw_labels(tmp_path / "labels.nii.gz")
    return tmp_path


def test_methods_say_where_the_expression_came_from_and_what_was_done_with_samples(project):
    made = region_table("labels.nii.gz", atlas="data", mirror="left", min_samples=1)
    files = save_region_table(made, "table.tsv")
    text = next(file for file in files if file.name == "table_methods.md").read_text(encoding="utf-8")
    said = " ".join(text.split())
    assert f"Expression came from {made.atlas.name}." in said
    assert "Samples were reflected to the left hemisphere." in said
    with pytest.raises(OutputError, match=r"table\.tsv exists"):
        save_region_table(made, "table.tsv")
    save_region_table(made, "table.tsv", overwrite=True)
    read = pd.read_csv("table.tsv", sep="\t", index_col=0)
    np.testing.assert_allclose(read.to_numpy(), made.table.to_numpy(), rtol=1e-9)  # ten digits


def test_options_are_written_by_their_names_and_tables_by_their_checksums(project):
    atlas = jugex.open_atlas("data")
    places = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].round(1)
    made = region_table(
        "labels.nii.gz", atlas="data", coordinates=places, tolerance=np.float64(1.5), donors=["D1", "D2"]
    )
    save_region_table(made, "table.tsv")
    query = json.loads((project / "table.json").read_text(encoding="utf-8"))["query"]
    assert query["coordinates"] == f"table {sha256(places.to_csv().encode()).hexdigest()}"
    assert (query["tolerance"], query["donors"]) == (1.5, ["D1", "D2"])
    places.to_csv("places.csv", index=False)
    save_region_table(region_table("labels.nii.gz", atlas="data", coordinates="places.csv"), "other.tsv")
    query = json.loads((project / "other.json").read_text(encoding="utf-8"))["query"]
    assert query["coordinates"] == f"places.csv: {sha256((project / 'places.csv').read_bytes()).hexdigest()}"
