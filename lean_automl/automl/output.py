"""The output folder. What is in it is whole at any moment, also if the process is killed.

A set of files is written beside the folder and then takes its place: with one rename where there is no folder yet,
else file by file, the record of the run last. An older folder waits aside until something takes its place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from lean_automl.errors import ConfigError

MARKER: Final = "run.json"


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


class OutputFolder:
    """Publishes sets of files; use as a context manager.

    Attributes:
        path: The folder.
        published: Whether a set was published.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.published = False

    def __enter__(self) -> OutputFolder:
        self._aside = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)

    def draft(self) -> Path:
        """An empty folder on the same disk, for files that may be published."""
        return Path(tempfile.mkdtemp(prefix="draft-", dir=self._aside))

    def publish(self, draft: Path) -> None:
        """Let a draft's files take their place; the draft is used up."""
        for file in draft.iterdir():
            _sync(file)
        if self.published:
            names = {file.name for file in draft.iterdir()}
            for file in sorted(draft.iterdir(), key=lambda file: file.name == MARKER):
                file.replace(self.path / file.name)
            for file in self.path.iterdir():
                if file.name not in names:
                    file.unlink()
            draft.rmdir()
            return
        draft.chmod(0o755)
        if self.path.exists():
            self.path.rename(self._aside / "old")
        draft.rename(self.path)
        self.published = True


def _sync(file: Path) -> None:
    """Wait until a file's content is on the disk, so that a rename never shows an empty file after a power cut."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A draft to fill, for one set of files: published if the block ends without an error, gone if it does not."""
    with OutputFolder(path) as folder:
        draft = folder.draft()
        yield draft
        folder.publish(draft)
