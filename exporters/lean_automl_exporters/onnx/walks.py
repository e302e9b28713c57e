"""Ragged trees as a few tensor nodes a level: `tensor` encoding.

All trees are walked at once, a level at a time; a row's place in a tree is a state, a node or a leaf, and leaves lead
to themselves. A level looks up what the state asks, the answer, and the next state. Answers come from one comparison
of the row with all different questions of the forest, of which there are far fewer than nodes.

The file holds two numbers a node, small ones: its question, and the size of its left side. Nodes stand in preorder, so
that a left child that is a node follows its parent, and a right one follows the left side; leaves are numbered as they
are met. A session makes tables of states from that when it loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl_exporters.onnx.leaves import LeafPlan, scores
from lean_automl_exporters.onnx.storage import stored

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array

DEEPEST: Final = 32  # levels; each is five nodes
MOST_QUESTIONS: Final = 4_096  # comparisons for each row
SAVED_A_NODE: Final = 8
BYTES_A_LEVEL: Final = 180
BYTES_OF_TABLES: Final = 1_800


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """A forest in preorder.

    Attributes:
        question: Of each node, among the different ones.
        left: Nodes in each node's left side; 0 where that is a leaf.
        right_leaf: Whether each node's right child is a leaf.
        roots: State of each tree's root.
        leaf: Position in the op's leaves of each leaf, in the order of states.
        depth: Levels of the deepest tree.
    """

    question: Array
    left: Array
    right_leaf: Array
    roots: Array
    leaf: Array
    depth: int


def can_walk(op: o.RaggedTrees) -> bool:
    """Whether trees have one target each, are not deeper than `DEEPEST` and ask few different questions."""
    single = bool((np.diff(op.target_offsets) == 1).all()) and op.feature.size > 0
    return single and _questions(op)[0].size <= MOST_QUESTIONS and _depth(op) <= DEEPEST


def bytes_saved(op: o.RaggedTrees) -> int:
    """About how many bytes less than a tree ensemble trees take that `can_walk`; below 0 where they take more."""
    return op.feature.size * SAVED_A_NODE - _depth(op) * BYTES_A_LEVEL - op.threshold.size - BYTES_OF_TABLES


def walked_trees(graph: Graph, op: o.RaggedTrees, x: str) -> str:
    """Scores of ragged trees that `can_walk`."""
    columns, limits, missing, question = _questions(op)
    walk = _walk(op, question)
    nodes, trees = walk.question.size, walk.roots.size
    answers = graph.cast(_answers(graph, x, columns, limits, missing), "int32")
    flat = graph.node("Reshape", answers, graph.integers(-1))
    rows = graph.node("Shape", x, start=0, end=1)
    shape = graph.node("Concat", rows, graph.integers(trees), axis=0)
    first = _rows_first(graph, rows, columns.size, shape)
    asked, following = _tables(graph, walk)
    state = graph.node("Expand", stored(graph, 2 * walk.roots.astype(np.int32)), shape)
    state = graph.node("Reshape", state, graph.integers(-1))
    for _ in range(walk.depth):
        at = graph.node("Add", graph.node("GatherElements", asked, state), first)
        answer = graph.node("GatherElements", flat, at)
        state = graph.node("GatherElements", following, graph.node("Add", state, answer))
    leaf = graph.node("Sub", graph.node("Div", state, graph.scalar(2, "int32")), graph.scalar(nodes, "int32"))
    leaf = graph.node("Reshape", leaf, graph.integers(-1, 1, trees))
    ones = np.ones(trees, dtype=np.int64)
    plan = LeafPlan(op.leaves[walk.leaf], ones, ones, 1, op.scale.size == 1)
    return scores(graph, op, plan, leaf, np.zeros(trees, dtype=np.int64))


def _questions(op: o.RaggedTrees) -> tuple[Array, Array, Array, Array]:
    """Column, threshold and side of NaN of each different question, those with NaN to the left first; each node's."""
    limit = op.threshold + np.float32(0)  # no -0
    keys = np.rec.fromarrays([~op.nan_left, op.feature, limit])
    found, which = np.unique(keys, return_inverse=True)
    return found["f1"].astype(np.int64), found["f2"].astype(np.float32), ~found["f0"], which.reshape(-1)


def _depth(op: o.RaggedTrees) -> int:
    """Levels of the deepest tree; children have greater numbers than their parent."""
    level = np.ones(op.feature.size, dtype=np.int64)
    for node, pair in enumerate(zip(op.left.tolist(), op.right.tolist(), strict=True)):
        for child in pair:
            if child >= 0:
                level[child] = level[node] + 1
    return int(level.max(initial=0))


def _walk(op: o.RaggedTrees, question: Array) -> _Walk:
    order: list[int] = []
    roots: list[int] = []
    leaves: list[int] = []
    bare: list[tuple[int, int]] = []
    for tree, root in enumerate(op.roots.tolist()):
        start = int(op.leaf_offsets[tree])
        roots.append(len(order))
        if root < 0:
            bare.append((tree, start + ~root))
            continue
        own = _preorder(op, root)
        order += own
        for node in own:
            leaves += [start + ~child for child in (int(op.left[node]), int(op.right[node])) if child < 0]
    for tree, leaf in bare:
        roots[tree] = len(order) + len(leaves)
        leaves.append(leaf)
    nodes = np.array(order, dtype=np.int64)
    place = np.empty(nodes.size, dtype=np.int64)
    place[nodes] = np.arange(nodes.size)
    # A right side begins where the left one ends; where it is a leaf, the left side is as large as the whole.
    size = _sizes(op)
    left = np.where(op.left[nodes] < 0, 0, size[np.maximum(op.left[nodes], 0)])
    return _Walk(
        question[nodes], left, op.right[nodes] < 0, np.array(roots, dtype=np.int64), np.array(leaves), _depth(op)
    )


def _preorder(op: o.RaggedTrees, root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [child for child in (int(op.right[node]), int(op.left[node])) if child >= 0]
    return found


def _sizes(op: o.RaggedTrees) -> Array:
    """Nodes below and with each node."""
    size = np.ones(op.feature.size, dtype=np.int64)
    for node in range(op.feature.size - 1, -1, -1):
        for child in (int(op.left[node]), int(op.right[node])):
            if child >= 0:
                size[node] += size[child]
    return size


def _answers(graph: Graph, x: str, columns: Array, limits: Array, missing: Array) -> str:
    """Whether each question leads to the right, bool (n, questions)."""
    split = int(missing.sum())
    parts = []
    for begin, end, left in ((0, split, True), (split, columns.size, False)):
        if begin == end:
            continue
        read = graph.node("Gather", x, stored(graph, columns[begin:end]), axis=1)
        limit = stored(graph, limits[begin:end])
        parts.append(
            graph.node("Greater", read, limit) if left else graph.node("Not", graph.node("LessOrEqual", read, limit))
        )
    return graph.concat(tuple(parts))


def _rows_first(graph: Graph, rows: str, questions: int, shape: str) -> str:
    """Where each row's answers begin, for each of its trees, int32 (n * trees,)."""
    count = graph.cast(graph.node("Squeeze", rows), "int32")
    zero, one = (graph.constant(np.array(v, dtype=np.int32)) for v in (0, 1))
    first = graph.node("Mul", graph.node("Range", zero, count, one), graph.scalar(questions, "int32"))
    first = graph.node("Expand", graph.node("Unsqueeze", first, graph.integers(1)), shape)
    return graph.node("Reshape", first, graph.integers(-1))


def _tables(graph: Graph, walk: _Walk) -> tuple[str, str]:
    """What each state asks, and the states that follow, at `2 * state + answer`; states there are doubled too."""
    nodes, leaves = walk.question.size, walk.leaf.size
    deep = graph.integers(1)
    asked = graph.node("Unsqueeze", stored(graph, walk.question.astype(np.int32)), deep)
    asked = graph.node("Reshape", graph.node("Concat", asked, asked, axis=1), graph.integers(-1))
    blank = graph.node("ConstantOfShape", graph.integers(2 * leaves), value=np.zeros(1, dtype=np.int32))
    asked = graph.node("Concat", asked, blank, axis=0)

    two, zero, one = (graph.scalar(v, "int32") for v in (2, 0, 1))
    coded = stored(graph, (2 * walk.left + walk.right_leaf).astype(np.int32))
    left = graph.node("Div", coded, two)
    follows = _range(graph, 1, nodes + 1)
    child = _pairs(graph, follows, graph.node("Add", follows, left))
    is_leaf = graph.node("Equal", _pairs(graph, left, graph.node("Sub", one, graph.node("Mod", coded, two))), zero)
    number = graph.node("CumSum", graph.cast(is_leaf, "int32"), graph.constant(np.array(0, dtype=np.int64)))
    number = graph.node("Add", number, graph.scalar(nodes - 1, "int32"))
    following = graph.node("Mul", graph.node("Where", is_leaf, number, child), two)
    ends = _range(graph, 2 * nodes, 2 * (nodes + leaves))
    ends = graph.node("Sub", ends, graph.node("Mod", ends, two))
    return asked, graph.node("Concat", following, ends, axis=0)


def _range(graph: Graph, begin: int, end: int) -> str:
    """Whole numbers from `begin` on, below `end`."""
    bounds = (graph.constant(np.array(v, dtype=np.int32)) for v in (begin, end, 1))
    return graph.node("Range", *bounds)


def _pairs(graph: Graph, left: str, right: str) -> str:
    """Numbers of the left and right side in turns."""
    deep = graph.integers(1)
    both = graph.node("Concat", graph.node("Unsqueeze", left, deep), graph.node("Unsqueeze", right, deep), axis=1)
    return graph.node("Reshape", both, graph.integers(-1))
