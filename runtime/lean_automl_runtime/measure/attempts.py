"""Sampling again where the machine did not hold still."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from lean_automl_runtime.measure.guard import NoiseBounds

if TYPE_CHECKING:
    from lean_automl_runtime.measure.guard import Control
    from lean_automl_runtime.measure.options import MeasureOptions

Made = TypeVar("Made")


def quietest_of(
    attempt: Callable[[], Made], control_of: Callable[[Made], Control], options: MeasureOptions
) -> tuple[Made, int]:
    """The attempt in which the control kernel did best, and how many there were.

    There are more until the kernel holds still, or another one would take the whole longer than `options.most_s`.

    Args:
        attempt: Takes samples.
        control_of: What the control kernel did in an attempt.
        options: How many, and how long.
    """
    bounds = NoiseBounds(full_speed_us=options.full_speed_us)
    started = time.monotonic()
    attempts = [attempt()]
    while control_of(attempts[-1]).problems(bounds) and len(attempts) < options.max_attempts:
        spent_s = time.monotonic() - started
        if spent_s * (len(attempts) + 1) > options.most_s * len(attempts):
            break
        attempts.append(attempt())
    return min(attempts, key=lambda made: control_of(made).severity(bounds)), len(attempts)
