"""Weights of layers as small integers times a power of two, which the C exporter stores in a byte each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

FEWEST: Final = 64  # weights of a layer; a smaller one is not worth it
LEAST_EXPONENT: Final = -100  # far from where products become subnormal


@dataclass(frozen=True)
class QuantiseWeights:
    """Rounds the weights of each input of a layer to `bits` bits with one scale; biases stay.

    Attributes:
        bits: With the sign; at most 8.
    """

    bits: int = 8

    name: ClassVar[str] = "quantise_weights"
    exact: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        """The changed Program."""

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if not isinstance(op, o.Dense) or op.weight.size < FEWEST or not np.isfinite(op.weight).all():
                return None
            return state.same(number, replace(op, weight=on_grid(op.weight, self.bits)))

        return rewrite(program, change)


def on_grid(weight: Array, bits: int) -> Array:
    """The nearest integers of so many bits, times a power of two for each input: the least that its largest allows.

    Inputs differ in scale, and scaling them was folded into the weights of the first layer.
    """
    most = 2 ** (bits - 1) - 1
    largest = np.abs(weight.astype(np.float64)).max(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        exponent = np.ceil(np.log2(largest / most))
    exponent = np.clip(exponent, LEAST_EXPONENT, None).astype(np.int64)
    whole = np.clip(np.rint(np.ldexp(weight.astype(np.float64), -exponent)), -most, most) + 0.0  # no -0.0
    rounded: Array = np.ldexp(whole, exponent).astype(np.float32)
    return rounded
