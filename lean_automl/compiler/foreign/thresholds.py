"""Turns tests of a computed value into tests of the raw float32 value: found by bisection, not by arithmetic.

`(x - m) / s <= t` is not `x <= t * s + m` for every float32 x, because each step rounds. The steps are monotone,
so the raw values that pass are all those up to some float32, and that one is searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.foreign.features import Number, StepKind, number_values
from lean_automl.compiler.trees import float32_below, float32_strictly_below

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RawTests:
    """Tests of a raw column.

    Attributes:
        threshold: float32, or float64 of a float64 column; a raw value passes where it is at most this.
        never: No raw number passes, not even minus infinity.
        nan_passes: Whether NaN passes; None where the steps leave it NaN, so that the model decides.
    """

    threshold: NDArray[Any]
    never: NDArray[np.bool_]
    nan_passes: NDArray[np.bool_] | None


def raw_tests(number: Number, thresholds: NDArray[np.float64], strict: bool, of_doubles: bool = False) -> RawTests:
    """Tests of the raw column that equal `value <= threshold`, or `value < threshold` where strict.

    Args:
        number: The column and what was computed of it.
        thresholds: Of the model.
        strict: Whether a value on a threshold fails.
        of_doubles: Whether thresholds are float64 values of rows, as 19.99 is: such a value, which float32 rounds, must
            stay on its side. Then a float32 passes if any float64 that is rounded to it does; where strict, if all do.
    """
    if of_doubles and not number.steps:
        with np.errstate(over="ignore"):
            thresholds = thresholds.astype(np.float32).astype(np.float64)
    if not number.steps:
        below = float32_strictly_below(thresholds) if strict else float32_below(thresholds)
        never = np.isneginf(thresholds) if strict else np.zeros(thresholds.shape, dtype=bool)
        return RawTests(below, never, None)

    def passes(raw: NDArray[np.float32]) -> NDArray[np.bool_]:
        seen = number_values(number, _outermost(raw, strict) if of_doubles else raw)
        return np.asarray(seen < thresholds if strict else seen <= thresholds)

    last, never = _last_passing(passes, thresholds.shape, np.dtype(np.float32))
    return RawTests(last, never, _nan_passes(number, thresholds, strict))


def wide_tests(number: Number, thresholds: NDArray[np.float64], strict: bool) -> RawTests:
    """As `raw_tests`, of a float64 raw column."""

    def passes(raw: NDArray[np.float64]) -> NDArray[np.bool_]:
        seen = number_values(number, raw)
        return np.asarray(seen < thresholds if strict else seen <= thresholds)

    last, never = _last_passing(passes, thresholds.shape, np.dtype(np.float64))
    return RawTests(last, never, _nan_passes(number, thresholds, strict))


def _nan_passes(number: Number, thresholds: NDArray[np.float64], strict: bool) -> NDArray[np.bool_] | None:
    if not any(step.kind is StepKind.FILL for step in number.steps):
        return None
    seen = number_values(number, np.full(thresholds.shape, np.nan))
    return np.asarray(seen < thresholds if strict else seen <= thresholds)


def _last_passing(
    passes: Callable[[NDArray[Any]], NDArray[np.bool_]], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The greatest number that passes a test which only numbers up to some one pass, and whether none does."""
    low, high = (_key(np.full(shape, end, dtype=dtype)) for end in (-np.inf, np.inf))
    never = ~passes(_number(low, dtype))
    # Invariant: low passes (unless never), everything above high fails.
    while (low < high).any():
        middle = low + (high - low + np.uint64(1)) // np.uint64(2)
        good = passes(_number(middle, dtype))
        low, high = np.where(good, middle, low), np.where(good, high, np.maximum(middle - np.uint64(1), low))
    return _number(low, dtype), never


def _outermost(raw: NDArray[np.float32], greatest: bool) -> NDArray[np.float64]:
    """The least, or the greatest, float64 that float32 rounds to each value."""
    wide = raw.astype(np.float64)
    beside = np.nextafter(raw, np.float32(np.inf if greatest else -np.inf)).astype(np.float64)
    return np.where(np.isfinite(beside), (wide + beside) / 2, wide)


def _key(x: NDArray[Any]) -> NDArray[np.uint64]:
    """An integer for each number, in the same order; -0.0 comes just before 0.0."""
    sign = np.uint64(1 << (8 * x.itemsize - 1))
    bits = x.view(f"u{x.itemsize}").astype(np.uint64)
    return np.where(bits & sign, sign - np.uint64(1) - (bits - sign), bits + sign)


def _number(key: NDArray[np.uint64], dtype: np.dtype[Any]) -> NDArray[Any]:
    sign = np.uint64(1 << (8 * dtype.itemsize - 1))
    bits = np.where(key < sign, sign - np.uint64(1) - key + sign, key - sign)
    return bits.astype(f"u{dtype.itemsize}").view(dtype)
