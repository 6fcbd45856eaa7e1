"""What was found and what it rests on, in sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas import PLANTED_GENES
from jugex.model.findings import DonorsDisagree, ProbesDisagree, SamplesDropped
from jugex.model.record import GroupMembership
from jugex.report.summary import (
    count_relabellings,
    format_value,
    list_findings_by_pair,
    list_pair_counts,
    name_adjustment,
    name_exchange,
    summarize_genes,
    summarize_membership,
    summarize_pairs,
    summarize_planted,
    summarize_resolution,
    summarize_samples,
)
from tests.report.conftest import compare_toy
from tests.report.helpers import change

BETWEEN = "between Fp1 left and Fp2 left"
LEVEL = "(p_FWE \N{LESS-THAN OR EQUAL TO} 0.05)"
QUICK = {"atlas": "simulated", "n_permutations": 99, "rng": 0, "background": False, "ladder": False}
LIMIT = "(p_Holm \N{LESS-THAN OR EQUAL TO} 0.05)"


@pytest.mark.parametrize(
    ("p_fwe", "diff", "expected"),
    [
        ([0.01], [1], "A is higher in Fp1 left than in Fp2 left (p_FWE = 0.0100)."),
        ([0.3], [1], f"A does not differ significantly {BETWEEN} (p_FWE = 0.3000)."),
        ([np.nan], [np.nan], f"No gene could be tested {BETWEEN}."),
        ([0.3, 0.4], [1, 1], f"None of the 2 genes tested differs significantly {BETWEEN} {LEVEL}; the smallest "
         "p_FWE is 0.3000 (A)."),
        ([0.02, 0.4], [-1, 1], f"1 of 2 genes differs {BETWEEN} {LEVEL}: A is higher in Fp2 left (p_FWE = 0.0200)."),
        ([0.01, 0.01, 0.02], [-1, -1, 1], f"3 of 3 genes differ {BETWEEN} {LEVEL}: A and B are higher in Fp2 left "
         "(p_FWE = 0.0100 each); C is higher in Fp1 left (p_FWE = 0.0200)."),
        ([0.01, 0.02, 0.03, 0.04, 0.04, 0.04, 0.5], [1] * 7, f"6 of 7 genes differ {BETWEEN} {LEVEL}: 6 are higher in "
         "Fp1 left, first A, B and C (p_FWE = 0.0100, 0.0200 and 0.0300)."),
    ],
)  # fmt: skip
def test_genes_of_two_regions(make_result, p_fwe, diff, expected):
    assert summarize_genes(make_result(list("ABCDEFG")[: len(p_fwe)], p_fwe, diff)) == expected


def test_genes_of_more_regions(group_result):
    data = group_result.data
    assert summarize_genes(data).startswith(f"3 of 4 genes differ between the 3 regions A, B and C {LEVEL}: MAOA, ")
    assert summarize_genes(replace(data, table=data.table.head(1))).startswith("MAOA differs between the 3 regions A, ")
    none = replace(data, table=data.table.assign(significant=False))
    assert summarize_genes(none).startswith(
        "None of the 4 genes tested differs significantly between the 3 regions A, "
    )
    untested = replace(data, table=data.table.assign(significant=False, status="not tested"))
    assert summarize_genes(untested) == "No gene could be tested between the 3 regions A, B and C."


def test_long_names_of_many_regions_stand_in_the_title_alone():
    named = compare_toy(3, names=[f"area number {name}, left" for name in "ABC"]).data
    assert "between the 3 regions (p_FWE" in summarize_genes(named)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((2, 2, 2), f"Each of the 3 pairs of regions differs in 2 genes {LIMIT}."),
        ((2, 1, 0), f"Of the 3 pairs of regions, 2 differ in at least one gene {LIMIT}:"),
        ((0, 0, 3), f"Of the 3 pairs of regions, 1 differs in at least one gene {LIMIT}:"),
        ((1, 2, 3), f"Of the 3 pairs of regions, all differ in at least one gene {LIMIT}:"),
        ((0, 0, 0), f"No gene differs significantly in any of the 3 pairs of regions {LIMIT}."),
    ],
)
def test_pairs(group_result, counts, expected):
    group = group_result.comparison
    table = group.pairs_table.assign(significant=False)
    for pair, n in zip(group.data.record.pairs, counts, strict=True):
        rows = (table["region_1"] == pair.region_1) & (table["region_2"] == pair.region_2)
        table.loc[table.index[rows][:n], "significant"] = True
    found = replace(group, pairs_table=table)
    assert summarize_pairs(found) == expected
    assert bool(list_pair_counts(found)) == expected.endswith(":")


def test_pairs_that_admit_no_test(group_result):
    pairs = tuple(replace(pair, status="impossible: because") for pair in group_result.record.pairs)
    assert summarize_pairs(change(group_result.comparison, pairs=pairs)) == "No pair of regions can be tested."
    only = (replace(pairs[0], status="ok"), *pairs[1:])
    assert ", the only pair that can be tested, differ in " in summarize_pairs(
        change(group_result.comparison, pairs=only)
    )


def test_many_pairs_are_counted():
    said = summarize_pairs(compare_toy(4).comparison)
    assert "the 6 pairs of regions" in said
    assert not said.endswith(":")


def test_what_a_pair_finds_of_its_genes_is_said_of_the_pair_alone(group_result):
    group = group_result.comparison
    dropped, signs = SamplesDropped(n=2), DonorsDisagree(genes=("SST",))
    probes = ProbesDisagree(genes=("X",), limit=0.2, is_significant=False)  # of genes that are not significant

    def with_findings(*findings, to=("B",)):
        pairs = group.data.record.pairs
        return tuple(replace(pair, findings=findings if pair.region_2 in to else ()) for pair in pairs)

    changed = change(group, pairs=with_findings(dropped, signs, probes))
    shared, (own, *others) = list_findings_by_pair(changed)
    assert own == [dropped.sentence, f"in this pair alone, {signs.sentence}", probes.sentence]
    assert (shared, others) == ([], [[], []])
    none = replace(changed, pairs_table=group.pairs_table.assign(significant=False))
    assert list_findings_by_pair(none)[1][0] == [dropped.sentence, probes.sentence]
    all_pairs = change(group, pairs=with_findings(dropped, to=("B", "C")))
    assert list_findings_by_pair(all_pairs) == ([dropped.sentence], [[], [], []])


def test_samples_and_resolution(make_result, group_result):
    record = make_result().record
    assert summarize_samples(record) == (
        "The comparison rests on 16 samples in Fp1 left and 12 in Fp2 left, from 6 donors, of whom 3 have samples in "
        "both regions."
    )
    assert summarize_samples(group_result.record) == (
        "The comparison rests on 77 samples in 3 regions, from 6 donors, all of whom have samples in at least two "
        "regions."
    )
    assert summarize_resolution(record) == (
        "The p-values come from 10,000 random relabellings, and are therefore multiples of 1/10,001 (0.0001)."
    )


def test_relabellings_are_those_of_the_run(make_result):
    result = change(make_result(), permutation={"smallest_p": 0.002})
    assert count_relabellings(result.record) == 37800
    result = change(result, permutation={"exhaustive": True, "n_permutations": 500})
    assert count_relabellings(result.record) == 500
    assert summarize_resolution(result.record) == (
        "All 500 distinct relabellings were tried, so the p-values have no random error."
    )
    unreachable = change(result, permutation={"smallest_p": 0.25}).record
    assert summarize_resolution(unreachable).endswith("in this run: no p below 0.2500 is possible.")


def test_relabellings_left_out_are_not_called_enumerated(make_result, with_covariates):
    run = {"exhaustive": True, "n_permutations": 500, "n_collinear_redrawn": 20}
    assert summarize_resolution(change(with_covariates(make_result()), permutation=run).record).startswith(
        "All 500 distinct relabellings in which region is not collinear with donor and covariates were tried"
    )


@pytest.mark.parametrize(
    ("significant", "said"),
    [
        ((), f"no gene of this pair is significant {LIMIT}."),
        (("MAOA",), f"1 gene of this pair is significant {LIMIT}: MAOA."),
        (tuple("ABCDEF"), f"6 genes of this pair are significant {LIMIT}."),
    ],
)
def test_a_pair_among_others_says_what_is_significant_over_all(make_result, significant, said):
    assert summarize_membership(make_result().record) == ""
    group = GroupMembership(("a", "b", "c"), 3, significant, "../report.html")
    text = summarize_membership(change(make_result(), group=group).record)
    assert text.startswith("This is one of 3 pairs among 3 regions that were compared together, and its p-values are")
    assert said in text


def test_adjustment_names_what_is_in_the_model(make_result, with_covariates):
    assert name_adjustment(make_result().record) == "donor"
    result = with_covariates(make_result())
    assert name_adjustment(result.record, brief=True) == "donor, mni_z and hemisphere"
    used = result.record.covariates[1]
    many = change(result, covariates=tuple(replace(used, name=f"covariate_{i}") for i in range(9))).record
    assert name_adjustment(many, brief=True) == "donor and 9 covariates"
    assert name_adjustment(many).endswith("covariate_7 and covariate_8")


def test_numbers_have_a_true_minus_sign():
    assert format_value(-0.5) == "\N{MINUS SIGN}0.50"
    assert format_value(None) == format_value(np.nan) == format_value(pd.NA) == ""


def test_what_is_permuted_is_said_in_words():
    assert name_exchange("within-donor") == "labels within each donor"
    assert name_exchange("freedman-lane").startswith("residuals of the model without region")


class TestPlantedGenes:
    def test_of_the_demo_are_named_with_what_was_planted(self):
        result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "CNR1", "CREB1", "GAD2"], **QUICK)
        said = summarize_planted(result)
        for planted in PLANTED_GENES:
            assert (planted.gene in said) == (planted.gene in {"MAOA", "CNR1", "CREB1"})
        for word in ("step at the border (spatial)", "gradient", "(donors)", "H0351.2001 alone (samples)"):
            assert word in said
        assert "GAD2" not in said

    def test_are_none_among_others(self):
        result = jugex.compare("simulated:A", "simulated:B", genes=["GAD2"], **QUICK)
        assert summarize_planted(result) == "None of these genes was made to differ between the regions."

    def test_of_small_steps_are_counted_and_their_sets_named(self):
        sets = jugex.genes.read_gene_sets("simulated").genes
        genes = [*sets["raised in B"][:2], sets["unchanged 01"][0], "GAD2"]
        result = jugex.compare("simulated:A", "simulated:B", genes=genes, **QUICK)
        said = summarize_planted(result)
        assert "2 genes of the sets raised in B and lowered in B by a small step" in said
        assert genes[0] not in said
        assert "raised in B" in summarize_planted(result.gene_sets("simulated").data)
        assert summarize_planted(result.gene_sets({"own": sets["unchanged 01"][:5]}).data) == ""

    def test_are_not_spoken_of_elsewhere(self, make_result):
        assert summarize_planted(make_result(["MAOA"], [0.01], [1])) == ""
        result = jugex.compare("structure:simFL", "structure:simPL", genes=["MAOA"], **QUICK)
        assert summarize_planted(result) == ""
