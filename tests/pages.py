"""Blocks of code in Markdown pages: which there are, and what it takes to run them."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

NOT_RUN = "not run: "

#: Languages whose blocks are run, and those of blocks that show what a program wrote or a file holds.
RUN = ("python", "pycon", "sh", "console", "r")
SHOWN = ("", "text", "bibtex", "json")

_FENCE = re.compile(r"^(?P<marks>`{3,}|:{3,})(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=marks)[ ]*$", re.MULTILINE | re.DOTALL)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class _Checker(doctest.OutputChecker):
    """Takes NumPy's numbers for what they are: version 2 shows ``np.float64(1.5)`` where version 1 showed ``1.5``."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        plain = (re.sub(r"\bnp\.\w+?(?:_|\(([^()]*)\))", self._show_plain, text) for text in (want, got))
        return super().check_output(*plain, optionflags)

    @staticmethod
    def _show_plain(found: re.Match[str]) -> str:
        return found[0].removeprefix("np.").removesuffix("_") if found[1] is None else found[1]


class Block(NamedTuple):
    """A fenced block of code."""

    language: str
    code: str
    line: int

    @property
    def is_run(self) -> bool:
        return not self.opening.lstrip("#%/ ").startswith(NOT_RUN)

    @property
    def opening(self) -> str:
        return next(iter(self.code.splitlines()), "").strip()

    @property
    def reason(self) -> str:
        return self.opening.lstrip("#%/ ").removeprefix(NOT_RUN).strip()


def read_blocks(text: str) -> list[Block]:
    """Blocks of code of a page; directives are none (but for ``{code-block} LANGUAGE``), and hold others."""
    blocks: list[Block] = []
    for found in _FENCE.finditer(text):
        info, line = found["info"].strip(), text[: found.start()].count("\n") + 1
        if info.startswith("{") and not info.startswith("{code-block}"):
            blocks += [block._replace(line=block.line + line) for block in read_blocks(found["code"])]
        else:
            blocks.append(Block(info.removeprefix("{code-block}").strip().split(" ")[0], found["code"], line))
    return blocks


def run_block(block: Block, names: dict[str, object], run_jugex: Callable[[list[str]], str], page: str) -> None:
    """Run a block of a page with the names that those before it left."""
    if block.language == "python":
        exec(compile("\n" * block.line + block.code, page, "exec"), names)
    elif block.language == "pycon":
        _check_session(block, names, page)
    elif block.language == "r":
        _run_r(block, page)
    else:
        for words, expected in read_commands(block):
            _compare(expected, run_jugex(words), f"{page}, line {block.line}: {shlex.join(words)}")


def read_commands(block: Block) -> list[tuple[list[str], str]]:
    """Commands of a shell block with the output shown below each; in ``sh`` blocks none is shown."""
    lines = block.code.replace("\\\n", " ").splitlines()
    if block.language == "sh":
        return [(words, "") for line in lines if (words := shlex.split(line, comments=True))]
    commands: list[tuple[list[str], str]] = []
    for line in lines:
        if line.startswith("$ "):
            commands.append((shlex.split(line[2:], comments=True), ""))
        else:
            words, expected = commands[-1]
            commands[-1] = (words, f"{expected}{line}\n")
    return commands


def _run_r(block: Block, page: str) -> None:
    """Run a block in R, where R is installed; the rest of the page counts as skipped where it is not."""
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip(f"{page}, line {block.line}: R is not installed")
    Path("block.R").write_text(block.code, encoding="utf-8")
    run = subprocess.run([program, "--vanilla", "block.R"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{page}, line {block.line}: {run.stderr}"


def _check_session(block: Block, names: dict[str, object], page: str) -> None:
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(block.code, names, page, page, block.line)
    runner = doctest.DocTestRunner(_Checker(), optionflags=_FLAGS)
    runner.run(test, out=told.append, clear_globs=False)
    names.update(test.globs)
    assert not runner.failures, "".join(told)


def _compare(expected: str, got: str, where: str) -> None:
    if expected.strip():
        assert _Checker().check_output(expected, got, _FLAGS), f"{where} printed\n{got}\nnot\n{expected}"
