"""Readers given anything at all: they read it, or refuse it with a `JugexError` of one line."""

from __future__ import annotations

import gzip
import json
import warnings

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jugex
from jugex.errors import JugexError, JugexWarning
from jugex.genes import read_gene_sets
from jugex.genes.lists import read_gene_list
from jugex.model.record import from_json
from jugex.regions import Region, parse_region
from jugex.regions.label_tables import read_labels
from tests.atlas.conftest import make_archive
from tests.atlas.user_data import make_expression

ANY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
#: Cells that have a meaning for some reader, and others.
CELLS = st.sampled_from(
    ["MAOA", "4128", "1", "-1", "1e9", "nan", "", " ", "index", "name", "gene", "set", "<", "{", "[", '"', "#", "é",
     "\x00", "NA", "1_0", "1.5", "=1", "sample_id", "donor", "x", "y", "z", "mni_xyz", "(1, 2, 3)", "[[[[", "s1"]
) | st.text(max_size=5)  # fmt: skip
TABLES = st.builds(
    lambda rows, separator, end: end.join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass"),
    st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=6),
    st.sampled_from([",", "\t", ";", " ", ":"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
CONTENTS = TABLES | st.binary(max_size=200) | TABLES.map(gzip.compress)


def try_to(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        try:
            call()
        except JugexError as error:
            message = str(error)
            if "\n" in message or len(message) < 20:
                raise AssertionError(message) from error


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "list.gmt", "list.txt.gz", "list.xlsx"])
@ANY
@given(content=CONTENTS)
def test_gene_lists(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    try_to(lambda: read_gene_list(str(tmp_path / name)))


@pytest.mark.parametrize("name", ["sets.gmt", "sets.tsv"])
@ANY
@given(content=CONTENTS)
def test_gene_sets(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    try_to(lambda: read_gene_sets(tmp_path / name))


@pytest.mark.parametrize("name", ["labels.tsv", "labels.txt", "labels.json", "labels.xml", "labels.csv"])
@ANY
@given(content=CONTENTS)
def test_label_tables(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    try_to(lambda: read_labels(tmp_path / name))


@pytest.mark.parametrize("name", ["samples.csv", "samples.tsv", "samples.parquet"])
@ANY
@given(content=CONTENTS)
def test_tables_of_samples(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    try_to(lambda: jugex.atlas_from_tables(tmp_path / name, make_expression()))


@pytest.mark.parametrize("name", ["values.csv", "values.gct", "values.txt.gz"])
@ANY
@given(content=CONTENTS)
def test_tables_of_values(tmp_path, name, content):
    samples = tmp_path / "samples.csv"
    samples.write_text("sample_id,donor,x,y,z\ns1,D,1,2,3\n")
    (tmp_path / name).write_bytes(content)
    try_to(lambda: jugex.atlas_from_tables(samples, tmp_path / name))


@pytest.fixture(scope="module")
def image():
    affine = np.diag([2.0, 2, 2, 1])
    made = nib.Nifti1Image(np.resize(np.float32([0, 0.5, 0.9]), (4, 4, 4)), affine)
    made.header.set_sform(affine, 4)
    return made.to_bytes()


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz", "map.mgz"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_images(tmp_path, image, name, data):
    content = bytearray(image)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 359))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.sampled_from([len(content), 352, 348, 100]))])
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("z") else content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of nibabel, about what it then refuses
        try_to(lambda: Region.from_image(tmp_path / name))


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(["sphere:", "structure:", "simulated:", "A", "B", "0", ",", "+", "@", "#", "%", "left", "0.4",
                         "-", "*", "juelich:", "1e9", " ", "Cx", "nan"]) | st.text(max_size=3), max_size=8
    ).map("".join)
)  # fmt: skip
def test_texts_of_regions(text):
    try_to(lambda: parse_region(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
    max_leaves=8,
)


@ANY
@given(
    st.builds(json.dumps, JSON)
    | JSON.map(lambda value: json.dumps({"versions": {"jugex": "1"}, "format": 2, "x": value}))
)
def test_settings_of_results(text):
    try_to(lambda: from_json(text))


@pytest.mark.parametrize("member", ["SampleAnnot.csv", "Probes.csv", "Ontology.csv", "MicroarrayExpression.csv"])
@ANY
@given(content=TABLES | st.binary(max_size=200))
def test_archives(tmp_path, member, content):
    archive = make_archive()
    archive.files[member] = content
    path = archive.zip(tmp_path)
    try_to(lambda: jugex.open_atlas(path).levels())


@ANY
@given(content=st.binary(max_size=300), cut=st.integers(0, 2000))
def test_zip_files(tmp_path, content, cut):
    path = make_archive().zip(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + content + whole[cut + len(content) :])
    try_to(lambda: jugex.open_atlas(path).levels())
