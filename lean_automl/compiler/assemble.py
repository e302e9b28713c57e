"""From raw scores to a whole Program: link, labels and named outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

from lean_automl.data import Schema, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.features import FeaturePlan
    from lean_automl.learners.base import Lowerable


def assemble(fitted: Lowerable, plan: FeaturePlan, schema: Schema) -> Program:
    """The Program of one fitted model: raw columns in; label and probabilities, or a prediction, out."""
    builder = ProgramBuilder(schema.features)
    return finish(builder, fitted.lower(plan, builder), schema)


def finish(builder: ProgramBuilder, scores: int, schema: Schema) -> Program:
    """Give the scores their link and their labels."""
    if schema.task is Task.REGRESSION:
        return builder.build({PREDICTION: scores})
    kind = o.LinkKind.SIGMOID if schema.task is Task.BINARY else o.LinkKind.SOFTMAX
    return label(builder, builder.add(o.Link((scores,), kind)), schema)


def label(builder: ProgramBuilder, probabilities: int, schema: Schema) -> Program:
    """Add the label to probabilities."""
    chosen = builder.add(o.Label((probabilities,), schema.classes, None))  # type: ignore[arg-type]
    return builder.build({LABEL: chosen, PROBABILITIES: probabilities})


def assemble_average(
    members: Sequence[tuple[Lowerable, float]], plan: FeaturePlan, schema: Schema, outputs: int | None = None
) -> Program:
    """The Program of a weighted average of models, as `averaged` has it.

    Args:
        members: Models with their weights.
        plan: The features.
        schema: What the columns mean.
        outputs: Columns of a prediction; None for the classes, or one number.
    """
    builder = ProgramBuilder(schema.features)
    parts, weights = [], []
    for fitted, weight in members:
        scores = fitted.lower(plan, builder)
        if schema.task is Task.BINARY:
            scores = builder.add(o.Link((scores,), o.LinkKind.SIGMOID))
        parts.append(scores)
        weights.append(weight)
    width = outputs or len(schema.classes) or 1
    share = (np.array(weights) / np.sum(weights)).astype(np.float32)
    mean = builder.add(o.Blend(tuple(parts), share, np.zeros(width, dtype=np.float32)))
    return label(builder, mean, schema) if schema.task is Task.BINARY else finish(builder, mean, schema)
