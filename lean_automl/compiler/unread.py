"""Raw columns that nothing reads are not asked for: each costs a look at every record, and bytes of every file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lean_automl_runtime.ir import Program

if TYPE_CHECKING:
    from lean_automl.data import Table


def without_unread(program: Program) -> Program:
    """The Program without raw columns that no op reads."""
    count = len(program.columns)
    read = {number for op in program.ops for number in op.inputs} | set(program.outputs.values())
    kept = [number for number in range(count) if number in read]
    if len(kept) == count:
        return program
    moved = {number: place for place, number in enumerate(kept)}
    moved |= {count + number: len(kept) + number for number in range(len(program.ops))}
    return Program(
        tuple(program.columns[number] for number in kept),
        tuple(replace(op, inputs=tuple(moved[number] for number in op.inputs)) for op in program.ops),
        {name: moved[number] for name, number in program.outputs.items()},
    )


def read_by(program: Program, table: Table) -> Table:
    """The columns of a table that a Program has, in its order.

    Raises:
        SchemaError: The table has no such column.
    """
    return table.select([column.name for column in program.columns])
