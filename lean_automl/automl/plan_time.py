"""How the time limit is divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEACHER_SHARE: Final = 0.45
FEATURES_SHARE: Final = 0.12
FINAL_SHARE: Final = 0.2
LONGEST_FINAL_S: Final = 14.0
SHORTEST_FINAL_S: Final = 3.0
LONGEST_MEASURE_S: Final = 1.0


@dataclass(frozen=True)
class TimePlan:
    """Ends of the steps.

    Attributes:
        features: When the choice of features ends, in seconds since the start of the run.
        teacher: When the teacher ends, likewise.
        final_s: Kept for export and measuring; the last fit comes on top.
        measure_s: Sampling time of each measurement.
    """

    features: float
    teacher: float
    final_s: float
    measure_s: float


def plan_time(limit_s: float, spent_s: float) -> TimePlan:
    """Divide what is left of the limit."""
    final = min(LONGEST_FINAL_S, max(SHORTEST_FINAL_S, FINAL_SHARE * limit_s))
    room = max(0.0, limit_s - final - spent_s)
    return TimePlan(
        features=spent_s + FEATURES_SHARE * room,
        teacher=spent_s + TEACHER_SHARE * room,
        final_s=final,
        measure_s=max(0.2, min(LONGEST_MEASURE_S, limit_s / 60)),
    )
