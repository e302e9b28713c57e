"""One trial: fit a student on folds, compile it, and judge the compiled Program."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES

from lean_automl.compiler.assemble import assemble, assemble_average
from lean_automl.compiler.decide import with_threshold, with_weights
from lean_automl.compiler.passes import optimise, round_off
from lean_automl.compiler.unread import read_by, without_unread
from lean_automl.learners.base import FitOptions, Lowerable, Problem, Rows, Student, rounds_take_time
from lean_automl.learners.texts import Prepared, fit_reading
from lean_automl.search.decision import Judged, answers, choose_decision
from lean_automl.search.workers import load_shared
from lean_automl.student.deploy import LATENCY_AIM, Deployment, Footprint

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from lean_automl_runtime.ir import Program
    from numpy.typing import NDArray

    from lean_automl.config import Constraints
    from lean_automl.data import Schema, Split, Table
    from lean_automl.features import FeaturePlan
    from lean_automl.learners.base import F64
    from lean_automl.search.decision import Decision
    from lean_automl.search.metrics import Metric
    from lean_automl.search.workers import Shared
    from lean_automl.student.costs import Costs

SHORTENINGS: Final = 4
GRID: Final = 1.1  # rounds that a latency leaves come from a coarse grid, so that luck in measuring seldom matters
STILL_TOLD: Final = 1.5  # times what is aimed at, which is an estimate: longer calls count as over the limit
MAY_BE: Final = 1.15  # times what is aimed at: measurements of one thing differ by so much
Member = tuple[Lowerable, float]  # a fitted student and its weight in the average


@dataclass(frozen=True, eq=False)
class Workbench:
    """What all trials share.

    Attributes:
        schema: What the columns mean.
        rows: Features and targets of the search, without the hold-out.
        folds: Positions in `rows`.
        valid_tables: Raw columns of each fold's validation rows.
        plan: The features.
        problem: What is predicted.
        metric: Judges predictions.
        constraints: What the files must meet.
        deployment: Files that ship.
        records: Raw records to measure with.
        prepared: What the texts of each fold's training rows became.
        costs: What things cost on the machine that will serve; None if no limit is for that.
    """

    schema: Schema
    rows: Rows
    folds: tuple[Split, ...]
    valid_tables: tuple[Table, ...]
    plan: FeaturePlan
    problem: Problem
    metric: Metric
    constraints: Constraints
    deployment: Deployment
    records: Sequence[dict[str, Any]]
    costs: Costs | None = None
    prepared: tuple[Prepared | None, ...] = ()

    @property
    def about(self) -> dict[str, Any]:
        """What the files of any of its students say about what they predict."""
        said = {"target": self.schema.target, "task": self.problem.task.value, "metric": self.metric.name}
        quantiles, written = self.problem.quantiles, self.plan.written
        return said | ({"quantiles": list(quantiles)} if quantiles else {}) | ({"features": written} if written else {})

    def __getstate__(self) -> dict[str, Any]:
        # Every trial loads this. joblib, which maps the arrays, takes a record apart in Python; this is 7 times faster.
        return vars(self) | {"records": pickle.dumps(self.records)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state | {"records": pickle.loads(state["records"])})

    def compile(self, members: Sequence[Member]) -> Program:
        """The Program of fitted students, rounded off if it is too large otherwise; a single one is not averaged."""
        program, limit = without_unread(optimise(self.assemble(members))), self.constraints.max_size_bytes
        if limit is None or max(self.deployment.sizes(program).values()) <= limit:
            return program
        return without_unread(round_off(program))

    def assemble(self, members: Sequence[Member]) -> Program:
        """The same before the passes: it predicts the same and is made more quickly."""
        if len(members) == 1:
            return assemble(members[0][0], self.plan, self.schema)
        return assemble_average(members, self.plan, self.schema, self.problem.outputs)

    def shortened(self, members: Sequence[Member], program: Program | None = None) -> tuple[Sequence[Member], Program]:
        """The students with as many of their first rounds as the limits allow, and their Program.

        Args:
            members: With their weights.
            program: What `compile` makes of them, if that is known.
        """
        program = program or self.compile(members)
        limit = self.constraints.max_size_bytes
        for _ in range(SHORTENINGS if limit is not None else 0):
            size = max(self.deployment.sizes(program).values())
            if limit is None or size <= limit or all(fitted.rounds <= 1 for fitted, _ in members):
                break
            keep = min(0.97, 0.98 * limit / size)
            members = [(fitted.shorten(max(1, int(fitted.rounds * keep))), weight) for fitted, weight in members]
            program = self.compile(members)
        for _ in range(SHORTENINGS if self.constraints.max_latency_us is not None else 0):
            keep = self._share_in_time(program)
            if keep >= 1 or not any(rounds_take_time(fitted) for fitted, _ in members):
                break
            members = [
                (fitted.shorten(_on_grid(fitted.rounds * keep)) if rounds_take_time(fitted) else fitted, weight)
                for fitted, weight in members
            ]
            program = self.compile(members)
        return members, program

    def is_quick_enough(self, cost: Footprint, times: float = 1.0) -> bool:
        """Whether the slow calls of every file are likely to keep the limit on latency, or some times that."""
        limit_us = self.constraints.max_latency_us
        if limit_us is None:
            return True
        return all(us <= times * self.deployment.aim_us(name, limit_us) for name, us in cost.limited_us.items())

    def told(self, cost: Footprint) -> dict[str, float]:
        """Violations as the search is told of them: of latency, what would surely be turned down when finished."""
        found, limit_us = cost.violations(self.constraints), self.constraints.max_latency_us
        if limit_us is not None and cost.limited_us:
            aims_us = {name: self.deployment.aim_us(name, limit_us) for name in cost.limited_us}
            found["latency"] = max(
                us / min(limit_us, STILL_TOLD * aims_us[name]) for name, us in cost.limited_us.items()
            )
            found["latency"] -= 1
        return found

    def is_likely(self, candidate: Candidate) -> bool:
        """Whether its slow calls may keep the limit; others would most likely be turned down when finished."""
        return self.is_quick_enough(candidate.footprint, MAY_BE)

    def likely_first(self, candidates: Iterable[Candidate], kept: Container[int] = ()) -> list[Candidate]:
        """Those first that are likely to keep the limit, or, by their numbers, were found to."""
        return sorted(candidates, key=lambda one: one.number not in kept and not self.is_likely(one))

    def _share_in_time(self, program: Program) -> float:
        """The share of the rounds that the limit on latency leaves; 1 for all of them."""
        limit_us = self.constraints.max_latency_us
        if limit_us is None or (self.costs is not None and self.costs.surely_fits(program, LATENCY_AIM)):
            return 1.0
        share = 1.0
        cost = self.deployment.footprint(program, self.records, self.constraints)
        for name, took_us in cost.limited_us.items():
            aim_us = self.deployment.aim_us(name, limit_us)
            floor_us = min(self.deployment.floors_us.get(name, 0.0), aim_us)
            if took_us > aim_us:
                share = min(share, (aim_us - floor_us) / (took_us - floor_us))
        return share


def _on_grid(rounds: float) -> int:
    """At most so many rounds, of a coarse grid."""
    return max(1, int(GRID ** np.floor(np.log(max(1.0, rounds)) / np.log(GRID))))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A student that was tried.

    Attributes:
        number: Of the trial, from 1.
        family: Name of its family.
        parameters: What the search space chose.
        student: Its settings.
        fitted: One for each fold that was fitted.
        score: Mean over the folds, of the compiled Programs; greater is better. Of labels by their best rule, if the
            metric judges labels.
        fold_scores: Of each fold, of what is predicted as it is.
        predictions: Of the Program of each fold, for the fold's validation rows.
        artifact: The Program of the first fold, as a file.
        footprint: Sizes and latency.
        violations: Relative excess over each limit.
        told: The same as the search is told, where it aims lower.
        seconds: What the trial took.
        started: When it began, in seconds of the run.
        predicted_us: What the cost model says of the median latency of each file; empty without one.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    student: Student
    fitted: tuple[Lowerable, ...]
    score: float
    fold_scores: tuple[float, ...]
    predictions: tuple[F64, ...]
    artifact: bytes = field(repr=False)
    footprint: Footprint
    violations: dict[str, float]
    seconds: float
    started: float = 0.0
    predicted_us: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        """Whether every limit is met, as far as a quick look can tell."""
        return all(excess <= 0 for excess in self.violations.values())

    @property
    def rounds(self) -> int:
        """Trees or epochs of the first fold."""
        return self.fitted[0].rounds

    @property
    def fit_seconds(self) -> float:
        """What one fold took, and so what one more fit takes, about."""
        return self.seconds / len(self.fitted)


def seconds_of_fits(candidates: Iterable[Candidate], places: int) -> float:
    """What fitting each of the students once more takes, about, at so many places; 0 for none."""
    fits = [candidate.fit_seconds for candidate in candidates]
    return max([*fits, sum(fits) / places])


def decided(program: Program, decision: Decision | None) -> Program:
    """The Program with a rule for its labels; as it is for None."""
    if decision is None:
        return program
    if decision.threshold is not None:
        return with_threshold(program, decision.threshold)
    return with_weights(program, decision.weights)


def judged_folds(bench: Workbench, predictions: Sequence[F64]) -> list[Judged]:
    """What a metric needs of the first folds' validation rows, with predictions for them."""
    rows = [bench.rows.take(fold.valid) for fold, _ in zip(bench.folds, predictions, strict=False)]
    return [Judged(own.y, predicted, own.weight) for own, predicted in zip(rows, predictions, strict=True)]


def score_program(program: Program, table: Table, y: NDArray[Any], metric: Metric, weight: Any = None) -> float:
    """Score of a Program: of its labels where the metric judges labels by a rule, else of what it predicts."""
    outputs = make_engine(program).run(read_by(program, table).arrays)
    return metric(y, answers(metric, outputs, program.classes), weight)


def predict_with(program: Program, table: Table) -> F64:
    """Probabilities (n, classes) or predictions (n, 1) of a Program, by the fastest engine."""
    outputs = make_engine(program).run(read_by(program, table).arrays)
    return np.asarray(outputs.get(PROBABILITIES, outputs.get(PREDICTION)), dtype=np.float64)


@dataclass(frozen=True)
class Proposal:
    """What the search asks a trial to try; `started` is in seconds of the run."""

    number: int
    family: str
    parameters: dict[str, Any]
    student: Student
    started: float = 0.0


@dataclass(frozen=True, eq=False)
class Adopted:
    """Models that were fitted on the bench's folds for another end.

    Attributes:
        source: Who fitted them.
        student: Their settings.
        models: One for each fold.
        seconds: What fitting them took.
    """

    source: str
    student: Student
    models: tuple[Lowerable, ...]
    seconds: float


def run_trial(shared: Shared, proposal: Proposal, options: FitOptions) -> Candidate:
    """Try a student on the shared bench; runs in a process of its own."""
    return try_out(load_shared(shared), proposal, options)


def try_out(bench: Workbench, proposal: Proposal, options: FitOptions) -> Candidate:
    """Fit on every fold, compile, measure and score."""
    begin = time.monotonic()
    student, rows = proposal.student, bench.rows
    fits = (
        fit_reading(student, (rows.take(f.train), rows.take(f.valid)), bench.problem, options, prepared)
        for f, prepared in zip(bench.folds, bench.prepared or [None] * len(bench.folds), strict=True)
    )
    return _judge(bench, proposal, fits, options, begin)


def judge_fitted(shared: Shared, proposal: Proposal, models: Sequence[Lowerable], seconds: float) -> Candidate:
    """The same for models that were fitted on these folds elsewhere; runs in a process of its own.

    Args:
        shared: The bench.
        proposal: The settings of the models.
        models: One for each fold of the bench.
        seconds: What fitting them took.
    """
    begin = time.monotonic() - seconds
    return _judge(load_shared(shared), proposal, iter(models), FitOptions(), begin)


def _judge(
    bench: Workbench, proposal: Proposal, fits: Iterator[Lowerable], options: FitOptions, begin: float
) -> Candidate:
    """Compile what was fitted on each fold, and judge the Programs; the first fold tells whether the limits are met."""
    fitted: list[Lowerable] = []
    scores: list[float] = []
    predictions: list[F64] = []
    cost: Footprint | None = None
    predicted_us: dict[str, float] = {}
    rounds: int | None = None  # that fit into the size limit; None for all
    for number, (fold, made) in enumerate(zip(bench.folds, fits, strict=True)):
        if cost is None:
            ((model, _),), program = bench.shortened([(made, 1.0)])
            cost = bench.deployment.footprint(program, bench.records, bench.constraints)
            predicted_us = {} if bench.costs is None else bench.costs.predict_us(program)
            first = program
            rounds = model.rounds if model.rounds < made.rounds else None
        else:
            model = made if rounds is None else made.shorten(rounds)
            program = bench.assemble([(model, 1.0)])
        predicted = predict_with(program, bench.valid_tables[number])
        weight = None if bench.rows.weight is None else bench.rows.weight[fold.valid]
        fitted.append(model)
        predictions.append(predicted)
        scores.append(bench.metric(bench.rows.y[fold.valid], predicted, weight))
        if any(excess > 0 for excess in cost.violations(bench.constraints).values()) or (number and options.expired):
            break
    assert cost is not None
    decision, score = choose_decision(bench.metric, judged_folds(bench, predictions), thorough=False)
    about = bench.about | {"family": proposal.family, "trial": proposal.number}
    artifact = write_artifact(Artifact(decided(first, decision), about))
    return Candidate(
        proposal.number,
        proposal.family,
        proposal.parameters,
        proposal.student,
        tuple(fitted),
        score,
        tuple(scores),
        tuple(predictions),
        artifact,
        cost,
        cost.violations(bench.constraints),
        time.monotonic() - begin,
        proposal.started,
        predicted_us,
        bench.told(cost),
    )
