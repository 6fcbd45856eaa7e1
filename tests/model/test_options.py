"""Options of a run: what they refuse, and what the presets choose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import jugex
from jugex.errors import OptionError
from jugex.model.options import (
    PRESET_NAMES,
    PRESETS,
    SOUND_CHOICES,
    Preset,
    QueryOptions,
    TestOptions,
    count_threads,
    find_preset,
)


class TestOfATest:
    def test_they_are_the_public_ones(self):
        assert jugex.TestOptions is TestOptions
        assert TestOptions().permutation.n_permutations == 10_000
        assert [TestOptions(probes=how).unit for how in ("mean", "single")] == ["gene", "probe"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"statistic": "t"}, "statistic must be one of adjusted, sequential, welch; got 't'"),
            ({"exchange": "all"}, "exchange must be one of within-donor, free, freedman-lane; got 'all'"),
            ({"probes": "best"}, "probes must be one of winsorized-mean, .*; got 'best'"),
            ({"exchange": "freedman-lane", "statistic": "welch"}, "'adjusted' alone; got statistic 'welch'"),
            ({"missing": "zero"}, "missing must be one of drop-genes, drop-samples; got 'zero'"),
            ({"collinear": "keep"}, "collinear must be one of redraw, smallest; got 'keep'"),
            *(
                ({"n_permutations": value}, f"n_permutations must be a whole number of at least 1; got {value!r}")
                for value in (0, 10.5, True)
            ),
            *(
                ({"alpha": value}, f"alpha must be a number between 0 and 1; got {value!r}")
                for value in (0, 1.0, "5 %", True)
            ),
            ({"n_jobs": 0}, "n_jobs must be a number of threads, or -1 for one per core; got 0"),
            ({"rng": -1}, "rng must be None, a whole number of at least 0, or a numpy Generator; got -1"),
            ({"rng": "seed"}, "rng must be None, .*; got 'seed'"),
            *(({name: "yes"}, f"{name} must be True or False; got 'yes'")
              for name in ("tail", "background", "ladder", "diagnostic")),
        ],
    )  # fmt: skip
    def test_values_that_are_not_allowed(self, options, message):
        with pytest.raises(OptionError, match=message):
            TestOptions(**options)

    def test_a_seed_is_drawn_once(self):
        options = TestOptions().seeded()
        assert isinstance(options.source, int)
        assert options.seeded() is options
        assert TestOptions().seeded().source != options.source
        given = np.random.default_rng(3)
        assert TestOptions(rng=given).make_generator() is given
        assert TestOptions(rng=3).make_generator().random() == np.random.default_rng(3).random()

    def test_threads(self):
        assert count_threads(3) == 3
        assert count_threads(-1) >= 1


class TestOfAQuery:
    def test_iterables_are_read_once(self):
        options = QueryOptions(
            genes=iter(["MAOA", 4128]), donors=[9861], within=iter(["Cx", 3]), exclude="WM,Br", coordinates=["a", "b"]
        )
        assert options.genes == ("MAOA", "4128")
        assert options.donors == (9861,)
        assert options.within == ("Cx", 3)
        assert options.exclude == "WM,Br"
        assert options.coordinates == ("a", "b")
        assert replace(options, tolerance=1) == replace(options, tolerance=1.0)

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("overlap", "both", "overlap must be one of higher-probability, exclude, keep, error; got 'both'"),
            ("present_in", "donors", "present_in must be one of all, regions; got 'donors'"),
            ("mirror", "up", "mirror must be one of left, right; got 'up'"),
            ("genes", [], "the list of genes is empty"),
            ("genes", [1.5], "genes must be symbols"),
            *(("tolerance", value, "tolerance .* is out of range") for value in (-1, float("nan"), np.inf, "2", True)),
            *(
                ("min_present", value, "min_present must be a share of samples from 0 to 1; got")
                for value in (-0.1, 1.1, 50, "half", True, float("nan"))
            ),
        ],
    )
    def test_values_that_are_not_allowed(self, name, value, expected):
        with pytest.raises(OptionError, match=expected):
            QueryOptions(**{name: value})


class TestPresets:
    def test_the_sound_choices_hold_without_one(self):
        assert find_preset(None) is SOUND_CHOICES
        chosen = Preset(
            "adjusted", "within-donor", "winsorized-mean", "higher-probability", 0.2, "nearest", "redraw", ladder=True
        )
        assert chosen == SOUND_CHOICES

    def test_they_do_as_the_earlier_tools_did(self):
        assert PRESETS["bludau2018"] == replace(SOUND_CHOICES, exchange="free", collinear="smallest", ladder=False)
        siibra = Preset("sequential", "free", "winsorized-mean-scipy", "keep", 0.2, "nearest", "smallest", ladder=False)
        assert PRESETS["siibra-jugex@2023"] == siibra
        assert PRESETS["siibra-jugex@2024"] == replace(siibra, voxel="floor")

    def test_a_name_without_version_is_the_newest(self):
        assert find_preset("siibra-jugex") is PRESETS["siibra-jugex@2024"]
        assert {*PRESETS, "siibra-jugex"} == set(PRESET_NAMES)

    def test_what_is_given_beside_one_wins(self):
        chosen = PRESETS["siibra-jugex@2023"].replaced_by(overlap="exclude", statistic=None, ladder=True)
        assert (chosen.overlap, chosen.statistic, chosen.ladder) == ("exclude", "sequential", True)

    def test_another_is_refused(self):
        with pytest.raises(OptionError, match=r"preset must be one of bludau2018, siibra-jugex, .*; got 'matlab'"):
            find_preset("matlab")
