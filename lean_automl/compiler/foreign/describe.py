"""Reads a description of raw columns: JSON, a list of columns or an object with such a list under `columns`.

Each column has a `name` and a `kind`; a `dtype` (float64 for numbers that float32 would merge) and, for CatBoost,
`categories` are optional. `lean_automl inspect --json` prints such an object.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lean_automl_runtime.ir import Column, ColumnKind
from lean_automl_runtime.ir.columns import ALLOWED_DTYPES

from lean_automl.errors import ConfigError


def read_description(path: Path) -> tuple[tuple[Column, ...], dict[str, tuple[str, ...]]]:
    """The columns of a file, and the categories of those that list them.

    Raises:
        ConfigError: The file cannot be read, or an entry is not a column; says which.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--columns: {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"--columns: {path} is not JSON: {error}.") from error
    entries = content.get("columns") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise ConfigError(f"--columns: {path} holds neither a list of columns nor an object with one under 'columns'.")
    columns = tuple(_column(entry, f"{path}, entry {number}") for number, entry in enumerate(entries))
    if len({column.name for column in columns}) < len(columns):
        raise ConfigError(f"--columns: {path} describes a column twice.")
    categories = {
        entry["name"]: tuple(map(str, entry["categories"])) for entry in entries if entry.get("categories") is not None
    }
    return columns, categories


def _column(entry: Any, where: str) -> Column:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise ConfigError(f"--columns: {where} is not an object with a name and a kind.")
    kinds = ", ".join(kind.value for kind in ColumnKind)
    if entry.get("kind") not in tuple(ColumnKind):
        raise ConfigError(
            f"--columns: {where} ({entry['name']!r}) has kind {entry.get('kind')!r}, not one of: {kinds}."
        )
    kind = ColumnKind(entry["kind"])
    dtype = entry.get("dtype") or ALLOWED_DTYPES[kind][0]
    if dtype not in ALLOWED_DTYPES[kind]:
        allowed = " or ".join(ALLOWED_DTYPES[kind])
        raise ConfigError(f"--columns: {where} ({entry['name']!r}) has dtype {dtype!r}; {kind.value} is {allowed}.")
    return Column(entry["name"], kind, dtype)
