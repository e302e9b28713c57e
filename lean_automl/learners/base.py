"""What a learner is: it fits on a Frame, within a time, and predicts; most also lower what they fitted.

Rules for a learner: a fit ends soon after its deadline with what it has; it uses the threads it is given; the same
seed gives the same model; it never looks at rows that it was not given.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from lean_automl.data import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import FeaturePlan, Frame

F64 = np.ndarray[Any, np.dtype[np.float64]]
LEAST_SUM: Final = 1e-30  # whose logarithm is seen


@dataclass(frozen=True, eq=False)
class Rows:
    """Features and targets of some rows.

    Attributes:
        frame: Features.
        y: Class codes (int64) or numbers (float64), shape (n,).
        weight: float64, shape (n,), or None for equal weights.
        soft: The teacher's out-of-fold predictions, shape (n, outputs), NaN where there is none; None without one.
    """

    frame: Frame
    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    soft: NDArray[np.float64] | None = None

    def take(self, index: NDArray[Any]) -> Rows:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[index]
        soft = None if self.soft is None else self.soft[index]
        return Rows(self.frame.take(index), self.y[index], weight, soft)

    def joined(self, more: Rows) -> Rows:
        """These rows and then the others, which have what these have."""
        both = [(self.weight, more.weight), (self.soft, more.soft)]
        weight, soft = (None if a is None or b is None else np.concatenate([a, b]) for a, b in both)
        return Rows(self.frame.joined(more.frame), np.concatenate([self.y, more.y]), weight, soft)


@dataclass(frozen=True)
class Problem:
    """What is predicted.

    Attributes:
        task: Kind of target.
        outputs: Columns of a prediction: classes, quantiles, or 1 for the mean.
        balanced: Whether every class weighs the same in training, however many rows it has.
        monotone: Names and signs of what predictions may only rise (1) or only fall (-1) with.
        quantiles: Which of the target are predicted, ascending; none for the mean.
        signs: The same for each numeric feature, 0 for any; empty if there are none, or while features are chosen.
        absolute: Whether of a number the absolute error counts, and not its square.
        logs: What is added to the target, whose logarithm learners see; None where they see the target.
    """

    task: Task
    outputs: int
    balanced: bool = False
    monotone: tuple[tuple[str, int], ...] = ()
    quantiles: tuple[float, ...] = ()
    signs: tuple[int, ...] = ()
    absolute: bool = False
    logs: float | None = None

    @property
    def scores(self) -> int:
        """Columns of raw scores: 1 for binary and the mean, else one for each class or quantile."""
        return 1 if self.task is Task.BINARY else self.outputs

    @property
    def learns_medians(self) -> bool:
        """Whether trees learn by the absolute error; their libraries keep signs by the squared one alone."""
        return self.absolute and not any(self.signs)

    @property
    def judged_at(self) -> tuple[float, ...]:
        """Quantiles whose pinball loss is that of a row: half the absolute error is that of the median."""
        return self.quantiles or ((0.5,) if self.absolute else ())

    def as_learned(self, values: NDArray[Any]) -> NDArray[Any]:
        """Targets or predictions as learners see them; those that have no logarithm as the least that has one."""
        if self.logs is None:
            return values
        logarithms: NDArray[Any] = np.log(np.maximum(np.asarray(values, dtype=np.float64) + self.logs, LEAST_SUM))
        return logarithms

    @property
    def of_mean(self) -> Problem:
        """The same rows, with the mean instead of quantiles."""
        return replace(self, outputs=1, quantiles=()) if self.quantiles else self


def training(rows: Rows, problem: Problem) -> Rows:
    """Rows as a learner trains on them: with weights that balance the classes, if the problem asks for that."""
    if not problem.balanced:
        return rows
    weight = np.ones(rows.frame.rows) if rows.weight is None else rows.weight
    totals = np.bincount(rows.y, weights=weight, minlength=problem.outputs)
    present = totals > 0
    factors = np.where(present, totals.sum() / (present.sum() * np.maximum(totals, 1e-12)), 0.0)
    return replace(rows, weight=weight * factors[rows.y])


@dataclass(frozen=True)
class FitOptions:
    """How a fit may run.

    Attributes:
        seed: For everything random.
        threads: Threads that it may use.
        deadline: `time.monotonic()` after which it ends with what it has.
    """

    seed: int = 0
    threads: int = 1
    deadline: float = float("inf")

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def moved(self, seconds: float) -> FitOptions:
        """The same by a clock that is so far ahead: that of another machine."""
        return replace(self, deadline=self.deadline + seconds)


class Fitted(Protocol):
    """A fitted model."""

    @property
    def rounds(self) -> int:
        """Boosting rounds, trees, or 0 where there is no such thing."""
        ...

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        ...


class Lowerable(Fitted, Protocol):
    """A fitted model that can become ops."""

    def shorten(self, rounds: int) -> Lowerable:
        """The model with only its first rounds; itself where there is no such thing."""
        ...

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of its raw scores, float32 (n, `Problem.scores`)."""
        ...


class Student(Protocol):
    """A learner whose models can be lowered, and that can fit once more on all rows."""

    @property
    def name(self) -> str:
        """Short name for tables and logs."""
        ...

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> Lowerable:
        """As `Learner.fit`."""
        ...

    def for_all_rows(self, fitted: Sequence[Any], growth: float) -> Student:
        """Settings for a last fit without validation rows.

        Args:
            fitted: What was fitted on the folds with these settings.
            growth: Rows of the last fit over rows of a fold's.
        """
        ...


class Learner(Protocol):
    """Fits models of one kind with fixed settings."""

    @property
    def keeps_signs(self) -> bool:
        """Whether the models keep `Problem.signs`."""
        ...

    @property
    def name(self) -> str:
        """Short name for tables and logs."""
        ...

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> Fitted:
        """Fit on `train`; stop early on `valid` where that is given."""
        ...


def probabilities(scores: F64, problem: Problem) -> F64:
    """Predictions from raw scores, in float64: sigmoid, softmax, or the scores themselves."""
    if problem.task is Task.REGRESSION:
        return scores.reshape(-1, 1)
    if problem.task is Task.BINARY:
        p = 1.0 / (1.0 + np.exp(-np.clip(scores.reshape(-1), -500, 500)))
        return np.column_stack([1.0 - p, p])
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: F64 = e / e.sum(axis=1, keepdims=True)
    return result


def averaged(predictions: Sequence[F64], task: Task, weights: Sequence[float] | None = None) -> F64:
    """Weighted average of what several models predict.

    Of many classes it is that of the scores: the geometric mean of the probabilities, which is surer than their
    arithmetic mean, as good models of many classes are.
    """
    if task is not Task.MULTICLASS:
        return np.asarray(np.average(predictions, axis=0, weights=weights))
    scores = np.log(np.maximum(predictions, np.finfo(np.float64).tiny))
    mean = np.exp(np.average(scores, axis=0, weights=weights))
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def rounds_take_time(fitted: Lowerable) -> bool:
    """Whether a model with fewer rounds answers sooner."""
    return bool(getattr(fitted, "rounds_take_time", True)) and fitted.rounds > 1


MOST_GROWTH = 1.25


def last_rounds(fitted: Sequence[Fitted], growth: float) -> int:
    """Rounds for all rows: what the folds stopped at, times how many more rows there are."""
    return max(1, round(float(np.mean([model.rounds for model in fitted])) * min(growth, MOST_GROWTH)))
