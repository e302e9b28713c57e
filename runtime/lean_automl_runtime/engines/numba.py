"""Evaluates a Program with kernels that numba compiles once a machine: fast for one row and for millions.

Texts become codes (`numba_texts`); all the rest is one call of `numba_kernels.execute` for a row, or for a block of
rows. Results equal those of the reference bit for bit. One thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.engines.columns import ColumnReader
from lean_automl_runtime.engines.numba_kernels import execute
from lean_automl_runtime.engines.numba_layout import STORE_ONE
from lean_automl_runtime.engines.numba_plan import Plan, compile_plan
from lean_automl_runtime.engines.numba_texts import Codes, NumbaTexts
from lean_automl_runtime.ir.ops import CODE_UNSEEN
from lean_automl_runtime.ir.program import LABEL, PREDICTION, PROBABILITIES

if TYPE_CHECKING:
    from lean_automl_runtime.engines.numba_draft import RawSlot
    from lean_automl_runtime.ir.columns import Column
    from lean_automl_runtime.ir.program import Program
    from lean_automl_runtime.reference import Step

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK_BYTES: Final = 2**19  # of slots: a block stays in a second-level cache
MOST_ROWS: Final = 2048
FEWEST_ROWS: Final = 32


class NumbaEngine:
    """Evaluates one Program. Threads may share it."""

    name = "numba"

    def __init__(self, program: Program) -> None:
        self._plan = plan = compile_plan(program)
        strings = [number for number, column in enumerate(program.columns) if column.dtype == "string"]
        lists = {number: [s.categories for s in plan.raw if s.categories and s.column == number] for number in strings}
        self._texts = NumbaTexts({number: tuple(dict.fromkeys(chain(*own))) for number, own in lists.items()})
        self._recode = [
            self._texts.recode(slot.column, slot.categories) if len(lists.get(slot.column, ())) > 1 else None
            for slot in plan.raw
        ]
        whole = frozenset(program.columns[slot.column].name for slot in plan.raw if slot.text is not None)
        self._reader = ColumnReader(self._texts, tuple(column.name for column in program.columns), whole)
        row_bytes = 8 * len(plan.raw) + 4 * (plan.floats + plan.ints)
        self._block = min(MOST_ROWS, max(FEWEST_ROWS, BLOCK_BYTES // row_bytes))
        classes = program.classes
        self._classes = np.array(classes, dtype=object if classes and isinstance(classes[0], str) else None)
        self.run_one = _RowPath(plan, classes).run_one
        memory = _Memory(plan, 1)
        memory.execute(memory.row, 1)  # compiles, or loads from the cache, now and not for the first row

    def read_column(self, values: Any, column: Column) -> Array:
        """A column of a caller's table, as `run` takes it: numbers where they lie, texts as codes.

        Raises:
            SchemaError: As `records.column_array`.
        """
        return self._reader.read(values, column)

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for n rows: for each column a typed array (`ir.columns`), or what `read_column` gave."""
        plan, n = self._plan, inputs[0].shape[0]
        labels = np.empty(n, np.int32)
        rows = np.zeros((n, plan.width), np.float32)  # as sparse tables take for granted
        columns = self._columns(inputs)
        memory = _Memory(plan, max(1, min(n, self._block)))
        for start in range(0, n, self._block):
            block = slice(start, min(n, start + self._block))
            memory.load(columns, block)
            memory.execute(rows[block].reshape(-1), block.stop - start)
            if plan.label is not None:
                labels[block] = memory.ints.reshape(-1, memory.stride)[plan.label, : block.stop - start]
        outputs = {name: np.ascontiguousarray(rows[:, at : at + width]) for name, (at, width) in plan.outputs.items()}
        return outputs if plan.label is None else {LABEL: self._classes[labels], **outputs}

    def _columns(self, inputs: Sequence[Array]) -> list[Array]:
        """What each raw slot takes."""
        codes: dict[int, Array] = {}
        numbers: dict[tuple[int, int], Array] = {}  # of whole texts: a step gives several columns
        columns = []
        for slot, recode in zip(self._plan.raw, self._recode, strict=True):
            array = inputs[slot.column]
            if slot.categories is not None:
                if slot.column not in codes:
                    codes[slot.column] = self._texts.checked(slot.column, array)
                array = codes[slot.column]
            elif slot.text is not None:
                step, place = slot.text
                if (slot.column, id(step)) not in numbers:
                    numbers[slot.column, id(step)] = step(array)
                array = numbers[slot.column, id(step)][:, place]
            columns.append(array if recode is None else recode.take(array))
        return columns


class _Number:
    """From a text to one column of what a step makes of it; looks like a dictionary that knows every text."""

    def __init__(self, step: Step, place: int) -> None:
        self._step, self._place = step, place

    def get(self, text: str, _: int) -> float:
        return float(self._step([text])[0, self._place])


def _reader(slot: RawSlot) -> Codes | _Number | None:
    """Where to get what a string becomes in a raw slot; None for what is a number already."""
    if slot.text is not None:
        return _Number(*slot.text)
    return None if slot.categories is None else Codes(slot.categories)


class _Memory:
    """Slots for `stride` rows: what one call of the kernel reads and writes."""

    def __init__(self, plan: Plan, stride: int) -> None:
        self._code, self._pool = plan.code, plan.pool
        self._is_float = [slot.is_float for slot in plan.raw]
        self.stride = stride
        self.raw = np.zeros(len(plan.raw) * stride, np.int64)
        self.floats = np.zeros(plan.floats * stride, np.float32)
        self.ints = np.zeros(plan.ints * stride, np.int32)
        self.row = np.zeros(plan.width, np.float32)

    def load(self, columns: Sequence[Array], rows: slice) -> None:
        """Copy rows of each raw slot's column."""
        ints = self.raw.reshape(-1, self.stride)
        floats = ints.view(np.float64)
        for slot, (column, is_float) in enumerate(zip(columns, self._is_float, strict=True)):
            target = floats if is_float else ints
            target[slot, : rows.stop - rows.start] = column[rows]

    def execute(self, rows: Array, n: int) -> None:
        """Evaluate the first n rows; `rows` takes their answers, one after the other."""
        execute(self._code, self._pool, self.raw, self.floats, self.ints, rows, (self.stride, n))


class _RowPath:
    """One row without an array made: values are packed into memory that is used again."""

    def __init__(self, plan: Plan, classes: Sequence[Any]) -> None:
        self._plan = plan
        self._sources = [(slot.column, _reader(slot)) for slot in plan.raw]
        self._pack = Struct("".join("d" if slot.is_float else "q" for slot in plan.raw)).pack_into
        self._classes = classes
        self._label = plan.label or 0
        self._is_sparse = STORE_ONE in plan.code[:, 0]
        first, width = plan.outputs.get(PROBABILITIES if classes else PREDICTION, (0, 0))
        self._unpack, self._at = Struct(f"{width}f").unpack_from, 4 * first
        self._free: list[_Memory] = []  # pop and append are atomic, so threads may share it

    def run_one(self, values: Sequence[Any]) -> tuple[Any, tuple[float, ...]]:
        """Answer and probabilities for one parsed value of each column."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = _Memory(self._plan, 1)
        row = [values[at] if codes is None else codes.get(values[at], CODE_UNSEEN) for at, codes in self._sources]
        self._pack(memory.raw.data, 0, *row)
        if self._is_sparse:
            memory.row.fill(0.0)
        memory.execute(memory.row, 1)
        numbers = self._unpack(memory.row.data, self._at)
        if self._classes:
            answer = self._classes[memory.ints[self._label]]
        else:
            answer = numbers if len(numbers) > 1 else numbers[0]
        self._free.append(memory)
        return answer, (numbers if self._classes else ())
