"""What of the user's files a sandbox has to show, so that the programs it starts find what they need."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: By which the folder around a Python interpreter is known, of whatever kind: its standard library.
_STANDARD_LIBRARY = "lib*/*/os.py"


def shown_for(folder: Path, written: Sequence[Path]) -> Iterator[Path]:
    """A folder that programs or libraries are found in, and what they need beside it.

    That is what a link leads to, the virtualenv, the interpreter it is made from, and what it has installed in place.
    Below the folders of `written`, where code of models writes, no other link and no record is gone by: it could name
    any file of the user's.
    """
    virtualenv = folder.parent if (folder.parent / "pyvenv.cfg").is_file() else None
    if place := next((place for place in written if folder.is_relative_to(place)), None):
        found = [path for path in (virtualenv, folder) if path and _is_no_link(path, place)]
    else:
        in_place = (virtualenv, *installed_in_place(virtualenv)) if virtualenv else ()
        found = [folder, folder.resolve(), *in_place]
    yield from found
    yield from _interpreters(folder)


def installed_in_place(virtualenv: Path) -> Iterator[Path]:
    """Folders of projects that a virtualenv has as editable installs: libraries beside the one that is worked on.

    As pip and uv record them, and as setuptools did before (`setup.py develop`).
    """
    for told in virtualenv.glob("lib/python*/site-packages/*.dist-info/direct_url.json"):
        with suppress(OSError, ValueError, AttributeError):
            about = json.loads(told.read_text(encoding="utf-8"))
            if about.get("dir_info", {}).get("editable"):
                yield Path(unquote(urlsplit(about["url"]).path))
    for link in virtualenv.glob("lib/python*/site-packages/*.egg-link"):
        with suppress(OSError, ValueError):
            place = Path(link.read_text(encoding="utf-8").partition("\n")[0])
            yield from (place,) if place.is_absolute() else ()


def _is_no_link(path: Path, place: Path) -> bool:
    """Whether a path below `place` is what its name says, with no link on the way."""
    return path.resolve() == place.resolve() / path.relative_to(place)


def _interpreters(folder: Path) -> Iterator[Path]:
    """What the interpreters in a folder of programs are installed in; a link that leads to no such place is passed."""
    for name in ("python", "python3"):
        program = folder / name
        if program.is_file() and next((around := program.resolve().parent.parent).glob(_STANDARD_LIBRARY), None):
            yield around
