"""Columns of a model's own input matrix, each a function of one raw column.

Imputers, scalers and encoders read one raw column each, so what a model sees of a row is a set of such functions:

* a `Number` is a numeric raw column and the arithmetic that follows, step by step as the source library does it. Its
  value never falls as the raw value grows, so a test of it is a test of the raw column (`thresholds.py`);
* `Levels` is a raw column cut into finitely many codes, and one value for each code: everything that encoders yield.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]


class StepKind(StrEnum):
    """What one step of arithmetic does to a value v."""

    FILL = "fill"  # value where v is NaN
    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    LOW = "low"  # value where v is below it
    HIGH = "high"  # value where v is above it
    FLOAT32 = "float32"  # rounded to float32; `value` is ignored
    TRUNCATE = "truncate"  # without its fraction; `value` is ignored


@dataclass(frozen=True)
class Step:
    """One step of arithmetic.

    Attributes:
        kind: What it does.
        value: Its constant.
    """

    kind: StepKind
    value: float = 0.0


@dataclass(frozen=True)
class Number:
    """A numeric raw column, and steps of arithmetic in float64, or in float32 where `narrow`."""

    column: str
    steps: tuple[Step, ...] = ()
    narrow: bool = False


@dataclass(frozen=True)
class Categories:
    """Codes of a string column, as `Encode` gives them: missing, unseen, then the categories."""

    column: str
    categories: tuple[str, ...]

    @property
    def levels(self) -> int:
        """Number of codes."""
        return len(self.categories) + o.CODE_FIRST


@dataclass(frozen=True)
class Intervals:
    """Codes of a numeric column, as `Bin` gives them: how many edges lie below the value; the last code is NaN.

    Attributes:
        column: The raw column.
        edges: float32 values, ascending.
        boolean: Whether the raw column holds booleans.
    """

    column: str
    edges: tuple[float, ...]
    boolean: bool = False

    @property
    def levels(self) -> int:
        """Number of codes."""
        return len(self.edges) + 2


Coding = Categories | Intervals


@dataclass(frozen=True)
class Levels:
    """A value for each code of a raw column."""

    coding: Coding
    values: tuple[float, ...]


Feature = Number | Levels


def apply_steps(x: NDArray[Any], steps: tuple[Step, ...]) -> NDArray[Any]:
    """Do the steps in the precision of `x`."""
    for step in steps:
        x = _apply(x, step)
    return x


def _apply(x: Any, step: Step) -> Any:
    constant = x.dtype.type(step.value)
    match step.kind:
        case StepKind.FILL:
            return np.where(np.isnan(x), constant, x)
        case StepKind.ADD:
            return x + constant
        case StepKind.SUBTRACT:
            return x - constant
        case StepKind.MULTIPLY:
            return x * constant
        case StepKind.DIVIDE:
            return x / constant
        case StepKind.LOW:
            return np.where(x < constant, constant, x)
        case StepKind.HIGH:
            return np.where(x > constant, constant, x)
        case StepKind.TRUNCATE:
            return np.trunc(x)
        case StepKind.FLOAT32:
            return x.astype(np.float32).astype(x.dtype)


def number_values(number: Number, raw: NDArray[Any]) -> F64:
    """What the model sees of raw values, exactly as its library computes it."""
    with np.errstate(all="ignore"):
        start = raw.astype(np.float32 if number.narrow else np.float64)
        return np.asarray(apply_steps(start, number.steps), dtype=np.float64)


def then(feature: Feature, *steps: Step) -> Feature:
    """A feature and further steps.

    Raises:
        UnsupportedOpError: A factor is not positive.
    """
    for step in steps:
        if step.kind in (StepKind.MULTIPLY, StepKind.DIVIDE) and not step.value > 0:
            raise UnsupportedOpError(
                f"column {column_of(feature)!r} is scaled by {step.value}, and only positive factors keep the order of "
                "values that tests rely on. Scale it otherwise and train again."
            )
    if isinstance(feature, Number):
        return replace(feature, steps=feature.steps + steps)
    with np.errstate(all="ignore"):
        return replace(feature, values=tuple(apply_steps(np.array(feature.values), steps).tolist()))


def as_float32(feature: Feature) -> Feature:
    """What a model sees of a feature that casts its input to float32; a raw column is float32 already."""
    return feature if isinstance(feature, Number) and not feature.steps else then(feature, Step(StepKind.FLOAT32))


def column_of(feature: Feature) -> str:
    """Name of the raw column that a feature reads."""
    return feature.column if isinstance(feature, Number) else feature.coding.column


def raw_numbers(names: tuple[str, ...] | list[str]) -> tuple[Feature, ...]:
    """Numeric raw columns as they are."""
    return tuple(Number(name) for name in names)
