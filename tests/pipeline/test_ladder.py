"""The upper rungs of the ladder, from a query to the columns of the table and the record."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import JugexWarning
from jugex.genes import read_gene_sets
from jugex.model.findings import MissingAround, PoorVariogramFit, ThinTissue
from jugex.model.options import TestOptions
from jugex.pipeline import genes as gene_values
from jugex.pipeline import ladder
from jugex.pipeline.comparison import run_comparison
from jugex.pipeline.gene_sets import GeneSetOptions, run_gene_sets
from jugex.pipeline.ladder import RUNG_COLUMNS, draw_places
from jugex.query import region_pair
from jugex.query.reference import find_reference
from jugex.stats.moderation import adjust_holm
from jugex.stats.spatial import Reason
from tests.tissue_atlas import DONORS, PLACES, RADIUS, STRUCTURES, draw_tables, make_atlas, make_region
from tests.toy import wells

OF_DONORS = ["p_donors", "p_donors_fwe", "diff_donors", "ci_donors_low", "ci_donors_high"]
OF_SPACE = ["p_spatial", "p_spatial_fwe", "ci_spatial_low", "ci_spatial_high"]


def compare(*regions, atlas, reference=None, diagnostic=False, **query):
    """A comparison with few relabellings, which the ladder does without."""
    options = {name: query.pop(name) for name in ("covariates", "probes", "alpha", "ladder") if name in query}
    options = TestOptions(n_permutations=99, rng=0, reference=reference, diagnostic=diagnostic, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        pair = region_pair(*(regions or (make_region("A"), make_region("B"))), atlas=atlas, **query)
        return run_comparison(pair, options)


def find_two_tissues(*arguments, **options):
    return replace(find_reference(*arguments, **options), withheld=Reason.TWO_TISSUES)


def sort(data):
    return data.table.set_index("gene").sort_index()


def assert_same_p(found, expected, genes=slice(None)):
    for column in ("p_donors", "p_spatial"):
        np.testing.assert_allclose(
            sort(found).loc[genes, column], sort(expected).loc[genes, column], rtol=0, atol=1e-12
        )


@pytest.fixture(scope="module")
def atlas():
    return make_atlas()


@pytest.fixture(scope="module")
def whole(atlas):
    """Every gene of the atlas."""
    return compare(atlas=atlas)


class TestColumns:
    def test_every_gene_has_both_rungs(self, whole):
        table = whole.table
        assert table[list(RUNG_COLUMNS)].notna().all(axis=None)
        for rung in ("donors", "spatial"):
            assert table[f"p_{rung}"].between(0, 1, inclusive="right").all()
            assert (table[f"p_{rung}_fwe"] >= table[f"p_{rung}"]).all()
            assert (table[f"ci_{rung}_low"] < table["diff_donors"]).all() or rung == "spatial"
            assert (table[f"ci_{rung}_low"] < table[f"ci_{rung}_high"]).all()
        assert not set(RUNG_COLUMNS) & set(whole.record.empty)

    def test_evidence_is_the_highest_rung_that_is_reached(self, whole):
        table, alpha = whole.table, whole.record.arguments.alpha
        for _, row in table.iterrows():
            reached = [
                rung
                for rung, column in (("spatial", "p_spatial_fwe"), ("donors", "p_donors_fwe"), ("samples", "p_fwe"))
                if row[column] <= alpha
            ]
            assert row["evidence"] == (reached[0] if reached else "none")
        rank = table["evidence"].map({"spatial": 0, "donors": 1, "samples": 2, "none": 3})
        assert rank.is_monotonic_increasing
        assert (table["gene"].iloc[0], table["evidence"].iloc[0]) == ("G00", "spatial")  # three standard deviations

    def test_the_record_says_what_they_stand_on(self, atlas, whole):
        found, record = find_reference(whole.query), whole.record.ladder
        assert (record.tissue, record.sides, record.chosen) == ("isocortex", ("left",), False)
        assert (record.n_reference, record.n_elsewhere) == (len(found.samples), found.n_elsewhere)
        assert (record.n_pool, record.form) == (len(atlas.genes), "pooled")
        assert (record.why_no_donors, record.why_no_spatial) == (None, None)
        assert record.distance_mm == pytest.approx(36, abs=6)  # of the centres; the samples lie around them
        variogram = record.variogram
        n_bins = {len(values) for values in (variogram.within, variogram.between, variogram.fitted_within,
                                             variogram.distance_mm_within, variogram.distance_mm_between)}  # fmt: skip
        assert len(n_bins) == 1
        assert list(variogram.distance_mm_within) == sorted(variogram.distance_mm_within)
        for one in (variogram, record.variogram_spatial):
            np.testing.assert_allclose(np.sum(one.parts_within, axis=0), one.fitted_within, rtol=1e-12)
            np.testing.assert_allclose(np.sum(one.parts_between, axis=0), one.fitted_between, rtol=1e-12)
        # half of the variance over middle distances is in patterns; a gradient takes some of the shared one
        assert record.variogram_spatial.within[-1] < variogram.within[-1]

    def test_what_each_gene_shows_is_kept(self, whole):
        kept, table = whole.variograms, whole.table.set_index("gene")
        assert sorted(kept.labels) == sorted(table.index)
        n_bins = len(whole.record.ladder.variogram.within)
        assert kept.semivariances.shape == (len(table), 2, n_bins)
        pooled = (kept.semivariances / kept.scale[:, None, None]).mean(axis=0)  # the pool is every gene here
        recorded = [whole.record.ladder.variogram.within, whole.record.ladder.variogram.between]
        np.testing.assert_allclose(pooled, recorded, rtol=1e-5)  # in single precision
        # the interval of the rung is as wide as these parts say, by the t distribution on some degrees of freedom
        spread = np.sqrt(kept.sd_donors**2 + kept.sd_shared**2)
        margins = (table["ci_spatial_high"] - table["ci_spatial_low"]).loc[list(kept.labels)] / 2
        assert ((margins / spread) > 1.95).all()
        assert ((margins / spread) < 2.8).all()
        assert kept.find("G00") == kept.labels.index("G00")
        assert kept.find("none of them") is None

    def test_they_can_be_left_out(self, atlas):
        data = compare(atlas=atlas, ladder=False)
        assert data.record.ladder is None
        assert data.table[list(RUNG_COLUMNS)].isna().all(axis=None)


class TestFit:
    def test_a_mixture_is_fitted_well_and_nothing_is_said(self, whole):
        assert np.abs(whole.record.ladder.variogram.deviations).max() < 0.1
        assert not [found for found in whole.record.findings if isinstance(found, PoorVariogramFit)]

    def test_gradients_are_no_mixture_and_the_run_says_where_it_is_off(self):
        """Semivariances rise as the square of distance there; the rung that takes gradients off fits."""
        samples, expression = draw_tables()
        points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
        rng = np.random.default_rng(3)
        steep = points @ rng.normal(size=(3, expression.shape[1])) / 20 + rng.normal(0, 0.1, expression.shape) + 5
        atlas = jugex.atlas_from_tables(
            samples, pd.DataFrame(steep, index=expression.index, columns=expression.columns), name="steep"
        )
        atlas.structures = STRUCTURES
        data = compare(atlas=atlas)
        [found] = [finding for finding in data.record.findings if isinstance(finding, PoorVariogramFit)]
        assert found.rung == "donors"
        assert abs(found.fitted / found.measured - 1) > 0.25
        variogram = data.record.ladder.variogram
        of_kind = zip(variogram.distance_mm_within, variogram.within, variogram.fitted_within, strict=True)
        if found.n_donors == 2:
            of_kind = zip(variogram.distance_mm_between, variogram.between, variogram.fitted_between, strict=True)
        assert (found.distance_mm, found.measured, found.fitted) in list(of_kind)


class TestThinTissue:
    """Close pairs of two donors outside the regions, counted here by hand: under 60 in a bin they are borrowed."""

    @pytest.mark.parametrize("n_left", [66, 400])
    def test_what_is_borrowed_is_said(self, n_left):
        samples, _ = draw_tables(n_left)
        left = samples[(samples["mni_x"] < 0) & samples["structure_id"].isin([4, 8])]
        points = left[["mni_x", "mni_y", "mni_z"]].to_numpy()
        inside = np.min([np.linalg.norm(points - place, axis=1) for place in PLACES.values()], axis=0) <= RADIUS
        distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
        of_two = left["donor_name"].to_numpy()[:, None] != left["donor_name"].to_numpy()
        close = np.triu(of_two & ~inside[:, None] & ~inside, 1) & (distance < 4)
        data = compare(atlas=make_atlas(n_left=n_left))
        found = [finding.to_mm for finding in data.record.findings if isinstance(finding, ThinTissue)]
        assert bool(found) == (close.sum() < 60)
        assert data.record.ladder.borrowed_mm == (found[0] if found else 0.0)
        assert all(limit >= 4 for limit in found)


class TestPool:
    def test_is_that_of_the_whole_atlas_whatever_genes_were_asked_for(self, atlas, whole):
        for genes in (["G07"], ["G00", "G31"]):
            some = compare(atlas=atlas, genes=genes)
            assert some.record.ladder.n_pool == whole.record.ladder.n_pool
            assert_same_p(some, whole, genes)
            assert some.record.ladder.variogram == whole.record.ladder.variogram

    def test_is_read_once_for_the_same_reference(self, monkeypatch):
        atlas, sizes = make_atlas(), []
        measure = ladder.measure_genes
        monkeypatch.setattr(
            ladder,
            "measure_genes",
            lambda group, symbols, *more, **named: (
                sizes.append(len(symbols)) or measure(group, symbols, *more, **named)
            ),
        )
        first = compare(atlas=atlas, genes=["G01"])
        assert sizes == [40, 1]
        assert_same_p(compare(atlas=atlas, genes=["G01"]), first)
        assert sizes == [40, 1]  # and so are its genes
        compare(atlas=atlas, genes=["G01", "G02"])
        compare(atlas=atlas, genes=["G01"], probes="mean")
        compare(atlas=atlas, genes=["G01"], covariates="rin")
        assert sizes == [40, 1, 2, 40, 1, 40, 1]

    def test_gene_sets_read_nothing_again(self, monkeypatch):
        sets = read_gene_sets({"a": [f"G{number:02d}" for number in range(6)]})
        result = compare(atlas=make_atlas())
        with monkeypatch.context() as patch:
            patch.setattr(ladder, "measure_genes", lambda *_, **__: pytest.fail("read again"))
            kept = run_gene_sets(result, sets, GeneSetOptions())
        ladder._MEASURED.clear()
        pd.testing.assert_frame_equal(kept.table, run_gene_sets(result, sets, GeneSetOptions()).table)

    def test_covariates_in_memory_are_told_apart(self):
        atlas = make_atlas()
        samples = draw_tables()[0]
        tables = [
            samples[["well_id"]].assign(mine=np.random.default_rng(seed).normal(size=len(samples))) for seed in (1, 2)
        ]
        first, second = (compare(atlas=atlas, genes=["G01"], covariates=[table]) for table in tables)
        assert first.table["p_donors"][0] != second.table["p_donors"][0]
        assert_same_p(compare(atlas=make_atlas(), genes=["G01"], covariates=[tables[1]]), second)

    def test_is_a_fixed_draw_of_a_large_atlas(self, atlas, monkeypatch):
        monkeypatch.setattr(ladder, "POOL_SIZE", 30)
        one, two = (compare(atlas=make_atlas(), genes=genes) for genes in (["G07"], ["G07", "G31"]))
        assert one.record.ladder.n_pool == two.record.ladder.n_pool == 30
        assert_same_p(two, one, ["G07"])


class TestInvariants:
    def test_the_order_of_samples_and_donors(self, whole):
        donors = draw_tables()[0]["donor_name"].to_numpy()
        rng = np.random.default_rng(0)
        rows = np.concatenate([rng.permutation(np.flatnonzero(donors == name)) for name in DONORS[::-1]])
        assert_same_p(compare(atlas=make_atlas(rows=rows)), whole)

    def test_swapped_regions(self, atlas, whole):
        swapped = compare(make_region("B"), make_region("A"), atlas=atlas)
        assert_same_p(swapped, whole)
        np.testing.assert_allclose(sort(swapped)["diff_donors"], -sort(whole)["diff_donors"], rtol=0, atol=1e-12)

    def test_covariates_that_are_not_in_the_model_change_nothing(self, atlas, whole):
        samples = draw_tables()[0]
        of_donor = samples[["well_id"]].assign(
            of_donor=samples["donor_name"].map(dict(zip(DONORS, range(4), strict=True)))
        )
        data = compare(atlas=atlas, covariates=of_donor)
        assert data.record.covariates_used == ()
        assert_same_p(data, whole)


class TestCovariates:
    def test_are_adjusted_for(self, atlas, whole):
        data = compare(atlas=atlas, covariates="rin")
        assert data.table[list(RUNG_COLUMNS)].notna().all(axis=None)
        assert not np.allclose(sort(data)["p_donors"], sort(whole)["p_donors"])

    def test_one_that_misses_a_value_around_leaves_both_empty(self, atlas, whole):
        table = draw_tables()[0][["well_id", "rin"]].copy()
        around = ~table["well_id"].isin(whole.samples["well_id"])
        table.loc[around.to_numpy(), "rin"] = np.nan
        data = compare(atlas=atlas, covariates=table)
        assert data.table[list(RUNG_COLUMNS)].isna().all(axis=None)
        assert {data.record.empty[column] for column in RUNG_COLUMNS} == {
            "a covariate is missing in samples outside the regions"
        }
        assert data.table["p_fwe"].notna().all()


class TestEmpty:
    def check(self, data, *, empty, reason):
        filled = [column for column in RUNG_COLUMNS if column not in empty]
        assert data.table[empty].isna().all(axis=None)
        assert data.table[filled].notna().all(axis=None)
        reasons = {column: why for column, why in data.record.empty.items() if column in RUNG_COLUMNS}
        assert reasons == dict.fromkeys(empty, reason)

    def test_regions_of_two_tissues(self, atlas):
        data = compare(make_region("A"), jugex.Region.from_structure("HiF", atlas=atlas), atlas=atlas)
        reason = "the regions are of two classes of tissue, and it is unknown how much these differ in general"
        self.check(data, empty=OF_SPACE, reason=reason)
        assert data.record.ladder.form == "without-reference"
        assert data.record.ladder.why_no_spatial == reason

    def test_covariates_need_a_reference(self, atlas):
        regions = make_region("A"), jugex.Region.from_structure("HiF", atlas=atlas)
        data = compare(*regions, atlas=atlas, covariates="rin")
        assert data.table[list(RUNG_COLUMNS)].isna().all(axis=None)
        assert data.record.ladder.why_no_donors == "covariates need samples outside the regions to be adjusted for"

    def test_a_reference_chosen_for_two_tissues(self, atlas):
        regions = make_region("A"), jugex.Region.from_structure("HiF", atlas=atlas)
        data = compare(*regions, atlas=atlas, reference=jugex.Region.box((-90, -90, -90), (0, 90, 90), name="left"))
        self.check(data, empty=[], reason="")
        assert (data.record.ladder.chosen, data.record.ladder.tissue) == (True, None)

    def test_mirrored_samples(self, atlas):
        data = compare(atlas=atlas, mirror="left")
        self.check(data, empty=OF_SPACE, reason="samples were mirrored, for which the test has not been calibrated")

    def test_an_atlas_of_few_samples(self):
        data = compare(atlas=make_atlas(n_left=10), donors=["D1", "D2"])
        self.check(data, empty=OF_SPACE, reason="fewer than 100 samples of this tissue lie outside the regions")

    def test_one_informative_donor(self, atlas):
        reason = "one donor has samples in both regions, and donors cannot be compared"
        self.check(compare(atlas=atlas, donors=["D1"]), empty=list(RUNG_COLUMNS), reason=reason)

    def test_a_region_all_of_whose_samples_count_twice(self, atlas):
        data = compare(make_region("A"), make_region("A", radius=30), atlas=atlas, overlap="keep")
        reason = "all samples of a region count in both regions, and say nothing about the difference"
        self.check(data, empty=list(RUNG_COLUMNS), reason=reason)

    def test_more_than_two_regions_have_none(self, atlas):
        regions = [make_region("A"), make_region("B"), jugex.Region.sphere((-50, -40, 30), 20, name="C")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", JugexWarning)
            data = run_comparison(jugex.query.region_group(regions, atlas=atlas), TestOptions(n_permutations=99, rng=0))
        assert data.record.ladder is None
        assert not set(RUNG_COLUMNS) & set(data.table)


@pytest.fixture(scope="module")
def around(whole):
    """Wells of the reference outside the regions."""
    found = find_reference(whole.query)
    return found.samples["well_id"].to_numpy()[found.cells < 0]


@pytest.fixture(scope="module")
def incomplete(around):
    """As `whole`, with a value missing outside the regions in each of two genes."""
    return compare(atlas=make_atlas(missing=[(around[3], "G05"), (around[7], "G06")]))


class TestMissingAround:
    """Genes with a missing value in samples outside the regions alone."""

    def test_have_the_donors_rung_of_the_regions_samples(self, incomplete, whole):
        table = sort(incomplete)
        assert set(table.index[table["p_spatial"].isna()]) == {"G05", "G06"}
        assert table[OF_DONORS].notna().all(axis=None)
        # of other weights; the atlas's z-scores lack one of 264 samples
        assert table.loc["G05", "diff_donors"] == pytest.approx(sort(whole).loc["G05", "diff_donors"], abs=0.3)
        assert MissingAround(genes=("G05", "G06")) in incomplete.record.findings
        empty = {column: why for column, why in incomplete.record.empty.items() if column in RUNG_COLUMNS}
        of_space = [column for column in RUNG_COLUMNS if "spatial" in column]  # of other genes they are not empty
        assert empty == dict.fromkeys(of_space, "where the gene could not be measured in the tissue around")

    def test_are_tested_as_where_there_is_no_reference(self, atlas, incomplete, monkeypatch):
        """As with regions of two tissues, whose pool is the same but for these two genes."""
        monkeypatch.setattr(ladder, "find_reference", find_two_tissues)
        expected = sort(compare(atlas=atlas, genes=["G05"]))
        np.testing.assert_allclose(sort(incomplete).loc["G05", "p_donors"], expected.loc["G05", "p_donors"], rtol=0.1)

    def test_are_corrected_for_with_the_others(self, incomplete):
        table = sort(incomplete)
        np.testing.assert_allclose(table["p_donors_fwe"], adjust_holm(table["p_donors"].to_numpy()), rtol=1e-12)
        spatial = table["p_spatial"].drop(["G05", "G06"])
        np.testing.assert_allclose(
            table.loc[spatial.index, "p_spatial_fwe"], adjust_holm(spatial.to_numpy()), rtol=1e-12
        )

    def test_have_none_with_covariates(self, around):
        data = compare(atlas=make_atlas(missing=[(around[3], "G05")]), covariates="rin")
        assert sort(data).loc["G05", list(RUNG_COLUMNS)].isna().all()
        assert sort(data).drop("G05")[list(RUNG_COLUMNS)].notna().all(axis=None)

    def test_no_gene_is_complete(self, around):
        """Nothing is pooled then, and the reason says so."""
        genes = [f"G{number:02d}" for number in range(40)]
        data = compare(atlas=make_atlas(missing=[(around[3], gene) for gene in genes]))
        assert data.table[list(RUNG_COLUMNS)].isna().all(axis=None)
        assert {data.record.empty[column] for column in RUNG_COLUMNS} == {
            "every gene of the pool has a missing value in the tissue of the regions"
        }


class TestDiagnostic:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch):
        monkeypatch.setattr(ladder, "_FEWEST_FOR_DIAGNOSTIC", 200)
        monkeypatch.setattr(ladder, "_N_PLACES", 20)

    def test_shares_of_the_pool_at_arbitrary_places(self, atlas):
        found = compare(atlas=atlas, diagnostic=True, genes=["G01"]).record.ladder.diagnostic
        assert (found.n_places, found.alpha) == (20, 0.05)
        # the parametric F takes neighbours for independent; with 40 genes that vary together shares are rough
        assert found.spatial < 0.2
        assert 0 <= found.spatial <= found.samples <= 1
        assert compare(atlas=atlas, diagnostic=True, genes=["G02"]).record.ladder.diagnostic == found
        assert compare(atlas=atlas, genes=["G01"]).record.ladder.diagnostic is None

    def test_few_genes_have_none(self, monkeypatch):
        monkeypatch.setattr(ladder, "POOL_SIZE", 24)
        found = compare(atlas=make_atlas(), diagnostic=True, genes=["G01"]).record.ladder
        assert (found.form, found.diagnostic) == ("few-genes", None)

    def test_places_are_as_large_and_as_far_apart_as_the_regions(self, whole):
        found = find_reference(whole.query)
        sizes = [(found.cells == code).sum() for code in (0, 1)]
        apart = whole.record.ladder.distance_mm
        places = draw_places(found)
        assert len(places) == 20
        for first, second in places:
            assert [len(first), len(second)] == sizes
            assert not set(first) & set(second)
            assert len(set(found.samples["donor_name"].iloc[first]) & set(found.samples["donor_name"].iloc[second])) > 1
        between = [np.linalg.norm(found.points[first[0]] - found.points[second[0]]) for first, second in places]
        np.testing.assert_allclose(between, apart, rtol=0.151)


class TestProbes:
    def test_each_may_be_tested_by_itself(self, atlas, whole):
        single = compare(atlas=atlas, probes="single")
        assert_same_p(single, whole)  # one probe a gene

    def test_genes_without_a_probe_left_are_no_matter(self, atlas, monkeypatch):
        """A filter that leaves none of a block of genes a probe."""

        class CalledAtlas(type(atlas)):
            def _has_calls_of(self, donor_names):
                return True

            def _read_calls(self, sample_rows, probe_rows):
                return np.tile(np.asarray(probe_rows) >= 10, (len(sample_rows), 1))

        made = make_atlas()
        made.__class__ = CalledAtlas
        monkeypatch.setattr(gene_values, "_GENES_AT_ONCE", 10)
        data = compare(atlas=made, genes=["G20"], min_present=0.5)
        assert data.record.ladder.n_pool == 30
        assert data.table[list(RUNG_COLUMNS)].notna().all(axis=None)


def test_real_fp1_and_fp2(shared_data):
    """GABRA4 alone is its own pool, in the form for few genes; F as the data's README has it."""
    regions = [
        jugex.Region.from_image(shared_data / "regions" / f"Fp{number}_left_pmap.nii.gz", threshold=0.2)
        for number in (1, 2)
    ]
    data = compare(*regions, atlas=jugex.open_atlas(shared_data / "ahba-gabra4"))
    row = data.table.iloc[0]
    assert row["f"] == pytest.approx(1.066215, abs=5e-7)
    record = data.record.ladder
    assert (record.tissue, record.sides, record.form, record.n_pool) == ("isocortex", ("left",), "few-genes", 1)
    assert record.n_reference > 1_000
    for column in RUNG_COLUMNS:
        assert np.isfinite(row[column])
    assert 0 < row["p_donors"] <= 1
    assert 0 < row["p_spatial"] <= 1


def test_a_sample_kept_in_both_regions_leaves_the_contrasts(atlas):
    own = region_pair(make_region("A"), make_region("B"), atlas=atlas).samples
    first, second = (own.loc[own["region"] == name, "well_id"].tolist() for name in "AB")
    kept = compare(wells("A", *first), wells("B", *second, first[0]), atlas=atlas, overlap="keep")
    without = compare(wells("A", *first[1:]), wells("B", *second), atlas=atlas)
    found, expected = (find_reference(data.query) for data in (kept, without))
    assert set(expected.samples["well_id"]) - set(found.samples["well_id"]) == {first[0]}  # elsewhere there
    assert pd.Series(found.cells, found.samples["well_id"]).to_dict().items() <= (
        pd.Series(expected.cells, expected.samples["well_id"]).to_dict().items()
    )
    assert kept.table["p_spatial"].notna().all()
