"""The web service as an atlas: the same table as siibra and the archives make, asked politely."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.atlas import ArchivesAtlas, open_atlas
from jugex.atlas.allen_api import AllenApiAtlas
from jugex.atlas.allen_client import AllenApiClient
from jugex.atlas.base import DONOR_COLUMNS, PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS
from jugex.atlas.donors import DONORS
from jugex.errors import AtlasError, GeneError, GeneWarning, OptionError
from jugex.genes import ListedGene
from jugex.query.reference import classify_tissue
from tests.allen_service import make_service, serve_archives
from tests.servers import LocalServer
from tests.toy import wells

SIIBRA_COLUMNS = ["level", "zscore", "gene", "race", "gender", "age", "mni_xyz", "sample", "probe_id", "donor_name"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def service():
    return make_service({"CNR1": 89, "MAOA": 3, "C1orf21": 2})


@pytest.fixture
def server(service, monkeypatch) -> Iterator[LocalServer]:
    with LocalServer(service) as running:
        monkeypatch.setenv("JUGEX_ALLEN_API_URL", running.url + "/")
        yield running


def new_atlas(**options):
    return AllenApiAtlas(client=AllenApiClient(pause=0, backoff=0), **options)


def criteria(server, start):
    asked = [request.query["criteria"][0] for request in server.requests]
    return [text for text in asked if text.startswith(start)]


def all_wells(atlas):
    return wells("everywhere", *atlas.samples["well_id"])


def make_siibras_table(service, requests):
    """Siibra's documented columns from the service's own answers, one row per sample and probe."""

    def answer(request):
        return json.loads(service(request).body)["msg"]

    answers = [(request.query["criteria"][0], answer(request)) for request in requests]
    donors = {row["id"]: row for text, rows in answers if "Donor" in text for row in rows}
    affines = {row["name"]: row["alignment3d"] for text, rows in answers if "Specimen" in text for row in rows}
    rows = []
    for message in (message for text, message in answers if text.startswith("service::")):
        for number, sample in enumerate(message["samples"]):
            donor, values = donors[sample["donor"]["id"]], affines[sample["donor"]["name"]]
            affine = np.array(
                [[values[f"tvr_{i:02}"] for i in row] for row in ((0, 1, 2, 9), (3, 4, 5, 10), (6, 7, 8, 11))]
            )
            mni = np.matmul(affine, np.array([*sample["sample"]["mri"], 1])).round(2)
            for probe in message["probes"]:
                level, zscore = float(probe["expression_level"][number]), float(probe["z-score"][number])
                age = int(donor["age"]["days"] / 365)
                rows.append(
                    (level, zscore, probe["gene-symbol"], donor["race_only"], donor["sex"], age, tuple(mni), number,
                     probe["id"], donor["name"])
                )  # fmt: skip
    return pd.DataFrame(rows, columns=SIIBRA_COLUMNS)


def in_order(table):
    return table.sort_values(["donor_name", "sample", "probe_id"], ignore_index=True)


class TestTable:
    def test_equals_siibras_cell_by_cell(self, server, service):
        atlas = new_atlas().with_genes(["MAOA", "C1orf21"])
        table = jugex.query.expressions(all_wells(atlas), ["MAOA", "C1orf21"], atlas=new_atlas())
        assert len(table) == 6 * 6 * 5
        expected = make_siibras_table(service, server.requests)
        pd.testing.assert_frame_equal(in_order(table)[SIIBRA_COLUMNS], in_order(expected), check_exact=True)

    def test_equals_siibras_on_real_samples(self, shared_data, monkeypatch):
        service = serve_archives(shared_data)
        with LocalServer(service) as server:
            monkeypatch.setenv("JUGEX_ALLEN_API_URL", server.url)
            atlas = new_atlas().with_genes(["SCN1A", "SLC6A2"])
            table = jugex.query.expressions(all_wells(atlas), ["SCN1A", "SLC6A2"], atlas=atlas)
            expected = make_siibras_table(service, server.requests)
        assert len(table) == 3702 * 5
        pd.testing.assert_frame_equal(in_order(table)[SIIBRA_COLUMNS], in_order(expected), check_exact=True)

    def test_equals_that_of_the_archives(self, shared_data, monkeypatch):
        region = jugex.Region.from_image(shared_data / "regions" / "Fp1_left_pmap.nii.gz", threshold=0.2)
        archives = ArchivesAtlas(shared_data / "ahba-mini")
        from_archives = jugex.query.expressions(region, ["SCN1A", "SLC6A2"], atlas=archives)
        with LocalServer(serve_archives(shared_data)) as server:
            monkeypatch.setenv("JUGEX_ALLEN_API_URL", server.url)
            from_service = jugex.query.expressions(region, ["SCN1A", "SLC6A2"], atlas="allen-api")
        keys = ["well_id", "probe_id"]
        first, second = (table.sort_values(keys, ignore_index=True) for table in (from_service, from_archives))
        same = ["level", "gene", "race", "gender", "age", "donor_name", "well_id", "probe_id", "structure_acronym",
                "structure_name"]  # fmt: skip
        pd.testing.assert_frame_equal(first[same], second[same], check_exact=True)
        # the service rounds to 4 decimals, hence half a unit of the last, and as much again for binary fractions
        np.testing.assert_allclose(first["zscore"], second["zscore"], rtol=0, atol=5.1e-5)
        coordinates = [np.array(table["mni_xyz"].tolist()) for table in (first, second)]
        assert np.abs(coordinates[0] - coordinates[1]).max() < 0.06  # the archives round to 0.1 mm

    @pytest.mark.parametrize("name", ["Fp1", "Fp2"])
    def test_membership_is_that_of_the_archives(self, shared_data, monkeypatch, name):
        region = jugex.Region.from_image(shared_data / "regions" / f"{name}_left_pmap.nii.gz", threshold=0.2)
        archives = ArchivesAtlas(shared_data / "ahba-mini")
        with LocalServer(serve_archives(shared_data)) as server:
            monkeypatch.setenv("JUGEX_ALLEN_API_URL", server.url)
            service = new_atlas().with_genes("SCN1A")
        found = []
        between = set()
        for atlas in (archives, service):
            located = region.locate(atlas.samples)
            found.append(set(atlas.samples["well_id"][located["inside"].to_numpy()]))
            between |= set(atlas.samples["well_id"][located["between_voxels"].to_numpy()])
        assert found[0]
        assert found[0] ^ found[1] <= between

    def test_pairs_of_regions(self, shared_data, monkeypatch):
        fp1, fp2 = (
            jugex.Region.from_image(shared_data / "regions" / f"{name}_left_pmap.nii.gz", threshold=0.2, name=name)
            for name in ("Fp1", "Fp2")
        )
        with LocalServer(serve_archives(shared_data)) as server:
            monkeypatch.setenv("JUGEX_ALLEN_API_URL", server.url)
            result = jugex.compare(fp1, fp2, genes=iter(["SLC6A2"]), atlas="allen-api", n_permutations=99, rng=0)
        row = result.table.iloc[0]
        assert (row["n_samples_1"], row["n_samples_2"], row["df_resid"]) == (16, 12, 21)
        # F of the archives; z-scores of 4 decimals move it by some 1e-4 of itself
        assert row["f"] == pytest.approx(0.245834, rel=1e-3)
        assert result.record.atlas.source.kind == "allen-api"


class TestAtlas:
    def test_tables_have_the_columns_of_every_atlas(self, server):
        atlas = new_atlas().with_genes("MAOA")
        for table, columns in [
            (atlas.samples, SAMPLE_COLUMNS),
            (atlas.probes, PROBE_COLUMNS),
            (atlas.donors, DONOR_COLUMNS),
            (atlas.structures, STRUCTURE_COLUMNS),
        ]:
            assert tuple(table.columns) == columns
            assert isinstance(table.index, pd.RangeIndex)
        assert list(atlas.donors.itertuples(index=False, name=None)) == [
            (d.donor_name, d.donor_id, d.age, d.gender, d.race) for d in DONORS
        ]
        assert atlas.probes["probe_id"].tolist() == [2000, 2001, 2002]
        assert atlas.probes["entrez_id"].tolist() == [72] * 3
        assert atlas.samples["well_id"].is_unique
        assert atlas.samples["sample"].tolist() == [*range(6)] * 6
        assert "36 samples of 6 donors, 3 probes" in repr(atlas)

    def test_levels_and_zscores_are_the_services(self, server, service):
        atlas = new_atlas().with_genes("MAOA")
        levels = np.concatenate([service.levels[donor.donor_id][2001] for donor in DONORS])
        np.testing.assert_array_equal(atlas.levels(probe_ids=[2001])[:, 0], [float(f"{x:.4f}") for x in levels])
        of_donor = service.levels[15697][2002]
        zscores = (of_donor - of_donor.mean()) / of_donor.std()
        some = atlas.samples.loc[atlas.samples["donor_name"] == "H0351.1016", "well_id"].to_numpy()[[4, 1]]
        expected = [[float(f"{x:.4f}")] for x in zscores[[4, 1]]]
        np.testing.assert_array_equal(atlas.zscores(well_ids=some, probe_ids=[2002]), expected)

    def test_zscores_of_a_view_are_the_services_too(self, server):
        atlas = new_atlas().with_genes("MAOA")
        np.testing.assert_array_equal(atlas.mirrored("left").zscores(), atlas.zscores())

    def test_moments_are_those_of_the_levels(self, server):
        atlas = new_atlas().with_genes("MAOA")
        mean, sd = atlas._read_moments("H0351.2002", np.array([2, 0]))
        levels = atlas.levels()[6:12][:, [2, 0]]
        np.testing.assert_allclose([mean, sd], [levels.mean(axis=0), levels.std(axis=0)], rtol=1e-12)  # order of sums

    @pytest.mark.parametrize("missing", [[2000], [2000, 2001, 2002]])
    def test_a_probe_may_have_no_entrez_id(self, server, service, missing):
        for probe in service.probes:
            probe["entrez-id"] = None if probe["id"] in missing else str(probe["entrez-id"])
        entrez_ids = new_atlas().with_genes("MAOA").probes["entrez_id"]
        assert entrez_ids.isna().sum() == len(missing)
        assert entrez_ids.dtype == "Int64"

    def test_parent_of_a_structure_is_its_top_one(self, server):
        structures = new_atlas().with_genes("MAOA").structures.set_index("structure_id")
        assert structures.loc[[4020, 4021], "parent_structure_id"].tolist() == [4009, 4009]
        assert structures.loc[4009, "acronym"] == "FL"

    def test_the_parts_of_the_brain_stand_above_the_top_ones(self, server):
        atlas = new_atlas().with_genes("MAOA")
        structures = atlas.structures.set_index("structure_id")
        assert structures.loc[structures.loc[4009, "parent_structure_id"], "acronym"] == "Cx"
        assert structures["parent_structure_id"].isna().sum() == 1
        assert set(classify_tissue(atlas)) == {"isocortex"}

    def test_identity_names_every_answer(self, server, service):
        identity = new_atlas(donors=[9861]).with_genes("MAOA").identity().to_dict()
        assert json.loads(json.dumps(identity)) == identity
        assert {key: identity[key] for key in ("kind", "name", "url", "n_samples", "n_probes", "files")} == {
            "kind": "allen-api",
            "name": "Allen Human Brain Atlas (web service)",
            "url": server.url,
            "n_samples": 6,
            "n_probes": 3,
            "files": [],
        }
        assert identity["zscores"] == "as given"
        assert [donor["donor_name"] for donor in identity["donors"]] == ["H0351.2001"]
        assert len(identity["responses"]) == len(server.requests) == 4
        assert identity["dates"][0].endswith("+00:00")
        for response, request in zip(identity["responses"], list(server.requests), strict=True):
            assert response["request"] == server.url + unquote(request.path)
            assert response["sha256"] == hashlib.sha256(service(request).body).hexdigest()

    def test_donors_are_chosen_before_or_after(self, server):
        before = open_atlas(new_atlas(), donors=["H0351.1009", 9861]).with_genes("MAOA")
        assert [text.partition("[donors")[2] for text in criteria(server, "service")] == ["$eq9861]", "$eq12876]"]
        after = new_atlas().with_genes("MAOA").with_donors([12876, 9861])
        pd.testing.assert_frame_equal(before.samples, after.samples)
        pd.testing.assert_frame_equal(before.donors, after.donors)
        np.testing.assert_array_equal(before.zscores(), after.zscores())

    def test_nothing_is_asked_before_genes_are_named(self, server):
        atlas = open_atlas("allen-api")
        assert isinstance(atlas, AllenApiAtlas)
        assert "asked for genes when they are used" in repr(atlas)
        assert atlas.identity().n_samples == 0
        for use in (lambda: atlas.samples, lambda: atlas.probes, lambda: atlas.structures, atlas.levels, atlas.zscores):
            with pytest.raises(
                AtlasError,
                match=r"no gene is named, .*; name some \(--genes .* atlas\.with_genes\(.* in Python\), or .* fetch",
            ):
                use()
        with pytest.raises(AttributeError, match="'AllenApiAtlas' object has no attribute 'sampels'"):
            _ = atlas.sampels
        assert server.requests == []

    def test_every_gene_is_refused(self, server):
        region = wells("R", 1)
        for ask in (
            lambda: jugex.query.region_pair(region, wells("S", 2), atlas="allen-api"),
            lambda: open_atlas("allen-api").with_genes(None),
        ):
            with pytest.raises(OptionError, match=r"cannot return every gene; name the genes, or .* jugex fetch"):
                ask()
        assert server.requests == []

    def test_address_must_be_one(self, monkeypatch):
        monkeypatch.setenv("JUGEX_ALLEN_API_URL", "api.brain-map.org")
        with pytest.raises(
            OptionError,
            match=r"must be http or https, such as https://api\.brain-map\.org/api/v2/data; got 'api\.brain-map",
        ):
            open_atlas("allen-api")


class TestGenes:
    @pytest.mark.parametrize("max_rows", [None, 50, 40])
    def test_all_pages_of_probes_are_read(self, server, service, max_rows):
        service.max_rows = max_rows
        atlas = new_atlas().with_genes("CNR1")
        assert len(atlas.probes) == 89  # an earlier tool's first page held 50 of them
        n_pages = {None: 1, 50: 2, 40: 3}[max_rows]
        assert len(criteria(server, "model::Probe")) == n_pages

    def test_only_the_genes_used_are_asked_for(self, server):
        atlas = new_atlas().with_genes(["MAOA"])
        assert atlas.probes["gene"].unique().tolist() == ["MAOA"]
        assert all("'CNR1'" not in text for text in criteria(server, "model::Probe"))
        assert {text.count(",") for text in criteria(server, "service")} == {2}

    def test_probes_are_asked_for_in_batches_one_after_the_other(self, server):
        whole = new_atlas(probes_per_request=200).with_genes(["CNR1", "MAOA"])
        n_whole = len(criteria(server, "service"))
        parts = new_atlas(probes_per_request=40).with_genes(["CNR1", "MAOA"])
        assert (n_whole, len(criteria(server, "service")) - n_whole) == (6, 6 * 3)
        pd.testing.assert_frame_equal(parts.probes, whole.probes)
        np.testing.assert_array_equal(parts.levels(), whole.levels())
        np.testing.assert_array_equal(parts.zscores(), whole.zscores())

    def test_many_genes_make_several_short_requests(self, server):
        new_atlas(donors=[9861]).with_genes(["MAOA", *(f"G{number}" for number in range(120))])
        assert [text.partition("acronym")[2].count("'") // 2 - 1 for text in criteria(server, "model::Probe")] == [
            50,
            50,
            21,
        ]

    def test_ids_are_quoted_where_the_service_wants_that(self, server, service):
        service.only_quoted = True
        atlas = new_atlas(donors=[9861, 10021]).with_genes("MAOA")
        expected = [
            "service::human_microarray_expression[probes$in2000,2001,2002][donors$eq9861]",
            "service::human_microarray_expression[probes$in'2000','2001','2002'][donors$eq'9861']",
            "service::human_microarray_expression[probes$in'2000','2001','2002'][donors$eq'10021']",
        ]
        assert criteria(server, "service") == expected
        assert atlas.levels().shape == (12, 3)
        new_atlas(donors=[9861, 10021]).with_genes("MAOA")  # all answers are kept: nothing is asked again
        assert criteria(server, "service") == expected

    def test_case_is_ignored_as_far_as_capitals_go(self, server):
        assert new_atlas().with_genes("maoa").probes["gene"].unique().tolist() == ["MAOA"]
        assert new_atlas().with_genes("C1orf21").probes["gene"].unique().tolist() == ["C1orf21"]

    def test_entrez_ids(self, server):
        for gene in (72, "72", ListedGene("OLDNAME", "72")):
            assert new_atlas(donors=[9861]).with_genes(gene).probes["gene"].unique().tolist() == ["MAOA"]

    def test_a_gene_that_is_not_there_is_warned_of(self, server):
        atlas = new_atlas()
        region = all_wells(atlas.with_genes("MAOA"))
        with pytest.warns(GeneWarning, match="not in the atlas: XYZ"):
            table = jugex.query.expressions(region, ["MAOA", "XYZ"], atlas=atlas)
        assert table["gene"].unique().tolist() == ["MAOA"]

    @pytest.mark.parametrize("gene", ["XYZ", "M'A]OA&x=1"])
    def test_no_probe_of_any_gene(self, server, gene):
        with pytest.raises(GeneError, match=r"the web service has no probe of .*; check the spelling .*jugex fetch"):
            jugex.query.expressions(wells("R", 1), gene, atlas="allen-api")
        assert criteria(server, "service") == []
