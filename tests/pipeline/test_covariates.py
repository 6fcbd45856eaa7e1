"""Covariates: where they come from, what they add to region and donor, and that F is statsmodels'."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

import jugex
from jugex.analysis import differential_expression, omnibus_test
from jugex.errors import DesignError, DesignWarning, JugexWarning, OptionError
from jugex.model.findings import CovariateLeftOut, CovariatesTakeContrast, SamplesDropped
from jugex.pipeline.covariates import list_names
from jugex.query import region_group, region_pair
from jugex.regions import parse_region
from tests.toy import ToyAtlas, wells

GENES = ["A", "A", "B", "D", "D", "D"]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 3000)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004, 3001)


@pytest.fixture
def atlas():
    toy = ToyAtlas([6, 6, 4], GENES)
    rng = np.random.default_rng(5)
    toy.samples["batch"] = rng.choice(["x", "y", "z"], len(toy.samples))
    toy.samples["rin"] = rng.normal(7, 1, len(toy.samples))
    toy.samples["mni_x"] = rng.normal(0, 20, len(toy.samples))
    toy.samples["mni_y"] = rng.normal(0, 20, len(toy.samples))
    return toy


@pytest.fixture
def pair(atlas):
    return region_pair(ONE, TWO, atlas=atlas)


def analyse(pair, **options):
    return differential_expression(pair, **{"n_permutations": 199, "rng": 0, **options})


class TestSources:
    def test_columns_of_the_samples(self, pair, atlas):
        result = analyse(pair, covariates=["batch", "rin"])
        recorded = result.record.covariates
        assert [(covariate.name, covariate.kind, covariate.outcome) for covariate in recorded] == [
            ("batch", "factor", "in the model"),
            ("rin", "number", "in the model"),
        ]
        known = atlas.samples.set_index("well_id")
        assert list(recorded[1].values) == known.loc[result.samples["well_id"], "rin"].tolist()
        assert result.table["df_resid"].unique() == [12 - 3 - 3 - 1]
        assert result.record.arguments.covariates == ("batch", "rin")
        assert result.record.covariates_used == ("batch", "rin")

    def test_f_is_that_of_statsmodels(self, pair):
        result = analyse(pair, covariates=["batch", "mni_x"])
        data = result.samples.assign(y=result.zscores["A"], batch=result.record.covariates[0].values)
        model = smf.ols("y ~ region + donor_name + batch + mni_x", data).fit()
        f = result.table.set_index("gene").loc["A", "f"]
        assert f == pytest.approx(anova_lm(model, typ=2).loc["region", "F"], rel=1e-9)
        table = result.anova_table("A")
        assert table.index.tolist()[:4] == ["area", "specimen", "batch", "mni_x"]
        assert table.loc["area", "F"] == pytest.approx(f, rel=1e-9)
        assert table.loc["batch", "F"] == pytest.approx(anova_lm(model, typ=2).loc["batch", "F"], rel=1e-9)

    @pytest.mark.parametrize("as_file", [False, True])
    def test_a_table_by_well_id(self, pair, atlas, tmp_path, as_file):
        table = atlas.samples[["well_id", "batch", "rin"]].rename(columns={"batch": "plate", "rin": "quality"})
        given = table.sample(frac=1, random_state=0)
        if as_file:
            given.to_csv(tmp_path / "mine.tsv", sep="\t", index=False)
            given = str(tmp_path / "mine.tsv")
        result = analyse(pair, covariates=given)
        assert result.record.arguments.covariates == ("plate", "quality")
        assert all(covariate.from_table for covariate in result.record.covariates)
        same = analyse(pair, covariates=["batch", "rin"])
        pd.testing.assert_frame_equal(result.table, same.table)

    def test_a_table_by_its_index(self, pair, atlas):
        table = atlas.samples.set_index("well_id")[["rin"]]
        pd.testing.assert_frame_equal(analyse(pair, covariates=table).table, analyse(pair, covariates="rin").table)
        assert list_names(["batch", table]) == ["batch", "rin"]

    def test_hemisphere(self, pair, atlas):
        values = list(analyse(pair, covariates="hemisphere").record.covariates[0].values)
        x = atlas.samples.set_index("well_id").loc[pair.samples["well_id"], "mni_x"]
        assert values == np.where(x < 0, "left", "right").tolist()

    def test_mirrored_samples_bring_their_hemisphere(self, atlas):
        mirrored = region_pair(ONE, TWO, atlas=atlas, mirror="left")
        assert (mirrored.samples["mni_x"] <= 0).all()
        result = analyse(mirrored)
        (covariate,) = result.record.covariates
        assert (covariate.name, covariate.automatic) == ("hemisphere", True)
        x = atlas.samples.set_index("well_id").loc[mirrored.samples["well_id"], "mni_x"]
        assert list(covariate.values) == np.where(x < 0, "left", "right").tolist()
        assert result.record.arguments.covariates is None
        assert result.table["df_resid"].unique() == [12 - 3 - 1 - 1]
        asked = analyse(mirrored, covariates="hemisphere")
        pd.testing.assert_frame_equal(asked.table, result.table)

    def test_nothing_is_said_of_mirrored_samples_of_one_side(self, atlas):
        atlas.samples["mni_x"] = -1.0 - atlas.samples["mni_x"].abs()
        result = analyse(region_pair(ONE, TWO, atlas=atlas, mirror="left"))  # other warnings are errors
        assert result.record.covariates[0].outcome == "it has one value in all samples used"
        assert not any(isinstance(finding, CovariateLeftOut) for finding in result.record.findings)

    def test_structure_class(self):
        atlas = jugex.open_atlas("simulated")
        acronyms = atlas.structures["acronym"]
        atlas.structures = atlas.structures.assign(acronym=acronyms.where(acronyms != "Cx", "none that is known"))
        pair = region_pair(*jugex.demo_regions(), atlas=atlas, genes=["MAOA"])
        with pytest.raises(DesignError, match=r"covariate 'structure_class' is missing in \d+ of \d+ samples"):
            analyse(pair, covariates="structure_class")

    def test_structure_class_on_real_samples(self, shared_data):
        atlas = jugex.open_atlas(shared_data / "ahba-mini")
        one, two = (parse_region(f"structure:{name}") for name in ("FL", "Cb"))
        pair = region_pair(one, two, atlas=atlas)
        with pytest.raises(
            DesignError, match=r"covariate 'structure_class' tells 'frontal lobe' and 'cerebellum' apart"
        ):
            analyse(pair, covariates="structure_class")

    def test_users_columns_of_an_atlas_of_tables(self):
        rng = np.random.default_rng(0)
        names = [f"s{i}" for i in range(12)]
        samples = pd.DataFrame({"sample_id": names, "donor": np.repeat(["D1", "D2"], 6), "x": np.arange(12.0) - 6,
                                "y": 0.0, "z": 0.0, "RIN": rng.normal(size=12)})  # fmt: skip
        expression = pd.DataFrame(rng.normal(size=(12, 3)), index=names, columns=["G1", "G2", "G3"])
        atlas = jugex.atlas_from_tables(samples, expression)
        one = jugex.Region.sphere((-6, 0, 0), 2.5, name="one") | jugex.Region.sphere((0, 0, 0), 1.5, name="more")
        two = jugex.Region.sphere((-3, 0, 0), 1.5, name="two") | jugex.Region.sphere((4, 0, 0), 1.5, name="more")
        result = analyse(region_pair(one, two, atlas=atlas, overlap="exclude"), covariates="RIN")
        assert list(result.record.covariates[0].values) == pytest.approx(
            samples.set_index(np.arange(1, 13))["RIN"].loc[result.samples["well_id"]].tolist()
        )


class TestMessages:
    @pytest.mark.parametrize("name", ["age", "sex", "race"])
    def test_what_is_the_donors_changes_nothing_and_says_so(self, pair, name):
        message = rf"covariate {name} is left out of the model: it is the same in all samples of a donor.*change no F"
        with pytest.warns(DesignWarning, match=message):
            result = analyse(pair, covariates=name)
        pd.testing.assert_frame_equal(result.table, analyse(pair).table)
        [finding] = [found for found in result.record.findings if isinstance(found, CovariateLeftOut)]
        assert finding.name == name

    def test_one_value(self, pair, atlas):
        atlas.samples["species"] = "human"
        with pytest.warns(DesignWarning, match="covariate species is left out of the model: it has one value"):
            analyse(pair, covariates="species")

    def test_collinear_with_another_covariate(self, pair, atlas):
        atlas.samples["twice"] = 2 * atlas.samples["rin"] + 1
        with pytest.warns(DesignWarning, match="twice is left out of the model: it adds nothing to donor and rin"):
            result = analyse(pair, covariates=["rin", "twice"])
        pd.testing.assert_frame_equal(result.table, analyse(pair, covariates="rin").table)

    def test_collinear_with_area(self, pair, atlas):
        atlas.samples["side"] = np.where(atlas.samples["well_id"].isin(ONE.probabilities), "a", "b")
        with pytest.raises(DesignError, match="covariate 'side' tells 'one' and 'two' apart within every donor, so"):
            analyse(pair, covariates="side")

    def test_nearly_collinear_with_area(self, pair, atlas):
        rng = np.random.default_rng(0)
        atlas.samples["near"] = atlas.samples["well_id"].isin(ONE.probabilities) + rng.normal(0, 0.1, 16)
        with pytest.warns(DesignWarning, match=r"\d% of the contrast between the regions is left"):
            result = analyse(pair, covariates="near")
        [finding] = [found for found in result.record.findings if isinstance(found, CovariatesTakeContrast)]
        assert finding.covariates == ("near",)
        assert 0 < finding.share < 0.25

    def test_too_many(self, pair, atlas):
        rng = np.random.default_rng(0)
        table = pd.DataFrame(rng.normal(size=(16, 8)), columns=list("abcdefgh")).assign(
            well_id=atlas.samples["well_id"]
        )
        with pytest.raises(
            DesignError,
            match=r"3 donors leave 0 residual degrees of freedom with 8 columns of covariates.*fewer covariates",
        ):
            analyse(pair, covariates=table)

    @pytest.mark.parametrize(
        ("covariates", "message"),
        [
            ("height", r"covariate 'height' is neither a column of the samples of toy atlas nor a file; .*batch, rin"),
            ([["batch"]], r"covariates are names, tables by well_id, gene sets .*; got \['batch'\]"),
            (pd.DataFrame({"a": [1]}), r"needs a column well_id that says which sample a row is; it has a$"),
            (pd.DataFrame({"well_id": [1, 1], "a": [1, 2]}), "one row per sample; got well_id 1 twice"),
            ("structure_class", r"needs the ontology of the Allen Human Brain Atlas, which toy atlas does not have"),
        ],
    )
    def test_bad_covariates(self, pair, covariates, message):
        with pytest.raises(OptionError, match=message):
            analyse(pair, covariates=covariates)

    def test_missing_values(self, pair, atlas):
        atlas.samples.loc[atlas.samples["well_id"] == 1001, "rin"] = np.nan
        with pytest.raises(DesignError, match=r"'rin' is missing in 1 of 12 samples; .*missing='drop-samples'"):
            analyse(pair, covariates="rin")
        result = analyse(pair, covariates="rin", missing="drop-samples")
        assert result.record.missing_well_ids == (1001,)
        assert 1001 not in set(result.samples["well_id"])
        assert SamplesDropped(n=1) in result.record.findings


class TestAfterwards:
    def test_a_saved_result_gives_the_same_null(self, pair, tmp_path):
        result = analyse(pair, covariates=["batch", "mni_y"])
        result.save(tmp_path / "out")
        loaded = jugex.load_result(tmp_path / "out")
        row = result.table[result.table["gene"] == "A"].iloc[0]
        for one in (result, loaded):
            null = one.permutation_null("A")
            f = one.table.loc[one.table["gene"] == "A", "f"].iloc[0]
            n = 0 if result.record.permutation.exhaustive else 1
            assert (n + (null >= f).sum()) / (len(null) + n) == row["p_perm"]

    def test_sensitivity_has_a_row_with_spatial_covariates(self, pair):
        table = analyse(pair).sensitivity(genes="A")
        spatial = table[table["varied"] == "covariates"]
        assert spatial["covariates"].tolist() == ["mni_x, mni_y"] or spatial["covariates"].tolist() == [
            "mni_x, mni_y, mni_z"
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            direct = analyse(pair, covariates=["mni_x", "mni_y", "mni_z"]).table.set_index("gene").loc["A"]
        assert spatial["f"].iloc[0] == pytest.approx(direct["f"], rel=1e-12)
        assert spatial["p_fwe"].iloc[0] == direct["p_fwe"]
        assert (table.loc[table["is_headline"], "covariates"] == "none").all()


# three genes and few relabellings: what q_fdr cannot reach is not the point here
@pytest.mark.filterwarnings("ignore:the false discovery rate")
class TestMissing:
    def test_drop_samples(self):
        rng = np.random.default_rng(3)
        wells_of_both = [*ONE.probabilities, *TWO.probabilities]
        samples = pd.DataFrame({"well_id": wells_of_both, "x": 0.0, "y": 0.0, "z": 0.0}).assign(
            donor=[f"D{well // 1000}" for well in wells_of_both]
        )
        expression = pd.DataFrame(rng.normal(size=(12, 3)), index=wells_of_both, columns=["A", "B", "D"])
        expression.loc[1001, "A"] = expression.loc[2003, "B"] = np.nan
        pair = region_pair(ONE, TWO, atlas=jugex.atlas_from_tables(samples, expression))
        kept = analyse(pair)
        assert sorted(kept.table.loc[kept.table["status"] != "ok", "gene"]) == ["A", "B"]
        dropped = analyse(pair, missing="drop-samples")
        assert (dropped.table["status"] == "ok").all()
        assert dropped.record.missing_well_ids == (1001, 2003)
        assert len(dropped.samples) == len(dropped.zscores) == 10
        assert dropped.zscores.notna().all(axis=None)
        assert dropped.record.arguments.missing == "drop-samples"
        headline = dropped.sensitivity(genes="A", thresholds=()).query("is_headline")
        assert headline["p_fwe"].tolist() == dropped.table.query("gene == 'A'")["p_fwe"].tolist()

    def test_a_gene_that_is_missing_everywhere_drops_no_sample(self):
        levels = np.random.default_rng(3).normal(5, 1, size=(16, len(GENES)))
        levels[:, 2] = np.nan
        result = analyse(region_pair(ONE, TWO, atlas=ToyAtlas([6, 6, 4], GENES, levels)), missing="drop-samples")
        assert result.record.missing_well_ids == ()
        assert result.table.set_index("gene").loc["B", "status"] == "not tested: missing in 12 of 12 samples"

    def test_none_is_left(self):
        levels = np.random.default_rng(3).normal(5, 1, size=(16, len(GENES)))
        levels[[0, 1, 2, 6, 7, 12], [0, 1, 2, 3, 4, 5]] = np.nan  # every sample of region one, in some gene
        pair = region_pair(ONE, TWO, atlas=ToyAtlas([6, 6, 4], GENES, levels))
        with pytest.raises(DesignError, match=r"every sample of 'one' has a missing value.*missing='drop-genes'"):
            analyse(pair, missing="drop-samples")


class TestFreedmanLane:
    def test_all_three_are_recorded(self, pair):
        result = analyse(pair, exchange="freedman-lane", covariates="rin", tail=True)
        listed = result.record.exchanges.n_significant
        assert list(listed) == ["freedman-lane", "within-donor", "free"]
        assert not result.record.permutation.exhaustive
        assert result.record.permutation.smallest_p == 1 / 200
        null = result.permutation_null("A")
        row = result.table[result.table["gene"] == "A"].iloc[0]
        assert (1 + (null >= row["f"]).sum()) / 200 == row["p_perm"]


class TestLeftOut:
    @pytest.mark.filterwarnings("ignore:the false discovery rate")
    def test_left_out_donors_are_those_of_a_comparison_without_them(self, atlas):
        atlas.samples["only"] = np.where(
            atlas.samples["donor_name"] == "H0351.2001", np.arange(len(atlas.samples)), 33.3
        )
        result = analyse(region_pair(ONE, TWO, atlas=atlas), covariates="only", alpha=0.9999)
        without = result.leave_one_donor_out.set_index(["gene", "left_out"]).loc[("A", "H0351.2001")]
        others = region_pair(ONE, TWO, atlas=atlas, donors=["H0351.2002", "H0351.1009"])
        expected = analyse(others).table.set_index("gene").loc["A"]
        assert without["diff"] == pytest.approx(expected["diff"], rel=1e-12)


def test_with_covariates_nothing_is_called_exact():
    atlas = ToyAtlas([4, 3], ["A", "B"])
    atlas.samples["rin"] = np.random.default_rng(1).normal(size=7)
    pair = region_pair(wells("one", 1000, 1001, 2000), wells("two", 1002, 1003, 2001, 2002), atlas=atlas)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        plain, beside = analyse(pair), analyse(pair, covariates="rin")
    assert [result.record.permutation.exhaustive for result in (plain, beside)] == [True, True]
    assert [result.record.permutation.exact for result in (plain, beside)] == [True, False]


class TestOfSeveralRegions:
    """The same of three regions, where it is not said otherwise of two above."""

    REGIONS = (
        wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003), wells("three", 1004, 1005, 2004),
    )  # fmt: skip

    @pytest.fixture
    def table(self):
        """A covariate by well, which a test may set."""
        rin = np.random.default_rng(1).normal(size=17)
        return pd.DataFrame({"well_id": self.make_atlas().samples["well_id"], "rin": rin})

    def make_atlas(self):
        return ToyAtlas([6, 6, 5], [f"G{g}" for g in range(5)], np.random.default_rng(0).normal(5, 1, (17, 5)))

    def compare(self, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)  # of so few samples
            options = {"atlas": self.make_atlas(), "n_permutations": 199, "rng": 0} | options
            return jugex.compare_several(self.REGIONS, **options)

    def test_the_pairs_have_it_too_and_the_record_says_so(self, table):
        found = self.compare(covariates=table)
        assert found.record.arguments.covariates == ("rin",)
        assert found.record.covariates_used == ("rin",)
        assert len(found.record.covariates[0].values) == 11
        assert found.record.design.df_resid == 11 - 2 - 2 - 1
        assert not found.record.permutation.exact
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            alone = jugex.compare(
                *self.REGIONS[:2], atlas=self.make_atlas(), covariates=table, n_permutations=199, rng=0
            )  # fmt: skip
        pd.testing.assert_frame_equal(found.pairs["one", "two"].table, alone.table)

    @pytest.mark.filterwarnings("ignore:the false discovery rate", "ignore:the test of all regions")
    def test_one_that_is_the_donors_is_left_out_and_told_of(self):
        group = region_group(self.REGIONS, atlas=self.make_atlas())
        with pytest.warns(DesignWarning, match="covariate age is left out of the model: it is the same in all samples"):
            found = omnibus_test(group, covariates="age", n_permutations=199, rng=0)
        without = omnibus_test(group, n_permutations=199, rng=0)
        pd.testing.assert_frame_equal(found.table, without.table)
        assert [finding.name for finding in found.record.findings if isinstance(finding, CovariateLeftOut)] == ["age"]

    @pytest.mark.parametrize("is_constant", [True, False])
    def test_one_that_adds_nothing_is_told_of(self, table, is_constant):
        first = np.random.default_rng(2).normal(size=17)
        table["rin"] = 1.0 if is_constant else 2 * first + 1
        table.insert(1, "first", first)
        outcome = self.compare(covariates=table).record.covariates[1].outcome
        assert outcome == (
            "it has one value in all samples used" if is_constant else "it adds nothing to donor and first"
        )

    def test_one_that_tells_regions_apart_is_refused(self, table):
        table["rin"] = (table["well_id"] % 1000 < 2).astype(float)
        with pytest.raises(DesignError, match="covariate 'rin' tells regions apart within every donor"):
            self.compare(covariates=table)

    def test_one_that_nearly_does_is_told_of(self, table):
        table["rin"] = (table["well_id"] % 1000 < 2) + np.random.default_rng(3).normal(scale=0.05, size=17)
        findings = self.compare(covariates=table).record.findings
        [finding] = [found for found in findings if isinstance(found, CovariatesTakeContrast)]
        assert (finding.covariates, finding.n_regions) == (("rin",), 3)
        assert 0 < finding.share < 0.1

    @pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
    def test_missing_values_are_refused(self, table, missing):
        table.loc[0, "rin"] = missing
        with pytest.raises(DesignError, match="covariate 'rin' is missing in 1 of 11 samples"):
            self.compare(covariates=table)

    def test_too_many_leave_no_degree_of_freedom(self, table):
        table = table.assign(**{f"c{i}": np.random.default_rng(10 + i).normal(size=17) for i in range(6)})
        with pytest.raises(DesignError, match="3 regions and 7 columns of covariates, but at least 1 is needed"):
            self.compare(covariates=table)
