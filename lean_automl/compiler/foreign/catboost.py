"""Reads CatBoost's JSON (`save_model(format="json")`, CatBoost 1.2), already parsed.

A float split asks `x > border`, a one-hot split whether a category's hash equals a value, a CTR split whether a
statistic of a category, or of a combination, is above a border. Split i of an oblivious tree is bit i of the leaf
number; leaves are stored leaf by leaf with all outputs together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from lean_automl.compiler.bins import BinColumn, CategoryBins, NumericBins
from lean_automl.compiler.foreign.catboost_ctr import Hashes, Projection, ctr_levels, nan_is_above, read_projection
from lean_automl.compiler.foreign.catboost_model import ObliviousForest
from lean_automl.compiler.foreign.catboost_ragged import read_ragged
from lean_automl.compiler.foreign.heads import Classes, Head, HeadKind, chosen_labels, class_labels
from lean_automl.compiler.foreign.model import SourceModel
from lean_automl.compiler.trees import ObliviousTree
from lean_automl.errors import UnsupportedOpError

LIBRARY: Final = "CatBoost"
VALUES: Final = ("RMSE", "MAE", "Quantile", "LogLinQuantile", "Huber", "MAPE", "Expectile", "Lq", "LogCosh")
EXPONENTIAL: Final = ("Poisson", "Tweedie")
BINARY: Final = ("Logloss", "CrossEntropy", "Focal")


class Splits:
    """Numbers for the splits of a model: each is a border of a column of bins.

    Attributes:
        columns: The columns of bins so far.
        projections: What the category columns among them number.
        hashes: The categories.
    """

    def __init__(self, info: Mapping[str, Any], ctr_data: Mapping[str, Any], hashes: Hashes) -> None:
        self.columns: list[BinColumn] = []
        self.projections: list[Projection] = []
        self.hashes = hashes
        self._info, self._ctr_data = info, ctr_data
        self._known: dict[object, int] = {}
        self._floats = info.get("float_features", [])
        self._ctr_at = _ctr_positions(info)

    def position(self, split: Mapping[str, Any]) -> tuple[int, int]:
        """Column and bin of a split: the answer is yes where the column's bin is above the bin."""
        match split["split_type"]:
            case "FloatFeature":
                return self._float(split["float_feature_index"], split["border"])
            case "OneHotFeature":
                return self._one_hot(split["cat_feature_index"], split["value"]), 0
            case "OnlineCtr":
                return self._ctr(split)
        raise UnsupportedOpError(
            f"CatBoost splits of type {split['split_type']} (text and embedding features) are not supported: train "
            "without such columns"
        )

    def _float(self, number: int, border: float) -> tuple[int, int]:
        feature = self._floats[number]
        borders = np.array(feature.get("borders") or [], dtype=np.float64).astype(np.float32)
        made = NumericBins(number, borders, borders.size + 1 if nan_is_above(feature) else 0)
        return self._number(("float", number), made), int(np.searchsorted(borders, np.float32(border)))

    def _one_hot(self, number: int, value: int) -> int:
        key = ("one-hot", number, value)
        if key not in self._known:
            projection = read_projection([{"combination_element": "cat_feature_value", "cat_feature_index": number}])
            bins = self.hashes.equal_to(number, value).astype(np.int64)
            self._number(key, CategoryBins(self._projection(projection), bins))
        return self._known[key]

    def _ctr(self, split: Mapping[str, Any]) -> tuple[int, int]:
        ctr = self._info["ctrs"][self._ctr_at[split["split_index"]]]
        borders = np.array(ctr["borders"], dtype=np.float64).astype(np.float32)
        key = ("ctr", self._ctr_at[split["split_index"]])
        if key not in self._known:
            projection = read_projection(ctr["elements"], self._floats)
            values = ctr_levels(ctr, projection, self._ctr_data, self.hashes)
            bins = np.searchsorted(borders, values, side="left")
            self._number(key, CategoryBins(self._projection(projection), bins.astype(np.int64)))
        return self._known[key], int(np.searchsorted(borders, np.float32(split["border"])))

    def _projection(self, projection: Projection) -> int:
        if projection not in self.projections:
            self.projections.append(projection)
        return self.projections.index(projection)

    def _number(self, key: object, column: BinColumn) -> int:
        if key not in self._known:
            self._known[key] = len(self.columns)
            self.columns.append(column)
        return self._known[key]


def _ctr_positions(info: Mapping[str, Any]) -> dict[int, int]:
    """The CTR of each split number: floats are numbered first, then one-hot values, then the borders of CTRs."""
    at = sum(len(feature.get("borders") or []) for feature in info.get("float_features", []))
    at += sum(len(feature.get("values") or []) for feature in info.get("categorical_features", []))
    found = {}
    for number, ctr in enumerate(info.get("ctrs", [])):
        found.update({at + border: number for border in range(len(ctr["borders"]))})
        at += len(ctr["borders"])
    return found


def read_catboost(
    described: Mapping[str, Any],
    classes: Classes = (),
    names: Sequence[str] = (),
    categories: Mapping[str, Sequence[str]] | None = None,
) -> SourceModel:
    """The model in a parsed file.

    Args:
        described: The file's content.
        classes: Labels instead of those in the file.
        names: Names for the columns of a model that has none.
        categories: Known categories of text columns; only those whose hashes the file explains can be used.

    Raises:
        UnsupportedOpError: A part cannot be represented; the message names it.
    """
    info = described["features_info"]
    for kind in ("text_features", "embedding_features"):
        if info.get(kind):
            raise UnsupportedOpError(f"CatBoost {kind.replace('_', ' ')} are not supported: train without them")
    inputs = input_names(info, names)
    head = _head(described["model_info"], classes)
    scale, bias = described.get("scale_and_bias", [1.0, [0.0]])
    offset = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    data = described.get("ctr_data", {})
    splits = Splits(info, data, Hashes(info, data, inputs, categories or {}))
    floats = tuple(inputs[feature["flat_feature_index"]] for feature in info.get("float_features", []))
    if "oblivious_trees" not in described:
        ragged = read_ragged(described["trees"], splits, floats, float(scale), offset)
        return SourceModel(LIBRARY, ragged, head, inputs)
    trees = tuple(_tree(tree, splits, float(scale), offset.size) for tree in described["oblivious_trees"])
    scores = ObliviousForest(trees, tuple(splits.columns), offset, floats, tuple(splits.projections), splits.hashes)
    return SourceModel(LIBRARY, scores, head, inputs)


def _tree(tree: Mapping[str, Any], splits: Splits, scale: float, outputs: int) -> ObliviousTree:
    own = [splits.position(split) for split in tree.get("splits") or []]
    leaves = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(2 ** len(own), -1) * scale
    feature, at = (np.array([pair[k] for pair in own], dtype=np.int64) for k in (0, 1))
    return ObliviousTree(feature, at, leaves, tuple(range(outputs)))


def input_names(info: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """Names of all columns in order; `names`, or x0, x1, ... where the file has none."""
    found = [f for kind in ("float_features", "categorical_features") for f in info.get(kind, [])]
    count = 1 + max((int(feature["flat_feature_index"]) for feature in found), default=0)
    known = [f"x{number}" if len(names) <= number else names[number] for number in range(count)]
    for feature in found:
        known[feature["flat_feature_index"]] = (
            feature.get("feature_name") or feature.get("feature_id") or known[feature["flat_feature_index"]]
        )
    return tuple(known)


def _head(info: Mapping[str, Any], classes: Classes) -> Head:
    loss = info.get("params", {}).get("loss_function", {}).get("type", "")
    own = class_labels(info.get("class_params", {}).get("class_names", []), "CatBoost")
    if loss in BINARY:
        return Head(HeadKind.SIGMOID, chosen_labels(classes or own, 2))
    if loss in ("MultiClass", "MultiClassOneVsAll"):
        return Head(
            HeadKind.SOFTMAX if loss == "MultiClass" else HeadKind.ONE_VS_REST, chosen_labels(classes or own, len(own))
        )
    if loss in VALUES or loss in EXPONENTIAL:
        return Head(HeadKind.EXP if loss in EXPONENTIAL else HeadKind.VALUE)
    supported = (*BINARY, "MultiClass", "MultiClassOneVsAll", *VALUES, *EXPONENTIAL)
    raise UnsupportedOpError(f"CatBoost loss {loss!r} is not supported. Supported: {', '.join(supported)}.")
