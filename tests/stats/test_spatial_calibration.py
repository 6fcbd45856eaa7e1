"""Rates of false positives of the ladder under fields and donors' effects, and at arbitrary places."""

from __future__ import annotations

import numpy as np
import pytest

from jugex.stats.spatial import Ladder, Reference, _share, sum_pairs
from tests.stats.tissue import draw_genes, make_layout

LAYOUT = {
    "n_each": [70, 65, 60, 70, 60, 65],
    "size": [60, 90, 60],
    "centres": [[22, 45, 30], [38, 45, 30]],
    "radius": 13,
}
NONE = (1e-9, 8.0)
N_LAYOUTS, N_GENES = 6, 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "are_shared"),
    [
        ({"nugget": 1.0, "own": NONE, "shared": NONE}, False),
        ({"own": (0.6, 8.0), "shared": NONE}, False),
        ({"own": (0.6, 8.0), "shared": NONE, "effect": 0.5}, False),
        ({"own": NONE, "shared": (0.6, 16.0)}, True),
        ({"nugget": 0.3, "own": (0.3, 8.0), "shared": (0.4, 16.0), "effect": 0.5}, True),
        ({"nugget": 0.3, "own": (0.2, 8.0), "shared": (0.5, 60.0), "effect": 0.25}, True),
    ],
    ids=["independent", "own 8 mm", "own 8 mm and donors", "shared 16 mm", "mixed and donors", "shared 60 mm"],
)
def test_calls_as_many_genes_as_it_says(fields, are_shared):
    """Goals: `spatial` 0.03 to 0.06, `donors` 0.03 to 0.07 without shared fields."""
    rng, calls = np.random.default_rng(9), np.zeros((N_LAYOUTS, 3))
    for row in calls:
        layout = make_layout(rng, **LAYOUT)
        genes = draw_genes(rng, layout, N_GENES, spread=0.3, **fields)
        sums = sum_pairs(Reference(layout.points, layout.donors), genes)
        result = Ladder(sums, layout.cells).test(sums)
        row[:] = [
            (result.donors.p <= 0.05).mean(),
            (result.spatial.p <= 0.05).mean(),
            (result.spatial.p <= 0.005).mean(),
        ]
    donors, spatial, far = calls.mean(axis=0)
    # genes of a layout share what is pooled over them: three standard errors of means over layouts, as observed
    error = 3 * max(calls[:, 1].std(ddof=1), np.sqrt(0.05 * 0.95 / N_GENES)) / np.sqrt(N_LAYOUTS)
    assert 0.03 - error <= spatial <= 0.06 + error
    assert far <= 0.0065 + 3 * np.sqrt(0.005 * 0.995 / (N_LAYOUTS * N_GENES))
    if are_shared:
        assert donors > 0.07  # by design: a field that all donors share is a true difference between places
    else:
        assert 0.03 - error <= donors <= 0.07 + error


def test_places_are_judged_as_if_they_were_the_regions():
    """The variogram leaves out the regions' samples, not the places': the rates differ little from a ladder's."""
    rng = np.random.default_rng(1)
    layout = make_layout(rng, **LAYOUT)
    genes = draw_genes(rng, layout, 400, nugget=0.3, own=(0.3, 8.0), shared=(0.4, 16.0))
    sums = sum_pairs(Reference(layout.points, layout.donors), genes)
    places = []
    for centre in layout.points[rng.choice(len(layout.points), 6, replace=False)]:
        other = centre + np.array([0.0, 16.0 if centre[1] < 45 else -16.0, 0.0])
        first = np.argsort(np.linalg.norm(layout.points - centre, axis=1))[:14]
        rising = np.argsort(np.linalg.norm(layout.points - other, axis=1))
        places.append((first, rising[~np.isin(rising, first)][:14]))
    shares = Ladder(sums, layout.cells).calibrate(places)
    for column, (first, second) in enumerate(places):
        cells = np.full(len(layout.points), -1)
        cells[first], cells[second] = 0, 1
        ladder = Ladder(sums, cells)
        result = ladder.test(sums)
        if result.donors is None:
            assert np.isnan(shares.donors[column])
            continue
        assert shares.donors[column] == pytest.approx((result.donors.p <= 0.05).mean(), abs=0.02)
        assert shares.spatial[column] == pytest.approx((result.spatial.p <= 0.05).mean(), abs=0.02)
    assert np.nanmean(shares.samples) > np.nanmean(shares.donors) > np.nanmean(shares.spatial)


def test_places_without_a_gradient():
    """With fewer than 150 samples elsewhere both tests stand on one run."""
    rng = np.random.default_rng(3)
    layout = make_layout(
        rng, n_each=[45, 40, 40, 35], size=[38, 38, 38], centres=[[12, 18, 18], [28, 18, 18]], radius=11.5
    )
    sums = sum_pairs(Reference(layout.points, layout.donors), draw_genes(rng, layout, 60))
    ladder = Ladder(sums, layout.cells)
    assert 100 <= ladder.n_elsewhere < 150
    assert ladder.fit_spatial is ladder.fit_donors
    elsewhere = np.flatnonzero(layout.cells < 0)
    rising = elsewhere[np.argsort(layout.points[elsewhere, 0])]
    shares = ladder.calibrate([(rising[:30], rising[-30:])])
    assert 0 <= shares.spatial[0] <= shares.donors[0] <= 1
    of_one_donor = elsewhere[layout.donors[elsewhere] == 0]  # between donors they show nothing, and change no other
    again = ladder.calibrate([(of_one_donor[:5], of_one_donor[5:10]), (rising[:30], rising[-30:])])
    for name in ("samples", "donors", "spatial"):
        np.testing.assert_array_equal(getattr(again, name), [np.nan, *getattr(shares, name)])


def test_parametric_f_of_the_samples():
    """The samples' share is that of the F of area adjusted for donor, from a model of full rank."""
    from scipy.stats import f

    rng = np.random.default_rng(2)
    layout = make_layout(rng, **LAYOUT)
    genes = draw_genes(rng, layout, 60)
    sums = sum_pairs(Reference(layout.points, layout.donors), genes)
    first, second = np.flatnonzero(layout.cells == 0), np.flatnonzero(layout.cells == 1)
    shares = Ladder(sums, layout.cells).calibrate([(first, second)], alpha=0.2)
    used = np.concatenate([first, second])
    donors = (layout.donors[used, None] == np.unique(layout.donors[used])).astype(float)
    area = np.repeat([1.0, 0.0], [len(first), len(second)])
    rss = []
    for model in (donors, np.column_stack([donors, area])):
        residuals = genes[:, used].T - model @ np.linalg.lstsq(model, genes[:, used].T, rcond=None)[0]
        rss.append((residuals**2).sum(axis=0))
    df = len(used) - donors.shape[1] - 1
    p = f.sf((rss[0] - rss[1]) / (rss[1] / df), 1, df)
    assert shares.samples[0] == pytest.approx((p <= 0.2).mean())


def test_a_share_counts_each_gene_whose_p_is_small_enough():
    """Whatever the degrees of freedom of each, by scipy's t; at its critical value a gene is called."""
    from scipy.stats import t

    rng = np.random.default_rng(4)
    df = rng.uniform(3, 60, 5000)
    value = t.rvs(df, random_state=rng) * 1.5
    for alpha in (0.05, 0.3):
        expected = (2 * t.sf(np.abs(value), df) <= alpha).mean()
        assert _share(value**2, df, alpha) == expected
        assert _share(value**2, 5.0, alpha) == (2 * t.sf(np.abs(value), 5.0) <= alpha).mean()
    assert _share(np.array([np.nan, 0.0, 1e6]), np.array([4.0, 9.0, 9.0]), 0.05) == pytest.approx(1 / 3)
