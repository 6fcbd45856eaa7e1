"""Columns of the tables: each has a data type and says what it holds."""

from __future__ import annotations

import pytest

from jugex.model import columns
from jugex.model.columns import COLUMN_TYPES, describe_columns
from jugex.pipeline.tables import list_columns

TABLES = {
    "results": [*columns.RESULT_COLUMNS, *columns.PROBE_COLUMNS, *columns.TAIL_COLUMNS],
    "omnibus": list_columns(3, by_probe=True),
    "pairs": columns.PAIRS_COLUMNS,
    "left_out": columns.LEFT_OUT_COLUMNS,
    "samples": columns.SAMPLE_COLUMNS,
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_column_is_described_and_typed(kind):
    described = describe_columns(TABLES[kind], adjusted_for="donor and age", regions=["A", "B", "C"], kind=kind)
    assert list(described) == list(TABLES[kind])
    assert all(str(entry["Description"])[-1] in ".?" for entry in described.values())
    assert not any("{" in str(entry["Description"]) for entry in described.values())
    assert [name for name in TABLES[kind] if name not in COLUMN_TYPES and not name.startswith("mean_")] == []


def test_descriptions_name_the_regions_and_what_is_adjusted_for():
    described = describe_columns(["diff", "mean_2", "evidence"], adjusted_for="donor and age", regions=["A", "B"])
    assert described["diff"] == {
        "Description": "Region 1 (A) minus region 2 (B), adjusted for donor and age.", "Units": "z-score",
    }  # fmt: skip
    assert "in B" in str(described["mean_2"]["Description"])
    assert set(described["evidence"]["Levels"]) == {"spatial", "donors", "samples", "none"}


def test_of_gene_sets_no_column_speaks_of_a_gene():
    described = describe_columns(columns.GENE_SET_COLUMNS, regions=["A", "B"], kind="gene_sets")
    assert described["ci_low"]["Units"] == described["diff"]["Units"] == "standard deviation"
    assert not [entry for entry in described.values() if entry.get("Units") == "z-score"]
    texts = {name: f"{entry['Description']} {entry.get('Levels')}" for name, entry in described.items()}
    about_members = {"set", "n_genes", "n_found", "f", "leading_genes"}
    assert {name for name, text in texts.items() if "gene" in text.lower()} == about_members
    assert described["p_donors_fwe"]["Description"] == "p_donors corrected for all sets tested (Holm)."


def test_donors_with_several_regions_are_said_to_have_two_or_more():
    of_pair, of_group = (describe_columns(["n_donors_both"], kind=kind) for kind in ("results", "omnibus"))
    assert "both regions" in str(of_pair["n_donors_both"]["Description"])
    assert "two regions or more" in str(of_group["n_donors_both"]["Description"])


def test_a_gene_is_no_column_that_is_known():
    assert describe_columns(["gene", "MAOA"]).keys() == {"gene"}


def test_the_tables_of_two_regions_and_more():
    assert list_columns(2) == list(columns.RESULT_COLUMNS)
    probes = list_columns(2, by_probe=True, has_tails=True)
    assert probes[:3] == ["gene", *columns.PROBE_COLUMNS]
    assert tuple(probes[-2:]) == columns.TAIL_COLUMNS
    of_four = list_columns(4)
    at = of_four.index("p_fwe_stepdown")
    assert of_four[at + 1 : at + 5] == ["mean_1", "mean_2", "mean_3", "mean_4"]
    assert [column for column in of_four if not column.startswith("mean_") or column == "mean_level"] == list(
        columns.OMNIBUS_COLUMNS
    )
