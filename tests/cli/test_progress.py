"""What a terminal shows: plain lines where it is none, colours only where they are wanted, more with verbose."""

from __future__ import annotations

import sys
import time

import pytest
from rich.progress import Task, TaskID

from lean_automl.cli.progress import Silent, TimeLeft, make_progress
from lean_automl.student.search import FailedTrial, SearchLog

FAILED = FailedTrial(3, "mlp", {"family": "mlp", "rate": 0.123456}, "it broke", 1.0)


def shown(capsys: pytest.CaptureFixture[str], verbose: bool = False) -> str:
    with make_progress(60.0, time.monotonic(), quiet=False, verbose=verbose) as progress:
        progress.step("read", "table.csv [1]")
        progress.trial_ended(FAILED, SearchLog(failed=[FAILED]))
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_where_there_is_no_terminal_lines_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert "\x1b" not in text
    assert len(text.splitlines()) == 1
    assert "read table.csv [1]" in text


def test_verbose_shows_settings(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, verbose=True)
    assert "failed: it broke" in text
    assert "rate=0.1235" in text
    assert "family=" not in text


def test_quiet_shows_nothing() -> None:
    with make_progress(60.0, time.monotonic(), quiet=True) as progress:
        assert type(progress) is Silent


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_respected(
    no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    text = shown(capsys)
    assert "failed" in text
    assert ("\x1b[33m" in text) == coloured  # yellow


def test_the_status_line_says_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 112.0)
    task = Task(TaskID(0), "", None, 0.0, lambda: 0.0)
    assert TimeLeft(60.0, 100.0).render(task).plain == "12 s, 48 s left"
    assert TimeLeft(10.0, 100.0).render(task).plain == "12 s, 0 s left"
    assert TimeLeft(None, 100.0).render(task).plain == "12 s"


def test_a_note_is_said_of_the_step_that_goes_on() -> None:
    with make_progress(60.0, time.monotonic(), quiet=False) as progress:
        progress.step("students", "linear")
        progress.step("note", "something is slow")
        (task,) = progress._bar.tasks
        assert task.description == "students"
