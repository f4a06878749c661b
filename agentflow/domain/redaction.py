r"""What counts as a secret in a text, and the text without it. Pure: the same text always becomes the same.

Shapes are those that providers document and that secret scanners share (https://github.com/gitleaks/gitleaks,
`config/gitleaks.toml`, MIT; https://docs.github.com/code-security/secret-scanning). No scanner is used itself: they
tell where a file has a secret, not what is left of a text without it, escaped and coloured forms included.

A secret becomes `[redacted: KIND]`. No line is added or lost, and JSON stays JSON: no shape takes a quote or half of an
escape. What stands for a secret in examples (`AKIA…EXAMPLE`, `sk-ant-xxxxxxxx`, `user:password@`) is left alone.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

#: How every replacement begins.
MARK = "[redacted: "


@dataclass(frozen=True, slots=True)
class _Shape:
    """`hints`: words one of which stands in every match. A group in it is the secret, or else the whole word is.

    Compiled when a hint is met first: nearly no command meets any, and all of them print.
    """

    kind: str
    hints: str
    pattern: str


_SLASH = r"(?:\\?/)"
_QUOTES = "\"'`<>\\\\"
_SHAPES = (
    _Shape("Anthropic key", "sk-ant-", r"sk-ant-[\w-]{6,}"),
    _Shape("OpenAI key", "sk-", r"sk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|[A-Za-z0-9]{32,})"),
    _Shape("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{10,}"),
    _Shape("GitHub token", "github_pat_", r"github_pat_\w{20,}"),
    _Shape("GitLab token", "glpat-", r"glpat-[\w-]{20,}"),
    _Shape("AWS key id", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,16}(?![A-Za-z0-9])"),
    _Shape(
        "AWS secret key",
        "aws AWS Aws secretAccessKey SecretAccessKey",
        r"(?:(?i:aws).{0,20}(?i:secret|key)|[sS]ecretAccessKey).{0,20}?[^A-Za-z0-9/+]"
        r"((?:[A-Za-z0-9+]|\\?/){40})(?![A-Za-z0-9/+=])",
    ),
    _Shape("Slack token", "xox xapp-", r"(?:xox[abeoprs]|xapp)-[\w-]{10,}"),
    _Shape("Slack webhook", "hooks.slack", r"hooks\.slack\.com\\?/(?:services|workflows)\\?/([\w/\\-]{20,}\w)"),
    _Shape("Google key", "AIza", r"AIza[\w-]{35}(?![\w-])"),
    _Shape("Google secret", "GOCSPX- ya29.", r"(?:GOCSPX-|ya29\.)[\w-]{20,}"),
    _Shape("Stripe key", "_live_ _test_", r"[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _Shape("npm token", "npm_", r"npm_[A-Za-z0-9]{30,}"),
    _Shape("PyPI token", "pypi-", r"pypi-AgE[\w-]{16,}"),
    _Shape("SendGrid key", "SG.", r"SG\.[\w-]{16,80}\.[\w-]{16,}"),
    _Shape("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _Shape("age key", "AGE-SECRET-KEY", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    _Shape("JWT", "eyJ", r"eyJ[\w-]{8,400}\.eyJ[\w-]{8,8000}\.[\w-]*"),
    _Shape("URL password", "@", rf":{_SLASH}{{2}}[^\s/:@{_QUOTES}]{{0,200}}:([^\s/@{_QUOTES}]{{3,500}})@(?!sha\d)"),
    _Shape("URL token", "@", rf"https?:{_SLASH}{{2}}((?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{{20,}})@"),
    _Shape(
        "credentials",
        "uthorization UTHORIZATION",
        r"(?i:authorization)\W{1,12}(?i:basic|bearer|token)[ +]((?=[^\s\"'\\]*[0-9=])[\w.~+/=-]{8,})",
    ),
)
_PEM_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_PEM = 40_000
#: Where a key without an end stops: at what is neither its lines nor what diffs and JSON put around them.
_PEM_LINES = re.compile(
    r"(?:\[redacted: private key\]|[A-Z][A-Za-z-]+: .*|[A-Za-z0-9+/=\s]|\\+[nrt]|^[>-])*", re.MULTILINE
)
#: A line's worth of a key, behind what is none of it: a line break, escaped or not, a reviewer's number, a diff's mark.
_PEM_PIECE = re.compile(
    r"\[redacted: private key\]|(?:\\+[nrt]|^)(?:\d+(?=[+ -]))?[+ -]?|([A-Za-z0-9+/=]{2,})", re.MULTILINE
)

#: A word may begin here: after no letter or digit, but for those of an escape.
_BEFORE = re.compile(r"(?:^|[^A-Za-z0-9]|\\[nrtbf]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})\Z")

#: What colours a text or cannot be seen in it; escapes may themselves be escaped, as JSON and languages do it.
_UNSEEN = re.compile(
    r"(?:\x1b|\\+u001[bB]|\\+x1[bB]|\\+033|\\+e(?=\[))(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?)"
    r"|\x9b[0-?]*[ -/]*[@-~]|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_MARKED = re.compile(re.escape(MARK) + r"[\w .:-]{1,80}\]")

#: What stands for a secret where none is.
_PLACEHOLDERS = {
    "password", "passwd", "passphrase", "pass", "secret", "secrets", "secretkey", "token", "postgres", "mysql",
    "root", "admin", "user", "username", "test", "testing", "example", "changeme", "change_me", "changeit",
    "changethis", "development", "production", "localhost", "redacted", "placeholder", "dummy", "none", "null",
    "undefined", "disabled", "enabled", "default", "x-oauth-basic", "x-access-token", "guest", "letmein",
}  # fmt: skip
_TEMPLATE = re.compile(r"[$%{<*\[(]")
#: Names of variables, keys and headers whose values are secrets; and of those that only sound like it.
_NAMES = re.compile(
    r"(?i)secret|token|passw|passphrase|credential|(?:^|[_.:/-])(?:auth|pat|pwd|pass)$"
    r"|(?:api|access|private|signing|encryption|master|account|storage|service|deploy|license|ssh|gpg)[_-]?key"
)
_NO_NAMES = re.compile(
    r"(?i)[_-](?:file|path|dir|sock|socket|url|uri|host|name|user|id|type|method|ttl|limit|count|max|budget|tokens)$"
    r"|^(?:OLD)?PWD$|expir|^max_|tokenizers"
)
#: `name = value` in the forms that files of secrets have.
_PAIRS = re.compile(
    r"""["']?([\w./:@-]*\w)["']?[ \t]*[=:][ \t]*"""
    r"""(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s#,;"'][^\n]*?))[ \t]*(?:[,;]|[ \t]\#.*)?\r?$""",
    re.MULTILINE,
)
_NETRC = re.compile(r"\bpassword[ \t]+(\S+)")
_FILE_NAME = re.compile(r"[~.]{0,2}/\S*\.\w{1,5}")
_RANDOM = re.compile(
    r"(?=(?:\D*\d){3})(?=\S*[A-Za-z])[\w-]{20,}|(?!/)(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+/]{24,}={0,2}"
)
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_USERINFO = re.compile(r"[A-Za-z][\w+.-]*://[^\s/:@]*:([^\s/@]+)@")
#: Shorter values would be found in every text.
_SHORTEST = 8
_SHORT = 6

_Span = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Known:
    """Values that are secret for where they stand, each with the name it has there."""

    names: Mapping[str, str]


NOTHING = Known({})


def redact(text: str, known: Known = NOTHING) -> str:
    """The text with every secret in it replaced, whatever colours, escapes or unseen characters stand within."""
    if not _UNSEEN.search(text):
        return _replaced(text, _spans(text, known))
    pieces, length, at = list[tuple[int, int, str]](), 0, 0
    for start, end in [*(found.span() for found in _UNSEEN.finditer(text)), (len(text), len(text))]:
        pieces.append((length, at, text[at:start]))
        length, at = length + start - at, end
    seen = _spans("".join(piece for _, _, piece in pieces), known)
    return _replaced(text, [(_origin(pieces, start), _origin(pieces, end - 1) + 1, kind) for start, end, kind in seen])


def redacted(data: Any, known: Known = NOTHING) -> Any:
    """The same for plain data, keys and values."""
    if isinstance(data, str):
        return redact(data, known)
    if isinstance(data, Mapping):
        return {redacted(key, known): redacted(value, known) for key, value in data.items()}
    return [redacted(value, known) for value in data] if isinstance(data, list | tuple) else data


def secrets_of(variables: Mapping[str, str], *, every: bool = False) -> dict[str, str]:
    """The secrets among named values, each with its name: by their names, and the passwords of addresses.

    `every`: the names were said to be secret, whatever they are, and shorter values count as well.
    """
    found = dict[str, str]()
    for name, value in variables.items():
        address = _USERINFO.match(value)
        whole = every or _sounds_secret(name, value)
        for secret in ([value] if whole else []) + ([address[1]] if address else []):
            found |= {line: name for line in secret.splitlines() if _is_telling(line, _SHORT if every else _SHORTEST)}
    return found


def secrets_in(text: str) -> dict[str, str]:
    """The same for a file of secrets in any common form: what looks random is secret, whatever its name."""
    named = [(found[1], found[2] or found[3] or found[4] or "") for found in _PAIRS.finditer(text)]
    named += [("password", found[1]) for found in _NETRC.finditer(text)]
    found = dict[str, str]()
    for name, value in named:
        is_random = _RANDOM.fullmatch(value) is not None and not _UUID.fullmatch(value)
        found |= secrets_of({name: value}, every=is_random)
    return found


def _sounds_secret(name: str, value: str) -> bool:
    return bool(_NAMES.search(name)) and not _NO_NAMES.search(name) and not _FILE_NAME.fullmatch(value)


def _is_telling(value: str, shortest: int) -> bool:
    """Whether a value can be looked for: not so short or common that it stands everywhere."""
    is_number = value.isdigit() and len(value) < 12
    return len(value) >= shortest and not is_number and not _is_placeholder(value)


def _is_placeholder(value: str) -> bool:
    lowered = value.lower()
    return (
        lowered in _PLACEHOLDERS or "example" in lowered or bool(_TEMPLATE.match(value)) or len(set(lowered[-8:])) < 3
    )


def _spans(text: str, known: Known) -> list[_Span]:
    return [*_shaped(text), *_in_keys(text), *_known(text, known)]


def _shaped(text: str) -> Iterator[_Span]:
    for shape in _SHAPES:
        if any(hint in text for hint in shape.hints.split()):
            for found in re.finditer(shape.pattern, text):
                group, start = found.re.groups, found.start()
                is_whole = bool(group) or _BEFORE.search(text[max(0, start - 6) : start])
                if is_whole and not _is_placeholder(found[group]):
                    yield (*found.span(group), shape.kind)


def _in_keys(text: str) -> Iterator[_Span]:
    """The lines of private keys, without what stands around them: as many lines as there were."""
    for begin in _PEM_BEGIN.finditer(text):
        end = _PEM_END.search(text, begin.end(), begin.end() + _LONGEST_PEM)
        stop = end.start() if end else _end_of_lines(text, begin.end())
        body = text[begin.end() : stop]
        for found in _PEM_PIECE.finditer(body):
            if found[1]:
                yield begin.end() + found.start(1), begin.end() + found.end(1), "private key"


def _end_of_lines(text: str, start: int) -> int:
    found = _PEM_LINES.match(text, start, start + _LONGEST_PEM)
    return found.end() if found else start


def _known(text: str, known: Known) -> Iterator[_Span]:
    values = tuple(value for value in known.names if value)
    pattern = _any_of(values) if values else None
    found = list(pattern.finditer(text)) if pattern else []
    marks = [mark.span() for mark in _MARKED.finditer(text)] if found else []
    for one in found:
        if not any(start <= one.start() and one.end() <= end for start, end in marks):
            yield (*one.span(), next(known.names[value] for value in values if one[0] in _forms(value)))


@lru_cache(maxsize=16)
def _any_of(values: tuple[str, ...]) -> re.Pattern[str]:
    forms = {form for value in values for form in _forms(value)}
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))))


@lru_cache(maxsize=4096)
def _forms(value: str) -> frozenset[str]:
    """The value as it stands in text, JSON, JSON within JSON and addresses."""
    once = {value, *(json.dumps(value, ensure_ascii=plain)[1:-1] for plain in (True, False))}
    twice = {json.dumps(form)[1:-1] for form in once}
    try:
        quoted = {quote(value, safe=""), quote_plus(value), quote(value, safe="/")}
    except UnicodeEncodeError:  # half a character
        quoted = set()
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in quoted}
    return frozenset(once | twice | quoted | lower)


def _origin(pieces: list[tuple[int, int, str]], at: int) -> int:
    """Where in the text a character of what is seen of it stands."""
    seen, start, _ = pieces[bisect_right(pieces, at, key=lambda piece: piece[0]) - 1]
    return start + at - seen


def _replaced(text: str, spans: Iterable[_Span]) -> str:
    joined = list[_Span]()
    for start, end, kind in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1]), joined[-1][2]
        else:
            joined.append((start, end, kind))
    parts, at = list[str](), 0
    for start, end, kind in joined:
        parts += [text[at:start], f"{MARK}{kind}]"]
        at = end
    return "".join([*parts, text[at:]])
