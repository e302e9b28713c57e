"""From scores to a Program's outputs, by composition of the ops that there are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES, Program
from lean_automl_runtime.ir import ops as o

from lean_automl.errors import ConfigError, UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder

Classes = tuple[str, ...] | tuple[int, ...] | tuple[bool, ...]


class HeadKind(StrEnum):
    """What becomes of the scores."""

    VALUE = "value"  # (n, 1): the prediction
    EXP = "exp"  # (n, 1): its exponential
    LOGISTIC_VALUE = "logistic value"  # (n, 1): its sigmoid, a number and no class
    SIGNED_SQUARE = "signed square"  # (n, 1): x * |x|
    SIGMOID = "sigmoid"  # (n, 1): two classes
    SOFTMAX = "softmax"  # (n, k)
    ONE_VS_REST = "one-vs-rest"  # (n, k): a sigmoid each, which do not add up to 1
    NORMALISED_ONE_VS_REST = "normalised one-vs-rest"  # (n, k): a sigmoid each, divided by their sum
    PROBABILITIES = "probabilities"  # (n, k): as they are
    SECOND_PROBABILITY = "second probability"  # (n, 1): that of the second of two classes


@dataclass(frozen=True)
class Head:
    """What becomes of the scores, and the classes, empty for regression."""

    kind: HeadKind
    classes: Classes = ()


def finish(builder: ProgramBuilder, scores: int, head: Head) -> Program:
    """The Program that ends in these scores."""
    if len(head.classes) == 1:
        raise UnsupportedOpError(
            f"the model knows one class only, {head.classes[0]!r}: train it on rows of two or more"
        )
    if not head.classes:
        return builder.build({PREDICTION: _number(builder, scores, head.kind)})
    probabilities = _probabilities(builder, scores, head)
    label = builder.add(o.Label((probabilities,), head.classes, None))
    return builder.build({LABEL: label, PROBABILITIES: probabilities})


def _number(builder: ProgramBuilder, scores: int, kind: HeadKind) -> int:
    match kind:
        case HeadKind.VALUE:
            return scores
        case HeadKind.LOGISTIC_VALUE:
            return sigmoid(builder, scores)
        case HeadKind.EXP:
            return exponential(builder, scores)
        case HeadKind.SIGNED_SQUARE:
            zero, top = np.zeros(1, dtype=np.float32), np.full(1, np.inf, dtype=np.float32)
            up, down = builder.add(o.Clip((scores,), zero, top)), builder.add(o.Clip((scores,), -top, zero))
            squares = [builder.add(o.Arithmetic((x, x), o.ArithmeticKind.MULTIPLY)) for x in (up, down)]
            return builder.add(o.Arithmetic(tuple(squares), o.ArithmeticKind.SUBTRACT))
    raise UnsupportedOpError(f"a regression model cannot end in {kind}")


def _probabilities(builder: ProgramBuilder, scores: int, head: Head) -> int:
    count = len(head.classes)
    match head.kind:
        case HeadKind.SIGMOID:
            return builder.add(o.Link((scores,), o.LinkKind.SIGMOID))
        case HeadKind.SOFTMAX:
            return builder.add(o.Link((scores,), o.LinkKind.SOFTMAX))
        case HeadKind.PROBABILITIES:
            return scores
        case HeadKind.SECOND_PROBABILITY:
            return dense(builder, scores, [[-1.0, 1.0]], [1.0, 0.0])
        case HeadKind.ONE_VS_REST | HeadKind.NORMALISED_ONE_VS_REST:
            each = [sigmoid(builder, column(builder, scores, j, count)) for j in range(count)]
            own = builder.add(o.Concat(tuple(each)))
            if head.kind is HeadKind.ONE_VS_REST:
                return own
            total = dense(builder, own, np.ones((count, count)), np.zeros(count))
            return builder.add(o.Arithmetic((own, total), o.ArithmeticKind.DIVIDE))
    raise UnsupportedOpError(f"a classifier cannot end in {head.kind}")


def sigmoid(builder: ProgramBuilder, x: int) -> int:
    """Value number of `1 / (1 + exp(-x))`, (n, 1)."""
    return column(builder, builder.add(o.Link((x,), o.LinkKind.SIGMOID)), 1, 2)


def exponential(builder: ProgramBuilder, x: int) -> int:
    """Value number of `exp(x)`, of the shape of x."""
    return builder.add(o.Link((x,), o.LinkKind.EXPONENTIAL))


def column(builder: ProgramBuilder, x: int, number: int, width: int) -> int:
    """Value number of one column of a float matrix."""
    return dense(builder, x, np.eye(width)[:, number : number + 1], [0.0])


def dense(builder: ProgramBuilder, x: int, weight: object, bias: Sequence[float] | object, relu: bool = False) -> int:
    """Value number of a layer."""
    activation = o.Activation.RELU if relu else o.Activation.IDENTITY
    return builder.add(
        o.Dense((x,), np.asarray(weight, dtype=np.float32), np.asarray(bias, dtype=np.float32), activation)
    )


def chosen_labels(given: Classes, count: int) -> Classes:
    """The labels that the caller gives, or 0, 1, ...

    Raises:
        ConfigError: They are too few or too many.
    """
    if given and len(given) != count:
        raise ConfigError(f"{len(given)} classes are given, and the model has {count}.")
    return given or tuple(range(count))


def class_labels(values: Sequence[object], what: str) -> Classes:
    """Class labels as a Program holds them: all text, all integers or all booleans.

    Raises:
        UnsupportedOpError: They are something else.
    """
    plain: list[Any] = [value.item() if hasattr(value, "item") else value for value in values]
    if all(isinstance(value, bool) for value in plain):
        return tuple(plain)
    if all(isinstance(value, str) for value in plain):
        return tuple(plain)
    if all(isinstance(value, int | float) and float(value).is_integer() for value in plain):
        return tuple(int(value) for value in plain)
    raise UnsupportedOpError(f"{what}: classes such as {plain[0]!r} are not text, whole numbers or booleans")
