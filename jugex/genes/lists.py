"""Gene lists in files: one gene per line, tables that tools of the field write, spreadsheets, and GMT gene sets."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jugex._text import read_file
from jugex.errors import GeneWarning, OptionError, how_to_install, tell_problem, warn_user
from jugex.genes.names import clean_name

__all__ = ["ListedGene", "read_gene_list", "read_gmt", "read_table_of_sets"]

#: Columns of symbols and of Entrez ids, in order of preference, with ``_`` for all but letters and digits.
_SYMBOL_COLUMNS = (
    "gene_symbol", "hgnc_symbol", "symbol", "genesymbol", "gene_symbols", "symbols", "approved_symbol",
    "external_gene_name", "gene_short_name", "gene", "genes", "gene_name", "genename", "hgnc", "hugo_symbol",
    "feature_name", "target_gene", "gene_acronym", "acronym",
)  # fmt: skip
_ENTREZ_COLUMNS = (
    "entrez_id", "entrez_gene_id", "entrezgene_id", "entrez", "entrezid", "entrezgene", "ncbi_gene_id", "ncbi_geneid",
    "geneid",
)  # fmt: skip
#: Columns of ids that are Entrez ids in some tables, and Ensembl's or the Allen Institute's own in others.
_AMBIGUOUS_ID_COLUMNS = ("gene_id", "ensembl_gene_id", "ensembl_id", "ensembl", "ensembl_gene")

#: Columns that hold the names of gene sets.
_SET_COLUMNS = (
    "set", "gene_set", "geneset", "gene_set_name", "gs_name", "set_name", "term", "pathway", "cell_type", "celltype",
)  # fmt: skip

#: Number of first rows in which the header may be, below titles.
_N_HEADER_ROWS = 10
_SYMBOL = re.compile(r"[A-Za-z][\w.@/-]*")

_WHAT_TO_GIVE = (
    "give one symbol or Entrez id per line, a table with a column such as gene_symbol, symbol, gene or entrez_id, or "
    "gene sets in a file.gmt"
)


class ListedGene(str):
    """A symbol from a list that also gives its Entrez id, which finds the gene if its symbol has changed.

    Examples
    --------
    >>> from jugex.genes import ListedGene
    >>> gene = ListedGene("MAOA", "4128")
    >>> gene, gene.entrez_id
    ('MAOA', '4128')
    """

    entrez_id: str

    def __new__(cls, symbol: str, entrez_id: str) -> ListedGene:
        """Make a symbol with the Entrez id of its row."""
        gene = super().__new__(cls, symbol)
        gene.entrez_id = entrez_id
        return gene


def read_gene_list(path: str | Path) -> list[str]:
    """Read a list of genes from a file.

    Parameters
    ----------
    path : path-like
        Text file (UTF-8 or UTF-16, gzipped or not) or Excel's .xlsx, which holds one of these: one symbol, Entrez or
        Ensembl id per line, also as ``MAOA|4128``; an R vector; a table (tab, comma or semicolon) with a column of
        symbols (`gene_symbol`, `symbol`, `gene`, ...) or of Entrez ids, below titles or with row names, as DESeq2,
        limma, edgeR and GEO2R write them; MATLAB JuGEx's ``probe_id,gene_symbol,entrez_id``, from which the genes are
        read (all probes that the atlas has of a gene are used); or gene sets, ``file.gmt`` (one set per line: name,
        description, genes, separated by tabs), of which ``file.gmt#SET`` takes one. Blank lines, and text after
        ``#``, are ignored.

    Returns
    -------
    list of str
        Symbols, or Entrez ids in digits, in the order of the file, without repetitions. Symbols that the
        file gives with an Entrez id are `ListedGene`.

    Raises
    ------
    OptionError
        If the file is missing or not text, holds no gene, lacks the named set, or has two columns of genes that
        differ.

    Warns
    -----
    GeneWarning
        If a file holds several gene sets and none is named, so that all are used, or a set occurs twice.

    Examples
    --------
    >>> from pathlib import Path
    >>> import jugex
    >>> _ = Path("genes.txt").write_text("MAOA")
    >>> jugex.read_gene_list("genes.txt")
    ['MAOA']
    """
    file, gene_set = _split_set(str(path))
    if file.lower().endswith((".gmt", ".gmt.gz")):
        genes = _choose_set(read_gmt(file, only=gene_set), gene_set, file)
    else:
        genes = _read_rows(_read_cells(file), path)
    genes = [gene for gene in genes if gene]
    broken = [gene for gene in genes if re.search(r"[,\t; ]", gene)]
    if broken or not genes:
        raise OptionError(
            f"gene list {path} holds {f'the line {broken[0]!r}' if broken else 'no symbol'}; {_WHAT_TO_GIVE}"
        )
    return list(dict.fromkeys(genes))


def _read_rows(rows: list[list[str]], path: str | Path) -> list[str]:
    """Genes in the rows of a file: from the column that holds them, or one per line."""
    if not rows:
        return []
    for number, row in enumerate(rows[:_N_HEADER_ROWS]):
        header = [_column_name(cell) for cell in row]
        if any(name in _SYMBOL_COLUMNS + _ENTREZ_COLUMNS + _AMBIGUOUS_ID_COLUMNS for name in header):
            return _read_columns(header, rows[number + 1 :], path)
    width = max(map(len, rows))
    if width == 1:
        return [_read_name(row[0]) for row in rows]
    column = _find_genes_without_header(rows)
    if column is None:
        if len(rows) == 1:
            line = ", ".join(rows[0])
            raise OptionError(f"gene list {path} holds the single line {line!r}; write one symbol per line")
        raise OptionError(f"gene list {path} is a table with the columns {', '.join(rows[0])}; {_WHAT_TO_GIVE}")
    first, index = column
    return [_read_name(row[index]) for row in rows[first:] if index < len(row)]


def read_table_of_sets(path: str) -> dict[str, list[str]]:
    """Read gene sets from a table with a column of sets (`set`, `gene_set`, `term`, ...) and one of genes.

    Raises
    ------
    OptionError
        If the file cannot be read, or has no such columns.
    """
    rows = _read_cells(path)
    for number, row in enumerate(rows[:_N_HEADER_ROWS]):
        header = [_column_name(cell) for cell in row]
        set_column = _find_column(header, _SET_COLUMNS)
        if set_column is None or not any(name in _SYMBOL_COLUMNS + _ENTREZ_COLUMNS for name in header):
            continue
        sets: dict[str, list[str]] = {}
        set_rows = [row for row in rows[number + 1 :] if set_column < len(row) and row[set_column]]
        for row, gene in zip(set_rows, _read_columns(header, set_rows, path), strict=True):
            sets.setdefault(row[set_column], []).append(gene)
        return sets
    columns = f"has the columns {', '.join(rows[0])}" if rows else "is empty"
    raise OptionError(
        f"the file of gene sets {path} {columns}, but a column of sets (set, gene_set or term) and one of genes (gene "
        "or symbol) are needed; or give a GMT file (file.gmt)"
    )


def _read_columns(header: list[str], rows: list[list[str]], path: str | Path) -> list[str]:
    """Genes of a table with a header, which lacks its first cell if R's ``write.table`` wrote it."""
    if rows and all(len(row) == len(header) + 1 for row in rows):
        header = ["", *header]
    symbols, entrez_ids = _find_column(header, _SYMBOL_COLUMNS), _find_column(header, _ENTREZ_COLUMNS)
    if symbols is None and entrez_ids is None:
        entrez_ids = _find_column(header, _AMBIGUOUS_ID_COLUMNS)
    for column in (symbols, entrez_ids):
        if column is not None and header.count(header[column]) > 1:
            twice = [number for number, name in enumerate(header) if name == header[column]]
            if any(len({row[number] for number in twice if number < len(row)}) > 1 for row in rows):
                raise OptionError(
                    f"gene list {path} has the column {header[column]} twice, with different genes; rename one"
                )
    genes = []
    for row in rows:
        symbol = _read_name(row[symbols]) if symbols is not None and symbols < len(row) else ""
        entrez_id = clean_name(row[entrez_ids]) if entrez_ids is not None and entrez_ids < len(row) else ""
        genes.append(ListedGene(symbol, entrez_id) if symbol and entrez_id.isdecimal() else symbol or entrez_id)
    return genes


def _find_genes_without_header(rows: list[list[str]]) -> tuple[int, int] | None:
    """First row and column of the genes in a table whose header does not name them; None if they are not clear.

    R's row names are below an empty cell, or in a first column without a header; a table without any header has a
    number in its first row.
    """
    first, *rest = rows
    if rest and all(len(row) == len(first) + 1 for row in rest) and _looks_like_symbols(rest, 0):
        return 1, 0
    if not first[0] and rest:
        if _looks_like_symbols(rest, 0):
            return 1, 0
        texts = [column for column in range(1, len(first)) if _looks_like_symbols(rest, column)]
        return (1, texts[0]) if len(texts) == 1 else None
    has_number = any(re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", cell, flags=re.IGNORECASE) for cell in first)
    texts = [column for column in range(len(first)) if _looks_like_symbols(rows, column)]
    return (0, texts[0]) if has_number and len(texts) == 1 and len(rows) > 1 else None


def _looks_like_symbols(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [clean_name(row[column]) for row in rows if column < len(row) and row[column]]
    return bool(cells) and all(_SYMBOL.fullmatch(cell) for cell in cells)


def _read_name(cell: str) -> str:
    """The gene in a cell, without a comment; ``MAOA|4128`` gives its Entrez id too."""
    text = re.sub(r"\s+#.*", "", cell)
    name = clean_name(text)
    if found := re.fullmatch(r"([^|\s]+)\|(\d+)", name):
        return ListedGene(found[1], found[2])
    return name


def _column_name(cell: str) -> str:
    """Name of a column in lower case, without text in brackets, with ``_`` for all but letters and digits."""
    return re.sub(r"[\W_]+", "_", re.sub(r"\(.*\)|\[.*\]", "", clean_name(cell.lstrip("#")))).strip("_").casefold()


def _find_column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Index of the first of the names that is a column; None if none is."""
    return next((header.index(name) for name in names if name in header), None)


# --- files --------------------------------------------------------------------------------------------------------


def _read_cells(file: str) -> list[list[str]]:
    """Rows of a text file or spreadsheet that are not empty, without empty cells at their ends."""
    content = _read_bytes(file)
    if content.startswith(b"PK\x03\x04"):
        rows = _read_xlsx(content, file)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise OptionError(f"gene list {file} has the format of Excel before 2007; save it as .xlsx or as CSV")
    else:
        rows = _split_rows(_decode(content, file))
    stripped = [[cell.strip() for cell in row] for row in rows]
    for row in stripped:
        while len(row) > 1 and not row[-1]:
            row.pop()
    filled = [row for row in stripped if any(row)]
    headers = [
        row
        for row in filled
        if row[0].startswith("#") and len(row) == len(filled[-1])
        and any(_column_name(cell) in _SYMBOL_COLUMNS + _ENTREZ_COLUMNS for cell in row)
    ]  # fmt: skip
    return [row for row in filled if not row[0].startswith("#") or row is (headers[-1] if headers else None)]


def _split_rows(text: str) -> list[list[str]]:
    vector = re.sub(r"^\s*\[\d+\]", "", text, flags=re.MULTILINE)  # as R prints a vector
    if found := re.fullmatch(r"\s*(?:[\w.]+\s*(?:<-|=)\s*)?c\((.*)\);?\s*", vector, flags=re.DOTALL):
        return [[cell.strip().strip("\"'")] for cell in found[1].split(",")]
    if vector != text:
        return [[cell] for cell in re.findall(r"[^\s\"]+", vector)]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    separator = next((each for each in "\t,;" if any(each in line for line in lines[:_N_HEADER_ROWS])), None)
    if separator is None:
        return [[line] for line in text.splitlines()]
    if separator == ",":
        separator = max(",;", key=lambda each: sum(line.count(each) for line in lines[:_N_HEADER_ROWS]))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True))


def _read_xlsx(content: bytes, file: str) -> list[list[str]]:
    """Rows of the first sheet of a spreadsheet."""
    if importlib.util.find_spec("openpyxl") is None:
        raise OptionError(f"gene list {file} is a spreadsheet; save it as CSV, or {how_to_install('xlsx')}")
    from openpyxl.reader.excel import load_workbook

    try:
        sheet: Any = load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        return [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    except (KeyError, ValueError, OSError, IndexError, zipfile.BadZipFile) as error:
        raise OptionError(f"gene list {file} cannot be read as a spreadsheet ({error}); save it as CSV") from error


def _read_bytes(file: str) -> bytes:
    try:
        return read_file(file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OptionError(
            f"gene list {file} cannot be read: its compression is damaged; download or copy it again"
        ) from error
    except OSError as error:
        raise OptionError(f"gene list {file} cannot be read: {tell_problem(error)}; give a text file") from error


def _decode(content: bytes, file: str) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise OptionError(
            f"gene list {file} cannot be read: it is not text in UTF-8 or UTF-16; save it in UTF-8"
        ) from error
    if "\0" in text or (text.strip() and re.search(r"[A-Za-z0-9]", text) is None):
        raise OptionError(f"gene list {file} cannot be read: it is not text; give a text file or .xlsx")
    return text


# --- gene sets ----------------------------------------------------------------------------------------------------


def _split_set(path: str) -> tuple[str, str | None]:
    """File and set of ``file.gmt#SET``; a file that has the whole text as its name comes first."""
    file, hash_sign, gene_set = path.rpartition("#")
    if not hash_sign or Path(path).is_file() or not file.lower().endswith((".gmt", ".gmt.gz")):
        return path, None
    return file, gene_set


def _choose_set(sets: dict[str, list[str]], gene_set: str | None, path: str) -> list[str]:
    """Genes of one set of a GMT file, or of all of them."""
    if gene_set is not None and gene_set not in sets:
        raise OptionError(f"gene list {path} has no set {gene_set!r}; it has {_enumerate(list(sets))}")
    if gene_set is not None:
        return sets[gene_set]
    if len(sets) > 1:
        warn_user(
            f"gene list {path} holds {len(sets)} sets ({_enumerate(list(sets))}), and all are used; "
            f"{path}#{next(iter(sets))} uses one",
            GeneWarning,
        )
    return [gene for genes in sets.values() for gene in genes]


def read_gmt(path: str, *, only: str | None = None) -> dict[str, list[str]]:
    """Read gene sets from a GMT file: a line per set with its name, a description and genes, separated by tabs.

    Raises
    ------
    OptionError
        If the file cannot be read, or a line holds no gene.

    Warns
    -----
    GeneWarning
        If a set occurs more than once (and is the one that `only` names, if any): all its genes are used.
    """
    sets: dict[str, list[str]] = {}
    twice: dict[str, None] = {}
    for line in _decode(_read_bytes(path), path).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, *rest = [cell.strip() for cell in line.split("\t")]
        if len(rest) < 2:
            raise OptionError(
                f"gene list {path}, set {name!r}: a GMT line must be a name, a description and at least one gene, "
                "separated by tabs"
            )
        if name in sets:
            twice[name] = None
        # Enrichr writes a weight behind each gene
        sets.setdefault(name, []).extend(_read_name(re.sub(r",[-+\d.eE]+$", "", cell)) for cell in rest[1:])
    if repeated_sets := [name for name in twice if only in (None, name)]:
        warn_user(f"gene list {path} has the set {_enumerate(repeated_sets)} more than once: all are used", GeneWarning)
    return sets


def _enumerate(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
