"""From a Program to the flat plan that `numba_kernels` runs.

Each column of a value has a slot of floats or of integers, and each op becomes lines that read and write slots.
`Concat` costs nothing: it lists the slots of its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.engines.numba_draft import Draft, RawSlot, Slots
from lean_automl_runtime.engines.numba_emit import emit
from lean_automl_runtime.ir import ops as o

if TYPE_CHECKING:
    from lean_automl_runtime.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Plan:
    """What `execute` needs, and where the answers are.

    Attributes:
        code: int32 (lines, `LINE`).
        pool: int32, all constants; floats and narrower integers as their bits.
        raw: What each raw slot holds.
        floats: Number of float slots.
        ints: Number of integer slots.
        outputs: First slot and width of each named output; the label's is an integer slot.
    """

    code: Array
    pool: Array
    raw: tuple[RawSlot, ...]
    floats: int
    ints: int
    outputs: dict[str, tuple[int, int]]


def compile_plan(program: Program) -> Plan:
    """The plan of a Program."""
    draft = Draft()
    values: list[Slots] = [draft.column(number, column) for number, column in enumerate(program.columns)]
    for number, op in enumerate(program.ops, start=len(program.columns)):
        inputs = [values[i] for i in op.inputs]
        if isinstance(op, o.Concat):
            values.append([slot for slots in inputs for slot in slots])
        else:
            values.append(draft.new(program.types[number]))
            emit(op, draft, inputs, values[number])
    outputs = {}
    for name, number in program.outputs.items():
        slots = draft.contiguous(values[number])
        outputs[name] = (slots[0], len(slots))
    lines = sorted(draft.lines, key=lambda line: line[0] if line[0] <= k.CODE else k.CODE + 1)  # reads first, in runs
    code = np.array(lines, dtype=np.int32).reshape(-1, k.LINE)
    return Plan(code, draft.pool.array(), tuple(draft.raw), draft.floats, draft.ints, outputs)
