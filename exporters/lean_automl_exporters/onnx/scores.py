"""Lowers tables, layers, links and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.exp32 import HIGHEST, LOWEST
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx.leaves import EXACT_IN_FLOAT32, blank_scores, scaled
from lean_automl_exporters.onnx.storage import stored
from lean_automl_exporters.onnx.tables import sum_in_order
from lean_automl_exporters.onnx.values import Source, compacted, joined, shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array, Index


def table_sum(graph: Graph, op: o.TableSum, x: Index) -> str:
    """One look-up in the tables of all terms, which stand one after another in raw order."""
    if op.strides.size == 0:
        return blank_scores(graph, x[0].terms[0].source.name, op.bias)
    x = compacted(graph, x, op.values.shape[1] * op.values.itemsize)
    source = joined(graph, x)
    maps = [level.codes for level in x]
    blocks, bases, strides = [], [], []
    start = 0
    for term in range(op.strides.size):
        a, b = op.terms[term].tolist()
        rows = maps[a] if b < 0 else (maps[a][:, None] * int(op.strides[term]) + maps[b]).reshape(-1)
        blocks.append(op.values[op.offsets[term] + rows])
        bases.append(start)
        strides.append(1 if b < 0 else maps[b].size)
        start += rows.size
    terms = _positions(graph, op, source, np.array(strides))
    at = shifted(graph, Source(terms, source.dtype, len(bases)), np.array(bases, dtype=np.int64))
    worst = sum(np.abs(block.astype(np.int64)).max(axis=0, initial=0) for block in blocks)
    total_type = "float32" if int(np.max(worst)) <= EXACT_IN_FLOAT32 else "int32"
    table = np.concatenate(blocks).astype(total_type)
    width = op.scale.size
    values = graph.node("Gather", stored(graph, table[:, 0] if width == 1 else table), at)
    total = graph.node("ReduceSum", values, graph.integers(1), keepdims=int(width == 1))
    return scaled(graph, total if total_type == "float32" else graph.cast(total, "float32"), op.scale, op.bias)


def _positions(graph: Graph, op: o.TableSum, source: Source, strides: Array) -> str:
    """`x_a`, or `x_a * levels of b + x_b`, of each term."""
    first, second = op.terms[:, 0], op.terms[:, 1]
    dtype = source.dtype
    at = _picked(graph, source, first)
    if (second < 0).all():
        return at
    at = graph.node("Mul", at, graph.constant(strides.astype(dtype)))
    other = _picked(graph, source, np.maximum(second, 0))
    if (second < 0).any():
        other = graph.node("Mul", other, graph.constant((second >= 0).astype(dtype)))
    return graph.node("Add", at, other)


def _picked(graph: Graph, source: Source, columns: Array) -> str:
    if np.array_equal(columns, np.arange(source.width)):
        return source.name
    return graph.node("Gather", source.name, stored(graph, columns.astype(np.int64)), axis=1)


def dense(graph: Graph, op: o.Dense, x: str) -> str:
    total = graph.node("Gemm", x, stored(graph, op.weight), stored(graph, op.bias))
    return graph.node("Relu", total) if op.activation is o.Activation.RELU else total


def dot(graph: Graph, a: str, z: str, width: int) -> str:
    """Products, added in the order that the IR states."""
    constant, slopes = graph.nodes_of("Split", (a, graph.integers(1, width)), 2, "", {"axis": 1})
    return sum_in_order(graph, constant, graph.node("Mul", slopes, z), width, 1)


def blend(graph: Graph, op: o.Blend, values: Sequence[str]) -> str:
    """Scaled and added one after another, from the bias on."""
    total = graph.constant(op.bias)
    for weight, value in zip(op.weights, values, strict=False):
        term = value if weight == 1.0 else graph.node("Mul", value, graph.constant(np.array([weight])))
        total = graph.node("Add", total, term)
    return total


def link(graph: Graph, op: o.Link, x: str) -> str:
    """SIGMOID of (-x, x) is (1 - p, p); an exponential has its bounds."""
    if op.kind is o.LinkKind.SIGMOID:
        return graph.node("Sigmoid", _both_signs(graph, x))
    if op.kind is o.LinkKind.EXPONENTIAL:
        above = graph.node("Max", x, graph.constant(np.array([LOWEST])))
        return graph.node("Exp", graph.node("Min", above, graph.constant(np.array([HIGHEST]))))
    return graph.node("Softmax", x, axis=1)


def _both_signs(graph: Graph, x: str) -> str:
    """(-x, x); the signs go into the constants that scale and shift x, where there are any."""
    node = graph.maker(x)
    if node is not None and node.op_type in ("Mul", "Add") and node.inputs[1] in graph.constants:
        number = graph.constants[node.inputs[1]]
        if number.shape == (1,):
            both = np.concatenate([-number, number])
            inner = _both_signs(graph, node.inputs[0]) if node.op_type == "Add" else node.inputs[0]
            return graph.node(node.op_type, inner, graph.constant(both))
    return graph.node("Mul", x, graph.constant(np.array([-1, 1], dtype=np.float32)))


def label(graph: Graph, op: o.Label, x: str) -> str:
    dtypes: dict[type, type] = {str: object, int: np.int64, bool: np.bool_}
    classes: Array = np.array(op.classes, dtype=dtypes[type(op.classes[0])])
    if op.threshold is None:
        return graph.node("Gather", graph.constant(classes), graph.node("ArgMax", x, axis=1, keepdims=0))
    second = graph.node("Gather", x, graph.constant(np.array(1, dtype=np.int64)), axis=1)
    above = graph.node("Greater", second, graph.constant(np.array(op.threshold, dtype=np.float32)))
    if classes.dtype == np.bool_ and classes.tolist() == [False, True]:
        return above
    return graph.node("Gather", graph.constant(classes), graph.cast(above, "int64"))
