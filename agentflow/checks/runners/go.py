"""go test. Its verbose output names every test; it is kept whole, and shown without the lines about what passes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentflow.checks.runners.files import text_of, walk
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.checks.runners.shims import TEE, dropping, kept_output, shimmed
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check, Obstacle

_SHIM = f"""
for af_word; do
    case "$af_word" in
        -json|-c|-list|-list=*|-exec|-args|--args|-n) af_other=1 ;;
        test) af_ours=1 ;;
        build|run|vet|generate|install|mod|tool|list|get) [ -n "$af_ours" ] || af_other=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    {dropping("-failfast|--failfast|-failfast=*|--failfast=*")}
    case "$GOFLAGS" in *failfast*) set -- "$@" -failfast=false ;; esac
    set -- "$@" -v
    af_shown() {{ grep --line-buffered -Ev '^(=== (RUN|PAUSE|CONT|NAME) |[ ]*--- PASS: )'; }}
    AF_FILTER=af_shown
{TEE}
fi
"""
_RESULT = re.compile(r"^( *)--- (PASS|FAIL|SKIP): (\S+) \([\d.]+s\)$")
_RUNNING = re.compile(r"^=== (?:RUN|CONT|NAME) +(\S+)$")
_PACKAGE = re.compile(r"^(ok|FAIL|---|\?) *\t(\S+)(?:\t| |$)(.*)$")
_OUTCOMES = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
_DECLARED = re.compile(r"^func ((?:Test|Example|Fuzz|Benchmark)\w*)\(", re.MULTILINE)


def _detect(folder: Path) -> Iterator[Check]:
    if (folder / "go.mod").is_file():
        yield Check("go test ./...", "go.mod")


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    lines = kept_output(folder)
    if lines is None:
        return None
    tally, modules = Tally(worktree), _Modules(worktree)
    seen: list[tuple[str, str]] = []
    told: dict[str, list[str]] = {}
    running, packages = "", 0
    for line in lines:
        if found := _RESULT.match(line):
            seen.append((found[3], _OUTCOMES[found[2]]))
            running = found[3]
        elif found := _RUNNING.match(line):
            running = found[1]
        elif found := _PACKAGE.match(line):
            packages += 1
            for name, outcome in seen:
                account = "\n".join(told.get(name, ()))
                tally.saw(modules.test_id(found[2], name), outcome, "", account)
            if found[1] == "FAIL" and ("failed]" in found[3] or not any(o == "failed" for _, o in seen)):
                account = "\n".join(told.get(running, ()))
                tally.saw(modules.folder(found[2]), "failed", found[3].strip("[] ") or "the package failed", account)
            seen, told, running = [], {}, ""
        else:
            told.setdefault(running, []).append(line)
    return tally.report() if packages else None


class _Modules:
    """Go's module paths below a folder, to name the file that declares a test."""

    def __init__(self, worktree: Path) -> None:
        self._worktree = worktree
        self._tests: dict[str, dict[str, str]] = {}
        self._modules: dict[str, str] = {}
        for folder, files in walk(worktree):
            found = (
                re.search(r"^module\s+(\S+)", text_of(folder / "go.mod"), re.MULTILINE) if "go.mod" in files else None
            )
            if found:
                self._modules[found[1].strip('"')] = folder.relative_to(worktree).as_posix()

    def folder(self, package: str) -> str:
        for module in sorted(self._modules, key=len, reverse=True):
            if package == module or package.startswith(f"{module}/"):
                return os.path.normpath(f"{self._modules[module]}/{package[len(module) :].lstrip('/')}")
        return package

    def test_id(self, package: str, name: str) -> str:
        folder = self.folder(package)
        if folder not in self._tests:
            files = sorted((self._worktree / folder).glob("*_test.go"))
            self._tests[folder] = {test: file.name for file in files for test in _DECLARED.findall(text_of(file))}
        file = self._tests[folder].get(name.partition("/")[0], "")
        return f"{os.path.normpath(f'{folder}/{file}')}::{name}"


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if found := re.search(r"go: go\.mod requires go >= (\S+) \(running go (\S+?)[;)]", output):
        return Obstacle(f"the Go version does not fit: {found[1]} is needed, {found[2]} is there")
    if re.search(r"dial tcp: lookup|module lookup disabled by GOPROXY|cannot find module providing package", output):
        return Obstacle("go cannot get the dependencies", "go mod download")
    if re.search(r'cgo: C compiler "\S+" not found', output):
        return Obstacle("there is no C compiler, which cgo needs")
    return None


def _narrowed(line: str, files: Iterable[str]) -> str | None:
    folders = dict.fromkeys(f"./{Path(file).parent.as_posix()}" for file in files)
    return line.replace("./...", " ".join(folders)) if folders and "./..." in line and "cd " not in line else None


RUNNER = Runner(
    name="go",
    detect=_detect,
    runs=lambda line, _: bool(re.search(r"\bgo\b[^;&|\n]*\stest\b", line)),
    reporting=lambda invocation, folder: shimmed(invocation, folder, "go", _SHIM),
    read=_read,
    ran_nothing=lambda ended: "no packages to test" in ended.output,
    obstacle=_obstacle,
    narrowed=_narrowed,
)
