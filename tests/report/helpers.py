"""What the tests of the report share: a result with other facts, and pages as a parser sees them."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from bs4 import BeautifulSoup

from jugex.pipeline.pairs import GroupComparison
from jugex.report.page import render_page

NASTY = "<script>alert('x')</script> \"quoted\" & \N{GRINNING FACE} a/b $\\x_1{$ " + "long" * 40


def change(result, **parts):
    """A result or a group whose record has other facts: of each part a new value, or a dict of its new fields."""
    if isinstance(result, GroupComparison):
        return replace(result, data=change(result.data, **parts))
    record, changed = result.record, {}
    for name, part in parts.items():
        old = getattr(record, name)
        changed[name] = replace(old, **part) if isinstance(part, dict) and not isinstance(old, dict) else part
    return replace(result, record=replace(record, **changed))


def change_regions(result, **fields):
    """A result whose regions have other facts, those of their identity or of the query."""
    of_query = {name: value for name, value in fields.items() if name.startswith("n_")}
    identity = {name: value for name, value in fields.items() if name not in of_query}
    regions = tuple(
        replace(region, identity=replace(region.identity, **identity), **of_query) for region in result.record.regions
    )
    return change(result, regions=regions)


def change_finding(finding, **fields):
    return msgspec.structs.replace(finding, **fields)


def parse(result, **options):
    return BeautifulSoup(render_page(result, **options), "html.parser")


def section(page, key):
    return page.find("section", {"aria-labelledby": key})


def read_cells(table):
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


def read_facts(part):
    return {fact.dt.get_text(): fact.dd.get_text() for fact in part.find_all("div") if fact.dt}


def plain(text):
    """Text without the blanks that do not break, on one line."""
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())
