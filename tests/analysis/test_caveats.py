"""The sentences that say what weakens a result, each provoked, and none without reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jugex.analysis.background import describe_background, list_background_caveats
from jugex.analysis.caveats import (
    list_design_caveats,
    list_filter_caveats,
    list_gene_caveats,
    list_region_caveats,
    list_side_caveats,
    warn_of_design,
)
from jugex.analysis.covariates import Covariate
from jugex.analysis.options import check_options
from jugex.errors import DesignWarning
from tests.analysis.designs import make_design

OPTIONS = check_options(100, "adjusted", "within-donor", "mean", None, 0.05, 1)


@pytest.mark.parametrize(
    ("layout", "sentences"),
    [
        ([(4, 4)] * 4, []),
        ([(7, 3), (2, 1), (5, 4)], ["rests on 2.5 effective donors (3 with samples in both"]),
        ([(9, 9), (1, 1), (1, 1), (1, 1)], ["rests on 1.7 effective donors", "one donor has 75% of the weight"]),
        ([(1, 4)] * 5, ["differ more than threefold in size (A: 5 samples, B: 20)"]),
    ],
)
def test_design(layout, sentences):
    caveats = list_design_caveats(make_design(layout), ("A", "B"))
    assert len(caveats) == len(sentences)
    for caveat, sentence in zip(caveats, sentences, strict=True):
        assert sentence in caveat


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        ([(4, 4)], "1.0 effective donor (1 with samples in both regions): it says"),
        ([(4, 4), (4, 4)], "2.0 effective donors (2 with samples in both regions): it says"),
        ([(4, 4), (2, 2)], "1.8 effective donors (2 with samples in both regions, unequally weighted): it says"),
    ],
)
def test_donors_are_called_unequal_only_where_they_are(layout, sentence):
    assert sentence in list_design_caveats(make_design(layout), ("A", "B"))[0]


@pytest.mark.parametrize(
    ("n_permutations", "sentence"),
    [
        (9, "the smallest p that 9 permutations of this design (within-donor) can give is 0.1000; more samples in both "
            "regions of one donor, or more permutations, would help"),
        (500, "the smallest p that the 10 relabellings of this design (within-donor) can give is 0.1000; more samples "
              "in both regions of one donor would help"),
    ],
)  # fmt: skip
def test_more_permutations_are_advised_only_where_there_are_more(n_permutations, sentence):
    options = check_options(n_permutations, "adjusted", "within-donor", "mean", None, 0.05, 1)
    with pytest.warns(DesignWarning):
        [message] = warn_of_design(make_design([(2, 3)]), options, 5)
    assert message.endswith(sentence)


def test_probes_are_called_probes():
    options = check_options(99, "adjusted", "within-donor", "single", None, 0.05, 1)
    with pytest.warns(DesignWarning):
        [message] = warn_of_design(make_design([(4, 4)] * 3), options, 50)
    assert message.startswith("the false discovery rate (q_fdr) of a single probe cannot reach 0.05 with 50 probes and")
    table = make_table(3, probe_name=["P0", "P1", "P2"], n_donors_same_sign=2)
    [caveat] = list_gene_caveats(table, make_exchanges(3), options)
    assert caveat.endswith("of the same sign: G0 P0")


def make_table(n=3, **columns):
    defaults = {
        "gene": [f"G{i}" for i in range(n)], "status": "ok", "significant": [True] + [False] * (n - 1),
        "p_perm": 0.2, "n_donors_both": 3, "n_donors_same_sign": 3, "probe_r": 0.9,
    }  # fmt: skip
    return pd.DataFrame({**defaults, **columns}, index=range(n))


def make_exchanges(n=3, within=(0.01,), free=(0.01,)):
    columns = {"within-donor": np.ones(n), "free": np.ones(n)}
    columns["within-donor"][: len(within)], columns["free"][: len(free)] = within, free
    return pd.DataFrame({"gene": [f"G{i}" for i in range(n)], **columns})


@pytest.mark.parametrize(
    ("columns", "exchanges", "sentence"),
    [
        ({}, {}, None),
        ({"n_donors_same_sign": 2}, {}, "do not all show a difference of the same sign: G0"),
        ({"n_donors_both": 1, "n_donors_same_sign": 1}, {}, None),
        ({"probe_r": [0.1, 0.1, 0.1]}, {}, "probes do not agree (mean correlation below 0.2): G0"),
        ({"probe_r": np.nan}, {}, None),
        ({}, {"free": (0.2, 0.01)}, "but not both ways: G0, G1"),
    ],
)
def test_genes(columns, exchanges, sentence):
    caveats = list_gene_caveats(make_table(**columns), make_exchanges(**exchanges), OPTIONS)
    assert len(caveats) == (sentence is not None)
    assert sentence is None or caveats[0].endswith(sentence)


def test_many_genes_with_a_small_p_are_a_caveat_of_the_genome_only():
    p_perm = np.where(np.arange(200) < 30, 0.01, 0.5)
    [caveat] = list_background_caveats(describe_background(p_perm, 999), "gene")
    assert caveat.startswith("15% of all 200 genes have p_perm <= 0.05")
    assert list_background_caveats(describe_background(p_perm[:99], 999), "gene") == []
    assert list_background_caveats(describe_background(p_perm[::-1][:180], 999), "gene") == []
    assert list_background_caveats(describe_background(p_perm, 999, "some genes only"), "gene") == []


def test_a_gene_near_the_floor():
    present = pd.Series({"G0": 0.49, "G1": 0.1})
    [caveat] = list_gene_caveats(make_table(), make_exchanges(), OPTIONS, present=present)
    assert caveat.endswith("the gene is above background in less than half of the samples used: G0")
    assert list_gene_caveats(make_table(), make_exchanges(), OPTIONS, present=present + 0.01) == []


def test_probes_that_disagree_are_told_of_genes_asked_for_that_are_not_significant():
    table = make_table(probe_r=[0.9, 0.04, 0.3])
    [caveat] = list_gene_caveats(table, make_exchanges(), OPTIONS, are_asked_for=True)
    assert caveat.startswith("not significant, but the gene's probes do not agree (mean correlation below 0.2)")
    assert caveat.endswith("may be missed: G1")
    assert list_gene_caveats(table, make_exchanges(), OPTIONS) == []


def queried(*kinds, simulated=False):
    regions = [{"name": f"r{i}", "kind": kind} for i, kind in enumerate(kinds, start=1)]
    return {"atlas": {"simulated": simulated}, "regions": regions}


def test_made_up_regions_in_measured_brains():
    made_up = "simulated probability map"
    [caveat] = list_region_caveats(queried(made_up, "sphere"))
    assert caveat.startswith("r1 is a made-up region of the demonstration and no area of any brain")
    [caveat] = list_region_caveats(queried(made_up, made_up))
    assert caveat.startswith("r1 and r2 are made-up regions")
    assert list_region_caveats(queried(made_up, made_up, simulated=True)) == []
    assert list_region_caveats(queried("sphere", "probability map")) == []
    whole = queried("sphere", "union")
    whole["regions"][1]["parts"] = [{"name": "part", "kind": made_up}]
    assert list_region_caveats(whole)[0].startswith("r2 is a made-up region")


def sides(left, right, n_more=0):
    """Samples of a region: each donor has one per letter, left and right; another region lies on the left."""
    rows = [("A", donor, -30.0) for donor in left] + [("A", donor, 30.0) for donor in right]
    rows += [("A", "x", -30.0)] * n_more + [("B", "x", -20.0), ("B", "y", 0.0)]
    return pd.DataFrame(rows, columns=["region", "donor_name", "mni_x"])


class TestSides:
    def test_fewer_donors_on_one_side(self):
        [caveat] = list_side_caveats(sides("xyz", "xx"), ("A", "B"))
        assert caveat == (
            "2 of 5 samples of A lie in the right hemisphere, in 1 of 3 donors; compare one side (such as region.left "
            "in Python), or add the covariate hemisphere"
        )
        [caveat] = list_side_caveats(sides("xy", "xyz"), ("A", "B"))
        assert "of A lie in the left hemisphere, in 2 of 3 donors" in caveat

    @pytest.mark.parametrize("samples", [sides("xyz", "xyz"), sides("xyz", ""), sides("xyz", "x", n_more=40)])
    def test_nothing_where_both_sides_have_their_donors_or_one_is_hardly_there(self, samples):
        assert list_side_caveats(samples, ("A", "B")) == []

    def test_nothing_where_the_hemisphere_is_in_the_model(self):
        hemisphere = Covariate("hemisphere", pd.Series(["left"]), is_factor=True)
        assert list_side_caveats(sides("xyz", "x"), ("A", "B"), [hemisphere]) == []
        left_out = replace(hemisphere, outcome="it is one")
        assert len(list_side_caveats(sides("xyz", "x"), ("A", "B"), [left_out])) == 1


def test_many_names_are_counted():
    table = make_table(8, significant=[True] * 8, n_donors_same_sign=2)
    [caveat] = list_gene_caveats(table, make_exchanges(8), OPTIONS)
    assert caveat.endswith("G0, G1, G2, G3, G4 and 3 more")


@pytest.mark.parametrize(("n_lost", "words"), [(1, "1 gene without a probe"), (1200, "1,200 genes without a probe")])
def test_genes_lost_to_a_filter_are_told(n_lost, words):
    [caveat] = list_filter_caveats({"n_genes_left_out": n_lost})
    assert words in caveat
    assert list_filter_caveats({"n_genes_left_out": 0}) == list_filter_caveats(None) == []


def test_few_relabellings_within_donors_are_told_under_another_exchange():
    design = make_design([(1, 3), (1, 2)])
    caveats = list_design_caveats(design, ("A", "B"), alpha=0.05)
    assert any("within donors there are 12 relabellings, too few to reach alpha = 0.05" in text for text in caveats)
    assert not any("too few" in text for text in list_design_caveats(design, ("A", "B")))
    assert not any("too few" in text for text in list_design_caveats(make_design([(4, 4)]), ("A", "B"), alpha=0.05))
