"""Numbers that scores are calculated from, in 11 significant bits: as many as float16 has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

BITS: Final = 11
SMALL: Final = 2.0**-10  # tables below it would lose bits to the least exponent of float16
FEWEST: Final = 8  # smaller arrays are not worth it


@dataclass(frozen=True)
class RoundTables:
    """Rounds tables of floats and weights of layers; files store them in half the bytes where float16 holds them.

    Biases stay: they are few, and that of a regression is as large as its target.
    """

    name: ClassVar[str] = "round_tables"
    exact: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        """The changed Program."""

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if isinstance(op, o.Lookup) and op.table.dtype == np.float32 and op.table.size >= FEWEST:
                return state.same(number, replace(op, table=half(op.table)))
            if isinstance(op, o.Dense) and op.weight.size >= FEWEST:
                return state.same(number, replace(op, weight=short(op.weight)))
            return None

        return rewrite(program, change)


def short(values: Array) -> Array:
    """The nearest numbers of few bits."""
    with np.errstate(all="ignore"):
        fraction, exponent = np.frexp(values.astype(np.float64))
        rounded = np.ldexp(np.rint(np.ldexp(fraction, BITS)), exponent - BITS).astype(np.float32)
    return np.where(np.isfinite(rounded), rounded, values)


def half(table: Array) -> Array:
    """The same for a table whose numbers are added to others: float16's, where that is as near."""
    largest = float(np.abs(table[np.isfinite(table)]).max(initial=0.0))
    if SMALL < largest <= float(np.finfo(np.float16).max):
        return table.astype(np.float16).astype(np.float32)
    return short(table)
