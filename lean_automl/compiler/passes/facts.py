"""What is known of the values of a Program without running it: which levels occur, where columns come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import DType
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.serial import op_key

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

Origin = tuple[int, int]  # number of a value that is no Concat, and a column of it


def op_of(program: Program, number: int) -> o.Op | None:
    """The op that makes a value; None for a raw column."""
    first = len(program.columns)
    return program.ops[number - first] if number >= first else None


def numbered(program: Program) -> Iterator[tuple[int, o.Op]]:
    """Ops with the numbers of their values."""
    return enumerate(program.ops, start=len(program.columns))


def same(a: o.Op, b: o.Op) -> bool:
    """Whether two ops of one kind do the same."""
    return op_key(a) == op_key(b)


def occurring(program: Program) -> list[tuple[Array, ...]]:
    """For each value and each of its columns, which levels can occur, as booleans; empty for other values.

    Rows are arbitrary, so what two columns have in common is not known.
    """
    found: list[tuple[Array, ...]] = [() for _ in program.columns]
    for number, op in numbered(program):
        counts = program.types[number].levels
        own: tuple[Array, ...] = tuple(np.ones(count, dtype=bool) for count in counts)
        if isinstance(op, o.Cross):
            a, b = (found[i][0] for i in op.inputs)
            own = ((a[:, None] & b).reshape(-1),)
        elif isinstance(op, o.Lookup) and counts:
            rows = op.table[found[op.inputs[0]][0]]
            own = tuple(np.isin(np.arange(count), rows[:, column]) for column, count in enumerate(counts))
        elif isinstance(op, o.Bin):
            own = tuple(_bins(op, column, count) for column, count in enumerate(counts))
        elif isinstance(op, o.Concat) and counts:
            own = tuple(column for i in op.inputs for column in found[i])
        found.append(own)
    return found


def _bins(op: o.Bin, column: int, count: int) -> Array:
    edges = int(op.offsets[column + 1] - op.offsets[column])
    level = np.arange(count)
    found: Array = (level <= edges) | (level == int(op.nan_bin[column]))
    return found


def parts(program: Program, number: int) -> list[int]:
    """What a value is joined of, through Concat of Concat; itself if it is no Concat."""
    op = op_of(program, number)
    return [p for i in op.inputs for p in parts(program, i)] if isinstance(op, o.Concat) else [number]


def origins(program: Program, number: int) -> list[Origin]:
    """Where each column of a value comes from, through Concat."""
    return [(part, column) for part in parts(program, number) for column in range(program.types[part].width)]


def readers(program: Program) -> list[set[int]]:
    """For each value, the numbers of the ops that read it, through Concat. An output counts as a reader, -1."""
    found: list[set[int]] = [set() for _ in program.types]
    for number in program.outputs.values():
        found[number].add(-1)
    first = len(program.columns)
    for number in range(len(program.types) - 1, first - 1, -1):
        op = program.ops[number - first]
        for i in op.inputs:
            found[i] |= found[number] if isinstance(op, o.Concat) else {number}
    return found


def is_float_table(program: Program, number: int) -> bool:
    """Whether a value is looked up in a table of floats."""
    return isinstance(op_of(program, number), o.Lookup) and program.types[number].dtype is DType.FLOAT32


def value_ranges(program: Program, number: int) -> list[tuple[float, float, bool]]:
    """For each column of a float value: bounds of what it can be, and whether it can be NaN."""
    found = []
    for part, column in origins(program, number):
        op = op_of(program, part)
        low, high, nan = -np.inf, np.inf, True
        if isinstance(op, o.Lookup):
            own = op.table[:, column]
            nan = bool(np.isnan(own).any())
            known = own[~np.isnan(own)]
            low, high = (float(known.min()), float(known.max())) if known.size else (np.inf, -np.inf)
        elif isinstance(op, o.Impute):
            nan = bool(np.isnan(op.fill[column]))
        elif isinstance(op, o.Clip):
            low, high = float(op.low[column]), float(op.high[column])
        found.append((low, high, nan))
    return found
