"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

UNPRICED = "unpriced"


def duration(seconds: float) -> str:
    """8s, 1m05s, 2h03m."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes_left:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def count(number: int) -> str:
    """950, 3.4k, 1.2M."""
    if number < 1000:
        return str(number)
    scaled, unit = (number / 1000, "k") if number < 999_950 else (number / 1_000_000, "M")
    return f"{scaled:.1f}{unit}"


def counted(number: int, what: str) -> str:
    """1 file, 2 files."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def dollars(usd: float | None) -> str:
    """Four decimals; what has no price is said to have none, never shown as zero."""
    return UNPRICED if usd is None else f"${usd:.4f}"


def spent(usd: float, unpriced: int) -> str:
    """A sum of which some parts may have no price."""
    if not unpriced:
        return dollars(usd)
    return f"{dollars(usd)} + {unpriced} {UNPRICED}" if usd else UNPRICED


def shares(parts: Sequence[float], total: float) -> list[float]:
    """The parts of `total`, rounded so that they add up to it as `dollars` prints it (largest remainder)."""
    units = [part * 10_000 for part in parts]
    floors = [int(unit) for unit in units]
    missing = round(float(f"{total:.4f}") * 10_000) - sum(floors)
    by_remainder = sorted(range(len(units)), key=lambda i: floors[i] - units[i])
    for i in by_remainder[:missing]:
        floors[i] += 1
    return [floor / 10_000 for floor in floors]


def aligned(rows: Sequence[Sequence[str]], left: Collection[int]) -> list[str]:
    """Rows as lines with columns two spaces apart; the columns in `left` are aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(cell, widths[i], i in left) for i, cell in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, width: int, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)
