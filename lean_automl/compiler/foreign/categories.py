"""Codings that tell the categories of a fitted encoder or model apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.features import Categories, Feature, Intervals, Levels, Number, column_of
from lean_automl.compiler.foreign.thresholds import raw_tests
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]


def coded_category(name: str, values: Sequence[Any]) -> Levels:
    """A column of categories as its codes 0, 1, ...; NaN where missing or unseen."""
    codes = [float(code) for code in range(len(values))]
    if all(isinstance(value, str) for value in values):
        known = dict(zip(values, codes, strict=True))
        kept = tuple(value for value in values if value)
        return Levels(Categories(name, kept), (known.get("", np.nan), np.nan, *(known[value] for value in kept)))
    if not all(isinstance(value, bool | int | float) for value in values):
        raise UnsupportedOpError(
            f"column {name!r}: its categories, such as {values[0]!r} and {values[-1]!r}, are neither all text nor all "
            "numbers. Make them text and train again."
        )
    numbers = np.array([float(value) for value in values])
    coding, at = equal_to(name, numbers, boolean=all(isinstance(value, bool) for value in values))
    table = np.full(coding.levels, np.nan)
    table[at] = codes
    return Levels(coding, tuple(table.tolist()))


def recoded(feature: Feature, values: Sequence[Any]) -> Levels:
    """A feature that a booster reads as a column of categories of a data frame.

    Raises:
        UnsupportedOpError: It is not a raw column as it is.
    """
    if isinstance(feature, Levels) or feature.steps:
        raise UnsupportedOpError(
            f"column {column_of(feature)!r} is computed with before it is read as categories: hand the column itself on"
        )
    return coded_category(feature.column, values)


def empty_text_notes(features: Sequence[Feature]) -> tuple[str, ...]:
    """What the caller should know of columns that have the empty text for a category: missing text is empty here."""
    return tuple(
        f"column {feature.coding.column!r} has the empty text for a category: a missing value counts as that"
        for feature in features
        if isinstance(feature, Levels)
        and isinstance(feature.coding, Categories)
        and not np.isnan(feature.values[o.CODE_MISSING])
    )


def number_codes(feature: Number, values: F64) -> tuple[Intervals, NDArray[np.int64]]:
    """A coding that tells where a number is each of `values`.

    Returns:
        The coding, and the code of each of `values`; -1 for one that the number never is.
    """
    below = raw_tests(feature, values, strict=True)
    up_to = raw_tests(feature, values, strict=False)
    reached = ~up_to.never & (below.never | (below.threshold < up_to.threshold))
    ends = [below.threshold[reached & ~below.never], up_to.threshold[reached]]
    edges = np.unique(np.concatenate(ends).astype(np.float64))
    codes = np.where(reached, np.searchsorted(edges, up_to.threshold.astype(np.float64), side="left"), -1)
    return Intervals(feature.column, tuple(edges.tolist())), codes


def equal_to(column: str, values: F64, boolean: bool = False) -> tuple[Intervals, NDArray[np.int64]]:
    """A coding that tells `values` apart from each other and from all other numbers.

    Returns:
        The coding, and the code of each of `values`.

    Raises:
        UnsupportedOpError: float32 has not all the values.
    """
    narrow = values.astype(np.float32)
    if (narrow.astype(np.float64) != values).any():
        bad = values[narrow.astype(np.float64) != values][0]
        raise UnsupportedOpError(
            f"column {column!r}: its category {bad!r} is not a float32 number, as ids and long codes are not. Make the "
            "column text and train again."
        )
    below = np.nextafter(narrow, np.float32(-np.inf))
    edges = np.unique(np.concatenate([below, narrow]))
    codes = np.searchsorted(edges, narrow, side="left")
    return Intervals(column, tuple(edges.tolist()), boolean), codes.astype(np.int64)
