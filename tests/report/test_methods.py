"""Every sentence of the methods follows from the settings, and every reference from a sentence."""

from __future__ import annotations

import ast
import re

import pytest

from jugex.report.methods import describe_methods, methods_text
from jugex.report.references import REFERENCES, to_bibtex
from jugex.report.reproduce import how_to_reproduce


def cited(result):
    return {reference.cited for reference in describe_methods(result).references}


class TestMethods:
    def test_tell_what_was_done(self, make_result):
        text = describe_methods(make_result()).paragraph
        for piece in (
            "jugex 0.1.0 (Python 3.12.1, NumPy 2.1.0", "3,702 tissue samples of 6 donors",
            "Fp1 left (probability map, file region_0.nii.gz, values above 0.2, 16,291 mm3)",
            "2 samples lay in both regions: 1 was given to region 2 (the more probable) and 1 was left out",
            "16 samples in region 1 and 12 in region 2, from 6 donors, 3 of whom", "(1 and 21 degrees of freedom)",
            "10,000 random relabellings were drawn (seed 0)", "over the 3 genes tested", "at most 0.05",
        ):  # fmt: skip
            assert piece in text

    def test_samples_are_counted_where_the_count_is_true(self, make_result):
        result = make_result()
        counts = [region["n_samples_found"] for region in result.settings["regions"]]
        told = f"{counts[0]:,} and {counts[1]:,} samples"
        assert f"lies in it ({told})." in describe_methods(result).paragraph
        result.settings["samples"] = {"tolerance_mm": 2.0, "n_tolerated": [21, 9], "within": [], "exclude": []}
        filtered = describe_methods(result).paragraph
        assert f"({told})" not in filtered
        assert f"(21 and 9 samples). The regions then held {told}." in filtered

    @pytest.mark.parametrize(
        ("atlas", "said"),
        [
            ({}, "its MNI coordinate (the Allen Institute's own) lies in it"),
            ({"simulated": True}, "its MNI coordinate lies in it"),
            ({"kind": "tables"}, "its MNI coordinate lies in it"),
            ({"coordinates": {"files": [], "n_dropped": 0}}, "its MNI coordinate (from that table) lies in it"),
            (
                {"mirror": {"side": "left", "n_reflected": 9}},
                "its MNI coordinate (the Allen Institute's own, reflected to the left hemisphere) lies in it",
            ),
        ],
    )
    def test_say_which_coordinates_were_used(self, make_result, atlas, said):
        result = make_result()
        result.settings["atlas"].update(atlas)
        assert said in describe_methods(result).paragraph

    def test_say_what_became_of_samples_between_voxels(self, make_result):
        result = make_result()
        said = "Of the samples found, 3 and 2 lay exactly half-way between two voxels, where the voxel with the even"
        assert said in describe_methods(result).paragraph
        for region in result.settings["regions"]:
            region["n_between_voxels"] = 0
        assert "voxel" not in describe_methods(result).paragraph

    def test_made_up_regions_are_called_so(self, make_result):
        result = make_result()
        result.settings["regions"][0]["kind"] = "simulated probability map"
        assert "The region Fp1 left is made up for demonstration" in describe_methods(result).paragraph
        result.settings["atlas"]["simulated"] = True
        assert "made up" not in describe_methods(result).paragraph

    def test_a_pair_among_others_says_so(self, make_result):
        result = make_result()
        assert "one of" not in describe_methods(result).paragraph
        several = {"regions": ["a", "b", "c"], "n_pairs": 3, "n_significant": 1, "significant": ["MAOA"]}
        result.settings["several"] = several | {"page": "../report.html"}
        assert describe_methods(result).paragraph.endswith(
            "This is one of 3 pairs among 3 regions that were compared together, and its p-values are corrected over "
            "the genes of this pair alone. Corrected over all genes of all pairs, 1 gene of this pair is significant "
            "(p_Holm \N{LESS-THAN OR EQUAL TO} 0.05): MAOA."
        )
        result.settings["several"].update(n_significant=0, significant=[])
        assert "of all pairs, no gene of this pair is significant" in describe_methods(result).paragraph

    def test_simulated_data_are_not_called_the_allen_atlas(self, make_result):
        methods = describe_methods(make_result(simulated=True))
        assert "were simulated" in methods.paragraph
        assert "Allen" not in methods.paragraph
        assert "Hawrylycz et al. 2012" not in cited(make_result(simulated=True))

    @pytest.mark.parametrize(
        ("atlas", "piece"),
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
    def test_zscores_that_were_given_are_not_called_standardised_here(self, make_result, atlas, piece, probes):
        result = make_result(probes=probes)
        result.settings["atlas"].update(atlas)
        text = describe_methods(result).paragraph
        assert piece in text
        assert ("The levels of each probe were standardised" in text) == (atlas.get("zscores") != "as given")
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
            ({"preset": "siibra-jugex"}, "starting from its preset siibra-jugex", None),
        ],
    )
    def test_follow_the_options(self, make_result, arguments, piece, reference):
        plain, other = make_result(), make_result(**arguments)
        assert piece in describe_methods(other).paragraph
        assert piece not in describe_methods(plain).paragraph
        assert cited(other) - cited(plain) == ({reference} if reference else set())

    def test_covariates_are_those_of_the_model(self, make_result, with_covariates):
        result = with_covariates(make_result(covariates=["age", "mni_z"]))
        text = describe_methods(result).paragraph
        assert "the factors region and donor and the covariates mni_z and hemisphere gave F" in text
        assert "the sum of squares of region adjusted for donor, mni_z and hemisphere (1 and 21 degrees" in text
        assert "region 1 minus region 2, adjusted for donor, mni_z and hemisphere, with 95 %" in text
        assert text.count("was left out of the model") == 1
        assert (
            "The covariate age was left out of the model: it is the same in all samples of a donor, and donor is in "
            "the model already."
        ) in text

    def test_an_automatic_covariate_is_named_alone_and_left_out_in_silence(self, make_result, with_covariates):
        result = with_covariates(make_result())
        result.settings["covariates"] = result.settings["covariates"][-1:]
        text = describe_methods(result).paragraph
        assert "region and donor and the covariate hemisphere gave F" in text
        assert "adjusted for donor and hemisphere (1 and 21" in text
        result.settings["covariates"][0]["outcome"] = "it tells the regions apart within every donor"
        assert "hemisphere" not in describe_methods(result).paragraph

    def test_what_was_asked_for_alone_is_not_in_the_model(self, make_result):
        text = describe_methods(make_result(covariates=["age"])).paragraph
        assert "covariate" not in text
        assert "region adjusted for donor (1 and 21 degrees of freedom)" in text

    def test_sequential_comes_before_covariates_too(self, make_result, with_covariates):
        text = describe_methods(with_covariates(make_result(statistic="sequential"))).paragraph
        assert "which was entered before donor, mni_z and hemisphere (1 and 21" in text

    def test_degrees_of_freedom_of_welch_differ_by_gene(self, make_result):
        text = describe_methods(make_result(statistic="welch")).paragraph
        assert "21 degrees of freedom" not in text
        assert "takes Satterthwaite's residual degrees of freedom, which differ from gene to gene" in text
        text = describe_methods(make_result(statistic="welch", probes="single")).paragraph
        assert "which differ from probe to probe" in text

    @pytest.mark.parametrize("key", ["n_collinear_redrawn", "n_collinear_smallest"])
    @pytest.mark.parametrize("exhaustive", [False, True])
    @pytest.mark.parametrize("beside", [False, True])
    @pytest.mark.parametrize(("n", "number"), [(1, "1 relabelling "), (2, "2 relabellings ")])
    def test_collinear_relabellings_are_told(self, make_result, with_covariates, key, exhaustive, beside, n, number):
        result = with_covariates(make_result()) if beside else make_result()
        assert "collinear" not in describe_methods(result).paragraph
        result.settings["permutation"].update({"exhaustive": exhaustive, key: n})
        outcome = {
            ("n_collinear_redrawn", False): "redrawn",
            ("n_collinear_redrawn", True): "left out",
        }.get((key, exhaustive), "counted among them as having no larger F")
        with_what = "donor and covariates" if beside else "donor"
        verb = "was" if n == 1 else "were"
        expected = f" {number}in which region was collinear with {with_what} {verb} {outcome}."
        assert expected in describe_methods(result).paragraph
        assert describe_methods(result).paragraph.count("collinear") == 1

    def test_enumeration_and_generators_are_told(self, make_result):
        result = make_result()
        result.settings["permutation"].update(seed=None)
        assert "random generator given by the user" in describe_methods(result).paragraph
        result.settings["permutation"].update(exhaustive=True)
        assert "all distinct relabellings were enumerated" in describe_methods(result).paragraph
        assert "Phipson and Smyth 2010" not in cited(result)

    def test_references_are_exactly_those_cited(self, make_result):
        methods = describe_methods(make_result(names=("Freedman and Lane 1983", "V1")))
        in_text = set(re.findall(r"\(([A-Z][^()]*?\d{4})\)", methods.paragraph))
        listed = {reference.cited for reference in methods.references}
        assert listed == in_text - {"Freedman and Lane 1983"}

    def test_samples_with_missing_values_are_counted(self, make_result):
        result = make_result()
        assert "missing value" not in describe_methods(result).paragraph
        result.settings["missing"] = {"n_samples_dropped": 2, "well_ids": [1, 2]}
        assert "2 samples with a missing value were left out." in describe_methods(result).paragraph

    def test_references_stand_there_as_bibtex_too(self, make_result):
        result = make_result(exchange="freedman-lane")
        text = methods_text(result).partition("```bibtex\n")[2]
        assert text.count("@article{") + text.count("@book{") == len(describe_methods(result).references)
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

    def test_markdown_means_what_it_says(self, make_result):
        text = methods_text(make_result(names=("*A* <b>", "_x_ [y]")))
        assert "\\*A\\* \\<b\\>" in text
        assert "\\_x\\_ \\[y\\]" in text
        assert "region_0.nii.gz" in text  # an underscore inside a word needs no escape
        assert text.startswith("# Methods\n\n")
        assert text.endswith("\n")
        assert "https://doi.org/10.1007/s00429-018-1620-6" in text


class TestReproduce:
    def test_python_call_holds_every_argument(self, make_result):
        language, code = how_to_reproduce(make_result(requested=["MAOA", "TAC1"], donors=["H0351.2001"]).settings)
        assert language == "Python"
        tree = ast.parse(code)
        call = tree.body[-1].value
        keywords = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg != "atlas"}
        assert keywords == {
            "genes": ["MAOA", "TAC1"], "donors": ["H0351.2001"], "statistic": "adjusted", "exchange": "within-donor",
            "probes": "winsorized-mean", "overlap": "higher-probability", "alpha": 0.05, "n_permutations": 10000,
            "rng": 0,
        }  # fmt: skip
        assert "jugex.Region.from_image('maps/region_0.nii.gz', threshold=0.2, name='Fp1 left')" in code
        assert "jugex.open_atlas('ahba')" in code

    def test_command_comes_first(self, make_result):
        result = make_result()
        result.settings["command"] = "jugex compare a b --out c"
        assert how_to_reproduce(result.settings) == ("shell", "jugex compare a b --out c")

    def test_covariates_of_a_table_are_named(self, make_result):
        settings = make_result(covariates=["hemisphere"], missing="drop-samples").settings
        assert "    covariates=['hemisphere'],\n" in how_to_reproduce(settings)[1]
        assert "    missing='drop-samples',\n" in how_to_reproduce(settings)[1]
        settings["covariates"] = [{"name": "rin", "from_table": True}]
        settings["arguments"]["covariates"] = ["rin"]
        code = how_to_reproduce(settings)[1]
        assert "covariates=covariates,  # among them columns of a table with a row per well_id: rin" in code

    def test_what_has_no_file_is_described_elsewhere(self, make_result):
        settings = make_result(simulated=True).settings
        settings["regions"][0].update(kind="sphere", file=None)
        settings["permutation"]["seed"] = None
        settings["arguments"]["genes"] = [f"G{i}" for i in range(201)]
        _, code = how_to_reproduce(settings)
        assert 'region_1 = ...  # sphere: described in settings.json under "regions", number 1' in code
        assert "rng=generator" in code
        assert "the 201 genes in settings.json" in code
        assert "open_atlas('simulated')" in code

    def test_demo_regions_are_made_by_name(self, make_result):
        settings = make_result(simulated=True).settings
        for region in settings["regions"]:
            region.update(kind="simulated probability map", file=None)
        assert "region_1, region_2 = jugex.demo_regions(threshold=0.2)" in how_to_reproduce(settings)[1]
