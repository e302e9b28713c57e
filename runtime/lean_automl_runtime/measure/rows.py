"""Records as JSON lines, the form in which they reach the measuring process: data only, never pickled objects.

A missing value is null, a date or time is ISO text, a duration its seconds; NumPy and pandas scalars become plain ones.
"""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from lean_automl_runtime.errors import DataError
from lean_automl_runtime.records import absent
from lean_automl_runtime.values import is_missing

FEWEST_ROWS: Final = 1000
SEED: Final = 7
Item = TypeVar("Item")


def to_lines(records: Iterable[Mapping[str, Any]], most: int | None = None) -> list[str]:
    """One JSON object for each record.

    Args:
        records: Rows.
        most: Records that are wanted; more are thinned out evenly.

    Raises:
        DataError: A record is not a mapping, or holds a value that is not data; names row and column.
    """
    if isinstance(records, Parsed):
        return records.lines if most is None else thin(records.lines, most)
    lines = []
    rows = list(enumerate(records))
    for row, record in rows if most is None else thin(rows, most):
        if not isinstance(record, Mapping):
            raise DataError(f"row {row}: a record is a mapping from column names to values, not {_kind(record)}")
        plain = {str(name): _plain(value, row, name) for name, value in record.items()}
        lines.append(json.dumps(plain, ensure_ascii=True))
    return lines


def _plain(value: Any, row: int, name: object) -> Any:
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return value
    if kind is float:
        return value if value == value else None  # noqa: PLR0124 - NaN
    if is_missing(value):
        return None
    if isinstance(value, np.floating):
        return float(str(value))  # float32(0.1) reads as 0.1, not as 0.10000000149
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "s"))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value / datetime.timedelta(seconds=1)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float | str | int):
        return value
    raise DataError(f"row {row}, column {name!r}: {_kind(value)} is not a value that a record can hold")


def _kind(value: object) -> str:
    return type(value).__name__


def from_lines(text: str, source: str = "rows") -> list[dict[str, Any]]:
    """The records of JSON lines; empty lines are skipped.

    Raises:
        DataError: A line is not a JSON object; says which.
    """
    records = []
    for number, line in enumerate(text.split("\n"), start=1):  # texts may hold other ends of lines
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{source}, line {number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise DataError(f"{source}, line {number}: a record is a JSON object, not {_kind(record)}")
        records.append(record)
    return records


class Parsed(list[dict[str, Any]]):
    """Records that were parsed from JSON lines, and these, which need not be made again; pickled as a plain list.

    Attributes:
        lines: One for each record.
    """

    def __init__(self, lines: list[str]) -> None:
        super().__init__(map(json.loads, lines))
        self.lines = lines

    def __reduce__(self) -> tuple[Any, ...]:
        """A plain list."""
        return list, (list(self),)


def parsed(records: Iterable[Mapping[str, Any]], copies: int = 1) -> Parsed:
    """Records as a service has them, each parsed from JSON by itself.

    Names are other objects then than those that a model knows, in each record, and values lie beside them: looking one
    up takes longer than in records that share their names.

    Args:
        records: Of any kind.
        copies: Of all of them, one after the other, each in memory of its own.

    Raises:
        DataError: A record is not a mapping, or holds a value that is not data.
    """
    return Parsed(to_lines(records) * copies)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The records of a JSON-lines file.

    Raises:
        DataError: The file cannot be read, or a line is not a JSON object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from error
    return from_lines(text, str(path))


def thin(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of the items, evenly spread over all."""
    if len(items) <= most:
        return list(items)
    return [items[position * len(items) // most] for position in range(most)]


def rotation(items: Sequence[Any], fewest: int = FEWEST_ROWS) -> list[Any]:
    """The items in a fixed random order (sorted rows flatter the branch predictor), repeated up to `fewest`."""
    order = list(items)
    random.Random(SEED).shuffle(order)
    return order * max(1, -(-fewest // max(1, len(order))))


def as_table(records: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Records as a mapping from column names to arrays: numbers as floats, the rest as objects.

    Raises:
        SchemaError: A record lacks a column that the first one has.
    """
    table = {}
    for name in records[0]:
        for record in records:
            if name not in record:
                raise absent(name, record)
        values = [record[name] for record in records]
        if all(value is None or type(value) in (int, float) for value in values):
            table[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        else:
            table[name] = np.empty(len(values), dtype=object)
            table[name][:] = values
    return table
