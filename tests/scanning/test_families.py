"""Error rates over a scan, against statsmodels, and against the correction over comparisons of all p at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

import jugex
from jugex.stats.corrections import adjust_across_comparisons
from jugex.stats.families import Family, control_pairs, false_discoveries, holm
from tests.scanning.helpers import make_scan

P_VALUES = st.lists(st.one_of(st.floats(1e-12, 1.0), st.sampled_from([0.001, 0.01, 0.5, 1.0])), min_size=1, max_size=60)


def draw_family(seed: int, n: int = 50) -> np.ndarray:
    """p with ties, small ones, and ones that become 1."""
    rng = np.random.default_rng(seed)
    p = np.concatenate([rng.random(3 * n // 5) ** 3, rng.choice([1e-5, 0.001, 0.01, 0.5, 1.0], n - 3 * n // 5)])
    return rng.permutation(p)


@pytest.mark.parametrize("at_once", [1, 7, 50, 10_000])
@pytest.mark.parametrize("seed", range(10))
def test_holm_and_false_discoveries_are_those_of_statsmodels_bit_for_bit(seed, at_once):
    p = draw_family(seed)
    family = Family.of(np.array_split(p, 9), at_once=at_once)
    assert family.size == len(p)
    for ours, method in ((holm, "holm"), (false_discoveries, "fdr_bh")):
        np.testing.assert_array_equal(ours(family).apply(p), multipletests(p, method=method)[1])


@given(P_VALUES, st.integers(1, 30))
def test_they_are_whatever_the_p_and_the_blocks(p, at_once):
    p = np.array(p)
    family = Family.of(np.array_split(p, 4), at_once=at_once)
    for ours, method in ((holm, "holm"), (false_discoveries, "fdr_bh")):
        np.testing.assert_array_equal(ours(family).apply(p), multipletests(p, method=method)[1])


@pytest.mark.parametrize("downwards", [False, True])
def test_blocks_are_bounded_and_hold_every_p_in_order(downwards):
    p = draw_family(0, 20_000)
    family = Family.of(np.array_split(p, 40), at_once=1_000)
    assert len(family.runs) > 10
    blocks = list(family.read(downwards=downwards))
    assert max(len(values) for values, _ in blocks) <= 1_000
    values, counts = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
    expected, n = np.unique(p, return_counts=True)
    step = -1 if downwards else 1
    np.testing.assert_array_equal(values, expected[::step])
    np.testing.assert_array_equal(counts, n[::step])


def test_few_distinct_p_make_one_run_however_many_there_are():
    rng = np.random.default_rng(0)
    p = rng.integers(1, 100, 50_000) / 100
    family = Family.of(np.array_split(p, 50), at_once=1_000)
    assert [len(values) for values, _ in family.runs] == [99]
    np.testing.assert_array_equal(false_discoveries(family).apply(p), multipletests(p, method="fdr_bh")[1])


def test_holm_of_many_keeps_only_what_is_below_one():
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.random(20_000), rng.random(200) * 1e-7])
    correction = holm(Family.of([p]))
    assert len(correction.keys) < 1_000
    np.testing.assert_array_equal(correction.apply(p), multipletests(p, method="holm")[1])


@given(st.lists(P_VALUES, min_size=1, max_size=8))
def test_over_pairs_it_is_the_correction_over_comparisons(pairs):
    p = np.concatenate([np.array(of_pair) for of_pair in pairs])
    numbers = np.repeat(np.arange(len(pairs)), [len(of_pair) for of_pair in pairs])
    found = control_pairs(map(np.array, pairs)).apply(p)
    np.testing.assert_allclose(found, adjust_across_comparisons(p, numbers), rtol=1e-12)


def test_with_one_gene_it_is_holm_over_pairs():
    p = np.random.default_rng(0).random(50) ** 4
    found = control_pairs([p[[number]] for number in range(50)]).apply(p)
    np.testing.assert_allclose(found, multipletests(p, method="holm")[1], rtol=1e-12)


def test_nothing_tested_is_nothing_corrected():
    empty = Family.of([np.empty(0)])
    for correction in (holm(empty), false_discoveries(empty), control_pairs([np.empty(0)])):
        assert np.isnan(correction.apply(np.array([np.nan, np.nan]))).all()


def test_what_a_scan_writes_is_corrected_over_all_its_pairs(tmp_path):
    scan = make_scan(tmp_path / "s", most_permutations=0)
    found = scan.read()
    for column, of, method in (
        ("p_donors_fwe_scan", "p_donors", "holm"),
        ("p_spatial_fwe_scan", "p_spatial", "holm"),
        ("q_fdr_scan", "p_perm", "fdr_bh"),
        ("q_donors_scan", "p_donors", "fdr_bh"),
        ("q_spatial_scan", "p_spatial", "fdr_bh"),
    ):
        known = found[of].notna().to_numpy()
        assert known.any()
        expected = multipletests(found.loc[known, of], method=method)[1]
        np.testing.assert_allclose(found.loc[known, column], expected, rtol=1e-9)
        assert found.loc[~known, column].isna().all()
    np.testing.assert_allclose(
        found["p_fwe_scan"], adjust_across_comparisons(found["p_fwe"].to_numpy(), found["pair"].to_numpy()), rtol=1e-12
    )
    assert (found["p_fwe_scan"] >= found["p_fwe"]).all()
    spatial, donors, samples = (
        (found[name] <= 0.05).to_numpy() for name in ("p_spatial_fwe_scan", "p_donors_fwe_scan", "p_fwe_scan")
    )
    expected = np.where(spatial, "spatial", np.where(donors, "donors", np.where(samples, "samples", "none")))
    assert found["evidence_scan"].tolist() == expected.tolist()
    counts = found.groupby(["pair", "evidence_scan"], observed=False).size()
    for _, pair in scan.pairs[scan.pairs["status"] == "ok"].iterrows():
        for rung in ("spatial", "donors", "samples"):
            assert pair[f"{rung}_scan"] == counts.get((pair["pair"], rung), 0)


@pytest.mark.slow
def test_places_moved_at_random_are_called_as_often_as_they_may_be(tmp_path):
    """A null scan: pairs of arbitrary places in data without any difference of regions, 60 scans of 6 pairs.

    Over the scan, one false call or more at 0.05 in at most the upper 99.9 % bound of 60 draws, 10 scans. The samples'
    rung is no part of it: neighbouring samples resemble each other here, which it does not know of.
    """
    from tests.tissue_atlas import make_atlas

    atlas, rng = make_atlas(), np.random.default_rng(5)
    left = atlas.samples[(atlas.samples["mni_x"] < 0) & atlas.samples["structure_id"].isin([4, 8])]
    points = left[["mni_x", "mni_y", "mni_z"]].to_numpy()
    genes = jugex.QueryOptions(genes=[f"G{number:02d}" for number in range(1, 40)])  # the first one differs in A
    called = {"spatial": 0, "donors": 0}
    for number in range(60):
        centres = points[rng.choice(len(points), 4, replace=False)]
        regions = [jugex.Region.sphere(centre, 14.0, name=f"place {i}") for i, centre in enumerate(centres)]
        scan = make_scan(tmp_path / str(number), regions=regions, query=genes, atlas=atlas, most_permutations=0)
        for rung in called:
            called[rung] += bool(scan.pairs[f"{rung}_scan"].sum())
    assert called["spatial"] <= 10, called
