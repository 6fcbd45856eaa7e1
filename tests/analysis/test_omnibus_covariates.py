"""Covariates beside the donors of k regions: against statsmodels, the two-region engine and brute force."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis import omnibus_test
from jugex.analysis.design import Design
from jugex.analysis.effects import compute_effects
from jugex.analysis.engine import count_scores
from jugex.analysis.group_design import GroupDesign
from jugex.analysis.group_relabel import draw_group_relabellings, enumerate_group_relabellings
from jugex.analysis.group_scores import OmnibusScorer, compute_omnibus_effects, find_smallest_group_p
from jugex.errors import DesignError, DesignWarning, JugexWarning, OptionError
from jugex.several import compare_several
from tests.toy import ToyAtlas, wells

LAYOUTS = {
    "balanced": [(3, 3, 3), (3, 3, 3)],
    "unbalanced": [(4, 1, 2), (1, 3, 2), (2, 2, 5)],
    "four regions, gaps": [(3, 2, 0, 1), (0, 2, 2, 1), (2, 0, 1, 0), (0, 0, 3, 0)],
}
SMALL = [(2, 1, 1), (1, 1, 1)]  # 12 times 6 relabellings
REGIONS = [wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003), wells("three", 1004, 1005, 2004)]


def make_group(layout, rng, n_covariates=2):
    counts = np.array(layout)
    donors = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    codes = np.concatenate([np.repeat(np.arange(counts.shape[1]), row) for row in counts])
    codes = codes[np.argsort(donors + rng.random(len(donors)))]
    covariates = rng.normal(size=(len(codes), n_covariates)) + 0.5 * codes[:, None] + donors[:, None]
    return GroupDesign(codes, donors, counts.shape[1], covariates)


def make_values(design, n_genes, rng):
    values = rng.normal(size=(n_genes, len(design.codes))) + design.donors
    values[::2] += design.codes
    return values + rng.normal(size=(n_genes, design.covariates.shape[1])) @ design.covariates.T


def brute_force_f(values, codes, design):
    """F from the residuals of two least-squares fits."""
    of_donors = (design.donors[:, None] == np.unique(design.donors)).astype(float)
    without = np.hstack([of_donors, design.covariates])
    models = [without, np.hstack([without, (codes[:, None] == np.unique(codes)).astype(float)])]
    fits = [np.linalg.lstsq(model, values.T, rcond=None) for model in models]
    rss = [((values.T - model @ fit[0]) ** 2).sum(axis=0) for model, fit in zip(models, fits, strict=True)]
    rank = fits[1][2] - fits[0][2]
    return (rss[0] - rss[1]) / rank / (rss[1] / (len(codes) - fits[1][2]))


def toy(n_genes=5):
    return ToyAtlas([6, 6, 5], [f"G{g}" for g in range(n_genes)], np.random.default_rng(0).normal(5, 1, (17, n_genes)))


def compare_toy(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        return compare_several(REGIONS, **{"atlas": toy(), "n_permutations": 199, "rng": 0} | options)


def make_table(values):
    return pd.DataFrame({"well_id": toy().samples["well_id"], "rin": values})


class TestArrays:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_sums_of_squares_are_statsmodels(self, layout):
        ols = pytest.importorskip("statsmodels.formula.api").ols
        anova_lm = pytest.importorskip("statsmodels.stats.anova").anova_lm
        rng = np.random.default_rng(1)
        design = make_group(LAYOUTS[layout], rng)
        values = make_values(design, 3, rng)
        effects = compute_omnibus_effects(values, design)
        data = {"region": design.codes, "donor": design.donors}
        data |= {f"c{i}": column for i, column in enumerate(design.covariates.T)}
        for gene, of_gene in enumerate(values):
            frame = pd.DataFrame(data | {"zscore": of_gene})
            table = anova_lm(ols("zscore ~ C(region) + C(donor) + c0 + c1", frame).fit(), typ=2)
            area, residual = table.loc["C(region)"], table.loc["Residual"]
            assert (area["df"], residual["df"]) == (design.df_area, design.df_resid)
            # a QR decomposition there, a Cholesky one here: both lose a few digits of 16
            assert effects.ss_area[gene] == pytest.approx(area["sum_sq"], rel=1e-8)
            assert effects.ss_resid[gene] == pytest.approx(residual["sum_sq"], rel=1e-8)
            assert effects.f[gene] == pytest.approx(area["F"], rel=1e-8)
            assert effects.p_parametric[gene] == pytest.approx(area["PR(>F)"], rel=1e-8)

    def test_two_regions_give_the_f_of_two_regions(self):
        rng = np.random.default_rng(2)
        design = make_group([(4, 3), (2, 5), (0, 2)], rng)
        values = make_values(design, 4, rng)
        alone = compute_effects(values, values, Design(design.codes == 0, design.donors, design.covariates), "adjusted")
        found = compute_omnibus_effects(values, design)
        np.testing.assert_allclose(found.f, alone.f, rtol=1e-9)  # the same sums in another order
        np.testing.assert_allclose(found.p_parametric, alone.p_parametric, rtol=1e-8)

    @pytest.mark.parametrize("layout", [LAYOUTS["balanced"], LAYOUTS["unbalanced"]])
    @pytest.mark.parametrize("exchange", ["within-donor", "free"])
    def test_relabelled_scores_are_those_of_two_fits(self, layout, exchange):
        rng = np.random.default_rng(3)
        design = make_group(layout, rng)
        values = make_values(design, 4, rng)
        codes = draw_group_relabellings(design, exchange, 20, rng).codes
        scorer = OmnibusScorer(values, design)
        scores, scratch = np.empty((2, 4, len(codes)))
        scorer.prepare(codes)(slice(0, 4), scores, [scratch])
        f = scores / design.df_area / ((1 - scores) / design.df_resid)
        expected = np.column_stack([brute_force_f(values, drawn, design) for drawn in codes])
        np.testing.assert_allclose(f, expected, rtol=1e-7)  # 1 - scores loses digits where scores are near 1

    def test_exhaustive_p_is_the_share_of_all_relabellings(self):
        rng = np.random.default_rng(4)
        design = make_group(SMALL, rng, n_covariates=1)
        values = make_values(design, 3, rng)
        relabellings = enumerate_group_relabellings(design, "within-donor")
        observed = brute_force_f(values, design.codes, design)
        reached = np.array(
            [brute_force_f(values, codes, design) >= observed * (1 - 1e-9) for codes in relabellings.codes]
        )
        found = count_scores(
            OmnibusScorer(values, design), relabellings.codes, design.codes[None], is_exhaustive=True, n_threads=1
        )
        np.testing.assert_allclose(found.p_values().perm, reached.mean(axis=0), rtol=1e-12)  # counts
        smallest = find_smallest_group_p(design, relabellings, "within-donor")
        assert 0 < smallest <= found.p_values().perm.min()

    def test_relabellings_that_are_collinear_with_covariates_are_left_out(self):
        rng = np.random.default_rng(5)
        design = make_group(SMALL, rng, n_covariates=1)
        everything = enumerate_group_relabellings(replace(design, covariates=None), "within-donor").codes
        marked = everything[7] == 2  # collinear wherever region 3 has just these samples
        beside = replace(design, covariates=marked[:, None].astype(float))
        found = enumerate_group_relabellings(beside, "within-donor")
        same = ((everything == 2) == marked).all(axis=1)
        assert 0 < same.sum() <= found.n_redrawn
        assert found.n_redrawn + len(found.codes) == len(everything) == 72
        for drawn in everything:
            model = np.column_stack([*(design.donors == d for d in (0, 1)), marked, *(drawn == r for r in (0, 1))])
            assert beside.is_estimable(drawn[None])[0] == (np.linalg.matrix_rank(model.astype(float)) == 5)

    def test_a_column_of_zeros_changes_nothing(self):
        rng = np.random.default_rng(6)
        design = make_group(LAYOUTS["unbalanced"], rng)
        values = make_values(design, 3, rng)
        zero, none = (replace(design, covariates=c) for c in (np.zeros((len(design.codes), 1)), None))
        assert zero.df_resid == none.df_resid
        np.testing.assert_array_equal(compute_omnibus_effects(values, zero).f, compute_omnibus_effects(values, none).f)


class TestRuns:
    def test_the_pairs_have_it_too_and_settings_say_so(self):
        table = make_table(np.random.default_rng(1).normal(size=17))
        found = compare_toy(covariates=table)
        assert found.settings["arguments"]["covariates"] == ["rin"]
        assert found.settings["covariates"][0]["outcome"] == "in the model"
        assert len(found.settings["covariates"][0]["values"]) == 11
        assert found.settings["design"]["df_resid"] == 11 - 2 - 2 - 1
        assert not found.settings["permutation"]["exact"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            alone = jugex.compare(*REGIONS[:2], atlas=toy(), covariates=table, n_permutations=199, rng=0)
        pd.testing.assert_frame_equal(found.pairs["one", "two"].table, alone.table)

    def test_one_that_is_collinear_with_donor_is_left_out_and_told_of(self):
        group = jugex.query.region_group(REGIONS, atlas=toy())
        with pytest.warns(
            DesignWarning, match=r"covariate age is left out of the model: it is the same in all samples"
        ):
            found = omnibus_test(group, covariates="age", n_permutations=199, rng=0)
        without = omnibus_test(group, n_permutations=199, rng=0)
        pd.testing.assert_frame_equal(found.table, without.table)
        assert any("covariate age is left out" in caveat for caveat in found.settings["warnings"])

    @pytest.mark.parametrize(
        ("values", "said"),
        [(np.ones(17), "it has one value in all samples used"), (None, "it adds nothing to donor and first")],
    )
    def test_one_that_adds_nothing_is_told_of(self, values, said):
        first = np.random.default_rng(2).normal(size=17)
        table = make_table(2 * first + 1 if values is None else values)
        table.insert(1, "first", first)
        found = compare_toy(covariates=table)
        assert found.settings["covariates"][1]["outcome"] == said

    def test_one_that_tells_regions_apart_is_refused(self):
        table = make_table((toy().samples["well_id"] % 1000 < 2).astype(float))
        with pytest.raises(DesignError, match="covariate 'rin' tells regions apart within every donor, so not all"):
            compare_toy(covariates=table)

    def test_one_that_nearly_does_is_told_of(self):
        nearly = (toy().samples["well_id"] % 1000 < 2) + np.random.default_rng(3).normal(scale=0.05, size=17)
        told = [
            said
            for said in compare_toy(covariates=make_table(nearly)).settings["warnings"]
            if "nearly the same there" in said
        ]
        assert len(told) == 1
        assert re.match(r"beside rin only \d% of one contrast between regions is left: regions and cov", told[0])

    @pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
    def test_missing_values_are_refused(self, missing):
        values = np.arange(17.0) ** 2
        values[0] = missing
        with pytest.raises(
            DesignError, match="covariate 'rin' is missing in 1 of 11 samples; give it for every sample"
        ):
            compare_toy(covariates=make_table(values))

    def test_one_that_is_not_known(self):
        with pytest.raises(OptionError, match="covariate 'nonsense' is neither a column of the samples of"):
            compare_toy(covariates="nonsense")

    def test_too_many_leave_no_degree_of_freedom(self):
        table = make_table(np.random.default_rng(99).normal(size=17))
        table = table.assign(**{f"c{i}": np.random.default_rng(i).normal(size=17) for i in range(6)})
        with pytest.raises(
            DesignError, match=r"3 regions and 7 columns of covariates, and at least 1 is needed; .* fewer cov"
        ):
            compare_toy(covariates=table)
