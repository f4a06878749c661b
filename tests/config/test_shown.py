"""What programs need beside the folder they lie in, and who may say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.config.shown import shown_for


@pytest.fixture
def python(tmp_path) -> Path:
    """An interpreter, installed in a folder of its own."""
    for name in ("python/bin/python3", "python/lib/python3.11/os.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    return tmp_path / "python"


@pytest.fixture
def virtualenv(tmp_path, python) -> Path:
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "env/bin/python").symlink_to(python / "bin/python3")
    return tmp_path / "env"


def test_an_interpreter_brings_its_standard_library_with_or_without_a_virtualenv(python, virtualenv):
    assert python in shown_for(python / "bin", [])
    assert {virtualenv, python} <= set(shown_for(virtualenv / "bin", []))


def test_a_virtualenv_that_models_can_write_shows_its_interpreter_and_itself(python, virtualenv, tmp_path):
    assert set(shown_for(virtualenv / "bin", [tmp_path])) == {virtualenv / "bin", virtualenv, python}


def test_a_python_that_leads_to_no_interpreter_shows_nothing(virtualenv, tmp_path):
    (tmp_path / "private/bin").mkdir(parents=True)
    (tmp_path / "private/bin/key").touch()
    (virtualenv / "bin/python").unlink()
    (virtualenv / "bin/python").symlink_to(tmp_path / "private/bin/key")
    assert tmp_path / "private" not in set(shown_for(virtualenv / "bin", []))


def test_a_library_that_setuptools_put_in_place_is_shown_unless_models_can_write_the_record(virtualenv, tmp_path):
    (tmp_path / "library").mkdir()
    link = virtualenv / "lib/python3.11/site-packages/library.egg-link"
    link.parent.mkdir(parents=True)
    link.write_text(f"{tmp_path}/library\n.")
    assert tmp_path / "library" in shown_for(virtualenv / "bin", [])
    assert tmp_path / "library" not in set(shown_for(virtualenv / "bin", [virtualenv]))


def test_where_models_can_write_no_link_is_followed(tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree/src").symlink_to(tmp_path / "private")
    assert list(shown_for(tmp_path / "worktree/src", [tmp_path / "worktree"])) == []
    assert tmp_path / "private" in shown_for(tmp_path / "worktree/src", [])
