"""Code under test that would rather be called right than be right, and what it plants where its report is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentflow.checks.environment import check_environment
from agentflow.checks.red_green import gains, independent, own_tests, weigh
from agentflow.checks.run import run_check
from agentflow.checks.sandbox import CheckSandbox, bubblewrap_works
from agentflow.domain.evidence import Change, Check, CheckResult, Evidence, Proof
from agentflow.domain.plans import Kind

pytestmark = pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here")

RIGHT = "def test_a():\n    import mycode\n    assert mycode.total() == 42\n"
WRONG = "def total(): return 41\n"
A = "test_a.py::test_a"
SAYS_SO = "print('. [100%]\\n1 passed in 0.01s', flush=True)"
#: Files beside a test that fails, by what they do so that it passes.
FORGERIES = {
    "end the interpreter": {"mycode.py": f"import os\ndef total():\n    {SAYS_SO}\n    os._exit(0)\n"},
    "end it when it ends": {"conftest.py": "import atexit, os\natexit.register(os._exit, 0)\n"},
    "become another program": {"mycode.py": "import os\ndef total(): os.execv('/bin/true', ['true'])\n"},
    "leave a child behind": {"mycode.py": "import os\ndef total():\n    os.fork() and os._exit(0)\n    return 41\n"},
    "rewrite outcomes": {
        "conftest.py": "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logreport(report): report.outcome = 'passed'\n"
    },
    "hide the error": {
        "conftest.py": "import pytest\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_runtest_makereport(item, call):\n    call.excinfo = None\n    return (yield)\n"
    },
    "run something else": {"conftest.py": "def pytest_pyfunc_call(pyfuncitem): return True\n"},
    "catch what it raises": {
        "conftest.py": "import pytest\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    try:\n        return (yield)\n    except AssertionError:\n        return True\n"
    },
    "take tests out": {
        "conftest.py": "def pytest_collection_modifyitems(items): items[:] = []\ndef pytest_sessionfinish(session): session.exitstatus = 0\n"
    },
    "skip it": {"conftest.py": "import pytest\ndef pytest_runtest_setup(item): pytest.skip('no')\n"},
    "expect it to fail": {
        "conftest.py": "import pytest\ndef pytest_itemcollected(item): item.add_marker(pytest.mark.xfail)\n"
    },
    "set the exit status": {"conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 0\n"},
    "only collect": {"pytest.ini": "[pytest]\naddopts = --collect-only\n"},
    "only tell its version": {"pytest.ini": "[pytest]\naddopts = --version\n"},
    "be pytest": {"pytest.py": SAYS_SO},
    "be pytest's package": {"pytest/__init__.py": "", "pytest/__main__.py": SAYS_SO},
    "be pytest's inside": {"_pytest/__init__.py": f"import os\n{SAYS_SO}\nos._exit(0)\n"},
    "be there first": {"sitecustomize.py": f"import os, sys\nif 'pytest' in ' '.join(sys.orig_argv): {SAYS_SO}; os._exit(0)\n"},
    "be agentflow's plugin": {"agentflow_pytest.py": "", "agentflow_seal.py": "def claim(folder): return None\n"},
    "write a report": {
        "mycode.py": "import os\ndef total():\n    for name in ('report-1', 'report-2', 'junit.xml', 'report.json'):\n        open(os.environ['AGENTFLOW_CHECK_REPORT'] + '/' + name, 'w').write('{}')\n    os._exit(0)\n"
    },
    "leave a key": {
        "mycode.py": "import os\ndef total():\n    open(os.environ['AGENTFLOW_CHECK_REPORT'] + '/key', 'w').write('2 ' + '0' * 64)\n    os._exit(0)\n"
    },
    "break the seal": {
        "mycode.py": "import hmac, json\nhmac.new = json.dumps = lambda *a, **k: ''\ndef total(): return 41\n"
    },
}  # fmt: skip
#: What code that looks for agentflow's seal in its own interpreter can do: sign what it likes.
TAKES_THE_SEAL = """
import os, sys
def total():
    seal = sys.modules["agentflow_seal"]._active[0]
    told = {"runner": "pytest", "last": True, "exit": 0, "outcomes": {"test_a.py::test_a": "passed"}, "failures": [], "doubts": []}
    seal.write(told)
    seal.finish()
    os._exit(0)
"""


class Bench:
    """A worktree whose check runs in a sandbox, a home beside it, and the folder that reports go to."""

    def __init__(self, folder: Path) -> None:
        self.home, self.worktree, self.logs = (folder / name for name in ("home", "worktree", "logs"))
        for place in (self.home, self.worktree, self.logs, folder / "repo/.git"):
            place.mkdir(parents=True)
        for name in ("plain", "repo/.git/config"):
            (folder / name).touch()
        (self.home / "secret").write_text("canary-secret-0123abcd")
        self._sandbox = CheckSandbox(folder / "repo", folder / "repo/.git", folder / "plain", folder / "plain")

    def check(self, command: str, **files: str) -> CheckResult:
        for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
            (self.worktree / name).parent.mkdir(exist_ok=True)
            (self.worktree / name).write_text(text)
        environment = {**check_environment(self.worktree, self.worktree), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

        def wrap(report: Path) -> list[str]:
            return self._sandbox.command(self.worktree, [report], environment, network=False)

        check = Check(command, timeout_s=60)
        return asyncio.run(run_check(check, self.worktree, environment, self.logs / "log", wrap, retry=False))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    monkeypatch.setenv("HOME", str(bench.home))
    return bench


def is_believed(bench: Bench, **files: str) -> bool:
    """Whether a promised test, which was not there before a change that writes these files, makes the change proven."""
    line = f"python -m pytest -q {A.partition(':')[0]}"
    before = Evidence("before", (CheckResult(line, 4, 1.0),))
    after = Evidence("after", (bench.check(line, **files, **{"test_a.py": RIGHT}),))
    gained = independent(gains(before, after), own_tests([Change(path, "A") for path in files]))
    return weigh(Kind.FIX, before, after, gained).proof is Proof.PROVEN


def test_a_test_that_passes_is_believed(bench):
    assert is_believed(bench, **{"mycode.py": "def total(): return 42\n"})


@pytest.mark.parametrize("what", FORGERIES)
def test_no_test_is_believed_to_pass_that_does_not(bench, what):
    assert not is_believed(bench, **{"mycode.py": WRONG, **FORGERIES[what]})


@pytest.mark.security("L17")
def test_only_code_that_looks_for_the_seal_can_forge_its_report(bench):
    assert is_believed(bench, **{"mycode.py": TAKES_THE_SEAL})


#: What a check plants in the folder of its report, which agentflow reads and deletes: each is a link to `SECRET`.
PLANTED = ("report-1", "key", "lingered", "loaded-1", "progress", "cache", "report-1.new", "junit.xml", "report.json")


def test_links_in_the_folder_of_a_report_are_neither_read_nor_written_nor_followed(bench):
    line = f"for f in $(find {bench.logs} -type d); do for n in {' '.join(PLANTED)}; do ln -sf {bench.home}/secret $f/$n; ln -sf {bench.home} $f/d; done; done; exit 1"
    result = bench.check(line)
    assert "canary" not in repr(result)
    assert [path.name for path in bench.home.iterdir()] == ["secret"]
    assert (bench.home / "secret").read_text() == "canary-secret-0123abcd"
    assert [path.name for path in bench.logs.iterdir()] == ["log"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("head -c 40000000 /dev/zero", id="output"),
        pytest.param("for n in $(seq 200); do setsid -f sleep 61.25; done", id="processes"),
        pytest.param("head -c 200000000 /dev/zero > $AGENTFLOW_CHECK_REPORT/report-1", id="a report"),
    ],
)
def test_a_flood_ends_with_the_check(bench, line):
    bench.check(line)
    assert (bench.logs / "log").stat().st_size < 12_000_000
    assert [path.name for path in bench.logs.iterdir()] == ["log"]
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in running if b"61.25" in line]
