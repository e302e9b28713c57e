"""Reads LightGBM's text format into neutral trees.

Format: `Booster.model_to_string` of LightGBM 4, blocks of `key=value` lines, one block for each tree. A row goes left
where `x <= threshold`; bits of `decision_type`: 1 categorical, 2 missing goes left, 4 and 8 the missing type.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lean_automl.compiler.trees import RaggedTree, float32_below
from lean_automl.errors import UnsupportedOpError

CATEGORICAL: Final = 1
DEFAULT_LEFT: Final = 2
MISSING_ZERO: Final = 1
MISSING_NAN: Final = 2


def read_trees(text: str) -> list[RaggedTree]:
    """The trees of a model, each with target `tree number mod num_tree_per_iteration`.

    Raises:
        UnsupportedOpError: A tree has categorical or linear splits, or zeros are missing values.
    """
    header = block_fields(text.split("\nTree=", 1)[0])
    outputs = int(header.get("num_tree_per_iteration", 1))
    trees: list[RaggedTree] = []
    for block in text.split("\nTree=")[1:]:
        fields = block_fields(block)
        trees.append(_tree(fields, target=len(trees) % outputs))
    return trees


def block_fields(block: str) -> dict[str, str]:
    """The `key=value` lines of a block."""
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(fields: dict[str, str], target: int) -> RaggedTree:
    if fields.get("is_linear", "0") != "0":
        raise UnsupportedOpError("LightGBM linear trees are not supported: train with linear_tree=false")
    leaves = numbers_of(fields, "leaf_value", np.float64)
    if int(fields["num_leaves"]) == 1:
        empty = np.empty(0, dtype=np.int32)
        return RaggedTree(
            empty, empty.astype(np.float32), empty, empty, empty.astype(bool), leaves.reshape(1, 1), (target,)
        )
    decision = numbers_of(fields, "decision_type", np.int64)
    threshold = numbers_of(fields, "threshold", np.float64)
    if (decision & CATEGORICAL).any():
        raise UnsupportedOpError("LightGBM categorical splits are not supported here: encode categories first")
    missing = decision >> 2 & 3
    if (missing == MISSING_ZERO).any():
        raise UnsupportedOpError("LightGBM models trained with zero_as_missing are not supported")
    # A feature without missing values in training reads NaN as zero.
    nan_left = np.where(missing == MISSING_NAN, (decision & DEFAULT_LEFT) != 0, threshold >= 0.0)
    return RaggedTree(
        feature=numbers_of(fields, "split_feature", np.int32),
        threshold=float32_below(threshold),
        left=numbers_of(fields, "left_child", np.int32),
        right=numbers_of(fields, "right_child", np.int32),
        nan_left=nan_left,
        leaves=leaves.reshape(-1, 1),
        targets=(target,),
    )


def numbers_of(fields: dict[str, str], key: str, dtype: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """The numbers of a line, by way of float64."""
    return np.array(fields[key].split(), dtype=np.float64).astype(dtype)
