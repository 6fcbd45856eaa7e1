"""Covariates in the model of more than two regions: which stand in it, and what is said of them."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.analysis import omnibus_test
from jugex.errors import DesignError, DesignWarning, JugexWarning, OptionError
from jugex.several import compare_several
from tests.toy import ToyAtlas, wells

REGIONS = [wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003), wells("three", 1004, 1005, 2004)]


def toy(n_genes=5):
    return ToyAtlas([6, 6, 5], [f"G{g}" for g in range(n_genes)], np.random.default_rng(0).normal(5, 1, (17, n_genes)))


def compare_toy(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        return compare_several(REGIONS, **{"atlas": toy(), "n_permutations": 199, "rng": 0} | options)


def make_table(values):
    return pd.DataFrame({"well_id": toy().samples["well_id"], "rin": values})


class TestRuns:
    def test_the_pairs_have_it_too_and_settings_say_so(self):
        table = make_table(np.random.default_rng(1).normal(size=17))
        found = compare_toy(covariates=table)
        assert found.settings["arguments"]["covariates"] == ["rin"]
        assert found.settings["covariates"][0]["outcome"] == "in the model"
        assert len(found.settings["covariates"][0]["values"]) == 11
        assert found.settings["design"]["df_resid"] == 11 - 2 - 2 - 1
        assert not found.settings["permutation"]["exact"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            alone = jugex.compare(*REGIONS[:2], atlas=toy(), covariates=table, n_permutations=199, rng=0)
        pd.testing.assert_frame_equal(found.pairs["one", "two"].table, alone.table)

    def test_one_that_is_collinear_with_donor_is_left_out_and_told_of(self):
        group = jugex.query.region_group(REGIONS, atlas=toy())
        with pytest.warns(
            DesignWarning, match=r"covariate age is left out of the model: it is the same in all samples"
        ):
            found = omnibus_test(group, covariates="age", n_permutations=199, rng=0)
        without = omnibus_test(group, n_permutations=199, rng=0)
        pd.testing.assert_frame_equal(found.table, without.table)
        assert any("covariate age is left out" in caveat for caveat in found.settings["warnings"])

    @pytest.mark.parametrize(
        ("values", "said"),
        [(np.ones(17), "it has one value in all samples used"), (None, "it adds nothing to donor and first")],
    )
    def test_one_that_adds_nothing_is_told_of(self, values, said):
        first = np.random.default_rng(2).normal(size=17)
        table = make_table(2 * first + 1 if values is None else values)
        table.insert(1, "first", first)
        found = compare_toy(covariates=table)
        assert found.settings["covariates"][1]["outcome"] == said

    def test_one_that_tells_regions_apart_is_refused(self):
        table = make_table((toy().samples["well_id"] % 1000 < 2).astype(float))
        with pytest.raises(DesignError, match="covariate 'rin' tells regions apart within every donor, so some"):
            compare_toy(covariates=table)

    def test_one_that_nearly_does_is_told_of(self):
        nearly = (toy().samples["well_id"] % 1000 < 2) + np.random.default_rng(3).normal(scale=0.05, size=17)
        told = [
            said
            for said in compare_toy(covariates=make_table(nearly)).settings["warnings"]
            if "nearly tell the regions apart" in said
        ]
        assert len(told) == 1
        assert re.match(r"with rin in the model only \d% of one contrast between the regions is left", told[0])

    @pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
    def test_missing_values_are_refused(self, missing):
        values = np.arange(17.0) ** 2
        values[0] = missing
        with pytest.raises(
            DesignError, match="covariate 'rin' is missing in 1 of 11 samples; give it for every sample"
        ):
            compare_toy(covariates=make_table(values))

    def test_one_that_is_not_known(self):
        with pytest.raises(OptionError, match="covariate 'nonsense' is neither a column of the samples of"):
            compare_toy(covariates="nonsense")

    def test_too_many_leave_no_degree_of_freedom(self):
        table = make_table(np.random.default_rng(99).normal(size=17))
        table = table.assign(**{f"c{i}": np.random.default_rng(i).normal(size=17) for i in range(6)})
        with pytest.raises(
            DesignError, match=r"3 regions and 7 columns of covariates, and at least 1 is needed; .* fewer cov"
        ):
            compare_toy(covariates=table)
