"""The compiled model of a fitted estimator, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from lean_automl_runtime.artifact import Artifact, read_artifact
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.engines.onnx import OnnxEngine
from lean_automl_runtime.model import Model

from lean_automl.data import to_table
from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Column
    from numpy.typing import NDArray

    Array = NDArray[Any]

FORMATS: Final = ("lam", "onnx", "c")
IMPORTANCE_ROWS: Final = 1_000
SMALLEST_PROBABILITY: Final = 1e-7


class Served:
    """A model that predicts rows of a frame.

    Attributes:
        content: Bytes of the file.
        engine: Of the runtime; `onnx` if the file is an ONNX file.
        classes: Labels as the file has them; empty for regression.
    """

    def __init__(self, content: bytes, engine: str) -> None:
        self.content, self.engine = content, engine
        self._artifact: Artifact | None = None
        if engine == "onnx":
            session = OnnxEngine(content)
            self._model = Model(session, session.columns, session.classes, session.metadata)
        else:
            self._artifact = read_artifact(content)
            program = self._artifact.program
            self._model = Model(make_engine(program, engine), program.columns, program.classes, {})
        self.classes = self._model.classes

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns that the model reads."""
        return self._model.columns

    @property
    def artifact(self) -> Artifact:
        """The Program and its metadata.

        Raises:
            ConfigError: The model is an ONNX file alone.
        """
        if self._artifact is None:
            raise ConfigError("serve_with='onnx' makes an ONNX file alone. Fit with another engine to export others.")
        return self._artifact

    def labels(self, frame: pd.DataFrame) -> Array:
        """Position in `classes` of each row's label."""
        labels = self._run(frame)["label"].reshape(-1).tolist()
        return np.asarray(pd.Index(np.array(self.classes, dtype=object)).get_indexer(pd.Index(labels, dtype=object)))

    def probabilities(self, frame: pd.DataFrame) -> Array:
        """One column for each of `classes`."""
        return self._run(frame)["probabilities"]

    def numbers(self, frame: pd.DataFrame) -> Array:
        """Predicted numbers, shape (n,), or (n, k) for k quantiles."""
        numbers = self._run(frame)["prediction"].astype(np.float64)
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def export(self, form: str) -> bytes:
        """The model as another file.

        Raises:
            ConfigError: There is no such form, or the model is an ONNX file alone.
        """
        if form not in FORMATS:
            raise ConfigError(f"to: {form!r} is not one of: {', '.join(FORMATS)}.")
        if form == "onnx" and self.engine == "onnx":
            return self.content
        artifact = self.artifact
        if form == "lam":
            return self.content
        if form == "onnx":
            from lean_automl_exporters.onnx import export_checked

            return export_checked(artifact.program, [], metadata=artifact.metadata)[0]
        from lean_automl_exporters.c import export_c

        (text,) = export_c(artifact.program).values()
        return text.encode("utf-8")

    def importances(self, frame: pd.DataFrame, truth: Array, seed: int) -> Array:
        """How much worse the loss gets when a column of the frame is shuffled, as shares; zeros if nothing matters.

        Args:
            frame: Rows; a sample of them is used.
            truth: Positions in `classes`, or numbers.
            seed: Of sample and shuffles.
        """
        rng = np.random.default_rng(seed)
        rows = rng.permutation(len(frame))[:IMPORTANCE_ROWS]
        table = to_table(frame.iloc[rows], self.columns)
        truth = truth[rows]
        base = self._loss(table.arrays, truth)
        found = dict.fromkeys((str(name) for name in frame.columns), 0.0)
        for position, column in enumerate(table.columns):
            arrays = list(table.arrays)
            arrays[position] = rng.permutation(arrays[position])
            found[column.name] = max(0.0, self._loss(tuple(arrays), truth) - base)
        values = np.array(list(found.values()))
        total = values.sum()
        return values / total if total > 0 else values

    def _loss(self, arrays: tuple[Array, ...], truth: Array) -> float:
        outputs = self._model.run(arrays)
        if not self.classes:
            numbers = outputs["prediction"]
            return float(np.mean((numbers[:, numbers.shape[1] // 2] - truth) ** 2))  # of quantiles, the middle one
        chosen = np.take_along_axis(outputs["probabilities"], truth[:, None], axis=1)
        return float(-np.log(np.maximum(chosen, SMALLEST_PROBABILITY)).mean())

    def _run(self, frame: pd.DataFrame) -> dict[str, Array]:
        return self._model.run(to_table(frame, self.columns).arrays)
