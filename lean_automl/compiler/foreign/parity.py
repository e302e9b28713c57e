"""Proof that a Program predicts as the library did: both on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES, ColumnKind, Program
from lean_automl_runtime.reference import evaluate

from lean_automl.data import Table, to_table
from lean_automl.errors import DataError, ParityError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.request import Loaded

TOLERANCE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class SourceParity:
    """What a comparison with the source library covered.

    Attributes:
        rows: Rows compared.
        largest_difference: Of probabilities; of predictions, in the unit of `differences`.
        tolerance: What was allowed.
    """

    rows: int
    largest_difference: float
    tolerance: float


def check_source(loaded: Loaded, program: Program, frame: pd.DataFrame, tolerance: float = TOLERANCE) -> SourceParity:
    """Compare a Program with the library that made the model.

    Args:
        loaded: The model, and its library's own prediction.
        program: What it was compiled to.
        frame: Rows with the model's inputs.
        tolerance: Largest difference of probabilities, or of predictions in the unit of `differences`.

    Raises:
        ParityError: They differ; names the worst row.
        DataError: The library refuses the rows.
    """
    table = to_table(frame, program.columns)
    want = _library_answers(loaded, library_frame(frame, loaded.model.inputs, table))
    got = _answers(evaluate(program, table.arrays))
    want = want.reshape(got.shape)
    apart = differences(got, want)
    worst = np.unravel_index(int(np.argmax(apart)), apart.shape)
    if apart[worst] > tolerance:
        row, bad = int(worst[0]), int((apart > tolerance).reshape(table.rows, -1).any(axis=1).sum())
        record = {c.name: str(x[row]) for c, x in zip(table.columns, table.arrays, strict=True)}
        raise ParityError(
            f"the compiled model disagrees with {loaded.model.library} in {bad} of {table.rows} rows; worst in row "
            f"{row}: {got[worst]!r} instead of {want[worst]!r}, for {record}. If a column holds numbers of more than "
            "seven digits, declare it float64."
        )
    return SourceParity(table.rows, float(apart[worst]), tolerance)


def _library_answers(loaded: Loaded, frame: pd.DataFrame) -> NDArray[np.float64]:
    assert loaded.predict is not None
    try:
        return np.asarray(loaded.predict(frame), dtype=np.float64)
    except Exception as error:  # every library has errors of its own
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            f"{loaded.model.library} itself cannot predict the given rows: {reason[0]}. Give rows that it accepts."
        ) from error


def differences(got: NDArray[Any], want: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences in units of 1, of the wanted value or of the values' deviation, whichever is largest.

    They are 0 where both are NaN or the same infinity.
    """
    finite = want[np.isfinite(want)]
    unit = max(1.0, float(np.std(finite))) if finite.size else 1.0
    with np.errstate(all="ignore"):
        apart = np.abs(got.astype(np.float64) - want) / np.maximum(unit, np.abs(want))
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _answers(outputs: dict[str, Any]) -> NDArray[Any]:
    answers: NDArray[Any] = outputs[PROBABILITIES] if PROBABILITIES in outputs else outputs[PREDICTION]
    return answers


def library_frame(frame: pd.DataFrame, inputs: tuple[str, ...], table: Table) -> pd.DataFrame:
    """The rows as the library takes them: numbers at full precision, text with NaN for missing; empty text stays."""
    import pandas as pd

    numeric = {c.name: c for c in table.columns if c.kind in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN)}
    made: dict[str, Any] = {}
    for name in inputs:
        if name in numeric:
            made[name] = _numbers(frame, numeric[name])
        elif name in table.names:
            text = table.array(name)
            missing = (text == "") & (frame[name] != "").fillna(True).to_numpy(dtype=bool)
            made[name] = np.where(missing, np.nan, text)
        else:
            # The model does not depend on it, but the library may refuse numbers among categories, or missing numbers.
            texts = any(array.dtype == object for array in table.arrays)
            nothing = np.full(len(frame), np.nan, dtype=object) if texts else np.zeros(len(frame))
            made[name] = frame[name].to_numpy() if name in frame else nothing
    return pd.DataFrame(made)


def _numbers(frame: pd.DataFrame, column: Any) -> Any:
    from dataclasses import replace

    dtype = "float64" if column.kind is ColumnKind.NUMERIC else column.dtype
    return to_table(frame, [replace(column, dtype=dtype)]).arrays[0]
