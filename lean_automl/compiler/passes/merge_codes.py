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
        sums = ((number, op) for number, op in numbered(program) if isinstance(op, o.TableSum))
        chosen = {number: groups for number, op in sums if (groups := _chosen(program, number, op))}
        if not chosen:
            return program

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if number not in chosen or not isinstance(op, o.TableSum):
                return None
            groups = chosen[number]
            lone, parts = _lone(op, groups), [state.moved[op.inputs[0]].number]
            terms = op.terms[lone].tolist()
            for own in groups:
                terms.append([program.types[op.inputs[0]].width + len(parts) - 1, -1])
                parts.append(state.add(o.Lookup((state.moved[own.code].number,), own.bins)))
            blocks = _blocks(op, groups)
            merged = replace(
                op,
                inputs=(state.add(o.Concat(tuple(parts))),),
                terms=np.array(terms, dtype=np.int32),
                strides=np.concatenate([op.strides[lone], np.ones(len(groups), np.int32)]),
                offsets=offsets([rows.shape[0] for rows in blocks]),
                values=as_leaves(np.concatenate(blocks)),
            )
            return state.put(number, merged)

        return rewrite(program, change)


def _chosen(program: Program, number: int, op: o.TableSum) -> Sequence[_Group]:
    """What takes the fewest bytes: all groups, or those whose sums need no wider type, which all tables would have."""
    groups = _groups(program, number, op)
    if not groups:
        return []
    options: tuple[list[_Group], ...] = (groups, [own for own in groups if fits(op, own.rows)], [])
    return min(options, key=lambda own: (_bytes(op, own), len(own)))


def _groups(program: Program, number: int, op: o.TableSum) -> list[_Group]:
    """For each code the terms of one column each that it stands for, where there would be fewer rows then."""
    source = origins(program, op.inputs[0])
    found: dict[int, dict[int, Array]] = {}
    bytes_of: dict[int, dict[int, int]] = {}  # of the look-ups of a code
    for term, (a, b) in enumerate(op.terms.tolist()):
        part, column = source[a]
        made = op_of(program, part)
        if b < 0 and isinstance(made, o.Lookup):
            found.setdefault(made.inputs[0], {})[term] = made.table[:, column]
            bytes_of.setdefault(made.inputs[0], {})[part] = made.table.nbytes
    several = {code: terms for code, terms in found.items() if len(terms) > 1}
    if not several:
        return []
    read_by, groups = readers(program), []
    in_pairs = {source[column][0] for a, b in op.terms.tolist() if b >= 0 for column in (a, b)}
    for code, terms in several.items():
        # A level for each combination of looked-up bins that a code can have.
        joint, level = np.unique(np.column_stack(list(terms.values())), axis=0, return_inverse=True)
        if joint.shape[0] < min(MOST_LEVELS + 1, sum(len(_rows(op, term)) for term in terms)):
            rows = sum(_rows(op, term)[joint[:, i]] for i, term in enumerate(terms))
            alone = [part for part in bytes_of[code] if read_by[part] == {number} and part not in in_pairs]
            spared = sum(bytes_of[code][part] for part in alone)
            groups.append(_Group(code, tuple(terms), as_bins(level.reshape(-1, 1)), rows, spared))
    return groups


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
