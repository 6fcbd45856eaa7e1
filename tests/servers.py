"""A web server on this machine that answers as a test says, ranges, cuts, delays and silence included.

>>> from tests.servers import LocalServer, Reply
>>> with LocalServer(lambda request: Reply(b"hello")) as server:
...     requests.get(f"{server.url}/some/path?a=1").text, server.requests[0].query
('hello', {'a': ['1']})
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["FileHandler", "Handler", "LocalServer", "Reply", "Request", "in_turn"]


@dataclass(frozen=True)
class Request:
    """What was asked for: `path` as sent (a proxy is sent a whole address), header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def query(self) -> dict[str, list[str]]:
        """Decoded parameters of the address."""
        return parse_qs(urlsplit(self.path).query)


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Attributes
    ----------
    body : bytes
        Content, as announced by ``Content-Length`` (unless `headers` say otherwise or `announced` is False).
    cut_after : int, optional
        Break the connection after that many bytes of the body.
    stall_after : int, optional
        Send nothing more after that many bytes of the body, until the client hangs up or the server is closed.
    delay : float
        Seconds of silence before the first byte; ended by closing the server.
    """

    body: bytes = b""
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: bool = True
    cut_after: int | None = None
    stall_after: int | None = None
    delay: float = 0.0


Handler = Callable[[Request], Reply]


class LocalServer:
    """Server on 127.0.0.1 that answers every request with ``handler(request)`` while the ``with`` block runs.

    Attributes
    ----------
    url : str
        Address of the server, without a slash at the end.
    requests : list of Request
        What was asked for, in order.
    errors : list of BaseException
        What the handler raised; the client got HTTP 500. Raised again where the block ends without another error.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.errors: list[BaseException] = []
        self._closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _make_endpoint(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        if self.errors and error is None:
            raise self.errors[0]

    def answer(self, request: Request) -> Reply:
        """Record a request and ask the handler."""
        self.requests.append(request)
        try:
            return self.handler(request)
        except Exception as error:  # shown where the test is, not lost in a thread
            self.errors.append(error)
            return Reply(repr(error).encode(), status=HTTPStatus.INTERNAL_SERVER_ERROR)

    def wait(self, seconds: float | None = None) -> None:
        """Do nothing for that long, or until the server is closed."""
        self._closing.wait(seconds)


def in_turn(*replies: Reply | Handler) -> Handler:
    """Answer with one reply after the other; the last one is repeated."""
    remaining = list(replies)

    def answer(request: Request) -> Reply:
        reply = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return reply(request) if callable(reply) else reply

    return answer


@dataclass
class FileHandler:
    """Serve files by path, with ranges (``Range`` and ``If-Range``, RFC 9110) where the test wants them.

    Attributes
    ----------
    files : mapping of str to bytes
        Content by path (``"/178238387"``); another path is answered by HTTP 404.
    ranges : bool
        Whether a part may be asked for; without, the whole file comes every time.
    etag : str
        Validator of all files; empty for none.
    cuts : iterable of int
        For one request after the other: break the connection after that many bytes of the body.
    """

    files: Mapping[str, bytes]
    ranges: bool = True
    etag: str = '"1"'
    cuts: Iterable[int] = ()

    def __post_init__(self) -> None:
        self._cuts = iter(self.cuts)

    def __call__(self, request: Request) -> Reply:
        """Answer with the file, or the part of it that is asked for."""
        content = self.files.get(urlsplit(request.path).path)
        if content is None:
            return Reply(b"no such file", status=HTTPStatus.NOT_FOUND)
        headers = ({"ETag": self.etag} if self.etag else {}) | ({"Accept-Ranges": "bytes"} if self.ranges else {})
        start = self._tell_start(request)
        if start is None:
            return Reply(content, headers=headers, cut_after=next(self._cuts, None))
        if start >= len(content):
            headers["Content-Range"] = f"bytes */{len(content)}"
            return Reply(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Reply(
            content[start:], status=HTTPStatus.PARTIAL_CONTENT, headers=headers, cut_after=next(self._cuts, None)
        )

    def _tell_start(self, request: Request) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        is_current = request.headers.get("if-range", self.etag) == self.etag
        return int(asked[1]) if asked and self.ranges and is_current else None


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that hang up are part of the tests


def _make_endpoint(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _respond(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Request(self.command, self.path, headers, self.rfile.read(length)))
            if reply.delay:
                server.wait(reply.delay)
            self._send_head(reply)
            self._send_body(reply)

        def _send_head(self, reply: Reply) -> None:
            self.send_response(reply.status)
            headers = dict(reply.headers)
            if reply.announced:
                headers = {"Content-Length": str(len(reply.body))} | headers
            else:
                headers["Connection"] = "close"
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _send_body(self, reply: Reply) -> None:
            stop = reply.cut_after if reply.cut_after is not None else reply.stall_after
            self.wfile.write(reply.body[:stop])
            self.wfile.flush()
            if reply.stall_after is not None:
                server.wait()
            if reply.cut_after is not None or reply.stall_after is not None or not reply.announced:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_HEAD = do_POST = do_CONNECT = _respond  # noqa: N815

    return Endpoint
