"""Sentences about a result and what it rests on, worded the same in the report, on the command line and in files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from jugex._text import count_of, format_count, format_number, format_p, join_words, shorten
from jugex.atlas import PLANTED_GENES, PLANTED_SETS
from jugex.genes import read_gene_sets
from jugex.model.findings import AnyFinding, GeneFinding
from jugex.model.record import RunRecord
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.pipeline.pairs import GroupComparison

__all__ = [
    "PairCount",
    "advise_on_voxels",
    "count_pairs",
    "count_relabellings",
    "format_value",
    "has_ladder",
    "list_findings_by_pair",
    "list_pair_counts",
    "name_adjustment",
    "name_collinear",
    "name_exchange",
    "name_pair",
    "name_regions",
    "summarize_diagnostic",
    "summarize_found",
    "summarize_genes",
    "summarize_membership",
    "summarize_pairs",
    "summarize_planted",
    "summarize_resolution",
    "summarize_rungs",
    "summarize_samples",
    "summarize_top",
]  # fmt: skip

#: Up to this many genes are named in a sentence; of more, only the first few.
_MAX_NAMED = 5
_N_EXAMPLES = 3
#: More than two regions are named one by one only up to this number, and this many letters in all.
_MOST_REGIONS_NAMED = 4
_MOST_LETTERS = 60
_MOST_PAIRS_NAMED = 3
_NAME = 40
#: Names of covariates take at most this many characters where there is little room; else they are counted.
_MAX_COVARIATES = 40
_AT_MOST = "\N{LESS-THAN OR EQUAL TO}"
_EXCHANGES = {
    "within-donor": "labels within each donor",
    "free": "labels over all samples",
    "freedman-lane": "residuals of the model without region (Freedman-Lane)",
}

PairCount = tuple[tuple[str, str], int]
#: Most atlases with voxels of at least this size (mm) also exist with finer ones.
_COARSE = 1.5


def advise_on_voxels(record: RunRecord) -> str:
    """Advice on how fewer samples would lie on the border of two voxels, as a sentence; empty if there is none.

    More than half of the coordinates of the AHBA are whole millimetres: half of its samples lie on a border of the 2 mm
    grid of MNI152, and one in eight on one of the 1 mm grid.
    """
    coarse = [
        max(identity.voxel_size_mm)
        for region in record.regions
        if region.n_between_voxels
        and (identity := region.identity).voxel_size_mm is not None
        and not identity.is_made_up
    ]
    if not coarse or max(coarse) < _COARSE or record.arguments.voxel != "nearest":
        return ""
    return (
        f" The image has voxels of {max(coarse):g} mm: with a 1 mm version, if there is one, far fewer samples would."
    )


def summarize_genes(data: ComparisonData) -> str:
    """Which genes differ between the regions, as one sentence."""
    tested, significant, where = data.tested, data.significant, name_regions(data.region_names)
    n_tested, alpha = len(tested), f"p_FWE {_AT_MOST} {data.record.arguments.alpha:g}"
    if n_tested == 0:
        return f"No {data.unit} could be tested between {where}."
    best, smallest = shorten(str(tested.index[0])), format_p(tested["p_fwe"].iloc[0])
    if significant.empty and n_tested == 1:
        return f"{best} does not differ significantly between {where} (p_FWE = {smallest})."
    if significant.empty:
        return (
            f"None of the {count_of(n_tested, data.unit)} tested differs significantly between {where} ({alpha}); "
            f"the smallest p_FWE is {smallest} ({best})."
        )
    is_pair = len(data.region_names) == 2
    if n_tested == 1:
        if is_pair:
            return f"{_summarize_direction(data, significant, than=True)}."
        return f"{best} differs between {where} (p_FWE = {smallest})."
    verb = "differs" if len(significant) == 1 else "differ"
    found = _summarize_directions(data, significant) if is_pair else _list_significant(significant)
    opening = f"{format_count(len(significant))} of {count_of(n_tested, data.unit)} {verb} between {where}"
    return f"{opening} ({alpha}): {found}."


def has_ladder(record: RunRecord) -> bool:
    """Whether an upper rung of the ladder was tried."""
    ladder = record.ladder
    return ladder is not None and not (ladder.why_no_donors and ladder.why_no_spatial)


def summarize_rungs(data: ComparisonData) -> list[str]:
    """Which rungs of the ladder genes of two regions reach, in sentences, and which rung could not be tested.

    Empty if the ladder was not asked for, or no gene was tested.
    """
    sentences = _list_rungs(data)
    rungs = [" ".join([*sentences, *_list_failed(data)])] if sentences else []
    return [*rungs, *_list_untried(data)]


def summarize_found(data: ComparisonData) -> list[str]:
    """What was found: genes on each rung or, without upper rungs, those that are significant; and what was not tested.

    The first sentence or sentences, then one about each rung that could not be tested.
    """
    rungs = _list_rungs(data)
    found = " ".join([*rungs, *_list_failed(data)]) if rungs else summarize_genes(data)
    return [found, *_list_untried(data)]


def summarize_top(data: ComparisonData) -> tuple[str, list[str]]:
    """Which genes reach the highest rung that could be tested, and what else is to be known beside the ladder.

    Returns
    -------
    tuple of str and list of str
        The first sentence of `summarize_rungs`, or of `summarize_genes` where there is no ladder; and sentences about
        genes that a lower rung does not call, and rungs that could not be tested.
    """
    sentences = _list_rungs(data)
    if not sentences:
        return summarize_genes(data), _list_untried(data)
    return sentences[0], [*_list_failed(data), *_list_untried(data)]


def _list_rungs(data: ComparisonData) -> list[str]:
    """A sentence for each rung that could be tested, the highest first; of a single gene, one sentence."""
    ladder, tested = data.record.ladder, data.tested
    if ladder is None or tested.empty or not has_ladder(data.record):
        return []
    where = name_regions(data.region_names)
    if len(tested) == 1:
        return [_summarize_rung_of_one(data, where)]
    climbed = {rung: tested[(tested["evidence"] == rung).to_numpy(dtype=bool)] for rung in _RUNGS}
    parts: list[str] = []
    n_before = 0
    for rung, (one, many) in _RUNGS.items():
        genes = climbed[rung]
        if (rung == "spatial" and ladder.why_no_spatial) or (rung == "donors" and ladder.why_no_donors):
            continue
        if rung == "donors" and ladder.why_no_spatial is None:
            one, many = one + _AS_PLACES, many + _AS_PLACES
        n = format_count(len(genes)) if len(genes) else "none"
        verb = (one if len(genes) < 2 else many).format(where=where)
        found = f" ({_list_by_region(genes)})" if len(genes) else ""
        if not parts:
            parts.append(f"Of {count_of(len(tested), data.unit)}, {n} {verb}{found}.")
        elif len(genes):
            parts.append(f"{n.capitalize()}{' more' if n_before else ''} {verb.format(where=where)}{found}.")
        n_before += len(genes)
    return parts


def _list_failed(data: ComparisonData) -> list[str]:
    """Which genes on an upper rung are not significant over samples."""
    upper = data.tested[data.tested["evidence"].isin(["spatial", "donors"]).to_numpy(dtype=bool)]
    failed = upper[~upper["significant"].to_numpy(dtype=bool)]
    if failed.empty:
        return []
    labels = [shorten(str(label)) for label in failed.index]
    listed = join_words(labels)
    if len(labels) > _MAX_NAMED:
        listed = f"{count_of(len(labels), data.unit)}, first {join_words(labels[:_N_EXAMPLES])},"
    does = "reaches its rung" if len(failed) == 1 else "reach their rung"
    return [f"{listed} {does} without being significant over samples (p_FWE > {data.record.arguments.alpha:g})."]


#: What is said of genes on each rung, of one and of several.
_RUNGS = {
    "spatial": (
        "differs between {where} beyond what distance explains",
        "differ between {where} beyond what distance explains",
    ),
    "donors": ("would differ in other donors", "would differ in other donors"),
    "samples": ("is shown to differ in these samples only", "are shown to differ in these samples only"),
}
_AS_PLACES = ", as places this far apart do"


def _summarize_rung_of_one(data: ComparisonData, where: str) -> str:
    """Which rung the only gene tested reaches."""
    row, label = data.tested.iloc[0], shorten(str(data.tested.index[0]))
    rung = str(row["evidence"])
    if rung == "none":
        p = format_p(float(row["p_fwe"]))
        return f"{label} does not differ between {where} on any rung of the ladder (p_FWE = {p})."
    said = _RUNGS[rung][0].format(where=where)
    if rung == "donors" and data.record.ladder is not None and data.record.ladder.why_no_spatial is None:
        said += _AS_PLACES
    return f"{label} {said} (higher in {shorten(str(row['higher_in']))})."


def _list_by_region(genes: pd.DataFrame) -> str:
    """Genes by the region in which they are higher; of many genes, the first few."""
    named = genes.head(_N_EXAMPLES) if len(genes) > _MAX_NAMED else genes
    sides = [
        f"{join_words([shorten(str(label)) for label in of_region.index])}: higher in {shorten(str(region))}"
        for region, of_region in named.groupby("higher_in", sort=False)
    ]
    return ("first " if len(genes) > _MAX_NAMED else "") + "; ".join(sides)


def _list_untried(data: ComparisonData) -> list[str]:
    """Which upper rung could not be tested, and why; and what a test over donors misses that had to do without much."""
    ladder = data.record.ladder
    if ladder is None or data.tested.empty:
        return []
    if ladder.why_no_donors and ladder.why_no_donors == ladder.why_no_spatial:
        return [f"There is neither a test over donors nor a spatial test: {ladder.why_no_donors}."]
    why = {"test over donors": ladder.why_no_donors, "spatial test": ladder.why_no_spatial}
    said = [f"There is no {test}: {reason}." for test, reason in why.items() if reason]
    if ladder.form == "without-reference":
        said.append(
            "The test over donors takes samples as replicates then: where donors share how expression varies over "
            "distance, p is at most 0.05 for 0.07 to 0.28 of the genes that do not differ."
        )
    elif ladder.form == "few-genes":
        said.append(
            f"The tests over donors and beyond distance share nothing over genes, since the tissue around was measured "
            f"in only {count_of(ladder.n_pool, 'gene')}: each gene's variance is its own, on 40 degrees of freedom."
        )
    return said


def summarize_diagnostic(record: RunRecord) -> str:
    """Share of genes that each rung calls different at arbitrary pairs of places; empty if not known."""
    diagnostic = None if record.ladder is None else record.ladder.diagnostic
    if diagnostic is None:
        return ""
    shares = [f"{100 * share:.1f} %" for share in (diagnostic.samples, diagnostic.donors, diagnostic.spatial)]
    return (
        f"At {diagnostic.n_places:,} arbitrary pairs of places of this tissue, as large and as far apart, p is at "
        f"most {diagnostic.alpha:g} for {shares[0]} of the genes over samples, {shares[1]} over donors and {shares[2]} "
        "spatial."
    )


def summarize_planted(data: ComparisonData) -> str:
    """Which genes or sets of the demo were made to differ, and how; empty for other regions, atlases and sets."""
    record = data.record
    is_demo = record.atlas.source.kind == "simulated" and all(one.identity.is_made_up for one in record.regions)
    if not is_demo or len(record.regions) != 2:
        return ""
    tested, sets = set(data.tested["gene"]), join_words(list(PLANTED_SETS))
    if data.unit == "gene set":
        is_told = tested >= set(PLANTED_SETS)
        return f"Made to differ: {sets}, whose genes each have a small step at the border (spatial)." if is_told else ""
    planted = [planted for planted in PLANTED_GENES if planted.gene in tested]
    n_small = sum(gene in tested for name in PLANTED_SETS for gene in read_gene_sets("simulated").genes[name])
    parts = []
    for form, rung in dict.fromkeys((one.form, one.rung) for one in planted):
        alike = [one for one in planted if one.form == form]
        how = _PLANTED[form].format(donor=alike[0].donor)
        parts.append(f"{join_words([one.gene for one in alike])} {how} ({rung})")
    if n_small:
        parts.append(f"{count_of(n_small, 'gene')} of the sets {sets} by a small step each")
    if not parts:
        return "None of these genes was made to differ between the regions."
    return (
        f"Made to differ (and the rung meant): {'; '.join(parts)}. Other genes differ by chance and smooth variation."
    )


#: How genes were made to differ.
_PLANTED = {
    "step": "by a step at the border",
    "gradient": "by a gradient that all donors share",
    "one donor": "in {donor} alone",
}


def _summarize_directions(data: ComparisonData, significant: pd.DataFrame) -> str:
    """Which genes are higher in each of two regions; the region with more genes first."""
    sides = [significant[significant["diff"] > 0], significant[~(significant["diff"] > 0)]]
    sides.sort(key=lambda side: -len(side))
    return "; ".join(_summarize_direction(data, side) for side in sides if len(side))


def _summarize_direction(data: ComparisonData, genes: pd.DataFrame, *, than: bool = False) -> str:
    """Genes that are all higher in the same region: which region, and their p-values."""
    first, second = (shorten(name) for name in data.region_names)
    here, there = (first, second) if genes["diff"].iloc[0] > 0 else (second, first)
    where = f"higher in {here} than in {there}" if than else f"higher in {here}"
    symbols, p_values = _name_genes(genes)
    if len(genes) > _MAX_NAMED:
        return f"{format_count(len(genes))} are {where}, first {symbols} ({p_values})"
    return f"{symbols} {'is' if len(genes) == 1 else 'are'} {where} ({p_values})"


def _list_significant(genes: pd.DataFrame) -> str:
    """Significant genes of more than two regions with their p-values; of many genes, the first few."""
    symbols, p_values = _name_genes(genes)
    return f"{'first ' if len(genes) > _MAX_NAMED else ''}{symbols} ({p_values})"


def _name_genes(genes: pd.DataFrame) -> tuple[str, str]:
    """Symbols of genes and their p-values; of many genes, the first few."""
    named = genes.head(_N_EXAMPLES) if len(genes) > _MAX_NAMED else genes
    shown = [format_p(p) for p in named["p_fwe"]]
    p_values = f"{shown[0]} each" if len(shown) > 1 == len(set(shown)) else join_words(shown)
    return join_words([shorten(label) for label in label_rows(named)]), f"p_FWE = {p_values}"


def summarize_samples(record: RunRecord) -> str:
    """How many samples and donors a comparison rests on, as one sentence."""
    design, names = record.design, [shorten(name) for name in record.region_names]
    n_informative, donors = design.n_informative_donors, count_of(design.n_donors, "donor")
    if len(names) == 2:
        n_1, n_2 = design.n_samples
        return (
            f"The comparison rests on {count_of(n_1, 'sample')} in {names[0]} and {n_2:,} in {names[1]}, from "
            f"{donors}, of whom {n_informative} {'has' if n_informative == 1 else 'have'} samples in both regions."
        )
    linking = f"{n_informative} of whom {'has' if n_informative == 1 else 'have'}"
    if n_informative == design.n_donors:
        linking = "all of whom have"
    return (
        f"The comparison rests on {count_of(sum(design.n_samples), 'sample')} in {len(names)} regions, from {donors}, "
        f"{linking} samples in at least two regions."
    )


def summarize_resolution(record: RunRecord) -> str:
    """How fine the permutation p-values are, and whether they can reach alpha."""
    permutation, alpha = record.permutation, record.arguments.alpha
    if permutation.exhaustive:
        has_f = f" in which region is not collinear with {name_collinear(record)}"
        fineness = (
            f"All {format_count(count_relabellings(record))} distinct relabellings"
            f"{has_f if permutation.n_collinear_redrawn else ''} were tried, so the p-values have no random error."
        )
    else:
        m = permutation.n_permutations
        fineness = (
            f"The p-values come from {format_count(m)} random relabellings, and are therefore multiples of "
            f"1/{m + 1:,} ({format_p(1 / (m + 1))})."
        )
    if permutation.smallest_p <= alpha:
        return fineness
    return (
        f"{fineness} No {record.unit} could reach p_FWE {_AT_MOST} {alpha:g} in this run: no p below "
        f"{format_p(permutation.smallest_p)} is possible."
    )


def count_relabellings(record: RunRecord) -> int:
    """Number of distinct relabellings: those enumerated in this run, or those of its design if some were drawn."""
    permutation = record.permutation
    if permutation.exhaustive or permutation.exchange not in record.design.relabellings:
        return permutation.n_permutations
    return record.design.relabellings[permutation.exchange]


def summarize_membership(record: RunRecord) -> str:
    """How many genes of a pair are significant over all pairs; empty for a comparison of two regions alone."""
    group, unit = record.group, record.unit
    if group is None:
        return ""
    n, names = len(group.significant), [shorten(label) for label in group.significant[:_MAX_NAMED]]
    found = f"{count_of(n, unit)} of this pair {'is' if n == 1 else 'are'}" if n else f"no {unit} of this pair is"
    named = f": {join_words(names)}" if 0 < n <= _MAX_NAMED else ""
    return (
        f"This is one of {count_of(group.n_pairs, 'pair')} among {len(group.regions)} regions that were compared "
        f"together, and its p-values are corrected over the {unit}s of this pair alone. Corrected over all {unit}s of "
        f"all pairs, {found} significant (p_Holm {_AT_MOST} {record.arguments.alpha:g}){named}."
    )


def summarize_pairs(comparison: GroupComparison) -> str:
    """In which pairs of regions genes differ, as one sentence; a colon at its end means `list_pair_counts` follows."""
    counts, record = comparison.count_significant(), comparison.data.record
    if not counts:
        return "No pair of regions can be tested."
    unit, limit = record.unit, f"p_Holm {_AT_MOST} {record.arguments.alpha:g}"
    found = [(pair, n) for pair, n in count_pairs(comparison) if n]
    pairs = "the only pair that can be tested"
    if len(counts) == 1 and found:
        return f"{name_pair(found[0][0])}, {pairs}, differ in {count_of(found[0][1], unit)} ({limit})."
    if len(counts) > 1:
        pairs = f"the {count_of(len(counts), 'pair')} of regions"
    if not found:
        return f"No {unit} differs significantly in {'any of ' if len(counts) > 1 else ''}{pairs} ({limit})."
    if len(counts) > 1 == len(set(counts.values())):
        return f"Each of {pairs} differs in {count_of(found[0][1], unit)} ({limit})."
    differ = "differs" if len(found) == 1 else "differ"
    if len(counts) <= _MOST_PAIRS_NAMED:
        n_differ = "all" if len(found) == len(counts) else len(found)
        return f"Of {pairs}, {n_differ} {differ} in at least one {unit} ({limit}):"
    some = f"{len(found)} {differ}" if len(found) < len(counts) else "all differ"
    most = "most of all " if len(found) > 1 else ""
    return (
        f"Of {pairs}, {some} in at least one {unit} ({limit}), {most}{name_pair(found[0][0])} "
        f"({count_of(found[0][1], unit)})."
    )


def count_pairs(comparison: GroupComparison) -> list[PairCount]:
    """Number of genes significant over all pairs in each pair that can be tested, in descending order."""
    return sorted(comparison.count_significant().items(), key=lambda entry: -entry[1])


def list_pair_counts(comparison: GroupComparison) -> list[str]:
    """Each pair with its number of significant genes, if `summarize_pairs` ends in a colon; else nothing."""
    if not summarize_pairs(comparison).endswith(":"):
        return []
    unit = comparison.data.unit
    return [f"{name_pair(pair)}: {count_of(n, unit) if n else f'no {unit}'}" for pair, n in count_pairs(comparison)]


def name_pair(pair: tuple[str, str]) -> str:
    """Two regions by their names."""
    return " and ".join(shorten(name, _NAME) for name in pair)


def list_findings_by_pair(comparison: GroupComparison) -> tuple[list[str], list[list[str]]]:
    """Findings about the pairs, in sentences: those that all tested pairs share, and the others of each pair.

    A finding about significant genes refers to significance within its pair, and says so. It is left out if no gene of
    the pair is significant over all pairs; the pair's own report has it.
    """
    counts, record = comparison.count_significant(), comparison.data.record
    kept = [
        [
            finding
            for finding in pair.findings
            if not _is_of_significant(finding) or counts.get((pair.region_1, pair.region_2))
        ]
        for pair in record.pairs
    ]
    tested = [findings for pair, findings in zip(record.pairs, kept, strict=True) if pair.status == "ok"]
    shared = [found for found in tested[0] if all(found in others for others in tested)] if len(tested) > 1 else []
    own = [[_format_finding(found) for found in findings if found not in shared] for findings in kept]
    return [_format_finding(found) for found in shared], own


def _is_of_significant(finding: AnyFinding) -> bool:
    return isinstance(finding, GeneFinding) and finding.of_significant


def _format_finding(finding: AnyFinding) -> str:
    return f"in this pair alone, {finding.sentence}" if _is_of_significant(finding) else finding.sentence


def name_regions(names: Sequence[str]) -> str:
    """The regions in a sentence: by name if they are few, else by their number."""
    if len(names) == 2:
        return join_words([shorten(name) for name in names])
    named = join_words([shorten(name, _NAME) for name in names])
    if len(names) > _MOST_REGIONS_NAMED or len(named) > _MOST_LETTERS or any("," in name for name in names):
        return f"the {len(names)} regions"
    return f"the {len(names)} regions {named}"


def name_adjustment(record: RunRecord, *, brief: bool = False) -> str:
    """What differences are adjusted for, such as "donor and hemisphere"; if `brief`, many covariates are counted."""
    used = [shorten(name) for name in record.covariates_used]
    if brief and len(join_words(used or [""])) > _MAX_COVARIATES:
        used = [count_of(len(used), "covariate")]
    return join_words(["donor", *used])


def name_collinear(record: RunRecord) -> str:
    """What region is collinear with in relabellings without an F."""
    return "donor and covariates" if record.covariates_used else "donor"


def name_exchange(exchange: str) -> str:
    """What is permuted, in words."""
    return _EXCHANGES[exchange]


def format_value(value: Any, decimals: int = 2) -> str:
    """A number of the page, with a true minus sign, and none before a zero; empty if missing."""
    if pd.isna(value):
        return ""
    return format_number(round(float(value), decimals) + 0.0, decimals).replace("-", "\N{MINUS SIGN}")
