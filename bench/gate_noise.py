"""`lean_automl gate` on a machine that is busy: false alarms of an unchanged model, and larger models that it misses.

Every run is a command of its own, which compiles and counts again. Processes that compute and move memory run
meanwhile, one for each core, and several gates at a time. A run that ends with exit code 4 is an alarm.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lean_automl_runtime import Artifact, write_artifact
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape, adult_like
from machine import machine

MET, FAILED = 0, 4
BUSY_FOR_EACH_CORE = 1
AT_A_TIME = 4
COUNTED = "instructions against the baseline"
# Trees of one depth are worked on 32 at a time: a model grows by a whole group, as 160 and 168 trees do.
PAIRS = {
    "trees of one depth": (adult_like(160), adult_like(168)),
    "trees of any shape": (
        Shape("ragged", 60, 5, numeric=6, categorical=2, times=1),
        Shape("ragged", 63, 5, numeric=6, categorical=2, times=1),
    ),
}


def be_busy() -> None:
    """Compute, and move memory, until killed."""
    block = bytearray(4_000_000)
    while True:
        block[:] = bytes(len(block))
        sum(number * number for number in range(20_000))


def gate(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "lean_automl", "gate", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (MET, FAILED):
        raise SystemExit(f"the gate ended with exit code {done.returncode}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


def series(folder: Path, model: str, runs: int, *options: str) -> dict[str, Any]:
    """Many runs of one model against the baseline."""

    def run(_: int) -> tuple[float, int, dict[str, Any]]:
        begin = time.perf_counter()
        outcome = gate(folder, model, "--baseline", "gate.json", *options)
        return time.perf_counter() - begin, *outcome

    codes, alarms, instructions = Counter[int](), Counter[str](), set()
    seconds = []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for number, (took, code, found) in enumerate(pool.map(run, range(runs)), start=1):
            print(f"{model} {number}/{runs}: exit code {code}, {took:.1f} s", file=sys.stderr)
            seconds.append(took)
            codes[code] += 1
            alarms.update(check["name"] for check in found["checks"] if not check["met"])
            if found["figures"]["counts"] is not None:
                instructions.add(found["figures"]["counts"]["instructions"])
    return {
        "runs": runs,
        "alarms": codes[FAILED],
        "alarms_by_check": dict(alarms),
        "distinct_counts_of_instructions": len(instructions),
        "instructions_per_row": sorted(instructions),
        "median_seconds": round(sorted(seconds)[runs // 2], 2),
    }


def judge(shapes: tuple[Shape, Shape], runs: int, times: int, regression: str) -> dict[str, Any]:
    """One pair of models."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, shape in zip(("model.lam", "larger.lam"), shapes, strict=True):
            (folder / file).write_bytes(write_artifact(Artifact(make_program(shape))))
        rows = "\n".join(json.dumps(record) for record in make_records(shapes[0]))
        (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
        gate(folder, "model.lam", "--save", "gate.json")
        limit = ("--max-regression", regression)
        timed = ("--data", "rows.jsonl", "--wall-clock", "--no-instructions", "--max-regression", "5%")
        return {
            "models": [shape.name for shape in shapes],
            "unchanged": series(folder, "model.lam", runs, *limit),
            "larger": series(folder, "larger.lam", runs, *limit),
            "unchanged, by the ratio of times": series(folder, "model.lam", times, *timed) if times else None,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of the unchanged and of the larger model, in all")
    parser.add_argument("--times", type=int, default=10, help="runs of the unchanged model that compare times, in all")
    parser.add_argument("--max-regression", default="1%", help="limit for counts and bytes; for times it is 5%%")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "gate_noise.json")
    options = parser.parse_args()

    facts = machine()
    busy = [multiprocessing.Process(target=be_busy, daemon=True) for _ in range(BUSY_FOR_EACH_CORE * os.cpu_count())]
    for process in busy:
        process.start()
    try:
        runs, times = options.runs // len(PAIRS), options.times // len(PAIRS)
        pairs = {name: judge(pair, runs, times, options.max_regression) for name, pair in PAIRS.items()}
        load = os.getloadavg()[0]
    finally:
        for process in busy:
            process.kill()
    found = {
        "machine": facts,
        "busy_processes": len(busy),
        "gates_at_a_time": AT_A_TIME,
        "load_at_end": round(load, 2),
        "max_regression": options.max_regression,
        "false_alarms": sum(pair["unchanged"]["alarms"] for pair in pairs.values()),
        "of_unchanged_runs": sum(pair["unchanged"]["runs"] for pair in pairs.values()),
        "caught_by_instructions": sum(pair["larger"]["alarms_by_check"].get(COUNTED, 0) for pair in pairs.values()),
        "of_larger_runs": sum(pair["larger"]["runs"] for pair in pairs.values()),
        "pairs": pairs,
    }
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name not in ("machine", "pairs")}))


if __name__ == "__main__":
    main()
