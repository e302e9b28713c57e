"""Features as ops of a Program; they compute the bits that `plan` does."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.errors import InternalError
from lean_automl.features.plan import (
    Binned,
    Centred,
    Crossed,
    DateNumber,
    Expressed,
    Frequency,
    Number,
    Ordinal,
    Pair,
    Shifted,
    TextNumber,
    WithNumber,
    Worded,
    with_constant,
)

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.features.plan import CategoryFeature


@singledispatch
def emit_number(feature: object, builder: ProgramBuilder) -> int:  # noqa: ARG001
    """Value number of a numeric feature in a Program, float32 (n, 1); infinities are not limited yet."""
    raise InternalError(f"no ops are defined for {type(feature).__name__}")


@emit_number.register(Number)
def _(feature: Number, builder: ProgramBuilder) -> int:
    return builder.column(feature.column)


@emit_number.register(Shifted)
def _(feature: Shifted, builder: ProgramBuilder) -> int:
    return builder.add(o.Rescale((builder.column(feature.column),), feature.shift, feature.scale))


@emit_number.register(DateNumber)
def _(feature: DateNumber, builder: ProgramBuilder) -> int:
    return builder.add(o.DatePart((builder.column(feature.column),), feature.part))


@emit_number.register(Pair)
def _(feature: Pair, builder: ProgramBuilder) -> int:
    inputs = (emit_number(feature.left, builder), emit_number(feature.right, builder))
    return builder.add(o.Arithmetic(inputs, feature.kind))


@emit_number.register(WithNumber)
def _(feature: WithNumber, builder: ProgramBuilder) -> int:
    return builder.add(with_constant(feature, emit_number(feature.feature, builder)))


@emit_number.register(Expressed)
def _(feature: Expressed, builder: ProgramBuilder) -> int:
    return emit_number(feature.feature, builder)


@emit_number.register(Centred)
def _(feature: Centred, builder: ProgramBuilder) -> int:
    table = np.array(feature.means, dtype=np.float32)[:, None]
    mean = builder.add(o.Lookup((emit_code(feature.category, builder),), table))
    return builder.add(o.Arithmetic((emit_number(feature.value, builder), mean), o.ArithmeticKind.SUBTRACT))


@emit_number.register(Frequency)
def _(feature: Frequency, builder: ProgramBuilder) -> int:
    table = np.array(feature.shares, dtype=np.float32)[:, None]
    return builder.add(o.Lookup((emit_code(feature.category, builder),), table))


@emit_number.register(Ordinal)
def _(feature: Ordinal, builder: ProgramBuilder) -> int:
    table = np.arange(feature.category.levels, dtype=np.float32)[:, None]
    return builder.add(o.Lookup((emit_code(feature.category, builder),), table))


@emit_number.register(TextNumber)
def _(feature: TextNumber, builder: ProgramBuilder) -> int:
    return builder.add(o.TextCount((builder.column(feature.column),), feature.field))


@emit_number.register(Worded)
def _(feature: Worded, builder: ProgramBuilder) -> int:
    return builder.add(replace(feature.op, inputs=(builder.column(feature.column),)))


def emit_code(feature: CategoryFeature, builder: ProgramBuilder) -> int:
    """Value number of a categorical feature in a Program, a code or a bin (n, 1)."""
    if isinstance(feature, Binned):
        offsets, nan_bin = np.array([0, len(feature.edges)]), np.array([len(feature.edges) + 1])
        edges = np.array(feature.edges, dtype=np.float32)
        number = emit_number(feature.value, builder)
        return builder.add(o.Bin((number,), edges, offsets.astype(np.int32), nan_bin.astype(np.int32)))
    if isinstance(feature, Crossed):
        inputs = (emit_code(feature.left, builder), emit_code(feature.right, builder))
        return builder.add(o.Cross(inputs, feature.right.levels))
    return builder.add(o.Encode((builder.column(feature.column),), feature.categories))
