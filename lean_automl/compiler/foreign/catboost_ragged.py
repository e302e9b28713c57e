"""Reads CatBoost's trees of other shapes (grow_policy Depthwise and Lossguide): nested splits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.bins import BinColumn, NumericBins
from lean_automl.compiler.foreign.catboost_model import ObliviousForest
from lean_automl.compiler.foreign.features import Feature, Levels, Number, as_float32, column_of
from lean_automl.compiler.foreign.forest import ForestModel, SourceTree
from lean_automl.compiler.foreign.nodes import NodeTable, source_tree
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.catboost import Splits
    from lean_automl.compiler.foreign.model import SourceModel
    from lean_automl.compiler.trees import ObliviousTree


def read_ragged(
    trees: Sequence[Mapping[str, Any]], splits: Splits, floats: Sequence[str], scale: float, bias: NDArray[np.float64]
) -> ForestModel:
    """The trees over columns of bins, whose tests become those of numbers and of category tables."""
    found = tuple(_tree(tree, splits, scale, bias.size) for tree in trees)
    features = tuple(_feature(column, splits, floats) for column in splits.columns)
    return ForestModel(found, features, bias, casts=True)


def at_end(source: SourceModel, features: Sequence[Feature]) -> SourceModel:
    """A model of numbers with its columns replaced; oblivious trees become trees of any shape, which can read them."""
    scores = source.scores
    seen = [as_float32(feature) for feature in features]
    if isinstance(scores, ForestModel):
        own = tuple(seen[source.inputs.index(column_of(feature))] for feature in scores.features)
        return replace(source, scores=replace(scores, features=own))
    assert isinstance(scores, ObliviousForest)
    columns = [column for column in scores.columns if isinstance(column, NumericBins)]
    own = tuple(seen[source.inputs.index(scores.floats[column.feature])] for column in columns)
    trees = tuple(_unfolded(tree, columns) for tree in scores.trees)
    return replace(source, scores=ForestModel(trees, own, scores.bias, casts=True))


def _unfolded(tree: ObliviousTree, columns: Sequence[NumericBins]) -> SourceTree:
    """A node for each question of each path. Inner node `2**level - 1 + bits` has the answers `bits` before it."""
    depth = tree.feature.size
    level = np.repeat(np.arange(depth), 2 ** np.arange(depth))
    bits = np.arange(level.size) - (2**level - 1)
    below = [bits + (yes << level) for yes in (0, 1)]
    last = level == depth - 1
    left, right = (np.where(last, ~own, own + 2 ** (level + 1) - 1).astype(np.int32) for own in below)
    edges = np.array([columns[f].edges[s] for f, s in zip(tree.feature, tree.split, strict=True)], dtype=np.float64)
    nan_left = np.array([columns[f].nan_bin == 0 for f in tree.feature], dtype=bool)
    return SourceTree(
        feature=tree.feature[level].astype(np.int32),
        threshold=edges[level],
        left=left,
        right=right,
        nan_left=nan_left[level],
        leaves=tree.leaves,
        targets=tree.targets,
    )


def _feature(column: BinColumn, splits: Splits, floats: Sequence[str]) -> Feature:
    if isinstance(column, NumericBins):
        return Number(floats[column.feature])
    projection = splits.projections[column.feature]
    if len(projection.categories) > 1 or projection.parts:
        raise UnsupportedOpError(
            "CatBoost combinations of features are supported in symmetric trees only: train with max_ctr_complexity=1, "
            "or with grow_policy='SymmetricTree'"
        )
    return Levels(splits.hashes.coding(projection.categories[0]), tuple(column.bins.astype(float).tolist()))


def _tree(tree: Mapping[str, Any], splits: Splits, scale: float, outputs: int) -> SourceTree:
    """Nodes in order of a walk; a split is answered yes to the right."""
    nodes: list[Mapping[str, Any]] = []
    children: list[tuple[int, int]] = []
    waiting: list[tuple[Mapping[str, Any], int, int]] = [(tree, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        number = len(nodes)
        nodes.append(node)
        children.append((-1, -1))
        if parent >= 0:
            left, right = children[parent]
            children[parent] = (number, right) if side == 0 else (left, number)
        if "split" in node:
            waiting += [(node["left"], number, 0), (node["right"], number, 1)]
    leaf = np.array(["split" not in node for node in nodes])
    feature, threshold, nan_left = np.zeros(leaf.size, int), np.zeros(leaf.size), np.zeros(leaf.size, bool)
    value = np.zeros((leaf.size, outputs))
    for number, node in enumerate(nodes):
        if leaf[number]:
            value[number] = np.atleast_1d(node["value"])
            continue
        feature[number], at = splits.position(node["split"])
        column = splits.columns[feature[number]]
        if isinstance(column, NumericBins):
            threshold[number], nan_left[number] = column.edges[at], column.nan_bin == 0
        else:
            threshold[number] = at
    left, right = np.array(children, dtype=np.int64).T
    table = NodeTable(leaf, feature.astype(np.int64), threshold, left, right, nan_left, value * scale)
    return source_tree(table, tuple(range(outputs)))
