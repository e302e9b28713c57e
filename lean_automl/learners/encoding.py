"""Numbers for learners that take no categories: target statistics, out of fold for the rows that train.

A row never contributes to its own statistic: Micci-Barreca (2001) smoothing, K-fold scheme as in scikit-learn's
`TargetEncoder`. New rows get the statistic of all training rows. Multiclass targets give one column for each class
when there are few classes, else only those of the most frequent ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.bins import BinColumn, CategoryBins, NumericBins
from lean_automl.data import Task
from lean_automl.features import FeaturePlan, emit_code, emit_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import Frame
    from lean_automl.learners.base import Problem, Rows

FOLDS: Final = 5
SMOOTHING: Final = 10.0
MOST_TARGETS: Final = 6

F32 = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class Encoding:
    """Target statistics of every categorical feature.

    Attributes:
        numbers: How many numeric features stand before them in the matrix.
        statistics: For each categorical feature, float32 of shape (levels, targets).
    """

    numbers: int
    statistics: tuple[F32, ...]

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return self.numbers + sum(int(table.shape[1]) for table in self.statistics)

    def matrix(self, frame: Frame) -> F32:
        """Numbers and statistics, float32 of shape (n, width)."""
        encoded = [table[frame.codes[:, j]] for j, table in enumerate(self.statistics)]
        return np.concatenate([frame.numbers, *encoded], axis=1) if encoded else frame.numbers

    def source(self, column: int) -> tuple[int, int] | None:
        """Categorical feature and target of a matrix column; None for a numeric feature."""
        rest = column - self.numbers
        for feature, table in enumerate(self.statistics):
            if 0 <= rest < table.shape[1]:
                return feature, rest
            rest -= table.shape[1]
        return None

    def emit(self, column: int, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of a matrix column, float32 (n, 1)."""
        source = self.source(column)
        if source is None:
            return emit_number(plan.numeric[column], builder)
        feature, target = source
        table = self.statistics[feature][:, target : target + 1]
        return builder.add(o.Lookup((emit_code(plan.categorical[feature], builder),), table))

    def emit_matrix(self, columns: Sequence[int], plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of some matrix columns side by side."""
        values = tuple(self.emit(column, plan, builder) for column in columns)
        return values[0] if len(values) == 1 else builder.add(o.Concat(values))

    def bins(self, column: int, edges: NDArray[np.float32], nan_bin: int) -> BinColumn:
        """A matrix column cut at `edges`: bin = number of edges below the value."""
        source = self.source(column)
        if source is None:
            return NumericBins(column, edges, nan_bin)
        feature, target = source
        statistics = self.statistics[feature][:, target]
        return CategoryBins(feature, np.searchsorted(edges, statistics, side="left"))


def fit_encoding(train: Rows, problem: Problem, seed: int) -> tuple[Encoding, F32]:
    """Encoding of all training rows, and their own matrix, which is out of fold."""
    targets = targets_of(train.y, problem, MOST_TARGETS)
    weight = np.ones(train.frame.rows) if train.weight is None else train.weight
    fold = np.random.default_rng(seed).permutation(train.frame.rows) % FOLDS
    statistics, own = [], [train.frame.numbers]
    for j, levels in enumerate(train.frame.levels):
        codes = train.frame.codes[:, j]
        statistics.append(_statistics(codes, targets, weight, levels))
        out_of_fold = np.empty((train.frame.rows, targets.shape[1]), dtype=np.float32)
        for k in range(FOLDS):
            rest = fold != k
            table = _statistics(codes[rest], targets[rest], weight[rest], levels)
            out_of_fold[~rest] = table[codes[~rest]]
        own.append(out_of_fold)
    encoding = Encoding(train.frame.numbers.shape[1], tuple(statistics))
    return encoding, np.concatenate(own, axis=1) if len(own) > 1 else train.frame.numbers


def targets_of(y: NDArray[Any], problem: Problem, most: int) -> NDArray[np.float64]:
    """What statistics are of, float64 (n, targets).

    The target itself, or of many classes, whether it is each of the `most` frequent ones.
    """
    if problem.task is not Task.MULTICLASS:
        return y.astype(np.float64)[:, None]
    frequent = np.argsort(-np.bincount(y, minlength=problem.outputs), kind="stable")[:most]
    return np.asarray(y[:, None] == np.sort(frequent), dtype=np.float64)


def _statistics(
    codes: NDArray[np.int32], targets: NDArray[np.float64], weight: NDArray[np.float64], levels: int
) -> F32:
    """Smoothed mean of each target for each code; the overall mean for codes without rows."""
    total = max(float(weight.sum()), 1e-12)
    prior = (targets * weight[:, None]).sum(axis=0) / total
    counts = np.bincount(codes, weights=weight, minlength=levels)[:, None]
    sums = np.column_stack(
        [np.bincount(codes, weights=targets[:, k] * weight, minlength=levels) for k in range(targets.shape[1])]
    )
    return np.asarray((sums + prior * SMOOTHING) / (counts + SMOOTHING), dtype=np.float32)
