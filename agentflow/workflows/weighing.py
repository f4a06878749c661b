"""What an attempt rests on whose checks let it pass: proven, weakly proven or unproven.

Each further run of a check is made only where what is known does not decide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from agentflow.checks.comparison import tests_of
from agentflow.checks.evidence import judge, listed
from agentflow.checks.ids import file_of, stands_in
from agentflow.checks.old_tests import altered, held, touched_tests
from agentflow.checks.red_green import Gain, Weight, gains, independent, own_tests, weigh
from agentflow.checks.runners import runner_of
from agentflow.checks.tamper import is_test_code, is_test_module
from agentflow.domain.attempts import Outcome, Verdict
from agentflow.domain.evidence import Change, Evidence, Proof
from agentflow.domain.plans import Kind, Subtask
from agentflow.domain.text import printable
from agentflow.git.commits import read_file
from agentflow.git.trees import graft
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Examined, Order

#: Characters of old tests that a judge is shown.
MAX_SOURCE = 12_000


@dataclass(frozen=True, slots=True)
class Weighing:
    """One attempt's commit and what its checks showed. `changed` is everything that differs from the order's base."""

    context: RunContext
    order: Order
    subtask: Subtask
    commit: str
    changed: Sequence[Change]
    after: Evidence

    async def examined(self) -> Examined:
        """The verdict with the proof. The promised checks are held against the base where that is needed."""
        before = await self._known()
        weight = await self._weight(before)
        if weight.proof is Proof.WEAKLY_PROVEN:
            before = await self._with_promises(before)
            weight = await self._weight(before)
        verdict = judge(before, self.after, self.subtask.checks, self.changed, drops=self.subtask.drops_tests)
        if not verdict.passed:
            return Examined(verdict.outcome, printable(verdict.reason), printable(verdict.digest))
        return await self._held(before, weight, verdict)

    async def _weight(self, before: Evidence) -> Weight:
        return weigh(self.subtask.kind, before, self.after, await self._vouched(gains(before, self.after)))

    async def _known(self) -> Evidence:
        commands = (*self.subtask.checks, *self.context.checks)
        return await self.context.prover.known(self.order.base, commands)

    async def _with_promises(self, before: Evidence) -> Evidence:
        """What is known of the base, and what the promised checks show there."""
        failing = {test for result in before.results for test in tests_of(result).failed}
        known = dict.fromkeys(self.subtask.checks, failing)
        await self._prove(self.order.base, self.subtask.checks, known, "on the base", alone=False)
        return await self._known()

    @property
    def _own(self) -> tuple[str, ...]:
        """Test code that cannot vouch for the change: in other kinds of work, new tests are the work."""
        return own_tests(self.changed) if self.subtask.kind in {Kind.IMPLEMENT, Kind.FIX} else ()

    async def _vouched(self, gained: Sequence[Gain]) -> tuple[Gain, ...]:
        """The gains that count; those in the change's own tests do where these fail without the rest of the change."""
        if (sure := independent(gained, self._own)) or not gained:
            return sure
        tests = [change.path for change in self.changed if is_test_code(change.path)]
        if len(tests) == len(self.changed):
            return ()
        alone = await self._graft("tests-alone", self.order.base, self.commit, tests)
        promised = [gain for gain in gained if gain.command in self.subtask.checks]
        others = [gain for gain in gained if gain.command not in self.subtask.checks]
        return await self._failing_at(alone, promised) or await self._failing_at(alone, others)

    async def _failing_at(self, commit: str, gained: Sequence[Gain]) -> tuple[Gain, ...]:
        """Those of the gains that are red at `commit` too."""
        if not gained:
            return ()
        lines = {name: await self._line(name, gained) for name in dict.fromkeys(gain.command for gain in gained)}
        expected = {test for gain in gained for test in (gain.test, file_of(gain.test))}
        known = dict.fromkeys(lines.values(), expected)
        shown = await self._prove(commit, tuple(known), known, "without the rest of the change", alone=False)
        results = ((command, shown.result(line)) for command, line in lines.items())
        there = Evidence(shown.tree, tuple(replace(result, command=command) for command, result in results if result))
        red = set(gains(there, self.after))
        return tuple(gain for gain in gained if gain in red)

    async def _line(self, command: str, gained: Sequence[Gain]) -> str:
        """The command, or where it is the whole suite only the test files with gains."""
        files = {file_of(gain.test) for gain in gained if gain.command == command}
        if command in self.subtask.checks or not all(map(is_test_module, files)):
            return command
        return _narrow(await self._base(), command, sorted(files)) or command

    async def _held(self, before: Evidence, weight: Weight, verdict: Verdict) -> Examined:
        """Old tests, new code: what the change alters and the plan does not name, a judge has to approve."""
        named = (*self.subtask.changes_tests, *self.subtask.drops_tests)
        touched, digest = touched_tests(self.changed, named), ""
        if touched and any(not is_test_code(change.path) for change in self.changed):
            broken = await self._altered(before, touched, named)
            if broken:
                proof = Proof.UNPROVEN if weight.proof is Proof.UNPROVEN else Proof.WEAKLY_PROVEN
                weight = Weight(proof, f"the change alters behaviour that these tests held: {listed(broken)}")
                digest = await self._account(broken, touched)
        head = "" if weight.proof is Proof.PROVEN else f"{weight.proof.words}: "
        reason = head + "; ".join(filter(None, (weight.why, verdict.reason)))
        return Examined(Outcome.PASSED, printable(reason), printable(digest), weight.proof)

    async def _altered(self, before: Evidence, touched: Sequence[str], named: Collection[str]) -> tuple[str, ...]:
        holding = held(before, touched, partial(_narrow, await self._base()))
        if not holding:
            return ()
        tests = [change.path for change in self.changed if is_test_code(change.path)]
        mixed = await self._graft("old-tests", self.commit, self.order.base, tests)
        known = {one.line: tests_of(before.result(one.command)).failed for one in holding}
        then = await self._prove(mixed, tuple(known), known, "with the old tests")
        return altered(before, then, holding, named)

    async def _account(self, broken: Sequence[str], touched: Sequence[str]) -> str:
        """Every altered test by name, and the files they stand in as they were."""
        files = [path for path in touched if any(stands_in(test, path) for test in broken)]
        told = ["Tests that passed before and fail on the new code:", *(f"- {test}" for test in broken[:40])]
        for file in files or touched:
            content = await read_file(self.context.repository, self.order.base, file)
            told += [f"\n{file} as it was before the change:", (content or b"").decode("utf-8", "replace")]
        return "\n".join(told)[:MAX_SOURCE]

    async def _base(self) -> Path:
        return await self.context.rooms.view(self.context.base_worktree, self.context.base)

    async def _prove(
        self,
        commit: str,
        commands: Sequence[str],
        known_failures: Mapping[str, Collection[str]],
        where: str,
        *,
        alone: bool = True,
    ) -> Evidence:
        label = (self.subtask.id, self.order.n)
        return await self.context.prover.prove(commit, commands, label, known_failures, where=where, alone=alone)

    async def _graft(self, name: str, onto: str, source: str, paths: Collection[str]) -> str:
        ref = self.context.scratch_ref(f"{self.subtask.id}/{self.order.n}-{name}")
        return await graft(self.context.repository, onto, source, paths, ref)


def _narrow(base: Path, command: str, files: Sequence[str]) -> str | None:
    runner = runner_of(command, base)
    return runner.narrowed(command, files) if runner else None
