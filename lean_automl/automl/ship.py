"""Finalists are fitted for the last time, exported and measured, the best first, until one keeps every limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from lean_automl.automl.finish import MissError, tightened
from lean_automl.automl.last_fit import last_fits
from lean_automl.automl.publish import GRACE_SHARE, grace_s
from lean_automl.automl.shrink_files import passes_for
from lean_automl.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lean_automl.automl.result import RunResult
    from lean_automl.automl.run import Run
    from lean_automl.student.blend import Blend

MOST_TRIED: Final = 4
MOST_SHORTENED: Final = 2  # times that one which missed a limit narrowly is tried again
NARROW: Final = 1.0  # over the limit, relative to it
NO_TIME: Final = "no time to put a later model in the place of the first one: give a longer --time-limit"
LAST_STEPS_S: Final = 2.0  # writing figures, the hold-out, the front
Misses = list[MissError | MeasurementError]


def ship_first(run: Run, finalists: Iterable[Blend], misses: Misses) -> RunResult | None:
    """Publish the first of the finalists that keeps every limit; None if none does, or there is no time.

    A student that is clearly quicker is published then as it was in the search, or the first model of a short run.

    Args:
        run: The run.
        finalists: The best first.
        misses: Takes what kept the others from it.
    """
    if run.publisher.shipped is not None and run.clock.left_s + grace_s(run.clock.limit_s) < run.publisher.seconds:
        run.passed_over.append(NO_TIME)
        run.watcher.step("note", NO_TIME)
        return None
    tried, too_slow_us, took_s = 0, float("inf"), 0.0
    for blend in finalists:
        took_us = blend.footprint.slowest_us
        if took_us >= too_slow_us and not blend.can_be_shortened:
            continue  # it would be too slow as well
        if tried == MOST_TRIED or (tried and _is_late(run, took_s)):
            break
        tried, known, begin = tried + 1, len(misses), time.monotonic()
        result = _ship(run, blend, misses)
        took_s = (time.monotonic() - begin) / max(1, len(misses) - known)
        if result is not None:
            return result
        if any(isinstance(miss, MissError) and miss.is_of_latency for miss in misses[known:]):
            too_slow_us = min(too_slow_us, took_us)
    run.publisher.publish_spare(too_slow_us)
    return None


def _ship(run: Run, blend: Blend, misses: Misses) -> RunResult | None:
    """Publish a finalist, if need be shortened after a narrow miss; None if it breaks a limit all the same."""
    bench = run.bench
    with run.reporter.timed("shrink"):
        passes = passes_for(run, blend)
    for _ in range(1 + MOST_SHORTENED):
        missed, begin = None, time.monotonic()
        for last in last_fits(run, blend, bench, passes):
            end = run.clock.start if run.interrupted else run.clock.at(run.clock.limit_s - LAST_STEPS_S)
            try:
                return run.publisher.publish(blend, last, end)
            except (MissError, MeasurementError) as error:
                misses.append(error)
                run.passed_over.append(f"{blend.name}: {error}")
                run.watcher.step("note", f"{blend.name} is passed over: {error}")
                if isinstance(error, MissError):  # the other last fit is of the same size
                    missed = error
                    break
        if missed is None or missed.excess > NARROW or not blend.can_be_shortened:
            return None
        if _is_late(run, time.monotonic() - begin):
            return None
        if missed.is_of_latency and not blend.rounds_take_time:
            return None
        tighter = tightened(blend, bench, missed)
        if tighter is None:
            return None
        bench = tighter
    return None


def _is_late(run: Run, took_s: float) -> bool:
    """Whether a further try, which takes as long as the last one did, would end too late.

    With a model in its place that is after the limit, without one a little later.
    """
    more_s = 0.0 if run.publisher.shipped is not None else GRACE_SHARE * run.clock.limit_s
    return run.clock.left_s + more_s <= took_s
