"""The page in a browser without network: no request, no error, and everything that can be done with it works."""

from __future__ import annotations

import csv
import io
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import jugex
from jugex._text import format_p
from jugex.report.page import render_page
from jugex.report.summary import format_value
from tests.report.conftest import compare_toy
from tests.scanning.helpers import make_regions, make_scan
from tests.tissue_atlas import make_atlas, make_region

playwright = pytest.importorskip(
    "playwright.sync_api", reason='browser tests need playwright: pip install ".[browser]"'
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
NASTY = "<img src=x onerror=alert(1)> \"quoted\"\tand 'tabbed' & \N{GRINNING FACE} a/b\\c " + "long" * 40
# three dimensions are drawn by the processor where there is no graphics card, and only these, which takes a third less
# time; root may not have a sandbox
OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-gpu-compositing"]
N_GENES = 20_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="browser tests need chromium (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        started.close()


class Opened:
    """A page, and what the browser said and asked for while it was open."""

    def __init__(self, browser, path, **options):
        self.context = browser.new_context(offline=True, **{"viewport": {"width": 1200, "height": 900}} | options)
        self.page = self.context.new_page()
        self.path, self.requests, self.errors = path, [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message) or dialog.dismiss())
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.goto(path.as_uri())

    def wait(self):
        """Until the table is alive."""
        self.page.locator("body.living").wait_for()
        return self

    def until(self, expression):
        """Wait for an expression to hold; playwright's own way needs eval, which the page forbids."""
        deadline = time.monotonic() + 30
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"not within 30 s: {expression}"
            self.page.wait_for_timeout(20)

    def draw(self, *parts):
        """Scroll to what is drawn when it comes into sight, and wait for it."""
        for part in parts:
            element, ready = {
                "volcano": ("volcano", "volcanoReady"),
                "scene": ("scene-box", "sceneReady"),
                "brain": ("brain-views", "brainReady"),
            }[part]
            if self.page.locator(f"#{element}").count():
                self.page.evaluate(f"document.getElementById('{element}').scrollIntoView()")
                self.until(f"page.{ready} !== undefined")
                self.page.evaluate(f"page.{ready}")
        return self

    def fill_cards(self):
        """Draw what the cards hold."""
        self.page.evaluate("page.cards?.ready")
        self.page.evaluate("page.cards?.fillAll()")
        return self

    def draw_all(self):
        return self.draw("volcano", "scene", "brain").fill_cards()

    def panel(self, card, title):
        """A drawing of a card: what it says in words, and its numbers, row by row."""
        figure = self.page.locator(f"#{card} figure").filter(has=self.page.locator(f"figcaption:text-is('{title}')"))
        cells = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.replaceAll('\u2212', '-')))"
        return figure.locator("svg").get_attribute("aria-label"), figure.locator("tr").evaluate_all(cells)

    def rows(self):
        return self.page.eval_on_selector_all(
            "#genes tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )


@pytest.fixture
def open_page(browser, tmp_path):
    opened = []

    def open_result(result, **options):
        path = tmp_path / f"report-{len(opened)}.html"
        path.write_text(render_page(result), encoding="utf-8")
        opened.append(Opened(browser, path, **options))
        return opened[-1]

    yield open_result
    for one in opened:
        one.context.close()


def make_many(make_result, n=N_GENES):
    """A whole genome, of which one in twenty genes is significant and the last ten are not tested."""
    rng = np.random.default_rng(1)
    p = np.sort(rng.uniform(0.0001, 1, n))
    p[-10:] = np.nan
    diff = np.where(np.isnan(p), np.nan, rng.normal(0, 1, n))
    return make_result([f"GENE{i}" for i in range(n)], p, diff)


@pytest.fixture
def pick(make_result, group_result):
    """A result of two regions or of three."""
    return lambda k: (
        group_result.comparison if k == 3 else make_result(simulated=True, requested=["MAOA", "TAC1", "GRIA2"])
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_asks_for_nothing_and_says_no_error(open_page, make_result, scheme):
    opened = open_page(make_result(simulated=True), color_scheme=scheme).wait().draw_all()
    assert opened.page.evaluate("page.sceneReady")
    assert opened.page.locator("#volcano-plot .main-svg").count()
    assert not opened.page.locator("#volcano-still").is_visible()
    assert opened.page.locator("#brain-views svg").count() == 3
    opened.page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    opened.page.wait_for_timeout(200)
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [opened.path.as_uri()]
    assert opened.errors == []


@pytest.mark.parametrize(  # every two of them meet
    ("k", "width", "scheme"),
    [
        (2, 1900, "light"), (3, 1900, "dark"), (2, 1300, "dark"), (3, 1300, "light"), (2, 390, "light"),
        (3, 390, "dark"),
    ],
)  # fmt: skip
def test_is_accessible(open_page, pick, k, width, scheme):
    if not AXE.exists():
        pytest.skip("the test of accessibility needs axe-core: npm install axe-core")
    opened = open_page(pick(k), color_scheme=scheme).wait()
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.draw_all()
    opened.page.evaluate("page.cards.select(0)")
    opened.page.evaluate("for (const part of document.querySelectorAll('details')) { part.open = true; }")
    opened.page.evaluate(AXE.read_text(encoding="utf-8"))  # as a script of the page it would be refused
    found = opened.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    faults = [(violation["id"], [node["html"][:200] for node in violation["nodes"]]) for violation in found]
    assert faults == []


@pytest.mark.parametrize("k", [2, 10])
def test_fits_every_width(open_page, make_result, k):
    long = [f"{'A' * 199}{i}" for i in range(k)]
    opened = open_page(make_result(names=tuple(long)) if k == 2 else compare_toy(k, names=long).comparison).wait()
    for width in (390, 1440, 768):
        opened.page.set_viewport_size({"width": width, "height": 900})
        opened.draw_all()
        opened.until(f"document.documentElement.scrollWidth <= {width}")  # a drawing takes a moment to fit a new width


class TestNarrowWindows:
    def open_narrow(self, open_page, result, width=390):
        opened = open_page(result).wait()
        opened.page.set_viewport_size({"width": width, "height": 900})
        return opened.draw("volcano").fill_cards()

    def test_gene_p_difference_and_direction_are_seen_without_scrolling(self, open_page, make_result):
        opened = self.open_narrow(open_page, make_result(names=("simulated A", "simulated B")))
        read = """[...document.querySelectorAll('#genes tbody tr:first-child > *')].filter(cell => cell.offsetWidth)
            .map(cell => [cell.textContent, cell.getBoundingClientRect().right <= document.querySelector('#genes')
            .closest('.scroll').getBoundingClientRect().right + 1])"""
        minus = "\N{MINUS SIGN}1.200"
        assert opened.page.evaluate(read) == [
            ["MAOA (significant)", True], ["0.0003", True], [minus, True], ["simulated B", True],
        ]  # fmt: skip
        opened.page.check("#genes-wide")
        assert len(opened.page.evaluate(read)) == 12
        opened.until("document.querySelector('#genes').closest('.scroll').classList.contains('more-right')")

    def test_at_middling_width_no_column_is_cut_and_the_others_are_shown_on_demand(self, open_page, climbed):
        opened = self.open_narrow(open_page, climbed, 800)
        read = """[...document.querySelectorAll('#genes thead th')].filter(cell => cell.offsetWidth)
            .map(cell => cell.textContent)"""
        shown = ["Gene", "Rung", "pFWE", "pFWE donors", "pFWE spatial", "Difference", "Higher in"]
        opened.until("!document.querySelector('#genes').closest('.scroll').classList.contains('more-right')")
        assert opened.page.evaluate(read) == shown
        opened.page.check("#genes-wide")
        assert opened.page.evaluate(read)[:8] == [*shown, "95 % CI"]

    def test_the_contents_say_that_more_of_them_is_to_the_right(self, open_page, make_result):
        opened = self.open_narrow(open_page, make_result(), 390)
        read = "getComputedStyle(document.querySelector('.contents'), '::after').display"
        opened.until(f"{read} === 'block'")
        opened.page.evaluate("document.querySelector('.contents ul').scrollLeft = 5000")
        opened.until(f"{read} === 'none'")

    def test_the_first_column_stays_where_a_table_is_scrolled(self, open_page, make_result):
        opened = self.open_narrow(open_page, make_result())
        opened.page.click("#evidence-genes")
        box = "document.querySelector('[aria-label=\"Evidence by gene\"]')"
        left = f"{box}.querySelector('tbody th').getBoundingClientRect().left"
        before = opened.page.evaluate(left)
        opened.page.evaluate(f"{box}.scrollLeft = 150")
        assert opened.page.evaluate(left) == before
        opened.until(f"{box}.classList.contains('more-left')")

    @pytest.mark.parametrize("width", [1440, 768, 390])
    def test_words_of_the_volcano_can_be_read_and_lie_apart(self, open_page, make_result, width):
        result = make_result(diff=(-1.2, -1.19, 0.1), p_fwe=(0.0002, 0.0002, 0.7))
        opened = self.open_narrow(open_page, result, width)
        boxes = """(name) => [...document.querySelectorAll(`${name} text`)]
            .filter(text => text.textContent && text.getBoundingClientRect().width).map(text => {
              const box = text.getBoundingClientRect(), isTurned = text.transform.baseVal.length;
              const size = parseFloat(getComputedStyle(text).fontSize) * (isTurned ? 1 : text.getScreenCTM().a || 1);
              return [text.textContent, size, box.left, box.right, box.top, box.bottom]; })"""
        deadline = time.monotonic() + 30
        while (together := self.find_overlaps(words := opened.page.evaluate(boxes, "#volcano-plot"))) and (
            time.monotonic() < deadline
        ):  # it is drawn anew for the width
            opened.page.wait_for_timeout(100)
        assert together == []
        assert {"MAOA", "TAC1"} <= {text for text, *_ in words}
        assert min(size for _, size, *_ in words) >= 11

    @staticmethod
    def find_overlaps(words):
        return [
            (text, other)
            for i, (text, _, left, right, top, bottom) in enumerate(words)
            for other, _, *box in words[i + 1 :]
            if not (right <= box[0] + 1 or box[1] <= left + 1 or bottom <= box[2] + 4 or box[3] <= top + 4)
        ]


def test_without_webgl_one_sentence_says_what_is_missing(open_page, make_result):
    opened = open_page(make_result()).wait()
    opened.page.evaluate("page.hasWebGl = () => false")
    opened.draw_all()
    assert "no WebGL" in opened.page.locator("#scene-told").inner_text()
    for part in ("#scene-box form", "#scene-plot", "#scene-note"):
        assert not opened.page.locator(part).is_visible()


def test_no_table_is_cut_at_1440(open_page, make_result):
    opened = open_page(make_result(names=("simulated A", "simulated B"))).wait()
    opened.page.set_viewport_size({"width": 1440, "height": 900})
    # the numbers of a drawing, folded away, are as wide as the drawing
    seen = "[...document.querySelectorAll('.scroll')].filter(box => !box.closest('details:not([open])'))"
    cut = f"{seen}.filter(box => box.scrollWidth > box.clientWidth + 1).length"
    opened.until(f"{cut} === 0")
    box = "(box => box.scrollHeight > box.clientHeight + 1)(document.querySelector('#genes').closest('.scroll'))"
    assert not opened.page.evaluate(box)  # it pages, and has no scroll bar beside that


class TestWithoutScripts:
    def test_the_tables_are_there_and_drawings_are_said_to_need_them(self, open_page, make_result):
        page = open_page(make_result(), java_script_enabled=False).page
        assert page.locator("#genes tbody tr").count() == 3
        assert page.locator("#gene-0 .numbers").is_visible()
        said = page.locator("noscript").all_text_contents()
        assert len(said) == 4  # volcano, table, genes, brain
        assert all("scripts, which are off" in text for text in said)
        for part in ("#genes-controls", "#genes-pages", "#volcano-live", "#scene-box"):
            assert not page.locator(part).is_visible()

    def test_paper_has_drawings_and_no_controls(self, open_page, make_result):
        opened = open_page(make_result()).wait().draw_all()
        opened.page.emulate_media(media="print")
        assert opened.page.locator("#volcano-still").is_visible()
        assert opened.page.evaluate("document.getElementById('volcano-still').naturalWidth") > 0
        assert opened.page.locator("#gene-1 figure svg").count() == 4
        for part in ("#genes-controls", "#genes-pages", "#volcano-live", "#scene-box", ".contents"):
            assert not opened.page.locator(part).is_visible()


class TestTable:
    def test_shows_the_numbers_of_the_table(self, open_page, make_result):
        result = make_many(make_result, 1200)
        opened = open_page(result).wait()
        assert len(opened.rows()) == 25
        opened.page.select_option("#genes-size", "1000")
        rows = opened.rows()
        assert len(rows) == 1000
        for row, (_, gene) in zip(rows, result.table.iterrows(), strict=False):
            assert row[0].removesuffix(" (significant)") == gene["gene"]
            assert row[3] == ("Fp1 left" if gene["diff"] > 0 else "Fp2 left")
            written = {key: float(f"{gene[key]:.10g}") for key in ("p_fwe", "p_perm", "q_fdr", "diff", "hedges_g", "f")}
            assert [row[1], *row[5:7]] == [format_p(written[key]) for key in ("p_fwe", "p_perm", "q_fdr")]
            assert row[2] == format_value(written["diff"], 3)
            assert row[8:10] == [format_value(written[key]) for key in ("hedges_g", "f")]

    def test_all_columns_have_all_digits(self, open_page, make_result):
        result = make_result()
        opened = open_page(result).wait()
        opened.page.check("#genes-all")
        heads = opened.page.eval_on_selector_all("#genes thead th", "heads => heads.map(head => head.textContent)")
        assert heads == list(result.table.columns)
        for row, (_, gene) in zip(opened.rows(), result.table.iterrows(), strict=True):
            numbers = {
                column: float(cell) for column, cell in zip(heads, row, strict=True) if column in ("diff", "f", "p_fwe")
            }
            assert numbers == {column: float(f"{gene[column]:.10g}") for column in numbers}

    def test_is_sorted_searched_and_filtered(self, open_page, make_result):
        result = make_many(make_result)
        tested = result.table[result.table["status"] == "ok"]
        opened = open_page(result).wait()
        page, told = opened.page, opened.page.locator("#genes-told")
        assert told.inner_text() == "1 to 25 of 19,990 genes"
        page.get_by_role("button", name="Difference").click()
        assert opened.rows()[0][0].startswith(tested.sort_values("diff")["gene"].iloc[0])
        page.get_by_role("button", name="Difference").click()
        assert opened.rows()[0][0].startswith(tested.sort_values("diff")["gene"].iloc[-1])
        assert page.locator("#genes th[aria-sort]").get_attribute("aria-sort") == "descending"
        page.fill("#genes-search", "gene1999")
        opened.until("document.getElementById('genes-told').textContent.endsWith('of 1 gene')")
        assert opened.rows()[0][0] == "GENE1999"
        page.click("#genes-controls button[type=reset]")
        page.select_option("#genes-show", "found")
        n = int(tested["significant"].sum())
        assert told.inner_text() == f"1 to 25 of {n:,} genes"
        page.select_option("#genes-region", "1")
        assert {row[3] for row in opened.rows()} == {"Fp1 left"}
        page.select_option("#genes-show", "others")
        page.select_option("#genes-region", "")
        assert [row[1] for row in opened.rows()] == ["not tested: constant over the samples used"] * 10
        page.click("#genes-controls button[type=reset]")
        page.fill("#genes-limit", "0.02")
        n = int((tested["p_fwe"] <= 0.02).sum())
        opened.until(f"document.getElementById('genes-told').textContent.endsWith('of {n:,} genes')")

    def test_pages_turn(self, open_page, make_result):
        opened = open_page(make_many(make_result)).wait()
        assert opened.page.locator("#genes-previous").is_disabled()
        opened.page.click("#genes-next")
        assert opened.page.locator("#genes-told").inner_text() == "26 to 50 of 19,990 genes"
        opened.page.click("#genes-last")
        assert opened.page.locator("#genes-told").inner_text() == "19,976 to 19,990 of 19,990 genes"
        assert opened.page.locator("#genes-next").is_disabled()

    def test_rows_are_downloaded_as_csv(self, open_page, make_result):
        opened = open_page(make_result([NASTY, "B"], [0.01, 0.5], [1.0, -1.0])).wait()
        with opened.page.expect_download() as download:
            opened.page.click("#genes-csv")
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
        assert [row["gene"] for row in rows] == [NASTY, "B"]
        assert [row["diff"] for row in rows] == ["1", "-1"]

    def test_names_are_text(self, open_page, make_result):
        opened = open_page(make_result([NASTY, "B"], [0.01, 0.5], [1.0, -1.0], names=(NASTY, "b"))).wait().draw_all()
        assert opened.rows()[0][0] == NASTY + " (significant)"
        assert opened.page.locator("#volcano-plot img, #genes img").count() == 0
        assert opened.errors == []


def test_the_table_of_more_regions_lives(open_page, group_result):
    opened = open_page(group_result.comparison).wait()
    page = opened.page
    page.fill("#genes-search", "tac")
    opened.until("document.querySelectorAll('#genes tbody tr').length === 1")
    page.fill("#genes-search", "")
    opened.until("document.querySelectorAll('#genes tbody tr').length === 4")
    page.click("#genes thead th:first-child button")
    assert page.locator("#genes tbody th").first.inner_text() == "GAD2"
    page.select_option("#genes-show", "found")
    assert len(opened.rows()) == 3
    with page.expect_download() as download:
        page.click("#genes-tsv")
    assert download.value.suggested_filename == "omnibus.tsv"
    opened.draw_all()
    label, _ = opened.panel("gene-0", "Samples")
    assert label.startswith("z-scores by region: A, 33 samples, median ")
    label, rows = opened.panel("gene-0", "Two by two")
    assert label.startswith("Differences of pairs of regions, with p corrected by Holm's procedure: ")
    assert len(rows) == 1 + 3
    assert opened.requests == [opened.path.as_uri()]
    assert opened.errors == []


@pytest.fixture(scope="module")
def climbed():
    """Genes of a tissue, with the ladder and its diagnostic."""
    regions, atlas = (make_region("A"), make_region("B")), make_atlas(n_left=80)
    return jugex.compare(*regions, atlas=atlas, n_permutations=999, rng=0, background=False)


class TestLadder:
    def test_a_card_has_the_genes_variogram(self, open_page, climbed):
        opened = open_page(climbed).wait().fill_cards()
        gene = str(climbed.labels.iloc[0])
        label, rows = opened.panel("gene-0", "Distance")
        assert label.startswith("Semivariance of two samples of one donor and of two donors by distance: ")
        pooled, place = climbed.record.ladder.variogram, climbed.variograms.find(gene)
        scale, (within, between) = climbed.variograms.scale[place], climbed.variograms.semivariances[place]
        expected = [within, scale * np.array(pooled.fitted_within), between, scale * np.array(pooled.fitted_between)]
        found = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
        np.testing.assert_allclose(found, np.transpose(expected), atol=0.002)  # shown with three digits
        _, rows = opened.panel("gene-0", "Donor by donor")
        assert [row[0] for row in rows[-3:]] == ["adjusted", "over donors", "beyond distance"]
        row = climbed.table.iloc[0]
        assert rows[-1][3] == f"{row['ci_spatial_low']:.2f} to {row['ci_spatial_high']:.2f}"
        assert opened.errors == []

    def test_the_tissue_is_drawn_with_what_each_rung_calls(self, open_page, climbed):
        opened = open_page(climbed).wait().draw_all()
        heads = opened.page.locator("#tissue figcaption").all_text_contents()
        assert heads == [
            "What each rung calls at arbitrary places", "The rung donors stands on this",
            "The rung spatial stands on this",
        ]  # fmt: skip
        label, shares = opened.page.locator("#tissue svg").first.get_attribute("aria-label"), climbed.record.ladder
        assert f"spatial {100 * shares.diagnostic.spatial:.1f} %" in label

    def test_other_genes_have_it_too_and_the_table_shows_a_rung(self, open_page, climbed):
        opened = open_page(climbed).wait()
        opened.page.evaluate("page.cards.select(20)")
        opened.page.locator("#selected-card figure").first.wait_for()
        assert opened.panel("selected-card", "Distance")[1]
        words = opened.page.locator("#selected-card .numbers").inner_text()
        assert "donors" in words
        assert "spatial" in words
        n = int((climbed.table["evidence"] == "spatial").sum())
        opened.page.select_option("#genes-show", "spatial")
        opened.until(f"document.querySelectorAll('#genes tbody tr').length === {n}")
        assert {row[1] for row in opened.rows()} == {"spatial"}

    def test_a_table_that_is_cut_says_so(self, open_page, climbed):
        opened = open_page(climbed, viewport={"width": 700, "height": 900}).wait()
        note = opened.page.locator("#results ~ .more-columns")
        opened.page.check("#genes-wide")
        opened.until("document.querySelector('#results ~ .scroll').classList.contains('more-right')")
        assert note.is_visible()
        opened.page.set_viewport_size({"width": 1440, "height": 900})
        opened.until("!document.querySelector('#results ~ .scroll').classList.contains('more-right')")
        assert not note.is_visible()


class TestCards:
    def test_drawings_say_the_numbers_of_the_result(self, open_page, make_result):
        result = make_result()
        opened = open_page(result).wait().fill_cards()
        label, rows = opened.panel("gene-0", "Samples")
        assert label.startswith("z-scores by region: Fp1 left, 16 samples, median ")
        for column, name in enumerate(result.region_names, start=1):
            values = result.zscores["MAOA"][(result.samples["region"] == name).to_numpy()]
            expected = [len(values), *np.percentile(values, [75, 50, 25])]
            assert [float(row[column]) for row in rows[1:5]] == pytest.approx(
                expected, abs=0.0301
            )  # in steps of 0.05, shown with two digits
        _, rows = opened.panel("gene-0", "Donor by donor")
        donors = result.donor_differences("MAOA")
        assert [row[0] for row in rows[1:]] == [*donors["donor_name"], "adjusted"]
        assert [float(row[2]) for row in rows[1:4]] == pytest.approx(donors["diff"], abs=0.0056)
        assert rows[4][2:] == ["-1.20", "-1.60 to -0.80"]
        label, rows = opened.panel("gene-0", "Permutations")
        n = int((result.permutation_null("MAOA") >= 20.0).sum())
        assert f"{n:,} reach the observed 20.00" in label
        label, rows = opened.panel("gene-1", "Probes")
        assert [row[0] for row in rows[1:]] == ["A_23_P2", "A_23_P3"]

    @pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")  # of few permutations
    def test_gene_sets_are_drawn_in_standard_deviations(self, open_page):
        demo = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_permutations=999, ladder=False)
        opened = open_page(demo.gene_sets("simulated").data).wait().draw("volcano").fill_cards()
        assert opened.panel("gene-0", "Samples")[0].startswith("standard deviations by region: simulated A, 33 samples")
        titles = opened.page.locator("#volcano-plot .xtitle").all_text_contents()
        assert titles == ["difference in standard deviations, adjusted for donor"]
        assert opened.errors == []

    def test_every_sample_is_drawn_and_open_where_its_donor_has_one_region(self, open_page, make_result):
        opened = open_page(make_result()).wait().fill_cards()
        count = """kind => [...document.querySelectorAll('#gene-0 figure:first-child path.points')]
            .filter(path => !path.classList.contains('large') && path.classList.contains('open') === kind)
            .reduce((sum, path) => sum + path.getAttribute('d').split('M').length - 1, 0)"""
        assert opened.page.evaluate(count, True) == 3 + 2 + 2  # of COUNTS
        assert opened.page.evaluate(count, False) == 28 - 7
        assert opened.page.locator("#gene-0 figure:first-child path.mean").count() == 3

    def test_any_gene_of_the_table_is_opened_and_closed(self, open_page, make_result):
        result = make_many(make_result, 300)
        opened = open_page(result).wait()
        opened.page.fill("#genes-search", "gene222")
        opened.until("document.querySelectorAll('#genes tbody tr').length === 1")
        opened.page.click("#genes tbody a")
        opened.until("document.activeElement.id === 'selected-card'")
        row = result.table.iloc[222]
        told = opened.page.locator("#selected-card .numbers").text_content().replace("\N{MINUS SIGN}", "-")
        assert f"difference {row['diff']:.2f}" in told
        assert f"{format_p(row['p_fwe'])}" in told
        label, _ = opened.panel("selected-card", "Samples")
        first = result.zscores["GENE222"][(result.samples["region"] == "Fp1 left").to_numpy()]
        shown = label.replace("\N{MINUS SIGN}", "-").partition("median ")[2].partition(";")[0]
        assert float(shown) == pytest.approx(first.median(), abs=0.0301)
        opened.page.click("#selected-close")
        assert not opened.page.locator("#selected").is_visible()
        assert opened.errors == []

    @pytest.mark.parametrize("hash", ["#gene=gene250", "#gene-250"])
    def test_a_link_to_a_gene_selects_it(self, open_page, make_result, hash):
        opened = open_page(make_many(make_result, 300))
        opened.page.goto(opened.path.as_uri() + hash)
        opened.page.reload()
        opened.until("document.activeElement.id === 'selected-card'")
        assert opened.page.locator("#selected-card .title").inner_text().startswith("GENE250")
        assert opened.page.evaluate("location.hash") == "#gene=GENE250"

    def test_cards_link_to_pages_about_the_gene_unless_it_is_made_up(self, open_page, make_result):
        result = make_result(["HLA-A", "B"], [0.01, 0.5], [1.0, -1.0])
        read = "[...document.querySelectorAll('#selected-card .links a')].map(link => link.href)"
        opened = open_page(result).wait()
        opened.page.evaluate("page.cards.select(0)")
        links = opened.page.evaluate(read)
        assert [link.split("/")[2] for link in links] == [
            "human.brain-map.org", "www.genecards.org", "pubmed.ncbi.nlm.nih.gov",
        ]  # fmt: skip
        assert all("HLA-A" in link for link in links)
        simulated = open_page(make_result(["HLA-A", "B"], [0.01, 0.5], [1.0, -1.0], simulated=True)).wait()
        simulated.page.evaluate("page.cards.select(0)")
        assert simulated.page.evaluate(read) == []

    def test_a_gene_that_was_not_tested_says_why(self, open_page, make_result):
        opened = open_page(make_result(["A", "B"], [0.01, np.nan], [1.0, np.nan])).wait()
        opened.page.select_option("#genes-show", "others")
        opened.page.click("#genes tbody a")
        opened.until("document.activeElement.id === 'selected-card'")
        assert "constant over the samples used" in opened.page.locator("#selected-card .numbers").text_content()
        assert opened.page.locator("#selected-card figure").count() == 1

    def test_names_are_text(self, open_page, make_result):
        opened = open_page(make_result([NASTY, "B"], [0.01, 0.5], [1.0, -1.0], names=(NASTY, "b"))).wait().draw_all()
        opened.page.click("#genes tbody tr:nth-child(2) a")
        opened.until("document.activeElement.id === 'selected-card'")
        assert opened.page.locator(".gene img").count() == 0
        assert opened.errors == []


class TestVolcano:
    def test_a_click_leads_to_the_gene(self, open_page, make_result):
        opened = open_page(make_result()).wait().draw("volcano")
        opened.page.evaluate("document.getElementById('volcano-plot').scrollIntoView({block: 'center'})")
        x, y = opened.page.evaluate(
            """() => { const plot = document.getElementById('volcano-plot'), { xaxis, yaxis } = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            const y = yaxis.l2p(-Math.log10(0.00015));
            return [box.x + xaxis._offset + xaxis.l2p(-1.2), box.y + yaxis._offset + y]; }"""
        )
        opened.page.mouse.move(x - 3, y)
        opened.page.mouse.move(x, y)
        opened.page.wait_for_selector("#volcano-plot .hovertext")
        assert "MAOA" in opened.page.locator("#volcano-plot .hovertext").text_content()
        opened.page.mouse.click(x, y)
        opened.until("document.activeElement.id === 'selected-card'")
        assert opened.page.locator("#selected-card").get_attribute("aria-label") == "MAOA"

    def test_a_gene_is_found_by_name_and_gone_to(self, open_page, make_result):
        opened = open_page(make_many(make_result, 3000)).wait().draw("volcano")
        page = opened.page
        page.fill("#volcano-find", "gene150")
        opened.until("document.getElementById('volcano-told').textContent.startsWith('GENE150:')")
        page.press("#volcano-find", "Enter")
        opened.until("document.activeElement.id === 'selected-card'")
        assert page.locator("#selected-card").get_attribute("aria-label") == "GENE150"
        page.fill("#volcano-find", "nonsense")
        opened.until("document.getElementById('volcano-told').textContent.startsWith('No gene')")
        assert opened.errors == []

    def test_a_whole_genome_is_drawn_and_more_of_it_near_by(self, open_page, make_result):
        opened = open_page(make_many(make_result)).wait().draw("volcano")
        assert "not supported" not in opened.page.locator("#volcano-plot").inner_text()
        read = "document.getElementById('volcano-plot').data.map(trace => trace.customdata)"
        whole = {name for trace in opened.page.evaluate(read) for name in trace}
        assert opened.page.locator("#volcano-plot .point").count() == len(whole) > 2000
        opened.page.locator("[data-zoom='0.6']").click()
        opened.page.wait_for_timeout(200)
        near = {name for trace in opened.page.evaluate(read) for name in trace}
        assert near - whole
        assert opened.errors == []

    def test_the_smallest_possible_p_is_named_on_no_mark(self, open_page, make_result):
        n = 41
        result = make_result([f"G{i}" for i in range(n)], np.full(n, 1e-4), np.linspace(-2, 2, n))
        opened = open_page(result).wait().draw("volcano")
        crossed = """() => {
            const box = (one) => one.getBoundingClientRect();
            const name = [...document.querySelectorAll('#volcano-plot .annotation-text')]
                .find(one => one.textContent.startsWith('smallest possible'));
            const points = [...document.querySelectorAll('#volcano-plot .point')].map(box), at = box(name);
            return [points.length, points.filter(p => p.left < at.right && at.left < p.right && p.top < at.bottom
                && at.top < p.bottom).length];
        }"""
        assert opened.page.evaluate(crossed) == [n, 0]

    def test_zooms_by_button_and_back(self, open_page, make_result):
        opened = open_page(make_result()).wait().draw("volcano")
        read = "document.getElementById('volcano-plot').layout.xaxis.range"
        whole = opened.page.evaluate(read)
        opened.page.locator("[data-zoom='0.6']").click()
        assert opened.page.evaluate(read) == pytest.approx([0.6 * end for end in whole])
        opened.page.get_by_role("button", name="Whole plot").click()
        assert opened.page.evaluate(read) == pytest.approx(whole)
        opened.page.select_option("#volcano-y", "f")
        assert opened.page.evaluate("document.getElementById('volcano-plot').layout.yaxis.range")[1] == pytest.approx(
            22
        )


class TestSelection:
    """A gene that is selected anywhere is selected everywhere."""

    def state(self, opened):
        """What the card, the table, the volcano plot and the brain say is selected."""
        return opened.page.evaluate(
            """() => [document.querySelector('#selected-card').getAttribute('aria-label'),
            document.querySelector('#genes tr.found a.pick')?.textContent,
            document.getElementById('volcano-plot').layout.annotations.find(mark => mark.showarrow)?.text,
            document.getElementById('brain-gene').value]"""
        )

    def test_the_table_the_volcano_and_the_brain_follow_each_other(self, open_page, make_result):
        opened = open_page(make_result()).wait().draw_all()
        page = opened.page
        colours = (
            "[...document.querySelectorAll('#brain-views svg:first-child path[transform]')].map(p => p.style.fill)"
        )
        of_regions = page.evaluate(colours)
        page.click("#genes tbody tr:nth-child(2) td:nth-child(3)")  # anywhere in its row
        opened.until("page.selected === 1")
        assert self.state(opened) == ["TAC1"] * 4
        of_gene = page.evaluate(colours)
        assert len(set(of_gene)) > len(set(of_regions))
        page.fill("#brain-gene", "gria2")
        page.press("#brain-gene", "Enter")
        opened.until("page.selected === 2")
        assert self.state(opened) == ["GRIA2"] * 4
        page.evaluate("page.table.goTo('MAOA')")  # what a click in the volcano plot does
        opened.until("page.selected === 0")
        assert self.state(opened) == ["MAOA"] * 4
        page.click("#brain-regions")
        opened.until("page.selected === null")
        assert self.state(opened)[1:] == [None, None, ""]
        assert page.evaluate(colours) == of_regions
        assert opened.errors == []

    def test_the_table_turns_to_the_gene_and_keeps_its_filters(self, open_page, make_result):
        opened = open_page(make_many(make_result, 300)).wait()
        opened.page.evaluate("page.cards.select(222)")
        opened.until("document.querySelector('#genes tr.found a.pick')?.textContent === 'GENE222'")
        opened.page.select_option("#genes-show", "found")
        opened.page.evaluate("page.cards.select(250)")
        opened.until("page.selected === 250")
        assert opened.page.locator("#genes-show").input_value() == "found"

    def test_the_keyboard_alone_selects_steps_and_leaves(self, open_page, make_result):
        opened = open_page(make_result()).wait()
        page = opened.page
        for key in ("Enter", " "):
            page.focus("#genes tbody tr:nth-child(2) a")
            page.keyboard.press(key)
            opened.until("document.activeElement.id === 'selected-card'")
            assert page.evaluate("page.selected") == 1
            ring = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(ring) == "solid"
            page.focus("#selected-next")
            page.keyboard.press("Enter")
            opened.until("page.selected === 2")
            assert page.locator("#selected-next").is_disabled()
            page.keyboard.press("Escape")
            opened.until("document.activeElement.textContent === 'GRIA2'")
            assert not page.locator("#selected").is_visible()
            assert page.evaluate("location.hash") == ""

    def test_genes_that_nearly_reach_are_one_click_away(self, open_page, make_result):
        opened = open_page(make_result(p_fwe=(0.01, 0.19, 0.21))).wait()
        opened.page.click("#next-near")
        opened.until("document.querySelectorAll('#genes tbody tr').length === 1")
        assert opened.rows()[0][0] == "TAC1"

    def test_links_into_what_is_folded_open_it(self, open_page, climbed):
        opened = open_page(climbed).wait()
        assert not opened.page.locator("#tissue").is_visible()
        opened.page.evaluate("location.hash = 'tissue-title'")
        opened.until("document.getElementById('tissue-title').parentElement.open")
        assert opened.page.locator("#tissue").is_visible()


class TestScene:
    def test_layers_and_sides(self, open_page, make_result):
        opened = open_page(make_result()).wait().draw_all()
        page = opened.page
        page.uncheck("[data-layer=cortex]")
        page.check("[data-layer=out]")
        shown = page.evaluate("document.getElementById('scene-plot').data.map(trace => trace.visible)")
        assert shown == [False, True, True, True, True, True]
        page.click("[data-side=left]")
        assert page.evaluate("document.getElementById('scene-plot').layout.scene.camera.eye.x") == -2
        page.click("[data-closer='0.75']")
        assert page.evaluate("document.getElementById('scene-plot').layout.scene.camera.eye.x") == -1.5
        assert opened.errors == []


@pytest.mark.parametrize(
    "case", ["no gene tested", "one gene", "no coordinate", "no p", "from disk", "all significant"]
)
def test_odd_results_say_no_error(open_page, make_result, case):
    n = 3000
    result = {
        "no gene tested": lambda: make_result(["A"], [np.nan], [np.nan]),
        "one gene": lambda: make_result(["A"], [0.2], [0.4]),
        "from disk": lambda: make_result(fresh=False),
        "all significant": lambda: make_result([f"G{i}" for i in range(n)], np.full(n, 1e-4), np.linspace(-2, 2, n)),
    }.get(case, make_result)()
    if case == "no coordinate":
        result.samples[["mni_x", "mni_y", "mni_z"]] = np.nan
    if case == "no p":
        result.table[["p_perm", "p_fwe", "q_fdr", "p_parametric", "p_fwe_stepdown"]] = np.nan
        result.table["significant"] = False
    opened = open_page(result)
    if case != "no gene tested":
        opened.wait()
    opened.draw_all()
    assert opened.errors == []


@pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")
def test_the_overview_of_a_scan_says_how_a_page_is_made_and_links_to_those_there_are(browser, tmp_path):
    scan = make_scan(tmp_path / "scan", regions=make_regions()[:3])
    done = tmp_path / "scan" / "pairs" / "pair-000001"
    done.mkdir(parents=True)
    (done / "report.html").write_text("there")
    opened = Opened(browser, scan.report())
    page = opened.page
    page.click("button.how[data-pair='0']")
    assert page.locator("#selected-row").inner_text().startswith("Pair 0, A - B: ")
    assert page.locator("#selected-row code").inner_text() == "jugex.load_scan('scan').pair(0, atlas=...).save()"
    room, size = page.evaluate("[geometry.room, geometry.size]")
    at = {"x": room + 0.5 * size, "y": room + 1.5 * size}  # A and C left, which is pair 1: the left comes first
    page.locator("#matrix").click(position=at)
    assert page.locator("#selected-cell").inner_text().startswith("Pair 1, A and C left: ")
    assert page.locator("#selected-cell a").get_attribute("href") == "pairs/pair-000001/report.html"
    page.click("td a")
    assert page.content().count("there") == 1
    assert opened.errors == []
    opened.context.close()
