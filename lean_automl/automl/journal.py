"""What a run has found so far, on disk, so that a run that was killed can go on.

The journal is this program's own note to itself: it holds pickles and is read back only by `fit --resume`, from the
folder that this program wrote beside the output. It is gone when a run ends well.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lean_automl.student.search import FailedTrial, SearchLog, Watcher
    from lean_automl.student.trial import Candidate

REQUEST: Final = "request"
FILES: Final = "files"
FEATURES: Final = "features"
SAMPLE: Final = "sample"
TEACHER: Final = "teacher"


class Journal:
    """Named values and numbered trials in a folder; writes are whole or absent.

    A disk that is full costs what cannot be noted, which a run that goes on does anew, and not the run.

    Args:
        folder: Where; made if need be.
        say: Is told once that something could not be noted.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self._folder, self._say, self._said = folder, say, False
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, value: Any) -> None:
        """Store a value."""
        draft = self._folder / f"{name}.draft"
        try:
            with draft.open("wb") as stream:
                pickle.dump(value, stream)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._folder / f"{name}.pickle")
        except OSError as error:
            draft.unlink(missing_ok=True)
            if not self._said:
                self._said = True
                self._say(f"--resume will repeat what could not be noted: {error}")

    def get(self, name: str) -> Any:
        """A stored value; None if there is none."""
        path = self._folder / f"{name}.pickle"
        if not path.exists():
            return None
        try:
            return pickle.loads(path.read_bytes())
        except Exception as error:  # a pickle of another version may fail in any way
            raise ArtifactError(f"{path}: cannot be read back ({error}). Start the run anew.") from error

    def put_trial(self, number: int, outcome: Any) -> None:
        """Store how a trial ended."""
        self.put(f"trial-{number:05d}", outcome)

    def trials(self) -> dict[int, Any]:
        """How trials ended, by number."""
        paths = sorted(self._folder.glob("trial-*.pickle"))
        return {int(path.stem.removeprefix("trial-")): self.get(path.stem) for path in paths}


class Recorder:
    """A watcher of students that writes each into the journal before it passes it on."""

    def __init__(self, watcher: Watcher, journal: Journal) -> None:
        self._watcher, self._journal = watcher, journal

    def trial_ended(self, trial: Candidate | FailedTrial, log: SearchLog) -> None:
        """A trial is in the log."""
        self._journal.put_trial(trial.number, trial)
        self._watcher.trial_ended(trial, log)


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_same_data(path: Path, digest: str) -> None:
    """Raise `ConfigError` if a table is not the one that a run began with."""
    if not path.exists() or file_digest(path) != digest:
        raise ConfigError(f"--resume: {path} is not the table that the run began with. Start the run anew.")
