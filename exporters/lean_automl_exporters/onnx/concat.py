"""Lowers float `Concat` and `Blend`, whose inputs are often many small ops of one kind that can be one node."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx import dates, features, scores, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.lower import Lowering
    from lean_automl_exporters.onnx.values import Array, Index

FEWEST: Final = 2  # look-ups of a sum that are worth reading together
FEWEST_PAIRS: Final = 4  # arithmetic ops that are worth two Concat nodes


def concat(to: Lowering, numbers: Sequence[int]) -> str:
    """Values side by side; runs of ops of one kind are made together."""
    names = []
    for (kind, _), run in groupby(_flat(to, numbers), key=lambda number: _kind(to, number)):
        own = list(run)
        if kind is o.Lookup:
            names.append(tables.gathered(to.graph, *_looked_up(to, own)))
        elif kind is o.Rescale:
            names.append(_rescaled(to, own))
        elif kind is o.DatePart:
            names.append(_date_parts(to, own))
        elif kind is o.Arithmetic and len(own) >= FEWEST_PAIRS:
            names.append(_arithmetic(to, own))
        elif to.matrix is not None and to.op(own[0]) is None:
            names.append(to.columns(own))
        else:
            names += [to.tensor(number) for number in own]
    return to.graph.concat(tuple(names))


def _flat(to: Lowering, numbers: Sequence[int]) -> list[int]:
    """Numbers of what is joined, through `Concat` of `Concat`."""
    flat = []
    for number in numbers:
        inner = to.op(number)
        flat += _flat(to, inner.inputs) if isinstance(inner, o.Concat) else [number]
    return flat


def _kind(to: Lowering, number: int) -> tuple[type[o.Op] | None, object]:
    """What a value must have in common with its neighbours to be made together with them."""
    op = to.op(number)
    if op is None:
        return None, "column"
    if isinstance(op, o.DatePart):
        return o.DatePart, op.inputs
    if isinstance(op, o.Arithmetic) and to.types[number].width == 1:
        return o.Arithmetic, op.kind
    if isinstance(op, o.Lookup | o.Rescale) and to.types[number].width == 1:
        return type(op), None
    return None, None


def _looked_up(to: Lowering, numbers: Sequence[int]) -> tuple[Index, list[Array]]:
    ops = [op for number in numbers if isinstance(op := to.op(number), o.Lookup)]
    return tuple(level for op in ops for level in to.index(op.inputs[0])), [op.table for op in ops]


def _rescaled(to: Lowering, numbers: Sequence[int]) -> str:
    ops = [op for number in numbers if isinstance(op := to.op(number), o.Rescale)]
    columns = to.graph.concat(tuple(to.tensor(op.inputs[0]) for op in ops))
    return features.rescale(to.graph, np.array([op.shift for op in ops]), np.array([op.scale for op in ops]), columns)


def _date_parts(to: Lowering, numbers: Sequence[int]) -> str:
    ops = [op for number in numbers if isinstance(op := to.op(number), o.DatePart)]
    return dates.date_parts(to.graph, [op.part for op in ops], to.tensor(ops[0].inputs[0]))


def _arithmetic(to: Lowering, numbers: Sequence[int]) -> str:
    ops = [op for number in numbers if isinstance(op := to.op(number), o.Arithmetic)]
    a, b = (concat(to, [op.inputs[side] for op in ops]) for side in (0, 1))
    return features.arithmetic(to.graph, ops[0].kind, a, b)


def blend(to: Lowering, op: o.Blend) -> str:
    """Look-ups at the end, with weight 1, are read together and added in order."""
    count = 0
    for number, weight in zip(reversed(op.inputs), reversed(op.weights), strict=True):
        if not isinstance(to.op(number), o.Lookup) or weight != 1.0:
            break
        count += 1
    count = min(count, len(op.inputs) - 1)  # the first is what the bias is added to
    if count < FEWEST:
        return scores.blend(to.graph, op, [to.tensor(number) for number in op.inputs])
    plain = op.inputs[: len(op.inputs) - count]
    first = scores.blend(to.graph, op, [to.tensor(number) for number in plain])
    rest = tables.gathered(to.graph, *_looked_up(to, op.inputs[len(plain) :]))
    return tables.sum_in_order(to.graph, first, rest, count, op.bias.size)
