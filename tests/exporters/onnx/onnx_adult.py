"""A Program like that of the adult table: six numbers, eight categories, oblivious trees over uint8 bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_small as s
from lean_automl_runtime.ir import Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

NUMBERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
LEVELS = {"workclass": 9, "education": 16, "marital-status": 7, "occupation": 15, "relationship": 6, "race": 5}
LEVELS |= {"sex": 2, "native-country": 42}


def adult_like(trees: int = 300, depth: int = 6, dtype: Any = np.int16, classes: Any = ("<=50K", ">50K")) -> Program:
    rng = np.random.default_rng(0)
    columns = [Column(name, ColumnKind.NUMERIC, "float32") for name in NUMBERS]
    columns += [Column(name, ColumnKind.CATEGORICAL, "string") for name in LEVELS]
    b = ProgramBuilder(tuple(columns))
    edges = [np.sort(rng.normal(size=40).astype(np.float32)) for _ in NUMBERS]
    numbers = b.add(o.Concat(tuple(range(len(NUMBERS)))))
    bins = [b.add(o.Bin((numbers,), np.concatenate(edges), s.offsets([40] * 6), s.i32([41] * 6)))]
    for name, levels in LEVELS.items():
        texts = ("?", *(f"{name[:4]} {i}" for i in range(levels - 1)))
        code = b.add(o.Encode((b.column(name),), texts))
        bins.append(b.add(o.Lookup((code,), rng.permutation(levels + 2).astype(np.uint8)[:, None])))
    joined = b.add(o.Concat(tuple(bins)))
    width = 1 if len(classes) == 2 else len(classes)
    top = np.iinfo(dtype).max
    feature = rng.integers(0, len(columns), trees * depth)
    op = o.ObliviousTrees(
        (joined,),
        leaves=rng.integers(-top, top, trees * 2**depth).astype(dtype),
        leaf_offsets=s.offsets([2**depth] * trees),
        targets=s.i32(np.arange(trees) % width),
        target_offsets=s.offsets([1] * trees),
        scale=np.full(width, 1e-6, dtype=np.float32),
        bias=np.full(width, -0.1, dtype=np.float32),
        split_feature=feature.astype(np.int32),
        split_bin=np.where(feature < 6, rng.integers(0, 41, feature.size), feature % 3).astype(np.uint8),
        split_offsets=s.offsets([depth] * trees),
    )
    return s.classifier(b, b.add(op), classes, softmax=width > 1)
