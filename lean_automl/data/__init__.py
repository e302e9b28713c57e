"""Tables: read, understood, typed and split."""

from lean_automl.data.arrays import Target, to_target
from lean_automl.data.dataset import Dataset, load_dataset
from lean_automl.data.infer import infer_schema
from lean_automl.data.notes import Note, NoteCode, did_you_mean
from lean_automl.data.reading import read_table, read_with_notes
from lean_automl.data.schema import Label, Schema, SchemaOverrides, Task
from lean_automl.data.splits import Split, default_holdout_fraction, folds, holdout
from lean_automl.data.table import Table, to_table

__all__ = [
    "Dataset",
    "Label",
    "Note",
    "NoteCode",
    "Schema",
    "SchemaOverrides",
    "Split",
    "Table",
    "Target",
    "Task",
    "default_holdout_fraction",
    "did_you_mean",
    "folds",
    "holdout",
    "infer_schema",
    "load_dataset",
    "read_table",
    "read_with_notes",
    "to_table",
    "to_target",
]
