"""Exceptions and warnings of jugex: one tree each, so that ``except JugexError`` catches every one of them.

Messages say what was got, what is needed and what to do next, in one sentence where that is possible.
"""

from __future__ import annotations

import errno
import sys
import warnings

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
    "ServiceError",
    "StoreError",
    "how_to_install",
    "tell_problem",
    "warn_user",
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


class OptionError(JugexError, ValueError):
    """An argument has a value that is not among those allowed, or two arguments contradict each other."""


class AtlasError(JugexError, ValueError):
    """The atlas holds data that cannot be used as they are."""


class AtlasNotFoundError(AtlasError, FileNotFoundError):
    """No atlas lies where one was looked for."""


class ArchiveError(AtlasError):
    """A donor archive is incomplete, damaged or contradicts itself."""


class StoreError(AtlasError, OSError):
    """A store cannot be built, opened or trusted."""


class DownloadError(AtlasError, OSError):
    """A donor archive cannot be downloaded, or is not what was downloaded before."""


class ServiceError(AtlasError, OSError):
    """A web service cannot be reached, or answers with something else than what it was asked for."""


class RegionError(JugexError, ValueError):
    """A region cannot be made, is empty, or is not in MNI space."""


class RegionFileError(RegionError, OSError):
    """A file that should hold a region is missing or unreadable."""


class GeneError(JugexError, KeyError):
    """None of the genes asked for is in the atlas."""

    def __str__(self) -> str:  # KeyError shows its argument's repr
        return str(self.args[0]) if self.args else ""


class DesignError(JugexError, ValueError):
    """The samples of the two regions admit no test."""


class ResultError(JugexError, ValueError):
    """A folder holds no result, or one that cannot be read."""


class OutputError(JugexError, OSError):
    """A result cannot be written where it was asked to be."""


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
    """Part of the atlas is left out."""


class OverlapWarning(JugexWarning):
    """Samples lie in both regions, and what was done with them weakens the comparison."""


class GeneWarning(JugexWarning):
    """Some of the genes asked for are not in the atlas, or have another symbol there."""


class DesignWarning(JugexWarning):
    """The samples admit a test, but a weak one."""


#: What goes wrong with a file that a user names, in words; else the system's own words are shown.
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
        What opening, unpacking or decoding it raised.

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
    """Say what to type for one of the package's extras, as the end of a sentence."""
    return f'run pip install ".[{extra}]" in a copy of jugex\'s repository'


def warn_user(message: str, category: type[JugexWarning]) -> None:
    """Warn at the line outside jugex that made the call, however deep inside jugex the reason was found."""
    depth, frame = 2, sys._getframe(1)  # stacklevel 1 is this function itself
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "jugex":
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, category, stacklevel=depth)
