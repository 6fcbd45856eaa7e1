"""Numbers and sentences."""

from __future__ import annotations

import numpy as np
import pytest

from jugex.report.words import (
    count_relabellings,
    describe_resolution,
    describe_samples,
    find_smallest_p,
    headline,
    name_adjustment,
    show_number,
    tell_permuted,
)

BETWEEN = "between Fp1 left and Fp2 left"
LEVEL = "(p_FWE \N{LESS-THAN OR EQUAL TO} 0.05)"


@pytest.mark.parametrize(
    ("p_fwe", "diff", "expected"),
    [
        ([0.01], [1], "A is higher in Fp1 left than in Fp2 left (p_FWE = 0.0100)."),
        ([0.3], [1], f"A does not differ significantly {BETWEEN} (p_FWE = 0.3000)."),
        ([np.nan], [np.nan], f"No gene could be tested {BETWEEN}."),
        ([0.3, 0.4], [1, 1], f"None of the 2 genes tested differs significantly {BETWEEN} {LEVEL}; the smallest "
         "p_FWE is 0.3000 (A)."),
        ([0.02, 0.4], [-1, 1], f"1 of 2 genes differs {BETWEEN} {LEVEL}: A is higher in Fp2 left (p_FWE = 0.0200)."),
        ([0.01, 0.01, 0.02], [-1, -1, 1], f"3 of 3 genes differ {BETWEEN} {LEVEL}: A and B are higher in Fp2 left "
         "(p_FWE = 0.0100 each); C is higher in Fp1 left (p_FWE = 0.0200)."),
        ([0.01, 0.02, 0.03, 0.04, 0.04, 0.04, 0.5], [1] * 7, f"6 of 7 genes differ {BETWEEN} {LEVEL}: 6 are higher in "
         "Fp1 left, first A, B and C (p_FWE = 0.0100, 0.0200 and 0.0300)."),
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
        "The p-values come from 10,000 random relabellings, and are therefore multiples of 1/10,001 (0.0001)."
    )


def test_relabellings_and_smallest_p_are_those_of_the_run(make_result):
    settings = make_result().settings
    settings["permutation"].update(smallest_p=0.002)
    assert (count_relabellings(settings), find_smallest_p(settings)) == (37800, 0.002)
    settings["permutation"].update(exhaustive=True, n_permutations=500)
    assert (count_relabellings(settings), find_smallest_p(settings)) == (500, 0.002)
    assert describe_resolution(settings).startswith("All 500 distinct relabellings were tried")


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
        "All 500 distinct relabellings in which region is not collinear with donor and covariates were tried"
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


def test_numbers_have_a_true_minus_sign():
    assert show_number(-0.5) == "\N{MINUS SIGN}0.50"
    assert show_number(None) == show_number(np.nan) == ""


def test_what_is_permuted_is_said_in_words():
    assert tell_permuted("within-donor") == "labels, within each donor"
    assert tell_permuted("freedman-lane").startswith("residuals of the model without region")
    assert tell_permuted("another") == "another"
