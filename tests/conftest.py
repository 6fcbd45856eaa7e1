"""Fixtures for all tests: no network, no real home folder, and the real data where they are at hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of small real data beside the project; the test is skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data absent: no folder {folder.relative_to(PROJECT.parent)} beside the project")
    return folder
