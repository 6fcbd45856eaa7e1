"""One probe for each gene, against the definitions and scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

import jugex
from jugex.analysis.probe_scores import score_probes
from jugex.analysis.selection import best_probes, differential_stability, probe_variance
from jugex.errors import OptionError
from jugex.query import region_pair
from tests.toy import ToyAtlas, wells


def stability_by_definition(levels, structures, donors):
    """Mean over pairs of donors of scipy's correlation over the structures of both, probe by probe."""
    table = pd.DataFrame(levels).groupby([pd.Series(donors), pd.Series(structures)]).mean()
    scores = []
    for probe in table:
        by_donor = table[probe].unstack(0)
        pairs = [by_donor[list(pair)].dropna() for pair in combinations(by_donor.columns, 2)]
        scores.append(np.mean([spearmanr(pair).statistic for pair in pairs if len(pair) >= 3]))
    return np.array(scores)


class TestBestProbes:
    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.0, np.nan])), min_size=1, max_size=30))
    def test_is_the_first_of_the_highest(self, probes):
        genes = pd.factorize(np.array([gene for gene, _ in probes]))[0]
        score = np.array([value for _, value in probes])
        known = np.where(np.isnan(score), -np.inf, score)
        expected = [
            max(np.flatnonzero(genes == gene), key=lambda probe: known[probe]) for gene in range(genes.max() + 1)
        ]
        assert best_probes(score, genes).tolist() == expected  # max returns the first of equal ones


class TestVariance:
    def test_pools_the_samples(self):
        levels = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
        # float32 levels, summed as float64
        np.testing.assert_allclose(probe_variance(levels), levels.astype(float).var(axis=0), rtol=1e-12)


class TestDifferentialStability:
    @pytest.mark.parametrize("seed", range(5))
    def test_follows_the_definition_with_ties_and_unequal_sampling(self, seed):
        rng = np.random.default_rng(seed)
        donors, structures = rng.integers(0, 4, 120), rng.integers(100, 112, 120)
        levels = rng.integers(0, 6, (120, 7)).astype(float)  # small integers: many ties
        expected = stability_by_definition(levels, structures, donors)
        # ranks are exact; the correlation is summed in another order
        np.testing.assert_allclose(differential_stability(levels, structures, donors), expected, atol=1e-12)

    def test_a_pattern_shared_by_all_donors_is_1(self):
        structures, donors = np.tile(np.arange(5), 3), np.repeat([7, 8, 9], 5)
        shared = np.exp(structures) + 100.0 * donors  # only the order of structures counts
        reversed_in_one = np.where(donors == 9, -shared, shared)
        got = differential_stability(np.column_stack([shared, reversed_in_one]), structures, donors)
        np.testing.assert_allclose(got, [1.0, -1 / 3], atol=1e-15)

    def test_pairs_that_share_fewer_than_three_structures_do_not_count(self):
        structures = np.array([1, 2, 3, 1, 2, 3, 1, 2])
        donors = np.array(["a"] * 3 + ["b"] * 3 + ["c"] * 2)
        levels = np.array([1, 2, 3, 1, 2, 3, 9, 0.0])[:, None]
        assert differential_stability(levels, structures, donors)[0] == pytest.approx(1.0)
        assert np.isnan(differential_stability(levels[3:], structures[3:], donors[3:])).all()

    def test_a_probe_that_is_constant_or_missing_has_none(self):
        structures, donors = np.tile(np.arange(4), 2), np.repeat([0, 1], 4)
        levels = np.column_stack([np.full(8, 2.0), np.r_[np.nan, np.arange(7.0)]])
        assert np.isnan(differential_stability(levels, structures, donors)).all()

    def test_does_not_depend_on_the_order_of_samples(self):
        rng = np.random.default_rng(1)
        donors, structures, levels = rng.integers(0, 3, 60), rng.integers(0, 9, 60), rng.normal(size=(60, 3))
        order = rng.permutation(60)
        got = differential_stability(levels[order], structures[order], donors[order])
        np.testing.assert_allclose(got, differential_stability(levels, structures, donors), atol=1e-12)


class TestScoresOfAPair:
    def test_stability_looks_at_all_samples_of_the_atlas(self):
        pair = region_pair(*jugex.demo_regions(), genes=["MAOA", "GPR50", "TPH2"], atlas="simulated")
        score = score_probes(pair, "stability")
        atlas = pair.atlas
        expected = differential_stability(
            atlas.levels(probe_ids=pair.probes["probe_id"]),
            atlas.samples["structure_id"].to_numpy(),
            atlas.samples["donor_name"].to_numpy(),
        )
        np.testing.assert_allclose(score, expected, atol=1e-12)
        assert score.min() > -1

    def test_variance_looks_at_the_samples_of_the_pair(self):
        pair = region_pair(wells("a", 1000, 1003), wells("b", 1001, 2001), atlas=ToyAtlas([6, 5], ["A", "A", "B"]))
        np.testing.assert_allclose(
            score_probes(pair, "max-variance"), pair.levels.astype(float).var(axis=0), rtol=1e-12
        )

    def test_other_ways_need_none(self):
        pair = region_pair(wells("a", 1000), wells("b", 1001), atlas=ToyAtlas([6, 5], ["A", "A"]))
        assert score_probes(pair, "median") is None

    def test_structures_in_common_are_needed(self):
        pair = region_pair(wells("a", 1000), wells("b", 1001), atlas=ToyAtlas([6, 5], ["A", "A"]))
        with pytest.raises(OptionError, match="no two of the 2 donors of toy atlas share three"):
            score_probes(pair, "stability")

    def test_a_probe_alone_of_its_gene_needs_none(self):
        pair = region_pair(wells("a", 1000), wells("b", 1001), atlas=ToyAtlas([6, 5], ["A", "B"]))
        assert np.isnan(score_probes(pair, "stability")).all()


def test_real_probes_that_agree_are_the_stable_ones(shared_data):
    """SLC6A2 lies near the detection floor; SCN1A's probes correlate at 0.9."""
    atlas = jugex.open_atlas(shared_data / "ahba-mini")
    regions = jugex.Region.sphere((-22, 58, 4), 20, name="a"), jugex.Region.sphere((22, 58, 4), 20, name="b")
    pair = region_pair(*regions, atlas=atlas)
    score = score_probes(pair, "stability")
    is_scn1a = (pair.probes["gene"] == "SCN1A").to_numpy()
    assert score[is_scn1a].min() > 0.7  # measured: 0.79 to 0.86
    assert score[~is_scn1a].max() < 0.3  # measured: 0.07 and 0.17
