"""Scores of the probes of a query, by which one probe of each gene is chosen."""

from __future__ import annotations

import numpy as np
import pytest

import jugex
from jugex.errors import OptionError
from jugex.pipeline import genes
from jugex.query import region_pair
from jugex.stats.aggregation import differential_stability
from tests.toy import ToyAtlas, wells


def score_probes(pair, how):
    return genes.score_probes(pair.atlas, pair.probes, pair.levels, how)


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
            score_probes(pair, "max-variance"), pair.levels.astype(float).std(axis=0), rtol=1e-12
        )

    def test_mean_looks_at_the_samples_of_the_pair(self):
        pair = region_pair(wells("a", 1000, 1003), wells("b", 1001, 2001), atlas=ToyAtlas([6, 5], ["A", "A", "B"]))
        np.testing.assert_allclose(score_probes(pair, "max-mean"), pair.levels.astype(float).mean(axis=0), rtol=1e-12)

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
