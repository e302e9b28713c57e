"""Medians that keep a limit, found out before a search."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lean_automl_runtime.ir import Column, ColumnKind, Program
from lean_automl_runtime.measure import Tail
from lean_automl_runtime.measure.tail import KEPT

from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.errors import MeasurementError
from lean_automl.student import aims, deploy
from lean_automl.student.aims import needs_quiet, with_aims
from lean_automl.student.deploy import LATENCY_AIM, MOST_SLOWED, SURELY, Deployment, leave_out_slow, quick_latencies
from lean_automl.student.floors import small_model

COLUMNS = tuple(Column(f"x{i}", ColumnKind.NUMERIC, "float32") for i in range(3))
NAME = "model.lam"
HERE = Deployment({NAME: "reference"}, {NAME: 2.0})
SMALL_US = {NAME: 5.0, "model.onnx": 70.0}
RATIOS = np.linspace(0.5, 1.5, 201)


def found(monkeypatch: pytest.MonkeyPatch, tail: Tail | MeasurementError) -> None:
    """What the machine shows."""

    def measure_tail(*_: object) -> Tail:
        if isinstance(tail, MeasurementError):
            raise tail
        return tail

    monkeypatch.setattr(aims, "measure_tail", measure_tail)


def within(limit_us: float) -> FitConfig:
    return FitConfig(constraints=Constraints(max_latency_us=limit_us))


def aim_us(limit_us: float) -> float:
    deployment, lines = with_aims(HERE, COLUMNS, within(limit_us), SMALL_US, rows=50)
    assert lines == ()
    return deployment.aim_us(NAME, limit_us)


def test_a_machine_whose_slow_calls_are_far_above_the_median_is_aimed_at_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Tail(RATIOS, 0.0, np.empty(0)))
    assert aim_us(20.0) == pytest.approx(SURELY * 20.0 / 1.5, rel=0.02)
    found(monkeypatch, Tail(RATIOS, 0.001, np.full(9, 30.0)))
    assert aim_us(20.0) == pytest.approx(KEPT * 0.01 / 0.001, rel=0.01)  # few enough calls are interrupted
    assert (SURELY * 90.0 - 30.0) / 1.5 < aim_us(90.0) < SURELY * 90.0 / 1.5  # some calls may be interrupted


def test_a_quiet_machine_leaves_more_room_but_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Tail(np.ones(100), 0.0, np.empty(0)))
    assert aim_us(20.0) == pytest.approx(LATENCY_AIM * 20.0)


def test_nothing_is_aimed_at_below_what_a_call_takes_before_any_model(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Tail(RATIOS, 0.5, np.full(9, 30.0)))
    assert aim_us(20.0) == 2.0


@pytest.mark.parametrize(
    ("deployment", "limits"),
    [
        (HERE, Constraints()),
        (HERE, Constraints(max_latency_us=2_000.0)),
        (HERE, Constraints(max_latency_us=100.0, batch_size=64)),
        (Deployment({"model.h": "c"}, {"model.h": 0.1}), Constraints(max_latency_us=1.0)),
    ],
)
def test_nothing_is_measured_where_it_would_tell_nothing(deployment: Deployment, limits: Constraints) -> None:
    assert with_aims(deployment, COLUMNS, FitConfig(constraints=limits), SMALL_US, rows=50) == (deployment, ())


@pytest.mark.parametrize(
    ("limits", "limit_s", "waits"),
    [
        (Constraints(max_latency_us=5.0), 60.0, True),
        (Constraints(max_latency_us=5.0), 30.0, False),
        (Constraints(max_latency_us=2_000.0), 60.0, False),
        (Constraints(max_latency_us=5.0, batch_size=8), 60.0, False),
        (Constraints(), 60.0, False),
    ],
)
def test_a_run_waits_until_all_is_loaded_where_calls_are_short(
    limits: Constraints, limit_s: float, waits: bool
) -> None:
    assert needs_quiet(FitConfig(constraints=limits, budget=Budget(time_limit_s=limit_s))) is waits


def test_the_middle_of_three_looks_is_aimed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [Tail(np.full(100, ratio), 0.0, np.empty(0), control_us=50.0) for ratio in (3.0, 1.0, 2.0)]
    monkeypatch.setattr(aims, "measure_tail", lambda *_: looks.pop())
    deployment, lines = with_aims(HERE, COLUMNS, within(20.0), SMALL_US, rows=50)
    assert looks == []
    assert lines == ()
    assert deployment.aims_us[NAME] == pytest.approx(SURELY * 20.0 / 2.0, rel=0.01)


def test_a_file_that_is_left_out_is_not_aimed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Tail(np.ones(100), 0.0, np.empty(0)))
    both = Deployment({NAME: "reference", "model.onnx": "onnx"}, {NAME: 2.0, "model.onnx": 60.0})
    deployment, _ = with_aims(both.without(["model.onnx"]), COLUMNS, within(100.0), SMALL_US, rows=50)
    assert set(deployment.aims_us) == {NAME}
    assert set(both.only(NAME).engines) == {NAME}


@pytest.mark.parametrize(("sheds", "kept"), [(True, {NAME}), (False, {NAME, "model.onnx"})])
def test_a_file_is_left_out_for_which_every_student_would_be_cut_to_nothing(
    sheds: bool, kept: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, Tail(RATIOS, 0.001, np.full(9, 300.0)))  # so that 6 us are what can be kept, and floors count
    engines = {NAME: "reference", "model.onnx": "onnx"}
    both = Deployment(engines, {NAME: 2.0, "model.onnx": 60.0}, sheds=sheds)
    assert leave_out_slow(both, SMALL_US, 100.0) == (both, ()), "70 us are within 100"
    aimed, _ = with_aims(both, COLUMNS, within(100.0), SMALL_US, rows=50)
    deployment, lines = leave_out_slow(aimed, SMALL_US, 100.0)
    assert set(deployment.engines) == kept
    assert [line.split(" with the")[0] for line in lines] == (["model.onnx is left out:"] if sheds else [])


def test_a_search_goes_on_where_it_could_not_be_found_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, MeasurementError("took too long"))
    deployment, lines = with_aims(HERE, COLUMNS, within(20.0), SMALL_US, rows=50)
    assert deployment == HERE
    assert lines == ("model.lam: how far slow calls are above the median could not be found out: took too long",)


def test_a_fresh_process_tells_it_of_a_model_of_as_many_columns() -> None:
    deployment, lines = with_aims(HERE, COLUMNS, within(200.0), SMALL_US, rows=50)
    assert lines == ()
    assert 2.0 <= deployment.aims_us[NAME] <= LATENCY_AIM * 200.0


@pytest.mark.parametrize(
    ("control_us", "times"), [(0.0, 1.0), (44.0, 1.0), (80.0, 2.0), (36.0, 1.0), (30.0, 0.75), (10.0, MOST_SLOWED)]
)
def test_a_look_at_another_speed_is_taken_in_proportion(
    control_us: float, times: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = SimpleNamespace(control_us=40.0, total=SimpleNamespace(at=lambda _: SimpleNamespace(value_us=3.0)))
    monkeypatch.setattr(deploy, "measure_in_process", lambda *_: look)
    program, records = small_model(COLUMNS, trees=1, rows=4)
    content = HERE.contents(program)[NAME]
    assert quick_latencies(program, {NAME: ("reference", content)}, records, None, control_us) == {NAME: 3.0 * times}


def test_students_are_looked_at_in_proportion_to_the_speed_that_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, Tail(np.ones(100), 0.0, np.empty(0), control_us=55.0))
    asked: list[float] = []

    def timer(_program: Program, files: dict[str, Any], *_: object, control_us: float = 0.0) -> dict[str, float]:
        asked.append(control_us)
        return dict.fromkeys(files, 2.5)

    here = replace(HERE, timer=timer)
    deployment, _ = with_aims(here, COLUMNS, within(20.0), SMALL_US, rows=50)
    program, records = small_model(COLUMNS, trees=1, rows=4)
    deployment.footprint(program, records, Constraints(max_latency_us=20.0))
    assert asked == [55.0]
