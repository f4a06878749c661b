"""What a review costs: `agentflow review` beside one `claude -p` for every file, with the same answers.

Both review the same repository of real source files (by default agentflow's own) and get the same findings from the
same replay server, which counts tokens, caches prompts and takes a second for every answer. agentflow also joins the
findings and verifies them on stronger models; Claude Code reads every file from stdin in a session of its own, as many
at once as agentflow has reviewers. Ratios are within one run. Peak memory needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from footprint import Footprint, measured, processors
from review_material import ASK, Material, copy, material, scenario

from agentflow.config.settings_file import SettingsFile
from agentflow.domain.tiers import Tier
from agentflow.models.launch import bundled_cli
from agentflow.models.prices import PriceTable
from agentflow.models.usage import tokens_of
from agentflow.replay.cache import PromptCache
from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay

INPUT_TARGET, WALL_TARGET, MEMORY_TARGET = 0.25, 0.20, 0.25
HOME = Path(__file__).parent.parent
REVIEWER = SettingsFile().tiers[Tier.HAIKU]
#: What a person would put into a script: one file after the other from stdin, so many at once.
EACH = 'claude -p "$(printf "$ASK" "$1")" --model "$MODEL" --output-format json <"$1" >"$OUT/$$.json"'
SCRIPT = f"""xargs -0 -n 1 -P "$PARALLEL" sh -c '{EACH}' review <"$NAMES" """
#: `-P`: the repository may hold a package of that name, its own source.
AGENTFLOW = (sys.executable, "-P", "-m", "agentflow", "review", ".")
DROPPED = ("PYTHONDONTWRITEBYTECODE", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDECODE")


@dataclass(frozen=True)
class Reviewed:
    """One side: what it took, input cost by agent and the whole bill in USD, and how many requests it made."""

    took: Footprint
    input_usd: dict[str, float]
    bill_usd: float
    requests: int


class Bench:
    """A repository, a server, and both ways to review it."""

    def __init__(self, folder: Path, server: ThreadedReplay, given: Material, parallel: int, model: str) -> None:
        self._folder, self._server, self._given = folder, server, given
        self._parallel, self._model = parallel, model
        for name in ("home", "bin", "repository"):
            (folder / name).mkdir()
        (folder / "bin" / "claude").symlink_to(bundled_cli())
        self._root = folder / "repository"
        self._env = {
            **{name: value for name, value in os.environ.items() if name not in DROPPED},
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "AGENTFLOW_STATE_DIR": str(folder / "state"),
            "AGENTFLOW_TRUST": "1",
            "AGENTFLOW_CACHE_DIR": str(folder / "cache"),
            "AGENTFLOW_CONFIG_DIR": str(folder / "config"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "ANTHROPIC_BASE_URL": server.base_url,
            "ANTHROPIC_API_KEY": "replayed",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    def prepare(self, source: Path) -> None:
        """The repository with its one commit; both commands have been started once."""
        copy(self._given, source, self._root)
        git = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@localhost"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
            subprocess.run([*git, *words], cwd=self._root, env=self._env, check=True)
        self._done([*AGENTFLOW, "--dry-run"])
        self._one_by_one([self._given.sources[1].path])

    def agentflow(self) -> Reviewed:
        command = [*AGENTFLOW, "--json", "--quiet", "--fail-on", "never"]
        asked = len(self._server.requests)
        took = self._done([*command, "--max-parallel", str(self._parallel)])
        told = json.loads(took.out)
        unread = {source.path for source in self._given.sources} - set(told["files_reviewed"])
        judged = told["counts"]["refuted"] + sum(len(told[kind]) for kind in ("findings", "doubtful", "suppressed"))
        if unread or judged != len(self._given.findings):
            sys.exit(f"not reviewed: {unread}; {judged} findings judged\n{took.out}")
        return self._reviewed(took, told["cost_usd"], asked)

    def one_by_one(self, sample: int) -> Reviewed:
        """As many files as `sample`, spread evenly."""
        names = [source.path for source in self._given.sources]
        asked = len(self._server.requests)
        took, bill_usd = self._one_by_one([names[n * len(names) // sample] for n in range(sample)])
        return self._reviewed(took, bill_usd, asked)

    def _one_by_one(self, paths: Sequence[str]) -> tuple[Footprint, float]:
        listed, out = self._folder / "names", Path(tempfile.mkdtemp(dir=self._folder))
        listed.write_text("\0".join(paths))
        words = {"ASK": ASK, "MODEL": self._model, "PARALLEL": str(self._parallel), "OUT": str(out)}
        took = self._done(["sh", "-c", SCRIPT], **words, NAMES=str(listed))
        answers = [json.loads(file.read_text()) for file in out.iterdir()]
        if len(answers) != len(paths) or any(answer["is_error"] for answer in answers):
            sys.exit(f"{len(answers)} answers for {len(paths)} files: {answers}")
        told = sum(len(json.loads(answer["result"])) for answer in answers)
        if told != sum(found["file"] in paths for found in self._given.findings):
            sys.exit(f"{told} findings came back")
        return took, sum(answer["total_cost_usd"] for answer in answers)

    def _done(self, command: list[str], **env: str) -> Footprint:
        took = measured(command, self._root, {**self._env, **env})
        if took.code or self._server.unmatched:
            sys.exit(f"{command} ended with {took.code}:\n{took.out}\n{took.err}\n{self._server.unmatched}")
        return took

    def _reviewed(self, took: Footprint, bill_usd: float, asked: int) -> Reviewed:
        requests = self._server.requests
        return Reviewed(took, input_usd(requests, asked), bill_usd, len(requests) - asked)


def input_usd(requests: Sequence[ReplayRequest], first: int) -> dict[str, float]:
    """What the prompts cost by agent from the request `first` on, USD: the server's own count, classes and all."""
    cache, prices, costs = PromptCache(), PriceTable(), dict[str, float]()
    for n, request in enumerate(requests):
        tokens = tokens_of(cache.usage(request.model, request.body, request.at))
        if n >= first:
            agent = request.labels.get("agent", "claude")
            costs[agent] = costs.get(agent, 0.0) + (prices.price(request.model, tokens) or 0.0)
    return costs


def report(ours: Reviewed, theirs: Reviewed, scale: float) -> None:
    """Both sides beside each other; what grows with the number of files is scaled up from a sample."""
    ours_usd, theirs_usd = sum(ours.input_usd.values()), scale * sum(theirs.input_usd.values())
    print(f"{'':<14} {'agentflow':>10} {'claude -p':>10} {'ratio':>7}")
    _row("input, USD", ours_usd, theirs_usd, ".4f", INPUT_TARGET)
    _row("bill, USD", ours.bill_usd, scale * theirs.bill_usd, ".4f")
    _row("wall, s", ours.took.wall, scale * theirs.took.wall, ".1f", WALL_TARGET)
    _row("memory, MB", ours.took.peak / 1e6, theirs.took.peak / 1e6, ".0f", MEMORY_TARGET)
    _row("processor, s", ours.took.cpu, scale * theirs.took.cpu, ".1f")
    _row("requests", ours.requests, scale * theirs.requests, ".0f")
    by_agent = ", ".join(f"{agent} ${usd:.4f} ({usd / theirs_usd:.3f})" for agent, usd in ours.input_usd.items())
    print(f"agentflow's input by agent, and as a part of the other side's: {by_agent}")


def _row(name: str, ours: float, theirs: float, form: str, target: float | None = None) -> None:
    wanted = f"   target: at most {target}" if target else ""
    print(f"{name:<14} {ours:>10{form}} {theirs:>10{form}} {ours / theirs:>7.3f}{wanted}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--source", type=Path, default=HOME, help="a folder whose source files are reviewed")
    parser.add_argument("--theirs", type=int, metavar="N", help="claude -p for N of the files only, scaled up")
    parser.add_argument("--delay", type=float, default=1.0, help="seconds the model takes for an answer")
    parser.add_argument("--model", default=REVIEWER.model, help="the model of claude -p (default: %(default)s)")
    parser.add_argument("--parallel", type=int, default=REVIEWER.max_parallel)
    args = parser.parse_args()
    given = material(args.source.resolve(), args.files)
    count = len(given.sources)
    sample = min(args.theirs or count, count)
    with (
        tempfile.TemporaryDirectory(prefix="agentflow-bench-") as folder,
        ThreadedReplay(parse_scenario(scenario(given, args.delay))) as server,
    ):
        bench = Bench(Path(folder).resolve(), server, given, args.parallel, args.model)
        bench.prepare(args.source)
        before = processors()
        ours, theirs = bench.agentflow(), bench.one_by_one(sample)
    print(given.describe())
    print(f"models answer after {args.delay} s, {args.parallel} reviewers at once, claude -p on {args.model}; {before}")
    if sample < count:
        print(f"claude -p read {sample} files; its cost, time and requests are scaled up to {count}")
    report(ours, theirs, count / sample)


if __name__ == "__main__":
    main()
