"""Outputs of engines side by side, and a way to see every value inside a Program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from lean_automl_runtime.ir import PREDICTION, DType, Program, prune
from lean_automl_runtime.ir import ops as o

Array = np.ndarray[Any, np.dtype[Any]]

MOST_LEVELS = 100_000


def assert_same(expected: Mapping[str, Array], found: Mapping[str, Array], ulps: int = 0) -> None:
    """Same outputs, shapes, types and values; floats within that many units in the last place."""
    assert set(expected) == set(found)
    for name, own in expected.items():
        other = found[name]
        assert (own.shape, own.dtype) == (other.shape, other.dtype), name
        apart = ulps_between(own, other) if own.dtype == np.float32 else (own != other).astype(np.int64)
        worst = int(apart.max(initial=0))
        assert worst <= (ulps if own.dtype == np.float32 else 0), _worst(name, own, other, apart)


def _worst(name: str, own: Array, other: Array, apart: Array) -> str:
    at = np.unravel_index(int(apart.argmax()), apart.shape)
    return f"{name}{list(map(int, at))}: {own[at]!r} in the reference, {other[at]!r} found, {apart.max()} apart"


def ulps_between(a: Array, b: Array) -> Array:
    """How many float32 lie between; -0.0 and 0.0 are 1 apart, two NaN 0, and NaN and a number very many."""

    def ordered(x: Array) -> Array:
        bits = np.ascontiguousarray(x).view(np.int32).astype(np.int64)
        return np.where(bits < 0, -1 - (bits & 0x7FFFFFFF), bits)

    nan_a, nan_b = np.isnan(a), np.isnan(b)
    apart = np.abs(ordered(a) - ordered(b))
    return np.where(nan_a & nan_b, 0, np.where(nan_a != nan_b, 2**40, apart))


def exposed(program: Program) -> Iterator[tuple[str, Program]]:
    """For each op: its name, and a Program whose prediction is the op's result.

    Codes and bins come out as floats, each column in one column: a table of ones and zeros cannot do that, a
    `TableSum` with a term for each column can.
    """
    for number, (op, kind) in enumerate(zip(program.ops, program.types[len(program.columns) :], strict=True)):
        value = len(program.columns) + number
        extra: tuple[o.Op, ...] = ()
        if kind.dtype is DType.CODE:
            if kind.levels[0] > MOST_LEVELS:
                continue
            table = np.arange(kind.levels[0], dtype=np.float32)[:, None]
            extra = (o.Lookup((value,), table),)
        elif kind.dtype is DType.BIN:
            extra = (_bins_as_scores(value, kind.levels),)
        elif kind.dtype is not DType.FLOAT32:
            continue
        ops = program.ops[: number + 1] + extra
        yield op.name, prune(program.columns, ops, {PREDICTION: value + len(extra)})


def _bins_as_scores(value: int, levels: tuple[int, ...]) -> o.TableSum:
    width = len(levels)
    values = np.zeros((sum(levels), width), dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(levels)]).astype(np.int32)
    for column, count in enumerate(levels):
        values[offsets[column] : offsets[column + 1], column] = np.arange(count)
    return o.TableSum(
        (value,),
        terms=np.array([(column, -1) for column in range(width)], dtype=np.int32),
        strides=np.ones(width, dtype=np.int32),
        offsets=offsets,
        values=values,
        scale=np.ones(width, dtype=np.float32),
        bias=np.zeros(width, dtype=np.float32),
    )
