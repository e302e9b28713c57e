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

    from lean_automl.student.family import Context, Family

LONGEST_SHARE_OF_A_TRIAL: Final = 0.5
STARTUP_TRIALS: Final = 12


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
        deadline: `time.monotonic()` at which no trial begins any more, and fits end.
        most_trials: Trials at most; None is no limit.
        seed: Of sampler and learners.
        threads: Of each fit.
    """

    deadline: float
    most_trials: int | None
    seed: int
    threads: int


def search_students(
    bench: Workbench, families: Sequence[Family], context: Context, options: SearchOptions, watcher: Watcher
) -> SearchLog:
    """Try students until the time or the trials are spent.

    The first trials are each family's known good settings, in turn; then Optuna's TPE (Bergstra et al. 2011) proposes.
    A trial that raises is noted with its reason.
    """
    study = _study(options.seed)
    by_name = {family.name: family for family in families}
    for start in _in_turn(families, context):
        study.enqueue_trial(start)
    log = SearchLog()
    while _goes_on(log, options):
        trial = study.ask()
        family = by_name[trial.suggest_categorical("family", list(by_name))]
        number, begin = log.trials + 1, time.monotonic()
        try:
            student = family.suggest(trial, context)
            proposal = Proposal(number, family.name, dict(trial.params), student)
            deadline = begin + LONGEST_SHARE_OF_A_TRIAL * (options.deadline - begin)
            candidate = run_trial(bench, proposal, FitOptions(options.seed, options.threads, deadline))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            failed = FailedTrial(number, family.name, dict(trial.params), reason, time.monotonic() - begin)
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            log.failed.append(failed)
            watcher.trial_ended(failed, log)
            continue
        for name, excess in candidate.violations.items():
            trial.set_constraint(name, excess)
        study.tell(trial, candidate.score)
        log.candidates.append(candidate)
        watcher.trial_ended(candidate, log)
    return log


def _goes_on(log: SearchLog, options: SearchOptions) -> bool:
    if options.most_trials is not None and log.trials >= options.most_trials:
        return False
    left = options.deadline - time.monotonic()
    if not log.candidates:
        return log.trials == 0 or left > 0
    typical = sorted(candidate.seconds for candidate in log.candidates)[len(log.candidates) // 2]
    return left > typical


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP_TRIALS)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _in_turn(families: Sequence[Family], context: Context) -> list[dict[str, Any]]:
    """Each family's first start, then each one's second, and so on."""
    starts = [[{"family": family.name, **start} for start in family.starts(context)] for family in families]
    longest = max(len(own) for own in starts)
    return [own[turn] for turn in range(longest) for own in starts if turn < len(own)]
