"""Weights of a layer in a byte each, where they are small integers times a power of two for each input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lean_automl_runtime.native.block import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST: Final = 32  # weights; fewer do not make up for the code
LARGEST: Final = 127
EXPONENTS: Final = range(-110, 111)  # what `float` holds as a normal number, and with room for the integer
FRACTION_BITS: Final = 24


def in_powers_of_two(weight: Table, inputs: int) -> tuple[Table, Table] | None:
    """Integers of 8 bits, and the exponent of each input; None if not all weights are such.

    Args:
        weight: A row for each input.
        inputs: How many there are.
    """
    numbers = weight.numbers().tolist()
    if len(numbers) < FEWEST:
        return None
    width, integers, exponents = len(numbers) // inputs, [], []
    for begin in range(0, len(numbers), width):
        found = _small(numbers[begin : begin + width])
        if found is None:
            return None
        integers += found[0]
        exponents.append(found[1])
    return Table.of("b", integers), Table.of("b", exponents)


def _small(row: Sequence[float]) -> tuple[list[int], int] | None:
    if not all(map(math.isfinite, row)) or any(v == 0.0 and math.copysign(1.0, v) < 0 for v in row):
        return None  # a product with -0.0 is another zero
    exponent = min((_lowest(number) for number in row if number), default=0)
    integers = [number / 2.0**exponent for number in row]
    if exponent not in EXPONENTS or max(map(abs, integers)) > LARGEST:
        return None
    return [int(number) for number in integers], exponent


def _lowest(number: float) -> int:
    """Exponent of the lowest bit that is set."""
    fraction, exponent = math.frexp(number)
    whole = abs(int(fraction * 2**FRACTION_BITS))
    return exponent - FRACTION_BITS + (whole & -whole).bit_length() - 1
