"""Gives a Program another rule from probabilities to labels; the probabilities stay as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import LABEL, Program
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.program import prune

from lean_automl.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence


def with_threshold(program: Program, threshold: float) -> Program:
    """The second of two classes where its probability is above `threshold`."""
    return _relabelled(program, _label(program), (), threshold)


def with_weights(program: Program, weights: Sequence[float]) -> Program:
    """The class of the greatest product of probability and weight."""
    label = _label(program)
    numbers = np.array(weights, dtype=np.float32)
    weighted = o.WithConstant(label.inputs, o.ArithmeticKind.MULTIPLY, numbers, constant_first=False)
    return _relabelled(program, label, (weighted,), None)


def _label(program: Program) -> o.Label:
    op = program.ops[program.outputs[LABEL] - len(program.columns)]
    if not isinstance(op, o.Label):
        raise InternalError("the label of a Program is not made by Label")
    return op


def _relabelled(program: Program, label: o.Label, before: tuple[o.Op, ...], threshold: float | None) -> Program:
    """The Program with a new label that reads what the old one did, or the last of `before`."""
    last = len(program.columns) + len(program.ops) + len(before)
    changed = replace(label, inputs=(last - 1,) if before else label.inputs, threshold=threshold)
    return prune(program.columns, (*program.ops, *before, changed), program.outputs | {LABEL: last})
