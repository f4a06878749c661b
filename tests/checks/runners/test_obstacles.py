"""What tools print when they cannot run, and when they run and fail; about half of it recorded here."""

import pytest

from agentflow.checks.runners.obstacles import obstacle_of
from agentflow.checks.runners.runner import Ended, Report
from agentflow.domain.evidence import TestFailure, TestOutcomes

COLLECTION = """==================================== ERRORS ====================================
_______________________ ERROR collecting tests/test_a.py _______________________
ImportError while importing test module '/w/tests/test_a.py'.
tests/test_a.py:1: in <module>
    import %s
E   ModuleNotFoundError: No module named '%s'
=========================== short test summary info ============================
ERROR tests/test_a.py
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
1 error in 0.61s"""
NODE_MISSING = """TAP version 13
# Error: Cannot find module 'left-pad'
# Require stack:
# - /w/test/a.test.js
not ok 1 - /w/test/a.test.js
# tests 1
# pass 0
# fail 1"""

CANNOT_RUN = [
    ("npm test", 127, "> test\n> mocha\n\nsh: 1: mocha: not found", "mocha is not installed"),
    ("pnpm test", 1, ' ERR_PNPM_RECURSIVE_EXEC_FIRST_FAIL  Command "vitest" not found', "vitest is not installed"),
    ("yarn test", 1, "command not found: jest", "jest is not installed"),
    ("npx vitest run", 1, 'npm error npx canceled due to missing packages and no YES option: ["vitest@4.1.12"]', "packages of package.json"),
    ("node --test", 1, NODE_MISSING, "the package left-pad is not installed"),
    ("npm test", 1, "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@shop/x' imported from /w/index.mjs", "the package @shop/x is not"),
    ("yarn test", 1, 'error foo@1: The engine "node" is incompatible with this module. Expected version ">=99". Got "20"', "Node.js version"),
    ("npx vitest run", 1, "SyntaxError: The requested module 'node:util' does not provide an export named 'styleText'", "Node.js version"),
    ("python -m pytest", 1, "/usr/bin/python3: No module named pytest", "the Python module pytest is not installed"),
    ("python -m pytest -q", 2, COLLECTION % ("httpx", "httpx"), "the Python module httpx is not installed"),
    ("python -m pytest -q", 2, COLLECTION % ("zoneinfo", "zoneinfo"), "Python is too old"),
    ("python -m pytest -q", 4, "ImportError while loading conftest '/w/conftest.py'.\nE   ModuleNotFoundError: No module named 'distutils'", "Python is too new"),
    ("python -m pytest -q", 2, "E   ImportError: libpq.so.5: cannot open shared object file: No such file or directory", "libpq.so.5"),
    ("pip install . && pytest", 1, "ERROR: Package 'x' requires a different Python: 3.9.2 not in '>=3.11'", ">=3.11 is needed, 3.9.2 is there"),
    ("pip install . && pytest", 1, "error: command 'gcc' failed: No such file or directory", "there is no compiler: gcc"),
    ("tox", 1, "py27: failed with could not find python interpreter matching any of the specs py27", "the Python that tox wants"),
    ("nox", 1, "nox > Session tests failed: Python interpreter 2.7 not found (took 5 seconds).", "the Python that nox wants"),
    ("no-such --x", 127, "sh: 1: no-such: not found", "no-such is not installed"),
    ("./x.sh", 126, "sh: 1: ./x.sh: Permission denied", "./x.sh may not be run"),
    ("./y.sh", 127, "/usr/bin/env: \u2018ruby\u2019: No such file or directory", "ruby is not installed"),
    ("make test", 2, "cc -o x x.c\nmake: cc: No such file or directory\nmake: *** [Makefile:2: test] Error 127", "cc is not installed"),
    ("cargo test", 101, "error: rustc 1.95.0 is not supported by the following packages:\n  r@0.1.0 requires rustc 1.200", "the Rust version"),
    ("cargo nextest run", 101, "error: no such command: `nextest`", "cargo nextest is not installed"),
    ("cargo test", 101, "error: no matching package named `serde` found\nlocation searched: crates.io index", "cargo cannot get"),
    ("cargo test", 101, "error: linker `cc` not found", "there is no compiler"),
    ("go test ./...", 1, "go: go.mod requires go >= 1.99 (running go 1.27.3; GOTOOLCHAIN=local)", "1.99 is needed, 1.27.3 is there"),
    ("go test ./...", 1, "a_test.go:2:8: module lookup disabled by GOPROXY=off\nFAIL\tx [setup failed]", "go cannot get the dependencies"),
    ("mvn -B test", 1, "[ERROR] Plugin org.apache.maven.plugins:maven-resources-plugin:2.6 or one of its dependencies could not be resolved", "Maven cannot get"),
    ("cmake -S . -B build && ctest", 1, "CMake Error: CMAKE_C_COMPILER not set, after EnableLanguage", "there is no compiler"),
    ("cmake -S . -B build && ctest", 1, '  Could not find a package configuration file provided by "Nope" with any of', "CMake does not find Nope"),
    ("bundle exec rspec", 7, "Could not find rspec-3.13.0 in locally installed gems\nRun `bundle install` to install missing gems.", "gems are not installed"),
    ("python manage.py test", 1, 'django.db.utils.OperationalError: connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused', "PostgreSQL cannot be reached"),
    ("npm test", 1, "Error: connect ECONNREFUSED 127.0.0.1:6379", "Redis (port 6379) cannot be reached"),
    ("mvn test", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "Docker cannot be reached"),
    ("pytest", 1, "OSError: [Errno 28] No space left on device", "the disk is full"),
    ("make test", 2, "PermissionError: [Errno 13] Permission denied: '/var/lib/x'", "no permission for /var/lib/x"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "code", "output", "what"), CANNOT_RUN, ids=[row[2][-40:] for row in CANNOT_RUN])
def test_what_cannot_run_is_named(tmp_path, command, code, output, what):
    (tmp_path / "pyproject.toml").touch()
    found = obstacle_of(command, Ended(code, output, tmp_path))
    assert found is not None
    assert what in found.what
    assert "\n" not in found.what


FAILS = [
    ("npm test", 1, "  1 passing (12ms)\n  2 failing\n\n  1) price\n  Error: Cannot find module 'left-pad'"),
    ("node --test", 1, "✖ fails\n  AssertionError: Expected values to be strictly equal:\n\n1 !== 2"),
    ("npm test", 1, "Error: Cannot find module './prise'\nRequire stack:"),
    ("npx jest", 1, "Cannot find module 'src/price' from 'test/b.test.js'"),
    ("python -m pytest", 1, "E   assert 1 == 2\n1 failed, 3 passed in 0.1s"),
    ("python -m pytest", 1, "E   ConnectionRefusedError: [Errno 111] Connection refused\n1 failed, 3 passed in 0.1s"),
    ("cargo test", 101, "error[E0425]: cannot find value `m` in this scope"),
    ("go test ./...", 1, "price.go:3:28: undefined: nope\nFAIL\tx [build failed]"),
    ("make test", 2, "assertion failed: a == b\nmake: *** [Makefile:2: test] Error 1"),
    ("mvn test", 1, "[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0\n[ERROR] COMPILATION ERROR"),
    ("sh check.sh", 3, "why"),
    ("ruff check .", 1, "a.py:1:1: F401 `os` imported but unused"),
]


@pytest.mark.parametrize(("command", "code", "output"), FAILS)
def test_what_fails_is_no_obstacle(tmp_path, command, code, output):
    assert obstacle_of(command, Ended(code, output, tmp_path)) is None


def test_where_nothing_says_what_is_needed_a_missing_module_is_still_to_be_written(tmp_path):
    ended = Ended(2, COLLECTION % ("adder", "adder"), tmp_path)
    assert obstacle_of("python -m pytest -q", ended) is None
    (tmp_path / "requirements-dev.txt").touch()
    found = obstacle_of("python -m pytest -q", ended)
    assert found is not None
    assert "adder is not installed" in found.what


@pytest.mark.parametrize("code", [0, None])
def test_a_check_that_passed_or_ran_out_of_time_met_no_obstacle(tmp_path, code):
    assert obstacle_of("npm test", Ended(code, "sh: 1: mocha: not found", tmp_path)) is None


@pytest.mark.parametrize(
    ("files", "module", "what"),
    [
        ({"pkg/__init__.py": ""}, "pkg.helper", ""),
        ({"src/pkg/__init__.py": "", ".gitignore": "*.pyc\n/build\n"}, "pkg._version", ""),
        ({"src/pkg/__init__.py": "", ".gitignore": "src/*/_version.py\n"}, "pkg._version", "src/pkg/_version.py is missing"),
        ({"pkg/__init__.py": "", ".gitignore": "_version.py\n"}, "pkg._version", "pkg/_version.py is missing"),
        ({"pkg/__init__.py": "", "pkg/fast.pyx": ""}, "pkg.fast", "a build compiles it"),
        ({"python/pkg/__init__.py": "", "Cargo.toml": ""}, "pkg._core", "a build compiles it"),
        ({"tests/helpers.py": ""}, "helpers", ""),
        ({"vendor/pkg/__init__.py": "", "setup.py": ""}, "pkg", "the Python module pkg is not installed"),
    ],
)  # fmt: skip
def test_a_module_of_the_repository_is_an_obstacle_only_where_a_build_would_make_it(write, files, module, what):
    found = obstacle_of("pytest", Ended(2, COLLECTION % (module, module), write(files)))
    assert (what in found.what) if what else found is None


@pytest.mark.parametrize(
    ("package", "is_obstacle"), [('{"devDependencies": {"left-pad": "1"}}', True), ('{"name": "x"}', False)]
)
def test_a_package_that_nobody_declares_is_a_mistake_where_others_are_installed(write, package, is_obstacle):
    root = write({"package.json": package, "node_modules/mocha/package.json": "{}"})
    assert (obstacle_of("node --test", Ended(1, NODE_MISSING, root)) is not None) is is_obstacle


REFUSED = 'OperationalError: connection to server at "localhost", port 5432 failed: Connection refused'


@pytest.mark.parametrize(
    ("tests", "failures", "what"),
    [
        (TestOutcomes(passed=("a::x",), failed=("b.py",)), [("b.py", "No module named 'httpx'")], None),
        (TestOutcomes(failed=("b.py",)), [("b.py", "")], "httpx"),
        (
            TestOutcomes(failed=("a::x", "a::y"), skipped=("a::z",)),
            [("a::x", REFUSED), ("a::y", REFUSED)],
            "PostgreSQL",
        ),
        (TestOutcomes(passed=("a::z",), failed=("a::x",)), [("a::x", REFUSED)], None),
        (TestOutcomes(failed=("a::x", "a::y")), [("a::x", REFUSED), ("a::y", "assert 1 == 2")], None),
        (TestOutcomes(failed=("a::x", "a::y")), [("a::x", REFUSED)], None),
    ],
)
def test_tests_that_ran_are_no_obstacle_unless_all_of_them_lack_one_service(tmp_path, tests, failures, what):
    (tmp_path / "pyproject.toml").touch()
    report = Report(tests, tuple(TestFailure(test, message) for test, message in failures))
    found = obstacle_of("pytest", Ended(1, COLLECTION % ("httpx", "httpx"), tmp_path), report)
    assert found is None if what is None else what in found.what


def test_a_check_that_cannot_run_is_run_once_and_says_why(repo):
    repo.write({"package.json": '{"scripts": {"test": "mocha"}}'})
    result = repo.check("echo x >> runs; sh -c no-such-runner")
    assert (result.exit_code, result.obstacle.what) == (127, "no-such-runner is not installed")
    assert (repo.root / "runs").read_text() == "x\n"


def test_files_that_all_fail_to_load_for_want_of_a_module_could_not_run(repo):
    repo.write({"tests/test_a.py": "import no_such_module_here\ndef test_a(): pass", "pyproject.toml": ""})
    result = repo.check()
    assert result.obstacle.what == "the Python module no_such_module_here is not installed"
    assert not (repo.logs / "log.retry").exists()


def test_one_file_that_does_not_load_while_others_run_is_a_failure(repo):
    repo.write({"test_a.py": "import no_such_module_here", "test_b.py": "def test_b(): pass"})
    assert repo.check("python -m pytest -q --continue-on-collection-errors", retry=False).obstacle is None
