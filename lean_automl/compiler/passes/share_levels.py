"""Bins and categories that no reader tells apart become one: fewer edges, shorter tables, fewer category texts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import digest
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import GONE, as_bins, offsets
from lean_automl.compiler.passes.facts import occurring
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite
from lean_automl.compiler.passes.told_apart import NEVER, Readers, readers_of

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True)
class ShareLevels:
    """Renumbers levels so that only those are apart that a tree, a table or a cross tells apart.

    Edges between equal bins go; a category that is like one that was never seen goes from `Encode`; NaN shares the bin
    that it is like.
    """

    name: ClassVar[str] = "share_levels"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        occur = occurring(program)
        read = readers_of(program)

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if isinstance(op, o.Encode):
                return _encode(state, op, read[number][0])
            if isinstance(op, o.Bin):
                return _bin(state, op, read[number])
            if isinstance(op, o.Lookup) and op.table.dtype != np.float32:
                return _lookup(state, op, read[number], occur[number])
            return None

        shared = rewrite(program, change)
        return program if digest(shared) == digest(program) else shared


def _encode(state: Rewrite, op: o.Encode, column: Readers) -> Moved:
    apart = column.classes != column.classes[o.CODE_UNSEEN]
    kept = np.flatnonzero(apart[o.CODE_FIRST :])
    levels = np.full(column.classes.size, o.CODE_UNSEEN, dtype=np.int64)
    levels[o.CODE_MISSING] = o.CODE_MISSING
    levels[kept + o.CODE_FIRST] = np.arange(kept.size) + o.CODE_FIRST
    return Moved(state.add(replace(op, categories=tuple(op.categories[i] for i in kept.tolist()))), (0,), (levels,))


def _lookup(state: Rewrite, op: o.Lookup, columns: list[Readers], occur: tuple[Array, ...]) -> Moved:
    source = state.moved[op.inputs[0]]
    levels = tuple(_numbered(column, own) for column, own in zip(columns, occur, strict=True))
    old = np.zeros((state.type_of(source.number).levels[0], op.table.shape[1]), dtype=np.int64)
    present = source.levels[0] >= 0
    table = np.column_stack([own[op.table[:, j]] for j, own in enumerate(levels)])
    old[source.levels[0][present]] = table[present]
    made = state.add(replace(op, inputs=(source.number,), table=as_bins(np.maximum(old, 0))))
    return Moved(made, tuple(range(len(levels))), levels)


def _numbered(column: Readers, occurs: Array) -> Array:
    """New levels in the order in which classes first occur: one class never lies on both sides of a threshold."""
    present = np.flatnonzero(occurs)
    _, first, number = np.unique(column.classes[present], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    # Where a tree asks for something that always holds, there must be a level below all that occur.
    base = int(column.lowest != NEVER and present.size > 0 and column.lowest < present[0])
    levels = np.full(occurs.size, GONE, dtype=np.int64)
    levels[present] = rank[number] + base
    return levels


def _bin(state: Rewrite, op: o.Bin, columns: list[Readers]) -> Moved:
    edges, nan_bin, levels = [], [], []
    for j, column in enumerate(columns):
        own = op.edges[op.offsets[j] : op.offsets[j + 1]]
        regular = column.classes[: own.size + 1]
        changes = np.diff(regular) != 0
        moved = np.full(column.classes.size, GONE, dtype=np.int64)
        moved[: own.size + 1] = np.concatenate([[0], np.cumsum(changes)])
        missing = int(op.nan_bin[j])
        if missing > own.size:
            like = np.flatnonzero(regular == column.classes[missing])
            moved[missing] = moved[like[0]] if like.size else int(changes.sum()) + 1
        edges.append(own[changes])
        nan_bin.append(int(moved[missing]))
        levels.append(moved)
    changed = replace(
        op,
        inputs=(state.moved[op.inputs[0]].number,),
        edges=np.concatenate(edges),
        offsets=offsets([own.size for own in edges]),
        nan_bin=np.array(nan_bin, dtype=np.int32),
    )
    return Moved(state.add(changed), tuple(range(len(columns))), tuple(levels))
