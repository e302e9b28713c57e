"""Takes latency samples. The clock, the work and the control kernel are arguments; nothing here knows a model.

A run is a sequence of short rounds: calls of the whole, calls of its parts, the control kernel. Items rotate through
all of them, and the parts run on other items than the whole just did, so that no call finds its own item warm. The
first call of a round finds the core as the control kernel left it. It is not timed: one of 64 calls would decide p99.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lean_automl_runtime.measure.guard import Control, control_kernel
from lean_automl_runtime.measure.options import MOST_SAMPLES, MeasureOptions, Mode
from lean_automl_runtime.measure.statistics import Latency

Clock = Callable[[], int]
Call = Callable[[Any], object]
LONGEST_ROUND_NS: Final = 1_500_000
FEWEST_ROUNDS: Final = 100
CALLS_OF_ROUND: Final = 64
MANY_CALLS: Final = 16  # in a round of fewer a call takes so long that a cold cache is nothing beside it
WINDOW_CALLS: Final = 32
STABLE_WINDOWS: Final = 5
STABLE_SPREAD: Final = 0.10
WARM_UP_SHARE: Final = 0.25
EDGE_CONTROLS: Final = 64
STRIDE: Final = 7919  # a prime, so that it shares no factor with the number of rows


@dataclass(frozen=True, slots=True)
class Work:
    """What is timed.

    Attributes:
        total: From an item to the answer.
        items: What `total` takes, in the order of rotation.
        parts: From an item to what the engine takes, and from there to outputs, where `total` is made of these two.
    """

    total: Call
    items: Sequence[Any]
    parts: tuple[Call, Call] | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What varies with the machine, and what a test replaces.

    Attributes:
        clock: Nanoseconds.
        cpu_clock: Nanoseconds that this process was on a core.
        control: Fixed work.
        pollute: Replaces what is in the caches.
        pause: Called with seconds to rest, at times when nothing is timed. Linux takes a real-time process off its core
            for 50 ms when it used 95 % of a second; one that rests by itself is left alone.
    """

    clock: Clock = time.perf_counter_ns
    cpu_clock: Clock = time.process_time_ns
    control: Callable[[], object] = control_kernel
    pollute: Callable[[], object] | None = None
    pause: Callable[[float], object] | None = None


WORK_BEFORE_REST_NS: Final = 100_000_000
REST_S: Final = 0.008


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Calls before the first sample.

    Attributes:
        calls: How many.
        call_ns: Median of the last of them, in nanoseconds.
        stable: Whether the medians of the last windows agreed.
    """

    calls: int
    call_ns: float
    stable: bool


@dataclass(frozen=True, slots=True)
class Samples:
    """One run. Times are nanoseconds, in order.

    Attributes:
        total: One for each call.
        assembly: From an item to what the engine takes.
        model: From there to outputs.
        control: What the control kernel did.
        calls_per_s: Calls in a second of the run; in an open loop, what was achieved of the rate.
    """

    total: np.ndarray[Any, np.dtype[np.int64]]
    assembly: np.ndarray[Any, np.dtype[np.int64]]
    model: np.ndarray[Any, np.dtype[np.int64]]
    control: Control
    calls_per_s: float


def clock_cost_ns(clock: Clock, repeats: int = 2000) -> float:
    """Median of what the clock adds to a sample: the difference of two readings, one after the other."""
    costs = []
    for _ in range(repeats):
        started = clock()
        costs.append(clock() - started)
    return float(np.median(costs))


def warm_up(work: Work, clock: Clock, budget_ns: int) -> WarmUp:
    """Call until the medians of five windows agree and every item was seen, or the budget is spent.

    A window has fewer calls where they are so long that the budget would not be enough for five.
    """
    started, seen, medians = clock(), 1, []
    first = array("q")
    time_calls(work, 0, 1, clock, first)
    calls = int(min(WINDOW_CALLS, max(1, budget_ns / STABLE_WINDOWS // max(first[0], 1))))
    while True:
        window = array("q")
        time_calls(work, seen, calls, clock, window)
        seen += calls
        medians.append(float(np.median(window)))
        last = medians[-STABLE_WINDOWS:]
        stable = len(last) == STABLE_WINDOWS and max(last) <= (1 + STABLE_SPREAD) * min(last)
        spent = clock() - started
        covered = seen >= len(work.items) or spent >= budget_ns / 2
        if (stable and covered) or spent >= budget_ns:
            return WarmUp(seen, medians[-1], stable)


def time_calls(work: Work, first: int, count: int, clock: Clock, into: array[int]) -> None:
    """Append the times of `count` calls of the whole to `into`, items rotating from number `first`."""
    call, items = work.total, work.items
    size = len(items)
    for number in range(first, first + count):
        item = items[number % size]
        started = clock()
        call(item)
        into.append(clock() - started)


class Collector:
    """Samples of one run, taken in rounds of `calls` calls."""

    def __init__(self, work: Work, tools: Tools, calls: int) -> None:
        self.work = work
        self.tools = tools
        self.calls = calls
        self.total = array("q")
        self.assembly = array("q")
        self.model = array("q")
        self.control = array("q")

    def closed_round(self) -> None:
        """Calls one after the other: the whole, then its parts on items far away in the rotation."""
        work, clock = self.work, self.tools.clock
        if self.tools.pollute is None:
            if self.calls >= MANY_CALLS and self.total:
                work.total(work.items[(len(self.total) - 1) % len(work.items)])
            time_calls(work, len(self.total), self.calls, clock, self.total)
        else:
            for _ in range(self.calls):
                self.tools.pollute()
                time_calls(work, len(self.total), 1, clock, self.total)
        if work.parts is not None:
            while 4 * len(self.assembly) < len(self.total):
                self._time_parts(work.parts)
        self.controls(1)

    def _time_parts(self, parts: tuple[Call, Call]) -> None:
        assemble, run = parts
        clock, items = self.tools.clock, self.work.items
        quarter = len(items) // 4
        away = quarter + STRIDE * len(self.assembly) % max(1, 2 * quarter)  # anywhere in the far half of the rotation
        item = items[(len(self.total) + away) % len(items)]
        if self.tools.pollute is not None:
            self.tools.pollute()
        started = clock()
        arrays = assemble(item)
        between = clock()
        run(arrays)
        ended = clock()
        self.assembly.append(between - started)
        self.model.append(ended - between)

    def controls(self, count: int) -> None:
        """Time the control kernel."""
        for _ in range(count):
            started = self.tools.clock()
            self.tools.control()
            self.control.append(self.tools.clock() - started)

    def open_round(self, origin_ns: int, period_ns: float) -> None:
        """Calls on one schedule for the whole run: a late call makes the next ones wait, and their latency shows it."""
        clock, items, total = self.tools.clock, self.work.items, self.total
        for _ in range(self.calls):
            due = origin_ns + int(len(total) * period_ns)
            item = items[len(total) % len(items)]
            control_ns = self.control[-1] if self.control else 0
            if due - clock() > max(4 * control_ns, 200_000):
                self.controls(1)
            while clock() < due:
                pass
            self.work.total(item)
            total.append(clock() - due)


def collect(work: Work, options: MeasureOptions, tools: Tools, call_ns: float) -> Samples:
    """One run of samples.

    Args:
        work: What to time.
        options: Mode, budget and when it is enough.
        tools: Clock, control kernel and cache polluter.
        call_ns: About how long a call takes, in nanoseconds.
    """
    round_ns = min(LONGEST_ROUND_NS, options.budget_s * 1e9 / FEWEST_ROUNDS)
    collector = Collector(work, tools, calls=int(min(CALLS_OF_ROUND, max(1, round_ns // max(call_ns, 1)))))
    check_at = max(options.enough_samples, 1000)
    if options.mode is Mode.OPEN_LOOP:  # a busy schedule leaves no time for the control kernel in between
        collector.controls(EDGE_CONTROLS)
    started, cpu_started = tools.clock(), tools.cpu_clock()
    rested_ns = 0
    rest_at = started + WORK_BEFORE_REST_NS
    while True:
        if options.mode is Mode.OPEN_LOOP and options.rate_hz is not None:
            collector.open_round(started, 1e9 / options.rate_hz)
        else:
            collector.closed_round()
        now = tools.clock()
        if tools.pause is not None and now >= rest_at and options.mode is not Mode.OPEN_LOOP:
            tools.pause(REST_S)
            rested_ns += tools.clock() - now
            rest_at = tools.clock() + WORK_BEFORE_REST_NS
        elapsed_s = (tools.clock() - started - rested_ns) / 1e9
        count = len(collector.total)
        if _spent(count, elapsed_s, options):
            break
        if count >= check_at and elapsed_s >= options.budget_s / 4:
            check_at = 2 * count  # few looks, so that stopping early costs the confidence little
            if _is_tight(collector.total, options.tightness):
                break
    cpu_share = (tools.cpu_clock() - cpu_started) / 1e9 / elapsed_s
    if options.mode is Mode.OPEN_LOOP:
        collector.controls(EDGE_CONTROLS)
    return Samples(
        np.array(collector.total, dtype=np.int64),
        np.array(collector.assembly, dtype=np.int64),
        np.array(collector.model, dtype=np.int64),
        Control.from_samples_ns(collector.control, min(1.0, cpu_share)),
        len(collector.total) / elapsed_s,
    )


def _spent(count: int, elapsed_s: float, options: MeasureOptions) -> bool:
    enough = count >= options.enough_samples and elapsed_s >= options.budget_s
    return enough or count >= MOST_SAMPLES or elapsed_s >= options.most_s


def _is_tight(samples_ns: array[int], tightness: float) -> bool:
    p99 = Latency.from_samples_ns(samples_ns, (0.99,)).p99
    return p99.upper_us - p99.lower_us < tightness * p99.value_us
