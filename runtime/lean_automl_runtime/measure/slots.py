"""Moments of a calibration: which of them the machine ran at full speed.

A shared machine runs at more than one speed, and changes it every few seconds. Each Program is therefore timed in
short slots at different moments, and only slots count in which the control kernel ran about as fast as it ever did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lean_automl_runtime.measure.cost import CostSample

FASTEST: Final = 0.05  # of the slots; a single one may be lucky
HIGHEST_SPEED: Final = 1.3  # slots whose controls are up to this multiple of the fastest ones ran at the highest speed
FULL_SPEED: Final = 1.15  # control medians up to this multiple of what is usual at the highest speed
WANTED_SLOTS: Final = 3  # at full speed, for each Program


@dataclass(frozen=True, slots=True)
class Slot:
    """A Program timed at one moment.

    Attributes:
        p50_us: Median of its calls.
        p99_us: Their 99th percentile.
        control_us: Median of the control kernel meanwhile.
    """

    p50_us: float
    p99_us: float
    control_us: float


def full_speed_us(programs: Sequence[Sequence[Slot]]) -> float:
    """The usual control median of an engine's slots at the machine's highest speed; infinite if there are none.

    A core whose other half works for somebody else takes 1.5 times as long or more; at one speed processes and moments
    differ by a tenth.
    """
    controls = np.sort([slot.control_us for slots in programs for slot in slots])
    if not controls.size:
        return float("inf")
    fastest = controls[int(FASTEST * controls.size)]
    return float(np.median(controls[controls <= HIGHEST_SPEED * fastest]))


def at_full_speed(slots: Sequence[Slot], control_us: float) -> list[Slot]:
    """The slots in which the control kernel took about `control_us`."""
    return [slot for slot in slots if slot.control_us <= FULL_SPEED * control_us]


def median_at_full_speed(slots: Sequence[Slot], control_us: float) -> float | None:
    """Median of a Program's slots at full speed; None without one.

    Within what counts as full speed a machine still runs at different speeds, and so does the control kernel: each slot
    is taken in proportion to it, as if it had run at `control_us`.
    """
    kept = at_full_speed(slots, control_us)
    if not kept:
        return None
    return float(np.median([slot.p50_us * control_us / slot.control_us for slot in kept]))


def cost_samples(
    names: Sequence[str], counts: Sequence[Mapping[str, float]], programs: Sequence[Sequence[Slot]]
) -> list[CostSample]:
    """For each Program of an engine the median of its slots at full speed; those without one are left out.

    The p99 is the least of them, each in proportion to its control kernel too: what gets in between raises it, and a
    slot is too short to even that out.
    """
    control_us = full_speed_us(programs)
    samples = []
    for name, count, slots in zip(names, counts, programs, strict=True):
        kept, p50_us = at_full_speed(slots, control_us), median_at_full_speed(slots, control_us)
        if p50_us is not None:
            p99_us = min(slot.p99_us * control_us / slot.control_us for slot in kept)
            samples.append(CostSample(name, count, p50_us, max(p50_us, p99_us)))
    return samples
