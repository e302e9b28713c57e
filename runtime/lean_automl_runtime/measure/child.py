"""What the fresh process does: `python -m lean_automl_runtime.measure.child FOLDER ARTIFACT ENGINE CORE`.

CORE is -1 for no pinning. FOLDER holds `options.json` and `rows.jsonl`; `facts.json` and `samples.npz` are left there.

Rule: nothing is imported here before the cold start is over (`cold.py`).
"""

from __future__ import annotations

import sys
import time

from lean_automl_runtime.measure.channel import guarded, pin, stage, take_priority
from lean_automl_runtime.measure.cold import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from lean_automl_runtime.measure.options import MeasureOptions
    from lean_automl_runtime.measure.sampling import Call, Samples, Tools, WarmUp, Work
    from lean_automl_runtime.model import Model

MOST_TABLE_CELLS = 4_000_000  # far more than any cache holds; making more takes longer than measuring


def main(arguments: list[str]) -> int:
    """Measure, and leave facts and samples in the folder; the exit code."""
    folder, artifact, engine, core = arguments
    return guarded(folder, lambda: _measure(folder, artifact, engine, int(core)))


def _measure(folder: str, artifact: str, engine: str, core: int) -> dict[str, Any]:
    pinned = pin(core)
    priority = take_priority()
    model, cold = start(folder, artifact, engine)

    import json
    from pathlib import Path

    from lean_automl_runtime.measure.machine import cache_polluter
    from lean_automl_runtime.measure.options import MeasureOptions, Mode
    from lean_automl_runtime.measure.rows import read_rows
    from lean_automl_runtime.measure.sampling import Tools

    stage("rows")
    options = MeasureOptions.from_json(json.loads(Path(folder, "options.json").read_text(encoding="utf-8")))
    work = make_work(model, read_rows(Path(folder, "rows.jsonl")), options.batch_size)
    stage("sampling")
    tools = Tools(
        pollute=cache_polluter(pinned) if options.mode is Mode.CACHE_POLLUTED else None,
        pause=time.sleep if priority == "real-time" else None,
    )
    attempts = quietest(work, options, tools)
    return _report(Path(folder), model, cold, attempts, (pinned, priority))


def make_work(model: Model, records: list[dict[str, Any]], batch_size: int | None) -> Work:
    """The calls to time, and the records or tables that they take."""
    from lean_automl_runtime.measure.rows import rotation
    from lean_automl_runtime.measure.sampling import Work

    rows = rotation(records)
    reader, run = getattr(model, "_reader", None), getattr(model, "_run", None)
    if batch_size is None:
        return Work(model.predict_one, rows, parts_of(model))
    parts = (reader.table, run) if reader is not None and run is not None else None
    return Work(model.predict, batches(rows, batch_size), parts)


def batches(rows: list[dict[str, Any]], batch_size: int) -> list[dict[str, Any]]:
    """Tables of so many of the rows, in turn, until they have more cells than caches hold; at least one."""
    from lean_automl_runtime.measure.rows import as_table

    cells = batch_size * max(1, len(rows[0]))
    rows = rows * max(1, -(-batch_size // len(rows)))
    starts = range(0, len(rows), batch_size) if len(rows) % batch_size == 0 else range(0, len(rows) - batch_size, 97)
    starts = starts[: max(1 if cells > MOST_TABLE_CELLS else 2, MOST_TABLE_CELLS // cells)]
    return [as_table(rows[start : start + batch_size]) for start in starts]


def parts_of(model: Model) -> tuple[Call, Call] | None:
    """The two halves of `predict_one`: from a record to what the engine takes, and from that to the answer."""
    own_way = getattr(model, "_predict_one", None)
    if own_way is not None and model.predict_one != own_way:
        return None  # the engine reads records itself
    reader, run_one = getattr(model, "_reader", None), getattr(model, "_run_one", None)
    if reader is None or run_one is None:
        return None
    if getattr(run_one, "__self__", None) is model:  # an engine without a way of its own for one row takes arrays
        return reader.one, model.run
    return reader.values, run_one


def quietest(work: Work, options: MeasureOptions, tools: Tools) -> tuple[Samples, WarmUp, int]:
    """Sample until the control kernel holds still or the time is over; then keep the attempt in which it did best.

    Returns:
        Samples and warm-up of that attempt, and how many attempts there were.
    """
    import gc

    from lean_automl_runtime.measure.attempts import quietest_of
    from lean_automl_runtime.measure.sampling import WARM_UP_SHARE, collect, warm_up

    def attempt() -> tuple[Samples, WarmUp]:
        warm = warm_up(work, tools.clock, int(WARM_UP_SHARE * options.budget_s * 1e9))
        return collect(work, options, tools, warm.call_ns), warm

    gc.collect()
    if not options.collect_garbage:
        gc.disable()
    try:
        (samples, warm), count = quietest_of(attempt, lambda made: made[0].control, options)
    finally:
        gc.enable()
    return samples, warm, count


def _report(
    folder: Path,
    model: Model,
    cold: dict[str, Any],
    attempts: tuple[Samples, WarmUp, int],
    place: tuple[int | None, str],
) -> dict[str, Any]:
    """Save the samples and return the facts."""
    import numpy as np

    from lean_automl_runtime.measure.machine import Machine
    from lean_automl_runtime.measure.sampling import clock_cost_ns

    samples, warm, count = attempts
    np.savez(folder / "samples.npz", total=samples.total, assembly=samples.assembly, model=samples.model)
    return {
        "engine": model.engine,
        "cold": cold,
        "control": samples.control.to_json(),
        "attempts": count,
        "warm_up_calls": warm.calls,
        "warm_up_stable": warm.stable,
        "calls_per_s": samples.calls_per_s,
        "clock_us": clock_cost_ns(time.perf_counter_ns) / 1000,
        "pinned_core": place[0],
        "priority": place[1],
        "machine": Machine.here().to_json(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
