"""What weakens a result reaches Python users: typed, once, and not as a flood."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest

import jugex
from jugex import cli
from jugex.errors import DesignWarning, GeneWarning, ResultWarning
from tests.conftest import PROJECT

OPTIONS = {"atlas": "simulated", "n_permutations": 999, "rng": 0, "ladder": False}


def test_findings_are_warned_of_with_their_type_and_listed_in_the_result():
    with pytest.warns(ResultWarning, match=r"no single one is special \(see result.warnings\)") as told:
        result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1"], **OPTIONS)
    assert issubclass(ResultWarning, DesignWarning)
    kinds = [type(finding) for finding in result.record.findings]
    assert [str(one.message).split(" (see")[0] for one in told] == [kind.headline() for kind in dict.fromkeys(kinds)]
    assert {one.filename for one in told} == {__file__}
    assert len(result.warnings) == len(kinds)


def test_what_is_said_of_the_inputs_is_kept_with_the_result_and_in_its_settings(tmp_path):
    with pytest.warns(GeneWarning, match="not in the atlas: NOPE"):
        result = jugex.compare(
            "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "NOPE"], rng=0, n_permutations=99,
            background=False, ladder=False,
        )  # fmt: skip
    assert result.warnings[0] == "not in the atlas: NOPE; continuing with 1 other gene"
    assert result.settings["warnings"] == result.warnings
    assert jugex.load_result(result.save(tmp_path / "out")).warnings == result.warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = jugex.rerun(result)
    assert again.result.warnings == result.warnings
    pair = jugex.query.region_pair("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"])
    assert not jugex.analysis.differential_expression(pair, rng=0, n_permutations=99, ladder=False).record.told


def test_of_several_regions_a_hint_leads_to_the_pairs():
    regions = ["structure:simA", "structure:simB", "structure:simPL"]
    with pytest.warns(ResultWarning) as told:
        jugex.compare_several(regions, genes=["MAOA", "GAD2"], **OPTIONS)
    assert [str(one.message) for one in told if "pairs[...]" in str(one.message)]


def test_a_loop_tells_each_kind_once(tmp_path):
    script = tmp_path / "loop.py"
    script.write_text(
        "import jugex\n"
        "from tests.toy import ToyAtlas, wells\n"
        "atlas = ToyAtlas([30, 30, 4], ['G1', 'G2'])\n"
        "for number in range(6):\n"
        "    a = wells(f'a{number}', *range(1000, 1003), *range(2000, 2002))\n"
        "    b = wells(f'b{number}', *range(1010 + number, 1030), *range(2010, 2030))\n"
        "    result = jugex.compare(a, b, atlas=atlas, n_permutations=99, rng=0)\n"
        "print(len(result.warnings))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, env=environment)
    lines = [line for line in run.stderr.splitlines() if "ResultWarning" in line]
    assert len(lines) == len(set(lines)) > 1
    assert int(run.stdout) >= len(lines)


def test_filters_that_ask_for_more_are_obeyed():
    def count(action):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter(action)
            for _ in range(2):
                jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1"], **OPTIONS)
        return sum(one.category is ResultWarning for one in told)

    once = count("default")
    assert once > 0
    assert count("always") == 2 * once
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResultWarning)
        with pytest.raises(ResultWarning):
            jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "TAC1"], **OPTIONS)


def test_on_the_command_line_warnings_follow_the_result(tmp_path, monkeypatch):
    for name in ("write_figures", "write_report"):
        monkeypatch.setattr(f"jugex.report.files.{name}", lambda *_, **__: None)
    words = ["compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--genes", "MAOA,XYZ,TAC1"]
    printed = []
    monkeypatch.setattr("sys.stdout", Recorder(printed, "out"))
    monkeypatch.setattr("sys.stderr", Recorder(printed, "err"))
    options = ["--permutations", "99", "--overlap", "keep", "--no-ladder", "-o", str(tmp_path / "out")]
    assert cli.main([*words, *options]) == 0
    first_warning = next(number for number, (_, text) in enumerate(printed) if "warning" in text)
    assert all(stream == "err" for stream, _ in printed[first_warning:])
    told = [text.strip() for _, text in printed[first_warning:] if "warning" in text]
    assert len(told) == len(set(told)) >= 3
    assert not any("see result.warnings" in text for text in told)  # what Python's short warning leads to stands here


class Recorder:
    """A stream that shares its record with another."""

    encoding = "utf-8"

    def __init__(self, record, name):
        self.record, self.name = record, name

    def write(self, text):
        if text.strip():
            self.record.append((self.name, text))

    def flush(self):
        pass

    def isatty(self):
        return False
