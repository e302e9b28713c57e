"""What the fresh process of a calibration does: `python -m lean_automl_runtime.measure.profile_child FOLDER CORE`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

from lean_automl_runtime.measure.channel import guarded, pin, stage
from lean_automl_runtime.measure.inprocess import measure_in_process
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.rows import read_rows
from lean_automl_runtime.measure.slots import WANTED_SLOTS, Slot, at_full_speed, full_speed_us
from lean_automl_runtime.model import Model, load

SHORTEST_SLOT_S: Final = 0.005
LONGEST_SLOT_S: Final = 0.06
Key = tuple[str, int]  # engine and number of a Program


def main(arguments: list[str]) -> int:
    """Calibrate, and leave the facts in the folder; the exit code."""
    folder, core = arguments
    return guarded(folder, lambda: _calibrate(Path(folder), int(core)))


def _calibrate(folder: Path, core: int) -> dict[str, Any]:
    pin(core)
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    count = request["programs"]
    stage("rows")
    rows = [read_rows(folder / f"{number}.jsonl") for number in range(count)]
    models: dict[Key, Model] = {}
    failures: dict[str, list[str]] = {}
    for engine, suffix in request["engines"].items():
        stage(f"load for {engine}")
        for number in range(count):
            try:
                model = load(folder / f"{number}.{suffix}", engine=engine)
                model.predict_one(rows[number][0])
                models[engine, number] = model
            except Exception as error:  # an engine that is broken here must not cost the others their profile
                failures.setdefault(engine, []).append(f"{type(error).__name__}: {error}")
    stage("sampling")
    slots = _sample(models, rows, request["seconds"])
    by_engine = {
        engine: [[astuple(slot) for slot in slots.get((engine, number), [])] for number in range(count)]
        for engine in request["engines"]
    }
    notes = [
        f"{engine}: {len(found)} of {count} programs failed, first with {found[0]}"
        for engine, found in failures.items()
    ]
    return {"slots": by_engine, "machine": Machine.here().to_json(), "notes": notes}


def _sample(models: dict[Key, Model], rows: list[list[dict[str, Any]]], seconds: float) -> dict[Key, list[Slot]]:
    """Rounds over the Programs that were not yet seen at enough quiet moments, until the time is spent."""
    slots: dict[Key, list[Slot]] = {key: [] for key in models}
    share_s = seconds / max(1, (WANTED_SLOTS + 1) * len(models))
    # A tightness of 0 never ends a slot early; few calls of a slow engine are enough for its median.
    budget_s = 0.75 * min(LONGEST_SLOT_S, max(SHORTEST_SLOT_S, share_s))
    options = MeasureOptions(budget_s=budget_s, min_samples=20, tightness=0.0)
    wanting, ends = list(models), time.monotonic() + seconds
    while wanting and time.monotonic() < ends:
        for engine, number in wanting:
            quick = measure_in_process(models[engine, number].predict_one, rows[number], options)
            found = Slot(quick.total.p50.value_us, quick.total.p99.value_us, quick.control_us)
            slots[engine, number].append(found)
        full_us = {
            engine: full_speed_us([found for key, found in slots.items() if key[0] == engine])
            for engine in {key[0] for key in models}
        }
        wanting = [key for key in models if len(at_full_speed(slots[key], full_us[key[0]])) < WANTED_SLOTS]
    return slots


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
