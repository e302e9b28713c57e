"""Constants in the form that takes the fewest bytes in a file.

Whatever the form, a few nodes make the same array of it, bit for bit, when a session loads: runtimes fold nodes that
read only constants. A small dtype is cast; zeros are left out; integers that rise or fall by little are stored as the
steps between them; integers of 9, 10 or 12 bits are two arrays of bytes, one of low bytes and one in which the rest of
several integers shares a byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from lean_automl_exporters.onnx.graph import Graph

Array = np.ndarray[Any, np.dtype[Any]]

# Bytes that the nodes of each form add to a file.
CAST_BYTES: Final = 40
STEPS_BYTES: Final = 80
SPARSE_BYTES: Final = 220
PACKED_BYTES: Final = 420

SMALL_INTEGERS: Final = ("uint8", "int8", "uint16", "int16", "int32")
SMALL_FOR_FLOATS: Final = ("uint8", "int8", "uint16", "int16", "float16")
HIGH_BITS: Final = (1, 2, 4)


def stored(graph: Graph, array: Array) -> str:
    """Name of a constant, stored in the smallest form that holds it exactly."""
    small = smallest(array)
    dense = small.nbytes + (CAST_BYTES if small.dtype != array.dtype else 0)
    position = np.flatnonzero(small.view(np.dtype(f"V{small.itemsize}")) != np.void(bytes(small.itemsize)))
    sparse = position.size * (small.itemsize + (2 if array.size <= 2**16 else 4)) + SPARSE_BYTES
    bits = _high_bits(small)
    packed = small.size * (8 + bits) / 8 + PACKED_BYTES if bits else np.inf
    steps = _steps(array)
    running = np.inf if steps is None else steps.nbytes + STEPS_BYTES
    if steps is not None and running < min(sparse, dense, packed):
        return graph.node("CumSum", graph.cast(graph.constant(steps), "int32"), graph.constant(np.array(0, np.int64)))
    if packed < min(sparse, dense):
        return _packed(graph, small, bits, array.dtype.name)
    if sparse < dense:
        return _scattered(graph, small.reshape(-1)[position], position, array)
    return graph.constant(array) if dense >= array.nbytes else graph.cast(graph.constant(small), array.dtype.name)


def smallest(array: Array) -> Array:
    """The same numbers in the smallest dtype from which they come back bit for bit."""
    if array.dtype.kind not in "iuf" or array.dtype == np.float64:
        return array
    with np.errstate(all="ignore"):
        for dtype in SMALL_FOR_FLOATS if array.dtype.kind == "f" else SMALL_INTEGERS:
            small = array.astype(dtype)
            if small.itemsize < array.itemsize and small.astype(array.dtype).tobytes() == array.tobytes():
                return small
    return array


def _steps(array: Array) -> Array | None:
    """What each of several int32 numbers lies above the one before; None where that may need more than int32."""
    if array.dtype != np.int32 or array.ndim != 1 or not array.size:
        return None
    steps = np.diff(array.astype(np.int64), prepend=0)
    return smallest(steps.astype(np.int32)) if np.abs(steps).max() < 2**31 else None


def _scattered(graph: Graph, values: Array, position: Array, array: Array) -> str:
    """Zeros, but for some values."""
    dtype = array.dtype.name
    zeros = graph.node("ConstantOfShape", graph.integers(array.size), value=np.zeros(1, dtype=dtype))
    numbers = graph.constant(values)
    numbers = numbers if values.dtype == array.dtype else graph.cast(numbers, dtype)
    at = smallest(position.astype(np.int32))
    index = graph.constant(at) if at.dtype == np.int32 else graph.cast(graph.constant(at), "int32")
    filled = graph.node("ScatterElements", zeros, index, numbers, axis=0)
    return filled if array.ndim == 1 else graph.node("Reshape", filled, graph.integers(*array.shape))


def _high_bits(small: Array) -> int:
    """Bits beyond a byte that 16-bit integers need above the least of them; 0 if packing does not help."""
    if small.dtype not in (np.int16, np.uint16) or not small.size:
        return 0
    extent = int(small.max()) - int(small.min())
    return next((bits for bits in HIGH_BITS if extent < 1 << (8 + bits)), 0)


def _packed(graph: Graph, small: Array, bits: int, dtype: str) -> str:
    """Low bytes, and the rest with `8 / bits` integers to a byte, the first lowest."""
    least = int(small.min())
    above = small.reshape(-1).astype(np.int32) - least
    each = 8 // bits
    above = np.append(above, np.zeros(-above.size % each, dtype=np.int32))
    shift = bits * np.arange(each)
    high = ((above >> 8).reshape(-1, each) << shift).sum(axis=1, keepdims=True).astype(np.uint8)
    rest = graph.node("Div", graph.cast(graph.constant(high), "int32"), graph.constant((1 << shift).astype(np.int32)))
    rest = graph.node("Mod", rest, graph.scalar(1 << bits, "int32"))
    rest = graph.node("Mul", graph.node("Reshape", rest, graph.integers(-1)), graph.scalar(256, "int32"))
    low = graph.cast(graph.constant((above & 255).astype(np.uint8)), "int32")
    whole = graph.node("Add", graph.node("Add", rest, low), graph.scalar(least, "int32"))
    if above.size != small.size:
        whole = graph.node("Slice", whole, graph.integers(0), graph.integers(small.size))
    if small.ndim != 1:
        whole = graph.node("Reshape", whole, graph.integers(*small.shape))
    return whole if dtype == "int32" else graph.cast(whole, dtype)
