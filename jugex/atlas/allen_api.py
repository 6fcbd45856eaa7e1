"""The Allen Institute's web service as an atlas that holds what was asked for, and asks for nothing else.

The service gives log2 levels and z-scores as text with 4 to 5 decimals, where the archives have some 15 digits; its
z-scores are standardised over all samples of a donor, and are taken as they come. Coordinates are computed from the
native MRI voxels by the donor's affine, and kept to 0.01 mm; those of the archives are the same, to 0.1 mm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.allen import DONORS, Donor, choose_donors, donor_table
from jugex.atlas.allen_http import AllenApiClient, Receipt, ServiceRefusedError, complain
from jugex.atlas.allen_responses import (
    DonorAnswer,
    Floats,
    parse_alignment,
    parse_donors,
    parse_expression,
    parse_probe_ids,
)
from jugex.atlas.base import ExpressionAtlas, Levels, Rows
from jugex.atlas.expression import DonorExpression
from jugex.errors import AtlasError, GeneError, OptionError
from jugex.genes import GeneRequest, ListedGene, clean_requests
from jugex.progress import track

__all__ = ["AllenApiAtlas", "AllenApiGenes"]

_NAME = "Allen Human Brain Atlas (web service)"
_GENES_PER_REQUEST = 50  # keeps addresses short: the service is asked by GET
_ROWS_PER_PAGE = 2000
_SYMBOL = re.compile(r"[\w.@:/ -]+")  # what can stand between quotes in an address

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
    """The Allen Human Brain Atlas, asked over the web for the genes in use.

    It has `donors`, but no samples or probes until `with_genes` names genes; queries do that by themselves.

    Parameters
    ----------
    donors : iterable of str or int, optional
        Names or ids of the donors to take; default: all six.
    client : AllenApiClient, optional
        How the service is asked; default: ``AllenApiClient()``.
    probes_per_request : int
        How many probes are asked for at once, of one donor.

    Raises
    ------
    OptionError
        Where a donor asked for is none of the six.

    Notes
    -----
    The service is that of https://community.brain-map.org/t/human-brain-atlas-api/2876, and its data are under the
    terms of use of the Allen Institute.
    """

    def __init__(
        self,
        *,
        donors: str | int | Iterable[str | int] | None = None,
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
        """Whether each value is asked for over the network: yes."""
        return True

    def identity(self) -> dict[str, Any]:
        """Where the numbers come from; there are none before genes are named."""
        return _identify(self, self._client.url, n_samples=0, n_probes=0, receipts=[])

    def with_genes(self, genes: GeneRequest) -> AllenApiGenes:
        """Ask the service for genes.

        Parameters
        ----------
        genes : str, int, or iterable of them
            Symbols, looked for as written and in capitals, or Entrez ids.

        Returns
        -------
        AllenApiGenes
            Those of the genes that the service has, in all samples.

        Raises
        ------
        OptionError
            Where no gene is named: the service cannot be asked for all of them.
        GeneError
            Where the service has no probe of any of the genes.
        ServiceError
            Where the service fails.
        """
        if genes is None:
            raise OptionError(
                "the web service is asked gene by gene, and cannot give every gene; name the genes, or download the "
                "donor archives with jugex fetch and use those"
            )
        probe_ids, receipts = self._find_probes(clean_requests(genes))
        donors, receipt = self._client.ask(_DONORS, lambda answer: parse_donors(answer, self._chosen))
        receipts.append(receipt)
        answers = []
        for donor in track(self._chosen, description="asking the web service"):
            answer, of_donor = self._fetch_donor(donor, probe_ids)
            answers.append(answer)
            receipts += of_donor
        return AllenApiGenes(self._client.url, donors, answers, receipts)

    def restricted(self, donors: str | int | Iterable[str | int]) -> AllenApiAtlas:
        """Return the same service, to be asked for some of the donors only."""
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

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        del sample_rows, probe_rows
        self._refuse_without_genes()

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> tuple[Floats, Floats]:
        del donor_name, probe_rows
        self._refuse_without_genes()

    def _refuse_without_genes(self) -> NoReturn:
        raise AtlasError(
            "the web service is asked for the genes in use, and cannot list or search them; none is named yet; name "
            "them (--genes of jugex compare and jugex query, atlas.with_genes([...]) in Python), or look into the "
            "donor archives, which jugex fetch downloads"
        )

    def _find_probes(self, genes: Sequence[str]) -> tuple[list[int], list[Receipt]]:
        probe_ids: set[int] = set()
        receipts: list[Receipt] = []
        for condition in _write_conditions(genes):
            found, of_condition = self._page_probes(condition)
            probe_ids |= found
            receipts += of_condition
        if not probe_ids:
            raise GeneError(
                f"the web service has no probe of {', '.join(genes[:10])}; check the spelling of the symbols (with "
                "the donor archives, which jugex fetch downloads, near ones are suggested)"
            )
        return sorted(probe_ids), receipts

    def _page_probes(self, condition: str) -> tuple[set[int], list[Receipt]]:
        """Ids of all probes of genes: a page may be shorter than asked for, and the first is not all."""
        n_rows, total = 0, 1
        probe_ids: set[int] = set()
        receipts = []
        while n_rows < total:
            query = _PROBES.format(genes=condition, num_rows=_ROWS_PER_PAGE, start_row=n_rows)
            (page, total), receipt = self._client.ask(query, parse_probe_ids)
            if not page:
                break
            probe_ids.update(page)
            n_rows += len(page)
            receipts.append(receipt)
        if len(probe_ids) != total:
            raise complain(f"lists {len(probe_ids)} probes where it says that there are {total}", self._client.url)
        return probe_ids, receipts

    def _fetch_donor(self, donor: Donor, probe_ids: list[int]) -> tuple[DonorAnswer, list[Receipt]]:
        query = _SPECIMEN.format(name=donor.donor_name)
        alignment, receipt = self._client.ask(query, lambda answer: parse_alignment(answer, donor))
        receipts, parts = [receipt], []
        for batch in _batch(probe_ids, self._probes_per_request):
            part, receipt = self._ask_expression(donor, batch, alignment)
            parts.append(part)
            receipts.append(receipt)
        if any(not part.samples.equals(parts[0].samples) for part in parts):
            raise complain(
                f"gave other samples of donor {donor} for some probes than for others (where answers were kept, empty "
                f"{self._client.cache.folder})",
                self._client.url,
            )
        return _join_probes(parts), receipts

    def _ask_expression(self, donor: Donor, probe_ids: list[int], alignment: Floats) -> tuple[DonorAnswer, Receipt]:
        """Ask with the ids as they are, or in quotes: the service has at times refused the one, and at times both."""
        ids = [str(probe_id) for probe_id in probe_ids]
        forms = {
            False: _EXPRESSION.format(probes=",".join(ids), donor=donor.donor_id),
            True: _EXPRESSION.format(probes=_quote(ids), donor=f"'{donor.donor_id}'"),
        }

        def ask(quoted: bool) -> tuple[DonorAnswer, Receipt]:
            return self._client.ask(forms[quoted], lambda answer: parse_expression(answer, donor, probe_ids, alignment))

        quoted = not self._wants_quotes if self._client.keeps(forms[not self._wants_quotes]) else self._wants_quotes
        try:
            return ask(quoted)
        except ServiceRefusedError:
            answer = ask(not quoted)
            self._wants_quotes = not quoted
            return answer


class AllenApiGenes(ExpressionAtlas):
    """Genes that the web service was asked for, in memory.

    `structures` are those of the samples and the service's top-level ones; the parent of a structure is its
    top-level one.

    Parameters
    ----------
    url : str
        Base address of the service.
    donors : DataFrame
        The donors, as an atlas has them.
    answers : sequence of DonorAnswer
        Expression of the same probes in each donor, in the order of `donors`.
    receipts : sequence of Receipt
        Where it comes from.
    """

    def __init__(
        self, url: str, donors: pd.DataFrame, answers: Sequence[DonorAnswer], receipts: Sequence[Receipt]
    ) -> None:
        self._url, self._receipts = url, list(receipts)
        self._answers = dict(zip(donors["donor_name"], answers, strict=True))
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

    def identity(self) -> dict[str, Any]:
        """Where the numbers come from: the service, and each of its answers with date and checksum."""
        sizes = {"n_samples": len(self.samples), "n_probes": len(self.probes)}
        return _identify(self, self._url, **sizes, receipts=self._receipts)

    def restricted(self, donors: str | int | Iterable[str | int]) -> AllenApiGenes:
        """Return the same genes in some of the donors only."""
        chosen = choose_donors(self.donors, donors)
        kept = self.donors[self.donors["donor_name"].isin(chosen)].reset_index(drop=True)
        return AllenApiGenes(self._url, kept, [self._answers[name] for name in chosen], self._receipts)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._levels[np.ix_(sample_rows, probe_rows)]

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> tuple[Floats, Floats]:
        mean, sd = DonorExpression(self._answers[donor_name].levels.T).moments
        return mean[probe_rows], sd[probe_rows]

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        # as the service has them, not computed from its rounded levels
        del levels
        return self._zscores[np.ix_(sample_rows, probe_rows)]


def _identify(
    atlas: ExpressionAtlas, url: str, *, n_samples: int, n_probes: int, receipts: Sequence[Receipt]
) -> dict[str, Any]:
    return {
        "kind": "allen-api",
        "name": atlas.name,
        "simulated": False,
        "path": "allen-api",  # what open_atlas takes
        "url": url,
        "space": atlas.space,
        "n_samples": n_samples,
        "n_probes": n_probes,
        "donors": atlas.donors.to_dict("records"),
        "files": [],
        "zscores": "as given",  # by the service
        "dates": sorted({receipt.date for receipt in receipts}),
        "responses": [receipt._asdict() for receipt in receipts],
    }


def _write_conditions(genes: Sequence[str]) -> list[str]:
    """Conditions that select genes, a few dozen in each."""
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
