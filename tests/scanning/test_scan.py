"""A scan says of each pair what compare says, lists what cannot be tested, and refuses what makes no sense."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import OptionError, OutputError, RegionError, ResultError
from jugex.scanning import run as running
from jugex.scanning.page import render_overview
from tests.scanning.helpers import TEST, make_regions, make_scan, of_pair, read_bytes
from tests.tissue_atlas import make_atlas

# of so few genes and relabellings the false discovery rate says little, and compare warns of it
pytestmark = pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scan") / "all"
    make_scan(folder, most_permutations=0)
    return folder


@pytest.fixture(scope="module")
def scan(out) -> jugex.Scan:
    return jugex.load_scan(out)


class TestPairs:
    def test_every_two_regions_are_listed_once_with_what_became_of_them(self, scan):
        couples = {frozenset(pair) for pair in scan.pairs[["region_1", "region_2"]].to_numpy().tolist()}
        assert len(scan.pairs) == len(couples) == 15
        without = scan.pairs[scan.pairs["status"] != "ok"]
        assert len(without) >= 5
        named = without["region_1"].eq("nowhere") | without["region_2"].eq("nowhere")
        assert named.sum() == 5
        assert without.loc[named, "status"].str.contains("'nowhere' holds no sample").all()
        assert set(without.loc[named, "reason"]) == {"a region holds no sample"}
        assert "no test in 5 pairs: a region holds no sample" in scan.summary()
        assert scan.regions.set_index("region").loc["nowhere", "status"].startswith("region 'nowhere' holds no sample")

    def test_pairs_that_admit_no_test_are_counted_by_their_reason(self, tmp_path):
        region = make_regions()[0]
        same = [region.renamed(name) for name in ("one", "the same")]
        found = make_scan(tmp_path / "out", regions=[*same, make_regions()[1]], most_permutations=0)
        of_same = found.pairs.set_index(["region_1", "region_2"]).loc[("one", "the same")]
        assert of_same["reason"] == "both regions hold the same samples"
        assert "hold the same" in of_same["status"]

    def test_the_summary_counts_every_pair_without_a_test(self, scan):
        status = ["ok", *["impossible"] * 7]
        reason = [None, *["a"] * 3, "b", "c", "d", "e"]
        pairs = scan.pairs.head(8).assign(status=status, reason=reason)
        told = re.findall(r"no test in (\d+) pairs?: (.*)", replace(scan, pairs=pairs).summary())
        assert told[0] == ("3", "a")
        assert told[-1] == ("2", "other reasons")
        assert sum(int(n) for n, _ in told) == 7

    def test_tables_have_the_form_of_all_tables(self, out, scan):
        lines = (out / "pairs.tsv").read_text(encoding="utf-8").splitlines()
        place = lines[0].split("\t").index("exhaustive")
        written = [line.split("\t")[place] for line in lines[1:]]
        assert set(written) == {"TRUE", "FALSE", ""}
        assert [value == "TRUE" for value in written if value] == scan.pairs["exhaustive"].dropna().tolist()

    @pytest.mark.parametrize("which", [0, -1])
    def test_the_numbers_are_those_of_compare(self, scan, which):
        tested = scan.pairs[scan.pairs["status"] == "ok"]
        pair = tested.iloc[which]
        regions = {region.name: region for region in make_regions()}
        result = jugex.compare(
            regions[pair["region_1"]],
            regions[pair["region_2"]],
            atlas=make_atlas(),
            n_permutations=int(pair["n_permutations"]),
            rng=int(pair["seed"]),
        )
        found, expected = of_pair(scan, pair["pair"]), result.table.set_index("gene")
        expected = expected.loc[found.index]
        for column in ("p_perm", "p_fwe", "p_donors", "p_spatial"):
            np.testing.assert_array_equal(found[column], expected[column])
        for column in ("diff", "f"):
            np.testing.assert_array_equal(found[column], expected[column].astype(np.float32))
        assert found["evidence"].tolist() == expected["evidence"].tolist()
        assert (pair["n_samples_1"], pair["n_samples_2"]) == result.record.design.n_samples
        assert [pair[rung] for rung in ("spatial", "donors", "samples")] == [
            (expected["evidence"] == rung).sum() for rung in ("spatial", "donors", "samples")
        ]

    def test_neither_order_nor_other_pairs_change_a_number(self, scan, tmp_path):
        regions = make_regions()
        some = make_scan(tmp_path / "some", regions=[regions[0], regions[4], regions[1]], most_permutations=0)
        for first, second in (("A", "B"), ("A", "D")):
            number, other = (
                s.pairs.query(f"region_1 == {first!r} and region_2 == {second!r}")["pair"].item() for s in (scan, some)
            )
            columns = ["diff", "f", "p_perm", "p_fwe", "p_donors", "p_spatial"]
            pd.testing.assert_frame_equal(of_pair(scan, number)[columns], of_pair(some, other)[columns])

    def test_options_reach_the_pairs(self, tmp_path):
        regions, query = make_regions()[:2], jugex.QueryOptions(donors=["D1", "D2", "D3"], tolerance=2.0)
        test = replace(TEST, covariates="rin", ladder=False)
        scan = make_scan(tmp_path / "s", regions=regions, query=query, test=test, columns="all")
        seed = int(scan.pairs["seed"].item())
        result = jugex.compare(
            *regions, atlas=make_atlas(), donors=["D1", "D2", "D3"], tolerance=2.0, covariates="rin", ladder=False,
            n_permutations=199, rng=seed,
        )  # fmt: skip
        found, expected = of_pair(scan, 0), result.table.set_index("gene")
        np.testing.assert_array_equal(found["p_perm"], expected.loc[found.index, "p_perm"])
        np.testing.assert_array_equal(found["hedges_g"], expected.loc[found.index, "hedges_g"].astype(np.float32))
        assert found["p_donors"].isna().all()
        assert scan.pairs["why_no_donors"].item() == "not asked for"

    def test_promising_pairs_get_more_relabellings(self, tmp_path):
        genes = ["G00", "G01", "G02"]
        some = [region for region in make_regions() if region.name in "ABD"]
        query = jugex.QueryOptions(genes=genes)
        scan = make_scan(tmp_path / "s", regions=some, most_permutations=999, query=query)
        pairs = scan.pairs[scan.pairs["status"] == "ok"].set_index("pair")
        smallest = scan.read(["pair", "p_fwe"]).groupby("pair")["p_fwe"].min()
        more = pairs["n_permutations"] == 999
        assert more.any()
        assert not more.all()  # of pairs without a difference none, but for chance: the seed is fixed
        assert (smallest[pairs.index[~more]] > 1 / 200).all()
        regions = {region.name: region for region in make_regions()}
        pair = pairs[more].iloc[0]
        result = jugex.compare(
            regions[pair["region_1"]], regions[pair["region_2"]], atlas=make_atlas(), n_permutations=999,
            rng=pair["seed"], genes=genes,
        )  # fmt: skip
        assert smallest[pairs.index[more][0]] == result.table["p_fwe"].min() < 1 / 200

    def test_the_rule_knows_the_number_of_pairs_only(self):
        assert running._choose_more(None, 7_260, jugex.TestOptions()) == 200_000
        assert running._choose_more(None, 1_000, jugex.TestOptions()) == 40_000
        assert running._choose_more(None, 100, jugex.TestOptions()) == 0  # the first are enough
        assert running._choose_more(0, 7_260, jugex.TestOptions()) == 0


class TestRules:
    def test_each_region_with_a_rest_of_its_tissue_and_side(self, tmp_path):
        atlas = make_atlas()
        scan = make_scan(tmp_path / "s", regions=make_regions()[:2], pairs="one-vs-rest")
        assert scan.pairs["region_2"].tolist() == ["rest of A", "rest of B"]
        samples = atlas.samples
        in_a = make_regions()[0].locate(samples)["inside"].to_numpy()
        left_cortex = (samples["mni_x"] < 0) & samples["structure_id"].isin([4, 8])
        assert scan.pairs["n_samples_1"].iloc[0] == in_a.sum()
        assert scan.pairs["n_samples_2"].iloc[0] == (left_cortex & ~in_a).sum()
        markers = scan.markers[scan.markers["region"] == "A"]
        assert markers["gene"].iloc[0] == "G00"  # raised there by three standard deviations
        assert markers["diff"].iloc[0] > 1

    @pytest.mark.parametrize(("rest", "structures", "sides"), [("class", [4, 8], 2), ("brain", [4, 7, 8, 9], 2)])
    def test_other_rests(self, tmp_path, rest, structures, sides):
        scan = make_scan(tmp_path / "s", regions=make_regions()[:1], pairs="one-vs-rest", rest=rest)
        samples = make_atlas().samples
        in_a = make_regions()[0].locate(samples)["inside"].to_numpy()
        counts = samples["structure_id"].isin(structures).to_numpy() & ~in_a
        assert scan.pairs["n_samples_2"].item() == counts.sum()
        with pytest.raises(OptionError, match="matched, class, brain"):
            make_scan(tmp_path / "t", regions=make_regions()[:1], pairs="one-vs-rest", rest="all")

    def test_left_against_right(self, tmp_path):
        scan = make_scan(tmp_path / "s", pairs="left-vs-right")
        assert scan.pairs[["region_1", "region_2"]].to_numpy().tolist() == [["C left", "C right"]]

    def test_neighbours_have_voxels_side_by_side(self, tmp_path):
        data = np.zeros((40, 30, 30), dtype=np.uint8)
        data[2:10, 5:25, 5:25], data[10:18, 5:25, 5:25], data[19:27, 5:25, 5:25] = 1, 2, 3  # a gap before 3
        data[19:27, 5:15, 25:27] = 4
        affine = np.diag([2.0, 4.0, 3.0, 1.0])
        affine[:3, 3] = -60, -60, -20
        image = tmp_path / "labels.nii.gz"
        nib.save(nib.Nifti1Image(data, affine), image)
        scan = make_scan(tmp_path / "s", regions=image, pairs="neighbours", labels={1: "a", 2: "b", 3: "c", 4: "d"})
        assert scan.pairs[["region_1", "region_2"]].to_numpy().tolist() == [["a", "b"], ["c", "d"]]
        assert scan.regions["region"].tolist() == ["a", "b", "c", "d"]
        with pytest.raises(OptionError, match="no extent in space"):
            make_scan(tmp_path / "t", regions=["structure:FL", "structure:CgG"], pairs="neighbours")

    def test_a_table_of_pairs_names_regions_or_texts(self, tmp_path):
        table = tmp_path / "pairs.tsv"
        table.write_text("name\tregion_1\tregion_2\nfirst\tA\tB\n\tA\tsphere:-18,-8,20,9\nthird\tstructure:HiF\tA\n")
        scan = make_scan(tmp_path / "s", regions=make_regions()[:2], pairs=table)
        assert scan.pairs["name"].tolist() == ["first", "A - sphere:-18,-8,20,9", "third"]
        assert scan.pairs["region_1"].tolist() == ["A", "A", "hippocampal formation"]
        same = [of_pair(scan, number)["f"] for number in (0, 1)]  # the sphere is B
        np.testing.assert_array_equal(*same)

    @pytest.mark.parametrize(
        ("pairs", "match"),
        [
            ("sideways", "no file sideways"),
            ([("A",)], "a pair is"),
            ([("A", "B"), ("A", "B")], "listed twice"),
            ([], "no pair to compare"),
        ],
    )
    def test_what_is_no_list_of_pairs(self, tmp_path, pairs, match):
        with pytest.raises(OptionError, match=match):
            make_scan(tmp_path / "s", pairs=pairs)

    def test_a_table_without_its_columns(self, tmp_path):
        (tmp_path / "pairs.csv").write_text("one,two\nA,B\n")
        with pytest.raises(OptionError, match="region_1 and region_2"):
            make_scan(tmp_path / "s", pairs=tmp_path / "pairs.csv")


class TestFolder:
    def test_it_can_be_read_as_one_table(self, scan, out):
        import pyarrow.dataset

        table = pyarrow.dataset.dataset(out / "results").to_table()
        assert table.num_rows == (scan.pairs["status"] == "ok").sum() * 40
        kinds = {field.name: str(field.type) for field in table.schema}
        assert kinds["diff"] == kinds["f"] == "float"
        assert kinds["p_fwe"] == kinds["p_spatial"] == kinds["p_donors_fwe_scan"] == "double"
        assert all(kinds[name].startswith("dictionary<values=string") for name in ("gene", "region_1", "evidence"))

    def test_parts_of_it_can_be_asked_for(self, scan):
        found = scan.read(["gene", "region_1", "region_2", "p_fwe"], genes=["G00", "G01"], regions=["A"])
        assert set(found["gene"]) == {"G00", "G01"}
        assert (found["region_1"].eq("A") | found["region_2"].eq("A")).all()
        assert scan.read(evidence=["samples"])["evidence"].eq("samples").all()
        with pytest.raises(OptionError, match="no pair of the scan has the region 'Z'"):
            scan.read(regions=["Z"])

    def test_the_same_again_computes_nothing(self, out, monkeypatch):
        before = read_bytes(out)
        monkeypatch.setattr(running, "_compute", lambda *_: pytest.fail("a pair was computed again"))
        make_scan(out, most_permutations=0)
        assert read_bytes(out) == before

    def test_a_seed_drawn_is_kept(self, tmp_path):
        first = make_scan(tmp_path / "s", regions=make_regions()[:2], test=replace(TEST, rng=None))
        again = make_scan(tmp_path / "s", regions=make_regions()[:2], test=replace(TEST, rng=None))
        assert first.pairs["seed"].tolist() == again.pairs["seed"].tolist()
        with pytest.raises(OptionError, match="needs a seed"):
            make_scan(tmp_path / "t", test=replace(TEST, rng=np.random.default_rng(0)))

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"test": replace(TEST, n_permutations=99)}, r"test.n_permutations: 199 there, 99 now"),
            ({"test": replace(TEST, rng=4)}, r"seed: 3 there, 4 now"),
            ({"query": jugex.QueryOptions(genes=["G00"])}, r"query.genes"),
            ({"pairs": "left-vs-right"}, r"pairs.rule"),
            ({"regions": [region.renamed("A") for region in make_regions()[:1]]}, r"regions"),
            ({"atlas": make_atlas(n_left=60)}, r"atlas"),
        ],
    )
    def test_another_scan_is_refused_with_the_difference(self, out, options, match):
        before = read_bytes(out)
        options = options if "regions" not in options else {"regions": [*options["regions"], *make_regions()[1:3]]}
        with pytest.raises(OutputError, match=match):
            make_scan(out, **{"most_permutations": 0, **options})
        assert read_bytes(out) == before

    def test_options_that_change_no_number_are_not_compared(self, out):
        make_scan(out, test=replace(TEST, n_jobs=2), most_permutations=0)

    def test_it_takes_no_folder_with_something_else(self, tmp_path):
        (tmp_path / "letter.txt").write_text("dear")
        with pytest.raises(OutputError, match="holds no scan"):
            make_scan(tmp_path)
        with pytest.raises(OutputError, match="is a file"):
            make_scan(tmp_path / "letter.txt")
        assert [item.name for item in tmp_path.iterdir()] == ["letter.txt"]

    def test_two_cannot_write_it_at_once(self, out):
        from filelock import FileLock

        with FileLock(out / ".lock"), pytest.raises(OutputError, match="another scan is writing"):
            make_scan(out, most_permutations=0)

    def test_what_is_no_finished_scan_is_not_opened(self, out, tmp_path):
        with pytest.raises(ResultError, match="holds no scan"):
            jugex.load_scan(tmp_path)
        manifest = json.loads((out / "scan.json").read_text())
        (tmp_path / "scan.json").write_text(json.dumps({**manifest, "finished": False}))
        with pytest.raises(ResultError, match="not finished"):
            jugex.load_scan(tmp_path)

    def test_a_column_that_there_is_not(self, tmp_path):
        with pytest.raises(OptionError, match="no column 'colour'"):
            make_scan(tmp_path / "s", columns=["colour"])

    def test_a_region_in_another_space(self, tmp_path):
        sphere = jugex.Region.sphere((0, 0, 0), 5, space="mine")
        with pytest.raises(RegionError, match="in the space mine"):
            make_scan(tmp_path / "s", regions=[sphere, *make_regions()[:1]])

    def test_one_image_as_a_whole_is_one_region(self, tmp_path):
        image = tmp_path / "mask.nii.gz"
        nib.save(nib.Nifti1Image(np.ones((5, 5, 5), dtype=np.uint8), np.eye(4)), image)
        with pytest.raises(OptionError, match="a single region"):
            make_scan(tmp_path / "s", regions=image)
        with pytest.raises(OptionError, match="neither a parcellation nor an image"):
            make_scan(tmp_path / "s", regions="nothing of the kind")


def test_a_plan_counts_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = jugex.plan_scan(make_regions(), atlas=make_atlas(), test=TEST, workers=2)
    assert (plan.n_regions, plan.n_empty, plan.n_pairs, plan.n_possible) == (6, 1, 15, 10)
    assert plan.n_measured > 0
    assert plan.seconds == plan.seconds_all / 2 > 0
    assert plan.bytes_disk > 0
    assert "10 have samples in both regions" in str(plan)
    assert not list(tmp_path.iterdir())


class TestOverview:
    def test_it_stands_alone_and_shows_every_region(self, scan):
        page = render_overview(scan)
        assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
        assert "url(" not in page
        assert "no test" in page.lower()
        for name in scan.regions["region"]:
            assert f">{name}</th>" in page

    def test_names_cannot_break_out(self, tmp_path):
        regions = [region.renamed(f"<script>x</script>{region.name}") for region in make_regions()[:2]]
        page = render_overview(make_scan(tmp_path / "s", regions=regions))
        assert "<script>x" not in page

    def test_it_is_written_beside_the_results(self, out, scan):
        assert scan.report() == out / "report.html"
        assert scan.report(out.parent / "elsewhere.html").read_text() == (out / "report.html").read_text()
