"""Findings: each kind has its facts, a sentence and a form in JSON."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from jugex.errors import DesignWarning, OverlapWarning
from jugex.model import findings
from jugex.model.findings import (
    AnyFinding,
    BothHemispheres,
    CovariateLeftOut,
    CovariatesTakeContrast,
    DecisiveDonor,
    DonorsDisagree,
    FdrOutOfReach,
    FewDonors,
    FewSamplesForVolume,
    Finding,
    GeneFinding,
    GenesWithoutProbes,
    KeptInBoth,
    MadeUpRegions,
    ManyGenesDiffer,
    MirroredHemispheres,
    MissingAround,
    NearDetectionLimit,
    NotConfirmable,
    NotLinked,
    OneExchangeOnly,
    PoorVariogramFit,
    ProbesDisagree,
    SamplesDropped,
    ThinTissue,
    TiedSamples,
    UnequalSizes,
    UnreachableAlpha,
    warn_of,
)

DRAWS = {"alpha": 0.05, "n_relabellings": 120, "exchange": "within-donor"}
#: Each kind, and facts that its sentence names.
EXAMPLES = [
    (TiedSamples(n_tied=2, n_shared=4, n_regions=2), ["2 of the 4 samples", "both regions"]),
    (TiedSamples(n_tied=1, n_shared=2, n_regions=3), ["1 of the 2 samples", "several regions"]),
    (KeptInBoth(n=1), ["1 sample lies in both regions and counts in both"]),
    (KeptInBoth(n=4), ["4 samples lie in both regions and count in both"]),
    (CovariateLeftOut(name="age", reason="it is one"), ["covariate age is left out", "it is one"]),
    (CovariatesTakeContrast(share=0.12, covariates=("a", "b"), n_regions=2), ["a and b", "12%"]),
    (CovariatesTakeContrast(share=0.12, covariates=("a",), n_regions=3), ["once a is", "12% of one contrast"]),
    (SamplesDropped(n=2), ["2 samples left out"]),
    (
        UnreachableAlpha(unit="gene", smallest_p=0.1, exhaustive=False, n_regions=2, **DRAWS),
        ["no gene can be significant at alpha = 0.05", "120 permutations", "0.1000", "more permutations"],
    ),
    (
        UnreachableAlpha(unit="probe", smallest_p=0.1, exhaustive=True, n_regions=3, **DRAWS),
        ["alpha = 0.05", "the 120 relabellings of this design (within-donor)", "0.1000"],
    ),
    (
        FdrOutOfReach(unit="probe", n_tested=50, n_needed=10, exhaustive=True, **DRAWS),
        ["single probe", "50 probes", "120 relabellings", "10 probes", "p_fwe"],
    ),
    (NotLinked(groups=(("A", "B"), ("C",))), ["{A, B} and {C}"]),
    (NotConfirmable(n_relabellings=1, alpha=0.05), ["there is 1 relabelling,", "alpha = 0.05"]),
    (
        FewDonors(effective_donors=1.8, n_informative=2, n_regions=2),
        ["1.8 effective donors", "2 with", "unequally", "only large differences"],
    ),
    (
        FewDonors(effective_donors=1.0, n_informative=1, n_regions=3),
        ["1.0 effective donor ", "at least two regions)", "nothing says whether other donors"],
    ),
    (FewDonors(effective_donors=2.0, n_informative=2, n_regions=3), ["2.0 effective donors", "the pairs have a test"]),
    (
        PoorVariogramFit(rung="spatial", n_donors=2, distance_mm=60.4, measured=1.2, fitted=0.8),
        ["spatial p", "two donors 60 mm apart", "1.20", "0.80", "may truly be 0.11"],
    ),
    (
        PoorVariogramFit(rung="donors", n_donors=1, distance_mm=5, measured=0.4, fitted=0.6),
        ["p over donors", "one donor 5 mm apart", "may truly be 0.02"],
    ),
    (ThinTissue(to_mm=8.0), ["within 8 mm", "spatial p of 0.05", "0.15"]),
    (DecisiveDonor(donor_name="D1", share=0.75), ["D1", "75%"]),
    (
        UnequalSizes(largest="L", n_largest=20, smallest="S", n_smallest=5, n_regions=2),
        ["L: 20 samples", "S: 5", "welch"],
    ),
    (MadeUpRegions(names=("A",)), ["A is a made-up region"]),
    (MadeUpRegions(names=("A", "B")), ["A and B are made-up regions"]),
    (
        BothHemispheres(region="A", n=2, n_samples=5, side="right", n_donors_of_side=1, n_donors=3),
        ["2 of 5 samples of A lie in the right hemisphere, in 1 of 3 donors"],
    ),
    (MirroredHemispheres(), ["both hemispheres"]),
    (FewSamplesForVolume(region="A", volume_mm3=9e5, n=12, n_expected=1754), ["A", "900 cm3", "12 samples", "1,754"]),
    (GenesWithoutProbes(n=1), ["1 gene without a probe"]),
    (GenesWithoutProbes(n=1200), ["1,200 genes without a probe"]),
    (ManyGenesDiffer(share=0.15, n_genes=2000, p_perm=0.05, unit="gene"), ["15% of all 2,000 genes", "p_perm <= 0.05"]),
    (OneExchangeOnly(genes=("G",), n_regions=3), ["over all regions", ": G"]),
    (DonorsDisagree(genes=tuple("ABCDEFGH")), [": A, B, C, D, E and 3 more"]),
    (ProbesDisagree(genes=("G",), limit=0.2, is_significant=True), ["significant, but", "below 0.2", ": G"]),
    (ProbesDisagree(genes=("G",), limit=0.2, is_significant=False), ["not significant, but", "below 0.2", ": G"]),
    (MissingAround(genes=("G",)), ["missing in the tissue outside", "over donors", ": G"]),
    (NearDetectionLimit(genes=("G",), unit="gene"), ["above background in less than half", ": G"]),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "facts"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_the_sentence_names_the_facts(finding, facts):
    assert str(finding) == finding.sentence
    assert [fact for fact in facts if fact not in finding.sentence] == []
    assert finding.sentence[-1] not in ".;:"


@pytest.mark.parametrize("finding", [finding for finding, _ in EXAMPLES], ids=lambda value: type(value).__name__)
def test_json_gives_it_back(finding):
    assert msgspec.json.decode(msgspec.json.encode(finding), type=AnyFinding) == finding


def test_every_kind_is_one_of_any_and_has_an_example():
    kinds = {
        thing
        for name in findings.__all__
        if isinstance(thing := getattr(findings, name), type) and issubclass(thing, Finding)
    } - {Finding, GeneFinding}
    assert set(get_args(AnyFinding)) == kinds == {type(finding) for finding, _ in EXAMPLES}


def test_codes_tell_them_apart():
    codes = [kind.__struct_config__.tag for kind in get_args(AnyFinding)]
    assert len(set(codes)) == len(codes)


def test_a_warning_is_of_the_class_of_its_kind():
    with pytest.warns(OverlapWarning, match="4 samples lie in both"), pytest.warns(DesignWarning, match="D1"):
        warn_of([KeptInBoth(n=4), DecisiveDonor(donor_name="D1", share=0.75)])
