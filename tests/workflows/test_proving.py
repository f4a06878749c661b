"""What the prover keeps of a check, and what it keeps to itself."""

import asyncio
import os
from dataclasses import replace

import pytest

from agentflow.checks.sandbox import CheckSandbox, bubblewrap_works
from agentflow.config.settings import load_settings
from agentflow.git.repository import open_repository
from agentflow.git.watching import Watch
from agentflow.workflows.proving import Prover

LABEL = ("-", 0)


@pytest.fixture
def proving(world, ledger, monkeypatch):
    """Makes a prover of a repository with these settings; `head()` is its newest commit."""
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", world.env["AGENTFLOW_CACHE_DIR"])
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = world.repository({"README": "Hello\n"})

    class Proving:
        head = world.git(root, "rev-parse", "HEAD")

        def prover(self, *, sandboxed: bool = False, **settings: object) -> Prover:
            repository = asyncio.run(open_repository(root))
            chosen = replace(load_settings(None, {}, {}), **settings)
            logs = world.folder / "state" / "runs" / "run" / "logs"
            logs.mkdir(parents=True, exist_ok=True)
            around = CheckSandbox(root, repository.common_dir, root / "README", root / "README") if sandboxed else None
            watch = Watch(repository, print, sandboxed=sandboxed)
            return Prover("run", self.head, repository, chosen, ledger, logs, watch, sandbox=around)

        def commit(self, name: str, text: str) -> str:
            (root / name).write_text(text)
            world.git(root, "add", "-A")
            world.git(root, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "More")
            return world.git(root, "rev-parse", "HEAD")

        def prove(self, prover: Prover, command: str, commit: str = head):
            return asyncio.run(prover.prove(commit, [command], LABEL)).results[0]

    return Proving()


def test_a_value_let_through_reaches_the_check_and_nothing_that_is_kept(proving, world, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hunter22@db")
    prover = proving.prover(check_env=("DATABASE_URL",))
    result = proving.prove(prover, 'test "$DATABASE_URL" = postgres://me:hunter22@db && echo "at $DATABASE_URL"; false')
    assert result.output_tail == "at [redacted: DATABASE_URL]"
    (worktree,) = (world.folder / "cache" / "worktrees" / "run").iterdir()
    assert "DATABASE_URL" not in prover.session_environment(worktree)
    kept = [path for path in (world.folder / "state").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"at postgres://me:hunter22@db" in path.read_bytes()]


@pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here")
@pytest.mark.parametrize(
    ("command", "what"),
    [
        (
            "getent hosts example.org || { echo 'Could not resolve host: example.org'; exit 1; }",
            "allow it with --network full",
        ),
        ("cat {home}/.aws/config", "the sandbox hides {home}/.aws/config"),
        ("touch /usr/made", "the sandbox lets nothing be written to /usr/made"),
    ],
    ids=["network", "home", "system"],
)
def test_what_a_check_needs_and_does_not_get_is_named(proving, world, monkeypatch, command, what):
    home = world.folder / "home"
    monkeypatch.setenv("HOME", str(home))
    (home / ".aws").mkdir()
    (home / ".aws/config").touch()
    prover = proving.prover(sandboxed=True)
    result = proving.prove(prover, command.replace("{home}", str(home)))
    assert not result.passed
    told = [*result.signs, *([result.obstacle.what] if result.obstacle else [])]
    assert what.format(home=home) in "; ".join(told)


def test_a_commit_whose_manifests_cannot_be_set_up_fails_its_checks(proving):
    prover = proving.prover(setup="! grep -s no-such-thing requirements.txt")
    assert proving.prove(prover, "true").passed
    broken = proving.commit("requirements.txt", "no-such-thing\n")
    result = proving.prove(prover, "true", broken)
    assert not result.passed
    assert "the setup command" in result.output_tail
    assert "no-such-thing" in result.output_tail


def test_a_version_that_a_build_wrote_is_lent_where_no_set_up_writes_it(proving, world):
    with_module = proving.commit("thing.py", "")
    (world.folder / "repo" / ".gitignore").write_text("version.py\n")
    (world.folder / "repo" / "version.py").write_text("version = 1")
    assert proving.prove(proving.prover(), "test -f version.py", with_module).passed
    assert not proving.prove(proving.prover(setup="true"), "test -f version.py", with_module).passed


def test_a_check_may_take_a_multiple_of_what_it_took_on_the_base(proving, monkeypatch):
    monkeypatch.setattr("agentflow.workflows.proving.LEAST_S", 1.0)
    passes, fails = "! test -f slow || sleep 55", "! test -f slow || sleep 3; false"
    prover = proving.prover(check_timeout_s=60)
    before = [proving.prove(prover, command) for command in (passes, fails)]
    slow = proving.commit("slow", "")
    after = [proving.prove(prover, command, slow) for command in (passes, fails)]
    assert [result.exit_code for result in before] == [0, 1]
    assert [result.exit_code for result in after] == [None, 1]
    assert "agentflow stopped this check after " in after[0].output_tail


def test_with_another_set_up_a_check_is_run_again(proving):
    assert not proving.prove(proving.prover(), "test -f made").passed
    assert proving.prove(proving.prover(setup="touch made"), "test -f made").passed


@pytest.mark.parametrize(
    ("command", "passed", "rewrote", "settles"),
    [
        ("sed -i s/Hello/Hallo/ README", True, ("README",), True),
        ("sed -i s/Hello/Hallo/ README; git diff --exit-code", False, ("README",), False),
        ("grep -q Hallo README || { echo Hallo > README; exit 1; }", False, ("README",), True),
        ("echo x >> README", True, ("README",), False),
        ("rm README", True, ("README",), False),
        ("chmod +x README", True, ("README",), True),
        ("git add README; echo more >> README; git add README", True, ("README",), False),
        ("echo new > result.txt", True, (), False),
        ("grep -q Hello README", True, (), False),
    ],
)
def test_each_run_judges_the_exact_commit_and_what_it_changed_there_is_named(
    proving, command, passed, rewrote, settles
):
    result = proving.prove(proving.prover(), command)
    found = result.rewriting
    assert (result.passed, result.flaky) == (passed, ())
    assert (found.files if found else (), bool(found and found.settles)) == (rewrote, settles)
    assert not found or "README" in found.diff


def test_the_next_check_finds_nothing_of_what_the_last_one_changed(proving):
    prover = proving.prover()
    proving.prove(prover, "echo changed > README")
    assert proving.prove(prover, "grep -q Hello README").passed


def test_what_a_check_always_rewrites_is_not_run_again(proving, tmp_path):
    command = f"echo x >> {tmp_path}/runs; date +%N > README"
    known = {command: ("README",)}
    result = asyncio.run(proving.prover().prove(proving.head, [command], LABEL, known)).results[0]
    assert (result.rewriting.files, (tmp_path / "runs").read_text()) == (("README",), "x\n")


@pytest.mark.parametrize(
    ("said", "code"),
    [("address already in use", 1), ("database is locked", 1), ("No space left on device", 1), ("PORT", 126)],
)
def test_what_fails_beside_another_check_is_repeated_alone(proving, tmp_path, said, code):
    """Each check holds what both want for a while, as tests do with a port or a database."""
    held, prover, commit = tmp_path / "held", proving.prover(), proving.commit("more", "more")
    check = f"mkdir {held} 2>/dev/null || {{ echo '{said}'; exit {code}; }}; sleep 0.7; rmdir {held}"

    async def both():
        tasks = (prover.prove(each, [check], LABEL) for each in (proving.head, commit))
        return [evidence.results[0] for evidence in await asyncio.gather(*tasks)]

    results = asyncio.run(both())
    assert [result.passed for result in results] == [True, True]
    assert [bool(result.flaky) for result in results].count(True) == 1


def test_a_check_that_ran_out_of_time_beside_another_one_has_a_second_chance_alone(proving, tmp_path):
    prover, commit = proving.prover(check_timeout_s=1.5), proving.commit("more", "more")
    check = f"mkdir {tmp_path}/held 2>/dev/null || sleep 60; sleep 0.7; rmdir {tmp_path}/held"

    async def both():
        tasks = (prover.prove(each, [check], LABEL) for each in (proving.head, commit))
        return [evidence.results[0] for evidence in await asyncio.gather(*tasks)]

    results = asyncio.run(both())
    assert [result.passed for result in results] == [True, True]
    assert ["time-out" in result.signs for result in results].count(True) == 1


def test_what_fails_alone_too_has_failed(proving):
    result = proving.prove(proving.prover(), "echo address already in use; exit 1")
    assert (result.passed, result.flaky, result.signs) == (False, (), ("address in use",))
