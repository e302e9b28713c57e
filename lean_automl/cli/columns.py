"""Options that say what columns mean; shared by commands that read tables."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lean_automl_runtime.ir.columns import ColumnKind

from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from lean_automl.data import SchemaOverrides


def add_column_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("columns")
    kinds = ", ".join(kind.value for kind in ColumnKind)
    group.add_argument(
        "--column", action="append", default=[], metavar="NAME:KIND", help=f"what a column is; KIND is one of: {kinds}"
    )
    group.add_argument("--drop", action="append", default=[], metavar="NAME", help="leave a column out")
    group.add_argument("--id", action="append", default=[], metavar="NAME", help="a column that names rows; left out")
    group.add_argument(
        "--time", metavar="NAME", help="column that orders the rows: train on the past, judge on the rest"
    )
    group.add_argument("--group", metavar="NAME", help="column whose rows of one value stay together in every split")
    group.add_argument("--weight", metavar="NAME", help="column of row weights")


def overrides_of(namespace: argparse.Namespace) -> SchemaOverrides:
    """The options as the data layer takes them.

    Raises:
        ConfigError: `--column` is not NAME:KIND.
    """
    from lean_automl.data import SchemaOverrides

    kinds = {}
    for text in namespace.column:
        name, separator, kind = text.rpartition(":")
        if not separator or not name:
            raise ConfigError(f"--column: {text!r} is not NAME:KIND, such as age:numeric.")
        if kind not in tuple(ColumnKind):
            raise ConfigError(f"--column: {kind!r} is not one of: {', '.join(ColumnKind)}.")
        kinds[name] = ColumnKind(kind)
    return SchemaOverrides(
        kinds=kinds,
        drop=tuple(namespace.drop),
        id=tuple(namespace.id),
        time=namespace.time,
        group=namespace.group,
        weight=namespace.weight,
    )
