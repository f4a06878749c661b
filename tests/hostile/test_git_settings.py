"""Settings by which a repository names programs to git, and what it lays beside them so that they are wanted."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import partial

import pytest

#: Values by key; {p} is a program that trips the wire, {line} a shell line that does.
PROGRAMS = {
    "core.fsmonitor": "{p}",
    "core.hooksPath": "{folder}",
    "core.pager": "{p}",
    "pager.diff": "{p}",
    "core.editor": "{p}",
    "sequence.editor": "{p}",
    "core.askPass": "{p}",
    "core.alternateRefsCommand": "{p}",
    "diff.external": "{p}",
    "diff.spy.command": "{p}",
    "diff.spy.textconv": "{p}",
    "merge.spy.driver": "{line}; false",
    "filter.spy.clean": "{line}; cat",
    "filter.spy.smudge": "{line}; cat",
    "filter.spy.process": "{p}",
    "filter.lfs.process": "{p}",
    "gpg.program": "{p}",
    "gpg.ssh.program": "{p}",
    "gpg.ssh.defaultKeyCommand": "{p}",
    "credential.helper": "!{line}",
    "alias.status": "!{line}",
    "alias.lfs": "!{line}",
    "alias.merge-tree": "!{line}",
    "trailer.spy.command": "{line}",
    "trailer.spy.cmd": "{line}",
    "uploadpack.packObjectsHook": "{p}",
    "gc.recentObjectsHook": "{p}",
    "interactive.diffFilter": "{p}",
    "lfs.customtransfer.spy.path": "{p}",
    "lfs.extension.spy.clean": "{p}",
    "tar.tgz.command": "{line}",
    "hook.spy.command": "{line}",
    "init.templateDir": "{folder}",
    "core.attributesFile": "/dev/zero",
    "core.excludesFile": "/dev/zero",
    "mailmap.file": "/dev/zero",
    "blame.ignoreRevsFile": "/dev/zero",
    "core.worktree": "/",
    "core.bare": "true",
    "core.repositoryFormatVersion": "99",
    "extensions.unheardOf": "true",
    "core.sharedRepository": "0777",
    "core.compression": "-99",
    "core.bigFileThreshold": "1",
    "core.packedGitLimit": "9999999999999999999999",
    "core.sparseCheckout": "true",
    "extensions.worktreeConfig": "true",
    "i18n.logOutputEncoding": "UTF-16",
    "color.ui": "always",
    "column.ui": "always",
    "log.showSignature": "true",
    "diff.noPrefix": "true",
    "diff.mnemonicPrefix": "true",
    "diff.orderFile": "/dev/zero",
    "diff.submodule": "log",
    "core.commentChar": "auto",
    "core.abbrev": "4",
    "status.branch": "true",
    "user.name": "\x1b[31mred\n",
    "trace2.eventTarget": "/dev/stderr",
    "trace2.normalTarget": "1",
}
#: Where a setting stands instead of in the repository's own file.
INCLUDES = {
    "include.path": "evil",
    "includeIf.gitdir:/.path": "evil",
    "includeIf.gitdir:**.path": "evil",
    "includeIf.gitdir:**/worktrees/**.path": "evil",
    "includeIf.onbranch:**.path": "evil",
    "includeIf.hasconfig:remote.*.url:**.path": "evil",
}
#: What a lazy fetch would start, or call.
REMOTES = {
    "upload-pack": {"remote.origin.url": "../elsewhere", "remote.origin.uploadpack": "{line};git-upload-pack"},
    "ssh": {"remote.origin.url": "ssh://nowhere.invalid/x", "core.sshCommand": "{p}"},
    "ext": {"remote.origin.url": "ext::{p}", "protocol.ext.allow": "always", "protocol.allow": "always"},
    "insteadOf": {
        "remote.origin.url": "innocent:x",
        "url.ext::{p} .insteadOf": "innocent:",
        "protocol.allow": "always",
    },
    "vcs": {"remote.origin.url": "x", "remote.origin.vcs": "../../../{folder}/helper"},
    "git-proxy": {"remote.origin.url": "git://nowhere.invalid/x", "core.gitProxy": "{p}"},
    "http": {"remote.origin.url": "{url}"},
    "http-proxy": {"remote.origin.url": "http://nowhere.invalid/x", "http.proxy": "{url}"},
    "credential": {"remote.origin.url": "{url}", "credential.helper": "!{line}"},
}
#: Words in names of settings that lead to a program or a file.
TELLING = re.compile(
    r"command$|cmd$|program$|helper$|hook$|hooksPath$|pager|editor$|\.path$|driver$|textconv$|\.clean$|smudge$|process$"
    r"|askPass$|proxy$|\.external$|fsmonitor$|browser$|tunnel$|httpd$|diffFilter$|templateDir$|tool$|agent$|vcs$|pack$",
    re.IGNORECASE,
)


def filled(lair, text):
    program = lair.program("tools/pre-commit", text.partition(" ")[0][:9].replace("/", "_") or "spy")
    return text.format(p=program, folder=program.parent, line=lair.line("line"), url=lair.url)


def want(lair):
    """Attributes and options that make git want its programs."""
    lair.write(".gitattributes", "* diff=spy merge=spy filter=spy\n*.dat filter=lfs\n")
    lair.commit()
    lair.set(commit_gpgSign="true", log_showSignature="true", core_logAllRefUpdates="always")


def program(lair, key, value):
    want(lair)
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit"):
        lair.program(f"tools/{name}", "hook")
    lair.set(**{"filter_spy_required": "true"} if "filter" in key else {})
    lair.git("config", "--add", key, filled(lair, value))


def included(lair, key, file):
    want(lair)
    lair.program("tools/fsmonitor", "included")
    (lair.git_dir / file).write_text(
        f'[core]\n\tfsmonitor = {lair.root}/tools/fsmonitor\n[filter "spy"]\n\tsmudge = {lair.line("included")}; cat\n'
        f"\tclean = {lair.line('included')}; cat\n[alias]\n\tlfs = !{lair.line('included')}\n"
    )
    lair.git("config", "remote.origin.url", "https://nowhere.invalid/x")
    lair.git("config", "--add", key, file)


def partial_clone(lair, settings, *, missing):
    """Objects that a promisor remote would bring, by what it names."""
    gone = [lair.git("rev-parse", name) for name in missing]
    for key, value in settings.items():
        lair.git("config", "--add", filled(lair, key), filled(lair, value))
    lair.set(remote_origin_promisor="true", remote_origin_partialclonefilter="blob:none")
    lair.set(core_repositoryFormatVersion="1", extensions_partialClone="origin")
    for name in gone:
        (lair.git_dir / "objects" / name[:2] / name[2:]).unlink()


def every_documented_one(lair):
    """Whatever this git's own documentation knows that sounds like a program, all at once."""
    listed = subprocess.run(["git", "help", "--config"], capture_output=True, text=True, check=True).stdout
    names = [re.sub(r"<[^>]*>|\*", "spy", name) for name in listed.split() if TELLING.search(name)]
    assert len(names) > 40
    want(lair)
    for number, name in enumerate(names):
        if "include" not in name.lower() and name.count("."):
            lair.git("config", "--add", name, str(lair.program(f"tools/{number}", name)))
    for key in [key for key in lair.git("config", "--local", "--name-only", "--list").splitlines() if "filter." in key]:
        lair.git("config", "--unset-all", key)


def its_own_submodules(lair):
    library = lair.world.repository({"lib.c": "int x;\n"}, name="library")
    lair.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    lair.commit()
    module = lair.git_dir / "modules" / "library"
    lair.git("config", "core.fsmonitor", str(lair.program("tools/fsmonitor")), cwd=lair.root / "library")
    lair.git("config", "core.pager", str(lair.program("tools/pager")), cwd=lair.root / "library")
    for name in ("post-checkout", "post-index-change"):
        shown = module / "hooks" / name
        shown.parent.mkdir(exist_ok=True)
        shutil.copy(lair.program(f"tools/{name}"), shown)
    lair.set(submodule_library_update=f"!{lair.line('update')}", submodule_recurse="true")


def a_submodule_file(lair, text):
    lair.write(".gitmodules", text.format(line=lair.line("update"), url=lair.url))
    lair.write("lib/x.c")
    lair.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    lair.git("add", ".gitmodules", "lib")
    lair.git("commit", "-qm", "Submodules")
    lair.set(submodule_recurse="true")


MODULES = {
    "update": '[submodule "sub"]\n\tpath = sub\n\turl = {url}\n\tupdate = !{line}\n',
    "ext-url": '[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c {line}\n',
    "name-outside": '[submodule "../../../home/outside"]\n\tpath = sub\n\turl = {url}\n',
    "path-like-an-option": '[submodule "sub"]\n\tpath = -rf\n\turl = --upload-pack={line}\n',
    "endless": "".join(f'[submodule "s{n}"]\n\tpath = s{n}\n\turl = {{url}}\n' for n in range(3000)),
    "no-configuration": "[submodule\n\x00\x1b[31m",
}

CASES = {
    **{key: partial(program, key=key, value=value) for key, value in PROGRAMS.items()},
    **{key: partial(included, key=key, file=file) for key, file in INCLUDES.items()},
    **{
        f"promisor-{name}": partial(partial_clone, settings=settings, missing=["work:b.py", "main:Makefile"])
        for name, settings in REMOTES.items()
    },
    "promisor-no-tree": partial(partial_clone, settings=REMOTES["ssh"], missing=["work^{tree}"]),
    "promisor-no-commit": partial(partial_clone, settings=REMOTES["ssh"], missing=["work"]),
    "every-documented-one": every_documented_one,
    "submodules-own": its_own_submodules,
    **{f"gitmodules-{name}": partial(a_submodule_file, text=text) for name, text in MODULES.items()},
}


@pytest.mark.parametrize("build", CASES.values(), ids=CASES)
@pytest.mark.security("T19")
def test_no_setting_of_a_repository_starts_anything(holds, build):
    holds(build)
