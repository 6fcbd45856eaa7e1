"""Tables of regions x genes as files, with the methods in words."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from jugex._text import count_of, format_count
from jugex._version import __version__
from jugex.errors import OptionError, OutputError
from jugex.model.options import options_to_json
from jugex.model.record import list_versions, today
from jugex.query import RegionTable
from jugex.report.folders import replacing_file
from jugex.report.methods import HOW_PROBES
from jugex.report.references import REFERENCES
from jugex.report.tables import format_tsv

__all__ = ["TABLE_FORMATS", "describe_region_table", "save_region_table"]

#: Endings of the file of a table.
TABLE_FORMATS = (".tsv", ".csv", ".parquet")

_NORMS = {
    "zscore": "to z-scores",
    "robust-sigmoid": "by a robust sigmoid (Fulcher et al. 2013)",
    "scaled-robust-sigmoid": "by a robust sigmoid scaled to 0 to 1 (Fulcher et al. 2013)",
}


def save_region_table(made: RegionTable, path: str | PathLike[str], *, overwrite: bool = False) -> list[Path]:
    """Write a table of regions x genes, and beside it what one needs to use it.

    Parameters
    ----------
    made : RegionTable
    path : path-like
        The table: ``.tsv``, ``.csv`` or ``.parquet``, a row per region and a column per gene.
    overwrite : bool, default False
        Whether to replace files that are there.

    Returns
    -------
    list of Path
        The table ``NAME.tsv``, then ``NAME_regions.tsv`` (samples and donors of each region, and why a row is empty),
        ``NAME_genes.tsv``, ``NAME_samples.tsv``, ``NAME.json`` (atlas, options, versions) and ``NAME_methods.md``.

    Raises
    ------
    OptionError
        If the name ends in something else.
    OutputError
        If a file is there already, or cannot be written.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import save_region_table
    >>> made = jugex.query.region_table(["structure:simA", "structure:simB"], ["MAOA"], atlas="simulated")
    >>> [file.name for file in save_region_table(made, "regions.tsv")][:3]
    ['regions.tsv', 'regions_regions.tsv', 'regions_genes.tsv']
    """
    path = Path(path)
    files = list_files(path)
    if not overwrite and (there := [file for file in files if file.exists()]):
        raise OutputError(f"{there[0]} exists; name another file, or pass --overwrite (overwrite=True) to replace it")
    table = made.table.reset_index()
    texts = {
        files[1]: format_tsv(made.regions),
        files[2]: format_tsv(made.genes),
        files[3]: format_tsv(made.samples),
        files[4]: json.dumps(_to_json(made), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        files[5]: describe_region_table(made),
    }
    with replacing_file(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        elif path.suffix == ".csv":
            table.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n")
        else:
            temporary.write_text(format_tsv(table), encoding="utf-8", newline="")
    for file, text in texts.items():
        with replacing_file(file) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    return files


def list_files(path: Path) -> list[Path]:
    """The files of a table, the table itself first.

    Raises
    ------
    OptionError
        If the name does not end in one of `TABLE_FORMATS`.
    """
    if path.suffix not in TABLE_FORMATS:
        raise OptionError(f"the name of a table must end in {', '.join(TABLE_FORMATS)}; got {path.name!r}")
    beside = ("_regions.tsv", "_genes.tsv", "_samples.tsv", ".json", "_methods.md")
    return [path, *(path.with_name(path.stem + end) for end in beside)]


def describe_region_table(made: RegionTable) -> str:
    """How a table was made, as a paragraph for a paper with its references.

    Parameters
    ----------
    made : RegionTable

    Returns
    -------
    str
        Markdown.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import describe_region_table
    >>> made = jugex.query.region_table(["structure:simA", "structure:simB"], ["MAOA"], atlas="simulated")
    >>> "Expression was simulated" in describe_region_table(made)
    True
    """
    options, cited = made.options, {"Hawrylycz et al. 2012", "Hawrylycz et al. 2015"}
    said = _describe_samples(made)
    said.append(
        f"{count_of(int(made.genes['n_probes'].sum()), 'probe')} were reduced to {count_of(len(made.genes), 'gene')} "
        f"{HOW_PROBES[options.probes]}."
    )
    if options.values == "zscore":
        said.append("Levels were standardised per probe and donor over all samples of the donor.")
    else:
        said.append("Values are log2 levels as their source normalised them.")
    for norm, words in (
        (options.sample_norm, "sample over the genes"),
        (options.gene_norm, "gene over a donor's samples"),
    ):
        if norm != "none":
            said.append(f"Values were normalised {_NORMS[norm]}, each {words}.")
            cited |= {"Fulcher et al. 2013"} if "sigmoid" in norm else set()
    over = {
        "mean": "Samples of a region were averaged within donors, then over donors.",
        "samples": "All samples of a region were averaged, whichever donor they came from.",
        "separate": "Samples of a region were averaged for each donor.",
    }
    said.append(over[options.over_donors])
    said.append(
        "Differential stability is the mean Spearman correlation of the regions' means between donors (Hawrylycz et "
        f"al. 2015). Made with jugex {__version__}."
    )
    text = " ".join(said)
    references = [one for one in REFERENCES if one.cited in cited and one.cited in text]
    listed = "\n".join(f"- {one.text}{f' doi {one.doi}' if one.doi else ''}" for one in references)
    return f"# Methods\n\n{text}\n\n## References\n\n{listed}\n"


def _describe_samples(made: RegionTable) -> list[str]:
    """Where the expression came from, and which samples counted where."""
    atlas, query = made.atlas, made.query
    n_held, n_regions = int((made.regions["status"] == "ok").sum()), len(made.regions)
    samples, donors = count_of(len(made.samples), "sample"), count_of(made.samples["donor_name"].nunique(), "donor")
    if atlas.simulated:
        said = [f"Expression was simulated ({atlas.name.partition(' (')[0]}); the values are not measurements."]
    elif "Allen" in atlas.name:
        said = ["Expression came from the Allen Human Brain Atlas (Hawrylycz et al. 2012)."]
    else:
        said = [f"Expression came from {atlas.name}."]
    rule = "nearest to its coordinate" if query.voxel == "nearest" else "of its coordinate rounded down"
    near = f", or up to {query.tolerance:g} mm from it" if query.tolerance else ""
    said.append(
        f"A sample counted in the region that holds the voxel {rule}{near}: {samples} of {donors} in "
        f"{format_count(n_held)} of {count_of(n_regions, 'region')}."
    )
    n_filled = int((made.regions["status"] == "filled").sum())
    n_empty = n_regions - n_held - n_filled
    if n_filled:
        said.append(f"{count_of(n_filled, 'other')} took the values of the sample nearest to the centroid.")
    if n_empty:
        said.append(f"{count_of(n_empty, 'region')} without enough samples stayed empty.")
    if made.n_tied:
        said.append(f"{count_of(made.n_tied, 'sample')} in several regions, equally probable in these, were left out.")
    if query.mirror is not None:
        said.append(f"Samples were reflected to the {query.mirror} hemisphere.")
    if made.probe_filter is not None and made.probe_filter.min_present is not None:
        left, share = made.probe_filter.n_probes_left_out, 100 * made.probe_filter.min_present
        said.append(f"{count_of(left, 'probe')} above background in less than {share:g} % of samples were left out.")
    return said


def _to_json(made: RegionTable) -> dict[str, Any]:
    """What determined the numbers; thresholds and labels stand with the regions."""
    regions = [
        {"name": name} if region is None else region.identity().to_dict() | {"name": name}
        for name, region in zip(made.regions["region"], made.located, strict=True)
    ]
    return {
        "date": today(),
        "versions": list_versions(),
        "atlas": msgspec.to_builtins(made.atlas.identity(), str_keys=True),
        "regions": regions,
        "query": options_to_json(made.query),
        "table": options_to_json(made.options),
        "genes_missing": list(made.selection.missing),
        "probe_filter": None if made.probe_filter is None else msgspec.to_builtins(made.probe_filter),
        "n_tied": made.n_tied,
    }
