"""``jugex compare``: compare two regions, gene by gene."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import get_args

from jugex._text import join_words
from jugex.cli.arguments import (
    REGION_HELP,
    add_annotated,
    add_derivation,
    add_filters,
    add_images,
    add_jobs,
    add_output,
    add_run,
    add_source,
    describe_default,
    read_choices,
    split_genes,
    split_list,
)
from jugex.cli.parser import Parser, number
from jugex.cli.summary import save_and_summarize
from jugex.comparison import compare, compare_several
from jugex.errors import OptionError
from jugex.genes import read_gene_sets
from jugex.model.options import PRESET_NAMES, Missing
from jugex.pipeline.gene_sets import Kind
from jugex.query import Overlap, PresentIn
from jugex.report.files import check_output
from jugex.report.spreadsheet import check_spreadsheets
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.statistics import Statistic

__all__ = ["add_arguments", "add_choices", "take_more_names"]

_EPILOG = f"""{REGION_HELP}
examples:

  jugex compare simulated:A simulated:B --atlas simulated --out a-b
  jugex compare fp1.nii.gz fp2.nii.gz --names "Fp1 left" "Fp2 left" \\
      --genes MAOA,TAC1 --atlas ahba/ --out fp1-fp2
"""


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = "Compare two or more regions, gene by gene, and write tables and a report into a folder."
    command.epilog = _EPILOG
    command.set_defaults(run=_run_compare, warns_last=True, take_rest=take_more_names)
    _add_regions(command)
    add_choices(command, gene_sets=True)
    output = command.add_argument_group("output")
    add_output(output, default=None)
    output.add_argument(
        "--xlsx",
        action="store_true",
        help="also write results.xlsx, the table and what its columns mean (needs the extra xlsx)",
    )
    add_jobs(output)


def add_choices(command: Parser, *, gene_sets: bool) -> None:
    """Add the options that decide what is compared and how: genes, data, samples, probes and test."""
    _add_genes(command.add_argument_group("genes"))
    add_source(command.add_argument_group("expression data"))
    _add_samples(command.add_argument_group("samples of the regions"))
    add_derivation(command.add_argument_group("other annotation than the atlas's own"))
    _add_probes(command.add_argument_group("probes"))
    test = command.add_argument_group("test")
    _add_test(test)
    if gene_sets:
        _add_gene_sets(test)


def _add_regions(command: argparse.ArgumentParser) -> None:
    command.add_argument("region_1", metavar="REGION_1", help="region 1 (differences are region 1 minus region 2)")
    command.add_argument("region_2", metavar="REGION_2", help="region 2")
    command.add_argument(
        "more_regions",
        nargs="*",
        default=[],
        metavar="REGION_3",
        help="more regions: all are then compared at once, and also two by two",
    )
    command.add_argument(
        "--names",
        nargs=2,
        metavar=("NAME_1", "NAME_2"),
        help="names of the regions in outputs, one for each (default: from file, label or structure)",
    )


def _add_genes(group: argparse._ArgumentGroup) -> None:
    genes = group.add_mutually_exclusive_group()
    genes.add_argument(
        "--genes", type=split_genes, metavar="A,B", help="genes to test, by symbol or Entrez id (default: every gene)"
    )
    genes.add_argument(
        "--gene-list",
        metavar="FILE",
        help="file with one symbol or Entrez id per line, a table with such a column (as MATLAB JuGEx's lists), or "
        "gene sets: file.gmt, or file.gmt#SET for a single set",
    )
    group.add_argument(
        "--no-background",
        dest="background",
        action="store_false",
        help="with --genes or --gene-list, do not test all other genes to say what share of them differs",
    )


def _add_samples(group: argparse._ArgumentGroup) -> None:
    add_filters(group)
    add_images(group)
    add_annotated(group)
    group.add_argument(
        "--overlap",
        choices=get_args(Overlap),
        help=describe_default("overlap", "how samples in both regions are counted"),
    )


def _add_probes(group: argparse._ArgumentGroup) -> None:
    ways = get_args(ProbeAggregation)
    group.add_argument(
        "--probes",
        choices=ways,
        metavar="WAY",
        help=describe_default("probes", f"how the probes of a gene become one value: {join_words(ways, 'or')}"),
    )
    group.add_argument(
        "--min-present",
        type=number(0, 1, needed="a share of samples from 0 to 1"),
        metavar="SHARE",
        help="leave out probes above background in a smaller share of samples than this, 0 to 1 (default: no filter)",
    )
    group.add_argument(
        "--present-in",
        choices=get_args(PresentIn),
        default="all",
        help="samples over which that share is counted: all of the atlas, or those of the regions (default: "
        "%(default)s)",
    )
    group.add_argument("--require-entrez", action="store_true", help="leave out probes without an Entrez id")


def _add_test(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--preset", choices=PRESET_NAMES, help="make the choices of that publication or package")
    group.add_argument(
        "--statistic", choices=get_args(Statistic), help=describe_default("statistic", "sum of squares of the region")
    )
    group.add_argument(
        "--exchange", choices=get_args(Exchange), help=describe_default("exchange", "how labels are permuted")
    )
    group.add_argument(
        "--covariate",
        type=split_list,
        action="extend",
        metavar="A,B",
        help="what to adjust for besides donor: hemisphere, structure_class, mni_x, mni_y, mni_z, a column of the "
        "atlas's samples, or a file with one row per well_id, whose other columns are covariates",
    )
    group.add_argument(
        "--missing",
        choices=get_args(Missing),
        default="drop-genes",
        help="what to leave out for a missing value: its gene, or its sample in all genes (default: %(default)s)",
    )
    add_run(group)
    group.add_argument(
        "--alpha", type=float, default=0.05, metavar="P", help="family-wise error (default: %(default)s)"
    )
    group.add_argument(
        "--ladder",
        action=argparse.BooleanOptionalAction,
        help="also test whether other donors would show each difference, and whether it is more than distance "
        "explains (default: yes; with a preset, no)",
    )
    group.add_argument(
        "--reference",
        metavar="REGION",
        help="samples that show how expression varies around the regions, such as structure:Cx (default: those of the "
        "regions' class of tissue and side)",
    )
    group.add_argument(
        "--tail",
        action="store_true",
        help="add extrapolated p-values below 1 / (M + 1); they make no gene significant",
    )


def _add_gene_sets(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gene-sets",
        type=split_list,
        metavar="FILE.gmt",
        help="also test the gene sets of one or several files (GMT, or tables with columns set and gene)",
    )
    group.add_argument(
        "--gene-set-kind",
        choices=get_args(Kind),
        default="competitive",
        metavar="KIND",
        help="competitive (default): sets that differ more than other genes do; self-contained: sets that differ; "
        "mixed: sets whose genes differ in either direction",
    )


def take_more_names(options: argparse.Namespace, rest: Sequence[str]) -> bool:
    """Take what the parser left over as further names of regions, where that gives each of them one.

    The parser gives ``--names`` two values, as two regions need: else a region after them would become a name.

    Parameters
    ----------
    options : Namespace
        Of ``jugex compare``; `names` is changed.
    rest : sequence of str
        What the parser left over.

    Returns
    -------
    bool
        Whether it was taken.
    """
    n_missing = 2 + len(options.more_regions) - len(options.names or ())
    if not options.names or n_missing != len(rest) or any(text.startswith("-") for text in rest):
        return False
    options.names = [*options.names, *rest]
    return True


def _run_compare(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    if options.xlsx:
        check_spreadsheets()
    regions, choices = [options.region_1, options.region_2, *options.more_regions], read_choices(options)
    if len(regions) > 2:
        if options.gene_sets:
            raise OptionError(f"--gene-sets needs two regions, and got {len(regions)}; name two, or leave it out")
        save_and_summarize(compare_several(regions, **choices), options)
        return
    sets = read_gene_sets(options.gene_sets) if options.gene_sets else None  # before the work
    result = compare(*regions, **choices)
    found = None if sets is None else result.gene_sets(sets, kind=options.gene_set_kind)
    save_and_summarize(result, options, gene_sets=found)
