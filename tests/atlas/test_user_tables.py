"""An atlas from the user's own tables, and every way in which these can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import jugex
from jugex.atlas import SimulatedAtlas, atlas_from_tables
from jugex.atlas.identity import AtlasIdentity
from jugex.errors import AtlasError, AtlasWarning, OptionError
from tests.atlas.user_data import make_expression, make_probes, make_samples

ONE = {"centre": (3, 0, 0), "radius": 1.5, "name": "one"}
TWO = {"centre": (7, 0, 0), "radius": 1.5, "name": "two"}


@pytest.fixture
def samples():
    return make_samples()


@pytest.fixture
def expression():
    return make_expression()


def write(table: pd.DataFrame, path, *, index: bool = False):
    """Write by the ending of the path."""
    if path.suffix == ".parquet":
        table.to_parquet(path, index=index)
    else:
        table.to_csv(path, sep="\t" if ".tsv" in path.name else ",", index=index)
    return path


class TestTables:
    def test_tables_are_those_of_every_atlas(self, samples, expression):
        atlas = atlas_from_tables(samples, expression)
        whole = SimulatedAtlas()
        assert list(atlas.samples.columns) == [*whole.samples.columns, "sample_id"]
        for name in ("probes", "donors", "structures"):
            assert list(getattr(atlas, name).columns) == list(getattr(whole, name).columns)
        assert atlas.samples["well_id"].is_unique
        assert atlas.probes["probe_id"].tolist() == [1, 2, 3, 4]
        assert atlas.probes["gene"].tolist() == atlas.probes["probe_name"].tolist() == list(expression.columns)
        assert atlas.probes["entrez_id"].isna().all()
        assert (atlas.space, atlas.simulated) == ("MNI152NLin2009cAsym", False)

    def test_samples_of_a_donor_stand_together(self, samples, expression):
        atlas = atlas_from_tables(samples, expression)
        assert atlas.samples["donor_name"].tolist() == ["D2"] * 8 + ["D1"] * 8
        assert atlas.samples["sample"].tolist() == [*range(8), *range(8)]
        assert atlas.samples["sample_id"].tolist() == [f"s{n}" for n in (*range(0, 16, 2), *range(1, 16, 2))]
        assert atlas.samples["well_id"].tolist() == [*range(1, 17, 2), *range(2, 17, 2)]  # by the order of the table
        assert atlas.donors["donor_name"].tolist() == ["D2", "D1"]

    @pytest.mark.parametrize("turned", [False, True])
    @pytest.mark.parametrize("shuffled", [False, True])
    def test_values_are_found_by_id_in_both_orientations(self, samples, expression, turned, shuffled):
        given = expression.sample(frac=1, random_state=1) if shuffled else expression
        atlas = atlas_from_tables(samples, given.T if turned else given)
        expected = expression.loc[atlas.samples["sample_id"]].to_numpy()
        np.testing.assert_array_equal(atlas.levels(), expected)
        xyz = samples.set_index("sample_id").loc[atlas.samples["sample_id"], ["x", "y", "z"]]
        np.testing.assert_array_equal(atlas.samples[["mni_x", "mni_y", "mni_z"]], xyz)

    def test_zscores_are_over_all_samples_of_the_donor_that_have_a_value(self, samples, expression):
        atlas = atlas_from_tables(samples, expression)
        levels, zscores = atlas.levels(), atlas.zscores()
        for donor in (slice(0, 8), slice(8, 16)):
            expected = stats.zscore(levels[donor], axis=0, nan_policy="omit")
            np.testing.assert_allclose(zscores[donor], expected, rtol=1e-12)  # float64, another order of sums
        missing = atlas.samples["sample_id"].to_numpy() == "s3"
        np.testing.assert_array_equal(np.isnan(zscores[:, 2]), missing)
        assert np.isnan(zscores).sum() == 1

    def test_a_donor_with_one_sample_a_constant_gene_and_an_empty_one(self, samples, expression):
        samples.loc[0, "donor"] = "alone"
        expression["CNR1"] = 0.1
        expression["TAC1"] = np.nan
        zscores = atlas_from_tables(samples, expression).zscores()
        np.testing.assert_array_equal(zscores[0, [0, 2, 3]], 0.0)
        np.testing.assert_array_equal(zscores[:, 3], 0.0)
        assert np.isnan(zscores[:, 1]).all()

    def test_whole_numbers_stay_the_wells(self, samples, expression):
        samples["sample_id"] = np.arange(500, 516)
        expression.index = [f"{number}.0" for number in samples["sample_id"]]
        with pytest.raises(AtlasError, match=r"none of the 16 samples \(first: '500'\): its rows are called '500\.0'"):
            atlas_from_tables(samples, expression)
        expression.index = samples["sample_id"].astype(float)  # as pandas has them after a missing one
        atlas = atlas_from_tables(samples, expression)
        assert sorted(atlas.samples["well_id"]) == list(range(500, 516))

    def test_ids_may_be_the_index_and_coordinates_tuples_or_texts(self, samples, expression):
        points = list(samples[["x", "y", "z"]].itertuples(index=False, name=None))
        tuples = samples.set_index("sample_id")[["donor"]].assign(mni_xyz=points)
        texts = tuples.assign(mni_xyz=[f"({x}, {y}, {z})" for x, y, z in points])
        expected = atlas_from_tables(samples, expression)
        for given in (tuples, texts):
            pd.testing.assert_frame_equal(atlas_from_tables(given, expression).samples, expected.samples)

    def test_structures_and_single_precision_are_kept(self, samples, expression):
        samples = samples.assign(structure_id=4005, structure_acronym="Br", structure_name=None)
        atlas = atlas_from_tables(samples, expression.astype(np.float32))
        assert atlas.levels().dtype == np.float32
        assert atlas.samples.loc[0, ["structure_id", "structure_acronym", "structure_name"]].tolist() == [
            4005,
            "Br",
            "",
        ]

    def test_nullable_and_text_numbers(self, samples, expression):
        expected = atlas_from_tables(samples, expression).levels()
        for given in (expression.astype("Float64"), expression.astype(object).where(expression.notna(), "NA")):
            np.testing.assert_array_equal(atlas_from_tables(samples, given).levels(), expected)


class TestStructures:
    """Samples that are told by their structures: without ids of these, and without coordinates."""

    @pytest.fixture
    def atlas(self, samples, expression):
        acronyms = np.where(samples["x"] < 5, "ONE", "TWO")
        return atlas_from_tables(samples.drop(columns=["x", "y", "z"]).assign(structure_acronym=acronyms), expression)

    def test_structures_without_ids_are_numbered(self, samples, expression):
        named = samples.assign(structure_acronym=["V1", "V2", None, "V2"] * 4, structure_name=["a", "b", "", "b"] * 4)
        atlas = atlas_from_tables(named, expression)
        by_id = atlas.samples.set_index("sample_id")["structure_id"]
        assert by_id[["s0", "s1", "s3", "s4"]].tolist() == [1, 2, 2, 1]
        assert by_id[["s2", "s6"]].isna().all()
        assert jugex.Region.from_structure("V1", atlas=atlas).locate(atlas.samples)["inside"].sum() == 4
        pair = jugex.query.region_pair("sphere:3,0,0,2", "sphere:7,0,0,2", atlas=atlas, within="V1,V2")
        assert set(pair.samples["structure_acronym"]) == {"V1", "V2"}

    def test_structures_are_regions_without_coordinates(self, atlas, tmp_path):
        assert atlas.samples["mni_x"].isna().all()
        result = jugex.compare("structure:ONE", "structure:TWO", atlas=atlas, n_permutations=99, rng=0)
        assert result.region_names == ("ONE", "TWO")
        assert result.table.set_index("gene").loc["MAOA", "higher_in"] == "ONE"
        assert result.table["p_spatial"].isna().all()
        assert result.report(tmp_path / "report.html").is_file()

    def test_a_place_cannot_be_asked_for_without_coordinates(self, atlas):
        with pytest.raises(AtlasError, match=r"have no coordinates, .*name structures"):
            jugex.query.region_pair("sphere:3,0,0,2", "structure:TWO", atlas=atlas)

    def test_neither_coordinates_nor_structures(self, samples, expression):
        with pytest.raises(AtlasError, match=r"no column 'mni_x' \(it has sample_id, donor\)"):
            atlas_from_tables(samples.drop(columns=["x", "y", "z"]), expression)
        with pytest.raises(AtlasError, match=r"no column 'y' \(it has sample_id, donor, x, structure_name\)"):
            atlas_from_tables(samples.drop(columns=["y", "z"]).assign(structure_name="a"), expression)


class TestNamesOfR:
    """Ids that R has made into names."""

    @pytest.mark.parametrize("ids", [[str(n) for n in range(500, 516)], [f"S-{n} a" for n in range(16)]])
    @pytest.mark.parametrize("turned", [False, True])
    def test_ids_that_r_has_made_into_names(self, samples, expression, ids, turned):
        samples = samples.assign(sample_id=ids)
        expression.index = [f"X{text}" if text[0] != "S" else text.replace("-", ".").replace(" ", ".") for text in ids]
        atlas = atlas_from_tables(samples, expression.T if turned else expression)
        assert sorted(atlas.samples["sample_id"]) == sorted(ids)
        first = atlas.samples["sample_id"].iloc[0]
        np.testing.assert_array_equal(atlas.levels()[0], expression.iloc[ids.index(first)])

    def test_of_probes_too(self, samples, expression):
        probes = pd.DataFrame({"probe_id": [11, 12, 13, 14], "gene": ["A", "B", "C", "D"]})
        atlas = atlas_from_tables(samples, expression.set_axis(["X13", "X11", "X12", "X14"], axis=1), probes)
        assert atlas.probes["probe_id"].tolist() == [13, 11, 12, 14]
        assert atlas.probes["gene"].tolist() == ["C", "A", "B", "D"]

    def test_ids_that_would_have_the_same_name_are_not(self, samples, expression):
        samples = samples.assign(sample_id=["a-1", "a.1", *samples["sample_id"][2:]])
        expression.index = ["a.1", "a.1", *expression.index[2:]]
        with pytest.raises(AtlasError, match="occur more than once"):
            atlas_from_tables(samples, expression)


class TestProbes:
    def test_several_probes_of_a_gene(self, samples, expression):
        expression.columns = ["p_a", "p_b", "p_c", "p_d"]
        atlas = atlas_from_tables(samples, expression, make_probes())
        assert atlas.probes["gene"].tolist() == ["MAOA", "MAOA", "NA", "TAC1"]  # a gene may be called NA
        assert atlas.probes["entrez_id"].tolist()[:2] == [4128, 4128]
        assert atlas.probes["entrez_id"].isna().tolist() == [False, False, True, False]
        assert atlas.probes["probe_name"].tolist() == list(expression.columns)

    def test_numbers_of_probes_stay(self, samples, expression):
        expression.columns = [31, 32, 33, 34]
        probes = pd.DataFrame({"probe_id": [34, 33, 32, 31], "gene": ["D", "C", "B", "A"]})
        atlas = atlas_from_tables(samples, expression.T, probes)
        assert atlas.probes["probe_id"].tolist() == [31, 32, 33, 34]
        assert atlas.probes["gene"].tolist() == ["A", "B", "C", "D"]

    def test_probes_without_a_gene_are_left_out(self, samples, expression):
        probes = pd.DataFrame({"probe_name": list(expression.columns), "gene": ["A", None, "", "D"]})
        atlas = atlas_from_tables(samples, expression, probes)
        assert atlas.probes["gene"].tolist() == ["A", "D"]
        np.testing.assert_array_equal(atlas.levels()[0], expression.loc["s0"].to_numpy()[[0, 3]])

    @pytest.mark.parametrize("cell", ["TAC1|TAC3", "TAC1///TAC3", "TAC1 /// TAC3", "MAOA;TAC1", "MAOA,TAC1"])
    def test_a_probe_of_several_genes_is_left_out_and_counted(self, samples, expression, cell):
        expression.columns = ["p_a", "p_b", "p_c", "p_d"]
        probes = pd.DataFrame(
            {
                "probe_name": ["p_a", "p_b", "p_c", "p_d"],
                "gene": [cell, "MAOA", "GAD2///GAD2", cell],
                "entrez_id": ["6863///6866", "4128", "2572", ""],
            }
        )
        with pytest.warns(AtlasWarning, match="probes table: 2 probes left out, because each measures several genes"):
            atlas = atlas_from_tables(samples, expression, probes)
        assert atlas.probes[["probe_name", "gene"]].to_numpy().tolist() == [["p_b", "MAOA"], ["p_c", "GAD2"]]
        assert atlas.probes["entrez_id"].tolist() == [4128, 2572]
        np.testing.assert_array_equal(atlas.levels(well_ids=[1])[0], expression.loc["s0"].to_numpy()[[1, 2]])
        identity = atlas.identity()
        assert identity.to_dict()["n_several_genes"] == 2
        assert AtlasIdentity.from_dict(identity.to_dict()) == identity

    def test_an_id_behind_a_bar_is_of_the_same_gene(self, samples, expression):
        genes = pd.DataFrame({"gene": ["MAOA|4128", "TAC1 | 6863", "GAD2", "CNR1"], "entrez_id": ["", "", "2572", ""]})
        expression.columns = genes["probe_name"] = ["p_a", "p_b", "p_c", "p_d"]
        assert atlas_from_tables(samples, expression, genes).probes["gene"].tolist() == ["MAOA", "TAC1", "GAD2", "CNR1"]

    def test_a_column_of_several_genes_is_left_out_and_counted(self, samples, expression):
        expression = expression.rename(columns={"TAC1": "TAC1///TAC3"})
        with pytest.warns(AtlasWarning, match="expression table: 1 probe left out"):
            atlas = atlas_from_tables(samples, expression)
        assert atlas.probes["gene"].tolist() == ["MAOA", "GAD2", "CNR1"]
        with pytest.raises(AtlasError, match="none of the 4 probes one gene"):
            atlas_from_tables(samples, expression.set_axis(["A;B", "A;C", "A;D", "A;E"], axis=1))

    def test_genes_only(self, samples, expression):
        genes = pd.DataFrame({"gene": list(expression.columns), "entrez_id": [1, 2, 3, 4]})
        assert atlas_from_tables(samples, expression, genes).probes["entrez_id"].tolist() == [1, 2, 3, 4]

    def test_probes_tell_the_orientation_where_ids_occur_on_both_sides(self, samples, expression):
        square = expression.iloc[:4].set_axis([1, 2, 3, 4], axis=0).set_axis([1, 2, 3, 9], axis=1)
        numbered = samples.iloc[:4].assign(sample_id=[1, 2, 3, 4])
        with pytest.raises(AtlasError, match="ids of samples both in its rows and in its columns"):
            atlas_from_tables(numbered, square)
        probes = pd.DataFrame({"probe_id": [1, 2, 3, 9], "gene": list("ABCD")})
        with pytest.raises(AtlasError, match=r"\(such as '1' and '1'\).*give them ids that differ"):
            atlas_from_tables(numbered, square, probes)
        named = pd.DataFrame({"probe_name": ["9", "a", "b", "1x"], "gene": list("ABCD")})
        upright = square.set_axis(["1", "9", "b", "a"], axis=1)
        with pytest.raises(AtlasError, match=r"probes table does not cover 1 of the 4 probes .*first: '1', compared"):
            atlas_from_tables(numbered, upright, named)


class TestValues:
    """What the values are: raw counts, log2 levels, or something else."""

    @staticmethod
    def count(n_genes):
        counts = np.random.default_rng(4).poisson(50, (16, n_genes)) * np.arange(1, 17)[:, None]
        return pd.DataFrame(counts, index=make_samples()["sample_id"], columns=[f"G{n}" for n in range(n_genes)])

    def test_counts_are_scaled_to_a_million_per_sample(self, samples):
        counts = self.count(1200)
        atlas = atlas_from_tables(samples, counts, values="counts")
        ordered = counts.loc[atlas.samples["sample_id"]].to_numpy(np.float64)
        expected = [[np.log2(1 + 1e6 * count / sum(row)) for count in row[:5]] for row in ordered]
        np.testing.assert_allclose(atlas.levels()[:, :5], expected, rtol=1e-12)
        assert atlas.is_log2
        assert atlas.with_donors("D1").identity().to_dict()["scale"] == "log2-counts-per-million"

    def test_counts_of_a_few_genes_do_not_say_how_deep_a_sample_was_sequenced(self, samples):
        with pytest.warns(AtlasWarning, match="counts of 3 genes, too few to say how deep"):
            atlas = atlas_from_tables(samples, self.count(3), values="counts")
        expected = np.log2(1 + self.count(3).loc[atlas.samples["sample_id"]])
        np.testing.assert_allclose(atlas.levels(), expected, rtol=1e-12)
        assert atlas.identity().source.scale == "log2-counts"

    def test_counts_that_are_none(self, samples):
        counts = self.count(1000)
        with pytest.raises(AtlasError, match="a value of -3, but counts are never negative"):
            atlas_from_tables(samples, counts.replace(counts.iloc[2, 3], -3), values="counts")
        counts.loc["s7"] = 0
        with pytest.raises(AtlasError, match="sample 's7' has no counts"):
            atlas_from_tables(samples, counts, values="counts")

    def test_levels_that_cannot_be_log2_are_said_to_be(self, samples):
        counts = self.count(3)
        with pytest.warns(AtlasWarning, match=r"not log2 levels, .*log2_fc stays empty; .*values='counts'"):
            atlas = atlas_from_tables(samples, counts)
        np.testing.assert_array_equal(atlas.levels(), counts.loc[atlas.samples["sample_id"]])
        assert (atlas.is_log2, atlas.with_donors("D1").is_log2) == (False, False)
        assert atlas.identity().source.scale == "other"
        with pytest.raises(AtlasError, match="which no log2 level can be; give values='counts'"):
            atlas_from_tables(samples, counts, values="log2")
        with pytest.raises(OptionError, match="values must be one of counts, log2, other; got 'tpm'"):
            atlas_from_tables(samples, counts, values="tpm")

    def test_other_values_have_no_fold_change(self, samples, expression):
        regions = jugex.Region.sphere(**ONE), jugex.Region.sphere(**TWO)
        results = [
            jugex.compare(
                *regions,
                atlas=atlas_from_tables(samples, expression, values=values),
                n_permutations=99,
                rng=0,
                ladder=False,
            )
            for values in ("log2", "other")
        ]
        log2, other = (result.table.set_index("gene").loc[["MAOA", "TAC1", "CNR1"]] for result in results)
        assert log2["log2_fc"].notna().all()
        assert other["log2_fc"].isna().all()
        assert results[1].record.empty["log2_fc"] == "the levels are not log2"
        pd.testing.assert_frame_equal(log2.drop(columns="log2_fc"), other.drop(columns="log2_fc"))


class TestDonors:
    def test_a_table_of_donors(self, samples, expression):
        donors = pd.DataFrame({"donor_name": ["D1", "D2", "D3"], "age": [57.0, None, 3], "sex": ["F", "M", "M"]})
        atlas = atlas_from_tables(samples, expression, donors=donors.assign(donor_id=[11, 12, 13]))
        assert atlas.donors.to_dict("records") == [
            {"donor_name": "D2", "donor_id": 12, "age": None, "gender": "M", "race": None},
            {"donor_name": "D1", "donor_id": 11, "age": 57, "gender": "F", "race": None},
        ]

    def test_demographics_in_the_table_of_samples(self, samples, expression):
        atlas = atlas_from_tables(samples.assign(age=[31, 57.5] * 8, race="x"), expression)
        assert atlas.donors["age"].tolist() == [31, 57.5]
        assert atlas.donors["race"].tolist() == ["x", "x"]

    def test_some_donors(self, samples, expression):
        whole = atlas_from_tables(samples, expression)
        some = jugex.open_atlas(whole, donors=["D1"])
        assert some.donors["donor_name"].tolist() == ["D1"]
        np.testing.assert_array_equal(some.zscores(), whole.zscores()[8:])
        assert some.identity().source == whole.identity().source
        assert some.identity().n_samples == 8
        with pytest.raises(OptionError, match="unknown donor 'D7'"):
            whole.with_donors("D7")


class TestFiles:
    @pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "tsv.gz", "parquet"])
    @pytest.mark.parametrize("turned", [False, True])
    def test_files_hold_what_frames_hold(self, samples, expression, tmp_path, ending, turned):
        expression.columns = ["p_a", "p_b", "p_c", "p_d"]
        expected = atlas_from_tables(samples, expression, make_probes())
        paths = [
            write(samples, tmp_path / f"samples.{ending}"),
            write(expression.T if turned else expression, tmp_path / f"expression.{ending}", index=True),
            write(make_probes(), tmp_path / f"probes.{ending}"),
        ]
        atlas = atlas_from_tables(*paths)
        for name in ("samples", "probes", "donors"):
            pd.testing.assert_frame_equal(getattr(atlas, name), getattr(expected, name))
        np.testing.assert_array_equal(atlas.levels(), expected.levels())
        identity = atlas.identity().to_dict()
        assert [file["sha256"] for file in identity["files"]] == [
            hashlib.sha256(paths[i].read_bytes()).hexdigest() for i in (0, 1, 2)
        ]
        assert identity["values_sha256"] == expected.identity().source.values_sha256
        assert identity["name"] == f"expression.{ending}"

    def test_ids_in_a_column_of_parquet(self, samples, expression, tmp_path):
        path = write(expression.rename_axis("sample_id").reset_index(), tmp_path / "e.parquet")
        np.testing.assert_array_equal(
            atlas_from_tables(samples, path).levels(), atlas_from_tables(samples, expression).levels()
        )

    def test_identity_is_json_and_follows_the_values(self, samples, expression):
        atlas = atlas_from_tables(samples, expression, name="My array", simulated=True, space="mine")
        identity = atlas.identity().to_dict()
        assert json.loads(json.dumps(identity, allow_nan=False)) == identity
        assert {key: identity[key] for key in ("kind", "name", "simulated", "space", "n_samples", "n_probes")} == {
            "kind": "tables", "name": "My array", "simulated": True, "space": "mine", "n_samples": 16, "n_probes": 4,
        }  # fmt: skip
        assert [donor["donor_name"] for donor in identity["donors"]] == ["D2", "D1"]
        same = atlas_from_tables(samples, expression.T, name="My array", space="mine").identity().to_dict()
        assert same["values_sha256"] == identity["values_sha256"]
        expression.iloc[0, 0] += 1e-9
        other = atlas_from_tables(samples, expression, space="mine").identity().to_dict()
        assert other["values_sha256"] != identity["values_sha256"]


class TestErrors:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda s: s.drop(columns="donor"),
                r"samples table has no column 'donor_name' \(it has sample_id, x, y, z\)",
            ),
            (lambda s: s.drop(columns="y"), r"samples table has no column 'y'"),
            (lambda s: s.drop(columns=["x", "y", "z"]), r"samples table has no column 'mni_x'"),
            (lambda s: s.assign(x=["?"] + [1] * 15), r"samples table, row 1: x is '\?', where a number is needed"),
            (
                lambda s: s.assign(z=[np.nan, np.inf] + [1.0] * 14),
                r"2 samples have no finite coordinates \(first: 's0'\)",
            ),
            (lambda s: s.assign(donor=[None] + ["D"] * 15), r"sample 's0' has no donor"),
            (
                lambda s: s.assign(sample_id=["s1", *s["sample_id"][1:]]),
                r"1 sample ids occur more than once \(first: 's1'\)",
            ),
            (lambda s: s.assign(sample_id=[None, *s["sample_id"][1:]]), r"1 samples have no id; give each one"),
            (
                lambda s: s.iloc[:-2],
                r"2 of the 16 samples of expression table are not in samples table \(first: 's14'\)",
            ),
            (
                lambda s: s.assign(sample_id=s["sample_id"] + "_"),
                r"has none of the 16 samples \(first: 's0_'\): its rows",
            ),
            (lambda s: s.iloc[:0], r"samples table is empty: at least one row is needed"),
            (lambda s: s.assign(structure_id=1.5), r"structure_id 1\.5 is not a whole number"),
            (lambda s: s.assign(age=list(range(16))), r"samples table: donor 'D2' has more than one age"),
            (lambda s: s.assign(age="old"), r"samples table, row 1: age is 'old', where a number is needed"),
        ],
    )
    def test_of_samples(self, samples, expression, change, message):
        with pytest.raises(AtlasError, match=message):
            atlas_from_tables(change(samples), expression)

    @pytest.mark.parametrize("value", ["(1, 2)", "1 2 3", "(1, 2, 'x')", None, "__import__('os')"])
    def test_coordinates_that_cannot_be_read(self, samples, expression, value):
        samples = samples.drop(columns=["x", "y", "z"]).assign(mni_xyz="(1, 2, 3)").astype({"mni_xyz": object})
        samples.loc[4, "mni_xyz"] = value
        with pytest.raises(AtlasError, match=r"samples table, row 5: mni_xyz is .*, where \(x, y, z\) in mm is needed"):
            atlas_from_tables(samples, expression)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda e: e.drop(index="s4"),
                r"1 of the 16 samples of samples table are not in expression table \(first: 's4'\)",
            ),
            (lambda e: pd.concat([e, e.iloc[:1]]), r"1 sample ids occur more than once \(first: 's0'\)"),
            (lambda e: e.set_axis(list("AABC"), axis=1), r"1 gene ids occur more than once \(first: 'A'\)"),
            (
                lambda e: e.astype(object).where(e != e.iloc[3, 1], "high"),
                r"row 's3', column 'TAC1' is 'high', where a finite",
            ),
            (lambda e: e.replace(e.iloc[3, 1], np.inf), r"row 's3', column 'TAC1' is 'inf', where a finite number"),
            (lambda e: e.iloc[:, :0], r"expression table is empty: samples along one side"),
            (
                lambda e: e.to_numpy(),
                r"expression table is a ndarray; give a pandas DataFrame, or the path of a file \.csv",
            ),
        ],
    )
    def test_of_expression(self, samples, expression, change, message):
        with pytest.raises(AtlasError, match=message):
            atlas_from_tables(samples, change(expression))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda p: p.drop(index=3),
                r"does not cover 1 of the 4 probes of expression table \(first: 'p_d', compared with",
            ),
            (lambda p: p.drop(columns="gene_symbol"), r"probes table has no column 'gene'"),
            (lambda p: pd.concat([p, p]), r"4 probe ids occur more than once \(first: 'p_c'\)"),
            (lambda p: p.assign(gene_symbol=None), r"gives none of the 4 probes one gene"),
            (lambda p: p.assign(entrez_id=0.5), r"entrez_id 0\.5 is not a whole number"),
        ],
    )
    def test_of_probes(self, samples, expression, change, message):
        expression.columns = ["p_a", "p_b", "p_c", "p_d"]
        with pytest.raises(AtlasError, match=message):
            atlas_from_tables(samples, expression, change(make_probes()))

    def test_of_donors(self, samples, expression):
        donors = pd.DataFrame({"donor_name": ["D1"]})
        with pytest.raises(AtlasError, match=r"donors table has no row for 1 donor of the samples \(first: 'D2'\)"):
            atlas_from_tables(samples, expression, donors=donors)

    @pytest.mark.parametrize("name", ["expression.xlsx", "expression", "expression.csv.zip"])
    def test_of_kinds_of_files(self, samples, tmp_path, name):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(
            AtlasError, match=r"expression table expression.* has an ending that is not read; give a file"
        ):
            atlas_from_tables(samples, tmp_path / name)

    def test_of_a_file_that_is_not_there(self, samples, tmp_path):
        with pytest.raises(AtlasError, match=r"expression table .*gone\.csv does not exist; check its path"):
            atlas_from_tables(samples, tmp_path / "gone.csv")

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("e.csv", b"id,A,B\ns0,1,2\ns1,3\n", r"expression table e\.csv cannot be read \(.*3 columns, got 2"),
            ("e.csv", b"id,A\ns0,1\ns1,much\n", r"table e\.csv, row 's1', column 'A' is 'much', where a finite number"),
            ("e.csv", b"", r"table e\.csv is empty: a header and at least one row"),
            ("e.csv", b"id,A\n", r"table e\.csv is empty: samples along one side"),
            ("e.csv.gz", gzip.compress(b"id,A\ns0,1\n", mtime=0)[:-4], r"table e\.csv\.gz cannot be read"),
            ("e.csv.gz", b"id,A\ns0,1\n", r"table e\.csv\.gz cannot be read \(Not a gzipped file"),
            ("e.parquet", b"PAR1 but no more", r"table e\.parquet cannot be read"),
            ("e.csv", "id,A\ns0,\xe9".encode("latin-1"), r"table e\.csv cannot be read"),
        ],
    )
    def test_of_damaged_files(self, samples, tmp_path, name, content, message):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AtlasError, match=message):
            atlas_from_tables(samples.iloc[:2], tmp_path / name)

    def test_columns_of_one_name_in_a_file(self, samples, tmp_path):
        (tmp_path / "e.csv").write_text("id,A,A\ns0,1,2\ns1,3,4\n")
        with pytest.raises(AtlasError, match=r"1 gene ids occur more than once \(first: 'A'\)"):
            atlas_from_tables(samples.iloc[:2], tmp_path / "e.csv")


class TestComparison:
    @pytest.mark.parametrize(("space", "scale"), [("MNI152NLin2009cAsym", 5.0), ("mouse_ccf_2017", 1.0)])
    def test_the_whole_comparison(self, expression, tmp_path, space, scale):
        atlas = atlas_from_tables(make_samples(scale), expression, space=space)
        regions = [
            jugex.Region.sphere([scale * value for value in centre], 1.5 * scale, name=name, space=space)
            for centre, name in (((3, 0, 0), "one"), ((7, 0, 0), "two"))
        ]
        result = jugex.compare(*regions, atlas=atlas, n_permutations=999, rng=0)
        by_gene = result.table.set_index("gene")
        assert by_gene.loc["GAD2", "status"] == "not tested: missing in 1 of 16 samples"
        assert by_gene.loc["GAD2", ["f", "p_fwe"]].isna().all()
        assert (by_gene.drop(index="GAD2")["status"] == "ok").all()
        assert result.significant["gene"].tolist() == ["MAOA"]
        saved = jugex.load_result(result.save(tmp_path / "out"))
        assert saved.settings["atlas"]["source"]["kind"] == "tables"
        assert saved.settings["atlas"]["space"] == space
        methods = (tmp_path / "out" / "methods.md").read_text(encoding="utf-8")
        assert "Expression came from data of the user's own" in methods
        assert "Hawrylycz et al. 2012" not in methods
        assert ("MNI coordinate" in methods) == (space != "mouse_ccf_2017")
        page = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
        assert ("of which there is no template to show them on" in page) == (space == "mouse_ccf_2017")
        assert "jugex.atlas_from_tables(...)" in page

    def test_one_donor(self, samples, expression):
        atlas = atlas_from_tables(samples.assign(donor="only"), expression)
        result = jugex.compare(
            jugex.Region.sphere(**ONE), jugex.Region.sphere(**TWO), atlas=atlas, n_permutations=999, rng=0
        )
        assert result.settings["design"]["n_donors"] == 1
        assert result.significant["gene"].tolist() == ["MAOA"]


class TestDecimalCommas:
    def test_coordinates_and_ages(self, samples, expression, tmp_path):
        expected = atlas_from_tables(samples, expression)
        with_commas = {axis: samples[axis].astype(str).str.replace(".", ",") for axis in "xyz"}
        written = samples.assign(**with_commas)
        for separator in (";", "\t"):
            written.to_csv(path := tmp_path / "samples.csv", sep=separator, index=False)
            read = atlas_from_tables(path, expression)
            pd.testing.assert_frame_equal(read.samples, expected.samples)

    def test_a_column_with_both_signs_is_refused(self, samples, expression):
        mixed = samples.assign(x=[f"{value:.2f}" for value in samples["x"]])
        mixed.loc[3, "x"] = "3,5"
        with pytest.raises(AtlasError, match="row 4: x is '3,5', where a number is needed"):
            atlas_from_tables(mixed, expression)

    def test_whole_numbers_have_none(self, samples, expression):
        genes = pd.DataFrame({"gene": list(expression.columns), "entrez_id": ["4,128", "1", "2", "3"]})
        with pytest.raises(AtlasError, match=r"entrez_id 4\.128 is not a whole number"):
            atlas_from_tables(samples, expression, genes)
