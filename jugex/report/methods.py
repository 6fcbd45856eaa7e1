"""The methods of one run as text for a paper, composed from the record of that run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from jugex._text import count_of, format_count, join_words, shorten
from jugex.model.record import RunRecord
from jugex.pipeline.comparison import ComparisonData
from jugex.regions import RegionIdentity
from jugex.report.references import REFERENCES, Reference, to_bibtex
from jugex.report.summary import (
    has_ladder,
    name_adjustment,
    name_collinear,
    summarize_diagnostic,
    summarize_membership,
)
from jugex.spaces import is_mni_space

__all__ = ["HOW_PROBES", "MOST_WORDS", "Methods", "compose_methods", "format_methods"]

#: Most words of the paragraph for a paper.
MOST_WORDS = 150

#: Up to this many parts of a region are described one by one; more are counted.
_MAX_PARTS = 6
_MAX_FILES = 6
#: Most letters of a name in the short paragraph, fewer and fewer, and of the names of more than two regions together.
_NAME_LENGTHS = (40, 24, 12)
_MOST_LETTERS = 120
_MAX_COVARIATES = 3

#: How the probes of a gene became one value.
HOW_PROBES = {
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
        "by taking the probe with the largest variance of log2 levels over the samples of the regions "
        "(Negi and Guda 2017)"
    ),
    "max-mean": "by taking the probe with the highest mean level over the samples of the regions (Miller et al. 2011)",
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
_BRIEF_PROBES = {
    "winsorized-mean": "their Winsorized mean",
    "winsorized-mean-scipy": "their Winsorized mean",
    "mean": "their mean",
    "median": "their median",
    "max-variance": "the probe of largest variance",
    "max-mean": "the probe of highest mean level",
    "stability": "the probe of highest differential stability",
}
_EXCHANGEABLE = {
    "within-donor": "within donors",
    "free": "over all donors, and approximately at best",
    "freedman-lane": "over all donors as residuals, and approximately at best",
}
_BRIEF_EXCHANGES = {
    "within-donor": "of region labels within donors",
    "free": "of region labels over all samples",
    "freedman-lane": "of the residuals of the model without region (Freedman and Lane 1983)",
}


@dataclass(frozen=True)
class Methods:
    """The methods of one run.

    Attributes
    ----------
    brief : str
        The paragraph for a paper, of at most `MOST_WORDS` words.
    sentences : tuple of str
        The full description, for the supplement.
    references : tuple of Reference
        Exactly the references that the text cites.
    """

    brief: str
    sentences: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def paragraph(self) -> str:
        """The full description as one paragraph of plain text."""
        return " ".join(self.sentences)


def format_methods(methods: Methods) -> str:
    """Methods as Markdown: the paragraph for a paper, the supplement, and the references as text and as BibTeX."""
    references = "\n".join(
        f"- {_escape(reference.text)}" + (f" https://doi.org/{reference.doi}" if reference.doi else "")
        for reference in methods.references
    )
    bibtex = "\n\n".join(to_bibtex(reference) for reference in methods.references)
    return (
        f"# Methods\n\n{_escape(methods.brief)}\n\n## Supplement\n\n{_escape(methods.paragraph)}\n\n"
        f"## References\n\n{references}\n\n## References as BibTeX\n\n```bibtex\n{bibtex}\n```\n"
    )


def _escape(text: str) -> str:
    """Escape the characters of a text that mean something in Markdown."""
    text = re.sub(r"([\\`*\[\]<>])", r"\\\1", text)
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)


def compose_methods(data: ComparisonData) -> Methods:
    """Describe the methods of a comparison of two or more regions.

    Parameters
    ----------
    data : ComparisonData
        For more than two regions, `data.record.pairs` says which pairs were compared.

    Returns
    -------
    result : Methods
        Sentences of plain text, and the references that they cite.
    """
    record = data.record
    opening = (_name_tool(record), _name_atlas(record), *_list_annotation(record))
    samples = (*_list_regions(record), *_list_filters(record), _format_overlap(record), _format_samples(record))
    test: tuple[str, ...] = (_format_values(record), f"No {record.unit} could be tested.")
    if record.genes.n_tested:
        test = (*_list_model(record), *_list_permutations(record), *_list_corrections(data), *_list_ladder(record))
        test = (*test, *_list_pairs(record))
        test = (_format_values(record), *_list_sets(record), *test)
    of_others = (summarize_membership(record),) if record.group is not None else ()
    cited = " ".join(opening + test)  # names of regions are the user's and cite nothing
    references = tuple(reference for reference in REFERENCES if reference.cited in cited)
    return Methods(_format_brief(data), opening + samples + test + of_others, references)


def _name_each(n: int, unit: str) -> str:
    return f"the {unit} tested" if n == 1 else f"each of {count_of(n, unit)}"


def _format_brief(data: ComparisonData) -> str:
    """The run in a short paragraph for a paper, with names cut shorter where it would be too long."""
    texts = (_write_brief(data, n_letters) for n_letters in _NAME_LENGTHS)
    return next((text for text in texts if len(text.split()) <= MOST_WORDS), _write_brief(data, _NAME_LENGTHS[-1]))


def _write_brief(data: ComparisonData, n_letters: int) -> str:
    record, unit = data.record, data.unit
    atlas, design, permutation = record.atlas, record.design, record.permutation
    source = "in the Allen Human Brain Atlas (Hawrylycz et al. 2012)"
    if atlas.simulated:
        source = "in simulated data"
    elif atlas.source.kind == "tables":
        source = f"in {shorten(atlas.name, n_letters)}"
    names, k = [shorten(name, n_letters) for name in record.region_names], len(record.regions)
    named = "; ".join(names)
    regions = join_words(names) if k == 2 else f"{k} regions" + (f" ({named})" if len(named) <= _MOST_LETTERS else "")
    where = "both" if k == 2 else "several"
    sentences = [
        f"Gene expression was compared between {regions} {source} with jugex {record.versions['jugex']}, which "
        f"{_name_relation(record)}.",
        f"The regions held {join_words([f'{n:,}' for n in design.n_samples])} samples of "
        f"{count_of(design.n_donors, 'donor')}, {design.n_informative_donors} with samples in {where}.",
    ]
    if not record.genes.n_tested:
        return " ".join([*sentences, f"No {unit} could be tested."])
    reduced = f", reduced to {_BRIEF_PROBES[record.arguments.probes]}" if unit == "gene" else ""
    used = [shorten(name, n_letters) for name in record.covariates_used]
    others = join_words(["donor", *(used if len(used) <= _MAX_COVARIATES else [count_of(len(used), "covariate")])])
    order = "before" if record.arguments.statistic == "sequential" else "adjusted for"
    variance = ", with a variance per region" if record.arguments.statistic == "welch" else ""
    drawn = f"{format_count(permutation.n_permutations)} random permutations"
    if permutation.exhaustive:
        drawn = f"all {format_count(permutation.n_permutations)} permutations"
    n_found = len(data.significant)
    measured = f"the z-scores of its {'probes' if unit == 'gene' else 'samples'}{reduced}"
    if record.gene_sets is not None:
        measured = _SETS[record.gene_sets.kind]
    sentences += [
        f"For {_name_each(record.genes.n_tested, unit)}, an analysis of variance of {measured}, gave F of "
        f"region, {order} {others}{variance}.",
        f"Its p-value comes from {drawn} {_BRIEF_EXCHANGES[permutation.exchange]}, corrected over {unit}s by the "
        "largest F (Westfall and Young 1993).",
        f"At a corrected p of {record.arguments.alpha:g}, {count_of(n_found, unit)} "
        f"{'was' if n_found == 1 else 'were'} significant.",
    ]
    if has_ladder(record):
        sentences.append(_format_brief_ladder(data))
    if n_pairs := sum(pair.status == "ok" for pair in record.pairs):
        sentences.append(
            f"{count_of(n_pairs, 'pair')} of regions {'was' if n_pairs == 1 else 'were'} then compared in the same "
            "way, corrected over all pairs as in Holm (1979)."
        )
    return " ".join(sentences)


def _format_brief_ladder(data: ComparisonData) -> str:
    """The tests over donors and against distance in one sentence, and how many genes hold in each."""
    ladder, tested, alpha = data.record.ladder, data.tested, data.record.arguments.alpha
    asked = (("over donors", "p_donors_fwe"), ("beyond what distance explains", "p_spatial_fwe"))
    tried = [(how, int((tested[column] <= alpha).sum())) for how, column in asked if tested[column].notna().any()]
    if ladder is None or not tried:
        return "Tests over donors and against distance were not possible."
    of_each = [f"{how} ({count_of(n, data.unit)} held)" for how, n in tried]
    moderated = "" if ladder.form == "few-genes" else "variances moderated over genes (Smyth 2004) and "
    return f"Differences were also tested {join_words(of_each)}, with {moderated}Holm's correction (1979)."


def _list_ladder(record: RunRecord) -> list[str]:
    """How differences were tested over donors and against distance, and why they were not where they were not."""
    ladder = record.ladder
    if ladder is None:
        return []
    if not has_ladder(record):
        return [f"Other donors and distance were not taken into account: {ladder.why_no_donors}."]
    sentences = []
    if ladder.form == "without-reference":
        sentences.append(
            "Whether other donors would show a difference was tested from the donors' differences, weighted by their "
            "precision, with samples taken as replicates within a donor and region, and with the variance over donors "
            "moderated over genes (Smyth 2004)."
        )
    else:
        sides, tissue = join_words(list(ladder.sides)), ladder.tissue or "the tissue chosen as reference"
        variance = "moderated over genes (Smyth 2004)"
        if ladder.form == "few-genes":
            variance = "taken from the gene alone, on 40 degrees of freedom, since so few genes share nothing"
        sentences += [
            f"How expression varies over distance was taken from {count_of(ladder.n_reference, 'sample')} of {tissue} "
            f"({sides}; {ladder.n_elsewhere:,} outside both regions) and {count_of(ladder.n_pool, 'gene')}, as "
            "variograms of samples of one donor and of two (Matheron 1963), to which a nugget, fields of each donor's "
            "own and fields that donors share, with exponential covariances, were fitted.",
            "Whether other donors would show a difference was tested by the mean of the donors' differences, weighted "
            f"by their precision, with its variance {variance}.",
        ]
    if ladder.why_no_spatial is None:
        sentences.append(
            "Whether a difference exceeds that of two places as far apart in this tissue was tested in the same way, "
            "with the variance that fields shared by donors add."
        )
    elif ladder.why_no_donors is None:
        sentences.append(f"Differences were not tested against distance: {ladder.why_no_spatial}.")
    sentences.append("These p-values were corrected over the genes tested by Holm's method (Holm 1979).")
    if diagnostic := summarize_diagnostic(record):
        sentences.append(diagnostic)
    return sentences


def _name_tool(record: RunRecord) -> str:
    """What was compared, with which software, and how it relates to the published method."""
    labels = {"python": "Python", "numpy": "NumPy", "scipy": "SciPy", "pandas": "pandas"}
    packages = ", ".join(f"{label} {record.versions[key]}" for key, label in labels.items() if key in record.versions)
    k = len(record.regions)
    preset = f", starting from its preset {record.arguments.preset}" if record.arguments.preset else ""
    return (
        f"Differential gene expression between {'two' if k == 2 else k} brain regions was analysed with jugex "
        f"{record.versions['jugex']} ({packages}), which {_name_relation(record)}{preset}."
    )


def _name_relation(record: RunRecord) -> str:
    if len(record.regions) == 2:
        return "follows the JuGEx approach (Bludau et al. 2018)"
    return "extends the JuGEx approach (Bludau et al. 2018) to more than two regions"


def _name_atlas(record: RunRecord) -> str:
    """Where the expression came from, and how much of it there is."""
    atlas = record.atlas
    size = f"{count_of(atlas.n_samples, 'tissue sample')} of {count_of(len(atlas.donors), 'donor')}"
    if atlas.simulated:
        return f"The expression data were simulated ({size}); they are not measurements."
    if atlas.source.kind == "tables":
        return f"Expression came from data of the user's own ({shorten(atlas.name)}), from {size}."
    return (
        "Expression came from the Allen Human Brain Atlas (Hawrylycz et al. 2012): log2 microarray expression as "
        f"normalised by the Allen Institute, from {size}."
    )


def _list_annotation(record: RunRecord) -> list[str]:
    """What replaced the atlas's own annotation, and how probes were filtered; empty if neither was done."""
    changes, chosen, sentences = record.atlas.changes, record.probe_filter, []
    if (coordinates := changes.coordinates) is not None:
        files = [_name_file(file.file) for file in coordinates.files if file.file]
        source = f" ({', '.join(files[:_MAX_FILES])})" if files else ""
        dropped = f"; {count_of(coordinates.n_dropped, 'sample')} without an entry there were left out"
        sentences.append(
            f"MNI coordinates of the samples came from another table{source}{dropped if coordinates.n_dropped else ''}."
        )
    if (mirror := changes.mirror) is not None:
        sentences.append(f"{count_of(mirror.n_reflected, 'sample')} were reflected to the {mirror.side} hemisphere.")
    if (reannotation := changes.reannotation) is not None:
        table = "a table" if reannotation.file.file is None else f"the table {_name_file(reannotation.file.file)}"
        sentences.append(
            f"Probes were assigned to genes by {table} ({count_of(reannotation.n_probes, 'probe')}); "
            f"{reannotation.n_dropped:,} to which it gives no gene were left out."
        )
    if chosen is not None and chosen.require_entrez:
        sentences.append(
            f"Of {count_of(chosen.n_probes, 'probe')}, {chosen.n_without_entrez:,} without an Entrez id were left out."
        )
    if chosen is not None and chosen.min_present is not None:
        n_looked_at = chosen.n_probes - chosen.n_without_entrez
        n_left_out = chosen.n_probes_left_out - chosen.n_without_entrez
        of_regions = f"the samples of {'both' if len(record.regions) == 2 else 'all'} regions"
        where = "all samples of the atlas" if chosen.present_in == "all" else of_regions
        sentences.append(
            f"Of {count_of(n_looked_at, 'probe')}, {n_left_out:,} were left out because they were "
            f"above background in less than {100 * chosen.min_present:g} % of {where} (filter as in Arnatkeviciute et "
            "al. 2019)."
        )
    return sentences


def _name_file(file: str) -> str:
    return shorten(PurePath(file).name)


def _list_regions(record: RunRecord) -> list[str]:
    """What the regions were, and which samples lay in them."""
    regions = record.regions
    shown = [f"region {number} was {_format_region(region.identity)}" for number, region in enumerate(regions, 1)]
    has_structure = any(region.identity.kind == "anatomical structure" for region in regions)
    annotated = ", and to an anatomical structure if it is annotated with it or a part of it" if has_structure else ""
    found = "" if _is_filtered(record) else f" ({_join_counts([r.n_samples_found for r in regions])} samples)"
    listed = "; ".join(shown)
    sentences = [f"{listed[0].upper()}{listed[1:]}."]
    made_up = [shorten(region.name) for region in regions if region.identity.is_made_up]
    if made_up and not record.atlas.simulated:
        which = "region {} was" if len(made_up) == 1 else "regions {} were"
        sentences.append(
            f"The {which.format(join_words(made_up))} made up for demonstration, and not an area of any brain."
        )
    sentences.append(f"A sample belonged to a region if its {_name_coordinate(record)} lay in it{annotated}{found}.")
    between = [region.n_between_voxels for region in regions]
    is_below = record.arguments.voxel == "floor"
    if is_below:
        sentences.append("The voxel of a sample was that of its coordinate rounded down, not the nearest one.")
    if sum(between):
        sentences.append(
            f"Of the samples found, {_join_counts(between)} lay exactly "
            + (
                "on the border of two voxels and were counted in the one that begins there."
                if is_below
                else "half-way between two voxels and were counted in the one with the even index."
            )
        )
    return sentences


def _format_region(region: RegionIdentity, *, is_part: bool = False) -> str:
    """Name and kind of a region, such as "Fp1 (probability map, file Fp1.nii.gz, values above 0.2, 16 mm3)"."""
    facts = [_name_kind(region)]
    if region.file:
        facts.append(f"file {_name_file(region.file)}")
    if region.threshold is not None:
        facts.append(f"values above {region.threshold:g}")
    if region.volume_mm3 is not None and not is_part:  # that of the whole is enough
        facts.append(f"{region.volume_mm3:,.0f} mm3")
    return f"{shorten(region.name)} ({', '.join(facts)})"


def _name_kind(region: RegionIdentity) -> str:
    """Kind of a region; if it is made of others, with each part."""
    kind, parts = region.kind, [_format_region(part, is_part=True) for part in region.parts[:_MAX_PARTS]]
    if not parts:
        return kind
    if kind == "difference":
        return f"{parts[0]} without {parts[1]}"
    if kind.startswith(("eroded", "dilated")):
        return f"{parts[0]} {kind}"
    if (n_more := len(region.parts) - _MAX_PARTS) > 0:
        parts.append(f"{n_more} more region{'' if n_more == 1 else 's'}")
    return f"{kind} {'outside' if kind == 'rest of the brain' else 'of'} {join_words(parts)}"


def _name_coordinate(record: RunRecord) -> str:
    """What the coordinate of a sample is called, and from which set it is."""
    atlas = record.atlas
    whose = "" if atlas.simulated or atlas.source.kind == "tables" else "the Allen Institute's own"
    if atlas.changes.coordinates is not None:
        whose = "from that table"
    mirror = atlas.changes.mirror
    reflected = "" if mirror is None else f"reflected to the {mirror.side} hemisphere"
    facts = ", ".join(filter(None, [whose, reflected]))
    return ("MNI coordinate" if is_mni_space(atlas.space) else "coordinate") + (f" ({facts})" if facts else "")


def _is_filtered(record: RunRecord) -> bool:
    return bool(record.samples.tolerance_mm or record.samples.within or record.samples.exclude)


def _list_filters(record: RunRecord) -> list[str]:
    """Which samples of the regions were left out, and which counted although they lie outside."""
    samples, sentences = record.samples, []
    if not _is_filtered(record):
        return []
    if samples.tolerance_mm:
        sentences.append(
            f"A sample at most {samples.tolerance_mm:g} mm outside a region, and not inside "
            f"{'the' if len(record.regions) == 2 else 'any'} other, was taken to belong to it "
            f"({_join_counts(samples.n_tolerated)} samples)."
        )
    asked = [
        f"{words} {join_words([shorten(structure.name) for structure in structures])}"
        for words, structures in (("to", samples.within), ("not to", samples.exclude))
        if structures
    ]
    if asked:
        sentences.append(
            f"Only samples annotated as belonging {' and '.join(asked)} (parts included) counted; "
            f"{_join_counts(samples.n_dropped)} samples of the regions were left out."
        )
    found = _join_counts([region.n_samples_found for region in record.regions])
    return [*sentences, f"The regions then held {found} samples."]


def _join_counts(counts: tuple[int, ...] | list[int]) -> str:
    return join_words([f"{n:,}" for n in counts])


def _format_overlap(record: RunRecord) -> str:
    """How many samples lay in several regions, and what became of them."""
    counts, where = record.overlap.count_decisions(), "both" if len(record.regions) == 2 else "several"
    if not counts:
        return f"No sample lay in {where} regions."
    n_given = sum(n for decision, n in counts.items() if decision.startswith("region"))
    shown = {
        "region 1": (counts.get("region 1", 0), "given to region 1 (the more probable)"),
        "region 2": (counts.get("region 2", 0), "given to region 2 (the more probable)"),
        "tie": (counts.get("tie", 0), "left out (neither region more probable)"),
        "excluded": (counts.get("excluded", 0), "left out"),
        "kept in both": (counts.get("kept in both", 0), "counted in both"),
    }
    if len(record.regions) > 2:
        n_out = counts.get("tie", 0) + counts.get("excluded", 0)
        shown = {"region": (n_given, "given to the region where it is most probable"), "out": (n_out, "left out")}
    listed = join_words([f"{n:,} {'was' if n == 1 else 'were'} {words}" for n, words in shown.values() if n])
    return f"{count_of(len(record.overlap.shared), 'sample')} lay in {where} regions: {listed}."


def _format_samples(record: RunRecord) -> str:
    """How many samples and donors the test used."""
    design, n_dropped = record.design, len(record.missing_well_ids)
    dropped = f"{count_of(n_dropped, 'sample')} with a missing value {'was' if n_dropped == 1 else 'were'} left out. "
    donors = f"from {count_of(design.n_donors, 'donor')}, {design.n_informative_donors} of whom had samples in"
    if len(design.n_samples) == 2:
        n_1, n_2 = design.n_samples
        used = (
            f"The analysis used {count_of(n_1, 'sample')} in region 1 and {n_2:,} in region 2, {donors} both regions."
        )
    else:
        used = (
            f"The test of all regions used {_join_counts(design.n_samples)} samples of regions 1 to "
            f"{len(design.n_samples)}, {donors} several."
        )
    return (dropped if n_dropped else "") + used


def _format_values(record: RunRecord) -> str:
    """How the probes of a gene became one value per sample."""
    source = record.atlas.source
    zscores = "The levels of each probe were standardised within each donor, over all samples of that donor"
    if source.zscores == "as given":  # a table or a service may bring z-scores, which are used as they are
        zscores = "The z-scores of each probe were taken as given with the data, and not computed from its levels"
        if source.kind == "allen-api":
            zscores = (
                "The z-scores of each probe were taken as the Allen Institute's web service gives them, which "
                "standardises within each donor"
            )
    if record.arguments.probes == "single":
        return f"{zscores}, and each probe was tested by itself."
    reduction = HOW_PROBES[record.arguments.probes]
    return f"{zscores}, and the z-scores of the probes of a gene were reduced to one value per sample {reduction}."


#: What is analysed of a gene set, by its kind.
_SETS = {
    "competitive": "the mean z-score of its genes, less that of all other genes",
    "self-contained": "the mean z-score of its genes",
    "mixed": "the z-scores of each of its genes, whose F were averaged",
}


def _list_sets(record: RunRecord) -> list[str]:
    """Which gene sets were tested, and what their values are."""
    sets = record.gene_sets
    if sets is None:
        return []
    files = f" ({join_words(list(map(_name_file, sets.files)))})" if sets.files else ""
    tested = (
        f"Of {count_of(sets.n_sets, 'gene set')}{files} those with {sets.min_size} to {sets.max_size} of the "
        f"{sets.n_genes:,} genes that have a test were tested ({sets.n_tested:,})."
    )
    scaled = "the z-scores of its genes, each divided by its standard deviation about donors and covariates"
    value = {
        "competitive": f"The value of a set in a sample was the mean of {scaled}, less the mean of all other genes (a "
        "competitive test; Goeman and Bühlmann 2007).",
        "self-contained": f"The value of a set in a sample was the mean of {scaled} (a self-contained test; Goeman and "
        "Bühlmann 2007).",
        "mixed": "The statistic of a set was the mean F of its genes; for the correction over sets, this mean less 1 "
        "was multiplied by the root of the number of genes.",
    }
    shuffled = "Samples were relabelled, and genes not shuffled, since they are correlated (Wu and Smyth 2012)."
    return [tested, value[sets.kind], shuffled]


def _list_model(record: RunRecord) -> list[str]:
    """The analysis of variance, its degrees of freedom, and the covariates left out of it."""
    used, unit, design = [shorten(name) for name in record.covariates_used], record.unit, record.design
    covariates = f" and the covariate{'s' if len(used) > 1 else ''} {join_words(used)}" if used else ""
    source = _STATISTICS[record.arguments.statistic].replace("{others}", name_adjustment(record))
    model = (
        f"For each {unit} an analysis of variance with the factors region and donor{covariates} gave F of region from "
        f"{source}"
    )
    scores = [
        f"{shorten(covariate.name)} is the mean of the z-scores of {count_of(len(covariate.genes), 'gene')}, which "
        f"{'was' if len(covariate.genes) == 1 else 'were'} not tested."
        for covariate in record.covariates
        if covariate.genes and covariate.is_used
    ]
    left_out = [
        f"The covariate {shorten(covariate.name)} was left out of the model: {covariate.outcome}."
        for covariate in record.covariates
        if not covariate.is_used and not covariate.automatic
    ]
    if record.arguments.statistic == "welch":
        freedom = (
            "Its parametric p-value takes Satterthwaite's residual degrees of freedom, which differ from "
            f"{unit} to {unit} (Satterthwaite 1946)."
        )
        return [f"{model}.", freedom, *scores, *left_out]
    return [f"{model} ({design.df_area} and {design.df_resid} degrees of freedom).", *scores, *left_out]


def _list_permutations(record: RunRecord) -> list[str]:
    """Where the p-values came from, and how they were corrected over the genes."""
    permutation, unit = record.permutation, record.unit
    if permutation.exhaustive:
        times = "all distinct relabellings were enumerated, and p is the share of them with an F at least as large"
    else:
        seed = permutation.randomness.seed
        drawn = f"seed {seed}" if seed is not None else "random generator given by the user"
        times = (
            f"{format_count(permutation.n_permutations)} random relabellings were drawn ({drawn}), and p is the share "
            "of relabellings with an F at least as large, counting the observed one (Phipson and Smyth 2010)"
        )
    collinear = [
        f"{count_of(n, 'relabelling')} in which region was collinear with {name_collinear(record)} "
        f"{'was' if n == 1 else 'were'} {outcome}."
        for n, outcome in (
            (permutation.n_collinear_redrawn, "left out" if permutation.exhaustive else "redrawn"),
            (permutation.n_collinear_smallest, "counted as having the smallest F"),
        )
        if n
    ]
    return [
        f"For p-values {_EXCHANGES[permutation.exchange]}; {times}.",
        f"The same relabellings were used for every {unit}.",
        *collinear,
        f"The p-values were corrected for the family-wise error over the {count_of(record.genes.n_tested, unit)} "
        f"tested by the distribution of the maximum of F over {unit}s (Westfall and Young 1993), which holds if "
        f"samples are exchangeable {_EXCHANGEABLE[permutation.exchange]}; a {unit} was called significant if its "
        f"corrected p was at most {record.arguments.alpha:g}.",
    ]


def _list_corrections(data: ComparisonData) -> list[str]:
    """Further quantities in this result."""
    table, sentences = data.table, []
    if table["p_fwe_stepdown"].notna().any():
        sentences.append("Step-down corrected p-values are given as well (Westfall and Young 1993).")
    if table["q_fdr"].notna().any():
        sentences.append(
            "False discovery rates were computed from the uncorrected permutation p-values "
            "(Benjamini and Hochberg 1995)."
        )
    if "hedges_g" in table and table["hedges_g"].notna().any():
        sentences.append(
            f"Effects are differences, region 1 minus region 2, adjusted for {name_adjustment(data.record)}, with 95 % "
            "confidence intervals from the t distribution (not corrected for the number of genes) and Hedges' g "
            "(Hedges 1981)."
        )
    if (data.leave_one_donor_out["status"] == "ok").any():
        sentences.append(f"Each significant {data.unit} was tested again without each donor.")
    return sentences


def _list_pairs(record: RunRecord) -> list[str]:
    """How every two of more than two regions were compared."""
    if not record.pairs:
        return []
    n_tested = sum(pair.status == "ok" for pair in record.pairs)
    if not n_tested:
        return ["No pair of regions could be tested by itself."]
    n_out, unit = len(record.pairs) - n_tested, record.unit
    left_out = f"; {count_of(n_out, 'pair')} could not be tested" if n_out else ""
    return [
        f"Regions were then compared two by two ({count_of(n_tested, 'pair')}{left_out}), each pair by relabelling its "
        f"own samples only; p-values corrected over the {unit}s of a pair were then corrected over all {unit}s of all "
        "pairs by a step-down procedure like Holm's, whose multiplier is the number of pairs that are not yet rejected "
        "as a whole (Holm 1979)."
    ]
