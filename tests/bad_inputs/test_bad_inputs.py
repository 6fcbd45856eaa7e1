"""Bad inputs of every kind, and the fact that the message about each must name.

A row of a table is an input and what its message has to hold: the sentence is free to change, the fact is not. Every
input ends in a `JugexError` of one line.
"""

from __future__ import annotations

import gzip
import re
import warnings

import nibabel as nib
import numpy as np
import pytest

import jugex
from jugex.errors import JugexError, JugexWarning
from jugex.genes import read_gene_sets
from jugex.genes.lists import read_gene_list
from jugex.model.options import TestOptions as Options
from jugex.regions import Region
from jugex.regions.label_tables import read_labels
from tests.atlas.user_data import make_expression, make_samples


def refuse(call, fact):
    """Call what must be refused, and look for the fact in what it says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # what a user is told before
        with pytest.raises(JugexError) as raised:
            call()
    message = str(raised.value)
    assert re.search(fact, message), message
    assert "\n" not in message
    assert len(message) > 20


# --- texts of regions

REGIONS = [
    ("", "empty|no region"),
    ("   ", "empty|no region"),
    ("none.nii.gz", "none.nii.gz"),
    ("none.nii", "none.nii"),
    ("map.nii.gz@1", "1"),
    ("map.nii.gz@1.5", "1.5"),
    ("map.nii.gz@-0.1", "-0.1"),
    ("map.nii.gz@nan", "nan"),
    ("map.nii.gz@inf", "inf"),
    ("map.nii.gz@", "map.nii.gz@"),
    ("map.nii.gz@.", "'.' after @"),
    ("map.nii.gz@0.4.1", "'0.4.1' after @"),
    ("map.nii.gz@\u0663", "\u0663"),
    ("map.nii.gz@@0.4", "0.4|map.nii.gz@"),
    ("map.nii.gz@lft", "lft"),
    ("map.nii.gz@left@2", "2"),
    ("map.nii.gz#1", "no labels"),
    ("map.nii.gz%", "percent|%"),
    ("map.nii.gz+", r"\+|empty"),
    ("+map.nii.gz", r"\+|empty"),
    ("map.nii.gz++map.nii.gz", r"\+|empty"),
    ("map.nii.gz+none.nii.gz", "none.nii.gz"),
    ("labels.nii.gz", "#"),
    ("labels.nii.gz#", "#|label"),
    ("labels.nii.gz#99", "99"),
    ("labels.nii.gz#-1", "-1"),
    ("labels.nii.gz#1.5", "1.5"),
    ("labels.nii.gz#0", "0"),
    ("labels.nii.gz#V1", "V1"),
    ("labels.nii.gz#1_0", "1_0"),
    ("labels.nii.gz#1e0", "1e0"),
    ("labels.nii.gz#\u0661", "\u0661"),
    ("labels.nii.gz#3-1", "3-1"),
    ("labels.nii.gz#50-60", "50"),
    ("labels.nii.gz#1,,2", "label|1,,2"),
    ("labels.nii.gz#1#2", "1#2|#"),
    ("labels.nii.gz#x*", r"x\*"),
    ("labels.nii.gz#99999999999999999999", "9999"),
    ("sphere:", "sphere"),
    ("sphere:0,0,0", "sphere"),
    ("sphere:0,0,0,0", "0"),
    ("sphere:0,0,0,-5", "-5"),
    ("sphere:a,0,0,5", "a"),
    ("sphere:0,0,0,nan", "nan"),
    ("sphere:inf,0,0,5", "inf"),
    ("sphere:0,0,0,5,6", "sphere"),
    ("sphere:1e9,0,0,5", "1e|1,000,000,000|1000000000"),
    ("structure:", "structure"),
    ("structure:nowhere", "nowhere"),
    ("structure:Cx@0.4", "0.4|threshold"),
    ("simulated:C", "C"),
    ("simulated:", "simulated"),
    ("juelich:nowhere at all", "nowhere|juelich|parcellations"),
    ("nosuchparcellation:V1", "nosuchparcellation"),
    ("map.txt", "map.txt"),
    (".", "folder"),
    ("/", "folder"),
    ("a" * 300 + ".nii.gz", "aaa"),
    ("map.nii.gz\x00", "map.nii.gz"),
    ("maps\x00/map", "maps"),
    ("~nobody is called so/map", "~nobody is called so"),
    ("~\x00/map", "~"),
    ("~nobody is called so/map.nii.gz", "no file 'map.nii.gz'"),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    affine = np.diag([2.0, 2, 2, 1])
    for name, values in (("map", [0, 0.5, 0.9]), ("labels", [0, 1, 2, 3])):
        data = np.resize(np.array(values, dtype=np.float32 if name == "map" else np.int16), (6, 6, 6))
        image = nib.Nifti1Image(data, affine)
        image.header.set_sform(affine, 4)
        nib.save(image, folder / f"{name}.nii.gz")
    (folder / "map.txt").write_text("no image")
    return folder


@pytest.mark.parametrize(("text", "fact"), REGIONS, ids=[repr(text)[:30] for text, _ in REGIONS])
def test_region(images, monkeypatch, text, fact):
    monkeypatch.chdir(images)
    atlas = jugex.open_atlas("simulated")
    refuse(lambda: jugex.query.expressions(text, ["MAOA"], atlas=atlas), fact)


# --- images: bytes of the header, or of the whole file

IMAGES = [
    ("empty", lambda content: b"", "image|damaged|empty"),
    ("text", lambda content: b"no image" * 100, "image"),
    ("cut in the header", lambda content: content[:200], "image|damaged|header"),
    ("cut in the values", lambda content: content[:-100], "damaged|incomplete"),
    ("magic", lambda content: content[:344] + b"xxxx" + content[348:], "image|damaged|header|Analyze"),
    ("no dimension", lambda content: edit(content, 40, "<i2", [0, 6, 6, 6]), "dimension|shape|damaged"),
    ("two dimensions", lambda content: edit(content, 40, "<i2", [2, 6, 6, 1]), "dimension|shape"),
    ("negative size", lambda content: edit(content, 42, "<i2", [-6, 6, 6]), "-6 x 6 x 6 voxels"),
    ("size of 0", lambda content: edit(content, 42, "<i2", [0, 6, 6]), "0 x 6 x 6 voxels"),
    ("huge", lambda content: edit(content, 42, "<i2", [32767] * 3), "32767"),
    ("more voxels than values", lambda content: edit(content, 42, "<i2", [60, 60, 60]), "damaged|incomplete"),
    ("fewer slices than values", lambda content: edit(content, 46, "<i2", [5]), "864 bytes.*720 .6 x 6 x 5"),
    ("fewer voxels in each slice", lambda content: edit(content, 42, "<i2", [5]), "864 bytes.*720 .5 x 6 x 6"),
    ("one slice more than values", lambda content: edit(content, 46, "<i2", [7]), "864 bytes.*1,008 .6 x 6 x 7"),
    ("two volumes where one is", lambda content: edit(edit(content, 40, "<i2", [4]), 48, "<i2", [2]), "864.*1,728"),
    ("no volume", lambda content: edit(edit(content, 40, "<i2", [4]), 48, "<i2", [0]), "6 x 6 x 6 x 0 voxels"),
    ("minus one volume", lambda content: edit(edit(content, 40, "<i2", [4]), 48, "<i2", [-1]), "6 x 6 x 6 x -1 voxels"),
    ("eight dimensions", lambda content: edit(content, 40, "<i2", [8]), "says that it has 8 dimensions"),
    ("minus three dimensions", lambda content: edit(content, 40, "<i2", [-3]), "says that it has -3 dimensions"),
    ("every size negative", lambda content: edit(content, 42, "<i2", [-6] * 3), "-6 x -6 x -6 voxels"),
    ("type of fewer bits", lambda content: edit(content, 70, "<i2", [2]), "864 bytes.*216 .* uint8, though 32 bits"),
    ("type and bits of fewer bits", lambda content: edit(content, 70, "<i2", [2, 8]), "864 bytes.*216 .* uint8"),
    ("type of more bits", lambda content: edit(content, 70, "<i2", [64, 64]), "864 bytes.*1,728 .* float64"),
    ("colours", lambda content: edit(content, 70, "<i2", [128, 24]), "colour"),
    ("no type", lambda content: edit(content, 70, "<i2", [0]), "data code 0"),
    ("values inside the header", lambda content: edit(content, 108, "<f4", [0]), "begin at byte 0 .vox_offset.*352"),
    ("values before the file", lambda content: edit(content, 108, "<f4", [-352]), "begin at byte -352 .vox_offset"),
    ("values a little later", lambda content: edit(content, 108, "<f4", [356]), "860 bytes.*864"),
    ("infinite offset", lambda content: edit(content, 108, "<f4", [np.inf]), "begin at byte inf .vox_offset"),
    ("values twice", lambda content: content + content[352:], "1,728 bytes.*864"),
    ("infinite slope", lambda content: edit(content, 112, "<f4", [np.inf]), "scales what it stores by inf .scl_slope"),
    ("intercept that is none", lambda content: edit(content, 112, "<f4", [1, np.nan]), "intercept nan"),
    ("scaled below 0", lambda content: edit(content, 112, "<f4", [-1, 0]), "scl_slope -1"),
    ("unknown type", lambda content: edit(content, 70, "<i2", [4242]), "4242|type|damaged"),
    ("complex", lambda content: edit(content, 70, "<i2", [32, 64]), "complex|type|damaged|incomplete"),
    ("offset beyond the end", lambda content: edit(content, 108, "<f4", [1e6]), "damaged|incomplete"),
    ("offset that is none", lambda content: edit(content, 108, "<f4", [np.nan]), "damaged|incomplete|image|header"),
    ("no space", lambda content: edit(content, 252, "<i2", [0, 0]), "sform|space|code"),
    ("Talairach", lambda content: edit(content, 254, "<i2", [3]), "Talairach"),
    ("affine without an inverse", lambda content: edit(content, 280, "<f4", [0] * 12), "affine|invert|voxel|singular"),
    ("affine that is no number", lambda content: edit(content, 280, "<f4", [np.nan]), "affine|nan|number"),
    ("far away", lambda content: edit(content, 292, "<f4", [1e9]), "MNI"),
    ("z-map", lambda content: edit(content, 352, "<f4", [-3.5, 7.25]), "-3.5|7.25|probabilit"),
    ("infinite", lambda content: edit(content, 352, "<f4", [np.inf]), "inf"),
    ("nothing", lambda content: content[:352] + bytes(len(content) - 352), "empty|no voxel|holds no|0"),
]


def edit(content, at, dtype, values):
    changed = np.array(values).astype(dtype).tobytes()
    return content[:at] + changed + content[at + len(changed) :]


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
@pytest.mark.parametrize(("change", "fact"), [case[1:] for case in IMAGES], ids=[case[0] for case in IMAGES])
def test_image(images, tmp_path, change, fact, name):
    content = change(gzip.decompress((images / "map.nii.gz").read_bytes()))
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    refuse(lambda: Region.from_image(tmp_path / name), fact)


SOUND_IMAGES = [
    ("bits that contradict the type", lambda content: edit(content, 72, "<i2", [8])),
    ("no bits", lambda content: edit(content, 72, "<i2", [0])),
    ("size of the header", lambda content: edit(content, 0, "<i4", [0])),
    ("no slope", lambda content: edit(content, 112, "<f4", [np.nan, 3])),
    ("slope of 0", lambda content: edit(content, 112, "<f4", [0, 3])),
    ("sizes of voxels", lambda content: edit(content, 80, "<f4", [0, -2, np.nan])),
    ("padding", lambda content: content + bytes(16)),
    ("a volume of one volume", lambda content: edit(content, 40, "<i2", [5])),
]


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
@pytest.mark.parametrize("change", [case[1] for case in SOUND_IMAGES], ids=[case[0] for case in SOUND_IMAGES])
def test_what_a_header_may_say_wrongly_changes_nothing(images, tmp_path, change, name):
    content = gzip.decompress((images / "map.nii.gz").read_bytes())
    regions = []
    for number, written in enumerate((content, change(content))):
        (tmp_path / str(number)).mkdir()
        path = tmp_path / str(number) / name
        path.write_bytes(gzip.compress(written) if name.endswith(".gz") else written)
        regions.append(Region.from_image(path))
    np.testing.assert_array_equal(regions[1].to_image().get_fdata(), regions[0].to_image().get_fdata())
    np.testing.assert_array_equal(regions[1].to_image().affine, regions[0].to_image().affine)


# --- lists of genes, gene sets and tables of labels

GENE_LISTS = [
    ("list.txt", b"", "no gene|empty|holds"),
    ("list.txt", b"\n\n\n", "no gene|empty|holds"),
    ("list.txt", b"\xff\xfe\xfa", "text|UTF"),
    ("list.txt", b"\x00\x01\x02\x03", "text|symbol|UTF"),
    ("list.txt", b"MAOA,TAC1,GAD2\n", "single line"),
    ("list.csv", b"a,b\n1.5,2.5\n", "symbol|column|gene"),
    ("list.txt.gz", b"\x1f\x8b\x08\x00damaged", "compression|damaged"),
    ("list.xlsx", b"PK\x03\x04damaged", "spreadsheet"),
    ("list.xls", b"\xd0\xcf\x11\xe0", "Excel before 2007"),
    ("list.csv", b"gene,gene\nMAOA,TAC1\n", "twice"),
    ("list.gmt", b"S\tdescription\n", "GMT|at least one gene"),
    ("list.gmt", b"", "set|empty|holds"),
    ("list.gmt#none", b"S\td\tMAOA\tTAC1\n", "none"),
]


@pytest.mark.parametrize(("name", "content", "fact"), GENE_LISTS)
def test_gene_list(tmp_path, name, content, fact):
    (tmp_path / name.partition("#")[0]).write_bytes(content)
    refuse(lambda: read_gene_list(str(tmp_path / name)), fact)


GENE_SETS = [
    ("sets.gmt", b"", "set"),
    ("sets.gmt", b"S\n", "GMT"),
    ("sets.gmt", b"S\td\t\n", "gene|set"),
    ("sets.tsv", b"a\tb\n1\t2\n", "set|column"),
    ("sets.tsv", b"", "set|empty|holds"),
    ("sets.tsv", b"\xff\x00", "text|UTF"),
    ("none.gmt", None, "none.gmt"),
    ("sets.gmt.gz", b"\x1f\x8bdamaged", "compression|damaged"),
]


@pytest.mark.parametrize(("name", "content", "fact"), GENE_SETS)
def test_gene_sets(tmp_path, name, content, fact):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refuse(lambda: read_gene_sets(tmp_path / name), fact)


LABEL_TABLES = [
    ("labels.txt", b"", "empty"),
    ("labels.txt", b"\x00\x01", "not a text"),
    ("labels.tsv", b"a\tb\n", "columns|number"),
    ("labels.tsv", b"index\tname\n", "number|label"),
    ("labels.json", b"{", "JSON"),
    ("labels.json", b"3", "number"),
    ("labels.json", b"{}", "number|label"),
    ("labels.json", b"[" * 50_000, "JSON"),
    ("labels.xml", b"<a><b></a>", "XML"),
    ("labels.xml", b"<a/>", "number|label"),
    ("labels.xml", b"<!DOCTYPE a [<!ENTITY b 'cc'>]><a>&d;</a>", "XML"),
    ("none.tsv", None, "no such file"),
]


@pytest.mark.parametrize(("name", "content", "fact"), LABEL_TABLES)
def test_label_table(tmp_path, name, content, fact):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refuse(lambda: read_labels(tmp_path / name), fact)


# --- tables of the user's own: a change of the samples, and one of the values

TABLES = [
    ("no samples", lambda samples, values: (samples.iloc[:0], values), "empty"),
    ("no values", lambda samples, values: (samples, values.iloc[:0]), "empty"),
    ("no donors", lambda samples, values: (samples.drop(columns="donor"), values), "donor"),
    ("no coordinates", lambda samples, values: (samples.drop(columns="x"), values), "x|coordinate"),
    ("a donor missing", lambda samples, values: (put(samples, "donor", None), values), "no donor"),
    ("an id twice", lambda samples, values: (put(samples, "sample_id", "s1"), values), "more than once"),
    ("an id missing", lambda samples, values: (put(samples, "sample_id", None), values), "no id"),
    (
        "other ids",
        lambda samples, values: (samples, values.add_prefix("x").rename(index=lambda name: f"x{name}")),
        "none of",
    ),
    ("one id more", lambda samples, values: (samples.iloc[1:], values), "s0"),
    ("a coordinate in words", lambda samples, values: (put(samples, "x", "left"), values), "left"),
    ("a coordinate missing", lambda samples, values: (put(samples, "x", np.nan), values), "coordinate|x"),
    ("an infinite coordinate", lambda samples, values: (put(samples, "x", np.inf), values), "inf|coordinate"),
    ("a coordinate of 1e9 mm", lambda samples, values: (put(samples, "x", 1e9), values), "1e\\+?09|1,000,000,000|mm"),
    ("a level in words", lambda samples, values: (samples, put(values, values.columns[0], "high")), "high"),
    ("an infinite level", lambda samples, values: (samples, put(values, values.columns[0], np.inf)), "inf"),
    ("a level of -9999", lambda samples, values: (samples, put(values, values.columns[0], -9999.0)), "-9,?999"),
    ("a level of 1e38", lambda samples, values: (samples, put(values, values.columns[0], 1e38)), "1e\\+38"),
    ("a level of 1e200", lambda samples, values: (samples, put(values, values.columns[0], 1e200)), "1e\\+200"),
    (
        "a gene twice",
        lambda samples, values: (samples, values.set_axis(["A", "A", *values.columns[2:]], axis=1)),
        "more than once|twice|A",
    ),
    ("a list", lambda samples, values: ([1, 2], values), "list"),
    ("another kind of file", lambda samples, values: ("samples.doc", values), "samples.doc"),
    ("no file", lambda samples, values: ("none.csv", values), "none.csv"),
]


def put(table, column, value):
    changed = table.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[changed.index[0], column] = value
    return changed


@pytest.mark.parametrize(("change", "fact"), [case[1:] for case in TABLES], ids=[case[0] for case in TABLES])
def test_tables(change, fact):
    samples, values = change(make_samples(), make_expression())
    refuse(lambda: jugex.atlas_from_tables(samples, values), fact)


# --- options

OPTIONS = [
    ({"statistic": "best"}, "best"),
    ({"exchange": "none"}, "none"),
    ({"probes": "all"}, "all"),
    ({"missing": "ignore"}, "ignore"),
    ({"n_permutations": 0}, "0"),
    ({"n_permutations": -1}, "-1"),
    ({"n_permutations": 1.5}, "1.5"),
    ({"n_permutations": "many"}, "many"),
    ({"n_permutations": True}, "True"),
    ({"n_permutations": 10**12}, "10,000,000"),
    ({"n_permutations": float("nan")}, "nan"),
    ({"alpha": 0}, "0"),
    ({"alpha": 1}, "1"),
    ({"alpha": -0.1}, "-0.1"),
    ({"alpha": float("nan")}, "nan"),
    ({"alpha": "5%"}, "5%"),
    ({"alpha": True}, "True"),
    ({"rng": -1}, "-1"),
    ({"rng": 1.5}, "1.5"),
    ({"rng": "seed"}, "seed"),
    ({"tail": "yes"}, "yes"),
    ({"ladder": 1}, "1"),
    ({"n_jobs": 0}, "0"),
    ({"n_jobs": -2}, "-2"),
    ({"n_jobs": "all"}, "all"),
    ({"exchange": "freedman-lane", "statistic": "welch"}, "welch"),
    ({"collinear": "guess"}, "guess"),
]


@pytest.mark.parametrize(("options", "fact"), OPTIONS, ids=lambda value: str(value)[:40])
def test_options(options, fact):
    refuse(lambda: Options(**options), fact)


COMPARISONS = [
    ({"genes": []}, "gene"),
    ({"genes": ["NOSUCHGENE"]}, "NOSUCHGENE"),
    ({"genes": ""}, "gene"),
    ({"donors": ["nobody"]}, "nobody"),
    ({"donors": []}, "donor"),
    ({"threshold": 1}, "1"),
    ({"threshold": -1}, "-1"),
    ({"threshold": "high"}, "high"),
    ({"overlap": "some"}, "some"),
    ({"voxel": "any"}, "any"),
    ({"preset": "mine"}, "mine"),
    ({"tolerance": -1}, "-1"),
    ({"tolerance": float("nan")}, "nan"),
    ({"min_present": 2}, "2"),
    ({"present_in": "none"}, "none"),
    ({"within": "nowhere"}, "nowhere"),
    ({"exclude": "nowhere"}, "nowhere"),
    ({"covariates": ["mood"]}, "mood"),
    ({"names": ["one"]}, "name"),
    ({"atlas": ""}, "empty"),
    ({"atlas": "simulatd"}, "simulated"),
    ({"atlas": "/none"}, "/none"),
    ({"mirror": "up"}, "up"),
    ({"coordinates": "none.csv"}, "none.csv"),
    ({"reannotation": "none.csv"}, "none.csv"),
    ({"aliases": "none.csv"}, "none.csv"),
]


@pytest.mark.parametrize(("options", "fact"), COMPARISONS, ids=lambda value: str(value)[:40])
def test_comparison(tmp_path, monkeypatch, options, fact):
    monkeypatch.chdir(tmp_path)
    options = {"atlas": "simulated", "genes": ["MAOA"], "n_permutations": 99, "ladder": False} | options
    refuse(lambda: jugex.compare("simulated:A", "simulated:B", **options), fact)


# --- folders of results

SETTINGS = [
    ("", "JSON"),
    ("[]", "not written by jugex"),
    ("null", "not written by jugex"),
    ("{}", "not written by jugex"),
    ('{"versions": 3}', "not written by jugex"),
    ('{"versions": {"jugex": "0.1.0"}, "format": 1}', "format 1"),
    ('{"versions": {"jugex": "0.1.0"}, "format": "2"}', "format '2'"),
    ('{"versions": {"jugex": "9"}, "format": 99}', "99"),
    ('{"versions": {"jugex": "0.1.0"}, "format": 2}', "changed|damaged"),
    ("[" * 100_000, "JSON"),
    ("{'a': 1}", "JSON"),
]


@pytest.mark.parametrize(("text", "fact"), SETTINGS, ids=lambda value: str(value)[:40])
def test_settings(tmp_path, text, fact):
    (tmp_path / "settings.json").write_text(text)
    refuse(lambda: jugex.load_result(tmp_path), fact)


MANIFESTS = [
    ("", "manifest"),
    ("[]", "not the manifest"),
    ("{}", "not the manifest"),
    ('{"format": "jugex store"}', "version None"),
    ('{"format": "jugex store", "format_version": 1}', "version 1"),
    ('{"format": "jugex store", "format_version": 99}', "newer"),
    ('{"format": "jugex store", "format_version": "2"}', "version '2'"),
    ('{"format": "jugex store", "format_version": 2}', "incomplete or changed"),
    ("[" * 100_000, "manifest"),
]


@pytest.mark.parametrize(("text", "fact"), MANIFESTS, ids=lambda value: str(value)[:40])
def test_manifest(tmp_path, text, fact):
    (tmp_path / "manifest.json").write_text(text)
    refuse(lambda: jugex.open_atlas(tmp_path), fact)


def test_there_are_enough_of_them():
    groups = [REGIONS, IMAGES, GENE_LISTS, GENE_SETS, LABEL_TABLES, TABLES, OPTIONS, COMPARISONS, SETTINGS, MANIFESTS]
    assert sum(map(len, groups)) >= 200
