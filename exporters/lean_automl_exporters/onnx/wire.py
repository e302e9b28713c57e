"""Messages in protobuf's wire format, for repeated numbers in packed form.

onnx writes repeated numbers of attributes with a tag for each number; readers of protobuf must take both forms. Packed,
a tree ensemble is a third smaller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

LENGTH_DELIMITED: Final = 2
BITS_OF_A_BYTE: Final = 7


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field: a message, text or packed numbers."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """A non-negative integer, 7 bits a byte, the lowest first."""
    return packed_integers(np.array([value], dtype=np.int64))


def packed_integers(values: Array) -> bytes:
    """Non-negative integers below 2**35, one after another."""
    left = values.astype(np.int64)
    columns = []
    more = np.ones(left.size, dtype=bool)
    present = []
    while more.any():
        present.append(more)
        rest = left >> BITS_OF_A_BYTE
        columns.append((left & 0x7F) | np.where(rest > 0, 0x80, 0))
        more = more & (rest > 0)
        left = rest
    if not columns:
        return b""
    packed: Array = np.stack(columns, axis=1).astype(np.uint8)[np.stack(present, axis=1)]
    return packed.tobytes()


def packed_floats(values: Array) -> bytes:
    """float32, little end first."""
    little: Array = values.astype("<f4")
    return little.tobytes()
