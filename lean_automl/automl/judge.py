"""Scores on rows that no step of a run has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lean_automl.data import Task
from lean_automl.learners.quantiles import weighted_quantiles
from lean_automl.student.trial import score_program

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.data import Dataset
    from lean_automl.features import FeaturePlan
    from lean_automl.learners.base import F64, Problem
    from lean_automl.search.metrics import Metric
    from lean_automl.teacher.ensemble import Teacher


@dataclass(frozen=True, eq=False)
class Judge:
    """The rows, and what is asked of them.

    Attributes:
        rows: That no step has seen.
        problem: What is predicted.
        metric: Greater is better.
    """

    rows: Dataset
    problem: Problem
    metric: Metric

    def program(self, program: Program) -> float:
        """Score of what ships."""
        return score_program(program, self.rows.table, self.rows.y, self.metric, self.rows.weight)

    def teacher(self, teacher: Teacher, plan: FeaturePlan) -> float:
        """Score of the ensemble."""
        return self._score(teacher.predict(plan.frame(self.rows.table)))

    def constant(self, known: Dataset) -> float:
        """Score of the mean or median, or of the shares of the classes, in the rows that a run may see."""
        if self.problem.judged_at:
            own = weighted_quantiles(known.y, self.problem.judged_at, known.weight)
            return self._score(np.tile(own, (self.rows.rows, 1)))
        if self.problem.task is Task.REGRESSION:
            mean = np.average(self.problem.as_learned(known.y), weights=known.weight)
            own = mean if self.problem.logs is None else np.exp(mean) - self.problem.logs
            return self._score(np.full((self.rows.rows, 1), own))
        counts = np.bincount(known.y, weights=known.weight, minlength=self.problem.outputs)
        return self._score(np.tile(counts / counts.sum(), (self.rows.rows, 1)))

    def _score(self, predicted: F64) -> float:
        return self.metric(self.rows.y, predicted, self.rows.weight)
