"""Lowers the ops that turn columns into features: codes, bins and floats."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl_exporters.onnx.graph import ML_DOMAIN, Graph
from lean_automl_exporters.onnx.values import Index, Part
from lean_automl_runtime.ir import ops as o

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.values import Array


def rescale(graph: Graph, op: o.Rescale, x: str) -> str:
    """float64 arithmetic, then one rounding."""
    if op.shift != 0.0:
        x = graph.node("Sub", x, graph.scalar(op.shift, "float64"))
    if op.scale != 1.0:
        x = graph.node("Mul", x, graph.scalar(op.scale, "float64"))
    return graph.cast(x, "float32")


def encode(graph: Graph, op: o.Encode, x: str) -> Index:
    """One look-up of the text; the empty string is a key like any other."""
    codes = range(o.CODE_FIRST, o.CODE_FIRST + len(op.categories))
    name = graph.node(
        "LabelEncoder",
        x,
        domain=ML_DOMAIN,
        keys_strings=("", *op.categories),
        values_int64s=(o.CODE_MISSING, *codes),
        default_int64=o.CODE_UNSEEN,
    )
    return Index((Part(name, "int64", (np.arange(o.CODE_FIRST + len(op.categories)),)),))


def cross(graph: Graph, op: o.Cross, a: Index, b: Index) -> Index:
    """`a * levels + b` on raw levels."""
    first, second = single(a), single(b)
    dtype = "int64" if "int64" in (first.dtype, second.dtype) else "int32"
    left, right = (p.name if p.dtype == dtype else graph.cast(p.name, dtype) for p in (first, second))
    codes_a, codes_b = first.maps[0], second.maps[0]
    scaled = graph.node("Mul", left, graph.scalar(codes_b.size, dtype))
    codes = (codes_a[:, None] * op.stride + codes_b).reshape(-1)
    return Index((Part(graph.node("Add", scaled, right), dtype, (codes,)),))


def lookup(graph: Graph, op: o.Lookup, x: Index) -> Index | str:
    """A table of bins changes what raw levels stand for; a table of floats is gathered from."""
    part = single(x)
    table = op.table[part.maps[0]]
    if op.table.dtype != np.float32:
        return Index(tuple(Part(part.name, part.dtype, (table[:, j].astype(np.int64),)) for j in range(table.shape[1])))
    if table.shape[1] == 1:
        return graph.node("Gather", graph.stored(table[:, 0]), part.name)
    wide = part.name if part.dtype == "int64" else graph.cast(part.name, "int64")
    return graph.node("GatherND", graph.stored(table), wide)


def single(index: Index) -> Part:
    """The only column of an index."""
    (part,) = index.parts
    return part


def impute(graph: Graph, op: o.Impute, x: str) -> str:
    return graph.node("Where", graph.node("IsNaN", x), graph.stored(op.fill), x)


def clip(graph: Graph, op: o.Clip, x: str) -> str:
    """Comparisons, because what Min and Max make of NaN differs between runtimes."""
    low, high = graph.stored(op.low), graph.stored(op.high)
    x = graph.node("Where", graph.node("Less", x, low), low, x)
    return graph.node("Where", graph.node("Greater", x, high), high, x)


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
    return Index((Part(counts, "int32", tuple(m.astype(np.int64) for m in maps)),))


def _padded(columns: list[Any]) -> Array:
    edges = np.full((len(columns), max(1, *(own.size for own in columns), 1)), np.nan, dtype=np.float32)
    for row, own in zip(edges, columns, strict=True):
        row[: own.size] = own
    return edges
