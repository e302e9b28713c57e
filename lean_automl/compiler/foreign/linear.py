"""Linear maps and layers over a model's matrix columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.features import Coding, Feature, Levels, Number, StepKind
from lean_automl.compiler.foreign.heads import column, dense, sigmoid
from lean_automl.compiler.foreign.tree_input import emit_code
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

MOST_CURVED: Final = 64


@dataclass(frozen=True, eq=False)
class LinearModel:
    """`features @ weight + bias`.

    Attributes:
        features: What the matrix columns are.
        weight: float64, shape (features, outputs).
        bias: float64, shape (outputs,).
    """

    features: tuple[Feature, ...]
    weight: F64
    bias: F64

    @property
    def used(self) -> list[Feature]:
        """All features: one with a weight of zero still hands on NaN."""
        return list(self.features)

    def lower(self, builder: ProgramBuilder) -> int:
        """Value number of the scores, float32 (n, outputs)."""
        return emit_product(builder, self.features, self.weight, self.bias)


class Activation(StrEnum):
    """What stands between two layers."""

    IDENTITY = "identity"
    RELU = "relu"
    LOGISTIC = "logistic"
    TANH = "tanh"


@dataclass(frozen=True, eq=False)
class LayersModel:
    """A perceptron.

    Attributes:
        features: What the matrix columns are.
        layers: Weight and bias of each layer, float64.
        activation: Between the layers.
    """

    features: tuple[Feature, ...]
    layers: tuple[tuple[F64, F64], ...]
    activation: Activation = Activation.RELU

    @property
    def used(self) -> list[Feature]:
        """All features."""
        return list(self.features)

    def lower(self, builder: ProgramBuilder) -> int:
        """Value number of the last layer's sums, float32 (n, outputs)."""
        (weight, bias), *rest = self.layers
        relu = self.activation is Activation.RELU
        value = emit_product(builder, self.features, weight, bias, relu and bool(rest))
        for number, (weight, bias) in enumerate(rest, start=1):
            if not relu:
                value = activate(builder, value, weight.shape[0], self.activation)
            value = dense(builder, value, weight, bias, relu and number < len(rest))
        return value


def activate(builder: ProgramBuilder, value: int, width: int, activation: Activation) -> int:
    """Value number of an activation of each element."""
    if activation is Activation.IDENTITY:
        return value
    if activation is Activation.RELU:
        top = np.full(width, np.inf, dtype=np.float32)
        return builder.add(o.Clip((value,), np.zeros(width, dtype=np.float32), top))
    if width > MOST_CURVED:
        raise UnsupportedOpError(
            f"a layer of {width} units with activation {activation} is too wide: each takes four ops, and "
            f"{MOST_CURVED} units are the limit. Train with activation='relu'."
        )
    if activation is Activation.TANH:  # tanh(x) = 2 sigmoid(2 x) - 1
        value = _affine(builder, value, width, 2.0, 0.0)
    each = tuple(sigmoid(builder, column(builder, value, j, width)) for j in range(width))
    curved = each[0] if width == 1 else builder.add(o.Concat(each))
    return curved if activation is Activation.LOGISTIC else _affine(builder, curved, width, 2.0, -1.0)


def _affine(builder: ProgramBuilder, value: int, width: int, factor: float, add: float) -> int:
    bias = np.full(width, add, dtype=np.float32)
    return builder.add(o.Blend((value,), np.array([factor], dtype=np.float32), bias))


def emit_product(
    builder: ProgramBuilder, features: Sequence[Feature], weight: F64, bias: F64, relu: bool = False
) -> int:
    """Value number of `features @ weight + bias`; scales go into the weights, tables are multiplied beforehand."""
    numbers = [j for j, feature in enumerate(features) if isinstance(feature, Number)]
    parts: list[int] = []
    constant = bias.astype(np.float64).copy()
    if numbers:
        plain = [_affine_of(features[j]) for j in numbers]  # type: ignore[arg-type]
        slopes = np.array([one.slope for one in plain])[:, None]
        constant += np.array([one.offset for one in plain]) @ weight[numbers]
        if len(numbers) == len(features):
            return dense(builder, _emit_plain(builder, plain), weight * slopes, constant, relu)
        parts.append(dense(builder, _emit_plain(builder, plain), weight[numbers] * slopes, np.zeros(bias.size)))
    for coding, table in _tables(features, weight):
        parts.append(builder.add(o.Lookup((emit_code(coding, builder),), table.astype(np.float32))))
    if not parts:
        raise UnsupportedOpError("the linear model has no input column")
    total = builder.add(o.Blend(tuple(parts), np.ones(len(parts), dtype=np.float32), constant.astype(np.float32)))
    return activate(builder, total, bias.size, Activation.RELU) if relu else total


def _tables(features: Sequence[Feature], weight: F64) -> list[tuple[Coding, F64]]:
    """What the encoded columns add, summed for each coding."""
    sums: dict[Coding, F64] = {}
    for j, feature in enumerate(features):
        if isinstance(feature, Levels):
            own = np.array(feature.values)[:, None] * weight[j]
            sums[feature.coding] = sums.get(feature.coding, 0.0) + own
    return list(sums.items())


@dataclass(frozen=True)
class _Affine:
    """A `Number` in the form `clip(fill(x)) - centre`, times `slope`, plus `offset`.

    Attributes:
        column: The raw column.
        fill: Raw value instead of NaN; None to leave it.
        low: Lower limit of the raw value.
        high: Upper limit of the raw value.
        centre: Subtracted first, so that large values that are close keep their difference.
        slope: Goes into the weights.
        offset: Goes into the bias.
    """

    column: str
    fill: float | None
    low: float
    high: float
    centre: float
    slope: float
    offset: float

    @staticmethod
    def of(number: Number) -> _Affine:
        """The form of a feature."""
        fill, low, high, centre, slope, offset = None, -np.inf, np.inf, 0.0, 1.0, 0.0
        for step in number.steps:
            value = step.value

            def raw(seen: float, slope: float = slope, offset: float = offset, centre: float = centre) -> float:
                return (seen - offset) / slope + centre

            match step.kind:
                case StepKind.FILL if fill is None:
                    fill = raw(value)
                    if not low <= fill <= high:
                        raise UnsupportedOpError(
                            f"column {number.column!r} is limited before it is imputed: impute first"
                        )
                case StepKind.ADD:
                    offset += value
                case StepKind.SUBTRACT if slope == 1.0 and offset == 0.0:
                    centre += value
                case StepKind.SUBTRACT:
                    offset -= value
                case StepKind.MULTIPLY:
                    slope, offset = slope * value, offset * value
                case StepKind.DIVIDE:
                    slope, offset = slope / value, offset / value
                case StepKind.LOW:
                    low = max(low, min(raw(value), high))
                case StepKind.HIGH:
                    high = min(high, max(raw(value), low))
        return _Affine(number.column, fill, low, high, centre, slope, offset)


def _affine_of(number: Number) -> _Affine:
    if any(step.kind is StepKind.TRUNCATE for step in number.steps):
        raise UnsupportedOpError(f"column {number.column!r} loses its fraction before a sum, which is not supported")
    return _Affine.of(number)


def _emit_plain(builder: ProgramBuilder, plain: Sequence[_Affine]) -> int:
    """Value number of filled, limited, centred raw columns side by side."""
    width = len(plain)
    wide = [builder.columns[builder.column(one.column)].dtype == "float64" for one in plain]
    columns = tuple(
        builder.add(o.Rescale((builder.column(one.column),), one.centre, 1.0))
        if is_wide
        else builder.column(one.column)
        for one, is_wide in zip(plain, wide, strict=True)
    )
    value = columns[0] if width == 1 else builder.add(o.Concat(columns))
    moved = np.array([one.centre if is_wide else 0.0 for one, is_wide in zip(plain, wide, strict=True)])
    fill = np.array([np.nan if one.fill is None else one.fill for one in plain])
    if not np.isnan(fill).all():
        value = builder.add(o.Impute((value,), (fill - moved).astype(np.float32)))
    low, high = np.array([one.low for one in plain]), np.array([one.high for one in plain])
    if np.isfinite(low).any() or np.isfinite(high).any():
        value = builder.add(o.Clip((value,), (low - moved).astype(np.float32), (high - moved).astype(np.float32)))
    centre = np.array([one.centre for one in plain]) - moved
    if centre.any():
        value = builder.add(o.Blend((value,), np.ones(1, dtype=np.float32), -centre.astype(np.float32)))
    return value
