"""`lean_automl report`: the report of a finished run, made again from its record."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lean_automl.errors import ArtifactError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "report",
        help="make the report of a run again",
        description="Write report.html and model_card.md from the record of a run, in its folder.",
    )
    parser.add_argument("run_folder", metavar="RUN", help="folder that fit made")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Write both."""
    folder = Path(namespace.run_folder)
    record = read_run(folder)
    from lean_automl.automl.report import write_pages

    for path in write_pages(record, folder, str(folder)):
        print(f"wrote {path}")
    return 0


def read_run(folder: Path) -> dict[str, Any]:
    """The record of a finished fit.

    Raises:
        ArtifactError: There is none, or it cannot be read.
    """
    path = folder / "run.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}. Give the folder of a finished fit."
        ) from error
    if not isinstance(record, dict) or "trials" not in record or "student" not in record:
        raise ArtifactError(f"{path}: is not the record of a fit. Give the folder of a finished fit.")
    return record
