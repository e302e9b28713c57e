"""A flat plan in the making: lines, slots and the pool of constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.ir.types import DType, ValueType

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from lean_automl_runtime.ir.columns import Column
    from lean_automl_runtime.reference import Step

Array = np.ndarray[Any, np.dtype[Any]]
Slots = list[int]


@dataclass(frozen=True)
class RawSlot:
    """Eight bytes that the caller fills for each row.

    Attributes:
        column: Number of the column that it takes its values from.
        categories: Those that a string is encoded by; None for a number, a time, or a text that is read whole.
        is_float: Whether it holds a float64; else an int64.
        text: What reads a whole text, and which column of its result this is.
    """

    column: int
    categories: tuple[str, ...] | None
    is_float: bool
    text: tuple[Step, int] | None = None


class Pool:
    """Constants of all types in one array, each aligned to eight bytes; equal ones once."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._known: dict[bytes, int] = {}

    def put(self, values: Any, dtype: DTypeLike) -> int:
        """Store values and return the index of the first one, in elements of `dtype`."""
        array = np.ascontiguousarray(values, dtype=dtype)
        raw = array.tobytes()
        if raw not in self._known:
            self._data.extend(b"\0" * (-len(self._data) % 8))
            self._known[raw] = len(self._data)
            self._data.extend(raw)
        return self._known[raw] // array.itemsize

    def array(self) -> Array:
        """The pool as int32, its length a multiple of eight bytes and not zero."""
        return np.frombuffer(bytes(self._data) + b"\0" * (8 + -len(self._data) % 8), dtype=np.int32).copy()


class Draft:
    """A plan in the making.

    Attributes:
        lines: Instructions so far.
        pool: Constants so far.
        raw: What the caller fills, in order, with its number.
        floats: Number of float slots.
        ints: Number of integer slots.
    """

    def __init__(self) -> None:
        self.lines: list[list[int]] = []
        self.pool = Pool()
        self.raw: dict[RawSlot, int] = {}
        self.floats = 0
        self.ints = 0

    def line(self, operation: int, to: int, source: int, *rest: int) -> None:
        """Add an instruction."""
        self.lines.append([operation, to, source, *rest] + [0] * (k.LINE - 3 - len(rest)))

    def descriptor(self, fields: dict[int, int]) -> int:
        """Store a model's fields and return their place in the pool."""
        return self.pool.put([fields.get(field, 0) for field in range(k.FIELDS)], np.int32)

    def column(self, number: int, column: Column) -> Slots:
        """Slots of a raw column: one of floats for a float32, for others the column's number, for their first op."""
        if column.dtype != "float32":
            return [number]
        to = self.new_floats(1)
        self.line(k.NUMBER, to[0], self.new_raw(RawSlot(number, None, is_float=True)))
        return to

    def new_raw(self, slot: RawSlot) -> int:
        """Number of a raw slot; equal ones are one."""
        return self.raw.setdefault(slot, len(self.raw))

    def new(self, kind: ValueType) -> Slots:
        """Slots for a value."""
        if kind.dtype is DType.FLOAT32:
            return self.new_floats(kind.width)
        return self.new_ints(kind.width)

    def new_floats(self, count: int) -> Slots:
        self.floats += count
        return list(range(self.floats - count, self.floats))

    def new_ints(self, count: int) -> Slots:
        self.ints += count
        return list(range(self.ints - count, self.ints))
