"""A scan of real expression, interrupted, says of every pair what `compare` says, bit for bit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import jugex
from jugex.scanning.folder import ScanFolder

#: Each of the 112 probes of GABRA4 by itself.
TEST = jugex.TestOptions(probes="single", n_permutations=199, rng=0)
RADIUS_MM, N_REGIONS = 15.0, 14
NUMBERS = ["diff", "f", "p_perm", "p_fwe", "p_donors", "p_spatial"]


@pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")  # of few permutations, and of pairs as they are
@pytest.mark.parametrize("n_pairs", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_pairs_of_places_are_compared_as_compare_does(shared_data, tmp_path, monkeypatch, n_pairs):
    atlas = jugex.open_atlas(shared_data / "ahba-gabra4")
    rng = np.random.default_rng(7)
    points = atlas.samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    centres = points[rng.choice(len(points), N_REGIONS, replace=False)]
    regions = [jugex.Region.sphere(centre, RADIUS_MM, name=f"place {i}") for i, centre in enumerate(centres)]
    couples = [*combinations(regions, 2)]
    pairs = [couples[number] for number in rng.choice(len(couples), n_pairs, replace=False)]

    note, noted = ScanFolder.note, []

    def note_and_stop(folder, outcome):
        note(folder, outcome)
        noted.append(outcome)
        if len(noted) == n_pairs // 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ScanFolder, "note", note_and_stop)
        with pytest.raises(KeyboardInterrupt):
            jugex.scan([], pairs=pairs, atlas=atlas, test=TEST, out=tmp_path / "scan")
    scan = jugex.scan([], pairs=pairs, atlas=atlas, test=TEST, out=tmp_path / "scan")

    assert len(scan.pairs) == n_pairs
    assert (scan.pairs["status"] == "ok").sum() > n_pairs / 2
    table = scan.read()
    for (first, second), row in zip(pairs, scan.pairs.to_dict("records"), strict=True):
        if row["status"] != "ok":
            with pytest.raises(jugex.JugexError):
                jugex.compare(first, second, atlas=atlas, probes="single", rng=0)
            continue
        given = {"n_permutations": int(row["n_permutations"]), "rng": int(row["seed"])}
        result = jugex.compare(first, second, atlas=atlas, probes="single", **given)
        ours = table[table["pair"] == row["pair"]].set_index("probe_id")
        expected = result.table.set_index("probe_id").loc[ours.index]
        for name in NUMBERS:
            np.testing.assert_array_equal(ours[name], expected[name].astype(ours[name].dtype), err_msg=name)
        assert list(ours["evidence"].astype(str)) == list(expected["evidence"].astype(str))
