"""Nodes of ragged trees whose two leaves are nearly the same for the rows that come there become one leaf."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.compiler.passes.ragged import Branch, Node, RaggedTree, packed, unpacked

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl.compiler.passes.base import Array

UNSEEN: Final = 0.05  # rows that a leaf without rows counts as
LEAF, CUT = -1, -2


@dataclass(slots=True, eq=False)
class _Forest:
    """All nodes of an op, and what is at each: mean leaf and rows, once its branches are leaves.

    Children that are nodes are their numbers; a child that is a leaf is `LEAF`, with values at (node, side).
    """

    op: o.RaggedTrees
    tree: Array
    parent: Array
    side: Array
    child: Array  # (nodes, 2)
    value: Array  # (nodes, 2, width)
    rows: Array  # (nodes, 2)


def prune_nodes(op: o.RaggedTrees, leaf: Array, unit: Array, share: float) -> o.RaggedTrees:
    """The op with about that share of its nodes taken out, the least damage first.

    Args:
        op: The trees.
        leaf: The leaf number of each row in each tree, shape (n, trees).
        unit: Mean squared score of one integer unit of each output column, shape (width,).
        share: Between 0 and 1.
    """
    forest = _read(op, leaf)
    heap = [(_damage(forest, node, unit), node) for node in np.flatnonzero((forest.child == LEAF).all(axis=1)).tolist()]
    heapq.heapify(heap)
    for _ in range(int(share * op.feature.size)):
        if not heap:
            break
        _, node = heapq.heappop(heap)
        mean, rows = _mean(forest, node)
        forest.child[node] = CUT
        above, side = int(forest.parent[node]), int(forest.side[node])
        if above < 0:
            forest.value[node, 0] = mean
            continue
        forest.child[above, side] = LEAF
        forest.value[above, side], forest.rows[above, side] = mean, rows
        if (forest.child[above] == LEAF).all():
            heapq.heappush(heap, (_damage(forest, above, unit), above))
    return packed(op, _written(forest))


def _read(op: o.RaggedTrees, leaf: Array) -> _Forest:
    nodes, width = op.feature.size, op.scale.size
    planted = np.flatnonzero(op.roots >= 0)
    tree = np.repeat(planted, np.diff(np.append(op.roots[planted], nodes)))
    counts = np.diff(op.target_offsets)
    rows = [
        np.bincount(leaf[:, t], minlength=int((op.leaf_offsets[t + 1] - op.leaf_offsets[t]) // counts[t])) + UNSEEN
        for t in range(op.roots.size)
    ]
    child = np.stack([op.left, op.right], axis=1).astype(np.int64)
    parent, side_of = np.full(nodes, -1), np.zeros(nodes, dtype=np.int64)
    found = _Forest(op, tree, parent, side_of, child, np.zeros((nodes, 2, width)), np.zeros((nodes, 2)))
    for node in range(nodes):
        t = int(tree[node])
        targets = op.targets[op.target_offsets[t] : op.target_offsets[t + 1]]
        for side in (0, 1):
            below = int(child[node, side])
            if below >= 0:
                found.parent[below], found.side[below] = node, side
                continue
            at = op.leaf_offsets[t] + ~below * counts[t]
            found.value[node, side, targets] = op.leaves[at : at + counts[t]]
            found.rows[node, side] = rows[t][~below]
    found.child[found.child < 0] = LEAF
    return found


def _damage(forest: _Forest, node: int, unit: Array) -> float:
    a, b = forest.rows[node]
    apart = float((forest.value[node, 0] - forest.value[node, 1]) ** 2 @ unit)
    return float(a * b / (a + b) * apart)


def _mean(forest: _Forest, node: int) -> tuple[Array, float]:
    rows = forest.rows[node]
    mean: Array = (rows @ forest.value[node]) / rows.sum()
    return mean, float(rows.sum())


def _written(forest: _Forest) -> list[RaggedTree]:
    """The trees that are left, with whole numbers."""
    op = forest.op
    trees = unpacked(op)
    made: dict[int, Branch] = {}
    for node in range(op.feature.size - 1, -1, -1):
        if (forest.child[node] == CUT).all():
            continue
        targets = trees[int(forest.tree[node])].targets
        branches = [
            made[int(below)] if below >= 0 else _leaf(forest.value[node, side], targets)
            for side, below in enumerate(forest.child[node])
        ]
        made[node] = Node(
            int(op.feature[node]), float(op.threshold[node]), bool(op.nan_left[node]), branches[0], branches[1]
        )
    found = []
    for tree, root in zip(trees, op.roots.tolist(), strict=True):
        if root < 0:
            found.append(tree)
        else:
            found.append(RaggedTree(made.get(root, _leaf(forest.value[root, 0], tree.targets)), tree.targets))
    return found


def _leaf(value: Array, targets: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(np.rint(value[list(targets)]).astype(np.int64).tolist())
