"""One table: what lies in a repository, and the command that prepares a checkout of it."""

import pytest

from agentflow.checks.setups.finding import find_setup, fingerprint, language_of

PYTEST = ("python -m pytest -q",)
PROJECT = '[project]\nname = "thing"\n'
TESTS = '[project.optional-dependencies]\ntest = ["pytest"]\ndocs = ["sphinx"]\n'
GROUPS = '[dependency-groups]\ndev = ["pytest>=8"]\nlint = ["ruff"]\n'
PACKAGE = '{"devDependencies": {"mocha": "1"}}'

CASES = {
    "uv": ({"pyproject.toml": PROJECT + GROUPS, "uv.lock": ""}, "uv", "uv sync --frozen"),
    "uv with an extra": ({"pyproject.toml": PROJECT + TESTS, "uv.lock": ""}, "uv", "uv sync --frozen --extra test"),
    "uv with a group of its own": (
        {"pyproject.toml": PROJECT + '[dependency-groups]\ntests = ["pytest"]\n', "uv.lock": ""},
        "uv",
        "uv sync --frozen --group tests",
    ),
    "uv workspace": (
        {
            "pyproject.toml": PROJECT + '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
            "uv.lock": "",
            "packages/core/pyproject.toml": PROJECT,
        },
        "uv",
        "uv sync --frozen --all-packages",
    ),
    "locked by uv, which is missing": (
        {"pyproject.toml": PROJECT + GROUPS, "uv.lock": ""},
        "",
        "pip install -U 'pip>=25.1' && pip install -e . --group dev",
    ),
    "poetry": ({"pyproject.toml": "[tool.poetry]\nname = 'thing'\n"}, "poetry", "poetry install"),
    "poetry with an optional group": (
        {"pyproject.toml": "[tool.poetry.group.test]\noptional = true\n", "poetry.lock": ""},
        "poetry",
        "poetry install --with test",
    ),
    "poetry, which is missing": (
        {"pyproject.toml": "[build-system]\nrequires = []\n[tool.poetry]\nname = 'thing'\n"},
        "",
        "pip install -e . pytest",
    ),
    "pdm": ({"pyproject.toml": PROJECT, "pdm.lock": ""}, "pdm", "pdm sync --dev"),
    "pipenv": ({"Pipfile": "", "Pipfile.lock": "{}"}, "pipenv", "pipenv sync --dev"),
    "an extra for tests": ({"pyproject.toml": PROJECT + TESTS}, "", "pip install -e '.[test]'"),
    "two extras": (
        {"pyproject.toml": PROJECT + '[project.optional-dependencies]\ndev = ["x"]\ntesting = ["pytest"]\n'},
        "",
        "pip install -e '.[testing,dev]'",
    ),
    "dependency groups": (
        {"pyproject.toml": PROJECT + GROUPS},
        "uv",
        "uv pip install -e . --group dev",
    ),
    "hatch": (
        {"pyproject.toml": PROJECT + '[tool.hatch.envs.default]\ndependencies = ["pytest", "pytest-mock>=3"]\n'},
        "hatch",
        "pip install -e . pytest 'pytest-mock>=3'",
    ),
    "extras of setup.cfg": (
        {"setup.cfg": "[metadata]\nname = thing\n[options.extras_require]\ntests =\n  pytest\n"},
        "",
        "pip install -e '.[tests]'",
    ),
    "extras of setup.py": (
        {"setup.py": "setup(extras_require={'dev': ['pytest']})\n"},
        "",
        "pip install -e '.[dev]'",
    ),
    "requirements beside the project": (
        {"setup.py": "", "requirements-dev.txt": "pytest\n", "requirements.txt": ""},
        "",
        "pip install -e . -r requirements-dev.txt",
    ),
    "requirements in a folder": (
        {"setup.py": "", "requirements/tests.txt": "pytest\n"},
        "",
        "pip install -e . -r requirements/tests.txt",
    ),
    "requirements alone": ({"requirements.txt": "flask\npytest\n"}, "", "pip install -r requirements.txt"),
    "pytest that nothing names": ({"setup.py": ""}, "", "pip install -e . pytest"),
    "a pyproject of tools only": ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, "", None),
    "nothing": ({"README.md": ""}, "", None),
    "broken manifests": ({"pyproject.toml": "[[[", "package.json": "{"}, "npm", None),
}


@pytest.mark.parametrize(("files", "tools", "command"), CASES.values(), ids=CASES)
def test_a_python_project_tells_its_set_up(write, files, tools, command):
    assert find_setup(write(files), PYTEST, tools.split().__contains__) == command


NODE = {
    "npm": ({"package.json": PACKAGE, "package-lock.json": ""}, "npm", "npm ci"),
    "npm without a lock": ({"package.json": PACKAGE}, "npm", "npm install --no-package-lock"),
    "pnpm": ({"package.json": PACKAGE, "pnpm-lock.yaml": ""}, "pnpm", "pnpm install --frozen-lockfile"),
    "pnpm by corepack": (
        {"package.json": PACKAGE, "pnpm-lock.yaml": ""},
        "npm corepack",
        "corepack pnpm install --frozen-lockfile",
    ),
    "pnpm by npx": (
        {"package.json": PACKAGE, "pnpm-lock.yaml": ""},
        "npm",
        "npx --yes pnpm install --frozen-lockfile",
    ),
    "yarn classic": ({"package.json": PACKAGE, "yarn.lock": "# yarn lockfile v1\n"}, "yarn", "yarn install --frozen-lockfile"),
    "yarn berry": (
        {"package.json": PACKAGE, "yarn.lock": "__metadata:\n  version: 8\n"},
        "yarn",
        "yarn install --immutable",
    ),
    "bun": ({"package.json": PACKAGE, "bun.lock": ""}, "bun", "bun install --frozen-lockfile"),
    "the manager that package.json names": (
        {"package.json": '{"packageManager": "pnpm@9.1.0", "dependencies": {"a": "1"}}', "package-lock.json": ""},
        "pnpm",
        "pnpm install",
    ),
    "a package that needs nothing": ({"package.json": '{"scripts": {"test": "node --test"}}'}, "npm", None),
}  # fmt: skip


@pytest.mark.parametrize(("files", "tools", "command"), NODE.values(), ids=NODE)
def test_a_node_project_tells_its_set_up(write, files, tools, command):
    assert find_setup(write(files), ("npm test",), tools.split().__contains__) == command


OTHERS = {
    "cargo": ({"Cargo.toml": "", "Cargo.lock": ""}, "cargo fetch --locked"),
    "go": ({"go.mod": ""}, "go mod download"),
    "bundler": ({"Gemfile": ""}, "bundle install"),
    "gradle": ({"build.gradle.kts": ""}, "gradle --quiet testClasses"),
    "the repository's own gradle": ({"build.gradle": "", "gradlew": ""}, "./gradlew --quiet testClasses"),
    "maven": ({"pom.xml": ""}, "mvn -q -B test-compile"),
    "composer": ({"composer.json": ""}, "composer install --no-interaction"),
    "dotnet": ({"Thing.sln": ""}, "dotnet restore"),
    "mix": ({"mix.exs": ""}, "mix deps.get"),
    "make": ({"Makefile": "test: all\n\nsetup:\n\techo\n"}, "make setup"),
    "make without such a target": ({"Makefile": "test: setup.txt\nall:\nSETUP := 1\n"}, None),
}


@pytest.mark.parametrize(("files", "command"), OTHERS.values(), ids=OTHERS)
def test_other_languages_have_one_command_each(write, files, command):
    assert find_setup(write(files), (), lambda _: True) == command


def test_nothing_is_offered_whose_tool_is_missing(write):
    files = {"Cargo.toml": "", "go.mod": "", "Gemfile": "", "pom.xml": "", "composer.json": "", "Makefile": "setup:\n"}
    assert find_setup(write(files), (), lambda _: False) is None


def test_several_languages_and_folders_are_joined(write):
    files = {
        "backend/pyproject.toml": PROJECT + TESTS,
        "frontend/package.json": PACKAGE,
        "frontend/package-lock.json": "",
    }
    both = ("cd backend && python -m pytest", "cd frontend && npm test")
    command = "(cd backend && pip install -e '.[test]') && (cd frontend && npm ci)"
    assert find_setup(write(files), both, {"npm"}.__contains__) == command
    assert find_setup(write({}), both[1:], {"npm"}.__contains__) == "cd frontend && npm ci"


def test_members_of_a_workspace_belong_to_its_root_and_locked_folders_to_themselves(write):
    files = {"package.json": PACKAGE, "package-lock.json": "", "packages/a/package.json": PACKAGE}
    assert find_setup(write(files), ("npm test",), {"npm"}.__contains__) == "npm ci"
    root = write({"site2/package.json": PACKAGE, "site2/package-lock.json": ""})
    assert find_setup(root, ("npm test",), {"npm"}.__contains__) == "npm ci && (cd site2 && npm ci)"


def test_projects_that_share_an_environment_leave_each_other_what_they_need(write):
    files = {f"{name}/{file}": PROJECT for name in ("api", "web") for file in ("pyproject.toml", "uv.lock")}
    line = "(cd {} && uv sync --frozen --inexact)"
    assert find_setup(write(files), PYTEST, {"uv"}.__contains__) == f"{line.format('api')} && {line.format('web')}"


def test_only_the_languages_of_the_checks_are_set_up(write):
    root = write({"pyproject.toml": PROJECT + TESTS, "package.json": PACKAGE, "docs/package.json": PACKAGE})
    assert find_setup(root, PYTEST, {"npm"}.__contains__) == "pip install -e '.[test]'"
    whole = "pip install -e '.[test]' && npm install --no-package-lock"
    assert find_setup(root, ("make test",), {"npm"}.__contains__) == whole


@pytest.mark.parametrize(
    ("command", "language"),
    [
        ("python3.12 -m pytest -q", "python"),
        ("CI=1 npm test", "node"),
        ("cd web && npx vitest run", "node"),
        ("cargo nextest run", "rust"),
        ("make test", None),
        ("echo python", None),
    ],
)
def test_a_check_tells_its_language_by_the_program_it_starts(command, language):
    assert language_of(command) == language


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", PROJECT + GROUPS + "[tool.ruff]\nline-length = 99\n"),
        ("package.json", '{"devDependencies": {"mocha": "1"}, "scripts": {"test": "mocha"}, "version": "2"}'),
        ("src/thing.py", "x = 1\n"),
    ],
)
def test_a_change_that_installs_nothing_else_keeps_the_fingerprint(write, name, text):
    root = write({"pyproject.toml": PROJECT + GROUPS, "package.json": PACKAGE, "src/thing.py": ""})
    before = fingerprint(root)
    write({name: text})
    assert fingerprint(root) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", PROJECT + GROUPS.replace("8", "9")),
        ("package.json", '{"devDependencies": {"mocha": "2"}}'),
        ("uv.lock", "version = 2\n"),
        ("backend/requirements.txt", "flask\n"),
    ],
)
def test_another_dependency_is_another_fingerprint(write, name, text):
    root = write({"pyproject.toml": PROJECT + GROUPS, "package.json": PACKAGE, "uv.lock": "version = 1\n"})
    before = fingerprint(root)
    write({name: text})
    assert fingerprint(root) != before
