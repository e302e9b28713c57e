"""From numbered nodes, leaves among them, to a `SourceTree`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lean_automl.compiler.foreign.forest import CategorySet, SourceTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NodeTable:
    """A tree with one number for each node; node 0 is the root, and a leaf's left child is not a node.

    Attributes:
        leaf: Whether a node is a leaf.
        feature: Matrix columns.
        threshold: float64.
        left: Node where the test holds.
        right: Node where it does not.
        nan_left: Where NaN goes.
        value: float64, shape (nodes, targets); read of leaves only.
        sets: Category tests by node.
    """

    leaf: NDArray[np.bool_]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    nan_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    sets: Mapping[int, CategorySet]


def source_tree(table: NodeTable, targets: tuple[int, ...]) -> SourceTree:
    """The tree of the nodes that the root reaches; parents come before their children."""
    order = _by_depth(table)
    inner, leaves = order[~table.leaf[order]], order[table.leaf[order]]
    number = np.zeros(table.leaf.size, dtype=np.int32)
    number[inner] = np.arange(inner.size)
    number[leaves] = ~np.arange(leaves.size)
    return SourceTree(
        feature=table.feature[inner].astype(np.int32),
        threshold=table.threshold[inner].astype(np.float64),
        left=number[table.left[inner]],
        right=number[table.right[inner]],
        nan_left=table.nan_left[inner].astype(bool),
        leaves=table.value[leaves].astype(np.float64),
        targets=targets,
        sets={int(number[node]): own for node, own in table.sets.items() if number[node] >= 0 and node in inner},
    )


def _by_depth(table: NodeTable) -> NDArray[np.int64]:
    level, levels = np.zeros(1, dtype=np.int64), []
    while level.size:
        levels.append(level)
        inner = level[~table.leaf[level]]
        level = np.stack([table.left[inner], table.right[inner]], axis=1).ravel()
    return np.concatenate(levels)
