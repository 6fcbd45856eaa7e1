"""Genes by symbol: which of those asked for an atlas has, the nearest ones otherwise, and lists in files."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jugex.errors import GeneError, GeneWarning, OptionError, warn_user

__all__ = ["GeneSelection", "read_gene_list", "select_genes"]

_N_SUGGESTIONS = 3


@dataclass(frozen=True)
class GeneSelection:
    """Which genes were asked for and which of them an atlas has.

    Attributes
    ----------
    requested : tuple of str or None
        Symbols asked for, without repetitions; None where every gene was.
    found : tuple of str
        Symbols in the atlas's spelling, in the order asked for.
    missing : tuple of str
        Symbols that the atlas does not have.
    """

    requested: tuple[str, ...] | None
    found: tuple[str, ...]
    missing: tuple[str, ...] = ()


def select_genes(genes: str | Iterable[str] | None, known: Iterable[str]) -> GeneSelection:
    """Look gene symbols up, first as written, then ignoring case.

    Parameters
    ----------
    genes : str, iterable of str or None
        Symbols asked for; None for all.
    known : iterable of str
        Symbols that the atlas has.

    Returns
    -------
    GeneSelection

    Raises
    ------
    GeneError
        Where none of the genes is in the atlas; the message names the nearest symbols.
    OptionError
        Where the list is empty.

    Warns
    -----
    GeneWarning
        Where some of the genes are not in the atlas.
    """
    symbols = list(dict.fromkeys(known))
    if genes is None:
        return GeneSelection(requested=None, found=tuple(symbols))
    requested = _clean_symbols(genes)
    by_symbol = dict.fromkeys(symbols)
    by_upper = {symbol.upper(): symbol for symbol in reversed(symbols)}
    spelled = {gene: gene if gene in by_symbol else by_upper.get(gene.upper()) for gene in requested}
    found = tuple(dict.fromkeys(symbol for symbol in spelled.values() if symbol is not None))
    missing = tuple(gene for gene, symbol in spelled.items() if symbol is None)
    if not found:
        raise GeneError(_describe_missing(missing, symbols) + "; no gene is left to look at")
    if missing:
        warn_user(_describe_missing(missing, symbols) + f"; going on with the other {len(found)}", GeneWarning)
    return GeneSelection(requested=requested, found=found, missing=missing)


def read_gene_list(path: str | Path) -> list[str]:
    """Read gene symbols from a file: one a line, or MATLAB JuGEx's ``probe_id,gene_symbol,entrez_id``.

    Of the latter the symbols are taken: all probes that the atlas has of a gene are used. Blank lines and
    lines that begin with ``#`` are passed over.

    Parameters
    ----------
    path : path-like
        Text file in UTF-8.

    Returns
    -------
    list of str
        Symbols in the order of the file, without repetitions.

    Raises
    ------
    OptionError
        Where the file is missing, not text, or holds no symbol.
    """
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"gene list {path} cannot be read ({error}); give a text file with one symbol a line"
        ) from error
    lines = [line for line in lines if line and not line.startswith("#")]
    symbols = _read_matlab_list(lines) if lines and "," in lines[0] else lines
    broken = [symbol for symbol in symbols if not symbol or any(c in symbol for c in ",\t; ")]
    if broken or not symbols:
        got = f"the line {broken[0]!r}" if broken else "no symbol"
        raise OptionError(
            f"gene list {path} holds {got}; needed is one symbol a line, "
            "or a table with the header probe_id,gene_symbol,entrez_id"
        )
    return list(dict.fromkeys(symbols))


def _read_matlab_list(lines: list[str]) -> list[str]:
    rows = list(csv.DictReader(lines, skipinitialspace=True))
    return [(row.get("gene_symbol") or "").strip() for row in rows]


def _clean_symbols(genes: str | Iterable[str]) -> tuple[str, ...]:
    given = [genes] if isinstance(genes, str) else list(genes)
    not_text = [gene for gene in given if not isinstance(gene, str)]
    if not_text:
        raise OptionError(f"genes are symbols such as 'MAOA', got {not_text[0]!r}")
    symbols = tuple(dict.fromkeys(gene.strip() for gene in given if gene.strip()))
    if not symbols:
        raise OptionError("the list of genes is empty; name at least one symbol, or pass None for every gene")
    return symbols


def _describe_missing(missing: tuple[str, ...], known: list[str]) -> str:
    shown = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
    return f"not in the atlas: {shown}{_suggest(missing[0], known)}"


def _suggest(symbol: str, known: list[str]) -> str:
    by_upper = {k.upper(): k for k in known}
    close = difflib.get_close_matches(symbol.upper(), list(by_upper), n=_N_SUGGESTIONS, cutoff=0.6)
    return f" (nearest to {symbol}: {', '.join(by_upper[c] for c in close)})" if close else ""
