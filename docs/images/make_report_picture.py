"""Make report.png, the picture of a report in the README, from the simulated atlas.

    python docs/images/make_report_picture.py        (needs chromium)

The picture shows the page of `jugex demo` with the long sections folded away, so that its parts stand together.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jugex

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT, SCALE = 1180, 2020, 1.0
FOLDED = """<style>
section:has(#design), section:has(#evidence), section:has(#caveats), section:has(#methods),
section:has(#settings),
section:has(#results) details, #results, figcaption:not(:has(b)) { display: none }
.scroll.tall { max-height: 17rem; overflow: hidden }
h2 { margin-top: 1.5rem }
</style>"""


def main() -> None:
    """Compare the demo regions, report, and photograph the page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no chromium found: install it (Debian, Ubuntu: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        jugex.compare(*jugex.demo_regions(), atlas="simulated", rng=0, n_jobs=-1).report(page)
        page.write_text(page.read_text(encoding="utf-8").replace("</head>", FOLDED + "</head>"), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}"]
        options += [f"--force-device-scale-factor={SCALE}", f"--screenshot={PICTURE}", page.as_uri()]
        subprocess.run([chromium, *options], check=True, capture_output=True)


if __name__ == "__main__":
    main()
