"""The simulated atlas: the same for everybody, plausible, and with differences only where they were planted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from jugex.atlas import SimulatedAtlas
from jugex.atlas.base import DONOR_COLUMNS, PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS
from jugex.atlas.donors import DONORS
from jugex.atlas.simulated import CANDIDATE_GENES, PLANTED_GENES
from jugex.errors import OptionError
from jugex.spaces import demo_probability

_DIGEST = """
import hashlib, numpy
numpy.random.seed(5)
numpy.random.random(3)
from jugex.atlas import SimulatedAtlas
atlas = SimulatedAtlas()
print(hashlib.sha256(atlas.levels().tobytes() + atlas.samples.to_csv().encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def atlas():
    return SimulatedAtlas()


def _count_in_regions(atlas):
    points = atlas.samples[["mni_x", "mni_y", "mni_z"]]
    inside = pd.DataFrame({name: demo_probability(name, points) > 0.2 for name in "AB"})
    inside["both"] = inside["A"] & inside["B"]
    nearer = demo_probability("A", points) > demo_probability("B", points)
    inside["A"], inside["B"] = inside["A"] & nearer, inside["B"] & ~nearer
    return inside.groupby(atlas.samples["donor_name"], sort=False).sum()


def test_every_name_says_simulated(atlas):
    assert atlas.simulated
    assert atlas.name == "Simulated atlas (not real data)"
    identity = json.loads(json.dumps(atlas.identity().to_dict()))
    assert identity["kind"] == "simulated"
    assert identity["simulated"] is True
    assert identity["path"] is None
    assert identity["files"] == []
    assert identity["n_samples"] == len(atlas.samples)
    assert atlas.samples["structure_name"].str.startswith("simulated ").all()
    assert atlas.structures["name"].str.startswith("simulated ").all()
    assert atlas.probes["probe_name"].str.startswith("simulated_").all()


def test_it_is_the_same_in_another_process(atlas):
    here = hashlib.sha256(atlas.levels().tobytes() + atlas.samples.to_csv().encode()).hexdigest()
    there = subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_it_leaves_the_global_generator_alone():
    state = np.random.get_state()[1].copy()
    SimulatedAtlas()
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_tables_have_the_columns_of_the_contract(atlas):
    assert tuple(atlas.samples.columns) == SAMPLE_COLUMNS
    assert tuple(atlas.probes.columns) == PROBE_COLUMNS
    assert tuple(atlas.donors.columns) == DONOR_COLUMNS
    assert tuple(atlas.structures.columns) == STRUCTURE_COLUMNS
    assert atlas.samples["well_id"].is_unique
    assert atlas.probes["probe_id"].is_unique
    assert atlas.probes["entrez_id"].dtype == "Int64"
    for _, of_donor in atlas.samples.groupby("donor_name"):
        assert of_donor["sample"].tolist() == list(range(len(of_donor)))


def test_donors_are_the_six(atlas):
    expected = [(d.donor_name, d.donor_id, d.age, d.gender, d.race) for d in DONORS]
    assert list(atlas.donors.itertuples(index=False, name=None)) == expected


def test_only_the_first_two_donors_have_the_right_hemisphere(atlas):
    has_right = atlas.samples.groupby("donor_name", sort=False)["mni_x"].max() > 0
    assert has_right.tolist() == [True, True, False, False, False, False]
    assert (atlas.samples[["mni_x", "mni_y", "mni_z"]].abs() < 110).all(axis=None)


def test_each_structure_has_its_parent_and_each_sample_its_structure(atlas):
    structures = atlas.structures
    assert structures["parent_structure_id"].isna().tolist() == [True] + [False] * (len(structures) - 1)
    assert structures["parent_structure_id"].dropna().isin(structures["structure_id"]).all()
    assert structures["acronym"].is_unique
    joined = atlas.samples.merge(structures, on="structure_id")
    assert len(joined) == len(atlas.samples)
    assert (joined["structure_name"] == joined["name"]).all()
    assert (joined["structure_acronym"] == joined["acronym"]).all()


def test_demo_regions_hold_samples_of_most_donors(atlas):
    counts = _count_in_regions(atlas)
    assert (counts.loc[["H0351.2001", "H0351.2002"], ["A", "B"]] >= 6).all(axis=None)
    is_informative = (counts[["A", "B"]] >= 3).all(axis=1)
    assert is_informative.sum() == 5
    alone = counts.loc["H0351.1015"]
    assert (alone["A"], alone["B"]) == (4, 0)
    assert counts["both"].sum() > 10


def test_genes_are_the_candidates_and_simulated_ones(atlas):
    n_probes = atlas.probes.groupby("gene", sort=False).size()
    assert len(n_probes) == 500
    assert n_probes.head(25).to_dict() == {gene: n for gene, _, n in CANDIDATE_GENES}
    assert n_probes.index[25:].str.match(r"SIM\d{4}$").all()
    assert n_probes[25:].between(1, 20).all()
    assert atlas.probes["entrez_id"].notna().sum() == sum(n for _, _, n in CANDIDATE_GENES)


def test_candidate_genes_are_those_of_the_published_list(shared_data):
    table = pd.read_csv(shared_data / "reference" / "mdd_gene_list.csv")
    counts = table.groupby(["gene_symbol", "entrez_id"]).size().reset_index()
    assert list(counts.itertuples(index=False, name=None)) == sorted(CANDIDATE_GENES)


def test_levels_look_like_levels(atlas):
    levels = atlas.levels()
    assert levels.shape == (len(atlas.samples), len(atlas.probes))
    assert levels.min() > 0
    assert levels.max() < 16
    np.testing.assert_array_equal(levels, np.round(levels, 4))
    zscores = atlas.zscores()
    for _, of_donor in atlas.samples.groupby("donor_name"):
        # float64 sums of about 100 values of order 1
        np.testing.assert_allclose(zscores[of_donor.index].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(zscores[of_donor.index].std(axis=0), 1, rtol=1e-12)


def test_probes_of_a_gene_go_together(atlas):
    of_gene = (atlas.probes["gene"] == "CHRM2").to_numpy()
    correlations = np.corrcoef(atlas.zscores()[:, of_gene].T)
    assert np.median(correlations) > 0.5


@pytest.mark.parametrize("gene", PLANTED_GENES)
def test_planted_genes_are_higher_in_region_b_in_each_informative_donor(atlas, gene):
    zscores = pd.Series(atlas.zscores()[:, (atlas.probes["gene"] == gene).to_numpy()].mean(axis=1))
    points = atlas.samples[["mni_x", "mni_y", "mni_z"]]
    p_a, p_b = demo_probability("A", points), demo_probability("B", points)
    in_a = zscores[(p_a > 0.2) & (p_a > p_b)].groupby(atlas.samples["donor_name"]).mean()
    in_b = zscores[(p_b > 0.2) & (p_b > p_a)].groupby(atlas.samples["donor_name"]).mean()
    differences = (in_a - in_b).dropna()
    assert len(differences) == 5
    assert (differences < 0).all()


def test_only_planted_genes_differ_under_the_default_analysis(atlas):
    """Permute within donors, compare with the maximum over genes: the analysis, in a few lines of NumPy."""
    points = atlas.samples[["mni_x", "mni_y", "mni_z"]]
    p_a, p_b = demo_probability("A", points), demo_probability("B", points)
    used = np.flatnonzero((p_a > 0.2) | (p_b > 0.2))
    labels = (p_a > p_b)[used].astype(float)
    donors = pd.factorize(atlas.samples["donor_name"].to_numpy()[used])[0]
    genes, names = pd.factorize(atlas.probes["gene"])
    zscores = atlas.zscores(well_ids=atlas.samples["well_id"].to_numpy()[used])
    values = np.stack([zscores[:, genes == gene].mean(axis=1) for gene in range(len(names))], axis=1)
    f_observed, f_permuted = _permute_labels(values, labels, donors, n=2000)
    for family in (slice(None), slice(0, len(CANDIDATE_GENES))):
        maxima = f_permuted[:, family].max(axis=1)
        p_fwe = pd.Series((1 + (maxima[:, None] >= f_observed[family]).sum(axis=0)) / 2001, index=names[family])
        assert p_fwe[list(PLANTED_GENES)].max() <= 0.005
        assert p_fwe.drop(list(PLANTED_GENES)).min() >= 0.1


def _permute_labels(values, labels, donors, n):
    rng = np.random.default_rng(0)
    indicators = np.eye(donors.max() + 1)[donors]

    def center(table):
        return table - indicators @ np.linalg.lstsq(indicators, table, rcond=None)[0]

    relabelled = np.empty((n + 1, len(labels)))
    relabelled[0] = labels
    for donor in range(donors.max() + 1):
        of_donor = np.flatnonzero(donors == donor)
        relabelled[1:, of_donor] = rng.permuted(np.tile(labels[of_donor], (n, 1)), axis=1)
    centered = center(values)
    total = (centered**2).sum(axis=0)
    between = (relabelled @ centered) ** 2 / (center(labels[:, None]) ** 2).sum()
    f = between / (total - between) * (len(labels) - donors.max() - 2)
    return f[0], f[1:]


def test_some_donors_have_the_same_numbers_as_among_all(atlas):
    some = atlas.with_donors(["15496", "H0351.2002"])
    assert some.donors["donor_id"].tolist() == [10021, 15496]
    assert isinstance(some.samples.index, pd.RangeIndex)
    np.testing.assert_array_equal(some.zscores(), atlas.zscores(well_ids=some.samples["well_id"]))
    assert some.identity().n_samples == len(some.samples)
    assert some.identity().source == atlas.identity().source


def test_unknown_donor_lists_the_six(atlas):
    with pytest.raises(OptionError, match=r"unknown donor 'H0351'; there are H0351\.2001 \(9861\), .*\(15697\)"):
        atlas.with_donors(["H0351"])


def test_no_donor_at_all(atlas):
    with pytest.raises(OptionError, match="no donor asked for; name some of H0351"):
        atlas.with_donors([])
