"""Oblivious trees one by one: from an op to plain records, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import as_bins, offsets

if TYPE_CHECKING:
    from lean_automl.compiler.passes.base import Array

Split = tuple[int, int]  # column and bin: the answer is yes above the bin


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """An oblivious tree.

    Attributes:
        splits: Level i is bit i of the leaf number.
        leaves: int64, shape (2**depth, targets).
        targets: Columns that it adds to, ascending.
    """

    splits: tuple[Split, ...]
    leaves: Array
    targets: tuple[int, ...]

    def without(self, level: int, leaves: Array) -> Tree:
        """The tree with one question less, and these leaves."""
        return Tree(self.splits[:level] + self.splits[level + 1 :], leaves, self.targets)


def unpacked(op: o.ObliviousTrees) -> list[Tree]:
    """The trees of an op."""
    split_ends, leaf_ends, target_ends = (a.tolist() for a in (op.split_offsets, op.leaf_offsets, op.target_offsets))
    features, bins, targets = op.split_feature.tolist(), op.split_bin.tolist(), op.targets.tolist()
    leaves = op.leaves.astype(np.int64)
    trees = []
    for t in range(len(split_ends) - 1):
        span = slice(split_ends[t], split_ends[t + 1])
        own = tuple(targets[target_ends[t] : target_ends[t + 1]])
        splits = tuple(zip(features[span], bins[span], strict=True))
        trees.append(Tree(splits, leaves[leaf_ends[t] : leaf_ends[t + 1]].reshape(-1, len(own)), own))
    return trees


def packed(op: o.ObliviousTrees, trees: Sequence[Tree]) -> o.ObliviousTrees:
    """The op with other trees."""
    splits = [split for tree in trees for split in tree.splits]
    return replace(
        op,
        **leaf_fields([tree.leaves for tree in trees], [tree.targets for tree in trees]),
        split_feature=np.array([feature for feature, _ in splits], dtype=np.int32),
        split_bin=as_bins(np.array([own for _, own in splits], dtype=np.int64)),
        split_offsets=offsets([len(tree.splits) for tree in trees]),
    )


def leaf_fields(leaves: Sequence[Array], targets: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """The fields that both tree ops share, but for scale and bias."""
    return {
        "leaves": as_leaves(np.concatenate([own.reshape(-1) for own in leaves] or [np.empty(0, dtype=np.int64)])),
        "leaf_offsets": offsets([own.size for own in leaves]),
        "targets": np.array([column for own in targets for column in own], dtype=np.int32),
        "target_offsets": offsets([len(own) for own in targets]),
    }


def as_leaves(values: Array) -> Array:
    """Integers in the smallest type that leaves have."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    for dtype in (np.int8, np.int16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype(np.int32)


def fits(op: o.Forest | o.TableSum, values: Array) -> bool:
    """Whether integers fit the type that an op's leaves or tables have now."""
    info = np.iinfo(op.leaves.dtype if isinstance(op, o.Forest) else op.values.dtype)
    return bool(info.min <= values.min(initial=0) and values.max(initial=0) <= info.max)
