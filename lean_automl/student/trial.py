"""One trial: fit a student on folds, compile it, and judge the compiled Program."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES

from lean_automl.compiler.assemble import assemble
from lean_automl.learners.base import FitOptions, Lowerable, Problem, Rows, Student
from lean_automl.student.deploy import Footprint, footprint, sizes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.config import Constraints
    from lean_automl.data import Dataset, Split, Table
    from lean_automl.features import FeaturePlan
    from lean_automl.learners.base import F64
    from lean_automl.search.metrics import Metric

SHORTENINGS: Final = 4


@dataclass(frozen=True, eq=False)
class Workbench:
    """What all trials share.

    Attributes:
        dataset: The rows of the search, without the hold-out.
        rows: Their features and targets.
        folds: Positions in `dataset`.
        plan: The features.
        problem: What is predicted.
        metric: Judges predictions.
        constraints: What the files must meet.
        records: Raw records to measure with.
    """

    dataset: Dataset
    rows: Rows
    folds: tuple[Split, ...]
    plan: FeaturePlan
    problem: Problem
    metric: Metric
    constraints: Constraints
    records: Sequence[dict[str, Any]]

    def compile(self, fitted: Lowerable) -> Program:
        """The Program of a fitted student."""
        return assemble(fitted, self.plan, self.dataset.schema)

    def fitting(self, fitted: Lowerable) -> tuple[Lowerable, Program]:
        """The student with as many of its first rounds as the size limit allows, and its Program."""
        program = self.compile(fitted)
        limit = self.constraints.max_size_bytes
        if limit is None:
            return fitted, program
        for _ in range(SHORTENINGS):
            size = max(sizes_of(program).values())
            if size <= limit or fitted.rounds <= 1:
                break
            fitted = fitted.shorten(max(1, int(fitted.rounds * min(0.97, 0.98 * limit / size))))
            program = self.compile(fitted)
        return fitted, program


@dataclass(frozen=True, eq=False)
class Candidate:
    """A student that was tried.

    Attributes:
        number: Of the trial, from 1.
        family: Name of its family.
        parameters: What the search space chose.
        student: Its settings.
        fitted: One for each fold that was fitted.
        score: Mean over the folds, of the compiled Programs; greater is better.
        fold_scores: Of each fold.
        predictions: Of the Program of each fold, for the fold's validation rows.
        footprint: Sizes and latency.
        violations: Relative excess over each limit.
        seconds: What the trial took.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    student: Student
    fitted: tuple[Lowerable, ...]
    score: float
    fold_scores: tuple[float, ...]
    predictions: tuple[F64, ...]
    footprint: Footprint
    violations: dict[str, float]
    seconds: float

    @property
    def feasible(self) -> bool:
        """Whether every limit is met, as far as a quick look can tell."""
        return all(excess <= 0 for excess in self.violations.values())

    @property
    def rounds(self) -> int:
        """Trees or epochs of the first fold."""
        return self.fitted[0].rounds


def predict_with(program: Program, table: Table) -> F64:
    """Probabilities (n, classes) or predictions (n, 1) of a Program, by the fastest engine."""
    outputs = make_engine(program).run(table.arrays)
    return np.asarray(outputs.get(PROBABILITIES, outputs.get(PREDICTION)), dtype=np.float64)


@dataclass(frozen=True)
class Proposal:
    """What the search asks a trial to try."""

    number: int
    family: str
    parameters: dict[str, Any]
    student: Student


def run_trial(bench: Workbench, proposal: Proposal, options: FitOptions) -> Candidate:
    """Fit on every fold of the bench, compile, measure and score."""
    begin = time.monotonic()
    fitted: list[Lowerable] = []
    scores: list[float] = []
    predictions: list[F64] = []
    cost: Footprint | None = None
    for number, fold in enumerate(bench.folds):
        model = proposal.student.fit(bench.rows.take(fold.train), bench.rows.take(fold.valid), bench.problem, options)
        model, program = bench.fitting(model)
        if cost is None:
            cost = footprint(program, bench.records, bench.constraints)
        predicted = predict_with(program, bench.dataset.table.take(fold.valid))
        weight = None if bench.rows.weight is None else bench.rows.weight[fold.valid]
        fitted.append(model)
        predictions.append(predicted)
        scores.append(bench.metric(bench.rows.y[fold.valid], predicted, weight))
        if any(excess > 0 for excess in cost.violations(bench.constraints).values()) or (number and options.expired):
            break
    assert cost is not None
    return Candidate(
        proposal.number,
        proposal.family,
        proposal.parameters,
        proposal.student,
        tuple(fitted),
        float(np.mean(scores)),
        tuple(scores),
        tuple(predictions),
        cost,
        cost.violations(bench.constraints),
        time.monotonic() - begin,
    )
