"""Oblivious trees as a few dense nodes: `tensor` encoding.

A level of a tree sets one bit of the leaf number from one level of one column onwards. Summed down the column's levels,
these events give a table of (level of a column, tree), whose rows for the levels of an input row add up to the leaf
numbers of all trees:

    leaf[t] = offset[t] + sum over columns c of table[level of c, t]

The file holds the events (one number a split); the table is made from them when a session loads. Per input row, this
gathers as many rows as there are columns, where comparing each split by itself would gather each split: 14 copies of
300 bytes, not 1,800 of 4, and the sum is one product of bytes.

A column whose raw levels run against its bins has its bits complemented: the tree's leaves are stored in the order
that the complemented bits give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl_exporters.onnx.leaves import leaf_plan, scores
from lean_automl_exporters.onnx.storage import stored
from lean_automl_exporters.onnx.values import ordered, shifted, starts

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array, Index

LARGEST_BYTE: Final = 255
MOST_COLUMNS: Final = 32  # for each level of depth: beyond that, comparing every split costs less than adding rows
LARGEST_TABLE: Final = 2**22  # bytes in memory of a loaded session; three times that, as int32, while it loads


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Where bits of leaf numbers begin to be set.

    Attributes:
        row: int64 (depth, trees): the first level, columns numbered through, or `rows` for never.
        flipped: int64 (trees,): the bits of each tree that are complemented.
        rows: Levels of all columns.
        bases: int64 (columns,): the first level of each column.
    """

    row: Array
    flipped: Array
    rows: int
    bases: Array


def tensor_trees(graph: Graph, op: o.ObliviousTrees, x: Index) -> str:
    """Scores of oblivious trees."""
    source, columns, place = ordered(graph, x)
    found = events(op, columns, place)
    depth, trees = found.row.shape
    plan = leaf_plan(op, found.flipped)
    # A leaf's number times the tree's stride, where a byte can hold it, comes out of the table at no cost.
    folded = ((1 << depth) - 1) * int(plan.strides.max()) <= LARGEST_BYTE or plan.windows == 1
    weights = (1 << np.arange(depth))[:, None] * (plan.strides if folded else np.ones(1, dtype=np.int64))
    if np.unique(plan.strides).size == 1:
        weights = weights[:, :1]
    rows = shifted(graph, source, found.bases)
    # The table is summed over all columns, so that each row also holds the events of the columns before its own.
    before = found.bases.size - np.searchsorted(found.bases, found.row, side="left")
    if found.rows * trees <= LARGEST_TABLE and found.bases.size <= MOST_COLUMNS * depth:
        leaf = _by_table(graph, found, weights, rows)
    else:
        leaf, before = _by_comparison(graph, found, weights, rows, source.dtype), np.zeros_like(before)
    if not folded:
        leaf = graph.node("Mul", leaf, stored(graph, plan.strides.astype(np.int32)))
        weights = weights * plan.strides
    return scores(graph, op, plan, leaf, plan.first - (before * weights).sum(axis=0))


def events(op: o.ObliviousTrees, columns: Index, place: list[int]) -> Events:
    """The event of each split; levels that a shallow tree lacks never happen.

    Args:
        op: The trees.
        columns: Binned columns, their codes monotone.
        place: The position in `columns` of each column of the op's input.
    """
    bases = starts(columns)
    rows = int(bases[-1])
    depths = np.diff(op.split_offsets)
    trees = depths.size
    row = np.full((max(1, int(depths.max(initial=0))), trees), rows, dtype=np.int64)
    flipped = np.zeros(trees, dtype=np.int64)
    tree_of = np.repeat(np.arange(trees), depths)
    level_of = np.arange(tree_of.size) - op.split_offsets[:-1][tree_of]
    read = np.array(place, dtype=np.int64)[op.split_feature]
    for column in np.unique(read).tolist():
        codes = columns[column].codes
        own = np.flatnonzero(read == column)
        first, against = _first_levels(codes, op.split_bin[own].astype(np.int64))
        # What holds from the first level on holds always: never, complemented.
        always = first == 0
        row[level_of[own], tree_of[own]] = np.where(always | (first == codes.size), rows, bases[column] + first)
        np.add.at(flipped, tree_of[own], (against ^ always).astype(np.int64) << level_of[own])
    return Events(row, flipped, rows, bases[:-1])


def _first_levels(mapping: Array, split: Array) -> tuple[Array, bool]:
    """First raw level with `bin > split`, or with `bin <= split` where bins descend (True)."""
    if (np.diff(mapping) >= 0).all():
        return np.searchsorted(mapping, split, side="right"), False
    return mapping.size - np.searchsorted(mapping[::-1], split, side="right"), True


def _by_table(graph: Graph, found: Events, weights: Array, rows: str) -> str:
    """Sums of rows of the table of events, int32 (n, 1, trees)."""
    depth, trees = found.row.shape
    # The last row takes the events that never happen.
    empty = graph.node("ConstantOfShape", graph.integers(found.rows + 1, trees), value=np.zeros(1, dtype=np.int32))
    weight = stored(graph, weights.astype(np.int32))
    if weights.shape != (depth, trees):
        weight = graph.node("Expand", weight, graph.integers(depth, trees))
    events_at = stored(graph, found.row)
    table = graph.node("ScatterElements", empty, events_at, weight, axis=0, reduction="add")
    table = graph.node("CumSum", table, graph.constant(np.array(0, dtype=np.int64)))
    if _fit_bytes(weights):
        ones = np.ones((1, found.bases.size), dtype=np.uint8)
        return graph.node("MatMulInteger", graph.constant(ones), graph.node("Gather", graph.cast(table, "uint8"), rows))
    return graph.node("ReduceSum", graph.node("Gather", table, rows), graph.integers(1), keepdims=1)


def _by_comparison(graph: Graph, found: Events, weights: Array, rows: str, dtype: str) -> str:
    """The same by comparing each split, for trees whose table would not fit in memory."""
    columns = np.searchsorted(found.bases, found.row, side="right") - 1
    read = graph.node("Gather", rows, stored(graph, columns), axis=1)
    bits = graph.node("GreaterOrEqual", read, graph.cast(stored(graph, found.row), dtype))
    if _fit_bytes(weights) and weights.shape[1] == 1:
        return graph.node("MatMulInteger", graph.constant(weights.T.astype(np.uint8)), graph.cast(bits, "uint8"))
    weighted = graph.node("Mul", graph.cast(bits, "int32"), stored(graph, weights.astype(np.int32)))
    return graph.node("ReduceSum", weighted, graph.integers(1), keepdims=1)


def _fit_bytes(weights: Array) -> bool:
    return int(weights.sum(axis=0).max()) <= LARGEST_BYTE
