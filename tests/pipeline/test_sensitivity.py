"""A comparison under other choices: the same numbers as each choice gives by itself."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import GeneError, JugexWarning, OptionError, ResultError
from jugex.model.record import CovariateRecord
from jugex.pipeline.sensitivity import SENSITIVITY_COLUMNS, vary_choices
from jugex.stats import engine, testing
from tests.toy import ToyAtlas, WellRegion, wells

GENES = ["MAOA", "TAC1", "GAD2", "CNR1"]
NUMBERS = ["n_samples_1", "n_samples_2", "diff", "f", "p_perm", "p_fwe", "significant", "status"]
CHOICES = ["statistic", "exchange", "overlap", "threshold", "probes", "coordinates", "covariates"]


def compare(threshold=0.2, **options):
    """Compare the demo regions, without the warnings of samples kept in both."""
    regions = jugex.demo_regions(threshold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        return jugex.compare(
            *regions,
            **{"atlas": "simulated", "genes": GENES, "n_permutations": 99, "rng": 0, "ladder": False, **options},
        )


@pytest.fixture(scope="module")
def result():
    return compare()


def assert_same_numbers(rows, result):
    """Bit for bit: the same samples and relabellings, summed in the same order."""
    rows, expected = (table.set_index("gene")[NUMBERS].sort_index() for table in (rows, result.table))
    pd.testing.assert_frame_equal(rows, expected, check_exact=True, check_dtype=False)


class TestHeadline:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"preset": "siibra-jugex", "n_permutations": 30},
            {"statistic": "welch", "exchange": "free", "probes": "median", "overlap": "exclude", "rng": 7},
        ],
    )
    def test_is_the_result_itself(self, options):
        result = compare(**options)
        table = result.sensitivity()
        headline = table[table["is_headline"]]
        assert_same_numbers(headline, result)
        assert (headline["varied"] == "").all()
        assert headline["gene"].tolist() == result.table["gene"].tolist()
        arguments = result.record.arguments
        for name in ("statistic", "exchange", "overlap", "threshold", "probes"):
            assert (headline[name] == getattr(arguments, name)).all()

    @pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64"])
    def test_starts_from_the_state_of_the_users_generator(self, kind):
        generator = np.random.Generator(getattr(np.random, kind)(5))
        generator.random(3)
        result = compare(rng=generator)
        table = vary_choices(result, thresholds=())
        assert_same_numbers(table[table["is_headline"]], result)

    def test_comes_first_and_once(self, result):
        table = result.sensitivity(crossed=True)
        assert table["is_headline"].tolist() == [True] * len(GENES) + [False] * (len(table) - len(GENES))
        assert not table.duplicated(["gene", *CHOICES]).any()


class TestVariations:
    def test_each_is_what_the_choice_gives_by_itself(self, result):
        table = result.sensitivity()
        runs = table[~table["is_headline"]].groupby("varied")
        assert sorted(runs.groups) == ["covariates", "exchange", "overlap", "probes", "statistic", "threshold"]
        for choice, rows in runs:
            for value, of_value in rows.groupby(choice):
                chosen = value.split(", ") if choice == "covariates" else value
                assert_same_numbers(of_value, compare(**{choice: chosen}))

    def test_crossed_lists_every_combination_of_three(self, result):
        table = result.sensitivity(crossed=True, genes="MAOA")
        crossed = table[table["varied"].str.fullmatch(r"((statistic|exchange|overlap)(, )?)*")]
        assert len(crossed) == 3 * 2 * 3
        assert table["varied"].str.count(",").max() == 2
        row = crossed[(crossed["statistic"] == "sequential") & (crossed["overlap"] == "keep")].set_index("exchange")
        expected = compare(statistic="sequential", overlap="keep", exchange="free").table.set_index("gene")
        assert row.loc["free", "p_fwe"] == expected.loc["MAOA", "p_fwe"]

    def test_other_coordinates(self, result):
        samples = result.query.atlas.samples
        table = samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=samples["mni_x"] + 3)
        rows = result.sensitivity(coordinates={"shifted": table})
        shifted = rows[rows["coordinates"] == "shifted"]
        assert (shifted["varied"] == "coordinates").all()
        expected = compare(coordinates=table)
        assert_same_numbers(shifted, expected)
        assert expected.table["n_samples_1"][0] != result.table["n_samples_1"][0]
        assert "coordinates" not in rows.attrs["left_out"]

    def test_other_coordinates_are_mirrored_where_those_of_the_result_were(self):
        samples = jugex.open_atlas("simulated").samples
        table = samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_y=samples["mni_y"] + 2)
        rows = compare(mirror="left").sensitivity(coordinates={"shifted": table})
        assert_same_numbers(rows[rows["coordinates"] == "shifted"], compare(mirror="left", coordinates=table))

    @pytest.mark.parametrize(
        "query",
        [
            {"within": "simB", "overlap": "keep"},  # all that is left of A lies in B as well
            {"exclude": "simA", "overlap": "keep"},
            {"tolerance": 3.0},
            {"donors": ["H0351.2001", "H0351.2002"]},
        ],
        ids=str,
    )
    def test_the_rest_of_the_query_holds(self, query):
        given, other = (0.2, 0.3) if "overlap" in query else (0.6, 0.5)
        table = compare(given, **query).sensitivity(thresholds=[other])
        assert_same_numbers(table[table["varied"] == "threshold"], compare(other, **query))

    def test_a_filter_of_probes_holds(self):
        atlas = CallsAtlas([6, 5], ["A", "A", "B", "B"])
        result = compare_wells(atlas, min_present=0.5, present_in="regions")
        table = result.sensitivity()
        expected = compare_wells(atlas, overlap="exclude", min_present=0.5, present_in="regions")
        assert expected.record.probe_filter.n_probes_left_out == 1
        assert_same_numbers(table[table["overlap"] == "exclude"], expected)

    def test_probes_by_themselves_have_their_names(self):
        result = compare(probes="single", genes=["MAOA", "TAC1"])
        table = result.sensitivity(probes=["mean"], genes="MAOA")
        assert list(table.columns[:3]) == ["gene", "probe_id", "probe_name"]
        headline = table[table["is_headline"]]
        expected = result.table[result.table["gene"] == "MAOA"].set_index("probe_id")
        assert headline.set_index("probe_id")["p_fwe"].sort_index().tolist() == expected["p_fwe"].sort_index().tolist()
        assert table.loc[table["probes"] == "mean", "probe_name"].isna().tolist() == [True]

    def test_it_asks_for_p_values_only(self, result, monkeypatch):
        calls = []
        monkeypatch.setattr(
            testing, "count_exceedances", lambda *args, **kw: calls.append(1) or engine.count_exceedances(*args, **kw)
        )
        table = result.sensitivity(genes="MAOA")
        assert len(calls) == len(table)  # no other exchange, no donor left out


class TestOptions:
    def test_listed_genes_keep_the_family(self, result):
        full, one = result.sensitivity(), result.sensitivity(genes=["MAOA"])
        expected = full[full["gene"] == "MAOA"].reset_index(drop=True)
        pd.testing.assert_frame_equal(one, expected, check_exact=True)

    def test_threads_do_not_change_the_numbers(self, result):
        pd.testing.assert_frame_equal(result.sensitivity(n_jobs=2), result.sensitivity(), check_exact=True)

    def test_permutations(self, result):
        table = result.sensitivity(n_permutations=19, genes="MAOA")
        assert table["p_perm"].min() == 1 / 20

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"genes": []}, r"genes are some of the 4 genes of the result; got none"),
            ({"thresholds": [1.5]}, r"threshold 1\.5 is out of range"),
            ({"probes": ["best"]}, r"probes must be one of .*; got 'best'"),
            ({"n_permutations": 0}, r"n_permutations must be a whole number of at least 1"),
        ],
    )
    def test_other_values_are_refused(self, result, options, message):
        with pytest.raises(OptionError, match=message):
            result.sensitivity(**options)

    def test_an_unknown_gene_is_refused(self, result):
        with pytest.raises(GeneError, match="gene 'SST' is not in this result, which has 4"):
            result.sensitivity(genes="SST")


class CallsAtlas(ToyAtlas):
    """Atlas with present calls: the last probe is never present."""

    def _has_calls_of(self, donor_names):
        return True

    def _read_calls(self, sample_rows, probe_rows):
        return np.tile(probe_rows < len(self.probes) - 1, (len(sample_rows), 1))


ONE = WellRegion("one", {1000: 0.9, 1001: 0.5, 1002: 0.3, 2000: 0.6, 2001: 0.4})
TWO = WellRegion("two", {1002: 0.4, 1003: 0.7, 1004: 0.8, 2002: 0.6, 2003: 0.9})


def compare_wells(atlas, regions=(ONE, TWO), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        return jugex.compare(*regions, atlas=atlas, n_permutations=99, rng=0, ladder=False, **options)


class TestImpossible:
    def test_a_threshold_without_a_voxel_is_a_row_with_the_reason(self, result):
        table = result.sensitivity(thresholds=[0.95], genes=["MAOA", "TAC1"])
        rows = table[table["threshold"] == 0.95]
        assert sorted(rows["gene"]) == ["MAOA", "TAC1"]
        assert rows["status"].str.match(r"impossible: no voxel of .* is above the threshold 0\.95").all()
        assert rows[["n_samples_1", "diff", "f", "p_perm", "p_fwe"]].isna().all(axis=None)
        assert not rows["significant"].any()

    def test_a_threshold_without_a_sample(self, result):
        table = result.sensitivity(thresholds=[0.89], genes="MAOA")
        assert table["status"].str.match(r"impossible: region 'simulated .' holds no sample of").sum() == 1

    def test_an_overlap_that_leaves_no_donor_in_both(self):
        # without the shared well 1002, one is of the first donor alone and two of the second
        regions = wells("one", 1000, 1001, 1002, probability=0.5), wells("two", 1002, 2002, 2003, probability=0.3)
        table = compare_wells(ToyAtlas([6, 5], ["A", "B"]), regions, overlap="keep").sensitivity()
        rows = table[table["overlap"] == "exclude"]
        assert rows["status"].str.match(r"impossible: no donor has samples in both 'one' .* and 'two'").all()
        assert (table.loc[table["is_headline"], "status"] == "ok").all()

    def test_a_gene_without_a_probe_left(self):
        class Fickle(CallsAtlas):
            """The probe of B is present in well 1002 only, which lies in both regions."""

            def _read_calls(self, sample_rows, probe_rows):
                there = self.samples["well_id"].to_numpy()[sample_rows] == 1002
                return there[:, None] | (probe_rows == 0)

        result = compare_wells(Fickle([6, 5], ["A", "B"]), min_present=0.05, present_in="regions")
        table = result.sensitivity(genes="B")
        assert table.loc[table["overlap"] == "exclude", "status"].tolist() == ["not tested: no probe of it is left"]

    def test_a_result_read_from_disk(self, result, tmp_path):
        result.save(tmp_path / "out")
        with pytest.raises(ResultError, match=r"read from disk holds neither atlas nor regions.*repeat the comparison"):
            jugex.load_result(tmp_path / "out").sensitivity()

    def test_a_result_with_covariates_of_a_table(self, result):
        batch = CovariateRecord("batch", "factor", False, True, "in the model", ())
        with pytest.raises(ResultError, match=r"whose covariates come from a table cannot be run again"):
            vary_choices(replace(result, record=replace(result.record, covariates=(batch,))))


class TestTable:
    def test_columns_types_and_note(self, result):
        table = result.sensitivity(crossed=True, thresholds=[0.95])
        assert tuple(table.columns) == SENSITIVITY_COLUMNS
        assert table["is_headline"].dtype == table["significant"].dtype == bool
        assert (table[["diff", "f", "p_perm", "p_fwe", "threshold"]].dtypes == "float64").all()
        assert "no strength of evidence" in table.attrs["note"]
        assert "made before this table" in table.attrs["note"]

    def test_says_what_was_left_out(self, result):
        left_out = result.sensitivity(genes="MAOA").attrs["left_out"]
        assert left_out.keys() == {"coordinates"}
        table = compare_wells(ToyAtlas([6, 5], ["A", "B"])).sensitivity(thresholds=[0.1, 0.5])
        assert table["threshold"].isna().all()
        assert table.attrs["left_out"]["threshold"] == "neither region is a probability map"
