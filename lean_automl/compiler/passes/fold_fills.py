"""Where a missing value is filled and then only compared, the comparison takes the side of the fill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import op_of, parts, readers
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True)
class FoldFills:
    """`Impute` before `Bin` or `RaggedTrees` becomes a bin, or a direction, for NaN."""

    name: ClassVar[str] = "fold_fills"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        if not any(isinstance(op, o.Impute) for op in program.ops):
            return program
        read_by = readers(program)

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if not isinstance(op, o.Bin | o.RaggedTrees):
                return None
            found = parts(program, op.inputs[0])
            fills = [_fill(program, part) if read_by[part] == {number} else None for part in found]
            if all(fill is None for fill in fills):
                return None
            sources = [
                part if fill is None else op_of(program, part).inputs[0]  # type: ignore[union-attr]
                for part, fill in zip(found, fills, strict=True)
            ]
            widths = [program.types[part].width for part in found]
            fill = np.concatenate(
                [np.full(w, np.nan, np.float32) if f is None else f for w, f in zip(widths, fills, strict=True)]
            )
            joined = _joined(state, sources)
            return state.put(number, replace(_filled(op, fill), inputs=(joined,)))

        return rewrite(program, change)


def _fill(program: Program, number: int) -> Array | None:
    op = op_of(program, number)
    return op.fill if isinstance(op, o.Impute) else None


def _joined(state: Rewrite, sources: list[int]) -> int:
    numbers = tuple(state.moved[i].number for i in sources)
    return numbers[0] if len(numbers) == 1 else state.add(o.Concat(numbers))


def _filled(op: o.Bin | o.RaggedTrees, fill: Array) -> o.Op:
    """The op on values that are not filled; a fill of NaN is none."""
    if isinstance(op, o.RaggedTrees):
        own = fill[op.feature]
        return replace(op, nan_left=np.where(np.isnan(own), op.nan_left, own <= op.threshold))
    bins = [
        np.searchsorted(op.edges[start:stop], value, side="left")
        for start, stop, value in zip(op.offsets[:-1], op.offsets[1:], fill, strict=True)
    ]
    return replace(op, nan_bin=np.where(np.isnan(fill), op.nan_bin, bins).astype(np.int32))
