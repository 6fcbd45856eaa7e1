"""Tables of expression as tools write them: each is read as what it holds, or named."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

import jugex
from jugex.atlas import atlas_from_tables
from jugex.errors import AtlasError, AtlasNotFoundError, AtlasWarning
from tests.atlas.user_data import make_expression, make_probes, make_samples

SAMPLES = make_samples()
EXPRESSION = make_expression().drop(columns="GAD2")  # genes that have all their values
IDS = list(SAMPLES["sample_id"])


def write_lines(header, *, separator="\t", decimal=".", before=(), after=(), extra=()):
    """Text of a matrix, genes x samples; `extra` cells stand behind each gene's name."""
    rows = [
        separator.join([gene, *cells, *(str(value).replace(".", decimal) for value in EXPRESSION[gene])])
        for gene, cells in zip(EXPRESSION, extra or [()] * 3, strict=True)
    ]
    return "\n".join([*before, separator.join(header), *rows, *after]) + "\n"


MATRICES = {
    "expression.csv": write_lines(["gene", *IDS], separator=","),
    "semicolons.csv": write_lines(["gene", *IDS], separator=";"),
    "decimal_commas.csv": write_lines(["", *IDS], separator=";", decimal=","),
    "short_header.tsv": write_lines(IDS),
    "short_header.csv": write_lines([f'"{text}"' for text in IDS], separator=","),
    "gct_1_2.gct": write_lines(
        ["Name", "Description", *IDS],
        before=["#1.2", f"3\t{len(IDS)}"],
        extra=[("monoamine oxidase A",), ("tachykinin",), ("na",)],
    ),
    "gct_1_3.gct": write_lines(
        ["id", "start", "pr_gene_symbol", *IDS],
        before=["#1.3", f"3\t{len(IDS)}\t2\t1"],
        extra=[("1", "MAOA"), ("2", "TAC1"), ("3", "na")],
    ).replace("\nMAOA\t", "\ntissue\tNA\tNA" + "\tbrain" * len(IDS) + "\nMAOA\t", 1),
    "GSE1_series_matrix.txt": write_lines(
        [f'"{text}"' for text in ["ID_REF", *IDS]],
        before=['!Series_title\t"x, y"', '!Sample_title\t"a"\t"b"', "!series_matrix_table_begin"],
        after=["!series_matrix_table_end"],
    ),
    "featureCounts.txt": write_lines(
        ["Geneid", "Chr", "Start", "End", "Strand", "Length", *IDS],
        before=['# Program:featureCounts v2.0.1; Command:"featureCounts" "-a"'],
        extra=[("X;X", "1;3", "2;4", "+;+", "4"), ("7", "1", "9", "-", "9"), ("6", "1", "5", "-", "5")],
    ),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("is_gzipped", [False, True])
def test_holds_what_a_plain_table_holds(tmp_path, name, is_gzipped):
    path = tmp_path / f"{name}{'.gz' if is_gzipped else ''}"
    content = MATRICES[name].encode()
    path.write_bytes(gzip.compress(content) if is_gzipped else content)
    atlas = atlas_from_tables(SAMPLES, path)
    expected = atlas_from_tables(SAMPLES, EXPRESSION)
    np.testing.assert_array_equal(atlas.levels(), expected.levels())
    assert atlas.probes["gene"].tolist() == ["MAOA", "TAC1", "CNR1"]
    assert atlas.samples.equals(expected.samples)


def test_symbols_of_a_gct_file_are_its_genes(tmp_path):
    text = MATRICES["gct_1_2.gct"].replace("monoamine oxidase A", "A").replace("tachykinin", "B")
    (tmp_path / "e.gct").write_text(text)
    atlas = atlas_from_tables(SAMPLES, tmp_path / "e.gct")
    assert atlas.probes["probe_name"].tolist() == ["MAOA", "TAC1", "CNR1"]
    assert atlas.probes["gene"].tolist() == ["A", "B", "CNR1"]  # one without a symbol keeps its name


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("gct_1_2.gct", ("\t16\n", "\tmany\n"), "begins as a GCT file, but its second line does not give its size"),
        ("gct_1_2.gct", ("\t16\n", "\t15\n"), "a GCT file of 15 samples by its second line, but its header has 18"),
        ("GSE1_series_matrix.txt", ("!series_matrix_table_end\n", ""), "ends within its table; download it again"),
        ("GSE1_series_matrix.txt", ("!series_matrix_table_begin", "!x"), "without a table of values"),
        ("expression.csv", ("MAOA,12.346", "MAOA,12.3x"), r"row 's0', column 'MAOA' is '12\.3x'"),
    ],
)
def test_what_is_damaged_is_named(tmp_path, name, change, message):
    assert change[0] in MATRICES[name]
    (tmp_path / name).write_text(MATRICES[name].replace(*change))
    with pytest.raises(AtlasError, match=message):
        atlas_from_tables(SAMPLES, tmp_path / name)


def test_a_matrix_without_a_header_is_named(tmp_path):
    lines = [f"{number}," + ",".join(map(str, EXPRESSION[gene])) for number, gene in enumerate(EXPRESSION, start=1)]
    (tmp_path / "expression_matrix.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(AtlasError, match="it seems to have no header, as BrainSpan's"):
        atlas_from_tables(SAMPLES, tmp_path / "expression_matrix.csv")


class TestFolder:
    """A folder of the user's tables, as --atlas and open_atlas take it."""

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "mine"
        folder.mkdir()
        SAMPLES.to_csv(folder / "samples.tsv", sep="\t", index=False)
        (folder / "Expression.csv").write_text(MATRICES["expression.csv"])
        (folder / "notes.txt").write_text("mine")
        return folder

    def test_is_an_atlas(self, folder):
        atlas = jugex.open_atlas(folder, donors=["D1"])
        assert (atlas.name, atlas.donors["donor_name"].tolist()) == ("mine", ["D1"])
        source = atlas.identity().source
        assert (source.kind, source.path) == ("tables", str(folder))
        whole = jugex.open_atlas(str(folder))
        np.testing.assert_array_equal(whole.levels(), atlas_from_tables(SAMPLES, EXPRESSION).levels())

    def test_probes_and_donors_are_read_where_they_are_there(self, folder):
        make_expression().set_axis(["p_a", "p_b", "p_c", "p_d"], axis=1).to_parquet(folder / "expression.parquet")
        (folder / "Expression.csv").unlink()
        make_probes().to_csv(folder / "probes.csv", index=False)
        (folder / "donors.csv").write_text("donor_name,age\nD1,40\nD2,50\n")
        atlas = jugex.open_atlas(folder)
        assert atlas.probes["gene"].tolist() == ["MAOA", "MAOA", "NA", "TAC1"]
        assert atlas.donors["age"].tolist() == [50, 40]

    def test_counts_are_counts(self, folder):
        (folder / "Expression.csv").unlink()
        (2**EXPRESSION).round().T.to_csv(folder / "counts.csv")
        with pytest.warns(AtlasWarning, match="counts of 3 genes"):
            atlas = jugex.open_atlas(folder)
        assert atlas.identity().source.scale == "log2-counts"

    def test_two_files_of_one_kind(self, folder):
        (folder / "expression.tsv").write_text("x")
        with pytest.raises(AtlasError, match=r"has both Expression\.csv and expression\.tsv; keep one"):
            jugex.open_atlas(folder)
        (folder / "expression.tsv").rename(folder / "counts.tsv")
        with pytest.raises(AtlasError, match=r"has both Expression\.csv and counts\.tsv; keep one"):
            jugex.open_atlas(folder)

    def test_samples_alone_are_no_atlas(self, folder):
        (folder / "Expression.csv").unlink()
        with pytest.raises(AtlasNotFoundError, match=r"samples\.csv and expression\.csv"):
            jugex.open_atlas(folder)
