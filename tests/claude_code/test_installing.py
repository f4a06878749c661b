from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agentflow.claude_code import changes, installing
from agentflow.claude_code.shipped import hooks
from agentflow.config.settings import load_settings
from agentflow.errors import AgentflowError, EnvironmentError_, UsageError

ROOT = Path(__file__).parents[2]
SETTINGS = ".claude/settings.json"
PLAIN = '{\n  "model": "opus",\n  "permissions": {"allow": ["Bash(make)"]},\n  "zebra": "é"\n}\n'
OTHERS = {"matcher": "Bash", "hooks": [{"type": "command", "command": "./lint.sh"}]}
WITH_HOOKS = json.dumps({"hooks": {"PreToolUse": [OTHERS], "Stop": []}, "model": "opus"}, indent="\t")


@pytest.fixture
def root(world, monkeypatch):
    """A repository, seen by a user with a state directory of their own."""
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", world.env["AGENTFLOW_STATE_DIR"])
    return world.repository({"README.md": "Tea.\n"})


def install(root):
    made = installing.installation(root)
    changes.make(root, made)
    installing.remember(root, made)
    return made


def uninstall(root):
    changes.make(root, installing.removal(root).changes)


def write_settings(root, content):
    (root / ".claude").mkdir(exist_ok=True)
    (root / SETTINGS).write_bytes(content if isinstance(content, bytes) else content.encode())


def tree(root):
    """Every file and folder of the working tree, with what is in it."""
    paths = (path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts)
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}


EXISTING = {
    "no settings": None,
    "plain": PLAIN,
    "on one line": '{"a": 1}',
    "with hooks of others, and an empty list": WITH_HOOKS,
    "an empty object": "{}",
    "an empty object on two lines": "{\n}\n",
    "no hooks yet, but their place": '{"hooks": {}}\n',
    "tabs": '{\n\t"a": [1, 2],\n\t"b": {}\n}\n',
    "four spaces and CRLF": '{\r\n    "a": 1\r\n}\r\n',
    "a byte order mark, no line at the end": "\ufeff" + PLAIN.rstrip(),
    "an empty file": "",
}


@pytest.fixture(params=EXISTING.values(), ids=EXISTING.keys())
def existing(request, root):
    if request.param is not None:
        write_settings(root, request.param)
    return request.param


def test_what_is_installed_works_and_keeps_every_key_in_its_place(root, existing):
    install(root)
    text = (root / SETTINGS).read_bytes().decode("utf-8-sig")
    before = json.loads((existing or "{}").removeprefix("\ufeff"))
    after = json.loads(text)

    for event, groups in hooks().items():
        assert after["hooks"][event] == [*before.get("hooks", {}).get(event, []), *groups]
    after["hooks"] = before.get("hooks")
    assert [(key, value) for key, value in after.items() if key != "hooks" or "hooks" in before] == [*before.items()]


def test_lines_that_were_there_are_not_touched(root, existing):
    install(root)
    after = (root / SETTINGS).read_bytes().decode("utf-8-sig")
    new = {line.rstrip(",") for line in after.splitlines()}
    old = {line.rstrip(",") for line in (existing or "").removeprefix("\ufeff").splitlines()}

    if len(old) > 1:
        assert {line for line in old if not line.endswith(("[]", "{}"))} <= new
        assert after.count("\r\n") in (0, after.count("\n"))
    assert not re.search(r"^ +\t|^\t+ ", after, re.MULTILINE)


def test_twice_in_a_row_is_once(root, existing):
    install(root)
    once = tree(root)

    assert install(root) == []
    assert tree(root) == once


def test_uninstalling_leaves_no_trace(root, existing):
    before = tree(root)
    install(root)
    uninstall(root)

    assert tree(root) == before


def test_what_came_with_a_clone_is_uninstalled_too(root):
    """Nobody remembers what was there before: the hooks are taken out of the text."""
    write_settings(root, PLAIN)
    before = tree(root)
    install(root)
    installing.forget(root)
    uninstall(root)

    assert tree(root) == before


def test_what_others_added_since_stays(root):
    write_settings(root, WITH_HOOKS)
    install(root)
    settings = json.loads((root / SETTINGS).read_text())
    settings["hooks"]["Stop"][0]["hooks"].insert(0, {"type": "command", "command": "say done"})
    settings["hooks"]["Notification"] = [OTHERS]
    write_settings(root, json.dumps(settings))
    (root / ".agentflow" / "config.yaml").write_text("budget_usd: 3\n")
    (root / ".agentflow" / "review.md").write_text("Be kind.\n")
    removal = installing.removal(root)
    uninstall(root)

    assert json.loads((root / SETTINGS).read_text()) == {
        "hooks": {
            "PreToolUse": [OTHERS],
            "Stop": [{"hooks": [{"type": "command", "command": "say done"}]}],
            "Notification": [OTHERS],
        },
        "model": "opus",
    }
    assert removal.kept == (".agentflow/config.yaml",)
    assert set(tree(root)) == {
        *("README.md", ".claude", SETTINGS, ".agentflow"),
        *(".agentflow/config.yaml", ".agentflow/review.md"),
    }


def test_hooks_of_an_earlier_version_are_replaced(root):
    old = {"hooks": [{"type": "command", "command": "agentflow-hook Stop", "timeout": 3}]}
    write_settings(root, json.dumps({"hooks": {"Stop": [OTHERS, old], "Gone": [old]}}))
    install(root)
    after = json.loads((root / SETTINGS).read_text())["hooks"]

    assert after["Stop"] == [OTHERS, *hooks()["Stop"]]
    assert "Gone" not in after


def test_a_config_is_never_overwritten(root):
    (root / ".agentflow").mkdir()
    (root / ".agentflow" / "config.yaml").write_text("budget_usd: 3\n")
    install(root)

    assert (root / ".agentflow" / "config.yaml").read_text() == "budget_usd: 3\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{\n  // mine\n  "a": 1\n}\n', "settings.json:2: not JSON"),
        ('{\n  "a": 1,\n}\n', "settings.json:3: not JSON"),
        ('{"a": 1', "settings.json:1: not JSON"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "a number is too long"),
        ("[]", "must be an object"),
        ('{"hooks": []}', "hooks must be an object"),
        ('{"hooks": {"Stop": {}}}', "hooks.Stop must be a list"),
        ('{"hooks": {"Stop": ["x"]}}', "hooks.Stop must be a list"),
        (b'{\n"a": "\xff"}', "settings.json:2: not UTF-8"),
    ],
)
def test_settings_that_cannot_be_understood_are_left_alone(root, content, told):
    write_settings(root, content)
    before = tree(root)

    for attempt in (install, uninstall):
        with pytest.raises(UsageError) as failure:
            attempt(root)
        assert told in failure.value.message
    assert tree(root) == before


def test_a_link_stays_a_link_and_one_out_of_the_repository_is_refused(root, world):
    (root / "shared.json").write_text(PLAIN)
    (root / ".claude").mkdir()
    (root / SETTINGS).symlink_to("../shared.json")
    install(root)
    assert (root / SETTINGS).is_symlink()
    assert "agentflow-hook" in (root / "shared.json").read_text()
    uninstall(root)
    assert ((root / SETTINGS).is_symlink(), (root / "shared.json").read_text()) == (True, PLAIN)

    outside = world.folder / "dotfiles.json"
    outside.write_text(PLAIN)
    (root / SETTINGS).unlink()
    (root / SETTINGS).symlink_to(outside)
    with pytest.raises(EnvironmentError_, match="leads out of the repository"):
        install(root)
    assert outside.read_text() == PLAIN


@pytest.mark.parametrize("place", [SETTINGS, ".claude", ".claude/commands/agentflow/run.md"])
def test_what_is_read_only_is_said_and_nothing_is_written(root, place):
    write_settings(root, PLAIN)
    (root / ".claude/commands/agentflow").mkdir(parents=True)
    (root / ".claude/commands/agentflow/run.md").write_text("mine\n")
    before = tree(root)
    mode = (root / place).stat().st_mode
    (root / place).chmod(mode & ~0o222)
    try:
        with pytest.raises(EnvironmentError_, match="read-only"):
            install(root)
    finally:
        (root / place).chmod(mode)

    assert tree(root) == before


@pytest.mark.parametrize("blocked", [".claude", ".claude/commands", ".agentflow"])
def test_a_file_where_a_folder_belongs_stops_everything(root, blocked):
    (root / blocked).parent.mkdir(exist_ok=True)
    (root / blocked).write_text("in the way\n")
    before = tree(root)

    with pytest.raises(AgentflowError):
        install(root)
    assert tree(root) == before


def test_a_failure_in_the_middle_gives_everything_back(root):
    (root / "taken").mkdir()
    (root / "taken" / "inside").write_text("x")
    write_settings(root, PLAIN)
    before = tree(root)
    wanted = [
        changes.Change("new/file", None, b"new"),
        changes.Change(SETTINGS, PLAIN.encode(), b"{}"),
        changes.Change("taken", None, b"a folder is here"),
    ]

    with pytest.raises(EnvironmentError_, match="nothing was changed"):
        changes.make(root, wanted)
    assert tree(root) == before


def test_permissions_of_a_changed_file_stay(root):
    write_settings(root, PLAIN)
    (root / SETTINGS).chmod(0o600)
    install(root)

    assert (root / SETTINGS).stat().st_mode & 0o777 == 0o600


def test_every_line_of_the_example_config_holds_once_it_is_taken_in(root):
    install(root)
    config = root / ".agentflow" / "config.yaml"
    assert load_settings(root, {}, {}).origins["checks"] == "default"

    config.write_text(re.sub(r"^# (?=\w+:|  )", "", config.read_text(), flags=re.MULTILINE))
    settings = load_settings(root, {}, {})
    assert (settings.checks, settings.setup, settings.budget_usd) == (("pytest -q",), "npm ci", 5)


def test_this_repositorys_own_files_for_claude_code_are_the_plugins():
    """After a change of the plugin: `agentflow init --yes` here, of which only .claude/ is committed."""
    assert [change.path for change in installing.claude_files(ROOT)] == []


@pytest.mark.parametrize(
    "command",
    [
        "agentflow-hook Stop",
        "/opt/tools/bin/agentflow-hook Stop",
        '"/home/a b/.venv/bin/agentflow-hook" Stop',
        "uvx --from agentflow agentflow-hook Stop",
        "AGENTFLOW_STATE_DIR=/x agentflow-hook Stop || true",
    ],
)
def test_hooks_of_ours_are_known_for_removal_however_they_are_started(root, command):
    install(root)
    settings = json.loads((root / SETTINGS).read_text())
    settings["hooks"]["Stop"] = [{"hooks": [{"type": "command", "command": command}]}]
    write_settings(root, json.dumps(settings))

    uninstall(root)

    assert not (root / SETTINGS).exists() or "agentflow-hook" not in (root / SETTINGS).read_text()


@pytest.mark.parametrize("command", ["my-agentflow-hook Stop", "./agentflow-hooks.sh", "echo agentflow-hook-done"])
def test_a_hook_that_only_sounds_like_ours_stays(root, command):
    write_settings(root, json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}}))
    install(root)
    uninstall(root)

    assert command in (root / SETTINGS).read_text()
