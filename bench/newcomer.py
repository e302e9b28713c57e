"""A newcomer's path, timed: wheels, an empty environment, a fit of one's own table, report, C++, gate.

Wheels are built from the files of this folder and installed by pip into a new environment, with dependencies from
pip's index. From then on only blocks of the pages run, as they are, in a folder with a table `train.csv` and nothing
else. A step that fails ends it with what was printed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from machine import machine

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CPP, GATE = "docs/how-to/cpp.md", "README.md"
PROGRAM = "examples/cpp/main.cpp"
WARM_UP = "python -m lean_automl.learners.warmup"  # as the README says for an environment of one's own
SECTIONS = ("budget", "front", "holdout", "columns", "latency", "commands")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constraints", type=Path, default=ROOT / "constraints.txt", help="for pip")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "newcomer.json")
    options = parser.parse_args()
    found = {"machine": machine(), "steps": []}
    with tempfile.TemporaryDirectory(prefix="newcomer_") as name:
        for step, seconds in path(Path(name), options.constraints):
            found["steps"].append([step, round(seconds, 1)])
            print(f"{seconds:7.1f} s  {step}", flush=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")


def path(folder: Path, constraints: Path) -> Iterator[tuple[str, float]]:
    """Each step and what it took."""
    work, own = folder / "work", folder / "venv"
    work.mkdir()
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder / "wheels"]
    yield "build the wheel of the runtime", run(folder, None, *build, ROOT / "runtime")
    yield "build the wheel of lean_automl", run(folder, None, *build, ROOT)
    begin = time.monotonic()
    venv.create(own, with_pip=True)
    yield "make an empty environment", time.monotonic() - begin
    pip = [own / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", constraints]
    yield "install both wheels", run(work, own, *pip, *sorted((folder / "wheels").glob("*.whl")))
    yield WARM_UP, shell(work, own, WARM_UP)
    write_table(work / "train.csv")
    commands, compiling = blocks(CPP, "sh")
    for line in commands.splitlines():
        yield line, shell(work, own, line)
    if missing := [name for name in SECTIONS if f'id="{name}"' not in (work / "train-model/report.html").read_text()]:
        raise SystemExit(f"the report has no section {missing[0]}")
    (work / PROGRAM).parent.mkdir(parents=True)
    (work / PROGRAM).write_text((ROOT / PROGRAM).read_text())
    for line in compiling.splitlines():
        yield line, shell(work, own, line)
    (gate,) = [block for block in blocks(GATE, "sh") if block.startswith("lean_automl gate")]
    for line in gate.splitlines():
        yield line, shell(work, own, line)


def blocks(page: str, language: str) -> list[str]:
    """Fenced blocks of a page in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [match[2] for match in FENCE.finditer(text) if match[1] == language]


def write_table(to: Path) -> None:
    """The table that the pages speak of: a number, a text and the answer."""
    rng = np.random.default_rng(0)
    age, job = rng.integers(18, 80, 2_000), rng.choice(["clerk", "nurse", "pilot"], 2_000)
    answer = np.where(age + 20 * (job == "pilot") + rng.normal(0, 8, 2_000) > 50, "yes", "no")
    lines = [",".join(map(str, row)) for row in zip(age, job, answer, strict=True)]
    to.write_text("\n".join(["age,job,y", *lines]) + "\n")


def shell(folder: Path, own: Path, line: str) -> float:
    return run(folder, own, "sh", "-ec", line)


def run(folder: Path, own: Path | None, *command: object) -> float:
    """Seconds of a command, with an environment's programs first on the path and nothing of ours in it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if own is not None:
        environment["PATH"] = os.pathsep.join([str(own / "bin"), environment.get("PATH", "")])
    begin = time.monotonic()
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
