"""Decides by an audition whether crossed features are worth their place."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.automl.thin import audition_rows
from lean_automl.features import FeaturePlan, fit_features, propose_crossed
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.chimeraboost import ChimeraBoost

if TYPE_CHECKING:
    from lean_automl.data import Dataset, Split
    from lean_automl.search.metrics import Metric

FEWEST_ROWS: Final = 1_000
AUDITION: Final = ChimeraBoost(trees=150, learning_rate=0.1)


@dataclass(frozen=True)
class FeatureChoice:
    """The features, and how they were chosen.

    Attributes:
        plan: What every learner reads.
        crossed: Whether crossed features are among them.
        basic_score: Of the audition with basic features; None without an audition.
        crossed_score: Of the audition with crossed ones; None without an audition.
        seconds_per_row: What the audition of these features took for each row; None without an audition.
    """

    plan: FeaturePlan
    crossed: bool
    basic_score: float | None = None
    crossed_score: float | None = None
    seconds_per_row: float | None = None


def choose_features(
    dataset: Dataset, fold: Split, problem: Problem, metric: Metric, options: FitOptions
) -> FeatureChoice:
    """Fit the basic features; add crossed ones if a short fit with them scores better on `fold`.

    Statistics of features use no target, so that all rows of the search may be in them.
    """
    basic = fit_features(dataset.table)
    if dataset.rows < FEWEST_ROWS or (not basic.numeric and len(basic.categorical) < 2):
        return FeatureChoice(basic, crossed=False)
    fold = _thinned(fold, audition_rows(len(basic.numeric) + len(basic.categorical)), options.seed)
    begin = time.process_time()  # not what others make this process wait: fits later run at other moments
    basic_score, importance = _audition(basic, dataset, fold, problem, metric, options)
    basic_seconds = time.process_time() - begin
    choice = FeatureChoice(basic, False, basic_score, None, basic_seconds / fold.train.size)
    more = propose_crossed(basic, importance, dataset.table)
    if time.monotonic() + 3 * basic_seconds > options.deadline or not (more.numeric or more.categorical):
        return choice
    crossed = basic + more
    begin = time.process_time()
    crossed_score, _ = _audition(crossed, dataset, fold, problem, metric, options)
    seconds = (time.process_time() - begin) / fold.train.size
    if crossed_score > basic_score and not options.expired:
        return FeatureChoice(crossed, True, basic_score, crossed_score, seconds)
    return replace(choice, crossed_score=crossed_score)


def _thinned(fold: Split, rows: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    parts = [
        part if part.size <= rows else np.sort(rng.choice(part, rows, replace=False))
        for part in (fold.train, fold.valid)
    ]
    return replace(fold, train=parts[0], valid=parts[1])


def _audition(
    plan: FeaturePlan, dataset: Dataset, fold: Split, problem: Problem, metric: Metric, options: FitOptions
) -> tuple[float, np.ndarray]:
    train, valid = (
        Rows(
            plan.frame(dataset.table.take(index)),
            dataset.y[index],
            None if dataset.weight is None else dataset.weight[index],
        )
        for index in (fold.train, fold.valid)
    )
    fitted = AUDITION.fit(train, valid, problem, options)
    return metric(valid.y, fitted.predict(valid.frame), valid.weight), fitted.importance
