"""The report of a comparison as one self-contained HTML page, without other files or network requests."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup, escape

from jugex._text import count_of, format_count, format_number, format_p, join_words, shorten
from jugex.model.record import RunRecord
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.gene_sets import GeneSetData
from jugex.pipeline.pairs import GroupComparison
from jugex.plots.styles import REGION_STYLES
from jugex.plots.volcano import choose_height
from jugex.report.cards import choose_genes, describe_cards
from jugex.report.evidence import bound_q, tabulate_details, tabulate_evidence, tabulate_left_out, tabulate_sensitivity
from jugex.report.explanations import code_of, explain_findings
from jugex.report.methods import compose_methods
from jugex.report.page_data import (
    are_numbered,
    describe_brain,
    embed_pairs,
    embed_panels,
    hash_plotly,
    hash_script,
    mark_donors,
    pack_plotly,
    plotly_licence,
)
from jugex.report.panel_file import as_in_files, round_as_text
from jugex.report.rerun import list_reruns
from jugex.report.results_table import tabulate_matrix, tabulate_pairs, tabulate_results
from jugex.report.summary import (
    advise_on_voxels,
    count_relabellings,
    format_value,
    has_ladder,
    list_findings_by_pair,
    list_pair_counts,
    name_adjustment,
    name_exchange,
    summarize_found,
    summarize_membership,
    summarize_pairs,
    summarize_planted,
    summarize_resolution,
    summarize_samples,
    summarize_top,
)

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_page"]

#: Names of the columns of p as they are written in sentences, before typesetting.
_SPOKEN = {
    "p_perm_tail": "extrapolated p", "p_fwe_tail": "extrapolated p_FWE", "p_fwe_stepdown": "step-down p_FWE",
    "p_perm": "uncorrected p", "p_parametric": "p_param",
}  # fmt: skip
#: Statistics without subscript: as a whole heading, or where the context is clear; the text is escaped.
_PLAIN_STATISTIC = re.compile(
    r"^[pqF]$|\b[pF](?= (?:tail$|[=<>\N{LESS-THAN OR EQUAL TO}]|&lt;|&gt;))|^F(?=\()"
    r"|(?<=ncorrected )p\b|(?<=spatial )p\b|\bp(?= over )|(?<=What a )p\b|(?<=xtrapolated )p\b"
    r"|(?<=Hedges&#39; )g\b|(?<=no )p(?= below)|(?<=possible )p$"
)
_SUBSCRIPTS = {"fwe": "FWE", "fdr": "FDR", "param": "param", "holm": "Holm"}
_MOST_LISTED = 200
#: What each rung of the ladder asks, the highest first.
_QUESTIONS = {
    "spatial": "differ more than two arbitrary places this far apart",
    "donors": "would differ in other donors too",
    "samples": "shown in these samples only",
}
_N_ON_RUNG = 12  # genes named on each rung at the top of the page
_N_NAMED = 10  # significant genes named in the volcano plot
#: Names in settings.json that need better words than the name without underscores.
_SETTINGS = {
    "alpha": "family-wise error (alpha)", "n_permutations": "permutations", "exchange": "labels exchanged",
    "probes": "probes to genes", "overlap": "samples in several regions", "exhaustive": "all relabellings tried",
    "exact": "exact test", "smallest_p": "smallest possible p", "sha256": "checksum (SHA-256)",
    "n_collinear_redrawn": "collinear relabellings, redrawn or left out",
    "n_collinear_smallest": "collinear relabellings, counted as the smallest", "n_samples_found": "samples found",
    "n_between_voxels": "samples between two voxels", "volume_mm3": "volume (mm3)", "centroid": "centroid (mm)",
    "tolerance_mm": "tolerance (mm)", "n_dropped": "samples left out by structure",
    "n_tolerated": "samples taken in by the tolerance", "n_samples": "samples", "n_probes": "probes",
    "f_critical": "critical F, corrected", "n_voxels": "voxels", "voxel_size_mm": "voxel size (mm)",
    "asked": "asked for", "structure_ids": "ids", "n_structures": "structures with their parts",
}  # fmt: skip


def render_page(
    result: ComparisonData | GroupComparison,
    *,
    sensitivity: pd.DataFrame | None = None,
    gene_sets: GeneSetData | None = None,
    links: Mapping[str, str] | None = None,
) -> str:
    """Write the report of a comparison of two regions or more as one HTML page.

    Parameters
    ----------
    result : ComparisonData or GroupComparison
        The result, computed here or read from disk; the page is the same.
    sensitivity : DataFrame, optional
        What ``result.sensitivity()`` returned, to be shown.
    gene_sets : GeneSetData, optional
        What ``result.gene_sets(...)`` returned, to be shown.
    links : dict of str to str, optional
        By the folder of each pair that has a page, the link to it.

    Returns
    -------
    str
        The page. It contains everything that it shows; only the pages of pairs are other files.
    """
    group = None
    if isinstance(result, GroupComparison):
        group = replace(result, data=as_in_files(result.data), pairs_table=round_as_text(result.pairs_table))
    data = as_in_files(result) if group is None else group.data  # type: ignore[arg-type]
    record, results = data.record, tabulate_results(data)
    groups = choose_genes(data, None if group is None else group.pairs_table)
    drawn = [gene for of_group in groups for gene in of_group.genes]
    context: dict[str, Any] = {
        "record": record,
        "names": data.region_names,
        "between": ";" if group is not None and any("," in name for name in data.region_names) else ",",
        "unit": data.unit,
        "adjustment": name_adjustment(record),
        "headline": [summarize_top(data)[0]],
        "beside": summarize_top(data)[1],
        "ladder": _show_ladder(data),
        "planted": summarize_planted(data),
        "membership": summarize_membership(record),
        "samples_sentence": summarize_samples(record),
        "warnings": [(to_sentence(found.sentence), code_of(found)) for found in record.findings],
        "explanations": explain_findings(record.findings),
        "pairs": None,
        "sets": None if gene_sets is None else _show_gene_sets(gene_sets),
        "design": _show_design(record),
        "results": results,
        "genes": describe_cards(data, groups),
        "panels": embed_panels(data, drawn) if group is None else embed_pairs(data, drawn, group.pairs_table),
        "donor_marks": mark_donors(data),
        "numbered": are_numbered(data.region_names),
        "methods": compose_methods(data),
        "reruns": list_reruns(record),
        "facts": list_facts(record),
        "empty": _group_empty(record),
        "info": {
            "columns": [column.to_dict() for column in results["columns"]],
            "unit": data.unit,
            "scale": record.scale,
            "nTested": results["n_tested"],
            "near": results["near"],
            "hasLadder": has_ladder(record),
            "alpha": record.arguments.alpha,
            "names": list(data.region_names),
            "isSimulated": record.atlas.simulated,
            "file": results["file"],
        },
    }
    if group is None:
        context |= _show_two_regions(data, drawn, sensitivity)
        context["info"] |= _show_volcano(data)
    else:
        shared, _ = list_findings_by_pair(group)
        context["headline"].append(summarize_pairs(group))
        context["warnings"] += [(to_sentence(f"in each pair: {text}"), "") for text in shared]
        context["pairs"] = _show_pairs(group, links or {})
        context |= {"evidence": None, "brain": None, "plotly": None}
    scripts = ["page.js", "table.js", "panels.js", "cards.js"] + ["volcano.js", "scene.js"] * bool(context["brain"])
    context |= load_scripts(scripts, libraries=[] if context["plotly"] is None else [hash_plotly()])
    return make_environment().get_template("report.html").render(context)


def load_scripts(names: Sequence[str], libraries: Sequence[str] = ()) -> dict[str, Markup]:
    """Load the scripts of a page, and the checksums that its content security policy allows to run.

    The scripts contain nothing from a result, so that a script hidden in a name would have another checksum.

    Parameters
    ----------
    names : sequence of str
        Files among the templates.
    libraries : sequence of str
        Checksums of other scripts that may run, from `jugex.report.page_data.hash_script`.

    Returns
    -------
    dict of str to Markup
        `script` and `allowed`, for the template.
    """
    environment = make_environment()
    loader = environment.loader
    if loader is None:
        raise RuntimeError("the templates have no loader")
    script = "\n".join(loader.get_source(environment, name)[0] for name in names)
    return {"script": Markup(script), "allowed": Markup(" ".join([hash_script(script), *libraries]))}


def _show_ladder(data: ComparisonData) -> list[dict[str, Any]]:
    """Rungs with what they ask and the genes on them, the highest first; empty without a ladder."""
    ladder, tested = data.record.ladder, data.tested
    if ladder is None or not has_ladder(data.record) or len(tested) < 2:
        return []
    tried = {"spatial": not ladder.why_no_spatial, "donors": not ladder.why_no_donors, "samples": True}
    places = {str(label): place for place, label in enumerate(data.labels)}
    rungs = []
    for rung, question in _QUESTIONS.items():
        if not tried[rung]:
            continue
        genes = tested[(tested["evidence"] == rung).to_numpy(dtype=bool)]
        named = [
            {
                "label": str(label),
                "row": places[str(label)],
                "higher": "" if pd.isna(higher) else shorten(str(higher), 40),
            }
            for label, higher in zip(genes.index[:_N_ON_RUNG], genes["higher_in"], strict=False)
        ]
        rungs.append({"rung": rung, "question": question, "n": len(genes), "genes": named})
    return rungs


def _show_two_regions(data: ComparisonData, drawn: list[str], sensitivity: pd.DataFrame | None) -> dict[str, Any]:
    """Parts of the page for two regions only: volcano plot, evidence gene by gene, and the brain."""
    return {
        "evidence": {
            **tabulate_evidence(data, drawn),
            "details": tabulate_details(data, drawn),
            "bounds": bound_q(data),
            "left_out": tabulate_left_out(data, drawn),
            "sensitivity": tabulate_sensitivity(sensitivity, drawn),
        },
        "brain": describe_brain(data),
        "plotly": {"code": pack_plotly(), "licence": plotly_licence()},
    }


def _show_volcano(data: ComparisonData) -> dict[str, Any]:
    """Data of the volcano plot besides the table: names and styles of the regions, the smallest p."""
    return {
        "regions": [shorten(name, 40) for name in data.region_names],
        "faces": [style.face for style in REGION_STYLES],
        "symbols": ["circle", "triangle-up"],
        "nNamed": _N_NAMED,
        "height": choose_height(data),
        "smallestP": data.record.permutation.smallest_p,
        "adjustment": name_adjustment(data.record, brief=True),
    }


def _show_gene_sets(found: GeneSetData) -> dict[str, Any]:
    """Gene sets on the page of two regions: counts, the first rows of their table, and their figure."""
    from jugex.plots import plot_gene_sets
    from jugex.plots.styles import to_png

    record, table = found.data.record, found.table
    if record.gene_sets is None:
        raise ValueError("these are no gene sets")
    return {
        "record": record.gene_sets,
        "headline": summarize_found(found.data),
        "has_rungs": table["p_donors"].notna().any(),
        "rows": table.head(_MOST_SETS).to_dict("records"),
        "n": len(table),
        "n_drawn": min(_MOST_SETS_DRAWN, len(table)),
        "figure": base64.b64encode(to_png(plot_gene_sets(found, n=_MOST_SETS_DRAWN), dpi=200)).decode(),
    }


def _show_pairs(group: GroupComparison, links: Mapping[str, str]) -> dict[str, Any]:
    """Pairs on the page of more than two regions."""
    record, (_, own) = group.data.record, list_findings_by_pair(group)
    return {
        "found": list_pair_counts(group),
        "matrix": tabulate_matrix(group, links),
        "has_pages": bool(links),
        "ladders": [
            {
                "pair": f"{shorten(pair.region_1)} and {shorten(pair.region_2)}",
                "page": links.get(pair.folder or ""),
                "rungs": pair.rungs,
            }
            for pair in record.pairs
            if pair.rungs is not None
        ],
        "impossible": [pair for pair in record.pairs if pair.status != "ok"],
        "warnings": [
            {
                "pair": f"{shorten(pair.region_1)} and {shorten(pair.region_2)}",
                "page": links.get(pair.folder or ""),
                "sentences": [to_sentence(text) for text in sentences],
            }
            for pair, sentences in zip(record.pairs, own, strict=True)
            if sentences
        ],
        **tabulate_pairs(group),
    }


def _show_design(record: RunRecord) -> dict[str, Any]:
    """Donors with what is known of them, the limits that the design sets, and the samples in several regions."""
    design, is_pair = record.design, len(record.regions) == 2
    biographies = {donor.donor_name: donor for donor in record.atlas.donors}
    known = [(donor.age, donor.gender, donor.race) for donor in record.atlas.donors]
    facts = [
        ("Donors with both regions" if is_pair else "Donors in two regions or more",
         f"{design.n_informative_donors} of {design.n_donors}" if design.n_informative_donors < design.n_donors
         else f"all {design.n_donors}", ""),
        ("Effective donors", format_number(design.effective_donors), ""),
        ("Residual degrees of freedom", str(design.df_resid), "") if is_pair else
        ("Degrees of freedom", f"{design.df_area} and {design.df_resid}", ""),
        ("Permuted", name_exchange(record.permutation.exchange), "words"),
        ("Distinct relabellings", format_count(count_relabellings(record)), ""),
        ("Smallest possible p", format_p(record.permutation.smallest_p), ""),
    ]  # fmt: skip
    return {
        "donors": [(donor, biographies.get(donor.donor_name)) for donor in design.donors],
        "has_weights": is_pair,
        "weight": sum(donor.weight for donor in design.donors),
        "has_one_sided": design.n_informative_donors < design.n_donors,
        "has_biographies": not record.atlas.simulated and any(value is not None for row in known for value in row),
        "facts": facts,
        "resolution": summarize_resolution(record),
        "between": _summarize_between(record),
        "overlap": _summarize_overlap(record),
        "decisions": _name_decisions(record),
    }


def _name_decisions(record: RunRecord) -> dict[str, str]:
    """What each decision on a sample in several regions means."""
    counted = {
        f"region {number}": f"counted in {shorten(name)}" for number, name in enumerate(record.region_names, start=1)
    }
    return {**counted, "tie": "left out: equally probable", "excluded": "left out", "kept in both": "counted in both"}


def _summarize_overlap(record: RunRecord) -> str:
    """How many samples lie in several regions, and what became of them."""
    counts, is_pair = record.overlap.count_decisions(), len(record.regions) == 2
    where = "both" if is_pair else "several"
    if not counts:
        return f"No sample lies in {where} regions."
    equal = "as neither region is the more probable one" if is_pair else "as no region is the most probable one"
    reasons = {"tie": f"left out, {equal}", "excluded": "left out", "kept in both": "counted in both"}
    for number, name in enumerate(record.region_names, start=1):
        probable = f"where {{it}} {'more' if is_pair else 'most'} probable"
        reasons[f"region {number}"] = f"counted in {shorten(name).replace('{', '{{').replace('}', '}}')}, {probable}"
    parts = []
    for decision, n in counts.items():
        verb, it = ("was", "it is") if n == 1 else ("were", "they are")
        parts.append(f"{n:,} {verb} {reasons[decision].format(it=it)}")
    n_shared = len(record.overlap.shared)
    lies = "sample lies" if n_shared == 1 else "samples lie"
    alone = "" if is_pair else " In the pairs, what counts is whether a sample lies in the two regions compared."
    return f"{n_shared:,} {lies} in {where} regions: {'; '.join(parts)}.{alone}"


def _summarize_between(record: RunRecord) -> str:
    """Number of samples on the border of two voxels, for which a rule decides the side."""
    regions = [region for region in record.regions if region.n_between_voxels]
    if not regions:
        return ""
    listed = join_words(
        [f"{region.n_between_voxels:,} of the {region.n_samples_found:,} found in {shorten(region.name)}"
         for region in regions]
    )  # fmt: skip
    where = "both" if len(record.regions) == 2 else "several"
    before = f", before samples in {where} regions were settled" if record.overlap.shared else ""
    one = sum(region.n_between_voxels for region in regions) == 1
    rule = "that begins there" if record.arguments.voxel == "floor" else "with the even index"
    return (
        f"{'One sample lies' if one else 'Some samples lie'} exactly on the border between two voxels ({listed}"
        f"{before}); {'it counts' if one else 'each counts'} as lying in the voxel {rule}, the same in every run."
        f"{advise_on_voxels(record)}"
    )


def _group_empty(record: RunRecord) -> dict[str, list[str]]:
    """Columns without values, by the reason for it."""
    reasons: dict[str, list[str]] = {}
    for column, reason in record.empty.items():
        reasons.setdefault(reason, []).append(column)
    return reasons


def list_facts(record: RunRecord) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything that determined a run, as groups of names and values, without empty ones."""
    permutation, atlas, arguments = vars(record.permutation).copy(), vars(record.atlas).copy(), vars(record.arguments)
    randomness = permutation.pop("randomness")
    source, changes = vars(atlas.pop("source")).copy(), vars(atlas.pop("changes"))
    del atlas["donors"], source["files"]  # shown elsewhere on the page
    covariates = {
        covariate.name: (f"score of {count_of(len(covariate.genes), 'gene')}, " if covariate.genes else "")
        + f"{covariate.kind}, {'' if covariate.is_used else 'left out: '}{covariate.outcome}"
        for covariate in record.covariates
    }
    groups: list[tuple[str, Mapping[str, Any]]] = [
        ("Versions", record.versions),
        ("Arguments", arguments | {"genes": arguments["genes"] or "all"}),
        ("Covariates", covariates),
        ("Permutation", {"seed": randomness.seed} | permutation),
        ("Atlas", atlas | source | changes),
        ("Samples", vars(record.samples)),
        *(
            (f"Region {number}", vars(region.identity) | {key: getattr(region, key) for key in _OF_QUERY})
            for number, region in enumerate(record.regions, start=1)
        ),
    ]
    shown = [
        (title, [(_name_setting(name, title), _format_setting(value)) for name, value in group.items() if _says(value)])
        for title, group in groups
    ]
    return [(title, values) for title, values in shown if values]


_MOST_SETS, _MOST_SETS_DRAWN = 25, 20
_OF_QUERY = ("n_samples_found", "n_between_voxels")


def _name_setting(key: str, title: str) -> str:
    """A name of settings.json in words; covariates and packages keep theirs."""
    return key if title in ("Covariates", "Versions") else _SETTINGS.get(key) or key.replace("_", " ")


def _says(value: Any) -> bool:
    return value is not None and value not in ("", (), [], {})


def _format_setting(value: Any) -> str:
    """A setting as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        shown = ", ".join(_format_setting(entry) for entry in value[:_MOST_LISTED])
        return shown + (f" and {len(value) - _MOST_LISTED:,} more" if len(value) > _MOST_LISTED else "")
    if is_dataclass(value):
        value = {name: entry for name, entry in vars(value).items() if _says(entry)}
    if isinstance(value, Mapping):
        return "; ".join(f"{_SETTINGS.get(name, name)}: {_format_setting(entry)}" for name, entry in value.items())
    return str(value)


@cache
def make_environment() -> Environment:
    """Environment of the page's templates, with the filters that they use; everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("jugex.report", "templates"),
        autoescape=True,  # always: select_autoescape goes by file names
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        p=format_p,
        number=format_number,
        value=format_value,
        count=format_count,
        count_of=count_of,
        shorten=shorten,
        typeset=typeset,
    )
    return environment


def typeset(text: str) -> Markup:
    """Set names of statistics in italics with subscripts, unbreakable from their values; escape everything else."""
    marked = re.sub(
        r"\b([pq])_(FWE|FDR|param|Holm)\b",
        lambda found: f"<i>{found[1]}</i><sub>{_SUBSCRIPTS[found[2].lower()]}</sub>",
        re.sub("&lt;= ?", "\N{LESS-THAN OR EQUAL TO} ", str(escape(text))),
        flags=re.IGNORECASE,
    )
    marked = _PLAIN_STATISTIC.sub(r"<i>\g<0></i>", marked)
    marked = re.sub("</sub> (donors|spatial) =", r"</sub>&nbsp;\1 =", marked)
    return Markup(re.sub("(</sub>|</i>|donors|spatial) ([=\N{LESS-THAN OR EQUAL TO}]) ", r"\1&nbsp;\2&nbsp;", marked))


def to_sentence(text: str) -> str:
    """Write a finding as a sentence, with names of columns in words; a statistic at its start stays in lower case."""
    text = text.strip()
    for column, spoken in _SPOKEN.items():
        text = re.sub(rf"\b{column}\b", spoken, text)
    opening = text[:1] if re.match(r"[pq][_ ]", text) else text[:1].upper()
    return opening + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
