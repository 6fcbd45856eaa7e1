"""What weakens a result: each finding with its facts, and none without reason."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jugex.atlas.identity import AtlasChanges
from jugex.model.findings import (
    BothHemispheres,
    DecisiveDonor,
    DonorsDisagree,
    FdrOutOfReach,
    FewDonors,
    GenesWithoutProbes,
    MadeUpRegions,
    ManyGenesDiffer,
    MirroredHemispheres,
    NearDetectionLimit,
    NotConfirmable,
    NotLinked,
    OneExchangeOnly,
    ProbesDisagree,
    UnequalSizes,
    UnreachableAlpha,
)
from jugex.model.options import TestOptions
from jugex.model.query_record import ProbeFilterRecord
from jugex.model.record import CovariateRecord
from jugex.pipeline.diagnostics import check_reach, judge_background, judge_design, judge_genes, judge_samples
from jugex.pipeline.records import record_background
from jugex.query import region_group, region_pair
from jugex.regions import RegionIdentity
from tests.stats.designs import make_design
from tests.toy import ToyAtlas, wells

MADE_UP = "simulated probability map"


def make_group(design=None, *, kinds=("sphere", "sphere"), samples=None, simulated=False, mirror=None, n_lost=None):
    """What is read of a query: names and identities of regions, samples, atlas, filter of probes."""
    k = len(kinds) if design is None else design.n_regions
    names = tuple("ABCDE"[:k])
    if samples is None and design is not None:
        samples = pd.DataFrame({"donor_name": [f"D{donor}" for donor in design.donors]})
    if samples is None:
        samples = place_samples("xy", "")
    identities = [RegionIdentity(name, kind) for name, kind in zip(names, [*kinds, *["sphere"] * k], strict=False)]
    regions = [SimpleNamespace(name=one.name, identity=lambda one=one: one) for one in identities]
    taken = pd.DataFrame({"well_id": np.arange(len(samples)), "hemisphere": ["left", "right"] * (len(samples) // 2)
                          + ["left"] * (len(samples) % 2)})  # fmt: skip
    changes = AtlasChanges(mirror=mirror)
    n = {} if n_lost is None else {"probe_filter": ProbeFilterRecord(0.5, "all", 10, 100, 50, n_lost)}
    return SimpleNamespace(
        region_names=names,
        regions=regions,
        samples=samples.assign(well_id=np.arange(len(samples))),
        atlas=SimpleNamespace(simulated=simulated, changes=changes, samples=taken),
        **{"probe_filter": None} | n,
    )


class TestReach:
    @pytest.mark.parametrize(
        ("n_permutations", "exhaustive", "n_relabellings"), [(9, False, 9), (500, True, 10)]
    )  # fmt: skip
    def test_no_p_can_reach_alpha(self, n_permutations, exhaustive, n_relabellings):
        """Of one donor with 2 and 3 samples there are ten relabellings."""
        design, options = make_design([(2, 3)]), TestOptions(n_permutations=n_permutations)
        [finding] = check_reach(design, options, options.permutation.smallest_p(design), 5, "gene")
        assert isinstance(finding, UnreachableAlpha)
        assert (finding.exhaustive, finding.n_relabellings) == (exhaustive, n_relabellings)
        assert finding.smallest_p == pytest.approx(0.1)
        # more permutations are advised only where there are more
        assert ("more permutations" in finding.sentence) == (not exhaustive)

    @pytest.mark.parametrize(("probes", "unit"), [("mean", "gene"), ("single", "probe")])
    def test_q_fdr_cannot(self, probes, unit):
        design, options = make_design([(4, 4)] * 3), TestOptions(n_permutations=99, probes=probes)
        [finding] = check_reach(design, options, 0.01, 50, unit)
        assert isinstance(finding, FdrOutOfReach)
        assert (finding.unit, finding.n_tested, finding.n_needed, finding.n_relabellings) == (unit, 50, 10, 99)
        assert f"50 {unit}s" in finding.sentence

    def test_nothing_where_both_can(self):
        assert check_reach(make_design([(4, 4)] * 3), TestOptions(), 1e-4, 500, "gene") == []


class TestDesign:
    @pytest.mark.parametrize(
        ("layout", "kinds"),
        [
            ([(4, 4)] * 4, []),
            ([(7, 3), (2, 1), (5, 4)], [FewDonors]),
            ([(9, 9), (1, 1), (1, 1), (1, 1)], [FewDonors, DecisiveDonor]),
            ([(1, 4)] * 5, [UnequalSizes]),
        ],
    )
    def test_of_two_regions(self, layout, kinds):
        design = make_design(layout)
        assert [type(finding) for finding in judge_design(design, make_group(design), TestOptions())] == kinds

    def test_facts(self):
        design = make_design([(9, 9), (1, 1), (1, 1), (1, 1)])
        few, decisive = judge_design(design, make_group(design), TestOptions())
        assert few.effective_donors == pytest.approx(6**2 / (4.5**2 + 3 * 0.5**2))  # weights n_1 n_2 / n
        assert few.n_informative == 4
        assert (decisive.donor_name, decisive.share) == ("D0", pytest.approx(0.75))
        design = make_design([(1, 4)] * 5)
        [finding] = judge_design(design, make_group(design), TestOptions())
        assert (finding.largest, finding.n_largest, finding.smallest, finding.n_smallest) == ("B", 20, "A", 5)

    @pytest.mark.parametrize(
        ("layout", "words"),
        [
            ([(4, 4)], "1.0 effective donor (1 with samples in both regions)"),
            ([(4, 4), (4, 4)], "2.0 effective donors (2 with samples in both regions)"),
            ([(4, 4), (2, 2)], "1.8 effective donors (2 with samples in both regions, unequally weighted)"),
        ],
    )
    def test_donors_are_called_unequal_only_where_they_are(self, layout, words):
        design = make_design(layout)
        [finding] = [found for found in judge_design(design, make_group(design), TestOptions())
                     if isinstance(found, FewDonors)]  # fmt: skip
        assert words in finding.sentence

    def test_few_relabellings_within_donors_under_another_exchange(self):
        design, free = make_design([(1, 3), (1, 2)]), TestOptions(exchange="free")
        found = judge_design(design, make_group(design), free)
        assert NotConfirmable(n_relabellings=12, alpha=0.05) in found
        within = judge_design(design, make_group(design), TestOptions())
        assert not any(isinstance(finding, NotConfirmable) for finding in within)
        enough = make_design([(4, 4)])
        assert not any(isinstance(f, NotConfirmable) for f in judge_design(enough, make_group(enough), free))

    def test_regions_that_no_donor_links(self):
        design = make_design([(2, 2, 0), (2, 2, 0), (0, 0, 2)])
        assert NotLinked(groups=(("A", "B"), ("C",))) in judge_design(design, make_group(design), TestOptions())


def make_table(n=3, **columns):
    defaults = {
        "gene": [f"G{i}" for i in range(n)], "status": "ok", "significant": [True] + [False] * (n - 1),
        "p_perm": 0.2, "n_donors_both": 3, "n_donors_same_sign": 3, "probe_r": 0.9,
    }  # fmt: skip
    return pd.DataFrame({**defaults, **columns}, index=range(n))


def make_exchanges(n=3, within=(0.01,), free=(0.01,)):
    columns = {"within-donor": np.ones(n), "free": np.ones(n)}
    columns["within-donor"][: len(within)], columns["free"][: len(free)] = within, free
    return pd.DataFrame(columns, index=[f"G{i}" for i in range(n)])


def query_genes(n=3, *, genes=None, present=None):
    """Two regions of a toy atlas, with the share of samples in which each gene is present."""

    class Atlas(ToyAtlas):
        def _has_calls_of(self, donor_names):
            return present is not None

        def _read_calls(self, sample_rows, probe_rows):
            rank = np.arange(len(sample_rows))[:, None]
            return rank < np.array(present)[np.asarray(probe_rows)] * len(sample_rows)

    atlas = Atlas([8], [f"G{i}" for i in range(n)])
    return region_pair(wells("A", *range(1000, 1004)), wells("B", *range(1004, 1008)), atlas=atlas, genes=genes)


class TestGenes:
    @pytest.mark.parametrize(
        ("columns", "exchanges", "finding"),
        [
            ({}, {}, None),
            ({"n_donors_same_sign": 2}, {}, DonorsDisagree(genes=("G0",))),
            ({"n_donors_both": 1, "n_donors_same_sign": 1}, {}, None),
            ({"probe_r": [0.1, 0.1, 0.1]}, {}, ProbesDisagree(genes=("G0",), limit=0.2, is_significant=True)),
            ({"probe_r": np.nan}, {}, None),
            ({}, {"free": (0.2, 0.01)}, OneExchangeOnly(genes=("G0", "G1"), n_regions=2)),
            ({}, {"within": (0.05,), "free": (0.01,)}, None),
        ],
    )
    def test_what_is_said_of_significant_ones(self, columns, exchanges, finding):
        found = judge_genes(make_table(**columns), make_exchanges(**exchanges), query_genes(), TestOptions())
        assert found == ([] if finding is None else [finding])

    def test_one_near_the_detection_limit(self):
        near = query_genes(present=[0.3, 0.1, 0.1])
        [finding] = judge_genes(make_table(), make_exchanges(), near, TestOptions())
        assert finding == NearDetectionLimit(genes=("G0",), unit="gene")
        half = query_genes(present=[0.5, 0.1, 0.1])
        assert judge_genes(make_table(), make_exchanges(), half, TestOptions()) == []

    def test_probes_that_disagree_are_told_of_genes_asked_for_that_are_not_significant(self):
        table = make_table(probe_r=[0.9, 0.04, 0.3])
        asked = query_genes(genes=["G0", "G1", "G2"])
        [finding] = judge_genes(table, make_exchanges(), asked, TestOptions())
        assert finding == ProbesDisagree(genes=("G1",), limit=0.2, is_significant=False)
        assert judge_genes(table, make_exchanges(), query_genes(), TestOptions()) == []

    def test_probes_are_called_by_gene_and_probe(self):
        table = make_table(probe_name=["P0", "P1", "P2"], n_donors_same_sign=2)
        [finding] = judge_genes(table, make_exchanges(), query_genes(), TestOptions(probes="single"))
        assert finding == DonorsDisagree(genes=("G0 P0",))

    def test_of_more_regions_the_exchanges_alone(self):
        regions = wells("A", 1000, 1001), wells("B", 1002, 1003), wells("C", 1004, 1005)
        group = region_group(regions, atlas=ToyAtlas([8], ["G0", "G1", "G2"]))
        found = judge_genes(make_table(), make_exchanges(within=(0.05, 0.04), free=(0.01, 0.051)), group, TestOptions())
        assert found == [OneExchangeOnly(genes=("G1",), n_regions=3)]


def test_many_genes_with_a_small_p_are_a_finding_of_the_genome_only():
    p_perm = np.where(np.arange(200) < 30, 0.01, 0.5)
    [finding] = judge_background(record_background(p_perm, 999), "gene")
    assert finding == ManyGenesDiffer(share=0.15, n_genes=200, p_perm=0.05, unit="gene")
    assert judge_background(record_background(p_perm[:99], 999), "gene") == []  # too few genes
    assert judge_background(record_background(p_perm[::-1][:180], 999), "gene") == []  # 10 of 180
    assert judge_background(record_background(p_perm, 999, "some genes only"), "gene") == []


class TestSamples:
    @pytest.mark.parametrize(
        ("kinds", "simulated", "names"),
        [
            ((MADE_UP, "sphere"), False, ("A",)),
            ((MADE_UP, MADE_UP), False, ("A", "B")),
            ((MADE_UP, MADE_UP), True, ()),
            (("sphere", "probability map"), False, ()),
        ],
    )
    def test_made_up_regions_in_measured_brains(self, kinds, simulated, names):
        found = judge_samples(make_group(kinds=kinds, simulated=simulated), [])
        assert found == ([MadeUpRegions(names=names)] if names else [])

    def test_a_part_may_be_made_up(self):
        group = make_group()
        whole = RegionIdentity("B", "union", parts=(RegionIdentity("part", MADE_UP),))
        group.regions[1].identity = lambda: whole
        assert judge_samples(group, []) == [MadeUpRegions(names=("B",))]

    @pytest.mark.parametrize("n", [0, 1, 1200])
    def test_genes_lost_to_a_filter(self, n):
        assert judge_samples(make_group(n_lost=n), []) == ([GenesWithoutProbes(n=n)] if n else [])


def place_samples(left, right, n_more=0):
    """Samples of region A: each donor has one per letter, left and right; region B lies on the left."""
    rows = [("A", donor, -30.0) for donor in left] + [("A", donor, 30.0) for donor in right]
    rows += [("A", "x", -30.0)] * n_more + [("B", "x", -20.0), ("B", "y", 0.0)]
    return pd.DataFrame(rows, columns=["region", "donor_name", "mni_x"])


class TestSides:
    @pytest.mark.parametrize(
        ("left", "right", "facts"), [("xyz", "xx", (2, 5, "right", 1, 3)), ("xy", "xyz", (2, 5, "left", 2, 3))]
    )
    def test_fewer_donors_on_one_side(self, left, right, facts):
        [finding] = judge_samples(make_group(samples=place_samples(left, right)), [])
        assert isinstance(finding, BothHemispheres)
        assert finding.region == "A"
        told = (finding.n, finding.n_samples, finding.side, finding.n_donors_of_side, finding.n_donors)
        assert told == facts

    @pytest.mark.parametrize(
        "samples", [place_samples("xyz", "xyz"), place_samples("xyz", ""), place_samples("xyz", "x", n_more=40)]
    )
    def test_nothing_where_both_sides_have_their_donors_or_one_is_hardly_there(self, samples):
        assert judge_samples(make_group(samples=samples), []) == []

    @pytest.mark.parametrize(("outcome", "n"), [("in the model", 0), ("it is one", 1)])
    def test_nothing_where_the_hemisphere_is_in_the_model(self, outcome, n):
        hemisphere = CovariateRecord("hemisphere", "factor", False, False, outcome, ("left",))
        assert len(judge_samples(make_group(samples=place_samples("xyz", "x")), [hemisphere])) == n

    @pytest.mark.parametrize(("k", "is_told"), [(2, False), (3, True)])
    def test_mirrored_samples_without_their_hemisphere_in_the_model(self, k, is_told):
        group = make_group(kinds=("sphere",) * k, samples=place_samples("xyz", ""), mirror="left")
        assert judge_samples(group, []) == ([MirroredHemispheres()] if is_told else [])
