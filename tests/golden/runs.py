"""What is run: the frozen atlas, the regions, the runs by name, and the numbers that are taken of each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

import jugex
from jugex.atlas.tables import TablesAtlas

FOLDER = Path(__file__).resolve().parent
TABLES = FOLDER / "tables"

# fmt: off
#: Runs with two regions: names of the regions, and the options of `jugex.compare`.
PAIRS: dict[str, tuple[tuple[str, str], dict[str, Any]]] = {
    "default": (("A", "B"), {"n_permutations": 999, "genes": None}),
    "default_tail": (("map A", "map B"), {"n_permutations": 499, "tail": True}),
    "sequential": (("A", "B"), {"statistic": "sequential"}),
    "welch": (("A", "B"), {"statistic": "welch"}),
    "free": (("A", "B"), {"exchange": "free"}),
    "sequential_free": (("map A", "map B"), {"statistic": "sequential", "exchange": "free", "overlap": "exclude"}),
    "welch_free": (("A", "C"), {"statistic": "welch", "exchange": "free", "tail": True}),
    "freedman_lane": (("A", "B"), {"exchange": "freedman-lane"}),
    "keep": (("map A", "map B"), {"overlap": "keep"}),
    "masks": (("mask A", "mask B"), {"probes": "mean"}),
    "bludau2018": (("map A", "map B"), {"preset": "bludau2018"}),
    "siibra_jugex": (("map A", "map B"), {"preset": "siibra-jugex@2023"}),
    "siibra_jugex_2024": (("map A", "map B"), {"preset": "siibra-jugex@2024"}),
    "three_donors": (("A", "B"), {"donors": ["D1", "D2", "D5"], "statistic": "welch"}),
    "covariates": (("A", "B"), {"covariates": ["mni_y", "batch"]}),
    "covariates_free": (("A", "C"), {"covariates": "batch", "exchange": "free", "statistic": "sequential"}),
    "drop_samples": (("A", "B"), {"missing": "drop-samples"}),
    "single_probes": (("A", "B"), {"probes": "single", "n_permutations": 299}),
    "median_present": (("A", "C"), {"probes": "median", "min_present": 0.3}),
    "max_variance_genes": (("A", "B"), {"probes": "max-variance", "genes": ["G00", "G05", "G10", "G23", "G41"]}),
    "exhaustive": (("small A", "small B"), {"donors": ["D3", "D5", "D6"], "n_permutations": 5000}),
    "exhaustive_free": (
        ("small A", "small B"), {"donors": ["D3", "D5", "D6"], "n_permutations": 5000, "exchange": "free"},
    ),
    "collinear": (
        ("small A", "small C"), {"donors": ["D1", "D3"], "n_permutations": 5000, "preset": "siibra-jugex@2023"},
    ),
}
#: Runs with more: names of the regions, and the options of `jugex.compare_several`.
GROUPS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "three": (("A", "B", "C"), {}),
    "three_free_covariates": (("A", "B", "C"), {"exchange": "free", "covariates": "batch", "probes": "mean"}),
}
#: Of every run, where it does not say otherwise: half of the genes, those that miss values or are constant among them.
COMMON: dict[str, Any] = {
    "rng": 7, "n_permutations": 199, "background": False,
    "genes": [f"G{number:02d}" for number in (*range(24), 31, 35, 40, 45, 58, 59)],
}
# fmt: on

_OF_PAIR = (
    "diff", "ci_low", "ci_high", "p_fwe", "p_perm", "q_fdr", "log2_fc", "hedges_g", "partial_eta_sq", "f", "df_resid",
    "ss_area", "ss_resid", "p_parametric", "p_fwe_stepdown", "mean_1", "mean_2", "mean_level", "sd_ratio",
    "n_samples_1", "n_samples_2", "n_donors", "n_donors_both", "n_donors_same_sign", "n_probes", "probe_r",
    "p_perm_tail", "p_fwe_tail", "is_tested",
)  # fmt: skip
_OF_GROUP = (
    "mean_1", "mean_2", "mean_3", "f", "df_area", "df_resid", "ss_area", "ss_resid", "partial_eta_sq", "p_parametric",
    "p_perm", "p_fwe", "p_fwe_stepdown", "q_fdr", "q_fdr_by", "n_samples", "n_donors", "is_tested",
)  # fmt: skip
_OF_EACH_PAIR = ("diff", "f", "p_perm", "p_fwe", "p_fwe_holm", "is_tested")
_TEXTS = ("gene", "probe_name", "donor_name", "batch", "left_out", "region_1", "region_2", "is_tested")
_IDS = ("well_id", "probe_id", "entrez_id")
_KEYS = ("gene", "probe_id", "left_out", "region_1", "region_2")


class CalledAtlas(TablesAtlas):
    """With present calls: a level above 5."""

    def _has_calls_of(self, donor_names):
        return True

    def _read_calls(self, sample_rows, probe_rows):
        return self._read_levels(sample_rows, probe_rows) > 5


@cache
def load_atlas() -> jugex.ExpressionAtlas:
    """The frozen atlas."""
    samples, probes = (read_table(FOLDER / "atlas" / f"{name}.tsv") for name in ("samples", "probes"))
    levels = read_table(FOLDER / "atlas" / "levels.tsv").set_index("well_id")
    made = jugex.atlas_from_tables(samples, levels, probes, name="golden", simulated=True)
    return CalledAtlas(
        name=made.name,
        samples=made.samples,
        probes=made.probes,
        donors=made.donors,
        levels=made.levels(),
        simulated=True,
    )


@cache
def make_regions() -> dict[str, jugex.Region]:
    """Spheres, small spheres, maps that overlap, and masks, around the three places of the atlas."""
    places = {"A": (-30.0, 20.0, 10.0), "B": (-42.0, 10.0, 20.0), "C": (-34.0, -6.0, 34.0)}
    regions = {}
    for name, place in places.items():
        regions[name] = jugex.Region.sphere(place, 9.0, name=name)
        regions[f"small {name}"] = jugex.Region.sphere(place, 7.0, name=f"small {name}")
        probabilities = _draw_probabilities(place)
        regions[f"map {name}"] = jugex.Region.from_image(probabilities, threshold=0.2, name=f"map {name}")
        mask = nib.Nifti1Image((probabilities.get_fdata() > 0.5).astype(np.uint8), probabilities.affine)
        mask.header.set_sform(mask.affine, code=4)
        regions[f"mask {name}"] = jugex.Region.from_image(mask, name=f"mask {name}")
    return regions


def _draw_probabilities(place: tuple[float, float, float]) -> nib.Nifti1Image:
    """A probability map that falls with the distance from a place, on a grid of 3 mm."""
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = (-75.0, -60.0, -30.0)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in (30, 42, 34)), indexing="ij"), axis=-1)
    distances = np.linalg.norm(grid * 3.0 + affine[:3, 3] - place, axis=-1)
    image = nib.Nifti1Image(np.round(np.exp(-(distances**2) / 128), 3).astype(np.float32), affine)
    image.header.set_sform(affine, code=4)
    return image


def compute(name: str) -> dict[str, pd.DataFrame]:
    """The tables of a run, by the names of their files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jugex.JugexWarning)
        if name in PAIRS:
            result = compare(name)
            tables = {name: _take(result.table, _OF_PAIR)}
            tables[name]["p_fwe_other"] = _take_other_exchange(result)
            return tables | {f"{name}.left_out": _take(result.leave_one_donor_out, ("diff", "p_fwe", "is_tested"))}
        regions, options = GROUPS[name]
        several = jugex.compare_several(
            [make_regions()[region] for region in regions], atlas=load_atlas(), **(COMMON | options)
        )
        return {
            f"{name}.omnibus": _take(several.omnibus, _OF_GROUP),
            f"{name}.pairs": _take(several.pairs_table, _OF_EACH_PAIR),
        }


def compare(name: str) -> jugex.DifferentialExpression:
    """A run with two regions."""
    (first, second), options = PAIRS[name]
    regions = make_regions()
    return jugex.compare(regions[first], regions[second], atlas=load_atlas(), **(COMMON | options))


def _take_other_exchange(result: jugex.DifferentialExpression) -> list[float]:
    """Family-wise p under the exchange that was not chosen (under `free`, beside freedman-lane), by gene."""
    chosen = result.settings["arguments"]["exchange"]
    other = "within-donor" if chosen == "free" else "free"
    known: Mapping[str, Any] = result.settings["exchanges"]["p_fwe"]
    return [known.get(label, {}).get(other, np.nan) for label in result.labels[_sort(result.table).index]]


def _take(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    table = _sort(table.assign(is_tested=table["status"] == "ok"))
    return table[[column for column in (*_KEYS, *columns) if column in table]].reset_index(drop=True)


def _sort(table: pd.DataFrame) -> pd.DataFrame:
    """In an order that no p-value decides."""
    return table.sort_values([column for column in _KEYS if column in table], kind="stable")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table, each number as the nearest float64."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in table:
        if column not in _TEXTS:
            table[column] = table[column].replace("", "nan").astype("int64" if column in _IDS else "float64")
    return table


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table with the digits that give each float64 back."""
    table.to_csv(path, sep="\t", index=False, lineterminator="\n")
