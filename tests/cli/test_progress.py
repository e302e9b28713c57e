"""What a terminal shows: plain lines where it is none, colours only where they are wanted, more with verbose."""

from __future__ import annotations

import sys

import pytest

from lean_automl.cli.progress import Silent, make_progress
from lean_automl.config import FitConfig
from lean_automl.student.search import FailedTrial, SearchLog

FAILED = FailedTrial(3, "mlp", {"family": "mlp", "rate": 0.123456}, "it broke", 1.0)


def shown(capsys: pytest.CaptureFixture[str], verbose: bool = False) -> str:
    with make_progress(FitConfig(), quiet=False, verbose=verbose) as progress:
        progress.step("read", "table.csv [1]")
        progress.trial_ended(FAILED, SearchLog(failed=[FAILED]))
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_where_there_is_no_terminal_lines_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2
    assert "table.csv [1]" in text
    assert "failed: it broke" in text
    assert "rate" not in text


def test_verbose_shows_settings(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, verbose=True)
    assert "rate=0.1235" in text
    assert "family=" not in text


def test_quiet_shows_nothing() -> None:
    with make_progress(FitConfig(), quiet=True) as progress:
        assert type(progress) is Silent


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_respected(
    no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert ("\x1b[33m" in shown(capsys)) == coloured  # yellow: "failed"
