"""The argument parser: short usage, and errors that say what to type instead."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from jugex._text import join_words

__all__ = ["Parser", "advise_on_rest", "join_lists", "number", "whole_number"]


#: Options whose values are lists, separated by commas.
_LISTS = (
    "--genes", "--donors", "--covariate", "--within", "--exclude", "--gene-sets", "--thresholds", "--try-probes",
)  # fmt: skip


class _HelpFormatter(argparse.HelpFormatter):
    """Help with its paragraphs wrapped; lines that begin with blanks, such as examples, stay as they are."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"max_help_position": 26, **options})
        self._action_max_length = 14  # else the longest command's help begins on the next line

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks = re.split(r"\n{2,}", text.strip("\n"))
        return "\n\n".join(
            "\n".join(
                indent + line if line.startswith(" ") else textwrap.fill(line, width, initial_indent=indent)
                for line in block.split("\n")
            )
            for block in blocks
        )


class Parser(argparse.ArgumentParser):
    """Parser that keeps examples in its help as they are, and whose errors suggest what may have been meant."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _HelpFormatter)
        super().__init__(*args, **options)
        self._given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and keep the arguments for error messages."""
        self._given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def format_usage(self) -> str:
        """Usage on one line, with required arguments only, because all options would fill a page."""
        self.usage = self.usage or self._shorten_usage()
        return super().format_usage()

    def format_help(self) -> str:
        """Help, with the same usage."""
        self.usage = self.usage or self._shorten_usage()
        return super().format_help()

    def _shorten_usage(self) -> str:
        words = []
        for action in self._actions:
            if not action.option_strings:
                name = str(action.metavar or "|".join(map(str, action.choices or [])) or action.dest)
                words.append({"?": f"[{name}]", "*": f"[{name} ...]"}.get(str(action.nargs), name))
        needed = [action for action in self._actions if action.option_strings and action.required]
        words += [f"{action.option_strings[-1]} {action.metavar}" for action in needed]
        return " ".join(["%(prog)s", *words, "[options]"])

    def error(self, message: str) -> NoReturn:
        """End with status 2, the usage, and a sentence."""
        if "required:" in message:
            message += self.suggest_options(self._given)
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: error: {message}\nSee {self.prog} --help\n")

    def suggest_options(self, given: Sequence[str]) -> str:
        """Name the unknown options and suggest the nearest ones; empty if all options are known."""
        known = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
        unknown = [word.split("=")[0] for word in given if word.startswith("--") and len(word) > 2]
        text = ""
        for option in unknown:
            if any(name.startswith(option) for name in known):  # options may be abbreviated
                continue
            nearest = difflib.get_close_matches(option, known, n=2, cutoff=0.7)
            text += f"; there is no {option}" + (f"; did you mean {join_words(nearest, 'or')}?" if nearest else "")
        return text

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = [] if action.choices is None else list(map(str, action.choices))
        if action.choices is None or value in choices:
            return
        nearest = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.6)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise argparse.ArgumentError(action, f"{value!r} is not one of {', '.join(choices)}{hint}")


def advise_on_rest(parser: Parser, rest: Sequence[str], arguments: Sequence[str]) -> str:
    """Name the arguments that the parser does not recognize, and suggest what was meant.

    Parameters
    ----------
    parser : Parser
        Parser of the command.
    rest : sequence of str
        Arguments that the parser left over.
    arguments : sequence of str
        The whole command line.

    Returns
    -------
    str
        A sentence.
    """
    if any(word.startswith("--") for word in rest):
        return f"unrecognized arguments: {' '.join(rest)}{parser.suggest_options(rest)}"
    before = list(arguments[: arguments.index(rest[0])]) if rest[0] in arguments else []
    options = [position for position, word in enumerate(before) if word.startswith("--")]
    option = before[options[-1]] if options else ""
    values = [*before[options[-1] + 1 :], *rest] if options else []
    hint = ""
    if option == "--names":
        hint = '; give one name to each region, and put names with blanks in quotes: --names "Fp1 left" "Fp2 left"'
    elif option in {"--genes", "--donors", "--covariate", "--within", "--exclude"}:
        hint = (
            f"; separate several by commas, without blanks: {option} {','.join(value.strip(',') for value in values)}"
        )
    return f"unrecognized arguments: {' '.join(rest)}{hint}"


def join_lists(arguments: Sequence[str]) -> list[str]:
    """Join values of a list that a comma connects: ``--genes MAOA, TAC1`` is ``--genes MAOA,TAC1``."""
    joined: list[str] = []
    in_list = False
    for word in arguments:
        if in_list and not word.startswith("-") and (joined[-1].endswith(",") or word.startswith(",")):
            joined[-1] += word
            continue
        option, equals, _ = word.partition("=")
        in_list = (bool(joined) and joined[-1] in _LISTS) or (bool(equals) and option in _LISTS)
        joined.append(word)
    return joined


def whole_number(low: int, *, or_every: bool = False) -> Callable[[str], int]:
    """Type of an option: a whole number of at least `low`; with `or_every` also -1, for all."""

    def read(text: str) -> int:
        needed = f"give a whole number of at least {low}" + (", or -1 for one per core" if or_every else "")
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number; {needed}") from None
        if value < low and not (or_every and value == -1):
            raise argparse.ArgumentTypeError(f"{value} is out of range; {needed}")
        return value

    return read


def number(low: float, high: float, *, needed: str) -> Callable[[str], float]:
    """Type of an option: a number from `low` to `high`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number; give {needed}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is out of range; give {needed}")
        return value

    return read
