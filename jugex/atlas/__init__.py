"""Where expression comes from: one interface, several sources."""

from jugex.atlas.archives import ArchivesAtlas
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.opening import open_atlas
from jugex.atlas.simulated import SimulatedAtlas

__all__ = ["ArchivesAtlas", "ExpressionAtlas", "SimulatedAtlas", "open_atlas"]
