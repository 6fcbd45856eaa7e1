"""Readers fuzzed along the branches that they take (atheris): they read anything, or refuse it in one line.

    make fuzz [SECONDS=60]

Each reader gets its own process and time, from seeds of the kind that it reads. What breaks it is kept in the folder
given. Not part of the tests: atheris is an environment of its own.
"""

from __future__ import annotations

import argparse
import gzip
import io
import multiprocessing
import os
import re
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["jugex"]):
    import jugex
    from jugex.errors import JugexError
    from jugex.genes import read_gene_sets
    from jugex.genes.lists import read_gene_list
    from jugex.model.record import from_json
    from jugex.regions import Region, parse_region
    from jugex.regions.label_tables import read_labels

import nibabel as nib
import numpy as np

SAMPLES = b"sample_id,donor,x,y,z\ns1,D,1,2,3\ns2,D,2,2,3\n"
VALUES = b",MAOA,TAC1\ns1,1.5,2\ns2,1,nan\n"
LABELS = b"index\tname\tabbr\n1\tArea V1\tV1\n2\tArea V2\tV2\n"
LIST = b"gene\nMAOA\nTAC1\n4128\n"


def make_image() -> bytes:
    affine = np.diag([2.0, 2, 2, 1])
    image = nib.Nifti1Image(np.resize(np.float32([0, 0.5, 0.9]), (3, 3, 3)), affine)
    image.header.set_sform(affine, 4)
    return image.to_bytes()


def make_sheet() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    return path


def _read_tables(folder: Path, content: bytes) -> object:
    """Samples and values, parted by a line of ``=``."""
    samples, _, values = content.partition(b"=\n")
    return jugex.atlas_from_tables(_write(folder, "s.csv", samples), _write(folder, "v.csv", values))


#: Each reader of a file's content, in a folder of its own, and what it is begun with.
READERS: dict[str, tuple[Callable[[Path, bytes], object], list[bytes]]] = {
    "gene-list": (lambda folder, content: read_gene_list(str(_write(folder, "list.csv", content))), [LIST, b"MAOA\n"]),
    "gene-sheet": (lambda folder, content: read_gene_list(str(_write(folder, "list.xlsx", content))), [make_sheet()]),
    "gene-sets": (lambda folder, content: read_gene_sets(_write(folder, "sets.gmt", content)), [b"S\td\tMAOA\tTAC1\n"]),
    "gene-table": (
        lambda folder, content: read_gene_sets(_write(folder, "sets.tsv", content)),
        [b"set\tgene\nS\tA"],
    ),
    "labels-tsv": (lambda folder, content: read_labels(_write(folder, "l.tsv", content)), [LABELS]),
    "labels-txt": (lambda folder, content: read_labels(_write(folder, "l.txt", content)), [b"1 V1 0 0 0 0\n"]),
    "labels-json": (lambda folder, content: read_labels(_write(folder, "l.json", content)), [b'{"1": "V1"}']),
    "labels-xml": (
        lambda folder, content: read_labels(_write(folder, "l.xml", content)),
        [b'<atlas><data><label index="0" x="1">V1</label></data></atlas>'],
    ),
    "tables": (_read_tables, [SAMPLES + b"=\n" + VALUES]),
    "image": (lambda folder, content: Region.from_image(_write(folder, "m.nii", content)), [make_image()]),
    "region": (
        lambda _, content: parse_region(content.decode("utf-8", "replace")),
        [b"sphere:1,2,3,4", b"m.nii@.4+b"],
    ),
    "settings": (lambda _, content: from_json(content.decode("utf-8", "replace")), [b'{"format": 2, "versions": {}}']),
}


def fuzz(name: str, seconds: int, kept: Path) -> None:
    """Fuzz one reader; libFuzzer ends the process."""
    read, seeds = READERS[name]
    corpus = Path(tempfile.mkdtemp())
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)
    warnings.simplefilter("ignore")

    def try_one(content: bytes) -> None:
        try:
            read(folder, content)
        except JugexError as error:
            message = str(error)
            if "\n" in message or len(message) < 20:
                raise AssertionError(message) from error

    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=30", "-rss_limit_mb=4096"]
    atheris.Setup([name, *options, f"-artifact_prefix={kept}/{name}-", str(corpus)], try_one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz each reader for a while, and say how many inputs it took and what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader (default: 60)")
    parser.add_argument("--only", choices=READERS, nargs="*", default=list(READERS))
    parser.add_argument("--table", type=Path, help="CSV file to write the counts into")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for what breaks a reader")
    options = parser.parse_args()
    options.keep.mkdir(exist_ok=True)
    rows: list[tuple[str, int, int, int, int]] = []
    for name in options.only:
        log = options.keep / f"{name}.log"
        process = multiprocessing.get_context("fork").Process(  # what was instrumented is shared
            target=_log_and_fuzz, args=(name, options.seconds, options.keep.resolve(), log.resolve())
        )
        process.start()
        process.join()
        text = log.read_text(errors="replace")
        counts = [int(n) for n in re.findall(r"^#(\d+)", text, flags=re.MULTILINE)]
        covered = re.findall(r"cov: (\d+)", text)
        n_broken = len([*options.keep.glob(f"{name}-*")]) or int(process.exitcode != 0)
        rows.append((name, options.seconds, max(counts, default=0), int(covered[-1]) if covered else 0, n_broken))
        print("{}: {} s, {} inputs, {} branches, broken by {}".format(*rows[-1]), flush=True)
    if options.table:
        lines = [",".join(map(str, row)) for row in [("reader", "seconds", "inputs", "branches", "broken"), *rows]]
        options.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(any(row[-1] for row in rows))


def _log_and_fuzz(name: str, seconds: int, kept: Path, log: Path) -> None:
    with log.open("wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    fuzz(name, seconds, kept)


if __name__ == "__main__":
    main()
