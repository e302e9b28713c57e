"""Programs as bytes: a JSON head that describes columns and ops, and one block of raw arrays.

The bytes are canonical: equal Programs give equal bytes, so their SHA-256 is the Program's digest. Arrays are
little-endian, C-ordered, each aligned to 8 bytes; equal arrays are stored once.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.errors import CorruptArtifactError, VerifyError
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.columns import Column, ColumnKind
from lean_automl_runtime.ir.program import Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALIGNMENT: Final = 8
ARRAY_DTYPES: Final = ("float32", "int8", "int16", "int32", "uint8", "uint16", "bool")


class _Block:
    """Raw arrays, one after the other."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._known: dict[tuple[str, bytes], int] = {}

    def put(self, array: NDArray[Any]) -> dict[str, Any]:
        """Store an array and describe where it is."""
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        key = (array.dtype.name, raw)
        if key not in self._known:
            self.data.extend(b"\0" * (-len(self.data) % ALIGNMENT))
            self._known[key] = len(self.data)
            self.data.extend(raw)
        return {"dtype": array.dtype.name, "shape": list(array.shape), "at": self._known[key]}


def to_bytes(program: Program) -> tuple[bytes, bytes]:
    """Head (UTF-8 JSON) and array block of a Program."""
    block = _Block()
    head = {
        "columns": [[c.name, c.kind.value, c.dtype] for c in program.columns],
        "ops": [_op_to_json(op, block) for op in program.ops],
        "outputs": dict(sorted(program.outputs.items())),
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", errors="surrogatepass"), bytes(block.data)


def digest(program: Program) -> str:
    """SHA-256 of the canonical bytes, as hex."""
    import hashlib  # a serving process never asks, and it takes milliseconds to load

    head, block = to_bytes(program)
    return hashlib.sha256(head + b"\0" + block).hexdigest()


def op_key(op: o.Op) -> object:
    """Hashable content of an op: equal for ops that do the same."""
    block = _Block()
    described = json.dumps(_op_to_json(op, block), sort_keys=True)
    return described, bytes(block.data)


def _op_to_json(op: o.Op, block: _Block) -> dict[str, Any]:
    described: dict[str, Any] = {"op": op.name, "in": list(op.inputs)}
    for field in fields(op)[1:]:
        value = getattr(op, field.name)
        if isinstance(value, np.ndarray):
            described[field.name] = block.put(value)
        elif isinstance(value, tuple):
            described[field.name] = list(value)
        else:
            described[field.name] = value
    return described


def from_bytes(head: bytes, block: bytes) -> Program:
    """The Program that `to_bytes` wrote, verified.

    Raises:
        CorruptArtifactError: The bytes are not those of a Program; says which part is at fault.
    """
    if sys.byteorder != "little":
        raise CorruptArtifactError("array block: this machine is big-endian, which is not supported")
    try:
        described = json.loads(head.decode("utf-8", errors="surrogatepass"))
        columns = tuple(Column(name, ColumnKind(kind), dtype) for name, kind, dtype in described["columns"])
        ops = tuple(_op_from_json(item, block) for item in described["ops"])
        outputs = {str(name): int(number) for name, number in described["outputs"].items()}
        return Program(columns, ops, outputs)
    except VerifyError as error:
        raise CorruptArtifactError(f"the program is not valid: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise CorruptArtifactError(f"the program's head cannot be read: {error}") from error


def _op_from_json(item: dict[str, Any], block: bytes) -> o.Op:
    op_type = o.OPS.get(item["op"])
    if op_type is None:
        raise CorruptArtifactError(f"unknown op {item['op']!r}: written by a newer version?")
    arguments: dict[str, Any] = {"inputs": tuple(int(i) for i in item["in"])}
    for field in fields(op_type)[1:]:
        value = item[field.name]
        if field.type in _ARRAYS:
            value = _array_from(value, block)
        elif field.type in _ENUMS:
            value = _ENUMS[field.type](value)
        elif isinstance(value, list):
            value = tuple(value)
        arguments[field.name] = value
    return op_type(**arguments)


# Annotations of `ops.py`, which are text there.
_ARRAYS: Final = ("F32", "I32", "Ints", "Bins", "NDArray[Any]", "NDArray[np.bool_]")
_ENUMS: Final[dict[Any, type[StrEnum]]] = {
    kind.__name__: kind for kind in (o.DateField, o.TextField, o.ArithmeticKind, o.Activation, o.LinkKind)
}


def _array_from(item: dict[str, Any], block: bytes) -> NDArray[Any]:
    if item["dtype"] not in ARRAY_DTYPES:
        raise CorruptArtifactError(f"array of dtype {item['dtype']!r}")
    shape = tuple(int(n) for n in item["shape"])
    start = int(item["at"])
    dtype = np.dtype(item["dtype"])
    count = 1
    for n in shape:
        count *= n
    if min(shape, default=0) < 0 or start < 0 or start % ALIGNMENT or start + count * dtype.itemsize > len(block):
        raise CorruptArtifactError("an array lies outside its block")
    return np.frombuffer(block, dtype=dtype, count=count, offset=start).reshape(shape)
