"""Learning from a teacher: any learner on targets that mix the labels with the teacher's predictions.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); the teacher's predictions of training rows are out
of fold, for a teacher that saw a row knows its label.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.data import Task
from lean_automl.learners.base import F64, FitOptions, Lowerable, Problem, Rows, Student

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALLEST_SHARE: Final = 0.02


@dataclass(frozen=True)
class Distilled:
    """Settings of one fit.

    Attributes:
        student: What learns.
        mix: Share of the teacher in the targets, 0 to 1; at 0 they are the labels.
        soft: Whether the student takes the probability of the second class as its target (binary only).
    """

    student: Student
    mix: float
    soft: bool = False

    keeps_signs = False

    @property
    def name(self) -> str:
        """Name of what learns."""
        return f"distilled-{self.student.name}"

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> Lowerable:
        """Fit on mixed targets; `valid` keeps its labels."""
        return self.student.fit(self._mixed(train, problem), valid, problem, options)

    def for_all_rows(self, fitted: Sequence[Any], growth: float) -> Distilled:
        """The same with the settings that the folds chose."""
        return replace(self, student=self.student.for_all_rows(fitted, growth))

    def _mixed(self, rows: Rows, problem: Problem) -> Rows:
        if rows.soft is None or self.mix == 0:
            return rows
        known = ~np.isnan(rows.soft[:, 0])
        if problem.task is Task.REGRESSION:
            target = np.where(known, self.mix * rows.soft[:, 0] + (1 - self.mix) * rows.y, rows.y)
            return replace(rows, y=target)
        hard = np.eye(problem.outputs)[rows.y]
        target = np.where(known[:, None], self.mix * np.nan_to_num(rows.soft) + (1 - self.mix) * hard, hard)
        if self.soft:
            return replace(rows, y=target[:, 1])
        return _weighted_copies(rows, target)


def _weighted_copies(rows: Rows, target: F64) -> Rows:
    """Each row once for each class that it has a share of, with the share as its weight: the same loss."""
    row, label = np.nonzero(target >= SMALLEST_SHARE)
    weight = target[row, label]
    if rows.weight is not None:
        weight = weight * rows.weight[row]
    return Rows(rows.frame.take(row), label.astype(np.int64), weight, None)
