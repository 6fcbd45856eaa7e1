"""Covariates beside donor: where they come from, what they add, and that F is statsmodels'."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

import jugex
from jugex.analysis import differential_expression
from jugex.analysis.covariates import name_covariates
from jugex.analysis.design import Design
from jugex.analysis.effects import compute_effects, remove_covariates
from jugex.analysis.engine import count_exceedances, scorer_of
from jugex.analysis.nulls import permutation_null
from jugex.analysis.relabel import (
    draw_relabellings,
    enumerate_relabellings,
    find_smallest_p,
    make_relabellings,
)
from jugex.analysis.scores import N_SCRATCH
from jugex.errors import DesignError, DesignWarning, JugexWarning, OptionError
from jugex.query import region_pair
from jugex.regions import parse_region
from tests.analysis.designs import LAYOUTS, make_design, make_values
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


def add_covariates(design: Design, rng: np.random.Generator, n_columns: int = 2) -> Design:
    factor = (rng.random(design.n_samples) < 0.5).astype(float)
    return replace(design, covariates=np.column_stack([factor, rng.normal(size=(design.n_samples, n_columns - 1))]))


def make_data(design: Design, values):
    data = pd.DataFrame({"y": values, "area": design.labels, "donor": design.donors})
    return data.assign(**{f"z{i}": design.covariates[:, i] for i in range(design.covariates.shape[1])})


class TestFormulas:
    """F, sums of squares, differences and intervals against statsmodels."""

    @pytest.mark.parametrize("layout", ["balanced", "unbalanced", "donors in one region only", "one donor"])
    def test_adjusted_and_sequential(self, layout):
        rng = np.random.default_rng(1)
        design = add_covariates(make_design(LAYOUTS[layout], rng), rng)
        values = make_values(design, 5, rng)
        adjusted, sequential = (compute_effects(values, values, design, how) for how in ("adjusted", "sequential"))
        beside = " + ".join(["z0", "z1", *(["C(donor)"] if design.n_donors > 1 else [])])
        for gene, y in enumerate(values):
            data = make_data(design, y)
            model = smf.ols(f"y ~ area + {beside}", data).fit()
            two, one = anova_lm(model, typ=2), anova_lm(model, typ=1)
            # float64 through two orthogonalisations
            assert adjusted.f[gene] == pytest.approx(two.loc["area", "F"], rel=1e-9)
            assert adjusted.ss_area[gene] == pytest.approx(two.loc["area", "sum_sq"], rel=1e-9)
            assert adjusted.ss_resid[gene] == pytest.approx(two.loc["Residual", "sum_sq"], rel=1e-9)
            assert adjusted.p_parametric[gene] == pytest.approx(two.loc["area", "PR(>F)"], rel=1e-8)
            assert sequential.f[gene] == pytest.approx(one.loc["area", "F"], rel=1e-9)
            assert adjusted.diff[gene] == pytest.approx(model.params["area[T.True]"], rel=1e-9)
            low, high = model.conf_int().loc["area[T.True]"]
            assert (adjusted.ci_low[gene], adjusted.ci_high[gene]) == pytest.approx((low, high), rel=1e-9)
            assert adjusted.df_resid == model.df_resid == design.df_resid

    def test_welch_is_the_difference_over_its_variance_by_region(self):
        rng = np.random.default_rng(2)
        design = add_covariates(make_design(LAYOUTS["unbalanced"], rng), rng)
        values = make_values(design, 4, rng)
        f = compute_effects(values, values, design, "welch").f
        full = np.column_stack([design.labels, np.eye(design.n_donors)[design.donors], design.covariates])
        hat = full @ np.linalg.pinv(full)
        contrast = np.linalg.pinv(full)[0]  # the difference is contrast @ y
        for gene, y in enumerate(values):
            rest = y - hat @ y
            variance = sum(
                (rest[g] @ rest[g]) / (g.sum() - np.trace(hat[np.ix_(g, g)])) * (contrast[g] @ contrast[g])
                for g in (design.labels, ~design.labels)
            )
            # 1e-8: pinv loses some digits beside sums of projections
            assert f[gene] == pytest.approx((contrast @ y) ** 2 / variance, rel=1e-8)

    @pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
    def test_every_relabelling_is_scored_as_it_would_be_observed(self, statistic):
        """The engine's score SS / (SS + RSS) of relabelled samples gives F of a design with these labels."""
        rng = np.random.default_rng(3)
        design = add_covariates(make_design(LAYOUTS["donors in one region only"], rng), rng)
        values = make_values(design, 3, rng)
        drawn = draw_relabellings(design, "free", 20, rng)
        scorer = scorer_of(values, design, drawn, statistic)
        scores, *scratch = np.empty((1 + N_SCRATCH, 3, 20))
        scorer.prepare(drawn.draws)(slice(0, 3), scores, scratch)
        for number, labels in enumerate(drawn.labels):
            f = compute_effects(values, values, replace(design, labels=labels), statistic).f
            scale = 1 if statistic == "welch" else design.df_resid
            assert scale * scores[:, number] / (1 - scores[:, number]) == pytest.approx(f, rel=1e-8)

    def test_donors_add_up_to_the_adjusted_difference(self):
        rng = np.random.default_rng(4)
        design = add_covariates(make_design(LAYOUTS["unbalanced"], rng), rng)
        values = make_values(design, 4, rng)
        removed = remove_covariates(values, design)
        plain = replace(design, covariates=None)
        assert compute_effects(removed, removed, plain, "adjusted").diff == pytest.approx(
            compute_effects(values, values, design, "adjusted").diff, rel=1e-10
        )
        assert remove_covariates(values, plain) is values


class TestEngine:
    @pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
    def test_counts_are_those_of_brute_force(self, statistic):
        rng = np.random.default_rng(6)
        design = add_covariates(make_design([(2, 2), (3, 2)], rng), rng)
        values = make_values(design, 4, rng)
        every = enumerate_relabellings(design, "within-donor")
        f = np.array([compute_effects(values, values, replace(design, labels=a), statistic).f for a in every.labels])
        observed = compute_effects(values, values, design, statistic).f
        counts = count_exceedances(values, design, every, statistic=statistic)
        assert counts.own.tolist() == (f >= observed * (1 - 1e-9)).sum(axis=0).tolist()
        assert counts.family.tolist() == (f.max(axis=1)[:, None] >= observed * (1 - 1e-9)).sum(axis=0).tolist()

    def test_looked_up_counts_are_the_same(self, monkeypatch):
        rng = np.random.default_rng(7)
        design = add_covariates(make_design(LAYOUTS["balanced"], rng), rng)
        values = make_values(design, 70, rng)
        drawn = draw_relabellings(design, "within-donor", 300, rng)
        expected = count_exceedances(values, design, drawn)
        monkeypatch.setattr("jugex.analysis.engine._LARGE_JOB", 0)
        found = count_exceedances(values, design, drawn)
        for counts in ("own", "family", "stepdown"):
            assert (getattr(found, counts) == getattr(expected, counts)).all()

    def test_relabellings_collinear_with_a_covariate_are_left_out(self):
        donors = np.repeat([0, 1], 4)
        side = np.tile([1.0, 1.0, 0.0, 0.0], 2)
        design = Design(np.tile([True, False, True, False], 2), donors, side[:, None])
        every = enumerate_relabellings(design, "within-donor")
        # of the 6 x 6 relabellings the sides themselves and their mirror image are collinear in both donors, 2 x 1
        # of them with the same sign
        assert (every.n_redrawn, len(every.labels)) == (2, 34)
        drawn = draw_relabellings(design, "within-donor", 500, np.random.default_rng(0))
        assert drawn.n_redrawn > 0
        assert design.is_estimable(drawn.labels).all()
        # the observed labels and their mirror image, of 34
        assert find_smallest_p(design, every) == pytest.approx(2 / 34)


class TestSources:
    def test_columns_of_the_samples(self, pair, atlas):
        result = analyse(pair, covariates=["batch", "rin"])
        recorded = result.settings["covariates"]
        assert [(c["name"], c["kind"], c["outcome"]) for c in recorded] == [
            ("batch", "factor", "in the model"),
            ("rin", "number", "in the model"),
        ]
        known = atlas.samples.set_index("well_id")
        assert recorded[1]["values"] == known.loc[result.samples["well_id"], "rin"].tolist()
        assert result.table["df_resid"].unique() == [12 - 3 - 3 - 1]
        assert result.settings["arguments"]["covariates"] == ["batch", "rin"]
        json.dumps(result.settings, allow_nan=False)

    def test_f_is_that_of_statsmodels(self, pair):
        result = analyse(pair, covariates=["batch", "mni_x"])
        data = result.samples.assign(y=result.zscores["A"], batch=result.settings["covariates"][0]["values"])
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
        assert result.settings["arguments"]["covariates"] == ["plate", "quality"]
        assert all(covariate["from_table"] for covariate in result.settings["covariates"])
        same = analyse(pair, covariates=["batch", "rin"])
        pd.testing.assert_frame_equal(result.table, same.table)

    def test_a_table_by_its_index(self, pair, atlas):
        table = atlas.samples.set_index("well_id")[["rin"]]
        pd.testing.assert_frame_equal(analyse(pair, covariates=table).table, analyse(pair, covariates="rin").table)
        assert name_covariates(["batch", table]) == ["batch", "rin"]

    def test_hemisphere(self, pair, atlas):
        values = analyse(pair, covariates="hemisphere").settings["covariates"][0]["values"]
        x = atlas.samples.set_index("well_id").loc[pair.samples["well_id"], "mni_x"]
        assert values == np.where(x < 0, "left", "right").tolist()

    def test_mirrored_samples_bring_their_hemisphere(self, atlas):
        mirrored = region_pair(ONE, TWO, atlas=atlas, mirror="left")
        assert (mirrored.samples["mni_x"] <= 0).all()
        result = analyse(mirrored)
        (covariate,) = result.settings["covariates"]
        assert (covariate["name"], covariate["automatic"]) == ("hemisphere", True)
        x = atlas.samples.set_index("well_id").loc[mirrored.samples["well_id"], "mni_x"]
        assert covariate["values"] == np.where(x < 0, "left", "right").tolist()
        assert result.settings["arguments"]["covariates"] is None
        assert result.table["df_resid"].unique() == [12 - 3 - 1 - 1]
        asked = analyse(mirrored, covariates="hemisphere")
        pd.testing.assert_frame_equal(asked.table, result.table)

    def test_nothing_is_said_of_mirrored_samples_of_one_side(self, atlas):
        atlas.samples["mni_x"] = -1.0 - atlas.samples["mni_x"].abs()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = analyse(region_pair(ONE, TWO, atlas=atlas, mirror="left"))
        assert result.settings["covariates"][0]["outcome"] == "it has one value in all samples used"
        assert not any("covariate" in text for text in result.settings["warnings"])

    def test_structure_class(self):
        atlas = jugex.open_atlas("simulated")
        structures = atlas.structures.set_index("structure_id")
        lobes = structures.index[structures["acronym"] == structures["acronym"].iloc[3]]
        atlas.structures = atlas.structures.assign(
            acronym=atlas.structures["acronym"].where(~atlas.structures["structure_id"].isin(lobes), "Cx")
        )
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
        assert result.settings["covariates"][0]["values"] == pytest.approx(
            samples.set_index(np.arange(1, 13))["RIN"].loc[result.samples["well_id"]].tolist()
        )


class TestMessages:
    @pytest.mark.parametrize("name", ["age", "sex", "race"])
    def test_what_is_the_donors_changes_nothing_and_says_so(self, pair, name):
        message = rf"covariate {name} is left out of the model: it is the same in all samples of a donor.*changes no F"
        with pytest.warns(DesignWarning, match=message):
            result = analyse(pair, covariates=name)
        pd.testing.assert_frame_equal(result.table, analyse(pair).table)
        assert any(f"covariate {name} is left out" in text for text in result.settings["warnings"])

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
        with pytest.warns(DesignWarning, match=r"\d% of the contrast between the regions is left beside near"):
            analyse(pair, covariates="near")

    def test_too_many(self, pair, atlas):
        rng = np.random.default_rng(0)
        table = pd.DataFrame(rng.normal(size=(16, 8)), columns=list("abcdefgh")).assign(
            well_id=atlas.samples["well_id"]
        )
        with pytest.raises(
            DesignError, match=r"3 donors and 8 columns of covariates leave 0 residual.*fewer covariates"
        ):
            analyse(pair, covariates=table)

    @pytest.mark.parametrize(
        ("covariates", "message"),
        [
            ("height", r"covariate 'height' is neither a column of the samples of toy atlas nor a file; .*batch, rin"),
            ([["batch"]], r"covariates are names, tables by well_id, or several of both; got \['batch'\]"),
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
        assert result.settings["missing"] == {"n_samples_dropped": 1, "well_ids": [1001]}
        assert 1001 not in set(result.samples["well_id"])
        assert any("1 sample left out" in text for text in result.settings["warnings"])


class TestAfterwards:
    def test_a_saved_result_gives_the_same_null(self, pair, tmp_path):
        result = analyse(pair, covariates=["batch", "mni_y"])
        result.save(tmp_path / "out")
        loaded = jugex.load_result(tmp_path / "out")
        row = result.table[result.table["gene"] == "A"].iloc[0]
        for one in (result, loaded):
            null = permutation_null(one, "A")
            f = one.table.loc[one.table["gene"] == "A", "f"].iloc[0]
            n = 0 if result.settings["permutation"]["exhaustive"] else 1
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
        assert dropped.settings["missing"]["well_ids"] == [1001, 2003]
        assert len(dropped.samples) == len(dropped.zscores) == 10
        assert dropped.zscores.notna().all(axis=None)
        assert dropped.settings["arguments"]["missing"] == "drop-samples"
        headline = dropped.sensitivity(genes="A", thresholds=()).query("is_headline")
        assert headline["p_fwe"].tolist() == dropped.table.query("gene == 'A'")["p_fwe"].tolist()

    def test_a_gene_that_is_missing_everywhere_drops_no_sample(self):
        levels = np.random.default_rng(3).normal(5, 1, size=(16, len(GENES)))
        levels[:, 2] = np.nan
        result = analyse(region_pair(ONE, TWO, atlas=ToyAtlas([6, 6, 4], GENES, levels)), missing="drop-samples")
        assert result.settings["missing"]["n_samples_dropped"] == 0
        assert result.table.set_index("gene").loc["B", "status"] == "not tested: missing in 12 of 12 samples"

    def test_none_is_left(self):
        levels = np.random.default_rng(3).normal(5, 1, size=(16, len(GENES)))
        levels[[0, 1, 2, 6, 7, 12], [0, 1, 2, 3, 4, 5]] = np.nan  # every sample of region one, in some gene
        pair = region_pair(ONE, TWO, atlas=ToyAtlas([6, 6, 4], GENES, levels))
        with pytest.raises(DesignError, match=r"each sample of 'one' misses a value.*missing='drop-genes'"):
            analyse(pair, missing="drop-samples")


class TestFreedmanLane:
    def test_observed_f_is_the_adjusted_one(self):
        rng = np.random.default_rng(0)
        design = add_covariates(make_design(LAYOUTS["unbalanced"], rng), rng)
        values = make_values(design, 5, rng)
        shuffles = make_relabellings(design, "freedman-lane", 3, rng)
        scores, *scratch = np.empty((1 + N_SCRATCH, 5, 1))
        scorer_of(values, design, shuffles, "adjusted").prepare(shuffles.observed(design))(slice(0, 5), scores, scratch)
        f = compute_effects(values, values, design, "adjusted").f
        assert design.df_resid * scores[:, 0] / (1 - scores[:, 0]) == pytest.approx(f, rel=1e-9)

    def test_shuffled_f_is_that_of_shuffled_residuals(self):
        """Fitted values plus residuals in another order, analysed anew: Freedman and Lane (1983)."""
        rng = np.random.default_rng(1)
        design = add_covariates(make_design(LAYOUTS["balanced"], rng), rng)
        values = make_values(design, 3, rng)
        shuffles = make_relabellings(design, "freedman-lane", 15, rng)
        scores, *scratch = np.empty((1 + N_SCRATCH, 3, 15))
        scorer_of(values, design, shuffles, "adjusted").prepare(shuffles.draws)(slice(0, 3), scores, scratch)
        for number, order in enumerate(shuffles.draws):
            for gene, y in enumerate(values):
                data = make_data(design, y)
                reduced = smf.ols("y ~ C(donor) + z0 + z1", data).fit()
                shuffled = data.assign(y=reduced.fittedvalues + reduced.resid.to_numpy()[order])
                f = anova_lm(smf.ols("y ~ area + C(donor) + z0 + z1", shuffled).fit(), typ=2).loc["area", "F"]
                score = scores[gene, number]
                assert design.df_resid * score / (1 - score) == pytest.approx(f, rel=1e-8)

    def test_p_is_that_of_nilearn(self):
        """`permuted_ols` shuffles residuals in the same way, by its own random orders."""
        from nilearn.mass_univariate import permuted_ols

        rng = np.random.default_rng(2)
        design = add_covariates(make_design(LAYOUTS["balanced"], rng), rng)
        values = make_values(design, 6, rng)
        m = 4000
        counts = count_exceedances(values, design, make_relabellings(design, "freedman-lane", m, rng))
        donors = (design.donors[:, None] == np.arange(1, design.n_donors)).astype(float)
        theirs = permuted_ols(
            design.labels[:, None].astype(float), values.T, np.column_stack([donors, design.covariates]),
            model_intercept=True, n_perm=m, random_state=0, output_type="dict",
        )  # fmt: skip
        t = theirs["t"][0]
        assert t**2 == pytest.approx(compute_effects(values, values, design, "adjusted").f, rel=1e-6)
        p, theirs_p = counts.p_values().fwe, 10 ** -theirs["logp_max_t"][0]
        # two independent binomial shares: five standard deviations
        margin = 5 * np.sqrt(2 * np.maximum(p * (1 - p), 1 / m) / m)
        assert (np.abs(p - theirs_p) <= margin).all()

    def test_all_three_are_recorded(self, pair):
        result = analyse(pair, exchange="freedman-lane", covariates="rin", tail=True)
        listed = result.settings["exchanges"]["n_significant"]
        assert list(listed) == ["freedman-lane", "within-donor", "free"]
        assert not result.settings["permutation"]["exhaustive"]
        assert result.settings["permutation"]["smallest_p"] == 1 / 200
        null = permutation_null(result, "A")
        row = result.table[result.table["gene"] == "A"].iloc[0]
        assert (1 + (null >= row["f"]).sum()) / 200 == row["p_perm"]


class TestConstants:
    @pytest.mark.parametrize("constant", [0.1, 33.3, 1 / 3, 1e6 + 0.1])
    def test_a_covariate_without_spread_adds_nothing(self, constant):
        """Where a donor is left out, what varied in it alone is constant: rounding must not become a covariate."""
        design = Design(np.tile([True, False], 4), np.repeat([0, 1], 4), np.full((8, 1), constant))
        assert design.basis.shape == (8, 0)
        assert design.df_resid == 8 - 2 - 1
        assert design.spread(design.labels[None])[0] == pytest.approx(2.0, rel=1e-15)

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
    assert [result.settings["permutation"]["exhaustive"] for result in (plain, beside)] == [True, True]
    assert [result.settings["permutation"]["exact"] for result in (plain, beside)] == [True, False]
