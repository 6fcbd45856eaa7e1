"""More than two regions: all at once and every two, in Python and on the command line."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex import cli
from jugex.analysis import omnibus_test
from jugex.analysis.group_caveats import list_exchange_caveats
from jugex.analysis.omnibus import OMNIBUS_COLUMNS
from jugex.analysis.options import check_options
from jugex.errors import DesignError, DesignWarning, JugexWarning, OptionError, OutputError
from jugex.report import save_result
from jugex.several import PAIRS_COLUMNS, _list_warnings, compare_several
from tests.toy import ToyAtlas, wells

REGIONS = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
NAMES = ["A", "B", "C"]
GENES = ["MAOA", "TAC1", "GAD2", "SST"]
FEW = {"atlas": "simulated", "genes": GENES, "n_permutations": 199, "rng": 3}

#: Three regions in donors 1 and 2; a fourth in donor 3, alone.
ONE, TWO = wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003)
THREE, APART = wells("three", 1004, 1005, 2004), wells("apart", 3000, 3001)


def toy(n_genes=5):
    levels = np.random.default_rng(0).normal(5, 1, size=(17, n_genes))
    levels[[0, 1, 6, 7], 0] += 6
    levels[:, -1] = 2.0
    return ToyAtlas([6, 6, 5], [f"G{number}" for number in range(n_genes)], levels)


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
    monkeypatch.setattr("jugex.report.several_files.save_result", lambda result, folder: folder.mkdir())


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
        assert table["significant"].tolist() == [True, True, False, False]
        assert table["p_fwe"].is_monotonic_increasing
        assert (table["p_perm"] <= table["p_fwe"]).all()
        assert table["q_fdr"].tolist() == stats.false_discovery_control(table["p_perm"]).tolist()
        assert table["q_fdr_by"].tolist() == stats.false_discovery_control(table["p_perm"], method="by").tolist()
        assert table["df_area"].tolist() == [2] * 4
        assert (table["df_resid"] == table["n_samples"] - 6 - 2).all()

    def test_two_regions_are_the_comparison_of_two(self):
        pair = jugex.compare(*REGIONS[:2], **FEW).table
        group = jugex.query.region_group(jugex.demo_regions(), atlas="simulated", genes=GENES)
        table = omnibus_test(group, n_permutations=199, rng=3).table
        assert table["gene"].tolist() == pair["gene"].tolist()
        for column in ("p_perm", "p_fwe", "p_fwe_stepdown", "q_fdr"):
            assert table[column].tolist() == pair[column].tolist()
        for column in ("ss_area", "ss_resid", "f", "p_parametric", "mean_1", "mean_2", "mean_level", "probe_r"):
            np.testing.assert_allclose(table[column], pair[column], rtol=1e-12)  # sums in another order

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

    def test_settings_hold_the_design(self):
        settings = compare_toy([ONE, TWO, THREE, APART], exchange="within-donor").settings
        design = settings["design"]
        assert design["n_samples"] == [4, 4, 3, 2]
        assert [donor["n_samples"] for donor in design["donors"]] == [[2, 2, 2, 0], [2, 2, 1, 0], [0, 0, 0, 2]]
        assert design["linked_regions"] == [["one", "two", "three"], ["apart"]]
        assert (design["df_area"], design["df_resid"]) == (2, 13 - 3 - 2)
        assert design["relabellings"]["within-donor"] == 90 * 30
        assert settings["permutation"]["n_permutations"] == 999
        assert settings["permutation"]["smallest_p"] == 0.001
        assert json.loads(json.dumps(settings)) == settings

    def test_regions_apart_are_told_of(self):
        group = jugex.query.region_group([ONE, TWO, THREE, APART], atlas=toy())
        said = r"two of these groups: \{one, two, three\} and \{apart\}: the omnibus F"
        with pytest.warns(DesignWarning, match=said):
            omnibus_test(group, n_permutations=99, rng=0)

    def test_a_design_that_cannot_reach_alpha_is_told_of(self):
        few = [wells("one", 1000), wells("two", 1001), wells("three", 1002, 1003, 2000)]
        group = jugex.query.region_group(few, atlas=toy())
        with pytest.warns(
            DesignWarning, match=r"cannot reach alpha = 0\.05: the smallest p .* is 0\.1667; more samples"
        ):
            found = omnibus_test(group, rng=0)
        assert found.settings["permutation"]["exhaustive"]
        assert found.settings["permutation"]["exact"]

    def test_a_q_that_cannot_reach_alpha_is_told_of(self):
        group = jugex.query.region_group([ONE, TWO, THREE], atlas=toy(31))  # one of them is constant
        said = r"single gene cannot reach 0\.05 with 30 genes and 199 relabellings \(within-donor\): at least 3 genes"
        with pytest.warns(DesignWarning, match=said):
            found = omnibus_test(group, n_permutations=199, rng=0)
        assert any("(p_fwe) is not affected" in caveat for caveat in found.settings["warnings"])

    def test_few_donors_are_told_of(self):
        # weights (36 - 12) / 12 = 2 and (25 - 9) / 10 = 1.6: 3.6^2 / (2^2 + 1.6^2) donors of one weight
        said = "rests on 2.0 effective donors (2 with samples in at least two regions): it says little about other"
        assert any(said in caveat for caveat in compare_toy([ONE, TWO, THREE]).settings["warnings"])
        one_more = [wells("one", 1000, 2000), wells("two", 1001, 1002, 1003)]
        said = "rests on 1.0 effective donor (1 with samples in at least two regions): it says"
        assert any(said in caveat for caveat in compare_toy(one_more).settings["warnings"])

    def test_enough_donors_of_equal_sizes_are_not(self, result):
        assert not any("effective donor" in said or "threefold" in said for said in result.settings["warnings"])

    def test_regions_of_unequal_size_are_told_of(self):
        found = compare_toy([wells("small", 1000), wells("large", 1001, 1002, 2000, 2001), wells("third", 1003, 2002)])
        said = "differ more than threefold in size (from small: 1 samples, to large: 4): where they differ in variance"
        assert not any("threefold" in caveat for caveat in compare_toy([ONE, TWO, THREE]).settings["warnings"])
        assert any(said in caveat for caveat in found.settings["warnings"])

    def test_samples_tied_between_regions_are_told_of(self):
        overlapping = wells("two", 1001, 1002, 1003, 2002, 2003)
        found = compare_toy([ONE, overlapping, THREE])
        said = "1 of the 1 samples that lie in several regions are equally probable in two of them, or have no"
        assert any(caveat.startswith(said) for caveat in found.settings["warnings"])

    def test_many_genes_that_differ_are_told_of(self):
        atlas = toy(120)
        found = compare_toy([ONE, TWO, THREE], atlas=atlas)
        assert found.settings["background"]["n_genes"] == 119
        share = (found.omnibus["p_perm"] <= 0.05).sum() / 119
        assert found.settings["background"]["share"] == share <= 0.1
        assert not any("have p_perm <=" in said for said in found.settings["warnings"])
        atlas = toy(120)
        atlas.values[np.ix_([0, 1, 6, 7], np.arange(60))] += 6
        found = compare_toy([ONE, TWO, THREE], atlas=atlas)
        assert found.settings["background"]["share"] > 0.4
        assert any("of all 119 genes have p_perm <= 0.05" in said for said in found.settings["warnings"])

    def test_chosen_genes_say_nothing_of_all(self, result):
        background = result.settings["background"]
        assert (background["n_genes"], background["why_not"]) == (0, "only the genes asked for were tested")

    def test_the_other_exchange_is_tried(self):
        regions = [wells("one", 1000, 2000), wells("two", 1001, 2001), wells("three", 1002, 2002)]
        found = compare_toy(regions)  # all 36 relabellings within donors, and of 90 those that are estimable
        other = compare_toy(regions, exchange="free")
        p_fwe = found.settings["exchanges"]["p_fwe"]
        assert set(p_fwe) == {"G0", "G1", "G2", "G3"}
        for scheme, of_scheme in (("within-donor", found), ("free", other)):
            expected = of_scheme.omnibus.set_index("gene")["p_fwe"]
            assert {gene: of_gene[scheme] for gene, of_gene in p_fwe.items()} == expected.dropna().to_dict()
        assert other.settings["exchanges"]["p_fwe"] == p_fwe
        assert found.settings["exchanges"]["why_not"] is None

    def test_regions_apart_cannot_be_exchanged_freely(self):
        exchanges = compare_toy([ONE, TWO, THREE, APART]).settings["exchanges"]
        assert list(exchanges["n_significant"]) == ["within-donor"]
        assert exchanges["why_not"].startswith("no donor has samples in regions of two of these groups")

    def test_exchanges_that_disagree_are_told_of(self):
        options = check_options(999, "adjusted", "within-donor", "winsorized-mean", None, 0.05, 1)
        p_fwe = pd.DataFrame({"gene": list("abc"), "within-donor": [0.05, 0.04, 0.2], "free": [0.01, 0.051, 0.3]})
        said = "significant over all regions when labels are exchanged within donors or freely, but not both ways: "
        assert list_exchange_caveats(p_fwe, options) == [said + "b"]
        assert list_exchange_caveats(p_fwe[p_fwe["gene"] != "b"], options) == []
        many = pd.concat([p_fwe.iloc[[1]]] * 7)
        assert list_exchange_caveats(many, options) == [said + "b, b, b, b, b and 2 more"]

    def test_probes_by_themselves(self):
        found = compare_toy([ONE, TWO, THREE], probes="single")
        assert found.omnibus.columns[:3].tolist() == ["gene", "probe_id", "probe_name"]
        assert found.pairs_table.columns[:3].tolist() == ["gene", "probe_id", "probe_name"]

    def test_mirrored_samples_bring_their_hemisphere_into_the_model(self):
        atlas = toy()
        atlas.samples["mni_x"] *= np.where(np.arange(17) % 2, 1.0, -1.0)
        settings = compare_toy([ONE, TWO, THREE], atlas=atlas, mirror="left").settings
        (covariate,) = settings["covariates"]
        assert (covariate["name"], covariate["automatic"], covariate["outcome"]) == ("hemisphere", True, "in the model")
        assert settings["design"]["df_resid"] == 11 - 2 - 2 - (len(set(covariate["values"])) - 1)
        assert not any("hemisphere fixed" in caveat for caveat in settings["warnings"])

    def test_mirrored_samples_whose_hemisphere_is_a_region_are_told_of(self):
        atlas = toy()
        atlas.samples["mni_x"] = np.where(atlas.samples["well_id"] % 1000 < 2, -5.0, 5.0)
        settings = compare_toy([ONE, TWO, THREE], atlas=atlas, mirror="left").settings
        assert settings["covariates"][0]["outcome"] == "it tells regions apart within every donor"
        said = "samples of both hemispheres were brought to one, and the omnibus F does not hold the hemisphere fixed"
        assert said in settings["warnings"]

    def test_what_it_is_called(self):
        group = jugex.query.region_group(jugex.demo_regions(), atlas="simulated", genes=["MAOA", "GAD2"])
        found = omnibus_test(group, n_permutations=99, rng=0)
        assert repr(found) == "<Omnibus: simulated A, simulated B, 2 genes, 51 samples>"
        assert found.significant["gene"].tolist() == ["MAOA"]


class TestPairs:
    @pytest.mark.parametrize("pair", [("A", "B"), ("A", "C"), ("B", "C")])
    def test_are_what_compare_says_of_two_regions_alone(self, result, pair):
        two = [REGIONS[NAMES.index(name)] for name in pair]
        alone = jugex.compare(*two, names=pair, **FEW)
        pd.testing.assert_frame_equal(result.pairs[pair].table, alone.table)
        pd.testing.assert_frame_equal(result.pairs[pair].samples, alone.samples)
        settings = dict(result.pairs[pair].settings)
        several = settings.pop("several")
        assert settings == alone.settings
        of_pair = result.pairs_table.query("region_1 == @pair[0] and region_2 == @pair[1]")
        found = of_pair.loc[of_pair["significant"], "gene"].tolist()
        assert several == {
            "regions": ["A", "B", "C"], "n_pairs": 3, "page": "../report.html", "n_significant": len(found),
            "significant": found,
        }  # fmt: skip
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
        assert found.settings.pop("several")["n_pairs"] == 3
        assert found.settings == alone.settings
        # of all 70, the two in which every donor has one region
        permutation = found.settings["permutation"]
        counted = permutation["n_collinear_smallest"], permutation["n_permutations"]
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
        assert found.settings["pairs"][1]["status"].startswith("impossible: no donor has samples in both")
        assert found.settings["pairs"][1]["folder"] is None

    def test_a_seed_serves_every_test_and_none_is_drawn_once(self):
        found = compare_toy([ONE, TWO, THREE], rng=None)
        seeds = {of_pair.settings["permutation"]["seed"] for of_pair in found.pairs.values()}
        assert seeds == {found.settings["permutation"]["seed"]}
        again = compare_toy([ONE, TWO, THREE], rng=found.settings["permutation"]["seed"])
        pd.testing.assert_frame_equal(again.pairs_table, found.pairs_table)

    def test_a_generator_is_used_up_by_one_after_the_other(self):
        options = {"n_permutations": 5}  # too few to list all
        first, second = (compare_toy([ONE, TWO, THREE], rng=np.random.default_rng(1), **options) for _ in range(2))
        pd.testing.assert_frame_equal(first.pairs_table, second.pairs_table)
        states = {json.dumps(of.settings["permutation"]["bit_generator"]) for of in first.pairs.values()}
        assert len(states) == 3

    def test_structures_and_genes_may_be_gone_through_once(self):
        once = compare_several(REGIONS, names=NAMES, **FEW | {"genes": iter(GENES)}, exclude=iter(["deep structures"]))
        again = compare_several(REGIONS, names=NAMES, **FEW, exclude=["deep structures"])
        pd.testing.assert_frame_equal(once.pairs_table, again.pairs_table)


class TestRefusals:
    def test_no_donor_with_two_regions(self):
        with pytest.raises(DesignError, match="no donor has samples in two of the 3 regions"):
            compare_toy([wells("one", 1000, 1001), wells("two", 2000, 2001), wells("three", 3000, 3001)])

    def test_keep_cannot_be(self):
        with pytest.raises(OptionError, match="overlap 'keep' counts a sample in several regions"):
            compare_toy([ONE, TWO, THREE], overlap="keep")

    @pytest.mark.parametrize("statistic", ["sequential", "welch"])
    def test_other_statistics(self, statistic):
        with pytest.raises(
            OptionError, match=f"statistic '{statistic}' is for two regions, and several are compared by"
        ):
            compare_toy([ONE, TWO, THREE], statistic=statistic)

    def test_freedman_lane(self):
        with pytest.raises(OptionError, match="exchanges labels, 'within-donor' or 'free'; got 'freedman-lane'"):
            compare_toy([ONE, TWO, THREE], exchange="freedman-lane")

    def test_a_threshold_that_no_region_takes(self):
        with pytest.raises(OptionError, match="threshold is for regions given as text"):
            compare_toy([ONE, TWO, THREE], threshold=0.3)

    def test_names_are_as_many_as_regions(self):
        with pytest.raises(OptionError, match="names are 3, one for each region; got"):
            compare_toy([ONE, TWO, THREE], names=["a", "b"])


class TestWarnings:
    def test_what_is_significant_in_a_pair_alone_is_not_called_significant(self):
        warned = ["significant, but weak: G1", "not significant, but odd: G2", "one donor decides"]
        settings = {"warnings": warned, "several": {"n_significant": 1}}
        assert _list_warnings(settings) == ["significant in this pair, but weak: G1", *warned[1:]]
        assert _list_warnings(settings | {"several": {"n_significant": 0}}) == warned[1:]
        assert warned[2] not in _list_warnings(
            settings, said=[warned[2]]
        )  # it stands above, among those of all regions


class TestSave:
    def test_writes_both_tables_and_a_folder_for_each_pair(self, result, tmp_path, monkeypatch):
        def save_one(of_pair, folder):  # each takes seconds
            return save_result(of_pair, folder) if folder.name == "pair_1_3" else folder.mkdir()

        monkeypatch.setattr("jugex.report.several_files.save_result", save_one)
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
        assert samples["region"].value_counts().to_dict() == {"A": 27, "B": 24, "C": 17}
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

        monkeypatch.setattr("jugex.report.several_files.save_result", fail)
        with pytest.raises(OutputError, match="out cannot be written: No space left on device"):
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
        assert settings["arguments"] == result.settings["arguments"]
        printed = capsys.readouterr()
        assert "SIMULATED DATA" in printed.out
        assert "A: 27 samples; B: 24 samples; C: 17 samples; 6 donors" in printed.out
        assert "4 genes tested, 2 significant at p_fwe <= 0.05" in printed.out
        assert "3 pairs of regions, " in printed.out
        assert (
            "Written: out (omnibus.tsv, pairs.tsv, methods.md, and a folder with a report for each pair)" in printed.out
        )
        assert "All regions on one page: out/report.html" in printed.out

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
        # two samples of donor H0351.1015, and two of donor H0351.1012
        regions = [REGIONS[0], "sphere:-19,-93,-9,6", "sphere:-6,47,42,6"]
        assert cli.main(["compare", *regions, "--names", *NAMES, *self.COMMON, "--out", str(tmp_path / "out")]) == 0
        printed = capsys.readouterr()
        assert "jugex: warning: B - C: impossible: no donor has samples in both 'B' (2 samples of 1" in printed.err
        assert "jugex: warning: in each pair: the comparison rests on 1.0 effective donor" in printed.err
        assert "2 pairs of regions" in printed.out

    def test_names_before_two_regions_are_two_as_before(self, tmp_path, monkeypatch):
        saved = []
        monkeypatch.setattr("jugex.cli.run_compare.save_and_summarize", lambda result, options: saved.append(result))
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
            (["--names", "A", "B"], "names are 3, one for each region; got ['A', 'B']"),
            (["--missing", "drop-samples"], "--missing drop-samples is for two regions; leave it out"),
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
