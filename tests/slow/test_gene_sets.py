"""Error rates and power of gene sets whose genes go together, beside a test that takes genes for independent."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

import jugex
from tests.slow.gene_set_rates import KINDS, LAYOUTS, N_SETS, run_cells
from tests.slow.ladder_data import GABRA4
from tests.toy import ToyAtlas, wells

pytestmark = pytest.mark.slow

N_GENES, SIZE = 300, 20
GENES = [f"G{number:03d}" for number in range(N_GENES)]
#: 15 sets that share no gene.
SETS = {f"set {number}": GENES[SIZE * number : SIZE * (number + 1)] for number in range(N_GENES // SIZE)}
#: Samples of three donors in each region, as many as left Fp1 and Fp2 hold of three donors of the atlas.
COUNTS = ((7, 4), (6, 5), (3, 3))


def simulate(rng: np.random.Generator, correlation: float, shift: float = 0.0) -> ToyAtlas:
    """Levels of genes of which those of a set go together; the first set is `shift` higher in the first region."""
    sizes = [sum(counts) for counts in COUNTS]
    n = sum(sizes)
    of_set = np.repeat(rng.standard_normal((n, len(SETS))), SIZE, axis=1)
    levels = np.sqrt(correlation) * of_set + np.sqrt(1 - correlation) * rng.standard_normal((n, N_GENES))
    levels += np.repeat(rng.standard_normal((3, N_GENES)), sizes, axis=0)
    start = 0
    for (n_1, _), size in zip(COUNTS, sizes, strict=True):
        levels[start : start + n_1, :SIZE] += shift
        start += size
    return ToyAtlas(sizes, GENES, levels)


def run(atlas: ToyAtlas, kind: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """p_perm and p_fwe of each set, and p of a rank test of its genes' t against all others."""
    first = [1000 * (donor + 1) + k for donor, (n_1, _) in enumerate(COUNTS) for k in range(n_1)]
    second = [1000 * (donor + 1) + n_1 + k for donor, (n_1, n_2) in enumerate(COUNTS) for k in range(n_2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regions = wells("one", *first), wells("two", *second)
        result = jugex.compare(*regions, atlas=atlas, rng=0, n_permutations=199, ladder=False)
        table = result.gene_sets(SETS, kind=kind).table.set_index("set").loc[list(SETS)]
    t = (np.sign(result.table["diff"]) * np.sqrt(result.table["f"])).set_axis(result.table["gene"])
    of_ranks = [stats.mannwhitneyu(t[genes], t.drop(genes), alternative="two-sided").pvalue for genes in SETS.values()]
    return table["p_perm"].to_numpy(), table["p_fwe"].to_numpy(), np.array(of_ranks)


@pytest.mark.parametrize("kind", ["competitive", "self-contained", "mixed"])
@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_sets_of_correlated_genes_keep_their_error_rate(kind, correlation):
    rng = np.random.default_rng(17)
    n = 200
    found = [run(simulate(rng, correlation), kind) for _ in range(n)]
    single, family = (np.array([one[k] for one in found]) for k in (0, 1))
    # 3,000 sets and 200 families: four standard errors about the nominal 0.05
    assert abs((single <= 0.05).mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / (n * len(SETS)))
    assert (family.min(axis=1) <= 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / n)


def test_ranking_genes_calls_far_too_many_sets_where_genes_go_together():
    rng = np.random.default_rng(18)
    of_ranks = np.array([run(simulate(rng, 0.3), "competitive")[2] for _ in range(40)])
    assert (of_ranks <= 0.05).mean() > 0.25


def test_a_set_of_small_differences_is_found():
    """20 genes that each differ by 0.3 standard deviations; hardly any of them would be found alone."""
    rng = np.random.default_rng(19)
    p = np.array([run(simulate(rng, 0.0, shift=0.3), "self-contained")[0][0] for _ in range(60)])
    assert (p <= 0.05).mean() > 0.75


@pytest.mark.skipif(not GABRA4.is_dir(), reason="needs the positions of real samples")
@pytest.mark.parametrize(
    ("situation", "rungs"),
    [("independent", ("samples", "donors", "spatial")), ("own 8 mm", ("donors", "spatial")), ("mixed", ("spatial",))],
)
def test_each_rung_holds_for_sets_where_it_is_to_hold(situation, rungs):
    """On Fp1/Fp2 and V1/V2, by the form for many genes; goals are those of genes, 0.03 to 0.07."""
    n_runs = 3
    found = [run_cells(situation, 0.3, 1_000 + run) for run in range(n_runs)]
    for layout in LAYOUTS:
        for kind in KINDS:
            for rung in rungs:
                rates = np.array([one[layout, situation, 0.3, False, kind][f"{rung}_p05"] for one in found])
                # sets of a run share what is pooled, so that rates vary between runs too
                error = max(np.sqrt(0.05 * 0.95 / (n_runs * N_SETS)), rates.std(ddof=1) / np.sqrt(n_runs))
                assert 0.03 - 3 * error <= rates.mean() <= 0.07 + 3 * error, (layout, kind, rung)


@pytest.mark.skipif(not GABRA4.is_dir(), reason="needs the positions of real samples")
def test_gseapy_calls_far_too_many_sets_where_genes_go_together():
    pytest.importorskip("gseapy")
    found = run_cells("independent", 0.3, 1_000)
    for layout in LAYOUTS:
        assert found[layout, "independent", 0.3, False, "competitive"]["prerank_p05"] > 0.25
