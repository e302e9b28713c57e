"""Calendar fields in int64 nodes; the same arithmetic as `lean_automl_runtime.dates`.

ONNX divides towards zero. Where a dividend may be negative, what `Mod` leaves (which takes the divisor's sign) is taken
off first, or, for times near the ends of int64, the quotient is corrected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.dates import DAY_SECONDS, EPOCH_FROM_ERA, ERA_DAYS
from lean_automl_runtime.ir.columns import MISSING_TIME
from lean_automl_runtime.ir.ops import DateField

from lean_automl_exporters.onnx.storage import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array

MARCH_FIRST_DAYS: Final = np.array([0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337])


def date_parts(graph: Graph, parts: Sequence[DateField], seconds: str) -> str:
    """Fields of one column side by side, as float32; NaN where the time is missing."""
    calendar = _Calendar(graph, seconds)
    value = graph.cast(graph.concat(tuple(calendar.field(part) for part in parts)), "float32")
    missing = graph.node("Equal", seconds, graph.scalar(MISSING_TIME, "int64"))
    return graph.node("Where", missing, graph.scalar(np.nan, "float32"), value)


class _Calendar:
    """Fields of one column; the graph shares what they have in common."""

    def __init__(self, graph: Graph, seconds: str) -> None:
        self._graph = graph
        self._seconds = seconds

    def field(self, part: DateField) -> str:
        if part in (DateField.YEAR, DateField.MONTH, DateField.DAY, DateField.DAY_OF_YEAR):
            return self._civil(part)
        if part is DateField.DAYS:
            return self._days()
        if part is DateField.WEEKDAY:  # 1970-01-01 was a Thursday
            return self._by("Mod", self._by("Add", self._days(), 3), 7)
        in_day = self._by("Mod", self._seconds, DAY_SECONDS)
        if part is DateField.SECONDS_OF_DAY:
            return in_day
        if part is DateField.HOUR:
            return self._by("Div", in_day, 3600)
        if part is DateField.MINUTE:
            return self._by("Mod", self._by("Div", in_day, 60), 60)
        return self._by("Mod", in_day, 60)

    def _by(self, op_type: str, name: str, number: int) -> str:
        return self._graph.node(op_type, name, self._graph.scalar(number, "int64"))

    def _days(self) -> str:
        """Floor of seconds / 86,400, without a step that can leave int64."""
        quotient = self._by("Div", self._seconds, DAY_SECONDS)
        above = self._graph.node("Less", self._seconds, self._by("Mul", quotient, DAY_SECONDS))
        return self._graph.node("Sub", quotient, self._graph.cast(above, "int64"))

    def _civil(self, part: DateField) -> str:
        graph, by = self._graph, self._by
        shifted = by("Add", self._days(), EPOCH_FROM_ERA)
        of_era = by("Mod", shifted, ERA_DAYS)
        year, of_year = self._year_of_era(of_era)
        if part is DateField.MONTH:
            return self._table(_months(), of_year)
        if part is DateField.DAY:
            return self._table(_days_of_month(), of_year)
        late = graph.cast(graph.node("Less", graph.scalar(305, "int64"), of_year), "int64")  # January, February
        if part is DateField.DAY_OF_YEAR:
            # 1 March is day 60, or 61 in a leap year; 1 January is the 306th day from there.
            this_year = graph.node("Sub", by("Add", of_year, 60), by("Mul", late, 365))
            leap = self._table(_leap_years(), year)
            return graph.node("Add", this_year, graph.node("Mul", leap, by("Sub", graph.node("Neg", late), -1)))
        era = by("Div", graph.node("Sub", shifted, of_era), ERA_DAYS)
        return graph.node("Add", graph.node("Add", year, by("Mul", era, 400)), late)

    def _year_of_era(self, of_era: str) -> tuple[str, str]:
        """Year 0..399 that begins in March, and the day 0..365 in it."""
        graph, by = self._graph, self._by
        days = graph.node("Sub", of_era, by("Div", of_era, 1460))
        days = graph.node("Add", days, by("Div", of_era, 36_524))
        year = by("Div", graph.node("Sub", days, by("Div", of_era, 146_096)), 365)
        before = graph.node("Add", by("Mul", year, 365), by("Div", year, 4))
        before = graph.node("Sub", before, by("Div", year, 100))
        return year, graph.node("Sub", of_era, before)

    def _table(self, values: Array, name: str) -> str:
        return self._graph.node("Gather", stored(self._graph, values), name)


def _march_month() -> Array:
    month: Array = np.searchsorted(MARCH_FIRST_DAYS, np.arange(366), side="right") - 1
    return month


def _months() -> Array:
    months: Array = (_march_month() + 2) % 12 + 1
    return months


def _days_of_month() -> Array:
    days: Array = np.arange(366) - MARCH_FIRST_DAYS[_march_month()] + 1
    return days


def _leap_years() -> Array:
    year = np.arange(400)
    leap: Array = ((year % 4 == 0) & ((year % 100 != 0) | (year == 0))).astype(np.int64)
    return leap
