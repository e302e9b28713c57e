"""Runs an exported ONNX file with onnxruntime: one thread, no telemetry.

A file may take one matrix of features instead of raw columns. Then the Program that makes the matrix is in its
metadata, as a `.lam` file in base64, and runs in the fastest engine that is installed.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.artifact import read_artifact
from lean_automl_runtime.engines import make_engine, require_engine
from lean_automl_runtime.errors import ArtifactError
from lean_automl_runtime.ir.columns import Column, ColumnKind
from lean_automl_runtime.ir.program import PREDICTION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lean_automl_runtime.engines import Engine

Array = np.ndarray[Any, np.dtype[Any]]

METADATA_COLUMNS: Final = "lean_automl.columns"
METADATA_CLASSES: Final = "lean_automl.classes"
METADATA_FACTS: Final = "lean_automl.metadata"
METADATA_TRANSFORM: Final = "lean_automl.transform"  # only where the file takes features
METADATA_OUTPUTS: Final = "lean_automl.outputs"  # only where an output could not have its own name

FEATURES: Final = "features"  # the input of a file that takes features

# Trees take several kB a row while they run: all of a large table at once would take more memory, and more time.
ROWS_AT_ONCE: Final = 4096


class OnnxEngine:
    """A session on an ONNX file that lean_automl exported.

    Attributes:
        columns: Raw columns, from the file's metadata.
        classes: Class labels, empty for a regressor.
        metadata: What the exporter noted: measured figures, provenance.
        transform: Makes the matrix that the file takes; None if it takes raw columns.
    """

    name = "onnx"

    def __init__(self, model: bytes | str | Path) -> None:
        require_engine("onnx")
        # Since 1.29 the Linux wheels start a telemetry thread and write to the home folder unless told not to.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class for each status code, without a common base
            where = "ONNX model" if isinstance(model, bytes) else str(model)
            raise ArtifactError(f"{where}: onnxruntime cannot load it: {error}") from error
        notes = self._session.get_modelmeta().custom_metadata_map
        if METADATA_COLUMNS not in notes:
            raise ArtifactError("this ONNX file was not exported by lean_automl: it does not describe its columns")
        self.columns = tuple(Column(n, ColumnKind(k), d) for n, k, d in json.loads(notes[METADATA_COLUMNS]))
        self.classes: tuple[Any, ...] = tuple(json.loads(notes.get(METADATA_CLASSES, "[]")))
        self.metadata: dict[str, Any] = json.loads(notes.get(METADATA_FACTS, "{}"))
        self.transform = _transform(notes[METADATA_TRANSFORM]) if METADATA_TRANSFORM in notes else None
        self._inputs = [i.name for i in self._session.get_inputs()]
        renamed: dict[str, str] = json.loads(notes.get(METADATA_OUTPUTS, "{}"))
        self._outputs = [renamed.get(i.name, i.name) for i in self._session.get_outputs()]

    def run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Named outputs for one typed array for each column (`ir.columns`), all of n rows."""
        rows = max((x.shape[0] for x in inputs), default=0)
        if rows <= ROWS_AT_ONCE:
            return self._run(inputs)
        starts = range(0, rows, ROWS_AT_ONCE)
        parts = [self._run([x[start : start + ROWS_AT_ONCE] for x in inputs]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._outputs}

    def run_features(self, matrix: Array) -> dict[str, Array]:
        """Named outputs for a matrix of features, float32 (n, k), of a file that takes one."""
        return dict(zip(self._outputs, self._session.run(None, {FEATURES: matrix}), strict=True))

    def _run(self, inputs: Sequence[Array]) -> dict[str, Array]:
        if self.transform is not None:
            return self.run_features(self.transform.run(inputs)[PREDICTION])
        feed = {name: x.reshape(-1, 1) for name, x in zip(self._inputs, inputs, strict=True)}
        return dict(zip(self._outputs, self._session.run(None, feed), strict=True))


def _transform(text: str) -> Engine:
    """The engine of the Program that makes features."""
    try:
        program = read_artifact(b64decode(text, validate=True)).program
    except (ValueError, ArtifactError) as error:
        raise ArtifactError(f"the features of this ONNX file cannot be made: {error}") from error
    return make_engine(program)
