"""Chooses the bins that tree ops read: only the thresholds in use, shared by all trees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.features import FeaturePlan, NumericFeature, emit_code, emit_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.compiler.trees import ObliviousTree


@dataclass(frozen=True, eq=False)
class NumericBins:
    """A learner's bins of a numeric feature: `bin = number of edges below x`, `nan_bin` for NaN.

    Attributes:
        feature: Position among the plan's numeric features.
        edges: float32, ascending.
        nan_bin: 0 or `edges.size + 1`.
    """

    feature: int
    edges: NDArray[np.float32]
    nan_bin: int


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """A learner's bins of a categorical feature: one for each code.

    Attributes:
        feature: Position among the plan's categorical features.
        bins: shape (levels,).
    """

    feature: int
    bins: NDArray[np.int64]


BinColumn = NumericBins | CategoryBins


def compact(
    trees: Sequence[ObliviousTree], columns: Sequence[BinColumn]
) -> tuple[list[ObliviousTree], list[BinColumn]]:
    """The same trees over as few columns and bins as they use. Exact."""
    used: dict[int, NDArray[np.int64]] = {}
    for column in sorted({int(f) for tree in trees for f in tree.feature}):
        splits = [int(s) for tree in trees for f, s in zip(tree.feature, tree.split, strict=True) if f == column]
        used[column] = np.unique(splits)
    used = used or {0: np.array([0])}  # trees without a split still read something
    position = {column: number for number, column in enumerate(used)}
    kept = [_coarsen(columns[column], splits) for column, splits in used.items()]
    moved = [
        replace(
            tree,
            feature=np.array([position[int(f)] for f in tree.feature], dtype=np.int64),
            split=np.array(
                [np.searchsorted(used[int(f)], s) for f, s in zip(tree.feature, tree.split, strict=True)],
                dtype=np.int64,
            ),
        )
        for tree in trees
    ]
    return moved, kept


def _coarsen(column: BinColumn, splits: NDArray[np.int64]) -> BinColumn:
    """Keep only the borders `bin > s`, s in `splits`; new bin = number of kept borders below the old one."""
    if isinstance(column, CategoryBins):
        return replace(column, bins=np.searchsorted(splits, column.bins, side="left"))
    inner = splits[splits < column.edges.size]  # `bin > edges.size` asks only for the NaN bin above all others
    return replace(column, edges=column.edges[inner], nan_bin=int(np.searchsorted(splits, column.nan_bin, side="left")))


def emit_bins(columns: Sequence[BinColumn], plan: FeaturePlan, builder: ProgramBuilder) -> tuple[int, list[int]]:
    """Ops for the bins of `columns`: numeric ones first, in one matrix, then categorical ones.

    Returns:
        The value number of the bins, and the position in it of each of `columns`.
    """
    numeric = [i for i, column in enumerate(columns) if isinstance(column, NumericBins)]
    categorical = [i for i, column in enumerate(columns) if isinstance(column, CategoryBins)]
    parts = []
    if numeric:
        parts.append(_emit_numeric([columns[i] for i in numeric], plan, builder))  # type: ignore[misc]
    for i in categorical:
        column = columns[i]
        assert isinstance(column, CategoryBins)
        table = column.bins.astype(np.uint8 if column.bins.max(initial=0) < 256 else np.uint16)[:, None]
        parts.append(builder.add(o.Lookup((emit_code(plan.categorical[column.feature], builder),), table)))
    order = {column: position for position, column in enumerate(numeric + categorical)}
    joined = parts[0] if len(parts) == 1 else builder.add(o.Concat(tuple(parts)))
    return joined, [order[i] for i in range(len(columns))]


def _emit_numeric(columns: Sequence[NumericBins], plan: FeaturePlan, builder: ProgramBuilder) -> int:
    values = emit_matrix([plan.numeric[column.feature] for column in columns], builder)
    offsets = np.concatenate([[0], np.cumsum([column.edges.size for column in columns])]).astype(np.int32)
    edges = np.concatenate([column.edges for column in columns]).astype(np.float32)
    return builder.add(o.Bin((values,), edges, offsets, np.array([c.nan_bin for c in columns], dtype=np.int32)))


def emit_matrix(features: Sequence[NumericFeature], builder: ProgramBuilder) -> int:
    """Value number of numeric features, side by side."""
    numbers = tuple(emit_number(feature, builder) for feature in features)
    return numbers[0] if len(numbers) == 1 else builder.add(o.Concat(numbers))


def reposition(trees: Sequence[ObliviousTree], order: Sequence[int]) -> list[ObliviousTree]:
    """The trees with their columns renumbered: column i is now `order[i]`."""
    new: NDArray[Any] = np.array(order, dtype=np.int64)
    return [replace(tree, feature=new[tree.feature]) for tree in trees]
