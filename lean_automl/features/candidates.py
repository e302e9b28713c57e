"""Features that may be worth a place: arithmetic of numbers, deviations from means, and crossed categories.

Oblivious trees can only step around an interaction; a difference, a product, a deviation from the mean of a category
or a pair of categories makes it one split. A number is a category too: one with a code for each frequent value, and
one with a code for each of a few ranges. Which features are combined: those that a first fit used most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.features.fit import cross, difference, fit_centred, product, ratio, total
from lean_automl.features.plan import (
    F32,
    I32,
    Binned,
    Category,
    CategoryFeature,
    FeaturePlan,
    Frame,
    NumericFeature,
    codes_of_bins,
    numeric_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from lean_automl.data import Table

MOST_COMBINED: Final = 24  # features
MOST_IN_ARITHMETIC: Final = 10
MOST_CENTRED: Final = 5  # by as many categories
MOST_VALUES: Final = 512  # of a number, with a code for each
FEWEST_ROWS_OF_A_VALUE: Final = 5
RANGES: Final = 16
SEEN_BINS: Final = 32
MOST_LEVELS: Final = 65_536  # of a crossed category


@dataclass(frozen=True, eq=False)
class Part:
    """A feature as a category, with its codes for the rows at hand."""

    feature: CategoryFeature
    codes: I32


@dataclass(frozen=True, eq=False)
class Component:
    """A feature that may be combined with others.

    Attributes:
        seen: Its codes as any learner can tell them apart, and how many there are.
        parts: The categories that it can be.
        number: The feature itself, if it is a number.
    """

    seen: tuple[I32, int]
    parts: tuple[Part, ...]
    number: NumericFeature | None = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A feature that may be worth its place.

    Attributes:
        feature: What it is.
        parents: Positions of the components that it is made of.
        parts: Of a category: what it crosses.
    """

    feature: NumericFeature | CategoryFeature
    parents: tuple[int, ...]
    parts: tuple[Part, ...] = ()

    @property
    def levels(self) -> int:
        """Codes of a category; 0 of a number, which needs no table."""
        return math.prod(part.feature.levels for part in self.parts) if self.parts else 0

    def codes(self, table: Table) -> tuple[I32, int]:
        """Its codes for the rows of the table that the parts are of, and how many there are."""
        if not self.parts:
            return ranges(numeric_values(self.feature, table), SEEN_BINS)  # type: ignore[arg-type]
        codes, levels = self.parts[0].codes, self.parts[0].feature.levels
        for part in self.parts[1:]:
            codes, levels = codes * part.feature.levels + part.codes, levels * part.feature.levels
        return codes, levels


def components(plan: FeaturePlan, frame: Frame, importance: NDArray[np.float64]) -> list[Component]:
    """The features that were used most, each once, the most important first.

    Args:
        plan: All features.
        frame: Their values for the rows at hand.
        importance: Of each feature, numbers then categories.
    """
    count = len(plan.numeric)
    found: list[Component] = []
    known: set[bytes] = set()
    for position in np.argsort(-importance, kind="stable"):
        if position < count:
            made = _of_number(plan.numeric[position], frame.numbers[:, position])
        else:
            codes = frame.codes[:, position - count]
            feature = plan.categorical[position - count]
            made = Component((codes, feature.levels), (Part(feature, codes),))
        twin = made.seen[0].tobytes() if made is not None else b""
        if made is None or twin in known:  # days since 1970 and days of the year, within one year
            continue
        known.add(twin)
        found.append(made)
        if len(found) == MOST_COMBINED:
            break
    return found


def _of_number(feature: NumericFeature, values: F32) -> Component | None:
    """None if it never changes."""
    parts = []
    unique, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if unique.size < 2:
        return None
    if np.count_nonzero(counts >= FEWEST_ROWS_OF_A_VALUE) <= MOST_VALUES:
        parts.append(_binned(feature, values, _edges_between(unique, counts)))
    if unique.size > RANGES:
        parts.append(_binned(feature, values, _quantile_edges(values, RANGES)))
    return Component(ranges(values, SEEN_BINS), tuple(part for part in parts if part.feature.levels > 3), feature)


def _binned(feature: NumericFeature, values: F32, edges: F32) -> Part:
    return Part(Binned(feature, tuple(edges.tolist())), codes_of_bins(values, edges.tolist()))


def _edges_between(unique: F32, counts: NDArray[np.intp]) -> F32:
    """Edges that give each frequent value a bin of its own, and what lies between two of them one together."""
    frequent = counts >= FEWEST_ROWS_OF_A_VALUE
    parted = frequent[:-1] | frequent[1:]
    low, high = unique[:-1][parted], unique[1:][parted]
    middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
    return np.where(middle < high, middle, low)


def _quantile_edges(values: F32, count: int) -> F32:
    quantiles = np.linspace(0, 1, count + 1)[1:-1]
    edges = np.unique(np.quantile(values[~np.isnan(values)], quantiles, method="lower"))
    return edges.astype(np.float32)


def ranges(values: F32, count: int) -> tuple[I32, int]:
    """Codes of about as many equally frequent ranges, and how many codes there are."""
    if np.isnan(values).all():
        return np.zeros(values.size, dtype=np.int32), 1
    edges = _quantile_edges(values, count)
    return codes_of_bins(values, edges.tolist()), edges.size + 2


def candidates(found: Sequence[Component], table: Table, most_levels: int) -> list[Candidate]:
    """All of the first kinds: arithmetic, deviations, numbers as categories, and pairs of categories.

    Args:
        found: What is combined.
        table: The rows at hand, to fit means on.
        most_levels: Of a category.
    """
    return [*_arithmetic(found), *_centred(found, table), *_categories(found), *_pairs(found, most_levels)]


def _numbers(found: Sequence[Component], most: int) -> list[tuple[int, NumericFeature]]:
    return [(i, one.number) for i, one in enumerate(found) if one.number is not None][:most]


def _arithmetic(found: Sequence[Component]) -> Iterator[Candidate]:
    for (i, left), (j, right) in combinations(_numbers(found, MOST_IN_ARITHMETIC), 2):
        for made in (difference(left, right), total(left, right), product(left, right)):
            yield Candidate(made, (i, j))
        yield Candidate(ratio(left, right), (i, j))
        yield Candidate(ratio(right, left), (i, j))


def _centred(found: Sequence[Component], table: Table) -> Iterator[Candidate]:
    by = [(j, part.feature) for j, one in enumerate(found) for part in one.parts if isinstance(part.feature, Category)]
    for i, number in _numbers(found, MOST_CENTRED):
        for j, category in by[:MOST_CENTRED]:
            yield Candidate(fit_centred(number, category, table), (i, j))


def _categories(found: Sequence[Component]) -> Iterator[Candidate]:
    """Numbers as categories, where that tells more apart than their ranges do."""
    for i, one in enumerate(found):
        for part in one.parts:
            if one.number is not None and part.feature.levels > SEEN_BINS + 2:
                yield Candidate(part.feature, (i,), (part,))


def _pairs(found: Sequence[Component], most_levels: int) -> Iterator[Candidate]:
    for i, j in combinations(range(len(found)), 2):
        for left in found[i].parts:
            yield from _crossed(Candidate(left.feature, (i,), (left,)), j, found[j], most_levels)


def extended(candidate: Candidate, found: Sequence[Component], most_levels: int) -> Iterator[Candidate]:
    """A crossed category crossed with each other component."""
    for k, one in enumerate(found):
        if k not in candidate.parents:
            yield from _crossed(candidate, k, one, most_levels)


def _crossed(candidate: Candidate, number: int, component: Component, most_levels: int) -> Iterator[Candidate]:
    left: Any = candidate.feature
    for part in component.parts:
        if left.levels * part.feature.levels <= most_levels:
            parents, parts = (*candidate.parents, number), (*candidate.parts, part)
            yield Candidate(cross(left, part.feature), parents, parts)
