"""Compiled parts of `execute`: trees, tables and layers, for one row and for blocks of rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from lean_automl_runtime.engines import numba_layout as k
from lean_automl_runtime.engines.numba_layout import Array, Memory, compiled

ZERO: Final = np.float32(0.0)


@compiled
def model(m: Memory, op: int, to: int, d: int) -> None:
    """Run the line of a model: its result starts at slot `to`, its descriptor at `d` of the pool."""
    if op == k.DENSE:
        _dense(m, d, to)
    elif op == k.DOT:
        _dot(m, d, to)
    elif op == k.BLEND:
        _blend(m, d, to)
    else:
        width, totals = m.pool[d + k.WIDTH], m.pool[d + k.TOTALS]
        m.ints[totals * m.stride : (totals + width) * m.stride] = 0
        if op == k.RAGGED:
            _ragged(m, d)
        elif op == k.TABLES:
            _tables(m, d)
        elif m.stride == 1:
            _oblivious_row(m, d)
        else:
            _oblivious_rows(m, d)
        for j in range(width):
            scale, bias = m.constants[m.pool[d + k.SCALE] + j], m.constants[m.pool[d + k.BIAS] + j]
            for r in range(m.n):
                m.floats[(to + j) * m.stride + r] = np.float32(m.ints[(totals + j) * m.stride + r]) * scale + bias


@compiled
def _oblivious_row(m: Memory, d: int) -> None:
    """One row, in vector registers: level by level over all trees, which come in order of falling depth."""
    pool, ints = m.pool, m.ints
    leaf = np.zeros(pool[d + k.TREES], np.int32)
    start = 0
    for level in range(pool[d + k.DEPTH]):
        count = pool[pool[d + k.LEVEL_TREES] + level]
        slots = pool[pool[d + k.LEVEL_SLOTS] + start : pool[d + k.LEVEL_SLOTS] + start + count]
        bins = pool[pool[d + k.LEVEL_BINS] + start : pool[d + k.LEVEL_BINS] + start + count]
        for tree in range(count):  # a shifted truth value: a choice would become a branch that is mispredicted
            leaf[tree] |= np.int32(ints[np.uintp(slots[tree])] > bins[tree]) << level
        start += count
    if pool[d + k.WIDTH] == 1:  # each tree has one leaf for one total, which stays in a register
        total = 0
        for tree in range(leaf.size):
            total += pool[pool[d + k.LEAVES] + pool[pool[d + k.LEAF_OFFSETS] + tree] + leaf[tree]]
        ints[pool[d + k.TOTALS]] = total
    else:
        for tree in range(leaf.size):
            _add_leaf(m, d, tree, np.int64(leaf[tree]), 0)


@compiled
def _add_leaf(m: Memory, d: int, tree: int, leaf: np.int64, row: int) -> None:
    pool = m.pool
    first, last = pool[pool[d + k.TARGET_OFFSETS] + tree], pool[pool[d + k.TARGET_OFFSETS] + tree + 1]
    at = pool[d + k.LEAVES] + pool[pool[d + k.LEAF_OFFSETS] + tree] + leaf * (last - first)
    for target in range(first, last):
        to = (pool[d + k.TOTALS] + pool[pool[d + k.TARGETS] + target]) * m.stride
        m.ints[to + row] += pool[at + target - first]


@compiled
def _oblivious_rows(m: Memory, d: int) -> None:
    """A block of rows, tree by tree; in two bytes, for many rows in a vector register."""
    pool = m.pool
    x = np.empty((pool[d + k.INPUTS], m.n), np.uint16)
    for j in range(x.shape[0]):
        at = pool[pool[d + k.SLOTS] + j] * m.stride
        for r in range(m.n):
            x[j, r] = m.ints[at + r]
    leaf = np.empty(m.n, np.uint16)
    for tree in range(pool[d + k.TREES]):
        leaf[:] = 0
        at = tree
        for level in range(pool[d + k.DEPTH]):
            count = pool[pool[d + k.LEVEL_TREES] + level]
            if tree < count:
                _set_bits(leaf, x[pool[pool[d + k.LEVEL_FEATURES] + at]], pool[pool[d + k.LEVEL_BINS] + at], level)
            at += count
        first, last = pool[pool[d + k.TARGET_OFFSETS] + tree], pool[pool[d + k.TARGET_OFFSETS] + tree + 1]
        at = pool[d + k.LEAVES] + pool[pool[d + k.LEAF_OFFSETS] + tree]
        for target in range(first, last):
            to = (pool[d + k.TOTALS] + pool[pool[d + k.TARGETS] + target]) * m.stride
            _add_leaves(m.ints[to : to + m.n], pool[at + target - first :], leaf, last - first)


@compiled
def _set_bits(leaf: Array, column: Array, split_bin: int, level: int) -> None:
    bit, none, bound = np.uint16(1 << level), np.uint16(0), np.uint16(split_bin)
    for r in range(leaf.size):
        leaf[r] |= bit if column[r] > bound else none


@compiled
def _add_leaves(total: Array, leaves: Array, leaf: Array, step: int) -> None:
    if step == 1:
        for r in range(leaf.size):
            total[r] += leaves[leaf[r]]
    else:
        for r in range(leaf.size):
            total[r] += leaves[leaf[r] * step]


@compiled
def _ragged(m: Memory, d: int) -> None:
    for tree in range(m.pool[d + k.TREES]):
        root = m.pool[m.pool[d + k.ROOTS] + tree]
        for r in range(m.n):
            _add_leaf(m, d, tree, _leaf_of(m, d, root, r), r)


@compiled
def _leaf_of(m: Memory, d: int, root: int, row: int) -> np.int64:
    pool = m.pool
    node = np.int64(root)
    while node >= 0:
        x = m.floats[pool[pool[d + k.FEATURES] + node] * m.stride + row]
        go_left = x <= m.constants[pool[d + k.THRESHOLDS] + node]
        if np.isnan(x):
            go_left = pool[pool[d + k.NAN_LEFT] + node] != 0
        node = np.int64(pool[pool[d + k.LEFT] + node] if go_left else pool[pool[d + k.RIGHT] + node])
    return ~node


@compiled
def _tables(m: Memory, d: int) -> None:
    pool, width = m.pool, m.pool[d + k.WIDTH]
    for term in range(pool[d + k.TREES]):
        a, b = pool[pool[d + k.TERMS] + 2 * term], pool[pool[d + k.TERMS] + 2 * term + 1]
        step, start = pool[pool[d + k.STRIDES] + term], pool[pool[d + k.LEAF_OFFSETS] + term]
        for r in range(m.n):
            cell = start + m.ints[a * m.stride + r] * step
            if b >= 0:
                cell += m.ints[b * m.stride + r]
            for j in range(width):
                m.ints[(pool[d + k.TOTALS] + j) * m.stride + r] += pool[pool[d + k.LEAVES] + cell * width + j]


@compiled
def _dense(m: Memory, d: int, to: int) -> None:
    pool, f, width = m.pool, m.floats, m.pool[d + k.WIDTH]
    for column in range(width):
        f[(to + column) * m.stride : (to + column) * m.stride + m.n] = m.constants[pool[d + k.BIAS] + column]
    for j in range(pool[d + k.INPUTS]):
        at = pool[pool[d + k.SLOTS] + j] * m.stride
        weight = m.constants[pool[d + k.SCALE] + j * width : pool[d + k.SCALE] + (j + 1) * width]
        if m.stride == 1:
            for r in range(m.n):
                _add_scaled(f[to : to + width], weight, f[at + r])
        else:
            for column in range(width):
                start = (to + column) * m.stride
                _add_scaled(f[start : start + m.n], f[at : at + m.n], weight[column])
    if pool[d + k.RELU]:
        for column in range(width):
            for r in range(m.n):
                x = f[(to + column) * m.stride + r]
                f[(to + column) * m.stride + r] = ZERO if x < ZERO else x


@compiled
def _add_scaled(total: Array, x: Array, factor: np.float32) -> None:
    for r in range(total.size):
        total[r] += x[r] * factor


@compiled
def _dot(m: Memory, d: int, to: int) -> None:
    """`SLOTS` are those of a, then those of z."""
    pool, count = m.pool, m.pool[d + k.INPUTS]
    for r in range(m.n):
        total = m.floats[pool[pool[d + k.SLOTS]] * m.stride + r]
        for j in range(1, count + 1):
            a, z = pool[pool[d + k.SLOTS] + j], pool[pool[d + k.SLOTS] + count + j]
            total += m.floats[a * m.stride + r] * m.floats[z * m.stride + r]
        m.floats[to * m.stride + r] = total


@compiled
def _blend(m: Memory, d: int, to: int) -> None:
    """`SLOTS` are those of the first input, then those of the second, and so on."""
    pool, width = m.pool, m.pool[d + k.WIDTH]
    for column in range(width):
        for r in range(m.n):
            total = m.constants[pool[d + k.BIAS] + column]
            for j in range(pool[d + k.INPUTS]):
                x = m.floats[pool[pool[d + k.SLOTS] + j * width + column] * m.stride + r]
                total += m.constants[pool[d + k.SCALE] + j] * x
            m.floats[(to + column) * m.stride + r] = total
