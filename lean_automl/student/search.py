"""The search for a student: Optuna asks, a trial answers, infeasible points are told as such and never chosen."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import optuna

from lean_automl.learners.base import FitOptions
from lean_automl.student.trial import Candidate, Proposal, Workbench, run_trial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lean_automl.search.workers import Workers
    from lean_automl.student.family import Context, Family

LONGEST_SHARE_OF_A_TRIAL: Final = 0.5
STARTUP_TRIALS: Final = 12
LAST_FIT_GROWTH: Final = 1.5


@dataclass(frozen=True)
class FailedTrial:
    """A trial that raised.

    Attributes:
        number: Of the trial, from 1.
        family: Name of its family.
        parameters: What the search space chose.
        reason: Why it failed.
        seconds: What it took.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    reason: str
    seconds: float


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
        met = [candidate for candidate in self.candidates if candidate.feasible]
        return sorted(met, key=lambda c: (-c.score, c.footprint.bytes))

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
    """

    deadline: float
    most_trials: int | None
    seed: int
    workers: Workers


def search_students(
    bench: Workbench, families: Sequence[Family], context: Context, options: SearchOptions, watcher: Watcher
) -> SearchLog:
    """Try students until the time or the trials are spent.

    The first trials are each family's known good settings, in turn; then Optuna's TPE (Bergstra et al. 2011) proposes.
    A trial that fails, in whatever way, is noted with its reason.
    """
    study = _study(options.seed)
    for start in _in_turn(families, context):
        study.enqueue_trial(start)
    shared = options.workers.share(bench)
    log = SearchLog()
    asked = 0
    while True:
        while options.workers.free and _goes_on(log, asked, options):
            asked += 1
            _start(study, families, context, options, (shared, asked))
        ended = options.workers.wait()
        if not ended:
            return log
        for job in ended:
            trial, proposal = job.tag
            if job.error is not None:
                reason = job.error.splitlines()[0]
                failed = FailedTrial(proposal.number, proposal.family, proposal.parameters, reason, job.seconds)
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                log.failed.append(failed)
                watcher.trial_ended(failed, log)
                continue
            candidate: Candidate = job.value
            for name, excess in candidate.violations.items():
                trial.set_constraint(name, excess)
            study.tell(trial, candidate.score)
            log.candidates.append(candidate)
            watcher.trial_ended(candidate, log)


def _start(
    study: optuna.Study,
    families: Sequence[Family],
    context: Context,
    options: SearchOptions,
    shared_number: tuple[Path, int],
) -> None:
    """Ask for one student and start its trial."""
    shared, number = shared_number
    by_name = {family.name: family for family in families}
    trial = study.ask()
    family = by_name[trial.suggest_categorical("family", list(by_name))]
    student = family.suggest(trial, context)
    proposal = Proposal(number, family.name, dict(trial.params), student)
    now = time.monotonic()
    deadline = now + LONGEST_SHARE_OF_A_TRIAL * max(0.0, options.deadline - now)
    fit_options = FitOptions(options.seed, 1, deadline)
    # What is killed gives nothing: a trial that goes on beyond its share may do so until the search ends.
    last = max(deadline, options.deadline)
    options.workers.start(run_trial, (shared, proposal, fit_options), last, (trial, proposal))


def _goes_on(log: SearchLog, asked: int, options: SearchOptions) -> bool:
    if options.most_trials is not None and asked >= options.most_trials:
        return False
    left = options.deadline - time.monotonic()
    if not log.candidates:
        return asked == 0 or left > 0
    typical = sorted(candidate.seconds for candidate in log.candidates)[len(log.candidates) // 2]
    return left > typical + last_fit_seconds(log)


def last_fit_seconds(log: SearchLog) -> float:
    """What the last fit of the best student so far takes, about."""
    best = log.feasible()[:1] or log.candidates[:1]
    return sum(LAST_FIT_GROWTH * candidate.seconds / len(candidate.fitted) for candidate in best)


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
