"""Types of values, and the rules by which an op's output type follows from its inputs.

Rule: whatever an op demands of its attributes and inputs is checked here and only here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.errors import VerifyError
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.texts import is_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl_runtime.ir.columns import Column

INT32_MAX: Final = 2**31 - 1
MAX_LEVELS: Final = 2**24
MAX_TOKENS: Final = 2**16 - o.CODE_FIRST
MAX_WIDTH: Final = 2**20


class DType(StrEnum):
    """Element types of values."""

    STRING = "string"
    INT64 = "int64"
    FLOAT64 = "float64"
    FLOAT32 = "float32"
    CODE = "code"
    BIN = "bin"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class ValueType:
    """Type of a value.

    Attributes:
        dtype: Element type.
        width: Number of columns.
        levels: For codes and bins, how many values each column can take (they are 0 .. levels - 1).
    """

    dtype: DType
    width: int
    levels: tuple[int, ...] = ()

    def __str__(self) -> str:
        """As in `bin[14]`."""
        return f"{self.dtype}[{self.width}]"


def column_type(column: Column) -> ValueType:
    """Type of a raw column."""
    return ValueType(DType(column.dtype), 1)


def require(condition: bool | np.bool_, problem: str) -> None:
    """Raise `VerifyError(problem)` unless the condition holds."""
    if not condition:
        raise VerifyError(problem)


@singledispatch
def infer(op: o.Op, inputs: Sequence[ValueType]) -> ValueType:  # noqa: ARG001
    """Output type of an op; `VerifyError` where the op is not valid for its inputs."""
    raise VerifyError(f"{op.name} is not an op of the IR")


def _one(inputs: Sequence[ValueType], *dtypes: DType, width: int | None = None) -> ValueType:
    require(len(inputs) == 1, f"takes one input, got {len(inputs)}")
    _check(inputs[0], dtypes, width)
    return inputs[0]


def _check(value: ValueType, dtypes: Sequence[DType], width: int | None = None) -> None:
    require(value.dtype in dtypes, f"takes {' or '.join(dtypes)}, got {value}")
    require(width is None or value.width == width, f"takes width {width}, got {value}")


def _array(array: NDArray[Any], shape: tuple[int, ...], *dtypes: str) -> None:
    require(array.dtype.name in dtypes, f"array has dtype {array.dtype}, not {' or '.join(dtypes)}")
    require(array.shape == shape, f"array has shape {array.shape}, not {shape}")


def _offsets(offsets: NDArray[Any], count: int, total: int) -> None:
    require(count >= 0, "offsets are empty")
    _array(offsets, (count + 1,), "int32")
    require(offsets[0] == 0 and offsets[-1] == total, "offsets do not span their array")
    require(bool((np.diff(offsets) >= 0).all()), "offsets descend")


@infer.register(o.Rescale)
def _(op: o.Rescale, inputs: Sequence[ValueType]) -> ValueType:
    _one(inputs, DType.FLOAT64, width=1)
    require(np.isfinite(op.shift) and np.isfinite(op.scale) and op.scale > 0, "shift or scale is not usable")
    return ValueType(DType.FLOAT32, 1)


@infer.register(o.DatePart)
def _(op: o.DatePart, inputs: Sequence[ValueType]) -> ValueType:
    _one(inputs, DType.INT64, width=1)
    require(isinstance(op.part, o.DateField), f"{op.part!r} is not a date field")
    return ValueType(DType.FLOAT32, 1)


@infer.register(o.Encode)
def _(op: o.Encode, inputs: Sequence[ValueType]) -> ValueType:
    _one(inputs, DType.STRING, width=1)
    require(all(isinstance(c, str) and c for c in op.categories), "a category is empty or not a string")
    require(len(set(op.categories)) == len(op.categories), "categories repeat")
    return ValueType(DType.CODE, 1, (len(op.categories) + o.CODE_FIRST,))


@infer.register(o.TextCount)
def _(op: o.TextCount, inputs: Sequence[ValueType]) -> ValueType:
    _one(inputs, DType.STRING, width=1)
    require(isinstance(op.field, o.TextField), f"{op.field!r} is not a text field")
    return ValueType(DType.FLOAT32, 1)


@infer.register(o.TokenScore)
def _(op: o.TokenScore, inputs: Sequence[ValueType]) -> ValueType:
    _one(inputs, DType.STRING, width=1)
    require(all(isinstance(t, str) and is_token(t) for t in op.tokens), "a token is not one or two small words")
    require(len(set(op.tokens)) == len(op.tokens) <= MAX_TOKENS, "tokens repeat, or are too many")
    width = op.scale.size
    require(width > 0, "writes no column")
    _array(op.weights, (len(op.tokens), width), "int8", "int16")
    _array(op.scale, (width,), "float32")
    _array(op.bias, (width,), "float32")
    require(type(op.limit) is int and op.limit >= 1, f"limit is {op.limit!r}")
    # A word and the pair that it ends may both count.
    worst = 2 * op.limit * int(np.abs(op.weights.astype(np.int64)).max(initial=1))
    require(worst <= INT32_MAX, "a sum of weights can leave int32")
    return ValueType(DType.FLOAT32, width)


@infer.register(o.Cross)
def _(op: o.Cross, inputs: Sequence[ValueType]) -> ValueType:
    require(len(inputs) == 2, f"takes two inputs, got {len(inputs)}")
    for value in inputs:
        _check(value, (DType.CODE, DType.BIN), 1)
    require(op.stride == inputs[1].levels[0], f"stride is {op.stride}, not {inputs[1].levels[0]}")
    levels = inputs[0].levels[0] * op.stride
    require(levels <= MAX_LEVELS, f"{levels} levels are more than {MAX_LEVELS}")
    return ValueType(DType.CODE, 1, (levels,))


@infer.register(o.Lookup)
def _(op: o.Lookup, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.CODE, DType.BIN, width=1)
    require(op.table.ndim == 2 and op.table.shape[1] > 0, "table is not a matrix")
    width = op.table.shape[1]
    _array(op.table, (value.levels[0], width), "float32", "uint8", "uint16")
    if op.table.dtype == np.float32:
        return ValueType(DType.FLOAT32, width)
    return ValueType(DType.BIN, width, tuple(int(top) + 1 for top in op.table.max(axis=0)))


@infer.register(o.Arithmetic)
def _(op: o.Arithmetic, inputs: Sequence[ValueType]) -> ValueType:
    require(len(inputs) == 2, f"takes two inputs, got {len(inputs)}")
    require(isinstance(op.kind, o.ArithmeticKind), f"{op.kind!r} is not an arithmetic kind")
    for value in inputs:
        _check(value, (DType.FLOAT32,), inputs[0].width)
    return inputs[0]


@infer.register(o.WithConstant)
def _(op: o.WithConstant, inputs: Sequence[ValueType]) -> ValueType:
    require(isinstance(op.kind, o.ArithmeticKind), f"{op.kind!r} is not an arithmetic kind")
    require(isinstance(op.constant_first, bool), "constant_first is neither true nor false")
    value = _one(inputs, DType.FLOAT32)
    _array(op.constant, (value.width,), "float32")
    require(bool(np.isfinite(op.constant).all()), "constant is not finite")
    return value


@infer.register(o.Impute)
def _(op: o.Impute, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.FLOAT32)
    _array(op.fill, (value.width,), "float32")
    return value


@infer.register(o.Clip)
def _(op: o.Clip, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.FLOAT32)
    _array(op.low, (value.width,), "float32")
    _array(op.high, (value.width,), "float32")
    require(bool((op.low <= op.high).all()), "low is above high, or NaN")
    return value


@infer.register(o.Concat)
def _(op: o.Concat, inputs: Sequence[ValueType]) -> ValueType:  # noqa: ARG001
    require(len(inputs) > 0, "takes at least one input")
    for value in inputs:
        _check(value, (inputs[0].dtype,))
    require(inputs[0].dtype in (DType.FLOAT32, DType.BIN), f"cannot join {inputs[0]}")
    width = sum(value.width for value in inputs)
    require(width <= MAX_WIDTH, f"{width} columns are more than {MAX_WIDTH}")
    return ValueType(inputs[0].dtype, width, tuple(level for value in inputs for level in value.levels))


@infer.register(o.Bin)
def _(op: o.Bin, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.FLOAT32)
    _array(op.edges, (op.edges.size,), "float32")
    _offsets(op.offsets, value.width, op.edges.size)
    _array(op.nan_bin, (value.width,), "int32")
    require(not np.isnan(op.edges).any(), "an edge is NaN")
    levels = []
    for column, (start, stop) in enumerate(pairwise(op.offsets.tolist())):
        require(bool((np.diff(op.edges[start:stop]) > 0).all()), f"edges of column {column} do not ascend")
        nan_bin = int(op.nan_bin[column])
        require(nan_bin >= 0, f"nan_bin of column {column} is negative")
        levels.append(max(stop - start, nan_bin) + 1)
    require(max(levels, default=1) <= 2**16, "a column has more than 65,536 bins")
    return ValueType(DType.BIN, value.width, tuple(levels))


def _forest(op: o.Forest, leaf_counts: NDArray[np.int64]) -> ValueType:
    trees = leaf_counts.size
    _array(op.leaves, (op.leaves.size,), "int8", "int16", "int32")
    _offsets(op.leaf_offsets, trees, op.leaves.size)
    _offsets(op.target_offsets, trees, op.targets.size)
    _array(op.targets, (op.targets.size,), "int32")
    width = op.scale.size
    require(width > 0, "writes no column")
    _array(op.scale, (width,), "float32")
    _array(op.bias, (width,), "float32")
    require(bool(((op.targets >= 0) & (op.targets < width)).all()), "a target is out of range")
    counts = np.diff(op.target_offsets)
    require(bool((counts > 0).all()), "a tree has no target")
    require(
        bool((np.diff(op.leaf_offsets) == leaf_counts * counts).all()),
        "a tree has too few or too many leaves",
    )
    ascends = np.diff(op.targets) > 0
    ascends[op.target_offsets[1:-1] - 1] = True  # from one tree to the next
    require(bool(ascends.all()), "targets of a tree do not ascend")
    # Each leaf value belongs to a pair of a tree and one of its targets; what counts is the greatest of each pair.
    sizes = np.diff(op.leaf_offsets)
    in_tree = np.arange(op.leaves.size) - np.repeat(op.leaf_offsets[:-1], sizes)
    pair = np.repeat(op.target_offsets[:-1], sizes) + in_tree % np.repeat(counts, sizes)
    greatest = np.zeros(op.targets.size, dtype=np.int64)
    np.maximum.at(greatest, pair, np.abs(op.leaves.astype(np.int64)))
    worst = np.zeros(width, dtype=np.int64)
    np.add.at(worst, op.targets, greatest)
    require(bool((worst <= INT32_MAX).all()), "a sum of leaves can leave int32")
    return ValueType(DType.FLOAT32, width)


@infer.register(o.ObliviousTrees)
def _(op: o.ObliviousTrees, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.BIN)
    trees = op.split_offsets.size - 1
    _offsets(op.split_offsets, trees, op.split_feature.size)
    _array(op.split_feature, (op.split_feature.size,), "int32")
    _array(op.split_bin, (op.split_feature.size,), "uint8", "uint16")
    require(bool(((op.split_feature >= 0) & (op.split_feature < value.width)).all()), "a split reads no column")
    depths = np.diff(op.split_offsets)
    require(bool((depths <= 16).all()), "a tree is deeper than 16")
    return _forest(op, np.left_shift(np.int64(1), depths.astype(np.int64)))


@infer.register(o.RaggedTrees)
def _(op: o.RaggedTrees, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.FLOAT32)
    nodes, trees = op.feature.size, op.roots.size
    for array in (op.feature, op.left, op.right):
        _array(array, (nodes,), "int32")
    _array(op.threshold, (nodes,), "float32")
    _array(op.nan_left, (nodes,), "bool")
    _array(op.roots, (trees,), "int32")
    require(bool(((op.feature >= 0) & (op.feature < value.width)).all()), "a node reads no column")
    require(not np.isnan(op.threshold).any(), "a threshold is NaN")
    return _forest(op, _leaf_counts(op))


def _leaf_counts(op: o.RaggedTrees) -> NDArray[np.int64]:
    """Leaves of each tree; checks that every tree is a proper tree over its own nodes."""
    nodes = op.feature.size
    number = np.arange(nodes)
    for child in (op.left, op.right):
        inner = child >= 0
        require(bool((child[inner] > number[inner]).all() and (child < nodes).all()), "a child precedes its node")
    require(bool((op.roots < nodes).all()), "a root is not a node")
    inner_roots = op.roots[op.roots >= 0]
    reached = np.zeros(nodes, dtype=np.int64)
    for child in (op.left, op.right, inner_roots):
        np.add.at(reached, child[child >= 0], 1)
    require(bool((reached == 1).all()), "a node is not reached exactly once")
    require(bool((np.diff(inner_roots) > 0).all()), "roots do not ascend")
    tree_of = np.searchsorted(inner_roots, number, side="right") - 1
    for child in (op.left, op.right):
        inner = child >= 0
        require(bool((tree_of[child[inner]] == tree_of[inner]).all()), "a tree reaches into another one")
    counts = np.ones(op.roots.size, dtype=np.int64)
    counts[op.roots >= 0] = np.bincount(tree_of, minlength=inner_roots.size) + 1
    limits = counts[op.roots >= 0][tree_of] if nodes else np.empty(0, dtype=np.int64)
    for child in (op.left, op.right):
        leaf = child < 0
        require(bool((~child[leaf] < limits[leaf]).all()), "a leaf number is out of range")
    require(bool((op.roots[op.roots < 0] == ~0).all()), "a tree of one leaf names another leaf")
    return counts


@infer.register(o.TableSum)
def _(op: o.TableSum, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.BIN)
    terms, width = op.strides.size, op.scale.size
    _array(op.terms, (terms, 2), "int32")
    _array(op.strides, (terms,), "int32")
    require(op.values.ndim == 2, "values is not a matrix")
    _offsets(op.offsets, terms, op.values.shape[0])
    _array(op.values, (op.values.shape[0], width), "int8", "int16", "int32")
    _array(op.scale, (width,), "float32")
    _array(op.bias, (width,), "float32")
    require(width > 0, "writes no column")
    worst = np.zeros(width, dtype=np.int64)
    for term in range(terms):
        a, b = op.terms[term].tolist()
        require(0 <= a < value.width and -1 <= b < value.width, "a term reads no column")
        stride = 1 if b < 0 else value.levels[b]
        require(op.strides[term] == stride, f"stride of term {term} is {op.strides[term]}, not {stride}")
        rows = op.values[op.offsets[term] : op.offsets[term + 1]]
        require(rows.shape[0] == value.levels[a] * stride, f"table of term {term} has {rows.shape[0]} rows")
        worst += np.abs(rows.astype(np.int64)).max(axis=0)
    require(bool((worst <= INT32_MAX).all()), "a sum of tables can leave int32")
    return ValueType(DType.FLOAT32, width)


@infer.register(o.Dense)
def _(op: o.Dense, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.FLOAT32)
    require(op.weight.ndim == 2 and op.weight.shape[1] > 0, "weight is not a matrix")
    _array(op.weight, (value.width, op.weight.shape[1]), "float32")
    _array(op.bias, (op.weight.shape[1],), "float32")
    require(isinstance(op.activation, o.Activation), f"{op.activation!r} is not an activation")
    return ValueType(DType.FLOAT32, op.weight.shape[1])


@infer.register(o.Dot)
def _(op: o.Dot, inputs: Sequence[ValueType]) -> ValueType:  # noqa: ARG001
    require(len(inputs) == 2, f"takes two inputs, got {len(inputs)}")
    _check(inputs[0], (DType.FLOAT32,), inputs[1].width + 1)
    _check(inputs[1], (DType.FLOAT32,))
    return ValueType(DType.FLOAT32, 1)


@infer.register(o.Blend)
def _(op: o.Blend, inputs: Sequence[ValueType]) -> ValueType:
    require(len(inputs) > 0, "takes at least one input")
    for value in inputs:
        _check(value, (DType.FLOAT32,), inputs[0].width)
    _array(op.weights, (len(inputs),), "float32")
    _array(op.bias, (inputs[0].width,), "float32")
    return inputs[0]


@infer.register(o.Link)
def _(op: o.Link, inputs: Sequence[ValueType]) -> ValueType:
    value = _one(inputs, DType.FLOAT32)
    require(isinstance(op.kind, o.LinkKind), f"{op.kind!r} is not a link")
    if op.kind is o.LinkKind.SIGMOID:
        require(value.width == 1, f"sigmoid takes width 1, got {value}")
        return ValueType(DType.FLOAT32, 2)
    return value


@infer.register(o.Label)
def _(op: o.Label, inputs: Sequence[ValueType]) -> ValueType:
    _one(inputs, DType.FLOAT32, width=len(op.classes))
    require(len({type(c) for c in op.classes}) == 1, "classes are not of one type")
    require(type(op.classes[0]) in (str, int, bool), "classes are not strings, integers or booleans")
    require(len(set(op.classes)) == len(op.classes), "classes repeat")
    fits = all(isinstance(c, str) or -(2**63) <= c < 2**63 for c in op.classes)
    require(fits, "a class is an integer that int64 cannot hold")
    if op.threshold is not None:
        require(len(op.classes) == 2, "a threshold takes two classes")
        require(isinstance(op.threshold, float) and math.isfinite(op.threshold), "threshold is not usable")
    return ValueType(DType.LABEL, 1)
