"""Numbers by their logarithms, for metrics of these: any learner, and a model that predicts the exponential.

A learner of squares attends to the largest rows. Where a metric compares logarithms, or shares of the target, what it
learns should be the logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.exp32 import HIGHEST, LOWEST
from lean_automl_runtime.ir import ops as o

from lean_automl.learners.around import Around

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.features import FeaturePlan, Frame
    from lean_automl.learners.base import F64, FitOptions, Problem, Rows


@dataclass(frozen=True)
class OfLogs:
    """Settings of one fit: what learns the logarithms."""

    learner: Any

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> Exponential:
        """Fit on `log(target + problem.logs)`, which must be finite."""
        assert problem.logs is not None
        held = None if valid is None else _logarithms(valid, problem)
        model = self.learner.fit(_logarithms(train, problem), held, replace(problem, logs=None), options)
        kind = LowerableExponential if hasattr(model, "lower") else Exponential
        return kind(model, problem.scores, problem.logs)


def _logarithms(rows: Rows, problem: Problem) -> Rows:
    return replace(
        rows, y=problem.as_learned(rows.y), soft=None if rows.soft is None else problem.as_learned(rows.soft)
    )


@dataclass(frozen=True, eq=False)
class Exponential(Around):
    """A fitted model of logarithms of sums.

    Attributes:
        scores: Columns of a prediction.
        offset: What is taken from the sums.
    """

    scores: int
    offset: float

    @property
    def importance(self) -> F64:
        """Of the model."""
        return np.asarray(self.model.importance)

    def predict(self, frame: Frame) -> F64:
        """Numbers above `-offset`, shape (n, scores)."""
        logarithms = np.clip(self.model.predict(frame), float(LOWEST), float(HIGHEST))  # as the op has it
        return np.asarray(np.exp(logarithms) - self.offset)


@dataclass(frozen=True, eq=False)
class LowerableExponential(Exponential):
    """The same with a model that can become ops."""

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the predictions, float32 (n, scores)."""
        sums = builder.add(o.Link((self.model.lower(plan, builder),), o.LinkKind.EXPONENTIAL))
        if not self.offset:
            return sums
        bias = np.full(self.scores, -self.offset, dtype=np.float32)
        return builder.add(o.Blend((sums,), np.ones(1, dtype=np.float32), bias))
