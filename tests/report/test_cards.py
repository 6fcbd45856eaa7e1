"""Cards of genes: by rung, and why each stands where it stands."""

from __future__ import annotations

import dataclasses
import json
import zlib
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

import jugex
from jugex.model.findings import GeneStanding
from jugex.pipeline.details import find_standings
from jugex.report.cards import choose_genes, describe_cards, explain_standing
from jugex.report.figures import write_figures
from jugex.report.summary import summarize_rungs
from tests.report.helpers import change, parse, plain
from tests.tissue_atlas import make_atlas, make_region

SCN1A = GeneStanding(
    evidence="donors", alpha=0.05, p_samples=0.01, p_donors=0.003, p_spatial=0.3, diff=1.1, ci_donors=(0.6, 1.6),
    beyond=0.9, margin=1.4, between_places=0.7, distance_mm=60.2, n_same_sign=5, n_donors_both=5,
)  # fmt: skip

UNCORRECTED = "95 % interval, uncorrected"


@pytest.fixture(scope="module")
def result():
    regions = make_region("A"), make_region("B")
    made = jugex.compare(*regions, atlas=make_atlas(), n_permutations=999, rng=0, background=False)
    # one gene on each rung
    rungs = ["spatial", "donors", "samples", *["none"] * (len(made.table) - 3)]
    p_fwe = [0.01, 0.2, 0.01, *[0.9] * (len(made.table) - 3)]
    table = made.table.assign(evidence=rungs, p_fwe=p_fwe, significant=np.array(p_fwe) <= 0.05)
    return replace(made, table=table)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "Holds in other donors (difference 1.10), not beyond distance (p_FWE spatial = 0.3000): two places 60 mm "
         "apart in isocortex differ by 0.70 on average anyway."),
        ({"between_places": 0.1}, "Holds in other donors (difference 1.10); beyond distance the evidence is too weak "
         f"(p_FWE spatial = 0.3000): 0.90 ({UNCORRECTED}: \N{MINUS SIGN}0.50 to 2.30)."),
        ({"between_places": 0.1, "margin": 0.8}, "Holds in other donors (difference 1.10); beyond distance the "
         f"evidence is too weak for so many genes (p_FWE spatial = 0.3000): 0.90 ({UNCORRECTED}: 0.10 to 1.70)."),
        ({"between_places": 0.1, "beyond": 0.4}, "Holds in other donors (difference 1.10), not beyond distance (p_FWE "
         "spatial = 0.3000): of 1.10, the gradient over the tissue accounts for 0.70; +0.40 remain."),
        ({"between_places": 0.1, "diff": -0.78, "beyond": 0.03}, "Holds in other donors (difference "
         "\N{MINUS SIGN}0.78), not beyond distance (p_FWE spatial = 0.3000): of \N{MINUS SIGN}0.78, the gradient over "
         "the tissue accounts for \N{MINUS SIGN}0.81; +0.03 remain."),
        ({"between_places": 0.1, "beyond": -0.001}, "Holds in other donors (difference 1.10), not beyond distance "
         "(p_FWE spatial = 0.3000): of 1.10, the gradient over the tissue accounts for 1.10; 0.00 remain."),
        ({"beyond": 0.4}, "Holds in other donors (difference 1.10), not beyond distance (p_FWE spatial = 0.3000): two "
         "places 60 mm apart in isocortex differ by 0.70 on average anyway; of 1.10, the gradient over the tissue "
         "accounts for 0.70; +0.40 remain."),
        ({"evidence": "spatial", "between_places": 0.2, "beyond": 0.6}, "Differs by 1.10 over donors; two places 60 mm "
         "apart in isocortex differ by 0.20 on average; of 1.10, the gradient over the tissue accounts for 0.50; +0.60 "
         "remain."),
        ({"p_samples": 0.2, "p_spatial": None, "beyond": None, "margin": None, "between_places": None}, "Holds in "
         "other donors (difference 1.10); whether it goes beyond what distance explains could not be tested. It is "
         "not significant over samples (p_FWE = 0.2000)."),
        ({"evidence": "spatial", "between_places": 0.2}, "Differs by 1.10 over donors; two places 60 mm apart in "
         "isocortex differ by 0.20 on average."),
        ({"evidence": "spatial", "between_places": None, "distance_mm": None, "p_samples": 0.06, "p_donors": 0.07},
         "Differs by 1.10 over donors, which is more than two places this far apart in isocortex do. It is not "
         "significant over samples (p_FWE = 0.0600) or over donors (p_FWE donors = 0.0700)."),
        ({"evidence": "samples", "p_donors": 0.4, "diff": -0.5, "ci_donors": (-1.2, 0.2), "n_same_sign": 3},
         f"Shown in these samples only: over donors \N{MINUS SIGN}0.50 ({UNCORRECTED}: \N{MINUS SIGN}1.20 to 0.20), "
         "p_FWE donors = 0.4000; "
         "3 of 5 donors have its sign."),
        ({"evidence": "samples", "p_donors": None, "ci_donors": None}, "Shown in these samples; whether other donors "
         "would show it could not be tested."),
        ({"evidence": "none", "p_samples": 0.06, "p_donors": 0.3}, "Reaches no rung: p_FWE = 0.0600, p_FWE donors = "
         "0.3000 and p_FWE spatial = 0.3000."),
    ],
)  # fmt: skip
def test_one_line_says_why(facts, said):
    assert explain_standing(replace(SCN1A, **facts), "isocortex") == said


@pytest.mark.parametrize("evidence", ["donors", "spatial"])
def test_donors_that_disagree_are_named_on_every_upper_rung(evidence):
    said = explain_standing(replace(SCN1A, evidence=evidence, n_same_sign=3))
    assert "Holds in other donors" not in said
    assert said.endswith(
        " But the donors do not agree: 3 of 5 have the same sign as the result. How much donors vary is estimated over "
        "all genes tested, so that one donor can carry a gene, above all where few genes are tested: look at it donor "
        "by donor."
    )
    p = {"H0351.2001": 0.72, "H0351.2002": 0.0001}
    said = explain_standing(replace(SCN1A, evidence=evidence, n_same_sign=3), left_out=p)
    assert said.endswith(
        "tested: look at it without each donor. Without donor H0351.2001 (p_FWE = 0.7200) it is not significant over "
        "samples."
    )


def test_the_donors_that_a_gene_needs_are_named_where_they_agree_too():
    needs = {"H0351.2001": 0.72, "H0351.2002": 0.06, "H0351.1009": 0.01}
    said = explain_standing(SCN1A, left_out=needs)
    assert "do not agree" not in said
    assert said.endswith(
        "Without donor H0351.2001 (p_FWE = 0.7200) or H0351.2002 (p_FWE = 0.0600) it is not significant over samples."
    )
    assert explain_standing(replace(SCN1A, evidence="samples"), left_out=dict.fromkeys("ABC", 0.2)).endswith(
        "Without one of 3 of the donors, whichever, it is not significant over samples."
    )
    assert explain_standing(SCN1A, left_out={"H0351.2001": 0.01}) == explain_standing(SCN1A)


def test_facts_are_those_of_the_table_and_of_the_variances(result):
    row, kept = result.tested.iloc[1], result.variograms
    [gene] = find_standings(result, [str(result.tested.index[1])])
    assert (gene.evidence, gene.p_samples, gene.p_donors) == ("donors", row["p_fwe"], row["p_donors_fwe"])
    assert (gene.diff, gene.ci_donors) == (row["diff_donors"], (row["ci_donors_low"], row["ci_donors_high"]))
    assert gene.beyond - gene.margin == pytest.approx(row["ci_spatial_low"])
    assert gene.beyond + gene.margin == pytest.approx(row["ci_spatial_high"])
    assert gene.gradient == pytest.approx(gene.diff - gene.beyond)
    place = kept.find(str(result.tested.index[1]))
    normal = np.abs(np.random.default_rng(0).normal(size=100_000)).mean()  # E|x|: a standard error of 0.002
    assert gene.between_places == pytest.approx(normal * kept.sd_shared[place], rel=0.02)
    assert gene.distance_mm == result.record.ladder.distance_mm


def test_genes_are_grouped_by_rung(result):
    groups = choose_genes(result)
    labels = result.tested.index
    assert [group.genes for group in groups] == [[labels[0]], [labels[1]], [labels[2]]]
    assert [group.title for group in groups] == [
        "Genes that differ beyond what distance explains", "Genes that would differ in other donors",
        "Genes shown in these samples only",
    ]  # fmt: skip
    cards = [card for group in describe_cards(result, groups) for card in group["cards"]]
    assert [card["badge"] for card in cards] == ["spatial", "donors", "samples"]
    assert all(card["why"].endswith(".") for card in cards)


def test_the_summary_names_genes_that_are_not_significant_over_samples(result):
    second = result.tested.index[1]
    said = summarize_rungs(result)[0]
    assert f"{second} reaches its rung without being significant over samples (p_FWE > 0.05)." in said
    significant = replace(result, table=result.table.assign(significant=True))
    assert "without being significant" not in summarize_rungs(significant)[0]


def test_more_is_said_only_of_genes_beside_others(result):
    none = replace(result, table=result.table.assign(evidence=["donors", *["none"] * (len(result.table) - 1)]))
    assert ". 1 would differ in other donors" in summarize_rungs(none)[0]
    assert ". 1 more would differ in other donors" in summarize_rungs(result)[0]


def test_the_page_says_why_and_shades_by_rung(result):
    page = parse(result)
    cards = page.select("details.gene")
    assert [card.find(class_="badge").get_text() for card in cards] == ["spatial", "donors", "samples"]
    assert [plain(card.find(class_="why").get_text())[:7] for card in cards] == ["Differs", "Holds i", "Shown i"]
    rows = page.find(id="genes").tbody.find_all("tr")
    assert [row.get("class") for row in rows[:4]] == [
        ["on-rung", "spatial"], ["on-rung", "donors"], ["on-rung", "samples"], None,
    ]  # fmt: skip
    options = {option["value"]: option.get_text() for option in page.find(id="genes-show").find_all("option")}
    assert options["found"] == "on a rung (3)"
    assert [options[rung] for rung in ("spatial", "donors", "samples")] == ["spatial (1)", "donors (1)", "samples (1)"]


def test_the_other_way_of_permuting_is_told_in_one_line(result):
    first, opening = str(result.tested.index[0]), "with labels over all samples permuted: p_FWE"

    def read(n_significant, p_fwe):
        changed = change(result, exchanges={"n_significant": n_significant, "p_fwe": p_fwe})
        [[one], [other], *_] = (group["cards"] for group in describe_cards(changed, choose_genes(changed)))
        return one["also"], other["also"]

    both = {"within-donor": 1, "free": 1}
    found = read(both, {first: {"within-donor": 0.01, "free": 0.0213}})
    assert found == ([f"{opening} = 0.0213"], [f"{opening} > 0.05"])
    assert read({"within-donor": 1}, {}) == ([], [])


@pytest.mark.parametrize(("diff", "means", "told"), [
    (-0.05, (0.32, 0.2), ["raw means 0.32 and 0.20, difference 0.12, of the other sign: the difference that is tested "
                          "is adjusted for donor, with a weight for each donor (see Design), and the means are not"]),
    (0.05, (0.32, 0.2), []),
    (-0.05, (0.2, 0.2), []),
])  # fmt: skip
def test_raw_means_that_differ_the_other_way_are_shown_with_the_reason(result, diff, means, told):
    table = result.table.assign(diff=diff, mean_1=means[0], mean_2=means[1])
    changed = change(replace(result, table=table), exchanges={"n_significant": {}, "p_fwe": {}})
    cards = [card for group in describe_cards(changed, choose_genes(changed)) for card in group["cards"]]
    assert [card["also"] for card in cards] == [told] * 3


def test_the_page_brings_the_variograms_of_every_gene_and_of_the_tissue(result):
    page, ladder = parse(result), result.record.ladder
    packed = page.find(id="variograms-data")
    shape = [int(n) for n in packed["data-shape"].split(",")]
    assert shape == [len(result.table), 1 + 2 * len(ladder.variogram.within)]
    head = json.loads(zlib.decompress(b64decode(page.find(id="panels-data").get_text()), 31))
    tissue = head["tissue"]
    assert tissue["regions"] == round(ladder.distance_mm, 1)
    assert tissue["measured"]["values"][0] == [round(value, 4) for value in ladder.variogram.within]
    assert tissue["spatial"]["fit"][1] == [round(value, 4) for value in ladder.variogram_spatial.fitted_between]
    assert page.find(id="tissue") is not None
    worst = np.abs(ladder.variogram.deviations).max()
    assert f"within {100 * worst:.0f} % (donors)" in plain(page.find(id="evidence").parent.get_text())


def test_a_gene_that_distance_holds_back_has_its_variogram_among_the_figures(result, tmp_path):
    names = {path.name for path in write_figures(result, tmp_path / "figures")}
    first, second = result.tested.index[:2]
    assert {f"gene-01-{first}.svg", f"gene-02-{second}.svg"} <= names
    assert {name for name in names if name.startswith("variogram")} == {
        f"variogram-02-{second}.svg", f"variogram-02-{second}.png",
    }  # fmt: skip
    folder = result.save(tmp_path / "out")
    (folder / "figures" / "mine.txt").write_text("notes")
    again = dataclasses.replace(result, table=result.table.assign(evidence="none")).save(folder, overwrite=True)
    assert sorted(path.name for path in (again / "figures").iterdir()) == [
        "brain.png", "brain.svg", "mine.txt", "volcano.png", "volcano.svg",
    ]  # fmt: skip
