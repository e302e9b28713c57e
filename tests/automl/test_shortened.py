"""A finalist that misses a limit narrowly is shortened and tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from benches import make_bench
from lean_automl_runtime.ir import Program
from lean_automl_runtime.measure import CostModel

from lean_automl.automl.finish import LEAST_LEFT, MissError, refit, tightened
from lean_automl.automl.result import Check
from lean_automl.config import Constraints
from lean_automl.learners.base import FitOptions
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.search.workers import Workers
from lean_automl.student.blend import Blend
from lean_automl.student.costs import Costs
from lean_automl.student.deploy import SURELY, Deployment, Footprint
from lean_automl.student.trial import Workbench

TREE_US = 0.1


def missed(unit: str, value: float, limit: float) -> MissError:
    return MissError([Check("figure", "model.lam with native", value, limit, unit, met=value <= limit)])


def trees_in(program: Program) -> int:
    return sum(len(getattr(op, "roots", ())) + len(getattr(op, "leaves", ())) for op in program.ops)


def timed(program: Program, files: Mapping[str, object], *_: object) -> dict[str, float]:
    """Stands for a quick look: trees take time and nothing else does."""
    return dict.fromkeys(files, TREE_US * trees_in(program))


def made(limits: Constraints) -> tuple[Blend, Workbench]:
    bench = make_bench("regression", rows=400, count=1, constraints=limits)
    bench = replace(bench, deployment=Deployment({"model.lam": "reference"}, timer=timed))
    student = LightGBM(trees=60, learning_rate=0.1)
    model = student.fit(bench.rows.take(bench.folds[0].train), None, bench.problem, FitOptions())
    program = bench.compile([(model, 1.0)])
    cost = bench.deployment.footprint(program, bench.records, Constraints(max_latency_us=1.0))
    candidate: Any = SimpleNamespace(student=student, fitted=(model,), fold_scores=(-1e9,))
    return Blend(((candidate, 1.0),), 0.0, cost, {}), bench


def last_fit(blend: Blend, bench: Workbench) -> Program:
    with Workers(1) as workers:
        program, refitted = refit(blend, bench, bench.rows, FitOptions(), workers)
    assert refitted
    return program


def test_a_slow_file_gets_fewer_trees_than_a_quick_look_would_leave() -> None:
    blend, bench = made(Constraints(max_latency_us=1e6))
    whole = last_fit(blend, bench)
    tight = tightened(blend, bench, missed("ms", 3.0, 2.0))
    assert tight is not None
    quick_us = blend.footprint.latency_us["model.lam"]
    assert tight.deployment.aims_us == {"model.lam": pytest.approx(0.95 * SURELY * quick_us * 2 / 3)}
    shorter = last_fit(blend, tight)
    assert 0 < trees_in(shorter) <= 2 / 3 * trees_in(whole)


def test_a_large_file_gets_fewer_trees() -> None:
    blend, bench = made(Constraints(max_size_bytes=7_000))
    tight = tightened(blend, bench, missed("kB", 10.0, 7.0))
    assert tight is not None
    assert tight.constraints.max_size_bytes == pytest.approx(0.95 * 4_900)
    assert bench.deployment.sizes(last_fit(blend, bench))["model.lam"] > tight.constraints.max_size_bytes
    assert bench.deployment.sizes(last_fit(blend, tight))["model.lam"] <= tight.constraints.max_size_bytes
    assert tight.constraints.max_latency_us is None


def test_it_is_looked_at_anew_however_surely_it_seemed_to_fit() -> None:
    blend, bench = made(Constraints(max_latency_us=1e6))
    sure = replace(bench, costs=Costs({"model.lam": CostModel("reference", {"calls": 1.0}, 0.1, 1.1)}, 1e6))
    tight = tightened(blend, sure, missed("ms", 3.0, 2.0))
    assert tight is not None
    assert trees_in(last_fit(blend, tight)) < trees_in(last_fit(blend, sure))


def test_what_fewer_trees_cannot_mend_is_not_tried_again() -> None:
    blend, bench = made(Constraints(max_latency_us=1e6, max_memory_bytes=1e8))
    assert tightened(blend, bench, missed("MB", 120.0, 100.0)) is None


@pytest.mark.parametrize("sheds", [True, False])
def test_a_student_is_not_cut_to_a_file_that_nothing_mends(sheds: bool) -> None:
    blend, bench = made(Constraints(max_latency_us=1e6))
    looked = blend.footprint.latency_us | {"model.onnx": 10.0}
    blend = replace(blend, footprint=Footprint({"model.lam": 1, "model.onnx": 1}, looked))
    engines = {"model.lam": "reference", "model.onnx": "onnx"}
    both = replace(bench, deployment=Deployment(engines, {"model.onnx": 9.5}, sheds=sheds, timer=timed))
    checks = [Check("figure", f"{name} with {engine}", 2.2, 2.0, "ms", met=False) for name, engine in engines.items()]
    tight = tightened(blend, both, MissError(checks))
    if not sheds:
        assert tight is None
    else:
        assert tight is not None
        assert set(tight.deployment.engines) == {"model.lam"}
        assert tight.deployment.aims_us["model.lam"] < looked["model.lam"]


@pytest.mark.parametrize(("floor", "is_tried"), [(0.0, True), (0.7, False)])
def test_a_student_that_would_be_cut_to_little_is_not_tried_again(floor: float, is_tried: bool) -> None:
    blend, bench = made(Constraints(max_latency_us=1e6))
    floors_us = {"model.lam": floor * blend.footprint.latency_us["model.lam"]}
    bench = replace(bench, deployment=replace(bench.deployment, floors_us=floors_us))
    assert (tightened(blend, bench, missed("ms", 2.4, 2.0)) is not None) is is_tried


def test_a_student_is_not_cut_to_nothing_for_what_reading_takes() -> None:
    blend, bench = made(Constraints(max_latency_us=1e6))
    whole_us = blend.footprint.latency_us["model.lam"]

    def reading_most(program: Program, files: Mapping[str, object], *_: object) -> dict[str, float]:
        trees_us = timed(program, files)["model.lam"]
        return dict.fromkeys(files, 0.8 * whole_us + 0.2 * trees_us)

    bench = replace(bench, deployment=replace(bench.deployment, timer=reading_most))
    tight = tightened(blend, bench, missed("ms", 3.0, 2.0))
    assert tight is not None
    kept = (tight.deployment.aims_us["model.lam"] - 0.8 * whole_us) / (0.2 * whole_us)
    assert LEAST_LEFT <= kept <= LEAST_LEFT + 0.1
    assert trees_in(last_fit(blend, tight)) > 0.25 * trees_in(last_fit(blend, bench))


def test_a_try_that_would_be_the_last_one_again_is_not_made() -> None:
    blend, bench = made(Constraints(max_latency_us=1e6))
    whole_us = blend.footprint.latency_us["model.lam"]

    def reading_most(program: Program, files: Mapping[str, object], *_: object) -> dict[str, float]:
        return dict.fromkeys(files, 0.8 * whole_us + 0.2 * timed(program, files)["model.lam"])

    bench = replace(bench, deployment=replace(bench.deployment, timer=reading_most))
    once = tightened(blend, bench, missed("ms", 3.0, 2.0))
    assert once is not None
    assert tightened(blend, once, missed("ms", 3.0, 2.0)) is None


def test_limits_that_were_kept_stay() -> None:
    blend, bench = made(Constraints(max_latency_us=50.0, max_size_bytes=1e6))
    kept = tightened(blend, bench, missed("ms", 1.0, 2.0))
    assert kept is not None
    assert (kept.constraints, kept.deployment.aims_us) == (bench.constraints, {})
    predicted = replace(blend, footprint=Footprint({"model.lam": 1}, {"model.lam": 5.0}, {"model.lam": 40.0}))
    tight = tightened(predicted, bench, missed("ms", 2.0, 1.0))
    assert tight is not None
    assert tight.deployment.aims_us == {"model.lam": pytest.approx(0.95 * SURELY * 20)}
