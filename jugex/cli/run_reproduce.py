"""``jugex reproduce``: a published analysis again."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.arguments import add_jobs, add_output, add_run
from jugex.cli.parser import Parser
from jugex.cli.summary import save_and_summarize
from jugex.report.files import check_output
from jugex.reproduction import reproduce_bludau2018

__all__ = ["add_arguments"]

_EPILOG = """
examples:

  jugex reproduce bludau2018 --fp1 Fp1_left.nii.gz --fp2 Fp2_left.nii.gz
"""


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Repeat a published analysis and compare with its numbers. bludau2018: left Fp1 against left Fp2, "
        "25 candidate genes (Bludau et al. 2018, doi 10.1007/s00429-018-1620-6). Needs the donor archives of the Allen "
        "Institute and probability maps of the two areas."
    )
    command.epilog = _EPILOG
    command.set_defaults(run=_run_reproduce, warns_last=True)
    command.add_argument("study", choices=["bludau2018"], help="which analysis")
    command.add_argument(
        "--atlas",
        metavar="PATH",
        help="folder of a store or of the donor archives (default: $JUGEX_DATA, else the user's data folder)",
    )
    for area in ("Fp1", "Fp2"):
        command.add_argument(f"--{area.lower()}", metavar="FILE", help=f"probability map of left {area}, or any REGION")
    add_run(command)
    add_jobs(command)
    add_output(command, default=Path("bludau2018"))


def _run_reproduce(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    again = reproduce_bludau2018(
        options.fp1,
        options.fp2,
        atlas=options.atlas,
        n_permutations=options.permutations,
        rng=options.seed,
        n_jobs=options.jobs,
    )
    save_and_summarize(again.result, options)
    print(f"Written: {again.save_comparison(options.out)}")
    print("\n" + "\n".join(again.statement))
