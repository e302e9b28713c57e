"""From leaf positions to scores: which leaves to read, and how they add up to the output columns.

Sums are exact, so that scores are the reference's bit for bit: in float32 where no sum can pass 2**24, else in int32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl_exporters.onnx.storage import stored

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array

EXACT_IN_FLOAT32: Final = 2**24
NO_TARGET: Final = 255


@dataclass(frozen=True, slots=True, eq=False)
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
        op.leaf_offsets[:-1].astype(np.int64),
        counts,
        int(counts.max(initial=1)),
        op.targets.size == op.scale.size * counts.size,
    )


def largest_sum(op: o.Forest) -> int:
    """The greatest absolute value that a sum of leaves can have."""
    worst = np.zeros(op.scale.size, dtype=np.int64)
    for tree in range(op.target_offsets.size - 1):
        columns = op.targets[op.target_offsets[tree] : op.target_offsets[tree + 1]]
        block = op.leaves[op.leaf_offsets[tree] : op.leaf_offsets[tree + 1]].reshape(-1, columns.size)
        worst[columns] += np.abs(block.astype(np.int64)).max(axis=0)
    return int(worst.max(initial=0))


def scores(graph: Graph, op: o.Forest, plan: LeafPlan, leaf: str, offset: Array) -> str:
    """Scores from the leaf that each tree reads.

    Args:
        graph: Takes the nodes.
        op: The trees.
        plan: How leaves are stored.
        leaf: int32 (n, 1, trees): leaf numbers times strides.
        offset: What `leaf` lacks to be a position in the stored leaves, for each tree.
    """
    dtype = "float32" if largest_sum(op) <= EXACT_IN_FLOAT32 else "int32"
    windows = plan.windows
    shift = stored(graph, offset.astype(np.int32)) if offset.any() or windows > 1 else None
    if shift is not None and windows > 1:
        # (n, 1, trees) + (windows, trees): trees come last, because a long last dimension adds fast. A tree of fewer
        # targets reads on behind its own leaf; `_sum_by_target` multiplies that by 0.
        shift = graph.node("Add", shift, graph.constant(np.arange(windows, dtype=np.int32)[:, None]))
    position = leaf if shift is None else graph.node("Add", leaf, shift)
    # GatherElements reads an element in less than 1 ns, where Gather takes 7, but has no batch: hence one dimension.
    leaves = np.append(plan.leaves, np.zeros(windows - 1, dtype=plan.leaves.dtype)).astype(dtype)
    values = graph.node("GatherElements", stored(graph, leaves), graph.node("Reshape", position, graph.integers(-1)))
    if plan.whole:
        rows = graph.node("Reshape", values, graph.integers(-1, windows, offset.size))
        total = graph.node("ReduceSum", rows, graph.integers(2), keepdims=0)
    else:
        total = _sum_by_target(graph, op, windows, values, dtype)
    return scaled(graph, total if dtype == "float32" else graph.cast(total, "float32"), op.scale, op.bias)


def scaled(graph: Graph, total: str, scale: Array, bias: Array) -> str:
    """`total * scale + bias`, each step rounded."""
    if (scale != 1.0).any():
        total = graph.node("Mul", total, graph.constant(scale))
    return graph.node("Add", total, graph.constant(bias))  # even where it is 0: it makes 0 of -0


def blank_scores(graph: Graph, x: str, bias: Array) -> str:
    """The scores of no trees: the bias, for as many rows as x has."""
    rows = graph.node("Shape", x, start=0, end=1)
    shape = graph.node("Concat", rows, graph.integers(bias.size), axis=0)
    # 0 * scale + bias, where scale is finite: the bias, never -0.
    return graph.node("Expand", graph.constant(bias + np.float32(0.0)), shape)


def _sum_by_target(graph: Graph, op: o.Forest, windows: int, values: str, dtype: str) -> str:
    """Adds the values that trees read to the columns that they are for, by a matrix of 0 and 1."""
    width, counts = op.scale.size, np.diff(op.target_offsets)
    owner = np.full((windows, counts.size), NO_TARGET if width <= NO_TARGET else 2**16 - 1, dtype=np.int64)
    tree = np.repeat(np.arange(counts.size), counts)
    owner[np.arange(tree.size) - op.target_offsets[:-1][tree], tree] = op.targets
    zero_one = graph.constant(np.array([0, 1], dtype=np.float32))
    depth = graph.constant(np.array(width, dtype=np.int64))
    ones = graph.node("OneHot", stored(graph, owner.reshape(-1)), depth, zero_one)
    rows = graph.node("Reshape", values, graph.integers(-1, owner.size))
    return graph.node("MatMul", rows, ones if dtype == "float32" else graph.cast(ones, dtype))
