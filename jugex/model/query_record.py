"""What a query did, as it is recorded with a run."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jugex.model.options import Overlap, PresentIn
from jugex.regions.structures import Structure

__all__ = ["OverlapRecord", "ProbeFilterRecord", "SampleFilterRecord", "SharedSample", "StructureRecord"]


@dataclass(frozen=True)
class StructureRecord:
    """An anatomical structure to which samples were confined.

    Attributes
    ----------
    structure_ids : tuple of int
        Its id, or those of its left and right half.
    acronym, name : str
        As the atlas has them.
    """

    structure_ids: tuple[int, ...]
    acronym: str
    name: str

    @classmethod
    def of(cls, structure: Structure) -> StructureRecord:
        """Record of a structure of the atlas."""
        return cls(structure.structure_ids, structure.acronym, structure.name)


@dataclass(frozen=True)
class SampleFilterRecord:
    """Which samples of the k regions counted.

    Attributes
    ----------
    within, exclude : tuple of StructureRecord
        Structures of whose samples only these, or none of these, count; empty: no restriction.
    tolerance_mm : float
        How far outside a region a sample still belongs to it.
    n_dropped : tuple of k int
        Samples of each region that lie in the wrong structures.
    n_tolerated : tuple of k int
        Samples that each region holds by the tolerance only.
    """

    within: tuple[StructureRecord, ...]
    exclude: tuple[StructureRecord, ...]
    tolerance_mm: float
    n_dropped: tuple[int, ...]
    n_tolerated: tuple[int, ...]


@dataclass(frozen=True)
class ProbeFilterRecord:
    """What the filters of probes left out: those without Entrez id, and those that are above background too rarely.

    Attributes
    ----------
    min_present : float or None
        Smallest share of samples in which a probe must be present; None without this filter.
    present_in : {'all', 'regions'}
        Samples over which the share was taken.
    n_samples : int
        Their number.
    n_probes, n_probes_left_out, n_genes_left_out : int
        Probes of the genes in question, how many of them were left out, and genes that lost all of theirs.
    require_entrez : bool
        Whether a probe must have an Entrez id.
    n_without_entrez : int
        Probes left out because they have none.
    """

    min_present: float | None
    present_in: PresentIn
    n_samples: int
    n_probes: int
    n_probes_left_out: int
    n_genes_left_out: int
    require_entrez: bool = False
    n_without_entrez: int = 0


@dataclass(frozen=True)
class SharedSample:
    """A sample that lies in several of k regions, and what was decided.

    Attributes
    ----------
    well_id : int
        The sample.
    donor_name : str
        Its donor.
    regions : tuple of int
        Numbers of the regions that hold it, from 1.
    probabilities : tuple of k float or None
        Its probability in each region; None where it has none, or the region does not hold it.
    decision : str
        "region 3" for which it counts, "tie", "excluded" or "kept in both".
    """

    well_id: int
    donor_name: str
    regions: tuple[int, ...]
    probabilities: tuple[float | None, ...]
    decision: str


@dataclass(frozen=True)
class OverlapRecord:
    """How samples in several regions were treated.

    Attributes
    ----------
    policy : str
        The option `overlap`.
    shared : tuple of SharedSample
        Decisions, sample by sample.
    """

    policy: Overlap
    shared: tuple[SharedSample, ...]

    def count_decisions(self) -> dict[str, int]:
        """Number of samples by what was decided of them, in the order of their first one."""
        counts: dict[str, int] = {}
        for sample in self.shared:
            counts[sample.decision] = counts.get(sample.decision, 0) + 1
        return counts

    @classmethod
    def of(cls, policy: Overlap, shared: pd.DataFrame) -> OverlapRecord:
        """Record of the table of shared samples of a query; see `jugex.query.RegionGroup.shared`."""
        columns = [column for column in shared if str(column).startswith("probability_")]
        return cls(
            policy,
            tuple(
                SharedSample(
                    well_id=int(row["well_id"]),
                    donor_name=str(row["donor_name"]),
                    regions=tuple(map(int, row["regions"].split(", "))),
                    probabilities=tuple(None if pd.isna(row[column]) else float(row[column]) for column in columns),
                    decision=str(row["decision"]),
                )
                for row in shared.to_dict("records")
            ),
        )
