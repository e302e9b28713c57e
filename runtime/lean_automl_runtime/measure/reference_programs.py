"""Programs of known size and their records: what a cost model is fitted on, and what a device is judged by.

They are made, not trained: splits are spread over all columns and bins, and leaves are random. Programs of the
forms that students take cost the same as trained ones where the work does not depend on the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.ir import LABEL, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGES: Final = 63
ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a reference Program.

    Attributes:
        name: For messages.
        form: `oblivious`, `linear_leaves`, `ragged`, `tables` or `dense`.
        size: Trees, terms or hidden units.
        depth: Of the trees.
        numeric: Numeric columns.
        categorical: String columns.
        categories: Of each string column.
        classes: More than two take a vector of that many scores.
    """

    name: str
    form: str
    size: int
    depth: int = 6
    numeric: int = 8
    categorical: int = 0
    categories: int = 12
    classes: int = 2


def adult_like(trees: int = 300, depth: int = 6) -> Shape:
    """Six numeric and eight categorical columns, oblivious trees."""
    return Shape(f"adult-like {trees} x depth {depth}", "oblivious", trees, depth, numeric=6, categorical=8)


REFERENCE_SHAPES: Final = (
    Shape("1 tree", "oblivious", 1, 2, numeric=2),
    Shape("30 x depth 2", "oblivious", 30, 2),
    Shape("300 x depth 2", "oblivious", 300, 2),
    Shape("100 x depth 4", "oblivious", 100, 4),
    Shape("1000 x depth 4", "oblivious", 1000, 4),
    Shape("100 x depth 6", "oblivious", 100, 6),
    Shape("600 x depth 6", "oblivious", 600, 6, numeric=20),
    Shape("200 x depth 8", "oblivious", 200, 8),
    Shape("200 x depth 4, 7 classes", "oblivious", 200, 4, classes=7),
    Shape("100 linear leaves", "linear_leaves", 100, 4),
    Shape("400 linear leaves", "linear_leaves", 400, 4),
    Shape("30 ragged", "ragged", 30, 5),
    Shape("300 ragged", "ragged", 300, 5),
    Shape("200 ragged, depth 7", "ragged", 200, 7, numeric=20),
    Shape("8 tables", "tables", 8),
    Shape("60 tables", "tables", 60, numeric=40),
    Shape("dense 16", "dense", 16),
    Shape("dense 64", "dense", 64, numeric=40),
    Shape("40 numeric columns", "oblivious", 30, 4, numeric=40),
    Shape("200 numeric columns", "oblivious", 30, 4, numeric=200),
    Shape("20 categorical columns", "oblivious", 30, 4, numeric=2, categorical=20),
    Shape("2 of 2,000 categories", "oblivious", 30, 4, numeric=4, categorical=2, categories=2000),
    adult_like(300),
)
HELD_OUT_SHAPES: Final = (
    Shape("60 x depth 5", "oblivious", 60, 5, numeric=10, categorical=3),
    adult_like(150, 4),
    adult_like(800, 6),
    Shape("120 linear leaves", "linear_leaves", 120, 4, numeric=12, categorical=4),
    Shape("100 ragged", "ragged", 100, 5, numeric=12),
    Shape("30 tables", "tables", 30, numeric=20, categorical=4),
    Shape("dense 32", "dense", 32, numeric=16, categorical=2),
    Shape("100 x depth 5, 4 classes", "oblivious", 100, 5, numeric=16, categorical=4, classes=4),
)


def make_program(shape: Shape, seed: int = 0) -> Program:
    """The Program of a shape; the same for the same seed."""
    rng = np.random.default_rng(seed)
    columns = tuple(Column(f"n{i}", ColumnKind.NUMERIC, "float32") for i in range(shape.numeric))
    columns += tuple(Column(f"c{i}", ColumnKind.CATEGORICAL, "string") for i in range(shape.categorical))
    builder = ProgramBuilder(columns)
    scores = _BODIES[shape.form](builder, shape, rng)
    link = o.LinkKind.SIGMOID if shape.classes == 2 else o.LinkKind.SOFTMAX
    probabilities = builder.add(o.Link((scores,), link))
    classes = tuple(f"class {i}" for i in range(shape.classes))
    label = builder.add(o.Label((probabilities,), classes, None))
    return builder.build({PROBABILITIES: probabilities, LABEL: label})


def make_records(shape: Shape, seed: int = 0, rows: int = ROWS) -> list[dict[str, Any]]:
    """Distinct records for a shape: 1 in 50 values missing, 1 in 50 categories unseen."""
    rng = np.random.default_rng([seed, 1])
    numbers = rng.normal(size=(rows, shape.numeric)).round(4)
    missing = rng.random((rows, shape.numeric + shape.categorical)) < 0.02
    codes = rng.integers(0, max(2, round(shape.categories * 1.02)), size=(rows, shape.categorical))
    records = []
    for row in range(rows):
        record: dict[str, Any] = {f"n{i}": float(x) for i, x in enumerate(numbers[row])}
        record |= {f"c{i}": f"category {code}" for i, code in enumerate(codes[row])}
        records.append({name: None if gone else record[name] for name, gone in zip(record, missing[row], strict=True)})
    return records


def _bins(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """All columns as bins, side by side."""
    parts = []
    if shape.numeric:
        edges = np.sort(rng.normal(size=(shape.numeric, EDGES)).astype(np.float32), axis=1)
        offsets = np.arange(shape.numeric + 1, dtype=np.int32) * np.int32(EDGES)
        joined = builder.add(o.Concat(tuple(range(shape.numeric))))
        missing = np.zeros(shape.numeric, dtype=np.int32)
        parts.append(builder.add(o.Bin((joined,), edges.reshape(-1), offsets, missing)))
    for code in _codes(builder, shape):
        table = rng.integers(0, _category_bins(shape), size=(shape.categories + 2, 1))
        table[-1] = _category_bins(shape) - 1  # so that the number of levels does not depend on chance
        parts.append(builder.add(o.Lookup((code,), table.astype(np.uint8))))
    return parts[0] if len(parts) == 1 else builder.add(o.Concat(tuple(parts)))


def _floats(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """All columns as floats, side by side; a category becomes a number."""
    parts = list(range(shape.numeric))
    for code in _codes(builder, shape):
        table = rng.normal(size=(shape.categories + 2, 1)).astype(np.float32)
        parts.append(builder.add(o.Lookup((code,), table)))
    return builder.add(o.Concat(tuple(parts)))


def _codes(builder: ProgramBuilder, shape: Shape) -> list[int]:
    categories = tuple(f"category {i}" for i in range(shape.categories))
    return [builder.add(o.Encode((shape.numeric + i,), categories)) for i in range(shape.categorical)]


def _forest(
    rng: np.random.Generator, trees: int, leaves: int, targets: NDArray[np.int32], width: int
) -> dict[str, Any]:
    """Attributes that both tree ops share: every tree has `leaves` leaves; `targets` has a row for each tree."""
    per_tree = targets.shape[1]
    return {
        "leaves": rng.integers(-99, 100, size=trees * leaves * per_tree).astype(np.int16),
        "leaf_offsets": np.arange(trees + 1, dtype=np.int32) * np.int32(leaves * per_tree),
        "targets": targets.reshape(-1),
        "target_offsets": np.arange(trees + 1, dtype=np.int32) * np.int32(per_tree),
        "scale": np.full(width, 1e-4, dtype=np.float32),
        "bias": np.zeros(width, dtype=np.float32),
    }


def _trees(
    builder: ProgramBuilder, shape: Shape, rng: np.random.Generator, bins: int, targets: NDArray[np.int32]
) -> int:
    columns = shape.numeric + shape.categorical
    splits = shape.size * shape.depth
    forest = _forest(rng, shape.size, 2**shape.depth, targets, int(targets.max()) + 1)
    return builder.add(
        o.ObliviousTrees(
            (bins,),
            **forest,
            split_feature=rng.integers(0, columns, size=splits).astype(np.int32),
            split_bin=rng.integers(0, EDGES, size=splits).astype(np.uint8),
            split_offsets=np.arange(shape.size + 1, dtype=np.int32) * np.int32(shape.depth),
        )
    )


def _oblivious(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    scores = 1 if shape.classes == 2 else shape.classes
    targets = np.tile(np.arange(scores, dtype=np.int32), (shape.size, 1))
    return _trees(builder, shape, rng, _bins(builder, shape, rng), targets)


def _linear_leaves(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """A constant and two slopes a leaf."""
    floats = builder.add(o.Impute((_floats(builder, shape, rng),), np.zeros(_width(shape), dtype=np.float32)))
    slopes = [1 + np.sort(rng.choice(_width(shape), size=2, replace=False)) for _ in range(shape.size)]
    slopes[0] = np.array([1, _width(shape)])  # names the last column, so that the sums have one for each feature
    targets = np.array([[0, *pair] for pair in slopes], dtype=np.int32)
    sums = _trees(builder, shape, rng, _bins(builder, shape, rng), targets)
    return builder.add(o.Dot((sums, floats)))


def _width(shape: Shape) -> int:
    return shape.numeric + shape.categorical


def _ragged(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """Complete trees: what is ragged is the path, which depends on the data."""
    inner = 2**shape.depth - 1
    node = np.arange(inner)
    first = np.arange(shape.size)[:, None] * inner
    left, right = 2 * node + 1, 2 * node + 2
    children = [np.where(child < inner, child + first, ~(child - inner)) for child in (left, right)]
    nodes = shape.size * inner
    floats = _floats(builder, shape, rng)
    return builder.add(
        o.RaggedTrees(
            (floats,),
            **_forest(rng, shape.size, inner + 1, np.zeros((shape.size, 1), dtype=np.int32), 1),
            feature=rng.integers(0, _width(shape), size=nodes).astype(np.int32),
            threshold=rng.normal(size=nodes).astype(np.float32),
            left=children[0].astype(np.int32).reshape(-1),
            right=children[1].astype(np.int32).reshape(-1),
            nan_left=rng.random(nodes) < 0.5,
            roots=first.reshape(-1).astype(np.int32),
        )
    )


def _tables(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """A table for each column in turn."""
    column = np.arange(shape.size) % _width(shape)
    levels = np.where(column < shape.numeric, EDGES + 1, _category_bins(shape))
    offsets = np.concatenate(([0], np.cumsum(levels))).astype(np.int32)
    return builder.add(
        o.TableSum(
            (_bins(builder, shape, rng),),
            terms=np.stack([column, np.full(shape.size, -1)], axis=1).astype(np.int32),
            strides=np.ones(shape.size, dtype=np.int32),
            offsets=offsets,
            values=rng.integers(-99, 100, size=(int(offsets[-1]), 1)).astype(np.int16),
            scale=np.full(1, 1e-4, dtype=np.float32),
            bias=np.zeros(1, dtype=np.float32),
        )
    )


def _category_bins(shape: Shape) -> int:
    return min(EDGES, shape.categories + 2)


def _dense(builder: ProgramBuilder, shape: Shape, rng: np.random.Generator) -> int:
    """Two layers."""
    width = _width(shape)
    floats = builder.add(o.Impute((_floats(builder, shape, rng),), np.zeros(width, dtype=np.float32)))
    hidden = _layer(rng, width, shape.size)
    last = _layer(rng, shape.size, 1)
    inner = builder.add(o.Dense((floats,), *hidden, o.Activation.RELU))
    return builder.add(o.Dense((inner,), *last, o.Activation.IDENTITY))


def _layer(rng: np.random.Generator, width: int, units: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weight = (rng.normal(size=(width, units)) / width).astype(np.float32)
    return weight, np.zeros(units, dtype=np.float32)


_BODIES: Final = {
    "oblivious": _oblivious,
    "linear_leaves": _linear_leaves,
    "ragged": _ragged,
    "tables": _tables,
    "dense": _dense,
}
