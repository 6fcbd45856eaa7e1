"""Which of the genes asked for an atlas has, and what became of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from jugex._text import count_of, join_words
from jugex.errors import GeneError, GeneWarning, OptionError, warn_user
from jugex.genes.catalogue import Aliases, AliasesLike, Genes, read_aliases
from jugex.genes.lists import ListedGene

__all__ = ["GeneRequest", "GeneSelection", "LedgerEntry", "clean_requests", "format_ledger", "select_genes"]

#: Genes asked for: symbols or Entrez ids; None for all.
GeneRequest = str | int | Iterable[str | int] | None

#: What becomes of a gene that was asked for.
Outcome = Literal["used", "renamed", "no probe in the atlas", "all probes filtered"]

#: Outcomes in a sentence.
_OUTCOMES: dict[str, str] = {
    "used": "used",
    "renamed": "used under another symbol",
    "no probe in the atlas": "without a probe in the atlas",
    "all probes filtered": "with all probes filtered out",
}

_N_SHOWN, _N_SUGGESTED = 10, 5


@dataclass(frozen=True)
class LedgerEntry:
    """What became of one gene that was asked for.

    Attributes
    ----------
    requested : str
        As it was asked for: a symbol or an Entrez id.
    gene : str or None
        Its symbol in the atlas; None where it has none.
    outcome : {'used', 'renamed', 'no probe in the atlas', 'all probes filtered'}
        `renamed`: used, under another symbol.
    detail : str
        Why, in words; may be empty.

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
    """Which genes were asked for and which of them an atlas has.

    Attributes
    ----------
    requested : tuple of str or None
        Symbols or Entrez ids asked for, without repetitions; None where every gene was.
    found : tuple of str
        Symbols in the atlas's spelling, in the order asked for.
    missing : tuple of str
        Those asked for that the atlas does not have.
    ledger : tuple of LedgerEntry
        What became of each gene asked for; empty where every gene was.
    aliases : Aliases or None
        The alias table, where one was given.

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
        """Selection less the genes that lost all their probes.

        Parameters
        ----------
        filtered : collection of str
            Symbols of those genes.
        reason : str
            Why, for the ledger.

        Returns
        -------
        GeneSelection

        Raises
        ------
        GeneError
            Where no gene is left.
        """
        gone = set(filtered)
        found = tuple(gene for gene in self.found if gene not in gone)
        if not found:
            raise GeneError(f"no gene is left to look at: all probes of {_enumerate(list(filtered))} were {reason}")
        ledger = tuple(
            replace(entry, outcome="all probes filtered", detail=reason) if entry.gene in gone else entry
            for entry in self.ledger
        )
        return replace(self, found=found, ledger=ledger)


def select_genes(
    genes: GeneRequest, known: Genes | Iterable[str], *, aliases: AliasesLike | None = None
) -> GeneSelection:
    """Look genes up: by symbol as written, ignoring case, by Entrez id, and by other names.

    Parameters
    ----------
    genes : str, int, iterable of them, or None
        Symbols or Entrez ids asked for; None for all.
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
        Where none of the genes is in the atlas; the message names the nearest symbols.
    OptionError
        Where the list is empty, or the alias table cannot be read.

    Warns
    -----
    GeneWarning
        Where some of the genes are not in the atlas or have another symbol there, or a list's symbol and Entrez id
        name two genes of it.

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
    ledger = tuple(_look_up(request, catalogue, names) for request in requested)
    found = tuple(dict.fromkeys(entry.gene for entry in ledger if entry.gene is not None))
    missing = tuple(entry.requested for entry in ledger if entry.gene is None)
    if not found:
        raise GeneError(_format_missing(missing, catalogue) + "; no gene is left to look at")
    _warn_of_changes(ledger, missing, catalogue, len(found))
    _warn_of_conflicts(requested, ledger, catalogue)
    return GeneSelection(tuple(map(str, requested)), found, missing, ledger, names)


def format_ledger(ledger: Sequence[LedgerEntry]) -> str:
    """Account of a ledger in one line: how many genes came to what, and which were not simply used.

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


def _look_up(request: str, genes: Genes, aliases: Aliases | None) -> LedgerEntry:
    found = genes.find(request)
    if found is not None:
        is_id = request.isdecimal() and found != request
        detail = f"Entrez id {request}" if is_id else _format_conflict(request, found, genes)
        return LedgerEntry(str(request), found, "used", detail)
    listed = request.entrez_id if isinstance(request, ListedGene) else None
    for entrez_id, where in ((listed, "in the list"), (genes.former_entrez(request), "before the re-annotation")):
        found = genes.find_entrez(entrez_id)
        if found is not None:
            return LedgerEntry(str(request), found, "renamed", f"has the Entrez id of {request} {where} ({entrez_id})")
    resolved = aliases.resolve(str(request), genes) if aliases else None
    if resolved is not None and resolved.gene is not None:
        return LedgerEntry(str(request), resolved.gene, "renamed", resolved.detail)
    close = genes.nearest(request)
    detail = resolved.detail if resolved else f"nearest: {', '.join(close)}" if close else ""
    return LedgerEntry(str(request), None, "no probe in the atlas", detail)


def _format_conflict(request: str, found: str, genes: Genes) -> str:
    """Say that a list's Entrez id names another gene of the atlas than its symbol does; empty where it does not."""
    if not isinstance(request, ListedGene) or genes.has_entrez(found, request.entrez_id):
        return ""
    other = genes.find_entrez(request.entrez_id)
    if other is None or other == found:
        return ""
    return f"the symbol {request} was used, though its Entrez id in the list ({request.entrez_id}) is that of {other}"


def clean_requests(genes: str | int | Iterable[str | int]) -> tuple[str, ...]:
    """Genes asked for, once each, as text without blanks around it; an iterator is used up.

    Examples
    --------
    >>> from jugex.genes import clean_requests
    >>> clean_requests(["MAOA", " TAC1", "MAOA", 4128])
    ('MAOA', 'TAC1', '4128')
    """
    given = [genes] if isinstance(genes, str | int) else list(genes)
    strange = [gene for gene in given if not _is_name(gene)]
    if strange:
        raise OptionError(f"genes are symbols such as 'MAOA' or Entrez ids such as 4128, got {strange[0]!r}")
    cleaned = [gene if isinstance(gene, ListedGene) else str(gene).strip() for gene in given]
    requests = tuple(dict.fromkeys(gene for gene in cleaned if gene))
    if not requests:
        raise OptionError("the list of genes is empty; name at least one symbol, or pass None for every gene")
    return requests


def _is_name(gene: object) -> bool:
    return isinstance(gene, str | int | np.integer) and not isinstance(gene, bool)


def _warn_of_changes(ledger: tuple[LedgerEntry, ...], missing: tuple[str, ...], genes: Genes, n_found: int) -> None:
    renamed = [f"{entry.gene} for {entry.requested}" for entry in ledger if entry.outcome == "renamed"]
    if renamed:
        warn_user(f"used under another symbol: {_enumerate(renamed)}", GeneWarning)
    if missing:
        warn_user(f"{_format_missing(missing, genes)}; going on with {count_of(n_found, 'other gene')}", GeneWarning)


def _warn_of_conflicts(requested: tuple[str, ...], ledger: tuple[LedgerEntry, ...], genes: Genes) -> None:
    pairs = [(request, entry.gene) for request, entry in zip(requested, ledger, strict=True) if entry.gene is not None]
    conflicts = [conflict for request, gene in pairs if (conflict := _format_conflict(request, gene, genes))]
    if conflicts:
        warn_user(f"symbol and Entrez id name two genes: {_enumerate(conflicts)}; correct the list", GeneWarning)


def _format_missing(missing: tuple[str, ...], genes: Genes) -> str:
    """Say which genes are not in the atlas, and which ones of it were perhaps meant."""
    text = f"not in the atlas: {_enumerate(list(missing))}"
    several = next((name for name in missing if len(_split(name)) > 1), None)
    if several is not None:
        listed = ", ".join(map(repr, _split(several)))
        return f"{text} (a symbol holds no blank or comma: several genes are a list, [{listed}])"
    close = [(name, found) for name in missing if (found := genes.nearest(name))]
    meant = [f"{join_words(found, 'or')} for {name}" for name, found in close[:_N_SUGGESTED]]
    return f"{text} (did you mean {join_words(meant)}?)" if meant else text


def _split(name: str) -> list[str]:
    return re.split(r"[\s,;]+", name.strip(" ,;"))


def _enumerate(names: list[str]) -> str:
    more = len(names) - _N_SHOWN
    return ", ".join(names[:_N_SHOWN]) + (f" and {more} more" if more > 0 else "")
