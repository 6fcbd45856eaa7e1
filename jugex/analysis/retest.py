"""A comparison tested again, without what surrounds its p-values: for tables of many comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jugex.analysis.effects import compute_effects
from jugex.analysis.engine import count_exceedances
from jugex.analysis.options import Options
from jugex.analysis.prepare import prepare
from jugex.analysis.relabel import make_relabellings
from jugex.analysis.result import COLUMN_TYPES, PROBE_COLUMNS
from jugex.query import RegionPair

__all__ = ["RETEST_COLUMNS", "restore_generator", "retest"]

#: Columns of what `retest` returns, after those that name the gene.
RETEST_COLUMNS = ("n_samples_1", "n_samples_2", "diff", "f", "p_perm", "p_fwe", "significant", "status")


def retest(pair: RegionPair, options: Options, rng: np.random.Generator) -> pd.DataFrame:
    """Test every gene of a pair, as `jugex.analysis.differential_expression` does, for F and its p-values alone.

    The other exchange and the tests without each donor take most of the time of an analysis, and are left out. From
    the same state of `rng` the numbers are the same bit for bit.

    Parameters
    ----------
    pair : RegionPair
        Samples of the two regions.
    options : Options
    rng : numpy.random.Generator
        Source of the relabellings.

    Returns
    -------
    DataFrame, one row per gene (or probe, where each is tested by itself), by symbol
        `gene`, with the option `single` also `probe_id` and `probe_name`, and `RETEST_COLUMNS`.

    Raises
    ------
    DesignError
        Where the samples admit no test.

    Warns
    -----
    DesignWarning
        Where a covariate is left out of the model.
    """
    prepared = prepare(pair, options)
    design, genes, tested = prepared.design, prepared.genes, prepared.tested
    values = genes.zscores[tested]
    effects = compute_effects(values, genes.levels[tested], design, options.statistic)
    relabellings = make_relabellings(design, options.exchange, options.n_permutations, rng, redraw=options.redraw)
    p_values = count_exceedances(
        values, design, relabellings, statistic=options.statistic, n_threads=options.n_threads
    ).p_values()
    named = [column for column in ("gene", *PROBE_COLUMNS) if column in genes.annotation]
    table = genes.annotation[named].copy()
    table["n_samples_1"], table["n_samples_2"] = int(design.n_1.sum()), int(design.n_2.sum())
    for column, numbers in (
        ("diff", effects.diff),
        ("f", effects.f),
        ("p_perm", p_values.perm),
        ("p_fwe", p_values.fwe),
    ):
        table[column] = pd.Series(numbers, index=tested, dtype=np.float64).reindex(table.index)
    table["significant"] = (table["p_fwe"] <= options.alpha).to_numpy(dtype=bool)
    table["status"] = prepared.status
    return table.astype({str(column): COLUMN_TYPES[str(column)] for column in table})


def restore_generator(permutation: dict[str, Any]) -> np.random.Generator:
    """The source of randomness of a run, in the state that its settings record under ``permutation``."""
    if permutation["seed"] is not None:
        return np.random.default_rng(permutation["seed"])
    state = permutation["bit_generator"]
    bit_generator = getattr(np.random, state["bit_generator"])()
    bit_generator.state = _from_json(state)
    return np.random.Generator(bit_generator)


def _from_json(value: Any) -> Any:
    """Undo what JSON makes of a state: arrays became lists of whole numbers."""
    if isinstance(value, dict):
        return {key: _from_json(entry) for key, entry in value.items()}
    return np.array(value, dtype=np.uint64) if isinstance(value, list) else value
