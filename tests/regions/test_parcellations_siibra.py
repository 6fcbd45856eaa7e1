"""Regions of siibra, by stand-ins.

siibra's own objects need its configuration from the network. These stand-ins have what siibra 1.0.1a25 documents:
`Region.get_regional_map(space, maptype)` returns a volume whose `fetch()` gives a NIfTI image (None where no server
answers) and raises NoMapAvailableError where the region is not mapped itself; `Region.children` are its parts.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import requests

from jugex.errors import JugexWarning, OptionError, RegionError, RegionFileError
from jugex.regions import Region, Union, parse_region
from tests.regions.helpers import labels, make_image, probabilities


class NoMapAvailableError(RuntimeError):
    """Named like siibra's."""


class NoSiibraConfigMirrorsAvailableException(Exception):  # noqa: N818  # siibra's name
    """Named like siibra's."""


class StandIn:
    """A region; `maps` gives the image per type of map, or the exception that fetching it raises."""

    def __init__(self, name, maps=None, children=(), label=None):
        self.name, self.id, self.children = name, f"siibra-{name}", list(children)
        self.parcellation = SimpleNamespace(name="Julich-Brain Cytoarchitectonic Atlas (v3.1)")
        self.maps, self.label = maps or {}, label
        self.asked = []

    def get_regional_map(self, space, maptype):
        self.asked.append((space, maptype))
        if maptype not in self.maps:
            raise NoMapAvailableError(f"{self.name} is not mapped")
        return SimpleNamespace(fetch=lambda: self._fetch(maptype), label=self.label)

    def _fetch(self, maptype):
        image = self.maps[maptype]
        if isinstance(image, Exception):
            raise image
        return image


def statistical(data=None):
    return {"statistical": make_image(probabilities() if data is None else data)}


@pytest.fixture
def siibra(monkeypatch):
    """Stand-in of the module, whose `regions` are found by parcellation and name."""
    module = ModuleType("siibra")
    module.__spec__ = importlib.util.spec_from_loader("siibra", loader=None)
    module.regions = {}

    def get_region(parcellation, region):
        found = module.regions.get((parcellation, region))
        if found is None:
            raise ValueError(f"{region!r} could not be decoded under {parcellation!r}")
        if isinstance(found, Exception):
            raise found
        return found

    module.get_region = get_region
    monkeypatch.setitem(sys.modules, "siibra", module)
    return module


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5])
def test_the_threshold_is_applied(threshold):
    region = Region.from_siibra(StandIn("Area hOc1 left", statistical()), threshold=threshold)
    # compared in the image's own single precision
    assert region.n_voxels == np.count_nonzero(probabilities() > np.float32(threshold))
    assert region.identity().threshold == threshold
    assert region.max_probability == pytest.approx(probabilities().max())


def test_by_names(siibra):
    stand_in = StandIn("Area hOc1 (V1, 17, CalcS) left", statistical())
    siibra.regions["julich 3.1", "hoc1 left"] = stand_in
    region = Region.from_siibra("julich 3.1", "hoc1 left", name="V1")
    assert (region.name, region.kind) == ("V1", "probability map")
    assert stand_in.asked == [("mni152", "statistical")]
    identity = region.identity()
    about = {key: identity.to_dict()[key] for key in ("parcellation", "siibra_id", "map_type", "space")}
    assert about == {
        "parcellation": "Julich-Brain Cytoarchitectonic Atlas (v3.1)",
        "siibra_id": "siibra-Area hOc1 (V1, 17, CalcS) left",
        "map_type": "statistical",
        "space": "MNI152NLin2009cAsym",
    }
    in_words = parse_region("siibra:julich 3.1:hoc1 left@0.4")
    assert in_words.identity().threshold == 0.4
    assert in_words.name == stand_in.name


@pytest.mark.parametrize(
    ("image", "label", "n_voxels"),
    [(labels(), 2, 6), ((labels() == 2).astype(np.uint8), None, 6), ((labels() == 2) * np.int32(40), 40, 6)],
    ids=["all labels", "mask", "one label"],
)
def test_labelled_maps(image, label, n_voxels):
    stand_in = StandIn("Area hOc1 left", {"labelled": make_image(image)}, label=label)
    region = Region.from_siibra(stand_in, map_type="labelled")
    assert (region.kind, region.n_voxels, region.name) == ("label", n_voxels, "Area hOc1 left")


def test_a_parent_is_the_union_of_its_children():
    first, second = np.zeros((5, 6, 7), np.float32), np.zeros((5, 6, 7), np.float32)
    first[1, 1, 1], second[1:3, 1, 1] = 0.5, 0.8
    inner = StandIn("inner", children=[StandIn("b", statistical(second))])
    region = Region.from_siibra(StandIn("hOc", children=[StandIn("a", statistical(first)), inner]))
    assert isinstance(region, Union)
    assert (region.name, region.volume) == ("hOc", 2 * 8.0)
    assert [part.siibra_id for part in region.identity().parts] == ["siibra-a", "siibra-b"]


def test_children_without_a_map_are_named():
    parent = StandIn("hOc", children=[StandIn("a", statistical()), StandIn("gap", children=[StandIn("g1")])])
    with pytest.warns(JugexWarning, match="'hOc' is the union of .* a statistical map; left out: gap"):
        region = Region.from_siibra(parent)
    assert region.name == "hOc"


@pytest.mark.parametrize(
    ("stand_in", "error", "message"),
    [
        (StandIn("hOc", children=[StandIn("a")]), RegionError, "no statistical map of 'hOc' .*try map_type='labelled'"),
        (
            StandIn("a", {"statistical": None}),
            RegionFileError,
            "could not fetch the statistical map of 'a': check the n",
        ),
        (
            StandIn("a", {"statistical": requests.ConnectionError("no route")}),
            RegionFileError,
            r"cannot fetch the statistical map of 'a' \(no route\): check the network",
        ),
        (
            StandIn("a", statistical(-probabilities())),
            RegionError,
            "siibra's statistical map of 'a' holds real numbers from -0",
        ),
        (
            StandIn("a", statistical(np.zeros((5, 6, 7, 2), np.float32))),
            RegionError,
            "siibra's statistical map of 'a' holds 2 volumes: one is needed",
        ),
    ],
)
def test_maps_that_cannot_be_had(stand_in, error, message):
    with pytest.raises(error, match=message):
        Region.from_siibra(stand_in)


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (
            None,
            RegionError,
            r"siibra finds no region 'hoc1' of the parcellation 'julich' \('hoc1' could not be decoded",
        ),
        (
            NoSiibraConfigMirrorsAvailableException("Tried all mirrors, none available."),
            RegionFileError,
            "^siibra cannot reach its configuration, without which it knows no region: check the network, or [^.]*"
            r"siibra\.use_configuration$",
        ),
        (requests.ConnectionError("no route"), RegionFileError, r"\(no route\): check the network and try again"),
    ],
)
def test_regions_that_cannot_be_found(siibra, found, error, message):
    siibra.regions["julich", "hoc1"] = found
    with pytest.raises(error, match=message):
        Region.from_siibra("julich", "hoc1")


def test_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RegionError, match=r'siibra is not installed: run pip install "\.\[siibra\]" in a copy of'):
        Region.from_siibra("julich 3.1", "hoc1 left")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("julich 3.1",), {}, "no region of 'julich 3.1' is named: give its name, like 'hoc1 left'"),
        ((StandIn("a"), "b"), {}, "is a region already: do not name 'b' beside it"),
        ((7,), {}, "a int is not a region of siibra: give a region object, or the names"),
        ((StandIn("a"),), {"map_type": "max"}, "map_type 'max' is unknown: give 'statistical' or 'labelled'"),
        ((StandIn("a"),), {"threshold": 1.5}, r"threshold 1\.5 is out of range"),
    ],
)
def test_arguments_that_cannot_be(arguments, options, message):
    with pytest.raises(OptionError, match=message):
        Region.from_siibra(*arguments, **options)
