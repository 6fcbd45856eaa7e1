"""Corrections of p over many comparisons as functions of p, for families that do not fit into memory at once.

The p of a family are counted in sorted runs, and the corrections go through these block by block; runs and corrections
may be kept in arrays on disk. `jugex.stats.corrections` has the corrections of all p at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Correction", "Family", "Keep", "control_pairs", "false_discoveries", "holm"]

Floats = npt.NDArray[np.float64]
Columns = tuple[Floats, Floats]
#: Puts the rows of two columns one behind the other: in memory, or in arrays that are mapped from files.
Keep: TypeAlias = "Callable[[Iterable[Columns]], Columns]"

#: Values that are sorted in memory at a time.
_AT_ONCE = 2_000_000


def _in_memory(rows: Iterable[Columns]) -> Columns:
    parts = [(np.empty(0), np.empty(0)), *rows]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@dataclass(frozen=True, eq=False)
class Correction:
    """A correction of p over a family: what each p becomes.

    A corrected p depends on p alone, and equal p become equal, so that no hypothesis has to be named, and a part of
    them can be corrected by itself. It is a step function: a row for each step.

    Attributes
    ----------
    keys : ndarray, shape (s,)
        In rising order: p at which a step begins, or -p where steps go down from the largest p.
    corrected : ndarray, shape (s,)
        What p is from there on, up to the next step.
    downwards : bool
        Whether the keys are -p.
    """

    keys: Floats
    corrected: Floats
    downwards: bool = False

    def apply(self, p: Floats) -> Floats:
        """Corrected values of some of the p of the family, NaN where p is."""
        found = np.full(p.shape, np.nan)
        order = np.argsort(p)  # one behind the other they are found in one pass over the keys; NaN come last
        order = order[: len(p) - int(np.isnan(p).sum())]
        keys = -p[order] if self.downwards else p[order]
        if len(keys):
            found[order] = self.corrected[np.searchsorted(self.keys, keys, side="right") - 1]
        return found


@dataclass(frozen=True, eq=False)
class Family:
    """The p of a family, by their distinct values.

    Attributes
    ----------
    runs : tuple of tuple of two ndarray
        Distinct p in rising order, and how often each occurs, of one part of the family after the other.
    size : int
        Number of p.
    at_once : int
        Values that are sorted in memory at a time.
    """

    runs: tuple[Columns, ...]
    size: int
    at_once: int = _AT_ONCE

    @classmethod
    def of(cls, parts: Iterable[Floats], *, keep: Keep = _in_memory, at_once: int = _AT_ONCE) -> Family:
        """Count the p of a family.

        Parameters
        ----------
        parts : iterable of ndarray
            Its p, without NaN, in any order.
        keep : callable
            What keeps the runs; default: memory.
        at_once : int
            Values that are sorted in memory at a time.
        """
        runs: list[Columns] = []
        size = 0
        values, counts = np.empty(0), np.empty(0)
        held: list[Floats] = []

        def count_held() -> Columns:
            return _add_up([values, *held], [counts, *(np.ones(len(part)) for part in held)])

        for part in parts:
            held.append(np.asarray(part, dtype=np.float64))
            size += len(part)
            if len(values) + sum(map(len, held)) >= at_once:
                values, counts = count_held()
                held = []
                if len(values) >= at_once // 2:  # few distinct values stay in memory, however many p there are
                    runs.append(keep([(values, counts)]))
                    values, counts = np.empty(0), np.empty(0)
        if held:
            values, counts = count_held()
        if len(values):
            runs.append((values, counts))
        return cls(tuple(runs), size, at_once)

    def read(self, *, downwards: bool = False) -> Iterator[Columns]:
        """Distinct p in rising order, or falling, with how often each occurs; at most `at_once` at a time."""
        n_runs = len(self.runs)
        if not n_runs:
            return
        step = max(1, self.at_once // (2 * n_runs))
        samples = np.sort(np.concatenate([values[::step] for values, _ in self.runs]))
        # between two limits lie as many samples as there are runs, and of each run fewer than `step` values beside them
        limits = np.unique(np.concatenate([[-np.inf], samples[n_runs::n_runs], [np.inf]]))
        bounds = list(zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True))
        for low, high in reversed(bounds) if downwards else bounds:
            cuts = [np.searchsorted(values, [low, high]) for values, _ in self.runs]
            parts = [(values[i:j], counts[i:j]) for (values, counts), (i, j) in zip(self.runs, cuts, strict=True)]
            values, counts = _add_up([part[0] for part in parts], [part[1] for part in parts])
            if len(values):
                yield (values[::-1], counts[::-1]) if downwards else (values, counts)


def _add_up(values: list[Floats], counts: list[Floats]) -> Columns:
    """Distinct values in rising order, and the sum of the counts of each."""
    joined = np.concatenate(values)
    order = np.argsort(joined, kind="stable")
    ordered = joined[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else order
    return ordered[starts], np.add.reduceat(np.concatenate(counts)[order], starts) if len(ordered) else ordered


def control_pairs(p_fwe: Iterable[Floats]) -> Correction:
    """Holm's procedure over the pairs of a scan, of p that are corrected over the genes of their pair.

    `jugex.stats.corrections.adjust_across_comparisons` says why it holds; here as a function of p, for scans whose
    p do not fit into memory: p times the number of pairs in which a hypothesis has a p as large or larger.

    Parameters
    ----------
    p_fwe : iterable of ndarray
        The p of each pair; pairs in which nothing was tested do not count.

    Returns
    -------
    Correction
    """
    maxima: list[float] = []

    def note_maxima() -> Iterator[Floats]:
        for of_pair in p_fwe:
            if len(of_pair):
                maxima.append(float(of_pair.max()))
                yield of_pair

    family = Family.of(note_maxima())  # these are shares of the relabellings: few distinct ones
    largest = np.sort(maxima)
    steps = ((p, p * (len(largest) - np.searchsorted(largest, p, side="left"))) for p, _ in family.read())
    return Correction(*_in_memory(_find_steps(steps)))


def holm(family: Family, *, keep: Keep = _in_memory) -> Correction:
    """Holm's procedure (1979, https://www.jstor.org/stable/4615733) over every gene of every pair.

    Parameters
    ----------
    family : Family
    keep : callable
        What keeps the correction; default: memory.

    Returns
    -------
    Correction
        Without the p that become 1, but for the first.
    """

    def multiply() -> Iterator[Columns]:
        below = 0.0
        for p, counts in family.read():
            before = below + np.cumsum(counts) - counts
            yield p, p * (family.size - before)
            below += counts.sum()

    return Correction(*keep(_find_steps(multiply())))


def false_discoveries(family: Family, *, keep: Keep = _in_memory) -> Correction:
    """Benjamini and Hochberg's rate (1995, doi 10.1111/j.2517-6161.1995.tb02031.x) over every gene of every pair.

    Parameters
    ----------
    family : Family
    keep : callable
        What keeps the correction; default: memory.

    Returns
    -------
    Correction
    """

    def divide() -> Iterator[Columns]:
        above = 0.0
        for p, counts in family.read(downwards=True):
            rank = family.size - above - (np.cumsum(counts) - counts)  # the last of those that are equal
            yield -p, p / (rank / family.size)
            above += counts.sum()

    return Correction(*keep(_find_steps(divide(), downwards=True)), downwards=True)


def _find_steps(blocks: Iterable[Columns], *, downwards: bool = False) -> Iterator[Columns]:
    """Where the running maximum of values (downwards: their minimum) changes, as far as it is below 1."""
    extreme = np.minimum if downwards else np.maximum
    last, is_first = (np.inf if downwards else -np.inf), True
    for keys, values in blocks:
        running = np.minimum(extreme.accumulate(np.append(last, values)), 1.0)
        changes = running[1:] != running[:-1]
        changes[:1] |= is_first
        yield keys[changes], running[1:][changes]
        last, is_first = float(running[-1]), False
        if last >= 1 and not downwards:
            return
