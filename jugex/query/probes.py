"""Probes of the genes in question, less those that are not above background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import OptionError
from jugex.genes import GeneSelection
from jugex.query.locating import probes_of

__all__ = ["PresentFilter", "PresentIn"]

#: Samples over which the share of present calls is taken.
PresentIn = Literal["all", "regions"]


@dataclass(frozen=True)
class PresentFilter:
    """Leave probes out that are above background in too few samples.

    The Allen Institute calls a probe present in a sample where it is above the local background (``PACall.csv``).
    JuGEx uses every probe. Many studies keep those present in at least half of the samples: about three in ten are
    not, and measure noise in most of the brain, which blurs the mean of their gene's probes and adds genes to the
    family that is corrected for (Arnatkeviciute, Fulcher and Fornito 2019, doi 10.1016/j.neuroimage.2019.01.011).
    The filter pools the samples: it never looks at which region they belong to.

    Parameters
    ----------
    min_present : float or None
        Smallest share of samples, 0 to 1, in which a probe must be present; None: no filter.
    present_in : {'all', 'regions'}
        Share of all samples of the atlas (of the donors in use), or of the samples of both regions.

    Raises
    ------
    OptionError
        Where either has another value.
    """

    min_present: float | None
    present_in: PresentIn

    def __post_init__(self) -> None:
        share = self.min_present
        is_number = isinstance(share, int | float | np.number) and not isinstance(share, bool)
        if share is not None and not (is_number and 0 <= share <= 1):
            raise OptionError(f"min_present is a share of samples from 0 to 1; got {share!r}")
        if self.present_in not in get_args(PresentIn):
            raise OptionError(f"present_in is one of {', '.join(get_args(PresentIn))}; got {self.present_in!r}")

    def apply(
        self, selection: GeneSelection, atlas: ExpressionAtlas, well_ids: npt.NDArray[np.integer]
    ) -> tuple[GeneSelection, pd.DataFrame, dict[str, Any] | None]:
        """Take the probes of the genes in question that pass.

        Parameters
        ----------
        selection : GeneSelection
            Genes in question.
        atlas : ExpressionAtlas
            Where the probes and their calls are.
        well_ids : ndarray of int
            Samples of both regions; one that is in both counts once.

        Returns
        -------
        selection : GeneSelection
            Less the genes that have no probe left.
        probes : DataFrame
            Rows of the atlas's probes.
        record : dict or None
            The filter and its counts (JSON types only); None without a filter.

        Raises
        ------
        AtlasError
            Where the atlas has no present calls.
        GeneError
            Where no gene is left.
        """
        probes = probes_of(selection, atlas)
        if self.min_present is None:
            return selection, probes, None
        wells = atlas.samples["well_id"].to_numpy() if self.present_in == "all" else np.unique(well_ids)
        share = _share_present(atlas, wells, probes["probe_id"].to_numpy())
        kept = probes[share >= self.min_present]
        lost = probes.loc[~probes["gene"].isin(kept["gene"]), "gene"].unique().tolist()
        record = {
            "min_present": float(self.min_present),
            "present_in": self.present_in,
            "n_samples": len(wells),
            "n_probes": len(probes),
            "n_probes_left_out": len(probes) - len(kept),
            "n_genes_left_out": len(lost),
        }
        return (selection.without(lost, self._reason) if lost else selection), kept, record

    @property
    def _reason(self) -> str:
        where = "all samples of the atlas" if self.present_in == "all" else "the samples of both regions"
        return f"above background in less than {self.min_present:g} of {where}"


def _share_present(
    atlas: ExpressionAtlas, well_ids: npt.NDArray[np.integer], probe_ids: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Share of samples in which each probe is present, shape (p,)."""
    donor_of_well = atlas.samples.set_index("well_id")["donor_name"].reindex(pd.Index(well_ids)).to_numpy()
    n_present = np.zeros(len(probe_ids))
    for donor_name in pd.unique(donor_of_well):  # donor by donor: all calls at once are 0.2 GB
        calls = atlas.present(well_ids=well_ids[donor_of_well == donor_name], probe_ids=probe_ids)
        n_present += calls.sum(axis=0)
    return n_present / len(well_ids)
