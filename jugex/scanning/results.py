"""What a scan found, read from its folder: pairs, regions, markers, and the genes of every pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._arguments import explains_keywords
from jugex._text import count_of, expand_home, join_words
from jugex.atlas.annotation import CoordinatesLike
from jugex.errors import OptionError, ResultError
from jugex.model.options import AtlasLike, CovariatesLike
from jugex.regions import Region
from jugex.scanning.folder import MANIFEST, RESULTS, name_part, read_journal, read_manifest

if TYPE_CHECKING:
    import pyarrow

    from jugex.scanning.repeated import RepeatedPair

__all__ = ["MARKER_COLUMNS", "PAIR_COLUMNS", "REGION_COLUMNS", "Markers", "Scan", "load_scan"]

#: Columns of ``pairs.tsv``.
PAIR_COLUMNS = {
    "pair": "Int64", "name": "object", "region_1": "object", "region_2": "object", "status": "object",
    "reason": "object", "spatial": "Int64", "donors": "Int64", "samples": "Int64",
    "spatial_scan": "Int64", "donors_scan": "Int64", "samples_scan": "Int64", "n_tested": "Int64",
    "n_samples_1": "Int64", "n_samples_2": "Int64", "n_donors_both": "Int64", "seed": "Int64",
    "n_permutations": "Int64", "n_relabellings": "Int64", "exhaustive": "boolean", "smallest_p": "float64",
    "why_no_donors": "object", "why_no_spatial": "object",
}  # fmt: skip
#: Columns of ``regions.tsv``.
REGION_COLUMNS = {
    "region": "object", "n_samples": "Int64", "n_donors": "Int64", "mni_x": "float64", "mni_y": "float64",
    "mni_z": "float64", "status": "object",
}  # fmt: skip
#: Columns of ``markers.tsv``.
MARKER_COLUMNS = {
    "region": "object", "rank": "Int64", "gene": "object", "spatial": "Int64", "donors": "Int64", "samples": "Int64",
    "scan": "Int64", "n_pairs": "Int64", "diff": "float64",
}  # fmt: skip
_N_MARKERS = 50
_RUNGS = ("spatial", "donors", "samples")


def _read_tsv(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    table = pd.read_csv(path, sep="\t", dtype={name: "str" for name, kind in columns.items() if kind == "object"},
                        keep_default_na=False, na_values={name: [""] for name in columns})  # fmt: skip
    for name, kind in columns.items():
        if kind == "object":
            table[name] = table[name].fillna("").astype(object)
    return table.astype({name: kind for name, kind in columns.items() if kind != "object"})


class Markers:
    """Which genes are higher in each region, counted over its pairs.

    Parameters
    ----------
    regions : sequence of str
    """

    def __init__(self, regions: Sequence[str]) -> None:
        self._numbers = {name: number for number, name in enumerate(regions)}
        self._genes: npt.NDArray[np.object_] = np.empty(0, dtype=object)
        self._counts = np.zeros((len(regions), 4, 0), dtype=np.int32)
        self._diff = np.zeros((len(regions), 0))
        self._best = np.zeros((len(regions), 0))
        self._n_pairs = np.zeros(len(regions), dtype=np.intp)

    def add(self, region_1: str, region_2: str, table: pyarrow.Table, over_scan: npt.NDArray[np.object_]) -> None:
        """Count the genes of a pair; a region that is not among them, such as a rest, has no row."""
        genes = np.asarray(table["gene"].to_numpy(), dtype=object)
        evidence = np.asarray(table["evidence"].to_numpy(), dtype=object)
        diff, f = (table[name].to_numpy().astype(np.float64) for name in ("diff", "f"))
        at = self._find(genes)
        for region, higher in ((region_1, diff), (region_2, -diff)):
            if (row := self._numbers.get(region)) is None:
                continue
            self._n_pairs[row] += 1
            up = higher > 0
            for place, rung in enumerate(_RUNGS):
                np.add.at(self._counts[row, place], at[up & (evidence == rung)], 1)
            called = up & np.isin(evidence, _RUNGS)
            np.add.at(self._counts[row, 3], at[up & np.isin(over_scan, _RUNGS)], 1)
            np.add.at(self._diff[row], at[called], higher[called])
            np.maximum.at(self._best[row], at[called], f[called])

    def _find(self, genes: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
        if not np.array_equal(genes, self._genes):
            new = pd.Index(genes).difference(pd.Index(self._genes), sort=False)
            if len(new):
                self._genes = np.concatenate([self._genes, new.to_numpy(dtype=object)])
                wider = ((0, 0), (0, len(new)))
                self._counts = np.pad(self._counts, ((0, 0), (0, 0), (0, len(new))))
                self._diff, self._best = np.pad(self._diff, wider), np.pad(self._best, wider)
        return (
            pd.Index(self._genes).get_indexer(pd.Index(genes))
            if pd.Index(self._genes).is_unique
            else np.arange(len(genes))
        )

    def tabulate(self) -> pd.DataFrame:
        """The first 50 genes of each region: by pairs in which they reach each rung, the highest first, then by F."""
        rows = []
        for region, number in self._numbers.items():
            counts = self._counts[number]
            found = np.flatnonzero(counts[:3].any(axis=0))
            order = np.lexsort((self._genes[found].astype(str), -self._best[number][found], *-counts[2::-1, found]))
            for rank, gene in enumerate(found[order][:_N_MARKERS], start=1):
                spatial, donors, samples, scan = counts[:, gene].tolist()
                n_called = spatial + donors + samples
                n_pairs, diff = int(self._n_pairs[number]), self._diff[number, gene] / n_called
                rows.append((region, rank, self._genes[gene], spatial, donors, samples, scan, n_pairs, diff))
        return pd.DataFrame(rows, columns=list(MARKER_COLUMNS))


@dataclass(frozen=True, eq=False, repr=False)
class Scan:
    """A scan in its folder. Make one with `jugex.scan`, or open one with `jugex.load_scan`.

    Attributes
    ----------
    folder : Path
        With ``scan.json``, ``pairs.tsv``, ``regions.tsv``, ``markers.tsv`` and ``results/``, a Parquet file per pair.
    settings : dict
        Everything that determined the numbers.
    pairs : DataFrame
        One row per pair: `pair` (its number), `name`, `region_1`, `region_2`, `status` ("ok", or why there is no test),
        `reason` (the same without names and numbers); genes with the evidence `spatial`, `donors` and `samples` within
        the pair, and over the scan (`spatial_scan`, ...); samples and donors; `seed` and `n_permutations`, with which
        `jugex.compare` gives the same numbers.
    regions : DataFrame
        One row per region: `region`, `n_samples`, `n_donors`, mean coordinate of its samples in mm, `status`.
    markers : DataFrame
        The first 50 genes that are higher in each region: pairs in which each reaches the rungs `spatial`, `donors` and
        `samples`, pairs in which it does so over the scan (`scan`), pairs of the region (`n_pairs`), and the mean
        difference where it was called (z-score).
    sources : dict or None
        Where regions and expression came from: what `pair` reads.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> scan = jugex.scan(regions, atlas="simulated", out="three", query=jugex.QueryOptions(genes=["MAOA", "GAD2"]),
    ...                   test=jugex.TestOptions(n_permutations=99, rng=0))
    >>> scan.read(["gene", "diff"], genes=["MAOA"], regions=["simulated area A, left"]).shape
    (2, 2)
    >>> scan.summary().splitlines()[1]
    '3 regions; 3 pairs, 3 with a test'
    >>> scan.report().name
    'report.html'
    >>> scan.pair("simulated area A, left", "simulated area B, left").same_numbers
    True
    """

    folder: Path
    settings: dict[str, Any]
    simulated: bool
    alpha: float
    pairs: pd.DataFrame
    regions: pd.DataFrame
    markers: pd.DataFrame
    sources: dict[str, Any] | None = None

    def read(
        self,
        columns: Sequence[str] | None = None,
        *,
        genes: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        evidence: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read results, one row per pair and gene.

        Parameters
        ----------
        columns : sequence of str, optional
            Default: all.
        genes : sequence of str, optional
            Only these genes.
        regions : sequence of str, optional
            Only pairs with one of these regions.
        evidence : sequence of {'spatial', 'donors', 'samples', 'none'}, optional
            Only genes with this evidence within the pair.

        Returns
        -------
        DataFrame
            By pair and gene; texts are categories.
        """
        from pyarrow import dataset

        known = self.pairs
        if regions is not None:
            missing = sorted(set(regions) - set(known["region_1"]) - set(known["region_2"]))
            if missing:
                raise OptionError(f"no pair of the scan has the region {missing[0]!r}; see the attribute regions")
            known = known[known["region_1"].isin(regions) | known["region_2"].isin(regions)]
        numbers = known.loc[known["status"] == "ok", "pair"].tolist()
        files = [str(self.folder / RESULTS / name_part(number)) for number in numbers]
        if not files:
            return pd.DataFrame(columns=list(columns or ["pair", "gene"]))
        chosen = None
        for name, values in (("gene", genes), ("evidence", evidence)):
            if values is not None:
                condition = dataset.field(name).isin(list(values))
                chosen = condition if chosen is None else chosen & condition
        table = dataset.dataset(files).to_table(columns=None if columns is None else list(columns), filter=chosen)
        found: pd.DataFrame = table.unify_dictionaries().to_pandas()
        return found

    def summary(self) -> str:
        """What was found, as the command line prints it."""
        status = self.pairs["status"] == "ok"
        found = {rung: int(self.pairs[rung].sum()) for rung in _RUNGS}
        over = {rung: int(self.pairs[f"{rung}_scan"].sum()) for rung in _RUNGS}
        lines = ["SIMULATED DATA: the numbers say nothing about real brains."] if self.simulated else []
        n_empty = int((self.regions["status"] != "ok").sum())
        lines.append(
            f"{count_of(len(self.regions), 'region')}" + (f", {n_empty:,} without a sample" if n_empty else "")
            + f"; {count_of(len(self.pairs), 'pair')}, {int(status.sum()):,} with a test"
        )  # fmt: skip
        for label, counts in (("within their pair", found), ("over the scan", over)):
            counted = join_words([f"{n:,} {rung}" for rung, n in counts.items()])
            lines.append(f"genes by evidence, family-wise error {self.alpha:g} {label}: {counted}")
        why = self.pairs.loc[~status, "reason"].value_counts()
        for reason, n in why.head(3).items():
            lines.append(f"no test in {count_of(int(n), 'pair')}: {reason}")
        if len(why) > 3:
            lines.append(f"no test in {count_of(int(why.iloc[3:].sum()), 'pair')}: other reasons")
        if len(why):
            lines.append("the reason of each stands in pairs.tsv")
        return "\n".join(lines)

    def report(self, path: str | PathLike[str] | None = None) -> Path:
        """Write the overview as one HTML page that stands alone.

        Parameters
        ----------
        path : path-like, optional
            Default: ``report.html`` in the folder of the scan.

        Returns
        -------
        Path
        """
        from jugex.report.folders import replacing_file
        from jugex.scanning.page import render_overview

        target = self.folder / "report.html" if path is None else Path(path)
        content = render_overview(self, target.parent)
        with replacing_file(target) as temporary:
            temporary.write_text(content, encoding="utf-8")
        return target

    @explains_keywords
    def pair(
        self,
        *pair: str | int,
        paths: Mapping[str, str] | None = None,
        atlas: AtlasLike | None = None,
        regions: Mapping[str, Region | str] | None = None,
        covariates: CovariatesLike | None = None,
        coordinates: CoordinatesLike | None = None,
        reference: Region | str | None = None,
        n_jobs: int = 1,
    ) -> RepeatedPair:
        """Compute one pair again, with everything that only a page shows, and compare its numbers with the scan's.

        Seed, permutations and options are those of the scan. Files are read from where they were, or from where
        `paths` says; what was in memory has to be given again.

        Parameters
        ----------
        *pair : str or int
            The name of the pair, its number, or its two regions.
        paths, atlas, regions, covariates, coordinates, reference, n_jobs
            See `jugex.rerun`.

        Returns
        -------
        RepeatedPair
            Its `save` writes the folder with the page.

        Raises
        ------
        OptionError
            If the scan has no such pair, or it has no test.
        ResultError
            If something that the scan read is missing: the message lists all of it.
        """
        from jugex.scanning.repeated import repeat_pair

        return repeat_pair(
            self,
            pair,
            paths=paths,
            atlas=atlas,
            regions=regions,
            covariates=covariates,
            coordinates=coordinates,
            reference=reference,
            n_jobs=n_jobs,
        )

    def __repr__(self) -> str:
        n_tested = int((self.pairs["status"] == "ok").sum())
        counts = f"{count_of(len(self.regions), 'region')}, {count_of(len(self.pairs), 'pair')}"
        return f"<Scan: {counts}, {n_tested:,} with a test>"


def load_scan(folder: str | PathLike[str]) -> Scan:
    """Open a scan that is finished.

    Parameters
    ----------
    folder : path-like
        As `jugex.scan` wrote it.

    Returns
    -------
    Scan

    Raises
    ------
    ResultError
        If the folder holds no scan, or one that is not finished.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB"]
    >>> _ = jugex.scan(regions, atlas="simulated", out="two", query=jugex.QueryOptions(genes=["MAOA"]),
    ...                test=jugex.TestOptions(n_permutations=99, rng=0))
    >>> jugex.load_scan("two")
    <Scan: 2 regions, 1 pair, 1 with a test>
    """
    path = expand_home(folder)
    manifest = read_manifest(path)
    if not manifest.get("finished"):
        done, n = len(read_journal(path)), manifest["settings"]["pairs"]["n"]
        raise ResultError(f"the scan in {path} is not finished ({done:,} of {n:,} pairs done); start it again to go on")
    try:
        pairs = _read_tsv(path / "pairs.tsv", PAIR_COLUMNS)
        regions = _read_tsv(path / "regions.tsv", REGION_COLUMNS)
        markers = _read_tsv(path / "markers.tsv", MARKER_COLUMNS)
        settings, simulated, alpha = manifest["settings"], bool(manifest["simulated"]), float(manifest["alpha"])
    except (OSError, ValueError, KeyError) as error:
        raise ResultError(f"{path} cannot be read ({error}); remove {MANIFEST} and make the scan again") from error
    return Scan(path, settings, simulated, alpha, pairs, regions, markers, manifest.get("sources"))
