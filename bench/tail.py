"""How well a small model's slow calls foresee those of larger ones, beside a fixed share of the limit.

A tail is taken from one fresh process with a small model (`lean_automl_runtime.measure.Tail`). Then larger ones are
measured, and the p99 that the tail foresees at their medians is compared with what was found; likewise median / 0.85,
which a search aims at where it knows nothing of the machine.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.measure import MeasureOptions, Tail, measure, measure_tail
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from machine import machine

from lean_automl.student.deploy import LATENCY_AIM

TREES = (50, 400, 1_000, 2_500, 6_000)
COLUMNS = (10, 40)
ROWS = 2_000
QUANTILE = 0.99
OPTIONS = MeasureOptions(engine="native", budget_s=1.0, max_attempts=1, tightness=0.0)
STEPS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "tail.json")
    options = parser.parse_args()
    rows = [one for _ in range(options.repeats) for columns in COLUMNS for one in look(columns)]
    summary = {
        name: round(float(np.median([abs(row[name] / row["p99_us"] - 1) for row in rows])), 3)
        for name in ("by_tail_us", "by_share_us")
    }
    found = {"machine": machine(), "rows": rows, "median_relative_error": summary}
    options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(summary))


def look(columns: int) -> list[dict[str, float]]:
    """A tail by the smallest model, and every model's figures beside what the tail foresees."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tail = None
        for trees in TREES:
            shape = Shape("oblivious", trees, 5, numeric=columns)
            path = Path(folder, "model.lam")
            path.write_bytes(write_artifact(Artifact(make_program(shape))))
            records = make_records(shape, rows=ROWS)
            tail = tail or measure_tail(path, records, OPTIONS)
            total = measure(path, records, OPTIONS).total
            rows.append(
                {
                    "columns": columns,
                    "trees": trees,
                    "interruptions_per_s": round(tail.per_us * 1e6),
                    "lost_us": round(float(np.median(tail.lost_us)), 1) if tail.lost_us.size else 0.0,
                    "p50_us": round(total.p50.value_us, 2),
                    "p99_us": round(total.p99.value_us, 2),
                    "by_tail_us": round(quantile_us(tail, total.p50.value_us), 2),
                    "by_share_us": round(total.p50.value_us / LATENCY_AIM, 2),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def quantile_us(tail: Tail, median_us: float) -> float:
    """What `QUANTILE` of the calls are not above, of a Program with a median."""
    low, high = median_us, median_us * float(tail.ratios[-1]) + float(tail.lost_us.max(initial=0.0))
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if tail.share_above(middle, median_us) > 1 - QUANTILE else (low, middle)
    return high


if __name__ == "__main__":
    main()
