"""Prints a graph as an ONNX file; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.errors import MissingDependencyError

from lean_automl_exporters.onnx.graph import DATA_TYPES, RUNTIME_DOMAIN, Numbers
from lean_automl_exporters.onnx.wire import field, packed_floats, packed_integers

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.graph import Array, Attribute, Graph, Node

PRODUCER: Final = "lean_automl"
IR_VERSION: Final = 8
BATCH: Final = "N"

# Numbers of fields in onnx.proto.
GRAPH_OF_MODEL: Final = 7
NODE_OF_GRAPH: Final = 1
ATTRIBUTE_OF_NODE: Final = 5
FLOATS_OF_ATTRIBUTE: Final = 7
INTS_OF_ATTRIBUTE: Final = 8


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the graph.

    Attributes:
        name: Its name.
        dtype: Element type, a key of `graph.DATA_TYPES`.
        width: Columns, or None for a vector with one element a row.
    """

    name: str
    dtype: str
    width: int | None


def require_onnx() -> Any:
    """The onnx package.

    Raises:
        MissingDependencyError: It is not installed.
    """
    if find_spec("onnx") is None:
        raise MissingDependencyError("writing ONNX files needs onnx: pip install onnx")
    import onnx

    return onnx


def to_model(
    graph: Graph, ports: tuple[Sequence[Port], Sequence[Port]], opsets: Mapping[str, int], notes: Mapping[str, str]
) -> bytes:
    """The serialised model.

    Args:
        graph: Nodes and constants.
        ports: Inputs and outputs.
        opsets: Version of each domain.
        notes: Metadata.
    """
    proto = require_onnx()
    head = proto.GraphProto(name="g")
    for info, own in zip((head.input, head.output), ports, strict=True):
        for port in own:
            _add_port(info.add(), port)
    for name in (name for node in graph.nodes if node.domain == RUNTIME_DOMAIN for name in node.outputs):
        _add_texts(head.value_info.add(), name)
    for name, array in graph.constants.items():
        _fill_tensor(head.initializer.add(name=name), array)
    nodes = b"".join(field(NODE_OF_GRAPH, _node(proto, node)) for node in graph.nodes)
    model = proto.ModelProto(ir_version=IR_VERSION, producer_name=PRODUCER)
    for domain, version in opsets.items():
        model.opset_import.add(domain=domain, version=version)
    for key, value in notes.items():
        model.metadata_props.add(key=key, value=value)
    return _bytes(model) + field(GRAPH_OF_MODEL, _bytes(head) + nodes)


def _bytes(message: Any) -> bytes:
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def _add_port(info: Any, port: Port) -> None:
    info.name = port.name
    tensor = info.type.tensor_type
    tensor.elem_type = DATA_TYPES[port.dtype]
    tensor.shape.dim.add(dim_param=BATCH)
    if port.width is not None:
        tensor.shape.dim.add(dim_value=port.width)


def _add_texts(info: Any, name: str) -> None:
    """The type of what onnxruntime's `Tokenizer` makes, which ONNX itself does not know: texts in three dimensions."""
    info.name = name
    info.type.tensor_type.elem_type = DATA_TYPES["string"]
    for _ in range(3):
        info.type.tensor_type.shape.dim.add()


def _fill_tensor(tensor: Any, array: Array) -> None:
    tensor.dims.extend(array.shape)
    if array.dtype == object:
        tensor.data_type = DATA_TYPES["string"]
        tensor.string_data.extend(text.encode() for text in array.reshape(-1))
        return
    tensor.data_type = DATA_TYPES[array.dtype.name]
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    tensor.raw_data = np.ascontiguousarray(little).tobytes()


def _node(proto: Any, node: Node) -> bytes:
    head = proto.NodeProto(op_type=node.op_type, domain=node.domain or None, input=node.inputs, output=node.outputs)
    attributes = (field(ATTRIBUTE_OF_NODE, _attribute(proto, name, value)) for name, value in node.attributes.items())
    return _bytes(head) + b"".join(attributes)


def _attribute(proto: Any, name: str, value: Attribute) -> bytes:
    kinds = proto.AttributeProto
    target = proto.AttributeProto(name=name)
    if isinstance(value, Numbers):
        whole = value.values.dtype.kind in "iub"
        target.type = kinds.INTS if whole else kinds.FLOATS
        number, pack = (INTS_OF_ATTRIBUTE, packed_integers) if whole else (FLOATS_OF_ATTRIBUTE, packed_floats)
        return _bytes(target) + field(number, pack(value.values))
    if isinstance(value, np.ndarray):
        target.type = kinds.TENSOR
        _fill_tensor(target.t, value)
    elif isinstance(value, str):
        target.type, target.s = kinds.STRING, value.encode()
    elif isinstance(value, int):
        target.type, target.i = kinds.INT, value
    else:
        target.type = kinds.STRINGS
        target.strings.extend(text.encode() for text in value)
    return _bytes(target)
