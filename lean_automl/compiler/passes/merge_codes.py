"""Tables of additive models over what was looked up for one code become one table over that code.

A category that a learner reads as several columns, such as a statistic of each class, is then looked up once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import as_bins, offsets
from lean_automl.compiler.passes.facts import numbered, op_of, origins, readers
from lean_automl.compiler.passes.forests import as_leaves, fits
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

MOST_LEVELS: Final = 2**16  # that bins have


@dataclass(frozen=True, eq=False)
class _Group:
    """Terms of one code, and what takes their place.

    Attributes:
        code: Its value number.
        terms: Numbers of the terms.
        bins: The new look-up: a bin for each level of the code.
        rows: The new table.
        spared: Bytes of the look-ups that nothing else reads.
    """

    code: int
    terms: tuple[int, ...]
    bins: Array
    rows: Array
    spared: int


@dataclass(frozen=True)
class MergeCodes:
    """Adds up the terms of a `TableSum` whose columns were looked up for one code, where that takes fewer bytes."""

    name: ClassVar[str] = "merge_codes"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        chosen: dict[int, Sequence[_Group]] = {}
        for number, op in numbered(program):
            if isinstance(op, o.TableSum):
                groups = _groups(program, number, op)
                # All of them, or those whose sums need no wider type, which all tables would have then.
                best = min((groups, [own for own in groups if fits(op, own.rows)]), key=lambda own: _bytes(op, own))
                if _bytes(op, best) < op.values.nbytes:
                    chosen[number] = best
        if not chosen:
            return program

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if number not in chosen or not isinstance(op, o.TableSum):
                return None
            parts, terms = [state.moved[op.inputs[0]].number], op.terms[_lone(op, chosen[number])].tolist()
            for own in chosen[number]:
                terms.append([program.types[op.inputs[0]].width + len(parts) - 1, -1])
                parts.append(state.add(o.Lookup((state.moved[own.code].number,), own.bins)))
            blocks = _blocks(op, chosen[number])
            merged = replace(
                op,
                inputs=(state.add(o.Concat(tuple(parts))),),
                terms=np.array(terms, dtype=np.int32),
                strides=np.concatenate([op.strides[_lone(op, chosen[number])], np.ones(len(parts) - 1, np.int32)]),
                offsets=offsets([rows.shape[0] for rows in blocks]),
                values=as_leaves(np.concatenate(blocks)),
            )
            return state.put(number, merged)

        return rewrite(program, change)


def _groups(program: Program, number: int, op: o.TableSum) -> list[_Group]:
    """For each code the terms of one column each that it stands for, where there would be fewer rows then."""
    found: dict[int, dict[int, tuple[int, Array]]] = {}
    source, read_by = origins(program, op.inputs[0]), readers(program)
    for term, (a, b) in enumerate(op.terms.tolist()):
        part, column = source[a]
        made = op_of(program, part)
        if b < 0 and isinstance(made, o.Lookup):
            found.setdefault(made.inputs[0], {})[term] = part, made.table[:, column]
    groups = []
    for code, terms in found.items():
        # A level for each combination of looked-up bins that a code can have.
        columns = np.column_stack([column for _, column in terms.values()])
        joint, level = np.unique(columns, axis=0, return_inverse=True)
        rows = sum(_rows(op, term)[joint[:, i]] for i, term in enumerate(terms))
        if len(terms) > 1 and joint.shape[0] < min(MOST_LEVELS + 1, sum(len(_rows(op, term)) for term in terms)):
            alone = {part for part, _ in terms.values() if read_by[part] == {number}}
            in_pairs = {source[column][0] for a, b in op.terms.tolist() if b >= 0 for column in (a, b)}
            spared = sum(_table(program, part).nbytes for part in alone - in_pairs)
            groups.append(_Group(code, tuple(terms), as_bins(level.reshape(-1, 1)), rows, spared))
    return groups


def _table(program: Program, number: int) -> Array:
    made = op_of(program, number)
    assert isinstance(made, o.Lookup)
    return made.table


def _rows(op: o.TableSum, term: int) -> Array:
    return op.values[op.offsets[term] : op.offsets[term + 1]].astype(np.int64)


def _lone(op: o.TableSum, groups: Sequence[_Group]) -> list[int]:
    """Terms that stay."""
    merged = {term for own in groups for term in own.terms}
    return [term for term in range(op.strides.size) if term not in merged]


def _blocks(op: o.TableSum, groups: Sequence[_Group]) -> list[Array]:
    """Tables of the terms that stay, then those of the groups."""
    return [*(_rows(op, term) for term in _lone(op, groups)), *(own.rows for own in groups)]


def _bytes(op: o.TableSum, groups: Sequence[_Group]) -> int:
    """Of the tables, and what look-ups take more than now."""
    values = as_leaves(np.concatenate([op.values[:0], *_blocks(op, groups)]))
    return int(values.nbytes + sum(own.bins.nbytes - own.spared for own in groups))
