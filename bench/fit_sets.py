"""Run `lean_automl fit` on every table of a folder and note what came of it."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--max-latency-ms", type=float, default=2.0)
    parser.add_argument("--max-size-kb", type=float, default=64.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "fit_sets.json")
    options = parser.parse_args()
    sets = [
        s
        for s in json.loads((options.data / "index.json").read_text())
        if not options.only or s["name"] in options.only
    ]
    found = {
        "machine": machine(),
        "options": {k: str(v) for k, v in vars(options).items() if k not in ("data", "out")},
        "sets": {},
    }
    for one in sets:
        found["sets"][one["name"]] = row = fit(one, options)
        print(one["name"], json.dumps(row), flush=True)
        options.out.write_text(json.dumps(found, indent=1))


def fit(one: dict, options: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "lean_automl",
            "fit",
            str(options.data / one["file"]),
            "--target",
            one["target"],
        ]
        command += ["--max-latency-ms", str(options.max_latency_ms), "--max-size-kb", str(options.max_size_kb)]
        command += [
            "--time-limit",
            str(options.time_limit),
            "--seed",
            str(options.seed),
            "--out",
            f"{folder}/model",
            "--quiet",
        ]
        begin = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        row: dict[str, object] = {"exit": done.returncode, "wall_s": round(time.perf_counter() - begin, 1)}
        record = Path(folder, "model", "run.json")
        if not record.exists():
            return row | {"error": done.stderr.strip()[-300:]}
        run = json.loads(record.read_text())
        sign = -1 if run["metric"].startswith("neg_") else 1
        row |= {"metric": run["metric"].removeprefix("neg_"), "rows": run["rows"]}
        for name in ("constant", "teacher", "student"):
            score = run[f"{name}_holdout"]
            row[name] = None if score is None else round(sign * score, 6)
        row |= {"beats_constant": run["student_holdout"] > run["constant_holdout"], "family": run["student"]["family"]}
        row |= {"trials": len(run["trials"]), "teacher_bags": len(run["members"]), "refitted": run["refitted"]}
        row["kB"] = {c["file"]: round(c["value"], 1) for c in run["checks"] if c["unit"] == "kB"}
        latencies = [check for check in run["checks"] if check["unit"] == "ms"]
        row["p99_upper_us"] = {
            f"{m['artifact']}, {m['engine']}": round(1000 * check["value"], 2)
            for m, check in zip(run["measurements"], latencies, strict=True)
        }
        return row


if __name__ == "__main__":
    main()
