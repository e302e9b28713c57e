"""Progress of a fit: plain lines on standard error, or nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from lean_automl.student.search import FailedTrial

if TYPE_CHECKING:
    from lean_automl.student.search import SearchLog
    from lean_automl.student.trial import Candidate


class Lines:
    """Writes a line for each step, and with `verbose` above 1 for each thing that was tried; 0 writes nothing."""

    def __init__(self, verbose: int) -> None:
        self._verbose = verbose
        self._start = time.monotonic()

    def step(self, name: str, detail: str) -> None:
        """A step begins."""
        self._line(1, f"{name} {detail}")

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:
        """A member of the teacher has a score or a reason."""
        what = f"{score:.5g}" if score is not None else f"left out: {reason}"
        self._line(2, f"  {name} {what} ({seconds:.1f} s)")

    def trial_ended(self, trial: Candidate | FailedTrial, log: SearchLog) -> None:  # noqa: ARG002
        """A student was tried."""
        what = f"failed: {trial.reason}" if isinstance(trial, FailedTrial) else f"{trial.score:.5g}"
        self._line(2, f"  {trial.number} {trial.family} {what} ({trial.seconds:.1f} s)")

    def _line(self, level: int, text: str) -> None:
        if self._verbose >= level:
            sys.stderr.write(f"{time.monotonic() - self._start:6.1f} s  {text}\n")
