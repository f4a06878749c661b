"""Git directories that were planted, led elsewhere, damaged, or filled with what no git would write."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from functools import partial

import pytest

HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update"),
    *("proc-receive", "post-receive", "post-update", "reference-transaction", "push-to-checkout", "pre-auto-gc"),
    *("post-rewrite", "sendemail-validate", "fsmonitor-watchman", "p4-changelist", "post-index-change"),
)
RUN_BRANCH = "agentflow/20261123-100000-aaaa"


def all_hooks(lair):
    for name in HOOKS:
        lair.program(f".git/hooks/{name}")


def hooks_in_a_worktrees_entry(lair):
    lair.git("worktree", "add", "-q", "../linked", "main")
    for name in HOOKS:
        lair.program(f".git/worktrees/linked/hooks/{name}")
    lair.root = lair.folder / "linked"


def a_git_directory_in_the_tree(lair, kind):
    """A folder of the repository that is a git directory, and something that leads there."""
    lair.program("tools/fsmonitor")
    subprocess.run(["cp", "-a", ".git", "evil"], cwd=lair.root, check=True)
    for name in HOOKS:
        lair.program(f"evil/hooks/{name}", "hook")
    lair.git("config", "--file", "evil/config", "core.fsmonitor", f"{lair.root}/tools/fsmonitor")
    lair.git("config", "--file", "evil/config", "alias.lfs", f"!{lair.line('lfs')}")
    if kind == "commondir":
        (lair.git_dir / "commondir").write_text("../evil\n")
    elif kind == "gitfile":
        shutil.rmtree(lair.git_dir)
        lair.git_dir.write_text("gitdir: evil\n")
    elif kind == "link":
        shutil.rmtree(lair.git_dir)
        lair.git_dir.symlink_to("evil")
    elif kind == "bare":
        (lair.root / "evil" / "index").unlink()
        lair.git("config", "--file", "evil/config", "core.bare", "true")
        lair.root = lair.root / "evil"
    elif kind == "nested":
        nested = lair.write("nested/a.py", "a = 1\n").parent
        (nested / ".git").symlink_to("../evil")
        lair.root = nested
    elif kind == "worktree":
        lair.git("worktree", "add", "-q", "../linked", "main")
        entry = lair.git_dir / "worktrees" / "linked"
        (entry / "commondir").write_text(f"{lair.root}/evil\n")
        lair.root = lair.folder / "linked"


def a_file_instead(lair, place, content):
    """Something else where git has a file or a folder."""
    path = lair.git_dir / place
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if content == "fifo":
        os.mkfifo(path)
    elif content == "socket":
        here = os.open(path.parent, os.O_RDONLY)
        socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)
    elif content == "folder":
        (path / "inside").mkdir(parents=True)
    elif content.startswith("->"):
        path.symlink_to(content[2:].format(outside=lair.outside))
    else:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))


NO_FILES = {"fifo": "fifo", "socket": "socket", "folder": "folder", "zero": "->/dev/zero", "loop": "->loop"}
#: Where git, or agentflow in a git directory, looks for a file.
PLACES = (
    *("HEAD", "config", "index", "packed-refs", "info/exclude", "info/attributes", "info/grafts", "shallow"),
    *(
        "index.lock",
        "HEAD.lock",
        "agentflow.lock",
        "MERGE_HEAD",
        "commondir",
        "hooks",
        "hooks/pre-commit",
        "config.worktree",
    ),
    *("objects/info/alternates", "objects/info/commit-graph", "refs/heads/odd", "refs/heads/main", "logs/HEAD"),
    *(
        "refs/agentflow",
        "worktrees",
        "worktrees/odd",
        "worktrees/odd/gitdir",
        "refs/replace",
        "objects/pack/pack-odd.idx",
    ),
)
#: Contents by name: the place, and what stands there.
FILES = {
    "head-empty": ("HEAD", ""),
    "head-garbage": ("HEAD", "\x00\x1b]0;owned\x07" * 99),
    "head-huge": ("HEAD", "ref: refs/heads/" + "x" * 5_000_000),
    "head-dangling": ("HEAD", "ref: refs/heads/nowhere\n"),
    "head-outside": ("HEAD", "ref: refs/../../../home/outside/kept.txt\n"),
    "head-of-nothing": ("HEAD", "1" * 40 + "\n"),
    "head-as-link": ("HEAD", "->refs/heads/work"),
    "head-as-link-outside": ("HEAD", "->{outside}/kept.txt"),
    "head-as-link-to-proc": ("HEAD", "->/proc/self/environ"),
    "config-garbage": ("config", "[core\n\x00\x1b[31m"),
    "config-huge": ("config", "[core]\n\tbare = false\n" + '[a "b"]\n\tc = d\n' * 100_000),
    "config-includes-itself": ("config", "[core]\n\tbare = false\n[include]\n\tpath = config\n"),
    "config-wide": ("config", "\ufeff[core]\n\tbare = false\n".encode("utf-16").decode("latin-1")),
    "config-link": ("config", "->{outside}/kept.txt"),
    "index-garbage": ("index", "DIRC" + "\x00" * 999),
    "index-empty": ("index", ""),
    "index-link": ("index", "->{outside}/kept.txt"),
    "packed-refs-garbage": ("packed-refs", "# pack-refs with: peeled fully-peeled sorted \n\x00\x1b[31m what\n"),
    "packed-refs-huge": ("packed-refs", "".join(f"{'1' * 40} refs/heads/b{n:06}\n" for n in range(100_000))),
    "shallow-garbage": ("shallow", "\x1b[31mnot a commit\n"),
    "grafts": ("info/grafts", "{head} {head}\n"),
    "alternates-to-nowhere": ("objects/info/alternates", "/nowhere\n\x1b[31m\n../../../..\n"),
    "alternates-to-itself": ("objects/info/alternates", ".\n../objects\n"),
    "commit-graph": ("objects/info/commit-graph", "CGPH" + "\x00" * 999),
    "pack-garbage": ("objects/pack/pack-odd.idx", "\xfftOc" + "\x00" * 999),
    "multi-pack-index": ("objects/pack/multi-pack-index", "MIDX" + "\xff" * 999),
    "lock-outside": ("agentflow.lock", "->{outside}/kept.txt"),
    "lock-new-outside": ("agentflow.lock", "->{outside}/new.txt"),
    "hooks-without-end": ("hooks", "->/usr"),
    "hooks-of-everything": ("hooks", "->/"),
    "refs-outside": ("refs/agentflow", "->{outside}"),
    "heads-outside": ("refs/heads/agentflow", "->{outside}"),
    "logs-outside": ("logs", "->{outside}"),
    "worktrees-outside": ("worktrees", "->{outside}"),
    "objects-info-outside": ("objects/info", "->{outside}"),
    "modules-outside": ("modules", "->{outside}"),
    "attributes-filter": ("info/attributes", "* filter=spy diff=spy ident working-tree-encoding=UTF-16\n" * 9999),
    "exclude-huge": ("info/exclude", "/a*b*c*d*e*f*g*h*[!x]**/**/**/*.py\n" * 50_000),
    "replace-garbage": ("refs/replace/" + "1" * 40, "\x1b[31m\n"),
    "head-a-branch": ("refs/heads/HEAD", "{head}\n"),
    "branch-like-an-option": ("refs/heads/--output=x", "{head}\n"),
    "branch-like-a-path": ("refs/heads/a b\x1b[31m", "{head}\n"),
    "branch-agentflow": ("refs/heads/agentflow", "{head}\n"),
    "ref-agentflow": ("refs/agentflow", "{head}\n"),
    "tag-like-main": ("refs/tags/main", "{head}\n"),
    "remote-like-head": ("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/HEAD\n"),
    "merge-head": ("MERGE_HEAD", "\x1b[31m\n"),
    "rebase": ("rebase-merge/head-name", "\x00" * 99),
    "bisect": ("BISECT_LOG", "\xff" * 99),
    "sparse": ("info/sparse-checkout", "!*\n\x1b[31m\n"),
    "description": ("description", "\x00" * 9999),
    "fsmonitor-socket": ("fsmonitor--daemon.ipc", "socket"),
    "git-in-git": (".git", "gitdir: ..\n"),
}


def a_file(lair, place, content):
    a_file_instead(lair, place, content.replace("{head}", lair.head) if "{head}" in content else content)


def linked_git_file(lair, content):
    shutil.rmtree(lair.git_dir)
    if content == "fifo":
        os.mkfifo(lair.git_dir)
    elif content.startswith("->"):
        lair.git_dir.symlink_to(content[2:])
    else:
        lair.git_dir.write_text(content)


GIT_FILES = {
    "nowhere": "gitdir: /nowhere\n",
    "itself": "gitdir: .git\n",
    "empty": "",
    "zeros": "\x00" * 9999,
    "steering": "gitdir: \x1b]0;owned\x07\u202e\n",
    "huge": "gitdir: " + "x/" * 3_000_000,
    "fifo": "fifo",
    "to-zero": "->/dev/zero",
    "to-proc": "->/proc/self",
    "loop": "->.git",
}


def object_at(lair, name):
    found = lair.git("rev-parse", name)
    return lair.git_dir / "objects" / found[:2] / found[2:]


def no_object(lair, name, content):
    """Without an object, or with other bytes for it."""
    path = object_at(lair, name)
    path.unlink()
    if content == "fifo":
        os.mkfifo(path)
    elif content is not None:
        path.write_bytes(content)


OBJECTS = {
    f"{kind}-{what}": (name, content)
    for kind, name in {
        "commit": "work",
        "tree": "work^{tree}",
        "blob": "work:b.py",
        "old-blob": "main:Makefile",
        "run": RUN_BRANCH,
    }.items()
    for what, content in {"gone": None, "empty": b"", "garbage": b"\x00" * 99, "fifo": "fifo"}.items()
}


def an_object(lair, kind, content):
    """A commit, tree or tag that git itself would not make."""
    words = ["git", "hash-object", "-w", "--literally", "-t", kind, "--stdin"]
    made = subprocess.run(words, cwd=lair.root, input=content, env=lair.env, capture_output=True, check=True)
    return made.stdout.decode().strip()


def a_commit_of(lair, entries):
    blob = bytes.fromhex(lair.git("rev-parse", "work:a.py"))
    tree = an_object(lair, "tree", b"".join(entry + b"\0" + blob for entry in entries))
    commit = an_object(lair, "commit", COMMIT % tree.encode())
    (lair.git_dir / "refs" / "heads" / "work").write_text(f"{commit}\n")


COMMIT = b"tree %s\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1700000000 +0000\n\nC\n"
TREES = {
    "tree-dot-git": [b"40000 .git"],
    "tree-dot-dot": [b"100644 .."],
    "tree-slash": [b"100644 ../../home/outside/kept.txt"],
    "tree-twice": [b"100644 a.py", b"100644 a.py"],
    "tree-case": [b"100644 A.py", b"100644 a.py"],
    "tree-git-case": [b"100644 .GIT"],
    "tree-empty-name": [b"100644 "],
    "tree-odd-mode": [b"777777 a.py"],
    "tree-blob-as-tree": [b"40000 a"],
    "tree-blob-as-submodule": [b"160000 a"],
    "tree-gitmodules-link": [b"120000 .gitmodules"],
    "tree-attributes-link": [b"120000 .gitattributes"],
    "tree-steering": [b"100644 \x1b]0;owned\x07\xff\n"],
}
COMMITS = {
    "no-author": b"tree %s\n\nC\n",
    "odd-dates": COMMIT.replace(b"1700000000 +0000", b"99999999999999999999 +9999"),
    "odd-encoding": COMMIT.replace(b"\n\n", b"\nencoding \x1b[31m\n\n"),
    "steering": COMMIT.replace(b"A <", b"\x1b]0;owned\x07\xff <") + b"\x1b[31m\xff\x00",
    "huge-message": COMMIT + b"x" * 5_000_000,
    "forged-trailers": COMMIT + b"\nAgentflow-Run: 20261123-100000-aaaa\nAgentflow-Subtask: ../../x\n",
}


def a_commit(lair, content):
    tree = lair.git("rev-parse", "work^{tree}")
    commit = an_object(lair, "commit", content % tree.encode())
    (lair.git_dir / "refs" / "heads" / "work").write_text(f"{commit}\n")


def ring_of_refs(lair):
    (lair.git_dir / "refs" / "heads" / "work").write_text("ref: refs/heads/other\n")
    (lair.git_dir / "refs" / "heads" / "other").write_text("ref: refs/heads/work\n")


def replaced(lair):
    """What git shows in place of a commit and of a file."""
    lair.git("replace", lair.git("rev-parse", "work:b.py"), an_object(lair, "blob", b"evil\n"))
    lair.git("replace", "work", RUN_BRANCH)


def long_names_of_refs(lair):
    for name in ("x" * 200, "/".join(["deep"] * 200), "\u202egnp", "ünï/cödé", "-rf", "@{-1}x", "HEAD~1x"):
        path = lair.git_dir / "refs" / "heads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{lair.head}\n")


def entries_to_nowhere(lair):
    for n in range(3000):
        entry = lair.git_dir / "worktrees" / f"w{n}"
        entry.mkdir(parents=True)
        (entry / "gitdir").write_text(f"/nowhere/\x1b[31m{n}\nmore/.git\n" if n % 2 else "\x00")
        (entry / "commondir").write_text("../..\n" if n % 3 else "/\n")
        (entry / "HEAD").write_text("ref: refs/heads/main\n" if n % 5 else "\xff")


def its_worktrees_settings(lair):
    lair.set(extensions_worktreeConfig="true")
    (lair.git_dir / "config.worktree").write_text(f"[core]\n\tfsmonitor = {lair.program('tools/fsmonitor')}\n")


def split_index(lair):
    lair.git("update-index", "--split-index", "--untracked-cache", "--skip-worktree", "a.py")
    for shared in lair.git_dir.glob("sharedindex.*"):
        shared.write_bytes(b"\x00")


CASES = {
    "hooks": all_hooks,
    "hooks-of-a-worktree": hooks_in_a_worktrees_entry,
    **{
        f"inner-{kind}": partial(a_git_directory_in_the_tree, kind=kind)
        for kind in ("commondir", "gitfile", "link", "bare", "nested", "worktree")
    },
    **{
        f"{kind}-as-{place}": partial(a_file_instead, place=place, content=content)
        for place in PLACES
        for kind, content in NO_FILES.items()
    },
    **{name: partial(a_file, place=place, content=content) for name, (place, content) in FILES.items()},
    **{f"gitfile-{name}": partial(linked_git_file, content=content) for name, content in GIT_FILES.items()},
    **{f"object-{name}": partial(no_object, name=place, content=content) for name, (place, content) in OBJECTS.items()},
    **{name: partial(a_commit_of, entries=entries) for name, entries in TREES.items()},
    **{f"commit-{name}": partial(a_commit, content=content) for name, content in COMMITS.items()},
    "refs-in-a-ring": ring_of_refs,
    "replaced": replaced,
    "refs-with-long-names": long_names_of_refs,
    "worktrees-to-nowhere": entries_to_nowhere,
    "worktree-settings": its_worktrees_settings,
    "split-index": split_index,
}


@pytest.mark.parametrize("build", CASES.values(), ids=CASES)
@pytest.mark.security("T19")
def test_no_git_directory_starts_leads_or_breaks_anything(holds, build):
    holds(build)
