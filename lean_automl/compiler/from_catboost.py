"""Reads CatBoost's JSON format (`save_model(format="json")`, CatBoost 1.2) into neutral oblivious trees.

A split asks `x > border` of a float feature; split i is bit i of the leaf number; leaves are stored leaf by leaf with
all outputs together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.trees import ObliviousTree
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CatBoostModel:
    """A model of float features.

    Attributes:
        trees: Over the float features; a split's bin is the position of its border.
        borders: Of each float feature, float32, ascending.
        nan_is_largest: Whether NaN counts as above all borders, for each float feature; else as below.
        bias: Of each output.
    """

    trees: tuple[ObliviousTree, ...]
    borders: tuple[NDArray[np.float32], ...]
    nan_is_largest: tuple[bool, ...]
    bias: NDArray[np.float64]


def read_model(described: dict[str, Any]) -> CatBoostModel:
    """The model in a parsed JSON file.

    Raises:
        UnsupportedOpError: It has splits other than of float features, or trees that are not oblivious.
    """
    if "oblivious_trees" not in described:
        raise UnsupportedOpError("CatBoost models with grow_policy other than SymmetricTree are not supported")
    features = described["features_info"].get("float_features", [])
    borders = tuple(np.array(f.get("borders") or [], dtype=np.float64).astype(np.float32) for f in features)
    largest = tuple(f.get("nan_value_treatment") == "AsTrue" for f in features)
    scale, bias = described.get("scale_and_bias", [1.0, [0.0]])
    offset = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    trees = tuple(_tree(tree, borders, float(scale), offset.size) for tree in described["oblivious_trees"])
    return CatBoostModel(trees, borders, largest, offset)


def _tree(tree: dict[str, Any], borders: tuple[NDArray[np.float32], ...], scale: float, outputs: int) -> ObliviousTree:
    splits = tree.get("splits") or []
    for split in splits:
        if split["split_type"] != "FloatFeature":
            raise UnsupportedOpError(f"CatBoost split of type {split['split_type']} is not supported here")
    feature = np.array([split["float_feature_index"] for split in splits], dtype=np.int64)
    at = [
        int(np.searchsorted(borders[f], np.float32(split["border"]))) for f, split in zip(feature, splits, strict=True)
    ]
    leaves = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(2 ** len(splits), -1) * scale
    return ObliviousTree(feature, np.array(at, dtype=np.int64), leaves, tuple(range(outputs)))
