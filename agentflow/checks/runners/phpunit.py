"""PHPUnit, and Pest, which takes the same option."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentflow.checks.junit import read_cases
from agentflow.checks.runners.files import first_file, json_of, table
from agentflow.checks.runners.lines import calls, with_files
from agentflow.checks.runners.runner import Ended, Report, Runner
from agentflow.checks.runners.shims import shimmed
from agentflow.checks.runners.tally import Tally
from agentflow.domain.evidence import Check, Obstacle

_SHIM = r"""
for af_word; do
    case "$af_word" in
        --log-junit*|--list-*|--version|--help) af_other=1 ;;
        */phpunit|*/phpunit.phar|*/pest) af_ours=1 ;;
    esac
done
if [ -n "$af_ours" ] && [ -z "$af_other" ]; then
    export AGENTFLOW_REPORTING=1
    set -- "$@" --log-junit "$AF_FOLDER/$$.xml"
fi
"""


def _detect(folder: Path) -> Iterator[Check]:
    source = first_file(folder, "phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml")
    if source:
        is_pest = "pestphp/pest" in table(json_of(folder / "composer.json"), "require-dev")
        yield Check(f"vendor/bin/{'pest' if is_pest else 'phpunit'}", source)


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    tally, read_any = Tally(worktree), False
    for path in sorted(folder.glob("*.xml")):
        cases = read_cases(path)
        read_any = read_any or cases is not None
        for case in cases or ():
            file = tally.path((case.get("file") or case.suite.get("file", "")).partition("::")[0]) or case.get(
                "classname"
            )
            account = case.account.partition("\n")[2]
            tally.saw(f"{file}::{case.get('name')}", case.outcome, "", account)
    return tally.report() if read_any else None


def _obstacle(ended: Ended) -> Obstacle | None:
    output = ended.output
    if found := re.search(r"PHP extension (\S+)|\"?(dom|mbstring|xml|json)\"? extension", output):
        return Obstacle(f"the PHP extension {found[1] or found[2]} is not installed")
    if re.search(r"vendor/(?:autoload\.php|bin/\w+).*(?:No such file|not found)|dependencies using Composer", output):
        return Obstacle(
            "Composer's packages are not installed: there is no vendor folder with them", "composer install"
        )
    if found := re.search(r"require a PHP version \"(\S+ \S+)\"", output):
        return Obstacle(f"the PHP version does not fit: {found[1]} is needed")
    return None


def _narrowed(line: str, files: Iterable[str]) -> str | None:
    """PHPUnit takes one path."""
    paths = list(files)
    return with_files(line, paths) if len(paths) == 1 else None


RUNNER = Runner(
    name="phpunit",
    detect=_detect,
    runs=calls("phpunit", "phpunit.phar", "pest"),
    reporting=lambda invocation, folder: shimmed(invocation, folder, "php", _SHIM),
    read=_read,
    ran_nothing=lambda ended: "No tests executed!" in ended.output or "No tests found" in ended.output,
    obstacle=_obstacle,
    narrowed=_narrowed,
)
