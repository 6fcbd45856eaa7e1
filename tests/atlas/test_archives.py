"""The donor archives: what is read from them, how they are found, and when they are read."""

from __future__ import annotations

import hashlib
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jugex.atlas import ArchivesAtlas
from jugex.atlas.archives import DonorArchive
from jugex.atlas.base import DONOR_COLUMNS, PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS
from jugex.atlas.donors import DONORS

# mean and sd are taken in float64 in another order of summation than SciPy's: a few ulps of values up to 10
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def real(shared_data):
    return ArchivesAtlas(shared_data / "ahba-mini")


def test_real_archives_have_all_samples_of_all_donors_in_order(real):
    assert [(d.donor_name, d.donor_id, d.age, d.gender, d.race) for d in DONORS] == list(
        real.donors.itertuples(index=False, name=None)
    )
    counts = real.samples["donor_name"].value_counts(sort=False)
    assert counts.to_dict() == {donor.donor_name: donor.n_samples for donor in DONORS}
    assert len(real.samples) == 3702


def test_real_tables_have_the_columns_of_the_contract(real):
    for table, columns in [
        (real.samples, SAMPLE_COLUMNS),
        (real.probes, PROBE_COLUMNS),
        (real.donors, DONOR_COLUMNS),
        (real.structures, STRUCTURE_COLUMNS),
    ]:
        assert tuple(table.columns) == columns
        assert isinstance(table.index, pd.RangeIndex)
    first = real.samples.iloc[0]
    assert (first["well_id"], first["sample"], first["structure_acronym"]) == (594, 0, "PCLa-i")
    assert (first["mni_x"], first["mni_y"], first["mni_z"]) == (5.9, -27.7, 49.7)
    assert real.structures["parent_structure_id"].isna().sum() == 1
    assert real.samples["well_id"].is_unique


def test_real_levels_are_those_of_the_text(real, shared_data):
    file = shared_data / "ahba-mini" / "normalized_microarray_donor15496" / "MicroarrayExpression.csv"
    text = [line.split(",") for line in file.read_text().splitlines()]
    of_donor = real.samples["donor_name"] == "H0351.1015"
    levels = real.levels(well_ids=real.samples.loc[of_donor, "well_id"], probe_ids=[int(row[0]) for row in text])
    np.testing.assert_array_equal(levels.T, np.array([[float(cell) for cell in row[1:]] for row in text]))


def test_real_zscores_are_those_of_scipy_over_all_samples_of_each_donor(real):
    zscores = real.zscores()
    assert zscores.dtype == np.float64
    for donor_name, samples in real.samples.groupby("donor_name"):
        levels = real.levels(well_ids=samples["well_id"]).astype(np.float64)
        np.testing.assert_allclose(zscores[samples.index], stats.zscore(levels, axis=0), err_msg=donor_name, **CLOSE)


def test_zscores_of_a_few_samples_use_the_moments_of_all(real):
    wells = real.samples["well_id"].to_numpy()[[3000, 5, 1200, 7]]
    np.testing.assert_array_equal(real.zscores(well_ids=wells), real.zscores()[[3000, 5, 1200, 7]])


def test_zip_and_folder_give_the_same(shared_data, tmp_path):
    for folder in sorted((shared_data / "ahba-mini").iterdir())[-2:]:
        with zipfile.ZipFile(tmp_path / f"{folder.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in folder.iterdir():
                archive.write(file, file.name)
    zipped = ArchivesAtlas(tmp_path)
    unpacked = ArchivesAtlas(shared_data / "ahba-mini", donors=zipped.donors["donor_name"])
    for table in ("samples", "probes", "donors", "structures"):
        pd.testing.assert_frame_equal(getattr(zipped, table), getattr(unpacked, table))
    np.testing.assert_array_equal(zipped.levels(), unpacked.levels())


@pytest.mark.parametrize("name", ["178238387.zip", "178238387", "donor9861.ZIP", "H0351.2001 (1).zip"])
def test_zip_is_found_by_any_name_that_tells_the_donor(archive, tmp_path, name):
    archive.zip(tmp_path, name)
    assert ArchivesAtlas(tmp_path).donors["donor_id"].tolist() == [9861]


def test_donor_is_told_by_the_folder_inside_the_zip(archive, tmp_path):
    archive.zip(tmp_path, "download.zip", inside="normalized_microarray_donor9861/")
    assert ArchivesAtlas(tmp_path).donors["donor_id"].tolist() == [9861]


def test_path_of_one_archive_is_enough(archive, tmp_path):
    for path in (archive.unpack(tmp_path / "unpacked"), archive.zip(tmp_path / "zipped")):
        assert ArchivesAtlas(path).levels().shape == (4, 3)


def test_other_files_and_folders_beside_the_archives_are_passed_over(archive, tmp_path):
    archive.unpack(tmp_path)
    (tmp_path / "notes_on_9861.txt").write_text("fine")
    (tmp_path / "normalized_microarray_donor10021.zip.part").write_bytes(b"unfinished")
    (tmp_path / "figures_10021").mkdir()
    with zipfile.ZipFile(tmp_path / "maps.zip", "w") as archive_of_others:
        archive_of_others.writestr("Fp1.txt", "no archive")
    assert ArchivesAtlas(tmp_path).donors["donor_id"].tolist() == [9861]


def test_donors_come_in_the_order_of_the_atlas_and_only_those_asked_for(new_archive, tmp_path):
    for donor in reversed(DONORS):
        new_archive(donor.donor_id).zip(tmp_path)
    assert ArchivesAtlas(tmp_path).donors["donor_name"].tolist() == [donor.donor_name for donor in DONORS]
    some = ArchivesAtlas(tmp_path, donors=["15697", "H0351.2001", 15697])
    assert some.donors["donor_id"].tolist() == [9861, 15697]
    assert some.samples["sample"].tolist() == [0, 1, 2, 3] * 2
    assert ArchivesAtlas(tmp_path, donors=12876).donors["donor_id"].tolist() == [12876]


def test_archives_of_donors_not_asked_for_are_not_opened(new_archive, tmp_path):
    new_archive(9861).zip(tmp_path)
    (tmp_path / "normalized_microarray_donor10021.zip").write_bytes(b"damaged")
    assert len(ArchivesAtlas(tmp_path, donors=[9861]).samples) == 4


def test_expression_is_read_once_per_donor_at_first_use(new_archive, tmp_path, monkeypatch):
    opened = []
    matrix = DonorArchive.matrix
    monkeypatch.setattr(
        DonorArchive,
        "matrix",
        lambda self, *args, **keys: opened.append(self.donor.donor_id) or matrix(self, *args, **keys),
    )
    for donor in DONORS[:3]:
        new_archive(donor.donor_id).unpack(tmp_path)
    atlas = ArchivesAtlas(tmp_path)
    assert opened == []
    atlas.zscores(well_ids=[1002100])
    atlas.levels(well_ids=[1002101], probe_ids=[12])
    assert opened == [10021]
    atlas.with_donors(["H0351.2002", 9861]).levels()
    assert opened == [10021, 9861]
    atlas.levels()
    assert opened == [10021, 9861, 12876]


def test_rows_may_come_in_another_order_than_the_probes(archive, tmp_path):
    expected = ArchivesAtlas(archive.unpack(tmp_path / "as it was")).levels()
    lines = archive.files["MicroarrayExpression.csv"].splitlines(keepends=True)
    archive.files["MicroarrayExpression.csv"] = b"".join(reversed(lines))
    np.testing.assert_array_equal(ArchivesAtlas(archive.unpack(tmp_path / "reversed")).levels(), expected)


def test_probes_of_a_second_donor_may_come_in_another_order(new_archive, tmp_path):
    second = new_archive(10021)
    expected = ArchivesAtlas(second.unpack(tmp_path / "alone")).levels()
    header, *rows = second.files["Probes.csv"].splitlines(keepends=True)
    second.files["Probes.csv"] = b"".join([header, *reversed(rows)])
    second.unpack(tmp_path / "both")
    new_archive(9861).unpack(tmp_path / "both")
    atlas = ArchivesAtlas(tmp_path / "both")
    assert atlas.probes["probe_id"].tolist() == [11, 12, 13]
    np.testing.assert_array_equal(atlas.levels(well_ids=range(1002100, 1002104)), expected)


def test_constant_probe_has_zscore_zero(archive, tmp_path):
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    assert not atlas.zscores(probe_ids=[13]).any()  # 0.1 is no binary fraction: a rounded mean would show


def test_genes_and_structures_called_na_are_no_missing_values(archive, tmp_path):
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    assert atlas.probes["gene"].tolist() == ["MAOA", "NA", "G13"]
    assert atlas.structures["acronym"].tolist() == ["Br", "NA"]
    assert atlas.samples["structure_acronym"].tolist() == ["NA"] * 4
    assert atlas.probes["entrez_id"].dtype == "Int64"
    assert atlas.probes["entrez_id"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_text_encodings_and_windows_line_ends(archive, tmp_path, encoding):
    archive.edit("SampleAnnot.csv", "gyrus, left", "gyrus of Ströer, left")
    for name, content in archive.files.items():
        archive.files[name] = content.decode().replace("\n", "\r\n").encode(encoding)
    atlas = ArchivesAtlas(archive.zip(tmp_path))
    assert atlas.samples["structure_name"].unique().tolist() == ["gyrus of Ströer, left"]
    assert atlas.levels().shape == (4, 3)


def test_file_of_full_height_is_read(archive, tmp_path):
    n_probes = 58_692
    ids = np.arange(1_000_000, 1_000_000 + n_probes)
    levels = np.random.default_rng(0).uniform(1, 16, (n_probes, 3)).round(4)
    header = archive.files["Probes.csv"].splitlines()[0].decode()
    archive.files["Probes.csv"] = "\n".join([header, *(f"{i},P{i},1,G{i % 20000},n,{i},1" for i in ids)]).encode()
    rows = [f"{i},{a:.4f},{b:.4f},{c:.4f}" for i, (a, b, c) in zip(ids, levels, strict=True)]
    archive.files["MicroarrayExpression.csv"] = "\n".join(rows).encode()
    archive.files["SampleAnnot.csv"] = b"".join(archive.files["SampleAnnot.csv"].splitlines(keepends=True)[:4])
    atlas = ArchivesAtlas(archive.zip(tmp_path))
    np.testing.assert_array_equal(atlas.levels(), levels.T)
    expected = stats.zscore(levels, axis=1).T
    np.testing.assert_allclose(atlas.zscores(), expected, **CLOSE)


def test_identity_lists_files_with_checksums(new_archive, tmp_path):
    folder = new_archive(9861).unpack(tmp_path)
    zipped = new_archive(10021).zip(tmp_path)
    atlas = ArchivesAtlas(tmp_path)
    identity = json.loads(json.dumps(atlas.identity().to_dict()))
    assert identity["kind"] == "archives"
    assert identity["precision"] == str(atlas.levels().dtype) == "float64"
    assert identity["simulated"] is False
    assert identity["path"] == str(tmp_path.resolve())
    assert (identity["n_samples"], identity["n_probes"]) == (8, 3)
    assert identity["donors"][0] == {
        "donor_name": "H0351.2001",
        "donor_id": 9861,
        "age": 24,
        "gender": "M",
        "race": "Black or African American",
    }
    files = [
        *(folder / n for n in ("SampleAnnot.csv", "Probes.csv", "Ontology.csv", "MicroarrayExpression.csv")),
        zipped,
    ]
    assert identity["files"] == [
        {
            "file": file.relative_to(tmp_path).as_posix(),
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in files
    ]
    assert len(atlas.with_donors([10021]).identity().source.files) == 1


def test_atlas_of_some_donors_keeps_samples_and_numbers(new_archive, tmp_path):
    for donor in DONORS[:3]:
        new_archive(donor.donor_id).zip(tmp_path)
    atlas = ArchivesAtlas(tmp_path)
    some = atlas.with_donors([12876, 9861])
    assert some.donors["donor_id"].tolist() == [9861, 12876]
    np.testing.assert_array_equal(some.zscores(), atlas.zscores(well_ids=some.samples["well_id"]))
    assert len(atlas.samples) == 12


def test_missing_present_calls_are_no_error(archive, tmp_path):
    assert "PACall.csv" not in archive.files
    archive.files["PACall.csv"] = b"not read"
    assert ArchivesAtlas(archive.zip(tmp_path)).levels().shape == (4, 3)
