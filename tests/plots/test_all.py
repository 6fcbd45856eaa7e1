"""What every figure has in common: nothing else changes, any name is drawn, journals' sizes, files."""

from __future__ import annotations

import dataclasses
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

import jugex
from jugex import plots
from jugex.atlas.identity import AtlasDonor
from jugex.errors import OptionError, OutputError
from jugex.plots.styles import DOUBLE_COLUMN, SINGLE_COLUMN, WIDE_COLUMN
from tests.report.helpers import change

GENE = "TAC1"
FORMULAS = {"F", "p", "x", "y", "z", r"-\log_{10}", r"p_{\mathrm{FWE}}", r"p_{\mathrm{FWE}} \leq 0.05"}
DRAW = {
    "axis": lambda result: plots.plot_axis(result, GENE),
    "coverage": plots.plot_coverage,
    "donors": lambda result: plots.plot_donors(result, GENE),
    "gene": lambda result: plots.plot_gene(result, GENE),
    "heatmap": plots.plot_heatmap,
    "null": lambda result: plots.plot_null(result, GENE),
    "probes": lambda result: plots.plot_probes(result, GENE),
    "samples": plots.plot_samples,
    "variogram": lambda result: plots.plot_variogram(result, GENE),
    "volcano": plots.plot_volcano,
}
WIDTHS = dict.fromkeys(DRAW, SINGLE_COLUMN) | {
    "axis": WIDE_COLUMN, "heatmap": DOUBLE_COLUMN, "samples": DOUBLE_COLUMN,
}  # fmt: skip


def texts_of(figure):
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


@pytest.fixture(scope="module")
def simulated() -> jugex.DifferentialExpression:
    """A result with its query and the ladder: MAOA and TAC1 differ."""
    return jugex.compare(
        *jugex.demo_regions(), atlas="simulated", genes=["MAOA", GENE, "GAD2"], rng=0, n_permutations=99
    )


@pytest.fixture(scope="module")
def drawn(simulated) -> dict[str, Axes]:
    return {name: draw(simulated) for name, draw in DRAW.items()}


@pytest.mark.parametrize("name", DRAW)
class TestEveryFigure:
    def test_has_the_width_of_a_column(self, drawn, name):
        assert drawn[name].figure.get_figwidth() * 25.4 == pytest.approx(WIDTHS[name])

    def test_text_has_6_to_8_points(self, drawn, name):
        drawn[name].figure.draw_without_rendering()
        assert {text.get_fontsize() for text in texts_of(drawn[name].figure)} <= {6, 7, 8}

    def test_stays_inside_its_figure(self, drawn, name):
        figure = drawn[name].figure
        figure.draw_without_rendering()
        box = figure.get_tightbbox()  # inches
        # the layout settles within a hundredth of an inch
        assert box.x0 >= -0.01
        assert box.y0 >= -0.01
        assert box.x1 <= figure.get_figwidth() + 0.01
        assert box.y1 <= figure.get_figheight() + 0.01

    def test_only_statistics_are_formulas(self, drawn, name):
        with_dollars = [text for text in texts_of(drawn[name].figure) if "$" in text.get_text()]
        assert all(text.get_parse_math() for text in with_dollars)
        formulas = {part for text in with_dollars for part in re.findall(r"\$(.*?)\$", text.get_text())}
        assert formulas <= FORMULAS

    @pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
    def test_is_written(self, drawn, name, suffix, tmp_path):
        path = plots.save_figure(drawn[name], tmp_path / f"figure{suffix}")
        assert path.read_bytes()[:4] in {b"<?xm", b"%PDF", b"\x89PNG"}

    def test_method_of_the_result_draws_the_same(self, simulated, drawn, name):
        method = getattr(simulated, f"plot_{name}")
        ax = method() if name in {"coverage", "heatmap", "samples", "volcano"} else method(GENE)
        assert ax.get_title() == drawn[name].get_title()
        assert len(ax.get_children()) == len(drawn[name].get_children())

    def test_leaves_settings_backend_and_figures_alone(self, simulated, name):
        import matplotlib.pyplot as plt

        mpl.use("agg")
        before = (dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums())
        DRAW[name](simulated)
        assert (dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()) == before

    @pytest.mark.parametrize(
        "settings", [{"font.size": 30, "axes.labelsize": 40}, {"axes.formatter.use_mathtext": True}]
    )
    def test_does_not_follow_settings_of_the_user(self, simulated, name, settings):
        with mpl.rc_context(settings):
            ax = DRAW[name](simulated)
        ax.figure.draw_without_rendering()
        assert {text.get_fontsize() for text in texts_of(ax.figure)} <= {6, 7, 8}


ANY_NAME = ["$x_1$ b_^ $", "$\\frac{$", "\N{GRINNING FACE}\N{CJK UNIFIED IDEOGRAPH-8133}", "<b>&\"'", "long " * 40]


def test_dollars_of_names_are_dollars(make_result):
    """What is drawn of a title that holds a name and formulas: each line as matplotlib reads it."""
    ax = plots.plot_gene(make_result(["$x$ \\$ y$", "B"], [0.01, 0.9], [1.0, 0.1]), "$x$ \\$ y$")
    lines = [ax.title._preprocess_math(line) for line in ax.get_title().split("\n")]
    assert lines[0] == ("$x$ \\$ y$", False)
    assert lines[1][1] is True


def many_donors(make_result, n):
    """A result of n donors, of whom every fifth has samples in region 1 alone."""
    result = make_result(fresh=False)
    rng = np.random.default_rng(0)
    first, second = result.region_names
    regions = [region for i in range(n) for region in ([first] * 2 if i % 5 == 4 else [first, first, second])]
    donors = [f"DONOR.{i:03d}" for i in range(n) for _ in range(2 if i % 5 == 4 else 3)]
    samples = pd.DataFrame({"region": regions, "donor_name": donors, "well_id": np.arange(len(donors))})
    samples[["mni_x", "mni_y", "mni_z"]] = rng.normal((-15, 56, 0), 6, (len(donors), 3))
    known = tuple(AtlasDonor(name, i, None, None, None) for i, name in enumerate(dict.fromkeys(donors)))
    zscores = pd.DataFrame(rng.normal(size=(len(donors), 3)), columns=result.zscores.columns)
    return dataclasses.replace(change(result, atlas={"donors": known}), samples=samples, zscores=zscores)


@pytest.mark.parametrize("n", [1, 50])
@pytest.mark.parametrize("figure", ["axis", "coverage", "donors", "gene", "heatmap", "samples"])
def test_any_number_of_donors_leaves_room_for_the_figure(make_result, figure, n):
    result = many_donors(make_result, n)
    method = getattr(result, f"plot_{figure}")
    ax = method("MAOA") if figure in {"axis", "donors", "gene"} else method()
    figure = ax.figure
    figure.draw_without_rendering()
    box = figure.get_tightbbox()  # inches; the layout settles within a hundredth
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= figure.get_figwidth() + 0.01
    assert box.y1 <= figure.get_figheight() + 0.01
    assert ax.get_window_extent().width > 0.3 * figure.bbox.width


@pytest.mark.parametrize("name", ANY_NAME, ids=ascii)
@pytest.mark.parametrize("figure", ["axis", "coverage", "gene", "heatmap", "samples", "volcano"])
def test_any_name_is_drawn(make_result, render, figure, name):
    result = make_result([name, "V1"], [0.01, 0.9], [1.0, 0.1], names=(name, "V1"))
    method = getattr(result, f"plot_{figure}")
    ax = method(name) if figure in {"axis", "gene"} else method()
    render(ax)


def test_no_backend_is_chosen(simulated, tmp_path):
    """A fresh interpreter, as whatever first looks a backend up chooses it and imports pyplot."""
    simulated.save(tmp_path / "out")
    code = (
        "import sys, matplotlib, jugex; result = jugex.load_result(sys.argv[1])\n"
        "for name in ('axis', 'donors', 'gene', 'null', 'variogram'): getattr(result, 'plot_' + name)('TAC1')\n"
        "for name in ('coverage', 'heatmap', 'samples', 'volcano'): getattr(result, 'plot_' + name)()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_import_loads_no_matplotlib():
    code = "import sys, jugex.plots; print({'matplotlib', 'nilearn', 'statsmodels', 'scipy.stats'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_regions_differ_in_grey_and_in_shape():
    light, dark = (np.dot(to_rgb(style.face), (0.299, 0.587, 0.114)) for style in plots.REGION_STYLES)
    assert light - dark > 0.5  # of the whole range from black to white
    assert plots.REGION_STYLES[0].marker != plots.REGION_STYLES[1].marker


class TestSaveFigure:
    @pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
    def test_same_figure_gives_the_same_file(self, make_result, tmp_path, suffix):
        paths = [plots.save_figure(plots.plot_gene(make_result(), "MAOA"), tmp_path / f"{i}{suffix}") for i in range(2)]
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_text_of_pdf_is_truetype(self, make_result, tmp_path):
        path = plots.save_figure(plots.plot_gene(make_result(), "MAOA"), tmp_path / "gene.pdf")
        assert b"/Subtype /Type3" not in path.read_bytes()

    def test_saves_subfigures_whole(self, make_result, tmp_path):
        left, _ = Figure().subfigures(1, 2)
        ax = plots.plot_volcano(make_result(), ax=left.subplots())
        assert plots.save_figure(ax, tmp_path / "both.png").is_file()

    def test_unknown_ending_is_refused(self, make_result, tmp_path):
        with pytest.raises(OptionError, match=r"a figure's name must end in \.pdf, \.svg, \.png; got 'gene\.gif'"):
            plots.save_figure(plots.plot_gene(make_result(), "MAOA"), tmp_path / "gene.gif")

    def test_folder_that_is_missing_is_refused(self, make_result, tmp_path):
        with pytest.raises(OutputError, match=r"the figure '.*gene\.svg' cannot be written: .*; choose another place"):
            plots.save_figure(plots.plot_gene(make_result(), "MAOA"), tmp_path / "none" / "gene.svg")


def test_real_regions_are_drawn(shared_data: Path, render):
    regions = [
        jugex.Region.from_image(shared_data / "regions" / f"{name}_left_pmap.nii.gz", threshold=0.2, name=name)
        for name in ("Fp1", "Fp2")
    ]
    result = jugex.compare(*regions, atlas=jugex.open_atlas(shared_data / "ahba-mini"), rng=0, n_permutations=999)
    for draw in (result.plot_axis, result.plot_donors, result.plot_null, result.plot_probes):
        render(draw("SCN1A"))


def test_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["figures.py", str(tmp_path / "out")])
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "figures.py"), run_name="__main__")
    assert len(list((tmp_path / "out").glob("*.pdf"))) == 12
    assert "12 figures of simulated A and simulated B" in capsys.readouterr().out
