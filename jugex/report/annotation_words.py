"""What a run took instead of the atlas's own annotation, in sentences for the methods."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from jugex._text import count_of, shorten
from jugex.spaces import is_mni_space

__all__ = ["name_coordinate", "tell_annotation"]


def tell_annotation(settings: dict[str, Any]) -> tuple[str, ...]:
    """Sentences on coordinates, reflection, re-annotation and the filter of probes; none where nothing was changed.

    Parameters
    ----------
    settings : dict
        As in ``settings.json``.
    """
    atlas, chosen = settings["atlas"], settings.get("probe_filter")
    sentences = []
    if coordinates := atlas.get("coordinates"):
        sentences.append(_tell_coordinates(coordinates))
    if mirror := atlas.get("mirror"):
        sentences.append(
            f"{count_of(mirror['n_reflected'], 'sample')} were reflected to the {mirror['side']} hemisphere."
        )
    if reannotation := atlas.get("reannotation"):
        sentences.append(
            f"Probes were assigned to genes by the table {_name(reannotation['file'])}, "
            f"{count_of(reannotation['n_probes'], 'probe')} of it; {reannotation['n_dropped']:,} without a gene there "
            "were left out."
        )
    if chosen:
        where = "all samples of the atlas" if chosen["present_in"] == "all" else "the samples of both regions"
        sentences.append(
            f"Of {count_of(chosen['n_probes'], 'probe')}, {chosen['n_probes_left_out']:,} were left out because they "
            f"were above background in less than {100 * chosen['min_present']:g} % of {where} "
            "(filter as in Arnatkeviciute et al. 2019)."
        )
    return tuple(sentences)


def name_coordinate(atlas: dict[str, Any]) -> str:
    """What is called the coordinate of a sample, and whose it is where there are several sets.

    Parameters
    ----------
    atlas : dict
        As in ``settings.json``.
    """
    name = "MNI coordinate" if is_mni_space(atlas["space"]) else "coordinate"
    if atlas.get("coordinates"):
        whose = "from that table"
    else:
        whose = "" if atlas["simulated"] or atlas.get("kind") == "tables" else "the Allen Institute's own"
    reflected = f"reflected to the {atlas['mirror']['side']} hemisphere" if atlas.get("mirror") else ""
    facts = ", ".join(filter(None, [whose, reflected]))
    return f"{name} ({facts})" if facts else name


def _tell_coordinates(coordinates: dict[str, Any]) -> str:
    files = [_name(entry["file"]) for entry in coordinates["files"] if entry["file"]]
    source = f" ({', '.join(files[:6])})" if files else ""
    n_dropped = coordinates["n_dropped"]
    dropped = f"; {count_of(n_dropped, 'sample')} without an entry there were left out" if n_dropped else ""
    return f"MNI coordinates of the samples came from another table{source}{dropped}."


def _name(file: str) -> str:
    return shorten(PurePath(file).name)
