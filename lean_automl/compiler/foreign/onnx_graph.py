"""An ONNX graph as plain values: nodes in order, attributes and constants as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.errors import DataError, UnsupportedOpError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOAT, INT32, INT64, STRING, BOOL, DOUBLE = 1, 6, 7, 8, 9, 11


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Attributes:
        op: Its type.
        name: Its name, or that of its first output.
        inputs: Names of values; empty for one that is left out.
        outputs: Names of values.
        attributes: Numbers, texts, lists of them, or arrays.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def refuse(self, why: str) -> UnsupportedOpError:
        """The error for this node."""
        return UnsupportedOpError(f"ONNX op {self.op} (node {self.name!r}) {why}")

    def array(self, name: str, dtype: Any = np.float64) -> NDArray[Any]:
        """A list attribute as an array, also where it is given as a tensor; empty where it is absent."""
        found = self.attributes.get(f"{name}_as_tensor")
        found = self.attributes.get(name, []) if found is None else found
        return np.asarray(found).reshape(-1).astype(dtype)

    def texts(self, name: str) -> list[str]:
        """A list attribute of texts."""
        return [_text(value) for value in self.attributes.get(name, [])]

    def text(self, name: str, default: str) -> str:
        """A text attribute."""
        return _text(self.attributes.get(name, default))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True)
class Input:
    """An input of the graph.

    Attributes:
        name: Its name.
        kind: Element type, as ONNX numbers them.
        width: Columns; None where the graph does not say.
    """

    name: str
    kind: int
    width: int | None


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph.

    Attributes:
        inputs: In order, without those that are constants.
        outputs: Names.
        nodes: In order of evaluation.
        constants: By name.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]


def read_graph(model: Any) -> Graph:
    """The graph of a ModelProto.

    Raises:
        DataError: It has no nodes.
        UnsupportedOpError: It defines functions of its own.
    """
    import onnx
    from onnx import numpy_helper

    if model.functions:
        raise UnsupportedOpError("ONNX files with functions of their own are not supported: inline them before")
    graph = model.graph
    if not graph.node:
        raise DataError("the ONNX file has no nodes")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        attributes = {a.name: _plain(onnx.helper.get_attribute_value(a), onnx) for a in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = np.asarray(next(iter(attributes.values())))
            continue
        name = node.name or (node.output[0] if node.output else node.op_type)
        nodes.append(Node(node.op_type, name, tuple(node.input), tuple(node.output), attributes))
    inputs = tuple(_input(value) for value in graph.input if value.name not in constants)
    return Graph(inputs, tuple(value.name for value in graph.output), tuple(nodes), constants)


def _plain(value: Any, onnx: Any) -> Any:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _input(value: Any) -> Input:
    tensor = value.type.tensor_type
    sizes = [int(d.dim_value) if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if len(sizes) == 1:
        return Input(value.name, int(tensor.elem_type), 1)
    if len(sizes) != 2:
        raise UnsupportedOpError(
            f"ONNX input {value.name!r} has {len(sizes)} dimensions, and only tables are supported"
        )
    return Input(value.name, int(tensor.elem_type), sizes[1] or None)
