"""The six donors of the Allen Human Brain Atlas: who they were, and what their archives are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from jugex.errors import OptionError

__all__ = [
    "ARCHIVES_URL",
    "DONORS",
    "DONOR_COLUMNS",
    "Donor",
    "DonorsLike",
    "choose_donors",
    "donor_table",
    "find_donor",
]

#: Base address of the archives; the archive id follows after a slash.
ARCHIVES_URL = "https://human.brain-map.org/api/v2/well_known_file_download"

DONOR_COLUMNS = ("donor_name", "donor_id", "age", "gender", "race")

#: Donors by name (``"H0351.2001"``) or id (9861, ``"9861"``), one or several.
DonorsLike = str | int | Iterable[str | int]


class Donor(NamedTuple):
    """One of the six brains; the age is in years, the number of samples is that of the complete archive."""

    donor_name: str
    donor_id: int
    archive_id: int
    age: int
    gender: str
    race: str
    n_samples: int

    def __str__(self) -> str:
        """Name and id, as errors show them."""
        return f"{self.donor_name} ({self.donor_id})"

    @property
    def archive_url(self) -> str:
        """Address of the donor's archive at the Allen Institute."""
        return f"{ARCHIVES_URL}/{self.archive_id}"


#: The donors, in the order of every table; https://human.brain-map.org, "Documentation", "Case qualification".
DONORS = (
    Donor("H0351.2001", 9861, 178238387, 24, "M", "Black or African American", 946),
    Donor("H0351.2002", 10021, 178238373, 39, "M", "Black or African American", 893),
    Donor("H0351.1009", 12876, 178238359, 57, "M", "White or Caucasian", 363),
    Donor("H0351.1012", 14380, 178238316, 31, "M", "White or Caucasian", 529),
    Donor("H0351.1015", 15496, 178238266, 49, "F", "Hispanic", 470),
    Donor("H0351.1016", 15697, 178236545, 55, "M", "White or Caucasian", 501),
)


def donor_table(donors: Iterable[Donor] = DONORS) -> pd.DataFrame:
    """Table of donors, as in an atlas: one row each, columns `DONOR_COLUMNS`."""
    rows = [donor._asdict() for donor in donors]
    return pd.DataFrame(rows, columns=list(DONOR_COLUMNS))


def choose_donors(table: pd.DataFrame, donors: DonorsLike | None) -> list[str]:
    """Names of the chosen donors, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        The donors to choose from: `donor_name`, `donor_id`.
    donors : str, int or iterable of them, optional
        Names (``"H0351.2001"``) or ids (9861, ``"9861"``); default: all.

    Returns
    -------
    list of str
        Each donor once.

    Raises
    ------
    OptionError
        If no donor is named, or one that is not in the table.
    """
    names = [str(name) for name in table["donor_name"]]
    if donors is None:
        return names
    wanted = [str(donor).strip() for donor in ([donors] if isinstance(donors, str | int) else donors)]
    ids = [str(donor_id) for donor_id in table["donor_id"]]
    available = ", ".join(f"{name} ({donor_id})" for name, donor_id in zip(names, ids, strict=True))
    if not wanted:
        raise OptionError(f"no donor is named; name some of {available}, or leave donors out to take all")
    unknown = [donor for donor in wanted if donor not in names and donor not in ids]
    if unknown:
        raise OptionError(f"unknown donor {unknown[0]!r}; the donors are {available}")
    return [name for name, donor_id in zip(names, ids, strict=True) if name in wanted or donor_id in wanted]


def find_donor(text: str) -> Donor | None:
    """Donor whose name, id or archive id is part of the name of a file or folder; None unless exactly one donor is."""
    numbers = set(re.findall(r"\d+", text))
    found = [
        donor for donor in DONORS if donor.donor_name in text or numbers & {str(donor.donor_id), str(donor.archive_id)}
    ]
    return found[0] if len(found) == 1 else None
