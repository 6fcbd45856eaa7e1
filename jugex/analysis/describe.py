"""The settings of a result: everything that determined its numbers, as JSON types."""

from __future__ import annotations

import platform
from datetime import date
from importlib.metadata import version
from typing import Any, get_args

import numpy as np
import pandas as pd

from jugex._version import __version__
from jugex.analysis.caveats import smallest_p_of_run
from jugex.analysis.covariates import name_covariates
from jugex.analysis.design import Design, LabelExchange
from jugex.analysis.options import Options
from jugex.analysis.relabel import Relabellings, Shuffles
from jugex.analysis.scores import Statistic
from jugex.analysis.tails import Tails
from jugex.query import RegionGroup, RegionPair

__all__ = [
    "SETTINGS_FORMAT",
    "describe_arguments",
    "describe_design",
    "describe_exchanges",
    "describe_run",
    "describe_software",
    "describe_tails",
]

#: Version of the form of ``settings.json``.
SETTINGS_FORMAT = 1

_FEW_GENES = 200


def describe_software() -> dict[str, Any]:
    """Form of the settings, date and versions; the command is for whoever was given one."""
    packages = ("numpy", "scipy", "pandas", "nibabel")
    return {
        "format": SETTINGS_FORMAT,
        "date": date.today().isoformat(),
        "versions": {
            "jugex": __version__,
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "command": None,
    }


def describe_arguments(options: Options, pair: RegionPair | RegionGroup) -> dict[str, Any]:
    """Arguments of a run; a preset is known only to whoever resolved it."""
    return {
        "preset": None,
        "statistic": options.statistic,
        "exchange": options.exchange,
        "probes": options.probes,
        "overlap": pair.overlap,
        "alpha": options.alpha,
        "n_permutations": options.n_permutations,
        "genes": None if pair.genes.requested is None else list(pair.genes.requested),
        "donors": pair.atlas.donors["donor_name"].tolist(),
        "covariates": name_covariates(options.covariates) or None,
        **({"missing": options.missing} if options.missing != "drop-genes" else {}),
        **({"collinear": options.collinear} if options.collinear != "redraw" else {}),
        **({"tail": True} if options.tail else {}),
    }


def describe_run(
    options: Options,
    pair: RegionPair,
    design: Design,
    randomness: dict[str, Any],
    relabellings: Relabellings | Shuffles,
    f_critical: float | None,
) -> dict[str, Any]:
    """Versions, arguments and permutations of a run.

    Of the permutations: `smallest_p` is the smallest p that they can give, and `f_critical` the smallest F whose
    p_fwe is at most alpha, by the largest F over the genes tested in each relabelling; None where no finite F has one.
    """
    return {
        **describe_software(),
        "arguments": describe_arguments(options, pair),
        "permutation": {
            **randomness,
            "n_permutations": len(relabellings.draws) + relabellings.n_smallest,
            "exchange": options.exchange,
            "exhaustive": relabellings.is_exhaustive,
            # beside covariates samples of a donor are exchangeable only roughly
            "exact": relabellings.is_exhaustive and options.exchange == "within-donor" and not design.basis.shape[1],
            "n_collinear_redrawn": relabellings.n_redrawn,
            "n_collinear_smallest": relabellings.n_smallest,
            "smallest_p": smallest_p_of_run(design, options),
            "f_critical": f_critical,
        },
    }


def describe_design(design: Design, pair: RegionPair, statistic: Statistic) -> dict[str, Any]:
    """Samples per donor and region, and what the design can show at best."""
    names = pair.samples["donor_name"].to_numpy()[design.donor_starts]
    donors = zip(names, design.n_1, design.n_2, design.weights, strict=True)
    schemes: tuple[LabelExchange, ...] = get_args(LabelExchange)
    return {
        "donors": [
            {"donor_name": str(name), "n_1": int(n_1), "n_2": int(n_2), "weight": float(weight)}
            for name, n_1, n_2, weight in donors
        ],
        "n_samples_1": int(design.n_1.sum()),
        "n_samples_2": int(design.n_2.sum()),
        "n_donors": design.n_donors,
        "n_informative_donors": design.n_informative_donors,
        "effective_donors": design.effective_donors,
        "df_resid": design.df_resid,
        "relabellings": {scheme: design.n_relabellings(scheme) for scheme in schemes},
        "smallest_p": {scheme: design.smallest_p(scheme, adjusted=statistic != "sequential") for scheme in schemes},
    }


def describe_exchanges(exchanges: pd.DataFrame, options: Options) -> dict[str, Any]:
    """Family-wise p-values under each exchange; of many genes those that are significant under one at least.

    Parameters
    ----------
    exchanges : DataFrame
        `gene`, and its family-wise p under each exchange.
    options : Options
    """
    schemes = [str(column) for column in exchanges if column != "gene"]
    is_reached = (exchanges[schemes] <= options.alpha).any(axis=1)
    listed = exchanges if len(exchanges) <= _FEW_GENES else exchanges[is_reached]
    return {
        "n_significant": {scheme: int((exchanges[scheme] <= options.alpha).sum()) for scheme in schemes},
        "p_fwe": {str(row["gene"]): {s: float(row[s]) for s in schemes} for row in listed.to_dict("records")},
    }


def describe_tails(tails: Tails | None, why_not: str) -> dict[str, Any]:
    """Tails of F that small p-values were taken from, and why some have none; nothing where they were not asked for."""
    if tails is None:
        return {}
    described = {
        "n_genes_refined": tails.n_refined,
        "p_fwe": None if tails.family is None else vars(tails.family),
        "why_empty": why_not if np.isnan([tails.p_perm, tails.p_fwe]).any() else None,
    }
    return {"tails": described}
