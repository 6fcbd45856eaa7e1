"""Inputs that failed once, kept beside the project: each gives what its README wants.

The project's own tests build such inputs themselves; these are the originals. Skipped where the folder is absent.
"""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas import atlas_from_siibra, atlas_from_tables
from jugex.errors import (
    AtlasError,
    AtlasWarning,
    GeneError,
    GeneWarning,
    JugexError,
    JugexWarning,
    RegionError,
    RegionFileError,
)
from jugex.genes import Genes, read_aliases, select_genes
from jugex.regions import parse_region
from tests.conftest import PROJECT
from tests.toy import ToyAtlas

ROOT = PROJECT.parent / "shared" / "cases"

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no folder shared/cases beside the project")

MNI = "MNI152NLin2009cAsym"
#: Inputs that are refused: by which words of the message.
REFUSED = {
    "01_float_labels_without_hash/labels32.nii.gz": "holds 32 labels",
    "01_float_labels_without_hash/labels16.nii.gz": "holds 16 labels",
    "01_float_labels_without_hash/labels16.nii.gz@0.1": "holds 16 labels",
    "02_scaled_labels/scaled.nii.gz": "scl_slope",
    "02_scaled_labels/scaled.nii.gz#1": "not whole, but up to .* from a whole number .*scl_slope",
    "04_space_in_the_name/atl-X_space-SUIT_dseg.nii.gz#1": "space SUIT by its name",
    "04_space_in_the_name/tpl-MNI305_dseg.nii.gz#1": "space MNI305 by its name",
    "04_space_in_the_name/x_space-fsaverage_dseg.nii.gz#1": "space fsaverage by its name",
    "04_space_in_the_name/code3.nii.gz#1": "space Talairach by its header",
    "08_gifti_traceback/x.label.gii#1": "file of a surface",
    "11_probability_1_plus_rounding/overshoot.nii.gz": "interpolation overshoots; set what lies outside",
    "12_z_map/zpos.nii.gz": "make a mask of what is above a threshold",
    "15_large_labels/big.nii.gz": "big.nii.gz#12345678 ",
    "14_4d_labels/levels.nii.gz#1": "name one behind the volume, like levels.nii.gz#0#300",
    "20_several_labels_and_sides/lab.nii.gz#LH_Vis": "matches 2 labels .* or a pattern with",
}
#: Inputs that are read: the labels that they give, and what is warned of.
READ: dict[str, tuple[object, str]] = {
    "05_table_counts_from_0/img_dseg.nii.gz#Insula": (2, "counts from 0"),
    "05_table_counts_from_0/img_dseg.nii.gz#Frontal Pole": (1, "counts from 0"),
    "06_4d_counted_from_1/maps.nii.gz#1": (1, ""),
    "06_4d_counted_from_1/maps.nii.gz#second": (2, ""),
    "07_spm_xml_blocks/labels.nii.gz#1": (1, ""),
    "09_tables_not_read/abagen.nii.gz#One": (1, ""),
    "09_tables_not_read/fsleyes.nii.gz#One": (1, ""),
    "09_tables_not_read/headerless.nii.gz#One": (1, ""),
    "09_tables_not_read/itksnap.nii.gz#One": (1, ""),
    "09_tables_not_read/names.nii.gz#One": (1, ""),
    "09_tables_not_read/schaefer.nii.gz#One": (1, ""),
    "09_tables_not_read/semicolon.nii.gz#area one": (1, ""),
    "09_tables_not_read/xcpd.nii.gz#One": (1, ""),
    "10_bids_inheritance/7_dseg.nii.gz#One": (1, ""),
    "10_bids_inheritance/tpl-MNI152NLin6Asym_res-01_atlas-Y_dseg.nii.gz#One": (1, ""),
    "11_probability_1_plus_rounding/mean11.nii.gz": (None, ""),
    "11_probability_1_plus_rounding/undershoot.nii.gz": (None, ""),
    "13_nan_background/nanmask.nii.gz": (None, "NaN, and count as outside"),
    "13_nan_background/nanlabels.nii.gz#1": (1, "NaN, and count as outside"),
    "14_4d_labels/levels.nii.gz#1#300": (300, "number 2 of 2"),
    "15_large_labels/big.nii.gz#12345678": (12345678, ""),
    "16_untidy_tables/blank.nii.gz#1": (1, ""),
    "16_untidy_tables/na.nii.gz#One": (1, ""),
    "17_plus_in_a_name/plus.nii.gz#CA2+3": (1, ""),
    "18_left_lies_right/flip.nii.gz#Left Frontal": (1, "says left, but the region lies on the right"),
    "19_sform_qform_conflict/conflict.nii.gz#1": (1, "disagree about which side is left"),
    "20_several_labels_and_sides/lab.nii.gz#LH_Vis*": ((1, 2), ""),
    "20_several_labels_and_sides/lab.nii.gz#1,2": ((1, 2), ""),
    "20_several_labels_and_sides/lab.nii.gz#1-2": ((1, 2), ""),
    "20_several_labels_and_sides/lab.nii.gz#1@left": (1, ""),
    "21_pair_mgz_misnamed/lab.hdr#1": (1, ""),
    "21_pair_mgz_misnamed/lab.img#1": (1, ""),
    "21_pair_mgz_misnamed/lab.mgz#1": (1, ""),
    "21_pair_mgz_misnamed/plain_named.nii.gz#1": (1, ""),
}


class TestRegions:
    def test_every_folder_is_looked_at(self):
        tried = {text.split("/")[0] for text in (*REFUSED, *READ)}
        tried |= {"03_mask_dtype_decides", "22_empty_region_message"}
        assert tried == {folder.name for folder in (ROOT / "regions").iterdir() if folder.is_dir()}

    @pytest.mark.parametrize("text", REFUSED)
    def test_refused(self, text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)  # of how volumes count
            with pytest.raises((RegionError, RegionFileError), match=REFUSED[text]) as error:
                parse_region(str(ROOT / "regions" / text))
        assert "lower the threshold" not in str(error.value)

    @pytest.mark.parametrize("text", READ)
    def test_read(self, text):
        labels, warned = READ[text]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            region = parse_region(str(ROOT / "regions" / text))
        identity = region.identity().parts[0] if region.identity().parts else region.identity()
        assert (identity.labels or identity.label) == labels
        said = " ".join(str(warning.message) for warning in caught)
        assert re.search(warned, said) if warned else said == ""

    @pytest.mark.parametrize("name", ["atl-X_space-SUIT_dseg", "tpl-MNI305_dseg", "x_space-fsaverage_dseg", "code3"])
    def test_one_can_insist_on_a_space(self, name):
        text = str(ROOT / "regions" / "04_space_in_the_name" / f"{name}.nii.gz#1")
        assert parse_region(text, space=MNI).identity().label == 1

    def test_the_data_type_of_a_mask_decides_nothing(self):
        folder, atlas = ROOT / "regions" / "03_mask_dtype_decides", jugex.open_atlas("simulated")
        pairs = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)  # ties
            for mask in ("mask_float32", "mask_uint8"):
                files = [f"{folder / name}.nii.gz" for name in ("prob", mask)]
                pairs.append(jugex.query.region_pair(*files, atlas=atlas, genes=["MAOA"]))
        assert pairs[0].n_found == pairs[1].n_found
        assert pairs[0].shared["decision"].tolist() == pairs[1].shared["decision"].tolist()
        assert pairs[0].samples["well_id"].tolist() == pairs[1].samples["well_id"].tolist()

    def test_a_sample_on_the_border_is_named(self, shared_data):
        voxel = ROOT / "regions" / "22_empty_region_message" / "voxel.nii.gz"
        with pytest.raises(RegionError, match=r"lies on its border, .*--tolerance 0\.1\)") as error:
            jugex.query.expressions(str(voxel), ["SCN1A"], atlas=shared_data / "ahba-mini")
        assert "threshold" not in str(error.value)


def read(name: str) -> list[str]:
    return list(jugex.read_gene_list(str(ROOT / "genes" / name)))


#: Gene lists, and the genes in them.
LISTS = {
    "01-header-one-short/16_writetable_short.tsv": ["TAC1", "BDNF"],
    "09-ids/07b_squoted.txt": ["MAOA", "TAC1"],
    "09-ids/31_nbsp.txt": ["MAOA", "TAC1", "BDNF"],
    "09-ids/32_dash.txt": ["HLA-A", "NKX2-1"],
    "10-result-tables/13_comments.txt": ["MAOA", "TAC1"],
    "10-result-tables/15_deseq2.csv": ["MAOA", "TAC1"],
    "10-result-tables/17_r_vector.csv": ["MAOA", "TAC1"],
    "10-result-tables/19_onecol_comma.txt": ["MAOA", "TAC1"],
    "10-result-tables/27_enrichr.gmt": ["MAOA", "TAC1"],
    "10-result-tables/34_gene_name_desc.csv": ["MAOA", "TAC1"],
    "11-files/05_utf16.txt": ["MAOA", "TAC1"],
    "11-files/42_list.xlsx": ["MAOA", "TAC1"],
}


class TestGenes:
    def test_every_folder_is_looked_at(self):
        tested = Path(__file__).read_text(encoding="utf-8")
        folders = [folder.name for folder in (ROOT / "genes").iterdir() if folder.is_dir()]
        assert [name for name in folders if f'"{name}' not in tested] == []

    @pytest.mark.parametrize("name", LISTS)
    def test_lists(self, name):
        if name.endswith(".xlsx"):
            pytest.importorskip("openpyxl")
        assert read(name) == LISTS[name]

    def test_a_set_named_twice(self):
        with pytest.warns(GeneWarning, match="has the set S more than once: all are used"):
            assert read("03-gmt-same-name/28_dupset.gmt#S") == ["MAOA", "TAC1"]

    def test_the_allen_institutes_ids_are_no_entrez_ids(self):
        genes = Genes(pd.DataFrame({"gene": ["SIPA1", "MAOA"], "entrez_id": pd.array([6494, 4128], dtype="Int64")}))
        with pytest.warns(GeneWarning, match="not in the atlas: NET1X"):
            assert select_genes(read("04-allen-gene-id/24_allen_ids.csv"), genes).found == ("MAOA",)

    def test_many_unknown_names_take_no_time_to_speak_of(self):
        # 0.1 s for each of them would be over half an hour
        made = ROOT / "genes" / "05-slow-missing" / "make.py"
        names = subprocess.run([sys.executable, made, "20000"], capture_output=True, text=True, check=True).stdout
        genes = Genes.from_symbols([f"GENE{number}" for number in range(19_000)])
        with pytest.raises(GeneError, match="no gene is left"):
            select_genes(names.split(), genes)

    def test_raw_counts_have_no_log2_fold_change(self):
        text = (ROOT / "genes" / "06-raw-counts" / "run.py").read_text(encoding="utf-8")
        names: dict[str, object] = {}
        with pytest.warns(AtlasWarning, match=r"these are not log2 levels.*for raw counts give values='counts'"):
            exec("\n".join(line for line in text.splitlines() if not line.startswith("print")), names)
        assert not names["a"].is_log2

    def test_a_symbol_that_is_another_genes_today(self):
        aliases = read_aliases(str(ROOT / "genes" / "07-alias-collision" / "hgnc.tsv"))
        genes = Genes(pd.DataFrame({"gene": ["TAZ", "MAOA"], "entrez_id": pd.array([6901, 4128], dtype="Int64")}))
        with pytest.warns(GeneWarning, match="TAZ"):
            select_genes(["TAZ", "MAOA"], genes, aliases=aliases)

    @pytest.mark.parametrize("name", ["01_excel_dates.txt", "02_excel_serials.txt"])
    def test_dates(self, name):
        symbols = ["MAOA", "MARCH1", "MARC1", "SEPT2", "DEC1", "TAC1"]
        with pytest.warns(GeneWarning) as caught:
            found = select_genes(read(f"08-excel-dates/{name}"), Genes.from_symbols(symbols)).found
        said = " ".join(str(warning.message) for warning in caught)
        assert re.search("SEPT2 for (2-Sep|43710)", said)
        assert re.search("is a date that a spreadsheet made of MARCH1 or MARC1.*: write the symbol", said)
        assert set(found) >= {"MAOA", "SEPT2", "TAC1"}
        assert not {"MARC1", "MARCH1"} & set(found)

    def test_ensembl_ids_are_said_to_be_such(self):
        with pytest.raises(GeneError, match="2 Ensembl ids"):
            select_genes(read("09-ids/08_ensembl.txt"), Genes.from_symbols(["MAOA"]))

    @pytest.mark.parametrize("name", ["a.gct", "de.csv", "fc.csv", "short.tsv", "GSE1_series_matrix.txt.gz"])
    def test_expression_tables(self, name):
        folder = ROOT / "genes" / "12-tables"
        atlas = atlas_from_tables(folder / "samples.csv", folder / name)
        assert atlas.probes["gene"].tolist() == ["MAOA", "TAC1", "BDNF"]
        assert atlas.levels()[0] == pytest.approx([6.218, 9.118, 6.928])

    def test_a_matrix_without_header_is_named(self):
        folder = ROOT / "genes" / "12-tables"
        with pytest.raises(AtlasError, match=r"header|names|ids"):
            atlas_from_tables(folder / "samples.csv", folder / "expression_matrix.csv")

    def test_siibras_table_under_numpy_2(self):
        atlas = atlas_from_siibra(ROOT / "genes" / "13-siibra-numpy2" / "siibra.csv")
        assert atlas.samples["mni_x"].iloc[0] == -18.4

    def test_anndata(self):
        # "14-anndata" holds a README alone: tests/atlas/test_anndata.py makes such objects
        assert {path.name for path in (ROOT / "genes" / "14-anndata").iterdir()} == {"README.txt"}

    def test_genes_of_pandas(self):
        # what "15-pandas-genes" tries, on the same atlas
        atlas = jugex.open_atlas("simulated")
        for given in (
            pd.Series(["MAOA", "TAC1"]), pd.Series(["MAOA", np.nan, "TAC1"]), pd.Series([4128.0, 6863.0]),
        ):  # fmt: skip
            assert select_genes(given, atlas.genes).found == ("MAOA", "TAC1")
        assert select_genes(pd.array([4128, None], dtype="Int64"), atlas.genes).found == ("MAOA",)
        for given, advice in (
            (pd.DataFrame({"gene": ["MAOA"]}), "pass its column of genes"),
            ({"set": ["MAOA"]}, "pass a list of genes"),
            ("gl/04_bom_crlf.txt", "read_gene_list"),
        ):
            with pytest.raises(JugexError, match=advice):
                select_genes(given, atlas.genes)

    def test_probes_of_several_genes(self):
        atlas = ToyAtlas([6, 5], ["MAOA", "MAOA", "TAC1"])
        atlas.probes["probe_name"] = ["T_MAOA_0", "T_MAOA_1", "T_TAC1_0"]
        with pytest.warns(AtlasWarning, match="1 probe left out, because each measures"):
            view = atlas.reannotated(ROOT / "genes" / "16-multi-gene" / "rea.tsv")
        assert view.probes["gene"].tolist() == ["MAOA", "TAC1"]
