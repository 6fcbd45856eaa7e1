"""``jugex compare``: compare two regions, gene by gene."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import get_args

from jugex.cli.arguments import (
    REGION_HELP,
    add_derivation,
    add_genes,
    add_jobs,
    add_output,
    add_probes,
    add_samples,
    add_source,
    add_test,
    read_choices,
    split_list,
)
from jugex.cli.parser import Parser, whole_number
from jugex.cli.summary import save_and_summarize
from jugex.comparison import compare, compare_several
from jugex.errors import OptionError
from jugex.genes import read_gene_sets
from jugex.pipeline.gene_sets import GeneSetOptions, Kind
from jugex.report.files import check_output
from jugex.report.spreadsheet import check_spreadsheets

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
    genes = command.add_argument_group("genes")
    add_genes(genes)
    _add_background(genes)
    add_source(command.add_argument_group("expression data"))
    add_samples(command.add_argument_group("samples of the regions"))
    add_derivation(command.add_argument_group("other annotation than the atlas's own"))
    add_probes(command.add_argument_group("probes"))
    test = command.add_argument_group("test")
    add_test(test)
    test.add_argument(
        "--tail",
        action="store_true",
        help="add extrapolated p-values below 1 / (M + 1); they make no gene significant",
    )
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


def _add_background(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--no-background",
        dest="background",
        action="store_false",
        help="with --genes or --gene-list, do not test all other genes to say what share of them differs",
    )


def _add_gene_sets(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gene-sets",
        type=split_list,
        metavar="FILE.gmt",
        help="also test the gene sets of one or several files (GMT, or tables with columns set and gene); 'simulated' "
        "for those of the simulated atlas",
    )
    group.add_argument(
        "--gene-set-kind",
        choices=get_args(Kind),
        default=GeneSetOptions.kind,
        metavar="KIND",
        help="competitive (default): sets that differ more than other genes do; self-contained: sets that differ; "
        "mixed: sets whose genes differ in either direction",
    )
    for end, other in (("min", "fewer"), ("max", "more")):
        group.add_argument(
            f"--gene-set-{end}-size",
            type=whole_number(1),
            default=getattr(GeneSetOptions, f"{end}_size"),
            metavar="N",
            help=f"leave out sets with {other} genes than this that can be tested (default: %(default)s)",
        )


def take_more_names(options: argparse.Namespace, rest: Sequence[str]) -> bool:
    """Take arguments that the parser left over as further names of regions, if each region then has one.

    The parser gives ``--names`` two values, for two regions; otherwise a region after them would become a name.

    Parameters
    ----------
    options : Namespace
        Options of ``jugex compare``; `names` is changed.
    rest : sequence of str
        Arguments that the parser left over.

    Returns
    -------
    bool
        Whether they were taken.
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
            raise OptionError(f"--gene-sets needs two regions, but got {len(regions)}; name two, or leave it out")
        save_and_summarize(compare_several(regions, **choices), options)
        return
    of_sets = GeneSetOptions(options.gene_set_kind, options.gene_set_min_size, options.gene_set_max_size)
    sets = read_gene_sets(options.gene_sets) if options.gene_sets else None  # checked before the work
    result = compare(*regions, **choices)
    found = None if sets is None else result.gene_sets(sets, **vars(of_sets))
    save_and_summarize(result, options, gene_sets=found)
