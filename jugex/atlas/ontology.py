"""Anatomical structures above those that the Allen Institute's web service calls top-level."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from jugex.atlas.base import STRUCTURE_COLUMNS

__all__ = ["complete_structures"]

#: The structures above the top-level ones, from the archives' ``Ontology.csv``: id, acronym, name, id of the parent.
_UPPER_STRUCTURES = (
    (4005, "Br", "brain", None),
    (4006, "GM", "gray matter", 4005),
    (4007, "Tel", "telencephalon", 4006),
    (4008, "Cx", "cerebral cortex", 4007),
    (4219, "LL", "limbic lobe", 4008),
    (4275, "CxN", "cerebral nuclei", 4007),
    (4276, "BG", "basal ganglia", 4275),
    (4391, "DiE", "diencephalon", 4006),
    (4392, "TH", "thalamus", 4391),
    (4833, "MET", "metencephalon", 4006),
    (4696, "Cb", "cerebellum", 4833),
    (9131, "Pons", "pons", 4833),
)
#: Id of the parent of each top-level structure, by acronym.
_PARENTS = {
    **dict.fromkeys(("FL", "Ins", "OL", "PL", "TL"), 4008),
    **dict.fromkeys(("CgG", "HiF", "PHG"), 4219),
    **dict.fromkeys(("Amg", "BF", "Cl"), 4275),
    **dict.fromkeys(("GP", "Str"), 4276),
    **dict.fromkeys(("ET", "Hy", "SbT"), 4391),
    **dict.fromkeys(("DT", "VT"), 4392),
    **dict.fromkeys(("CbCx", "CbN"), 4696),
    **dict.fromkeys(("Bpons", "PTg"), 9131),
    **dict.fromkeys(("MES", "MY"), 4006),
    **dict.fromkeys(("WM", "SS"), 4005),
}


def complete_structures(
    tops: Iterable[tuple[int, str, str]], structures: Iterable[tuple[int, str, str, int]]
) -> pd.DataFrame:
    """Build the table of structures: samples' structures below top-level ones, these below the parts of the brain.

    Parameters
    ----------
    tops : iterable of (id, acronym, name)
        Top-level structures.
    structures : iterable of (id, acronym, name, id of its top-level structure)
        Structures of samples.

    Returns
    -------
    DataFrame
        Columns `STRUCTURE_COLUMNS`, each structure once. A top-level structure with an unknown acronym has no parent.
    """
    found: dict[int, tuple[int, str, str, int | None]] = {row[0]: row for row in _UPPER_STRUCTURES}
    for number, acronym, name in tops:
        found.setdefault(number, (number, acronym, name, _PARENTS.get(acronym)))
    for row in structures:
        found.setdefault(row[0], row)
    table = pd.DataFrame(list(found.values()), columns=list(STRUCTURE_COLUMNS))
    return table.astype({"structure_id": "int64", "parent_structure_id": "Int64"})
