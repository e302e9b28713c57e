"""All leaf values of a forest at once by ridge regression: least squares of the scores, drawn to the present values.

The normal equations are solved by conjugate gradients, which never hold a matrix of leaves by leaves.

Fitted to the labels themselves this overfits. Its targets should be scores of a teacher, or of the same Program before
it was pruned, on rows that the judging rows are not among.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.evidence import MOST_CELLS, Evidence, Weights, leaf_numbers, weights_of
from lean_automl.compiler.passes.facts import numbered
from lean_automl.compiler.passes.integers import Block, rounded
from lean_automl.compiler.passes.quantise_leaves import with_integers
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

STEPS: Final = 15
ENOUGH: Final = 1e-4  # relative residual
TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class RefitLeaves:
    """Fits the leaves of the only forest of a Program to given scores.

    Attributes:
        rows: A typed array for each column.
        scores: What the forest's part of the Program should give for the rows, before the link: shape (n, scores),
            one column where leaves are linear.
        strength: Of the pull to the present values, in rows.
        bits: Of the new leaves; as many as they have now if None.
    """

    rows: Mapping[str, Array] = field(repr=False)
    scores: Array = field(repr=False)
    strength: float = 1.0
    bits: int | None = None

    name: ClassVar[str] = "refit_leaves"
    exact: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        """The changed Program; the same one if it has no forest, or several."""
        forests = [op for op in program.ops if isinstance(op, o.ObliviousTrees | o.RaggedTrees)]
        if len(forests) != 1 or forests[0].target_offsets.size < 2:
            return program
        evidence = Evidence(program, self.rows)
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.ObliviousTrees | o.RaggedTrees):
                x = evidence.value(op.inputs[0])
                weights = weights_of(program, number, evidence, x.shape[0])
                changed[number] = refitted(op, x, weights, self.scores, self.strength, self.bits)
        return with_ops(program, changed)


def scores_of(op: o.Forest, x: Array, weights: Weights) -> Array:
    """What a forest adds to the scores of rows, shape (n, scores)."""
    scale = op.scale.astype(np.float64)
    values = op.leaves * scale[_column(op)]
    return _System(op, leaf_numbers(op, x), weights).scores(values) + _of_bias(op, weights)


def refitted(
    op: o.Forest, x: Array, weights: Weights, scores: Array, strength: float = 1.0, bits: int | None = None
) -> o.Op:
    """The forest with other leaves.

    Args:
        op: Its trees stay.
        x: What it reads, shape (n, width).
        weights: What becomes of its columns.
        scores: What it should add to the scores, shape (n, scores).
        strength: Of the pull to the present leaves, in rows.
        bits: Of the new leaves; as many as they have now if None.
    """
    kept = np.linspace(0, x.shape[0] - 1, min(x.shape[0], max(200, MOST_CELLS // op.targets.size))).astype(np.int64)
    weights = Weights(weights.output, weights.factor[kept])
    column, scale = _column(op), op.scale.astype(np.float64)
    values = op.leaves * scale[column]
    system = _System(op, leaf_numbers(op, x[kept]), weights)
    missing = scores[kept] - system.scores(values) - _of_bias(op, weights)
    pull = strength * np.maximum((weights.factor**2).mean(axis=0), TINY)[column]
    step = conjugate_gradients(
        lambda d: system.moments(system.scores(d)) + pull * d, system.moments(missing), system.diagonal() + pull
    )
    fitted = values + step
    spans = zip(op.leaf_offsets[:-1], op.leaf_offsets[1:], _targets(op), strict=True)
    blocks = [
        Block(fitted[a:b].reshape(-1, t.size), np.ones((b - a) // t.size), tuple(t.tolist())) for a, b, t in spans
    ]
    return with_integers(op, rounded(blocks, scale.size, bits or _bits(op)))


def _of_bias(op: o.Forest, weights: Weights) -> Array:
    found = np.zeros((weights.factor.shape[0], int(weights.output.max()) + 1))
    for column, bias in enumerate(op.bias.tolist()):
        found[:, weights.output[column]] += weights.factor[:, column] * bias
    return found


def _column(op: o.Forest) -> Array:
    """The output column of each leaf value."""
    return np.concatenate(
        [np.tile(t, n // t.size) for t, n in zip(_targets(op), np.diff(op.leaf_offsets).tolist(), strict=True)]
    )


def _bits(op: o.Forest) -> int:
    """Bits of the largest leaf, with the sign."""
    return max(4, int(np.abs(op.leaves.astype(np.int64)).max(initial=0)).bit_length() + 1)


def _targets(op: o.Forest) -> list[Array]:
    return [op.targets[a:b] for a, b in zip(op.target_offsets[:-1], op.target_offsets[1:], strict=True)]


class _System:
    """The linear map from leaf values to scores."""

    def __init__(self, op: o.Forest, leaf: Array, weights: Weights) -> None:
        counts = np.diff(op.target_offsets)
        tree = np.repeat(np.arange(counts.size), counts)
        position = np.arange(op.targets.size) - op.target_offsets[:-1][tree]
        self._at = op.leaf_offsets[:-1][tree] + position + leaf[:, tree] * counts[tree]
        self._factor = weights.factor[:, op.targets]
        self._output = weights.output[op.targets]
        self._outputs = int(weights.output.max()) + 1
        self._size = op.leaves.size

    def scores(self, values: Array) -> Array:
        """Scores of the rows, shape (n, scores)."""
        read = values[self._at] * self._factor
        return np.column_stack([read[:, self._output == k].sum(axis=1) for k in range(self._outputs)])

    def moments(self, scores: Array) -> Array:
        """The transposed map."""
        return np.bincount(
            self._at.ravel(), weights=(scores[:, self._output] * self._factor).ravel(), minlength=self._size
        )

    def diagonal(self) -> Array:
        """Of the map times its transpose."""
        return np.bincount(self._at.ravel(), weights=(self._factor**2).ravel(), minlength=self._size)


def conjugate_gradients(times: Callable[[Array], Array], right: Array, diagonal: Array) -> Array:
    """Solves `times(x) = right` for a symmetric positive map, preconditioned by its diagonal."""
    x = np.zeros_like(right)
    residual = right.copy()
    direction = residual / diagonal
    energy = float(residual @ direction)
    start = float(np.linalg.norm(right))
    for _ in range(STEPS):
        if float(np.linalg.norm(residual)) <= ENOUGH * start:
            break
        image = times(direction)
        length = energy / float(direction @ image)
        x += length * direction
        residual -= length * image
        scaled = residual / diagonal
        energy, before = float(residual @ scaled), energy
        direction = scaled + energy / before * direction
    return x
