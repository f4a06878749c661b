"""Secrets of many kinds, planted wherever a run and a review may meet them: none is written, printed or sent.

What this cannot show, since it cannot be held: what an agent's own tools read goes to its model. See SECURITY.md.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentflow.domain.redaction import MARK

BODY = "q7Hh3vT9xK2mZ8pL4wR6yB1nC5dF0g"
#: By kind, made of parts so that the sources hold none; each has a core that may stand nowhere.
CANARIES = {
    "anthropic": "sk-ant-" + "api03-A1" + BODY,
    "openai": "sk-" + "proj-B2" + BODY,
    "github": "ghp_" + "C3" + BODY + "abcd",
    "fine-grained": "github_pat_" + "D4" + BODY,
    "aws": "AKIA" + "E5Z7T3WKX5MPLN2R",
    "slack": "xoxb-" + "F6-1234-" + BODY,
    "google": "AIza" + "Sy7" + BODY + "ab",
    "stripe": "sk_live_" + "G8" + BODY,
    "npm": "npm_" + "H9" + BODY + "abcd",
    "pypi": "pypi-" + "AgEIcHlwaS5vcmcI0" + BODY,
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJKMSJ9." + "J1" + BODY,
    "address": "https://ada:K2" + BODY + "@git.example.org/x.git",
    "key": "-----BEGIN PRIVATE " + "KEY-----\nL3" + BODY + "\nL4" + BODY + "\n-----END PRIVATE " + "KEY-----",
    "dotenv": "M5-rhubarb-crumble",
    "variable": "N6-gooseberry-fool",
}
CORES = [
    *(CANARIES[kind] for kind in ("aws", "dotenv", "variable")),
    *(f"{mark}{BODY[:14]}" for mark in ("A1", "B2", "C3", "D4", "Sy7", "G8", "H9", "I0", "J1", "K2", "L3", "L4")),
    f"F6-1234-{BODY[:14]}",
]
PLAIN = "\n".join(CANARIES[kind] for kind in CANARIES if kind not in {"dotenv", "variable"})
#: Prints them plain, as JSON, coloured and in pieces, from the environment's files and from a committed one.
SHOW = """\
import json, pathlib, sys, time
text = pathlib.Path("src/settings.py").read_text() + pathlib.Path("deploy/.env").read_text()
print(text)
print(json.dumps({"said": text}), json.dumps(json.dumps(text)))
for line in text.splitlines():
    print(f"\\x1b[31m{line[:9]}\\x1b[0m{line[9:15]}\\x1b[1m{line[15:]}")
for at in range(0, len(text), 7):
    sys.stdout.write(text[at : at + 7])
    sys.stdout.flush()
print()
"""


def files() -> Mapping[str, str]:
    settings = "".join(
        f"# {line}\n" if "KEY---" in line or "L" in line[:1] else f'X = "{line}"\n' for line in PLAIN.split("\n")
    )
    return {
        ".gitignore": ".env\n",
        ".worktreeinclude": ".env\n",
        "deploy/.env": f"DB_PASSWORD={CANARIES['dotenv']}\n",
        "server.pem": CANARIES["key"],
        "src/settings.py": settings,
        "src/mean.py": "def mean(values):\n    return sum(values) / len(values)\n",
        "show.py": SHOW,
    }


@pytest.fixture
def root(world):
    root = world.repository(files(), "shop")
    (root / ".env").write_text(f"API_TOKEN={CANARIES['dotenv']}\nOTHER={CANARIES['stripe']}\n")
    world.git(root, "remote", "add", "origin", CANARIES["address"])
    return root


@contextmanager
def watched() -> Iterator[set[bytes]]:
    """The command lines of all processes meanwhile."""
    seen, over = set[bytes](), threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(line.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def found(texts: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return [(place, core) for place, text in texts.items() for core in CORES if core.encode() in text]


def assert_nowhere(world, root, server, ended, lines):
    kept = [path for name in ("state", "cache", "config") for path in (world.folder / name).rglob("*")]
    told = {str(path): path.read_bytes() for path in kept if path.is_file() and not path.is_symlink()}
    told |= {"stdout": ended.out.encode(), "stderr": ended.err.encode()}
    told |= {f"request {n}": json.dumps(request.body).encode() for n, request in enumerate(server.requests)}
    told |= {"commits": world.git(root, "log", "--all", "--format=%B").encode(), "argv": b"\n".join(lines)}
    assert MARK.encode() in b"".join(told.values())
    assert sorted({place for place, _ in found(told)}) == []


@pytest.mark.security("T16")
@pytest.mark.security("L13")
def test_a_run_writes_prints_and_sends_none(world, errand, root):
    shown = f"python show.py && {errand.subtask('tea')['checks'][0]}"
    said = {**errand.DONE, "summary": f"I saw {PLAIN} and {CANARIES['dotenv']}"}
    write = [
        {"tool": "Write", "input": {"file_path": "{cwd}/tea.txt", "content": f"{word}\n"}} for word in ("bad", "good")
    ]
    rounds = [[{"calls": [call], "usage": errand.USAGE}, {"answer": said, "usage": errand.USAGE}] for call in write]
    plan = {**errand.plan({**errand.subtask("tea"), "checks": [shown]}), "summary": f"Use {PLAIN}"}
    server = errand.serve(
        {"when": {"agent": "planner"}, "times": "*", "turns": [{"answer": plan, "usage": errand.USAGE}]},
        *({"when": {"agent": "execute"}, "turns": turns} for turns in rounds),
    )
    with watched() as lines:
        ended = world.agentflow(
            root, "run", "Sell tea", "--yes", replay=server,
            ANTHROPIC_API_KEY=CANARIES["anthropic"], SERVICE_TOKEN=CANARIES["variable"],
        )  # fmt: skip
    assert ended.code == 0, ended.err
    assert_nowhere(world, root, server, ended, lines)


def test_a_review_writes_prints_and_sends_none(world, reviewing, root):
    finding = reviewing.finding(title=f"See {CANARIES['github']}", message=f"{PLAIN}\n{CANARIES['dotenv']}")
    server = reviewing.scene(
        reviewing.reports(finding), reviewing.groups((1,)), reviewing.rules_on({1: "confirmed"}, "*")
    )
    with watched() as lines:
        ended = world.agentflow(
            root, "review", ".", "--save", "report.sarif", replay=server,
            ANTHROPIC_API_KEY=CANARIES["anthropic"], SERVICE_TOKEN=CANARIES["variable"],
        )  # fmt: skip
    assert ended.code == 1, ended.err
    assert_nowhere(world, root, server, ended, lines)
    assert found({"report": (root / "report.sarif").read_bytes()}) == []
    assert "may hold secrets" in ended.out
