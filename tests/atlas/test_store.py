"""The store: it equals the archives it was built from, and what was changed in it is refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xxhash

from jugex.atlas import ArchivesAtlas, StoreAtlas, open_atlas, store
from jugex.atlas.building import build_store
from jugex.errors import AtlasError, OptionError, StoreError
from tests.atlas.conftest import add_calls

# z of a stored level: its rounding to float32 is at most 2^-24 relative, so 6e-8 of levels up to 16, over an sd that
# in these data is above 0.05; the moments move by less than that
ZSCORE_CLOSE = 2 * 16 * 2**-24 / 0.05


@pytest.fixture
def folder(new_archive, tmp_path):
    """Archives of two donors with calls, and one without."""
    for donor_id in (9861, 10021):
        add_calls(new_archive(donor_id)).zip(tmp_path / "archives")
    new_archive(15697, n_samples=9).unpack(tmp_path / "archives")
    return tmp_path


@pytest.fixture
def built(folder):
    return build_store(folder / "archives", folder / "data").path


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory):
    """Archives and store of the real data."""
    archives = shared_data / "ahba-mini"
    return ArchivesAtlas(archives), StoreAtlas(build_store(archives, tmp_path_factory.mktemp("data")).path)


def edit_manifest(path, *, signed=True, **changes):
    """Change a manifest, as somebody does who computes its checksum anew, or who does not."""
    file = path / "manifest.json"
    content = json.loads(file.read_text()) | changes
    if signed:
        content.pop("manifest_sha256")
        content["manifest_sha256"] = store._hash_content(content)
    file.write_text(json.dumps(content))


def replace_file(path, name, content):
    """Put another content into a file of a store, as somebody does who computes the checksums anew."""
    (path / name).write_bytes(content)
    files = json.loads((path / "manifest.json").read_text())["files"]
    made = {
        "name": name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "xxh3": xxhash.xxh3_64_hexdigest(content),
    }
    edit_manifest(path, files=[made if file["name"] == name else file for file in files])


class TestContent:
    def test_tables_are_those_of_the_archives(self, real):
        archives, stored = real
        for table in ("samples", "probes", "donors", "structures"):
            pd.testing.assert_frame_equal(getattr(stored, table), getattr(archives, table))

    def test_levels_are_those_of_the_archives_as_float32(self, real):
        archives, stored = real
        assert stored.levels().dtype == np.float32
        # the texts have few digits: reading them as float64 first rounds to the same float32
        np.testing.assert_array_equal(stored.levels(), archives.levels().astype(np.float32))

    def test_zscores_are_those_of_the_archives(self, real):
        archives, stored = real
        assert stored.zscores().dtype == np.float64
        np.testing.assert_allclose(stored.zscores(), archives.zscores(), rtol=0, atol=ZSCORE_CLOSE)

    def test_moments_are_those_of_the_levels_as_stored(self, real):
        _, stored = real
        for donor_name, samples in stored.samples.groupby("donor_name"):
            levels = stored.levels(well_ids=samples["well_id"]).astype(np.float64)
            mean, sd = stored._read_moments(donor_name, np.arange(5))
            # another order of summation: a few ulps of values up to 16
            np.testing.assert_allclose([mean, sd], [levels.mean(axis=0), levels.std(axis=0)], rtol=1e-13)

    def test_constant_probe_has_zscore_0(self, built):
        assert (open_atlas(built).zscores(probe_ids=[13]) == 0).all()

    def test_calls_are_those_of_the_archives(self, folder, built):
        stored = StoreAtlas(built).with_donors([9861, 10021])
        archives = ArchivesAtlas(folder / "archives", donors=[9861, 10021])
        assert stored.has_calls
        np.testing.assert_array_equal(stored.present(), archives.present())
        some = {"well_ids": archives.samples["well_id"][[6, 1]], "probe_ids": [12, 11]}
        np.testing.assert_array_equal(stored.present(**some), archives.present(**some))

    def test_donor_without_calls_is_named(self, built):
        stored = StoreAtlas(built)
        assert not stored.has_calls
        with pytest.raises(
            StoreError, match=r"no present/absent calls of donor H0351\.1016, whose archive held no PACall"
        ):
            stored.present()

    @pytest.mark.parametrize("few", [0.0, 1.0], ids=["in blocks", "one by one"])
    @pytest.mark.parametrize("block", [2, 256])
    def test_both_ways_of_reading_give_any_selection(self, shared_data, tmp_path, monkeypatch, few, block):
        monkeypatch.setattr(store, "_SHARE_READ_SINGLY", few)
        monkeypatch.setattr(store, "_PROBES_PER_BLOCK", block)
        stored = StoreAtlas(build_store(shared_data / "ahba-mini", tmp_path).path)
        rng = np.random.default_rng(0)
        whole = np.vstack([np.load(stored.path / f"levels-{name}.npy").T for name in stored.donors["donor_name"]])
        samples = rng.integers(0, len(whole), 500)  # repeated and unordered
        for probes in ([4, 0, 4, 2], [3], [0, 1, 2, 3, 4], []):
            ids = {"well_ids": stored.samples["well_id"][samples], "probe_ids": stored.probes["probe_id"][probes]}
            np.testing.assert_array_equal(stored.levels(**ids), whole[np.ix_(samples, probes)])

    def test_rows_that_follow_each_other_are_read_in_one_piece(self, shared_data, tmp_path, monkeypatch):
        stored = StoreAtlas(build_store(shared_data / "ahba-mini", tmp_path).path)
        read_at, sizes = store._ChecksummedRows._read_at, []
        monkeypatch.setattr(store, "_SHARE_READ_SINGLY", 2.0)
        monkeypatch.setattr(
            store._ChecksummedRows, "_read_at", lambda *given: sizes.append(len(given[1])) or read_at(*given)
        )
        donor = stored.samples["donor_name"] == stored.donors["donor_name"].iloc[0]
        wells, n_bytes = stored.samples.loc[donor, "well_id"], 4 * int(donor.sum())
        stored.levels(well_ids=wells, probe_ids=stored.probes["probe_id"].iloc[[1, 2, 3, 0, 4]])
        assert [size / n_bytes for size in sizes] == [3, 1, 1]

    def test_unknown_probe(self, built):
        with pytest.raises(AtlasError, match=r"1 probe_id not in Allen Human Brain Atlas \(first: 99\)"):
            StoreAtlas(built).levels(probe_ids=[99])

    def test_identity_names_the_sources(self, folder, built):
        identity = json.loads(json.dumps(StoreAtlas(built).identity().to_dict()))
        assert identity["precision"] == str(StoreAtlas(built).levels().dtype) == "float32"
        assert (identity["kind"], identity["n_samples"], identity["simulated"]) == ("store", 17, False)
        expected = [
            {"donor_name": name} | file.to_dict()
            for name, archive in ArchivesAtlas(folder / "archives").archives.items()
            for file in archive.checksums
        ]
        assert identity["files"] == expected
        some = StoreAtlas(built).with_donors([10021]).identity().to_dict()
        assert some["files"] == [file for file in expected if file["donor_name"] == "H0351.2002"]

    def test_identity_is_that_of_the_content(self, folder, built):
        again = build_store(folder / "archives", folder / "again").path
        identities = {StoreAtlas(path).identity().to_dict()["store_sha256"] for path in (built, again)}
        assert len(identities) == 1
        other = build_store(folder / "archives", folder / "other", donors=[9861]).path
        assert StoreAtlas(other).identity().source.store_sha256 not in identities

    def test_another_process_gets_the_path_not_the_values(self, real):
        pickled = pickle.dumps(real[1])
        assert len(pickled) < 1000
        np.testing.assert_array_equal(pickle.loads(pickled).levels(), real[1].levels())


class TestOpening:
    def test_folder_of_the_store_or_the_data_folder(self, built):
        for path in (built, built.parent, str(built.parent)):
            assert isinstance(open_atlas(path), StoreAtlas)

    def test_default_is_the_data_folder(self, built, monkeypatch):
        monkeypatch.setenv("JUGEX_DATA", str(built.parent))
        assert isinstance(open_atlas(), StoreAtlas)
        assert len(open_atlas(donors="H0351.1016").samples) == 9

    def test_store_comes_before_archives_beside_it(self, folder):
        build_store(folder / "archives", folder / "archives")
        assert isinstance(open_atlas(folder / "archives"), StoreAtlas)

    def test_archives_of_a_data_folder(self, folder):
        assert isinstance(open_atlas(folder), ArchivesAtlas)

    def test_donor_that_was_not_built(self, built):
        with pytest.raises(OptionError, match=r"unknown donor '12876'; the donors are .*9861"):
            open_atlas(built, donors=12876)

    def test_nothing_large_is_read(self, built, monkeypatch):
        read = []
        monkeypatch.setattr(store._ChecksummedRows, "_read_at", lambda rows, target, offset: read.append(rows))
        open_atlas(built)
        assert read == []

    def test_closed_stores_leave_no_file_open(self, built):
        opened = Path("/proc/self/fd")
        if not opened.exists():
            pytest.skip("needs the system's list of open files")
        before = len(list(opened.iterdir()))
        for _ in range(20):
            open_atlas(built).levels()
        assert len(list(opened.iterdir())) <= before


class TestRefusals:
    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            (3, "built by a newer jugex .version 3 of the format, .*upgrade jugex, or build it again"),
            (1, "has version 1 of the format, but this jugex reads version 2; build it again with jugex build"),
            ("1", "has version '1' of the format"),
        ],
    )
    def test_other_version(self, built, version, expected):
        edit_manifest(built, format_version=version)
        with pytest.raises(StoreError, match=expected):
            open_atlas(built)

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other"}', "\xff", "[" * 100_000])
    def test_damaged_manifest(self, built, content):
        (built / "manifest.json").write_bytes(content.encode("latin-1"))
        with pytest.raises(
            StoreError, match=r"manifest\.json (cannot be read|is not the manifest of a store of jugex)"
        ):
            open_atlas(built)

    @pytest.mark.parametrize("signed", [True, False])
    @pytest.mark.parametrize("changes", [{"files": 1}, {"n_probes": "3"}, {"extra": 1}], ids=str)
    def test_manifest_of_other_content(self, built, changes, signed):
        edit_manifest(built, **changes, signed=signed)
        with pytest.raises(StoreError, match=r"manifest\.json is incomplete or changed"):
            open_atlas(built)

    def test_folder_without_manifest(self, tmp_path):
        with pytest.raises(StoreError, match=r"is not a store of jugex, because it has no manifest\.json"):
            StoreAtlas(tmp_path)

    def test_every_file_counts(self, built):
        names = sorted(path.name for path in built.iterdir() if path.name != "manifest.json")
        assert len(names) == 11  # 4 tables, the moments, the checksums, 3 donors' levels, 2 donors' calls
        for name in names:
            content = (built / name).read_bytes()
            (built / name).unlink()
            with pytest.raises(StoreError, match=f"lacks the file {name}; build it again with jugex build"):
                open_atlas(built)
            (built / name).write_bytes(content[:-1])
            with pytest.raises(StoreError, match=rf"{name} has [\d,]+ bytes instead of [\d,]+; build it again"):
                open_atlas(built)
            (built / name).write_bytes(content)
        open_atlas(built).verify()

    def test_verify_finds_a_changed_value(self, built):
        with (built / "levels-H0351.2001.npy").open("r+b") as file:
            file.seek(-4, 2)
            file.write(np.float32(7.5).tobytes())
        atlas = open_atlas(built)
        with pytest.raises(StoreError, match=r"was changed: the SHA-256 of levels-H0351\.2001\.npy differs"):
            atlas.verify()

    @pytest.mark.parametrize("name", ["probes.arrow", "moments.npy", "checksums.npy"])
    def test_damaged_file_of_the_same_size(self, built, name):
        file = built / name
        file.write_bytes(b"\0" * file.stat().st_size)
        with pytest.raises(StoreError, match=rf"{name} is damaged: its checksum differs .*; build the store again"):
            open_atlas(built)

    @pytest.mark.parametrize("name", ["probes.arrow", "moments.npy", "checksums.npy"])
    def test_another_file_with_its_checksum(self, built, name):
        replace_file(built, name, b"something else")
        with pytest.raises(StoreError, match=rf"{name} cannot be read .*; build the store again"):
            open_atlas(built)

    def test_array_of_another_shape_or_type(self, built):
        moments = np.load(built / "moments.npy")
        for other in (moments[:, :, :-1], moments.astype(np.float32)):
            stream = io.BytesIO()
            np.save(stream, other)
            replace_file(built, "moments.npy", stream.getvalue())
            with pytest.raises(StoreError, match=r"moments\.npy holds .* is needed; build the store again"):
                open_atlas(built)

    def test_tables_of_another_store(self, built, new_archive, tmp_path):
        new_archive(9861).zip(tmp_path / "other")
        other = build_store(tmp_path / "other", tmp_path / "other").path
        replace_file(built, "samples.arrow", (other / "samples.arrow").read_bytes())
        with pytest.raises(StoreError, match=r"contradicts itself: .*; build it again"):
            open_atlas(built)

    def test_levels_with_too_few_rows(self, built):
        replace_file(built, "levels-H0351.2001.npy", b"short")
        with pytest.raises(StoreError, match=r"levels-H0351\.2001\.npy holds fewer rows than the store has probes"):
            open_atlas(built)

    @pytest.mark.parametrize("few", [0.0, 2.0], ids=["in blocks", "one by one"])
    @pytest.mark.parametrize("name", ["levels-H0351.2001.npy", "calls-H0351.2002.npy"])
    def test_damaged_row(self, built, monkeypatch, few, name):
        monkeypatch.setattr(store, "_SHARE_READ_SINGLY", few)
        atlas = StoreAtlas(built).with_donors([9861, 10021])
        with (built / name).open("r+b") as file:
            file.seek(-1, 2)  # in the row of the last of three probes
            [last] = file.read(1)
            file.seek(-1, 2)
            file.write(bytes([last ^ 1]))
        read = atlas.levels if name.startswith("levels") else atlas.present
        if few:
            assert read(probe_ids=[12, 11]).shape == (8, 2)  # these are sound
        with pytest.raises(StoreError, match=rf"{name} is damaged: 1 of the [13] probes read .*number 3 in the file"):
            read(probe_ids=[13])

    def test_a_row_is_compared_when_it_is_read_first(self, built, monkeypatch):
        atlas, compared = open_atlas(built), []
        checksum = store._checksum
        monkeypatch.setattr(store, "_checksum", lambda rows: compared.append(len(rows)) or checksum(rows))
        monkeypatch.setattr(store, "_SHARE_READ_SINGLY", 2.0)
        for probe_ids in ([11], [13, 11], [12, 13, 11]):
            atlas.levels(probe_ids=probe_ids)
        assert compared == [1] * 9  # each of 3 probes once, of each of 3 donors

    def test_disk_that_fails(self, built, monkeypatch):
        atlas = open_atlas(built)

        def fail(*_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(store._ChecksummedRows, "_read_at", fail)
        with pytest.raises(StoreError, match=r"levels-H0351\.2001\.npy cannot be read .Input/output error.; build"):
            atlas.levels()

    def test_file_cut_short_after_opening(self, built, monkeypatch):
        monkeypatch.setattr(store, "_SHARE_READ_SINGLY", 0.0)
        atlas = open_atlas(built)
        with (built / "levels-H0351.2001.npy").open("r+b") as file:
            file.truncate(130)
        with pytest.raises(StoreError, match="has become shorter since it was opened"):
            atlas.levels()


#: Opens a store and reads all of it, and says what came of that: done in a process of its own, since what is damaged
#: must not end it.
USE_STORES = """
import sys, warnings
import numpy as np
from jugex.atlas import StoreAtlas
from jugex.errors import StoreError
for path in sys.argv[1:]:
    try:
        atlas = StoreAtlas(path)
        tables = [getattr(atlas, name).to_csv() for name in ("samples", "probes", "donors", "structures")]
        values = [atlas.levels(), atlas.zscores(), atlas.with_donors([9861, 10021]).present()]
        print("SAME", hash((*tables, *(value.tobytes() for value in values), str(atlas.identity().to_dict()["files"]))))
    except StoreError as error:
        print("REFUSED", str(error).replace(chr(10), " "))
"""


def test_any_flipped_bit_is_refused_or_without_effect(built, tmp_path):
    rng, copies, names = random.Random(0), [], sorted(path.name for path in built.iterdir())
    for number in range(300):
        copy = tmp_path / "copies" / str(number)
        shutil.copytree(built, copy)
        file = copy / names[number % len(names)]  # each of the files in turn
        content = bytearray(file.read_bytes())
        bit = rng.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        is_header = file.name.startswith(("levels", "calls")) and bit // 8 < 128  # which nobody reads
        copies.append((copy, file.name, is_header))
    run = subprocess.run(
        [sys.executable, "-c", USE_STORES, built, *(copy for copy, _, _ in copies)],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    assert run.stderr == ""
    [whole, *outcomes] = run.stdout.splitlines()
    assert len(outcomes) == 300
    assert whole.startswith("SAME")
    for (_, name, is_header), outcome in zip(copies, outcomes, strict=True):
        if is_header:
            assert outcome == whole, name
        else:
            assert outcome.startswith("REFUSED"), (name, outcome)
            assert name in outcome, (name, outcome)
            assert "again with jugex build" in outcome or "give another folder" in outcome, (name, outcome)
