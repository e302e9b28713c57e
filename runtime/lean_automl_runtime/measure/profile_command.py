"""`python -m lean_automl_runtime.measure profile`: what a device charges, as JSON, with the runtime alone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lean_automl_runtime.errors import LeanAutoMLError
from lean_automl_runtime.measure.profile import SECONDS, calibrate


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m lean_automl_runtime.measure profile", description=__doc__)
    made.add_argument("--engine", action="append", help="repeat for more; default: all that are installed")
    made.add_argument("--seconds", type=float, default=SECONDS, help="of sampling; default %(default)s")
    made.add_argument("--out", help="file to write; default: standard output")
    return made


def main(arguments: list[str]) -> int:
    """Calibrate and write; the exit code."""
    asked = parser().parse_args(arguments)
    try:
        text = json.dumps(calibrate(asked.engine, asked.seconds).to_json(), indent=1) + "\n"
        if asked.out is None:
            sys.stdout.write(text)
        else:
            Path(asked.out).write_text(text, encoding="utf-8")
    except (LeanAutoMLError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0
