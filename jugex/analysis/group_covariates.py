"""Covariates beside the donors of k regions: which stand in the model, and what they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from jugex._text import join_words
from jugex.analysis.covariates import USED, Covariate, CovariatesLike, code_covariate, collect_covariates
from jugex.analysis.design import LabelExchange
from jugex.analysis.group_design import GroupDesign
from jugex.errors import DesignError, DesignWarning, warn_user
from jugex.query import RegionGroup

__all__ = ["put_beside_donors"]

# below this share of what donors leave of a contrast, covariates and regions are nearly the same
_LITTLE_LEFT = 0.25

Floats = npt.NDArray[np.float64]


def put_beside_donors(
    design: GroupDesign, group: RegionGroup, asked: CovariatesLike | None, exchange: LabelExchange
) -> tuple[GroupDesign, list[Covariate], list[str]]:
    """Put covariates into a design of k regions, one after the other, and say what they add.

    Parameters
    ----------
    design : GroupDesign
        Regions and donors of n samples.
    group : RegionGroup
        Where the samples come from.
    asked : str, DataFrame, sequence of them, or None
        See `jugex.analysis.covariates.collect_covariates`.
    exchange : str
        How labels are exchanged.

    Returns
    -------
    design : GroupDesign
        With those that add something.
    covariates : list of Covariate
        All of them, with what became of each.
    messages : list of str
        What the user should know.

    Raises
    ------
    OptionError
        Where a covariate is not known.
    DesignError
        Where the design admits no test, or a covariate that was asked for misses values or tells regions apart.

    Warns
    -----
    DesignWarning
        Where a covariate that was asked for is left out of the model, and why; or little of a contrast between regions
        is left beside it.
    """
    covariates = collect_covariates(group, asked)
    _check_complete(covariates)
    design.check_testable(group.region_names, exchange)
    columns = np.empty((len(design.codes), 0))
    judged: list[Covariate] = []
    for covariate in covariates:
        coded = code_covariate(covariate.values, is_factor=covariate.is_factor)
        used = [other.name for other in judged if other.outcome == USED]
        judged.append(replace(covariate, outcome=_judge(covariate, design, columns, coded, used)))
        if judged[-1].outcome == USED:
            columns = np.column_stack([columns, coded])
    beside = replace(design, covariates=columns) if columns.shape[1] else design
    beside.check_testable(group.region_names, exchange)
    messages = [
        f"covariate {covariate.name} is left out of the model: {covariate.outcome}; it changes no F"
        for covariate in judged
        if covariate.outcome != USED and not covariate.is_automatic
    ]
    messages += _tell_how_much_is_left(beside, judged)
    for message in messages:
        warn_user(message, DesignWarning)
    return beside, judged, messages


def _check_complete(covariates: Sequence[Covariate]) -> None:
    for covariate in covariates:
        n_missing = int(covariate.values.isna().sum())
        if n_missing:
            raise DesignError(
                f"covariate {covariate.name!r} is missing in {n_missing} of {len(covariate.values)} samples; give it "
                "for every sample used"
            )


def _judge(covariate: Covariate, design: GroupDesign, columns: Floats, coded: Floats, used: list[str]) -> str:
    """What becomes of a covariate, coded as columns, beside donor and the columns of those before it."""
    if covariate.values.nunique() < 2:
        return "it has one value in all samples used"
    alone, before, wider = (replace(design, covariates=c) for c in (coded, columns, np.column_stack([columns, coded])))
    if not alone.blocks.basis.shape[1]:
        return "it is the same in all samples of a donor, and donor is in the model already"
    if wider.blocks.basis.shape[1] == before.blocks.basis.shape[1]:
        return f"it adds nothing to donor and {join_words(used)}"
    if wider.is_estimable(design.codes[None])[0]:
        return USED
    if covariate.is_automatic:
        return "it tells regions apart within every donor"
    together = f" together with {join_words(used)}" if used else ""
    raise DesignError(
        f"covariate {covariate.name!r} tells regions apart within every donor{together}, so not all differences can be "
        "told from it; leave it out, or leave regions out"
    )


def _tell_how_much_is_left(beside: GroupDesign, covariates: Sequence[Covariate]) -> list[str]:
    """Say where covariates leave little of some contrast between the regions."""
    used = [covariate.name for covariate in covariates if covariate.outcome == USED]
    left = float(beside.share_beside_covariates(beside.codes[None])[0]) if used else 1.0
    if left >= _LITTLE_LEFT:
        return []
    return [
        f"beside {join_words(used)} only {left:.0%} of one contrast between regions is left: regions and covariates "
        "are nearly the same there, and little can be found"
    ]
