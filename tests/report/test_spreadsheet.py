"""Results as a spreadsheet: text stays text, numbers are numbers, and the columns are explained."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import zipfile

import pandas as pd
import pytest

import jugex
from jugex import cli
from jugex.errors import OptionError
from jugex.report.spreadsheet import check_spreadsheets, write_spreadsheet

openpyxl = pytest.importorskip("openpyxl")


def test_symbols_stay_text_and_numbers_stay_numbers(tmp_path):
    genes = ["SEPT2", "MARCH1", "=1+1", "1E5", "+4", "@x", "NA", "a\x01b"]
    table = pd.DataFrame(
        {
            "gene": genes,
            "entrez_id": pd.array([1, None, 3, 4, 5, 6, 7, 8], "Int64"),
            "diff": [1.5, None, 2.5, -1e-12, 5.0, 6.0, 7.0, float("inf")],
            "significant": [True, False] * 4,
        }
    )
    described = {"gene": {"Description": "Symbol."}, "significant": {"Description": "x", "Levels": {"TRUE": "yes"}}}
    book = openpyxl.load_workbook(write_spreadsheet({"results": (table, described)}, tmp_path / "r.xlsx"))
    assert book.sheetnames == ["results", "columns"]
    rows = list(book["results"].iter_rows(min_row=2))
    assert [row[0].value for row in rows] == [*genes[:-1], "a b"]
    assert {row[0].data_type for row in rows} == {"s"}
    assert {row[0].number_format for row in rows} == {"@"}
    assert [row[1].value for row in rows] == [1, None, 3, 4, 5, 6, 7, 8]
    assert [row[2].value for row in rows[:4]] == [1.5, None, 2.5, -1e-12]
    assert [row[3].value for row in rows[:2]] == [True, False]
    columns = list(book["columns"].iter_rows(min_row=2, values_only=True))
    assert columns[1][1] == "significant"
    assert columns[1][4] == "TRUE: yes"
    assert rows[-1][2].value == "inf"


@pytest.mark.parametrize("k", [2, 3])
def test_a_run_writes_it_on_request(tmp_path, monkeypatch, k):
    for name in ("write_figures", "write_report"):
        monkeypatch.setattr(f"jugex.report.files.{name}", lambda *_, **__: None)
    regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"][:k]
    options = ["--atlas", "simulated", "--genes", "MAOA,GAD2", "--permutations", "99", "--no-ladder", "--quiet"]
    out = tmp_path / "out"
    assert cli.main(["compare", *regions, *options, "--xlsx", "-o", str(out)]) == 0
    book = openpyxl.load_workbook(out / "results.xlsx")
    files = ["results"] if k == 2 else ["omnibus", "pairs"]
    assert book.sheetnames == [*files, "columns"]
    for name in files:
        table = pd.read_csv(out / f"{name}.tsv", sep="\t", keep_default_na=False)
        header, first, *_ = book[name].iter_rows(values_only=True)
        assert list(header) == list(table)
        assert first[0] == table["gene"][0]
    described = {(row[0], row[1]) for row in book["columns"].iter_rows(min_row=2, values_only=True)}
    assert (files[0], "p_fwe") in described
    assert jugex.read_gene_list(out / "results.xlsx") == ["MAOA", "GAD2"]


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, capsys):
    with pytest.raises(OptionError, match="1,048,575 rows"):
        check_spreadsheets(1_048_576)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == "openpyxl" else found(name, *rest)
    )
    assert cli.main(["compare", "nowhere:A", "nowhere:B", "--xlsx", "-o", str(tmp_path / "out")]) == 1
    assert "a spreadsheet needs openpyxl: run pip install" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("ending", ["tsv", "xlsx"])
def test_libreoffice_reads_what_was_written(tmp_path, ending):
    result = jugex.compare(
        "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=99, rng=0, ladder=False
    )
    result.save(tmp_path / "out", xlsx=True)
    tabs = ["--infilter=Text - txt - csv (StarCalc):9,34,76,1"] if ending == "tsv" else []
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", *tabs, "--convert-to",
         "ods", "--outdir", str(tmp_path), str(tmp_path / "out" / f"results.{ending}")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    content = zipfile.ZipFile(tmp_path / "results.ods").read("content.xml").decode()
    row = content[content.index(">MAOA<") :]
    row = row[: row.index("</table:table-row>")]
    kinds = re.findall(r'office:value-type="(\w+)"', row)
    written = result.table.set_index("gene").loc["MAOA"]
    assert kinds[:4] == ["float", "string", "float", "float"]  # id, higher in, difference, interval
    value = str(bool(written["significant"])).upper()
    assert "boolean" in kinds or f"of:={value}()" in row  # as it takes it from xlsx
    assert float(re.findall(r'office:value="([^"]+)"', row)[1]) == pytest.approx(written["diff"])
