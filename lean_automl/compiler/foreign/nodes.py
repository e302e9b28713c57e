"""From numbered nodes, leaves among them, to a `SourceTree`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lean_automl.compiler.foreign.forest import CategorySet, SourceTree
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class NodeTable:
    """A tree with one number for each node, the root 0 unless said otherwise; a leaf's left child is not a node.

    Attributes:
        leaf: Whether a node is a leaf.
        feature: Matrix columns.
        threshold: float64.
        left: Node where the test holds.
        right: Node where it does not.
        nan_left: Where NaN goes.
        value: float64, shape (nodes, targets); read of leaves only.
        sets: Category tests by node.
        equal: Equality tests by node.
    """

    leaf: NDArray[np.bool_]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    nan_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    sets: Mapping[int, CategorySet] = field(default_factory=dict)
    equal: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


def source_tree(table: NodeTable, targets: tuple[int, ...], root: int = 0) -> SourceTree:
    """The tree of the nodes that the root reaches; parents come before their children.

    Raises:
        UnsupportedOpError: A node is reached on two ways.
    """
    order = _by_depth(table, root)
    if np.unique(order).size < order.size:
        raise UnsupportedOpError(
            "trees whose branches share nodes are not supported: convert the model without sharing"
        )
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
        sets=_renumbered(table.sets, number, inner),
        equal=_renumbered(table.equal, number, inner),
    )


def _renumbered(tests: Mapping[int, T], number: NDArray[np.int32], inner: NDArray[np.int64]) -> dict[int, T]:
    kept = set(inner.tolist()) if tests else set()
    return {int(number[node]): own for node, own in tests.items() if node in kept}


def _by_depth(table: NodeTable, root: int) -> NDArray[np.int64]:
    level, levels = np.array([root], dtype=np.int64), []
    while level.size:
        levels.append(level)
        if sum(map(len, levels)) > table.leaf.size:
            raise UnsupportedOpError("a tree reaches a node twice: trees whose branches share nodes are not supported")
        inner = level[~table.leaf[level]]
        level = np.stack([table.left[inner], table.right[inner]], axis=1).ravel()
    return np.concatenate(levels)
