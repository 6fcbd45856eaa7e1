"""The call that gives a result again, from its settings."""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import Any

__all__ = ["how_to_reproduce", "list_reproductions", "list_several_reproductions"]

_MAX_GENES = 200
_OPTIONS = (
    "donors", "statistic", "exchange", "probes", "overlap", "missing", "collinear", "alpha", "n_permutations", "tail",
)  # fmt: skip


def list_reproductions(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Say in every language how to run a comparison again: the command where there was one, and the Python call.

    Parameters
    ----------
    settings : dict
        As in ``settings.json``.

    Returns
    -------
    list of tuple of str
        The language ("shell" or "Python") and the lines.
    """
    in_python = how_to_reproduce(settings | {"command": None})
    return [how_to_reproduce(settings), in_python] if settings["command"] else [in_python]


def how_to_reproduce(settings: dict[str, Any]) -> tuple[str, str]:
    """Say how to run a comparison again.

    Parameters
    ----------
    settings : dict
        As in ``settings.json``.

    Returns
    -------
    tuple of str
        The language ("shell" or "Python") and the lines.
    """
    if settings["command"]:
        return "shell", _shorten_out(str(settings["command"]))
    lines = [
        "import jugex",
        "",
        *_write_regions(settings["regions"]),
        _write_atlas(settings["atlas"]),
        "result = jugex.compare(",
        "    region_1,",
        "    region_2,",
        "    atlas=atlas,",
        *(f"    {line}" for line in _write_options(settings)),
        ")",
    ]
    return "Python", "\n".join(lines)


def list_several_reproductions(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Say in every language how to run a comparison of several regions again; see `list_reproductions`."""
    regions, preset = settings["regions"], settings["arguments"].get("preset")
    lines = [
        "import jugex",
        "",
        _write_atlas(settings["atlas"]),
        "regions = [",
        *(f"    {_list_region(region, number)}" for number, region in enumerate(regions, start=1)),
        "]",
        "result = jugex.compare_several(",
        "    regions,",
        *_write_names(regions),
        "    atlas=atlas,",
        *([f"    preset={preset!r},"] if preset else []),
        *(f"    {line}" for line in _write_options(settings)),
        ")",
    ]
    in_python = ("Python", "\n".join(lines))
    return [how_to_reproduce(settings), in_python] if settings["command"] else [in_python]


def _list_region(region: dict[str, Any], number: int) -> str:
    """A region as an entry of a list, its comma before the comment; those of the demo as text."""
    if name := _find_demo(region):
        return f"'simulated:{name}@{region['threshold']!r}',"
    code, mark, comment = _write_region(region, number).partition("  #")
    if region["kind"] == "anatomical structure":
        code = f"{code[:-1]}, atlas=atlas)"
    return f"{code},{mark}{comment}"


def _write_names(regions: list[dict[str, Any]]) -> list[str]:
    """What the regions are called, where a text does not say it."""
    names = [str(region["name"]) for region in regions]
    return [f"    names={names!r},"] if any(_find_demo(region) for region in regions) else []


def _find_demo(region: dict[str, Any]) -> str:
    """Which of the two demo regions it is, if any."""
    from jugex.regions.shapes import demo_region

    if not str(region["kind"]).startswith("simulated") or region.get("threshold") is None:
        return ""
    found = [name for name in "AB" if demo_region(name).identity().sha256 == region.get("sha256")]
    return "".join(found[:1])


def _shorten_out(command: str) -> str:
    """A command that writes into a folder of the same name, wherever it is run."""

    def take_name(found: re.Match[str]) -> str:
        try:
            path = shlex.split(found[2])[0]
        except (ValueError, IndexError):  # a quote that is not closed
            return found[0]
        return found[1] + (
            shlex.quote(re.split(r"[/\\]", path.rstrip("/\\"))[-1]) if re.search(r"[/\\]", path) else found[2]
        )

    return re.sub(r"""(--out[ =])("[^"]*"|'[^']*'|\S+)""", take_name, command)


def _write_regions(regions: list[dict[str, Any]]) -> list[str]:
    if all(str(region["kind"]).startswith("simulated") for region in regions):
        return [f"region_1, region_2 = jugex.demo_regions(threshold={regions[0].get('threshold')!r})"]
    return [f"region_{number} = {_write_region(region, number)}" for number, region in enumerate(regions, start=1)]


def _write_region(region: dict[str, Any], number: int) -> str:
    if region["kind"] == "anatomical structure":
        return f"jugex.Region.from_structure({region['asked']!r}, name={region['name']!r})"
    if region["kind"] == "sphere" and "centre" in region:
        return f"jugex.Region.sphere({tuple(region['centre'])!r}, {region['radius_mm']!r}, name={region['name']!r})"
    if not region.get("file"):
        return f'...  # {region["kind"]}: described in settings.json under "regions", number {number}'
    arguments = [repr(region["file"])]
    if region.get("threshold") is not None:
        arguments.append(f"threshold={region['threshold']!r}")
    if region.get("label") is not None:
        arguments.append(f"label={region['label']!r}")
    if region.get("percent"):
        arguments.append("percent=True")
    arguments.append(f"name={region['name']!r}")
    return f"jugex.Region.from_image({', '.join(arguments)})"


def _write_atlas(atlas: dict[str, Any]) -> str:
    if atlas.get("kind") == "tables":
        return 'atlas = jugex.atlas_from_tables(...)  # files and checksums stand in settings.json, under "atlas"'
    source = "simulated" if atlas["simulated"] else atlas.get("path")
    return f"atlas = jugex.open_atlas({source!r})" if source else "atlas = jugex.open_atlas()"


def _write_options(settings: dict[str, Any]) -> list[str]:
    arguments, permutation = settings["arguments"], settings["permutation"]
    options = [f"{name}={arguments[name]!r}," for name in _OPTIONS if arguments.get(name) is not None]
    if permutation["seed"] is not None:
        seed = f"rng={permutation['seed']},"
    else:
        seed = "rng=generator,  # in the state that settings.json records"
    return [
        *_write_genes(arguments.get("genes")),
        *options,
        *_write_covariates(settings),
        *_write_samples(settings),
        *_write_annotation(settings),
        seed,
    ]


def _write_covariates(settings: dict[str, Any]) -> list[str]:
    """What stands in the model beside donor; a table of the user's cannot be written out."""
    names = settings["arguments"].get("covariates")
    if not names:
        return []
    if any(covariate.get("from_table") for covariate in settings.get("covariates") or []):
        return [f"covariates=covariates,  # among them columns of a table with a row per well_id: {', '.join(names)}"]
    return [f"covariates={names!r},"]


def _write_samples(settings: dict[str, Any]) -> list[str]:
    """Which samples of the regions counted."""
    samples = settings.get("samples") or {}
    lines = []
    for name in ("within", "exclude"):
        if structures := samples.get(name):
            ids = [number for structure in structures for number in structure["structure_ids"]]
            lines.append(f"{name}={ids!r},  # {', '.join(structure['name'] for structure in structures)}")
    return [*lines, f"tolerance={samples['tolerance_mm']!r},"] if samples.get("tolerance_mm") else lines


def _write_annotation(settings: dict[str, Any]) -> list[str]:
    """What was taken instead of the atlas's own annotation, and the filter of probes."""
    atlas, genes = settings["atlas"], settings["genes"]
    coordinates = [file["file"] for file in (atlas.get("coordinates") or {}).get("files", [])]
    chosen = {
        "aliases": (genes.get("aliases") or {}).get("file"),
        "coordinates": coordinates if all(coordinates) and coordinates else None,
        "mirror": (atlas.get("mirror") or {}).get("side"),
        "reannotation": (atlas.get("reannotation") or {}).get("file"),
        "min_present": (settings.get("probe_filter") or {}).get("min_present"),
        "present_in": (settings.get("probe_filter") or {}).get("present_in"),
    }
    lines = [f"{name}={value!r}," for name, value in chosen.items() if value is not None]
    return lines + ["coordinates=coordinates,  # a table in memory"] * (coordinates == [None])


def _write_genes(genes: list[str] | None) -> list[str]:
    if genes is None:
        return []
    if len(genes) > _MAX_GENES:
        return [f'genes=genes,  # the {len(genes):,} genes in settings.json, under "arguments"']
    return textwrap.wrap(f"genes={genes!r},", 100, subsequent_indent="       ", break_long_words=False)
