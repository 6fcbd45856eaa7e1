"""The Allen Institute's web service as an atlas, which holds the genes that were requested and no others.

The service gives log2 levels and z-scores as text with 4 to 5 decimals, whereas the archives have about 15 digits; its
z-scores are standardised over all samples of a donor, and are used as they are. Coordinates are computed from the
native MRI voxels with the donor's affine, and rounded to 0.01 mm; those of the archives are the same, to 0.1 mm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.allen_client import AllenApiClient, ServiceRefusedError, service_error
from jugex.atlas.base import (
    DONOR_COLUMNS,
    PROBE_COLUMNS,
    SAMPLE_COLUMNS,
    ExpressionAtlas,
    Levels,
    Moments,
    Rows,
    compute_moments,
)
from jugex.atlas.donors import DONORS, Donor, DonorsLike, choose_donors, donor_table
from jugex.atlas.identity import AtlasDonor, AtlasIdentity, AtlasSource, ServiceResponse
from jugex.atlas.ontology import complete_structures
from jugex.errors import AtlasError, GeneError, OptionError
from jugex.genes import GeneRequest, ListedGene, clean_requests
from jugex.progress import track

__all__ = ["AllenApiAtlas", "AllenApiGenes"]

_NAME = "Allen Human Brain Atlas (web service)"
_GENES_PER_REQUEST = 50  # keeps addresses short: the service is asked by GET
_ROWS_PER_PAGE = 2000
_DAYS_PER_YEAR = 365  # as siibra counts; the service's days are whole years of 365 days
_SYMBOL = re.compile(r"[\w.@:/ -]+")  # what a quoted symbol in an address may consist of

Floats = npt.NDArray[np.float64]

_PROBES = (
    "query.json?criteria=model::Probe,rma::criteria,[probe_type$eq'DNA'],products[abbreviation$eq'HumanMA'],"
    "gene[{genes}],rma::options[only$eq'probes.id']&num_rows={num_rows}&start_row={start_row}"
)
_DONORS = (
    "query.json?criteria=model::Donor,rma::criteria,products[id$eq2],rma::include,age,"  # product 2 is HumanMA
    "rma::options[only$eq'donors.id,donors.name,donors.race_only,donors.sex']&num_rows=50&start_row=0"
)
_SPECIMEN = "query.json?criteria=model::Specimen,rma::criteria,[name$eq'{name}'],rma::include,alignment3d"
_EXPRESSION = "query.json?criteria=service::human_microarray_expression[probes$in{probes}][donors$eq{donor}]"


class AllenApiAtlas(ExpressionAtlas):
    """The Allen Human Brain Atlas from the web service, which is asked for the genes in use.

    It has `donors`, but no samples or probes until `with_genes` names genes; queries call it themselves.

    Parameters
    ----------
    donors : iterable of str or int, optional
        Names or ids of the donors to take; default: all six.
    client : AllenApiClient, optional
        Client that sends the requests; default: ``AllenApiClient()``.
    probes_per_request : int
        Number of probes per request; each request is for one donor.

    Raises
    ------
    OptionError
        If a donor is not one of the six.

    Notes
    -----
    The service is that of https://community.brain-map.org/t/human-brain-atlas-api/2876, and its data are under the
    terms of use of the Allen Institute.
    """

    def __init__(
        self,
        *,
        donors: DonorsLike | None = None,
        client: AllenApiClient | None = None,
        probes_per_request: int = 50,
    ) -> None:
        chosen = choose_donors(donor_table(), donors)
        self._chosen = [donor for donor in DONORS if donor.donor_name in chosen]
        self._client = AllenApiClient() if client is None else client
        self._probes_per_request = probes_per_request
        self._wants_quotes = False  # until it refuses ids without them
        self.donors = donor_table(self._chosen)

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return _NAME

    @property
    def is_remote(self) -> bool:
        """Whether values are requested over the network: yes."""
        return True

    def identity(self) -> AtlasIdentity:
        """What determines the values: donors and source; without genes there are no samples and no probes."""
        return AtlasIdentity(
            name=self.name,
            simulated=False,
            space=self.space,
            n_samples=0,
            n_probes=0,
            donors=tuple(
                AtlasDonor(donor.donor_name, donor.donor_id, donor.age, donor.gender, donor.race)
                for donor in self._chosen
            ),
            source=self._describe_source([]),
        )

    def with_genes(self, genes: GeneRequest) -> AllenApiGenes:
        """Request genes from the service.

        Parameters
        ----------
        genes : str, int, or iterable of them
            Symbols (searched as written and in capitals) or Entrez ids.

        Returns
        -------
        AllenApiGenes
            The requested genes that the service has, in all samples.

        Raises
        ------
        OptionError
            If no gene is named: the service cannot return all genes.
        GeneError
            If the service has no probe of any of the genes.
        ServiceError
            If the service fails.
        """
        if genes is None:
            raise OptionError(
                "the web service returns named genes only, and cannot return every gene; name the genes, or download "
                "the donor archives with jugex fetch and use those"
            )
        probe_ids, responses = self._find_probes(clean_requests(genes))
        donors, response = self._client.ask(_DONORS, lambda answer: _parse_donors(answer, self._chosen))
        responses.append(response)
        answers = []
        for donor in track(self._chosen, description="asking the web service"):
            answer, of_donor = self._fetch_donor(donor, probe_ids)
            answers.append(answer)
            responses += of_donor
        return AllenApiGenes(self._client.url, donors, answers, responses)

    def with_donors(self, donors: DonorsLike) -> AllenApiAtlas:
        """Return the atlas of some of the donors, from the same service."""
        return AllenApiAtlas(
            donors=choose_donors(self.donors, donors),
            client=self._client,
            probes_per_request=self._probes_per_request,
        )

    def __getattr__(self, name: str) -> Any:
        if name in ("samples", "probes", "structures"):
            self._refuse_without_genes()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}, {len(self.donors)} donors, asked for genes when they are used>"

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        del donor_names
        return _describe_service(self._client.url, ())

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        del sample_rows, probe_rows
        self._refuse_without_genes()

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        del donor_name, probe_rows
        self._refuse_without_genes()

    def _refuse_without_genes(self) -> NoReturn:
        raise AtlasError(
            "no gene is named, and the web service cannot list or search genes; name some (--genes of jugex compare "
            "and jugex query, atlas.with_genes([...]) in Python), or use the donor archives, which jugex fetch "
            "downloads"
        )

    def _find_probes(self, genes: Sequence[str]) -> tuple[list[int], list[ServiceResponse]]:
        probe_ids: set[int] = set()
        responses: list[ServiceResponse] = []
        for condition in _write_conditions(genes):
            found, of_condition = self._page_probes(condition)
            probe_ids |= found
            responses += of_condition
        if not probe_ids:
            raise GeneError(
                f"the web service has no probe of {', '.join(genes[:10])}; check the spelling of the symbols (with "
                "the donor archives, which jugex fetch downloads, near ones are suggested)"
            )
        return sorted(probe_ids), responses

    def _page_probes(self, condition: str) -> tuple[set[int], list[ServiceResponse]]:
        """Ids of all probes that match a condition, page by page: a page may hold fewer rows than were asked for."""
        n_rows, total = 0, 1
        probe_ids: set[int] = set()
        responses = []
        while n_rows < total:
            query = _PROBES.format(genes=condition, num_rows=_ROWS_PER_PAGE, start_row=n_rows)
            (page, total), response = self._client.ask(query, _parse_probe_ids)
            if not page:
                break
            probe_ids.update(page)
            n_rows += len(page)
            responses.append(response)
        if len(probe_ids) != total:
            raise service_error(f"listed {len(probe_ids)} probes, but reported a total of {total}", self._client.url)
        return probe_ids, responses

    def _fetch_donor(self, donor: Donor, probe_ids: list[int]) -> tuple[DonorAnswer, list[ServiceResponse]]:
        query = _SPECIMEN.format(name=donor.donor_name)
        alignment, response = self._client.ask(query, lambda answer: _parse_alignment(answer, donor))
        responses, parts = [response], []
        for batch in _batch(probe_ids, self._probes_per_request):
            part, response = self._ask_expression(donor, batch, alignment)
            parts.append(part)
            responses.append(response)
        if any(not part.samples.equals(parts[0].samples) for part in parts):
            raise service_error(
                f"returned different samples of donor {donor} for different probes (if its answers were cached, empty "
                f"{self._client.cache.folder})",
                self._client.url,
            )
        return _join_probes(parts), responses

    def _ask_expression(
        self, donor: Donor, probe_ids: list[int], alignment: Floats
    ) -> tuple[DonorAnswer, ServiceResponse]:
        """Request expression with bare or with quoted ids: at times the service refused one form, at times both."""
        ids = [str(probe_id) for probe_id in probe_ids]
        forms = {
            False: _EXPRESSION.format(probes=",".join(ids), donor=donor.donor_id),
            True: _EXPRESSION.format(probes=_quote(ids), donor=f"'{donor.donor_id}'"),
        }

        def ask(quoted: bool) -> tuple[DonorAnswer, ServiceResponse]:
            return self._client.ask(
                forms[quoted], lambda answer: _parse_expression(answer, donor, probe_ids, alignment)
            )

        quoted = (
            not self._wants_quotes if self._client.has_cached(forms[not self._wants_quotes]) else self._wants_quotes
        )
        try:
            return ask(quoted)
        except ServiceRefusedError:
            answer = ask(not quoted)
            self._wants_quotes = not quoted
            return answer


class AllenApiGenes(ExpressionAtlas):
    """Genes received from the web service, in memory.

    `structures` holds the structures of the samples, their top-level structures, and the parts of the brain above
    these; the parent of a sample's structure is its top-level structure.

    Parameters
    ----------
    url : str
        Base address of the service.
    donors : DataFrame
        The donors: columns `DONOR_COLUMNS`.
    answers : sequence of DonorAnswer
        Expression of the same probes in each donor, in the order of `donors`.
    responses : sequence of ServiceResponse
        The answers of the service that hold all this.
    """

    def __init__(
        self, url: str, donors: pd.DataFrame, answers: Sequence[DonorAnswer], responses: Sequence[ServiceResponse]
    ) -> None:
        self._url, self._responses = url, tuple(responses)
        self.donors = donors
        self.samples = pd.concat([answer.samples for answer in answers], ignore_index=True)
        self.probes = answers[0].probes
        structures = pd.concat([answer.structures for answer in answers])
        self.structures = structures.drop_duplicates("structure_id", ignore_index=True)
        self._levels = np.concatenate([answer.levels for answer in answers])
        self._zscores = np.concatenate([answer.zscores for answer in answers])

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return _NAME

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        """The service, and each of its answers with date and checksum."""
        del donor_names
        return _describe_service(self._url, self._responses)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._levels[np.ix_(sample_rows, probe_rows)]

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        of_donor = (self.samples["donor_name"] == donor_name).to_numpy()
        mean, sd = compute_moments(self._levels[of_donor].T)
        return mean[probe_rows], sd[probe_rows]

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        # the service's own z-scores: its levels are rounded
        del levels
        return self._zscores[np.ix_(sample_rows, probe_rows)]


def _describe_service(url: str, responses: tuple[ServiceResponse, ...]) -> AtlasSource:
    # the path is what open_atlas takes; the z-scores are the service's own
    return AtlasSource("allen-api", path="allen-api", url=url, zscores="as given", responses=responses)


def _write_conditions(genes: Sequence[str]) -> list[str]:
    """Conditions that select genes, with at most `_GENES_PER_REQUEST` in each."""
    symbols = [gene for gene in genes if not gene.isdecimal() and _SYMBOL.fullmatch(gene)]
    spellings = dict.fromkeys(spelling for symbol in symbols for spelling in (symbol, symbol.upper()))
    listed = [str(gene.entrez_id) for gene in genes if isinstance(gene, ListedGene) and gene.entrez_id is not None]
    entrez_ids = dict.fromkeys([*(gene for gene in genes if gene.isdecimal()), *listed])
    return [
        *(f"acronym$in{_quote(batch)}" for batch in _batch(list(spellings), _GENES_PER_REQUEST)),
        *(f"entrez_id$in{','.join(batch)}" for batch in _batch(list(entrez_ids), _GENES_PER_REQUEST)),
    ]


def _quote(words: Iterable[str]) -> str:
    return ",".join(f"'{word}'" for word in words)


def _join_probes(parts: Sequence[DonorAnswer]) -> DonorAnswer:
    return DonorAnswer(
        samples=parts[0].samples,
        probes=pd.concat([part.probes for part in parts], ignore_index=True),
        structures=parts[0].structures,
        levels=np.concatenate([part.levels for part in parts], axis=1),
        zscores=np.concatenate([part.zscores for part in parts], axis=1),
    )


def _batch(items: Sequence[Any], size: int) -> list[Any]:
    return [items[start : start + size] for start in range(0, len(items), size)]


# --- parsing: a KeyError, TypeError, ValueError or IndexError says that an answer has not the shape that is needed


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
        Log2 levels, and the service's own z-scores.
    """

    samples: pd.DataFrame
    probes: pd.DataFrame
    structures: pd.DataFrame
    levels: Floats
    zscores: Floats


def _parse_probe_ids(answer: dict[str, Any]) -> tuple[list[int], int]:
    """Probe ids of one page, and how many there are on all pages."""
    return [int(row["id"]) for row in answer["msg"]], int(answer["total_rows"])


def _parse_donors(answer: dict[str, Any], donors: Collection[Donor]) -> pd.DataFrame:
    """Donors as a table with columns `DONOR_COLUMNS`, in the order of `donors`; age in years, as in siibra."""
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


def _parse_alignment(answer: dict[str, Any], donor: Donor) -> Floats:
    """Affine (3 x 4) from a donor's native MRI voxels to MNI coordinates in mm."""
    specimens = [row for row in answer["msg"] if row["name"] == donor.donor_name]
    if len(specimens) != 1:
        raise ValueError(f"{len(specimens)} specimens are called {donor.donor_name}, where one is needed")
    values = specimens[0]["alignment3d"]
    # tvr_00 to tvr_08 are the matrix, row by row; tvr_09 to tvr_11 the translation
    rows = [(*range(3 * row, 3 * row + 3), 9 + row) for row in range(3)]
    return _parse_numbers([[values[f"tvr_{number:02}"] for number in row] for row in rows], (3, 4), "alignment3d")


def _parse_expression(answer: dict[str, Any], donor: Donor, probe_ids: list[int], alignment: Floats) -> DonorAnswer:
    """Parse the answer of ``human_microarray_expression``.

    Parameters
    ----------
    answer : dict
        The answer; its samples are numbered from 0, in its order.
    donor : Donor
        The donor to whom all samples must belong.
    probe_ids : list of int
        The probes it must hold, each once.
    alignment : ndarray of float64, shape (3, 4)
        From native MRI voxels to MNI mm.
    """
    probes = _parse_probes(answer["msg"]["probes"], probe_ids)
    samples = _parse_samples(answer["msg"]["samples"], donor, alignment)
    shape = (len(probe_ids), len(samples))
    by_id = {int(probe["id"]): probe for probe in answer["msg"]["probes"]}
    levels, zscores = (
        _parse_numbers([by_id[probe_id][key] for probe_id in probes["probe_id"]], shape, key)
        for key in ("expression_level", "z-score")
    )
    return DonorAnswer(samples, probes, _parse_structures(answer["msg"]["samples"]), levels.T, zscores.T)


def _parse_probes(rows: list[dict[str, Any]], probe_ids: list[int]) -> pd.DataFrame:
    if sorted(int(row["id"]) for row in rows) != sorted(probe_ids):
        raise ValueError(f"its {len(rows)} probes are not the {len(probe_ids)} that were asked for")
    values = [(int(row["id"]), str(row["name"]), str(row["gene-symbol"]), row["entrez-id"]) for row in rows]
    probes = pd.DataFrame(values, columns=list(PROBE_COLUMNS)).sort_values("probe_id", ignore_index=True)
    probes["entrez_id"] = pd.to_numeric(probes["entrez_id"]).astype("Int64")
    return probes


def _parse_samples(rows: list[dict[str, Any]], donor: Donor, alignment: Floats) -> pd.DataFrame:
    if not rows or any(int(row["donor"]["id"]) != donor.donor_id for row in rows):
        raise ValueError(f"it holds no sample, or samples of a donor other than {donor}")
    voxels = _parse_numbers([row["sample"]["mri"] for row in rows], (len(rows), 3), "mri")
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
        raise ValueError("a well occurs more than once")
    samples[["mni_x", "mni_y", "mni_z"]] = _to_mni(voxels, alignment)
    return samples[list(SAMPLE_COLUMNS)]


def _to_mni(voxels: Floats, alignment: Floats) -> Floats:
    """MNI coordinates (n x 3, mm), rounded to 0.01 mm as in siibra."""
    # sample by sample, as siibra does: one matrix product sums in another order, and can round differently
    points = np.array([alignment @ [*voxel, 1.0] for voxel in voxels])
    return np.asarray(points.round(2) + 0.0)  # no -0.0


def _parse_structures(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Structures of the samples, their top-level structures, and the parts of the brain above these."""
    tops, own = (
        [(int(row[key]["id"]), str(row[key]["abbreviation"]), str(row[key]["name"])) for row in rows]
        for key in ("top_level_structure", "structure")
    )
    return complete_structures(tops, ((*structure, top[0]) for structure, top in zip(own, tops, strict=True)))


def _parse_numbers(values: list[Any], shape: tuple[int, int], key: str) -> Floats:
    """Numbers (`shape`), some of which the service writes as text."""
    if any(isinstance(value, bool) for row in values for value in (row if isinstance(row, list) else [row])):
        raise ValueError(f"{key} holds true or false, where numbers are needed")
    numbers = np.array(values, dtype=np.float64)
    if numbers.shape != shape:
        raise ValueError(f"{key} has the shape {numbers.shape}, where {shape} is needed")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{key} holds a value that is not a finite number")
    return numbers
