"""What the earlier tools would have said of a comparison, and why they differ."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from jugex.analysis.gene_values import make_design
from jugex.analysis.options import Rng, check_options, make_generator
from jugex.analysis.result import COLUMN_TYPES
from jugex.analysis.retest import RETEST_COLUMNS, restore_generator, retest
from jugex.errors import JugexWarning, OptionError
from jugex.genes import GeneRequest
from jugex.query import AtlasLike, RegionPair, region_pair
from jugex.regions import Region
from jugex.stats.aggregation import count_pulled_in
from jugex.stats.design import Design
from jugex.workflow import COLLINEAR_IN_PRESETS, PRESETS, make_regions, resolve_choices

__all__ = ["COMPARED_COLUMNS", "SOUND", "compare_presets"]

#: What the column `preset` says of the choices that hold without one.
SOUND = "none (sound choices)"

#: Columns of the table, in order.
COMPARED_COLUMNS = (
    "gene", "preset", "statistic", "exchange", "overlap", "threshold", "probes", *RETEST_COLUMNS, "why",
)  # fmt: skip

_DECISIONS = {"region 1": "given to region 1", "region 2": "given to region 2", "tie": "dropped as ties"}


def compare_presets(
    region_1: Region | str,
    region_2: Region | str,
    *,
    presets: str | Sequence[str] = tuple(PRESETS),
    names: Sequence[str] | None = None,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    **query: Any,
) -> pd.DataFrame:
    """Say what the sound choices and each earlier tool make of one comparison, and why they differ.

    Parameters
    ----------
    region_1, region_2, names, atlas, genes, n_permutations, rng, alpha, n_jobs
        As for `jugex.compare`.
    presets : str or sequence of {'bludau2018', 'siibra-jugex'}
        Which earlier tools to ask; `jugex.compare` says what each preset sets.
    **query
        Other options of `jugex.query.region_pair`, but `overlap`, which a preset sets.

    Returns
    -------
    DataFrame, one row per gene and preset
        Columns `COMPARED_COLUMNS`, sorted as the genes of the sound choices are: by p_fwe, then falling F. The first
        row of a gene is that of the sound choices (`preset` is ``SOUND``). `why` says, of this run, what makes the
        other rows differ from it; empty where nothing does. ``attrs["why"]`` holds by preset what is true of every
        gene, ``attrs["seed"]`` the seed, None for a Generator.

    Raises
    ------
    OptionError
        Where there is no such preset, or an option has a value that is not allowed.
    JugexError
        Whatever `jugex.query.region_pair` raises.
    DesignError
        Where the samples admit no test.

    Warns
    -----
    JugexWarning
        Whatever the query of the sound choices warns of.

    Notes
    -----
    F is that of the earlier tools. So is p, but for what is not copied: siibra-jugex permutes each gene separately and
    does not count the observed labels, so that its p can be 0. Relabellings in which regions and donors coincide have
    no F: in the rows of a preset they count as no exceedance, as with the earlier tools.

    Examples
    --------
    >>> import jugex
    >>> table = jugex.compare_presets("simulated:A", "simulated:B", presets="bludau2018", atlas="simulated",
    ...                               genes=["MAOA", "GAD2"], n_permutations=999, rng=0)
    >>> table["preset"].unique().tolist()
    ['none (sound choices)', 'bludau2018']
    """
    if "overlap" in query:
        raise OptionError("overlap is set by each preset; compare with jugex.compare(..., preset=..., overlap=...)")
    asked = [presets] if isinstance(presets, str) else list(presets)
    choices = {SOUND: resolve_choices(None)} | {preset: resolve_choices(preset) for preset in asked}
    options = {
        preset: check_options(
            n_permutations,
            of["statistic"],
            of["exchange"],
            of["probes"],
            None,
            alpha,
            n_jobs,
            collinear="redraw" if preset == SOUND else COLLINEAR_IN_PRESETS,
        )
        for preset, of in choices.items()
    }
    _, randomness = make_generator(rng)
    regions = make_regions((region_1, region_2), choices[SOUND]["threshold"], names)
    pairs = _query(regions, choices, {"atlas": atlas, "genes": genes} | query)
    tables = {preset: retest(pairs[preset], options[preset], restore_generator(randomness)) for preset in choices}
    reasons = {preset: _explain(pairs, choices, preset) for preset in choices}
    table = _assemble(tables, choices, reasons, pairs)
    table.attrs["why"] = {preset: list(said) for preset, said in reasons.items() if preset != SOUND}
    table.attrs["seed"] = randomness["seed"]
    return table


def _query(
    regions: Sequence[Region], choices: Mapping[str, dict[str, Any]], query: dict[str, Any]
) -> dict[str, RegionPair]:
    """Samples under each preset; those of the sound choices come first, and alone warn."""
    made: dict[str, RegionPair] = {}
    for preset, of_preset in choices.items():
        overlap = of_preset["overlap"]
        same = next((pair for pair in made.values() if pair.overlap == overlap), None)
        if not made:
            made[preset] = region_pair(regions[0], regions[1], overlap=overlap, **query)
        elif same is not None:
            made[preset] = same
        else:
            first = made[SOUND]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", JugexWarning)
                made[preset] = first.requery(replace(first.options, overlap=overlap))
    return made


def _explain(pairs: Mapping[str, RegionPair], choices: Mapping[str, dict[str, Any]], preset: str) -> list[str]:
    """Why a preset differs from the sound choices for every gene of this run."""
    pair, own, sound = pairs[preset], choices[preset], choices[SOUND]
    design = make_design(pair)
    reasons = []
    if own["overlap"] != sound["overlap"] and len(pair.shared):
        decided = pairs[SOUND].shared["decision"].value_counts()
        sound_ways = ", ".join(f"{count} {_DECISIONS[str(decision)]}" for decision, count in decided.items())
        reasons.append(f"samples counted twice: {len(pair.shared)} that lie in both regions (sound: {sound_ways})")
    if own["exchange"] != sound["exchange"]:
        free, within = (design.n_relabellings(scheme) for scheme in ("free", "within-donor"))
        if free != within:
            reasons.append(
                "labels exchanged freely: over all samples instead of within each donor "
                f"({free:.3g} relabellings instead of {within:.3g})"
            )
    if own["statistic"] != sound["statistic"] and not _has_equal_shares(design):
        shares = design.counts[:, 0] / design.n_per_donor
        reasons.append(
            "area before donor: what donors differ by counts as area, since region 1 has "
            f"{shares.min():.0%} to {shares.max():.0%} of a donor's samples"
        )
    return reasons


def _has_equal_shares(design: Design) -> bool:
    """Whether each donor has the same share of its samples in region 1: then the order of area and donor is nothing."""
    n_1 = design.counts[:, 0]
    return bool(np.all(n_1 * design.n_samples == n_1.sum() * design.n_per_donor))


def _explain_probes(n_probes: int, own: dict[str, Any], sound: dict[str, Any]) -> list[str]:
    """Why the value of a gene with so many probes differs, where it does."""
    theirs, ours = count_pulled_in(own["probes"], n_probes), count_pulled_in(sound["probes"], n_probes)
    if theirs == ours:
        return []
    return [f"probes winsorized another way: of {n_probes}, {theirs} pulled in at either end instead of {ours}"]


def _assemble(
    tables: Mapping[str, pd.DataFrame],
    choices: Mapping[str, dict[str, Any]],
    reasons: Mapping[str, list[str]],
    pairs: Mapping[str, RegionPair],
) -> pd.DataFrame:
    """One table of all presets, gene by gene."""
    parts = []
    for preset, table in tables.items():
        own, n_probes = choices[preset], pairs[preset].probes.groupby("gene").size()
        because = [
            "; ".join([*reasons[preset], *_explain_probes(int(n_probes[gene]), own, choices[SOUND])])
            for gene in table["gene"]
        ]
        parts.append(table.assign(preset=preset, **own, why=because))
    ranked = tables[SOUND].sort_values(["p_fwe", "f"], ascending=[True, False], na_position="last", kind="stable")
    rank = {gene: number for number, gene in enumerate(ranked["gene"])}
    types = COLUMN_TYPES | {"threshold": "float64"}
    together = pd.concat(parts, ignore_index=True)[list(COMPARED_COLUMNS)]
    together = together.astype({column: types.get(column, "object") for column in COMPARED_COLUMNS})
    return together.sort_values("gene", key=lambda genes: genes.map(rank), kind="stable", ignore_index=True)
