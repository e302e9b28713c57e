"""From leaf positions to scores: which leaves to read, and how they add up to the output columns.

Sums are exact, so that scores are the reference's bit for bit: in float32 where no sum can pass 2**24, else in int32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array
    from lean_automl_runtime.ir import ops as o

EXACT_IN_FLOAT32: Final = 2**24


@dataclass(frozen=True, slots=True)
class LeafPlan:
    """How leaves are stored.

    Attributes:
        leaves: 1-d, in storage order.
        first: int64 (trees,): position of each tree's leaf 0.
        strides: int64 (trees,): positions from leaf to leaf, which is how many targets a tree has.
        windows: The most targets that a tree has.
        whole: Whether every tree has all targets, so that no tree needs to name its own.
    """

    leaves: Array
    first: Array
    strides: Array
    windows: int
    whole: bool


def leaf_plan(op: o.Forest, flipped: Array) -> LeafPlan:
    """Leaves with the bits of their numbers complemented as `flipped` says."""
    counts = np.diff(op.target_offsets).astype(np.int64)
    leaves = op.leaves.copy()
    for tree in np.flatnonzero(flipped):
        start, stop = op.leaf_offsets[tree : tree + 2]
        block = op.leaves[start:stop].reshape(-1, counts[tree])
        leaves[start:stop] = block[np.arange(block.shape[0]) ^ flipped[tree]].reshape(-1)
    return LeafPlan(
        leaves,
        op.leaf_offsets[:-1].astype(np.int64) // (counts[0] if _whole(op) and counts.size else 1),
        np.ones_like(counts) if _whole(op) else counts,
        int(counts.max(initial=1)),
        _whole(op),
    )


def _whole(op: o.Forest) -> bool:
    return op.targets.size == op.scale.size * (op.target_offsets.size - 1)


def largest_sum(op: o.Forest) -> int:
    """The greatest absolute value that a sum of leaves can have."""
    worst = np.zeros(op.scale.size, dtype=np.int64)
    for tree in range(op.target_offsets.size - 1):
        columns = op.targets[op.target_offsets[tree] : op.target_offsets[tree + 1]]
        block = op.leaves[op.leaf_offsets[tree] : op.leaf_offsets[tree + 1]].reshape(-1, columns.size)
        worst[columns] += np.abs(block.astype(np.int64)).max(axis=0)
    return int(worst.max(initial=0))


def scores(graph: Graph, op: o.Forest, plan: LeafPlan, position: str, trees: int) -> str:
    """Scores from the positions of leaves, int32 (n, 1, trees)."""
    dtype = "float32" if largest_sum(op) <= EXACT_IN_FLOAT32 else "int32"
    leaves = graph.stored(plan.leaves.astype(dtype))
    if plan.whole:
        total = _sum_whole(graph, op, leaves, position)
    else:
        total = _sum_by_target(graph, op, plan, leaves, position, dtype, trees)
    return scaled(graph, total if dtype == "float32" else graph.cast(total, "float32"), op.scale, op.bias)


def scaled(graph: Graph, total: str, scale: Array, bias: Array) -> str:
    """`total * scale + bias`, each step rounded."""
    if (scale != 1.0).any():
        total = graph.node("Mul", total, graph.constant(scale))
    return graph.node("Add", total, graph.constant(bias)) if bias.any() else total


def blank_scores(graph: Graph, x: str, bias: Array) -> str:
    """The scores of no trees: the bias, for as many rows as x has."""
    rows = graph.node("Shape", x, start=0, end=1)
    shape = graph.node("Concat", rows, graph.integers(bias.size), axis=0)
    # 0 * scale + bias, where scale is finite: the bias, never -0.
    return graph.node("Expand", graph.constant(bias + np.float32(0.0)), shape)


def _sum_whole(graph: Graph, op: o.Forest, leaves: str, position: str) -> str:
    width = op.scale.size
    if width == 1:
        return graph.node("ReduceSum", graph.node("Gather", leaves, position), graph.integers(2), keepdims=0)
    matrix = graph.node("Reshape", leaves, graph.integers(-1, width))
    return graph.node("ReduceSum", graph.node("Gather", matrix, position), graph.integers(1, 2), keepdims=0)


def _sum_by_target(
    graph: Graph, op: o.Forest, plan: LeafPlan, leaves: str, position: str, dtype: str, trees: int
) -> str:
    """Each tree reads a window of leaves from its position on; a 0/1 matrix adds them to their columns.

    Windows are as wide as the widest tree's; what a narrower tree reads beyond its own leaf is multiplied by 0.
    """
    width, windows = op.scale.size, plan.windows
    owner = np.full((trees, windows), 255 if width < 255 else 65_535, dtype=np.int64)
    counts = np.diff(op.target_offsets)
    tree = np.repeat(np.arange(trees), counts)
    owner[tree, np.arange(tree.size) - op.target_offsets[:-1][tree]] = op.targets
    values = graph.node("Gather", _windows(graph, plan, leaves, dtype), position)
    values = graph.node("Reshape", values, graph.integers(-1, trees * windows))
    ones = graph.node(
        "OneHot",
        graph.stored(owner.reshape(-1)),
        graph.integers(width),
        graph.constant(np.array([0, 1], dtype=np.float32)),
    )
    return graph.node("MatMul", values, ones if dtype == "float32" else graph.cast(ones, dtype))


def _windows(graph: Graph, plan: LeafPlan, leaves: str, dtype: str) -> str:
    """A matrix whose row i is `leaves[i : i + windows]`."""
    if plan.windows == 1:
        return leaves
    size = plan.leaves.size
    tail = graph.constant(np.zeros(plan.windows, dtype=dtype))
    longer = graph.node("Concat", leaves, tail, axis=0)
    row = graph.node("Range", *(graph.constant(np.array(v, dtype=np.int64)) for v in (0, size, 1)))
    column = graph.constant(np.arange(plan.windows, dtype=np.int64))
    at = graph.node("Add", graph.node("Unsqueeze", row, graph.integers(1)), column)
    return graph.node("Gather", longer, at)
