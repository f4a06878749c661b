"""cargo test and cargo nextest. Stable Rust has no machine format for tests: what it prints is read, all of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentflow.checks.runners.files import table, toml_of, walk
from agentflow.checks.runners.lines import is_simple
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.checks.runners.shims import TEE, dropping, kept_output, shimmed
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check, Obstacle

_SHIM = f"""
for af_word; do
    case "$af_word" in
        --list|--no-run|--message-format*|--help) af_other=1 ;;
        test|t|nextest) af_ours="$af_word" ;;
        build|run|r|bench|clippy|doc|fmt|install|--)
            case "$af_ours$af_word" in nextestrun|nextestr) af_ours=all ;; esac
            break ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    {dropping("--no-fail-fast|--fail-fast|--ff|--max-fail=*")}
    # After the first test program that fails, cargo would not run the others.
    af_left=$# af_said=
    [ "$af_ours" = nextest ] && af_said=1
    while [ "$af_left" -gt 0 ]; do
        if [ "$1" = -- ] && [ -z "$af_said" ]; then set -- "$@" --no-fail-fast; af_said=1; fi
        set -- "$@" "$1"; shift; af_left=$((af_left - 1))
    done
    [ -n "$af_said" ] || set -- "$@" --no-fail-fast
{TEE}
fi
"""
#: `Running unittests src/lib.rs (target/debug/deps/name-hash)`, older: without `unittests`.
_BINARY = re.compile(r"^\s+Running (?:unittests )?(\S+) \((?:.*/)?([^/]+?)-[0-9a-f]{16}(?:\.exe)?\)$")
_DOCS = re.compile(r"^\s+Doc-tests (\S+)$")
_RESULT = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:$|, )")
_ACCOUNT = re.compile(r"^---- (.+?) std(?:out|err) ----$")
_DOC_NAME = re.compile(r"^(\S+) - (.*?)\s*\(line \d+\)(?: - .*)?$")
#: `PASS [   0.004s] (1/3) crate::binary tests::name`; nextest.
_NEXTEST = re.compile(
    r"^\s+(?:TRY \d+ )?(PASS|FAIL|SIGSEGV|SIGABRT|TIMEOUT|LEAK|FLAKY \S+|ABORT) "
    r"\[[^\]]*\] (?:\([\d/ ]+\) )?(\S+) (\S.*)$"
)

_NO_CRATES = re.compile(
    r"no matching package named|failed to (?:get `|download|fetch|load source)|Could not resolve host"
    r"|you're using offline mode"
)


def _detect(folder: Path) -> Iterator[Check]:
    if not (folder / "Cargo.toml").is_file():
        return
    nextest = (folder / ".config/nextest.toml").is_file() and shutil.which("cargo-nextest")
    yield Check("cargo nextest run" if nextest else "cargo test", "Cargo.toml")


def _runs(line: str, _worktree: Path) -> bool:
    return bool(re.search(r"\bcargo\b[^;&|\n]*\s(?:test|t|nextest)\b", line))


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    return shimmed(invocation, folder, "cargo", _SHIM)


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    lines = kept_output(folder)
    if lines is None:
        return None
    reader = _Reader(worktree)
    for line in lines:
        reader.line(line)
    return reader.report() if reader.has_tests else None


class _Reader:
    def __init__(self, worktree: Path) -> None:
        self._tally = Tally(worktree)
        self._packages = Packages(worktree)
        self._file, self._crate = "", ""
        self._told: list[str] | None = None
        self._seen: list[tuple[str, str]] = []
        self._accounts: dict[str, list[str]] = {}
        self.has_tests = False

    def line(self, line: str) -> None:
        if found := _BINARY.match(line):
            self._settle()
            self._file, self._crate, self.has_tests = found[1], found[2], True
        elif found := _DOCS.match(line):
            self._settle()
            self._file, self._crate, self.has_tests = "", found[1], True
        elif found := _RESULT.match(line):
            self._seen.append((found[1], _OUTCOMES[found[2]]))
        elif found := _ACCOUNT.match(line):
            self._told = self._accounts.setdefault(found[1], [])
        elif line in {"failures:", "successes:"} or line.startswith("test result:"):
            self._told = None
        elif found := _NEXTEST.match(line):
            self.has_tests = True
            crate, _, binary = found[2].partition("::")
            outcome = "passed" if found[1].startswith(("PASS", "LEAK", "FLAKY")) else "failed"
            self._tally.saw(self._packages.test_id(crate, f"tests/{binary}.rs" if binary else "", found[3]), outcome)
        elif self._told is not None:
            self._told.append(line)

    def _settle(self) -> None:
        """The accounts of a binary's failures come after all of its results."""
        for name, outcome in self._seen:
            account = "\n".join(line for line in self._accounts.get(name, ()) if not line.startswith("note: "))
            doc = _DOC_NAME.match(name)
            named = (doc[1], f"{doc[2]} (doc)") if doc else (self._file, name)
            test = self._packages.test_id(self._crate, *named)
            self._tally.saw(test, outcome, _panic(account), account)
        self._seen, self._accounts, self._told = [], {}, None

    def report(self) -> Report:
        self._settle()
        return self._tally.report()


_OUTCOMES = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


def _panic(account: str) -> str:
    """What the panic says: the lines between `panicked at` and the backtrace."""
    _, found, after = account.partition("panicked at ")
    return after.partition("stack backtrace:")[0].partition("\n")[2].strip() if found else ""


class Packages:
    """Where the packages below a folder are, to name the file that holds a test."""

    def __init__(self, worktree: Path) -> None:
        self._worktree = worktree
        self._folders: dict[str, str] = {}
        for folder, files in walk(worktree):
            if "Cargo.toml" in files:
                name = table(toml_of(folder / "Cargo.toml"), "package").get("name")
                if isinstance(name, str):
                    self._folders.setdefault(name.replace("-", "_"), folder.relative_to(worktree).as_posix())

    def test_id(self, crate: str, file: str, name: str) -> str:
        """`src/price.rs::price::tests::adds`; the crate instead of a path where no file can be told."""
        folder = self._folder(crate.replace("-", "_"), file)
        if not file or file.startswith("src/"):
            file = self._module(folder, name) or file
        path = file if folder in {".", ""} or file.startswith(f"{folder}/") else f"{folder}/{file}"
        return f"{path if file else crate}::{name}"

    def _folder(self, crate: str, file: str) -> str:
        """By the crate's name; an integration test's crate is its file's name, so by where such a file is."""
        if crate in self._folders:
            return self._folders[crate]
        holding = [folder for folder in self._folders.values() if file and (self._worktree / folder / file).is_file()]
        return holding[0] if len(holding) == 1 else "."

    def _module(self, folder: str, name: str) -> str | None:
        modules = name.split("::")[:-1]
        for length in range(len(modules), 0, -1):
            path = "/".join(("src", *modules[:length]))
            for file in (f"{path}.rs", f"{path}/mod.rs"):
                if (self._worktree / folder / file).is_file():
                    return file
        return None


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if found := re.search(r"error: no such command: `(\S+)`", output):
        return Obstacle(f"cargo {found[1]} is not installed")
    if found := re.search(r"error: linker `(\S+)` not found", output):
        return Obstacle(f"there is no compiler: the linker {found[1]} is not installed")
    if found := re.search(r"requires rustc ([\d.]+)", output):
        return Obstacle(f"the Rust version does not fit: {found[1]} is needed")
    if re.search(r"error: toolchain '.*' is not installed|rustup could not choose a version", output):
        return Obstacle("the Rust toolchain is not installed, or none is the default")
    if _NO_CRATES.search(output):
        return Obstacle("cargo cannot get the dependencies", "cargo fetch")
    return None


def _narrowed(line: str, files: Iterable[str]) -> str | None:
    """Integration tests are files of their own; unit tests are not."""
    names = [Path(file).stem for file in files if re.fullmatch(r"(?:.*/)?tests/[^/]+\.rs", file)]
    if not names or len(names) != len(list(files)) or not is_simple(line):
        return None
    return " ".join([line, *(f"--test {name}" for name in names)])


RUNNER = Runner(
    name="cargo",
    detect=_detect,
    runs=_runs,
    reporting=_reporting,
    read=_read,
    ran_nothing=lambda ended: "no tests to run" in ended.output,
    obstacle=_obstacle,
    narrowed=_narrowed,
)
