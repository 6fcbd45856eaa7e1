"""What pages embed for their scripts: numbers that are those of the result."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import json

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from jugex.pipeline.donors import donor_differences
from jugex.plots.brain import brain_views
from jugex.plots.panels import null_data
from jugex.report import page_data
from jugex.report.page import render_page
from jugex.report.page_data import describe_brain, embed_panels, pack_array
from jugex.report.panel_file import as_in_files
from tests.report.helpers import change


def unpack(text):
    return gzip.decompress(base64.b64decode(text))


def read_array(packed):
    """As the scripts of the page read it: lower bytes before upper ones."""
    low, high = np.frombuffer(unpack(packed.data), dtype=np.uint8).reshape(2, -1).astype(np.uint16)
    folded = (low | high << 8).astype(np.int64)
    whole = (folded >> 1) ^ -(folded & 1)
    return np.where(folded == 65535, np.nan, whole * packed.step).reshape(packed.shape)


def read_arrays(data):
    return {array.name: read_array(array) for array in data.arrays}


@pytest.fixture(scope="module")
def result(make_result):
    return as_in_files(make_result())


@pytest.fixture(scope="module")
def embedded(result):
    return embed_panels(result, ["MAOA", "TAC1"])


@pytest.fixture(scope="module")
def head(embedded):
    return json.loads(unpack(embedded.head))


class TestArrays:
    @pytest.mark.parametrize("scale", [1.0, 1e-3, 1e5])
    def test_numbers_come_back_to_half_a_step(self, scale):
        values = np.random.default_rng(0).normal(0, scale, (7, 5))
        values[2, 3] = np.nan
        packed = pack_array("x", values)
        np.testing.assert_allclose(read_array(packed), values, atol=0.5001 * packed.step)
        assert packed.step == max(0.001, np.nanmax(np.abs(values)) / 32767)

    @pytest.mark.parametrize("values", [np.full((2, 3), np.nan), np.empty((0, 3)), np.array([[np.inf, 1.0]])])
    def test_what_is_missing_or_endless_is_missing(self, values):
        np.testing.assert_array_equal(np.isnan(read_array(pack_array("x", values))), ~np.isfinite(values), strict=False)

    def test_a_whole_genome_takes_few_bytes(self):
        values = np.random.default_rng(0).normal(0, 1, (2000, 300))
        # a tenth of 20,000 genes x 300 samples, of which a page has room for about 8 MB
        assert len(pack_array("x", values, least=0.02).data) < 800_000


class TestSamples:
    def test_zscores_of_every_gene_stand_in_the_order_of_the_table(self, result, embedded):
        zscores = read_arrays(embedded)["zscores"]
        expected = result.zscores[list(result.labels)].to_numpy().T
        np.testing.assert_allclose(zscores, expected, atol=0.01001)  # half a step

    def test_a_gene_without_zscores_has_none(self, result):
        table = result.table.assign(status=["ok", "not tested: why", "ok"])
        without = dataclasses.replace(result, table=table, zscores=result.zscores.drop(columns="TAC1"))
        zscores = read_arrays(embed_panels(without, ["MAOA"]))["zscores"]
        assert np.isnan(zscores).all(axis=1).tolist() == [False, True, False]

    def test_regions_and_donors_are_those_of_the_samples(self, result, head):
        samples = head["samples"]
        assert [samples["regions"][place] for place in samples["region"]] == list(result.samples["region"])
        assert [samples["donors"][place][0] for place in samples["donor"]] == list(result.samples["donor_name"])
        assert np.abs(samples["shift"]).max() <= 0.5

    def test_of_more_values_than_a_page_holds_the_first_genes_are_kept(self, result, monkeypatch):
        monkeypatch.setattr(page_data, "_MOST_VALUES", 2 * len(result.samples))
        data = embed_panels(result, ["MAOA"])
        assert read_arrays(data)["zscores"].shape == (2, len(result.samples))


class TestPanels:
    def test_donors_are_those_of_the_result(self, result, embedded, head):
        values = read_arrays(embedded)["donor-differences"]
        donors = donor_differences(result, "MAOA")
        names = [head["samples"]["donors"][place][0] for place in head["donors"]["donor"]]
        assert names == donors["donor_name"].tolist()
        assert head["donors"]["n1"] == donors["n_1"].tolist()
        np.testing.assert_allclose(values[0, :, 0], donors["diff"], atol=0.0006)
        np.testing.assert_allclose(values[0, :, 1], donors["ci_high"] - donors["diff"], atol=0.0006)

    def test_permutations_are_those_of_the_figure(self, result, head):
        null, shown = null_data(result, ["TAC1"])["TAC1"], head["cards"]["1"]["null"]
        assert shown["counts"] == null.counts.tolist()
        assert sum(shown["counts"]) == len(null.f) == shown["n"]
        assert shown["f"] == null.observed
        assert shown["reached"] == null.n_reached

    def test_probes_are_those_of_the_gene(self, result, embedded, head):
        probes, values = head["cards"]["1"]["probes"], read_arrays(embedded)["probe-zscores"]
        assert probes["names"] == ["A_23_P2", "A_23_P3"]
        kept = result.drawings.probes["TAC1"].zscores
        np.testing.assert_allclose(values[probes["first"] : probes["first"] + 2], kept.T, atol=0.0006)

    def test_kinds_are_those_that_the_cards_have(self, make_result, embedded):
        assert embedded.kinds == ("Samples", "Donor by donor", "Permutations", "Probes")
        assert embed_panels(make_result(fresh=False), ["MAOA"]).kinds == embedded.kinds[:3]
        assert embed_panels(make_result(names=("V1", "V1")), ["MAOA"]).kinds == ("Samples", "Probes")

    def test_the_page_holds_them(self, make_result, embedded):
        page = BeautifulSoup(render_page(make_result()), "html.parser")
        assert page.find(id="panels-data").get_text() == embedded.head
        for array in embedded.arrays:
            element = page.find(id=f"{array.name}-data")
            assert element.get_text() == array.data
            assert element["data-shape"] == ",".join(map(str, array.shape))
            assert float(element["data-step"]) == array.step


class TestBrain:
    def test_views_hold_the_slices_the_samples_and_the_outlines(self, result):
        shown = json.loads(unpack(describe_brain(result)["views"]))
        assert [region["name"] for region in shown["regions"]] == list(result.region_names)
        for view, expected in zip(shown["views"], brain_views(result), strict=True):
            image = Image.open(io.BytesIO(base64.b64decode(view["image"].partition(",")[2])))
            clear = np.asarray(image)[::-1, :, 1] == 0
            np.testing.assert_array_equal(clear, expected.greys == 0)
            for points, all_points in zip(view["samples"], expected.samples, strict=True):
                np.testing.assert_allclose(np.reshape(points, (-1, 2)), all_points, atol=0.0501)
            assert all(len(lines) == 1 for lines in view["outlines"])

    def test_the_scene_holds_cortex_regions_and_samples(self, result):
        scene = json.loads(unpack(describe_brain(result)["scene"]))
        assert len(scene["cortex"]["corners"]) == 3 * 2 * 10242  # fsaverage5
        for region, name in zip(scene["regions"], result.region_names, strict=True):
            here = (result.samples["region"] == name).to_numpy()
            expected = result.samples.loc[here, ["mni_x", "mni_y", "mni_z"]].to_numpy()
            points = np.reshape(region["points"], (3, -1)).T / 10
            np.testing.assert_allclose(points, expected, atol=0.0501)  # tenths of a millimetre
            assert 0 < max(region["grid"]["filled"]) <= 100

    def test_without_a_template_it_says_why(self, make_result):
        result = change(make_result(), atlas={"space": "mine"})
        brain = describe_brain(as_in_files(result))
        assert (brain["views"], brain["scene"]) == ("", "")
        assert "the space mine" in brain["why_none"]
