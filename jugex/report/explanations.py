"""What each kind of finding means for a reader of the page, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from jugex.model.findings import AnyFinding

__all__ = ["EXPLANATIONS", "Explanation", "code_of", "explain_findings"]


class Explanation(NamedTuple):
    """A kind of finding in a few words, what it means, and the section of the page that shows it."""

    title: str
    text: str
    section: str


#: By the code of a finding, as in settings.json.
EXPLANATIONS: dict[str, Explanation] = {
    "tied-samples": Explanation(
        "Samples left out of both regions",
        "A sample may count in one region only. Where probabilities are equal or unknown, there is no reason to "
        "choose, so the sample is left out. The test stays valid, with fewer samples.",
        "design",
    ),
    "kept-in-both": Explanation(
        "Samples counted twice",
        "A sample that counts in both regions makes them more alike, so that real differences are harder to find.",
        "design",
    ),
    "covariate-left-out": Explanation(
        "A covariate without effect",
        "What is the same in all samples of a donor, such as age, is adjusted for already: donor is in the model.",
        "methods",
    ),
    "covariates-take-contrast": Explanation(
        "Covariates that nearly tell the regions apart",
        "The model cannot tell a difference between the regions from one along the covariate. Leave the covariate out, "
        "or take the result as what is left beyond it.",
        "design",
    ),
    "samples-dropped": Explanation(
        "Missing values",
        "Samples in which a gene or a covariate has no value are left out for all genes, "
        "so that every gene is tested in the same samples.",
        "design",
    ),
    "unreachable-alpha": Explanation(
        "No gene can be significant",
        "A permutation p cannot be smaller than one over the number of relabellings. Here even the strongest "
        "difference stays above the limit: that no gene is significant says nothing about the regions.",
        "design",
    ),
    "fdr-out-of-reach": Explanation(
        "False discovery rates have a lower bound",
        "q is computed from uncorrected p, which permutations bound from below. A single gene, however strong, cannot "
        "have a small q; judge it by its corrected p.",
        "corrections",
    ),
    "not-linked": Explanation(
        "Regions without a common donor",
        "Regions are compared within donors. Where no donor links two groups of regions, nothing tells a difference "
        "between them from one between donors.",
        "design",
    ),
    "not-confirmable": Explanation(
        "Permuting across donors cannot be checked",
        "Permuting within donors is exact, but this design has too few relabellings for it. The p-values shown rest on "
        "the assumption that donors are alike.",
        "design",
    ),
    "few-donors": Explanation(
        "Few donors",
        "Samples of one donor say little about other donors. With so few of them, take a result as a description of "
        "these brains, and look for it in other data.",
        "design",
    ),
    "decisive-donor": Explanation(
        "One donor decides",
        "A donor's weight grows with its samples in both regions. Look at whether the result holds without this donor.",
        "design",
    ),
    "unequal-sizes": Explanation(
        "Regions of unequal size",
        "The test assumes that expression varies as much in one region as in the other. If it does not, and the "
        "regions differ in size, p-values are too small or too large. The statistic welch allows for it.",
        "design",
    ),
    "made-up-regions": Explanation(
        "Made-up regions",
        "The regions of the demonstration follow no border of any area.",
        "brain",
    ),
    "both-hemispheres": Explanation(
        "Two hemispheres, unequally sampled",
        "Most donors of the Allen atlas were sampled on the left only. A difference between sides can then look like "
        "one between donors or regions.",
        "brain",
    ),
    "mirrored-hemispheres": Explanation(
        "Mirrored samples",
        "Samples of both sides are taken as if of one; differences between the sides add noise.",
        "methods",
    ),
    "thin-tissue": Explanation(
        "Few neighbours outside the regions",
        "How far two nearby places differ is learned from the tissue around the regions. Where close samples are rare, "
        "the spatial p is less certain.",
        "tissue-title",
    ),
    "poor-variogram-fit": Explanation(
        "A curve that fits badly",
        "The upper rungs compare a difference with what the fitted curve says of two places this far apart. Where it "
        "is off, so are their p-values.",
        "tissue-title",
    ),
    "genes-without-probes": Explanation(
        "Genes left without a probe",
        "Filters of probes removed every probe of these genes, so nothing is known of them here.",
        "results",
    ),
    "few-samples-for-volume": Explanation(
        "Few samples for the size",
        "Most often the image is not in the space of the atlas. Look at where the region lies.",
        "brain",
    ),
    "many-genes-differ": Explanation(
        "Many genes differ a little",
        "Any two places of the brain differ in many genes. An uncorrected p below the limit is therefore no finding. "
        "What counts is the rung that a gene reaches.",
        "evidence",
    ),
    "one-exchange-only": Explanation(
        "Two ways of permuting disagree",
        "Labels can be permuted within each donor, or over all samples. A gene that is significant one way only is "
        "close to the limit, or differs between donors rather than regions.",
        "evidence-genes",
    ),
    "donors-disagree": Explanation(
        "Donors disagree",
        "In some donors the difference points the other way, so that a few donors may carry the result. The rung "
        "“donors” allows for this in part only: how much donors vary is estimated over all genes tested, and one donor "
        "can carry a gene, above all where few genes are tested. Look at the result without each donor.",
        "left-out",
    ),
    "probes-disagree": Explanation(
        "Probes disagree",
        "Probes of one gene should rise and fall together. Where they do not, some do not measure the gene; look at "
        "them one by one on its card.",
        "evidence-genes",
    ),
    "near-detection-limit": Explanation(
        "Near the detection limit",
        "Where a gene is hardly expressed, its values are mostly noise of the array, which may itself differ from "
        "place to place.",
        "results",
    ),
    "missing-around": Explanation(
        "No spatial test for some genes",
        "The spatial test needs the gene's values in the tissue around the regions.",
        "evidence-genes",
    ),
}  # fmt: skip


def explain_findings(findings: Iterable[AnyFinding]) -> dict[str, Explanation]:
    """Explanations of the kinds of findings that a run has, in their order.

    Parameters
    ----------
    findings : iterable of Finding

    Returns
    -------
    dict of str to Explanation
        By the code of the finding.
    """
    return {code: EXPLANATIONS[code] for code in (code_of(finding) for finding in findings)}


def code_of(finding: AnyFinding) -> str:
    """The code of a finding, as settings.json has it."""
    return str(finding.__struct_config__.tag)
