"""Does proof hold on repositories that nobody here wrote?

    python benchmarks/repositories FOLDER --prepare          clone them into FOLDER and set them up (long; once)
    python benchmarks/repositories FOLDER                    try all that are there
    python benchmarks/repositories FOLDER --only click,ufo   try some

`known.toml` lists the repositories, each with a real fix of its history and with what its developers run in a fresh
clone (so uv, poetry, pnpm, npm, cargo, cmake and make have to be on PATH). FOLDER should lie outside every repository;
besides the clones it holds a home folder for them, and of every trial what agentflow printed. `--origin` says where to
clone from: a URL or a path in which {owner} and {name} are filled in; `--known` names another table.

In every clone the fix is undone by a commit, its tests stay. Then, on the real Claude Code CLI and against the replay
server, a scripted agent carries out a plan of one subtask, twice:

- it makes the real fix again: that must be merged, and the branch's tree must be the one of the repository's history;
- it makes the fix and lets the module raise when it is loaded: that must be refused, by checks, on every tier. The
  scripted judge approves of everything.

A repository gets through when both end as they must. Where agentflow stops with a command to run instead (exit 4), that
command's options are given, and the table says so. Prints what agentflow found in each repository, then the table, and
what each needs where `known.toml` says otherwise. Checks and set-up run in the sandbox, with no network for checks.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from clone import GITHUB, Clone, Trouble, environment
from known import Known, known
from trial import Outcome, Told, Trial

KNOWN = Path(__file__).with_name("known.toml")
TARGET = 0.9


def prepare(clone: Clone, origin: str) -> bool:
    started = time.monotonic()
    try:
        clone.make(origin)
        clone.prepare()
    except Trouble as trouble:
        print(f"{clone.known.name}: not prepared: {trouble}", flush=True)
        return False
    print(f"{clone.known.name}: prepared in {time.monotonic() - started:.0f} s", flush=True)
    return True


def tried(clone: Clone, folder: Path) -> Told:
    env = environment(folder / ".home")
    try:
        return Trial(clone, folder / ".trials" / clone.known.name, env)()
    except Trouble as trouble:
        never = Outcome(f"not tried: {trouble}", is_right=False)
        return Told(clone.known.name, clone.known.shape, "-", (), "-", "-", never, never, "")


def show(told: Told, seconds: float) -> None:
    print(f"\n{told.name} ({told.shape}; {seconds:.0f} s)")
    print(f"  set-up    {told.setup}")
    print(f"  checks    {'; '.join(told.checks) or 'none found'}")
    print(f"  baseline  {told.baseline}")
    print(f"  loads     {told.loads}")
    print(f"  right     {told.right.words}")
    print(f"  wrong     {told.wrong.words}")
    print(f"  flags     {told.flags or 'none'}", flush=True)


def table(every: list[Told]) -> None:
    print("\n| repository | shape | right change | wrong change | flags | gets through |\n|---|---|---|---|---|---|")
    for told in every:
        words = (told.right.words, told.wrong.words, told.flags or "none", "yes" if told.gets_through else "NO")
        cells = [told.name, told.shape, *(word.splitlines()[0][:100].replace("|", "\\|") for word in words)]
        print(f"| {' | '.join(cells)} |")
    bare = sum(told.gets_through and not told.flags for told in every)
    asked = sum(told.gets_through and bool(told.flags) for told in every)
    print(
        f"\n{bare} of {len(every)} get through with no flag ({bare / len(every):.0%}; target {TARGET:.0%}),"
        f" {asked} with the command that agentflow prints, {len(every) - bare - asked} not"
    )


def changed(every: list[Told], clones: list[Clone]) -> None:
    """Say where a repository needs something else than it did when it was last tried."""
    recorded = {clone.known.name: clone.known.needed for clone in clones}
    for told in every:
        if told.needed not in {before := recorded[told.name], before.partition(": ")[0]}:
            print(f"{told.name}: needs {told.needed}; recorded: {before}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the clones are")
    parser.add_argument("--only", default="", help="names from the table, with commas between them")
    parser.add_argument("--prepare", action="store_true", help="clone and set up, instead of trying")
    parser.add_argument("--known", type=Path, default=KNOWN, help="the table of repositories")
    parser.add_argument("--origin", default=GITHUB, help="where to clone from (%(default)s)")
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    env = environment(folder / ".home")
    wanted = set(filter(None, args.only.split(",")))
    clones = [_clone(each, folder, env) for each in known(args.known) if not wanted or each.name in wanted]
    if args.prepare:
        done = [prepare(clone, args.origin) for clone in clones]
        sys.exit(not all(done))
    every = []
    for clone in clones:
        if clone.is_there:
            started = time.monotonic()
            every.append(tried(clone, folder))
            show(every[-1], time.monotonic() - started)
    if not every:
        sys.exit(f"no repository of {args.known} is in {folder}; get them with --prepare")
    table(every)
    changed(every, clones)
    sys.exit(not all(told.gets_through for told in every))


def _clone(each: Known, folder: Path, env: dict[str, str]) -> Clone:
    return Clone(each, folder / each.name, env)


if __name__ == "__main__":
    main()
