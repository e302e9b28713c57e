"""Calendar fields against `datetime`, and against numpy beyond its years."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from lean_automl_runtime.dates import civil_from_days, date_part, days_from_year
from lean_automl_runtime.ir import MISSING_TIME
from lean_automl_runtime.ir.ops import DateField

EPOCH = datetime.datetime(1970, 1, 1)
YEAR_1, AFTER_9999 = -62_135_596_800, 253_402_300_800

EXPECTED = {
    DateField.YEAR: lambda t: t.year,
    DateField.MONTH: lambda t: t.month,
    DateField.DAY: lambda t: t.day,
    DateField.WEEKDAY: lambda t: t.weekday(),
    DateField.DAY_OF_YEAR: lambda t: t.timetuple().tm_yday,
    DateField.HOUR: lambda t: t.hour,
    DateField.MINUTE: lambda t: t.minute,
    DateField.SECOND: lambda t: t.second,
    DateField.DAYS: lambda t: t.toordinal() - EPOCH.toordinal(),
    DateField.SECONDS_OF_DAY: lambda t: t.hour * 3600 + t.minute * 60 + t.second,
}


def moments() -> list[datetime.datetime]:
    """The first and last second of months around leap days, and of years anywhere; and any second."""
    rng = np.random.default_rng(0)
    years = [1, 4, 100, 400, 1582, 1600, 1900, 1969, 1970, 1972, 2000, 2024, 2100, 9999, *rng.integers(1, 9999, 60)]
    firsts = [datetime.datetime(int(year), month, 1) for year in years for month in (1, 2, 3, 12)]
    lasts = [first - datetime.timedelta(seconds=1) for first in firsts if first.year > 1]
    anywhere = [EPOCH + datetime.timedelta(seconds=int(s)) for s in rng.integers(YEAR_1, AFTER_9999, 1500)]
    return [*firsts, *lasts, *anywhere, datetime.datetime(9999, 12, 31, 23, 59, 59)]


@pytest.mark.parametrize("part", DateField)
def test_fields_of_years_1_to_9999(part: DateField) -> None:
    times = moments()
    seconds = np.array([(t - EPOCH) // datetime.timedelta(seconds=1) for t in times], dtype=np.int64)
    expected = np.array([EXPECTED[part](t) for t in times], dtype=np.float32)
    found = date_part(seconds, part)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_every_day_of_an_era() -> None:
    days = np.arange(-146_097, 146_097 * 2, dtype=np.int64)
    year, month, day = civil_from_days(days)
    dates = days.astype("datetime64[D]")
    np.testing.assert_array_equal(year, dates.astype("datetime64[Y]").astype(np.int64) + 1970)
    np.testing.assert_array_equal(month, dates.astype("datetime64[M]").astype(np.int64) % 12 + 1)
    np.testing.assert_array_equal(day, (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1)


def test_years_that_datetime_does_not_know() -> None:
    days = np.random.default_rng(1).integers(-(10**11), 10**11, 4000)
    years = days.astype("datetime64[D]").astype("datetime64[Y]")
    np.testing.assert_array_equal(civil_from_days(days)[0], years.astype(np.int64) + 1970)
    starts = years.astype("datetime64[D]").astype(np.int64)
    np.testing.assert_array_equal(days_from_year(years.astype(np.int64) + 1970), starts)


@pytest.mark.parametrize("part", DateField)
def test_a_missing_time_has_no_fields(part: DateField) -> None:
    found = date_part(np.array([MISSING_TIME, 0, MISSING_TIME + 1], dtype=np.int64), part)
    assert np.isnan(found).tolist() == [True, False, False]


def test_fields_stay_in_their_ranges_for_any_int64() -> None:
    seconds = np.random.default_rng(2).integers(MISSING_TIME + 1, 2**63 - 1, 2000)
    for part, low, high in (
        (DateField.MONTH, 1, 12),
        (DateField.DAY, 1, 31),
        (DateField.WEEKDAY, 0, 6),
        (DateField.DAY_OF_YEAR, 1, 366),
        (DateField.HOUR, 0, 23),
        (DateField.MINUTE, 0, 59),
        (DateField.SECOND, 0, 59),
    ):
        found = date_part(seconds, part)
        assert found.min() >= low
        assert found.max() <= high
