"""Students of the features that tell most."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from benches import make_bench
from lean_automl_runtime.artifact import read_artifact
from lean_automl_runtime.measure import CostModel

from lean_automl.config import Constraints
from lean_automl.data import Task
from lean_automl.features import Frame
from lean_automl.learners.additive import Additive
from lean_automl.learners.base import FitOptions, Problem, Rows, Student
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.distilled import Distilled
from lean_automl.learners.fewer import Fewer, leading
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.search.workers import Workers
from lean_automl.student.costs import Costs
from lean_automl.student.families import FAMILIES
from lean_automl.student.family import FEATURE_SHARES, Context
from lean_automl.student.trial import Proposal, run_trial

BINARY = Problem(Task.BINARY, 2)
LEARNERS: tuple[Student, ...] = (
    ChimeraBoost(trees=20, depth=3, learning_rate=0.2, linear=False),
    ChimeraBoost(trees=20, depth=3, learning_rate=0.2, linear=True),
    LightGBM(trees=20, leaves=8, learning_rate=0.2, min_rows=5),
    Additive(trees=60),
    Distilled(CatBoost(trees=20, depth=3, learning_rate=0.2, own_categories=False), 0.5),
    Linear((0.3,)),
)


def table_of(rows: int = 3_000) -> Rows:
    """Twelve numbers and three categories, of which the third number and the second category tell something."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(rows, 12)).astype(np.float32)
    codes = rng.integers(0, 5, size=(rows, 3)).astype(np.int32)
    y = (numbers[:, 2] + (codes[:, 1] == 3) + rng.normal(scale=0.3, size=rows) > 0.3).astype(np.int64)
    return Rows(Frame(numbers, codes, (5, 5, 5)), y)


def test_what_tells_something_leads() -> None:
    kept = leading(table_of(), BINARY, FitOptions(), 2)
    assert np.flatnonzero(kept).tolist() == [2, 13]


def test_of_many_rows_some_are_enough_to_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.learners.fewer.MOST_ROWS", 500)
    assert np.flatnonzero(leading(table_of(), BINARY, FitOptions(), 2)).tolist() == [2, 13]


@pytest.mark.parametrize("student", LEARNERS, ids=lambda student: f"{student.name}")
def test_a_student_of_two_features_reads_two_columns_and_is_better_than_nothing(student: Student) -> None:
    bench = make_bench("binary")
    with Workers(1) as workers:
        path = workers.share(bench)
        found: Any = run_trial(path, Proposal(1, "any", {}, Fewer(student, 2)), FitOptions())
    program = read_artifact(found.artifact).program
    assert 1 <= len(program.columns) <= 2
    assert found.score > 0.6  # the area under the curve; 0.5 is a guess
    last = found.student.for_all_rows(found.fitted, 1.5)
    assert isinstance(last, Fewer)
    assert (last.features, last.name) == (2, student.name)


def context_of(numbers: int, limit_us: float) -> Context:
    model = CostModel("native", {"calls": 1.0, "objects": 0.1}, margin=3.0, tail=1.0)
    return Context(
        BINARY, 5_000, numbers, 0, Constraints(max_latency_us=limit_us), True, Costs({"model.lam": model}, limit_us)
    )


@pytest.mark.parametrize("name", ["oblivious", "ragged", "additive", "distilled", "linear"])
def test_fewer_features_are_tried_where_reading_all_takes_much_of_the_time(name: str) -> None:
    scarce, ample = context_of(60, 5.0), context_of(19, 5.0)  # there is time for 40
    asked = [start.get(f"{name}_features") for start in FAMILIES[name].starts(scarce)]
    assert asked == [(0.5, 0.25, 1.0, 0.12)[number % len(FEATURE_SHARES)] for number in range(len(asked))]
    assert FAMILIES[name].starts(context_of(25, 5.0))[0][f"{name}_features"] == 1.0, "which takes not much over half"
    assert FAMILIES[name].starts(context_of(25, 0.5))[0][f"{name}_features"] == 0.5, "there is no time for any"
    for start, share in zip(FAMILIES[name].starts(scarce), asked, strict=True):
        student: Any = FAMILIES[name].suggest(optuna.trial.FixedTrial(start), scarce)
        assert getattr(student, "features", None) == (None if share == 1.0 else round(40 * share))
    for start in FAMILIES[name].starts(ample):
        assert f"{name}_features" not in start
        assert not isinstance(FAMILIES[name].suggest(optuna.trial.FixedTrial(start), ample), Fewer)
