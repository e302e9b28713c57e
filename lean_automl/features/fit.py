"""Fits the basic features of a table: one or more for each column."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import Column, ColumnKind
from lean_automl_runtime.ir import ops as o

from lean_automl.features.plan import (
    Category,
    CategoryFeature,
    Centred,
    Crossed,
    DateNumber,
    FeaturePlan,
    Frequency,
    Number,
    NumericFeature,
    Pair,
    Shifted,
    TextNumber,
    category_codes,
    numeric_values,
)
from lean_automl.features.texts import MOST_TOKENS, fit_tokens, says_more_than_itself

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.data import Table

FEWEST_ROWS_OF_A_CATEGORY: Final = 2
MOST_CATEGORIES: Final = 8192
FREQUENCY_FROM_LEVELS: Final = 64  # below it, target statistics tell categories apart one by one
DATE_FIELDS: Final = (
    o.DateField.DAYS,
    o.DateField.YEAR,
    o.DateField.MONTH,
    o.DateField.DAY,
    o.DateField.WEEKDAY,
    o.DateField.DAY_OF_YEAR,
    o.DateField.SECONDS_OF_DAY,
    o.DateField.HOUR,
)


def fit_features(table: Table, most_tokens: int = MOST_TOKENS) -> FeaturePlan:
    """Basic features of every column, fitted on the rows of `table`.

    Args:
        table: Training rows.
        most_tokens: That a score of a text may keep; 0 to leave texts unread.
    """
    numeric: list[NumericFeature] = []
    categorical: list[CategoryFeature] = []
    texts: list[str] = []
    for column, values in zip(table.columns, table.arrays, strict=True):
        if column.kind is ColumnKind.CATEGORICAL:
            category = fit_category(column.name, values)
            categorical.append(category)
            if category.levels > FREQUENCY_FROM_LEVELS:
                numeric.append(fit_frequency(category, table))
            texts += [column.name] if reads_words(category) else []
        elif column.kind is ColumnKind.DATETIME:
            numeric.extend(_date_features(column, table))
        elif column.kind is ColumnKind.TEXT:
            if not most_tokens:
                continue
            numeric.extend(_changing([TextNumber(column.name, field) for field in o.TextField], table))
            texts.append(column.name)
        else:
            numeric.append(_number(column, values))
    found = (fit_tokens(name, table.array(name), most_tokens) for name in texts if most_tokens)
    return FeaturePlan(tuple(numeric), tuple(categorical), tuple(tokens for tokens in found if tokens is not None))


def reads_words(category: Category) -> bool:
    """Whether a category has so many values, mostly of several words, that these are read as well."""
    return category.levels > FREQUENCY_FROM_LEVELS and says_more_than_itself(category.categories)


def _number(column: Column, values: NDArray[Any]) -> NumericFeature:
    if column.dtype == "float32":
        return Number(column.name)
    finite = values[np.isfinite(values)]
    # The median and not the middle of the range: float32 is finest near the shift, and most rows should be there.
    shift = float(np.rint(np.median(finite))) if finite.size else 0.0
    return Shifted(column.name, shift=shift, scale=1.0)


def _date_features(column: Column, table: Table) -> list[NumericFeature]:
    return _changing([DateNumber(column.name, part) for part in DATE_FIELDS], table)


def _changing(some: Sequence[NumericFeature], table: Table) -> list[NumericFeature]:
    """Those that have two values."""
    features: list[NumericFeature] = []
    for feature in some:
        values = numeric_values(feature, table)
        present = values[~np.isnan(values)]
        if present.size and present.min() < present.max():
            features.append(feature)
    return features


def fit_category(column: str, values: NDArray[Any]) -> Category:
    """Categories of a column in order of falling frequency, then of text; rare ones count as unseen."""
    counts = Counter(values.tolist())
    counts.pop("", None)
    kept = [(text, count) for text, count in counts.items() if count >= FEWEST_ROWS_OF_A_CATEGORY]
    kept.sort(key=lambda item: (-item[1], item[0]))
    return Category(column, tuple(text for text, _ in kept[:MOST_CATEGORIES]))


def fit_frequency(category: CategoryFeature, table: Table) -> Frequency:
    """Share of the training rows that have each code."""
    counts = np.bincount(category_codes(category, table), minlength=category.levels)
    return Frequency(category, tuple((counts / max(1, table.rows)).tolist()))


def fit_centred(value: NumericFeature, category: CategoryFeature, table: Table) -> Centred:
    """Mean of a numeric feature for each code; codes without a value get the overall mean."""
    values = numeric_values(value, table).astype(np.float64)
    codes = category_codes(category, table)
    present = ~np.isnan(values)
    sums = np.bincount(codes[present], weights=values[present], minlength=category.levels)
    counts = np.bincount(codes[present], minlength=category.levels)
    overall = float(values[present].mean()) if present.any() else 0.0
    means = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    return Centred(value, category, tuple(means.tolist()))


def difference(left: NumericFeature, right: NumericFeature) -> Pair:
    """`left - right`."""
    return Pair(o.ArithmeticKind.SUBTRACT, left, right)


def total(left: NumericFeature, right: NumericFeature) -> Pair:
    """`left + right`."""
    return Pair(o.ArithmeticKind.ADD, left, right)


def product(left: NumericFeature, right: NumericFeature) -> Pair:
    """`left * right`."""
    return Pair(o.ArithmeticKind.MULTIPLY, left, right)


def ratio(left: NumericFeature, right: NumericFeature) -> Pair:
    """`left / right`."""
    return Pair(o.ArithmeticKind.DIVIDE, left, right)


def cross(left: CategoryFeature, right: CategoryFeature) -> Crossed:
    """The pair of two categories."""
    return Crossed(left, right)
