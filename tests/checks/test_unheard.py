"""Lines in which a failure goes unheard are refused with the right spelling; honest ones are not."""

import subprocess

import pytest

from agentflow.checks import unheard as module
from agentflow.checks.unheard import hidden_in_scripts, judging, line_errors, unheard


@pytest.mark.parametrize(
    ("line", "better"),
    [
        ("pytest -q || true", "pytest -q"),
        ("pytest -q || :", "pytest -q"),
        ("pytest 2>&1 || true", "pytest 2>&1"),
        ("pytest || echo failed", "pytest"),
        ("pytest || cat log.txt", "pytest"),
        ("pytest || exit 0", "pytest"),
        ("pytest && echo ok || echo bad", "pytest && echo ok"),
        ("(pytest || true)", "(pytest)"),
        ("{ pytest || true; }", "{ pytest; }"),
        ("npm test || true && ruff check .", "npm test && ruff check ."),
        ("./check.sh || true", "./check.sh"),
        ("pytest -q || true | tail -3", "pytest -q"),
        ("pytest; echo done", "pytest && echo done"),
        ("pytest -q; exit 0", "pytest -q && exit 0"),
        ("go test ./... ; true", "go test ./... && true"),
        ("pytest; ruff check .", "pytest && ruff check ."),
        ("pytest; rm -rf made", "pytest && rm -rf made"),
        ("pytest tests/unit\nruff check .", "pytest tests/unit && ruff check ."),
        ("set +e; pytest; echo x", "set +e; pytest && echo x"),
        ("set -e; pytest || true", "set -e; pytest"),
        (
            "python manage.py migrate --check; python manage.py test",
            "python manage.py migrate --check && python manage.py test",
        ),
        (
            "docker compose up -d && pytest; docker compose down",
            "docker compose up -d && pytest && docker compose down",
        ),
        ("if ./check.sh; then echo ok; fi", ""),
        ("pytest &", "pytest"),
        ("pytest & wait", "pytest && wait"),
        ("pytest tests/a & pytest tests/b", "pytest tests/a && pytest tests/b"),
        ("pytest | grep -c failed", "pytest"),
        ("npm test | grep -q passing", "npm test"),
        ("pytest | head -5", "pytest"),
        ("bash -c 'pytest || true'", "bash -c 'pytest'"),
        ('sh -c "pytest | tail -5"', 'sh -c "pytest"'),
        ("timeout 60 sh -c 'pytest; echo x'", "timeout 60 sh -c 'pytest && echo x'"),
        ("eval 'pytest || true'", "eval 'pytest'"),
        ("f() { pytest; }; f || true", "f() { pytest; }; f"),
        ("for f in tests/*.sh; do sh $f; done", "for f in tests/*.sh; do sh $f || exit 1; done"),
        ("while read f; do sh $f; done < list", "while read f; do sh $f || exit 1; done < list"),
        ("find tests -name '*.sh' -exec sh {} \\;", "find tests -name '*.sh' -exec sh {} +"),
        ("ruff check --exit-zero .", "ruff check ."),
        ("make -i test", "make test"),
        ("mvn -fn test", "mvn test"),
        ("if pytest; then echo ok; else echo bad; fi", ""),
        ("trap 'exit 0' EXIT; pytest", ""),
        ("git diff --cached --name-only | xargs eslint", ""),
        ("git diff --staged --check", ""),
        ("git diff --name-only HEAD | xargs ruff check", ""),
        ("git diff --name-only --diff-filter=d -- '*.py' | xargs flake8", ""),
        ("echo $(pytest)", ""),
        ('test -z "$(pytest -q)"', ""),
        ("pytest || true; ruff check .", ""),
    ],
)
def test_a_line_that_hides_a_failure_is_told_how_to_be_written(line, better):
    why = unheard(line)
    assert why is not None
    assert why.endswith(f"; write `{better}`" if better else "; write it so that its own exit code tells")


@pytest.mark.parametrize(
    "line",
    [
        "pytest -q", "FOO=1 pytest -q > out 2>&1", "exec pytest", "pytest -k 'a or b'", "a || b",
        "pytest | tail -5", "pytest 2>&1 | tee log", "app --help | grep -q -- --verbose",
        "set -e; pytest; echo done", "set -euo pipefail; a | b; c", "bash -ec 'a; pytest'",
        "bash -eo pipefail -c 'pytest | tail'", "pytest && echo done", "cd x && pytest", "cd x; pytest",
        "mkdir -p x; cd x; cmake .. && ctest", "rm -rf build; cmake -S . -B build && ctest",
        "docker rm x || true; pytest", "npm start & pytest", "touch f; grep -q good e.txt",
        "pytest || exit 1", "pytest || exit", "pytest || { echo no; exit 1; }", "pytest || (echo no; false)",
        "pytest; exit", "pytest; rc=$?; rm -rf made; exit $rc",
        "for f in *.sh; do sh $f || exit 1; done", "set -e; for f in *.sh; do sh $f; done",
        "rc=0; for f in *.sh; do sh $f || rc=1; done; exit $rc",
        "until test -e x; do sleep 0.1; done; grep -q good x",
        "git diff --name-only origin/main | xargs ruff check", 'test -z "$(git diff --name-only)"', "git diff --check",
        "! grep -rn TODO src", "grep -q ' $' x && sed -i 's/ $//' x && exit 1; true", "if ! pytest; then exit 1; fi", "case $X in a) pytest;; esac",
        "f() { pytest; }; f", "[ -f x ] && pytest", '[ "$(cat x)" = y ]', "make gen && git diff --exit-code",
        "find . -name '*.sh' -exec shellcheck {} +", "python - <<'E'\nimport x\nE",
        "npm ci; npm test", "cmake -B b; cmake --build b; ctest --test-dir b", "if test -e a; then touch b; fi; true",
        "git diff --exit-code || (echo run make fmt; exit 1)", 'test -z "$(gofmt -l .)"', "diff <(a) b",
        "true", "sleep 1 & sleep 1", "echo 'unclosed",
    ],
)  # fmt: skip
def test_an_honest_line_is_left_alone(line):
    assert unheard(line) is None


@pytest.mark.parametrize("sign", ["ü", "\u00a0", "\u2028", "测", "😀", "\U000e0041", "\U0010ffff"])
def test_characters_of_every_script_are_read_and_kept(sign):
    assert unheard(f"pytest -k {{{sign}..{sign}}} --{sign} || true") == (
        f"it passes whatever `pytest -k {{{sign}..{sign}}} --{sign}` says; write `pytest -k {{{sign}..{sign}}} --{sign}`"
    )
    assert judging(f"sh -c 'pytest {sign}' && {sign}") == (f"pytest {sign}", sign)


@pytest.mark.parametrize(("start", "end"), [("( ", " )"), ("{ ", "; }"), ("$(", ")"), ("if ", "; then x; fi")])
def test_what_is_nested_too_deeply_to_be_read_is_not_trusted(start, end):
    line = f"{start * 2000}pytest || true{end * 2000}"
    assert "nested too deeply" in str(unheard(line))
    assert judging(line) == ()


@pytest.mark.parametrize("line", ["pytest & \\", "a;b;;c", "pytest \ud800 || true", "x & \t& y || true & \\\n"])
def test_a_line_that_no_spelling_mends_is_judged_in_the_end(line):
    line_errors([line])


@pytest.mark.parametrize("line", ["pytest | tail -5", "npm test 2>&1 | tee log", "./a | ./b"])
def test_a_pipeline_is_refused_where_no_bash_minds_all_its_parts(monkeypatch, line):
    assert line_errors([line]) == []
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    assert len(line_errors([line])) == 1


@pytest.mark.parametrize(
    "line",
    [
        "pytest || true", "pytest; echo x", "pytest & wait", "for f in 1 2; do test $f = 2; done",
        "sh -c 'pytest | cat'", "pytest | head -0", "find . -name pytest -exec sh {} \\;",
    ],
)  # fmt: skip
@pytest.mark.security("T13")
def test_what_is_refused_passes_on_a_failure_and_its_better_spelling_does_not(tmp_path, line):
    (tmp_path / "pytest").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "pytest").chmod(0o755)

    def code(text):
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run(["bash", "-c", text], check=False, cwd=tmp_path, env=env).returncode

    assert code(line) == 0
    assert code(unheard(line).partition("write `")[2].removesuffix("`")) != 0


def test_a_package_script_that_hides_failures_makes_the_check_doubtful(tmp_path):
    (tmp_path / "package.json").write_text('{"scripts": {"test": "npm run unit; echo ok", "unit": "mocha || true"}}')
    doubts = hidden_in_scripts("npm test", tmp_path)
    assert [doubt.partition(":")[0] for doubt in doubts] == [
        "package.json has `npm run unit; echo ok`",
        "package.json has `mocha || true`",
    ]
    (tmp_path / "package.json").write_text('{"scripts": {"test": "tsc && mocha"}}')
    assert hidden_in_scripts("npm test", tmp_path) == ()
