"""The array block as a file holds it: integers in as few bytes as they need, and trees without what follows from them.

A packed block is a run of *segments*; each stands for one array of the block, or for two that are told together. A
segment is a byte for its kind, and one or more *streams* of integers. Each array begins where 8 divides.

| kind    | streams                                     | arrays                                        |
|---------|---------------------------------------------|-----------------------------------------------|
| 1, 2, 4 | numbers                                     | one, of integers of that many bytes           |
| 5       | a number a node                             | int32 left and right children of nodes        |
| 6       | columns, sizes, positions, float32 as int32 | int32 columns and float32 thresholds of nodes |

A stream is a byte for its form, a u32 for how many numbers it has, and their bytes: first the lowest byte of every
number, then the next one of every number. The form's low four bits are 1, 2 or 4, the bytes of a number; 16 says that
numbers have a sign, 32 that each but the first is what it lies above the one before.

Kind 5: nodes stand in order (a node, all to its left, all to its right), leaves are numbered in the same order, from 0
in each tree. A node's number is 1 where its left child is a leaf, plus 2 where its right one is.

Kind 6: each column has its own list of thresholds, of a size each, one list after another; a node's threshold is the
one at its position in the list of its column.

No numpy here: a serving process loads a model through this. What is allocated is at most a few times what was read.
"""

import itertools
import struct

from lean_automl_runtime.errors import CorruptArtifactError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNMENT = 8
SHAPES, THRESHOLDS = 5, 6
SIGNED, RUNNING = 16, 32
STREAM = struct.Struct("<BI")
LETTERS = {1: "B", 2: "H", 4: "I", SIGNED | 1: "b", SIGNED | 2: "h", SIGNED | 4: "i"}


def unpacked(packed: bytes) -> bytes:
    """The array block.

    Raises:
        CorruptArtifactError: The bytes are not those of a packed block.
    """
    reader = _Reader(packed)
    block = bytearray()
    try:
        while reader.at < len(packed):
            for array in _arrays(reader):
                block.extend(b"\0" * (-len(block) % ALIGNMENT))
                block.extend(array)
    except (IndexError, struct.error, ValueError, OverflowError) as error:
        raise CorruptArtifactError(f"array block: {error}") from error
    return bytes(block)


def _arrays(reader: "_Reader") -> "tuple[bytes, ...]":
    """What one segment stands for."""
    kind = reader.byte()
    if kind in (1, 2, 4):
        return (reader.array(kind),)
    if kind == SHAPES:
        return _children(reader.numbers())
    if kind == THRESHOLDS:
        columns, sizes, positions = reader.numbers(), reader.numbers(), reader.numbers()
        return _thresholds(columns, sizes, positions, reader.numbers())
    raise CorruptArtifactError(f"array block: no segment is of kind {kind}")


class _Reader:
    """Reads streams one after another."""

    __slots__ = ("_data", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self._data[self.at - 1]

    def numbers(self) -> "Sequence[int]":
        """The numbers of the next stream."""
        form, raw = self._stream()
        numbers: Sequence[int] = memoryview(raw).cast(LETTERS[form & ~RUNNING])  # type: ignore[call-overload]
        return list(itertools.accumulate(numbers)) if form & RUNNING else numbers

    def array(self, size: int) -> bytes:
        """The numbers of the next stream in `size` bytes each."""
        start = self.at
        form, raw = self._stream()
        if form & ~SIGNED == size:
            return raw
        self.at = start
        return _in_bytes(self.numbers(), size)

    def _stream(self) -> "tuple[int, bytes]":
        form, count = STREAM.unpack_from(self._data, self.at)
        if form & ~RUNNING not in LETTERS:
            raise CorruptArtifactError(f"array block: no stream has form {form}")
        size = form & 15
        start, end = self.at + STREAM.size, self.at + STREAM.size + size * count
        if end > len(self._data):
            raise CorruptArtifactError("array block: a stream is cut off")
        self.at = end
        if size == 1:
            return form, self._data[start:end]
        raw = bytearray(size * count)
        for place in range(size):
            raw[place::size] = self._data[start + place * count : start + (place + 1) * count]
        return form, bytes(raw)


def _in_bytes(numbers: "Sequence[int]", size: int) -> bytes:
    letter = LETTERS[size | SIGNED if min(numbers, default=0) < 0 else size]
    return struct.pack(f"<{len(numbers)}{letter}", *numbers)


def _children(shapes: "Sequence[int]") -> "tuple[bytes, bytes]":
    """Children of nodes, from whether they are leaves."""
    children = ([0] * len(shapes), [0] * len(shapes))
    open_nodes: list[int] = []  # whose right child is a node that is still to come
    leaf, side, parent = 0, 0, -1
    for node, shape in enumerate(shapes):
        if not 0 <= shape <= 3:
            raise CorruptArtifactError(f"array block: no node has shape {shape}")
        if parent >= 0:
            children[side][parent] = node
        if shape & 1:
            children[0][node] = ~leaf
            leaf += 1
        if not shape & 2:
            open_nodes.append(node)
        if not shape & 1:
            side, parent = 0, node
            if shape & 2:
                open_nodes.append(~node)
            continue
        if shape & 2:
            children[1][node] = ~leaf
            leaf += 1
        # All below this node on the left is told: up to the next node whose right side is to come.
        while open_nodes and open_nodes[-1] < 0:
            children[1][~open_nodes.pop()] = ~leaf
            leaf += 1
        if open_nodes:
            side, parent = 1, open_nodes.pop()
        else:
            leaf, parent = 0, -1
    if parent >= 0:
        raise CorruptArtifactError("array block: the last tree is not whole")
    return _in_bytes(children[0], 4), _in_bytes(children[1], 4)


def _thresholds(
    columns: "Sequence[int]", sizes: "Sequence[int]", positions: "Sequence[int]", values: "Sequence[int]"
) -> "tuple[bytes, bytes]":
    if len(columns) != len(positions) or min(columns, default=0) < 0 or min(positions, default=0) < 0:
        raise CorruptArtifactError("array block: nodes and their thresholds do not match")
    if min(sizes, default=0) < 0:
        raise CorruptArtifactError("array block: a column has less than no threshold")
    starts = [0, *itertools.accumulate(sizes)]
    found = [values[starts[column] + position] for column, position in zip(columns, positions, strict=True)]
    return _in_bytes(columns, 4), _in_bytes(found, 4)
