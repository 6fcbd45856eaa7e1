"""Selection of the requested genes that an atlas has, with the outcome for each request."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Literal

import numpy as np
import pandas as pd

from jugex._text import count_of, join_words
from jugex.errors import GeneError, GeneWarning, OptionError, warn_user
from jugex.genes.catalogue import Aliases, AliasesLike, Genes, read_aliases
from jugex.genes.lists import ListedGene
from jugex.genes.names import clean_name, ensembl_id, other_names, symbols_of_date

__all__ = ["GeneRequest", "GeneSelection", "LedgerEntry", "clean_requests", "format_ledger", "select_genes"]

#: Requested genes: symbols or Entrez ids; None for all.
GeneRequest = str | int | Iterable[str | int] | None

#: Outcome for a requested gene.
Outcome = Literal["used", "renamed", "no probe in the atlas", "all probes filtered"]

#: Outcomes as they are written in a sentence.
_OUTCOMES: dict[str, str] = {
    "used": "used",
    "renamed": "used under another symbol",
    "no probe in the atlas": "without a probe in the atlas",
    "all probes filtered": "with all probes filtered out",
}

_N_SHOWN, _N_SUGGESTED = 10, 5

#: Why a gene requested by its Ensembl id is not found.
_WHY_NO_ENSEMBL = (
    "the atlas names genes by symbol, and an alias table with ensembl_gene_id (HGNC's complete set) finds these"
)


@dataclass(frozen=True)
class LedgerEntry:
    """The outcome for one requested gene.

    Attributes
    ----------
    requested : str
        The request: a symbol or an Entrez id.
    gene : str or None
        Symbol of the gene in the atlas; None if the atlas lacks it.
    outcome : {'used', 'renamed', 'no probe in the atlas', 'all probes filtered'}
        `renamed` means used under another symbol.
    detail : str
        Explanation in words; may be empty.

    Examples
    --------
    >>> from jugex.genes import select_genes
    >>> chosen = select_genes(["MAOA"], ["MAOA", "TAC1"])
    >>> chosen.ledger[0].gene, chosen.ledger[0].outcome
    ('MAOA', 'used')
    """

    requested: str
    gene: str | None
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class GeneSelection:
    """The requested genes, and those of them that an atlas has.

    Attributes
    ----------
    requested : tuple of str or None
        Symbols or Entrez ids requested, without repetitions; None if every gene was.
    found : tuple of str
        Symbols in the atlas's spelling, in the order of the requests.
    missing : tuple of str
        Requests that the atlas does not have.
    ledger : tuple of LedgerEntry
        The outcome for each request; empty if every gene was requested.
    aliases : Aliases or None
        The alias table, if one was given.

    Examples
    --------
    >>> from jugex.genes import select_genes
    >>> chosen = select_genes(["MAOA"], ["MAOA", "TAC1"])
    >>> chosen.found, chosen.missing
    (('MAOA',), ())
    """

    requested: tuple[str, ...] | None
    found: tuple[str, ...]
    missing: tuple[str, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    aliases: Aliases | None = None

    def without(self, filtered: Collection[str], reason: str) -> GeneSelection:
        """The selection without genes whose probes were all filtered out.

        Parameters
        ----------
        filtered : collection of str
            Symbols of these genes.
        reason : str
            Why the probes were filtered out, for the ledger.

        Returns
        -------
        GeneSelection

        Raises
        ------
        GeneError
            If no gene is left.
        """
        gone = set(filtered)
        found = tuple(gene for gene in self.found if gene not in gone)
        if not found:
            raise GeneError(f"no gene is left: all probes of {_enumerate(list(filtered))} were {reason}")
        ledger = tuple(
            replace(entry, outcome="all probes filtered", detail=reason) if entry.gene in gone else entry
            for entry in self.ledger
        )
        return replace(self, found=found, ledger=ledger)


def select_genes(
    genes: GeneRequest, known: Genes | Iterable[str], *, aliases: AliasesLike | None = None
) -> GeneSelection:
    """Look up genes by symbol (as written, then ignoring case), by Entrez id, and by other names.

    Parameters
    ----------
    genes : str, int, iterable of them, or None
        Symbols or Entrez ids; None for all.
    known : Genes or iterable of str
        The atlas's genes, or their symbols.
    aliases : path-like or Aliases, optional
        Table of other names; see `jugex.genes.read_aliases`.

    Returns
    -------
    GeneSelection

    Raises
    ------
    GeneError
        If none of the genes is in the atlas; the message names the nearest symbols.
    OptionError
        If the list is empty, or the alias table cannot be read.

    Warns
    -----
    GeneWarning
        If some of the genes are not in the atlas or have another symbol there, or if a symbol and its Entrez id in a
        list name two different genes of the atlas.

    Examples
    --------
    >>> from jugex.genes import select_genes
    >>> chosen = select_genes(["MAOA"], ["MAOA", "TAC1"])
    >>> chosen.found
    ('MAOA',)
    """
    catalogue = known if isinstance(known, Genes) else Genes.from_symbols(known)
    names = None if aliases is None else read_aliases(aliases)
    if genes is None:
        return GeneSelection(requested=None, found=tuple(catalogue), aliases=names)
    requested = clean_requests(genes)
    ledger = _look_up_all(requested, catalogue, names)
    found = tuple(dict.fromkeys(entry.gene for entry in ledger if entry.gene is not None))
    lost = [entry for entry in ledger if entry.gene is None]
    missing = tuple(entry.requested for entry in lost)
    if not found:
        raise GeneError(
            f"{_format_missing(lost, catalogue)}; no gene is left: check the symbols (jugex genes TEXT looks them up)"
        )
    _warn_of_changes(ledger, lost, catalogue, len(found))
    _warn_of_conflicts(ledger)
    return GeneSelection(tuple(map(str, requested)), found, missing, ledger, names)


def format_ledger(ledger: Sequence[LedgerEntry]) -> str:
    """Summarise a ledger in one line: the number of genes by outcome, and the names of those not simply used.

    Parameters
    ----------
    ledger : sequence of LedgerEntry

    Returns
    -------
    str
        Empty for an empty ledger.

    Examples
    --------
    >>> from jugex.genes import format_ledger, select_genes
    >>> format_ledger(select_genes(["MAOA", "TAC1"], ["MAOA", "TAC1"]).ledger)
    '2 genes asked for: 2 used'
    """
    parts = []
    for outcome in dict.fromkeys(entry.outcome for entry in ledger):
        of_outcome = [entry for entry in ledger if entry.outcome == outcome]
        names = [
            f"{entry.gene} for {entry.requested}" if outcome == "renamed" else entry.requested for entry in of_outcome
        ]
        parts.append(
            f"{len(of_outcome):,} {_OUTCOMES[outcome]}" + ("" if outcome == "used" else f" ({_enumerate(names)})")
        )
    return f"{count_of(len(ledger), 'gene')} asked for: {', '.join(parts)}" if parts else ""


def _look_up_all(requested: tuple[str, ...], genes: Genes, aliases: Aliases | None) -> tuple[LedgerEntry, ...]:
    ledger: list[LedgerEntry] = []
    n_unknown = 0
    for request in requested:
        entry = _look_up(request, genes, aliases)
        if entry.gene is None and not entry.detail and n_unknown < _N_SHOWN:  # it takes time, and messages name no more
            n_unknown += 1
            close = genes.nearest(request)
            entry = replace(entry, detail=f"nearest: {', '.join(close)}" if close else "")
        ledger.append(entry)
    return tuple(ledger)


def _look_up(request: str, genes: Genes, aliases: Aliases | None) -> LedgerEntry:
    found = genes.find(request)
    if found is not None:
        is_id = request.isdecimal() and found != request
        detail = f"Entrez id {request}" if is_id else _explain_conflict(request, found, genes, aliases)
        return LedgerEntry(str(request), found, "used", detail)
    listed = request.entrez_id if isinstance(request, ListedGene) else None
    for entrez_id, where in ((listed, "in the list"), (genes.former_entrez(request), "before the re-annotation")):
        found = genes.find_entrez(entrez_id)
        if found is not None:
            return LedgerEntry(str(request), found, "renamed", f"has the Entrez id of {request} {where} ({entrez_id})")
    resolved = aliases.resolve(str(request), genes) if aliases else None
    if resolved is not None:
        outcome: Outcome = "no probe in the atlas" if resolved.gene is None else "renamed"
        return LedgerEntry(str(request), resolved.gene, outcome, resolved.detail)
    for name, why in other_names(request):
        if (found := genes.find(name)) is not None:
            return LedgerEntry(str(request), found, "renamed", why)
    return _look_up_date(request, genes) or LedgerEntry(
        str(request), None, "no probe in the atlas", _WHY_NO_ENSEMBL if ensembl_id(request) else ""
    )


def _look_up_date(request: str, genes: Genes) -> LedgerEntry | None:
    """Outcome for a symbol that a spreadsheet has turned into a date; None if the request is no date."""
    symbols = symbols_of_date(request)
    if not symbols:
        return None
    detail = f"{request} is a date that a spreadsheet made of {join_words(symbols, 'or')}"
    names = [symbols[0], *(name for name, _ in other_names(symbols[0]))]
    found = next((found for name in names if (found := genes.find(name))), None) if len(symbols) == 1 else None
    return LedgerEntry(str(request), found, "renamed" if found else "no probe in the atlas", detail)


def _explain_conflict(request: str, found: str, genes: Genes, aliases: Aliases | None) -> str:
    """Say that a symbol may mean another gene (by its Entrez id in a list, or by today's symbols), else ''."""
    if isinstance(request, ListedGene) and not genes.has_entrez(found, request.entrez_id):
        other = genes.find_entrez(request.entrez_id)
        if other is not None and other != found:
            return (
                f"the symbol {request} was used, although its Entrez id in the list ({request.entrez_id}) is that of "
                f"{other}"
            )
    entrez_id = genes.entrez_of(found)
    today = aliases.find_conflicting_entrez(found, entrez_id) if aliases else None
    if today is None:
        return ""
    return f"the atlas's {found} has the Entrez id {entrez_id}, although {found} is today the symbol of gene {today}"


def clean_requests(genes: str | int | Iterable[str | int]) -> tuple[str, ...]:
    """Clean a request: names of genes as tidy text, without repetitions; missing values are ignored.

    Raises
    ------
    OptionError
        If the list is empty, or holds anything but symbols and ids.

    Examples
    --------
    >>> from jugex.genes import clean_requests
    >>> clean_requests(["MAOA", " TAC1", "MAOA", 4128])
    ('MAOA', 'TAC1', '4128')
    """
    if isinstance(genes, pd.DataFrame | Mapping | PathLike):
        how = {
            pd.DataFrame: "pass its column of genes, like table['gene']",
            Mapping: "pass a list of genes, like the values of one key",
            PathLike: "read it with jugex.read_gene_list",
        }
        advice = next(words for kind, words in how.items() if isinstance(genes, kind))
        raise OptionError(f"genes must be symbols or Entrez ids, got a {type(genes).__name__}; {advice}")
    given = [genes] if isinstance(genes, str | int) else [gene for gene in genes if not _is_missing(gene)]
    invalid = [gene for gene in given if not _is_name(gene)]
    if invalid:
        raise OptionError(f"genes must be symbols such as 'MAOA' or Entrez ids such as 4128, got {invalid[0]!r}")
    cleaned = [gene if isinstance(gene, ListedGene) else clean_name(str(gene)) for gene in given]
    requests = tuple(dict.fromkeys(gene for gene in cleaned if gene))
    if not requests:
        raise OptionError("the list of genes is empty; name at least one symbol, or pass None for every gene")
    return requests


def _is_missing(gene: object) -> bool:
    return gene is None or gene is pd.NA or (isinstance(gene, float | np.floating) and np.isnan(gene))


def _is_name(gene: object) -> bool:
    is_whole = isinstance(gene, float | np.floating) and float(gene).is_integer()
    return (isinstance(gene, str | int | np.integer) and not isinstance(gene, bool | np.bool_)) or is_whole


def _warn_of_changes(ledger: tuple[LedgerEntry, ...], lost: Sequence[LedgerEntry], genes: Genes, n_found: int) -> None:
    renamed = [f"{entry.gene} for {entry.requested}" for entry in ledger if entry.outcome == "renamed"]
    if renamed:
        warn_user(f"used under another symbol: {_enumerate(renamed)}", GeneWarning)
    if lost:
        warn_user(f"{_format_missing(lost, genes)}; continuing with {count_of(n_found, 'other gene')}", GeneWarning)


def _warn_of_conflicts(ledger: tuple[LedgerEntry, ...]) -> None:
    conflicts = [
        entry.detail
        for entry in ledger
        if entry.outcome == "used" and entry.detail and not entry.detail.startswith("Entrez id")
    ]
    if conflicts:
        warn_user(f"a symbol may mean two genes: {_enumerate(conflicts)}; correct the list", GeneWarning)


def _format_missing(lost: Sequence[LedgerEntry], genes: Genes) -> str:
    """Say which genes are not in the atlas, and which of its genes may have been meant."""
    missing = [entry.requested for entry in lost]
    text = f"not in the atlas: {_enumerate(missing)}"
    several = next((name for name in missing if len(_split(name)) > 1), None)
    if several is not None and not symbols_of_date(several):
        listed = ", ".join(map(repr, _split(several)))
        return f"{text} (a symbol has no blank or comma: give several genes as a list, [{listed}])"
    if file := next((name for name in missing if _FILE_ENDING.search(name)), None):
        return f"{text} (a file of genes is read with jugex.read_gene_list({file!r}), --gene-list on the command line)"
    is_known = [bool(entry.detail) and not entry.detail.startswith("nearest") for entry in lost]
    known = [entry for entry, known in zip(lost, is_known, strict=True) if known]
    unknown = [entry.requested for entry, known in zip(lost, is_known, strict=True) if not known][:_N_SHOWN]
    close = [(name, found) for name in unknown if (found := genes.nearest(name))]
    meant = [f"{join_words(found, 'or')} for {name}" for name, found in close[:_N_SUGGESTED]]
    hints = [f"did you mean {join_words(meant)}?"] if meant else []
    dates = [entry.detail for entry in known if symbols_of_date(entry.requested)]
    hints += [join_words(dates[:_N_SUGGESTED]) + ": write the symbol"] if dates else []
    n_ensembl = sum(entry.detail == _WHY_NO_ENSEMBL for entry in known)
    hints += [f"{count_of(n_ensembl, 'Ensembl id')}: {_WHY_NO_ENSEMBL}"] if n_ensembl else []
    return f"{text} ({'; '.join(hints)})" if hints else text


#: Ending of a file name that was given instead of a gene.
_FILE_ENDING = re.compile(r"\.(txt|csv|tsv|gmt|xlsx?)(\.gz)?$", flags=re.IGNORECASE)


def _split(name: str) -> list[str]:
    return re.split(r"[\s,;]+", name.strip(" ,;"))


def _enumerate(names: list[str]) -> str:
    more = len(names) - _N_SHOWN
    return ", ".join(names[:_N_SHOWN]) + (f" and {more} more" if more > 0 else "")
