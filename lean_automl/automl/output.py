"""The output folder: made whole in a temporary place beside it, then moved there in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lean_automl.errors import ConfigError


def check_output(path: Path, overwrite: bool) -> None:
    """Find out before any work whether the folder can be made.

    Raises:
        ConfigError: It exists and may not be overwritten, or its parent is not a folder that can be written to.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f"--out: {path} exists already. Choose another folder, or pass --overwrite to replace it.")
    if path.exists() and not (path / MARKER).exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"--out: {path} was not made by lean_automl, so it is not replaced. Choose another folder.")
    parent = path.absolute().parent
    if not parent.is_dir():
        raise ConfigError(f"--out: {parent} is not a folder. Make it first.")
    if not os.access(parent, os.W_OK):
        raise ConfigError(f"--out: {parent} cannot be written to.")


MARKER = "run.json"


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `path` if the block ends without an error, and vanishes if it does not."""
    target = path.absolute()
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
        draft.chmod(0o755)
        if target.exists():
            retired = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent)) / "old"
            target.rename(retired)
            draft.rename(target)
            shutil.rmtree(retired.parent)
        else:
            draft.rename(target)
    finally:
        if draft.exists():
            shutil.rmtree(draft)
