"""Prints a graph as an ONNX file; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.errors import MissingDependencyError

from lean_automl_exporters.onnx.graph import DATA_TYPES

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.graph import Array, Attribute, Graph, Node

PRODUCER: Final = "lean_automl"
IR_VERSION: Final = 8
BATCH: Final = "N"


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
    model = proto.ModelProto(ir_version=IR_VERSION, producer_name=PRODUCER)
    for domain, version in opsets.items():
        model.opset_import.add(domain=domain, version=version)
    model.graph.name = "g"
    for field, own in zip((model.graph.input, model.graph.output), ports, strict=True):
        for port in own:
            _add_port(field.add(), port)
    for name, array in graph.constants.items():
        _fill_tensor(model.graph.initializer.add(name=name), array)
    for node in graph.nodes:
        _fill_node(proto, model.graph.node.add(), node)
    for key, value in notes.items():
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _add_port(info: Any, port: Port) -> None:
    info.name = port.name
    tensor = info.type.tensor_type
    tensor.elem_type = DATA_TYPES[port.dtype]
    tensor.shape.dim.add(dim_param=BATCH)
    if port.width is not None:
        tensor.shape.dim.add(dim_value=port.width)


def _fill_tensor(tensor: Any, array: Array) -> None:
    tensor.dims.extend(array.shape)
    if array.dtype == object:
        tensor.data_type = DATA_TYPES["string"]
        tensor.string_data.extend(text.encode() for text in array.reshape(-1))
        return
    tensor.data_type = DATA_TYPES[array.dtype.name]
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    tensor.raw_data = np.ascontiguousarray(little).tobytes()


def _fill_node(proto: Any, target: Any, node: Node) -> None:
    target.op_type = node.op_type
    if node.domain:
        target.domain = node.domain
    target.input.extend(node.inputs)
    target.output.extend(node.outputs)
    for name, value in node.attributes.items():
        _fill_attribute(proto, target.attribute.add(name=name), value)


def _fill_attribute(proto: Any, target: Any, value: Attribute) -> None:
    kinds = proto.AttributeProto
    if isinstance(value, np.ndarray):
        target.type = kinds.TENSOR
        _fill_tensor(target.t, value)
    elif isinstance(value, str):
        target.type, target.s = kinds.STRING, value.encode()
    elif isinstance(value, int):
        target.type, target.i = kinds.INT, value
    elif isinstance(value, float):
        target.type, target.f = kinds.FLOAT, value
    elif value and isinstance(value[0], str):
        target.type = kinds.STRINGS
        target.strings.extend(v.encode() for v in value)
    elif value and isinstance(value[0], float):
        target.type = kinds.FLOATS
        target.floats.extend(value)
    else:
        target.type = kinds.INTS
        target.ints.extend(value)
