"""Which numeric features predictions may only rise or only fall with, from the names of columns."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from lean_automl_runtime.ir import ColumnKind

from lean_automl.data.notes import did_you_mean
from lean_automl.errors import ConfigError
from lean_automl.features.plan import Expressed, FeaturePlan, Number, Shifted

if TYPE_CHECKING:
    from lean_automl.config import Monotone
    from lean_automl.data import Schema


def check_monotone(monotone: Monotone, schema: Schema, own: FeaturePlan) -> None:
    """See that each name is a number that predictions can be ordered by.

    Args:
        monotone: Names and signs.
        schema: What the columns mean.
        own: The user's features.

    Raises:
        ConfigError: A name is none, or the target has no order.
    """
    if not monotone:
        return
    if len(schema.classes) > 2:
        raise ConfigError(
            f"--monotone: target {schema.target!r} has {len(schema.classes)} classes, which have no order. It is for "
            "numbers, and for the probability of the second of two classes."
        )
    kinds = {column.name: column.kind for column in schema.features}
    for name, sign in monotone:
        if sign not in (1, -1):
            raise ConfigError(f"--monotone: {sign!r} for {name!r} is neither 1 nor -1.")
        if name in kinds and kinds[name] not in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN):
            raise ConfigError(f"--monotone: {name!r} is {kinds[name].value}; only numbers and booleans have an order.")
        if name not in kinds and name not in own.written:
            near = did_you_mean(name, [*kinds, *own.written])
            raise ConfigError(f"--monotone: {name!r} is not a column that the model reads.{near}")
    for feature in own.numeric:
        name = getattr(feature, "name", "")
        both = (columns_of(feature) - {name}) & {name for name, _ in monotone}
        if both:
            raise ConfigError(
                f"--monotone: feature {name!r} reads {min(both)!r} too, and might turn its effect round. Constrain the "
                "feature instead of the column, or leave one of them out."
            )


def signs_of(plan: FeaturePlan, monotone: Monotone) -> tuple[int, ...]:
    """For each numeric feature 1, -1, or 0 for any; nothing at all without a constraint."""
    signs = dict(monotone)
    if not signs:
        return ()
    found = []
    for feature in plan.numeric:
        own = isinstance(feature, Number | Shifted) and signs.get(feature.column)
        named = isinstance(feature, Expressed) and signs.get(feature.name)
        found.append(int(own or named or 0))
    return tuple(found)


def is_free(feature: object, monotone: Monotone) -> bool:
    """Whether a feature reads no column with a sign: with another feature of it, its effect could turn round."""
    return columns_of(feature).isdisjoint(name for name, _ in monotone)


def columns_of(feature: object) -> set[str]:
    """Names of the raw columns that a feature reads, and of the user's features in it."""
    names: set[str] = {feature.name} if isinstance(feature, Expressed) else set()
    if is_dataclass(feature):
        for field in fields(feature):
            value = getattr(feature, field.name)
            names |= {value} if field.name == "column" else columns_of(value)
    return names
