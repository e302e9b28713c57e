"""What is looked up and then binned becomes a look-up of bins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import as_bins, offsets
from lean_automl.compiler.passes.facts import is_float_table, op_of, parts
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True)
class FoldBins:
    """Columns of a `Bin` that come from tables of floats get tables of bins; the others stay, in their order."""

    name: ClassVar[str] = "fold_bins"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        read = {op.inputs[0] for op in program.ops if isinstance(op, o.Bin)}
        if not any(is_float_table(program, part) for number in read for part in parts(program, number)):
            return program

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if not isinstance(op, o.Bin):
                return None
            found = parts(program, op.inputs[0])
            tables = [is_float_table(program, part) for part in found]
            return _fold(state, number, op, found) if any(tables) else None

        return rewrite(program, change)


def _fold(state: Rewrite, number: int, op: o.Bin, found: list[int]) -> Moved:
    program = state.old
    edges = [op.edges[a:b] for a, b in zip(op.offsets[:-1], op.offsets[1:], strict=True)]
    rest: list[int] = []  # columns that are still binned
    kept: list[int] = []  # the values that they come from
    looked_up: list[tuple[int, list[int]]] = []
    start = 0
    for part in found:
        columns = list(range(start, start + program.types[part].width))
        start += len(columns)
        inner = op_of(program, part)
        if is_float_table(program, part) and isinstance(inner, o.Lookup):
            bins = [_bins(inner.table[:, j], edges[c], int(op.nan_bin[c])) for j, c in enumerate(columns)]
            # What it reads may be bins that were folded themselves, and have fewer levels now.
            folded = state.same(part, replace(inner, table=as_bins(np.column_stack(bins))))
            looked_up.append((folded.number, columns))
        else:
            rest += columns
            kept.append(state.moved[part].number)
    numbers = [made for made, _ in looked_up]
    order = rest + [column for _, columns in looked_up for column in columns]
    if kept:
        source = kept[0] if len(kept) == 1 else state.add(o.Concat(tuple(kept)))
        own = [edges[c] for c in rest]
        numbers.insert(
            0, state.add(o.Bin((source,), np.concatenate(own), offsets([e.size for e in own]), op.nan_bin[rest]))
        )
    joined: o.Op | None = o.Concat(tuple(numbers)) if len(numbers) > 1 else None
    position = {column: place for place, column in enumerate(order)}
    columns = [position[c] for c in range(len(order))]
    return _result(state, number, joined, numbers[0], columns)


def _result(state: Rewrite, number: int, joined: o.Op | None, single: int, columns: list[int]) -> Moved:
    if joined is not None:
        return state.put(number, joined, columns)
    counts = state.type_of(single).levels
    maps = tuple(
        np.where(np.arange(old) < counts[columns[c]], np.arange(old), -1)
        for c, old in enumerate(state.old.types[number].levels)
    )
    return Moved(single, tuple(columns), maps)


def _bins(values: Array, edges: Array, nan_bin: int) -> Array:
    return np.where(np.isnan(values), nan_bin, np.searchsorted(edges, values, side="left"))
