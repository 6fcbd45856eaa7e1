"""One pair of a scan, computed again by itself: with everything that only a page shows."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from jugex._text import count_of, join_words
from jugex.analysis import DifferentialExpression
from jugex.atlas import ExpressionAtlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.comparison import run_pair
from jugex.errors import OptionError, ResultError
from jugex.model.options import AtlasLike, CovariatesLike, QueryOptions, TestOptions, options_to_json
from jugex.model.record import GroupMembership, Randomness, list_versions
from jugex.pipeline.comparison import label_rows
from jugex.query.samples import view_atlas
from jugex.query.targets import Target
from jugex.regions import Region
from jugex.reruns import Inputs
from jugex.scanning.folder import MANIFEST, PAGES, RESULTS, Sources, compare_settings, name_page, name_part, to_plain
from jugex.scanning.pair import SCAN_COLUMNS, lay_out
from jugex.scanning.results import Scan
from jugex.scanning.run import describe_atlas
from jugex.scanning.targets import Pair, Placed, make_rests, place_regions

if TYPE_CHECKING:
    import pyarrow

__all__ = ["RepeatedPair", "repeat_pair"]

#: Options that are files, and the length of a SHA-256 in hexadecimal digits.
_FILES, _DIGITS = ("aliases", "coordinates", "reannotation", "covariates", "reference"), 64


@dataclass(frozen=True, eq=False, repr=False)
class RepeatedPair:
    """A pair of a scan that was computed again. Make one with `Scan.pair`.

    Attributes
    ----------
    result : DifferentialExpression
        As `jugex.compare` gives it; its record says how many genes of the pair are significant over the scan.
    scan : Scan
    number : int
        Of the pair.
    unequal : tuple of str
        Columns whose numbers are not those of the scan, bit for bit; none, as long as nothing has changed.
    changes : tuple of str
        Inputs and versions that have changed since the scan.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> scan = jugex.scan(regions, atlas="simulated", out="three-pairs", query=jugex.QueryOptions(genes=["MAOA"]),
    ...                   test=jugex.TestOptions(n_permutations=99, rng=0))
    >>> pair = scan.pair("simulated area A, left", "simulated area B, left")
    >>> pair.same_numbers, pair.summary()
    (True, 'The same numbers as in the scan, bit for bit: 1 gene.')
    >>> pair.save().name
    'pair-000000'
    """

    result: DifferentialExpression
    scan: Scan
    number: int
    unequal: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def same_numbers(self) -> bool:
        """Whether all numbers are those of the scan, bit for bit."""
        return not self.unequal

    @property
    def folder(self) -> Path:
        """Where the overview of the scan looks for the page of the pair."""
        return self.scan.folder / PAGES / name_page(self.number)

    def summary(self) -> str:
        """Whether the numbers are those of the scan, and what has changed since, in one sentence."""
        since = f"changed since the scan: {'; '.join(self.changes)}" if self.changes else ""
        if self.same_numbers:
            said = f"The same numbers as in the scan, bit for bit: {count_of(len(self.result.table), self.result.unit)}"
            return f"{said} ({since})." if since else f"{said}."
        said = f"Other numbers than in the scan ({join_words(list(self.unequal))})"
        return f"{said}; {since or 'no input, option or version is known to have changed'}."

    def save(
        self, directory: str | PathLike[str] | None = None, *, overwrite: bool = False, xlsx: bool = False
    ) -> Path:
        """Write the result with its page into a folder, as `DifferentialExpression.save` does.

        Parameters
        ----------
        directory : path-like, optional
            Default: a folder below ``pairs/`` of the scan, whose overview is then written again, with a link to it.
        overwrite : bool
            Replace a folder that holds a result of jugex; below the scan it is replaced anyway.
        xlsx : bool
            Also write the tables as ``results.xlsx``.

        Returns
        -------
        Path
        """
        target = self.folder if directory is None else Path(directory)
        record, group = self.result.record, self.result.record.group
        if group is not None:
            page = os.path.relpath(self.scan.folder.absolute() / "report.html", target.absolute())
            record = replace(record, group=replace(group, page=Path(page).as_posix()))
        result = replace(self.result, record=record)
        saved = result.save(target, overwrite=overwrite or directory is None, xlsx=xlsx)
        if directory is None:
            self.scan.report()
        return saved

    def __repr__(self) -> str:
        return f"<RepeatedPair: {' and '.join(self.result.region_names)}. {self.summary()}>"


def repeat_pair(
    scan: Scan,
    chosen: Sequence[str | int],
    *,
    paths: Mapping[str, str] | None,
    atlas: AtlasLike | None,
    regions: Mapping[str, Region | str] | None,
    covariates: CovariatesLike | None,
    coordinates: CoordinatesLike | None,
    reference: Region | str | None,
    n_jobs: int,
) -> RepeatedPair:
    """Compute a pair of a scan again; see `Scan.pair`."""
    row = find_pair(scan.pairs, chosen)
    sources, names = _read_sources(scan), (str(row["region_1"]), str(row["region_2"]))
    inputs = Inputs(
        arguments=replace(sources.arguments, n_permutations=int(row["n_permutations"])),
        atlas=sources.atlas,
        regions={name: sources.regions[name] for name in names if name in sources.regions},
        randomness=Randomness.of(int(row["seed"])),
        from_tables=(),
        folder=scan.folder,
        paths=dict(paths or {}),
    )
    opened = inputs.open_atlas(atlas)
    made = inputs.make_regions(dict(regions or {}))
    query, test = inputs.pack(covariates, coordinates, reference, n_jobs)
    inputs.check(f"the pair {row['name']!r} of {scan.folder}")
    if opened is None:
        raise ResultError(f"the atlas of {scan.folder} is not there")
    view = view_atlas(opened, query)
    placed = place_regions([Target(region.name, region) for region in made], view, query)
    if len(made) == 1:
        placed += make_rests(placed, view, sources.rest)  # type: ignore[arg-type]  # as the scan was asked for it
        made += [rest.samples for rest in placed[1:] if rest.samples is not None]
    threshold = sources.arguments.threshold
    result = run_pair(made, query, test, atlas=opened, preset=None, threshold=threshold)
    number = int(row["pair"])
    there = _read_part(scan, number)
    pair = Pair(number, str(row["name"]), *names, int(row["seed"]))
    unequal = _compare_tables(there, _spell_out(lay_out(result.table, pair, None)))
    table = there.to_pandas()
    over_scan = table[(table["p_fwe_scan"] <= scan.alpha).to_numpy(dtype=bool)]
    membership = GroupMembership(
        regions=tuple(scan.regions["region"]),
        n_pairs=int((scan.pairs["status"] == "ok").sum()),
        significant=tuple(label_rows(over_scan).astype(str)),
        page="../../report.html",
    )
    result = replace(result, record=replace(result.record, group=membership))
    return RepeatedPair(result, scan, number, unequal, _list_changes(scan.settings, view, placed, query, test))


def find_pair(pairs: pd.DataFrame, chosen: Sequence[str | int]) -> pd.Series[Any]:
    """The row of a pair with a test, by its name, its number, or its two regions.

    Raises
    ------
    OptionError
        If there is no such pair, there are several, or it has no test.
    """
    if len(chosen) == 2:
        names = pairs[["region_1", "region_2"]]
        found = pairs[((names == list(chosen)) | (names == list(chosen)[::-1])).all(axis=1)]
    elif len(chosen) == 1:
        found = pairs[pairs["name"] == chosen[0]]
        if found.empty and str(chosen[0]).isdecimal():
            found = pairs[pairs["pair"] == int(chosen[0])]
    else:
        raise OptionError(f"a pair is given by its name, its number, or its two regions; got {chosen!r}")
    asked = " and ".join(map(repr, chosen))
    if found.empty:
        known = pairs["name"].tolist() if len(chosen) == 1 else sorted({*pairs["region_1"], *pairs["region_2"]})
        near = [name for text in chosen for name in difflib.get_close_matches(str(text), known, n=2, cutoff=0.5)]
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "pairs.tsv lists its pairs"
        raise OptionError(f"the scan has no pair {asked}; {hint}")
    if len(found) > 1:
        numbers = join_words([str(number) for number in found["pair"]])
        raise OptionError(f"several pairs of the scan are {asked}; name one by its number: {numbers}")
    row = found.iloc[0]
    if row["status"] != "ok":
        raise OptionError(f"the pair {row['name']!r} has no test, and so no page ({row['status']})")
    return row


def _read_sources(scan: Scan) -> Sources:
    if scan.sources is None:
        raise ResultError(
            f"{scan.folder / MANIFEST} does not say where regions and expression came from; make the scan again"
        )
    try:
        return msgspec.convert(scan.sources, Sources)
    except msgspec.ValidationError as error:
        raise ResultError(
            f"{scan.folder / MANIFEST} was changed or is damaged ({error}); make the scan again"
        ) from error


def _read_part(scan: Scan, number: int) -> pyarrow.Table:
    from pyarrow import ArrowException, parquet

    path = scan.folder / RESULTS / name_part(number)
    try:
        return _spell_out(parquet.ParquetFile(path).read())
    except (OSError, ArrowException) as error:
        raise ResultError(f"{path} cannot be read ({error}); remove it and make the scan again") from error


def _compare_tables(there: pyarrow.Table, now: pyarrow.Table) -> tuple[str, ...]:
    """Columns of the results of a pair that are not the same bit for bit; those over the scan do not count."""
    compared = [name for name in there.column_names if name not in SCAN_COLUMNS]
    return tuple(name for name in compared if name not in now.column_names or not there[name].equals(now[name]))


def _spell_out(table: pyarrow.Table) -> pyarrow.Table:
    """A table with its texts as texts, not as numbers of a dictionary."""
    import pyarrow as pa

    kinds = [pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type) for one in table.schema]
    return table.cast(pa.schema(kinds))


def _list_changes(
    settings: dict[str, Any], view: ExpressionAtlas, placed: Sequence[Placed], query: QueryOptions, test: TestOptions
) -> tuple[str, ...]:
    """What is known to have changed since a scan: atlas, samples of the regions, files and versions."""
    there: dict[str, Any] = {"atlas": settings["atlas"], "version of": settings["versions"]}
    now: dict[str, Any] = {"atlas": to_plain(describe_atlas(view)), "version of": list_versions()}
    recorded = settings["regions"]["sha256"]
    changed = [f"samples of {one.name!r}" for one in placed if one.digest != recorded.get(one.name)]
    asked = settings["query"] | settings["test"]
    given = to_plain(options_to_json(query) | options_to_json(test))
    for name in _FILES:
        if _list_digests(asked.get(name)) != _list_digests(given.get(name)):
            changed.append(f"{name} (the content of its file)")
    differences = compare_settings(there, now)
    return (*(entry.replace("version of.", "version of ") for entry in differences), *changed)


def _list_digests(option: Any) -> list[str]:
    """Checksums of the files that an option names, as `jugex.model.options.options_to_json` writes them."""
    entries = [str(entry) for entry in (option if isinstance(option, list) else [option])]
    return [entry[-_DIGITS:] for entry in entries if ": " in entry and len(entry.rpartition(": ")[2]) == _DIGITS]
