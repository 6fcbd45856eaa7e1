"""Explanation and reproduction: figures are drawn, numbers are those of their sources, no link leads nowhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_allclose

from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import Relabellings
from tests.conftest import PROJECT
from tests.slow import separate
from tests.slow.calibration import Cell

DOCS = PROJECT / "docs"
PAGES = [*sorted((DOCS / "explanation").glob("*.md")), DOCS / "reproduction" / "index.md"]
NAMES = [str(page.relative_to(DOCS)) for page in PAGES]
#: Pages that explain nothing: the list of pages, and what tests counted.
TABLES = ("explanation/index.md", "explanation/trust.md")
RATES_OF_TOOLS = "What their way of computing does to the error rate"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return load(DOCS / "explanation" / "make_figures.py")


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    return load(DOCS / "reproduction" / "measure_fp1_fp2.py")


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def flow_of(page: str) -> str:
    """Text of a page as it flows, wherever its lines end."""
    return " ".join(text_of(page).split())


def images_of(page: str) -> list[str]:
    return re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text_of(page))


class TestFigures:
    def test_all_are_drawn_and_shown(self, figures: ModuleType, tmp_path: Path) -> None:
        drawn = {path.name for path in figures.make_figures(tmp_path)}
        shown = {Path(image).name for page in NAMES for image in images_of(page)}
        assert drawn == shown == {path.name for path in tmp_path.iterdir()}
        for path in tmp_path.iterdir():
            assert "nan" not in re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))

    @pytest.mark.parametrize("page", [page for page in NAMES if page not in TABLES])
    def test_every_page_has_one_in_the_folder_that_the_build_fills(self, figures: ModuleType, page: str) -> None:
        images = images_of(page)
        assert images
        for image in images:
            assert ((DOCS / page).parent / image).resolve().parent == figures.IMAGES

    def test_a_page_without_the_table_is_told(self, figures: ModuleType) -> None:
        with pytest.raises(IndexError):
            figures.read_table("calibration.md", "No such heading")


class TestPages:
    @pytest.mark.parametrize("page", NAMES)
    def test_links_lead_somewhere(self, page: str) -> None:
        links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+\.md)\)", text_of(page))
        assert [link for link in links if not ((DOCS / page).parent / link).exists()] == []

    @pytest.mark.parametrize("page", NAMES)
    def test_is_in_the_list(self, page: str) -> None:
        listed = re.search(r"```\{toctree\}\n(.*?)```", text_of("explanation/index.md"), re.DOTALL)
        assert listed is not None
        entries = {entry.removeprefix("/explanation/") for entry in listed[1].split()}
        name = page.removesuffix(".md")
        assert name == "explanation/index" or {name.removeprefix("explanation/"), f"/{name}"} & entries

    @pytest.mark.parametrize("page", [page for page in NAMES if page not in TABLES])
    def test_names_its_sources(self, page: str) -> None:
        assert "https://doi.org/10." in text_of(page) or page == "explanation/coming_from.md"


class TestNumbers:
    """What the pages say is what the calibration, the simulated atlas and the real data give."""

    def test_error_rates_of_the_statistics(self, figures: ModuleType) -> None:
        others = figures.read_table("calibration.md", "Other choices in the same cells")
        within = figures.read_table("calibration.md", "No gene differs: `within-donor`, `adjusted`")["observed"]
        said = figures.read_table("explanation/adjusted_or_sequential.md", "What it does to the error rate")
        cells = [f"{layout}, normal, donors offset" for layout in ("balanced", "unequal", "Fp1/Fp2")]
        for column in ("adjusted, free", "sequential, within-donor", "sequential, free"):
            assert said[column].tolist() == others.loc[cells, column].tolist()
        # four digits there, three here
        assert_allclose(said["adjusted, within-donor"].astype(float), within[cells].astype(float), atol=0.00051)

    @pytest.mark.parametrize(
        ("page", "heading", "row", "column", "number", "said"),
        [
            ("exchangeability", "Other choices in the same cells", "unequal, lognormal", "adjusted, free", 0, "0.062"),
            ("exchangeability", "Other choices in the same cells", "unequal, lognormal", "sequential, free", 0,
             "0.390"),
            ("exchangeability", "Power", "1", "adjusted", 0, "0.917"),
            ("exchangeability", "Power", "1", "adjusted, free", 0, "0.916"),
            ("adjusted_or_sequential", "Power", "1", "adjusted", 0, "0.917"),
            ("adjusted_or_sequential", "Power", "1", "sequential, free", 0, "0.790"),
            ("replicates", "Donors that differ in the effect", "48 samples, 0.5 sd", "adjusted", 0, "9.4 %"),
            ("replicates", "Donors that differ in the effect", "192 samples, 0.5 sd", "adjusted", 0, "23.7 %"),
            ("replicates", "Donors that differ in the effect", "48 samples, 0.5 sd", "adjusted", 1, "18 %"),
            ("replicates", "Donors that differ in the effect", "192 samples, 0.5 sd", "adjusted", 1, "79 %"),
            ("replicates", "Neighbours that resemble each other", "real Fp1/Fp2, common fields, 8 mm", "adjusted", 0,
             "15 %"),
            ("replicates", "Neighbours that resemble each other", "real Fp1/Fp2, common fields, 8 mm", "adjusted", 1,
             "36 %"),
            ("family_wise_error", "Some genes differ: `within-donor`, `adjusted`",
             "balanced, normal, 8 genes differ", "one step", 0, "0.036"),
            ("family_wise_error", "Some genes differ: `within-donor`, `adjusted`",
             "balanced, normal, 8 genes differ", "step-down", 0, "0.048"),
        ],
    )  # fmt: skip
    def test_rates_in_the_text(
        self, figures: ModuleType, page: str, heading: str, row: str, column: str, number: int, said: str
    ) -> None:
        cell = figures.read_table("calibration.md", heading).loc[row, column].split("/")[number].split("(")[0]
        stated, unit = (float(said.split(" ")[0]), 100) if "%" in said else (float(said), 1)
        decimals = len(said.split(" ")[0].partition(".")[2])
        # the text rounds: half a unit of its last digit, and a little for halves
        assert_allclose(float(cell) * unit, stated, atol=0.501 * 10.0**-decimals)
        assert said in flow_of(f"explanation/{page}.md")

    @pytest.mark.usefixtures("opened_whole")
    def test_limits_of_f(self, figures: ModuleType) -> None:
        result = figures.compare_demo.__wrapped__(candidates=False)  # others have run it on fewer samples
        families = {"4.0": ["GAD2"], "10.3": figures.read_run_of_2017()["gene"].tolist()}
        for said, genes in families.items():
            assert f"{np.quantile(figures.null_maxima(result, genes), 0.95):.1f}" == said
            assert said in flow_of("explanation/family_wise_error.md")

    def test_separate_shuffles_are_too_strict(self, figures: ModuleType) -> None:
        shared, separate = figures.simulate_maxima()
        share = (shared >= np.quantile(separate, 0.95)).mean()
        assert f"{100 * share:.1f} % false findings" in flow_of("explanation/earlier_tools.md")

    @pytest.mark.parametrize("layout", ["balanced", "unequal", "Fp1/Fp2"])
    @pytest.mark.slow
    def test_errors_of_separate_shuffles(self, figures: ModuleType, layout: str) -> None:
        said = figures.read_table("explanation/earlier_tools.md", RATES_OF_TOOLS)
        row = "as in Fp1/Fp2" if layout == "Fp1/Fp2" else "spread unequally" if layout == "unequal" else layout
        assert [float(rate) for rate in said.loc[row]] == list(separate.simulate_shuffles(Cell(layout, is_offset=True)))

    def test_shared_shuffles_are_those_of_the_engine(self) -> None:
        design = Cell("unequal").design
        values = np.random.default_rng(0).normal(size=(5, design.n_samples)) + 2 * design.donors
        labels = np.random.default_rng(1).permuted(np.tile(design.labels, (50, 1)), axis=1)
        counted = count_exceedances(values, design, Relabellings(labels), statistic="sequential")
        assert_allclose(separate.find_p_fwe(values, design, labels[None].astype(float)), counted.p_values().fwe)

    def test_readme_says_what_was_simulated(self, figures: ModuleType) -> None:
        table = figures.read_table("explanation/earlier_tools.md", RATES_OF_TOOLS).astype(float)
        readme = " ".join((PROJECT / "README.md").read_text(encoding="utf-8").split())
        shared, alone = (100 * table.loc["spread unequally"]).round().astype(int)
        assert f"in {alone} % of studies instead of 5 %" in readme
        assert (
            f"The {alone} % above include these separate shuffles; with one shuffle for all genes it is {shared} %"
            in readme
        )
        as_in_fp1 = f"where samples are spread as in Fp1 and Fp2, in {100 * table.loc['as in Fp1/Fp2'].iloc[1]:.0f} %"
        assert as_in_fp1 in readme
        assert "We did not run these tools" in readme

    def test_hemispheres(self, figures: ModuleType, shared_data: Path) -> None:
        import jugex

        samples = jugex.open_atlas(shared_data / "ahba-mini").samples
        said = figures.read_table("explanation/ahba.md", "Four donors have one hemisphere").astype(int)
        for side in ("left", "right"):
            counts = samples["structure_name"].str.contains(side).groupby(samples["donor_name"]).sum()
            assert said[side].to_dict() == counts.to_dict()
        assert said.sum(axis=1).to_dict() == samples.groupby("donor_name").size().to_dict()

    def test_samples_at_one_coordinate(self, shared_data: Path) -> None:
        import jugex

        samples = jugex.open_atlas(shared_data / "ahba-mini").samples
        twice = samples[samples.duplicated(["mni_x", "mni_y", "mni_z"], keep=False)]
        assert sorted(twice["well_id"]) == [14322, 146022014]
        assert twice[["mni_x", "mni_y", "mni_z"]].drop_duplicates().to_numpy().tolist() == [[-7, -23, -33]]


class TestReproduction:
    @pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")  # the design is weak, and the page says so
    def test_tables_are_what_the_data_gives(self, measure: ModuleType, shared_data: Path) -> None:
        page = text_of("reproduction/index.md")
        result = measure.compare(shared_data)
        assert measure.write_presets(result) in page
        assert measure.write_donors(result) in page
        made = measure.write_choices(result, measure.find_coordinates(shared_data)).splitlines()
        assert [line for line in made if line not in page.splitlines()] == []
        page = flow_of("reproduction/index.md")
        table = result.table.set_index("gene")
        scn1a = table.loc["SCN1A"]
        assert f"raw means differ by {scn1a['mean_1'] - scn1a['mean_2']:.3f}" in page
        assert table["n_donors_same_sign"].tolist() == [2, 2]
        assert table["n_donors_both"].tolist() == [3, 3]
        assert f"SCN1A's three have {scn1a['probe_r']:.2f}" in page
        assert f"probe_r = {table.loc['SLC6A2', 'probe_r']:.2f}" in page

    def test_the_script_says_what_it_needs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import runpy

        monkeypatch.setattr(sys, "argv", ["measure_fp1_fp2.py"])
        with pytest.raises(SystemExit, match="FOLDER holds"):
            runpy.run_path(str(DOCS / "reproduction" / "measure_fp1_fp2.py"), run_name="__main__")

    @pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")
    def test_the_script_writes_three_tables(
        self, measure: ModuleType, shared_data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        measure.main(shared_data)
        assert capsys.readouterr().out.count("| --- |") >= 3
