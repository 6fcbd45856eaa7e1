"""``jugex build`` and ``jugex check`` on the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from jugex import cli
from jugex.cli import run_check
from tests.atlas.conftest import add_calls, make_archive

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def archives(tmp_path):
    for donor_id in (9861, 10021):
        add_calls(make_archive(donor_id)).zip(tmp_path / "archives")
    return tmp_path / "archives"


class TestBuild:
    def test_says_what_was_built_and_what_was_not(self, archives, tmp_path, capsys):
        arguments = ["build", str(archives), "--to", str(tmp_path / "data"), "--donors", "9861", "--quiet"]
        assert cli.main(arguments) == 0
        expected = f"1 donor, 4 samples, 3 probes, 0 MB in {tmp_path / 'data' / 'store'}\n"
        assert capsys.readouterr().out == f"Store: built; {expected}"
        assert cli.main(arguments) == 0
        assert (
            capsys.readouterr().out == f"Store: nothing to do: the store of these archives is there already; {expected}"
        )

    def test_fuller_store_is_replaced_only_where_that_is_asked_for(self, archives, tmp_path, capsys):
        assert cli.main(["build", str(archives), "--to", str(tmp_path)]) == 0
        poorer = ["build", str(archives), "--to", str(tmp_path), "--donors", "9861"]
        assert cli.main(poorer) == 1
        shown = capsys.readouterr()
        assert "would lose donor H0351.2002 (10021); give another folder (--to DIR), or" in shown.err
        assert cli.main([*poorer, "--overwrite"]) == 0
        assert "Store: built, in place of the older one; 1 donor, " in capsys.readouterr().out

    def test_what_is_built_is_used_by_default(self, archives, capsys):
        assert cli.main(["build", str(archives)]) == 0
        assert cli.main(["check"]) == 0
        printed = capsys.readouterr().out
        assert "Atlas: Allen Human Brain Atlas (store)" in printed

    def test_no_archives(self, tmp_path, capsys):
        assert cli.main(["build", str(tmp_path)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("jugex: error: no donor archive in ")
        assert error.count("\n") == 1

    def test_archives_that_are_not_there(self, tmp_path, capsys):
        assert cli.main(["build", str(tmp_path / "gone")]) == 1
        error = capsys.readouterr().err
        assert "gone does not exist; give the folder of the Allen Institute's donor archives" in error
        assert "jugex build" not in error  # which is what was typed
        assert "which jugex fetch downloads" in error

    def test_needs_archives(self, capsys):
        with pytest.raises(SystemExit, match="2"):
            cli.main(["build"])
        assert "ARCHIVES" in capsys.readouterr().err


class TestCheck:
    def test_without_an_atlas_says_where_it_looked(self, capsys):
        assert cli.main(["check"]) == 0
        printed = capsys.readouterr().out
        assert "Looked for an atlas in: the user's data folder " in printed
        assert "Atlas: there is no atlas in" in printed
        assert "jugex fetch" in printed

    def test_folder_of_the_environment(self, archives, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("JUGEX_DATA", str(archives))
        assert cli.main(["check"]) == 0
        printed = capsys.readouterr().out
        assert f"Looked for an atlas in: {archives}, which JUGEX_DATA names" in printed
        assert "(donor archives; jugex build makes a store of them, which opens at once)" in printed
        assert "donor H0351.2001 (9861): 4 samples" in printed
        assert "8 samples of 2 donors; 3 probes of 3 genes; present/absent calls: yes" in printed
        assert "erif" not in printed.splitlines()[-1]  # donor archives cannot be verified

    def test_verifies_a_store(self, archives, tmp_path, capsys):
        cli.main(["build", str(archives), "--to", str(tmp_path)])
        assert cli.main(["check", "--atlas", str(tmp_path)]) == 0
        assert "Verified: not now; jugex check --verify reads all files of the store" in capsys.readouterr().out
        assert cli.main(["check", "--atlas", str(tmp_path), "--verify", "--quiet"]) == 0
        printed = capsys.readouterr().out
        assert "Verified: yes, all 10 files are as they were built" in printed
        file = tmp_path / "store" / "moments.npy"
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        assert cli.main(["check", "--atlas", str(tmp_path), "--verify"]) == 1
        assert "moments.npy is damaged" in capsys.readouterr().err

    def test_verify_without_a_store(self, archives, capsys):
        assert cli.main(["check", "--atlas", str(archives), "--verify"]) == 1
        assert "--verify needs a store, and Allen Human" in capsys.readouterr().err
        assert cli.main(["check", "--verify"]) == 1
        assert "there is no atlas in" in capsys.readouterr().err

    def test_atlas_that_is_not_there(self, tmp_path, capsys):
        assert cli.main(["check", "--atlas", str(tmp_path / "gone")]) == 1
        assert "there is no folder " in capsys.readouterr().err

    def test_atlas_that_is_nearly_one(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        for given, meant in (("simulatd", "simulated"), ("Simulated", "simulated"), ("allen_api", "allen-api")):
            assert cli.main(["check", "--atlas", given]) == 1
            expected = f"jugex: error: there is no atlas {given!r}; did you mean {meant!r}?\n"
            assert capsys.readouterr().err == expected
        (tmp_path / "ahba").mkdir()
        assert cli.main(["check", "--atlas", "abha"]) == 1
        assert "there is no atlas 'abha'; did you mean 'ahba'?" in capsys.readouterr().err

    def test_simulated(self, capsys):
        assert cli.main(["check", "--atlas", "simulated"]) == 0
        printed = capsys.readouterr().out
        assert "Atlas: Simulated atlas (not real data) (built in)" in printed
        assert "--verify" not in printed

    def test_web_service_is_not_asked(self, capsys):
        assert cli.main(["check", "--atlas", "allen-api"]) == 0
        assert "asked when genes are used (not now)" in capsys.readouterr().out

    def test_says_what_an_extra_would_add(self, monkeypatch, capsys):
        monkeypatch.setattr(run_check, "find_spec", lambda module: None)
        monkeypatch.setattr(run_check, "_PACKAGES", ("numpy", "no-such-package"))
        assert cli.main(["check"]) == 0
        printed = capsys.readouterr().out
        assert "no-such-package missing" in printed
        assert (
            'Extra anndata: missing; run pip install ".[anndata]" in a copy of jugex\'s repository '
            "(pair.to_anndata(), and AnnData as an atlas)" in printed
        )

    def test_knows_the_extras_for_users(self):
        extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        for_developers = {"test", "lint", "browser", "dev", "docs"}
        assert set(run_check.EXTRAS) == {extra for extra in extras if extra not in for_developers}
        for extra, (module, _) in run_check.EXTRAS.items():
            assert any(requirement.startswith(module) for requirement in extras[extra])
