"""The program: from its arguments to its exit status."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from jugex._text import shorten
from jugex._version import __version__
from jugex.cli.parser import Parser, advise_on_rest, join_lists
from jugex.errors import JugexError, JugexWarning, OptionError, ResultWarning
from jugex.progress import say, shown

__all__ = ["COMMANDS", "main", "make_parser"]

#: Commands and their purpose. The module `run_NAME` of a command is imported only if the command is used.
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
        Exit status: 0 on success, 1 if the input or the data make the job impossible, 130 if interrupted. Arguments
        that the parser refuses end the process with 2.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    received: list[int] = []
    try:
        _print_any_text()
        options = _parse(join_lists(arguments))
        options.command_line = shlex.join(["jugex", *arguments])
        options.shown_warnings = set()
        run: Callable[[argparse.Namespace], None] = options.run
        _check_text(arguments)
        with (
            _ending_on_signals(received),
            shown(not getattr(options, "quiet", False)),
            _warnings_on_stderr(options),
        ):
            run(options)
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output, such as head, has closed it
        _give_up_output()
        return 1
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        known = isinstance(error, JugexError | OSError | MemoryError)
        print(f"jugex: error: {_describe(error) if known else _describe_bug(error)}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # its disk is full
            _give_up_output()
        return 1
    except KeyboardInterrupt as interruption:
        what = "ended by a signal" if received else "interrupted"
        print(f"jugex: {what}; {str(interruption) or 'nothing was written'}", file=sys.stderr)
        return 128 + received[0] if received else 130
    return 0


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__


def _describe_bug(error: Exception) -> str:
    """Message about an unexpected error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return (
        f"this is a bug of jugex {__version__}: {type(error).__name__} in {place} ({shorten(_describe(error), 200)}); "
        "please report it where jugex is developed (CONTRIBUTING.md says what helps), with the command and what it "
        "prints with --debug"
    )


def _give_up_output() -> None:
    """Discard all further output, else the interpreter reports an error at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _ending_on_signals(received: list[int]) -> Iterator[None]:
    """Turn signals that end the program into an interruption, so that incomplete files are removed first."""

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()  # only the main thread can handle signals
    names = [name for name in ("SIGTERM", "SIGHUP") if is_main and hasattr(signal, name)]
    kept = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    taken = {
        number: handler for number, handler in kept.items() if handler == signal.SIG_DFL
    }  # not those that are ignored, as by nohup
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


@contextmanager
def _warnings_on_stderr(options: argparse.Namespace) -> Iterator[None]:
    """Show each warning of jugex as one line, without the line of code, and remember it.

    If a command prints a result (`warns_last`), warnings are shown below it, each once.
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
        warnings.simplefilter("ignore", ResultWarning)  # they are printed with the result
        warnings.showwarning = show
        try:
            yield
        finally:
            if waiting:
                sys.stdout.flush()  # the result first
            for line in waiting:
                say(line)


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not valid text, because tables and reports could not contain them."""
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
    """Replace characters that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; those that the parser does not recognise are refused, unless the command takes them."""
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
    """Make the parser of the program, with the arguments of the commands among the words `asked`."""
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
        command.add_argument("--debug", action="store_true", help="where an error ends the command, show its traceback")
    return parser
