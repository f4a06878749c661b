"""Can a reviewer prove the defect from what it is shown?

    python benchmarks/review_sight.py FOLDER                       clone into FOLDER and undo every fix
    python benchmarks/review_sight.py FOLDER --only ky,Go          some packages or languages
    python benchmarks/review_sight.py FOLDER --origin '/mirrors/{owner}+{name}'   clone from elsewhere

The tables in `sight/` list real fixes with the lines that prove each defect. In a clone the fix is undone by a commit,
its tests stay, and that commit is reviewed up to the point where a model would be asked. A fix counts when one reviewer
is shown all of its lines as code that is there now; in a second column what removed lines tell counts as well.
Prints a row for every fix and every language, what is missing, and the tokens that all reviewers of a fix are sent.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sight.fixes import Fix, fixes, source_files
from sight.seeing import Seen, prompts, seen, shown, wrong

sys.path.append(str(Path(__file__).with_name("repositories")))

from clone import BRANCH, GITHUB, Clone, Trouble, environment
from known import Known

TABLES = Path(__file__).with_name("sight")
TARGET = 0.75


@dataclass(frozen=True)
class Case:
    """One fix and what was seen of its facts."""

    fix: Fix
    seen: Seen

    @property
    def is_seen(self) -> bool:
        return not (self.seen.missing or self.fix.outside)

    @property
    def is_seen_with_removed(self) -> bool:
        return not (self.seen.missing_with_removed or self.fix.outside)

    @property
    def why_not(self) -> str:
        facts = [f"not shown: {' or '.join(str(fact) for fact in need if fact.line)}" for need in self.seen.missing]
        return "; ".join([*facts, *([f"not in the repository: {self.fix.outside}"] if self.fix.outside else [])])


def reverse(fix: Fix, folder: Path, origin: str, env: dict[str, str]) -> Clone:
    """A clone at the commit without the fix; the one with it is its parent."""
    name = fix.repository.replace("/", "+")
    known = Known(name, fix.repository, fix.language, fix.commit, (), (), tree=fix.commit, hunks=fix.hunks)
    clone = Clone(known, folder / name, env)
    clone.make(origin)
    changed = clone.git("diff", "--name-only", f"{fix.commit}~1", fix.commit).splitlines()
    clone.known = replace(known, files=source_files(fix, changed))
    clone.start()
    return clone


def case(fix: Fix, folder: Path, origin: str, env: dict[str, str]) -> Case:
    clone = reverse(fix, folder, origin, env)
    if slips := wrong(fix.needs, clone.root):
        raise Trouble(f"does not stand there: {'; '.join(slips)}")
    asked = asyncio.run(prompts(clone.root, f"{fix.commit}..{BRANCH}"))
    return Case(fix, seen(fix.needs, [shown(prompt) for prompt in asked]))


def table(cases: Sequence[Case]) -> None:
    print(f"\n{'language':<12} {'fixes':>5} {'seen':>5} {'share':>6} {'with removed lines':>19} {'tokens, median':>15}")
    for language in dict.fromkeys(one.fix.language for one in cases):
        _row(language, [one for one in cases if one.fix.language == language])
    _row("all", cases)
    packages = len({one.fix.repository for one in cases})
    share = sum(one.is_seen for one in cases) / len(cases)
    total = sum(one.seen.tokens for one in cases)
    print(f"\n{len(cases)} fixes of {packages} packages, {total:,} tokens: {share:.0%} seen (target {TARGET:.0%})")


def _row(name: str, cases: Sequence[Case]) -> None:
    count, alone = len(cases), sum(one.is_seen for one in cases)
    removed = sum(one.is_seen_with_removed for one in cases)
    middle = statistics.median(one.seen.tokens for one in cases)
    print(f"{name:<12} {count:>5} {alone:>5} {alone / count:>6.0%} {removed:>19} {middle:>15,.0f}")


def misses(cases: Sequence[Case]) -> None:
    print("\nmissed:")
    for one in cases:
        if not one.is_seen:
            print(f"- {one.fix.name}: {one.fix.defect} {one.why_not}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the clones are kept, outside every repository")
    parser.add_argument("--only", default="", help="names of packages or languages, with commas between them")
    parser.add_argument("--origin", default=GITHUB, help="where to clone from (%(default)s)")
    parser.add_argument("--tables", type=Path, default=TABLES, help="another folder of tables")
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    env = environment(folder / ".home")
    wanted = set(filter(None, args.only.split(",")))
    cases, failed = [], 0
    for fix in fixes(args.tables):
        if wanted and wanted.isdisjoint({fix.language, fix.repository.split("/")[1]}):
            continue
        try:
            cases.append(case(fix, folder, args.origin, env))
        except Trouble as error:
            failed += 1
            print(f"{fix.name}: {error}", file=sys.stderr)
            continue
        one = cases[-1]
        print(f"{'seen  ' if one.is_seen else 'missed'} {one.seen.tokens:>7,} tokens  {fix.name}", flush=True)
    if not cases:
        sys.exit(f"no fix of {args.tables} could be looked at")
    table(cases)
    misses(cases)
    sys.exit(min(failed, 1))


if __name__ == "__main__":
    main()
