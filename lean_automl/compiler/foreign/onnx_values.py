"""What the values of an ONNX graph are, followed from its inputs: columns of features, then scores, then labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.features import Feature, Levels, Number
from lean_automl.compiler.foreign.linear import LinearModel

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.heads import Classes
    from lean_automl.compiler.foreign.model import ScoreModel


@dataclass(frozen=True)
class TextColumn:
    """A string raw column as it is."""

    column: str


Stage = Feature | TextColumn


@dataclass(frozen=True)
class Columns:
    """A matrix of features, or of texts."""

    stages: tuple[Stage, ...]

    def features(self) -> tuple[Feature, ...] | None:
        """The features; None where there is text among them."""
        own = tuple(stage for stage in self.stages if isinstance(stage, Number | Levels))
        return own if len(own) == len(self.stages) else None


@dataclass(frozen=True, eq=False)
class Scores:
    """Floats (n, width) that a model part yields; lowered when everything is known.

    Attributes:
        width: Columns.
        sources: What `make` takes.
        make: From a builder and the value numbers of the sources to the value number.
        sums_to_one: Whether each row is a distribution already.
        linear: The linear map that this is, to which constants can be added.
        margins: Whether a classifier gives them as they are, though they are no probabilities.
    """

    width: int
    sources: tuple[Scores | ScoreModel, ...]
    make: Callable[[ProgramBuilder, tuple[int, ...]], int]
    sums_to_one: bool = False
    linear: LinearModel | None = field(default=None)
    margins: bool = False

    @property
    def used(self) -> list[Feature]:
        """Features that it reads."""
        return [feature for source in self.sources for feature in source.used]

    def lower(self, builder: ProgramBuilder) -> int:
        """Value number of the floats."""
        return self.make(builder, tuple(source.lower(builder) for source in self.sources))


@dataclass(frozen=True, eq=False)
class Labels:
    """The greatest of some scores: its position, or the label of that position."""

    scores: Scores
    classes: Classes = ()


Value = Columns | Scores | Labels


def scores_of(model: ScoreModel, width: int) -> Scores:
    """A model's scores."""
    linear = model if isinstance(model, LinearModel) else None
    return Scores(width, (model,), lambda _, numbers: numbers[0], linear=linear)


def mapped(scores: Scores, make: Callable[[ProgramBuilder, int], int], width: int | None = None) -> Scores:
    """What an operation makes of scores."""
    return Scores(
        scores.width if width is None else width, (scores,), lambda builder, numbers: make(builder, numbers[0])
    )


def affine(scores: Scores, factor: float, add: NDArray[np.float64]) -> Scores:
    """`factor * scores + add`."""
    bias = np.broadcast_to(add, (scores.width,))
    if scores.linear is not None:
        own = scores.linear
        return scores_of(LinearModel(own.features, own.weight * factor, own.bias * factor + bias), scores.width)
    if factor == 1.0 and not bias.any():
        return scores
    weights, constant = np.array([factor], dtype=np.float32), bias.astype(np.float32)
    return mapped(scores, lambda builder, x: builder.add(o.Blend((x,), weights, constant)))
