"""Data and code that travel compressed inside a page."""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from typing import Any

__all__ = ["pack", "pack_json", "pack_plotly", "plotly_licence"]

_LEVEL = 6  # the last three levels save 1 % and take three times as long


def pack(text: str) -> str:
    """Text as UTF-8, gzip and Base64, which a browser unpacks with DecompressionStream; the same in every run."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), compresslevel=_LEVEL, mtime=0)).decode("ascii")


def pack_json(data: Any) -> str:
    """JSON types, packed."""
    return pack(json.dumps(data, separators=(",", ":"), allow_nan=False))


@cache
def pack_plotly() -> str:
    """The plotting library of the page, as the installed package plotly holds it."""
    from plotly.offline import get_plotlyjs

    return pack(get_plotlyjs())


def plotly_licence() -> str:
    """The notice that its licence asks for, from the head of the code."""
    from plotly.offline import get_plotlyjs

    head = str(get_plotlyjs()[:600]).partition("*/")[0]
    return " ".join(line.strip("/* ") for line in head.splitlines() if line.strip("/* "))
