"""Exceptions and warnings of jugex. All exceptions derive from `JugexError`, all warnings from `JugexWarning`.

A message says what was got, what is needed and what to do next, if possible in one sentence.
"""

from __future__ import annotations

import errno
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Self

__all__ = [
    "ArchiveError",
    "AtlasError",
    "AtlasNotFoundError",
    "AtlasWarning",
    "DesignError",
    "DesignWarning",
    "DownloadError",
    "GeneError",
    "GeneWarning",
    "JugexError",
    "JugexWarning",
    "OptionError",
    "OutputError",
    "OverlapWarning",
    "RegionError",
    "RegionFileError",
    "ResultError",
    "ScanError",
    "ServiceError",
    "StoreError",
    "how_to_install",
    "list_told",
    "remembering_warnings",
    "tell_problem",
    "warn_user",
    "without_warnings",
]


class JugexError(Exception):
    """Base of every error that jugex raises on purpose.

    Examples
    --------
    >>> import jugex
    >>> try:
    ...     jugex.compare("simulated:A", "simulated:C", atlas="simulated")
    ... except jugex.JugexError as error:
    ...     print(error)
    no simulated region 'C'; there are simulated:A and simulated:B
    """

    #: Why, without the names and numbers of the case, where many cases are counted by it; empty where they are not.
    reason: str = ""

    def because(self, reason: str) -> Self:
        """The same error with its reason."""
        self.reason = reason
        return self


class OptionError(JugexError, ValueError):
    """An argument has a value that is not among those allowed, or two arguments contradict each other."""


class ArgumentError(OptionError, TypeError):
    """A function was called with an argument that it does not have, or a module was called."""


class AtlasError(JugexError, ValueError):
    """The atlas holds data that cannot be used as they are."""


class AtlasNotFoundError(AtlasError, FileNotFoundError):
    """No atlas lies where one was looked for."""


class ArchiveError(AtlasError):
    """A donor archive is incomplete, damaged or contradicts itself."""


class StoreError(AtlasError, OSError):
    """A store cannot be built or opened, or its content is not what it should be."""


class DownloadError(AtlasError, OSError):
    """A donor archive cannot be downloaded, or differs from the one downloaded before."""


class ServiceError(AtlasError, OSError):
    """A web service cannot be reached, or its answer is not what it was asked for."""


class RegionError(JugexError, ValueError):
    """A region cannot be created, is empty, or is not in MNI space."""


class RegionFileError(RegionError, OSError):
    """A file that should hold a region is missing or unreadable."""


class GeneError(JugexError, KeyError):
    """None of the genes asked for is in the atlas."""

    def __str__(self) -> str:  # KeyError shows its argument's repr
        return str(self.args[0]) if self.args else ""


class DesignError(JugexError, ValueError):
    """The samples of the regions do not allow a test."""


class ScanError(JugexError, RuntimeError):
    """A scan cannot go on: its workers die, or there are none."""


class ResultError(JugexError, ValueError):
    """A folder holds no result, or the result cannot be used."""


class OutputError(JugexError, OSError):
    """A result cannot be written to the place that was named."""


class JugexWarning(UserWarning):
    """Base of every warning of jugex.

    Examples
    --------
    >>> import warnings
    >>> import jugex
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", jugex.JugexWarning)  # or one of its kinds, which are in jugex.errors
    ...     result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], rng=0)
    """


class AtlasWarning(JugexWarning):
    """Part of the atlas is left out, or its data were taken with reservations."""


class OverlapWarning(JugexWarning):
    """Samples lie in several regions, and how they were counted weakens the comparison."""


class GeneWarning(JugexWarning):
    """Some of the genes asked for are not in the atlas, or were found under another symbol."""


class DesignWarning(JugexWarning):
    """The samples allow a test, but a weak one."""


class ResultWarning(DesignWarning):
    """Something weakens a result; its `warnings` say what, with names and numbers.

    The text is the same for every result that has the weakness, so that a loop over many pairs shows each once.
    """


#: Why a file cannot be read, in words; for other errors the system's own message is shown.
_FILE_PROBLEMS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "you are not allowed to read it",
    errno.EPERM: "you are not allowed to read it",
    errno.ENAMETOOLONG: "its name is too long",
}


def tell_problem(problem: BaseException) -> str:
    """Say why a file cannot be read, in words that need no knowledge of Python.

    Parameters
    ----------
    problem : BaseException
        Raised by opening, unpacking or decoding the file.

    Returns
    -------
    str
        Half a sentence, such as "there is no such file".
    """
    if isinstance(problem, UnicodeError):
        return "it is not text in UTF-8"
    if isinstance(problem, OSError):
        return _FILE_PROBLEMS.get(problem.errno or 0) or problem.strerror or str(problem)
    return f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__


def how_to_install(extra: str) -> str:
    """Say how to install one of the package's extras, as the end of a sentence."""
    return f'run pip install ".[{extra}]" in a copy of jugex\'s repository'


#: Of what the user of this thread has been warned already; filters of the module warnings are the process's.
_SILENT: ContextVar[tuple[type[JugexWarning], ...]] = ContextVar("silent", default=())


@contextmanager
def without_warnings(kind: type[JugexWarning] = JugexWarning) -> Iterator[None]:
    """Let jugex give no warning of a kind in this thread: the user has been warned of the same."""
    token = _SILENT.set((*_SILENT.get(), kind))
    try:
        yield
    finally:
        _SILENT.reset(token)


#: What the user of this thread has been told in the call that runs; None where nobody listens.
_TOLD: ContextVar[list[str] | None] = ContextVar("told", default=None)


@contextmanager
def remembering_warnings() -> Iterator[None]:
    """Remember what jugex warns of in a call, for its record; a call within a call adds to the same list."""
    token = _TOLD.set([] if (told := _TOLD.get()) is None else told)
    try:
        yield
    finally:
        _TOLD.reset(token)


def list_told() -> tuple[str, ...]:
    """What the call that runs has warned of so far, whatever Python's filters make of it."""
    return tuple(dict.fromkeys(_TOLD.get() or ()))


def warn_user(message: str, category: type[JugexWarning], *, once: bool = False) -> None:
    """Warn at the line outside jugex that made the call, however deep inside jugex the reason was found.

    Parameters
    ----------
    message : str
    category : type
    once : bool
        Show the same text once for that line, as Python's own filter does, even where filters were changed between:
        jugex does so itself, and Python then forgets what it has shown. Filters that ask for more are obeyed.
    """
    if issubclass(category, _SILENT.get()):
        return
    if (told := _TOLD.get()) is not None and not issubclass(category, ResultWarning):
        told.append(message)
    depth, frame = 2, sys._getframe(1)  # stacklevel 1 is this function itself
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "jugex":
        depth, frame = depth + 1, frame.f_back
    if once and _find_action(message, category, frame) == "default" and _is_told(message, frame):
        return
    warnings.warn(message, category, stacklevel=depth)
    if once:
        _remember(message, frame)


#: By module, what was told at which of its lines, and the registry of warnings that Python kept of it then.
_told: dict[str, tuple[object, set[tuple[int, str]]]] = {}


def _find_action(message: str, category: type[JugexWarning], frame: FrameType) -> str:
    """What Python's filters say is to be done with a warning."""
    module = str(frame.f_globals.get("__name__", "<string>"))
    for action, text, kind, of_module, line in warnings.filters:
        if not issubclass(category, kind) or line not in (0, frame.f_lineno):
            continue
        if _fits(text, message) and _fits(of_module, module):
            return action
    return "default"


def _fits(pattern: re.Pattern[str] | str | None, text: str) -> bool:
    """Whether a text is meant by a filter; the interpreter's first filters hold plain names."""
    return pattern is None or (pattern == text if isinstance(pattern, str) else pattern.match(text) is not None)


def _is_told(message: str, frame: FrameType) -> bool:
    """Whether a text was shown for this line; a notebook makes a new registry for each cell that runs."""
    registry, told = _told.get(frame.f_code.co_filename, (None, set()))
    return registry is frame.f_globals.get("__warningregistry__") and (frame.f_lineno, message) in told


def _remember(message: str, frame: FrameType) -> None:
    name, registry = frame.f_code.co_filename, frame.f_globals.get("__warningregistry__")
    if name not in _told or _told[name][0] is not registry:
        _told[name] = (registry, set())
    _told[name][1].add((frame.f_lineno, message))
