"""Score other systems on the splits of `quality.py`, each in a process of its own, in the Python that has it.

Without `--budget` a system predicts by itself, and the result file can be the references of `quality.py`: scores by
set, and that of the constant predictor. With a budget, boosters are compiled as `lean_automl compile` does it, and of
each model the one with the most rounds that keeps the limits is scored.

A system that is not in this environment needs its Python: `--python flaml=FLAML/bin/python`; what to install is in
`rivals_workers/`, by its name. Results are written one by one, and what is in the file is not repeated.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from lean_automl_runtime import load
from lean_automl_runtime.artifact import Artifact, write_artifact
from lean_automl_runtime.measure import MeasureOptions, measure
from machine import machine
from quality import BUDGETS, METRICS, score_of, split
from sklearn.metrics import log_loss, root_mean_squared_error

from lean_automl.compiler.foreign import Request, compile_model
from lean_automl.data import to_table
from lean_automl.data.records import to_records
from lean_automl.errors import LeanAutoMLError
from lean_automl.student.deploy import FEW_BYTES
from lean_automl.student.header import header_bytes, header_text, measure_header

WORKER = Path(__file__).parent / "rivals_workers" / "worker.py"
BOOSTERS = ("lightgbm-tuned", "catboost", "flaml")
SYSTEMS = (*BOOSTERS, "chimeraboost", "bag", "ydf", "autogluon-best", "autogluon-quick", "autogluon-distill")
GRACE_S = 3_600.0  # the bag has no time limit; what a system takes is in the result
ROWS = 4_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["lightgbm-tuned", "catboost"])
    parser.add_argument("--python", nargs="*", default=[], metavar="SYSTEM=PATH", help="of systems that are elsewhere")
    parser.add_argument("--budget", choices=BUDGETS)
    parser.add_argument("--time-limit", type=float, default=120.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--out", type=Path, help="result file (default: results/rivals-BUDGET.json)")
    options = parser.parse_args()
    out = options.out or Path(__file__).parent / "results" / f"rivals-{options.budget or 'free'}.json"
    found: dict[str, Any] = {"machine": machine(), "budget": options.budget, "time_limit_s": options.time_limit}
    found["sets"] = json.loads(out.read_text())["sets"] if out.exists() else {}
    for one in json.loads((options.data / "index.json").read_text()):
        if options.only and one["name"] not in options.only:
            continue
        train, test = split(one, options.data, options.seed)
        about = {"metric": METRICS[one["task"]], "constant": constant(one, train, test), "systems": {}}
        systems = found["sets"].setdefault(one["name"], about)["systems"]
        for system in options.systems:
            if system not in systems:
                systems[system] = row = judged(system, one, (train, test), options)
                print(one["name"], system, json.dumps(row), flush=True)
                out.write_text(json.dumps(found, indent=1))


def constant(one: dict, train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Score of the mean, or of the shares of the classes."""
    y, truth = train[one["target"]], test[one["target"]]
    if one["task"] == "binary":
        return 0.5
    if one["task"] == "regression":
        return float(root_mean_squared_error(truth, np.full(len(truth), y.mean())))
    shares = y.astype(str).value_counts(normalize=True).sort_index()
    return float(log_loss(truth.astype(str), np.tile(shares, (len(truth), 1)), labels=list(shares.index)))


def judged(
    system: str, one: dict, parts: tuple[pd.DataFrame, pd.DataFrame], options: argparse.Namespace
) -> dict[str, Any]:
    """Score of one system on one set, or why there is none."""
    train, test = parts
    pythons = dict(word.split("=", 1) for word in options.python)
    with tempfile.TemporaryDirectory(prefix="lean_automl_rivals_") as name:
        folder = Path(name)
        train.to_parquet(folder / "train.parquet", index=False)
        test.drop(columns=one["target"]).to_parquet(folder / "test.parquet", index=False)
        asked = {"folder": name, "target": one["target"], "task": one["task"], "time_limit_s": options.time_limit}
        asked |= {"threads": options.threads, "seed": options.seed, "compiled": options.budget is not None}
        (folder / "asked.json").write_text(json.dumps(asked))
        command = [pythons.get(system, sys.executable), str(WORKER), system, str(folder / "asked.json")]
        begin, most_s = time.monotonic(), options.time_limit + GRACE_S
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=most_s)
        except subprocess.TimeoutExpired:
            return {"error": f"took more than {most_s:g} s"}
        if done.returncode != 0:
            return {"error": (done.stderr.strip().splitlines() or ["no reason"])[-1][-300:]}
        row = {"fit_wall_s": round(time.monotonic() - begin, 1)} | json.loads(done.stdout.splitlines()[-1])
        predicted = pd.read_parquet(folder / "predicted.parquet")
        whole = score_of(predicted, test[one["target"]], one["task"])
        if options.budget is None:
            return row | {"score": round(whole, 6)}
        row |= {"score_unlimited": round(whole, 6)}
        labels = tuple(column.removeprefix("probability_") for column in predicted if column != "prediction")
        return row | largest_that_fits(folder, labels, one["task"], test[one["target"]], limits_of(options.budget))


class Limits(NamedTuple):
    """Of the model that is served by an engine."""

    engine: str
    p99_us: float
    kilobytes: float


def limits_of(budget: str) -> Limits:
    """What the options of a budget say."""
    words = BUDGETS[budget]
    said = dict(zip(words[::2], words[1::2], strict=True))
    p99_us = said.get("--max-latency-us") or 1_000 * float(said["--max-latency-ms"])
    return Limits(said.get("--serve-with", "native"), float(p99_us), float(said.get("--max-size-kb", "inf")))


def largest_that_fits(folder: Path, labels: tuple[str, ...], task: str, truth: pd.Series, limits: Limits) -> dict:
    """The compiled model with the most rounds that keeps the limits: its rounds, figures and score."""
    rows = pd.read_parquet(folder / "rows.parquet")
    levels = json.loads((folder / "levels.json").read_text())
    categories = {name: tuple(own) for name, own in levels.items()}
    models = [file for file in folder.iterdir() if file.stem.isdecimal()]
    missed = "no model that can be compiled"
    for file in sorted(models, key=lambda file: -int(file.stem)):
        all_rounds = None if file.suffix == ".cbm" else 0
        try:
            request = Request(classes=labels, rounds=all_rounds, categories=categories)
            program = compile_model(file, request, rows.head(200))
            path = folder / "model.lam"
            path.write_bytes(write_artifact(Artifact(program, {})))
            figures = measured(path, program, rows, limits)
        except LeanAutoMLError as error:
            return {"error": f"{file.name}: {error}"[:300]}
        if figures["kB"] <= limits.kilobytes and figures["p99_us"] <= limits.p99_us:
            model = load(path)
            answers = pd.DataFrame(model.predict_proba(rows) if labels else model.predict(rows))
            answers.columns = [f"probability_{label}" for label in labels] or ["prediction"]
            return {"score": round(score_of(answers, truth, task), 6), "rounds": int(file.stem), **figures}
        missed = f"{file.stem} rounds take {figures['kB']:.1f} kB and {figures['p99_us']:.2f} us"
    return {"error": f"nothing fits: {missed}"}


def measured(path: Path, program: Any, rows: pd.DataFrame, limits: Limits) -> dict[str, float]:
    """What a limit is for: kilobytes, and the upper bound of p99 if the size is kept."""
    is_header = limits.engine == "c"
    text = header_text(program, few_bytes=limits.kilobytes <= FEW_BYTES / 1_000) if is_header else ""
    kilobytes = (header_bytes(text) if is_header else path.stat().st_size) / 1_000
    if kilobytes > limits.kilobytes:
        return {"kB": kilobytes, "p99_us": float("inf")}
    records = to_records(to_table(rows.head(ROWS), program.columns))
    found = measure_header(program, text, records, MeasureOptions()) if is_header else measure(path, records)
    return {"kB": round(kilobytes, 3), "p99_us": round(found.upper_us(0.99), 3)}


if __name__ == "__main__":
    main()
