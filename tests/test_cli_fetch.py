"""``jugex fetch``: what it shows, and how it ends."""

from __future__ import annotations

import json
import os
import random
import shutil
import time

import pytest

from jugex import cli
from jugex.atlas import ArchivesAtlas, open_atlas
from jugex.atlas.donors import DONORS
from tests.atlas.conftest import make_archive
from tests.kills import kill_after
from tests.servers import FileHandler, LocalServer

TERMS = "https://alleninstitute.org/legal/terms-use/"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Server with the archives of the first two donors."""
    archives = [make_archive(donor.donor_id).zip(tmp_path / "made") for donor in DONORS[:2]]
    files = {f"/{donor.archive_id}": path.read_bytes() for donor, path in zip(DONORS[:2], archives, strict=True)}
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LocalServer(FileHandler(files)) as running:
        monkeypatch.setenv("JUGEX_ARCHIVES_URL", running.url)
        yield running


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def run(data):
    return lambda *options: cli.main(["fetch", "--donors", "9861,10021", "--to", str(data), *options])


def test_downloads_and_says_where(server, run, data, capsys):
    assert run("--no-build") == 0
    shown = capsys.readouterr()
    assert f"Archives: 2 downloaded, 0 were there already; in {data / 'archives'}" in shown.out
    assert "Store" not in shown.out
    assert len(ArchivesAtlas(data / "archives").donors) == 2


def test_shows_the_terms_of_use_once_and_asks_nothing(server, run, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked something"))
    assert run("--no-build", "--quiet") == 0
    first = capsys.readouterr()
    assert TERMS in first.out
    assert "10.1038/nature11405" in first.out
    assert first.err == ""
    assert run("--no-build", "--quiet") == 0
    second = capsys.readouterr()
    assert TERMS not in second.out
    assert "Archives: 0 downloaded, 2 were there already" in second.out
    assert len(server.requests) == 2


def test_builds_the_store_once(server, run, data, capsys):
    assert run() == 0
    assert "Store: built; 2 donors, 8 samples, 3 probes" in capsys.readouterr().out
    assert run() == 0
    assert "Store: up to date already; 2 donors, 8 samples, 3 probes" in capsys.readouterr().out
    atlas = open_atlas(data)
    assert atlas.identity().source.kind == "store"
    assert list(atlas.donors["donor_id"]) == [9861, 10021]


def test_archives_that_were_removed_are_not_missed(server, run, data, capsys):
    assert run("--no-keep-archives") == 0
    assert not list((data / "archives").glob("*.zip"))
    assert run() == 0
    assert "The store holds all of these donors already; nothing was done" in capsys.readouterr().out
    assert len(server.requests) == 2
    assert cli.main(["fetch", "--to", str(data), "--donors", "12876"]) == 1
    assert f"the store in {data} holds donors 9861,10021, whose archives have been removed" in capsys.readouterr().err
    assert len(open_atlas(data).donors) == 2


def test_failure_is_one_sentence_and_status_1(server, data, capsys):
    assert cli.main(["fetch", "--to", str(data), "--donors", "9861,12876"]) == 1
    shown = capsys.readouterr().err.strip().splitlines()[-1]
    assert shown.startswith(
        "jugex: error: the download of donor H0351.1009 (12876) failed: the server has no such file"
    )
    assert "1 of 2 archives are complete and kept" in shown


def test_unknown_donor_is_status_1_and_writes_nothing(data, capsys):
    assert cli.main(["fetch", "--to", str(data), "--donors", "17"]) == 1
    assert "unknown donor '17'" in capsys.readouterr().err
    assert not data.exists()


def test_an_interruption_says_that_the_next_call_goes_on(server, run, data, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("jugex.progress.ByteBar.add", interrupt)
    assert run() == 130
    message = f"jugex: interrupted; what has arrived is kept in {data / 'archives'}, and the next jugex fetch goes on"
    assert message in capsys.readouterr().err


def test_shows_progress_on_standard_error(server, run, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run("--no-build") == 0
    shown = capsys.readouterr()
    assert "donor 9861" in shown.err
    assert "donor 9861" not in shown.out


def test_the_default_folder_is_that_of_the_environment(server, data, monkeypatch, capsys):
    monkeypatch.setenv("JUGEX_DATA", str(data))
    assert cli.main(["fetch", "--donors", "9861", "--no-build"]) == 0
    assert (data / "archives" / "normalized_microarray_donor9861.zip").is_file()
    assert (data / "TERMS_OF_USE.txt").is_file()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process of its own is forked")
def test_killed_at_random_moments_it_goes_on_and_loses_nothing(server, run, data, capsys):
    began = time.monotonic()
    assert run("--quiet") == 0
    seconds, rng = time.monotonic() - began, random.Random(5)
    whole = {path.name: path.read_bytes() for path in (data / "archives").iterdir()}
    listed = {path.name for path in data.iterdir()}
    shutil.rmtree(data)
    for number in range(20):
        kill_after(rng.uniform(0, 1.2 * seconds), lambda: run("--quiet"))
        for path in (data / "archives").glob("*.*"):
            if path.is_dir():
                assert path.name == ".incoming"
            elif path.suffix == ".json":  # lists the archives that have come so far
                assert json.loads(path.read_bytes()).keys() <= json.loads(whole[path.name]).keys()
            else:
                assert path.read_bytes() == whole.get(path.name, path.read_bytes())  # under its name a file is whole
        if number % 7 == 6:
            assert run("--quiet") == 0
            found = {path.name: path.read_bytes() for path in (data / "archives").iterdir()}
            assert found == whole  # and nothing that a killed call had begun
            open_atlas(data / "store").verify()
            assert {path.name for path in data.iterdir()} == listed
            shutil.rmtree(data)
