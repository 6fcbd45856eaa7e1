"""A saved result that was damaged or changed is refused by the name of the file, or is what it was."""

from __future__ import annotations

import json
import random
import shutil
import warnings

import numpy as np
import pytest

import jugex
from jugex.comparison import compare
from jugex.errors import DesignWarning, JugexError, ResultError
from jugex.report import files, folders
from tests.toy import ToyAtlas, wells

ONE = wells("one", 1000, 1001, 1002, 2000, 2001, probability=0.5)
TWO = wells("two", 1003, 1004, 2002, 2003, 2004)


@pytest.fixture(scope="module", params=[4, 201])
def saved(request, tmp_path_factory):
    """A result of few genes, and one of so many that their z-scores have a file of their own."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore", DesignWarning)  # many genes, few permutations
        patch.setattr(files, "render_page", lambda result, **options: "<html></html>")
        patch.setattr(files, "write_figures", lambda *_, **__: [])
        genes = [f"G{number}" for number in range(request.param)]
        levels = np.random.default_rng(0).normal(5, 1, size=(12, request.param))
        levels[[0, 1, 2, 6, 7], 0] += 9
        result = compare(ONE, TWO, atlas=ToyAtlas([6, 6], genes, levels), n_permutations=999, rng=0, ladder=False)
        return result.save(tmp_path_factory.mktemp("saved") / "out")


def load(folder):
    result = jugex.load_result(folder)
    tables = (result.table, result.samples, result.zscores, result.leave_one_donor_out)
    return [table.to_csv() for table in tables], result.record


def mutate(content, rng):
    """Another content of a file: a bit or a byte changed, cut short, doubled, emptied, or lines exchanged."""
    place = rng.randrange(len(content))
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    return rng.choice(
        [
            content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
            content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :],
            content[:place],
            content[:place] + content[place + 1 :],
            content + content,
            content.replace(b"0", b"1", 1),
            b"".join(lines),
            b"",
        ]
    )


def test_any_mutation_is_refused_or_changes_nothing(saved, tmp_path):
    rng, whole, refused = random.Random(0), load(saved), 0
    names = sorted(path.name for path in saved.iterdir() if path.is_file())
    for number in range(200):
        copy = shutil.copytree(saved, tmp_path / str(number))
        file = copy / names[number % len(names)]
        file.write_bytes(mutate(file.read_bytes(), rng))
        try:
            outcome = load(copy)
        except JugexError as error:
            refused += 1
            outcome = str(error)
        is_sentence = isinstance(outcome, str) and str(copy) in outcome and "\n" not in outcome
        assert is_sentence or outcome == whole, (file.name, outcome)
    assert refused > 80  # the files that are read are about half of all


@pytest.mark.parametrize("name", ["results.tsv", "samples.tsv", "left_out.tsv"])
def test_changed_table_is_named(saved, tmp_path, name):
    copy = shutil.copytree(saved, tmp_path / "copy")
    if not (copy / name).exists():
        pytest.skip("no gene is significant among so many")
    with (copy / name).open("a") as stream:
        stream.write("\n")
    with pytest.raises(ResultError, match=rf"{name} was changed since jugex wrote it, .*; run the comparison again"):
        jugex.load_result(copy)


def test_missing_table_is_named(saved, tmp_path):
    for name in json.loads((saved / "settings.json").read_text())["files"]:
        copy = shutil.copytree(saved, tmp_path / name)
        (copy / name).unlink()
        if name == "drawings.npz":  # it is drawn from alone
            assert load(copy) == load(saved)
            continue
        with pytest.raises(ResultError, match=f"lacks its file {name}; run the comparison again"):
            jugex.load_result(copy)


def test_table_of_another_result_is_refused(saved, tmp_path):
    copy = shutil.copytree(saved, tmp_path / "copy")
    settings = json.loads((copy / "settings.json").read_text())
    del settings["sha256"]
    (copy / "left_out.tsv").write_text("of another result")
    settings["files"].pop("left_out.tsv", None)
    settings["sha256"] = folders._hash_content(settings)
    (copy / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ResultError, match=r"left_out\.tsv is no part of the result that lies beside it; move it"):
        jugex.load_result(copy)


@pytest.mark.parametrize("name", ["pairs.tsv", "notes.tsv"])
def test_a_file_of_the_users_own_changes_nothing(saved, tmp_path, name):
    copy = shutil.copytree(saved, tmp_path / "copy")
    (copy / name).write_text("mine")
    assert jugex.load_result(copy).table.equals(jugex.load_result(saved).table)


def test_changed_settings_are_refused(saved, tmp_path):
    copy = shutil.copytree(saved, tmp_path / "copy")
    settings = json.loads((copy / "settings.json").read_text())
    changed = settings | {"arguments": settings["arguments"] | {"alpha": 0.1}}
    (copy / "settings.json").write_text(json.dumps(changed))
    with pytest.raises(ResultError, match=r"settings\.json was changed since jugex wrote it"):
        jugex.load_result(copy)
    (copy / "settings.json").write_text(json.dumps({**settings, "sha256": None}))
    with pytest.raises(ResultError, match=r"settings\.json holds no checksums: it was written by a draft"):
        jugex.load_result(copy)
    (copy / "settings.json").write_text(json.dumps(settings, indent=None))  # white space says nothing
    assert load(copy) == load(saved)


def test_files_of_the_user_and_a_new_report_do_not_matter(saved, tmp_path):
    copy = shutil.copytree(saved, tmp_path / "copy")
    (copy / "notes.tsv").write_text("mine")
    (copy / "report.html").write_text("a new one")
    assert load(copy) == load(saved)
