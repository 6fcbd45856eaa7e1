"""What the Allen Institute's web service answers, taken apart: JSON in, tables and arrays out.

Each function takes a whole answer and raises `KeyError`, `TypeError`, `ValueError` or `IndexError` where it has not
the shape that is needed; `jugex.atlas.allen_http.AllenApiClient.ask` makes a sentence of that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.allen import Donor
from jugex.atlas.base import DONOR_COLUMNS, PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS

__all__ = ["DonorAnswer", "parse_alignment", "parse_donors", "parse_expression", "parse_probe_ids"]

_DAYS_PER_YEAR = 365  # as siibra counts; the service's days are whole years of 365 days

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DonorAnswer:
    """Expression of p probes in all n samples of one donor.

    Attributes
    ----------
    samples : DataFrame, n rows
        Columns `SAMPLE_COLUMNS` (coordinates in mm), in the order of the answer.
    probes : DataFrame, p rows
        Columns `PROBE_COLUMNS`, by `probe_id`.
    structures : DataFrame
        Columns `STRUCTURE_COLUMNS`.
    levels, zscores : ndarray of float64, shape (n, p)
        Log2 levels, and z-scores as the service has them.
    """

    samples: pd.DataFrame
    probes: pd.DataFrame
    structures: pd.DataFrame
    levels: Floats
    zscores: Floats


def parse_probe_ids(answer: dict[str, Any]) -> tuple[list[int], int]:
    """Probe ids of one page, and how many there are on all pages."""
    return [int(row["id"]) for row in answer["msg"]], int(answer["total_rows"])


def parse_donors(answer: dict[str, Any], donors: Collection[Donor]) -> pd.DataFrame:
    """Donors as a table with columns `DONOR_COLUMNS`, in the order of `donors`; age in years, as siibra has it."""
    rows = {int(row["id"]): row for row in answer["msg"]}
    table = [
        (
            donor.donor_name,
            donor.donor_id,
            int(rows[donor.donor_id]["age"]["days"] / _DAYS_PER_YEAR),
            str(rows[donor.donor_id]["sex"]),
            str(rows[donor.donor_id]["race_only"]),
        )
        for donor in donors
    ]
    return pd.DataFrame(table, columns=list(DONOR_COLUMNS))


def parse_alignment(answer: dict[str, Any], donor: Donor) -> Floats:
    """Affine (3 x 4) from a donor's native MRI voxels to MNI coordinates in mm."""
    specimens = [row for row in answer["msg"] if row["name"] == donor.donor_name]
    if len(specimens) != 1:
        raise ValueError(f"{len(specimens)} specimens called {donor.donor_name}, where one is needed")
    values = specimens[0]["alignment3d"]
    # tvr_00 to tvr_08 are the matrix, row by row; tvr_09 to tvr_11 the translation
    rows = [(*range(3 * row, 3 * row + 3), 9 + row) for row in range(3)]
    return _read_numbers([[values[f"tvr_{number:02}"] for number in row] for row in rows], (3, 4), "alignment3d")


def parse_expression(answer: dict[str, Any], donor: Donor, probe_ids: list[int], alignment: Floats) -> DonorAnswer:
    """Take the answer of ``human_microarray_expression`` apart.

    Parameters
    ----------
    answer : dict
        As it came; `sample` counts its samples from 0.
    donor : Donor
        Whose samples they must be.
    probe_ids : list of int
        The probes it must hold, each once.
    alignment : ndarray of float64, shape (3, 4)
        From native MRI voxels to MNI mm.
    """
    probes = _read_probes(answer["msg"]["probes"], probe_ids)
    samples = _read_samples(answer["msg"]["samples"], donor, alignment)
    shape = (len(probe_ids), len(samples))
    by_id = {int(probe["id"]): probe for probe in answer["msg"]["probes"]}
    levels, zscores = (
        _read_numbers([by_id[probe_id][key] for probe_id in probes["probe_id"]], shape, key)
        for key in ("expression_level", "z-score")
    )
    return DonorAnswer(samples, probes, _read_structures(answer["msg"]["samples"]), levels.T, zscores.T)


def _read_probes(rows: list[dict[str, Any]], probe_ids: list[int]) -> pd.DataFrame:
    if sorted(int(row["id"]) for row in rows) != sorted(probe_ids):
        raise ValueError(f"{len(rows)} probes that are not the {len(probe_ids)} asked for")
    values = [(int(row["id"]), str(row["name"]), str(row["gene-symbol"]), row["entrez-id"]) for row in rows]
    probes = pd.DataFrame(values, columns=list(PROBE_COLUMNS)).sort_values("probe_id", ignore_index=True)
    probes["entrez_id"] = pd.to_numeric(probes["entrez_id"]).astype("Int64")
    return probes


def _read_samples(rows: list[dict[str, Any]], donor: Donor, alignment: Floats) -> pd.DataFrame:
    if not rows or any(int(row["donor"]["id"]) != donor.donor_id for row in rows):
        raise ValueError(f"no sample, or samples of others than donor {donor}")
    voxels = _read_numbers([row["sample"]["mri"] for row in rows], (len(rows), 3), "mri")
    samples = pd.DataFrame(
        {
            "well_id": [int(row["sample"]["well"]) for row in rows],
            "donor_name": donor.donor_name,
            "sample": np.arange(len(rows)),
            "structure_id": [int(row["structure"]["id"]) for row in rows],
            "structure_acronym": [str(row["structure"]["abbreviation"]) for row in rows],
            "structure_name": [str(row["structure"]["name"]) for row in rows],
        }
    )
    if not samples["well_id"].is_unique:
        raise ValueError("a well comes more than once")
    samples[["mni_x", "mni_y", "mni_z"]] = _to_mni(voxels, alignment)
    return samples[list(SAMPLE_COLUMNS)]


def _to_mni(voxels: Floats, alignment: Floats) -> Floats:
    """MNI coordinates (n x 3, mm) to 0.01 mm, which is what siibra keeps."""
    # sample by sample, as siibra does: a product of all at once sums in another order, and can round otherwise
    points = np.array([alignment @ [*voxel, 1.0] for voxel in voxels])
    return np.asarray(points.round(2) + 0.0)  # no -0.0


def _read_structures(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Structures of the samples; their parent is the nearest ancestor that the service names, which is the top one."""
    found: dict[int, tuple[int, str, str, int | None]] = {}
    for row in rows:
        top, own = ((int(row[key]["id"]), row[key]) for key in ("top_level_structure", "structure"))
        if own[0] != top[0]:
            found[own[0]] = (own[0], str(own[1]["abbreviation"]), str(own[1]["name"]), top[0])
        found.setdefault(top[0], (top[0], str(top[1]["abbreviation"]), str(top[1]["name"]), None))
    structures = pd.DataFrame(list(found.values()), columns=list(STRUCTURE_COLUMNS))
    structures["parent_structure_id"] = structures["parent_structure_id"].astype("Int64")
    return structures


def _read_numbers(values: list[Any], shape: tuple[int, int], key: str) -> Floats:
    """Numbers, which the service writes as text in places."""
    numbers = np.array(values, dtype=np.float64)
    if numbers.shape != shape:
        raise ValueError(f"{key} has the shape {numbers.shape}, where {shape} is needed")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{key} holds a value that is no finite number")
    return numbers
