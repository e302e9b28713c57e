"""Reads XGBoost's JSON (`Booster.save_model`), XGBoost 1.6 to 3.2, already parsed; UBJSON has the same content.

A row goes left where `x < threshold`, in float32; categories of a set go right. `base_score` is a probability, mean
or number in the units of the target, and becomes a margin by the objective's own link.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.foreign.categories import empty_text_notes, recoded
from lean_automl.compiler.foreign.features import Feature, Number, Step, StepKind, as_float32, column_of, then
from lean_automl.compiler.foreign.forest import CategorySet, ForestModel, SourceTree
from lean_automl.compiler.foreign.heads import Classes, Head, HeadKind, chosen_labels
from lean_automl.compiler.foreign.linear import LinearModel
from lean_automl.compiler.foreign.model import SourceModel
from lean_automl.compiler.foreign.nodes import NodeTable, source_tree
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBRARY: Final = "XGBoost"
HEADS: Final[dict[str, HeadKind]] = {
    "binary:logistic": HeadKind.SIGMOID,
    "multi:softprob": HeadKind.SOFTMAX,
    "multi:softmax": HeadKind.SOFTMAX,
    "reg:logistic": HeadKind.LOGISTIC_VALUE,
    "count:poisson": HeadKind.EXP,
    "reg:gamma": HeadKind.EXP,
    "reg:tweedie": HeadKind.EXP,
    **dict.fromkeys(
        (
            "reg:squarederror",
            "reg:squaredlogerror",
            "reg:absoluteerror",
            "reg:pseudohubererror",
            "reg:quantileerror",
            "reg:linear",
            "binary:logitraw",
        ),
        HeadKind.VALUE,
    ),
}
LOGIT: Final = (HeadKind.SIGMOID, HeadKind.LOGISTIC_VALUE)


def read_xgboost(
    described: Mapping[str, Any],
    classes: Classes = (),
    names: Sequence[str] = (),
    rounds: int | None = None,
    features: Sequence[Feature] = (),
    missing: float | None = None,
) -> SourceModel:
    """The model in a parsed file.

    Args:
        described: The file's content.
        classes: Labels, which the file does not have; 0, 1, ... by default.
        names: Names for the columns instead of those in the file.
        rounds: Boosting rounds to take: all where 0; None takes the best where early stopping noted it, else all.
        features: What the columns are, for a model at the end of a pipeline.
        missing: A number that stands for a missing value, which an estimator knows and a file does not.

    Raises:
        UnsupportedOpError: A part cannot be represented; the message names it.
    """
    learner = described["learner"]
    parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
    if int(parameters.get("num_target", 1)) > 1:
        raise UnsupportedOpError("XGBoost models of several targets are not supported: train one model for each target")
    count = max(1, int(parameters.get("num_class", 0)))
    head = _head(learner["objective"]["name"], count, classes)
    bias = _margin(parameters["base_score"], head.kind, count)
    inputs = _inputs(learner, int(parameters["num_feature"]), names)
    own: list[Feature] = [as_float32(f) for f in features] or [Number(name) for name in inputs]
    if booster["name"] == "gblinear":
        if missing is not None:
            raise UnsupportedOpError(f"missing={missing!r} with booster='gblinear' is not supported: train without")
        weights = np.array(booster["model"]["weights"], dtype=np.float32).astype(np.float64).reshape(-1, count)
        # A missing value adds nothing. XGBoost 3.2 adds the first class's base score to all classes.
        filled = tuple(then(feature, Step(StepKind.FILL, 0.0)) for feature in own)
        return SourceModel(LIBRARY, LinearModel(filled, weights[:-1], weights[-1] + bias[0]), head, inputs)
    weight_drop = None
    if booster["name"] == "dart":
        weight_drop, booster = booster["weight_drop"], booster["gbtree"]
    model = booster["model"]
    _name_categories(own, model.get("cats"))
    chosen, note = _chosen(model, learner.get("attributes", {}), rounds, count)
    trees = []
    for number in range(chosen):
        factor = 1.0 if weight_drop is None else float(np.float32(weight_drop[number]))
        trees.append(_tree(model["trees"][number], int(model["tree_info"][number]), factor))
    # Thresholds are values of rows: of raw columns float32 as the rows are, but behind a scaler those of float64 rows.
    forest = ForestModel(
        tuple(trees), tuple(own), bias, strict=True, casts=True, of_doubles=bool(features), marker=missing
    )
    return SourceModel(LIBRARY, forest, head, inputs, note + (() if features else empty_text_notes(own)))


def _head(objective: str, count: int, classes: Classes) -> Head:
    if objective.startswith("rank:"):
        raise UnsupportedOpError(f"XGBoost objective {objective!r} ranks; its scores mean nothing alone")
    if objective not in HEADS:
        raise UnsupportedOpError(f"XGBoost objective {objective!r} is not supported. Supported: {', '.join(HEADS)}.")
    kind = HEADS[objective]
    if kind is HeadKind.SIGMOID:
        return Head(kind, chosen_labels(classes, 2))
    if kind is HeadKind.SOFTMAX:
        return Head(kind, chosen_labels(classes, count))
    return Head(kind)


def _margin(base_score: str, kind: HeadKind, count: int) -> NDArray[np.float64]:
    """`base_score` as scores: one number, or since version 3 one for each class."""
    parsed = json.loads(base_score)
    base = np.atleast_1d(np.array(parsed, dtype=np.float32)).astype(np.float64)
    if kind in LOGIT:
        base = -np.log(1.0 / base - 1.0)
    if kind is HeadKind.EXP:
        base = np.log(base)
    return np.broadcast_to(base, (count,)).copy()


def _inputs(learner: Mapping[str, Any], count: int, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names) or tuple(learner.get("feature_names") or ()) or tuple(f"f{number}" for number in range(count))


def _chosen(
    model: Mapping[str, Any], attributes: Mapping[str, str], rounds: int | None, count: int
) -> tuple[int, tuple[str, ...]]:
    """How many trees to take, and a note where early stopping decides."""
    total = len(model["trees"])
    parallel = int(model["gbtree_model_param"].get("num_parallel_tree", 1) or 1)
    ends = model.get("iteration_indptr") or list(range(0, total + 1, max(1, parallel * count)))
    if rounds:
        return int(ends[min(rounds, len(ends) - 1)]), ()
    if rounds is None and "best_iteration" in attributes:
        best = int(attributes["best_iteration"]) + 1
        if best < len(ends) - 1:
            return int(ends[best]), (
                f"early stopping found round {best} of {len(ends) - 1} best: later trees are left out",
            )
    return total, ()


def _tree(tree: Mapping[str, Any], target: int, factor: float) -> SourceTree:
    if int(tree["tree_param"].get("size_leaf_vector", 1) or 1) > 1:
        raise UnsupportedOpError(
            "XGBoost trees with vector leaves (multi_strategy='multi_output_tree') are not supported"
        )
    left = np.array(tree["left_children"], dtype=np.int64)
    conditions = np.array(tree["split_conditions"], dtype=np.float32).astype(np.float64)
    table = NodeTable(
        leaf=left < 0,
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=conditions,
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        nan_left=np.array(tree["default_left"]).astype(bool),
        value=conditions.reshape(-1, 1) * factor,
        sets=_sets(tree),
    )
    return source_tree(table, (target,))


def _sets(tree: Mapping[str, Any]) -> dict[int, CategorySet]:
    nodes = tree.get("categories_nodes") or []
    sets = {}
    for node, start, size in zip(
        nodes, tree.get("categories_segments", []), tree.get("categories_sizes", []), strict=True
    ):
        sets[int(node)] = CategorySet(frozenset(map(int, tree["categories"][start : start + size])), members_left=False)
    return sets


def _name_categories(features: list[Feature], cats: Mapping[str, Any] | None) -> None:
    """Columns that were categories of a data frame hold the categories, in files of XGBoost 3.1 and later."""
    for number, encoded in enumerate((cats or {}).get("enc", [])):
        values = encoded.get("values") or []
        if not values:
            continue
        if "offsets" in encoded:
            raw, ends = bytes(np.array(values, dtype=np.int64).astype(np.uint8)), encoded["offsets"]
            if not raw.isascii():
                # XGBoost counts letters where it should count bytes, so ends are wrong and the last names are cut.
                raise UnsupportedOpError(
                    f"column {column_of(features[number])!r}: XGBoost does not store categories with other letters "
                    "than ASCII's in full. Rename the categories, or number them before training."
                )
            values = [raw[a:b].decode() for a, b in pairwise(ends)]
        features[number] = recoded(features[number], values)
