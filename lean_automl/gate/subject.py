"""A model that a gate judges, and the rows that it judges it on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lean_automl.errors import ArtifactError, ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from lean_automl_runtime.ir import Column, Program

    from lean_automl.data import Table


@dataclass(frozen=True, eq=False)
class Subject:
    """A model in a file.

    Attributes:
        path: Of the file.
        content: Of the file.
        columns: Raw columns.
        classes: Labels; empty for regression.
        metadata: What the file says of itself.
        program: What it computes; None for a file that is not an artifact.
        digest: Of the Program; None likewise.
    """

    path: Path
    content: bytes
    columns: tuple[Column, ...]
    classes: tuple[Any, ...]
    metadata: dict[str, Any]
    program: Program | None = None
    digest: str | None = None

    @classmethod
    def read(cls, path: Path) -> Subject:
        """Read a `.lam` or `.onnx` file.

        Raises:
            ArtifactError: It cannot be read or is neither.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError(f"{path}: {error.strerror or error}. Check the path.") from error
        if path.suffix == ".onnx":
            from lean_automl_runtime import load

            model = load(path)
            return cls(path, content, model.columns, model.classes, model.metadata)
        from lean_automl_runtime import load_artifact

        artifact = load_artifact(path)
        program = artifact.program
        return cls(path, content, program.columns, program.classes, artifact.metadata, program, artifact.digest)

    @property
    def bytes(self) -> int:
        """Of the file."""
        return len(self.content)

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def run(self, arrays: Sequence[np.ndarray[Any, Any]], engine: str) -> dict[str, np.ndarray[Any, Any]]:
        """Named outputs."""
        from lean_automl_runtime import load

        return load(self.path, engine).run(arrays)


@dataclass(frozen=True, eq=False)
class Sample:
    """Real rows.

    Attributes:
        frame: The table as it was read.
        sha256: Of the file.
        target: Column to predict; None if none is known, or the table lacks the one that the metadata names.
    """

    frame: pd.DataFrame
    sha256: str
    target: str | None

    @classmethod
    def read(cls, path: Path, target: str | None, subject: Subject) -> Sample:
        """Read a table.

        Args:
            path: Of the table.
            target: That was asked for.
            subject: Whose metadata may name the target.

        Raises:
            DataError: It is not a usable table.
            ConfigError: It lacks the target that was asked for.
        """
        from lean_automl.data import did_you_mean, read_table

        frame = read_table(path)
        if frame.empty:
            raise DataError(f"{path} has no rows. Give at least one, better 1,000 that differ.")
        names = [str(name) for name in frame.columns]
        if target is not None and target not in names:
            raise ConfigError(f"--target: {target!r} is not a column of {path}.{did_you_mean(target, names)}")
        noted = subject.metadata.get("target")
        known = target if target is not None else noted if isinstance(noted, str) and noted in names else None
        return cls(frame, hashlib.sha256(path.read_bytes()).hexdigest(), known)

    def table(self, columns: Sequence[Column]) -> Table:
        """The rows as a model takes them.

        Raises:
            SchemaError: A column is absent.
        """
        from lean_automl.data import to_table

        return to_table(self.frame, columns)

    def records(self, columns: Sequence[Column]) -> list[dict[str, Any]]:
        """The rows as a caller would pass them."""
        from lean_automl.data.records import to_records

        return to_records(self.table(columns))
