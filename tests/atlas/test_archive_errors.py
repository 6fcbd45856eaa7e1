"""Every way in which a donor archive can be unusable is refused with a sentence that says where."""

from __future__ import annotations

import re
import zipfile

import pytest

from jugex.atlas import ArchivesAtlas
from jugex.errors import ArchiveError, AtlasNotFoundError, OptionError

DONOR = re.escape("donor H0351.2001 (9861), ")


def _edit_expression(archive, row, column, cell):
    lines = archive.files["MicroarrayExpression.csv"].decode().splitlines()
    cells = lines[row].split(",")
    cells[column] = cell
    lines[row] = ",".join(cells)
    archive.files["MicroarrayExpression.csv"] = ("\n".join(lines) + "\n").encode()


def test_path_that_does_not_exist(tmp_path):
    with pytest.raises(AtlasNotFoundError, match=r"nowhere does not exist; give the folder .* jugex fetch downloads"):
        ArchivesAtlas(tmp_path / "nowhere")


def test_folder_without_archives(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    expected = r"no donor archive in .*normalized_microarray_donor9861.*which jugex fetch downloads"
    with pytest.raises(AtlasNotFoundError, match=expected):
        ArchivesAtlas(tmp_path)


def test_file_that_is_no_archive(tmp_path):
    (tmp_path / "table.csv").write_text("a,b")
    with pytest.raises(AtlasNotFoundError, match=r"table\.csv is not a donor archive; give"):
        ArchivesAtlas(tmp_path / "table.csv")


def test_archive_of_nobody_knows_which_donor(archive, tmp_path):
    archive.zip(tmp_path, "download.zip")
    with pytest.raises(
        ArchiveError, match=r"download\.zip holds a donor archive, but neither its name nor its content names the donor"
    ):
        ArchivesAtlas(tmp_path)


@pytest.mark.parametrize("name", ["", "download.zip"])
def test_broken_zip_of_nobody_knows_which_donor(archive, tmp_path, name):
    archive.unpack(tmp_path)
    path = archive.zip(tmp_path, "download.zip")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(
        ArchiveError, match=r"download\.zip is not a complete ZIP file \(50 bytes\), .* download it again"
    ):
        ArchivesAtlas(tmp_path / name)


def test_unpacked_archive_of_nobody_knows_which_donor(archive, tmp_path):
    archive.unpack(tmp_path).rename(tmp_path / "brain")
    for path in (tmp_path, tmp_path / "brain"):
        with pytest.raises(
            ArchiveError, match=r"brain holds a donor archive, but neither its name nor its content names the donor"
        ):
            ArchivesAtlas(path)


def test_name_that_fits_two_donors_tells_none(archive, tmp_path):
    archive.zip(tmp_path, "9861_or_10021.zip")
    with pytest.raises(ArchiveError, match="neither its name nor its content names the donor"):
        ArchivesAtlas(tmp_path)


def test_same_donor_twice(archive, tmp_path):
    archive.unpack(tmp_path)
    archive.zip(tmp_path, "178238387.zip")
    expected = (
        r"more than one archive of donor H0351\.2001 \(9861\): 178238387\.zip and normalized_microarray_donor9861"
    )
    with pytest.raises(ArchiveError, match=expected):
        ArchivesAtlas(tmp_path)


def test_unknown_donor_lists_the_six(archive, tmp_path):
    archive.unpack(tmp_path)
    with pytest.raises(OptionError, match=r"unknown donor '4711'; .*H0351\.2001 \(9861\), .*H0351\.1016 \(15697\)"):
        ArchivesAtlas(tmp_path, donors=[9861, 4711])


def test_donor_without_archive_in_the_folder(archive, tmp_path):
    archive.unpack(tmp_path)
    expected = r"no archive of donor H0351\.2002 \(10021\) .*there are H0351\.2001 \(9861\).*/178238373"
    with pytest.raises(AtlasNotFoundError, match=expected):
        ArchivesAtlas(tmp_path, donors=["H0351.2002"])


@pytest.mark.parametrize("member", ["SampleAnnot.csv", "Probes.csv", "Ontology.csv", "MicroarrayExpression.csv"])
@pytest.mark.parametrize("packed", [True, False])
def test_missing_member(archive, tmp_path, member, packed):
    del archive.files[member]
    path = archive.zip(tmp_path) if packed else archive.unpack(tmp_path)
    with pytest.raises(ArchiveError, match=f"{DONOR}{member} in .* is missing; (download|unpack)"):
        ArchivesAtlas(path)


def test_member_that_is_there_twice(archive, tmp_path):
    path = archive.zip(tmp_path)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("copy/Probes.csv", archive.files["Probes.csv"])
    with pytest.raises(ArchiveError, match=r"Probes\.csv in .* is there 2 times \(Probes\.csv, copy/Probes\.csv\)"):
        ArchivesAtlas(path)


def test_truncated_zip(archive, tmp_path):
    path = archive.zip(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    expected = rf"{DONOR}SampleAnnot\.csv in .* is damaged \(File is not a zip file\); download .*download/178238387"
    with pytest.raises(ArchiveError, match=expected):
        ArchivesAtlas(path)


@pytest.mark.parametrize("member", ["SampleAnnot.csv", "MicroarrayExpression.csv"])
def test_changed_byte_in_zip(archive, tmp_path, member):
    path = tmp_path / "178238387.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name, content in archive.files.items():
            packed.writestr(name, content)
    old, new = {"SampleAnnot.csv": (b"gyrus", b"gYrus"), "MicroarrayExpression.csv": (b"\n13,0.1", b"\n13,0.7")}[member]
    assert path.read_bytes().count(old) >= 1
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ArchiveError, match=rf"{DONOR}{member} in .* is damaged \(Bad CRC-32.*download"):
        ArchivesAtlas(path).levels()


def test_damage_is_named_rather_than_the_bad_cell_that_it_makes(archive, tmp_path):
    path = tmp_path / "178238387.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name, content in archive.files.items():
            packed.writestr(name, content)
    path.write_bytes(path.read_bytes().replace(b"\n13,0.1", b"\n13,x.1"))
    with pytest.raises(ArchiveError, match="is damaged"):
        ArchivesAtlas(path).levels()


@pytest.mark.parametrize(
    ("member", "column"),
    [
        ("SampleAnnot.csv", "well_id"),
        ("SampleAnnot.csv", "mni_y"),
        ("SampleAnnot.csv", "structure_acronym"),
        ("Probes.csv", "gene_symbol"),
        ("Probes.csv", "entrez_id"),
        ("Ontology.csv", "parent_structure_id"),
    ],
)
def test_missing_column(archive, tmp_path, member, column):
    archive.edit(member, column, "other")
    with pytest.raises(ArchiveError, match=rf"{DONOR}{member} in .* has no column '{column}' \(it has .*other"):
        ArchivesAtlas(archive.unpack(tmp_path))


@pytest.mark.parametrize("member", ["SampleAnnot.csv", "Probes.csv", "Ontology.csv"])
@pytest.mark.parametrize(("n_lines", "expected"), [(0, "is empty"), (1, "has a header but no row")])
def test_empty_table(archive, tmp_path, member, n_lines, expected):
    archive.files[member] = b"".join(archive.files[member].splitlines(keepends=True)[:n_lines])
    with pytest.raises(ArchiveError, match=f"{DONOR}{member} in .* {expected}"):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_row_of_a_table_that_is_cut_short(archive, tmp_path):
    archive.files["SampleAnnot.csv"] = archive.files["SampleAnnot.csv"][:-8]
    with pytest.raises(
        ArchiveError, match=r"SampleAnnot\.csv .*, row 4 below the header: 11 values, but the header has 13 columns"
    ):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_table_that_is_no_csv(archive, tmp_path):
    archive.files["Probes.csv"] += b'14,"' + b"x" * 200_000
    with pytest.raises(ArchiveError, match=rf"{DONOR}Probes\.csv in .* cannot be read as CSV .*field larger"):
        ArchivesAtlas(archive.unpack(tmp_path))


@pytest.mark.parametrize("value", ["", "x", "nan", "inf"])
def test_coordinate_that_is_no_number(archive, tmp_path, value):
    archive.edit("SampleAnnot.csv", "-11.5,1,5.25", f"-11.5,{value},5.25")
    expected = rf"{DONOR}SampleAnnot\.csv in .*, row 2 below the header: mni_y is '{value}', where a finite number"
    with pytest.raises(ArchiveError, match=expected):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_ids_that_are_no_integers(archive, tmp_path):
    archive.edit("SampleAnnot.csv", "986101", "9861.5")
    with pytest.raises(ArchiveError, match=r"row 2 below the header: well_id is '9861\.5', where an integer"):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_entrez_id_that_is_no_integer_is_named_by_its_own_row(archive, tmp_path):
    archive.edit("Probes.csv", "13,P_13,3,G13,n,,2", "13,P_13,3,G13,n,,2\n14,P_14,3,G14,n,x,2")
    with pytest.raises(ArchiveError, match=r"Probes\.csv .*, row 4 below the header: entrez_id is 'x'"):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_duplicate_well(archive, tmp_path):
    archive.edit("SampleAnnot.csv", "986101", "986100")
    with pytest.raises(ArchiveError, match=rf"{DONOR}SampleAnnot\.csv in .*: well_id 986100 occurs more than once"):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_same_well_in_two_donors(new_archive, tmp_path):
    new_archive(9861, first_well=7).unpack(tmp_path)
    new_archive(10021, first_well=10).unpack(tmp_path)
    with pytest.raises(ArchiveError, match=r"well 10 is in SampleAnnot\.csv of donors H0351\.2001 and H0351\.2002"):
        ArchivesAtlas(tmp_path)


def test_duplicate_probe(archive, tmp_path):
    archive.edit("Probes.csv", "\n12,", "\n11,")
    with pytest.raises(ArchiveError, match=rf"{DONOR}Probes\.csv in .*: probe_id 11 occurs more than once"):
        ArchivesAtlas(archive.unpack(tmp_path))


def test_donors_with_different_probes(new_archive, tmp_path):
    other = new_archive(10021)
    other.edit("Probes.csv", "\n12,", "\n99,")
    other.unpack(tmp_path)
    new_archive(9861).unpack(tmp_path)
    expected = r"donors H0351\.2001 \(9861\) and H0351\.2002 \(10021\) have different probes \(2 are in .* such as 12\)"
    with pytest.raises(ArchiveError, match=expected):
        ArchivesAtlas(tmp_path)


def test_donors_that_disagree_about_the_gene_of_a_probe(new_archive, tmp_path):
    other = new_archive(10021)
    header, *rows = other.files["Probes.csv"].splitlines(keepends=True)
    other.files["Probes.csv"] = b"".join([header, *reversed(rows)])  # compared by id, not by place
    other.edit("Probes.csv", '"NA"', '"TAC1"')
    other.unpack(tmp_path)
    new_archive(9861).unpack(tmp_path)
    expected = (
        r"probe 12 is of gene 'NA' in Probes\.csv of donor H0351\.2001 \(9861\), and of gene 'TAC1' in that of donor "
        r"H0351\.2002 \(10021\); take both archives from the same release"
    )
    with pytest.raises(ArchiveError, match=expected):
        ArchivesAtlas(tmp_path)


def test_donors_may_describe_a_probe_differently(new_archive, tmp_path):
    other = new_archive(10021)
    other.edit("Probes.csv", '"x, y"', '"another name"')
    other.unpack(tmp_path)
    new_archive(9861).unpack(tmp_path)
    assert len(ArchivesAtlas(tmp_path).donors) == 2


@pytest.mark.parametrize("cell", ["", "x", "NA", "nan", "-inf"])
def test_cell_that_is_no_number(archive, tmp_path, cell):
    _edit_expression(archive, 1, 3, cell)
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    expected = (
        rf"{DONOR}MicroarrayExpression\.csv in .*, row 2 \(probe 12\), column 4 \(well 986102\) is '?{cell}'?, where"
    )
    with pytest.raises(ArchiveError, match=expected):
        atlas.levels()


def test_number_of_columns_against_samples(archive, tmp_path):
    archive.files["SampleAnnot.csv"] = b"".join(archive.files["SampleAnnot.csv"].splitlines(keepends=True)[:-1])
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    expected = rf"{DONOR}Micro.*, row 1 \(probe 11\): 4 levels, but SampleAnnot\.csv has 3 samples"
    with pytest.raises(ArchiveError, match=expected):
        atlas.levels()


def test_expression_cut_short_within_a_row(archive, tmp_path):
    content = archive.files["MicroarrayExpression.csv"]
    archive.files["MicroarrayExpression.csv"] = content[: content.rindex(b",")]
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    with pytest.raises(ArchiveError, match=r"row 3 \(probe 13\): 3 levels, but SampleAnnot\.csv has 4 samples"):
        atlas.levels()


def test_expression_cut_short_between_rows(archive, tmp_path):
    content = archive.files["MicroarrayExpression.csv"]
    archive.files["MicroarrayExpression.csv"] = content[: content.index(b"\n13,")]
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    with pytest.raises(
        ArchiveError, match=r"has 2 rows, but Probes\.csv has 3 probes \(the first without a row is 13\)"
    ):
        atlas.levels()


def test_empty_expression(archive, tmp_path):
    archive.files["MicroarrayExpression.csv"] = b""
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    with pytest.raises(ArchiveError, match=rf"{DONOR}Micro.* is empty, but Probes\.csv has 3 probes"):
        atlas.levels()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("99", r"row 2: probe 99 is not in Probes\.csv"),
        ("11", r"row 2: probe 11 occurs more than once"),
        ("P_12", r"row 2, column 1 is 'P_12', where a probe id is needed"),
        ("", r"row 2, column 1 is '', where a probe id is needed"),
        ("99999999999999999999", r"Micro.*: .*invalid value"),  # no 64-bit integer: the parser's own words
    ],
)
def test_rows_against_probes(archive, tmp_path, cell, expected):
    _edit_expression(archive, 1, 0, cell)
    atlas = ArchivesAtlas(archive.unpack(tmp_path))
    with pytest.raises(ArchiveError, match=f"{DONOR}.*{expected}"):
        atlas.levels()


def test_file_that_goes_away_after_opening(archive, tmp_path):
    path = archive.unpack(tmp_path)
    atlas = ArchivesAtlas(path)
    (path / "MicroarrayExpression.csv").unlink()
    with pytest.raises(ArchiveError, match=rf"{DONOR}MicroarrayExpression\.csv in .* is missing"):
        atlas.levels()
    with pytest.raises(ArchiveError, match=rf"{DONOR}.* cannot be read any more \(.*No such file"):
        atlas.identity()


def test_file_that_fails_while_it_is_read(archive, tmp_path, monkeypatch):
    path = archive.unpack(tmp_path)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(ArchiveError, match=rf"{DONOR}SampleAnnot\.csv in .* cannot be read \(.*Permission denied"):
        ArchivesAtlas(path)
