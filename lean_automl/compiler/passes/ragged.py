"""Ragged trees as nested records: from an op to those, and back in a fixed layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.compiler.passes.forests import leaf_fields

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl.compiler.passes.base import Array

MOST_NODES: Final = 30_000  # of an op: passes leave larger ones, which take seconds each time and win few bytes
Leaf = tuple[int, ...]  # one integer for each target


@dataclass(frozen=True, slots=True)
class Node:
    """A question; rows go left where `x[feature] <= threshold`, or x is NaN and `nan_left`.

    Two nodes are equal if all below them is.
    """

    feature: int
    threshold: float
    nan_left: bool
    left: Node | Leaf
    right: Node | Leaf


Branch = Node | Leaf


@dataclass(frozen=True, slots=True)
class RaggedTree:
    """A tree and the output columns that it adds to."""

    root: Branch
    targets: tuple[int, ...]


def unpacked(op: o.RaggedTrees) -> list[RaggedTree]:
    """The trees of an op."""
    made: dict[int, Branch] = {}
    trees = [-1] * op.feature.size
    for tree, root in enumerate(op.roots.tolist()):
        if root >= 0:
            trees[root] = tree
    counts = np.diff(op.target_offsets).tolist()
    rows = [
        [tuple(leaf) for leaf in op.leaves[a:b].reshape(-1, k).tolist()]
        for a, b, k in zip(op.leaf_offsets[:-1], op.leaf_offsets[1:], counts, strict=True)
    ]
    tree_of = np.maximum.accumulate(np.array(trees, dtype=np.int64)).tolist() if trees else []
    fields = zip(
        *(a.tolist() for a in (op.feature, op.threshold, op.nan_left, op.left, op.right)), tree_of, strict=True
    )
    # Children have greater numbers than their parents.
    for number, (feature, threshold, nan_left, left, right, tree) in reversed(list(enumerate(fields))):
        branches = [made[child] if child >= 0 else rows[tree][~child] for child in (left, right)]
        made[number] = Node(feature, threshold, nan_left, *branches)
    roots = [made[root] if root >= 0 else rows[tree][0] for tree, root in enumerate(op.roots.tolist())]
    targets = [op.targets[a:b].tolist() for a, b in zip(op.target_offsets[:-1], op.target_offsets[1:], strict=True)]
    return [RaggedTree(root, tuple(own)) for root, own in zip(roots, targets, strict=True)]


class _Layout:
    """Nodes and leaves in order: a node, all to its left, all to its right."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.left: list[int] = []
        self.right: list[int] = []

    def add(self, root: Branch) -> tuple[int, list[Leaf]]:
        """Number of the root, and the leaves."""
        leaves: list[Leaf] = []
        waiting: list[tuple[Branch, int, list[int]]] = [(root, 0, found := [0])]
        while waiting:
            branch, parent, side = waiting.pop()
            if isinstance(branch, Node):
                side[parent] = len(self.nodes)
                self.nodes.append(branch)
                self.left.append(0)
                self.right.append(0)
                number = side[parent]
                waiting += [(branch.right, number, self.right), (branch.left, number, self.left)]
            else:
                side[parent] = ~len(leaves)
                leaves.append(branch)
        return found[0], leaves


def packed(op: o.RaggedTrees, trees: Sequence[RaggedTree]) -> o.RaggedTrees:
    """The op with other trees."""
    layout = _Layout()
    roots, leaves = [], []
    for tree in trees:
        root, own = layout.add(tree.root)
        roots.append(root)
        leaves.append(np.array(own, dtype=np.int64))
    nodes = layout.nodes
    return replace(
        op,
        **leaf_fields(leaves, [tree.targets for tree in trees]),
        feature=_array([node.feature for node in nodes], np.int32),
        threshold=_array([node.threshold for node in nodes], np.float32),
        left=_array(layout.left, np.int32),
        right=_array(layout.right, np.int32),
        nan_left=_array([node.nan_left for node in nodes], np.bool_),
        roots=_array(roots, np.int32),
    )


def _array(values: Sequence[float], dtype: type[np.generic]) -> Array:
    return np.array(values, dtype=dtype)
