"""Integers in the smallest type that holds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.adapt import as_bins
from lean_automl.compiler.passes.facts import numbered, op_of
from lean_automl.compiler.passes.forests import as_leaves
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program


@dataclass(frozen=True)
class Narrow:
    """Leaves and tables as int8 or int16, bins as uint8, wherever they fit."""

    name: ClassVar[str] = "narrow"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        changed = {number: narrowed(op) for number, op in numbered(program)}
        return with_ops(program, {n: op for n, op in changed.items() if op is not op_of(program, n)})


def narrowed(op: o.Op) -> o.Op:
    """The op with smaller numbers; the same object if there are none."""
    if isinstance(op, o.Forest):
        leaves = as_leaves(op.leaves)
        op = op if leaves.dtype == op.leaves.dtype else replace(op, leaves=leaves)
    if isinstance(op, o.ObliviousTrees):
        bins = as_bins(op.split_bin)
        return op if bins.dtype == op.split_bin.dtype else replace(op, split_bin=bins)
    if isinstance(op, o.TableSum):
        values = as_leaves(op.values)
        return op if values.dtype == op.values.dtype else replace(op, values=values)
    if isinstance(op, o.Lookup) and op.table.dtype != np.float32:
        table = as_bins(op.table)
        return op if table.dtype == op.table.dtype else replace(op, table=table)
    return op
