"""The Allen Institute's "Download this data": read sample by sample, placed, and refused as means of structures."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas.donors import DONORS
from jugex.errors import AtlasError, AtlasWarning, JugexWarning, OptionError
from jugex.pipeline.genes import summarize_genes
from jugex.query.reference import classify_tissue

CONTENTS = """This archive contains expression data for rows 1 through 3 of a 'search' search
at a '{resolution}' resolution level, arranged by donors,structures.

The file Expression.csv contains expression values, calculated using {normalization} normalization.
"""
COLUMNS = (
    "donor_id,donor_name,donor_age,donor_color,sample_well,sample_polygon,sample_mri_0,sample_mri_1,sample_mri_2,"
    "structure_id,structure_name,structure_abbreviation,structure_color,top_level_structure_id,"
    "top_level_structure_name,top_level_structure_abbreviation,top_level_structure_color"
)
FRONTAL, AMYGDALA = '4009,"frontal lobe","FL","E8CD59"', '4327,"amygdala","Amg","FF60DE"'
PROBES = [
    "id,name,gene-id,gene-symbol,gene-name,entrez-id,chromosome,start-position,end-position",
    '1056755,"A_23_P56883",2541,"GABRA4","receptor, alpha 4",2557,"4","n/a","n/a"',
    '1056644,"A_32_P204137",2541,"GABRA4","receptor, alpha 4",2557,"4","n/a","n/a"',
    '1,"CUST_1",9,"MAOA","oxidase","n/a","X","n/a","n/a"',
]
VOXELS = {  # well: donor, MRI voxel, structure
    7: ("H0351.1009", (100, 50, 60), '4079,"frontal operculum, left","fro","E8C159"', FRONTAL),
    5: ("H0351.2001", (74, 96, 29), '4055,"anterior orbital gyrus, right","AOrG","E8BF59"', FRONTAL),
    6: ("H0351.2001", (137, 89, 57), '4079,"frontal operculum, left","fro","E8C159"', FRONTAL),
    8: ("H0351.1009", (110, 80, 70), '4332,"lateral nucleus, left","LA","FF60DE"', AMYGDALA),
}


def make_levels() -> pd.DataFrame:
    """Log2 levels, probes x wells in the order of the columns."""
    levels = np.random.default_rng(3).uniform(3, 9, (3, 4)).round(4)
    return pd.DataFrame(levels, index=[1056755, 1056644, 1], columns=list(VOXELS))


def write(folder: Path, *, normalization: str = "log2", resolution: str = "SAMPLES", levels=None, probes=None) -> Path:
    """Write a download; its third column is a structure of which the donor has no sample."""
    folder.mkdir(parents=True)
    levels = make_levels() if levels is None else levels
    ids = {name: donor_id for name, donor_id, *_ in DONORS}
    rows = [
        f'{ids[donor]},"{donor}","24 years","EC",{well},27,{",".join(map(str, voxel))},{structure},{top}'
        for well, (donor, voxel, structure, top) in VOXELS.items()
    ]
    rows.insert(2, f'10021,"H0351.2002","39 years","EC",-1,-1,-1,-1,-1,4055,"a, right","AOrG","E8",{FRONTAL}')
    (folder / "Columns.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    cells = [[*map(str, row[:2]), "", *map(str, row[2:])] for row in levels.to_numpy().tolist()]
    lines = [",".join([str(probe), *row]) for probe, row in zip(levels.index, cells, strict=True)]
    (folder / "Expression.csv").write_text("\n".join(lines) + "\n")
    (folder / "Probes.csv").write_text("\n".join(PROBES if probes is None else probes) + "\n")
    (folder / "Contents.txt").write_text(CONTENTS.format(resolution=resolution, normalization=normalization))
    return folder


def open_partial(folder: Path, **options):
    """Open a download of log2 levels of a few samples, which is said."""
    with pytest.warns(AtlasWarning, match=r"only some of the samples \(2 of 946 of H0351\.2001 and 2 of 363 of"):
        return jugex.open_atlas(folder, **options)


def test_samples_lie_where_the_donors_affine_puts_their_voxel(tmp_path):
    atlas = open_partial(write(tmp_path / "download"))
    assert atlas.samples["well_id"].tolist() == [5, 6, 7, 8]
    assert atlas.samples["donor_name"].tolist() == ["H0351.2001"] * 2 + ["H0351.1009"] * 2
    np.testing.assert_allclose(
        atlas.samples[["mni_x", "mni_y", "mni_z"]],
        [
            [101.3 - 78.1 - 0.7 - 0.8, 110.6 - 1.9 - 27.0 - 30.4, 84.5 - 1.5 - 102.6 + 5.7],  # by hand, to 0.3 mm
            [101.3 - 144.7 - 0.7 - 1.5, 110.6 - 3.4 - 25.1 - 59.7, 84.5 - 2.8 - 95.1 + 11.1],
            [91 - 100, 91 - 60, 109 - 50],
            [91 - 110, 91 - 70, 109 - 80],
        ],
        atol=0.3,
    )
    assert atlas.probes["gene"].tolist() == ["GABRA4", "GABRA4", "MAOA"]
    assert atlas.probes["entrez_id"].fillna(0).tolist() == [2557, 2557, 0]
    assert atlas.donors["age"].tolist() == [24, 57]
    np.testing.assert_array_equal(atlas.levels(), make_levels()[[5, 6, 7, 8]].T)
    assert atlas.is_log2


def test_structures_have_their_place_in_the_brain(tmp_path):
    atlas = open_partial(write(tmp_path / "download"))
    assert classify_tissue(atlas).tolist() == ["isocortex"] * 3 + ["amygdala"]
    inside = jugex.Region.from_structure("Cx", atlas=atlas).locate(atlas.samples)["inside"]
    assert inside.tolist() == [True, True, True, False]


def test_zscores_are_taken_as_they_are(tmp_path):
    levels = make_levels() - 6
    atlas = jugex.open_atlas(write(tmp_path / "z", normalization="zscore", levels=levels))
    np.testing.assert_array_equal(atlas.zscores(), levels[[5, 6, 7, 8]].T)
    assert not atlas.is_log2
    source = atlas.identity().source
    assert (source.kind, source.zscores, source.path) == ("allen-download", "as given", str(tmp_path / "z"))
    assert [Path(file.file).name for file in source.files] == [
        "Expression.csv", "Columns.csv", "Probes.csv", "Contents.txt",
    ]  # fmt: skip


def test_a_table_of_wells_in_the_folder_places_the_samples(tmp_path):
    folder = write(tmp_path / "z", normalization="zscore")
    (folder / "SampleAnnot.csv").write_text(
        "structure_id,well_id,mni_x,mni_y,mni_z\n1,5,1,2,3\n1,6,4,5,6\n1,7,-7,-8,-9\n1,99,0,0,0\n"
    )
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.warns(AtlasWarning, match="1 of 4 samples .* have no coordinates"):
        atlas = jugex.open_atlas(folder, donors=["H0351.1009"])
    assert atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].to_numpy().tolist() == [[7, -7, -8, -9]]
    assert atlas.changes.coordinates.n_dropped == 1


def test_several_downloads_are_one_atlas(tmp_path):
    write(tmp_path / "all" / "first", normalization="zscore", levels=make_levels().iloc[:2], probes=PROBES[:3])
    write(
        tmp_path / "all" / "second",
        normalization="zscore",
        levels=make_levels().iloc[1:],
        probes=[PROBES[0], *PROBES[2:]],
    )
    atlas = jugex.open_atlas(tmp_path / "all")
    assert atlas.probes["probe_id"].tolist() == [1056755, 1056644, 1]
    np.testing.assert_array_equal(atlas.zscores(), make_levels()[[5, 6, 7, 8]].T)
    write(tmp_path / "all" / "third")
    with pytest.raises(AtlasError, match=r"first holds zscore values and .*third log2 values"):
        jugex.open_atlas(tmp_path / "all")


def test_means_over_structures_are_refused(tmp_path):
    with pytest.raises(AtlasError, match=r"resolution 'structures': its values are means over the samples"):
        jugex.open_atlas(write(tmp_path / "download", resolution="STRUCTURES"))


def edit(name, old, new):
    def change(folder):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "Contents.txt").unlink(), r"has no Contents\.txt; unpack the whole download"),
        (edit("Contents.txt", "log2", "rank"), r"Contents\.txt does not say that it is at sample resolution with log2"),
        (edit("Columns.csv", "H0351.1009", "H376.IIIB.51"), r"the donor 'H376\.IIIB\.51', who is not one of the six"),
        (edit("Columns.csv", '"EC",7,', '"EC",5,'), r"1 sample ids occur more than once \(first: '5'\)"),
        (edit("Columns.csv", "sample_mri_0", "voxel"), r"no column 'sample_mri_0' \(it has donor_id"),
        (edit("Probes.csv", "1056644", "1056645"), r"Expression\.csv has 3 rows of 5 values, where Probes\.csv has 3"),
        (edit("Expression.csv", f"1,{make_levels().loc[1, 7]}", "1,"), r"empty cells of samples"),
    ],
)
def test_files_that_do_not_fit(tmp_path, change, message):
    folder = write(tmp_path / "download")
    change(folder)
    with pytest.raises(AtlasError, match=message):
        jugex.open_atlas(folder)


def test_real_zscores_are_those_computed_from_real_levels(shared_data):
    log2, zscore = (jugex.open_atlas(shared_data / "allen-download" / kind) for kind in ("log2", "zscore"))
    archives = jugex.open_atlas(shared_data / "ahba-gabra4")
    wells, probes = archives.samples["well_id"], archives.probes["probe_id"]
    ids = {"well_ids": wells, "probe_ids": probes}
    np.testing.assert_allclose(log2.zscores(**ids), zscore.zscores(**ids), atol=0.00035)  # what 4 decimals leave
    np.testing.assert_allclose(log2.zscores(**ids), archives.zscores(**ids), atol=1e-9)
    axes = ["mni_x", "mni_y", "mni_z"]
    placed = log2.samples.set_index("well_id").loc[wells, axes].to_numpy()
    distance = np.abs(placed - archives.samples[axes].to_numpy())
    assert distance.max() < 0.11
    assert (distance > 0.01).mean() < 0.001  # a voxel whose coordinate lies between two tenths


def test_z_scores_are_no_levels(tmp_path):
    zscores = make_levels() - 6
    atlas = jugex.open_atlas(write(tmp_path / "download", normalization="zscore", levels=zscores))
    regions = [jugex.Region.from_structure(name, atlas=atlas) for name in ("AOrG", "fro")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        table = jugex.query.expressions(regions[1], ["GABRA4"], atlas=atlas)
        assert table["level"].isna().all()
        np.testing.assert_allclose(table["zscore"], zscores.loc[[1056644, 1056755], [6, 7]].T.to_numpy().ravel())
        pair = jugex.query.region_pair(*regions, atlas=atlas.with_donors(["H0351.2001"]), genes=["GABRA4"])
        with pytest.raises(OptionError, match=r"'max-mean' needs levels, and .* has only z-scores"):
            summarize_genes(pair, "max-mean")
        assert np.isnan(summarize_genes(pair, "mean").levels).all()
