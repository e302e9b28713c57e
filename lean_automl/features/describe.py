"""Says in words what a feature is, for reports."""

from __future__ import annotations

from functools import singledispatch

from lean_automl.features.plan import (
    Binned,
    Centred,
    Crossed,
    DateNumber,
    Expressed,
    Frequency,
    Ordinal,
    Pair,
    TextNumber,
    Worded,
)

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


@singledispatch
def describe(feature: object) -> str:
    """For a column as it is, its name."""
    return str(feature.column)  # type: ignore[attr-defined]


@describe.register(DateNumber)
def _(feature: DateNumber) -> str:
    return f"{feature.part.value.replace('_', ' ')} of {feature.column}"


@describe.register(Pair)
def _(feature: Pair) -> str:
    return f"({describe(feature.left)} {SIGNS[feature.kind.value]} {describe(feature.right)})"


@describe.register(Expressed)
def _(feature: Expressed) -> str:
    return feature.name


@describe.register(TextNumber)
def _(feature: TextNumber) -> str:
    return f"{feature.field.value} of {feature.column}"


@describe.register(Worded)
def _(feature: Worded) -> str:
    return f"words of {feature.column}"


@describe.register(Centred)
def _(feature: Centred) -> str:
    return f"({describe(feature.value)} - its mean by {describe(feature.category)})"


@describe.register(Frequency)
def _(feature: Frequency) -> str:
    return f"frequency of {describe(feature.category)}"


@describe.register(Ordinal)
def _(feature: Ordinal) -> str:
    return f"rank of {describe(feature.category)}"


@describe.register(Binned)
def _(feature: Binned) -> str:
    return f"{describe(feature.value)} in {feature.levels - 1} ranges"


@describe.register(Crossed)
def _(feature: Crossed) -> str:
    return f"{describe(feature.left)} x {describe(feature.right)}"
