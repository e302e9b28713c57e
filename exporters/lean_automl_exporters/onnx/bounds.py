"""How far a correct engine may be from the reference, for each number of each row.

Most of a Program has one right answer: tree sums, tables, bins and element-wise arithmetic are the same bits wherever
they run. What may differ: `Dense` adds in another order, `Link` has another exponential, and a TreeEnsembleRegressor
rounds sums above 2**24. The bounds of these are carried through the ops that follow. A cell whose bound is infinite
has no right answer, as where rounding decides on which side of a threshold a value falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import prepare

from lean_automl_exporters.onnx.leaves import EXACT_IN_FLOAT32, largest_sum

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl_exporters.onnx.values import Array

ULP: Final = 2.0**-23
LARGEST: Final = float(np.finfo(np.float32).max)
SMOOTH: Final = (
    o.ArithmeticKind.ADD,
    o.ArithmeticKind.SUBTRACT,
    o.ArithmeticKind.MULTIPLY,
    o.ArithmeticKind.DIVIDE,
)
MOST_MOVED: Final = 1.0  # of a logarithm: with more there is no right answer
LINK_ERROR: Final = 8 * ULP  # of a probability, both exponentials together

Bound = np.ndarray | float
"""Of a value: 0.0 where it is exact, else an array of its shape."""


def evaluate_with_bounds(
    program: Program, inputs: Sequence[Array], sums_round: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Outputs of the reference, and the bounds of their errors.

    Args:
        program: What to evaluate.
        inputs: One typed array for each column.
        sums_round: Whether sums of leaves are made in float32.
    """
    values = [x if x.dtype == object or x.dtype == np.int64 else x[:, None] for x in inputs]
    errors: list[Bound] = [0.0] * len(values)
    with np.errstate(all="ignore"):
        for op in program.ops:
            own, known = [values[i] for i in op.inputs], [errors[i] for i in op.inputs]
            values.append(prepare(op)(*own))
            error = bound(op, own, known, values[-1])
            if sums_round and isinstance(op, o.Forest) and largest_sum(op) > EXACT_IN_FLOAT32:
                trees = op.leaf_offsets.size
                error = error + trees * largest_sum(op) * ULP * np.abs(op.scale) + 0.0 * np.abs(values[-1])
            errors.append(np.where(np.isnan(error), np.inf, error) if isinstance(error, np.ndarray) else error)
    outputs = {name: values[i] for name, i in program.outputs.items()}
    bounds = {name: np.zeros(values[i].shape) + errors[i] for name, i in program.outputs.items()}
    return outputs, bounds


def _is_exact(errors: Sequence[Bound]) -> bool:
    return all(isinstance(error, float) for error in errors)


@singledispatch
def bound(op: o.Op, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:  # noqa: ARG001
    """Bound of an op's result. An op without a rule of its own decides: its result is right, or has no bound."""
    if _is_exact(errors):
        return 0.0
    touched = np.zeros(result.shape[0], dtype=bool)
    for value, error in zip(values, errors, strict=True):
        touched |= (np.zeros(value.shape) + error > 0).any(axis=1)
    return np.where(touched.reshape(-1, *[1] * (result.ndim - 1)), np.inf, np.zeros(result.shape))


@bound.register(o.Impute)
@bound.register(o.Clip)
def _(op: o.Op, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:  # noqa: ARG001
    return errors[0]


@bound.register(o.Concat)
def _(op: o.Concat, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:  # noqa: ARG001
    if _is_exact(errors):
        return 0.0
    return np.concatenate([np.zeros(v.shape) + e for v, e in zip(values, errors, strict=True)], axis=1)


@bound.register(o.Bin)
def _(op: o.Bin, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:  # noqa: ARG001
    if _is_exact(errors):
        return 0.0
    edges = [op.edges[start:stop] for start, stop in pairwise(op.offsets.tolist())]
    return np.where(_undecided(edges, values[0], errors[0]), np.inf, 0.0)


@bound.register(o.RaggedTrees)
def _(op: o.RaggedTrees, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    if _is_exact(errors):
        return 0.0
    edges = [np.unique(op.threshold[op.feature == column]) for column in range(values[0].shape[1])]
    undecided = _undecided(edges, values[0], errors[0])
    return np.where(undecided.any(axis=1, keepdims=True), np.inf, np.zeros(result.shape))


def _undecided(edges: Sequence[Array], x: Array, error: Bound) -> Array:
    """Whether an edge lies between the lowest and the highest value that each cell may have."""
    low, high = x - error, x + error
    between = [
        np.searchsorted(own, low[:, j], side="left") != np.searchsorted(own, high[:, j], side="left")
        for j, own in enumerate(edges)
    ]
    decided = np.isnan(x) & (np.zeros(x.shape) + error == 0)  # NaN in every engine
    undecided: Array = np.stack(between, axis=1) & ~decided | ~np.isfinite(np.zeros(x.shape) + error)
    return undecided


@bound.register(o.Arithmetic)
def _(op: o.Arithmetic, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    return _arithmetic(op.kind, values, errors, result)


@bound.register(o.WithConstant)
def _(op: o.WithConstant, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    x, constant = values[0], np.broadcast_to(op.constant, values[0].shape)
    if op.constant_first:
        return _arithmetic(op.kind, (constant, x), (0.0, errors[0]), result)
    return _arithmetic(op.kind, (x, constant), (errors[0], 0.0), result)


def _arithmetic(kind: o.ArithmeticKind, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    if _is_exact(errors):
        return 0.0
    (a, b), (error_a, error_b) = values, errors
    if kind in (o.ArithmeticKind.MINIMUM, o.ArithmeticKind.MAXIMUM):
        return np.maximum(error_a, error_b)
    if kind not in SMOOTH:
        return np.where(np.zeros(result.shape) + error_a + error_b > 0, np.inf, 0.0)
    rounding = np.abs(result.astype(np.float64)) * ULP
    a64, b64 = np.abs(a.astype(np.float64)), np.abs(b.astype(np.float64))
    if kind in (o.ArithmeticKind.ADD, o.ArithmeticKind.SUBTRACT):
        return error_a + error_b + rounding
    if kind is o.ArithmeticKind.MULTIPLY:
        product: Array = a64 * error_b + b64 * error_a + error_a * error_b + rounding
        return product
    nearest = b64 - error_b
    apart: Array = (error_a + np.abs(result) * error_b) / nearest + rounding
    return np.where(nearest > 0, apart, np.inf)


@bound.register(o.Dense)
def _(op: o.Dense, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    weight = np.abs(op.weight.astype(np.float64))
    x = np.abs(values[0].astype(np.float64))
    size = x @ weight + np.abs(op.bias)
    spread = (np.zeros(x.shape) + errors[0]) @ weight
    # Another order can overflow where this one does not, and the other way round.
    reach = size * (1 + ULP * weight.shape[0])
    error = np.where(reach < LARGEST, size * ULP * (weight.shape[0] + 1) + spread, np.inf)
    missing = (np.isnan(values[0]) & (np.zeros(x.shape) + errors[0] == 0)).any(axis=1, keepdims=True)
    everywhere: Array = np.where(missing, 0.0, error) + np.zeros(result.shape)
    return everywhere


@bound.register(o.Dot)
def _(op: o.Dot, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:  # noqa: ARG001
    if _is_exact(errors):
        return 0.0
    a, z = (np.abs(v.astype(np.float64)) for v in values)
    error_a, error_z = (np.zeros(v.shape) + e for v, e in zip(values, errors, strict=True))
    spread = error_a[:, :1] + (a[:, 1:] * error_z + z * error_a[:, 1:] + error_a[:, 1:] * error_z).sum(axis=1)[:, None]
    size = a[:, :1] + (a[:, 1:] * z).sum(axis=1)[:, None]
    error: Array = spread + size * ULP * a.shape[1]
    return error


@bound.register(o.Blend)
def _(op: o.Blend, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    if _is_exact(errors):
        return 0.0
    size = np.abs(op.bias.astype(np.float64))
    spread: Bound = np.zeros(result.shape)
    for weight, value, error in zip(op.weights, values, errors, strict=True):
        size = size + abs(float(weight)) * np.abs(value.astype(np.float64))
        spread = spread + abs(float(weight)) * error
    return spread + size * ULP * (len(values) + 1)


@bound.register(o.Link)
def _(op: o.Link, values: Sequence[Array], errors: Sequence[Bound], result: Array) -> Bound:
    """No probability moves more than the scores do; a number moves by as much of itself."""
    if op.kind is o.LinkKind.EXPONENTIAL:
        share = np.expm1(np.minimum(errors[0], MOST_MOVED)) + LINK_ERROR
        size = np.where(np.isnan(result), 0.0, np.abs(result.astype(np.float64)))
        moved: Array = np.where(errors[0] < MOST_MOVED, share * size, np.inf)
        return moved
    scores: Array = np.zeros(values[0].shape) + errors[0]
    error: Array = np.zeros(result.shape) + scores.max(axis=1, keepdims=True) + LINK_ERROR * result.shape[1] ** 0.5
    return error
