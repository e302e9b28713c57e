"""A better student that may be too slow is measured before it is passed over, and what it shows is aimed at."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from benches import make_bench
from lean_automl_runtime.artifact import Artifact, write_artifact

from lean_automl.automl import likely
from lean_automl.automl.finish import MissError
from lean_automl.automl.likely import MOST_ASKED, likely_first
from lean_automl.automl.measure_files import Measured
from lean_automl.automl.result import Check
from lean_automl.config import Constraints
from lean_automl.learners.base import FitOptions
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.student.deploy import Deployment, Footprint

NAME = "model.lam"


@pytest.fixture(scope="module")
def artifact() -> bytes:
    bench = make_bench(rows=200, count=1)
    model = LightGBM(trees=2).fit(bench.rows, None, bench.problem, FitOptions())
    return write_artifact(Artifact(bench.compile([(model, 1.0)])))


def run_with(aim_us: float, left_s: float = 100.0, limit_us: float = 20.0) -> Any:
    bench = make_bench(rows=200, count=1, constraints=Constraints(max_latency_us=limit_us))
    bench = replace(bench, deployment=Deployment({NAME: "reference"}, aims_us={NAME: aim_us}))
    return SimpleNamespace(
        bench=bench,
        asked={},
        interrupted=False,
        time=SimpleNamespace(refit_until=left_s),
        clock=SimpleNamespace(spent_s=0.0, left_s=left_s),
        reporter=SimpleNamespace(timed=lambda _: nullcontext()),
        records=bench.records,
    )


def students(artifact: bytes, *latencies_us: float) -> list[Any]:
    """The best first."""
    footprints = [Footprint({NAME: 1}, {NAME: us}) for us in latencies_us]
    return [SimpleNamespace(number=n, artifact=artifact, footprint=f) for n, f in enumerate(footprints)]


def finds(monkeypatch: pytest.MonkeyPatch, *, keeps: bool, left_out: dict[str, str] | None = None) -> list[object]:
    asked: list[object] = []

    def measure_files(*about: object) -> Measured:
        asked.append(about)
        if keeps:
            return Measured(left_out=left_out or {})
        raise MissError([Check("p99 latency, upper bound", NAME, 0.03, 0.02, "ms", met=False)])

    monkeypatch.setattr(likely, "measure_files", measure_files)
    return asked


def numbers(run: Any, feasible: list[Any]) -> list[int]:
    return [candidate.number for candidate in likely_first(run, feasible)]


def test_one_that_keeps_the_limit_comes_first_and_others_like_it(
    artifact: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, run = finds(monkeypatch, keeps=True), run_with(aim_us=4.0)
    assert numbers(run, students(artifact, 9.0, 15.0, 8.0, 3.0)) == [0, 2, 3, 1]
    assert len(asked) == 1
    assert run.bench.deployment.aims_us == {NAME: 9.0}


def test_those_that_break_it_stay_last_and_are_asked_once(artifact: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, run = finds(monkeypatch, keeps=False), run_with(aim_us=4.0)
    feasible = students(artifact, *[9.0] * 5, 3.0)
    for looks in (MOST_ASKED, 5, 5):
        assert numbers(run, feasible) == [5, 0, 1, 2, 3, 4]
        assert len(asked) == looks
    assert run.bench.deployment.aims_us == {NAME: 4.0}


def test_one_whose_other_file_is_left_out_comes_first_too(artifact: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, keeps=True, left_out={"model.onnx": "it is too slow"})
    run = run_with(aim_us=4.0)
    engines = {NAME: "reference", "model.onnx": "onnx"}
    aims_us = {NAME: 4.0, "model.onnx": 10.0}
    run.bench = replace(run.bench, deployment=Deployment(engines, aims_us=aims_us, sheds=True))
    feasible = students(artifact, 9.0, 3.0)
    slower = {NAME: 9.0, "model.onnx": 18.0}
    feasible[0].footprint = Footprint(dict.fromkeys(slower, 1), slower)
    assert numbers(run, feasible) == [0, 1]
    assert run.bench.deployment.aims_us == {NAME: 9.0, "model.onnx": 10.0}


@pytest.mark.parametrize(
    "about", [{"aim_us": 10.0}, {"aim_us": 4.0, "left_s": 1.0}, {"aim_us": 4.0, "limit_us": 5_000.0}]
)
def test_nobody_is_asked_where_it_would_change_nothing_or_take_too_long(
    about: dict[str, float], artifact: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, run = finds(monkeypatch, keeps=True), run_with(**about)
    assert sorted(numbers(run, students(artifact, 9.0, 3.0))) == [0, 1]
    assert asked == []
