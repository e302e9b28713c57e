"""Fresh processes: one thread, one core, a folder for what goes in and comes out.

The child is a module of this package that takes the folder as its first argument. It writes `facts.json` there, or
`{"error": [type, message]}` for an error of ours, and says on its standard output how far it got: `stage NAME`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lean_automl_runtime
from lean_automl_runtime import errors
from lean_automl_runtime.errors import DataError, LeanAutoMLError, MeasurementError
from lean_automl_runtime.measure.machine import quiet_core, thread_environment
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.rows import to_lines

LAST_WORDS: Final = 500  # characters of a crashed child's standard error that are shown
FACTS: Final = "facts.json"


@dataclass(frozen=True, slots=True)
class Child:
    """What to start.

    Attributes:
        module: Inside `lean_automl_runtime.measure`.
        arguments: After the folder.
        threads: For numeric libraries.
        timeout_s: After which it is killed.
        subject: What it measures, for messages.
    """

    module: str
    arguments: Sequence[str]
    threads: int
    timeout_s: float
    subject: str


@contextmanager
def staged(records: Iterable[Mapping[str, Any]], options: MeasureOptions) -> Iterator[tuple[Path, list[str]]]:
    """A folder for children, with the rows and the options in it, and the rows as lines of JSON.

    Raises:
        DataError: There are no records, or they hold what a record cannot.
    """
    lines = to_lines(records, options.max_rows)
    if not lines:
        raise DataError("no records to measure with: pass at least one, better 1,000 that differ")
    with tempfile.TemporaryDirectory(prefix="lean_automl_measure_") as name:
        folder = Path(name)
        (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
        (folder / "options.json").write_text(json.dumps(options.to_json()), encoding="utf-8")
        yield folder, lines


def run_child(folder: Path, child: Child) -> dict[str, Any]:
    """Run a child to its end and return its facts.

    Raises:
        LeanAutoMLError: Of the kind that the child reported.
        MeasurementError: It crashed or took too long; says at which stage.
    """
    (folder / FACTS).unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", f"lean_automl_runtime.measure.{child.module}", str(folder)]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as problems:
        try:
            code = subprocess.run(
                [*command, *child.arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=problems,
                env=_environment(child.threads),
                timeout=child.timeout_s,
                check=False,
                process_group=0,  # Ctrl-C in a terminal is for the caller, who may want the figures before it ends
            ).returncode
        except subprocess.TimeoutExpired:
            raise MeasurementError(
                f"{child.subject}: the measuring process did not end within {child.timeout_s:g} s "
                f"(stage: {_stage(folder)}). Allow more time, or ask for less."
            ) from None
    if code != 0 or not (folder / FACTS).exists():
        raise _failure(folder, child.subject, code)
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts


def choose_core(pin: bool, core: int | None) -> int:
    """The core to pin to; -1 for none."""
    if not pin:
        return -1
    chosen = core if core is not None else quiet_core()
    return -1 if chosen is None else chosen


def _environment(threads: int) -> dict[str, str]:
    """The caller's environment with the thread settings, and with this very package to be found first."""
    environment = {**os.environ, **thread_environment(threads), "PYTHONIOENCODING": "utf-8"}
    root = Path(lean_automl_runtime.__file__).absolute().parents[1]
    if root.name not in ("site-packages", "dist-packages"):
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(root), known] if known else [str(root)])
    return environment


def _stage(folder: Path) -> str:
    """How far the child got."""
    lines = (folder / "stdout").read_text(encoding="utf-8", errors="replace").splitlines()
    stages = [line.removeprefix("stage ") for line in lines if line.startswith("stage ")]
    return stages[-1] if stages else "start"


def _failure(folder: Path, subject: str, code: int) -> LeanAutoMLError:
    """The error that the child reported, or one that says how it died."""
    if (folder / FACTS).exists():
        kind, message = json.loads((folder / FACTS).read_text(encoding="utf-8")).get("error", ("", ""))
        known = getattr(errors, kind, None)
        if isinstance(known, type) and issubclass(known, LeanAutoMLError):
            return known(message)
    said = (folder / "stderr").read_text(encoding="utf-8", errors="replace").strip()[-LAST_WORDS:]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return MeasurementError(
        f"{subject}: the measuring process {how} (stage: {_stage(folder)}). It said: {said or 'nothing'}"
    )
