"""What a change deletes, and who still counts on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from agentflow.domain.reviews import Deleted
from agentflow.git.repository import Repository
from agentflow.git.searching import Match, literal, search

#: Deleted files that are looked for, and lines that are told of each.
MOST_FILES, MOST_USES = 50, 5
#: Characters of such a line.
_WIDTH = 200
#: The file a package or folder is imported by.
_FOLDER_FILES = {"__init__", "index", "mod"}
_BOUND = "([^[:alnum:]_]|$)"
#: Words by which languages name another file without its suffix.
_NAMING = "(import|from|require|include|include_once|require_once|use|mod|source|load|export|extends|url|src|href)"


async def deletions(repository: Repository, head: str, files: Sequence[str]) -> tuple[Deleted, ...]:
    """These files, gone at `head`, each with the first lines there that still name it."""
    looked_for = files[:MOST_FILES]
    patterns = [pattern for file in looked_for for pattern in _patterns(file)]
    found = await search(repository, head, patterns)
    return tuple(Deleted(file, _uses(file, found) if file in looked_for else ()) for file in files)


def _patterns(file: str) -> tuple[str, str]:
    """Its name as it is, and what imports it: the last word of `import a.b`, `from "./b"`, `use crate::b`."""
    path = PurePosixPath(file)
    stem = path.parent.name if path.stem in _FOLDER_FILES and path.parent.name else path.stem
    before = "(^|[^[:alnum:]_])"
    return f"{before}{literal(path.name)}{_BOUND}", f"{before}{_NAMING}[^[:alnum:]_].*{before}{literal(stem)}{_BOUND}"


def _uses(file: str, found: Sequence[Match]) -> tuple[str, ...]:
    fitting = re.compile("|".join(pattern.replace("[:alnum:]", "A-Za-z0-9") for pattern in _patterns(file)))
    mine = [match for match in found if match.file != file and fitting.search(match.text)]
    return tuple(f"{match.file}:{match.line}: {match.text.strip()[:_WIDTH]}" for match in mine[:MOST_USES])
