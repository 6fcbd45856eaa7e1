"""A stand-in for the Allen Institute's web service: the same addresses, pages and JSON, on this machine.

It holds made-up data (`make_service`), or the real samples and levels of the small archives (`serve_archives`).
What it answers follows the recorded answer of the donors query, and the forms that siibra and PyJuGEx read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from jugex.atlas.donors import DONORS, Donor
from tests.servers import Handler, Reply, Request

__all__ = ["AllenService", "make_service", "refuse", "serve_archives"]

Record = dict[str, Any]

_DEFAULT_PAGE = 50
_LEVEL_FORMAT, _ZSCORE_FORMAT = "{:.4f}", "{:.4f}"


def refuse(message: str = "Informatics service request failed") -> Reply:
    """HTTP 200, and nothing done."""
    return _reply({"success": False, "id": 0, "start_row": 0, "num_rows": 0, "total_rows": 0, "msg": message})


@dataclass
class AllenService:
    """Handler of a `tests.servers.LocalServer` that answers the queries of the Allen Human Brain Atlas.

    Attributes
    ----------
    donors, specimens : list of dict
        Rows of the models, as the service has them.
    probes : list of dict
        As in answers of ``human_microarray_expression``, without expression.
    samples : dict
        By donor id: rows as in those answers.
    levels : dict
        By donor id, then probe id: log2 levels in the order of the samples.
    max_rows : int, optional
        A page holds no more rows than that, whatever is asked for.
    only_quoted : bool
        Refuse ids without quotes.
    faults : list of Reply or handler
        Answered first, one after the other.
    fault_after : int
        How many answers are given before the faults.
    """

    donors: list[Record]
    specimens: list[Record]
    probes: list[Record]
    samples: dict[int, list[Record]]
    levels: dict[int, dict[int, np.ndarray]]
    max_rows: int | None = None
    only_quoted: bool = False
    faults: list[Reply | Handler] = field(default_factory=list)
    fault_after: int = 0

    def __call__(self, request: Request) -> Reply:
        """Answer a request, or fail as planned."""
        if self.fault_after > 0:
            self.fault_after -= 1
        elif self.faults:
            fault = self.faults.pop(0)
            return fault(request) if callable(fault) else fault
        assert request.method == "GET"
        criteria = request.query["criteria"][0]
        assert unquote(request.path).partition("?")[0] == "/query.json", request.path
        for start, answer in {
            "model::Probe,": self._find_probes,
            "model::Donor,": self._list_donors,
            "model::Specimen,": self._find_specimen,
            "service::human_microarray_expression": self._express,
        }.items():
            if criteria.startswith(start):
                return answer(criteria, request.query)
        raise AssertionError(f"nobody answers {criteria}")

    def _find_probes(self, criteria: str, query: Mapping[str, list[str]]) -> Reply:
        assert "[probe_type$eq'DNA'],products[abbreviation$eq'HumanMA']" in criteria
        ((key, listed),) = re.findall(r"gene\[(\w+)\$in([^\]]*)\]", criteria)
        wanted = [word.strip("'") for word in listed.split(",")]
        column = {"acronym": "gene-symbol", "entrez_id": "entrez-id"}[key]
        found = [{"id": probe["id"]} for probe in self.probes if str(probe[column]) in wanted]
        return self._page(found, query)

    def _list_donors(self, criteria: str, query: Mapping[str, list[str]]) -> Reply:
        assert "products[id$eq2]" in criteria
        assert "rma::include,age" in criteria
        return self._page(self.donors, query)

    def _find_specimen(self, criteria: str, query: Mapping[str, list[str]]) -> Reply:
        assert "include,alignment3d" in criteria
        (name,) = re.findall(r"\[name\$eq'([^']*)'\]", criteria)
        return self._page([row for row in self.specimens if row["name"] == name], query)

    def _express(self, criteria: str, query: Mapping[str, list[str]]) -> Reply:
        probes, donor = re.fullmatch(r"service::\w+\[probes\$in([^\]]*)\]\[donors\$eq([^\]]*)\]", criteria).groups()
        if self.only_quoted and "'" not in probes:
            return refuse()
        donor_id, wanted = int(donor.strip("'")), [int(probe.strip("'")) for probe in probes.split(",")]
        answered = []
        for probe in (probe for probe in self.probes if probe["id"] in wanted):
            values = self.levels[donor_id][probe["id"]]
            zscores = (values - values.mean()) / values.std()
            answered.append(
                probe
                | {"expression_level": [_LEVEL_FORMAT.format(value) for value in values]}
                | {"z-score": [_ZSCORE_FORMAT.format(value) for value in zscores]}
            )
        message = {"probes": answered, "samples": self.samples[donor_id]}
        return _reply({"success": True, "id": 0, "start_row": 0, "num_rows": 1, "total_rows": 1, "msg": message})

    def _page(self, rows: list[Record], query: Mapping[str, list[str]]) -> Reply:
        start = int(query.get("start_row", ["0"])[0])
        size = min(int(query.get("num_rows", [str(_DEFAULT_PAGE)])[0]), self.max_rows or 2**31)
        page = rows[start : start + size]
        counts = {"start_row": start, "num_rows": len(page), "total_rows": len(rows)}
        return _reply({"success": True, "id": 0, **counts, "msg": page})


def make_service(genes: Mapping[str, int], *, n_samples: int = 6, seed: int = 0) -> AllenService:
    """Made-up expression of genes, each with a number of probes, in a few samples of all six donors."""
    rng = np.random.default_rng(seed)
    probes = [
        _describe_probe(1000 * number + probe, f"P_{gene}_{probe}", gene, 70 + number)
        for number, (gene, n_probes) in enumerate(genes.items(), start=1)
        for probe in range(n_probes)
    ]
    samples, levels = {}, {}
    for donor in DONORS:
        voxels = rng.integers(40, 140, (n_samples, 3))
        samples[donor.donor_id] = [
            _describe_sample(donor, donor.donor_id * 100 + 7 * number, voxel.tolist(), 4020 + number % 2, 4009)
            for number, voxel in enumerate(voxels)
        ]
        levels[donor.donor_id] = {probe["id"]: rng.normal(6, 2, n_samples) for probe in probes}
    alignments = {donor.donor_name: _make_alignment(rng) for donor in DONORS}
    donors = [
        {"id": d.donor_id, "name": d.donor_name, "race_only": d.race, "sex": d.gender, "age": {"days": 365.0 * d.age}}
        for d in reversed(DONORS)
    ]
    return AllenService(donors, _describe_specimens(alignments), probes, samples, levels)


def serve_archives(data: Path) -> AllenService:
    """Real samples and levels of the small archives, with the recorded donors and affines."""
    recorded = json.loads((data / "reference" / "allen_api_donors_response.json").read_text())
    alignments = json.loads((data / "reference" / "alignment3d.json").read_text())
    probes: list[Record] = []
    samples, levels = {}, {}
    for donor in DONORS:
        folder = data / "ahba-mini" / f"normalized_microarray_donor{donor.donor_id}"
        probes = [
            _describe_probe(row.probe_id, row.probe_name, row.gene_symbol, row.entrez_id)
            for row in pd.read_csv(folder / "Probes.csv").itertuples()
        ]
        tops = _find_top_structures(pd.read_csv(folder / "Ontology.csv"))
        annotation = pd.read_csv(folder / "SampleAnnot.csv", na_filter=False)
        samples[donor.donor_id] = [
            _describe_sample(
                donor, row.well_id, [row.mri_voxel_x, row.mri_voxel_y, row.mri_voxel_z], row.structure_id,
                tops[row.structure_id], row.structure_acronym, row.structure_name,
            )
            for row in annotation.itertuples()
        ]  # fmt: skip
        expression = pd.read_csv(folder / "MicroarrayExpression.csv", header=None, index_col=0)
        levels[donor.donor_id] = {int(probe_id): row.to_numpy() for probe_id, row in expression.iterrows()}
    return AllenService(recorded["msg"], _describe_specimens(alignments), probes, samples, levels)


def _reply(answer: Record) -> Reply:
    return Reply(json.dumps(answer).encode(), headers={"Content-Type": "application/json"})


def _describe_probe(probe_id: int, name: str, gene: str, entrez_id: int) -> Record:
    return {
        "id": int(probe_id),
        "name": name,
        "gene-id": 1,
        "gene-symbol": gene,
        "gene-name": f"{gene}, in full",
        "entrez-id": int(entrez_id),
        "chromosome": "2",
    }


def _describe_sample(
    donor: Donor, well: int, voxel: list[int], structure: int, top: int, acronym: str = "CtxA", name: str = "area"
) -> Record:
    return {
        "donor": {"id": donor.donor_id, "name": donor.donor_name, "age": f"{donor.age} yrs", "color": "E8CD59"},
        "sample": {"well": int(well), "polygon": 1, "mri": [int(value) for value in voxel]},
        "structure": {"id": int(structure), "name": name, "abbreviation": acronym, "color": "E8CD59"},
        "top_level_structure": {"id": int(top), "name": "frontal lobe", "abbreviation": "FL", "color": "E8CD59"},
    }


def _describe_specimens(alignments: Mapping[str, list[list[float]]]) -> list[Record]:
    specimens = []
    for name, affine in alignments.items():
        matrix = [value for row in affine[:3] for value in row[:3]]
        translation = [row[3] for row in affine[:3]]
        values = {f"tvr_{number:02}": value for number, value in enumerate([*matrix, *translation])}
        specimens.append({"id": len(specimens), "name": name, "alignment3d": {"id": 1, **values}})
    return specimens


def _make_alignment(rng: np.random.Generator) -> list[list[float]]:
    # radiological voxels, slightly turned, as those of the first donors
    matrix = np.array([[-1.0, 0, 0, 91], [0, 0, -1, 91], [0, -1, 0, 109]])
    matrix[:, :3] += rng.uniform(-0.1, 0.1, (3, 3))
    return [*matrix.round(4).tolist(), [0.0, 0.0, 0.0, 1.0]]


def _find_top_structures(ontology: pd.DataFrame) -> dict[int, int]:
    """Ancestor of each structure on the fifth level below the root, such as the frontal lobe, or itself above."""
    paths = ontology["structure_id_path"].str.strip("/").str.split("/")
    return {int(path[-1]): int(path[:5][-1]) for path in paths}
