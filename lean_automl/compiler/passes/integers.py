"""Leaves and tables as integers of few bits: one scale for each output column, each tree centred.

A few large leaves would set the step for all: so a narrower range is tried too, and the one with the least squared
error is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from lean_automl.compiler.passes.base import Array

SHARES: Final = (1.0, 0.8, 0.65, 0.5)  # of the largest value, that the integers reach up to
INT32_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Values of one tree or one table.

    Attributes:
        values: float64, shape (rows, targets).
        weight: How much each row counts; 0 where no row of data can come.
        targets: Output columns.
    """

    values: Array
    weight: Array
    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """Blocks as integers.

    Attributes:
        blocks: int64, one for each block.
        scale: float32, shape (width,).
        shift: float64, shape (width,): what centring adds to the bias.
    """

    blocks: list[Array]
    scale: Array
    shift: Array


def rounded(blocks: Sequence[Block], width: int, bits: int) -> Rounded:
    """Integers of `bits` bits whose products with the scale are near the values less each block's middle."""
    shift = np.zeros(width)
    centred: list[Array] = []
    for block in blocks:
        known = block.values[block.weight > 0]
        if not known.size:
            centred.append(np.zeros_like(block.values))
            continue
        middle = (known.max(axis=0) + known.min(axis=0)) / 2
        shift[list(block.targets)] += middle
        centred.append(np.where(block.weight[:, None] > 0, block.values - middle, 0.0))
    scale = np.ones(width, dtype=np.float32)
    top = min(2 ** (bits - 1) - 1, INT32_MAX // (2 * max(1, len(blocks))))
    for column in range(width):
        own = [(c[:, b.targets.index(column)], b) for b, c in zip(blocks, centred, strict=True) if column in b.targets]
        if own:
            values = np.concatenate([values for values, _ in own])
            scale[column] = _scale(values, np.concatenate([block.weight for _, block in own]), top)
    wide = scale.astype(np.float64)
    integers = [
        np.clip(np.rint(own / wide[list(block.targets)]), -top, top).astype(np.int64)
        for block, own in zip(blocks, centred, strict=True)
    ]
    return Rounded(integers, scale, shift)


def _scale(values: Array, weight: Array, top: int) -> np.float32:
    largest = float(np.abs(values).max(initial=0.0))
    if not largest > 0:
        return np.float32(1.0)
    best, least = largest / top, np.inf
    for share in SHARES:
        step = share * largest / top
        error = values - np.clip(np.rint(values / step), -top, top) * step
        loss = float((weight * error**2).sum())
        if loss < least:
            best, least = step, loss
    return max(np.float32(best), np.finfo(np.float32).tiny)
