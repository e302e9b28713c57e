"""Lowers the ops that turn columns into features: codes, bins and floats."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.storage import stored
from lean_automl_exporters.onnx.values import Level, Source, Term, whole

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array, Index


BYTES_OF_PADDING: Final = 350  # of the nodes that pad a matrix when a session loads


def rescale(graph: Graph, shift: Array, scale: Array, x: str) -> str:
    """float64 arithmetic, then one rounding; `shift` and `scale` have an entry for each column."""
    if shift.any():
        x = graph.node("Sub", x, graph.constant(shift))
    if (scale != 1.0).any():
        x = graph.node("Mul", x, graph.constant(scale))
    return graph.cast(x, "float32")


def cross(op: o.Cross, a: Index, b: Index) -> Index:
    """`a * levels + b` on raw levels: no node, but a sum of more terms."""
    (first,), (second,) = a, b
    levels = second.codes.size
    terms = tuple(Term(t.source, t.column, t.factor * levels) for t in first.terms) + second.terms
    return (Level(terms, (first.codes[:, None] * op.stride + second.codes).reshape(-1)),)


def lookup_bins(op: o.Lookup, x: Index) -> Index:
    """Changes what raw levels stand for."""
    (level,) = x
    return tuple(Level(level.terms, column.astype(np.int64)) for column in op.table[level.codes].T)


def impute(graph: Graph, op: o.Impute, x: str) -> str:
    return graph.node("Where", graph.node("IsNaN", x), stored(graph, op.fill), x)


def clip(graph: Graph, op: o.Clip, x: str) -> str:
    """Max and Min keep NaN."""
    if (op.low > -np.inf).any():
        x = graph.node("Max", x, stored(graph, op.low))
    return graph.node("Min", x, stored(graph, op.high)) if (op.high < np.inf).any() else x


ARITHMETIC: Final = {
    o.ArithmeticKind.ADD: "Add",
    o.ArithmeticKind.SUBTRACT: "Sub",
    o.ArithmeticKind.MULTIPLY: "Mul",
    o.ArithmeticKind.DIVIDE: "Div",
}
COMPARISONS: Final = {
    o.ArithmeticKind.LESS: "Less",
    o.ArithmeticKind.LESS_EQUAL: "LessOrEqual",
    o.ArithmeticKind.EQUAL: "Equal",
}


def arithmetic(graph: Graph, kind: o.ArithmeticKind, a: str, b: str) -> str:
    """Element by element. Not Min and Max, which may return either of two zeros."""
    if kind in ARITHMETIC:
        return graph.node(ARITHMETIC[kind], a, b)
    if kind is o.ArithmeticKind.FLOOR_DIVIDE:
        return graph.node("Floor", graph.node("Div", a, b))
    if kind in COMPARISONS:
        holds = graph.cast(graph.node(COMPARISONS[kind], a, b), "float32")
        missing = graph.node("Or", graph.node("IsNaN", a), graph.node("IsNaN", b))
        return graph.node("Where", missing, graph.scalar(np.nan, "float32"), holds)
    first = graph.node("Less", a, b) if kind is o.ArithmeticKind.MINIMUM else graph.node("Greater", a, b)
    return graph.node("Where", graph.node("Or", first, graph.node("IsNaN", a)), a, b)


def with_constant(graph: Graph, op: o.WithConstant, x: str) -> str:
    constant = stored(graph, op.constant)
    return arithmetic(graph, op.kind, *((constant, x) if op.constant_first else (x, constant)))


def bin_columns(graph: Graph, op: o.Bin, x: str) -> Index:
    """Counts comparisons with a matrix of edges that is padded with NaN, with which no comparison holds.

    Where NaN has bin 0, the edges below x are counted: raw level = bin. Otherwise the edges not below x are counted,
    with one infinite edge more, so that NaN alone has raw level 0, and no node has to ask for NaN.
    """
    columns = [op.edges[start:stop] for start, stop in pairwise(op.offsets.tolist())]
    if not op.nan_bin.any():
        compared, maps = "Greater", [np.arange(own.size + 1) for own in columns]
    else:
        compared = "LessOrEqual"
        maps = [np.append(nan, np.arange(own.size, -1, -1)) for own, nan in zip(columns, op.nan_bin, strict=True)]
        columns = [np.append(own, np.float32(np.inf)) for own in columns]
    deep = x if len(columns) == 1 else graph.node("Unsqueeze", x, graph.integers(2))
    truth = graph.node(compared, deep, _edges(graph, columns))
    axis, keep = (1, 1) if len(columns) == 1 else (2, 0)
    counts = graph.node("ReduceSum", graph.cast(truth, "int32"), graph.integers(axis), keepdims=keep)
    return whole(Source(counts, "int32", len(columns)), maps)


def _edges(graph: Graph, columns: list[Array]) -> str:
    """The matrix of edges, or one vector; where padding would be most of a file's matrix, it is made from the rest."""
    counts = np.array([own.size for own in columns])
    most = max(1, int(counts.max()))
    matrix = np.full((len(columns), most), np.nan, dtype=np.float32)
    matrix[np.arange(most) < counts[:, None]] = np.concatenate(columns)
    if len(columns) == 1:
        return graph.constant(matrix[0])
    if 4 * (matrix.size - counts.sum()) < len(columns) * 3 + most + BYTES_OF_PADDING:
        return graph.constant(matrix)
    flat = graph.constant(np.append(np.concatenate(columns), np.float32(np.nan)))
    place = stored(graph, np.arange(most))
    first, count = (stored(graph, v.astype(np.int64)[:, None]) for v in (np.cumsum(counts) - counts, counts))
    inside = graph.node("Less", place, count)
    at = graph.node("Where", inside, graph.node("Add", first, place), graph.integers(int(counts.sum())))
    return graph.node("Gather", flat, at)
