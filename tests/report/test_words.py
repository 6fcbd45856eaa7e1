"""Numbers and sentences."""

from __future__ import annotations

import numpy as np
import pytest

from jugex.report.words import (
    count_of,
    count_relabellings,
    describe_resolution,
    describe_samples,
    find_smallest_p,
    format_count,
    format_number,
    format_p,
    headline,
    join_words,
    name_adjustment,
    shorten,
)


@pytest.mark.parametrize(
    ("p", "expected"),
    [(1 / 10001, "0.0001"), (0.0003, "0.0003"), (0.123456, "0.123"), (1.0, "1"), (3.21e-7, "3.21e-07"),
     (0.0, "< 1e-300"), (np.nan, ""), (None, "")],
)  # fmt: skip
def test_p_has_three_digits_and_is_never_zero(p, expected):
    assert format_p(p) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1.005, "1.00"), (-0.5, "-0.50"), (np.nan, ""), (np.inf, "inf"), (2e9, "2e+09")]
)
def test_numbers_have_fixed_decimals(value, expected):
    assert format_number(value) == expected


@pytest.mark.parametrize(
    ("n", "expected"),
    [(30421755, "30,421,755"), (10**20, "about 1.0e20"), (10**400, "about 1.0e400"), (None, "unknown")],
)
def test_counts_of_any_size(n, expected):
    assert format_count(n) == expected


def test_small_pieces():
    assert count_of(1, "gene") == "1 gene"
    assert count_of(15633, "gene") == "15,633 genes"
    assert [join_words(list("abc"[:n])) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert shorten("a\n b") == "a b"
    assert shorten("x" * 61) == "x" * 59 + "\N{HORIZONTAL ELLIPSIS}"


BETWEEN = "between Fp1 left and Fp2 left"
LEVEL = "(p_FWE \N{LESS-THAN OR EQUAL TO} 0.05)"


@pytest.mark.parametrize(
    ("p_fwe", "diff", "expected"),
    [
        ([0.01], [1], "A is higher in Fp1 left than in Fp2 left (p_FWE = 0.01)."),
        ([0.3], [1], f"A does not differ significantly {BETWEEN} (p_FWE = 0.3)."),
        ([np.nan], [np.nan], f"No gene could be tested {BETWEEN}."),
        ([0.3, 0.4], [1, 1], f"None of the 2 genes tested differs significantly {BETWEEN} {LEVEL}; the smallest "
         "p_FWE is 0.3 (A)."),
        ([0.02, 0.4], [-1, 1], f"1 of 2 genes differs {BETWEEN} {LEVEL}: A is higher in Fp2 left (p_FWE = 0.02)."),
        ([0.01, 0.01, 0.02], [-1, -1, 1], f"3 of 3 genes differ {BETWEEN} {LEVEL}: A and B are higher in Fp2 left "
         "(p_FWE = 0.01 each); C is higher in Fp1 left (p_FWE = 0.02)."),
        ([0.01, 0.02, 0.03, 0.04, 0.04, 0.04, 0.5], [1] * 7, f"6 of 7 genes differ {BETWEEN} {LEVEL}: 6 are higher in "
         "Fp1 left, first A, B and C (p_FWE = 0.01, 0.02 and 0.03)."),
    ],
)  # fmt: skip
def test_headline(make_result, p_fwe, diff, expected):
    assert headline(make_result(list("ABCDEFG")[: len(p_fwe)], p_fwe, diff)) == expected


def test_samples_and_resolution(make_result):
    result = make_result()
    assert describe_samples(result) == (
        "The comparison rests on 16 samples in Fp1 left and 12 in Fp2 left, from 6 donors, of whom 3 have samples in "
        "both regions."
    )
    assert describe_resolution(result.settings) == (
        "The p-values come from 10,000 random relabellings and are multiples of 1/10,001 (0.0001)."
    )


def test_relabellings_and_smallest_p_are_those_of_the_run(make_result):
    settings = make_result().settings
    settings["permutation"].update(smallest_p=0.002)
    assert (count_relabellings(settings), find_smallest_p(settings)) == (37800, 0.002)
    settings["permutation"].update(exhaustive=True, n_permutations=500)
    assert (count_relabellings(settings), find_smallest_p(settings)) == (500, 0.002)
    assert describe_resolution(settings).startswith("All 500 distinct relabellings were enumerated")


def test_older_results_know_the_smallest_p_of_their_design(make_result):
    settings = make_result().settings
    assert find_smallest_p(settings) == 1 / 10001
    settings["permutation"].update(exhaustive=True)
    assert find_smallest_p(settings) == 1 / 37800
    del settings["permutation"]["n_permutations"]
    assert count_relabellings(settings) == 37800


def test_relabellings_left_out_are_not_called_enumerated(make_result, with_covariates):
    settings = with_covariates(make_result()).settings
    settings["permutation"].update(exhaustive=True, n_permutations=500, n_collinear_redrawn=20)
    assert describe_resolution(settings).startswith(
        "All 500 distinct relabellings in which region is not collinear with donor and covariates were enumerated"
    )


def test_adjustment_names_what_is_in_the_model(make_result, with_covariates):
    settings = make_result().settings
    assert name_adjustment(settings) == "donor"
    del settings["arguments"]["covariates"]
    assert name_adjustment(settings) == "donor"
    assert name_adjustment(with_covariates(make_result()).settings, brief=True) == "donor, mni_z and hemisphere"
    settings["covariates"] = [{"name": f"covariate_{i}", "outcome": "in the model"} for i in range(9)]
    assert name_adjustment(settings, brief=True) == "donor and 9 covariates"
    assert name_adjustment(settings).endswith("covariate_7 and covariate_8")
