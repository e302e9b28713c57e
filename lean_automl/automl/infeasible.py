"""What to say when nothing fits: the nearest miss, by how much, and what would fit."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING

from lean_automl.errors import InfeasibleError, LeanAutoMLError, MeasurementError
from lean_automl.search.workers import STOPPED

if TYPE_CHECKING:
    from lean_automl.automl.finish import MissError
    from lean_automl.config import Constraints
    from lean_automl.search.metrics import Metric
    from lean_automl.student.search import SearchLog
    from lean_automl.student.trial import Candidate


def infeasible(
    log: SearchLog, misses: list[MissError | MeasurementError], constraints: Constraints, metric: Metric
) -> LeanAutoMLError:
    """The error for a search without a result."""
    broken = [miss for miss in misses if not isinstance(miss, MeasurementError)]
    unmeasured = [miss for miss in misses if isinstance(miss, MeasurementError)]
    if broken:
        nearest_file = min(broken, key=lambda miss: miss.excess)
        return InfeasibleError(
            f"the best students break a limit once they are finished (tries: {len(broken)}). Nearest miss: "
            f"{nearest_file}. Allow that much, or measure again on a quieter machine."
        )
    if unmeasured:
        return unmeasured[-1]
    nearest = log.nearest_miss()
    if nearest is None:
        reasons = sorted({f"{trial.family}: {trial.reason}" for trial in log.failed})
        what = "; ".join(reasons) or "there was no time for a single one"
        lacks_time = all(trial.reason.startswith(STOPPED) for trial in log.failed)
        how = " Give a longer --time-limit, or a table of fewer rows or columns." if lacks_time else ""
        return InfeasibleError(f"no student could be fitted. {what}.{how}")
    return InfeasibleError(
        f"none of {log.trials} students meets every limit. Nearest miss: trial {nearest.number} ({nearest.family}, "
        f"{metric.shown_name} {metric.shown(nearest.score)}): {_excess(nearest, constraints)}. {_would_fit(nearest)}"
    )


def _excess(candidate: Candidate, constraints: Constraints) -> str:
    """Each broken limit and by how much."""
    parts = []
    if candidate.violations.get("size", 0) > 0 and constraints.max_size_bytes is not None:
        parts.append(
            f"its largest file has {candidate.footprint.bytes / 1000:,.1f} kB, {candidate.violations['size']:.0%} over "
            f"the limit of {constraints.max_size_bytes / 1000:,g} kB"
        )
    if candidate.violations.get("latency", 0) > 0 and constraints.max_latency_us is not None:
        slowest = max(candidate.footprint.limited_us.items(), key=lambda item: item[1])
        takes = "is predicted to take up to" if candidate.footprint.upper_us else "takes"
        parts.append(
            f"{slowest[0]} {takes} {slowest[1]:,.4g} us, {candidate.violations['latency']:.0%} over the limit of "
            f"{constraints.max_latency_us:,g} us"
        )
    return "; ".join(parts)


def _would_fit(candidate: Candidate) -> str:
    options = []
    if candidate.violations.get("size", 0) > 0:
        options.append(f"--max-size-kb {candidate.footprint.bytes / 1000 * 1.02:.1f}")
    if candidate.violations.get("latency", 0) > 0:
        options.append(f"--max-latency-us {rounded_up(candidate.footprint.slowest_us * 1.5)}")
    return f"It would fit with {' '.join(options)}."


def rounded_up(value: float) -> str:
    """Two digits, the last one rounded up, so that what is said to fit does; all digits of whole numbers above that."""
    unit = 10.0 ** min(0, floor(log10(value)) - 1)
    return f"{ceil(value / unit) * unit:.12g}"
