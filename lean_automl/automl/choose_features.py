"""Searches for features that are worth their place.

In rounds: candidates are ranked by what they tell of the errors that a short fit without them leaves, the best ones
and a few together are heard in short fits on the same folds, and what makes the losses lower beyond doubt is kept.
The next round asks what the fit with those leaves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.automl.audition import Heard, Stage, hear
from lean_automl.automl.read_texts import prepare_folds
from lean_automl.automl.thin import audition_rows, sample
from lean_automl.data import Task, folds
from lean_automl.errors import DataError
from lean_automl.features import (
    MOST_LEVELS,
    MOST_TOKENS,
    Binned,
    Candidate,
    Category,
    Crossed,
    FeaturePlan,
    Ranked,
    Screen,
    again,
    candidates,
    components,
    extended,
    fit_features,
    floors,
    is_free,
    ranked_as_it_is,
    ranked_as_seen,
)
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.search.losses import certainty
from lean_automl.search.metrics import make_metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lean_automl.data import Dataset, Split, Table
    from lean_automl.features import CategoryFeature, NumericFeature
    from lean_automl.search.metrics import Metric
    from lean_automl.search.workers import Workers

FEWEST_ROWS: Final = 500
FOLDS_BY_ROWS: Final = ((5_000, 5), (20_000, 3))  # and 2 above, where half of the rows are enough to learn from
CERTAINTY: Final = 2.0  # standard errors: some of a dozen looks are lucky
MOST_FOUND: Final = 12
MOST_FOUND_OF_CLASSES: Final = 4  # a category then is a column for each class
MOST_OUTPUTS: Final = 4  # those with the largest errors judge candidates
PAIRS_EXTENDED: Final = 15
LOOKED_AT_AS_SEEN: Final = 100
TOGETHER: Final = 4
FAILED_ROUNDS: Final = 2
BYTES_OF_A_LIMIT: Final = 8  # a category's table may take one part in so many
FULL_TABLES: Final = 2  # all tables together may take as much as so many of the largest


@dataclass(frozen=True)
class FeatureChoice:
    """The features, and how they were chosen.

    Attributes:
        plan: What every learner reads.
        searched: Those of its features that were searched for.
        basic_score: Of short fits with basic features; None without any.
        score: Of short fits with all; None without any.
        seconds_per_tree: What such a fit took for each tree and row; None without any.
    """

    plan: FeaturePlan
    searched: tuple[NumericFeature | CategoryFeature, ...] = ()
    basic_score: float | None = None
    score: float | None = None
    seconds_per_tree: float | None = None


def most_levels(max_size_bytes: float | None, problem: Problem) -> int:
    """Most codes of a category that is searched for, a byte each for each output that looks it up."""
    if max_size_bytes is None:
        return MOST_LEVELS
    return int(min(MOST_LEVELS, max_size_bytes / BYTES_OF_A_LIMIT / min(problem.scores, MOST_OUTPUTS)))


@dataclass(frozen=True)
class Terms:
    """What the search of features works with.

    Attributes:
        problem: What is predicted.
        metric: For the record; what decides are losses of rows.
        workers: Where short fits run.
        levels: Most codes of a category.
        searches: Whether anything is searched for; if not, a short fit still tells what fits take.
        own: The user's features.
        tokens: That a score of a text may keep; 0 to leave texts unread.
    """

    problem: Problem
    metric: Metric
    workers: Workers
    levels: int
    searches: bool = True
    own: FeaturePlan = FeaturePlan((), ())  # noqa: RUF009 - it is frozen
    tokens: int = MOST_TOKENS


def choose_features(dataset: Dataset, terms: Terms, options: FitOptions) -> FeatureChoice:
    """Fit the basic features, take the user's own, and add what is found in the time.

    The basic features and the form of all others use no target, so that all rows of the search may be in them.
    """
    if terms.problem.quantiles:  # what tells them apart tells the mean
        mean = terms.problem.of_mean
        terms = replace(terms, problem=mean, metric=make_metric(None, mean.task, mean.outputs))
    basic = fit_features(dataset.table, terms.tokens) + terms.own
    if dataset.rows < FEWEST_ROWS or not (basic.numeric or basic.categorical):
        return FeatureChoice(basic)
    rows = sample(dataset, audition_rows(len(basic.numeric) + len(basic.categorical)), options.seed)
    own = dataset.take(rows)
    count = next((count for most, count in FOLDS_BY_ROWS if rows.size <= most), 2)
    try:
        parts = folds(own, count, options.seed)
    except DataError:  # a class that is rare in the whole table may be absent from these rows
        return FeatureChoice(basic)
    search = _Search(own, basic, parts, terms, options)
    if search.now is None:
        return FeatureChoice(basic)
    if search.now.is_late:
        return FeatureChoice(basic, seconds_per_tree=search.now.seconds)
    begun = search.score(search.now)
    if terms.searches:
        search.run()
    searched = (*search.found.numeric, *search.found.categorical)
    return FeatureChoice(basic + search.found, searched, begun, search.score(search.now), search.now.seconds)


class _Search:
    """What was found so far, on the stage with the basic features, and how the fits with it went."""

    def __init__(
        self, dataset: Dataset, basic: FeaturePlan, parts: Sequence[Split], terms: Terms, options: FitOptions
    ) -> None:
        self.table: Table = dataset.table
        rows = Rows(basic.frame(self.table), dataset.y, dataset.weight)
        prepared = prepare_folds(rows, parts, terms.problem, options, terms.workers)
        self.stage = Stage(rows, tuple(parts), terms.problem, prepared)
        self.shared = terms.workers.share(self.stage)
        self.basic, self.terms, self.options = basic, terms, options
        self.found = FeaturePlan((), ())
        self.refused: set[object] = set()
        begin = time.monotonic()
        self.now: Heard | None = hear(self.stage, self.shared, [None], terms.workers, options)[0]
        self.seconds = time.monotonic() - begin  # of one audition
        self.judging: Table = self.table.take(self.stage.judges)

    @property
    def count(self) -> int:
        return len(self.found.numeric) + len(self.found.categorical)

    def score(self, heard: Heard) -> float:
        judges, rows = self.stage.judges, self.stage.rows
        return self.terms.metric(
            rows.y[judges], heard.predictions, None if rows.weight is None else rows.weight[judges]
        )

    def run(self) -> None:
        """Until the time is over, enough is found, or two rounds found nothing."""
        assert self.now is not None
        frame = self.stage.rows.frame.take(self.stage.judges)
        found = components(self.basic, frame, self.now.importance)
        signs = self.terms.problem.monotone
        self.components = [one for one in found if is_free(one.number or one.parts[0].feature, signs)]
        self.pool = candidates(self.components, self.judging, self.terms.levels)
        many = self.terms.problem.scores > MOST_OUTPUTS
        most, failed = MOST_FOUND_OF_CLASSES if many else MOST_FOUND, 0
        while failed < FAILED_ROUNDS and self.count < most and self._has_time(3):
            sets = self._proposed(most - self.count)
            if not sets:
                return
            failed = 0 if self._round(sets) else failed + 1

    def _has_time(self, auditions: int) -> bool:
        return time.monotonic() + auditions * self.seconds < self.options.deadline

    def _round(self, sets: Sequence[FeaturePlan]) -> bool:
        """Hear some sets of features; keep the best one, if it is better beyond doubt."""
        assert self.now is not None
        begin = time.monotonic()
        frames = [one.frame(self.table) for one in sets]
        heard = hear(self.stage, self.shared, frames, self.terms.workers, self.options)
        self.seconds = (time.monotonic() - begin) / len(sets)
        better = [
            (float(one.losses.mean()), number)
            for number, one in enumerate(heard)
            if one is not None and not one.is_late and certainty(self.now.losses, one.losses) >= CERTAINTY
        ]
        if not better:
            self.refused.update(feature for one in sets for feature in (*one.numeric, *one.categorical))
            return False
        _, best = min(better)
        self.found, self.now = self.found + sets[best], heard[best]
        rows = self.stage.rows
        self.stage = replace(self.stage, rows=replace(rows, frame=rows.frame.beside(frames[best])))
        self.shared = self.terms.workers.share(self.stage)
        return True

    def _proposed(self, most: int) -> list[FeaturePlan]:
        """The best candidate as its codes are, the best one as learners see it, and the best few together."""
        screen = self._screen()
        floor = floors(screen, self.components)
        known = self.refused | {*self.found.numeric, *self.found.categorical}
        room = FULL_TABLES * self.terms.levels - sum(category.levels for category in self.found.categorical)
        pool = [one for one in self.pool if one.feature not in known and one.levels <= room]
        table = self.judging
        first = _sorted(ranked_as_it_is(screen, one, table, floor) for one in pool)
        pairs = [one.candidate for one in first if len(one.candidate.parts) == 2][:PAIRS_EXTENDED]
        longer = [more for one in pairs for more in extended(one, self.components, self.terms.levels)]
        longer = [one for one in longer if one.feature not in known and one.levels <= room]
        first = _sorted([*first, *(ranked_as_it_is(screen, one, table, floor) for one in longer)])
        best = [one.candidate for one in first[:LOOKED_AT_AS_SEEN]]
        seen = _sorted(ranked_as_seen(screen, one, table, floor) for one in best)
        sets = [_plan([one.candidate]) for one in (*_leanest(first), *_leanest(seen))]
        sets.append(_plan(self._together(screen, seen, min(most, TOGETHER), room)))
        return [one for number, one in enumerate(sets) if one != _plan([]) and one not in sets[:number]]

    def _screen(self) -> Screen:
        assert self.now is not None
        y, predicted = self.stage.rows.y[self.stage.judges], self.now.predictions
        if self.terms.problem.task is Task.REGRESSION:
            problem = self.terms.problem
            target, expected = problem.as_learned(y.astype(np.float64))[:, None], problem.as_learned(predicted)
        else:
            target = np.asarray(y[:, None] == np.arange(self.terms.problem.outputs), dtype=np.float64)
            expected = predicted
            if self.terms.problem.task is Task.BINARY:
                target, expected = target[:, 1:], expected[:, 1:]
        residual = target - expected
        worst = np.argsort(-(residual**2).sum(axis=0), kind="stable")[:MOST_OUTPUTS]
        return Screen.of(residual[:, worst], target[:, worst], self.options.seed)

    def _together(self, screen: Screen, seen: Sequence[Ranked], most: int, room: int) -> list[Candidate]:
        """A few, each the best for what the ones before it leave, with no more codes than there is room for."""
        chosen: list[Candidate] = []
        left = list(seen)
        while left and len(chosen) < most:
            best = _leanest(left)
            if not best:
                break
            chosen.append(best[0].candidate)
            view = max(best[0].views, key=lambda view: screen.gain(*view))
            screen = screen.without(screen.explained(*view))
            floor = floors(screen, self.components)
            room -= best[0].candidate.levels
            rest = [one for one in left if one is not best[0] and one.candidate.levels <= room]
            left = _sorted(again(screen, one, floor) for one in rest)
        return chosen


def _sorted(some: Iterable[Ranked]) -> list[Ranked]:
    """Those that explain anything, best first."""
    return sorted((one for one in some if one.gain > 0), key=lambda one: -one.gain)


def _leanest(ranked: Sequence[Ranked]) -> list[Ranked]:
    """The one with the fewest codes of those that are about the best; none of none."""
    near = [one for one in ranked[:10] if one.gain >= 0.95 * ranked[0].gain]
    return sorted(near, key=lambda one: one.levels)[:1]


def _plan(chosen: Sequence[Candidate]) -> FeaturePlan:
    numbers: list[NumericFeature] = []
    categories: list[CategoryFeature] = []
    for one in chosen:
        if isinstance(one.feature, Category | Binned | Crossed):
            categories.append(one.feature)
        else:
            numbers.append(one.feature)
    return FeaturePlan(tuple(numbers), tuple(categories))
