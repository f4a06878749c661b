"""Whether two findings are the same defect, and which of those known before a finding is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentflow.review.claims import Claim
from agentflow.review.identity import Identity, Read, Spot

#: Shares of the words of the shorter text that both have: enough when both are of one kind, when nothing is known of
#: the kind, and when the kinds differ. Chosen by the corpus in the tests.
ONE_KIND, NO_KIND, OTHER_KIND = 0.12, 0.3, 0.67
#: What is asked for besides where one is far graver than the other, and where they name other things of the code.
JUMP_DOUBT, NAME_DOUBT = 0.25, 0.45
#: Share of the words of two headings from which on they are the same, whatever they name.
ALIKE = 0.9
#: Levels of severity from which on one of two findings is far graver.
JUMP = 2
#: Of the lines around equal lines, and of the names on lines that were edited, the share that both have.
CONTEXT, EDITED = 0.5, 0.5
#: Words of a text below which a share of them says little.
FEW = 4
#: How near two places are.
SAME_TEXT, BESIDE, MOVED, EDITED_LINE = 2.0, 1.2, 1.0, 0.9


def recognised(new: Sequence[Identity], old: Sequence[Identity], read: Mapping[str, Read]) -> dict[int, int]:
    """By its index, which of the `old` each of the `new` is: each old one at most once, the best matches first.

    `read` holds the files of the new ones as they are now.
    """
    scored = [
        (score, -n, -m)
        for n, one in enumerate(new)
        for m, other in enumerate(old)
        if (score := likeness(other, one, read[one.file])) > 0
    ]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, n, m in sorted(scored, reverse=True):
        if -n not in found and -m not in taken:
            found[-n] = -m
            taken.add(-m)
    return found


def likeness(old: Identity, new: Identity, read: Read) -> float:
    """How surely they are the same defect; 0 when they are not. `read` is the file of `new` as it is now."""
    if old.file != new.file or new.spot is None:
        return 0.0
    said = sameness(old.claim, new.claim)
    if old.spot is None:
        return SAME_TEXT + said if said and old.former & new.former else 0.0
    placed = _nearness(old.spot, new.spot, read)
    if not placed or not said:
        return 0.0
    if placed >= SAME_TEXT:
        return placed + said
    # On edited lines names may be others.
    kept = placed != EDITED_LINE or bool(old.claim.subjects & new.spot.names)
    elsewhere = kept and _is_about_others(old.claim, new.claim)
    return 0.0 if elsewhere or not _is_certain(old.claim, new.claim, said) else placed + said


def sameness(one: Claim, other: Claim) -> float:
    """How much two claims about the same lines say the same, above 0 to 1; 0 when they are two defects."""
    shared = max(_share(one.words, other.words, FEW), _share(one.heading, other.heading, FEW))
    kindred = one.kinds & other.kinds or one.kinds & other.hints or one.hints & other.kinds
    clash = bool(one.kinds) and bool(other.kinds) and not kindred
    needed = OTHER_KIND if clash else ONE_KIND if kindred else NO_KIND
    needed += (JUMP_DOUBT if _is_jump(one, other) else 0) + (NAME_DOUBT if _is_about_others(one, other) else 0)
    return max(shared, 0.01) if shared >= min(needed, 0.95) else 0.0


def _is_certain(one: Claim, other: Claim, said: float) -> bool:
    return said >= OTHER_KIND or bool(one.kinds & other.kinds)


def _nearness(old: Spot, new: Spot, read: Read) -> float:
    """How near they are, from the same text in the same definition down to an edited line; 0 for another place."""
    if not old.cited or not new.cited:
        return 0.0
    if old.path != new.path:
        moved = bool(old.path) and old.path not in read.paths and old.cited[0] == new.cited[0]
        return MOVED if moved and old.names == new.names else 0.0
    texts: Mapping[str, int] = read.texts.get(new.path, {})
    if old.cited[0] == new.cited[0]:
        context = _share(old.around, new.around) if old.around and new.around else 1.0
        return 0.0 if texts.get(new.cited[0], 0) > 1 and context < CONTEXT else SAME_TEXT + context
    if old.cited[0] in new.cited or new.cited[0] in old.cited:
        return SAME_TEXT
    if old.cited[0] in texts:
        return BESIDE if old.cited[0] in new.around or new.cited[0] in old.around else 0.0
    return EDITED_LINE if _share(old.names, new.names) >= EDITED else 0.0


def _is_jump(one: Claim, other: Claim) -> bool:
    return one.rank is not None and other.rank is not None and abs(one.rank - other.rank) >= JUMP


def _is_about_others(one: Claim, other: Claim) -> bool:
    apart = bool(one.subjects) and bool(other.subjects) and not one.subjects & other.subjects
    return apart and _share(one.heading, other.heading) < ALIKE


def _share(one: frozenset[str], other: frozenset[str], least: int = 1) -> float:
    """Of the smaller one, which counts as `least` at least, what both have."""
    return len(one & other) / max(min(len(one), len(other)), least)
