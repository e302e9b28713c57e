"""One run, step by step: read, split, features, a first model, teacher, students, and the files that ship."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.measure.rows import parsed

from lean_automl.automl.choose_features import FeatureChoice, Terms, choose_features, most_levels
from lean_automl.automl.first import with_first_model
from lean_automl.automl.grow import Growth, plan_growth
from lean_automl.automl.infeasible import infeasible
from lean_automl.automl.journal import FEATURES, FILES, REQUEST, SAMPLE, TEACHER, Journal, Recorder, file_digest
from lean_automl.automl.judge import Judge
from lean_automl.automl.likely import likely_first
from lean_automl.automl.measure_files import check_time, measuring_s
from lean_automl.automl.members import students_of
from lean_automl.automl.one_se import cheapest_of_the_best
from lean_automl.automl.output import JOURNAL, OutputFolder
from lean_automl.automl.plan_time import TeacherRole, TimePlan, plan_time
from lean_automl.automl.publish import GRACE_SHARE, Publisher, measured_records
from lean_automl.automl.read_texts import most_tokens, prepare_folds
from lean_automl.automl.report import Reporter
from lean_automl.automl.request import FitRequest, Watcher, learned_by, metric_of, problem_of
from lean_automl.automl.ship import Misses, ship_first
from lean_automl.automl.space import context_of
from lean_automl.automl.thin import WORTH_THINNING, judging, part, search_rows, trial_folds
from lean_automl.config import FitConfig
from lean_automl.data import Dataset, folds, holdout, load_dataset
from lean_automl.errors import DataError, InfeasibleError
from lean_automl.features import express, signs_of
from lean_automl.learners.base import MOST_GROWTH, FitOptions, Rows
from lean_automl.search.clock import Clock
from lean_automl.search.metrics import Metric
from lean_automl.search.workers import Workers
from lean_automl.student.aims import LONGEST_QUIET_S, needs_quiet
from lean_automl.student.blend import Blend, choose_blend, single
from lean_automl.student.costs import costs_for
from lean_automl.student.device import choose_files
from lean_automl.student.families import choose_families, left_out_for_signs
from lean_automl.student.search import SearchLog, SearchOptions, StudentSearch
from lean_automl.student.trial import Candidate, Workbench
from lean_automl.teacher.bag import Lesson
from lean_automl.teacher.build import Failure, build_teacher
from lean_automl.teacher.ensemble import Teacher

if TYPE_CHECKING:
    from lean_automl.automl.result import RunResult
    from lean_automl.automl.thin import Part
    from lean_automl.data import Split

FIRST_TRIALS: Final = 2
SHORTEST_WITH_FIRST_S: Final = 20.0
WORTH_ASKING: Final = 0.1  # of the time limit: the choice of what ships takes a second or two
WORTH_PUBLISHING: Final = 2.0  # times what it takes: else the last model would wait for it
CHECKED_ROWS: Final = 3_000  # about: that each file answers when it is compared with the reference, and measured
STILL_LOADING: Final = (
    "the learners are still loading; the first run of an installation compiles them, which takes half a minute. "
    "python -m lean_automl.learners.warmup does it beforehand"
)


class Run:
    """The state of one run: each step reads what the ones before it found."""

    def __init__(
        self,
        request: FitRequest,
        config: FitConfig,
        watcher: Watcher,
        clock: Clock,
        workers: Workers,
        folder: OutputFolder,
    ) -> None:
        self.request, self.config, self.watcher = request, config, watcher
        self.clock, self.workers, self.folder = clock, workers, folder
        self.interrupted = False
        self.growth: Growth | None = None
        self.asked: dict[int, bool] = {}  # of students that were measured before a choice: whether they kept the limit
        self.teacher: Teacher | None = None
        self.teacher_holdout: float | None = None  # on rows that no step has seen
        self.failures: tuple[Failure, ...] = ()
        self.publisher = Publisher(self)
        self.passed_over: list[str] = []
        self.journal: Journal | None = None
        if isinstance(request.source, str | Path) and Path(request.source).is_file():
            self.journal = Journal(folder.aside / JOURNAL, lambda line: watcher.step("note", line))
            source = Path(request.source).absolute()
            kept = replace(request, source=source, out=request.out.absolute())
            self.journal.put(REQUEST, (kept, config, file_digest(source)))
        self.reporter = Reporter(clock)

    def read(self) -> None:
        """Read and split the table."""
        self.watcher.step("read", str(self.request.source) if isinstance(self.request.source, str | Path) else "table")
        with self.reporter.timed("read"):
            request = self.request
            dataset = load_dataset(request.source, request.target, request.overrides, request.task)
            self.schema = dataset.schema
            self.expressed = express(self.config.features, self.schema, dataset.table)
            self.problem = problem_of(self.schema, self.config, self.expressed)
            self.metric: Metric = metric_of(self.config, self.problem, dataset.y)
            self.problem = learned_by(self.problem, self.metric, dataset.y)
            split = holdout(dataset, self.config.holdout, self.config.seed)
            self.holdout: Dataset = dataset.take(split.valid)
            self.judge = Judge(self.holdout, self.problem, self.metric)
            self.dataset: Dataset = dataset.take(split.train)
            self.whole: Dataset = self.dataset
            self.folds: tuple[Split, ...] = folds(self.dataset, self.config.folds, self.config.seed)

    def choose_files(self) -> None:
        """Decide what ships, once for all: trials that a killed run left know what these files cost."""
        constraints = self.config.constraints
        self.time: TimePlan = plan_time(self.clock.limit_s, constraints)
        self.records = parsed(measured_records(self.dataset.table))
        if needs_quiet(self.config):
            self.workers.wait_until_ready(self.clock.at(self.clock.spent_s + LONGEST_QUIET_S), lambda: None)
        make = partial(choose_files, self.config, self.schema.features, self.records)
        deployment, self.left_out = self._once(FILES, make)
        for line in self.left_out:
            self.watcher.step("note", line)
        check_time(deployment, constraints, self.clock.limit_s)
        self.deployment = replace(deployment, timer=self.workers.exclusive(deployment.timer))
        self.time = self.time.with_publishing(measuring_s(deployment, constraints, self.time.measure_s))

    def publish_first(self) -> None:
        """Put a first model, found in a moment, where the last one will be: a run that is killed leaves that."""
        if not self.config.budget.teacher or self.folder.published:
            return
        self.watcher.step("first", "a linear model of basic features, so that there is always something")
        try:
            with self.reporter.timed("first"):
                first = with_first_model(self)
        except Exception as error:  # the search will say it again, if it matters
            self.watcher.step("note", f"there is no first model: {type(error).__name__}: {error}")
            return
        if self.clock.limit_s < SHORTEST_WITH_FIRST_S:
            self.publisher.spare = first
        elif first is not None:
            self.publisher.publish_best(first)

    def choose_features(self) -> None:
        """Fit the features."""
        self.watcher.step("features", f"{len(self.schema.features)} columns")
        self._wait_for_learners()
        with self.reporter.timed("features"):
            options = self.options(self.time.features_until(self.clock.spent_s))
            limits, searches = self.config.constraints, self.config.budget.feature_search
            levels = most_levels(limits.max_size_bytes, self.problem)
            tokens, unread = most_tokens(limits, self.deployment, self.dataset.table, self.problem)
            for line in unread:
                self.watcher.step("note", line)
            terms = Terms(self.problem, self.metric, self.workers, levels, searches, self.expressed, tokens)
            self.features: FeatureChoice = self._once(FEATURES, lambda: choose_features(self.dataset, terms, options))
            self.problem = replace(self.problem, signs=signs_of(self.features.plan, self.config.monotone))
            self.all_rows = Rows(self.features.plan.frame(self.dataset.table), self.dataset.y, self.dataset.weight)
            self.rows = self.all_rows
            self._thin()

    def _wait_for_learners(self) -> None:
        until = self.clock.at(self.clock.limit_s - self.time.final_s)
        with self.reporter.timed("learners"):
            if self.workers.wait_until_ready(until, lambda: self.watcher.step("note", STILL_LOADING)):
                return
        raise InfeasibleError(
            f"the {self.clock.limit_s:g} s were over before the learners were loaded. Give a longer --time-limit, or "
            "run it when the machine has less to do. A first run compiles them: python -m lean_automl.learners.warmup "
            "does that beforehand."
        )

    def _thin(self) -> None:
        """Search on fewer rows where the time would not let enough students be tried on all."""
        plan, seconds, seed = self.features.plan, self.features.seconds_per_tree, self.config.seed
        limit_s = self.clock.limit_s
        most = self._once(SAMPLE, lambda: search_rows(limit_s, seconds, len(plan.numeric) + len(plan.categorical)))
        self.is_thin = self.dataset.rows > WORTH_THINNING * most
        if not self.is_thin:
            return
        try:
            self.judging = judging(self.dataset, most, seed)
        except DataError:  # too little to choose from
            self.is_thin = False
            return
        chosen = part(self.dataset, self.judging, most, seed)
        self._take(chosen, self.all_rows.take(chosen.rows))
        self.sampled = chosen.rows
        self.time = self.time.with_growth(self.clock.spent_s)

    def _take(self, chosen: Part, rows: Rows) -> None:
        """Go on with some of the rows: of the table, and of the features."""
        self.dataset, self.rows = self.whole.take(chosen.rows), rows
        self.folds = (chosen.split,)

    def prepare(self) -> None:
        """Decide what judges, and make the search."""
        constraints, plan = self.config.constraints, self.features.plan
        costs = costs_for(self.deployment, constraints, self.clock.limit_s, self.records)
        judged = trial_folds(self.folds, self.dataset.rows)
        self.bench = Workbench(
            self.schema,
            self.rows,
            judged,
            tuple(self.dataset.table.take(fold.valid) for fold in judged),
            plan,
            self.problem,
            self.metric,
            constraints,
            self.deployment,
            self.records,
            costs,
            prepare_folds(self.rows, judged, self.problem, self.options(self.time.search_until), self.workers),
        )
        rows = int(np.mean([fold.train.size for fold in judged]))
        self.distils = len(judged) == 1 and constraints.are_tight and self.config.budget.teacher
        context = context_of(self, rows)
        self.families = choose_families(self.config.families, context)
        for line in left_out_for_signs(context):
            self.left_out += (line,)
            self.watcher.step("note", line)
        options = SearchOptions(
            self.clock.at(self.time.search_until),
            self.config.budget.max_trials,
            self.config.seed,
            self.workers,
            {} if self.journal is None else self.journal.trials(),
            *self._times_of_last_fits(rows),
            self.clock.start,
        )
        watcher = self.watcher if self.journal is None else Recorder(self.watcher, self.journal)
        self.students = StudentSearch(self.families, context, options, watcher)

    def _times_of_last_fits(self, rows: int) -> tuple[float, float]:
        """What the last fits take at least, and with the hold-out, in times of a trial's fit on so many rows."""
        if self.is_thin:  # fits on more rows have time of their own
            return 0.0, 0.0
        more = (self.whole.rows / rows, (self.whole.rows + self.holdout.rows) / rows)
        once, again = (times * min(times, MOST_GROWTH) for times in more)  # more rounds too
        return once, once + again

    def try_first(self) -> None:
        """Try the quickest students before the teacher takes its time, and publish the better one."""
        if self.clock.limit_s < SHORTEST_WITH_FIRST_S or not self.config.budget.teacher:
            return
        with self.reporter.timed("starts"):
            self.students.run(self.bench, until=FIRST_TRIALS)
        self._publish_if_worth_it()

    def _publish_if_worth_it(self) -> None:
        """Publish the best so far, unless the last model would wait for that."""
        self.publisher.settle()
        begin_last_fits = self.time.search_until - self.students.last_fit_s
        if WORTH_PUBLISHING * self.publisher.seconds < begin_last_fits - self.clock.spent_s:
            self.publisher.publish_best()

    def teach(self) -> None:
        """Build the teacher.

        Where students may learn from it, it must not know the rows that judge them: it is built on the training part
        of their fold alone. Elsewhere it is built on the folds that judge students, and its members are students too
        where there is room for them.
        """
        if not self.config.budget.teacher:
            return
        dataset, rows, splits = self.dataset, self.rows, self.folds
        judged = self.bench.folds
        if self.distils:
            dataset, rows = dataset.take(judged[0].train), rows.take(judged[0].train)
            splits = folds(dataset, self.config.folds, self.config.seed)
        elif len(judged) == 1:
            splits = judged
        self.watcher.step("teacher", f"{len(splits)} folds of {dataset.rows:,} rows")
        with self.reporter.timed("teacher"):
            joins = self.bench.constraints.are_roomy
            role: TeacherRole = "teaches" if self.distils else "joins" if joins else "compares"
            options = self.options(self.time.teacher_until(self.clock.spent_s, role, self.students.last_fit_s))
            known = () if self.distils else self.bench.prepared  # the folds that judge are the last ones
            prepared = prepare_folds(rows, splits[: len(splits) - len(known)], self.problem, options, self.workers)
            lesson = Lesson(rows, splits, self.problem, joins, prepared + known)
            self.teacher, self.failures = self._once(
                TEACHER, lambda: build_teacher(lesson, self.metric, options, self.workers, self.watcher)
            )
            if self.teacher is None:
                return
            if self.distils:
                self.rows = replace(self.rows, soft=self._soft_targets(self.teacher, judged[0]))
                self.bench = replace(self.bench, rows=self.rows)
            elif joins and self.clock.spent_s + self.students.last_fit_s < self.time.search_until:
                self.students.adopt(self.bench, students_of(self.teacher, len(judged)))
            self.teacher_holdout = self.judge.teacher(self.teacher, self.features.plan)

    def _soft_targets(self, teacher: Teacher, split: Split) -> np.ndarray:
        """The teacher's predictions for every row, none of them by a model that saw the row."""
        soft = np.full((self.rows.frame.rows, self.problem.outputs), np.nan)
        soft[split.train] = teacher.out_of_fold
        rest = np.setdiff1d(np.arange(self.rows.frame.rows), split.train)
        soft[rest] = teacher.predict(self.rows.frame.take(rest))
        return soft

    def search(self) -> None:
        """Search for a student until the time is over."""
        self.publisher.settle()
        if self.publisher.shipped is not None:
            self._publish_if_worth_it()
        self.time = self.time.with_publishing(self._publishing_s())
        self.students.end_by(self.clock.at(self.time.search_until))
        self.watcher.step("students", ", ".join(family.name for family in self.families))
        with self.reporter.timed("students"):
            self.students.run(self.bench)
            # Time was kept for what might ship. Now it can be told what would, which often takes less.
            if self._keeps_too_much() and self.students.goes_on_for(self._would_ship()):
                self.students.run(self.bench)

    def grow(self) -> None:
        """After a search on a sample: fit what did well on more rows."""
        growth = plan_growth(self) if self.is_thin else None
        if growth is None:
            return
        self.watcher.step("grow", f"what did well is fitted on {growth.part.split.train.size:,} rows")
        with self.reporter.timed("grow"):
            self.growth = growth
            # What is killed gives nothing, so what is being judged by then may be a little late.
            killed = self.clock.at(self.time.growth_until + GRACE_SHARE * self.clock.limit_s)
            self.students.try_given(growth.bench, growth.students, growth.until, killed)
            self.students.end_by(growth.until)  # the search goes on with these rows
            self.students.run(growth.bench)

    def _publishing_s(self) -> float:
        """What export and measuring take: as of early models, and longer where students answer more slowly."""
        best = self.students.log.feasible()[:1]
        if not best or self.config.constraints.batch_size > 1:  # of batches, measuring is planned for already
            return self.publisher.last_s
        return self.publisher.last_s + CHECKED_ROWS * 1e-6 * sum(best[0].footprint.latency_us.values())

    def _keeps_too_much(self) -> bool:
        """Whether so much time is kept for last fits that it is worth finding out what they are of."""
        kept_s = self.students.last_fit_s
        return not self.interrupted and not self.students.shipping and kept_s > WORTH_ASKING * self.clock.limit_s

    def _would_ship(self) -> list[Candidate]:
        """The students of the model that would ship if the search ended now, the best first."""
        finalists = self._finalists(self.students.log)
        return [candidate for candidate, _ in finalists[0].members] if finalists else []

    def finish(self) -> RunResult:
        """Refit the best student, export, verify; the next best if a limit is broken after all; or the first model."""
        publisher = self.publisher
        publisher.settle()
        log = self.students.log
        if self.interrupted and not log.feasible():
            raise KeyboardInterrupt
        if self.growth is not None:
            self.bench = self.growth.bench
            self._take(self.growth.part, self.bench.rows)
        self.watcher.step("finish", "last fit, export, measure")
        misses: Misses = []
        with self.reporter.timed("finish"):
            try:
                result = ship_first(self, self._finalists(log), misses)
                if result is not None:
                    return result
            except OSError as error:  # a full disk: what is published already may well stay
                if publisher.shipped is None:
                    raise
                self.passed_over.append(str(error))
            if publisher.shipped is not None:
                return publisher.keep(publisher.shipped)
        raise infeasible(log, misses if log.candidates else [*publisher.misses], self.config.constraints, self.metric)

    def _finalists(self, log: SearchLog) -> list[Blend]:
        """What may ship, in the order in which it should."""
        feasible = log.feasible()
        if not feasible and self.bench.deployment.sheds:
            feasible = log.feasible_in_part(self.config.constraints)
        feasible = likely_first(self, feasible)
        finalists = [single(candidate) for candidate in feasible]
        seconds = self.workers.places * (self.time.refit_until - self.time.choice_s - self.clock.spent_s)
        if self.growth is not None:  # nothing has to be fitted again
            seconds = float("inf")
        blend = None if self.interrupted else choose_blend(self.bench, feasible, seconds)
        if blend is not None and all(excess <= 0 for excess in blend.violations.values()):
            finalists.insert(0, blend)
        return cheapest_of_the_best(self.bench, finalists) if self.config.one_se else finalists

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """What an earlier part of this run made, or what `make` makes now."""
        found = None if self.journal is None else self.journal.get(name)
        if found is None:
            found = make()
            if self.journal is not None:
                self.journal.put(name, found)
        return found

    def options(self, until_s: float) -> FitOptions:
        """How a fit may run that ends by then, in seconds of the run."""
        return FitOptions(self.config.seed, 1, self.clock.at(until_s))
