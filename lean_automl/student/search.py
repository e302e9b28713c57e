"""The search for a student: Optuna asks, a trial answers, infeasible points are told as such and never chosen."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import optuna

from lean_automl.learners.base import FitOptions
from lean_automl.student.distilled import undistilled
from lean_automl.student.trial import (
    Adopted,
    Candidate,
    Proposal,
    Workbench,
    judge_fitted,
    run_trial,
    seconds_of_fits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lean_automl.config import Constraints
    from lean_automl.learners.base import Student
    from lean_automl.search.workers import Job, Shared, Workers
    from lean_automl.student.family import Context, Family

LONGEST_SHARE_OF_A_TRIAL: Final = 0.3
BEYOND_SHARE: Final = 0.5  # of what is left of the search after its share
STARTUP_TRIALS: Final = 12
WINDOW: Final = 4  # trials that may run at the same time
LAST_FITS: Final = 3
MOST_OF_LAST_FIT: Final = 0.35
AROUND_LAST_FITS_S: Final = 4.0  # starting processes, and compiling what they fitted
MOST_AROUND: Final = 0.1  # of the time of the search
WORTH_A_FIT: Final = 0.5


@dataclass(frozen=True)
class FailedTrial:
    """A trial that raised.

    Attributes:
        number: Of the trial, from 1.
        family: Name of its family.
        parameters: What the search space chose.
        reason: Why it failed.
        seconds: What it took.
        started: When it began, in seconds of the run.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    reason: str
    seconds: float
    started: float = 0.0


@dataclass
class SearchLog:
    """All that was tried, in order."""

    candidates: list[Candidate] = field(default_factory=list)
    failed: list[FailedTrial] = field(default_factory=list)

    @property
    def trials(self) -> int:
        """How many."""
        return len(self.candidates) + len(self.failed)

    def feasible(self) -> list[Candidate]:
        """Those that meet every limit, best first; of equals, the smaller."""
        return _best_first(candidate for candidate in self.candidates if candidate.feasible)

    def feasible_in_part(self, constraints: Constraints) -> list[Candidate]:
        """Those of which one file at least meets every limit, best first."""
        return _best_first(c for c in self.candidates if c.footprint.meets_in_part(constraints))

    def nearest_miss(self) -> Candidate | None:
        """The infeasible candidate whose worst excess is smallest."""
        missed = [candidate for candidate in self.candidates if not candidate.feasible]
        return min(missed, key=lambda c: max(c.violations.values()), default=None)


class Watcher(Protocol):
    """Is told of every trial as it ends."""

    def trial_ended(self, trial: Candidate | FailedTrial, log: SearchLog) -> None:
        """A trial is in the log."""
        ...


@dataclass(frozen=True)
class SearchOptions:
    """How long the search may go on, and with what.

    Attributes:
        deadline: `time.monotonic()` at which the last fit of what was found must be done.
        most_trials: Trials at most; None is no limit.
        seed: Of sampler and learners.
        workers: Where trials run.
        known: How trials ended in an earlier part of this run, by number; they are not repeated.
        least_last: Least that the last fit takes, in times of a trial's fit; 0 if there is none.
        last: What it takes where there is time for all that is wanted.
        origin: `time.monotonic()` when the run began.
    """

    deadline: float
    most_trials: int | None
    seed: int
    workers: Workers
    known: Mapping[int, Candidate | FailedTrial] = field(default_factory=dict)
    least_last: float = 1.25
    last: float = 1.25
    origin: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Given:
    """A student that is tried because it did well elsewhere: its family, settings, and where they come from."""

    family: str
    student: Student
    source: dict[str, Any]


class StudentSearch:
    """Asks, starts, collects and tells; may be run in parts, the bench getting richer from part to part.

    The first trials are each family's known good settings, in turn; then Optuna's TPE (Bergstra et al. 2011) proposes.
    A trial that fails, in whatever way, is noted with its reason.

    Trial n is asked when exactly the trials up to n - WINDOW have been told, so that what is asked does not depend on
    how many workers there are or which of them is quicker.
    """

    def __init__(self, families: Sequence[Family], context: Context, options: SearchOptions, watcher: Watcher) -> None:
        self.families = {family.name: family for family in families}
        self.context, self.options, self.watcher = context, options, watcher
        self.study = _study(options.seed)
        for start in _in_turn(families, context):
            self.study.enqueue_trial(start)
        self.log = SearchLog()
        self.begun = time.monotonic()
        self.asked = self.told = self.adopted = 0
        self.shipping: tuple[Candidate, ...] = ()
        self.best_told = -math.inf  # score of the best of what was told and feasible
        self.open: dict[int, optuna.Trial] = {}
        self.ended: dict[int, Candidate | FailedTrial] = {}

    def end_by(self, deadline: float) -> None:
        """Set the time at which the last fit of what was found must be done, `time.monotonic()`."""
        self.options = replace(self.options, deadline=deadline)

    def run(self, bench: Workbench, until: int | None = None) -> None:
        """Until the time or the trials are spent, or trial `until` has been asked for."""
        shared = self.options.workers.share(bench)
        while True:
            while (
                self.options.workers.free
                and (until is None or self.asked < until)
                and self._goes_on()
                and self._tell_until(self.asked + 1 - WINDOW)
            ):
                self._start(shared)
            jobs = self.options.workers.wait()
            if not jobs:
                return
            for job in jobs:
                self._note(job)

    def adopt(self, bench: Workbench, fitted: Sequence[Adopted]) -> None:
        """Judge as students what was fitted on the bench's folds for other ends; the fits cost nothing more."""
        shared = self.options.workers.share(bench)
        waiting = list(fitted)
        while waiting or self.options.workers.free < self.options.workers.places:
            while waiting and self.options.workers.free:
                self._adopt(shared, waiting.pop(0))
            for job in self.options.workers.wait():
                self._note(job)

    def try_given(self, bench: Workbench, students: Sequence[Given], until: float, deadline: float) -> None:
        """Try students in turn, on a bench whose validation rows are those of all others.

        A fit ends by itself with what it has. A further one is begun while there is as much time as half of the
        quickest one took.

        Args:
            bench: Perhaps of more rows.
            students: What to try.
            until: `time.monotonic()` at which fits end.
            deadline: The same for what is made of them.
        """
        shared, fit = self.options.workers.share(bench), FitOptions(self.options.seed, 1, until)
        waiting = list(students)
        took_s: list[float] = []
        while True:
            quickest_s = min(took_s, default=0.0)
            while waiting and self.options.workers.free and until - time.monotonic() > WORTH_A_FIT * quickest_s:
                one = waiting.pop(0)
                proposal = self._given(one.family, one.source, one.student, self._now())
                self._run(proposal, run_trial, (shared, proposal, fit), deadline)
            jobs = self.options.workers.wait()
            if not jobs:
                return
            for job in jobs:
                self._note(job)
                took_s.append(job.seconds)

    def _adopt(self, shared: Shared, one: Adopted) -> None:
        proposal = self._given(one.student.name, {"from": one.source}, one.student, self._now() - one.seconds)
        self._run(proposal, judge_fitted, (shared, proposal, one.models, one.seconds), self.options.deadline)

    def _given(self, family: str, source: dict[str, Any], student: Student, started: float) -> Proposal:
        """A trial that was not asked for."""
        self.asked += 1
        self.adopted += 1
        return Proposal(self.asked, family, source, student, started)

    def _run(
        self, proposal: Proposal, function: Callable[..., Candidate], arguments: tuple[Any, ...], deadline: float
    ) -> None:
        """Start a process for a trial, unless an earlier part of this run knows how it ends."""
        known = self.options.known.get(proposal.number)
        if known is not None and (known.family, known.parameters) == (proposal.family, proposal.parameters):
            self._take(known)
            return
        self.options.workers.start(function, arguments, deadline, proposal)

    def _tell_until(self, number: int) -> bool:
        """Tell the trials up to `number`, no more; False if one of them still runs."""
        while self.told < number:
            outcome = self.ended.get(self.told + 1)
            if outcome is None:
                return False
            self.told += 1
            trial = self.open.pop(self.told, None)
            if trial is None:  # was adopted, not asked for
                continue
            if isinstance(outcome, FailedTrial):
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            for name, excess in outcome.told.items():
                trial.set_constraint(name, max(0.0, excess))  # how far within a limit is no matter
            self.study.tell(trial, outcome.score)
            self._ask_for_the_undistilled(outcome)
        return True

    def _ask_for_the_undistilled(self, told: Candidate) -> None:
        """Let the same student without its teacher be tried after all starts, where one that learned from it leads.

        Whether distillation is worth it is then known of what ships, and where it is not, the other one does.
        """
        if not told.feasible or told.score <= self.best_told:
            return
        self.best_told = told.score
        twin = undistilled(told.parameters)
        if twin is not None:
            self.study.enqueue_trial(twin, skip_if_exists=True)

    def _start(self, shared: Shared) -> None:
        """Ask for one student and start its trial."""
        self.asked += 1
        trial = self.study.ask()
        family = self.families[trial.suggest_categorical("family", list(self.families))]
        student = family.suggest(trial, self.context)
        proposal = Proposal(self.asked, family.name, dict(trial.params), student, self._now())
        self.open[self.asked] = trial
        now = time.monotonic()
        end = max(now, self.options.deadline - self.last_fit_s)
        deadline = now + LONGEST_SHARE_OF_A_TRIAL * (end - now)
        arguments = (shared, proposal, FitOptions(self.options.seed, 1, deadline))
        # What is killed gives nothing: a trial may go on beyond its share until the last fits of what there is must
        # begin, and all the time while there is nothing. What hangs must not cost the whole search.
        beyond = deadline + BEYOND_SHARE * (end - deadline)
        self._run(proposal, run_trial, arguments, beyond if self.log.candidates else self.options.deadline)

    def _note(self, job: Job) -> None:
        proposal: Proposal = job.tag
        if job.error is None:
            self._take(job.value)
            return
        reason = job.error.splitlines()[0]
        failed = FailedTrial(
            proposal.number, proposal.family, proposal.parameters, reason, job.seconds, proposal.started
        )
        self._take(failed)

    def _take(self, outcome: Candidate | FailedTrial) -> None:
        """Put how a trial ended into the log."""
        if isinstance(outcome, FailedTrial):
            self.log.failed.append(outcome)
        else:
            self.log.candidates.append(outcome)
        self.ended[outcome.number] = outcome
        self.watcher.trial_ended(outcome, self.log)

    def _now(self) -> float:
        """Seconds of the run."""
        return time.monotonic() - self.options.origin

    @property
    def last_fit_s(self) -> float:
        """What the last fit of what may ship takes, about; what is only wanted, at most a part of the time."""
        if self.options.least_last == 0:
            return 0.0
        shipping = self._may_ship()
        once = seconds_of_fits(shipping, self.options.workers.places)
        span = self.options.deadline - self.begun
        around = min(AROUND_LAST_FITS_S, MOST_AROUND * span) if shipping else 0.0
        wanted = min(once * self.options.last, MOST_OF_LAST_FIT * span)
        return max(once * self.options.least_last, wanted) + around

    def _may_ship(self) -> list[Candidate]:
        """Whose last fits count: what would ship now and what has become better since.

        Where that is not known, the best of the best families, for they may ship together.
        """
        ranked = self.log.feasible() or self.log.candidates
        if self.shipping:
            return [*self.shipping, *(ranked[:1] if ranked[0].score > self.shipping[0].score else ())]
        best: dict[str, Candidate] = {}
        for candidate in ranked:
            best.setdefault(candidate.family, candidate)
        return list(best.values())[:LAST_FITS]

    def goes_on_for(self, shipping: Sequence[Candidate]) -> bool:
        """Whether there is time for further trials if this is what would ship now, the best first."""
        self.shipping = tuple(shipping)
        return self._goes_on()

    def _goes_on(self) -> bool:
        if self.options.most_trials is not None and self.asked - self.adopted >= self.options.most_trials:
            return False
        left = self.options.deadline - time.monotonic()
        if not self.log.candidates:
            return self.asked == 0 or left > 0
        seconds = sorted(candidate.seconds for candidate in self.log.candidates)
        return left > seconds[len(seconds) // 2] + self.last_fit_s


def _best_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda c: (-c.score, c.footprint.bytes, c.number))


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=STARTUP_TRIALS
        )
    return optuna.create_study(direction="maximize", sampler=sampler)


def _in_turn(families: Sequence[Family], context: Context) -> list[dict[str, Any]]:
    """Each family's first start, then each one's second, and so on."""
    starts = [[{"family": family.name, **start} for start in family.starts(context)] for family in families]
    longest = max(len(own) for own in starts)
    return [own[turn] for turn in range(longest) for own in starts if turn < len(own)]
