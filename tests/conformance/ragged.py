"""Programs of many ragged trees that share thresholds, as boosting on binned columns makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from conformance.programs import grow_tree
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o


@dataclass(frozen=True)
class Shape:
    """What a forest looks like.

    Attributes:
        trees: How many.
        leaves: Most that a tree has; some have one.
        columns: Raw numbers; two columns of categories come on top.
        thresholds: Different ones for each column.
        outputs: Scores; each tree has one of them.
        leaf: Type of a leaf.
        shared: Whether another op reads the numbers of categories too.
    """

    trees: int = 60
    leaves: int = 24
    columns: int = 4
    thresholds: int = 20
    outputs: int = 1
    leaf: str = "int8"
    shared: bool = False


def ragged_program(shape: Shape, seed: int = 0) -> Program:
    """A regressor of trees over numbers and over the numbers of categories, NaN among those."""
    rng = np.random.default_rng(seed)
    names = [f"n{j}" for j in range(shape.columns)]
    numbers = [Column(name, ColumnKind.NUMERIC, "float32") for name in names]
    builder = ProgramBuilder((*numbers, *(Column(name, ColumnKind.CATEGORICAL, "string") for name in ("c", "d"))))
    categories = [f"k{j}" for j in range(7)]
    looked_up = []
    for name in ("c", "d"):
        table = np.append(rng.normal(0, 1, len(categories) + 1), np.nan).astype(np.float32)[:, None]
        looked_up.append(
            builder.add(o.Lookup((builder.add(o.Encode((builder.column(name),), tuple(categories))),), table))
        )
    floats = builder.add(o.Concat((*map(builder.column, names), *looked_up)))
    score = builder.add(_trees(shape, floats, rng))
    if shape.shared:
        filled = builder.add(o.Impute((looked_up[0],), np.zeros(1, np.float32)))
        weight = np.ones((1, shape.outputs), np.float32)
        dense = builder.add(o.Dense((filled,), weight, np.zeros(shape.outputs, np.float32), o.Activation.IDENTITY))
        score = builder.add(o.Blend((score, dense), np.ones(2, np.float32), np.zeros(shape.outputs, np.float32)))
    return builder.build({PREDICTION: score})


def _trees(shape: Shape, floats: int, rng: np.random.Generator) -> o.RaggedTrees:
    left: list[int] = []
    right: list[int] = []
    roots, counts = [], []
    for tree in range(shape.trees):
        counts.append(1 if tree % 13 == 5 else int(rng.integers(2, shape.leaves + 1)))
        roots.append(-1 if counts[-1] == 1 else len(left))
        grow_tree(rng, counts[-1], left, right)
    width, nodes = shape.columns + 2, len(left)
    pool = rng.normal(0, 1, (width, shape.thresholds)).astype(np.float32)
    pool[0, :4] = np.array([0.0, -0.0, np.inf, 1e-42], np.float32)[: shape.thresholds]
    feature = rng.integers(0, width, nodes)
    largest = min(np.iinfo(shape.leaf).max, 2**20)  # so that sums stay in int32
    return o.RaggedTrees(
        (floats,),
        leaves=rng.integers(-largest - 1, largest + 1, sum(counts)).astype(shape.leaf),
        leaf_offsets=np.cumsum([0, *counts]).astype(np.int32),
        targets=(np.arange(shape.trees) % shape.outputs).astype(np.int32),
        target_offsets=np.arange(shape.trees + 1, dtype=np.int32),
        scale=np.full(shape.outputs, 0.125, np.float32),
        bias=rng.normal(0, 1, shape.outputs).astype(np.float32),
        feature=feature.astype(np.int32),
        threshold=pool[feature, rng.integers(0, shape.thresholds, nodes)],
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        nan_left=(rng.random(nodes) < 0.5) | (feature % 3 == 0),
        roots=np.array(roots, np.int32),
    )
