"""Tables as users bring them along: two donors, eight samples each, four genes, one value missing."""

from __future__ import annotations

import numpy as np
import pandas as pd


def make_samples(space_scale: float = 1.0) -> pd.DataFrame:
    """Samples of D2 and D1 in turn; half of each donor's lie about (3, 0, 0), half about (7, 0, 0), times scale."""
    n = 16
    x = np.where(np.arange(n) // 2 % 2 == 0, 3.0, 7.0) + np.arange(n) / 100
    return pd.DataFrame(
        {
            "sample_id": [f"s{number}" for number in range(n)],
            "donor": ["D2", "D1"] * (n // 2),
            "x": x * space_scale,
            "y": 0.25 * space_scale,
            "z": -0.5 * space_scale,
        }
    )


def make_expression() -> pd.DataFrame:
    """Levels, samples x genes: MAOA is higher about (3, 0, 0), and GAD2 misses a value."""
    samples = make_samples()
    levels = np.random.default_rng(1).normal(6, 1, (len(samples), 4)).round(3)
    levels[:, 0] += np.where(samples["x"] < 5, 6, 0)
    levels[3, 2] = np.nan
    return pd.DataFrame(levels, index=samples["sample_id"].to_numpy(), columns=["MAOA", "TAC1", "GAD2", "CNR1"])


def make_probes() -> pd.DataFrame:
    """Five probes of four genes, of which one is not in the expression."""
    return pd.DataFrame(
        {
            "probe_name": ["p_c", "p_a", "p_b", "p_d", "p_x"],
            "gene_symbol": ["NA", "MAOA", "MAOA", "TAC1", "SST"],
            "entrez_id": [None, 4128, 4128, 6863, 6750],
        }
    )
