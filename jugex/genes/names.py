"""Names of genes as users write them: untidy text, symbols that Excel turned into dates, and renamed genes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

__all__ = ["RENAMED", "clean_name", "ensembl_id", "nearest_symbols", "other_names", "symbols_of_date"]

_N_SUGGESTIONS = 3

#: Characters that are removed: zero-width characters, soft hyphens, direction marks.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_HYPHENS = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_QUOTES = "'\"`\u2018\u2019\u201c\u201d"


def clean_name(text: str) -> str:
    """Clean a name: no invisible characters or quotes around it, plain hyphens and blanks, ``4128.0`` as ``4128``.

    Examples
    --------
    >>> clean_name(" 'HLA\N{NON-BREAKING HYPHEN}A' "), clean_name("4128.0")
    ('HLA-A', '4128')
    """
    name = " ".join(_HYPHENS.sub("-", _INVISIBLE.sub("", text)).split()).strip(_QUOTES).strip()
    return name[:-2] if re.fullmatch(r"\d+\.0", name) else name


def ensembl_id(name: str) -> str | None:
    """Ensembl id of a human gene without its version; None if the name is not such an id."""
    found = re.fullmatch(r"(ENSG\d{11})(\.\d+)?(_PAR_Y)?", name, flags=re.IGNORECASE)
    return found[1].upper() if found else None


def nearest_symbols(name: str, symbols: Iterable[str]) -> list[str]:
    """Up to three symbols that are spelt most like a name."""
    import rapidfuzz

    found = rapidfuzz.process.extract(name, symbols, scorer=rapidfuzz.fuzz.ratio, score_cutoff=60, limit=_N_SUGGESTIONS)
    return [symbol for symbol, _, _ in found]


# --- dates --------------------------------------------------------------------------------------------------------

_MONTHS = {"mar": 3, "march": 3, "sep": 9, "sept": 9, "september": 9, "dec": 12, "december": 12}
#: Day 0 of Excel's serial numbers, and the range of serial numbers from 2000 to 2049.
_EXCEL_EPOCH, _SERIALS = dt.date(1899, 12, 30), range(36526, 54789)


def symbols_of_date(name: str) -> tuple[str, ...]:
    """Symbols that a spreadsheet has turned into a date: ``2-Sep``, ``Sep-02``, ``2020-09-02`` or a serial number.

    Parameters
    ----------
    name : str
        An entry of a gene list.

    Returns
    -------
    tuple of str
        The symbols used when the array was made; several if the date is ambiguous, empty if the name is no date.

    Examples
    --------
    >>> symbols_of_date("2-Sep"), symbols_of_date("1-Mar"), symbols_of_date("43710")
    (('SEPT2',), ('MARCH1', 'MARC1'), ('SEPT2',))
    """
    month = day = 0
    if found := re.fullmatch(r"(\d{1,2})[-/. ]([a-z]+)([-/. ]\d{2,4})?", name, flags=re.IGNORECASE):
        month, day = _MONTHS.get(found[2].casefold(), 0), int(found[1])
    elif found := re.fullmatch(r"([a-z]+)[-/. ](\d{1,2})([-/. ,]+\d{2,4})?", name, flags=re.IGNORECASE):
        month, day = _MONTHS.get(found[1].casefold(), 0), int(found[2])
    elif found := re.fullmatch(r"\d{4}-(\d{2})-(\d{2})( 00:00:00)?", name):
        month, day = int(found[1]), int(found[2])
    elif re.fullmatch(r"\d{5}", name) and int(name) in _SERIALS:
        date = _EXCEL_EPOCH + dt.timedelta(days=int(name))
        month, day = date.month, date.day
    if month == 3 and 1 <= day <= 11:
        return (f"MARCH{day}", f"MARC{day}") if day <= 2 else (f"MARCH{day}",)
    if month == 9 and 1 <= day <= 15:
        return ("SEP15",) if day == 15 else (f"SEPT{day}",)
    return ("DEC1",) if (month, day) == (12, 1) else ()


# --- genes that were renamed --------------------------------------------------------------------------------------

#: Symbols that the HGNC has replaced since the array of the AHBA was annotated, and the symbols of today.
RENAMED: dict[str, str] = {
    **{f"SEPT{number}": f"SEPTIN{number}" for number in (*range(1, 13), 14)},
    **{f"MARCH{number}": f"MARCHF{number}" for number in range(1, 12)},
    "MARC1": "MTARC1", "MARC2": "MTARC2", "SEP15": "SELENOF", "DEC1": "DELEC1",
    "TMEM173": "STING1", "MB21D1": "CGAS", "PARK2": "PRKN", "GBA": "GBA1",
    "TAZ": "TAFAZZIN", "CYR61": "CCN1", "CTGF": "CCN2", "NOV": "CCN3", "WISP1": "CCN4",
    "WISP2": "CCN5", "WISP3": "CCN6", "FAM5C": "BRINP3", "FAM5B": "BRINP2", "DBC1": "BRINP1", "KIAA1967": "CCAR2",
    "MLL": "KMT2A", "MLL2": "KMT2D", "MLL3": "KMT2C", "MLL5": "KMT2E", "WHSC1": "NSD2",
    "WHSC1L1": "NSD3", "SUV420H1": "KMT5B", "SUV420H2": "KMT5C", "SETD8": "KMT5A", "GUCY1A3": "GUCY1A1",
    "GUCY1B3": "GUCY1B1", "FAM19A1": "TAFA1", "FAM19A2": "TAFA2", "FAM19A3": "TAFA3", "FAM19A4": "TAFA4",
    "FAM19A5": "TAFA5", "EMR1": "ADGRE1", "EMR2": "ADGRE2", "EMR3": "ADGRE3", "BAI1": "ADGRB1", "BAI2": "ADGRB2",
    "BAI3": "ADGRB3", "LPHN1": "ADGRL1", "LPHN2": "ADGRL2", "LPHN3": "ADGRL3", "ELTD1": "ADGRL4", "CD97": "ADGRE5",
    "GPR56": "ADGRG1", "GPR98": "ADGRV1", "GPR64": "ADGRG2", "GPR126": "ADGRG6", "GPR124": "ADGRA2",
    "GPR125": "ADGRA3", "GPR123": "ADGRA1", "PVRL1": "NECTIN1", "PVRL2": "NECTIN2", "PVRL3": "NECTIN3",
    "PVRL4": "NECTIN4", "SKIV2L2": "MTREX", "SKIV2L": "SKIC2", "HIST1H4A": "H4C1", "H2AFX": "H2AX", "H2AFZ": "H2AZ1",
    "H2AFY": "MACROH2A1", "H2AFY2": "MACROH2A2", "H3F3A": "H3-3A", "H3F3B": "H3-3B", "H1F0": "H1-0", "H1FX": "H1-10",
    "AARS": "AARS1", "GARS": "GARS1", "HARS": "HARS1", "KARS": "KARS1", "IARS": "IARS1", "LARS": "LARS1",
    "MARS": "MARS1", "NARS": "NARS1", "QARS": "QARS1", "RARS": "RARS1", "SARS": "SARS1", "TARS": "TARS1",
    "VARS": "VARS1", "WARS": "WARS1", "YARS": "YARS1", "CARS": "CARS1", "DARS": "DARS1", "EPRS": "EPRS1",
    "ADSS": "ADSS2", "ADSSL1": "ADSS1", "PPAP2A": "PLPP1", "PPAP2B": "PLPP3", "PPAP2C": "PLPP2", "LPPR1": "PLPPR1",
    "LPPR2": "PLPPR2", "LPPR3": "PLPPR3", "LPPR4": "PLPPR4", "LPPR5": "PLPPR5",
    "ATP5A1": "ATP5F1A", "ATP5B": "ATP5F1B", "ATP5C1": "ATP5F1C", "ATP5D": "ATP5F1D", "ATP5E": "ATP5F1E",
    "ATP5F1": "ATP5PB", "ATP5O": "ATP5PO", "ATP5H": "ATP5PD", "ATP5J": "ATP5PF", "ATPIF1": "ATP5IF1",
    "SEPW1": "SELENOW", "SEPP1": "SELENOP", "SELK": "SELENOK", "SELM": "SELENOM", "SELT": "SELENOT",
    "SEPX1": "MSRB1", "SEPN1": "SELENON", "VIMP": "SELENOS", "TMEM57": "MACO1", "KIAA1598": "SHTN1",
    "KIAA0226": "RUBCN", "KIAA1324": "ELAPOR1", "ERO1L": "ERO1A", "ERO1LB": "ERO1B", "WDR34": "DYNC2I2",
    "WDR60": "DYNC2I1", "CCDC64": "BICDL1", "FAM213A": "PRXL2A", "FAM65B": "RIPOR2", "FAM65A": "RIPOR1",
    "CASC5": "KNL1", "ZCCHC11": "TUT4", "ZCCHC6": "TUT7", "PAPD5": "TENT4B", "PAPD7": "TENT4A", "WBSCR17": "GALNT17",
    "NARFL": "CIAO3", "MKL1": "MRTFA", "MKL2": "MRTFB", "LEPRE1": "P3H1", "TSSC1": "EIPR1", "SMEK1": "PPP4R3A",
    "SMEK2": "PPP4R3B", "ICK": "CILK1",  "CXorf36": "DIPK2B", "C3orf58": "DIPK2A",
    "MUT": "MMUT", "NGFRAP1": "BEX3", "SDPR": "CAVIN2", "PTRF": "CAVIN1", "PRKCDBP": "CAVIN3", "TMEM27": "CLTRN",
}  # fmt: skip


def other_names(name: str) -> tuple[tuple[str, str], ...]:
    """Other symbols of a gene from the table of renamed genes, each with an explanation.

    Examples
    --------
    >>> other_names("STING1")
    (('TMEM173', 'TMEM173 is a former symbol of STING1'),)
    """
    upper = name.upper()
    found = []
    if (today := _TODAY.get(upper)) is not None:
        found.append((today, f"{name} is a former symbol of {today}"))
    found += [(former, f"{former} is a former symbol of {name}") for former in _FORMER.get(upper, ())]
    return tuple(found)


_TODAY = {former.upper(): today for former, today in RENAMED.items()}
_FORMER: dict[str, list[str]] = {}
for _former, _today in RENAMED.items():
    _FORMER.setdefault(_today.upper(), []).append(_former)
