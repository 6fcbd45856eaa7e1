"""Figures of a result, for papers: matplotlib functions that take axes and return them.

Without axes, each makes its own figure (``ax.figure``), as wide as a column of a journal's page; `save_figure` writes
it, and a notebook shows it. Text has 6 to 8 points. Colour-blind readers can tell the colours apart, and so can readers
of a grey copy. matplotlib's settings and backend stay unchanged.
"""

from jugex.plots.axis import plot_axis
from jugex.plots.brain import View, plot_samples, sample_views
from jugex.plots.coverage import plot_coverage
from jugex.plots.differences import plot_differences
from jugex.plots.gene import plot_donors, plot_gene, plot_null, plot_probes, plot_variogram
from jugex.plots.gene_sets import plot_gene_sets
from jugex.plots.heatmap import plot_heatmap
from jugex.plots.preview import plot_region
from jugex.plots.sensitivity import plot_sensitivity
from jugex.plots.styles import REGION_STYLES, DonorStyle, RegionStyle, donor_styles, figure_style, save_figure
from jugex.plots.volcano import plot_volcano

__all__ = [
    "REGION_STYLES", "DonorStyle", "RegionStyle", "View", "donor_styles", "figure_style", "plot_axis", "plot_coverage",
    "plot_differences", "plot_donors", "plot_gene", "plot_gene_sets", "plot_heatmap", "plot_null", "plot_probes",
    "plot_region", "plot_samples", "plot_sensitivity", "plot_variogram", "plot_volcano", "sample_views", "save_figure",
]  # fmt: skip
