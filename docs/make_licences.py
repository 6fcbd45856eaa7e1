"""Write docs/licences.md: the packages that jugex needs, and their licences as the installed ones state them.

python docs/make_licences.py
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "licences.md"


def tell_licence(package: str) -> str:
    """Licence of an installed package, by the newest of the ways in which packages state it."""
    stated = metadata.metadata(package)
    stated_as = [text for text in stated.get_all("Classifier") or [] if text.startswith("License")]
    classifiers = [text.split(" :: ")[-1] for text in stated_as]
    return stated.get("License-Expression") or "; ".join(classifiers) or (stated.get("License") or "not stated")[:60]


def main() -> None:
    """Write the page."""
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = sorted(Requirement(text).name for text in pyproject["project"]["dependencies"])
    rows = [f"| {name} | {tell_licence(name)} |" for name in needed]
    text = [
        "<!-- written by docs/make_licences.py -->",
        "",
        "# Licences",
        "",
        "jugex itself is under Apache-2.0. A report page holds plotly.js (MIT) with its notice. The packages that",
        "jugex needs, and the licences that they state:",
        "",
        "| package | licence |",
        "|---|---|",
        *rows,
    ]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
