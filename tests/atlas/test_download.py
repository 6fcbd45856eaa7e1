"""Downloading the archives: what arrives, what is resumed, and every way in which it fails."""

from __future__ import annotations

import errno
import io
import json
import logging.handlers
import shutil
import socket
import zipfile
from collections import namedtuple
from pathlib import Path

import pooch
import pytest
import requests

from jugex.atlas import ArchivesAtlas, SimulatedAtlas, download, transfer
from jugex.atlas.archives import DonorArchive
from jugex.atlas.building import BuildReport
from jugex.atlas.donors import DONORS
from jugex.atlas.download import Retries, fetch_archives, record_terms
from jugex.errors import AtlasNotFoundError, DownloadError, JugexWarning, OptionError
from jugex.progress import ByteBar
from tests.atlas.conftest import make_archive
from tests.servers import FileHandler, LocalServer, Reply, in_turn

FIRST, SECOND = DONORS[:2]
NAME = "normalized_microarray_donor9861.zip"
PATIENT = Retries(tries=3, pause=0, timeout=5)
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]


def zip_bytes(tmp_path_factory, donor_id, **options):
    path = make_archive(donor_id, **options).zip(tmp_path_factory.mktemp("made"))
    return path.read_bytes()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def content(tmp_path_factory):
    """The archive of the first donor."""
    return zip_bytes(tmp_path_factory, FIRST.donor_id)


@pytest.fixture
def contents(tmp_path_factory):
    """Archives of all donors, by path on the server."""
    return {f"/{donor.archive_id}": zip_bytes(tmp_path_factory, donor.donor_id) for donor in DONORS}


@pytest.fixture
def serve(monkeypatch):
    """Start a server that the archives come from."""
    running = []

    def start(handler):
        server = LocalServer(handler)
        server.__enter__()
        running.append(server)
        monkeypatch.setenv("JUGEX_ARCHIVES_URL", server.url)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


def fetch(folder, donors=FIRST.donor_id, **options):
    return fetch_archives(donors, folder, **{"build": False, "retries": PATIENT} | options)


def list_files(folder):
    return sorted(path.name for path in (folder / "archives").iterdir() if path.name != ".fetch.lock")


class TestArrives:
    def test_all_six_and_the_reader_takes_them(self, serve, contents, tmp_path):
        server = serve(FileHandler(contents))
        report = fetch(tmp_path, donors=None)
        assert report.downloaded == tuple(donor.donor_name for donor in DONORS)
        assert report.present == ()
        assert report.store is None
        assert [request.path for request in server.requests] == list(contents)
        assert len(ArchivesAtlas(tmp_path / "archives").donors) == 6
        assert len(json.loads((tmp_path / "archives" / "checksums.json").read_text(encoding="utf-8"))) == 6
        assert list_files(tmp_path) == sorted(
            ["checksums.json", *(f"normalized_microarray_donor{donor.donor_id}.zip" for donor in DONORS)]
        )

    def test_some_donors(self, serve, contents, tmp_path):
        serve(FileHandler(contents))
        assert fetch(tmp_path, donors=["H0351.2002", 9861]).downloaded == ("H0351.2001", "H0351.2002")

    def test_unknown_donor(self, tmp_path):
        with pytest.raises(OptionError, match="unknown donor '17'"):
            fetch(tmp_path, donors=17)
        assert list(tmp_path.iterdir()) == []

    def test_goes_to_the_default_folder(self, serve, content, tmp_path, monkeypatch):
        monkeypatch.setenv("JUGEX_DATA", str(tmp_path / "data"))
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        assert fetch(None).folder == tmp_path / "data" / "archives"
        assert (tmp_path / "data" / "archives" / NAME).read_bytes() == content

    def test_of_unknown_length(self, serve, content, tmp_path):
        serve(lambda request: Reply(content, announced=False))
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == content

    def test_checksum_is_recorded(self, serve, content, tmp_path):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        [entry] = json.loads((tmp_path / "archives" / "checksums.json").read_text(encoding="utf-8")).values()
        assert entry["bytes"] == len(content)
        assert len(entry["sha256"]) == 64

    def test_says_nothing(self, serve, content, tmp_path, capfd):
        # pooch's logger writes to the standard error that there was when pooch was imported: listen to it as well
        said = logging.handlers.BufferingHandler(100)
        pooch.get_logger().addHandler(said)
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        pooch.get_logger().removeHandler(said)
        assert said.buffer == []
        assert capfd.readouterr() == ("", "")

    def test_is_asked_for_as_it_is(self, serve, content, tmp_path):
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        assert server.requests[0].headers["accept-encoding"] == "identity"  # packed again, it could not be resumed


class TestIsThere:
    @pytest.fixture
    def nothing_to_serve(self, serve):
        return serve(lambda request: Reply(b"must not be asked", status=500))

    @pytest.mark.parametrize("name", [NAME, "178238387.zip", "178238387"])
    def test_under_its_usual_names(self, nothing_to_serve, content, tmp_path, name):
        (tmp_path / "archives").mkdir()
        (tmp_path / "archives" / name).write_bytes(content)
        assert fetch(tmp_path).present == (FIRST.donor_name,)
        assert nothing_to_serve.requests == []

    def test_named_by_the_folder_inside_only(self, nothing_to_serve, tmp_path):
        make_archive(FIRST.donor_id).zip(tmp_path / "archives", "first.zip", inside="normalized_microarray_donor9861/")
        assert fetch(tmp_path).present == (FIRST.donor_name,)

    def test_unpacked(self, nothing_to_serve, tmp_path):
        make_archive(FIRST.donor_id).unpack(tmp_path / "archives")
        assert fetch(tmp_path).present == fetch(tmp_path).present == (FIRST.donor_name,)
        assert len(json.loads((tmp_path / "archives" / "checksums.json").read_text(encoding="utf-8"))) == 4

    def test_is_read_whole_the_first_time_only(self, nothing_to_serve, content, tmp_path, monkeypatch):
        (tmp_path / "archives").mkdir()
        (tmp_path / "archives" / NAME).write_bytes(content)
        read = []
        monkeypatch.setattr(DonorArchive, "check", lambda archive, *, bar=None: read.append(archive.path.name))
        fetch(tmp_path)
        fetch(tmp_path)
        assert read == [NAME]

    def test_damaged_is_moved_aside_and_downloaded(self, serve, content, tmp_path):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        (tmp_path / "archives").mkdir()
        (tmp_path / "archives" / NAME).write_bytes(content[:-30])
        with pytest.warns(JugexWarning, match=r"is damaged .* the damaged file is kept as .*donor9861.zip.damaged"):
            assert fetch(tmp_path).downloaded == (FIRST.donor_name,)
        assert list_files(tmp_path) == ["checksums.json", NAME, NAME + ".damaged"]
        assert len(ArchivesAtlas(tmp_path / "archives").donors) == 1

    def test_changed_is_named(self, serve, content, tmp_path_factory, tmp_path):
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        (tmp_path / "archives" / NAME).write_bytes(zip_bytes(tmp_path_factory, FIRST.donor_id, n_samples=5))
        with pytest.raises(DownloadError, match=rf"{NAME} is not the file that was verified before .*move it away"):
            fetch(tmp_path)
        assert len(server.requests) == 1

    def test_another_version_on_the_server_is_named(self, serve, content, tmp_path_factory, tmp_path):
        other = zip_bytes(tmp_path_factory, FIRST.donor_id, n_samples=5)
        serve(in_turn(Reply(content), Reply(other)))
        fetch(tmp_path)
        (tmp_path / "archives" / NAME).unlink()
        with pytest.raises(DownloadError, match=r"no longer the one that was downloaded before .*remove the entry"):
            fetch(tmp_path)
        assert list_files(tmp_path) == ["checksums.json"]

    @pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"sha256": 3}}', '{"a": {}}'])
    def test_unreadable_checksums(self, nothing_to_serve, tmp_path, text, content):
        (tmp_path / "archives").mkdir()
        (tmp_path / "archives" / NAME).write_bytes(content)
        (tmp_path / "archives" / "checksums.json").write_text(text)
        with pytest.raises(DownloadError, match="cannot be read as checksums"):
            fetch(tmp_path)

    def test_checksums_are_replaced_whole_or_not(self, nothing_to_serve, content, tmp_path, monkeypatch):
        (tmp_path / "archives").mkdir()
        (tmp_path / "archives" / NAME).write_bytes(content)
        full = OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr(Path, "replace", lambda self, target: (_ for _ in ()).throw(full))
        with pytest.raises(DownloadError, match=r"the disk of .* is full"):
            fetch(tmp_path)
        assert list_files(tmp_path) == [NAME]


class TestResumes:
    @pytest.fixture(autouse=True)
    def _small_chunks(self, monkeypatch):
        monkeypatch.setattr(transfer, "CHUNK_BYTES", 16)

    def cut_at_tenths(self, content):
        """Bytes that each request of a resumed download brings before the connection breaks."""
        return [len(content) // 10] * 9

    def test_cut_at_every_tenth(self, serve, content, tmp_path):
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}, cuts=self.cut_at_tenths(content)))
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == content
        starts = [int(request.headers.get("range", "bytes=0-")[6:-1]) for request in server.requests]
        assert starts == sorted(set(starts))  # each went on where the one before had ended
        assert len(starts) == 10

    def test_cut_at_every_tenth_without_ranges(self, serve, content, tmp_path):
        cuts = [len(content) * tenth // 10 for tenth in range(1, 10)]
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}, ranges=False, cuts=cuts))
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == content
        assert len(server.requests) == 10

    @pytest.mark.parametrize("ranges", [True, False])
    def test_gives_up_where_nothing_more_comes(self, serve, content, tmp_path, ranges):
        handler = FileHandler({f"/{FIRST.archive_id}": content}, ranges=ranges, cuts=[100, *[0 if ranges else 100] * 9])
        server = serve(handler)
        with pytest.raises(
            DownloadError, match=r"the connection broke after (?:96|100) of [\d,]+ bytes, in 3 attempts in a row"
        ):
            fetch(tmp_path)
        assert len(server.requests) == 3
        assert list_files(tmp_path) == [NAME + ".part"]

    def test_goes_on_in_the_next_call(self, serve, content, tmp_path):
        serve(FileHandler({f"/{FIRST.archive_id}": content}, cuts=[200, 0, 0]))
        with pytest.raises(DownloadError, match=r"the (192|200) bytes of this one that have arrived are kept too"):
            fetch(tmp_path)
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        assert server.requests[0].headers["range"] in ("bytes=192-", "bytes=200-")
        assert (tmp_path / "archives" / NAME).read_bytes() == content
        assert list_files(tmp_path) == ["checksums.json", NAME]

    def test_an_interruption_keeps_what_has_arrived(self, serve, content, tmp_path, monkeypatch):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        with monkeypatch.context() as patch:
            patch.setattr(ByteBar, "add", fail_after(160, KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt, match=r"what has arrived is kept .* next jugex fetch goes on"):
                fetch(tmp_path)
        assert (tmp_path / "archives" / (NAME + ".part")).read_bytes() == content[:160]
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        assert server.requests[0].headers["range"] == "bytes=160-"
        assert (tmp_path / "archives" / NAME).read_bytes() == content

    def test_another_version_is_never_mixed_in(self, serve, content, tmp_path, tmp_path_factory):
        other = zip_bytes(tmp_path_factory, FIRST.donor_id, n_samples=9)
        path = f"/{FIRST.archive_id}"
        serve(in_turn(FileHandler({path: content}, cuts=[300]), FileHandler({path: other}, etag='"2"')))
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == other

    @pytest.mark.parametrize("content_range", ["bytes 0-9/{total}", "nonsense"])
    def test_a_part_that_was_not_asked_for_is_refused(self, serve, content, tmp_path, content_range):
        text = content_range.format(total=len(content))
        wrong = Reply(content[96:], status=206, headers={"Content-Range": text})
        server = serve(in_turn(Reply(content, cut_after=100), wrong, Reply(content)))
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == content
        assert "range" not in server.requests[2].headers

    def test_whole_part_of_a_killed_call_is_taken(self, serve, content, tmp_path):
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        leave_part(content, tmp_path)
        fetch(tmp_path)
        assert len(server.requests) == 1  # answered with HTTP 416: there is nothing after the end
        assert (tmp_path / "archives" / NAME).read_bytes() == content

    @pytest.mark.parametrize("name", [NAME, "tmp1a2b3c4d"])
    def test_a_whole_file_that_a_killed_call_had_not_put_in_place_is_taken(self, serve, content, tmp_path, name):
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        incoming = tmp_path / "archives" / ".incoming" / NAME
        incoming.mkdir(parents=True)
        (incoming / name).write_bytes(content)
        (incoming / "tmpempty000").touch()
        fetch(tmp_path)
        assert len(server.requests) == 1  # answered with HTTP 416
        assert list_files(tmp_path) == ["checksums.json", NAME]
        assert (tmp_path / "archives" / NAME).read_bytes() == content

    def test_a_part_longer_than_the_file_is_thrown_away(self, serve, content, tmp_path):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        leave_part(content + b"more", tmp_path)
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == content

    def test_a_part_of_another_file_is_thrown_away(self, serve, content, tmp_path, tmp_path_factory):
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        leave_part(zip_bytes(tmp_path_factory, SECOND.donor_id)[:300], tmp_path)
        fetch(tmp_path)
        assert (tmp_path / "archives" / NAME).read_bytes() == content
        assert ["range" in request.headers for request in server.requests] == [True, False]

    def test_reader_of_archives_ignores_parts(self, serve, content, tmp_path):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path)
        leave_part(content[:99], tmp_path)
        assert len(ArchivesAtlas(tmp_path / "archives").donors) == 1


def leave_part(content, folder):
    (folder / "archives").mkdir(exist_ok=True)
    (folder / "archives" / (NAME + ".part")).write_bytes(content)


def fail_after(n_bytes, error):
    """Stand-in for `ByteBar.add` that fails once so many bytes have arrived."""
    arrived = 0

    def add(self, n):
        nonlocal arrived
        arrived += n
        if arrived >= n_bytes:
            raise error

    return add


PAGE = b"<!DOCTYPE html>\n<html><head><title>Site\n unavailable</title></head></html>"


class TestAnswers:
    @pytest.mark.parametrize(
        ("reply", "n_requests", "words"),
        [
            (Reply(b"no", status=403), 1, r"the server refused the request \(HTTP 403 Forbidden\)"),
            (Reply(b"no", status=404), 1, r"has no such file \(HTTP 404 Not Found\); check on https://human.brain-map"),
            (Reply(b"no", status=407), 1, r"the proxy asks for a name and a password .*HTTPS_PROXY"),
            (Reply(b"no", status=416), 1, r"the server refused the request \(HTTP 416"),
            (
                Reply(b"no", status=500),
                3,
                r"a problem of its own \(HTTP 500 .*\), in 3 attempts in a row; wait a while",
            ),
            (Reply(b"no", status=503), 3, r"a problem of its own \(HTTP 503"),
            (Reply(b"no", status=429), 3, r"a problem of its own \(HTTP 429"),
            (Reply(PAGE), 1, r"a web page called 'Site unavailable' instead of a ZIP file; log in if"),
            (Reply(b"<html><body>no"), 1, r"a web page instead of a ZIP file"),
            (Reply(b'{"success": false}'), 1, r"something other than a ZIP file"),
            (Reply(b""), 3, r"an empty file, in 3 attempts"),
            (Reply(b"PK\x03\x04", headers={"Content-Length": "9"}, cut_after=9), 3, r"the connection broke after"),
        ],
        ids=["403", "404", "407", "416", "500", "503", "429", "page", "bare page", "json", "empty", "wrong length"],
    )
    def test_is_refused_in_one_sentence(self, serve, tmp_path, reply, n_requests, words):
        server = serve(lambda request: reply)
        with pytest.raises(DownloadError, match=words) as caught:
            fetch(tmp_path)
        message = str(caught.value)
        assert message.startswith("the download of donor H0351.2001 (9861) failed: ")
        assert (
            f"open {server.url}/178238387 in a browser and save the file as {tmp_path / 'archives' / NAME}" in message
        )
        assert "\n" not in message
        assert len(server.requests) == n_requests
        assert not (tmp_path / "archives" / NAME).exists()

    def test_a_passing_failure_is_forgotten(self, serve, content, tmp_path):
        server = serve(in_turn(Reply(b"no", status=503), Reply(b""), Reply(content)))
        assert fetch(tmp_path).downloaded == (FIRST.donor_name,)
        assert len(server.requests) == 3

    def test_refusal_keeps_the_part(self, serve, content, tmp_path):
        serve(lambda request: Reply(PAGE))
        leave_part(content[:500], tmp_path)
        with pytest.raises(DownloadError, match="the 500 bytes of this one that have arrived are kept too"):
            fetch(tmp_path)

    def test_follows_to_another_address(self, serve, content, tmp_path):
        moved = Reply(status=302, headers={"Location": "/elsewhere"})
        serve(lambda request: Reply(content) if request.path == "/elsewhere" else moved)
        assert fetch(tmp_path).downloaded == (FIRST.donor_name,)

    @pytest.mark.parametrize("target", ["http://127.0.0.2:1/x", "https://example.org/x", "ftp://127.0.0.1/x"])
    def test_does_not_follow_elsewhere(self, serve, tmp_path, target):
        server = serve(lambda _: Reply(status=302, headers={"Location": target}))
        with pytest.raises(
            DownloadError, match=rf"redirected to {target}, which is on another server; set JUGEX_ARCHIVES_URL"
        ):
            fetch(tmp_path)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("asked", "target", "follows"),
        [
            ("https://human.brain-map.org/a", "https://api.brain-map.org/b", True),
            ("https://human.brain-map.org/a", "https://download.alleninstitute.org/b", True),
            ("https://human.brain-map.org/a", "http://human.brain-map.org/a", False),
            ("https://human.brain-map.org/a", "https://brain-map.org.example.com/a", False),
            ("https://human.brain-map.org/a", "https://xbrain-map.org/a", False),
            ("http://mirror.example.org/a", "https://mirror.example.org/a", True),
            ("https://mirror.ox.ac.uk/a", "https://files.ox.ac.uk/a", True),
            ("https://mirror.ox.ac.uk/a", "https://files.other.ac.uk/a", False),
            ("https://human.brain-map.org/a", "https://human.brain-map.org.ac.uk/a", False),
            ("http://10.0.0.1/a", "http://11.0.0.1/a", False),
            ("http://localhost/a", "http://otherhost/a", False),
        ],
    )
    def test_family_of_a_host(self, asked, target, follows):
        response = requests.Response()
        response.raw = io.BytesIO()
        response.url, response.status_code, response.headers["Location"] = asked, 302, target
        check = transfer.redirect_hooks(asked)["response"]
        if follows:
            check(response)
        else:
            with pytest.raises(transfer.ForeignRedirectError, match=target):
                check(response)

    @pytest.mark.parametrize("announced", [True, False])
    def test_more_than_an_archive_can_hold(self, serve, content, tmp_path, monkeypatch, announced):
        monkeypatch.setattr(download, "_MAX_BYTES", len(content) - 1)
        serve(lambda _: Reply(content, announced=announced))
        with pytest.raises(DownloadError, match=r"the server sends more than [\d,]+ bytes, where an archive has about"):
            fetch(tmp_path)
        assert not list((tmp_path / "archives").glob("*.part"))

    def test_hardly_anything(self, serve, content, tmp_path, monkeypatch):
        seconds = iter(range(0, 10**6, 20))  # so much later at each look
        monkeypatch.setattr(transfer.time, "monotonic", lambda: next(seconds))
        monkeypatch.setattr(transfer, "CHUNK_BYTES", 10)
        server = serve(FileHandler({f"/{FIRST.archive_id}": content}))
        with pytest.raises(
            DownloadError, match=r"the server sent only \d+ bytes in \d+ seconds, in 3 attempts in a row"
        ):
            fetch(tmp_path)
        assert len(server.requests) == 3

    def test_pauses_grow_and_vary(self, serve, tmp_path, monkeypatch):
        waits = []
        monkeypatch.setattr("time.sleep", waits.append)
        serve(lambda request: Reply(b"no", status=503))
        with pytest.raises(DownloadError, match="HTTP 503"):
            fetch(tmp_path, retries=Retries(tries=5, pause=10))
        assert [low <= wait <= 3 * low for low, wait in zip([5, 10, 20, 40], waits, strict=True)] == [True] * 4


def damage(content, *, where="MicroarrayExpression.csv"):
    """Change one byte of a member, which its CRC tells."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo(where)
    at = info.header_offset + 30 + len(where) + info.compress_size // 2
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


class TestVerifies:
    def edited(self, folder, member, old, new):
        archive = make_archive(FIRST.donor_id)
        archive.edit(member, old, new)
        return archive.zip(folder / "made").read_bytes()

    def check_is_refused(self, serve, bad, tmp_path, match):
        server = serve(lambda request: Reply(bad))
        with pytest.raises(DownloadError, match=match):
            fetch(tmp_path)
        assert len(server.requests) == 2
        assert list_files(tmp_path) == []

    @pytest.mark.parametrize("member", ["MicroarrayExpression.csv", "Probes.csv", "SampleAnnot.csv", "Ontology.csv"])
    def test_damage(self, serve, content, tmp_path, member):
        self.check_is_refused(serve, damage(content, where=member), tmp_path, f"damaged, twice: .*{member}")

    def test_end_is_missing(self, serve, content, tmp_path):
        self.check_is_refused(serve, content[:-40], tmp_path, "arrived damaged, twice: .* is not a zip file")

    def test_damage_in_one_download_is_made_good_by_the_next(self, serve, content, tmp_path):
        path = f"/{FIRST.archive_id}"
        server = serve(in_turn(FileHandler({path: damage(content)}), FileHandler({path: content})))
        fetch(tmp_path)
        assert ["range" in request.headers for request in server.requests] == [False, False]
        assert (tmp_path / "archives" / NAME).read_bytes() == content

    def test_member_is_missing(self, serve, tmp_path):
        archive = make_archive(FIRST.donor_id)
        del archive.files["Ontology.csv"]
        self.check_is_refused(
            serve, archive.zip(tmp_path / "made").read_bytes(), tmp_path, "Ontology.csv .* is missing"
        )

    def test_rows_are_missing(self, serve, tmp_path):
        archive = make_archive(FIRST.donor_id)
        expression = archive.files["MicroarrayExpression.csv"]
        archive.files["MicroarrayExpression.csv"] = b"".join(expression.splitlines(keepends=True)[:2])
        bad = archive.zip(tmp_path / "made").read_bytes()
        self.check_is_refused(serve, bad, tmp_path, r"2 rows of 5 values, but .* call for 3 rows of 5")

    def test_calls_are_cut_short(self, serve, tmp_path):
        archive = make_archive(FIRST.donor_id)
        archive.files["PACall.csv"] = b"11,1,0,1,1\n12,0,0,1,1\n"
        bad = archive.zip(tmp_path / "made").read_bytes()
        self.check_is_refused(
            serve, bad, tmp_path, r"PACall.csv .* has 2 rows of 5 values, but .* call for 3 rows of 5"
        )

    def test_columns_are_missing(self, serve, tmp_path):
        archive = make_archive(FIRST.donor_id)
        other = make_archive(FIRST.donor_id, n_samples=3)
        archive.files["MicroarrayExpression.csv"] = other.files["MicroarrayExpression.csv"]
        bad = archive.zip(tmp_path / "made").read_bytes()
        self.check_is_refused(serve, bad, tmp_path, r"3 rows of 4 values, but .* call for 3 rows of 5")


class TestNetwork:
    def test_no_network(self, tmp_path, monkeypatch):
        def unknown(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(
            DownloadError, match=r"name could not be found, in 3 attempts .*; check that this computer is"
        ):
            fetch(tmp_path)

    def test_default_address_is_the_allen_institute(self, tmp_path, monkeypatch):
        monkeypatch.delenv("JUGEX_ARCHIVES_URL", raising=False)
        asked = []

        def unknown(host, *_, **__):
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(DownloadError, match=r"open https://human.brain-map.org/api/v2/\w+/178238387 in a browser"):
            fetch(tmp_path)
        assert set(asked) == {"human.brain-map.org"}

    def test_refused_connection(self, serve, tmp_path, monkeypatch):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
            monkeypatch.setenv("JUGEX_ARCHIVES_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
            with pytest.raises(DownloadError, match="refused the connection, in 3 attempts"):
                fetch(tmp_path, donors=None)

    @pytest.mark.parametrize("reply", [Reply(b"late", delay=60), Reply(b"PK\x03\x04 and no more", stall_after=10)])
    def test_silence(self, serve, tmp_path, reply):
        server = serve(lambda request: reply)
        with pytest.raises(DownloadError, match=r"the server sent nothing for 0.1 seconds, in 2 attempts"):
            fetch(tmp_path, donors=None, retries=Retries(tries=2, pause=0, timeout=0.1))
        assert len(server.requests) == 2  # the other donors are not waited for

    def test_a_proxy_that_wants_a_password(self, tmp_path, monkeypatch):
        with LocalServer(lambda request: Reply(b"", status=407)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.delenv("JUGEX_ARCHIVES_URL", raising=False)
            with pytest.raises(DownloadError, match=r"the proxy refused .*407.*HTTPS_PROXY"):
                fetch(tmp_path)
        assert [request.method for request in proxy.requests] == ["CONNECT"]

    def test_a_proxy_that_is_not_there(self, tmp_path, monkeypatch):
        monkeypatch.delenv("JUGEX_ARCHIVES_URL", raising=False)
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
            with pytest.raises(DownloadError, match=r"the proxy .*could not be reached .*HTTPS_PROXY"):
                fetch(tmp_path)

    def test_a_proxy_that_works(self, content, tmp_path, monkeypatch):
        with LocalServer(lambda request: Reply(content)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("JUGEX_ARCHIVES_URL", "http://mirror.invalid/archives/")
            fetch(tmp_path)
        assert proxy.requests[0].path == "http://mirror.invalid/archives/178238387"

    def test_a_server_without_a_certificate(self, serve, tmp_path, monkeypatch):
        server = serve(lambda request: Reply(b""))
        monkeypatch.setenv("JUGEX_ARCHIVES_URL", server.url.replace("http:", "https:"))
        with pytest.raises(DownloadError, match=r"certificate could not be verified.*REQUESTS_CA_BUNDLE"):
            fetch(tmp_path)

    @pytest.mark.parametrize("address", ["mirror/archives", "ftp://mirror/archives", "http://"])
    def test_an_invalid_address(self, tmp_path, monkeypatch, address):
        monkeypatch.setenv("JUGEX_ARCHIVES_URL", address)
        with pytest.raises(DownloadError, match=r"the address is invalid .*correct JUGEX_ARCHIVES_URL"):
            fetch(tmp_path)


class TestDisk:
    def test_too_small(self, serve, content, tmp_path, monkeypatch):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        usage = namedtuple("usage", "total used free")(100, 90, 10)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        match = rf"the disk of .* is full, where {len(content):,} more bytes are needed and 10 are free; make room"
        with pytest.raises(DownloadError, match=match):
            fetch(tmp_path)

    def test_full_half_way(self, serve, contents, tmp_path, monkeypatch):
        server = serve(FileHandler(contents))
        monkeypatch.setattr(transfer, "CHUNK_BYTES", 16)
        monkeypatch.setattr(ByteBar, "add", fail_after(160, OSError(errno.ENOSPC, "No space left on device")))
        needed = len(contents["/178238387"]) - 160
        with pytest.raises(
            DownloadError,
            match=rf"full, where {needed:,} more bytes are needed.*the 160 bytes of this one that have arrived",
        ):
            fetch(tmp_path, donors=None)
        assert len(server.requests) == 1
        assert list_files(tmp_path) == [NAME + ".part"]

    def test_folder_is_a_file(self, tmp_path):
        (tmp_path / "data").write_text("")
        with pytest.raises(DownloadError, match=r"cannot be written to \(Not a directory\); change its permissions or"):
            fetch(tmp_path / "data")

    def test_not_writable(self, serve, content, tmp_path, monkeypatch):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))

        open_path = Path.open

        def refuse(self, mode="r", *args, **options):  # as root, permissions do not hold
            if mode[0] in "wa":
                raise PermissionError(errno.EACCES, "Permission denied")
            return open_path(self, mode, *args, **options)

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(DownloadError, match=r"archives cannot be written to \(Permission denied\)"):
            fetch(tmp_path)


class TestAtOnce:
    def test_a_second_call_for_the_same_folder_is_refused(self, serve, content, tmp_path):
        refused = []

        def answer(request):
            with pytest.raises(DownloadError, match=r"another jugex fetch is running in .*; wait until it has ended"):
                fetch(tmp_path)
            refused.append(request)
            return Reply(content)

        serve(answer)
        assert fetch(tmp_path).downloaded == (FIRST.donor_name,)
        assert len(refused) == 1


class TestBuilds:
    @pytest.fixture
    def built(self, monkeypatch):
        """What would have been built, instead of building it."""
        calls = []

        def build_store(archives, to):
            calls.append((archives, to))
            return BuildReport(to / "store", True, 1, 4, 3, 100)

        monkeypatch.setattr(download, "build_store", build_store)
        return calls

    @pytest.fixture
    def stored(self, monkeypatch):
        """Donors that a store holds."""
        donors = []

        def open_atlas(path):
            if not donors:
                raise AtlasNotFoundError("no store")
            return SimulatedAtlas().with_donors(donors)

        monkeypatch.setattr(download, "open_atlas", open_atlas)
        return donors

    def test_in_the_data_folder(self, serve, content, tmp_path, built):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        report = fetch(tmp_path, build=True)
        assert built == [(tmp_path / "archives", tmp_path)]
        assert report.store.path == tmp_path / "store"
        assert (tmp_path / "archives" / NAME).is_file()

    def test_archives_may_lie_in_the_data_folder_itself(self, serve, contents, tmp_path, built):
        (tmp_path / NAME).write_bytes(contents["/178238387"])
        server = serve(FileHandler(contents))
        report = fetch(tmp_path, donors=[9861, 10021], build=True)
        assert (report.folder, report.present) == (tmp_path, (FIRST.donor_name,))
        assert [request.path for request in server.requests] == [f"/{SECOND.archive_id}"]
        assert built == [(tmp_path, tmp_path)]

    def test_archives_are_removed_once_the_store_is_built(self, serve, content, tmp_path, built):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path, build=True, keep_archives=False)
        assert list_files(tmp_path) == ["checksums.json"]

    def test_archives_stay_where_nothing_is_built(self, serve, content, tmp_path, built):
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        fetch(tmp_path, keep_archives=False)
        assert (tmp_path / "archives" / NAME).is_file()
        assert built == []

    def test_unpacked_archives_stay(self, tmp_path, built):
        folder = make_archive(FIRST.donor_id).unpack(tmp_path / "archives")
        fetch(tmp_path, build=True, keep_archives=False)
        assert folder.is_dir()

    def test_nothing_is_downloaded_for_a_store_whose_archives_were_removed(self, serve, tmp_path, built, stored):
        server = serve(lambda request: Reply(status=500))
        stored += [9861, 10021]
        report = fetch(tmp_path, build=True)
        assert (report.present, report.store) == ((FIRST.donor_name,), None)
        assert server.requests == []
        assert built == []

    def test_donors_of_the_store_are_not_lost(self, serve, tmp_path, built, stored):
        stored += [9861, 10021]
        with pytest.raises(OptionError, match=r"holds donors 9861,10021, whose archives have been removed.*--donors"):
            fetch(tmp_path, donors=12876, build=True)
        assert not (tmp_path / "archives").exists()

    def test_a_store_whose_archives_are_there_is_built_again(self, serve, contents, tmp_path, built, stored):
        serve(FileHandler(contents))
        fetch(tmp_path, build=True)
        stored += [9861]
        fetch(tmp_path, donors=10021, build=True)
        assert len(built) == 2

    def test_an_interruption_while_building(self, serve, content, tmp_path, monkeypatch):
        def build_store(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(download, "build_store", build_store)
        serve(FileHandler({f"/{FIRST.archive_id}": content}))
        with pytest.raises(KeyboardInterrupt, match="what has arrived is kept"):
            fetch(tmp_path, build=True)


class TestPartialSuccess:
    def test_the_others_are_kept_and_told(self, serve, contents, tmp_path):
        missing = f"/{DONORS[1].archive_id}", f"/{DONORS[4].archive_id}"
        server = serve(FileHandler({path: body for path, body in contents.items() if path not in missing}))
        with pytest.raises(DownloadError) as caught:
            fetch(tmp_path, donors=None, build=True)
        message = str(caught.value)
        assert "the download of donor H0351.2002 (10021) failed" in message
        assert "(that of H0351.1015 (15496) failed too: the server has no such file (HTTP 404 Not Found); " in message
        assert "; 4 of 6 archives are complete and kept)" in message
        assert len(server.requests) == 6
        assert len(ArchivesAtlas(tmp_path / "archives").donors) == 4
        assert not (tmp_path / "store").exists()

    def test_the_next_call_brings_the_rest(self, serve, contents, tmp_path):
        last = f"/{DONORS[5].archive_id}"
        serve(FileHandler({path: body for path, body in contents.items() if path != last}))
        with pytest.raises(DownloadError, match="5 of 6 archives are complete and kept"):
            fetch(tmp_path, donors=None)
        serve(FileHandler({last: contents[last]}))
        report = fetch(tmp_path, donors=None)
        assert report.downloaded == (DONORS[5].donor_name,)
        assert len(report.present) == 5


class TestTerms:
    def test_are_to_be_shown_once_per_folder(self, tmp_path):
        assert record_terms(tmp_path / "data")
        assert not record_terms(tmp_path / "data")
        text = (tmp_path / "data" / "TERMS_OF_USE.txt").read_text(encoding="utf-8")
        assert "https://alleninstitute.org/legal/terms-use/" in text
        assert "10.1038/nature11405" in text

    def test_folder_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DownloadError, match="cannot be written to"):
            record_terms(tmp_path / "file" / "data")
