"""The float matrix that lowered trees read: as few columns as their tests need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.features import Categories, Coding, Intervals
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program, ProgramBuilder
    from numpy.typing import NDArray

ZERO: Final = np.float32(1e-35)  # LightGBM's: what is not farther from 0 counts as 0
FARTHEST_SCALE: Final = 2.0**930  # makes the least difference of two float64 numbers a float32 one
MOST_CELLS: Final = 2**24
MOST_BINS: Final = 2**16


@dataclass(frozen=True)
class _Raw:
    """A numeric raw column as it is."""

    column: str


@dataclass(frozen=True)
class _RangeIsNaN:
    """A numeric raw column, NaN from `low` to `high`, both float32 values."""

    column: str
    low: float
    high: float


@dataclass(frozen=True)
class _Wide:
    """A float64 raw column less a float64 threshold: its sign is that of the exact difference."""

    column: str
    threshold: float


@dataclass(frozen=True)
class _Table:
    """A value for each code."""

    coding: Coding
    values: tuple[float, ...]


_Carrier = _Raw | _RangeIsNaN | _Wide | _Table


class TreeInput:
    """Collects what tests read, then emits it."""

    def __init__(self) -> None:
        self._carriers: dict[_Carrier, int] = {}

    def raw(self, column: str) -> int:
        """Number of a raw column."""
        return self._number(_Raw(column))

    def zero_is_nan(self, column: str) -> int:
        """Number of a raw column that is NaN where LightGBM takes it for zero."""
        return self._number(_RangeIsNaN(column, float(-ZERO), float(ZERO)))

    def marker_is_nan(self, column: str, marker: float) -> int:
        """Number of a raw column that is NaN where it is `marker`, rounded to float32."""
        narrow = float(np.float32(marker))
        return self._number(_RangeIsNaN(column, narrow, narrow))

    def wide(self, column: str, threshold: float) -> int:
        """Number of what is at most 0 where a float64 raw column is at most `threshold`."""
        return self._number(_Wide(column, threshold))

    def table(self, coding: Coding, values: NDArray[np.float64]) -> int:
        """Number of a column with a value for each code."""
        return self._number(_Table(coding, tuple(values.tolist())))

    def _number(self, carrier: _Carrier) -> int:
        return self._carriers.setdefault(carrier, len(self._carriers))

    def emit(self, builder: ProgramBuilder) -> tuple[int, NDArray[np.int32]]:
        """Value number of the matrix, and the position in it of each number."""
        if not self._carriers:
            self._any(builder)
        single = [c for c in self._carriers if not isinstance(c, _Table)]
        parts = [_emit_single(carrier, builder) for carrier in single]
        position: dict[_Carrier, int] = {carrier: at for at, carrier in enumerate(single)}
        for tables in self._by_coding():
            coding, matrix = _merge(tables)
            code = emit_code(coding, builder)
            parts.append(builder.add(o.Lookup((code,), matrix.astype(np.float32))))
            for table in tables:
                position[table] = len(position)
        joined = parts[0] if len(parts) == 1 else builder.add(o.Concat(tuple(parts)))
        return joined, np.array([position[carrier] for carrier in self._carriers], dtype=np.int32)

    def _by_coding(self) -> list[list[_Table]]:
        """Tables that can be looked up at once: of one category coding, or of one numeric column."""
        groups: dict[object, list[_Table]] = {}
        for carrier in self._carriers:
            if isinstance(carrier, _Table):
                own = carrier.coding.column if isinstance(carrier.coding, Intervals) else carrier.coding
                groups.setdefault(own, []).append(carrier)
        return list(groups.values())

    def _any(self, builder: ProgramBuilder) -> None:
        """Trees without a test still read something."""
        column = builder.columns[0]
        if column.dtype == "string":
            self.table(Categories(column.name, ()), np.zeros(o.CODE_FIRST))
        else:
            self.table(Intervals(column.name, ()), np.zeros(2))


def _emit_single(carrier: _Raw | _RangeIsNaN | _Wide, builder: ProgramBuilder) -> int:
    if isinstance(carrier, _Wide):
        # A large factor keeps differences that float32 would round to zero; a sign survives overflow.
        return builder.add(o.Rescale((builder.column(carrier.column),), carrier.threshold, FARTHEST_SCALE))
    raw = emit_number(carrier.column, builder)
    if isinstance(carrier, _Raw):
        return raw
    edges = np.array([np.nextafter(np.float32(carrier.low), np.float32(-np.inf)), carrier.high], dtype=np.float32)
    zone = builder.add(o.Bin((raw,), edges, np.array([0, 2], dtype=np.int32), np.array([1], dtype=np.int32)))
    add = builder.add(o.Lookup((zone,), np.array([[0.0], [np.nan], [0.0]], dtype=np.float32)))
    return builder.add(o.Arithmetic((raw, add), o.ArithmeticKind.ADD))


def emit_number(column: str, builder: ProgramBuilder) -> int:
    """Value number of a numeric raw column as float32."""
    number = builder.column(column)
    if builder.columns[number].dtype == "float64":
        return builder.add(o.Rescale((number,), 0.0, 1.0))
    return number


def emit_code(coding: Coding, builder: ProgramBuilder) -> int:
    """Value number of a code."""
    if isinstance(coding, Categories):
        return builder.add(o.Encode((builder.column(coding.column),), coding.categories))
    count = len(coding.edges)
    if count + 2 > MOST_BINS:
        raise UnsupportedOpError(f"column {coding.column!r} is cut at {count:,} values, more than a Program holds")
    edges = np.array(coding.edges, dtype=np.float32)
    offsets, nan_bin = np.array([0, count], dtype=np.int32), np.array([count + 1], dtype=np.int32)
    return builder.add(o.Bin((emit_number(coding.column, builder),), edges, offsets, nan_bin))


def _merge(tables: Sequence[_Table]) -> tuple[Coding, NDArray[np.float64]]:
    """One coding for all tables, with no more intervals than they tell apart, and a column for each table."""
    first = tables[0].coding
    cells = len(tables) * max(table.coding.levels for table in tables)
    if cells > MOST_CELLS:
        raise UnsupportedOpError(
            f"column {first.column!r}: {len(tables):,} distinct sets of its categories are tested, too many to "
            "tabulate. Encode the column before training, by target statistics for example, or train fewer trees."
        )
    if isinstance(first, Categories):
        return first, np.array([table.values for table in tables]).T
    codings = [table.coding for table in tables if isinstance(table.coding, Intervals)]
    edges = np.unique(np.concatenate([np.array(c.edges, dtype=np.float64) for c in codings]))
    rows = np.column_stack(
        [_spread(np.array(c.edges), np.array(t.values), edges) for c, t in zip(codings, tables, strict=True)]
    )
    same = np.array([_equal(rows[i], rows[i + 1]) for i in range(edges.size)], dtype=bool)
    coding = Intervals(first.column, tuple(edges[~same].tolist()), any(c.boolean for c in codings))
    return coding, rows[np.concatenate([[True], ~same, [True]])]


def _equal(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))


def _spread(own: NDArray[np.float64], values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """A table over the intervals of `own`, repeated over those of `edges`, which has all of them."""
    code = np.append(np.searchsorted(own, edges, side="left"), own.size)
    return np.append(values[code], values[-1])


def columns_read(program: Program) -> set[str]:
    """Names of the raw columns that a Program reads."""
    used = {number for op in program.ops for number in op.inputs}
    return {column.name for number, column in enumerate(program.columns) if number in used}
