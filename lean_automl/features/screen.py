"""Ranks features by what they tell of the errors of a model that does not have them.

The measure is the squared error of the model's residuals that the mean of each of a feature's codes takes away, the
means being those of other rows: a feature without information gets less than nothing. No model is fitted, so that a
thousand features cost a second. After Zhang et al., "OpenFE", ICML 2023, which fits a small model for each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.features.candidates import SEEN_BINS, ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.data import Table
    from lean_automl.features.candidates import Candidate, Component
    from lean_automl.features.plan import I32

F64 = np.ndarray[tuple[int, int], np.dtype[np.float64]]

PARTS: Final = 4
SMOOTHING: Final = 10.0


@dataclass(frozen=True, eq=False)
class Screen:
    """Rows that judge features.

    Attributes:
        residual: What the model leaves, shape (n, outputs).
        target: What a mean by code is taken of where learners take target statistics, shape (n, outputs).
        part: Which of `PARTS` parts each row is in, shape (n,).
    """

    residual: F64
    target: F64
    part: NDArray[np.intp]

    @classmethod
    def of(cls, residual: F64, target: F64, seed: int) -> Screen:
        """Rows parted at random."""
        part = np.random.default_rng((seed, PARTS)).integers(0, PARTS, residual.shape[0])  # unlike what drew a column
        return cls(residual, target, part)

    def gain(self, codes: I32, levels: int) -> float:
        """Share of the squared residuals that the codes explain in rows that their means do not know."""
        cell = codes.astype(np.int64) * PARTS + self.part
        count = np.bincount(cell, minlength=levels * PARTS).reshape(levels, PARTS)
        won = 0.0
        for column in self.residual.T:
            mean, own = _means(cell, column, count, 0.0)
            won += float((2 * mean * own - mean * mean * count).sum())
        return won / max(float((self.residual**2).sum()), 1e-300)

    def explained(self, codes: I32, levels: int) -> F64:
        """What the codes say of each row's residual, by means that do not know the row."""
        return self._expected(self.residual, codes, levels, 0.0)

    def statistics(self, codes: I32, levels: int) -> list[tuple[I32, int]]:
        """The codes as a tree sees them through target statistics: ranges of the mean target, for each output."""
        expected = self._expected(self.target, codes, levels, None)
        return [ranges(column.astype(np.float32), SEEN_BINS) for column in expected.T]

    def without(self, explained: F64) -> Screen:
        """The same rows once a feature's part is explained."""
        return replace(self, residual=self.residual - explained)

    def _expected(self, of: F64, codes: I32, levels: int, prior: float | None) -> F64:
        cell = codes.astype(np.int64) * PARTS + self.part
        count = np.bincount(cell, minlength=levels * PARTS).reshape(levels, PARTS)
        means = [_means(cell, c, count, float(c.mean()) if prior is None else prior)[0].ravel()[cell] for c in of.T]
        return np.column_stack(means)


def _means(cell: NDArray[np.int64], column: F64, count: NDArray[np.int64], prior: float) -> tuple[F64, F64]:
    """Smoothed mean for each code and part over the rows of the other parts, and the sum over its own."""
    own: F64 = np.bincount(cell, weights=column, minlength=count.size).astype(np.float64).reshape(-1, PARTS)
    others = own.sum(axis=1, keepdims=True) - own
    rows = count.sum(axis=1, keepdims=True) - count
    return (others + SMOOTHING * prior) / (rows + SMOOTHING), own


@dataclass(frozen=True, eq=False)
class Ranked:
    """A candidate with what it explains beyond its parents.

    Attributes:
        candidate: The feature.
        gain: Share of the squared residuals.
        levels: Codes of the feature.
        views: Its codes as they were judged: one for each output.
    """

    candidate: Candidate
    gain: float
    levels: int
    views: tuple[tuple[I32, int], ...] = ()


def floors(screen: Screen, found: Sequence[Component]) -> list[float]:
    """What each component still explains by itself: a candidate must add to that."""
    return [max(0.0, screen.gain(*one.seen)) for one in found]


def ranked_as_it_is(screen: Screen, one: Candidate, table: Table, floor: Sequence[float]) -> Ranked:
    """A candidate with what its own codes explain; they are many, so the codes are not kept."""
    codes, levels = one.codes(table)
    return Ranked(one, screen.gain(codes, levels) - _own(one, floor), levels)


def ranked_as_seen(screen: Screen, one: Candidate, table: Table, floor: Sequence[float]) -> Ranked:
    """A candidate with what a tree can see of it: a category by the mean targets of its codes."""
    codes, levels = one.codes(table)
    views = screen.statistics(codes, levels) if one.parts else [(codes, levels)]
    return again(screen, Ranked(one, 0.0, levels, tuple(views)), floor)


def again(screen: Screen, one: Ranked, floor: Sequence[float]) -> Ranked:
    """The same for other residuals."""
    gain = max(screen.gain(*view) for view in one.views)
    return replace(one, gain=gain - _own(one.candidate, floor))


def _own(one: Candidate, floor: Sequence[float]) -> float:
    return max(floor[parent] for parent in one.parents)
