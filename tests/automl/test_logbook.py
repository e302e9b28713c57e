"""`run.log`: what is in it, and where it is at the end."""

from __future__ import annotations

import logging
import re
import time
import warnings
from pathlib import Path

import pytest

from lean_automl.automl.logbook import LOGGER, log_request, logbook
from lean_automl.automl.output import LOG, MARKER, OutputFolder
from lean_automl.automl.request import FitRequest
from lean_automl.config import FitConfig
from lean_automl.search.clock import Clock
from lean_automl.search.workers import Workers
from lean_automl.student.search import FailedTrial, SearchLog

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} +\d+\.\d\d s  (.+)")


class Heard:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def step(self, name: str, detail: str) -> None:
        self.names.append(f"{name} {detail}")

    def member_ended(self, name: str, score: float | None, seconds: float, reason: str | None) -> None:
        self.names.append(f"{name} {score} {seconds} {reason}")

    def trial_ended(self, trial: object, log: SearchLog) -> None:
        self.names.append(f"{type(trial).__name__} of {log.trials}")


def warns() -> int:
    warnings.warn("numbers are odd", UserWarning, stacklevel=1)
    return 7


def messages(path: Path) -> list[str]:
    """Lines without date and time; every line has both."""
    found = [LINE.fullmatch(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(found)
    return [match[1] for match in found if match]


def test_everything_is_written_down_and_passed_on(tmp_path: Path) -> None:
    heard, path = Heard(), tmp_path / LOG
    failed = FailedTrial(3, "mlp", {"rate": 0.5}, "two\nlines", 1.0)
    handlers, level = list(LOGGER.handlers), LOGGER.level
    with logbook(path, heard, Clock(60.0, time.monotonic())) as book:
        log_request(FitRequest("é.csv", "y", tmp_path / "out"), FitConfig(), resumed=False)
        book.step("read", "é.csv")
        book.member_ended("catboost-1", 0.91234567, 2.0, None)
        book.member_ended("catboost-2", None, 2.0, "no time")
        book.trial_ended(failed, SearchLog(failed=[failed]))
        warnings.warn("a library is worried", UserWarning, stacklevel=1)
        logging.getLogger("optuna").warning("so is another")
    assert heard.names == [
        "read é.csv",
        "catboost-1 0.91234567 2.0 None",
        "catboost-2 None 2.0 no time",
        "FailedTrial of 1",
    ]
    text = "\n".join(messages(path))
    for part in (
        "fits: é.csv, target 'y'",
        '"max_latency_us": null',
        '"numpy": "',
        "read: é.csv",
        "member catboost-1: score 0.912346, 2.00 s",
        "member catboost-2: left out: no time",
        'trial 3, mlp: failed: two lines; from 0.00 s, 1.00 s, {"rate": 0.5}',
        "a library is worried",
        "warning so is another",
    ):
        assert part in text, part
    assert (LOGGER.handlers, LOGGER.level) == (handlers, level)
    LOGGER.warning("after the end")
    assert "after the end" not in path.read_text(encoding="utf-8")


def test_an_error_is_the_last_line(tmp_path: Path) -> None:
    def fail() -> None:
        with logbook(tmp_path / LOG, Heard(), Clock(60.0, time.monotonic())):
            raise KeyboardInterrupt("enough")

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert messages(tmp_path / LOG) == ["ended by KeyboardInterrupt: enough"]


def test_warnings_of_workers_are_logged_and_not_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with logbook(tmp_path / LOG, Heard(), Clock(60.0, time.monotonic())), Workers(1) as workers:
        job = workers.start(warns, (), time.monotonic() + 300.0)
        workers.wait()
    assert job.value == 7
    assert messages(tmp_path / LOG) == ["warns: UserWarning: numbers are odd"]
    assert "odd" not in capfd.readouterr().err


def publish(folder: OutputFolder, content: str) -> None:
    draft = folder.draft()
    (draft / MARKER).write_text(content)
    folder.publish(draft)


def test_the_log_ends_up_in_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with OutputFolder(out) as folder:
        (folder.aside / LOG).write_text("first")
        publish(folder, "1")
        publish(folder, "2")
        (folder.aside / LOG).write_text("first, second")
    assert (out / LOG).read_text() == "first, second"
    assert list(tmp_path.iterdir()) == [out]


def test_a_log_of_a_run_that_made_nothing_is_no_folder(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "model") as folder:
        (folder.aside / LOG).write_text("nothing was found")
    assert list(tmp_path.iterdir()) == []


def test_a_log_stays_beside_a_run_that_may_go_on(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "model") as folder:
        (folder.aside / LOG).write_text("first")
        publish(folder, "1")
        folder.keep = True
    with OutputFolder(tmp_path / "model", resume=True) as folder:
        assert (folder.aside / LOG).read_text() == "first"
        publish(folder, "2")
    assert (tmp_path / "model" / LOG).read_text() == "first"
