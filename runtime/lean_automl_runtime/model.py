"""`load` and `Model`: what a serving process uses.

With the native engine nothing here imports numpy before a whole table is asked for.
"""

from lean_automl_runtime.container import load_payload
from lean_automl_runtime.engines import AUTO, NATIVE, available, make_engine, require_engine
from lean_automl_runtime.errors import ArtifactError, ConfigError, CorruptArtifactError
from lean_automl_runtime.prediction import Prediction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike
    from typing import Any

    import numpy as np

    from lean_automl_runtime.container import Payload
    from lean_automl_runtime.engines import Engine
    from lean_automl_runtime.ir.columns import Column
    from lean_automl_runtime.records import Record, RecordReader, TableLike

    Array = np.ndarray[Any, np.dtype[Any]]


class Model:
    """A loaded artifact and the engine that runs it.

    Attributes:
        classes: Class labels in order of the probabilities; empty for a regressor.
        engine: Name of the engine that runs.
        metadata: What the exporter noted.
        predict_one: `predict_one(record)` is the answer for one record.
    """

    def __init__(
        self,
        engine: "Engine",
        columns: "tuple[Column, ...] | Callable[[], tuple[Column, ...]]",
        classes: "tuple[Any, ...]",
        metadata: "dict[str, Any]",
    ) -> None:
        self.classes = classes
        self.engine = engine.name
        self.metadata = metadata
        self._run = engine.run
        self._columns = columns
        self._own_reader: RecordReader | None = None
        self._read_column = getattr(engine, "read_column", None)
        self._run_one = getattr(engine, "run_one", self._run_arrays)
        # An engine that reads records itself is called without a step between.
        self.predict_one: Callable[[Record], Prediction] = getattr(engine, "predict_one", self._predict_one)

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "regression"
        return f"<Model: {len(self.columns)} columns, {what}, {self.engine} engine>"

    @property
    def columns(self) -> "tuple[Column, ...]":
        """Raw columns that a record must have; others are ignored."""
        if not isinstance(self._columns, tuple):
            self._columns = self._columns()
        return self._columns

    def run(self, arrays: "Sequence[Array]") -> "dict[str, Array]":
        """Named outputs for one typed array for each column, as `ir.columns` describes them."""
        return self._run(arrays)

    def predict(self, table: "TableLike") -> "Array":
        """Class labels or predicted numbers, shape (n,), for a table of n rows; (n, k) for k quantiles.

        Args:
            table: A DataFrame, a mapping from column names to sequences, or a list of records.

        Raises:
            SchemaError: A column is absent or holds a value that its kind does not allow.
        """
        outputs = self._run(self._reader.table(table))
        if self.classes:
            return outputs["label"].reshape(-1)
        numbers = outputs["prediction"]
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def predict_proba(self, table: "TableLike") -> "Array":
        """Probabilities, float32 of shape (n, classes), in the order of `classes`.

        Raises:
            ConfigError: The model is a regressor.
            SchemaError: A column is absent or holds a value that its kind does not allow.
        """
        if not self.classes:
            raise ConfigError("a regressor has no probabilities: use predict")
        return self._run(self._reader.table(table))["probabilities"]

    def _predict_one(self, record: "Record") -> Prediction:
        """The answer for one record, a mapping from column names to values; `None` is a missing value.

        Raises:
            SchemaError: A column is absent or holds a value that its kind does not allow.
        """
        return Prediction(*self._run_one(self._reader.values(record)))

    @property
    def _reader(self) -> "RecordReader":
        if self._own_reader is None:
            from lean_automl_runtime.records import RecordReader

            self._own_reader = RecordReader(self.columns, self._read_column)
        return self._own_reader

    def _run_arrays(self, values: "Sequence[Any]") -> "tuple[Any, tuple[float, ...]]":
        """As `RowEngine.run_one`, for an engine that has only `run`."""
        outputs = self._run(self._reader.arrays(values))
        if not self.classes:
            numbers = tuple(outputs["prediction"][0].tolist())
            return (numbers if len(numbers) > 1 else numbers[0]), ()
        label = outputs["label"].reshape(-1)[0]
        return (label.item() if hasattr(label, "item") else label), tuple(outputs["probabilities"][0].tolist())


def load(path: "str | PathLike[str]", engine: str = AUTO) -> Model:
    """Load a `.lam` artifact, or a `.onnx` file that lean_automl exported.

    Args:
        path: The file.
        engine: `auto` (the fastest installed), `native`, `numba`, `reference`, or `onnx` for an ONNX file.

    Raises:
        ArtifactError: The file cannot be read or is not usable.
        MissingDependencyError: The engine is not installed; the message has the install line.
    """
    if str(path).endswith(".onnx"):
        from lean_automl_runtime.engines.onnx import OnnxEngine

        if engine not in (AUTO, "onnx"):
            raise ConfigError(f"{path} is an ONNX file, which engine {engine!r} does not run: use 'onnx'")
        session = OnnxEngine(str(path))
        return Model(session, session.columns, session.classes, session.metadata)
    payload = load_payload(path)
    try:
        return _model_of(payload, engine)
    except ArtifactError as error:
        raise type(error)(f"{path}: {error}") from error


def _model_of(payload: "Payload", engine: str) -> Model:
    if engine == NATIVE or (engine == AUTO and available(NATIVE)):
        require_engine(NATIVE)
        from lean_automl_runtime.engines.native import NativeEngine

        try:
            native = NativeEngine.of(payload)
            return Model(native, native.read_columns, native.classes, payload.notes())
        except CorruptArtifactError:
            if engine == NATIVE:
                raise
    from lean_automl_runtime.artifact import artifact_of

    artifact = artifact_of(payload)
    program = artifact.program
    return Model(make_engine(program, engine), program.columns, program.classes, artifact.metadata)
