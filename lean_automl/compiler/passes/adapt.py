"""How each op reads values whose columns moved and whose levels were renumbered: one function for each op.

Rule: an adapted op means the same. Columns of its own result move as its input's do; nothing else is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.errors import InternalError

if TYPE_CHECKING:
    from lean_automl.compiler.passes.base import Array

GONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What became of an input.

    Attributes:
        columns: New position of each old column; `GONE` where it was left out.
        levels: New level of each old level of each old column, for codes and bins.
        width: New number of columns.
        counts: New number of levels of each new column.
    """

    columns: tuple[int, ...]
    levels: tuple[Array, ...]
    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """An op on new values.

    Attributes:
        op: The op; its inputs are the new numbers.
        columns: New position of each old column of its result; None if all stay.
        levels: New level of each old level of its result; None if all stay.
    """

    op: o.Op
    columns: tuple[int, ...] | None = None
    levels: tuple[Array, ...] | None = None


@singledispatch
def adapt(op: o.Op, inputs: Sequence[Form]) -> Adapted:
    """The op for inputs that became `inputs`."""
    for form in inputs:
        if form.columns != tuple(range(form.width)):
            raise InternalError(f"{op.name} needs all columns of its input in their order")
    return Adapted(op)


@adapt.register(o.Cross)
def _(op: o.Cross, inputs: Sequence[Form]) -> Adapted:
    a, b = inputs
    stride = b.counts[0]
    first, second = a.levels[0], b.levels[0]
    both = np.where((first[:, None] < 0) | (second < 0), GONE, first[:, None] * stride + second)
    return Adapted(replace(op, stride=stride), levels=(both.reshape(-1),))


@adapt.register(o.Lookup)
def _(op: o.Lookup, inputs: Sequence[Form]) -> Adapted:
    table = by_level(op.table, inputs[0].levels[0], inputs[0].counts[0])
    if table.dtype == np.float32:
        return Adapted(replace(op, table=table))
    tops = table.max(axis=0)
    levels = tuple(
        np.where(np.arange(old + 1) <= new, np.arange(old + 1), GONE)
        for old, new in zip(op.table.max(axis=0).tolist(), tops.tolist(), strict=True)
    )
    return Adapted(replace(op, table=table), levels=levels)


@adapt.register(o.Arithmetic)
def _(op: o.Arithmetic, inputs: Sequence[Form]) -> Adapted:
    return Adapted(op, columns=_alike(op, inputs))


@adapt.register(o.WithConstant)
def _(op: o.WithConstant, inputs: Sequence[Form]) -> Adapted:
    return Adapted(replace(op, constant=placed(op.constant, inputs[0])), columns=inputs[0].columns)


@adapt.register(o.Impute)
def _(op: o.Impute, inputs: Sequence[Form]) -> Adapted:
    return Adapted(replace(op, fill=placed(op.fill, inputs[0])), columns=inputs[0].columns)


@adapt.register(o.Clip)
def _(op: o.Clip, inputs: Sequence[Form]) -> Adapted:
    (form,) = inputs
    return Adapted(replace(op, low=placed(op.low, form), high=placed(op.high, form)), columns=form.columns)


@adapt.register(o.Blend)
def _(op: o.Blend, inputs: Sequence[Form]) -> Adapted:
    columns = _alike(op, inputs)
    return Adapted(replace(op, bias=placed(op.bias, inputs[0])), columns=columns)


@adapt.register(o.Concat)
def _(op: o.Concat, inputs: Sequence[Form]) -> Adapted:
    columns: list[int] = []
    base = 0
    for form in inputs:
        columns += [base + column if column >= 0 else GONE for column in form.columns]
        base += form.width
    return Adapted(op, tuple(columns), tuple(level for form in inputs for level in form.levels))


@adapt.register(o.Bin)
def _(op: o.Bin, inputs: Sequence[Form]) -> Adapted:
    (form,) = inputs
    old = [op.edges[a:b] for a, b in zip(op.offsets[:-1], op.offsets[1:], strict=True)]
    own: list[Array] = [op.edges[:0]] * form.width
    for column, position in enumerate(form.columns):
        if position >= 0:
            own[position] = old[column]
    ends = offsets([edges.size for edges in own])
    binned = replace(op, edges=np.concatenate(own), offsets=ends, nan_bin=placed(op.nan_bin, form))
    return Adapted(binned, columns=form.columns)


@adapt.register(o.ObliviousTrees)
def _(op: o.ObliviousTrees, inputs: Sequence[Form]) -> Adapted:
    (form,) = inputs
    bins = op.split_bin.astype(np.int64)
    for column in np.unique(op.split_feature).tolist():
        own = op.split_feature == column
        levels = form.levels[column]
        lowest = int(levels[levels >= 0].min())
        highest = np.maximum.accumulate(np.where(levels < 0, lowest - 1, levels))
        bins[own] = highest[np.minimum(bins[own], highest.size - 1)]
    if bins.min(initial=0) < 0:
        raise InternalError("a split that always holds was left behind")
    return Adapted(replace(op, split_feature=_renumbered(op.split_feature, form), split_bin=as_bins(bins)))


@adapt.register(o.RaggedTrees)
def _(op: o.RaggedTrees, inputs: Sequence[Form]) -> Adapted:
    return Adapted(replace(op, feature=_renumbered(op.feature, inputs[0])))


@adapt.register(o.TableSum)
def _(op: o.TableSum, inputs: Sequence[Form]) -> Adapted:
    (form,) = inputs
    blocks, strides = [], []
    for term, (a, b) in enumerate(op.terms.tolist()):
        rows = op.values[op.offsets[term] : op.offsets[term + 1]]
        counts = form.counts[form.columns[a]], 1 if b < 0 else form.counts[form.columns[b]]
        if b >= 0:
            rows = rows.reshape(form.levels[a].size, form.levels[b].size, -1)
            rows = by_level(rows.transpose(1, 0, 2), form.levels[b], counts[1]).transpose(1, 0, 2)
        blocks.append(by_level(rows, form.levels[a], counts[0]).reshape(-1, op.scale.size))
        strides.append(counts[1])
    terms = np.where(op.terms < 0, op.terms, _renumbered(np.maximum(op.terms, 0), form))
    changed = replace(
        op,
        terms=terms.astype(np.int32),
        strides=np.array(strides, dtype=np.int32),
        offsets=offsets([block.shape[0] for block in blocks]),
        values=np.concatenate([op.values[:0], *blocks]).astype(op.values.dtype),
    )
    return Adapted(changed)


def by_level(rows: Array, levels: Array, count: int) -> Array:
    """Rows of a table in the order of new levels; zeros for levels that do not occur."""
    found = np.zeros((count, *rows.shape[1:]), dtype=rows.dtype)
    occur = levels >= 0
    found[levels[occur]] = rows[: levels.size][occur]
    return found


def placed(numbers: Array, form: Form) -> Array:
    """One number for each new column."""
    found = np.zeros(form.width, dtype=numbers.dtype)
    for column, position in enumerate(form.columns):
        if position >= 0:
            found[position] = numbers[column]
    return found


def as_bins(bins: Array) -> Array:
    """In the smallest type that bins of trees and tables have."""
    return bins.astype(np.uint8 if bins.max(initial=0) < 256 else np.uint16)


def offsets(sizes: Sequence[int]) -> Array:
    """Where each of several runs begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)


def _renumbered(columns: Array, form: Form) -> Array:
    return np.array(form.columns, dtype=np.int32)[columns]


def _alike(op: o.Op, inputs: Sequence[Form]) -> tuple[int, ...]:
    if any(form.columns != inputs[0].columns for form in inputs):
        raise InternalError(f"columns of the inputs of {op.name} moved apart")
    return inputs[0].columns
