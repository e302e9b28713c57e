"""Which levels of codes and bins their readers tell apart, found from the last op to the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

NEVER: Final = 2**31


@dataclass(slots=True, eq=False)
class Readers:
    """What the readers of one column make of its levels.

    Attributes:
        classes: A number for each level; levels with the same number are the same to every reader.
        lowest: The lowest bin that a tree compares the column with; `NEVER` if none does.
    """

    classes: Array
    lowest: int = NEVER

    def note(self, rows: Array) -> None:
        """A reader makes row i of `rows` of level i; rows are compared bit by bit."""
        flat = np.ascontiguousarray(rows.reshape(rows.shape[0], -1))
        keys = flat.view(np.dtype((np.void, flat.shape[1] * flat.itemsize)))[:, 0]
        number = np.unique(keys, return_inverse=True)[1].reshape(-1)
        both = self.classes * (int(number.max(initial=0)) + 1) + number
        self.classes = np.unique(both, return_inverse=True)[1].reshape(-1)

    def also(self, other: Readers) -> None:
        """The same readers, through a Concat."""
        self.note(other.classes[:, None])
        self.lowest = min(self.lowest, other.lowest)


def readers_of(program: Program) -> list[list[Readers]]:
    """For each value, the readers of each of its columns; none for values without levels."""
    found = [[Readers(np.zeros(count, dtype=np.int64)) for count in kind.levels] for kind in program.types]
    first = len(program.columns)
    for number in range(len(program.types) - 1, first - 1, -1):
        op = program.ops[number - first]
        if isinstance(op, o.ObliviousTrees):
            _trees(op, found[op.inputs[0]])
        elif isinstance(op, o.TableSum):
            _tables(op, found[op.inputs[0]])
        elif isinstance(op, o.Lookup):
            (source,) = found[op.inputs[0]]
            _lookup(op, source, found[number])
        elif isinstance(op, o.Cross):
            (a,), (b,) = (found[i] for i in op.inputs)
            pairs = found[number][0].classes.reshape(a.classes.size, -1)
            a.note(pairs)
            b.note(pairs.T)
        elif isinstance(op, o.Concat):
            columns = [column for i in op.inputs for column in found[i]]
            for column, own in zip(columns, found[number], strict=False):
                column.also(own)
    return found


def _trees(op: o.ObliviousTrees, columns: list[Readers]) -> None:
    for j, column in enumerate(columns):
        bins = np.unique(op.split_bin[op.split_feature == j])
        if bins.size:
            column.note(np.searchsorted(bins, np.arange(column.classes.size), side="left")[:, None])
            column.lowest = min(column.lowest, int(bins[0]))


def _tables(op: o.TableSum, columns: list[Readers]) -> None:
    for term, (a, b) in enumerate(op.terms.tolist()):
        rows = op.values[op.offsets[term] : op.offsets[term + 1]]
        first = columns[a]
        if b < 0:
            first.note(rows)
            continue
        pairs = rows.reshape(first.classes.size, columns[b].classes.size, -1)
        first.note(pairs)
        columns[b].note(pairs.transpose(1, 0, 2))


def _lookup(op: o.Lookup, source: Readers, columns: list[Readers]) -> None:
    if op.table.dtype == np.float32:
        source.note(op.table)
    else:
        source.note(np.column_stack([own.classes[op.table[:, j]] for j, own in enumerate(columns)]))
