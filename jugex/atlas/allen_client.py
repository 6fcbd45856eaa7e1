"""Requests to the Allen Institute's web service: one after the other, with time-outs, retries and a cache on disk.

The service has its own ways to fail: with HTTP 200 it can send ``success: false``, a web page ("site unavailable"),
nothing at all, or half an answer. Here each of these becomes a `ServiceError` that says so, and none is ever cached.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from jugex._text import expand_home
from jugex.atlas.identity import ServiceResponse
from jugex.atlas.transfer import ForeignRedirectError, TooLargeError, TooSlowError, receive, redirect_hooks
from jugex.errors import OptionError, ServiceError

__all__ = ["ALLEN_API_URL", "AllenApiClient", "ServiceRefusedError", "service_error"]

#: Base address of the service; the environment variable ``JUGEX_ALLEN_API_URL`` replaces it, for mirrors and tests.
ALLEN_API_URL = "https://api.brain-map.org/api/v2/data"

_ADVICE = "try again later, or download the donor archives once with jugex fetch and use those instead"
#: Largest answer in bytes: more than all probes of all samples would take.
_MAX_BYTES = 8_000_000_000
_MAX_SHOWN = 200  # characters of what the service wrote

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class ServiceRefusedError(ServiceError):
    """The service answered, in JSON, that it refused the request."""


class _TransientError(Exception):
    """A failure that may not occur again at the next attempt; the message says what happened."""


def service_error(what: str, url: str, kind: type[ServiceError] = ServiceError) -> ServiceError:
    """Error about the service at `url`: what it did, and what to do next."""
    return kind(f"the Allen Institute's web service ({urlsplit(url).netloc}) {what}; {_ADVICE}")


class AllenApiClient:
    """Client of the web service: sends one request at a time, and caches the answers.

    Parameters
    ----------
    url : str, optional
        Base address; default: the environment variable ``JUGEX_ALLEN_API_URL``, else `ALLEN_API_URL`.
    timeout : float
        Seconds to wait for the connection, and for each part of an answer.
    retries : int
        How often a request is repeated after a failure that may be transient.
    backoff : float
        Seconds before the first repetition; doubled before each further one.
    pause : float
        Seconds before each request that is not answered from the cache.
    cache : str or Path, optional
        Folder of the cached answers; default: ``allen-api`` in the folder that the environment variable ``JUGEX_CACHE``
        names, else in the user's cache folder for jugex. Answers never expire: the atlas was completed in 2013.

    Raises
    ------
    OptionError
        If the address is not one of http or https.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 3,
        backoff: float = 1.0,
        pause: float = 0.1,
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self.url = (url or os.environ.get("JUGEX_ALLEN_API_URL", "").strip() or ALLEN_API_URL).rstrip("/")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc:
            raise OptionError(
                f"the address of the web service must be http or https, such as {ALLEN_API_URL}; got {self.url!r}"
            )
        self.timeout, self.retries, self.backoff, self.pause = timeout, retries, backoff, pause
        self.cache = _Cache(_default_cache() if cache is None else expand_home(cache))

    def ask(self, query: str, parse: Callable[[dict[str, Any]], _T]) -> tuple[_T, ServiceResponse]:
        """Return the parsed answer to a query, from the cache where it is there, else from the service.

        Parameters
        ----------
        query : str
            What follows the base address and a slash in the request.
        parse : callable
            Parses the answer (``success``, ``msg`` and so on); raises `KeyError`, `TypeError`, `ValueError` or
            `IndexError` where the answer does not have the shape that is needed. Such an answer is not cached.

        Returns
        -------
        tuple of what `parse` returns and ServiceResponse

        Raises
        ------
        ServiceError
            If no usable answer comes; `ServiceRefusedError` where the service says ``success: false``.
        """
        url = f"{self.url}/{query}"
        cached = self.cache.read(url)
        if cached is not None:
            try:
                return parse(_read_answer(cached[1], url)), cached[0]
            except (_TransientError, ServiceError, KeyError, TypeError, ValueError, IndexError):
                self.cache.drop(url)  # this version cannot use it: ask again
        body, answer = self._request_with_retries(url)
        try:
            parsed = parse(answer)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise service_error(
                f"answered JSON of an unexpected shape ({reason}, asked {_shorten(query)})", url
            ) from error
        record = ServiceResponse(url, datetime.now(UTC).isoformat(timespec="seconds"), hashlib.sha256(body).hexdigest())
        self.cache.write(record, body)
        return parsed, record

    def has_cached(self, query: str) -> bool:
        """Whether the cache has the answer to a query."""
        return self.cache.read(f"{self.url}/{query}") is not None

    def _request_with_retries(self, url: str) -> tuple[bytes, dict[str, Any]]:
        """Bytes and content of an answer; failures that may be transient are retried."""
        n_attempts = self.retries + 1
        for attempt in range(n_attempts):
            time.sleep(self.backoff * 2 ** (attempt - 1) if attempt else self.pause)
            try:
                body = _request(url, self.timeout)
                return body, _read_answer(body, url)
            except _TransientError as fault:
                _log.info("attempt %d of %d at %s: %s", attempt + 1, n_attempts, url, fault)
                last = fault
        times = f" (asked {n_attempts} times)" if n_attempts > 1 else ""
        raise service_error(f"{last}{times}", url) from last


def _request(url: str, timeout: float) -> bytes:
    try:
        return _receive(url, timeout)
    except ForeignRedirectError as error:
        raise service_error(
            f"redirected to {error}, which is on another server (set JUGEX_ALLEN_API_URL to use it)", url
        ) from error
    except TooLargeError as error:
        raise service_error(f"sent more than {_MAX_BYTES:,} bytes", url) from error
    except TooSlowError as error:
        n_bytes, seconds = error.args
        raise _TransientError(f"sent only {n_bytes:,} bytes in {seconds:.0f} s") from error


def _receive(url: str, timeout: float) -> bytes:
    import requests
    from urllib3.exceptions import ReadTimeoutError

    headers = {"Accept": "application/json", "User-Agent": "jugex"}
    try:
        with requests.get(url, headers=headers, timeout=timeout, stream=True, hooks=redirect_hooks(url)) as response:
            content = b"".join(receive(response, max_bytes=_MAX_BYTES, timeout=timeout))
    except requests.Timeout as error:
        raise _TransientError(f"gave no answer within {timeout:g} s") from error
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], ReadTimeoutError):  # it went silent in the middle of an answer
            raise _TransientError(f"gave no complete answer within {timeout:g} s") from error
        raise _TransientError("cannot be reached (check the network, and the proxy if there is one)") from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise _TransientError("broke off in the middle of an answer") from error
    except requests.RequestException as error:
        raise service_error(f"cannot be asked ({error})", url) from error
    what = f"answered HTTP {response.status_code} ({response.reason})"
    if response.status_code >= 500 or response.status_code == 429:  # 429: too many requests
        raise _TransientError(what)
    if response.status_code != 200:
        raise service_error(what, url)
    return content


def _read_answer(body: bytes, url: str) -> dict[str, Any]:
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise _TransientError("sent an empty answer")
    if "site unavailable" in text.lower() and not text.startswith("{"):
        raise _TransientError("is down for now: it sent a web page that says 'site unavailable'")
    if text.startswith("<"):
        raise _TransientError("sent a web page instead of data")
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise _TransientError(f"sent {len(body):,} bytes that are not complete JSON") from error
    if not isinstance(answer, dict) or "success" not in answer or "msg" not in answer:
        raise service_error("answered JSON of an unexpected shape ('success' or 'msg' is missing)", url)
    if answer["success"] is not True:
        raise service_error(f"refused the request, saying {_shorten(str(answer['msg']))!r}", url, ServiceRefusedError)
    return answer


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _default_cache() -> Path:
    from platformdirs import user_cache_path

    named = os.environ.get("JUGEX_CACHE", "").strip()
    return (expand_home(named) if named else user_cache_path("jugex")) / "allen-api"


class _Cache:
    """Answers on disk, one file each: a line of JSON (the `ServiceResponse`), then the bytes as they came.

    A folder that cannot be read or written is no error: requests are then sent again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, url: str) -> tuple[ServiceResponse, bytes] | None:
        """ServiceResponse and bytes of an answer; None if there is none, or its file is damaged (and removed)."""
        try:
            head, _, body = self._file_of(url).read_bytes().partition(b"\n")
        except OSError:
            return None
        try:
            record = ServiceResponse(**json.loads(head))
        except (ValueError, TypeError):
            record = None
        if record is None or record.request != url or record.sha256 != hashlib.sha256(body).hexdigest():
            self.drop(url)
            return None
        return record, body

    def write(self, record: ServiceResponse, body: bytes) -> None:
        """Store an answer; a file is written completely or not at all."""
        content = json.dumps(asdict(record)).encode() + b"\n" + body
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self.folder, prefix=".answer-")
        except OSError as error:
            _log.info("no answer can be kept in %s: %s", self.folder, error)
            return
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(content)
            Path(name).replace(self._file_of(record.request))
        except OSError as error:
            _log.info("an answer was not kept in %s: %s", self.folder, error)
            with suppress(OSError):
                Path(name).unlink()

    def drop(self, url: str) -> None:
        """Remove an answer."""
        with suppress(OSError):
            self._file_of(url).unlink()

    def _file_of(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()}.response"
