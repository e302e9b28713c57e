"""The command line in this process: arguments in, exit code and text out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lean_automl.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs commands in a folder of their own, and knows what was there before."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture

    def run(self, *arguments: object) -> Outcome:
        self._capture.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else -1
        out, err = self._capture.readouterr()
        return Outcome(code, out, err)

    def files(self) -> set[str]:
        """Everything in the folder, hidden things too."""
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")}

    def refused(self, code: int, *arguments: object) -> str:
        """The one line of a command that must fail, and must leave nothing behind."""
        before = self.files()
        outcome = self.run(*arguments)
        assert self.files() == before
        lines = outcome.err.splitlines()
        assert len(lines) == 1, outcome.err
        assert lines[0].startswith("lean_automl")
        assert outcome.code == code, lines[0]
        assert outcome.out == ""
        return lines[0]
