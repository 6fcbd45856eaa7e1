"""Covariates of samples: where they come from, how they are coded, and what they add to region and donor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, join_words
from jugex.atlas import ExpressionAtlas
from jugex.atlas.input_tables import read_table
from jugex.errors import DesignError, GeneError, OptionError
from jugex.genes import GeneSets, read_gene_sets
from jugex.model.findings import AnyFinding, CovariateLeftOut, CovariatesTakeContrast
from jugex.model.options import CovariatesLike, TestOptions
from jugex.model.record import CovariateRecord
from jugex.pipeline.genes import measure_genes
from jugex.query import RegionGroup
from jugex.spaces import hemisphere_of
from jugex.stats.design import Design, Exchange

__all__ = ["Covariate", "adjust_for", "code_covariate", "collect_covariates", "list_names"]

#: What becomes of a covariate that stands in the model.
USED = "in the model"
#: What stands before the file of gene sets whose scores are covariates.
_SCORES = "celltypes:"

_OF_DONOR = {"age": "age", "sex": "gender", "gender": "gender", "race": "race", "donor": "donor_name"}
_NOT_COVARIATES = ("well_id", "sample", "sample_id")
# structures that are classes of tissue, by the acronyms of the Allen Human Brain Atlas, and what they are called
_CLASSES = {
    "Cx": "cerebral cortex", "CxN": "cerebral nuclei", "DiE": "diencephalon", "MES": "mesencephalon",
    "Cb": "cerebellum", "Pons": "pons", "MY": "myelencephalon", "WM": "white matter", "SS": "sulci and spaces",
}  # fmt: skip
# below this share of what donors leave of a contrast, covariates and regions are nearly the same
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
        Whether it comes from a table, or from sets in memory, of the user's, and not from the atlas.
    genes : tuple of str
        Symbols of the genes of which it is the mean, where it is the score of a gene set.
    outcome : str
        "in the model", or why it is not.
    """

    name: str
    values: pd.Series[Any]
    is_factor: bool
    is_automatic: bool = False
    is_of_table: bool = False
    genes: tuple[str, ...] = ()
    outcome: str = USED

    @property
    def is_used(self) -> bool:
        """Whether it stands in the model."""
        return self.outcome == USED

    def to_record(self) -> CovariateRecord:
        """The covariate as the record of a run keeps it."""
        return CovariateRecord(
            name=self.name,
            kind="factor" if self.is_factor else "number",
            automatic=self.is_automatic,
            from_table=self.is_of_table,
            genes=self.genes,
            outcome=self.outcome,
            values=tuple(self.values.tolist()),
        )


def list_names(asked: CovariatesLike | None) -> list[str]:
    """Names of what was asked for: columns of tables and gene sets by their own names."""
    names: list[str] = []
    for entry in _list_entries(asked):
        if isinstance(entry, GeneSets):
            names += list(entry.genes)
        else:
            names += [entry] if isinstance(entry, str) and not _is_file(entry) else list(_read_table(entry).columns)
    return list(dict.fromkeys(names))


def collect_covariates(group: RegionGroup, samples: pd.DataFrame, options: TestOptions) -> list[Covariate]:
    """Find the covariates of samples.

    Parameters
    ----------
    group : RegionGroup
        The query, with the atlas where the samples come from.
    samples : DataFrame, n rows
        `well_id` and `donor_name`.
    options : TestOptions
        `covariates` are names, tables, gene sets, several of them, or None. Names: `hemisphere` (where the sample was
        taken), `structure_class` (cortex, cerebellum, ...), `mni_x`, `mni_y`, `mni_z`, `age`, `sex`, `race`, or any
        column of the atlas's samples. A table (or the path of one) has one row per sample, its `well_id` as a column
        or as the index; each other column is a covariate. Infinite numbers are missing ones. ``celltypes:FILE`` or
        `GeneSets`: the score of each set, the mean of the z-scores of its genes, with `probes` as their aggregation.

    Returns
    -------
    list of Covariate
        In the order asked for. Samples that were mirrored bring `hemisphere`, last, unless it was asked for.

    Raises
    ------
    OptionError
        If there is no such covariate, a table does not say which sample its rows are, or gene sets cannot be read.
    GeneError
        If the atlas has no gene of a set.

    Warns
    -----
    GeneWarning
        If the atlas lacks genes of the sets, or calls them otherwise.
    """
    atlas = group.atlas
    found: dict[str, Covariate] = {}
    for entry in _list_entries(options.covariates):
        if isinstance(entry, str) and entry.startswith(_SCORES):
            new = _score(group, samples, read_gene_sets(entry.removeprefix(_SCORES)), options)
        elif isinstance(entry, GeneSets):
            new = [replace(one, is_of_table=True) for one in _score(group, samples, entry, options)]
        else:
            new = list(_find(atlas, samples, entry))
        found |= {covariate.name: covariate for covariate in new}
    if atlas.changes.mirror is not None and "hemisphere" not in found:
        found["hemisphere"] = replace(_take(atlas, samples, "hemisphere"), is_automatic=True)
    return list(found.values())


def adjust_for(
    design: Design, covariates: Sequence[Covariate], names: Sequence[str], exchange: Exchange
) -> tuple[Design, list[Covariate], list[AnyFinding]]:
    """Add covariates to a design, one after the other, and say what they add.

    Parameters
    ----------
    design : Design
        Regions and donors of n samples.
    covariates : sequence of Covariate
    names : sequence of str
        What the regions are called.
    exchange : str
        How labels are exchanged.

    Returns
    -------
    design : Design
        With those that add something.
    covariates : list of Covariate
        All of them, with what became of each.
    findings : list of Finding
        Covariates that were asked for and are left out; little of a contrast between regions left by the others.

    Raises
    ------
    DesignError
        If the design admits no test, or a covariate that was asked for misses values or tells regions apart: then
        area has no F once it is adjusted for.
    """
    _check_complete(covariates)
    design.check_testable(names, exchange)
    columns = np.empty((design.n_samples, 0))
    judged: list[Covariate] = []
    for covariate in covariates:
        coded = code_covariate(covariate.values, is_factor=covariate.is_factor)
        used = [other.name for other in judged if other.is_used]
        judged.append(replace(covariate, outcome=_judge(covariate, design, columns, coded, used, names)))
        if judged[-1].is_used:
            columns = np.column_stack([columns, coded])
    adjusted = replace(design, covariates=columns) if columns.shape[1] else design
    adjusted.check_testable(names, exchange)
    findings: list[AnyFinding] = [
        CovariateLeftOut(name=covariate.name, reason=covariate.outcome)
        for covariate in judged
        if not covariate.is_used and not covariate.is_automatic
    ]
    used = [covariate.name for covariate in judged if covariate.is_used]
    left = float(adjusted.share_left_by_covariates(adjusted.observed)[0]) if used else 1.0
    if left < _LITTLE_LEFT:
        findings.append(CovariatesTakeContrast(share=left, covariates=tuple(used), n_regions=design.n_regions))
    return adjusted, judged, findings


def code_covariate(values: pd.Series[Any], *, is_factor: bool) -> Floats:
    """Columns of the model, shape (n, c): the numbers, or an indicator of each level of a factor but the first."""
    if not is_factor:
        return values.to_numpy(dtype=np.float64)[:, None]
    codes, levels = pd.factorize(values, sort=True)
    return np.asarray(codes[:, None] == np.arange(1, len(levels)), dtype=np.float64)


def _check_complete(covariates: Sequence[Covariate]) -> None:
    for covariate in covariates:
        n_missing = int(covariate.values.isna().sum())
        if n_missing:
            raise DesignError(
                f"covariate {covariate.name!r} is missing in {n_missing} of {len(covariate.values)} samples; give it "
                "for every sample used, or take missing='drop-samples' to leave these samples out"
            )


def _judge(
    covariate: Covariate,
    design: Design,
    columns: Floats,
    coded: Floats,
    used: Sequence[str],
    names: Sequence[str],
) -> str:
    """What becomes of a covariate, coded as columns, once donor and the columns of those before it are adjusted for."""
    if covariate.values.nunique() < 2:
        return "it has one value in all samples used"
    alone, before, wider = (replace(design, covariates=c) for c in (coded, columns, np.column_stack([columns, coded])))
    if not alone.basis.shape[1]:
        return "it is the same in all samples of a donor, and donor is in the model already"
    if wider.basis.shape[1] == before.basis.shape[1]:
        return f"it adds nothing to donor and {join_words(used)}"
    if wider.is_estimable(wider.observed)[0]:
        return USED
    apart = f"{names[0]!r} and {names[1]!r}" if design.n_regions == 2 else "regions"
    if covariate.is_automatic:
        return "it tells the regions apart within every donor"
    together = f" together with {join_words(used)}" if used else ""
    remedy = "leave it out" if design.n_regions == 2 else "leave it out, or leave regions out"
    raise DesignError(
        f"covariate {covariate.name!r} tells {apart} apart within every donor{together}, so a difference cannot be "
        f"told from it; {remedy}"
    )


def _list_entries(asked: CovariatesLike | None) -> list[str | pd.DataFrame | GeneSets]:
    if asked is None:
        return []
    entries: list[Any] = list(asked) if isinstance(asked, list | tuple) else [asked]
    for entry in entries:
        if not isinstance(entry, str | pd.DataFrame | GeneSets):
            raise OptionError(
                "covariates are names, tables by well_id, gene sets (jugex.genes.read_gene_sets makes them), or "
                f"several of these; got {entry!r}"
            )
    return entries


def _is_file(entry: str) -> bool:
    return Path(entry).is_file()


def _score(group: RegionGroup, samples: pd.DataFrame, sets: GeneSets, options: TestOptions) -> list[Covariate]:
    """Mean of the gene-level z-scores of each set's genes in samples."""
    if group.atlas.is_remote:
        raise OptionError("scores of cell types need genes that were not asked for; take a store, not the web service")
    found, _ = sets.find(group.atlas.genes, aliases=group.options.aliases)
    symbols = sorted({gene for one in found for gene in one.found})
    how = "winsorized-mean" if options.probes == "single" else options.probes
    labels, zscores = measure_genes(group, symbols, samples["well_id"].to_numpy(), how)
    place = {label: number for number, label in enumerate(labels)}
    scores = []
    for one in found:
        genes = tuple(gene for gene in one.found if gene in place)
        if not genes:
            raise GeneError(
                f"cell type {one.name!r} has no score, because none of its {count_of(one.n_genes, 'gene')} is in the "
                "atlas with a probe that the run uses; leave the set out"
            )
        values = zscores[[place[gene] for gene in genes]].mean(axis=0)
        scores.append(Covariate(one.name, pd.Series(values), is_factor=False, genes=genes))
    return scores


def _find(atlas: ExpressionAtlas, samples: pd.DataFrame, entry: str | pd.DataFrame) -> Iterator[Covariate]:
    """Covariates of one entry: one by its name, or those of a table."""
    if isinstance(entry, str) and not _is_file(entry):
        yield _take(atlas, samples, entry)
        return
    table = _read_table(entry)
    for name in table.columns:
        covariate = _make(str(name), table[name].reindex(samples["well_id"]))
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


def _take(atlas: ExpressionAtlas, samples: pd.DataFrame, name: str) -> Covariate:
    """Covariate of the atlas's samples or donors, by name."""
    wells = samples["well_id"]
    known = atlas.samples.set_index("well_id")
    if name in known and name not in _NOT_COVARIATES:
        return _make(name, known[name].reindex(wells), is_factor=name.startswith("structure_") or None)
    if name == "hemisphere":
        return _make(name, pd.Series(hemisphere_of(known["mni_x"].reindex(wells).to_numpy(dtype=np.float64))))
    if name == "structure_class":
        return _make(name, _classify(atlas)[known["structure_id"]].set_axis(known.index).reindex(wells))
    if name in _OF_DONOR:
        of_donor = atlas.donors.set_index("donor_name", drop=False)[_OF_DONOR[name]]
        return _make(name, of_donor.reindex(samples["donor_name"]))
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
