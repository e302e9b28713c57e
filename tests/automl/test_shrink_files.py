"""Files get smaller at next to no loss and say how; passes are judged on rows that no fit has seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from benches import make_bench
from lean_automl_runtime.ir import Program, digest
from tables import mixed_frame_for

from lean_automl.automl import shrink_files
from lean_automl.automl.plan_time import plan_time
from lean_automl.automl.shrink_files import LOSS, Chosen, choose_passes, passes_for, shrunk
from lean_automl.compiler.passes import noted, recalled
from lean_automl.config import Constraints
from lean_automl.data import Table, load_dataset
from lean_automl.learners.base import FitOptions, Lowerable
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.search.clock import Clock
from lean_automl.search.metrics import make_metric
from lean_automl.student.blend import Blend
from lean_automl.student.deploy import Footprint
from lean_automl.student.trial import Workbench, predict_with

LONG = 60.0
LARGE = Constraints(max_size_bytes=1_000_000)


def bench_and_table(task: str, rows: int = 900) -> tuple[Workbench, Table]:
    frame, target = mixed_frame_for(task, rows)
    metric = "accuracy" if task == "binary" else None
    return make_bench(task, rows, count=1, metric=metric), load_dataset(frame, target).table


def fitted(bench: Workbench) -> Lowerable:
    train = bench.rows.take(bench.folds[0].train)
    return LightGBM(trees=60, learning_rate=0.1).fit(train, None, bench.problem, FitOptions())


def blend_of(model: Lowerable) -> Blend:
    candidate: Any = SimpleNamespace(fitted=(model,), footprint=Footprint({}, {}))
    return Blend(((candidate, 1.0),), 0.0, candidate.footprint, {})


def loss_on_valid_rows(bench: Workbench, program: Program) -> float:
    predicted = predict_with(program, bench.valid_tables[0])
    y = bench.rows.y[bench.folds[0].valid]
    name = "neg_log_loss" if bench.problem.task.is_classification else None
    return -make_metric(name, bench.problem.task, bench.problem.outputs)(y, predicted)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_files_get_smaller_and_the_loss_stays(task: str) -> None:
    bench, table = bench_and_table(task)
    model = fitted(bench)
    program = bench.compile([(model, 1.0)])
    passes = choose_passes(blend_of(model), bench, table, LONG)
    smaller, said = shrunk(program, passes, LONG)
    before, after = (bench.deployment.sizes(p) for p in (program, smaller))
    assert sum(after.values()) < 0.95 * sum(before.values())
    losses = [loss_on_valid_rows(bench, p) for p in (program, smaller)]
    assert losses[1] <= losses[0] * (1 + LOSS) + 1e-12
    reports = recalled(said["passes"])
    assert reports[-1].after.lam < reports[0].before.lam
    assert noted(reports) == said["passes"]
    assert [report.exact for report in reports][-1] is False


def test_the_same_passes_are_chosen_again() -> None:
    bench, table = bench_and_table("binary")
    model = fitted(bench)
    program = bench.compile([(model, 1.0)])
    first, second = (shrunk(program, choose_passes(blend_of(model), bench, table, LONG), LONG)[0] for _ in range(2))
    assert digest(first) == digest(second)


def test_without_time_no_pass_is_chosen() -> None:
    bench, table = bench_and_table("binary")
    model = fitted(bench)
    assert choose_passes(blend_of(model), bench, table, 0.0).passes == ()


def test_without_passes_or_gain_the_program_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, table = bench_and_table("regression")
    model = fitted(bench)
    program = bench.compile([(model, 1.0)])
    assert shrunk(program, Chosen(), LONG) == (program, {})
    passes = choose_passes(blend_of(model), bench, table, LONG)
    assert passes.passes
    assert shrunk(program, passes, 0.5 * passes.seconds) == (program, {})
    again, _ = shrunk(program, passes, LONG)
    monkeypatch.setattr(shrink_files, "gains", lambda _: False)
    monkeypatch.setattr(shrink_files, "repeat", lambda *_: (again, []))
    assert shrunk(program, passes, LONG) == (program, {})


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str, what: str) -> None:
        self.lines.append(f"{name}: {what}")


@pytest.mark.parametrize(("interrupted", "started"), [(True, 0.0), (False, 57.0)])
def test_a_run_without_time_says_that_files_stay_as_they_are(interrupted: bool, started: float) -> None:
    clock = Clock(60.0)
    clock = Clock(60.0, clock.start - started)
    run: Any = SimpleNamespace(interrupted=interrupted, clock=clock, time=plan_time(60.0, LARGE), watcher=Notes())
    blend: Any = None
    assert passes_for(run, blend) == Chosen()
    assert run.watcher.lines == ["note: no time to look for smaller files"]


@pytest.mark.parametrize("limit", [5.0, 20.0, 60.0, 600.0, 86_400.0])
def test_time_is_divided_without_a_gap(limit: float) -> None:
    plan = plan_time(limit, LARGE)
    assert 0 < plan.choice_s < plan.shrink_s < 0.1 * limit
    assert limit - plan.final_s - plan.shrink_s + plan.choice_s <= plan.refit_until < limit
