"""Calendar fields of epoch seconds: integer arithmetic only, so that every engine can do the same.

Days to civil date after H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": proleptic Gregorian, years that
begin in March, 400-year eras of 146,097 days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl_runtime.ir.columns import MISSING_TIME
from lean_automl_runtime.ir.ops import DateField

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DAY_SECONDS: Final = 86_400
ERA_DAYS: Final = 146_097
EPOCH_FROM_ERA: Final = 719_468  # days from 0000-03-01 to 1970-01-01


def date_part(seconds: NDArray[np.int64], part: DateField) -> NDArray[np.float32]:
    """One field of each time, shape (n,); NaN for `MISSING_TIME`."""
    days = seconds // DAY_SECONDS
    in_day = seconds - days * DAY_SECONDS
    value = _field(days, in_day, part).astype(np.float32)
    value[seconds == MISSING_TIME] = np.nan
    return value


def _field(days: NDArray[np.int64], in_day: NDArray[np.int64], part: DateField) -> NDArray[np.int64]:
    simple: dict[DateField, Callable[[], NDArray[np.int64]]] = {
        DateField.HOUR: lambda: in_day // 3600,
        DateField.MINUTE: lambda: in_day // 60 % 60,
        DateField.SECOND: lambda: in_day % 60,
        DateField.SECONDS_OF_DAY: lambda: in_day,
        DateField.DAYS: lambda: days,
        DateField.WEEKDAY: lambda: (days + 3) % 7,  # 1970-01-01 was a Thursday
    }
    if part in simple:
        return simple[part]()
    year, month, day = civil_from_days(days)
    if part is DateField.YEAR:
        return year
    if part is DateField.MONTH:
        return month
    if part is DateField.DAY:
        return day
    return days - days_from_year(year) + 1


def civil_from_days(
    days: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Year, month (1..12) and day (1..31) of days since 1970-01-01."""
    shifted = days + EPOCH_FROM_ERA
    era = shifted // ERA_DAYS
    of_era = shifted - era * ERA_DAYS
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * of_year + 2) // 153
    day = of_year - (153 * march_month + 2) // 5 + 1
    month = np.where(march_month < 10, march_month + 3, march_month - 9)
    return year_of_era + era * 400 + (month <= 2), month, day


def days_from_year(year: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days from 1970-01-01 to 1 January of a year."""
    before = year - 1
    return 365 * before + before // 4 - before // 100 + before // 400 - 719_162
