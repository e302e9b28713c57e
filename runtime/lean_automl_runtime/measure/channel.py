"""The child's side of `processes.py`. Rule: imports nothing that a serving process would not."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def guarded(folder: str, work: Callable[[], dict[str, Any]]) -> int:
    """Write the facts that `work` returns, or the error of ours that it raises; the exit code."""
    try:
        facts, code = work(), 0
    except Exception as error:
        from lean_automl_runtime.errors import LeanAutoMLError

        if not isinstance(error, LeanAutoMLError):
            raise
        facts, code = {"error": [type(error).__name__, str(error)]}, 1
    import json
    from pathlib import Path

    Path(folder, "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return code


def stage(name: str) -> None:
    """Say how far the work got."""
    sys.stdout.write(f"stage {name}\n")
    sys.stdout.flush()


def take_priority() -> str:
    """Let other processes wait while this one measures, where that is allowed; what holds then.

    What is measured is the model on this machine, not how the machine shares its cores among those who use it now.
    Linux gives real-time processes at most 95 % of a core, so this cannot lock anyone out.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, OSError):
        return "usual"
    return "real-time"


def pin(core: int) -> int | None:
    """Tie this process to a core; None if that is not wanted (-1) or not possible."""
    if core < 0 or not hasattr(os, "sched_setaffinity"):
        return None
    try:
        os.sched_setaffinity(0, {core})
    except OSError:
        return None
    return core
