"""Sums of squares, F and p against certified values (NIST), R's car and multtest, and SciPy; see tests/reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jugex.stats.design import Design
from jugex.stats.effects import compute_effects
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import enumerate_relabellings, make_relabellings
from tests.stats.designs import make_design

REFERENCE = Path(__file__).parents[1] / "reference"


class TestNist:
    """Certified values of NIST's Statistical Reference Datasets, https://www.itl.nist.gov/div898/strd."""

    @pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
    def test_two_instruments(self, statistic):
        """AtmWtAg: two groups, seven constant leading digits, average difficulty."""
        data = pd.read_csv(REFERENCE / "nist_atmwtag.tsv", sep="\t", comment="#")
        design = Design.of_two(labels=(data["instrument"] == 1).to_numpy(), donors=np.zeros(len(data), dtype=np.intp))
        values = data["weight"].to_numpy()[None]
        effects = compute_effects(values, values, design, statistic)
        # weights near 108 are held to 1.4e-14, and differ by 1e-5: a part in 1e9 of a deviation is lost on the way in
        assert effects.ss_area[0] == pytest.approx(3.63834187500000e-09, rel=1e-8)
        assert effects.ss_resid[0] == pytest.approx(1.04951729166667e-08, rel=1e-8)
        assert effects.f[0] == pytest.approx(1.59467335677930e01, rel=1e-8)
        assert effects.df_resid == 46
        # certified R squared: of one donor it is partial eta squared
        assert effects.partial_eta_sq[0] == pytest.approx(2.57426544538321e-01, rel=1e-8)

    @pytest.mark.parametrize(
        ("name", "n_replicates", "offset", "rtol"),
        [
            # the offset makes constant leading digits; observations that differ by 0.1 are held to 1e-16, 6e-11 and
            # 6e-5 in float64, and F suffers some thirty times as much
            ("SmLs01", 21, 0.0, 1e-12),
            ("SmLs02", 201, 0.0, 1e-12),
            ("SmLs03", 2001, 0.0, 1e-12),
            ("SmLs04", 21, 1e6 - 1, 1e-8),
            ("SmLs05", 201, 1e6 - 1, 1e-8),
            ("SmLs06", 2001, 1e6 - 1, 1e-8),
            ("SmLs07", 21, 1e12 - 1, 5e-3),
            ("SmLs08", 201, 1e12 - 1, 5e-3),
            ("SmLs09", 2001, 1e12 - 1, 5e-3),
        ],
    )
    def test_nine_treatments_as_donors(self, name, n_replicates, offset, rtol):
        """Simon and Lesage (1989): what the projection off the donors takes away, and what it leaves.

        Each treatment has one observation at its mean, then as many 0.1 below as above; the treatments' means are
        1.4, 1.3, 1.5, 1.3, 1.5, ..., or 1000000.4, 1000000.3, ... and so on. The certified sums of squares are
        0.08 n between and 1.8 (n - 1) / 20 within, of n replicates, and F is n: no rounding is in them.
        """
        means = np.array([1.4, *[1.3, 1.5] * 4])
        steps = np.array([0.0, *[-0.1, 0.1] * (n_replicates // 2)])
        values = offset + np.round(means[:, None] + steps, 1).ravel()[None]
        donors = np.repeat(np.arange(9), n_replicates)
        design = Design.of_two(labels=np.zeros(len(donors), dtype=np.bool_), donors=donors)

        within = (design.within_donors(values) ** 2).sum()
        between = (n_replicates * (design.donor_means(values) - values.mean()) ** 2).sum()

        assert within == pytest.approx({21: 1.8, 201: 18.0, 2001: 180.0}[n_replicates], rel=rtol)
        assert between == pytest.approx({21: 1.68, 201: 16.08, 2001: 160.08}[n_replicates], rel=rtol)
        f = between / 8 / (within / (9 * (n_replicates - 1)))
        assert f == pytest.approx({21: 21.0, 201: 201.0, 2001: 2001.0}[n_replicates], rel=rtol)


@pytest.mark.parametrize("name", ["six_donors", "four_donors", "three_donors"])
def test_sums_of_squares_equal_car(name):
    """Unbalanced designs with donors in one region only; see tests/reference/car_anova.R."""
    path = REFERENCE / f"car_anova_{name}.tsv"
    table = pd.read_csv(path, sep="\t", skiprows=2, header=None)
    names = path.read_text().splitlines()[1].split("\t")
    n_samples = names.index("ss_adjusted")
    values = table.iloc[:, :n_samples].to_numpy()
    donors = np.array([int(column.split("_")[0].removeprefix("donor")) - 1 for column in names[:n_samples]])
    design = Design.of_two(labels=np.array([column.endswith("one") for column in names[:n_samples]]), donors=donors)
    expected = dict(zip(names[n_samples:], table.iloc[:, n_samples:].to_numpy().T, strict=True))

    assert (design.weights == 0).any()
    for statistic in ("adjusted", "sequential"):
        effects = compute_effects(values, values, design, statistic)
        # the reference holds fifteen significant digits, and R takes another way (a QR decomposition)
        np.testing.assert_allclose(effects.ss_area, expected[f"ss_{statistic}"], rtol=1e-9)
        np.testing.assert_allclose(effects.f, expected[f"f_{statistic}"], rtol=1e-9)
        np.testing.assert_allclose(effects.p_parametric, expected[f"p_{statistic}"], rtol=1e-9)
        np.testing.assert_allclose(effects.ss_resid, expected["ss_resid"], rtol=1e-9)
        assert (expected["df_resid"] == effects.df_resid).all()


@pytest.mark.parametrize("layout", [(5, 4), (4, 4), (2, 7)])
@pytest.mark.parametrize("are_tied", [False, True])
@pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
def test_p_of_one_donor_equals_scipy(layout, are_tied, statistic):
    """F of one donor rises with the absolute difference of the means; SciPy enumerates the same relabellings."""
    rng = np.random.default_rng(layout)
    design = make_design([layout], rng)
    values = rng.normal(scale=1.5, size=(4, design.n_samples)) + 1.2 * design.labels
    values = np.round(values) if are_tied else values
    p = count_exceedances(
        values, design, enumerate_relabellings(design, "within-donor"), statistic=statistic
    ).p_values()
    for gene, p_perm in zip(values, p.perm, strict=True):
        reference = stats.permutation_test(
            (gene[design.labels], gene[~design.labels]),
            lambda x, y, axis: np.abs(x.mean(axis=axis) - y.mean(axis=axis)),
            n_resamples=np.inf,
            alternative="greater",
            vectorized=True,
        )
        assert p_perm == pytest.approx(reference.pvalue, rel=1e-12)  # the same counts, divided in another way


@pytest.mark.parametrize("name", ["one_donor", "seven_blocks"])
def test_p_values_equal_multtest(name):
    """Over all relabellings; see tests/reference/multtest.R."""
    path = REFERENCE / f"multtest_{name}.tsv"
    table = pd.read_csv(path, sep="\t", skiprows=2, header=None)
    names = path.read_text().splitlines()[1].split("\t")
    n_samples = len(names) - 4
    values = table.iloc[:, :n_samples].to_numpy()
    donors = np.array([int(column.split("_")[0].removeprefix("donor")) - 1 for column in names[:n_samples]])
    design = Design.of_two(labels=np.array([column.endswith("one") for column in names[:n_samples]]), donors=donors)
    expected = dict(zip(names[n_samples:], table.iloc[:, n_samples:].to_numpy().T, strict=True))

    relabellings = make_relabellings(design, "within-donor", 1000, np.random.default_rng(0))
    p = count_exceedances(values, design, relabellings).p_values()

    assert relabellings.is_exhaustive
    # the reference holds twelve significant digits, and its statistics are summed in another order
    np.testing.assert_allclose(compute_effects(values, values, design, "adjusted").f, expected["f"], rtol=1e-9)
    np.testing.assert_allclose(p.perm, expected["p_perm"], rtol=1e-9)
    np.testing.assert_allclose(p.fwe, expected["p_fwe"], rtol=1e-9)
    np.testing.assert_allclose(p.fwe_stepdown, expected["p_fwe_stepdown"], rtol=1e-9)
