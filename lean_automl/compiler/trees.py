"""Builds tree ops from trees with float leaves: shares bins, and turns leaves into integers with a scale.

Learners hand over plain arrays (`FloatTree`, `RaggedTree`); everything that a learner's library does its own way
(order of splits, `<` or `<=`, missing values) is settled before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from lean_automl_runtime.ir import ops as o

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LeafBits = Literal[16, 32]
INT32_MAX: Final = 2**31 - 1


@dataclass(frozen=True, eq=False)
class ObliviousTree:
    """A tree that asks `x[feature[i]] > threshold[i]` at level i, which is bit i of the leaf number.

    Attributes:
        feature: Numbers of binned columns, shape (depth,).
        split: Bin numbers: the answer is yes where `bin > split`; shape (depth,).
        leaves: float64, shape (2**depth, targets).
        targets: Output columns of the leaf values, ascending.
    """

    feature: NDArray[np.int64]
    split: NDArray[np.int64]
    leaves: NDArray[np.float64]
    targets: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class RaggedTree:
    """A tree of any shape, as `lean_automl_runtime.ir.ops.RaggedTrees` describes it, with its own node numbers.

    A tree of one leaf has no node. Leaves are float64 of shape (leaves, targets).
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    nan_left: NDArray[np.bool_]
    leaves: NDArray[np.float64]
    targets: tuple[int, ...]


AnyTree = ObliviousTree | RaggedTree


def float32_below(x: float | NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 that is at most x: for float32 values v, `v <= x` holds exactly where `v <= result`.

    Rounding to nearest would put some values on the other side.
    """
    exact = np.asarray(x, dtype=np.float64)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    down = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > exact, down, rounded)


def float32_strictly_below(x: float | NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 below x: for float32 values v, `v < x` holds exactly where `v <= result`."""
    exact = np.asarray(x, dtype=np.float64)
    at_most = float32_below(exact)
    return np.where(at_most.astype(np.float64) == exact, np.nextafter(at_most, np.float32(-np.inf)), at_most)


def integer_leaves(
    trees: Sequence[AnyTree], width: int, bits: LeafBits
) -> tuple[list[NDArray[Any]], NDArray[np.float32], NDArray[np.float64]]:
    """Leaves as integers: `integer * scale` is the leaf, less the middle of its tree, which goes to the bias.

    Centring each tree halves the range that the integers must cover.

    Returns:
        The integer leaves of each tree, shape (leaves, targets); the scale of each output column; what centring
        adds to each output column's bias.
    """
    shift = np.zeros(width)
    largest, total = np.zeros(width), np.zeros(width)
    centred = []
    for tree in trees:
        columns = list(tree.targets)
        middle = (tree.leaves.max(axis=0) + tree.leaves.min(axis=0)) / 2
        shift[columns] += middle
        leaves = tree.leaves - middle
        centred.append(leaves)
        top = np.abs(leaves).max(axis=0)
        largest[columns] = np.maximum(largest[columns], top)
        total[columns] += top
    # One unit of rounding for each tree must fit beside the largest sum.
    whole = total / (INT32_MAX - len(trees) - 1)
    scale = np.maximum(whole, largest / np.iinfo(np.int16).max) if bits == 16 else whole
    scale32 = np.where(scale > 0, scale, 1.0).astype(np.float32)
    scale32 = np.where(scale32.astype(np.float64) < scale, np.nextafter(scale32, np.float32(np.inf)), scale32)
    dtype = np.int16 if bits == 16 else np.int32
    integers = [
        np.rint(leaves / scale32[list(tree.targets)].astype(np.float64)).astype(dtype)
        for tree, leaves in zip(trees, centred, strict=True)
    ]
    return integers, scale32, shift


def oblivious_op(
    source: int, trees: Sequence[ObliviousTree], bias: NDArray[np.float64], bits: LeafBits
) -> o.ObliviousTrees:
    """The op for oblivious trees that read the binned value `source`.

    Args:
        source: Value number of the bins.
        trees: The trees, in order.
        bias: Added to the sum, one for each output column.
        bits: Width of the stored leaves.
    """
    integers, scale, shift = integer_leaves(trees, bias.size, bits)
    splits = np.concatenate([tree.split for tree in trees]) if trees else np.empty(0, dtype=np.int64)
    features = np.concatenate([tree.feature for tree in trees]) if trees else np.empty(0, dtype=np.int64)
    return o.ObliviousTrees(
        inputs=(source,),
        **_leaf_fields(trees, integers, scale, bias + shift, bits),
        split_feature=features.astype(np.int32),
        split_bin=splits.astype(np.uint8 if splits.max(initial=0) < 256 else np.uint16),
        split_offsets=_offsets([tree.split.size for tree in trees]),
    )


def ragged_op(source: int, trees: Sequence[RaggedTree], bias: NDArray[np.float64], bits: LeafBits) -> o.RaggedTrees:
    """The op for trees of any shape that read the float matrix `source`; arguments as for `oblivious_op`."""
    integers, scale, shift = integer_leaves(trees, bias.size, bits)
    first = _offsets([tree.feature.size for tree in trees])[:-1]
    left = [np.where(tree.left >= 0, tree.left + start, tree.left) for tree, start in zip(trees, first, strict=True)]
    right = [
        np.where(tree.right >= 0, tree.right + start, tree.right) for tree, start in zip(trees, first, strict=True)
    ]
    roots = [start if tree.feature.size else ~0 for tree, start in zip(trees, first, strict=True)]
    return o.RaggedTrees(
        inputs=(source,),
        **_leaf_fields(trees, integers, scale, bias + shift, bits),
        feature=_joined([tree.feature for tree in trees], np.int32),
        threshold=_joined([tree.threshold for tree in trees], np.float32),
        left=_joined(left, np.int32),
        right=_joined(right, np.int32),
        nan_left=_joined([tree.nan_left for tree in trees], np.bool_),
        roots=np.array(roots, dtype=np.int32),
    )


def _leaf_fields(
    trees: Sequence[AnyTree],
    integers: Sequence[NDArray[Any]],
    scale: NDArray[np.float32],
    bias: NDArray[np.float64],
    bits: LeafBits,
) -> dict[str, Any]:
    """The fields that both tree ops share."""
    return {
        "leaves": _joined([leaves.ravel() for leaves in integers], np.int16 if bits == 16 else np.int32),
        "leaf_offsets": _offsets([leaves.size for leaves in integers]),
        "targets": np.array([column for tree in trees for column in tree.targets], dtype=np.int32),
        "target_offsets": _offsets([len(tree.targets) for tree in trees]),
        "scale": scale,
        "bias": bias.astype(np.float32),
    }


def _offsets(sizes: Sequence[int]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype=dtype)
