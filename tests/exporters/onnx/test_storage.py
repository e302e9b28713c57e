"""Constants come back bit for bit from every form in which they are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_automl_exporters.onnx.emit import Port, to_model
from lean_automl_exporters.onnx.graph import Graph
from lean_automl_exporters.onnx.storage import stored
from lean_automl_exporters.onnx.wire import packed_integers, varint

RNG = np.random.default_rng(0)


def come_back(array: Any) -> tuple[Any, int, list[str]]:
    """What onnxruntime makes of a stored constant, the size of the file, and its nodes."""
    import onnxruntime as ort

    graph = Graph(reserved=("x", "y"))
    graph.name_output("y", stored(graph, array))
    graph.node("Identity", "x")
    dims = [Port("x", "float32", 1)]
    model = to_model(graph, (dims, []), {"": 17}, {})
    proto = onnx.load_from_string(model)
    proto.graph.output.append(
        onnx.helper.make_tensor_value_info("y", onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
    )
    onnx.checker.check_model(proto, full_check=True)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.zeros((1, 1), dtype=np.float32)})
    return found, len(model), [node.op_type for node in proto.graph.node]


CASES = {
    "int8": (RNG.integers(-100, 100, 2000).astype(np.int32), 2_300),
    "9 bits": (RNG.integers(7, 7 + 500, 2000).astype(np.int32), 2_000 * 9 / 8 + 700),
    "10 bits, a matrix": (RNG.integers(-500, 500, (20, 101)).astype(np.int32), 2_020 * 10 / 8 + 700),
    "12 bits, in floats": (RNG.integers(-2000, 2000, 3001).astype(np.float32), 3_001 * 12 / 8 + 700),
    "16 bits": (RNG.integers(-30_000, 30_000, 2000).astype(np.int64), 4_300),
    "32 bits": (RNG.integers(-(2**31), 2**31, 500).astype(np.int32), 2_300),
    "mostly zero": (np.where(RNG.random(5000) < 0.05, RNG.normal(size=5000), 0).astype(np.float32), 2_400),
    "mostly zero, a matrix": (np.where(RNG.random((50, 90)) < 0.02, -9, 0).astype(np.int32), 900),
    "many": (np.where(RNG.random(70_000) < 0.001, 3000, 0).astype(np.int32), 1_500),
    "float16": (RNG.integers(-50, 50, 1000).astype(np.float32) / 8, 2_300),
    "odd floats": (np.resize(np.float32([0.0, -0.0, np.nan, np.inf, 1e-45, 3.0]), 999), 4_300),
    "rising by little": (np.cumsum(RNG.integers(0, 200, 2000)).astype(np.int32), 2_300),
    "rising and falling": (np.cumsum(RNG.integers(-100, 100, 2000)).astype(np.int32), 2_300),
    "from end to end": (np.resize(np.array([-(2**31), 2**31 - 1], dtype=np.int32), 500), 2_300),
    "nothing": (np.zeros(0, dtype=np.float32), 300),
}


@pytest.mark.parametrize("name", CASES)
def test_forms(name: str) -> None:
    array, limit = CASES[name]
    found, size, _ = come_back(array)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
    assert size < limit


def test_small_constants_stay_as_they_are() -> None:
    assert come_back(np.arange(5, dtype=np.int64))[2] == ["Identity", "Identity"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 17), st.integers(-(2**14), 2**14), st.floats(0, 1))
def test_any_integers(count: int, bits: int, least: int, zeros: float) -> None:
    array = (least + RNG.integers(0, 1 << bits, count)).astype(np.int32)
    array[RNG.random(count) < zeros] = 0
    found, _, _ = come_back(array)
    assert np.array_equal(found, array)


@given(st.lists(st.integers(0, 2**35 - 1)))
def test_packed_integers_are_protobufs(values: list[int]) -> None:
    message = onnx.TensorProto(int64_data=values)  # declared packed: field 7
    data = packed_integers(np.array(values, dtype=np.int64))
    assert message.SerializeToString() == ((varint(7 << 3 | 2) + varint(len(data)) + data) if values else b"")
