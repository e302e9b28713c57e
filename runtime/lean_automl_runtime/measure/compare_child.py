"""What a fresh process of a comparison does: `compare_child FOLDER NEW OLD ENGINE CORE SWAP`.

CORE is -1 for no pinning; SWAP is 1 to load the old model first. FOLDER holds `options.json` and `rows.jsonl`.
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.measure.channel import guarded, pin, stage, take_priority
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.rows import read_rows, rotation
from lean_automl_runtime.measure.sampling import (
    REST_S,
    WARM_UP_SHARE,
    WORK_BEFORE_REST_NS,
    Tools,
    Work,
    time_calls,
    warm_up,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.measure.sampling import Call

BLOCK_CALLS: Final = 32
FEWEST_PAIRS: Final = 20


def main(arguments: list[str]) -> int:
    """Compare, and leave facts in the folder; the exit code."""
    return guarded(arguments[0], lambda: _compare(*arguments))


def _compare(folder: str, new: str, old: str, engine: str, core: str, swap: str) -> dict[str, Any]:
    from lean_automl_runtime.model import load

    pin(int(core))
    priority = take_priority()
    stage("load")
    order = (1, 0) if swap == "1" else (0, 1)
    models = {place: load((new, old)[place], engine=engine) for place in order}
    options = MeasureOptions.from_json(json.loads(Path(folder, "options.json").read_text(encoding="utf-8")))
    items = rotation(read_rows(Path(folder, "rows.jsonl")))
    stage("sampling")
    tools = Tools(pause=time.sleep if priority == "real-time" else None)
    pairs = paired_blocks((models[0].predict_one, models[1].predict_one), items, options, tools)
    us = [median(pair[place] for pair in pairs) / 1000 for place in (0, 1)]
    return {"ratio": median(a / b for a, b in pairs), "us": us, "pairs": len(pairs)}


def paired_blocks(
    calls: tuple[Call, Call], items: Sequence[Any], options: MeasureOptions, tools: Tools
) -> list[tuple[float, float]]:
    """Median time of neighbouring blocks of the two calls on the same items, in nanoseconds; who begins changes."""
    works = [Work(call, items) for call in calls]
    for work in works:
        warm_up(work, tools.clock, int(WARM_UP_SHARE / 2 * options.budget_s * 1e9))
    pairs: list[tuple[float, float]] = []
    started, rested_ns = tools.clock(), 0
    rest_at = started + WORK_BEFORE_REST_NS
    while True:
        blocks: dict[int, float] = {}
        for place in (0, 1) if len(pairs) % 2 == 0 else (1, 0):
            times = array("q")
            time_calls(works[place], len(pairs) * BLOCK_CALLS, BLOCK_CALLS, tools.clock, times)
            blocks[place] = max(float(median(times)), 1.0)
        pairs.append((blocks[0], blocks[1]))
        now = tools.clock()
        if tools.pause is not None and now >= rest_at:
            tools.pause(REST_S)
            rested_ns += tools.clock() - now
            rest_at = tools.clock() + WORK_BEFORE_REST_NS
        elapsed_s = (tools.clock() - started - rested_ns) / 1e9
        enough = elapsed_s >= options.budget_s and len(pairs) >= FEWEST_PAIRS
        if enough or elapsed_s >= options.most_s:
            return pairs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
