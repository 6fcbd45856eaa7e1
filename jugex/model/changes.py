"""What differs between the records of two runs: choices, inputs, versions, and what came of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import PurePath
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from jugex._text import count_of, format_number, shorten
from jugex.atlas.identity import AtlasSource, FileRecord
from jugex.model.record import Arguments, RunRecord
from jugex.regions import RegionIdentity

__all__ = ["CHANGE_COLUMNS", "Change", "ChangeKind", "list_changes", "tabulate_changes"]

#: A choice of the user's, something that was read, a version of a package, or what followed from them.
ChangeKind = Literal["choice", "input", "version", "outcome"]

CHANGE_COLUMNS = ("kind", "what", "first", "second")

#: Of regions: where they were read from, and what follows from their values.
_NOT_COMPARED = (
    "file", "label_table", "volume_mm3", "centroid", "n_voxels", "max_probability", "voxel_size_mm", "orientation",
    "origin", "citation", "parcellation", "parcellation_title", "label_name", "label_names",
)  # fmt: skip
#: Genes are compared one by one, donors and files among the inputs, thresholds by region.
_COMPARED_ELSEWHERE = (
    "genes", "donors", "in_memory", "threshold", "aliases", "coordinates", "reannotation", "covariates_given",
)  # fmt: skip
_CHOSEN_OF_REGIONS = ("threshold", "tolerance_mm", "voxel")
_MAX_SHOWN = 80
_N_DIGITS = 12  # of a checksum


@dataclass(frozen=True)
class Change:
    """One thing that differs between two runs.

    Attributes
    ----------
    kind : {'choice', 'input', 'version', 'outcome'}
    what : str
        What differs: "statistic", "region 1: threshold", "version of numpy", "samples in region 2".
    first, second : str
        Its value in each run, shortened; empty where a run has none.
    """

    kind: ChangeKind
    what: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.what}: {self.first or 'none'} | {self.second or 'none'}"


class _Fact(NamedTuple):
    """Something of a run: what is compared, and how it is shown."""

    kind: ChangeKind
    value: Any
    shown: str


def list_changes(first: RunRecord, second: RunRecord) -> tuple[Change, ...]:
    """What differs between two runs: choices first, then inputs, versions and outcomes.

    Files are compared by their checksums: one that lies elsewhere now is no change.

    Parameters
    ----------
    first, second : RunRecord
        Of as many regions, or not.

    Returns
    -------
    tuple of Change
    """
    facts, others = dict(_list_facts(first)), dict(_list_facts(second))
    changes = []
    for what in dict.fromkeys([*facts, *others]):
        one, other = facts.get(what), others.get(what)
        if one is None or other is None or one.value != other.value:
            known = one or other
            if known is not None:
                changes.append(Change(known.kind, what, one.shown if one else "", other.shown if other else ""))
    changes += _compare_genes(first.arguments.genes, second.arguments.genes)
    changes += _compare_files(first.atlas.source, second.atlas.source)
    order = get_args(ChangeKind)
    return tuple(sorted(changes, key=lambda change: order.index(change.kind)))


def tabulate_changes(changes: Sequence[Change]) -> pd.DataFrame:
    """One row per change; columns `CHANGE_COLUMNS`."""
    rows = [(change.kind, change.what, change.first, change.second) for change in changes]
    return pd.DataFrame(rows, columns=list(CHANGE_COLUMNS), dtype=object)


def _list_facts(record: RunRecord) -> Iterator[tuple[str, _Fact]]:
    yield from _list_choices(record)
    yield from _list_inputs(record)
    for what in dict.fromkeys(entry.what for entry in record.inputs):
        yield what, _show_files("input", [entry.file for entry in record.inputs if entry.what == what])
    for package, version in record.versions.items():
        yield f"version of {package}", _Fact("version", version, version)
    yield from _list_outcomes(record)


def _list_choices(record: RunRecord) -> Iterator[tuple[str, _Fact]]:
    for field in fields(Arguments):
        if field.name in _COMPARED_ELSEWHERE:
            continue
        value = getattr(record.arguments, field.name)
        yield field.name, _Fact("choice", value, _show(value))
    randomness = record.permutation.randomness
    seed = "a generator" if randomness.seed is None else str(randomness.seed)
    yield "seed (rng)", _Fact("choice", randomness, seed)
    if (sets := record.gene_sets) is not None:
        for name in ("kind", "min_size", "max_size"):
            yield f"gene sets: {name}", _Fact("choice", getattr(sets, name), _show(getattr(sets, name)))
        checksums = tuple(sorted(sets.files.values()))
        yield "gene sets: files", _Fact("input", checksums, ", ".join(digest[:_N_DIGITS] for digest in checksums))
    for number, region in enumerate(record.regions, start=1):
        yield f"region {number}: name", _Fact("choice", region.name, shorten(region.name, _MAX_SHOWN))
        for name in _CHOSEN_OF_REGIONS:
            value = getattr(region.identity, name)
            yield f"region {number}: {name}", _Fact("choice", value, _show(value))


def _list_inputs(record: RunRecord) -> Iterator[tuple[str, _Fact]]:
    atlas = record.atlas
    names = tuple(sorted(donor.donor_name for donor in atlas.donors))
    yield "donors", _Fact("input", names, ", ".join(names))
    for name in ("name", "space", "n_samples", "n_probes"):
        value = getattr(atlas, name)
        yield f"atlas: {name.replace('n_', '')}", _Fact("input", value, _show(value))
    known = ("kind", "precision", "seed", "zscores", "scale", *([] if atlas.source.files else ["values_sha256"]))
    for name in known:
        value = getattr(atlas.source, name)
        yield f"atlas: {name}", _Fact("input", value, _show(value))
    changes = atlas.changes
    if changes.coordinates is not None:
        yield "coordinates", _show_files("input", changes.coordinates.files)
    if changes.reannotation is not None:
        yield "reannotation", _show_files("input", (changes.reannotation.file,))
    if changes.mirror is not None:
        yield "mirrored samples", _Fact("input", changes.mirror, str(changes.mirror.n_reflected))
    if record.genes.aliases is not None:
        yield "aliases", _show_files("input", (record.genes.aliases,))
    for number, region in enumerate(record.regions, start=1):
        yield f"region {number}", _Fact("input", _reduce(region.identity), _describe(region.identity))
    for covariate in record.covariates:
        if covariate.from_table:
            shown = ", ".join(map(str, covariate.values[:4])) + ", ..." * (len(covariate.values) > 4)
            yield f"values of covariate {covariate.name}", _Fact("input", covariate.values, shown)


def _list_outcomes(record: RunRecord) -> Iterator[tuple[str, _Fact]]:
    for number, n in enumerate(record.design.n_samples, start=1):
        yield f"samples in region {number}", _Fact("outcome", n, str(n))
    found: dict[str, Any] = {
        "donors with samples in several regions": record.design.n_informative_donors,
        f"{record.unit}s tested": record.genes.n_tested,
        "permutations made": record.permutation.n_permutations,
        "all relabellings tried": record.permutation.exhaustive,
        "smallest attainable p": record.permutation.smallest_p,
        f"significant {record.unit}s": record.exchanges.n_significant.get(record.permutation.exchange),
        "share of all genes with p <= 0.05": record.background.share,
        "form of the ladder": None if record.ladder is None else record.ladder.form,
        "samples in the reference": None if record.ladder is None else record.ladder.n_reference,
        "warnings": tuple(sorted({type(finding).__name__ for finding in record.findings})),
    }
    for what, value in found.items():
        yield what, _Fact("outcome", value, _show(value))


def _reduce(identity: RegionIdentity) -> RegionIdentity:
    """What decides which points a region holds, apart from thresholds."""
    plain = replace(identity, parts=tuple(_reduce(part) for part in identity.parts))
    empty: dict[str, Any] = dict.fromkeys([*_NOT_COMPARED, *_CHOSEN_OF_REGIONS])
    return replace(plain, name="", **empty)


def _describe(identity: RegionIdentity) -> str:
    """A region in a few words: its kind, file and label, and the beginning of its checksum."""
    file = PurePath(identity.file).name if identity.file else ""
    label = "" if identity.label is None and identity.labels is None else f"#{identity.label or identity.labels}"
    digest = f"SHA-256 {identity.sha256[:_N_DIGITS]}..." if identity.sha256 else ""
    asked = "" if identity.asked is None else str(identity.asked)
    place = "" if identity.centre is None else f"{identity.centre}, {identity.radius_mm:g} mm"
    return ", ".join(filter(None, [identity.kind, file + label, asked, place, digest]))


def _show_files(kind: ChangeKind, files: Sequence[FileRecord]) -> _Fact:
    digests = tuple(file.sha256 for file in files)
    named = [f"{PurePath(file.file or 'a table').name} ({file.sha256[:_N_DIGITS]}...)" for file in files]
    return _Fact(kind, digests, shorten(", ".join(named), _MAX_SHOWN))


def _compare_genes(first: tuple[str, ...] | None, second: tuple[str, ...] | None) -> list[Change]:
    """Genes asked for: how many, and which of them the other run was not asked for."""
    if first == second:
        return []
    shown = []
    for genes, others in ((first, second), (second, first)):
        only = [gene for gene in genes or () if gene not in set(others or ())]
        text = "every gene" if genes is None else count_of(len(genes), "gene")
        if genes is not None and others is not None:
            text += f"; {', '.join(only) or 'none'} only here" if only else ""
        shown.append(shorten(text, _MAX_SHOWN))
    return [Change("choice", "genes", *shown)]


def _compare_files(first: AtlasSource, second: AtlasSource) -> list[Change]:
    """Files of an atlas whose content differs, or the answers of a web service."""
    digests = [{file.sha256 for file in source.files} for source in (first, second)]
    changes = []
    if digests[0] != digests[1]:
        shown = []
        for source, others in ((first, digests[1]), (second, digests[0])):
            only = [file for file in source.files if file.sha256 not in others]
            names = [f"{PurePath(file.file or '?').name} ({file.sha256[:_N_DIGITS]}...)" for file in only]
            shown.append(shorten(f"{count_of(len(only), 'file')}: {', '.join(names)}", _MAX_SHOWN) if only else "")
        changes.append(Change("input", "atlas: files", *shown))
    answers = [
        hashlib.sha256("".join(sorted(answer.sha256 for answer in source.responses or ())).encode()).hexdigest()
        for source in (first, second)
    ]
    if answers[0] != answers[1]:
        changes.append(Change("input", "atlas: answers of the web service", *(a[:_N_DIGITS] for a in answers)))
    return changes


def _show(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return shorten(", ".join(map(str, value)) or "none", _MAX_SHOWN)
    if isinstance(value, float):
        return format_number(value, 4).rstrip("0").rstrip(".") if value >= 1e-3 else f"{value:.3g}"
    return shorten(f"{value:,}" if isinstance(value, int) else str(value), _MAX_SHOWN)
