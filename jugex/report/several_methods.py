"""The methods of a comparison of several regions as text for a paper: every sentence follows from its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jugex._text import count_of, join_words, shorten
from jugex.analysis.covariates import USED
from jugex.report.annotation_words import name_coordinate, tell_annotation
from jugex.report.methods import (
    Methods,
    count_found,
    tell_atlas,
    tell_filter,
    tell_permutations,
    tell_tool,
    tell_values,
)
from jugex.report.references import REFERENCES
from jugex.report.region_words import describe_region, tell_between, tell_made_up
from jugex.report.words import covariates_used, name_adjustment

if TYPE_CHECKING:
    from jugex.report.several_files import SeveralTables

__all__ = ["describe_several_methods"]


def describe_several_methods(tables: SeveralTables) -> Methods:
    """Say what was done in a comparison of several regions.

    Parameters
    ----------
    tables : SeveralTables

    Returns
    -------
    methods : Methods
        Sentences of plain text, and exactly the references that they cite.
    """
    settings = tables.settings
    n_tested = int((tables.omnibus["status"] == "ok").sum())
    tool = tell_tool(
        settings,
        f"{len(settings['regions'])} brain regions",
        "carries the JuGEx approach (Bludau et al. 2018) on to more than two regions",
    )
    opening = (tool, *tell_atlas(settings), *tell_annotation(settings))
    own = (
        tell_values(settings),
        *_tell_statistic(tables),
        *tell_permutations(settings, n_tested),
        *_tell_corrections(tables),
        _tell_pairs(tables),
    )
    from_names = (
        *_tell_regions(settings),
        *tell_filter(settings, "any other"),
        _tell_overlap(settings),
        _tell_samples(settings),
    )
    cited = " ".join(opening + own)  # names of regions are the user's and cite nothing
    references = tuple(reference for reference in REFERENCES if reference.cited in cited)
    return Methods(opening + from_names + own, references)


def _tell_regions(settings: dict[str, Any]) -> tuple[str, ...]:
    regions = settings["regions"]
    told = [f"region {number} was {describe_region(region)}" for number, region in enumerate(regions, start=1)]
    has_structure = any(region["kind"] == "anatomical structure" for region in regions)
    annotated = ", and to an anatomical structure where it is annotated as a part of it" if has_structure else ""
    coordinate = name_coordinate(settings["atlas"])
    listed = "; ".join(told)
    return (
        f"{listed[0].upper()}{listed[1:]}.",
        *tell_made_up(settings),
        f"A sample belonged to a region where its {coordinate} lies in it{annotated}{count_found(settings)}.",
        *tell_between(regions),
    )


def _tell_overlap(settings: dict[str, Any]) -> str:
    decisions = [sample["decision"] for sample in settings["overlap"]["shared"]]
    if not decisions:
        return "No sample lay in several regions."
    n_out = sum(decision in ("tie", "excluded") for decision in decisions)
    n_given = len(decisions) - n_out
    told = [f"{n_given} {_were(n_given)} given to the region where it is most probable"] if n_given else []
    told += [f"{n_out} {_were(n_out)} left out"] if n_out else []
    return f"{count_of(len(decisions), 'sample')} lay in several regions: {join_words(told)}."


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def _tell_samples(settings: dict[str, Any]) -> str:
    design = settings["design"]
    return (
        f"The test of all regions used {join_words([f'{n:,}' for n in design['n_samples']])} samples of regions 1 to "
        f"{len(design['n_samples'])}, from {count_of(design['n_donors'], 'donor')}."
    )


def _tell_statistic(tables: SeveralTables) -> tuple[str, ...]:
    settings, design, used = tables.settings, tables.settings["design"], covariates_used(tables.settings)
    beside = f" and the covariate{'s' if len(used) > 1 else ''} {join_words(used)}" if used else ""
    left_out = [
        f"The covariate {shorten(entry['name'])} was left out of the model: {entry['outcome']}."
        for entry in settings.get("covariates") or []
        if entry["outcome"] != USED and not entry["automatic"]
    ]
    model = (
        f"For each {tables.unit} an analysis of variance with the factors region and donor{beside} gave F of region "
        f"from the sum of squares of region adjusted for {name_adjustment(settings)} ({design['df_area']} and "
        f"{design['df_resid']} degrees of freedom)."
    )
    return (model, *left_out)


def _tell_corrections(tables: SeveralTables) -> tuple[str, ...]:
    table = tables.omnibus
    sentences = []
    if table["p_fwe_stepdown"].notna().any():
        sentences.append("Step-down corrected p-values are given beside it (Westfall and Young 1993).")
    if table["q_fdr"].notna().any():
        sentences.append(
            "False discovery rates were computed from the uncorrected permutation p-values "
            "(Benjamini and Hochberg 1995)."
        )
    return tuple(sentences)


def _tell_pairs(tables: SeveralTables) -> str:
    pairs = tables.settings["pairs"]
    n_tested = sum(pair["status"] == "ok" for pair in pairs)
    left_out = f"; {count_of(len(pairs) - n_tested, 'pair')} admitted no test" if n_tested < len(pairs) else ""
    if not n_tested:
        return "No pair of regions admitted a test of its own."
    return (
        f"Regions were then compared two by two ({count_of(n_tested, 'pair')}{left_out}), each pair by relabelling its "
        f"own samples among themselves; p-values corrected over the {tables.unit}s of a pair were carried on to all "
        f"{tables.unit}s of all pairs by a step-down procedure in the manner of Holm, whose multiplier is the number "
        "of pairs that are not yet rejected as a whole (Holm 1979)."
    )
