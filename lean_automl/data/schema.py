"""The schema: what a table's columns mean and what is to be predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lean_automl_runtime.ir.columns import Column, ColumnKind

from lean_automl.data.notes import Note

Label = str | int | bool


class Task(StrEnum):
    """What kind of thing the target is."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        """Whether the target is a label."""
        return self is not Task.REGRESSION


@dataclass(frozen=True, slots=True)
class SchemaOverrides:
    """What the caller knows better than inference.

    Attributes:
        kinds: Kind by column name; such a column is kept even if it looks like an id.
        drop: Columns to leave out.
        id: Columns that name a row; left out of the features.
        time: Column that orders the rows; splits then train on the past only. It stays a feature.
        group: Column whose rows of one value must stay together; left out of the features.
        weight: Column of row weights; left out of the features.
    """

    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    weight: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """What a table holds.

    Attributes:
        features: The columns that predictions are made from, in the order of the table.
        target: Name of the target.
        task: What the target is.
        classes: The labels in the order of their codes: sorted, in their native Python type. Empty for regression.
        weight: Name of the column of row weights.
        group: Name of the column of groups.
        time: Name of the column that orders the rows.
        notes: What was found and what was done about it.
    """

    features: tuple[Column, ...]
    target: str
    task: Task
    classes: tuple[Label, ...]
    weight: str | None
    group: str | None
    time: str | None
    notes: tuple[Note, ...]
