"""Packs an array block as `packed` describes it: each array in the form that compresses best, of a few."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lean_automl_runtime.errors import CorruptArtifactError
from lean_automl_runtime.packed import ALIGNMENT, LETTERS, RUNNING, SHAPES, SIGNED, STREAM, THRESHOLDS, unpacked

Array = np.ndarray[Any, np.dtype[Any]]

LEVEL: Final = 6  # of the compression that forms are compared by
FEWEST: Final = 12  # numbers that are worth a second form
INT32: Final = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True)
class _Place:
    """An array of a block.

    Attributes:
        at: Its offset.
        dtype: Of its numbers.
        count: How many.
    """

    at: int
    dtype: str
    count: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.at + self.count * np.dtype(self.dtype).itemsize

    def of(self, block: bytes) -> Array:
        """Its numbers."""
        return np.frombuffer(block, dtype=self.dtype, count=self.count, offset=self.at)


def packed(head: bytes, block: bytes) -> bytes:
    """The block in fewer bytes, of which `packed.unpacked` makes the same block.

    Args:
        head: JSON that `ir.serial.to_bytes` wrote.
        block: The array block of the same Program.
    """
    described = json.loads(head.decode("utf-8", errors="surrogatepass"))
    segments = b"".join(_segments(described["ops"], block))
    if unpacked(segments) == block:
        return segments
    return b"\1" + STREAM.pack(1, len(block)) + block  # whatever else a block may be


def _segments(ops: list[dict[str, Any]], block: bytes) -> Iterator[bytes]:
    pairs = _pairs(ops)
    places = {place.at: place for op in ops for place in map(_place, op.values()) if place is not None and place.count}
    waiting = [places[at] for at in sorted(places)]
    end = waiting[-1].end if waiting else 0
    while waiting:
        place = waiting.pop(0)
        kind, partner = pairs.get(place, (0, place))
        if waiting and waiting[0] == partner:
            both = _together(kind, place.of(block), partner.of(block))
            if both is not None:
                waiting.pop(0)
                yield both
                continue
        yield _segment(place.of(block))
    if end < len(block):
        yield b"\1" + STREAM.pack(1, 0)  # an array of nothing, at the next multiple of the alignment


def _pairs(ops: list[dict[str, Any]]) -> dict[_Place, tuple[int, _Place]]:
    """The arrays of ragged trees that are told together: from the first of each two to a kind and the second."""
    found = {}
    for op in ops:
        for kind, first, second in ((SHAPES, "left", "right"), (THRESHOLDS, "feature", "threshold")):
            a, b = _place(op.get(first)), _place(op.get(second))
            if a is not None and b is not None:
                found[a] = kind, b
    return found


def _place(value: Any) -> _Place | None:
    if not isinstance(value, dict):
        return None
    return _Place(value["at"], value["dtype"], int(np.prod(value["shape"], dtype=np.int64)))


def _segment(numbers: Array) -> bytes:
    """One array."""
    if numbers.dtype == np.bool_:
        numbers = numbers.view(np.uint8)
    whole = numbers.view(np.int32) if numbers.dtype == np.float32 else numbers
    return bytes([numbers.itemsize]) + _stream(whole)


def _together(kind: int, first: Array, second: Array) -> bytes | None:
    """Two arrays as one segment, if they can be told so and that is shorter."""
    if kind == THRESHOLDS and first.min(initial=0) < 0:
        return None
    segment = _shapes(first, second) if kind == SHAPES else _thresholds(first, second)
    try:
        found = unpacked(segment)
    except CorruptArtifactError:
        return None
    raw = first.tobytes()
    if found != raw + b"\0" * (-len(raw) % ALIGNMENT) + second.tobytes():
        return None
    return segment if _cost(segment) < _cost(_segment(first)) + _cost(_segment(second)) else None


def _shapes(left: Array, right: Array) -> bytes:
    """Whether the children of each node are leaves; all else follows, if nodes stand in order."""
    return bytes([SHAPES]) + _stream((left < 0) + 2 * (right < 0).astype(np.uint8))


def _thresholds(columns: Array, values: Array) -> bytes:
    """Columns of nodes, and the position of each threshold in the list of its column."""
    bits = values.view(np.int32).astype(np.int64)
    order = np.where(bits < 0, INT32.min - 1 - bits, bits)  # as floats stand in order
    keys, position = np.unique(columns.astype(np.int64) << 33 | (order + 2**32), return_inverse=True)
    owner = keys >> 33
    sizes = np.bincount(owner, minlength=int(columns.max(initial=-1)) + 1)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    own = (keys & (2**33 - 1)) - 2**32
    lists = np.where(own < 0, INT32.min - 1 - own, own)
    streams = (columns, sizes, position.reshape(-1) - starts[columns], lists)
    return bytes([THRESHOLDS]) + b"".join(_stream(numbers) for numbers in streams)


def _stream(numbers: Array) -> bytes:
    """Numbers in the form that compresses best."""
    wide = numbers.astype(np.int64)
    plain = _in_form(wide, 0)
    steps = np.diff(wide, prepend=0)
    if wide.size < FEWEST or steps.min() < INT32.min or steps.max() > INT32.max:
        return plain
    running = _in_form(steps, RUNNING)
    return running if _cost(running) < _cost(plain) else plain


def _in_form(wide: Array, running: int) -> bytes:
    low, high = int(wide.min(initial=0)), int(wide.max(initial=0))
    form = next(form for form in sorted(LETTERS, key=lambda f: (f & 15, f)) if _holds(form, low, high))
    size = form & 15
    planes = wide.astype(f"<{'i' if form & SIGNED else 'u'}{size}").view(np.uint8).reshape(-1, size)
    return STREAM.pack(form | running, wide.size) + np.ascontiguousarray(planes.T).tobytes()


def _holds(form: int, low: int, high: int) -> bool:
    info = np.iinfo(LETTERS[form])
    return int(info.min) <= low and high <= int(info.max)


def _cost(content: bytes) -> int:
    """Bytes that content takes in a file, about."""
    return len(zlib.compress(content, LEVEL))
