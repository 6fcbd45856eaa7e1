"""The program: from its arguments to its exit status."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from jugex._version import __version__
from jugex.cli.parser import Parser, advise_on_rest, join_lists
from jugex.errors import JugexError, JugexWarning, OptionError, ResultWarning
from jugex.progress import say, shown

__all__ = ["COMMANDS", "main", "make_parser"]

#: Commands and what they are for. The module `run_NAME` of each is imported where it is the one that was asked for.
COMMANDS = {
    "compare": "compare two or more regions, gene by gene",
    "query": "expression of genes in a region, as a table",
    "table": "expression of genes in every region of a parcellation: regions x genes",
    "demo": "compare two regions of the simulated atlas",
    "rerun": "make a run again, from its own record",
    "diff": "set two results side by side",
    "scan": "compare every pair of regions of a parcellation",
    "markers": "compare each region of a parcellation with a comparable rest",
    "sensitivity": "compare two regions under other defensible choices too",
    "report": "write the report of a saved result again",
    "fetch": "download the donor archives, verify them and build the store",
    "build": "build a store, which opens at once, from donor archives on disk",
    "check": "show which atlas is found, what is installed and what is missing",
    "genes": "look genes up in the atlas, by part of a symbol, by Entrez id or by probe",
    "regions": "list and search named regions",
    "reproduce": "repeat a published analysis and compare with its numbers",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; default: those of the process.

    Returns
    -------
    int
        Exit status: 0 on success, 1 where the input or the data make the job impossible, 130 interrupted. What the
        argument parser refuses ends the process with 2.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        _print_any_text()
        options = _parse(join_lists(arguments))
        options.command_line = shlex.join(["jugex", *arguments])
        options.shown_warnings = set()
        run: Callable[[argparse.Namespace], None] = options.run
        _check_text(arguments)
        with shown(not getattr(options, "quiet", False)), _warnings_on_stderr(options):
            run(options)
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at its end
        return 1
    except (JugexError, OSError, MemoryError) as error:
        print(f"jugex: error: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        print(f"jugex: interrupted; {str(interruption) or 'nothing was written'}", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _warnings_on_stderr(options: argparse.Namespace) -> Iterator[None]:
    """Show the warnings of jugex as one line each, without the line of code, and remember them.

    Where a command prints a result (`warns_last`), warnings stand below it, each once.
    """
    waiting: list[str] = []
    warns_last = getattr(options, "warns_last", False)

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        label = "warning" if issubclass(category, JugexWarning) else f"warning ({category.__name__})"
        line = f"jugex: {label}: {message}"
        options.shown_warnings.add(str(message))
        if not warns_last:
            say(line)
        elif line not in waiting:
            waiting.append(line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", JugexWarning)
        warnings.simplefilter("ignore", ResultWarning)  # their facts are printed with the result
        warnings.showwarning = show
        try:
            yield
        finally:
            sys.stdout.flush()
            for line in waiting:
                say(line)


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse what is no text: it could not be written into a table or a report."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            shown_text = argument.encode(errors="replace").decode()
            raise OptionError(
                f"the argument {shown_text!r} is not valid text in this terminal's encoding; rename the file, or set "
                "the environment variable LC_ALL to C.UTF-8"
            ) from error


def _print_any_text() -> None:
    """Let no character be an error where the terminal's encoding lacks it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Options of the command; one may take what the parser cannot place (`take_rest`), else it is refused."""
    parser = make_parser(arguments)
    if not arguments:
        parser.print_help(sys.stderr)
        parser.exit(2)
    options: argparse.Namespace
    options, rest = parser.parse_known_args(arguments)
    if rest and not getattr(options, "take_rest", lambda *_: False)(options, rest):
        options.parser.error(advise_on_rest(options.parser, rest, arguments))
    return options


def make_parser(asked: Collection[str]) -> Parser:
    """The parser of the program, with the arguments of the commands among the words `asked`."""
    parser = Parser(
        prog="jugex",
        usage="jugex COMMAND [arguments]",
        description="Differential gene expression between two brain regions (JuGEx, Bludau et al. 2018).",
        epilog="""
examples:

  jugex demo                          a first result, on simulated data
  jugex compare --help                all about the main command
  jugex check                         what is installed, and which atlas is found

Exit status: 0 on success, 1 where the input or the data make the job impossible, 2 where the arguments are refused, \
130 where it was interrupted.
""",
    )
    parser.add_argument("--version", action="version", version=f"jugex {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="jugex")
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        command.set_defaults(parser=command)
        if name in asked:
            import_module(f"jugex.cli.run_{name}").add_arguments(command)
    return parser
