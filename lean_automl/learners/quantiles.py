"""Quantiles: one LightGBM model each, put in order so that no quantile crosses another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.learners.additive import Additive
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, rounds_take_time
from lean_automl.learners.lightgbm import LightGBM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import FeaturePlan, Frame
    from lean_automl.learners.base import Lowerable


def weighted_quantiles(
    y: NDArray[Any], quantiles: Sequence[float], weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """The least values at or below which lie the given shares of the weight, shape (quantiles,)."""
    order = np.argsort(y, kind="stable")
    total = np.cumsum(np.ones(y.size) if weight is None else weight[order])
    at = np.searchsorted(total, np.asarray(quantiles) * total[-1])
    return np.asarray(y[order][np.minimum(at, y.size - 1)], dtype=np.float64)


@dataclass(frozen=True)
class Quantiles:
    """Fits the student once for each quantile.

    Attributes:
        student: Settings of all fits.
    """

    student: LightGBM | Additive

    keeps_signs = False  # LightGBM refuses both together

    @property
    def name(self) -> str:
        """Name of what learns."""
        return self.student.name

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedQuantiles:
        """Fit; with `valid`, keep the best round of each quantile."""
        return FixedQuantiles((self.student,) * len(problem.quantiles)).fit(train, valid, problem, options)

    def for_all_rows(self, fitted: Sequence[FittedQuantiles], growth: float) -> FixedQuantiles:
        """The same with a fixed number of trees for each quantile."""
        by_quantile = zip(*(one.models for one in fitted), strict=True)
        return FixedQuantiles(tuple(self.student.for_all_rows(own, growth) for own in by_quantile))


@dataclass(frozen=True)
class FixedQuantiles:
    """Fits each quantile with settings of its own.

    Attributes:
        students: One for each quantile.
    """

    students: tuple[LightGBM | Additive, ...]

    keeps_signs = False

    @property
    def name(self) -> str:
        """Name of what learns."""
        return self.students[0].name

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedQuantiles:
        """Fit one model for each quantile; with `valid`, keep the best round of each."""
        models = []
        for student, quantile in zip(self.students, problem.quantiles, strict=True):
            own = replace(student, extra={**student.extra, "objective": "quantile", "alpha": quantile})
            models.append(own.fit(train, valid, problem.of_mean, options))
        return FittedQuantiles(tuple(models))

    def for_all_rows(self, fitted: Sequence[FittedQuantiles], growth: float) -> FixedQuantiles:  # noqa: ARG002
        """Itself."""
        return self


@dataclass(frozen=True, eq=False)
class FittedQuantiles:
    """A model for each quantile, in ascending order."""

    models: tuple[Lowerable, ...]

    @property
    def rounds(self) -> int:
        """Of the model that has most."""
        return max(model.rounds for model in self.models)

    @property
    def rounds_take_time(self) -> bool:
        """Of any model."""
        return any(rounds_take_time(model) for model in self.models)

    def predict(self, frame: Frame) -> F64:
        """A column for each quantile, none below the one before it."""
        columns = np.column_stack([model.predict(frame)[:, 0] for model in self.models])
        return np.asarray(np.maximum.accumulate(columns, axis=1))

    def shorten(self, rounds: int) -> FittedQuantiles:
        """Each model with its share of the first rounds."""
        share = rounds / self.rounds
        return FittedQuantiles(tuple(model.shorten(max(1, round(model.rounds * share))) for model in self.models))

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the quantiles, float32 (n, quantiles)."""
        ordered = [self.models[0].lower(plan, builder)]
        for model in self.models[1:]:
            inputs = (ordered[-1], model.lower(plan, builder))
            ordered.append(builder.add(o.Arithmetic(inputs, o.ArithmeticKind.MAXIMUM)))
        return builder.add(o.Concat(tuple(ordered)))


def for_quantiles(student: LightGBM | Additive, problem: Problem) -> LightGBM | Additive | Quantiles:
    """The student, or one of it for each quantile."""
    return Quantiles(student) if problem.quantiles else student
