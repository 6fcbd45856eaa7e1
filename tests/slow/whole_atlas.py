"""Every pair of a whole parcellation, killed again and again, equal to `compare` in the end.

    python -m tests.slow.whole_atlas OUT [--atlas simulated] [--parcellation juelich] [--pairs N] [--after 5 10 15 20]

Runs ``jugex scan PARCELLATION`` (or N pairs of its regions drawn by chance) by two processes, and kills its process
group (SIGKILL) a random time after the start of each of the first runs; the second half of these, and the last run,
which ends by itself, use two Dask workers on the loopback interface instead. Then pairs drawn by chance are compared
one by one with `jugex.compare`, with the seed and the permutations that the scan recorded: every number must be the
same, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import signal
import subprocess
import sys
import time
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

import jugex
from jugex.scanning.folder import RESULTS, name_part

#: Columns of a scan that the table of a comparison has too.
_NUMBERS = ["diff", "f", "p_perm", "p_fwe", "p_donors", "p_spatial"]


def start_cluster(port: int, folder: Path) -> list[subprocess.Popen[bytes]]:
    """A Dask scheduler and two workers that are ready, each a process of its own."""
    from distributed import Client

    address, quiet = f"tcp://127.0.0.1:{port}", ["--no-dashboard"]
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), *quiet]
    worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--local-directory", str(folder), *quiet]
    cluster = [
        subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for module in (scheduler, worker, worker)
    ]
    with Client(address, timeout=120) as client:
        client.wait_for_workers(2, timeout=120)
    return cluster


def run_scan(command: list[str], seconds: float | None) -> bool:
    """Run a scan, and kill it after so many seconds; whether it ended by itself."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
    if process.returncode:
        sys.exit(f"the scan ended with status {process.returncode}")
    return True


def make_scan(options: argparse.Namespace) -> None:
    """Start the scan until it ends by itself, and kill the first four runs."""
    rng, begin = random.Random(options.seed), time.monotonic()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    asked = [options.parcellation]
    if options.pairs is not None:
        asked += ["--pairs", str(draw_pairs(options))]
    command = [sys.executable, "-m", "jugex", "scan", *asked, "--atlas", options.atlas, "--quiet",
               "--permutations", str(options.permutations), "--out", str(options.out)]  # fmt: skip
    port, cluster = 18786, []
    try:
        for number, longest in enumerate([*options.after, None]):
            if number == 2:
                cluster = start_cluster(port, options.out.with_suffix(".workers"))
            by = ["--scheduler", f"tcp://127.0.0.1:{port}"] if cluster else ["--workers", "2"]
            ended = run_scan([*command, *by], longest and 60 * rng.uniform(0.3, 1) * longest)
            print(
                f"run {number + 1}: {'ended' if ended else 'killed'} after {time.monotonic() - begin:,.0f} s",
                flush=True,
            )
    finally:
        for process in cluster:
            process.kill()


def draw_pairs(options: argparse.Namespace) -> Path:
    """A table of so many pairs of regions of the parcellation."""
    listed = subprocess.run([sys.executable, "-m", "jugex", "regions", options.parcellation],
                            capture_output=True, text=True, check=True)  # fmt: skip
    pairs = list(combinations(shlex.split(listed.stdout), 2))
    path = options.out.with_suffix(".pairs.tsv")
    drawn = [[name.removeprefix(f"{options.parcellation}:") for name in pair]
             for pair in random.Random(options.seed).sample(pairs, options.pairs)]  # fmt: skip
    pd.DataFrame(drawn, columns=["region_1", "region_2"]).to_csv(path, sep="\t", index=False)
    return path


def compare_pairs(options: argparse.Namespace) -> int:
    """Number of pairs drawn by chance whose every number `compare` gives too."""
    scan, equal = jugex.load_scan(options.out), 0
    tested = scan.pairs[scan.pairs["status"] == "ok"]
    n_drawn = min(options.drawn, len(tested))
    for row in tested.sample(n_drawn, random_state=options.seed).to_dict("records"):
        regions = [f"{options.parcellation}:{row[f'region_{number}']}" for number in (1, 2)]
        given = {"n_permutations": int(row["n_permutations"]), "rng": int(row["seed"]), "background": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jugex.JugexWarning)  # of pairs, which are as they are
            result = jugex.compare(*regions, atlas=options.atlas, **given)
        table = pd.read_parquet(options.out / RESULTS / name_part(row["pair"])).set_index("gene")
        ours = result.table.set_index("gene").loc[table.index]
        for name in _NUMBERS:
            kept = table[name].to_numpy()
            np.testing.assert_array_equal(kept, ours[name].to_numpy().astype(kept.dtype), err_msg=f"{regions} {name}")
        assert list(table["evidence"].astype(str)) == list(ours["evidence"].astype(str))
        equal += 1
    return equal


def main() -> None:
    """Run it, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--atlas", default="simulated")
    parser.add_argument("--parcellation", default="juelich")
    parser.add_argument("--pairs", type=int, help="so many, drawn by chance; default: all")
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--after", type=float, nargs=4, default=[5, 10, 15, 20], help="minutes before a kill, at most")
    parser.add_argument("--drawn", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-compare", action="store_true", help="of a scan that has ended")
    options = parser.parse_args()
    if not options.only_compare:
        make_scan(options)
    scan = jugex.load_scan(options.out)
    print(f"{scan!r}\n{scan.summary()}")
    equal = compare_pairs(options)
    print(f"{equal} pairs drawn by chance are equal to compare, bit for bit")


if __name__ == "__main__":
    main()
