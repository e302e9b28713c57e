"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

NOTHING: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: float | None, digits: int = 4) -> str:
    """With thousands apart, and few digits."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    if abs(value) >= 10**digits or (abs(value) >= 1000):
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.{digits}g}"
    return f"{value:.{digits}g}".replace("-", MINUS)


def microseconds(value: float | None) -> str:
    """A time with its unit."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value < 1000:
        return f"{value:.3g} µs"
    return f"{value / 1000:.3g} ms" if value < 1e6 else f"{value / 1e6:.3g} s"


def seconds(value: float) -> str:
    """A time of the run."""
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def kilobytes(value: float) -> str:
    """A size, of bytes."""
    return f"{value / 1000:,.1f} kB"


def short_kilobytes(value: float) -> str:
    """A size as it was asked for, of bytes."""
    return f"{value / 1000:,.6g} kB"


def percent(share: float) -> str:
    """A share; only all of them are 100 %."""
    if 0.995 <= share < 1:
        return f"{min(99.9, 100 * share):.1f} %"
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def date(second: float) -> str:
    """A day, of seconds since 1970."""
    try:
        return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d")
    except OverflowError:
        return number(second)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers from low to high."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 12) for i in range(count * 3) if (first + i) * step <= high + 1e-9 * step]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each power of ten between; powers alone where there are many."""
    found = [
        m * 10.0**p for p in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)
    ]
    inside = [value for value in found if low * 0.999 <= value <= high * 1.001]
    powers = [value for value in inside if math.log10(value) % 1 < 1e-6 or math.log10(value) % 1 > 1 - 1e-6]
    return powers if len(inside) > 6 and len(powers) > 1 else inside[:: 1 if len(inside) <= 6 else 2]


def extent(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    """Least and greatest, with some room."""
    low, high = min(values), max(values)
    room = margin * (high - low) or abs(high) * margin or 1.0
    return low - room, high + room
