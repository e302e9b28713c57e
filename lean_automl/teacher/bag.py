"""One learner fitted on every fold: out-of-fold predictions for all rows, and the average for new rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lean_automl.learners.base import F64, FitOptions, Fitted, Learner, Problem, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.data import Split
    from lean_automl.features import Frame


@dataclass(frozen=True, eq=False)
class Bag:
    """Fitted models of one learner, one for each fold.

    Attributes:
        name: Name of the learner.
        learner: Its settings.
        models: One for each fold.
        out_of_fold: Predictions for all rows, each by a model that did not see the row; NaN for rows that no fold
            validates on.
        seconds: What it took.
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


class OutOfTimeError(Exception):
    """A bag could not be finished in its time."""


def fit_bag(
    learner: Learner, name: str, rows: Rows, folds: Sequence[Split], problem: Problem, options: FitOptions
) -> Bag:
    """Fit a learner on every fold; each gets an equal part of the time that is left.

    Raises:
        OutOfTimeError: The deadline came before the last fold began.
    """
    begin = time.monotonic()
    out_of_fold = np.full((rows.frame.rows, problem.outputs), np.nan)
    models = []
    for number, fold in enumerate(folds):
        left = options.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTimeError(f"the time was over after {number} of {len(folds)} folds")
        own = FitOptions(options.seed + number, options.threads, time.monotonic() + left / (len(folds) - number))
        valid = rows.take(fold.valid)
        model = learner.fit(rows.take(fold.train), valid, problem, own)
        out_of_fold[fold.valid] = model.predict(valid.frame)
        models.append(model)
    return Bag(name, learner, tuple(models), out_of_fold, time.monotonic() - begin)
