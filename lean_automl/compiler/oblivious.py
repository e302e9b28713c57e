"""Lowers oblivious trees, with or without linear leaves, to ops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.bins import BinColumn, compact, emit_bins, emit_matrix, reposition
from lean_automl.compiler.trees import LeafBits, ObliviousTree, oblivious_op
from lean_automl.features import FeaturePlan, NumericFeature, emit_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

TermForm = Literal["centres", "values"]


@dataclass(frozen=True, eq=False)
class Term:
    """A numeric feature that linear leaves multiply.

    The learner multiplies the standardised centre of the feature's bin, `(centre - mean) / deviation`, 0 for NaN.

    Attributes:
        feature: What is multiplied.
        edges: float32, the learner's edges, all of them.
        centres: float64, one for each bin, shape (edges + 1,).
        mean: Of the training rows' centres.
        deviation: Of the training rows' centres; positive.
    """

    feature: NumericFeature
    edges: NDArray[np.float32]
    centres: NDArray[np.float64]
    mean: float
    deviation: float


@dataclass(frozen=True, eq=False)
class ObliviousModel:
    """Fitted oblivious trees in neutral form.

    Attributes:
        trees: Leaves have one column for each of `targets`: with `terms`, target 0 is the constant and target 1 + i
            the slope of term i; without, targets are output columns.
        columns: What `ObliviousTree.feature` numbers.
        bias: Added to the sum, shape (outputs,).
        terms: Of linear leaves; empty for constant and vector leaves.
    """

    trees: tuple[ObliviousTree, ...]
    columns: tuple[BinColumn, ...]
    bias: NDArray[np.float64]
    terms: tuple[Term, ...] = ()


def lower_oblivious(
    model: ObliviousModel, plan: FeaturePlan, builder: ProgramBuilder, bits: LeafBits = 16, form: TermForm = "values"
) -> int:
    """Value number of the scores, float32 (n, outputs).

    Args:
        model: The trees.
        plan: The features that they were fitted on.
        builder: Takes the ops.
        bits: Width of the stored leaves.
        form: What linear leaves multiply: `centres` looks the bin's centre up, as in training; `values` takes the
            value itself, limited to the outermost centres, which needs four numbers a feature instead of two tables.
    """
    trees, columns = compact(model.trees, model.columns)
    bins, order = emit_bins(columns, plan, builder)
    trees = reposition(trees, order)
    if not model.terms:
        return builder.add(oblivious_op(bins, trees, model.bias, bits))
    trees, terms = _used_terms(trees, model.terms)
    bias = np.concatenate([model.bias, np.zeros(len(terms))])
    op = oblivious_op(bins, trees, bias, bits)
    if not terms:
        return builder.add(op)
    if form == "centres":
        return builder.add(o.Dot((builder.add(op), _emit_centres(terms, builder))))
    # The deviation goes into the slopes' scale; the values are only shifted.
    deviation = np.array([1.0] + [1.0 / term.deviation for term in terms])
    op = replace(op, scale=(op.scale * deviation).astype(np.float32), bias=(op.bias * deviation).astype(np.float32))
    return builder.add(o.Dot((builder.add(op), _emit_values(terms, builder))))


def _used_terms(trees: Sequence[ObliviousTree], terms: Sequence[Term]) -> tuple[list[ObliviousTree], list[Term]]:
    """Renumber the slopes so that only terms in use remain."""
    used = sorted({target for tree in trees for target in tree.targets if target > 0})
    position = {0: 0} | {target: number for number, target in enumerate(used, start=1)}
    moved = [replace(tree, targets=tuple(position[target] for target in tree.targets)) for tree in trees]
    return moved, [terms[target - 1] for target in used]


def _emit_centres(terms: Sequence[Term], builder: ProgramBuilder) -> int:
    looked_up = []
    for term in terms:
        count = term.edges.size
        number = emit_number(term.feature, builder)
        offsets = np.array([0, count], dtype=np.int32)
        bins = builder.add(o.Bin((number,), term.edges, offsets, np.array([count + 1], dtype=np.int32)))
        table = np.append((term.centres - term.mean) / term.deviation, 0.0).astype(np.float32)[:, None]
        looked_up.append(builder.add(o.Lookup((bins,), table)))
    return looked_up[0] if len(looked_up) == 1 else builder.add(o.Concat(tuple(looked_up)))


def _emit_values(terms: Sequence[Term], builder: ProgramBuilder) -> int:
    mean = np.array([term.mean for term in terms], dtype=np.float32)
    low = np.array([term.centres[0] for term in terms], dtype=np.float32)
    high = np.array([term.centres[-1] for term in terms], dtype=np.float32)
    values = emit_matrix([term.feature for term in terms], builder)
    clipped = builder.add(o.Clip((builder.add(o.Impute((values,), mean)),), low, high))
    return builder.add(o.Blend((clipped,), np.ones(1, dtype=np.float32), -mean))
