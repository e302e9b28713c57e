"""One record means the same to the native engine and to the Python code that defines it, down to the error."""

from __future__ import annotations

import datetime
import gc
import sys
import threading
from collections import OrderedDict, UserDict, defaultdict
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_automl_runtime import Model, Prediction
from lean_automl_runtime.engines import available, make_engine
from lean_automl_runtime.errors import DataError, LeanAutoMLError, SchemaError
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

pytestmark = pytest.mark.skipif(not available("native"), reason="the extension is not built")


class Colour(StrEnum):
    RED = "red"


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "LOUD"


class Odd:
    def __repr__(self) -> str:
        return "Odd()"


CATEGORIES = (
    "a",
    "red",
    "LOUD",
    "12",
    "0",
    "-7",
    "True",
    "False",
    "0.1",
    "1e+16",
    "Odd()",
    "é",
    "\ud800",
    "2024-03-31",
)
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 12, 2**24 + 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**400, -(10**400)),
    *(0.0, -0.0, 1.0, 0.5, 12.0, -7.0, 0.1, 1e15, 1e16, 1e300, 5e-324, float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "12",
        " 12 ",
        "1_2",
        "1e3",
        "0x10",
        "nan",
        "inf",
        "-inf",
        "+1.",
        ".5",
        "1,5",
        "\uff11\uff12",
        "1" * 70,
        "1e999",
    ),
    *("true", "YES", "f", "no", " T ", "maybe", "a", "red", "é", "\ud800", "a\0", "None", "2", "1.0", "0.0"),
    *("2024-03-31", "2024/03/31", "2024-3-31", "2024-02-30", "2023-02-29", "2024-02-29", "2024-03-31T18:00"),
    *("2024-03-31 18:00:59", "2024-03-31T24:00", "2024-03-31T18:60", "2024-03-31 18:00:60", "31.3.2024", "3/31/2024"),
    *("2024-03-31T18:00Z", "2024-03-31T18:00:00+02:00", "2024-03-31 6:00 PM", "0000-01-01", "0001-01-01", "9999-12-31"),
    *("2024-03-31T18:00:59z", "2024-03-31T18:00:59.25Z", "2024-03-31 18:00:59,999999-0230", "2024-03-31T18:00+99"),
    *("2024-03-31T18:00:59.", "2024-03-31T18:00.5", "2024-03-31T18:00:59+2", "2024-03-31T18:00:59+02:3", "2024-03-31Z"),
    *("2024-03-31T18:00:59+02:", "2024-03-31T18:00:59+02:00:00", "2024-03-31T18:00:59ZZ", "2024-03-31T18:00:5é"),
    *("2024-03/31", "2024-03-31t18:00", "2024-03-31 18-00", "1711900800", "12345678901234567890", "20240331"),
    *(np.float32(0.1), np.float64(2.5), np.int8(-7), np.uint64(2**64 - 1), np.bool_(True), np.str_("red"), np.nan),
    *(np.datetime64("2024-03-31T18:00"), np.datetime64("NaT"), np.timedelta64(90, "m"), np.float16(0.5)),
    *(datetime.date(2024, 3, 31), datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000), datetime.timedelta(1)),
    *(datetime.datetime(2024, 3, 31, tzinfo=datetime.UTC), Decimal("0.1"), Decimal("NaN"), Decimal("12"), b"red"),
    *(Colour.RED, Loud("quiet"), Odd(), [], (), {}, [1], np.array([1.0]), 1 + 2j, object, b"\xff"),
)
COLUMNS = (
    Column("number", ColumnKind.NUMERIC, "float32"),
    Column("double", ColumnKind.NUMERIC, "float64"),
    Column("boolean", ColumnKind.BOOLEAN, "float32"),
    Column("category", ColumnKind.CATEGORICAL, "string"),
    Column("text", ColumnKind.TEXT, "string"),
    Column("time", ColumnKind.DATETIME, "int64"),
    Column("unused", ColumnKind.NUMERIC, "float32"),
)
GOOD: dict[str, Any] = {
    "number": 1.5,
    "double": 2.5,
    "boolean": True,
    "category": "a",
    "text": "red",
    "time": 86_400,
    "unused": 0,
}


def everything(classes: bool) -> Program:
    """Every column, as exactly as it was read, in a column of the output."""
    builder = ProgramBuilder(COLUMNS)
    parts = [0, builder.add(o.Rescale((1,), 0.0, 1.0)), 2]
    for number in (3, 4):
        code = builder.add(o.Encode((number,), CATEGORIES))
        parts.append(builder.add(o.Lookup((code,), np.arange(len(CATEGORIES) + 2, dtype=np.float32)[:, None])))
    parts += [builder.add(o.DatePart((5,), part)) for part in (o.DateField.DAYS, o.DateField.SECONDS_OF_DAY)]
    joined = builder.add(o.Concat(tuple(parts)))
    if not classes:
        bins = builder.add(o.Bin((0,), np.zeros(1, np.float32), np.array([0, 1], np.int32), np.zeros(1, np.int32)))
        return builder.build({PREDICTION: builder.add(o.Lookup((bins,), np.ones((2, 1), np.float32)))})
    label = builder.add(o.Label((joined,), tuple(range(len(parts))), None))
    return builder.build({LABEL: label, PROBABILITIES: joined})


PROGRAM = everything(True)


def model_of(program: Program, engine: str) -> Model:
    return Model(make_engine(program, engine), program.columns, program.classes, {})


NATIVE = model_of(PROGRAM, "native") if available("native") else None
REFERENCE = model_of(PROGRAM, "reference")


def outcome(model: Model | None, record: Any) -> tuple[str, ...]:
    """What a caller sees, in a form that NaN does not spoil."""
    assert model is not None
    try:
        answer = model.predict_one(record)
    except Exception as error:
        return type(error).__name__, str(error)
    assert type(answer) is Prediction
    return repr(answer), type(answer.value).__name__


@pytest.mark.parametrize("column", [column.name for column in COLUMNS])
@pytest.mark.parametrize("value", SCALARS, ids=lambda value: f"{type(value).__name__}-{value!r:.20}")
def test_every_kind_of_value(column: str, value: Any) -> None:
    record = GOOD | {column: value}
    assert outcome(NATIVE, record) == outcome(REFERENCE, record)


@settings(max_examples=500, deadline=None)
@given(
    record=st.fixed_dictionaries(
        {
            "number": st.floats() | st.integers() | st.text(alphabet="0123456789.e+-_ naif", max_size=8),
            "double": st.floats() | st.integers(),
            "boolean": st.booleans() | st.sampled_from(["true", "0", " no", 1, 0.0, 2]),
            "category": st.text(max_size=3) | st.integers() | st.floats() | st.sampled_from(CATEGORIES),
            "text": st.text(max_size=20),
            "time": st.integers(-(2**66), 2**66) | st.floats() | st.dates().map(str) | st.datetimes().map(str),
            "unused": st.floats(),
        }
    )
)
def test_any_values(record: dict[str, Any]) -> None:
    assert outcome(NATIVE, record) == outcome(REFERENCE, record)


@settings(deadline=None)
@given(text=st.from_regex(r"\d{4}[-/]\d\d[-/]\d\d([T ]\d\d:\d\d(:\d\d)?)?", fullmatch=True))
def test_texts_that_look_like_times(text: str) -> None:
    assert outcome(NATIVE, GOOD | {"time": text}) == outcome(REFERENCE, GOOD | {"time": text})


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"number": 1.0},
        {k: v for k, v in GOOD.items() if k != "category"},
        {k: v for k, v in GOOD.items() if k != "unused"},
        GOOD | {"unused": "odd"},
        GOOD | {"number": "x", "double": "y"},
        {k: v for k, v in GOOD.items() if k != "number"} | {"Number": "1", "double": "y"},
        {1: 2},
        {b"number": 1.0},
        [],
        [GOOD],
        "number",
        None,
        5,
        ("too", "short"),
        set(GOOD),
        object(),
    ],
    ids=lambda record: type(record).__name__,
)
def test_records_that_are_not(record: Any) -> None:
    found = outcome(NATIVE, record)
    assert found == outcome(REFERENCE, record)
    assert found[0] in ("SchemaError", "DataError")


def shuffled(seed: int) -> dict[str, Any]:
    order = np.random.default_rng(seed).permutation([*GOOD, "more", "and more", "id", "x"])
    return {str(key): GOOD.get(str(key), "extra") for key in order}


@pytest.mark.parametrize(
    "record",
    [
        *map(shuffled, range(8)),
        OrderedDict(GOOD),
        UserDict(GOOD),
        defaultdict(lambda: None, {k: v for k, v in GOOD.items() if k != "unused"}),
        dict(reversed(GOOD.items())),
        {"id": 1} | GOOD,
        GOOD | {1: 2, ("a",): 3},
        {"".join(list(key)): value for key, value in GOOD.items()},
    ],
    ids=lambda record: f"{type(record).__name__}-{len(record)}",
)
def test_forms_of_records(record: Any) -> None:
    assert outcome(NATIVE, record) == outcome(NATIVE, GOOD)
    if not isinstance(record, defaultdict):
        assert outcome(REFERENCE, record) == outcome(NATIVE, record)


def test_a_tuple_in_order_of_columns() -> None:
    assert outcome(NATIVE, tuple(GOOD.values())) == outcome(NATIVE, GOOD)
    assert NATIVE is not None
    with pytest.raises(DataError):
        NATIVE.predict_one((1, 2))  # type: ignore[arg-type]


def test_a_mapping_that_fails_in_its_own_way() -> None:
    class Broken(UserDict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise OSError("disk")

    assert NATIVE is not None
    with pytest.raises(OSError, match="disk"):
        NATIVE.predict_one(Broken(GOOD))


def test_a_regressor() -> None:
    program = everything(False)
    native, reference = model_of(program, "native"), model_of(program, "reference")
    assert native.predict_one(GOOD) == reference.predict_one(GOOD) == (1.0, ())


def test_predictions_behave_as_tuples() -> None:
    import copy
    import pickle

    assert NATIVE is not None
    answer = NATIVE.predict_one(GOOD)
    value, probabilities = answer
    assert (answer.value, answer.probabilities) == (value, probabilities) == tuple(answer)
    assert pickle.loads(pickle.dumps(answer)) == copy.copy(answer) == answer
    assert type(copy.deepcopy(answer)) is Prediction
    assert repr(Prediction("a", (0.5, 0.5))) == "Prediction(value='a', probabilities=(0.5, 0.5))"
    assert gc.is_tracked(answer)


def test_errors_leak_nothing_and_calls_leak_nothing() -> None:
    assert NATIVE is not None
    key, value = "number", "not a number"
    record = GOOD | {key: value}
    before = sys.getrefcount(value), sys.getrefcount(record), sys.getrefcount(NATIVE.classes)
    for _ in range(100):
        with pytest.raises(SchemaError):
            NATIVE.predict_one(record)
        NATIVE.predict_one(GOOD)
    gc.collect()
    after = sys.getrefcount(value), sys.getrefcount(record), sys.getrefcount(NATIVE.classes)
    assert after == before


def test_a_model_can_be_collected() -> None:
    import weakref

    engine = make_engine(PROGRAM, "native")
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None


def test_threads_share_a_model() -> None:
    records = [GOOD | {"number": float(n), "text": CATEGORIES[n % 5], "category": f"é{n}"} for n in range(50)]
    expected = [outcome(NATIVE, record) for record in records]
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20):
            wrong.extend(r for r, e in zip(records, expected, strict=True) if outcome(NATIVE, r) != e)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_value_may_change_the_record_while_it_is_read() -> None:
    record = dict(GOOD)

    class Meddler(float):
        def __float__(self) -> float:
            record.clear()
            return 1.0

    record["number"] = Meddler(1.0)
    assert NATIVE is not None
    with pytest.raises(LeanAutoMLError):
        NATIVE.predict_one(record)
