"""Arithmetic on what was looked up becomes another table: the same steps, done once for each level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import prepare

from lean_automl.compiler.passes.facts import op_of, readers
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

ELEMENTWISE = (o.Impute, o.Clip, o.Arithmetic, o.WithConstant, o.Blend)


@dataclass(frozen=True)
class FoldTables:
    """Look-ups of one code, filled, limited or calculated with, become one look-up; so does a look-up of a look-up.

    Only where nothing else reads the inner tables, so that no table is there twice.
    """

    name: ClassVar[str] = "fold_tables"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        if not any(_foldable(program, op) for op in program.ops):
            return program
        read_by = readers(program)

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if not _foldable(program, op) or any(read_by[i] != {number} for i in op.inputs):
                return None
            tables = [made for i in op.inputs if isinstance(made := op_of(program, i), o.Lookup)]
            first = tables[0]
            code = state.moved[first.inputs[0]]
            if isinstance(op, o.Lookup):
                table = op.table[first.table[:, 0]]
            else:
                with np.errstate(all="ignore"):
                    table = prepare(op)(*[made.table for made in tables])
            folded = replace(first, inputs=(code.number,), table=np.asarray(table))
            return state.put(number, folded)

        return rewrite(program, change)


def _foldable(program: Program, op: o.Op) -> bool:
    """Whether an op works on numbers that were all looked up for one code."""
    if not isinstance(op, (*ELEMENTWISE, o.Lookup)):
        return False
    inner = [op_of(program, i) for i in op.inputs]
    tables = [made for made in inner if isinstance(made, o.Lookup)]
    return len(tables) == len(inner) and len({made.inputs for made in tables}) == 1
