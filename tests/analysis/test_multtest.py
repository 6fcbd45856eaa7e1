"""p-values against Bioconductor's multtest, over all relabellings; see tests/reference/multtest.R."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jugex.analysis.design import Design
from jugex.analysis.effects import compute_effects
from jugex.analysis.engine import count_exceedances
from jugex.analysis.relabel import make_relabellings

REFERENCE = Path(__file__).parents[1] / "reference"
# the reference holds twelve significant digits, and its statistics are summed in another order
RTOL = 1e-9


@pytest.mark.parametrize("name", ["one_donor", "seven_blocks"])
def test_p_values_equal_multtest(name):
    path = REFERENCE / f"multtest_{name}.tsv"
    table = pd.read_csv(path, sep="\t", skiprows=2, header=None)
    names = path.read_text().splitlines()[1].split("\t")
    n_samples = len(names) - 4
    values = table.iloc[:, :n_samples].to_numpy()
    donors = np.array([int(column.split("_")[0].removeprefix("donor")) - 1 for column in names[:n_samples]])
    design = Design(labels=np.array([column.endswith("one") for column in names[:n_samples]]), donors=donors)
    expected = dict(zip(names[n_samples:], table.iloc[:, n_samples:].to_numpy().T, strict=True))

    relabellings = make_relabellings(design, "within-donor", 1000, np.random.default_rng(0))
    p = count_exceedances(values, design, relabellings).p_values()

    assert relabellings.is_exhaustive
    np.testing.assert_allclose(compute_effects(values, values, design, "adjusted").f, expected["f"], rtol=RTOL)
    np.testing.assert_allclose(p.perm, expected["p_perm"], rtol=RTOL)
    np.testing.assert_allclose(p.fwe, expected["p_fwe"], rtol=RTOL)
    np.testing.assert_allclose(p.fwe_stepdown, expected["p_fwe_stepdown"], rtol=RTOL)
