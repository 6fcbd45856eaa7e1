"""Results are saved here to be read again: their page and figures are tested elsewhere."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _plain_report(monkeypatch):
    monkeypatch.setattr("jugex.report.files.render_page", lambda *_, **__: "")
    monkeypatch.setattr("jugex.report.files.write_figures", lambda *_, **__: None)
