"""The run's branch in the hands of others, and sums that are less than their parts: on the real command.

A check of the run's plays the person, since it runs at a known moment; agents answer at once.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

INSTANT = Path(__file__).parents[2] / "benchmarks" / "instant.py"
AS_ADA = "git -c user.name=Ada -c user.email=ada@example.org"


class Plan:
    """Runs plans whose agents write `good` or what they are told, in one repository."""

    def __init__(self, world: Any) -> None:
        self.world, self.seen = world, world.folder / "acted"
        world.env["AGENTFLOW_SANDBOX"] = "off"  # the person's acts are outside
        self.root = world.repository({"README.md": "Errands.\n", "migrations/0003_start.txt": "good\n"})

    def subtask(self, name: str, file: str = "", check: str = "true", **more: Any) -> dict[str, Any]:
        file = file or f"{name}.txt"
        about = {"title": f"Write {name}", "instructions": f"Write {file}.", "kind": "implement"}
        graph = {"complexity": "simple", "agent": "execute", "depends_on": [], "acceptance": [], "files": [file]}
        script = self.world.folder / f"{name}.sh"
        script.write_text(f"{check}\nexit 0\n")
        return {"id": name, **about, **graph, "checks": [f"sh {script} && grep -q good {shlex.quote(file)}"], **more}

    def once(self, *acts: str) -> str:
        """A check that does this to the run's branch, the only one there is, when it first runs."""
        branch = f"B=$(git -C {self.root} for-each-ref --format='%(refname:short)' refs/heads/agentflow)"
        place = f"P={self.world.folder}/theirs; git -C {self.root} worktree add -q --force $P $B"
        return f"test -e {self.seen} || ( touch {self.seen}; {branch}; {place}; cd $P; {'; '.join(acts)} )"

    def run(self, *subtasks: dict[str, Any], args: tuple[str, ...] = (), **writes: str) -> Any:
        file = self.world.folder / "plan.yaml"
        file.write_text(json.dumps({"summary": "Write.", "assumptions": [], "subtasks": subtasks}))
        return self.command("run", "--plan", str(file), "--yes", "--max-parallel", "1", *args, **writes)

    def command(self, *args: str, **writes: str) -> Any:
        env = {**self.world.env, "AGENTFLOW_BENCH_WRITES": json.dumps(writes)}
        process = self.world.spawn([sys.executable, str(INSTANT), *args, "--json"], self.root, env)
        out, err = process.communicate(timeout=240)
        return SimpleNamespace(code=process.returncode, err=err, document=json.loads(out) if out else None)

    def files(self, where: str) -> list[str]:
        names = self.world.git(self.root, "ls-tree", "--name-only", where).split()
        return [name for name in names if name not in {"README.md", "migrations"}]

    def log(self, where: str) -> list[str]:
        return self.world.git(self.root, "log", "--reverse", "--format=%s", f"main..{where}").splitlines()


@pytest.fixture
def plan(world: Any) -> Plan:
    return Plan(world)


MINE = f"echo mine > mine.txt; git add mine.txt; {AS_ADA} commit -qm Mine"
LEAVE = "cd ..; git -C repo worktree remove --force theirs"


def test_what_a_person_commits_and_amends_on_the_branch_is_taken_in_and_nothing_is_lost(plan):
    acts = plan.once(
        f"{AS_ADA} commit -q --amend -m 'Write a, said otherwise' -m \"$(git log -1 --format=%b)\"", MINE, LEAVE
    )
    later = plan.subtask("c", depends_on=["b"])
    ended = plan.run(plan.subtask("a"), plan.subtask("b", check=acts, depends_on=["a"]), later)
    document = ended.document
    assert (ended.code, document["status"], document["kept_at"]) == (0, "succeeded", None), ended.err
    assert plan.files(document["branch"]) == ["a.txt", "b.txt", "c.txt", "mine.txt"]
    said = plan.log(document["branch"])
    assert sorted(said) == ["Mine", "Write a, said otherwise", "Write b", "Write c"]
    assert document["head"] == plan.world.git(plan.root, "rev-parse", document["branch"])
    commits = plan.world.git(plan.root, "rev-list", f"main..{document['branch']}").split()
    assert {subtask["commit"] for subtask in document["subtasks"]} < set(commits)
    assert "was moved by somebody else" in ended.err
    refs = plan.world.git(plan.root, "for-each-ref", "--format=%(refname)", "refs/agentflow")
    assert "_tip" not in refs


def test_a_branch_that_is_checked_out_is_left_alone_and_its_result_kept_and_applied(plan):
    plan.world.no_clone = "the result is kept elsewhere, as the run says"
    ended = plan.run(plan.subtask("a"), plan.subtask("b", check=plan.once(MINE), depends_on=["a"]))
    document, theirs = ended.document, plan.world.folder / "theirs"
    assert (ended.code, document["status"]) == (0, "succeeded"), ended.err
    assert document["kept_at"] == f"refs/agentflow/{document['run_id']}/_tip"
    assert plan.log(document["branch"]) == ["Write a", "Mine"]
    assert plan.world.git(theirs, "status", "--porcelain") == ""
    assert plan.log(document["kept_at"]) == ["Write a", "Mine", "Write b"]
    assert ended.err.count("is checked out in") == 1
    assert f"the result is kept as {document['kept_at']}" in ended.err
    applied = plan.world.agentflow(plan.root, "apply")
    assert (applied.code, plan.log("HEAD")) == (0, [])
    assert plan.files("main") == ["a.txt", "b.txt", "mine.txt"]


@pytest.mark.long
def test_a_branch_from_which_landed_work_was_reverted_stops_the_run_until_it_is_put_back(plan):
    acts = plan.once(f"{AS_ADA} revert --no-edit HEAD", LEAVE)
    stopped = plan.run(plan.subtask("a"), plan.subtask("b", check=acts, depends_on=["a"]))
    assert (stopped.code, stopped.document["status"]) == (4, "stopped")
    assert "there nothing is left of the work of a" in stopped.err
    branch = stopped.document["branch"]
    again = plan.command("resume", "--yes")
    assert (again.code, plan.log(branch)) == (4, ["Write a", 'Revert "Write a"'])
    plan.world.git(plan.root, "branch", "-f", branch, f"{branch}~1")
    ended = plan.command("resume", "--yes")
    assert (ended.code, plan.log(branch)) == (0, ["Write a", "Write b"]), ended.err
    assert ended.document["cost_usd"] == stopped.document["cost_usd"]


@pytest.mark.long
def test_what_git_merges_wrongly_or_a_resolver_leaves_out_is_not_merged(plan):
    """Migrations of one number, binary files, and a resolver that keeps the branch's side."""
    pairs = {
        "number": ("migrations/0004_{}.txt", "good"),
        "logo": ("logo.png", "good \0 {}"),
        "shared": ("shared.txt", "good of {}"),
    }
    waiting = [
        plan.subtask(f"{name}-{side}", file.format(side))
        for name, (file, _) in pairs.items()
        for side in ("one", "two")
    ]
    writes = {f"{name}-{side}": text.format(side) for name, (_, text) in pairs.items() for side in ("one", "two")}
    gate = plan.world.folder / "gate"
    holds = f"test ! -e a.txt || until test -e {gate}; do sleep 0.05; done"
    first = [plan.subtask("a"), plan.subtask("b", check=holds)]
    last = plan.subtask("z", check=f"touch {gate}")
    ended = plan.run(*first, *waiting, last, **writes, resolver="good of one")
    document = ended.document
    assert (ended.code, document["status"]) == (1, "failed"), ended.err
    subtasks = {subtask["id"]: subtask for subtask in document["subtasks"]}
    merged = {name for name, subtask in subtasks.items() if subtask["status"] == "merged"}
    assert merged == {"a", "b", "z", "number-one", "number-two", "logo-one", "shared-one"}
    clash, *_ = subtasks["number-two"]["attempts"]
    assert clash["reason"].startswith("migrations/0004_two.txt takes the number of migrations/0004_one.txt")
    assert subtasks["logo-two"]["reason"].startswith("merge conflict in what no text merge can join: logo.png")
    assert subtasks["shared-two"]["reason"] == "merge conflict, resolved by leaving all of the subtask's change out"
    assert document["usage"]["by_kind"]["resolve"]["calls"] == 2
