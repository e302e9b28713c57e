"""The noise guard: is the machine holding still while we measure?

A control kernel, always the same work, is timed between the samples. What it does on a quiet machine is constant, so
whatever wanders in its times is the machine: another process on the core, a hypervisor that takes it away, a clock
that changes its speed. A run whose control wanders beyond the stated bounds is repeated or marked; it is never
averaged with others to look better.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SEGMENTS: Final = 8
FEWEST_CONTROLS: Final = 4 * SEGMENTS
CONTROL_STEPS: Final = 500


def control_kernel() -> int:
    """Fixed work in plain Python: 20-50 us."""
    state = 0
    for step in range(CONTROL_STEPS):
        state = (state * 31 + step) & 0xFFFF
    return state


@dataclass(frozen=True, slots=True)
class NoiseBounds:
    """Beyond which a run is noisy.

    Attributes:
        wander: Of the control's median between eighths of the run: slowest / fastest - 1.
        tail: Of the control's p99, in multiples of its median.
        cpu_share: Least part of the run in which the process was on its core.
        full_speed_us: Median of the control where the machine runs at full speed, if known (`DeviceProfile` has it);
            a run at a steady lower speed shows in nothing else.
    """

    wander: float = 0.15
    tail: float = 4.0
    cpu_share: float = 0.95
    full_speed_us: float | None = None


BOUNDS: Final = NoiseBounds()


@dataclass(frozen=True, slots=True)
class Control:
    """What the control kernel did during a run.

    Attributes:
        samples: How often it ran.
        p50_us: Median time.
        p99_us: 99th percentile, which says how often something got in between.
        wander: Median of the slowest eighth of the run / that of the fastest - 1.
        cpu_share: CPU time / wall time of the run; below 1 where something else ran on the core.
    """

    samples: int
    p50_us: float
    p99_us: float
    wander: float
    cpu_share: float

    @classmethod
    def from_samples_ns(cls, samples_ns: ArrayLike, cpu_share: float) -> Control:
        """Of control times in order of time; all zero if there are none."""
        times_us = np.asarray(samples_ns, dtype=np.float64) / 1000
        if times_us.size == 0:
            return cls(0, 0.0, 0.0, 0.0, cpu_share)
        medians = [float(np.median(part)) for part in np.array_split(times_us, min(SEGMENTS, times_us.size))]
        p50_us, p99_us = np.quantile(times_us, [0.5, 0.99], method="inverted_cdf").tolist()
        return cls(times_us.size, p50_us, p99_us, max(medians) / min(medians) - 1, cpu_share)

    def problems(self, bounds: NoiseBounds = BOUNDS) -> tuple[str, ...]:
        """Why a run with this control is noisy; empty if it is not."""
        if self.samples < FEWEST_CONTROLS:
            return (f"the control kernel ran {self.samples} times, which is too few to judge the noise",)
        found = []
        if self.wander > bounds.wander:
            found.append(f"control median wandered by {self.wander:.0%} (bound {bounds.wander:.0%})")
        if self.p99_us > bounds.tail * self.p50_us:
            found.append(f"control p99 was {self.p99_us / self.p50_us:.1f} x its median (bound {bounds.tail:g} x)")
        slower = self.slowdown(bounds)
        if slower > bounds.wander:
            found.append(f"control median was {slower:.0%} above full speed (bound {bounds.wander:.0%})")
        if self.cpu_share < bounds.cpu_share:
            found.append(f"on the core for {self.cpu_share:.0%} of the time only (bound {bounds.cpu_share:.0%})")
        return tuple(found)

    def severity(self, bounds: NoiseBounds = BOUNDS) -> float:
        """How noisy, in multiples of the bounds: at most 1 is quiet. Chooses among attempts, without their results."""
        if self.samples < FEWEST_CONTROLS:
            return float("inf")
        tail = self.p99_us / (bounds.tail * self.p50_us)
        lost = (1 - self.cpu_share) / (1 - bounds.cpu_share)
        return max(self.wander / bounds.wander, self.slowdown(bounds) / bounds.wander, tail, lost)

    def slowdown(self, bounds: NoiseBounds) -> float:
        """Median / that at full speed - 1; 0 if that is not known."""
        return self.p50_us / bounds.full_speed_us - 1 if bounds.full_speed_us else 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def differing_speeds(controls: list[Control], bounds: NoiseBounds = BOUNDS) -> tuple[str, ...]:
    """Why launches are not comparable: the machine ran them at different speeds."""
    medians = [control.p50_us for control in controls if control.samples]
    if len(medians) < 2 or max(medians) / min(medians) - 1 <= bounds.wander:
        return ()
    spread = max(medians) / min(medians) - 1
    return (f"control median differed by {spread:.0%} between launches (bound {bounds.wander:.0%})",)
