"""How many of all genes differ, and whether what differs is above background."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import JugexWarning
from jugex.model.findings import ManyGenesDiffer, NearDetectionLimit
from jugex.pipeline.genes import share_present
from jugex.query import region_pair
from tests.toy import ToyAtlas, wells

GENES = [f"G{i}" for i in range(150)]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 2002)
TWO = wells("two", 1003, 1004, 1005, 2003, 2004, 2005)


class CallingAtlas(ToyAtlas):
    """Odd probes are above background everywhere, even ones in the wells of region one alone."""

    def _has_calls_of(self, donor_names):
        return True

    def _read_calls(self, sample_rows, probe_rows):
        inside = self.samples["well_id"].iloc[sample_rows].isin(list(ONE.probabilities)[:5]).to_numpy()
        return inside[:, None] | (np.asarray(probe_rows) % 2 == 1)[None]


def make_levels(share):
    """Levels in which a share of the genes differs widely."""
    levels = np.random.default_rng(0).normal(5, 1, size=(12, len(GENES)))
    differing = np.arange(len(GENES)) < share * len(GENES)
    levels[np.ix_([0, 1, 2, 6, 7, 8], differing)] += 20
    return levels


def compare(share, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        return jugex.compare(
            ONE, TWO, atlas=ToyAtlas([6, 6], GENES, make_levels(share)), rng=0, n_permutations=399, **options
        )


class TestBackground:
    def test_is_that_of_all_genes_for_a_run_with_few(self):
        few, every = compare(0.3, genes=["G0", "G140"]), compare(0.3)
        background = few.record.background
        assert len(few.table) == 2
        assert background == every.record.background
        assert background.n_genes == 150
        assert background.share == (every.table["p_perm"] <= 0.05).mean()
        assert 0.3 <= background.share < 0.4
        [finding] = [found for found in few.record.findings if isinstance(found, ManyGenesDiffer)]
        assert (finding.n_genes, finding.p_perm, finding.share) == (150, 0.05, background.share)

    def test_is_about_one_in_twenty_where_nothing_differs(self):
        # 400 relabellings of 6 x 6 samples: 20 of them at most are nominally significant, of 150 genes 7.5 expected,
        # with a standard deviation of 2.7
        assert compare(0.0, genes=["G0"]).record.background.share * 150 < 7.5 + 4 * 2.7

    def test_can_be_left_out(self):
        background = compare(0.3, genes=["G0"], background=False).record.background
        assert background.share is None
        assert background.why_not == "only the genes asked for were tested"

    def test_is_not_asked_of_a_web_service(self, monkeypatch):
        monkeypatch.setattr(ToyAtlas, "is_remote", True)
        assert compare(0.3, genes=["G0"]).record.background.share is None

    def test_takes_999_relabellings_at_most(self):
        atlas = ToyAtlas([8, 8], GENES)
        one, two = (
            wells("one", *range(1000, 1004), *range(2000, 2004)),
            wells("two", *range(1004, 1008), *range(2004, 2008)),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            result = jugex.compare(one, two, atlas=atlas, genes=["G0"], n_permutations=2000, rng=0)
        assert result.record.background.n_permutations == 999


class TestPresentCalls:
    @pytest.fixture
    def pair(self):
        return region_pair(ONE, TWO, atlas=CallingAtlas([6, 6], ["A", "A", "B", "C"]))

    def test_share_by_gene_and_by_probe(self, pair):
        present = share_present(pair, ["A", "B"])
        assert present["A"] == pytest.approx((5 / 12 + 1) / 2)
        assert present["B"] == pytest.approx(5 / 12)
        assert share_present(pair, ["A probe 0"], by_probe=True).to_dict() == {"A probe 0": pytest.approx(5 / 12)}
        assert len(share_present(pair, [])) == 0

    def test_nothing_is_known_without_calls(self):
        assert share_present(region_pair(ONE, TWO, atlas=ToyAtlas([6, 6], ["A"])), ["A"]) is None

    def test_a_significant_gene_near_the_detection_limit_is_told(self):
        levels = np.random.default_rng(0).normal(5, 1, size=(12, 4))
        levels[np.ix_([0, 1, 2, 6, 7, 8], [2, 3])] += 20
        pair = region_pair(ONE, TWO, atlas=CallingAtlas([6, 6], ["A", "A", "B", "C"], levels))
        result = jugex.analysis.differential_expression(pair, n_permutations=999, rng=0)
        assert sorted(result.significant["gene"]) == ["B", "C"]
        assert NearDetectionLimit(genes=("B",), unit="gene") in result.record.findings


class TestSamplesOfTheRun:
    def make_atlas(self):
        """Genes without gaps, and others that miss one sample each."""
        rng = np.random.default_rng(2)
        ids = [*ONE.probabilities, *TWO.probabilities]
        samples = pd.DataFrame({"well_id": ids, "x": 0.0, "y": 0.0, "z": 0.0, "donor": [f"D{i // 1000}" for i in ids]})
        expression = pd.DataFrame(rng.normal(size=(12, 14)), index=ids, columns=[f"G{i}" for i in range(14)])
        for number, well in enumerate(ids):
            expression.loc[well, f"G{number + 2}"] = np.nan
        return jugex.atlas_from_tables(samples, expression)

    def test_gaps_of_other_genes_do_not_matter(self):
        options = {"atlas": self.make_atlas(), "genes": ["G0", "G1"], "rng": 0, "n_permutations": 99}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            result = jugex.compare(ONE, TWO, missing="drop-samples", **options)
        assert result.record.background.n_genes == 2
        assert len(result.samples) == 12

    def test_nothing_is_told_where_no_p_can_be_small(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            few = jugex.compare(ONE, TWO, atlas=self.make_atlas(), rng=0, n_permutations=9)
        assert few.record.background.share is None
        assert few.record.background.why_not == "the smallest p that can occur is 0.1, above 0.05"
