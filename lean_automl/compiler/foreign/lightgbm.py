"""Reads LightGBM models: the text format (`Booster.save_model`), and Boosters, of LightGBM 4."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.foreign.categories import empty_text_notes, recoded
from lean_automl.compiler.foreign.features import Feature, raw_numbers
from lean_automl.compiler.foreign.forest import CategorySet, ForestModel, SourceTree
from lean_automl.compiler.foreign.heads import Classes, Head, HeadKind, chosen_labels
from lean_automl.compiler.foreign.model import SourceModel
from lean_automl.compiler.foreign.tree_input import ZERO
from lean_automl.compiler.from_lightgbm import (
    CATEGORICAL,
    DEFAULT_LEFT,
    MISSING_NAN,
    MISSING_ZERO,
    block_fields,
    numbers_of,
)
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBRARY: Final = "LightGBM"
IDENTITY: Final = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
EXPONENTIAL: Final = ("poisson", "gamma", "tweedie")
RANKING: Final = ("lambdarank", "rank_xendcg")
OWN_OBJECTIVE: Final = "the objective is the trainer's own: the Program predicts raw scores, as LightGBM does"


def read_lightgbm(
    text: str,
    classes: Classes = (),
    names: Sequence[str] = (),
    text_columns: Collection[str] = (),
    rounds: int | None = None,
    features: Sequence[Feature] = (),
) -> SourceModel:
    """The model in LightGBM's text format.

    Args:
        text: The whole file.
        classes: Labels, which the file does not have; 0, 1, ... by default.
        names: Names for the columns instead of those in the file.
        text_columns: Columns that hold text; asked when the file does not say which are pandas categories.
        rounds: Boosting rounds to take; all by default, which are those up to the best where training stopped early.
        features: What the columns are, for a model at the end of a pipeline.

    Raises:
        UnsupportedOpError: A part cannot be represented; the message names it.
    """
    header = block_fields(text.split("\nTree=", 1)[0])
    if "tree_sizes" not in header and "\nTree=" not in text:
        raise UnsupportedOpError("this LightGBM file has no trees")
    inputs = tuple(names) or tuple(header["feature_names"].split(" "))
    outputs = int(header.get("num_tree_per_iteration", 1))
    averaged = "\naverage_output" in text.split("\nTree=", 1)[0]
    custom = header.get("objective", "custom") == "custom"
    head, factor = _head(header.get("objective", "custom"), int(header.get("num_class", 1)), classes)
    blocks = [block_fields(block) for block in text.split("\nend of trees", 1)[0].split("\nTree=")[1:]]
    blocks = blocks[: rounds * outputs] if rounds else blocks
    rounds = max(1, len(blocks) // outputs)
    scale = factor / rounds if averaged else factor
    trees = tuple(_tree(block, number % outputs, scale) for number, block in enumerate(blocks))
    own = _features(text, header, inputs, text_columns, tuple(features) or raw_numbers(inputs))
    model = ForestModel(trees, own, np.zeros(outputs), zero_code=float(np.nextafter(np.float32(-1), np.float32(0))))
    notes = (OWN_OBJECTIVE,) if custom else ()
    return SourceModel(LIBRARY, model, head, inputs, notes + (() if features else empty_text_notes(own)))


def _head(objective: str, classes: int, labels: Classes) -> tuple[Head, float]:
    """What becomes of the scores, and what they are multiplied with before."""
    name, *options = objective.split(" ")
    given = dict(option.split(":", 1) for option in options if ":" in option)
    sigmoid = float(given.get("sigmoid", 1.0))
    if name == "binary":
        return Head(HeadKind.SIGMOID, chosen_labels(labels, 2)), sigmoid
    if name == "multiclass":
        return Head(HeadKind.SOFTMAX, chosen_labels(labels, classes)), 1.0
    if name == "multiclassova":
        return Head(HeadKind.ONE_VS_REST, chosen_labels(labels, classes)), sigmoid
    if name in IDENTITY and "sqrt" in options:
        return Head(HeadKind.SIGNED_SQUARE), 1.0
    if name in IDENTITY or (name == "custom" and classes == 1):
        return Head(HeadKind.VALUE), 1.0
    if name in EXPONENTIAL:
        return Head(HeadKind.EXP), 1.0
    if name == "cross_entropy":
        return Head(HeadKind.LOGISTIC_VALUE), 1.0
    kind = "a ranking objective, whose scores mean nothing alone" if name in RANKING else "not supported"
    raise UnsupportedOpError(
        f"LightGBM objective {name!r} is {kind}. Supported: binary, multiclass, multiclassova, cross_entropy, "
        f"{', '.join(IDENTITY + EXPONENTIAL)}."
    )


def _tree(fields: dict[str, str], target: int, factor: float) -> SourceTree:
    if fields.get("is_linear", "0") != "0":
        raise UnsupportedOpError(
            "LightGBM linear trees (linear_tree=true) are not supported: train with linear_tree=false"
        )
    leaves = numbers_of(fields, "leaf_value", np.float64).reshape(-1, 1) * factor
    if int(fields["num_leaves"]) == 1:
        none = np.empty(0, dtype=np.int32)
        return SourceTree(none, none.astype(np.float64), none, none, none.astype(bool), leaves[:1], (target,))
    decision = numbers_of(fields, "decision_type", np.int64)
    threshold = numbers_of(fields, "threshold", np.float64)
    categorical = (decision & CATEGORICAL) != 0
    missing = decision >> 2 & 3
    zero, default_left = missing == MISSING_ZERO, (decision & DEFAULT_LEFT) != 0
    # A feature without missing values in training reads NaN as zero.
    nan_left = np.where((missing == MISSING_NAN) | zero, default_left, threshold >= 0.0)
    return SourceTree(
        feature=numbers_of(fields, "split_feature", np.int32),
        threshold=_beside_zero(threshold),
        left=numbers_of(fields, "left_child", np.int32),
        right=numbers_of(fields, "right_child", np.int32),
        nan_left=np.where(categorical, False, nan_left),
        leaves=leaves,
        targets=(target,),
        sets=_sets(fields, np.flatnonzero(categorical), threshold),
        zero_is_nan=zero & ~categorical,
    )


def _beside_zero(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """LightGBM reads values that are next to zero as zero, so no threshold parts them."""
    near = np.abs(threshold) <= np.float64(ZERO)
    below = np.nextafter(-np.float64(ZERO), -np.inf)
    return np.where(near, np.where(threshold < 0.0, below, np.float64(ZERO)), threshold)


def _sets(fields: dict[str, str], nodes: NDArray[np.intp], threshold: NDArray[np.float64]) -> Mapping[int, CategorySet]:
    """Bit sets of the categories that go left; a categorical node's threshold is the number of its set."""
    if not nodes.size:
        return {}
    bounds = numbers_of(fields, "cat_boundaries", np.int64)
    words = np.array(fields["cat_threshold"].split(), dtype=np.uint32)
    sets = {}
    for node in nodes:
        at = int(threshold[node])
        own = words[bounds[at] : bounds[at + 1]]
        bits = np.unpackbits(own.astype("<u4").view(np.uint8), bitorder="little")
        sets[int(node)] = CategorySet(frozenset(np.flatnonzero(bits).tolist()), members_left=True)
    return sets


def _features(
    text: str,
    header: Mapping[str, str],
    inputs: Sequence[str],
    text_columns: Collection[str],
    given: Sequence[Feature],
) -> tuple[Feature, ...]:
    """The columns; those that were a pandas category hold the categories, which become LightGBM's codes."""
    features = list(given)
    lists = _pandas_categories(text)
    if not lists:
        return tuple(features)
    infos = header.get("feature_infos", "").split(" ")
    coded = [name for name, info in zip(inputs, infos, strict=False) if info != "none" and not info.startswith("[")]
    chosen = coded if len(coded) == len(lists) else [name for name in inputs if name in text_columns]
    if len(chosen) != len(lists):
        raise UnsupportedOpError(
            f"this LightGBM file was trained on {len(lists)} pandas columns of dtype category and does not say which "
            f"of its columns they are ({', '.join(coded) or 'none is known'}). Describe the columns: declare those of "
            "text categorical and the others numeric."
        )
    for name, values in zip(chosen, lists, strict=True):
        at = inputs.index(name)
        if any(int(code) >= len(values) for code in infos[at].split(":") if code.lstrip("-").isdecimal()):
            raise UnsupportedOpError(
                f"column {name!r} has more categories than the pandas column that it seems to be: this LightGBM file "
                "does not say which column that is. Train with pandas categories only, or with numbers only."
            )
        features[at] = recoded(features[at], values)
    return tuple(features)


def _pandas_categories(text: str) -> list[list[Any]]:
    at = text.rfind("pandas_categorical:")
    if at < 0:
        return []
    found: list[list[Any]] | None = json.loads(text[at:].split("\n", 1)[0].split(":", 1)[1])
    return found or []
