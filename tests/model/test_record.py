"""The record of a run: to settings.json and back, its schema, and what is refused."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import jsonschema
import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import JugexWarning, ResultError
from jugex.model.record import FORMAT, Randomness, from_json, is_record, json_schema, to_json
from tests.conftest import PROJECT
from tests.toy import ToyAtlas, wells

ONE, TWO = wells("one", 1000, 1001, 1002, 2000, 2001, 3000), wells("two", 1003, 1004, 2002, 2003, 2004, 3001)
THREE = wells("three", 1005, 2005, 3002)


def make_atlas():
    atlas = ToyAtlas([6, 6, 4], ["A", "A", "B", "D"])
    rng = np.random.default_rng(5)
    atlas.samples["batch"] = rng.choice(["x", "y"], len(atlas.samples))
    return atlas


def make_coordinates():
    samples = make_atlas().samples
    return samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=samples["mni_x"] - 30)


def draw(kind):
    """A generator that has been used."""
    generator = np.random.Generator(getattr(np.random, kind)(5))
    generator.random(3)
    return generator


def compare(*regions, **options):
    function = jugex.compare if len(regions) == 2 else lambda *given, **more: jugex.compare_several(given, **more)
    options = {"atlas": make_atlas(), "n_permutations": 199, "rng": 0} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        return function(*regions, **options)


RUNS = {
    "pair": lambda: compare(ONE, TWO),
    "covariates": lambda: compare(ONE, TWO, covariates=["batch", "age"]),
    "tails": lambda: compare(ONE, TWO, tail=True, genes=["A", "B", "none such"]),
    "kept in both": lambda: compare(ONE, wells("two", 1002, 1003, 1004, 2002, 2003), preset="siibra-jugex"),
    "coordinates": lambda: compare(ONE, TWO, coordinates=make_coordinates(), mirror="left"),
    "generator": lambda: compare(ONE, TWO, rng=draw("PCG64")),
    "another generator": lambda: compare(ONE, TWO, rng=draw("MT19937")),
    "several": lambda: compare(ONE, TWO, THREE),
    "pair of several": lambda: compare(ONE, TWO, THREE).pairs["one", "two"],
    "ladder": lambda: jugex.compare(
        "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], n_permutations=99, rng=0
    ),
}


@pytest.fixture(scope="module", params=RUNS)
def record(request):
    return RUNS[request.param]().record


class TestThereAndBack:
    def test_the_record_is_the_same(self, record):
        settings = to_json(record)
        text = json.dumps(settings, allow_nan=False)
        assert json.loads(text) == settings  # JSON types only
        assert from_json(text) == from_json(settings) == record
        assert next(iter(settings.items())) == ("format", FORMAT)
        assert is_record(text)

    def test_the_schema_holds(self, record):
        schema = json_schema()
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(to_json(record))

    def test_a_changed_type_breaks_the_schema_and_the_reader(self, record):
        settings = to_json(record)
        settings["design"]["n_donors"] = "three"
        assert not jsonschema.Draft202012Validator(json_schema()).is_valid(settings)
        with pytest.raises(ResultError, match=r"was changed or is damaged: .*design\.n_donors"):
            from_json(settings)


def test_the_ladder_is_recorded():
    ladder = RUNS["ladder"]().record.ladder
    assert ladder.n_reference > ladder.n_elsewhere > 100
    assert ladder.form == "pooled"
    assert ladder.variogram.nugget + ladder.variogram.own + ladder.variogram.shared > 0
    assert ladder.distance_mm > 5


class TestRandomness:
    @pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
    def test_a_generator_is_made_again_in_its_state(self, kind):
        generator = draw(kind)
        randomness = Randomness.of(generator)
        text = json.dumps(randomness.state)  # arrays became lists, and whole numbers of 128 bits stay whole
        again = replace(randomness, state=json.loads(text)).make_generator()
        np.testing.assert_array_equal(again.random(5), generator.random(5))

    def test_a_seed_has_no_state(self):
        assert Randomness.of(7) == Randomness(7, "PCG64", None)
        assert Randomness.of(7).make_generator().random() == np.random.default_rng(7).random()


class TestArguments:
    def test_they_are_those_given(self):
        arguments = compare(
            ONE, TWO, genes=["A", "B"], donors=[9861, "H0351.2002"], within="Br", tolerance=1, mirror="left",
            collinear="smallest", missing="drop-samples", ladder=False, alpha=0.1, background=False,
        ).record.arguments  # fmt: skip
        assert (arguments.genes, arguments.donors) == (("A", "B"), ("H0351.2001", "H0351.2002"))
        assert (arguments.within, arguments.exclude, arguments.tolerance) == (("Br",), None, 1.0)
        assert (arguments.mirror, arguments.collinear, arguments.missing) == ("left", "smallest", "drop-samples")
        assert (arguments.ladder, arguments.alpha, arguments.background) == (False, 0.1, False)
        assert arguments.in_memory == ()

    def test_tables_in_memory_are_named(self):
        coordinates = make_coordinates()
        table = pd.DataFrame({"well_id": make_atlas().samples["well_id"], "rin": np.arange(16.0) ** 2})
        reference = jugex.Region.sphere((0, 0, 0), 200, name="around")
        arguments = compare(ONE, TWO, coordinates=coordinates, covariates=["batch", table], reference=reference)
        arguments = arguments.record.arguments
        assert arguments.in_memory == ("coordinates", "covariates", "reference")
        assert (arguments.coordinates, arguments.covariates) == (None, ("batch", "rin"))
        assert arguments.reference == "around"

    def test_files_are_paths(self, tmp_path):
        paths = [tmp_path / "coordinates.csv", tmp_path / "names.tsv"]
        make_coordinates().to_csv(paths[0], index=False)
        paths[1].write_text("symbol\tprev_symbol\nB\tOLD\n")
        options = {"coordinates": [paths[0]], "aliases": paths[1], "reference": "sphere:0,0,0,200"}
        arguments = compare(ONE, TWO, **options).record.arguments
        assert arguments.coordinates == (str(paths[0]),)
        assert (arguments.aliases, arguments.reference) == (str(paths[1]), "sphere:0,0,0,200")
        assert arguments.in_memory == ()


class TestRefused:
    @pytest.fixture
    def settings(self):
        return to_json(compare(ONE, TWO, ladder=False).record)

    @pytest.mark.parametrize("number", [1, 3, None, "2"])
    def test_another_format(self, settings, number):
        settings["format"] = number
        with pytest.raises(
            ResultError, match=f"has format {number!r}, and this version of jugex reads format {FORMAT}"
        ):
            from_json(settings)

    def test_a_missing_field(self, settings):
        del settings["permutation"]["randomness"]
        with pytest.raises(ResultError, match=r"damaged: .*required field `randomness`.*permutation"):
            from_json(settings, source="out/settings.json")

    def test_a_wrong_choice(self, settings):
        settings["arguments"]["statistic"] = "t"
        with pytest.raises(ResultError, match=r"damaged: Invalid enum value 't'.*arguments\.statistic"):
            from_json(settings)

    def test_a_finding_that_is_not_known(self, settings):
        settings["findings"] = [{"code": "no-such-thing"}]
        with pytest.raises(ResultError, match=r"damaged: Invalid value 'no-such-thing'.*findings"):
            from_json(settings)

    def test_the_source_is_named(self, settings):
        settings["format"] = 1
        with pytest.raises(ResultError, match=r"^out/settings\.json has format 1"):
            from_json(settings, source="out/settings.json")

    @pytest.mark.parametrize("text", ["", "{", "not JSON"])
    def test_no_json(self, text):
        with pytest.raises(ResultError, match=r"settings\.json is not valid JSON"):
            from_json(text)
        assert not is_record(text)

    @pytest.mark.parametrize(
        "text", ["[]", "{}", '{"versions": {"numpy": "2"}}', '{"versions": null}', '{"versions": 3}']
    )
    def test_a_file_of_another_program(self, text):
        with pytest.raises(ResultError, match=r"settings\.json was not written by jugex"):
            from_json(text)
        assert not is_record(text)


def test_the_published_schema_is_current():
    published = json.loads((PROJECT / "docs" / "reference" / "settings.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema(), "write it again: python docs/make_reference.py"
