"""Covariates of samples beside donor: where they come from, how they are coded, and what they add."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.design import Design
from jugex.atlas import ExpressionAtlas
from jugex.atlas.input_tables import read_table
from jugex.errors import DesignError, DesignWarning, OptionError, warn_user
from jugex.query import RegionGroup, RegionPair
from jugex.spaces import tell_hemispheres

__all__ = [
    "USED",
    "Covariate",
    "CovariatesLike",
    "code_covariate",
    "collect_covariates",
    "name_covariates",
    "put_beside_donor",
]

#: Names of covariates, tables of them by `well_id` (also as files), or several of both.
CovariatesLike: TypeAlias = "str | pd.DataFrame | Sequence[str | pd.DataFrame]"

#: What becomes of a covariate that stands in the model.
USED = "in the model"

_OF_DONOR = {"age": "age", "sex": "gender", "gender": "gender", "race": "race", "donor": "donor_name"}
_NOT_COVARIATES = ("well_id", "sample", "sample_id")
# structures that are classes of tissue, by the acronyms of the Allen Human Brain Atlas, and what they are called
_CLASSES = {
    "Cx": "cerebral cortex", "CxN": "cerebral nuclei", "DiE": "diencephalon", "MES": "mesencephalon",
    "Cb": "cerebellum", "Pons": "pons", "MY": "myelencephalon", "WM": "white matter", "SS": "sulci and spaces",
}  # fmt: skip
# below this share of what donors leave of the labels, covariates and regions are nearly the same
_LITTLE_LEFT = 0.25

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Covariate:
    """A covariate of n samples.

    Attributes
    ----------
    name : str
    values : Series, length n
        One value per sample: numbers, or the levels of a factor (as text). Missing ones are NaN or None.
    is_factor : bool
    is_automatic : bool
        Whether nobody asked for it: the hemisphere of mirrored samples.
    is_of_table : bool
        Whether it comes from a table of the user's, and not from the atlas.
    outcome : str
        "in the model", or why it is not.
    """

    name: str
    values: pd.Series[Any]
    is_factor: bool
    is_automatic: bool = False
    is_of_table: bool = False
    outcome: str = USED

    def describe(self) -> dict[str, Any]:
        """The covariate as settings record it (JSON types only)."""
        return {
            "name": self.name,
            "kind": "factor" if self.is_factor else "number",
            "automatic": self.is_automatic,
            "from_table": self.is_of_table,
            "outcome": self.outcome,
            "values": self.values.tolist(),
        }


def name_covariates(asked: CovariatesLike | None) -> list[str]:
    """Names under which settings list what was asked for: columns of tables by their own names."""
    names: list[str] = []
    for entry in _list_entries(asked):
        names += [entry] if isinstance(entry, str) and not _is_file(entry) else list(_read_table(entry).columns)
    return list(dict.fromkeys(names))


def collect_covariates(pair: RegionPair | RegionGroup, asked: CovariatesLike | None) -> list[Covariate]:
    """Find the covariates of the samples of a pair, or of more regions.

    Parameters
    ----------
    pair : RegionPair or RegionGroup
    asked : str, DataFrame, sequence of them, or None
        Names: `hemisphere` (where the sample was taken), `structure_class` (cortex, cerebellum, ...), `mni_x`,
        `mni_y`, `mni_z`, `age`, `sex`, `race`, or any column of the atlas's samples. A table (or the path of one) has
        one row per sample, its `well_id` as a column or as the index; each other column is a covariate. Infinite
        numbers are missing ones.

    Returns
    -------
    list of Covariate
        In the order asked for. Samples that were mirrored bring `hemisphere`, last, unless it was asked for.

    Raises
    ------
    OptionError
        Where there is no such covariate, or a table does not say which sample its rows are.
    """
    found = {covariate.name: covariate for entry in _list_entries(asked) for covariate in _find(pair, entry)}
    if pair.atlas.changes.mirror and "hemisphere" not in found:
        found["hemisphere"] = replace(_take(pair, "hemisphere"), is_automatic=True)
    return list(found.values())


def put_beside_donor(
    design: Design, covariates: Sequence[Covariate], names: tuple[str, str]
) -> tuple[Design, list[Covariate], list[str]]:
    """Put covariates into a design, one after the other, and say what they add.

    Parameters
    ----------
    design : Design
        Labels and donors of n samples.
    covariates : sequence of Covariate
        Complete: no value is missing.
    names : tuple of two str
        What the regions are called.

    Returns
    -------
    design : Design
        With those that add something.
    covariates : list of Covariate
        All of them, with what became of each.
    messages : list of str
        What the user should know.

    Raises
    ------
    DesignError
        Where a covariate that was asked for tells the regions apart: then area has no F beside it; or where the
        covariates leave no residual degree of freedom.

    Warns
    -----
    DesignWarning
        Where a covariate that was asked for is left out of the model, and why; or little of area is left beside it.
    """
    columns = np.empty((design.n_samples, 0))
    judged: list[Covariate] = []
    for covariate in covariates:
        coded = code_covariate(covariate.values, is_factor=covariate.is_factor)
        used = [other.name for other in judged if other.outcome == USED]
        outcome = _judge(covariate, design, columns, coded, used, names)
        judged.append(replace(covariate, outcome=outcome))
        if outcome == USED:
            columns = np.column_stack([columns, coded])
    beside = replace(design, covariates=columns) if columns.shape[1] else design
    beside.check_testable(names)
    messages = [_tell(covariate) for covariate in judged if covariate.outcome != USED and not covariate.is_automatic]
    messages += _tell_how_much_is_left(design, beside, judged)
    for message in messages:
        warn_user(message, DesignWarning)
    return beside, judged, messages


def code_covariate(values: pd.Series[Any], *, is_factor: bool) -> Floats:
    """Columns of the model, shape (n, c): the numbers, or an indicator of each level of a factor but the first."""
    if not is_factor:
        return values.to_numpy(dtype=np.float64)[:, None]
    codes, levels = pd.factorize(values, sort=True)
    return np.asarray(codes[:, None] == np.arange(1, len(levels)), dtype=np.float64)


def _list_entries(asked: CovariatesLike | None) -> list[str | pd.DataFrame]:
    if asked is None:
        return []
    entries: list[Any] = list(asked) if isinstance(asked, list | tuple) else [asked]
    for entry in entries:
        if not isinstance(entry, str | pd.DataFrame):
            raise OptionError(f"covariates are names, tables by well_id, or several of both; got {entry!r}")
    return entries


def _is_file(entry: str) -> bool:
    return Path(entry).is_file()


def _find(pair: RegionPair | RegionGroup, entry: str | pd.DataFrame) -> Iterator[Covariate]:
    """Covariates of one entry: one by its name, or those of a table."""
    if isinstance(entry, str) and not _is_file(entry):
        yield _take(pair, entry)
        return
    table = _read_table(entry)
    for name in table.columns:
        covariate = _make(str(name), table[name].reindex(pair.samples["well_id"]))
        yield replace(covariate, is_of_table=True)


def _read_table(entry: str | pd.DataFrame) -> pd.DataFrame:
    """A table of covariates, indexed by `well_id`."""
    table = read_table(entry, "table of covariates").rows
    if "well_id" in table:
        table = table.set_index("well_id")
    elif table.index.name != "well_id":
        raise OptionError(
            f"a table of covariates needs a column well_id that says which sample a row is; it has "
            f"{', '.join(map(str, table.columns))}"
        )
    table = table.set_axis(pd.to_numeric(pd.Index(table.index)), axis=0)
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise OptionError(f"a table of covariates has one row per sample; got well_id {twice} twice")
    return table


def _take(pair: RegionPair | RegionGroup, name: str) -> Covariate:
    """Covariate of the atlas's samples or donors, by name."""
    atlas = pair.atlas
    wells = pair.samples["well_id"]
    known = atlas.samples.set_index("well_id")
    if name in known and name not in _NOT_COVARIATES:
        return _make(name, known[name].reindex(wells), is_factor=name.startswith("structure_") or None)
    if name == "hemisphere":
        return _make(name, pd.Series(tell_hemispheres(known["mni_x"].reindex(wells).to_numpy(dtype=np.float64))))
    if name == "structure_class":
        return _make(name, _classify(atlas)[known["structure_id"]].set_axis(known.index).reindex(wells))
    if name in _OF_DONOR:
        of_donor = atlas.donors.set_index("donor_name", drop=False)[_OF_DONOR[name]]
        return _make(name, of_donor.reindex(pair.samples["donor_name"]))
    others = [str(column) for column in known if column not in _NOT_COVARIATES]
    if Path(name).suffix.lower() in {".csv", ".tsv", ".txt", ".gz", ".parquet"} or Path(name).name != name:
        raise OptionError(f"there is no table of covariates {name}; check its path, or name a column of the samples")
    raise OptionError(
        f"covariate {name!r} is neither a column of the samples of {atlas.name} nor a file; the samples have "
        f"{', '.join(dict.fromkeys(['hemisphere', 'structure_class', *others, 'age', 'sex', 'race']))}"
    )


def _make(name: str, values: pd.Series[Any], *, is_factor: bool | None = None) -> Covariate:
    values = values.reset_index(drop=True)
    if is_factor is None:
        numeric = pd.to_numeric(values, errors="coerce")
        is_factor = pd.api.types.is_bool_dtype(values) or bool((numeric.isna() & values.notna() & (values != "")).any())
        values = values if is_factor else numeric.astype(np.float64).replace([np.inf, -np.inf], np.nan)
    if is_factor:
        texts = values.map(str, na_action="ignore").astype(object)
        values = texts.where(texts.notna() & (texts != ""), None)
    return Covariate(name, values, is_factor)


def _classify(atlas: ExpressionAtlas) -> pd.Series[Any]:
    """Class of tissue of each structure, by its id: its nearest ancestor among the classes."""
    structures = atlas.structures.set_index("structure_id")
    if not structures["acronym"].isin(list(_CLASSES)).any():
        raise OptionError(
            "covariate 'structure_class' needs the ontology of the Allen Human Brain Atlas, which "
            f"{atlas.name} does not have; give a table of your own classes by well_id"
        )
    parent, acronym = structures["parent_structure_id"].to_dict(), structures["acronym"].to_dict()

    def find_class(structure: Any) -> str | None:
        while structure in acronym:
            if acronym[structure] in _CLASSES:
                return _CLASSES[acronym[structure]]
            structure = parent[structure]
        return None

    return pd.Series({structure: find_class(structure) for structure in acronym}, dtype=object)


def _judge(
    covariate: Covariate, design: Design, columns: Floats, coded: Floats, used: list[str], names: tuple[str, str]
) -> str:
    """What becomes of a covariate, coded as columns, beside donor and the columns of those before it."""
    if covariate.values.nunique() < 2:
        return "it has one value in all samples used"
    if not replace(design, covariates=coded).basis.shape[1]:
        return "it is the same in all samples of a donor, and donor is in the model already"
    before, wider = (replace(design, covariates=c) for c in (columns, np.column_stack([columns, coded])))
    if wider.basis.shape[1] == before.basis.shape[1]:
        return f"it adds nothing to donor and {' and '.join(used)}"
    if not wider.is_estimable(design.labels[None])[0]:
        if not covariate.is_automatic:
            raise DesignError(
                f"covariate {covariate.name!r} tells {names[0]!r} and {names[1]!r} apart within every donor"
                f"{' together with ' + ' and '.join(used) if used else ''}, so a difference cannot be told from it; "
                "leave it out"
            )
        return "it tells the regions apart within every donor"
    return USED


def _tell(covariate: Covariate) -> str:
    return f"covariate {covariate.name} is left out of the model: {covariate.outcome}; it changes no F"


def _tell_how_much_is_left(design: Design, beside: Design, covariates: Sequence[Covariate]) -> list[str]:
    """Say where covariates leave little of the contrast between the regions."""
    left = float(beside.spread(design.labels[None])[0] / design.spread(design.labels[None])[0])
    if left >= _LITTLE_LEFT:
        return []
    used = " and ".join(covariate.name for covariate in covariates if covariate.outcome == USED)
    return [
        f"{left:.0%} of the contrast between the regions is left beside {used}: they nearly tell the regions apart, "
        "and little can be found"
    ]
