"""`agentflow demo` as somebody meets it who has neither a key nor a git identity. One demo, looked at from all sides."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentflow.domain.events import EventKind
from agentflow.replay.demo.repository import make_repository
from agentflow.report.documents import schema
from agentflow.store.ledger import open_ledger

pytestmark = pytest.mark.cli

NEEDED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
#: What a run may leave in a git directory. The index holds times and inodes: it is compared by what git reads in it.
OURS = re.compile(r"^\.git/(objects/|(logs/)?refs/(heads/)?agentflow/|agentflow\.lock$|index$)")


@dataclass(frozen=True)
class Demo:
    folder: Path
    home: Path
    code: int
    out: str
    err: str

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def environment(home: Path) -> dict[str, str]:
    """A machine without a key, a login, a git identity or anything in the user's home."""
    kept = {name: os.environ[name] for name in NEEDED if name in os.environ}
    return {**kept, "HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def agentflow(folder: Path, home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agentflow", *args]
    return subprocess.run(command, cwd=folder, env=environment(home), capture_output=True, text=True, check=False)


def git(folder: Path, *args: str) -> str:
    command = ["git", *args]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Demo:
    place = tmp_path_factory.mktemp("demo")
    (place / "home").mkdir()
    done = agentflow(place, place / "home", "demo", "--json", "--folder", "here")
    return Demo(place / "here", place / "home", done.returncode, done.stdout, done.stderr)


def test_it_succeeds_with_one_valid_document_on_stdout(demo):
    assert demo.code == 0, demo.err
    Draft202012Validator(schema("run-1")).validate(demo.document)
    assert demo.document["status"] == "succeeded"
    assert [subtask["status"] for subtask in demo.document["subtasks"]] == ["merged"] * 4


def test_it_says_what_is_replayed_and_what_is_real(demo):
    assert "The model's words are replayed from a scenario file; everything else is real" in demo.err
    assert "nothing is charged" in demo.err


def test_haiku_gets_one_subtask_wrong_and_sonnet_gets_it_right(demo):
    climbs = {subtask["id"]: [a["tier"] for a in subtask["attempts"]] for subtask in demo.document["subtasks"]}
    assert climbs["format-money"] == ["haiku", "sonnet"]
    assert "Format money for guests: merged, proven, haiku ✗ → sonnet ✓" in demo.err


def test_two_subtasks_are_worked_on_at_once_and_the_dependant_comes_last(demo):
    with open_ledger(demo.folder / "state" / "ledger.db") as ledger:
        events = ledger.events(demo.document["run_id"])
    starts = {event.subtask: event.at for event in reversed(events) if event.kind is EventKind.ATTEMPT_STARTED}
    ends = {event.subtask: event.at for event in events if event.kind is EventKind.ATTEMPT_FINISHED}
    assert max(starts["happy-hour"], starts["parse-order"]) < min(ends["happy-hour"], ends["parse-order"])
    assert starts["print-receipt"] > max(ends[name] for name in ("format-money", "happy-hour", "parse-order"))


def test_the_tests_of_the_branch_pass_by_hand_and_those_of_main_still_fail(demo, tmp_path):
    git(demo.repository, "worktree", "add", "-q", "--detach", str(tmp_path / "by-hand"), demo.document["branch"])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = environment(demo.home) | {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    codes = [
        subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False).returncode
        for folder in (tmp_path / "by-hand", demo.repository)
    ]
    git(demo.repository, "worktree", "remove", str(tmp_path / "by-hand"))
    assert codes == [0, 1]


def test_every_subtask_is_one_commit_that_says_where_it_comes_from(demo):
    form = "--format=%(trailers:key=Agentflow-Subtask,valueonly,separator=)|%an"
    told = git(demo.repository, "log", form, f"main..{demo.document['branch']}").splitlines()
    assert sorted(told) == [f"{s['id']}|agentflow" for s in sorted(demo.document["subtasks"], key=lambda s: s["id"])]


def test_the_cost_tables_add_up_to_the_bill(demo):
    cents = re.compile(r"^(\w+) +\d.*\$(\d+\.\d{4})$", re.MULTILINE)
    by_tier, by_kind = re.split(r"^kind .*$", demo.err.partition("\ntier ")[2], flags=re.MULTILINE)
    for table in (by_tier, by_kind):
        rows = {name: round(float(usd) * 10_000) for name, usd in cents.findall(table)}
        total = rows.pop("total")
        assert len(rows) == 3
        assert sum(rows.values()) == total == round(demo.document["cost_usd"] * 10_000)
    for usage in demo.document["usage"].values():
        assert sum(part["cost_usd"] or 0 for part in usage.values()) == pytest.approx(demo.document["cost_usd"])


def test_the_users_checkout_and_home_are_as_they_were(demo, tmp_path):
    make_repository(tmp_path / "fresh")

    def told(root: Path) -> tuple[dict[str, bytes], str, str]:
        files = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        kept = {name: path.read_bytes() for name, path in files.items() if not OURS.match(name)}
        return kept, git(root, "ls-files", "--stage"), git(root, "status", "--porcelain", "--branch")

    assert told(demo.repository) == told(tmp_path / "fresh")
    assert list(demo.home.iterdir()) == []


def test_the_commands_it_ends_with_work(demo):
    told = demo.err.partition("Look around")[2]
    command = next(line.strip() for line in told.splitlines() if line.endswith("agentflow runs show"))
    state, *rest = command.split()
    env = environment(demo.home) | dict([state.split("=", 1)])
    shown = subprocess.run(
        [sys.executable, "-m", *rest], cwd=demo.repository, env=env, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0
    assert shown.stdout.startswith("✓ succeeded: Finish the till")


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine\n")
    done = agentflow(tmp_path.parent, tmp_path, "demo", "--folder", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: name a new folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
