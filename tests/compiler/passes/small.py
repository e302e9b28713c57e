"""Small Programs made by hand: a few columns, and ops on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

COLUMNS = (
    Column("a", ColumnKind.NUMERIC, "float32"),
    Column("b", ColumnKind.NUMERIC, "float32"),
    Column("c", ColumnKind.NUMERIC, "float32"),
    Column("kind", ColumnKind.CATEGORICAL, "string"),
)
A, B, C, KIND = range(4)


def f32(*values: Any) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def i32(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


class Small:
    """A Program in the making."""

    def __init__(self) -> None:
        self.builder = ProgramBuilder(COLUMNS)
        self.add = self.builder.add

    def matrix(self, *numbers: int) -> int:
        return self.add(o.Concat(numbers))

    def code(self, *categories: str) -> int:
        return self.add(o.Encode((KIND,), categories))

    def bins(self, source: int, *edges: tuple[float, ...], nan: tuple[int, ...]) -> int:
        ends = np.cumsum([0, *map(len, edges)])
        return self.add(o.Bin((source,), f32(*[e for own in edges for e in own]), i32(*ends), i32(*nan)))

    def build(self, prediction: int) -> Program:
        return self.builder.build({PREDICTION: prediction})


def oblivious(source: int, *trees: tuple[list[tuple[int, int]], list[int]], scale: float = 0.5) -> o.ObliviousTrees:
    """Trees of one target: their splits, and their leaves."""
    splits = [split for own, _ in trees for split in own]
    sizes = [len(leaves) for _, leaves in trees]
    return o.ObliviousTrees(
        (source,),
        leaves=np.array([leaf for _, own in trees for leaf in own], dtype=np.int16),
        leaf_offsets=i32(*np.cumsum([0, *sizes])),
        targets=i32(*[0] * len(trees)),
        target_offsets=i32(*range(len(trees) + 1)),
        scale=f32(scale),
        bias=f32(0.25),
        split_feature=i32(*[feature for feature, _ in splits]),
        split_bin=np.array([own for _, own in splits], dtype=np.uint8),
        split_offsets=i32(*np.cumsum([0, *[len(own) for own, _ in trees]])),
    )


def ragged(source: int, *trees: tuple[list[tuple[int, float, int, int]], list[int]]) -> o.RaggedTrees:
    """Trees of one target: nodes (feature, threshold, left, right) with numbers of their own, and leaves.

    NaN goes left.
    """
    nodes, roots, start = [], [], 0
    for own, _ in trees:
        roots.append(start if own else -1)
        nodes += [(f, t, *(child + start if child >= 0 else child for child in sides)) for f, t, *sides in own]
        start += len(own)
    feature, threshold, left, right = zip(*nodes, strict=True) if nodes else ((), (), (), ())
    return o.RaggedTrees(
        (source,),
        leaves=np.array([leaf for _, own in trees for leaf in own], dtype=np.int16),
        leaf_offsets=i32(*np.cumsum([0, *[len(own) for _, own in trees]])),
        targets=i32(*[0] * len(trees)),
        target_offsets=i32(*range(len(trees) + 1)),
        scale=f32(0.5),
        bias=f32(0.25),
        feature=i32(*feature),
        threshold=f32(*threshold),
        left=i32(*left),
        right=i32(*right),
        nan_left=np.ones(len(nodes), dtype=bool),
        roots=i32(*roots),
    )


def the(program: Program, kind: type[o.Op]) -> Any:
    """The only op of a kind."""
    (op,) = [op for op in program.ops if isinstance(op, kind)]
    return op
