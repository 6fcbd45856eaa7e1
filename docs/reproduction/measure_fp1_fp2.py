"""Write the tables of the page of the reproduction: SCN1A and SLC6A2, left Fp1 against left Fp2, under every choice.

    python docs/reproduction/measure_fp1_fp2.py FOLDER

FOLDER holds ``ahba-mini/`` (donor archives with the probes of these genes) and ``regions/Fp1_left_pmap.nii.gz`` and
``regions/Fp2_left_pmap.nii.gz``; where it holds ``coordinates/alleninf.csv`` (well_id, corrected_mni_x, ...) and
``coordinates/devenyi/*.csv`` (well_id, mni_nlin_x, ...), the samples are located with these as well.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pandas as pd

import jugex
from jugex.errors import JugexWarning

GENES = ("SCN1A", "SLC6A2")
NAMES = {"none (sound choices)": "none"}
VARIED = {"overlap": "samples in both regions: {}", "threshold": "threshold {}", "probes": "probes: {}",
          "statistic": "statistic: {}", "exchange": "exchange: {}", "coordinates": "coordinates: {}",
          "covariates": "adjusted for {}"}  # fmt: skip


def compare(folder: Path) -> jugex.DifferentialExpression:
    """The comparison by the sound choices."""
    regions = [folder / "regions" / f"Fp{number}_left_pmap.nii.gz" for number in (1, 2)]
    maps = [jugex.Region.from_image(path, threshold=0.2, name=f"{path.name[:3]} left") for path in regions]
    return jugex.compare(*maps, atlas=folder / "ahba-mini", genes=list(GENES), rng=0)


def write_presets(result: jugex.DifferentialExpression) -> str:
    """Under every preset."""
    pair = result.query
    assert pair is not None
    presets = ("bludau2018", "siibra-jugex@2023", "siibra-jugex@2024")
    table = jugex.compare_presets(*pair.regions, presets=presets, atlas=pair.atlas, genes=list(GENES), rng=0)
    cells = pd.DataFrame(
        {
            "gene": table["gene"],
            "preset": table["preset"].replace(NAMES),
            "samples": table["n_samples_1"].astype(str) + " / " + table["n_samples_2"].astype(str),
            "diff": table["diff"].map("{:.3f}".format),
            "F": table["f"].map("{:.3f}".format),
            "p_perm": table["p_perm"].map("{:.3f}".format),
            "p_fwe": table["p_fwe"].map("{:.3f}".format),
        }
    )
    return to_markdown(cells)


def write_choices(result: jugex.DifferentialExpression, coordinates: dict[str, list[Path]]) -> str:
    """SCN1A under other choices, one changed at a time."""
    table = result.sensitivity(genes=GENES[0], coordinates=coordinates)
    choice = [
        VARIED[row["varied"]].format(row[row["varied"]]) if row["varied"] else "as above" for _, row in table.iterrows()
    ]
    cells = pd.DataFrame(
        {
            "choice": choice,
            "samples": table["n_samples_1"].astype(str) + " / " + table["n_samples_2"].astype(str),
            "diff": table["diff"].map("{:.3f}".format),
            "F": table["f"].map("{:.3f}".format),
            "p_fwe": table["p_fwe"].map("{:.3f}".format),
        }
    )
    return to_markdown(cells)


def write_rungs(result: jugex.DifferentialExpression) -> str:
    """Both genes on the upper rungs of the ladder."""
    table = result.table

    def interval(rung: str) -> pd.Series:
        low, high = (table[f"ci_{rung}_{end}"].map("{:.3f}".format) for end in ("low", "high"))
        return low + " to " + high

    cells = {
        "gene": table["gene"],
        "evidence": table["evidence"],
        "diff_donors": table["diff_donors"].map("{:.3f}".format),
    }
    for rung in ("donors", "spatial"):
        cells[f"interval, {rung}"] = interval(rung)
        cells[f"p_{rung}"] = table[f"p_{rung}"].map("{:.4f}".format)
        cells[f"p_{rung}_fwe"] = table[f"p_{rung}_fwe"].map("{:.4f}".format)
    return to_markdown(pd.DataFrame(cells))


def write_donors(result: jugex.DifferentialExpression) -> str:
    """SCN1A in each donor with samples in both regions, and without each of them."""
    inside = result.donor_differences([GENES[0]]).set_index("donor_name")
    without = [_compare_without(result, donor) for donor in inside.index]
    cells = pd.DataFrame(
        {
            "donor": inside.index,
            "samples": (inside["n_1"].astype(str) + " / " + inside["n_2"].astype(str)).to_numpy(),
            "difference": inside["diff"].map("{:.3f}".format).to_numpy(),
            "p_fwe without this donor": [f"{row['p_fwe']:.3f}" for row in without],
            "p_donors_fwe without": [f"{row['p_donors_fwe']:.4f}" for row in without],
            "p_spatial_fwe without": [f"{row['p_spatial_fwe']:.4f}" for row in without],
        }
    )
    return to_markdown(cells)


def _compare_without(result: jugex.DifferentialExpression, donor: str) -> pd.Series:
    """SCN1A in a comparison of the other donors alone."""
    pair = result.query
    assert pair is not None
    others = [name for name in pair.atlas.donors["donor_name"] if name != donor]
    without = jugex.compare(*pair.regions, atlas=pair.atlas, genes=list(GENES), donors=others, rng=0)
    return without.table.set_index("gene").loc[GENES[0]]


def to_markdown(table: pd.DataFrame) -> str:
    """A table as the pages have it."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def find_coordinates(folder: Path) -> dict[str, list[Path]]:
    """Other coordinates of the samples, where they are there."""
    sets = {"alleninf": [folder / "coordinates" / "alleninf.csv"],
            "Devenyi": sorted((folder / "coordinates" / "devenyi").glob("*.csv"))}  # fmt: skip
    return {name: files for name, files in sets.items() if files and all(path.exists() for path in files)}


def main(folder: Path) -> None:
    """Write the tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        result = compare(folder)
        coordinates = find_coordinates(folder)
        for table in (
            write_presets(result), write_rungs(result), write_donors(result), write_choices(result, coordinates)
        ):  # fmt: skip
            sys.stdout.write(f"{table}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
