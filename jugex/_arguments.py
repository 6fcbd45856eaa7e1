"""Arguments of public functions: what a wrong keyword is answered with, and what a module that is called says."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import wraps
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn, ParamSpec, TypeVar

from jugex.errors import ArgumentError

__all__ = ["PYTHON_NAMES", "explains_keywords", "explains_packed", "refuse_calls"]

#: What Python calls the options of the command line that have another name there.
PYTHON_NAMES: Mapping[str, str] = MappingProxyType(
    {"permutations": "n_permutations", "seed": "rng", "jobs": "n_jobs", "covariate": "covariates", "out": "directory"}
)

P = ParamSpec("P")
R = TypeVar("R")


def explains_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function answer a keyword that it does not have with the one that was meant, in one line.

    The names of the command line are among those that are meant: ``permutations`` is ``n_permutations`` in Python.
    """
    return explains_packed()(function)


def explains_packed(**packed: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Do so for a function with dataclasses of options among its arguments: their fields may be meant as well.

    Parameters
    ----------
    **packed : type
        By the name of such an argument, its dataclass.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        return _check_keywords(function, packed)

    return decorate


def _check_keywords(function: Callable[P, R], packed: Mapping[str, type]) -> Callable[P, R]:
    parameters = inspect.signature(function).parameters
    known = [name for name, parameter in parameters.items() if parameter.kind is not parameter.POSITIONAL_ONLY]

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in parameters:
                raise ArgumentError(_explain(function.__name__, name, known, packed))
        return function(*args, **kwargs)

    return checked


def _explain(function: str, name: str, known: list[str], packed: Mapping[str, type]) -> str:
    """One sentence on an argument that there is not."""
    plain = name.replace("no_", "", 1)
    if PYTHON_NAMES.get(name) in known:
        return f"{function} has no argument {name!r}: in Python it is {PYTHON_NAMES[name]}"
    if name == "gene_list" and "genes" in known:
        return f"{function} has no argument 'gene_list': read the file with genes=jugex.read_gene_list(file)"
    if name.startswith("no_") and plain in known:
        return f"{function} has no argument {name!r}: in Python it is {plain}=False"
    for argument, options in packed.items():
        if (field := PYTHON_NAMES.get(name, name)) in {one.name for one in fields(options)}:
            there = f"{argument}=jugex.{options.__name__}({field}=...)"
            return f"{function} has no argument {name!r}: it is one of the options in {there}"
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(known)}"
    return f"{function} has no argument {name!r}; {hint}"


def refuse_calls(module: str, advice: str) -> None:
    """Let a module answer a call, made by mistake, with what to call instead."""

    class Uncallable(ModuleType):
        def __call__(self, *_: Any, **__: Any) -> NoReturn:
            raise ArgumentError(f"{module} is a module; {advice}")

    sys.modules[module].__class__ = Uncallable
