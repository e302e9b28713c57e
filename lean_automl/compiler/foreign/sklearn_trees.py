"""Reads scikit-learn's fitted trees, forests and boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.foreign.features import Feature, as_float32
from lean_automl.compiler.foreign.forest import CategorySet, ForestModel, SourceTree
from lean_automl.compiler.foreign.heads import Head, HeadKind, class_labels
from lean_automl.compiler.foreign.nodes import NodeTable, source_tree
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def read_forest(model: Any, features: Sequence[Feature]) -> tuple[ForestModel, Head]:
    """A decision tree, or a forest whose trees are averaged: of probabilities for a classifier."""
    members = list(getattr(model, "estimators_", [model]))
    name = type(model).__name__
    if model.n_outputs_ > 1:
        raise UnsupportedOpError(f"{name} predicts {model.n_outputs_} targets: train one model for each")
    seen = _as_float32(features)
    if not hasattr(model, "classes_"):
        trees = tuple(_tree(member.tree_, member.tree_.value[:, 0, :1], (0,)) for member in members)
        return ForestModel(trees, seen, np.zeros(1), averaged=True, casts=True), Head(HeadKind.VALUE)
    labels = class_labels(model.classes_, name)
    shares = [_shares(member.tree_) for member in members]
    if len(labels) == 2:
        # The score is the share of the second class; the first is one minus it, so that a tie stays one.
        trees = tuple(_tree(m.tree_, s[:, 1:], (0,)) for m, s in zip(members, shares, strict=True))
        return ForestModel(trees, seen, np.zeros(1), averaged=True, casts=True, tie=0.5), Head(
            HeadKind.SECOND_PROBABILITY, labels
        )
    targets = tuple(range(len(labels)))
    trees = tuple(_tree(m.tree_, s, targets) for m, s in zip(members, shares, strict=True))
    return ForestModel(trees, seen, np.zeros(len(labels)), averaged=True, casts=True), Head(
        HeadKind.PROBABILITIES, labels
    )


def read_gradient_boosting(model: Any, features: Sequence[Feature]) -> tuple[ForestModel, Head]:
    """GradientBoostingClassifier or GradientBoostingRegressor."""
    name = type(model).__name__
    rate = float(model.learning_rate)
    init = model.init_
    if not (isinstance(init, str) or type(init).__name__ in ("DummyClassifier", "DummyRegressor")):
        raise UnsupportedOpError(
            f"{name}(init={type(init).__name__}(...)) is not supported: train with the default init"
        )
    if getattr(init, "strategy", None) in ("stratified", "uniform"):
        raise UnsupportedOpError(
            f"{name}(init={type(init).__name__}(strategy={init.strategy!r})) begins with random numbers: train with "
            "default init"
        )
    trees = tuple(
        _tree(member.tree_, member.tree_.value[:, 0, :1] * rate, (target,))
        for row in model.estimators_
        for target, member in enumerate(row)
    )
    zeros = np.zeros((1, model.n_features_in_), dtype=np.float32)
    bias = np.asarray(model._raw_predict_init(zeros), dtype=np.float64).reshape(-1)
    seen = _as_float32(features)
    if not hasattr(model, "classes_"):
        return ForestModel(trees, seen, bias, casts=True), Head(HeadKind.VALUE)
    labels = class_labels(model.classes_, name)
    if len(labels) > 2:
        return ForestModel(trees, seen, bias, casts=True), Head(HeadKind.SOFTMAX, labels)
    factor = 2.0 if model.loss == "exponential" else 1.0  # its link is expit(2 x)
    return scaled(ForestModel(trees, seen, bias, casts=True), factor), Head(HeadKind.SIGMOID, labels)


def read_hist_gradient_boosting(model: Any, features: Sequence[Feature]) -> tuple[ForestModel, Head]:
    """HistGradientBoostingClassifier or HistGradientBoostingRegressor.

    A column with many distinct values is cut at quantiles, and a quantile that falls on a value is that value.
    """
    name = type(model).__name__
    trees = tuple(_hist_tree(predictor, target) for row in model._predictors for target, predictor in enumerate(row))
    bias = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    seen = tuple(features)
    if hasattr(model, "classes_"):
        labels = class_labels(model.classes_, name)
        kind = HeadKind.SIGMOID if len(labels) == 2 else HeadKind.SOFTMAX
        return ForestModel(trees, seen, bias, of_doubles=True), Head(kind, labels)
    exponential = model.loss in ("poisson", "gamma")
    return ForestModel(trees, seen, bias, of_doubles=True), Head(HeadKind.EXP if exponential else HeadKind.VALUE)


def scaled(model: ForestModel, factor: float) -> ForestModel:
    """The same trees with scores times `factor`."""
    if factor == 1.0:
        return model
    from dataclasses import replace

    trees = tuple(replace(tree, leaves=tree.leaves * factor) for tree in model.trees)
    return replace(model, trees=trees, bias=model.bias * factor)


def _as_float32(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """These trees cast their input to float32."""
    return tuple(as_float32(feature) for feature in features)


def _shares(tree: Any) -> NDArray[np.float64]:
    counts = np.asarray(tree.value[:, 0, :], dtype=np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(total == 0.0, 1.0, total))


def _tree(tree: Any, value: NDArray[np.float64], targets: tuple[int, ...]) -> SourceTree:
    leaf = tree.children_left < 0
    missing = getattr(tree, "missing_go_to_left", np.zeros(leaf.size, dtype=np.uint8))
    table = NodeTable(
        leaf=leaf,
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        nan_left=np.asarray(missing).astype(bool),
        value=np.asarray(value, dtype=np.float64),
    )
    return source_tree(table, targets)


def _hist_tree(predictor: Any, target: int) -> SourceTree:
    nodes = predictor.nodes
    sets = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~nodes["is_leaf"].astype(bool)):
        words = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
        bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
        sets[int(node)] = CategorySet(frozenset(np.flatnonzero(bits).tolist()), members_left=True)
    table = NodeTable(
        leaf=nodes["is_leaf"].astype(bool),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        nan_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"].astype(np.float64).reshape(-1, 1),
        sets=sets,
    )
    return source_tree(table, (target,))
