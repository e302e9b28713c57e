"""Turns tests of a computed value into tests of the raw float32 value: found by bisection, not by arithmetic.

`(x - m) / s <= t` is not `x <= t * s + m` for every float32 x, because each step rounds. The steps are monotone,
so the raw values that pass are all those up to some float32, and that one is searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lean_automl.compiler.foreign.features import Number, StepKind, number_values
from lean_automl.compiler.trees import float32_below, float32_strictly_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGN = np.int64(0x80000000)


@dataclass(frozen=True, eq=False)
class RawTests:
    """Tests of a raw column.

    Attributes:
        threshold: float32; a raw value passes where it is at most this.
        never: No raw number passes, not even minus infinity.
        nan_passes: Whether NaN passes; None where the steps leave it NaN, so that the model decides.
    """

    threshold: NDArray[np.float32]
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

    low = np.full(thresholds.shape, _key(np.float32(-np.inf)), dtype=np.int64)
    high = np.full(thresholds.shape, _key(np.float32(np.inf)), dtype=np.int64)
    never = ~passes(_float(low))
    # Invariant: low passes (unless never), everything above high fails.
    while (low < high).any():
        middle = (low + high + 1) >> 1
        good = passes(_float(middle))
        low, high = np.where(good, middle, low), np.where(good, high, np.maximum(middle - 1, low))
    filled = any(step.kind is StepKind.FILL for step in number.steps)
    nan_passes = passes(np.full(thresholds.shape, np.nan, dtype=np.float32)) if filled else None
    return RawTests(_float(low), never, nan_passes)


def _outermost(raw: NDArray[np.float32], greatest: bool) -> NDArray[np.float64]:
    """The least, or the greatest, float64 that float32 rounds to each value."""
    wide = raw.astype(np.float64)
    beside = np.nextafter(raw, np.float32(np.inf if greatest else -np.inf)).astype(np.float64)
    return np.where(np.isfinite(beside), (wide + beside) / 2, wide)


def _key(x: NDArray[np.float32] | np.float32) -> NDArray[np.int64]:
    """An integer for each float32, in the same order; -0.0 comes just before 0.0."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32).astype(np.int64)
    return np.where(bits & _SIGN, _SIGN - 1 - (bits - _SIGN), bits + _SIGN - 0)


def _float(key: NDArray[np.int64]) -> NDArray[np.float32]:
    bits = np.where(key < _SIGN, _SIGN - 1 - key + _SIGN, key - _SIGN)
    return bits.astype(np.uint32).view(np.float32)
