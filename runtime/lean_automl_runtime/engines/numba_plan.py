"""From a Program to the flat plan that `numba_kernels` runs.

Each column of a value has a slot of floats or of integers, and each op becomes lines that read and write slots.
`Concat` costs nothing: it lists the slots of its inputs. What is read by outputs alone has no slots: the rows of a
table go straight to the rows of answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.engines.numba_draft import Draft, RawSlot, Slots
from lean_automl_runtime.engines.numba_emit import emit
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.program import LABEL
from lean_automl_runtime.ir.types import DType

if TYPE_CHECKING:
    from lean_automl_runtime.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]

NARROWEST_SPARSE: Final = 4  # columns of a table from which writing one number beats copying a row


@dataclass(frozen=True)
class Plan:
    """What `execute` needs, and where the answers are.

    Attributes:
        code: int32 (lines, `LINE`).
        pool: int32, all constants; floats and narrower integers as their bits.
        raw: What each raw slot holds.
        floats: Number of float slots.
        ints: Number of integer slots.
        label: Integer slot of the label; None without one.
        outputs: First column, in the rows of answers, and width of each float output.
        width: Columns of the rows of answers.
    """

    code: Array
    pool: Array
    raw: tuple[RawSlot, ...]
    floats: int
    ints: int
    label: int | None
    outputs: dict[str, tuple[int, int]]
    width: int


def compile_plan(program: Program) -> Plan:
    """The plan of a Program."""
    draft, first = Draft(), len(program.columns)
    joined = _joined_into_outputs(program)
    values: list[Slots] = [draft.column(number, column) for number, column in enumerate(program.columns)]
    for number, op in enumerate(program.ops, start=first):
        inputs = [values[i] for i in op.inputs]
        if number in joined and isinstance(op, o.Concat | o.Lookup):
            values.append([])
        elif isinstance(op, o.Concat):
            values.append([slot for slots in inputs for slot in slots])
        else:
            values.append(draft.new(program.types[number]))
            emit(op, draft, inputs, values[number])
    outputs, width = {}, 0
    for name, number in program.outputs.items():
        if name != LABEL:
            outputs[name] = width, program.types[number].width
            width = _store(program, draft, values, joined, number, width)
    lines = sorted(draft.lines, key=lambda line: line[0] if line[0] <= k.CODE else k.CODE + 1)  # reads first, in runs
    code = np.array(lines, dtype=np.int32).reshape(-1, k.LINE)
    label = values[program.outputs[LABEL]][0] if LABEL in program.outputs else None
    return Plan(code, draft.pool.array(), tuple(draft.raw), draft.floats, draft.ints, label, outputs, width)


def _one_number_a_row(table: Array) -> tuple[Array, Array] | None:
    """Where the number of each row is that is not 0.0, and the number; None if a row has several, as -0.0 is one."""
    others = np.ascontiguousarray(table).view(np.int32) != 0
    if (others.sum(axis=1) > 1).any():
        return None
    places = others.argmax(axis=1)
    return places, table[np.arange(len(table)), places]


def _joined_into_outputs(program: Program) -> set[int]:
    """Values of floats that nothing reads but outputs and the Concats in them: these need no slots of their own."""
    first = len(program.columns)
    readers: dict[int, list[int]] = {}
    for number, op in enumerate(program.ops, start=first):
        for i in op.inputs:
            readers.setdefault(i, []).append(number)
    ends = {number for name, number in program.outputs.items() if name != LABEL}
    found: set[int] = set()
    for number in range(first + len(program.ops) - 1, first - 1, -1):
        own = readers.get(number, [])
        concats = all(reader in found and isinstance(program.ops[reader - first], o.Concat) for reader in own)
        if program.types[number].dtype is DType.FLOAT32 and concats and (own or number in ends):
            found.add(number)
    return found


def _store(program: Program, draft: Draft, values: list[Slots], joined: set[int], number: int, column: int) -> int:
    """Lines that write a value to the rows of answers from a column on; the column after it."""
    op = program.ops[number - len(program.columns)] if number >= len(program.columns) else None
    if number in joined and isinstance(op, o.Concat):
        for i in op.inputs:
            column = _store(program, draft, values, joined, i, column)
        return column
    if number in joined and isinstance(op, o.Lookup):
        width, code = program.types[number].width, values[op.inputs[0]][0]
        if width >= NARROWEST_SPARSE and (ones := _one_number_a_row(op.table)) is not None:
            places, numbers = ones
            at = draft.pool.put(places, np.int32), draft.pool.put(numbers, np.float32)
            draft.line(k.STORE_ONE, column, code, 0, *at)
        else:
            draft.line(k.STORE_LOOKUP, column, code, 0, draft.pool.put(op.table, np.float32), width)
        return column + width
    slots = values[number]
    begins = [j for j in range(len(slots)) if j == 0 or slots[j] != slots[j - 1] + 1]
    for begin, end in pairwise([*begins, len(slots)]):
        draft.line(k.STORE, column + begin, slots[begin], end - begin)
    return column + len(slots)
