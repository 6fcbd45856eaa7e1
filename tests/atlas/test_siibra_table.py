"""An atlas from siibra's tidy table: its z-scores as they are, in every form that the table comes in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas import atlas_from_siibra
from jugex.errors import AtlasError
from jugex.report.files import write_table
from jugex.report.methods import compose_methods

SIIBRA_COLUMNS = ["level", "zscore", "gene", "race", "gender", "age", "mni_xyz", "sample", "probe_id", "donor_name"]


@pytest.fixture(scope="module")
def simulated():
    return jugex.open_atlas("simulated")


@pytest.fixture
def tables(simulated):
    """Of two regions that overlap, as siibra returns them."""
    return [
        jugex.query.expressions(region, ["MAOA", "SLC6A2"], atlas=simulated)[SIIBRA_COLUMNS]
        for region in jugex.demo_regions()
    ]


@pytest.fixture
def table(tables):
    return pd.concat(tables, ignore_index=True)


def test_the_comparison_is_that_of_the_whole_atlas(simulated, table):
    atlas = atlas_from_siibra(table, name="Two regions")
    choices = {"genes": ["MAOA", "SLC6A2"], "n_permutations": 199, "rng": 0}
    result = jugex.compare(*jugex.demo_regions(), atlas=atlas, **choices)
    expected = jugex.compare(*jugex.demo_regions(), atlas=simulated, **choices)
    columns = ["gene", "n_probes", "n_samples_1", "n_samples_2", "f", "diff", "log2_fc", "p_perm", "p_fwe"]
    pd.testing.assert_frame_equal(result.table[columns], expected.table[columns])
    assert result.record.atlas.source.zscores == "as given"
    given, computed = (compose_methods(each).paragraph for each in (result, expected))
    assert "z-scores of each probe were taken as given with the data" in given
    assert "were standardised" in computed


def test_coordinates_as_numpy_2_writes_them(table, tmp_path):
    expected = atlas_from_siibra(table)
    points = [f"(np.float64({x}), np.float64({y}), np.float32({z}))" for x, y, z in table["mni_xyz"]]
    table.assign(mni_xyz=points).to_csv(tmp_path / "siibra.csv")
    axes = ["mni_x", "mni_y", "mni_z"]
    read = atlas_from_siibra(tmp_path / "siibra.csv").samples
    np.testing.assert_array_equal(read[axes], expected.samples[axes])


def test_zscores_are_those_of_the_table_whatever_the_levels_are(table):
    atlas = atlas_from_siibra(table.assign(level=1.0))
    row = table.iloc[-1]
    well = atlas.samples.loc[
        (atlas.samples["donor_name"] == row["donor_name"]) & (atlas.samples["sample"] == row["sample"]), "well_id"
    ]
    assert atlas.zscores(well_ids=well, probe_ids=[row["probe_id"]]).item() == row["zscore"]
    some = atlas.with_donors([row["donor_name"]])
    assert some.zscores(well_ids=well, probe_ids=[row["probe_id"]]).item() == row["zscore"]


def test_samples_donors_and_probes(simulated, table):
    atlas = atlas_from_siibra(table)
    keys = table[["donor_name", "sample"]].drop_duplicates()
    assert len(atlas.samples) == len(keys)
    assert sorted(zip(atlas.samples["donor_name"], atlas.samples["sample"], strict=True)) == sorted(
        keys.itertuples(index=False, name=None)
    )
    assert set(atlas.probes["probe_id"]) == set(table["probe_id"])
    known = simulated.donors.set_index("donor_name").loc[atlas.donors["donor_name"], ["age", "gender", "race"]]
    assert atlas.donors[["age", "gender", "race"]].to_numpy().tolist() == known.to_numpy().tolist()
    starts = atlas.samples["donor_name"].ne(atlas.samples["donor_name"].shift())
    assert starts.sum() == len(atlas.donors)  # the samples of a donor stand together


@pytest.mark.parametrize("kind", ["csv", "tsv", "written by jugex", "parquet"])
def test_files(tables, table, tmp_path, kind):
    expected = atlas_from_siibra(table)
    path = tmp_path / f"table.{kind if kind != 'written by jugex' else 'tsv'}"
    if kind == "parquet":
        table.to_parquet(path)  # a tuple becomes a list
    elif kind == "written by jugex":
        described = table.assign(
            well_id=table["donor_name"].astype("category").cat.codes.astype(int) * 1000 + table["sample"]
        )
        write_table(described, path)
    else:
        table.to_csv(path, sep="\t" if kind == "tsv" else ",", index=False)  # a tuple becomes "(x, y, z)"
    atlas = atlas_from_siibra(path)
    columns = ["donor_name", "sample", "mni_x", "mni_y", "mni_z"]
    pd.testing.assert_frame_equal(atlas.samples[columns], expected.samples[columns])
    # tables of jugex have ten digits: half of the last one of a number between 1 and 10
    np.testing.assert_allclose(atlas.zscores(), expected.zscores(), rtol=0, atol=5e-10 if "jugex" in kind else 0)
    assert len(atlas.identity().source.files) == 1


def test_a_probe_that_a_sample_lacks_is_missing_there(table):
    first = table.iloc[0]
    atlas = atlas_from_siibra(table.drop(index=table.index[(table == first).all(axis=1)]))
    assert np.isnan(atlas.levels()).sum() == np.isnan(atlas.zscores()).sum() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="zscore"), r"siibra table has no column 'zscore' \(it has level, gene"),
        (lambda t: t.drop(columns="mni_xyz"), r"siibra table has no column 'mni_xyz'"),
        (lambda t: t.assign(gene=None), r"siibra table has rows without a gene, probe_id or sample"),
        (lambda t: t.assign(level="much"), r"siibra table, row 1: level is 'much', where a number is needed"),
        (
            lambda t: pd.concat([t, t.iloc[:1].assign(level=0.5)]),
            r"different values for probe '.*' in sample 'H0351.* \d+'; keep one of them",
        ),
        (
            lambda t: t.assign(mni_xyz=[(0.0, 0.0, 0.0), *t["mni_xyz"][1:]]),
            r"gives sample 'H0351.*' more than one donor or coordinate",
        ),
        (lambda t: t.assign(gene=["other", *t["gene"][1:]]), r"gives probe '.*' more than one gene"),
        (lambda t: t.assign(mni_xyz="here"), r"row 1: mni_xyz is 'here', where \(x, y, z\) in mm is needed"),
        (lambda t: t.iloc[:0], r"siibra table is empty"),
    ],
)
def test_errors(tables, change, message):
    with pytest.raises(AtlasError, match=message):
        atlas_from_siibra(change(tables[0]))
