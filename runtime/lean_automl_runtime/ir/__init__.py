"""The intermediate representation: columns, ops, Programs."""

from lean_automl_runtime.ir.columns import MISSING_TIME, Column, ColumnKind
from lean_automl_runtime.ir.program import LABEL, PREDICTION, PROBABILITIES, Program, ProgramBuilder, prune
from lean_automl_runtime.ir.serial import digest, from_bytes, to_bytes
from lean_automl_runtime.ir.text import to_text
from lean_automl_runtime.ir.types import DType, ValueType

__all__ = [
    "LABEL",
    "MISSING_TIME",
    "PREDICTION",
    "PROBABILITIES",
    "Column",
    "ColumnKind",
    "DType",
    "Program",
    "ProgramBuilder",
    "ValueType",
    "digest",
    "from_bytes",
    "prune",
    "to_bytes",
    "to_text",
]
