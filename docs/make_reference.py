"""Write the pages of the reference that the program and its tests hold.

    python docs/make_reference.py

These are its commands, the columns of its tables, what stands in ``settings.json``, and the forms of files that are
read. The pages are kept with the sources, so that they can be read there; a test fails where they are not current.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))  # run as a script, for the tests

import msgspec  # noqa: E402

from jugex.cli.main import COMMANDS, make_parser  # noqa: E402
from jugex.model.columns import (  # noqa: E402
    GENE_SET_COLUMNS,
    LEFT_OUT_COLUMNS,
    OMNIBUS_COLUMNS,
    PAIRS_COLUMNS,
    PROBE_COLUMNS,
    RESULT_COLUMNS,
    SAMPLE_COLUMNS,
    TAIL_COLUMNS,
    describe_columns,
)
from jugex.model.findings import AnyFinding  # noqa: E402
from jugex.model.record import FORMAT, LadderRecord, RunRecord, json_schema  # noqa: E402
from tests.regions.test_label_tables import FORMS as LABEL_TABLES  # noqa: E402
from tests.test_genes_lists import FORMS as GENE_LISTS  # noqa: E402

FOLDER = Path(__file__).resolve().parent / "reference"
_DO_NOT_EDIT = "<!-- written by docs/make_reference.py: edit the program's own words instead -->"


def write_commands() -> str:
    """Page of all commands, from the program's argument parser."""
    parser = make_parser(COMMANDS)
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
    for block in filter(None, re.split(r"\n{2,}", epilog.strip("\n"))):
        yield ""
        if block.startswith(" "):
            yield "```text"
            yield textwrap.dedent(block)
            yield "```"
        else:
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


# --- columns ------------------------------------------------------------------------------------------------------


def write_columns() -> str:
    """Page of the columns of the tables of a result, in the words that the JSON file beside each table has."""
    by_probe = (LEFT_OUT_COLUMNS[0], *PROBE_COLUMNS, *LEFT_OUT_COLUMNS[1:])
    lines = [
        _DO_NOT_EDIT,
        "",
        "# Columns of the tables",
        "",
        *_wrap(
            "The same words and units go with each result, in a JSON file beside each table (`results.json` for "
            "`results.tsv`). Differences are region 1 minus region 2. Files are UTF-8 with tabs; numbers have "
            "ten digits, ids are whole numbers, and truth is `TRUE` or `FALSE`. A column that is empty for "
            "every gene that was tested has its reason in `settings.json`, under `empty`. What the rungs of the "
            "ladder mean: [samples, donors, space](../explanation/ladder.md)."
        ),
        "",
        "## results.tsv",
        "",
        *_wrap(
            "`result.table` in Python. One row per gene, sorted by `evidence` (spatial first), `p_fwe`, and "
            'falling `f`. With `probes="single"` there is one row per probe, and `probe_id`, `probe_name` '
            "follow `gene`; with `tail=True` two columns come last."
        ),
        "",
        *_wrap(
            "`ci_spatial_low` and `ci_spatial_high`, the interval *beyond distance*, belong to `p_spatial`. They are "
            "those of the mean of the donors' differences after the gene's linear gradient over the tissue has been "
            "subtracted, and not of `diff_donors` itself, which they need not contain: for a mere gradient they lie "
            "around 0. With fewer than 150 samples outside the regions no gradient is subtracted, and the mean is "
            "`diff_donors`."
        ),
        "",
        *_tabulate((RESULT_COLUMNS[0], *PROBE_COLUMNS, *RESULT_COLUMNS[1:], *TAIL_COLUMNS)),
        "",
        "## left_out.tsv",
        "",
        *_wrap(
            "`result.leave_one_donor_out` in Python. One row per significant gene and donor: what is left of "
            "the gene without the donor, as the run itself computed it. Written where a gene is significant."
        ),
        "",
        *_tabulate(by_probe, kind="left_out"),
        "",
        "## gene_sets.tsv",
        "",
        *_wrap(
            "`result.gene_sets(...).table` in Python. One row per gene set, sorted by evidence, `p_fwe` and falling "
            "`f`. The folder `gene_sets` holds the same as a result of its own, in which a set has the place of a gene."
        ),
        "",
        *_tabulate(GENE_SET_COLUMNS, kind="gene_sets"),
        "",
        "## samples.tsv",
        "",
        *_wrap(
            "`result.samples` in Python. One row per sample used. One column of gene-level z-scores per gene "
            "follows, for at most 200 genes."
        ),
        "",
        *_tabulate(SAMPLE_COLUMNS, kind="samples"),
        "",
        "## zscores.parquet",
        "",
        *_wrap(
            "The gene-level z-scores of more than 200 genes (`result.zscores` in Python, where samples are "
            "rows): one row per gene, and one column per sample, named by its `well_id`, with `:1` and `:2` "
            "where a sample is kept in both regions."
        ),
        "",
        "## omnibus.tsv",
        "",
        *_wrap(
            "More than two regions, all at once (`several.omnibus` in Python). One row per gene, sorted by "
            "`p_fwe` and falling `f`. The columns `mean_1` to `mean_k` follow `p_fwe_stepdown`: raw means in "
            "each region, not adjusted."
        ),
        "",
        *_tabulate(OMNIBUS_COLUMNS, kind="omnibus"),
        "",
        "## pairs.tsv",
        "",
        *_wrap(
            "More than two regions, every two of them (`several.pairs_table` in Python). One row per gene and "
            "pair, sorted by `p_fwe_holm`. Each pair also has a folder, `pair_1_2` and so on, with all that two "
            "regions have."
        ),
        "",
        *_tabulate(PAIRS_COLUMNS, kind="pairs"),
    ]
    return "\n".join(lines) + "\n"


def _tabulate(columns: Sequence[str], *, kind: str = "results") -> Iterator[str]:
    described = describe_columns(columns, kind=kind)
    yield "| column | meaning | unit |"
    yield "|---|---|---|"
    for name in columns:
        column = described[name]
        levels = column.get("Levels", {})
        assert isinstance(levels, Mapping)
        said = "; ".join(f"`{level}`: {meaning}" for level, meaning in levels.items())
        yield f"| `{name}` | {column['Description']}{f' {said}.' if said else ''} | {column.get('Units', '')} |"


def _wrap(text: str) -> list[str]:
    """A paragraph in lines."""
    return textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)


# --- settings.json ------------------------------------------------------------------------------------------------

#: What stands under the keys of ``settings.json``.
_RECORD = {
    "format": f"version of the form of this file, {FORMAT}; another one is refused by its number",
    "versions": "jugex, Python, and the packages that the numbers depend on",
    "date": "of the run",
    "command": "the command line; null where Python made the call",
    "arguments": "every option as it was used; `in_memory` names those whose values were tables in memory",
    "permutation": "`randomness` (seed, or state of the generator), number and kind of relabellings, whether all were "
    "tried (`exhaustive`) and `exact`, the smallest p that the run can give, and `f_critical`, the smallest F that is "
    "significant",
    "design": "samples per donor and region, donors' weights, effective donors, degrees of freedom, number of distinct "
    "relabellings and smallest attainable p of each exchange",
    "atlas": "name, donors, files with their checksums, and how it was looked at (`changes`: coordinates, mirror, "
    "re-annotation)",
    "regions": "how each region was made (file, checksum, threshold, labels, parts), how many samples lie in it, and "
    "how many exactly between two voxels",
    "samples": "structures within and without which samples count, tolerance, and how many samples these dropped and "
    "added",
    "overlap": "the policy, and the decision on each sample that lies in several regions",
    "genes": "which genes were asked for, what became of each (`ledger`), and how many were tested",
    "probe_filter": "the filter on present calls and what it left out; null without one",
    "covariates": "each covariate, its values, and whether it stands in the model",
    "missing_well_ids": "samples left out because a value was missing",
    "exchanges": "`p_fwe` with labels exchanged within donors and freely, of genes that are significant either way",
    "background": "share of all genes of the atlas with `p_perm` at most 0.05",
    "ladder": "what the rungs `donors` and `spatial` stand on, below; null where they were not asked for",
    "tails": "the fitted tails, with `tail=True`",
    "findings": "what weakens the result, below",
    "empty": "columns that are empty for genes tested, for all of them or for some, and why",
    "told": "what the run warned of while it read its inputs, as sentences",
    "inputs": "files read beside the atlas, the regions' images and the aliases, each with what it was and its "
    "SHA-256: tables of covariates, the image of a reference, label tables beside images",
    "pairs": "more than two regions: each pair with its folder and its own findings",
    "group": "of a pair among several regions: the others, and the genes that are significant over all pairs",
    "gene_sets": "In the folder `gene_sets`: the `kind` of test, the sizes of sets that were tested, the files of "
    "sets with their checksums, how many sets and genes there were, and why sets were left out.",
}
#: What a folder adds to the record.
_SAVED = {
    "warnings": "what stands under `told` and `findings`, as sentences; for readers, and not read back",
    "files": "the SHA-256 of each table and array beside this file; what was changed since is refused",
    "sha256": "the SHA-256 of the rest of this file, as JSON without white space and with sorted keys",
}
#: What stands under the keys of ``ladder``.
_LADDER = {
    "tissue": "class of tissue of the reference; null where it was chosen, or the atlas knows of none",
    "sides": "hemispheres of its samples",
    "chosen": "whether the user chose it",
    "n_reference": "samples in it",
    "n_elsewhere": "those of them in neither region",
    "n_pool": "genes over which variances are pooled",
    "form": "`pooled`; `few-genes` (fewer than 25 in the pool, nothing is shared); `without-reference`; `none`",
    "distance_mm": "between the mean coordinates of the two regions' samples",
    "why_no_donors": "why that rung was not tried; null where it was",
    "why_no_spatial": "why that rung was not tried; null where it was",
    "variogram_spatial": "the same of genes less their linear gradients, on which the rung `spatial` stands; null "
    "where no gradient is taken off",
    "variogram": "pooled semivariances within and between donors over distance, what was fitted to them, and its "
    "parts: `nugget` (noise of single samples), `own` (fields, that is smooth patterns, of each donor's own), `shared` "
    "(fields that donors share)",
    "diagnostic": "share of the pool's genes with p at most `alpha` at `n_places` arbitrary pairs of places, by rung",
    "borrowed_mm": "distance up to which pairs of two donors outside the regions are so few that pairs within the "
    "regions stand in for them; 0 where none do",
}


def write_settings() -> str:
    """Page of what stands in settings.json."""
    lines = [
        _DO_NOT_EDIT,
        "",
        "# settings.json",
        "",
        *_wrap(
            "Everything that determined the numbers of a run, and what the run found out about itself. In "
            "Python `result.record` has it as typed data, and `result.settings` as what this file holds. "
            "Its JSON Schema is [settings.schema.json](settings.schema.json)."
        ),
        "",
        "| key | what it holds |",
        "|---|---|",
        *_describe_fields(RunRecord, _RECORD),
        *(f"| `{key}` | {meaning} |" for key, meaning in _SAVED.items()),
        "",
        "## ladder",
        "",
        "| key | what it holds |",
        "|---|---|",
        *_describe_fields(LadderRecord, _LADDER),
        "",
        "## findings",
        "",
        *_wrap(
            "A finding is a fact that weakens what can be said from a run. Each has a `code`, and the numbers "
            "and genes that it is about. `result.warnings` and the report have them as sentences."
        ),
        "",
        "| code | what it says | with |",
        "|---|---|---|",
        *_list_findings(),
    ]
    return "\n".join(lines) + "\n"


def _describe_fields(record: type, meanings: Mapping[str, str]) -> Iterator[str]:
    names = {field.name for field in fields(record)}
    if names != set(meanings):
        raise ValueError(f"the page of settings.json lacks, or has too many: {names ^ set(meanings)}")
    for name, meaning in meanings.items():
        yield f"| `{name}` | {meaning} |"


def _list_findings() -> Iterator[str]:
    for finding in get_args(AnyFinding):
        told = msgspec.inspect.type_info(finding)
        assert isinstance(told, msgspec.inspect.StructType)
        facts = ", ".join(f"`{field.name}`" for field in told.fields)
        yield f"| `{told.tag}` | {finding.__doc__} | {facts} |"


# --- what is read -------------------------------------------------------------------------------------------------

_IMAGES = "regions/test_images.py"
_STACKS = "regions/test_stacks.py"
_TABLES = "regions/test_label_tables.py"
_LABELS = "regions/test_labels.py"
#: Each form with how it is read, and the test that reads such a file.
_READ: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "Images": (
        ("whole numbers, 0 and one other, in any data type", "a mask",
         f"{_IMAGES}::test_two_whole_values_are_a_binary_mask_in_any_data_type"),
        ("whole numbers, more of them, in any data type", "labels: name one behind `#`",
         f"{_IMAGES}::test_labels_are_no_map_in_any_data_type"),
        ("other numbers from 0 to 1, but for rounding", "probabilities",
         f"{_IMAGES}::test_probabilities_and_percent_reach_their_limits_but_for_rounding"),
        ("numbers up to 100", "percent where `%` (`percent=True`) says so, else refused",
         f"{_IMAGES}::test_percent_can_be_said_where_the_values_do_not_tell"),
        ("labels stored with a scale factor", "labels, where they are whole but for rounding",
         f"{_IMAGES}::test_scaled_labels_that_are_whole_but_for_rounding"),
        ("maps of z or t, negative values", "refused: make a mask of what is above a threshold of yours",
         f"{_IMAGES}::test_values_that_are_no_probabilities"),
        ("NaN", "outside, with a warning", f"{_IMAGES}::test_nan_is_outside_and_said"),
        ("`.nii`, `.nii.gz`, NIfTI-1 and NIfTI-2, either byte order", "read",
         f"{_IMAGES}::test_big_endian_nifti_2_and_uncompressed_files"),
        ("NIfTI pairs `.hdr` and `.img`", "read", f"{_IMAGES}::test_pairs_of_header_and_image"),
        ("FreeSurfer's `.mgz` and `.mgh`", "read", f"{_IMAGES}::test_images_of_freesurfer"),
        ("files whose name and compression disagree", "read",
         f"{_IMAGES}::test_files_whose_name_and_compression_disagree"),
        ("4-D images of maps", "a volume by number, or by name: `maps.nii.gz#3`",
         f"{_STACKS}::test_a_volume_by_number_or_name"),
        ("4-D images of labels", "a volume, and a label in it: `levels.nii.gz#1#300`",
         f"{_STACKS}::test_label_images_in_a_4d_image"),
        ("4-D images of whole numbers up to 100", "percent, with a warning",
         f"{_STACKS}::test_whole_numbers_in_4d_are_percent_and_said"),
        ("a space in the name or the header that is not MNI152", "refused; `--space` (`space=`) insists",
         f"{_IMAGES}::test_another_space_in_the_name_is_refused"),
        ("no space in the header", "refused", f"{_IMAGES}::test_no_space_codes"),
        ("sform and qform that disagree on left and right", "the sform, with a warning",
         f"{_IMAGES}::test_sform_and_qform_that_disagree_on_the_side"),
        ("surfaces (GIFTI, CIFTI)", "refused", f"{_IMAGES}::test_surfaces_are_refused"),
        ("Analyze images", "refused: left and right are not stated", f"{_IMAGES}::test_an_analyze_image_is_refused"),
        ("`~/map.nii.gz`, `file:///maps/map.nii.gz`", "read",
         "regions/test_texts.py::test_paths_of_the_home_folder_and_of_browsers"),
    ),
    "Where label tables are found": (
        ("beside the image, with its name: `x_dseg.nii.gz`, `x_dseg.tsv`", "read", f"{_TABLES}::test_forms_of_tables"),
        ("by BIDS inheritance: without `res-`, in the folder or above; CBIG's order files", "read for a named label",
         f"{_TABLES}::test_tables_that_serve_several_images"),
        ("FSL's description of a folder of images, in it or above", "read where it names the image",
         f"{_TABLES}::test_fsl_tables_of_a_folder"),
        ("`FreeSurferColorLUT.txt` in the folder", "read where a label is named",
         f"{_TABLES}::test_a_table_of_all_that_freesurfer_names"),
        ("one that you give: `--labels`, `labels=` (a file, names by number, a list, a DataFrame)", "read",
         f"{_LABELS}::test_a_table_that_is_given"),
        ("tables whose name says what they are: `Tian_Subcortex_S1_3T_label.txt`",
         "read for a named label of `Tian_Subcortex_S1_3T_1mm.nii.gz`",
         "regions/test_label_tables.py::test_what_says_that_a_table_is_one_is_no_part_of_its_name"),
        ("abagen's `id,label,hemisphere,structure`",
         "read; with `--annotated` (`annotated=True`) only samples annotated so count",
         "regions/test_annotated.py::test_side_and_tissue_restrict_samples"),
        ("one name a line", "counted from 1, where they are as many as the labels", f"{_TABLES}::test_one_name_a_line"),
        ("a table that counts from 0 beside an image that counts from 1", "moved by one, with a warning",
         f"{_LABELS}::test_a_table_that_counts_from_0_beside_an_image_that_counts_from_1"),
        ("a table that cannot be read", "named in the error; a label by number still works",
         f"{_TABLES}::test_a_table_that_cannot_be_read_is_named_and_blocks_no_number"),
    ),
    "More about gene lists": (
        ("one symbol, Entrez id or Ensembl id a line; `MAOA\\|4128`; `6863.0`", "read",
         "test_genes_lists.py::test_ids_in_lists"),
        ("a table with a column of symbols, or of Entrez ids", "the surest column is taken",
         "test_genes_lists.py::test_tables_with_a_column_of_symbols"),
        ("MATLAB JuGEx's `probe_id,gene_symbol,entrez_id`", "its genes, with all their probes",
         "test_genes_lists.py::test_matlab_list"),
        ("gene sets: `sets.gmt#NAME`, Enrichr's weights", "one set, or all of them with a warning",
         "test_genes_lists.py::TestGeneSets"),
        ("Excel's `.xlsx`, with `pip install \".[xlsx]\"`", "the first sheet",
         "test_genes_lists.py::test_spreadsheets"),
        ("UTF-8, UTF-16, gzip", "read", "test_genes_lists.py::test_gzipped_list"),
        ("`2-Sep`, `43710`", "the symbol that a spreadsheet made a date, where it is one alone (`SEPT2`)",
         "test_genes.py::test_what_a_spreadsheet_makes_of_symbols"),
        ("symbols of today, `STING1`", "found under the symbol of the array, `TMEM173`, without a table",
         "test_genes.py::test_renamed_genes_are_found_without_an_alias_table"),
        ("a table of other names: HGNC's complete set or custom download", "`aliases=`, `--aliases`",
         "test_genes_aliases.py::test_the_custom_download_of_hgnc"),
    ),
    "Expression": (
        ("the Allen Institute's donor archives, as ZIP files or unpacked", "`jugex build`, or read as they are",
         "atlas/test_archives.py::test_zip_and_folder_give_the_same"),
        ("a store that `jugex build` or `jugex fetch` made", "opened in milliseconds",
         "atlas/test_store.py::test_folder_of_the_store_or_the_data_folder"),
        ("the Allen Institute's web service", "`allen-api`, for the genes that are named",
         "atlas/test_allen_api.py::test_only_the_genes_used_are_asked_for"),
        ("tables of samples and of expression: CSV, TSV, Parquet, DataFrames; genes in rows or in columns",
         "`atlas_from_tables`", "atlas/test_user_tables.py::test_files_hold_what_frames_hold"),
        ("expression as GCT, GEO's series matrix, counts of featureCounts, with semicolons and decimal commas, or as "
         "R's `write.table` leaves it (a header one short)", "`atlas_from_tables`",
         "atlas/test_text_matrices.py::test_holds_what_a_plain_table_holds"),
        ("ids that R has made into names: `X12345`, `S.1`", "as the ids meant, where all fit so",
         "atlas/test_user_tables.py::test_ids_that_r_has_made_into_names"),
        ("raw counts", "`values=\"counts\"`: log2(1 + counts per million)",
         "atlas/test_user_tables.py::test_counts_are_scaled_to_a_million_per_sample"),
        ("levels that cannot be log2", "as they are, without `log2_fc`, with a warning",
         "atlas/test_user_tables.py::test_levels_that_cannot_be_log2_are_said_to_be"),
        ("samples with structures and without coordinates", "regions are structures",
         "atlas/test_user_tables.py::test_structures_are_regions_without_coordinates"),
        ("coordinates and ages with decimal commas, where no cell of the column has a point",
         "read", "atlas/test_user_tables.py::test_coordinates_and_ages"),
        ("probes of several genes (`TAC1///TAC3`, `MAOA;TAC1`, `TAC1\\|TAC3`)", "left out and counted, with a warning",
         "atlas/test_user_tables.py::test_a_probe_of_several_genes_is_left_out_and_counted"),
        ("a folder with `samples.csv` and `expression.csv` or `counts.csv`", "`--atlas FOLDER`, `open_atlas`",
         "atlas/test_text_matrices.py::test_is_what_the_command_line_takes"),
        ('the Allen Institute\'s "Download this data" at sample resolution', "`--atlas FOLDER`, `open_atlas`",
         "atlas/test_allen_download.py::test_samples_lie_where_the_donors_affine_puts_their_voxel"),
        ("such a download of z-scores", "z-scores as they are; no levels, so that `mean_level` and `log2_fc` are empty",
         "atlas/test_allen_download.py::test_z_scores_are_no_levels"),
        ("the same at the resolution of structures", "refused: means over samples",
         "atlas/test_allen_download.py::test_means_over_structures_are_refused"),
        ("siibra's table of gene expression", "`atlas_from_siibra`", "atlas/test_siibra_table.py::test_files"),
        ("AnnData, in memory or `.h5ad`", "`atlas_from_anndata`", "atlas/test_anndata.py::test_file"),
        ("AnnData that is backed by its file", "`atlas_from_anndata`",
         "atlas/test_anndata.py::test_backed_by_its_file"),
        ("AnnData with Ensembl ids, and symbols in `feature_name`, `gene_symbols` or the like",
         "the symbols are the genes",
         "atlas/test_anndata.py::test_symbols_beside_ensembl_ids_are_the_genes"),
        ("the Allen Institute's RNA-seq of two donors", "`atlas_from_ahba_rnaseq`",
         "atlas/test_ahba_rnaseq.py::test_values_wells_and_coordinates"),
        ("coordinates of alleninf or Devenyi, or a table with `well_id`, `mni_x`, `mni_y`, `mni_z`", "`coordinates=`",
         "atlas/test_views.py::test_files_as_published"),
        ("a re-annotation of the probes", "`reannotation=`",
         "atlas/test_views.py::test_probes_measure_what_the_table_says_and_the_others_are_dropped"),
    ),
}  # fmt: skip


def write_inputs() -> str:
    """Page of the forms of files that are read, each with the test that reads such a file."""
    lines = [
        _DO_NOT_EDIT,
        "",
        "# What is read",
        "",
        *_wrap(
            "Each line stands on a test that reads such a file, named beside it (under `tests/`). How to say "
            "which part of an image is the region: [make regions](../howto/regions.md)."
        ),
        "",
        "## Images",
        "",
        *_wrap("What an image is follows from its values, not from its data type."),
        "",
        *_list_read("Images"),
        "",
        "## Label tables",
        "",
        *_wrap(
            "They give the labels of an image their names. Columns of numbers are called `index`, `id`, "
            "`label`, `roi_num`, `value` and the like, those of names `name`, `label`, `region`, `structure` "
            "and the like."
        ),
        "",
        *_list_read("Where label tables are found"),
        "",
        *_wrap(f"Forms, each as the test `{_TABLES}::test_forms_of_tables` reads it:"),
        "",
        *_list_forms({name: f"{ending} {_shorten(content)}" for name, (ending, content, _) in LABEL_TABLES.items()}),
        "",
        "## Gene lists",
        "",
        *_list_read("More about gene lists"),
        "",
        *_wrap("Tables and lists, each as the test `test_genes_lists.py::test_forms_of_lists` reads it:"),
        "",
        *_list_forms({name: _shorten(content) for name, content in GENE_LISTS.items()}),
        "",
        "## Expression",
        "",
        *_wrap("[Get the data](../howto/data.md), [bring your own expression data](../howto/own_data.md)."),
        "",
        *_list_read("Expression"),
    ]
    return "\n".join(lines) + "\n"


def list_tests() -> list[str]:
    """The tests that the page names: a file below tests/, and a function or class in it."""
    return [test for rows in _READ.values() for _, _, test in rows]


def _list_read(group: str) -> Iterator[str]:
    yield "| what | how it is read | test |"
    yield "|---|---|---|"
    for what, how, test in _READ[group]:
        yield f"| {what} | {how} | `{test}` |"


def _list_forms(forms: Mapping[str, str]) -> Iterator[str]:
    yield "| form | as it begins |"
    yield "|---|---|"
    for name, beginning in forms.items():
        ticks = "``" if "`" in beginning else "`"
        yield f"| {name} | {ticks}{beginning.replace('|', chr(92) + '|')}{ticks} |"


def _shorten(content: str | bytes, limit: int = 60) -> str:
    """The beginning of a file on one line: ends of lines as a return sign, tabs as arrows."""
    text = (
        content.decode("utf-16" if content.startswith(b"\xff\xfe") else "latin-1")
        if isinstance(content, bytes)
        else content
    )
    visible = text.replace("\ufeff", "").replace("\u00a0", "\u2423").replace("\u200b", "\u2423")
    visible = visible.replace("\r\n", "\n").strip("\n").replace("\n", " \u23ce ").replace("\t", " \u2192 ")
    visible = " ".join(visible.split())
    return visible if len(visible) <= limit else visible[: limit - 1].rstrip() + "\u2026"


#: Pages by their names.
PAGES: Mapping[str, Callable[[], str]] = {
    "commands": write_commands,
    "columns": write_columns,
    "settings": write_settings,
    "inputs": write_inputs,
}


def write_schema() -> str:
    """JSON Schema of ``settings.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    for page, write in PAGES.items():
        (FOLDER / f"{page}.md").write_text(write(), encoding="utf-8")
    (FOLDER / "settings.schema.json").write_text(write_schema(), encoding="utf-8")
