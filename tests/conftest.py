"""Fixtures for all tests: no network, no real home folder, and the real data where they are at hand."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from jugex.atlas import simulated
from jugex.stats.pairs import PairSums
from jugex.stats.spatial import Calibration, Ladder, Reason

PROJECT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Take what stays until the end out of the collection of garbage, which statsmodels asks for at each Holm."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and host not in {"127.0.0.1", "::1", "localhost"}:
            raise RuntimeError(f"a test tried to reach {address!r}: tests must not use the network")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _no_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty home folder, and no atlas that the user has set."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("HOME", "USERPROFILE", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.delenv("JUGEX_DATA", raising=False)


@pytest.fixture(autouse=True, scope="session")
def _few_places() -> Iterator[None]:
    """Try the ladder at few arbitrary pairs of places: the tests of the diagnostic itself ask for more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jugex.pipeline.ladder._N_PLACES", 6)
        yield


#: Samples of each donor of the simulated atlas, and those in the demo regions, as users have them.
_SIMULATED_SAMPLES = simulated._N_SAMPLES


@pytest.fixture(autouse=True, scope="session")
def _small_simulated_atlas() -> Iterator[None]:
    """Give the simulated atlas three tenths of its samples, with as many in the demo regions: for speed alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            simulated, "_N_SAMPLES", tuple((3 * n // 10, *in_regions) for n, *in_regions in _SIMULATED_SAMPLES)
        )
        yield


@pytest.fixture(scope="session")
def whole_simulated_atlas() -> simulated.SimulatedAtlas:
    """The simulated atlas as users have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "_N_SAMPLES", _SIMULATED_SAMPLES)
        return simulated.SimulatedAtlas()


class _KeptLadder(Ladder):
    """Tests of a pair of regions whose diagnostic, at as many places, is computed once."""

    def __init__(self, pool: PairSums, cells: npt.NDArray[np.intp], *, withhold_spatial: Reason | None) -> None:
        super().__init__(pool, cells, withhold_spatial=withhold_spatial)
        self._kept: dict[int, Calibration] = {}

    def calibrate(self, places: Sequence[Any], *, alpha: float = 0.05) -> Calibration:
        if len(places) not in self._kept:
            self._kept[len(places)] = super().calibrate(places, alpha=alpha)
        return self._kept[len(places)]


_LADDERS: dict[tuple[int, bytes, Reason | None], Ladder] = {}


def _make_ladder(pool: PairSums, cells: npt.NDArray[np.intp], *, withhold_spatial: Reason | None = None) -> Ladder:
    """The tests of a pair of regions: those made earlier of the same samples, where there are any."""
    key = (id(pool), cells.tobytes(), withhold_spatial)
    if key not in _LADDERS:
        _LADDERS[key] = _KeptLadder(pool, cells, withhold_spatial=withhold_spatial)  # which keeps the pool
    return _LADDERS[key]


@pytest.fixture
def opened_whole(monkeypatch: pytest.MonkeyPatch, whole_simulated_atlas: simulated.SimulatedAtlas) -> None:
    """Open the simulated atlas as users have it, for what shows its numbers; what runs share is computed once."""
    monkeypatch.setattr(simulated, "_N_SAMPLES", _SIMULATED_SAMPLES)
    monkeypatch.setattr(whole_simulated_atlas, "samples", whole_simulated_atlas.samples.copy())  # pages may change it
    monkeypatch.setattr("jugex.atlas.opening.SimulatedAtlas", lambda: whole_simulated_atlas)
    monkeypatch.setattr("jugex.pipeline.ladder.Ladder", _make_ladder)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of small real data beside the project; the test is skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data absent: no folder {folder.relative_to(PROJECT.parent)} beside the project")
    return folder
