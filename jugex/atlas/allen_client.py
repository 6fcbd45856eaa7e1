"""Requests to the Allen Institute's web service: one after the other, with time-outs, retries and a cache on disk.

The service fails in ways of its own: with HTTP 200 it can send ``success: false``, a web page ("site unavailable"),
nothing at all, or half an answer. Here each of them becomes a `ServiceError` that says so, and none is ever cached.
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

from jugex.atlas.identity import ServiceResponse
from jugex.atlas.transfer import ElsewhereError, TooLargeError, TooSlowError, keeping_to, receive
from jugex.errors import OptionError, ServiceError

__all__ = ["ALLEN_API_URL", "AllenApiClient", "ServiceRefusedError", "complain"]

#: Base address of the service; the environment variable ``JUGEX_ALLEN_API_URL`` replaces it, for mirrors and tests.
ALLEN_API_URL = "https://api.brain-map.org/api/v2/data"

_ADVICE = "try again later, or download the donor archives once with jugex fetch and use those instead"
#: More than all probes of all samples would take.
_MOST_BYTES = 8_000_000_000
_MAX_SHOWN = 200  # characters of what the service wrote

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class ServiceRefusedError(ServiceError):
    """The service answered, as JSON, that it did not do what it was asked."""


class _PassingError(Exception):
    """A failure that may be gone at the next attempt; says what happened."""


def complain(what: str, url: str, kind: type[ServiceError] = ServiceError) -> ServiceError:
    """Error for what the service at `url` did; the message ends with what to do next."""
    return kind(f"the Allen Institute's web service ({urlsplit(url).netloc}) {what}; {_ADVICE}")


class AllenApiClient:
    """Asks the service one thing at a time, and keeps its answers.

    Parameters
    ----------
    url : str, optional
        Base address; default: the environment variable ``JUGEX_ALLEN_API_URL``, else `ALLEN_API_URL`.
    timeout : float
        Seconds to wait for the connection, and for each part of an answer.
    retries : int
        How often a request is repeated after a failure that may pass.
    backoff : float
        Seconds before the first repetition; doubled before each further one.
    pause : float
        Seconds before each request that is not answered from the cache.
    cache : str or Path, optional
        Folder of answers; default: ``allen-api`` in the folder that the environment variable ``JUGEX_CACHE``
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
            raise OptionError(f"the address of the web service is like {ALLEN_API_URL}; got {self.url!r}")
        self.timeout, self.retries, self.backoff, self.pause = timeout, retries, backoff, pause
        self.cache = _Cache(_default_cache() if cache is None else Path(cache).expanduser())

    def ask(self, query: str, parse: Callable[[dict[str, Any]], _T]) -> tuple[_T, ServiceResponse]:
        """Ask for something, unless the cache has it.

        Parameters
        ----------
        query : str
            What follows the base address and a slash.
        parse : callable
            Takes the answer (``success``, ``msg`` and so on) apart; raises `KeyError`, `TypeError`, `ValueError` or
            `IndexError` where the answer has not the shape that is needed. Such an answer is not cached.

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
            except (_PassingError, ServiceError, KeyError, TypeError, ValueError, IndexError):
                self.cache.drop(url)  # of no use to this version, so ask again
        body, answer = self._insist(url)
        try:
            parsed = parse(answer)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise complain(f"answered JSON of an unexpected shape ({reason}, asked {_shorten(query)})", url) from error
        record = ServiceResponse(url, datetime.now(UTC).isoformat(timespec="seconds"), hashlib.sha256(body).hexdigest())
        self.cache.write(record, body)
        return parsed, record

    def keeps(self, query: str) -> bool:
        """Whether the cache has the answer to a query."""
        return self.cache.read(f"{self.url}/{query}") is not None

    def _insist(self, url: str) -> tuple[bytes, dict[str, Any]]:
        """Bytes and content of an answer, after as many attempts as it takes and is allowed."""
        n_attempts = self.retries + 1
        for attempt in range(n_attempts):
            time.sleep(self.backoff * 2 ** (attempt - 1) if attempt else self.pause)
            try:
                body = _request(url, self.timeout)
                return body, _read_answer(body, url)
            except _PassingError as fault:
                _log.info("attempt %d of %d at %s: %s", attempt + 1, n_attempts, url, fault)
                last = fault
        times = f" (asked {n_attempts} times)" if n_attempts > 1 else ""
        raise complain(f"{last}{times}", url) from last


def _request(url: str, timeout: float) -> bytes:
    try:
        return _receive(url, timeout)
    except ElsewhereError as error:
        raise complain(
            f"sent on to {error}, which is another place (set JUGEX_ALLEN_API_URL to use it)", url
        ) from error
    except TooLargeError as error:
        raise complain(f"sends more than {_MOST_BYTES:,} bytes", url) from error
    except TooSlowError as error:
        n_bytes, seconds = error.args
        raise _PassingError(f"sent only {n_bytes:,} bytes in {seconds:.0f} s") from error


def _receive(url: str, timeout: float) -> bytes:
    import requests
    from urllib3.exceptions import ReadTimeoutError

    headers = {"Accept": "application/json", "User-Agent": "jugex"}
    try:
        with requests.get(url, headers=headers, timeout=timeout, stream=True, hooks=keeping_to(url)) as response:
            content = b"".join(receive(response, most=_MOST_BYTES, timeout=timeout))
    except requests.Timeout as error:
        raise _PassingError(f"gave no answer within {timeout:g} s") from error
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], ReadTimeoutError):  # silence in the middle of an answer
            raise _PassingError(f"gave no whole answer within {timeout:g} s") from error
        raise _PassingError("cannot be reached (check the network, and the proxy if there is one)") from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise _PassingError("broke off in the middle of an answer") from error
    except requests.RequestException as error:
        raise complain(f"cannot be asked ({error})", url) from error
    what = f"answered HTTP {response.status_code} ({response.reason})"
    if response.status_code >= 500 or response.status_code == 429:  # 429: too many requests
        raise _PassingError(what)
    if response.status_code != 200:
        raise complain(what, url)
    return content


def _read_answer(body: bytes, url: str) -> dict[str, Any]:
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise _PassingError("sent an empty answer")
    if "site unavailable" in text.lower() and not text.startswith("{"):
        raise _PassingError("is down for now: it sent a web page that says 'site unavailable'")
    if text.startswith("<"):
        raise _PassingError("sent a web page instead of data")
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise _PassingError(f"sent {len(body):,} bytes that are not complete JSON") from error
    if not isinstance(answer, dict) or "success" not in answer or "msg" not in answer:
        raise complain("answered JSON of an unexpected shape ('success' or 'msg' is missing)", url)
    if answer["success"] is not True:
        raise complain(f"refused the request, saying {_shorten(str(answer['msg']))!r}", url, ServiceRefusedError)
    return answer


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _default_cache() -> Path:
    from platformdirs import user_cache_path

    named = os.environ.get("JUGEX_CACHE", "").strip()
    return (Path(named).expanduser() if named else user_cache_path("jugex")) / "allen-api"


class _Cache:
    """Answers on disk, one file each: a line of JSON (the `ServiceResponse`), then the bytes as they came.

    A folder that cannot be read or written costs time, and is no error.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, url: str) -> tuple[ServiceResponse, bytes] | None:
        """ServiceResponse and bytes of an answer; None, and the file removed, where it is not what was written."""
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
        """Keep an answer: whole, or not at all."""
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
        """Forget an answer."""
        with suppress(OSError):
            self._file_of(url).unlink()

    def _file_of(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()}.response"
