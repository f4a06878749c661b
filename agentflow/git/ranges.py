"""What a person may name as the change under review, and what it is when they name nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from agentflow.errors import UsageError
from agentflow.git.command import complaint, git
from agentflow.git.repository import Repository

_RANGE = re.compile(r"(?P<base>.*?)\.{2,3}(?P<head>.*)", re.DOTALL)
#: What a repository's main branch is called where nothing says so.
_USUAL = ("main", "master", "trunk")
#: Where a repository's finished work usually is.
OWN_BRANCHES = (
    "refs/remotes/origin/HEAD",
    *(f"refs/remotes/origin/{name}" for name in _USUAL),
    *(f"refs/heads/{name}" for name in _USUAL),
)


async def resolve_range(repository: Repository, text: str) -> tuple[str, str]:
    """The commits `A..B` or `A...B` is about; an end left out is HEAD.

    The first is always the merge base of A and B, so that a range shows what a pull request from B into A shows, and
    never what only happened on A. Raises UsageError with a hint when an end is unknown, or the two have no common
    ancestor here.
    """
    found = _RANGE.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is not a range of commits", hint="write BASE..HEAD, such as main..my-branch")
    base, head = [await _commit(repository, found[end] or "HEAD") for end in ("base", "head")]
    ancestor = await merge_base(repository, base, head)
    if ancestor is None:
        raise UsageError(f"the two ends of {text!r} have no common ancestor here", hint=await _apart(repository))
    return ancestor, head


async def resolve_change(repository: Repository, text: str) -> tuple[str, str]:
    """The ends of a range; of one commit, its first parent and itself.

    Before a commit without parents stands the empty tree. Raises UsageError as `resolve_range` does.
    """
    if _RANGE.fullmatch(text):
        return await resolve_range(repository, text)
    commit = await _commit(repository, text)
    parent = await git(repository.root, "rev-parse", "--verify", "--quiet", f"{commit}^1", check=False)
    if parent.ok:
        return parent.line, commit
    return (await git(repository.root, "hash-object", "-t", "tree", "--stdin", stdin=b"")).line, commit


async def is_commit(repository: Repository, name: str) -> bool:
    """Whether a name stands for a commit here."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return (await git(repository.root, *words, check=False)).ok


async def working_base(repository: Repository) -> str:
    """The commit where the current work branched off.

    That is its merge base with a remote's default branch (origin's first), else with the local branch that
    `init.defaultBranch` names, or is called main, master or trunk. On such a branch itself, and without any other, the
    work is what is not committed: HEAD. Of other branches only a single one is taken for the base.
    Raises UsageError where several might be.
    """
    configured = (await git(repository.root, "config", "--get", "init.defaultBranch", check=False)).line
    names = tuple(dict.fromkeys(name for name in (configured, *_USUAL) if name))
    patterns = [f"refs/remotes/*/{name}" for name in ("HEAD", *names)]
    form = "--format=%(refname) %(objectname)"
    listed = await git(repository.root, "for-each-ref", form, "refs/heads", *patterns)
    commits = dict(line.split(" ") for line in listed.lines)
    for ref in _likely(commits, names, repository.branch):
        if base := await merge_base(repository, commits[ref], repository.head):
            return base
    if repository.branch in names:
        return repository.head
    return await _only_other(repository, commits)


def _likely(refs: Iterable[str], names: Sequence[str], branch: str | None) -> list[str]:
    """What is probably the main branch, the likeliest first."""
    remote = sorted({ref.split("/")[2] for ref in refs if ref.startswith("refs/remotes/")}, key=lambda r: r != "origin")
    wanted = [f"refs/remotes/{name}/{end}" for name in remote for end in ("HEAD", *names)]
    wanted += [f"refs/heads/{name}" for name in names if name != branch]
    return [ref for ref in wanted if ref in set(refs)]


async def _only_other(repository: Repository, commits: Mapping[str, str]) -> str:
    own = (f"refs/heads/{repository.branch}", "refs/heads/agentflow/")
    others = [ref for ref in commits if ref.startswith("refs/heads/") and ref != own[0] and not ref.startswith(own[1])]
    if len(others) > 1:
        names = ", ".join(ref.removeprefix("refs/heads/") for ref in others[:5])
        raise UsageError(
            f"which branch did {repository.branch or 'HEAD'} leave? none of {', '.join(_USUAL)} is here, but {names}",
            hint=f"name it: agentflow review {others[0].removeprefix('refs/heads/')}..",
        )
    found = await merge_base(repository, commits[others[0]], repository.head) if others else None
    return found or repository.head


async def _commit(repository: Repository, name: str) -> str:
    answer = await git(repository.root, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}", check=False)
    if answer.ok:
        return answer.lines[-1]
    if " is ambiguous" in answer.stderr:
        raise UsageError(complaint(answer), hint="write more characters of the commit's id")
    raise UsageError(f"there is no commit {name!r} in {repository.root}", hint=await _known(repository, name))


async def _known(repository: Repository, name: str) -> str:
    """Advice for a name git does not know."""
    listed = await git(repository.root, "for-each-ref", "--format=%(refname:lstrip=2)")
    names = [known for known in listed.lines if known]
    close = [known for known in names if known.endswith(f"/{name}")] or difflib.get_close_matches(name, names)
    if close:
        return f"did you mean {' or '.join(close[:3])}?"
    if await is_shallow(repository):
        return "this clone is shallow; have all of its history: git fetch --unshallow"
    return "see what can be named: git branch --all; fetch what is missing: git fetch"


async def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """The best common ancestor of two commits, None when there is none here."""
    answer = await git(repository.root, "merge-base", one, other, check=False)
    return answer.line if answer.ok else None


async def _apart(repository: Repository) -> str:
    if await is_shallow(repository):
        return "this clone is shallow; have all of its history: git fetch --unshallow"
    return "name branches that share history, or review paths instead of a range"


async def is_shallow(repository: Repository) -> bool:
    """Whether history ends here before its beginning."""
    return (await git(repository.root, "rev-parse", "--is-shallow-repository")).line == "true"
