"""The simulated atlas: the same for everybody, like the real one in its samples, and known where genes differ."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas import PLANTED_GENES, PLANTED_SETS, SimulatedAtlas, simulated
from jugex.atlas.base import DONOR_COLUMNS, PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS
from jugex.atlas.donors import DONORS
from jugex.atlas.simulated import CANDIDATE_GENES
from jugex.errors import OptionError
from jugex.genes import read_gene_sets
from jugex.query.reference import TISSUES, classify_tissue, find_reference
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
def atlas(whole_simulated_atlas):
    return whole_simulated_atlas


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
    SimulatedAtlas().levels(probe_ids=[1, 2])
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


def test_donors_have_as_many_samples_as_in_the_real_atlas(atlas):
    assert atlas.samples.groupby("donor_name", sort=False).size().tolist() == [946, 893, 363, 529, 470, 501]
    points = atlas.samples[["mni_x", "mni_y", "mni_z"]]
    assert (points.abs() < 110).all(axis=None)
    n_right = (points["mni_x"] > 0).groupby(atlas.samples["donor_name"], sort=False).sum()
    assert n_right.tolist() == [473, 446, 0, 0, 0, 0]
    assert not (points["mni_x"] == 0).any()


def test_samples_lie_in_classes_of_tissue_on_the_side_that_their_structure_names(atlas):
    classes = classify_tissue(atlas)
    shares = classes.value_counts(normalize=True)
    assert set(shares.index) == set(TISSUES.values()) - {"piriform cortex"}  # 3 samples of the real atlas
    assert shares["isocortex"] == pytest.approx(0.46, abs=0.01)
    is_left = atlas.samples["structure_name"].str.endswith(", left")
    assert (is_left | atlas.samples["structure_name"].str.endswith(", right")).all()
    np.testing.assert_array_equal(is_left, atlas.samples["mni_x"] < 0)


def test_cortex_is_as_dense_as_in_the_real_atlas(atlas):
    """There a sample's nearest neighbour in left cortex of the same donor is 5 to 8.5 mm away, by donor (median)."""
    is_left_cortex = (classify_tissue(atlas) == "isocortex") & (atlas.samples["mni_x"] < 0)
    for _, of_donor in atlas.samples[is_left_cortex].groupby("donor_name"):
        points = of_donor[["mni_x", "mni_y", "mni_z"]].to_numpy()
        distances = np.linalg.norm(points[:, None] - points, axis=-1)
        np.fill_diagonal(distances, np.inf)
        assert 4.5 < np.median(distances.min(axis=1)) < 9.5


def test_the_reference_of_the_demo_regions_is_left_isocortex(atlas):
    found = find_reference(jugex.query.region_pair(*jugex.demo_regions(), genes=["MAOA"], atlas=atlas))
    assert (found.tissue, found.sides, found.withheld) == ("isocortex", ("left",), None)
    assert 1150 <= len(found.samples) <= 1300


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
    assert counts.loc[:, ["A", "B"]].sum().between(25, 35).all()
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
        # float64 sums of about 900 values of order 1
        np.testing.assert_allclose(zscores[of_donor.index].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(zscores[of_donor.index].std(axis=0), 1, rtol=1e-12)


def test_probes_of_a_gene_go_together(atlas):
    of_gene = (atlas.probes["gene"] == "CHRM2").to_numpy()
    correlations = np.corrcoef(atlas.zscores()[:, of_gene].T)
    assert np.median(correlations) > 0.5


def test_levels_do_not_depend_on_what_else_was_read(atlas):
    some = SimulatedAtlas()
    assert len(some.samples) < len(atlas.samples)  # of the tests; a fresh one as users have it is read below
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "_N_SAMPLES", tuple((len(rows), *of_regions) for (_, rows), (_, *of_regions) in zip(
            atlas.samples.groupby("donor_name", sort=False), simulated._N_SAMPLES, strict=True)))  # fmt: skip
        some = SimulatedAtlas()
    probe_ids, well_ids = [1_000, 7, 8, 1_500], atlas.samples["well_id"].to_numpy()[[5, 3_000, 1]]
    parts = [some.levels(well_ids=well_ids, probe_ids=[probe_id]) for probe_id in probe_ids]
    np.testing.assert_array_equal(np.hstack(parts), atlas.levels(well_ids=well_ids, probe_ids=probe_ids))
    zscores = some.zscores(well_ids=well_ids, probe_ids=probe_ids)
    np.testing.assert_array_equal(zscores, atlas.zscores(well_ids=well_ids, probe_ids=probe_ids))


def test_genes_vary_in_space_from_hardly_at_all_to_nearly_alone(atlas):
    """Semivariances of two donors' cortex at 8 to 16 mm, relative to that beyond 80 mm (Matheron 1963)."""
    used = np.flatnonzero((classify_tissue(atlas) == "isocortex") & (atlas.samples["mni_x"] < 0))[::2]
    zscores = atlas.zscores(well_ids=atlas.samples["well_id"].to_numpy()[used])
    genes, names = pd.factorize(atlas.probes["gene"])
    values = np.stack([zscores[:, genes == gene].mean(axis=1) for gene in range(len(names))], axis=1)
    donors = pd.factorize(atlas.samples["donor_name"].to_numpy()[used])[0]
    values -= np.stack([values[donors == donor].mean(axis=0) for donor in range(6)])[donors]
    points = atlas.samples[["mni_x", "mni_y", "mni_z"]].to_numpy()[used]
    first, second = np.triu_indices(len(used), 1)
    distances = np.linalg.norm(points[first] - points[second], axis=1)
    is_near, is_far = (distances > 8) & (distances < 16), distances > 80

    def measure(pairs):
        return ((values[first[pairs]] - values[second[pairs]]) ** 2).mean(axis=0) / 2

    between = donors[first] != donors[second]
    ratio = measure(is_near & between) / measure(is_far & between)
    assert ratio.min() < 0.4
    assert ratio.max() > 0.95
    same = measure(is_near & ~between & (distances < 10)) / measure(is_near & between & (distances < 10))
    assert np.median(same) < 1  # neighbours in one donor's brain are more alike than in two
    correlations = np.corrcoef(values.T)[np.triu_indices(len(names), 1)]
    assert (np.abs(correlations) > 0.3).mean() > 0.005  # genes go together: by chance, of 638 samples, none


class TestPlantedGenes:
    def test_are_candidate_genes_of_each_rung(self):
        assert {planted.gene for planted in PLANTED_GENES} < {gene for gene, _, _ in CANDIDATE_GENES}
        assert {planted.form: planted.rung for planted in PLANTED_GENES} == {
            "step": "spatial", "gradient": "donors", "one donor": "samples",
        }  # fmt: skip
        assert all((planted.donor is None) == (planted.form != "one donor") for planted in PLANTED_GENES)

    @pytest.mark.parametrize("planted", PLANTED_GENES, ids=lambda planted: planted.gene)
    def test_differ_in_the_donors_that_were_meant(self, atlas, planted):
        probe_ids = atlas.probes.loc[atlas.probes["gene"] == planted.gene, "probe_id"]
        levels = pd.Series(atlas.levels(probe_ids=probe_ids).mean(axis=1))
        points = atlas.samples[["mni_x", "mni_y", "mni_z"]]
        p_a, p_b = demo_probability("A", points), demo_probability("B", points)
        in_a = levels[(p_a > 0.2) & (p_a > p_b)].groupby(atlas.samples["donor_name"]).mean()
        in_b = levels[(p_b > 0.2) & (p_b > p_a)].groupby(atlas.samples["donor_name"]).mean()
        differences = (in_b - in_a).dropna()
        assert len(differences) == 5
        if planted.donor is None:
            assert (np.sign(differences) == np.sign(planted.size)).all()
            assert differences.mean() == pytest.approx(planted.size, abs=0.35)  # five donors, sd of 0.3 log2
        else:
            assert np.abs(differences).idxmax() == planted.donor
            assert differences[planted.donor] == pytest.approx(planted.size, abs=0.6)
            assert np.abs(differences.drop(planted.donor)).max() < abs(planted.size) / 3

    def test_are_significant_under_the_default_analysis(self, atlas):
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
        maxima = f_permuted.max(axis=1)
        p_fwe = pd.Series((1 + (maxima[:, None] >= f_observed).sum(axis=0)) / 2001, index=names)
        planted = [planted.gene for planted in PLANTED_GENES]
        assert p_fwe[planted].max() <= 0.05
        assert (p_fwe.drop(planted) <= 0.05).mean() < 0.05

    def test_stand_on_their_rung_and_no_other_gene_on_the_highest(self, atlas):
        result = jugex.compare(*jugex.demo_regions(), atlas=atlas, rng=0, background=False)
        evidence = result.table.set_index("gene")["evidence"]
        assert {planted.gene: evidence[planted.gene] for planted in PLANTED_GENES} == {
            planted.gene: planted.rung for planted in PLANTED_GENES
        }
        others = evidence.drop([planted.gene for planted in PLANTED_GENES])
        assert not (others == "spatial").any()
        assert 0 < (others != "none").sum() < 50

    @pytest.mark.slow
    @pytest.mark.usefixtures("opened_whole")
    def test_reach_it_with_most_seeds(self, monkeypatch):
        reached, n_others = [], 0
        for seed in range(100, 110):
            monkeypatch.setattr(simulated, "_SEED", seed)
            with pytest.warns(jugex.errors.JugexWarning):  # of q_fdr, with few permutations
                result = jugex.compare(
                    *jugex.demo_regions(), atlas=SimulatedAtlas(), rng=0, n_permutations=999, background=False
                )
            evidence = result.table.set_index("gene")["evidence"]
            reached += [(planted.form, evidence[planted.gene] == planted.rung) for planted in PLANTED_GENES]
            n_others += (evidence.drop([planted.gene for planted in PLANTED_GENES]) == "spatial").any()
        shares = pd.DataFrame(reached, columns=["form", "is_reached"]).groupby("form")["is_reached"].mean()
        assert shares["step"] == 1
        assert shares.min() >= 0.6  # gradients: 109 of 120 over seeds 0 to 39, 20 of 30 over these
        assert n_others <= 2  # family-wise error of 0.05: 3 of 10 or more in 1.2 % of cases


class TestPlantedSets:
    def test_hold_genes_of_the_atlas_and_share_none_with_the_others(self, atlas):
        sets = read_gene_sets("simulated").genes
        assert set(PLANTED_SETS) < set(sets)
        assert len(sets) == len(PLANTED_SETS) + 20
        genes = [gene for of_set in sets.values() for gene in of_set]
        assert len(genes) == len(set(genes))
        assert set(genes) <= set(atlas.probes["gene"]) - {planted.gene for planted in PLANTED_GENES}

    def test_differ_by_as_much_as_was_meant_and_other_sets_do_not(self, atlas):
        points = atlas.samples[["mni_x", "mni_y", "mni_z"]]
        p_a, p_b = demo_probability("A", points), demo_probability("B", points)
        in_a, in_b = (p_a > 0.2) & (p_a > p_b), (p_b > 0.2) & (p_b > p_a)
        levels = pd.DataFrame(atlas.levels()).T.groupby(atlas.probes["gene"]).mean().T
        of_donor = atlas.samples["donor_name"]
        difference = (levels[in_b].groupby(of_donor).mean() - levels[in_a].groupby(of_donor).mean()).mean()
        found = {name: difference[list(genes)].mean() for name, genes in read_gene_sets("simulated").genes.items()}
        for name, size in PLANTED_SETS.items():  # a gene's own difference has an sd of 0.2 log2, a mean of 15 of 0.05
            assert found.pop(name) == pytest.approx(size, abs=0.15)
        assert max(map(abs, found.values())) < 0.15

    @pytest.mark.filterwarnings("ignore:.*q_fdr:jugex.errors.DesignWarning")
    def test_are_found_though_few_of_their_genes_are(self, atlas):
        result = jugex.compare(*jugex.demo_regions(), atlas=atlas, rng=0, n_permutations=199, background=False)
        table = result.gene_sets("simulated").table.set_index("set")
        assert table["evidence"].head(2).to_dict() == dict.fromkeys(["lowered in B", "raised in B"], "spatial")
        assert table.loc["raised in B", "higher_in"] == "simulated B"
        assert table.loc["lowered in B", "higher_in"] == "simulated A"
        assert not table["evidence"].iloc[2:].isin(["donors", "spatial"]).any()
        evidence = result.table.set_index("gene")["evidence"]
        members = [gene for name in PLANTED_SETS for gene in read_gene_sets("simulated").genes[name]]
        assert (evidence[members] == "none").mean() > 0.75

    @pytest.mark.slow
    @pytest.mark.usefixtures("opened_whole")
    def test_are_found_with_other_seeds_and_others_seldom(self, monkeypatch):
        reached = []
        for seed in range(100, 108):
            monkeypatch.setattr(simulated, "_SEED", seed)
            with pytest.warns(jugex.errors.JugexWarning):  # of q_fdr, with few permutations
                result = jugex.compare(
                    *jugex.demo_regions(), atlas=SimulatedAtlas(), rng=0, n_permutations=999, background=False
                )
            reached.append(result.gene_sets("simulated").table.set_index("set")["evidence"])
        evidence = pd.DataFrame(reached)
        planted, others = evidence[list(PLANTED_SETS)], evidence.drop(columns=list(PLANTED_SETS))
        assert planted.isin(["donors", "spatial"]).to_numpy().all()
        assert (planted == "spatial").to_numpy().mean() >= 0.75
        assert (others == "spatial").any(axis=1).sum() <= 2  # of 0.05 each: 3 of 8 or more in 0.6 % of cases
        assert (others == "none").to_numpy().mean() > 0.8


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
    with pytest.raises(OptionError, match=r"unknown donor 'H0351'; the donors are H0351\.2001 \(9861\), .*\(15697\)"):
        atlas.with_donors(["H0351"])


def test_no_donor_at_all(atlas):
    with pytest.raises(OptionError, match="no donor is named; name some of H0351"):
        atlas.with_donors([])
