"""The whole job, step by step: read, split, features, teacher, students, and the files that ship."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from lean_automl.automl.choose_features import FeatureChoice, choose_features
from lean_automl.automl.finish import Finished, MissError, export, measure_files, refit
from lean_automl.automl.infeasible import infeasible
from lean_automl.automl.output import check_output, output_folder
from lean_automl.automl.plan_time import TimePlan, plan_time
from lean_automl.automl.report import Reporter
from lean_automl.automl.thin import sample, search_rows
from lean_automl.config import FitConfig
from lean_automl.data import Dataset, SchemaOverrides, Task, folds, holdout, load_dataset
from lean_automl.data.records import to_records
from lean_automl.errors import InfeasibleError
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.search.clock import Clock
from lean_automl.search.metrics import Metric, make_metric
from lean_automl.search.workers import Workers
from lean_automl.student.blend import Blend, choose_blend, single
from lean_automl.student.deploy import choose_deployment
from lean_automl.student.families import check_families, choose_families
from lean_automl.student.family import Context
from lean_automl.student.search import SearchLog, SearchOptions, search_students
from lean_automl.student.search import Watcher as SearchWatcher
from lean_automl.student.trial import Workbench, predict_with
from lean_automl.teacher.bag import Lesson
from lean_automl.teacher.build import Failure, build_teacher
from lean_automl.teacher.build import Watcher as TeacherWatcher
from lean_automl.teacher.ensemble import Teacher

if TYPE_CHECKING:
    from lean_automl.automl.result import RunResult
    from lean_automl.data import Split

MEASURED_ROWS: Final = 4_096
FINALISTS: Final = 4
LAST_FIT_SHARE: Final = 0.7
REFIT_ENDS_BEFORE: Final = 0.6  # the rest of what is kept is for export and measuring
FOLDS_BY_ROWS: Final = ((2_500, 5), (12_000, 3))


class Watcher(TeacherWatcher, SearchWatcher, Protocol):
    """Is told of every step; a terminal shows it."""

    def step(self, name: str, detail: str) -> None:
        """A step begins."""
        ...


@dataclass(frozen=True)
class FitRequest:
    """What to fit.

    Attributes:
        source: Path of a table, or a DataFrame.
        target: Name of the target.
        out: Folder to make.
        overrides: What the caller knows of the columns.
        task: Kind of target; None to infer it.
        overwrite: Whether an output folder of an earlier run may be replaced.
        started: `time.monotonic()` from which the time limit counts.
    """

    source: Any
    target: str
    out: Path
    overrides: SchemaOverrides = field(default_factory=SchemaOverrides)
    task: Task | None = None
    overwrite: bool = False
    started: float = field(default_factory=time.monotonic)


def fit(request: FitRequest, config: FitConfig, watcher: Watcher) -> RunResult:
    """Fit, verify and write one fast model.

    Raises:
        DataError: The table cannot be used.
        ConfigError: A setting cannot be used.
        InfeasibleError: No student meets the constraints; the message has the nearest miss.
    """
    clock = Clock(config.budget.time_limit_s, request.started)
    check_output(request.out, request.overwrite)
    check_families(config.families)
    with Workers(config.threads) as workers:
        run = _Run(request, config, watcher, clock, workers)
        run.read()
        run.choose_features()
        run.teach()
        log = run.search()
        with output_folder(request.out) as draft:
            return run.finish(log, draft)


class _Run:
    """The state of one run: each step reads what the ones before it found."""

    def __init__(
        self, request: FitRequest, config: FitConfig, watcher: Watcher, clock: Clock, workers: Workers
    ) -> None:
        self.request, self.config, self.watcher = request, config, watcher
        self.clock, self.workers = clock, workers
        self.reporter = Reporter(clock)

    def read(self) -> None:
        """Read and split the table."""
        self.watcher.step("read", str(self.request.source) if isinstance(self.request.source, str | Path) else "table")
        with self.reporter.timed("read"):
            request = self.request
            dataset = load_dataset(request.source, request.target, request.overrides, request.task)
            self.schema = dataset.schema
            self.problem = Problem(self.schema.task, len(self.schema.classes) or 1)
            self.metric: Metric = make_metric(self.config.metric, self.problem.task, self.problem.outputs)
            split = holdout(dataset, self.config.holdout, self.config.seed)
            self.holdout: Dataset = dataset.take(split.valid)
            self.dataset: Dataset = dataset.take(split.train)
            self.whole: Dataset = self.dataset
            self.folds: tuple[Split, ...] = folds(self.dataset, self.config.folds, self.config.seed)

    def choose_features(self) -> None:
        """Fit the features."""
        self.watcher.step("features", f"{len(self.schema.features)} columns")
        with self.reporter.timed("features"):
            self.workers.wait_until_ready()
            self.time: TimePlan = plan_time(self.clock.limit_s, self.clock.spent_s)
            options = self._options(self.time.features)
            self.features: FeatureChoice = choose_features(
                self.dataset, self.folds[0], self.problem, self.metric, options
            )
            self.all_rows = Rows(self.features.plan.frame(self.dataset.table), self.dataset.y, self.dataset.weight)
            self.rows = self.all_rows
            self._thin()

    def _thin(self) -> None:
        """Search on fewer rows where the time would not let enough students be tried on all."""
        most = search_rows(self.clock.limit_s, self.features.seconds_per_row)
        self.sampled = np.arange(self.dataset.rows)
        if most is None or most * len(self.folds) / (len(self.folds) - 1) >= self.dataset.rows:
            return
        rows = int(most * len(self.folds) / (len(self.folds) - 1))
        self.sampled = sample(self.dataset, rows, self.config.seed)
        self.whole, self.dataset = self.dataset, self.dataset.take(self.sampled)
        self.rows = self.all_rows.take(self.sampled)
        self.folds = folds(self.dataset, self.config.folds, self.config.seed)

    def teach(self) -> None:
        """Build the teacher.

        Where students may learn from it, it must not know the rows that judge them: it is built on the training part
        of their fold alone.
        """
        dataset, rows, splits = self.dataset, self.rows, self.folds
        judged = self._trial_folds()
        self.distils = len(judged) == 1
        if self.distils:
            dataset, rows = dataset.take(judged[0].train), rows.take(judged[0].train)
            splits = folds(dataset, self.config.folds, self.config.seed)
        self.watcher.step("teacher", f"{len(splits)} folds of {dataset.rows:,} rows")
        with self.reporter.timed("teacher"):
            options = self._options(self.time.teacher)
            self.teacher: Teacher | None
            self.failures: tuple[Failure, ...]
            lesson = Lesson(rows, splits, self.problem)
            self.teacher, self.failures = build_teacher(lesson, self.metric, options, self.workers, self.watcher)
            self.distils = self.distils and self.teacher is not None
            if self.distils and self.teacher is not None:
                self.rows = replace(self.rows, soft=self._soft_targets(self.teacher, judged[0]))

    def _soft_targets(self, teacher: Teacher, split: Split) -> np.ndarray:
        """The teacher's predictions for every row, none of them by a model that saw the row."""
        soft = np.full((self.rows.frame.rows, self.problem.outputs), np.nan)
        soft[split.train] = teacher.out_of_fold
        rest = np.setdiff1d(np.arange(self.rows.frame.rows), split.train)
        soft[rest] = teacher.predict(self.rows.frame.take(rest))
        return soft

    def search(self) -> SearchLog:
        """Search for a student."""
        records = to_records(self.dataset.table.take(np.arange(min(MEASURED_ROWS, self.dataset.rows))))
        self.deployment, self.left_out = choose_deployment(
            self.config.target, self.schema.features, records, self.config.constraints
        )
        for line in self.left_out:
            self.watcher.step("note", line)
        own_folds = self._trial_folds()
        self.bench = Workbench(
            self.schema,
            self.rows,
            own_folds,
            tuple(self.dataset.table.take(fold.valid) for fold in own_folds),
            self.features.plan,
            self.problem,
            self.metric,
            self.config.constraints,
            self.deployment,
            records,
        )
        plan = self.features.plan
        rows = int(np.mean([fold.train.size for fold in own_folds]))
        context = Context(
            self.problem,
            rows,
            len(plan.numeric),
            len(plan.categorical),
            self.config.constraints,
            has_teacher=self.distils,
        )
        families = choose_families(self.config.families, context)
        self.watcher.step("students", ", ".join(family.name for family in families))
        with self.reporter.timed("students"):
            options = SearchOptions(
                self.clock.at(self.clock.limit_s - self.time.final_s),
                self.config.budget.max_trials,
                self.config.seed,
                self.workers,
                self._last_fit_growth(),
            )
            return search_students(self.bench, families, context, options, self.watcher)

    def finish(self, log: SearchLog, draft: Path) -> RunResult:
        """Refit the best student, export, verify; the next best if a limit is broken after all."""
        self.watcher.step("finish", "last fit, export, measure")
        misses: list[MissError] = []
        with self.reporter.timed("finish"):
            for blend in self._finalists(log):
                try:
                    finished = self._finish_one(blend, draft)
                    measurements, checks = self._measure(draft)
                except MissError as miss:
                    misses.append(miss)
                    continue
                self._note_figures(finished, draft, checks)
                break
            else:
                raise self._infeasible(log, misses)
        result = self.reporter.result(self, finished, log, measurements, checks)
        self.reporter.write(result, draft)
        return result

    def _last_fit_growth(self) -> float:
        """Rows of the last fit over those of a trial's, but for at most a part of the time."""
        trial_rows = float(np.mean([fold.train.size for fold in self.bench.folds]))
        return max(1.0, self.whole.rows / trial_rows)

    def _finalists(self, log: SearchLog) -> list[Blend]:
        """What may ship, best first."""
        feasible = log.feasible()
        finalists = [single(candidate) for candidate in feasible[:FINALISTS]]
        seconds = self.clock.limit_s - self.time.final_s - self.clock.spent_s
        blend = choose_blend(self.bench, feasible, seconds)
        if blend is not None and all(excess <= 0 for excess in blend.violations.values()):
            finalists.insert(0, blend)
        return finalists

    def _finish_one(self, blend: Blend, draft: Path) -> Finished:
        with self.reporter.timed("refit"):
            until = self.clock.limit_s - REFIT_ENDS_BEFORE * self.time.final_s
            rows = self._last_rows(blend, until - self.clock.spent_s)
            program, refitted = refit(blend, self.bench, rows, self._options(until), self.workers)
        with self.reporter.timed("export"):
            finished = export(
                blend, program, refitted, self.bench, self.holdout.table, self.reporter.provenance(self, blend)
            )
        for name, content in finished.files.items():
            (draft / name).write_bytes(content)
        return finished

    def _last_rows(self, blend: Blend, seconds: float) -> Rows:
        """Rows of the last fit: all, or as many as there is time for."""
        if self.whole.rows == self.dataset.rows:
            return self.rows
        per_row = blend.fit_seconds / float(np.mean([fold.train.size for fold in self.bench.folds]))
        affordable = int(LAST_FIT_SHARE * seconds / per_row)
        if affordable <= self.dataset.rows:
            return self.rows
        soft = None
        if self.rows.soft is not None:
            soft = np.full((self.whole.rows, self.problem.outputs), np.nan)
            soft[self.sampled] = self.rows.soft
        return replace(self.all_rows, soft=soft).take(sample(self.whole, affordable, self.config.seed))

    def _measure(self, draft: Path) -> tuple[list[Any], list[Any]]:
        records = to_records(self.holdout.table)
        deadline = self.clock.at(self.clock.limit_s - 1.0)  # what comes after takes less
        with self.reporter.timed("measure"):
            return measure_files(draft, records, self.bench, self.time.measure_s, deadline)

    def _note_figures(self, finished: Finished, draft: Path, checks: list[Any]) -> None:
        """Write the measured figures into the files' metadata; the Program stays the same to the bit."""
        metadata = self.reporter.provenance(self, finished.blend) | {"measured": self.reporter.figures(checks)}
        again = export(finished.blend, finished.program, finished.refitted, self.bench, self.holdout.table, metadata)
        for name, content in again.files.items():
            (draft / name).write_bytes(content)

    def _infeasible(self, log: SearchLog, misses: list[MissError]) -> InfeasibleError:
        return infeasible(log, misses, self.config.constraints, self.metric)

    def holdout_score(self, predict: Callable[[Dataset], np.ndarray]) -> float:
        """Score on rows that no step has seen."""
        return self.metric(self.holdout.y, predict(self.holdout), self.holdout.weight)

    def teacher_holdout(self) -> float | None:
        """Score of the teacher on rows that no step has seen; None without a teacher."""
        teacher = self.teacher
        if teacher is None:
            return None
        frame = self.features.plan.frame(self.holdout.table)
        return self.holdout_score(lambda _: teacher.predict(frame))

    def student_holdout(self, finished: Finished) -> float:
        """Score of what ships on rows that no step has seen."""
        return self.holdout_score(lambda rows: predict_with(finished.program, rows.table))

    def constant_holdout(self) -> float:
        """Score of the constant predictor on the same rows."""
        return self.holdout_score(self._constant)

    def _constant(self, rows: Dataset) -> np.ndarray:
        if self.problem.task is Task.REGRESSION:
            return np.full((rows.rows, 1), np.average(self.dataset.y, weights=self.dataset.weight))
        counts = np.bincount(self.dataset.y, weights=self.dataset.weight, minlength=self.problem.outputs)
        return np.tile(counts / counts.sum(), (rows.rows, 1))

    def _options(self, until_s: float) -> FitOptions:
        return FitOptions(self.config.seed, 1, self.clock.at(until_s))

    def _trial_folds(self) -> tuple[Split, ...]:
        """Folds that judge students: the last ones, which resemble the future where rows are ordered by time."""
        count = next((count for rows, count in FOLDS_BY_ROWS if self.dataset.rows <= rows), 1)
        return self.folds[-count:]
