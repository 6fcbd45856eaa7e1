"""Queries by Entrez id and alias, in derived atlases, and with the filter on present calls."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.cli import main
from jugex.errors import AtlasError, AtlasWarning, DesignWarning, GeneError, GeneWarning, OptionError
from jugex.genes import LedgerEntry
from jugex.query import expressions, region_pair
from jugex.report.methods import compose_methods
from tests.toy import ToyAtlas, wells

GENES = ["MAOA", "TAC1", "MAOA", "GRIA2"]
A, B = wells("a", 1000, 1001, 2000), wells("b", 1002, 1003, 2001)


class AtlasWithCalls(ToyAtlas):
    """Toy atlas whose calls are given: samples x probes."""

    has_calls = True

    def __init__(self, calls, genes=GENES):
        super().__init__([6, 5, 4], genes)
        self.calls = np.asarray(calls, dtype=bool)

    def _read_calls(self, sample_rows, probe_rows):
        return self.calls[np.ix_(sample_rows, probe_rows)]


@pytest.fixture
def atlas():
    """Probe 0 is present everywhere, 1 in 3 of 15, 2 nowhere, 3 in the 6 samples of the regions only."""
    atlas = ToyAtlas([6, 5, 4], GENES)
    calls = np.zeros((15, 4), dtype=bool)
    calls[:, 0] = True
    calls[12:, 1] = True
    calls[atlas.samples["well_id"].isin([1000, 1001, 2000, 1002, 1003, 2001]), 3] = True
    return AtlasWithCalls(calls)


@pytest.fixture
def table(atlas, tmp_path):
    path = tmp_path / "coordinates.csv"
    atlas.samples.iloc[1:][["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=-60.0).to_csv(path, index=False)
    return path


class TestGenes:
    def test_entrez_ids_work_where_symbols_do(self):
        by_id = expressions(jugex.demo_regions()[0], [4128, "6863"], atlas="simulated")
        pd.testing.assert_frame_equal(by_id, expressions(jugex.demo_regions()[0], ["MAOA", "TAC1"], atlas="simulated"))

    def test_the_ledger_says_what_became_of_each(self, atlas):
        with pytest.warns(GeneWarning):
            genes = region_pair(A, B, genes=["MAOA", "XXXX"], atlas=atlas).genes
        assert genes.missing == ("XXXX",)
        assert [entry.outcome for entry in genes.ledger] == ["used", "no probe in the atlas"]

    def test_aliases_are_looked_up(self, atlas, tmp_path):
        path = tmp_path / "hgnc.tsv"
        path.write_text("symbol\tprev_symbol\nNEWMAO\tMAOA\n")
        with pytest.warns(GeneWarning, match="MAOA for NEWMAO"):
            pair = region_pair(A, B, genes=["NEWMAO"], atlas=atlas, aliases=path)
        assert pair.probes["gene"].tolist() == ["MAOA", "MAOA"]
        assert pair.genes.aliases.source.file == str(path)


class TestDerivedAtlases:
    def test_coordinates_mirror_and_re_annotation_reach_the_query(self, atlas, table, tmp_path):
        probes = tmp_path / "probes.csv"
        probes.write_text("probe_name,gene_symbol,entrez_id\nprobe 1,NEW,1\n")
        ball = jugex.Region.sphere((60, 0.5, -1), 2, name="ball")
        with pytest.warns(AtlasWarning, match="1 of 15 samples"):
            found = expressions(ball, ["NEW"], atlas=atlas, coordinates=table, mirror="right", reannotation=probes)
        assert len(found) == 14
        assert found["mni_xyz"].iloc[0] == (60.0, 0.5, -1.0)
        np.testing.assert_array_equal(found["level"], atlas.values[1:, 1])

    def test_they_are_recorded(self, atlas, table):
        plain = region_pair(A, B, atlas=atlas).atlas.identity().changes
        assert (plain.coordinates, plain.mirror, plain.reannotation) == (None, None, None)
        with pytest.warns(AtlasWarning):
            pair = region_pair(A, B, atlas=atlas, coordinates=table, mirror="left")
        changes = pair.atlas.identity().changes
        assert changes.coordinates.files[0].file == str(table)
        assert changes.mirror.side == "left"
        assert 1000 not in pair.samples["well_id"].tolist()  # the table lacks it


class TestEntrezFilter:
    """Probes without Entrez id: those of the toy's genes that begin with a question mark."""

    def test_leaves_out_probes_without_an_id(self):
        atlas = ToyAtlas([6, 5, 4], ["MAOA", "?X", "TAC1", "?Y"])
        pair = region_pair(A, B, atlas=atlas, require_entrez=True)
        assert pair.probes["gene"].tolist() == ["MAOA", "TAC1"]
        assert pair.genes.found == ("MAOA", "TAC1")
        np.testing.assert_array_equal(pair.levels, region_pair(A, B, atlas=atlas).levels[:, [0, 2]])
        record = pair.probe_filter
        assert (record.require_entrez, record.min_present) == (True, None)
        assert (record.n_probes, record.n_probes_left_out, record.n_without_entrez) == (4, 2, 2)
        assert record.n_genes_left_out == 2
        pair = region_pair(A, B, atlas=atlas, genes=["MAOA", "?X"], require_entrez=True)
        entry = pair.genes.ledger[1]
        assert (entry.outcome, entry.detail) == ("all probes filtered", "without an Entrez id")

    def test_goes_before_the_filter_on_present_calls(self):
        calls = np.tile([True, True, False, True], (15, 1))
        atlas = AtlasWithCalls(calls, ["MAOA", "?X", "TAC1", "GRIA2"])
        pair = region_pair(A, B, atlas=atlas, require_entrez=True, min_present=0.5)
        assert pair.probes["gene"].tolist() == ["MAOA", "GRIA2"]
        record = pair.probe_filter
        assert (record.n_probes, record.n_probes_left_out, record.n_without_entrez) == (4, 2, 1)

    def test_an_atlas_without_ids_is_refused(self):
        with pytest.raises(AtlasError, match="has no Entrez ids of probes; leave require_entrez"):
            region_pair(A, B, atlas=ToyAtlas([6, 5, 4], ["?X", "?Y"]), require_entrez=True)
        with pytest.raises(OptionError, match="require_entrez must be True or False; got 'yes'"):
            region_pair(A, B, atlas=ToyAtlas([6, 5, 4], ["A"]), require_entrez="yes")

    def test_is_in_the_record_and_the_methods(self):
        atlas = ToyAtlas([6, 5, 4], ["MAOA", "?X", "TAC1"])
        with pytest.warns(DesignWarning, match="no gene can be significant"):  # six samples
            result = jugex.compare(A, B, atlas=atlas, require_entrez=True, probes="max-mean", n_permutations=99, rng=0)
        assert set(result.table["gene"]) == {"MAOA", "TAC1"}
        assert result.record.arguments.require_entrez
        assert result.record.probe_filter.n_without_entrez == 1
        assert "1 without an Entrez id were left out" in compose_methods(result).paragraph


class TestPresentFilter:
    def test_off_by_default(self, atlas):
        pair = region_pair(A, B, atlas=atlas)
        assert len(pair.probes) == 4
        assert pair.probe_filter is None

    @pytest.mark.parametrize(
        ("share", "where", "kept"),
        [(0.0, "all", [0, 1, 2, 3]), (0.2, "all", [0, 1, 3]), (0.21, "all", [0, 3]), (0.4, "all", [0, 3]),
         (0.5, "all", [0]), (1, "all", [0]), (0.5, "regions", [0, 3]), (1.0, "regions", [0, 3])],
    )  # fmt: skip
    def test_probes_present_in_at_least_the_share_stay(self, atlas, share, where, kept):
        pair = region_pair(A, B, atlas=atlas, min_present=share, present_in=where)
        assert (pair.probes["probe_id"] - 10).tolist() == kept
        np.testing.assert_array_equal(pair.levels, region_pair(A, B, atlas=atlas).levels[:, kept])

    def test_genes_without_probes_are_in_the_ledger_and_the_run_goes_on(self, atlas):
        pair = region_pair(A, B, atlas=atlas, genes=["TAC1", "MAOA"], min_present=0.5)
        assert pair.genes.found == ("MAOA",)
        assert pair.genes.ledger[0] == LedgerEntry(
            "TAC1", "TAC1", "all probes filtered", "above background in less than 0.5 of all samples of the atlas",
        )  # fmt: skip
        assert asdict(pair.probe_filter) == {
            "min_present": 0.5, "present_in": "all", "n_samples": 15, "n_probes": 3, "n_probes_left_out": 2,
            "n_genes_left_out": 1, "require_entrez": False, "n_without_entrez": 0,
        }  # fmt: skip

    def test_labels_play_no_part(self, atlas):
        one, other = (
            region_pair(*pair, atlas=atlas, min_present=0.5, present_in="regions") for pair in ((A, B), (B, A))
        )
        assert one.probes.equals(other.probes)

    def test_a_sample_in_both_regions_counts_once(self, atlas):
        atlas.calls[:] = False
        atlas.calls[0] = True  # well 1000, which is in both: 1 of 3 samples, not 2 of 4
        with pytest.warns(jugex.errors.OverlapWarning):
            pair = region_pair(
                wells("a", 1000, 1001), wells("b", 1000, 1002), atlas=atlas, overlap="keep",
                min_present=0.3, present_in="regions",
            )  # fmt: skip
        assert pair.probe_filter.n_samples == 3
        with pytest.warns(jugex.errors.OverlapWarning), pytest.raises(GeneError, match="all probes of"):
            region_pair(
                wells("a", 1000, 1001), wells("b", 1000, 1002), atlas=atlas, overlap="keep",
                min_present=0.4, present_in="regions",
            )  # fmt: skip

    def test_nothing_left_is_refused(self, atlas):
        atlas.calls[:] = False
        with pytest.raises(GeneError, match=r"all probes of MAOA, TAC1, GRIA2 were above background in less than 0\.1"):
            region_pair(A, B, atlas=atlas, min_present=0.1)

    def test_an_atlas_without_calls_is_refused(self):
        with pytest.raises(AtlasError, match="toy atlas has no present/absent calls; take donor archives that hold"):
            region_pair(A, B, atlas=ToyAtlas([6, 5, 4], GENES), min_present=0.5)


class TestCommandLine:
    def test_genes_are_looked_up(self, capsys):
        assert main(["genes", "htr1", "--atlas", "simulated"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:3] for line in lines] == [
            ["gene", "entrez_id", "n_probes"], ["HTR1A", "3350", "3"], ["HTR1B", "3351", "3"], ["HTR1D", "3352", "13"],
        ]  # fmt: skip

    def test_no_match_is_status_1(self, capsys):
        assert main(["genes", "MAOC", "--atlas", "simulated"]) == 1
        assert "no gene of the atlas matches 'MAOC'; did you mean MAOA?" in capsys.readouterr().err

    def test_aliases(self, capsys, tmp_path):
        path = tmp_path / "hgnc.tsv"
        path.write_text("symbol\talias_symbol\nSLC6A4\tSERT|5-HTT\n")
        assert main(["genes", "sert", "--atlas", "simulated", "--aliases", str(path)]) == 0
        assert "sert is an alias of SLC6A4" in capsys.readouterr().out

    def test_ledger_is_one_line_on_standard_error_and_stands_in_the_report(self, capsys, tmp_path):
        out = tmp_path / "out"
        command = ["compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--permutations", "99"]
        assert main([*command, "--genes", "4128,TAC1,NOPE", "--mirror", "left", "--out", str(out)]) == 0
        assert "jugex: 3 genes asked for: 2 used, 1 without a probe in the atlas (NOPE)\n" in capsys.readouterr().err
        page = (out / "report.html").read_text()
        assert "Of 3 genes asked for, 1 was not used as asked:" in page
        settings = json.loads((out / "settings.json").read_text())
        assert settings["genes"]["ledger"][0]["gene"] == "MAOA"
        assert settings["atlas"]["changes"]["mirror"]["side"] == "left"
        assert "reflected to the left hemisphere" in (out / "methods.md").read_text()

    def test_nothing_is_said_where_all_genes_are_used(self, capsys, tmp_path):
        command = ["compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--permutations", "99", "--quiet"]
        assert main([*command, "--genes", "MAOA,TAC1", "--out", str(tmp_path / "out")]) == 0
        assert "asked for" not in capsys.readouterr().err

    def test_probe_filter_without_calls_is_status_1(self, capsys, tmp_path):
        command = ["compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--out", str(tmp_path / "out")]
        assert main([*command, "--min-present", "0.5"]) == 1
        assert "has no present/absent calls" in capsys.readouterr().err
