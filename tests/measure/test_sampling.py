from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from lean_automl_runtime.measure.options import MeasureOptions, Mode
from lean_automl_runtime.measure.order_statistics import samples_to_bound
from lean_automl_runtime.measure.sampling import STABLE_WINDOWS, WINDOW_CALLS, Work, clock_cost_ns, collect, warm_up
from lean_automl_runtime.measure.statistics import Latency

OPTIONS = MeasureOptions(budget_s=0.2, min_samples=500, tightness=0.0)


def work_of(clock, call_ns=10_000, rows=1000, parts=None):
    """Calls that take `call_ns`, or what a function of the item says."""
    cost = call_ns if callable(call_ns) else lambda _: call_ns
    return Work(lambda item: clock.advance(cost(item)), range(rows), parts)


def test_the_cost_of_the_clock_is_measured(clock):
    clock.cost = 70
    assert clock_cost_ns(clock) == 70


def test_samples_are_the_times_of_calls(clock, tools):
    samples = collect(work_of(clock), OPTIONS, tools, 10_000)
    assert set(samples.total.tolist()) == {10_000}
    assert samples.assembly.size == samples.model.size == 0
    assert samples.control.p50_us == 25
    assert samples.control.cpu_share == 1.0
    assert samples.control.problems() == ()


def test_what_the_clock_costs_stays_in_the_samples(clock, tools):
    clock.cost = 50
    assert set(collect(work_of(clock), OPTIONS, tools, 10_000).total.tolist()) == {10_050}


def test_rows_rotate_evenly(clock, tools):
    work = work_of(clock, lambda item: 10_000 + item, rows=100)
    seen = collect(work, OPTIONS, tools, 10_000).total - 10_000
    counts = np.bincount(seen)
    assert counts.size == 100
    assert counts.max() - counts.min() <= 1
    assert seen[:201].tolist() == [*range(100), *range(100), 0]


def test_a_call_after_the_control_kernel_is_not_timed(clock, tools):
    """One of 64 calls would decide p99."""
    after_control = False

    def control():
        nonlocal after_control
        after_control = True
        clock.advance(25_000)

    def total(_):
        nonlocal after_control
        clock.advance(90_000 if after_control else 10_000)
        after_control = False

    samples = collect(Work(total, range(1000)), OPTIONS, replace(tools, control=control), 10_000)
    assert set(samples.total.tolist()) == {10_000}


def test_calls_that_fill_a_round_are_all_timed(clock, tools):
    calls: list[int] = []
    work = Work(lambda item: (calls.append(item), clock.advance(2_000_000)), range(1000))
    assert collect(work, OPTIONS, tools, 2_000_000).total.size == len(calls)


def test_the_budget_is_spent_and_not_much_more(clock, tools):
    samples = collect(work_of(clock), OPTIONS, tools, 10_000)
    assert clock.now / 1e9 == pytest.approx(OPTIONS.budget_s, rel=0.02)
    assert samples.total.size > 0.8 * OPTIONS.budget_s * 1e9 / 10_000


def test_a_slow_model_overruns_the_budget_to_reach_the_least_samples(clock, tools):
    samples = collect(work_of(clock, 2_000_000), OPTIONS, tools, 2_000_000)
    assert samples.total.size == OPTIONS.min_samples


def test_but_at_most_tenfold(clock, tools):
    samples = collect(work_of(clock, 100_000_000), OPTIONS, tools, 100_000_000)
    assert samples.total.size == pytest.approx(10 * OPTIONS.budget_s / 0.1, abs=1)


def test_sampling_goes_on_until_a_quantile_has_an_upper_bound(clock, tools):
    options = replace(OPTIONS, bounded=0.999, longest_s=1e3)
    samples = collect(work_of(clock, 10_000_000), options, tools, 10_000_000)
    assert samples.total.size == samples_to_bound(0.999)
    assert np.isfinite(Latency.from_samples_ns(samples.total).p999.upper_us)


def test_but_no_longer_than_it_may(clock, tools):
    options = replace(OPTIONS, bounded=0.999, longest_s=5.0)
    samples = collect(work_of(clock, 10_000_000), options, tools, 10_000_000)
    assert clock.now / 1e9 == pytest.approx(5.0, rel=0.02)
    assert samples.total.size < samples_to_bound(0.999)


def test_parts_of_long_calls_are_timed_for_every_fourth(clock, tools):
    parts = (lambda item: clock.advance(10_000_000) or item, lambda _: clock.advance(10_000_000))
    samples = collect(work_of(clock, 20_000_000, parts=parts), OPTIONS, tools, 20_000_000)
    assert samples.assembly.size == pytest.approx(samples.total.size / 4, abs=1)


def test_warming_up_long_calls_keeps_to_its_budget(clock):
    warm = warm_up(work_of(clock, 50_000_000), clock, 10**9)
    assert warm.stable
    assert clock.now <= 1.3e9


def test_the_number_of_samples_is_bounded(clock, tools, monkeypatch):
    monkeypatch.setattr("lean_automl_runtime.measure.sampling.MOST_SAMPLES", 10_000)
    samples = collect(work_of(clock, 10), replace(OPTIONS, budget_s=1e6), tools, 10)
    assert 10_000 <= samples.total.size <= 10_064


def test_tight_bounds_end_sampling_early(clock, tools):
    collect(work_of(clock), replace(OPTIONS, budget_s=10.0, tightness=0.02), tools, 10_000)
    assert clock.now / 1e9 < 0.5 * 10


def test_wide_bounds_do_not(clock, tools):
    rng = np.random.default_rng(0)
    work = work_of(clock, lambda _: int(rng.lognormal(9, 1)))
    collect(work, replace(OPTIONS, tightness=0.001), tools, 10_000)
    assert clock.now / 1e9 >= OPTIONS.budget_s


def test_parts_are_timed_apart_and_on_other_rows(clock, tools):
    order: list[tuple[str, int]] = []

    def total(item):
        order.append(("total", item))
        clock.advance(10_000)

    def assemble(item):
        order.append(("assembly", item))
        clock.advance(3_000)
        return [item]

    def run(arrays):
        order.append(("model", arrays[0]))
        clock.advance(6_000)

    samples = collect(Work(total, range(1000), (assemble, run)), OPTIONS, tools, 10_000)
    assert set(samples.total.tolist()) == {10_000}
    assert set(samples.assembly.tolist()) == {3_000}
    assert set(samples.model.tolist()) == {6_000}
    for before, (kind, item) in pairwise(order):
        if kind == "model":
            assert before == ("assembly", item)
        if kind == "assembly" and before[0] == "total":
            away = (item - before[1]) % 1000
            assert 250 <= away <= 751
    assert len({item for kind, item in order if kind == "assembly"}) > 900


def test_pollution_comes_before_each_call_and_is_not_timed(clock, tools):
    trace: list[str] = []

    def pollute():
        trace.append("pollute")
        clock.advance(500_000)

    def total(_):
        trace.append("call")
        clock.advance(10_000)

    options = replace(OPTIONS, mode=Mode.CACHE_POLLUTED, budget_s=0.05, min_samples=50)
    samples = collect(Work(total, range(10)), options, replace(tools, pollute=pollute), 10_000)
    assert trace == ["pollute", "call"] * samples.total.size
    assert set(samples.total.tolist()) == {10_000}


def open_loop(clock, tools, rate_hz, call_ns):
    options = replace(OPTIONS, mode=Mode.OPEN_LOOP, rate_hz=rate_hz)
    clock.cost = 20  # so that waiting ends
    return collect(work_of(clock, call_ns), options, tools, 10_000)


def test_an_open_loop_below_capacity_sees_the_service_time(clock, tools):
    samples = open_loop(clock, tools, 1000, 10_000)
    assert samples.total.max() <= 10_200
    assert samples.calls_per_s == pytest.approx(1000, rel=0.05)
    assert samples.control.samples > 100


def test_an_open_loop_counts_the_wait_behind_a_slow_call(clock, tools):
    """One call in 100 takes 5 ms; at 1,000 calls a second four more wait for it. A closed loop would show one."""
    samples = open_loop(clock, tools, 1000, lambda item: 5_000_000 if item % 100 == 0 else 10_000)
    slow_calls = -(-samples.total.size // 100)
    assert np.sum(samples.total > 900_000) == 5 * slow_calls


def test_an_overloaded_open_loop_falls_behind(clock, tools):
    samples = open_loop(clock, tools, 100_000, 20_000)
    assert samples.total[-1] > 1000 * samples.total[0]
    assert samples.control.problems() == ()
    assert samples.calls_per_s < 0.6 * 100_000


def test_warm_up_sees_every_row_and_stops_when_stable(clock):
    warm = warm_up(work_of(clock), clock, 10**9)
    assert warm.stable
    assert warm.call_ns == 10_000
    assert 1000 <= warm.calls < 1000 + WINDOW_CALLS


def test_warm_up_waits_until_times_hold_still(clock):
    calls = 0

    def total(_):
        nonlocal calls
        calls += 1
        clock.advance(10_000 + 1_000_000 // calls)

    warm = warm_up(Work(total, range(10)), clock, 10**10)
    assert warm.stable
    assert warm.calls > WINDOW_CALLS * STABLE_WINDOWS
    assert warm.call_ns < 20_000


def test_warm_up_gives_up_when_its_budget_is_spent(clock):
    rng = np.random.default_rng(0)
    scale = [1, 3]
    work = work_of(clock, lambda _: int(rng.integers(1, 3)) * 10_000 * scale[clock.now // 10**6 % 2])
    warm = warm_up(work, clock, 20_000_000)
    assert not warm.stable
    assert clock.now < 30_000_000


def test_rests_are_regular_and_count_neither_as_samples_nor_as_time(clock, tools):
    rests: list[int] = []

    def rest(seconds):
        rests.append(clock())
        clock.advance(int(seconds * 1e9))

    plain = collect(work_of(clock), OPTIONS, tools, 10_000)
    rested = collect(work_of(clock), OPTIONS, replace(tools, pause=rest), 10_000)
    assert set(rested.total.tolist()) == {10_000}
    assert abs(rested.total.size - plain.total.size) <= 0.02 * plain.total.size
    assert rests
    assert min(b - a for a, b in pairwise(rests)) >= 100_000_000 if len(rests) > 1 else True
