"""What a column means, found from its values.

| values                                                                  | kind                           |
|-------------------------------------------------------------------------|--------------------------------|
| booleans; text that is only 'true' and 'false', in any case              | boolean                        |
| integers, floats, decimals, durations (seconds)                          | numeric                        |
| pandas 'category', whatever its categories (booleans: boolean)           | categorical                    |
| dates and times; text of which 95 % are dates                            | datetime                       |
| text of which 95 % are numbers, or half and at most 3 other distinct     | numeric, the others missing    |
|   texts (such as '-' and 'unknown') beside 20 or more distinct numbers   |                                |
| text of which 1 % or more are whole numbers with leading zeros ('007')   | categorical                    |
| text: 50 or more distinct values, at least half of the values distinct,  | text                           |
|   2.5 or more words and 12 or more characters on average                 |                                |
| other text, also numbers with separators or units ('1,234', '45 %')      | categorical                    |
| mixed types, 95 % of them numbers, or half and at most 3 others beside   | numeric, the others missing    |
|   20 or more distinct numbers                                            |                                |
| other mixed types                                                       | categorical                    |

Shares are of the values that are not missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from lean_automl_runtime.ir.columns import ColumnKind
from lean_automl_runtime.values import category_text, datetime_value, numeric_value

from lean_automl.data.convert import arrow_text, is_text
from lean_automl.data.notes import Note, NoteCode, count_of, shown

if TYPE_CHECKING:
    Series: TypeAlias = pd.Series[Any]

READABLE_SHARE: Final = 0.95
CODE_SHARE: Final = 0.01
MAX_MISSING_TOKENS: Final = 3
MIN_NUMBERS_BESIDE_TOKENS: Final = 20
MIN_TEXT_DISTINCT: Final = 50
MIN_TEXT_WORDS: Final = 2.5
MIN_TEXT_LENGTH: Final = 12
_PROBE: Final = 200
_LEADING_ZERO: Final = r"^\s*[+-]?0\d+\s*$"
_FORMATTED: Final = re.compile(r"\s*[-+(]?\s*[$€£]?\s*\d{1,3}(?:[,. \u00a0']\d{3})*(?:[.,]\d+)?\s*[%€)]?\s*", re.ASCII)
_DAY_OR_MONTH_FIRST: Final = re.compile(r"\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{4}\b.*", re.ASCII)
_NUMBERS: Final = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "timedelta", "timedelta64"})
_TIMES: Final = frozenset({"datetime", "datetime64", "date"})


@dataclass(frozen=True, slots=True)
class Guess:
    """A column's kind as its values suggest it; None if no kind can hold them."""

    kind: ColumnKind | None
    notes: tuple[Note, ...] = ()


def guess_kind(series: Series) -> Guess:
    """Find the kind of a column that has at least one value."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        boolean = pd.api.types.is_bool_dtype(dtype.categories.dtype)
        return Guess(ColumnKind.BOOLEAN if boolean else ColumnKind.CATEGORICAL)
    if pd.api.types.is_bool_dtype(dtype):
        return Guess(ColumnKind.BOOLEAN)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Guess(ColumnKind.DATETIME)
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return Guess(None if pd.api.types.is_complex_dtype(dtype) else ColumnKind.NUMERIC)
    if is_text(series):
        return _guess_text(series)
    return _guess_objects(series)


def _guess_objects(series: Series) -> Guess:
    content = pd.api.types.infer_dtype(series, skipna=True)
    if content == "boolean":
        return Guess(ColumnKind.BOOLEAN)
    if content in _NUMBERS:
        return Guess(ColumnKind.NUMERIC)
    if content in _TIMES:
        return Guess(ColumnKind.DATETIME)
    values = series.dropna().tolist()
    numbers, distinct, others = 0, set[float](), set[str]()
    for value in values:
        try:
            text = category_text(value)
        except ValueError as error:
            note = Note(NoteCode.NESTED, str(series.name), f"holds nested values: {error}", "dropped")
            return Guess(None, (note,))
        try:
            distinct.add(numeric_value(value))
            numbers += 1
        except ValueError:
            others.add(text)
    found = f"mixed types, {1 - numbers / len(values):.1%} of {count_of(len(values), 'value')} are not numbers"
    if _are_numbers(numbers / len(values), len(distinct), len(others)):
        done = "read as numeric, the others as missing"
        return Guess(ColumnKind.NUMERIC, (Note(NoteCode.MIXED_TYPES, str(series.name), found, done),))
    note = Note(NoteCode.MIXED_TYPES, str(series.name), found, "read as categorical")
    return Guess(ColumnKind.CATEGORICAL, (note,) if content.startswith("mixed") else ())


def _guess_text(series: Series) -> Guess:
    name = str(series.name)
    text = arrow_text(series)
    total = len(text) - text.null_count
    leading_zeros = _count_leading_zeros(text)
    if leading_zeros >= CODE_SHARE * total and leading_zeros:
        note = Note(
            NoteCode.LEADING_ZEROS,
            name,
            f"{count_of(leading_zeros, 'value')} are whole numbers with leading zeros, as codes have",
            "read as categorical; declare it numeric if these are amounts",
        )
        return Guess(ColumnKind.CATEGORICAL, (note,))
    if _all_numbers(text):
        return Guess(ColumnKind.NUMERIC)
    counts = pc.value_counts(text.drop_null())
    values: list[str] = counts.field("values").to_pylist()
    weights: npt.NDArray[np.int64] = counts.field("counts").to_numpy(zero_copy_only=False)
    if {value.strip().lower() for value in values[:6]} <= {"true", "false"} and len(values) <= 6:
        return Guess(ColumnKind.BOOLEAN)
    numbers = _guess_numbers(name, values, weights)
    if (numbers is None or numbers.kind is ColumnKind.CATEGORICAL) and _are_formatted(values, weights):
        found = f"holds numbers with separators or units, such as {_some(values)}"
        note = Note(NoteCode.FORMATTED_NUMBERS, name, found, "read as categorical; write numbers plainly, as 1234.5")
        return Guess(ColumnKind.CATEGORICAL, (note,))
    return numbers or _guess_times(name, values, weights) or _guess_words(values, total)


def _count_leading_zeros(text: Any) -> int:
    return int(pc.sum(pc.match_substring_regex(text, _LEADING_ZERO)).as_py() or 0)


def _all_numbers(text: Any) -> bool:
    try:
        pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _guess_numbers(name: str, values: Sequence[str], weights: npt.NDArray[np.int64]) -> Guess | None:
    probe = [_reads(numeric_value, value) for value in values[:_PROBE]]
    if not any(probe):
        return None
    readable = np.array([_reads(numeric_value, value) for value in values])
    share = weights[readable].sum() / weights.sum()
    others = [value for value, reads in zip(values, readable, strict=True) if not reads]
    if _are_numbers(float(share), int(readable.sum()), len(others)):
        if not others:
            return Guess(ColumnKind.NUMERIC)
        found = f"{1 - share:.1%} of the values are not numbers: {_some(others)}"
        note = Note(NoteCode.MIXED_TYPES, name, found, "read as numeric, these as missing")
        return Guess(ColumnKind.NUMERIC, (note,))
    if share >= 0.05:
        found = f"{1 - share:.1%} of the values are not numbers, such as {_some(others)}"
        note = Note(NoteCode.MIXED_TYPES, name, found, "read as categorical")
        return Guess(ColumnKind.CATEGORICAL, (note,))
    return None


def _are_numbers(share: float, distinct: int, others: int) -> bool:
    """Whether the values that are no numbers mean that there is none.

    Args:
        share: Of the values that are numbers.
        distinct: How many different ones.
        others: Different values that are no numbers.
    """
    few_tokens = others <= MAX_MISSING_TOKENS and distinct >= MIN_NUMBERS_BESIDE_TOKENS
    return share >= READABLE_SHARE or (share >= 0.5 and few_tokens)


def _are_formatted(values: Sequence[str], weights: npt.NDArray[np.int64]) -> bool:
    if not any(_FORMATTED.fullmatch(value) for value in values[:_PROBE]):
        return False
    formatted = np.array([_FORMATTED.fullmatch(value) is not None for value in values])
    return bool(weights[formatted].sum() >= READABLE_SHARE * weights.sum())


def _guess_times(name: str, values: Sequence[str], weights: npt.NDArray[np.int64]) -> Guess | None:
    probe = values[:_PROBE]
    dated = sum(1 for value in probe if _DAY_OR_MONTH_FIRST.fullmatch(value) or _reads(datetime_value, value))
    if dated < 0.5 * len(probe):
        return None
    readable = np.array([_reads(datetime_value, value) for value in values])
    share = weights[readable].sum() / weights.sum()
    ordered = [value for value in probe if _DAY_OR_MONTH_FIRST.fullmatch(value)]
    if share < READABLE_SHARE:
        found = f"looks like dates, such as {_some(probe)}, but {1 - share:.1%} are in no known form"
        done = "read as categorical; write dates as 2024-03-31 (a/b/year is read as month/day/year)"
        return Guess(ColumnKind.CATEGORICAL, (Note(NoteCode.DATE_ORDER, name, found, done),))
    if not ordered:
        return Guess(ColumnKind.DATETIME)
    order = "month/day/year" if "/" in ordered[0] else "day, month, year"
    note = Note(NoteCode.DATE_ORDER, name, f"holds dates such as {ordered[0]!r}", f"read as {order}")
    return Guess(ColumnKind.DATETIME, (note,))


def _guess_words(values: Sequence[str], total: int) -> Guess:
    if len(values) < MIN_TEXT_DISTINCT or len(values) < 0.5 * total:
        return Guess(ColumnKind.CATEGORICAL)
    sample = values[:: max(1, len(values) // 2_000)]
    words = sum(len(value.split()) for value in sample) / len(sample)
    length = sum(map(len, sample)) / len(sample)
    is_prose = words >= MIN_TEXT_WORDS and length >= MIN_TEXT_LENGTH
    return Guess(ColumnKind.TEXT if is_prose else ColumnKind.CATEGORICAL)


def _reads(reader: Any, value: object) -> bool:
    try:
        reader(value)
    except ValueError:
        return False
    return True


def _some(values: Sequence[str]) -> str:
    return ", ".join(shown(value) for value in values[:3]) + (", ..." if len(values) > 3 else "")
