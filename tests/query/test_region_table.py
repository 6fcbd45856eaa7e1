"""Tables of regions x genes: against abagen, against plain loops, and what becomes of awkward samples and regions."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.errors import DesignError, OptionError, RegionError
from jugex.query import normalize, region_table
from jugex.query.targets import read_targets
from tests.reference.abagen_archives import write_archives, write_labels

REFERENCE = Path(__file__).parents[1] / "reference"

#: What each of abagen's tables is here: it floors voxels, and knows only genes with an Entrez id. Its tolerance counts
#: from the floored voxel and in whole mm, so that there is no such table here.
AS_ABAGEN = {
    "mean": {"probes": "mean"},
    "stability": {"probes": "stability", "min_present": 0.5},
    "normalized": {
        "probes": "mean",
        "min_present": 0.5,
        "sample_norm": "scaled-robust-sigmoid",
        "gene_norm": "scaled-robust-sigmoid",
    },
    "zscore": {"probes": "mean", "gene_norm": "zscore", "over_donors": "samples"},
}


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the archives and labels that abagen's tables come from."""
    folder = tmp_path_factory.mktemp("abagen")
    write_archives(folder)
    write_labels(folder / "labels.nii.gz")
    return folder


@pytest.fixture(scope="module")
def atlas(made_up: Path) -> jugex.ExpressionAtlas:
    return jugex.open_atlas(made_up / "microarray")


class TestAbagen:
    @pytest.mark.parametrize("name", AS_ABAGEN)
    def test_makes_the_same_table(self, name, made_up, atlas):
        expected = pd.read_csv(REFERENCE / f"abagen_{name}.tsv", sep="\t", index_col=0)
        options = {"values": "level", "voxel": "floor", "require_entrez": True, **AS_ABAGEN[name]}
        made = region_table(made_up / "labels.nii.gz", atlas=atlas, **options)
        assert made.regions["n_samples"].tolist() == expected.pop("n_samples").tolist()
        assert list(made.table) == list(expected)
        # eight digits were written
        np.testing.assert_allclose(made.table.to_numpy(), expected.to_numpy(), rtol=2e-7, atol=2e-8)

    def test_the_voxel_rule_is_what_differs(self, made_up, atlas):
        labels = made_up / "labels.nii.gz"
        floored, nearest = (
            region_table(labels, atlas=atlas, voxel=rule).regions["n_samples"] for rule in ("floor", "nearest")
        )
        assert floored.tolist() != nearest.tolist()


class TestValues:
    def test_means_of_donors_and_of_samples_are_those_of_a_plain_loop(self, made_up, atlas):
        labels = made_up / "labels.nii.gz"
        tables = {
            over: region_table(labels, ["GENE003"], atlas=atlas, over_donors=over)
            for over in ("mean", "samples", "separate")
        }
        used = tables["mean"].samples
        probes = atlas.probes.loc[atlas.probes["gene"] == "GENE003", "probe_id"]
        values = atlas.zscores(well_ids=used["well_id"], probe_ids=probes).mean(axis=1)  # fewer than six probes
        assert len(probes) < 6
        for name, of_region in pd.Series(values).groupby(used["region"]):
            by_donor = of_region.groupby(used["donor_name"]).mean()
            assert tables["mean"].table.loc[name, "GENE003"] == pytest.approx(by_donor.mean())
            assert tables["samples"].table.loc[name, "GENE003"] == pytest.approx(of_region.mean())
            separate = tables["separate"].table.loc[name, "GENE003"].dropna()
            pd.testing.assert_series_equal(separate, by_donor.reindex(separate.index), check_names=False)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"sample_norm": "robust-sigmoid", "gene_norm": "zscore", "fill": "nearest"},
            {"probes": "max-mean"},
        ],
    )
    def test_many_blocks_give_the_same(self, made_up, atlas, monkeypatch, options):
        whole = region_table(made_up / "labels.nii.gz", atlas=atlas, **options)
        monkeypatch.setattr("jugex.query.region_tables._GENES_AT_ONCE", 7)
        monkeypatch.setattr("jugex.query.region_tables._SAMPLES_AT_ONCE", 5)
        parts = region_table(made_up / "labels.nii.gz", atlas=atlas, **options)
        pd.testing.assert_frame_equal(parts.table, whole.table, rtol=1e-12)
        pd.testing.assert_frame_equal(parts.genes, whole.genes, rtol=1e-12)

    @pytest.mark.parametrize("values", ["zscore", "level"])
    @pytest.mark.parametrize("probes", ["winsorized-mean", "median", "mean", "max-mean"])
    def test_probes_become_genes_in_each_sample_before_samples_are_averaged(self, made_up, atlas, probes, values):
        made = region_table(made_up / "labels.nii.gz", atlas=atlas, probes=probes, values=values)
        wells = made.samples["well_id"].to_numpy()
        read = atlas.zscores if values == "zscore" else atlas.levels
        n_probes, of_gene = {}, {}
        for gene, ids in atlas.probes.groupby("gene")["probe_id"]:
            measured = read(well_ids=wells, probe_ids=ids)
            if probes == "max-mean":
                value = measured[:, atlas.levels(well_ids=wells, probe_ids=ids).mean(axis=0).argmax()]
            elif probes == "winsorized-mean" and len(ids) > 5:
                ordered = np.sort(measured, axis=1)  # of six probes one at either end
                value = np.clip(measured, ordered[:, [1]], ordered[:, [-2]]).mean(axis=1)
            else:
                value = np.median(measured, axis=1) if probes == "median" else measured.mean(axis=1)
            n_probes[gene], of_gene[gene] = len(ids), value
        sizes = n_probes.values()
        assert (min(sizes), max(sizes)) == (1, 6)
        keys = [made.samples["region"], made.samples["donor_name"]]
        expected = pd.DataFrame(of_gene).groupby(keys).mean().groupby("region").mean()
        np.testing.assert_allclose(made.table.loc[expected.index, expected.columns], expected, rtol=1e-9, atol=1e-12)

    def test_zscores_that_the_source_gives_are_averaged(self):
        regions = list(jugex.demo_regions())
        simulated = jugex.open_atlas("simulated")
        tables = [jugex.query.expressions(region, ["MAOA", "SLC6A2"], atlas=simulated) for region in regions]
        table = pd.concat(tables, ignore_index=True)
        atlas = jugex.atlas.atlas_from_siibra(table.assign(level=1.0))
        made, expected = (region_table(regions, ["MAOA", "SLC6A2"], atlas=one) for one in (atlas, simulated))
        np.testing.assert_allclose(made.table, expected.table, rtol=1e-9)
        assert made.table.to_numpy().any()

    def test_stability_is_the_mean_rank_correlation_of_donors(self, made_up, atlas):
        made = region_table(made_up / "labels.nii.gz", ["GENE001", "GENE002"], atlas=atlas, over_donors="separate")
        for gene, stability in made.genes.set_index("gene")["stability"].items():
            by_donor = made.table[gene].unstack("donor_name").dropna()
            pairs = [(0, 1), (0, 2), (1, 2)]
            rho = [stats.spearmanr(by_donor.iloc[:, i], by_donor.iloc[:, j]).statistic for i, j in pairs]
            assert stability == pytest.approx(np.mean(rho))

    def test_missing_values_leave_the_rest_of_a_region(self):
        samples = pd.DataFrame(
            {"well_id": range(6), "donor_name": ["a", "a", "a", "b", "b", "b"], "mni_x": [-10, -10, 10, -10, 10, 10],
             "mni_y": 0.0, "mni_z": 0.0}
        )  # fmt: skip
        levels = pd.DataFrame(
            [[1.0, np.nan, 5.0, 2.0, np.nan, np.nan], [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]],
            index=["G", "H"], columns=samples["well_id"],
        )  # fmt: skip
        atlas = jugex.atlas_from_tables(samples, levels)
        regions = [jugex.Region.sphere((x, 0, 0), 5, name=name) for x, name in ((-10, "left"), (10, "right"))]
        made = region_table(regions, atlas=atlas, values="level")
        assert made.table.loc["left"].to_dict() == {"G": 1.5, "H": (1.5 + 4.0) / 2}
        assert made.table.loc["right"].to_dict() == {"G": 5.0, "H": (3.0 + 6.0) / 2}


class TestSamplesAndRegions:
    def test_an_empty_region_stays_empty_and_says_why(self, made_up, atlas):
        made = region_table(made_up / "labels.nii.gz", atlas=atlas)
        assert made.table.loc["label 9"].isna().all()
        assert made.regions.set_index("region")["status"].to_dict()["label 9"] == "no sample"
        assert (made.regions["status"].iloc[:8] == "ok").all()

    def test_it_is_filled_from_the_nearest_sample_where_asked(self, made_up, atlas):
        made = region_table(made_up / "labels.nii.gz", ["GENE003"], atlas=atlas, fill="nearest")
        empty = region_table(made_up / "labels.nii.gz", ["GENE003"], atlas=atlas)
        row = made.regions.set_index("region").loc["label 9"]
        centroid = jugex.Region.from_image(made_up / "labels.nii.gz", label=9).centroid
        distances = np.linalg.norm(atlas.samples[["mni_x", "mni_y", "mni_z"]].to_numpy() - centroid, axis=1)
        well = atlas.samples["well_id"].iloc[[distances.argmin()]]
        probes = atlas.probes.loc[atlas.probes["gene"] == "GENE003", "probe_id"]
        assert (row["status"], row["n_samples"]) == ("filled", 0)
        assert row["filled_mm"] == pytest.approx(distances.min())
        assert made.table.loc["label 9", "GENE003"] == pytest.approx(
            atlas.zscores(well_ids=well, probe_ids=probes).mean()
        )
        pd.testing.assert_frame_equal(made.table.iloc[:8], empty.table.iloc[:8])
        assert len(made.samples) == len(empty.samples)

    def test_filling_does_not_change_how_others_are_normalised(self, made_up, atlas):
        chosen = {"atlas": atlas, "gene_norm": "scaled-robust-sigmoid"}
        filled = region_table(made_up / "labels.nii.gz", fill="nearest", **chosen).table
        pd.testing.assert_frame_equal(filled.iloc[:8], region_table(made_up / "labels.nii.gz", **chosen).table.iloc[:8])

    @pytest.mark.parametrize(
        ("option", "says"), [("min_samples", "fewer than 20 samples"), ("min_donors", "fewer than 4 donors")]
    )
    def test_small_regions_can_be_left_empty(self, option, says, made_up, atlas):
        made = region_table(made_up / "labels.nii.gz", ["GENE003"], atlas=atlas, **{option: int(says.split()[2])})
        small = made.regions["status"] == says
        assert small.any()
        assert made.table["GENE003"].isna().to_numpy()[small].all()
        assert made.regions.loc[small, "n_samples"].gt(0).all()

    def test_a_sample_near_two_regions_counts_in_the_nearer_one(self, atlas):
        regions = [
            jugex.Region.sphere(centre, 4, name=name) for centre, name in (((-30, 0, 0), "a"), ((-30, 20, 0), "b"))
        ]
        made = region_table(regions, ["GENE003"], atlas=atlas, tolerance=30)
        points = made.samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
        nearer = np.where(
            np.linalg.norm(points - [-30, 0, 0], axis=1) < np.linalg.norm(points - [-30, 20, 0], axis=1), "a", "b"
        )
        either = np.logical_or(*(region.with_tolerance(30).locate(atlas.samples)["inside"] for region in regions))
        assert (len(points), made.n_tied) == (either.sum(), 0)
        assert made.samples["region"].tolist() == nearer.tolist()

    def test_the_more_probable_region_takes_a_shared_sample(self, made_up, atlas, tmp_path):
        image = nibabel.load(made_up / "labels.nii.gz")
        inside = (np.asanyarray(image.dataobj) > 0) & (np.asanyarray(image.dataobj) < 9)
        maps = np.stack([0.6 * inside, 0.4 * inside], axis=-1).astype(np.float32)
        maps[:13, :, :, 1] *= 2  # there the second is more probable
        nibabel.save(nibabel.Nifti1Image(maps, image.affine), tmp_path / "maps.nii.gz")
        made = region_table(tmp_path / "maps.nii.gz", ["GENE003"], atlas=atlas)
        one, two = (
            target.region.locate(atlas.samples)["probability"] for target in read_targets(str(tmp_path / "maps.nii.gz"))
        )
        counts = [int((one > two).sum()), int((two > one).sum())]
        assert made.regions["n_samples"].tolist() == counts
        assert min(counts) > 10

    def test_ties_are_left_out_and_counted(self, atlas):
        regions = [jugex.Region.sphere((-30, y, 0), 20, name=f"{y}") for y in (0, 10)]
        both = np.logical_and(*(region.locate(atlas.samples)["inside"] for region in regions))
        made = region_table(regions, ["GENE003"], atlas=atlas)
        assert made.n_tied == both.sum() > 0
        assert not made.samples["well_id"].isin(atlas.samples.loc[both, "well_id"]).any()

    def test_structures_restrict_samples(self, made_up, atlas):
        made = region_table(made_up / "labels.nii.gz", ["GENE003"], atlas=atlas, within="s1", min_present=0.0)
        assert set(made.samples["structure_acronym"]) == {"s1"}
        rest = region_table(made_up / "labels.nii.gz", ["GENE003"], atlas=atlas, exclude="s1")
        assert "s1" not in set(rest.samples["structure_acronym"])

    def test_a_map_without_a_voxel_is_a_region_without_samples(self, made_up, atlas, tmp_path):
        image = nibabel.load(made_up / "labels.nii.gz")
        inside = (np.asanyarray(image.dataobj) == 1).astype(np.float32)
        maps = np.stack([0.6 * inside, 0.1 * inside], axis=-1)
        nibabel.save(nibabel.Nifti1Image(maps, image.affine), tmp_path / "maps.nii.gz")
        made = region_table(tmp_path / "maps.nii.gz", ["GENE003"], atlas=atlas)
        assert made.regions["n_samples"].gt(0).tolist() == [True, False]
        assert "0.2" in made.regions["status"].iloc[1]


class TestRefused:
    def test_a_single_region(self, atlas):
        with pytest.raises(OptionError, match="neither a parcellation nor an image"):
            region_table("structure:s1", atlas=atlas)

    def test_no_region(self, atlas):
        with pytest.raises(OptionError, match="no region"):
            region_table([], atlas=atlas)

    def test_regions_without_any_sample(self, atlas):
        with pytest.raises(DesignError, match="none of the 1 regions holds a sample"):
            region_table([jugex.Region.sphere((60, 0, 0), 2)], atlas=atlas)

    def test_regions_that_hold_each_other(self, atlas):
        with pytest.raises(DesignError, match="lie in several of them"):
            region_table([jugex.Region.sphere((-30, 0, 0), 20, name=name) for name in "ab"], atlas=atlas)

    def test_another_space(self, atlas):
        with pytest.raises(RegionError, match="is in the space"):
            region_table([jugex.Region.sphere((-30, 0, 0), 20, space="bigbrain")], atlas=atlas)

    @pytest.mark.parametrize(
        ("option", "value"),
        [("values", "raw"), ("over_donors", "median"), ("gene_norm", "srs"), ("fill", "interpolate"),
         ("probes", "single"), ("min_samples", 0), ("min_donors", 1.5)],
    )  # fmt: skip
    def test_a_value_that_is_not_allowed(self, option, value, atlas):
        with pytest.raises(OptionError, match=option):
            region_table([jugex.Region.sphere((-30, 0, 0), 20)], atlas=atlas, **{option: value})


class TestNormalize:
    def test_zscores_are_scipys(self):
        values = np.random.default_rng(0).normal(size=(3, 40))
        np.testing.assert_allclose(normalize(values, "zscore"), stats.zscore(values, axis=1, ddof=1))

    def test_the_robust_sigmoid_is_that_of_scipys_quartiles(self):
        values = np.random.default_rng(0).normal(size=(40, 3))
        spread = stats.iqr(values, axis=0, scale="normal")
        expected = stats.logistic.cdf((values - np.median(values, axis=0)) / spread)
        np.testing.assert_allclose(normalize(values, "robust-sigmoid", axis=0), expected)
        scaled = normalize(values, "scaled-robust-sigmoid", axis=0)
        assert (scaled.min(axis=0), scaled.max(axis=0)) == (pytest.approx(0), pytest.approx(1))

    def test_none_is_a_copy_and_another_way_is_refused(self):
        values = np.array([[1.0, np.nan]])
        same = normalize(values, "none")
        np.testing.assert_array_equal(same, values)
        assert not np.shares_memory(same, values)
        with pytest.raises(OptionError, match=r"a normalization is one of none, zscore, .*; got 'z'"):
            normalize(values, "z")

    def test_missing_values_stay_missing_and_decide_nothing(self):
        values = np.array([[1.0, 2.0, np.nan, 4.0, 9.0]])
        for how in ("zscore", "robust-sigmoid", "scaled-robust-sigmoid"):
            known = normalize(values[:, [0, 1, 3, 4]], how)
            np.testing.assert_allclose(normalize(values, how)[:, [0, 1, 3, 4]], known)
            assert np.isnan(normalize(values, how)[0, 2])

    def test_what_does_not_vary_has_no_value(self):
        assert np.isnan(normalize(np.ones((2, 5)), "zscore")).all()
        assert np.isnan(normalize(np.array([[1.0, np.nan]]), "robust-sigmoid")).all()
