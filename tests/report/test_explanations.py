"""Every kind of finding is explained on the page, where its warning leads."""

from __future__ import annotations

from typing import get_args

from jugex.model.findings import AnyFinding, DonorsDisagree, SamplesDropped
from jugex.report.explanations import EXPLANATIONS, explain_findings
from tests.report.helpers import change, parse


def test_every_kind_of_finding_is_explained():
    assert set(EXPLANATIONS) == {kind.__struct_config__.tag for kind in get_args(AnyFinding)}


def test_each_kind_once_in_the_order_of_the_run():
    findings = (SamplesDropped(n=2), DonorsDisagree(genes=("A",)), SamplesDropped(n=3))
    assert list(explain_findings(findings)) == ["samples-dropped", "donors-disagree"]


def test_a_warning_leads_to_its_explanation_and_that_to_the_numbers(make_result):
    page = parse(change(make_result(), findings=(DonorsDisagree(genes=("MAOA",)),)))
    link = page.find(class_="warnings").find("a")
    about = page.find(id=link["href"].removeprefix("#"))
    assert EXPLANATIONS["donors-disagree"].text in about.get_text()
    assert page.find(id=about.find("a")["href"].removeprefix("#")).get_text().startswith("Without one donor")
