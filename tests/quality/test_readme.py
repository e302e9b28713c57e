"""The code of the two READMEs runs, in order, in a folder with a small table."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
import pandas as pd
from quality.code_blocks import people
from quality.project import ROOT

# Shell blocks run where a comment asks for it; the training command of the README has a block of its own.
BLOCK: Final = re.compile(r"(<!-- run -->\n)?```(sh|python)\n(.*?)```", re.DOTALL)
TRAIN: Final = "lean_automl fit train.csv --target y --max-latency-ms 2\n"
# What keeps the test short, and the machine of the test out of it.
SHORTER: Final = {
    TRAIN: TRAIN.replace(" 2\n", " 50 --time-limit 300 --families linear --max-trials 1 --no-teacher\n"),
    "lean_automl bench ": "lean_automl bench --seconds 0.2 --engine reference ",
}


def blocks(name: str) -> list[tuple[str, str]]:
    """Language and text of each block that runs."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = [(match[2], match[3]) for match in BLOCK.finditer(text) if match[1] or match[2] == "python"]
    return [("sh", TRAIN), *found] if TRAIN in text else found


def shortened(code: str) -> str:
    for long, short in SHORTER.items():
        code = code.replace(long, short)
    return code


def make_tables(folder: Path) -> None:
    frame = people(np.random.default_rng(0))
    frame.to_csv(folder / "train.csv", index=False)
    frame.drop(columns="y").head(50).to_csv(folder / "new_rows.csv", index=False)
    frame[["age"]].head(50).to_csv(folder / "sample.csv", index=False)
    rows = lightgbm.Dataset(frame[["age"]].astype("float64"), frame["y"] == "yes")
    lightgbm.train({"objective": "binary", "verbose": -1}, rows, 5).save_model(folder / "booster.txt")


def test_the_readmes_do_what_they_say(tmp_path: Path) -> None:
    make_tables(tmp_path)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    ran = []
    for name in ("README.md", "runtime/README.md"):
        for language, code in blocks(name):
            command = ["sh", "-ec", shortened(code)] if language == "sh" else [sys.executable, "-c", code]
            done = subprocess.run(
                command,
                cwd=tmp_path,
                env={**os.environ, "PATH": path, "ORT_DISABLE_TELEMETRY": "1"},
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, f"{name}:\n{code}\n{done.stdout}\n{done.stderr}"
            assert done.stdout
            ran.append(language)
    assert ran == ["sh", "sh", "python", "python", "sh", "sh", "sh", "sh", "sh", "python"]
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 50
    assert {file.name for file in (tmp_path / "train-model").iterdir()} == {
        "front.zip",
        "model.lam",
        "model.onnx",
        "model_card.md",
        "report.html",
        "run.json",
    }


def test_the_readme_begins_with_what_matters() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    first = "\n".join(lines[:14])
    assert lines[0] == "# lean_automl"
    assert "make demo" in first
    assert "make test" in first
