"""Is the time limit kept, and is there a whole artifact whenever a run is stopped?

Every table of a folder is fitted with each time limit; then once more for each signal, which is sent after a fifth of
the limit. Results are written one by one, and a run that is in the file is not repeated.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from bars import as_json, at_least, at_most, shown
from lean_automl_runtime import load
from machine import machine

from lean_automl.data import read_table, to_table
from lean_automl.data.records import to_records

STOP_AT = 0.2  # of the time limit
SIGNALS = {"none": None, "term": signal.SIGTERM, "kill": signal.SIGKILL}
LIMITS = ["--max-latency-ms", "2", "--max-size-kb", "64"]
ROWS = 500
AGREE = 0.99  # share of equal labels of two files of one model
TOLERANCE = 1e-3  # of numbers, relative


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--time-limits", type=float, nargs="+", default=[30.0, 60.0, 300.0])
    parser.add_argument("--signals", nargs="+", choices=SIGNALS, default=list(SIGNALS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "wall_time.json")
    options = parser.parse_args()
    sets = [s for s in json.loads((options.data / "index.json").read_text()) if one_of(s["name"], options.only)]
    found = {"machine": machine(), "runs": {}}
    if options.out.exists():
        found["runs"] = json.loads(options.out.read_text())["runs"]
    for limit_s in options.time_limits:
        for sent in options.signals:
            for one in sets:
                name = f"{one['name']}, {limit_s:g} s, {sent}"
                if name not in found["runs"]:
                    found["runs"][name] = row = run(one, limit_s, sent, options.data)
                    print(name, json.dumps(row), flush=True)
                    found["bars"] = as_json(bars(list(found["runs"].values())))
                    options.out.write_text(json.dumps(found, indent=1))
    print(shown(bars(list(found["runs"].values()))))


def one_of(name: str, names: list[str] | None) -> bool:
    return not names or name in names


def run(one: dict, limit_s: float, sent: str, data: Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        out, table = Path(folder, "model"), data / one["file"]
        words = ["fit", table, "--target", one["target"], *LIMITS, "--time-limit", limit_s, "--quiet", "--out", out]
        begin = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "lean_automl", *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        if SIGNALS[sent] is not None:
            time.sleep(STOP_AT * limit_s)
            process.send_signal(SIGNALS[sent])
        said = process.communicate()[1].decode(errors="replace").strip().replace(str(out), "FOLDER")
        wall_s = time.monotonic() - begin
        row: dict[str, object] = {"limit_s": limit_s, "signal": sent, "exit": process.returncode, "wall_s": wall_s}
        row["over_s"] = wall_s - limit_s - max(0.05 * limit_s, 3.0)
        return row | {"whole": is_whole(out, table), "said": said[-300:]}


def is_whole(out: Path, table: Path) -> bool:
    """Whether there is a model whose files can be read, answer, and agree."""
    try:
        json.loads((out / "run.json").read_text())
        models = [load(out / name) for name in ("model.lam", "model.onnx") if (out / name).exists()]
        records = to_records(to_table(read_table(table).head(ROWS), models[0].columns))
        answers = [[model.predict_one(record) for record in records] for model in models]
    except Exception as error:
        print(f"  not whole: {type(error).__name__}: {error}", flush=True)
        return False
    return all(agree(answers[0], other) for other in answers)


def agree(first: list, second: list) -> bool:
    pairs = list(zip(first, second, strict=True))
    if isinstance(first[0].value, float):
        return all(np.isclose(a.value, b.value, rtol=TOLERANCE) for a, b in pairs)
    return float(np.mean([a.value == b.value for a, b in pairs])) >= AGREE


def bars(rows: list[dict]) -> list:
    """What the runs so far say."""
    ended = [row["over_s"] for row in rows]
    stopped = [row["whole"] for row in rows if row["signal"] != "none"]
    found = [
        at_most("seconds over limit + max(5 %, 3 s), at worst", 0.0, round(max(ended), 2), f" ({len(ended)} runs)")
    ]
    if stopped:
        share = sum(stopped) / len(stopped)
        found.append(
            at_least("share of stopped runs with a whole artifact", 1.0, round(share, 4), f" ({len(stopped)} runs)")
        )
    return found


if __name__ == "__main__":
    main()
