"""Write what of the reference the program itself holds: its commands, the columns of its tables, settings.json's form.

    python docs/make_reference.py

They are kept with the sources, so that they can be read there; a test fails where they are not current.
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from jugex.cli.main import _make_parser
from jugex.model.columns import (
    LEFT_OUT_COLUMNS,
    PROBE_COLUMNS,
    RESULT_COLUMNS,
    SAMPLE_COLUMNS,
    TAIL_COLUMNS,
    describe_columns,
)
from jugex.model.record import json_schema

FOLDER = Path(__file__).resolve().parent / "reference"
_DO_NOT_EDIT = "<!-- written by docs/make_reference.py: edit the program's own words instead -->"


def write_commands() -> str:
    """Page of all commands, from the program's argument parser."""
    parser = _make_parser()
    lines = [
        _DO_NOT_EDIT,
        "",
        "# Commands",
        "",
        f"{parser.description} `jugex COMMAND --help` shows the same in a terminal, `jugex --version` the version.",
        "",
        "Results go to files and a short summary to standard output; progress and warnings go to standard error. The",
        "exit status is 0 on success, 1 where the input or the data make the job impossible (one sentence says why), 2",
        "where the arguments are refused, and 130 where it was interrupted.",
    ]
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    summaries = {choice.dest: choice.help for choice in commands._choices_actions}
    for name, command in commands.choices.items():
        lines += ["", f"## jugex {name}", "", *_describe_command(name, command, summaries[name] or "")]
    return "\n".join(lines) + "\n"


def _describe_command(name: str, command: argparse.ArgumentParser, summary: str) -> Iterator[str]:
    actions = [action for action in command._actions if action.dest != "help"]
    positionals = [action for action in actions if not action.option_strings]
    required = [action for action in actions if action.option_strings and action.required]
    words = [_show_positional(action) for action in positionals] + [_show_option(action) for action in required]
    yield _to_sentence(command.description or summary)
    yield ""
    yield "```text"
    yield " ".join(["jugex", name, *words, *(["[options]"] if len(actions) > len(words) else [])])
    yield "```"
    for action in actions:
        shown = _show_option(action) if action.option_strings else _show_positional(action)
        yield ""
        yield f"`{shown}`"
        yield f": {_to_sentence(_fill_help(action, command))}"
    yield from _describe_epilog(command.epilog or "")


def _describe_epilog(epilog: str) -> Iterator[str]:
    """End of a command's help: its indented blocks, such as examples, as they are, and sentences between them."""
    for block in re.split(r"\n{2,}", epilog.strip("\n")):
        yield ""
        if block.startswith(" "):
            yield "```text"
            yield textwrap.dedent(block)
            yield "```"
        elif block:
            text = block.replace("*", r"\*").replace("#", r"\#")
            yield text[:1].upper() + text[1:]


def _show_positional(action: argparse.Action) -> str:
    name = str(action.metavar or (action.choices and "|".join(action.choices)) or action.dest)
    return {"?": f"[{name}]", "*": f"[{name} ...]"}.get(str(action.nargs), name)


def _show_option(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    if isinstance(action.metavar, tuple):
        return " ".join([*action.option_strings, *action.metavar])
    value = action.metavar or (action.choices and "|".join(map(str, action.choices))) or action.dest.upper()
    times = action.nargs if isinstance(action.nargs, int) else 1
    return ", ".join(action.option_strings) + f" {value}" * times


def _fill_help(action: argparse.Action, command: argparse.ArgumentParser) -> str:
    """Help of an argument with its default."""
    known = vars(action) | {"prog": command.prog}
    text = " ".join((action.help or "").split()) % known
    return f"{action.dest} {text}" if text.startswith("(") else text or "see below"


def _to_sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ")")) else ".")


def write_columns() -> str:
    """Page of the columns of the tables that results are written to, in the words of the JSON files beside them."""
    left_out = [*LEFT_OUT_COLUMNS[:1], *PROBE_COLUMNS, *LEFT_OUT_COLUMNS[1:]]
    lines = [
        _DO_NOT_EDIT,
        "",
        "# Columns of the tables",
        "",
        "What stands in `results.tsv` (`result.table` in Python), `left_out.tsv` (`result.leave_one_donor_out`) and",
        "`samples.tsv` (`result.samples`). The same words and units go with each result, as `results.json`,",
        "`left_out.json` and `samples.json`. Differences are region 1 minus region 2. Files are UTF-8 with tabs,",
        "numbers have ten digits, truth is `TRUE` or `FALSE`; why a column is empty stands in `settings.json` under",
        "`empty`, and the form of that file in [its schema](settings.schema.json).",
        "",
        "## results.tsv",
        "",
        'One row per gene (with `probes="single"`, one per probe), sorted by `evidence`, `p_fwe`, and falling `f`.',
        "",
        *_tabulate([*RESULT_COLUMNS[:1], *PROBE_COLUMNS, *RESULT_COLUMNS[1:], *TAIL_COLUMNS], "results"),
        "",
        "## left_out.tsv",
        "",
        "One row per significant gene and donor: what is left of the gene without the donor.",
        "",
        *_tabulate(left_out, "left_out"),
        "",
        "## samples.tsv",
        "",
        "One row per sample used. One column of z-scores per gene follows, for at most 200 genes; else they stand in",
        "`zscores.parquet`.",
        "",
        *_tabulate(SAMPLE_COLUMNS, "samples"),
    ]
    return "\n".join(lines) + "\n"


def _tabulate(columns: Sequence[str], kind: str) -> Iterator[str]:
    yield "| column | meaning | unit |"
    yield "|---|---|---|"
    for name, entry in describe_columns(columns, adjusted_for="donor (and covariates)", kind=kind).items():
        levels = "; ".join(f"`{level}`: {meaning}" for level, meaning in entry.get("Levels", {}).items())
        yield f"| `{name}` | {entry['Description']}{f' {levels}.' if levels else ''} | {entry.get('Units', '')} |"


def write_schema() -> str:
    """JSON Schema of settings.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    (FOLDER / "commands.md").write_text(write_commands(), encoding="utf-8")
    (FOLDER / "columns.md").write_text(write_columns(), encoding="utf-8")
    (FOLDER / "settings.schema.json").write_text(write_schema(), encoding="utf-8")
