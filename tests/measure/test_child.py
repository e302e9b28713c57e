from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from lean_automl_runtime import load
from lean_automl_runtime.measure.child import batches, make_work, parts_of, quietest
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.sampling import Work

OPTIONS = MeasureOptions(budget_s=0.1, min_samples=50, tightness=0.0)


def noisy_until(clock, tools, quiet_from):
    """A control kernel that slows down within each attempt, until attempt number `quiet_from`."""
    state = {"started": 0, "attempt": 0}

    def control():
        if clock.now - state["started"] > 10**8:
            state["started"], state["attempt"] = clock.now, state["attempt"] + 1
        late = clock.now - state["started"] > 5 * 10**7
        clock.advance(60_000 if late and state["attempt"] < quiet_from else 25_000)

    return replace(tools, control=control)


def test_a_quiet_attempt_is_the_last(clock, tools):
    samples, _, attempts = quietest(Work(lambda _: clock.advance(10_000), range(10)), OPTIONS, tools)
    assert attempts == 1
    assert samples.control.problems() == ()


def test_noisy_attempts_are_repeated_and_not_kept(clock, tools):
    tools = noisy_until(clock, tools, quiet_from=2)
    samples, _, attempts = quietest(Work(lambda _: clock.advance(10_000), range(10)), OPTIONS, tools)
    assert 1 < attempts <= OPTIONS.max_attempts
    assert samples.control.problems() == ()


def test_attempts_at_a_low_speed_are_repeated_if_full_speed_is_known(clock, tools):
    work = Work(lambda _: clock.advance(10_000), range(10))
    assert quietest(work, replace(OPTIONS, full_speed_us=25.0), tools)[2] == 1
    assert quietest(work, replace(OPTIONS, full_speed_us=20.0), tools)[2] == OPTIONS.max_attempts


def test_attempts_are_bounded_and_the_noise_is_told(clock, tools):
    tools = noisy_until(clock, tools, quiet_from=10**9)
    samples, _, attempts = quietest(Work(lambda _: clock.advance(10_000), range(10)), OPTIONS, tools)
    assert attempts == OPTIONS.max_attempts
    assert "wandered" in samples.control.problems()[0]


def test_work_on_records(artifact, records):
    work = make_work(load(artifact, "reference"), records, None)
    assert len(work.items) == 1000
    assert work.total(work.items[0]).value.startswith("class")
    assert work.parts is not None
    assemble, run = work.parts
    assert set(run(assemble(work.items[0]))) == {"label", "probabilities"}


def test_parts_of_an_engine_with_a_way_for_one_row(artifact, records):
    model = load(artifact, "reference")
    model._run_one = lambda values: (values[0], ())
    parts = parts_of(model)
    assert parts is not None
    assemble, run = parts
    assert run(assemble(records[0])) == (assemble(records[0])[0], ())


@pytest.mark.parametrize("batch_size", [1, 30, 40, 1000, 1234])
def test_work_on_tables(artifact, records, batch_size):
    work = make_work(load(artifact, "reference"), records, batch_size)
    assert len(work.items) >= 1
    for table in (work.items[0], work.items[-1]):
        assert {values.shape for values in table.values()} == {(batch_size,)}
        assert work.total(table).shape == (batch_size,)


@pytest.mark.parametrize(("batch_size", "columns", "tables"), [(10, 3, 100), (1000, 3, 1), (900, 4, 2), (1200, 4, 1)])
def test_tables_are_few_where_they_are_larger_than_caches(batch_size, columns, tables, monkeypatch):
    monkeypatch.setattr("lean_automl_runtime.measure.child.MOST_TABLE_CELLS", 4_000)
    rows = [{f"x{column}": 1.0 for column in range(columns)} for _ in range(1000)]
    found = batches(rows, batch_size)
    assert len(found) == tables
    assert all(len(values) == batch_size for table in found for values in table.values())


def test_a_model_without_parts_is_timed_as_a_whole(records):
    class Whole:
        def predict_one(self, record):
            return record

    work = make_work(Whole(), records, None)  # type: ignore[arg-type]
    assert work.parts is None


def test_an_engine_that_reads_records_itself_has_no_parts(artifact):
    model = load(artifact, "reference")
    model._predict_one = model.predict_one
    model.predict_one = lambda record: record  # type: ignore[method-assign,assignment]
    assert parts_of(model) is None


def test_the_child_loads_nothing_that_a_serving_process_would_not():
    code = (
        "import sys, lean_automl_runtime.measure.child;"
        "heavy = {'numpy', 'numba', 'typing', 'dataclasses'};"
        "print([m for m in sys.modules if m in heavy or m.endswith(('.harness', '.rows'))])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_no_attempt_is_begun_that_would_take_too_long(clock, tools, monkeypatch):
    monkeypatch.setattr("lean_automl_runtime.measure.child.time.monotonic", lambda: clock.now / 1e9)
    turns = itertools.count()
    restless = replace(tools, control=lambda: clock.advance(25_000 if next(turns) % 10 else 250_000))
    work = Work(lambda _: clock.advance(10_000), range(10))
    counts = [
        quietest(work, replace(OPTIONS, longest_s=times * OPTIONS.budget_s), restless)[2] for times in (1.0, 3.0, 10.0)
    ]
    assert counts == [1, 2, OPTIONS.max_attempts]


def test_samples_are_integers(clock, tools):
    samples, _, _ = quietest(Work(lambda _: clock.advance(10_000), range(10)), OPTIONS, tools)
    assert samples.total.dtype == np.int64
