"""A table made ready to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lean_automl.data.arrays import Target, to_target
from lean_automl.data.infer import NO_OVERRIDES, infer_schema
from lean_automl.data.notes import Note, NoteCode
from lean_automl.data.reading import Source, read_with_notes
from lean_automl.data.schema import Schema, SchemaOverrides, Task
from lean_automl.data.table import Table, to_table


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Features and target of the same rows.

    Attributes:
        schema: What the columns mean.
        table: The features.
        target: Target, weights, groups and times; `target.kept` are the rows' positions in the source.
        notes: All findings: of reading, of the schema and of conversion.
    """

    schema: Schema
    table: Table
    target: Target
    notes: tuple[Note, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.target.y)

    @property
    def y(self) -> npt.NDArray[Any]:
        """Class codes (int64), or float64 for regression."""
        return self.target.y

    @property
    def weight(self) -> npt.NDArray[np.float64] | None:
        """Row weights, or None."""
        return self.target.weight

    def take(self, index: npt.NDArray[Any]) -> Dataset:
        """Return the rows of `index` (positions, or a mask), in its order."""
        return Dataset(self.schema, self.table.take(index), self.target.take(index), self.notes)


def load_dataset(
    source: Source,
    target: str,
    overrides: SchemaOverrides = NO_OVERRIDES,
    task: Task | None = None,
) -> Dataset:
    """Read a table, infer its schema and convert it.

    Args:
        source: A path, a DataFrame, a mapping of columns or a pyarrow Table.
        target: Name of the column to predict.
        overrides: What the caller knows better than inference.
        task: What the target is; None to infer it.

    Raises:
        DataError: The table or its target cannot be used.
        ConfigError: An override or the task contradicts the table.
    """
    frame, read_notes = read_with_notes(source)
    schema = infer_schema(frame, target, overrides, task)
    rows = to_target(frame, schema)
    if len(rows.kept) < len(frame):
        frame = frame.iloc[rows.kept]
    table = to_table(frame, schema.features)
    told = {note.column for note in schema.notes if note.code is NoteCode.MIXED_TYPES}
    more = tuple(note for note in table.notes if note.column not in told)
    return Dataset(schema, table, rows, (*read_notes, *schema.notes, *more))
