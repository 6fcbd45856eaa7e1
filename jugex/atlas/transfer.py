"""What a server may send: so much and no more, not too slowly, and from where it was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from requests import Response

__all__ = ["CHUNK_BYTES", "SLOWEST", "ElsewhereError", "TooLargeError", "TooSlowError", "keeping_to", "receive"]

#: At most so much is lost where a connection breaks.
CHUNK_BYTES = 1 << 16
#: Bytes per second that a server has to send, over each time-out: a telephone line sent seven times as much.
SLOWEST = 1000
#: Domains of one institute.
_FAMILIES = ({"brain-map.org", "alleninstitute.org"},)


class ElsewhereError(Exception):
    """The server sent on to a place that nobody asked for; the address is the argument."""


class TooLargeError(Exception):
    """The server sends more than there can be; the limit in bytes is the argument."""


class TooSlowError(Exception):
    """The server sends hardly anything; bytes and seconds are the arguments."""


def keeping_to(url: str) -> dict[str, Callable[..., None]]:
    """Hooks for `requests.get` that follow a redirection only within the family of a host, and never out of https.

    Raises
    ------
    ElsewhereError
        While the request runs.
    """
    asked = urlsplit(url)

    def check(response: Response, *_: Any, **__: Any) -> None:
        if not response.is_redirect:
            return
        address = urljoin(response.url, response.headers["Location"])
        target = urlsplit(address)
        is_downgraded = target.scheme != "https" and target.scheme != asked.scheme
        if is_downgraded or not _are_related(asked.hostname or "", target.hostname or ""):
            response.close()
            raise ElsewhereError(address)

    return {"response": check}


def _are_related(one: str, other: str) -> bool:
    """Whether two hosts are the same, or lie under one domain (its last two parts), or under those of one institute."""
    if one == other:
        return True
    domains = {".".join(host.lower().rsplit(".", 2)[-2:]) for host in (one, other)}
    if any(part.isdecimal() for domain in domains for part in domain.split(".")):  # an address, not a name
        return False
    return (len(domains) == 1 and "." in domains.copy().pop()) or any(domains <= family for family in _FAMILIES)


def receive(response: Response, *, most: int, timeout: float) -> Iterator[bytes]:
    """The body of a response, piece by piece as it comes.

    Parameters
    ----------
    response : Response
        Of a request with ``stream=True``.
    most : int
        Bytes that there can be.
    timeout : float
        Seconds in which `SLOWEST` times as many bytes have to come.

    Raises
    ------
    TooLargeError, TooSlowError
        While it is read, besides the errors of requests.
    """
    n_bytes, start, n_before = 0, time.monotonic(), 0
    for chunk in _read(response):
        n_bytes += len(chunk)
        if n_bytes > most:
            raise TooLargeError(most)
        now = time.monotonic()
        if now - start > timeout:
            if n_bytes - n_before < SLOWEST * timeout:
                raise TooSlowError(n_bytes - n_before, now - start)
            start, n_before = now, n_bytes
        yield chunk


def _read(response: Response) -> Iterator[bytes]:
    """What comes, as soon as it comes: waiting for a full piece would hide that hardly anything does."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    raw: Any = response.raw
    if not hasattr(raw, "read1"):  # urllib3 before 2.1
        yield from response.iter_content(1 << 10)
        return
    try:
        while chunk := raw.read1(CHUNK_BYTES, decode_content=True):
            yield chunk
    except ReadTimeoutError as error:  # as requests.Response.iter_content has them
        raise requests.ConnectionError(error) from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
