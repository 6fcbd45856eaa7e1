"""A run again from its record, and two results side by side."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
import warnings
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import jugex
from jugex import cli
from jugex.atlas.identity import FileRecord, NewProbeGenes, ServiceResponse
from jugex.errors import OptionError, OutputError, RegionError, ResultError
from jugex.model.changes import list_changes
from jugex.regions.recorded import RegionMaker
from jugex.report import read_group
from jugex.report.files import check_output
from tests.kills import kill_after
from tests.own_data import CENTRES, draw_ball, write_tables

QUICK = {"n_permutations": 999, "rng": 0, "background": False, "ladder": False}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with an own atlas and maps of three regions; results are saved without page and figures."""
    monkeypatch.chdir(tmp_path)
    for name in ("write_figures", "write_report"):
        monkeypatch.setattr(f"jugex.report.files.{name}", lambda *_, **__: None)
    write_tables(tmp_path / "data")
    (tmp_path / "maps").mkdir()
    for name, centre in zip("abc", CENTRES, strict=True):
        draw_ball(tmp_path / "maps" / f"{name}.nii.gz", centre)
    return tmp_path


def run(project, k=2, **options):
    regions = [str(project / "maps" / f"{name}.nii.gz") for name in "abc"[:k]]
    arguments = {"atlas": str(project / "data"), **QUICK, **options}
    return jugex.compare(*regions, **arguments) if k == 2 else jugex.compare_several(regions, **arguments)


@pytest.fixture(scope="module")
def gene_sets():
    """Two tests of the same sets, on other seeds."""
    genes = ["MAOA", "TAC1", "GAD2", "CREB1"]
    options = {"atlas": "simulated", "genes": genes, **QUICK}
    sets = {"one": genes[:2], "other": genes[1:]}
    results = [jugex.compare("simulated:A", "simulated:B", **options | {"rng": seed}) for seed in (0, 1)]
    return [result.gene_sets(sets, min_size=1) for result in results]


class TestRerun:
    @pytest.mark.parametrize("k", [2, 3])
    def test_own_data_and_regions_give_the_same_numbers(self, project, k):
        result = run(project, k, names=list("ABC"[:k]))
        again = jugex.rerun(result.save("out"))
        assert again.same_numbers
        assert again.changes == ()
        assert again.result.region_names == result.region_names
        assert "Same numbers: 20 genes" in again.summary()

    def test_choices_are_those_of_the_record(self, project):
        table = jugex.open_atlas("data").samples[["well_id"]].assign(rin=np.arange(90.0) % 7)
        table.to_csv("rin.csv", index=False)
        choices = {
            "covariates": ["mni_y", "rin.csv"], "statistic": "sequential", "exchange": "free", "probes": "mean",
            "tolerance": 1.5, "voxel": "floor", "overlap": "exclude", "donors": ["D1", "D2", "D4"], "alpha": 0.1,
            "missing": "drop-samples", "genes": ["GENE1", "GENE7"], "rng": np.random.default_rng(5), "ladder": True,
            "mirror": "left", "min_present": None, "collinear": "smallest", "reference": "maps/c.nii.gz",
        }  # fmt: skip
        result = run(project, **choices)
        again = jugex.rerun(result.save("out"))
        assert again.same_numbers
        assert again.result.record.arguments == result.record.arguments
        assert again.changes == ()

    def test_a_table_a_reference_or_a_label_table_that_changed_is_named(self, project):
        table = jugex.open_atlas("data").samples[["well_id"]].assign(rin=np.arange(90.0) % 7)
        table.to_csv("rin.csv", index=False)
        (project / "maps" / "a.tsv").write_text("index\tname\n1\tthe one\n", encoding="utf-8")
        options = {**QUICK, "atlas": "data", "covariates": "rin.csv", "reference": "maps/c.nii.gz", "ladder": True}
        result = jugex.compare("maps/a.nii.gz#the one", "maps/b.nii.gz", **options)
        kinds = ["label table of region 1", "reference", "table of covariates"]
        assert sorted(entry.what for entry in result.record.inputs) == kinds
        assert result.record.inputs[0].file == FileRecord.of(project / "maps" / "a.tsv", name="maps/a.tsv")
        assert jugex.rerun(result).changes == ()
        table.assign(rin=table["rin"] + 1).to_csv("rin.csv", index=False)
        (project / "maps" / "a.tsv").write_text("index\tname\n1\tthe one\n2\tanother\n", encoding="utf-8")
        draw_ball(project / "maps" / "c.nii.gz", CENTRES[1])
        changed = {change.what: change.kind for change in jugex.rerun(result).changes}
        assert {what: changed.get(what) for what in kinds} == dict.fromkeys(kinds, "input")

    def test_what_was_made_from_the_run_afterwards_is_named(self, project):
        result = run(project, genes=["GENE1", "GENE7"])
        assert "Not made again" not in jugex.rerun(result).summary()
        sets = result.gene_sets({"both": ["GENE1", "GENE7"]}, min_size=1)
        folder = result.save("out", gene_sets=sets, sensitivity=result.sensitivity())
        again = jugex.rerun(folder)
        said = "Not made again: the gene sets (they were in memory: test them with result.gene_sets) and the run under"
        assert said in again.summary()
        assert again.gene_sets is None

    def test_gene_sets_of_files_are_tested_again(self, project):
        (project / "my sets.gmt").write_text("one\t-\tGENE1\tGENE7\nother\t-\tGENE2\tGENE3\tGENE4\n")
        result = run(project)
        sets = result.gene_sets("my sets.gmt", kind="self-contained", min_size=2, max_size=3)
        folder = result.save("out", gene_sets=sets)
        again = jugex.rerun(folder)
        assert again.same_numbers
        assert again.not_repeated == ()
        assert again.gene_sets.record.gene_sets == sets.record.gene_sets
        assert "Gene sets, recorded | now\nSame numbers: 2 gene sets, all columns agree" in again.summary()
        pd.testing.assert_frame_equal(again.gene_sets.table, sets.table)
        assert cli.main(["rerun", "out", "--out", "again", "--quiet"]) == 0
        assert jugex.diff("out/gene_sets", "again/gene_sets").same_numbers

    def test_files_of_gene_sets_are_looked_for_and_compared(self, project):
        (project / "sets.gmt").write_text("one\t-\tGENE1\tGENE7\n")
        result = run(project)
        folder = result.save("out", gene_sets=result.gene_sets("sets.gmt", min_size=2))
        (project / "sets.gmt").rename(project / "moved.gmt")
        again = jugex.rerun(folder)
        assert again.same_numbers
        assert 'sets.gmt is not there: say where it is now with --replace "sets.gmt=NEW"' in again.not_repeated[0]
        (project / "moved.gmt").write_text("one\t-\tGENE1\tGENE8\n")
        again = jugex.rerun(folder, paths={"sets.gmt": "moved.gmt"})
        assert again.difference.same_numbers
        assert not again.same_numbers
        assert again.gene_sets_difference.settings["what"].tolist()[0] == "gene sets: files"

    def test_files_that_hold_no_gene_of_the_atlas_any_more_are_named(self, project):
        (project / "sets.gmt").write_text("one\t-\tGENE1\tGENE7\n")
        result = run(project)
        folder = result.save("out", gene_sets=result.gene_sets("sets.gmt", min_size=2))
        (project / "sets.gmt").write_text("one\t-\tX1\tX2\n")
        again = jugex.rerun(folder)
        assert again.gene_sets is None
        assert again.same_numbers
        assert "Not made again: the gene sets (not in the atlas: X1, X2; no gene is left" in again.summary()

    def test_probes_by_themselves_are_not_compared_with_genes(self, project):
        result = run(project, genes=["GENE1", "GENE7"])
        folder = result.save("out", gene_sets=result.gene_sets({"both": ["GENE1", "GENE7"]}, min_size=1))
        again = jugex.rerun(folder, changes={"probes": "single"})
        assert (again.result.unit, again.difference, again.same_numbers) == ("probe", None, None)
        assert again.summary().startswith("Run again; genes and probes are not compared. ")
        assert "choice: probes" in again.summary()
        assert "Not made again: the gene sets" in again.summary()

    def test_a_seed_that_was_drawn_is_kept(self, project):
        result = run(project, rng=None)
        assert jugex.rerun(result).same_numbers

    def test_the_record_alone_tells_what_differs(self, project):
        folder = run(project).save("out")
        shutil.copy(folder / "settings.json", "record.json")
        again = jugex.rerun("record.json")
        assert (again.same_numbers, again.changes) == (None, ())
        assert "no numbers to compare" in again.summary()
        assert jugex.rerun(folder / "settings.json").same_numbers  # its tables lie beside it
        said = jugex.rerun("record.json", changes={"alpha": 0.1}).summary()
        assert "1 thing in the record differs" in said
        assert "choice: alpha" in said

    def test_views_of_the_atlas_are_made_again(self, project):
        atlas = jugex.open_atlas("data")
        moved = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=lambda table: table["mni_x"] - 1)
        moved.to_csv("moved.csv", index=False)
        view = atlas.with_coordinates("moved.csv").mirrored("left")
        folder = run(project, atlas=view, overlap="exclude").save("out")
        found = jugex.diff(folder, run(project, overlap="exclude"))
        assert not found.same_samples
        assert "They used different samples." in found.summary()
        assert jugex.rerun(folder).same_numbers
        (project / "moved.csv").rename("elsewhere.csv")
        with pytest.raises(ResultError, match=r"the table of coordinates .*moved\.csv is not there.*--replace"):
            jugex.rerun(folder)
        assert jugex.rerun(folder, paths={"moved.csv": "elsewhere.csv"}).same_numbers
        assert jugex.rerun(folder, atlas=view).same_numbers

    def test_a_view_is_made_again_beside_what_was_in_memory(self, project):
        atlas = jugex.open_atlas("data")
        moved = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=lambda table: table["mni_x"] - 1)
        moved.to_csv("moved.csv", index=False)
        rin = atlas.samples[["well_id"]].assign(rin=np.arange(90.0) % 7)
        given = {"atlas": atlas.with_coordinates("moved.csv"), "covariates": rin, "overlap": "exclude"}
        assert jugex.rerun(run(project, **given).save("out"), covariates=rin).same_numbers

    def test_a_view_that_was_in_memory_is_asked_for_and_can_be_given(self, project):
        atlas = jugex.open_atlas("data")
        view = atlas.with_coordinates(atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].round())
        folder = run(project, atlas=view, overlap="exclude").save("out")
        with pytest.raises(ResultError, match=r"table of coordinates of the atlas was in memory.*atlas="):
            jugex.rerun(folder)
        assert jugex.rerun(folder, atlas=view).same_numbers

    def test_files_of_choices_are_found_where_they_are_now(self, project):
        atlas = jugex.open_atlas("data")
        atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].round(1).to_csv("places.csv", index=False)
        folder = run(project, coordinates="places.csv", reference="maps/c.nii.gz", ladder=True).save("out")
        assert jugex.rerun(folder).same_numbers
        (project / "maps").rename(project / "elsewhere")
        (project / "places.csv").rename("moved.csv")
        paths = {str(project / "maps"): "elsewhere", "maps": "elsewhere", "places.csv": "moved.csv"}
        again = jugex.rerun(folder, paths=paths)
        assert again.same_numbers
        assert again.result.record.arguments.reference == "elsewhere/c.nii.gz"

    def test_a_reference_that_was_in_memory(self, project):
        reference = jugex.Region.from_image(nib.load("maps/c.nii.gz"), name="around")
        folder = run(project, reference=reference, ladder=True).save("out")
        with pytest.raises(ResultError, match=r"reference were in memory.*reference="):
            jugex.rerun(folder)
        assert jugex.rerun(folder, reference=reference).same_numbers

    def test_of_the_simulated_atlas(self):
        result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], **QUICK)
        assert jugex.rerun(result).same_numbers

    def test_gene_sets_are_refused(self, gene_sets):
        with pytest.raises(ResultError, match=r"result\.gene_sets"):
            jugex.rerun(gene_sets[0])

    def test_paths_may_be_given_anew(self, project):
        folder = run(project).save("out")
        (project / "maps").rename(project / "elsewhere")
        (project / "data").rename(project / "moved")
        with pytest.raises(ResultError, match=r"maps/a.nii.gz.*--replace.*maps/b.nii.gz") as refused:
            jugex.rerun(folder)
        assert "--atlas" in str(refused.value)
        paths = {str(project / "maps"): str(project / "elsewhere"), str(project / "data"): "moved"}
        assert jugex.rerun(folder, paths=paths).same_numbers
        by_region = {"a": "elsewhere/a.nii.gz", "b": jugex.Region.from_image("elsewhere/b.nii.gz")}
        assert jugex.rerun(folder, regions=by_region, atlas="moved").same_numbers
        with pytest.raises(OptionError, match="begins with '/nowhere'; it read"):
            jugex.rerun(folder, regions=by_region, atlas="moved", paths={"/nowhere": "x"})
        with pytest.raises(OptionError, match="no region called 'z'; its regions are 'a' and 'b'"):
            jugex.rerun(folder, regions={"z": "moved"}, atlas="moved")

    def test_files_of_the_parts_of_a_region_are_found_too(self, project):
        both = jugex.Region.from_image("maps/a.nii.gz") | jugex.Region.from_image("maps/c.nii.gz")
        folder = jugex.compare(both, "maps/b.nii.gz", atlas="data", **QUICK).save("out")
        (project / "maps").rename(project / "elsewhere")
        assert jugex.rerun(folder, paths={"maps": "elsewhere"}).same_numbers
        with pytest.raises(OptionError, match=r"begins with '/nowhere'; it read .*a\.nii\.gz.*c\.nii\.gz"):
            jugex.rerun(folder, paths={"maps": "elsewhere", "/nowhere": "x"})

    def test_relative_paths_are_found_beside_the_result(self, project, monkeypatch):
        jugex.compare("maps/a.nii.gz", "maps/b.nii.gz", atlas="data", **QUICK).save("out")
        (project / "else").mkdir()
        monkeypatch.chdir(project / "else")
        assert jugex.rerun("../out").same_numbers

    def test_an_image_that_changed_is_named(self, project):
        folder = run(project).save("out")
        draw_ball(project / "maps" / "b.nii.gz", CENTRES[1], radius=7)
        again = jugex.rerun(folder)
        assert not again.same_numbers
        assert [change.what for change in again.changes if change.kind == "input"] == ["region 2"]
        assert "samples in region 2" in [change.what for change in again.changes if change.kind == "outcome"]

    def test_data_that_changed_are_named(self, project):
        folder = run(project).save("out")
        shutil.rmtree(project / "data")
        write_tables(project / "data", shift=1.0)
        again = jugex.rerun(folder)
        assert [change.what for change in again.changes if change.kind == "input"] == ["atlas: files"]
        assert "expression.csv" in again.changes[0].first
        assert set(again.difference.unequal["column"]) >= {"diff", "f"}

    def test_what_was_in_memory_is_refused_by_name_and_can_be_given(self, project):
        tables = pd.read_csv("data/samples.csv"), pd.read_csv("data/expression.csv", index_col=0)
        atlas = jugex.atlas_from_tables(*tables)
        region = jugex.Region.from_image(nib.load("maps/a.nii.gz"), name="mine")
        rin = atlas.samples[["well_id"]].assign(rin=np.arange(90.0) % 7)
        result = jugex.compare(region, "maps/b.nii.gz", atlas=atlas, covariates=rin, **QUICK)
        folder = result.save("out")
        with pytest.raises(ResultError) as refused:
            jugex.rerun(folder)
        for named in ("the atlas", "region 'mine'", "covariates=..."):
            assert named in str(refused.value)
        assert jugex.rerun(folder, atlas=atlas, regions={"mine": region}, covariates=rin).same_numbers

    def test_choices_made_differently(self, project):
        folder = run(project).save("out")
        again = jugex.rerun(folder, changes={"exchange": "free", "seed": 4, "permutations": 500})
        choices = {change.what: change.second for change in again.changes if change.kind == "choice"}
        assert choices == {"exchange": "free", "seed (rng)": "4", "n_permutations": "500"}
        with pytest.raises(OptionError, match="no choice 'exchang'"):
            jugex.rerun(folder, changes={"exchang": "free"})

    def test_thresholds_are_changed_in_the_maps(self, project):
        draw_ball(project / "maps" / "a.nii.gz", CENTRES[0], value=0.3)
        folder = run(project).save("out")
        with pytest.raises(jugex.JugexError, match="above"):
            jugex.rerun(folder, changes={"threshold": 0.4})
        assert jugex.rerun(folder, changes={"threshold": 0.25}).result.record.regions[0].identity.threshold == 0.25

    def test_a_folder_without_a_result_is_refused(self, tmp_path):
        with pytest.raises(ResultError, match="no result"):
            jugex.rerun(tmp_path)
        with pytest.raises(ResultError, match="no such file"):
            jugex.rerun(tmp_path / "x" / "settings.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda region: region,
        lambda region: region.with_tolerance(3),
        lambda region: region.with_voxel("floor").left,
        lambda region: (region | jugex.Region.sphere((-22, 58, 4), 8)).with_tolerance(1).renamed("both"),
        lambda region: region & jugex.Region.box((-45, 35, -25), (45, 75, 35)),
        lambda region: region - jugex.demo_regions()[0],
        lambda region: region.eroded(2).dilated(1.5),
        pytest.param(lambda region: (~region).right, marks=pytest.mark.slow, id="rest"),
        lambda region: region & jugex.Region.from_structure("simFL", atlas=jugex.open_atlas("simulated")),
        lambda region: region.annotated_as("cortex", "left"),
    ],
    ids=["itself", "tolerance", "floor", "union", "box", "demo", "resized", None, "structure", "annotated"],
)
def test_regions_are_made_again(tmp_path, change):
    region = change(jugex.Region.from_image(draw_ball(tmp_path / "a.nii.gz", CENTRES[0]), name="area"))
    again = RegionMaker(str).make(region.identity())
    if region.identity().tissue is None:  # simulated structures are of no class
        again = again.bound_to(jugex.open_atlas("simulated"))
    assert again.identity() == region.identity()


def test_a_kind_that_another_version_made_is_refused(tmp_path):
    region = jugex.Region.from_image(draw_ball(tmp_path / "a.nii.gz", CENTRES[0])).eroded(2)
    identity = replace(region.identity(), kind="hollowed by 2 mm")
    with pytest.raises(RegionError, match="of a kind that this version cannot make"):
        RegionMaker(str).make(identity)


@pytest.fixture(scope="module")
def results():
    """Two results: with another alpha, and one gene less."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jugex.JugexWarning)  # alpha cannot be reached
        options = {"atlas": "simulated", "genes": ["MAOA", "TAC1", "GAD2"], **QUICK}
        one = jugex.compare("simulated:A", "simulated:B", **options)
        other = jugex.compare("simulated:A", "simulated:B", **options | {"alpha": 0.0005, "genes": ["MAOA", "GAD2"]})
    return one, other


class TestDiff:
    def test_says_what_differs(self, results):
        found = jugex.diff(*results)
        assert found.settings["what"].tolist()[:2] == ["alpha", "genes"]
        assert found.settings.loc[1, "first"].startswith("3 genes; TAC1")
        assert found.same_samples
        assert not found.same_numbers
        by_gene = found.genes.set_index("gene")
        assert by_gene.loc["TAC1", "changed"]  # tested in one of them only
        assert by_gene.loc["MAOA", ["evidence_1", "evidence_2", "changed"]].tolist() == ["samples", "none", True]
        assert not by_gene.loc["GAD2", "changed"]
        assert "MAOA" in found.summary()

    def test_numbers_are_those_of_the_results(self, results):
        found = jugex.diff(*results)
        both = found.genes.set_index("gene").loc["MAOA"]
        for number, result in enumerate(results, start=1):
            of_gene = result.table.set_index("gene").loc["MAOA"]
            for column in ("diff", "p_fwe", "f"):
                assert both[f"{column}_{number}"] == of_gene[column]
        table = found.unequal.set_index("column")
        gap = results[0].table.set_index("gene")["p_fwe"].sub(results[1].table.set_index("gene")["p_fwe"]).abs().max()
        assert table.loc["p_fwe", "largest"] == gap

    def test_swapped_regions_have_the_same_evidence(self, results):
        swapped = jugex.compare(
            "simulated:B", "simulated:A", atlas="simulated", genes=["MAOA", "TAC1", "GAD2"], **QUICK
        )
        found = jugex.diff(results[0], swapped)
        assert found.is_swapped
        assert "The regions have changed places" in found.summary()
        np.testing.assert_allclose(found.genes["diff_1"], found.genes["diff_2"], rtol=1e-9)

    def test_writes_a_page_tables_and_a_figure(self, results, tmp_path):
        found, out = jugex.diff(*results, names=("r1", "r2")), tmp_path / "what"
        found.save(out)
        assert {path.name for path in out.iterdir()} == {
            "report.html", "differences.tsv", "changes.tsv", "differences.json", "differences.png", "differences.pdf",
        }  # fmt: skip
        assert len(pd.read_csv(out / "differences.tsv", sep="\t")) == 3
        page = BeautifulSoup((out / "report.html").read_text(encoding="utf-8"), "html.parser")
        assert "r1" in page.h1.get_text()
        assert "Simulated data" in page.get_text()
        assert [cell.get_text() for cell in page.select(".on-rung th")] == ["MAOA", "TAC1"]
        assert not page.find_all("script")
        assert json.loads((out / "differences.json").read_text())["same_numbers"] is False
        with pytest.raises(OutputError, match="--overwrite"):
            found.save(out)
        found.save(out, overwrite=True)

    def test_names_are_escaped_on_the_page(self, results, tmp_path):
        found = jugex.diff(*results, names=("<b>one</b>", "two"))
        page = (found.save(tmp_path / "d") / "report.html").read_text(encoding="utf-8")
        assert "<b>one</b>" not in page

    def test_results_of_another_kind_are_refused(self, results):
        several = jugex.compare_several(
            ["simulated:A", "simulated:B", "sphere:-40,0,30,20"], atlas="simulated", genes=["MAOA"], **QUICK
        )
        with pytest.raises(ResultError, match="first compares 2 regions and second 3"):
            jugex.diff(results[0], several)
        other = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["CREB1"], **QUICK)
        with pytest.raises(ResultError, match="no gene in common"):
            jugex.diff(results[0], other)
        single = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], probes="single", **QUICK
        )
        with pytest.raises(ResultError, match="first holds genes and second probes"):
            jugex.diff(results[0], single)
        with pytest.raises(OptionError, match="got 3"):
            jugex.diff(results[0], 3)

    def test_folders_of_one_name_are_told_apart_by_where_they_lie(self, results, tmp_path):
        folders = [tmp_path / name / "out" for name in ("first", "second")]
        for folder, result in zip(folders, results, strict=True):
            folder.parent.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                for name in ("write_figures", "write_report"):
                    patch.setattr(f"jugex.report.files.{name}", lambda *_, **__: None)
                result.save(folder)
        assert jugex.diff(*folders).names == tuple(map(str, folders))
        with pytest.raises(OptionError, match="names are two texts"):
            jugex.diff(*folders, names=("one",))

    def test_gene_sets_are_compared_by_set(self, gene_sets):
        found = jugex.diff(*gene_sets)
        assert found.genes["gene"].tolist() == ["one", "other"]
        assert found.settings["what"].tolist() == ["seed (rng)"]
        assert jugex.diff(gene_sets[0], gene_sets[0]).same_numbers

    def test_columns_of_one_result_alone_are_listed(self, project):
        found = jugex.diff(run(project), run(project, ladder=True))
        unequal = found.unequal.set_index("column")["n_rows"]
        assert unequal["p_donors"] == 20
        assert "p_fwe" not in unequal

    def test_of_several_regions_what_is_significant_changes(self, project):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jugex.JugexWarning)  # alpha cannot be reached
            one, other = (run(project, 3, ladder=True, alpha=alpha) for alpha in (0.05, 0.0005))
        genes = jugex.diff(one, other).genes
        assert (genes["changed"] == (genes["significant_1"] != genes["significant_2"])).all()
        assert {"GENE1", "GENE2"} <= set(genes.loc[genes["changed"] & (genes["region_1"] == ""), "gene"])
        assert {"GENE1", "GENE2"} <= set(genes.loc[genes["changed"] & (genes["region_1"] == "a"), "gene"])

    def test_of_several_regions_the_pairs_are_compared_too(self):
        regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
        options = {"atlas": "simulated", "genes": ["MAOA", "GAD2"], **QUICK}
        one, other = (jugex.compare_several(regions, **options | {"rng": seed}) for seed in (0, 1))
        found = jugex.diff(one, other)
        assert len(found.genes) == 2 + 3 * 2
        assert jugex.diff(one, one).same_numbers
        assert len(found.plot().collections[0].get_offsets()) == 2

    def test_the_page_of_several_regions_says_what_is_significant(self, project):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jugex.JugexWarning)  # alpha cannot be reached
            one, other = (run(project, 3, alpha=alpha) for alpha in (0.05, 0.0005))
        page = BeautifulSoup(
            (jugex.diff(one, other).save("d") / "report.html").read_text(encoding="utf-8"), "html.parser"
        )
        rows = [[cell.get_text() for cell in row.select("th, td")] for row in page.select("tr")]
        [row] = [row for row in rows if row[:3] == ["GENE1", "a", "b"]]
        assert row[3:5] == ["yes", "no"]


def test_versions_and_donors_are_compared():
    record = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], **QUICK).record
    older = replace(record, versions={**record.versions, "numpy": "1.0"})
    donors = replace(record, atlas=replace(record.atlas, donors=record.atlas.donors[1:]))
    assert [(c.kind, c.what, c.first) for c in list_changes(older, record)] == [("version", "version of numpy", "1.0")]
    assert [c.what for c in list_changes(donors, record)] == ["donors"]
    assert list_changes(record, record) == ()


def test_files_and_answers_are_compared_by_their_checksums():
    record = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], **QUICK).record
    files = [FileRecord(file="tables/names.tsv", sha256=digit * 64) for digit in "12"]
    changes = [replace(record.atlas.changes, reannotation=NewProbeGenes(file, 10, 5, 3, 2)) for file in files]
    views = [replace(record, atlas=replace(record.atlas, changes=one)) for one in changes]
    aliases = [replace(record, genes=replace(record.genes, aliases=file)) for file in files]
    for what, (one, other) in (("reannotation", views), ("aliases", aliases)):
        assert list_changes(one, one) == ()
        [change] = list_changes(one, other)
        shown = ("names.tsv (111111111111...)", "names.tsv (222222222222...)")
        assert (change.kind, change.what, change.first, change.second) == ("input", what, *shown)
        [change] = list_changes(record, one)
        assert (change.what, change.first) == (what, "")

    every = replace(record, arguments=replace(record.arguments, genes=None))
    [change] = list_changes(every, record)
    assert (change.kind, change.what, change.first, change.second) == ("choice", "genes", "every gene", "1 gene")

    answers = [
        replace(record.atlas.source, responses=(ServiceResponse("query", "2026-01-01T00:00:00Z", digit * 64),))
        for digit in "12"
    ]
    asked = [replace(record, atlas=replace(record.atlas, source=source)) for source in answers]
    assert list_changes(asked[0], asked[0]) == ()
    assert [(c.kind, c.what) for c in list_changes(*asked)] == [("input", "atlas: answers of the web service")]


class TestCommand:
    def test_says_same_numbers(self, project, capsys):
        run(project).save("out")
        assert cli.main(["rerun", "out", "--quiet"]) == 0
        assert "Same numbers" in capsys.readouterr().out

    def test_writes_the_new_result_and_takes_paths_and_choices(self, project, capsys):
        run(project).save("out")
        (project / "maps").rename(project / "elsewhere")
        replaced = ["--replace", f"{project / 'maps'}={project / 'elsewhere'}"]
        assert cli.main(["rerun", "out", "-o", "again", *replaced, "--change", "alpha=0.01"]) == 0
        assert "alpha" in capsys.readouterr().out
        record = jugex.load_result("again").record
        assert record.arguments.alpha == 0.01
        assert record.command.startswith("jugex rerun out -o again")

    def test_several_regions_and_choices_in_words(self, project, capsys):
        run(project, 3).save("out")
        changes = ["--change", "exchange=free", "--change", "ladder=FALSE", "--change", "mirror=none"]
        assert cli.main(["rerun", "out", "-o", "again", *changes]) == 0
        assert "exchange" in capsys.readouterr().out
        arguments = read_group("again").data.record.arguments
        assert (arguments.exchange, arguments.ladder, arguments.mirror) == ("free", False, None)

    def test_two_folders_side_by_side(self, project, capsys):
        run(project).save("one")
        run(project, alpha=0.1).save("two")
        assert cli.main(["diff", "one", "two", "-o", "both"]) == 0
        assert "alpha" in capsys.readouterr().out
        assert json.loads((project / "both" / "differences.json").read_text())["second"] == "two"
        assert cli.main(["diff", "one", "maps"]) == 1
        assert "maps holds no result" in capsys.readouterr().err

    def test_a_replacement_without_equals_is_refused(self, capsys):
        with pytest.raises(SystemExit) as ended:
            cli.main(["rerun", "out", "--replace", "x"])
        assert ended.value.code == 2
        assert "OLD=NEW" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process of its own is forked")
class TestKilled:
    """`jugex rerun --out` killed at random moments: the same command then succeeds, and nothing is lost."""

    @staticmethod
    def time(*command):
        began = time.monotonic()
        assert cli.main([*command]) == 0
        return time.monotonic() - began

    @staticmethod
    def assert_whole(folder, table):
        pd.testing.assert_frame_equal(jugex.load_result(folder).table, table)

    @pytest.mark.parametrize("target", ["again", "out"])
    def test_overwriting(self, project, capsys, target):
        """Also over the result that it is a rerun of."""
        table = run(project).save("out") and jugex.load_result("out").table
        command = ("rerun", "out", "--quiet", "--out", target, "--overwrite")
        seconds, rng = self.time(*command), random.Random(3)
        (project / target / "notes.txt").write_text("mine")
        for _ in range(12):
            kill_after(rng.uniform(0, 1.2 * seconds), lambda: cli.main([*command]))
            check_output(project / target, overwrite=True)  # what the next run does first
            assert (project / target / "notes.txt").read_text() == "mine"
            for folder in {"out", target}:
                self.assert_whole(folder, table)
        assert cli.main([*command]) == 0
        assert (project / target / "notes.txt").read_text() == "mine"
        assert {path.name for path in project.iterdir()} == {"data", "maps", "out", target}

    def test_into_a_new_folder(self, project, capsys):
        table = run(project).save("out") and jugex.load_result("out").table
        seconds, rng = self.time("rerun", "out", "--quiet", "--out", "first"), random.Random(4)
        for number in range(12):
            command = ("rerun", "out", "--quiet", "--out", f"again{number % 3}")
            target = project / command[-1]
            kill_after(rng.uniform(0, 1.2 * seconds), lambda command=command: cli.main([*command]))
            if target.exists():
                self.assert_whole(target, table)
                shutil.rmtree(target)
            self.assert_whole("out", table)
        for number in range(3):
            assert cli.main(["rerun", "out", "--quiet", "--out", f"again{number}"]) == 0
        assert {path.name for path in project.iterdir()} == {
            "data", "maps", "out", "first", "again0", "again1", "again2"
        }  # fmt: skip
