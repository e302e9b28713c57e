"""Trees as flat arrays of nodes and leaves, from both tree ops: what ai.onnx.ml's tree nodes are written from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl_exporters.onnx.oblivious import Events
    from lean_automl_exporters.onnx.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class TreeNodes:
    """Binary trees: at a node, `x[feature] <= threshold`, or NaN and `nan_left`, goes left.

    A child that is negative is leaf `~child`. A right child that is a node follows its parent at once: runtimes read
    the branch that fails next. Nodes of a tree stand together, trees in order; so do leaves, until equal ones are one.

    Attributes:
        feature: shape (nodes,).
        threshold: float32, shape (nodes,).
        left: shape (nodes,).
        right: shape (nodes,).
        nan_left: shape (nodes,).
        node_tree: Tree of each node.
        roots: shape (trees,); negative for a tree of one leaf.
        leaf_row: Where the first value of each leaf stands in the op's leaves.
        leaf_tree: Tree of each leaf.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    nan_left: Array
    node_tree: Array
    roots: Array
    leaf_row: Array
    leaf_tree: Array


class _Collector:
    """Appends nodes and leaves tree by tree."""

    def __init__(self) -> None:
        self.source: list[int] = []  # node of the op, or split, that each node repeats
        self.left: list[int] = []
        self.right: list[int] = []
        self.node_tree: list[int] = []
        self.roots: list[int] = []
        self.leaf: list[int] = []  # leaf number in its tree
        self.leaf_tree: list[int] = []

    def node(self, tree: int, source: int) -> int:
        self.source.append(source)
        self.node_tree.append(tree)
        self.left.append(0)
        self.right.append(0)
        return len(self.source) - 1

    def add_leaf(self, tree: int, number: int) -> int:
        self.leaf.append(number)
        self.leaf_tree.append(tree)
        return ~(len(self.leaf) - 1)

    def nodes(self, op: o.Forest, feature: Array, threshold: Array, nan_left: Array) -> TreeNodes:
        """The collected trees; features and thresholds by source."""
        counts = np.diff(op.target_offsets).astype(np.int64)
        source, leaf, leaf_tree = (_integers(v) for v in (self.source, self.leaf, self.leaf_tree))
        return TreeNodes(
            feature[source],
            threshold[source].astype(np.float32),
            _integers(self.left),
            _integers(self.right),
            nan_left[source],
            _integers(self.node_tree),
            _integers(self.roots),
            op.leaf_offsets[:-1][leaf_tree] + leaf * counts[leaf_tree],
            leaf_tree,
        )


def ragged_nodes(op: o.RaggedTrees) -> TreeNodes:
    """The op's trees."""
    made = _Collector()
    for tree, root in enumerate(op.roots.tolist()):
        waiting: list[tuple[int, int, list[int]]] = [(root, -1, made.roots)]
        made.roots.append(0)
        while waiting:
            child, parent, side = waiting.pop()
            number = made.node(tree, child) if child >= 0 else made.add_leaf(tree, ~child)
            side[parent] = number
            if child >= 0:
                waiting += [(int(op.left[child]), number, made.left), (int(op.right[child]), number, made.right)]
    return made.nodes(op, op.feature, op.threshold, op.nan_left)


def oblivious_nodes(op: o.ObliviousTrees, found: Events) -> TreeNodes:
    """The op's trees over raw levels as floats: a level that is at least the event's goes right."""
    made = _Collector()
    row = found.row.T
    column = np.searchsorted(found.bases, row, side="right") - 1

    def grow(tree: int, levels: list[int], bits: int) -> int:
        if not levels:
            return made.add_leaf(tree, bits ^ int(found.flipped[tree]))
        number = made.node(tree, tree * row.shape[1] + levels[0])
        made.right[number] = grow(tree, levels[1:], bits | 1 << levels[0])
        made.left[number] = grow(tree, levels[1:], bits)
        return number

    for tree in range(row.shape[0]):
        made.roots.append(grow(tree, np.flatnonzero(row[tree] < found.rows).tolist(), 0))
    threshold = row - found.bases[column] - 1
    return made.nodes(op, column.reshape(-1), threshold.reshape(-1), np.zeros(row.size, dtype=bool))


def binned_nodes(op: o.ObliviousTrees, bins: o.Bin) -> TreeNodes:
    """The op's trees over the floats that its bins are made of: a bin above b is a float above edge b.

    Beyond a column's last edge there is at most the bin of NaN; a split that not even NaN passes is left out.
    """
    edge = bins.offsets[op.split_feature] + op.split_bin
    exists = edge < bins.offsets[op.split_feature + 1]
    nan_left = bins.nan_bin[op.split_feature] <= op.split_bin
    threshold = np.where(exists, np.append(bins.edges, np.float32(0))[np.where(exists, edge, -1)], np.float32(np.inf))
    made = _Collector()

    def grow(tree: int, first: int, splits: list[int], bits: int) -> int:
        if not splits:
            return made.add_leaf(tree, bits)
        number = made.node(tree, splits[0])
        made.right[number] = grow(tree, first, splits[1:], bits | 1 << (splits[0] - first))
        made.left[number] = grow(tree, first, splits[1:], bits)
        return number

    for tree, (first, last) in enumerate(pairwise(op.split_offsets.tolist())):
        splits = [split for split in range(first, last) if exists[split] or not nan_left[split]]
        made.roots.append(grow(tree, first, splits, 0))
    return made.nodes(op, op.split_feature, threshold, nan_left)


def one_target_each(op: o.Forest, nodes: TreeNodes) -> tuple[TreeNodes, Array]:
    """Repeats a tree for each of its targets, and gives the target of each tree of the result."""
    counts = np.diff(op.target_offsets)
    if (counts == 1).all():
        return nodes, op.targets
    copies = [_selected(nodes, counts > nth, nth) for nth in range(int(counts.max(initial=1)))]
    targets = [op.targets[op.target_offsets[:-1][counts > nth] + nth] for nth in range(len(copies))]
    return _joined(copies), np.concatenate(targets)


def _selected(nodes: TreeNodes, keep: Array, nth: int) -> TreeNodes:
    """Only some trees, with each leaf's `nth` value."""
    kept_nodes, kept_leaves = keep[nodes.node_tree], keep[nodes.leaf_tree]
    new_node, new_leaf, new_tree = (np.cumsum(k) - 1 for k in (kept_nodes, kept_leaves, keep))

    def moved(child: Array) -> Array:
        return np.array([new_node[c] if c >= 0 else ~new_leaf[~c] for c in child.tolist()], dtype=np.int64)

    return TreeNodes(
        nodes.feature[kept_nodes],
        nodes.threshold[kept_nodes],
        moved(nodes.left[kept_nodes]),
        moved(nodes.right[kept_nodes]),
        nodes.nan_left[kept_nodes],
        new_tree[nodes.node_tree[kept_nodes]],
        moved(nodes.roots[keep]),
        nodes.leaf_row[kept_leaves] + nth,
        new_tree[nodes.leaf_tree[kept_leaves]],
    )


def _joined(copies: list[TreeNodes]) -> TreeNodes:
    """Trees of all copies, one copy after another."""
    shifted, node, leaf, tree = [], 0, 0, 0
    for own in copies:
        left, right, roots = (np.where(c >= 0, c + node, c - leaf) for c in (own.left, own.right, own.roots))
        shifted.append(
            replace(
                own,
                left=left,
                right=right,
                roots=roots,
                node_tree=own.node_tree + tree,
                leaf_tree=own.leaf_tree + tree,
            )
        )
        node, leaf, tree = node + own.feature.size, leaf + own.leaf_row.size, tree + own.roots.size
    names = TreeNodes.__dataclass_fields__
    return TreeNodes(*(np.concatenate([getattr(own, name) for own in shifted]) for name in names))


def with_equal_leaves(nodes: TreeNodes, value: Array) -> TreeNodes:
    """Leaves of equal values become one leaf, whatever their trees; what most nodes point at gets the least numbers.

    Args:
        nodes: Any trees.
        value: What each leaf is, shape (leaves, k).
    """
    _, first, which = np.unique(value, axis=0, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    order = np.argsort(-np.bincount(which, minlength=first.size), kind="stable")
    number = np.empty_like(order)
    number[order] = np.arange(order.size)
    kept = first[order]

    def moved(child: Array) -> Array:
        leaf = child < 0
        found = child.copy()
        found[leaf] = ~number[which[~child[leaf]]]
        return found

    return replace(
        nodes,
        left=moved(nodes.left),
        right=moved(nodes.right),
        roots=moved(nodes.roots),
        leaf_row=nodes.leaf_row[kept],
        leaf_tree=nodes.leaf_tree[kept],
    )


def with_roots(nodes: TreeNodes) -> TreeNodes:
    """Gives each tree a root node whose children have different numbers.

    TreeEnsemble has no tree of one leaf, and onnxruntime up to 1.22 takes a root for a leaf if both its children have
    the same number, be one a node and the other a leaf. A tree of one leaf gets a node and its leaf twice; a root whose
    leaf has the number of the other child gets a copy of the leaf at the end.
    """
    bare = np.flatnonzero(nodes.roots < 0)
    zeros = np.zeros(bare.size, dtype=np.int64)
    roots = nodes.roots.copy()
    roots[bare] = nodes.feature.size + np.arange(bare.size)
    left = np.append(nodes.left, nodes.roots[bare])
    right = np.append(nodes.right, nodes.roots[bare])
    sides = (left, right)
    number_left, number_right = (np.maximum(side, ~side)[roots] for side in sides)
    alike = roots[number_left == number_right]
    side_of_leaf = np.where(left[alike] < 0, 0, 1)
    copied = ~np.minimum(left[alike], right[alike])
    for place, (node, side) in enumerate(zip(alike, side_of_leaf, strict=True)):
        sides[side][node] = ~(nodes.leaf_row.size + place)
    return replace(
        nodes,
        feature=np.append(nodes.feature, zeros),
        threshold=np.append(nodes.threshold, zeros).astype(np.float32),
        left=left,
        right=right,
        nan_left=np.append(nodes.nan_left, zeros.astype(bool)),
        node_tree=np.append(nodes.node_tree, bare),
        roots=roots,
        leaf_row=np.append(nodes.leaf_row, nodes.leaf_row[copied]),
        leaf_tree=np.append(nodes.leaf_tree, nodes.leaf_tree[copied]),
    )


def _integers(values: list[int]) -> Array:
    return np.array(values, dtype=np.int64)
