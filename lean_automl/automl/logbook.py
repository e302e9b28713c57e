"""`run.log`: what a run was asked, what it did and when, and what libraries warned of, for whoever asks why.

It grows beside the output folder while the run goes on, so that a run that was killed leaves it, and one that goes on
adds to it; at the end it is moved into the folder (`output.py`).
"""

from __future__ import annotations

import json
import logging
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.automl.report import package_versions
from lean_automl.student.search import FailedTrial

if TYPE_CHECKING:
    from lean_automl.automl.request import FitRequest, Watcher
    from lean_automl.automl.result import RunResult
    from lean_automl.config import FitConfig
    from lean_automl.search.clock import Clock
    from lean_automl.student.search import SearchLog
    from lean_automl.student.trial import Candidate

LOGGER: Final = logging.getLogger("lean_automl")
OTHERS: Final = ("py.warnings", "optuna")  # where Python and libraries warn


class Logbook:
    """A watcher that writes everything down before it passes it on."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def step(self, name: str, detail: str) -> None:
        """A step begins."""
        LOGGER.info("%s: %s", name, detail)
        self._watcher.step(name, detail)

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:
        """A member of the teacher has a score or a reason."""
        what = f"left out: {reason}" if score is None else f"score {score:.6g}"
        LOGGER.info("member %s: %s, %.2f s", name, what, seconds)
        self._watcher.member_ended(name, score, seconds, reason)

    def trial_ended(self, trial: Candidate | FailedTrial, log: SearchLog) -> None:
        """A student was tried."""
        LOGGER.info("trial %d, %s: %s", trial.number, trial.family, _outcome(trial))
        self._watcher.trial_ended(trial, log)


def _outcome(trial: Candidate | FailedTrial) -> str:
    """How a trial ended, and with which settings."""
    settings = f"from {trial.started:.2f} s, {trial.seconds:.2f} s, {_json(trial.parameters)}"
    if isinstance(trial, FailedTrial):
        return f"failed: {trial.reason}; {settings}"
    over = {name: round(excess, 4) for name, excess in trial.violations.items() if excess > 0}
    limits = f"over limits by {_json(over)}" if over else "within limits"
    return f"score {trial.score:.6g}, {limits}, {_json(asdict(trial.footprint))}; {settings}"


@contextmanager
def logbook(path: Path, watcher: Watcher, clock: Clock) -> Iterator[Logbook]:
    """Write a log to a file while the block runs; an error that ends the block is its last line.

    Raises:
        OSError: The file cannot be written to.
    """
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Line(clock))
    before = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    loggers = [LOGGER, *(logging.getLogger(name) for name in OTHERS)]
    for logger in loggers:
        logger.addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield Logbook(watcher)
    except BaseException as error:
        LOGGER.info("ended by %s: %s", type(error).__name__, error)
        raise
    finally:
        logging.captureWarnings(False)
        for logger in loggers:
            logger.removeHandler(handler)
        LOGGER.setLevel(before)
        handler.close()


def log_request(request: FitRequest, config: FitConfig, resumed: bool) -> None:
    """What was asked, and where."""
    LOGGER.info("command: %s", _json(sys.argv))
    source = str(request.source) if isinstance(request.source, str | Path) else type(request.source).__name__
    LOGGER.info(
        "%s: %s, target %r, into %s", "goes on with" if resumed else "fits", source, request.target, request.out
    )
    LOGGER.info("columns: %s; task: %s", request.overrides, request.task or "inferred")
    LOGGER.info("settings: %s", _json(asdict(config)))
    LOGGER.info("machine: %s", platform.platform(terse=True))
    LOGGER.info("versions: %s", _json(package_versions()))


def log_result(result: RunResult) -> None:
    """What came out."""
    for note in (*result.notes, *result.passed_over):
        LOGGER.info("note: %s", note)
    for check in result.checks:
        LOGGER.info("check: %s", _json(asdict(check)))
    LOGGER.info(
        "scores on the hold-out: student %.6g, teacher %s, constant %.6g",
        result.student_holdout,
        result.teacher_holdout,
        result.constant_holdout,
    )
    LOGGER.info("seconds: %s", _json({name: round(seconds, 2) for name, seconds in result.seconds.items()}))


class _Line(logging.Formatter):
    """Date and time, seconds of the run, level if it is a warning, and the message in one line."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        level = f"{record.levelname.lower()} " if record.levelno > logging.INFO else ""
        message = " ".join(record.getMessage().split())
        return f"{self.formatTime(record)} {self._clock.spent_s:8.2f} s  {level}{message}"


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
