"""The time limit: one clock for all steps, which hand parts of what is left to each other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clock:
    """Wall time of a run.

    Attributes:
        limit_s: Seconds that the whole run may take.
        start: `time.monotonic()` when it began.
    """

    limit_s: float
    start: float = field(default_factory=time.monotonic)

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def left_s(self) -> float:
        """Seconds until the limit; negative when it has passed."""
        return self.limit_s - self.spent_s

    def deadline(self, share: float) -> float:
        """`time.monotonic()` at which this share of what is left has passed."""
        return time.monotonic() + max(0.0, self.left_s) * share

    def at(self, seconds: float) -> float:
        """`time.monotonic()` when the run is that old."""
        return self.start + seconds
