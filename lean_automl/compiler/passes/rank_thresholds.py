"""Tables that only ragged trees read hold ranks: how many of the trees' thresholds are below the old number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import digest
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import is_float_table, op_of, origins, readers
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array
    from lean_automl.compiler.passes.facts import Origin


@dataclass(frozen=True)
class RankThresholds:
    """`x <= threshold` on a table's column becomes `rank of x <= rank of the threshold`.

    Thresholds between the same two numbers of the table become one, rows that no tree tells apart become equal, and
    small whole numbers take fewer bytes in a compressed file.
    """

    name: ClassVar[str] = "rank_thresholds"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        thresholds = _thresholds(program)
        if not thresholds:
            return program

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if isinstance(op, o.Lookup) and (number, 0) in thresholds:
                ranks = [_rank(thresholds[number, c], op.table[:, c]) for c in range(op.table.shape[1])]
                table = np.column_stack(ranks).astype(np.float32)
                return state.put(number, replace(op, inputs=(state.moved[op.inputs[0]].number,), table=table))
            if isinstance(op, o.RaggedTrees):
                moved = op.threshold.copy()
                for column, origin in enumerate(origins(program, op.inputs[0])):
                    if origin in thresholds:
                        own = op.feature == column
                        moved[own] = np.searchsorted(thresholds[origin], op.threshold[own])
                return state.same(number, replace(op, threshold=moved))
            return None

        ranked = rewrite(program, change)
        return program if digest(ranked) == digest(program) else ranked


def _thresholds(program: Program) -> dict[Origin, Array]:
    """For each column of tables that only ragged trees read: those thresholds that part the table's numbers."""
    read_by = readers(program)
    found: dict[Origin, list[Array]] = {}
    for number in range(len(program.columns), len(program.types)):
        ragged = all(isinstance(_reader(program, reader), o.RaggedTrees) for reader in read_by[number])
        if ragged and is_float_table(program, number):
            found |= {(number, column): [] for column in range(program.types[number].width)}
    for op in program.ops:
        if isinstance(op, o.RaggedTrees):
            for column, origin in enumerate(origins(program, op.inputs[0])):
                if origin in found:
                    found[origin].append(op.threshold[op.feature == column])
    return {origin: _parting(program, origin, own) for origin, own in found.items()}


def _reader(program: Program, number: int) -> o.Op | None:
    return None if number < 0 else op_of(program, number)


def _parting(program: Program, origin: Origin, thresholds: list[Array]) -> Array:
    """The greatest of the thresholds that no number of the table lies between."""
    op = op_of(program, origin[0])
    assert isinstance(op, o.Lookup)
    values = np.unique(op.table[:, origin[1]])
    own = np.unique(np.concatenate([np.empty(0, dtype=np.float32), *thresholds]))
    gap = np.searchsorted(values[~np.isnan(values)], own, side="right")
    greatest: Array = own[np.append(np.diff(gap) > 0, True)[: own.size]]  # so that each of a gap has its rank
    return greatest


def _rank(thresholds: Array, values: Array) -> Array:
    return np.where(np.isnan(values), np.nan, np.searchsorted(thresholds, values, side="left"))
