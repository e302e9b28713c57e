"""Lowers the ops that turn columns into features: codes, bins and floats."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.values import Index, Level, Source, joined, renumbered, whole

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array


def rescale(graph: Graph, op: o.Rescale, x: str) -> str:
    """float64 arithmetic, then one rounding."""
    if op.shift != 0.0:
        x = graph.node("Sub", x, graph.scalar(op.shift, "float64"))
    if op.scale != 1.0:
        x = graph.node("Mul", x, graph.scalar(op.scale, "float64"))
    return graph.cast(x, "float32")


def cross(graph: Graph, op: o.Cross, a: Index, b: Index) -> Index:
    """`a * levels + b` on raw levels."""
    index = (*_compact(graph, a), *_compact(graph, b))
    names = [joined(graph, (level,)) for level in index]
    dtype = "int64" if any(source.dtype == "int64" for source in names) else "int32"
    left, right = (source.name if source.dtype == dtype else graph.cast(source.name, dtype) for source in names)
    codes_a, codes_b = (level.codes for level in index)
    scaled = graph.node("Mul", left, graph.scalar(codes_b.size, dtype))
    codes = (codes_a[:, None] * op.stride + codes_b).reshape(-1)
    return whole(Source(graph.node("Add", scaled, right), dtype, 1), [codes])


def _compact(graph: Graph, index: Index) -> Index:
    """Without most raw levels that stand for the same, because the levels of a cross multiply."""
    (level,) = index
    return renumbered(graph, index) if level.codes.size > 1.3 * np.unique(level.codes).size + 2 else index


def lookup(graph: Graph, op: o.Lookup, x: Index) -> Index | str:
    """A table of bins changes what raw levels stand for; a table of floats is gathered from."""
    (level,) = x
    table = op.table[level.codes]
    if op.table.dtype != np.float32:
        return tuple(Level(level.source, level.column, column.astype(np.int64)) for column in table.T)
    source = joined(graph, x)
    if table.shape[1] == 1:
        return graph.node("Gather", graph.stored(table[:, 0]), source.name)
    rows = source.name if source.dtype == "int64" else graph.cast(source.name, "int64")
    return graph.node("GatherND", graph.stored(table), rows)


def impute(graph: Graph, op: o.Impute, x: str) -> str:
    return graph.node("Where", graph.node("IsNaN", x), graph.stored(op.fill), x)


def clip(graph: Graph, op: o.Clip, x: str) -> str:
    """Max and Min keep NaN."""
    if (op.low > -np.inf).any():
        x = graph.node("Max", x, graph.stored(op.low))
    return graph.node("Min", x, graph.stored(op.high)) if (op.high < np.inf).any() else x


ARITHMETIC = {
    o.ArithmeticKind.ADD: "Add",
    o.ArithmeticKind.SUBTRACT: "Sub",
    o.ArithmeticKind.MULTIPLY: "Mul",
    o.ArithmeticKind.DIVIDE: "Div",
}


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
    edges = _padded(columns)
    deep = x if len(columns) == 1 else graph.node("Unsqueeze", x, graph.integers(2))
    truth = graph.node(compared, deep, graph.constant(edges[0] if len(columns) == 1 else edges))
    axis, keep = (1, 1) if len(columns) == 1 else (2, 0)
    counts = graph.node("ReduceSum", graph.cast(truth, "int32"), graph.integers(axis), keepdims=keep)
    return whole(Source(counts, "int32", len(columns)), maps)


def _padded(columns: list[Any]) -> Array:
    edges = np.full((len(columns), max(1, *(own.size for own in columns), 1)), np.nan, dtype=np.float32)
    for row, own in zip(edges, columns, strict=True):
        row[: own.size] = own
    return edges
