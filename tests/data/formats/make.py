"""Write the small store and the folder of a result that stand here, in the formats of this version.

    python -m tests.data.formats.make

Each format that was ever released keeps its folder for ever: `tests/test_formats.py` reads them all. Run this once when
a format is new; it writes nothing where the folder is there. The numbers are made up.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import jugex
from jugex.atlas.building import build_store
from jugex.atlas.store import FORMAT_VERSION
from jugex.model.record import FORMAT
from jugex.report import files
from tests.atlas.conftest import add_calls, make_archive

HERE = Path(__file__).parent


def main() -> None:
    """Write what is not there."""
    store, result = HERE / f"store-{FORMAT_VERSION}", HERE / f"result-{FORMAT}"
    if not store.exists():
        with tempfile.TemporaryDirectory() as folder:
            add_calls(make_archive(9861)).zip(Path(folder))
            make_archive(10021, n_samples=3).zip(Path(folder))
            shutil.copytree(build_store(folder, Path(folder) / "data").path, store)
    if not result.exists():
        files.render_page = lambda *_, **__: "<html></html>\n"  # 3 MB, and never read
        files.write_figures = lambda *_, **__: []
        compared = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "TAC1", "GAD2"], n_permutations=999, rng=0
        )
        compared.save(result)
        (result / "report.html").unlink()


if __name__ == "__main__":
    main()
