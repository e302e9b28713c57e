"""What families try first, by what the limits leave room for."""

from __future__ import annotations

import optuna
import pytest

from lean_automl.config import Constraints
from lean_automl.data import Task
from lean_automl.learners.base import Problem
from lean_automl.student.families import FAMILIES
from lean_automl.student.family import FASTEST_RATE, START_ROOM, TIGHT_ROOM, Context
from lean_automl.student.oblivious import bytes_per_tree

OVERHEAD = 1_300.0  # of a header of a few columns


def context(limit: float | None, task: Task = Task.BINARY, outputs: int = 2) -> Context:
    limits = Constraints(max_size_bytes=limit)
    return Context(Problem(task, outputs), 5_000, 20, 0, limits, True, overhead_bytes=OVERHEAD)


@pytest.mark.parametrize("outputs", [2, 7])
def test_where_bytes_are_scarce_there_are_many_shallow_trees(outputs: int) -> None:
    task = Task.BINARY if outputs == 2 else Task.MULTICLASS
    scarce = context(4_000.0, task, outputs)
    for start in FAMILIES["oblivious"].starts(scarce):
        assert 2 <= start["oblivious_depth"] <= 4
        assert start["oblivious_room"] == pytest.approx(TIGHT_ROOM)
        student = FAMILIES["oblivious"].suggest(optuna.trial.FixedTrial(start), scarce)
        size = OVERHEAD + student.trees * bytes_per_tree(student.depth, student.linear, scarce)  # type: ignore[attr-defined]
        assert 0.8 * 4_000 < size <= 4_000
        assert 0.03 <= start["oblivious_learning_rate"] <= FASTEST_RATE
    assert {start["distilled_depth"] for start in FAMILIES["distilled"].starts(scarce)} == {3, 4}
    assert all(start["ragged_feature_fraction"] == 1.0 for start in FAMILIES["ragged"].starts(scarce))


@pytest.mark.parametrize("limit", [256_000.0, None])
def test_where_there_is_room_two_of_them_fit_together(limit: float | None) -> None:
    for start in FAMILIES["oblivious"].starts(context(limit)):
        assert start["oblivious_room"] <= START_ROOM
        assert start["oblivious_learning_rate"] < 0.1
    assert FAMILIES["oblivious"].starts(context(limit))[0]["oblivious_depth"] == 6
    assert FAMILIES["ragged"].starts(context(limit))[0]["ragged_feature_fraction"] == 0.5


def test_the_first_trial_is_quick_however_much_room_there_is() -> None:
    limits = Constraints(max_size_bytes=16_000.0)
    hurried = Context(Problem(Task.BINARY, 2), 5_000, 20, 0, limits, True, trees_in_time=20.0)
    first, second = FAMILIES["oblivious"].starts(hurried)[:2]
    students = [FAMILIES["oblivious"].suggest(optuna.trial.FixedTrial(one), hurried) for one in (first, second)]
    assert [student.trees for student in students] == pytest.approx([20, 60], abs=1)  # type: ignore[attr-defined]
