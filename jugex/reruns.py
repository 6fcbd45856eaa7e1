"""A run again from its own record, and two results side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from jugex import plots, report
from jugex._arguments import PYTHON_NAMES, explains_keywords
from jugex._text import count_of, format_html, join_words
from jugex.analysis import DifferentialExpression, GeneSetResult, Omnibus
from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import AtlasIdentity, FileRecord
from jugex.comparison import SeveralRegions, run_pair, run_several
from jugex.errors import GeneError, OptionError, RegionError, ResultError, remembering_warnings, tell_problem
from jugex.model.changes import Change, list_changes, tabulate_changes
from jugex.model.options import AtlasLike, CovariatesLike, QueryOptions, TestOptions, find_preset
from jugex.model.record import Arguments, GeneSetsRecord, Randomness, RunRecord, from_json
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.differences import Differences, find_differences
from jugex.pipeline.gene_sets import GeneSetData
from jugex.pipeline.pairs import GroupComparison
from jugex.regions import Region, RegionIdentity, parse_region
from jugex.regions.nifti import local_path
from jugex.regions.recorded import RegionMaker, list_files
from jugex.report.files import holds_group, load_gene_sets
from jugex.report.side_by_side import conclude, save_differences, summarize_differences

__all__ = ["Inputs", "Rerun", "ResultDiff", "diff", "rerun"]

ResultLike = DifferentialExpression | Omnibus | SeveralRegions | GeneSetResult | str | PathLike[str]


@dataclass(frozen=True, eq=False, repr=False)
class ResultDiff(Differences):
    """Two results side by side.

    Attributes
    ----------
    first, second : ComparisonData
        The results; of several regions, the tests of all at once.
    names : tuple of two str
        What they are called.
    changes : tuple of Change
        Choices, inputs, versions and outcomes that differ; `settings` is the same as a table.
    genes : DataFrame
        One row per gene of either result, its columns in both, such as `evidence_1` and `evidence_2`, and `changed`;
        genes whose evidence changes come first, and `changed` of the result holds them alone.
    unequal : DataFrame
        Columns whose numbers differ: `column`, `n_rows`, `largest`.
    same_samples, is_swapped : bool
        Whether both used the same samples; whether the regions have changed places.

    Examples
    --------
    >>> import jugex
    >>> options = {"atlas": "simulated", "genes": ["MAOA", "GAD2"], "n_permutations": 99, "rng": 0}
    >>> one = jugex.compare("simulated:A", "simulated:B", **options)
    >>> other = jugex.compare("simulated:A", "simulated:B", exchange="free", **options)
    >>> found = jugex.diff(one, other)
    >>> found.settings["what"].tolist()[0], found.same_samples, found.same_numbers
    ('exchange', True, False)
    """

    @property
    def settings(self) -> pd.DataFrame:
        """What differs, one row each: `kind`, `what`, `first`, `second`."""
        return tabulate_changes(self.changes)

    def summary(self) -> str:
        """What differs, as the command line prints it."""
        return "\n".join(summarize_differences(self))

    def plot(self, *, n_names: int = 12, ax: Any = None) -> Any:
        """Differences of every gene in one result against those in the other; see `jugex.plots.plot_differences`."""
        return plots.plot_differences(self, n_names=n_names, ax=ax)

    def save(self, directory: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write page, tables and figure into a folder; see `jugex.report.side_by_side.save_differences`."""
        return save_differences(self, directory, overwrite=overwrite)

    def __repr__(self) -> str:
        return f"<ResultDiff: {self.names[0]} and {self.names[1]}: {conclude(self)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: what differs."""
        rows = [(change.kind, change.what, change.first, change.second) for change in self.changes]
        return format_html(
            " and ".join(self.names), [conclude(self)], ["", "differs", *self.names] if rows else (), rows
        )


_OLD_AND_NEW = ("recorded", "now")
_SENSITIVITY = "the run under other choices (result.sensitivity, jugex sensitivity)"


@dataclass(frozen=True, eq=False, repr=False)
class Rerun:
    """A run that was made again.

    Attributes
    ----------
    result : DifferentialExpression or SeveralRegions
        The new result.
    difference : ResultDiff or None
        The old result beside the new one; None where the record was given without its tables, or where genes were
        tested before and single probes now, or the other way round.
    changes : tuple of Change
        Choices, inputs, versions and outcomes that differ.
    gene_sets : GeneSetResult or None
        The gene sets tested again, where the folder of the old result holds some.
    gene_sets_difference : ResultDiff or None
        The old ones beside them.
    not_repeated : tuple of str
        What lies in the folder of the old result and was not made again, and why.
    why_not_compared : str
        Why there is no difference; empty where there is one.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], rng=0)
    >>> jugex.rerun(result.save("to-repeat"))
    <Rerun: Same numbers: 1 gene, all columns agree to 8 digits.>
    """

    result: DifferentialExpression | SeveralRegions
    difference: ResultDiff | None
    changes: tuple[Change, ...]
    gene_sets: GeneSetResult | None = None
    gene_sets_difference: ResultDiff | None = None
    not_repeated: tuple[str, ...] = ()
    why_not_compared: str = ""

    @property
    def same_numbers(self) -> bool | None:
        """Whether all numbers agree to eight digits, those of gene sets too; None where they are not compared."""
        if self.difference is None:
            return None
        return self.difference.same_numbers and (
            self.gene_sets_difference is None or self.gene_sets_difference.same_numbers
        )

    def summary(self) -> str:
        """Whether the numbers are the same, and else what differs and what it changed."""
        lines = [f"Not made again: {join_words(list(self.not_repeated))}."] if self.not_repeated else []
        if self.difference is not None:
            sets = [] if self.gene_sets_difference is None else [f"\nGene sets, {self.gene_sets_difference.summary()}"]
            return "\n".join([self.difference.summary(), *sets, *lines])
        changes = (f"{change.kind}: {change}" for change in self.changes)
        return "\n".join([self._say_uncompared(), *changes, *lines])

    def __repr__(self) -> str:
        return f"<Rerun: {self._say_uncompared() if self.difference is None else conclude(self.difference)}>"

    def _say_uncompared(self) -> str:
        """What can be said where no numbers are compared."""
        n = len(self.changes)
        if not n:
            differ = "Choices, inputs, versions and what followed are the same"
        else:
            differ = f"{count_of(n, 'thing')} in the record differ{'s' * (n == 1)}"
        return f"Run again; {self.why_not_compared}. {differ}."


@explains_keywords
def diff(first: ResultLike, second: ResultLike, *, names: tuple[str, str] | None = None) -> ResultDiff:
    """Set two results side by side: settings that differ, genes whose evidence changes.

    Parameters
    ----------
    first, second : result or path-like
        What `jugex.compare` or `jugex.compare_several` returned, or the folder that it was saved into.
    names : tuple of two str, optional
        What the results are called; default: by their folders, else "first" and "second".

    Returns
    -------
    ResultDiff

    Raises
    ------
    ResultError
        If a folder holds no result, or the results are not of as many regions or have no gene in common.

    Examples
    --------
    >>> import jugex
    >>> options = {"atlas": "simulated", "genes": ["MAOA", "GAD2"], "n_permutations": 99}
    >>> one, other = (jugex.compare("simulated:A", "simulated:B", rng=seed, **options) for seed in (0, 1))
    >>> jugex.diff(one, other).settings["what"].tolist()[0]
    'seed (rng)'
    """
    read = [_read(result) for result in (first, second)]
    called = names if names is not None else _name_results(first, second)
    if len(called) != 2:
        raise OptionError(f"names are two texts, one for each result; got {names!r}")
    return _set_side_by_side(read[0], read[1], (str(called[0]), str(called[1])))


def _set_side_by_side(
    first: ComparisonData | GroupComparison, second: ComparisonData | GroupComparison, names: tuple[str, str]
) -> ResultDiff:
    return ResultDiff(**vars(find_differences(first, second, names)))


def _read(result: ResultLike) -> ComparisonData | GroupComparison:
    """The data of a result, read where it is a folder."""
    if isinstance(result, SeveralRegions):
        return result.comparison
    if isinstance(result, GeneSetResult):
        return result.data
    if isinstance(result, ComparisonData):
        return result
    if not isinstance(result, str | PathLike):
        raise OptionError(f"a result, or the folder that it was saved into, is needed; got {result!r}")
    path = Path(result)
    path = path.parent if path.name == "settings.json" else path
    return report.read_group(path) if path.is_dir() and holds_group(path) else report.read_result(path)


def _name_results(first: ResultLike, second: ResultLike) -> tuple[str, str]:
    """What two results are called: by their folders where these have different names."""
    paths = [Path(result) if isinstance(result, str | PathLike) else None for result in (first, second)]
    names = [
        word if path is None else path.name or str(path) for path, word in zip(paths, ("first", "second"), strict=True)
    ]
    if names[0] == names[1]:
        names = [str(path) for path in paths]
    return names[0], names[1]


@explains_keywords
def rerun(
    source: DifferentialExpression | SeveralRegions | str | PathLike[str],
    *,
    paths: Mapping[str, str] | None = None,
    atlas: AtlasLike | None = None,
    regions: Mapping[str, Region | str] | None = None,
    covariates: CovariatesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    reference: Region | str | None = None,
    changes: Mapping[str, Any] | None = None,
    n_jobs: int = 1,
) -> Rerun:
    """Make a run again from its own record, and compare its numbers with those that were found.

    Genes, samples, seed and all choices are those of the record. Files are read from where they were, or from where
    `paths` says; what was in memory has to be given again. Gene sets that lie in the folder of the result are tested
    again too; those that were in memory, and the run under other choices, are not (`Rerun.not_repeated`).

    Parameters
    ----------
    source : result or path-like
        A result, the folder that it was saved into, or its ``settings.json``.
    paths : mapping of str to str, optional
        Where files are now: a path of the record, or the folders that it begins with, and what stands in its place.
        The command line calls it ``--replace OLD=NEW``.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`; default: the one of the run.
    regions : mapping of str to Region or str, optional
        By their names in the run, regions in place of the recorded ones: needed of images in memory and of siibra.
    covariates, coordinates, reference
        What to take in place of the recorded ones: needed of tables and regions in memory. See `jugex.compare`.
    changes : mapping of str to object, optional
        Choices to make differently, by their names in `jugex.compare`: ``{"exchange": "free"}``.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.

    Returns
    -------
    Rerun
        The new result, and the old one beside it.

    Raises
    ------
    ResultError
        If the record cannot be read, or something that the run read is missing: the message lists all of it.
    OptionError
        If an argument names something that the run does not have.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> folder = result.save("to-change")
    >>> jugex.rerun(folder).same_numbers
    True
    >>> again = jugex.rerun(folder, changes={"exchange": "free"})
    >>> again.difference.settings["what"].tolist()[0]
    'exchange'
    """
    old, record, folder = _open_source(source)
    if record.gene_sets is not None:
        raise ResultError("gene sets are tested with result.gene_sets(...); make the run of their genes again")
    inputs = Inputs.of(record, folder, paths)
    opened = inputs.open_atlas(atlas)
    sets = None if folder is None or len(record.regions) > 2 else _Sets.of(load_gene_sets(folder), inputs)
    result: DifferentialExpression | SeveralRegions
    with remembering_warnings():
        made = inputs.make_regions(dict(regions or {}))
        query, test = inputs.pack(covariates, coordinates, reference, n_jobs)
        inputs.check(str(source) if isinstance(source, str | PathLike) else "result")
        different = {PYTHON_NAMES.get(name, name): value for name, value in (changes or {}).items()}
        threshold = different.pop("threshold", None)
        if threshold is not None:
            made = [region.at_threshold(threshold) if region.thresholds else region for region in made]
        query, test = _choose_differently(query, test, different)
        threshold = record.arguments.threshold if threshold is None else threshold
        run = run_pair if len(made) == 2 else run_several
        result = run(made, query, test, atlas=opened, preset=record.arguments.preset, threshold=threshold)
    apart = [_SENSITIVITY] if folder is not None and (folder / "sensitivity.tsv").exists() else []
    why = "" if record.unit == result.record.unit else f"{record.unit}s and {result.record.unit}s are not compared"
    if old is None:
        why = "a settings.json without its tables holds no numbers to compare"
    if old is None or why:
        if sets is not None:
            apart.insert(0, "the gene sets (result.gene_sets)")
        changed = list_changes(record, result.record)
        return Rerun(result, None, changed, not_repeated=tuple(apart), why_not_compared=why)
    new = result.comparison if isinstance(result, SeveralRegions) else result
    found = _set_side_by_side(old, new, _OLD_AND_NEW)
    again = Rerun(result, found, found.changes, not_repeated=tuple(apart))
    if sets is None or not isinstance(result, DifferentialExpression):
        return again
    tested = sets.test(result)
    if isinstance(tested, str):
        return replace(again, not_repeated=(f"the gene sets ({tested})", *apart))
    return replace(
        again,
        gene_sets=tested,
        gene_sets_difference=_set_side_by_side(sets.old.data, tested.data, _OLD_AND_NEW),
    )


@dataclass(frozen=True, eq=False)
class _Sets:
    """Gene sets of the old result, and where their files are now; None where one was not found."""

    old: GeneSetData
    files: tuple[str | None, ...]

    @classmethod
    def of(cls, old: GeneSetData | None, inputs: Inputs) -> _Sets | None:
        if old is None:
            return None
        return cls(old, tuple(file if file == "simulated" else inputs.find(file) for file in _record_of(old).files))

    def test(self, result: DifferentialExpression) -> GeneSetResult | str:
        """The sets tested again, or why they cannot be."""
        record = _record_of(self.old)
        missing = [file for file, found in zip(record.files, self.files, strict=True) if found is None]
        if missing:
            return f"{missing[0]} is not there: say where it is now with {_say_replace(missing[0])}"
        if not self.files:
            return "they were in memory: test them with result.gene_sets"
        try:
            return result.gene_sets(
                [file for file in self.files if file is not None],
                kind=record.kind,
                min_size=record.min_size,
                max_size=record.max_size,
            )
        except (GeneError, ResultError) as error:  # other choices may leave no set, or test probes by themselves
            return str(error)


def _record_of(sets: GeneSetData) -> GeneSetsRecord:
    """What a test of gene sets recorded of them."""
    record = sets.data.record.gene_sets
    if record is None:
        raise ResultError("the folder gene_sets holds a result of genes; remove it, or make the run again")
    return record


def _open_source(source: Any) -> tuple[ComparisonData | GroupComparison | None, RunRecord, Path | None]:
    """The old result where there is one, its record, and the folder it was read from."""
    if not isinstance(source, str | PathLike):
        data = _read(source)
        return data, (data.data if isinstance(data, GroupComparison) else data).record, None
    path = Path(source)
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or any((folder / name).exists() for name in ("results.tsv", "omnibus.tsv")):
        data = _read(folder)
        return data, (data.data if isinstance(data, GroupComparison) else data).record, folder
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ResultError(
            f"{path} cannot be read ({tell_problem(error)}); name the folder of a result, or its settings.json"
        ) from error
    return None, from_json(text, source=str(path)), folder


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a run read, looked for again; `missing` gathers what is not there, and what to do about each.

    Attributes
    ----------
    arguments : Arguments
        Its options.
    atlas : AtlasIdentity
        With the donors in use, as it was looked at.
    regions : dict of str to RegionIdentity
        By their names in the run, in its order.
    randomness : Randomness
    from_tables : tuple of str
        Covariates that came from tables.
    folder : Path or None
        Of the result: files that are named without a folder may lie beside it.
    paths : dict of str to str
        Where files are now, see `rerun`.
    """

    arguments: Arguments
    atlas: AtlasIdentity
    regions: Mapping[str, RegionIdentity]
    randomness: Randomness
    from_tables: tuple[str, ...]
    folder: Path | None
    paths: Mapping[str, str]
    missing: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, record: RunRecord, folder: Path | None, paths: Mapping[str, str] | None) -> Inputs:
        """What the run of a record read."""
        return cls(
            arguments=record.arguments,
            atlas=record.atlas,
            regions={region.name: region.identity for region in record.regions},
            randomness=record.permutation.randomness,
            from_tables=tuple(covariate.name for covariate in record.covariates if covariate.from_table),
            folder=folder,
            paths=dict(paths or {}),
        )

    def find(self, recorded: str) -> str | None:
        """Where a file or folder of the record is now; None if it is nowhere."""
        for old, new in self.paths.items():
            if recorded == old or recorded.startswith((old.rstrip("/\\") + "/", old.rstrip("/\\") + "\\")):
                self.used.add(old)
                recorded = new + recorded[len(old.rstrip("/\\")) :] if recorded != old else new
                break
        candidates = [local_path(recorded)]
        if self.folder is not None and not PurePath(recorded).is_absolute():
            candidates += [self.folder.parent / recorded, self.folder / recorded]
        return next((str(path) for path in candidates if path.exists()), None)

    def need(self, recorded: str, what: str) -> str:
        """Where a file is now; what is not there is gathered."""
        found = self.find(recorded)
        if found is None:
            self.missing.append(f"{what} {recorded} is not there: say where it is now with {_say_replace(recorded)}")
        return found or recorded

    def open_atlas(self, given: AtlasLike | None) -> ExpressionAtlas | None:
        """The atlas of the run, with its donors and as it was looked at; None if it is missing."""
        atlas, source = self.atlas, self.atlas.source
        donors = [donor.donor_name for donor in atlas.donors]
        place: AtlasLike | None = given
        if given is None:
            if source.kind in ("simulated", "allen-api"):
                place = source.kind
            elif source.path is None:
                self.missing.append(f"the atlas {atlas.name!r} was in memory: give it in Python, atlas=...")
                return None
            else:
                place = self.find(source.path)
                if place is None:
                    self.missing.append(
                        f"the atlas {source.path} is not there: name the folder with --atlas (in Python atlas=...)"
                    )
                    return None
        return self._view(open_atlas(place, donors=donors))

    def _view(self, atlas: ExpressionAtlas) -> ExpressionAtlas:
        """The atlas as the run was given it, where that was a view of it already, as the one given now may be."""
        changes, arguments, made = self.atlas.changes, self.arguments, atlas.changes
        if changes.reannotation is not None and arguments.reannotation is None and made.reannotation is None:
            file = self._need_file(changes.reannotation.file, "re-annotation")
            atlas = atlas.reannotated(file) if file else atlas
        is_choice = arguments.coordinates is not None or "coordinates" in arguments.in_memory
        if changes.coordinates is not None and not is_choice and made.coordinates is None:
            files = [self._need_file(file, "table of coordinates") for file in changes.coordinates.files]
            atlas = atlas.with_coordinates([file for file in files if file]) if all(files) else atlas
        if changes.mirror is not None and arguments.mirror is None and atlas.changes.mirror is None:
            atlas = atlas.mirrored(changes.mirror.side)
        return atlas

    def _need_file(self, file: FileRecord, what: str) -> str | None:
        if file.file is None:
            self.missing.append(f"the {what} of the atlas was in memory: give the atlas in Python, atlas=...")
            return None
        found = self.need(file.file, f"the {what}")
        return found if Path(found).exists() else None

    def make_regions(self, given: dict[str, Region | str]) -> list[Region]:
        """The regions of the run, under their names."""
        names = list(self.regions)
        texts = {old: new for old, new in self.paths.items() if old in names}
        self.used.update(texts)
        unknown = [name for name in given if name not in names]
        if unknown:
            raise OptionError(
                f"the run has no region called {unknown[0]!r}; its regions are {join_words(list(map(repr, names)))}"
            )
        arguments = self.arguments
        maker = RegionMaker(self.find, arguments.tolerance, arguments.voxel)
        made = []
        for name, identity in self.regions.items():
            asked = given.get(name, texts.get(name))
            if asked is not None:
                threshold = 0.2 if arguments.threshold is None else arguments.threshold
                one = parse_region(asked, threshold=threshold) if isinstance(asked, str) else asked
                made.append(one.renamed(name))
                continue
            try:
                made.append(maker.make(replace(identity, name=name)))
            except RegionError as error:
                self.missing.append(f"{error}{self._advise(identity, name)}")
        return made

    def _advise(self, identity: RegionIdentity, name: str) -> str:
        """What to do about a region that cannot be made again."""
        files = [file for file in list_files(identity) if self.find(file) is None]
        if files:
            return f": say where it is now with {_say_replace(files[0])}"
        hint = _say_replace(name, "map.nii.gz")
        return f": name a file in its place with {hint}, or a Region in Python, regions={{{name!r}: ...}}"

    def pack(
        self,
        covariates: CovariatesLike | None,
        coordinates: CoordinatesLike | None,
        reference: Region | str | None,
        n_jobs: int,
    ) -> tuple[QueryOptions, TestOptions]:
        """The options of the run."""
        arguments, randomness = self.arguments, self.randomness
        given = {"covariates": covariates, "coordinates": coordinates, "reference": reference}
        for name in arguments.in_memory:
            if given.get(name) is None:
                self.missing.append(f"{name} were in memory, or a region was: give them in Python, {name}=...")
        if coordinates is None and arguments.coordinates is not None:
            coordinates = [self.need(file, "the table of coordinates") for file in arguments.coordinates]
        if reference is None and "reference" not in arguments.in_memory:
            reference = self._replace_text(arguments.reference)
        if covariates is None and "covariates" not in arguments.in_memory:
            covariates = self._find_covariates()
        query = QueryOptions(
            genes=arguments.genes,
            overlap=arguments.overlap,
            within=arguments.within,
            exclude=arguments.exclude,
            tolerance=arguments.tolerance,
            voxel=arguments.voxel,
            aliases=None if arguments.aliases is None else self.need(arguments.aliases, "the table of aliases"),
            coordinates=coordinates,
            mirror=arguments.mirror,  # type: ignore[arg-type]  # checked when it was recorded
            reannotation=None if arguments.reannotation is None else self.need(arguments.reannotation, "the table"),
            min_present=arguments.min_present,
            present_in=arguments.present_in,
            require_entrez=arguments.require_entrez,
        )
        several = len(self.regions) > 2
        test = TestOptions(
            n_permutations=arguments.n_permutations,
            rng=randomness.make_generator() if randomness.seed is None else randomness.seed,
            statistic=arguments.statistic,
            exchange=arguments.exchange,
            probes=arguments.probes,
            covariates=covariates,
            alpha=arguments.alpha,
            n_jobs=n_jobs,
            tail=arguments.tail,
            missing=arguments.missing,
            collinear=find_preset(arguments.preset).collinear if several else arguments.collinear,
            background=arguments.background,
            ladder=arguments.ladder,
            reference=reference,
        )
        return query, test

    def _find_covariates(self) -> list[str | pd.DataFrame] | None:
        """Covariates by their names, and tables by where they are now."""
        arguments, from_tables = self.arguments, set(self.from_tables)
        if arguments.covariates_given is None:
            if from_tables:
                self.missing.append(f"the table of covariates ({', '.join(sorted(from_tables))}): covariates=...")
            return list(arguments.covariates) if arguments.covariates else None
        names = set(arguments.covariates or ()) - from_tables
        return [
            entry if entry in names else self.need(entry, "the table of covariates")
            for entry in arguments.covariates_given
        ]

    def _replace_text(self, text: str | None) -> str | None:
        """A region in words, with the files that it names where they are now."""
        if text is None:
            return None
        for old, new in self.paths.items():
            if old in text:
                self.used.add(old)
                text = text.replace(old, new)
        return text

    def check(self, source: str) -> None:
        """Refuse a run of which something is missing, or paths that it does not have.

        Raises
        ------
        ResultError, OptionError
        """
        if self.missing:
            raise ResultError(f"{source} cannot be run again from its record alone; {'; '.join(self.missing)}")
        unused = [old for old in self.paths if old not in self.used]
        if unused:
            files = [file for identity in self.regions.values() for file in list_files(identity)]
            known = [*filter(None, [self.atlas.source.path]), *files]
            hint = f"it read {', '.join(dict.fromkeys(known))}" if known else "it read no file"
            raise OptionError(f"no path of the run is or begins with {unused[0]!r}; {hint}")


def _say_replace(recorded: str, new: str = "NEW") -> str:
    """The option of the command line, and its name in Python."""
    return f'--replace "{recorded}={new}" (in Python paths={{{recorded!r}: {new!r}}})'


def _choose_differently(
    query: QueryOptions, test: TestOptions, changes: dict[str, Any]
) -> tuple[QueryOptions, TestOptions]:
    """The options of a run with some choices made differently."""
    of_query, of_test = set(vars(query)), set(vars(test)) - {"n_jobs", "diagnostic"}
    unknown = [name for name in changes if name not in of_query | of_test]
    if unknown:
        choices = ", ".join(sorted(of_query | of_test | {"threshold"}))
        raise OptionError(f"there is no choice {unknown[0]!r}; there are {choices}")
    query = replace(query, **{name: value for name, value in changes.items() if name in of_query})
    return query, replace(test, **{name: value for name, value in changes.items() if name in of_test})
