"""One learner fitted on every fold: out-of-fold predictions for all rows, and the average for new rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lean_automl.learners.base import F64, FitOptions, Fitted, Learner, Problem, Rows
from lean_automl.learners.texts import Prepared, fit_reading
from lean_automl.search.workers import load_shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.data import Split
    from lean_automl.features import Frame
    from lean_automl.search.workers import Shared


@dataclass(frozen=True, eq=False)
class Lesson:
    """What all members learn from.

    Attributes:
        rows: Features and targets.
        folds: Positions in `rows`.
        problem: What is predicted.
        students: Whether only members are wanted that may be students.
        prepared: What the texts of each fold's training rows became.
    """

    rows: Rows
    folds: tuple[Split, ...]
    problem: Problem
    students: bool = False
    prepared: tuple[Prepared | None, ...] = ()


@dataclass(frozen=True, eq=False)
class FoldFit:
    """A learner fitted on one fold.

    Attributes:
        fold: Number of the fold.
        model: What was fitted.
        predictions: For the fold's validation rows.
        seconds: What it took.
    """

    fold: int
    model: Fitted
    predictions: F64
    seconds: float


def fit_fold(lesson: Shared, learner: Learner, fold: int, options: FitOptions) -> FoldFit:
    """Fit on one fold; runs in a process of its own."""
    begin = time.monotonic()
    shared: Lesson = load_shared(lesson)
    split = shared.folds[fold]
    valid = shared.rows.take(split.valid)
    prepared = shared.prepared[fold] if shared.prepared else None
    model = fit_reading(learner, (shared.rows.take(split.train), valid), shared.problem, options, prepared)
    return FoldFit(fold, model, model.predict(valid.frame), time.monotonic() - begin)


@dataclass(frozen=True, eq=False)
class Bag:
    """Fitted models of one learner, one for each fold.

    Attributes:
        name: Name of the learner.
        learner: Its settings.
        models: One for each fold.
        out_of_fold: Predictions for all rows, each by a model that did not see the row; NaN for rows that no fold
            validates on.
        seconds: What all fits together took.
    """

    name: str
    learner: Learner
    models: tuple[Fitted, ...]
    out_of_fold: F64
    seconds: float

    def predict(self, frame: Frame) -> F64:
        """Average of the models."""
        mean: F64 = np.mean([model.predict(frame) for model in self.models], axis=0)
        return mean


def make_bag(name: str, learner: Learner, fits: Sequence[FoldFit], lesson: Lesson) -> Bag:
    """Put the fits of all folds together."""
    out_of_fold = np.full((lesson.rows.frame.rows, lesson.problem.outputs), np.nan)
    ordered = sorted(fits, key=lambda one: one.fold)
    for one in ordered:
        out_of_fold[lesson.folds[one.fold].valid] = one.predictions
    return Bag(name, learner, tuple(one.model for one in ordered), out_of_fold, sum(one.seconds for one in fits))
