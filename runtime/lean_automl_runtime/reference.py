"""The definition of every op, in plain NumPy. Other engines and exporters are compared with this one.

Rule 1: no op looks at another; `prepare(op)` returns the function from its input arrays to its output array.
Rule 2: clear before fast, but never a Python loop over rows or trees.

Arrays: strings are object arrays and datetimes int64 arrays of shape (n,); codes and bins are integer matrices;
floats are float32 matrices; labels have shape (n,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.dates import date_part
from lean_automl_runtime.errors import InternalError
from lean_automl_runtime.exp32 import exp32
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.texts import COUNTS, tokens_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lean_automl_runtime.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
Step = Callable[..., Array]

CELLS_AT_ONCE: Final = 2**22  # rows x splits: bounds the memory of a batch


class ReferenceEngine:
    """Evaluates a Program op by op."""

    name = "reference"

    def __init__(self, program: Program) -> None:
        self._steps = [(prepare(op), op.inputs) for op in program.ops]
        self._outputs = program.outputs

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for one array for each column, as `ir.columns` describes them."""
        values = [x if x.dtype == object or x.dtype == np.int64 else x[:, None] for x in inputs]
        with np.errstate(all="ignore"):
            for step, numbers in self._steps:
                values.append(step(*[values[number] for number in numbers]))
        return {name: values[number] for name, number in self._outputs.items()}


def evaluate(program: Program, inputs: Sequence[Array]) -> dict[str, Array]:
    """Named outputs of a Program for typed column arrays of n rows."""
    return ReferenceEngine(program).run(inputs)


@singledispatch
def prepare(op: o.Op) -> Step:
    """The function that an op stands for."""
    raise InternalError(f"the reference has no definition of {op.name}")


@prepare.register(o.Rescale)
def _(op: o.Rescale) -> Step:
    return lambda x: ((x - op.shift) * op.scale).astype(np.float32)


@prepare.register(o.DatePart)
def _(op: o.DatePart) -> Step:
    return lambda x: date_part(x, op.part)[:, None]


@prepare.register(o.Encode)
def _(op: o.Encode) -> Step:
    code = {category: position for position, category in enumerate(op.categories, start=o.CODE_FIRST)}
    code[""] = o.CODE_MISSING
    find = code.get
    return lambda x: np.array([find(text, o.CODE_UNSEEN) for text in x], dtype=np.int32)[:, None]


@prepare.register(o.TextCount)
def _(op: o.TextCount) -> Step:
    count = COUNTS[op.field]
    return lambda x: np.array([count(text) for text in x], dtype=np.float32)[:, None]


@prepare.register(o.TokenScore)
def _(op: o.TokenScore) -> Step:
    find = {token: position for position, token in enumerate(op.tokens)}.get
    weights = np.append(op.weights, np.zeros((1, op.scale.size), op.weights.dtype), axis=0).astype(np.int64)

    def step(x: Array) -> Array:
        found = [[find(token, -1) for token in tokens_of(text, op.limit)] for text in x]
        total = np.array([weights[own].sum(axis=0) for own in found], dtype=np.int64)
        return _score(total.reshape(-1, op.scale.size), op.scale, op.bias)

    return step


@prepare.register(o.Cross)
def _(op: o.Cross) -> Step:
    return lambda a, b: a.astype(np.int32) * np.int32(op.stride) + b


@prepare.register(o.Lookup)
def _(op: o.Lookup) -> Step:
    return lambda x: op.table[x[:, 0]]


@prepare.register(o.Arithmetic)
def _(op: o.Arithmetic) -> Step:
    return ARITHMETIC[op.kind]


@prepare.register(o.WithConstant)
def _(op: o.WithConstant) -> Step:
    step = ARITHMETIC[op.kind]
    return (lambda x: step(op.constant, x)) if op.constant_first else (lambda x: step(x, op.constant))


def _compared(compare: Step) -> Step:
    def step(a: Array, b: Array) -> Array:
        return np.where(np.isnan(a) | np.isnan(b), np.float32(np.nan), compare(a, b).astype(np.float32))

    return step


ARITHMETIC: Final[dict[o.ArithmeticKind, Step]] = {
    o.ArithmeticKind.ADD: np.add,
    o.ArithmeticKind.SUBTRACT: np.subtract,
    o.ArithmeticKind.MULTIPLY: np.multiply,
    o.ArithmeticKind.DIVIDE: np.divide,
    o.ArithmeticKind.FLOOR_DIVIDE: lambda a, b: np.floor(a / b),
    # Not np.minimum: which of two zeros it returns depends on the machine.
    o.ArithmeticKind.MINIMUM: lambda a, b: np.asarray(np.where((a < b) | np.isnan(a), a, b)),
    o.ArithmeticKind.MAXIMUM: lambda a, b: np.asarray(np.where((a > b) | np.isnan(a), a, b)),
    o.ArithmeticKind.LESS: _compared(np.less),
    o.ArithmeticKind.LESS_EQUAL: _compared(np.less_equal),
    o.ArithmeticKind.EQUAL: _compared(np.equal),
}


@prepare.register(o.Impute)
def _(op: o.Impute) -> Step:
    return lambda x: np.where(np.isnan(x), op.fill, x)


@prepare.register(o.Clip)
def _(op: o.Clip) -> Step:
    # Not np.maximum: which of two zeros it returns depends on the machine.
    return lambda x: np.where(x > op.high, op.high, np.where(x < op.low, op.low, x))


@prepare.register(o.Concat)
def _(op: o.Concat) -> Step:  # noqa: ARG001
    return lambda *values: np.concatenate(values, axis=1)


@prepare.register(o.Bin)
def _(op: o.Bin) -> Step:
    edges = [op.edges[start:stop] for start, stop in pairwise(op.offsets.tolist())]

    def step(x: Array) -> Array:
        bins = np.empty(x.shape, dtype=np.int32)
        for column, own in enumerate(edges):
            bins[:, column] = np.searchsorted(own, x[:, column], side="left")
        return np.where(np.isnan(x), op.nan_bin, bins)

    return step


@prepare.register(o.ObliviousTrees)
def _(op: o.ObliviousTrees) -> Step:
    bit = np.left_shift(1, np.arange(op.split_bin.size) - np.repeat(op.split_offsets[:-1], np.diff(op.split_offsets)))
    leaf_sum = _leaf_sum(op)

    def rows(x: Array) -> Array:
        bits = np.where(x[:, op.split_feature] > op.split_bin, bit, 0)
        return leaf_sum(_segment_sums(bits, op.split_offsets))

    return _in_parts(rows, op.split_bin.size + op.targets.size, op.scale.size)


@prepare.register(o.RaggedTrees)
def _(op: o.RaggedTrees) -> Step:
    leaf_sum = _leaf_sum(op)

    def rows(x: Array) -> Array:
        node = np.broadcast_to(op.roots, (x.shape[0], op.roots.size)).copy()
        inner = node >= 0
        while inner.any():
            row, tree = np.nonzero(inner)
            at = node[row, tree]
            value = x[row, op.feature[at]]
            go_left = np.where(np.isnan(value), op.nan_left[at], value <= op.threshold[at])
            node[row, tree] = np.where(go_left, op.left[at], op.right[at])
            inner = node >= 0
        return leaf_sum(~node)

    return _in_parts(rows, op.roots.size + op.targets.size, op.scale.size)


@prepare.register(o.TableSum)
def _(op: o.TableSum) -> Step:
    second = np.maximum(op.terms[:, 1], 0)
    paired = (op.terms[:, 1] >= 0).astype(np.int64)

    def rows(x: Array) -> Array:
        at = x[:, op.terms[:, 0]] * op.strides + x[:, second] * paired + op.offsets[:-1]
        return _score(op.values[at].sum(axis=1, dtype=np.int64), op.scale, op.bias)

    return _in_parts(rows, op.strides.size * op.scale.size, op.scale.size)


@prepare.register(o.Dense)
def _(op: o.Dense) -> Step:
    def step(x: Array) -> Array:
        total = np.broadcast_to(op.bias, (x.shape[0], op.bias.size))
        for column in range(op.weight.shape[0]):
            total = total + x[:, column : column + 1] * op.weight[column]
        return np.where(total < 0.0, np.float32(0.0), total) if op.activation is o.Activation.RELU else total

    return step


@prepare.register(o.Dot)
def _(op: o.Dot) -> Step:  # noqa: ARG001
    def step(a: Array, z: Array) -> Array:
        total = a[:, :1]
        for column in range(z.shape[1]):
            total = total + a[:, column + 1 : column + 2] * z[:, column : column + 1]
        return total

    return step


@prepare.register(o.Blend)
def _(op: o.Blend) -> Step:
    def step(*values: Array) -> Array:
        total: Array = np.broadcast_to(op.bias, values[0].shape)
        for weight, value in zip(op.weights, values, strict=True):
            total = total + weight * value
        return total

    return step


@prepare.register(o.Link)
def _(op: o.Link) -> Step:
    return {o.LinkKind.SIGMOID: _sigmoid, o.LinkKind.SOFTMAX: _softmax, o.LinkKind.EXPONENTIAL: exp32}[op.kind]


@prepare.register(o.Label)
def _(op: o.Label) -> Step:
    classes = np.array(op.classes, dtype=object if isinstance(op.classes[0], str) else None)
    if op.threshold is None:
        return lambda p: classes[np.argmax(p, axis=1)]
    threshold = np.float32(op.threshold)
    return lambda p: classes[(p[:, 1] > threshold).astype(np.intp)]


def _sigmoid(x: Array) -> Array:
    p = np.float32(1.0) / (np.float32(1.0) + exp32(-x))
    return np.concatenate([np.float32(1.0) - p, p], axis=1)


def _softmax(x: Array) -> Array:
    e = exp32(x - x.max(axis=1, keepdims=True))
    total = e[:, :1]
    for column in range(1, e.shape[1]):
        total = total + e[:, column : column + 1]
    return e / total


def _score(total: NDArray[np.int64], scale: Array, bias: Array) -> Array:
    scores: Array = total.astype(np.float32) * scale + bias
    return scores


def _leaf_sum(op: o.Forest) -> Callable[[Array], Array]:
    """From each tree's leaf number, shape (n, trees), to the scores, shape (n, width)."""
    counts = np.diff(op.target_offsets)
    tree = np.repeat(np.arange(counts.size), counts)
    position = np.arange(op.targets.size) - op.target_offsets[:-1][tree]
    order = np.argsort(op.targets, kind="stable")  # one run of leaves for each output column
    tree, position = tree[order], position[order]
    runs = np.searchsorted(op.targets[order], np.arange(op.scale.size + 1))
    first, stride = op.leaf_offsets[:-1][tree] + position, counts[tree]

    def scores(leaf: Array) -> Array:
        values = op.leaves[first + leaf[:, tree] * stride].astype(np.int64)
        return _score(_segment_sums(values, runs), op.scale, op.bias)

    return scores


def _segment_sums(values: Array, offsets: Array) -> Array:
    """Sum of integer columns `offsets[i]:offsets[i + 1]`; an empty segment is 0."""
    running = np.zeros((values.shape[0], values.shape[1] + 1), dtype=np.int64)
    np.cumsum(values, axis=1, out=running[:, 1:])
    return running[:, offsets[1:]] - running[:, offsets[:-1]]


def _in_parts(rows: Callable[[Array], Array], cells: int, width: int) -> Step:
    """Evaluate a batch in parts whose memory is bounded."""
    part = max(1, CELLS_AT_ONCE // max(1, cells))

    def step(x: Array) -> Array:
        if x.shape[0] <= part:
            return rows(x)
        scores = np.empty((x.shape[0], width), dtype=np.float32)
        for start in range(0, x.shape[0], part):
            scores[start : start + part] = rows(x[start : start + part])
        return scores

    return step
