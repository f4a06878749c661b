"""Which files are not worth a reviewer's reading, and why.

Text that is data rather than code is left out: tables, drawings and translations. Configuration and documents are read:
what they get wrong breaks things too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from itertools import takewhile
from pathlib import PurePosixPath

from agentflow.domain.redaction import MARK, redact, secrets_in
from agentflow.domain.scope import matches_scope
from agentflow.domain.secret_files import is_often_plain, may_hold_secrets
from agentflow.review.notebooks import is_notebook

SENSITIVE = "may hold secrets"
#: Bytes. Nobody writes so much into one file by hand; a reviewer would need some thirty packs for it.
MAX_SIZE = 1_000_000
#: Bytes of a notebook: most of them are pictures, which nobody reads.
MAX_NOTEBOOK = 30_000_000
#: Characters. Lines beyond it are packed by a tool, or data.
LONG_LINE = 2_000
#: Lines in which a generator leaves its mark.
HEAD = 40


def _any_of(globs: str) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs.split()))


_VENDORED = _any_of("""
    vendor vendored _vendor third_party third-party thirdparty node_modules bower_components jspm_components .yarn
    site-packages dist-packages .venv venv .tox .nox .eggs .bundle Godeps Pods Carthage
""")
_LOCK_FILE = _any_of("""
    *.lock *.lockb *.lockfile package-lock.json npm-shrinkwrap.json packages.lock.json pnpm-lock.yaml pylock.toml
    pylock.*.toml conda-lock.yml go.sum go.work.sum gems.locked package.resolved cartfile.resolved .terraform.lock.hcl
    cabal.project.freeze
""")
_GENERATED = _any_of("""
    *_pb2.py *_pb2.pyi *_pb2_grpc.py *_pb2_grpc.pyi *.pb.go *.pb.gw.go *.pb.cc *.pb.h *_pb.js *_pb.ts *_pb.d.ts
    *.min.js *.min.mjs *.min.css *.bundle.js *.map *.snap *.tsbuildinfo .pnp.cjs .pnp.loader.mjs
    *.g.dart *.freezed.dart *.g.cs *.g.i.cs *.designer.cs *.generated.* *_generated.* zz_generated.*
""")
_DATA = _any_of("*.csv *.tsv *.jsonl *.ndjson *.geojson *.svg *.po *.pot *.xlf *.xliff *.srt *.log")
#: The first that fits the file's name in lower case.
_BY_NAME = (("lock file", _LOCK_FILE), ("generated", _GENERATED), ("data", _DATA))

#: At the start of a comment, so that code which merely speaks of such marks is no generated code. The first is Go's
#: rule (`go help generate`), the others are those of Meta, Microsoft, the protocol buffer compilers and many more.
_GENERATED_MARK = re.compile(
    r"""^\s*(?://|\#|/?\*|--|;|%|<!--|\(\*|\"{3})[/*\#;!\s]*
    (?:
        code[ ]generated\b.*\bdo[ ]not[ ]edit\b
      | [^`"'\n]{0,80}@generated\b
      | <auto-?generated
      | (?:auto-?)?generated[ ]by\b.*\bdo[ ]not[ ]edit\b
      | this[ ]file[ ](?:is|was)[ ](?:auto(?:matically)?[- ]?)?generated\b
    )""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def skip_by_name(path: str, size: int, *, exclude: Sequence[str] = (), named: Sequence[str] = ()) -> str | None:
    """Why a file need not even be read, None if it must be.

    `size` in bytes. `exclude`: globs to leave out, which always count. `named`: files, folders and globs that the
    person asked for: folders that a name itself holds are not held against what lies in them, and a file named
    outright is left out only if it cannot be reviewed, or may hold secrets.
    """
    if matches_scope(path, exclude):
        return "excluded"
    if may_hold_secrets(path) and not is_often_plain(path):
        return SENSITIVE
    reason = None if path in named else _kind(path, named)
    if reason is None and size == 0:
        return "empty"
    if reason is None and size > (MAX_NOTEBOOK if is_notebook(path) else MAX_SIZE):
        return f"too large ({_megabytes(size)})"
    return reason


def skip_by_content(path: str, text: str | None, *, named: Sequence[str] = ()) -> str | None:
    """Why a file's text (None: it is binary) is not worth a review, None if it is. `named` as in `skip_by_name`."""
    if text is None:
        return "binary"
    if not text.strip():
        return "no code stands in it line by line" if is_notebook(path) else "empty"
    if is_often_plain(path) and (MARK in redact(text) or secrets_in(text)):
        return SENSITIVE
    if path not in named and (_says_generated(text) or _is_minified(text)):
        return "generated"
    return None


def _kind(path: str, named: Sequence[str]) -> str | None:
    *folders, name = path.split("/")
    given = max((_depth(path, one) for one in named), default=0)
    if any(_VENDORED.fullmatch(folder) for folder in folders[given:]):
        return "vendored"
    return next((reason for reason, names in _BY_NAME if names.fullmatch(name.lower())), None)


def _depth(path: str, named: str) -> int:
    """How many folders of the path the person wrote out; 0 if the name does not cover the path."""
    parts = PurePosixPath(named).parts
    if PurePosixPath(path).is_relative_to(named):
        return len(parts)
    if not matches_scope(path, [named]):
        return 0
    return sum(1 for _ in takewhile(lambda part: not set(part) & set("*?["), parts))


def _megabytes(size: int) -> str:
    millions = size / 1_000_000
    return f"{millions:.0f} MB" if millions >= 10 else f"{millions:.1f} MB"


def _says_generated(text: str) -> bool:
    head = "\n".join(line[:LONG_LINE] for line in text.split("\n", HEAD)[:HEAD])
    return _GENERATED_MARK.search(head) is not None


def _is_minified(text: str) -> bool:
    """Whether most of it stands in lines too long to be written by hand; one embedded blob is no reason."""
    return 2 * sum(len(line) for line in text.split("\n") if len(line) > LONG_LINE) > len(text)
