"""Query and analysis in one call: two regions, and several, all at once and every two."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from typing import ClassVar

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex import cli
from jugex.analysis import OMNIBUS_COLUMNS, differential_expression, omnibus_test
from jugex.comparison import PAIRS_COLUMNS, compare, compare_several
from jugex.errors import DesignError, DesignWarning, JugexWarning, OptionError, OutputError, OverlapWarning
from jugex.model.findings import (
    FdrOutOfReach,
    FewDonors,
    ManyGenesDiffer,
    MirroredHemispheres,
    NotLinked,
    TiedSamples,
    UnequalSizes,
    UnreachableAlpha,
)
from jugex.model.record import GroupMembership, RungCounts
from jugex.query import region_pair
from jugex.report import save_result
from tests.toy import ToyAtlas, WellRegion, wells

REGIONS = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
NAMES = ["A", "B", "C"]
RUNGS = ("p_donors", "p_donors_fwe", "p_spatial", "p_spatial_fwe", "diff_donors", "ci_donors_low", "ci_donors_high",
         "ci_spatial_low", "ci_spatial_high")  # fmt: skip
GENES = ["MAOA", "TAC1", "GAD2", "SST"]
FEW = {"atlas": "simulated", "genes": GENES, "n_permutations": 199, "rng": 3, "ladder": False}

#: Three regions in donors 1 and 2; a fourth in donor 3, alone.
ONE, TWO = wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003)
THREE, APART = wells("three", 1004, 1005, 2004), wells("apart", 3000, 3001)


def toy(n_genes=5):
    levels = np.random.default_rng(0).normal(5, 1, size=(17, n_genes))
    levels[[0, 1, 6, 7], 0] += 6
    levels[:, -1] = 2.0
    return ToyAtlas([6, 6, 5], [f"G{number}" for number in range(n_genes)], levels)


def two_samples_of(donor):
    """A REGION that holds two samples of a donor, far from the demo regions and from all other samples."""
    samples = jugex.open_atlas("simulated").samples
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + 99 * np.eye(len(points))
    is_alone = (distance.min(axis=1) > 2) & (points[:, 1] < 0) & (samples["donor_name"] == donor).to_numpy()
    return "+".join(f"sphere:{x},{y},{z},1" for x, y, z in points[is_alone][:2])


def find(findings, kind):
    """The findings of a kind."""
    return [finding for finding in findings if isinstance(finding, kind)]


def compare_toy(regions, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        return compare_several(regions, **{"atlas": toy(), "n_permutations": 999, "rng": 0} | options)


@pytest.fixture(scope="module")
def result():
    return compare_several(REGIONS, names=NAMES, **FEW)


@pytest.fixture
def _quick_save(monkeypatch):
    """What is written of a pair is tested elsewhere, and takes seconds."""
    monkeypatch.setattr("jugex.report.files.save_result", lambda result, folder: folder.mkdir())


class TestTwoRegions:
    ONE = WellRegion("one", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6, 2001: 0.4})
    TWO = WellRegion("two", {1002: 0.4, 1003: 0.7, 1004: 0.8, 2002: 0.6, 2003: 0.9})
    FEW: ClassVar = {"n_permutations": 99, "rng": 0}

    @pytest.fixture
    def atlas(self):
        return ToyAtlas([6, 5], ["A"] * 12 + ["B"])

    def test_compare_is_query_and_analysis(self, atlas):
        result = compare(self.ONE, self.TWO, atlas=atlas, **self.FEW)
        expected = differential_expression(region_pair(self.ONE, self.TWO, atlas=atlas), **self.FEW)
        pd.testing.assert_frame_equal(result.table, expected.table, check_exact=True)
        assert (result.record.arguments.preset, result.record.arguments.threshold) == (None, 0.2)

    def test_presets_do_as_the_earlier_tools_did(self, atlas):
        with pytest.warns(OverlapWarning, match="1 sample lies in both regions and counts in both"):
            result = compare(self.ONE, self.TWO, atlas=atlas, preset="siibra-jugex", **self.FEW)
        arguments = result.record.arguments
        assert arguments.preset == "siibra-jugex"
        assert (arguments.statistic, arguments.exchange) == ("sequential", "free")
        assert (arguments.probes, arguments.overlap) == ("winsorized-mean-scipy", "keep")

    @pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")  # of so few samples
    def test_an_option_beside_a_preset_wins(self, atlas):
        given = {"overlap": "exclude", "statistic": "adjusted"}
        result = compare(self.ONE, self.TWO, atlas=atlas, preset="siibra-jugex", **given, **self.FEW)
        arguments = result.record.arguments
        assert (arguments.statistic, arguments.overlap, arguments.exchange) == ("adjusted", "exclude", "free")

    def test_an_unknown_preset_is_refused(self, atlas):
        with pytest.raises(OptionError, match=r"preset must be one of bludau2018, siibra-jugex, .*; got 'matlab'"):
            compare(self.ONE, self.TWO, atlas=atlas, preset="matlab")

    def test_names_are_those_of_the_outputs(self, atlas):
        result = compare(self.ONE, self.TWO, atlas=atlas, names=["Fp1 left", "Fp2 left"], **self.FEW)
        assert result.region_names == ("Fp1 left", "Fp2 left")
        assert set(result.samples["region"]) == {"Fp1 left", "Fp2 left"}

    @pytest.mark.parametrize("names", ["ab", ["only one"], ["a", "b", "c"]])
    def test_names_are_two(self, atlas, names):
        with pytest.raises(OptionError, match="give two names, one for each region"):
            compare(self.ONE, self.TWO, atlas=atlas, names=names)

    @pytest.mark.parametrize("names", [["", "B"], ["A", "  "], ["A", 3], [None, "B"]])
    def test_a_name_is_text_that_is_not_empty(self, atlas, names):
        with pytest.raises(OptionError, match="the name of a region is text that is not empty; got"):
            compare(self.ONE, self.TWO, atlas=atlas, names=names)

    def test_a_threshold_for_regions_that_have_theirs_is_refused(self, atlas):
        with pytest.raises(OptionError, match=r"threshold is for regions given as text; set that of a Region"):
            compare(self.ONE, self.TWO, atlas=atlas, threshold=0.4)

    def test_regions_as_text_take_the_threshold(self, tmp_path):
        affine = np.diag([1.0, 1, 1, 1])
        for name, start in (("one", 0), ("two", 6)):
            data = np.zeros((16, 2, 2), dtype=np.float32)
            data[start : start + 6, 0, 0] = np.linspace(0.1, 0.6, 6)
            image = nib.Nifti1Image(data, affine)
            image.set_sform(affine, code=4)
            nib.save(image, tmp_path / f"{name}.nii.gz")
        atlas = ToyAtlas([6, 6], ["A", "B"])
        atlas.samples["mni_x"] = np.tile([0, 1, 2, 3, 4, 5], 2) + np.repeat([0, 6], 6)
        atlas.samples["mni_x"] = atlas.samples["mni_x"].replace({0: 11, 11: 0})
        atlas.samples[["mni_y", "mni_z"]] = 0.0
        texts = [str(tmp_path / "one.nii.gz"), str(tmp_path / "two.nii.gz")]
        for threshold, n_samples in ((None, 4), (0.05, 6), (0.45, 2)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DesignWarning)
                record = compare(*texts, atlas=atlas, threshold=threshold, **self.FEW).record
            used = threshold or 0.2
            assert [region.identity.threshold for region in record.regions] == [used, used]
            assert record.arguments.threshold == used
            assert record.design.n_samples == (n_samples, n_samples)

    def test_warnings_point_at_the_line_of_the_user(self, atlas):
        with pytest.warns(OverlapWarning) as caught:
            compare(self.ONE, self.TWO, atlas=atlas, overlap="keep", **self.FEW)
        assert caught[0].filename == __file__


class TestOmnibus:
    def test_one_row_per_gene_in_the_order_of_evidence(self, result):
        table = result.omnibus
        first = OMNIBUS_COLUMNS.index("p_fwe_stepdown") + 1
        assert tuple(table.columns) == (
            *OMNIBUS_COLUMNS[:first],
            "mean_1",
            "mean_2",
            "mean_3",
            *OMNIBUS_COLUMNS[first:],
        )
        assert set(table["gene"][:2]) == {"MAOA", "TAC1"}
        assert table["significant"].tolist() == (table["p_fwe"] <= 0.05).tolist() == [True, True, True, False]
        assert table["p_fwe"].is_monotonic_increasing
        assert (table["p_perm"] <= table["p_fwe"]).all()
        assert table["q_fdr"].tolist() == stats.false_discovery_control(table["p_perm"]).tolist()
        assert table["q_fdr_by"].tolist() == stats.false_discovery_control(table["p_perm"], method="by").tolist()
        assert table["df_area"].tolist() == [2] * 4
        assert (table["df_resid"] == table["n_samples"] - 6 - 2).all()

    def test_two_regions_are_the_comparison_of_two(self):
        pair = jugex.compare(*REGIONS[:2], **FEW).table
        group = jugex.query.region_group(jugex.demo_regions(), atlas="simulated", genes=GENES)
        of_group = differential_expression(group, n_permutations=199, rng=3, ladder=False).table
        pd.testing.assert_frame_equal(of_group, pair, check_exact=True)
        numbers = [column for column in of_group if column not in ("evidence", *RUNGS)]
        pd.testing.assert_frame_equal(omnibus_test(group, n_permutations=199, rng=3).table[numbers], pair[numbers])

    def test_the_order_of_regions_decides_nothing(self, result):
        other = compare_several(REGIONS[::-1], names=NAMES[::-1], **FEW)
        first, second = (table.set_index("gene").loc[GENES] for table in (result.omnibus, other.omnibus))
        np.testing.assert_allclose(first["f"], second["f"], rtol=1e-12)  # sums in another order
        np.testing.assert_array_equal(first[["p_perm", "p_fwe"]], second[["p_perm", "p_fwe"]])
        np.testing.assert_allclose(first["mean_1"], second["mean_3"], rtol=1e-12)

    def test_genes_without_f_say_why_and_are_in_no_family(self):
        table = compare_toy([ONE, TWO, THREE]).omnibus
        last = table.iloc[-1]
        assert (last["gene"], last["status"]) == ("G4", "not tested: constant over the samples used")
        assert not last["significant"]
        assert last[["f", "p_perm", "df_area", "df_resid"]].isna().all()

    def test_the_record_holds_the_design(self):
        found = compare_toy([ONE, TWO, THREE, APART], exchange="within-donor")
        design, permutation = found.record.design, found.record.permutation
        assert design.n_samples == (4, 4, 3, 2)
        assert [donor.n_samples for donor in design.donors] == [(2, 2, 2, 0), (2, 2, 1, 0), (0, 0, 0, 2)]
        assert design.linked_regions == (("one", "two", "three"), ("apart",))
        assert (design.df_area, design.df_resid) == (2, 13 - 3 - 2)
        assert design.relabellings["within-donor"] == 90 * 30
        assert (permutation.n_permutations, permutation.smallest_p) == (999, 0.001)
        assert json.loads(json.dumps(found.settings, allow_nan=False)) == found.settings

    def test_regions_apart_are_told_of(self):
        group = jugex.query.region_group([ONE, TWO, THREE, APART], atlas=toy())
        said = r"more than one of these groups of regions: \{one, two, three\} and \{apart\}; the omnibus F"
        with pytest.warns(DesignWarning, match=said):
            found = omnibus_test(group, n_permutations=99, rng=0)
        assert find(found.record.findings, NotLinked) == [NotLinked(groups=(("one", "two", "three"), ("apart",)))]

    def test_a_design_that_cannot_reach_alpha_is_told_of(self):
        few = [wells("one", 1000), wells("two", 1001), wells("three", 1002, 1003, 2000)]
        group = jugex.query.region_group(few, atlas=toy())
        with pytest.warns(DesignWarning, match=r"cannot reach alpha = 0\.05: the smallest p .* is 0\.1667"):
            found = omnibus_test(group, rng=0)
        [finding] = find(found.record.findings, UnreachableAlpha)
        assert (finding.n_regions, finding.exhaustive, finding.smallest_p) == (3, True, pytest.approx(1 / 6))
        assert (found.record.permutation.exhaustive, found.record.permutation.exact) == (True, True)

    def test_a_q_that_cannot_reach_alpha_is_told_of(self):
        group = jugex.query.region_group([ONE, TWO, THREE], atlas=toy(31))  # one of them is constant
        with pytest.warns(DesignWarning, match="at least 3 genes would have to share the smallest p"):
            found = omnibus_test(group, n_permutations=199, rng=0)
        [finding] = find(found.record.findings, FdrOutOfReach)
        assert (finding.n_tested, finding.n_needed, finding.n_relabellings) == (30, 3, 199)

    def test_few_donors_are_told_of(self):
        # weights (36 - 12) / 12 = 2 and (25 - 9) / 10 = 1.6: 3.6^2 / (2^2 + 1.6^2) donors of one weight
        [finding] = find(compare_toy([ONE, TWO, THREE]).record.findings, FewDonors)
        assert finding.effective_donors == pytest.approx(3.6**2 / (2**2 + 1.6**2))
        assert (finding.n_informative, finding.n_regions) == (2, 3)
        one_more = [wells("one", 1000, 2000), wells("two", 1001, 1002, 1003)]
        [finding] = find(compare_toy(one_more).record.findings, FewDonors)
        assert (finding.effective_donors, finding.n_informative) == (1.0, 1)

    def test_enough_donors_of_equal_sizes_are_not(self, result):
        assert find(result.record.findings, FewDonors | UnequalSizes) == []

    def test_regions_of_unequal_size_are_told_of(self):
        found = compare_toy([wells("small", 1000), wells("large", 1001, 1002, 2000, 2001), wells("third", 1003, 2002)])
        [finding] = find(found.record.findings, UnequalSizes)
        assert (finding.largest, finding.n_largest, finding.smallest, finding.n_smallest) == ("large", 4, "small", 1)
        assert find(compare_toy([ONE, TWO, THREE]).record.findings, UnequalSizes) == []

    def test_samples_tied_between_regions_are_told_of(self):
        overlapping = wells("two", 1001, 1002, 1003, 2002, 2003)
        found = compare_toy([ONE, overlapping, THREE])
        assert find(found.record.findings, TiedSamples) == [TiedSamples(n_tied=1, n_shared=1, n_regions=3)]

    def test_many_genes_that_differ_are_told_of(self):
        atlas = toy(120)
        found = compare_toy([ONE, TWO, THREE], atlas=atlas)
        assert found.record.background.n_genes == 119
        share = (found.omnibus["p_perm"] <= 0.05).sum() / 119
        assert found.record.background.share == share <= 0.1
        assert find(found.record.findings, ManyGenesDiffer) == []
        atlas = toy(120)
        atlas.values[np.ix_([0, 1, 6, 7], np.arange(60))] += 6
        found = compare_toy([ONE, TWO, THREE], atlas=atlas)
        assert found.record.background.share > 0.4
        assert [finding.n_genes for finding in find(found.record.findings, ManyGenesDiffer)] == [119]

    def test_chosen_genes_say_nothing_of_all(self, result):
        background = result.record.background
        assert (background.n_genes, background.why_not) == (0, "only the genes asked for were tested")

    def test_the_other_exchange_is_tried(self):
        regions = [wells("one", 1000, 2000), wells("two", 1001, 2001), wells("three", 1002, 2002)]
        found = compare_toy(regions)  # all 36 relabellings within donors, and of 90 those that are estimable
        other = compare_toy(regions, exchange="free")
        p_fwe = found.record.exchanges.p_fwe
        assert set(p_fwe) == {"G0", "G1", "G2", "G3"}
        for scheme, of_scheme in (("within-donor", found), ("free", other)):
            expected = of_scheme.omnibus.set_index("gene")["p_fwe"]
            assert {gene: of_gene[scheme] for gene, of_gene in p_fwe.items()} == expected.dropna().to_dict()
        assert other.record.exchanges.p_fwe == p_fwe
        assert found.record.exchanges.why_not is None

    def test_regions_apart_cannot_be_exchanged_freely(self):
        exchanges = compare_toy([ONE, TWO, THREE, APART]).record.exchanges
        assert list(exchanges.n_significant) == ["within-donor"]
        assert exchanges.why_not.startswith("no donor has samples in regions of two of these groups")

    def test_probes_by_themselves(self):
        found = compare_toy([ONE, TWO, THREE], probes="single")
        assert found.omnibus.columns[:3].tolist() == ["gene", "probe_id", "probe_name"]
        assert found.pairs_table.columns[:3].tolist() == ["gene", "probe_id", "probe_name"]

    def test_mirrored_samples_bring_their_hemisphere_into_the_model(self):
        atlas = toy()
        atlas.samples["mni_x"] *= np.where(np.arange(17) % 2, 1.0, -1.0)
        record = compare_toy([ONE, TWO, THREE], atlas=atlas, mirror="left").record
        (covariate,) = record.covariates
        assert (covariate.name, covariate.automatic, covariate.outcome) == ("hemisphere", True, "in the model")
        assert record.design.df_resid == 11 - 2 - 2 - (len(set(covariate.values)) - 1)
        assert find(record.findings, MirroredHemispheres) == []

    def test_mirrored_samples_whose_hemisphere_is_a_region_are_told_of(self):
        atlas = toy()
        atlas.samples["mni_x"] = np.where(atlas.samples["well_id"] % 1000 < 2, -5.0, 5.0)
        record = compare_toy([ONE, TWO, THREE], atlas=atlas, mirror="left").record
        assert record.covariates[0].outcome == "it tells the regions apart within every donor"
        assert find(record.findings, MirroredHemispheres) == [MirroredHemispheres()]

    def test_what_it_is_called(self):
        group = jugex.query.region_group(jugex.demo_regions(), atlas="simulated", genes=["MAOA", "GAD2"])
        found = omnibus_test(group, n_permutations=99, rng=0)
        assert repr(found) == "<Omnibus: simulated A, simulated B, 2 genes, 61 samples; evidence: 1 spatial>"
        assert found.significant["gene"].tolist() == ["MAOA"]


class TestPairs:
    @pytest.mark.parametrize("pair", [("A", "B"), ("A", "C"), ("B", "C")])
    def test_are_what_compare_says_of_two_regions_alone(self, result, pair):
        two = [REGIONS[NAMES.index(name)] for name in pair]
        alone = jugex.compare(*two, names=pair, **FEW)
        pd.testing.assert_frame_equal(result.pairs[pair].table, alone.table)
        pd.testing.assert_frame_equal(result.pairs[pair].samples, alone.samples)
        record = result.pairs[pair].record
        assert replace(record, group=None) == alone.record
        of_pair = result.pairs_table.query("region_1 == @pair[0] and region_2 == @pair[1]")
        found = tuple(of_pair.loc[of_pair["significant"], "gene"])
        assert record.group == GroupMembership(("A", "B", "C"), 3, found, "../report.html")
        rows = of_pair.set_index("gene")
        np.testing.assert_array_equal(rows.loc[alone.table["gene"], "p_fwe"], alone.table["p_fwe"])
        np.testing.assert_array_equal(rows.loc[alone.table["gene"], "diff"], alone.table["diff"])

    @pytest.mark.parametrize("preset", ["bludau2018", None])
    def test_with_a_preset_are_what_compare_says_with_it(self, preset):
        exchange = None if preset else "free"
        found = compare_toy([ONE, TWO, THREE], preset=preset, exchange=exchange).pairs["one", "two"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            alone = jugex.compare(
                ONE, TWO, preset=preset, exchange=exchange, atlas=toy(), n_permutations=999, rng=0
            )  # fmt: skip
        pd.testing.assert_frame_equal(found.table, alone.table)
        assert found.record.group.n_pairs == 3
        assert replace(found.record, group=None) == alone.record
        # of all 70, the two in which every donor has one region
        counted = found.record.permutation.n_collinear_smallest, found.record.permutation.n_permutations
        assert counted == ((2, 70) if preset else (0, 68))

    def test_are_in_one_tidy_table(self, result):
        table = result.pairs_table
        assert tuple(table.columns) == PAIRS_COLUMNS
        assert len(table) == 3 * len(GENES)
        assert table["p_fwe_holm"].is_monotonic_increasing
        assert (table["p_fwe_holm"] >= table["p_fwe"]).all()
        assert (table["significant"] == (table["p_fwe_holm"] <= 0.05)).all()
        assert table["p_fwe_holm"].min() == 3 * table["p_fwe"].min()

    def test_false_discovery_rates_are_statsmodels(self, result):
        multitest = pytest.importorskip("statsmodels.stats.multitest")
        for column, method in (("q_fdr", "fdr_bh"), ("q_fdr_by", "fdr_by")):
            expected = multitest.multipletests(result.omnibus["p_perm"], method=method)[1]
            np.testing.assert_allclose(result.omnibus[column], expected, rtol=1e-12)  # a few products

    def test_of_one_gene_holm_is_statsmodels(self):
        multitest = pytest.importorskip("statsmodels.stats.multitest")
        table = compare_several(REGIONS, names=NAMES, **FEW | {"genes": "GAD2"}).pairs_table
        expected = multitest.multipletests(table["p_fwe"], method="holm")[1]
        np.testing.assert_allclose(table["p_fwe_holm"], expected, rtol=1e-12)  # one product

    def test_impossible_ones_are_rows_with_a_reason(self):
        found = compare_toy([ONE, TWO, APART])
        assert set(found.pairs) == {("one", "two")}
        table = found.pairs_table
        for other in ("one", "two"):
            rows = table.query("region_1 == @other and region_2 == 'apart'")
            assert len(rows) == 5
            assert rows["status"].str.match(f"impossible: no donor has samples in both '{other}'").all()
            assert rows[["diff", "p_fwe", "p_fwe_holm"]].isna().all(axis=None)
            assert not rows["significant"].any()
        tested = table[table["status"] == "ok"]
        assert (tested["p_fwe_holm"] == tested["p_fwe"]).all()  # of one pair that admits a test
        assert found.record.pairs[1].status.startswith("impossible: no donor has samples in both")
        assert found.record.pairs[1].folder is None

    def test_a_seed_serves_every_test_and_none_is_drawn_once(self):
        found = compare_toy([ONE, TWO, THREE], rng=None)
        seed = found.record.permutation.randomness.seed
        assert {of_pair.record.permutation.randomness.seed for of_pair in found.pairs.values()} == {seed}
        again = compare_toy([ONE, TWO, THREE], rng=seed)
        pd.testing.assert_frame_equal(again.pairs_table, found.pairs_table)

    def test_a_generator_is_used_up_by_one_after_the_other(self):
        options = {"n_permutations": 5}  # too few to list all
        first, second = (compare_toy([ONE, TWO, THREE], rng=np.random.default_rng(1), **options) for _ in range(2))
        pd.testing.assert_frame_equal(first.pairs_table, second.pairs_table)
        states = {json.dumps(of.record.permutation.randomness.state) for of in first.pairs.values()}
        assert len(states) == 3

    def test_structures_and_genes_may_be_gone_through_once(self):
        once = compare_several(REGIONS, names=NAMES, **FEW | {"genes": iter(GENES)}, exclude=iter(["BG"]))
        again = compare_several(REGIONS, names=NAMES, **FEW, exclude=["BG"])
        pd.testing.assert_frame_equal(once.pairs_table, again.pairs_table)


class TestRefusals:
    def test_no_donor_with_two_regions(self):
        with pytest.raises(DesignError, match="no donor has samples in two of "):
            compare_toy([wells("one", 1000, 1001), wells("two", 2000, 2001), wells("three", 3000, 3001)])

    def test_keep_cannot_be(self):
        with pytest.raises(OptionError, match="overlap 'keep' counts a sample in several regions"):
            compare_toy([ONE, TWO, THREE], overlap="keep")

    @pytest.mark.parametrize("statistic", ["sequential", "welch"])
    def test_other_statistics(self, statistic):
        with pytest.raises(
            OptionError, match=f"statistic '{statistic}' is for two regions, and more are compared with"
        ):
            compare_toy([ONE, TWO, THREE], statistic=statistic)

    def test_freedman_lane(self):
        with pytest.raises(OptionError, match="must be 'within-donor' or 'free'; got 'freedman-lane'"):
            compare_toy([ONE, TWO, THREE], exchange="freedman-lane")

    def test_a_threshold_that_no_region_takes(self):
        with pytest.raises(OptionError, match="threshold is for regions given as text"):
            compare_toy([ONE, TWO, THREE], threshold=0.3)

    def test_names_are_as_many_as_regions(self):
        with pytest.raises(OptionError, match="give 3 names, one for each region; got"):
            compare_toy([ONE, TWO, THREE], names=["a", "b"])


class TestSave:
    def test_the_record_counts_the_rungs_of_each_pair(self, result):
        assert [pair.rungs for pair in result.data.record.pairs] == [None] * 3  # the ladder was not asked for
        with_ladder = jugex.compare_several(REGIONS, names=NAMES, **FEW | {"ladder": True, "background": False})
        for listed, pair in zip(with_ladder.data.record.pairs, with_ladder.pairs.values(), strict=True):
            evidence = pair.table["evidence"].tolist()
            assert listed.rungs == RungCounts(*(evidence.count(rung) for rung in ("spatial", "donors", "samples")))
        assert any(listed.rungs.spatial for listed in with_ladder.data.record.pairs)

    def test_writes_both_tables_and_a_folder_for_each_pair(self, result, tmp_path, monkeypatch):
        def save_one(of_pair, folder):  # each takes seconds
            return save_result(of_pair, folder) if folder.name == "pair_1_3" else folder.mkdir()

        monkeypatch.setattr("jugex.report.files.save_result", save_one)
        assert result.save(tmp_path / "out") == tmp_path / "out"
        names = {path.name for path in (tmp_path / "out").iterdir()}
        assert names == {
            "omnibus.tsv", "omnibus.json", "pairs.tsv", "pairs.json", "samples.tsv", "samples.json", "settings.json",
            "methods.md", "report.html", "pair_1_2", "pair_1_3", "pair_2_3",
        }  # fmt: skip
        # ten significant digits are written
        omnibus = pd.read_csv(tmp_path / "out" / "omnibus.tsv", sep="\t")
        pd.testing.assert_frame_equal(omnibus, result.omnibus, rtol=1e-9, check_dtype=False)
        pairs = pd.read_csv(tmp_path / "out" / "pairs.tsv", sep="\t")
        pd.testing.assert_frame_equal(pairs, result.pairs_table, rtol=1e-9, check_dtype=False)
        samples = pd.read_csv(tmp_path / "out" / "samples.tsv", sep="\t")
        assert samples["region"].value_counts().to_dict() == {"A": 33, "B": 28, "C": 16}
        assert set(GENES) < set(samples)
        loaded = jugex.load_result(tmp_path / "out" / "pair_1_3")
        pd.testing.assert_frame_equal(loaded.table, result.pairs["A", "C"].table, rtol=1e-9)
        for name, table in (("omnibus", omnibus), ("pairs", pairs), ("samples", samples)):
            described = json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))
            assert list(described) == list(table)
            assert all(entry["Description"] for entry in described.values())
        settings = json.loads((tmp_path / "out" / "settings.json").read_text(encoding="utf-8"))
        assert settings["versions"]["jugex"] == jugex.__version__
        assert settings["pairs"][1]["folder"] == "pair_1_3"
        assert settings["pairs"][1]["region_2"] == "C"

    @pytest.mark.usefixtures("_quick_save")
    def test_an_existing_folder_is_replaced_when_asked_to(self, result, tmp_path):
        result.save(tmp_path / "out")
        with pytest.raises(OutputError, match="exists and is not empty"):
            result.save(tmp_path / "out")
        (tmp_path / "out" / "pair_1_4").mkdir()
        (tmp_path / "out" / "pair_1_4" / "results.tsv").write_text("")
        (tmp_path / "out" / "notes.txt").write_text("mine")
        result.save(tmp_path / "out", overwrite=True)
        assert not (tmp_path / "out" / "pair_1_4").exists()
        assert (tmp_path / "out" / "notes.txt").read_text() == "mine"

    def test_a_run_that_fails_half_way_leaves_nothing(self, result, tmp_path, monkeypatch):
        def fail(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("jugex.report.files.save_result", fail)
        with pytest.raises(OutputError, match=r"out cannot be written: the disk of .* is full"):
            result.save(tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("_quick_save")
    def test_a_pair_that_admits_no_test_has_no_folder(self, tmp_path):
        compare_toy([ONE, TWO, APART]).save(tmp_path / "out")
        assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == {"pair_1_2"}


@pytest.mark.usefixtures("_quick_save")
class TestCommandLine:
    COMMON = ("--atlas", "simulated", "--genes", ",".join(GENES), "--permutations", "199", "--seed", "3")

    def test_is_the_python_call(self, result, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["compare", *REGIONS, "--names", *NAMES, *self.COMMON, "--out", "out"]) == 0
        pairs = pd.read_csv("out/pairs.tsv", sep="\t")
        pd.testing.assert_frame_equal(pairs, result.pairs_table, rtol=1e-9, check_dtype=False)  # ten digits
        settings = json.loads((tmp_path / "out" / "settings.json").read_text(encoding="utf-8"))
        assert settings["command"].startswith("jugex compare simulated:A simulated:B sphere:-40,0,30,20 --names A B C")
        assert settings["arguments"] == result.settings["arguments"] | {"ladder": True}
        printed = capsys.readouterr()
        assert "SIMULATED DATA" in printed.out
        assert "A: 33 samples; B: 28 samples; C: 16 samples; 6 donors" in printed.out
        assert "4 genes tested, 3 significant at p_fwe <= 0.05" in printed.out
        assert "3 pairs of regions, " in printed.out
        assert "Written: out (open out/report.html; each pair has a folder of its own)" in printed.out

    def test_probes_by_themselves_are_named(self, tmp_path, capsys):
        regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
        options = ["--genes", "GAD2,TAC1", "--probes", "single", "--permutations", "99", "--no-background"]
        arguments = [*regions, "--atlas", "simulated", *options, "--quiet", "--out", str(tmp_path / "out")]
        assert cli.main(["compare", *arguments]) == 0
        said = capsys.readouterr().out
        assert re.search(r"^\d+ probes tested", said, re.MULTILINE)
        assert len(re.findall(r"^gene  probe_name ", said, re.MULTILINE)) == 2

    def test_covariates_stand_in_every_model(self, tmp_path):
        out = tmp_path / "out"
        assert cli.main(["compare", *REGIONS, *self.COMMON, "--covariate", "mni_z", "--out", str(out)]) == 0
        settings = json.loads((out / "settings.json").read_text(encoding="utf-8"))
        assert settings["arguments"]["covariates"] == ["mni_z"]
        assert settings["covariates"][0]["outcome"] == "in the model"
        assert "and the covariate mni_z gave F" in (out / "methods.md").read_text(encoding="utf-8").replace("\\", "")

    def test_says_which_pairs_are_impossible_and_what_weakens_the_others(self, tmp_path, capsys):
        regions = [REGIONS[0], two_samples_of("H0351.1015"), two_samples_of("H0351.1012")]
        assert cli.main(["compare", *regions, "--names", *NAMES, *self.COMMON, "--out", str(tmp_path / "out")]) == 0
        printed = capsys.readouterr()
        assert "jugex: warning: B - C: impossible: no donor has samples in both 'B' (2 samples of 1" in printed.err
        assert "jugex: warning: in each pair: the comparison rests on 1.0 effective donor" in printed.err
        assert "2 pairs of regions" in printed.out

    def test_names_before_two_regions_are_two_as_before(self, tmp_path, monkeypatch):
        saved = []
        monkeypatch.setattr("jugex.cli.run_compare.save_and_summarize", lambda result, *_, **__: saved.append(result))
        out = str(tmp_path / "out")
        assert cli.main(["compare", "--names", "x", "y", *REGIONS[:2], *self.COMMON, "--out", out]) == 0
        assert saved[0].region_names == ("x", "y")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([*REGIONS[:2], "--names", "A", "B", "C"], "unrecognized arguments: C"),
            ([*REGIONS[:2], "--names", "A"], "argument --names: expected 2 arguments"),
            ([*REGIONS, "--names", "A", "B", "C", "D"], "unrecognized arguments: C D"),
            ([*REGIONS, "--names", "A", "B", "--nonsense"], "unrecognized arguments: --nonsense"),
            (REGIONS[:1], "the following arguments are required: REGION_2"),
        ],
    )
    def test_what_the_parser_refuses(self, arguments, message, tmp_path, capsys):
        with pytest.raises(SystemExit, match="2"):
            cli.main(["compare", *arguments, "--atlas", "simulated", "--out", str(tmp_path / "out")])
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--names", "A", "B"], "give 3 names, one for each region; got ['A', 'B']"),
            (["--preset", "siibra-jugex"], "overlap 'keep' counts a sample in several regions"),
        ],
    )
    def test_what_is_for_two_regions(self, options, message, tmp_path, capsys):
        assert cli.main(["compare", *REGIONS, *self.COMMON, *options, "--out", str(tmp_path / "out")]) == 1
        assert f"jugex: error: {message}" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_the_preset_of_the_publication_exchanges_freely(self, tmp_path):
        out = tmp_path / "out"
        assert cli.main(["compare", *REGIONS, *self.COMMON, "--preset", "bludau2018", "--out", str(out)]) == 0
        settings = json.loads((out / "settings.json").read_text(encoding="utf-8"))
        assert settings["arguments"]["preset"] == "bludau2018"
        assert settings["permutation"]["exchange"] == "free"
