"""A table means the same to the compiled engines, which read many columns where they lie, and to the reference."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conformance.compare import assert_same
from conformance.programs import hostile_inputs, random_program
from lean_automl_runtime import Model
from lean_automl_runtime.engines import available, make_engine
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

pytestmark = pytest.mark.skipif(not available("native"), reason="the extension is not built")

TEXTS = ("a", "é", "12", "True", "0.5", "\U0001f600" * 5, "2024-03-31", "long text of more than eight bytes")
N = 23
NUMBERS = np.array([0, 1, -1, 2.5, np.nan, np.inf, -np.inf, 1e300, 1e-45, 16777217, 0.1] * 3)[:N]
STRINGS = [None, "", "never", *TEXTS, *TEXTS, "a", "b", None, "é"][:N]


def program() -> Program:
    columns = (
        Column("x", ColumnKind.NUMERIC, "float32"),
        Column("y", ColumnKind.NUMERIC, "float64"),
        Column("b", ColumnKind.BOOLEAN, "float32"),
        Column("s", ColumnKind.CATEGORICAL, "string"),
        Column("t", ColumnKind.DATETIME, "int64"),
    )
    builder = ProgramBuilder(columns)
    code = builder.add(o.Encode((3,), TEXTS))
    parts = [
        0,
        builder.add(o.Rescale((1,), 0.0, 1.0)),
        2,
        builder.add(o.Lookup((code,), np.arange(len(TEXTS) + 2, dtype=np.float32)[:, None])),
        builder.add(o.DatePart((4,), o.DateField.SECONDS_OF_DAY)),
    ]
    joined = builder.add(o.Concat(tuple(parts)))
    label = builder.add(o.Label((joined,), ("p", "q", "r", "s", "t"), None))
    return builder.build({LABEL: label, PROBABILITIES: joined})


PROGRAM = program()
MODELS = {
    name: Model(make_engine(PROGRAM, name), PROGRAM.columns, PROGRAM.classes, {})
    for name in ("native", "numba", "reference")
    if available(name)
}
GOOD: dict[str, Any] = {
    "x": NUMBERS,
    "y": NUMBERS[::-1],
    "b": np.arange(N) % 2 == 0,
    "s": np.array(STRINGS, dtype=object),
    "t": np.arange(N) * 100_000,
}


def outcome(engine: str, table: Any) -> Any:
    try:
        return MODELS[engine].predict_proba(table), MODELS[engine].predict(table)
    except Exception as error:
        return type(error).__name__, str(error)


def check(table: Any) -> None:
    for engine in MODELS.keys() - {"reference"}:
        check_engine(engine, table)


def check_engine(engine: str, table: Any) -> None:
    found, expected = outcome(engine, table), outcome("reference", table)
    if isinstance(expected[0], str):
        assert found == expected
        return
    assert not isinstance(found[0], str), found
    assert_same({"p": expected[0]}, {"p": found[0]})
    assert found[1].tolist() == expected[1].tolist()


def text_columns() -> dict[str, Any]:
    texts = [s for s in STRINGS if s]
    spaced = np.empty(2 * N, dtype=object)
    spaced[::2], spaced[1::2] = STRINGS, "?"
    odd = [None, np.nan, 1, 1.0, 12, True, 0.5, np.float32(0.5), pd.NA, pd.NaT, np.str_("a"), b"a"]
    arrow = pa.array(STRINGS)
    return {
        "objects": np.array(STRINGS, dtype=object),
        "strided objects": spaced[::2],
        "a list": STRINGS,
        "a tuple": tuple(STRINGS),
        "shared objects": np.array(([texts[0], None, texts[1], texts[0], np.nan] * N)[:N], dtype=object),
        "odd objects": np.array((odd * 2)[:N], dtype=object),
        "U": np.array(["a", "é", "never"] * 9, dtype="U5")[:N],
        "pandas str": pd.Series(STRINGS),
        "pandas string": pd.Series(STRINGS, dtype="string"),
        "pandas python string": pd.Series(STRINGS, dtype=pd.StringDtype("python")),
        "pandas arrow string": pd.Series(STRINGS, dtype=pd.ArrowDtype(pa.string())),
        "pandas objects": pd.Series(STRINGS, dtype=object),
        "pandas slice": pd.Series([*STRINGS, *STRINGS])[::2][:N],
        "category": pd.Series(STRINGS, dtype="category"),
        "category of numbers": pd.Series([12, 0, None] * 8, dtype="category")[:N],
        "category of floats": pd.Series([12.0, 0.5, None] * 8, dtype="category")[:N],
        "category of booleans": pd.Series([True, False, None] * 8, dtype="category")[:N],
        "numbers": np.arange(N),
        "floats": NUMBERS,
        "float32": np.arange(N).astype(np.float32) / 3,
        "booleans": np.arange(N) % 2 == 0,
        "times": pd.Series(pd.date_range("2024-03-31", periods=N)),
        "arrow": arrow,
        "arrow large": arrow.cast(pa.large_string()),
        "arrow view": arrow.cast(pa.string_view()),
        "arrow chunks": pa.chunked_array([STRINGS[:5], [], STRINGS[5:]], type=pa.string()),
        "arrow no chunk": pa.chunked_array([], type=pa.string()),
        "arrow slice": pa.array(["?", None, *STRINGS, "?"]).slice(2, N),
        "arrow dictionary": arrow.dictionary_encode(),
        "arrow dictionary chunks": pa.chunked_array(
            [pa.array(c).dictionary_encode() for c in (STRINGS[:9], STRINGS[9:])]
        ),
        "arrow without nulls": pa.array((texts * 3)[:N]),
        "arrow integers": pa.array(range(N)),
        "arrow nulls": pa.nulls(N),
        "nested": np.array([[1]] * (N - 1) + [None], dtype=object),
        "two columns": np.zeros((N, 2)),
        "one column": np.array(STRINGS, dtype=object)[:, None],
        "text": "a" * N,
        "nothing": None,
        "too short": np.array(["a"], dtype=object),
    }


@pytest.mark.parametrize("last", [None, "b", 12, [1]], ids=str)
def test_columns_of_many_objects(last: Any) -> None:
    n = 3_000  # more than are looked at by their addresses
    texts = np.array([*(f"{TEXTS[i % 8]}{i % 7 or ''}" + "" * i for i in range(n - 1)), None], dtype=object)
    texts[-1] = last
    assert len({id(text) for text in texts}) > 1_024
    check({"x": np.ones(n), "y": np.ones(n), "b": np.ones(n, bool), "t": np.arange(n), "s": texts})


def test_objects_that_were_never_set() -> None:
    check(GOOD | {"s": np.empty(N, dtype=object)})


@pytest.mark.parametrize("name", text_columns())
def test_columns_of_texts(name: str) -> None:
    check(GOOD | {"s": text_columns()[name]})


@pytest.mark.parametrize("count", [100, 127, 128, 300], ids="{} categories".format)
@pytest.mark.parametrize("known", [200, 253, 254, 400], ids="{} known".format)
def test_codes_in_bytes_and_wider(known: int, count: int) -> None:
    """Positions in a column's own list and codes of the Program may need one byte or two, each by itself."""
    builder = ProgramBuilder((Column("s", ColumnKind.CATEGORICAL, "string"),))
    code = builder.add(o.Encode((0,), tuple(f"c{n}" for n in range(known))))
    numbers = builder.add(o.Lookup((code,), np.arange(known + 2, dtype=np.float32)[:, None]))
    own = builder.build({PREDICTION: numbers})
    categories = [f"c{known + 2 - n}" for n in range(count)]
    column = pd.Series(pd.Categorical([*categories, None, *categories], categories=categories))
    expected = Model(make_engine(own, "reference"), own.columns, (), {}).predict(pd.DataFrame({"s": column}))
    for engine in MODELS.keys() - {"reference"}:
        model = Model(make_engine(own, engine), own.columns, (), {})
        for frame in (pd.DataFrame({"s": column}), pd.DataFrame({"s": column})[::2]):
            wanted = expected[:: 1 + (len(frame) < len(column))]
            assert model.predict(frame).tolist() == wanted.tolist()


def test_texts_that_are_remembered_by_address_are_let_go() -> None:
    texts = ["".join(("some text ", str(n))) for n in range(N // 2)]
    values = np.array((texts * 3)[:N], dtype=object)
    before = [sys.getrefcount(text) for text in texts]
    check(GOOD | {"s": values})
    assert [sys.getrefcount(text) for text in texts] == before


def number_columns() -> dict[str, Any]:
    wide = np.zeros((N, 3))
    wide[:, 1] = NUMBERS
    return {
        **{str(t): np.arange(N).astype(t) for t in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")},
        "huge": np.array([2**63 - 1, -(2**63), 2**53 + 1] * 8)[:N],
        "huge unsigned": np.array([2**64 - 1, 2**63] * 12, dtype=np.uint64)[:N],
        "long double": NUMBERS.astype(np.longdouble),
        "big-endian": NUMBERS.astype(">f8"),
        "strided": wide[:, 1],
        "backwards": NUMBERS[::-1],
        "read-only": np.frombuffer(NUMBERS.tobytes()),
        "booleans": np.arange(N) % 2 == 0,
        "one column": NUMBERS[:, None],
        "complex": NUMBERS.astype(complex),
        "a list": NUMBERS.tolist(),
        "texts": [str(x) for x in NUMBERS],
        "bad text": ["1"] * (N - 1) + ["one"],
        "objects": np.array([None, 1, "2", 2.5, True, np.float32(0.1)] * 4, dtype=object)[:N],
        "pandas": pd.Series(NUMBERS),
        "pandas nullable": pd.Series([1, None, 3] * 8, dtype="Int64")[:N],
        "pandas nullable floats": pd.Series([1.5, None, 3] * 8, dtype="Float64")[:N],
        "pandas arrow": pd.Series([1, None, 3] * 8, dtype=pd.ArrowDtype(pa.int64()))[:N],
        "arrow": pa.array(NUMBERS),
        "arrow nulls": pa.array([1, None, 3] * 8)[:N],
        "arrow chunks": pa.chunked_array([NUMBERS[:4], NUMBERS[4:]]),
        "durations": np.arange(N).astype("m8[s]"),
        "times": np.arange(N).astype("M8[s]"),
        "0 and 1": np.arange(N) % 2,
        "0.0 and 1.0": np.arange(N) % 2 * 1.0,
        "words": ["yes", "no", None] * 7 + ["T", ""],
        "too long": np.zeros(N + 1),
    }


@pytest.mark.parametrize("column", ["x", "y", "b", "t"])
@pytest.mark.parametrize("name", number_columns())
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning", "ignore:overflow encountered:RuntimeWarning")
def test_columns_of_numbers(name: str, column: str) -> None:
    check(GOOD | {column: number_columns()[name]})


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(GOOD),
        pd.DataFrame(GOOD)[::2],
        pd.DataFrame(GOOD).iloc[:0],
        pa.table({key: pa.array(value) for key, value in GOOD.items()}),
        pa.table({key: pa.array(value) for key, value in GOOD.items()}).slice(3, 9),
        GOOD | {"more": 1},
        [dict(zip(GOOD, row, strict=True)) for row in zip(*GOOD.values(), strict=True)],
        [],
        {k: v for k, v in GOOD.items() if k != "s"},
        pd.concat([pd.DataFrame(GOOD), pd.DataFrame(GOOD)[["s"]]], axis=1),
        5,
        "x",
    ],
    ids=lambda table: f"{type(table).__name__}-{len(table) if hasattr(table, '__len__') else table}",
)
def test_forms_of_tables(table: Any) -> None:
    check(table)


def test_what_run_refuses() -> None:
    engine = make_engine(PROGRAM, "native")
    good = [
        np.zeros(3, np.float32),
        np.zeros(3),
        np.zeros(3, np.float32),
        np.array(["a"] * 3, object),
        np.zeros(3, int),
    ]
    assert engine.run(good)[LABEL].shape == (3,)
    for position, wrong in [
        (0, np.zeros(2, np.float32)),
        (0, np.zeros((3, 1), np.float32)),
        (0, np.zeros(3, complex)),
        (3, np.zeros(3)),
        (3, np.array(["a", "b", 5], object)),
        (4, np.zeros(3)),
        (4, [0, 0, 0]),
    ]:
        inputs = list(good)
        inputs[position] = wrong  # type: ignore[call-overload]
        if position == 0 and wrong.shape == (2,):
            inputs[1] = np.zeros(3)
        with pytest.raises(TypeError):
            engine.run(inputs)


def test_codes_out_of_range_are_unseen() -> None:
    engine = make_engine(PROGRAM, "native")
    codes = np.array([-1, 0, 1, 2, 10, 2**31 - 1], np.int32)
    n = codes.size
    zero = np.zeros(n, np.float32)
    found = engine.run([zero, zero.astype(float), zero, codes, np.zeros(n, np.int64)])[PROBABILITIES][:, 3]
    assert found.tolist() == [1, 0, 1, 2, 1, 1]


def test_other_threads_run_during_a_batch() -> None:
    engine = make_engine(PROGRAM, "native")
    n = 400_000
    inputs = [
        np.zeros(n, np.float32),
        np.zeros(n),
        np.zeros(n, np.float32),
        np.zeros(n, np.int32),
        np.zeros(n, np.int64),
    ]
    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    engine.run(inputs)
    end = time.perf_counter()
    stop.set()
    thread.join()
    assert sum(begin < t < end for t in ticks) > 10


def test_plain_code_gives_the_same() -> None:
    """The variant for processors without AVX2, in a process of its own."""
    script = Path(__file__).with_name("plain_code.py")
    environment = os.environ | {"LEAN_AUTOML_NATIVE": "portable"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("seed", range(500, 560))
def test_more_random_programs(seed: int) -> None:
    own = random_program(seed, 1 + seed % 9)
    inputs = hostile_inputs(own, np.random.default_rng(seed))
    assert_same(evaluate(own, inputs), make_engine(own, "native").run(inputs))
