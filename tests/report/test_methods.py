"""Every sentence of the methods follows from the record, and every reference from a sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest

import jugex
from jugex._text import count_of
from jugex.atlas.identity import AtlasChanges, FileRecord, MirrorRecord, NewCoordinates, NewProbeGenes
from jugex.model.query_record import ProbeFilterRecord, StructureRecord
from jugex.model.record import GroupMembership
from jugex.regions import region_from_image
from jugex.report.methods import MOST_WORDS, compose_methods, format_methods
from jugex.report.references import REFERENCES, to_bibtex
from tests.regions.helpers import labels, make_image, probabilities, save_image
from tests.report.conftest import compare_toy
from tests.report.helpers import NASTY, change, change_regions

COORDINATES = NewCoordinates((FileRecord("maps/mni.csv", "ab"),), ("mni_x",), 3702, 3)
CHANGES = AtlasChanges(
    COORDINATES,
    MirrorRecord("left", 900),
    NewProbeGenes(FileRecord("maps/probes.csv.gz", "cd"), n_probes=45_821, n_dropped=12_871, n_changed=5),
)
FILTER = ProbeFilterRecord(0.5, "all", 3702, 45_821, 13_844, 7)


def write(result):
    return compose_methods(result).paragraph


def cited(result):
    return {reference.cited for reference in compose_methods(result).references}


def change_source(result, **source):
    return change(result, atlas={"source": replace(result.record.atlas.source, **source)})


class TestSupplement:
    def test_says_what_was_done(self, make_result):
        text = write(make_result())
        for piece in (
            "jugex 0.1.0 (Python 3.12.1, NumPy 2.1.0", "3,702 tissue samples of 6 donors",
            "Fp1 left (probability map, file region_0.nii.gz, values above 0.2, 16,291 mm3)",
            "2 samples lay in both regions: 1 was given to region 2 (the more probable) and 1 was left out",
            "16 samples in region 1 and 12 in region 2, from 6 donors, 3 of whom", "(1 and 21 degrees of freedom)",
            "10,000 random relabellings were drawn (seed 0)", "over the 3 genes tested", "at most 0.05",
            "Each significant gene was tested again without each donor.",
        ):  # fmt: skip
            assert piece in text

    def test_says_what_was_done_with_more_regions(self, group_result):
        text = write(group_result.data)
        for piece in (
            "between 3 brain regions", "(2 and 69 degrees of freedom)", "199 random relabellings were drawn (seed 3)",
            "the 4 genes tested", "compared two by two (3 pairs)", "33 were given to the region where it is most",
            "used 33, 28 and 16 samples of regions 1 to 3, from 6 donors",
        ):  # fmt: skip
            assert piece in text
        assert {"Bludau et al. 2018", "Holm 1979", "Westfall and Young 1993"} <= cited(group_result.data)

    def test_says_how_donors_and_distance_were_taken_into_account(self):
        result = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "CNR1", "GAD2"], rng=0, background=False
        )
        ladder, text = result.record.ladder, write(result)
        for piece in (
            f"{ladder.n_reference:,} samples of isocortex", f"{ladder.n_elsewhere:,} outside both regions", "500 genes",
            "weighted by their precision", "Holm's method (Holm 1979)", "two places as far apart",
        ):  # fmt: skip
            assert piece in text
        held = [int((result.table[column] <= 0.05).sum()) for column in ("p_donors_fwe", "p_spatial_fwe")]
        brief = compose_methods(result).brief
        assert f"over donors ({count_of(held[0], 'gene')} held)" in brief
        assert f"beyond what distance explains ({count_of(held[1], 'gene')} held)" in brief
        assert {"Matheron 1963", "Smyth 2004", "Holm 1979"} <= cited(result)

    def test_says_why_they_were_not(self):
        result = jugex.compare(
            "simulated:A", "structure:CbCx", atlas="simulated", genes=["MAOA", "GAD2"], rng=0, background=False
        )
        text = write(result)
        assert f"not tested against distance: {result.record.ladder.why_no_spatial}." in text
        assert "samples taken as replicates" in text

    def test_pairs_that_admit_no_test(self, group_result):
        pairs = group_result.record.pairs
        some = (pairs[0], *(replace(pair, status="impossible", folder=None) for pair in pairs[1:]))
        assert "(1 pair; 2 pairs could not be tested)" in write(change(group_result.data, pairs=some))
        none = tuple(replace(pair, status="impossible") for pair in pairs)
        assert "No pair of regions could be tested by itself." in write(change(group_result.data, pairs=none))

    def test_samples_are_counted_where_the_count_is_true(self, make_result):
        result = make_result()
        assert "lay in it (17 and 17 samples)." in write(result)
        filtered = write(change(result, samples={"tolerance_mm": 2.0, "n_tolerated": (21, 9)}))
        assert "(17 and 17 samples)" not in filtered
        assert "(21 and 9 samples). The regions then held 17 and 17 samples." in filtered
        cortex = StructureRecord((4008,), "Cx", "cerebral cortex")
        within = write(change(result, samples={"within": (cortex,), "n_dropped": (3, 0)}))
        assert (
            "Only samples annotated as belonging to cerebral cortex (parts included) counted; 3 and 0 samples of"
            in within
        )

    @pytest.mark.parametrize(
        ("atlas", "said"),
        [
            ({}, "its MNI coordinate (the Allen Institute's own) lay in it"),
            ({"simulated": True}, "its MNI coordinate lay in it"),
            ({"space": "another"}, "its coordinate (the Allen Institute's own) lay in it"),
            ({"changes": AtlasChanges(COORDINATES)}, "its MNI coordinate (from that table) lay in it"),
            (
                {"changes": AtlasChanges(mirror=MirrorRecord("left", 9))},
                "its MNI coordinate (the Allen Institute's own, reflected to the left hemisphere) lay in it",
            ),
        ],
    )
    def test_says_which_coordinates_were_used(self, make_result, atlas, said):
        assert said in write(change(make_result(), atlas=atlas))

    def test_says_what_became_of_samples_between_voxels(self, make_result):
        said = "Of the samples found, 3 and 2 lay exactly half-way between two voxels and were counted in the one with"
        assert said in write(make_result())
        assert "voxel" not in write(change_regions(make_result(), n_between_voxels=0))
        below = write(make_result(voxel="floor"))
        assert "that of its coordinate rounded down" in below
        assert "3 and 2 lay exactly on the border of two voxels and were counted in the one that begins there" in below

    def test_made_up_regions_are_called_so(self, make_result):
        result = change_regions(make_result(), kind="simulated probability map")
        assert "The regions Fp1 left and Fp2 left were made up for demonstration" in write(result)
        assert "made up" not in write(change(result, atlas={"simulated": True}))

    def test_a_pair_among_others_says_so(self, make_result):
        assert "one of" not in write(make_result())
        group = GroupMembership(("a", "b", "c"), 3, ("MAOA",), "../report.html")
        assert write(change(make_result(), group=group)).endswith(
            "significant (p_Holm \N{LESS-THAN OR EQUAL TO} 0.05): MAOA."
        )

    def test_simulated_data_are_not_called_the_allen_atlas(self, make_result):
        result = make_result(simulated=True)
        assert "were simulated" in write(result)
        assert "Allen" not in write(result)
        assert "Hawrylycz et al. 2012" not in cited(result)

    @pytest.mark.parametrize(
        ("source", "piece"),
        [
            ({}, "standardised within each donor, over all samples of that donor, and "),
            ({"kind": "tables", "zscores": "computed"}, "within each donor, over all samples of that donor, and "),
            ({"kind": "tables", "zscores": "as given"}, "The z-scores of each probe were taken as given with the data"),
            (
                {"kind": "allen-api", "zscores": "as given"},
                "were taken as the Allen Institute's web service gives them",
            ),
        ],
    )
    @pytest.mark.parametrize("probes", ["winsorized-mean", "single"])
    def test_zscores_that_were_given_are_not_called_standardised_here(self, make_result, source, piece, probes):
        text = write(change_source(make_result(probes=probes), **source))
        assert piece in text
        assert ("The levels of each probe were standardised" in text) == (source.get("zscores") != "as given")
        assert ("each probe was tested by itself" in text) == (probes == "single")

    @pytest.mark.parametrize(
        ("arguments", "piece", "reference"),
        [
            ({"statistic": "sequential"}, "sequential (type I) sum of squares", None),
            ({"statistic": "welch"}, "a residual variance per region", "Satterthwaite 1946"),
            ({"exchange": "free"}, "permuted freely over all samples", "Draper and Stoneman 1966"),
            ({"exchange": "freedman-lane"}, "residuals of the model without region", "Freedman and Lane 1983"),
            ({"probes": "winsorized-mean-scipy"}, "from 10 probes on", None),
            ({"probes": "mean"}, "by their mean", None),
            ({"probes": "max-variance"}, "the probe with the largest variance", "Negi and Guda 2017"),
            ({"preset": "siibra-jugex"}, "starting from its preset siibra-jugex", None),
        ],
    )
    def test_follows_the_options(self, make_result, arguments, piece, reference):
        plain, other = make_result(), make_result(**arguments)
        assert piece in write(other)
        assert piece not in write(plain)
        assert cited(other) - cited(plain) == ({reference} if reference else set())

    def test_covariates_are_those_of_the_model(self, make_result, with_covariates):
        text = write(with_covariates(make_result(covariates=("age", "mni_z"))))
        assert "the factors region and donor and the covariates mni_z and hemisphere gave F" in text
        assert "the sum of squares of region adjusted for donor, mni_z and hemisphere (1 and 21 degrees" in text
        assert "region 1 minus region 2, adjusted for donor, mni_z and hemisphere, with 95 %" in text
        assert text.count("was left out of the model") == 1
        assert (
            "The covariate age was left out of the model: it is the same in all samples of a donor, and donor is in "
            "the model already."
        ) in text
        sequential = write(with_covariates(make_result(statistic="sequential")))
        assert "which was entered before donor, mni_z and hemisphere (1 and 21" in sequential

    def test_an_automatic_covariate_is_left_out_in_silence(self, make_result, with_covariates):
        result = with_covariates(make_result())
        last = result.record.covariates[-1]
        assert "region and donor and the covariate hemisphere gave F" in write(change(result, covariates=(last,)))
        unused = replace(last, outcome="it tells the regions apart within every donor")
        assert "hemisphere" not in write(change(result, covariates=(unused,)))

    def test_degrees_of_freedom_of_welch_differ_by_gene(self, make_result):
        text = write(make_result(statistic="welch", probes="single"))
        assert "21 degrees of freedom" not in text
        assert "takes Satterthwaite's residual degrees of freedom, which differ from probe to probe" in text

    @pytest.mark.parametrize(
        ("permutation", "said"),
        [
            ({"n_collinear_redrawn": 1}, "1 relabelling in which region was collinear with donor was redrawn."),
            (
                {"n_collinear_redrawn": 2, "exhaustive": True},
                "2 relabellings in which region was collinear with donor were left out.",
            ),
            (
                {"n_collinear_smallest": 2, "exhaustive": True},
                "2 relabellings in which region was collinear with donor were counted as having the smallest F",
            ),
        ],
    )
    def test_collinear_relabellings_are_counted(self, make_result, with_covariates, permutation, said):
        assert "collinear" not in write(make_result())
        assert said in write(change(make_result(), permutation=permutation))
        assert "with donor and covariates " in write(change(with_covariates(make_result()), permutation=permutation))

    def test_enumeration_and_generators(self, make_result):
        result = make_result()
        drawn = change(result, permutation={"randomness": replace(result.record.permutation.randomness, seed=None)})
        assert "random generator given by the user" in write(drawn)
        listed = change(result, permutation={"exhaustive": True})
        assert "all distinct relabellings were enumerated" in write(listed)
        assert "Phipson and Smyth 2010" not in cited(listed)

    def test_samples_with_missing_values_are_counted(self, make_result):
        assert "missing value" not in write(make_result())
        said = "2 samples with a missing value were left out."
        assert said in write(change(make_result(), missing_well_ids=(1, 2)))

    def test_what_was_changed_of_the_atlas(self, make_result):
        result = change(make_result(), atlas={"changes": CHANGES}, probe_filter=FILTER)
        text = write(result)
        assert "from another table (mni.csv); 3 samples without an entry there were left out." in text
        assert "900 samples were reflected to the left hemisphere." in text
        assert "by the table probes.csv.gz (45,821 probes); 12,871 to which it gives no gene were left out." in text
        assert (
            "Of 45,821 probes, 13,844 were left out because they were above background in less than 50 % of all" in text
        )
        assert "Arnatkeviciute et al. 2019" in cited(result)


class TestBrief:
    def test_says_what_a_paper_needs(self, make_result):
        brief = compose_methods(make_result()).brief
        for piece in (
            "between Fp1 left and Fp2 left in the Allen Human Brain Atlas (Hawrylycz et al. 2012) with jugex 0.1.0",
            "16 and 12 samples of 6 donors, 3 with samples in both", "For each of 3 genes", "adjusted for donor",
            "10,000 random permutations of region labels within donors", "2 genes were significant",
        ):  # fmt: skip
            assert piece in brief

    def test_never_has_more_words_than_a_paper_has_room_for(self, make_result, with_covariates, group_result):
        long = " ".join(["word"] * 60)
        runs = [
            make_result(names=(long, f"{long} too"), statistic=statistic, exchange=exchange, probes=probes)
            for statistic, exchange, probes in product(
                ("adjusted", "sequential", "welch"), ("within-donor", "freedman-lane"), ("stability", "single")
            )
        ]
        runs += [with_covariates(run) for run in runs]
        runs += [group_result.data, compare_toy(3, names=[f"{long} {i}" for i in range(3)]).data]
        for run in runs:
            methods = compose_methods(run)
            assert len(methods.brief.split()) <= MOST_WORDS
            in_text = {reference.cited for reference in REFERENCES if reference.cited in methods.brief}
            assert in_text <= {reference.cited for reference in methods.references}

    def test_no_gene_that_could_be_tested(self, make_result):
        methods = compose_methods(make_result(["A"], [float("nan")], [float("nan")]))
        assert methods.brief.endswith("No gene could be tested.")
        assert "permut" not in methods.paragraph


class TestReferences:
    def test_are_exactly_those_cited(self, make_result):
        methods = compose_methods(make_result(names=("Freedman and Lane 1983", "V1")))
        in_text = set(re.findall(r"\(([A-Z][^()]*?\d{4})\)", methods.paragraph))
        assert {reference.cited for reference in methods.references} == in_text - {"Freedman and Lane 1983"}

    def test_stand_there_as_bibtex_too(self, make_result):
        result = make_result(exchange="freedman-lane")
        text = format_methods(compose_methods(result)).partition("```bibtex\n")[2]
        assert text.count("@article{") + text.count("@book{") == len(compose_methods(result).references)
        assert "  author = {Bludau, S. and Mühleisen, T. W. and " in text
        assert "  author = {Hawrylycz, M. J. and Lein, E. S. and Guillozet-Bongaarts, A. L. and others}," in text
        assert "  journal = {Journal of Business \\& Economic Statistics}," in text
        assert "  pages = {2335--2342},\n  doi = {10.1007/s00429-018-1620-6},\n}" in text

    def test_bibtex_is_well_formed(self):
        entries = [to_bibtex(reference) for reference in REFERENCES]
        assert len({entry.splitlines()[0] for entry in entries}) == len(entries)
        for entry in entries:
            assert re.fullmatch(r"@(article|book)\{[a-z]+\d{4},\n(  [a-z]+ = \{.+\},\n)+\}", entry)
            assert entry.count("{") == entry.count("}")

    def test_dois_are_well_formed(self):
        assert all(re.fullmatch(r"10\.\d{4,}/\S+", reference.doi) for reference in REFERENCES if reference.doi)


class TestMarkdown:
    def test_has_the_paragraph_then_the_supplement(self, make_result):
        methods = compose_methods(make_result())
        text = format_methods(methods)
        assert text.startswith(f"# Methods\n\n{methods.brief}\n\n## Supplement\n\n")
        assert text.endswith("\n")
        assert "https://doi.org/10.1007/s00429-018-1620-6" in text

    def test_means_what_it_says(self, make_result):
        text = format_methods(compose_methods(make_result(names=("*A* <b>", "_x_ [y]"))))
        assert "\\*A\\* \\<b\\>" in text
        assert "\\_x\\_ \\[y\\]" in text
        assert "region_0.nii.gz" in text  # an underscore inside a word needs no escape
        nasty = format_methods(compose_methods(make_result(names=(NASTY, "B"))))
        assert "<script" not in nasty.replace("\\<script", "")


class TestRegions:
    MAP = "map (probability map, file map.nii.gz, values above 0.4)"
    BALL = "ball (sphere)"

    @pytest.fixture
    def regions(self, tmp_path):
        mapped = region_from_image(save_image(tmp_path / "map.nii.gz", probabilities()), threshold=0.4)
        return mapped, jugex.Region.sphere((-4, 26, 10), 4, name="ball")

    @pytest.fixture
    def describe(self, make_result):
        def describe_region(region):
            result = make_result()
            first, second = result.record.regions
            regions = (replace(first, identity=region.identity()), second)
            return write(change(result, regions=regions)).partition("Region 1 was ")[2]

        return describe_region

    @pytest.mark.parametrize(
        ("combine", "expected"),
        [
            (lambda a, b: a, f"{MAP[:-1]}, "),
            (lambda a, b: a | b, f"map + ball (union of {MAP} and {BALL}, "),
            (lambda a, b: a & b, f"map & ball (intersection of {MAP} and {BALL}, "),
            (lambda a, b: a - b, f"map - ball ({MAP} without {BALL}, "),
            (lambda a, b: ~a, f"not map (rest of the brain outside {MAP}, "),
            (lambda a, b: a.left, f"map left (left half of {MAP}, "),
            (lambda a, b: (a | b).left, f"(map + ball) left (left half of map + ball (union of {MAP} and {BALL}), "),
        ],
    )
    def test_one_made_of_others_names_them(self, regions, describe, combine, expected):
        assert describe(combine(*regions)).startswith(expected)

    def test_many_parts_are_counted(self, describe):
        balls = [jugex.Region.sphere((x, 20, 10), 2, name=f"b{x}") for x in range(9)]
        text = describe(jugex.regions.Union.of(balls, name="balls"))
        assert text.startswith("balls (union of b0 (sphere), b1 (sphere), ")
        assert "b5 (sphere) and 3 more regions, " in text
        assert "b6" not in text
        assert "and 1 more region, " in describe(jugex.regions.Union.of(balls[:7], name="balls"))

    def test_a_label_goes_by_its_name(self, describe):
        region = region_from_image(make_image(labels()), label=17)
        assert describe(region).startswith(f"{region.name} (label, ")
