"""From a table to its schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from lean_automl_runtime.ir.columns import Column, ColumnKind

from lean_automl.data.arrays import Target, column_of, to_target
from lean_automl.data.convert import convert
from lean_automl.data.features import infer_feature
from lean_automl.data.leaks import leak_notes, leak_sample
from lean_automl.data.notes import Note, NoteCode, did_you_mean
from lean_automl.data.schema import Schema, SchemaOverrides, Task
from lean_automl.data.table import to_table
from lean_automl.data.target import MIN_ROWS, plan_target
from lean_automl.errors import ConfigError, DataError

NO_OVERRIDES = SchemaOverrides()


def infer_schema(
    frame: pd.DataFrame,
    target: str,
    overrides: SchemaOverrides = NO_OVERRIDES,
    task: Task | None = None,
) -> Schema:
    """Find what each column of a table means.

    Args:
        frame: The table, as `read_table` returns it.
        target: Name of the column to predict.
        overrides: What the caller knows better.
        task: What the target is; None to infer it.

    Raises:
        DataError: The target is absent or cannot be learned, or no feature is left.
        ConfigError: An override names a column that is not there, or contradicts another.
        SchemaError: A column cannot be read as the kind that the overrides say.
    """
    names = [str(name) for name in frame.columns]
    if target not in names:
        raise DataError(f"target {target!r} is not a column of the table.{did_you_mean(target, names)}")
    check_overrides(names, target, overrides)
    overrides = replace(overrides, kinds={name: _kind(name, kind) for name, kind in overrides.kinds.items()})
    plan = plan_target(column_of(_that_count(frame, overrides.weight), target), task)
    schema = Schema((), target, plan.task, plan.classes, overrides.weight, overrides.group, overrides.time, plan.notes)
    kept = to_target(frame, schema)
    if len(kept.kept) < MIN_ROWS:
        raise DataError(f"only {len(kept.kept)} usable rows are left, at least {MIN_ROWS} are needed.")
    if len(kept.kept) < len(frame):
        frame = frame.iloc[kept.kept]
    columns, notes = _infer_features(frame, schema, overrides)
    if not columns:
        reasons = " ".join(str(note) + "." for note in notes[:3])
        raise DataError(f"no column is left to predict {target!r} from. {reasons}".rstrip())
    leaks = _find_leaks(frame, columns, kept, schema)
    rare = any(note.code is NoteCode.RARE_CLASS for note in plan.notes)
    rows = tuple(note for note in kept.notes if not (rare and note.code is NoteCode.UNKNOWN_LABEL))
    return Schema(
        features=columns,
        target=target,
        task=plan.task,
        classes=plan.classes,
        weight=overrides.weight,
        group=overrides.group,
        time=overrides.time,
        notes=(*plan.notes, *rows, *notes, *leaks),
    )


def _that_count(frame: pd.DataFrame, weight: str | None) -> pd.DataFrame:
    """The rows whose weight is not zero; all of them where none is, which is refused later."""
    if weight is None:
        return frame
    kept: pd.DataFrame = frame.loc[convert(column_of(frame, weight), ColumnKind.NUMERIC).array != 0]
    return frame if kept.empty else kept


def check_overrides(names: Sequence[str], target: str, overrides: SchemaOverrides) -> None:
    """Refuse overrides that name no column, or give one column two jobs.

    Raises:
        ConfigError: They do.
    """
    jobs: dict[str, str] = {target: "target"}
    single = {"time": overrides.time, "group": overrides.group, "weight": overrides.weight}
    named = [(setting, name) for setting, name in single.items() if name is not None]
    named += [("drop", name) for name in overrides.drop] + [("id", name) for name in overrides.id]
    for setting, name in [*named, *(("column", name) for name in overrides.kinds)]:
        if name not in names:
            raise ConfigError(f"{setting}: {name!r} is not a column of the table.{did_you_mean(name, names)}")
        other = jobs.setdefault(name, setting)
        left_out_anyway = other != "target" and setting in ("drop", "id")
        if other != setting and not left_out_anyway and (other, setting) != ("time", "column"):
            raise ConfigError(f"{setting}: {name!r} is already the {other} column. Use it for one of the two.")


def _kind(name: str, kind: str) -> ColumnKind:
    try:
        return ColumnKind(kind)
    except ValueError:
        known = [kind.value for kind in ColumnKind]
        raise ConfigError(f"column: {kind!r} for {name!r} is not a kind.{did_you_mean(kind, known)}") from None


def _infer_features(
    frame: pd.DataFrame, schema: Schema, overrides: SchemaOverrides
) -> tuple[tuple[Column, ...], list[Note]]:
    left_out = {schema.target, schema.group, schema.weight, *overrides.drop, *overrides.id}
    columns: list[Column] = []
    notes: list[Note] = []
    for position, name in enumerate(str(name) for name in frame.columns):
        if name in left_out:
            continue
        feature = infer_feature(frame.iloc[:, position], overrides.kinds.get(name), keep_ids=name == schema.time)
        notes.extend(feature.notes)
        if feature.column is not None:
            columns.append(feature.column)
    return tuple(columns), notes


def _find_leaks(frame: pd.DataFrame, columns: tuple[Column, ...], target: Target, schema: Schema) -> tuple[Note, ...]:
    sample = leak_sample(len(frame))
    table = to_table(frame.iloc[sample], columns)
    return leak_notes(table, target.y[sample], len(schema.classes))
