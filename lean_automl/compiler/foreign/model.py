"""What a reader hands over: scores, what becomes of them, and the names of the inputs; and the Program of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lean_automl_runtime.ir import Column, ColumnKind, Program, ProgramBuilder

from lean_automl.compiler.foreign.features import Categories, Feature, Intervals, Levels, column_of
from lean_automl.compiler.foreign.heads import Head, finish
from lean_automl.errors import ConfigError, UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

Declared = Mapping[str, Column]
"""Raw columns that the caller described, by name."""

STRING_KINDS = (ColumnKind.CATEGORICAL, ColumnKind.TEXT)


class ScoreModel(Protocol):
    """What yields raw scores."""

    @property
    def used(self) -> Sequence[Feature]:
        """Features that matter to the scores."""
        ...

    def lower(self, builder: ProgramBuilder) -> int:
        """Value number of the scores, float32 (n, outputs)."""
        ...


@dataclass(frozen=True, eq=False)
class SourceModel:
    """A model of another library, read.

    Attributes:
        library: Name of the library.
        scores: What yields the scores.
        head: What becomes of them.
        inputs: Names of all raw columns, in the model's order.
        notes: What the caller should know.
    """

    library: str
    scores: ScoreModel
    head: Head
    inputs: tuple[str, ...]
    notes: tuple[str, ...] = ()


def lower(source: SourceModel, declared: Declared) -> Program:
    """The Program of a model. Raw columns that do not matter to it are left out.

    Raises:
        ConfigError: A declared column has another kind than the model reads.
        UnsupportedOpError: A part of the model cannot be represented; the message names it.
    """
    builder = ProgramBuilder(raw_columns(source.scores.used, source.inputs, declared))
    return finish(builder, source.scores.lower(builder), source.head)


def raw_columns(used: Sequence[Feature], inputs: Sequence[str], declared: Declared) -> tuple[Column, ...]:
    """The raw columns that features read, in the order of the inputs; the first input where they read none."""
    found: dict[str, Column] = {}
    for feature in used:
        name = column_of(feature)
        own = _column(feature, declared.get(name))
        known = found.setdefault(name, own)
        if (known.dtype == "string") != (own.dtype == "string"):
            raise UnsupportedOpError(
                f"column {name!r} is read as numbers by one part of the model and as text by another"
            )
        if own.kind is ColumnKind.BOOLEAN:
            found[name] = own
    if not found:
        name = inputs[0] if inputs else "x0"
        found[name] = declared.get(name) or Column(name, ColumnKind.NUMERIC, "float32")
    return tuple(found[name] for name in inputs if name in found)


def _column(feature: Feature, declared: Column | None) -> Column:
    name = column_of(feature)
    text = isinstance(feature, Levels) and isinstance(feature.coding, Categories)
    if declared is None:
        if text:
            return Column(name, ColumnKind.CATEGORICAL, "string")
        boolean = isinstance(feature, Levels) and isinstance(feature.coding, Intervals) and feature.coding.boolean
        return Column(name, ColumnKind.BOOLEAN if boolean else ColumnKind.NUMERIC, "float32")
    fits = declared.kind in STRING_KINDS if text else declared.kind in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN)
    if not fits:
        raise ConfigError(
            f"column {name!r} is declared {declared.kind.value}, but the model reads {'text' if text else 'numbers'} "
            "in it. Declare it so."
        )
    return declared
