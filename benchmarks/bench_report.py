"""Time, memory and size of the report, and how soon its page is usable.

    python benchmarks/bench_report.py [--genes 20000]

Compares two regions of the simulated atlas's samples with made-up levels of 25 genes asked for by name and of a whole
genome, and writes the report and the figures of each. Seconds are those of one call in a process of its own (what is
loaded the first time is counted), memory is how far its peak grew. Where chromium and playwright are there, the page
is opened without network: until its table can be used, and until the volcano plot is drawn.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import jugex
from jugex.report import write_report
from jugex.report.figures import write_figures

LIMITS = "Limits: 5 s for 25 genes, 15 s and 1,536 MiB for the whole genome, 15 MB, usable within a second."
BROWSER_OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def compare_genes(n_genes: int, by_name: bool) -> jugex.DifferentialExpression:
    """A comparison of made-up genes of three probes each; one in 400 differs."""
    rng = np.random.default_rng(0)
    samples = jugex.open_atlas("simulated").samples
    labels = [f"GENE{number:05d}" for number in range(n_genes)]
    probes = pd.DataFrame({"probe_id": 1_000_000 + np.arange(3 * n_genes), "gene": np.repeat(labels, 3)})
    probes["probe_name"] = [f"A_23_P{number}" for number in probes["probe_id"]]
    levels = rng.normal(6.0, 1.0, (len(samples), 3 * n_genes)).astype(np.float32)
    region_1, region_2 = jugex.demo_regions()
    nearer = np.abs(samples["mni_x"] - region_1.centroid[0]) < np.abs(samples["mni_x"] - region_2.centroid[0])
    levels[np.ix_(nearer, np.arange(3 * n_genes) % 1200 < 3)] += 3.0
    expression = pd.DataFrame(levels, index=samples["well_id"], columns=probes["probe_id"])
    atlas = jugex.atlas_from_tables(samples, expression, probes, simulated=True)
    return jugex.compare(region_1, region_2, atlas=atlas, genes=labels if by_name else None, rng=0, n_jobs=-1)


def measure(n_genes: int, by_name: bool, folder: Path) -> dict[str, float]:
    """Seconds, peak growth in MiB, and size in MB of one report and its figures."""
    result = compare_genes(n_genes, by_name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    path = write_report(result, folder / f"report-{n_genes}.html")
    reported = time.perf_counter()
    write_figures(result, folder / f"figures-{n_genes}")
    return {
        "genes": n_genes,
        "significant": len(result.significant),
        "report s": reported - start,
        "figures s": time.perf_counter() - reported,
        "peak MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "MB": path.stat().st_size / 1e6,
    }


def open_in_browser(path: Path, chromium: str) -> dict[str, float]:
    """Seconds until the table of a page can be used, and until its volcano plot is drawn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        page = browser.new_context(offline=True).new_page()
        page.goto(path.as_uri(), wait_until="commit")
        page.locator("body.living").wait_for()
        usable = page.evaluate("performance.now()") / 1000
        page.evaluate("document.getElementById('volcano').scrollIntoView()")
        page.locator("#volcano-plot .main-svg").first.wait_for(state="attached")
        drawn = page.evaluate("performance.now()") / 1000
        browser.close()
    return {"usable s": usable, "volcano s": drawn}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=20_000)
    options = parser.parse_args()
    chromium = shutil.which("chromium") if importlib.util.find_spec("playwright") else None
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for n_genes, by_name in ((25, True), (options.genes, False)):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                row = pool.apply(measure, (n_genes, by_name, Path(name)))
            rows.append(row | (open_in_browser(Path(name) / f"report-{n_genes}.html", chromium) if chromium else {}))
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.2f}"))
    print(f"\n{LIMITS}")


if __name__ == "__main__":
    main()
