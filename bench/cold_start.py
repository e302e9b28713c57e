"""Wall time of fresh processes from start to the first prediction, interleaved, medians of many."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import machine

PREDICT = """
import json, sys
from lean_automl_runtime import load
print(load(sys.argv[1], sys.argv[2]).predict_one(json.loads(sys.argv[3])))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="model.lam")
    parser.add_argument("--data", required=True, help="table to take one row from")
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--engines", nargs="*", default=["native", "reference"])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "cold_start.json")
    options = parser.parse_args()

    from lean_automl_runtime import load_artifact

    from lean_automl.data import read_table, to_table
    from lean_automl.data.records import to_records

    columns = load_artifact(options.model).program.columns
    record = json.dumps(to_records(to_table(read_table(options.data), columns))[0])
    commands = {"pass": ["-c", "pass"], "import numpy": ["-c", "import numpy"]}
    commands |= {f"predict, {engine}": ["-c", PREDICT, options.model, engine, record] for engine in options.engines}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.repeats):
        for name, arguments in commands.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=os.environ)
            seconds[name].append(time.perf_counter() - begin)
    medians = {name: round(1000 * statistics.median(times), 1) for name, times in seconds.items()}
    ratios = {
        f"{name} / {base}": round(
            statistics.median(a / b for a, b in zip(seconds[name], seconds[base], strict=True)), 2
        )
        for name in commands
        for base in ("pass", "import numpy")
        if name.startswith("predict")
    }
    found = {"machine": machine(), "repeats": options.repeats, "median_ms": medians, "median_ratio": ratios}
    options.out.write_text(json.dumps(found, indent=1))
    print(json.dumps(found["median_ms"]), json.dumps(found["median_ratio"]))


if __name__ == "__main__":
    main()
