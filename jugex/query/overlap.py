"""Samples that lie in both regions, and what becomes of them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from jugex._text import count_of
from jugex.errors import OverlapWarning, RegionError, warn_user
from jugex.regions import Region

__all__ = ["Overlap", "check_shared", "decide_shared", "warn_of_overlap"]

#: What happens to a sample that lies in both regions.
Overlap = Literal["higher-probability", "exclude", "keep", "error"]


def decide_shared(samples: pd.DataFrame, located: tuple[pd.DataFrame, pd.DataFrame], overlap: Overlap) -> pd.DataFrame:
    """Decide for each sample in both regions where it counts."""
    both = (located[0]["inside"] & located[1]["inside"]).to_numpy()
    shared = samples.loc[both, ["well_id", "donor_name"]].reset_index(drop=True)
    p_1 = located[0]["probability"].to_numpy()[both]
    p_2 = located[1]["probability"].to_numpy()[both]
    if overlap == "higher-probability":
        # as float32, as which maps are stored: 0.3 is as probable there as in a map of float64. A NaN (no
        # probability) is neither larger nor smaller: a tie
        single_1, single_2 = p_1.astype(np.float32), p_2.astype(np.float32)
        decision = np.select([single_1 > single_2, single_2 > single_1], ["region 1", "region 2"], default="tie")
    else:
        decision = np.full(len(shared), {"exclude": "excluded", "keep": "kept in both", "error": "refused"}[overlap])
    return shared.assign(probability_1=p_1, probability_2=p_2, decision=decision)


def check_shared(shared: pd.DataFrame, regions: tuple[Region, Region], overlap: Overlap) -> None:
    """Refuse shared samples where the policy says so."""
    if overlap == "error" and len(shared):
        wells = ", ".join(map(str, shared["well_id"][:5])) + (", ..." if len(shared) > 5 else "")
        raise RegionError(
            f"{len(shared)} samples lie in both {regions[0].name!r} and {regions[1].name!r} (wells {wells}) and "
            "overlap is 'error'; choose another overlap policy or regions that do not touch"
        )


def warn_of_overlap(shared: pd.DataFrame) -> tuple[str, ...]:
    """Warn of ties and of samples that count twice, and return what was said."""
    counts = shared["decision"].value_counts()
    messages = []
    if ties := int(counts.get("tie", 0)):
        messages.append(
            f"{ties} of the {len(shared)} samples that lie in both regions are equally probable in both, or have no "
            "probability, and were dropped from both"
        )
    if kept := int(counts.get("kept in both", 0)):
        messages.append(
            f"{count_of(kept, 'sample')} {'lies' if kept == 1 else 'lie'} in both regions and "
            f"{'counts' if kept == 1 else 'count'} in both: the comparison is conservative, and its samples "
            "are not independent"
        )
    for message in messages:
        warn_user(message, OverlapWarning)
    return tuple(messages)
