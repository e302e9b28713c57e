"""ONNX's models: tree ensembles and linear models, and what becomes of their scores, as onnxruntime computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.heads import class_labels, column, dense, sigmoid
from lean_automl.compiler.foreign.linear import LinearModel
from lean_automl.compiler.foreign.onnx_features import numbers
from lean_automl.compiler.foreign.onnx_graph import Node
from lean_automl.compiler.foreign.onnx_trees import (
    POST_TRANSFORMS,
    Leaves,
    aggregated,
    read_classifier,
    read_regressor,
    read_tree_ensemble,
)
from lean_automl.compiler.foreign.onnx_values import Columns, Labels, Scores, Value, mapped, scores_of

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.compiler.foreign.heads import Classes


def tree_classifier(node: Node, columns: Columns) -> Sequence[Value]:
    """Label and probabilities of a TreeEnsembleClassifier."""
    classes = class_labels(
        node.attributes.get("classlabels_int64s") or node.texts("classlabels_strings"), f"node {node.name!r}"
    )
    model, leaves = read_classifier(node, numbers(node, columns), len(classes))
    scores = scores_of(model, model.bias.size)
    transform = node.text("post_transform", "NONE")
    single = model.bias.size == 1
    if len(classes) == 2 and not single and not _opposite(leaves):
        raise node.refuse("has two scores for two classes that are not opposite: onnxruntime's label then ignores one")
    positive = bool((leaves.weights >= 0).all())
    both = _two(node, scores, positive) if single else transformed(node, scores, transform)
    both = replace(both, margins=transform == "NONE" and not positive)
    return Labels(both, classes), both


def _opposite(leaves: Leaves) -> bool:
    """Whether each leaf has a weight for the second class and the same below zero for the first."""
    order = np.lexsort((leaves.ids, leaves.nodes, leaves.trees))
    weights = leaves.weights[order]
    return weights.size % 2 == 0 and bool((weights[::2] == -weights[1::2]).all())


def _two(node: Node, scores: Scores, positive: bool) -> Scores:
    """Both classes of the score of the second one."""
    transform = node.text("post_transform", "NONE")
    if positive and transform == "LOGISTIC":
        raise node.refuse("has no leaf below zero: onnxruntime's label then contradicts its probabilities")
    if positive and transform == "NONE":  # onnxruntime takes a sum of positive leaves for a probability
        return mapped(scores, lambda b, x: dense(b, x, [[-1.0, 1.0]], [1.0, 0.0]), 2)
    if transform == "LOGISTIC":
        return mapped(scores, lambda b, x: b.add(o.Link((x,), o.LinkKind.SIGMOID)), 2)
    if transform == "NONE":
        return mapped(scores, lambda b, x: dense(b, x, [[-1.0, 1.0]], [0.0, 0.0]), 2)
    raise node.refuse(f"with post_transform {transform} of one score is not supported")


def tree_regressor(node: Node, columns: Columns) -> Sequence[Value]:
    """Targets of a TreeEnsembleRegressor."""
    model = aggregated(node, read_regressor(node, numbers(node, columns)))
    return (transformed(node, scores_of(model, model.bias.size), node.text("post_transform", "NONE")),)


def tree_ensemble(node: Node, columns: Columns) -> Sequence[Value]:
    """Targets of a TreeEnsemble, version 5."""
    model = aggregated(node, read_tree_ensemble(node, numbers(node, columns)))
    transform = POST_TRANSFORMS[int(node.attributes.get("post_transform", 0))]
    return (transformed(node, scores_of(model, model.bias.size), transform),)


def linear_classifier(node: Node, columns: Columns) -> Sequence[Value]:
    """Label and probabilities of a LinearClassifier."""
    own = numbers(node, columns)
    weight = node.array("coefficients").reshape(-1, len(own)).T
    bias = node.array("intercepts")
    bias = bias if bias.size else np.zeros(weight.shape[1])
    classes = class_labels(
        node.attributes.get("classlabels_ints") or node.texts("classlabels_strings"), f"node {node.name!r}"
    )
    transform = node.text("post_transform", "NONE")
    opposite = weight.shape[1] == 2 and np.array_equal(weight[:, 0], -weight[:, 1]) and bias[0] == -bias[1]
    if transform == "LOGISTIC" and (opposite or (weight.shape[1] == 1 and len(classes) == 2)):
        scores = scores_of(LinearModel(own, weight[:, -1:], bias[-1:]), 1)
        both = mapped(scores, lambda b, x: b.add(o.Link((x,), o.LinkKind.SIGMOID)), 2)
        return Labels(both, classes), both
    if weight.shape[1] != len(classes):
        raise node.refuse(f"with {weight.shape[1]} scores for {len(classes)} classes and {transform} is not supported")
    every = transformed(node, scores_of(LinearModel(own, weight, bias), bias.size), transform)
    every = replace(every, margins=transform == "NONE")
    return Labels(every, classes), every


def linear_regressor(node: Node, columns: Columns) -> Sequence[Value]:
    """Targets of a LinearRegressor."""
    own = numbers(node, columns)
    weight = node.array("coefficients").reshape(-1, len(own)).T
    bias = node.array("intercepts")
    model = LinearModel(own, weight, bias if bias.size else np.zeros(weight.shape[1]))
    return (transformed(node, scores_of(model, weight.shape[1]), node.text("post_transform", "NONE")),)


def transformed(node: Node, scores: Scores, transform: str) -> Scores:
    """The scores after a post_transform."""
    if transform == "NONE":
        return scores
    if transform == "SOFTMAX":
        return softmax(scores)
    if transform == "LOGISTIC":
        return each_sigmoid(scores)
    raise node.refuse(f"with post_transform {transform} is not supported")


def softmax(scores: Scores) -> Scores:
    """Distribution over the columns."""
    made = mapped(scores, lambda b, x: b.add(o.Link((x,), o.LinkKind.SOFTMAX)))
    return Scores(made.width, made.sources, made.make, sums_to_one=True)


def each_sigmoid(scores: Scores) -> Scores:
    """A sigmoid of each column."""
    width = scores.width

    def make(builder: ProgramBuilder, x: int) -> int:
        each = tuple(sigmoid(builder, column(builder, x, j, width)) for j in range(width))
        return each[0] if width == 1 else builder.add(o.Concat(each))

    return mapped(scores, make)


MODELS: Final[dict[str, Callable[[Node, Columns], Sequence[Value]]]] = {
    "TreeEnsembleClassifier": tree_classifier,
    "TreeEnsembleRegressor": tree_regressor,
    "TreeEnsemble": tree_ensemble,
    "LinearClassifier": linear_classifier,
    "LinearRegressor": linear_regressor,
}


def relabelled(node: Node, labels: Labels, classes: Classes) -> Labels:
    """Labels of the same scores under other names."""
    if len(classes) != labels.scores.width:
        raise node.refuse(f"names {len(classes)} classes of {labels.scores.width} scores")
    return Labels(labels.scores, classes)
