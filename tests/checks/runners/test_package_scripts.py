import json

import pytest

from agentflow.checks.runners import runner_of
from agentflow.checks.runners.package_scripts import expanded, manager_of, members_of


def package(name: str = "", **fields) -> str:
    return json.dumps({"name": name, **fields})


@pytest.fixture
def shop(write):
    return write({
        "package.json": package(
            workspaces=["packages/*"],
            scripts={"test": "npm run lint && npm run unit", "lint": "eslint .", "unit": "run-s unit:*", "loop": "npm run loop"},
        ),
        "packages/price/package.json": package("@shop/price", scripts={"test": "vitest run"}),
        "packages/basket/package.json": package("@shop/basket", scripts={"test": "TZ=UTC jest"}),
        "packages/basket/node_modules/x/package.json": package("x"),
        "frontend/package.json": package("frontend", scripts={"test": "node --test", "e2e": "mocha e2e"}),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("npx vitest run", "vitest"),
        ("npm test -w packages/price", "vitest"),
        ("npm test --workspace=@shop/basket", "jest"),
        ("yarn workspace @shop/basket test", "jest"),
        ("pnpm --filter ./packages/price test", "vitest"),
        ("cd frontend && npm test", "node-test"),
        ("npm --prefix frontend run e2e", "mocha"),
        ("npm test --workspaces", "vitest"),
        ("npm test", "package-script"),
        ("npm run loop", "package-script"),
        ("npm test --workspace=no-such", "package-script"),
        ("python -m pytest -q", "pytest"),
        ("make test", "make"),
        ("cargo +nightly test --all", "cargo"),
        ("cd rust && cargo nextest run", "cargo"),
        ("GOFLAGS=-x go test ./...", "go"),
        ("./gradlew :app:test", "gradle"),
        ("mvn -B test", "maven"),
        ("bundle exec rspec", "rspec"),
        ("vendor/bin/phpunit", "phpunit"),
        ("cmake --build build && ctest --test-dir build", "ctest"),
        ("dotnet test Shop.sln", "dotnet"),
        ("tox -e py", "tox"),
    ],
)
def test_the_runner_of_a_line_is_looked_up_through_package_scripts(shop, command, name):
    assert runner_of(command, shop).name == name


@pytest.mark.parametrize("command", ["", "true", "sh -c 'unclosed", "cargo build", "npm", "echo contest", "go vet"])
def test_a_line_without_a_runner_has_none(shop, command):
    runner = runner_of(command, shop)
    assert runner is None or runner.name == "package-script"


def test_scripts_are_followed_to_what_they_run(shop):
    assert "eslint ." in expanded("npm test", shop)


def test_installed_packages_are_no_members(shop):
    assert members_of(shop) == {"packages/basket": "@shop/basket", "packages/price": "@shop/price"}


def test_a_pnpm_workspace_is_read_from_its_own_file(write):
    root = write(
        {"pnpm-workspace.yaml": "packages:\n  - 'apps/**'\n  - '!**/test/**'\n", "apps/a/b/package.json": "{}"}
    )
    assert members_of(root) == {"apps/a/b": ""}


@pytest.mark.parametrize("text", ["", "[", "{}", "packages: 3", "packages: [1, '']", "a: &a [*a]", "a: " + "9" * 5000])
def test_a_broken_workspace_file_names_no_member(write, text):
    assert members_of(write({"pnpm-workspace.yaml": text, "package.json": '{"workspaces": 3}'})) == {}


@pytest.mark.parametrize(
    "pattern",
    ["**", "everything/**", "/**", "../**", "**x", "***[!a]?{a,b}", "[", "a\\", "\0", "*a" * 400, "{{1..9}}" * 99],
)
def test_no_pattern_leads_a_workspace_out_of_it_or_on_for_ever(write, pattern):
    root = write({"package.json": json.dumps({"workspaces": [pattern]}), "a/package.json": "{}"})
    (root / "everything").symlink_to("/")
    (root / "again").symlink_to(".")
    assert members_of(root).keys() <= {".", "a"}


def test_the_lock_file_says_which_manager_runs_scripts(write):
    assert manager_of(write({"package.json": '{"packageManager": "pnpm@9"}', "bun.lock": ""})) == "bun"
