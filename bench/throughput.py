"""Trials per second with two workers over those with one: the same trials, fitted in turns."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from bars import as_json, at_least, shown
from machine import machine

BAR = 1.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--only", nargs="*", default=["adult", "california_housing"], help="names of sets")
    parser.add_argument("--trials", type=int, default=24, help="of each fit")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--time-limit", type=float, default=1_800.0, help="seconds; the trials must end before")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "throughput.json")
    options = parser.parse_args()
    sets = [s for s in json.loads((options.data / "index.json").read_text()) if s["name"] in options.only]
    found = {"machine": machine(), "options": {"trials": options.trials, "turns": options.turns}, "sets": {}}
    for one in sets:
        rates = {threads: [] for threads in (1, 2)}
        for _ in range(options.turns):
            for threads, own in rates.items():
                own.append(trials_per_s(one, threads, options))
        ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
        found["sets"][one["name"]] = {"trials_per_s": rates, "ratios": ratios}
        print(one["name"], json.dumps(found["sets"][one["name"]]), flush=True)
    bars = [
        at_least(f"{name}: trials per second, two workers over one", BAR, round(median(own["ratios"]), 3))
        for name, own in found["sets"].items()
    ]
    found["bars"] = as_json(bars)
    options.out.write_text(json.dumps(found, indent=1))
    print(shown(bars))


def trials_per_s(one: dict, threads: int, options: argparse.Namespace) -> float:
    """From the start of the first trial to the end of the last."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["fit", options.data / one["file"], "--target", one["target"], "--out", f"{folder}/model", "--quiet"]
        words += ["--max-trials", options.trials, "--threads", threads, "--time-limit", options.time_limit]
        words += ["--no-teacher", "--no-measure", "--no-feature-search"]
        subprocess.run([sys.executable, "-m", "lean_automl", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        trials = json.loads(Path(folder, "model", "run.json").read_text())["trials"]
    begin = min(trial["started"] for trial in trials)
    return len(trials) / (max(trial["started"] + trial["seconds"] for trial in trials) - begin)


if __name__ == "__main__":
    main()
