"""Linear and logistic regression on clipped, standardised numbers and one weight for each category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.tables import lower_codes
from lean_automl.data import Task
from lean_automl.features import FeaturePlan
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, probabilities
from lean_automl.learners.standardise import Standardise, fit_standardise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.features import Frame

MOST_LEVELS: Final = 1000
MOST_ITERATIONS: Final = 200


@dataclass(frozen=True)
class Linear:
    """Settings of one fit.

    Attributes:
        strengths: Inverse regularisation strengths to choose from on `valid`; the first is used without it.
    """

    strengths: tuple[float, ...] = (1.0, 0.1, 0.01)

    name = "linear"
    keeps_signs = True

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedLinear:
        """Fit one model for each strength and keep the best on `valid`."""
        standardise = fit_standardise(train.frame.numbers)
        x = design(train.frame, standardise)
        varying = _varying(train.frame, x.shape[1])
        best: FittedLinear | None = None
        best_loss = np.inf
        for strength in self.strengths if valid is not None else self.strengths[:1]:
            weight, bias = _solve_in_order(x, varying, train, strength, problem)
            fitted = FittedLinear(standardise, weight, bias, train.frame.levels, problem, strength)
            if valid is None:
                return fitted
            loss = _loss(fitted.predict(valid.frame), valid, problem)
            if loss < best_loss:
                best, best_loss = fitted, loss
            if options.expired:
                break
        assert best is not None
        return best

    def for_all_rows(self, fitted: Sequence[FittedLinear], growth: float) -> Linear:  # noqa: ARG002
        """The same with the strength that the folds chose."""
        return Linear((float(np.median([one.strength for one in fitted])),))


def design(frame: Frame, standardise: Standardise) -> Any:
    """Sparse matrix: standardised numbers, then one column for each code of each category."""
    from scipy import sparse

    blocks = [sparse.csr_matrix(standardise.values(frame.numbers).astype(np.float64))]
    rows = np.arange(frame.rows)
    for j, own in _categories(frame.numbers.shape[1], frame.levels):
        shape = (frame.rows, own.stop - own.start)
        blocks.append(sparse.csr_matrix((np.ones(frame.rows), (rows, frame.codes[:, j])), shape=shape))
    return sparse.hstack(blocks, format="csr")


def _varying(frame: Frame, columns: int) -> F64:
    """For each column of the design 0 if its feature is the same for all rows, else 1."""
    found = np.ones(columns)  # a number that is constant is standardised to 0
    for j, own in _categories(frame.numbers.shape[1], frame.levels):
        found[own] = np.ptp(frame.codes[:, j]) > 0
    return found


def _categories(numbers: int, levels: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """Positions of the categories in use, and their columns of the design, which come after those of the numbers."""
    start = numbers
    for position, count in enumerate(levels):
        if count <= MOST_LEVELS:
            yield position, slice(start, start + count)
            start += count


def _solve_in_order(x: Any, used: F64, train: Rows, strength: float, problem: Problem) -> tuple[F64, F64]:
    """As `_solve` with the used columns; numbers whose weight has the wrong sign are left out, until none has."""
    from scipy import sparse

    signs = np.zeros(x.shape[1])
    signs[: len(problem.signs)] = problem.signs
    used = used.copy()
    while True:
        weight, bias = _solve(x if used.all() else x @ sparse.diags(used), train, strength, problem)
        weight = weight * used[:, None]
        wrong = (weight * signs[:, None] < 0).any(axis=1)
        if not wrong.any():
            return weight, bias
        used[wrong] = 0.0


def _solve(x: Any, train: Rows, strength: float, problem: Problem) -> tuple[F64, F64]:
    """Weights (columns, scores) and bias (scores,)."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if problem.task is Task.REGRESSION:
        ridge = Ridge(alpha=1.0 / strength).fit(x, train.y, sample_weight=train.weight)
        return ridge.coef_.reshape(-1, 1), np.atleast_1d(ridge.intercept_)
    model = LogisticRegression(C=strength, max_iter=MOST_ITERATIONS)
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the limit of iterations bounds the time
        model.fit(x, train.y, sample_weight=train.weight)
    weight, bias = model.coef_.T, model.intercept_
    if problem.task is Task.BINARY or weight.shape[1] == problem.outputs:
        return weight, bias
    if weight.shape[1] == 1:  # of two classes alone: the score of the second over the first
        weight, bias = np.hstack([np.zeros_like(weight), weight]), np.append(0.0, bias)
    full_weight, full_bias = np.zeros((weight.shape[0], problem.outputs)), np.full(problem.outputs, -20.0)
    full_weight[:, model.classes_], full_bias[model.classes_] = weight, bias
    return full_weight, full_bias


def _loss(predicted: F64, rows: Rows, problem: Problem) -> float:
    if problem.task is Task.REGRESSION:
        errors = np.abs(predicted[:, 0] - rows.y)
        losses = errors if problem.absolute else errors**2
    else:
        losses = -np.log(np.maximum(predicted[np.arange(rows.y.size), rows.y], 1e-15))
    return float(np.average(losses, weights=rows.weight))


@dataclass(frozen=True, eq=False)
class FittedLinear:
    """Weights of a linear model.

    Attributes:
        standardise: How numbers are prepared.
        weight: float64, shape (numbers + codes of the categories in use, scores).
        bias: float64, shape (scores,).
        levels: Codes of each categorical feature.
        problem: What it predicts.
        strength: The inverse regularisation strength that was chosen.
    """

    standardise: Standardise
    weight: F64
    bias: F64
    levels: tuple[int, ...]
    problem: Problem
    strength: float

    rounds = 0

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        return probabilities(np.asarray(design(frame, self.standardise) @ self.weight + self.bias), self.problem)

    def spread(self, frame: Frame) -> F64:
        """How much each feature moves the score that it moves most: a standard deviation; shape (features,)."""
        count = frame.numbers.shape[1]
        found = np.zeros(count + len(frame.levels))
        found[:count] = np.abs(self.weight[:count]).max(axis=1, initial=0.0)
        for j, own in _categories(count, frame.levels):
            found[count + j] = self.weight[own][frame.codes[:, j]].std(axis=0).max()
        return found

    def shorten(self, rounds: int) -> FittedLinear:  # noqa: ARG002
        """Itself: there is nothing to shorten."""
        return self

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores, float32 (n, scores)."""
        count = len(plan.numeric)
        weights = {position: self.weight[own] for position, own in _categories(count, self.levels)}
        tables = {position: table for position, table in weights.items() if table.any()}
        zero, parts = np.zeros(self.bias.size, dtype=np.float32), []
        read = np.flatnonzero(self.weight[:count].any(axis=1))
        if read.size:
            own = self.standardise.take(read)
            values = own.emit_clipped([plan.numeric[j] for j in read], builder)
            weight = (self.weight[read] / own.deviation[:, None]).astype(np.float32)
            bias = zero if tables else self.bias.astype(np.float32)
            parts.append(builder.add(o.Dense((values,), weight, bias, o.Activation.IDENTITY)))
        if tables or not parts:
            parts.append(lower_codes(tables, self.bias, plan, builder))
        return parts[0] if len(parts) == 1 else builder.add(o.Blend(tuple(parts), np.ones(2, np.float32), zero))
