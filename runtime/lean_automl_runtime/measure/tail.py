"""How far above its median the slow calls of a Program are on a machine, and so which median a limit leaves room for.

Two things make a call slow. Some records take longer than others, by a factor that is about the same for a larger
Program. And now and then the machine does something else, such as a tick of its clock or of its hypervisor's: that
takes the same time from any call, and a call that is twice as long is hit twice as often. With 1,000 interruptions of
15 us a second, p99 of calls of 5 us does not show them, and that of calls of 12 us is 27 us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEAST_LOST_US: Final = 5.0  # above the median: less is not told apart from a record that takes longer
LEAST_LOST: Final = 0.5  # of the median
LONGEST_LOST_US: Final = 1_000.0  # longer ones are turns of other processes, which are there today and gone tomorrow
KEPT: Final = 0.6  # of the calls that may be above a limit: this is an estimate
SOME: Final = 41  # undisturbed calls that stand for all, where both things meet
STEPS: Final = 40  # halvings of the range in which a median is looked for


@dataclass(frozen=True, eq=False)
class Tail:
    """Slow calls of a machine and an engine.

    Attributes:
        ratios: Times of undisturbed calls over their median, in order; shape `(calls,)`.
        per_us: Interruptions in a microsecond of calls.
        lost_us: What each takes, in order; shape `(interruptions,)`.
        control_us: Median of the control kernel meanwhile, which says how quick the machine was; 0 if unknown.
    """

    ratios: NDArray[np.float64]
    per_us: float
    lost_us: NDArray[np.float64]
    control_us: float = 0.0

    @classmethod
    def from_samples_ns(cls, samples_ns: ArrayLike, control_us: float = 0.0) -> Tail:
        """Of the times of calls of one Program, in nanoseconds; at least one."""
        times_us = np.asarray(samples_ns, dtype=np.float64) / 1000
        median_us = float(np.median(times_us))
        times_us = times_us[times_us <= median_us + max(LONGEST_LOST_US, median_us)]
        is_hit = times_us > median_us + max(LEAST_LOST_US, LEAST_LOST * median_us)
        calls_us = times_us[~is_hit]
        exposed_us = float(calls_us.sum()) + median_us * int(is_hit.sum())
        return cls(
            np.sort(calls_us) / median_us,
            float(is_hit.sum()) / exposed_us,
            np.sort(times_us[is_hit] - median_us),
            control_us,
        )

    def share_above(self, limit_us: float, median_us: float) -> float:
        """The share of calls above a limit, of a Program with a median."""
        hit = min(1.0, self.per_us * median_us)
        slow = _share_above(self.ratios * median_us, limit_us)
        some = self.ratios[np.linspace(0, self.ratios.size - 1, SOME).astype(np.int64)]  # as many of each kind
        hit_and_slow = _share_above(self.lost_us, limit_us - some * median_us)
        return (1 - hit) * slow + hit * hit_and_slow

    def longest_us(self, limit_us: float, quantile: float) -> float:
        """The longest median of which the quantile keeps a limit, less a margin."""
        allowed = KEPT * (1 - quantile)
        low, high = 0.0, limit_us
        for _ in range(STEPS):
            middle = (low + high) / 2
            if self.share_above(limit_us, middle) <= allowed:
                low = middle
            else:
                high = middle
        return low


def _share_above(ordered: NDArray[np.float64], limits: ArrayLike) -> float:
    """The share of values above a limit; of several limits, the mean."""
    return float(np.mean(ordered.size - np.searchsorted(ordered, limits, side="right"))) / max(1, ordered.size)
