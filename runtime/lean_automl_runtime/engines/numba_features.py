"""Compiled parts of `execute`: raw columns, and one value at a time. Each call runs lines of one operation."""

from __future__ import annotations

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.engines.numba_layout import Array, Memory, compiled
from lean_automl_runtime.ir.columns import MISSING_TIME

# --- columns ------------------------------------------------------------------------------------------------


@compiled
def read(m: Memory, start: np.int64, stop: np.int64) -> None:
    """Run lines that read raw slots."""
    op = m.code[start, 0]
    for line in range(start, stop):
        to, at = m.code[line, 1] * m.stride, m.code[line, 2] * m.stride
        if op == k.NUMBER:
            for r in range(m.n):
                m.floats[to + r] = np.float32(m.raw_floats[at + r])
        elif op == k.CODE:
            for r in range(m.n):
                m.ints[to + r] = m.raw[at + r]
        elif op == k.RESCALE:
            doubles = m.pool.view(np.float64)
            shift, scale = doubles[m.code[line, 3]], doubles[m.code[line, 3] + 1]
            for r in range(m.n):
                m.floats[to + r] = np.float32((m.raw_floats[at + r] - shift) * scale)
        else:
            for r in range(m.n):
                m.floats[to + r] = _date_part(m.raw[at + r], m.code[line, 3])


@compiled
def _date_part(seconds: int, part: int) -> np.float32:
    """As `dates.date_part`."""
    if seconds == MISSING_TIME:
        return np.float32(np.nan)
    days = seconds // 86_400
    in_day = seconds - days * 86_400
    value = days
    if part == k.SECONDS_OF_DAY:
        value = in_day
    elif part == k.HOUR:
        value = in_day // 3600
    elif part == k.MINUTE:
        value = in_day // 60 % 60
    elif part == k.SECOND:
        value = in_day % 60
    elif part == k.WEEKDAY:
        value = (days + 3) % 7
    elif part != k.DAYS:
        value = _civil(days, part)
    return np.float32(value)


@compiled
def _civil(days: int, part: int) -> int:
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * of_year + 2) // 153
    month = march_month + 3 if march_month < 10 else march_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    if part == k.MONTH:
        return month
    if part == k.DAY:
        return of_year - (153 * march_month + 2) // 5 + 1
    if part == k.YEAR:
        return year
    before = year - 1
    return days - (365 * before + before // 4 - before // 100 + before // 400 - 719_162) + 1


# --- one value at a time ------------------------------------------------------------------------------------


@compiled
def step(m: Memory, start: np.int64, stop: np.int64) -> None:
    """Run lines that read slots and write a slot."""
    op = m.code[start, 0]
    if op in (k.LOOKUP_FLOAT, k.LOOKUP_BYTE, k.LOOKUP_SHORT):
        _look_up(m, start, stop)
    elif op == k.BIN:
        for line in range(start, stop):
            _bin(m, line)
    elif op in (k.CONSTANT, k.FILL, k.CLIP, k.COPY):
        for line in range(start, stop):
            _float_step(m, op, line)
    else:
        for line in range(start, stop):
            _combine(m, op, line)


@compiled
def _combine(m: Memory, op: int, line: int) -> None:
    f, i = m.floats, m.ints
    to, a, b = m.code[line, 1] * m.stride, m.code[line, 2] * m.stride, m.code[line, 3] * m.stride
    for r in range(m.n):
        if op == k.CROSS:
            i[to + r] = i[a + r] * m.code[line, 4] + i[b + r]
        elif op == k.ADD:
            f[to + r] = f[a + r] + f[b + r]
        elif op == k.SUBTRACT:
            f[to + r] = f[a + r] - f[b + r]
        elif op == k.MULTIPLY:
            f[to + r] = f[a + r] * f[b + r]
        elif op == k.DIVIDE:
            f[to + r] = f[a + r] / f[b + r]
        else:
            f[to + r] = _choose(op, f[a + r], f[b + r])


@compiled
def _choose(op: int, a: np.float32, b: np.float32) -> np.float32:
    """The kinds of arithmetic that do more than IEEE 754 has an operation for."""
    if op == k.FLOOR_DIVIDE:
        return np.float32(np.floor(a / b))
    if np.isnan(a):
        return a
    if op == k.MINIMUM:
        return a if a < b else b
    if op == k.MAXIMUM:
        return a if a > b else b
    if np.isnan(b):
        return b
    holds = a < b if op == k.LESS else a <= b if op == k.LESS_EQUAL else a == b
    return np.float32(1.0) if holds else np.float32(0.0)


@compiled
def _look_up(m: Memory, start: np.int64, stop: np.int64) -> None:
    op, bytes_, shorts = m.code[start, 0], m.pool.view(np.uint8), m.pool.view(np.uint16)
    for line in range(start, stop):
        to, at, table, width = m.code[line, 1], m.code[line, 2] * m.stride, m.code[line, 4], m.code[line, 5]
        for r in range(m.n):
            row = table + np.int64(m.ints[at + r]) * width
            for j in range(width):
                cell = (to + j) * m.stride + r
                if op == k.LOOKUP_FLOAT:
                    m.floats[cell] = m.constants[row + j]
                elif op == k.LOOKUP_BYTE:
                    m.ints[cell] = bytes_[row + j]
                else:
                    m.ints[cell] = shorts[row + j]


@compiled
def _float_step(m: Memory, op: int, line: int) -> None:
    to, at, p = m.code[line, 1] * m.stride, m.code[line, 2] * m.stride, m.code[line, 4]
    for r in range(m.n):
        x = m.floats[at + r]
        if op == k.CONSTANT:
            x = m.constants[p]
        elif op == k.FILL:
            x = m.constants[p] if np.isnan(x) else x
        elif op == k.CLIP:
            low, high = m.constants[p], m.constants[p + 1]
            x = low if x < low else high if x > high else x  # NaN fails both tests
        m.floats[to + r] = x


@compiled
def _bin(m: Memory, line: int) -> None:
    to, at = m.code[line, 1] * m.stride, m.code[line, 2] * m.stride
    first, count, nan_bin = m.code[line, 4], m.code[line, 5], m.code[line, 6]
    for r in range(m.n):
        x = m.floats[at + r]
        m.ints[to + r] = nan_bin if np.isnan(x) else _below(m.constants, first, count, x)


@compiled
def _below(edges: Array, first: int, count: int, x: np.float32) -> np.int64:
    """How many edges are below x: bisection that multiplies by truth values, since a branch would be mispredicted."""
    at, left = np.int64(first), np.int64(count)
    while left > 1:
        half = left >> 1
        at += half * np.int64(edges[np.uintp(at + half - 1)] < x)
        left -= half
    if left == 1:
        at += np.int64(edges[np.uintp(at)] < x)
    return at - first
