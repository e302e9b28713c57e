"""Slow calls: which median a limit leaves room for."""

from __future__ import annotations

import numpy as np
import pytest
from lean_automl_runtime.errors import DataError
from lean_automl_runtime.measure import MeasureOptions, Tail, measure_tail
from lean_automl_runtime.measure.tail import KEPT

CALLS = 200_000


def calls_ns(median_us: float, per_us: float = 0.0, lost_us: float = 0.0) -> np.ndarray:
    """Calls that take up to a fifth more or less than the median, and are interrupted as often as they are long."""
    rng = np.random.default_rng(0)
    times_us = median_us * rng.uniform(0.8, 1.2, CALLS)
    return 1000 * (times_us + lost_us * (rng.random(CALLS) < per_us * times_us))


def test_what_is_told_of_a_machine() -> None:
    tail = Tail.from_samples_ns(calls_ns(2.0, per_us=0.002, lost_us=25.0))
    assert np.median(tail.ratios) == pytest.approx(1.0, abs=0.01)
    assert tail.ratios.max() == pytest.approx(1.2, abs=0.01)
    assert tail.per_us == pytest.approx(0.002, rel=0.1)
    assert np.median(tail.lost_us) == pytest.approx(25.0, rel=0.02)


@pytest.mark.parametrize("longer", [1, 4, 10])
def test_slow_calls_of_a_longer_program_are_foreseen(longer: int) -> None:
    """Told by calls of 2 us: the share of slow ones of others, where some records and where interruptions make them."""
    tail = Tail.from_samples_ns(calls_ns(2.0, per_us=0.002, lost_us=25.0))
    median_us = 2.0 * longer
    times_us = calls_ns(median_us, per_us=0.002, lost_us=25.0) / 1000
    for limit_us in (1.1 * median_us, 15.0, median_us + 20.0):
        assert tail.share_above(limit_us, median_us) == pytest.approx(np.mean(times_us > limit_us), rel=0.15, abs=1e-4)


@pytest.mark.parametrize("limit_us", [5.0, 20.0, 100.0])
@pytest.mark.parametrize("quantile", [0.9, 0.99])
def test_the_longest_median_keeps_the_limit_and_a_much_longer_one_does_not(limit_us: float, quantile: float) -> None:
    tail = Tail.from_samples_ns(calls_ns(2.0, per_us=0.002, lost_us=25.0))
    longest_us = tail.longest_us(limit_us, quantile)
    kept = calls_ns(longest_us, per_us=0.002, lost_us=25.0) / 1000
    broken = calls_ns(1.2 / KEPT * longest_us, per_us=0.002, lost_us=25.0) / 1000
    assert np.quantile(kept, quantile) <= limit_us < np.quantile(broken, quantile)


def test_a_quiet_machine_leaves_room_for_all_but_what_records_differ_by() -> None:
    tail = Tail.from_samples_ns(calls_ns(2.0))
    assert (tail.per_us, tail.lost_us.size) == (0.0, 0)
    assert tail.longest_us(30.0, 0.99) == pytest.approx(30.0 / 1.2, rel=0.01)


def test_turns_of_other_processes_are_left_out() -> None:
    times_ns = calls_ns(2.0)
    times_ns[::50] += 3e6
    tail = Tail.from_samples_ns(times_ns)
    assert tail.lost_us.size == 0
    assert tail.ratios.max() < 1.3


def test_a_limit_that_no_call_keeps_leaves_no_room() -> None:
    tail = Tail.from_samples_ns(calls_ns(2.0, per_us=0.1, lost_us=25.0))
    assert tail.longest_us(20.0, 0.99) < 0.1


def test_calls_of_a_fresh_process(artifact, records) -> None:
    options = MeasureOptions(engine="reference", budget_s=0.05, min_samples=50, max_attempts=1)
    tail = measure_tail(artifact, records, options)
    assert tail.ratios.size >= 50 - tail.lost_us.size
    assert np.all(np.diff(tail.ratios) >= 0)
    assert np.all(tail.lost_us > 0)
    with pytest.raises(DataError, match="no records"):
        measure_tail(artifact, [], options)
