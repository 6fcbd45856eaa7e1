"""The ladder against a plain loop written from its text and an example by other hands, and what must not matter."""

from __future__ import annotations

import importlib.util
import json
from functools import cache

import numpy as np
import pytest
from scipy.stats import t as scipy_t

from jugex.errors import AtlasError, DesignError
from jugex.stats.moderation import fit_f_dist
from jugex.stats.pairs import BETWEEN, WITHIN
from jugex.stats.spatial import Form, Ladder, Part, Reason, Reference, _infer, sum_pairs
from jugex.stats.variogram import Surroundings
from tests.stats import ladder_loops
from tests.stats.tissue import Layout, draw_genes, make_layout

# a region with one sample per donor, donors with one region or none, bins that take pairs within regions
LAYOUTS = {
    "six donors": {
        "n_each": [40, 45, 30, 50, 35, 40],
        "size": [60, 50, 40],
        "centres": [[20, 25, 20], [35, 25, 20]],
        "radius": 11,
    },
    "three donors": {
        "n_each": [90, 80, 60],
        "size": [70, 40, 40],
        "centres": [[25, 20, 20], [50, 20, 20]],
        "radius": 12,
    },
    "few elsewhere": {
        "n_each": [60, 50, 40, 45],
        "size": [38, 38, 38],
        "centres": [[12, 18, 18], [28, 18, 18]],
        "radius": 11.5,
    },
    "too few elsewhere for a gradient": {
        "n_each": [45, 40, 40, 35],
        "size": [38, 38, 38],
        "centres": [[12, 18, 18], [28, 18, 18]],
        "radius": 11.5,
    },
}


def pick(name, seed=3):
    rng = np.random.default_rng(seed)
    layout = make_layout(rng, **LAYOUTS[name])
    return rng, layout


def climb(layout, genes, pool=None, covariates=None, **options):
    reference = Reference(layout.points, layout.donors, covariates)
    ladder = Ladder(sum_pairs(reference, genes if pool is None else pool), layout.cells, **options)
    return ladder, ladder.test(sum_pairs(reference, genes))


def check_steps(fit, steps, tolerance):
    close = {"rtol": tolerance, "atol": tolerance}
    for kind, letter in ((WITHIN, "w"), (BETWEEN, "x")):
        np.testing.assert_allclose(fit.bins.means[kind], steps["mean_mm"][letter], **close)
        np.testing.assert_allclose(fit.pooled[kind], steps["g0"][letter], **close)
    mixture = [fit.mixture.nugget, *fit.mixture.own, *fit.mixture.shared]
    np.testing.assert_allclose(mixture, list(steps["mixture"].values()), rtol=1e-7, atol=1e-9)  # nearly collinear
    np.testing.assert_allclose(fit.kappa, list(steps["kappa"].values()), **close)
    np.testing.assert_allclose(fit.tau2, steps["tau2"], **close)
    np.testing.assert_allclose(fit.omega, steps["omega"], **close)
    np.testing.assert_allclose(fit.total, steps["U"], **close)
    for part, letter in zip(Part, "ocsp", strict=True):
        np.testing.assert_allclose(fit.expected[part], steps["X"][letter], **close)
        np.testing.assert_allclose(fit.mean[part], steps["xbar"][letter], **close)
        np.testing.assert_allclose(fit.shrinkage[part], steps["lambdas"][letter], **close)
    if not fit.few_genes:
        np.testing.assert_allclose(fit.noise, [steps["noise"][letter] for letter in "ocs"], **close)
        np.testing.assert_allclose(fit.df_shared, steps["nu_c"], **close)
        assert fit.n_local == steps["n_l"]
        for name in ("local", "donors", "spatial"):
            prior, expected = getattr(fit, name), steps.get({"spatial": "space"}.get(name, name))
            np.testing.assert_allclose((prior.scale, prior.df), expected, rtol=1e-7)  # d is steep in the variances


@pytest.mark.parametrize(
    ("name", "with_covariate", "n_pool"),
    [
        ("six donors", False, 60),
        ("six donors", True, 60),
        ("three donors", False, 60),
        ("three donors", True, 12),
        ("few elsewhere", True, 60),
        ("few elsewhere", False, 12),
        ("too few elsewhere for a gradient", False, 60),
    ],
)
def test_agrees_with_a_plain_loop(name, with_covariate, n_pool):
    rng, layout = pick(name)
    genes = draw_genes(rng, layout, n_pool, effect=0.5)
    covariate = (layout.points[:, :1] ** 2 / 100 + rng.standard_normal((len(genes.T), 1))) if with_covariate else None
    ladder, result = climb(layout, genes[:20], genes, covariate)
    arguments = (genes, genes[:20], layout.points, layout.donors, layout.cells + 1, covariate)
    plain = ladder_loops.run(*arguments, gradient=False)
    spatial = ladder_loops.run(*arguments, gradient=True) if ladder.n_elsewhere >= 150 else plain
    assert ladder.fit_spatial.gradient == (ladder.n_elsewhere >= 150) == (name != "too few elsewhere for a gradient")
    check_steps(ladder.fit_donors, plain, 1e-9)
    check_steps(ladder.fit_spatial, spatial, 1e-9)
    np.testing.assert_allclose(result.donors.theta, plain["theta"], atol=1e-12)
    np.testing.assert_allclose(result.spatial.theta, spatial["theta"], atol=1e-12)
    np.testing.assert_allclose(result.donors.p, plain["p_donors"], atol=1e-9)
    np.testing.assert_allclose(result.spatial.p, spatial["p_spatial"], atol=1e-9)


@pytest.mark.parametrize(("degrees", "knows_kappa", "knows_local"), [(0, 0, 0), (2, 0, 0), (3, 1, 0), (4, 1, 1)])
def test_few_samples_in_the_regions_say_nothing_of_their_variance(degrees, knows_kappa, knows_local):
    """One sample of each donor in a region, but more of some donors in the second."""
    rng, layout = pick("six donors")
    cells, left = np.full(len(layout.cells), -1), degrees
    for donor in range(6):
        first, second = (np.flatnonzero((layout.donors == donor) & (layout.cells == region)) for region in range(2))
        n_more = min(left, max(len(second) - 1, 0), 2)
        cells[first[:1]], cells[second[: 1 + n_more]], left = 0, 1, left - n_more
    genes = draw_genes(rng, layout, 40, effect=0.5)
    ladder, result = climb(Layout(layout.points, layout.donors, cells), genes[:20], genes)
    plain, spatial = (
        ladder_loops.run(genes, genes[:20], layout.points, layout.donors, cells + 1, gradient=gradient)
        for gradient in (False, True)
    )
    assert ladder.fit_donors.n_local == degrees
    assert (ladder.fit_donors.kappa != 1).tolist() == [False, bool(knows_kappa)]
    assert (ladder.fit_donors.local is not None) == bool(knows_local)
    np.testing.assert_allclose(result.donors.p, plain["p_donors"], atol=1e-9)
    np.testing.assert_allclose(result.spatial.p, spatial["p_spatial"], atol=1e-9)


def test_a_donor_has_at_least_a_twentieth_of_the_variance_of_its_samples():
    """Where all that varies is shared by donors; else one donor could have all of the weight."""
    rng, layout = pick("six donors")
    genes = draw_genes(rng, layout, 40, nugget=1e-6, own=(1e-6, 8.0), shared=(1.0, 20.0))
    ladder, _ = climb(layout, genes)
    n_samples = np.array(
        [[((layout.donors == donor) & (layout.cells == k)).sum() for k in (0, 1)] for donor in range(6)]
    )
    n_samples = n_samples[(n_samples > 0).all(axis=1)]
    for fit in (ladder.fit_donors, ladder.fit_spatial):
        inverse = 1 / (0.05 * (fit.kappa**2 / n_samples).sum(axis=1) + fit.tau2)
        np.testing.assert_allclose(fit.total, 1 / inverse.sum(), rtol=1e-12)  # rounding
        np.testing.assert_allclose(fit.omega, inverse / inverse.sum(), rtol=1e-12)


@cache
def load_example(folder):
    specification = importlib.util.spec_from_file_location("ladder_example", folder / "ladder_example.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    genes, points, donors, regions = module.make_example()
    expected = json.loads((folder / "ladder_example.json").read_text())
    return genes, Layout(points, donors, np.where(regions == 0, -1, regions - 1)), expected


def test_agrees_with_the_example_step_by_step(shared_data):
    genes, layout, expected = load_example(shared_data / "reference")
    ladder, result = climb(layout, genes[:10], genes)
    for fit, rung, run in (
        (ladder.fit_donors, result.donors, "without"),
        (ladder.fit_spatial, result.spatial, "with"),
    ):
        steps = expected[f"steps_{run}_gradient"]
        close = {"rtol": 2e-8, "atol": 1e-10}  # the example has nine digits
        for kind, name in ((WITHIN, "within"), (BETWEEN, "between")):
            np.testing.assert_allclose(fit.bins.means[kind], steps[f"bin_mean_mm_{name}"], **close)
            np.testing.assert_allclose(fit.pooled[kind], steps[f"g0_{name}"], **close)
        np.testing.assert_array_equal(fit.bins.counts[WITHIN], steps["pairs_within"])
        names = ["n1", *(f"{kind}{length}" for kind in "oc" for length in (4, 8, 16, 32, 64, 128))]
        mixture = dict(zip(names, [fit.mixture.nugget, *fit.mixture.own, *fit.mixture.shared], strict=True))
        assert {name: amount for name, amount in mixture.items() if amount > 0} == pytest.approx(
            steps["mixture"], rel=1e-7
        )
        assert fit.kappa == pytest.approx(list(steps["kappa"].values()), rel=2e-8)
        assert (fit.tau2, fit.total) == pytest.approx((steps["tau2"], steps["U"]), rel=2e-8)
        assert fit.omega == pytest.approx(steps["omega"], rel=2e-8)
        for part, letter in zip(Part, "ocsp", strict=True):
            assert fit.expected[part] == pytest.approx(steps["X"][letter], rel=2e-8)
            mean, shrinkage, noise = steps["xbar_lambda_noise"][letter]
            assert fit.mean[part] == pytest.approx(mean, rel=2e-8)
            assert fit.shrinkage[part] == pytest.approx(shrinkage, rel=2e-8, abs=1e-10)
            if part is not Part.LOCAL:
                assert fit.noise[part] == pytest.approx(noise, rel=2e-8)
        for name, prior in (("local", fit.local), ("donors", fit.donors), ("space", fit.spatial)):
            assert (prior.scale, prior.df) == pytest.approx(steps["fitFDist"][name], rel=1e-7)
        assert fit.df_shared == pytest.approx(steps["nu_c"], rel=2e-8)
        assert fit.n_local == steps["n_l"]
        test = {"without": "donors", "with": "spatial"}[run]
        assert rung.theta == pytest.approx(expected[f"theta_{test}"], abs=2e-8)
        assert rung.p == pytest.approx(expected[f"p_{test}"], abs=1e-7)
    _, adjusted = climb(layout, genes[:10], genes, layout.points[:, :1])
    assert adjusted.donors.p == pytest.approx(expected["covariate_x"]["p_donors"], abs=1e-7)
    assert adjusted.spatial.p == pytest.approx(expected["covariate_x"]["p_spatial"], abs=1e-7)


class TestInvariance:
    """What must not matter: the p-values stay within 1e-12."""

    @pytest.fixture
    def data(self):
        rng, layout = pick("six donors")
        return rng, layout, draw_genes(rng, layout, 40, effect=0.5)

    def compare(self, result, other, *, sign=1, scale=1, genes=slice(None)):
        for one, changed in ((result.donors, other.donors), (result.spatial, other.spatial)):
            np.testing.assert_allclose(changed.p, one.p[genes], rtol=0, atol=1e-12)
            np.testing.assert_allclose(changed.p_fwe, one.p_fwe[genes], rtol=0, atol=1e-11)
            np.testing.assert_allclose(changed.theta, sign * scale * one.theta[genes], atol=1e-11 * np.max(scale))
            low, high = (one.ci_low, one.ci_high) if sign > 0 else (-one.ci_high, -one.ci_low)
            np.testing.assert_allclose(changed.ci_low, scale * low[genes], atol=1e-10 * np.max(scale))
            np.testing.assert_allclose(changed.ci_high, scale * high[genes], atol=1e-10 * np.max(scale))

    def test_order_of_samples(self, data):
        rng, layout, genes = data
        order = rng.permutation(len(layout.donors))
        shuffled = Layout(layout.points[order], layout.donors[order], layout.cells[order])
        self.compare(climb(layout, genes)[1], climb(shuffled, genes[:, order])[1])

    def test_order_and_number_of_genes(self, data):
        rng, layout, genes = data
        order = rng.permutation(len(genes))
        result = climb(layout, genes)[1]
        self.compare(result, climb(layout, genes[order])[1], genes=order)
        alone = climb(layout, genes[:1], genes)[1]
        assert alone.donors.p[0] == pytest.approx(result.donors.p[0], abs=1e-12)
        assert alone.donors.p_fwe[0] == alone.donors.p[0]

    def test_names_of_donors(self, data):
        _, layout, genes = data
        named = Layout(layout.points, np.array(["a", "b", "c", "d", "e", "f"])[layout.donors], layout.cells)
        self.compare(climb(layout, genes)[1], climb(named, genes)[1])

    def test_regions_swapped(self, data):
        _, layout, genes = data
        swapped = Layout(layout.points, layout.donors, np.array([1, 0, -1])[layout.cells])
        self.compare(climb(layout, genes)[1], climb(swapped, genes)[1], sign=-1)

    def test_shift_of_the_origin(self, data):
        _, layout, genes = data
        shifted = Layout(layout.points + np.array([64.0, -32.0, 16.0]), layout.donors, layout.cells)
        self.compare(climb(layout, genes)[1], climb(shifted, genes)[1])

    def test_shift_of_donors(self, data):
        rng, layout, genes = data
        self.compare(climb(layout, genes)[1], climb(layout, genes + rng.standard_normal(6)[layout.donors] * 10)[1])

    def test_scale_of_a_gene(self, data):
        rng, layout, genes = data
        scale = np.exp(rng.standard_normal(len(genes)))
        self.compare(climb(layout, genes)[1], climb(layout, genes * scale[:, None])[1], scale=scale)

    def test_number_of_threads(self, data):
        _, layout, genes = data
        genes = np.tile(genes, (20, 1))  # several blocks
        reference = Reference(layout.points, layout.donors)
        one, two = (sum_pairs(reference, genes, n_threads=n) for n in (1, 2))
        ladder = Ladder(sum_pairs(reference, genes[:40]), layout.cells)
        np.testing.assert_array_equal(ladder.test(two).spatial.p, ladder.test(one).spatial.p)


def test_values_are_not_copied_and_not_changed():
    rng, layout = pick("six donors")
    one = draw_genes(rng, layout, 1)
    before = one.copy()
    climb(layout, one)
    np.testing.assert_array_equal(one, before)
    genes = draw_genes(rng, layout, 30).astype(np.float32)
    sums = sum_pairs(Reference(layout.points, layout.donors), genes)
    assert sums.values is genes
    np.testing.assert_array_equal(climb(layout, genes)[1].donors.p, climb(layout, genes.astype(np.float64))[1].donors.p)


class TestWhereItCannotBeTried:
    """Each reason, and what is done instead."""

    def test_one_informative_donor(self):
        rng, layout = pick("six donors")
        cells = np.where(layout.donors == 0, layout.cells, -1)
        ladder, result = climb(Layout(layout.points, layout.donors, cells), draw_genes(rng, layout, 30))
        assert result.donors is None
        assert result.spatial is None
        assert ladder.why_no_donors is ladder.why_no_spatial is Reason.ONE_INFORMATIVE_DONOR

    def test_few_samples_elsewhere(self):
        rng, layout = pick("six donors")
        genes = draw_genes(rng, layout, 30)
        kept = np.flatnonzero(layout.cells >= 0)
        kept = np.concatenate([kept, np.flatnonzero(layout.cells < 0)[::3]])
        near = Layout(layout.points[kept], layout.donors[kept], layout.cells[kept])
        ladder, result = climb(near, genes[:, kept])
        assert ladder.why_no_spatial is Reason.FEW_ELSEWHERE
        assert result.spatial is None
        assert result.form is Form.WITHOUT_REFERENCE
        assert np.isfinite(result.donors.p).all()

    def test_few_distances(self):
        rng, layout = pick("six donors")
        small = Layout(layout.points / 4, layout.donors, layout.cells)
        ladder, result = climb(small, draw_genes(rng, small, 30))
        assert ladder.why_no_spatial is Reason.FEW_BINS
        assert result.form is Form.WITHOUT_REFERENCE

    def test_a_reason_of_the_callers(self):
        rng, layout = pick("six donors")
        genes = draw_genes(rng, layout, 30)
        _, plain = climb(layout, genes)
        _, mirrored = climb(layout, genes, withhold_spatial=Reason.MIRRORED)
        assert mirrored.spatial is None
        np.testing.assert_array_equal(mirrored.donors.p, plain.donors.p)
        _, two = climb(layout, genes, withhold_spatial=Reason.TWO_TISSUES)
        assert two.form is Form.WITHOUT_REFERENCE
        assert two.why_no_spatial is Reason.TWO_TISSUES

    def test_covariates_without_reference(self):
        rng, layout = pick("six donors")
        covariate = rng.standard_normal((len(layout.donors), 1))
        ladder, result = climb(
            layout, draw_genes(rng, layout, 30), covariates=covariate, withhold_spatial=Reason.TWO_TISSUES
        )
        assert result.donors is None
        assert ladder.why_no_donors is Reason.COVARIATES_WITHOUT_REFERENCE

    def test_genes_that_do_not_vary(self):
        rng, layout = pick("six donors")
        genes = draw_genes(rng, layout, 30)
        constant = np.vstack([genes, 1e3 * rng.standard_normal(6)[layout.donors], np.ones(len(layout.donors))])
        _, result = climb(layout, constant)
        _, without = climb(layout, genes)
        for rung, other in ((result.donors, without.donors), (result.spatial, without.spatial)):
            assert np.isnan(rung.p[30:]).all()
            assert np.isnan(rung.p_fwe[30:]).all()
            np.testing.assert_allclose(rung.p[:30], other.p, atol=1e-13)
            np.testing.assert_allclose(rung.p_fwe[:30], other.p_fwe, atol=1e-12)
        with pytest.raises(DesignError, match="no gene of the pool varies"):
            climb(layout, genes, constant[30:])

    def test_genes_that_do_not_vary_without_reference(self):
        """They are no part of what is pooled, and have no p-value."""
        rng, layout = pick("six donors")
        genes = draw_genes(rng, layout, 30)
        constant = np.vstack([genes, np.ones(len(layout.donors)), 1e3 * rng.standard_normal(6)[layout.donors]])
        ladder, result = climb(layout, constant, withhold_spatial=Reason.TWO_TISSUES)
        other, without = climb(layout, genes, withhold_spatial=Reason.TWO_TISSUES)
        assert result.form is Form.WITHOUT_REFERENCE
        assert np.isnan(result.donors.p[30:]).all()
        np.testing.assert_allclose(result.donors.p[:30], without.donors.p, atol=1e-13)
        np.testing.assert_allclose(result.donors.p_fwe[:30], without.donors.p_fwe, atol=1e-12)
        assert ladder.fit_without.prior == other.fit_without.prior
        assert 0 < ladder.fit_without.prior.df < 1_000  # a variance of 0 among 30 would leave next to none

    def test_genes_known_in_the_regions_alone(self):
        """As without a reference, on the same pool."""
        rng, layout = pick("six donors")
        genes = draw_genes(rng, layout, 30)
        ladder, _ = climb(layout, genes)
        known = np.where(layout.cells >= 0, genes[:3], np.nan)
        rung = ladder.test_without_reference(known)
        expected = climb(layout, genes, withhold_spatial=Reason.TWO_TISSUES)[1].donors
        np.testing.assert_allclose(rung.p, expected.p[:3], rtol=1e-12)
        np.testing.assert_allclose(rung.ci_low, expected.ci_low[:3], rtol=1e-12)
        cells = np.where(layout.donors == 0, layout.cells, -1)
        alone, _ = climb(Layout(layout.points, layout.donors, cells), genes)
        assert alone.test_without_reference(genes[:3]) is None

    def test_few_genes_share_nothing(self):
        rng, layout = pick("six donors")
        genes = draw_genes(rng, layout, 24)
        ladder, result = climb(layout, genes)
        assert result.form is Form.FEW_GENES
        assert (result.donors.df == 40).all()
        assert (result.spatial.df == 40).all()
        np.testing.assert_array_equal(ladder.fit_donors.shrinkage, np.ones(4))
        alone = climb(layout, genes[:1])[1]
        assert 0 < alone.spatial.p[0] < 1


@pytest.mark.parametrize(("n_each", "noise"), [(3, 1.0), (1, 1.0), (3, 0.0)], ids=["noisy", "single", "alike"])
def test_without_reference_is_the_donors_weighted_mean(n_each, noise):
    """With few genes and donors alike, the t-test of the donors' differences, whatever samples say of their noise."""
    from scipy.stats import ttest_1samp

    donors = np.repeat(np.arange(5), 2 * n_each)
    cells = np.tile(np.repeat([0, 1], n_each), 5)
    rng = np.random.default_rng(0)
    genes = np.repeat(rng.standard_normal((10, 10)), n_each, axis=1)
    genes += noise * rng.standard_normal(genes.shape)
    layout = Layout(rng.random((len(donors), 3)), donors, cells)
    _, result = climb(layout, genes)
    delta = genes.reshape(10, 5, 2, n_each).mean(axis=3) @ [1, -1]
    expected = ttest_1samp(delta, 0, axis=1)
    np.testing.assert_allclose(result.donors.p, expected.pvalue, atol=1e-12)
    interval = expected.confidence_interval()
    np.testing.assert_allclose(result.donors.ci_low, interval.low, atol=1e-12)
    np.testing.assert_allclose(result.donors.ci_high, interval.high, atol=1e-12)


def test_without_reference_variances_of_many_genes_are_moderated():
    """As limma would the variance of the donors' differences; `fit_f_dist` is held against limma by itself."""
    donors, cells = np.repeat(np.arange(5), 4), np.tile([0, 0, 1, 1], 5)
    rng = np.random.default_rng(1)
    genes = np.exp(rng.normal(size=(60, 1))) * rng.standard_normal((60, 20))
    _, result = climb(Layout(rng.random((20, 3)), donors, cells), genes)
    delta = genes.reshape(60, 5, 2, 2).mean(axis=3) @ [1, -1]
    variance = delta.var(axis=1, ddof=1) / 5
    prior = fit_f_dist(variance, 4)
    assert 0 < prior.df < 50
    t = delta.mean(axis=1) / np.sqrt(prior.squeeze(variance, 4))
    np.testing.assert_allclose(result.donors.p, 2 * scipy_t.sf(np.abs(t), prior.df + 4), rtol=1e-9)


def test_donors_exactly_alike_have_no_p_value():
    alike = np.array([1.5, 1.5])
    rung = _infer(alike, np.array([0.0, 0.2]), 5.0, 0.95)
    assert np.isnan([rung.p[0], rung.p_fwe[0], rung.ci_low[0], rung.ci_high[0]]).all()
    assert rung.p[1] == rung.p_fwe[1] == pytest.approx(2 * scipy_t.sf(1.5 / np.sqrt(0.2), 5))


def test_fwe_is_holms():
    from statsmodels.stats.multitest import multipletests

    rng, layout = pick("six donors")
    result = climb(layout, draw_genes(rng, layout, 40, effect=1.0))[1]
    for rung in (result.donors, result.spatial):
        np.testing.assert_allclose(rung.p_fwe, multipletests(rung.p, method="holm")[1], rtol=1e-12)


class TestBadInput:
    """What is refused."""

    @pytest.fixture
    def layout(self):
        return pick("six donors")[1]

    def test_points(self, layout):
        with pytest.raises(AtlasError, match="points must have shape"):
            Reference(layout.points[:, :2], layout.donors)
        with pytest.raises(AtlasError, match="points must have shape"):
            Reference(layout.points, layout.donors[1:])
        with pytest.raises(AtlasError, match="finite"):
            Reference(np.where(layout.points > 59, np.nan, layout.points), layout.donors)

    def test_covariates(self, layout):
        with pytest.raises(AtlasError, match="covariates must have shape"):
            Reference(layout.points, layout.donors, layout.points[1:])

    def test_values(self, layout):
        reference = Reference(layout.points, layout.donors)
        with pytest.raises(AtlasError, match=r"values must have shape \(genes, 240\)"):
            sum_pairs(reference, np.ones((3, 239)))
        with pytest.raises(AtlasError, match="missing values"):
            sum_pairs(reference, np.full((3, 240), np.nan))

    def test_cells(self, layout):
        sums = sum_pairs(Reference(layout.points, layout.donors), np.random.default_rng(0).standard_normal((30, 240)))
        with pytest.raises(DesignError, match="-1, 0 or 1"):
            Ladder(sums, layout.cells + 1)
        with pytest.raises(DesignError, match="-1, 0 or 1"):
            Ladder(sums, layout.cells[1:])
        with pytest.raises(DesignError, match="each region needs a sample"):
            Ladder(sums, np.minimum(layout.cells, 0))

    def test_a_pool_without_halves(self, layout):
        genes = np.random.default_rng(0).standard_normal((30, 240))
        sums = sum_pairs(Reference(layout.points, layout.donors), genes, halves=False)
        with pytest.raises(DesignError, match="halves=True"):
            Ladder(sums, layout.cells)

    def test_another_reference(self, layout):
        genes = np.random.default_rng(0).standard_normal((30, 240))
        one, other = (sum_pairs(Reference(layout.points, layout.donors), genes) for _ in range(2))
        with pytest.raises(DesignError, match="another reference"):
            Ladder(one, layout.cells).test(other)

    def test_places(self, layout):
        sums = sum_pairs(Reference(layout.points, layout.donors), np.random.default_rng(0).standard_normal((30, 240)))
        ladder = Ladder(sums, layout.cells)
        for places in (([1, 2], [2, 3]), ([], [1]), ([1], [240]), ([-1], [2])):
            with pytest.raises(DesignError, match="places"):
                ladder.calibrate([places])
        one_donor = Ladder(sums, np.where(layout.donors == 0, layout.cells, -1))
        with pytest.raises(DesignError, match="at least two donors"):
            one_donor.calibrate([([1], [2])])


def test_bins_close_with_sixty_pairs_of_both_kinds():
    _, layout = pick("few elsewhere")
    bins = Surroundings(Reference(layout.points, layout.donors), layout.cells).bins
    assert (bins.counts >= 60).all()
    assert bins.edges[0, 0] == 0
    assert bins.edges[-1, 1] == 200
    np.testing.assert_array_equal(bins.edges[1:, 0], bins.edges[:-1, 1])
    assert (np.diff(bins.means) > 0).all()
