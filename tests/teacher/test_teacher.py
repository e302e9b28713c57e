import time
from dataclasses import dataclass

import numpy as np
import pytest
from tables import mixed_frame_for

from lean_automl.data import Task, folds, load_dataset
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.search.metrics import make_metric
from lean_automl.search.workers import Workers
from lean_automl.teacher import build
from lean_automl.teacher.bag import Bag, Lesson
from lean_automl.teacher.ensemble import select_ensemble

METRIC = make_metric("neg_log_loss", Task.BINARY, 2)


def bag(name: str, p: np.ndarray) -> Bag:
    return Bag(name, Linear(), (), np.column_stack([1 - p, p]), 1.0)


def test_selection_takes_what_helps_and_leaves_what_harms() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2_000)
    good = [np.clip(y * 0.5 + 0.25 + rng.normal(0, 0.2, 2_000), 0.02, 0.98) for _ in range(2)]
    bags = [bag("a", good[0]), bag("bad", rng.random(2_000)), bag("b", good[1])]
    teacher = select_ensemble(bags, y, None, METRIC)
    assert teacher.weights[1] < 0.05
    assert min(teacher.weights[0], teacher.weights[2]) > 0.2
    assert sum(teacher.weights) == pytest.approx(1.0)
    assert teacher.score > max(teacher.scores)
    np.testing.assert_allclose(teacher.out_of_fold.sum(axis=1), 1.0)


def test_rows_that_no_fold_judges_do_not_count() -> None:
    y = np.array([0, 1, 0, 1])
    p = np.array([np.nan, np.nan, 0.1, 0.9])
    assert select_ensemble([bag("a", p)], y, None, METRIC).score == pytest.approx(np.log(0.9))


class Notes:
    def __init__(self) -> None:
        self.seen: dict[str, str | None] = {}

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:  # noqa: ARG002
        self.seen[name] = reason


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    frame, target = mixed_frame_for("binary", 300)
    dataset = load_dataset(frame, target)
    rows = Rows(fit_features(dataset.table).frame(dataset.table), dataset.y)
    return Lesson(rows, folds(dataset, 3), Problem(Task.BINARY, 2))


def learn(lesson: Lesson, monkeypatch: pytest.MonkeyPatch, learners: tuple, seconds: float):
    monkeypatch.setattr(build, "portfolio", lambda *_: learners)
    notes = Notes()
    with Workers(2) as workers:
        assert workers.wait_until_ready(time.monotonic() + 600.0)
        options = FitOptions(deadline=time.monotonic() + seconds)
        return (*build.build_teacher(lesson, METRIC, options, workers, notes), notes)


def test_a_member_that_fails_is_left_out_with_its_reason(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    learners = (Linear(), Missing(), LightGBM(trees=20))
    teacher, failures, notes = learn(lesson, monkeypatch, learners, 60.0)
    assert teacher is not None
    assert [one.name for one in teacher.bags] == ["linear-1", "lightgbm-3"]
    assert [failure.name for failure in failures] == ["missing-2"]
    assert notes.seen["missing-2"]
    assert not np.isnan(teacher.out_of_fold).any()
    assert teacher.predict(lesson.rows.frame).shape == (300, 2)


@dataclass(frozen=True)
class Missing:
    """Cannot even be unpickled elsewhere: its module is not importable there."""

    name = "missing"

    def fit(self, *_: object) -> None:
        raise AssertionError


def test_without_time_there_is_no_teacher(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, failures, _ = learn(lesson, monkeypatch, (Linear(),), 0.0)
    assert teacher is None
    assert "time" in failures[0].reason
