from __future__ import annotations

import pytest
from lean_automl_runtime import load
from lean_automl_runtime.errors import DataError
from lean_automl_runtime.measure import MeasureOptions, Mode, measure_in_process
from lean_automl_runtime.measure.inprocess import QUICK, WARM_UP


def test_known_times(clock, tools):
    found = measure_in_process(lambda _: clock.advance(40_000), range(10), tools=tools)
    assert found.total.p50.value_us == found.total.p99.upper_us == 40
    assert found.control_us == 25
    assert found.noise == ()
    assert clock.now / 1e9 <= (1 + WARM_UP) * QUICK.budget_s * 1.1


def test_a_limit_is_exceeded_when_even_the_lower_bound_is_above_it(clock, tools):
    times_ns = iter([*range(1000, 1_000_000, 1000)] * 100)
    found = measure_in_process(lambda _: clock.advance(next(times_ns)), range(10), tools=tools)
    lower_us = found.total.p50.lower_us
    assert found.exceeds(lower_us - 1)
    assert not found.exceeds(lower_us)
    assert not found.exceeds(found.total.p50.value_us)


def test_mode_is_always_warm(clock, tools):
    options = MeasureOptions(mode=Mode.OPEN_LOOP, rate_hz=10.0, budget_s=0.05)
    found = measure_in_process(lambda _: clock.advance(40_000), range(10), options, tools)
    assert found.total.max.value_us == 40


def test_a_real_model(artifact, records):
    found = measure_in_process(load(artifact, "reference").predict_one, records)
    assert found.total.samples >= 100
    assert found.control_us > 0


def test_no_rows():
    with pytest.raises(DataError, match="no rows"):
        measure_in_process(len, [])
