"""A scan from its arguments to its folder: plan, pairs, error rates over all of them."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._arguments import explains_packed
from jugex._text import count_of, expand_home
from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.errors import OptionError
from jugex.genes import Aliases, AliasesLike, read_aliases
from jugex.model.columns import RESULT_COLUMNS, TAIL_COLUMNS
from jugex.model.options import AtlasLike, QueryOptions, TestOptions, count_threads, options_to_json
from jugex.model.record import list_versions, today
from jugex.pipeline.records import list_arguments
from jugex.progress import track
from jugex.query.samples import view_atlas
from jugex.query.targets import RegionsLike, read_targets
from jugex.regions.label_tables import LabelsLike
from jugex.report.tables import format_tsv
from jugex.scanning.control import control_scan
from jugex.scanning.folder import (
    FORMAT,
    RESULTS,
    Json,
    Outcome,
    ScanFolder,
    Sources,
    check_folder,
    name_part,
    read_manifest,
    to_plain,
)
from jugex.scanning.pair import COLUMNS, Job
from jugex.scanning.results import PAIR_COLUMNS, REGION_COLUMNS, Markers, Scan, load_scan
from jugex.scanning.targets import (
    Pair,
    PairsLike,
    Placed,
    Rest,
    group_pairs,
    list_pairs,
    place_regions,
)

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Plan", "plan_scan", "scan"]

#: More relabellings than this many times the first ones are not made.
_MOST_MORE = 20
#: Groups of pairs in which a plan measures time, the largest ones.
_N_MEASURED = 3
Floats = npt.NDArray[np.float64]


@explains_packed(query=QueryOptions, test=TestOptions)
def scan(
    regions: RegionsLike,
    *,
    out: str | PathLike[str],
    atlas: AtlasLike | None = None,
    pairs: PairsLike = "all",
    rest: Rest = "matched",
    query: QueryOptions | None = None,
    test: TestOptions | None = None,
    threshold: float = 0.2,
    labels: LabelsLike | None = None,
    space: str | None = None,
    columns: str | Sequence[str] | None = None,
    most_permutations: int | None = None,
    workers: int = 1,
    client: Client | None = None,
) -> Scan:
    """Compare many pairs of regions, gene by gene, into a folder.

    Killed at any moment, the same call goes on where it was: pairs that are done are not computed again. Neither their
    order nor the number of workers changes a number.

    Parameters
    ----------
    regions : str, path or sequence of Region or str
        A parcellation (``"juelich"``), an image of labels, or regions as `jugex.compare` takes them; none (an empty
        list) if the list of pairs names them.
    out : path-like
        Folder to write, or to go on in: one with a scan of other settings is refused.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`. From a store, which every worker opens by itself, it is quickest.
    pairs : {'all', 'one-vs-rest', 'left-vs-right', 'neighbours'}, path or sequence
        Every two regions; each region with a rest; each region of the left with its namesake of the right; regions with
        voxels side by side; or a table with the columns `region_1`, `region_2` and perhaps `name`, or a list of
        (region 1, region 2) or (name, region 1, region 2), by the names of regions or as texts.
    rest : {'matched', 'class', 'brain'}
        Of 'one-vs-rest': all other samples of the region's class of tissue on its side, of its class, or of the brain.
    query : QueryOptions, optional
        Which genes, donors and samples.
    test : TestOptions, optional
        How genes are tested; ``rng`` is None or the seed of the scan, from which the seed of each pair follows.
    threshold : float
        Of probability maps.
    labels, space
        See `jugex.Region.from_image`; of an image of labels.
    columns : 'all' or sequence of str, optional
        Columns of `jugex.DifferentialExpression.table` to keep; default: `gene`, `diff`, `f`, `p_perm`, `p_fwe`,
        `p_donors`, `p_spatial`, `evidence`, `status`.
    most_permutations : int, optional
        Relabellings of a pair in which none of the first ``test.n_permutations`` reached the largest F; default: twice
        the number of pairs over alpha, as many as the family of all pairs asks for, but at most 20 times the first. 0,
        or no more than the first: none.
    workers : int
        Processes on this machine; 1: this one, -1: one per core. A script that asks for more than one must do its work
        below ``if __name__ == "__main__":``.
    client : dask.distributed.Client, optional
        Use the workers of this cluster instead (extra ``dask``), which must see `out` and the store under the same
        paths.

    Returns
    -------
    Scan
        Also later by `jugex.load_scan`.

    Raises
    ------
    OptionError
        If an option has a value that is not allowed, or there is no pair.
    OutputError
        If the folder cannot be written, holds something else, or a scan with other settings.
    ScanError
        If workers die again and again at the same pair, or Dask has none.
    JugexError
        Whatever `jugex.open_atlas` or the regions raise. Pairs that admit no test raise nothing: they are listed in
        ``pairs.tsv`` with the reason.

    Notes
    -----
    Within a pair, the columns are those of `jugex.compare`, bit for bit, with the `seed` and `n_permutations` of the
    pair. Over the scan, `p_fwe_scan` is Holm's correction over the pairs of `p_fwe`, which is corrected over the genes
    already; `p_donors_fwe_scan` and `p_spatial_fwe_scan` are Holm's corrections over every gene of every pair; each
    controls the probability of one false call or more in the whole scan on its rung. `q_fdr_scan`, `q_donors_scan` and
    `q_spatial_scan` are Benjamini and Hochberg's false discovery rates over every gene of every pair.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> found = jugex.scan(regions, atlas="simulated", out="scan", query=jugex.QueryOptions(genes=["MAOA", "GAD2"]),
    ...                    test=jugex.TestOptions(n_permutations=999, rng=0))
    >>> found.pairs[["region_1", "status"]].iloc[0].tolist()
    ['simulated area A, left', 'ok']
    >>> found.read(["gene", "p_spatial", "evidence"], genes=["MAOA"]).shape
    (3, 3)
    """
    folder = expand_home(out)
    check_folder(folder)
    asked = _Asked(
        regions=regions,
        atlas=atlas,
        pairs=pairs,
        rest=rest,
        query=QueryOptions() if query is None else query,
        test=_seed(TestOptions() if test is None else test, folder),
        threshold=threshold,
        labels=labels,
        space=space,
        columns=_choose_columns(columns),
        most_permutations=most_permutations,
    )
    prepared = _prepare(asked, folder)
    with ScanFolder.opened(folder.absolute(), prepared.manifest) as opened:
        done = {outcome.pair: outcome for outcome in prepared.impossible} | opened.read_done()
        if not (opened.manifest.get("finished") and len(done) == len(prepared.pairs)):
            left = [[pair for pair in group if pair.number not in done] for group in prepared.groups]
            job = replace(prepared.job, folder=opened.path)
            _compute(job, [group for group in left if group], opened, done, workers, client)
            _finish(opened, prepared, done)
    return load_scan(folder)


def _compute(
    job: Job, groups: Sequence[Sequence[Pair]], folder: ScanFolder, done: dict[int, Outcome], workers: int, client: Any
) -> None:
    """Compute the pairs that are left, and note each."""
    from jugex.scanning.workers import connect, hire, run_pairs

    n = sum(map(len, groups))
    if not n:
        return
    n_workers = min(count_threads(workers), n)
    if client is not None:
        job = replace(job, test=replace(job.test, n_jobs=1))
        crew = connect(job, client)
    else:
        job = job if n_workers == 1 else replace(job, test=replace(job.test, n_jobs=1))
        crew = hire(job, n_workers)
    for outcome in track(run_pairs(crew, groups), description="pairs of regions", total=n, unit="pair"):
        folder.note(outcome)
        done[outcome.pair] = outcome


# --- what a scan is made of ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """What a scan is asked for; the fields are documented at `scan`."""

    regions: RegionsLike
    atlas: AtlasLike | None
    pairs: PairsLike
    rest: Rest
    query: QueryOptions
    test: TestOptions
    threshold: float
    labels: LabelsLike | None
    space: str | None
    columns: tuple[str, ...] | None
    most_permutations: int | None


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Everything before the work: regions and pairs, in groups with the same tissue around them."""

    pairs: list[Pair]
    groups: list[list[Pair]]
    impossible: list[Outcome]
    placed: list[Placed]
    job: Job
    manifest: Json


def _prepare(asked: _Asked, folder: Path) -> _Prepared:
    query, test = asked.query, asked.test
    seed = int(test.source)  # type: ignore[arg-type]  # `_seed` has refused a generator
    source = open_atlas(asked.atlas, donors=query.donors)
    if source.is_remote:
        raise OptionError(
            f"a scan reads all samples of the atlas, and {source.name} is asked over the network; give a store"
        )
    view = view_atlas(source, query)
    given = asked.regions if isinstance(asked.regions, str | PathLike) else list(asked.regions)
    targets = []
    if given:  # else the list of pairs names them
        targets = read_targets(given, threshold=asked.threshold, labels=asked.labels, space=asked.space)
    placed = place_regions(targets, view, query)
    listed, more = list_pairs(placed, asked.pairs, view, query, rest=asked.rest, seed=seed, threshold=asked.threshold)
    rests = [region for region in more if region.target is None]
    placed += [region for region in more if region.target is not None]
    by_name = {region.name: region for region in (*placed, *rests)}
    held = {name: region.samples for name, region in by_name.items() if region.samples is not None}
    possible = [pair for pair in listed if pair.region_1 in held and pair.region_2 in held]
    impossible = [
        Outcome(
            pair.number,
            f"impossible: {next(by_name[name].why for name in (pair.region_1, pair.region_2) if name not in held)}",
            "a region holds no sample",
        )
        for pair in listed
        if pair.region_1 not in held or pair.region_2 not in held
    ]
    n_more = _choose_more(asked.most_permutations, len(possible), test)
    aliases = query.aliases
    if isinstance(aliases, str | PathLike):
        aliases = read_aliases(aliases)
    # the view has the donors, coordinates, hemisphere and probes; the regions tolerance and voxels
    of_pair = replace(
        query,
        donors=None,
        coordinates=None,
        mirror=None,
        reannotation=None,
        tolerance=0.0,
        voxel="nearest",
        aliases=aliases,
    )
    job = Job(view, held, of_pair, test, folder, asked.columns, n_more)
    settings = {
        "seed": seed,
        "query": options_to_json(query),
        "test": {name: value for name, value in options_to_json(test).items() if name not in _NO_NUMBERS},
        "columns": "all" if asked.columns is None else list(asked.columns),
        "most_permutations": n_more,
        "pairs": {
            "rule": asked.pairs if isinstance(asked.pairs, str) else "listed",
            "n": len(listed),
            "sha256": _digest(map(repr, listed)),
        },
        "rest": asked.rest if asked.pairs == "one-vs-rest" else None,
        "regions": {"n": len(placed), "sha256": {region.name: region.digest for region in (*placed, *rests)}},
        "atlas": describe_atlas(view),
        "versions": list_versions(),
    }
    manifest = {
        "format": FORMAT,
        "date": today(),
        "finished": False,
        "simulated": view.simulated,
        "n_possible": len(possible),
        "settings": to_plain(settings),
        "sources": to_plain(msgspec.to_builtins(_find_sources(asked, aliases, view, placed), str_keys=True)),
    }
    one_reference = test.reference is not None or not test.ladder
    groups = group_pairs(possible, held, view, one_reference=one_reference)
    return _Prepared(listed, groups, impossible, placed, job, manifest)


#: Options that change no number of a pair: what only a page shows, the number of threads, and the seed, kept apart.
_NO_NUMBERS = ("rng", "n_jobs", "background", "diagnostic")


def _seed(test: TestOptions, folder: Path) -> TestOptions:
    """The test with a seed: that of the scan in the folder, where none is given."""
    if isinstance(test.rng, np.random.Generator):
        raise OptionError("a scan needs a seed, since it can be repeated and resumed: give rng a whole number, or None")
    if test.rng is None and (folder / "scan.json").exists():
        return replace(test, rng=int(read_manifest(folder)["settings"]["seed"]))
    return test.seeded()


def _choose_columns(columns: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Columns to keep, None for all; what the scan itself needs is always among them."""
    if columns is None:
        return COLUMNS
    if isinstance(columns, str):
        if columns != "all":
            raise OptionError(f"columns must be 'all' or names of columns; got {columns!r}")
        return None
    unknown = [name for name in columns if name not in (*RESULT_COLUMNS, *TAIL_COLUMNS)]
    if unknown:
        raise OptionError(f"there is no column {unknown[0]!r}; there are {', '.join(RESULT_COLUMNS)}")
    return tuple(dict.fromkeys([*COLUMNS, *columns]))


def _choose_more(most: int | None, n_pairs: int, test: TestOptions) -> int:
    """Relabellings of promising pairs, by a rule that knows the number of pairs only; 0 for none."""
    first = int(test.n_permutations)
    if most is not None and (isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 0):
        raise OptionError(f"most_permutations must be a whole number of at least 0; got {most!r}")
    more = min(math.ceil(2 * n_pairs / test.alpha), _MOST_MORE * first) if most is None else int(most)
    return more if more > first else 0


def _find_sources(
    asked: _Asked, aliases: AliasesLike | None, view: ExpressionAtlas, placed: Sequence[Placed]
) -> Sources:
    """Where the regions and the expression of a scan came from, and its options."""
    arguments = list_arguments(
        asked.query,
        asked.test,
        donors=view.donors["donor_name"].tolist(),
        genes=asked.query.genes,  # type: ignore[arg-type]  # cleaned when it was packed
        aliases=aliases if isinstance(aliases, Aliases) else None,
    )
    return Sources(
        arguments=replace(arguments, threshold=asked.threshold),
        atlas=view.identity(),
        regions={region.name: region.identity for region in placed if region.identity is not None},
        rest=asked.rest if asked.pairs == "one-vs-rest" else None,
    )


def describe_atlas(view: ExpressionAtlas) -> Json:
    """What determines the values: not where the files lie."""
    identity: Json = msgspec.to_builtins(view.identity(), str_keys=True)
    source = dict(identity.get("source") or {})
    source.pop("path", None)
    source["files"] = _digest(repr(file.get("sha256")) for file in source.get("files") or ())
    return {**identity, "source": source}


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


# --- over the whole scan ------------------------------------------------------------------------------------------


def _finish(folder: ScanFolder, prepared: _Prepared, done: dict[int, Outcome]) -> None:
    """Correct over the scan, add what it says to every part, and write the tables beside them."""
    tested = [pair for pair in prepared.pairs if done[pair.number].status == "ok"]
    alpha = float(prepared.job.test.alpha)
    markers = Markers([region.name for region in prepared.placed])
    counts = control_scan(folder.path, tested, alpha, markers)
    rows = [vars(pair) | vars(done[pair.number]) | counts.get(pair.number, {}) for pair in prepared.pairs]
    pairs = pd.DataFrame(rows).reindex(columns=list(PAIR_COLUMNS))
    regions = pd.DataFrame([_describe_region(region) for region in prepared.placed], columns=list(REGION_COLUMNS))
    tables = {"pairs.tsv": pairs.astype(PAIR_COLUMNS), "regions.tsv": regions, "markers.tsv": markers.tabulate()}
    folder.finish(
        {name: format_tsv(table).encode() for name, table in tables.items()},
        {"alpha": alpha, "n_pairs": len(rows), "n_tested_pairs": len(tested)},
    )


def _describe_region(region: Placed) -> Json:
    x, y, z = region.centre
    return {
        "region": region.name, "n_samples": region.n_samples, "n_donors": region.n_donors,
        "mni_x": x, "mni_y": y, "mni_z": z, "status": region.why or "ok",
    }  # fmt: skip


# --- a plan -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a scan would take, before anything is written.

    Attributes
    ----------
    n_regions, n_empty : int
        Regions, and those without a sample.
    n_pairs, n_possible : int
        Pairs, and those whose regions both have samples.
    n_references : int
        Groups of pairs that share the tissue around them.
    n_measured : int
        Pairs that were computed to measure time.
    seconds_all : float
        Of all pairs with one worker, without more relabellings: of each of the largest groups the first pair, whose
        tissue is new, and the next ones were measured apart.
    seconds_more : float
        Added where none of the first relabellings reached the largest F.
    n_more : int
        Relabellings of such a pair; 0: no more.
    bytes_disk, bytes_memory : int
        Of the results, and of a worker at its largest.
    workers : int
    """

    n_regions: int
    n_empty: int
    n_pairs: int
    n_possible: int
    n_references: int
    n_measured: int
    seconds_all: float
    seconds_more: float
    n_more: int
    bytes_disk: int
    bytes_memory: int
    workers: int

    @property
    def seconds(self) -> float:
        """Expected time of the pairs, in seconds, without more relabellings."""
        return self.seconds_all / self.workers

    def __str__(self) -> str:
        empty = f", {self.n_empty:,} without a sample" if self.n_empty else ""
        lines = [
            f"regions: {self.n_regions:,}{empty}",
            f"pairs: {self.n_pairs:,}, of which {self.n_possible:,} have samples in both regions, against "
            f"{count_of(self.n_references, 'reference')}",
            f"time: about {_format_time(self.seconds)} with {count_of(self.workers, 'worker')} "
            f"({self.seconds_all / max(self.n_possible, 1):.2g} s per pair and worker; measured on "
            f"{count_of(self.n_measured, 'pair')})",
        ]
        if self.n_more:
            most = _format_time(self.n_possible * self.seconds_more / self.workers)
            lines.append(
                f"more: {self.n_more:,} relabellings of each pair in which none of the first reached the largest F, "
                f"about {self.seconds_more:.2g} s each ({most} if these were all pairs)"
            )
        lines += [
            f"memory: {self.bytes_memory / 2**20:,.0f} MB per worker",
            f"disk: about {self.bytes_disk / 2**20:,.1f} MB",
        ]
        return "\n".join(lines)


def _format_time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@explains_packed(query=QueryOptions, test=TestOptions)
def plan_scan(
    regions: RegionsLike,
    *,
    atlas: AtlasLike | None = None,
    pairs: PairsLike = "all",
    rest: Rest = "matched",
    query: QueryOptions | None = None,
    test: TestOptions | None = None,
    threshold: float = 0.2,
    labels: LabelsLike | None = None,
    space: str | None = None,
    columns: str | Sequence[str] | None = None,
    most_permutations: int | None = None,
    workers: int = 1,
) -> Plan:
    """Count the pairs of a scan, and measure on a few of them what it would take; nothing is kept.

    Parameters
    ----------
    regions, atlas, pairs, rest, query, test, threshold, labels, space, columns, most_permutations, workers
        As of `jugex.scan`.

    Returns
    -------
    Plan

    Raises
    ------
    JugexError
        As `jugex.scan` does, but for the folder.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> plan = jugex.plan_scan(regions, atlas="simulated", query=jugex.QueryOptions(genes=["MAOA", "GAD2"]),
    ...                        test=jugex.TestOptions(n_permutations=999, rng=0))
    >>> plan.n_regions, plan.n_pairs, plan.n_references
    (3, 3, 1)
    """
    import resource
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / RESULTS).mkdir()
        asked = _Asked(
            regions=regions,
            atlas=atlas,
            pairs=pairs,
            rest=rest,
            query=QueryOptions() if query is None else query,
            test=_seed(replace(TestOptions(rng=0) if test is None else test, n_jobs=1), folder),
            threshold=threshold,
            labels=labels,
            space=space,
            columns=_choose_columns(columns),
            most_permutations=most_permutations,
        )
        prepared = _prepare(asked, folder)
        job = replace(prepared.job, n_more=0)
        seconds: list[tuple[float, float]] = []
        measured: list[Pair] = []
        n_bytes: list[int] = []
        if prepared.groups:
            job.run(prepared.groups[0][0])  # compiles what is compiled
        for group in prepared.groups[:_N_MEASURED]:
            job = replace(job, atlas=_fresh(job.atlas))
            taken = []
            for pair in group[:2]:
                begin = time.perf_counter()
                outcome = job.run(pair)
                taken.append(time.perf_counter() - begin)
                if outcome.status == "ok":
                    measured.append(pair)
                    n_bytes.append((folder / RESULTS / name_part(pair.number)).stat().st_size)
            seconds.append((taken[0], taken[-1]))
        more = 0.0
        if prepared.job.n_more and measured:
            more = _time(lambda: replace(job, test=replace(job.test, ladder=False)).run(measured[-1]))
            more *= prepared.job.n_more / job.test.n_permutations
    sizes = np.array([len(group) for group in prepared.groups])
    known = np.array(seconds).reshape(-1, 2)
    other = known.mean(axis=0) if len(known) else np.zeros(2)
    each = np.vstack([known, np.tile(other, (len(sizes) - len(known), 1))])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Plan(
        n_regions=len(prepared.placed),
        n_empty=sum(region.samples is None for region in prepared.placed),
        n_pairs=len(prepared.pairs),
        n_possible=sum(map(len, prepared.groups)),
        n_references=len(prepared.groups),
        n_measured=len(measured),
        seconds_all=float((each[:, 0] + (sizes - 1) * each[:, 1]).sum()),
        seconds_more=more,
        n_more=prepared.job.n_more,
        bytes_disk=int(np.mean(n_bytes) * sum(map(len, prepared.groups)) * 1.5) if n_bytes else 0,
        bytes_memory=int(peak),
        workers=count_threads(workers),
    )


def _time(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def _fresh(atlas: ExpressionAtlas) -> ExpressionAtlas:
    """The same atlas, of which nothing was measured yet."""
    return atlas.with_donors(atlas.donors["donor_name"].tolist())
