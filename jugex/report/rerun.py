"""The command and the Python call that give a result again, from its record."""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import fields, replace

from jugex.atlas.donors import DONORS
from jugex.model.record import Arguments, RegionRecord, RunRecord
from jugex.regions import RegionIdentity
from jugex.regions.shapes import demo_region
from jugex.spaces import MNI_SPACE

__all__ = ["list_reruns"]

_MAX_GENES = 200
#: Options that are always written, and options that are written if they differ from the default.
_ALWAYS = (
    "statistic", "exchange", "probes", "overlap", "voxel", "collinear", "alpha", "n_permutations", "ladder",
)  # fmt: skip
_WHERE_CHOSEN = (
    "preset", "within", "exclude", "tolerance", "aliases", "coordinates", "mirror", "reannotation", "min_present",
    "present_in", "require_entrez", "covariates", "missing", "tail", "background", "reference",
)  # fmt: skip
#: Operators of set operations, by the kind of region.
_COMBINED = {"union": " | ", "intersection": " & ", "difference": " - "}
_DEFAULTS = {field.name: field.default for field in fields(Arguments)}


def list_reruns(record: RunRecord) -> list[tuple[str, str]]:
    """List the ways to run a comparison again: the command if there was one, and the Python call.

    Parameters
    ----------
    record : RunRecord
        Of two regions or more.

    Returns
    -------
    list of tuple of str
        The language ("shell" or "Python") and the lines.
    """
    calls = [("Python", _format_call(record))]
    return [("shell", _shorten_out(record.command)), *calls] if record.command else calls


def _format_call(record: RunRecord) -> str:
    is_pair = len(record.regions) == 2
    regions = [
        f"    {_format_region(region, number, record.arguments)}"
        for number, region in enumerate(record.regions, start=1)
    ]
    call = (
        ["result = jugex.compare(", "    *regions,"] if is_pair else ["result = jugex.compare_several(", "    regions,"]
    )
    names = []
    if any(_find_demo(region.identity) for region in record.regions):  # their texts do not give their names
        names = [f"    names={list(record.region_names)!r},"]
    lines = [
        "import jugex", "", _format_atlas(record), "regions = [", *regions, "]", *call, *names, "    atlas=atlas,",
        *(f"    {line}" for line in _list_options(record)), ")",
    ]  # fmt: skip
    return "\n".join(lines)


def _shorten_out(command: str) -> str:
    """Shorten the output folder of a command to its name, so that it can be run anywhere."""

    def take_name(found: re.Match[str]) -> str:
        try:
            path = shlex.split(found[2])[0]
        except (ValueError, IndexError):  # a quote that is not closed
            return found[0]
        if not re.search(r"[/\\]", path):
            return found[0]
        return found[1] + shlex.quote(re.split(r"[/\\]", path.rstrip("/\\"))[-1])

    return re.sub(r"""(--out[ =])("[^"]*"|'[^']*'|\S+)""", take_name, command)


def _format_region(region: RegionRecord, number: int, arguments: Arguments) -> str:
    """A region as an entry of a list, with its comma."""
    identity = region.identity
    if (name := _find_demo(identity)) and not _find_own(identity, arguments):
        return f"'simulated:{name}@{identity.threshold!r}',"
    made = _make_region(replace(identity, name=region.name), arguments)
    if made is None:
        return f'...,  # {identity.kind}: described in settings.json under "regions", number {number}'
    return f"{made},"


def _make_region(identity: RegionIdentity, arguments: Arguments) -> str | None:
    """Python expression that makes a region again; None if its image was in memory."""
    made, own = _make_whole(identity, arguments), _find_own(identity, arguments)
    return None if made is None else f"{made}{own}"


def _find_own(identity: RegionIdentity, arguments: Arguments) -> str:
    """A region's own rule for voxels and tolerance, if they differ from the options of the run."""
    own = ""
    if identity.tissue is not None or identity.side is not None:
        own += f".annotated_as({identity.tissue!r}, {identity.side!r})"
    if identity.voxel is not None and identity.voxel != arguments.voxel and not identity.parts:
        own += f".with_voxel({identity.voxel!r})"
    if identity.tolerance_mm is not None and identity.tolerance_mm != arguments.tolerance:
        own += f".with_tolerance({identity.tolerance_mm!r})"
    return own


def _make_whole(identity: RegionIdentity, arguments: Arguments) -> str | None:
    name = f"name={identity.name!r}"
    if demo := _find_demo(identity):
        return f"jugex.regions.parse_region('simulated:{demo}@{identity.threshold!r}', {name})"
    if identity.kind == "anatomical structure":
        return f"jugex.Region.from_structure({identity.asked!r}, {name}, atlas=atlas)"
    space = [] if identity.space in (None, MNI_SPACE) else [f"space={identity.space!r}"]
    if identity.kind == "sphere" and identity.centre is not None:
        return f"jugex.Region.sphere({', '.join([f'{identity.centre!r}, {identity.radius_mm!r}', *space, name])})"
    if identity.kind == "box":
        return f"jugex.Region.box({', '.join([f'{identity.low!r}, {identity.high!r}', *space, name])})"
    if identity.file:
        return _make_from_image(identity, name)
    parts = [_make_region(part, arguments) for part in identity.parts]
    if not parts or None in parts:
        return None
    if (how := _COMBINED.get(identity.kind)) is not None:
        return f"({how.join(map(str, parts))}).renamed({identity.name!r})"
    made = {
        "rest of the brain": f"(~{parts[0]})",
        "left half": f"{parts[0]}.left",
        "right half": f"{parts[0]}.right",
        f"eroded by {identity.mm or 0:g} mm": f"{parts[0]}.eroded({identity.mm!r})",
        f"dilated by {identity.mm or 0:g} mm": f"{parts[0]}.dilated({identity.mm!r})",
    }.get(identity.kind)
    return None if made is None else f"{made}.renamed({identity.name!r})"


def _make_from_image(identity: RegionIdentity, name: str) -> str:
    labels = identity.label if identity.labels is None else list(identity.labels)
    chosen = {
        "threshold": identity.threshold,
        "label": labels,
        "volume": identity.volume,
        "percent": identity.percent or None,
        "space": identity.space,
    }
    options = [f"{option}={value!r}" for option, value in chosen.items() if value is not None]
    return f"jugex.Region.from_image({', '.join([repr(identity.file), *options, name])})"


def _find_demo(identity: RegionIdentity) -> str:
    """Which of the two demo regions it is; empty for any other region."""
    if not identity.is_made_up or identity.threshold is None or identity.parts:
        return ""
    return "".join(name for name in "AB" if demo_region(name).identity().sha256 == identity.sha256)[:1]


def _format_atlas(record: RunRecord) -> str:
    source = record.atlas.source
    if source.kind == "tables" and source.path is None:
        return 'atlas = jugex.atlas_from_tables(...)  # files and checksums stand in settings.json, under "atlas"'
    place = "simulated" if record.atlas.simulated else source.path
    return f"atlas = jugex.open_atlas({place!r})" if place else "atlas = jugex.open_atlas()"


def _list_options(record: RunRecord) -> list[str]:
    arguments, seed = record.arguments, record.permutation.randomness.seed
    chosen = [
        name for name in _WHERE_CHOSEN if name in arguments.in_memory or getattr(arguments, name) != _DEFAULTS[name]
    ]
    names = [name for name in (*_ALWAYS, *chosen) if name != "collinear" or len(record.regions) == 2]
    if set(arguments.donors) != {donor.donor_name for donor in DONORS}:
        names.insert(0, "donors")
    return [
        *_format_genes(arguments.genes),
        *(_format_option(name, arguments) for name in names),
        f"rng={seed}," if seed is not None else "rng=generator,  # in the state that settings.json records",
    ]


def _format_option(name: str, arguments: Arguments) -> str:
    value = getattr(arguments, name)
    if name == "covariates" and arguments.covariates_given is not None:
        value = arguments.covariates_given
    listed = list(value) if isinstance(value, tuple) else value
    if name in arguments.in_memory:
        described = f": {', '.join(listed)}" if isinstance(listed, list) else ""
        return f"{name}={name},  # in memory{described}"
    return f"{name}={listed!r},"


def _format_genes(genes: tuple[str, ...] | None) -> list[str]:
    if genes is None:
        return []
    if len(genes) > _MAX_GENES:
        return [f'genes=genes,  # the {len(genes):,} genes in settings.json, under "arguments"']
    return textwrap.wrap(f"genes={list(genes)!r},", 100, subsequent_indent="       ", break_long_words=False)
