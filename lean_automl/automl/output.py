"""The output folder. What is in it is whole at any moment, also if the process is killed.

A set of files is written beside the folder and then takes its place: with one rename where there is no folder yet,
else file by file, the record of the run last. An older folder waits aside until something takes its place.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from lean_automl.errors import ConfigError
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE
from lean_automl.student.header import HEADER_FILE

MARKER: Final = "run.json"
FRONT: Final = "front.zip"
REPORT: Final = "report.html"
CARD: Final = "model_card.md"
LOG: Final = "run.log"
OWN_FILES: Final = frozenset((ARTIFACT_FILE, ONNX_FILE, HEADER_FILE, FRONT, MARKER, REPORT, CARD, LOG))


def check_output(path: Path, overwrite: bool) -> None:
    """Find out before any work whether the folder can be made.

    Raises:
        ConfigError: It exists and may not be overwritten, it holds what no run has written, or its parent is not a
            folder that can be written to.
    """
    if path.exists() and not overwrite:
        raise ConfigError(f"--out: {path} exists already. Choose another folder, or pass --overwrite to replace it.")
    if path.exists():
        _check_own(path)
    owner = aside_of(path) / OWNER
    if owner.exists() and _is_running(owner.read_text(encoding="ascii")):
        raise ConfigError(f"--out: another run is making {path} right now. Wait for it, or choose another folder.")
    parent = path.absolute().parent
    if not parent.is_dir():
        raise ConfigError(f"--out: {parent} is not a folder. Make it first.")
    if not os.access(parent, os.W_OK):
        raise ConfigError(f"--out: {parent} cannot be written to.")


def _check_own(path: Path) -> None:
    """See that nothing is lost with the folder but an earlier run."""
    if not path.is_dir():
        raise ConfigError(f"--out: {path} is not a folder, so it is not replaced. Choose another name.")
    names = {file.name for file in path.iterdir()}
    if names and not (MARKER in names and _is_record(path / MARKER)):
        raise ConfigError(f"--out: {path} was not made by lean_automl, so it is not replaced. Choose another folder.")
    foreign = sorted(names - OWN_FILES)
    if foreign:
        raise ConfigError(
            f"--out: {path} also holds {foreign[0]!r}, which no run wrote and which would be lost. Move it, or choose "
            "another folder."
        )


def _is_record(path: Path) -> bool:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and "digest" in record


def _is_running(owner: str) -> bool:
    """Whether the process that wrote this of itself, other than this one, exists still."""
    process, _, born = owner.partition(" ")
    if not process.isdecimal() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now = _born(process)
    return not born or not now or born == now  # after the machine has started anew, another one has its number


def _born(process: str) -> str:
    """When a process began, in ticks since the machine did; empty where the system does not tell."""
    try:
        stat = Path("/proc", process, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


OLD: Final = "old"
FIRST: Final = "published"
OWNER: Final = "owner"
JOURNAL: Final = "journal"


def aside_of(path: Path) -> Path:
    """Where a run keeps what is not ready, beside its output folder."""
    return path.absolute().parent / f".{path.absolute().name}.run"


class OutputFolder:
    """Publishes sets of files; use as a context manager.

    Attributes:
        path: The folder.
        published: Whether a set was published.
        keep: Whether what stands aside stays, so that the run can be resumed.
        aside: Hidden folder beside it: drafts, an older folder, the journal, the log until the end.
    """

    def __init__(self, path: Path, resume: bool = False) -> None:
        self.path = path.absolute()
        self._resume = resume
        self.published = False
        self.keep = False
        self.aside = aside_of(self.path)

    def __enter__(self) -> OutputFolder:
        if self.aside.exists() and not self._resume:
            self._clear()
        self.aside.mkdir(exist_ok=True)
        (self.aside / OWNER).write_text(f"{os.getpid()} {_born(str(os.getpid()))}", encoding="ascii")
        self.published = (self.aside / FIRST).exists()
        return self

    def _clear(self) -> None:
        """Remove what a killed run left; a folder that it had put aside for good reasons comes back."""
        if (self.aside / OLD).exists() and not self.path.exists():
            (self.aside / OLD).rename(self.path)
        shutil.rmtree(self.aside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log = self.aside / LOG
        if self.published and log.exists():
            shutil.copyfile(log, self.path / LOG)
        (self.aside / OWNER).unlink(missing_ok=True)
        if not self.keep:
            shutil.rmtree(self.aside, ignore_errors=True)

    def draft(self) -> Path:
        """An empty folder on the same disk, for files that may be published; earlier drafts are gone."""
        for failed in self.aside.glob("draft-*"):
            shutil.rmtree(failed, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix="draft-", dir=self.aside))

    def publish(self, draft: Path) -> None:
        """Let a draft's files take their place; the draft is used up."""
        for file in draft.iterdir():
            _sync(file)
        if self.published:
            names = {file.name for file in draft.iterdir()}
            for file in sorted(draft.iterdir(), key=lambda file: file.name == MARKER):
                file.replace(self.path / file.name)
            for name in OWN_FILES - names - {LOG}:  # nothing else: a user may have put files beside a first model
                (self.path / name).unlink(missing_ok=True)
            draft.rmdir()
            return
        draft.chmod(0o755)
        if self.path.exists():
            self.path.rename(self.aside / OLD)
        draft.rename(self.path)
        (self.aside / FIRST).touch()
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
