"""``jugex sensitivity``: what it prints, and what it writes."""

from __future__ import annotations

import pandas as pd
import pytest

import jugex
from jugex import cli
from jugex.errors import OptionError
from jugex.plots import plot_sensitivity

WORDS = ["sensitivity", "simulated:A", "simulated:B", "--atlas", "simulated", "--permutations", "999", "--quiet"]


def test_writes_table_figure_and_report_and_prints_what_changes(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--genes", "MAOA,GAD2", "--thresholds", "0.2,0.99", "--try-probes", "median", "--no-ladder", "-o", "out"]
    assert cli.main([*WORDS, *options]) == 0
    printed = capsys.readouterr().out
    table = pd.read_csv("out/sensitivity.tsv", sep="\t")
    assert table["is_headline"].sum() == 2
    assert "threshold 0.99" in printed
    assert "impossible" in printed  # why there is no test
    assert set(table["varied"].dropna()) == {"statistic", "exchange", "overlap", "threshold", "probes", "covariates"}
    assert "sensitivity" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "figures" / "sensitivity.svg").exists()
    assert jugex.load_result("out").record.command.startswith("jugex sensitivity simulated:A")


@pytest.mark.parametrize(
    ("words", "said"), [(["--thresholds", "0.2,x"], "not a number"), (["--try-coordinates", "x"], "OLD=NEW")]
)
def test_refuses_what_it_cannot_read(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*WORDS, "-o", "out", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def make_table():
    """Two genes under three choices; gene B has no test under the last one."""
    return pd.DataFrame(
        {
            "gene": ["A", "B"] * 3,
            "statistic": ["adjusted"] * 2 + ["welch"] * 2 + ["adjusted"] * 2,
            "threshold": [0.2] * 4 + [0.4] * 2,
            "is_headline": [True, True, False, False, False, False],
            "varied": ["", "", "statistic", "statistic", "threshold", "threshold"],
            "p_fwe": [0.01, 0.2, 0.04, 0.3, 0.06, None],
            "significant": [True, False, True, False, False, False],
        }
    )


def test_the_figure_has_a_cell_for_each_gene_and_choice():
    ax = plot_sensitivity(make_table())
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "as in the result",
        "statistic welch",
        "threshold 0.4",
    ]
    assert [text.get_text() for text in ax.texts] == ["0.0100", "0.2000", "0.0400", "0.3000", "0.0600", ""]
    shades = [collection.get_facecolor()[0].tolist() for collection in ax.collections[:6]]
    assert shades[0] == shades[2]
    assert shades[0] not in (shades[1], shades[3], shades[4], shades[5])
    assert shades[5] != shades[4]
    assert [label.get_text() for label in plot_sensitivity(make_table(), genes=["B"]).get_xticklabels()] == ["B"]
    with pytest.raises(OptionError, match="got 'C'"):
        plot_sensitivity(make_table(), genes=["C"])
