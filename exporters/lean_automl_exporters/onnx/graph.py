"""The plan of an ONNX graph: nodes, constants and names, without onnx itself.

Rule: equal nodes are one node and equal constants are stored once, so that lowering may ask twice for the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
ML_DOMAIN: Final = "ai.onnx.ml"
RUNTIME_DOMAIN: Final = "com.microsoft"  # onnxruntime's own ops

# Numbers of ONNX's TensorProto.DataType.
DATA_TYPES: Final[dict[str, int]] = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "string": 8,
    "bool": 9,
    "float16": 10,
    "float64": 11,
}


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A repeated attribute: non-negative integers (below 2**35) or float32."""

    values: Array


Attribute = int | str | Array | Numbers | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One node: `output = op_type(inputs, attributes)`. Nodes with several outputs have their names in `outputs`."""

    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    domain: str


class Graph:
    """Nodes in order of evaluation, and the constants that they read."""

    def __init__(self, reserved: tuple[str, ...] = ()) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self._reserved = frozenset(reserved)
        self._renamed: dict[str, str] = {}
        self._names = _short_names()
        self._known_nodes: dict[object, tuple[str, ...]] = {}
        self._known_constants: dict[object, str] = {}

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """Name of the node's one output."""
        return self.nodes_of(op_type, inputs, 1, domain, attributes)[0]

    def nodes_of(
        self, op_type: str, inputs: tuple[str, ...], count: int, domain: str, attributes: dict[str, Attribute]
    ) -> tuple[str, ...]:
        """Names of the `count` outputs of a node."""
        key = (op_type, inputs, count, domain, tuple((k, _key(v)) for k, v in sorted(attributes.items())))
        if key not in self._known_nodes:
            outputs = tuple(self.fresh() for _ in range(count))
            self.nodes.append(Node(op_type, inputs, outputs, attributes, domain))
            self._known_nodes[key] = outputs
        return self._known_nodes[key]

    def constant(self, array: Array) -> str:
        """Name of a constant, stored as it is."""
        key = _key(array)
        if key not in self._known_constants:
            name = self.fresh()
            self._known_constants[key] = name
            self.constants[name] = array
        return self._known_constants[key]

    def integers(self, *values: int) -> str:
        """Name of a constant int64 vector: axes, shapes."""
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float, dtype: str) -> str:
        """Name of a constant with one element."""
        return self.constant(np.array([value], dtype=dtype))

    def cast(self, name: str, dtype: str) -> str:
        """`name` converted to another element type."""
        return self.node("Cast", name, to=DATA_TYPES[dtype])

    def concat(self, names: tuple[str, ...]) -> str:
        """Columns side by side; the thing itself if it is one."""
        return names[0] if len(names) == 1 else self.node("Concat", *names, axis=1)

    def name_output(self, name: str, value: str) -> None:
        """Make `value` an output of the graph, under that name."""
        current = self._renamed.get(value, value)
        if current != value or self.maker(value) is None:  # an output already, or an input
            self.nodes.append(Node("Identity", (current,), (name,), {}, ""))
            return
        self._renamed[value] = name
        self.nodes = [_renamed(node, {value: name}) for node in self.nodes]

    def maker(self, name: str) -> Node | None:
        """The node that makes a value; None for an input or a constant."""
        return next((node for node in self.nodes if name in node.outputs), None)

    def drop_unused(self, outputs: Collection[str]) -> None:
        """Keep only what the outputs need."""
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: array for name, array in self.constants.items() if name in needed}

    def fresh(self) -> str:
        """A name that is not taken."""
        return next(name for name in self._names if name not in self._reserved)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    inputs, outputs = (tuple(names.get(n, n) for n in own) for own in (node.inputs, node.outputs))
    return Node(node.op_type, inputs, outputs, node.attributes, node.domain)


def _key(value: Attribute) -> object:
    if isinstance(value, Numbers):
        return ("numbers", _key(value.values))
    if isinstance(value, np.ndarray):
        content = tuple(value.tolist()) if value.dtype == object else value.tobytes()
        return (value.dtype.name, value.shape, content)
    return (type(value).__name__, value)


def _short_names() -> Iterator[str]:
    """a, b, ..., z, aa, ab, ..."""
    letters: Callable[[int], str] = lambda n: (letters(n // 26 - 1) if n >= 26 else "") + chr(97 + n % 26)  # noqa: E731
    number = 0
    while True:
        yield letters(number)
        number += 1
