"""The cold start of a serving process: import, load, first prediction.

Rule: until the first prediction is timed nothing may be imported that a serving process would not import. That is
not even numpy, where the engine does without.
"""

from __future__ import annotations

import sys
import time

from lean_automl_runtime.measure.channel import stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lean_automl_runtime.model import Model


def start(folder: str, artifact: str, engine: str) -> tuple[Model, dict[str, Any]]:
    """The loaded model, and the values of a `ColdStart`; the first record is the first line of `rows.jsonl`."""
    stage("import")
    started = time.perf_counter_ns()
    from lean_automl_runtime.model import load

    imported = time.perf_counter_ns()
    stage("load")
    load_started = time.perf_counter_ns()
    model = load(artifact, engine=engine)
    loaded = time.perf_counter_ns()

    import json
    from pathlib import Path

    stage("first prediction")
    with Path(folder, "rows.jsonl").open(encoding="utf-8") as lines:
        record = json.loads(next(lines))
    first_started = time.perf_counter_ns()
    model.predict_one(record)
    first_ended = time.perf_counter_ns()
    cold = {
        "import_ms": (imported - started) / 1e6,
        "load_ms": (loaded - load_started) / 1e6,
        "first_call_us": (first_ended - first_started) / 1e3,
        "memory_mb": peak_memory_mb(),
    }
    return model, cold


def peak_memory_mb() -> float | None:
    """Greatest resident memory of this process so far, in MB; None where it cannot be read."""
    try:  # what getrusage says on Linux may be the parent's, from before this program was started
        with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123 - pathlib is not loaded yet
            return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else kilobytes
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
