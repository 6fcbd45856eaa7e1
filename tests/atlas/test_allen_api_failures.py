"""The web service failing: each way is a sentence of its own, and none leaves anything in the cache."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import jugex
from jugex.atlas.allen_api import AllenApiAtlas
from jugex.atlas.allen_client import AllenApiClient
from jugex.errors import AtlasError, JugexError, ServiceError
from tests.allen_service import AllenService, make_service, refuse
from tests.servers import LocalServer, Reply
from tests.toy import wells

ADVICE = r"; try again later, or download the donor archives once with jugex fetch and use those instead$"
UNAVAILABLE = b"<!DOCTYPE html><html><body><h1>Site unavailable</h1>We are down for maintenance.</body></html>"
N_BEFORE_EXPRESSION = 3  # probes, donors, specimen


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def service() -> AllenService:
    return make_service({"MAOA": 3})


@pytest.fixture
def server(service) -> Iterator[LocalServer]:
    with LocalServer(service) as running:
        yield running


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def new_atlas(server, cache, *, timeout=30.0, retries=1, **options):
    client = AllenApiClient(server.url, timeout=timeout, retries=retries, backoff=0, pause=0, cache=cache)
    return AllenApiAtlas(donors=[9861], client=client, **options)


def count_files(folder):
    return len(list(folder.iterdir())) if folder.exists() else 0


def answer(message, **envelope):
    return Reply(json.dumps({"success": True, "total_rows": 1, "msg": message} | envelope).encode())


PASSING = {
    "HTTP 500": (Reply(b"oops", status=500), r"answered HTTP 500 \(Internal Server Error\) \(asked 2 times\)"),
    "HTTP 503": (Reply(UNAVAILABLE, status=503), r"answered HTTP 503 \(Service Unavailable\) \(asked 2 times\)"),
    "HTTP 429": (Reply(status=429), r"answered HTTP 429 \(Too Many Requests\) \(asked 2 times\)"),
    "site unavailable": (Reply(UNAVAILABLE), "is down for now: it sent a web page that says 'site unavailable'"),
    "web page": (Reply(b" <html><title>Proxy login</title>"), "sent a web page instead of data"),
    "empty": (Reply(b""), "sent an empty answer"),
    "blank": (Reply(b" \n"), "sent an empty answer"),
    "half an answer": (Reply(b'{"success": true, "msg": [{"id": 1'), "sent 34 bytes that are not complete JSON"),
    "connection cut": (Reply(b'{"success": true, "msg": []}', cut_after=9), "broke off in the middle of an answer"),
}

SILENT = {
    "at once": (Reply(delay=600), r"gave no answer within 0\.2 s \(asked 2 times\)"),
    "after the headers": (Reply(b"{}", stall_after=0), r"gave no complete answer within 0\.2 s \(asked 2 times\)"),
    "in the middle": (Reply(b"{}", stall_after=1), r"gave no complete answer within 0\.2 s \(asked 2 times\)"),
}

LASTING = {
    "HTTP 404": (Reply(status=404), r"answered HTTP 404 \(Not Found\)"),
    "HTTP 403": (Reply(UNAVAILABLE, status=403), r"answered HTTP 403 \(Forbidden\)"),
    "refusal": (refuse("Syntax\n error"), "refused the request, saying 'Syntax error'"),
    "long refusal": (refuse("x" * 999), r"refused the request, saying 'x{197}\.\.\.'"),
    "no envelope": (Reply(b"[]"), "unexpected shape \\('success' or 'msg' is missing\\)"),
    "no message": (Reply(b'{"success": true}'), "unexpected shape \\('success' or 'msg' is missing\\)"),
}


class TestEachFailure:
    @pytest.mark.parametrize("n_before", [0, N_BEFORE_EXPRESSION])
    @pytest.mark.parametrize("failure", PASSING)
    def test_that_may_pass_is_tried_again_and_then_an_error(self, server, service, cache, failure, n_before):
        reply, message = PASSING[failure]
        service.faults, service.fault_after = [reply, reply], n_before
        with pytest.raises(ServiceError, match=rf"web service \(127\.0\.0\.1:\d+\) .*{message}.*{ADVICE}"):
            new_atlas(server, cache).with_genes("MAOA")
        assert len(server.requests) == n_before + 2
        assert count_files(cache) == n_before

    @pytest.mark.parametrize("failure", PASSING)
    def test_that_passes_is_forgotten(self, server, service, cache, failure):
        service.faults = [PASSING[failure][0]]
        assert new_atlas(server, cache).with_genes("MAOA").levels().shape == (6, 3)

    @pytest.mark.parametrize("moment", SILENT)
    def test_silence_ends(self, server, service, cache, moment):
        reply, message = SILENT[moment]
        service.faults = [reply, reply]
        with pytest.raises(ServiceError, match=f"{message}{ADVICE}"):
            new_atlas(server, cache, timeout=0.2).with_genes("MAOA")
        assert not cache.exists()

    def test_silence_that_passes_is_forgotten(self, server, service, cache):
        service.faults = [Reply(delay=600)]
        # many repetitions, for machines that are slow for once
        assert new_atlas(server, cache, timeout=1, retries=9).with_genes("MAOA").levels().shape == (6, 3)

    @pytest.mark.parametrize("failure", LASTING)
    def test_that_lasts_is_an_error_at_once(self, server, service, cache, failure):
        reply, message = LASTING[failure]
        service.faults = [reply]
        with pytest.raises(ServiceError, match=f"{message}{ADVICE}"):
            new_atlas(server, cache).with_genes("MAOA")
        assert len(server.requests) == 1
        assert not cache.exists()

    def test_refusal_of_expression_is_an_error_after_both_quotings(self, server, service, cache):
        service.faults, service.fault_after = [refuse(), refuse()], N_BEFORE_EXPRESSION
        with pytest.raises(ServiceError, match="refused the request, saying 'Informatics service request failed'"):
            new_atlas(server, cache).with_genes("MAOA")
        assert ["'2000'" in request.path or "'1000'" in request.path for request in server.requests[-2:]] == [
            False,
            True,
        ]
        assert count_files(cache) == N_BEFORE_EXPRESSION

    def test_no_network(self, cache):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            client = AllenApiClient(url, retries=0, backoff=0, pause=0, cache=cache)
            with pytest.raises(ServiceError, match=f"cannot be reached \\(check the network, and the proxy.*{ADVICE}"):
                AllenApiAtlas(client=client).with_genes("MAOA")

    def test_address_that_cannot_be_asked(self, cache):
        client = AllenApiClient("http://.", retries=0, pause=0, cache=cache)
        with pytest.raises(ServiceError, match=r"cannot be (asked|reached)"):
            AllenApiAtlas(client=client).with_genes("MAOA")

    def test_service_error_is_what_callers_may_catch(self):
        for kind in (JugexError, AtlasError, OSError, ValueError):
            assert issubclass(ServiceError, kind)

    def test_the_user_sees_it_from_a_query(self, server, service, monkeypatch):
        monkeypatch.setenv("JUGEX_ALLEN_API_URL", server.url)
        service.faults = [Reply(status=404)]
        with pytest.raises(ServiceError, match="jugex fetch"):
            jugex.query.region_pair(wells("R", 1), wells("S", 2), genes="MAOA", atlas="allen-api")

    def test_retries_wait_longer_each_time(self, server, service, cache, monkeypatch):
        waited = []
        monkeypatch.setattr("jugex.atlas.allen_client.time.sleep", waited.append)
        service.faults = [Reply(b"")] * 4
        client = AllenApiClient(server.url, retries=3, backoff=0.5, pause=0.25, cache=cache)
        with pytest.raises(ServiceError, match="asked 4 times"):
            AllenApiAtlas(client=client).with_genes("MAOA")
        assert waited == [0.25, 0.5, 1.0, 2.0]


def _expression(service, edit):
    """An answer of the expression service, edited."""
    reply = service._express("service::human_microarray_expression[probes$in1000,1001,1002][donors$eq9861]", {})
    content = json.loads(reply.body)
    edit(content["msg"])
    return Reply(json.dumps(content).encode())


SHAPES = {
    "no samples": (lambda m: m.pop("samples"), "'samples' is missing"),
    "samples are none": (lambda m: m.update(samples=[]), r"no sample, or samples of a donor other than H0351\.2001"),
    "another donor": (
        lambda m: m["samples"][3]["donor"].update(id=1),
        r"samples of a donor other than H0351\.2001 \(9861\)",
    ),
    "no well": (lambda m: m["samples"][2]["sample"].pop("well"), "'well' is missing"),
    "well twice": (lambda m: m["samples"].__setitem__(1, m["samples"][0]), "a well occurs more than once"),
    "two coordinates": (lambda m: [s["sample"]["mri"].pop() for s in m["samples"]], r"mri has the shape \(6, 2\)"),
    "coordinate is text": (lambda m: m["samples"][0]["sample"].update(mri=["x", 1, 2]), "could not convert"),
    "coordinate is null": (lambda m: m["samples"][0]["sample"].update(mri=[None, 1, 2]), "mri holds a value that is"),
    "no structure": (lambda m: m["samples"][0].pop("structure"), "'structure' is missing"),
    "fewer probes": (lambda m: m["probes"].pop(), "2 probes are not the 3 that were asked for"),
    "other probes": (lambda m: m["probes"][0].update(id=7), "3 probes are not the 3 that were asked for"),
    "no symbol": (lambda m: m["probes"][0].pop("gene-symbol"), "'gene-symbol' is missing"),
    "no z-score": (lambda m: m["probes"][1].pop("z-score"), "'z-score' is missing"),
    "fewer levels": (lambda m: m["probes"][1]["expression_level"].pop(), "inhomogeneous|setting an array element"),
    "fewer levels in all": (
        lambda m: [p["expression_level"].pop() for p in m["probes"]],
        r"expression_level has the shape \(3, 5\), where \(3, 6\)",
    ),
    "level is NaN": (
        lambda m: m["probes"][0]["expression_level"].__setitem__(0, "NaN"),
        "expression_level holds a value that is not a finite number",
    ),
    "message is text": (lambda m: m.update(probes="none"), "indices"),
}


class TestShapes:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_of_expression(self, server, service, cache, shape):
        edit, message = SHAPES[shape]
        service.faults, service.fault_after = [_expression(service, edit)], N_BEFORE_EXPRESSION
        match = rf"answered JSON of an unexpected shape \(.*({message}).*asked query\.json.*{ADVICE}"
        with pytest.raises(ServiceError, match=match):
            new_atlas(server, cache).with_genes("MAOA")
        assert count_files(cache) == N_BEFORE_EXPRESSION

    @pytest.mark.parametrize(
        ("n_before", "reply", "message"),
        [
            (0, answer([{"id": 1}], total_rows=None), "int"),
            (0, answer([{"name": "A_23"}]), "'id' is missing"),
            (0, answer(7), "int.* object is not iterable"),
            (1, answer([{"id": 15496}]), "9861 is missing"),
            (1, answer([{"id": 9861, "age": None}]), "NoneType"),
            (1, answer([{"id": 9861, "age": {"days": 8760.0}, "sex": "M"}]), "'race_only' is missing"),
            (2, answer([]), r"0 specimens are called H0351\.2001, where one is needed"),
            (2, answer([{"name": "H0351.2001", "alignment3d": None}]), "NoneType"),
            (2, answer([{"name": "H0351.2001", "alignment3d": {"tvr_00": 1.0}}]), "'tvr_01' is missing"),
        ],
    )
    def test_of_the_queries_before(self, server, service, cache, n_before, reply, message):
        service.faults, service.fault_after = [reply], n_before
        with pytest.raises(ServiceError, match=rf"unexpected shape \(.*{message}.*asked query\.json"):
            new_atlas(server, cache).with_genes("MAOA")

    @pytest.mark.parametrize("total", [5, 2])
    def test_pages_that_do_not_add_up(self, server, service, cache, total):
        rows = [{"id": 1000}, {"id": 1001}, {"id": 1002}]
        service.faults = [answer(rows, total_rows=total), answer([], total_rows=total)]
        with pytest.raises(ServiceError, match=f"listed 3 probes, but reported a total of {total}{ADVICE}"):
            new_atlas(server, cache).with_genes("MAOA")

    def test_batches_with_other_samples(self, server, service, cache):
        atlas = new_atlas(server, cache, probes_per_request=2)
        atlas._client.ask(
            "query.json?criteria=service::human_microarray_expression[probes$in1000,1001][donors$eq9861]",
            lambda _: None,
        )
        service.samples[9861] = service.samples[9861][::-1]
        with pytest.raises(ServiceError, match=rf"different samples of donor H0351\.2001 .*, empty .*cache\){ADVICE}"):
            atlas.with_genes("MAOA")


class TestCache:
    def test_a_second_time_nothing_is_asked(self, server, cache):
        first = new_atlas(server, cache).with_genes("MAOA")
        n_requests = len(server.requests)
        second = new_atlas(server, cache).with_genes("MAOA")
        assert len(server.requests) == n_requests == count_files(cache)
        assert second.identity() == first.identity()
        assert (second.zscores() == first.zscores()).all()

    def test_another_address_is_another_answer(self, server, cache):
        new_atlas(server, cache).with_genes("MAOA")
        with LocalServer(make_service({"MAOA": 2})) as mirror:
            assert len(new_atlas(mirror, cache).with_genes("MAOA").probes) == 2

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: content[:-9],
            lambda content: content.replace(b"1000", b"1001"),
            lambda content: content.partition(b"\n")[2],
            lambda content: b"[1, 2]" + content,
            lambda content: b'{"request": "x"}\n' + content.partition(b"\n")[2],
        ],
    )
    def test_a_damaged_answer_is_dropped_and_asked_for_again(self, server, cache, damage):
        before = new_atlas(server, cache).with_genes("MAOA")
        n_requests = len(server.requests)
        files = {file: file.read_bytes() for file in cache.iterdir()}
        for file, content in files.items():
            file.write_bytes(damage(content))
        after = new_atlas(server, cache).with_genes("MAOA")
        damaged = sum(damage(content) != content for content in files.values())
        assert len(server.requests) == n_requests + damaged
        assert damaged > 0
        assert (after.levels() == before.levels()).all()
        assert all(file.read_bytes().endswith(content.partition(b"\n")[2]) for file, content in files.items())

    def test_an_answer_of_another_shape_is_dropped_and_asked_for_again(self, server, cache):
        client = new_atlas(server, cache)._client
        query = "query.json?criteria=model::Specimen,rma::criteria,[name$eq'H0351.2001'],rma::include,alignment3d"
        client.ask(query, lambda _: None)
        assert client.ask(query, lambda answer: answer["msg"][0]["name"])[0] == "H0351.2001"
        assert len(server.requests) == 1
        with pytest.raises(ServiceError, match="'gone' is missing"):
            client.ask(query, lambda answer: answer["gone"])
        assert len(server.requests) == 2
        assert list(cache.iterdir()) == []

    def test_the_folder_of_the_environment(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("JUGEX_CACHE", str(tmp_path / "elsewhere"))
        new_atlas(server, None).with_genes("MAOA")
        assert len(list((tmp_path / "elsewhere" / "allen-api").iterdir())) == 4

    def test_the_users_cache_folder(self, server, monkeypatch):
        import platformdirs

        monkeypatch.delenv("JUGEX_CACHE", raising=False)
        new_atlas(server, None).with_genes("MAOA")
        assert len(list((platformdirs.user_cache_path("jugex") / "allen-api").iterdir())) == 4

    def test_a_folder_that_cannot_be_written_is_no_error(self, server, tmp_path):
        (tmp_path / "file").write_text("")
        assert new_atlas(server, tmp_path / "file").with_genes("MAOA").levels().shape == (6, 3)

    def test_an_answer_is_kept_whole_or_not_at_all(self, server, cache, monkeypatch):
        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("jugex.atlas.allen_client.Path.replace", fail)
        assert new_atlas(server, cache).with_genes("MAOA").levels().shape == (6, 3)
        assert list(cache.iterdir()) == []
