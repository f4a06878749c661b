"""Git's configuration keys that name a program or lead git elsewhere, and what agentflow does about each.

Spelt as git's documentation spells them, up to git 2.55, and git-lfs's up to 3.7; `<...>` stands for any words. A test
holds this list against `git help --config`, so that a key which a newer git brings is noticed.
"""

from __future__ import annotations

import re
from functools import cache

#: Keys by which a repository could have git start a program, each with the value that starts nothing of its own. git is
#: given that instead of a repository's, unless the user has set one for all their repositories.
NEUTRAL = {
    **dict.fromkeys(("alias.*", "alias.*.command"), "version"),
    "core.alternateRefsCommand": "true",
    "core.askPass": "",
    "core.editor": "true",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.sshCommand": "ssh",
    "credential.helper": "",
    "credential.<url>.helper": "",
    **dict.fromkeys(("diff.external", "diff.<driver>.command"), "false"),
    "diff.<driver>.textconv": "cat",
    "gc.recentObjectsHook": "true",
    "gpg.program": "false",
    "gpg.<format>.program": "false",
    "gpg.ssh.defaultKeyCommand": "false",
    "hook.<friendly-name>.command": "true",
    "interactive.diffFilter": "cat",
    "lfs.customtransfer.<name>.path": "false",
    "lfs.standalonetransferagent": "",
    "lfs.<url>.standalonetransferagent": "",
    "merge.<driver>.driver": "git merge-file --marker-size=%L %A %O %B",
    "pager.<cmd>": "false",
    "sequence.editor": "true",
    "submodule.<name>.update": "none",
    **dict.fromkeys(("trailer.<key-alias>.cmd", "trailer.<key-alias>.command"), "true"),
    "uploadpack.packObjectsHook": "false",
}
#: Programs of commands that agentflow never gives: they need the same, should one ever be added.
NEUTRAL |= dict.fromkeys(
    (
        *("browser.<tool>.cmd", "browser.<tool>.path", "web.browser", "help.browser", "instaweb.browser"),
        *("instaweb.httpd", "man.<tool>.cmd", "man.<tool>.path", "man.viewer", "imap.tunnel", "guitool.<name>.cmd"),
        *("diff.tool", "diff.guitool", "difftool.<tool>.cmd", "difftool.<tool>.path"),
        *("merge.tool", "merge.guitool", "mergetool.<tool>.cmd", "mergetool.<tool>.path"),
        *("sendemail.ccCmd", "sendemail.toCmd", "sendemail.headerCmd", "sendemail.sendmailCmd"),
        *("sendemail.smtpServer", "sendemail.<identity>.*", "sendemail.<identity>.<config>"),
        *("gitcvs.dbDriver", "gitcvs.dbName", "tar.<format>.command"),
    ),
    "false",
)
#: Programs through which the content of files goes. Without them a commit holds something else than is meant, so that a
#: repository which names one is refused before anything begins; one that is named later is put out of action.
FILTERS = {
    **dict.fromkeys(("filter.<driver>.clean", "filter.<driver>.smudge", "filter.<driver>.process"), ""),
    "lfs.extension.<name>.clean": "",
    "lfs.extension.<name>.smudge": "",
}
#: Files that hold more configuration. Their conditions are taken as met: one may be met later, or in worktrees alone.
INCLUDES = ("include.path", "includeIf.<condition>.path")
#: Files that git reads whole. A device or a pipe would have it wait or read for ever, so that nothing stands for it.
FILES = (
    *("core.attributesFile", "core.excludesFile", "mailmap.file", "diff.orderFile", "blame.ignoreRevsFile"),
    *("commit.template", "format.signatureFile", "gpg.ssh.allowedSignersFile", "gpg.ssh.revocationFile"),
)
#: What starts programs or leads elsewhere only where git reaches out. No fetch is made but of an address, with the
#: protocols and the other side's program named (`GIT_ALLOW_PROTOCOL`, `--upload-pack`), and none for objects that are
#: missing (`GIT_NO_LAZY_FETCH`); another folder for the files is refused.
FENCED = (
    *("core.gitProxy", "core.worktree", "extensions.*", "extensions.partialClone", "promisor.acceptFromServerUrl"),
    *("protocol.allow", "protocol.<name>.allow", "remote.<name>.uploadpack", "remote.<name>.receivepack"),
    *("remote.<name>.vcs", "remote.<name>.promisor", "remote.<name>.partialCloneFilter", "remote.<name>.proxy"),
    "credential.<url>.*",
    *("url.<base>.insteadOf", "url.<base>.pushInsteadOf", "ssh.variant", "remote.<name>.url", "remote.<name>.pushurl"),
)
_LFS = re.compile(r"git-lfs [\w -]*(%f)?")


def neutral(key: str) -> str | None:
    """What git is given in place of a repository's value of this key; None for one that names no program."""
    return next((value for pattern, value in _patterns() if pattern.fullmatch(key)), None)


def is_foreign_filter(key: str, value: str) -> bool:
    """Whether this names a program that files go through, other than git-lfs itself."""
    known = key.startswith("filter.lfs.") and _LFS.fullmatch(value)
    return bool(value) and not known and any(_pattern(spelt).fullmatch(key) for spelt in FILTERS)


def is_include(key: str) -> bool:
    return any(_pattern(spelt).fullmatch(key) for spelt in INCLUDES)


def is_file_name(key: str) -> bool:
    return any(key == spelt.lower() for spelt in FILES)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_pattern(spelt), value) for spelt, value in {**NEUTRAL, **FILTERS}.items())


@cache
def _pattern(spelt: str) -> re.Pattern[str]:
    """Git lists section and name in lower case, and what stands between as it was written."""
    words = re.split(r"<[\w -]+>|\*", spelt.lower())
    return re.compile(".*".join(map(re.escape, words)), re.DOTALL)
