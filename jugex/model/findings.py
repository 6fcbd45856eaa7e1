"""Findings: what weakens a run. Each kind of finding is a type with its facts and its sentence.

A finding is recorded with its facts (`settings.json` holds them under `findings`, each with its `code`) and becomes a
sentence where somebody reads it: in a warning, on the command line, in the report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import msgspec

from jugex._text import count_of, format_p, join_words, shorten
from jugex.errors import DesignWarning, JugexWarning, OverlapWarning, ResultWarning, warn_user

__all__ = [
    "AnyFinding",
    "BothHemispheres",
    "CovariateLeftOut",
    "CovariatesTakeContrast",
    "DecisiveDonor",
    "DonorsDisagree",
    "FdrOutOfReach",
    "FewDonors",
    "FewSamplesForVolume",
    "Finding",
    "GeneFinding",
    "GeneStanding",
    "GenesWithoutProbes",
    "KeptInBoth",
    "MadeUpRegions",
    "ManyGenesDiffer",
    "MirroredHemispheres",
    "MissingAround",
    "NearDetectionLimit",
    "NotConfirmable",
    "NotLinked",
    "OneExchangeOnly",
    "PoorVariogramFit",
    "ProbesDisagree",
    "SamplesDropped",
    "ThinTissue",
    "TiedSamples",
    "UnequalSizes",
    "Unit",
    "UnreachableAlpha",
    "warn_of",
    "warn_of_result",
]

_N_NAMED = 5

Unit = Literal["gene", "probe", "gene set"]


@dataclass(frozen=True)
class GeneStanding:
    """Why a gene reaches its rung of the ladder in a comparison of two regions; None means not tried or not known.

    Attributes
    ----------
    evidence : str
        The highest rung that it reaches.
    alpha : float
    p_samples, p_donors, p_spatial : float or None
        P-values, corrected over the genes tested.
    diff : float
        Region 1 minus region 2 in z-scores: `diff_donors` if the donors were tested, else `diff`.
    ci_donors : tuple of float, or None
        95 % interval of the difference over donors.
    beyond, margin : float or None
        Middle and half width of the 95 % interval of the rung `spatial`: the difference without the part that the
        gene's linear gradient over the tissue explains.
    between_places : float or None
        Mean difference between two places as far apart as the regions, from patterns that all donors share, without
        the gradient.
    distance_mm : float or None
        Distance between the regions.
    n_same_sign, n_donors_both : int
        Donors with samples in both regions: how many have a difference of the sign of the result, and all.
    """

    evidence: Literal["spatial", "donors", "samples", "none"]
    alpha: float
    p_samples: float
    p_donors: float | None
    p_spatial: float | None
    diff: float
    ci_donors: tuple[float, float] | None
    beyond: float | None
    margin: float | None
    between_places: float | None
    distance_mm: float | None
    n_same_sign: int
    n_donors_both: int

    @property
    def gradient(self) -> float | None:
        """The part of the difference that the gene's linear gradient over the tissue explains."""
        return None if self.beyond is None else self.diff - self.beyond


class Finding(msgspec.Struct, frozen=True, kw_only=True, tag_field="code"):
    """One fact about a run that weakens its conclusions."""

    #: Class of the warning that Python users see.
    warning: ClassVar[type[JugexWarning]] = DesignWarning

    @property
    def sentence(self) -> str:
        """The finding in words, without an initial capital or a full stop."""
        raise NotImplementedError

    @classmethod
    def headline(cls) -> str:
        """What findings of this kind are about, in words that hold for each of them: its docstring's first line."""
        return (cls.__doc__ or f"{cls.__name__}.").partition("\n")[0].rstrip(".")

    def __str__(self) -> str:
        return self.sentence


class TiedSamples(Finding, frozen=True, tag="tied-samples"):
    """Samples in several regions that were dropped because none of the regions is more probable."""

    warning: ClassVar[type[JugexWarning]] = OverlapWarning
    n_tied: int
    n_shared: int
    n_regions: int

    @property
    def sentence(self) -> str:
        if self.n_regions == 2:
            return (
                f"{self.n_tied} of the {self.n_shared} samples that lie in both regions are equally probable in both, "
                "or have no probability, and were dropped from both"
            )
        return (
            f"{self.n_tied} of the {self.n_shared} samples that lie in several regions are equally probable in two "
            "regions, or have no probability in one, and were dropped from all"
        )


class KeptInBoth(Finding, frozen=True, tag="kept-in-both"):
    """Samples that count in both regions."""

    warning: ClassVar[type[JugexWarning]] = OverlapWarning
    n: int

    @property
    def sentence(self) -> str:
        lies, counts = ("lies", "counts") if self.n == 1 else ("lie", "count")
        return (
            f"{count_of(self.n, 'sample')} {lies} in both regions and {counts} in both: the comparison is "
            "conservative, and its samples are not independent"
        )


class CovariateLeftOut(Finding, frozen=True, tag="covariate-left-out"):
    """A covariate that was asked for but left out, because it changes no F."""

    name: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"covariate {self.name} is left out of the model: {self.reason}; it would change no F"


class CovariatesTakeContrast(Finding, frozen=True, tag="covariates-take-contrast"):
    """Covariates that leave little of the contrast between regions."""

    share: float
    covariates: tuple[str, ...]
    n_regions: int

    @property
    def sentence(self) -> str:
        used = join_words(self.covariates)
        if self.n_regions == 2:
            return (
                f"once {used} is adjusted for, {self.share:.0%} of the contrast between the regions is left: the "
                "covariates nearly tell the regions apart, and little can be found"
            )
        return (
            f"once {used} is adjusted for, only {self.share:.0%} of one contrast between regions is left: the "
            "covariates nearly tell these regions apart, and little can be found"
        )


class SamplesDropped(Finding, frozen=True, tag="samples-dropped"):
    """Samples left out because a value was missing in them."""

    n: int

    @property
    def sentence(self) -> str:
        return f"{count_of(self.n, 'sample')} left out because of missing values"


class UnreachableAlpha(Finding, frozen=True, tag="unreachable-alpha"):
    """The smallest attainable p is above alpha: no gene can be significant."""

    unit: Unit
    alpha: float
    smallest_p: float
    n_relabellings: int
    exchange: str
    exhaustive: bool
    n_regions: int

    @property
    def sentence(self) -> str:
        more = "" if self.exhaustive else ", or more permutations,"
        if self.n_regions == 2:
            return (
                f"no {self.unit} can be significant at alpha = {self.alpha:g}: the smallest p that {_name_draws(self)} "
                f"can give is {format_p(self.smallest_p)}; more samples in both regions of one donor{more} would help"
            )
        return (
            f"the test of all regions cannot reach alpha = {self.alpha:g}: the smallest p that {_name_draws(self)} "
            f"can give is {format_p(self.smallest_p)}; more samples of one donor in several regions{more} would help"
        )


class FdrOutOfReach(Finding, frozen=True, tag="fdr-out-of-reach"):
    """Too few relabellings for the false discovery rate of a single gene to reach alpha."""

    unit: Unit
    alpha: float
    n_tested: int
    n_needed: int
    n_relabellings: int
    exchange: str
    exhaustive: bool

    @property
    def sentence(self) -> str:
        return (
            f"the false discovery rate (q_fdr) of a single {self.unit} cannot reach {self.alpha:g} with "
            f"{count_of(self.n_tested, self.unit)} and {_name_draws(self)}: at least "
            f"{count_of(self.n_needed, self.unit)} would have to share the smallest p; the family-wise p (p_fwe) is "
            "not affected"
        )


class NotLinked(Finding, frozen=True, tag="not-linked"):
    """Groups of regions that no donor links, so that they cannot be compared with each other."""

    groups: tuple[tuple[str, ...], ...]

    @property
    def sentence(self) -> str:
        listed = " and ".join("{" + ", ".join(group) + "}" for group in self.groups)
        return (
            f"no donor has samples in more than one of these groups of regions: {listed}; the omnibus F compares the "
            "regions within each group only"
        )


class NotConfirmable(Finding, frozen=True, tag="not-confirmable"):
    """Too few relabellings within donors to confirm a result of another exchange at alpha."""

    n_relabellings: int
    alpha: float

    @property
    def sentence(self) -> str:
        are = "is" if self.n_relabellings == 1 else "are"
        return (
            f"within donors there {are} {count_of(self.n_relabellings, 'relabelling')}, too few to reach alpha = "
            f"{self.alpha:g}: what is significant under the exchange chosen cannot be confirmed by permuting labels "
            "within donors, which alone is exact"
        )


class FewDonors(Finding, frozen=True, tag="few-donors"):
    """The comparison rests on fewer than three effective donors."""

    effective_donors: float
    n_informative: int
    n_regions: int

    @property
    def sentence(self) -> str:
        weighted = ", unequally weighted" if self.n_informative - self.effective_donors > 0.05 else ""
        plural = "s" if self.n_informative > 1 else ""
        of_all, where = ("", "both") if self.n_regions == 2 else (" of all regions", "at least two")
        rests = (
            f"the comparison{of_all} rests on {self.effective_donors:.1f} effective donor{plural} "
            f"({self.n_informative} with samples in {where} regions{weighted})"
        )
        if self.n_informative == 1:
            return f"{rests}: nothing says whether other donors would show a difference"
        if self.n_regions > 2:
            return f"{rests}: p over samples says nothing about other donors; the pairs have a test over donors"
        return f"{rests}: with so few, the test over donors finds only large differences"


class DecisiveDonor(Finding, frozen=True, tag="decisive-donor"):
    """One donor has most of the weight in the difference."""

    donor_name: str
    share: float

    @property
    def sentence(self) -> str:
        return f"one donor ({self.donor_name}) has {self.share:.0%} of the weight in the difference, and decides it"


class UnequalSizes(Finding, frozen=True, tag="unequal-sizes"):
    """Regions whose numbers of samples differ more than threefold."""

    largest: str
    n_largest: int
    smallest: str
    n_smallest: int
    n_regions: int

    @property
    def sentence(self) -> str:
        compare = "compare with the statistic welch" if self.n_regions == 2 else "compare two at a time with welch"
        return (
            f"the regions differ more than threefold in size ({self.largest}: {count_of(self.n_largest, 'sample')}, "
            f"{self.smallest}: {self.n_smallest}): where they differ in variance as well, p-values are off; {compare}"
        )


class MadeUpRegions(Finding, frozen=True, tag="made-up-regions"):
    """Made-up regions of the demonstration, used with measured data."""

    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        are = "is a made-up region" if len(self.names) == 1 else "are made-up regions"
        return (
            f"{join_words([shorten(name) for name in self.names])} {are} of the demonstration, but the expression is "
            "measured: a difference says nothing about any brain area"
        )


class BothHemispheres(Finding, frozen=True, tag="both-hemispheres"):
    """A region with samples in both hemispheres, of which one was sampled in fewer donors."""

    region: str
    n: int
    n_samples: int
    side: str
    n_donors_of_side: int
    n_donors: int

    @property
    def sentence(self) -> str:
        lie = "lies" if self.n == 1 else "lie"
        return (
            f"{self.n:,} of {count_of(self.n_samples, 'sample')} of {shorten(self.region)} {lie} in the {self.side} "
            f"hemisphere, in {self.n_donors_of_side} of {count_of(self.n_donors, 'donor')}; compare one side (such as "
            "@left behind the region, region.left in Python), or add the covariate hemisphere"
        )


class MirroredHemispheres(Finding, frozen=True, tag="mirrored-hemispheres"):
    """Samples of both hemispheres were reflected to one, and the hemisphere is not among the covariates."""

    @property
    def sentence(self) -> str:
        return "samples of both hemispheres were reflected to one, and the omnibus F does not adjust for hemisphere"


class ThinTissue(Finding, frozen=True, tag="thin-tissue"):
    """Outside the regions close pairs of two donors are too few, and pairs within the regions stand in for them."""

    to_mm: float

    @property
    def sentence(self) -> str:
        return (
            f"outside the regions few samples of two donors lie within {self.to_mm:g} mm of each other, so that those "
            "within the regions stand in for them; where donors differ much, a spatial p of 0.05 then stands for up to "
            "0.15 (simulated): take a small spatial p with care"
        )


class PoorVariogramFit(Finding, frozen=True, tag="poor-variogram-fit"):
    """The curve fitted to the pooled variogram is far off at some distance, so a rung's p-values may be wrong."""

    rung: Literal["donors", "spatial"]
    n_donors: Literal[1, 2]  # whether the two samples of a pair are of one donor or of two
    distance_mm: float
    measured: float
    fitted: float

    @property
    def p_at_5_percent(self) -> float:
        """True p of a normal test where p is 0.05, if the variance of the difference is as far off as the curve."""
        return math.erfc(1.959964 * math.sqrt(self.fitted / self.measured / 2))

    @property
    def sentence(self) -> str:
        samples = "two samples of one donor" if self.n_donors == 1 else "samples of two donors"
        rung = "p over donors" if self.rung == "donors" else "the spatial p"
        return (
            f"the curve behind {rung} fits the variogram badly: for {samples} {self.distance_mm:.0f} mm apart the "
            f"semivariance is {self.measured:.2f} of a gene's variance, but {self.fitted:.2f} in the fit, so that "
            f"{rung} of 0.05 may truly be {self.p_at_5_percent:.2f}; choose another reference, or call it approximate"
        )


class GenesWithoutProbes(Finding, frozen=True, tag="genes-without-probes"):
    """Genes that the filters of probes left without a probe."""

    n: int

    @property
    def sentence(self) -> str:
        return (
            f"the filters of probes left {count_of(self.n, 'gene')} without a probe: "
            f"{'it is' if self.n == 1 else 'they are'} not tested, and not in the table"
        )


class FewSamplesForVolume(Finding, frozen=True, tag="few-samples-for-volume"):
    """A region that holds far fewer samples than a part of the brain of its volume does."""

    region: str
    volume_mm3: float
    n: int
    n_expected: int

    @property
    def sentence(self) -> str:
        return (
            f"{self.region} measures {self.volume_mm3 / 1000:,.0f} cm3 and holds {count_of(self.n, 'sample')}, but a "
            f"part of the brain of this size holds about {self.n_expected:,}: check that the image is in MNI152 space"
        )


class ManyGenesDiffer(Finding, frozen=True, tag="many-genes-differ"):
    """So many of all genes differ nominally that no single one is special."""

    share: float
    n_genes: int
    p_perm: float
    unit: Unit

    @property
    def sentence(self) -> str:
        return (
            f"{self.share:.0%} of all {self.n_genes:,} {self.unit}s have p_perm <= {self.p_perm:g}: the regions differ "
            f"in general, as any two places do, and no {self.unit} is special for being among them"
        )


class GeneFinding(Finding, frozen=True, kw_only=True):
    """A weakness in the evidence for some genes, which it names."""

    genes: tuple[str, ...]

    @property
    def of_significant(self) -> bool:
        """Whether the finding is about significant genes (and its sentence says so)."""
        return True

    @property
    def what(self) -> str:
        """What the finding says about the genes."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        return f"{self.what}: {_name_genes(self.genes)}"


class OneExchangeOnly(GeneFinding, frozen=True, tag="one-exchange-only"):
    """Genes that are significant under one exchange of labels only."""

    n_regions: int

    @property
    def what(self) -> str:
        where = "" if self.n_regions == 2 else " over all regions"
        return f"significant{where} when labels are exchanged within donors or freely, but not both ways"


class DonorsDisagree(GeneFinding, frozen=True, tag="donors-disagree"):
    """Significant genes whose donors differ in the sign of the difference."""

    @property
    def what(self) -> str:
        return "significant, but the donors do not all show a difference of the same sign"


class ProbesDisagree(GeneFinding, frozen=True, tag="probes-disagree"):
    """Genes whose probes are hardly correlated."""

    limit: float
    is_significant: bool

    @property
    def of_significant(self) -> bool:
        return self.is_significant

    @property
    def what(self) -> str:
        if self.is_significant:
            return f"significant, but the gene's probes do not agree (mean correlation below {self.limit:g})"
        return (
            f"not significant, but the gene's probes do not agree (mean correlation below {self.limit:g}), so that a "
            "difference in one probe may be missed"
        )


class NearDetectionLimit(GeneFinding, frozen=True, tag="near-detection-limit"):
    """Significant genes that are above background in less than half of the samples used."""

    unit: Unit

    @property
    def what(self) -> str:
        return (
            f"significant, but near the detection limit of the array: the {self.unit} is above background in less than "
            "half of the samples used"
        )


class MissingAround(GeneFinding, frozen=True, tag="missing-around"):
    """Genes with a missing value in the tissue outside the regions: no spatial test, and a weaker one over donors."""

    @property
    def of_significant(self) -> bool:
        return False

    @property
    def what(self) -> str:
        return (
            "values are missing in the tissue outside the regions, so that there is no spatial test, and the test over "
            "donors treats samples as replicates"
        )


#: Every kind of finding: what `settings.json` may hold.
AnyFinding: TypeAlias = (
    TiedSamples
    | KeptInBoth
    | CovariateLeftOut
    | CovariatesTakeContrast
    | SamplesDropped
    | UnreachableAlpha
    | FdrOutOfReach
    | NotLinked
    | NotConfirmable
    | FewDonors
    | DecisiveDonor
    | UnequalSizes
    | MadeUpRegions
    | BothHemispheres
    | MirroredHemispheres
    | PoorVariogramFit
    | ThinTissue
    | GenesWithoutProbes
    | FewSamplesForVolume
    | ManyGenesDiffer
    | OneExchangeOnly
    | DonorsDisagree
    | ProbesDisagree
    | NearDetectionLimit
    | MissingAround
)


def warn_of(findings: Sequence[Finding]) -> None:
    """Warn Python users of findings, each with the class of its kind."""
    for finding in findings:
        warn_user(finding.sentence, finding.warning)


def warn_of_result(findings: Sequence[Finding]) -> None:
    """Warn Python users of what was found when the work was done, each kind once; ``result.warnings`` has the facts."""
    for headline in dict.fromkeys(finding.headline() for finding in findings):
        warn_user(f"{headline} (see result.warnings)", ResultWarning, once=True)


def _name_draws(finding: UnreachableAlpha | FdrOutOfReach) -> str:
    """The relabellings of the run, in words."""
    if finding.exhaustive:
        return f"the {count_of(finding.n_relabellings, 'relabelling')} of this design ({finding.exchange})"
    return f"{count_of(finding.n_relabellings, 'permutation')} of this design ({finding.exchange})"


def _name_genes(genes: Sequence[str]) -> str:
    named = ", ".join(genes[:_N_NAMED])
    return named if len(genes) <= _N_NAMED else f"{named} and {len(genes) - _N_NAMED} more"
