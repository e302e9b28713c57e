"""Whatever comes in, the outcome is a table or one of our errors, in one line."""

import math

import lean_automl_runtime.errors
import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lean_automl_runtime.ir.columns import ALLOWED_DTYPES

import lean_automl.data
import lean_automl.errors
from lean_automl.data import folds, holdout, load_dataset, read_table
from lean_automl.errors import LeanAutoMLError

LINES = st.lists(st.text('ab,;\t|"\n\r 0.1é\0', max_size=12), max_size=6).map("\n".join)
CONTENT = st.one_of(
    st.binary(max_size=60),
    LINES.map(str.encode),
    LINES.map(lambda text: text.encode("utf-16")),
    LINES.map(lambda text: text.encode("cp1252")),
)
SINGLE = [None, math.nan, math.inf, -1e300, 0, 1, 2**60, True, "", " ", "a", "1", "-", "2024-01-01", "x y z", b"q", 1j]
OBJECTS = [pd.NA, pd.NaT, pd.Timestamp("2024"), np.float32(0.1), np.datetime64("2024-01-01"), pd.Timedelta(1, "h")]
VALUES = st.sampled_from([*SINGLE, *OBJECTS, [1], {}])
COLUMN = st.lists(VALUES, min_size=1, max_size=4)
ROWS = 24


def outcome(act):
    """What `act` returns, or the message of our error, which is one line."""
    try:
        return act(), ""
    except LeanAutoMLError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    return None, message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENT, name=st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.parquet"]))
def test_any_file(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    frame, message = outcome(lambda: read_table(path))
    if frame is None:
        assert message.startswith(str(path))
        return
    assert frame.shape[0] > 0
    assert all(frame.columns.str.strip())
    assert frame.columns.is_unique


@settings(max_examples=150, deadline=None)
@given(st.lists(COLUMN, min_size=1, max_size=3), COLUMN)
def test_any_columns(columns, target):
    cycled = {
        f"c{i}": [values[row % len(values)] for row in range(ROWS)] for i, values in enumerate([*columns, target])
    }
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in cycled.items()})
    data, _ = outcome(lambda: load_dataset(frame, f"c{len(columns)}"))
    if data is None:
        return
    outcome(lambda: folds(data, 3, rows=holdout(data).train))
    assert data.rows == data.table.rows == len(data.target.kept)
    assert np.isfinite(data.y).all()
    for column, array in zip(data.table.columns, data.table.arrays, strict=True):
        assert column.dtype in ALLOWED_DTYPES[column.kind]
        assert array.dtype == (object if column.dtype == "string" else column.dtype)


def test_public_names():
    for module in (lean_automl.data, lean_automl.errors):
        assert sorted(module.__all__) == module.__all__
        assert all(hasattr(module, name) for name in module.__all__)
    kinds = {n for n, v in vars(lean_automl_runtime.errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert set(lean_automl.errors.__all__) == kinds
