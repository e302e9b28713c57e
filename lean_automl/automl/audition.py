"""Short fits on several folds: what a set of features is worth to a learner, row by row."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.data import Task
from lean_automl.learners.base import F64, FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.texts import Prepared, fit_reading
from lean_automl.search.losses import row_losses
from lean_automl.search.workers import load_shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.data import Split
    from lean_automl.features import Frame
    from lean_automl.search.workers import Shared, Workers

LEARNER: Final = ChimeraBoost(trees=100, learning_rate=0.15, colsample=0.7)
LEARNER_OF_CLASSES: Final = ChimeraBoost(trees=40, learning_rate=0.2, colsample=0.7)


@dataclass(frozen=True, eq=False)
class Stage:
    """The rows of all auditions, the folds whose validation rows judge, and what their training rows' texts became."""

    rows: Rows
    folds: tuple[Split, ...]
    problem: Problem
    prepared: tuple[Prepared | None, ...] = ()

    @property
    def judges(self) -> NDArray[np.intp]:
        """Positions of the rows that judge, fold after fold."""
        return np.concatenate([fold.valid for fold in self.folds])


@dataclass(frozen=True, eq=False)
class Heard:
    """How one audition went.

    Attributes:
        predictions: For the rows that judge.
        losses: Of each of those rows, as `row_losses` gives them.
        importance: Of each feature, numbers then categories; mean over the folds.
        seconds: Processor time of one fold for each of its trees and rows.
        is_late: Whether the time was over before it ended, so that it was cut short and cannot be compared.
    """

    predictions: F64
    losses: NDArray[np.float64]
    importance: NDArray[np.float64]
    seconds: float
    is_late: bool = False


def hear(
    stage: Stage, shared: Shared, sets: Sequence[Frame | None], workers: Workers, options: FitOptions
) -> list[Heard | None]:
    """An audition for each set of further features, None for none of them; None where a fit failed.

    Args:
        stage: The rows.
        shared: The same, as the workers share it.
        sets: Further features for all of its rows.
        workers: Where the fits run.
        options: Seed and deadline.
    """
    calls = {
        (number, fold): (shared, more, fold, options)
        for number, more in enumerate(sets)
        for fold in range(len(stage.folds))
    }
    ended = workers.results(_fit, calls, options.deadline)
    results = [[ended[number, fold] for fold in range(len(stage.folds))] for number in range(len(sets))]
    late = options.expired
    return [None if any(part is None for part in parts) else _joined(stage, parts, late) for parts in results]


def _fit(shared: Shared, more: Frame | None, fold: int, options: FitOptions) -> tuple[F64, NDArray[np.float64], float]:
    """Predictions, importance and seconds for each tree and row of one fold's fit; runs in a process of its own."""
    stage: Stage = load_shared(shared)
    rows, split = stage.rows, stage.folds[fold]
    if more is not None:
        rows = replace(rows, frame=rows.frame.beside(more))
    learner = LEARNER_OF_CLASSES if stage.problem.task is Task.MULTICLASS else LEARNER
    begin = time.process_time()  # not what others make this process wait: fits later run at other moments
    own = (rows.take(split.train), rows.take(split.valid))
    fitted = fit_reading(learner, own, stage.problem, options, stage.prepared[fold] if stage.prepared else None)
    predicted = fitted.predict(rows.frame.take(split.valid))
    seconds = time.process_time() - begin
    return predicted, fitted.importance, seconds / (split.train.size * max(1, fitted.rounds))


def _joined(stage: Stage, parts: Sequence[tuple[F64, NDArray[np.float64], float]], late: bool) -> Heard:
    predictions = np.concatenate([predicted for predicted, _, _ in parts])
    judges, rows = stage.judges, stage.rows
    weight = None if rows.weight is None else rows.weight[judges]
    problem = stage.problem
    y, seen = problem.as_learned(rows.y[judges]), problem.as_learned(predictions)
    losses = row_losses(y, seen, problem.task, weight, problem.judged_at)
    importance = np.mean([one for _, one, _ in parts], axis=0)
    return Heard(predictions, losses, importance, float(np.mean([seconds for _, _, seconds in parts])), late)
