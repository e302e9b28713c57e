"""How the time limit is divided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from lean_automl.config import Constraints

TEACHER_SHARES: Final = {
    "teaches": 0.3,
    "joins": 0.4,  # its members are students too, and judging them as such comes on top
    "compares": 0.12,
}
FEATURES_SHARE: Final = 0.18
GROWTH_SHARE: Final = 0.65  # of what teacher and search would have
GROWN_SHARE: Final = 0.05  # of the limit: large models take longer to compile, export and explain
FINAL_SHARE: Final = 0.13
LONGEST_FINAL_S: Final = 12.0
SHRINK_SHARE: Final = 0.08
LONGEST_SHRINK_S: Final = 12.0
SHORTEST_FINAL_S: Final = 3.0
BLEND_SHARE: Final = 0.04  # for the choice of what is averaged, and compiling it
SMALL_SHARE: Final = 0.5  # of all three where models are small: they compile, export and shrink in no time
LONGEST_MEASURE_S: Final = 1.0
PUBLISHING_MARGIN: Final = 1.25  # the last model is larger than the first, though it has the machine to itself
MOST_FINAL_SHARE: Final = 0.35
REFIT_ENDS_BEFORE: Final = 0.8  # the rest of what is kept is for export and measuring
CHOICE_SHARE: Final = 0.7  # of the time for smaller files; the rest is for the last fit's Program

TeacherRole = Literal["teaches", "joins", "compares"]


@dataclass(frozen=True)
class TimePlan:
    """What the steps get.

    Attributes:
        limit_s: Of the whole run.
        final_s: Kept for export and measuring; the last fit comes on top.
        shrink_s: For smaller files: part of it before the last fit, part after it.
        measure_s: Sampling time of each measurement.
        blend_s: For the choice of what is averaged.
        growth_s: For fits on more rows, where the search works on a sample.
    """

    limit_s: float
    final_s: float
    shrink_s: float
    measure_s: float
    blend_s: float
    growth_s: float = 0.0

    @property
    def choice_s(self) -> float:
        """What the choice of passes gets, of the time for smaller files."""
        return CHOICE_SHARE * self.shrink_s

    @property
    def search_until(self) -> float:
        """When the last fits end for which the search must leave time, in seconds since the start of the run."""
        return self.growth_until - self.growth_s

    @property
    def growth_until(self) -> float:
        """When fits on more rows than the search has end, likewise."""
        return self.limit_s - self.final_s - self.shrink_s - self.blend_s

    @property
    def publish_s(self) -> float:
        """What export and measuring get, after the last fit and its passes."""
        return REFIT_ENDS_BEFORE * self.final_s

    @property
    def refit_until(self) -> float:
        """When the last fit ends, in seconds since the start of the run."""
        return self.limit_s - self.publish_s - (self.shrink_s - self.choice_s)

    def features_until(self, spent_s: float) -> float:
        """When the choice of features ends, in seconds since the start of the run."""
        return spent_s + FEATURES_SHARE * self._room(spent_s)

    def teacher_until(self, spent_s: float, role: TeacherRole, last_fit_s: float) -> float:
        """When the teacher ends, likewise, where the last fits of what was found already take so long."""
        return spent_s + TEACHER_SHARES[role] * self._room(spent_s + last_fit_s)

    def with_growth(self, spent_s: float) -> TimePlan:
        """The same with time for fits on more rows than the search has, and for what the large models take then."""
        more = replace(self, final_s=self.final_s + GROWN_SHARE * self.limit_s)
        return replace(more, growth_s=GROWTH_SHARE * more._room(spent_s))

    def with_publishing(self, seconds: float) -> TimePlan:
        """The same with at least the time for export and measuring that a model of this run took for it."""
        longest = MOST_FINAL_SHARE * self.limit_s
        return replace(self, final_s=max(self.final_s, min(longest, PUBLISHING_MARGIN * seconds)))

    def _room(self, spent_s: float) -> float:
        return max(0.0, self.search_until - spent_s)


def plan_time(limit_s: float, constraints: Constraints) -> TimePlan:
    """Divide the limit.

    Args:
        limit_s: Of the whole run.
        constraints: Whether smaller files are looked for, and whether only small models fit.
    """
    share, shrinks = 1.0 if constraints.are_roomy else SMALL_SHARE, constraints.max_size_bytes is not None
    return TimePlan(
        limit_s=limit_s,
        final_s=max(SHORTEST_FINAL_S, share * min(LONGEST_FINAL_S, FINAL_SHARE * limit_s)),
        shrink_s=share * min(LONGEST_SHRINK_S, SHRINK_SHARE * limit_s) if shrinks else 0.0,
        measure_s=max(0.2, min(LONGEST_MEASURE_S, limit_s / 60)),
        blend_s=share * BLEND_SHARE * limit_s,
    )
