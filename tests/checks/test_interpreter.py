"""What the shim does to an interpreter, and what it leaves alone."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentflow.checks.interpreter import SHIM, loaded_elsewhere, with_shim


@pytest.fixture
def place(tmp_path):
    """A checkout and a worktree with the same packages, and `run(code)`, which imports from the checkout's folders."""
    checkout, worktree, report = tmp_path / "checkout", tmp_path / "worktree", tmp_path / "report"
    for root in (checkout, worktree):
        (root / "deep/lib").mkdir(parents=True)
        (root / "deep/lib/thing.py").write_text(f"value = {root.name!r}")
    report.mkdir()

    def run(code: str, *path: Path, roots=(checkout,), python=sys.executable, **env: str) -> str:
        given = {"PYTHONPATH": os.pathsep.join(map(str, path or [checkout / "deep/lib"])), **env}
        asked = {**with_shim(given, worktree, roots), "AGENTFLOW_CHECK_REPORT": str(report)}
        done = subprocess.run([python, "-c", code], env=asked, cwd="/", capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout.strip()

    return SimpleNamespace(checkout=checkout, worktree=worktree, report=report, run=run)


SAY = "import thing; print(thing.value)"


def test_a_folder_of_the_checkout_is_imported_from_the_worktree(place):
    assert place.run(SAY) == "worktree"
    assert loaded_elsewhere(place.report) == ()


def test_symlinks_on_both_sides_are_seen_through(place, tmp_path):
    (tmp_path / "link").symlink_to(place.checkout)
    assert place.run(SAY, tmp_path / "link/deep/lib") == "worktree"
    assert place.run(SAY, roots=[tmp_path / "link"]) == "worktree"
    (tmp_path / "elsewhere").symlink_to(place.checkout / "deep/lib")
    assert place.run(SAY, tmp_path / "elsewhere") == "worktree"


@pytest.mark.parametrize("mark", ["pyvenv.cfg", ".git/HEAD", "site-packages/x"])
def test_environments_and_other_repositories_inside_the_checkout_stay_what_they_are(place, mark):
    inside = place.checkout / "inside"
    (inside / mark).parent.mkdir(parents=True)
    (inside / mark).write_text("")
    home = inside / "site-packages" if mark.startswith("site") else inside / "lib"
    home.mkdir(exist_ok=True)
    (home / "thing.py").write_text("value = 'installed'")
    (place.worktree / home.relative_to(place.checkout)).mkdir(parents=True)
    assert place.run(SAY, home) == "installed"
    assert loaded_elsewhere(place.report) == ()


def test_a_worktree_inside_the_checkout_is_no_part_of_it(place):
    inner = place.checkout / ".worktrees/one"
    (inner / "lib").mkdir(parents=True)
    (inner / "lib/thing.py").write_text("value = 'inner'")
    asked = {
        **with_shim({"PYTHONPATH": str(inner / "lib")}, inner, [place.checkout]),
        "AGENTFLOW_CHECK_REPORT": str(place.report),
    }
    done = subprocess.run([sys.executable, "-c", SAY], env=asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "inner"
    assert loaded_elsewhere(place.report) == ()


def test_what_is_loaded_from_the_checkout_all_the_same_is_listed(place):
    code = f"import sys; sys.path.insert(0, {str(place.checkout / 'deep/lib')!r}); {SAY}"
    assert place.run(code) == "checkout"
    assert loaded_elsewhere(place.report) == ("loaded 1 module from the user's checkout: thing",)


def test_so_it_is_for_a_link_of_the_worktree_to_the_checkout(place):
    (place.worktree / "deep/lib/thing.py").unlink()
    (place.worktree / "deep/lib/thing.py").symlink_to(place.checkout / "deep/lib/thing.py")
    assert place.run(SAY) == "checkout"
    assert loaded_elsewhere(place.report) == ("loaded 1 module from the user's checkout: thing",)


@pytest.mark.parametrize("ending", ["import os; os._exit(0)", "pass"])
@pytest.mark.parametrize("options", ["", " -p xdist -n 1"])
def test_pytest_lists_them_before_anything_ends_the_interpreter(repo, tmp_path, ending, options):
    user = tmp_path / "user"
    user.mkdir()
    (user / "thing.py").write_text("")
    repo.write({
        "conftest.py": f"def pytest_unconfigure(config):\n    {ending}",
        "test_a.py": f"import sys\nsys.path.insert(0, {str(user)!r})\ndef test_a(): import thing",
    })  # fmt: skip
    result = repo.check(f"python -m pytest -q{options}", AGENTFLOW_CHECK_ROOTS=str(user))
    assert result.tests.passed == ("test_a.py::test_a",)
    assert result.doubts == ("loaded 1 module from the user's checkout: thing",)


def test_the_next_sitecustomize_still_runs(place, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.hello = 'hello'")
    assert place.run("print(hello)", tmp_path) == "hello"


def test_its_errors_are_told_as_ever(place, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('theirs')")
    env = with_shim({"PYTHONPATH": str(tmp_path)}, place.worktree, [place.checkout])
    done = subprocess.run([sys.executable, "-c", "print(1)"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "ValueError: theirs" in done.stderr


def test_without_its_variables_nothing_is_done(place):
    code = "import sys, thing; print([name for name in sys.modules if name.startswith('agentflow')], thing.value)"
    env = {"PYTHONPATH": f"{SHIM}:{place.checkout}/deep/lib"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "['agentflow_start'] checkout\n"


def test_a_module_of_the_repository_with_the_shims_name_is_not_taken_for_it(repo):
    repo.write(
        {
            "agentflow_pytest.py": "raise SystemExit(0)",
            "agentflow_seal.py": "raise SystemExit(0)",
            "test_a.py": "def test_a(): assert 0",
        }
    )
    assert repo.check(retry=False).tests.failed == ("test_a.py::test_a",)


def test_lists_that_are_no_plain_files_are_doubted_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "loaded-1")
    (tmp_path / "loaded-2").symlink_to("/etc/passwd")
    assert loaded_elsewhere(tmp_path)[0].startswith("loaded ")


OTHERS = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))


@pytest.mark.long
@pytest.mark.parametrize("python", OTHERS, ids=lambda path: path.parts[-3])
def test_every_python_from_3_8_maps_and_older_ones_are_left_alone(place, python):
    version = tuple(map(int, python.parts[-3].split(".")[:2]))
    assert place.run(SAY.replace("print(thing.value)", "print(str(thing.value))"), python=str(python)) == (
        "worktree" if version >= (3, 8) else "checkout"
    )
