"""Builds the teacher within its time; a member that fails is noted with its reason and left out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol

from lean_automl.learners import TORCH
from lean_automl.learners.base import FitOptions, Learner
from lean_automl.teacher.bag import Bag, FoldFit, Lesson, fit_fold, make_bag
from lean_automl.teacher.ensemble import Teacher, select_ensemble
from lean_automl.teacher.portfolio import portfolio

if TYPE_CHECKING:
    from lean_automl.search.metrics import Metric
    from lean_automl.search.workers import Job, Workers

SHARE_OF_FIRST: Final = 0.8
SHARE_OF_A_MEMBER: Final = 0.5


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


@dataclass
class _Member:
    """A learner whose folds are being fitted."""

    name: str
    learner: Learner
    deadline: float
    waiting: list[int]
    fits: list[FoldFit] = field(default_factory=list)
    over: bool = False


def build_teacher(
    lesson: Lesson, metric: Metric, options: FitOptions, workers: Workers, watcher: Watcher
) -> tuple[Teacher | None, tuple[Failure, ...]]:
    """Fit the portfolio, as far as the time goes, and select the ensemble; None if no member could be fitted."""
    build = _Build(lesson, metric, options, workers, watcher)
    build.run()
    if not build.bags:
        return None, tuple(build.failures)
    return select_ensemble(build.bags, lesson.rows.y, lesson.rows.weight, metric), tuple(build.failures)


class _Build:
    """Keeps all places of the workers busy: the folds of one member after the other."""

    def __init__(self, lesson: Lesson, metric: Metric, options: FitOptions, workers: Workers, watcher: Watcher) -> None:
        self.lesson, self.metric, self.options = lesson, metric, options
        self.workers, self.watcher = workers, watcher
        self.shared = workers.share(lesson)
        self.queue = [
            (f"{learner.name}-{number}", learner) for number, learner in enumerate(self._portfolio(), start=1)
        ]
        self.members: list[_Member] = []
        self.bags: list[Bag] = []
        self.failures: list[Failure] = []

    def _portfolio(self) -> tuple[Learner, ...]:
        """Networks where torch is loaded already: each of their fits would take seconds to do it."""
        networks = TORCH in self.workers.preload and find_spec("torch") is not None
        lesson = self.lesson
        return portfolio(lesson.rows.frame.rows, lesson.problem, networks, lesson.students)

    def run(self) -> None:
        """Until the portfolio is through or the time is over."""
        while True:
            while self.workers.free and self._start_next():
                pass
            ended = self.workers.wait()
            if not ended:
                return
            for job in ended:
                self._note(job)

    def _start_next(self) -> bool:
        """Start one fold; False if there is nothing to start."""
        member = next((m for m in self.members if m.waiting and not m.over), None)
        while member is None:
            if not self.queue:
                return False
            member = self._open(*self.queue.pop(0))
        waves = -(-len(member.waiting) // self.workers.places)
        left = max(0.0, member.deadline - time.monotonic())
        if left == 0.0:
            self._fail(member, f"the time was over after {len(member.fits)} of {len(self.lesson.folds)} folds")
            return self._start_next()
        fold = member.waiting.pop(0)
        deadline = time.monotonic() + left / waves
        options = FitOptions(self.options.seed + fold, 1, deadline)
        self.workers.start(fit_fold, (self.shared, member.learner, fold, options), deadline, member)
        return True

    def _open(self, name: str, learner: Learner) -> _Member | None:
        """A member to fit, unless there is no time for one more."""
        left = self.options.deadline - time.monotonic()
        quickest = min((bag.seconds for bag in self.bags), default=0.0) / self.workers.places
        if self.members and left < 0.5 * quickest:
            self.failures.append(Failure(name, "no time left"))
            return None
        share = SHARE_OF_A_MEMBER if self.members else SHARE_OF_FIRST
        member = _Member(name, learner, time.monotonic() + share * left, list(range(len(self.lesson.folds))))
        self.members.append(member)
        return member

    def _note(self, job: Job) -> None:
        member: _Member = job.tag
        if member.over:
            return
        if job.error is not None:
            self._fail(member, job.error.splitlines()[0])
            return
        member.fits.append(job.value)
        if len(member.fits) == len(self.lesson.folds):
            bag = make_bag(member.name, member.learner, member.fits, self.lesson)
            self.bags.append(bag)
            score = select_ensemble([bag], self.lesson.rows.y, self.lesson.rows.weight, self.metric).score
            self.watcher.member_ended(member.name, score, bag.seconds, None)

    def _fail(self, member: _Member, reason: str) -> None:
        member.over = True
        self.failures.append(Failure(member.name, reason))
        self.watcher.member_ended(member.name, None, sum(one.seconds for one in member.fits), reason)
