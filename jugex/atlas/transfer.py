"""Limits on what a server may send: its size, its speed, and the servers that it may redirect to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from requests import Response

__all__ = [
    "CHUNK_BYTES",
    "MIN_BYTES_PER_SECOND",
    "ForeignRedirectError",
    "TooLargeError",
    "TooSlowError",
    "receive",
    "redirect_hooks",
]

#: Bytes read at once: at most so many are lost if a connection breaks.
CHUNK_BYTES = 1 << 16
#: Lowest rate in bytes per second that a server must reach over each time-out: a telephone modem was 7 times as fast.
MIN_BYTES_PER_SECOND = 1000
#: Sets of domains that belong to one institute.
_FAMILIES = ({"brain-map.org", "alleninstitute.org"},)
#: Before the two letters of a country, a domain that anybody can register under.
_SHARED = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})


class ForeignRedirectError(Exception):
    """The server redirected to an unrelated server; the address is the argument."""


class TooLargeError(Exception):
    """The server sends more than is allowed; the limit in bytes is the argument."""


class TooSlowError(Exception):
    """The server sends too slowly; bytes received and seconds are the arguments."""


def redirect_hooks(url: str) -> dict[str, Callable[..., None]]:
    """Hooks for `requests.get` that allow redirects only to related hosts, and never from https to http.

    Raises
    ------
    ForeignRedirectError
        By the hook, while the request runs, if a redirect is not allowed.
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
            raise ForeignRedirectError(address)

    return {"response": check}


def _find_domain(host: str) -> str:
    """What somebody registered: the last two parts of a host, or three under one like ``ac.uk``."""
    parts = host.split(".")
    is_shared = len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in _SHARED
    return ".".join(parts[-3:] if is_shared else parts[-2:])


def _are_related(one: str, other: str) -> bool:
    """Whether two hosts are the same, or lie under one domain, or under those of one institute."""
    if one == other:
        return True
    domains = {_find_domain(host.lower()) for host in (one, other)}
    if any(part.isdecimal() for domain in domains for part in domain.split(".")):  # an address, not a name
        return False
    return (len(domains) == 1 and "." in domains.copy().pop()) or any(domains <= family for family in _FAMILIES)


def receive(response: Response, *, max_bytes: int, timeout: float) -> Iterator[bytes]:
    """Yield the body of a response in pieces as they arrive.

    Parameters
    ----------
    response : Response
        The response to a request with ``stream=True``.
    max_bytes : int
        Largest number of bytes that is allowed.
    timeout : float
        Period in seconds over which the rate must be at least `MIN_BYTES_PER_SECOND`.

    Raises
    ------
    TooLargeError, TooSlowError
        While the body is read, besides the errors of requests.
    """
    n_bytes, start, n_before = 0, time.monotonic(), 0
    for chunk in _read(response):
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise TooLargeError(max_bytes)
        now = time.monotonic()
        if now - start > timeout:
            if n_bytes - n_before < MIN_BYTES_PER_SECOND * timeout:
                raise TooSlowError(n_bytes - n_before, now - start)
            start, n_before = now, n_bytes
        yield chunk


def _read(response: Response) -> Iterator[bytes]:
    """Yield bytes as soon as they arrive: waiting for a full piece would hide that hardly any do."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    raw: Any = response.raw
    if not hasattr(raw, "read1"):  # urllib3 before 2.1
        yield from response.iter_content(1 << 10)
        return
    try:
        while chunk := raw.read1(CHUNK_BYTES, decode_content=True):
            yield chunk
    except ReadTimeoutError as error:  # the same errors as from requests.Response.iter_content
        raise requests.ConnectionError(error) from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
