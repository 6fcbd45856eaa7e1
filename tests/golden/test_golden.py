"""The numbers of about twenty runs are those of the tables kept beside; see README.md."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from numpy.testing import assert_allclose

import jugex
from tests.golden.runs import COMMON, GROUPS, PAIRS, TABLES, compare, compute, load_atlas, make_regions, read_table

#: Sums in another order differ by so much, relatively; where terms cancel, absolutely.
RTOL, ATOL = 1e-12, 1e-14
#: Quantiles of t in SciPy 1.15 and 1.17 are so far apart.
RTOL_INTERVAL, INTERVALS = 1e-10, ("ci_low", "ci_high")
#: Counts over a number: the same to the last bit.
COUNTED = ("p_fwe", "p_perm", "p_fwe_stepdown", "p_fwe_other", "p_fwe_holm")


@pytest.mark.parametrize("name", [*PAIRS, *GROUPS])
def test_the_numbers_are_those_kept(name):
    for file, table in compute(name).items():
        kept = read_table(TABLES / f"{file}.tsv")
        assert list(table) == list(kept), file
        assert len(table) == len(kept), file
        for column in kept:
            where = f"{file}, {column}"
            if not pd.api.types.is_numeric_dtype(kept[column]):
                assert table[column].astype(str).tolist() == kept[column].tolist(), where
                continue
            found, expected = (values[column].to_numpy("float64", na_value=float("nan")) for values in (table, kept))
            exact, rtol = column in COUNTED, RTOL_INTERVAL if column in INTERVALS else RTOL
            assert_allclose(found, expected, rtol=0 if exact else rtol, atol=0 if exact else ATOL, err_msg=where)


def test_each_table_belongs_to_a_run():
    names = {path.name.split(".")[0] for path in TABLES.iterdir()}
    assert names == {*PAIRS, *GROUPS}


@pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")
@pytest.mark.parametrize("name", ["default", "keep"])
def test_query_and_analysis_give_the_same_bit_for_bit(name):
    (first, second), options = PAIRS[name]
    regions = make_regions()
    options = {"overlap": "higher-probability"} | COMMON | options
    of_query = {option: options[option] for option in ("genes", "overlap")}
    of_analysis = {option: options[option] for option in ("rng", "n_permutations")}
    pair = jugex.query.region_pair(regions[first], regions[second], atlas=load_atlas(), **of_query)
    result = jugex.analysis.differential_expression(pair, **of_analysis)
    at_once = compare(name)
    pd.testing.assert_frame_equal(result.table, at_once.table, check_exact=True)
    pd.testing.assert_frame_equal(result.zscores, at_once.zscores, check_exact=True)
    pd.testing.assert_frame_equal(result.leave_one_donor_out, at_once.leave_one_donor_out, check_exact=True)


def test_the_runs_show_what_they_are_for():
    """Significant genes and others, genes that are not tested and why, all relabellings and some."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jugex.JugexWarning)
        default, exhaustive, kept = compare("default"), compare("exhaustive"), compare("keep")
    assert 3 <= len(default.significant) <= 20
    assert set(default.leave_one_donor_out["status"]) == {"ok"}
    assert default.table["status"].str.startswith("not tested: ").sum() >= 4
    assert exhaustive.settings["permutation"]["exhaustive"]
    assert kept.samples["well_id"].duplicated().any()
