"""Compiled parts of `execute`: from scores to probabilities and labels, and rows of answers."""

from __future__ import annotations

from typing import Final

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.engines.numba_layout import Array, Memory, compiled
from lean_automl_runtime.exp32 import COEFFICIENTS, HIGHEST, LN2_HIGH, LN2_LOW, LOG2_E, LOWEST

C0, C1, C2, C3, C4, C5 = COEFFICIENTS
ONE: Final = np.float32(1.0)
ZERO: Final = np.float32(0.0)
CHUNK: Final = 2**12  # floats of rows that are written together


@compiled
def answer(m: Memory, line: int) -> None:
    """Run a line whose source is a list of slots in the pool."""
    op, to, f = m.code[line, 0], m.code[line, 1] * m.stride, m.floats
    slots = m.pool[m.code[line, 2] : m.code[line, 2] + m.code[line, 3]]
    for r in range(m.n):
        if op == k.SIGMOID:
            p = ONE / (ONE + _exp32(-f[slots[0] * m.stride + r]))
            f[to + r] = ONE - p
            f[to + m.stride + r] = p
        elif op == k.SOFTMAX:
            _softmax(m, slots, to + r, r)
        elif op == k.EXPONENTIAL:
            for column in range(slots.size):
                f[to + column * m.stride + r] = _exp32(f[slots[column] * m.stride + r])
        elif op == k.LABEL:
            m.ints[to + r] = _greatest(m, slots, r)
        else:
            m.ints[to + r] = 1 if f[slots[1] * m.stride + r] > m.constants[m.code[line, 4]] else 0


@compiled
def store(m: Memory, start: np.int64, stop: np.int64) -> None:
    """Run lines that write columns of the rows of answers, for as many rows at once as the first cache holds."""
    chunk = max(1, CHUNK // m.width)
    for first in range(0, m.n, chunk):
        last = min(m.n, first + chunk)
        for line in range(start, stop):
            _store_rows(m, line, first, last)


@compiled
def _store_rows(m: Memory, line: int, first: int, last: int) -> None:
    """Write some columns of some rows: slots, a table's rows at once, or their only number."""
    to, at, code = m.code[line, 1], m.code[line, 2] * m.stride, m.code[line]
    if code[0] == k.STORE:
        for j in range(code[3]):
            for r in range(first, last):
                m.rows[r * m.width + to + j] = m.floats[at + j * m.stride + r]
    elif code[0] == k.STORE_ONE:  # the rest of the row is zero
        places, numbers = m.pool[code[4] :], m.constants[code[5] :]
        for r in range(first, last):
            row = m.ints[at + r]
            m.rows[r * m.width + to + places[row]] = numbers[row]
    else:
        codes, table = m.ints[at + first : at + last], m.constants[code[4] :]
        _store_table(codes, table, np.uintp(code[5]), m.rows[first * m.width + to :], np.uintp(m.width))


@compiled
def _store_table(codes: Array, table: Array, width: np.uintp, rows: Array, step: np.uintp) -> None:
    """A row of the table for each code, four numbers at a time: a plain loop would ask each time for overlap."""
    one, two, three, four = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4)
    for r in range(np.uintp(codes.size)):
        at, to = np.uintp(codes[r]) * width, r * step
        last = at + width
        while at + four <= last:
            a, b, c, d = table[at], table[at + one], table[at + two], table[at + three]
            rows[to], rows[to + one], rows[to + two], rows[to + three] = a, b, c, d
            at += four
            to += four
        while at < last:
            rows[to] = table[at]
            at += one
            to += one


@compiled
def _softmax(m: Memory, slots: Array, to: int, r: int) -> None:
    f = m.floats
    top = f[slots[_greatest(m, slots, r)] * m.stride + r]
    total = ZERO
    for column in range(slots.size):
        e = _exp32(f[slots[column] * m.stride + r] - top)
        f[to + column * m.stride] = e
        total += e
    for column in range(slots.size):
        f[to + column * m.stride] /= total


@compiled
def _greatest(m: Memory, slots: Array, r: int) -> int:
    """Which value is greatest: the first of equals; the first NaN, as in NumPy."""
    best, top = 0, m.floats[slots[0] * m.stride + r]
    for column in range(1, slots.size):
        x = m.floats[slots[column] * m.stride + r]
        if x > top or (np.isnan(x) and not np.isnan(top)):
            best, top = column, x
    return best


@compiled
def _exp32(x: np.float32) -> np.float32:
    """As `exp32.exp32`, bit for bit."""
    if np.isnan(x):
        return x
    x = LOWEST if x < LOWEST else HIGHEST if x > HIGHEST else x
    power = np.rint(x * LOG2_E)
    r = (x - power * LN2_HIGH) - power * LN2_LOW
    series = ((((C0 * r + C1) * r + C2) * r + C3) * r + C4) * r + C5
    series = (series * (r * r) + r) + ONE
    power_of_two = np.int32((np.int32(power) + 127) << 23).view(np.float32)
    return np.float32(series * power_of_two)
