"""The scalar readers: examples that fix their meaning."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.ir.columns import MISSING_TIME
from lean_automl_runtime.values import boolean_value, category_text, datetime_value, is_missing, numeric_value

MISSING = [None, math.nan, np.float32("nan"), pd.NaT, pd.NA, np.datetime64("NaT"), "", Decimal("NaN")]
DAY = 1_711_843_200  # 2024-03-31T00:00 UTC


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_missing(value):
    assert is_missing(value)
    assert math.isnan(numeric_value(value))
    assert math.isnan(boolean_value(value))
    assert category_text(value) == ""
    assert datetime_value(value) == MISSING_TIME


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (np.int8(3), 3.0),
        (True, 1.0),
        (np.bool_(False), 0.0),
        (" 1.5e3 ", 1500.0),
        ("-inf", -math.inf),
        (Decimal("0.25"), 0.25),
        (datetime.timedelta(minutes=2), 120.0),
        (np.timedelta64(2, "m"), 120.0),
    ],
)
def test_numeric(value, number):
    assert numeric_value(value) == number


@pytest.mark.parametrize("value", ["abc", "1_000", "1,5", "٣", "0x10", [1], datetime.date(2024, 1, 1), 10**400, 1j])
def test_not_numeric(value):
    with pytest.raises(ValueError, match=r"not a number|too large"):
        numeric_value(value)


@pytest.mark.parametrize(
    ("value", "number"), [(True, 1), ("TRUE", 1), (" no ", 0), (1.0, 1), (np.int64(0), 0), ("0", 0)]
)
def test_boolean(value, number):
    assert boolean_value(value) == number


@pytest.mark.parametrize("value", ["maybe", 2, 0.5, [True]])
def test_not_boolean(value):
    with pytest.raises(ValueError, match="neither true nor false"):
        boolean_value(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", " a "),
        ("nan", "nan"),
        ("None", "None"),
        (True, "True"),
        (np.bool_(False), "False"),
        (12, "12"),
        (12.0, "12"),
        (np.float32(12), "12"),
        (Decimal("12.00"), "12"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (1e-7, "1e-07"),
        (np.float32(1e-7), "1e-07"),
        (math.inf, "inf"),
        (b"caf\xc3\xa9", "café"),
        (datetime.date(2024, 3, 31), "2024-03-31T00:00:00"),
        (pd.Timestamp("2024-03-31"), "2024-03-31T00:00:00"),
    ],
)
def test_category(value, text):
    assert category_text(value) == text


def test_nested_values_are_not_categories():
    with pytest.raises(ValueError, match="not a single value"):
        category_text({"a": 1})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-03-31", DAY),
        ("2024/3/31", DAY),
        ("3/31/2024", DAY),
        ("31.3.2024", DAY),
        ("31-03-2024", DAY),
        ("2024-03-31T02:00", DAY + 7200),
        ("2024-03-31 02:00:01.999", DAY + 7201),
        ("2024-03-31T02:00:00+02:00", DAY),
        ("2024-03-31T02:00:00-0130", DAY + 7200 + 5400),
        ("2024-03-31T00:00Z", DAY),
        ("3/31/2024 12:05 AM", DAY + 300),
        ("3/31/2024 1:05 pm", DAY + 13 * 3600 + 300),
        (str(DAY), DAY),
        (DAY, DAY),
        (DAY + 0.9, DAY),
        (-0.5, -1),
        (datetime.date(2024, 3, 31), DAY),
        (datetime.datetime(2024, 3, 31, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), DAY),
        (pd.Timestamp("2024-03-31", tz="America/New_York"), DAY + 4 * 3600),
        (pd.Timestamp("1969-12-31T23:59:58.5"), -2),
        (np.datetime64("1969-12-31T23:59:58.5", "ns"), -2),
    ],
)
def test_datetime(value, seconds):
    assert datetime_value(value) == seconds


@pytest.mark.parametrize(
    "value",
    ["31/3/2024", "2024-02-30", "3/31/24", "13:00", "2024-03-31 13:00 PM", True, [1], math.inf, 1e30, datetime.time(1)],
)
def test_not_datetime(value):
    with pytest.raises(ValueError, match="not a"):
        datetime_value(value)
