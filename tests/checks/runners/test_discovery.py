import json
import shutil

import pytest

from agentflow.checks.runners.discovery import discover, discover_checks

PYTHON = "python" if shutil.which("python") else "python3"
PYTEST = f"{PYTHON} -m pytest -q"
NPM = json.dumps({"scripts": {"test": "vitest run"}})


@pytest.mark.parametrize(
    ("files", "command", "source"),
    [
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, PYTEST, "pyproject.toml [tool.pytest.ini_options]"),
        ({"pyproject.toml": "[tool.pytest]\nverbosity = 1"}, PYTEST, "pyproject.toml [tool.pytest]"),
        ({"pytest.ini": ""}, PYTEST, "pytest.ini"),
        ({"tox.ini": "[tox]\n[pytest]\n"}, PYTEST, "tox.ini [pytest]"),
        ({"setup.cfg": "[tool:pytest]\n"}, PYTEST, "setup.cfg [tool:pytest]"),
        ({"tests/test_a.py": "def test_a(): pass"}, PYTEST, "tests/test_a.py"),
        ({"tests/unit/test_a.py": "import pytest"}, PYTEST, "tests/unit/test_a.py"),
        (
            {"test_a.py": "import unittest\nclass A(unittest.TestCase): ..."},
            f"{PYTHON} -m unittest discover",
            "test_a.py",
        ),
        ({"tests/test_a.py": "import unittest"}, f"{PYTHON} -m unittest discover -s tests", "tests/test_a.py"),
        (
            {"tests/__init__.py": "", "tests/test_a.py": "import unittest"},
            f"{PYTHON} -m unittest discover",
            "tests/test_a.py",
        ),
        ({"tox.ini": "[testenv]\ncommands = x"}, "tox", "tox.ini [testenv]"),
        ({"noxfile.py": ""}, "nox", "noxfile.py"),
        ({"package.json": NPM}, "npm test", "package.json scripts.test"),
        ({"package.json": NPM, "pnpm-lock.yaml": ""}, "pnpm test", "package.json scripts.test"),
        ({"package.json": NPM, "yarn.lock": ""}, "yarn test", "package.json scripts.test"),
        ({"Cargo.toml": ""}, "cargo test", "Cargo.toml"),
        ({"go.mod": ""}, "go test ./...", "go.mod"),
        ({"Makefile": "lint test: build\n\ttrue\n"}, "make test", "Makefile target test"),
        ({"GNUmakefile": "check:\n\ttrue\n", "Makefile": "test:\n"}, "make check", "GNUmakefile target check"),
        ({"pyproject.toml": "[tool.tox]\nenv_list = []"}, "tox", "pyproject.toml [tool.tox]"),
        ({"package.json": NPM, "bun.lock": ""}, "bun run test", "package.json scripts.test"),
        (
            {"package.json": '{"devDependencies": {"vitest": "4"}}'},
            "npx --no-install vitest run",
            "package.json dependency vitest",
        ),
        ({"pom.xml": ""}, "mvn -B -ntp test", "pom.xml"),
        ({"pom.xml": "", "mvnw": ""}, "./mvnw -B -ntp test", "pom.xml"),
        ({"build.gradle.kts": "", "gradlew": ""}, "./gradlew test", "build.gradle.kts"),
        ({"spec/a_spec.rb": "", "Gemfile": ""}, "bundle exec rspec", "spec/a_spec.rb"),
        ({".rspec": ""}, "rspec", ".rspec"),
        ({"phpunit.xml.dist": ""}, "vendor/bin/phpunit", "phpunit.xml.dist"),
        (
            {"phpunit.xml": "", "composer.json": '{"require-dev": {"pestphp/pest": "*"}}'},
            "vendor/bin/pest",
            "phpunit.xml",
        ),
        (
            {"CMakeLists.txt": "project(x C)\nenable_testing()\n"},
            "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure",
            "CMakeLists.txt",
        ),
        ({"tests/unit/a.bats": ""}, "bats -r tests", "tests/unit/a.bats"),
        ({"Shop.sln": ""}, "dotnet test", "Shop.sln"),
    ],
)
def test_the_check_of_a_repository_and_why_it_was_chosen(write, files, command, source):
    (check,) = discover_checks(write(files))
    assert (check.command, check.source) == (command, source)


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "nothing to test"},
        {"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'},
        {"package.json": '{"scripts": {"build": "x"}}'},
        {"package.json": "{ broken"},
        {"package.json": "[" * 100_000},
        {"pyproject.toml": "tool = 3"},
        {"pyproject.toml": "[tool.pytest"},
        {"setup.cfg": "no section"},
        {"Makefile": "test := value\ntests:\n\ttrue\n"},
        {".venv/lib/test_a.py": "def test_a(): pass", "node_modules/x/test_b.py": "import pytest"},
        {"tests/test_data.py": "VALUES = [1]"},
        {"CMakeLists.txt": "project(x C)\n"},
        {"examples/app/package.json": NPM, "vendor/x/go.mod": "", "tests/fixtures/y/Cargo.toml": ""},
        {"node_modules/x/package.json": NPM, "tests/data/z/pyproject.toml": "[tool.pytest]\n"},
    ],
)
def test_nothing_is_invented_where_there_is_no_check(write, files):
    assert discover_checks(write(files)) == ()


def test_a_polyglot_repository_has_one_check_per_language(write):
    root = write({"pytest.ini": "", "package.json": NPM, "Cargo.toml": "", "go.mod": "", "Makefile": "test:\n"})
    assert [c.command for c in discover_checks(root)] == [PYTEST, "npm test", "cargo test", "go test ./..."]


def test_a_checkout_with_a_virtualenv_is_checked_with_its_python(write):
    root = write({"pytest.ini": "", ".venv/bin/python": ""})
    assert discover_checks(root)[0].command == "python -m pytest -q"


PYTEST_TABLE = "[project]\nname = 'x'\n[tool.pytest.ini_options]\n"
TEST = "def test_a(): pass"


def script(**fields) -> str:
    return json.dumps({"scripts": {"test": "vitest run"}, **fields})


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        (
            {"frontend/package.json": NPM, "backend/pyproject.toml": PYTEST_TABLE, "backend/tests/test_a.py": TEST},
            [f"cd backend && {PYTEST}", "cd frontend && npm test"],
        ),
        ({"pytest.ini": "", "frontend/package.json": NPM, "frontend/yarn.lock": ""}, [PYTEST, "cd frontend && yarn test"]),
        ({"pytest.ini": "", "sub/pyproject.toml": PYTEST_TABLE, "sub/tests/test_a.py": TEST}, [PYTEST]),
        (
            {
                "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
                "plugin/pyproject.toml": PYTEST_TABLE, "tests/test_a.py": TEST,
            },
            [PYTEST, f"cd plugin && {PYTEST}"],
        ),
        (
            {
                "pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n",
                "packages/a/pyproject.toml": "", "packages/a/tests/test_a.py": TEST,
                "packages/b/pyproject.toml": "", "packages/b/tests/test_b.py": "import unittest",
            },
            [f"cd packages/a && {PYTEST}", f"cd packages/b && {PYTHON} -m unittest discover -s tests"],
        ),
        ({"package.json": NPM, "web/package.json": NPM}, ["npm test"]),
        ({"package.json": NPM, "web/package.json": NPM, "web/package-lock.json": ""}, ["npm test", "cd web && npm test"]),
        (
            {
                "package.json": '{"workspaces": ["packages/*"]}', "packages/a/package.json": script(name="@s/a"),
                "packages/b/package.json": script(name="@s/b"), "packages/c/package.json": "{}",
            },
            ["npm test -w packages/a", "npm test -w packages/b"],
        ),
        (
            {"pnpm-workspace.yaml": "packages: ['apps/*']", "pnpm-lock.yaml": "", "apps/a/package.json": script()},
            ["pnpm --filter ./apps/a test"],
        ),
        (
            {"package.json": '{"workspaces": ["a"]}', "yarn.lock": "", "a/package.json": script(name="@s/a")},
            ["yarn workspace @s/a test"],
        ),
        (
            {"package.json": '{"workspaces": ["p/*"]}', **{f"p/{n}/package.json": script() for n in range(7)}},
            ["npm test --workspaces --if-present"],
        ),
        ({"js/package.json": NPM, "js/packages/a/package.json": NPM}, ["cd js && npm test"]),
        ({"Cargo.toml": "[workspace]", "crates/a/Cargo.toml": ""}, ["cargo test"]),
        ({"native/core/Cargo.toml": "", "native/core/macros/Cargo.toml": ""}, ["cd native/core && cargo test"]),
        (
            {"go.mod": "", "sdk/go.mod": "", "sdk/a/a_test.go": "", "tools/go.mod": ""},
            ["go test ./...", "cd sdk && go test ./..."],
        ),
        ({"server/pom.xml": "", "server/api/pom.xml": ""}, ["cd server && mvn -B -ntp test"]),
        ({"my app/package.json": NPM}, ["cd 'my app' && npm test"]),
    ],
)  # fmt: skip
def test_a_monorepo_has_a_check_for_each_project_that_no_other_covers(write, files, commands):
    assert [check.command for check in discover_checks(write(files))] == commands


def test_a_check_of_a_subfolder_runs_from_the_root(repo):
    repo.write({"back end/pyproject.toml": PYTEST_TABLE, "back end/test_a.py": TEST})
    (check,) = discover_checks(repo.root)
    assert check.source == "back end/pyproject.toml [tool.pytest.ini_options]"
    assert repo.check(check.command).passed


def test_checks_are_bounded_and_what_is_left_out_is_said(write):
    root = write({f"app{n:02}/package.json": NPM for n in range(14)} | {f"app{n:02}/yarn.lock": "" for n in range(14)})
    found = discover(root)
    assert (len(found.checks), [check.command for check in found.left_out]) == (12, ["cd app12 && yarn test", "cd app13 && yarn test"])  # fmt: skip
    assert found.notice.startswith("2 more checks were found and are not run (cd app12 && yarn test, ")


def test_nothing_is_said_where_nothing_is_left_out(write):
    assert discover(write({"pytest.ini": ""})).notice == ""


@pytest.mark.parametrize("folder", ["test", "tests", "spec", "src"])
@pytest.mark.parametrize("target", ["/", "/proc", "."])
def test_a_link_is_no_folder_to_look_for_checks_in(tmp_path, folder, target):
    (tmp_path / folder).symlink_to(target)
    assert discover_checks(tmp_path) == ()
