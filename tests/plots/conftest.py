"""Results to draw: the made-up one of the report's tests, and one of the simulated atlas."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from matplotlib.axes import Axes

import jugex
from jugex.analysis import DifferentialExpression
from tests.report.conftest import make_result

__all__ = ["make_result", "render", "simulated", "simulated_probes"]

GENES = ["MAOA", "TAC1", "GAD2", "SIM0206", "SIM0001"]


@pytest.fixture(scope="session")
def simulated() -> DifferentialExpression:
    """A result with its query: MAOA and TAC1 differ."""
    return jugex.compare(*jugex.demo_regions(), atlas="simulated", genes=GENES, rng=0, n_permutations=999, ladder=False)


@pytest.fixture(scope="session")
def simulated_probes() -> DifferentialExpression:
    """Every probe by itself."""
    regions = jugex.demo_regions()
    return jugex.compare(
        *regions, atlas="simulated", genes=["TAC1"], probes="single", rng=0, n_permutations=999, ladder=False
    )


@pytest.fixture
def render() -> Callable[[Axes], None]:
    """Draw a figure as it would be saved: a glyph that no font has, or a layout that fails, is a warning."""

    def draw(ax: Axes) -> None:
        ax.figure.savefig(io.BytesIO(), format="svg")

    return draw
