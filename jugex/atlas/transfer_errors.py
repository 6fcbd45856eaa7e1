"""Why a file does not arrive, in words: what happened, and what the user can do."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import RequestException, Response

__all__ = [
    "DamagedError",
    "TransferError",
    "explain_beginning",
    "explain_broken",
    "explain_disk",
    "explain_request",
    "explain_status",
]

_PROXY_REMEDY = (
    "set the environment variable HTTPS_PROXY to your network's proxy with name and password "
    "(http://name:password@proxy:port), or unset it where there is none"
)
_ELSEWHERE = "or choose another folder with --to"
_WAIT = "wait a while"
_PASSING_STATUS = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class TransferError(Exception):
    """Why a file did not arrive; the caller adds which file, and how to get it by hand.

    Parameters
    ----------
    what : str
        What happened, to follow after "the archive could not be downloaded: ".
    remedy : str
        What the user can do.
    is_passing : bool
        Whether it may work a moment later.
    concerns_all : bool
        Whether every other file would fail the same way.
    """

    def __init__(self, what: str, remedy: str, *, is_passing: bool = False, concerns_all: bool = False) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy
        self.is_passing, self.concerns_all = is_passing, concerns_all

    def count_attempts(self, n_attempts: int) -> TransferError:
        """Add after how many attempts in a row it was given up."""
        if n_attempts > 1:
            self.what += f", in {n_attempts} attempts in a row"
        return self


class DamagedError(TransferError):
    """A file arrived whole, but is not what it should be."""


def explain_request(error: RequestException, n_bytes: int, total: int | None, timeout: float) -> TransferError:
    """Explain what the library requests reports.

    Parameters
    ----------
    error : RequestException
        What it raised.
    n_bytes, total : int
        Bytes that have arrived, and those of the whole file where known.
    timeout : float
        Seconds without a byte that were allowed.
    """
    import requests
    from urllib3.exceptions import TimeoutError as UrllibTimeout

    causes = tuple(_find_causes(error))
    if isinstance(error, requests.exceptions.ProxyError):
        return TransferError(
            f"the proxy refused or could not be reached ({causes[-1]})", _PROXY_REMEDY, concerns_all=True
        )
    if isinstance(error, requests.exceptions.SSLError):
        remedy = "set REQUESTS_CA_BUNDLE to the file with your network's certificates"
        return TransferError("the server's certificate could not be verified", remedy, concerns_all=True)
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema | requests.exceptions.InvalidSchema
    ):
        return TransferError(f"the address is invalid ({error})", "correct JUGEX_ARCHIVES_URL", concerns_all=True)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        what, remedy = "the server's name could not be found", "check that this computer is connected to a network"
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        what, remedy = "the server refused the connection", "wait a while or check the firewall of your network"
    elif any(isinstance(cause, requests.Timeout | UrllibTimeout) for cause in causes):
        what, remedy = f"the server sent nothing for {timeout:g} seconds", _WAIT
    else:
        return explain_broken(n_bytes, total)
    return TransferError(what, remedy, is_passing=True, concerns_all=True)


def explain_broken(n_bytes: int, total: int | None) -> TransferError:
    """Explain a connection that ended too early."""
    of_total = "" if total is None else f" of {total:,}"
    what = f"the connection broke after {n_bytes:,}{of_total} bytes"
    return TransferError(what, _WAIT, is_passing=True)


def explain_status(response: Response) -> None:
    """Refuse a response whose status says that it is not the file."""
    status = response.status_code
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise TransferError("the proxy wants a name and a password (HTTP 407)", _PROXY_REMEDY, concerns_all=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING_STATUS:
        raise TransferError(
            f"the server has a problem of its own (HTTP {status} {response.reason})", _WAIT, is_passing=True
        )
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        what, remedy = "has no such file", "look on https://human.brain-map.org/static/download whether it has moved"
    else:
        what, remedy = "refused the request", "look whether your network may reach it"
    raise TransferError(f"the server {what} (HTTP {status} {response.reason})", remedy)


def explain_beginning(first: bytes) -> None:
    """Refuse a body whose first bytes are not those of a ZIP file."""
    if first.startswith(b"PK\x03\x04"):
        return
    if not first:
        raise TransferError("the server sent an empty file", _WAIT, is_passing=True)
    if not re.search(rb"<(!doctype|html|head|body|title)\b", first[:2048], flags=re.IGNORECASE):
        raise TransferError("the server sent something else than a ZIP file", _WAIT)
    title = re.search(rb"<title[^>]*>(.*?)</title>", first, flags=re.IGNORECASE | re.DOTALL)
    words = " ".join(title[1].decode("utf-8", "replace").split())[:80] if title else ""
    called = f" called {words!r}" if words else ""
    raise TransferError(
        f"the server sent a web page{called} instead of a ZIP file",
        "log in where your network asks for that, or wait where the site is down",
    )


def explain_disk(error: OSError | None, folder: Path, n_missing: int = 0, n_free: int | None = None) -> TransferError:
    """Explain what cannot be written into `folder`: `n_missing` bytes, where `n_free` are free."""
    if error is None or error.errno in {errno.ENOSPC, errno.EDQUOT}:
        needed = f", where {n_missing:,} more bytes are needed" if n_missing else ""
        free = "" if n_free is None else f" and {n_free:,} are free"
        return TransferError(
            f"the disk of {folder} is full{needed}{free}", "make room " + _ELSEWHERE, concerns_all=True
        )
    what = f"{folder} cannot be written to ({error.strerror or error})"
    return TransferError(what, "change its permissions " + _ELSEWHERE, concerns_all=True)


def _find_causes(error: BaseException) -> Iterator[BaseException]:
    """Find an error's chain of causes, itself first; the last one is what the system said."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__
