"""Whole systems on the same rows: one record from Python, a batch, size on disk, loading, the score on the test part.

Every system fits the training part in a process of its own within `--time-limit`, saves what it would ship, and answers
in a fresh process. A system takes part if it is given the Python that has it: `--autogluon-python` (autogluon.tabular),
`--flaml-python` (flaml[automl]), `--ydf-python` (ydf); a scikit-learn pipeline, CatBoost and lean_automl run in this
one. All need pandas and pyarrow. A result file that is there keeps the systems that are not asked for.

A record is a mapping of raw values; what a system needs to make its input of it, such as a DataFrame of one row, is
inside the clock. Calls rotate through rows of the test part, on one thread where the system can be told so.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from machine import machine
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

WORKER = Path(__file__).parent / "systems_workers" / "worker.py"
SETS = ("adult", "california_housing")
SYSTEMS = {
    "lean_automl": "lean",
    "scikit-learn pipeline": "pipeline",
    "CatBoost as ONNX in onnxruntime": "catboost_onnx",
    "YDF, Python": "ydf",
    "FLAML": "flaml",
    "AutoGluon, best_quality": "autogluon_best",
    "AutoGluon, medium_quality with infer_limit": "autogluon_quick",
}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
GRACE_S = 600.0  # a system may take longer than it was told; what it takes is in the result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json and the tables")
    parser.add_argument("--sets", nargs="*", default=list(SETS), help="names of sets, of two classes or a number")
    parser.add_argument("--systems", nargs="*", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds of each fit")
    parser.add_argument("--rows", type=int, help="most rows of a table")
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--autogluon-python")
    parser.add_argument("--flaml-python")
    parser.add_argument("--ydf-python")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "systems.json")
    options = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "time_limit_s": options.time_limit, "sets": {}}
    if options.out.exists():
        found["sets"] = json.loads(options.out.read_text())["sets"]
    for one in json.loads((options.data / "index.json").read_text()):
        if one["name"] in options.sets:
            with tempfile.TemporaryDirectory(prefix="lean_automl_systems_") as name:
                metric = "root mean squared error" if one["task"] == "regression" else "ROC AUC"
                part = found["sets"].setdefault(one["name"], {"metric": metric, "systems": {}})
                prepare(one, Path(name), options)
                for system in options.systems:
                    part["systems"][system] = row = judged(system, one, Path(name), options)
                    print(one["name"], system, json.dumps(row), flush=True)
                    options.out.write_text(json.dumps(found, indent=1) + "\n")


def prepare(one: dict[str, Any], folder: Path, options: argparse.Namespace) -> None:
    """A quarter of the rows is the test part; its answers are not where systems run."""
    frame = pd.read_parquet(options.data / one["file"]).dropna(subset=[one["target"]])
    if options.rows is not None and len(frame) > options.rows:
        frame = frame.sample(options.rows, random_state=0)
    strata = None if one["task"] == "regression" else frame[one["target"]]
    train, test = train_test_split(frame, test_size=0.25, random_state=0, stratify=strata)
    train.to_parquet(folder / "train.parquet", index=False)
    test[[one["target"]]].to_parquet(folder / "answers.parquet", index=False)
    test.drop(columns=one["target"]).to_parquet(folder / "test.parquet", index=False)


def python_of(system: str, options: argparse.Namespace) -> str | None:
    """The Python that has a system; None if it was not given."""
    if system.startswith("AutoGluon"):
        return options.autogluon_python
    others = {"FLAML": options.flaml_python, "YDF, Python": options.ydf_python}
    return others.get(system, sys.executable)


def judged(system: str, one: dict[str, Any], folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Figures of one system, or why there are none."""
    python = python_of(system, options)
    if python is None:
        return {"error": "no environment was given"}
    saved = folder / SYSTEMS[system]
    saved.mkdir()
    words = {"folder": str(folder), "saved": str(saved), "target": one["target"], "task": one["task"]}
    words |= {"time_limit_s": options.time_limit, "calls": options.calls}
    row: dict[str, Any] = {}
    for stage in ("fit", "serve"):
        (folder / "asked.json").write_text(json.dumps(words))
        command = [python, str(WORKER), stage, SYSTEMS[system], str(folder / "asked.json")]
        environment = os.environ | (ONE_THREAD if stage == "serve" else {})
        begin = time.monotonic()
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=options.time_limit + GRACE_S,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            return row | {"error": f"{stage} took more than {options.time_limit + GRACE_S:g} s"}
        if done.returncode != 0:
            return row | {"error": f"{stage}: {(done.stderr.strip().splitlines() or ['no reason'])[-1][-200:]}"}
        row |= {f"{stage}_wall_s": round(time.monotonic() - begin, 1)} | json.loads(done.stdout.splitlines()[-1])
    row["megabytes"] = round(sum(file.stat().st_size for file in saved.rglob("*") if file.is_file()) / 1e6, 4)
    row["score"] = round(score(one, folder), 5)
    return row


def score(one: dict[str, Any], folder: Path) -> float:
    """Of the answers that the worker wrote."""
    truth = pd.read_parquet(folder / "answers.parquet")[one["target"]]
    answers = pd.read_parquet(folder / "predicted.parquet")["answer"]
    if one["task"] == "regression":
        return float(root_mean_squared_error(truth, answers))
    return float(roc_auc_score(truth.astype(str) == max(truth.astype(str)), answers))


if __name__ == "__main__":
    main()
