"""Atlases derived from another: other coordinates, mirrored samples, re-annotated probes."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas import coordinates_report
from jugex.atlas.annotation import read_coordinates
from jugex.atlas.identity import AtlasChanges, AtlasIdentity, MirrorRecord
from jugex.errors import AtlasError, AtlasWarning, GeneWarning, OptionError
from jugex.genes import select_genes
from tests.toy import ToyAtlas

GENES = ["MAOA", "TAC1", "MAOA", "GRIA2"]


class AtlasWithCalls(ToyAtlas):
    """Toy atlas in which the calls are those levels that are above 5."""

    def _has_calls_of(self, donor_names):
        return True

    def _read_calls(self, sample_rows, probe_rows):
        return self._read_levels(sample_rows, probe_rows) > 5


@pytest.fixture
def atlas():
    return AtlasWithCalls([6, 5, 4], GENES)


@pytest.fixture
def table(atlas):
    """Coordinates of the atlas's wells, all 10 mm to the left, and of one well more."""
    moved = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=lambda t: t["mni_x"] - 10.0)
    return pd.concat([moved, pd.DataFrame([{"well_id": 9, "mni_x": 0.0, "mni_y": 0.0, "mni_z": 0.0}])])


def test_a_view_reads_the_right_rows_and_keeps_the_standardisation(atlas):
    view = atlas.with_donors(["H0351.1009"])
    np.testing.assert_array_equal(view.levels(probe_ids=[13, 10]), atlas.values[11:][:, [3, 0]])
    np.testing.assert_array_equal(view.zscores(), atlas.zscores(well_ids=view.samples["well_id"]))
    np.testing.assert_array_equal(view.present(), atlas.present(well_ids=view.samples["well_id"]))
    assert view.has_calls
    assert view.donors["donor_name"].tolist() == ["H0351.1009"]


def test_views_of_views_keep_all_records(atlas, table, tmp_path):
    path = tmp_path / "probes.csv"
    path.write_text("probe_name,gene_symbol,entrez_id\nprobe 2,NEW,1\nprobe 3,GRIA2,\n")
    view = atlas.with_coordinates(table).mirrored("left").reannotated(path).with_donors([10021, 12876])
    identity = view.identity()
    assert (identity.n_samples, identity.n_probes) == (9, 2)
    assert None not in (identity.changes.coordinates, identity.changes.mirror, identity.changes.reannotation)
    assert AtlasIdentity.from_dict(json.loads(json.dumps(identity.to_dict()))) == identity
    np.testing.assert_array_equal(view.levels(), atlas.values[6:, 2:])
    np.testing.assert_array_equal(view.samples["mni_x"], -np.abs(atlas.samples["mni_x"][6:] - 10))


class TestCoordinates:
    def test_samples_move_and_nothing_else_changes(self, atlas, table):
        view = atlas.with_coordinates(table.sample(frac=1, random_state=0))
        np.testing.assert_array_equal(view.samples["mni_x"], atlas.samples["mni_x"] - 10)
        columns = ["well_id", "donor_name", "sample", "structure_id", "mni_y"]
        pd.testing.assert_frame_equal(view.samples[columns], atlas.samples[columns])
        np.testing.assert_array_equal(view.levels(), atlas.levels())
        assert atlas.samples["mni_x"].max() == 14  # the atlas itself is left alone

    def test_samples_that_the_table_lacks_are_left_out_with_a_warning(self, atlas, table):
        with pytest.warns(AtlasWarning, match="2 of 15 samples of toy atlas have no coordinates in the given table"):
            view = atlas.with_coordinates(table[~table["well_id"].isin([1000, 2004])])
        assert len(view.samples) == 13
        assert view.changes.coordinates.n_dropped == 2
        np.testing.assert_array_equal(view.zscores(), atlas.zscores(well_ids=view.samples["well_id"]))

    def test_a_well_with_an_empty_coordinate_counts_as_missing(self, atlas, table):
        table.iloc[3, 2] = np.nan
        with pytest.warns(AtlasWarning, match="1 of 15 samples"):
            assert 1003 not in atlas.with_coordinates(table).samples["well_id"].tolist()

    @pytest.mark.parametrize(
        "columns",
        [
            ("mni_x", "mni_y", "mni_z"),
            ("corrected_mni_x", "corrected_mni_y", "corrected_mni_z"),
            ("mni_nlin_x", "mni_nlin_y", "mni_nlin_z"),
        ],
        ids=["own", "alleninf", "Devenyi"],
    )
    @pytest.mark.parametrize("separator", [",", "\t"])
    def test_files_as_published(self, atlas, table, tmp_path, columns, separator):
        path = tmp_path / "coordinates.csv"
        renamed = table.rename(columns=dict(zip(("mni_x", "mni_y", "mni_z"), columns, strict=True)))
        renamed.assign(structure_name="gyrus, left").to_csv(path, index=False, sep=separator)
        view = atlas.with_coordinates(path)
        np.testing.assert_array_equal(view.samples["mni_x"], atlas.samples["mni_x"] - 10)
        recorded = view.identity().to_dict()["coordinates"]
        assert recorded["columns"] == list(columns)
        assert recorded["files"] == [
            {
                "file": str(path),
                "bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        ]

    def test_recomputed_coordinates_come_before_the_original_beside_them(self, table, tmp_path):
        path = tmp_path / "H0351.2001_SampleAnnot.csv"
        table.assign(mni_nlin_x=1.0, mni_nlin_y=2.0, mni_nlin_z=3.0).to_csv(path, index=False)
        assert (read_coordinates(path).table.to_numpy() == [1.0, 2.0, 3.0]).all()

    def test_files_of_several_donors_are_one_table(self, atlas, table, tmp_path):
        table[table["well_id"] < 2000].to_csv(tmp_path / "a.csv", index=False)
        table[table["well_id"] >= 2000].to_csv(tmp_path / "b.tsv", index=False, sep="\t")
        (tmp_path / "readme.txt").write_text("not a table")
        folder, files = read_coordinates(tmp_path), read_coordinates([tmp_path / "a.csv", tmp_path / "b.tsv"])
        pd.testing.assert_frame_equal(folder.table, files.table)
        assert len(folder.files) == 2
        assert len(atlas.with_coordinates(tmp_path).samples) == 15

    def test_gzipped_file(self, table, tmp_path):
        path = tmp_path / "c.csv.gz"
        path.write_bytes(gzip.compress(table.to_csv(index=False).encode()))
        assert len(read_coordinates(path).table) == 16

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("well_id,x,y,z\n1,2,3,4\n", "has the columns well_id, x, y, z; needed are well_id and mni_x"),
            ("mni_nlin_x,mni_nlin_y,mni_nlin_z\n1,2,3\n", "needed are well_id"),
            ("well_id,mni_x,mni_y,mni_z\n1,2,3,four\n", "row 1: mni_z is 'four', where a number"),
            ("well_id,mni_x,mni_y,mni_z\n1.5,2,3,4\n", "well_id 1.5 is not a whole number"),
            ("well_id,mni_x,mni_y,mni_z\n1,2,3,inf\n", r"well 1 lies at \(2, 3, inf\), outside any brain"),
            ("well_id,mni_x,mni_y,mni_z\n1,2,3,4\n1,2,3,5\n", "well 1 has two coordinates"),
            ("well_id,mni_x,mni_y,mni_z\n1,181,3,4\n", r"well 1 lies at \(181, 3, 4\), outside any brain"),
            ("well_id,mni_x,mni_y,mni_z\n1,2,3\n", "row 1 below the header: 3 values"),
        ],
    )
    def test_tables_that_cannot_be_used(self, tmp_path, text, message):
        path = tmp_path / "c.csv"
        path.write_text(text)
        with pytest.raises(AtlasError, match=message):
            read_coordinates(path)

    def test_no_table_at_all(self, tmp_path):
        with pytest.raises(AtlasError, match=r"table of coordinates .*none\.csv does not exist"):
            read_coordinates(tmp_path / "none.csv")
        with pytest.raises(AtlasError, match="no table of coordinates in"):
            read_coordinates(tmp_path)

    def test_a_table_of_other_wells_is_refused(self, atlas, table):
        with pytest.raises(AtlasError, match="none of the wells in the table of coordinates is in toy atlas"):
            atlas.with_coordinates(table.assign(well_id=table["well_id"] + 10**6))


class TestReport:
    def test_counts_who_comes_and_goes_and_how_far(self, atlas, table):
        """Toy samples lie at x = 0, 1, ..., 14; the table moves them by 10 mm."""
        ball = jugex.Region.sphere((2, 0.5, -1), 2.1, name="ball")  # holds x = 0 to 4, then x = 10 to 14
        report = coordinates_report(atlas, table.iloc[1:], regions=[ball]).set_index("region")
        assert report.loc["ball"].to_dict() == {
            "n_samples": 5, "n_samples_other": 5, "n_gained": 5, "n_lost": 5, "n_without": 1,
            "distance_median": 10.0, "distance_max": 10.0,
        }  # fmt: skip
        assert report.loc["all samples", ["n_samples", "n_samples_other", "n_lost"]].tolist() == [15, 14, 1]

    def test_takes_another_atlas(self, atlas, table):
        view = atlas.with_coordinates(table)
        pd.testing.assert_frame_equal(coordinates_report(atlas, view), coordinates_report(atlas, table))

    def test_a_region_without_samples_has_no_distance(self, atlas, table):
        far = jugex.Region.sphere((60, 0, 0), 5, name="far")
        report = coordinates_report(atlas, table, regions=[far])
        assert np.isnan(report.loc[1, ["distance_median", "distance_max"]].astype(float)).all()

    def test_other_wells_are_refused(self, atlas, table):
        with pytest.raises(AtlasError, match="none of the wells"):
            coordinates_report(atlas, table.assign(well_id=-table["well_id"]))


class TestMirror:
    @pytest.fixture
    def atlas(self):
        atlas = ToyAtlas([6, 5, 4], GENES)
        atlas.samples["mni_x"] -= 4.0  # x = -4 to 10, one at 0
        return atlas

    @pytest.mark.parametrize(("side", "n_reflected"), [("left", 10), ("right", 4)])
    def test_all_samples_in_one_hemisphere_each_once(self, atlas, side, n_reflected):
        view = atlas.mirrored(side)
        assert view.samples["well_id"].is_unique
        assert len(view.samples) == len(atlas.samples)
        assert ((view.samples["mni_x"] <= 0) if side == "left" else (view.samples["mni_x"] >= 0)).all()
        np.testing.assert_array_equal(view.samples["mni_x"].abs(), atlas.samples["mni_x"].abs())
        assert view.changes == AtlasChanges(mirror=MirrorRecord(side, n_reflected))
        assert atlas.samples["mni_x"].max() == 10

    def test_zero_has_no_sign(self, atlas):
        assert not np.signbit(atlas.mirrored("right").samples["mni_x"]).any()

    def test_other_coordinates_undo_it(self, atlas, table):
        view = atlas.mirrored("left").with_coordinates(table)
        assert view.changes.mirror is None
        assert view.samples["mni_x"].tolist() == table["mni_x"][:-1].tolist()
        assert view.mirrored("right").changes.mirror.n_reflected == (view.samples["mni_x"] < 0).sum()

    def test_other_sides_are_refused(self, atlas):
        with pytest.raises(OptionError, match="mirror must be one of left, right; got 'both'"):
            atlas.mirrored("both")


class TestReannotation:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "reannotated.csv"
        path.write_text(
            "probe_name,gene_symbol,entrez_id\nprobe 3,MAOA,104\nprobe 0,MAO-A,104.0\nprobe 1,,\nother,X,9\n"
        )
        return path

    def test_probes_measure_what_the_table_says_and_the_others_are_dropped(self, atlas, path):
        view = atlas.reannotated(path)
        assert view.probes["probe_name"].tolist() == ["probe 0", "probe 3"]
        assert view.probes["gene"].tolist() == ["MAO-A", "MAOA"]
        assert view.probes["entrez_id"].tolist() == [104, 104]
        assert view.probes["entrez_id"].dtype == "Int64"
        np.testing.assert_array_equal(view.levels(probe_ids=[13]), atlas.values[:, [3]])
        assert view.identity().to_dict()["reannotation"] == {
            "file": str(path), "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "n_probes": 2, "n_dropped": 2, "n_changed": 2, "n_several_genes": 0,
        }  # fmt: skip
        assert list(view.genes) == ["MAO-A", "MAOA"]

    @pytest.mark.parametrize("cell", ["MAOA///TAC1", "MAOA /// TAC1", "MAOA;TAC1", "MAOA, TAC1"])
    def test_a_probe_of_several_genes_is_left_out_and_counted(self, atlas, cell):
        table = pd.DataFrame(
            {
                "probe_name": ["probe 0", "probe 1", "probe 3", "other"],
                "gene_symbol": [cell, "TAC1;TAC1", "MAOA", cell],
                "entrez_id": ["4128;6863", "6863;6863", "4128.0", "4128;6863"],
            }
        )
        with pytest.warns(AtlasWarning, match="1 probe left out, because each measures several genes"):
            view = atlas.reannotated(table)
        assert view.probes["gene"].tolist() == ["TAC1", "MAOA"]
        assert view.probes["entrez_id"].tolist() == [6863, 4128]
        identity = view.identity()
        assert identity.changes.reannotation.n_several_genes == 1
        assert AtlasIdentity.from_dict(identity.to_dict()) == identity

    def test_an_old_symbol_finds_the_gene_with_its_entrez_id(self, atlas, tmp_path):
        path = tmp_path / "r.csv"
        path.write_text("probe_name,gene_symbol,entrez_id\nprobe 1,TACNEW,104\nprobe 3,OTHER,7\n")
        with pytest.warns(GeneWarning):
            selection = select_genes(["TAC1", "GRIA2"], atlas.reannotated(path).genes)
        assert [entry.outcome for entry in selection.ledger] == ["renamed", "no probe in the atlas"]
        assert selection.ledger[0].gene == "TACNEW"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("probe_name,gene\nprobe 1,MAOA\n", "needed are probe_name, gene_symbol and entrez_id"),
            ("probe_name,gene_symbol,entrez_id\nprobe 1,A,1\nprobe 1,B,2\n", "gives probe probe 1 two genes"),
            ("probe_name,gene_symbol,entrez_id\nprobe 1,A,x1\n", "row 1: entrez_id is 'x1', where a number"),
            (
                "probe_name,gene_symbol,entrez_id\nA_23_P1,A,1\n",
                r"none of the probes of the re-annotation table .*r\.csv is in toy atlas; .* such as probe 0",
            ),
        ],
    )
    def test_tables_that_cannot_be_used(self, atlas, tmp_path, text, message):
        path = tmp_path / "r.csv"
        path.write_text(text)
        with pytest.raises(AtlasError, match=message):
            atlas.reannotated(path)


def test_real_samples_mirrored(shared_data):
    """Of the real donors only the first two have samples on the right: 400-odd each, the others a few near x = 0."""
    atlas = jugex.open_atlas(shared_data / "ahba-mini")
    view = atlas.mirrored("left")
    assert len(view.samples) == len(atlas.samples) == 3702
    assert (view.samples["mni_x"] <= 0).all()
    is_right = atlas.samples["mni_x"] > 0
    assert view.changes.mirror.n_reflected == is_right.sum()
    of_first_two = atlas.samples.loc[is_right, "donor_name"].isin(["H0351.2001", "H0351.2002"])
    assert of_first_two.mean() > 0.9
