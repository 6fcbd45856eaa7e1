"""The permutation distribution of one gene: that of the run, for results computed and read."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import jugex
from jugex.analysis import differential_expression
from jugex.errors import DesignError, GeneError
from jugex.pipeline.details import permutation_null
from jugex.query import region_pair
from tests.toy import ToyAtlas, wells

GENES = ["A", "A", "B", "C", "D"]
ONE = wells("one", 1000, 1001, 1002, 2000, 2001, 3000)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004, 3001, 3002)
BOTH = wells("two", 1002, 1003, 1004, 2001, 2002, 2003, 2004, 3001, 3002)


def analyse(*regions, levels=None, overlap="higher-probability", **options):
    atlas = ToyAtlas([6, 6, 4], GENES, levels)
    with warnings.catch_warnings():  # small designs are warned of
        warnings.simplefilter("ignore", jugex.JugexWarning)
        pair = region_pair(*(regions or (ONE, TWO)), atlas=atlas, overlap=overlap)
        return differential_expression(pair, **{"n_permutations": 199, "rng": 7, **options})


def save_and_load(result, folder):
    result.save(folder)
    return jugex.load_result(folder)


def count(result, gene):
    """p by the formula of the documentation, from the null and the table's F."""
    null = permutation_null(result, gene)
    reached = int((null >= result.table.loc[result.labels == gene, "f"].iloc[0]).sum())
    permutation = result.record.permutation
    assert len(null) == permutation.n_permutations
    return reached / len(null) if permutation.exhaustive else (1 + reached) / (len(null) + 1)


def assert_counts_agree(result):
    for label, p_perm in zip(result.labels, result.table["p_perm"], strict=True):
        # ten digits are written; counts differ by 1 / 200 at least
        assert count(result, label) == pytest.approx(p_perm, abs=1e-9)


@pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
@pytest.mark.parametrize("n_permutations", [199, 2_000])
def test_it_counts_what_the_run_counted(statistic, exchange, n_permutations, tmp_path):
    """2,000 enumerate the relabellings of either scheme: 400 within donors, 1,716 over all samples."""
    result = analyse(statistic=statistic, exchange=exchange, n_permutations=n_permutations)
    assert result.record.permutation.exhaustive == (n_permutations == 2_000)
    assert_counts_agree(result)
    assert_counts_agree(save_and_load(result, tmp_path / "out"))


def test_a_generator_is_put_back_into_its_state(tmp_path):
    rng = np.random.Generator(np.random.MT19937(3))
    rng.random(11)
    result = analyse(rng=rng)
    assert_counts_agree(result)
    assert_counts_agree(save_and_load(result, tmp_path / "out"))


def test_samples_in_both_regions_count_twice():
    result = analyse(ONE, BOTH, overlap="keep")
    assert len(result.samples) == 15
    assert_counts_agree(result)


def test_ties_count_in_files_too(tmp_path):
    """Levels of few values: many relabellings tie with the observed F, which ten digits do not keep."""
    levels = np.random.default_rng(1).integers(3, 6, size=(16, 5)) / 3
    for statistic in ("adjusted", "welch"):
        result = analyse(levels=levels, statistic=statistic, n_permutations=2_000)
        assert (permutation_null(result, "B") == result.table.loc[result.labels == "B", "f"].iloc[0]).sum() > 10
        assert_counts_agree(result)
        assert_counts_agree(save_and_load(result, tmp_path / statistic))


def test_probes_are_called_by_their_labels():
    result = analyse(probes="single")
    assert_counts_agree(result)
    with pytest.raises(GeneError, match=r"gene 'A' is not in this result, which has 5; result\.labels lists them"):
        permutation_null(result, "A")


def test_the_method_is_the_same():
    result = analyse()
    np.testing.assert_array_equal(result.permutation_null("B"), permutation_null(result, "B"))


def test_regions_without_residual():
    """A gene that the labels explain wholly has an infinite F, and so have the relabellings that tie with it."""
    levels = np.random.default_rng(2).normal(5, 1, size=(16, 5))
    levels[:, 4] = np.arange(16) % 6 < 3
    one, two = wells("one", 1000, 1001, 1002, 2000, 2001), wells("two", 1003, 1004, 2004, 2005)
    levels[6:12, 4] = [1, 1, 0, 0, 0, 0]
    result = analyse(one, two, levels=levels, n_permutations=2_000)
    row = result.table.set_index("gene").loc["D"]
    assert row["p_perm"] == pytest.approx(1 / 60)
    assert count(result, "D") == row["p_perm"]


def test_a_gene_that_was_not_tested():
    levels = np.random.default_rng(0).normal(5, 1, size=(16, 5))
    levels[:, 2] = 3.0
    with pytest.raises(GeneError, match=r"gene 'B' has no F \(not tested: constant over the samples used\)"):
        permutation_null(analyse(levels=levels), "B")


def test_regions_of_one_name():
    result = analyse()
    regions = tuple(replace(region, name="one") for region in result.record.regions)
    damaged = replace(result, record=replace(result.record, regions=regions))
    with pytest.raises(DesignError, match=r"regions have the same name \('one', 'one'\)"):
        permutation_null(damaged, "B")


@pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")
def test_relabellings_without_f_come_last_where_they_count_as_the_smallest():
    """Two donors with one sample in each region: 2 of the 6 free relabellings give each donor one region."""
    pair = region_pair(wells("one", 1000, 2000), wells("two", 1001, 2001), atlas=ToyAtlas([2, 2], ["A", "B"]))
    options = {
        "n_permutations": 3,
        "rng": 6,
        "exchange": "free",
        "ladder": False,
    }  # fewer than all that are not collinear
    result = differential_expression(pair, collinear="smallest", **options)
    null = permutation_null(result, "A")
    row = result.table[result.table["gene"] == "A"].iloc[0]
    permutation = result.record.permutation
    assert len(null) == permutation.n_permutations == 3
    assert np.isneginf(null).sum() == permutation.n_collinear_smallest > 0
    assert permutation.n_collinear_redrawn == 0
    assert row["p_perm"] == (1 + (null >= row["f"]).sum()) / 4
    redrawn = differential_expression(pair, **options)
    assert redrawn.record.permutation.n_collinear_redrawn > 0
    assert not np.isneginf(permutation_null(redrawn, "A")).any()
