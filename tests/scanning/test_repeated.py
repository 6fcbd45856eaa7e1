"""A pair of a scan can be computed again by itself, with its page; what has changed since is said."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.cli.main import main
from jugex.errors import OptionError, ResultError
from jugex.scanning.page import render_overview
from tests.scanning.helpers import TEST, make_regions, make_scan, of_pair, read_bytes
from tests.tissue_atlas import make_atlas

pytestmark = pytest.mark.filterwarnings(
    "ignore::jugex.errors.DesignWarning", "ignore::jugex.errors.ResultWarning", "ignore::jugex.errors.OverlapWarning"
)

GENES = ["MAOA", "TAC1", "GAD2"]
SIMULATED = [
    ("structure:simA", "structure:simB"),
    ("structure:simA", "structure:simPL"),
    ("simulated:A", "simulated:B"),
]


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> jugex.Scan:
    return make_scan(tmp_path_factory.mktemp("scan") / "all")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "three pairs"
    query, test = jugex.QueryOptions(genes=GENES), jugex.TestOptions(n_permutations=99, rng=2)
    jugex.scan([], pairs=SIMULATED, atlas="simulated", query=query, test=test, out=folder).report()
    return folder


class TestNumbers:
    @pytest.mark.parametrize("chosen", [("A - B",), (0,), ("0",), ("A", "B"), ("B", "A")])
    def test_they_are_those_of_the_scan_however_the_pair_is_named(self, scan, chosen):
        pair = scan.pair(*chosen, atlas=make_atlas())
        assert pair.result.region_names == ("A", "B")
        assert pair.same_numbers
        assert pair.changes == ()
        found = of_pair(scan, 0)
        np.testing.assert_array_equal(pair.result.table.set_index("gene").loc[found.index, "p_fwe"], found["p_fwe"])
        assert "bit for bit: 40 genes" in pair.summary()

    def test_a_pair_with_more_relabellings_gets_them_again(self, tmp_path):
        genes = jugex.QueryOptions(genes=["G00", "G01", "G02"])
        some = [region for region in make_regions() if region.name in "ABD"]
        scan = make_scan(tmp_path / "s", regions=some, most_permutations=999, query=genes)
        [number] = scan.pairs.loc[scan.pairs["n_permutations"] == 999, "pair"].tolist()[:1]
        pair = scan.pair(number, atlas=make_atlas())
        assert pair.same_numbers
        assert pair.result.record.arguments.n_permutations == 999

    def test_a_rest_and_a_tolerance_are_made_again(self, tmp_path):
        options = {"pairs": "one-vs-rest", "rest": "class", "query": jugex.QueryOptions(tolerance=3.0)}
        scan = make_scan(tmp_path / "s", regions=make_regions()[:2], **options)
        pair = scan.pair("A", "rest of A", atlas=make_atlas())
        assert pair.same_numbers
        n_samples = scan.pairs[["n_samples_1", "n_samples_2"]].iloc[0].tolist()
        assert list(pair.result.record.design.n_samples) == n_samples
        assert (pair.save() / "report.html").exists()  # although a rest has samples alone, and no extent

    @pytest.mark.parametrize("probes", ["single", "mean"])
    def test_options_are_those_of_the_scan(self, tmp_path, probes):
        query = jugex.QueryOptions(donors=["D1", "D2", "D3"], genes=["G00", "G05"], within="FL", voxel="floor")
        test = replace(TEST, covariates="rin", exchange="free", probes=probes)
        scan = make_scan(tmp_path / "s", regions=make_regions()[:2], query=query, test=test, columns="all")
        pair = scan.pair(0, atlas=make_atlas())
        assert (pair.same_numbers, pair.changes) == (True, ())
        assert pair.result.record.arguments.exchange == "free"

    def test_what_is_significant_over_the_scan_is_recorded(self, scan):
        record = scan.pair("A", "B", atlas=make_atlas()).result.record
        found = of_pair(scan, 0)
        assert record.group.n_pairs == (scan.pairs["status"] == "ok").sum()
        assert set(record.group.significant) == set(found.index[found["p_fwe_scan"] <= scan.alpha]) != set()


class TestChanges:
    def test_another_atlas_is_named_with_the_columns_that_it_changed(self, scan):
        pair = scan.pair(0, atlas=make_atlas(n_left=60))
        assert not pair.same_numbers
        assert "p_spatial" in pair.unequal
        assert "atlas.n_samples: 392 there, 368 now" in pair.summary()
        assert pair.summary().startswith("Other numbers than in the scan")
        assert pair.summary().count("\n") == 0

    def test_a_version_that_changes_no_number_is_named(self, scan, monkeypatch):
        monkeypatch.setitem(scan.settings["versions"], "scipy", "0.0.1")
        pair = scan.pair(0, atlas=make_atlas())
        assert pair.same_numbers
        assert 'version of scipy: "0.0.1" there' in pair.summary()

    def test_another_region_in_its_place_is_named(self, scan):
        other = jugex.Region.sphere((-40, 20, 20), 5.0)
        pair = scan.pair(0, atlas=make_atlas(), regions={"A": other})
        assert "samples of 'A'" in pair.changes
        assert not pair.same_numbers

    def test_a_table_that_was_written_again_with_other_values(self, tmp_path):
        table = tmp_path / "age.tsv"
        samples = make_atlas().samples
        values = np.random.default_rng(0).normal(size=len(samples))
        pd.DataFrame({"well_id": samples["well_id"], "ph": values}).to_csv(table, sep="\t", index=False)
        test = replace(TEST, covariates=[str(table)], ladder=False)
        scan = make_scan(tmp_path / "s", regions=make_regions()[:2], test=test)
        assert scan.pair(0, atlas=make_atlas()).same_numbers
        pd.DataFrame({"well_id": samples["well_id"], "ph": values[::-1]}).to_csv(table, sep="\t", index=False)
        pair = scan.pair(0, atlas=make_atlas())
        assert not pair.same_numbers
        assert pair.changes == ("covariates (the content of its file)",)

    def test_files_that_lie_elsewhere_now(self, tmp_path):
        data = np.zeros((40, 30, 30), dtype=np.uint8)
        data[2:10, 5:25, 5:25], data[10:18, 5:25, 5:25] = 1, 2
        affine = np.diag([2.0, 4.0, 3.0, 1.0])
        affine[:3, 3] = -60, -60, -20
        (tmp_path / "old").mkdir()
        nib.save(nib.Nifti1Image(data, affine), tmp_path / "old" / "labels.nii.gz")
        scan = make_scan(tmp_path / "s", regions=tmp_path / "old" / "labels.nii.gz", labels={1: "a", 2: "b"})
        (tmp_path / "old").rename(tmp_path / "new")
        with pytest.raises(ResultError, match=r"labels\.nii\.gz .*not there.*--replace"):
            scan.pair(0, atlas=make_atlas())
        pair = scan.pair(0, atlas=make_atlas(), paths={str(tmp_path / "old"): str(tmp_path / "new")})
        assert (pair.same_numbers, pair.changes) == (True, ())

    def test_an_atlas_in_memory_has_to_be_given(self, scan):
        with pytest.raises(ResultError, match=r"atlas .* was in memory"):
            scan.pair(0)


class TestRefused:
    @pytest.mark.parametrize(
        ("chosen", "match"),
        [
            (("A - C",), r"no pair 'A - C'; did you mean 'A - "),
            (("A", "Z"), r"no pair 'A' and 'Z'"),
            ((99,), r"no pair 99; pairs.tsv lists"),
            (("A - nowhere",), r"has no test, and so no page .*holds no sample"),
            ((), "by its name, its number"),
        ],
    )
    def test_what_is_no_pair_with_a_test(self, scan, chosen, match):
        with pytest.raises(OptionError, match=match):
            scan.pair(*chosen, atlas=make_atlas())

    def test_a_name_of_several_pairs(self, scan):
        same = replace(scan, pairs=scan.pairs.assign(name="same"))
        with pytest.raises(OptionError, match=r"several pairs .* by its number: 0, 1, 2"):
            same.pair("same", atlas=make_atlas())

    def test_a_scan_that_does_not_say_what_it_read(self, scan):
        with pytest.raises(ResultError, match="does not say where"):
            replace(scan, sources=None).pair(0)
        with pytest.raises(ResultError, match="is damaged"):
            replace(scan, sources={**scan.sources, "regions": []}).pair(0)


class TestPages:
    def test_the_overview_links_to_what_is_there(self, scan, tmp_path):
        assert "pairs/pair-000000" not in render_overview(scan)
        before = read_bytes(scan.folder)
        folder = scan.pair("A", "B", atlas=make_atlas()).save()
        assert folder == scan.folder / "pairs" / "pair-000000"
        page = (scan.folder / "report.html").read_text()
        assert re.findall(r"""(?:src|href)=["'](?!#)([^"']*)""", page) == ["pairs/pair-000000/report.html"]
        assert 'href="../../report.html"' in (folder / "report.html").read_text()
        (tmp_path / "deep").mkdir()
        scan.report(tmp_path / "deep" / "elsewhere.html")
        relative = re.findall(
            r'href="([^"#]*pair-000000/report.html)"', (tmp_path / "deep" / "elsewhere.html").read_text()
        )
        assert (tmp_path / "deep" / relative[0]).resolve() == (folder / "report.html").resolve()
        assert read_bytes(scan.folder) == before
        make_scan(scan.folder)  # goes on where it was
        assert (folder / "report.html").exists()
        shutil.rmtree(scan.folder / "pairs")

    def test_a_page_elsewhere_finds_the_overview(self, scan, tmp_path):
        saved = scan.pair("A", "B", atlas=make_atlas()).save(tmp_path / "one")
        [back] = re.findall(r'href="([^"#]*)">All regions on one page', (saved / "report.html").read_text())
        assert (saved / back).resolve() == (scan.folder / "report.html").resolve()
        assert not (scan.folder / "pairs").exists()

    def test_it_says_how_a_page_is_made(self, scan, simulated):
        assert "jugex.load_scan(&#39;all&#39;).pair(NUMBER, atlas=...).save()" in render_overview(scan)
        page = (simulated / "report.html").read_text()
        assert "jugex report &#39;three pairs&#39; --pair NUMBER" in page
        data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
        assert data["how"] == "jugex report 'three pairs' --pair {}"
        assert [cell[3] for cell in data["cells"]] == [0, 1, 2]


class TestCommandLine:
    def test_a_pair_by_its_name_or_number(self, simulated, capsys):
        assert main(["report", str(simulated), "--pair", "simulated A - simulated B", "--quiet"]) == 0
        assert "The same numbers as in the scan, bit for bit: 3 genes." in capsys.readouterr().out
        saved = jugex.load_result(simulated / "pairs" / "pair-000002")
        assert saved.record.command.startswith("jugex report")
        assert saved.record.permutation.randomness.seed == jugex.load_scan(simulated).pairs["seed"].iloc[2]
        assert main(["report", str(simulated), "--pair", "0", "--out", str(simulated.parent / "one"), "--quiet"]) == 0
        assert jugex.rerun(simulated.parent / "one").same_numbers
        assert main(["report", str(simulated), "--pair", "0", "--out", str(simulated.parent / "one"), "--quiet"]) == 1
        assert "--overwrite" in capsys.readouterr().err

    def test_the_overview_again(self, simulated, capsys):
        before = (simulated / "report.html").read_text()
        (simulated / "report.html").write_text("")
        assert main(["report", str(simulated)]) == 0
        assert "the overview" in capsys.readouterr().out
        assert len((simulated / "report.html").read_text()) >= len(before)

    def test_a_folder_without_a_scan(self, tmp_path, capsys):
        assert main(["report", str(tmp_path), "--pair", "0"]) == 1
        assert "holds none" in capsys.readouterr().err


def test_regions_that_only_a_list_names_are_regions_of_the_scan(simulated):
    scan = jugex.load_scan(simulated)
    assert len(scan.regions) == 5
    assert set(scan.pairs["region_1"]) | set(scan.pairs["region_2"]) == set(scan.regions["region"])
