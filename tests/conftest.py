"""Fixtures for all tests: no network, no real home folder, and the real data where they are at hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jugex.atlas import simulated

PROJECT = Path(__file__).resolve().parents[1]


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
    """Give the simulated atlas a quarter of its samples, with as many in the demo regions: for speed alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "_N_SAMPLES", tuple((n // 4, *in_regions) for n, *in_regions in _SIMULATED_SAMPLES))
        yield


@pytest.fixture(scope="session")
def whole_simulated_atlas() -> simulated.SimulatedAtlas:
    """The simulated atlas as users have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "_N_SAMPLES", _SIMULATED_SAMPLES)
        return simulated.SimulatedAtlas()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of small real data beside the project; the test is skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data absent: no folder {folder.relative_to(PROJECT.parent)} beside the project")
    return folder
