"""Which of the files that were shown a name means, however a model, a shell or another system wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

from agentflow.domain.text import shown
from agentflow.review.showing import shown_name

_AROUND = " \t\r\n`'\"*<>()[]“”‘’,;"
#: A place in the file that is written after its name.
_PLACE = re.compile(
    r"(?:(?::|#|\s+|,\s*|\s*\()(?:L|lines?\s+|@)?\d+(?:[-–:]L?\d+)*(?::\d+)?(?:\s+of\s+\d+)?\)?:?|:)$", re.IGNORECASE
)
_SCHEME = re.compile(r"^(?:file:/*(?=/)|(?:file|path|in)\s*:?\s+)", re.IGNORECASE)


class Names:
    """The names of some files."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = {name: path for path in paths for name in (shown(path), shown_name(path), path)}
        self._folded = {_folded(name): path for name, path in self._paths.items()}

    def meant(self, name: str) -> tuple[str, ...]:
        """The files it may mean, by the strictest reading that means any; several where only their ends are alike.

        A name is read as it stands, as diffs and shells put it, without what stands around it, as the end of a path or
        with more in front of it, and at last in any case and Unicode form.
        """
        readings = ((spelling, form) for form in (str, _folded) for spelling in _spellings(name))
        found = (self._found(spelling, form) for spelling, form in readings)
        return next((paths for paths in found if paths), ())

    def _found(self, spelling: str, form: Callable[[str], str]) -> tuple[str, ...]:
        named, known = form(spelling), self._paths if form is str else self._folded
        if named in known:
            return tuple(dict.fromkeys(path for name, path in self._paths.items() if form(name) == named))
        ends = [name for name in known if named.endswith(f"/{name}")]
        if ends:
            return (known[max(ends, key=len)],)
        return tuple(dict.fromkeys(path for name, path in known.items() if named and name.endswith(f"/{named}")))


def _spellings(name: str) -> Iterator[str]:
    yield name
    yield from _unprefixed(name)
    plain = _SCHEME.sub("", name.strip(_AROUND)).strip(_AROUND)
    for bare in (plain, _PLACE.sub("", plain).strip(_AROUND)):
        for spelling in dict.fromkeys((bare, bare.replace("\\\\", "/").replace("\\", "/"), unquote(bare))):
            yield spelling
            yield from _unprefixed(spelling)


def _unprefixed(name: str) -> Iterator[str]:
    return (name.removeprefix(prefix) for prefix in ("./", "a/", "b/") if name.startswith(prefix))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
