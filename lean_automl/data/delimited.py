"""CSV and its relatives into columns of text.

* The delimiter is the one of comma, semicolon, tab and bar that cuts the first lines most evenly into two or more
  fields. Quotes are double quotes, doubled inside. White space after delimiters is dropped if nearly all have it.
* Every value stays the text that it was, so '007' stays '007'; what a column means is decided later, by the same rules
  as for any column of text. Only the markers below mean missing, and only where they are not quoted.
* A decimal comma is read as such if the delimiter is not the comma, no number of the file has a point, and a column
  shows it beyond doubt: all its values are numbers, and one has a comma that is not followed by three digits.
* Each line must have as many fields as the first.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from lean_automl.data.notes import Note, NoteCode, count_of
from lean_automl.errors import DataError

MISSING_MARKERS: Final = (
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "#NA",
    "<NA>",
    "NaN",
    "nan",
    "-nan",
    "-NaN",
    "NaT",
    "null",
    "NULL",
    "Null",
    "None",
    "?",
    "\\N",
)
_DELIMITERS: Final = (",", ";", "\t", "|")
_NAMES: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_SAMPLE_CHARACTERS: Final = 1 << 18
_SAMPLE_ROWS: Final = 200
_BLOCK: Final = 1 << 20
_MAX_BLOCK: Final = 1 << 30
_COMMA_NUMBER: Final = r"^\s*[+-]?\d+(,\d+)?\s*$"
_SURE_COMMA: Final = r"^\s*[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+)\s*$"
_POINT_NUMBER: Final = r"^\s*[+-]?\d*\.\d+\s*$"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file separates its fields."""

    delimiter: str
    spaced: bool


def read_delimited(text: str, where: str, *, prefer_tab: bool = False) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Read delimited text whose first line holds the column names.

    Raises:
        DataError: The lines do not form a table.
    """
    dialect = sniff(text, prefer_tab=prefer_tab)
    if dialect.spaced:
        text, dialect = _without_spaces(text, dialect), Dialect(dialect.delimiter, spaced=False)
    names, body = _split_header(text, dialect, where)
    if not body.strip("\r\n"):
        return pd.DataFrame([], columns=names), ()
    _refuse_open_quote(body, dialect, where)
    table = _parse(body, dialect, len(names), where)
    notes: tuple[Note, ...] = ()
    if dialect.delimiter != ",":
        table, notes = _read_decimal_commas(table)
    frame: pd.DataFrame = table.to_pandas()
    return frame.set_axis(names, axis="columns"), notes


def sniff(text: str, *, prefer_tab: bool = False) -> Dialect:
    """Find the delimiter of a text and whether white space follows it."""
    order = ("\t", ",", ";", "|") if prefer_tab else _DELIMITERS
    best, best_score = order[0], (0.0, 0)
    for delimiter in order:
        rows = _sample(text, delimiter)
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        if score > best_score:
            best, best_score = delimiter, score
    fields = [field for row in _sample(text, best) for field in row[1:]]
    spaced = sum(field.startswith(" ") for field in fields)
    return Dialect(best, bool(fields) and spaced >= 0.9 * len(fields))


def _sample(text: str, delimiter: str) -> list[list[str]]:
    end = min(len(text), _SAMPLE_CHARACTERS)
    if end < len(text):
        third_line = text.find("\n", text.find("\n") + 1)
        end = max(text.rfind("\n", 0, end), third_line) + 1 or len(text)
    lines = io.StringIO(text[:end].lstrip("\r\n"), newline="")
    try:
        return [row for row in islice(csv.reader(lines, delimiter=delimiter), _SAMPLE_ROWS) if row]
    except csv.Error:
        return []


def _without_spaces(text: str, dialect: Dialect) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator="\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, skipinitialspace=True)
    writer.writerows([field.strip() for field in row] for row in reader)
    return out.getvalue()


def _split_header(text: str, dialect: Dialect, where: str) -> tuple[list[str], str]:
    lines = io.StringIO(text.lstrip("\r\n"), newline="")
    try:
        names = next(csv.reader(lines, delimiter=dialect.delimiter))
    except (csv.Error, StopIteration) as error:
        raise DataError(f"{where}: the first line is not a line of column names: {error}.") from error
    return names, lines.read()


def _refuse_open_quote(body: str, dialect: Dialect, where: str) -> None:
    """Refuse a quote that is never closed: it would swallow all lines to the end without any other sign."""
    if body.count('"') % 2 == 0:
        return
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=dialect.delimiter, strict=True)
    start = 2
    try:
        for _ in reader:
            start = reader.line_num + 2
    except csv.Error as error:
        if "unexpected end" in str(error) or "field limit" in str(error):
            raise DataError(f"{where}: line {start} opens a quote that is never closed. Close or double it.") from error


def _parse(body: str, dialect: Dialect, width: int, where: str) -> Any:
    content = body.encode("utf-8")
    try:
        try:
            return _read_arrow(content, dialect, width, _BLOCK)
        except pa.ArrowInvalid as error:
            if "block" not in str(error):
                raise
        return _read_arrow(content, dialect, width, _MAX_BLOCK)  # a row is longer than a block
    except pa.ArrowInvalid as error:
        raise _ragged(body, dialect, width, where, str(error)) from error


def _read_arrow(content: bytes, dialect: Dialect, width: int, block_size: int) -> Any:
    names = [f"c{position}" for position in range(width)]
    return arrow_csv.read_csv(
        pa.BufferReader(content),
        arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=block_size),
        arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            null_values=list(MISSING_MARKERS),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _ragged(body: str, dialect: Dialect, width: int, where: str, reason: str) -> DataError:
    """Say which line has the wrong number of fields; the first line of `body` is line 2 of the file."""
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=dialect.delimiter)
    start = 2
    try:
        for row in reader:
            if row and len(row) != width:
                return DataError(
                    f"{where}: line {start} has {count_of(len(row), 'field')} and the first line has {width}. "
                    f"Correct the line, or put quotes around values that hold {_NAMES[dialect.delimiter]}."
                )
            start = reader.line_num + 2
    except csv.Error as error:
        reason = str(error)
    text = " ".join(reason.split())[:200]
    return DataError(f"{where}: the lines do not form a table: {text}. Check quotes and delimiters.")


def _read_decimal_commas(table: Any) -> tuple[Any, tuple[Note, ...]]:
    candidates, sure = [], False
    for position, column in enumerate(table.columns):
        if _any(pc.match_substring_regex(column, _POINT_NUMBER)) and _all_numbers(column):
            return table, ()
        if _any(pc.match_substring(column, ",")) and _all(pc.match_substring_regex(column, _COMMA_NUMBER)):
            candidates.append(position)
            sure = sure or _any(pc.match_substring_regex(column, _SURE_COMMA))
    if not sure:
        return table, ()
    for position in candidates:
        pointed = pc.replace_substring(table.column(position), ",", ".")
        table = table.set_column(position, table.column_names[position], pointed)
    found = f"{count_of(len(candidates), 'column')} of numbers with a decimal comma"
    return table, (Note(NoteCode.DECIMAL_COMMA, None, found, "read as numbers"),)


def _all_numbers(column: Any) -> bool:
    try:
        pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _any(mask: Any) -> bool:
    return bool(pc.any(mask).as_py())


def _all(mask: Any) -> bool:
    return bool(pc.all(mask).as_py())
