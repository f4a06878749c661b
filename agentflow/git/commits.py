"""Commits: made from a worktree, read, and pointed at by refs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from agentflow.config.secrecy import redact
from agentflow.domain.evidence import Change, LeftOut
from agentflow.errors import EnvironmentError_
from agentflow.git.command import ObjectGone, git
from agentflow.git.holding import new_objects, no_collection, require, until_held
from agentflow.git.linked import entry_of, git_in, record_head, recorded_head, tampering
from agentflow.git.renewing import KeptIndex
from agentflow.git.repository import Config, Repository, author, config_of
from agentflow.git.staging import Staging
from agentflow.git.wanted import Wanted

_NONE: Mapping[str, str] = MappingProxyType({})
#: Names on the way to a file, those of links among them, after which links are taken to go round in a circle.
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a worktree's changes.

    `commit` is None when nothing changed. `unhidden` are the files in it that an ignore rule hides, `left_out` what
    lies in the worktree and whoever gets the commit will not have.
    """

    commit: str | None
    unhidden: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


async def commit_all(
    repository: Repository, worktree: Path, message: str, *, trailers: Mapping[str, str] = _NONE, ref: str = ""
) -> str | None:
    """Commit everything that changed in the worktree, as the user, without hooks; None when nothing did.

    Ignored files, tools' caches, files copied by `.worktreeinclude` and repositories inside the worktree stay out.
    `ref`: a ref of the run's own that holds the commit from its first moment.
    Raises EnvironmentError_ when somebody else moved the worktree's HEAD away from where agentflow left it.
    """
    return (await commit_wanted(repository, worktree, message, Wanted(), trailers=trailers, ref=ref)).commit


@until_held
async def commit_wanted(
    repository: Repository,
    worktree: Path,
    message: str,
    wanted: Wanted,
    *,
    trailers: Mapping[str, str] = _NONE,
    ref: str = "",
    indexes: dict[Path, KeptIndex] | None = None,
) -> Committed:
    """The same, with the files among the ignored ones that are `wanted`, and without what checks leave behind.

    `indexes`: what agentflow knows of worktrees' indexes, brought up to date by this.
    """
    indexes = {} if indexes is None else indexes
    await no_collection(repository)
    head, tree_before = await _worktree_head(repository, worktree)
    config = await config_of(repository)
    staging = Staging(repository, worktree, wanted, config, indexes.get(worktree))
    tree = await staging.tree(head)
    left_out = tuple(staging.left_out)
    if tree == tree_before:
        staging.discard()
        return Committed(None, left_out=left_out)
    commit = await commit_tree(repository, tree, head, message, trailers, config=config)
    new = await new_objects(repository, commit, tree, head)
    await _move_head(repository, worktree, head, commit, ref)
    try:
        await require(repository, new)
    except ObjectGone:
        await _move_head(repository, worktree, commit, head, ref)
        raise
    record_head(entry_of(repository, worktree), commit)
    indexes[worktree] = staging.publish(commit)
    return Committed(commit, staging.unhidden, left_out)


async def _move_head(repository: Repository, worktree: Path, old: str, new: str, ref: str) -> None:
    """Move a worktree's HEAD, and the run's own ref if there is one, both or neither."""
    moves = f"option no-deref\0update HEAD\0{new}\0{old}\0" + (f"update {ref}\0{new}\0\0" if ref else "")
    await git_in(repository, worktree, "update-ref", "-z", "--stdin", stdin=moves.encode())


async def worktree_head(repository: Repository, worktree: Path) -> str:
    """The worktree's commit; after an interrupted `commit_all` it tells whether the commit was made.

    Raises EnvironmentError_ when HEAD is on a branch or no longer descends from where agentflow left it.
    """
    return (await _worktree_head(repository, worktree))[0]


async def _worktree_head(repository: Repository, worktree: Path) -> tuple[str, str]:
    """With its tree."""
    asked = ("rev-parse", "HEAD^{commit}", "HEAD^{tree}", "--symbolic-full-name", "HEAD")
    head, tree, where = (await git_in(repository, worktree, *asked)).line.split("\n")
    if where != "HEAD":
        raise tampering(worktree, "was switched to a branch")
    left_at = recorded_head(entry_of(repository, worktree))
    if head != left_at and not await is_ancestor(repository, left_at, head):
        raise tampering(worktree, f"had its HEAD moved from {left_at[:7]} to {head[:7]}")
    return head, tree


async def is_ancestor(repository: Repository, earlier: str, later: str) -> bool:
    return (await git(repository.root, "merge-base", "--is-ancestor", earlier, later, check=False)).ok


async def commit_tree(
    repository: Repository,
    tree: str,
    parent: str,
    message: str,
    trailers: Mapping[str, str] = _NONE,
    *others: str,
    config: Config | None = None,
) -> str:
    """Make a commit of a tree, as the user, no secret in its message; `others` are further parents. No ref moves."""
    parents = [word for commit in (parent, *others) for word in ("-p", commit)]
    text = redact(_with_trailers(message, trailers)).encode("utf-8", "replace")
    env = author(await config_of(repository) if config is None else config)
    return (await git(repository.root, "commit-tree", tree, *parents, env=env, stdin=text)).line


async def held_commit(
    repository: Repository, tree: str, parent: str, message: str, trailers: Mapping[str, str] = _NONE, *, ref: str
) -> str:
    """The same, with a ref of the run's own at it, wherever that was, that keeps it from being collected.

    Raises ObjectGone where somebody's collection was quicker.
    """
    await no_collection(repository)
    commit = await commit_tree(repository, tree, parent, message, trailers)
    await hold(repository, commit, tree, parent, ref)
    return commit


async def hold(repository: Repository, commit: str, tree: str, parent: str, ref: str) -> None:
    """Have a ref of the run's own hold a commit that was just made.

    Raises ObjectGone where somebody's collection was quicker: `until_held` makes it again.
    """
    new = await new_objects(repository, commit, tree, parent)
    await put_ref(repository, ref, commit)
    try:
        await require(repository, new)
    except ObjectGone:
        await put_ref(repository, ref, parent)
        raise


def _with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    """Written here and not by `git interpret-trailers`, which runs programs the repository configures."""
    lines = "\n".join(f"{key}: {' '.join(value.split())}" for key, value in trailers.items())
    return "\n\n".join(part for part in (message.replace("\0", "").strip(), lines) if part) + "\n"


async def changes(repository: Repository, base: str, commit: str) -> tuple[Change, ...]:
    """The paths that differ between two commits; a rename is a D and an A."""
    listed = await git(repository.root, "diff-tree", "-r", "-z", "--no-renames", "--name-status", base, commit)
    pairs = zip(listed.fields[::2], listed.fields[1::2], strict=True)
    return tuple(Change(path, status) for status, path in pairs)


async def diff_text(repository: Repository, base: str, commit: str, *, limit: int = 60_000) -> str:
    """The patch between two commits, for reading; cut after about `limit` characters, which a last line then says."""
    options = ("-r", "-p", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color")
    patch = (await git(repository.root, "diff-tree", *options, base, commit)).stdout
    text = patch.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if len(text) <= limit:
        return text
    kept = text[: text.rfind("\n", 0, limit) + 1] or f"{text[:limit]}\n"
    return f"{kept}[diff cut: {len(kept)} of {len(text)} characters shown]\n"


async def tree_of(repository: Repository, commit: str) -> str:
    return (await git(repository.root, "rev-parse", "--verify", f"{commit}^{{tree}}")).line


async def read_file(repository: Repository, commit: str, path: str) -> bytes | None:
    """The file's content in a commit (a symlink's is its target); None when the commit has no such file."""
    answer = await git(repository.root, "cat-file", "blob", f"{commit}:{path}", check=False)
    return answer.stdout.encode("utf-8", "surrogateescape") if answer.ok else None


async def read_followed(repository: Repository, commit: str, path: str) -> bytes | None:
    """The content at a path of a commit, symlinks followed within it; None where they lead out of it, or to no file.

    Not by git's own `--follow-symlinks`: it does not know what `./` in a link is.
    """
    real, ahead = "", path.split("/")
    for _ in range(_MOST_STEPS):
        if not ahead:
            return await read_file(repository, commit, real)
        name = ahead.pop(0)
        if name == "..":
            if not real:
                return None
            real = real.rpartition("/")[0]
        elif name not in {"", "."}:
            place = f"{real}/{name}" if real else name
            target = await _link_target(repository, commit, place)
            if target is None:
                real = place
            elif target.startswith("/"):
                return None
            else:
                ahead = [*target.split("/"), *ahead]
    return None


async def _link_target(repository: Repository, commit: str, path: str) -> str | None:
    found = (await git(repository.root, "ls-tree", "-z", commit, "--", path)).stdout
    if not found.startswith("120000 "):
        return None
    return (await git(repository.root, "cat-file", "blob", f"{commit}:{path}")).stdout


async def list_files(repository: Repository, commit: str) -> tuple[str, ...]:
    """All files and symlinks of a commit, submodules left out."""
    listed = await git(repository.root, "ls-tree", "-r", "-z", "--full-tree", commit)
    return tuple(entry.partition("\t")[2] for entry in listed.fields if not entry.startswith("160000 "))


async def set_ref(repository: Repository, ref: str, new: str, old: str | None) -> None:
    """Move a ref from `old` (None: it must not exist) to `new`; harmless when it is at `new` already.

    Raises EnvironmentError_ when it is anywhere else.
    """
    moved = await git(repository.root, "update-ref", ref, new, old or "", check=False)
    if moved.ok:
        return
    found = await ref_value(repository, ref)
    if found != new:
        raise EnvironmentError_(
            f"{ref} could not move from {old} to {new}: it is at {found}", hint="git: " + moved.stderr
        )


async def put_ref(repository: Repository, ref: str, new: str) -> None:
    """Point a ref of the run's own at `new`, wherever it was."""
    await git(repository.root, "update-ref", ref, new)


async def delete_refs(repository: Repository, refs: tuple[str, ...]) -> None:
    """Delete refs, all of them or none."""
    commands = "".join(f"delete {ref}\0\0" for ref in refs)
    await git(repository.root, "update-ref", "-z", "--stdin", stdin=commands.encode())


async def refs_below(repository: Repository, prefix: str) -> tuple[str, ...]:
    """The names of all refs below `prefix`, which ends in a slash."""
    return (await git(repository.root, "for-each-ref", "--format=%(refname)", prefix)).lines


async def ref_value(repository: Repository, ref: str) -> str | None:
    answer = await git(repository.root, "rev-parse", "--quiet", "--verify", ref, check=False)
    return answer.line if answer.ok else None
