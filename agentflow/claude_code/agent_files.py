"""Which model an agent type runs on by its own definition, as Claude Code's agent files have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agentflow.config.reading import files_below, read_file

#: Agent types that come with Claude Code and take the session's model, as seen on 2.1.330. So does Plan, which is left
#: out: a plan is no place to save.
BUILT_IN = frozenset({"general-purpose", "Explore", "claude"})
#: Characters of an agent file that are read: its front matter stands at the top.
_HEAD = 8192


def inherits_model(agent_type: str, root: str | None) -> bool:
    """Whether an agent of this type takes the session's model: False when it names its own, or nobody knows it here."""
    models = [front.get("model", "inherit") for front in _front_matters(root) if front.get("name") == agent_type]
    return all(model in ("", "inherit") for model in models) if models else agent_type in BUILT_IN


def _front_matters(root: str | None) -> Iterator[dict[str, str]]:
    """What the user's and the repository's agent files say at their top level."""
    own = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    for place, top in ((own, None), *([(Path(root, ".claude"), Path(root))] if root else [])):
        for path in files_below(place / "agents", {".md"}, top):
            with suppress(OSError):
                yield _top_level(read_file(path).decode("utf-8", "replace")[:_HEAD])


def _top_level(text: str) -> dict[str, str]:
    """The plain `key: value` lines between the first two `---`."""
    if not text.startswith("---"):
        return {}
    lines = (line.partition(":") for line in text.split("---", 2)[1].splitlines() if not line[:1].isspace())
    return {key.strip(): value.split(" #")[0].strip().strip("\"'") for key, colon, value in lines if colon}
