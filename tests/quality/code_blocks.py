"""The blocks of code of the pages, and how to run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from quality.project import ROOT, text_files

FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INCLUDED: Final = re.compile(r'^--8<-- "([\w./-]+)"$', re.MULTILINE)
# Beside real programs on the path: fits become short, and limits on latency a second, so that a page is tested and not
# the machine. Everything else is the page's own.
SHORT_FIT: Final = """\
#!{python}
import os, sys
arguments = sys.argv[1:]
if arguments[:1] == ["fit"]:
    for option, value in (("--max-latency-ms", "1000"), ("--max-latency-us", "1000000")):
        if option in arguments:
            arguments[arguments.index(option) + 1] = value
    arguments += "--time-limit 300 --families linear --max-trials 1 --no-teacher --no-feature-search".split()
    arguments += ["--no-measure", "--threads", "1"]
os.execv(sys.executable, [sys.executable, "-m", "lean_automl", *arguments])
"""


@dataclass(frozen=True)
class Block:
    """A fenced block, with the files that it includes.

    Attributes:
        page: Name of the page.
        line: Of its fence.
        language: After the fence; may be empty.
        code: What is in it.
    """

    page: str
    line: int
    language: str
    code: str

    @property
    def place(self) -> str:
        """As messages show it."""
        return f"{self.page}:{self.line}"


def blocks() -> list[Block]:
    """Every block of every page of the project."""
    return [
        Block(name, text.count("\n", 0, match.start()) + 1, match[1], INCLUDED.sub(_included, match[2]))
        for name, text in text_files().items()
        if name.endswith(".md")
        for match in FENCE.finditer(text)
    ]


def _included(match: re.Match[str]) -> str:
    return (ROOT / match[1]).read_text(encoding="utf-8").rstrip("\n")


def people(rng: np.random.Generator) -> pd.DataFrame:
    """The table that pages speak of."""
    age = rng.integers(18, 80, 300)
    job = rng.choice(["clerk", "nurse", "pilot"], 300)
    answer = np.where(age + 20 * (job == "pilot") + rng.normal(0, 8, 300) > 50, "yes", "no")
    return pd.DataFrame({"age": age, "job": job, "y": answer})


def make_folder(folder: Path) -> None:
    """What pages find where they run: the examples, a table of their own, and a quick `lean_automl`."""
    rng = np.random.default_rng(0)
    frame = people(rng)
    frame.to_csv(folder / "train.csv", index=False)
    frame.to_csv(folder / "test.csv", index=False)
    loans = pd.DataFrame({"debt": rng.integers(0, 90, 300), "income": rng.integers(10, 90, 300)})
    loans["asked"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 8_000, 300), unit="h")
    loans["default"] = np.where(loans["debt"] > loans["income"] + rng.normal(0, 9, 300), "yes", "no")
    loans.to_csv(folder / "loans.csv", index=False)
    for name in ("cpp", "fastapi", "function", "nightly"):
        target = folder / "examples" / name
        target.mkdir(parents=True)
        for file in (ROOT / "examples" / name).iterdir():
            if file.is_file():
                (target / file.name).write_bytes(file.read_bytes())
    (folder / "examples" / "data").mkdir()
    adult = pd.read_parquet(ROOT / "examples" / "data" / "adult.parquet")
    adult.head(4_000).to_parquet(folder / "examples" / "data" / "adult.parquet", index=False)
    programs = folder / "programs"
    programs.mkdir()
    (programs / "lean_automl").write_text(SHORT_FIT.format(python=sys.executable), encoding="utf-8")
    (programs / "lean_automl").chmod(0o755)


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block of the shell or of Python there."""
    command = ["sh", "-ec", block.code] if block.language == "sh" else [sys.executable, "-c", block.code]
    path = os.pathsep.join([str(folder / "programs"), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "ORT_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
