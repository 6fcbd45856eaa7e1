"""The gallery: in which order the examples stand, and the pictures that they write."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from sphinx_gallery.scrapers import figure_rst

#: From the first look to the special cases; what is not named here follows, by name.
ORDER = (
    "query_gene", "compare_regions", "candidate_genes", "whole_genome", "coverage", "region_against_rest",
    "structures", "several_regions", "own_table", "covariates", "donor_evidence", "sensitivity_runs",
    "figures", "enrichment_input", "reproduce_bludau2018",
)  # fmt: skip

_WIDE = 1200  # pixels: a column of a journal has 1,000 at 300 dots per inch


class ExampleOrder:
    """Sort key of the examples' file names."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, filename):
        """Place of an example."""
        name = Path(filename).stem
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def draw_text_only(path):
    """Draw the picture of examples that only print: lines of text."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2, 2.24), dpi=100)
    ax = figure.add_axes((0.25, 0.2, 0.5, 0.6))
    ax.barh(range(6), [8, 10, 6, 9, 10, 4], height=0.3, color="#c8c8c8")
    ax.set_axis_off()
    figure.savefig(path)


def _get_sg_image_scraper():
    return PictureFiles()


class PictureFiles:
    """Show on an example's page the PNG files that it wrote: what readers see is what the script makes."""

    #: files that are on a page already: the gallery makes a scraper for each example
    shown: ClassVar[set[Path]] = set()

    def __repr__(self):
        return "PictureFiles"

    def __call__(self, _block, block_vars, gallery_conf):
        """Copy the pictures that a block wrote, and return the lines that show them."""
        folder = Path(block_vars["src_file"]).parent
        written = [path for path in folder.rglob("*.png") if path not in self.shown]
        self.shown.update(written)
        copies = []
        for path in sorted(written, key=lambda path: path.stat().st_mtime_ns):
            copies.append(next(block_vars["image_path_iterator"]))
            shutil.copyfile(path, copies[-1])
        # one by one: side by side, wide figures would be too small to read
        return "\n".join(_show(copy, gallery_conf["src_dir"]) for copy in copies)


def _show(picture, folder):
    """The lines that show one picture; one as wide as a column of a journal takes half the page."""
    from PIL import Image

    with Image.open(picture) as image:
        is_narrow = image.width < _WIDE
    lines = figure_rst([picture], folder)
    return lines.replace("sphx-glr-single-img", "sphx-glr-column-img") if is_narrow else lines
