"""Collapses trees of one split into one table for each feature, and lowers such tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.bins import BinColumn, CategoryBins, emit_bins
from lean_automl.compiler.trees import INT32_MAX, LeafBits, RaggedTree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import FeaturePlan


NO_EDGES: Final = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Shape:
    """What a feature adds to the scores.

    Attributes:
        edges: float32, ascending.
        values: float64, shape (edges + 2, scores): for each number of edges below x, and last for NaN.
    """

    edges: NDArray[np.float32]
    values: NDArray[np.float64]


def tables_of_stumps(trees: Sequence[RaggedTree], scores: int) -> tuple[dict[int, Shape], NDArray[np.float64]]:
    """Sum the trees of at most one split by feature. Exact up to float64 rounding.

    Returns:
        A shape for each feature that is used, and the bias.
    """
    bias = np.zeros(scores)
    by_feature: dict[int, list[RaggedTree]] = {}
    for tree in trees:
        if tree.feature.size:
            by_feature.setdefault(int(tree.feature[0]), []).append(tree)
        else:
            bias[list(tree.targets)] += tree.leaves[0]
    shapes = {feature: _shape(own, scores) for feature, own in sorted(by_feature.items())}
    return shapes, bias


def _shape(stumps: Sequence[RaggedTree], scores: int) -> Shape:
    edges = np.unique(np.array([tree.threshold[0] for tree in stumps], dtype=np.float32))
    values = np.zeros((edges.size + 2, scores))
    for tree in stumps:
        columns = list(tree.targets)
        left, right = tree.leaves[~tree.left[0]], tree.leaves[~tree.right[0]]
        at = int(np.searchsorted(edges, tree.threshold[0]))
        values[: at + 1, columns] += left
        values[at + 1 : -1, columns] += right
        values[-1, columns] += left if tree.nan_left[0] else right
    return Shape(edges, values)


def lower_tables(
    shapes: Mapping[int, Shape],
    bins: Mapping[int, BinColumn],
    bias: NDArray[np.float64],
    plan: FeaturePlan,
    builder: ProgramBuilder,
    bits: LeafBits,
) -> int:
    """Value number of the scores, float32 (n, scores).

    Args:
        shapes: What each column adds.
        bins: How each column is cut; the same columns.
        bias: Added to the sum, shape (scores,).
        plan: The features.
        builder: Takes the ops.
        bits: Width of the stored entries.
    """
    if not shapes:
        shapes, bins = {0: Shape(np.zeros(1, np.float32), np.zeros((3, bias.size)))}, _any_column(plan)
    columns: list[BinColumn] = []
    tables = []
    for column, shape in shapes.items():
        own = bins[column]
        if isinstance(own, CategoryBins):
            used, packed = np.unique(own.bins, return_inverse=True)  # a bin for each value that a category can take
            columns.append(CategoryBins(own.feature, packed))
            tables.append(shape.values[used])
        else:
            columns.append(own)
            tables.append(shape.values)
    source, order = emit_bins(columns, plan, builder)
    integers, scale, shift = _integers(tables, bits)
    terms = np.array([[position, -1] for position in order], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(table) for table in tables])]).astype(np.int32)
    values = np.concatenate(integers)
    strides = np.ones(len(tables), dtype=np.int32)
    return builder.add(o.TableSum((source,), terms, strides, offsets, values, scale, (bias + shift).astype(np.float32)))


def lower_codes(
    tables: Mapping[int, NDArray[Any]], bias: NDArray[np.float64], plan: FeaturePlan, builder: ProgramBuilder
) -> int:
    """Value number of the scores, float32 (n, scores), of a row of a table for each code.

    Args:
        tables: By position of the category; shape (levels, scores).
        bias: Added to the sum, shape (scores,).
        plan: The features.
        builder: Takes the ops.
    """
    shapes = {position: Shape(NO_EDGES, table.astype(np.float64)) for position, table in tables.items()}
    bins = {position: CategoryBins(position, np.arange(len(table))) for position, table in tables.items()}
    return lower_tables(shapes, bins, bias, plan, builder, 32)


def _any_column(plan: FeaturePlan) -> dict[int, BinColumn]:
    from lean_automl.compiler.bins import NumericBins

    if plan.numeric:
        return {0: NumericBins(0, np.zeros(1, np.float32), 2)}
    return {0: CategoryBins(0, np.arange(plan.categorical[0].levels) % 3)}


def _integers(
    tables: Sequence[NDArray[np.float64]], bits: LeafBits
) -> tuple[list[NDArray[np.signedinteger]], NDArray[np.float32], NDArray[np.float64]]:
    """Tables as integers with one scale for each score; each table's middle goes to the bias."""
    middles = [(table.max(axis=0) + table.min(axis=0)) / 2 for table in tables]
    centred = [table - middle for table, middle in zip(tables, middles, strict=True)]
    tops = np.array([np.abs(table).max(axis=0) for table in centred])
    scale = tops.sum(axis=0) / (INT32_MAX - len(tables) - 1)
    if bits == 16:
        scale = np.maximum(scale, tops.max(axis=0) / np.iinfo(np.int16).max)
    scale32 = np.nextafter(np.where(scale > 0, scale, 1.0).astype(np.float32), np.float32(np.inf))
    dtype = np.int16 if bits == 16 else np.int32
    integers = [np.rint(table / scale32.astype(np.float64)).astype(dtype) for table in centred]
    return integers, scale32, np.sum(middles, axis=0)
