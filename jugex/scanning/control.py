"""Error rates over a whole scan: corrections over every gene of every pair, in bounded memory, added to every part."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jugex.errors import OutputError
from jugex.progress import track
from jugex.scanning.folder import RESULTS, name_part
from jugex.scanning.pair import write_part
from jugex.scanning.results import Markers
from jugex.scanning.targets import Pair
from jugex.stats.families import Correction, Family, Keep, control_pairs, false_discoveries, holm

__all__ = ["control_scan", "keeping_on_disk", "release"]

Floats = npt.NDArray[np.float64]

#: Columns over the scan, and those that they correct: by Holm over pairs, by Holm over everything, and as rates.
_OVER_PAIRS = {"p_fwe_scan": "p_fwe"}
_OVER_ALL = {"p_donors_fwe_scan": "p_donors", "p_spatial_fwe_scan": "p_spatial"}
_RATES = {"q_fdr_scan": "p_perm", "q_donors_scan": "p_donors", "q_spatial_scan": "p_spatial"}
_RUNGS = {"samples": "p_fwe_scan", "donors": "p_donors_fwe_scan", "spatial": "p_spatial_fwe_scan"}


def control_scan(folder: Path, tested: Sequence[Pair], alpha: float, markers: Markers) -> dict[int, dict[str, int]]:
    """Correct over the scan, and add what it says to every part.

    Parameters
    ----------
    folder : Path
        Of the scan.
    tested : sequence of Pair
        Those with a part.
    alpha : float
    markers : Markers
        Counts the genes of every pair.

    Returns
    -------
    dict of int to dict of str to int
        By number of a pair, the genes with each evidence over the scan.
    """
    with keeping_on_disk(folder) as keep:
        corrections = _correct(folder, tested, keep)
        return {
            pair.number: _complete(folder, pair, corrections, alpha, markers)
            for pair in track(tested, description="error rates over the scan", total=len(tested))
        }


@contextmanager
def keeping_on_disk(folder: Path) -> Iterator[Keep]:
    """What keeps columns in files of the scan's folder until the end: memory holds those pages that are in use.

    The files have no name, so that nothing is left of a scan that is killed.
    """
    files = []

    def keep(rows: Iterable[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
        streams = [tempfile.TemporaryFile(dir=folder) for _ in range(2)]  # noqa: SIM115  # closed at the end
        files.extend(streams)
        n = 0
        try:
            for columns in rows:
                n += len(columns[0])
                for stream, column in zip(streams, columns, strict=True):
                    stream.write(np.ascontiguousarray(column).data)
            for stream in streams:
                stream.flush()
        except OSError as error:
            raise OutputError(
                f"{folder} has no room for what the error rates over the scan need meanwhile ({error.strerror or error}"
                "); free some 32 bytes for each gene of each pair, and start the scan again: it goes on where it was"
            ) from error
        first, second = (np.memmap(stream, dtype=np.float64, mode="r") if n else np.empty(0) for stream in streams)
        return first, second

    try:
        yield keep
    finally:
        for stream in files:
            stream.close()


def _correct(folder: Path, tested: Sequence[Pair], keep: Keep) -> dict[str, tuple[str, Correction]]:
    """Corrections of the scan by column, with the column that each corrects."""
    found: dict[str, tuple[str, Correction]] = {}
    for column, of in _OVER_PAIRS.items():
        found[column] = of, control_pairs(_read_p(folder, tested, of))
    for of in dict.fromkeys([*_OVER_ALL.values(), *_RATES.values()]):
        with keeping_on_disk(folder) as keep_runs:
            family = Family.of(_read_p(folder, tested, of), keep=keep_runs)
            for rule, columns in ((holm, _OVER_ALL), (false_discoveries, _RATES)):
                for column in [column for column, corrected in columns.items() if corrected == of]:
                    found[column] = of, rule(family, keep=keep)
    return found


def _read_p(folder: Path, tested: Sequence[Pair], column: str) -> Iterator[Floats]:
    """The p of each pair that are there."""
    from pyarrow import parquet

    for pair in tested:
        values = parquet.read_table(folder / RESULTS / name_part(pair.number), columns=[column])[column].to_numpy()
        yield values[~np.isnan(values)]


def release(correction: Correction) -> None:
    """Let go of the pages of a correction that is mapped from a file; they are read again when they are needed."""
    for array in (correction.keys, correction.corrected):
        mapped: object = array.base
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def _complete(
    folder: Path, pair: Pair, corrections: dict[str, tuple[str, Correction]], alpha: float, markers: Markers
) -> dict[str, int]:
    """Add what holds over the scan to the part of a pair; how many genes have which evidence over the scan."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(folder / RESULTS / name_part(pair.number))
    p = {of: table[of].to_numpy() for of in dict.fromkeys(of for of, _ in corrections.values())}
    evidence = np.full(len(table), "none", dtype=object)
    evidence[np.isnan(p["p_fwe"])] = None
    for column, (of, correction) in corrections.items():
        corrected = correction.apply(p[of])
        release(correction)
        place = table.schema.get_field_index(column)
        table = table.set_column(place, column, pa.array(corrected, from_pandas=True))
        for rung in [rung for rung, decides in _RUNGS.items() if decides == column]:
            evidence[corrected <= alpha] = rung  # the corrections come from the lowest rung up
    place = table.schema.get_field_index("evidence_scan")
    table = table.set_column(place, "evidence_scan", pa.array(evidence, type=pa.string()).dictionary_encode())
    write_part(folder, pair.number, table)
    markers.add(pair.region_1, pair.region_2, table, evidence)
    return {f"{rung}_scan": int((evidence == rung).sum()) for rung in reversed(_RUNGS)}
