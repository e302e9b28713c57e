"""Tables of additive models over the same columns become one, and a table over one column goes into one over a pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import offsets
from lean_automl.compiler.passes.facts import numbered
from lean_automl.compiler.passes.forests import as_leaves, fits
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

Columns = tuple[int, int]


@dataclass(frozen=True)
class MergeTerms:
    """Adds the terms of a `TableSum` up where the type of its tables can hold the sums; terms of zeros vanish."""

    name: ClassVar[str] = "merge_terms"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.TableSum):
                fewer = merged(op, program.types[op.inputs[0]].levels)
                if fewer.strides.size < op.strides.size:
                    changed[number] = fewer
        return with_ops(program, changed)


def merged(op: o.TableSum, levels: tuple[int, ...]) -> o.TableSum:
    """The op with fewer terms.

    Args:
        op: Any additive model.
        levels: Of each column that it reads.
    """
    terms = [
        ((int(a), int(b)), op.values[start:stop].astype(np.int64))
        for (a, b), start, stop in zip(op.terms, op.offsets[:-1], op.offsets[1:], strict=True)
    ]
    kept: list[tuple[Columns, Array]] = []
    # Pairs first: they are the ones that others go into. A table of one level is a constant, which goes anywhere.
    for columns, rows in sorted(terms, key=lambda term: (term[0][1] < 0, rows_vary(term[1]) is False)):
        if not rows.any():
            continue
        for place, (host, own) in enumerate(kept):
            added = _spread(columns, rows, host, levels)
            if added is not None and fits(op, own + added):
                kept[place] = host, own + added
                break
        else:
            kept.append((columns, rows))
    return replace(
        op,
        terms=np.array([columns for columns, _ in kept], dtype=np.int32).reshape(-1, 2),
        strides=np.array([1 if b < 0 else levels[b] for (_, b), _ in kept], dtype=np.int32),
        offsets=offsets([rows.shape[0] for _, rows in kept]),
        values=as_leaves(np.concatenate([op.values[:0], *(rows for _, rows in kept)])),
    )


def rows_vary(rows: Array) -> bool:
    """Whether a table is no constant."""
    return bool((rows != rows[:1]).any())


def _spread(columns: Columns, rows: Array, host: Columns, levels: tuple[int, ...]) -> Array | None:
    """What a term adds to each row of another one; None if the other does not read its column."""
    if columns == host:
        return rows
    size = levels[host[0]] * (1 if host[1] < 0 else levels[host[1]])
    if not rows_vary(rows):
        return np.broadcast_to(rows[:1], (size, rows.shape[1]))
    position = np.arange(size)
    if columns[1] < 0 and host[1] >= 0:
        if columns[0] == host[0]:
            return rows[position // levels[host[1]]]
        if columns[0] == host[1]:
            return rows[position % levels[host[1]]]
    if columns[1] >= 0 and columns == host[::-1]:
        return rows.reshape(levels[columns[0]], -1, rows.shape[1]).transpose(1, 0, 2).reshape(size, -1)
    return None
