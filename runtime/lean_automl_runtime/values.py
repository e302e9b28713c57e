"""How one raw value of a caller is read: the definition that trainer and runtime share.

Each reader takes any Python, NumPy or pandas scalar, returns the missing marker of its kind for a missing value
(None, NaN, NaT, NA, the empty string), and raises `ValueError` for a value that has no meaning as that kind.

* numeric: numbers and booleans; text that Python's `float` reads, in ASCII and without underscores; durations, as
  seconds. White space around text is ignored. Infinities stay.
* boolean: booleans, 0 and 1, and the words of `BOOLEAN_WORDS` in any case.
* categorical and text: `category_text`. A number reads the same whatever holds it: 12, 12.0 and float32(12) are '12'.
* datetime: dates and times (no zone means UTC), whole seconds since 1970, and text in one of these forms, each with
  an optional time and, for a time, an optional AM/PM and an optional zone:

  | text                       | read as          |
  |----------------------------|------------------|
  | 2024-03-31, 2024/03/31     | year month day   |
  | 3/31/2024                  | month day year   |
  | 31.3.2024, 31-3-2024       | day month year   |

  The separator alone decides the order, never the other values, so that a single row reads the same as a whole table.
  Fractions of a second are dropped, towards the past.
"""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Final

import numpy as np

from lean_automl_runtime.ir.columns import MISSING_TIME

BOOLEAN_WORDS: Final[dict[str, float]] = {
    "true": 1.0,
    "false": 0.0,
    "yes": 1.0,
    "no": 0.0,
    "t": 1.0,
    "f": 0.0,
    "y": 1.0,
    "n": 0.0,
    "1": 1.0,
    "0": 0.0,
    "1.0": 1.0,
    "0.0": 0.0,
}

_TIME: Final = (
    r"(?:[T ]\s*(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
_DATE_FORMS: Final = tuple(
    re.compile(date + _TIME, re.ASCII)
    for date in (
        r"(?P<year>\d{4})(?P<sep>[-/])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
        r"(?P<day>\d{1,2})(?P<sep>[.-])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})",
    )
)
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_UNIX_DAY: Final = datetime.date(1970, 1, 1).toordinal()


def is_missing(value: object) -> bool:
    """Return whether `value` stands for no value: None, NaN, NaT, NA or the empty string."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and NaT differ from themselves
    except (TypeError, ValueError, ArithmeticError):
        return type(value).__name__ == "NAType"


def numeric_value(value: object) -> float:
    """Read a number; NaN if it is missing.

    Raises:
        ValueError: The value is not a number.
    """
    if type(value) is float:
        return value
    if is_missing(value):
        return math.nan
    if isinstance(value, str):
        return _number_of_text(value)
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "s"))
    if isinstance(value, datetime.timedelta):
        return value / datetime.timedelta(seconds=1)
    if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating | Decimal):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"{value!r:.40} is too large") from error
    raise ValueError(f"{value!r:.40} is not a number")


def boolean_value(value: object) -> float:
    """Read a truth value as 1.0 or 0.0; NaN if it is missing.

    Raises:
        ValueError: The value is neither.
    """
    if value is True or value is False:
        return float(value)
    if is_missing(value):
        return math.nan
    if isinstance(value, str):
        word = value.strip().lower()
        if not word:
            return math.nan
        if word in BOOLEAN_WORDS:
            return BOOLEAN_WORDS[word]
    elif isinstance(value, int | float | np.bool_ | np.integer | np.floating | Decimal) and value in (0, 1):
        return float(value)
    raise ValueError(f"{value!r:.40} is neither true nor false")


def category_text(value: object) -> str:
    """Write a category the one way that it is known by; the empty string if it is missing.

    Raises:
        ValueError: The value is not a scalar.
    """
    if type(value) is str:
        return value
    if is_missing(value):
        return ""
    if isinstance(value, str | np.str_):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return "True" if value else "False"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating | Decimal):
        return _text_of_number(value)
    if isinstance(value, datetime.date | np.datetime64):
        return str(np.datetime64(datetime_value(value), "s"))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple | dict | set | frozenset | np.ndarray):
        raise ValueError(f"{value!r:.40} is not a single value")
    return str(value)


def datetime_value(value: object) -> int:
    """Read a point in time as whole seconds since 1970-01-01T00:00 UTC; `MISSING_TIME` if it is missing.

    Raises:
        ValueError: The value is not a time.
    """
    if is_missing(value):
        return MISSING_TIME
    if isinstance(value, str):
        return _seconds_of_text(value)
    if isinstance(value, datetime.datetime):
        return _seconds_of_datetime(value)
    if isinstance(value, datetime.date):
        return (value.toordinal() - _UNIX_DAY) * 86_400
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[s]").astype(np.int64))
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"{value!r} is not a time")
    if isinstance(value, int | float | np.integer | np.floating | Decimal):
        return _seconds_of_number(value)
    raise ValueError(f"{value!r:.40} is not a time")


def _number_of_text(text: str) -> float:
    stripped = text.strip()
    if not stripped:
        return math.nan
    if stripped.isascii() and "_" not in stripped:
        try:
            return float(stripped)
        except ValueError:
            pass
    raise ValueError(f"{text!r:.40} is not a number")


def _text_of_number(value: float | np.floating | Decimal) -> str:
    number = float(value)
    if math.isfinite(number) and number == int(number):
        return str(int(value))
    # NumPy writes a float32 with the digits that a float32 needs, so 0.1 stays '0.1'.
    return str(value) if isinstance(value, np.floating) else repr(number)


def _seconds_of_number(value: float | np.integer | np.floating | Decimal) -> int:
    number = value.item() if isinstance(value, np.generic) else value  # `floor` of an np.int64 goes through float
    if not math.isfinite(number) or not -(2**63) < number < 2**63:
        raise ValueError(f"{value!r:.40} is not a number of seconds since 1970")
    return math.floor(number)


def _seconds_of_datetime(value: datetime.datetime) -> int:
    day_seconds = value.hour * 3600 + value.minute * 60 + value.second
    seconds = (value.toordinal() - _UNIX_DAY) * 86_400 + day_seconds
    offset = value.utcoffset()
    if offset is None:
        return seconds
    zone_microseconds = offset // datetime.timedelta(microseconds=1)
    return (seconds * 1_000_000 + value.microsecond - zone_microseconds) // 1_000_000


def _seconds_of_text(text: str) -> int:
    stripped = text.strip()
    if not stripped:
        return MISSING_TIME
    for form in _DATE_FORMS:
        match = form.fullmatch(stripped)
        if match is not None:
            return _seconds_of_match(match, text)
    if _WHOLE_NUMBER.fullmatch(stripped) and len(stripped) < 19:
        return int(stripped)
    raise ValueError(f"{text!r:.40} is not a date in a known form, such as 2024-03-31T18:00")


def _seconds_of_match(match: re.Match[str], text: str) -> int:
    part = match.groupdict(default="")
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    half = part["half"].lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"{text!r:.40} is not a date: its hour is not between 1 and 12")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        day = datetime.date(int(part["year"]), int(part["month"]), int(part["day"])).toordinal()
        datetime.time(hour, minute, second)
    except ValueError as error:
        raise ValueError(f"{text!r:.40} is not a date: {error}") from error
    seconds = (day - _UNIX_DAY) * 86_400 + hour * 3600 + minute * 60 + second
    return seconds - _zone_seconds(part["zone"])


def _zone_seconds(zone: str) -> int:
    if zone in ("", "Z", "z"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    size = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -size if zone[0] == "-" else size
