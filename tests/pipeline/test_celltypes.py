"""Scores of cell types as covariates: what they are, which genes they read, and what becomes of the markers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

import jugex
from jugex.errors import GeneError, GeneWarning, JugexWarning, OptionError
from jugex.genes import read_gene_sets
from jugex.report.methods import compose_methods
from tests.toy import ToyAtlas, wells

GENES = [f"G{number:02d}" for number in range(12)]
NEURONS, GLIA = GENES[:3], GENES[3:5]
ONE = wells("one", 1000, 1001, 1002, 1003, 2000, 2001, 2002)
TWO = wells("two", 1004, 1005, 1006, 2003, 2004, 2005, 2006)
PART_OF_SCORE = "not tested: part of a score that is adjusted for"


@pytest.fixture(scope="module")
def atlas() -> ToyAtlas:
    return ToyAtlas([9, 9], GENES, np.random.default_rng(4).normal(6, 1, (18, 12)))


@pytest.fixture
def markers(tmp_path):
    path = tmp_path / "markers.gmt"
    lines = ["\t".join([name, "", *genes]) for name, genes in (("Neurons", NEURONS), ("Glia", GLIA))]
    path.write_text("\n".join(lines) + "\n")
    return f"celltypes:{path}"


def compare(atlas, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        return jugex.compare(ONE, TWO, atlas=atlas, **{"n_permutations": 99, "rng": 0, "ladder": False, **options})


def test_a_score_is_the_mean_of_its_genes_and_f_that_of_statsmodels(atlas, markers):
    result, plain = compare(atlas, covariates=markers), compare(atlas)
    neurons, glia = result.record.covariates
    assert (neurons.name, neurons.genes, neurons.kind, neurons.is_used) == ("Neurons", tuple(NEURONS), "number", True)
    np.testing.assert_allclose(neurons.values, plain.zscores[NEURONS].mean(axis=1), rtol=1e-12)
    data = result.samples.assign(y=plain.zscores["G07"], neurons=neurons.values, glia=glia.values)
    model = smf.ols("y ~ region + donor_name + neurons + glia", data).fit()
    f = result.table.set_index("gene").loc["G07", "f"]
    assert f == pytest.approx(anova_lm(model, typ=2).loc["region", "F"], rel=1e-9)


def test_markers_are_not_tested_and_count_in_no_family(atlas, markers):
    result = compare(atlas, covariates=["mni_x", markers])
    status = result.table.set_index("gene")["status"]
    assert (status[[*NEURONS, *GLIA]] == PART_OF_SCORE).all()
    assert (status.drop([*NEURONS, *GLIA]) == "ok").all()
    assert result.record.genes.n_tested == len(GENES) - 5
    assert result.record.covariates_used == ("mni_x", "Neurons", "Glia")
    assert "Neurons is the mean of the z-scores of 3 genes, which were not tested" in compose_methods(result).paragraph


def test_genes_asked_for_have_the_scores_of_all_markers(atlas, markers):
    few, whole = (compare(atlas, covariates=markers, genes=genes) for genes in (["G07", "G01"], None))
    assert few.record.covariates == whole.record.covariates
    of_few, of_whole = (result.table.set_index("gene") for result in (few, whole))
    assert of_few.loc["G07", "f"] == pytest.approx(of_whole.loc["G07", "f"], rel=1e-12)
    assert of_few.loc["G01", "status"] == PART_OF_SCORE
    assert set(few.zscores) == {"G01", "G07"}


def test_sets_in_memory_are_the_same_as_in_a_file(atlas, markers):
    from_file = compare(atlas, covariates=markers)
    in_memory = compare(atlas, covariates=read_gene_sets({"Neurons": NEURONS, "Glia": GLIA}))
    assert from_file.table.equals(in_memory.table)
    assert from_file.record.arguments.covariates == (markers,)
    assert in_memory.record.arguments.covariates == ("Neurons", "Glia")


def test_gene_sets_of_the_run_are_adjusted_and_made_of_the_genes_tested(atlas, markers):
    result = compare(atlas, covariates=markers)
    found = result.gene_sets({"set": GENES[:10]}, kind="self-contained")
    assert found.members == {"set": tuple(GENES[5:10])}
    assert found.table.loc[0, "df_resid"] == 14 - 2 - 1 - 2


def test_upper_rungs_take_the_scores_of_the_tissue_around():
    markers = read_gene_sets({"type": ["GAD2", "SST", "CUX2", "CRH", "TAC1"]})
    options = {"atlas": "simulated", "genes": ["MAOA", "CHRM2", "SST"], "n_permutations": 99, "rng": 0}
    result = jugex.compare("simulated:A", "simulated:B", covariates=markers, background=False, **options)
    plain = jugex.compare("simulated:A", "simulated:B", background=False, **options)
    assert result.record.ladder.n_pool == plain.record.ladder.n_pool - 5
    of_both = [one.table.set_index("gene") for one in (result, plain)]
    p_adjusted, p_plain = (table.loc["MAOA", ["p_donors", "p_spatial"]].to_numpy(dtype=float) for table in of_both)
    assert np.isfinite(p_adjusted).all()
    assert (p_adjusted != p_plain).all()
    assert np.isnan(of_both[0].loc["SST", "p_spatial"])


def test_a_difference_of_composition_goes_once_scores_are_adjusted_for():
    """Regions differ in a cell type alone; every gene follows it. Without the score all differ, with it 5 %."""
    rng = np.random.default_rng(6)
    n_markers, n_others = 60, 300
    genes = [f"M{number}" for number in range(n_markers)] + [f"X{number}" for number in range(n_others)]
    share = rng.normal(0, 0.7, 18)
    share[[0, 1, 2, 3, 9, 10, 11]] += 1.5  # the samples of the first region
    levels = 6 + share[:, None] * rng.uniform(0.7, 1.0, len(genes)) + rng.normal(0, 0.7, (18, len(genes)))
    atlas = ToyAtlas([9, 9], genes, levels)
    sets = read_gene_sets({"type": genes[:n_markers]})
    plain, adjusted = (
        compare(atlas, covariates=covariates).table.set_index("gene").loc[genes[n_markers:], "p_parametric"]
        for covariates in (None, sets)
    )
    assert (plain <= 0.05).mean() > 0.3
    assert stats.binomtest(int((adjusted <= 0.05).sum()), n_others, 0.05).pvalue > 0.001


class TestRefused:
    def test_what_is_no_set_or_has_no_gene(self, atlas, tmp_path):
        with pytest.raises(OptionError, match=r"no-such\.gmt"):
            compare(atlas, covariates=f"celltypes:{tmp_path / 'no-such.gmt'}")
        sets = read_gene_sets({"Neurons": NEURONS, "Unknown": ["NOSUCH"]})
        with pytest.raises(GeneError, match="'Unknown' has no score"):
            compare(atlas, covariates=sets)
        with pytest.raises(OptionError, match="read_gene_sets"):
            compare(atlas, covariates={"Neurons": NEURONS})

    def test_no_gene_left_to_test(self, atlas, markers):
        result = compare(atlas, covariates=markers, genes=NEURONS)
        assert (result.table["status"] == PART_OF_SCORE).all()
        assert not result.table["significant"].any()

    def test_missing_markers_are_told_once(self, atlas):
        sets = read_gene_sets({"Neurons": [*NEURONS, "NOSUCH"]})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            jugex.compare(ONE, TWO, atlas=atlas, covariates=sets, n_permutations=99, rng=0)
        assert sum("NOSUCH" in str(one.message) for one in caught if one.category is GeneWarning) == 1
