"""Loads ONNX files; onnxruntime is the judge of what they predict."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.foreign.onnx import input_columns, read_onnx
from lean_automl.compiler.foreign.onnx_graph import BOOL, DOUBLE, FLOAT, INT32, INT64, STRING, Graph, Input, read_graph
from lean_automl.compiler.foreign.request import Loaded, Predict, Request
from lean_automl.errors import DataError, MissingDependencyError, UnsupportedOpError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.model import SourceModel

DTYPES: Final[dict[int, Any]] = {
    FLOAT: np.float32,
    DOUBLE: np.float64,
    INT64: np.int64,
    INT32: np.int32,
    BOOL: np.bool_,
    STRING: object,
}
OWN: Final = "lean_automl.columns"


def load_onnx_bytes(content: bytes, where: str, request: Request) -> Loaded:
    """An ONNX file.

    Raises:
        DataError: It is not one.
        MissingDependencyError: onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("reading an ONNX file needs onnx: pip install onnx") from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own, which has no type stubs
        raise DataError(f"{where}: this is not an ONNX file: {error}.") from error
    return load_onnx(model, request)


def load_onnx(source: Any, request: Request) -> Loaded:
    """A ModelProto."""
    if any(entry.key == OWN for entry in source.metadata_props):
        raise UnsupportedOpError("this ONNX file was made by lean_automl: use the model.lam beside it")
    graph = read_graph(source)
    for one in graph.inputs:
        if one.kind not in DTYPES:
            raise UnsupportedOpError(f"ONNX input {one.name!r} has element type {one.kind}, which is not supported")
    model = read_onnx(graph, request.classes, request.names_for)
    try:
        import onnxruntime
    except ImportError:
        return Loaded(model, None)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(source.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class for each status code, without a common base
        raise DataError(f"onnxruntime cannot load this ONNX file: {error}") from error
    return Loaded(model, _predict(session, graph, model, request))


def _predict(session: Any, graph: Graph, model: SourceModel, request: Request) -> Predict:
    columns = input_columns(graph, request.names_for)

    def predict(frame: pd.DataFrame) -> NDArray[np.float64]:
        feed = {one.name: _tensor(frame[list(names)], one) for one, names in columns}
        outputs = [output for output in session.run(None, feed) if not _is_label(output, model)]
        if not outputs:
            raise DataError("the ONNX file yields labels only")
        first = outputs[0]
        if isinstance(first, list):
            first = [[row[key] for key in row] for row in first]
        answer = np.asarray(first, dtype=np.float64)
        if len(model.head.classes) == 2 and answer.size == len(answer):  # the margin of the second class alone
            answer = np.column_stack([-answer.reshape(-1), answer.reshape(-1)])
        return answer if model.head.classes else answer.reshape(-1)

    return predict


def _is_label(output: Any, model: SourceModel) -> bool:
    return bool(model.head.classes) and not isinstance(output, list) and np.asarray(output).dtype.kind not in "f"


def _tensor(frame: pd.DataFrame, one: Input) -> Any:
    if one.kind == STRING:
        return frame.fillna("").astype(str).to_numpy(dtype=object)
    values = frame.to_numpy(dtype=np.float64)
    if one.kind in (INT32, INT64):
        values = np.nan_to_num(values)
    return values.astype(DTYPES[one.kind])
