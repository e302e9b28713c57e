"""Small Programs for tests of the ONNX exporter."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from lean_automl_runtime.ir import Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

Array = np.ndarray[Any, np.dtype[Any]]

FLOAT_A, FLOAT_B = (Column(name, ColumnKind.NUMERIC, "float32") for name in ("a", "größe (cm)"))
DOUBLE = Column("d", ColumnKind.NUMERIC, "float64")
TEXT_A, TEXT_B = (Column(name, ColumnKind.CATEGORICAL, "string") for name in ("s", "t"))
TIME = Column("when", ColumnKind.DATETIME, "int64")


def f32(*values: Any) -> Array:
    return np.array(values, dtype=np.float32)


def i32(values: Any) -> Array:
    return np.asarray(values, dtype=np.int32)


def offsets(counts: Any) -> Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def builder(*columns: Column) -> ProgramBuilder:
    return ProgramBuilder(columns)


def regressor(b: ProgramBuilder, value: int) -> Program:
    return b.build({"prediction": value})


def single_bin(b: ProgramBuilder, column: int, edges: Any, nan_bin: int = 0) -> int:
    own = f32(*edges)
    return b.add(o.Bin((column,), own, i32([0, own.size]), i32([nan_bin])))


def oblivious(
    b: ProgramBuilder,
    bins: int,
    depths: list[int],
    targets: list[list[int]],
    width: int = 1,
    dtype: Any = np.int16,
    top: int = 30_000,
) -> int:
    """Random oblivious trees over a binned value of two columns with up to five bins."""
    rng = np.random.default_rng(0)
    sizes = [2**d * len(t) for d, t in zip(depths, targets, strict=True)]
    splits = sum(depths)
    return b.add(
        o.ObliviousTrees(
            (bins,),
            leaves=rng.integers(-top, top + 1, sum(sizes)).astype(dtype),
            leaf_offsets=offsets(sizes),
            targets=i32([t for own in targets for t in own]),
            target_offsets=offsets([len(own) for own in targets]),
            scale=rng.uniform(0.5, 2, width).astype(np.float32) / np.float32(top),
            bias=rng.normal(size=width).astype(np.float32),
            split_feature=rng.integers(0, 2, splits).astype(np.int32),
            split_bin=rng.integers(0, 5, splits).astype(np.uint8),
            split_offsets=offsets(depths),
        )
    )


def two_bins(b: ProgramBuilder, nan_bins: tuple[int, int] = (0, 0)) -> int:
    """Both float columns, binned at a few edges."""
    edges = f32(-1, 0, 0.5, 2, -np.inf, 1e-45, 3.4e38)
    both = b.add(o.Concat((b.column(FLOAT_A.name), b.column(FLOAT_B.name))))
    return b.add(o.Bin((both,), edges, i32([0, 4, 7]), i32(nan_bins)))


def ragged(b: ProgramBuilder, x: int, dtype: Any = np.int16, targets: tuple[int, ...] = (0,), width: int = 1) -> int:
    """Three trees: a stump, one of a single leaf, one of four leaves that asks about both columns."""
    rng = np.random.default_rng(1)
    sizes = [n * len(targets) for n in (2, 1, 4)]
    top = min(np.iinfo(dtype).max, 2**31 // 8)
    return b.add(
        o.RaggedTrees(
            (x,),
            leaves=rng.integers(-top, top, sum(sizes)).astype(dtype),
            leaf_offsets=offsets(sizes),
            targets=i32(list(targets) * 3),
            target_offsets=offsets([len(targets)] * 3),
            scale=rng.uniform(0.5, 2, width).astype(np.float32) / np.float32(top),
            bias=rng.normal(size=width).astype(np.float32),
            feature=i32([0, 1, 0, 1]),
            threshold=f32(0.5, 0.0, -1e-45, 3.0),
            left=i32([~1, 2, ~0, ~3]),
            right=i32([~0, 3, ~2, ~1]),
            nan_left=np.array([True, False, False, True]),
            roots=i32([0, -1, 1]),
        )
    )


def classifier(
    b: ProgramBuilder, score: int, classes: Any, threshold: float | None = None, softmax: bool = False
) -> Program:
    kind = o.LinkKind.SOFTMAX if softmax else o.LinkKind.SIGMOID
    p = b.add(o.Link((score,), kind))
    return b.build({"label": b.add(o.Label((p,), classes, threshold)), "probabilities": p})


def node_types(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


def check(model: bytes) -> onnx.ModelProto:
    proto = onnx.load_from_string(model)
    onnx.checker.check_model(proto, full_check=True)
    return proto
