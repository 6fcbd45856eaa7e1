"""The difference in each hemisphere, which is descriptive."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis.hemispheres import HEMISPHERE_COLUMNS
from jugex.errors import GeneError, JugexWarning, ResultError
from jugex.workflow import compare
from tests.toy import ToyAtlas, wells

#: Both regions have samples on both sides in donor 1 alone; donor 2 has both on the left, donor 3 one on each.
ONE = wells("one", 1000, 1001, 1004, 1005, 2000, 2001, 3000)
TWO = wells("two", 1002, 1003, 1006, 1007, 2002, 3001)
X = {1000: -5, 1001: -5, 1002: -5, 1003: -5, 1004: 5, 1005: 5, 1006: 5, 1007: 0,
     2000: -5, 2001: -5, 2002: -5, 3000: -5, 3001: 5}  # fmt: skip


@pytest.fixture
def atlas():
    atlas = ToyAtlas([9, 5, 4], ["MAOA", "TAC1", "GRIA2"])
    atlas.samples["mni_x"] = atlas.samples["well_id"].map(X).fillna(1.0).astype(float)
    return atlas


def analyse(atlas, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        return compare(ONE, TWO, atlas=atlas, n_permutations=99, rng=0, **options)


def test_sides_are_told_by_the_sign_of_x(atlas):
    table = analyse(atlas).by_hemisphere("TAC1")
    assert tuple(table.columns) == HEMISPHERE_COLUMNS
    assert table["hemisphere"].tolist() == ["left", "midline", "right"]
    assert table["n_samples_1"].tolist() == [5, 0, 2]
    assert table["n_samples_2"].tolist() == [3, 1, 2]
    assert table["n_donors"].tolist() == [2, 0, 1]


def test_the_difference_is_adjusted_for_donor_within_the_side(atlas):
    result = analyse(atlas)
    table = result.by_hemisphere(["TAC1", "MAOA"]).set_index(["gene", "hemisphere"])["diff"]
    z = result.zscores.set_axis(result.samples["well_id"], axis=0)
    for gene in ("MAOA", "TAC1"):
        of = z[gene]
        of_first = of[[1000, 1001]].mean() - of[[1002, 1003]].mean()
        of_second = of[[2000, 2001]].mean() - of[2002]
        left = (of_first * 1 + of_second * 2 / 3) / (1 + 2 / 3)  # weights n_1 n_2 / n
        assert table[gene, "left"] == pytest.approx(left)
        assert table[gene, "right"] == pytest.approx(of[[1004, 1005]].mean() - of[1006])
        assert np.isnan(table[gene, "midline"])


def test_genes_come_in_the_order_of_the_table_and_no_p_with_them(atlas):
    result = analyse(atlas)
    table = result.by_hemisphere()
    assert table["gene"].drop_duplicates().tolist() == result.table["gene"].tolist()
    assert not [column for column in table if column.startswith(("p_", "q_"))]
    assert "only two were sampled in the right hemisphere" in table.attrs["note"]
    assert "no p-values" in table.attrs["note"]


def test_mirrored_samples_are_where_they_were_taken(atlas, tmp_path, monkeypatch):
    result = analyse(atlas, mirror="left")
    assert (result.samples["mni_x"] <= 0).all()
    order = ["gene", "hemisphere"]
    found, expected = (of.by_hemisphere().sort_values(order, ignore_index=True) for of in (result, analyse(atlas)))
    pd.testing.assert_frame_equal(found, expected)
    monkeypatch.setattr("jugex.report.html.render_report", lambda *arguments: "")
    loaded = jugex.load_result(result.save(tmp_path / "out"))
    with pytest.raises(ResultError, match="samples were mirrored, and a result read from disk does not tell in which"):
        loaded.by_hemisphere()


def test_a_result_read_from_disk_says_the_same(atlas, tmp_path, monkeypatch):
    monkeypatch.setattr("jugex.report.html.render_report", lambda *arguments: "")
    result = analyse(atlas)
    loaded = jugex.load_result(result.save(tmp_path / "out"))
    pd.testing.assert_frame_equal(loaded.by_hemisphere(), result.by_hemisphere(), rtol=1e-8)  # ten digits are saved


def test_probes_by_themselves_keep_their_names(atlas):
    result = analyse(atlas, probes="single")
    table = result.by_hemisphere(result.labels.iloc[0])
    assert table.columns[:3].tolist() == ["gene", "probe_id", "probe_name"]
    assert table["probe_name"].nunique() == 1


def test_a_gene_that_is_not_there_is_refused(atlas):
    with pytest.raises(GeneError, match="gene 'XYZ' is not in this result"):
        analyse(atlas).by_hemisphere("XYZ")
