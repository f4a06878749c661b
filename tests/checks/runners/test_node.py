import json
import shutil
import subprocess

import pytest

from agentflow.checks.runners.jest import RUNNER as JEST
from agentflow.checks.runners.node import strangers
from agentflow.checks.runners.node_test import RUNNER as NODE_TEST
from agentflow.checks.runners.vitest import RUNNER as VITEST

NODE_SUITE = {
    "package.json": json.dumps({"scripts": {"test": "npm run unit", "unit": "node --test"}}),
    "test/price.test.js": """
const { describe, it, test } = require('node:test'); const assert = require('node:assert')
describe('price', () => {
  it('adds', () => { console.log('noise'); assert.equal(1 + 1, 2) })
  it('fails', () => assert.equal(1, 2, 'one is not two'))
  it.skip('later', () => {})
  it.todo('some day')
})
test('outer', async t => { await t.test('inner', () => {}) })
""",
    "test/broken.test.js": "require('./not-there')",
}


@pytest.mark.parametrize("command", ["npm test", "node --test test/", "make test"])
def test_node_test_reports_per_test_from_wherever_it_is_started(repo, needs, command):
    needs("node", "npm", "make")
    repo.write({**NODE_SUITE, "Makefile": ".PHONY: test\ntest:\n\t@npm test\n"})
    result = repo.check(command.replace("test/", ""), retry=False)
    assert result.exit_code not in {0, None}
    assert set(result.tests.passed) == {"test/price.test.js::price > adds", "test/price.test.js::outer > inner", "test/price.test.js::outer"}  # fmt: skip
    assert set(result.tests.failed) == {"test/price.test.js::price > fails", "test/broken.test.js"}
    assert set(result.tests.skipped) == {"test/price.test.js::price > later", "test/price.test.js::price > some day"}
    (failure,) = (f for f in result.failures if "fails" in f.test)
    assert failure.message == "one is not two"
    assert "test/price.test.js:5" in failure.account
    assert str(repo.root) not in failure.account
    assert "one is not two" in result.output_tail


def test_a_line_with_a_reporter_of_its_own_keeps_it(repo, needs):
    needs("node")
    repo.write(NODE_SUITE)
    result = repo.check("node --test --test-reporter=tap", retry=False)
    assert result.tests is None
    assert "TAP version" in result.output_tail


def test_a_flaky_test_of_another_runner_counts_as_passed(repo, needs):
    needs("node")
    text = "const fs = require('fs'); require('node:test')('t', () => { fs.appendFileSync('n', 'x'); if (fs.readFileSync('n').length < 2) throw 1 })"
    repo.write({"a.test.js": text})
    result = repo.check("node --test")
    assert (result.exit_code, result.flaky, result.failures) == (0, ("a.test.js::t",), ())


def test_runners_in_one_line_report_together(repo, needs):
    needs("node")
    repo.write({**NODE_SUITE, "test_a.py": "def test_a(): pass"})
    tests = repo.check("python -m pytest -q && node --test", retry=False).tests
    assert "test_a.py::test_a" in tests.passed
    assert "test/price.test.js::price > adds" in tests.passed


#: As vitest 4.1 and jest 30.5 write it, cut to what matters.
JEST_JSON = json.dumps({
    "testResults": [
        {
            "name": "{worktree}/test/a.test.js",
            "status": "failed",
            "message": "",
            "assertionResults": [
                {"ancestorTitles": ["price"], "title": "adds", "status": "passed", "failureMessages": []},
                {"ancestorTitles": ["price", "deep"], "title": "fails", "status": "failed", "failureMessages": [
                    ("Error: expect(received).toEqual(expected)\n\n- Expected  - 1\n+ Received  + 1\n"
                    "    at Object.toEqual (/x/node_modules/jest-circus/build/a.js:1:1)\n    at file://{worktree}/test/a.test.js:1:123")
                ]},
                {"ancestorTitles": [], "title": "later", "status": "pending"},
                {"ancestorTitles": [], "title": "some day", "status": "todo"},
            ],
        },
        {
            "name": "{worktree}/test/b.test.js",
            "status": "failed",
            "message": "Cannot find module 'no-such-package'",
            "assertionResults": [],
        },
    ]
})  # fmt: skip


@pytest.mark.parametrize("runner", [JEST, VITEST], ids=lambda runner: runner.name)
def test_the_json_of_jest_and_vitest_gives_path_and_titles(read, outcomes, runner):
    seen = outcomes(read(runner, {"1.json": JEST_JSON}))
    assert seen.tests == {
        "test/a.test.js::price > adds": "passed",
        "test/a.test.js::price > deep > fails": "failed",
        "test/a.test.js::later": "skipped",
        "test/a.test.js::some day": "skipped",
        "test/b.test.js": "failed",
    }
    assert seen.messages["test/b.test.js"] == "Cannot find module 'no-such-package'"


def test_frames_of_the_runner_are_left_out_of_an_account(read):
    (failure, _) = read(JEST, {"1.json": JEST_JSON}).failures
    assert failure.account.endswith("+ Received  + 1\n    at test/a.test.js:1:123")


#: Reads its options as jest does, at once; its tests run in the same process and leave a server open.
LIKE_JEST = """
const fs = require('fs')
const option = process.argv.find(word => word.startsWith('--outputFile='))
const status = process.env.STATUS
setTimeout(() => {
  console.log('seen by tests:', process.argv.slice(2).join(), process.execArgv.join(), process.env.AGENTFLOW_WORDS)
  const cases = [{title: 't', status, failureMessages: []}]
  fs.writeFileSync(option.split('=')[1], JSON.stringify({testResults: [{name: 'a.test.js', status, assertionResults: cases}]}))
  process.on('exit', () => { process.exitCode = status === 'passed' ? 0 : 3 })
  require('http').createServer().listen(0)
}, 100)
"""


@pytest.mark.parametrize(("status", "code"), [("passed", 0), ("failed", 3)])
def test_a_runner_that_does_not_end_is_ended_and_its_report_counts(repo, needs, status, code):
    needs("node", "npm")
    script = f"STATUS={status} jest mine; code=$?; echo after; exit $code"
    repo.write({"package.json": json.dumps({"scripts": {"test": script}}), "node_modules/jest/bin/jest.js": LIKE_JEST})
    bin_folder = repo.root / "node_modules/.bin"
    bin_folder.mkdir()
    (bin_folder / "jest").write_text('#!/bin/sh\nexec node "$(dirname "$0")/../jest/bin/jest.js" "$@"\n')
    (bin_folder / "jest").chmod(0o755)
    result = repo.check("npm test", retry=False)
    assert (result.exit_code, result.lingered) == (code, True)
    assert getattr(result.tests, status) == ("a.test.js::t",)
    assert "seen by tests: mine  undefined" in result.output_tail
    assert result.output_tail.count("after") == 2


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"testResults": [3]}', '{"testResults": 3}', "null"])
def test_a_broken_report_is_no_report(read, text):
    assert read(JEST, {"1.json": text}) is None


@pytest.mark.parametrize(
    ("escaped", "title"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uDE00", "\ufffd"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00\ude00", "\ufffd\U0001f600\ufffd"),
        (r"\ud7ff\ue000", "\ud7ff\ue000"),
    ],
)
def test_half_a_character_in_a_title_does_not_cost_the_report(read, escaped, title):
    document = f'{{"testResults": [{{"name": "a.js", "status": "passed", "assertionResults": [{{"title": "{escaped}", "status": "passed"}}]}}]}}'
    line = f'{{"file": "a.js", "names": ["{escaped}"], "outcome": "passed", "message": "", "account": ""}}'
    assert read(JEST, {"1.json": document}).tests.passed == (f"a.js::{title}",)
    assert read(NODE_TEST, {"1.jsonl": line}).tests.passed == (f"a.js::{title}",)


@pytest.mark.parametrize("text", ["{", "3", '{"outcome": "won"}', '{"file": 3}', "\xff"])
def test_broken_lines_are_no_report(read, text):
    assert read(NODE_TEST, {"1.jsonl": text}) is None


def test_a_package_that_is_linked_to_files_outside_the_worktree_is_doubted(tmp_path):
    worktree, checkout = tmp_path / "worktree", tmp_path / "checkout"
    for folder in (worktree / "packages/own", checkout / "packages/theirs", checkout / "node_modules/.store/lib"):
        folder.mkdir(parents=True)
        (folder / "package.json").write_text("{}")
    modules = worktree / "node_modules"
    (modules / "@shop").mkdir(parents=True)
    (modules / "own").symlink_to(worktree / "packages/own")
    (modules / "lib").symlink_to(checkout / "node_modules/.store/lib")
    assert strangers(worktree) == ()
    (modules / "@shop/theirs").symlink_to(checkout / "packages/theirs")
    assert strangers(worktree) == ("node_modules links packages to files outside the worktree: @shop/theirs",)


#: Node.js 20 is the oldest that is kept up, and the newest vitest wants a newer one.
REAL = {"vitest": "vitest@4", "jest": "jest@30", "mocha": "mocha@11"}
COMMANDS = {"vitest": "vitest run", "jest": "jest", "mocha": "mocha --parallel --reporter dot test/*.js"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory, request):
    """A folder with the named runner in its node_modules, from the npm registry."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("installed")
    (folder / "package.json").write_text("{}")
    command = ["npm", "install", "--no-audit", "--no-fund", REAL[request.param]]
    ended = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=280)
    if ended.returncode != 0:
        pytest.skip("the npm registry cannot be reached")
    return request.param, folder


@pytest.mark.long
@pytest.mark.parametrize("installed", REAL, indirect=True)
def test_the_real_runner_reports_behind_a_package_script(repo, installed):
    name, folder = installed
    imports = "import { describe, it } from 'vitest'" if name == "vitest" else ""
    suite = f"{imports}\ndescribe('price', () => {{ it('adds', () => {{ if (/outputFile|mocha\\.cjs/.test(process.argv)) throw 1 }}); it('fails', () => {{ throw new Error('why') }}); it.skip('later', () => {{}}) }})"
    repo.write({
        "package.json": json.dumps({"scripts": {"test": "npm run unit && echo unreached", "unit": COMMANDS[name]}}),
        "test/a.test.js": suite,
    })  # fmt: skip
    (repo.root / "node_modules").symlink_to(folder / "node_modules")
    result = repo.check("npm test", retry=False)
    assert result.exit_code == 1
    assert result.tests.passed == ("test/a.test.js::price > adds",)
    assert result.tests.failed == ("test/a.test.js::price > fails",)
    assert result.tests.skipped == ("test/a.test.js::price > later",)
    assert (result.failures[0].message.endswith("why"), result.obstacle, result.doubts) == (True, None, ())
    assert "why" in result.output_tail
