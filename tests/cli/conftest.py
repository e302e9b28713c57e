"""Tables, and an artifact, in the folder where a command runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli.command_line import CommandLine
from quality.small_model import small_records, write_small_model

ROWS = 300


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, capsys)


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """A table that is easy to learn."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=ROWS)
    kind = rng.choice(["x", "y", "z"], ROWS)
    answer = np.where(size + (kind == "x") + rng.normal(size=ROWS) / 3 > 0.5, "yes", "no")
    return pd.DataFrame({"size": size, "kind": kind, "count": rng.integers(0, 50, ROWS), "answer": answer})


@pytest.fixture
def table(tmp_path: Path, frame: pd.DataFrame) -> str:
    """The table as a file in the folder of the command."""
    frame.to_csv(tmp_path / "table.csv", index=False)
    return "table.csv"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """An artifact in the folder of the command."""
    write_small_model(tmp_path / "model.lam")
    return "model.lam"


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """Rows that the artifact reads."""
    pd.DataFrame(small_records()).to_csv(tmp_path / "rows.csv", index=False)
    return "rows.csv"
