"""Columns of matrices inside a Program that nothing reads are not made. Raw columns stay: see `compiler/unread.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import GONE
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

# Column j of the result comes from columns j alone.
BY_COLUMN = (
    o.Impute,
    o.Clip,
    o.Bin,
    o.Blend,
    o.Arithmetic,
    o.WithConstant,
)


@dataclass(frozen=True)
class DropColumns:
    """Leaves out what no reader uses of `Concat`, of tables and layers, and of ops that work column by column."""

    name: ClassVar[str] = "drop_columns"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        used = used_columns(program)
        if all(own.all() for own in used[len(program.columns) :]):
            return program

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            own = used[number]
            if not own.any():
                return Moved(GONE, tuple([GONE] * own.size), tuple(np.empty(0) for _ in program.types[number].levels))
            if isinstance(op, o.Concat):
                return _concat(state, op, own)
            if isinstance(op, o.Lookup | o.Dense) and not own.all():
                return _fewer(state, number, op, own)
            return None

        return rewrite(program, change)


def _concat(state: Rewrite, op: o.Concat, used: Array) -> Moved:
    inputs, columns, levels, base, start = [], [], [], 0, 0
    for i in op.inputs:
        moved, width = state.moved[i], state.old.types[i].width
        levels += list(moved.levels)
        kept = bool(used[start : start + width].any())
        start += width
        columns += [base + c if kept and c >= 0 else GONE for c in moved.columns]
        if kept:
            inputs.append(moved.number)
            base += state.type_of(moved.number).width
    if len(inputs) == 1:
        return Moved(inputs[0], tuple(columns), tuple(levels))
    return Moved(state.add(replace(op, inputs=tuple(inputs))), tuple(columns), tuple(levels))


def _fewer(state: Rewrite, number: int, op: o.Lookup | o.Dense, used: Array) -> Moved:
    """The op with only some columns of its result."""
    kept = np.flatnonzero(used)
    if isinstance(op, o.Lookup):
        moved = state.same(number, replace(op, table=op.table[:, kept]))
    else:
        moved = state.same(number, replace(op, weight=op.weight[:, kept], bias=op.bias[kept]))
    position = np.full(used.size, GONE, dtype=np.int64)
    position[kept] = np.arange(kept.size)
    if not moved.levels:
        return Moved(moved.number, tuple(position.tolist()))
    levels = iter(moved.levels)
    maps = [next(levels) if own else np.empty(0, dtype=np.int64) for own in used]
    return Moved(moved.number, tuple(position.tolist()), tuple(maps))


def used_columns(program: Program) -> list[Array]:
    """For each value, which columns something reads.

    Columns that belong together are used together: those of inputs and results of ops that work by column, and those
    of a wide value that is joined to others, from which no op can take one out.
    """
    used = [np.zeros(kind.width, dtype=bool) for kind in program.types]
    for number in program.outputs.values():
        used[number][:] = True
    before = -1
    first = len(program.columns)
    while (now := sum(int(own.sum()) for own in used)) != before:
        before = now
        for number in range(len(program.types) - 1, first - 1, -1):
            if used[number].any():
                _spread(program.ops[number - first], used, number)
    return used


def _spread(op: o.Op, used: list[Array], number: int) -> None:
    """Mark what the op needs of its inputs for what is used of its result."""
    inputs = [used[i] for i in op.inputs]
    if isinstance(op, BY_COLUMN):
        together = np.logical_or.reduce([used[number], *inputs])
        for own in (used[number], *inputs):
            own[:] = together
    elif isinstance(op, o.Concat):
        start = 0
        for own in inputs:
            joined = used[number][start : start + own.size]
            start += own.size
            if joined.any():
                own[:] = joined | own
                joined[:] = own
    elif isinstance(op, o.ObliviousTrees | o.RaggedTrees):
        features = op.split_feature if isinstance(op, o.ObliviousTrees) else op.feature
        inputs[0][features] = True
        inputs[0][0] |= not inputs[0].any()  # trees without a question still read something
        used[number][:] = True
    elif isinstance(op, o.TableSum):
        inputs[0][op.terms[op.terms >= 0]] = True
        inputs[0][0] |= not inputs[0].any()
        used[number][:] = True
    else:
        for own in inputs:
            own[:] = True
        if not isinstance(op, o.Lookup | o.Dense):
            used[number][:] = True
