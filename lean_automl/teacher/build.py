"""Builds the teacher within its time; a member that fails is noted with its reason and left out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lean_automl.errors import LeanAutoMLError
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.teacher.bag import Bag, OutOfTimeError, fit_bag
from lean_automl.teacher.ensemble import Teacher, select_ensemble
from lean_automl.teacher.portfolio import portfolio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.data import Split
    from lean_automl.search.metrics import Metric


@dataclass(frozen=True)
class Failure:
    """Something that was tried and did not work.

    Attributes:
        name: What was tried.
        reason: Why it did not work.
    """

    name: str
    reason: str


class Watcher(Protocol):
    """Is told of every member as it ends."""

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:
        """A member has a score, or a reason why it has none."""
        ...


def build_teacher(
    rows: Rows, folds: Sequence[Split], problem: Problem, metric: Metric, options: FitOptions, watcher: Watcher
) -> tuple[Teacher, tuple[Failure, ...]]:
    """Fit the portfolio, as far as the time goes, and select the ensemble.

    Raises:
        LeanAutoMLError: Not a single member could be fitted; the message has the reasons.
    """
    bags: list[Bag] = []
    failures: list[Failure] = []
    for number, learner in enumerate(portfolio(rows.frame.rows, problem), start=1):
        name = f"{learner.name}-{number}"
        begin = time.monotonic()
        if bags and options.deadline - begin < 0.5 * min(bag.seconds for bag in bags):
            failures.append(Failure(name, "no time left"))
            continue
        try:
            bag = fit_bag(learner, name, rows, folds, problem, _share(options, first=not bags))
        except OutOfTimeError as error:
            failures.append(Failure(name, str(error)))
            watcher.member_ended(name, None, time.monotonic() - begin, str(error))
            continue
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            failures.append(Failure(name, reason))
            watcher.member_ended(name, None, time.monotonic() - begin, reason)
            continue
        bags.append(bag)
        score = select_ensemble([bag], rows.y, rows.weight, metric).score
        watcher.member_ended(name, score, bag.seconds, None)
    if not bags:
        reasons = "; ".join(f"{failure.name}: {failure.reason}" for failure in failures)
        raise LeanAutoMLError(f"no learner could be fitted. {reasons}")
    return select_ensemble(bags, rows.y, rows.weight, metric), tuple(failures)


def _share(options: FitOptions, first: bool) -> FitOptions:
    """A member may take at most half of what is left, so that the next ones get their turn."""
    left = options.deadline - time.monotonic()
    return FitOptions(options.seed, options.threads, time.monotonic() + left * (0.7 if first else 0.5))
