"""Lowers float `Concat` and `Blend`, whose inputs are often many small ops of one kind that can be one node."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx import features, scores, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.lower import Lowering
    from lean_automl_exporters.onnx.values import Array, Index

FEWEST: Final = 2  # lookups in a row that are worth reading together


def concat(to: Lowering, op: o.Concat) -> str:
    """Runs of look-ups, and runs of rescaled columns, are made together."""
    names = []
    for kind, run in groupby(_flat(to, op), key=lambda number: _kind(to, number)):
        numbers = list(run)
        if kind is o.Lookup:
            names.append(tables.gathered(to.graph, *_looked_up(to, numbers)))
        elif kind is o.Rescale:
            names.append(_rescaled(to, numbers))
        else:
            names += [to.tensor(number) for number in numbers]
    return to.graph.concat(tuple(names))


def _flat(to: Lowering, op: o.Concat) -> list[int]:
    """Numbers of what is joined, through `Concat` of `Concat`."""
    numbers = []
    for number in op.inputs:
        inner = to.op(number)
        numbers += _flat(to, inner) if isinstance(inner, o.Concat) else [number]
    return numbers


def _kind(to: Lowering, number: int) -> type[o.Op] | None:
    """The kind of op that may be made together with its neighbours."""
    op = to.op(number)
    return type(op) if isinstance(op, o.Lookup | o.Rescale) and to.types[number].width == 1 else None


def _looked_up(to: Lowering, numbers: Sequence[int]) -> tuple[Index, list[Array]]:
    ops = [op for number in numbers if isinstance(op := to.op(number), o.Lookup)]
    return tuple(level for op in ops for level in to.index(op.inputs[0])), [op.table for op in ops]


def _rescaled(to: Lowering, numbers: Sequence[int]) -> str:
    ops = [op for number in numbers if isinstance(op := to.op(number), o.Rescale)]
    columns = to.graph.concat(tuple(to.tensor(op.inputs[0]) for op in ops))
    return features.rescale(to.graph, np.array([op.shift for op in ops]), np.array([op.scale for op in ops]), columns)


def blend(to: Lowering, op: o.Blend) -> str:
    """Look-ups at the end, with weight 1, are read together and added in order."""
    count = 0
    for number, weight in zip(reversed(op.inputs), reversed(op.weights), strict=True):
        if not isinstance(to.op(number), o.Lookup) or weight != 1.0:
            break
        count += 1
    count = min(count, len(op.inputs) - 1) if not op.bias.any() else count
    if count < FEWEST:
        return scores.blend(to.graph, op, [to.tensor(number) for number in op.inputs])
    plain = op.inputs[: len(op.inputs) - count]
    first = scores.blend(to.graph, op, [to.tensor(number) for number in plain])
    rest = tables.gathered(to.graph, *_looked_up(to, op.inputs[len(plain) :]))
    return tables.sum_in_order(to.graph, first, rest, count, op.bias.size)
