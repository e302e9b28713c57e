"""Evaluates a Program with kernels that numba compiles once a machine: fast for one row and for millions.

Strings become codes in Python dictionaries; all the rest is one call of `numba_kernels.execute` for a row, or for a
block of rows. Results equal those of the reference bit for bit. One thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.engines.numba_kernels import execute
from lean_automl_runtime.engines.numba_plan import Plan, compile_plan
from lean_automl_runtime.ir.ops import CODE_FIRST, CODE_MISSING, CODE_UNSEEN
from lean_automl_runtime.ir.program import LABEL, PREDICTION, PROBABILITIES

if TYPE_CHECKING:
    from lean_automl_runtime.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK_BYTES: Final = 2**18  # of slots: a block stays in a second-level cache
MOST_ROWS: Final = 512
FEWEST_ROWS: Final = 32


class NumbaEngine:
    """Evaluates one Program. Threads may share it."""

    name = "numba"

    def __init__(self, program: Program) -> None:
        self._plan = plan = compile_plan(program)
        self._codes = [None if slot.categories is None else _Codes(slot.categories) for slot in plan.raw]
        row_bytes = 8 * len(plan.raw) + 4 * (plan.floats + plan.ints)
        self._block = min(MOST_ROWS, max(FEWEST_ROWS, BLOCK_BYTES // row_bytes))
        classes = program.classes
        self._classes = np.array(classes, dtype=object if classes and isinstance(classes[0], str) else None)
        self.run_one = _RowPath(plan, self._codes, classes).run_one
        _Memory(plan, 1).execute(0)  # compiles, or loads from the cache, now and not for the first row

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for one typed array for each column (`ir.columns`), all of n rows."""
        n = inputs[0].shape[0]
        outputs = {name: self._empty(name, width, n) for name, (_, width) in self._plan.outputs.items()}
        columns = [
            inputs[slot.column] if codes is None else codes.of(inputs[slot.column])
            for slot, codes in zip(self._plan.raw, self._codes, strict=True)
        ]
        memory = _Memory(self._plan, max(1, min(n, self._block)))
        for start in range(0, n, self._block):
            rows = slice(start, min(n, start + self._block))
            memory.load(columns, rows)
            memory.execute(rows.stop - start)
            for name, array in outputs.items():
                array[rows] = self._answers(name, memory, rows.stop - start)
        return outputs

    def _empty(self, name: str, width: int, n: int) -> Array:
        return np.empty(n, self._classes.dtype) if name == LABEL else np.empty((n, width), np.float32)

    def _answers(self, name: str, memory: _Memory, n: int) -> Array:
        first, width = self._plan.outputs[name]
        if name == LABEL:
            return self._classes[memory.ints.reshape(-1, memory.stride)[first, :n]]
        return memory.floats.reshape(-1, memory.stride)[first : first + width, :n].T


class _Codes(dict[str, int]):
    """From categories to codes, the missing and the unseen included."""

    def __init__(self, categories: tuple[str, ...]) -> None:
        super().__init__({category: code for code, category in enumerate(categories, start=CODE_FIRST)})
        self[""] = CODE_MISSING

    def __missing__(self, text: str) -> int:
        return CODE_UNSEEN

    def of(self, texts: Array) -> Array:
        """Codes of a column."""
        return np.fromiter(map(self.__getitem__, texts.tolist()), dtype=np.int32, count=texts.shape[0])


class _Memory:
    """Slots for `stride` rows: what one call of the kernel reads and writes."""

    def __init__(self, plan: Plan, stride: int) -> None:
        self._code, self._pool = plan.code, plan.pool
        self.stride = stride
        self.raw = np.zeros(len(plan.raw) * stride, np.int64)
        self.floats = np.zeros(plan.floats * stride, np.float32)
        self.ints = np.zeros(plan.ints * stride, np.int32)

    def load(self, columns: Sequence[Array], rows: slice) -> None:
        """Copy rows of each raw slot's column."""
        ints = self.raw.reshape(-1, self.stride)
        floats = ints.view(np.float64)
        for slot, column in enumerate(columns):
            target = floats if column.dtype.kind == "f" else ints
            target[slot, : rows.stop - rows.start] = column[rows]

    def execute(self, n: int) -> None:
        """Evaluate the first n rows."""
        execute(self._code, self._pool, self.raw, self.floats, self.ints, self.stride, n)


class _RowPath:
    """One row without an array made: values are packed into memory that is used again."""

    def __init__(self, plan: Plan, codes: Sequence[_Codes | None], classes: Sequence[Any]) -> None:
        self._plan = plan
        self._sources = [(slot.column, own) for slot, own in zip(plan.raw, codes, strict=True)]
        self._pack = Struct("".join("d" if slot.is_float else "q" for slot in plan.raw)).pack_into
        self._classes = classes
        self._label = plan.outputs.get(LABEL, (0, 0))[0]
        first, width = plan.outputs.get(PROBABILITIES if classes else PREDICTION, (0, 0))
        self._unpack, self._at = Struct(f"{width}f").unpack_from, 4 * first
        self._free: list[_Memory] = []  # pop and append are atomic, so threads may share it

    def run_one(self, values: Sequence[Any]) -> tuple[Any, tuple[float, ...]]:
        """Answer and probabilities for one parsed value of each column."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = _Memory(self._plan, 1)
        row = [values[at] if codes is None else codes[values[at]] for at, codes in self._sources]
        self._pack(memory.raw.data, 0, *row)
        memory.execute(1)
        numbers = self._unpack(memory.floats.data, self._at)
        if self._classes:
            answer = self._classes[memory.ints[self._label]]
        else:
            answer = numbers if len(numbers) > 1 else numbers[0]
        self._free.append(memory)
        return answer, (numbers if self._classes else ())
