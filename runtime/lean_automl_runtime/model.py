"""`load` and `Model`: what a serving process uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lean_automl_runtime.artifact import load_artifact
from lean_automl_runtime.engines import AUTO, Engine, RowEngine, make_engine
from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.ir.program import LABEL, PREDICTION, PROBABILITIES
from lean_automl_runtime.records import Record, RecordReader, TableLike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir.columns import Column

Array = np.ndarray[Any, np.dtype[Any]]


class Prediction(NamedTuple):
    """The answer for one record.

    Attributes:
        value: The class label, or the predicted number.
        probabilities: One for each of `Model.classes`; empty for a regressor.
    """

    value: str | int | bool | float
    probabilities: tuple[float, ...]


class Model:
    """A loaded artifact and the engine that runs it.

    Attributes:
        columns: Raw columns that a record must have; others are ignored.
        classes: Class labels in order of the probabilities; empty for a regressor.
        engine: Name of the engine that runs.
        metadata: What the exporter noted.
    """

    def __init__(
        self, engine: Engine, columns: tuple[Column, ...], classes: tuple[Any, ...], metadata: dict[str, Any]
    ) -> None:
        self.columns = columns
        self.classes = classes
        self.engine = engine.name
        self.metadata = metadata
        self._run = engine.run
        self._reader = RecordReader(columns)
        self._run_one = engine.run_one if isinstance(engine, RowEngine) else self._run_arrays

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "regression"
        return f"<Model: {len(self.columns)} columns, {what}, {self.engine} engine>"

    def run(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for one typed array for each column, as `ir.columns` describes them."""
        return self._run(arrays)

    def predict(self, table: TableLike) -> Array:
        """Class labels or predicted numbers, shape (n,), for a table of n rows.

        Args:
            table: A DataFrame, a mapping from column names to sequences, or a list of records.

        Raises:
            SchemaError: A column is absent or holds a value that its kind does not allow.
        """
        outputs = self._run(self._reader.table(table))
        return outputs[LABEL].reshape(-1) if self.classes else outputs[PREDICTION][:, 0]

    def predict_proba(self, table: TableLike) -> Array:
        """Probabilities, float32 of shape (n, classes), in the order of `classes`.

        Raises:
            ConfigError: The model is a regressor.
            SchemaError: A column is absent or holds a value that its kind does not allow.
        """
        if not self.classes:
            raise ConfigError("a regressor has no probabilities: use predict")
        return self._run(self._reader.table(table))[PROBABILITIES]

    def predict_one(self, record: Record) -> Prediction:
        """The answer for one record, a mapping from column names to values; `None` is a missing value.

        Raises:
            SchemaError: A column is absent or holds a value that its kind does not allow.
        """
        return Prediction(*self._run_one(self._reader.values(record)))

    def _run_arrays(self, values: Sequence[Any]) -> tuple[Any, tuple[float, ...]]:
        """As `RowEngine.run_one`, for an engine that has only `run`."""
        outputs = self._run(self._reader.arrays(values))
        if not self.classes:
            return float(outputs[PREDICTION][0, 0]), ()
        label = outputs[LABEL].reshape(-1)[0]
        return (label.item() if isinstance(label, np.generic) else label), tuple(outputs[PROBABILITIES][0].tolist())


def load(path: str | Path, engine: str = AUTO) -> Model:
    """Load a `.lam` artifact, or a `.onnx` file that lean_automl exported.

    Args:
        path: The file.
        engine: `auto` (the fastest installed), `numba`, `reference`, or `onnx` for an ONNX file.

    Raises:
        ArtifactError: The file cannot be read or is not usable.
        MissingDependencyError: The engine is not installed; the message has the install line.
    """
    if Path(path).suffix == ".onnx":
        from lean_automl_runtime.engines.onnx import OnnxEngine

        if engine not in (AUTO, "onnx"):
            raise ConfigError(f"{path} is an ONNX file, which engine {engine!r} does not run: use 'onnx'")
        session = OnnxEngine(path)
        return Model(session, session.columns, session.classes, session.metadata)
    artifact = load_artifact(path)
    program = artifact.program
    return Model(make_engine(program, engine), program.columns, program.classes, artifact.metadata)
