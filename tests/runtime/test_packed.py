"""A packed array block is the block again, smaller; what is no packed block is refused, without much memory."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest
from conformance.programs import random_program
from lean_automl_runtime.errors import CorruptArtifactError
from lean_automl_runtime.ir import Column, ColumnKind, Program, ProgramBuilder, to_bytes
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.pack_block import packed
from lean_automl_runtime.packed import RUNNING, SHAPES, SIGNED, STREAM, THRESHOLDS, unpacked

Array = np.ndarray[Any, np.dtype[Any]]


def stream(numbers: Any, form: int = 1) -> bytes:
    dtype = f"<{'i' if form & SIGNED else 'u'}{form & 15}"
    array = np.asarray(numbers).astype(dtype)
    planes = array.view(np.uint8).reshape(-1, form & 15).T
    return STREAM.pack(form, array.size) + np.ascontiguousarray(planes).tobytes()


def described(**arrays: Array) -> tuple[bytes, bytes]:
    """Head and block of one op with these arrays, in order."""
    block, fields = bytearray(), {}
    for name, array in arrays.items():
        block.extend(b"\0" * (-len(block) % 8))
        fields[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "at": len(block)}
        block.extend(array.tobytes())
    return json.dumps({"ops": [{"op": "Any", "in": [], **fields}]}).encode(), bytes(block)


def grown(rng: np.random.Generator, trees: int) -> tuple[Array, Array]:
    """Children of random trees in the order of the compiler: a node, all to its left, all to its right."""
    left: list[int] = []
    right: list[int] = []
    for _ in range(trees):
        leaves = 0
        waiting: list[tuple[int, list[int]]] = [(0, [])]
        depth = 0
        while waiting:
            parent, side = waiting.pop()
            if side and (depth > 30 or rng.random() < 0.5):
                side[parent] = ~leaves
                leaves += 1
                continue
            node, depth = len(left), depth + 1
            if side:
                side[parent] = node
            left.append(0)
            right.append(0)
            waiting += [(node, right), (node, left)]
    return np.array(left, dtype=np.int32), np.array(right, dtype=np.int32)


@pytest.mark.parametrize("seed", range(40))
def test_blocks_of_programs_come_back(seed: int) -> None:
    head, block = to_bytes(random_program(seed))
    assert unpacked(packed(head, block)) == block


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8", "uint16", "float32", "bool"])
@pytest.mark.parametrize("size", [0, 1, 7, 300])
def test_numbers_of_every_type_come_back(dtype: str, size: int) -> None:
    rng = np.random.default_rng(size)
    kind = np.dtype(dtype)
    odd = np.frombuffer(rng.bytes(size * kind.itemsize), dtype=kind)
    whole = rng.integers(0, 2 if dtype == "bool" else 100, size).astype(kind)
    for array in (odd if dtype != "bool" else whole, whole, np.sort(whole), whole[::-1].copy()):
        head, block = described(a=array, b=np.zeros(3, dtype=np.uint8), c=array[:0])
        assert unpacked(packed(head, block)) == block


@pytest.mark.parametrize("extreme", [[-(2**31), 2**31 - 1] * 20, list(range(-(2**31), -(2**31) + 40)), [-1] * 40])
def test_extreme_integers_come_back(extreme: list[int]) -> None:
    head, block = described(a=np.array(extreme, dtype=np.int32))
    assert unpacked(packed(head, block)) == block


@pytest.mark.parametrize("seed", range(20))
def test_trees_in_order_are_told_by_their_shape(seed: int) -> None:
    left, right = grown(np.random.default_rng(seed), 40)
    head, block = described(left=left, right=right)
    small = packed(head, block)
    assert small[0] == SHAPES
    assert unpacked(small) == block
    assert len(small) == 1 + STREAM.size + left.size


def test_trees_in_another_order_come_back() -> None:
    left, right = grown(np.random.default_rng(0), 40)
    for a, b in ((right, left), (left[::-1], right[::-1]), (left[:-1], right[:-1]), (left, left)):
        head, block = described(left=a.copy(), right=b.copy())
        assert unpacked(packed(head, block)) == block


def test_thresholds_are_told_by_column() -> None:
    rng = np.random.default_rng(0)
    feature = rng.integers(0, 6, 800).astype(np.int32)
    lists = rng.normal(size=(6, 30)).astype(np.float32)
    lists[0, :6] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45]
    threshold = lists[feature, rng.integers(0, 30, 800)]
    head, block = described(feature=feature, threshold=threshold)
    small = packed(head, block)
    assert small[0] == THRESHOLDS
    assert unpacked(small) == block
    assert len(small) < 0.5 * len(block)
    head, block = described(feature=feature - 3, threshold=threshold)
    assert unpacked(packed(head, block)) == block


def test_arrays_that_are_shared_come_back() -> None:
    """Equal arrays are stored once, so that what belongs together may lie apart."""
    builder = ProgramBuilder((Column("a", ColumnKind.NUMERIC, "float32"), Column("b", ColumnKind.NUMERIC, "float32")))
    zero, one = np.zeros(1, dtype=np.int32), np.array([0, 1], dtype=np.int32)
    fields: dict[str, Any] = {"leaves": np.array([3, -4], dtype=np.int8), "leaf_offsets": 2 * one, "targets": zero}
    fields |= {"target_offsets": one, "scale": np.ones(1, np.float32), "bias": np.zeros(1, np.float32)}
    fields |= {"feature": zero, "threshold": np.zeros(1, np.float32), "left": ~zero, "right": ~np.ones(1, np.int32)}
    trees = o.RaggedTrees((builder.add(o.Concat((0, 1))),), **fields, nan_left=np.zeros(1, dtype=np.bool_), roots=zero)
    program: Program = builder.build({"prediction": builder.add(trees)})
    head, block = to_bytes(program)
    assert unpacked(packed(head, block)) == block


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\0", "no segment is of kind 0"),
        (b"\7" + stream([1]), "no segment is of kind 7"),
        (b"\1", "array block"),
        (b"\1\1\1", "array block"),
        (b"\1" + STREAM.pack(3, 0), "no stream has form 3"),
        (b"\1" + STREAM.pack(64 | 1, 0), "no stream has form 65"),
        (b"\1" + STREAM.pack(1, 5) + b"1234", "cut off"),
        (b"\4" + STREAM.pack(4, 2**32 - 1) + b"1234", "cut off"),
        (b"\1" + stream([300], 2), "array block"),
        (b"\2" + stream([2**16 - 1, 1], RUNNING | 2), "array block"),
        (b"\4" + stream([-1, 2**31 - 1, 2**31 - 1], RUNNING | SIGNED | 4), "array block"),
        (bytes([SHAPES]) + stream([4]), "no node has shape 4"),
        (bytes([SHAPES]) + stream([-1], SIGNED | 1), "no node has shape -1"),
        (bytes([SHAPES]) + stream([3, 0]), "not whole"),
        (bytes([SHAPES]) + stream([1]), "not whole"),
        (bytes([SHAPES]) + stream([2]), "not whole"),
        (bytes([THRESHOLDS]) + stream([0]) + stream([1]) + stream([0, 0]) + stream([5]), "do not match"),
        (bytes([THRESHOLDS]) + stream([-1], SIGNED | 1) + stream([1]) + stream([0]) + stream([5]), "do not match"),
        (bytes([THRESHOLDS]) + stream([0]) + stream([-1], SIGNED | 1) + stream([0]) + stream([5]), "less than no"),
        (bytes([THRESHOLDS]) + stream([3]) + stream([1]) + stream([0]) + stream([5]), "array block"),
        (bytes([THRESHOLDS]) + stream([0]) + stream([1]) + stream([7]) + stream([5]), "array block"),
        (bytes([THRESHOLDS]) + stream([0]) + stream([1]), "array block"),
    ],
)
def test_what_is_no_packed_block_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(CorruptArtifactError, match=problem):
        unpacked(content)


def test_damage_is_refused_or_harmless_and_takes_little_memory() -> None:
    chance = random.Random(0)
    contents = [packed(*to_bytes(random_program(seed))) for seed in range(20)]
    refused = 0
    tracemalloc.start()
    for _ in range(2_000):
        content = bytearray(chance.choice(contents))
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        try:
            unpacked(bytes(content[: chance.choice([len(content), chance.randrange(len(content))])]))
        except CorruptArtifactError:
            refused += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused > 500
    assert peak < 100 * max(map(len, contents)) + 2**20
