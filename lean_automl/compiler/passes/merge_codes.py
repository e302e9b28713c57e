"""Tables of additive models over what was looked up for one code become one table over that code.

A category that a learner reads as several columns, such as a statistic of each class, is then looked up once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import as_bins, offsets
from lean_automl.compiler.passes.facts import op_of, origins
from lean_automl.compiler.passes.forests import as_leaves
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True)
class MergeCodes:
    """Adds up the terms of a `TableSum` whose columns were looked up for one code, if its tables are smaller then."""

    name: ClassVar[str] = "merge_codes"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if not isinstance(op, o.TableSum):
                return None
            lone, groups = _by_code(program, op)
            if not groups:
                return None
            blocks = [(tuple(op.terms[term].tolist()), int(op.strides[term]), _rows(op, term)) for term in lone]
            width = program.types[op.inputs[0]].width
            parts = [state.moved[op.inputs[0]].number]
            for code, terms in groups.items():
                # A level for each combination of looked-up bins that a code can have.
                joint, level = np.unique(np.column_stack(list(terms.values())), axis=0, return_inverse=True)
                rows = sum(_rows(op, term)[joint[:, i]] for i, term in enumerate(terms))
                parts.append(state.add(o.Lookup((state.moved[code].number,), as_bins(level.reshape(-1, 1)))))
                blocks.append(((width + len(parts) - 2, -1), 1, rows))
            values = as_leaves(np.concatenate([rows for _, _, rows in blocks]))
            if values.nbytes >= op.values.nbytes:
                return None
            merged = replace(
                op,
                inputs=(state.add(o.Concat(tuple(parts))),),
                terms=np.array([columns for columns, _, _ in blocks], dtype=np.int32),
                strides=np.array([stride for _, stride, _ in blocks], dtype=np.int32),
                offsets=offsets([rows.shape[0] for _, _, rows in blocks]),
                values=values,
            )
            return state.put(number, merged)

        return rewrite(program, change)


def _rows(op: o.TableSum, term: int) -> Array:
    return op.values[op.offsets[term] : op.offsets[term + 1]].astype(np.int64)


def _by_code(program: Program, op: o.TableSum) -> tuple[list[int], dict[int, dict[int, Array]]]:
    """Terms that stay, and by code those of one column each that become one, with the bin of each level of the code."""
    found: dict[int, dict[int, Array]] = {}
    source = origins(program, op.inputs[0])
    for term, (a, b) in enumerate(op.terms.tolist()):
        part, column = source[a]
        made = op_of(program, part)
        if b < 0 and isinstance(made, o.Lookup):
            found.setdefault(made.inputs[0], {})[term] = made.table[:, column].astype(np.int64)
    groups = {code: terms for code, terms in found.items() if len(terms) > 1}
    merged = {term for terms in groups.values() for term in terms}
    return [term for term in range(op.strides.size) if term not in merged], groups
