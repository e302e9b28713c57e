"""What the fresh process of a calibration does: `python -m lean_automl_runtime.measure.profile_child FOLDER CORE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from lean_automl_runtime.errors import LeanAutoMLError
from lean_automl_runtime.measure.channel import guarded, pin, stage
from lean_automl_runtime.measure.inprocess import measure_in_process
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.rows import read_rows
from lean_automl_runtime.model import Model, load

ROUNDS: Final = 5
SHORTEST_SLOT_S: Final = 0.005


def main(arguments: list[str]) -> int:
    """Calibrate, and leave the facts in the folder; the exit code."""
    folder, core = arguments
    return guarded(folder, lambda: _calibrate(Path(folder), int(core)))


def _calibrate(folder: Path, core: int) -> dict[str, Any]:
    pin(core)
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    count, notes = request["programs"], []
    stage("rows")
    rows = [read_rows(folder / f"{number}.jsonl") for number in range(count)]
    models: dict[tuple[str, int], Model] = {}
    for engine, suffix in request["engines"].items():
        stage(f"load for {engine}")
        for number in range(count):
            try:
                model = load(folder / f"{number}.{suffix}", engine=engine)
                model.predict_one(rows[number][0])
                models[engine, number] = model
            except LeanAutoMLError as error:
                notes.append(f"{engine}, program {number}: {type(error).__name__}: {error}")
    slots: dict[str, list[list[tuple[float, float, float]]]] = {
        engine: [[] for _ in range(count)] for engine in request["engines"]
    }
    slot_s = max(SHORTEST_SLOT_S, request["seconds"] / max(1, ROUNDS * len(models)))
    # A tightness of 0 never ends a slot early; few calls of a slow engine are enough for its median.
    options = MeasureOptions(budget_s=0.75 * slot_s, min_samples=20, tightness=0.0)
    for number_of_round in range(ROUNDS):
        stage(f"round {number_of_round + 1} of {ROUNDS}")
        for (engine, number), model in models.items():
            quick = measure_in_process(model.predict_one, rows[number], options)
            slots[engine][number].append((quick.total.p50.value_us, quick.total.p99.value_us, quick.control_us))
    return {"slots": slots, "machine": Machine.here().to_json(), "notes": notes}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
