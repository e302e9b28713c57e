"""Takes out the questions of trees that change scores least; a tree that has none left goes into another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.evidence import Evidence, Weights, leaf_numbers, weights_of
from lean_automl.compiler.passes.facts import numbered
from lean_automl.compiler.passes.prune_levels import prune_levels
from lean_automl.compiler.passes.prune_nodes import prune_nodes
from lean_automl.compiler.passes.refit_leaves import refitted, scores_of
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True, eq=False)
class PruneSplits:
    """Removes splits of no use for the given rows, and with them zero-gain trees.

    The damage of a removal is the squared change of the scores, summed over the rows; damages of different trees are
    taken as independent.

    Attributes:
        share: Of the bytes of trees to take out, between 0 and 1.
        rows: A typed array for each column, by its name; without labels.
        refit: Then fit all leaves that are left to the scores before, which undoes about half the damage.
    """

    share: float
    rows: Mapping[str, Array] = field(repr=False)
    refit: bool = False

    name: ClassVar[str] = "prune_splits"
    exact: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        """The changed Program."""
        evidence = Evidence(program, self.rows)
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.ObliviousTrees | o.RaggedTrees) and op.target_offsets.size > 1:
                x = evidence.value(op.inputs[0])
                weights = weights_of(program, number, evidence, x.shape[0])
                pruned = self._pruned(op, leaf_numbers(op, x), weights)
                changed[number] = refitted(pruned, x, weights, scores_of(op, x, weights)) if self.refit else pruned
        return with_ops(program, changed)

    def _pruned(self, op: o.ObliviousTrees | o.RaggedTrees, leaf: Array, weights: Weights) -> o.Forest:
        unit = op.scale.astype(np.float64) ** 2 * (weights.factor**2).mean(axis=0)
        if isinstance(op, o.ObliviousTrees):
            return prune_levels(op, leaf, unit, self.share)
        return prune_nodes(op, leaf, unit, self.share)
