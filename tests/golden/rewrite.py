"""Write the golden tables anew: ``python -m tests.golden.rewrite``; each change needs a line in CHANGELOG.md."""

from __future__ import annotations

from tests.golden.runs import GROUPS, PAIRS, TABLES, compute, write_table


def main() -> None:
    """Write every table, and remove those of runs that are gone."""
    tables = {file: table for name in (*PAIRS, *GROUPS) for file, table in compute(name).items()}
    TABLES.mkdir(exist_ok=True)
    for path in TABLES.glob("*.tsv"):
        if path.stem not in tables:
            path.unlink()
    for file, table in tables.items():
        write_table(table, TABLES / f"{file}.tsv")


if __name__ == "__main__":
    main()
