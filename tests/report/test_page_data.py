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

from jugex._text import format_p
from jugex.pipeline.donors import donor_differences
from jugex.plots.brain import brain_views
from jugex.plots.panels import null_data
from jugex.report import page_data
from jugex.report.page import render_page
from jugex.report.page_data import MAX_PAIRS, describe_brain, embed_pairs, embed_panels, pack_array, pack_bytes
from jugex.report.panel_file import as_in_files
from tests.report.conftest import compare_toy
from tests.report.helpers import change


def unpack(text):
    return gzip.decompress(base64.b64decode(text))


def read_array(packed):
    """As the scripts of the page read it: a power of two of each row and bytes, or lower bytes before upper ones."""
    if packed.form == "bytes":
        read = np.frombuffer(unpack(packed.data), dtype=np.int8)
        power, whole = np.split(read, [packed.shape[0]])
        steps = packed.step * 2.0 ** power[:, None]
        whole = whole.reshape(packed.shape).astype(float)
        return np.where(whole == -128, np.nan, whole * steps)
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
        for packed in (pack_array("x", values), pack_bytes("x", values, step=0.05)):
            np.testing.assert_array_equal(np.isnan(read_array(packed)), ~np.isfinite(values), strict=False)

    def test_a_whole_genome_takes_few_bytes(self):
        values = np.random.default_rng(0).normal(0, 1, (2000, 300))
        # a tenth of 20,000 genes x 300 samples, of which a page has room for about 7 MB
        assert len(pack_bytes("x", values, step=0.05).data) < 700_000

    @pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
    def test_bytes_keep_two_digits_of_each_row(self, scale):
        values = np.random.default_rng(0).normal(0, scale, (7, 50))
        values[2, 3], values[4, :] = 300.0 * scale, np.nan  # one row reaches far, and one holds nothing
        packed = pack_bytes("x", values, step=0.05)
        largest = np.fmax.reduce(np.abs(values), axis=1, initial=0.0)[:, None]
        off = np.abs(read_array(packed) - values)
        assert np.nanmax(off - np.maximum(0.0251, largest / 126)) <= 0  # half a step, or half of two digits
        assert np.isnan(read_array(packed)[4]).all()


class TestSamples:
    def test_zscores_of_every_gene_stand_in_the_order_of_the_table(self, result, embedded):
        zscores = read_arrays(embedded)["zscores"]
        expected = result.zscores[list(result.labels)].to_numpy().T
        np.testing.assert_allclose(zscores, expected, atol=0.02501)  # half a step

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


class TestPairs:
    def embed(self, group):
        return json.loads(unpack(embed_pairs(group.data, group.data.labels, group.pairs_table).head))

    def test_samples_stand_in_their_regions(self, group_result):
        data = group_result.comparison.data
        samples = self.embed(group_result.comparison)["samples"]
        names = [data.region_names.index(name) for name in data.samples["region"]]
        assert samples["region"] == names

    def test_pairs_stand_in_the_order_of_the_regions_whatever_their_p(self, group_result):
        group, names = group_result.comparison, group_result.region_names
        gene = group.pairs_table[(group.pairs_table["gene"] == group.data.labels[0]).to_numpy(dtype=bool)]
        expected = {frozenset((row["region_1"], row["region_2"])): row for row in gene.to_dict("records")}
        rows = self.embed(group)["cards"]["0"]["pairs"]["rows"]
        assert [row["order"] for row in rows] == [[0, 1], [0, 2], [1, 2]]
        for row in rows:
            first, second = (names[place] for place in row["order"])
            of_pair = expected[frozenset((first, second))]
            sign = 1 if of_pair["region_1"] == first else -1
            assert row["diff"] == pytest.approx(sign * of_pair["diff"], abs=5e-5)  # four decimals
            assert row["p"] == format_p(of_pair["p_fwe_holm"])
            assert row["isSignificant"] == of_pair["significant"]

    def test_of_many_pairs_the_first_are_drawn(self):
        pairs = self.embed(compare_toy(6).comparison)["cards"]["0"]["pairs"]
        assert len(pairs["rows"]) == MAX_PAIRS
        assert "of 15 pairs" in pairs["note"]

    def test_regions_with_long_names_go_by_numbers(self):
        names = [f"simulated area {letter}, left" for letter in "ABC"]
        head = self.embed(compare_toy(3, names=names).comparison)
        pairs = head["cards"]["0"]["pairs"]
        assert pairs["isNumbered"]
        assert [row["called"] for row in pairs["rows"]] == ["1 \N{EN DASH} 2", "1 \N{EN DASH} 3", "2 \N{EN DASH} 3"]
        assert head["samples"]["regions"] == [f"{number} {name}" for number, name in enumerate(names, start=1)]

    def test_without_a_pair_there_is_none(self, group_result):
        group = group_result.comparison
        data = embed_pairs(group.data, group.data.labels, group.pairs_table.assign(status="impossible: why"))
        assert json.loads(unpack(data.head))["cards"] == {}
        assert data.kinds == ("Samples",)


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
