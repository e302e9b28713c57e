"""A student of the features that tell most: where calls are short, reading a column costs as much as many trees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.learners.base import FitOptions, Lowerable, Problem, Rows, Student
from lean_automl.learners.chimeraboost import ChimeraBoost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.features import Frame

RANKING: Final = ChimeraBoost(trees=60, depth=5, learning_rate=0.15, linear=False, colsample=0.5)
MOST_ROWS: Final = 20_000  # that features are ranked on


@dataclass(frozen=True)
class Fewer:
    """Settings of one fit.

    Attributes:
        student: What learns; its models must not read features that are the same for all rows.
        features: Numbers and categories that it may read at most.
    """

    student: Student
    features: int

    @property
    def name(self) -> str:
        """Name of what learns."""
        return self.student.name

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> Lowerable:
        """Rank the features by the split gain of a few trees, and fit on those that lead."""
        kept = leading(train, problem, options, self.features)
        narrow = None if valid is None else replace(valid, frame=_without(valid.frame, kept))
        return self.student.fit(replace(train, frame=_without(train.frame, kept)), narrow, problem, options)

    def for_all_rows(self, fitted: Sequence[Any], growth: float) -> Fewer:
        """As many features, ranked anew."""
        return replace(self, student=self.student.for_all_rows(fitted, growth))


def leading(rows: Rows, problem: Problem, options: FitOptions, most: int) -> NDArray[np.bool_]:
    """Which features a few trees gain most by, numbers then categories; shape (features,)."""
    count = rows.frame.rows
    if count > MOST_ROWS:
        rows = rows.take(np.sort(np.random.default_rng(options.seed).choice(count, MOST_ROWS, replace=False)))
    gains = RANKING.fit(replace(rows, soft=None), None, problem, options).importance
    order = np.argsort(-gains, kind="stable")[:most]
    kept = np.zeros(gains.size, dtype=np.bool_)
    kept[order] = gains[order] > 0
    return kept


def _without(frame: Frame, kept: NDArray[np.bool_]) -> Frame:
    """The frame with zeros for the features that are not kept: nothing can be learned from them."""
    numbers = frame.numbers.shape[1]
    own = np.where(kept[:numbers], frame.numbers, np.float32(0.0))
    codes = np.where(kept[numbers:], frame.codes, np.int32(0))
    return replace(frame, numbers=own, codes=codes)
