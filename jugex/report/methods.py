"""The methods of one run as text for a paper: every sentence follows from the settings of that run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jugex._text import count_of, format_count, join_words, shorten
from jugex.analysis.covariates import USED
from jugex.report.annotation_words import name_coordinate, tell_annotation
from jugex.report.references import REFERENCES, Reference, to_bibtex
from jugex.report.region_words import describe_region, tell_between, tell_made_up
from jugex.report.words import covariates_used, name_adjustment, name_collinear, tell_several, tested_genes

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = [
    "Methods", "count_found", "describe_methods", "methods_text", "tell_atlas", "tell_filter", "tell_permutations",
    "tell_tool", "tell_values", "to_markdown",
]  # fmt: skip


@dataclass(frozen=True)
class Methods:
    """What was done in one run: sentences in order, and the references they cite."""

    sentences: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def paragraph(self) -> str:
        """The sentences as one paragraph of plain text."""
        return " ".join(self.sentences)


_PROBES = {
    "winsorized-mean": (
        "by the Winsorized mean (values beyond the 10th and 90th percentiles pulled in, percentiles as in MATLAB's "
        "prctile; this acts from 6 probes on)"
    ),
    "winsorized-mean-scipy": (
        "by the Winsorized mean (one tenth of the values at either end pulled in, as SciPy's winsorize does; this acts "
        "from 10 probes on)"
    ),
    "mean": "by their mean",
    "median": "by their median",
    "max-variance": (
        "by taking the probe with the largest variance of log2 levels over the samples of both regions "
        "(Negi and Guda 2017)"
    ),
    "stability": (
        "by taking the probe with the highest differential stability, the mean Spearman correlation between donors "
        "over brain structures (Hawrylycz et al. 2015; Arnatkeviciute et al. 2019)"
    ),
}
_STATISTICS = {
    "adjusted": "the sum of squares of region adjusted for {others}",
    "sequential": "the sequential (type I) sum of squares of region, which was entered before {others}",
    "welch": "the contrast of region adjusted for {others}, with a residual variance per region",
}
_EXCHANGES = {
    "within-donor": "region labels were permuted among the samples of each donor",
    "free": (
        "region labels were permuted freely over all samples while donors stayed with their samples "
        "(Draper and Stoneman 1966)"
    ),
    "freedman-lane": "residuals of the model without region were permuted (Freedman and Lane 1983)",
}


def methods_text(result: DifferentialExpression) -> str:
    """Methods of a run as Markdown, to paste into a paper: one paragraph and its references, as text and as BibTeX.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    str
        Markdown, ending in a line feed.
    """
    return to_markdown(describe_methods(result))


def to_markdown(methods: Methods) -> str:
    """Methods as Markdown: the paragraph, and its references as text and as BibTeX."""
    references = "\n".join(
        f"- {_escape(reference.text)}" + (f" https://doi.org/{reference.doi}" if reference.doi else "")
        for reference in methods.references
    )
    bibtex = "\n\n".join(to_bibtex(reference) for reference in methods.references)
    return (
        f"# Methods\n\n{_escape(methods.paragraph)}\n\n## References\n\n{references}\n\n"
        f"## References as BibTeX\n\n```bibtex\n{bibtex}\n```\n"
    )


def describe_methods(result: DifferentialExpression) -> Methods:
    """Say what was done in a run.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    result : Methods
        Sentences of plain text, and exactly the references that they cite.
    """
    settings, n_tested = result.settings, len(tested_genes(result))
    test = (
        *_tell_statistic(settings),
        *tell_permutations(settings, n_tested),
        *_tell_corrections(result),
    )
    own = (
        tell_tool(settings),
        *tell_atlas(settings),
        *tell_annotation(settings),
        tell_values(settings),
        *(test if n_tested else (f"No {result.unit} could be tested.",)),
    )
    of_others = (tell_several(settings),) if settings.get("several") else ()
    from_names = (*_tell_regions(settings), *tell_filter(settings), *_tell_overlap(settings), _tell_samples(settings))
    cited = " ".join(own)  # names of regions are the user's and cite nothing
    references = tuple(reference for reference in REFERENCES if reference.cited in cited)
    n_opening = 1 + len(tell_atlas(settings)) + len(tell_annotation(settings))
    return Methods(own[:n_opening] + from_names + own[n_opening:] + of_others, references)


def tell_tool(
    settings: dict[str, Any],
    between: str = "two brain regions",
    relation: str = "follows the JuGEx approach (Bludau et al. 2018)",
) -> str:
    """What was compared, with which software, and how that relates to the published method."""
    versions = settings["versions"]
    labels = {"python": "Python", "numpy": "NumPy", "scipy": "SciPy", "pandas": "pandas"}
    packages = ", ".join(f"{label} {versions[key]}" for key, label in labels.items() if key in versions)
    preset = settings["arguments"].get("preset")
    start = f", starting from its preset {preset}" if preset else ""
    return (
        f"Differential gene expression between {between} was analysed with jugex {versions['jugex']} ({packages}), "
        f"which {relation}{start}."
    )


def tell_atlas(settings: dict[str, Any]) -> tuple[str, ...]:
    """Where the expression came from, and how much of it there is."""
    atlas = settings["atlas"]
    size = f"{count_of(atlas['n_samples'], 'tissue sample')} of {count_of(len(atlas['donors']), 'donor')}"
    if atlas["simulated"]:
        return (f"The expression data were simulated ({size}) and are no measurements.",)
    if atlas.get("kind") == "tables":
        return (f"Expression came from data of the user's own ({shorten(atlas['name'])}), from {size}.",)
    return (
        f"Expression came from the Allen Human Brain Atlas (Hawrylycz et al. 2012): log2 microarray expression as "
        f"normalised by the Allen Institute, from {size}.",
    )


def _tell_regions(settings: dict[str, Any]) -> tuple[str, ...]:
    first, second = settings["regions"]
    has_structure = any(region["kind"] == "anatomical structure" for region in (first, second))
    annotated = ", and to an anatomical structure where it is annotated as a part of it" if has_structure else ""
    coordinate = name_coordinate(settings["atlas"])
    return (
        f"Region 1 was {describe_region(first)}; region 2 was {describe_region(second)}.",
        *tell_made_up(settings),
        f"A sample belonged to a region where its {coordinate} lies in it{annotated}{count_found(settings)}.",
        *tell_between(settings["regions"]),
    )


def count_found(settings: dict[str, Any]) -> str:
    """Samples of each region in brackets; where a filter or a tolerance follows, `tell_filter` tells what it left."""
    found = [f"{region['n_samples_found']:,}" for region in settings["regions"]]
    return "" if _is_filtered(settings) else f" ({join_words(found)} samples)"


def _is_filtered(settings: dict[str, Any]) -> bool:
    samples = settings.get("samples") or {}
    return any(samples.get(key) for key in ("tolerance_mm", "within", "exclude"))


def tell_filter(settings: dict[str, Any], others: str = "the other") -> tuple[str, ...]:
    """Which samples of the regions did not count, and which counted though they lie outside."""
    samples = settings.get("samples") or {}
    sentences = []
    if mm := samples.get("tolerance_mm"):
        sentences.append(
            f"A sample at most {mm:g} mm outside a region, and not inside {others}, was taken to belong to it "
            f"({join_words([f'{n:,}' for n in samples['n_tolerated']])} samples)."
        )
    asked = [
        f"{words} {join_words([shorten(structure['name']) for structure in samples[key]])}"
        for key, words in (("within", "to"), ("exclude", "not to"))
        if samples.get(key)
    ]
    if asked:
        sentences.append(
            f"Only samples annotated as belonging {' and '.join(asked)} (parts included) counted, which left "
            f"{join_words([f'{n:,}' for n in samples['n_dropped']])} samples of the regions out."
        )
    if _is_filtered(settings):
        found = [f"{region['n_samples_found']:,}" for region in settings["regions"]]
        sentences.append(f"The regions then held {join_words(found)} samples.")
    return tuple(sentences)


def _tell_overlap(settings: dict[str, Any]) -> tuple[str, ...]:
    shared = settings["overlap"]["shared"]
    if not shared:
        return ("No sample lay in both regions.",)
    decisions = [sample["decision"] for sample in shared]
    told = {
        "region 1": "given to region 1 (the more probable)",
        "region 2": "given to region 2 (the more probable)",
        "tie": "left out (neither region more probable)",
        "excluded": "left out",
        "kept in both": "counted in both",
    }
    counts = [
        f"{n} {'was' if n == 1 else 'were'} {words}"
        for decision, words in told.items()
        if (n := decisions.count(decision))
    ]
    return (f"{count_of(len(shared), 'sample')} lay in both regions: {join_words(counts)}.",)


def _tell_samples(settings: dict[str, Any]) -> str:
    design = settings["design"]
    n_informative = design["n_informative_donors"]
    n_dropped = (settings.get("missing") or {}).get("n_samples_dropped", 0)
    dropped = f"{count_of(n_dropped, 'sample')} with a missing value {'was' if n_dropped == 1 else 'were'} left out. "
    return (dropped if n_dropped else "") + (
        f"The analysis used {count_of(design['n_samples_1'], 'sample')} in region 1 and "
        f"{design['n_samples_2']:,} in region 2, from {count_of(design['n_donors'], 'donor')}, "
        f"{n_informative} of whom had samples in both regions."
    )


def tell_values(settings: dict[str, Any]) -> str:
    """How the probes of a gene became one value per sample."""
    how = settings["arguments"]["probes"]
    reduction = _PROBES.get(how, f"by the method {how!r}")
    zscores = _tell_zscores(settings["atlas"])
    if how == "single":
        return f"{zscores}, and each probe was tested by itself."
    return f"{zscores}, and the z-scores of the probes of a gene were reduced to one value per sample {reduction}."


def _tell_zscores(atlas: dict[str, Any]) -> str:
    """Who standardised the levels: a table or a service may bring z-scores, which are used as they are."""
    if atlas.get("zscores") != "as given":
        return "The levels of each probe were standardised within each donor, over all samples of that donor"
    if atlas.get("kind") == "allen-api":
        return (
            "The z-scores of each probe were taken as the Allen Institute's web service gives them, which standardises "
            "within each donor"
        )
    return "The z-scores of each probe were taken as given with the data, and not computed from its levels"


def _unit(settings: dict[str, Any]) -> str:
    """What was tested: genes, or every probe by itself."""
    return "probe" if settings["arguments"]["probes"] == "single" else "gene"


def _tell_statistic(settings: dict[str, Any]) -> tuple[str, ...]:
    statistic, used = settings["arguments"]["statistic"], covariates_used(settings)
    beside = f" and the covariate{'s' if len(used) > 1 else ''} {join_words(used)}" if used else ""
    taken = _STATISTICS.get(statistic, f"the statistic {statistic!r}").replace("{others}", name_adjustment(settings))
    model = (
        f"For each {_unit(settings)} an analysis of variance with the factors region and donor{beside} gave F of "
        f"region from {taken}"
    )
    left_out = _tell_left_out(settings)
    if statistic == "welch":
        freedom = (
            "Its parametric p-value takes Satterthwaite's residual degrees of freedom, which differ from "
            f"{_unit(settings)} to {_unit(settings)} (Satterthwaite 1946)."
        )
        return (f"{model}.", freedom, *left_out)
    return (f"{model} (1 and {settings['design']['df_resid']} degrees of freedom).", *left_out)


def _tell_left_out(settings: dict[str, Any]) -> tuple[str, ...]:
    """Covariates that were asked for and do not stand in the model, and why."""
    return tuple(
        f"The covariate {shorten(entry['name'])} was left out of the model: {entry['outcome']}."
        for entry in settings.get("covariates") or []
        if entry["outcome"] != USED and not entry["automatic"]
    )


def tell_permutations(settings: dict[str, Any], n_tested: int) -> tuple[str, ...]:
    """Where the p-values came from, and how they were corrected over the genes."""
    permutation, unit = settings["permutation"], _unit(settings)
    exchange, m = permutation["exchange"], permutation["n_permutations"]
    how = _EXCHANGES.get(exchange, f"labels were permuted by the scheme {exchange!r}")
    if permutation["exhaustive"]:
        times = "all distinct relabellings were enumerated, and p is the share of them with an F at least as large"
    else:
        seed = permutation["seed"]
        drawn = f"seed {seed}" if seed is not None else "random generator given by the user"
        times = (
            f"{format_count(m)} random relabellings were drawn ({drawn}), and p is the share of relabellings with an F "
            "at least as large, the observed one counted in (Phipson and Smyth 2010)"
        )
    sentences = [f"For p-values {how}; {times}.", f"Each relabelling served every {_unit(settings)}."]
    sentences += _tell_collinear(settings)
    sentences.append(
        f"The p-values were corrected for the family-wise error over the {count_of(n_tested, unit)} tested by the "
        f"distribution of the maximum of F over {unit}s (Westfall and Young 1993); a {unit} is called significant "
        f"where the corrected p is at most {settings['arguments']['alpha']:g}."
    )
    return tuple(sentences)


def _tell_collinear(settings: dict[str, Any]) -> list[str]:
    """What became of relabellings in which region has no F."""
    permutation = settings["permutation"]
    outcomes = {
        "n_collinear_redrawn": "left out" if permutation["exhaustive"] else "redrawn",
        "n_collinear_smallest": "counted among them as having no larger F",
    }
    return [
        f"{count_of(n, 'relabelling')} in which region was collinear with {name_collinear(settings)} "
        f"{'was' if n == 1 else 'were'} {outcome}."
        for key, outcome in outcomes.items()
        if (n := permutation.get(key, 0))
    ]


def _tell_corrections(result: DifferentialExpression) -> tuple[str, ...]:
    """Other quantities that this result holds."""
    table = result.table
    sentences = []
    if table["p_fwe_stepdown"].notna().any():
        sentences.append("Step-down corrected p-values are given beside it (Westfall and Young 1993).")
    if table["q_fdr"].notna().any():
        sentences.append(
            "False discovery rates were computed from the uncorrected permutation p-values "
            "(Benjamini and Hochberg 1995)."
        )
    if table["hedges_g"].notna().any():
        sentences.append(
            f"Effects are differences, region 1 minus region 2, adjusted for {name_adjustment(result.settings)}, with "
            "95 % confidence intervals from the t distribution (not corrected for the number of genes) and Hedges' g "
            "(Hedges 1981)."
        )
    if (result.leave_one_donor_out["status"] == "ok").any():
        sentences.append(f"Each significant {_unit(result.settings)} was tested again without each donor.")
    return tuple(sentences)


def _escape(text: str) -> str:
    """Text whose characters mean themselves in Markdown."""
    text = re.sub(r"([\\`*\[\]<>])", r"\\\1", text)
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
