"""A quick measurement in this process, for a search that must reject what is too slow within 0.1 s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lean_automl_runtime.errors import DataError
from lean_automl_runtime.measure.options import MeasureOptions, Mode
from lean_automl_runtime.measure.rows import rotation
from lean_automl_runtime.measure.sampling import Tools, Work, collect, warm_up
from lean_automl_runtime.measure.statistics import Latency

QUICK: Final = MeasureOptions(budget_s=0.08, min_samples=100, tightness=0.05)
WARM_UP: Final = 0.25
HERE: Final = Tools()


@dataclass(frozen=True, slots=True)
class QuickMeasurement:
    """Latency in this process, neither pinned nor free of what else runs here: to reject, not to promise.

    Attributes:
        total: Latency of a call.
        control_us: Median of the control kernel meanwhile: compare figures only where it is about the same.
        noise: Why the figures are noisy; empty if they are not.
    """

    total: Latency
    control_us: float
    noise: tuple[str, ...]

    def exceeds(self, limit_us: float, quantile: float = 0.5) -> bool:
        """Whether the limit is broken for sure: even the lower bound of the quantile is above it."""
        return self.total.at(quantile).lower_us > limit_us


def measure_in_process(
    run_one: Callable[[Any], object],
    rows: Sequence[Any],
    options: MeasureOptions = QUICK,
    tools: Tools = HERE,
) -> QuickMeasurement:
    """Time `run_one` on rotating rows, in this process, for about `options.budget_s`.

    Args:
        run_one: Such as `model.predict_one`.
        rows: What it takes, such as records; better 1,000 that differ.
        options: Budget, samples, tightness, quantiles and what is bounded are used.
        tools: Clock and control kernel.

    Raises:
        DataError: There are no rows.
    """
    if not rows:
        raise DataError("no rows to measure with: pass at least one, better 1,000 that differ")
    options = replace(options, mode=Mode.WARM, rate_hz=None)
    work = Work(run_one, rotation(rows))
    warm = warm_up(work, tools.clock, int(WARM_UP * options.budget_s * 1e9))
    samples = collect(work, options, tools, warm.call_ns)
    latency = Latency.from_samples_ns(samples.total, options.quantiles)
    return QuickMeasurement(latency, samples.control.p50_us, samples.control.problems())
