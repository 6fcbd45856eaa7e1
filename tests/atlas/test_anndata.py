"""AnnData both ways: in as an atlas, out as a pair of regions, and back again."""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import jugex
from jugex.atlas import atlas_from_anndata, atlas_from_tables
from jugex.errors import AtlasError, AtlasWarning, OverlapWarning
from tests.atlas.user_data import make_expression, make_samples
from tests.toy import ToyAtlas, wells


def test_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)  # as if it were not installed
    with pytest.raises(AtlasError, match=r'needs the package anndata, .*: run pip install "\.\[anndata\]"'):
        atlas_from_anndata("data.h5ad")
    pair = jugex.query.region_pair(wells("a", 1000), wells("b", 1001), atlas=ToyAtlas([4], ["A"]))
    with pytest.raises(AtlasError, match=r'pip install "\.\[anndata\]"'):
        pair.to_anndata()


@pytest.fixture
def anndata():
    return pytest.importorskip("anndata", reason="anndata is not installed: make test-anndata installs it")


@pytest.fixture
def adata(anndata):
    """The user's tables as AnnData."""
    samples, expression = make_samples().set_index("sample_id"), make_expression()
    return anndata.AnnData(
        X=expression.to_numpy(),
        obs=pd.DataFrame({"donor_name": samples["donor"].astype("category"), "age": 40.0}),
        var=pd.DataFrame({"entrez_id": pd.array([4128, 6863, None, 1268], dtype="Int64")}, index=expression.columns),
        obsm={"mni": samples[["x", "y", "z"]].to_numpy()},
    )


@pytest.fixture
def expected():
    return atlas_from_tables(make_samples(), make_expression())


class TestIn:
    def test_holds_what_the_tables_hold(self, adata, expected):
        atlas = atlas_from_anndata(adata)
        pd.testing.assert_frame_equal(atlas.samples, expected.samples)
        np.testing.assert_array_equal(atlas.levels(), expected.levels())
        assert atlas.probes["gene"].tolist() == ["MAOA", "TAC1", "GAD2", "CNR1"]
        assert atlas.probes["entrez_id"].fillna(0).tolist() == [4128, 6863, 0, 1268]
        assert atlas.donors["age"].tolist() == [40, 40]
        assert (atlas.name, atlas.space, atlas.simulated) == ("AnnData", "MNI152NLin2009cAsym", False)
        assert len(adata.obs.columns) == 2  # what was given is not changed

    @pytest.mark.parametrize("column", ["feature_name", "gene_symbols", "gene_name"])
    def test_symbols_beside_ensembl_ids_are_the_genes(self, adata, column):
        adata.var_names = ["ENSG00000189221", "ENSG00000006128.12", "ENSG00000136750", "ENSG00000118432"]
        adata.var[column] = pd.Categorical(["MAOA", "TAC1", None, "TAC1"])
        atlas = atlas_from_anndata(adata)
        assert atlas.probes["gene"].tolist() == ["MAOA", "TAC1", "ENSG00000136750", "TAC1"]
        assert atlas.probes["probe_name"].tolist() == list(adata.var_names)
        adata.var["symbol_of_mine"] = list("ABCD")
        assert atlas_from_anndata(adata, gene="symbol_of_mine").probes["gene"].tolist() == list("ABCD")

    def test_symbols_as_names_stay_the_genes(self, adata):
        adata.var["feature_name"] = ["a monoamine oxidase", "b", "c", "d"]
        assert atlas_from_anndata(adata).probes["gene"].tolist() == ["MAOA", "TAC1", "GAD2", "CNR1"]

    @pytest.mark.parametrize("is_sparse", [False, True])
    def test_backed_by_its_file(self, anndata, adata, expected, tmp_path, is_sparse):
        adata.X = np.nan_to_num(adata.X)
        if is_sparse:
            adata.X = sparse.csr_matrix(adata.X)
        adata.write_h5ad(tmp_path / "a.h5ad")
        backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
        np.testing.assert_array_equal(atlas_from_anndata(backed).levels(), np.nan_to_num(expected.levels()))
        assert backed.isbacked
        backed.file.close()

    def test_structures_without_coordinates(self, adata):
        del adata.obsm["mni"]
        adata.obs["structure_acronym"] = ["ONE", "ONE", "TWO", "TWO"] * 4
        pair = jugex.query.region_pair("structure:ONE", "structure:TWO", atlas=atlas_from_anndata(adata))
        assert len(pair.samples) == 16

    def test_raw_counts(self, adata):
        adata.layers["counts"] = np.round(2 ** np.nan_to_num(adata.X))
        with pytest.warns(AtlasWarning, match="counts of 4 genes"):
            atlas = atlas_from_anndata(adata, layer="counts", values="counts")
        assert atlas.identity().source.scale == "log2-counts"

    @pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array])
    def test_sparse_values(self, adata, expected, make):
        adata.layers["counts"] = make(np.nan_to_num(adata.X))
        atlas = atlas_from_anndata(adata, layer="counts")
        np.testing.assert_array_equal(atlas.levels(), np.nan_to_num(expected.levels()))

    def test_names_of_the_parts(self, adata, expected):
        adata.obsm["ccf"] = adata.obsm.pop("mni") * 2
        adata.obs = adata.obs.rename(columns={"donor_name": "mouse"})
        adata.var["symbol"] = ["A", "A", "B", "C"]
        adata.uns.update(space="mouse_ccf_2017", atlas="my mice", simulated=True)
        atlas = atlas_from_anndata(adata, coordinates="ccf", donor="mouse", gene="symbol")
        assert (atlas.name, atlas.space, atlas.simulated) == ("my mice", "mouse_ccf_2017", True)
        assert atlas.probes["gene"].tolist() == ["A", "A", "B", "C"]
        np.testing.assert_array_equal(atlas.samples["mni_x"], 2 * expected.samples["mni_x"])
        given = atlas_from_anndata(adata, coordinates="ccf", donor="mouse", space="x", name="y", simulated=False)
        assert (given.name, given.space, given.simulated) == ("y", "x", False)

    def test_coordinates_in_columns(self, adata, expected):
        adata.obs[["mni_x", "mni_y", "mni_z"]] = adata.obsm.pop("mni")
        pd.testing.assert_frame_equal(atlas_from_anndata(adata).samples, expected.samples)

    def test_ids_of_samples_and_genes_may_be_alike(self, adata):
        adata.obs_names = [str(number) for number in range(16)]
        adata.var_names = ["0", "1", "2", "3"]
        np.testing.assert_array_equal(atlas_from_anndata(adata).levels()[0], adata.X[0])

    def test_file(self, adata, expected, tmp_path):
        adata.write_h5ad(tmp_path / "data.h5ad")
        atlas = atlas_from_anndata(tmp_path / "data.h5ad")
        np.testing.assert_array_equal(atlas.levels(), expected.levels())
        assert [file.file for file in atlas.identity().source.files] == [str(tmp_path / "data.h5ad")]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"layer": "raw"}, r"AnnData has no layer 'raw' \(there are none\)"),
            ({"coordinates": "ccf"}, r"AnnData has no coordinates: neither obsm\['ccf'\] nor the columns mni_x"),
            ({"donor": "mouse"}, r"obs has no column 'mouse' \(it has donor_name, age\); name the column of donors"),
            ({"gene": "symbol"}, r"var has no column 'symbol' \(it has entrez_id\); name the column of gene symbols"),
        ],
    )
    def test_parts_that_are_not_there(self, adata, options, message):
        with pytest.raises(AtlasError, match=message):
            atlas_from_anndata(adata, **options)

    def test_parts_that_are_not_as_they_should_be(self, adata, anndata):
        with pytest.raises(AtlasError, match=r"an AnnData or the path of a \.h5ad file is needed, got DataFrame"):
            atlas_from_anndata(pd.DataFrame())
        with pytest.raises(AtlasError, match="AnnData has no X; name the layer"):
            atlas_from_anndata(anndata.AnnData(obs=adata.obs, var=adata.var, obsm=adata.obsm))
        flat = adata.copy()
        flat.obsm["mni"] = flat.obsm["mni"][:, :2]
        with pytest.raises(AtlasError, match=r"the coordinates 'mni' are an array \(16, 2\) of float64; three numbers"):
            atlas_from_anndata(flat)
        flat.obsm["mni"] = np.full((16, 3), np.nan)
        with pytest.raises(AtlasError, match=r"AnnData: obs: 16 samples have no finite coordinates \(first: 's0'\)"):
            atlas_from_anndata(flat)
        twice = adata.copy()
        twice.var["probe_id"] = [1, 1, 2, 3]
        with pytest.raises(AtlasError, match="'1' names more than one variable"):
            atlas_from_anndata(twice)

    @pytest.mark.parametrize("content", [None, b"no HDF5"])
    def test_files_that_cannot_be_read(self, anndata, tmp_path, content):
        if content is not None:
            (tmp_path / "data.h5ad").write_bytes(content)
        with pytest.raises(AtlasError, match=r"AnnData file data\.h5ad cannot be read"):
            atlas_from_anndata(tmp_path / "data.h5ad")


class TestOut:
    @pytest.fixture
    def pair(self, anndata):
        regions = [jugex.Region.sphere((x, 0, 0), 1.5, name=name) for x, name in ((3, "one"), (7, "two"))]
        return jugex.query.region_pair(
            *regions, atlas=atlas_from_tables(make_samples(), make_expression(), name="mine")
        )

    def test_parts(self, pair):
        adata = pair.to_anndata()
        np.testing.assert_array_equal(adata.X, pair.zscores)
        np.testing.assert_array_equal(adata.layers["levels"], pair.levels)
        np.testing.assert_array_equal(adata.obsm["mni"], pair.samples[["mni_x", "mni_y", "mni_z"]])
        assert adata.obs["region"].tolist() == pair.samples["region"].tolist()
        assert adata.obs_names.tolist() == pair.samples["well_id"].astype(str).tolist()
        assert adata.var_names.tolist() == adata.var["gene"].tolist() == list(make_expression().columns)
        assert adata.uns["regions"].tolist() == ["one", "two"]
        assert {key: adata.uns[key] for key in ("space", "atlas", "simulated")} == {
            "space": "MNI152NLin2009cAsym", "atlas": "mine", "simulated": False,
        }  # fmt: skip

    def test_round_trip_through_a_file(self, pair, tmp_path):
        pair.to_anndata().write_h5ad(tmp_path / "pair.h5ad")
        atlas = atlas_from_anndata(tmp_path / "pair.h5ad", layer="levels")
        columns = ["well_id", "donor_name", "mni_x", "mni_y", "mni_z"]
        pd.testing.assert_frame_equal(atlas.samples[columns], pair.samples[columns], check_dtype=False)
        np.testing.assert_array_equal(atlas.levels(), pair.levels)
        pd.testing.assert_frame_equal(atlas.probes, pair.probes, check_dtype=False)
        again = jugex.query.region_pair(*pair.regions, atlas=atlas)
        # all samples of the atlas are in the pair, so that z-scores are over the same ones: equal but for rounding
        np.testing.assert_allclose(again.zscores, pair.zscores, rtol=1e-12)

    def test_the_simulated_atlas_says_so_afterwards(self, anndata, tmp_path):
        pair = jugex.query.region_pair(*jugex.demo_regions(), genes=["MAOA", "SST"], atlas="simulated")
        adata = pair.to_anndata()
        assert adata.obs["age"].notna().all()
        adata.write_h5ad(tmp_path / "pair.h5ad")
        atlas = atlas_from_anndata(tmp_path / "pair.h5ad", layer="levels")
        assert atlas.simulated
        assert set(atlas.probes["probe_id"]) == set(pair.probes["probe_id"])
        known = pair.atlas.donors.set_index("donor_name").loc[atlas.donors["donor_name"]]
        assert atlas.donors["age"].tolist() == known["age"].tolist()
        assert atlas.donors["race"].tolist() == known["race"].tolist()

    def test_a_sample_in_both_regions_has_two_names(self, anndata):
        with pytest.warns(OverlapWarning, match="counts in both"):
            pair = jugex.query.region_pair(
                wells("a", 1000, 1001), wells("b", 1001, 1002), atlas=ToyAtlas([4], ["A", "B"]), overlap="keep"
            )
        assert pair.to_anndata().obs_names.tolist() == ["1000", "1001 a", "1001 b", "1002"]


class TestResult:
    """A result as AnnData."""

    REGIONS = wells("a", 1000, 1001, 1002, 2000, 2001, 3000), wells("b", 1002, 1003, 1004, 2002, 2003, 3001, 3002)

    def analyse(self, **options):
        atlas = ToyAtlas([6, 6, 4], ["A", "A", "B", "C"])
        with warnings.catch_warnings():  # small designs and samples that count twice are warned of
            warnings.simplefilter("ignore", jugex.JugexWarning)
            return jugex.compare(*self.REGIONS, atlas=atlas, overlap="keep", n_permutations=99, rng=0, **options)

    def test_holds_zscores_samples_table_and_settings(self, anndata):
        result = self.analyse()
        adata = result.to_anndata()
        assert adata.shape == (13, 3)
        assert adata.var_names.tolist() == result.table["gene"].tolist()
        for gene in "ABC":
            np.testing.assert_array_equal(adata[:, gene].X.ravel(), result.zscores[gene])
        np.testing.assert_array_equal(adata.var["p_fwe"], result.table["p_fwe"])
        assert adata.obs_names[[2, 3]].tolist() == ["1002 a", "1002 b"]
        assert adata.obs["region"].tolist() == result.samples["region"].tolist()
        assert adata.obs["age"].unique().tolist() == [24, 39, 57]
        np.testing.assert_array_equal(adata.obsm["mni"], result.samples[["mni_x", "mni_y", "mni_z"]])
        assert adata.uns["regions"].tolist() == ["a", "b"]
        assert json.loads(adata.uns["settings"]) == result.settings

    def test_comes_back_from_a_file(self, anndata, tmp_path):
        adata = self.analyse(probes="single").to_anndata()
        adata.write_h5ad(tmp_path / "result.h5ad")
        read = anndata.read_h5ad(tmp_path / "result.h5ad")
        assert read.var_names.tolist() == adata.var_names.tolist()
        np.testing.assert_array_equal(read.X, adata.X)
        assert str(read.uns["settings"]) == adata.uns["settings"]

    def test_a_loaded_result_gives_the_same(self, anndata, tmp_path, monkeypatch):
        monkeypatch.setattr("jugex.report.files.render_page", lambda *_, **__: "")  # the page is tested elsewhere
        monkeypatch.setattr("jugex.report.files.write_figures", lambda *_, **__: [])
        result = self.analyse()
        loaded = jugex.load_result(result.save(tmp_path / "out")).to_anndata()
        np.testing.assert_allclose(loaded.X, result.to_anndata().X, rtol=1e-9)  # ten digits are written

    def test_says_how_to_install_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "anndata", None)  # as if it were not installed
        with pytest.raises(AtlasError, match=r'pip install "\.\[anndata\]"'):
            self.analyse().to_anndata()
