"""Many constrained fits, each measured again afterwards by the harness in a new process: are limits kept?

A shared machine changes its speed by half within seconds. A file that is over its limit is therefore measured again
until the control kernel is as quick as it was when the fit measured it; not so quick often enough, it is counted as not
comparable. A moment that the control kernel does not show can still make one call in a hundred slow: a file that is
over its limit then is measured in further processes, and is broken if two of up to three are over. Those that were over
in any are counted too.

Sets of a folder x budgets, shuffled with a fixed seed so that a part is a fair sample. Results are written one by one,
and a fit that is in the file is not repeated: stop it and go on whenever the machine has other things to do.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from lean_automl_runtime.measure import MeasureOptions, measure
from lean_automl_runtime.measure.rows import thin
from machine import machine

from lean_automl.data import load_dataset
from lean_automl.data.records import to_records

BUDGETS = (  # microseconds and kilobytes
    *((us, kb) for us in (2.0, 5.0) for kb in (8.0, 16.0, 64.0)),
    *((us, kb) for us in (20.0, 100.0) for kb in (16.0, 64.0, 256.0)),
    (500.0, 128.0),
    (2_000.0, 1_000.0),
)
INFEASIBLE = 3
OUTCOMES = ("kept", "refused", "broken", "not comparable", "failed")
MOST_OVER = 2  # new processes
MOST_MEASUREMENTS = 6  # of a file, until the machine is as quick as it was in the fit
ROWS = 4_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--time-limits", type=float, nargs="+", default=[10.0, 15.0], help="seconds, in turn")
    parser.add_argument("--at-a-time", type=int, default=1, choices=(1, 2), help="fits that run at the same time")
    parser.add_argument("--threads", type=int, default=1, help="of each fit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "limits.json")
    options = parser.parse_args()
    sets = json.loads((options.data / "index.json").read_text())
    wanted = [(one, us, kb) for one in sets for us, kb in BUDGETS]
    random.Random(options.seed).shuffle(wanted)
    wanted = wanted[: options.fits]
    found = {"machine": machine(), "fits": {}}
    if options.out.exists():
        found["fits"] = json.loads(options.out.read_text())["fits"]
    missing = [(number, case) for number, case in enumerate(wanted) if name_of(case) not in found["fits"]]

    def run(numbered: tuple) -> tuple[str, dict]:
        number, case = numbered
        return name_of(case), fit(case, options.time_limits[number % len(options.time_limits)], options)

    with ThreadPoolExecutor(options.at_a_time) as pool:
        for name, row in pool.map(run, missing):
            found["fits"][name] = row
            found["counts"] = counts(list(found["fits"].values()))
            options.out.write_text(json.dumps(found, indent=1))
            print(name, json.dumps(row), flush=True)
    print(json.dumps(found["counts"], indent=1))


def name_of(case: tuple) -> str:
    one, us, kb = case
    return f"{one['name']}, {us:g} us, {kb:g} kB"


def fit(case: tuple, limit_s: float, options: argparse.Namespace) -> dict[str, object]:
    one, us, kb = case
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "model")
        table = options.data / one["file"]
        words = ["fit", table, "--target", one["target"], "--max-latency-us", us, "--max-size-kb", kb, "--out", out]
        words += ["--time-limit", limit_s, "--seed", options.seed, "--threads", options.threads, "--quiet"]
        begin = time.monotonic()
        command = [sys.executable, "-m", "lean_automl", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall = time.monotonic() - begin
        row: dict[str, object] = {"limit_s": limit_s, "wall_s": round(wall, 2), "exit": done.returncode}
        row["late"] = wall > limit_s + max(0.05 * limit_s, 3.0)
        if done.returncode == 0:
            return row | measured_again(out, raw_records(table, one["target"]), us, kb)
        said = (done.stderr.strip().splitlines() or [""])[-1][-400:]
        named = done.returncode == INFEASIBLE and ("Nearest miss" in said or "before any model" in said)
        return row | {"outcome": "refused" if named else "failed", "said": said}


def raw_records(table: Path, target: str) -> list[dict[str, object]]:
    """Rows from all over a table, with all its columns: those that a model does not read take room in caches too."""
    found = load_dataset(table, target).table
    return to_records(found.take(np.array(thin(range(found.rows), ROWS))))


def measured_again(out: Path, records: list[dict[str, object]], us: float, kb: float) -> dict[str, object]:
    """Each file that ships, with its own engine, in new processes."""
    run = json.loads((out / "run.json").read_text())
    figures, outcomes, was_over = {}, set(), False
    for name in (name for name in ("model.lam", "model.onnx") if (out / name).exists()):
        size = (out / name).stat().st_size / 1000
        before = next(m for m in run["measurements"] if m["artifact"] == name)
        control_us = before["launches"][0]["control"]["p50_us"]
        options = MeasureOptions(engine=before["engine"], full_speed_us=control_us)  # slower is noise, for the guard
        uppers: list[list[float]] = []  # bound, and the control's median over that of the fit
        within = over = 0
        while size <= kb and len(uppers) < MOST_MEASUREMENTS and not (within > over or over == MOST_OVER):
            again = measure(out / name, records, options)
            uppers.append([again.upper_us(0.99), again.launches[0].control.p50_us / control_us])
            within += uppers[-1][0] <= us
            over += uppers[-1][0] > us and not again.noise
        outcomes.add("broken" if size > kb or over == MOST_OVER else "kept" if within > over else "not comparable")
        was_over |= over > 0
        figures[name] = {
            "kB": size,
            "p99_upper_us_in_fit": next(q["upper_us"] for q in before["total"]["quantiles"] if q["quantile"] == 0.99),
            "p99_upper_us_and_speed": [[round(x, 3) for x in pair] for pair in uppers],
        }
    outcome = next(one for one in ("broken", "not comparable", "kept") if one in outcomes)
    return {"outcome": outcome, "was_over": was_over, "family": run["student"]["family"], "files": figures}


def counts(rows: list[dict]) -> dict[str, int]:
    """Of each outcome, and of runs that took too long."""
    found = {name: sum(row["outcome"] == name for row in rows) for name in OUTCOMES}
    over = sum(bool(row.get("was_over")) for row in rows)
    return found | {"over in any": over, "fits": len(rows), "late": sum(bool(row["late"]) for row in rows)}


if __name__ == "__main__":
    main()
