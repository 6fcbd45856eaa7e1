"""Whether what differs was measured above background at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from jugex.query import RegionPair

__all__ = ["NO_CALLS", "share_present"]

#: Why nothing is known of background.
NO_CALLS = "the atlas has no present calls"


def share_present(pair: RegionPair, labels: Sequence[str], *, by_probe: bool = False) -> pd.Series[float] | None:
    """Share of the samples used in which the probes of genes are above background, by the Allen Institute's calls.

    Parameters
    ----------
    pair : RegionPair
    labels : sequence of str
        Genes; or, with `by_probe`, genes and their probes, as results call them.
    by_probe : bool

    Returns
    -------
    Series or None
        By label, mean over its probes and the samples; None where the atlas has no calls.
    """
    if not pair.atlas.has_calls:
        return None
    called = pair.probes["gene"] + (" " + pair.probes["probe_name"] if by_probe else "")
    is_wanted = called.isin(list(labels)).to_numpy(dtype=np.bool_)
    if not is_wanted.any():
        return pd.Series(dtype=np.float64)
    calls = pair.atlas.present(
        well_ids=pair.samples["well_id"].to_numpy(), probe_ids=pair.probes.loc[is_wanted, "probe_id"].to_numpy()
    )
    return pd.Series(calls.mean(axis=0)).groupby(called[is_wanted].to_numpy()).mean()
