"""The baseline: figures of a model in a JSON file, and a copy of the model beside it.

With the copy, what the file does not have can be found out later: counts with another compiler, scores on other rows,
and the ratio of times, which means something only where both models run by turns.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.errors import ArtifactError, ConfigError
from lean_automl.gate.figures import Figures

if TYPE_CHECKING:
    from lean_automl.gate.subject import Subject

VERSION: Final = 1
KEY: Final = "lean_automl_gate"


@dataclass(frozen=True)
class Baseline:
    """What an earlier gate saved.

    Attributes:
        figures: Of the model.
        copy: The model itself; None if it is not there.
    """

    figures: Figures
    copy: Path | None


def copy_of(path: Path, suffix: str) -> Path:
    """Where the model of a baseline is."""
    return path.with_name(f"{path.stem}.baseline{suffix}")


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        ArtifactError: It cannot be read, or the model beside it is another one.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or values.get(KEY) != VERSION:
            raise ArtifactError(f"{path} is not a baseline of version {VERSION}: save one with gate --save.")
        figures = Figures.from_json(values["figures"])
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}. Save one with gate --save.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is damaged ({error!r}). Save it again with gate --save.") from error
    copy = copy_of(path, Path(figures.model).suffix)
    if not copy.is_file():
        return Baseline(figures, None)
    if hashlib.sha256(copy.read_bytes()).hexdigest() != figures.sha256:
        raise ArtifactError(f"{copy} is not the model that {path} speaks of. Save the baseline again.")
    return Baseline(figures, copy)


def check_place(path: Path, model: Path) -> None:
    """Find out before any work whether a baseline can be saved.

    Raises:
        ConfigError: Its folder is not there, or it would replace the model.
    """
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--save: {path.absolute().parent} is not a folder. Make it first.")
    if path.suffix != ".json":
        raise ConfigError(f"--save: {path} does not end in .json.")
    if copy_of(path, model.suffix).absolute() == model.absolute():
        raise ConfigError(f"--save: the copy of the model would be {model} itself. Choose another name.")


def save_baseline(path: Path, figures: Figures, subject: Subject) -> None:
    """Write figures, and the model beside them; the figures last, since they name the model's SHA-256."""
    _replace(copy_of(path, subject.path.suffix), subject.content)
    text = json.dumps({KEY: VERSION, "figures": figures.to_json()}, indent=2, ensure_ascii=False)
    _replace(path, f"{text}\n".encode())


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
