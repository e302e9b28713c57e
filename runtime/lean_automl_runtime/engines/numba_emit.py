"""The lines of each op: `emit(op, draft, inputs, to)` has the slots of the inputs and of the result."""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.engines.numba_draft import Draft, RawSlot, Slots
from lean_automl_runtime.errors import InternalError
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, np.dtype[Any]]

ARITHMETIC: Final = {
    o.ArithmeticKind.ADD: k.ADD,
    o.ArithmeticKind.SUBTRACT: k.SUBTRACT,
    o.ArithmeticKind.MULTIPLY: k.MULTIPLY,
    o.ArithmeticKind.DIVIDE: k.DIVIDE,
    o.ArithmeticKind.FLOOR_DIVIDE: k.FLOOR_DIVIDE,
    o.ArithmeticKind.MINIMUM: k.MINIMUM,
    o.ArithmeticKind.MAXIMUM: k.MAXIMUM,
    o.ArithmeticKind.LESS: k.LESS,
    o.ArithmeticKind.LESS_EQUAL: k.LESS_EQUAL,
    o.ArithmeticKind.EQUAL: k.EQUAL,
}
LOOKUPS: Final = {"float32": k.LOOKUP_FLOAT, "uint8": k.LOOKUP_BYTE, "uint16": k.LOOKUP_SHORT}
DATE_PARTS: Final = {
    o.DateField.YEAR: k.YEAR,
    o.DateField.MONTH: k.MONTH,
    o.DateField.DAY: k.DAY,
    o.DateField.WEEKDAY: k.WEEKDAY,
    o.DateField.DAY_OF_YEAR: k.DAY_OF_YEAR,
    o.DateField.HOUR: k.HOUR,
    o.DateField.MINUTE: k.MINUTE,
    o.DateField.SECOND: k.SECOND,
    o.DateField.DAYS: k.DAYS,
    o.DateField.SECONDS_OF_DAY: k.SECONDS_OF_DAY,
}


@singledispatch
def emit(op: o.Op, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:  # noqa: ARG001
    """Add the lines of an op."""
    raise InternalError(f"the numba engine has no instruction for {op.name}")


@emit.register(o.Rescale)
def _(op: o.Rescale, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    raw = draft.new_raw(RawSlot(inputs[0][0], None, is_float=True))
    draft.line(k.RESCALE, to[0], raw, draft.pool.put([op.shift, op.scale], np.float64))


@emit.register(o.DatePart)
def _(op: o.DatePart, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    raw = draft.new_raw(RawSlot(inputs[0][0], None, is_float=False))
    draft.line(k.DATE, to[0], raw, DATE_PARTS[op.part])


@emit.register(o.Encode)
def _(op: o.Encode, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    draft.line(k.CODE, to[0], draft.new_raw(RawSlot(inputs[0][0], op.categories, is_float=False)))


@emit.register(o.TextCount)
@emit.register(o.TokenScore)
def _(op: o.Op, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    step = prepare(op)  # texts are Python's, so reading them is as well
    for j, slot in enumerate(to):
        draft.line(k.NUMBER, slot, draft.new_raw(RawSlot(inputs[0][0], None, is_float=True, text=(step, j))))


@emit.register(o.Cross)
def _(op: o.Cross, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    draft.line(k.CROSS, to[0], inputs[0][0], inputs[1][0], op.stride)


@emit.register(o.Lookup)
def _(op: o.Lookup, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    table = draft.pool.put(op.table, op.table.dtype)
    draft.line(LOOKUPS[op.table.dtype.name], to[0], inputs[0][0], 0, table, len(to))


@emit.register(o.Arithmetic)
def _(op: o.Arithmetic, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    for slot, a, b in zip(to, inputs[0], inputs[1], strict=True):
        draft.line(ARITHMETIC[op.kind], slot, a, b)


@emit.register(o.WithConstant)
def _(op: o.WithConstant, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    constants, numbers = draft.new_floats(len(to)), draft.pool.put(op.constant, np.float32)
    for j, constant in enumerate(constants):
        draft.line(k.CONSTANT, constant, constant, 0, numbers + j)
    a, b = (constants, inputs[0]) if op.constant_first else (inputs[0], constants)
    for slot, first, second in zip(to, a, b, strict=True):
        draft.line(ARITHMETIC[op.kind], slot, first, second)


@emit.register(o.Impute)
def _(op: o.Impute, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    fill = draft.pool.put(op.fill, np.float32)
    for j, (slot, x) in enumerate(zip(to, inputs[0], strict=True)):
        draft.line(k.FILL, slot, x, 0, fill + j)


@emit.register(o.Clip)
def _(op: o.Clip, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    limits = draft.pool.put(np.stack([op.low, op.high], axis=1), np.float32)
    for j, (slot, x) in enumerate(zip(to, inputs[0], strict=True)):
        draft.line(k.CLIP, slot, x, 0, limits + 2 * j)


@emit.register(o.Bin)
def _(op: o.Bin, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    edges = draft.pool.put(op.edges, np.float32)
    spans = pairwise(op.offsets.tolist())
    for slot, x, (first, last), nan_bin in zip(to, inputs[0], spans, op.nan_bin.tolist(), strict=True):
        draft.line(k.BIN, slot, x, 0, edges + first, last - first, nan_bin)


# --- models -------------------------------------------------------------------------------------------------


def _totals(draft: Draft, values: Array, scale: Array, bias: Array) -> dict[int, int]:
    """Fields of the integers that are summed, and of what turns their sums into scores."""
    return {
        k.WIDTH: scale.size,
        k.TOTALS: draft.new_ints(scale.size)[0],
        k.LEAVES: draft.pool.put(values, np.int32),
        k.SCALE: draft.pool.put(scale, np.float32),
        k.BIAS: draft.pool.put(bias, np.float32),
    }


@emit.register(o.ObliviousTrees)
def _(op: o.ObliviousTrees, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    slots, features = np.unique(np.array(inputs[0], dtype=np.int32)[op.split_feature], return_inverse=True)
    depths = np.diff(op.split_offsets)
    order = np.argsort(-depths, kind="stable")  # falling depth; sums of integers do not depend on the order
    level_trees = np.array([np.count_nonzero(depths > level) for level in range(depths.max(initial=0))])
    levels = [op.split_offsets[order[:count]] + level for level, count in enumerate(level_trees)]
    splits = np.concatenate([np.empty(0, dtype=np.int32), *levels])
    targets = np.split(op.targets, op.target_offsets[1:-1])
    fields = _totals(draft, op.leaves, op.scale, op.bias) | {
        k.TREES: depths.size,
        k.INPUTS: slots.size,
        k.DEPTH: level_trees.size,
        k.LEAF_OFFSETS: draft.pool.put(op.leaf_offsets[order], np.int32),
        k.TARGETS: draft.pool.put(np.concatenate([targets[tree] for tree in order] or [op.targets]), np.int32),
        k.TARGET_OFFSETS: draft.pool.put(np.cumsum([0, *np.diff(op.target_offsets)[order]]), np.int32),
        k.SLOTS: draft.pool.put(slots, np.int32),
        k.LEVEL_TREES: draft.pool.put(level_trees, np.int32),
        k.LEVEL_FEATURES: draft.pool.put(features[splits], np.int32),
        k.LEVEL_SLOTS: draft.pool.put(slots[features[splits]], np.int32),
        k.LEVEL_BINS: draft.pool.put(op.split_bin[splits], np.int32),
    }
    draft.line(k.OBLIVIOUS, to[0], draft.descriptor(fields))


@emit.register(o.RaggedTrees)
def _(op: o.RaggedTrees, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    fields = _totals(draft, op.leaves, op.scale, op.bias) | {
        k.TREES: op.roots.size,
        k.LEAF_OFFSETS: draft.pool.put(op.leaf_offsets, np.int32),
        k.TARGETS: draft.pool.put(op.targets, np.int32),
        k.TARGET_OFFSETS: draft.pool.put(op.target_offsets, np.int32),
        k.FEATURES: draft.pool.put(np.array(inputs[0], dtype=np.int32)[op.feature], np.int32),
        k.THRESHOLDS: draft.pool.put(op.threshold, np.float32),
        k.LEFT: draft.pool.put(op.left, np.int32),
        k.RIGHT: draft.pool.put(op.right, np.int32),
        k.NAN_LEFT: draft.pool.put(op.nan_left, np.int32),
        k.ROOTS: draft.pool.put(op.roots, np.int32),
    }
    draft.line(k.RAGGED, to[0], draft.descriptor(fields))


@emit.register(o.TableSum)
def _(op: o.TableSum, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    slots = np.array([*inputs[0], -1], dtype=np.int32)  # the last one for -1, no second column
    fields = _totals(draft, op.values, op.scale, op.bias) | {
        k.TREES: op.strides.size,
        k.LEAF_OFFSETS: draft.pool.put(op.offsets, np.int32),
        k.TERMS: draft.pool.put(slots[op.terms], np.int32),
        k.STRIDES: draft.pool.put(op.strides, np.int32),
    }
    draft.line(k.TABLES, to[0], draft.descriptor(fields))


@emit.register(o.Dense)
def _(op: o.Dense, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    fields = {
        k.WIDTH: len(to),
        k.INPUTS: len(inputs[0]),
        k.SLOTS: draft.pool.put(inputs[0], np.int32),
        k.SCALE: draft.pool.put(op.weight, np.float32),
        k.BIAS: draft.pool.put(op.bias, np.float32),
        k.RELU: int(op.activation is o.Activation.RELU),
    }
    draft.line(k.DENSE, to[0], draft.descriptor(fields))


@emit.register(o.Dot)
def _(op: o.Dot, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:  # noqa: ARG001
    slots = draft.pool.put([*inputs[0], *inputs[1]], np.int32)
    draft.line(k.DOT, to[0], draft.descriptor({k.INPUTS: len(inputs[1]), k.SLOTS: slots}))


@emit.register(o.Blend)
def _(op: o.Blend, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    fields = {
        k.WIDTH: len(to),
        k.INPUTS: len(inputs),
        k.SLOTS: draft.pool.put([slot for slots in inputs for slot in slots], np.int32),
        k.SCALE: draft.pool.put(op.weights, np.float32),
        k.BIAS: draft.pool.put(op.bias, np.float32),
    }
    draft.line(k.BLEND, to[0], draft.descriptor(fields))


# --- answers ------------------------------------------------------------------------------------------------


@emit.register(o.Link)
def _(op: o.Link, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    slots = draft.pool.put(inputs[0], np.int32)
    lines = {o.LinkKind.SIGMOID: k.SIGMOID, o.LinkKind.SOFTMAX: k.SOFTMAX, o.LinkKind.EXPONENTIAL: k.EXPONENTIAL}
    draft.line(lines[op.kind], to[0], slots, len(inputs[0]))


@emit.register(o.Label)
def _(op: o.Label, draft: Draft, inputs: Sequence[Slots], to: Slots) -> None:
    slots = draft.pool.put(inputs[0], np.int32)
    if op.threshold is None:
        draft.line(k.LABEL, to[0], slots, len(inputs[0]))
    else:
        draft.line(k.LABEL_ABOVE, to[0], slots, 2, draft.pool.put([op.threshold], np.float32))
