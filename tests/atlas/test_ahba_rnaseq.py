"""The AHBA's RNA-seq, from made-up files in the layout that abagen documents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jugex.atlas import ArchivesAtlas, atlas_from_ahba_rnaseq
from jugex.errors import AtlasError, OptionError

GENES = ["MAOA", "NA", "TAC1"]


@pytest.fixture
def microarray(new_archive, tmp_path):
    for donor_id in (9861, 10021):
        new_archive(donor_id, n_samples=5).unpack(tmp_path / "microarray")
    return ArchivesAtlas(tmp_path / "microarray")


def write_rnaseq(folder, donor_id: int, wells: list[int], *, seed: int = 0) -> pd.DataFrame:
    """Write a donor's files and return their values, genes x samples; some wells come twice (replicates)."""
    path = folder / f"rnaseq_donor{donor_id}"
    path.mkdir(parents=True)
    values = pd.DataFrame(np.random.default_rng(seed).uniform(0, 500, (3, len(wells))).round(2), index=GENES)
    for name in ("RNAseqTPM.csv", "RNAseqCounts.csv"):
        (2 * values if "Counts" in name else values).to_csv(path / name, header=False)
    annotation = {
        "RNAseq_sample_name": [f"S{number}_L001" for number in range(len(wells))],
        "replicate_sample": ["Yes" if wells.index(well) != n else "No" for n, well in enumerate(wells)],
        "well_id": wells,
        "ontology_structure_id": 4005,
        "brain": donor_id,
    }
    pd.DataFrame(annotation).to_csv(path / "SampleAnnot.csv", index=False)
    genes = {"gene_symbol": [*GENES[::-1], "more"], "gene_id": [3, 2, 1, 0], "entrez_id": [6863, "", 4128, 1]}
    pd.DataFrame(genes).to_csv(path / "Genes.csv", index=False)
    return values


@pytest.mark.parametrize("values", ["tpm", "counts"])
def test_values_wells_and_coordinates(microarray, tmp_path, values):
    wells = [986103, 986100, 986101, 986100]  # of the second one there are two
    given = write_rnaseq(tmp_path / "rnaseq", 9861, wells)
    other = write_rnaseq(tmp_path / "rnaseq", 10021, [1002104, 1002100], seed=1)
    atlas = atlas_from_ahba_rnaseq(tmp_path / "rnaseq", microarray, values=values)
    assert atlas.samples["well_id"].tolist() == [986103, 986100, 986101, 1002104, 1002100]
    assert atlas.donors["donor_id"].tolist() == [9861, 10021]
    assert atlas.donors["age"].tolist() == [24, 39]
    assert atlas.probes["gene"].tolist() == GENES
    assert atlas.probes["entrez_id"].fillna(0).tolist() == [4128, 0, 6863]
    expected = np.log2(1 + 1e6 * given / given.sum()).to_numpy().T
    np.testing.assert_allclose(atlas.levels()[[0, 2]], expected[[0, 2]], rtol=1e-12)  # rounding: another order
    np.testing.assert_allclose(atlas.levels()[1], expected[[1, 3]].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(atlas.levels()[3:], np.log2(1 + 1e6 * other / other.sum()).to_numpy().T, rtol=1e-12)
    columns = ["structure_id", "structure_acronym", "structure_name", "mni_x", "mni_y", "mni_z"]
    known = microarray.samples.set_index("well_id").loc[atlas.samples["well_id"], columns]
    pd.testing.assert_frame_equal(
        atlas.samples[columns], known.reset_index(drop=True), check_dtype=False, check_index_type=False
    )
    assert atlas.name == f"Allen Human Brain Atlas, RNA-seq ({values})"
    assert len(atlas.identity().source.files) == 5  # values and samples of each donor, and the genes once


def test_one_donor(microarray, tmp_path):
    write_rnaseq(tmp_path / "rnaseq", 10021, [1002104, 1002100])
    atlas = atlas_from_ahba_rnaseq(tmp_path / "rnaseq" / "rnaseq_donor10021", microarray)
    assert atlas.samples["donor_name"].tolist() == ["H0351.2002"] * 2


def test_a_gene_without_annotation_has_no_entrez_id(microarray, tmp_path):
    write_rnaseq(tmp_path / "rnaseq", 9861, [986103, 986100])
    with (tmp_path / "rnaseq" / "rnaseq_donor9861" / "RNAseqTPM.csv").open("a") as stream:
        stream.write("X,1,2\n")
    atlas = atlas_from_ahba_rnaseq(tmp_path / "rnaseq", microarray)
    assert atlas.probes["gene"].tolist() == [*GENES, "X"]
    assert atlas.probes["entrez_id"].isna().tolist() == [False, True, False, True]


class TestErrors:
    @pytest.fixture
    def folder(self, tmp_path):
        write_rnaseq(tmp_path / "rnaseq", 9861, [986103, 986100])
        return tmp_path / "rnaseq" / "rnaseq_donor9861"

    def test_of_options_and_folders(self, microarray, folder, tmp_path):
        with pytest.raises(OptionError, match="values must be one of tpm, counts; got 'fpkm'"):
            atlas_from_ahba_rnaseq(folder, microarray, values="fpkm")
        with pytest.raises(AtlasError, match=r"no RNAseqTPM\.csv in .*nothing or its subfolders; unpack"):
            atlas_from_ahba_rnaseq(tmp_path / "nothing", microarray)
        write_rnaseq(tmp_path / "rnaseq" / "again", 9861, [986103])
        (tmp_path / "rnaseq" / "again" / "rnaseq_donor9861").rename(tmp_path / "rnaseq" / "donor 9861 again")
        with pytest.raises(AtlasError, match=r"donor 9861 again and .*rnaseq_donor9861 both hold donor H0351\.2001"):
            atlas_from_ahba_rnaseq(folder.parent, microarray)
        with pytest.raises(AtlasError, match=r"the name of .*mine does not name a donor; call it rnaseq_donor9861 or"):
            atlas_from_ahba_rnaseq(folder.rename(tmp_path / "mine"), microarray)

    def test_of_wells(self, microarray, folder):
        annotation = pd.read_csv(folder / "SampleAnnot.csv")
        annotation.assign(well_id=[986103, 7]).to_csv(folder / "SampleAnnot.csv", index=False)
        expected = r"1 of the 2 wells of rnaseq_donor9861 are not among the samples of donor .* \(first: 7\)"
        with pytest.raises(AtlasError, match=expected):
            atlas_from_ahba_rnaseq(folder, microarray)
        with pytest.raises(AtlasError, match="2 of the 2 wells of rnaseq_donor9861"):
            atlas_from_ahba_rnaseq(folder, microarray.with_donors([10021]))
        annotation.iloc[:1].to_csv(folder / "SampleAnnot.csv", index=False)
        with pytest.raises(AtlasError, match=r"RNAseqTPM\.csv has 2 samples, but SampleAnnot\.csv has 1"):
            atlas_from_ahba_rnaseq(folder, microarray)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("X,-1,2", "has negative or missing values, or a sample without any reads"),
            ("X,,2", "has negative or missing values, or a sample without any reads"),
            ("X,much,2", r"RNAseqTPM\.csv, row 'X', column '1' is 'much', where a finite number is needed"),
            ("MAOA,1,2", r"1 probe ids occur more than once \(first: 'MAOA'\)"),
            ("X,1", r"RNAseqTPM\.csv cannot be read"),
        ],
    )
    def test_of_values(self, microarray, folder, line, message):
        with (folder / "RNAseqTPM.csv").open("a") as stream:
            stream.write(line + "\n")
        with pytest.raises(AtlasError, match=message):
            atlas_from_ahba_rnaseq(folder, microarray)
