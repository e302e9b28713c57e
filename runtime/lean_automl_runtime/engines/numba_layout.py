"""The layout of a flat plan, which `numba_plan` writes and `numba_kernels` runs: lines, descriptors, memory.

A plan is lines of seven integers and a pool of constants. Slots are floats or integers, slot-major for a block of
rows: row r of slot s is at `s * stride + r`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
Array = np.ndarray[Any, np.dtype[Any]]

LINE: Final = 7  # fields of a line: operation, destination slot, source slot, four more

# Columns: raw slot -> slot.
NUMBER, RESCALE, DATE, CODE = range(4)
# One value at a time.
CROSS, LOOKUP_FLOAT, LOOKUP_BYTE, LOOKUP_SHORT = range(4, 8)
ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, MINIMUM, MAXIMUM, LESS, LESS_EQUAL, EQUAL = range(8, 18)
CONSTANT, FILL, CLIP, BIN, COPY = range(18, 23)
# Models: the source is the place of a descriptor in the pool.
OBLIVIOUS, RAGGED, TABLES, DENSE, DOT, BLEND = range(23, 29)
# Answers: the source is the place in the pool of a list of slots.
SIGMOID, SOFTMAX, EXPONENTIAL, LABEL, LABEL_ABOVE = range(29, 34)
# Rows of answers: the destination is a column of them.
STORE, STORE_LOOKUP, STORE_ONE = range(34, 37)

# Fields of descriptors: counts, the first slot of the totals, a flag, then places in the pool.
WIDTH, TREES, INPUTS, DEPTH, TOTALS, RELU = range(6)
LEAVES, LEAF_OFFSETS, TARGETS, TARGET_OFFSETS, SCALE, BIAS, SLOTS = range(6, 13)
LEVEL_TREES, LEVEL_FEATURES, LEVEL_SLOTS, LEVEL_BINS = range(13, 17)
FEATURES, THRESHOLDS, LEFT, RIGHT, NAN_LEFT, ROOTS = range(17, 23)
TERMS, STRIDES = range(23, 25)
FIELDS: Final = 25

YEAR, MONTH, DAY, WEEKDAY, DAY_OF_YEAR, HOUR, MINUTE, SECOND, DAYS, SECONDS_OF_DAY = range(10)


class Memory(NamedTuple):
    """What lines read and write: constants, and `n` rows of the slots."""

    code: Array
    pool: Array
    constants: Array  # the pool as float32
    raw: Array
    raw_floats: Array
    floats: Array
    ints: Array
    rows: Array  # row-major: float outputs side by side
    width: int  # of a row
    stride: int
    n: int


def compiled(function: F) -> F:
    """Have numba compile a part of `execute`. Each float operation rounds: no fastmath, nothing is contracted."""
    return njit(error_model="numpy")(function)  # type: ignore[no-any-return]
