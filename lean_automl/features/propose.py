"""Proposes crossed features from what a first model found important.

Oblivious trees can only step around an interaction; a difference, a product, a deviation from the mean of a category
or a pair of categories makes it one split. Which pairs: those of the features that a first fit used most.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.features.fit import cross, difference, fit_centred, product, ratio
from lean_automl.features.plan import Category, FeaturePlan, NumericFeature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lean_automl.data import Table

TOP_NUMBERS: Final = 5
TOP_CENTRED: Final = 3
TOP_CATEGORIES: Final = 5
MOST_CROSSED_LEVELS: Final = 4096


def propose_crossed(plan: FeaturePlan, importance: NDArray[np.float64], table: Table) -> FeaturePlan:
    """More features for `plan`.

    Args:
        plan: The features so far.
        importance: Of each, numbers then categories.
        table: Training rows, to fit means on.
    """
    count = len(plan.numeric)
    numbers = _top(importance[:count], TOP_NUMBERS)
    top = [plan.categorical[i] for i in _top(importance[count:], TOP_CATEGORIES)]
    categories = [category for category in top if isinstance(category, Category)]
    numeric: list[NumericFeature] = []
    for left, right in combinations([plan.numeric[i] for i in numbers], 2):
        numeric += [difference(left, right), product(left, right), ratio(left, right), ratio(right, left)]
    for i in numbers[:TOP_CENTRED]:
        numeric += [fit_centred(plan.numeric[i], category, table) for category in categories[:TOP_CENTRED]]
    crossed = [
        cross(one, other)
        for one, other in combinations(categories, 2)
        if one.levels * other.levels <= MOST_CROSSED_LEVELS
    ]
    return FeaturePlan(tuple(numeric), tuple(crossed))


def _top(importance: NDArray[np.float64], count: int) -> list[int]:
    order = np.argsort(-importance, kind="stable")[:count]
    return [int(i) for i in order if importance[i] > 0]
