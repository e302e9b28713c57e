"""Questions of oblivious trees that change scores least are taken out; the leaves on both sides become their mean."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.compiler.passes.forests import Tree, packed, unpacked

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl.compiler.passes.base import Array

UNSEEN: Final = 0.05  # rows that a leaf without rows counts as
BYTES_OF_SPLIT: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Taking one level out of a tree."""

    level: int
    leaves: Array
    rows: Array
    damage: float
    saved: float


def prune_levels(op: o.ObliviousTrees, leaf: Array, unit: Array, share: float) -> o.ObliviousTrees:
    """The op with about that share of its bytes taken out, least damage a byte first.

    Args:
        op: The trees.
        leaf: The leaf number of each row in each tree, shape (n, trees).
        unit: Mean squared score of one integer unit of each output column, shape (width,).
        share: Between 0 and 1.
    """
    trees = unpacked(op)
    rows = [np.bincount(leaf[:, t], minlength=tree.leaves.shape[0]) + UNSEEN for t, tree in enumerate(trees)]
    cuts = [_best(tree, own, unit) for tree, own in zip(trees, rows, strict=True)]
    heap = [(cut.damage / cut.saved, t) for t, cut in enumerate(cuts) if cut is not None]
    heapq.heapify(heap)
    left = share * sum(_bytes(tree, op.leaves.itemsize) for tree in trees)
    while heap and left > 0:
        _, t = heapq.heappop(heap)
        cut = cuts[t]
        assert cut is not None
        left -= cut.saved * op.leaves.itemsize + BYTES_OF_SPLIT
        trees[t], rows[t] = trees[t].without(cut.level, cut.leaves), cut.rows
        cuts[t] = again = _best(trees[t], rows[t], unit)
        if again is not None:
            heapq.heappush(heap, (again.damage / again.saved, t))
    return packed(op, trees)


def _bytes(tree: Tree, itemsize: int) -> float:
    return tree.leaves.size * itemsize + BYTES_OF_SPLIT * len(tree.splits)


def _best(tree: Tree, rows: Array, unit: Array) -> _Cut | None:
    """The level whose removal does the least damage; None for a tree without questions."""
    best: _Cut | None = None
    cost = unit[list(tree.targets)]
    for level in range(len(tree.splits)):
        shape = (-1, 2, 1 << level)
        n = rows.reshape(shape)
        v = tree.leaves.reshape(*shape, len(tree.targets)).astype(np.float64)
        total = n.sum(axis=1)
        apart = ((v[:, 0] - v[:, 1]) ** 2) @ cost
        damage = float((n[:, 0] * n[:, 1] / total * apart).sum())
        if best is None or damage < best.damage:
            mean = (n[:, 0, :, None] * v[:, 0] + n[:, 1, :, None] * v[:, 1]) / total[..., None]
            leaves = np.rint(mean).astype(np.int64).reshape(-1, len(tree.targets))
            best = _Cut(level, leaves, total.reshape(-1), damage, tree.leaves.size / 2)
    return best
