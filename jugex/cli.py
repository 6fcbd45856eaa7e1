"""The command line: translation of arguments, nothing else."""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from jugex import __version__
from jugex.analysis import DifferentialExpression
from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.design import Exchange
from jugex.analysis.engine import Statistic
from jugex.errors import JugexError, JugexWarning
from jugex.genes import read_gene_list
from jugex.progress import shown
from jugex.query import Overlap, expressions
from jugex.regions import parse_region
from jugex.report.files import check_output, save_result, write_table
from jugex.workflow import DEFAULTS, PRESETS, compare

__all__ = ["main"]

_REGION_HELP = (
    "map.nii.gz (probability map or mask), map.nii.gz%% (integer image in percent), labels.nii.gz#17 (a label), "
    "sphere:x,y,z,r (mm), simulated:A or simulated:B; several joined with + are one region, and @0.4 at the end "
    "sets its threshold"
)
_N_SHOWN = 10


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
    options = _make_parser().parse_args(arguments)
    options.command_line = shlex.join(["jugex", *arguments])
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        with shown(not options.quiet), _warnings_on_stderr():
            run(options)
    except (JugexError, OSError, MemoryError) as error:
        print(f"jugex: error: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("jugex: interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


def _run_compare(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    result = compare(
        options.region_1,
        options.region_2,
        preset=options.preset,
        names=options.names,
        atlas=options.atlas,
        genes=read_gene_list(options.gene_list) if options.gene_list else options.genes,
        donors=options.donors,
        threshold=options.threshold,
        overlap=options.overlap,
        statistic=options.statistic,
        exchange=options.exchange,
        probes=options.probes,
        n_permutations=options.permutations,
        rng=options.seed,
        alpha=options.alpha,
        n_jobs=options.jobs,
    )
    _save_and_summarize(result, options)


def _run_demo(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    result = compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_jobs=-1)
    _save_and_summarize(result, options)


def _run_query(options: argparse.Namespace) -> None:
    region = parse_region(options.region, threshold=options.threshold)
    table = expressions(region, options.genes, atlas=options.atlas, donors=options.donors)
    write_table(table, options.out)
    n_samples, n_donors = table["well_id"].nunique(), table["donor_name"].nunique()
    note = " (simulated data)" if table.attrs["simulated"] else ""
    print(f"{region.name}: {n_samples} samples of {n_donors} donors, {len(table):,} rows in {options.out}{note}")


def _save_and_summarize(result: DifferentialExpression, options: argparse.Namespace) -> None:
    result = replace(result, settings=result.settings | {"command": options.command_line})
    save_result(result, options.out, overwrite=options.overwrite)
    print(_summarize(result))
    print(f"Written: {options.out} (open {Path(options.out) / 'report.html'})")


def _summarize(result: DifferentialExpression) -> str:
    """Short account of a result: samples, genes, and the first rows of the table."""
    design, settings = result.settings["design"], result.settings
    names = result.region_names
    lines = [
        f"{names[0]}: {design['n_samples_1']} samples; {names[1]}: {design['n_samples_2']} samples; "
        f"{design['n_donors']} donors, {design['n_informative_donors']} of them with samples in both",
        f"{settings['genes']['n_tested']:,} genes tested, {len(result.significant):,} significant at "
        f"p_fwe <= {settings['arguments']['alpha']:g}",
    ]
    if settings["atlas"]["simulated"]:
        lines.insert(0, "SIMULATED DATA: the numbers say nothing about real brains.")
    tested = result.table[result.table["status"] == "ok"].head(_N_SHOWN)
    if len(tested):
        shown_columns = ["gene", "n_probes", "diff", "f", "p_perm", "p_fwe"]
        lines += ["", tested[shown_columns].to_string(index=False, float_format=lambda value: f"{value:.4g}"), ""]
    return "\n".join(lines)


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Show the warnings of jugex as one line each, without the line of code."""

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        label = "warning" if issubclass(category, JugexWarning) else f"warning ({category.__name__})"
        print(f"jugex: {label}: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", JugexWarning)
        warnings.showwarning = show
        yield


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jugex", description="Differential gene expression between two brain regions (JuGEx, Bludau et al. 2018)."
    )
    parser.add_argument("--version", action="version", version=f"jugex {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_compare(commands)
    _add_query(commands)
    _add_demo(commands)
    return parser


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "compare", help="compare two regions, gene by gene", epilog=f"REGION is one of: {_REGION_HELP}."
    )
    command.set_defaults(run=_run_compare)
    command.add_argument("region_1", metavar="REGION_1", help="region 1 (differences are region 1 minus region 2)")
    command.add_argument("region_2", metavar="REGION_2", help="region 2")
    command.add_argument("--names", nargs=2, metavar="NAME", help="what the two regions are called in outputs")
    genes = command.add_mutually_exclusive_group()
    genes.add_argument("--genes", type=_split, metavar="A,B", help="genes to test (default: every gene)")
    genes.add_argument("--gene-list", metavar="FILE", help="file with one symbol a line, or MATLAB JuGEx's gene list")
    _add_source(command)
    command.add_argument("--overlap", choices=get_args(Overlap), help=_default("overlap", "samples in both regions"))
    command.add_argument("--preset", choices=list(PRESETS), help="do as that publication or package did")
    command.add_argument("--statistic", choices=get_args(Statistic), help=_default("statistic", "sum of squares"))
    command.add_argument("--exchange", choices=get_args(Exchange), help=_default("exchange", "how labels are permuted"))
    command.add_argument("--probes", choices=get_args(ProbeAggregation), help=_default("probes", "probes to genes"))
    command.add_argument("--permutations", type=int, default=10_000, metavar="M", help="(default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="seed of the permutations (default: %(default)s)")
    command.add_argument("--alpha", type=float, default=0.05, help="family-wise error (default: %(default)s)")
    command.add_argument("--jobs", type=int, default=-1, metavar="N", help="threads (default: one per core)")
    _add_output(command, default=None)


def _add_query(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "query", help="expression of genes in a region, as a table", epilog=f"REGION is one of: {_REGION_HELP}."
    )
    command.set_defaults(run=_run_query)
    command.add_argument("region", metavar="REGION")
    command.add_argument("--genes", type=_split, required=True, metavar="A,B", help="genes to look up")
    _add_source(command, threshold=DEFAULTS["threshold"])
    command.add_argument("--out", required=True, type=Path, metavar="FILE.tsv", help="table to write")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("demo", help="run the main job on the simulated atlas")
    command.set_defaults(run=_run_demo)
    _add_output(command, default=Path("jugex-demo"))


def _add_source(command: argparse.ArgumentParser, threshold: object = None) -> None:
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated",
        help="folder of the Allen Institute's donor archives, or 'simulated' (default: $JUGEX_DATA, else the user's "
        "data folder)",
    )
    command.add_argument("--donors", type=_split, metavar="D,E", help="donors by name or id (default: all)")
    help_text = _default("threshold", "for probability maps: inside is above it")
    command.add_argument("--threshold", type=float, default=threshold, help=help_text)


def _add_output(command: argparse.ArgumentParser, default: Path | None) -> None:
    command.add_argument(
        "--out",
        type=Path,
        required=default is None,
        default=default,
        metavar="DIR",
        help="folder to write" + (f" (default: {default})" if default else ""),
    )
    command.add_argument("--overwrite", action="store_true", help="replace a folder that holds a result of jugex")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _default(choice: str, text: str) -> str:
    return f"{text} (default: {DEFAULTS[choice]})"


def _split(text: str) -> list[str]:
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise argparse.ArgumentTypeError("names nothing; give at least one, several separated by commas")
    return entries
