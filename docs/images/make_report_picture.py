"""Make the pictures of a report: report.png of the simulated atlas, and report-fp1-fp2.png of real data.

    python docs/images/make_report_picture.py                            (report.png)
    python docs/images/make_report_picture.py --data FOLDER              (both)

Needs chromium and ``pip install ".[browser]"``. The pictures show the page with its long sections folded away, so
that its parts stand together. FOLDER holds ``ahba-mini/`` (donor archives of the Allen Institute, cut down to five
probes of SCN1A and SLC6A2) and ``regions/Fp1_left_pmap.nii.gz`` and ``regions/Fp2_left_pmap.nii.gz`` (JuBrain's maps of
the areas of Bludau et al. 2018). Of the real expression only 2,305 of 3,702 samples are matched to their wells for
certain, the others up to the order within one donor, structure and slab: the picture shows the page, not a finding.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import jugex

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1300, 4000
OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
#: What the page draws when it is scrolled to, and the promises that it is drawn.
DRAWN_LATE = (("volcano", "volcanoReady"), ("scene-box", "sceneReady"), ("brain-views", "brainReady"))
FOLDED = """
section:has(#design), section:has(#evidence), section:has(#next), section:has(#methods), section:has(#settings),
section:has(#volcano) .note, nav, details:not(.gene), details.gene:not([open]), h3:has(+ .gene:not([open])),
figcaption:not(.panels *), #brain-form { display: none }
.frame { display: block } .views { max-width: 50rem }
#genes tbody tr:nth-child(n + 9) { display: none } .plot { height: 20rem } .plot.deep { height: 22rem }
h2 { margin-top: 1.4rem } .controls { margin: 0.4rem 0 }
"""
#: What the picture at the head of the README leaves out beyond that: two screens are enough there.
SHORT = """
section:has(#volcano) p, section:has(#results) p, #genes-pages, #scene-box,
#genes tbody tr:nth-child(n + 6) { display: none }
"""


def compare_simulated() -> jugex.DifferentialExpression:
    """The demo."""
    return jugex.compare(*jugex.demo_regions(), atlas="simulated", rng=0, n_jobs=-1)


def compare_real(data: Path) -> jugex.DifferentialExpression:
    """Fp1 against Fp2, left, of the two genes there are."""
    regions = [
        jugex.Region.from_image(data / "regions" / f"{area}_left_pmap.nii.gz", threshold=0.2, name=f"{area} left")
        for area in ("Fp1", "Fp2")
    ]
    return jugex.compare(*regions, atlas=data / "ahba-mini", genes=["SCN1A", "SLC6A2"], rng=0)


def photograph(result: jugex.DifferentialExpression, picture: Path, chromium: str, *, style: str = FOLDED) -> None:
    """Write the report of a result, open it folded, wait until all is drawn, and take a picture of it in a style."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        path = result.report(Path(name) / "report.html")
        browser = driver.chromium.launch(executable_path=chromium, args=OPTIONS)
        page = browser.new_context(offline=True, viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        page.goto(path.as_uri())
        page.add_style_tag(content=FOLDED)
        for element, ready in DRAWN_LATE:  # when they come into sight
            page.evaluate(f"document.getElementById('{element}').scrollIntoView()")
            page.wait_for_timeout(2000)
            page.evaluate(f"page.{ready}")
        page.evaluate("page.cards?.fillAll()")
        page.evaluate("scrollTo(0, 0)")
        page.add_style_tag(content=style)
        page.wait_for_timeout(5000)  # the last frame
        page.screenshot(path=picture, full_page=False, clip=_frame(page))
        browser.close()


def _frame(page: object) -> dict[str, float]:
    """The page as far as it is filled."""
    height = page.evaluate("document.querySelector('main').getBoundingClientRect().bottom")  # type: ignore[attr-defined]
    return {"x": 0, "y": 0, "width": WIDTH, "height": min(height, HEIGHT)}


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no chromium found: install it (Debian, Ubuntu: apt install chromium)")
    photograph(compare_simulated(), FOLDER / "report.png", chromium, style=FOLDED + SHORT)
    if options.data is not None:
        photograph(compare_real(options.data), FOLDER / "report-fp1-fp2.png", chromium)


if __name__ == "__main__":
    main()
